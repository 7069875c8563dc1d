"""Sums, products and extremes of the elements of each group."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.sizes import size_of_value
from probtensor.ops.arrays.views import one_size
from probtensor.ops.reductions.folds import described
from probtensor.types import Size


@public
def segment_sum(
    data: TensorLike, segment_ids: TensorLike, num_segments: Size | None = None,
    *, unique_indices: bool = False,
) -> Node:  # fmt: skip
    """The sum of the rows of each group: out[k] is the sum of data[i] where segment_ids[i] == k.

    segment_ids     the group of each entry along the first axis, in any order; those below 0 count
                    from the last one
    num_segments    the number of groups; None for the largest one and those below it, a size that
                    the values decide. Those without entries have 0
    unique_indices  promises that no group has more than one entry

    Returns a tensor of the dtype of `data`, with the groups as its first axis (JAX's function).
    Raises GraphError, a TypeError, for groups that are no vector of integers; IndexError for one
    out of bounds.

        >>> pt.segment_sum([1.0, 2.0, 3.0], [0, 2, 0], 3).eval()
        array([4., 0., 2.])
    """
    x, groups, count = _segments("segment_sum", data, segment_ids, num_segments)
    start = ops.zeros((count, *x.shape[1:]), x.dtype)
    return start.at[groups].add(x, unique_indices=unique_indices)


@public
def segment_prod(
    data: TensorLike, segment_ids: TensorLike, num_segments: Size | None = None
) -> Node:
    """The product of the rows of each group; 1 for one without entries. The arguments are those of
    `segment_sum`.

    Returns a tensor of the dtype of `data`, with the groups as its first axis.
    Raises GraphError, a TypeError, for groups that are no vector of integers; IndexError for one
    out of bounds.

        >>> pt.segment_prod([1.0, 2.0, 3.0], [0, 2, 0], 3).eval()
        array([3., 1., 2.])
    """
    x, groups, count = _segments("segment_prod", data, segment_ids, num_segments)
    return ops.ones((count, *x.shape[1:]), x.dtype).at[groups].multiply(x)


@public
def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: Size | None = None
) -> Node:
    """The largest of the rows of each group; the least value of the dtype (-inf for floats) for one
    without entries. The arguments are those of `segment_sum`.

    Returns a tensor of the dtype of `data`, with the groups as its first axis.
    Raises GraphError, a TypeError, for groups that are no vector of integers; IndexError for one
    out of bounds.

        >>> pt.segment_max([1.0, 2.0, 3.0], [0, 2, 0], 3).eval()
        array([  3., -inf,   2.])
    """
    x, groups, count = _segments("segment_max", data, segment_ids, num_segments)
    least = -np.inf if x.type.is_float else least_of(x.dtype)
    return ops.full((count, *x.shape[1:]), least, x.dtype).at[groups].max(x)


@public
def segment_min(
    data: TensorLike, segment_ids: TensorLike, num_segments: Size | None = None
) -> Node:
    """The smallest of the rows of each group; the greatest value of the dtype (inf for floats) for
    one without entries. The arguments are those of `segment_sum`.

    Returns a tensor of the dtype of `data`, with the groups as its first axis.
    Raises GraphError, a TypeError, for groups that are no vector of integers; IndexError for one
    out of bounds.

        >>> pt.segment_min([1.0, 2.0, 3.0], [0, 2, 0], 3).eval()
        array([ 1., inf,  2.])
    """
    x, groups, count = _segments("segment_min", data, segment_ids, num_segments)
    greatest = np.inf if x.type.is_float else greatest_of(x.dtype)
    return ops.full((count, *x.shape[1:]), greatest, x.dtype).at[groups].min(x)


def least_of(dtype: str) -> int | bool:
    """The least value of a dtype of integers or bools."""
    return False if dtype == "bool" else int(np.iinfo(dtype).min)


def greatest_of(dtype: str) -> int | bool:
    """The greatest value of a dtype of integers or bools."""
    return True if dtype == "bool" else int(np.iinfo(dtype).max)


def _segments(
    what: str, data: TensorLike, segment_ids: TensorLike, num_segments: Size | None
) -> tuple[Node, Node, Size]:
    """Data, groups and their number."""
    x, groups = as_tensor(data), as_tensor(segment_ids)
    if not x.ndim or groups.ndim != 1 or groups.type.is_float or groups.dtype == "bool":
        raise GraphError(
            f"{what}: the groups are a vector of integers, one for each entry along the first axis "
            f"of the data, not {groups.type} for {x.type}{described(groups)}"
        )
    n, m = x.shape[0], groups.shape[0]
    if n != m and isinstance(n, int) and (isinstance(m, int) or n == 1):
        raise GraphError(f"{what}: {n} entries and groups of {m}{described(x)}")
    if num_segments is not None:
        return x, groups, one_size(num_segments, f"{what}: the number of groups")
    # Of no entries the largest group is -1.
    ids = ops.concatenate([ops.astype(groups, "int64"), ops.full((1,), -1, "int64")])
    return x, groups, size_of_value(ops.max(ids) + 1)
