"""What a model consists of: its named parts, each with what it directly depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, ancestors, line_of
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.distributions.base import Deterministic, Potential, RandomVariable
from probtensor.prob.distributions.support import Interval
from probtensor.prob.model.data import Data, default_of
from probtensor.prob.model.names import dims_of_node
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.model.sizes import KnownSizes
from probtensor.prob.modelling.expressions import Writer
from probtensor.prob.sequences.convert import with_sequences
from probtensor.prob.sequences.resolve import model_order, resolved
from probtensor.types import Size, size_names

FREE, OBSERVED, RANDOM, DETERMINISTIC, POTENTIAL, DATA = (
    "free", "observed", "random", "deterministic", "potential", "data",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Part:
    """One named part of a model.

    kind       "free", "observed" (of a posterior), "random", "deterministic", "potential", "data"
    parents    the names of what it directly depends on, in graph order
    shape      sizes, as numbers where they are known
    support    where a random variable lies, in words; `transform` what maps q onto it, and `size`
               how many entries of q that takes, for free variables
    line       where the user made it
    """

    name: str
    kind: str
    node: Node
    parents: tuple[str, ...]
    shape: tuple[Size, ...]
    dims: tuple[str, ...] | None
    line: str
    distribution: str = ""
    support: str = ""
    transform: str = ""
    size: int = 0

    @property
    def axes(self) -> tuple[str, ...]:
        """Each axis with its length: `school 8`, or `8` without a name."""
        names = self.dims or ("",) * len(self.shape)
        lengths = ["" if str(n) == d else str(n) for n, d in zip(map(str, self.shape), names)]
        return tuple(f"{d} {n}".strip() for d, n in zip(names, lengths))


@dataclass(frozen=True, eq=False)
class Structure:
    """The parts of a model, in graph order: what is depended on comes first."""

    parts: tuple[Part, ...]
    names: Mapping[Node, str]

    def writer(self, latex: bool = False) -> Writer:
        """What writes expressions of its nodes."""
        return Writer(dict(self.names), latex)

    def formula(self, part: Part, writer: Writer) -> str:
        """The right-hand side of a part: its distribution with parameters, or its expression."""
        if part.distribution:
            own = resolved(part.node).variable
            return writer.random(own, 0)
        if part.kind == DATA:
            return ""
        return writer.operand(part.node.inputs[0])


def structure_of(what: str, model: object) -> Structure:
    """The parts of a posterior, or of a named tensor or several; TypeError for anything else."""
    if isinstance(model, Posterior):
        return _of_posterior(model)
    outputs = model.values() if isinstance(model, Mapping) else model
    outputs = [outputs] if isinstance(outputs, Node) else outputs
    if not isinstance(outputs, Iterable) or isinstance(outputs, (str, bytes)):
        outputs = [None]
    nodes = list(outputs)
    if not nodes or not all(isinstance(x, Node) for x in nodes):
        raise TypeError(
            f"{what}: takes a posterior, a tensor, or a list or dict of tensors, not "
            f"{model!r:.60}\n  at {line_text()}"
        )
    order = model_order(with_sequences(nodes))
    names, taken = {}, {x.name for x in order if x.name}
    for node in order:
        if isinstance(node.op, (RandomVariable, Potential, Data)) or (
            isinstance(node.op, Deterministic) and node.name
        ):
            stem = node.name or (node.op.distribution.name if isinstance(node.op, RandomVariable)
                                 else node.op.text().split("{")[0])  # fmt: skip
            names[node] = node.name or _fresh(stem, taken)
    if not names:
        raise GraphError(f"{what}: there is no random variable in it\n  at {line_text()}")
    parts = [
        Part(
            name, _kind(node), node, _parents(node, names), node.shape, dims_of_node(node),
            line_of(node), *_random(node, names),
        )
        for node, name in names.items()
    ]  # fmt: skip
    return Structure(tuple(parts), names)


def _fresh(stem: str, taken: set[str]) -> str:
    k = 0
    while f"{stem}_{k}" in taken:
        k += 1
    taken.add(f"{stem}_{k}")
    return f"{stem}_{k}"


def _kind(node: Node) -> str:
    if isinstance(node.op, RandomVariable):
        return RANDOM
    if isinstance(node.op, Potential):
        return POTENTIAL
    return DATA if isinstance(node.op, Data) else DETERMINISTIC


def _random(node: Node, names: Mapping[Node, str]) -> tuple[str, str]:
    """(distribution, support) of a random variable."""
    if not isinstance(node.op, RandomVariable):
        return "", ""
    own = resolved(node).variable
    support = own.op.support(*own.inputs)
    if not isinstance(support, Interval):
        return own.op.distribution.name, str(support)
    writer = Writer(dict(names))
    low, high = (
        writer.operand(x) if isinstance(x, Node) else f"{x:g}" for x in (support.low, support.high)
    )
    left = "(" if support.low_open or not support.bounded_below else "["
    right = ")" if support.high_open or not support.bounded_above else "]"
    return own.op.distribution.name, f"{left}{low}, {high}{right}"


def _parents(node: Node, names: Mapping[Node, str]) -> tuple[str, ...]:
    """The named nodes that a node directly depends on, in graph order."""
    inputs = node.inputs
    if isinstance(node.op, RandomVariable):
        inputs = resolved(node).variable.inputs
    found = set(ancestors(inputs, stop=names.__contains__))
    return tuple(name for x, name in names.items() if x in found and x is not node)


def _of_posterior(posterior: Posterior) -> Structure:
    model = posterior.model
    free = {v.variable: v for v in model.free}
    named = {v.variable: v.name for v in model.free}
    named |= {x.node: x.name for x in (*model.observed, *model.deterministic, *model.potentials)}
    named |= {x.node: x.name for x in (*model.summed, *model.dependent)}
    named |= {x: x.name or f"data_{k}" for k, x in enumerate(model.data)}
    order = model_order([*model.variables, *named])
    names = {x: named[x] for x in order if x in named}
    sizes = KnownSizes()
    sizes.values.update(posterior.lengths)
    observed = {y.node for y in model.observed}
    parts = []
    for node, name in names.items():
        kind = FREE if node in free else OBSERVED if node in observed else _kind(node)
        transform, size = "", 0
        if node in free:
            v = free[node]
            transform, size = transform_text(v.bijector), v.stop - v.start
        known = all(size_names(n) <= sizes.values.keys() for n in node.shape)
        shape = sizes.shape(node.shape) if known else node.shape
        if kind == DATA and node in posterior.data:
            shape = posterior.data[node].shape if default_of(node) is not None else shape
        parts.append(
            Part(
                name, kind, node, _parents(node, names), shape, dims_of_node(node), line_of(node),
                *_random(node, names), transform, size,
            )
        )  # fmt: skip
    return Structure(tuple(parts), names)


_TRANSFORMS = {
    "Identity": "", "Lower": "log", "Upper": "log", "Logit": "logit", "Ordered": "log steps",
    "LogRatio": "log ratios", "CentredReal": "non-centred", "CentredVector": "non-centred",
    "CentredLog": "log, non-centred", "CentredScale": "log, non-centred",
}  # fmt: skip


def transform_text(bijector: Bijector) -> str:
    """What maps a value to its unconstrained coordinate, in a word."""
    kind = type(bijector).__name__
    text = _TRANSFORMS.get(kind, kind)
    share = getattr(bijector, "share", None)
    if share is not None and share.any():
        text = text.replace("non-centred", f"centred by {share.mean():.2g}")
    return text
