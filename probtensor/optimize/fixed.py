"""`pt.optimize.fixed_point`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, line_of, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.optimize.implicit import solution_of
from probtensor.rules.derivatives import stabilized

METHODS = ("del2", "iteration")


@public(name="optimize.fixed_point")
def fixed_point(
    func: Callable[..., Node],
    x0: TensorLike,
    args: Sequence[object] = (),
    xtol: TensorLike = 1e-08,
    maxiter: int = 500,
    method: str = "del2",
) -> Node:
    """The x with func(x, *args) == x, from x0 on; SciPy's signature.

    func     a function of tensors, called once to make the graph, with a result of the shape of x0;
             it may read tensors from outside
    xtol     the iteration ends when no element changes by more than this, relative to it
    maxiter  the most iterations
    method   "del2": x is extrapolated from two evaluations (Steffensen); "iteration": x = func(x)

    Derivatives by all that func reads are those of the equation, to any order (implicit function
    theorem): a linear system of as many unknowns as x has elements.

    Returns a tensor of the shape of x0, all nan if the iteration has not ended.
    Raises GraphError, a TypeError, for a result of another type; ValueError for another method.

        >>> pt.optimize.fixed_point(pt.cos, 1.0).eval()
        array(0.73908513)

    Source: Burden and Faires (2011), "Numerical Analysis", 2.5.
    """
    if method not in METHODS:
        raise refusal(f'optimize.fixed_point: method is "del2" or "iteration", not {method!r:.60}',
                      kind=ValueError)  # fmt: skip
    start = as_tensor(x0)
    start = start if start.type.is_float else ops.astype(start, "float64")
    x = new_input("x", start.dtype, start.shape)
    value = as_tensor(func(x, *args))
    if value.dtype != x.dtype or value.ndim != x.ndim:
        raise GraphError(
            f"optimize.fixed_point: func gives {value.type} for x of type {x.type}\n"
            f"  at {line_of(value)}\n  its result has the shape and dtype of x"
        )
    value = stabilized([value], [x])[0]
    found = _iterated(x, value, start, as_tensor_of(xtol, x.dtype), maxiter, method)
    return solution_of(x, found, value - x, x.ndim)


def _iterated(x: Node, value: Node, start: Node, xtol: Node, maxiter: int, method: str) -> Node:
    own = new_input(x.name, x.dtype, x.shape)
    after = replace([value], {x: own})[0]
    if method == "del2":
        second = replace([value], {x: after})[0]
        bend = second - 2 * after + own
        after = ops.where(ops.eq(bend, 0), second, own - (after - own) ** 2 / bend)
    change = ops.where(ops.eq(own, 0), after, (after - own) / own)
    settled = ops.all(abs(change) < xtol)
    body, outside = body_of([own, settled_input()], [after, settled, settled])
    first = [ops.stop_gradient(start), as_tensor(False)]
    found, done, _ = run(body, maxiter, first, [], outside, stops=True)
    return ops.where(done, found, np.nan)


def settled_input() -> Node:
    """The carry that says whether the iteration has ended, which no step reads."""
    return new_input("settled", "bool", ())
