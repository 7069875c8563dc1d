"""`==` and `!=` of tensors build comparisons; where Python asks for their truth, it is identity."""

import copy
import pickle
import warnings
from fractions import Fraction
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import make
from probtensor.ops.elementwise.equality import Equality
from probtensor.ops.elementwise.logic import Eq

SYMBOLIC = pytest.warns(UserWarning, match="asked for its truth")


def value(made, /, **arrays):
    """The value of a tensor of `x`, or of `x` and `y`, by the interpreter."""
    names = {node.name: node for node in INPUTS}
    given = [names[name] for name in arrays]
    f = pt.function(given, made, target="interp", on_unused_input="ignore")
    return f(*arrays.values())


X, Y = pt.vector("x"), pt.vector("y")
INPUTS = (X, Y)
GIVEN = np.array([0.0, 2.0, np.nan])
OTHER = np.array([0.0, 3.0, np.nan])
OPERANDS = [0, 0.0, True, np.float64(2), np.int8(2), OTHER, np.array(2), [0.0, 2.0, 5.0], (2, 2, 2)]


@pytest.mark.parametrize("other", OPERANDS, ids=repr)
def test_against_numbers_and_arrays(other):
    for made, right in [
        (X == other, GIVEN == np.asarray(other)),
        (other == X, GIVEN == np.asarray(other)),
        (X != other, GIVEN != np.asarray(other)),
        (other != X, GIVEN != np.asarray(other)),
    ]:
        assert made.dtype == "bool"
        assert value(made, x=GIVEN).tolist() == right.tolist()
        with pytest.raises(TypeError, match="no truth value"):
            bool(made)


def test_where_takes_the_branch_that_numpy_takes():
    for made in (pt.where(X == 0, 1.0, X), pt.where(0 == X, 1.0, X)):
        assert value(made, x=[0.0, 2.0]).tolist() == [1, 2]
    for made in (pt.where(X == Y, 1.0, X), np.where(X == Y, 1.0, X)):
        assert value(made, x=[0.0, 2.0], y=[0.0, 3.0]).tolist() == [1, 2]
    assert value(pt.where(X != Y, 1.0, X), x=[0.0, 2.0], y=[0.0, 3.0]).tolist() == [0, 1]
    assert value(pt.switch(X == X, 1.0, X), x=GIVEN)[:2].tolist() == [1, 1]


def test_between_tensors_it_is_the_node_of_eq_and_ne_wherever_it_is_used():
    assert isinstance(X == Y, Equality)
    assert pt.as_tensor(X == Y) is pt.eq(X, Y)
    assert pt.as_tensor(X != Y) is pt.ne(X, Y)
    assert ((X == Y) & (X == 0)) is pt.bitwise_and(pt.eq(X, Y), pt.eq(X, 0))
    assert ~(X == Y) is ~pt.eq(X, Y)
    assert (X == Y).sum() is pt.eq(X, Y).sum()
    assert (X == Y).astype("int64") is pt.eq(X, Y).astype("int64")
    assert (X == Y)[0] is pt.eq(X, Y)[0]
    assert ((X == Y) == (Y == X)).inputs == (pt.eq(X, Y), pt.eq(Y, X))
    assert pt.stack([X == Y, X != Y]) is pt.stack([pt.eq(X, Y), pt.ne(X, Y)])
    assert make(pt.logical_not, (X == Y,)) is pt.logical_not(pt.eq(X, Y))
    assert value([X == Y, {"a": X != Y}], x=[1.0], y=[1.0])[0].tolist() == [True]
    assert (X == Y).shape == pt.eq(X, Y).shape
    assert repr(X == Y) == repr(pt.eq(X, Y))
    assert pickle.loads(pickle.dumps(X == Y)) is pt.eq(X, Y)
    assert make(Eq(), (X, Y), Equality) is pt.eq(X, Y)


def test_its_line_is_that_of_the_comparison():
    made = pt.vector("a") == pt.vector("b")
    first = test_its_line_is_that_of_the_comparison.__code__.co_firstlineno
    assert pt.line_of(pt.as_tensor(made)) == f"{__file__}:{first + 1}"


def test_where_python_asks_for_its_truth_it_is_identity():
    p, q = pt.tensor("p", shape=(3,)), pt.tensor("q", shape=(4,))
    assert X == X
    assert [X, Y] == [X, Y]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert X in [X, Y]
        assert (X != X).__bool__() is False
        assert {X: 1} == {X: 1}
    with SYMBOLIC:
        assert Y in [X, Y]
    with SYMBOLIC:
        assert [X, p, q, Y].index(q) == 2
    with SYMBOLIC:
        assert p not in [X, q]
    with SYMBOLIC:
        assert [X, Y] != [Y, X]
    with SYMBOLIC:
        assert (X, 1) != (Y, 1)
    with SYMBOLIC as record:
        if X == Y:
            raise AssertionError
    assert record[0].filename == __file__


def test_shapes_that_do_not_fit_raise_where_the_comparison_is_used():
    p, q = pt.tensor("p", shape=(3,)), pt.tensor("q", shape=(4,))
    with pytest.raises(pt.GraphError, match="do not broadcast"):
        pt.where(p == q, 1, 0)
    with pytest.raises(pt.GraphError, match="do not broadcast"):
        assert p == np.ones(4)


def test_dicts_and_sets_go_by_identity_and_never_ask():
    many = [pt.scalar(f"s{k}") for k in range(2000)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = {node: k for k, node in enumerate(many)}
        assert [table[node] for node in many] == list(range(2000))
        assert len({*many, *many}) == 2000
        assert many[5] in {*many}
        pairs = {(a, b): k for k, (a, b) in enumerate(pairwise(many))}
        assert all((a, b) in pairs for a, b in pairwise(many))
        assert (many[1], many[0]) not in pairs
        weak = WeakKeyDictionary(table)
        assert [weak[node] for node in many] == list(range(2000))
        assert dict.fromkeys(many) | {many[0]: 1} == dict.fromkeys(many) | {many[0]: 1}
        assert copy.copy(table) == table
        assert len({X == 1, X == 1, X == 2}) == 2
    assert hash(X) == object.__hash__(X)


def test_what_is_no_number_equals_no_tensor():
    for other in (None, "x", b"x", {}, {1}, object(), float, Ellipsis):
        assert (X == other) is False
        assert (X != other) is True
        assert (other == X) is False


def test_against_complex_numbers():
    np.testing.assert_array_equal(value(X == 2 + 0j, x=GIVEN), GIVEN == 2 + 0j)
    np.testing.assert_array_equal(value(X != 1j, x=GIVEN), GIVEN != 1j)


@pytest.mark.parametrize("other", [Fraction(1, 2), np.array(["a"]), np.array([None]), ["a"]])
def test_numbers_that_no_tensor_holds_raise(other):
    with pytest.raises(TypeError, match="tensor"):
        assert X == other
    with pytest.raises(TypeError, match="tensor"):
        assert X != other


def test_random_variables_and_shared_values_compare_as_other_tensors_do():
    a, b = pt.random.normal(0, 1, name="a"), pt.random.normal(0, 1, name="b")
    w = pt.shared(2.0)
    assert pt.as_tensor(a == b) is pt.eq(a, b)
    assert a is not b
    assert pt.function([], [w == 2, w != 2, pt.where(w == w, 1, 0)], target="interp")() == [1, 0, 1]
