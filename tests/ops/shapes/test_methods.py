"""Methods and properties of tensors: those of NumPy's arrays and of PyTensor's variables."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import inputs_of
from probtensor.ops.methods import OF_ONE_OPERAND
from probtensor.testing.reference import evaluate_numpy
from probtensor.types import Dim

V = np.array([[0.1, 0.5], [0.9, 1.0]])


def value(y, **given):
    return evaluate_numpy([y], {x: given[x.name] for x in inputs_of([y])})[0]


@pytest.mark.parametrize("name", OF_ONE_OPERAND)
def test_functions_of_one_operand_are_methods(name):
    x = pt.matrix("x")
    assert getattr(x, name)() is getattr(pt, name)(x)
    with pytest.raises(TypeError, match=f"{name}: 1 arguments by position"):
        getattr(x, name)(0)


def test_other_functions_are_methods():
    x = pt.matrix("x")
    same = [
        (x.zeros_like(), pt.zeros_like(x)),
        (x.ones_like("int8"), pt.ones_like(x, "int8")),
        (x.deg2rad(), pt.deg2rad(x)),
        (x.sort(0), pt.sort(x, 0)),
        (x.argsort(), pt.argsort(x)),
        (x.norm(1, axis=0), pt.norm(x, 1, axis=0)),
        (x.fill(7.0), pt.full_like(x, 7.0)),
        (x.copy(), x),
    ]
    assert all(found is meant for found, meant in same)


def test_set_and_inc_follow_an_index():
    x, i = pt.matrix("x"), pt.lvector("i")
    np.testing.assert_array_equal(value(x[0].set(7.0), x=V), [[7, 7], [0.9, 1]])
    np.testing.assert_array_equal(value(x[:, 1].inc([1.0, 2.0]), x=V), [[0.1, 1.5], [0.9, 3]])
    twice = value(x[i].inc(1.0), x=V, i=np.array([1, 1]))
    np.testing.assert_array_equal(twice, V + [[0, 0], [2, 2]])
    with pytest.raises(TypeError, match=r"set: .* is not made as x\[key\]; use x.at\[key\].set"):
        pt.exp(x).set(0.0)


def test_clones_are_other_inputs_of_the_same_type():
    x = pt.tensor("x", shape=(None, 3), dtype="float32")
    y, z = x.clone(), x.clone("z")
    assert y is not x and (y.name, y.dtype, y.shape[1]) == ("x", "float32", 3)
    assert z.name == "z" and isinstance(y.shape[0] - x.shape[0], Dim)
    one = pt.constant(1.0)
    assert one.clone() is one
    with pytest.raises(TypeError, match=r"clone: exp.x. is computed"):
        pt.exp(x).clone()


def test_complex_inputs_are_cloned_too():
    z = pt.zmatrix("z")
    y = z.clone("y")
    assert (y.name, y.dtype, y.ndim, y.is_complex) == ("y", "complex128", 2, True) and y is not z
    assert z.owner_op is None and pt.constant(1j).clone().dtype == "complex128"


def test_what_is_told_of_a_graph(capsys):
    x = pt.tensor("x", shape=(1, None))
    y = pt.exp(x)
    assert x.broadcastable == (True, False)
    assert (x.owner_op, y.owner_op) == (None, y.op)
    assert x.owner_op_and_inputs == (None,) and y.owner_op_and_inputs == (y.op, x)
    assert (y.get_parents(), x.get_parents()) == ([x], [])
    y.dprint()
    assert capsys.readouterr().out == pt.to_text(y)
