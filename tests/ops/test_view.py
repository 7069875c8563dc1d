"""Views, joins and the functions made of them, against NumPy, with known and unknown sizes."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from probtensor.ops.arrays.views import axis_groups
from probtensor.types import Dim
from tests.ops.numpy_twin import check, compare, static, symbolic

rng = np.random.default_rng(9)
A = rng.normal(size=(3, 4, 2))
M = rng.normal(size=(3, 5))
V = rng.normal(size=6)
ONES = rng.normal(size=(1, 3, 1))

SAME_NAME = [
    ("expand_dims", (A,), {"axis": 1}), ("expand_dims", (A,), {"axis": -1}),
    ("expand_dims", (A,), {"axis": (0, -2)}), ("transpose", (A,), {}),
    ("transpose", (A, (1, 0, 2)), {}), ("permute_dims", (A, (2, 0, 1)), {}),
    ("swapaxes", (A, 0, -1), {}), ("matrix_transpose", (A,), {}), ("moveaxis", (A, 0, -1), {}),
    ("moveaxis", (A, (0, 1), (-1, 0)), {}), ("moveaxis", (A, (2, 0), (0, 1)), {}),
    ("broadcast_to", (M, (2, 3, 5)), {}), ("reshape", (A, (4, 6)), {}), ("reshape", (A, -1), {}),
    ("reshape", (A, (2, -1, 3)), {}), ("ravel", (A,), {}), ("flip", (A,), {}),
    ("flip", (A,), {"axis": (0, 2)}), ("roll", (A, 2), {}), ("roll", (A, -5, 1), {}),
    ("repeat", (A, 2), {}), ("repeat", (A, 3, 1), {}), ("tile", (M, 2), {}),
    ("tile", (M, (2, 1, 3)), {}), ("tile", (V, (2, 2)), {}), ("diff", (A,), {}),
    ("diff", (A, 2, 1), {}), ("diff", (V > 0,), {}), ("atleast_1d", (np.float64(3),), {}),
    ("atleast_2d", (V,), {}), ("diagonal", (A,), {}), ("diagonal", (A, 1, 2, 1), {}),
    ("diagonal", (M, -2), {}), ("diagonal", (M, 9), {}), ("trace", (M,), {}), ("diag", (M,), {}),
    ("diag", (V,), {}), ("diag", (V, 2), {}), ("diag", (V, -1), {}), ("tril", (A,), {}),
    ("tril", (M, 1), {}), ("triu", (M,), {}), ("triu", (M, -1), {}),
    ("ptp", (A, 1), {}), ("count_nonzero", (M > 0,), {}),
]  # fmt: skip


def named(value):
    return value if isinstance(value, str) else None


@pytest.mark.parametrize("name, given, options", SAME_NAME, ids=named)
def test_functions_of_numpys_name(name, given, options):
    rest = given[1:]
    makers = (static,) if name == "reshape" and rest[0] == (4, 6) else (static, symbolic)
    check(
        lambda x: getattr(ops, name)(x, *rest, **options),
        lambda a: getattr(np, name)(a, *rest, **options),
        given[0],
        makers=makers,
    )


def test_methods():
    check(lambda x: x.T, lambda a: a.T, A)
    check(lambda x: x.mT, lambda a: a.mT, A)
    check(lambda x: x.transpose(1, 0, 2), lambda a: a.transpose(1, 0, 2), A)
    check(lambda x: x.reshape(4, -1), lambda a: a.reshape(4, -1), A, makers=(static,))
    check(lambda x: x.flatten(), lambda a: a.flatten(), A)
    check(lambda x: x.squeeze(), lambda a: a.squeeze(), ONES, makers=(static,))
    check(lambda x: x.squeeze(0), lambda a: a.squeeze(0), ONES, makers=(static, symbolic))
    check(lambda x: x.dimshuffle(1, "x", 0, 2), lambda a: a.transpose(1, 0, 2)[:, None], A)
    check(lambda x: x.dimshuffle("x", 1), lambda a: a[0, :, 0][None], ONES, makers=(static,))


def test_what_changes_nothing_is_the_node_itself():
    x = ops.matrix("x")
    assert x.reshape(x.shape) is x
    assert x.transpose(0, 1) is x
    assert ops.broadcast_to(x, x.shape) is x
    assert x.astype("float64") is x
    assert x[:] is x
    assert x[...] is x
    assert ops.concatenate([x]) is x


def test_reshape_with_symbolic_sizes():
    x = ops.tensor("x", (None, 3, 4))
    n = x.shape[0]
    assert x.reshape(n, 12).shape == (n, 12)
    assert x.reshape(-1, 12).shape == (n, 12)
    assert x.reshape(-1).shape == (12 * n,)
    assert x.reshape(-1).reshape(n, -1).shape == (n, 12)
    assert ops.expand_dims(x, 0).reshape(-1, 4).shape == (3 * n, 4)
    check(lambda v: v.reshape(v.shape[1], -1), lambda a: a.reshape(4, -1), A)
    check(lambda v: v.reshape(v.shape[0] * v.shape[1], 2), lambda a: a.reshape(12, 2), A)


@pytest.mark.parametrize("old, new, groups", [
    ((3, 4), (3, 4), [([0], [0]), ([1], [1])]),
    ((2, 3, 1, 4), (6, 4), [([0, 1], [0]), ([3], [1])]),
    ((6, 4), (2, 3, 4), [([0], [0, 1]), ([1], [2])]),
    ((6, 4), (4, 6), [([0, 1], [0, 1])]),
    ((1, 1), (1,), []),
    ((1,), (1, 1, 1), []),
    ((0, 3), (3, 0), [([0, 1], [0, 1])]),
])  # fmt: skip
def test_reshape_moves_as_few_axes_together_as_it_can(old, new, groups):
    assert axis_groups(old, new) == groups


def test_symbolic_axes_group_by_equal_products():
    n, m = Dim.name("n"), Dim.name("m")
    assert axis_groups((n, m, 3), (n * m, 3)) == [([0, 1], [0]), ([2], [1])]
    assert axis_groups((n, 6), (n, 2, 3)) == [([0], [0]), ([1], [1, 2])]
    assert axis_groups((n, m), (m, n)) == [([0, 1], [0, 1])]


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_concatenate(axis):
    parts = (A, A[:, :, :], A)
    check(lambda x, y, z: ops.concatenate([x, y, z], axis),
          lambda *v: np.concatenate(v, axis), *parts)  # fmt: skip


def test_concatenate_promotes_and_takes_unequal_sizes():
    b = np.array([[1, 2]])
    check(lambda x, y: ops.concatenate([x, y, x], 1), lambda x, y: np.concatenate([x, y, x], 1),
          M[:1].astype("float32"), b)  # fmt: skip
    x = ops.matrix("x")
    assert ops.concatenate([x, x[:2]]).shape[1] == x.shape[1]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_stack(axis):
    check(lambda x, y: ops.stack([x, y], axis), lambda x, y: np.stack([x, y], axis), M, M + 1)


def test_nested_lists_hold_nodes():
    x = static(V)
    node = ops.constant([[1.0, x[0]], [x[1], 2]])
    compare(node, np.array([[1, V[0]], [V[1], 2]]), [x], [V])
    assert ops.stack([ops.fscalar("f"), 1.0]).dtype == "float32"


def test_split():
    x = static(V)
    for k, part in enumerate(ops.split(x, 3)):
        compare(part, np.split(V, 3)[k], [x], [V])
    for k, part in enumerate(ops.split(x, [1, 4])):
        compare(part, np.split(V, [1, 4])[k], [x], [V])


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_meshgrid(indexing):
    for k in range(2):
        check(lambda x, y, k=k: ops.meshgrid(x, y, indexing=indexing)[k],
              lambda x, y, k=k: np.meshgrid(x, y, indexing=indexing)[k], V, V[:3])  # fmt: skip


def test_roll_by_a_tensor():
    x, s = static(V), ops.lscalar("s")
    compare(ops.roll(x, s, 0), np.roll(V, 4), [x, s], [V, np.int64(4)])


@pytest.mark.parametrize("bad, words", [
    (lambda x: x.reshape(5, 5), r"reshape: 24 elements do not make the shape \(5, 5\)"),
    (lambda x: x.reshape(-1, 7), r"24 elements .* do not make"),
    (lambda x: x.reshape(-1, -1), "more than one size is unknown"),
    (lambda x: x.reshape(2.5), "a shape is made of sizes: each is an integer"),
    (lambda x: x.squeeze(1), "squeeze: axis 1 has size 4, not 1"),
    (lambda x: x.transpose(0, 0, 1), r"no permutation"),
    (lambda x: ops.broadcast_to(x, (3, 5, 2)), r"does not broadcast to \(3, 5, 2\)"),
    (lambda x: ops.broadcast_to(x, (2,)), r"does not broadcast to \(2,\)"),
    (lambda x: ops.concatenate([x, x[:, :2]]), "concatenate: .*axis|do not broadcast"),
    (lambda x: ops.concatenate([]), "nothing to join"),
    (lambda x: ops.stack([x, x[0]]), "different numbers of axes"),
    (lambda x: ops.split(x, 5), "no 5 equal parts"),
    (lambda x: ops.expand_dims(x, 7), "axis 7 of a tensor with 4 axes"),
    (lambda x: ops.repeat(x, [1, 2], 1), "2 numbers for an axis of size 4"),
    (lambda x: ops.repeat(x, 1.5), "the number is an integer"),
    (lambda x: ops.repeat(x, [1.0] * 4, 1), "a vector of integers"),
])  # fmt: skip
def test_bad_calls_say_what_is_wrong(bad, words):
    with pytest.raises((GraphError, TypeError), match=words):
        bad(static(A))


def test_an_axis_that_is_said_to_have_size_one_is_repeated():
    """Elsewhere an axis of unknown size is never repeated."""
    x, w = ops.vector("x"), ops.matrix("w")
    one, column = ops.broadcast_to(x, (1,)), ops.broadcast_to(w, (3, 1))
    outputs = [ops.broadcast_to(one, (5,)), ops.exp(one), one * np.arange(5.0), ops.sum(column, 0)]
    f = pt.function([x, w], outputs, target="machine")
    wanted = [np.full(5, 2.0), np.exp([2.0]), 2 * np.arange(5.0), np.array([3.0])]
    for got, meant in zip(f([2.0], np.ones((3, 1))), wanted, strict=True):
        np.testing.assert_allclose(got, meant, rtol=1e-15)
    with pytest.raises(ValueError, match="cannot broadcast x of shape"):
        f([2.0, 3.0], np.ones((3, 1)))
