"""Random graphs as C: what the compiled functions give, bit for bit."""

import numpy as np
import pytest

import probtensor as pt
from cython_ext import blas
from cython_ext.scipy_special import is_scipy
from probtensor.export.parts import OF_LAPACK, ROUTINES
from probtensor.graph.closed import with_bodies
from probtensor.graph.sizes import atoms_of
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Core, Elementwise
from probtensor.testing.generate import random_graph
from probtensor.transform.passes import expand_composites
from tests.export.libraries import Call, openblas

GRAPHS = 30  # in one function
FIRSTS = [pytest.param(k, loops, marks=pytest.mark.slow if k else ())
          for k in range(0, 200, GRAPHS) for loops in (False, True)]  # fmt: skip


def has_plain_routines(outputs):
    """Whether all routines and functions of the graph have a form in C; the others are refused."""
    order = list(with_bodies(toposort(expand_composites(outputs))))
    needed = {node.op.routine for node in order if isinstance(node.op, Core)}
    by_scipy = any(isinstance(node.op, Elementwise) and is_scipy(node.op.c or "") for node in order)
    return needed <= {*ROUTINES, *OF_LAPACK} and not by_scipy


@pytest.mark.parametrize("first, loops", FIRSTS)
def test_random_graphs(first, loops, exported):
    graphs = [random_graph(k, 10, loops=loops) for k in range(first, first + GRAPHS)]
    graphs = [
        graph for graph in graphs
        if not atoms_of(toposort(graph.outputs)) and has_plain_routines(graph.outputs)
    ]  # fmt: skip
    assert len(graphs) > GRAPHS / 2  # data decide no size in these
    inputs = [x for graph in graphs for x in graph.values]
    arrays = [value for graph in graphs for value in graph.values.values()]
    outputs = [y for graph in graphs for y in graph.outputs]
    f = pt.function(inputs, outputs, on_unused_input="ignore", name="graphs")
    call = Call(exported(f, "graphs", lapack=openblas()), f)
    results = f(*arrays)
    with blas.OneThread(blas.of_scipy()):
        found = call(*arrays, results=results)
    for y, made, truth in zip(outputs, found, results, strict=True):
        assert made.tobytes() == np.asarray(truth).tobytes(), y
    call.close()
