"""Medians, quantiles, reductions without nan, averages, covariances, logsumexp against NumPy."""

import numpy as np
import pytest
from scipy import special

import probtensor as pt
from probtensor import GraphError
from probtensor.testing import conform
from tests.ops.ordering.comparison import DTYPES, array_of, assert_same, compare, symbolic

METHODS = (
    "linear", "hazen", "weibull", "median_unbiased", "normal_unbiased",
    "interpolated_inverted_cdf", "averaged_inverted_cdf", "midpoint", "inverted_cdf",
    "closest_observation", "lower", "higher", "nearest",
)  # fmt: skip
QS = [0.0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 0.9, 1.0]
WITH_NAN = np.array([
    [1.0, np.nan, 3.0, -2.0, 2.5], [np.nan] * 5, [4.0, 4.0, -1.0, 0.0, 7.0],
    [-np.inf, np.nan, -np.inf, np.nan, -np.inf],
])  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_quantiles_by_every_method(n):
    inputs, arrays, rows = [], [], []
    for dtype in ("float64", "float32", "int64", "uint8"):
        a = array_of(dtype, (3, n), seed=n)
        if dtype == "int64":
            a = np.clip(a, -(10**6), 10**6)
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        for method in METHODS:
            rows.append((f"{dtype} {method}", pt.quantile(x, QS, 1, method=method),
                         np.quantile(a, QS, 1, method=method)))  # fmt: skip
    compare(inputs, arrays, rows, rtol=4e-7 if n == 8 else 1e-14)


def test_quantiles_of_axes():
    a = array_of("float64", (3, 4, 5))
    x, q = symbolic(a), pt.vector("q")
    qs = np.array([0.2, 0.7])
    rows = [
        (f"{axis} {keepdims}", pt.quantile(x, q, axis, keepdims=keepdims),
         np.quantile(a, qs, axis, keepdims=keepdims))
        for axis in (None, 0, -1, (0, 2), (2, 1)) for keepdims in (False, True)
    ]  # fmt: skip
    rows += [
        ("scalar", pt.quantile(x, 0.3, 1), np.quantile(a, 0.3, 1)),
        ("percentile", pt.percentile(x, [30, 90], (0, 1)), np.percentile(a, [30, 90], (0, 1))),
        (
            "many",
            pt.quantile(x, np.linspace(0, 1, 30), 1),
            np.quantile(a, np.linspace(0, 1, 30), 1),
        ),
        ("NumPy", np.quantile(x, 0.5, axis=0), np.quantile(a, 0.5, axis=0)),
        ("float32", pt.quantile(x.astype("float32"), 0.3), np.quantile(a.astype("float32"), 0.3)),
    ]
    compare([x, q], [a, qs], rows, rtol=1e-14)


def test_quantiles_next_to_infinities():
    """The elements themselves, where NumPy's formula subtracts infinities."""
    a = np.array([[-np.inf, 1.0, np.inf], [np.inf, np.inf, np.inf]])
    x = symbolic(a)
    got = pt.function([x], pt.quantile(x, [0.0, 0.25, 0.5, 0.75, 1.0], 1), target="machine")(a)
    assert_same(got[:, 0], [-np.inf, -np.inf, 1.0, np.inf, np.inf])
    assert_same(got[:, 1], [np.inf] * 5)


def test_weighted_quantiles():
    a, w = array_of("float64", (3, 6)), np.random.default_rng(0).integers(0, 3, (3, 6)) * 1.0
    w[:, 2] = 1.0
    x, y = symbolic(a), symbolic(w)
    rows = [
        ("shape", pt.quantile(x, QS, 1, method="inverted_cdf", weights=y),
         np.quantile(a, QS, 1, method="inverted_cdf", weights=w)),
        ("all", pt.quantile(x, QS, None, method="inverted_cdf", weights=y),
         np.quantile(a, QS, None, method="inverted_cdf", weights=w)),
        ("vector", pt.percentile(x, 40, 0, method="inverted_cdf", weights=y[:, 2]),
         np.percentile(a, 40, 0, method="inverted_cdf", weights=w[:, 2])),
    ]  # fmt: skip
    compare([x, y], [a, w], rows)
    with pytest.raises(GraphError, match="quantile: weights need method='inverted_cdf'"):
        pt.quantile(x, 0.5, weights=y)


def test_refusals_of_quantiles():
    x = pt.vector("x")
    with pytest.raises(GraphError, match=r"quantile: q is from 0 to 1, not 1\.5"):
        pt.quantile(x, 1.5)
    with pytest.raises(GraphError, match="percentile: q is from 0 to 100"):
        pt.percentile(x, [5, 101])
    with pytest.raises(GraphError, match="quantile: method is one of"):
        pt.quantile(x, 0.5, method="best")
    with pytest.raises(GraphError, match="quantile: there is none of no elements"):
        pt.quantile(pt.zeros((0,)), 0.5)
    f = pt.function([x], pt.quantile(x, 0.5), target="machine")
    with pytest.raises(ValueError, match=r"quantile: there is none of no elements\n  at .*"):
        f(np.zeros(0))
    q = pt.scalar("q")
    assert np.isnan(pt.function([x, q], pt.quantile(x, q), target="machine")(np.ones(3), 1.5))


@pytest.mark.parametrize("dtype", DTYPES)
def test_medians(dtype):
    inputs, arrays, rows = [], [], []
    for shape in ((1,), (6,), (3, 5), (2, 3, 4)):
        a = array_of(dtype, shape)
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        for axis in (None, *range(-1, a.ndim), tuple(range(a.ndim))):
            rows.append((f"{shape} {axis}", pt.median(x, axis), np.median(a, axis)))
    rows.append(
        ("keepdims", pt.median(x, (0, 2), keepdims=True), np.median(a, (0, 2), keepdims=True))
    )
    rows.append(("NumPy", np.median(x, axis=1), np.median(a, axis=1)))
    compare(inputs, arrays, rows, rtol=1e-15)


def test_medians_of_edges():
    a = np.array([[1.0, np.nan], [-np.inf, np.inf], [np.inf, np.inf], [1.7e308, 3.0]])
    x, empty = symbolic(a), pt.matrix("empty")
    rows = [("rows", pt.median(x, 1), np.median(a, 1)), ("one", pt.median(x[:, :1], 1), a[:, 0]),
            ("empty", pt.median(empty, 1), np.full(2, np.nan)),
            ("nan", pt.nanmedian(x, 1), np.nanmedian(a, 1))]  # fmt: skip
    compare([x, empty], [a, np.zeros((2, 0))], rows)


def test_reductions_without_nan():
    inputs, arrays, rows = [], [], []
    for a in (WITH_NAN, WITH_NAN.astype("float32"), array_of("int32", (3, 4)),
              np.stack([WITH_NAN, 2 * WITH_NAN])):  # fmt: skip
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin",
                     "nanmedian"):  # fmt: skip
            for axis in (None, 0, -1, (0, 1)):
                for keepdims in (False, True):
                    got = getattr(pt, name)(x, axis, keepdims=keepdims)
                    wanted = getattr(np, name)(a, axis, keepdims=keepdims)
                    rows.append((f"{name} {a.dtype} {axis}", got, wanted))
        for ddof in (1, 3, 5):
            rows.append((f"ddof {ddof}", pt.nanvar(x, -1, ddof=ddof), np.nanvar(a, -1, ddof=ddof)))
        some = np.nan_to_num(a, nan=0.5) > 0
        rows.append(("where", pt.nanmean(x, where=some), np.nanmean(a, where=some)))
    compare(inputs, arrays, rows, rtol=1e-6)


def test_nan_arguments_and_quantiles():
    a = WITH_NAN[[0, 2, 3]]
    x, empty = symbolic(a), symbolic(WITH_NAN)
    rows = [
        (f"{name} {axis}", getattr(pt, name)(x, axis), getattr(np, name)(a, axis))
        for name in ("nanargmax", "nanargmin") for axis in (None, 1)
    ]  # fmt: skip
    rows += [
        ("-1", pt.nanargmax(empty, 1), np.array([2, -1, 4, 0])),
        ("keepdims", pt.nanargmin(x, 1, keepdims=True), np.nanargmin(a, 1, keepdims=True)),
        ("ints", pt.nanargmax([3, 5, 1]), np.array(1)),
    ]
    b = WITH_NAN[:3]
    y = symbolic(b)
    for method in METHODS:
        rows.append((f"quantile {method}", pt.nanquantile(y, QS, 1, method=method),
                     np.nanquantile(b, QS, 1, method=method)))  # fmt: skip
    rows.append(("percentile", pt.nanpercentile(y, 30), np.nanpercentile(b, 30)))
    compare([x, empty, y], [a, WITH_NAN, b], rows, rtol=1e-14)


def test_averages():
    rng = np.random.default_rng(1)
    a, w, v = rng.normal(size=(3, 4, 2)), rng.uniform(size=(3, 4, 2)), rng.uniform(size=(2, 3))
    x, y, z = symbolic(a), symbolic(w), symbolic(v)
    rows = [
        ("plain", pt.average(x, 1), np.average(a, 1)),
        ("all", pt.average(x, weights=y), np.average(a, weights=w)),
        ("axes", pt.average(x, (0, 2), y, keepdims=True), np.average(a, (0, 2), w, keepdims=True)),
        ("of axes", pt.average(x, (2, 0), z), np.average(a, (2, 0), v)),
        ("vector", pt.average(x, 2, z[:, 0]), np.average(a, 2, v[:, 0])),
        (
            "ints",
            pt.average([1, 2, 4], weights=[1, 1, 2]),
            np.average([1, 2, 4], weights=[1, 1, 2]),
        ),
    ]
    pair = zip(pt.average(x, 1, y, True), np.average(a, 1, w, True), strict=True)
    rows += [("returned", *both) for both in pair]
    pair = zip(pt.average(x, 1, returned=True), np.average(a, 1, returned=True), strict=True)
    rows += [("returned", *both) for both in pair]
    compare([x, y, z], [a, w, v], rows, rtol=1e-14)
    with pytest.raises(GraphError, match="average: weights are of shape"):
        pt.average(pt.zeros((3, 4)), 1, pt.zeros((3,)))


def test_covariances():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(3, 9)), rng.normal(size=(9,))
    f, w = rng.integers(0, 4, 9), rng.uniform(size=9)
    x, y, n, m = symbolic(a), symbolic(b), symbolic(f), symbolic(w)
    rows = [
        ("plain", pt.cov(x), np.cov(a)),
        ("columns", pt.cov(x, rowvar=False), np.cov(a, rowvar=False)),
        ("with y", pt.cov(x, y), np.cov(a, b)),
        ("bias", pt.cov(x, bias=True), np.cov(a, bias=True)),
        ("ddof", pt.cov(x, ddof=0), np.cov(a, ddof=0)),
        ("one", pt.cov(y), np.cov(b)),
        ("counts", pt.cov(x, fweights=n), np.cov(a, fweights=f)),
        ("weights", pt.cov(x, aweights=m), np.cov(a, aweights=w)),
        ("both", pt.cov(x, fweights=n, aweights=m), np.cov(a, fweights=f, aweights=w)),
        ("both, ddof", pt.cov(x, fweights=n, aweights=m, ddof=0),
         np.cov(a, fweights=f, aweights=w, ddof=0)),
        ("float32", pt.cov(x, dtype="float32"), np.cov(a, dtype="float32")),
        ("corrcoef", pt.corrcoef(x), np.corrcoef(a)),
        ("corrcoef of y", pt.corrcoef(x, y), np.corrcoef(a, b)),
        ("corrcoef columns", pt.corrcoef(x, rowvar=False), np.corrcoef(a, rowvar=False)),
        ("corrcoef of one", pt.corrcoef(y), np.corrcoef(b)),
        ("integers", pt.cov(n, bias=True), np.cov(f, bias=True)),
    ]  # fmt: skip
    compare([x, y, n, m], [a, b, f, w], rows, rtol=1e-6)
    one = pt.function([x], pt.cov(x), target="machine")(a[:, :1])
    assert_same(one, np.cov(a[:, :1]))
    for wrong, text in (({"fweights": [0.5] * 9}, "fweights are integers"),
                        ({"aweights": [-1.0] * 9}, "aweights are not negative"),
                        ({"aweights": pt.matrix("w")}, "aweights is a vector")):  # fmt: skip
        with pytest.raises(GraphError, match=text):
            pt.cov(pt.zeros((3, 9)), **wrong)
    with pytest.raises(GraphError, match="cov: 8 fweights for 9 observations"):
        pt.cov(pt.zeros((3, 9)), fweights=np.ones(8, int))


def test_logsumexp_with_signs():
    a = np.array([[1.0, 2.0, -np.inf], [1000.0, 1000.0, 999.0], [-np.inf] * 3, [0.0, 0.0, -np.inf],
                  [np.inf, 1.0, 2.0]])  # fmt: skip
    b = np.array([[1.0, -2.0, 5.0], [1.0, -1.0, 0.0], [1.0, 2.0, 3.0], [1.0, -1.0, 2.0],
                  [-2.0, 1.0, 0.0]])  # fmt: skip
    x, y = symbolic(a), symbolic(b)
    rows = []
    for keepdims in (False, True):
        for given, weights in ((y, b), (None, None)):
            pair = zip(pt.logsumexp(x, 1, given, keepdims, True),
                       special.logsumexp(a, 1, weights, keepdims, True), strict=True)  # fmt: skip
            rows += [(f"{keepdims} {weights is None}", *both) for both in pair]
    for _, _, wanted in rows[:2]:  # terms that cancel, where SciPy has nan
        wanted[1] = -np.inf if wanted is rows[0][2] else 0.0
    for _, _, wanted in rows[4:6]:
        wanted[1] = -np.inf if wanted is rows[4][2] else 0.0
    kept = [0, 2, 4]
    rows.append(("no sign", pt.logsumexp(x, 1, y)[kept], special.logsumexp(a, 1, b)[kept]))
    compare([x, y], [a, b], rows, rtol=1e-14)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pt.median(x, 1),
        lambda x: pt.quantile(x, [0.1, 0.6, 1.0], 0),
        lambda x: pt.quantile(x, 0.3, method="median_unbiased"),
        lambda x: pt.nanmedian(x) * pt.nanstd(x),
        lambda x: pt.quantile(x[0], pt.sigmoid(x[1])),
        lambda x: pt.cov(x, aweights=pt.exp(x[0])),
        lambda x: pt.corrcoef(x),
        lambda x: pt.average(x, 1, pt.exp(x)),
        lambda x: pt.logsumexp(x, 1, pt.exp(x)),
        lambda x: pt.logsumexp(x, 0, -pt.square(x), False, True)[0],
    ],
    ids=["median", "quantile", "unbiased", "nan", "by_q", "cov", "corr", "average", "lse", "sign"],
)
def test_derivatives(f):
    a = np.random.default_rng(6).normal(size=(3, 4))
    x = pt.matrix("x", shape=(3, 4))
    out = f(x)
    case = conform.Case(x.op, (x,), (a,), out * pt.exp(0.1 * out), True)
    conform.check_derivatives(case)


def test_a_nan_that_is_left_out_has_no_slope():
    x = pt.vector("x")
    a = np.array([1.0, np.nan, 4.0, 2.0])
    fs = (pt.nansum, pt.nanmean, pt.nanvar, pt.nanmax, pt.nanmedian,
          lambda v: pt.nanquantile(v, 0.2))  # fmt: skip
    slopes = pt.function([x], [pt.grad(f(x), x) for f in fs], target="machine")(a)
    for slope, wanted in zip(slopes[:2], ([1, 0, 1, 1], [1 / 3, 0, 1 / 3, 1 / 3]), strict=True):
        np.testing.assert_allclose(slope, wanted, rtol=1e-15)
    for slope in slopes:
        assert np.isfinite(slope).all() and slope[1] == 0.0
