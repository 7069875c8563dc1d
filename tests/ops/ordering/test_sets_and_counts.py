"""Sets, distinct rows, counts, histograms, and slopes of tables against NumPy."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import GraphError
from probtensor.testing import conform
from tests.ops.ordering.comparison import EDGES, array_of, assert_same, compare, symbolic

PAIRS = (
    (array_of("int64", 12, 1) % 7, array_of("int64", (2, 5), 2) % 7),
    (array_of("float64", 30, 3), array_of("float64", 40, 4)),
    (np.array([3, 1, 2, 3], "uint8"), np.array([2.5, 3.0])),
    (np.zeros(0), np.array([1.0, 2.0])),
    (np.array([1.0, np.nan, np.nan]), np.array([np.nan, 1.0])),
    (np.array([True, False]), np.array([True])),
)


def test_sets():
    inputs, arrays, rows = [], [], []
    for k, (a, b) in enumerate(PAIRS):
        x, y = symbolic(a), symbolic(b)
        inputs += [x, y]
        arrays += [a, b]
        for name in ("union1d", "intersect1d", "setdiff1d", "setxor1d", "isin"):
            rows.append((f"{name} {k}", getattr(pt, name)(x, y), getattr(np, name)(a, b)))
            rows.append((f"{name} {k}, swapped", getattr(pt, name)(y, x), getattr(np, name)(b, a)))
        rows.append((f"inverted {k}", pt.isin(y, x, invert=True), np.isin(b, a, invert=True)))
        rows.append((f"in1d {k}", pt.in1d(y, x), np.isin(b.ravel(), a)))
        rows += [
            (f"with indices {k}", *pair)
            for pair in zip(
                pt.intersect1d(x, y, return_indices=True),
                np.intersect1d(a, b, return_indices=True),
                strict=True,
            )
        ]
    compare(inputs, arrays, rows)


def test_sets_of_unique_vectors_and_of_given_sizes():
    a, b = np.array([5, 1, 3]), np.array([3, 9, 5])
    x, y = symbolic(a), symbolic(b)
    rows = [
        ("setdiff1d", pt.setdiff1d(x, y[:1], True), np.setdiff1d(a, b[:1], True)),
        ("setxor1d", pt.setxor1d(x, y, True), np.setxor1d(a, b, True)),
        ("intersect1d", pt.intersect1d(x, y, True), np.intersect1d(a, b, True)),
        ("few", pt.isin(x, [3, 4]), np.isin(a, [3, 4])),
        ("none", pt.isin(x, []), np.isin(a, [])),
        ("sized", pt.intersect1d(x, y, size=3, fill_value=-1), np.array([3, 5, -1])),
        ("sized", pt.union1d(x, y, size=5, fill_value=0), np.array([1, 3, 5, 9, 0])),
        ("sized", pt.setdiff1d(x, y, size=2, fill_value=7), np.array([1, 7])),
    ]
    compare([x, y], [a, b], rows)
    with pytest.raises(GraphError, match="isin: kind is None, 'sort' or 'table', not 'hash'"):
        pt.isin(x, y, kind="hash")


ROWS = (
    np.array([[1, 2], [0, 5], [1, 2], [0, 4]]),
    np.array([[[0.5, 1.0], [0.0, 1.0]], [[0.5, 1.0], [0.5, 1.0]], [[0.5, 1.0], [0.0, 1.0]]]),
    np.array([[np.nan, 1.0], [np.nan, 1.0], [0.0, 1.0], [-0.0, 1.0]]),
    np.zeros((0, 2)),
    np.array([[True, False], [True, False]]),
    np.array([[2**63, 1], [3, 1]], "uint64"),
)


def test_unique_of_elements_and_of_entries_along_an_axis():
    inputs, arrays, rows = [], [], []
    for k, a in enumerate((*ROWS, EDGES, EDGES.astype("float32"))):
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        for axis in (None, *range(-1, a.ndim)):
            asked = (True, True, True)
            found = pt.unique(x, *asked, axis=axis)
            wanted = np.unique(a, *asked, axis=axis)
            rows += [(f"{k} {axis}", *pair) for pair in zip(found, wanted, strict=True)]
            rows.append((f"{k} {axis} alone", pt.unique(x, axis=axis), np.unique(a, axis=axis)))
        rows.append((f"{k} nan", pt.unique(x, equal_nan=False), np.unique(a, equal_nan=False)))
    compare(inputs, arrays, rows)
    x = symbolic(ROWS[0])
    values, counts = pt.unique(x, axis=0, return_counts=True, size=4, fill_value=-1)
    f = pt.function([x], [values, counts], target="machine")
    assert_same(f(ROWS[0])[0], [[0, 4], [0, 5], [1, 2], [-1, -1]])
    assert_same(f(ROWS[0])[1], [1, 1, 2, 0])


def test_derivative_of_unique_is_that_of_the_first_of_each():
    x = pt.vector("x")
    a = np.array([3.0, 1.0, 3.0, 2.0])
    weights = pt.as_tensor([10.0, 20.0, 30.0])
    for found in (pt.unique(x), pt.unique(x, return_index=True)[0],
                  pt.unique(x[:, None], axis=0)[:, 0]):  # fmt: skip
        slope = pt.function([x], pt.grad(pt.sum(found * weights[: found.shape[0]]), x),
                            target="machine")  # fmt: skip
        assert_same(slope(a), [30.0, 10.0, 0.0, 20.0])


def test_counts():
    a, w = np.array([3, 0, 3, 1, 3]), np.array([0.5, 1.0, -2.0, 4.0, 0.25])
    x, y, n, none = symbolic(a), symbolic(w), pt.iscalar("n"), pt.lvector("none")
    rows = [
        ("plain", pt.bincount(x), np.bincount(a)),
        ("weights", pt.bincount(x, y), np.bincount(a, w)),
        ("minlength", pt.bincount(x, minlength=7), np.bincount(a, minlength=7)),
        ("symbolic", pt.bincount(x, y, n), np.bincount(a, w, 9)),
        ("float32", pt.bincount(x, y.astype("float32")), np.bincount(a, w.astype("float32"))),
        ("uint8", pt.bincount(x.astype("uint8")), np.bincount(a.astype("uint8"))),
        ("bool", pt.bincount(pt.gt(x, 1)), np.bincount(a > 1)),
        ("none", pt.bincount(none), np.bincount(a[:0])),
        ("none", pt.bincount(none, minlength=3), np.bincount(a[:0], minlength=3)),
        ("length", pt.bincount(x, length=5), np.bincount(a, minlength=5)),
        ("slope", pt.grad(pt.sum(pt.bincount(x, y) ** 2), y), 2 * np.bincount(a, w)[a]),
    ]
    compare([x, y, n, none], [a, w, 9, a[:0]], rows)
    f = pt.function([x], pt.bincount(x), target="machine")
    with pytest.raises(ValueError, match="-1"):
        f(np.array([1, -1]))
    for wrong in (np.array([1, -1]), np.array([1, 2])):
        with pytest.raises(IndexError):
            pt.function([x], pt.bincount(x, length=2), target="machine")(wrong)
    for wrong, text in ((pt.vector("f"), "x holds integers, not float64"),
                        (pt.lmatrix("m"), "x is a vector")):  # fmt: skip
        with pytest.raises(GraphError, match=f"bincount: {text}"):
            pt.bincount(wrong)
    with pytest.raises(GraphError, match="bincount: 2 weights for 3 elements"):
        pt.bincount([1, 2, 3], [1.0, 2.0])


HISTOGRAMS = (
    {}, {"bins": 3}, {"bins": 4, "range": (-1.0, 2.0)}, {"bins": np.array([-2.0, 0.0, 0.5, 3.0])},
    {"bins": 5, "density": True}, {"bins": np.array([-2.0, 0.0, 0.5, 3.0]), "density": True},
    *({"bins": name} for name in ("sqrt", "sturges", "rice", "scott", "doane", "fd", "auto")),
)  # fmt: skip


def test_histograms():
    rng = np.random.default_rng(0)
    inputs, arrays, rows = [], [], []
    for a in (rng.normal(size=200), rng.normal(size=(3, 5)), rng.integers(-3, 9, 50),
              np.full(4, 2.5), np.array([0.0, 1.0, 1.0, 3.0]), np.zeros(0)):  # fmt: skip
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        for k, options in enumerate(HISTOGRAMS):
            if options.get("density") and not a.size:
                continue
            found, wanted = pt.histogram(x, **options), np.histogram(a, **options)
            label = f"{a.shape} {k} {options.get('bins')}"
            rows += [(label, *pair) for pair in zip(found, wanted, strict=True)]
    compare(inputs, arrays, rows, rtol=1e-14)


def test_histograms_with_weights_and_other_values():
    rng = np.random.default_rng(1)
    a, w = rng.normal(size=(4, 9)), rng.uniform(size=(4, 9))
    a[0, :3] = [1.5, -1.5, 0.5]
    x, y, e = symbolic(a), symbolic(w), symbolic(EDGES)
    bins = np.array([-1.5, -0.5, 0.5, 1.5])
    rows = [
        ("weights", pt.histogram(x, bins, weights=y)[0], np.histogram(a, bins, weights=w)[0]),
        ("integers", pt.histogram(x, bins, weights=(y * 9).astype("int64"))[0],
         np.histogram(a, bins, weights=(w * 9).astype("int64"))[0]),
        ("density", pt.histogram(x, bins, weights=y, density=True)[0],
         np.histogram(a, bins, weights=w, density=True)[0]),
        ("edges", pt.histogram_bin_edges(x, 7), np.histogram_bin_edges(a, 7)),
        ("nan and inf", pt.histogram(e, bins)[0], np.histogram(EDGES, bins)[0]),
        ("range", pt.histogram(e, 4, (-3.0, 4.0))[0], np.histogram(EDGES, 4, (-3.0, 4.0))[0]),
        ("not finite", pt.histogram(e, 4)[0], np.zeros(4, int)),
        ("NumPy", np.histogram(x, bins=bins)[0], np.histogram(a, bins=bins)[0]),
    ]  # fmt: skip
    compare([x, y, e], [a, w, EDGES], rows, rtol=1e-14)
    for options, text in (({"bins": 0}, "bins is a number of at least 1"),
                          ({"bins": [1.0, 0.0]}, "the edges of the bins do not ascend"),
                          ({"bins": "best"}, "bins is a number, edges, or one of"),
                          ({"range": (2.0, 1.0)}, "range is from a smaller"),
                          ({"weights": pt.zeros((3,))}, "weights are of the shape")):  # fmt: skip
        with pytest.raises(GraphError, match=f"histogram: {text}"):
            pt.histogram(pt.zeros((4,)), **options)


def test_histograms_of_several_dimensions():
    rng = np.random.default_rng(2)
    a, w = rng.normal(size=(60, 3)), rng.uniform(size=60)
    x, y = pt.matrix("x", shape=(None, 3)), symbolic(w)
    edges = [np.array([-1.0, 0.0, 1.0]), np.array([-2.0, 0.5, 2.0]), np.array([0.0, 1.0])]
    cases = (
        {}, {"bins": 3}, {"bins": [2, 3, 4]}, {"bins": edges}, {"bins": [2, edges[1], 3]},
        {"bins": 2, "range": [(-1.0, 1.0), None, (0.0, 2.0)]}, {"bins": 4, "density": True},
    )  # fmt: skip
    rows = []
    for k, options in enumerate(cases):
        found, wanted = pt.histogramdd(x, **options), np.histogramdd(a, **options)
        rows.append((f"{k}", found[0], wanted[0]))
        rows += [(f"edges {k}", *pair) for pair in zip(found[1], wanted[1], strict=True)]
    rows += [
        ("weights", pt.histogramdd(x, 3, weights=y)[0], np.histogramdd(a, 3, weights=w)[0]),
        ("list", pt.histogramdd([x[:, 0], x[:, 1]], 3)[0], np.histogramdd(a[:, :2], 3)[0]),
    ]
    for bins in (4, [3, 5], edges[:2], edges[0]):
        pair = zip(pt.histogram2d(x[:, 0], x[:, 1], bins), np.histogram2d(a[:, 0], a[:, 1], bins),
                   strict=True)  # fmt: skip
        rows += [("2d", *both) for both in pair]
    compare([x, y], [a, w], rows, rtol=1e-13)
    with pytest.raises(GraphError, match="histogramdd: bins for 2 of 3 dimensions"):
        pt.histogramdd(x, [2, 3])


def test_slopes_and_integrals_of_tables():
    rng = np.random.default_rng(3)
    a, at = rng.normal(size=(4, 5)), np.sort(rng.normal(size=5))
    x, t, i = symbolic(a), symbolic(at), symbolic(np.array([1, 4, 9, 15], "uint8"))
    ints = np.array([1, 4, 9, 15], "uint8")
    rows = [
        ("trapezoid", pt.trapezoid(x), np.trapezoid(a)),
        ("dx", pt.trapezoid(x, dx=0.5, axis=0), np.trapezoid(a, dx=0.5, axis=0)),
        ("x", pt.trapezoid(x, t), np.trapezoid(a, at)),
        ("along 0", pt.trapezoid(x, t[:4], axis=0), np.trapezoid(a, at[:4], axis=0)),
        ("x of shape", pt.trapezoid(x, x**2), np.trapezoid(a, a**2)),
    ]  # fmt: skip
    slopes = pt.gradient
    for order in (1, 2):
        o = {"edge_order": order}
        for given, arrays in (((), ()), ((0.5,), (0.5,)), ((0.5, t), (0.5, at))):
            pair = zip(slopes(x, *given, **o), np.gradient(a, *arrays, **o), strict=True)
            rows += [(f"gradient {order}", *both) for both in pair]
        one = slopes(x, t, axis=1, **o), np.gradient(a, at, axis=1, **o)
        rows.append((f"axis {order}", *one))
        rows.append((f"ints {order}", slopes(i, **o), np.gradient(ints, **o)))
    rows.append(("NumPy", np.gradient(x, axis=0), np.gradient(a, axis=0)))
    rows.append(("float32", slopes(x.astype("float32")[0]), np.gradient(a.astype("f4")[0])))
    compare([x, t, i], [a, at, ints], rows, rtol=1e-6)
    for args, text in (((pt.zeros((1,)),), "axis 0 has 1 elements"),
                       ((pt.zeros((3, 3)), 1.0, 1.0, 1.0), "3 distances for 2 axes"),
                       ((pt.zeros((3,)), pt.zeros((2,))), "2 places for axis 0")):  # fmt: skip
        with pytest.raises(GraphError, match=f"gradient: {text}"):
            pt.gradient(*args)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pt.trapezoid(x, pt.exp(x[0])),
        lambda x: pt.gradient(x, pt.cumsum(pt.exp(x[0])), axis=1, edge_order=2),
        lambda x: pt.histogram(x, [-1.0, 0.0, 1.0], weights=pt.exp(x))[0],
    ],
    ids=["trapezoid", "gradient", "histogram"],
)
def test_derivatives(f):
    a = np.random.default_rng(6).normal(size=(3, 4))
    x = pt.matrix("x", shape=(3, 4))
    conform.check_derivatives(conform.Case(x.op, (x,), (a,), f(x) * 1.5, True))


def test_unique_by_the_names_of_the_array_api():
    a = np.array([[2.0, np.nan, -1.0], [2.0, np.nan, 0.0]])
    x = symbolic(a)
    rows = []
    for name in ("unique_all", "unique_counts", "unique_inverse"):
        found, meant = getattr(pt, name)(x), getattr(np, name)(a)
        assert found._fields == meant._fields
        rows += [(name, got, value) for got, value in zip(found, meant, strict=True)]
    rows.append(("unique_values", pt.unique_values(x), np.unique_values(a)))
    found = pt.function([x], [got for _, got, _ in rows], target="machine")(a)
    for (name, _, meant), got in zip(rows, found, strict=True):
        got, meant = (np.sort(v) if name == "unique_values" else v for v in (got, meant))
        np.testing.assert_array_equal(got, meant, err_msg=name)


def test_the_histogram_of_bools_has_the_bins_of_the_numbers_0_and_1():
    x = pt.vector("x", dtype="bool")
    histogram = pt.function([x], list(pt.histogram(x, 4)), target="interp")
    for values in ([True, False, True], [True, True], []):
        wanted = np.histogram(np.array(values, "uint8"), 4)
        for got, want in zip(histogram(np.array(values, bool)), wanted, strict=True):
            np.testing.assert_array_equal(got, want)
