"""Even powers and remainders of variables, and reasons in the terms of what was written."""

import numpy as np
import pytest
from scipy import special, stats

import probtensor as pt
from probtensor import GraphError

R = pt.random


def message(expression):
    with pytest.raises(GraphError) as caught:
        pt.logp(expression, 0.0)
    return str(caught.value)


def test_a_function_that_expands_is_named_itself():
    x = R.normal(0.0, 1.0, shape=3)
    assert "no rule is known for log_softmax of random tensors" in message(pt.log_softmax(x))
    assert "softmax is derived of logarithms of gamma" in message(pt.softmax(x))
    text = message(pt.sigmoid(pt.softmax(x)))
    assert "softmax at " in text and "isinf" not in text


def test_a_clear_reason_inside_of_a_function_that_expands_is_told_of_it():
    walk = pt.scan(lambda x: R.normal(x, 1.0), outputs_info=0.0, n_steps=3)[0]
    assert "entries that depend on each other are censored" in message(pt.clip(walk, -1.0, 1.0))


@pytest.mark.parametrize("mean", [0.0, 0.4])
def test_a_negative_even_power_of_values_of_both_signs(mean):
    x, y = R.normal(mean, 1.0) ** -2, np.array([1e-3, 0.5, 1.5, 9.0])
    base, root = stats.norm(mean, 1.0), y**-0.5
    density = (base.pdf(root) + base.pdf(-root)) * 0.5 * y**-1.5
    np.testing.assert_allclose(pt.logp(x, y).eval(), np.log(density), rtol=1e-12)
    outside = base.sf(root) + base.cdf(-root)
    np.testing.assert_allclose(np.exp(pt.logcdf(x, y).eval()), outside, rtol=1e-12)
    np.testing.assert_allclose(np.exp(pt.logccdf(x, y).eval()), 1 - outside, rtol=1e-12)
    assert pt.logp(x, [0.0, -1.0]).eval().tolist() == [-np.inf, -np.inf]


def test_remainders_of_values_with_bounds_of_their_own_by_divisors_of_their_own():
    x, factors = R.uniform(0.0, 1.0, shape=2), np.array([-1.0, 2.0])
    found = pt.logp(pt.mod(factors * x, 0.75), [0.1, 0.2]).eval()
    np.testing.assert_allclose(found, np.log([1.0, 1.5]), atol=1e-12)
    found = pt.logp(pt.mod(x, np.array([0.5, 2.0])), [0.2, 0.3]).eval()
    np.testing.assert_allclose(found, np.log([2.0, 1.0]), atol=1e-12)
    text = message(pt.mod(x, pt.exp(pt.scalar("s"))))
    assert "the number of periods that its values extend over is not known" in text


def test_values_of_discrete_expressions_that_are_no_whole_numbers():
    counts, mass = R.poisson(2.0), stats.poisson(2.0)
    tenths = 0.1 * counts
    least = pt.logaddexp(pt.minimum(R.categorical([0.2, 0.5, 0.3]).astype("float64"), 0.8), 0.2)
    cases = [
        (pt.exp(tenths), np.exp(0.3), mass.logpmf(3)),
        (pt.softplus(pt.cbrt(counts.astype("float64"))),
         np.log1p(np.exp(np.cbrt(3.0))), mass.logpmf(3)),
        (pt.minimum(tenths, 0.25), 0.25, mass.logsf(2)),
        (tenths >= 0.3, 1.0, np.log(mass.sf(2))),
        (pt.max(pt.stack([tenths, 0.1 * R.poisson(2.0)])), 0.1,
         np.log(mass.cdf(1) ** 2 - mass.cdf(0) ** 2)),
        (pt.cumsum(0.5 * R.poisson(2.0, shape=2)), [0.5, 2.0], mass.logpmf([1, 3])),
        (least, np.logaddexp(0.8, 0.2), np.log(0.8)),
        (counts.astype("float64") ** -2.0, 0.25, mass.logpmf(2)),
        (R.bernoulli(0.3) + tenths, 0.2, np.log(0.7) + mass.logpmf(2)),
    ]  # fmt: skip
    found = pt.function([], [pt.logp(x, y) for x, y, _ in cases], target="machine")()
    for k, (values, (*_, expected)) in enumerate(zip(found, cases, strict=True)):
        np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=str(k))


def test_points_at_infinity_nan_and_narrow_uniform_terms():
    z, p = stats.norm(), pt.scalar("p")
    x, zero = R.normal(0.0, 1.0, shape=3), pt.where(R.bernoulli(0.4), R.normal(0.0, 1.0), 0.0)
    fair = R.bernoulli(p, shape=3)
    either = pt.where(R.bernoulli(0.3), R.log_normal(0.0, 1.0), R.half_normal(1.0))
    cases = [
        (pt.logp(pt.softplus(either) - R.uniform(0.0, 1.0), -0.1), np.log(
            0.3 * stats.lognorm(1).cdf(np.log(np.expm1(0.9)))
            + 0.7 * stats.halfnorm.cdf(np.log(np.expm1(0.9))))),
        (pt.logp(pt.exp(pt.cumsum(R.gamma(2.0, 1.0, shape=2))), [[-0.1, 0.5], [0.0, 0.0]]),
         [[-np.inf, -np.inf], [-np.inf, -np.inf]]),
        (pt.logp(zero**-3, [np.inf, 8.0]),
         [np.log(0.6), np.log(0.4) + z.logpdf(0.5) - np.log(48)]),
        (pt.logp(R.uniform(0.0, 1e-200) + x[0], 0.3), z.logpdf(0.3)),
        (pt.logp(R.uniform(0.0, 1.0) - x[0], 60.0), z.logsf(59.0)),
        (pt.logcdf(pt.sum(fair), [2, 3]), [-np.inf, 0.0]),
        (pt.logcdf(R.binomial(3, logit_p=pt.logit(p)), [2, 3]), [-np.inf, 0.0]),
        (pt.logp(R.normal(0.0, 1.0) * R.normal(0.0, 1.0), 800.0),
         -800 + np.log(special.k0e(800)) - np.log(np.pi)),
    ]  # fmt: skip
    values = [
        pt.log(x[0]), x[0] ** -3, R.uniform(0.0, 1.0) + x[0], x[0] * x[1], x[0] + R.bernoulli(0.3),
        pt.max(pt.clip(x, -1.0, 1.0)), pt.sum(R.discrete_uniform(1, 6, shape=2)).astype("float64"),
    ]  # fmt: skip
    graphs = [*(g for g, _ in cases), *(pt.logp(v, np.nan) for v in values)]
    found = pt.function([p], graphs, target="machine")(1.0)
    for k, (one, (_, expected)) in enumerate(zip(found, cases)):
        np.testing.assert_allclose(one, expected, rtol=1e-9, err_msg=str(k))
    assert np.isnan(found[len(cases) :]).all()


def test_densities_of_partial_functions_lack_the_probability_of_nan():
    t = np.linspace(-8.0, 8.0, 4001)
    logs = pt.function([], pt.logp(pt.log(R.normal(0.3, 0.8)), t), target="machine")()
    np.testing.assert_allclose(np.exp(logs).sum() * (t[1] - t[0]), stats.norm(0.3, 0.8).sf(0),
                               atol=1e-3)  # fmt: skip
    with pytest.raises(GraphError, match="distribution function of this expression is not known"):
        pt.logcdf(pt.log(R.normal(0.3, 0.8)), 0.0)
