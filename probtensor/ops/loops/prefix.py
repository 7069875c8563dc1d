"""Prefix sums of any associative function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, as_tensor, line_of
from probtensor.graph.symbolic import refusal
from probtensor.ops.indexing.slicing import narrow
from probtensor.ops.loops.structured import scan
from probtensor.ops.loops.trees import Tree, filled, leaves, structure
from probtensor.ops.reductions.folds import one_integer

WHAT = "loop.associative_scan"
Combine = Callable[[Sequence[Node], Sequence[Node]], list[Node]]


@public(name="loop.associative_scan")
def associative_scan(
    fn: Callable[[Tree, Tree], Tree], elems: Tree, reverse: bool = False, axis: int = 0
) -> Tree:
    """`y[0] = x[0], y[i] = fn(y[i - 1], x[i])` along an axis, for an associative `fn`.

    fn       `fn(a, b)` of two structures like `elems`, which joins many pairs at once: its tensors
             have the pairs along `axis`, so a product of matrices is `a @ b`
    elems    a tensor, or tuples, lists and dicts of them, all of one size along `axis`
    reverse  from the last element to the first: y[i] = fn(y[i + 1], x[i])

    A known size n takes about 2 * log2(n) calls of `fn`, each over all pairs of a level; over a
    symbolic size `fn` joins the elements one after the other. Source: Blelloch (1990), "Prefix sums
    and their applications".

    Returns tensors of the shapes and the structure of `elems`. Raises GraphError, a TypeError, for
    other sizes along the axis, and an `fn` that changes structure, dtype or shape. A call raises
    IndexError where a symbolic size is 0.

        >>> pt.loop.associative_scan(lambda a, b: a * b, pt.as_tensor([1.0, 2.0, 3.0, 4.0])).eval()
        array([ 1.,  2.,  6., 24.])
    """
    given = [as_tensor(x) for x in leaves(elems)]
    axis = one_integer(axis, f"{WHAT}: axis", tensors=False)
    axes = [_axis_of(x, axis) for x in given]
    sizes = {x.shape[k] for x, k in zip(given, axes, strict=True)}
    if len(sizes) != 1:
        named = ", ".join(f"{x.described} {x.type}" for x in given)
        raise refusal(f"{WHAT}: one size along axis {axis} is needed, not {named}",
                      kind=GraphError)  # fmt: skip
    kinds = [x.dtype for x in given]

    def combine(a: Sequence[Node], b: Sequence[Node]) -> list[Node]:
        found = fn(filled(elems, a), filled(elems, b))
        if structure(found) != structure(elems):
            raise refusal(f"{WHAT}: fn gives {structure(found)}, not {structure(elems)}",
                          kind=GraphError)  # fmt: skip
        nodes = [as_tensor(x) for x in leaves(found)]
        for x, dtype, like in zip(nodes, kinds, a, strict=True):
            if x.dtype != dtype or x.ndim != like.ndim:
                raise GraphError(
                    f"{WHAT}: fn gives {x.type} for two of {like.type}\n"
                    f"  at {line_of(x)}\n  it joins elements to one of their dtype and shape"
                )
        return nodes

    flipped = [ops.flip(x, k) for x, k in zip(given, axes)] if reverse else given
    known = isinstance(next(iter(sizes)), int)
    found = (_joined if known else _in_order)(combine, flipped, axes)
    found = [ops.flip(x, k) for x, k in zip(found, axes)] if reverse else found
    return filled(elems, found)


def _axis_of(x: Node, axis: int) -> int:
    if not -x.ndim <= axis < x.ndim:
        raise refusal(f"{WHAT}: {x.described} {x.type} has no axis {axis}",
                      x.birthplace, kind=GraphError)  # fmt: skip
    return axis % x.ndim


def _part(x: Node, axis: int, part: slice) -> Node:
    return x[(slice(None),) * axis + (part,)]


def _joined(combine: Combine, given: Sequence[Node], axes: Sequence[int]) -> list[Node]:
    """The prefixes of elements whose number is known: those of pairs of neighbours first."""

    def parts(nodes: Sequence[Node], part: slice) -> list[Node]:
        return [_part(x, k, part) for x, k in zip(nodes, axes, strict=True)]

    n = given[0].shape[axes[0]]
    if n < 2:
        return list(given)
    pairs = combine(parts(given, slice(0, n - 1, 2)), parts(given, slice(1, None, 2)))
    odd = _joined(combine, pairs, axes)  # y[1], y[3], ...
    even = parts(given, slice(0, 1))
    if n > 2:
        rest = combine(parts(odd, slice(0, (n - 1) // 2)), parts(given, slice(2, None, 2)))
        even = [ops.concatenate([a, b], k) for a, b, k in zip(even, rest, axes, strict=True)]
    return [_interleaved(a, b, k) for a, b, k in zip(even, odd, axes, strict=True)]


def _interleaved(even: Node, odd: Node, axis: int) -> Node:
    """The elements of two tensors in turn along an axis; `even` may have one more."""
    n = odd.shape[axis]
    pairs = ops.stack([_part(even, axis, slice(0, n)), odd], axis + 1)
    shape = (*odd.shape[:axis], 2 * n, *odd.shape[axis + 1 :])
    found = ops.reshape(pairs, shape)
    if even.shape[axis] == n:
        return found
    return ops.concatenate([found, _part(even, axis, slice(n, None))], axis)


def _in_order(combine: Combine, given: Sequence[Node], axes: Sequence[int]) -> list[Node]:
    """The prefixes of elements whose number is a symbolic size, one after the other."""

    def step(carry: list[Node], own: list[Node]) -> tuple[list[Node], list[Node]]:
        elements = [ops.expand_dims(x, k) for x, k in zip(own, axes, strict=True)]
        joined = combine(carry, elements)
        return joined, [ops.squeeze(x, k) for x, k in zip(joined, axes, strict=True)]

    first = [narrow(x, k, 0, 1) for x, k in zip(given, axes, strict=True)]
    rest = [ops.moveaxis(x, k, 0)[1:] for x, k in zip(given, axes, strict=True)]
    later = [ops.moveaxis(x, 0, k) for x, k in zip(scan(step, first, rest)[1], axes, strict=True)]
    return [ops.concatenate([a, b], k) for a, b, k in zip(first, later, axes, strict=True)]
