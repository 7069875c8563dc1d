"""500 random graphs through passes, both modes of differentiation and both CPU targets; 200 of them
in the quick run."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.graph.closed import with_bodies
from probtensor.graph.parts import types_of
from probtensor.graph.text import to_text
from probtensor.ops.kinds import REGISTRY, Loop
from probtensor.testing.fuzz import (
    FuzzFailure,
    Tally,
    check_target,
    compiled,
    difference,
    fuzz,
    noisy_runs,
)
from probtensor.testing.generate import RandomGraph, is_drawable, random_graph, shrink
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import Pass, rule, var
from probtensor.transform.rewrite import Ruleset

CHUNK = 50
CHUNKS = [pytest.param(k, marks=pytest.mark.slow if k >= 50 else ()) for k in range(0, 500, CHUNK)]
x, y = var("x"), var("y")


@pytest.mark.parametrize("first", CHUNKS)
def test_random_graphs_keep_their_meaning(first):
    targets = [compiled("interp"), compiled("cython")]
    tally = fuzz(CHUNK, first, nodes=10, targets=targets, batch=CHUNK)
    assert tally.graphs == CHUNK
    assert tally.done["graphs on targets"] == 2 * CHUNK
    assert tally.done["texts read back"] == CHUNK
    # Each graph is compared after every pass, and so is its derivative where it has one.
    assert tally.done["passes compared"] > 1.6 * CHUNK * len(PIPELINE)
    assert tally.done["derivatives both ways"] > 0.6 * CHUNK
    assert tally.done["finite differences"] > 0.5 * CHUNK
    assert tally.done["elements compared"] > 50 * CHUNK
    assert sum(tally.fired.values()) > 3 * CHUNK


LOOPS = 25
WITH_LOOPS = [pytest.param(k, marks=pytest.mark.slow if k > 100 else ())
              for k in range(100, 300, LOOPS)]  # fmt: skip


@pytest.mark.parametrize("first", WITH_LOOPS)
def test_random_graphs_with_loops_keep_their_meaning(first):
    graphs = [random_graph(seed, 10, loops=True) for seed in range(first, first + LOOPS)]
    inside = [node for g in graphs for node in with_bodies(toposort(g.outputs))]
    assert sum(isinstance(node.op, Loop) for node in inside) > LOOPS / 3
    assert sum(node.op.chooses for node in inside) > 2
    targets = [compiled("interp"), compiled("cython")]
    tally = fuzz(LOOPS, first, nodes=10, targets=targets, batch=LOOPS, loops=True)
    assert tally.done["graphs on targets"] == 2 * LOOPS
    assert tally.done["derivatives both ways"] > 0.5 * LOOPS
    assert tally.done["finite differences"] > 0.4 * LOOPS


ON_DEVICE = 40
FIRSTS = [pytest.param(k, marks=pytest.mark.slow if k else ()) for k in range(0, 200, ON_DEVICE)]


@pytest.mark.parametrize("first", FIRSTS)
def test_random_graphs_are_what_numpy_says_on_a_device(first, device_driver):
    """Many in one module."""
    graphs = [random_graph(1000 + seed, 10) for seed in range(first, first + ON_DEVICE)]
    tally = Tally()
    check_target(graphs, compiled("cuda"), tally)
    assert tally.done["graphs on targets"] == ON_DEVICE


BAD = {
    "sign of a difference": rule(x - y, y - x, over=(0, 1), why="wrong"),
    "a factor of a billionth": rule(ops.exp(x), ops.exp(x) * (1 + 1e-9), over=(0, 1), why="wrong"),
    "one branch": rule(ops.where(var("c", "bool"), x, y), x, over=(0, 1), why="wrong"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_rule_is_found_and_shrunk(name):
    with pytest.raises(FuzzFailure, match="pass 'bad'") as caught:
        fuzz(100, passes=[Pass("bad", Ruleset(BAD[name]))])
    program = str(caught.value).split("\n\n")[1]
    assert len(program.splitlines()) <= 6, program


def test_a_bad_derivative_is_found(monkeypatch):
    monkeypatch.setattr(ops.Exp, "vjp", lambda self, g, out, x: (g * out * 1.01,))
    with pytest.raises(FuzzFailure, match="finite differences"):
        fuzz(100, passes=())


def test_a_derivative_that_is_not_linear_is_found(monkeypatch):
    monkeypatch.setattr(ops.Softmax, "vjp", lambda self, g, out, x: (out * g,))
    with pytest.raises(FuzzFailure, match="vjp gives"):
        fuzz(200, passes=())


def test_a_bad_target_is_found_and_the_graph_named():
    def lossy(inputs, outputs, arrays):
        results = evaluate_numpy(outputs, dict(zip(inputs, arrays)))
        return [r.astype("float32").astype(r.dtype) if r.dtype == "float64" else r for r in results]

    with pytest.raises(FuzzFailure, match=r"seed \d+, target"):
        fuzz(20, passes=(), targets=[lossy])


def test_a_target_that_mixes_up_outputs_is_found():
    def swapped(inputs, outputs, arrays):
        return evaluate_numpy(outputs, dict(zip(inputs, arrays)))[::-1]

    graphs = [random_graph(seed) for seed in (1, 2, 3)]
    with pytest.raises(FuzzFailure):
        check_target(graphs, swapped, Tally())


def test_graphs_come_from_their_seed_alone():
    texts = [to_text(random_graph(11).outputs, whole=True) for _ in range(2)]
    assert texts[0] == texts[1] != to_text(random_graph(12).outputs, whole=True)
    a, b = random_graph(11).values, random_graph(11).values
    assert all(np.array_equal(p, q) for p, q in zip(a.values(), b.values()))


@pytest.mark.parametrize(
    ("seeds", "missing", "missing_draws"),
    [(300, 150, 8), pytest.param(1500, 45, 4, marks=pytest.mark.slow)],
)
def test_every_op_turns_up(seeds, missing, missing_draws):
    seen, dtypes, symbolic = set(), set(), 0
    drawn = {name for name in REGISTRY if name.startswith("draw_")}
    drawable = {name for name, kind in REGISTRY.items() if is_drawable(kind)}
    for seed in range(seeds):
        graph = random_graph(seed)
        nodes = toposort(graph.outputs)
        seen |= {node.op.name for node in nodes}
        types = [t for node in nodes for t in types_of(node)]
        dtypes |= {t.dtype for t in types}
        symbolic += any(not t.is_static for t in types)
    # Of the many routines that are drawn by their samples alone a few may be missing.
    assert len(drawable - drawn - seen) < missing, sorted(drawable - drawn - seen)
    assert len(drawn - seen) < missing_draws
    assert {"float64", "float32", "int64", "int32", "bool"} <= dtypes
    assert symbolic > 0.6 * seed


def test_shrinking_finds_the_node_at_fault():
    graph = random_graph(21)
    target = [node for node in toposort(graph.outputs) if len(node.inputs) == 1][-1]
    kind = type(target.op)

    def fails(candidate):
        return any(isinstance(n.op, kind) for n in toposort(candidate.outputs))

    small = shrink(graph, fails)
    assert isinstance(small.outputs[0].op, kind) and len(small.outputs) == 1
    assert len(toposort(small.outputs)) == 2


def test_noise_measures_what_a_graph_magnifies():
    t = ops.tensor("t", (4,))
    at = {t: np.array([1.0, 2.0, 3.0, 4.0])}
    calm = RandomGraph((ops.exp(t),), at, 0)
    wild = RandomGraph((ops.exp(t) - ops.exp(t + 1e-9) * (1 - 1e-9),), at, 0)
    for graph, error, expected in ((calm, 1e-9, True), (wild, 1e-9, False)):
        rng = np.random.default_rng(0)
        (wanted,) = evaluate_numpy(graph.outputs, at)
        noisy = [run[0] for run in noisy_runs(graph, rng)]
        found = difference(wanted, wanted * (1 + error), noisy, Tally())
        assert (found is not None) == expected


def test_sums_may_be_taken_in_any_order_but_not_be_others():
    """The factors of a product of two sums cancel; its 18 terms are rounded at their own size."""
    a, b = ops.tensor("a", (2, 3)), ops.tensor("b", (2, 3))
    at = {
        a: np.array([[0.95, -1.04, -0.60], [-0.25344849387928614, -1.915745876861344, 2.1778]]),
        b: np.array([[-1.4943427642649512, -0.39971, 2.3279563], [-0.2166180, 0.52500, -0.6107]]),
    }
    graph = RandomGraph((ops.einsum("ab,cd->a", a, b),), at, 0)
    (wanted,) = evaluate_numpy(graph.outputs, at)
    terms = at[a][:, :, None] * at[b].ravel()
    sizes = np.abs(terms).sum((1, 2))
    noisy = [run[0] for run in noisy_runs(graph, np.random.default_rng(0))]
    forth, back = (np.cumsum(t.reshape(2, -1), 1)[:, -1] for t in (terms, terms[:, ::-1, ::-1]))
    for other in (forth, back):
        assert difference(wanted, other, noisy, Tally()) is None
    assert difference(wanted, wanted + 1e-12 * sizes, noisy, Tally())


def test_nan_for_a_number_is_a_difference_and_a_number_for_nan_is_not():
    t = ops.tensor("t", (2,))
    graph = RandomGraph((ops.log(t),), {t: np.array([1.0, -1.0])}, 0)
    noisy = [run[0] for run in noisy_runs(graph, np.random.default_rng(0))]
    wanted = np.array([0.5, np.nan])
    noisy = [wanted for _ in noisy]
    assert difference(wanted, np.array([np.nan, np.nan]), noisy, Tally())
    assert not difference(wanted, np.array([0.5, 3.0]), noisy, Tally())
