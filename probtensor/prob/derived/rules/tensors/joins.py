"""Joins of pieces and writes into tensors: of independent pieces, of given values, and of variables
that depend on each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Const, Node, as_tensor, toposort
from probtensor.graph import replace as replaced
from probtensor.graph.node import make
from probtensor.prob.derived.derivation import Derivation, NotDerived
from probtensor.prob.derived.law import (
    LARGEST,
    Law,
    Members,
    independent,
    joined_sources,
    law_of_family,
    law_of_given,
    law_of_variable,
    same_support,
    where_within,
)
from probtensor.prob.derived.rules.tensors.views import full_shape
from probtensor.prob.distributions.base import Deterministic, RandomVariable
from probtensor.prob.distributions.support import Integers, Interval
from probtensor.prob.sequences.op import RandomSequence

_VIEWS = (ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Cast, Deterministic)


def derive_joined(d: Derivation, node: Node) -> Law | None:
    """concatenate, stack: densities of independent pieces, side by side; given ones have the
    probability 1 at their values."""
    cores = [_core(x) for x in node.inputs]
    if any(x in d.linked for x in cores):
        return _linked(d, node, cores)
    counted = [d.law(x).discrete for x in node.inputs if not d.is_given(x)]
    laws = [
        law_of_given(x, all(counted)) if d.is_given(x) else d.law(x) for x in node.inputs
    ]
    return joined(laws, node.op.axis, node)


class Pieces:
    """The pieces of a tensor along an axis: their values, and what is found of each together."""

    def __init__(self, laws: Sequence[Law], axis: int, node: Node) -> None:
        self.laws, self.axis, self.node = laws, axis, node
        self.ends = [0]
        for law in laws:
            self.ends.append(self.ends[-1] + law.shape[axis])
        outer = [law.ndim - len(law.event) for law in laws]
        self.counted = {law.discrete for law in laws}
        mixed = len(self.counted) > 1
        # The axes in front whose vectors keep densities of their own.
        self.lead = min(outer)
        self.together = axis >= self.lead and self.lead < node.ndim
        if self.together or mixed or len(set(outer)) > 1:
            self.lead, self.together = min(axis, *outer), True

    @property
    def event(self) -> tuple[int, ...]:
        return tuple(range(self.lead, self.node.ndim))

    def values(self, y: Node) -> list[Node]:
        """The parts of a value."""
        front = (slice(None),) * self.axis
        return [y[(*front, slice(a, b))] for a, b in pairwise(self.ends)]

    def densities(self, found: Sequence[Node]) -> Node:
        """Densities of the pieces, side by side or added."""
        found = [self._outer(x, law) for x, law in zip(found, self.laws, strict=True)]
        if not self.together:
            return ops.concatenate(found, axis=self.axis)
        return _total([_folded(ops.sum, x, self.lead) for x in found], ops.add)

    def inside(self, masks: Sequence[Node | None]) -> Node:
        """Masks of the pieces, side by side or all together."""
        found = []
        for mask, law in zip(masks, self.laws, strict=True):
            mask = ops.ones((), "bool") if mask is None else mask
            found.append(self._outer(mask, law))
        if not self.together:
            return ops.concatenate(found, axis=self.axis)
        return _total([_folded(ops.all, x, self.lead) for x in found], ops.logical_and)

    def _outer(self, x: Node, law: Law) -> Node:
        shape = tuple(n for k, n in enumerate(law.shape) if k not in law.event)
        return ops.broadcast_to(x, shape)


def _folded(reduce: Callable, x: Node, lead: int) -> Node:
    axes = tuple(range(lead, x.ndim))
    return reduce(x, axis=axes) if axes else x


def _total(found: Sequence[Node], add: Callable) -> Node:
    total = found[0]
    for x in found[1:]:
        total = add(total, x)
    return total


def joined(laws: Sequence[Law], axis: int, node: Node) -> Law:
    """The law of independent pieces along an axis."""
    if not independent(*laws):
        raise NotDerived("its pieces are made of the same variable", node)
    pieces = Pieces(laws, axis, node)
    apart = not pieces.together
    event = pieces.event if pieces.together or laws[0].event else ()

    def each(name: str) -> Callable:
        def apply(y: Node) -> Node:
            parts = zip(laws, pieces.values(y), strict=True)
            return pieces.densities([getattr(law, name)(x) for law, x in parts])

        return apply

    def inside(y: Node) -> Node:
        parts = zip(laws, pieces.values(y), strict=True)
        return pieces.inside([law.support.contains(x) for law, x in parts])

    known = apart and all(x.independent and x.lower and x.upper for x in laws)
    text = " or ".join(dict.fromkeys(str(x.support) for x in laws))
    support = laws[0].support
    if not apart or not all(same_support(x.support, support) for x in laws):
        counted = pieces.counted == {True}
        support = Members(inside, text, counted, len(event))
    found = Law(
        node.shape,
        node.dtype,
        each("full"),
        support,
        joined_sources(laws),
        lower=each("below") if known else None,
        upper=each("above") if known else None,
        event=event,
        dependent=any(x.dependent for x in laws),
        points=tuple(
            _with_gaps(k, x, laws, node) for k, law in enumerate(laws) for x in law.points
        ),
        alike=lambda a: apart and a != axis and all(x.alike(a) for x in laws),
        free=len(pieces.counted) == 1 and all(x.free for x in laws),
        partial=any(x.partial for x in laws),
    )
    family = None if event else _joined_family(laws, axis)
    return found if family is None else law_of_family(*family, node.shape, node.dtype, like=found)


def _with_gaps(k: int, point: Node, laws: Sequence[Law], node: Node) -> Node:
    """A point of piece k along the axis of a join, nan in the others."""
    gaps = [point if j == k else as_tensor(math.nan) for j in range(len(laws))]
    full = [ops.broadcast_to(x.astype(node.dtype), y.shape) for x, y in zip(gaps, laws)]
    return ops.concatenate(full, axis=node.op.axis)


def _joined_family(laws: Sequence[Law], axis: int) -> tuple | None:
    """The family of pieces that have one, with parameters side by side."""
    kinds = {type(x.family.distribution) if x.family else None for x in laws}
    if len(kinds) > 1 or None in kinds or laws[0].family.distribution.indexes:
        return None
    parameters = []
    for group in zip(*(x.family.parameters for x in laws), strict=True):
        scalar = not any(p.shape for p in group)
        literal = scalar and all(isinstance(p.op, Const) for p in group)
        one = all(p is group[0] for p in group)
        if scalar and (one or (literal and len({p.op.array.item() for p in group}) == 1)):
            parameters.append(group[0])
        else:
            wide = [full_shape(p, x) for p, x in zip(group, laws, strict=True)]
            parameters.append(ops.concatenate(wide, axis=axis))
    return laws[0].family.distribution, tuple(parameters)


def _core(node: Node) -> Node:
    """The variable that a piece is, in another shape."""
    while isinstance(node.op, _VIEWS):
        node = node.inputs[0]
    return node


def _linked(d: Derivation, node: Node, cores: Sequence[Node]) -> Law:
    """Pieces that are variables, parameters of which are other pieces: each has its density given
    the values of these."""
    for x, piece in zip(cores, node.inputs, strict=True):
        if not isinstance(x.op, RandomVariable) or isinstance(x.op, RandomSequence):
            raise NotDerived(
                "its pieces depend on each other, and one of them is not a variable itself", piece
            )
    if len(set(cores)) < len(cores):
        raise NotDerived("its pieces are made of the same variable", node)
    above, held = set(toposort(cores)), set(cores)
    rest = [x for x in d.bases if x in above and x not in held]
    if rest:
        raise NotDerived("its pieces depend on a variable that is no piece", rest[0])
    laws = [
        Law(x.shape, p.dtype, x.op.distribution.logpdf, x.op.distribution.over, {x.op.uid: None},
            event=tuple(range(x.ndim - x.op.distribution.event_ndim, x.ndim)))
        for x, p in zip(cores, node.inputs, strict=True)
    ]  # fmt: skip
    if any(law.event for law in laws) or any(x.op.constraint for x in cores):
        raise NotDerived("vectors, or variables under constraint=, depend on each other", node)
    shaped = [replace(law, shape=x.shape) for law, x in zip(laws, node.inputs, strict=True)]
    pieces = Pieces(shaped, node.op.axis, node)
    if pieces.together:
        raise NotDerived("whole numbers and continuous values depend on each other", node)

    def density(y: Node) -> Node:
        values = [
            ops.reshape(v, x.shape).astype(x.dtype)
            for v, x in zip(pieces.values(y), cores, strict=True)
        ]
        given = dict(zip(cores, values, strict=True))
        found = []
        for x, v, piece in zip(cores, values, node.inputs, strict=True):
            own = make(x.op, tuple(replaced(list(x.inputs), given)))
            found.append(ops.reshape(full_shape(density_given(own, v), own), piece.shape))
        return pieces.densities(found)

    support = Integers(-math.inf, math.inf) if laws[0].discrete else Interval()
    return Law(
        node.shape, node.dtype, density, support, joined_sources(laws), dependent=True
    )  # fmt: skip


def density_given(variable: Node, x: Node) -> Node:
    """The log density of a variable at a value, -inf where its parameters are out of range."""
    op = variable.op
    found = law_of_variable(variable).full(x if x.type.is_float else x.astype("float64"))
    parameters = op.parameters_of(variable.inputs)
    return where_within(zip(op.distribution.parameters.values(), parameters, strict=True), found)


def derive_written(d: Derivation, node: Node) -> Law | None:
    """x.at[...].set(y): independent entries, some of which are those of another variable."""
    base, update, *indices = node.inputs
    if getattr(node.op, "mode", "set") != "set":
        return None
    if any(not d.is_given(x) for x in indices):
        raise NotDerived("it writes at random places", node)
    if not all(isinstance(n, int) for n in node.shape) or math.prod(node.shape) > LARGEST:
        raise NotDerived("it writes into a tensor that is large, or of unknown size", node)
    known = {x: d.law(x) for x in (base, update) if not d.is_given(x)}
    size, count = math.prod(node.shape), math.prod(update.shape)
    arrays = [d.value(x) for x in indices]
    if any(x is None for x in arrays):
        raise NotDerived("it writes at places that are no literals", node)
    numbers = np.arange(size).reshape(node.shape), size + np.arange(count).reshape(update.shape)
    places = np.asarray(node.op.numpy(numbers[0], numbers[1], *arrays))
    if len(np.unique(places)) != size or np.setdiff1d(size + np.arange(count), places).size:
        raise NotDerived("it adds to entries, or writes some twice", node)
    kept = places.ravel() < size
    first = ops.reshape(base, (size,))[np.flatnonzero(kept)]
    second = ops.reshape(update, (count,))[places.ravel()[~kept] - size]
    order = np.argsort(np.concatenate([np.flatnonzero(kept), np.flatnonzero(~kept)]))
    both = ops.concatenate([first, second]) if kept.any() else second
    whole = ops.reshape(both[order], node.shape)
    return d.within(whole, known).law(whole)
