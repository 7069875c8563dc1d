"""Graphs as short expressions, in plain text and in LaTeX, down to the nodes that have a name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, Input, Node
from probtensor.graph.node import SizeOf
from probtensor.prob.distributions.base import Bounded, Deterministic, RandomVariable
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Integers, Interval, Ordered, attach_bounds

DEEPEST = 6  # operations within each other; what is below is written ...
LONGEST = 3  # entries of an array that are written out
# Ops that only change the shape or the dtype of a tensor, so that nothing is written for them.
_SILENT = (
    ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Cast, Bounded,
)  # fmt: skip
_MADE_OF_OTHERS = {
    "mixture", "zero_inflated", "hurdle", "truncated", "censored", "interval_censored", "folded",
    "masked",
}  # fmt: skip
SUM, PRODUCT, SIGN, POWER, ATOM = range(5)
_INFIX = {
    ops.Add: ("+", "+", SUM), ops.Sub: ("-", "-", SUM), ops.Mul: ("*", r"\,", PRODUCT),
    ops.Gt: (">", ">", SUM), ops.Ge: (">=", r"\geq", SUM), ops.Lt: ("<", "<", SUM),
    ops.Le: ("<=", r"\leq", SUM), ops.Eq: ("==", "=", SUM), ops.Ne: ("!=", r"\neq", SUM),
}  # fmt: skip
GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi",
    "Omega",
)  # fmt: skip
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


@dataclass(frozen=True)
class Writer:
    """Expressions as text, or as LaTeX. `names` has nodes that are written by name."""

    names: dict[Node, str]
    latex: bool = False

    def expression(self, node: Node) -> str:
        """A node by what it is computed from."""
        return self.written(node, 0, named=False)[0]

    def operand(self, node: Node) -> str:
        """A node by its name, if it has one."""
        return self.written(node, 0)[0]

    def name(self, name: str) -> str:
        """A name as it is written."""
        return name_in_latex(name) if self.latex else name

    def written(self, node: Node, depth: int, named: bool = True) -> tuple[str, int]:
        """(a node as text, how strongly its parts are bound to each other)."""
        while isinstance(node.op, _SILENT) and node not in self.names:
            node = node.inputs[0]
        if named and node in self.names:
            return self.name(self.names[node]), ATOM
        op = node.op
        if isinstance(op, Const):
            return self.constant(op.array)
        if isinstance(op, Input):
            return self.name(node.name or "array"), ATOM
        if isinstance(op, SizeOf):
            return self.name(str(op.size)), ATOM
        if isinstance(op, Deterministic):
            return self.written(node.inputs[0], depth)
        if depth >= DEEPEST:
            return (r"\ldots" if self.latex else "..."), ATOM
        if isinstance(op, RandomVariable):
            return self.random(node, depth + 1), ATOM
        special = self.special(node, depth + 1)
        if special is not None:
            return special
        parts = [self.written(x, depth + 1)[0] for x in node.inputs]
        return self.call(op.text().split("{")[0], parts), ATOM

    def random(self, node: Node, depth: int) -> str:
        """A distribution with its parameters, its constraint and its factor."""
        op, inputs = node.op, node.inputs
        text = self.law(op.distribution, op.parameters_of(inputs), depth)
        if op.constraint is not None:
            found = attach_bounds(op.constraint, inputs)
            if isinstance(found, Ordered):
                text = self.distribution("ordered", [text])
            elif isinstance(found, (Interval, Integers)):
                ends = [self.end(x, depth) for x in (found.low, found.high)]
                text = self.distribution("truncated", [text, *ends])
        if op.weighted:
            text = self.distribution("scaled", [text, self.written(inputs[-1], depth)[0]])
        return text

    def law(self, distribution: Distribution, parameters: Sequence[Node], depth: int) -> str:
        """A distribution, which may be made of others, with its parameters."""
        if distribution.name not in _MADE_OF_OTHERS:
            parts = [self.written(x, depth)[0] for x in parameters]
            return self.distribution(distribution.name, parts)
        own = [self.written(x, depth)[0] for x in parameters[: len(distribution.own)]]
        if not getattr(distribution, "has_lower", True):
            own = [self.end(-np.inf, depth), *own]
        if not getattr(distribution, "has_upper", True):
            own = [*own, self.end(np.inf, depth)]
        pairs = distribution.of_parts(parameters)
        parts = [self.law(part, given, depth + 1) for part, given in pairs]
        first = distribution.name in ("mixture", "zero_inflated", "hurdle")
        return self.distribution(distribution.name, [*own, *parts] if first else [*parts, *own])

    def end(self, bound: object, depth: int) -> str:
        """A bound of a constraint."""
        if isinstance(bound, Node):
            return self.written(bound, depth)[0]
        infinite = self.latex and bound in (np.inf, -np.inf)
        return (r"-\infty" if bound < 0 else r"\infty") if infinite else f"{bound:.6g}"

    def special(self, node: Node, depth: int) -> tuple[str, int] | None:
        """Operators, powers and indices."""
        op, x = node.op, node.inputs
        if type(op) in _INFIX:
            plain, latex, level = _INFIX[type(op)]
            left = self.bound(x[0], depth, level)
            right = self.bound(x[1], depth, level + isinstance(op, ops.Sub))
            if self.latex and level == PRODUCT:
                sign = r" \cdot" if right[0].isdigit() else latex
                return f"{left}{sign} {right}", level
            return f"{left} {latex if self.latex else plain} {right}", level
        match op:
            case ops.Div() if self.latex:
                above, below = (self.bound(part, depth, 0) for part in x)
                return rf"\frac{{{above}}}{{{below}}}", PRODUCT
            case ops.Div():
                return (
                    f"{self.bound(x[0], depth, PRODUCT)} / {self.bound(x[1], depth, SIGN)}",
                    PRODUCT,
                )
            case ops.Neg():
                return f"-{self.bound(x[0], depth, SIGN)}", SIGN
            case ops.Square():
                base = self.bound(x[0], depth, ATOM)
                return (f"{base}^{{2}}" if self.latex else f"{base}**2"), POWER
            case ops.Pow():
                base, exponent = self.bound(x[0], depth, ATOM), x[1]
                if self.latex:
                    return f"{base}^{{{self.bound(exponent, depth, 0)}}}", POWER
                return f"{base}**{self.bound(exponent, depth, ATOM)}", POWER
            case ops.Exp() if self.latex:
                return f"e^{{{self.bound(x[0], depth, 0)}}}", POWER
            case ops.Sqrt() if self.latex:
                return rf"\sqrt{{{self.bound(x[0], depth, 0)}}}", ATOM
            case ops.Contract() if op.subscripts in ("ij,j->i", "ij,jk->ik", "i,ij->j", "i,i->"):
                sign = r"\," if self.latex else "@"
                left, right = self.bound(x[0], depth, PRODUCT), self.bound(x[1], depth, SIGN)
                return f"{left} {sign} {right}", PRODUCT
            case ops.Transpose():
                base = self.bound(x[0], depth, ATOM)
                return (rf"{base}^{{\top}}" if self.latex else f"{base}.T"), ATOM
            case ops.Slice():
                return self.index(x[0], slice_text(op, x[0]), depth), ATOM
            case ops.Gather():
                parts = [":"] * x[0].ndim
                for axis, index in zip(op.axes, x[1:]):
                    parts[axis] = self.bound(index, depth, 0)
                while parts[-1:] == [":"]:
                    parts.pop()
                return self.index(x[0], parts, depth), ATOM
            case ops.LogSumExp():
                return self.call("logsumexp", [self.bound(x[0], depth, 0)]), ATOM
        return None

    def index(self, node: Node, parts: Sequence[str], depth: int) -> str:
        """Some entries of a tensor."""
        base, inner = self.bound(node, depth, ATOM), ", ".join(parts)
        if not inner:
            return base
        return f"{{{base}}}_{{[{inner}]}}" if self.latex else f"{base}[{inner}]"

    def bound(self, node: Node, depth: int, level: int) -> str:
        """An operand, in parentheses if its own parts are bound less strongly."""
        text, own = self.written(node, depth)
        if own >= level:
            return text
        return rf"\left({text}\right)" if self.latex else f"({text})"

    def call(self, name: str, parts: Sequence[str]) -> str:
        """A function of operands."""
        if not self.latex:
            return f"{name}({', '.join(parts)})"
        return rf"{operator(name)}\left({', '.join(parts)}\right)"

    def distribution(self, name: str, parts: Sequence[str]) -> str:
        """A distribution with its parameters."""
        if not self.latex:
            return self.call(name, parts)
        words = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        return self.call(words, parts)

    def constant(self, array: np.ndarray) -> tuple[str, int]:
        """A number, or an array by its entries or its shape."""
        flat = array.ravel()
        if flat.size and (flat == flat[0]).all():
            value = flat[0].item()
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            return text, ATOM if not text.startswith("-") else SIGN
        if flat.size <= LONGEST and array.ndim == 1:
            return f"[{', '.join(f'{v:.4g}' for v in flat)}]", ATOM
        shape = ", ".join(map(str, array.shape))
        text = rf"\operatorname{{array}}({shape})" if self.latex else f"array({shape})"
        return text, ATOM


def slice_text(op: ops.Slice, x: Node) -> list[str]:
    """Slices as they are written, without those of whole axes at the end."""
    parts = []
    for start, step, size, n in zip(op.starts, op.steps, op.sizes, x.shape):
        if size == n and step == 1:
            parts.append(":")
        elif size == 1:
            parts.append(str(start))
        elif isinstance(start, int) and isinstance(size, int):
            stop = start + step * size
            end = "" if stop == n or stop < 0 else str(stop)
            parts.append(f"{start or ''}:{end}" + (f":{step}" if step != 1 else ""))
        else:
            parts.append("...")
    while parts[-1:] == [":"]:
        parts.pop()
    return parts


def operator(name: str) -> str:
    r"""A function's name in LaTeX: \operatorname{erf} of erf."""
    return rf"\operatorname{{{escaped(name)}}}"


def name_in_latex(name: str) -> str:
    r"""A variable's name in LaTeX: \mu_{a} of mu_a, \theta of theta, \mathrm{school} of school."""
    head, mark, rest = name.partition("_")
    if not head or (mark and not all(rest.split("_"))):
        return rf"\mathrm{{{escaped(name)}}}"
    main = _word(head)
    if not rest:
        return main
    return f"{main}_{{{', '.join(map(_word, rest.split('_')))}}}"


def _word(word: str) -> str:
    stem = word.rstrip("0123456789")
    digits = word[len(stem) :]
    if digits and (stem in GREEK or len(stem) == 1):
        return f"{_word(stem)}_{{{digits}}}" if len(word) == len(stem) + len(digits) else word
    if word in GREEK:
        return f"\\{word}"
    if len(word) == 1 or word.isdigit():
        return escaped(word)
    return rf"\mathrm{{{escaped(word)}}}"


def escaped(text: str) -> str:
    """Text in which LaTeX finds no commands."""
    return "".join(_ESCAPES.get(c, c) for c in text)
