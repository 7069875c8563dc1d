"""Rearrangements, selections and joins of independent entries."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import make
from probtensor.prob.derived.derivation import Derivation, NotDerived, remade
from probtensor.prob.derived.law import (
    Law,
    Members,
    law_of_family,
)
from probtensor.prob.distributions.support import Integers, Interval, is_number


def derive_rearranged(d: Derivation, node: Node) -> Law | None:
    """reshape, transpose, expand_dims, squeeze: the same entries in other places."""
    law = d.law(node.inputs[0])
    if law.event:
        return _vectors(d, node, law)
    back = _inverse(node)
    family = _viewed_family(d, node, law)
    found = _viewed(law, node, back, lambda found: remade(node, 0, found))
    return found if family is None else law_of_family(*family, node.shape, node.dtype, like=found)


def are_entries(law: Law) -> None:
    """NotDerived if entries depend on each other."""
    if not law.independent:
        raise NotDerived("its entries depend on each other, and some are selected or joined")


def _vectors(d: Derivation, node: Node, law: Law) -> Law | None:
    """Vectors with joint densities in other places: each keeps its density where the axes that
    number the vectors stay in front of those of the vectors, else there is one density of all."""
    arrays = [d.value(x) for x in node.inputs[1:]]
    sizes = [*law.shape, *node.shape]
    if any(x is None for x in arrays) or not all(isinstance(n, int) for n in sizes):
        raise NotDerived("vectors with a joint density are rearranged", node)
    size = math.prod(law.shape)
    each = math.prod(law.shape[k] for k in law.event)
    chosen = np.asarray(node.op.numpy(np.arange(size).reshape(law.shape), *arrays))
    if not chosen.size:
        raise NotDerived("it has no entries", node)
    kept = np.unique(chosen // each)
    if len(np.unique(chosen)) != chosen.size or chosen.size != each * len(kept):
        raise NotDerived(
            "some entries of vectors with a joint density are selected, or some twice", node,
            "select whole vectors; of multivariate_normal, dirichlet, wishart any part is derived",
        )  # fmt: skip
    lead, numbers = _numbers_of_vectors(chosen // each, each)
    places = np.empty(size, "int64")
    places[chosen.ravel()] = np.arange(chosen.size)
    rows = places.reshape(-1, each)
    rows[np.setdiff1d(np.arange(len(rows)), kept)] = rows[kept[0]]

    def back(y: Node) -> Node:
        return ops.reshape(ops.reshape(y, (chosen.size,))[rows.ravel()], law.shape)

    outer = tuple(n for k, n in enumerate(law.shape) if k not in law.event)

    def view(x: Node) -> Node:
        return ops.reshape(ops.broadcast_to(x, outer), (size // each,))[numbers]

    def density(y: Node) -> Node:
        found = view(law.density(back(y)))
        return ops.sum(found) if lead is None else ops.reshape(found, node.shape[:lead])

    def inside(y: Node) -> Node:
        held = law.support.contains(back(y))
        held = view(ops.ones(outer, "bool") if held is None else held)
        return ops.all(held) if lead is None else ops.reshape(held, node.shape[:lead])

    event = tuple(range(lead or 0, node.ndim))
    support = Members(inside, str(law.support), law.discrete, len(event))
    moved, sources = None, dict.fromkeys(law.sources)
    if law.places is not None:
        moved = law.places.ravel()[chosen]
        sources = {uid: frozenset(moved.ravel().tolist()) for uid in sources}
    return replace(
        law, shape=node.shape, density=density, support=support, event=event, family=None,
        places=moved, sources=sources, alike=lambda axis: False,
        points=tuple(remade(node, 0, ops.broadcast_to(x, law.shape)) for x in law.points),
    )  # fmt: skip


def _numbers_of_vectors(numbers: np.ndarray, each: int) -> tuple[int | None, np.ndarray]:
    """(the count of leading axes that number whole vectors, the numbers of these in order); None
    and all numbers where vectors are mixed along the axes."""
    for lead in range(numbers.ndim, -1, -1):
        rows = numbers.reshape(math.prod(numbers.shape[:lead]), -1)
        if rows.shape[1] == each and (rows == rows[:, :1]).all():
            return lead, rows[:, 0]
    return None, np.unique(numbers)


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
        nearest=through(law.nearest),
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
    if law.event:
        return _vectors(d, node, law)
    are_entries(law)
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


def derive_broadcast(d: Derivation, node: Node) -> Law | None:
    """broadcast_to: entries that are repeated have the density of one of them, where they are
    equal."""
    law = d.law(node.inputs[0])
    new = node.ndim - law.ndim
    repeated = [k for k in range(new) if node.shape[k] != 1]
    repeated += [k + new for k, n in enumerate(law.shape) if n != node.shape[k + new]]
    if not repeated:
        return derive_rearranged_like(law, node)
    if any(isinstance(n, int) and n == 0 for n in node.shape):
        raise NotDerived("it has no entries", node)
    lead = min(repeated)
    event = tuple(range(lead, node.ndim))
    first = tuple(0 if k in repeated else slice(None) for k in range(node.ndim))

    def one(y: Node) -> Node:
        return ops.reshape(y[first], law.shape)

    def density(y: Node) -> Node:
        outer = tuple(n for k, n in enumerate(law.shape) if k not in law.event)
        found = ops.broadcast_to(law.density(one(y)), outer)
        axes = tuple(range(max(lead - new, 0), len(outer)))
        found = ops.reshape(ops.sum(found, axis=axes) if axes else found, node.shape[:lead])
        return ops.where(ops.any(ops.isnan(y), axis=event), math.nan, found)

    def inside(y: Node) -> Node:
        own = one(y)
        same = ops.all(ops.eq(y, ops.broadcast_to(own, node.shape)), axis=event)
        held = law.support.contains(own)
        if held is None:
            return same
        axes = tuple(range(max(lead - new, 0), held.ndim))
        return same & ops.reshape(ops.all(held, axis=axes) if axes else held, node.shape[:lead])

    text = f"a tensor with equal entries, each of them {law.support}"
    return replace(
        law, shape=node.shape, density=density, lower=None, upper=None, quantile=None,
        support=Members(inside, text, law.discrete, len(event)), event=event, family=None,
        places=None, sources=dict.fromkeys(law.sources), free=False, points=(),
        alike=lambda axis: False,
    )  # fmt: skip


def derive_rearranged_like(law: Law, node: Node) -> Law:
    """The law of a tensor with further axes of size 1 in front."""
    if tuple(law.shape) == tuple(node.shape):
        return law
    if law.event:
        raise NotDerived("vectors with a joint density are broadcast", node)
    return _viewed(
        replace(law, places=None), node, lambda y: ops.reshape(y, law.shape),
        lambda x: ops.reshape(x, node.shape),
    )  # fmt: skip
