"""What is known while a graph is built, and what a call checks of shapes."""

import numpy as np
import pytest

import probtensor as pt

X = pt.vector("x")


@pytest.mark.parametrize(
    "tensor, meant",
    [
        (pt.constant(3.0), 3.0),
        (pt.ones((2, 3)), 1.0),
        (pt.full_like(X, 7), 7.0),
        (pt.expand_dims(pt.full((2,), np.nan), 0), np.nan),
        (pt.sum(pt.ones(3)) * 2, 6.0),
        (pt.full((0,), 2), 2),
        (pt.constant([[2, 2]]), 2),
        (5, 5),
        (pt.full_like(pt.zvector("z"), 2j), 2j),
    ],
)
def test_constants_have_values(tensor, meant):
    found = pt.get_underlying_scalar_constant_value(tensor)
    np.testing.assert_array_equal(found, meant)
    assert found.dtype == pt.as_tensor(tensor).dtype and found.shape == ()
    if pt.ndim(tensor) == 0:
        assert found == pt.get_scalar_constant_value(tensor)
        assert found == pt.as_tensor(tensor).get_underlying_scalar_constant()


@pytest.mark.parametrize(
    "tensor, words",
    [
        (X, "the value depends on x"),
        (pt.sum(pt.ones_like(X)), "sizes that a call decides"),
        (X.shape[0] + 1, "sizes that a call decides"),
        (pt.constant([1, 2]), "the elements are not one number"),
        (pt.constant(np.zeros(0)), "the elements are not one number"),
    ],
)
def test_others_have_none(tensor, words):
    with pytest.raises(TypeError, match=words):
        pt.get_underlying_scalar_constant_value(tensor)
    with pytest.raises(TypeError, match=r"get_scalar_constant_value"):
        pt.get_scalar_constant_value(tensor)


def test_lengths_and_shapes():
    assert pt.get_vector_length([1, 2]) == 2
    with pytest.raises(TypeError, match=r"one axis, unlike float64.2, 2."):
        pt.get_vector_length(np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"a call decides the length of x"):
        pt.get_vector_length(X)
    assert pt.size(np.ones((2, 3))) == 6 and pt.size(X) == pt.size(X, axis=0) == X.shape[0]
    assert pt.size(np.ones((2, 3, 4)), (0, -1)) == 8
    assert pt.shape(X) is X.shape and pt.ndim(X) == 1
    assert pt.is_flat(X) and pt.is_flat(pt.matrix(), ndim=2) and not pt.is_flat(1.0)
    assert pt.scalar_from_tensor(pt.tensor_from_scalar(2)).type == pt.scalar(dtype="int64").type
    assert pt.copy(X) is X and pt.tensor_copy(X) is X
    for f in (pt.scalar_from_tensor, pt.tensor_from_scalar):
        with pytest.raises(TypeError, match=r"a scalar has no axes"):
            f(X)


def test_specified_shapes_are_checked_and_known():
    x = pt.matrix("x")
    y = pt.specify_shape(x, (None, 3))
    assert y.shape == (x.shape[0], 3) and pt.specify_shape(y, (None, 3)) is y
    f = pt.function([x], [y * 2, pt.grad(pt.sum(y**2), x)], target="interp")
    good = np.arange(6.0).reshape(2, 3)
    for found in f(good):
        np.testing.assert_array_equal(found, 2 * good)
    with pytest.raises(ValueError, match=r"specify_shape: axis 1 of x has size 2, not 3") as e:
        f(good[:, :2])
    assert "test_scalars_and_checks.py:" in str(e.value)
    items = pt.vmap(lambda item: pt.specify_shape(item, 3) + 1)(x)
    np.testing.assert_array_equal(items.eval({x: good}), good + 1)
    with pytest.raises(ValueError, match=r"specify_shape: axis 1 of .* has size 2, not 3"):
        items.eval({x: good[:, :2]})
    with pytest.raises(TypeError, match=r"specify_shape: the shape .None, 3. has 2 sizes for 1"):
        pt.specify_shape(X, (None, 3))
    with pytest.raises(TypeError, match=r"specify_shape: shape \(2,\) is not \(3,\)"):
        pt.specify_shape(pt.ones(2), 3)


def test_specified_axes_broadcast():
    x = pt.matrix("x")
    y = pt.specify_broadcastable(x, 1)
    assert y.shape == (x.shape[0], 1)
    f = pt.function([x], y + np.arange(3.0), target="interp")
    np.testing.assert_array_equal(f([[1.0], [2.0]]), [[1, 2, 3], [2, 3, 4]])
    with pytest.raises(ValueError, match=r"specify_broadcastable: axis 1 of x has size 2, not 1"):
        f(np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"specify_broadcastable: axis 2 of a tensor with 2 axes"):
        pt.specify_broadcastable(x, 2)


def test_joint_shapes():
    assert pt.broadcast_shapes((3, 1), (), 4) == np.broadcast_shapes((3, 1), (), 4) == (3, 4)
    assert pt.broadcast_shapes() == () and pt.broadcast_shapes((X.shape[0],), 1) == X.shape
    assert pt.broadcast_shape(np.ones((2, 1)), X) == (2, X.shape[0])
    assert pt.broadcast_shape((2, 1), (5,), arrays_are_shapes=True) == (2, 5)
    with pytest.raises(TypeError, match=r"broadcast_shapes: shapes \(2,\) and \(3,\) do not"):
        pt.broadcast_shapes(2, 3)


def test_equal_arrays():
    v = np.array([1.0, np.nan])
    for given in ((v, v), (v, v, True), (v[:1], v[:1]), (v, v[:1]), (v, v[None]), (1, 1.0)):
        assert pt.array_equal(*given).eval() == np.array_equal(*given)
    for given in (([1, 1], 1), ([1, 2], [[1, 2], [1, 2]]), ([1, 2], [1, 2, 3]), ([1, 2], 1)):
        assert pt.array_equiv(*given).eval() == np.array_equiv(*given)


def test_absent_names_say_why():
    for name, words in (
        ("copyto", r"never written to: x.at\[key\].set"),
        ("finfo", "np.finfo with x.dtype"),
        ("dense_dot", "another name of PyTensor's for pt.dot"),
        ("matrix_inverse", "another name of PyTensor's for pt.linalg.inv"),
        ("TensorConstant", "constants are tensors like others: pt.get_scalar_constant_value"),
    ):
        with pytest.raises(AttributeError, match=f"pt has no '{name}': .*{words}"):
            getattr(pt, name)
    assert pt.TensorVariable is pt.Node and pt.newaxis is None
    assert (pt.pi, pt.e, pt.euler_gamma, pt.inf) == (np.pi, np.e, np.euler_gamma, np.inf)
