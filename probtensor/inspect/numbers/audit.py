"""Digits lost, by the user's lines: the values of a call beside those in longer precision.

The error of a value is made of what its operands had lost already and of what the operation adds or
multiplies. The operation alone is what the exact operation makes of the computed operands against
what it makes of the exact ones: an error that grows by it is the digits that this operation loses.

The graph is audited as it was written, and as it was compiled: what is lost in the first and not in
the second, the rewrites of the compiler have mended.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable, Sequence

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Input, Node, in_derivative, line_of, origin_of
from probtensor.graph.parts import Get
from probtensor.graph.resize import detached
from probtensor.graph.walk import users_of
from probtensor.inspect.numbers.influence import Element, Index, reads
from probtensor.inspect.numbers.nonfinite import Operand
from probtensor.inspect.numbers.remedies import remedy
from probtensor.inspect.numbers.shadow import Shadow, numbers_for, size_of
from probtensor.inspect.numbers.stored import running, stored_level
from probtensor.inspect.numbers.words import expression
from probtensor.inspect.replay import Evaluation, Level, compiled, level_of, replayed
from probtensor.inspect.subject import Subject
from probtensor.ops.kinds import Branch, Elementwise, Loop
from probtensor.targets.base import BuildError

EPS = {"float64": 2.0**-53, "float32": 2.0**-24}
DIGITS = {"float64": 15.95, "float32": 7.22}
LEAST = 2.0  # digits that an operation must lose to be reported
MOST_FOLLOWED = 2000  # elements from a result to what lost its digits


@dataclass(frozen=True)
class Loss:
    """Digits that one of the user's lines loses.

    line, code, text  the user's line, its text, and the expression of the operation
    derivative    whether it is in the derivative of what the line computes
    lost          the digits that the operation loses, of those its operands had
    total         the digits that the line loses in all steps of a loop together, on the way to a
                  result
    left          the digits that are right in its value
    before        the digits that were right in the worst of its operands
    reaches       whether a result has lost digits because of it
    index, value, exact
                  the element that loses most, its value, and that in longer precision
    operands      what the operation read there
    where         the loops and branches around it, with the step
    remedy        what to write instead; empty where that is not known
    """

    line: str
    code: str
    text: str
    op: str
    derivative: bool
    lost: float
    total: float
    left: float
    before: float
    reaches: bool
    index: Index
    value: float
    exact: str
    operands: tuple[Operand, ...]
    where: tuple[str, ...]
    remedy: str

    def __str__(self) -> str:
        at = f" at [{', '.join(map(str, self.index))}]" if self.index else ""
        reach = "" if self.reaches else " (no result loses digits by it)"
        within = "in the derivative of what is computed " if self.derivative else ""
        more = f" ({self.total:.1f} by this line in all)" if self.total > self.lost + 0.5 else ""
        rows = [
            f"{self.lost:.1f} digits lost by {self.text}{at}{more}{reach}",
            f"{within}at {self.line}" + (f":  {self.code}" if self.code else ""),
            f"{self.value!r}, exactly {self.exact}: {self.left:.1f} digits are right, "
            f"of its operands {self.before:.1f}",
        ]
        rows += [f"with {operand}" for operand in self.operands[:3]]
        rows += [f"in {where}" for where in reversed(self.where)]
        rows += [f"instead: {self.remedy}"] if self.remedy else []
        return "\n    ".join(rows)


@dataclass(frozen=True)
class ResultDigits:
    """How many digits of a result are right, in its worst element: as the graph was written, and
    as it was compiled; `of` the digits of its dtype."""

    label: str
    index: Index
    written: float
    compiled: float
    of: float

    def __str__(self) -> str:
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return (
            f"{self.label}{at}: {self.compiled:.1f} of {self.of:.1f} digits are right, "
            f"{self.written:.1f} as it was written"
        )


@dataclass(frozen=True)
class Audit:
    """What `Function.audit` found; prints as text.

    results   the digits that are right of each float result
    remains   what the compiled graph loses, by line, most lost first; those that reach a result
              before the others
    mended    what the graph as it was written loses and the compiled one does not
    digits    of the longer precision
    unknown   operations without a meaning in longer precision, whose own rounding is not seen
    """

    results: tuple[ResultDigits, ...]
    remains: tuple[Loss, ...]
    mended: tuple[Loss, ...]
    digits: int
    unknown: tuple[str, ...] = ()

    @property
    def worst(self) -> Loss | None:
        """What loses most digits of a result, as compiled; None if nothing does."""
        return next((loss for loss in self.remains if loss.reaches), None)

    def __str__(self) -> str:
        rows = [f"computed again with {self.digits} digits", *map(str, self.results)]
        rows.append("lost:" if self.remains else "no operation loses digits")
        rows += [f"  {loss}" for loss in self.remains[:10]]
        if self.mended:
            rows.append("lost as it was written, and mended by the compiler:")
            rows += [f"  {loss}" for loss in self.mended[:10]]
        if self.unknown:
            rows.append(f"not known in longer precision: {', '.join(self.unknown)}")
        return "\n".join(rows)

    __repr__ = __str__


def audited(function: Subject, values: Sequence[np.ndarray], labels: Sequence[str]) -> Audit:
    """The audit of a call, given the arrays of the plan's inputs in order."""
    got = function.plan_runner(function.plan, running(function))(values)
    graph, lowered = compiled(function), function.compilation.lowered()
    given = dict(zip(graph.inputs, values, strict=True))
    plain = detached(lowered.written)
    after = _computed(function, values)
    before = level_of(Evaluation(plain.outputs, given, plain.sources).run())
    numbers = numbers_for(size_of(after) + size_of(before))
    with numbers.context():
        one, two = Graph(before, plain.outputs, numbers), Graph(after, graph.outputs, numbers)
        results = tuple(
            _digits_of(label, one, y, value)
            for label, y, value in zip(labels, plain.outputs, got, strict=True)
            if y.type.is_float and np.size(value)
        )
        remains, written = two.losses(), one.losses()
    lines = {loss.line for loss in remains}
    mended = tuple(loss for loss in written if loss.line not in lines)
    unknown = dict.fromkeys(x.op.name for x in (*one.shadow.rough, *two.shadow.rough))
    return Audit(results, tuple(remains), mended, numbers.digits, tuple(unknown))


def _computed(function: Subject, values: Sequence[np.ndarray]) -> Level:
    """What the function computes: by the machine, which has the same bits as native code and needs
    no compiler, or by the device; by NumPy for an interpreter, or what the machine cannot do."""
    target = running(function)
    if target.name == "interp":
        return replayed(function, values)
    if target.name == "cython":
        target = function.compilation.target_of("machine")
    try:
        return stored_level(function, values, target)
    except BuildError:
        return replayed(function, values)


def digits(error: float, dtype: str) -> float:
    """The digits that are right of a value with a relative error."""
    most = DIGITS.get(dtype, DIGITS["float64"])
    return most if error <= 0 else max(0.0, min(most, -math.log10(error)))


def _digits_of(label: str, graph: Graph, y: Node, got: np.ndarray) -> ResultDigits:
    """The digits of a result, which is y in the graph as it was written, in which the exact value
    is that of y."""
    exact = graph.shadow.values[id(graph.level)][y]
    written = graph.error(graph.level, y)
    after = graph.shadow.numbers.error(got.reshape(np.shape(exact)), exact)
    worst = _worst(np.maximum(written, after))
    return ResultDigits(
        label, worst, digits(float(written[worst]), y.dtype), digits(float(after[worst]), y.dtype),
        DIGITS.get(y.dtype, DIGITS["float64"]),
    )  # fmt: skip


def _worst(errors: np.ndarray) -> Index:
    if not errors.size:
        return ()
    return tuple(map(int, np.unravel_index(np.argmax(errors), errors.shape)))


class Graph:
    """A graph that was computed, and its shadow."""

    def __init__(self, level: Level, outputs: Sequence[Node], numbers: object) -> None:
        self.level = level
        self.outputs = [y for y in outputs if y.type.is_float]
        self.shadow = Shadow(numbers)
        self.shadow.of(level)
        self.users: dict[int, dict[Node, list[Node]]] = {}

    def error(self, level: Level, node: Node) -> np.ndarray:
        """The relative errors of a node."""
        return self.shadow.errors[id(level), node]

    def losses(self) -> list[Loss]:
        """What loses digits, the worst of each line, those that reach a result first."""
        reached = self._reached()
        totals = self._totals()
        found: dict[tuple[str, bool], Loss] = {}
        for number, node in self.shadow.errors:
            level = self.shadow.levels[number]
            if isinstance(node.op, (Input, Const)) or _is_only_moved(node):
                continue
            loss = self._loss(level, node, reached.get((number, node)), totals)
            if loss is None:
                continue
            best = found.get((loss.line, loss.derivative))
            if best is None or (loss.reaches, loss.lost) > (best.reaches, best.lost):
                found[loss.line, loss.derivative] = loss
        return sorted(found.values(), key=lambda x: (not x.reaches, -max(x.lost, x.total)))

    def _totals(self) -> dict[tuple[str, bool], float]:
        """The digits that each line loses, less those it gains, on the way on which the worst
        element of each result has got most of its error."""
        found: dict[tuple[str, bool], float] = {}
        for element in self._bad_results():
            for _ in range(MOST_FOLLOWED):
                node, dtype = element.node, element.node.dtype
                ways = self._contributing(element)
                after = digits(self._own(element), dtype)
                following = max(ways, key=lambda way: way[0])[1] if ways else None
                before = DIGITS.get(dtype, after)
                if following is not None:
                    before = digits(self._own(following), dtype)
                line = (line_of(node), in_derivative(node))
                found[line] = found.get(line, 0.0) + before - after
                if following is None:
                    break
                element = following
        return found

    def _own(self, element: Element) -> float:
        return float(self.error(element.level, element.node)[element.index])

    def _digits(self, element: Element) -> tuple[float, float]:
        """The digits that are right of the worst operand of an element, and of the element."""
        node = element.node
        eps = EPS.get(node.dtype, EPS["float64"])
        inherited = max(eps, self._inherited(element))
        return digits(inherited, node.dtype), digits(self._own(element), node.dtype)

    def _loss(
        self, level: Level, node: Node, at: Index | None, totals: dict[tuple[str, bool], float]
    ) -> Loss | None:
        """The digits that an operation loses at an element; None if they are few."""
        eps = EPS.get(node.dtype, EPS["float64"])
        errors = self.error(level, node)
        if not errors.size or errors.max() < eps * 10**LEAST:
            return None
        index, reaches = at, at is not None
        if index is None:
            index = _worst(errors)
        element = Element(level, node, index)
        before, after = self._digits(element)
        total = totals.get((line_of(node), in_derivative(node)), 0.0) if reaches else 0.0
        if max(before - after, total) < LEAST or before - after < LEAST / 10:
            return None
        file, number = origin_of(node)
        whole = node.inputs[0] if isinstance(node.op, Get) else node
        exact = self.shadow.values[id(level)][node][index]
        return Loss(
            line=line_of(node),
            code=linecache.getline(file, number).strip(),
            text=expression(node, level),
            op=whole.op.name,
            derivative=in_derivative(node),
            lost=before - after,
            total=total,
            left=after,
            before=before,
            reaches=reaches,
            index=index,
            value=float(element.value),
            exact=_text(exact),
            operands=self._operands(element),
            where=level.where,
            remedy=remedy(whole, self._readers(level)),
        )

    def _inherited(self, element: Element) -> float:
        """The largest relative error of what an element was computed from."""
        worst = 0.0
        for read in reads(element):
            errors = self.shadow.errors.get((id(read.level), read.node))
            if errors is not None and errors[read.places].size:
                worst = max(worst, float(np.max(errors[read.places])))
        return worst

    def _operands(self, element: Element) -> tuple[Operand, ...]:
        found = []
        for read in reads(element):
            if isinstance(read.node.op, Const):
                continue
            if read.values.size == 1 and read.values.dtype.kind == "f":
                value = float(read.values.reshape(())[()])
                text = expression(read.node, read.level, 2)
                found.append(Operand(text, read.at(0).index, value, line_of(read.node)))
        return tuple(found)

    def _readers(self, level: Level) -> Callable[[Node], Sequence[Node]]:
        users = self.users.setdefault(id(level), users_of(level.order))
        return lambda node: users.get(node, [])

    def _reached(self) -> dict[tuple[int, Node], Index]:
        """The elements through which results have lost digits."""
        found: dict[tuple[int, Node], Index] = {}
        waiting = self._bad_results()
        while waiting and len(found) < MOST_FOLLOWED:
            element = waiting.pop()
            key = (id(element.level), element.node)
            if key in found:
                continue
            found[key] = element.index
            waiting += [x for _, x in self._contributing(element)]
        return found

    def _bad_results(self) -> list[Element]:
        """The worst element of each result that has lost digits."""
        found = []
        for y in self.outputs:
            errors = self.error(self.level, y)
            eps = EPS.get(y.dtype, EPS["float64"])
            if errors.size and errors.max() >= eps * 10**LEAST:
                found.append(Element(self.level, y, _worst(errors)))
        return found

    def _contributing(self, element: Element) -> list[tuple[float, Element]]:
        """The elements from which an element has its error: those whose own error changes it by a
        tenth of that or more, each with that change."""
        own = self._own(element)
        found = []
        for k, read in enumerate(reads(element)):
            errors = self.shadow.errors.get((id(read.level), read.node))
            if errors is None or not errors[read.places].size:
                continue
            inner = errors[read.places]
            worst = read.at(int(np.argmax(inner)))
            effect = self._effect(element, k, worst) if float(np.max(inner)) > 0 else 0.0
            if effect > 0 and effect >= 0.1 * own:
                found.append((effect, worst))
        return found

    def _effect(self, element: Element, k: int, operand: Element) -> float:
        """The relative error of an element of the exact operation where operand k, and nothing
        else, has its computed value; for operations on arrays, all of them are assumed to have
        it."""
        node, level = element.node, element.level
        if not isinstance(node.op, Elementwise) or operand.level is not level:
            return math.inf
        if k >= len(node.inputs) or node.inputs[k] is not operand.node:
            return math.inf
        shadow = self.shadow.values[id(level)]
        operands = []
        for j, read in enumerate(reads(element)):
            exact = np.asarray(shadow[read.node])[read.places]
            if j == k:
                exact = self.shadow.numbers.array(np.asarray(operand.value))[()]
            operands.append(np.asarray(exact))
        if len(operands) != len(node.inputs):
            return math.inf
        value = self.shadow.applied(level, node, operands, np.asarray(element.value))
        exact = np.asarray(shadow[node])[element.index]
        # `error` compares computed values: the change, relative to the exact one.
        if exact == 0 or exact != exact:
            return math.inf
        return float(abs((value[()] - exact) / exact))


def _is_only_moved(node: Node) -> bool:
    if isinstance(node.op, Get):
        return isinstance(node.inputs[0].op, (Loop, Branch))
    return node.op.reads_all


def _text(value: object) -> str:
    try:
        import mpmath

        return mpmath.nstr(value, 17) if isinstance(value, mpmath.mpf) else f"{value:.17g}"
    except ImportError:
        return str(value)
