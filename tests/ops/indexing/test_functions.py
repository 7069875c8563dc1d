"""Functions of indices, against NumPy."""

import itertools

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from tests.ops.numpy_twin import check, compare, static, symbolic

rng = np.random.default_rng(8)
A = rng.normal(size=(4, 3))
CUBE = rng.normal(size=(3, 3, 3))
DTYPES = ["float64", "float32", "int64", "int8", "bool"]


def written(function, a, *args):
    """What one of NumPy's functions that write into an array leaves there."""
    out = np.array(a)
    function(out, *args)
    return out


# choose


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_choose(mode):
    index = rng.integers(0, 3, (4, 3)) if mode == "raise" else rng.integers(-7, 8, (4, 3))
    rows = [A, 2 * A[:1], np.float64(3.0)]
    check(lambda i, x: ops.choose(i, [x, 2 * x[:1], 3.0], mode=mode),
          lambda i, a: np.choose(i, rows, mode=mode), index, A)  # fmt: skip
    check(lambda i, x: ops.choose(i, x, mode=mode),
          lambda i, a: np.choose(i, a, mode=mode), index[:3, 0] % 3, CUBE[:, :1])  # fmt: skip
    check(lambda x: ops.choose(2, x, mode=mode), lambda a: np.choose(2, a, mode=mode), CUBE)
    i = ops.tensor("i", index.shape, "int64")
    compare(i.choose([1, 2.5, 4], mode), index.choose([1, 2.5, 4], mode=mode), [i], [index])


@pytest.mark.parametrize("dtype", DTYPES)
def test_choose_has_the_dtype_of_the_choices(dtype):
    choices = [np.zeros(4, dtype), np.ones(4, dtype)]
    check(lambda i: ops.choose(i, choices), lambda i: np.choose(i, choices), np.array([0, 1, 1, 0]))
    check(lambda m: ops.choose(m, choices), lambda m: np.choose(m, choices), np.arange(4) > 1)


def test_slopes_of_choose():
    index = np.array([[0, 1, 2], [2, 2, 0], [1, 0, 1], [0, 0, 0]])
    x, y, i = static(A, "x"), static(A[0], "y"), symbolic(index, "i")
    with np.errstate(all="ignore"):
        cost = pt.sum(ops.choose(i, [x * x, y, ops.log(y * 0)]) * np.arange(12.0).reshape(4, 3))
    of_x = pt.grad(cost, x)
    weights = np.arange(12.0).reshape(4, 3)
    compare(of_x, np.where(index == 0, 2 * A * weights, 0), [x, y, i], [A, A[0], index])
    second = pt.grad(pt.sum(of_x * of_x), x)
    compare(second, np.where(index == 0, 8 * A * weights**2, 0), [x, y, i], [A, A[0], index])


# Flat indices


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(6,), (2, 3), (3, 1, 4), (2, 3, 2, 2)])
def test_unravel_and_ravel_are_inverse(shape, order):
    n = int(np.prod(shape))
    for flat in (np.arange(n), np.arange(n, dtype="int8")[::-1].reshape(2, -1), np.array(n - 1),
                 np.zeros((0,), "int64"), rng.integers(0, n, (3, 2)).astype("uint64")):  # fmt: skip
        for k in range(len(shape)):
            def twin(i, k=k):
                return np.unravel_index(i.astype("int64"), shape, order)[k]

            check(lambda i, k=k: ops.unravel_index(i, shape, order)[k], twin, flat)
        columns = np.unravel_index(flat.astype("int64"), shape, order)
        check(lambda *i: ops.ravel_multi_index(i, shape, order=order),
              lambda *i: np.ravel_multi_index(i, shape, order=order), *columns)  # fmt: skip


def test_ravel_multi_index_has_modes_and_broadcasts():
    index = rng.integers(-9, 9, (5, 1)), rng.integers(-9, 9, (3,)), rng.integers(0, 2, ())
    for modes in itertools.product(["wrap", "clip"], repeat=2):
        mode = (*modes, "raise")
        check(lambda *i, mode=mode: ops.ravel_multi_index(i, (4, 3, 2), mode),
              lambda *i, mode=mode: np.ravel_multi_index(i, (4, 3, 2), mode), *index,
              makers=[static])  # fmt: skip
    x, i = symbolic(A), symbolic(index[1])
    rows = ops.ravel_multi_index((i, i), x.shape, "wrap")
    compare(rows, np.ravel_multi_index((index[1],) * 2, A.shape, "wrap"), [x, i], [A, index[1]])


def test_put():
    for ind, v in (([0, -1, 5], [7.0, 8.0]), ([[3, 3], [1, 2]], [1.0, 2.0, 3.0, 4.0]), (2, 9.0)):
        check(lambda x, ind=ind, v=v: ops.put(x, ind, v),
              lambda a, ind=ind, v=v: written(np.put, a, ind, v), A)  # fmt: skip
    for mode in ("wrap", "clip"):
        given = [13, -20, 4], [1.0, 2.0], mode
        check(lambda x, given=given: ops.put(x, *given),
              lambda a, given=given: written(np.put, a, *given), A)  # fmt: skip


def test_place_and_putmask():
    for values in ([1.0], [1.0, 2.0, 3.0, 4.0, 5.0], np.arange(12.0), np.arange(30.0)):
        for mask in (A > 0, A > 99, A < 99):
            for name in ("place", "putmask"):
                check(lambda x, m, name=name, v=values: getattr(ops, name)(x, m, v),
                      lambda a, m, name=name, v=values: written(getattr(np, name), a, m, v),
                      A, mask)  # fmt: skip
    check(lambda x: ops.putmask(x, x > 0, 2 * x), lambda a: np.where(a > 0, 2 * a, a), A)


# Along an axis


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_put_along_axis(axis):
    index = rng.integers(-2, 3, (4, 2) if axis != 0 else (2, 3))
    index = index.ravel() if axis is None else index
    values = rng.normal(size=index.shape)
    if axis is not None:  # NumPy leaves open which of several stays
        index = np.argsort(A, axis)[: index.shape[0], : index.shape[1]]
    else:
        index, values = np.array([3, -1, 5]), np.array([1.0, 2.0, 3.0])
    check(lambda x, i, v: ops.put_along_axis(x, i, v, axis),
          lambda a, i, v: written(np.put_along_axis, a, i, v, axis), A, index, values)  # fmt: skip
    check(lambda x, i: ops.put_along_axis(x, i, 0.5, axis),
          lambda a, i: written(np.put_along_axis, a, i, 0.5, axis), A, index)  # fmt: skip


def test_slice_at_axis():
    for axis in (0, 1, 2, -1, -2, -3):
        key = ops.slice_at_axis(slice(None, None, -2), axis)
        check(lambda x, key=key: x[key], lambda a, axis=axis: np.moveaxis(
            np.moveaxis(a, axis, 0)[::-2], 0, axis), CUBE)  # fmt: skip


def test_permutations():
    orders = rng.permuted(np.tile(np.arange(3), (4, 1)), axis=1)
    check(ops.inverse_permutation, lambda p: np.argsort(p, -1), orders)
    check(ops.inverse_permutation, lambda p: np.argsort(p).astype("int8"),
          orders[0].astype("int8"))  # fmt: skip
    check(lambda x, p: ops.permute_row_elements(x, p),
          lambda a, p: np.take_along_axis(a, p, -1), A, orders)  # fmt: skip
    check(lambda x, p: ops.permute_row_elements(x, p, inverse=True),
          lambda a, p: np.take_along_axis(a, np.argsort(p, -1), -1), A, orders)  # fmt: skip
    check(lambda x, p: ops.permute_row_elements(x, p),
          lambda a, p: np.take_along_axis(a[None], np.tile(p, (4, 1))[None], -1)[0],
          A, orders[0])  # fmt: skip
    x, p = static(A, "x"), static(orders, "p")
    slope = pt.grad(pt.sum(ops.permute_row_elements(x, p) * np.arange(12.0).reshape(4, 3)), x)
    meant = np.take_along_axis(np.arange(12.0).reshape(4, 3), np.argsort(orders, -1), -1)
    compare(slope, meant, [x, p], [A, orders])


# Diagonals


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3), (9, 2), (1, 1), (4, 0), (0, 4)])
@pytest.mark.parametrize("val", [7.5, np.array([1.0, 2.0])], ids=["number", "vector"])
def test_fill_diagonal(shape, val):
    a = rng.normal(size=shape)
    if 0 not in shape:
        for wrap in (False, True):
            check(lambda x, wrap=wrap: ops.fill_diagonal(x, val, wrap),
                  lambda b, wrap=wrap: written(np.fill_diagonal, b, val, wrap), a)  # fmt: skip
    for offset in (-7, -1, 0, 1, 2, 7):
        meant = a.copy()
        places = range(max(0, min(shape[0] + min(offset, 0), shape[1] - max(offset, 0))))
        for k in places:
            meant[k - min(offset, 0), k + max(offset, 0)] = np.resize(val, len(places))[k]
        check(lambda x, offset=offset: ops.fill_diagonal_offset(x, val, offset),
              lambda b, meant=meant: meant, a)  # fmt: skip
        check(lambda x, offset=offset: ops.extract_diag(x, offset),
              lambda b, offset=offset: np.diagonal(b, offset), a)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_fill_diagonal_of_cubes_and_dtypes(dtype):
    a = (9 * CUBE).astype(dtype)
    check(lambda x: ops.fill_diagonal(x, 1), lambda b: written(np.fill_diagonal, b, 1), a)
    x = symbolic(a, "x")
    with pytest.raises(ValueError, match="all axes must have one size"):
        pt.function([x], ops.fill_diagonal(x, 1), target="interp")(a[:2])


def test_slopes_of_diagonals():
    x, v = static(A[:3], "x"), ops.vector("v")
    cost = pt.sum(ops.fill_diagonal(x, v) * np.arange(9.0).reshape(3, 3))
    of_x, of_v = pt.grad(cost, [x, v])
    compare(of_x, np.where(np.eye(3) > 0, 0, np.arange(9.0).reshape(3, 3)), [x, v], [A[:3], A[0]])
    compare(of_v, np.array([0.0, 4.0, 8.0]), [x, v], [A[:3], A[0]])


# Groups


def test_segments():
    groups = np.array([0, 3, 0, 1])
    twins = {"sum": (np.add, 0), "prod": (np.multiply, 1), "max": (np.maximum, None),
             "min": (np.minimum, None)}  # fmt: skip
    for (name, (ufunc, start)), dtype in itertools.product(twins.items(), DTYPES):
        a = (3 * A).astype(dtype)
        if start is None:
            ends = {"f": (-np.inf, np.inf), "b": (False, True)}.get(dtype[0])
            ends = ends or (np.iinfo(dtype).min, np.iinfo(dtype).max)
            start = ends[name == "min"]
        for count in (5, 4, None):
            meant = np.full((count or 4, 3), start, dtype)
            ufunc.at(meant, groups, a)
            check(lambda x, g, f=name, n=count: getattr(ops, f"segment_{f}")(x, g, n),
                  lambda b, g, meant=meant: meant, a, groups, rtol=1e-6)  # fmt: skip
    x = symbolic(A, "x")
    g = symbolic(groups, "g")
    meant = np.array([0.0, 1.0, 2.0, 3.0])[groups]
    slope = pt.grad(pt.sum(ops.segment_sum(x[:, 0], g, 4) * np.arange(4.0)), x)
    compare(slope, meant[:, None] * [1.0, 0.0, 0.0], [x, g], [A, groups])
    check(lambda x, g: ops.segment_sum(x, g), lambda a, g: np.zeros((0, 3)), A[:0], groups[:0])


# Refusals


@pytest.mark.parametrize(
    "bad, words",
    [
        (lambda x, i: ops.choose(x, [1.0]), "choose: indices must be integers, not float64"),
        (lambda x, i: ops.choose(i, []), "choose: there is nothing to choose from"),
        (lambda x, i: ops.choose(i, [x], mode="off"), "choose: mode 'off' is not one of"),
        (lambda x, i: ops.choose(i, ops.scalar("s")), "choose: a tensor without axes"),
        (lambda x, i: ops.choose([3, 0], [1.0, 2.0]), "index 3 is outside axis 0 of size 2"),
        (lambda x, i: ops.choose([0] * 5, [x, x]), "choose: index and choices of sizes"),
        (lambda x, i: ops.unravel_index(x, (2, 3)), "unravel_index: indices must be integers"),
        (lambda x, i: ops.unravel_index([6], (2, 3)), "index 6 is outside the elements of size 6"),
        (lambda x, i: ops.unravel_index([-1], (2, 3)), "index -1 is outside the elements"),
        (lambda x, i: ops.unravel_index(i, (2, 3), "A"), "unravel_index: the order is 'C' or 'F'"),
        (lambda x, i: ops.unravel_index(i, ()), "unravel_index: a shape has at least one axis"),
        (lambda x, i: ops.ravel_multi_index((i,), (2, 3)), "1 index tensors and 2 modes for 2"),
        (lambda x, i: ops.ravel_multi_index((i, [3]), (2, 3)), "index 3 is outside axis 1 of size"),
        (lambda x, i: ops.ravel_multi_index((i, i), (2, 3), "no"), "mode 'no' is not one of"),
        (lambda x, i: ops.ravel_multi_index(([1, 1], [1, 1, 1]), (2, 3)), "2 and 3 do not broadc"),
        (lambda x, i: ops.put(x, x, 1.0), "put: indices must be integers"),
        (lambda x, i: ops.put(x, [12], 1.0), "index 12 is outside axis 0 of size 12"),
        (lambda x, i: ops.place(x, x[0] > 0, 1.0), r"place: a mask bool\[3\] for float64\[4, 3\]"),
        (lambda x, i: ops.putmask(x, x > 0, []), "putmask: there are no values"),
        (lambda x, i: ops.put_along_axis(x, i, 1.0, 0), "put_along_axis: 2 and 1 axes"),
        (lambda x, i: ops.permute_row_elements(1.0, i), "a tensor without axes has no rows"),
        (lambda x, i: ops.inverse_permutation(x), "inverse_permutation: takes integers"),
        (lambda x, i: ops.fill_diagonal(x[0], 1.0), "fill_diagonal: takes two axes or more"),
        (lambda x, i: ops.fill_diagonal_offset(x, 1.0, 0.5), "fill_diagonal_offset: the offset"),
        (lambda x, i: ops.segment_sum(x, x), "segment_sum: the groups are a vector of integers"),
        (lambda x, i: ops.segment_sum(x, [0, 1]), "segment_sum: 4 entries and groups of 2"),
        (lambda x, i: ops.nonzero_values(1.0), "nonzero_values: a tensor without axes"),
        (lambda x, i: ops.slice_at_axis(slice(1), 0.5), "slice_at_axis: the axis"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(bad, words):
    with pytest.raises(GraphError, match=words):
        bad(static(A, "x"), ops.vector("i", "int64"))


def test_indices_that_calls_give_are_checked():
    i = ops.vector("i", "int64")
    outputs = [ops.unravel_index(i, (2, 3))[0], ops.ravel_multi_index((i, i), (7, 6)),
               ops.choose(i, list(np.arange(6.0))), ops.put(np.zeros(6), i, 1.0)]  # fmt: skip
    for output in outputs:
        f = pt.function([i], output, target="machine")
        f([0, 5])
        words = r"out of bounds for axis 0[^\n]*\n  at .*test_functions.*\n  value.* = 8, the axis"
        with pytest.raises(IndexError, match=words):
            f([0, 8])
    for output in outputs[:2]:
        with pytest.raises(IndexError, match="out of bounds for axis 0"):
            pt.function([i], output, target="machine")([0, -1])


def test_values_that_are_not_zero():
    for dtype in DTYPES:
        a = np.array([[0, 2, 0], [1, 0, 3]]).astype(dtype)
        check(lambda x: ops.nonzero_values(x), lambda b: b[np.nonzero(b)], a)
    x = static(A, "x")
    compare(x.nonzero_values(), A.ravel(), [x], [A])
    compare(pt.grad(pt.sum(ops.nonzero_values(x * (x > 0)) ** 2), x), np.where(A > 0, 2 * A, 0),
            [x], [A])  # fmt: skip
