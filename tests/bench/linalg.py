"""Linear algebra: values and gradients of Gaussian processes and normal densities, products that
are added, and batches of small matrices, beside NumPy, SciPy's LAPACK, JAX and PyTensor where they
are installed.

    python -m tests.bench.linalg [names] [--rounds 5]

All libraries run in one process, on one core and one thread of BLAS, in turns; a figure is the
median of the rounds' fastest calls, in microseconds. All give the same values, which is checked.
`lapack` is what a density cannot do without: one dpotrf and one dpotri of the size of the
covariance, or two dtrtrs where the factor is given. For `added` it is dgemm alone, on what it may
overwrite. `value` is the value by NumPy and SciPy, without a gradient.

    gp        a Gaussian process, of its three parameters
    mvn       a normal density of its covariance, its mean and the values
    factor    a normal density of the Cholesky factor of its covariance, its mean and the values
    lkj       100 values under a normal density of correlations (with an LKJ prior) and scales, of
              unconstrained numbers
    added     s * A @ B + t * C
    rows      a normal density of a precision of three diagonals
"""

import os

# Read when a BLAS or XLA is loaded, so before all imports below.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse  # noqa: E402
import importlib.util  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from types import SimpleNamespace  # noqa: E402

import numpy as np  # noqa: E402

import probtensor as pt  # noqa: E402
from tests.bench import worker  # noqa: E402

POINT = np.array([0.1, 0.2, -1.0])
BATCH = 10_000


def covariance(np_like, x, q):
    """A Gaussian process with noise: its covariance by any library with NumPy's names."""
    length, height, noise = (np_like.exp(q[k]) for k in range(3))
    gaps = (x[:, None] - x[None, :]) / length
    smooth = height**2 * np_like.exp(-0.5 * gaps**2)
    return smooth + (noise**2 + 1e-6) * np_like.eye(len(x))


def process_data(n):
    rng = np.random.default_rng(0)
    return np.sort(rng.uniform(0, 10, n)), rng.normal(size=n)


def process(n):
    """{library: call} of the log density of n points and its gradient."""
    x, y = process_data(n)
    q = pt.tensor("q", (3,))
    factor = pt.linalg.cholesky(covariance(pt, pt.constant(x), q))
    z = pt.linalg.solve_triangular(factor, y, lower=True)
    logp = -0.5 * pt.sum(z**2) - pt.sum(pt.log(pt.diagonal(factor)))
    ours = pt.function([q], [logp, pt.grad(logp, q)], build="now")
    found = {"probtensor": lambda: ours(POINT), "lapack": _lapack(covariance(np, x, POINT))}
    if "jax" in PEERS:
        found["jax"] = _process_by_jax(x, y)
    if "pytensor" in PEERS:
        found["pytensor"] = _process_by_pytensor(x, y)
    return found


def _lapack(matrix):
    from scipy.linalg import lapack

    work = np.asfortranarray(matrix)

    def call():
        factor, _ = lapack.dpotrf(work, lower=1, clean=0)
        lapack.dpotri(factor, lower=1, overwrite_c=1)

    return call


def _process_by_jax(x, y):
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    jax.config.update("jax_enable_x64", True)

    def logp(q):
        factor = jnp.linalg.cholesky(covariance(jnp, jnp.asarray(x), q))
        z = solve_triangular(factor, y, lower=True)
        return -0.5 * jnp.sum(z**2) - jnp.sum(jnp.log(jnp.diagonal(factor)))

    compiled = jax.jit(jax.value_and_grad(logp))
    return lambda: jax.block_until_ready(compiled(POINT))


def _process_by_pytensor(x, y):
    import pytensor
    import pytensor.tensor as at
    from pytensor.tensor.linalg import cholesky, solve_triangular

    q = at.dvector("q")
    length, height, noise = (at.exp(q[k]) for k in range(3))
    gaps = (x[:, None] - x[None, :]) / length
    matrix = height**2 * at.exp(-0.5 * gaps**2) + (noise**2 + 1e-6) * np.eye(len(x))
    factor = cholesky(matrix)
    z = solve_triangular(factor, y, lower=True)
    logp = -0.5 * at.sum(z**2) - at.sum(at.log(at.diag(factor)))
    compiled = pytensor.function([q], [logp, pytensor.grad(logp, q)], mode="NUMBA")
    return lambda: compiled(POINT)


def compiled(density, inputs, arrays):
    """{library: call} of the value of a density and its gradient by all inputs. `density` takes a
    module with NumPy's names, one with `cholesky` and `solve_triangular`, and the inputs; by NumPy
    and SciPy it is the value alone."""
    from scipy import linalg

    given = [pt.tensor(name, np.shape(x)) for name, x in zip(inputs, arrays, strict=True)]
    value = density(pt, pt.linalg, *given)
    ours = pt.function(given, [value, *pt.grad(value, given)], build="now")
    lower = SimpleNamespace(
        cholesky=lambda a: linalg.cholesky(a, lower=True), solve_triangular=linalg.solve_triangular
    )
    found = {"probtensor": lambda: ours(*arrays), "value": lambda: density(np, lower, *arrays)}
    if "jax" in PEERS:
        found["jax"] = _by_jax(density, arrays)
    if "pytensor" in PEERS:
        found["pytensor"] = _by_pytensor(density, inputs, arrays)
    return found


def _by_jax(density, arrays):
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    jax.config.update("jax_enable_x64", True)
    module = SimpleNamespace(cholesky=jnp.linalg.cholesky, solve_triangular=solve_triangular)
    positions = tuple(range(len(arrays)))
    value = jax.jit(jax.value_and_grad(lambda *x: density(jnp, module, *x), argnums=positions))
    given = [jnp.asarray(x) for x in arrays]
    return lambda: jax.block_until_ready(value(*given))


def _by_pytensor(density, inputs, arrays):
    import pytensor
    import pytensor.tensor as at
    from pytensor.tensor import linalg

    given = [
        at.tensor(name, shape=np.shape(x), dtype="float64")
        for name, x in zip(inputs, arrays, strict=True)
    ]
    value = density(at, linalg, *given)
    outputs = [value, *pytensor.grad(value, given)]
    call = pytensor.function(given, outputs, mode="NUMBA")
    return lambda: call(*arrays)


def positive_definite(n):
    rng = np.random.default_rng(n)
    a = rng.normal(size=(n, n))
    return a @ a.T / n + np.eye(n), rng.normal(size=n), rng.normal(size=n)


def by_covariance(np_like, linalg, sigma, mu, x):
    return by_factor(np_like, linalg, linalg.cholesky(sigma), mu, x)


def by_factor(np_like, linalg, factor, mu, x):
    z = linalg.solve_triangular(factor, x - mu, lower=True)
    logs = np_like.log(np_like.diagonal(factor))
    return -0.5 * np_like.sum(z**2) - np_like.sum(logs)


def normal(n, density):
    """{library: call} of a normal density of n values, by its covariance or the factor of it."""
    sigma, mu, x = positive_definite(n)
    if density is by_covariance:
        calls = compiled(density, ("sigma", "mu", "x"), (sigma, mu, x))
        return calls | {"lapack": _lapack(sigma)}
    factor = np.linalg.cholesky(sigma)
    calls = compiled(density, ("factor", "mu", "x"), (factor, mu, x))
    return calls | {"lapack": _lapack_systems(factor, x)}


def _lapack_systems(factor, x):
    from scipy.linalg import lapack

    turned = np.asfortranarray(factor)

    def call():
        z, _ = lapack.dtrtrs(turned, x, lower=1)
        lapack.dtrtrs(turned, z, lower=1, trans=1)

    return call


def correlated(n, observations=100):
    """{library: call} of a log density over a correlation's Cholesky factor and scales."""
    rng = np.random.default_rng(n)
    y = rng.normal(size=(n, observations))
    rows, columns = np.tril_indices(n, -1)
    places = np.full((n, n), len(rows))  # of the numbers in the matrix; the last one is 0
    places[rows, columns] = np.arange(len(rows))
    below = np.tril(np.ones((n, n)), -1)

    def density(np_like, linalg, q, scales):
        """As Stan's reference manual has it, 10.12: canonical partial correlations z."""
        partial = np_like.tanh(q)
        z = np_like.concatenate([partial, np.zeros(1)])[places]
        left = np_like.cumprod(1 - z**2, axis=1)  # of the squares of each row, after each column
        before = np_like.concatenate([np.ones((n, 1)), left[:, :-1]], axis=1)
        factor = (z * below + np.eye(n)) * np_like.sqrt(before)
        logs = np_like.log(factor[np.arange(n), np.arange(n)])
        # An LKJ prior of 2, the derivatives of z and of the factor, and log-normal scales.
        prior = np_like.sum((n - 1 - np.arange(n) + 2.0) * logs)
        slopes = np_like.sum(0.5 * below * np_like.log(before))
        slopes += np_like.sum(np_like.log(1 - partial**2)) - 0.5 * np_like.sum(scales**2)
        whole = np_like.exp(scales)[:, None] * factor
        u = linalg.solve_triangular(whole, y, lower=True)
        normal = -0.5 * np_like.sum(u**2) - observations * (np_like.sum(logs) + np_like.sum(scales))
        return prior + slopes + normal

    arrays = 0.3 * rng.normal(size=len(rows)), 0.1 * rng.normal(size=n)
    return compiled(density, ("q", "scales"), arrays)


def added(n):
    """{library: call} of s * A @ B + t * C."""
    from scipy.linalg import blas

    a, b, c = np.random.default_rng(n).normal(size=(3, n, n))
    x, y, z = (pt.matrix(name) for name in "abc")
    s, t = pt.scalar("s"), pt.scalar("t")
    ours = pt.function([x, y, z, s, t], s * x @ y + t * z, build="now")
    out, left, right = np.asfortranarray(c), np.asfortranarray(a), np.asfortranarray(b)

    def dgemm():
        blas.dgemm(1.5, left, right, 0.5, out, overwrite_c=1)

    found = {
        "probtensor": lambda: ours(a, b, c, 1.5, 0.5),
        "numpy": lambda: 1.5 * (a @ b) + 0.5 * c,
        "lapack": dgemm,
    }
    if "jax" in PEERS:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        call = jax.jit(lambda a, b, c, s, t: s * (a @ b) + t * c)
        given = [jnp.asarray(x) for x in (a, b, c, 1.5, 0.5)]
        found["jax"] = lambda: jax.block_until_ready(call(*given))
    return found


def by_rows(n):
    """{library: call} of a normal density of a precision of three diagonals, and its gradient."""
    from scipy.linalg import cholesky_banded, solveh_banded

    rng = np.random.default_rng(n)
    d, e, x = 3 + rng.uniform(size=n), rng.uniform(-1, 1, size=n - 1), rng.normal(size=n)
    given = [pt.tensor("d", (n,)), pt.tensor("e", (n - 1,)), pt.tensor("x", (n,))]
    precision = pt.diag(given[0]) + pt.diag(given[1], 1) + pt.diag(given[1], -1)
    found = pt.linalg.solve(precision, given[2])
    logp = 0.5 * pt.linalg.slogdet(precision).logabsdet - 0.5 * given[2] @ found
    ours = pt.function(given, [logp, *pt.grad(logp, given)], build="now")

    def value():
        bands = np.zeros((2, n))
        bands[0, 1:], bands[1] = e, d
        logs = np.log(cholesky_banded(bands)[1]).sum()
        return logs - 0.5 * x @ solveh_banded(bands, x)

    return {"probtensor": lambda: ours(d, e, x), "value": value}


def small(n, what, shape_of_b=(1,), batch=BATCH):
    """{library: call} of Cholesky factors or solutions of a batch of n x n matrices."""
    rng = np.random.default_rng(n)
    lead = (batch,) if batch else ()
    a = rng.normal(size=(*lead, n, n))
    a = a @ np.swapaxes(a, -1, -2) + n * np.eye(n)
    b = rng.normal(size=(*lead, n, *shape_of_b))
    x, y = pt.tensor("a", a.shape), pt.tensor("b", b.shape)
    if what == "cholesky":
        ours = pt.function([x], pt.linalg.cholesky(x), build="now")
        found = {"probtensor": lambda: ours(a), "numpy": lambda: np.linalg.cholesky(a)}
    else:
        ours = pt.function([x, y], pt.linalg.solve(x, y), build="now")
        found = {"probtensor": lambda: ours(a, b), "numpy": lambda: np.linalg.solve(a, b)}
    if "jax" in PEERS:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(jnp.linalg.cholesky if what == "cholesky" else jnp.linalg.solve)
        given = [jnp.asarray(a)] + ([] if what == "cholesky" else [jnp.asarray(b)])
        found["jax"] = lambda: jax.block_until_ready(compiled(*given))
    return found


CASES = {
    "gp200": lambda: process(200),
    "gp1000": lambda: process(1000),
    **{f"mvn{n}": (lambda n=n: normal(n, by_covariance)) for n in (5, 20, 100, 400)},
    **{f"factor{n}": (lambda n=n: normal(n, by_factor)) for n in (5, 20, 100, 400)},
    **{f"lkj{n}": (lambda n=n: correlated(n)) for n in (3, 8, 20)},
    **{f"added{n}": (lambda n=n: added(n)) for n in (10, 50, 100, 300, 1000)},
    **{f"rows{n}": (lambda n=n: by_rows(n)) for n in (50, 1000)},
    "solve4x4x500": lambda: small(4, "solve", (500,), batch=0),
    **{f"cholesky{n}": (lambda n=n: small(n, "cholesky")) for n in (3, 4, 6, 8)},
    **{f"solve{n}": (lambda n=n: small(n, "solve")) for n in (3, 4, 6, 8)},
}
PEERS = {name for name in ("jax", "pytensor") if importlib.util.find_spec(name)}


def agree(calls):
    """Whether all libraries with a result have the same first one."""
    found = {}
    for name, call in calls.items():
        value = call()
        if value is not None:
            first = value[0] if isinstance(value, (tuple, list)) else value
            found[name] = np.asarray(first)
    ours = found.pop("probtensor")
    for name, value in found.items():
        np.testing.assert_allclose(ours, value, rtol=1e-6, atol=1e-9, err_msg=name)


def measured(calls, rounds, seconds=0.3):
    """{library: microseconds}: in each round all in turn, several times."""
    best = {name: [] for name in calls}
    for _ in range(rounds):
        fastest = dict.fromkeys(calls, float("inf"))
        end = time.perf_counter() + seconds * len(calls)
        while time.perf_counter() < end:
            for name, call in calls.items():
                begin = time.perf_counter()
                call()
                fastest[name] = min(fastest[name], time.perf_counter() - begin)
        for name, found in fastest.items():
            best[name].append(found)
    return {name: 1e6 * statistics.median(found) for name, found in best.items()}


def print_measured(program, description, names, calls_of):
    """The command line of a table: a line for each of the names that are asked for, by default all
    of them, with the figures of `calls_of(name)`, on one core."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    worker.pin_to_one_core()
    width = max(map(len, names)) + 1
    for name in asked.names or names:
        found = measured(calls_of(name), asked.rounds)
        own = found.pop("probtensor")
        others = [f"{k} {v:9.1f} ({v / own:6.2f}x)" for k, v in found.items()]
        print(f"{name:{width}} {own:9.1f} us | " + " | ".join(others), flush=True)


def compared(name):
    """The calls of a case, after a comparison of their values."""
    calls = CASES[name]()
    agree(calls)
    return calls


def main():
    print_measured("tests.bench.linalg", __doc__, CASES, compared)


if __name__ == "__main__":
    main()
