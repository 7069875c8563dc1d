"""Models as short expressions, in plain text and in LaTeX, down to the nodes that have a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph import Node
from probtensor.inspect.texts.formulas import Formula
from probtensor.inspect.texts.symbols import ATOM, Index
from probtensor.prob.distributions.base import Bounded, Deterministic, RandomVariable
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Integers, Interval, Ordered, attach_bounds

_MADE_OF_OTHERS = {
    "mixture", "zero_inflated", "hurdle", "truncated", "censored", "interval_censored", "folded",
    "masked",
}  # fmt: skip


@dataclass(frozen=True)
class Writer(Formula):
    """Formulas in which random variables are distributions with their parameters."""

    silent: ClassVar[tuple[type, ...]] = (*Formula.silent, Bounded, Deterministic)

    def special(self, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
        """Distributions; else as in other formulas."""
        if isinstance(node.op, RandomVariable):
            text = self.random(node, depth)
            return (text if index is None else self.at(self.brackets(text), index)), ATOM
        return super().special(node, depth, index)

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

    def distribution(self, name: str, parts: Sequence[str]) -> str:
        """A distribution with its parameters."""
        if not self.latex:
            return self.call(name, parts)
        words = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        return self.call(words, parts)
