"""What the terms of a density cost: the measured time of lines, divided among the terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

from probtensor.dataclass import replace
from probtensor.graph.node import Node, line_of, made_by
from probtensor.graph.parts import types_of
from probtensor.graph.walk import toposort
from probtensor.inspect.profile.counts import COSTS, FUNCTION_COST, OTHER_FUNCTION
from probtensor.inspect.profile.rows import Line, Profile, Share
from probtensor.ops.kinds import Contraction, Elementwise
from probtensor.prob.density.diagnosis import explained
from probtensor.prob.model.graphs import Model, term_sources
from probtensor.types import Size, size_names, size_value

UNKNOWN = 100  # elements along an axis of which the length is not known
OTHER = "other"  # lines that are in no term, as of the sum of all, and over discrete variables


def with_terms(found: Profile, terms: tuple[Share, ...]) -> Profile:
    """A profile with the terms of a density."""
    return replace(found, terms=terms)


def terms_of(
    model: Model, lines: Iterable[Line], lengths: Mapping[str, int]
) -> tuple[Share, ...]:
    """The seconds of each term, the slowest first. A line is divided among the terms that use it by
    the costs of their operations there; one that no term has goes to `other`."""
    costs: dict[str, dict[str, float]] = {}  # of each line, by term
    for source in term_sources(model):
        name = f"{source.owner.name}: {source.kind}"
        with made_by(source.node):
            graph, _ = explained(model, source)
        for node in toposort([graph]):
            own = costs.setdefault(line_of(node), {})
            own[name] = own.get(name, 0.0) + cost_of(node, lengths)
    found: dict[str, float] = {}
    total = 0.0
    for line in lines:
        total += line.seconds
        own = {name: cost for name, cost in costs.get(line.line, {}).items() if cost}
        within = sum(own.values())
        for name, cost in own.items():
            found[name] = found.get(name, 0.0) + line.seconds * cost / within
        if not own:
            found[OTHER] = found.get(OTHER, 0.0) + line.seconds
    ordered = sorted(found.items(), key=lambda item: -item[1])
    return tuple(Share(name, s, s / total if total else 0.0) for name, s in ordered)


def cost_of(node: Node, lengths: Mapping[str, int]) -> float:
    """The cost of a node in units of an addition, about; 0 for a leaf."""
    if not node.inputs:
        return 0.0
    elements = sum(_elements(kind.shape, lengths) for kind in types_of(node))
    op = node.op
    if isinstance(op, Elementwise):
        name = op.c or op.symbol
        return elements * COSTS.get(name, FUNCTION_COST.get(name, OTHER_FUNCTION))
    read = sum(_elements(kind.shape, lengths) for x in node.inputs for kind in types_of(x))
    if isinstance(op, Contraction):
        return float(read + elements)
    return float(read) if op.has_bodies or elements < read else float(elements)


def _elements(shape: Iterable[Size], lengths: Mapping[str, int]) -> float:
    return float(prod(_length(n, lengths) for n in shape))


def _length(size: Size, lengths: Mapping[str, int]) -> float:
    if isinstance(size, int):
        return size
    known = {name: lengths.get(name, UNKNOWN) for name in size_names(size)}
    return max(1, size_value(size, known))
