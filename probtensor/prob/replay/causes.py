"""The causes of divergences: which variable, which term of the density, at which line."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.ops.values.effects import quiet
from probtensor.prob.replay.path import Path, count_of, group, paths
from probtensor.prob.replay.slopes import checked_slopes
from probtensor.prob.replay.stiffness import Stiffness, stiffness

STABLE = 4.0  # the limit of step^2 curvature for a leapfrog step
PLACES = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)  # on a step, at which curvatures are looked at
FOLLOWS = 0.25  # a change of log curvature by a scale of a variable that is worth a line
SHOWN = 6  # energies


@dataclass(frozen=True, eq=False)
class Divergence:
    """One divergent trajectory, and its cause.

    path       the trajectory: `chain`, `draw`, `positions`, `energies`, `step_size`, `jump`
    kind       "edge": the density is not finite at the next state; "stiff": the step is longer
               than the curvature allows; "slope": a derivative is wrong; "unknown"
    variable   the variable, with its index, that left the support or whose direction is stiff
    driver     the variable that the stiffness depends on, with its index; "" for none
    term       the term of the density, "the normal likelihood of y"; owner is its variable
    line       the user's line of that term, `driver_line` that of the driver
    """

    path: Path
    kind: str
    variable: str
    driver: str
    term: str
    owner: str
    line: str
    driver_line: str
    text: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The cause in one line, without the values of this trajectory."""
        if self.kind == "edge":
            return f"{self.term} is not finite ({self.line})"
        if self.kind == "slope":
            return f"the gradient of {self.term} is not its slope ({self.line})"
        if self.kind == "unknown":
            return "no cause is found"
        what = f"{self.term} ({self.line})" if self.term else f"the density along {self.variable}"
        follows = f" as {bare(self.driver)} changes ({self.driver_line})" if self.driver else ""
        return f"{what} becomes too stiff for the step{follows}"

    def __str__(self) -> str:
        path = self.path
        size = abs(path.step_size)
        way = "backwards" if path.step_size < 0 else "forwards"
        taken = f"{len(path.energies) - 1} leapfrog steps of {size:.3g} {way}" if size else "a step"
        shown = ", ".join(f"{e:.4g}" for e in path.energies[-SHOWN:])
        more = "..., " if len(path.energies) > SHOWN else ""
        rows = [f"chain {path.chain}, draw {path.draw}: {taken}, energy {more}{shown}", *self.text]
        return "\n    ".join(rows)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why draws of a run diverged; print it. `divergences` are those that were followed again,
    `total` is how many there were, `advice` what to do."""

    divergences: tuple[Divergence, ...]
    total: int
    advice: tuple[str, ...]

    def __str__(self) -> str:
        if not self.total:
            return "no draw diverged"
        draws = f"{self.total} draw{'s' * (self.total != 1)}"
        rows = [f"{draws} diverged; followed again: {len(self.divergences)}"]
        counts = Counter(d.summary for d in self.divergences)
        rows += [f"  {n} of them: {summary}" for summary, n in counts.most_common()]
        rows += [f"  {line}" for line in self.advice]
        rows += [f"  {d}" for d in self.divergences]
        return "\n".join(rows)

    __repr__ = __str__


@quiet()
def explained(posterior: Any, idata: object, limit: int) -> Explanation:
    """See `Posterior.explain_divergences`."""
    total = count_of(idata)
    found = []
    if total:
        found = [cause_of(posterior, path, idata) for path in paths(posterior, idata, limit)]
    return Explanation(tuple(found), total, tuple(advice_for(posterior, found)))


def cause_of(posterior: Any, path: Path, idata: object = None) -> Divergence:
    """The cause of one divergent trajectory."""
    jump = path.jump
    before, after = path.positions[jump], path.positions[jump + 1]
    if not np.isfinite(path.energies[jump + 1]) and not np.array_equal(before, after):
        found = _edge(posterior, path, after)
        if found is not None:
            return found
    known = []
    for share in PLACES if np.isfinite(after).all() else PLACES[:1]:
        q = before + share * (after - before)
        found = stiffness(posterior, q, path.inverse_mass)
        known += [(found, q)] if found is not None else []
        if known and path.step_size**2 * known[-1][0].curvature > STABLE:
            break
        if np.array_equal(before, after):
            break
    if not known:
        text = ("gradients beside this state are not finite",)
        return Divergence(path, "unknown", "", "", "", "", "", "", text)
    worst, q = max(known, key=lambda pair: pair[0].curvature)
    found = _stiff(posterior, path, worst, q, idata)
    return found if found.kind == "stiff" else _wrong_slope(posterior, path, before) or found


def _wrong_slope(posterior: Any, path: Path, q: np.ndarray) -> Divergence | None:
    """The cause where a derivative is not the slope of its term; None where all are."""
    report = checked_slopes(posterior, q)
    if not report.faults:
        return None
    first = report.faults[0]
    text = tuple(map(str, report.faults[:3]))
    owner = first.term.rpartition(" of ")[2]
    return Divergence(path, "slope", first.variable, "", first.term, owner, first.line, "", text)


def _edge(posterior: Any, path: Path, q: np.ndarray) -> Divergence | None:
    """The cause where the density at q is not finite; None where its terms are all finite."""
    if not np.isfinite(q).all():
        i = int(np.argmax(~np.isfinite(q)))
        what = posterior.variable_of(i)
        text = (f"the coordinate of {what} overflows",)
        return Divergence(path, "edge", what, "", what, what, _line(posterior, i), "", text)
    terms = posterior.terms(q)
    if not terms.problems:
        return None
    first = terms.problems[0]
    at = f"[{', '.join(map(str, first.index))}]" if first.index else ""
    term = f"{first.what} of {first.name}" if not first.demand else f"{first.name}"
    text = [f"at the next state {problem}" for problem in terms.problems[:3]]
    if first in terms.unexplained:
        text += first.because()
    name = first.name
    return Divergence(path, "edge", name + at, "", term, name, first.line, "", tuple(text))


def _stiff(
    posterior: Any, path: Path, found: Stiffness, q: np.ndarray, idata: object
) -> Divergence:
    main = int(np.argmax(np.abs(found.direction)))
    variable = posterior.variable_of(main)
    share = float(found.direction[main] ** 2)
    others = "" if share > 0.5 else f" and others ({share:.0%} of the direction)"
    unstable = path.step_size**2 * found.curvature > STABLE
    kind = "stiff" if unstable or not path.step_size else "unknown"
    text = [
        f"the largest curvature is along {variable}{others}: steps below {found.longest_step:.3g} "
        f"are stable there" + (", this one is not" if unstable and path.step_size else "")
    ]
    term = line = owner = ""
    if found.terms:
        part, first = found.terms[0]
        if part > 0.3 * found.curvature:
            term, owner, line = f"{first.what} of {first.name}", first.name, first.line
            percent = min(1.0, part / found.curvature)
            text.append(f"{percent:.0%} of it is made by {term}, at {line}")
    j = int(np.argmax(np.abs(found.change)))
    driver = driver_line = ""
    if abs(found.change[j]) > FOLLOWS:
        kind = "stiff"
        driver, driver_line = posterior.variable_of(j), _line(posterior, j)
        power = found.change[j]
        text.append(
            f"it {'grows' if power > 0 else 'falls'} with {driver}, which is "
            f"{_value(posterior, j, q, idata)}; made at {driver_line}"
        )
    return Divergence(path, kind, variable, driver, term, owner, line, driver_line, tuple(text))


def _line(posterior: Any, i: int) -> str:
    return next((v.line for v in posterior.model.free if v.start <= i < v.stop), "")


def bare(name: str) -> str:
    """A variable's name without an index."""
    return name.split("[")[0]


def _value(posterior: Any, i: int, q: np.ndarray, idata: object) -> str:
    """The value of the variable of coordinate i, beside those of the draws."""
    v = next(v for v in posterior.model.free if v.start <= i < v.stop)
    if tuple(v.u.shape) != tuple(v.shape):
        return f"{q[i]:.4g} on the unconstrained scale"
    index = np.unravel_index(i - v.start, v.u.shape) if v.u.shape else ()
    value = posterior.constrain(q)[v.name][index]
    draws = group(idata, "posterior")
    if draws is None or v.name not in draws:
        return f"{value:.4g}"
    known = draws[v.name].values[(slice(None), slice(None), *index)]
    below = float(np.mean(known <= value))
    return f"{value:.4g} there; {below:.1%} of the draws lie below it, their median is " + (
        f"{np.median(known):.4g}"
    )


def advice_for(posterior: Any, found: list[Divergence]) -> list[str]:
    """What to do about these causes."""
    rows = []
    pairs = set(posterior.hierarchies)
    stiff = [d for d in found if d.kind == "stiff" and d.driver]
    counts = Counter((d.owner or bare(d.variable), bare(d.driver)) for d in stiff)
    for (owner, driver), _ in counts.most_common(2):
        if (owner, driver) in pairs:
            rows.append(
                f"write {owner} with standardised effects (centered=False, or pt.reparametrize): "
                f"its scale {driver} then no longer changes its curvature"
            )
        elif owner != driver:
            rows.append(
                f"give {driver} a prior without the values at which {owner} is stiff, write "
                f"{owner} in units that do not depend on {driver}, or raise target_accept"
            )
        else:
            rows.append(
                f"the curvature of {owner} changes along itself: write it on another scale, give "
                "it a lighter tail, or raise target_accept"
            )
    if any(d.kind == "slope" for d in found):
        rows.append("correct the derivative, or smooth the jump: see check_gradient")
    if any(d.kind == "edge" for d in found):
        rows.append(
            "where the density is zero or not finite: give the variable a constraint or a prior "
            "that keeps it inside, since trajectories do not see an edge"
        )
    return rows
