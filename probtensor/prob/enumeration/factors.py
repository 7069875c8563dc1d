"""Factors: terms of a log density as tables over the values of the discrete variables in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, as_tensor
from probtensor.graph.walk import toposort
from probtensor.ops.arrays.require import Require
from probtensor.prob.enumeration.choices import choices_last
from probtensor.prob.enumeration.lean import Enumerated, times
from probtensor.prob.enumeration.parts import Range, part_of, with_parts
from probtensor.prob.enumeration.places import (
    ARITHMETIC,
    Access,
    Axis,
    Computed,
    Fixed,
    Look,
    Place,
    axes_in,
    is_known,
    rewritten,
)
from probtensor.prob.enumeration.reads import Reads, depending_on
from probtensor.types import Shape, Size

# Views whose elements are all elements of the first input.
VIEWS = (
    ops.Slice, ops.Transpose, ops.ExpandDims, ops.DropAxes, ops.BroadcastTo, ops.Reshape,
    ops.Gather, Require,
)  # fmt: skip
MAX_PIECES = 64  # into which a term is cut, where its elements depend on different variables


@dataclass(frozen=True, eq=False)
class Discrete:
    """A discrete variable that is summed out: `value`, an int64 tensor, stands for it in graphs;
    its entries take `count` values from `low` on."""

    name: str
    value: Node
    count: int
    low: int
    line: str = ""

    @property
    def shape(self) -> Shape:
        return self.value.shape

    def values(self, rank: int, axis: int | None, ndim: int) -> Node:
        """The table of the values: along `axis` of `rank` axes of an enumeration; the least one if
        that is None. It has `ndim` further axes of size 1."""
        ones = (1,) * ndim
        if axis is None:
            return ops.reshape(as_tensor(self.low), ((1,) * rank) + ones)
        front = [self.count if j == axis else 1 for j in range(rank)]
        found = ops.reshape(ops.arange(self.count), (*front, *ones))
        return found + self.low if self.low else found


# What a term comes from, and its name: "likelihood", "prior" of a free variable, "potential", or
# the distribution of a discrete variable that is summed out.
Source = tuple[str, str]
DISCRETE = "discrete"
Entry = tuple[Discrete, Access]  # a variable, and which entry of it an element reads


@dataclass(frozen=True, eq=False)
class Factor:
    """A part of the log density: one number for each element of a tensor of shape `shape`, and for
    all values of the variables that it depends on.

    table    axes for the values of the entries in `scope`, in that order, then those of the shape;
             an axis along which it does not change has size 1
    sources  what it comes from
    is_mask  a table of bools: where one is false, the density is zero
    """

    table: Node
    scope: tuple[Entry, ...]
    shape: Shape
    sources: frozenset[Source] = frozenset()
    is_mask: bool = False

    @property
    def variables(self) -> list[Discrete]:
        return list(dict.fromkeys(v for v, _ in self.scope))

    def accesses(self, variable: Discrete) -> list[Access]:
        return [access for v, access in self.scope if v is variable]


class NotLocal(Exception):
    """Elements of a term depend on several entries of these variables, or it is not known on which;
    `axes` are those along which they do."""

    def __init__(self, found: Sequence[tuple[Discrete, int]]) -> None:
        super().__init__()
        self.found = list(found)


def factors_of(
    term: Node, variables: Sequence[Discrete], sources: frozenset[Source], is_mask: bool = False
) -> list[Factor]:
    """A term as factors: one, or one for each piece of it whose elements depend on other variables.
    NotLocal where no table is made of it."""
    placeholders = [v.value for v in variables]
    inside = depending_on([term], placeholders)
    if any(v.count > 2 for v in variables if v.value in inside):
        term = choices_last(term, inside)
    term = with_parts(term, depending_on([term], placeholders))
    reads = Reads(term, placeholders)
    for axis, places in reads.breaks.items():
        n = term.shape[axis]
        if isinstance(n, int) and len(places) < MAX_PIECES:
            found = []
            edges = [0, *sorted(places), n]
            for start, stop in pairwise(edges):
                piece = part_of(term, axis, Range(start, stop - start))
                found += factors_of(piece, variables, sources, is_mask)
            return found
    return [_factor(term, variables, reads, sources, is_mask)]


def _factor(
    term: Node,
    variables: Sequence[Discrete],
    reads: Reads,
    sources: frozenset[Source],
    is_mask: bool,
) -> Factor:
    placeholders = {v.value: v for v in variables}
    frontier = frontier_of(term, placeholders)
    at = Reads(term, list(frontier))
    scope: list[Entry] = []
    place_of: dict[Node, list[int]] = {}
    trouble: list[tuple[Discrete, int]] = []
    for node, own in frontier.items():
        variable = placeholders[own]
        for access in at.found[node]:
            for entry in _through(node, own, access):
                if not is_known(entry):
                    axes = [k for k, p in enumerate(entry) if not is_known((p,))]
                    trouble += [(variable, k) for k in axes]
                if (variable, entry) not in scope:
                    scope.append((variable, entry))
                place_of.setdefault(node, []).append(scope.index((variable, entry)))
    trouble += _ambiguous(place_of, scope)
    if trouble:
        raise NotLocal(list(dict.fromkeys(trouble)))
    sizes = [v.count for v, _ in scope]
    given, plain = {}, {}
    for node, own in frontier.items():
        # A view has the same values; what no element depends on has any.
        axis = place_of[node][0] if node in place_of else None
        given[node] = placeholders[own].values(len(sizes), axis, node.ndim)
        if axis is not None:
            plain[node] = axis, placeholders[own].low
    table = Enumerated(sizes, given, plain).table(term)
    return Factor(table, tuple(scope), term.shape, sources, is_mask)


def _ambiguous(
    place_of: dict[Node, list[int]], scope: Sequence[Entry]
) -> list[tuple[Discrete, int]]:
    """The axes of variables along which one view of them is read at several places."""
    found = []
    for places in place_of.values():
        first = scope[places[0]]
        for k in places[1:]:
            pairs = enumerate(zip(first[1], scope[k][1], strict=True))
            found += [(first[0], axis) for axis, (a, b) in pairs if a != b]
    return found


def frontier_of(term: Node, placeholders: Sequence[Node]) -> dict[Node, Node]:
    """The largest views of placeholders alone: {view: placeholder}."""
    order = toposort([term])
    views: dict[Node, Node] = {x: x for x in order if x in placeholders}
    inside = depending_on([term], placeholders)
    for node in order:
        if not isinstance(node.op, VIEWS) or node.inputs[0] not in views:
            continue
        if not any(x in inside for x in node.inputs[1:]):
            views[node] = views[node.inputs[0]]
    used: dict[Node, Node] = {term: term} if term in views else {}
    for node in order:
        if node not in views:
            used |= {x: x for x in node.inputs if x in views}
    return {node: views[node] for node in used}


def _through(view: Node, placeholder: Node, access: Access) -> list[Access]:
    """The entries of a placeholder that the element of a view of it reads."""
    if view is placeholder:
        return [access]
    found = []
    for inner in Reads(view, [placeholder]).found[placeholder]:

        def change(place: Place) -> Place | None:
            if not isinstance(place, Axis):
                return None
            return access[place.axis] + place.offset

        found.append(tuple(rewritten(place, change) for place in inner))
    return found


# Factors of the entries of one variable.


def to_cells(factor: Factor, access: Access, shape: Shape) -> Node:
    """A factor as a table over the entries that an access names: the sum of the elements that read
    each entry. The axes of the scope stay in front."""
    rank, used = len(factor.scope), axes_in(access)
    dropped = [k for k in range(len(factor.shape)) if k not in used]
    table = _folded(factor, dropped)
    kept = [k for k in range(len(factor.shape)) if k in used]
    parts = _intervals(factor, access, shape)
    if parts is not None:
        return _padded(table, parts, factor, kept)
    sizes = {k: factor.shape[k] for k in kept}
    full = ops.broadcast_to(table, (*table.shape[:rank], *sizes.values()))
    indices = [index_array(place, kept, sizes) for place in access]
    # Rows of values are added to, which is quicker than as many additions for each value.
    order = (*range(rank, full.ndim), *range(rank))
    zeros = ops.zeros((*shape, *full.shape[:rank]), full.dtype)
    found = zeros.at[tuple(indices)].add(ops.transpose(full, order))
    back = (*range(len(shape), found.ndim), *range(len(shape)))
    return ops.transpose(found, back)


# For each axis of entries the axis of the elements that it is, if any, and the numbers of entries
# before and after those that elements read.
Intervals = list[tuple[int | None, Size, Size]]


def _intervals(factor: Factor, access: Access, shape: Shape) -> Intervals | None:
    """The entries that are read, where these are an interval along each axis, each entry read by
    one element."""
    found: Intervals = []
    for place, n in zip(access, shape, strict=True):
        if n == 1 and not axes_in((place,)):
            found.append((None, 0, 0))
        elif isinstance(place, Axis):
            found.append((place.axis, place.offset, n - place.offset - factor.shape[place.axis]))
        elif isinstance(place, Fixed) and isinstance(place.value, int):
            found.append((None, place.value, n - 1 - place.value))
        else:
            return None
    axes = [k for k, _, _ in found if k is not None]
    rest = [after for k, _, after in found if k is not None]
    ends = [m for _, before, after in found for m in (before, after) if isinstance(m, int)]
    known = all(isinstance(m, int) for m in rest) and all(m >= 0 for m in ends)
    return found if known and len(set(axes)) == len(axes) else None


def _padded(table: Node, parts: Intervals, factor: Factor, kept: Sequence[int]) -> Node:
    """A table over some entries as one over all, 0 for the others."""
    rank = len(factor.scope)
    table = ops.transpose(
        table, (*range(rank), *(rank + kept.index(k) for k, _, _ in parts if k is not None))
    )
    new = tuple(rank + a for a, (k, _, _) in enumerate(parts) if k is None)
    table = ops.expand_dims(table, new) if new else table
    for a, (k, *ends) in enumerate(parts):
        if all(isinstance(m, int) and m == 0 for m in ends):
            continue
        size = 1 if k is None else factor.shape[k]
        own = [size if j == rank + a else n for j, n in enumerate(table.shape)]
        pads = [ops.zeros(tuple(m if j == rank + a else n for j, n in enumerate(own)), table.dtype)
                for m in ends]  # fmt: skip
        whole = [pads[0], ops.broadcast_to(table, tuple(own)), pads[1]]
        table = ops.concatenate([x for x in whole if x.shape[rank + a] != 0], axis=rank + a)
    return table


def _folded(factor: Factor, axes: Sequence[int]) -> Node:
    """The table summed over axes of the elements. For a mask it has the number of elements for
    which it is false."""
    table, rank = factor.table, len(factor.scope)
    if factor.is_mask:
        table = ops.astype(ops.logical_not(table), "float64")
    shape = [factor.shape[k] for k in axes]
    same = [n for k, n in zip(axes, shape, strict=True) if table.shape[rank + k] == 1 and n != 1]
    if any(isinstance(n, int) and n == 0 for n in same):
        return ops.sum(
            ops.broadcast_to(table, (*table.shape[:rank], *factor.shape)),
            tuple(rank + k for k in axes),
        )
    table = ops.sum(table, tuple(rank + k for k in axes)) if axes else table
    return times(table, same)


def direct_axes(factor: Factor, access: Access, shape: Shape) -> dict[int, int]:
    """{axis of the elements: axis of the entries} where these are the same."""
    found: dict[int, int] = {}
    often: list[int] = []
    for place in access:
        often += axes_in((place,))
    for a, place in enumerate(access):
        if not isinstance(place, Axis) or place.offset != 0 or often.count(place.axis) > 1:
            continue
        if factor.shape[place.axis] == shape[a]:
            found[place.axis] = a
    return found


def index_array(place: Place, kept: Sequence[int], sizes: dict[int, Size]) -> Node:
    """A place as an integer tensor over some axes of the elements."""
    if isinstance(place, Fixed):
        return as_tensor(place.value)
    if isinstance(place, Axis):
        n = sizes[place.axis]
        shape = [n if k == place.axis else 1 for k in kept]
        return ops.reshape(ops.arange(n), tuple(shape)) + place.offset
    if isinstance(place, Computed):
        parts = [index_array(p, kept, sizes) for p in (place.left, place.right)]
        return ARITHMETIC[place.symbol](*parts)
    indices = tuple(index_array(p, kept, sizes) for p in place.at)
    return place.node[indices] if indices else place.node


def access_in_cells(
    entry: Entry, factor: Factor, access: Access, shape: Shape, direct: dict[int, int]
) -> Access | None:
    """An access of another variable in terms of the entries that `access` names; None if it is no
    function of these."""
    variable, own = entry

    def change(place: Place) -> Place | None:
        if isinstance(place, Axis):
            return Axis(direct[place.axis], place.offset) if place.axis in direct else None
        if isinstance(place, (Look, Computed)):
            for a, other in enumerate(access):
                if other == place:
                    return Axis(a)
        return None

    found = []
    for place, n in zip(own, variable.shape, strict=True):
        new = rewritten(place, change)
        is_entry = isinstance(new, Axis) and not isinstance(place, Axis)
        if new is None or (is_entry and shape[new.axis] != n):
            return None
        found.append(new)
    return tuple(found)
