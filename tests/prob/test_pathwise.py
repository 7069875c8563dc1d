"""Derivatives of draws by parameters: those of quantiles at fixed probabilities, and of means."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import GraphError
from tests.prob.distributions import CONTINUOUS, DISTRIBUTIONS, without_tails
from tests.prob.exact_tails import CDF
from tests.prob.smooth_draws import by_differences, by_moments

R = pt.random
COUNT = 6


def kind_of(case):
    return type(case.variable().op.distribution).__name__


# Their quantiles are not known, nearly do not move with a parameter, or jump.
SMOOTH = [
    case for case in CONTINUOUS
    if kind_of(case) in CDF and case.parameters.get("nu", 0) < 1e6
    and case.name not in ("wald", "ex_gaussian", "wiener", "drift_diffusion")
]  # fmt: skip


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_draws_move_as_quantiles_do(case):
    inputs = {name: pt.vector(name, shape=(COUNT,)) for name in case.parameters}
    x = case.make(**inputs)
    slopes = pt.grad(pt.sum(x), [*inputs.values()])
    f = pt.function([*inputs.values()], [x, pt.exp(pt.logcdf(x, x)), *slopes], target="machine",
                    seed=4)  # fmt: skip
    q = pt.vector("q", shape=(COUNT,))
    quantile = pt.function([q, *inputs.values()], pt.icdf(case.make(**inputs), q),
                           target="machine")  # fmt: skip
    at = {name: np.full(COUNT, float(v)) for name, v in case.parameters.items()}
    value, share, *found = f(**at)
    np.testing.assert_allclose(quantile(share, **at), value, rtol=1e-9)
    for name, slope in zip(at, found):
        step = 1e-5 * max(1.0, abs(at[name][0]))
        up = quantile(share, **{**at, name: at[name] + step})
        down = quantile(share, **{**at, name: at[name] - step})
        np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-5, atol=1e-7)


def test_means_have_the_derivatives_of_expectations():
    """E[x^2] of a gamma variable is alpha (alpha + 1) / beta^2; second derivatives too."""
    alpha, beta = pt.scalar("alpha"), pt.scalar("beta")
    x = R.gamma(alpha, beta, shape=40_000)
    mean = pt.mean(x**2)
    first = pt.grad(mean, [alpha, beta])
    second = pt.grad(first[0], beta)
    f = pt.function([alpha, beta], [mean, *first, second], target="machine", seed=3)
    value, by_alpha, by_beta, both = f(1.7, 2.0)
    assert np.isclose(value, 1.7 * 2.7 / 4, rtol=0.03)
    assert np.isclose(by_alpha, (2 * 1.7 + 1) / 4, rtol=0.03)
    assert np.isclose(by_beta, -2 * 1.7 * 2.7 / 8, rtol=0.03)
    assert np.isclose(both, -2 * (2 * 1.7 + 1) / 8, rtol=0.03)


def test_forward_and_reverse_mode_agree():
    mu, sigma = pt.scalar("mu"), pt.scalar("sigma")
    x = R.normal(mu, sigma, shape=3)
    forward = pt.jvp(x, [mu, sigma], [pt.as_tensor(1.0), pt.as_tensor(0.5)])
    (jacobian,) = [pt.jacobian(x, sigma)]
    value, tangent, by_sigma = pt.function([mu, sigma], [x, forward, jacobian], target="machine",
                                           seed=1)(2.0, 3.0)  # fmt: skip
    np.testing.assert_allclose(by_sigma, (value - 2) / 3, rtol=1e-12)
    np.testing.assert_allclose(tangent, 1 + 0.5 * by_sigma, rtol=1e-12)


def test_truncated_draws_move_with_bounds_and_parameters():
    mu, low = pt.vector("mu", shape=(COUNT,)), pt.vector("low", shape=(COUNT,))
    x = R.normal(mu, 1.0, constraint=pt.interval(low, 2.0))
    slopes = pt.grad(pt.sum(x), [mu, low])
    share = pt.exp(pt.logcdf(x, x))
    at = [np.full(COUNT, 0.3), np.full(COUNT, -0.5)]
    value, share, *slopes = pt.function([mu, low], [x, share, *slopes], target="machine",
                                        seed=2)(*at)  # fmt: skip
    q = pt.vector("q", shape=(COUNT,))
    quantile = pt.function([q, mu, low], pt.icdf(x, q), target="machine")
    np.testing.assert_allclose(quantile(share, *at), value, rtol=1e-9)
    for k in (0, 1):
        moved = [quantile(share, *(a + s * (j == k) for j, a in enumerate(at)))
                 for s in (1e-6, -1e-6)]  # fmt: skip
        np.testing.assert_allclose(slopes[k], (moved[0] - moved[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("case", [c for c in DISTRIBUTIONS if c.discrete], ids=str)
def test_draws_of_counts_have_none(case):
    inputs = {name: pt.scalar(name) for name in case.parameters}
    with pytest.raises(GraphError, match="only through integers"):
        pt.grad(pt.sum(case.make(**inputs)) * 1.0, next(iter(inputs.values())))


def test_what_has_none_is_refused_with_its_reason():
    mu, w = pt.scalar("mu"), pt.vector("w", shape=(2,))
    with pytest.raises(GraphError, match=r"no derivative: how draws move .* not known here"):
        pt.grad(without_tails(mu, 1.0, 2.0), mu)
    parts = [R.multivariate_normal(np.full(2, k), np.eye(2)) for k in (0.0, 3.0)]
    with pytest.raises(GraphError, match="mixture has no derivative by w: w decides which part"):
        pt.grad(pt.sum(R.mixture(w, parts)), w)
    with pytest.raises(GraphError, match="hurdle_gamma has no derivative by psi"):
        pt.grad(R.hurdle_gamma(mu, 2.0, 1.0), mu)
    alpha = pt.data(np.ones(2), name="alpha")
    x = R.dirichlet(alpha, name="x")
    slope = pt.deterministic(pt.grad(x[0], alpha), name="slope")
    posterior = pt.condition({R.normal(x[0], 1.0): 1.0}, track=[slope])
    with pytest.raises(GraphError, match="a draw of dirichlet 'x' is asked for where a value"):
        posterior.constrain(np.zeros(1))


def test_vectors_and_series_move_as_their_draw_does():
    """The derivative along all parameters, in both modes, against differences under one key."""
    t = pt.scalar("t")
    losses = [pt.sum(pt.sin(x) * pt.cos(pt.reshape(pt.arange(x.size), x.shape)))
              for x in by_differences(t).values()]  # fmt: skip
    slopes = pt.stack([pt.grad(y, t) for y in losses])
    losses = pt.stack(losses)
    f = pt.function([t], [losses, slopes, pt.jvp(losses, t, pt.as_tensor(1.0))],
                    target="machine", seed=5)  # fmt: skip
    found, up, down = [], [], []
    for place, kept in ((0.2, found), (0.2 + 1e-5, up), (0.2 - 1e-5, down)):
        f.seed(5)
        kept += f(place)
    difference = (up[0] - down[0]) / 2e-5
    for slope in found[1:]:
        named = dict(zip(by_differences(t), np.abs(slope - difference), strict=True))
        assert not {k: e for k, e in named.items() if not e < 1e-6}


def test_vectors_of_gammas_have_the_derivatives_of_expectations():
    """Those of a sum of second moments, with the standard error of independent means."""
    means, draws = 20, 500
    own = pt.vector("theta", shape=(4,))
    each = pt.matrix("thetas", shape=(means, 4))

    def weights(shape):
        return np.cos(np.arange(np.prod(shape))).reshape(shape)

    costs = [pt.sum(x**2 * weights(x.shape[2:])) / draws
             for x in by_moments(each, (draws, means)).values()]  # fmt: skip
    moments = {
        k: pt.sum((pt.variance(x) + pt.expectation(x) ** 2) * weights(x.shape))
        for k, x in by_moments(own, ()).items()
    }
    at = np.array([0.5, 0.2, -0.1, 0.4])
    found = pt.function([each], [pt.grad(c, each) for c in costs], target="machine", seed=2)(
        np.tile(at, (means, 1))
    )
    exact = pt.function([own], [pt.grad(m, own) for m in moments.values()], target="machine")(at)
    for name, slopes, truth in zip(moments, found, exact, strict=True):
        error = np.std(slopes, axis=0, ddof=1) / np.sqrt(means)
        assert np.all(np.abs(np.mean(slopes, axis=0) - truth) <= 4.5 * error), name


def test_vector_draws_keep_finite_derivatives_at_extreme_shapes():
    alpha = pt.vector("alpha", shape=(4,))
    x = R.dirichlet(alpha)
    f = pt.function([alpha], [x, pt.jacobian(x, alpha)], target="machine", seed=1)
    rows = [1e-300, 1e-8, 1e-3, 0.1], [1e-8] * 4, [1e3, 1e5, 1e8, 1.0], [1e10, 1e300, 1, 1]
    for values in rows:
        value, slopes = f(np.array(values))
        assert np.all(np.isfinite(slopes)) and np.isclose(value.sum(), 1)
        assert np.all(np.abs(slopes.sum(axis=0)) <= 1e-9 * np.abs(slopes).max(axis=0) + 1e-290)


def test_variables_of_loops_and_of_rebuilt_graphs_move_with_their_own_draws():
    """In the steps of a loop, and where a derivative opens the branches that parameters have."""
    t = pt.scalar("t")
    factor = np.linalg.cholesky([[1.0, 0.5], [0.5, 1.0]])

    def step(c):
        return 0.5 * c + R.multivariate_normal(t * c, factor * (1 + t))

    looped = pt.scan(step, outputs_info=[t * np.ones(2)], n_steps=4)[0]
    chosen = R.normal(pt.where(t > 0, 0.3 * t, t), pt.sqrt(pt.linalg.cholesky(np.eye(2) * t)[0, 0]))
    tilted = R.normal(0.1, tau=2 - t, shape=2)
    costs = pt.stack([pt.sum(pt.sin(x)) for x in (looped, chosen, tilted)])
    forward = pt.jvp(costs, t, pt.as_tensor(1.0))
    f = pt.function([t], [costs, pt.jacobian(costs, t), forward], target="machine", seed=5)
    values = []
    for place in (0.3, 0.3 + 1e-5, 0.3 - 1e-5):
        f.seed(5)
        values.append(f(place))
    difference = (values[1][0] - values[2][0]) / 2e-5
    np.testing.assert_allclose(values[0][1], difference, rtol=1e-7)
    np.testing.assert_allclose(values[0][2], difference, rtol=1e-7)


def test_bounds_of_the_evidence_have_the_derivatives_of_divergences():
    """With a gamma and a Dirichlet factor, whose posteriors have the same kinds: the bound is the
    log evidence minus the divergences from these."""
    means, draws = 20, 300
    counts, kinds = np.array([3, 5, 2, 4]), np.array([4, 7, 1])
    theta = pt.matrix("theta", shape=(means, 5))
    own = [pt.exp(theta[:, 0]), pt.exp(theta[:, 1]), pt.exp(theta[:, 2:])]
    rate = R.gamma(*own[:2], shape=(draws, means))
    p = R.dirichlet(own[2], shape=(draws, means, 3))
    bound = pt.logp(R.multinomial(12, p), kinds) - pt.logp(R.dirichlet(own[2]), p)
    bound += pt.sum(pt.logp(R.poisson(rate[..., None]), counts), -1)
    bound += pt.logp(R.gamma(2.0, 1.0), rate) - pt.logp(R.gamma(*own[:2]), rate)
    exact = -pt.kl_divergence(R.gamma(*own[:2]), R.gamma(2.0 + counts.sum(), 5.0))
    exact -= pt.kl_divergence(R.dirichlet(own[2]), R.dirichlet(1.0 + kinds))
    both = [pt.grad(pt.sum(pt.mean(bound, axis=0)), theta), pt.grad(pt.sum(exact), theta)]
    at = np.tile(np.log([9.0, 4.0, 2.0, 6.0, 1.5]), (means, 1))
    found, truth = pt.function([theta], both, target="machine", seed=6)(at)
    error = np.std(found, axis=0, ddof=1) / np.sqrt(means)
    assert np.all(np.abs(np.mean(found, axis=0) - truth[0]) <= 4.5 * error)
    assert np.all(error < 0.1 * np.abs(truth[0]).max())
