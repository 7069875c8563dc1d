"""Branches with the signatures of JAX: functions of tuples, lists and dicts of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.branches.op import alike, choose, condition_of
from probtensor.ops.loops.trees import Tree, filled, leaves, structure
from probtensor.types import dtype_of, shape_text


@public(name="loop.cond")
def cond(
    pred: TensorLike,
    true_fun: Callable[..., Tree],
    false_fun: Callable[..., Tree],
    *operands: Tree,
) -> Tree:
    """`true_fun(*operands)` if `pred` holds, else `false_fun(*operands)`; what only the other
    function needs is not computed, and its checks cannot fail.

    pred                 a scalar; a number holds if it is not 0
    true_fun, false_fun  functions of tensors, each called once to make its graph; they may read
                         tensors from outside
    operands             tensors, or tuples, lists and dicts of them, nested at will

    Both functions give results of one structure, dtype and shape; a Python number takes the dtype
    of the tensor in its place. Returns that structure. See `pt.ifelse` for what is computed once.

    Raises GraphError, a TypeError, for a condition that is no scalar and results that differ.

        >>> x = pt.scalar("x")
        >>> y = pt.loop.cond(x > 0, lambda x: pt.log(x), lambda x: x - 1, x)
        >>> y.eval({x: -1.0})
        array(-2.)
    """
    selector = condition_of(pred, "loop.cond")
    return _chosen(selector, [true_fun, false_fun], operands, "loop.cond")


@public(name="loop.switch")
def switch(index: TensorLike, branches: Sequence[Callable[..., Tree]], *operands: Tree) -> Tree:
    """`branches[index](*operands)`; what only the other functions need is not computed, and its
    checks cannot fail. An index out of range takes the first or the last function.

    index     an integer scalar
    branches  functions of tensors, as those of `pt.loop.cond`
    operands  tensors, or tuples, lists and dicts of them, nested at will

    Returns what the functions give, which has one structure. `pt.switch` chooses element by
    element, between two tensors.

    Raises GraphError, a TypeError, for an index that is no integer scalar, no branches, and results
    that differ.

        >>> k, x = pt.iscalar("k"), pt.vector("x")
        >>> y = pt.loop.switch(k, [pt.sum, pt.prod, lambda x: pt.log(x).sum()], x)
        >>> y.eval({k: 1, x: [2.0, 3.0]}), y.eval({k: -7, x: [2.0, 3.0]})
        (array(6.), array(5.))
    """
    functions = list(branches)
    if not functions:
        raise refusal("loop.switch: there are no branches", "give a list of functions",
                      kind=GraphError)  # fmt: skip
    selector = as_tensor(index)
    if selector.ndim or dtype_of(selector.dtype).kind not in "iu":
        raise refusal(
            f"loop.switch: the index {selector.described} is {selector.dtype} of shape "
            f"{shape_text(selector.shape)}, not an integer scalar",
            selector.birthplace,
            "pt.loop.cond takes a condition",
            kind=GraphError,
        )
    if dtype_of(selector.dtype).kind == "u":  # as an int64, the largest would be negative
        selector = ops.minimum(selector, np.asarray(len(functions) - 1, selector.dtype))
    return _chosen(ops.astype(selector, "int64"), functions, operands, "loop.switch")


def _chosen(
    selector: Node, functions: Sequence[Callable[..., Tree]], operands: Sequence[Tree], what: str
) -> Tree:
    """The results of the function that the selector takes."""
    given = [filled(x, [as_tensor(leaf) for leaf in leaves(x)]) for x in operands]
    results = [function(*given) for function in functions]
    shapes = [structure(found) for found in results]
    if len(set(shapes)) > 1:
        raise refusal(
            f"{what}: the functions give {' and '.join(dict.fromkeys(shapes))}",
            "all of them give tensors in one structure",
            kind=GraphError,
        )
    values = alike([leaves(found) for found in results], what)
    return filled(results[0], choose(selector, values))
