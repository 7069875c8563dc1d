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
    assert not pt.equal_computations([pt.exp(x), x], [pt.exp(x), x + 1])
    narrow = pt.fvector("narrow")
    assert not pt.equal_computations(x, narrow, [x], [narrow], strict_dtype=False)
    with pytest.raises(GraphError):
        pt.equal_computations(x, narrow, [x], [narrow])
    with pytest.raises(ValueError, match="2 tensors, and 1"):
        pt.equal_computations([x, x], [x])


def test_a_subset_of_outputs_computes_nothing_else():
    x, scale = pt.vector("x"), pt.shared(2.0)
    outputs = {"sum": pt.sum(x) * scale, "pair": (x + 1, pt.exp(x)), "last": x[-1]}
    f = pt.function([x], outputs, updates={scale: scale + 1}, target="machine")
    only = f.subset(["sum", "pair"])
    got = only([1.0, 2.0])
    assert list(got) == ["sum", "pair"] and got["sum"] == 6 and isinstance(got["pair"], tuple)
    np.testing.assert_array_equal(got["pair"][0], [2, 3])
    assert f.subset("sum")([1.0, 2.0]) == 6  # no update has run
    f([1.0, 2.0])
    assert f.subset("sum")([1.0, 2.0]) == 9  # the same shared variable
    assert "exp" not in f.subset("sum").explain("graph")
    with pytest.raises(KeyError, match="no output 'mean'"):
        f.subset("mean")
    g = pt.function([x], [x, x + 1], target="machine")
    np.testing.assert_array_equal(g.subset(-1)([1.0]), [2])
    assert len(g.subset([1, 0, 1])([1.0])) == 3
    with pytest.raises(IndexError, match="0 to 1"):
        g.subset(2)
    with pytest.raises(IndexError, match="one output"):
        g.subset(0).subset(0)


def test_memory_that_calls_keep_is_given_back_and_taken_again():
    x = pt.vector("x")
    f = pt.function([x], pt.sum(pt.cumsum(x)), target="machine")
    for _ in range(3):
        assert f([1.0, 2.0]) == 4
        f.free()
    f.free()
