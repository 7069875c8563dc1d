"""A numeric witness of a compilation: each rewrite is evaluated before and after, on given inputs.

A rewrite is judged where it was made: both sides read the same values. They are computed in the
precision of their types and once more in a longer one, which separates a rewrite that is wrong from
one that is more accurate than what it replaced: of log(1 + exp(x)) -> softplus(x) the left side may
be wrong by any number of digits, but in longer precision both agree, as far as the errors in the
precision of the types let one expect.

    wrong     in longer precision the sides differ by more than the rounding that the rule may cost
    lossy     the right side is further from the value than it may be, and than the left side is
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.evaluate import Value
from probtensor.graph.node import Const, Node, SizeOf, line_of
from probtensor.graph.walk import toposort
from probtensor.inspect.reports.arguments import sizes_of
from probtensor.inspect.reports.costs import near
from probtensor.inspect.reports.values import MOST_RUNS, WIDE, Scope, wide_values
from probtensor.inspect.trace import BODIES, Stage, Step, Trace

ULPS = 8.0  # what a rewrite may cost that says nothing of it
SLACK = 64.0  # how much larger an error in longer precision may be than is expected
LOOSE = 1e-6  # relative error of routines, which have no longer precision
WRONG, LOSSY = "wrong", "lossy"


@dataclass(frozen=True, eq=False)
class Witness:
    """One rewrite that changed a value by more than it may.

    step     the rewrite; None where a pass changed an output, and no step of it was found
    stage    the name of the pass
    kind     "wrong" or "lossy"
    ulps     how many ulps of its dtype the value changed by
    allowed  how many it may change by
    index    the element that changed by most
    before, after  the value there
    line     the user's line
    """

    step: Step | None
    stage: str
    kind: str
    ulps: float
    allowed: float
    index: tuple[int, ...]
    before: float
    after: float
    line: str

    def __str__(self) -> str:
        what = f"{self.stage}: {self.step.rule}" if self.step else f"pass {self.stage}"
        text = f"{self.step.before_text}  ->  {self.step.after_text}" if self.step else "an output"
        at = f" at [{', '.join(map(str, self.index))}]" if self.index else ""
        return (
            f"{self.kind}: {what}\n"
            f"  {text}  # {self.line}\n"
            f"  {self.before!r} became {self.after!r}{at}: {self.ulps:.3g} ulps, "
            f"{self.allowed:g} are allowed"
        )


@dataclass(frozen=True, eq=False)
class Judged:
    """The witness of all steps: what was found, in order; how many steps were compared, and which
    were not, each with the reason."""

    found: tuple[Witness, ...]
    compared: int
    skipped: tuple[tuple[Step, str], ...]

    @property
    def first(self) -> Witness | None:
        """The first wrong rewrite, or else the first lossy one."""
        return next((w for w in self.found if w.kind == WRONG), next(iter(self.found), None))

    def __str__(self) -> str:
        head = f"witness: {self.compared} rewrites compared, {len(self.skipped)} without a value"
        if not self.found:
            return f"{head}; none changed a value beyond rounding"
        return "\n".join([f"{head}; {len(self.found)} changed a value", *map(str, self.found)])


def judge(
    trace: Trace, values: Mapping[Node, np.ndarray], more: Mapping[str, int] | None = None
) -> Judged:
    """Compare both sides of each step of a trace on these values of inputs; `more` are sizes by
    key."""
    whole = Scope(dict(values), {**sizes_of(values), **(more or {})})
    judge = _Judge(whole)
    found: list[Witness] = []
    for stage in trace.stages:
        here = [w for k in stage.steps for w in judge.step(trace.steps[k])]
        found += here or judge.stage(stage)
    return Judged(tuple(found), judge.compared, tuple(judge.skipped))


class _Judge:
    """What is known so far; scopes of bodies are kept, as many steps are in one."""

    def __init__(self, whole: Scope) -> None:
        self.whole = whole
        self.compared = 0
        self.skipped: list[tuple[Step, str]] = []
        self.inner: dict[tuple, list[Scope]] = {}

    def step(self, step: Step) -> Iterator[Witness]:
        """The witness of a step, if it has one."""
        if step.rule == BODIES or not step.equal or isinstance(step.node.type, tuple):
            return
        try:
            scopes = self.scopes(step)
            found = [w for scope in scopes if (w := _compared(step, scope)) is not None]
        except Exception as error:  # an op may raise anything for values it is not made for
            self.skipped.append((step, " ".join(str(error).split())[:200]))
            return
        if not scopes:
            self.skipped.append((step, "its body was not run"))
            return
        self.compared += 1
        yield from found[:1]

    def scopes(self, step: Step) -> list[Scope]:
        """The runs that a step is judged in: the graph around, or runs of the body it is in."""
        scopes, path = [self.whole], ()
        for owner, body in zip(step.inside, step.bodies):
            path = (*path, owner, body)
            if path not in self.inner:
                runs = [run for scope in scopes for run in scope.inside(owner, body)]
                self.inner[path] = runs[: 2 * MOST_RUNS]
            scopes = self.inner[path]
        return scopes

    def stage(self, stage: Stage) -> Iterator[Witness]:
        """The witness of a pass by its outputs, of which no step was found wrong."""
        for old, new in zip(stage.before, stage.after):
            if old is new or isinstance(old.type, tuple):
                continue
            try:
                one, other = self.whole.value(old), self.whole.value(new)
            except Exception:
                continue
            worst = _worst(one, other, LOOSE)
            if worst is not None:
                index, ulps = worst
                yield Witness(None, stage.name, WRONG, ulps, LOOSE / (_eps(old) or 1.0), index,
                              one[index].item(), other[index].item(), line_of(old))  # fmt: skip


def _eps(node: Node) -> float:
    """The distance from 1 of the next number of the dtype of a node; of integers 0."""
    if isinstance(node.type, tuple):
        return 0.0
    return float(np.finfo(node.dtype).eps) if np.dtype(node.dtype).kind == "f" else 0.0


def _compared(step: Step, scope: Scope) -> Witness | None:
    """The witness of a step in one run, if it changed a value beyond what it may."""
    before, after = scope.value(step.node), scope.value(step.after)
    allowed = ULPS if step.allowed is None else max(ULPS, step.allowed)
    after = np.broadcast_to(after, before.shape)
    if before.dtype.kind != "f":
        wrong = before != after
        if not np.any(wrong):
            return None
        return _witness(step, WRONG, wrong, np.where(wrong, np.inf, 0.0), 0.0, before, after)
    eps = _eps(step.node)
    try:
        known = _shared(step, scope)
        wide, whole = wide_values([step.node, step.after], known, scope.sizes)
        allowed *= max(map(_eps, wide)) / eps  # parts of it may be in shorter precision
        first, second = wide[step.node], np.broadcast_to(wide[step.after], before.shape)
        scale = _scale(wide, before.shape)
    except Exception:  # a routine without longer precision
        first, second, scale, whole = before.astype(WIDE), after.astype(WIDE), WIDE(1), True
        allowed = max(allowed, LOOSE / eps)
    # What rounding may do in longer precision: one rounding to the type, as some functions are in
    # no longer one; and the errors in that of the type, as much smaller as the precision is longer.
    ratio = np.finfo(WIDE).eps / eps
    longer = SLACK * ratio * (_error(first, before) + _error(second, after))
    rounding = (1.0 if whole else ULPS) * eps * scale + longer
    apart = _ulps(first, second, eps, rounding)
    wrong = apart > allowed
    if np.any(wrong):
        return _witness(step, WRONG, wrong, apart, allowed, before, after)
    # Numbers that cancel lose as much as one rounding of these: only what the longer precision may
    # itself be wrong by is taken off here.
    rounding = longer if whole else rounding
    lost, had = _ulps(second, after, eps, rounding), _ulps(first, before, eps, rounding)
    wrong = (lost > 4 * allowed) & (lost > 2 * had) & np.isfinite(before)
    if np.any(wrong):
        return _witness(step, LOSSY, wrong, lost, 4 * allowed, before, after)
    return None


def _error(exact: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The error of each element; 0 where one of the values is not finite."""
    with np.errstate(all="ignore"):
        error = np.abs(exact - own)
    return np.where(np.isfinite(error), error, 0)


def _witness(step: Step, kind: str, wrong: np.ndarray, ulps: np.ndarray, allowed: float,
             before: np.ndarray, after: np.ndarray) -> Witness:  # fmt: skip
    index = _place(wrong, ulps)
    return Witness(step, step.stage, kind, float(np.asarray(ulps)[index]), allowed, index,
                   before[index].item(), after[index].item(), step.line)  # fmt: skip


def _ulps(right: np.ndarray, found: np.ndarray, eps: float, rounding: np.ndarray) -> np.ndarray:
    """How many ulps of a dtype two values are apart; 0 where the first is nan, or both are equal
    infinities, as where it overflowed and the second did not."""
    with np.errstate(all="ignore"):
        gap = np.abs(right - found) - rounding
        found_ulps = gap / (eps * np.maximum(np.abs(right), np.finfo(float).tiny / eps))
    ends = ~np.isfinite(right) | ~np.isfinite(found)
    lost = np.isfinite(right) & ~np.isfinite(found)
    other_end = np.isinf(right) & (right != found) & ~np.isnan(found)
    return np.where(ends, np.where(lost | other_end, np.inf, 0.0), np.maximum(found_ulps, 0.0))


def _worst(one: Value, other: Value, tolerance: float) -> tuple[tuple[int, ...], float] | None:
    """(index, ulps) of the element by which two values differ most, if that is more than a relative
    tolerance of the largest of them."""
    other = np.broadcast_to(other, one.shape)
    if one.dtype.kind != "f":
        wrong = one != other
        ulps = np.where(wrong, np.inf, 0.0)
    else:
        finite = np.isfinite(one)
        scale = float(np.max(np.abs(one[finite]), initial=1.0))
        with np.errstate(all="ignore"):
            gap = np.abs(one - other)
        wrong = finite & ~(gap <= tolerance * scale)
        ulps = gap / (np.finfo(one.dtype).eps * scale)
    if not np.any(wrong):
        return None
    index = _place(wrong, ulps)
    return index, float(np.asarray(ulps)[index])


def _place(wrong: np.ndarray, ulps: np.ndarray) -> tuple[int, ...]:
    """The index of the element that is wrong by most."""
    flat = int(np.argmax(np.where(wrong, ulps, -1.0)))
    return tuple(map(int, np.unravel_index(flat, np.shape(wrong))))


def _shared(step: Step, scope: Scope) -> dict[Node, Value]:
    """The values that both sides read: of the topmost nodes that both need."""
    one, other = near(step.node), near(step.after)
    both = {x for x in one if x in other}
    top: set[Node] = set()
    ends = {step.node, step.after}
    for root in (step.node, step.after):
        stack = [root]
        seen: set[Node] = set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in both and (node is step.after or node not in ends):
                top.add(node)
            else:
                stack.extend(node.needs)
    leaves: Iterable[Node] = (x for x in toposort([step.node, step.after], top) if not x.needs)
    found = {x: scope.value(x) for x in (*top, *leaves) if not _is_constant(x)}
    return {x: value for x, value in found.items() if x is not step.node}


def _is_constant(node: Node) -> bool:
    return isinstance(node.op, (Const, SizeOf))


def _scale(values: Mapping[Node, Value], shape: tuple[int, ...]) -> np.ndarray:
    """For each element of a result the largest finite magnitude among the values it is made of: of
    those of its shape, or that are broadcast to it, the elements, of others the largest."""
    scale = np.ones(shape, WIDE)
    for value in values.values():
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.size:
            continue
        size = np.where(np.isfinite(value), np.abs(value), 0)
        fits = value.ndim <= len(shape) and all(
            n in (1, m) for n, m in zip(value.shape[::-1], shape[::-1])
        )
        scale = np.maximum(scale, size if fits else np.max(size))
    return scale
