"""Gaussian and Student-t processes against dense formulas of NumPy and SciPy."""

import numpy as np
import pytest
from scipy import linalg, stats

import probtensor as pt
from probtensor.graph import GraphError

RNG = np.random.default_rng(2)
X, NEW = np.sort(RNG.uniform(0, 5, 12)), np.array([0.3, 2.0, 7.0])
Y = np.sin(X) + 0.1 * RNG.normal(size=12)
NOISE = np.linspace(0.2, 0.4, 12)


def smooth(a, b, ell=1.3, scale=1.7):
    return scale**2 * np.exp(-0.5 * ((a[:, None] - b) / ell) ** 2)


def rough(a, b):
    return np.exp(-abs(a[:, None] - b) / 0.8)


def given(k, across, own, mean, mean_new, y):
    solved = linalg.solve(k, np.column_stack([y - mean, across.T]), assume_a="pos")
    return mean_new + across @ solved[:, 0], own - across @ solved[:, 1:]


def test_density_and_gradient_of_observations():
    """A model with a mean function and noise of each point: density and gradient in q."""
    ell = pt.random.gamma(2, 1, name="ell")
    slope = pt.random.normal(0, 1, name="slope")
    gp = pt.gp.GP(pt.gp.exp_quad(ell, 1.7), pt.gp.linear_mean(slope, 0.5), jitter=0.0)
    y = gp.marginal("y", X, noise=NOISE)
    posterior = pt.condition({y: Y}, target="machine")
    q = posterior.unconstrain({"ell": 1.3, "slope": 0.2})
    k = smooth(X, X) + np.diag(NOISE**2)
    expected = stats.multivariate_normal(0.5 + 0.2 * X, k).logpdf(Y)
    expected += stats.gamma(2).logpdf(1.3) + stats.norm.logpdf(0.2) + np.log(1.3)
    value, gradient = posterior.logp_and_grad(q)
    np.testing.assert_allclose(value, expected, rtol=1e-11)
    numeric = [
        (posterior.logp_and_grad(q + h)[0] - posterior.logp_and_grad(q - h)[0]) / 2e-6
        for h in 1e-6 * np.eye(2)
    ]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6)


def test_predictions_and_draws():
    gp = pt.gp.GP(pt.gp.exp_quad(1.3, 1.7), lambda x: 0.5 * x[:, 0], jitter=0.0)
    k = smooth(X, X) + np.diag(NOISE**2)
    mean, cov = given(k, smooth(NEW, X), smooth(NEW, NEW), 0.5 * X, 0.5 * NEW, Y)
    found = gp.predict(NEW, X, Y, NOISE)
    np.testing.assert_allclose(found[0].eval(), mean, rtol=1e-10)
    np.testing.assert_allclose(found[1].eval(), np.diag(cov), rtol=1e-9)
    np.testing.assert_allclose(gp.predict(NEW, X, Y, NOISE, full=True)[1].eval(), cov, atol=1e-11)
    new = gp.conditional("new", NEW, X, Y, NOISE)
    seen = gp.conditional("seen", NEW, X, Y, NOISE, noise_new=0.5)
    point = np.array([1.0, 0.2, 3.0])
    for variable, matrix in ((new, cov), (seen, cov + 0.25 * np.eye(3))):
        expected = stats.multivariate_normal(mean, matrix).logpdf(point)
        np.testing.assert_allclose(pt.logp(variable, point).eval(), expected, rtol=1e-8)
    draws = pt.draw(new, draws=4000, seed=3)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.12)
    np.testing.assert_allclose(np.cov(draws.T), cov, atol=0.25)


def test_values_in_a_model_and_their_continuation():
    """`prior` is a factor times standard normal variables, and `conditional` continues it."""
    gp = pt.gp.GP(pt.gp.exp_quad(1.3, 1.7), 2.0)
    f = gp.prior("f", X)
    y = pt.random.normal(f, 0.1, name="y")
    posterior = pt.condition({y: Y}, target="machine")
    z = RNG.normal(size=12)
    k = smooth(X, X) + 1e-8 * 1.7**2 * np.eye(12)
    values = 2.0 + np.linalg.cholesky(k) @ z
    np.testing.assert_allclose(posterior.constrain(z)["f"], values, rtol=1e-6)
    expected = stats.norm.logpdf(z).sum() + stats.norm(values, 0.1).logpdf(Y).sum()
    np.testing.assert_allclose(posterior.logp_and_grad(z)[0], expected, rtol=1e-6)
    wide = pt.gp.GP(pt.gp.matern12(0.8), jitter=0.0)
    mean, variance = wide.predict(NEW, X, Y)
    expected = given(rough(X, X), rough(NEW, X), rough(NEW, NEW), 0, 0, Y)
    np.testing.assert_allclose(mean.eval(), expected[0], rtol=1e-10)
    np.testing.assert_allclose(variance.eval(), np.diag(expected[1]), rtol=1e-9)
    # At the inputs themselves it is the given values, without variance.
    mean, variance = wide.predict(X, X, Y)
    np.testing.assert_allclose(mean.eval(), Y, rtol=1e-9)
    np.testing.assert_allclose(variance.eval(), 0, atol=1e-12)


def test_parts_of_a_sum():
    """One of two added processes, given noisy values of the sum."""
    slow = pt.gp.GP(pt.gp.exp_quad(1.3, 1.7), 1.0, jitter=0.0)
    total = slow + pt.gp.GP(pt.gp.matern12(0.8), 0.3)
    found = slow.predict(NEW, X, Y, pt.gp.white_noise(0.2), total=total, full=True)
    k = smooth(X, X) + rough(X, X) + 0.04 * np.eye(12)
    expected = given(k, smooth(NEW, X), smooth(NEW, NEW), 1.3, 1.0, Y)
    np.testing.assert_allclose(found[0].eval(), expected[0], rtol=1e-10)
    np.testing.assert_allclose(found[1].eval(), expected[1], atol=1e-10)
    y = total.marginal("y", X, noise=0.2)
    expected = stats.multivariate_normal(np.full(12, 1.3), k).logpdf(Y)
    np.testing.assert_allclose(pt.logp(y, Y).eval(), expected, rtol=1e-10)


@pytest.mark.parametrize("nu", [0.5, 4.0, 1e12])
def test_student_processes(nu):
    """The density of observations, and of new values given others as their ratio of densities."""
    tp = pt.gp.TP(pt.gp.matern12(0.8), 0.3, nu=nu, jitter=0.0)
    scale = rough(X, X) + 0.04 * np.eye(12)
    found = pt.logp(tp.marginal("y", X, 0.2), Y).eval()
    expected = stats.multivariate_t(np.full(12, 0.3), scale, nu).logpdf(Y)
    if nu > 1e9:
        expected = stats.multivariate_normal(np.full(12, 0.3), scale).logpdf(Y)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    point = np.array([1.0, 0.2, 3.0])
    found = pt.logp(tp.conditional("f", NEW, X, Y, 0.2), point).eval()
    both, values = np.concatenate([X, NEW]), np.concatenate([Y, point])
    joint = rough(both, both) + 0.04 * np.diag([1.0] * 12 + [0.0] * 3)
    if nu < 1e9:
        whole = stats.multivariate_t(np.full(15, 0.3), joint, nu).logpdf(values)
        np.testing.assert_allclose(found, whole - expected, rtol=1e-9)
    else:
        whole = stats.multivariate_normal(np.full(15, 0.3), joint).logpdf(values)
        np.testing.assert_allclose(found, whole - expected, rtol=1e-9)


def test_draws_of_student_processes():
    tp = pt.gp.TP(pt.gp.matern12(0.8), nu=6.0)
    for variable in (tp.prior("f", X[:2]), tp.marginal("y", X[:2])):
        draws = pt.draw(variable, draws=20000, seed=5)
        np.testing.assert_allclose(np.cov(draws.T), 1.5 * rough(X[:2], X[:2]), atol=0.07)
        share = np.mean(abs(draws[:, 0]) > stats.t(6).ppf(0.975))
        assert abs(share - 0.05) < 0.006


@pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")
def test_new_values_for_draws_of_parameters():
    """`pt.sample_posterior_predictive` draws new values for each draw of the parameters."""
    x, data = np.linspace(0, 5, 20), np.sin(np.linspace(0, 5, 20))
    ell = pt.random.gamma(4, 4, name="ell")
    gp = pt.gp.GP(pt.gp.exp_quad(ell))
    y = gp.marginal("y", x, noise=0.05)
    idata = pt.sample(
        pt.condition({y: data}, target="machine"), draws=100, tune=150, chains=1, seed=1,
        progress=False,
    )  # fmt: skip
    f = gp.conditional("f", [2.2, 3.3], x, data, 0.05)
    found = pt.sample_posterior_predictive(idata, f, seed=2).posterior_predictive["f"]
    np.testing.assert_allclose(np.mean(found, (0, 1)), np.sin([2.2, 3.3]), atol=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda gp: gp.predict(NEW, X, Y[:3]), "y has shape (3,), X (12, 1)"),
        (lambda gp: gp.marginal("y", X, np.ones((2, 2))), "gp: noise of shape (2, 2)"),
        (lambda gp: pt.gp.GP(gp.cov, lambda x: x).marginal("y", np.ones((3, 2))), "the mean has"),
        (lambda gp: gp.prior(3, X), "name must be a string"),
    ],
)
def test_messages(make, message):
    with pytest.raises(GraphError) as caught:
        make(pt.gp.GP(pt.gp.exp_quad()))
    assert message in str(caught.value) and __file__ in str(caught.value)


def test_noise_is_not_negative():
    with pytest.raises(ValueError, match="gp: noise must be a number >= 0"):
        pt.gp.GP(pt.gp.exp_quad()).marginal("y", [0.0, 1.0], noise=-0.3)


def test_processes_refuse_their_parameters_when_they_are_made():
    with pytest.raises(ValueError, match="nu of TP must be a number > 0; it is -1"):
        pt.gp.TP(pt.gp.exp_quad(), nu=-1.0)
    with pytest.raises(GraphError, match="approx='best'"):
        pt.gp.SparseGP(pt.gp.exp_quad(), approx="best")
