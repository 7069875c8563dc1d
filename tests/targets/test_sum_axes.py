"""Sums over every set of axes, of tensors, products, views and gradients, against `math.fsum`."""

import itertools
import math

import numpy as np
import pytest

import probtensor as pt
from probtensor.lower.kinds import Task
from probtensor.targets.cython.render import KernelText

# Errors in units in the last place of the result. A sum of doubles has up to 256 additions in a
# row; one of float32 is rounded once, and results computed from sums are rounded more often.
BOUND = 40.0
ONCE, SEVERAL = 0.51, 2.1
SHAPES = {
    3: [(300, 2, 300), (2, 300, 290), (300, 270, 2), (33, 41, 37)],
    4: [(60, 3, 50, 4), (4, 60, 3, 50), (130, 2, 130, 1), (3, 5, 150, 40), (2, 2, 2, 2)],
}


def subsets(ndim):
    return [s for n in range(1, ndim + 1) for s in itertools.combinations(range(ndim), n)]


def exact(a, axes):
    """Sums over some axes, rounded once."""
    kept = [k for k in range(a.ndim) if k not in axes]
    rows = a.transpose(*kept, *axes).reshape(math.prod(a.shape[k] for k in kept), -1)
    return np.array([math.fsum(row) for row in rows]).reshape([a.shape[k] for k in kept])


def by_axes(x, w):
    """Sums over every set of axes, by name, with their values for the arrays."""
    found = {}
    for axes in subsets(x.ndim):
        found[f"sum {axes}"] = pt.sum(x, axis=axes), lambda a, b, axes=axes: exact(a, axes)
        if x.ndim > 3:
            continue
        found[f"product {axes}"] = (
            pt.sum(w * x, axis=axes, keepdims=True),
            lambda a, b, axes=axes: np.expand_dims(exact(b * a, axes), axes),
        )
    return found


def several(x, w):
    """Sums inside of others, and of views; and gradients, which sum over broadcast axes."""
    b, e = pt.ones(x.shape[1], dtype=x.dtype), pt.ones(x.shape[2], dtype=x.dtype)
    inner = pt.sum(w * b[:, None] * x) + pt.sum(w * x * e)
    zero, transposed = 0 * w, (2, 0, 1)

    def products(pairs):
        """The sum of matrix products. In one long chain even long doubles would lose 60 of the
        units counted here; no chain is longer than an axis."""
        return sum(a.astype(np.longdouble) @ b.astype(np.longdouble) for a, b in pairs)

    found = {
        "gradient (0, 2)": (pt.grad(inner, b), lambda x, w: exact(w * x, (0, 2))),
        "gradient (0, 1)": (pt.grad(inner, e), lambda x, w: exact(w * x, (0, 1))),
        "mean (0, 2)": (pt.mean(x, axis=(0, 2)), lambda x, w: exact(x, (0, 2)) / x[:, 0].size),
        "einsum ca": (pt.einsum("abd,bcd->ca", x[:9], w.transpose(1, 0, 2)),
                      lambda x, w: products((w[:, k], x[:9, k].T) for k in range(x.shape[1]))),
        "einsum ba": (pt.einsum("pqa,pqb->ba", x[:, :, :2], w[:, :, :2]),
                      lambda x, w: products((w[k, :, :2].T, x[k, :, :2]) for k in range(len(x)))),
        "exp (0, 2)": (pt.sum(pt.exp(zero) * x, axis=(0, 2)), lambda x, w: exact(x, (0, 2))),
        "exp all": (pt.sum(pt.exp(zero) * x), lambda x, w: exact(x, (0, 1, 2))),
        "abs all": (pt.sum(pt.abs(x)), lambda x, w: exact(x, (0, 1, 2))),
        "rows by exp": (pt.sum(pt.exp(zero[:, 0, 0])[:, None, None] * x, axis=(0, 1)),
                        lambda x, w: exact(x, (0, 1))),
        "logsumexp": (pt.logsumexp(zero + x, axis=(0, 2)),
                      lambda x, w: np.log(exact(np.exp(x), (0, 2)))),
        "batched": (pt.vmap(lambda row: pt.sum(row, axis=0))(x), lambda x, w: exact(x, (1,))),
    }  # fmt: skip
    for axes in ((0, 1), (0, 2), (1, 2), (0,)):
        found[f"transposed {axes}"] = (
            pt.sum(x.transpose(transposed), axis=axes),
            lambda x, w, axes=axes: exact(x.transpose(transposed), axes),
        )
    return found


def compiled(dtype, ndim, make, target="cython"):
    x, w = (pt.tensor(name, (None,) * ndim, dtype) for name in "xw")
    found = make(x, w)
    outputs = [symbol for symbol, _ in found.values()]
    function = pt.function([x, w], outputs, target=target, on_unused_input="ignore")
    return function, {name: wanted for name, (_, wanted) in found.items()}


def too_large(function, wanted, shape, dtype, tenths):
    """The sums whose error is above its bound, with the error."""
    rng = np.random.default_rng(math.prod(shape))
    x = np.full(shape, 0.1) if tenths else rng.random(shape)
    x, w = x.astype(dtype), np.full(shape, 1.0, dtype)
    found = {}
    for (name, want), got in zip(wanted.items(), function(x, w), strict=True):
        theirs = np.asarray(want(x.astype(float), w.astype(float)), float)
        assert got.shape == theirs.shape, name
        unit = np.spacing(np.abs(theirs).astype(dtype)).astype(float)
        error = float(np.max(np.abs(got.astype(float) - theirs) / unit))
        once = ONCE if name.startswith(("sum", "transposed")) else SEVERAL
        if not error <= (BOUND if dtype == "float64" else once):
            found[name] = error
    return found


@pytest.mark.parametrize(("dtype", "ndim"), [
    ("float64", 3), ("float64", 4), ("float32", 3),
    pytest.param("float32", 4, marks=pytest.mark.slow),
])  # fmt: skip
def test_every_set_of_axes(dtype, ndim):
    function, wanted = compiled(dtype, ndim, by_axes)
    for shape in SHAPES[ndim]:
        for tenths in (True, False):
            assert too_large(function, wanted, shape, dtype, tenths) == {}, shape


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_sums_inside_of_others(dtype):
    function, wanted = compiled(dtype, 3, several)
    for shape in SHAPES[3][:3]:
        assert too_large(function, wanted, shape, dtype, True) == {}, shape


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_two_million_terms(dtype):
    for make in (by_axes, several):
        function, wanted = compiled(dtype, 3, make)
        for shape in [(1000, 2, 1000), (2, 1000, 1000), (1000, 1000, 2)]:
            assert too_large(function, wanted, shape, dtype, True) == {}, shape


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sizes_known_to_the_graph(dtype):
    for shape in [(300, 2, 300), (13, 2, 20_000), (20_000, 3, 7), (2, 300, 300)]:
        x, w = (pt.tensor(name, shape, dtype) for name in "xw")
        found = by_axes(x, w)
        function = pt.function([x, w], [symbol for symbol, _ in found.values()])
        wanted = {name: want for name, (_, want) in found.items()}
        assert too_large(function, wanted, shape, dtype, True) == {}, shape


def total(x, w):
    """Two sums over everything, in one loop."""
    return {name: make(x, w)[name] for make, name in ((by_axes, "sum (0, 1, 2)"),
                                                      (several, "abs all"))}  # fmt: skip


def only(name):
    return lambda x, w: {name: by_axes(x, w)[name]}


NO_LAST = property(lambda task: None if task.in_memory else task.first_fold)
ONE_BY_ONE = [(Task, "last_folds", NO_LAST), (KernelText, "_gathered", lambda *args: "False")]
NO_END = [(KernelText, "_end_blocked", lambda *args: None)]


@pytest.mark.parametrize(("faults", "make", "shape"), [
    (ONE_BY_ONE, only("sum (0, 2)"), (300, 2, 300)),
    (ONE_BY_ONE[1:], only("sum (0, 1)"), (2, 60_000, 3)),
    (NO_END, total, (60_000, 1, 3)),
])  # fmt: skip
def test_plain_sums_are_found_out(faults, make, shape, monkeypatch):
    for fault in faults:
        monkeypatch.setattr(*fault)
    function, wanted = compiled("float64", 3, make)
    assert too_large(function, wanted, shape, "float64", True).keys() == wanted.keys()


def test_integers_are_summed_exactly_near_the_ends_of_blocks():
    """A single wrong iteration is detected, in jammed rows and in the remaining ones."""
    function, wanted = compiled("float64", 3, by_axes)
    for n in (1, 2, 7, 8, 9, 11, 12, 31, 33, 127, 129, 131, 257):
        for shape in [(n, 2, 5), (2, n, 3), (3, 2, n), (n, n % 7 + 1, 4)]:
            rng = np.random.default_rng(n)
            x, w = (rng.integers(0, 9, shape).astype(float) for _ in range(2))
            for (name, want), got in zip(wanted.items(), function(x, w), strict=True):
                np.testing.assert_array_equal(got, want(x, w), err_msg=f"{name} of {shape}")
