"""Rearrangements, selections and joins of independent entries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import make
from probtensor.prob.derived.derivation import Derivation, NotDerived, remade, require_shape
from probtensor.prob.derived.law import (
    LARGEST,
    Law,
    Members,
    independent,
    joined_sources,
    law_of_family,
    same_support,
)
from probtensor.prob.distributions.support import Integers, Interval, is_number


def derive_rearranged(d: Derivation, node: Node) -> Law | None:
    """reshape, transpose, expand_dims, squeeze: the same entries in other places."""
    law = d.law(node.inputs[0])
    if law.event:
        raise NotDerived("vectors with a joint density are rearranged", node)
    back = _inverse(node)
    family = _viewed_family(d, node, law)
    found = _viewed(law, node, back, lambda found: remade(node, 0, found))
    return found if family is None else law_of_family(*family, node.shape, node.dtype, like=found)


def _are_entries(law: Law) -> None:
    """NotDerived if entries depend on each other."""
    if not law.independent:
        raise NotDerived("its entries depend on each other, and some are selected or joined")


def _inverse(node: Node) -> Callable[[Node], Node]:
    """The function that puts a value of a rearrangement into the places of its operand."""
    shape = node.inputs[0].shape
    if isinstance(node.op, ops.Transpose):
        order = tuple(int(k) for k in np.argsort(node.op.axes))
        return lambda y: ops.transpose(y, order)
    return lambda y: ops.reshape(y, shape)


def _viewed(law: Law, node: Node, back: Callable, view: Callable) -> Law:
    """A law of entries in other places; `back` takes values there, `view` densities here."""

    def through(function: Callable | None) -> Callable | None:
        return None if function is None else lambda y: view(full_shape(function(back(y)), law))

    places, sources = law.places, law.sources
    if places is not None:
        arrays = (x.op.array for x in node.inputs[1:])
        places = np.asarray(node.op.numpy(places, *arrays))
        sources = {uid: frozenset(places.ravel().tolist()) for uid in sources}
    return replace(
        law,
        shape=node.shape,
        density=through(law.density),
        support=_viewed_support(law, back, view),
        lower=through(law.lower),
        upper=through(law.upper),
        quantile=None,
        family=None,
        points=tuple(view(full_shape(x, law)) if x.shape else x for x in law.points),
        places=places,
        sources=sources,
        alike=lambda axis: all(map(law.alike, range(law.ndim))),
    )


def full_shape(x: Node, law: Law) -> Node:
    """A density of entries, broadcast to the shape of its law."""
    return ops.broadcast_to(x, law.shape)


def _viewed_support(law: Law, back: Callable, view: Callable) -> object:
    """The support of entries in other places: an interval with ends in these places."""
    support = law.support
    if isinstance(support, (Interval, Integers)):
        if all(not isinstance(x, Node) and np.ndim(x) == 0 for x in (support.low, support.high)):
            return support
        ends = [
            x if is_number(x) and np.ndim(x) == 0 else view(full_shape(as_tensor(x), law))
            for x in (support.low, support.high)
        ]
        return replace(support, low=ends[0], high=ends[1])

    def inside(y: Node) -> Node:
        return view(full_shape(support.contains(back(y)), law))

    return Members(inside, str(support), support.discrete)


def _viewed_family(d: Derivation, node: Node, law: Law) -> tuple | None:
    """The family of entries in other places, with its parameters in these places."""
    if law.family is None:
        return None
    distribution = law.family.distribution
    if any(s.event_ndim for s in (distribution.over, *distribution.parameters.values())):
        return None
    parameters = []
    for p in law.family.parameters:
        wide = None if not p.shape else remade(node, 0, ops.broadcast_to(p, law.shape))
        parameters.append(p if wide is None else wide)
    return law.family.distribution, tuple(parameters)


def derive_selected(d: Derivation, node: Node) -> Law | None:
    """Indexing by slices, integers, and masks of literals: the entries that are read."""
    source, *indices = node.inputs
    if d.is_given(source):
        return None
    if any(not d.is_given(x) for x in indices):
        return None  # a mixture
    law = d.law(source)
    _are_entries(law)
    if indices:
        arrays = [d.value(x) for x in indices]
        if any(x is None for x in arrays):
            return None
        node = make(node.op, (source, *(as_tensor(x) for x in arrays)))
    if not all(isinstance(n, int) for n in law.shape):
        if not isinstance(node.op, ops.Slice):
            raise NotDerived("it selects from a tensor whose size is not known", node)
        return _sliced(d, node, law)
    size = math.prod(law.shape)
    arrays = [x.op.array for x in node.inputs[1:]]
    chosen = np.asarray(node.op.numpy(np.arange(size).reshape(law.shape), *arrays))
    if len(np.unique(chosen)) != chosen.size:
        raise NotDerived("it reads some entries twice, which have no density together", node)
    return _selected(d, node, law, chosen)


def _filler(law: Law, dtype: str) -> Node:
    """A value in the support at each entry."""
    place = law.somewhere()
    place = as_tensor(0.5) if place is None else place
    return ops.broadcast_to(place.astype(dtype), law.shape)


def _sliced(d: Derivation, node: Node, law: Law) -> Law:
    """The law of a slice of a tensor of unknown size."""
    op, family = node.op, _viewed_family(d, node, law)
    write = ops.SetSlice(op.starts, op.steps, op.sizes)
    found = _viewed(
        replace(law, places=None, sources=dict.fromkeys(law.sources)),
        node,
        lambda y: make(write, (_filler(law, y.dtype), y)),
        lambda x: remade(node, 0, x),
    )
    return found if family is None else law_of_family(*family, node.shape, node.dtype, like=found)


def _selected(d: Derivation, node: Node, law: Law, chosen: np.ndarray) -> Law:
    """The law of some entries: a family with fewer parameters, or densities of all entries of
    which those that are read are kept, with some value in the support for the others."""
    family = _viewed_family(d, node, law)
    size = math.prod(law.shape)
    flat = as_tensor(chosen.ravel().astype("int64"))

    def back(y: Node) -> Node:
        filler = ops.reshape(_filler(law, y.dtype), (size,))
        whole = filler.at[flat].set(ops.reshape(y, (chosen.size,)))
        return ops.reshape(whole, law.shape)

    def view(x: Node) -> Node:
        return ops.reshape(ops.reshape(x, (size,))[flat], node.shape)

    found = _viewed(law, node, back, view)
    return found if family is None else law_of_family(*family, node.shape, node.dtype, like=found)


def derive_joined(d: Derivation, node: Node) -> Law | None:
    """concatenate, stack: densities of independent pieces, side by side."""
    if any(map(d.is_given, node.inputs)):
        raise NotDerived(
            "a part of it is given, which has no density",
            next(x for x in node.inputs if d.is_given(x)),
            "join the random parts alone, and observe these",
        )
    laws = [d.law(x) for x in node.inputs]
    for law in laws:
        _are_entries(law)
    return joined(laws, node.op.axis, node)


def joined(laws: Sequence[Law], axis: int, node: Node) -> Law:
    """The law of independent pieces along an axis."""
    if not independent(*laws):
        raise NotDerived("its pieces are made of the same variable", node)
    if len({law.discrete for law in laws}) > 1:
        raise NotDerived("it joins whole numbers and continuous values", node)
    ends = [0]
    for law in laws:
        ends.append(ends[-1] + law.shape[axis])

    def pieces(y: Node) -> list[Node]:
        lead = (slice(None),) * axis
        return [y[(*lead, slice(a, b))] for a, b in pairwise(ends)]

    def side_by_side(functions: Sequence[Callable]) -> Callable:
        def apply(y: Node) -> Node:
            found = [full_shape(f(part), law) for f, law, part in zip(functions, laws, pieces(y))]
            return ops.concatenate(found, axis=axis)

        return apply

    def inside(law: Law) -> Callable:
        def test(y: Node) -> Node:
            mask = law.support.contains(y)
            return ops.ones(law.shape, "bool") if mask is None else mask

        return test

    def with_gaps(k: int, point: Node) -> Node:
        """A point of a piece, nan in the others."""
        gaps = [point if j == k else as_tensor(math.nan) for j in range(len(laws))]
        full = [ops.broadcast_to(x.astype(node.dtype), y.shape) for x, y in zip(gaps, laws)]
        return ops.concatenate(full, axis=axis)

    tails = [(x.below, x.above) if x.lower and x.upper else None for x in laws]
    known = all(tails)
    text = " or ".join(dict.fromkeys(str(x.support) for x in laws))
    support = laws[0].support
    if not all(same_support(x.support, support) for x in laws):
        support = Members(side_by_side([inside(x) for x in laws]), text, laws[0].discrete)
    found = Law(
        node.shape,
        node.dtype,
        side_by_side([x.full for x in laws]),
        support,
        joined_sources(laws),
        lower=side_by_side([x[0] for x in tails]) if known else None,
        upper=side_by_side([x[1] for x in tails]) if known else None,
        points=tuple(with_gaps(k, x) for k, law in enumerate(laws) for x in law.points),
        alike=lambda a: a != axis and all(x.alike(a) for x in laws),
    )
    family = _joined_family(laws, axis)
    return found if family is None else law_of_family(*family, node.shape, node.dtype, like=found)


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


def derive_written(d: Derivation, node: Node) -> Law | None:
    """x.at[...].set(y): independent entries, some of which are those of another variable."""
    base, update, *indices = node.inputs
    if getattr(node.op, "mode", "set") != "set":
        return None
    if any(not d.is_given(x) for x in indices) or d.is_given(base) or d.is_given(update):
        raise NotDerived(
            "a part of it is given, which has no density", node,
            "observe the random part alone, before it is written",
        )  # fmt: skip
    if not all(isinstance(n, int) for n in node.shape) or math.prod(node.shape) > LARGEST:
        raise NotDerived("it writes into a tensor that is large, or of unknown size", node)
    outer, inner = d.law(base), d.law(update)
    _are_entries(outer)
    _are_entries(inner)
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
    return d.within(whole, {base: outer, update: inner}).law(whole)


def derive_broadcast(d: Derivation, node: Node) -> Law | None:
    """broadcast_to that repeats nothing."""
    law = d.law(node.inputs[0])
    lead = node.ndim - law.ndim
    if all(n == 1 for n in node.shape[:lead]) and tuple(node.shape[lead:]) == tuple(law.shape):
        _are_entries(law)
        return _viewed(
            replace(law, places=None),
            node,
            lambda y: ops.reshape(y, law.shape),
            lambda x: ops.reshape(x, node.shape),
        )
    require_shape(law, node)
    return law
