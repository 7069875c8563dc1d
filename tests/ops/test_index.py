"""x[key] and writing through x.at[key], against NumPy on the same keys."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError, line_of
from tests.ops.numpy_twin import check, compare, static, symbolic

rng = np.random.default_rng(3)
A = rng.normal(size=(4, 5, 3))
I, J = np.array([0, -1, 2]), np.array([[1], [-2]])
MASK = np.array([True, False, True, True])
KEYS = [
    0, -1, slice(None), slice(1, None), slice(None, -1), slice(1, -1), slice(-2, None),
    slice(None, None, 2), slice(None, None, -1), slice(3, 0, -2), slice(10, 20), slice(2, 1),
    slice(-100, 3), slice(1, 100, 3), slice(-1, -3, -1), slice(None, 1, -1), slice(100, None, -1),
    None, Ellipsis, (Ellipsis, 0), (0, Ellipsis), (Ellipsis, None), (None, 0, None),
    (slice(1, 3), 2), (1, 2, 0), (slice(None), None, 1, ..., slice(0, 2)),
    I, J, (I, I), (I, J), (slice(None), I), (slice(None), I, I), (I, slice(None), I),
    (I, 1), (1, I), (1, slice(None), I), (0, I, slice(None)), (I, slice(1, 3)),
    (slice(1, 3), slice(None, None, -1), I), (I, None, I), (None, I), (I, None), (..., I),
    (I, ..., 0), (0, ..., I), (slice(None), 0, I), (J, slice(None), I), (None, I, 0, None),
    MASK, (MASK, 0), (MASK, slice(1, 2)), A[:, :, 0] > 0, [0, 2], ([0, 1], [1, 2]), (MASK, I),
    np.array([], dtype="int64"), np.int32(2), (np.array(1), np.array(2)), I.astype("uint8") % 3,
]  # fmt: skip


def named(key):
    """The key as a short test name."""
    return str(key).replace("\n", "")[:50]


@pytest.mark.parametrize("key", KEYS, ids=named)
def test_getitem_is_numpys(key):
    check(lambda x: x[key], lambda a: a[key], A)


bounds = st.one_of(st.none(), st.integers(-7, 7))
steps = st.one_of(st.none(), st.integers(1, 3), st.integers(-3, -1))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 6), bounds, bounds, steps)
def test_slices_are_pythons_whatever_the_size(n, start, stop, step):
    a = np.arange(n, dtype="float64")
    check(lambda x: x[start:stop:step], lambda v: v[start:stop:step], a)


@pytest.mark.parametrize("key", KEYS, ids=named)
def test_set_and_add_are_numpys(key):
    value = 10 * rng.normal(size=A[key].shape)
    was_set, was_added = A.copy(), A.copy()
    was_set[key] = value
    np.add.at(was_added, key, value)
    for maker in (static, symbolic):
        x = maker(A)
        compare(x.at[key].set(value), was_set, [x], [A])
        compare(x.at[key].add(value), was_added, [x], [A])


@pytest.mark.parametrize("key", [0, slice(1, 3), (slice(None), I), (I, I), (I, slice(1, 3))])
def test_what_is_written_broadcasts(key):
    x = static(A)
    meant = A.copy()
    meant[key] = 2.0
    compare(x.at[key].set(2), meant, [x], [A])
    row = rng.normal(size=A[key].shape[-1:])
    meant[key] = row
    compare(x.at[key].set(row), meant, [x], [A])
    meant[key] = row[None, None, None]
    compare(x.at[key].set(row[None, None, None]), meant, [x], [A])


@pytest.mark.parametrize("name, ufunc", [("max", np.maximum), ("min", np.minimum),
                                         ("multiply", np.multiply)])  # fmt: skip
@pytest.mark.parametrize("key", [1, slice(None, None, -2), np.array([0, 0, 3, 0]), (I, I)])
def test_combining_at_repeated_places(name, ufunc, key):
    value = rng.normal(size=A[key].shape)
    meant = A.copy()
    ufunc.at(meant, key, value)
    x = static(A)
    compare(getattr(x.at[key], name)(value), meant, [x], [A])


@pytest.mark.parametrize("name, ufunc", [("add", np.add), ("multiply", np.multiply),
                                         ("max", np.maximum), ("min", np.minimum)])  # fmt: skip
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_computed_masks_are_written_to(name, ufunc, axes):
    key = A.sum(axis=tuple(range(axes, 3))) > 0
    for value in (2.0, A[(0,) * axes], A[(0,) * axes][None]):
        was_set, was_combined = A.copy(), A.copy()
        was_set[key] = value
        was_combined[key] = ufunc(was_combined[key], value)
        for maker in (static, symbolic):
            x = maker(A)
            mask = ops.sum(x, axis=tuple(range(axes, 3))) > 0
            compare(x.at[mask].set(value), was_set, [x], [A])
            compare(getattr(x.at[mask,], name)(value), was_combined, [x], [A])


def test_the_dtype_written_to_stays():
    a = np.zeros(3, dtype="float32")
    x = static(a)
    assert x.at[0].set(np.float64(1.5)).dtype == "float32"
    assert ops.arange(3).at[0].set(2.9).dtype == "int64"


@pytest.mark.parametrize("key", [0, slice(1, 3), (slice(None), 2), (I, I), (slice(1, 4), I),
                                 (1, I), (None, 2), (slice(1, 3), 0, slice(0, 2))])  # fmt: skip
def test_theanos_names_write_through_the_place(key):
    value = rng.normal(size=A[key].shape)
    x = static(A)
    was_set, was_added = A.copy(), A.copy()
    was_set[key] = value
    np.add.at(was_added, key, value)
    compare(ops.set_subtensor(x[key], value), was_set, [x], [A])
    compare(ops.inc_subtensor(x[key], value), was_added, [x], [A])


def test_only_places_can_be_written_through():
    x = static(A)
    with pytest.raises(GraphError, match=r"x\.at\[key\]\.set"):
        ops.set_subtensor(x * 2, 1.0)


def test_symbolic_indices_and_slices_by_size():
    x, i = symbolic(A), symbolic(I, "i")
    compare(x[:, i], A[:, I], [x, i], [A, I])
    compare(x[i + 1 - 1], A[I], [x, i], [A, I])
    compare(x[i[0]], A[I[0]], [x, i], [A, I])
    compare(x[: i.shape[0]], A[:3], [x, i], [A, I])
    compare(x[i.shape[0] :], A[3:], [x, i], [A, I])
    compare(x[:, ops.arange(2) + i[2]], A[:, 2:4], [x, i], [A, I])


def test_shapes_of_slices_meet():
    x = ops.vector("x")
    assert (x[1:] - x[:-1]).shape == x[1:].shape
    assert x[::2].shape == x[::2].shape
    assert (x[2:-2].shape) == (x[4:].shape)


@pytest.mark.parametrize("mode", ["wrap", "clip", "raise"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_take(mode, axis):
    indices = np.array([[0, 2], [-1, 1]]) if mode == "raise" else np.array([[0, 7], [-9, 2]])
    check(
        lambda x: ops.take(x, indices, axis, mode=mode),
        lambda a: np.take(a, indices, axis, mode=mode), A,
    )  # fmt: skip


def test_take_along_axis():
    order = np.argsort(A, axis=1)
    check(
        lambda x, i: ops.take_along_axis(x, i, 1),
        lambda a, i: np.take_along_axis(a, i, 1), A, order[:, :2],
    )  # fmt: skip
    check(
        lambda x, i: ops.take_along_axis(x, i, -1),
        lambda a, i: np.take_along_axis(a, i, -1), A, np.zeros((1, 5, 1), "int64"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "bad, words",
    [
        (lambda x: x[4], r"index 4 is outside axis 0 of size 4"),
        (lambda x: x[:, [0, 5]], r"index 5 is outside axis 1 of size 5"),
        (lambda x: ops.take(x, [-6], 1), r"index -6 is outside axis 1 of size 5"),
        (lambda x: x[0, 0, 0, 0], r"4 indices for 3 axes"),
        (lambda x: x[..., 0, ...], r"more than one '\.\.\.'"),
        (lambda x: x[x[:, :1, 0] > 0], r"mask has size 1 along axis 1"),
        (lambda x: x.at[x[:, :1, 0] > 0].set(0), r"mask has size 1 along axis 1, of size 5"),
        (lambda x: x.at[x[..., None] > 0].set(0), r"does not fit the first axes"),
        (lambda x: x.at[x > 0].set(np.ones((3, 3))), r"axis 0 has size 3, not 1"),
        (lambda x: x[1.5], r"must be integers or bools"),
        (lambda x: x[0 : ops.sum(x)], r"a bound of a slice is an integer"),
        (lambda x: x[::0], r"nonzero integer"),
        (lambda x: x[np.array([0, 1]), np.array([0, 1, 2])], r"do not broadcast|2 and 3"),
        (lambda x: ops.take(x, 0, 5), r"axis 5 of a tensor with 3 axes"),
        (lambda x: ops.take(x, 0, 0, mode="off"), r"'off' is not one of raise, wrap, clip"),
        (lambda x: x.at[0].set(np.zeros(7)), r"does not broadcast"),
    ],
)
def test_bad_keys_say_what_is_wrong(bad, words):
    with pytest.raises(GraphError, match=words):
        bad(static(A, "x"))


def test_an_index_error_names_the_line_of_the_tensor():
    x = static(A, "x")
    with pytest.raises(GraphError) as error:
        x[9]
    assert line_of(x) in str(error.value)


def test_slices_to_a_size_of_another_input_select_what_numpy_does():
    """Whatever the sizes are, none selected among them."""
    x, rows = pt.vector("x"), pt.matrix("rows")
    n = rows.shape[0]
    slices = (x[1 : n - 1], x[n - 2 :: -1][1:], x[1 : n - 1 : 2], x[n - 1 : 1 : -1],
              x[1:][: n - 2][1:])  # fmt: skip
    f = pt.function([x, rows], list(slices), target="interp")
    for size, m in itertools.product(range(7), range(2, 6)):
        a = np.arange(float(size))
        wanted = [a[1 : m - 1], a[m - 2 :: -1][1:], a[1 : m - 1 : 2], a[m - 1 : 1 : -1],
                  a[1:][: m - 2][1:]]  # fmt: skip
        for found, expected in zip(f(a, np.ones((m, 2))), wanted, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_masks_without_axes_index_a_new_one():
    x, yes = static(A), ops.tensor("yes", (), "bool")
    for flag in (True, False):
        check(lambda x, flag=flag: x[flag], lambda a, flag=flag: a[flag], A)
        meant = A.copy()
        meant[flag] = 2.0
        compare(x.at[flag].set(2), meant, [x], [A])
        compare(x.at[yes].set(2), meant, [x, yes], [A, np.array(flag)])
    with pytest.raises(GraphError, match="is not made as"):
        ops.set_subtensor(x[True], 1.0)


def test_new_axes_alone_are_a_place():
    x = pt.matrix("x")
    y = pt.exp(x)
    row = np.array([1.0, -2.0, 3.0])
    keys = [None, (None, ...), (slice(None), None), (..., None), (None, slice(None), None, None)]
    outputs = [
        f(z[key], value) for f in (pt.set_subtensor, pt.inc_subtensor) for z in (x, y)
        for key in keys for value in (7.0, np.arange(6.0).reshape(2, 3)[key])
    ]  # fmt: skip
    outputs.append(pt.set_subtensor(x[None], row))
    a = np.arange(6.0).reshape(2, 3)
    found = iter(pt.function([x], outputs, target="machine")(a))
    for added in (False, True):
        for old in (a, np.exp(a)):
            for _ in keys:
                for value in (7.0, a):
                    meant = old * added + value
                    np.testing.assert_allclose(next(found), meant, rtol=1e-15)
    np.testing.assert_array_equal(next(found), np.tile(row, (2, 1)))


def test_all_of_an_input_is_a_place():
    x = pt.matrix("x")
    outputs = [
        pt.set_subtensor(x[:], 7.0), pt.set_subtensor(x[...], x[0]), pt.inc_subtensor(x[:, :], 1.0),
        pt.set_subtensor(x[()], x.T.T * 2),
    ]  # fmt: skip
    a = np.arange(6.0).reshape(2, 3)
    found = pt.function([x], outputs, target="machine")(a)
    for value, meant in zip(found, [np.full((2, 3), 7.0), np.tile(a[0], (2, 1)), a + 1, a * 2]):
        np.testing.assert_array_equal(value, meant)
    with pytest.raises(GraphError, match="is not made as"):
        pt.set_subtensor(pt.exp(x)[:], 1.0)
    with pytest.raises(GraphError, match=r"inc_subtensor: .* use x.at\[key\].add"):
        pt.inc_subtensor(pt.squeeze(pt.exp(x)[:1]) * 2, 1.0)
    with pytest.raises(GraphError, match="does not broadcast"):
        pt.set_subtensor(pt.matrix("y", shape=(2, 3))[:], np.ones(4))
