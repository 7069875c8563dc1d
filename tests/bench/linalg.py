"""Linear algebra: values and gradients of Gaussian processes and normal densities, and batches of
small matrices, beside NumPy, SciPy's LAPACK, JAX and PyTensor where they are installed.

    python -m tests.bench.linalg [names] [--rounds 5]

All libraries run in one process, on one core and one thread of BLAS, in turns; a figure is the
median of the rounds' fastest calls, in microseconds. All give the same values, which is checked.
`lapack` is one dpotrf and one dpotri of the size of the covariance: what a Gaussian process cannot
do without.
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


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.linalg", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    worker.pin_to_one_core()
    for name in asked.names or CASES:
        calls = CASES[name]()
        agree(calls)
        found = measured(calls, asked.rounds)
        ours = found["probtensor"]
        others = [f"{k} {v:9.1f} ({v / ours:5.2f}x)" for k, v in found.items() if k != "probtensor"]
        print(f"{name:13} {ours:9.1f} us | " + " | ".join(others), flush=True)


if __name__ == "__main__":
    main()
