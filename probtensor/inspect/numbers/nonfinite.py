"""The first operation that made a NaN, an infinity or a huge number which a result of a call has.

An element of a result that is wrong is traced back through the elements that it was computed from,
as long as one of these is wrong too. Where none is, the operation made it. So a NaN of an
alternative that `where` does not take is never blamed: no result reads it.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Const, Input, Node, in_derivative, line_of, origin_of
from probtensor.graph.parts import Get
from probtensor.graph.walk import inputs_of
from probtensor.inspect.numbers.influence import Element, Read, began, reads
from probtensor.inspect.numbers.reasons import reason_of
from probtensor.inspect.numbers.words import expression
from probtensor.inspect.replay import Level
from probtensor.ops.complexes.pair import ComplexInput
from probtensor.ops.halves import HalfInput
from probtensor.ops.kinds import View

BIG = 1e10  # what check="big" refuses
MAX_TRACED = 200_000  # elements that are followed

Wrong = Callable[[np.ndarray], np.ndarray]


def _nan(x: np.ndarray) -> np.ndarray:
    return np.isnan(x) if x.dtype.kind in "fc" else np.zeros(x.shape, bool)


def _not_finite(x: np.ndarray) -> np.ndarray:
    return ~np.isfinite(x) if x.dtype.kind in "fc" else np.zeros(x.shape, bool)


def _big(x: np.ndarray) -> np.ndarray:
    if x.dtype.kind not in "fc":
        return np.zeros(x.shape, bool)
    with np.errstate(invalid="ignore"):
        return ~(np.abs(x) <= BIG)


KINDS: dict[str, Wrong] = {"nan": _nan, "inf": _not_finite, "big": _big}
NAMES = {"nan": "nan", "inf": "nan or infinite", "big": f"nan or beyond {BIG:g}"}


@dataclass(frozen=True)
class Operand:
    """What an operation read: its text, the index of the element, and its value; of several
    elements the number of them, the smallest and the largest."""

    text: str
    index: tuple[int, ...]
    value: float
    line: str
    count: int = 1
    low: float = 0.0
    high: float = 0.0

    def __str__(self) -> str:
        if self.count != 1:
            return f"{self.text}: {self.count} values from {self.low:.6g} to {self.high:.6g}"
        return f"{self.text} = {self.value!r}{_at(self.index)}"


@dataclass(frozen=True)
class NonFinite:
    """Where a NaN, an infinity or a huge number comes from; made by `Function.find_nan`.

    kind        what was looked for: "nan", "inf" or "big"
    result      the result that has it, and at which `place`; `count` of its `size` elements do
    source      "operation" that made it, "argument" that had it already, "literal" that was taken,
                or "unknown" where it does not appear when the call is computed node by node
    op          the name of the operation; `text` is the expression
    line        the user's line, `code` its text; `derivative` says whether it is in the derivative
                of what that line computes
    index       the element of the value of the operation, and its `value`
    operands    what the operation read
    where       the loops and branches around it, with the step
    reason      why, and the way out (`hint`); empty where that is not known
    cause       of an infinity that the operation read, where that comes from
    """

    kind: str
    result: str = ""
    place: tuple[int, ...] = ()
    count: int = 1
    size: int = 1
    source: str = "operation"
    op: str = ""
    text: str = ""
    line: str = ""
    code: str = ""
    derivative: bool = False
    index: tuple[int, ...] = ()
    value: float = float("nan")
    operands: tuple[Operand, ...] = ()
    where: tuple[str, ...] = ()
    reason: str = ""
    hint: str = ""
    cause: NonFinite | None = None

    def __str__(self) -> str:
        head = f"{self.result}{_index(self.place)} is {_number(self.value_there)}"
        if self.size > 1:
            head += f" ({self.count} of {self.size} elements are {NAMES[self.kind]})"
        rows = [head, *self.rows()]
        if self.cause is not None:
            rows += [f"where {row}" if k == 0 else row
                     for k, row in enumerate(self.cause.rows())]  # fmt: skip
        return "\n  ".join(rows)

    __repr__ = __str__

    @property
    def value_there(self) -> float:
        """The value of the result at `place`."""
        return self.there if self.there is not None else self.value

    there: float | None = None

    def rows(self) -> list[str]:
        """The lines of the text that say where it comes from."""
        within = "in the derivative of what is computed " if self.derivative else ""
        name, at = self.text, _at(self.index)
        if self.source == "argument":
            return [f"{name} is {_number(self.value)}{at} already, an input made at {self.line}"]
        if self.source == "unknown":
            return [
                "computed node by node it does not appear, so it is the compiled code that makes "
                "it: f.compare('interp', ...) tells where the two differ"
            ]
        said = f": {self.reason}" if self.reason else ""
        found = [f"{name} is {_number(self.value)}{at}{said}"]
        if self.source == "literal":
            found = [f"{name} takes the literal {_number(self.value)}{at}"]
        found.append(f"{within}at {self.line}" + (f":  {self.code}" if self.code else ""))
        found += [f"with {operand}" for operand in self.operands[:4]]
        found += [f"in {where}" for where in reversed(self.where)]
        return [*found, self.hint] if self.hint else found


def _index(index: Sequence[int]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _at(index: Sequence[int]) -> str:
    return f" at {_index(index)}" if index else ""


def _number(value: float) -> str:
    return repr(value)


def found_in(
    level: Level,
    outputs: Sequence[Node],
    labels: Sequence[str],
    dtypes: Sequence[str],
    kind: str,
) -> NonFinite | None:
    """The report about the first of the outputs that is wrong; None if none is. Outputs have names
    and dtypes as callers know them: complex ones are pairs here, float16 ones their bits."""
    wrong = KINDS[kind]
    for node, label, dtype in zip(outputs, labels, dtypes, strict=True):
        array = stored = np.asarray(level.values[node])
        if dtype == "float16" and stored.dtype == np.uint16:
            array = stored.view(np.float16)
        bad = wrong(array)
        if not bad.any():
            continue
        place = tuple(map(int, np.unravel_index(np.argmax(bad), array.shape)))
        start = Element(level, node, place)
        if array is not stored:
            report = _of_half(start, float(array[place]), kind)
        else:
            report = traced(start, kind)
        value = _scalar(array[place])
        if dtype.startswith("complex"):
            bad, value, place = bad.any(-1), complex(*array[place[:-1]]), place[:-1]
        return replace(
            report, result=label, place=place, there=value, count=int(bad.sum()),
            size=int(bad.size),
        )  # fmt: skip
    return None


def _of_half(bits: Element, value: float, kind: str) -> NonFinite:
    """Where the bits of a wrong float16 come from: a wrong number, or one that float16 has not."""
    found = half_of_bits(bits)
    if found is None:
        return NonFinite(kind, source="unknown")
    if KINDS[kind](np.asarray(found.value)).any():
        return traced(found, kind)
    report = _report(found, {found.key: None}, kind)
    reason = "beyond 65504, the largest float16"
    return replace(report, text=f"float16 of {report.text}", value=value, op="to_half",
                   reason=reason, hint="keep it in float32", operands=())  # fmt: skip


def half_of_bits(bits: Element) -> Element | None:
    """The float that is rounded to the bits of a float16, of the same shape."""
    seen, waiting = {bits.node}, [bits.node]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node.op, (ops.IsNan, ops.Abs)):
            return Element(bits.level, node.inputs[0], bits.index)
        for x in node.inputs:
            if x not in seen and x.shape == bits.node.shape:
                seen.add(x)
                waiting.append(x)
    return None


def traced(start: Element, kind: str) -> NonFinite:
    """Where a wrong element comes from."""
    wrong = KINDS[kind]
    before: dict[tuple, Element | None] = {start.key: None}
    waiting, creators, made = [start], [], set()
    while waiting and len(before) < MAX_TRACED:
        element = waiting.pop()
        earlier = began(element, wrong)
        if earlier.key not in before:
            before[earlier.key] = before[element.key]
        element = earlier
        bad = [x for read in reads(element) if (x := read.first(wrong)) is not None]
        if not bad:
            creators.append(element)
            made.add(element.key)
        for x in bad:
            # One element of a node is enough: the first that is met.
            if x.key not in before:
                before[x.key] = element
                waiting.append(x)
    if not creators:
        return NonFinite(kind, source="unknown")
    first = min(creators, key=lambda x: x.level.position(x.node))
    return _report(first, before, kind)


def _report(element: Element, before: dict[tuple, Element | None], kind: str) -> NonFinite:
    op, source = element.node.op, "operation"
    value = _scalar(element.value)
    if isinstance(op, Input):
        source = "argument"
    if isinstance(op, Const):
        # What reads the literal, through whatever only moves it.
        source, reader = "literal", before[element.key]
        while reader is not None:
            element = reader
            if not isinstance(element.node.op, (Get, View)):
                break
            reader = before[element.key]
    node = element.node
    half = _half_input(element, kind) if source == "literal" else None
    if half is not None:
        source, element, node = "argument", half, half.node
    producer = node.inputs[0] if isinstance(node.op, Get) else node
    found = reads(element) if source != "argument" else []
    name = producer.op.name
    why = reason_of(name, [x.values for x in found]) if source == "operation" else ("", "")
    if np.isfinite(value):  # huge, but no overflow
        why = (why[0].replace("overflow of", "a huge value of"), why[1])
    file, number = origin_of(node)
    return NonFinite(
        kind,
        source=source,
        op=name,
        text=_named_part(element) or expression(node, element.level),
        line=line_of(node),
        code=linecache.getline(file, number).strip(),
        derivative=in_derivative(node),
        index=element.index[:-1] if _named_part(element) else element.index,
        value=value,
        operands=tuple(_operand(x) for x in found if not isinstance(x.node.op, Const)),
        where=element.level.where,
        reason=why[0],
        hint=why[1],
        cause=_cause(found, kind) if source == "operation" else None,
    )


def _named_part(element: Element) -> str:
    """The part of a complex input that an element is of; empty for any other."""
    op = element.node.op
    if not isinstance(op, ComplexInput):
        return ""
    return f"the {('real', 'imaginary')[element.index[-1]]} part of {op.label or 'an input'}"


def _half_input(element: Element, kind: str) -> Element | None:
    """The element of an input of float16 whose bits are all that an element reads, if it is wrong
    already: what converts them has literals for NaN and infinity."""
    (found, *others) = inputs_of([element.node]) or [None]
    if others or found is None or not isinstance(found.op, HalfInput):
        return None
    bits = np.asarray(element.level.values[found])
    if bits.shape != np.shape(element.level.values[element.node]):
        return None
    wrong = KINDS[kind](bits[element.index].view(np.float16))
    return Element(element.level, found, element.index) if wrong.any() else None


def _operand(read: Read) -> Operand:
    text, line, values = expression(read.node, read.level), line_of(read.node), read.values
    if values.size == 1:
        index = tuple(k if not isinstance(k, slice) else 0 for k in read.places)
        return Operand(text, index, _scalar(values.reshape(())[()]), line)
    if not values.size:
        return Operand(text, (), 0.0, line, 0)
    with np.errstate(invalid="ignore"):
        low, high = np.nanmin(values), np.nanmax(values)
    return Operand(text, (), 0.0, line, int(values.size), float(low), float(high))


def _cause(found: Sequence[Read], kind: str) -> NonFinite | None:
    """Where an infinity among the operands of what made a NaN comes from."""
    if kind != "nan":
        return None
    for read in found:
        element = read.first(lambda x: np.isinf(x) if x.dtype.kind == "f" else _nan(x))
        if element is not None:
            return traced(element, "inf")
    return None


def _scalar(value: np.generic) -> object:
    """A Python number."""
    return np.asarray(value).item()
