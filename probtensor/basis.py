"""`pt.basis`: columns of functions of one variable, for regressions: splines, bumps and waves.

Every function gives a matrix with a row for each entry of x, and columns to be multiplied by
coefficients: `pt.basis.bspline(x, df=10) @ beta`. x may be an array or a tensor; the values have
derivatives by it. Knots are numbers: for a tensor x they are given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import absent, public
from probtensor.graph import Const
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.types import shape_text

RADIAL = ("gaussian", "inverse_quadratic", "multiquadric", "inverse_multiquadric", "thin_plate")


@public(name="basis.bspline")
def bspline(
    x: TensorLike,
    *,
    knots: Sequence[float] | None = None,
    df: int | None = None,
    degree: int = 3,
    intercept: bool = True,
    lower: float | None = None,
    upper: float | None = None,
) -> Node:
    """B-splines: positive bumps of piecewise polynomials that sum to 1.

    knots         the inner knots, where the pieces meet, in order; or
    df            the number of columns: the inner knots are then quantiles of x
    degree        of the polynomials; 3 makes cubic splines
    intercept     False leaves the first column out, so that the others do not span the constant
    lower, upper  the ends of the range; None for the least and largest x. Beyond them the outer
                  polynomials go on

    Returns a float tensor of the shape (N, df), where df = len(knots) + degree + intercept. Raises
    GraphError, a TypeError, for what does not fit together, and where x is no array and no knots
    and ends are given; ValueError for knots that are not in order.
    Source: de Boor (2001), "A Practical Guide to Splines", IX.

        >>> pt.basis.bspline([0.0, 0.5, 1.0], knots=[0.5], degree=1).eval()
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]])
    """
    what = "bspline"
    own = _variable(what, x)
    if not isinstance(degree, int) or isinstance(degree, bool) or degree < 0:
        raise refusal(f"{what}: degree={degree!r:.60} is not a whole number of at least 0",
                      kind=GraphError)  # fmt: skip
    inner, low, high = _knots(what, own, knots, df, degree + bool(intercept), lower, upper)
    t = np.concatenate([[low] * (degree + 1), inner, [high] * (degree + 1)])
    count = len(inner) + degree + 1
    # The piece of each x; the first and the last one go on outside of the range.
    piece = ops.searchsorted(as_tensor(inner), own, side="right")[:, None] + degree
    value = ops.eq(piece, np.arange(len(t) - 1)[None, :]).astype(own.dtype)
    column = own[:, None]
    for k in range(1, degree + 1):
        size = len(t) - 1 - k
        rise, fall = t[k : k + size] - t[:size], t[k + 1 : k + 1 + size] - t[1 : 1 + size]
        # A weight over an empty interval multiplies a function that is 0.
        rise, fall = (np.where(w > 0, w, np.inf) for w in (rise, fall))
        up = (column - t[:size][None, :]) / rise[None, :]
        down = (t[k + 1 : k + 1 + size][None, :] - column) / fall[None, :]
        value = up * value[:, :-1] + down * value[:, 1:]
    value = value[:, :count].astype(own.dtype)
    value = value if degree else ops.where(ops.isnan(column), np.nan, value)
    return value if intercept else value[:, 1:]


@public(name="basis.natural_spline")
def natural_spline(
    x: TensorLike,
    *,
    knots: Sequence[float] | None = None,
    df: int | None = None,
    intercept: bool = True,
    lower: float | None = None,
    upper: float | None = None,
) -> Node:
    """Natural cubic splines: cubic between knots, straight lines beyond the ends. The coefficients
    of all columns are the values at the knots, the ends among them.

    Parameters are those of `bspline`, with df = len(knots) + 1 + intercept columns.

    Returns a float tensor of the shape (N, df). Raises GraphError, a TypeError, and ValueError as
    `bspline`.
    Source: Wood (2017), "Generalized Additive Models", 5.3.1.

        >>> pt.basis.natural_spline([0.0, 1.0, 2.0, 3.0], knots=[1.0], upper=2.0).eval()
        array([[ 1.  ,  0.  ,  0.  ],
               [ 0.  ,  1.  ,  0.  ],
               [ 0.  ,  0.  ,  1.  ],
               [ 0.25, -1.5 ,  2.25]])
    """
    what = "natural_spline"
    own = _variable(what, x)
    inner, low, high = _knots(what, own, knots, df, 1 + bool(intercept), lower, upper)
    t = np.concatenate([[low], inner, [high]])
    bends = _bends(t)
    h = np.diff(t)
    inside = ops.where(own < low, low, ops.where(own > high, high, own))
    value = _cubic(t, np.eye(len(t)), bends, inside)
    # The slopes at both ends, for the straight lines.
    eye = np.eye(len(t))
    first = (eye[1] - eye[0]) / h[0] - h[0] / 6 * bends[1]
    last = (eye[-1] - eye[-2]) / h[-1] + h[-1] / 6 * bends[-2]
    beyond = (own - inside)[:, None]
    value = value + beyond * ops.where((own < low)[:, None], first[None, :], last[None, :])
    value = value.astype(own.dtype)
    return value if intercept else value[:, 1:]


@public(name="basis.cyclic_spline")
def cyclic_spline(
    x: TensorLike,
    *,
    knots: Sequence[float] | None = None,
    df: int | None = None,
    intercept: bool = True,
    lower: float | None = None,
    upper: float | None = None,
) -> Node:
    """Periodic cubic splines, whose values and first two derivatives are the same at both ends. x
    is wrapped to the range; the coefficients of all columns are the values at `lower` and the
    knots.

    Parameters are those of `bspline`, with df = len(knots) + intercept columns; at least one knot.

    Returns a float tensor of the shape (N, df). Raises GraphError, a TypeError, and ValueError as
    `bspline`.
    Source: Wood (2017), "Generalized Additive Models", 5.3.2.

        >>> pt.basis.cyclic_spline([0.0, 6.0, 12.0], knots=[6.0], lower=0.0, upper=12.0).eval()
        array([[1., 0.],
               [0., 1.],
               [1., 0.]])
    """
    what = "cyclic_spline"
    own = _variable(what, x)
    inner, low, high = _knots(what, own, knots, df, int(bool(intercept)), lower, upper)
    if not len(inner):
        raise refusal(f"{what}: there is no knot between the ends", kind=GraphError)
    t = np.concatenate([[low], inner, [high]])
    count = len(t) - 1
    wrapped = np.eye(count)[np.arange(count + 1) % count]
    turns = ops.floor((own - low) / (high - low))
    value = _cubic(t, wrapped, _bends_of_cycle(t), own - turns * (high - low))
    return value if intercept else value[:, 1:]


@public(name="basis.radial")
def radial(
    x: TensorLike, centers: TensorLike, lengthscale: TensorLike = 1.0, kind: str = "gaussian"
) -> Node:
    """Functions of the distance r to centers, in units of `lengthscale`.

    x, centers   shapes (N,) and (M,), or (N, D) and (M, D) for Euclidean distances
    lengthscale  a number, or one for each center
    kind         "gaussian": exp(-r**2 / 2); "inverse_quadratic": 1 / (1 + r**2);
                 "multiquadric": sqrt(1 + r**2); "inverse_multiquadric": 1 / sqrt(1 + r**2);
                 "thin_plate": r**2 * log(r)

    Returns a float tensor of the shape (N, M). Raises GraphError, a TypeError, for other shapes and
    kinds; ValueError for a literal length scale that is not above 0.
    Source: Hastie, Tibshirani and Friedman (2009), "The Elements of Statistical Learning", 6.7.

        >>> pt.basis.radial([0.0, 1.0], [0.0, 2.0]).eval().round(3)
        array([[1.   , 0.135],
               [0.607, 0.607]])
    """
    points, own = as_tensor(x), as_tensor(centers)
    fits = points.ndim == own.ndim and points.ndim in (1, 2)
    if not fits or (points.ndim == 2 and len({points.shape[1], own.shape[1]}) > 1):
        raise refusal(
            f"radial: x has shape {shape_text(points.shape)}, centers {shape_text(own.shape)}",
            "they have the shapes (N,) and (M,), or (N, D) and (M, D)",
            kind=GraphError,
        )
    if kind not in RADIAL:
        raise refusal(f"radial: kind={kind!r:.60}", f"it is one of {', '.join(RADIAL)}",
                      kind=GraphError)  # fmt: skip
    if points.ndim == 1:
        points, own = points[:, None], own[:, None]
    length = _positive("radial: lengthscale", lengthscale)
    gaps = (points[:, None, :] - own[None, :, :]) / length[..., None]
    r2 = ops.sum(ops.square(gaps), axis=2)
    if kind == "gaussian":
        return ops.exp(-0.5 * r2)
    if kind == "thin_plate":
        return 0.5 * ops.xlogy(r2, ops.where(r2 > 0, r2, 1.0))
    if kind == "inverse_quadratic":
        return 1 / (1 + r2)
    return ops.sqrt(1 + r2) if kind == "multiquadric" else 1 / ops.sqrt(1 + r2)


@public(name="basis.fourier")
def fourier(t: TensorLike, period: TensorLike, n: int) -> Node:
    """Waves of a season: sin(2 pi k t / period) for k = 1, ..., n, and then the cosines.

    Returns a float tensor of the shape (N, 2 n). Raises GraphError, a TypeError, for other shapes,
    and for n that is no whole number of at least 1; ValueError for a literal period that is not
    above 0.
    Source: Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter",
    2.3.4.

        >>> pt.basis.fourier([0.0, 3.0], period=12.0, n=1).eval().round(12)
        array([[0., 1.],
               [1., 0.]])
    """
    own = _variable("fourier", t)
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise refusal(f"fourier: n={n!r:.60} is not a whole number of at least 1", kind=GraphError)
    length = as_tensor(period)
    if length.ndim:
        raise refusal(f"fourier: period has shape {shape_text(length.shape)}; it is a number",
                      kind=GraphError)  # fmt: skip
    turns = own / _positive("fourier: period", length)
    turns = turns - ops.rint(turns)  # whole turns cost the digits of a late time
    angles = 2 * math.pi * turns[:, None] * np.arange(1.0, n + 1)[None, :]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=1)


def _positive(what: str, value: TensorLike) -> Node:
    """A length as a tensor; ValueError for a literal that is not above 0."""
    node = as_tensor(value)
    if isinstance(node.op, Const) and not (node.op.array > 0).all():
        raise refusal(f"{what} is {node.op.array}, which is not above 0", kind=ValueError)
    return node


def _variable(what: str, x: TensorLike) -> Node:
    node = as_tensor(x)
    if node.ndim != 1:
        raise refusal(f"{what}: x has shape {shape_text(node.shape)}; it is a vector",
                      kind=GraphError)  # fmt: skip
    if node.type.is_float:
        return node
    # Numbers remain numbers, of which knots may be quantiles.
    known = isinstance(node.op, Const)
    return as_tensor(node.op.array.astype(float)) if known else node.astype("float64")


def _knots(
    what: str,
    x: Node,
    knots: Sequence[float] | None,
    df: int | None,
    extra: int,
    lower: float | None,
    upper: float | None,
) -> tuple[np.ndarray, float, float]:
    """The inner knots and the ends; with `df`, that many less `extra` quantiles."""
    if (knots is None) == (df is None):
        raise refusal(f"{what}: give knots or df", kind=GraphError)
    values = x.op.array if isinstance(x.op, Const) else None
    if values is None and (knots is None or lower is None or upper is None):
        raise refusal(
            f"{what}: x is a tensor, whose values are not known yet",
            "give knots, lower and upper, as of its data",
            kind=GraphError,
        )
    if values is not None and not values.size and (lower is None or upper is None):
        raise refusal(f"{what}: x is empty; give lower and upper", kind=GraphError)
    low = float(np.min(values) if lower is None else lower)
    high = float(np.max(values) if upper is None else upper)
    if knots is None:
        if not isinstance(df, int) or isinstance(df, bool) or df < extra or df < 1:
            raise refusal(f"{what}: df={df!r:.60} is not a whole number of at least "
                          f"{max(extra, 1)}", kind=GraphError)  # fmt: skip
        inner = np.quantile(values, np.linspace(0, 1, df - extra + 2)[1:-1])
    else:
        inner = np.asarray(knots, dtype=float).reshape(-1)
    every = np.concatenate([[low], inner, [high]])
    if not np.isfinite(every).all() or (np.diff(every) <= 0).any():
        raise refusal(
            f"{what}: the knots {every} do not increase from end to end",
            "choose distinct inner knots between lower and upper",
            kind=ValueError,
        )
    return inner, low, high


def _bends(t: np.ndarray) -> np.ndarray:
    """The second derivatives at the knots of the natural splines that are 1 at one of them."""
    h, size = np.diff(t), len(t)
    bends = np.zeros((size, size))
    if size > 2:
        rows = np.arange(size - 2)
        system, right = np.zeros((size - 2, size - 2)), np.zeros((size - 2, size))
        system[rows, rows] = (h[:-1] + h[1:]) / 3
        system[rows[:-1], rows[1:]] = system[rows[1:], rows[:-1]] = h[1:-1] / 6
        right[rows, rows], right[rows, rows + 2] = 1 / h[:-1], 1 / h[1:]
        right[rows, rows + 1] = -1 / h[:-1] - 1 / h[1:]
        bends[1:-1] = np.linalg.solve(system, right)
    return bends


def _bends_of_cycle(t: np.ndarray) -> np.ndarray:
    """The second derivatives at the knots, the last of which is the first one again, of the
    periodic splines that are 1 at one of them."""
    h = np.diff(t)
    size = len(h)
    system, right = np.zeros((size, size)), np.zeros((size, size))
    for k in range(size):
        before, after = (k - 1) % size, (k + 1) % size
        system[k, k] += (h[before] + h[k]) / 3
        system[k, before] += h[before] / 6
        system[k, after] += h[k] / 6
        right[k, before] += 1 / h[before]
        right[k, after] += 1 / h[k]
        right[k, k] -= 1 / h[before] + 1 / h[k]
    bends = np.linalg.solve(system, right)
    return np.concatenate([bends, bends[:1]])


def _cubic(t: np.ndarray, values: np.ndarray, bends: np.ndarray, x: Node) -> Node:
    """Cubic splines at x inside the range, from their values and second derivatives at knots."""
    k = ops.searchsorted(as_tensor(t[1:-1]), x, side="right")
    left, h = as_tensor(t[:-1])[k], as_tensor(np.diff(t))[k]
    share = ((x - left) / h)[:, None]
    rest, width = 1 - share, ops.square(h)[:, None] / 6
    low, high = as_tensor(values[:-1])[k], as_tensor(values[1:])[k]
    bend, bend_high = as_tensor(bends[:-1])[k], as_tensor(bends[1:])[k]
    bent = (rest**3 - rest) * bend + (share**3 - share) * bend_high
    return (rest * low + share * high + width * bent).astype(x.dtype)


__all__ = ["bspline", "cyclic_spline", "fourier", "natural_spline", "radial"]
__getattr__ = absent("pt.basis", dict.fromkeys(__all__))
