"""Sets as ordered vectors of distinct elements."""

from __future__ import annotations

from typing import Any

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.ordering.searching import searched
from probtensor.ops.reductions.folds import flag
from probtensor.types import Size, promote

FEW = 16  # elements that are compared one by one


@public
def isin(
    element: TensorLike,
    test_elements: TensorLike,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: str | None = None,
) -> Node:
    """For each element, whether it is one of the test elements; with `invert`, whether it is none.
    A nan is none.

    `assume_unique` and `kind` ("sort", "table") change nothing but the speed in NumPy; here the
    test elements are sorted, or compared one by one where they are few.

    Returns a tensor of bools of the shape of `element`.
    Raises GraphError, a TypeError, for another kind.

        >>> pt.isin([1, 2, 3], [3, 1]).eval()
        array([ True, False,  True])
    """
    return _is_in("isin", element, test_elements, assume_unique, invert, kind)


def _is_in(what: str, element: Any, tested: Any, unique: Any, invert: Any, kind: Any) -> Node:
    flag(unique, f"{what}: assume_unique")
    if kind not in (None, "sort", "table"):
        raise GraphError(f"{what}: kind is None, 'sort' or 'table', not {kind!r:.60}")
    x, among = as_tensor(element), ops.ravel(as_tensor(tested))
    n, joint = among.shape[0], promote(x.dtype, among.dtype)
    x, among = ops.astype(x, joint), ops.astype(among, joint)
    if isinstance(n, int) and n <= FEW:
        found = ops.any(ops.eq(ops.expand_dims(x, -1), among), -1)
    else:
        last = as_tensor(n) - 1
        ordered = ops.sort(among)
        places = searched(ordered, x, "left")
        # With one more, there is an element to compare with.
        padded = ops.concatenate([ordered, ops.zeros((1,), joint)])
        same = ops.eq(ops.take(padded, places), x)
        found = ops.logical_and(same, ops.le(places, last))
    return ops.logical_not(found) if flag(invert, f"{what}: invert") else found


@public
def in1d(
    ar1: TensorLike,
    ar2: TensorLike,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: str | None = None,
) -> Node:
    """`isin` of the flattened `ar1`.

    Returns a vector of bools.
    Raises what `isin` raises.

        >>> pt.in1d([[1, 2], [3, 4]], [3, 1]).eval()
        array([ True, False,  True, False])
    """
    return _is_in("in1d", ops.ravel(as_tensor(ar1)), ar2, assume_unique, invert, kind)


def _distinct(x: TensorLike, assumed: bool) -> Node:
    flat = ops.ravel(as_tensor(x))
    return flat if assumed else ops.unique(flat)


@public
def union1d(
    ar1: TensorLike,
    ar2: TensorLike,
    *,
    size: Size | None = None,
    fill_value: TensorLike | None = None,
) -> Node:
    """The distinct elements of two tensors together, in ascending order, nan last. `size` and
    `fill_value` are those of `unique`.

    Returns a vector of the dtype that they promote to.
    Raises GraphError, a TypeError, for a fill value without a size.

        >>> pt.union1d([3, 1], [2, 3]).eval()
        array([1, 2, 3])
    """
    both = ops.concatenate([ops.ravel(as_tensor(ar1)), ops.ravel(as_tensor(ar2))])
    return ops.unique(both, size=size, fill_value=fill_value)


@public
def intersect1d(
    ar1: TensorLike,
    ar2: TensorLike,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: Size | None = None,
    fill_value: TensorLike = 0,
) -> Node | tuple[Node, Node, Node]:
    """The distinct elements that both tensors have, in ascending order.

    assume_unique   whether each tensor is known to have no element twice
    return_indices  also the index of the first of each in both flattened tensors
    size            how many to give, followed by `fill_value`; None for all of them

    Returns a vector of the dtype that they promote to, or a tuple with two int64 vectors behind it.
    Raises GraphError, a TypeError, for flags that are none.

        >>> pt.intersect1d([3, 1, 4], [4, 3]).eval()
        array([3, 4])
    """
    unique = flag(assume_unique, "intersect1d: assume_unique")
    flats = [ops.ravel(as_tensor(x)) for x in (ar1, ar2)]
    if not flag(return_indices, "intersect1d: return_indices"):
        both = ops.sort(ops.concatenate([_distinct(x, unique) for x in flats]))
        twice = ops.eq(both[1:], both[:-1])
        return ops.compress(twice, both[:-1], size=size, fill_value=fill_value)
    firsts = [ops.arange(x.shape[0]) for x in flats]
    if not unique:
        flats, firsts = zip(*(ops.unique(x, return_index=True) for x in flats), strict=True)
    joint = ops.concatenate(flats)
    order = ops.argsort(joint)
    both = ops.take(joint, order)
    twice = ops.eq(both[1:], both[:-1])
    values = ops.compress(twice, both[:-1], size=size, fill_value=fill_value)
    places = ops.take(ops.concatenate(firsts), order)  # of equal elements that of ar1 comes first
    pair = (ops.compress(twice, p, size=size) for p in (places[:-1], places[1:]))
    return values, *pair


@public
def setdiff1d(
    ar1: TensorLike,
    ar2: TensorLike,
    assume_unique: bool = False,
    *,
    size: Size | None = None,
    fill_value: TensorLike = 0,
) -> Node:
    """The distinct elements of `ar1` that `ar2` has not, in ascending order (in their order in
    `ar1` with `assume_unique`). `size` and `fill_value` are those of `compress`.

    Returns a vector of the dtype of `ar1`.
    Raises GraphError, a TypeError, for a flag that is none.

        >>> pt.setdiff1d([3, 1, 4, 1], [4]).eval()
        array([1, 3])
    """
    own = _distinct(ar1, flag(assume_unique, "setdiff1d: assume_unique"))
    left = _is_in("setdiff1d", own, ar2, False, True, None)
    return ops.compress(left, own, size=size, fill_value=fill_value)


@public
def setxor1d(
    ar1: TensorLike,
    ar2: TensorLike,
    assume_unique: bool = False,
    *,
    size: Size | None = None,
    fill_value: TensorLike = 0,
) -> Node:
    """The distinct elements that just one of two tensors has, in ascending order. `size` and
    `fill_value` are those of `compress`.

    Returns a vector of the dtype that they promote to.
    Raises GraphError, a TypeError, for a flag that is none.

        >>> pt.setxor1d([3, 1], [2, 3]).eval()
        array([1, 2])
    """
    unique = flag(assume_unique, "setxor1d: assume_unique")
    both = ops.sort(ops.concatenate([_distinct(x, unique) for x in (ar1, ar2)]))
    numbers, last = ops.arange(both.shape[0]), as_tensor(both.shape[0]) - 1
    sooner, later = (ops.take(both, numbers + step, mode="clip") for step in (-1, 1))
    starts = ops.logical_or(ops.eq(numbers, 0), ops.ne(both, sooner))
    ends = ops.logical_or(ops.eq(numbers, last), ops.ne(both, later))
    return ops.compress(ops.logical_and(starts, ends), both, size=size, fill_value=fill_value)
