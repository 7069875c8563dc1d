"""Functions of a million elements, transforms, sorting and functions of matrices, beside NumPy and
SciPy, and beside JAX and PyTensor where they are installed.

    python -m tests.bench.mathematics [names] [--rounds 5] [--quick] [--save]

All libraries run in one process, on one core and one thread of BLAS, in turns; a figure is the
median of the rounds' fastest calls, in microseconds. All give the same first result, which is
checked. SciPy has no derivatives: in a case that ends in `'` it computes what it has, which is the
value (`scipy`) or, for the exponential of a matrix, the value and the derivative (`frechet`);
`products` is its routine and the products of matrices that the derivative needs. A library whose
call takes more than a second is measured by one call.
"""

from tests.bench import linalg, worker  # isort: skip - it sets the threads of BLAS and XLA

import argparse
import json
import os
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.special

import probtensor as pt
from tests.bench import harness, report

TARGET = "cython"
SLOW, PATIENCE = 1, 10  # seconds: of a library measured once, of one that is left out
LIBRARIES = ("numpy", "scipy", "jax", "pytensor")


class Case(NamedTuple):
    """What is measured: our graph, calls of arrays by others, and the arrays.

    `ours(*nodes)` is a node, `jax(jnp, jax.scipy, *arrays)` and `pytensor(at, *variables)` the same
    in those libraries. With `by`, the derivative of the sum by that argument is computed too.
    `seen` is the part of the first result that all libraries agree on.
    """

    arrays: tuple
    ours: object
    others: dict
    by: int | None = None
    jax: object = None
    pytensor: object = None
    seen: object = np.asarray
    tolerance: float = 1e-9


def calls_of(case):
    """{library: call without arguments} of a case, and {library: why it has none}."""
    found, failed = {"probtensor": _ours(case)}, {}
    for name, call in case.others.items():
        found[name] = lambda call=call: call(*case.arrays)
    for name, made in (("jax", _by_jax), ("pytensor", _by_pytensor)):
        if name in linalg.PEERS and getattr(case, name):
            try:
                found[name] = made(case)
                begin = time.perf_counter()
                found[name]()
                if time.perf_counter() - begin > PATIENCE:
                    raise TimeoutError(f"its first call takes more than {PATIENCE} s")
            except Exception as error:
                found.pop(name, None)
                failed[name] = f"{type(error).__name__}: {error}".splitlines()[0][:120]
    return found, failed


def _ours(case):
    nodes = [pt.tensor(f"x{k}", a.shape, a.dtype) for k, a in enumerate(case.arrays)]
    value = case.ours(*nodes)
    outputs = value
    if case.by is not None:
        values = value if isinstance(value, (tuple, list)) else (value,)
        total = sum(pt.sum(v) for v in values)
        outputs = [values[0], pt.grad(total, nodes[case.by])]
    compiled = pt.function(nodes, outputs, target=TARGET)
    return lambda: compiled(*case.arrays)


def _by_jax(case):
    import jax
    import jax.numpy as jnp
    import jax.scipy

    jax.config.update("jax_enable_x64", True)
    arrays = [jnp.asarray(a) for a in case.arrays]

    def value(*xs):
        return case.jax(jnp, jax.scipy, *xs)

    def total(*xs):
        values = value(*xs)
        values = values if isinstance(values, (tuple, list)) else (values,)
        return sum(jnp.sum(v) for v in values), values[0]

    if case.by is None:
        compiled = jax.jit(value)
        return lambda: jax.block_until_ready(compiled(*arrays))
    derivative = jax.jit(jax.value_and_grad(total, case.by, has_aux=True))

    def call():
        (_, first), slope = jax.block_until_ready(derivative(*arrays))
        return first, slope

    return call


def _by_pytensor(case):
    import pytensor
    import pytensor.tensor as at

    xs = [at.tensor(f"x{k}", dtype=a.dtype.name, shape=a.shape) for k, a in enumerate(case.arrays)]
    value = case.pytensor(at, *xs)
    outputs = value
    if case.by is not None:
        outputs = [value, pytensor.grad(at.sum(value), xs[case.by])]
    compiled = pytensor.function(xs, outputs)
    return lambda: compiled(*case.arrays)


def reference(name, n):
    """An elementary function, or one of our own: no derivative, no parameter."""
    x = np.random.default_rng(0).uniform(0.1, 5.0, n)
    by_numpy = hasattr(np, name)
    plain = getattr(np if by_numpy else scipy.special, name)
    ours = getattr(pt if by_numpy else pt.special, name)

    def by_jax(jnp, jsp, x):
        return getattr(jnp if by_numpy else jsp.special, name)(x)

    others = {"numpy" if by_numpy else "scipy": plain}
    return Case((x,), ours, others, jax=by_jax, pytensor=lambda at, x: getattr(at, name)(x))


def incomplete(name, n, by=None):
    """An incomplete gamma or beta function over its bulk and both tails."""
    rng = np.random.default_rng(1)
    a = rng.uniform(0.2, 30.0, n)
    if name == "betainc":
        arrays = (a, rng.uniform(0.2, 30.0, n), rng.uniform(0.0, 1.0, n))
    else:
        arrays = (a, rng.gamma(a))
    return Case(
        arrays,
        getattr(pt.special, name),
        {"scipy": getattr(scipy.special, name)},
        by,
        jax=lambda jnp, jsp, *xs: getattr(jsp.special, name)(*xs),
        pytensor=lambda at, *xs: getattr(at, name)(*xs),
    )


def transform(name, shape, real=False):
    """A discrete Fourier transform of an array of this shape."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=shape) if real else rng.normal(size=shape) + 1j * rng.normal(size=shape)
    others = {"numpy": getattr(np.fft, name), "scipy": getattr(scipy.fft, name)}
    return Case(
        (x,), getattr(pt.fft, name), others, jax=lambda jnp, _, x: getattr(jnp.fft, name)(x)
    )


def in_order(name, n):
    """A function of NumPy that sorts, counts or accumulates n elements."""
    rng = np.random.default_rng(3)
    x, half = rng.normal(size=n), n // 2
    if name == "cumprod":
        x = rng.uniform(0.99, 1.01, n)
    arrays, more = (x,), ()
    if name == "searchsorted":
        arrays = (np.sort(x), rng.normal(size=n))
    elif name == "bincount":
        arrays = (rng.integers(0, 100, n),)
    elif name == "partition":
        more = (half,)

    def by_jax(jnp, _, *xs):
        if name == "bincount":
            return jnp.bincount(*xs, length=100)
        return getattr(jnp, name)(*xs, *more)

    by_pytensor = None
    if name not in ("partition", "median", "bincount"):

        def by_pytensor(at, *xs):
            return getattr(at, name)(*xs)

    return Case(
        arrays,
        lambda *xs: getattr(pt, name)(*xs, *more),
        {"numpy": lambda *xs: getattr(np, name)(*xs, *more)},
        jax=by_jax,
        pytensor=by_pytensor,
        seen=(lambda x: np.asarray(x)[half]) if more else np.asarray,
    )


def exponential(n):
    """The exponential of a matrix and the derivative of the sum of its elements."""
    a = np.random.default_rng(4).normal(size=(n, n)) / np.sqrt(n)
    ones = np.ones((n, n))
    others = {
        "scipy": scipy.linalg.expm,
        "frechet": lambda a: (
            scipy.linalg.expm(a),
            scipy.linalg.expm_frechet(a.T, ones, compute_expm=False),
        ),
    }
    return Case((a,), pt.linalg.expm, others, 0, jax=lambda jnp, jsp, a: jsp.linalg.expm(a),
                pytensor=lambda at, a: at.linalg.expm(a))  # fmt: skip


def symmetric(n):
    """Eigenvalues and eigenvectors with the derivative of a sum of both."""
    a = np.random.default_rng(5).normal(size=(n, n))
    a = (a + a.T) / 2 + np.diag(np.arange(n) / 10.0)
    weights = np.random.default_rng(6).normal(size=(n, n))

    def products(a):
        values, vectors = scipy.linalg.eigh(a)
        inner = vectors.T @ weights
        return values, vectors @ inner @ vectors.T

    def ours(a):
        values, vectors = pt.linalg.eigh(a)
        return values, vectors**2 * weights

    def by_jax(jnp, _, a):
        values, vectors = jnp.linalg.eigh(a, symmetrize_input=False)
        return values, vectors**2 * weights

    others = {"scipy": scipy.linalg.eigh, "products": products}
    return Case((a,), ours, others, 0, jax=by_jax)


def singular(n):
    """Singular values and vectors with the derivative of a sum of all."""
    a = np.random.default_rng(7).normal(size=(n, n)) + np.diag(np.arange(n) / 10.0)
    weights = np.random.default_rng(8).normal(size=(n, n))

    def plain(a):
        u, s, vh = scipy.linalg.svd(a, full_matrices=False)
        return s, u, vh

    def products(a):
        s, u, vh = plain(a)
        inner = u.T @ weights, vh @ weights
        return s, u @ (inner[0] + inner[1]) @ vh

    def ours(a):
        u, s, vh = pt.linalg.svd(a, full_matrices=False)
        return s, u * weights * u, vh * weights * vh

    def by_jax(jnp, _, a):
        u, s, vh = jnp.linalg.svd(a, full_matrices=False)
        return s, u * weights * u, vh * weights * vh

    others = {"scipy": plain, "products": products}
    return Case((a,), ours, others, 0, jax=by_jax)


ORDERED = ("sort", "argsort", "partition", "median", "cumsum", "cumprod", "searchsorted",
           "bincount")  # fmt: skip


def cases(quick=False):
    """{name: function that makes the case}; with `quick` the same names at a small size."""
    large, side = (1000, 64) if quick else (10**6, None)
    found = {name: lambda name=name: reference(name, large)
             for name in ("exp", "log", "gammaln", "erf")}  # fmt: skip
    for name in ("gammainc", "gammaincc", "betainc"):
        found[name] = lambda name=name: incomplete(name, large)
        found[f"{name}'"] = lambda name=name: incomplete(name, large, by=0)
    for n in (256, 512, 1000):
        found[f"fft2-{n}"] = lambda n=n: transform("fft2", (side or n,) * 2)
    found["rfft2-512"] = lambda: transform("rfft2", (side or 512,) * 2, real=True)
    found["rfft-1e6"] = lambda: transform("rfft", (large,), real=True)
    found["fft-1000x1024"] = lambda: transform("fft", (side or 1000, side or 1024))
    found["rfft-1000x1024"] = lambda: transform("rfft", (side or 1000, side or 1024), real=True)
    for size, n in (("1e3", 1000), ("1e6", large)):
        for name in ORDERED:
            found[f"{name}-{size}"] = lambda name=name, n=n: in_order(name, n)
    for kind, made in (("expm", exponential), ("eigh", symmetric), ("svd", singular)):
        for n in (100, 300):
            found[f"{kind}-{n}'"] = lambda made=made, n=n: made(12 if quick else n)
    return found


def agree(case, calls):
    """{library: seconds of one call}, if all libraries have the same first result."""
    found, seconds = {}, {}
    for name, call in calls.items():
        begin = time.perf_counter()
        value = call()
        seconds[name] = time.perf_counter() - begin
        first = value[0] if case.by is not None and isinstance(value, (tuple, list)) else value
        found[name] = case.seen(first)
    ours = found.pop("probtensor")
    atol = case.tolerance * np.max(np.abs(ours), initial=0.0)
    for name, value in found.items():
        np.testing.assert_allclose(ours, value, rtol=1e-8, atol=atol, err_msg=name)
    return seconds


def measured(case, calls, rounds, seconds):
    """{library: microseconds}; of those that take long, by one call."""
    once = agree(case, calls)
    quick = {name: call for name, call in calls.items() if once[name] <= SLOW}
    found = linalg.measured(quick, rounds, seconds)
    return {name: found.get(name, 1e6 * once[name]) for name in calls}


def line(name, figures):
    """A row of the table: our microseconds, those of the others, and the ratios to ours."""
    ours = figures["probtensor"]
    others = [f"{k} {v:.1f} ({v / ours:.2f}x)" for k, v in figures.items() if k != "probtensor"]
    return f"{name:18}{ours:12.1f} us | " + " | ".join(others)


def about():
    """The machine and the versions of what is measured."""
    versions = {name: harness.version(name) for name in LIBRARIES}
    found = report.machine(()) | {"load_before": os.getloadavg()}
    return found | {"versions": {name: text for name, text in versions.items() if text}}


def write(machine, figures, failed, rounds, path=report.RESULTS / "mathematics.json"):
    """The results as .json and .txt."""
    path, machine = Path(path), machine | {"load_after": os.getloadavg()}
    results = {"machine": machine, "rounds": rounds, "us": figures, "failed": failed}
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    loads = [" ".join(f"{x:.1f}" for x in machine[f"load_{k}"]) for k in ("before", "after")]
    head = [
        f"{machine['date']}, {machine['cpu']}, one core, Python {machine['python']}, {versions}",
        f"load of the machine before: {loads[0]}; after: {loads[1]}; medians of {rounds} rounds",
        "(2.00x): ours takes half of the time of that library",
    ]
    rows = [line(name, row) for name, row in figures.items()]
    rows += [f"{name}: {text}" for name, text in failed.items()]
    path.write_text(json.dumps(results, indent=1) + "\n")
    path.with_suffix(".txt").write_text("\n".join([*head, "", *rows]) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mathematics", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(cases())}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a library in a round")
    parser.add_argument("--quick", action="store_true", help="small sizes, one short round")
    parser.add_argument("--save", action="store_true", help="write the committed results")
    asked = parser.parse_args()
    known = cases(asked.quick)
    for name in asked.names:
        if name not in known:
            parser.error(f"unknown {name!r}; there are: {', '.join(known)}")
    rounds, seconds = (1, 0.001) if asked.quick else (asked.rounds, asked.seconds)
    worker.pin_to_one_core()
    machine, figures, failures = about(), {}, {}
    for name in asked.names or known:
        case = known[name]()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calls, failed = calls_of(case)
            figures[name] = measured(case, calls, rounds, seconds)
        failures |= {f"{name} {library}": text for library, text in failed.items()}
        print(line(name, figures[name]), flush=True)
    for name, text in failures.items():
        print(f"{name}: {text}")
    if asked.save:
        write(machine, figures, failures, rounds)


if __name__ == "__main__":
    main()
