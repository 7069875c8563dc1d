"""What the graph of a model shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from probtensor import ops
from probtensor.graph import Node, ancestors, line_of
from probtensor.prob.distributions.base import Potential, RandomVariable, display_name
from probtensor.prob.model.data import evaluate
from probtensor.prob.model.graphs import FreeVariable
from probtensor.prob.model.missing import pieces_of
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.modelling.lint.findings import ERROR, HINT, WARNING, Finding
from probtensor.prob.sequences.resolve import model_order, resolved

# Functions that are constant between jumps. Those with whole or logical values are, too.
_STEPS = (ops.Floor, ops.Ceil, ops.Round, ops.Trunc, ops.Sign)
TRIES = 40  # points at which conditions on parameters are looked at
FEW = 10  # data for each entry of a variable below which its funnel is felt


def findings(posterior: Posterior, rng: np.random.Generator) -> Iterator[Finding]:
    """All that the graph shows."""
    yield from without_data(posterior)
    yield from without_derivative(posterior)
    yield from guarded(posterior, rng)
    yield from centred(posterior)


def data_terms(posterior: Posterior) -> list[Node]:
    """The observed variables and potentials."""
    model = posterior.model
    return [*(y.node for y in model.observed), *(p.node for p in model.potentials)]


def uninformed(posterior: Posterior) -> list[FreeVariable]:
    """The free variables that no observed variable and no potential depends on."""
    order = model_order(data_terms(posterior))
    known = set(order)
    return [v for v in posterior.model.free if v.variable not in known]


def imputed(posterior: Posterior) -> set[str]:
    """The names of missing values, which need no data of their own."""
    return {x.name for d in posterior.model.deterministic for x in pieces_of(d.node)}


def without_data(posterior: Posterior) -> Iterator[Finding]:
    """Variables that have their prior as posterior."""
    for v in uninformed(posterior):
        if v.variable.op.distribution.improper:
            yield Finding(
                ERROR, "improper", (v.name,), v.line,
                f"No data depend on {v.name}, and its prior has no finite integral, so the "
                "posterior has none: there is nothing to draw from.",
                "Give it a proper prior, or leave it out.",
            )  # fmt: skip
        elif v.name not in imputed(posterior):
            yield Finding(
                WARNING, "no data", (v.name,), v.line,
                f"No observed variable and no potential depends on {v.name}, so its posterior is "
                "its prior.",
                "Leave it out and draw it with pt.sample_posterior_predictive, or use it in the "
                "model.",
            )  # fmt: skip


def without_derivative(posterior: Posterior) -> Iterator[Finding]:
    """Variables that reach the density through steps."""
    model = posterior.model
    free = {v.variable: v for v in model.free}
    order = model_order([*data_terms(posterior), *free])
    for node, v in free.items():
        smooth, stepped, steps = reached(node, order, set(free))
        if not stepped:
            continue
        made = next(iter(steps))
        if not smooth:
            yield Finding(
                ERROR, "no derivative", (v.name,), v.line,
                f"{v.name} reaches the density only through {made.op.user_name()} "
                f"({line_of(made)}), which is constant between jumps: its gradient is 0, and a "
                "sampler that follows gradients does not learn from the data.",
                "Use a smooth function, such as pt.sigmoid((x - c) / width), or sum the cases out "
                "with pt.logsumexp.",
            )  # fmt: skip
        elif any(isinstance(x.op, _STEPS) for x in steps):
            yield Finding(
                WARNING, "steps", (v.name,), v.line,
                f"The density jumps where {made.op.user_name()} of {v.name} does "
                f"({line_of(made)}), and its gradient does not tell.",
                "Use a smooth function in its place.",
            )  # fmt: skip


def reached(
    variable: Node, order: Sequence[Node], free: set[Node]
) -> tuple[bool, bool, dict[Node, None]]:
    """(whether terms depend on a variable smoothly, whether through steps, these steps)."""
    smooth, stepped = {variable}, set()
    steps: dict[Node, None] = {}
    ends = [False, False]
    for node in order:
        if node is variable:
            continue
        inputs = node.inputs
        if isinstance(node.op, RandomVariable):
            inputs = resolved(node).variable.inputs
        is_smooth = any(x in smooth for x in inputs)
        is_stepped = any(x in stepped for x in inputs)
        if not is_smooth and not is_stepped:
            continue
        if isinstance(node.op, (RandomVariable, Potential)):
            ends[0] |= is_smooth
            ends[1] |= is_stepped
            continue
        kinds = node.type if isinstance(node.type, tuple) else (node.type,)
        whole = not any(kind.is_float for kind in kinds)
        if is_smooth and (whole or isinstance(node.op, (*_STEPS, ops.StopGradient))):
            steps[node] = None
            stepped.add(node)
            continue
        smooth |= {node} if is_smooth else set()
        stepped |= {node} if is_stepped else set()
    return ends[0], ends[1], steps


def guarded(posterior: Posterior, rng: np.random.Generator) -> Iterator[Finding]:
    """Parameters that leave their range at some of many random points."""
    model, seen = posterior.model, set()
    holds = model.at_q([guard.inside for guard in model.guards])
    tried = range(TRIES if holds else 0)
    arrays = posterior._binding.arrays
    found = [evaluate(holds, {**arrays, model.q: wide(posterior, rng)}) for _ in tried]
    for k, guard in enumerate(model.guards):
        key = guard.what, guard.line
        if key not in seen and not all(np.all(row[k]) for row in found):
            seen.add(key)
            names = causes(posterior, guard.what) or (guard.what,)
            yield Finding(
                WARNING, "leaves support", names, guard.line,
                f"{guard.what} must be {guard.domain}, and is something else at some of many "
                "random points: the density is 0 there, with an edge that a sampler runs into.",
                "Give it a prior on that range, such as pt.random.half_normal, or "
                "constraint=pt.interval(0); or make it of pt.exp or pt.softplus.",
            )  # fmt: skip


def wide(posterior: Posterior, rng: np.random.Generator) -> np.ndarray:
    """A random point, of the scale at which chains start."""
    return rng.uniform(-2.0, 2.0, size=posterior.dim)


def causes(posterior: Posterior, what: str) -> tuple[str, ...]:
    """The free variables that a parameter, as in `sigma of normal 'y'`, depends on."""
    names = {v.variable: v.name for v in posterior.model.free}
    label, _, shown = what.removeprefix("a factor of ").partition(" of ")
    for node in posterior.model.variables:
        op = resolved(node).variable.op
        if display_name(op.distribution, op.label) == shown and label in op.distribution.parameters:
            own = resolved(node).variable
            inputs = [own.op.named(own.inputs)[label]]
            above = set(ancestors(inputs, names.__contains__))
            return tuple(name for x, name in names.items() if x in above)
    return ()


def centred(posterior: Posterior) -> Iterator[Finding]:
    """Variables with few data whose own scale is free."""
    model = posterior.model
    free = {v.name: v for v in model.free}
    data = sum(array.size for array in posterior.observed.values())
    told = set()
    for effect, scale in posterior.hierarchies:
        v = free[effect]
        count = prod(v.shape)
        known = v.variable.op.distribution.location_scale and type(v.variable.op) is RandomVariable
        if effect in told or not count or data / count >= FEW or not known:
            continue
        told.add(effect)
        yield Finding(
            HINT, "centring", (effect, scale), v.line,
            f"The scale of {effect} depends on {scale}, and there are {data} data for its {count} "
            f"entries: where {scale} is small the density is a narrow funnel.",
            f"Make {effect} with centered=False, or ask pt.reparametrize(posterior), which chooses "
            "by a short run.",
        )  # fmt: skip
