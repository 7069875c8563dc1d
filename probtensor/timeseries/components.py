"""Components of series: levels, trends, seasons, cycles, regressions, noise.

What is known of a state before the first observation is a normal distribution, by `initial_mean`
and `initial_sd`. Its default is wide, with standard deviation 1000: for data of a larger size, or
to say more, it is an argument. The density is thus a proper one, as that of any other variable.

Source: Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", chapter
2; Durbin and Koopman (2012), "Time Series Analysis by State Space Methods", chapter 3.
"""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import replace
from probtensor.graph import Const
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import check_values, to_tensor
from probtensor.prob.distributions.support import NONNEGATIVE, POSITIVE, REAL, Interval, Support
from probtensor.timeseries.statespace import StateSpace
from probtensor.types import shape_text

WIDE = 1000.0
DAMPING = Interval(0.0, 1.0)


def number(what: str, value: TensorLike, domain: Support = REAL) -> Node:
    """A scalar parameter; ValueError for a literal outside its domain."""
    node = to_tensor(what, value)
    if node.ndim:
        raise refusal(f"{what} has shape {shape_text(node.shape)}; it is a number",
                      kind=GraphError)  # fmt: skip
    if isinstance(node.op, Const):
        check_values(what, node.op.array, domain)
    return node.astype("float64")


def vector(what: str, value: TensorLike, size: int, domain: Support = REAL) -> Node:
    """A vector of a given size from one, or from a number."""
    node = to_tensor(what, value)
    if node.ndim > 1 or (node.ndim and node.shape[0] not in (1, size)):
        raise refusal(
            f"{what} has shape {shape_text(node.shape)}; it is a number, or one for each of "
            f"{size} states",
            kind=GraphError,
        )
    if isinstance(node.op, Const):
        check_values(what, node.op.array, domain)
    return ops.broadcast_to(node.astype("float64"), (size,))


def component(
    what: str,
    transition: TensorLike,
    design: TensorLike,
    sds: TensorLike,
    names: tuple[str, ...],
    initial_mean: TensorLike,
    initial_sd: TensorLike,
    sigma_obs: TensorLike | None = None,
) -> StateSpace:
    """A model of one series with independent noise of the states."""
    m = len(names)
    noise = as_tensor(0.0)
    if sigma_obs is not None:
        noise = ops.square(number(f"{what}: sigma_obs", sigma_obs, NONNEGATIVE))
    first = vector(f"{what}: initial_sd", initial_sd, m, NONNEGATIVE)
    return StateSpace(
        as_tensor(transition).astype("float64"),
        as_tensor(design).astype("float64"),
        ops.diag(ops.square(as_tensor(sds))),
        noise,
        vector(f"{what}: initial_mean", initial_mean, m),
        ops.diag(ops.square(first)),
        as_tensor(0.0),
        names,
    )


@public(name="timeseries.local_level")
def local_level(
    sigma_level: TensorLike,
    sigma_obs: TensorLike | None = None,
    *,
    initial_mean: TensorLike = 0.0,
    initial_sd: TensorLike = WIDE,
) -> StateSpace:
    """A random walk seen with noise: level' = level + N(0, sigma_level), y = level +
    N(0, sigma_obs).

    Returns a `StateSpace` with the state "level". Raises GraphError, a TypeError, for parameters
    that are no numbers, ValueError for negative literals.

        >>> y = pt.timeseries.local_level(0.1, 0.5).series("y", steps=20)
        >>> pt.draw(y, draws=3, seed=1).shape
        (3, 20)
    """
    own = number("local_level: sigma_level", sigma_level, NONNEGATIVE)
    return component("local_level", [[1.0]], [1.0], own[None], ("level",), initial_mean,
                     initial_sd, sigma_obs)  # fmt: skip


@public(name="timeseries.local_linear_trend")
def local_linear_trend(
    sigma_level: TensorLike,
    sigma_slope: TensorLike,
    sigma_obs: TensorLike | None = None,
    *,
    damping: TensorLike = 1.0,
    initial_mean: TensorLike = 0.0,
    initial_sd: TensorLike = WIDE,
) -> StateSpace:
    """A level with a slope that changes: level' = level + slope + N(0, sigma_level), slope' =
    damping * slope + N(0, sigma_slope), y = level + N(0, sigma_obs). Initial values are numbers, or
    one for each state.

    Returns a `StateSpace` with the states "level" and "slope". Raises GraphError, a TypeError, for
    parameters of other shapes, ValueError for literals out of range.

        >>> y = pt.timeseries.local_linear_trend(0.1, 0.01, 0.5).series("y", steps=20)
        >>> pt.draw(y, draws=3, seed=1).shape
        (3, 20)
    """
    what = "local_linear_trend"
    own = [number(f"{what}: {name}", x, NONNEGATIVE)
           for name, x in (("sigma_level", sigma_level), ("sigma_slope", sigma_slope))]  # fmt: skip
    one, keep = as_tensor(1.0), number(f"{what}: damping", damping, DAMPING)
    move = ops.stack([ops.stack([one, one]), ops.stack([0 * one, keep])])
    return component(what, move, [1.0, 0.0], ops.stack(own), ("level", "slope"), initial_mean,
                     initial_sd, sigma_obs)  # fmt: skip


@public(name="timeseries.seasonal")
def seasonal(
    period: int,
    sigma: TensorLike = 0.0,
    *,
    initial_mean: TensorLike = 0.0,
    initial_sd: TensorLike = WIDE,
) -> StateSpace:
    """Seasonal effects that sum to N(0, sigma) over any `period` steps in a row: without noise they
    repeat, and sum to 0.

    Returns a `StateSpace` with period - 1 states: the effect of the step, and those before it.
    Raises GraphError, a TypeError, for a period that is no whole number of at least 2.

        >>> pt.timeseries.seasonal(4, 0.1).states
        ('season', 'season_1', 'season_2')
    """
    count = whole_number("seasonal: period", period, 2) - 1
    first = ops.concatenate([-ops.ones((1, count)), ops.eye(count)[:-1]], axis=0)
    sds = number("seasonal: sigma", sigma, NONNEGATIVE) * (ops.arange(count) < 1).astype("float64")
    names = ("season", *(f"season_{k}" for k in range(1, count)))
    design = [1.0] + [0.0] * (count - 1)
    return component("seasonal", first, design, sds, names, initial_mean, initial_sd)


@public(name="timeseries.trigonometric_seasonal")
def trigonometric_seasonal(
    period: float,
    harmonics: int | None = None,
    sigma: TensorLike = 0.0,
    *,
    initial_mean: TensorLike = 0.0,
    initial_sd: TensorLike = WIDE,
) -> StateSpace:
    """A season as a sum of waves of the frequencies k / period, k = 1, ..., harmonics, whose
    coefficients are random walks with steps N(0, sigma). None is all harmonics up to period / 2:
    without noise the model is that of `seasonal`.

    Returns a `StateSpace` with two states for each harmonic, one for that of period / 2. Raises
    GraphError, a TypeError, for numbers that do not fit together.

        >>> pt.timeseries.trigonometric_seasonal(4).states
        ('wave_1', 'wave_1_other', 'wave_2')
    """
    if not isinstance(period, (int, float)) or not period >= 2:
        raise refusal(
            f"trigonometric_seasonal: period={period!r:.60} is not a number of at least 2",
            kind=GraphError,
        )
    count = int(period // 2)
    if harmonics is not None:
        count = whole_number("trigonometric_seasonal: harmonics", harmonics, 1)
    if count > period / 2:
        raise refusal(
            f"trigonometric_seasonal: {count} harmonics of period {period}",
            f"there are {int(period // 2)}",
            kind=GraphError,
        )
    blocks, names, design = [], [], []
    for k in range(1, count + 1):
        if 2 * k == period:
            blocks.append(as_tensor([[-1.0]]))
            names, design = [*names, f"wave_{k}"], [*design, 1.0]
            continue
        c, s = math.cos(2 * math.pi * k / period), math.sin(2 * math.pi * k / period)
        blocks.append(as_tensor([[c, s], [-s, c]]))
        names, design = [*names, f"wave_{k}", f"wave_{k}_other"], [*design, 1.0, 0.0]
    own = number("trigonometric_seasonal: sigma", sigma, NONNEGATIVE)
    sds = ops.broadcast_to(own, (len(names),))
    return component("trigonometric_seasonal", ops.block_diag(*blocks), design, sds, tuple(names),
                     initial_mean, initial_sd)  # fmt: skip


@public(name="timeseries.cycle")
def cycle(
    period: TensorLike,
    sigma: TensorLike,
    damping: TensorLike = 1.0,
    *,
    initial_mean: TensorLike = 0.0,
    initial_sd: TensorLike | None = None,
) -> StateSpace:
    """A wave of a period that may be random, whose phase and amplitude change: rotation by
    2 pi / period and multiplication by `damping`, with steps N(0, sigma).

    initial_sd  None is that of the stationary cycle for a damping below 1, and 1000 for the
                number 1

    Returns a `StateSpace` with the states "cycle" and "cycle_other". Raises GraphError, a
    TypeError, for parameters that are no numbers, ValueError for literals out of range.

        >>> y = pt.timeseries.cycle(10.0, 0.1, 0.95).series("y", steps=20)
        >>> pt.draw(y, draws=3, seed=1).shape
        (3, 20)
    """
    length = number("cycle: period", period, POSITIVE)
    keep, own = (
        number("cycle: damping", damping, DAMPING),
        number("cycle: sigma", sigma, NONNEGATIVE),
    )
    c, s = (keep * f(2 * math.pi / length) for f in (ops.cos, ops.sin))
    move = ops.stack([ops.stack([c, s]), ops.stack([-s, c])])
    if initial_sd is None:
        undamped = isinstance(damping, (int, float)) and damping == 1
        initial_sd = WIDE if undamped else own / ops.sqrt((1 - keep) * (1 + keep))
    return component("cycle", move, [1.0, 0.0], ops.broadcast_to(own, (2,)),
                     ("cycle", "cycle_other"), initial_mean, initial_sd)  # fmt: skip


@public(name="timeseries.regression")
def regression(
    X: TensorLike,
    beta: TensorLike | None = None,
    *,
    sigma: TensorLike = 0.0,
    initial_mean: TensorLike = 0.0,
    initial_sd: TensorLike = WIDE,
) -> StateSpace:
    """The effects of regressors, X @ beta.

    X      shape (steps, k), with a row for each step, for those of a forecast too
    beta   shape (k,), coefficients, which may be random variables; None makes them states that are
           integrated out
    sigma  the standard deviation of the steps of these states, a number or one for each: 0 for
           coefficients that are constant

    Returns a `StateSpace` with a state for each coefficient, without any if `beta` is given. Raises
    GraphError, a TypeError, for other shapes.

        >>> x = np.ones((20, 1))
        >>> model = pt.timeseries.local_level(0.1, 0.5) + pt.timeseries.regression(x, [2.0])
        >>> model.states
        ('level',)
    """
    x = to_tensor("regression: X", X).astype("float64")
    if x.ndim != 2 or (beta is None and not isinstance(x.shape[1], int)):
        raise refusal(
            f"regression: X has shape {shape_text(x.shape)}; it is (steps, k)",
            "k is a number: for a tensor x of unknown columns, pt.stack([x[:, 0], ...], axis=1)",
            kind=GraphError,
        )
    if beta is not None:
        given = to_tensor("regression: beta", beta).astype("float64")
        if given.ndim != 1:
            raise refusal(f"regression: beta has shape {shape_text(given.shape)}; it is (k,)",
                          kind=GraphError)  # fmt: skip
        return without_states(offset=x @ given)
    k = x.shape[1]
    names = tuple(f"coefficient_{j}" for j in range(k))
    sds = vector("regression: sigma", sigma, k, NONNEGATIVE)
    found = component("regression", ops.eye(k), [0.0] * k, sds, names, initial_mean, initial_sd)
    return replace(found, design=x)


@public(name="timeseries.noise")
def noise(sigma: TensorLike) -> StateSpace:
    """Independent noise N(0, sigma) of the observations.

    Returns a `StateSpace` without states, to be added to another one. Raises GraphError, a
    TypeError, for what is no number, ValueError for a negative literal.

        >>> model = pt.timeseries.local_level(0.1) + pt.timeseries.noise(0.5)
        >>> model.states
        ('level',)
    """
    return without_states(obs_cov=ops.square(number("noise: sigma", sigma, NONNEGATIVE)))


def without_states(offset: Node | None = None, obs_cov: Node | None = None) -> StateSpace:
    """An addend of the observations."""
    empty, zero = ops.zeros((0, 0)), as_tensor(0.0)
    none = ops.zeros((0,))
    return StateSpace(
        empty, none, empty, zero if obs_cov is None else obs_cov, none, empty,
        zero if offset is None else offset, (),
    )  # fmt: skip


def whole_number(what: str, value: object, least: int) -> int:
    """A number of steps or states, which is at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise refusal(f"{what}={value!r:.60} is not a whole number of at least {least}",
                      kind=GraphError)  # fmt: skip
    return value
