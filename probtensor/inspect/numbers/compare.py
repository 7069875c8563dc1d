"""A target against another, node by node, on the arguments of one call.

Both compute every tensor of the graph after the passes. A tensor that differs is to blame only if
it differs from the NumPy meaning of its op at the operands that its own target computed; else it
has inherited what its operands differ by. So a wrong kernel is found at the operation, whatever the
operations after it make of the error.
"""

from __future__ import annotations

import linecache
from collections.abc import Sequence

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Input, Node, line_of, origin_of
from probtensor.graph.parts import Get
from probtensor.graph.symbolic import refusal
from probtensor.inspect.numbers.stored import body_runner, stored_level
from probtensor.inspect.numbers.words import expression
from probtensor.inspect.replay import Level, body_values, compiled, meaning, replayed
from probtensor.inspect.subject import Subject
from probtensor.ops.kinds import Contraction, Elementwise, Loop, Reduction, View

TOLERANCES = {"float64": 1e-9, "float32": 1e-4}
TINY = {"float64": 1e-300, "float32": 1e-37}
MOST_STEPS = 2000  # of a loop, that are looked into


@dataclass(frozen=True)
class Difference:
    """An element in which two targets differ.

    line, code, text  the user's line, its text, and the expression of the tensor
    index         the element; `first` and `second` are its values, `ulps` apart
    expected      what the operation gives by its NumPy meaning, at the operands of `wrong`
    wrong         the target that computes something else; empty if neither does
    where         the loop and the step in it
    """

    line: str
    code: str
    op: str
    text: str
    index: tuple[int, ...]
    first: float
    second: float
    ulps: float
    expected: float | None = None
    wrong: str = ""
    where: str = ""


@dataclass(frozen=True)
class LineDifference:
    """The largest difference among the tensors of one of the user's lines, in units in the last
    place of the value, or of the terms that it is a sum of."""

    line: str
    code: str
    ulps: float
    relative: float
    text: str


@dataclass(frozen=True)
class Comparison:
    """What `Function.compare` found; prints as text.

    names    of the two targets
    first    the first operation, in the order of computation, that one of them computes wrongly;
             None if there is none
    grown    the first tensor that differs by more than the tolerance without any wrong operation
             before it: rounding errors that have grown there; None if there is none
    lines    the largest difference of each of the user's lines, largest first
    count    the number of tensors that were compared
    rtol     the tolerance by dtype
    """

    names: tuple[str, str]
    first: Difference | None
    grown: Difference | None
    lines: tuple[LineDifference, ...]
    count: int
    rtol: dict[str, float]

    @property
    def equal(self) -> bool:
        """Whether no tensor differs by more than the tolerance."""
        return self.first is None and self.grown is None

    def __str__(self) -> str:
        rows = [f"{self.names[0]} and {self.names[1]}: {self.count} tensors compared"]
        one, two = self.names
        if self.first is not None:
            d = self.first
            rows.append(f"first difference: {d.text}{_at(d.index)}, computed wrongly by {d.wrong}")
            rows += _place(d)
            rows.append(f"  {one} {d.first!r}, {two} {d.second!r} ({d.ulps:.3g} ulps apart)")
            rows.append(f"  {d.op} of the operands that {d.wrong} has is {d.expected!r}")
        elif self.grown is not None:
            d = self.grown
            rows.append("no operation is computed wrongly")
            rows.append(f"rounding grows at {d.text}{_at(d.index)}")
            rows += _place(d)
            rows.append(f"  {one} {d.first!r}, {two} {d.second!r} ({d.ulps:.3g} ulps apart)")
            rows.append("  f.audit(...) tells which line loses these digits")
        else:
            rows.append("no tensor differs by more than the tolerance")
        if self.lines:
            rows.append("largest difference of each line:")
        for line in self.lines[:12]:
            text = f"  {line.ulps:10.3g} ulps  {line.text}  at {line.line}  {line.code}"
            rows.append(text.rstrip())
        return "\n".join(rows)

    __repr__ = __str__


def _place(d: Difference) -> list[str]:
    rows = [f"  at {d.line}" + (f":  {d.code}" if d.code else "")]
    return rows + [f"  in {d.where}"] if d.where else rows


def _at(index: Sequence[int]) -> str:
    return f" at [{', '.join(map(str, index))}]" if index else ""


def compared(
    function: Subject,
    values: Sequence[np.ndarray],
    names: tuple[str, str],
    other: object,
    rtol: float | None,
) -> Comparison:
    """A call on the target that a function runs on, and on another (None: the NumPy meanings)."""
    rtols = TOLERANCES if rtol is None else dict.fromkeys(TOLERANCES, rtol)
    one = stored_level(function, values)
    two = replayed(function, values) if other is None else stored_level(function, values, other)
    # The NumPy meaning is never wrong.
    suspects = ((names[0], one), (names[1], two))[: 1 if other is None else 2]
    nodes = [x for x in compiled(function).computed() if x in one.values and x in two.values]
    first = grown = None
    largest: dict[str, LineDifference] = {}
    for node in nodes:
        a, b = one.values[node], two.values[node]
        scale = _scale(node, one, b)
        bad = differs(a, b, rtols, scale)
        _note(largest, node, a, b, scale)
        if not bad.any() or first is not None:
            continue
        at = _first(bad)
        wrong = next((x for x in suspects if _is_wrong(node, x, rtols)), None)
        if wrong is not None:
            target = other if wrong[1] is two else None
            first = _inside(function, node, wrong, target, rtols) or _difference(
                node, one, at, a, b, wrong, _expected(node, wrong[1])
            )
        elif grown is None:
            grown = _difference(node, one, at, a, b)
    ordered = sorted(largest.values(), key=lambda x: -x.ulps)
    return Comparison(names, first, grown, tuple(ordered), len(nodes), rtols)


def tolerance(rtol: object) -> float | None:
    """A tolerance that a user gives; TypeError or ValueError for what is none."""
    if rtol is None:
        return None
    if isinstance(rtol, bool) or not isinstance(rtol, (int, float, np.number)):
        raise refusal(f"compare: rtol is a number, not {rtol!r:.40}")
    if not 0 <= rtol < np.inf:
        raise refusal(f"compare: rtol is at least 0, and finite, not {rtol!r}", kind=ValueError)
    return float(rtol)


def differs(a: np.ndarray, b: np.ndarray, rtols: dict, scale: object = 0.0) -> np.ndarray:
    """Where two arrays differ by more than the tolerance, relative to the larger value or to
    `scale`; integers and bools by anything."""
    if a.dtype.kind not in "fc":
        return np.asarray(a != b)
    dtype = str(a.dtype)
    with np.errstate(all="ignore"):
        size = np.maximum(np.maximum(np.abs(a), np.abs(b)), scale)
        close = np.abs(a - b) <= rtols.get(dtype, 1e-9) * size + TINY.get(dtype, 0.0)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return ~(close & np.isfinite(a) & np.isfinite(b) | same)


def ulps_apart(a: np.ndarray, b: np.ndarray, scale: object = 0.0) -> np.ndarray:
    """How many units in the last place of the larger one, or of `scale`, two arrays differ by."""
    with np.errstate(all="ignore"):
        unit = np.spacing(np.maximum(np.maximum(np.abs(a), np.abs(b)), scale))
        found = np.abs(a - b) / unit
    found = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, found)
    return np.where(np.isnan(found), np.inf, found)


def _scale(node: Node, level: Level, out: np.ndarray) -> object:
    """What rounding errors of an op are relative to, beside the value of the result: the sum of the
    magnitudes of terms, or the largest element of what a routine reads and writes."""
    op = node.op
    if isinstance(op, (Elementwise, View)) or not np.size(out) or out.dtype.kind != "f":
        return 0.0
    with np.errstate(all="ignore"):
        if isinstance(op, Reduction) and op.combine == "add":
            return np.sum(np.abs(level.values[node.inputs[0]]), axis=op.axes)
        if isinstance(op, Contraction):
            return level.op(node).numpy(*[np.abs(level.values[x]) for x in node.inputs])
        arrays = [np.abs(out)]
        for x in (node.inputs[0] if isinstance(op, Get) else node).inputs:
            value = level.values[x]
            if not isinstance(value, tuple) and np.size(value) and value.dtype.kind == "f":
                arrays.append(np.abs(value))
        return max(float(np.nanmax(x)) for x in arrays)


def _expected(node: Node, level: Level) -> np.ndarray:
    """The NumPy meaning of a node at the operands of a level."""
    whole = node.inputs[0] if isinstance(node.op, Get) else node
    with np.errstate(all="ignore"):
        operands = [level.values[x] for x in whole.inputs]
        value = meaning(whole, operands, level.sizes)
    return value[node.op.index] if isinstance(node.op, Get) else value


def _is_wrong(node: Node, named: tuple[str, Level], rtols: dict) -> bool:
    level = named[1]
    expected = _expected(node, level)
    return bool(differs(level.values[node], expected, rtols, _scale(node, level, expected)).any())


def _difference(
    node: Node,
    level: Level,
    at: tuple[int, ...],
    a: np.ndarray,
    b: np.ndarray,
    wrong: tuple[str, Level] | None = None,
    expected: np.ndarray | None = None,
    where: str = "",
) -> Difference:
    file, number = origin_of(node)
    whole = node.inputs[0] if isinstance(node.op, Get) else node
    return Difference(
        line=line_of(node),
        code=linecache.getline(file, number).strip(),
        op=whole.op.name,
        text=expression(node, level),
        index=at,
        first=np.asarray(a)[at].item(),
        second=np.asarray(b)[at].item(),
        ulps=float(_ulps(a, b)[at]),
        expected=None if expected is None else np.asarray(expected)[at].item(),
        wrong="" if wrong is None else wrong[0],
        where=where,
    )


def _ulps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if np.asarray(a).dtype.kind == "f":
        return ulps_apart(a, b)
    return np.abs(np.asarray(a, float) - np.asarray(b, float))


def _first(bad: np.ndarray) -> tuple[int, ...]:
    return tuple(map(int, np.unravel_index(np.argmax(bad), bad.shape)))


def _note(
    largest: dict[str, LineDifference], node: Node, a: np.ndarray, b: np.ndarray, scale: object
) -> None:
    if not np.size(a) or np.asarray(a).dtype.kind != "f":
        return
    apart = ulps_apart(a, b, np.asarray(scale, a.dtype))
    at = _first(apart == apart.max())
    line, most = line_of(node), float(apart[at])
    if most > 0 and (line not in largest or most > largest[line].ulps):
        file, number = origin_of(node)
        x, y = float(np.asarray(a)[at]), float(np.asarray(b)[at])
        with np.errstate(all="ignore"):
            relative = float(np.abs(x - y) / max(abs(x), abs(y)))
        code = linecache.getline(file, number).strip()
        largest[line] = LineDifference(line, code, most, relative, expression(node))


def _inside(
    function: Subject, node: Node, wrong: tuple[str, Level], target: object, rtols: dict
) -> Difference | None:
    """The first operation in the body of a loop that a target computes wrongly, in the first step
    in which it does; None where the node is no loop, or where each step by itself is right."""
    whole = node.inputs[0] if isinstance(node.op, Get) else node
    if not isinstance(whole.op, Loop):
        return None
    name, level = wrong
    runs = level.runs(whole)
    if not runs.calls:
        return None
    body = runs.calls[0][0]
    leaves = (Input, Const)
    nodes = [x for x in body.order() if not isinstance(x.op, leaves) and type(x.type) is not tuple]
    run = body_runner(function, body, nodes, target)
    for step, (_, arguments) in enumerate(runs.calls[:MOST_STEPS]):
        found = dict(zip(nodes, run(arguments), strict=True))
        inner = Level(list(body.order()), {**body_values(body, arguments), **found}, level.sizes,
                      outer=level, owner=whole, step=step)  # fmt: skip
        for x in nodes:
            if _is_wrong(x, (name, inner), rtols):
                expected = _expected(x, inner)
                at = _first(differs(found[x], expected, rtols))
                where = f"step {step} of the loop at {line_of(whole)}"
                return _difference(x, inner, at, found[x], expected, wrong, expected, where)
    return None
