"""Checks of a model as a whole: its gradient against differences of its log density, and Geweke's
joint test of draws of data against the density of parameters.

Source: Geweke (2004), "Getting it right: joint distribution tests of posterior simulators", JASA
99:799. Parameters and data are drawn jointly; then, in turns, parameters are moved given the data
by moves that keep the posterior, and data are drawn again given the parameters. Parameters must
still follow the prior. Many short chains begin at the prior, so that they are independent of each
other and the test is exact (Gandy and Scott, 2020, arXiv:2001.06465). Data that parameters depend
on stay as they were first drawn: given the parameters they do not follow their own distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from probtensor.compile import function
from probtensor.graph import GraphError, Node, line_of
from probtensor.prob.distributions.base import RandomVariable
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.sequences.resolve import resolved
from probtensor.process import numpy_part
from probtensor.testing.models.moves import moved, spread
from probtensor.testing.models.parts import (
    TARGET,
    Prior,
    reason,
    rows_of_nodes,
    unconstrained_rows,
)
from probtensor.testing.models.report import Check

ROUNDS, MOVES = 8, 6
LEAST_CHAINS, MOST_NUMBERS = 200, 2_000_000  # numbers: those of all chains, parameters and data
RELATIVE_STEP, TOLERANCE = 1e-4, 1e-5


def finite_check(posterior: Posterior, points: np.ndarray) -> Check:
    """The log density is a number at draws of the prior."""
    logp = np.array([posterior.logp(q) for q in points])
    lost = np.isnan(logp) | (logp == np.inf)
    if not lost.any():
        return Check(
            "finite", "model", f"the log density is no nan at {len(logp)} points", "", True
        )
    text = posterior.diagnose(points[np.argmax(lost)]).splitlines()
    return Check("finite", "model", "; ".join(line.strip() for line in text[:2]), "", False)


def gradient_checks(posterior: Posterior, points: np.ndarray, seed: int) -> Iterator[Check]:
    """For each free variable, the slope in random directions of it against differences."""
    rng = numpy_part("random").default_rng(seed)
    for v in posterior.model.free:
        worst, text, count = 0.0, "", 0
        for q in points:
            logp, slope = posterior.logp_and_grad(q)
            if not np.isfinite(logp):
                continue
            direction = np.zeros(posterior.dim)
            direction[v.start : v.stop] = rng.normal(size=v.stop - v.start)
            direction /= np.linalg.norm(direction) + 1e-300
            got, (meant, error) = float(slope @ direction), _difference(posterior, q, direction)
            excess = abs(got - meant) / (TOLERANCE * (abs(meant) + abs(got)) + 4 * error)
            count += 1
            if not excess <= max(worst, 1.0):
                worst, text = excess, f"slope {got:.8g}, by differences {meant:.8g}"
        line = line_of(v.variable)
        if not count:
            yield Check("gradient", v.name, "the log density is nowhere finite", line)
        elif text:
            yield Check("gradient", v.name, text, line, False)
        else:
            yield Check("gradient", v.name, f"against differences at {count} points", line, True)


def _difference(posterior: Posterior, q: np.ndarray, direction: np.ndarray) -> tuple[float, float]:
    """(slope of the log density in a direction, bound of its error) by differences of two steps."""
    found, scale = [], RELATIVE_STEP * max(1.0, float(np.abs(q).max()))
    for step in (scale, 0.5 * scale):
        high, low = (posterior.logp(q + s * step * direction) for s in (1, -1))
        found.append((high - low) / (2 * step))
    size = max(abs(high), abs(low), 1.0)
    best = (4 * found[1] - found[0]) / 3
    return best, abs(found[1] - found[0]) + size * 1e-15 / scale


def joint_checks(posterior: Posterior, prior: Prior, seed: int) -> Iterator[Check]:
    """Geweke's test: for each free variable, and for the joint log density."""
    from scipy import stats

    model = posterior.model
    rows = len(next(iter(prior.rows.values())))
    width = posterior.dim + sum(prior.rows[y.node][0].size for y in model.observed)
    chains = min(rows // 2, MOST_NUMBERS // max(width, 1))
    if chains < LEAST_CHAINS or not model.observed or not posterior.dim:
        yield Check("joint", "model", "too few draws, too large a model, or nothing to observe")
        return
    try:
        points = unconstrained_rows(posterior, prior.rows)
        density = _density(posterior)
        q, logp = _geweke(posterior, density, prior, points[:chains], seed)
    except (GraphError, ValueError) as error:
        yield Check("joint", "model", reason(error))
        return
    others = points[chains:]
    for v in model.free:
        pairs = [(others[:, k], q[:, k]) for k in _some(v.start, v.stop)]
        middles = [np.median(a) for a, _ in pairs]
        pairs += [(abs(a - m), abs(b - m)) for (a, b), m in zip(list(pairs), middles, strict=True)]
        p = min(1.0, len(pairs) * min(stats.ks_2samp(a, b).pvalue for a, b in pairs))
        text = f"the prior against {ROUNDS} rounds of data and moves given these, p = {p:.3g}"
        text += ", with potentials, which draws know nothing of" if model.potentials else ""
        yield Check("joint", v.name, text, line_of(v.variable), None, float(p))
    data = [_typed(prior.rows[y.node][chains:], y.value) for y in model.observed]
    before = density(others, data)[0]
    pairs = [(before, others), (logp, q)]
    lost = [np.isnan(value) & np.isfinite(at).all(axis=1) for value, at in pairs]
    if any(np.isnan(value).any() for value, _ in pairs):
        count = sum(int(x.sum()) for x in lost)
        where = f"{count} draws" if count else "draws on edges of supports"
        text = f"the log density is nan at {where}"
        yield Check("joint", "model", text, "", False if count else None)
        return
    p = float(stats.ks_2samp(before, logp).pvalue)
    yield Check("joint", "model", f"log densities before and after, p = {p:.3g}", "", None, p)


def _some(start: int, stop: int) -> list[int]:
    """At most 8 of these coordinates."""
    return [*np.unique(np.linspace(start, stop - 1, min(8, stop - start)).astype(int))]


def _typed(rows: np.ndarray, value: Node) -> np.ndarray:
    return np.ascontiguousarray(rows, value.dtype)


def _density(posterior: Posterior) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """(rows of q, rows of each observed array) -> (log densities, gradients)."""
    model = posterior.model
    fixed = posterior.data | model.arrays
    inputs = [model.q, *(y.value for y in model.observed), *fixed]
    outputs = [model.logp, model.gradient]
    compiled = function(inputs, outputs, target=TARGET, on_unused_input="ignore")
    bound = compiled.bind(fixed, borrow=True)
    return lambda q, data: tuple(bound.rows([q, *data]))


def _geweke(
    posterior: Posterior, density: Callable, prior: Prior, q: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(the parameters of all chains after the rounds, the log density given the last data)."""
    model, rng = posterior.model, numpy_part("random").default_rng(seed)
    chains, scale = len(q), spread(q)
    rows = {y.node: prior.rows[y.node][:chains] for y in model.observed}
    causes = _causes([v.variable for v in model.free])
    kept = {node: x for node, x in rows.items() if node in causes}
    drawn = [node for node in rows if node not in causes]
    for k in range(ROUNDS):
        if k and drawn:
            values = posterior.expand(q)
            given = kept | {v.variable: values[v.name] for v in model.free}
            rows |= rows_of_nodes(posterior, drawn, chains, seed + k, given)
        data = [_typed(rows[y.node], y.value) for y in model.observed]
        q = moved(lambda at, data=data: density(at, data), q, scale, rng, MOVES)
    return q, density(q, data)[0]


def _causes(variables: Sequence[Node]) -> set[Node]:
    """All that the distributions of some variables depend on."""
    seen: set[Node] = set()
    stack = list(variables)
    while stack:
        node = stack.pop()
        random = isinstance(node.op, RandomVariable)
        new = set(resolved(node).variable.inputs if random else node.needs) - seen
        seen |= new
        stack += new
    return seen
