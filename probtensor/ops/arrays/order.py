"""Sorting along an axis: sorted elements and their original indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.graph.parts import parts
from probtensor.ops.kinds import Core, method, op
from probtensor.ops.reductions.folds import flag, one_axis
from probtensor.ops.samples import Sample, arrays

KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")


class Sorting(Core):
    """A vector in ascending order, nan last, and the original indices of its elements, int64; the
    sort is stable."""

    core = "(n)->(n),(n)"

    def workspace(self, sizes):
        return sizes["n"]

    def numpy(self, x):
        order = np.argsort(x, axis=-1, kind="stable")
        return np.take_along_axis(x, order, -1), order

    def vjp(self, g, out, x):
        taken = ops.take_along_axis(x, out[1], -1)
        return taken.op.vjp(g[0], taken, *taken.inputs)[:1]


@op
class Sort(Sorting):
    """A vector of floats in ascending order, nan last, and the original indices of its elements,
    int64; the sort is stable. The vjp scatters the cotangent to those indices."""

    routine = "pt_sort"
    gives = ("float64", "int64")
    samples = (
        *arrays(lambda rng: rng.permutation(7) + rng.uniform(0, 0.5, 7)),
        *arrays(lambda rng: rng.normal(size=(2, 3, 5))),
        Sample(lambda rng: (np.array([[0.0, np.nan, -np.inf, -0.0, 1, np.nan, np.inf, 1]]),),
               smooth=False),
        Sample(lambda rng: (np.zeros((2, 0)),), smooth=False),
    )  # fmt: skip


@op
class SortIntegers(Sorting):
    """A vector of int64 in ascending order, and the original indices of its elements; the sort is
    stable."""

    routine = "pt_sort_int64"
    takes, gives = ("int64",), ("int64", "int64")
    differentiable = False
    samples = arrays(lambda rng: rng.integers(-9, 9, (3, 20)), smooth=False)


def _sorted(x: Node) -> tuple[Node, Node]:
    """The elements along the last axis in ascending order, and their original indices."""
    if x.type.is_float:
        values, order = parts(Sort()(ops.astype(x, "float64")))
    elif x.dtype == "uint64":  # as the int64 of the same bits, the first one flipped
        top = ops.constant(np.uint64(2**63))
        _, order = parts(SortIntegers()(ops.astype(ops.bitwise_xor(x, top), "int64")))
        values = ops.take_along_axis(x, order, -1)
    else:
        values, order = parts(SortIntegers()(ops.astype(x, "int64")))
    return ops.astype(values, x.dtype), order


def _along(
    what: str, a: Any, axis: int | None, kind: Any, order: Any, stable: Any, part: int
) -> Node:
    """A part of `_sorted` along an axis."""
    x = as_tensor(a)
    if kind not in KINDS:
        raise GraphError(f"{what}: kind is one of {', '.join(map(repr, KINDS))}, not {kind!r:.60}")
    if order is not None:
        raise GraphError(f"{what}: order= names fields of records, and tensors have none")
    if stable is not None:
        flag(stable, f"{what}: stable")
        if kind is not None:
            raise GraphError(f"{what}: give kind= or stable=, not both")
    if axis is None:
        x, axis = ops.ravel(x), 0
    position = one_axis(axis, x, what)
    return ops.moveaxis(_sorted(ops.moveaxis(x, position, -1))[part], -1, position)


@public
def sort(
    a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: Any = None
) -> Node:
    """The elements along an axis (of `a` flattened if None) in ascending order, nan last; in the
    shape and dtype of `a`.

    The derivative is that of the permutation. Every `kind` is stable here.

    Returns a tensor of the shape and dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not, several axes, or an order of
    fields.

        >>> pt.sort([3.0, 1.0, 2.0]).eval()
        array([1., 2., 3.])
    """
    return _along("sort", a, axis, kind, order, stable, 0)


@method
@public
def argsort(
    a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: Any = None
) -> Node:
    """The indices that sort `a`: int64 in the shape of `a`; the sort is stable.

    Arguments are those of `sort`.

    Returns an int64 tensor of the shape of `a`.
    Raises what `sort` raises.

        >>> pt.argsort([3.0, 1.0, 2.0]).eval()
        array([1, 2, 0])
    """
    return _along("argsort", a, axis, kind, order, stable, 1)
