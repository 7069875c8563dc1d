"""First passage times of diffusions: densities and both tails beside exact ones, over all scales of
times, starts and drifts; what their infinite values and gaps mean for models and draws."""

import functools
import math

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import stats

import probtensor as pt
from probtensor.graph import GraphError
from tests.prob import exact_passages as exact

R = pt.random
# (time, distance of the start from the boundary and from the other one, drift) in own units.
SCALES = [
    (u, w, 1 - w, drift)
    for u, starts, drifts in (
        (1e-4, (0.01, 0.7), (0.0, 30.0)), (0.003, (0.3,), (-200.0, 3.0)),
        (0.05, (1e-9, 0.02, 0.5), (-1e-9, 40.0)), (0.2, (0.3, 0.501, 0.98), (0.0, -7.0)),
        (0.2499, (1e-4, 0.4, 0.9), (0.01, 4.0, -20.0)), (0.2501, (0.4, 0.9), (0.01, -4.0)),
        (0.6, (1e-9, 0.3, 0.8), (0.0, 15.0)), (1e3, (0.3,), (0.5,)),
    ) for w in starts for drift in drifts
] + [
    (u, 1 - s, s, drift) for u in (0.01, 0.2, 0.3) for s in (1e-9, 1e-3) for drift in (0.0, -9.0)
]  # fmt: skip


def exact_logs(u, w, drift):
    """Logs of the density and both tails, with the digits that what cancels needs."""
    with mp.workdps(int(40 + drift**2 * u / 4 + abs(drift) + min(1 / u, 400) / 4)):
        found = [exact.density(u, w, drift), exact.before(u, w, drift)]
        found.append(exact.chance(w, drift) - found[1] if u < 0.3 else exact.after(u, w, drift))
        return [float(mp.log(y)) for y in found]


@functools.cache
def decision():
    """The log density and both tails of values, their derivatives by values and parameters, and the
    log of the distribution function of those at the upper boundary."""
    x, *own = inputs = [pt.vector(n) for n in ("x", "alpha", "tau", "beta", "delta")]
    both = R.drift_diffusion(*own)
    outs = [pt.logp(both, x), pt.logcdf(both, x), pt.logccdf(both, x)]
    slopes = [s for y in outs for s in pt.grad(pt.sum(y), inputs)]
    outs += [*slopes, pt.logcdf(R.wiener(*own), x)]
    return pt.function(inputs, outs, target="machine")


def test_densities_and_tails_are_exact_at_all_scales():
    """Of both boundaries, by starts seen from either; with finite derivatives."""
    rows = np.array(SCALES)
    # The start is given by its distance from 0, which is exact where it is small.
    at_upper = rows[:, 1] > 1e-8
    sign, lag, width = np.where(at_upper, 1.0, -1.0), 0.125, 2.0
    values = sign * (lag + width**2 * rows[:, 0])
    start = np.where(at_upper, rows[:, 2], rows[:, 1])
    density, below, above, *slopes, before = decision()(
        values, np.full(len(rows), width), np.full(len(rows), lag), start,
        sign * rows[:, 3] / width,
    )  # fmt: skip
    for k, (upper, value) in enumerate(zip(at_upper, values)):
        with mp.workdps(30):
            u = (mpf(abs(value)) - lag) / width**2
            w = 1 - mpf(start[k]) if upper else mpf(start[k])
        log_density, log_before, log_after = exact_logs(u, w, mpf(rows[k, 3]))
        far = above[k] if upper else below[k]
        got, wanted = [density[k], far], [log_density - math.log(width**2), log_after]
        if upper:
            got, wanted = [*got, before[k]], [*wanted, log_before]
        # The time has the rounding of the value.
        slack = 1e-13 + 1e-15 / rows[k, 0]
        np.testing.assert_allclose(got, wanted, rtol=slack, atol=slack, err_msg=str(rows[k]))
    assert np.isfinite(slopes).all()


def test_derivatives_are_those_of_differences():
    at = np.array([(x, 1.4, 0.2, b, d) for x in (-0.9, -0.45, 0.4, 0.66, 2.0)
                   for b in (0.03, 0.6) for d in (-1.3, 0.0)]).T  # fmt: skip
    found = decision()(*at)[3:]
    for k in range(5):
        step = 1e-5 * np.eye(5)[:, k : k + 1]
        up, down = (decision()(*(at + move))[:3] for move in (step, -step))
        for j in range(3):
            np.testing.assert_allclose(found[5 * j + k], (up[j] - down[j]) / 2e-5, rtol=1e-6,
                                       atol=1e-7)  # fmt: skip


def test_quantiles_and_ends():
    at = 1.5, 0.2, 0.4, 0.7
    with mp.workdps(30):
        chance = float(exact.chance(mpf(0.6), mpf(1.5) * mpf(0.7)))
    upper, both = R.wiener(*at), R.drift_diffusion(*at)
    q = np.array([1e-9, 0.3, 1 - chance - 1e-3, 1 - chance + 1e-9, 0.5, chance - 1e-12, 0.99])
    ends = [0.0, 0.2, -0.2, 0.1, np.inf, -np.inf, np.nan]
    back, again, x, y, one, two, tail, high = pt.function([], [
        pt.logcdf(upper, pt.icdf(upper, q)), pt.logcdf(both, pt.icdf(both, q)),
        pt.icdf(upper, q), pt.icdf(both, q), pt.logp(upper, ends), pt.logp(both, ends),
        pt.logcdf(both, ends), pt.logccdf(upper, [0.1, 1e6, np.inf]),
    ], target="machine")()  # fmt: skip
    reached = q < chance
    np.testing.assert_allclose(np.exp(back), np.where(reached, q, 1.0), rtol=1e-12)
    assert np.isinf(x[~reached]).all() and (x[reached] > 0.2).all()
    np.testing.assert_allclose(np.exp(again), q, rtol=1e-12)
    np.testing.assert_array_equal(y > 0, q > 1 - chance)
    assert (np.abs(y) > 0.2).all()
    # The value inf has the probability of the lower boundary.
    lost = math.log1p(-chance)
    np.testing.assert_allclose(one, [-np.inf] * 4 + [lost, -np.inf, np.nan], rtol=1e-14)
    np.testing.assert_allclose(two, [-np.inf] * 6 + [np.nan])
    np.testing.assert_allclose(tail, [lost] * 4 + [0.0, -np.inf, np.nan], rtol=1e-14)
    np.testing.assert_allclose(high, [0.0, lost, -np.inf], rtol=1e-14)


def test_draws_are_those_of_a_process():
    """Shares of the boundaries and means of times are those of Wald's identity."""
    alpha, tau, beta, delta = 1.5, 0.2, 0.3, 0.8
    chance = (1 - math.exp(-2 * delta * alpha * beta)) / (1 - math.exp(-2 * delta * alpha))
    upper, both, least = pt.draw(
        [R.wiener(alpha, tau, beta, delta), R.drift_diffusion(alpha, tau, beta, delta),
         R.drift_diffusion(alpha, tau, beta, delta, constraint=pt.interval(low=0.0))],
        draws=1500, seed=3)  # fmt: skip
    mean = tau + (alpha * chance - alpha * beta) / delta
    assert abs(np.abs(both).mean() - mean) < 4 * np.abs(both).std() / math.sqrt(1500)
    for reached in (np.isfinite(upper), both > 0):
        assert stats.binomtest(int(reached.sum()), 1500, chance).pvalue > 1e-3
    given = [upper[np.isfinite(upper)], both[both > 0], least]
    assert all(part.min() > tau for part in given)
    assert stats.ks_2samp(given[0], given[1]).pvalue > 1e-3
    assert stats.ks_2samp(given[1], given[2]).pvalue > 1e-3


def model(observed):
    """A posterior of all parameters of a drift diffusion, and its inputs."""
    alpha = R.gamma(4.0, 2.0, name="alpha")
    tau = R.uniform(0.05, 0.25, name="tau")
    beta = R.beta(5.0, 5.0, name="beta")
    delta = R.normal(0.5, 1.0, name="delta")
    y = observed(alpha, tau, beta, delta)
    return pt.condition({y: [0.7, 0.45, 1.3] if y.op.distribution.name == "drift_diffusion"
                         else [0.7, 0.45, np.inf]})  # fmt: skip


@pytest.mark.parametrize("kind", [R.wiener, R.drift_diffusion], ids=["wiener", "drift_diffusion"])
def test_models_of_decisions_pass_their_checks(kind):
    posterior = model(lambda *own: kind(*own, shape=3, name="y"))
    report = pt.check_model(posterior, draws=300, tests=["gradient", "variables"])
    assert not report.failures, report


def test_what_is_refused_names_the_variable_and_its_line():
    alpha = pt.scalar("alpha")
    for kind, words in ((R.wiener, "single numbers"), (R.drift_diffusion, "gap")):
        with pytest.raises(GraphError, match=words) as error:
            pt.grad(kind(alpha, 0.2, 0.5, 1.0, name="y"), alpha)
        assert __file__ in str(error.value)
    with pytest.raises(ValueError, match="alpha of wiener 'y'"):
        R.wiener(-1.0, 0.2, 0.5, 1.0, name="y")
    with pytest.raises(GraphError, match=r"wiener 'y'.*not observed"):
        pt.condition({R.normal(R.wiener(1.0, 0.2, 0.5, 1.0, name="y"), 1.0): 0.0})
    with pytest.raises(ValueError, match="finite"):
        pt.condition({R.normal(0.0, 1.0, name="z"): np.inf})
