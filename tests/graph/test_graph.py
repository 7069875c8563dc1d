"""Interning, replacement, order, pickling; the verifier and the faults it must find."""

import gc
import itertools
import pickle
import sys
from threading import Lock, Thread

import numpy as np
import pandas
import pytest

import probtensor as pt
from cython_ext.graph import Interned
from probtensor import ops
from probtensor.graph import GraphError, Node, inputs_of, line_of, made_by, replace, toposort
from probtensor.graph.check import CheckError, check, check_same_types
from probtensor.graph.node import INTERNED, Op, make
from probtensor.graph.walk import ancestors, users_of
from probtensor.types import TensorType


def test_equal_nodes_are_one():
    x = ops.tensor("x", (3,))
    assert ops.exp(x) + 1 is ops.exp(x) + 1
    assert ops.constant(np.arange(3)) is ops.constant(np.arange(3))
    assert ops.constant(0.0) is not ops.constant(-0.0)
    assert ops.tensor("x", (3,)) is not x


def test_unreferenced_nodes_are_freed():
    x = ops.tensor("x", (3,))
    gc.collect()
    before = len(INTERNED)
    y = x
    for _ in range(50):
        y = ops.sin(y)
    assert len(INTERNED) >= before + 50
    del y
    gc.collect()
    assert len(INTERNED) <= before + 1


def test_threads_that_make_equal_nodes_get_one():
    x, found = ops.tensor("x", (3,)), []

    def build():
        y = x
        for _ in range(300):
            y = ops.sin(y) * 2.5
        found.append(y)

    threads = [Thread(target=build) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(found) == 4 and all(y is found[0] for y in found)


class Interrupted(Op):
    """An op whose hash and == run `hook`, as a signal handler may run in any call of Python."""

    hook = None

    def __hash__(self):
        if self.hook:
            self.hook()
        return hash(Interrupted)

    def __eq__(self, other):
        if self.hook:
            self.hook()
        return isinstance(other, Interrupted)

    def infer(self, t):
        return t


@pytest.mark.parametrize("when", range(6))
def test_a_signal_handler_may_make_the_node_that_is_being_made(when):
    x, op = pt.vector("x"), Interrupted()
    calls, made = itertools.count(), []

    def handler():
        if next(calls) == when:
            made.append(make(Interrupted(), (x,)))

    op.hook = handler
    thread = Thread(target=lambda: made.append(make(op, (x,))), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it waits for itself"
    assert len(set(map(id, (*made, make(Interrupted(), (x,)))))) == 1


def test_a_freed_node_leaves_the_table_without_a_call_of_python():
    """There Ctrl-C would be lost, and the node would stay."""
    x, op, calls = pt.vector("x"), Interrupted(), []
    y, before = make(op, (x,)), len(INTERNED)
    op.hook = lambda: calls.append(1)
    del y
    assert (calls, len(INTERNED)) == ([], before - 1)


def test_big_endian_literals_are_those_of_the_machine():
    values = np.arange(3.0)
    literal = pt.as_tensor(values.astype(">f8"))
    assert literal is pt.as_tensor(values)
    assert pt.function([], literal.sum())() == 3


def test_a_deep_graph_is_freed_without_recursion():
    before, y = len(INTERNED), ops.tensor("x", (3,))
    for _ in range(100_000):
        y = y + 1.0
    del y
    gc.collect()
    assert len(INTERNED) <= before + 2


def test_nodes_are_immutable_and_have_no_truth_value():
    x = ops.tensor("x", (3,))
    with pytest.raises(AttributeError, match="immutable"):
        x.op = None
    with pytest.raises(TypeError, match=r"pt\.where"):
        bool(x > 0)
    with pytest.raises(TypeError, match=r"x\.at\[key\]\.set"):
        x[0] = 1.0


def test_toposort_is_the_same_for_the_same_graph():
    x = ops.tensor("x", (3,))
    y = ops.exp(x) * ops.sin(x) + x
    order = toposort([y])
    position = {node: k for k, node in enumerate(order)}
    assert all(position[a] < position[node] for node in order for a in node.inputs)
    assert order == toposort([y]) and len(set(order)) == len(order)
    assert inputs_of([y]) == [x]
    assert set(ancestors([y])) == set(order)
    assert users_of(order)[x] == [ops.exp(x), ops.sin(x), y]


def test_replace_shares_nodes_and_returns_unchanged_ones():
    x, z = ops.tensor("x", (3,)), ops.tensor("z", (3,))
    unchanged = ops.sin(z)
    y = ops.exp(x) * unchanged
    (new,) = replace([y], {x: z})
    assert new is ops.exp(z) * unchanged
    assert replace([unchanged], {x: z})[0] is unchanged
    (swapped,) = replace([x - z], {x: z, z: x})
    assert swapped is z - x


def test_deep_graphs_are_replaced_without_recursion():
    x, z = ops.tensor("x"), ops.tensor("z")
    y = x
    for _ in range(5000):
        y = ops.sin(y)
    (new,) = replace([y], {x: z})
    assert inputs_of([new]) == [z]
    assert pickle.loads(pickle.dumps(new)) is new


def test_pickle_keeps_identity():
    x = ops.tensor("x", (None, 3))
    y = ops.sum(ops.exp(x) @ ops.constant(np.ones((3, 2))), 0)
    assert pickle.loads(pickle.dumps(y)) is y


def test_nodes_have_the_line_of_their_making_or_that_given():
    x = ops.tensor("x")
    y = ops.exp(x)
    assert "test_graph.py" in line_of(y)
    with made_by(y):
        inherited = ops.sinh(x)
    assert line_of(inherited) == line_of(y)


def test_a_bad_call_names_op_shapes_and_lines():
    x, y = ops.tensor("alpha", (3,)), ops.tensor("beta", (4,))
    with pytest.raises(GraphError) as caught:
        x + y
    text = str(caught.value)
    assert "add" in text and "alpha: float64[3]" in text and "beta: float64[4]" in text
    assert text.count("test_graph.py") == 3 and len(text.splitlines()) <= 8


# The verifier.


def forged(op, inputs, kind):
    """A node that `make` would not build, of another table."""
    return Interned(Lock(), None).enter(Node, op, inputs, kind, (), ("<unknown>", 0))


def test_good_graphs_pass():
    x, s = ops.tensor("x", (None,)), ops.tensor("s")
    check([ops.sum(x * s), ops.arange(x.shape[0])], [x, s])


def test_a_wrong_type_is_found():
    x = ops.tensor("x", (3,))
    with pytest.raises(CheckError, match=r"its op says float64\[3\]"):
        check([forged(ops.exp, (x,), TensorType("float64", (4,)))])


def test_a_node_that_is_not_interned_is_found():
    x = ops.tensor("x", (3,))
    interned = ops.exp(x)
    with pytest.raises(CheckError, match="interned"):
        check([forged(ops.exp, (x,), interned.type)])


def test_an_input_that_is_not_given_is_found():
    x, y = ops.tensor("x", (3,)), ops.tensor("stranger", (3,))
    with pytest.raises(CheckError, match=r"stranger.*not among inputs"):
        check([x + y], [x])


def test_unknown_sizes_are_found():
    x, y = ops.tensor("x", (3,)), ops.tensor("y", (None,))
    with pytest.raises(CheckError, match="unknown sizes"):
        check([ops.sum(ops.zeros(y.shape)) + ops.sum(x)], [x])
    with pytest.raises(CheckError, match="unknown sizes"):
        check([make(ops.Iota(y.shape[0]), ())], [x])


def test_changed_outputs_are_found():
    x = ops.tensor("x", (3,))
    with pytest.raises(CheckError, match="1 outputs became 2"):
        check_same_types([x], [x, x], "pass")
    with pytest.raises(CheckError, match=r"output 0 was float64\[3\] and became float64"):
        check_same_types([x], [ops.sum(x)], "pass")


def test_arithmetic_of_pandas_series_with_nodes_gives_nodes():
    series = pandas.Series([1.0, 2.0], index=[5, 6])
    x = pt.scalar("x")
    for node in (series * x, x * series):
        assert node.shape == (2,)
        assert node.eval({"x": 3.0}).tolist() == [3.0, 6.0]
