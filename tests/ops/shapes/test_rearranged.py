"""Axes, joins, splits and edits against NumPy, with known and unknown sizes."""

import numpy as np
import pytest

import probtensor as pt
from tests.ops.numpy_twin import check, compare, symbolic

RNG = np.random.default_rng(7)
V, W = RNG.normal(size=6), RNG.normal(size=4)
A, B = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
C = RNG.normal(size=(2, 3, 4))
ONE = np.array(2.5)


def both(call, *arrays):
    """A call on graphs means the call on arrays: `call(np or pt, *arrays)`."""
    check(lambda *x: call(pt, *x), lambda *x: call(np, *x), *arrays)


CALLS = {
    "atleast_3d": [(lambda m, x: m.atleast_3d(x), x) for x in (ONE, V, A, C)],
    "rollaxis": [(lambda m, x, k=k: m.rollaxis(x, *k), C) for k in [(2,), (0, 3), (1, 0), (-1, 1)]],
    "rot90": [(lambda m, x, k=k: m.rot90(x, k), A) for k in (-1, 0, 1, 2, 3, 4)]
    + [(lambda m, x: m.rot90(x, 1, (2, 0)), C), (lambda m, x: m.rot90(x, 3, (1, 2)), C)],
    "flips": [(lambda m, x: m.fliplr(x), A), (lambda m, x: m.flipud(x), A)],
    "vstack": [
        (lambda m, x, y: m.vstack([x, y]), *p) for p in ((V, V), (A, B), (A, W), (ONE, ONE))
    ],
    "hstack": [
        (lambda m, x, y: m.hstack([x, y]), *p) for p in ((V, W), (A, B), (ONE, ONE), (C, C))
    ],
    "dstack": [
        (lambda m, x, y: m.dstack([x, y]), *p) for p in ((V, V), (A, B), (ONE, ONE), (C, C))
    ],
    "column_stack": [(lambda m, x, y: m.column_stack([x, y]), *p) for p in ((V, V), (A, V[:3]))],
    "append": [(lambda m, x, y: m.append(x, y), V, A), (lambda m, x, y: m.append(x, y, 0), A, B)],
    "block": [
        (lambda m, x, y: m.block([[x, y], [y, x]]), A, B),
        (lambda m, x, y: m.block([x, y]), V, W),
        (lambda m, x, y: m.block([[x], [y]]), V, V),
        (lambda m, x: m.block(x), V),
        (lambda m, x, y: m.block([[x, y]]), C[:1], A[None]),
    ],
    "array_split": [
        (lambda m, x, k=k: m.concatenate(m.array_split(x, k)[::-1]), V)
        for k in (1, 2, 4, 8, [1, 4])
    ],
    "splits": [
        (lambda m, x: m.concatenate(m.vsplit(x, [1])[::-1]), A),
        (lambda m, x: m.stack(m.hsplit(x, 2)), A),
        (lambda m, x: m.stack(m.hsplit(x, 2)), V),
        (lambda m, x: m.stack(m.dsplit(x, 2)), C),
        (lambda m, x: m.stack(m.array_split(x, 2, -1)), C),
    ],
    "delete": [
        (lambda m, x, k=k: m.delete(x, *k), A)
        for k in [
            (1,),
            (-1, 0),
            (2, 1),
            ([0, 0, 2], 0),
            ([], 1),
            (slice(None, None, 2),),
            (slice(3, 1, -1), 1),
            (np.array([True, False, True]), 0),
            (np.array([-1, 0]), 1),
        ]
    ],
    "insert": [
        (lambda m, x, k=k: m.insert(x, *k), A)
        for k in [
            (1, 7.0),
            (-1, 7.0, 0),
            (4, 7, 1),
            (2, [1.0, 2.0, 3.0], 1),
            (1, [[1.0], [2.0]], 0),
            ([0, 2, 2], 7.0, 0),
            ([1], [[1.0], [2.0], [3.0]], 1),
            ([3, 0], [5.0, 6.0], 1),
            (slice(None, None, 2), 9.0, 0),
            (np.array([True, False, True]), 0.5, 0),
            ([], 7.0, 0),
            ([1, -1], A[:2], 0),
            (0, A[:2], 0),
        ]
    ]
    + [(lambda m, x: m.insert(x, 1, 7.9), np.arange(3))],
    "ediff1d": [
        (lambda m, x, k=k: m.ediff1d(x, *k), v)
        for k in [(), (7.0,), (None, [1.0, 2.0]), (A[:1], 3)]
        for v in (V, A, V[:1], V[:0])
    ],
    "kron": [
        (lambda m, x, y: m.kron(x, y), *p)
        for p in [(V, W), (A, B[:, :2]), (V, A), (C, W), (ONE, A), (A, ONE), (C, A[:, None])]
    ],
    "concat": [(lambda m, x, y: m.concat([x, y], axis=1), A, B)],
    "resize": [(lambda m, x, k=k: m.resize(x, k), V) for k in (4, (2, 3), (4, 5), 0, (3, 0))],
    "trim_zeros": [
        (lambda m, x, k=k: m.trim_zeros(x, *k), np.array(v))
        for k in [(), ("f",), ("b",)]
        for v in ([0.0, 1, 0, 2, 0, 0], [1.0, 2], [0.0, 0, 0], [0, 3])
    ]
    + [
        (lambda m, x: m.trim_zeros(x), np.pad(A, 1)),
        (lambda m, x: m.trim_zeros(x, axis=1), np.pad(A, 1)),
    ],
}


@pytest.mark.parametrize("name", CALLS)
def test_values_are_those_of_numpy(name):
    for call, *arrays in CALLS[name]:
        both(call, *arrays)


def test_numbers_take_part_in_stacks():
    assert pt.hstack([1, 2.0]).dtype == "float64" and pt.vstack([[1, 2], [3, 4]]).shape == (2, 2)
    assert pt.vstack([[1], [2]], dtype="float32").dtype == "float32"
    assert pt.hstack(pt.matrix("x", shape=(2, 3))).shape == (6,)


def test_pytensor_names_of_joins():
    both(lambda m, x, y: pt.join(1, x, y) if m is pt else m.concatenate([x, y], 1), A, B)
    both(lambda m, x, y: (pt.horizontal_stack if m is pt else lambda *a: m.hstack(a))(x, y), A, B)
    both(lambda m, x, y: (pt.vertical_stack if m is pt else lambda *a: m.vstack(a))(x, y), A, B)
    both(lambda m, x, y: (pt.stacklists if m is pt else m.array)([[x, y], [y, x]]), A, B)
    with pytest.raises(TypeError, match=r"horizontal_stack: takes matrices, not 1 axes"):
        pt.horizontal_stack(V, A)
    column = A[:, :1]
    check(
        lambda x, y: pt.concat_with_broadcast([x, y], 0),
        lambda x, y: np.concatenate([x, np.broadcast_to(y, (3, 4))]),
        A,
        column[:, :1],
        makers=[lambda a, name: pt.tensor(name, shape=a.shape)],
    )
    with pytest.raises(TypeError, match=r"concat_with_broadcast: different numbers of axes"):
        pt.concat_with_broadcast([V, A])


def test_new_axes():
    for n in range(3):
        both(lambda m, x, n=n: pt.shape_padleft(x, n) if m is pt else x[(None,) * n], A)
        both(lambda m, x, n=n: pt.shape_padright(x, n) if m is pt else x[(..., *(None,) * n)], A)
    both(lambda m, x: pt.shape_padaxis(x, -2) if m is pt else x[:, None], A)
    assert pt.atleast_Nd(A, n=4).shape == (1, 1, 3, 4) and pt.atleast_Nd(A, n=1).shape == A.shape
    assert [y.shape for y in pt.atleast_Nd(V, ONE, n=2, left=False)] == [(6, 1), (1, 1)]
    with pytest.raises(TypeError, match=r"shape_padleft: n_ones is an integer from 0 on, not -1"):
        pt.shape_padleft(A, -1)


def test_joined_and_split_axes_are_reverses():
    x = symbolic(C)
    for start, count, shape in (
        (0, None, (24,)),
        (1, None, (2, 12)),
        (0, 2, (6, 4)),
        (1, 0, (2, 1, 3, 4)),
        (3, 0, (2, 3, 4, 1)),
        (-1, 1, (2, 3, 4)),
    ):
        y = pt.join_dims(x, start, count)
        compare(y, C.reshape(shape), [x], [C])
        start, stop = start % 3 if start < 3 else 3, None
        stop = 3 if count is None else start + count
        compare(pt.split_dims(y, x.shape[start:stop], start), C, [x], [C])
    assert pt.join_dims(3.0).shape == (1,)
    assert pt.split_dims(C, (-1, 2), 2).shape == (2, 3, 2, 2)
    for wrong in (
        lambda: pt.join_dims(C, 1, 3),
        lambda: pt.split_dims(C, (5, 2)),
        lambda: pt.split_dims(C, (-1, 3), 0),
        lambda: pt.join_dims(C, 4),
    ):
        with pytest.raises(TypeError, match=r"(join|split)_dims: .*"):
            wrong()


@pytest.mark.parametrize("keep", [None, 0, -1, (0,), (-2, -1), (0, -1)])
def test_unpack_reverses_pack(keep):
    arrays = [RNG.normal(size=s) for s in ((2, 5, 3, 2, 3), (2, 2, 3), (2, 2, 3))]
    if keep in (None, 0, -1, (0,)):
        arrays.append(arrays[0][:, 0, 0])
    inputs = [symbolic(a, f"x{k}") for k, a in enumerate(arrays)]
    packed, shapes = pt.pack(*inputs, keep_axes=keep)
    for x, y, array in zip(inputs, pt.unpack(packed, shapes, keep), arrays, strict=True):
        compare(y, array, inputs, arrays)
        assert len(y.shape) == len(x.shape)
    if keep is None:
        compare(packed, np.concatenate([a.ravel() for a in arrays]), inputs, arrays)


def test_wrong_packs():
    for keep in (1, (1,), (0, 2), (-1, 0), (-2,), "x"):
        with pytest.raises(TypeError, match=r"pack: keep_axes are first axes"):
            pt.pack(C, keep_axes=keep)
    with pytest.raises(TypeError, match=r"pack: .* has 1 axes, fewer than keep_axes"):
        pt.pack(V, keep_axes=(0, -1))
    with pytest.raises(TypeError, match=r"unpack: 6 elements are not those of shapes \(2,\), \(\)"):
        pt.unpack(V, [(2,), ()])
    x = pt.vector("x")
    parts = pt.function([x], pt.unpack(x, [(2,), (2, 2)]), target="interp")
    assert [p.shape for p in parts(V)] == [(2,), (2, 2)]
    with pytest.raises(
        ValueError, match=r"unpack: the shapes have 6 elements, and the packed axis 4"
    ):
        parts(W)


def test_places_may_be_tensors():
    x, i, k, keep = (
        pt.vector("x"),
        pt.lscalar("i"),
        pt.lvector("k"),
        pt.vector("keep", dtype="bool"),
    )
    three, many = np.array(-2), np.array([5, 0, 5, -1])
    mask = np.arange(6) % 2 == 0
    for y, meant in (
        (pt.delete(x, i), np.delete(V, -2)),
        (pt.delete(x, k), np.delete(V, many)),
        (pt.delete(x, keep), np.delete(V, mask)),
        (pt.insert(x, i, 7.0), np.insert(V, -2, 7)),
        (pt.insert(x, i, [7.0, 8.0]), np.insert(V, -2, [7, 8])),
        (pt.insert(x, k, x[:4]), np.insert(V, many, V[:4])),
        (pt.insert(x, keep, 0.0), np.insert(V, mask, 0)),
        (pt.resize(x, (i + 4, 5)), np.resize(V, (2, 5))),
    ):
        compare(y, meant, [x, i, k, keep], [V, three, many, mask])
    f = pt.function([x, i], pt.insert(x, i, 0.0), target="interp")
    for place in (6, -6):
        np.testing.assert_array_equal(f(V, place), np.insert(V, place, 0))
    for place in (7, -7):
        with pytest.raises(IndexError):
            f(V, place)
    g = pt.function([x, i], pt.delete(x, i), target="interp")
    for place in (6, -7):
        with pytest.raises(IndexError):
            g(V, place)
    for function in (pt.delete, lambda v, p: pt.insert(v, p, 0.0)):
        with pytest.raises(IndexError, match=r"index (7|-8) is outside axis 0 of size 6"):
            function(V, 7) if function is not pt.delete else function(V, -8)
        with pytest.raises(TypeError, match=r"places are integers, a slice or a mask"):
            function(V, 1.5)


def test_gradients_of_edits():
    x, v = pt.vector("x"), pt.scalar("v")
    weights = np.arange(1.0, 8.0)
    cost = pt.sum(weights * pt.insert(x, 2, v))
    by_x, by_v = pt.function(
        [x, v], pt.grad(cost, [x, v]), on_unused_input="ignore", target="interp"
    )(V, 1.0)
    np.testing.assert_array_equal(by_x, np.delete(weights, 2))
    assert by_v == 3
    cost = pt.sum(weights[:5] * pt.delete(x, 1) ** 2)
    slope = pt.function([x], pt.grad(cost, x), target="interp")(V)
    np.testing.assert_allclose(slope, 2 * V * np.insert(weights[:5], 1, 0))


def test_unstacked_entries():
    assert [y.shape for y in pt.unstack(C, axis=-1)] == [(2, 3)] * 4
    x = pt.tensor("x", shape=(None, 3, None))
    compare(pt.stack(pt.unstack(x, axis=1)), np.moveaxis(C, 1, 0), [x], [C])
    assert pt.unstack(C[:0]) == ()
    with pytest.raises(TypeError, match=r"unstack: a call decides the size of axis 0"):
        pt.unstack(pt.vector("x"))


COMPLEX = {
    "pad": lambda m, x: m.pad(x, 2, "reflect"),
    "pad by means": lambda m, x: m.pad(x, 1, "mean"),
    "pad by ramps": lambda m, x: m.pad(x, 2, "linear_ramp"),
    "insert": lambda m, x: m.insert(x, 1, 7),
    "delete": lambda m, x: m.delete(x, 1),
    "block": lambda m, x: m.block([[x, x], [x, x]]),
    "kron": lambda m, x: m.kron(x, x),
    "roll": lambda m, x: m.roll(x, 1),
    "vander": lambda m, x: m.vander(x),
    "select": lambda m, x: m.select([m.real(x) > 0.7], [x], 0),
    "array_equal": lambda m, x: m.array_equal(x, x),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_elements(name):
    z, given = pt.zvector("z"), np.array([1 + 2j, 3 - 1j, 0.5j, 2])
    found = pt.function([z], COMPLEX[name](pt, z), target="interp")(given)
    np.testing.assert_allclose(found, COMPLEX[name](np, given), rtol=1e-13)


def test_the_integral_of_float32_at_a_literal_distance_is_float32():
    x = pt.tensor("x", dtype="float32", shape=(None,))
    values = np.array([1.0, 2.5, 4.0], "float32")
    for options in ({}, {"dx": 0.5}):
        got = pt.trapezoid(x, **options).eval({x: values})
        want = np.trapezoid(values, **options)
        assert got.dtype == want.dtype == "float32"
        assert got == want


def test_resize_of_what_a_call_finds_empty():
    x = pt.vector("x")
    f = pt.function([x], [pt.resize(x, (2, 3)), pt.grad(pt.sum(pt.resize(x, 3)), x)],
                    target="machine")  # fmt: skip
    for given in ([], [1.0], [1.0, 2.0], np.arange(9.0)):
        found, slope = f(given)
        np.testing.assert_array_equal(found, np.resize(given, (2, 3)))
        meant = np.bincount(np.arange(3) % max(len(given), 1), None, len(given))[: len(given)]
        np.testing.assert_array_equal(slope, meant)


def test_where_of_a_condition_alone_is_nonzero():
    x = pt.matrix("x")
    f = pt.function([x], [*pt.where(x), *np.where(x > 1)], target="machine")
    for given in (np.array([[0.0, 2.0], [1.0, 0.0]]), np.zeros((2, 3))):
        for got, meant in zip(f(given), (*np.where(given), *np.where(given > 1)), strict=True):
            np.testing.assert_array_equal(got, meant)
    with pytest.raises(TypeError, match="where takes 3 arguments, not 2"):
        pt.where(x > 0, x)
