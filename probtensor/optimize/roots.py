"""`pt.optimize.root_scalar`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, line_of, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.optimize.brackets import Bisection, Brent, Tolerance
from probtensor.optimize.implicit import solution_of
from probtensor.rules.derivatives import stabilized
from probtensor.transform.autodiff import pull_back
from probtensor.types import promote

BRACKETING = {"bisect": Bisection(), "brentq": Brent()}
METHODS = ("brentq", "bisect", "newton")


class RootResults(NamedTuple):
    """What `pt.optimize.root_scalar` returns.

    root        the roots; nan where none was found
    converged   bool: where a root was found
    iterations  int64: the number of steps, of the element that took most
    """

    root: Node
    converged: Node
    iterations: Node


@public(name="optimize.root_scalar")
def root_scalar(
    f: Callable[..., Node],
    args: Sequence[object] = (),
    method: str | None = None,
    bracket: Sequence[TensorLike] | None = None,
    *,
    x0: TensorLike | None = None,
    xtol: TensorLike | None = None,
    rtol: TensorLike | None = None,
    maxiter: int | None = None,
) -> RootResults:
    """A root of f(x, *args) = 0, for each element of a tensor.

    f           a function of tensors, called with a tensor x to make the graph; element i of its
                result depends on no other element of x. It may read tensors from outside
    method      "brentq" or "bisect", which need a bracket, or "newton", which needs x0; None:
                "brentq" with a bracket, else "newton"
    bracket     two points, or two tensors of points, at which f has different signs
    x0          where "newton" begins; its derivative of f is automatic
    xtol, rtol  a root x is known up to xtol + rtol * |x|; None: 2e-12 and 9e-16 with a bracket,
                else 1.5e-8 and 0, for the last step
    maxiter     the most steps; None: 100 with a bracket, else 50

    The shape of x is that of the bracket or x0 and what f makes of it, broadcast. Derivatives of
    the root by all that f reads are those of the equation, to any order (implicit function
    theorem).

    Returns `RootResults`: (root, converged, iterations). Nothing is raised for what goes wrong in
    numbers: the root is nan there.
    Raises GraphError, a TypeError, for no bracket and no x0 and a result of another shape than x;
    ValueError for an unknown method.

        >>> pt.optimize.root_scalar(lambda x: x**2 - 2, bracket=(0.0, 2.0)).root.eval()
        array(1.41421356)

    Source: Brent (1973), "Algorithms for Minimization Without Derivatives", chapter 4.
    """
    method = _method(method, bracket, x0)
    points = [as_tensor(x) for x in (bracket if method in BRACKETING else [x0])]
    limits = (2e-12, 4 * float(np.finfo(float).eps)) if method in BRACKETING else (1.48e-8, 0.0)
    if maxiter is None:
        maxiter = 100 if method in BRACKETING else 50
    x, value, points = _traced(f, points, args)
    given = [d if t is None else t for t, d in zip((xtol, rtol), limits)]
    tolerance = Tolerance(*(as_tensor_of(t, x.dtype) for t in given))
    if method in BRACKETING:
        found = _bracketed(BRACKETING[method], x, value, points, tolerance, maxiter)
    else:
        found = _newton(x, value, points[0], tolerance, maxiter)
    root = ops.where(found.converged, found.root, np.nan)
    return found._replace(root=solution_of(x, root, value, 0))


def _method(method: str | None, bracket: object, x0: object) -> str:
    if method is None:
        method = "newton" if bracket is None else "brentq"
    if method not in METHODS:
        known = ", ".join(f'"{name}"' for name in METHODS)
        raise refusal(f"optimize.root_scalar: method {method!r:.60} is none of {known}",
                      kind=ValueError)  # fmt: skip
    if method in BRACKETING and (not isinstance(bracket, (tuple, list)) or len(bracket) != 2):
        raise refusal(
            f'optimize.root_scalar: "{method}" needs bracket=(a, b), not {bracket!r:.60}',
            "f has different signs at a and at b",
            kind=GraphError,
        )
    if method not in BRACKETING and x0 is None:
        raise refusal(
            "optimize.root_scalar: neither bracket= nor x0= is given", "one says where to look",
            kind=GraphError,
        )  # fmt: skip
    return method


def _traced(
    f: Callable[..., Node], points: Sequence[Node], args: Sequence[object]
) -> tuple[Node, Node, list[Node]]:
    """(x, f(x), the points in the shape of x)."""
    floats = [p.dtype for p in points if p.type.is_float] or ["float64"]
    points = [ops.astype(p, promote(*floats)) for p in ops.broadcast_arrays(*points)]
    for _ in range(2):
        x = new_input("x", points[0].dtype, points[0].shape)
        value = as_tensor(f(x, *args))
        if value.type == x.type:
            return x, stabilized([value], [x])[0], list(points)
        points = [ops.broadcast_to(p, value.shape) for p in points]
    raise GraphError(
        f"optimize.root_scalar: f gives {value.type} for x of type {x.type}\n"
        f"  at {line_of(value)}\n  its result has the shape and dtype of x"
    )


def _bracketed(
    method: Bisection | Brent,
    x: Node,
    value: Node,
    points: Sequence[Node],
    tolerance: Tolerance,
    maxiter: int,
) -> RootResults:
    def f(at: Node) -> Node:
        return replace([value], {x: at})[0]

    carry, valid = method.start(f, *points)

    def step(own: Sequence[Node]) -> tuple[list[Node], Node]:
        return method.step(f, own, tolerance)

    found, done, steps = _iterated(step, carry, ops.logical_not(valid), maxiter)
    return RootResults(method.root(found), ops.logical_and(done, valid), steps)


def _newton(x: Node, value: Node, x0: Node, tolerance: Tolerance, maxiter: int) -> RootResults:
    slope = pull_back(value, x, ops.ones_like(value))

    def step(own: Sequence[Node]) -> tuple[list[Node], Node]:
        f, by_x = replace([value, slope], {x: own[0]})
        after = own[0] - ops.where(ops.eq(f, 0), 0.0, f / by_x)
        return [after], abs(after - own[0]) <= tolerance.at(own[0])

    found, done, steps = _iterated(step, [x0], ops.zeros(x0.shape, "bool"), maxiter)
    return RootResults(found[0], done, steps)


def _iterated(
    step: Callable[[Sequence[Node]], tuple[list[Node], Node]],
    carry: Sequence[Node],
    done: Node,
    maxiter: int,
) -> tuple[list[Node], Node, Node]:
    """(what is carried, where it has ended, the number of steps) after all elements have ended; an
    element that has ended keeps what it carries."""
    first = [done, *map(ops.stop_gradient, carry)]
    own = [new_input(x.name, x.dtype, x.shape) for x in first]
    after, ends = step(own[1:])
    kept = [ops.where(own[0], a, b) for a, b in zip(own[1:], after)]
    now = ops.logical_or(own[0], ends)
    body, outside = body_of(own, [now, *kept, ops.all(now)])
    done, *found, steps = run(body, maxiter, first, [], outside, stops=True)
    return [ops.stop_gradient(x) for x in found], done, steps
