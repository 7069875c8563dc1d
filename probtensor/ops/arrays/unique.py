"""The distinct elements of a tensor."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.views import one_size
from probtensor.ops.indexing.places import count_true, flat_places
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.reductions.folds import flag
from probtensor.types import Size


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
    """The distinct elements of the flattened tensor, in ascending order, nan last.

    return_index    also the index of the first of each, into the flattened tensor
    return_inverse  also the place of each element among the distinct ones, in the shape of `ar`
    return_counts   also how many there are of each
    equal_nan       whether all nan are one element
    size            how many to give, the first ones; None for all of them, whose number is a size
                    that the values decide
    fill_value      the elements after them where there are fewer than `size`; the smallest element
                    by default (their counts are 0, and the index is that of the smallest)

    Returns a vector of the dtype of `ar`, or a tuple with the others behind it, which are int64.
    Its derivative is that of the first of each.
    Raises GraphError, a TypeError, for an axis, and for a fill value without a size.

        >>> pt.unique([3.0, 1.0, 3.0]).eval()
        array([1., 3.])
        >>> values, counts = pt.unique([3, 1, 3], return_counts=True)
        >>> counts.eval()
        array([1, 2])
    """
    x = as_tensor(ar)
    if axis is not None:
        raise GraphError("unique: axis= is None: rows and columns are not compared")
    if size is None and fill_value is not None:
        raise GraphError("unique: fill_value fills up to size=, which is not given")
    found = _Distinct(x, flag(equal_nan, "unique: equal_nan"), size)
    parts = [found.values(fill_value)]
    if flag(return_index, "unique: return_index"):
        parts.append(found.index())
    if flag(return_inverse, "unique: return_inverse"):
        parts.append(found.inverse())
    if flag(return_counts, "unique: return_counts"):
        parts.append(found.counts())
    return parts[0] if len(parts) == 1 else tuple(parts)


class _Distinct:
    """The distinct elements of a tensor: the first of equal neighbours among its ordered elements.

    starts  their places there, `size` of them if that is no None
    real    of these, which ones there are; None for all
    """

    def __init__(self, x: Node, equal_nan: bool, size: Size | None) -> None:
        flat = ops.ravel(x)
        self.x, self.n = x, flat.shape[0]
        self.size = None if size is None else one_size(size, "unique: size")
        self.order = ops.argsort(flat)
        self.ordered = ops.take(flat, self.order)
        self.first = _firsts(self.ordered, equal_nan)
        self.count = count_true(self.first)
        self.starts = flat_places(self.first, self.size, 0, "unique")
        self.numbers = ops.arange(self.starts.shape[0])
        self.real = None if size is None else ops.lt(self.numbers, self.count)

    def _at_starts(self, ordered: Node) -> Node:
        if self.real is not None:  # so that there is a first element, even in an empty tensor
            ordered = ops.concatenate([ordered, ops.zeros((1,), ordered.dtype)])
        return ops.take(ordered, self.starts)

    def values(self, fill_value: TensorLike | None) -> Node:
        """The elements."""
        found = self._at_starts(self.ordered)
        if fill_value is None:
            return found
        fill = as_tensor_of(fill_value, found.dtype, "unique: fill_value")
        return ops.where(self.real, found, fill)

    def index(self) -> Node:
        """The index of the first of each."""
        return self._at_starts(self.order)

    def inverse(self) -> Node:
        """The place of each element of the tensor among the distinct ones."""
        number = ops.astype(ops.cumsum(ops.astype(self.first, "float64")), "int64") - 1
        blank = ops.zeros((self.n,), "int64")
        return ops.reshape(blank.at[self.order].set(number), self.x.shape)

    def counts(self) -> Node:
        """How many there are of each."""
        if self.size is None:
            ends = ops.concatenate([self.starts, ops.full((1,), self.n, "int64")])
        else:
            ends = flat_places(self.first, self.size + 1, self.n, "unique")
        return ends[1:] - ends[:-1]


def _firsts(ordered: Node, equal_nan: bool) -> Node:
    """For each element of an ordered vector, whether it differs from the one before."""
    numbers = ops.arange(ordered.shape[0])
    before = ops.take(ordered, numbers - 1, mode="clip")
    differs = ops.ne(ordered, before)
    if equal_nan and ordered.type.is_float:
        both = ops.logical_and(ops.isnan(ordered), ops.isnan(before))
        differs = ops.logical_and(differs, ops.logical_not(both))
    return ops.logical_or(ops.eq(numbers, 0), differs)
