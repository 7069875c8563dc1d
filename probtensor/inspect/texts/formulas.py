"""Graphs as mathematics: one line of text, or LaTeX with indices, fractions, matrices and cases.

Chains of products and of sums are read as a whole, so that a factor 1, a sign or a literal that
differentiation left behind is not written: `-1 * exp(x) / x / x` is `-exp(x) / x**2`. Nothing is
written for ops that only repeat or rearrange elements.

In LaTeX, the term of a sum is written for one element, with indices (`Index`): \\sum_{i} x_{i}^{2}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, field, replace
from probtensor.graph.node import Const, Input, Node, SizeOf
from probtensor.inspect.texts import structured
from probtensor.inspect.texts.names import name_in_latex, operator
from probtensor.inspect.texts.stored import stored_as
from probtensor.inspect.texts.symbols import (
    AND,
    AROUND,
    ATOM,
    COMPARE,
    INFIX,
    LETTERS,
    NAMED,
    OR,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Index,
    Written,
)
from probtensor.ops.arrays.require import Require
from probtensor.ops.derivatives import After, CustomVjp, SameValue, ValueOf
from probtensor.ops.halves import FromHalf
from probtensor.ops.kinds import Elementwise, Passing, Reduction

DEEPEST = 6  # operations within each other; what is below is written ...
LONGEST = 3  # entries of an array that are written out
MOST_ENTRIES = 16  # of a matrix that is written out


class TooLong(Exception):
    """A formula that has become longer than it may be."""


@dataclass(frozen=True)
class Formula:
    """Expressions as text, or as LaTeX. `names` has nodes that are written by name; what is deeper
    than `deepest` is written as dots; a text longer than `longest` raises TooLong."""

    names: Mapping[Node, str]
    latex: bool = False
    deepest: int = DEEPEST
    longest: int | None = None
    used: list[str] = field(default_factory=list, compare=False)  # letters of indices
    # Ops that only change the shape or the dtype of a tensor, or what else is done with it, so that
    # nothing is written for them.
    silent: ClassVar[tuple[type, ...]] = (
        ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Cast, ops.Sized, Require,
        SameValue, FromHalf, Passing, ops.Checked, CustomVjp, ValueOf, After,
    )  # fmt: skip

    def expression(self, node: Node) -> str:
        """A node by what it is computed from."""
        return self.written(node, 0, named=False)[0]

    def operand(self, node: Node) -> str:
        """A node by its name, if it has one."""
        return self.written(node, 0)[0]

    def name(self, name: str) -> str:
        """A name as it is written."""
        if isinstance(name, Written):
            return name
        return name_in_latex(name) if self.latex else name

    def written(
        self, node: Node, depth: int, named: bool = True, index: Index | None = None
    ) -> tuple[str, int]:
        """(a node as text, how strongly its parts are bound to each other); with `index` one
        element of it."""
        node, index = self.through_silent(node, index)
        text, level = self._written(node, depth, named, index)
        if self.longest is not None and len(text) > self.longest:
            raise TooLong
        return text, level

    def _written(
        self, node: Node, depth: int, named: bool, index: Index | None
    ) -> tuple[str, int]:
        if named and node in self.names:
            return self.at(self.name(self.names[node]), index), ATOM
        op = node.op
        if isinstance(op, Const):
            text, level = self.constant(op.array)
            uniform = op.array.size and (op.array == op.array.flat[0]).all()
            return (text, level) if uniform else (self.at(text, index), level)
        if isinstance(op, Input):
            return self.at(self.name(node.name or "array"), index), ATOM
        part, source = stored_as(node)
        if source is not None:
            name = self.name(source.name or "array")
            index = index[:-1] if part and index is not None else index
            return self.at(self.call(part, [name]) if part else name, index), ATOM
        if isinstance(op, SizeOf):
            return self.name(str(op.size)), ATOM
        if depth >= self.deepest:
            return (r"\ldots" if self.latex else "..."), ATOM
        special = self.special(node, depth + 1, index)
        if special is not None:
            return special
        if index is not None and not isinstance(op, Elementwise):
            text, level = self._written(node, depth, True, None)
            return self.at(text if level == ATOM else self.brackets(text), index), ATOM
        parts = [self.written(x, depth + 1, index=_aligned(x, index))[0] for x in node.inputs]
        return self.function(op, parts)

    def through_silent(self, node: Node, index: Index | None) -> tuple[Node, Index | None]:
        """The node below those for which nothing is written, and the index of its element."""
        while True:
            if node in self.names or not node.inputs:
                return node, index
            if isinstance(node.op, self.silent):
                below = _below(node, index)
            elif isinstance(node.op, ops.SumTo) and not _summed_axes(node):
                below = _aligned(node.inputs[0], index)
            else:
                return node, index
            if index is not None and below is None:
                return node, index
            node, index = node.inputs[0], below

    # Operators.

    def special(self, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
        """Operators, powers, indices, sums: what is not a function's name with its operands."""
        op, x = node.op, node.inputs
        if isinstance(op, (ops.Add, ops.Sub)):
            return self.sum(node, depth, index)
        if isinstance(op, (ops.Mul, ops.Div, ops.Neg)):
            return self.product(node, depth, index)
        if type(op) in INFIX:
            plain, latex, level = INFIX[type(op)]
            left = self.bound(x[0], depth, level + (level == COMPARE), index)
            right = self.bound(x[1], depth, level + 1, index)
            return f"{left} {latex if self.latex else plain} {right}", level
        match op:
            case ops.LogicalNot():
                if self.latex:
                    return rf"\neg {self.bound(x[0], depth, SIGN, index)}", SIGN
                return f"not {self.bound(x[0], depth, COMPARE + 1, index)}", AND
            case ops.Square():
                return self.power(self.bound(x[0], depth, ATOM, index), "2"), POWER
            case ops.Pow() | ops.IntegerPow():
                base = self.bound(x[0], depth, ATOM, index)
                level = OR if self.latex else ATOM
                return self.power(base, self.bound(x[1], depth, level, index)), POWER
        indexed = (Elementwise, Reduction, ops.Contract, ops.Slice, ops.Gather, ops.Iota)
        if index is not None and not isinstance(op, indexed):
            return None
        return structured.written(self, node, depth, index)

    def sum(self, node: Node, depth: int, index: Index | None) -> tuple[str, int]:
        """A chain of sums and differences."""
        text = ""
        terms = self._terms(node, index)
        terms = [term for term in terms if _literal(term[1]) != 0] or terms[:1]
        for sign, part, at in terms:
            negative, term, level = self.term(part, depth, at)
            negative ^= sign
            if len(terms) == 1:
                return (f"-{term}", SIGN) if negative else (term, level)
            term = term if level > SUM else self.brackets(term)
            if text:
                text += f" {'-' if negative else '+'} {term}"
            else:
                text = f"-{term}" if negative else term
        return text, SUM

    def _terms(self, node: Node, index: Index | None) -> list[tuple[bool, Node, Index | None]]:
        """(whether it is subtracted, a term, the index of its element), in order."""
        found, stack = [], [(False, node, index)]
        first = True
        while stack:
            sign, x, at = stack.pop()
            if not first:
                x, at = self.through_silent(x, at)
            if isinstance(x.op, (ops.Add, ops.Sub)) and (first or x not in self.names):
                left, right = x.inputs
                other = sign ^ isinstance(x.op, ops.Sub)
                stack.append((other, right, _aligned(right, at)))
                stack.append((sign, left, _aligned(left, at)))
            else:
                found.append((sign, x, at))
            first = False
        return found

    def term(self, node: Node, depth: int, index: Index | None) -> tuple[bool, str, int]:
        """(whether it is negative, the text without its sign, its level)."""
        node, index = self.through_silent(node, index)
        chain = isinstance(node.op, (ops.Mul, ops.Div, ops.Neg)) and node not in self.names
        if chain and depth < self.deepest:
            text, level = self.product(node, depth + 1, index)
        else:
            text, level = self.written(node, depth, index=index)
        if text.startswith("-") and level in (SIGN, PRODUCT):
            return True, text[1:], PRODUCT
        return False, text, level

    def product(self, node: Node, depth: int, index: Index | None) -> tuple[str, int]:
        """A chain of products and quotients, with its literals as one."""
        above, below, literal, divisor = self._factors(node, index)
        negative = literal < 0
        literal = abs(literal)
        tops, bottoms = self._powers(above, depth), self._powers(below, depth)
        if literal != 1 or not tops:
            tops.insert(0, (self.number(literal), ATOM))
        if divisor != 1:
            bottoms.insert(0, (self.number(divisor), ATOM))
        text, level = self._times(tops)
        if bottoms:
            if self.latex:
                text, level = rf"\frac{{{text}}}{{{self._times(bottoms)[0]}}}", PRODUCT
            else:
                under, own = self._times(bottoms)
                under = under if own > PRODUCT else self.brackets(under)
                text = text if level >= PRODUCT else self.brackets(text)
                text, level = f"{text} / {under}", PRODUCT
        if negative:
            text = f"-{text if level >= PRODUCT else self.brackets(text)}"
            level = SIGN if level > PRODUCT else PRODUCT
        return text, level

    def _factors(self, node: Node, index: Index | None) -> tuple[list, list, float, float]:
        """(factors, divisors, the product of the literals among the former, among the latter)."""
        above, below, literals = [], [], [1, 1]
        stack = [(False, node, index)]
        first = True
        while stack:
            under, x, at = stack.pop()
            if not first:
                x, at = self.through_silent(x, at)
            opened = first or x not in self.names
            first = False
            if opened and isinstance(x.op, (ops.Mul, ops.Div)):
                left, right = x.inputs
                inverse = under ^ isinstance(x.op, ops.Div)
                stack.append((inverse, right, _aligned(right, at)))
                stack.append((under, left, _aligned(left, at)))
            elif opened and isinstance(x.op, ops.Neg):
                literals[0] = -literals[0]
                stack.append((under, x.inputs[0], at))
            elif (joint := _joint(literals[under], _literal(x))) is not None:
                literals[under] = joint
            else:
                (below if under else above).append((x, at))
        if literals[1] < 0:
            literals = [-literals[0], -literals[1]]
        return above, below, *literals

    def _powers(self, factors: Sequence[tuple[Node, Index | None]], depth: int) -> list:
        """The texts of factors, equal ones as a power."""
        counted: dict[tuple[Node, Index | None], int] = {}
        for factor in factors:
            counted[factor] = counted.get(factor, 0) + 1
        found = []
        for (x, at), count in counted.items():
            if count > 1:
                text = self.power(self.bound(x, depth, ATOM, at), str(count))
                found.append((text, POWER))
            else:
                found.append(self.written(x, depth, index=at))
        return found

    def _times(self, parts: Sequence[tuple[str, int]]) -> tuple[str, int]:
        if len(parts) == 1:
            return parts[0]
        texts = [text if level > PRODUCT else self.brackets(text) for text, level in parts]
        if not self.latex:
            return " * ".join(texts), PRODUCT
        text = texts[0]
        for part in texts[1:]:
            text += (r" \cdot " if part[:1].isdigit() else r"\, ") + part
        return text, PRODUCT

    # Pieces.

    def power(self, base: str, exponent: str) -> str:
        """base to a power."""
        return f"{base}^{{{exponent}}}" if self.latex else f"{base}**{exponent}"

    def function(self, op: object, parts: Sequence[str]) -> tuple[str, int]:
        """A function of operands."""
        name = op.text().split("{")[0]
        if self.latex and len(parts) == 1 and name in AROUND:
            text = AROUND[name].format(parts[0])
            return text, POWER if name in ("exp", "exp2") else ATOM
        return self.call(name, parts), ATOM

    def index(self, node: Node, parts: Sequence[str], depth: int) -> str:
        """Some entries of a tensor."""
        base, inner = self.bound(node, depth, ATOM), ", ".join(parts)
        if not inner:
            return base
        return f"{{{base}}}_{{[{inner}]}}" if self.latex else f"{base}[{inner}]"

    def at(self, text: str, index: Index | None) -> str:
        """One element of what a text names."""
        if not index:
            return text
        if not self.latex:
            return f"{text}[{', '.join(index)}]"
        return f"{{{text}}}_{{{', '.join(index)}}}" if "_" in text else (
            f"{text}_{{{', '.join(index)}}}"
        )  # fmt: skip

    def bound(self, node: Node, depth: int, level: int, index: Index | None = None) -> str:
        """An operand, in parentheses if its own parts are bound less strongly."""
        text, own = self.written(node, depth, index=_aligned(node, index))
        return text if own >= level else self.brackets(text)

    def brackets(self, text: str) -> str:
        """The text in parentheses."""
        return rf"\left({text}\right)" if self.latex else f"({text})"

    def call(self, name: str, parts: Sequence[str]) -> str:
        """A function of operands."""
        if not self.latex:
            return f"{name}({', '.join(parts)})"
        return rf"{NAMED.get(name) or operator(name)}\left({', '.join(parts)}\right)"

    def letters(self, count: int) -> Index:
        """Letters for as many indices, that are in use nowhere around."""
        free = [c for c in LETTERS if c not in self.used]
        more = (f"i_{{{k}}}" for k in range(1, count + 1))
        return tuple([*free, *more][:count])

    def within(self, letters: Sequence[str]) -> Formula:
        """The writer of what is inside a sum over these indices."""
        return replace(self, used=[*self.used, *letters])

    def number(self, value: object) -> str:
        """A number, to six digits."""
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        if not self.latex or not isinstance(value, float):
            return text
        if text.endswith("inf"):
            return text.replace("inf", r"\infty")
        mantissa, mark, exponent = text.partition("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if mark else text

    def constant(self, array: np.ndarray) -> tuple[str, int]:
        """A number, or an array by its entries or its shape."""
        flat = array.ravel()
        if flat.size and (flat == flat[0]).all():
            text = self.number(flat[0].item())
            return text, ATOM if not text.startswith("-") else SIGN
        if flat.size <= LONGEST and array.ndim == 1:
            return f"[{', '.join(f'{v:.4g}' for v in flat)}]", ATOM
        if array.ndim == 2 and 0 < flat.size <= MOST_ENTRIES:
            rows = [[f"{v:.4g}" for v in row] for row in array]
            if self.latex:
                return structured.matrix(rows), ATOM
            return f"[{', '.join('[' + ', '.join(row) + ']' for row in rows)}]", ATOM
        shape = ", ".join(map(str, array.shape))
        text = rf"\operatorname{{array}}({shape})" if self.latex else f"array({shape})"
        return text, ATOM


def _literal(x: Node) -> float | None:
    """The number that a node is, everywhere; None for anything else, and for nan and inf."""
    if not isinstance(x.op, Const) or not x.op.array.size or x.op.array.dtype.kind == "b":
        return None
    flat = x.op.array.ravel()
    same = (flat == flat[0]).all() and np.isfinite(flat[0])
    return flat[0].item() if same else None


def _joint(number: float, literal: float | None) -> float | None:
    """The product of a number and a literal; None for no literal, and where it over- or
    underflows, so that the text would be of another value."""
    if literal is None:
        return None
    product = number * literal
    vanished = product == 0 and number != 0 and literal != 0
    return None if vanished or abs(product) == np.inf else product


def _aligned(x: Node, index: Index | None) -> Index | None:
    """The index of the element of an operand that is broadcast; of an axis of size 1 it is 1."""
    if index is None:
        return None
    last = index[len(index) - x.ndim :] if x.ndim <= len(index) else index
    return tuple("1" if n == 1 else i for n, i in zip(x.shape, last))


def _below(node: Node, index: Index | None) -> Index | None:
    """The index in the operand of a view of the element with an index in the view; None if it is no
    letter."""
    op, (x, *_) = node.op, node.inputs
    if index is None:
        return None
    if isinstance(op, ops.ExpandDims):
        return tuple(i for k, i in enumerate(index) if k not in op.axes)
    if isinstance(op, ops.DropAxes):
        rest = iter(index)
        return tuple("1" if k in op.axes else next(rest) for k in range(x.ndim))
    if isinstance(op, ops.Reshape):
        return None
    return _aligned(x, index)


def _summed_axes(node: Node) -> tuple[int, ...]:
    """The axes that a `SumTo` sums for certain."""
    x = node.inputs[0]
    lead = x.ndim - len(node.op.shape)
    kept = zip(x.shape[lead:], node.op.shape)
    return (*range(lead), *(lead + k for k, (n, m) in enumerate(kept) if m == 1 and n != 1))


DEPTHS = (40, 25, 16, 12, 9, DEEPEST, 4, 3, 2)


def formula(
    write: Callable[[Formula], str],
    formula: Formula,
    longest: int,
    depths: Sequence[int] = DEPTHS,
) -> str:
    """What `write` makes of a writer: of the deepest one whose text is no longer than it may be."""
    for deepest in depths:
        try:
            return write(replace(formula, deepest=deepest, longest=longest))
        except TooLong:
            continue
    return write(replace(formula, deepest=1, longest=None))
