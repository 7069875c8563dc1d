"""Graphs with tensors replaced by others, and whether two graphs compute the same."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import GraphError


def test_all_replacements_are_made_at_once_and_nothing_else_changes():
    x, y = pt.vector("x"), pt.vector("y")
    first, second = pt.exp(x) - y, pt.sum(x) / x.shape[0]
    swapped, mean = pt.graph_replace([first, second], {x: y, y: x})
    values = {x: np.array([0.0, 1.0]), y: np.array([2.0, 4.0])}
    np.testing.assert_allclose(swapped.eval(values), np.exp(values[y]) - values[x], rtol=1e-15)
    assert mean.eval({y: values[y]}) == 3.0
    np.testing.assert_allclose(first.eval(values), np.exp(values[x]) - values[y], rtol=1e-15)


def test_an_inner_tensor_is_replaced_by_a_graph():
    x = pt.scalar("x")
    inner = pt.exp(x)
    assert pt.graph_replace(inner * inner + x, {inner: x + 1}).eval({x: 2.0}) == 11
    assert pt.clone_replace(inner, [(x, 0.0)]).eval() == 1
    assert pt.clone_replace([inner, x])[0] is inner


def test_wrong_replacements_are_refused():
    x, y, m = pt.vector("x"), pt.vector("y"), pt.matrix("m")
    with pytest.raises(GraphError, match="graph_replace: replace put"):
        pt.graph_replace(x + 1, {x: m})
    with pytest.raises(ValueError, match="no output needs y"):
        pt.graph_replace(x + 1, {y: x})
    fixed = pt.vector("fixed", shape=(3,))
    with pytest.raises(ValueError, match="has size 3"):
        pt.graph_replace(fixed + 1, {fixed: pt.vector("four", shape=(4,))})


def test_equal_computations_compare_what_is_written():
    x, y = pt.vector("x"), pt.vector("y")

    def program(z, k=1.0):
        return pt.sum(pt.exp(z) * k) / z.shape[0] + pt.cumsum(z)[0]

    assert pt.equal_computations(program(x), program(x))
    assert not pt.equal_computations(program(x), program(y))
    assert pt.equal_computations(program(x), program(y), [x], [y])
    assert not pt.equal_computations(program(x), program(y, 2.0), [x], [y])
    assert not pt.equal_computations(x + x, 2 * x)
    narrow = pt.fvector("narrow")
    assert not pt.equal_computations(x, narrow, [x], [narrow], strict_dtype=False)
    with pytest.raises(GraphError):
        pt.equal_computations(x, narrow, [x], [narrow])
    with pytest.raises(ValueError, match="2 tensors, and 1"):
        pt.equal_computations([x, x], [x])
