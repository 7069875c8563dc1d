"""Ranges, grids, indices, windows and chosen elements against NumPy."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from tests.ops.numpy_twin import check, compare

N = pt.lscalar("n")


def same(node, meant, rtol=1e-13):
    compare(node, np.asarray(meant), [N], [np.array(5)], rtol)


RANGES = [(0, 2, 5), (-1.0, 3.5, 7), (2, 2, 3), (1, 3, 1), (1.0, 2.0, 0), (-2, 1, 4, False)]


@pytest.mark.parametrize("given", RANGES)
def test_logspace(given):
    same(pt.logspace(*given), np.logspace(*given))
    meant = np.logspace(*given, base=2.5, dtype="f4")
    same(pt.logspace(*given, base=2.5, dtype="float32"), meant, rtol=1e-6)
    ends = np.array([0.5, 1.5])
    same(
        pt.logspace(ends, 2 * ends, *given[2:], axis=1),
        np.logspace(ends, 2 * ends, *given[2:], axis=1),
    )


@pytest.mark.parametrize(
    "given",
    [(1, 256, 9), (256, 1, 5), (-1.0, -1e-3, 4), (1e-300, 1e300, 7), (3, 3, 2), (2, 9, 1)]
    + [(2.0, 8.0, 4, False), (1e-5, 1e5, 0)],
)
def test_geomspace(given):
    same(pt.geomspace(*given), np.geomspace(*given), rtol=1e-12)
    found = pt.geomspace(*given).eval()
    if found.size and given[3:] != (False,):
        assert found[0] == given[0] and found[-1] == (given[1] if given[2] > 1 else given[0])
    ends = np.array([0.5, -1.5], "f4")
    meant = np.geomspace(ends, 2 * ends, *given[2:], axis=1).astype("f4")
    same(pt.geomspace(ends, 2 * ends, *given[2:], axis=1), meant, rtol=1e-6)


def test_symbolic_ends_and_numbers_of_ranges():
    a, b = pt.scalar("a"), pt.scalar("b")
    for name in ("logspace", "geomspace", "linspace"):
        y = getattr(pt, name)(a, b, N)
        compare(y, getattr(np, name)(1.5, 2.5, 5), [a, b, N], [np.array(v) for v in (1.5, 2.5, 5)])
        cost = pt.sum(y * np.arange(1.0, 6.0))
        f = pt.function([a, b, N], [cost, *pt.grad(cost, [a, b])], target="interp")
        _, by_a, by_b = f(1.5, 2.5, 5)
        h = 1e-6
        np.testing.assert_allclose(
            by_a, (f(1.5 + h, 2.5, 5)[0] - f(1.5 - h, 2.5, 5)[0]) / 2 / h, 1e-7
        )
        np.testing.assert_allclose(
            by_b, (f(1.5, 2.5 + h, 5)[0] - f(1.5, 2.5 - h, 5)[0]) / 2 / h, 1e-7
        )
    f = pt.function([a, b], pt.geomspace(a, b, 3), target="interp")
    assert np.isnan(f(-1.0, 1.0)).all() and np.isnan(f(0.0, 1.0)).all()
    with pytest.raises(ValueError, match=r"geomspace: an end is 0"):
        pt.geomspace(0, 1)


def test_complex_ends():
    for name in ("linspace", "logspace", "geomspace"):
        for given in ((1j, 2, 4), (1 + 1j, -2 + 0.5j, 3, False)):
            same(getattr(pt, name)(*given), getattr(np, name)(*given), rtol=1e-13)


def test_grids():
    for key in (np.s_[0:3], np.s_[0:2, 1:4], np.s_[0:1:3j, -2:2], np.s_[5:0:-2, :2, 0:1:0.25]):
        same(pt.mgrid[key], np.mgrid[key])
        several = isinstance(key, tuple)
        found, meant = pt.ogrid[key], np.ogrid[key]
        for y, z in zip(found, meant, strict=True) if several else [(found, meant)]:
            same(y, z)
    same(pt.mgrid[0:N, 0:2], np.mgrid[0:5, 0:2])
    assert repr(pt.ogrid) == "pt.ogrid"
    for wrong in (3, slice(0, None), (slice(2), 1)):
        with pytest.raises(TypeError, match=r"mgrid: each axis is a slice with an end"):
            pt.mgrid[wrong]


def test_indices():
    same(pt.indices((2, 3)), np.indices((2, 3)))
    same(pt.indices((N, 2), "int32"), np.indices((5, 2), "int32"))
    same(pt.indices(()), np.indices(()).astype("int64"))
    for y, z in zip(pt.indices((2, 3), sparse=True), np.indices((2, 3), sparse=True), strict=True):
        same(y, z)
    for y, z in zip(pt.ix_([0, 2], [True, False, True]), np.ix_([0, 2], [True, False, True])):
        same(y, z)
    same(pt.fromfunction(lambda i, j: i - j, (N, 3)), np.fromfunction(lambda i, j: i - j, (5, 3)))
    for ndim in (1, 2, 3):
        for y, z in zip(pt.diag_indices(N, ndim), np.diag_indices(5, ndim), strict=True):
            same(y, z)
    for y in pt.diag_indices_from(np.ones((4, 4))):
        same(y, np.arange(4))


@pytest.mark.parametrize("name", ["tril_indices", "triu_indices"])
def test_indices_of_triangles(name):
    ours, twin = getattr(pt, name), getattr(np, name)
    for given in ((3,), (4, -1), (3, 1, 5), (5, 2, 2), (0,), (2, 9), (2, -9)):
        for y, z in zip(ours(*given), twin(*given), strict=True):
            same(y, z)
    for y, z in zip(ours(N, 1, N - 2), twin(5, 1, 3), strict=True):
        same(y, z)
    for y, z in zip(getattr(pt, name + "_from")(np.ones((3, 4)), 1), twin(3, 1, 4), strict=True):
        same(y, z)


def test_windows():
    for name in ("bartlett", "hanning", "hamming", "blackman"):
        ours, twin = getattr(pt, name), getattr(np, name)
        for count in (0, 1, 2, 3, 8, 51):
            found = ours(count).eval()
            np.testing.assert_allclose(found, twin(count), rtol=1e-13, atol=1e-15)
        found = ours(N).eval({N: 5})
        np.testing.assert_allclose(found, twin(5), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(ours(N).eval({N: 1}), twin(1))


def test_windows_of_kaiser():
    for count in (0, 1, 2, 3, 8, 31):
        for beta in (0.0, 2.5, 14):
            found = pt.kaiser(count, beta).eval()
            np.testing.assert_allclose(found, np.kaiser(count, beta), rtol=1e-12)
    beta = pt.scalar("beta")
    f = pt.function([beta], [pt.kaiser(6, beta)[1], pt.grad(pt.kaiser(6, beta)[1], beta)])
    h = 1e-5
    np.testing.assert_allclose(f(2.0)[1], (f(2 + h)[0] - f(2 - h)[0]) / 2 / h, rtol=1e-7)


def test_matrices_of_powers_and_diagonals():
    v = np.array([1.5, -2.0, 0.0])
    for given in ((), (2,), (5, True), (0,), (None, True)):
        check(
            lambda x, given=given: pt.vander(x, *given),
            lambda x, given=given: np.vander(x, *given),
            v,
        )
    check(pt.vander, np.vander, np.array([1, 2, 3], "int8"))
    for k in (0, 2, -1):
        check(lambda x, k=k: pt.diagflat(x, k), lambda x, k=k: np.diagflat(x, k), v)
    check(pt.diagflat, np.diagflat, np.ones((2, 2)))


def test_selected_elements():
    v = np.array([-2.0, -0.5, 0.5, 3.0])
    check(
        lambda x: pt.select([x < -1, x < 0, x < 2], [x, 2 * x, 7], -1),
        lambda x: np.select([x < -1, x < 0, x < 2], [x, 2 * x, 7], -1),
        v,
    )
    functions = [lambda x: -x, np.exp, 5]
    check(
        lambda x: pt.piecewise(x, [x < -1, x > 0], [functions[0], pt.exp, 5]),
        lambda x: np.piecewise(x, [x < -1, x > 0], functions),
        v,
    )
    for given in ([lambda x, k: k * x], [lambda x, k: k * x, 1.0]):
        check(
            lambda x, given=given: pt.piecewise(x, x > 0, given, 3),
            lambda x, given=given: np.piecewise(x, x > 0, given, 3),
            v,
        )
    check(
        lambda x: pt.piecewise(x, [x > 1], [9]),
        lambda x: np.piecewise(x, [x > 1], [9]),
        np.arange(4),
    )
    x = pt.vector("x")
    slope = pt.grad(pt.sum(pt.select([x > 0], [pt.sqrt(x)], 0.0)), x)
    np.testing.assert_array_equal(slope.eval({x: [4.0, 0.0, -1.0]}), [0.25, 0, 0])
    with pytest.raises(TypeError, match=r"select: 1 conditions and 2 choices"):
        pt.select([x > 0], [1, 2])
    with pytest.raises(
        TypeError, match=r"piecewise: a condition is a tensor of bools, not float64"
    ):
        pt.piecewise(x, [x], [1])


def test_polynomials():
    for p in ([1.5, -2.0, 0.5], [3.0], [], [1, 2]):
        for x in (np.array([0.5, -2.0]), np.array(3.0), np.arange(3)):
            p = np.array(p, x.dtype if not len(p) else None)
            check(lambda v, p=p: pt.polyval(p, v), lambda v, p=p: np.polyval(p, v), x)
    with pytest.raises(TypeError, match="polyval: the coefficients are a vector of known length"):
        pt.polyval(pt.vector("p"), 1.0)


def test_unwrapped_phases():
    rng = np.random.default_rng(2)
    for x in (rng.normal(size=9) * 9, rng.normal(size=(3, 5)) * 9, np.zeros(1), np.zeros(0)):
        for given in ({}, {"period": 3.0}, {"discont": 4.0}, {"discont": 1.0}, {"axis": 0}):
            check(lambda v, k=given: pt.unwrap(v, **k), lambda v, k=given: np.unwrap(v, **k), x,
                  rtol=1e-12)  # fmt: skip
    counts = rng.integers(-20, 20, 12)
    for period in (5, 6, 4.0):
        check(
            lambda v, k=period: pt.unwrap(v, period=k),
            lambda v, k=period: np.unwrap(v, period=k),
            counts,
        )
    x = pt.vector("x")
    slope = pt.grad(pt.sum(pt.unwrap(x) * np.arange(1.0, 5)), x)
    np.testing.assert_array_equal(slope.eval({x: [0.0, 9.0, 3.0, -7.0]}), [1, 2, 3, 4])


def test_names_are_of_the_language():
    assert pt.mgrid is ops.mgrid and "mgrid" in pt.__all__
