"""Whether the gradient of each term of a log density is its slope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, line_of
from probtensor.ops.values.effects import quiet
from probtensor.prob.density.diagnosis import explained
from probtensor.prob.model.data import evaluate
from probtensor.prob.model.graphs import term_sources
from probtensor.transform.autodiff import gradient

MOST = 60  # coordinates that are compared
STEPS = (1e-4, 1e-6)  # of differences, for coordinates of size 1
LOST = 2.0  # in place of the difference of a derivative that is no number
ALIKE = 1e-3  # relative; differences of third order and rounding are far below


@dataclass(frozen=True, eq=False)
class SlopeFault:
    """A term whose derivative by one coordinate is not its slope: the term's name and line, the
    variable with its index, the derivative and the difference quotient; `jump` is what the term
    changes by within a millionth, 0.0 where it is continuous."""

    term: str
    line: str
    variable: str
    derivative: float
    slope: float
    jump: float = 0.0

    def __str__(self) -> str:
        if self.jump:
            return (
                f"{self.term} jumps by {self.jump:.6g} along {self.variable}, where its derivative "
                f"is {self.derivative:.6g}; made at {self.line}"
            )
        return (
            f"the derivative of {self.term} by {self.variable} is {self.derivative:.6g}, its slope "
            f"is {self.slope:.6g}; made at {self.line}"
        )


@dataclass(frozen=True, eq=False)
class SlopeReport:
    """The faults that were found; its text says so if there are none. `compared` counts the
    derivatives that were compared with difference quotients; `undefined` are the terms that are not
    finite at the point, where nothing can be compared."""

    faults: tuple[SlopeFault, ...]
    compared: int
    undefined: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.faults and not self.undefined

    def __str__(self) -> str:
        if self.undefined:
            more = f"{', '.join(self.undefined)}: posterior.diagnose(q) says why"
            return "\n".join(["the log density has no slope here", more, *map(str, self.faults)])
        if self.faults:
            return "\n".join(map(str, self.faults))
        return f"the gradient is the slope of the log density in {self.compared} comparisons"

    __repr__ = __str__


@quiet()
def checked_slopes(posterior: Any, q: np.ndarray) -> SlopeReport:
    """See `Posterior.check_gradient`."""
    model = posterior.model
    if model.summed:
        return _report(posterior, q, *_whole(posterior))
    sources = [(s, explained(model, s)[0]) for s in term_sources(model)]
    sources = [(s, ops.sum(graph)) for s, graph in sources]
    values = model.at_q([total for _, total in sources])
    slopes = [_gradient(value, model.q) for value in values]
    arrays = posterior._binding.arrays

    def terms_at(point: np.ndarray) -> np.ndarray:
        return np.array([float(x) for x in evaluate(values, {**arrays, model.q: point})])

    found = evaluate(slopes, {**arrays, model.q: q})
    names = [_name(s) for s, _ in sources]
    lines = [line_of(s.node) for s, _ in sources]
    return _report(posterior, q, terms_at, np.array(found), names, lines)


def _name(source: Any) -> str:
    density = source.kind in ("prior", "likelihood")
    what = f"the {source.node.op.text()} {source.kind}" if density else f"the {source.kind}"
    return f"{what} of {source.owner.name}"


def _gradient(value: Node, q: Node) -> Node:
    return gradient(value, [q], disconnected_inputs="ignore")[0]


def _whole(posterior: Any) -> tuple:
    """The density as one term: sums over discrete variables join many."""

    def terms_at(point: np.ndarray) -> np.ndarray:
        return np.array([posterior.logp(point)])

    return terms_at, None, ["the log density"], [""]


def _report(
    posterior: Any,
    q: np.ndarray,
    terms_at: Callable[[np.ndarray], np.ndarray],
    slopes: np.ndarray | None,
    names: list[str],
    lines: list[str],
) -> SlopeReport:
    if slopes is None:
        slopes = posterior.logp_and_grad(q)[1][None, :]
    weight = np.nan_to_num(np.abs(slopes)).sum(axis=0)
    chosen = np.argsort(-weight, kind="stable")[:MOST]
    faults, compared = [], 0
    for i in sorted(chosen.tolist()):
        for k, derivative, slope, jump in _compared(terms_at, q, i, slopes[:, i]):
            compared += 1
            if slope is not None:
                own = names[k], lines[k], posterior.variable_of(i)
                faults.append(SlopeFault(*own, derivative, slope, jump))
    here = zip(names, terms_at(q), strict=True)
    undefined = [f"{name} is {value:.6g}" for name, value in here if not np.isfinite(value)]
    return SlopeReport(tuple(faults), compared, tuple(undefined))


def _compared(
    terms_at: Callable[[np.ndarray], np.ndarray], q: np.ndarray, i: int, derivatives: np.ndarray
) -> Iterator[tuple[int, float, float | None, float]]:
    """(term, derivative, slope, jump) for each term by coordinate i; the slope is None where they
    agree for one of the steps, or nothing can be said."""
    here = terms_at(q)
    off, slopes, bends = (np.empty((len(STEPS), len(here))) for _ in range(3))
    for row, step in enumerate(STEPS):
        h = step * max(1.0, abs(q[i]))
        ahead, behind = q.copy(), q.copy()
        ahead[i], behind[i] = q[i] + h, q[i] - h
        high, low = terms_at(ahead), terms_at(behind)
        with np.errstate(all="ignore"):
            slopes[row] = (high - low) / (ahead[i] - behind[i])
            bends[row] = high + low - 2 * here
            noise = 1e-14 * (np.abs(high) + np.abs(low))
            limit = ALIKE * (np.abs(slopes[row]) + np.abs(derivatives)) + 1e-6 + noise / h
            off[row] = np.abs(slopes[row] - derivatives) / limit
        lost = ~np.isfinite(derivatives) & np.isfinite(slopes[row]) & np.isfinite(here)
        off[row, lost] = LOST
    off[~np.isfinite(off)] = 0.0
    # Of a smooth term they fall with the square of the step.
    jumps = (np.abs(bends[1]) > 0.5 * np.abs(bends[0])) & (np.abs(bends[1]) > 1e-3 + 100 * noise)
    for k, row in enumerate(np.argmin(off, axis=0).tolist()):
        wrong = off[row, k] > 1 or jumps[k]
        jump = float(bends[1, k]) if jumps[k] else 0.0
        yield k, float(derivatives[k]), float(slopes[row, k]) if wrong else None, jump
