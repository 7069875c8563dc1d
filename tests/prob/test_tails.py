"""Distribution functions and quantiles beside exact ones, far into both tails."""

import math

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import stats

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.prob.distributions.distribution import Distribution, Unknown
from tests.prob.distributions import DISTRIBUTIONS, without_tails
from tests.prob.exact_tails import CDF, DIGITS, log_tails

LEVELS = np.array([-690.0, -200.0, -40.0, -8.0, -2.0, -0.8])  # logs of probabilities
EPS = 2.0**-52


def kind_of(case):
    return type(case.variable().op.distribution).__name__


KNOWN = [case for case in DISTRIBUTIONS if kind_of(case) in CDF]
UNKNOWN = [case for case in DISTRIBUTIONS
           if type(case.variable().op.distribution).logcdf is Distribution.logcdf]  # fmt: skip
CONTINUOUS = [case for case in KNOWN if not case.discrete]
COUNTS = [case for case in KNOWN if case.discrete]
# Truncated ones are in test_passages.py, which builds their large graphs once.
CUTTABLE = [case for case in CONTINUOUS if case.name not in ("wiener", "drift_diffusion")]


def evaluate(*nodes):
    with np.errstate(all="ignore"):
        return pt.function([], list(nodes), target="machine")()


def quantiles(case):
    """Values at which the tails have the levels, below and above; None where it is not known."""
    variable = case.variable()
    distribution, own = variable.op.distribution, variable.inputs
    levels = pt.as_tensor(LEVELS)
    try:
        found = evaluate(distribution.lower_quantile(levels, *own),
                         distribution.upper_quantile(levels, *own))  # fmt: skip
    except Unknown:
        return None
    # Beyond the largest float, or so near an end that floats have no values there.
    return [x[np.isfinite(x)] for x in found]


@pytest.mark.parametrize("case", CONTINUOUS, ids=str)
def test_tails_and_quantiles_are_exact(case):
    found, kind = quantiles(case), kind_of(case)
    if found is None:
        found = [case.scipy.ppf([1e-9, 1e-3, 0.2]), case.scipy.isf([1e-9, 1e-3, 0.2])]
        levels = None
    else:
        levels = LEVELS
    variable = case.variable()
    parameters = [float(p.eval()) for p in variable.inputs]
    low, high = case.scipy.support() if hasattr(case.scipy, "support") else (0, 1)
    for above, values in enumerate(found):
        logs = evaluate(pt.logcdf(variable, values), pt.logccdf(variable, values))
        density = evaluate(pt.logp(variable, values))[0]
        for k, x in enumerate(values):
            if x in (low, high) or (x in (0, 1) and case.inside.max() < 1):
                continue
            exact = log_tails(kind, x, parameters)
            size = abs(x) + max(abs(p) for p in parameters if abs(p) < 1e4)
            for one, other in zip((logs[0][k], logs[1][k]), exact):
                steep = size * math.exp(min(density[k] - other, 700))
                assert abs(one - other) <= 200 * EPS * (1 + abs(other) + steep), (x, one, other)
            if levels is not None and len(values) == len(levels):
                tail = exact[above]
                steep = size * math.exp(min(density[k] - tail, 700))
                assert abs(tail - levels[k]) <= 400 * EPS * (1 + abs(tail) + steep), (x, tail)


@pytest.mark.parametrize("case", COUNTS, ids=str)
def test_tails_of_counts_are_exact(case):
    variable = case.variable()
    parameters = [float(p.eval()) for p in variable.inputs]
    logs = evaluate(pt.logcdf(variable, case.inside), pt.logccdf(variable, case.inside))
    between = evaluate(pt.logcdf(variable, case.inside + 0.5))[0]
    np.testing.assert_array_equal(logs[0], between)
    exact = np.array([log_tails(kind_of(case), x, parameters) for x in case.inside]).T
    np.testing.assert_allclose(logs, exact, rtol=1e-12, atol=1e-14)
    shares = np.array([0.001, 0.03, 0.4, 0.5, 0.77, 0.999999])
    (found,) = evaluate(pt.icdf(variable, shares))
    for x, share in zip(found, shares):
        least, log_share = case.inside.min(), math.log(share)
        assert log_tails(kind_of(case), x, parameters)[0] >= log_share - 1e-14, (x, share)
        if x > least:
            before = log_tails(kind_of(case), x - 1, parameters)[0]
            assert before < log_share + 1e-14, (x, share)


@pytest.mark.parametrize("case", KNOWN, ids=str)
def test_ends_of_supports_and_what_lies_beyond(case):
    variable = case.variable()
    x = np.array([-np.inf, np.inf, np.nan])
    below, above, quantile = evaluate(
        pt.logcdf(variable, x), pt.logccdf(variable, x), pt.icdf(variable, [-0.1, 1.1, np.nan])
    )
    assert below[0] == -np.inf and below[1] == 0 and np.isnan(below[2])
    assert above[0] == 0 and above[1] == -np.inf and np.isnan(above[2])
    assert np.isnan(quantile).all()
    for outside in case.outside:
        lower, upper = evaluate(pt.logcdf(variable, outside), pt.logccdf(variable, outside))
        assert {float(lower), float(upper)} == {0.0, -np.inf}
    ends = evaluate(pt.icdf(variable, [0.0, 1.0]))[0]
    assert ends[0] <= case.inside.min() and ends[1] >= case.inside.max()


@pytest.mark.parametrize("case", [c for c in CONTINUOUS if c.wrong], ids=str)
def test_parameters_out_of_range_are_nan(case):
    inputs = {name: pt.scalar(name) for name in case.parameters}
    variable = case.make(**inputs)
    f = pt.function([*inputs.values()], pt.logcdf(variable, case.inside), target="machine",
                    on_unused_input="ignore")  # fmt: skip
    assert np.isfinite(f(**{k: float(v) for k, v in case.parameters.items()})).any()
    assert np.isnan(f(**{k: float(v) for k, v in {**case.parameters, **case.wrong}.items()})).all()


def test_what_is_not_known_is_refused_with_its_line():
    for case in UNKNOWN:
        with pytest.raises(GraphError, match=rf"logcdf: .*{case.name}") as error:
            pt.logcdf(case.variable(name="x"), 1.0)
        assert "distributions.py" in str(error.value)
    for what in (pt.logcdf, pt.logccdf, pt.icdf):
        with pytest.raises(GraphError, match=rf"{what.__name__}: .*without_tails") as error:
            what(without_tails(name="x"), 0.5)
        assert __file__ in str(error.value)


CUT = [
    pt.interval(0.2, 0.9), pt.interval(low=0.7),
    pytest.param(pt.interval(high=0.6), marks=pytest.mark.slow),
    pytest.param(pt.interval(0.55, 0.5500001), marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.parametrize("case", CUTTABLE, ids=str)
@pytest.mark.parametrize("constraint", CUT, ids=str)
def test_truncated_ones_have_the_shares_of_the_whole(case, constraint):
    """F(x) of a truncated variable is (F(x) - F(a)) / (F(b) - F(a)), its quantiles invert it, its
    density is the slope of it, and its draws lie inside."""
    whole, part = case.variable(), case.variable(constraint=constraint)
    low, high = (max(constraint.low, -1e9), min(constraint.high, 1e9))
    own = evaluate(pt.icdf(whole, [1e-6, 1 - 1e-6]))[0]
    low, high = max(low, own[0]), min(high, own[1])
    if low >= high:
        return
    x = low + (high - low) * np.array([0.1, 0.5, 0.8])
    ends = [constraint.low, constraint.high]
    cdf, at_ends = np.split(np.exp(evaluate(pt.logcdf(whole, [*x, *ends]))[0]), [3])
    wanted = (cdf - at_ends[0]) / (at_ends[1] - at_ends[0])
    tolerance = 1e-9 + 1e-15 / (at_ends[1] - at_ends[0])
    own = pt.logcdf(part, x)
    logs, upper, density, plain, back = evaluate(
        own, pt.logccdf(part, x), pt.logp(part, x), pt.logp(whole, x), pt.icdf(part, pt.exp(own))
    )
    np.testing.assert_allclose(np.exp(logs), wanted, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(np.exp(upper), 1 - wanted, rtol=tolerance, atol=tolerance)
    share = np.log(at_ends[1] - at_ends[0])
    np.testing.assert_allclose(density, plain - share, rtol=tolerance, atol=10 * tolerance)
    np.testing.assert_allclose(back, x, rtol=1e-7)
    draws = pt.draw(part, draws=40, seed=1)
    assert (draws >= constraint.low).all() and (draws <= constraint.high).all()
    assert len(set(draws)) > 30


def test_slopes_of_tails_are_densities():
    x, shape = pt.vector("x"), pt.scalar("shape")
    variable = pt.random.gamma(shape, 2.0)
    tails = [pt.logcdf(variable, x), pt.logccdf(variable, x)]
    slopes = [pt.grad(pt.sum(pt.exp(tail)), x) for tail in tails]
    by_shape = pt.jacobian(tails[0], shape)
    f = pt.function([x, shape], [*slopes, by_shape], target="machine")
    at = np.array([0.2, 1.0, 4.0])
    below, above, sensitivity = f(at, 2.5)
    density = stats.gamma(2.5, scale=0.5).pdf(at)
    np.testing.assert_allclose(below, density, rtol=1e-12)
    np.testing.assert_allclose(above, -density, rtol=1e-12)
    moved = [stats.gamma(s, scale=0.5).logcdf(at) for s in (2.5 - 1e-6, 2.5 + 1e-6)]
    np.testing.assert_allclose(sensitivity, (moved[1] - moved[0]) / 2e-6, rtol=1e-6)


def test_draws_of_a_tail_that_floats_cannot_hold_are_nan():
    """No draw at the bound stands for a tail whose probability underflows."""
    far = pt.random.gamma(2.0, 1.0, constraint=pt.interval(low=2000.0))
    assert np.isnan(pt.draw(far, draws=3, seed=1)).all()
    near = pt.random.exponential(1.0, constraint=pt.interval(2000.0, 2001.0))
    draws = pt.draw(near, draws=3, seed=1)
    assert (draws > 2000).all() and (draws < 2001).all()


@pytest.mark.slow
@pytest.mark.parametrize("case", CONTINUOUS, ids=str)
def test_single_precision_is_near_double(case):
    found = []
    for dtype in ("float32", "float64"):
        inputs = {name: pt.scalar(name, dtype=dtype) for name in case.parameters}
        variable, x = case.make(**inputs), pt.vector("x", dtype=dtype)
        outs = [pt.logp(variable, x), pt.logcdf(variable, x), pt.logccdf(variable, x)]
        outs.append(pt.icdf(variable, pt.as_tensor(np.array([0.1, 0.9], dtype))))
        f = pt.function([*inputs.values(), x], outs, target="machine", on_unused_input="ignore")
        at = {k: np.dtype(dtype).type(np.float32(v)) for k, v in case.parameters.items()}
        found.append(f(**at, x=case.inside.astype("float32").astype(dtype)))
        assert {y.dtype.name for y in found[-1]} == {dtype}
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-4)


def test_single_precision_stays():
    for case in CONTINUOUS:
        inputs = {name: pt.scalar(name, dtype="float32") for name in case.parameters}
        variable, x = case.make(**inputs), pt.vector("x", dtype="float32")
        for of in (pt.logp, pt.logcdf, pt.logccdf, pt.icdf):
            assert of(variable, x).dtype == "float32", (str(case), of.__name__)


def test_intervals_far_in_either_tail_keep_their_digits():
    """The probability of an interval is a difference in the tail that it lies in."""
    for variable, (low, high) in (
        (pt.random.gamma(2.0, 1.0), (200.0, 210.0)),
        (pt.random.gamma(200.0, 1.0), (20.0, 21.0)),
        (pt.random.student_t(4.0), (1e6, 2e6)),
        (pt.random.beta(30.0, 40.0), (0.001, 0.002)),
        (pt.random.weibull(1.5, 1.0), (120.0, 121.0)),  # with a probability of 1e-571
    ):
        x, part = 0.4 * low + 0.6 * high, pt.interval(low, high)
        cut = type(variable.op.distribution).name
        cut = getattr(pt.random, cut)(*variable.inputs, constraint=part)
        parameters = [float(p.eval()) for p in variable.inputs]
        kind = type(variable.op.distribution).__name__
        with mp.workdps(2 * DIGITS):
            ends = [CDF[kind](mp.mpf(e), *map(mp.mpf, parameters)) for e in (low, high)]
            share = float(mp.log(ends[1] - ends[0]))
        found, whole = evaluate(pt.logp(cut, x), pt.logp(variable, x))
        assert abs(float(whole - found) - share) <= 1e-12 * abs(share), (kind, share)


def test_quantiles_at_steps_of_a_distribution_function():
    """A rounding of the probability does not move a count."""
    tenths = np.arange(1, 11) / 10
    (found,) = evaluate(pt.icdf(pt.random.discrete_uniform(1, 10), tenths))
    np.testing.assert_array_equal(found, np.arange(1, 11))


# Parameters and a value whose quotient, width or square over- or underflows.
FAR = [
    ("weibull", "Weibull", (1e-3, 1e-300), 1e100), ("weibull", "Weibull", (1e-3, 1e300), 1e-100),
    ("frechet", "Frechet", (1e-3, 1e-300), 1e100), ("pareto", "Pareto", (0.3, 1e-300), 1e100),
    ("pareto_type_2", "ParetoType2", (1.5, 1e-300, 1e-8), 1e9),
    ("pareto_type_2", "ParetoType2", (0.0, 1e100, 2.5), 1e-300),
    ("rayleigh", "Rayleigh", (1e100,), 1e-300), ("levy", "Levy", (0.0, 1e-300), 1e100),
    ("gompertz", "Gompertz", (0.3, 1e-300), 1e-100),
    ("generalized_gamma", "GeneralizedGamma", (1e-3, 1e-3, 1e100), 1e-300),
    ("triangular", "Triangular", (-1.0, 0.0, 1e300), 0.5),
    ("triangular", "Triangular", (0.0, 0.0, 1.0), 1e-300),
    ("log_uniform", "LogUniform", (1e-300, 1e300), 0.5),
    ("doubly_truncated_power_law", "DoublyTruncatedPowerLaw", (-1.5, 1e-300, 1e300), 1.0),
    ("doubly_truncated_power_law", "DoublyTruncatedPowerLaw", (3.0, 1e-300, 1e300), 1e200),
    ("lower_truncated_power_law", "LowerTruncatedPowerLaw", (-1.000000001, 1e-300), 1e9),
    ("asymmetric_laplace", "AsymmetricLaplace", (1e100, 0.0, 1e-300), 0.0),
    ("wald", "Wald", (1e100, 0.3, 0.0), 1e100), ("student_t", "StudentT", (0.3, 0.0, 1.0), -1e200),
    ("scaled_inverse_chi_squared", "ScaledInverseChiSquared", (3.0, 1e-160), 1e-300),
    ("skew_student_t", "SkewStudentT", (0.3, 2.5, 0.0, 1.0), -1e160),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "parameters", "x"), FAR, ids=str)
def test_tails_hold_where_parts_of_them_leave_the_floats(name, kind, parameters, x):
    inputs = [pt.scalar(f"p{k}") for k in range(len(parameters))]
    variable = getattr(pt.random, name)(*inputs)
    f = pt.function(inputs, [pt.logcdf(variable, x), pt.logccdf(variable, x)], target="machine")
    for found, exact in zip(f(*parameters), log_tails(kind, x, parameters)):
        if math.isfinite(exact):
            np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-15)


def test_slopes_of_students_tails_at_the_middle():
    nu, mu, low = pt.scalar("nu"), pt.scalar("mu"), pt.scalar("low")
    half = pt.random.student_t(nu, mu, 2.0, constraint=pt.interval(low=low))
    outs = [pt.logp(half, 1.5), pt.logcdf(pt.random.student_t(nu, mu, 2.0), 0.5)]
    slopes = [pt.grad(outs[0], low), pt.grad(outs[1], mu), pt.grad(pt.grad(outs[1], mu), mu)]
    by_nu = [pt.grad(out, nu) for out in outs]
    f = pt.function([nu, mu, low], [*slopes, *by_nu], target="machine")
    density = stats.t(3.0, 0.5, 2.0).pdf(0.5)
    found = f(3.0, 0.5, 0.5)
    np.testing.assert_allclose(found[:2], [2 * density, -2 * density], rtol=1e-12)
    np.testing.assert_allclose(found[2], -4 * density**2, rtol=1e-12)
    steps = [stats.t(3.0 + step, 0.5, 2.0).logpdf(1.5) for step in (1e-6, -1e-6)]
    by_nu = (steps[0] - steps[1]) / 2e-6
    np.testing.assert_allclose(found[3:], [by_nu, 0.0], rtol=1e-6, atol=1e-15)


def test_masses_of_large_counts_do_not_cancel():
    with mp.workdps(60):
        q, beta, x = mpf(0.001), mpf(0.001), mpf(10) ** 15
        exact = float(mp.log(q ** (x**beta) - q ** ((x + 1) ** beta)))
    found = pt.logp(pt.random.discrete_weibull(0.001, 0.001), 10**15).eval()
    np.testing.assert_allclose(found, exact, rtol=1e-12)


def log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


LARGE = [(5e8, 1e9, 1e9, 1e9), (1e15, 2e15, 3.0, 4.0), (3.0, 10.0, 1e300, 1e-300)]


@pytest.mark.parametrize("at", LARGE)
def test_masses_of_mixtures_of_large_counts_do_not_cancel(at):
    with mp.workdps(700):
        x, n, a, b = map(mpf, at)
        binomial = -mp.log(n + 1) - log_beta(x + 1, n - x + 1)
        binomial += log_beta(x + a, n - x + b) - log_beta(a, b)
        negative = mp.loggamma(n + x) - mp.loggamma(n) - mp.loggamma(x + 1)
        negative += log_beta(a + n, b + x) - log_beta(a, b)
    found = pt.logp(pt.random.beta_binomial(*at[1:]), int(at[0])).eval()
    np.testing.assert_allclose(found, float(binomial), rtol=1e-12)
    found = pt.logp(pt.random.beta_negative_binomial(*at[2:], at[1]), int(at[0])).eval()
    np.testing.assert_allclose(found, float(negative), rtol=1e-12)


# Distributions whose parameters have an order, and parameters without it.
ORDERED = [
    ("triangular", (0.0, 2.0, 1.0), "upper of triangular must be at least c; it is 1"),
    ("triangular", (1.0, 0.5, 2.0), "c of triangular must be at least lower; it is 0.5"),
    ("triangular", (1.0, 1.0, 1.0), "upper of triangular must be above lower; it is 1"),
    ("log_uniform", (5.0, 0.5), "high of log_uniform must be above low; it is 0.5"),
    ("doubly_truncated_power_law", (-1.0, 5.0, 0.5), "high of .* must be above low; it is 0.5"),
    ("discrete_uniform", (5, 2), "upper of discrete_uniform must be at least lower; it is 2"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "message"), ORDERED, ids=str)
def test_parameters_out_of_order(name, parameters, message):
    make = getattr(pt.random, name)
    with pytest.raises(ValueError, match=message) as error:
        make(*parameters)
    assert __file__ in str(error.value)
    inputs = [pt.vector(f"p{k}", shape=(2,)) for k in range(len(parameters))]
    variable = make(*inputs)
    right = variable.op.distribution.shown
    at = [np.array([1.0 * p, q]) for p, q in zip(parameters, right)]
    outs = [pt.logcdf(variable, at[-1]), pt.icdf(variable, 0.5)]
    found = pt.function(inputs, outs, target="machine")(*at)
    assert [np.isnan(y).tolist() for y in found] == [[True, False]] * 2
    draw = pt.function(inputs, variable, target="machine", seed=1)
    if variable.dtype == "int64":
        with pytest.raises(ValueError, match=r"upper of .* must be at least lower"):
            draw(*at)
    else:
        assert np.isnan(draw(*at)).tolist() == [True, False]
    assert pt.logp(variable, at[-1]).eval(dict(zip(inputs, at)))[0] == -np.inf
