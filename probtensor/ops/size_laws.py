"""Checks that the size laws of several kinds of op share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from probtensor.graph.law import named_axis
from probtensor.graph.node import Node
from probtensor.types import Shape, Size, SizeCheck, size_min, size_product

# Functions are compiled again for such sizes; what is no call, as a posterior, is not.
_HINT = " (an axis broadcasts if it has size 1; in posteriors and exports by shape=(1,))"


def equal(a: Size, b: Size, why: str = "", relation: str = "==") -> SizeCheck:
    """The check that two sizes are equal, or that one broadcasts."""
    text = f" do not fit together{why}"
    return SizeCheck(a, relation, b, ("sizes ", a, " and ", b, text))


def aligned(shapes: Sequence[Shape]) -> Iterable[SizeCheck]:
    """The checks of broadcasting: for each axis, all sizes other than 1 are equal."""
    first: Shape = ()
    for shape in shapes:
        if shape:
            if first and shape != first:
                return _aligned(shapes)
            first = shape
    return ()


def _aligned(shapes: Sequence[Shape]) -> Iterator[SizeCheck]:
    for axis in range(1, max(map(len, shapes), default=0) + 1):
        sizes = dict.fromkeys(s[-axis] for s in shapes if len(s) >= axis and s[-axis] != 1)
        for one, other in combinations(sizes, 2):
            yield equal(one, other, _HINT, "broadcasts with")


def repeated_to(shape: Shape, target: Shape, what: str, into: str) -> Iterator[SizeCheck]:
    """The checks that `shape` broadcasts to `target`."""
    for n, m in zip(shape[::-1], target[::-1]):
        if n != 1:
            yield SizeCheck(n, "broadcasts to", m, (f"{what} ", shape, f" {into} ", target))


def folds_something(node: Node, axes: Sequence[int]) -> SizeCheck:
    """The check that `axes` of the operand are not empty, for a reduction without an identity."""
    folded = size_product(node.inputs[0].type.shape[axis] for axis in axes)
    return SizeCheck(1, "<=", folded, (f"an empty axis has no {node.op.name}",))


def indices_exist(indices: Node, source: Node, axis: int) -> SizeCheck:
    """The check that an axis is not empty if there are any indices into it."""
    text = f"an index into {named_axis(source, axis)}, which is empty"
    one_if_any = size_min(indices.type.size, 1)
    return SizeCheck(one_if_any, "<=", source.type.shape[axis], (text,), IndexError)
