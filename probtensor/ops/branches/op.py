"""Branches: one of several graphs is computed, the others are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor.calls import public
from probtensor.graph.closed import closed, parameter
from probtensor.graph.node import GraphError, Node, TensorLike, array_of, as_tensor, make
from probtensor.graph.symbolic import refusal
from probtensor.ops.complexes.pair import pair, parts_of
from probtensor.ops.elementwise.elementary import exp, tanh
from probtensor.ops.elementwise.logic import ne
from probtensor.ops.kinds import Branch, Choice, op
from probtensor.ops.samples import Sample
from probtensor.types import TensorType, shape_text


def _sample(selector: object, dtype: str, *shapes: tuple[int, ...], **options: object) -> Sample:
    def make_arrays(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return (np.asarray(selector, dtype), *(rng.normal(size=shape) for shape in shapes))

    return Sample(make_arrays, options)


@op
class IfElse(Choice):
    """One of several tensors; see `Choice`."""

    users_write = "ifelse"

    samples = (
        _sample(True, "bool", (), ()),
        _sample(False, "bool", (2, 3), (2, 3)),
        _sample(9, "int64", (2,), (2,), (2,)),
    )


def _body(shapes: Sequence[tuple[int, ...]], reads_second: bool) -> object:
    """exp(x) and x * y, or tanh(x) and x + 1, for the tests of the op."""
    own = [parameter(k, TensorType("float64", shape)) for k, shape in enumerate(shapes)]
    x, y = own
    return closed(own, (exp(x), x * y) if reads_second else (tanh(x), x + 1.0))


def _cond_sample(selector: object, dtype: str, *shapes: tuple[int, ...]) -> Sample:
    bodies = (_body(shapes, True), _body(shapes, False))
    return _sample(selector, dtype, *shapes, bodies=bodies)


@op
class Cond(Branch):
    """One of several bodies applied to tensors; see `Branch`."""

    samples = (
        _cond_sample(True, "bool", (), ()),
        _cond_sample(False, "bool", (3,), (3,)),
        _cond_sample(1, "int64", (2, 3), (3,)),
    )


def choose(
    selector: Node, alternatives: Sequence[Sequence[Node]], label: str | None = None
) -> list[Node]:
    """The results of the alternative that the selector takes: the first for True, else by index,
    clamped to the alternatives there are."""
    made = IfElse(label)
    return [make(made, (selector, *values)) for values in zip(*alternatives, strict=True)]


@public
def ifelse(
    condition: TensorLike,
    then_branch: TensorLike | Sequence[TensorLike],
    else_branch: TensorLike | Sequence[TensorLike],
    name: str | None = None,
) -> Node | list[Node] | tuple[Node, ...]:
    """`then_branch` if the condition holds, else `else_branch`; what only the other branch needs is
    not computed, and its checks cannot fail.

    condition    a scalar; a number holds if it is not 0
    then_branch  a tensor, or a list or tuple of them
    else_branch  the same number of tensors, each with the dtype and shape of that in `then_branch`;
                 a Python number takes the dtype of the tensor in the other branch
    name         the name of the results in messages

    Returns a tensor, or a list or tuple of them, as `then_branch` is one. What both branches need,
    or the function computes anyway, is computed once, outside of the branches. Under `vmap`, with a
    condition for each item, both branches are computed. `pt.where` chooses element by element.

    Raises GraphError, a TypeError, for a condition that is no scalar and branches that differ in
    number, dtype or shape. Sizes that are known only at a call are compared there.

        >>> x = pt.scalar("x")
        >>> f = pt.function([x], pt.ifelse(x > 0, pt.log(x), 0.0))
        >>> f(np.e), f(-1.0)
        (array(1.), array(0.))
    """
    several = isinstance(then_branch, (list, tuple))
    first = list(then_branch) if several else [then_branch]
    second = list(else_branch) if isinstance(else_branch, (list, tuple)) else [else_branch]
    if len(first) != len(second):
        raise refusal(
            f"ifelse: {len(first)} tensors in then_branch, {len(second)} in else_branch",
            "each result has a value in both",
            kind=GraphError,
        )
    groups = alike([first, second], "ifelse")
    real = [[part for x in group for part in parts_of(x)] for group in groups]
    rest = iter(choose(condition_of(condition, "ifelse"), real, name))
    found = [pair(next(rest), next(rest)) if x.is_complex else next(rest) for x in groups[0]]
    return type(then_branch)(found) if several else found[0]


def condition_of(value: TensorLike, what: str) -> Node:
    """A condition as a bool scalar; GraphError if it is no scalar."""
    condition = as_tensor(value)
    if condition.ndim:
        raise refusal(
            f"{what}: the condition {condition.described} has shape {shape_text(condition.shape)}, "
            "not ()",
            condition.birthplace,
            "pt.where(condition, a, b) chooses element by element",
            kind=GraphError,
        )
    return condition if condition.dtype == "bool" else ne(condition, 0)


def alike(alternatives: Sequence[Sequence[TensorLike]], what: str) -> list[list[Node]]:
    """The results of alternatives as tensors. Python numbers take the dtype of the tensors in their
    place; other dtypes and numbers of axes must be equal: else GraphError."""
    places = [_alike(values, what, k) for k, values in enumerate(zip(*alternatives, strict=True))]
    return [list(group) for group in zip(*places, strict=True)] or [[] for _ in alternatives]


def _alike(values: Sequence[TensorLike], what: str, place: int) -> list[Node]:
    weak = [isinstance(x, (bool, int, float)) and not isinstance(x, np.generic) for x in values]
    nodes = [as_tensor(x) for x in values]
    strong = [x.dtype for x, w in zip(nodes, weak, strict=True) if not w]
    dtype = strong[0] if strong else str(np.result_type(*(x.dtype for x in nodes)))
    nodes = [as_tensor(array_of(x, dtype)) if w else node
             for x, node, w in zip(values, nodes, weak, strict=True)]  # fmt: skip
    if any(x.dtype != dtype or x.ndim != nodes[0].ndim for x in nodes):
        rows = [f"{x.described} is {x.type}" for x in nodes]
        raise refusal(
            f"{what}: the values of result {place} differ in type: {', '.join(rows)}",
            "give all of them one dtype and one shape, by .astype and pt.broadcast_to",
            kind=GraphError,
        )
    return nodes
