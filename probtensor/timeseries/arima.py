"""Autoregressive moving averages, integrated and seasonal ones, and their regions of stationarity.

Source: Durbin and Koopman (2012), "Time Series Analysis by State Space Methods", 3.4; Gardner,
Harvey and Phillips (1980), "Algorithm AS 154", Applied Statistics 29:311; Monahan (1984), "A note
on enforcing stationarity in autoregressive-moving average models", Biometrika 71:403.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import replace
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.linalg.functions.equations import solve_discrete_lyapunov
from probtensor.prob.distributions.base import to_tensor
from probtensor.prob.distributions.support import NONNEGATIVE
from probtensor.timeseries.components import WIDE, number, regression, vector, whole_number
from probtensor.timeseries.statespace import StateSpace
from probtensor.types import shape_text


@public(name="timeseries.arma")
def arma(
    ar: TensorLike = (),
    ma: TensorLike = (),
    sigma: TensorLike = 1.0,
    *,
    mean: TensorLike = 0.0,
    sigma_obs: TensorLike | None = None,
) -> StateSpace:
    """y = mean + w, w' = sum(ar * w before) + e' + sum(ma * e before), e ~ N(0, sigma), from the
    stationary distribution on.

    ar, ma     vectors of coefficients, the first one of the step before; `ar` must be stationary
               (see `ar_from_partial`), else the density is that of no series
    sigma_obs  the standard deviation of further noise of the observations

    Returns a `StateSpace` with max(p, q + 1) states. Raises GraphError, a TypeError, for parameters
    of other shapes, ValueError for negative literals.

        >>> pt.timeseries.arma([0.5], sigma=1.0).logp([0.0]).eval().round(4)
        array([-1.0628])
    """
    return sarimax(ar=ar, ma=ma, sigma=sigma, mean=mean, sigma_obs=sigma_obs)


@public(name="timeseries.ar")
def ar(
    coefficients: TensorLike,
    sigma: TensorLike = 1.0,
    *,
    mean: TensorLike = 0.0,
    sigma_obs: TensorLike | None = None,
) -> StateSpace:
    """A stationary autoregression, `arma(coefficients)`.

    Returns a `StateSpace` with a state for each coefficient. Raises GraphError, a TypeError, for
    parameters of other shapes, ValueError for negative literals.

        >>> y = pt.timeseries.ar([0.5, 0.2], 1.0, sigma_obs=0.3).series("y", steps=20)
        >>> pt.draw(y, draws=3, seed=1).shape
        (3, 20)
    """
    return sarimax(ar=coefficients, sigma=sigma, mean=mean, sigma_obs=sigma_obs)


@public(name="timeseries.sarimax")
def sarimax(
    *,
    ar: TensorLike = (),
    d: int = 0,
    ma: TensorLike = (),
    seasonal_ar: TensorLike = (),
    seasonal_d: int = 0,
    seasonal_ma: TensorLike = (),
    period: int = 1,
    sigma: TensorLike = 1.0,
    mean: TensorLike = 0.0,
    X: TensorLike | None = None,
    beta: TensorLike | None = None,
    sigma_obs: TensorLike | None = None,
    initial_sd: TensorLike = WIDE,
) -> StateSpace:
    """SARIMAX (p, d, q)(P, D, Q, period): y - mean - X @ beta, differenced d times and D times over
    the period, is the stationary series of the products of polynomials in the lag B

        (1 - sum(ar * B^k)) (1 - sum(seasonal_ar * B^(k period))) w
            = (1 + sum(ma * B^k)) (1 + sum(seasonal_ma * B^(k period))) e,   e ~ N(0, sigma).

    ar, ma, seasonal_ar, seasonal_ma  vectors of coefficients, whose lengths are p, q, P and Q
    d, seasonal_d                     numbers of differences
    X, beta                           as of `regression`
    sigma_obs                         the standard deviation of further noise of the observations
    initial_sd                        of the values before the first one, where there are
                                      differences

    Returns a `StateSpace`. Raises GraphError, a TypeError, for parameters of other shapes,
    ValueError for negative literals.

        >>> model = pt.timeseries.sarimax(ar=[0.5], d=1, seasonal_ma=[0.3], period=4, sigma=0.2)
        >>> len(model.states)
        6
    """
    what = "sarimax"
    for name, value, least in (("d", d, 0), ("seasonal_d", seasonal_d, 0), ("period", period, 1)):
        whole_number(f"{what}: {name}", value, least)
    own, of_season = coefficients("ar", ar), coefficients("seasonal_ar", seasonal_ar)
    shocks, of_shocks = coefficients("ma", ma), coefficients("seasonal_ma", seasonal_ma)
    if period == 1 and (seasonal_d or of_season.shape[0] or of_shocks.shape[0]):
        raise refusal(f"{what}: seasonal terms need period=", kind=GraphError)
    left = -_product(-own, -of_season, period)
    right = _product(shocks, of_shocks, period)
    scale = number(f"{what}: sigma", sigma, NONNEGATIVE)
    model = _stationary(left, right, scale, number(f"{what}: mean", mean))
    model = _integrated(model, d, seasonal_d, period, initial_sd)
    if sigma_obs is not None:
        variance = ops.square(number(f"{what}: sigma_obs", sigma_obs, NONNEGATIVE))
        model = replace(model, obs_cov=variance)
    if X is None and beta is not None:
        raise refusal(f"{what}: beta without X", kind=GraphError)
    return model if X is None else model + regression(X, beta)


def _stationary(left: Node, right: Node, scale: Node, mean: Node) -> StateSpace:
    """An ARMA model from its stationary distribution on. The state is that of Harvey: x_0 is the
    value, and x_k what earlier steps add to it in k steps."""
    size = max(left.shape[0], right.shape[0] + 1)
    column = _padded(left, size)[:, None]
    move = ops.concatenate([column, ops.eye(size)[:, :-1]], axis=1) if size > 1 else column
    shock = scale * _padded(ops.concatenate([ops.ones((1,)), right]), size)
    shock_cov = shock[:, None] * shock[None, :]
    first = solve_discrete_lyapunov(move, shock_cov) if left.shape[0] else _moving(shock)
    names = tuple(f"arma_{k}" for k in range(size))
    design, none = as_tensor(np.eye(size)[0]), ops.zeros((size,))
    return StateSpace(move, design, shock_cov, as_tensor(0.0), none, first, mean, names)


def coefficients(name: str, value: TensorLike) -> Node:
    """A vector of a known number of coefficients."""
    node = to_tensor(f"timeseries: {name}", value)
    if node.ndim != 1 or not isinstance(node.shape[0], int):
        raise refusal(
            f"timeseries: {name} has shape {shape_text(node.shape)}",
            "it is a vector of a known number of coefficients",
            kind=GraphError,
        )
    return node.astype("float64")


def _padded(x: Node, size: int) -> Node:
    return ops.concatenate([x, ops.zeros((size - x.shape[0],))])


def _product(own: Node, of_season: Node, period: int) -> Node:
    """The coefficients of B, B^2, ... of (1 + sum own_k B^k) (1 + sum of_season_k B^(k period))."""
    p, q = own.shape[0], of_season.shape[0]
    size = p + q * period + 1
    total = _padded(ops.concatenate([ops.ones((1,)), own]), size)
    for k in range(q):
        shift = (k + 1) * period
        part = of_season[k] * ops.concatenate([ops.ones((1,)), own])
        total = total + ops.concatenate(
            [ops.zeros((shift,)), part, ops.zeros((size - shift - p - 1,))]
        )
    return total[1:]


def _moving(shock: Node) -> Node:
    """The covariance of the state of a moving average: what earlier shocks add in k steps."""
    size = shock.shape[0]
    total = None
    for k in range(size):
        part = ops.concatenate([shock[k:], ops.zeros((k,))])
        found = part[:, None] * part[None, :]
        total = found if total is None else total + found
    return total


def _integrated(
    model: StateSpace, d: int, seasonal_d: int, period: int, initial_sd: TensorLike
) -> StateSpace:
    """The model of a series whose differences have a model: earlier values are states, too."""
    poly = np.ones(1)
    for _ in range(d):
        poly = np.convolve(poly, [1.0, -1.0])
    for _ in range(seasonal_d):
        poly = np.convolve(poly, [1.0, *[0.0] * (period - 1), -1.0])
    weights = -poly[1:]  # y = w + sum of weights * earlier y
    lags, m = len(weights), len(model.states)
    if not lags:
        return model
    sd = vector("sarimax: initial_sd", initial_sd, lags, NONNEGATIVE)
    design = ops.concatenate([model.design, as_tensor(weights)])
    top = ops.concatenate([model.transition, ops.zeros((m, lags))], axis=1)
    older = np.zeros((lags - 1, m + lags))
    older[:, m : m + lags - 1] = np.eye(lags - 1)
    move = ops.concatenate([top, design[None, :], as_tensor(older)], axis=0)
    still = ops.zeros((lags, lags))
    return replace(
        model,
        transition=move,
        design=design,
        state_cov=ops.block_diag(model.state_cov, still),
        initial_mean=ops.concatenate([model.initial_mean, ops.zeros((lags,))]),
        initial_cov=ops.block_diag(model.initial_cov, ops.diag(ops.square(sd))),
        states=(*model.states, *(f"lag_{k + 1}" for k in range(lags))),
    )


@public(name="timeseries.ar_from_partial")
def ar_from_partial(partial: TensorLike) -> Node:
    """The coefficients of a stationary autoregression with given partial autocorrelations, each in
    (-1, 1): all stationary autoregressions, one to one. Minus the result are the coefficients of an
    invertible moving average.

    Returns a float64 tensor of the shape (p,) of `partial`. Raises GraphError, a TypeError, for
    another number of axes.
    Source: Monahan (1984), Biometrika 71:403.

        >>> partial = pt.random.uniform(-1, 1, shape=2, name="partial")
        >>> model = pt.timeseries.ar(pt.timeseries.ar_from_partial(partial), 1.0)
        >>> pt.timeseries.ar_from_partial([0.5, 0.2]).eval()
        array([0.4, 0.2])
    """
    r = coefficients("partial", partial)
    found: list[Node] = []
    for k in range(r.shape[0]):
        found = [a - r[k] * b for a, b in zip(found, found[::-1], strict=True)] + [r[k]]
    return ops.stack(found) if found else r


@public(name="timeseries.partial_from_ar")
def partial_from_ar(coefficients_: TensorLike) -> Node:
    """The partial autocorrelations of an autoregression with given coefficients; it is stationary
    if all of them are in (-1, 1). The inverse of `ar_from_partial`.

    Returns a float64 tensor of the shape (p,). Raises GraphError, a TypeError, for another number
    of axes.
    Source: Monahan (1984), Biometrika 71:403.

        >>> pt.timeseries.partial_from_ar([0.4, 0.2]).eval().round(12)
        array([0.5, 0.2])
    """
    phi = coefficients("coefficients", coefficients_)
    left = [phi[k] for k in range(phi.shape[0])]
    found: list[Node] = []
    while left:
        last = left.pop()
        found.append(last)
        rest = (1 - last) * (1 + last)
        left = [(a + last * b) / rest for a, b in zip(left, left[::-1], strict=True)]
    return ops.stack(found[::-1]) if found else phi
