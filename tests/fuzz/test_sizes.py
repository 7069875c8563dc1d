"""Random graphs called with sizes that do not fit: refused, or what NumPy makes of them."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.ops.kinds import Core, Elementwise
from probtensor.testing.fuzz import main
from probtensor.testing.generate import RandomGraph
from probtensor.testing.misfit import (
    SizeFailure,
    check_sizes,
    expected,
    fuzz_sizes,
    loosened,
    misfits,
    size_graph,
)


def test_sizes_that_do_not_fit_are_refused(target):
    """One function of many graphs, so that one module is compiled."""
    count, first = {"interp": (40, 200), "cython": (16, 0), "cuda": (6, 300)}[target]
    done = fuzz_sizes(count, first, target=target, batch=16, each=6)
    assert done["fit"] == count
    assert done["refused"] > count
    assert done["taken"] > count


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1300, 100))
@pytest.mark.parametrize("target", ["interp", "cython"])
def test_many_sizes_that_do_not_fit_are_refused(target, first):
    done = fuzz_sizes(100, first, target=target, batch=50, each=8)
    assert done["fit"] == 100
    assert done["refused"] > 200


def test_graphs_and_sizes_come_from_their_seed_alone():
    one, other = size_graph(5), size_graph(5)
    shapes = [[[v.shape for v in g.values()] for g in misfits(x, 4)] for x in (one, other)]
    assert shapes[0] == shapes[1]
    assert [x.type.ndim for x in one.outputs] == [x.type.ndim for x in other.outputs]


def small():
    x, y = ops.tensor("x", (3,)), ops.tensor("y", (3,))
    return loosened(RandomGraph((x + y,), {x: np.ones(3), y: np.ones(3)}, 0))


def test_every_axis_gets_a_size_of_its_own():
    graph = small()
    sizes = [n for x in graph.values for n in x.shape]
    assert sizes[0] == 3
    assert not isinstance(sizes[1], int)
    x, y = graph.values
    assert expected(graph, {x: np.ones(3), y: np.ones(4)}) is None


@pytest.mark.parametrize("law", [Elementwise, Core, ops.Reshape, ops.Slice, ops.Scatter])
def test_a_law_that_is_not_stated_is_found(monkeypatch, law):
    monkeypatch.setattr(law, "requires", lambda self, node: ())
    with pytest.raises(SizeFailure, match=r"seed \d+\n"):
        fuzz_sizes(200, target="interp", batch=1, each=8)


def test_a_target_that_takes_everything_is_found():
    graph = small()
    with pytest.raises(SizeFailure, match="NumPy refuses it"):
        check_sizes([graph], lambda arrays: [np.ones(3) * 2], 10)


def test_the_command_line_runs_it(capsys):
    main(["3", "--sizes", "--target", "interp"])
    assert "calls refused" in capsys.readouterr().out
