"""The distinct elements of a tensor, or its distinct rows."""

from __future__ import annotations

from typing import NamedTuple

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.views import one_size
from probtensor.ops.indexing.places import count_true, flat_places
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.ordering.sorting import row_order
from probtensor.ops.reductions.folds import flag, one_axis
from probtensor.types import Size, size_product


class UniqueAllResult(NamedTuple):
    """The result of `unique_all`."""

    values: Node
    indices: Node
    inverse_indices: Node
    counts: Node


class UniqueCountsResult(NamedTuple):
    """The result of `unique_counts`."""

    values: Node
    counts: Node


class UniqueInverseResult(NamedTuple):
    """The result of `unique_inverse`."""

    values: Node
    inverse_indices: Node


@public(lacks=("sorted",))
def unique(
    ar: TensorLike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    size: Size | None = None,
    fill_value: TensorLike | None = None,
    sorted: bool = True,
) -> Node | tuple[Node, ...]:
    """The distinct elements of the flattened tensor, in ascending order, nan last; with an axis the
    distinct entries along it, such as rows, ordered by their first elements first.

    return_index    also the index of the first of each, into the flattened tensor or the axis
    return_inverse  also the place of each element among the distinct ones, in the shape of `ar`; of
                    each entry, a vector
    return_counts   also how many there are of each
    equal_nan       whether all nan are one element; entries with nan are distinct, as in NumPy
    size            how many to give, the first ones; None for all of them, whose number is a size
                    that the values decide
    fill_value      the elements after them where there are fewer than `size`; the smallest element
                    by default (their counts are 0, and the index is that of the smallest)

    Returns a vector of the dtype of `ar` (with an axis, a tensor), or a tuple with the others
    behind it, which are int64. Its derivative is that of the first of each.
    Raises GraphError, a TypeError, for an axis that `ar` has not, and for a fill value without a
    size.

        >>> pt.unique([3.0, 1.0, 3.0]).eval()
        array([1., 3.])
        >>> values, counts = pt.unique([3, 1, 3], return_counts=True)
        >>> counts.eval()
        array([1, 2])
    """
    x = as_tensor(ar)
    if size is None and fill_value is not None:
        raise GraphError("unique: fill_value fills up to size=, which is not given")
    index = flag(return_index, "unique: return_index")
    inverse = flag(return_inverse, "unique: return_inverse")
    equal_nan = flag(equal_nan, "unique: equal_nan")
    position = None if axis is None else one_axis(axis, x, "unique")
    if position is None or x.ndim == 1:
        found = Distinct(x, size, equal_nan, with_order=index or inverse)
    else:
        found = DistinctRows(x, size, position)
    parts = [found.values(fill_value)]
    if index:
        parts.append(found.index())
    if inverse:
        parts.append(found.inverse())
    if flag(return_counts, "unique: return_counts"):
        parts.append(found.counts())
    return parts[0] if len(parts) == 1 else tuple(parts)


@public
def unique_all(x: TensorLike) -> UniqueAllResult:
    """The distinct elements of the flattened tensor in ascending order, the index of the first of
    each, the place of each element among them in the shape of `x`, and how many there are of each.
    Each nan is an element of its own.

    Returns a named tuple (values, indices, inverse_indices, counts), all int64 but the values.

        >>> found = pt.unique_all([3.0, 1.0, 3.0])
        >>> found.values.eval(), found.indices.eval(), found.inverse_indices.eval()
        (array([1., 3.]), array([1, 0]), array([1, 0, 1]))
    """
    return UniqueAllResult(*unique(x, True, True, True, equal_nan=False))


@public
def unique_counts(x: TensorLike) -> UniqueCountsResult:
    """The distinct elements of the flattened tensor in ascending order, and how many there are of
    each. Each nan is an element of its own.

    Returns a named tuple (values, counts), the counts int64.

        >>> pt.unique_counts([3.0, 1.0, 3.0]).counts.eval()
        array([1, 2])
    """
    return UniqueCountsResult(*unique(x, return_counts=True, equal_nan=False))


@public
def unique_inverse(x: TensorLike) -> UniqueInverseResult:
    """The distinct elements of the flattened tensor in ascending order, and the place of each
    element among them, in the shape of `x`. Each nan is an element of its own.

    Returns a named tuple (values, inverse_indices), the places int64.

        >>> pt.unique_inverse([3.0, 1.0, 3.0]).inverse_indices.eval()
        array([1, 0, 1])
    """
    return UniqueInverseResult(*unique(x, return_inverse=True, equal_nan=False))


@public
def unique_values(x: TensorLike) -> Node:
    """The distinct elements of the flattened tensor, in ascending order; each nan is an element of
    its own.

    Returns a vector of the dtype of `x`. Its derivative is that of the first of each.

        >>> pt.unique_values([3.0, 1.0, 3.0]).eval()
        array([1., 3.])
    """
    return unique(x, equal_nan=False)


class Distinct:
    """The distinct elements of a tensor: the first of equal neighbours among its ordered elements.

    shape    that of the places of its elements
    order    where the ordered elements were; None if it is not asked for
    first    whether each of these is the first of its kind
    starts   the places of the first ones there, `size` of them if that is no None
    real     of these, which ones there are; None for all
    """

    def __init__(self, x: Node, size: Size | None, equal_nan: bool, with_order: bool) -> None:
        flat = ops.ravel(x)
        self.shape, self.n = x.shape, flat.shape[0]
        self.order = ops.argsort(flat) if with_order else None
        self.ordered = ops.take(flat, self.order) if with_order else ops.sort(flat)
        self._find(_firsts(self.ordered, equal_nan), size)

    def _find(self, first: Node, size: Size | None) -> None:
        self.size = None if size is None else one_size(size, "unique: size")
        self.first, self.count = first, count_true(first)
        self.starts = flat_places(first, self.size, 0, "unique")
        self.numbers = ops.arange(self.starts.shape[0])
        self.real = None if size is None else ops.lt(self.numbers, self.count)

    def _at_starts(self, ordered: Node) -> Node:
        if self.real is not None:  # so that there is a first element, even in an empty tensor
            one = (1, *ordered.shape[1:])
            ordered = ops.concatenate([ordered, ops.zeros(one, ordered.dtype)])
        return ops.take(ordered, self.starts, 0)

    def values(self, fill_value: TensorLike | None) -> Node:
        """The elements."""
        found = self._at_starts(self.ordered)
        if fill_value is None:
            return found
        fill = as_tensor_of(fill_value, found.dtype, "unique: fill_value")
        rest = tuple(range(1, found.ndim))
        return ops.where(ops.expand_dims(self.real, rest) if rest else self.real, found, fill)

    def index(self) -> Node:
        """The index of the first of each."""
        return self._at_starts(self.order)

    def inverse(self) -> Node:
        """The place of each element of the tensor among the distinct ones."""
        blank = ops.zeros((self.n,), "int64")
        return ops.reshape(blank.at[self.order].set(ops.cumsum(self.first) - 1), self.shape)

    def counts(self) -> Node:
        """How many there are of each."""
        if self.size is None:
            ends = ops.concatenate([self.starts, ops.full((1,), self.n, "int64")])
        else:
            ends = flat_places(self.first, self.size + 1, self.n, "unique")
        return ends[1:] - ends[:-1]


class DistinctRows(Distinct):
    """The distinct entries along an axis, which are rows of a matrix here."""

    def __init__(self, x: Node, size: Size | None, axis: int) -> None:
        self.axis = axis
        rows = ops.moveaxis(x, axis, 0)
        self.n = rows.shape[0]
        self.shape, self.entry = (self.n,), rows.shape[1:]
        flat = ops.reshape(rows, (self.n, size_product(self.entry)))
        self.order = row_order(flat)
        self.ordered = ops.take(flat, self.order, 0)
        numbers = ops.arange(self.n)
        before = ops.take(self.ordered, numbers - 1, 0, mode="clip")
        differs = ops.any(ops.ne(self.ordered, before), 1)
        self._find(ops.logical_or(ops.eq(numbers, 0), differs), size)

    def values(self, fill_value: TensorLike | None) -> Node:
        """The entries."""
        found = super().values(fill_value)
        return ops.moveaxis(ops.reshape(found, (found.shape[0], *self.entry)), 0, self.axis)


def _firsts(ordered: Node, equal_nan: bool) -> Node:
    """For each element of an ordered vector, whether it differs from the one before."""
    numbers = ops.arange(ordered.shape[0])
    before = ops.take(ordered, numbers - 1, mode="clip")
    differs = ops.ne(ordered, before)
    if equal_nan and ordered.type.is_float:
        both = ops.logical_and(ops.isnan(ordered), ops.isnan(before))
        differs = ops.logical_and(differs, ops.logical_not(both))
    return ops.logical_or(ops.eq(numbers, 0), differs)
