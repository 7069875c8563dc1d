"""`pt.check_model` finds planted faults of many kinds, and none where there is none."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.prob.bijectors.scalars import Lower
from probtensor.prob.distributions import counts, discrete
from probtensor.prob.distributions.base import random_variable
from probtensor.prob.distributions.continuous import positive, real
from probtensor.prob.distributions.multivariate import normals

VARIABLES = ["variables"]


def failed(model, tests, **options):
    """The kinds and subjects of failed checks."""
    report = pt.check_model(model, tests=tests, **options)
    return {(c.kind, c.subject) for c in report.failures}, report


def alone(kind, *parameters, **options):
    """The posterior of one free variable of a distribution."""
    x = random_variable(kind(), parameters, name="x", **options)
    y = pt.random.normal(x if not kind.over.discrete else 0.0, 1.0, name="y")
    return pt.condition({x: 1, y: 1.0} if kind.over.discrete else {y: np.zeros(y.shape)})


class Scaled(real.Normal):
    """Draws are twice as wide as the density."""

    def sample(self, key, shape, mu, sigma):
        return mu + 2 * (super().sample(key, shape, mu, sigma) - mu)


class Unnormalised(real.Normal):
    def logpdf(self, x, mu, sigma):
        return super().logpdf(x, mu, sigma) + 0.1


class WithoutScale(real.Normal):
    """The normaliser lacks the scale."""

    def logpdf(self, x, mu, sigma):
        return super().logpdf(x, mu, sigma) + ops.log(sigma)


class Outside(positive.Exponential):
    def sample(self, key, shape, rate):
        return super().sample(key, shape, rate) - 0.01


class WrongCdf(real.Normal):
    def logcdf(self, x, mu, sigma):
        return super().logcdf(1.05 * x, mu, sigma)


class WrongQuantile(positive.Exponential):
    def lower_quantile(self, log_p, rate):
        return 1.1 * super().lower_quantile(log_p, rate)


class WrongMean(positive.Gamma):
    def mean(self, alpha, beta):
        return alpha * beta


class SlightlyWrongMean(real.Normal):
    """By a twentieth of the standard deviation."""

    def mean(self, mu, sigma):
        return mu + 0.05 * sigma


class WrongMass(discrete.Poisson):
    def logpdf(self, x, mu):
        return super().logpdf(x, mu) + 0.05 * x


class WrongCounts(counts.Geometric):
    """Draws count failures, the density trials."""

    def sample(self, key, shape, p):
        return super().sample(key, shape, p) + 1


class Transposed(normals.MultivariateNormal):
    def sample(self, key, shape, mu, scale_tril):
        return super().sample(key, shape, mu, ops.matrix_transpose(scale_tril) + 0.0)


@pytest.mark.parametrize(
    "kind, parameters, expected",
    [
        (Scaled, (0.0, 1.0), "draws"),
        (Unnormalised, (0.0, 1.0), "integral"),
        (WithoutScale, (0.0, 2.0), "integral"),
        (Outside, (1.0,), "support"),
        (WrongCdf, (0.0, 1.0), "logcdf"),
        (WrongQuantile, (1.0,), "icdf"),
        (WrongMean, (2.0, 3.0), "moments"),
        (SlightlyWrongMean, (1.0, 2.0), "moments"),
        (WrongMass, (3.0,), "integral"),
        (WrongCounts, (0.3,), "draws"),
    ],
)
def test_fault_of_a_distribution_is_found(kind, parameters, expected):
    found, report = failed(alone(kind, *parameters), VARIABLES, draws=2000)
    assert ("x" in {s for _, s in found}) and (expected, "x") in found, report
    base = kind.__mro__[1]
    assert not failed(alone(base, *parameters), VARIABLES, draws=2000)[0]


def test_draws_of_vectors_are_found_wrong():
    factor = np.array([[1.0, 0.0], [2.0, 0.5]])
    for kind, wrong in ((normals.MultivariateNormal, False), (Transposed, True)):
        x = random_variable(kind(), (np.zeros(2), factor), name="x")
        model = pt.condition({pt.random.normal(x, 1.0, name="y"): np.zeros(2)})
        assert (("draws", "x") in failed(model, VARIABLES)[0]) == wrong


WRONG = {"log_jacobian": lambda self, u: 2 * u, "inverse": lambda self, x: 1.01 * ops.log(x)}


@pytest.mark.parametrize("method", [*WRONG])
def test_fault_of_a_transformation_is_found(method, monkeypatch):
    monkeypatch.setattr(Lower, method, WRONG[method])
    x = pt.random.gamma(2.0, 1.0, name="x")
    model = pt.condition({pt.random.normal(x, 1.0, name="y"): 1.0})
    kinds = {kind for kind, _ in failed(model, VARIABLES, draws=2000)[0]}
    assert kinds & {"transform", "integral"}


@pt.custom_vjp
def wrong_square(x):
    """x**2 with a derivative of x."""
    return x * x


wrong_square.defvjp(lambda x: (x * x, x), lambda x, g: (g * x,))


def test_wrong_and_missing_gradients_are_found():
    mu, nu = (pt.random.normal(0.0, 1.0, name=name) for name in ("mu", "nu"))
    y = pt.random.normal(wrong_square(mu) + nu, 1.0, name="y")
    assert failed(pt.condition({y: 1.0}), ["gradient"])[0] == {("gradient", "mu")}
    detached = pt.random.normal(pt.stop_gradient(mu) + nu, 1.0, name="y")
    assert failed(pt.condition({detached: 1.0}), ["gradient"])[0] == {("gradient", "mu")}


def test_density_that_is_no_number_is_found():
    s = pt.random.normal(0.0, 1.0, name="s")
    y = pt.random.normal(pt.exp(s * 1e3) - pt.exp(s * 1e3 + 1), 1.0, name="y")
    found, report = failed(pt.condition({y: 1.0}), ["gradient"])
    assert ("finite", "model") in found and "y" in str(report.failures[0])


def doubled():
    """The likelihood counts twice."""
    mu = pt.random.normal(0.0, 1.0, name="mu")
    y = pt.random.normal(mu, 1.0, shape=4, name="y")
    return {y: np.zeros(4)}, pt.sum(pt.logp(y, y))


def test_data_that_count_twice_are_found():
    observed, again = doubled()
    assert not failed(pt.condition(observed), ["joint", "calibration"], simulations=20)[0]
    model = pt.condition(observed, potentials=[again])
    found, report = failed(model, ["joint", "calibration"], simulations=100)
    assert found >= {("joint", "mu"), ("calibration", "mu")}, report
    assert report.ranks["mu"].shape == (100, 1) and report.ranks["mu"].max() <= report.rank_draws


def test_right_model_passes_and_the_report_shows_ranks(tmp_path):
    scale = pt.random.half_normal(1.0, name="scale")
    share = pt.random.dirichlet([1.0, 2.0, 3.0], name="share")
    kind = pt.random.categorical(share, shape=20, name="kind")
    level = pt.random.normal(0.0, scale, constraint=pt.interval(low=-1.0), name="level")
    cuts = pt.random.normal(0.0, 1.0, shape=2, constraint=pt.ordered(), name="cuts")
    y = pt.random.negative_binomial(pt.exp(level + cuts), 2.0, name="y")
    model = pt.condition({kind: np.zeros(20, int), y: [1, 2]})
    report = pt.check_model(model, draws=1000, simulations=10)
    assert report.passed and not report.skipped, report
    assert "0 failed" in str(report)
    pytest.importorskip("matplotlib")
    report.plot_ranks(tmp_path / "ranks.png")
    assert (tmp_path / "ranks.png").stat().st_size > 1000


def test_improper_prior_and_wrong_settings_say_so():
    x = pt.random.flat(name="x")
    model = pt.condition({pt.random.normal(x, 1.0, name="y"): 1.0})
    report = pt.check_model(model)
    assert report.passed and [c.kind for c in report.skipped] == ["prior"]
    with pytest.raises(ValueError, match="no ranks"):
        report.plot_ranks()
    with pytest.raises(ValueError, match="tests"):
        pt.check_model(model, tests=["gradients"])
    with pytest.raises(TypeError, match="condition"):
        pt.check_model(x)


def test_values_of_positive_probability_are_summed(monkeypatch):
    m = pt.random.normal(0, 1, name="m")
    s = pt.random.half_normal(1, name="s")
    y = pt.random.censored(pt.random.normal(m, 1.0, shape=2), -1.0, 1.0, name="y")
    z = pt.random.hurdle_gamma(0.7, 2.0, s, shape=2, name="z")
    model = pt.condition({y: [0.0, 1.0], z: [0.0, 2.0]}, target="machine")
    found, report = failed(model, VARIABLES, draws=1000)
    assert not found and "of 1000 draws are 1, p = " in str(report)
    kind = type(z.op.distribution)
    own = kind.sample
    monkeypatch.setattr(kind, "sample", lambda *given: ops.maximum(own(*given), 1e-3))
    assert ("integral", "z") in failed(model, VARIABLES, draws=1000)[0]


def test_factors_are_no_faults_and_potentials_are_named():
    mu = pt.random.normal(0, 5, name="mu")
    y = pt.random.normal(mu, 1.0, shape=3, name="y")
    for model in (
        pt.condition({pt.scaled(y, 2.0): [1.0, 2, 3]}, target="machine"),
        pt.condition({y: [1.0, 2, 3]}, total_size={y: 30}, target="machine"),
    ):
        found, report = failed(model, ["gradient", "variables", "joint", "calibration"], draws=500)
        assert not found and len(report.skipped) == 1
        assert "draws" in report.skipped[0].text
    model = pt.condition({y: [1.0, 2, 3]}, potentials=[-(mu**2)], target="machine")
    found, report = failed(model, ["joint"], draws=500)
    assert ("joint", "mu") in found and "potentials, which draws know nothing of" in str(report)


def test_angles_have_moments_of_a_circle():
    m = pt.random.normal(0, 1, name="m")
    y = pt.random.von_mises(m, 2.0, name="y")
    assert not failed(pt.condition({y: 1.0}, target="machine"), VARIABLES, draws=500)[0]


def test_expressions_and_draws_on_edges_are_not_judged():
    w = pt.random.gamma(0.01, 0.01, name="w")  # half of the draws underflow
    y = pt.random.poisson(w, name="y")
    z = pt.deterministic(pt.max(pt.random.normal(w, 1.0, shape=3)), name="z")
    model = pt.condition({y: 1, z: 2.0}, target="machine")
    found, report = failed(model, ["variables", "joint"], draws=500)
    assert not found
    texts = [check.text for check in report.skipped]
    assert "an expression is looked at with the model alone" in texts


def test_zero_sum_variables_are_judged_alone():
    s = pt.random.zero_sum_normal(1.5, shape=(2, 4), name="s")
    model = pt.condition({pt.random.normal(s, 1.0, name="y"): np.zeros((2, 4))}, target="machine")
    found, report = failed(model, VARIABLES, draws=200)
    assert not found and not report.skipped, report
    assert {c.kind for c in report.checks if c.subject == "s"} == {"transform", "draws"}


def test_data_that_parameters_depend_on_are_no_fault():
    """Such data do not follow their own distribution given the parameters."""
    b = pt.random.normal(pt.random.normal(0, 0.2, name="a"), 0.2, shape=3, name="b")
    t = pt.random.normal(b, 1.0, name="t")
    c = pt.random.normal(t, 1.0, name="c")
    data = {b: np.zeros(3), c: np.zeros(3)}
    assert not failed(pt.condition(data, target="machine"), ["joint"], draws=2000)[0]
    twice = pt.condition(data, potentials=[pt.logp(c, c)], target="machine")
    assert ("joint", "t") in failed(twice, ["joint"], draws=2000)[0]

    def step(state, _):
        x, y = state
        x = pt.random.normal(0.5 * x + 0.3 * y, 1.0, name="x")
        y = pt.random.normal(x, 1.0, name="y")
        return (x, y), (x, y)

    _, (_, y) = pt.loop.scan(step, (0.0, 0.0), length=4)
    assert not failed(pt.condition({y: np.zeros(4)}, target="machine"), ["joint"], draws=2000)[0]
