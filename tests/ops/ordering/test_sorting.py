"""sort, argsort, lexsort, partition, topk, searchsorted and digitize against NumPy."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import GraphError
from probtensor.testing import conform
from tests.ops.ordering.comparison import DTYPES, EDGES, array_of, assert_same, compare, symbolic

SHAPES = ((7,), (0,), (1,), (3, 4), (2, 0, 3), (2, 3, 5))


def rows_of_sorts(x, a):
    yield "sort None", pt.sort(x, None), np.sort(a, None)
    yield "argsort None", pt.argsort(x, None), np.argsort(a, None, kind="stable")
    for axis in range(-1, a.ndim):
        yield f"sort {axis}", pt.sort(x, axis), np.sort(a, axis)
        yield f"argsort {axis}", pt.argsort(x, axis), np.argsort(a, axis, kind="stable")
        yield f"lexsort {axis}", pt.lexsort((x, x > 1), axis), np.lexsort((a, a > 1), axis)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sorts_are_those_of_numpy(dtype):
    inputs, arrays, rows = [], [], []
    for shape in SHAPES:
        a = array_of(dtype, shape)
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        rows += [(f"{label} of {shape}", *pair) for label, *pair in rows_of_sorts(x, a)]
    compare(inputs, arrays, rows)


def test_sorts_of_edges_and_of_every_length():
    x = pt.vector("x")
    f = pt.function([x], [pt.sort(x), pt.argsort(x)], target="machine")
    rng = np.random.default_rng(1)
    lengths = [*range(40), 63, 64, 65, 127, 128, 129, 191, 192, 193, 250, 257, 1000, 20_000]
    for n in lengths:
        for a in (rng.normal(size=n), rng.integers(0, 4, n) * 0.5, np.arange(n) * -1.0):
            values, order = f(a)
            assert_same(values, np.sort(a))
            assert_same(order, np.argsort(a, kind="stable"))
    values, order = f(EDGES)
    assert_same(values, np.sort(EDGES))
    assert_same(order, np.argsort(EDGES, kind="stable"))
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000001], "uint64").view("float64")
    assert_same(f(np.r_[bits, 1.0])[1], [2, 0, 1])  # a nan of either sign


def test_integers_over_their_whole_range():
    rng = np.random.default_rng(2)
    a = rng.integers(-(2**63), 2**63 - 1, 5000)
    u = a.view("uint64")
    i, k = symbolic(a), symbolic(u)
    rows = [
        ("int64", pt.sort(i), np.sort(a)),
        ("argsort", pt.argsort(i), np.argsort(a, kind="stable")),
        ("uint64", pt.sort(k), np.sort(u)),
        ("argsort of uint64", pt.argsort(k), np.argsort(u, kind="stable")),
    ]
    compare([i, k], [a, u], rows)


def test_complex_numbers_are_sorted_by_their_parts():
    rng = np.random.default_rng(4)
    a = rng.integers(0, 3, (2, 9)) + 1j * rng.integers(0, 3, (2, 9))
    a[0, 2] = complex(0.0, np.nan)
    z, c = symbolic(a), symbolic(a.astype("complex64"))
    rows = [
        ("sort", pt.sort(z), np.sort(a)),
        ("axis 0", pt.sort(c, 0), np.sort(a.astype("complex64"), 0)),
        ("argsort", pt.argsort(z), np.argsort(a, kind="stable")),
        ("unique", pt.unique(z[1]), np.unique(a[1])),
        ("cumsum", pt.cumsum(z[1]), np.cumsum(a[1])),
        ("cumprod", pt.cumprod(z[1]), np.cumprod(a[1])),
        ("columns", pt.cumsum(c, 0), np.cumsum(a.astype("complex64"), 0)),
        ("nansum", pt.nansum(z, 1), np.nansum(a, 1)),
        ("nanmean", pt.nanmean(z, 1), np.nanmean(a, 1)),
    ]
    compare([z, c], [a, a.astype("complex64")], rows, rtol=1e-15)
    for refused in (pt.median, pt.cummax, lambda x: pt.topk(x, 1)):
        with pytest.raises(GraphError, match="complex"):
            refused(z)


def test_lexsort_of_a_tensor_whose_first_axis_counts_keys():
    keys = np.random.default_rng(3).integers(0, 3, (3, 2, 8)).astype(float)
    x = symbolic(keys)
    rows = [(f"axis {axis}", pt.lexsort(x, axis), np.lexsort(keys, axis)) for axis in (-1, 0, 1)]
    compare([x], [keys], [*rows, ("of a vector", pt.lexsort(x[0, 0]), np.lexsort(keys[0, 0]))])
    for wrong in ((), pt.as_tensor(1.0), (x, x[0])):
        with pytest.raises(GraphError, match="lexsort"):
            pt.lexsort(wrong)


@pytest.mark.parametrize("kth", [0, 3, -1, [1, 4], [2, 2, 0]])
def test_partitions(kth):
    for dtype in ("float64", "float32", "int8", "int32", "int64", "bool", "uint32", "uint64"):
        a = array_of(dtype, (3, 6))
        if dtype == "float64":
            a[0, 2:4] = np.nan
        x = symbolic(a)
        f = pt.function([x], [pt.partition(x, kth), pt.argpartition(x, kth)], target="machine")
        values, order = f(a)
        assert_same(values, np.take_along_axis(a, order, 1))
        ordered = np.sort(a, 1)
        for k in np.atleast_1d(kth) % 6:
            assert_same(values[:, k], ordered[:, k])
            assert_same(np.sort(values[:, :k], 1), ordered[:, :k])
            assert_same(np.sort(values[:, k:], 1), ordered[:, k:])


def test_partition_of_other_axes_and_refusals():
    a = array_of("float64", (4, 5))
    x = symbolic(a)
    rows = [
        ("axis 0", pt.sort(pt.partition(x, 2, axis=0)[:2], 0), np.sort(a, 0)[:2]),
        ("None", pt.partition(x, 7, None)[7], np.sort(a, None)[7]),
        ("method", x.argpartition(0)[:, 0], np.argmin(a, 1)),
    ]
    compare([x], [a], rows)
    with pytest.raises(GraphError, match="partition: there is no place 5 among 5 elements"):
        pt.partition(pt.as_tensor(a), 5)
    with pytest.raises(GraphError, match="partition: kth is an integer"):
        pt.partition(x, 1.5)
    with pytest.raises(GraphError, match="partition: kind is one of 'introselect'"):
        pt.partition(x, 1, kind="quicksort")


def top(a, k, axis):
    """The largest (smallest) elements along an axis, and the indices, equal ones in their order."""
    if k < 0:
        order = np.argsort(a, axis, kind="stable")
    else:
        n = a.shape[axis]
        order = n - 1 - np.flip(np.argsort(np.flip(a, axis), axis, kind="stable"), axis)
    order = np.take(order, range(abs(k)), axis)
    return np.take_along_axis(a, order, axis), order


def test_topk():
    rows, inputs, arrays = [], [], []
    for dtype in ("float64", "float32", "int8", "uint64", "bool"):
        a = array_of(dtype, (3, 6))
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        for k, axis in ((2, -1), (6, 1), (-2, 1), (1, 0), (-3, 0)):
            values, order = top(a, k, axis)
            rows += [(f"{dtype} {k} {axis}", pt.topk(x, k, axis), values),
                     (f"arg {dtype} {k} {axis}", pt.argtopk(x, k, axis), order)]  # fmt: skip
    many, nan = np.random.default_rng(0).normal(size=100), EDGES
    x, y = symbolic(many), symbolic(nan)
    values, order = pt.topk_and_argtopk(x, 30, idx_dtype="int32")
    rows += [
        ("many", values, top(many, 30, 0)[0]),
        ("their indices", order, top(many, 30, 0)[1].astype("int32")),
        ("nan", pt.topk(y, 4), top(nan, 4, 0)[0]),
    ]
    compare([*inputs, x, y], [*arrays, many, nan], rows)
    for wrong in (0, 4, -4):
        with pytest.raises(GraphError, match="topk: kth is from 1 to the size"):
            pt.topk(pt.zeros((3,)), wrong)


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: pt.topk(x, 6), "topk: there are no 6 among 5 elements along axis 0"),
        (lambda x: pt.sum(pt.topk(x, -6)), "topk: there are no 6 among 5"),
        (lambda x: pt.argtopk(x, 1 + x.shape[0]), "argtopk: there are no 6 among 5"),
        (lambda x: pt.partition(x, 5), "partition: there is no place 5 among 5 elements"),
        (lambda x: pt.argpartition(x, [4, -6]), "argpartition: there is no place -6 among 5"),
    ],
    ids=["topk", "smallest", "of its size", "partition", "argpartition"],
)
def test_a_call_refuses_places_that_it_has_not(f, text):
    x = pt.vector("x")
    g = pt.function([x], f(x), target="interp")
    with pytest.raises(ValueError, match=text):
        g(np.arange(5.0))


def test_largest_and_smallest():
    a, b = np.array([1.0, 5.0, np.nan]), np.array([4.0, 2.0, 1.0])
    x, y = pt.vector("x"), pt.vector("y")
    rows = [
        ("largest", pt.largest(x, y, 3.0), np.maximum(np.maximum(a, b), 3.0)),
        ("smallest", pt.smallest(x, y, 3.0), np.minimum(np.minimum(a, b), 3.0)),
        ("of one", pt.largest(pt.stack([x, y])), np.maximum(a, b)),
    ]
    compare([x, y], [a, b], rows)
    with pytest.raises(GraphError, match="largest: there is nothing"):
        pt.largest()


def test_searches():
    rng = np.random.default_rng(5)
    rows, inputs, arrays = [], [], []
    for dtype in ("float64", "float32", "int64", "int8", "uint64"):
        for n, shape in ((0, (3,)), (1, (4,)), (9, (2, 3)), (200, (30,)), (5, ())):
            a, v = np.sort(array_of(dtype, n)), array_of(dtype, shape, seed=9)
            x, y = symbolic(a), symbolic(v)
            inputs += [x, y]
            arrays += [a, v]
            for side in ("left", "right"):
                rows.append((f"{dtype} {n} {shape} {side}", pt.searchsorted(x, y, side),
                             np.searchsorted(a, v, side)))  # fmt: skip
    compare(inputs, arrays, rows)
    a, edged = rng.normal(size=20), np.sort(EDGES)
    by_order = np.searchsorted(a, 0.5, sorter=np.argsort(a))
    x, e = pt.vector("x"), pt.vector("e")
    rows = [
        ("sorter", pt.searchsorted(x, 0.5, sorter=pt.argsort(x)), by_order),
        ("edges", pt.searchsorted(e, EDGES), np.searchsorted(edged, EDGES)),
        ("right", pt.searchsorted(e, EDGES, "right"), np.searchsorted(edged, EDGES, "right")),
        ("mixed", pt.searchsorted([1, 2, 3], e), np.searchsorted([1, 2, 3], edged)),
        ("method", pt.sort(x).searchsorted(0.0), np.searchsorted(np.sort(a), 0.0)),
    ]
    compare([x, e], [a, edged], rows)
    with pytest.raises(GraphError, match="searchsorted: side is 'left' or 'right', not 'middle'"):
        pt.searchsorted(x, 1.0, "middle")
    with pytest.raises(GraphError, match="searchsorted: a is a vector"):
        pt.searchsorted(pt.matrix("m"), 1.0)


def test_digitize():
    a = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 7.0, np.nan])
    edges = np.array([0.0, 1.0, 1.0, 2.0])
    x, e = pt.vector("x"), pt.vector("e")
    rows = [
        (f"{bins} {right}", pt.digitize(x, e[::step], right), np.digitize(a, edges[::step], right))
        for bins, step in (("up", 1), ("down", -1))
        for right in (False, True)
    ]
    rows += [("none", pt.digitize(x, e[:0]), np.digitize(a, edges[:0])),
             ("one", pt.digitize(x, e[:1]), np.digitize(a, edges[:1]))]  # fmt: skip
    compare([x, e], [a, edges], rows)
    with pytest.raises(GraphError, match="digitize: the edges neither ascend nor descend"):
        pt.digitize(x, [1.0, 3.0, 2.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pt.sort(x, 0),
        lambda x: pt.sort(x**2, None),
        lambda x: pt.partition(x, 1),
        lambda x: pt.topk(x, 2),
        lambda x: pt.topk(x, -2, 0),
        lambda x: pt.largest(x, x**2),
    ],
    ids=["sort", "sort_all", "partition", "topk", "smallest", "largest"],
)
def test_derivatives(f):
    a = np.random.default_rng(6).normal(size=(3, 4))
    x = pt.matrix("x", shape=(3, 4))
    case = conform.Case(x.op, (x,), (a,), f(x) * pt.exp(f(x)), True)
    conform.check_derivatives(case)


def test_batches_are_those_of_items():
    a = np.random.default_rng(7).normal(size=(3, 6))
    x, row = pt.matrix("x"), pt.vector("row")
    fs = (pt.sort, pt.argsort, lambda v: pt.topk(v, 2), lambda v: pt.partition(v, 2),
          lambda v: pt.searchsorted(pt.sort(v), v), lambda v: pt.isin(v, v[:2]))  # fmt: skip
    found = pt.function([x], [pt.vmap(f)(x) for f in fs], target="machine")(a)
    one = pt.function([row], [f(row) for f in fs], target="machine")
    for k, wanted in enumerate(zip(*(one(item) for item in a), strict=True)):
        assert_same(found[k], np.stack(wanted))


def test_numpy_calls_reach_them():
    x = pt.vector("x")
    assert np.sort(x) is pt.sort(x) and np.argsort(x) is pt.argsort(x)
    assert np.partition(x, 1) is pt.partition(x, 1)
    assert np.searchsorted(x, 1.0) is pt.searchsorted(x, 1.0)
    assert np.digitize(x, [0.0, 1.0]) is pt.digitize(x, [0.0, 1.0])
