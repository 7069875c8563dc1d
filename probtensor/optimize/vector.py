"""Roots and minima of functions of many unknowns: `root`, `minimize`; `custom_root` for those that
another method has found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, line_of, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace
from probtensor.ops.loops.whiles import while_loop
from probtensor.optimize.implicit import solution_of
from probtensor.rules.derivatives import jacobian, stabilized, value_and_grad
from probtensor.types import shape_text

# Backtracking: a step is halved until it brings at least this share of the expected change.
ARMIJO = 1e-4
HALVINGS = 30


class OptimizeResult(NamedTuple):
    """What `pt.optimize.root` and `pt.optimize.minimize` return.

    x        the solution, of the shape of x0; nan where none was found
    fun      the value of the function there
    success  bool scalar: whether it was found
    nit      int64 scalar: the number of iterations
    """

    x: Node
    fun: Node
    success: Node
    nit: Node


def _start(x0: TensorLike) -> Node:
    start = as_tensor(x0)
    return start if start.type.is_float else ops.astype(start, "float64")


def _equations(what: str, value: object, x: Node) -> Node:
    value = as_tensor(value)
    known = [(n, m) for n, m in zip(value.shape, x.shape) if type(n) is type(m) is int]
    if value.dtype != x.dtype or value.ndim != x.ndim or any(n != m for n, m in known):
        raise GraphError(
            f"{what}: fun gives {value.type} for x of type {x.type}\n  at {line_of(value)}\n"
            "  there is an equation for each element of x, in its shape and dtype"
        )
    return value


@public(name="optimize.custom_root")
def custom_root(fun: Callable[..., Node], x: TensorLike, args: Sequence[object] = ()) -> Node:
    """x, with the derivatives of the solution of fun(x, *args) = 0, which it is.

    fun  a function of tensors with a result of the shape of x; it may read tensors from outside.
         For a minimum it is the gradient of what is minimal
    x    a solution, found in any way: by a loop, or outside of the graph

    Its derivatives by all that `fun` reads are those of the equation, to any order (implicit
    function theorem), with one linear system of as many unknowns as x has elements; how x was found
    is not differentiated.

    Returns a tensor of the shape and value of x.
    Raises GraphError, a TypeError, for a result of another shape or dtype.

        >>> a = pt.scalar("a")
        >>> root = pt.optimize.custom_root(lambda x: x**2 - a, pt.sqrt(a))
        >>> pt.grad(root, a).eval({a: 4.0})
        array(0.25)

    Source: Griewank and Walther (2008), "Evaluating Derivatives", 15.1.
    """
    value = _start(x)
    own = new_input("x", value.dtype, value.shape)
    residual = _equations("optimize.custom_root", fun(own, *args), own)
    return solution_of(own, value, stabilized([residual], [own])[0], own.ndim)


@public(name="optimize.root")
def root(
    fun: Callable[..., Node],
    x0: TensorLike,
    args: Sequence[object] = (),
    *,
    tol: float | None = None,
    maxiter: int = 100,
) -> OptimizeResult:
    """A solution x of fun(x, *args) = 0, by Newton's method from x0 on.

    fun      a function of tensors, called to make the graph, with a result of the shape and dtype
             of x0; it may read tensors from outside
    x0       a float tensor of any shape, where the iteration begins
    tol      it ends when no element of fun is larger than this in absolute value; by default 1e-10,
             1e-4 in float32
    maxiter  the most iterations

    Steps are halved until the equations become smaller (Armijo). Derivatives of the solution by all
    that `fun` reads are those of the equation, to any order (see `custom_root`).

    Returns an `OptimizeResult`; x is all nan where no solution was found.
    Raises GraphError, a TypeError, for a result of another shape or dtype.

        >>> found = pt.optimize.root(lambda x: x**3 - np.array([8.0, 27.0]), np.ones(2))
        >>> found.x.eval()
        array([2., 3.])

    Source: Dennis and Schnabel (1996), "Numerical Methods for Unconstrained Optimization", 6.3.
    """
    start = _start(x0)
    x = new_input("x", start.dtype, start.shape)
    residual = stabilized([_equations("optimize.root", fun(x, *args), x)], [x])[0]
    tol = (1e-10 if x.dtype == "float64" else 1e-4) if tol is None else tol
    count = x.size
    slopes = ops.reshape(jacobian(residual, x), (count, count))

    def at(point: Node, node: Node) -> Node:
        return replace([node], {x: point})[0]

    def size(point: Node) -> Node:
        return ops.sum(at(point, residual) ** 2) / 2

    def step(state: tuple) -> tuple:
        point, nit = state
        value = at(point, residual)
        change = ops.solve(at(point, slopes), ops.reshape(value, (count,)))
        change = -ops.reshape(change, point.shape)
        now = ops.sum(value**2) / 2
        return _backtracked(size, point, change, now, -2 * now), nit + 1

    def goes_on(state: tuple) -> Node:
        point, nit = state
        worst = ops.max(ops.abs(at(point, residual)), initial=0.0)
        return ops.logical_and(worst > tol, nit < maxiter)

    last, nit = while_loop(goes_on, step, (ops.stop_gradient(start), as_tensor(0)))
    success = ops.max(ops.abs(at(last, residual)), initial=0.0) <= tol
    found = solution_of(x, ops.where(success, last, np.nan), residual, x.ndim)
    return OptimizeResult(found, at(found, residual), success, nit)


@public(name="optimize.minimize")
def minimize(
    fun: Callable[..., Node],
    x0: TensorLike,
    args: Sequence[object] = (),
    method: str = "BFGS",
    *,
    tol: float | None = None,
    maxiter: int = 500,
) -> OptimizeResult:
    """A local minimum of fun(x, *args), from x0 on.

    fun      a function of tensors, called to make the graph, with a float scalar as its result; it
             may read tensors from outside
    x0       a float tensor of any shape, where the iteration begins
    method   "BFGS" (quasi-Newton)
    tol      it ends when no element of the gradient is larger than this in absolute value; by
             default 1e-8, 1e-4 in float32
    maxiter  the most iterations

    Derivatives of x by all that `fun` reads are those of the equation gradient = 0, to any order
    (implicit function theorem), with one system of the Hessian (see `custom_root`); those of the
    least value follow.

    Returns an `OptimizeResult`; x is all nan where no minimum was found.
    Raises GraphError, a TypeError, for a result that is no float scalar; ValueError for another
    method.

        >>> a = pt.scalar("a")
        >>> found = pt.optimize.minimize(lambda x: pt.sum((x - a)**2), np.zeros(2))
        >>> found.x.eval({a: 3.0})
        array([3., 3.])

    Source: Nocedal and Wright (2006), "Numerical Optimization", algorithm 6.1.
    """
    if method != "BFGS":
        raise refusal(f'optimize.minimize: method is "BFGS", not {method!r:.60}', kind=ValueError)
    start = _start(x0)
    x = new_input("x", start.dtype, start.shape)
    cost = as_tensor(fun(x, *args))
    tol = (1e-8 if x.dtype == "float64" else 1e-4) if tol is None else tol
    if cost.shape or not cost.type.is_float:
        raise GraphError(
            f"optimize.minimize: fun gives {cost.type} of shape {shape_text(cost.shape)}, not a "
            f"float scalar\n  at {line_of(cost)}"
        )
    cost, slope = value_and_grad(stabilized([cost], [x])[0], x, disconnected_inputs="ignore")
    last, gradient, nit = _bfgs(x, cost, slope, ops.stop_gradient(start), (tol, maxiter))
    success = ops.max(ops.abs(gradient), initial=0.0) <= tol
    found = solution_of(x, ops.where(success, last, np.nan), slope, x.ndim)
    return OptimizeResult(found, replace([cost], {x: found})[0], success, nit)


def _bfgs(
    x: Node, cost: Node, slope: Node, start: Node, ends: tuple[float, int]
) -> tuple[Node, Node, Node]:
    """The last point, the gradient there, and the number of iterations; `ends`: the largest element
    of the gradient at which it ends, and the most iterations."""

    def at(point: Node, *nodes: Node) -> list[Node]:
        return replace(nodes, {x: point})

    def step(state: tuple) -> tuple:
        point, gradient, inverse, nit = state
        flat = ops.reshape(gradient, (-1,))
        change = ops.reshape(-(inverse @ flat), point.shape)
        along = ops.sum(change * gradient)
        # A matrix that has lost its definiteness is not used.
        change, along = (ops.where(along < 0, a, b) for a, b in (
            (change, -gradient), (along, -ops.sum(gradient**2))))  # fmt: skip
        following = _backtracked(lambda y: at(y, cost)[0], point, change, at(point, cost)[0], along)
        after = at(following, slope)[0]
        moved = ops.reshape(following - point, (-1,)), ops.reshape(after, (-1,)) - flat
        return following, after, _bfgs_update(inverse, *moved), nit + 1

    def goes_on(state: tuple) -> Node:
        largest = ops.max(ops.abs(state[1]), initial=0.0)
        return ops.logical_and(largest > ends[0], state[3] < ends[1])

    first = (start, at(start, slope)[0], ops.eye(x.size, dtype=x.dtype), as_tensor(0))
    last, gradient, _, nit = while_loop(goes_on, step, first)
    return last, gradient, nit


def _backtracked(
    cost: Callable[[Node], Node], point: Node, change: Node, now: Node, along: Node
) -> Node:
    """The point after a step that is halved until it lowers the cost by enough; the same point if
    none does."""

    def too_long(state: tuple) -> Node:
        length, count = state
        enough = cost(point + length * change) <= now + ARMIJO * length * along
        return ops.logical_and(ops.logical_not(enough), count < HALVINGS)

    one = ops.ones((), point.dtype)
    length, count = while_loop(too_long, lambda s: (s[0] / 2, s[1] + 1), (one, as_tensor(0)))
    return ops.where(count < HALVINGS, point + length * change, point)


def _bfgs_update(inverse: Node, moved: Node, turned: Node) -> Node:
    """The approximation of the inverse Hessian after a step `moved` that changed the gradient by
    `turned`; unchanged where the curvature is not positive."""
    curvature = ops.sum(moved * turned)
    good = curvature > 1e-12 * ops.sqrt(ops.sum(moved**2) * ops.sum(turned**2))
    rho = 1 / ops.where(good, curvature, 1.0)
    mapped = inverse @ turned
    outer = ops.outer(moved, mapped)
    update = (rho + rho**2 * ops.sum(turned * mapped)) * ops.outer(moved, moved)
    return ops.where(good, inverse + update - rho * (outer + ops.matrix_transpose(outer)), inverse)


