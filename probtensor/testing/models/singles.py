"""Checks of one random variable of numbers: its density integrates to 1, its draws follow it, its
distribution function, quantiles and moments are those of its density.

A continuous density is integrated over the unconstrained line, with the Jacobian of the bijector,
by the trapezoidal rule in t with u = c + s sinh(pi/2 sinh(t)): it converges quickly for light and
for heavy tails (Takahasi and Mori, 1974, "Double exponential formulas for numerical integration").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from probtensor.compile import function
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.graph.node import new_input
from probtensor.prob.density.cumulative import icdf, logccdf, logcdf
from probtensor.prob.distributions.distribution import Unknown
from probtensor.prob.distributions.support import Integers
from probtensor.process import numpy_part
from probtensor.testing.models.moves import spread
from probtensor.testing.models.parts import TARGET, Alone, reason
from probtensor.testing.models.report import Check

NODES = 4001
END = 3.6  # sinh(pi / 2 * sinh(3.6)) is 1e12
TOLERANCE = 2e-3
MOST_COUNTS = 100_000
Made = Callable[..., Check]
PROBABILITIES = np.array([0.01, 0.2, 0.5, 0.8, 0.99])


@dataclass(frozen=True, eq=False)
class Distributed:
    """The distribution function of one entry, from its density: at points `x` the probability
    `below` of values up to each; `total` is that of all."""

    x: np.ndarray
    mass: np.ndarray
    below: np.ndarray
    total: float


def single_checks(part: Alone, draws: int, seed: int) -> Iterator[Check]:
    """All checks of one variable of numbers."""

    def check(kind: str, text: str, passed: bool | None = None, p: float | None = None) -> Check:
        return Check(kind, part.name, text, part.line, passed, p)

    try:
        drawn = part.draws(draws, seed)
    except (GraphError, ValueError) as error:
        yield check("draws", reason(error), None if isinstance(error, GraphError) else False)
        return
    outside = ~np.broadcast_to(drawn["inside"], drawn["x"].shape)
    if outside.any():
        worst = drawn["x"][outside][0]
        yield check(
            "support", f"{outside.sum()} of {outside.size} draws lie outside, as {worst}", False
        )
        return
    yield check("support", "all draws lie inside", True)
    if part.node.op.distribution.has_atoms and not part.discrete:
        yield from _atom_checks(part, drawn, check)
        return
    found = _summed(part, drawn) if part.discrete else _integrated(part, drawn)
    wrong = [d.total for d in found if not abs(d.total - 1) < TOLERANCE]
    worst = wrong[0] if wrong else found[0].total
    what = "the masses sum to" if part.discrete else "the density integrates to"
    yield check("integral", f"{what} {worst:.6g}", not wrong)
    if wrong:
        return
    yield from _draw_checks(part, found, drawn, seed, check)
    yield from _tail_checks(part, found, drawn, check)
    yield from _moment_checks(part, found, check)
    if not part.discrete:
        yield _jacobian_check(part, drawn, check)


def _integrated(part: Alone, drawn: dict[str, np.ndarray]) -> list[Distributed]:
    """The distribution function of each entry of a continuous variable."""
    u = np.where(np.isfinite(drawn["u"]), drawn["u"], np.nan)
    centre, scale = np.nan_to_num(np.nanmedian(u, axis=0)), spread(u)
    found: list[Distributed] = []
    for count in (NODES, 8 * NODES):
        t = np.linspace(-END, END, count)[:, None]
        with np.errstate(all="ignore"):
            logp, x = part.on_line(centre + scale * np.sinh(0.5 * np.pi * np.sinh(t)))
            weight = scale * 0.5 * np.pi * np.cosh(t) * np.cosh(0.5 * np.pi * np.sinh(t))
            mass = np.exp(logp + np.log(weight)) * (t[1] - t[0])
        mass = np.where((weight > 0) & np.isfinite(x), mass, 0.0)
        below = np.cumsum(mass, axis=0) - 0.5 * mass
        found = [
            Distributed(x[:, k], mass[:, k], below[:, k], float(mass[:, k].sum()))
            for k in range(mass.shape[1])
        ]
        if all(abs(d.total - 1) < TOLERANCE for d in found):
            break
    return found


def _atom_checks(part: Alone, drawn: dict[str, np.ndarray], check: Made) -> Iterator[Check]:
    """Checks of a variable of which single values have positive probability, as censored ones:
    these are the values that are drawn more than once."""
    from scipy import stats

    totals = []
    for k, d in enumerate(_integrated(part, drawn)):
        values, times = np.unique(drawn["x"][:, k], return_counts=True)
        atoms, times = values[times > 1], times[times > 1]
        total = float(d.mass[~np.isin(d.x, atoms)].sum())
        if len(atoms):
            every = np.repeat(atoms[:, None], drawn["x"].shape[1], axis=1)
            masses = np.exp(part.logp_of_values(every))[:, k]
            total += float(masses.sum())
            for value, count, mass in zip(atoms, times, masses, strict=True):
                p = float(stats.binomtest(int(count), len(drawn["x"]), min(mass, 1.0)).pvalue)
                text = f"{count} of {len(drawn['x'])} draws are {value:.6g}, p = {p:.3g}"
                yield check("draws", text, p=p)
        totals.append(total)
    # A value of little probability may have been drawn once, or never.
    wrong = [x for x in totals if not abs(x - 1) < TOLERANCE + 10 / len(drawn["x"])]
    text = f"the density and the masses sum to {(wrong or totals)[0]:.6g}"
    yield check("integral", text, not wrong)


def _summed(part: Alone, drawn: dict[str, np.ndarray]) -> list[Distributed]:
    """The distribution function of each entry of a discrete variable."""
    support = part.node.op.support(*part.node.inputs)
    low, high = _ends(support)
    first = int(low) if np.isfinite(low) else 2 * min(0, int(drawn["x"].min())) - 100
    last = int(min(high, 2 * max(0, int(drawn["x"].max())) + 100))
    entries = drawn["x"].shape[1]
    while True:
        k = np.arange(first, last + 1)
        mass = np.exp(part.logp_of_values(np.repeat(k[:, None], entries, axis=1)))
        short = np.abs(mass.sum(axis=0) - 1).max() > 0.1 * TOLERANCE
        if not short or last >= high or last > MOST_COUNTS:
            break
        last = int(min(4 * last, high))
    below = np.cumsum(mass, axis=0)
    return [
        Distributed(k, mass[:, j], below[:, j], float(mass[:, j].sum())) for j in range(entries)
    ]


def _ends(support: Integers) -> tuple[float, float]:
    """The ends of the largest of some supports."""
    values = [
        np.asarray(x.eval() if isinstance(x, Node) else x) for x in (support.low, support.high)
    ]
    return float(values[0].min()), float(values[1].max())


def _draw_checks(
    part: Alone, found: list[Distributed], drawn: dict[str, np.ndarray], seed: int, check: Made
) -> Iterator[Check]:
    """Tests that draws follow the density, one for each entry."""
    from scipy import stats

    rng = numpy_part("random").default_rng(seed)
    for k, d in enumerate(found):
        x = drawn["x"][:, k]
        if not part.discrete:
            p = stats.kstest(np.clip(_below(d, x), 0, 1), "uniform").pvalue
            yield check("draws", f"{len(x)} draws against the density, p = {p:.3g}", p=float(p))
            continue
        # A count's share of its own probability makes its place continuous.
        at = np.clip(x - d.x[0], 0, len(d.x) - 1).astype(int)
        p = stats.kstest(d.below[at] - rng.uniform(size=len(x)) * d.mass[at], "uniform").pvalue
        yield check("draws", f"{len(x)} draws against the masses, p = {p:.3g}", p=float(p))


def _below(d: Distributed, x: np.ndarray) -> np.ndarray:
    """The probability below values, by interpolation; at ends where points coincide, of either."""
    kept = np.flatnonzero(np.concatenate([[True], d.x[1:] > d.x[:-1]]))
    return np.interp(x, d.x[kept], d.below[kept])


def _tail_checks(
    part: Alone, found: list[Distributed], drawn: dict[str, np.ndarray], check: Made
) -> Iterator[Check]:
    """Compare the distribution function and the quantiles, where known, with the density."""
    x = drawn["x"][:200]
    columns = range(x.shape[1])
    if part.discrete:
        below = np.stack([d.below[np.clip(x[:, k] - d.x[0], 0, len(d.x) - 1).astype(int)]
                          for k, d in zip(columns, found)], axis=1)  # fmt: skip
    else:
        below = np.stack([_below(d, x[:, k]) for k, d in zip(columns, found)], axis=1)
    p = np.repeat(PROBABILITIES[:, None], x.shape[1], axis=1)
    for name, tail, meant in (("logcdf", logcdf, below), ("logccdf", logccdf, 1 - below)):
        got = _function_of(part, tail, x.astype(float))
        if got is not None:
            error = np.abs(np.exp(got) - meant).max()
            text = f"exp({name}) differs from the integral of the density by at most {error:.2g}"
            yield check(name, text, bool(error < TOLERANCE))
    got = _function_of(part, icdf, p)
    if got is None:
        return
    if part.discrete:
        least, most = (
            np.stack([_quantiles(d, p[:, 0] + shift) for d in found], axis=1)
            for shift in (-TOLERANCE, TOLERANCE)
        )
        right, text = (got >= least) & (got <= most), "quantiles against sums of masses"
    else:
        error = np.abs(np.stack([_below(d, got[:, k]) for k, d in enumerate(found)], axis=1) - p)
        right, text = (
            error < TOLERANCE,
            f"probabilities below quantiles are off by {error.max():.2g}",
        )
    yield check("icdf", text, bool(right.all()))


def _quantiles(d: Distributed, p: np.ndarray) -> np.ndarray:
    """The least counts up to which the probability is at least p."""
    return d.x[np.minimum(np.searchsorted(d.below, p), len(d.x) - 1)]


def _function_of(part: Alone, f: Callable, at: np.ndarray) -> np.ndarray | None:
    """A function of the variable and values; None where it is not known."""
    own = new_input("x", "float64", at.shape)
    try:
        node = f(part.node, own)
    except GraphError:
        return None
    return np.asarray(function([own], node, target=TARGET)(at))


def _moment_checks(part: Alone, found: list[Distributed], check: Made) -> Iterator[Check]:
    """Compare the stated mean and variance with those of the density, where its sums converge."""
    op = part.node.op
    if op.constraint is not None or part.circular:
        return  # stated are the moments of the whole, and those of a circle
    stated = {}
    for name in ("mean", "variance"):
        try:
            stated[name] = np.broadcast_to(
                getattr(op.distribution, name)(*part.parameters).eval(), len(found)
            )
        except Unknown:
            return
    for k, d in enumerate(found):
        mean, variance = stated["mean"][k], stated["variance"][k]
        if not (np.isfinite(mean) and np.isfinite(variance)):
            continue
        x = np.where(d.mass > 0, d.x, 0.0)
        with np.errstate(all="ignore"):
            second = d.mass * (x - mean) ** 2
            far = max(second[0], second[-1]) > 1e-6 * second.sum()
        if far:
            continue  # the tails are too heavy for this sum
        got = float(np.sum(d.mass * x)), float(second.sum())
        width = np.sqrt(variance) + 1e-300
        right = abs(got[0] - mean) < 0.01 * width and abs(got[1] / variance - 1) < 0.02
        text = f"stated {mean:.6g} and {variance:.6g}, of the density {got[0]:.6g} and {got[1]:.6g}"
        yield check("moments", f"mean and variance: {text}", bool(right))


def _jacobian_check(part: Alone, drawn: dict[str, np.ndarray], check: Made) -> Check:
    """Compare the slope of the bijector with differences, and its inverse with itself, at draws."""
    u = np.where(np.isfinite(drawn["u"]), drawn["u"], 0.0)[:50]
    own = new_input("u", "float64", u.shape)
    bijector = part.bijector
    x, slope = bijector.forward(own), bijector.log_jacobian(own)
    zero = own * 0.0
    outputs = [x + zero, zero if slope is None else slope + zero, bijector.inverse(x) + zero]
    at = function([own], outputs, target=TARGET)
    step = 1e-4 * np.maximum(1.0, np.abs(u))
    with np.errstate(all="ignore"):
        meant = np.log(np.abs(at(u + step)[0] - at(u - step)[0]) / (2 * step))
    _, got, back = at(u)
    wrong = np.abs(got - meant) > 1e-3 * np.maximum(1.0, np.abs(meant))
    lost = np.abs(back - u) > 1e-3 * np.maximum(1.0, np.abs(u))
    # Where a value rounds onto a bound there is nothing to compare.
    known = np.isfinite(meant) & (np.abs(u) < 15)
    if (lost & known).any():
        k = tuple(np.argwhere(lost & known)[0])
        return check(
            "transform", f"the inverse of the value at u = {u[k]:.6g} is {back[k]:.6g}", False
        )
    if (wrong & known).any():
        k = tuple(np.argwhere(wrong & known)[0])
        text = f"the log-Jacobian at u = {u[k]:.6g} is {got[k]:.6g}, by differences {meant[k]:.6g}"
        return check("transform", text, False)
    return check("transform", "round trip, and log-Jacobian against differences", True)
