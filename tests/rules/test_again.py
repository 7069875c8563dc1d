"""Rewriting what has been rewritten changes nothing: neither the stable form of a graph, of which
derivatives are taken, nor the result of all passes, which is lowered."""

import json

import numpy as np
import pytest

import probtensor as pt
from probtensor.compile import PIPELINE
from probtensor.rules import PICKS, STABLE
from probtensor.testing.generate import random_graph
from probtensor.transform.passes import run
from probtensor.transform.rewrite import RewriteLog, apply_rules
from tests.models import posteriordb as posteriors
from tests.models.programs import MODELS

COPIES = "scalars in memory"


def graphs_of(model):
    _, outputs, updates = model()
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    found = [getattr(y, "variable", y) for y in outputs]
    return [*found, *dict(updates or {}).values()]


def unchanged(graphs):
    """The names of the passes that change something again."""
    log = RewriteLog()
    apply_rules(pt.rewrite_graph(graphs), STABLE + PICKS, log)
    # What a call checks of sizes is kept for derivatives, and taken off by every run.
    wrong = [name for name, _ in log.fired if name != "remove_require"]
    # Copies of scalars are for effects, and the last that is done: rules see nothing in them.
    final = run([step for step in PIPELINE if step.name != COPIES], graphs)
    for step in PIPELINE:
        before = run([step], final) if step.name == COPIES else final
        after = run([step], before)
        if any(p is not q for p, q in zip(after, before, strict=True)):
            wrong.append(step.name)
    return wrong


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_of_models(model):
    assert unchanged(graphs_of(model)) == []


# Those that take more than half a second to derive.
LONG = (
    "diamonds-diamonds", "bball_drive_event_0-hmm_drive_0", "hudson_lynx_hare-lotka_volterra",
    "hmm_example-hmm_example",
)  # fmt: skip
NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in LONG else ())
    for name in posteriors.MODELS
]


@pytest.mark.parametrize("name", NAMES)
def test_of_posteriors(posteriordb, name):
    data = json.loads((posteriordb / "data" / f"{name.partition('-')[0]}.json").read_text())
    model = posteriors.MODELS[name][0](data).model
    assert unchanged(model.density([model.logp, model.gradient]).outputs) == []


# The last ones: of negated and dropped axes, of literals, a sum that is divided by, and a print.
FEW = [*range(30), 17, 129, 168, 249, 255, 397, 705]


@pytest.mark.parametrize(
    "seeds, loops",
    [
        pytest.param(FEW, False, id="few"),
        pytest.param(range(12), True, id="few with loops"),
        pytest.param(range(30, 800), False, id="many", marks=pytest.mark.slow),
        pytest.param(range(12, 200), True, id="many with loops", marks=pytest.mark.slow),
    ],
)
def test_of_random_graphs(seeds, loops):
    found = {seed: unchanged(random_graph(seed, loops=loops).outputs) for seed in seeds}
    assert {seed: names for seed, names in found.items() if names} == {}


def test_of_carries_that_are_constant_by_the_rules():
    x = pt.vector("x")
    ones = pt.ones_like(x)

    def step(state, u):
        return (pt.broadcast_to(u, x.shape), pt.tanh(state[1] + 1.0)), None

    (h, k), _ = pt.loop.scan(step, (ones, 0.0), ones)
    assert unchanged([pt.ifelse(k > 0.5, h + 2.0, h)]) == []


def test_hyperbolic_tangents_and_inverses_are_found():
    a, m = pt.scalar("a"), pt.matrix("m")
    e, f = pt.exp(a), pt.exp(-a)
    quotients = [(e - f) / (e + f), (pt.exp(2 * a) - 1) / (pt.exp(2 * a) + 1),
                 (1 - pt.exp(-2 * a)) / (1 + pt.exp(-2 * a)), pt.sinh(a) / pt.cosh(a),
                 3 * (e - f) / (e + f) / 3]  # fmt: skip
    slopes = [pt.grad(y, a) for y in quotients]
    g = pt.function([a], [*quotients, *slopes, pt.tan(pt.arctan(a)), pt.sinh(pt.arcsinh(a))],
                    target="machine")  # fmt: skip
    for value in (-800.0, -0.3, 0.0, 1e-12, 2.0, 800.0):
        found = np.array(g(value))
        tanh, slope = np.tanh(value), 1 / np.cosh(min(abs(value), 700)) ** 2
        wanted = [tanh] * 5 + [slope] * 5 + [value] * 2
        np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-300)
    h = pt.function([m], pt.exp(m.T * 2 + 1).T, target="interp")
    assert "transpose" not in h.explain("passes").split("tidy")[-1]
    np.testing.assert_allclose(h(np.eye(2, 3)), np.exp(2 * np.eye(2, 3) + 1), rtol=1e-15)
