"""Derivatives of a function of tensors against finite differences, for users' own tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from probtensor import ops
from probtensor.calls import public
from probtensor.compile import function
from probtensor.graph.node import Node, as_tensor, new_input
from probtensor.graph.symbolic import refusal
from probtensor.late import late
from probtensor.process import numpy_part
from probtensor.rules import grad
from probtensor.targets.base import Target

blame = late("probtensor.autodiff.blame")

# Steps of central differences relative to the argument: the cube root of the rounding.
STEPS = {"float64": 6e-6, "float32": 5e-3}
TOLERANCES = {"float64": 1e-6, "float32": 1e-2}


class GradientError(AssertionError):
    """Raised by `verify_grad` where a gradient differs from finite differences."""


@public
def numeric_grad(
    f: Callable[..., ArrayLike], pt: ArrayLike | Sequence[ArrayLike], eps: float | None = None
) -> np.ndarray | list[np.ndarray]:
    """The gradient of a function of arrays, by central differences.

    f    a function of arrays that returns a number; a compiled function is one
    pt   an array of floats, or a sequence of one for each argument
    eps  the step, relative to max(1, abs(x)); by default about the cube root of the rounding

    Returns an array of the shape of `pt`, or a list of them for a sequence; its error is about
    eps**2 times the third derivative.
    Raises TypeError for arguments that are no floats.

        >>> pt.autodiff.numeric_grad(lambda x: np.sum(x**2), np.array([1.0, 2.0])).round(6)
        array([2., 4.])
    """
    several = isinstance(pt, (list, tuple))
    points = [np.array(x) for x in (pt if several else [pt])]
    found = []
    for k, x in enumerate(points):
        if x.dtype.kind != "f":
            raise TypeError(f"numeric_grad: argument {k} is {x.dtype}, not a float")
        step = eps or STEPS.get(str(x.dtype), 6e-6)
        slope = np.zeros(x.shape)
        for place in np.ndindex(x.shape):
            at = x[place]
            values = []
            for sign in (1, -1):
                x[place] = at + sign * step * max(1.0, abs(at))
                values.append((float(f(*points)), float(x[place])))
            x[place] = at
            (high, right), (low, left) = values
            slope[place] = (high - low) / (right - left)
        found.append(slope.astype(x.dtype))
    return found if several else found[0]


@public
def verify_grad(
    fun: Callable[..., Node],
    pt: Sequence[ArrayLike],
    n_tests: int = 2,
    rng: np.random.Generator | None = None,
    eps: float | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    target: str | Target | None = None,
) -> None:
    """Compare the gradient of a function of tensors with finite differences.

    fun      a function of tensors that returns a float tensor of any shape
    pt       an array of floats for each argument, where to compare
    n_tests  in how many random directions of the result
    rng      of these directions; by default `np.random.default_rng(0)`
    eps      the step of `numeric_grad`
    abs_tol, rel_tol  an element is right if its absolute or its relative error is at most this; by
             default 1e-6 in float64, 1e-2 in float32
    target   as of `pt.function`

    Returns None. Raises GradientError, an AssertionError, with the argument, the place and both
    values, and with the operation whose derivative is wrong by itself at the values of the run,
    and its line (in a loop too, or where it is a `custom_vjp`); GraphError, a TypeError, for a
    result without a derivative.

        >>> pt.autodiff.verify_grad(lambda x: pt.exp(x) * x, [np.array([0.5, 1.0])])
    """
    points = _points(fun, pt)
    rng = numpy_part("random").default_rng(0) if rng is None else rng
    xs = [new_input(f"argument {k}", x.dtype, x.shape) for k, x in enumerate(points)]
    out = as_tensor(fun(*xs))
    weights = new_input("direction", out.dtype, out.shape)
    cost = ops.sum(out * weights)
    slopes = grad(cost, xs, disconnected_inputs="ignore")
    value = function([*xs, weights], cost, target=target)
    slope = function([*xs, weights], slopes, target=target, on_unused_input="ignore")
    names = {str(x.dtype) for x in points}
    loosest = max(TOLERANCES.get(name, 1e-6) for name in names)
    abs_tol = loosest if abs_tol is None else abs_tol
    rel_tol = loosest if rel_tol is None else rel_tol
    shape = np.shape(function(xs, out, target=target)(*points))
    for _ in range(n_tests):
        direction = (rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)).astype(out.dtype)
        meant = numeric_grad(lambda *at, d=direction: value(*at, d), points, eps)
        text = _difference(slope(*points, direction), meant, abs_tol, rel_tol)
        if text:
            differs = partial(_differs, abs_tol=10 * abs_tol, rel_tol=10 * rel_tol)
            steps = partial(numeric_grad, eps=eps)
            cause = blame.wrong_derivative(out, xs, points, steps, differs)
            raise GradientError(f"{text}\n  {cause}" if cause else text)


def _points(fun: object, arrays: object) -> list[np.ndarray]:
    """The arrays of the arguments of a function, one for each; TypeError for what is none."""
    if not callable(fun):
        raise refusal(
            f"verify_grad: takes a function of tensors, not {fun!r:.60}",
            "as in verify_grad(lambda x: pt.exp(x), [np.ones(3)])",
        )
    if not isinstance(arrays, (list, tuple)):
        raise refusal(
            f"verify_grad: pt is a list with an array for each argument, not {arrays!r:.60}",
            "as in verify_grad(fun, [np.ones(3)])",
        )
    points = [np.asarray(x) for x in arrays]
    for k, x in enumerate(points):
        if x.dtype.kind != "f":
            raise refusal(
                f"verify_grad: argument {k} is {x.dtype}, not a float",
                "complex numbers are given as their parts, integers as floats"
            )
    return points


def _difference(
    got: Sequence[np.ndarray], meant: Sequence[np.ndarray], abs_tol: float, rel_tol: float
) -> str:
    """The first element in which gradients differ, as text; empty if there is none."""
    for k, (a, b) in enumerate(zip(got, meant, strict=True)):
        wrong = _differs(a, b, abs_tol, rel_tol)
        if wrong.any():
            place = tuple(map(int, np.argwhere(wrong)[0]))
            where = f", element {list(place)}" if place else ""
            return (
                f"verify_grad: argument {k}{where}: the gradient is "
                f"{float(a[place])!r}, finite differences give {float(b[place])!r} "
                f"({int(wrong.sum())} of {wrong.size} elements differ)"
            )
    return ""


def _differs(a: np.ndarray, b: np.ndarray, abs_tol: float, rel_tol: float) -> np.ndarray:
    error = np.abs(a - b)
    relative = error / np.maximum(np.abs(a) + np.abs(b), 1e-300)
    return ~((error <= abs_tol) | (relative <= rel_tol))  # nan is wrong
