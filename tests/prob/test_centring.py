"""Centred, non-centred and partly centred coordinates: one density, other points."""

import pickle

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from tests.models import EIGHT_SCHOOLS

R = pt.random
Y, SIGMA = (np.array(EIGHT_SCHOOLS[name], float) for name in ("y", "sigma"))


def schools(centered=True, scale=1.0, target="machine"):
    mu = R.normal(0, 5, name="mu")
    tau = R.half_cauchy(5, name="tau")
    theta = R.normal(mu, tau, shape=8, name="theta", centered=centered)
    y = R.normal(theta, SIGMA * scale, name="y")
    return pt.condition({y: Y}, target=target)


def all_families(c):
    """A free variable of every family that has a location and scale."""
    mu, s = R.normal(0, 1, name="mu"), R.half_normal(1, name="s")
    whole = 1.0 if c == 1 else 0.0
    found = [
        R.normal(mu, s, name="n", centered=c), R.cauchy(mu, s, name="a", centered=c),
        R.student_t(4.0, mu, s, name="b", centered=c), R.laplace(mu, s, name="c", centered=c),
        R.logistic(mu, s, name="d", centered=c), R.gumbel(mu, s, name="e", centered=c),
        R.log_normal(mu, s, name="f", centered=c), R.half_normal(s, name="g", centered=c),
        R.half_cauchy(s, name="h", centered=c),
        R.half_student_t(3.0, s, name="i", shape=2, centered=c),
        R.multivariate_normal(mu * np.ones(2), [[1.0, 0], [0.5, 1.0]] * s, name="v", shape=(3, 2),
                              centered=whole),
        R.multivariate_normal(mu * np.ones(2), np.array([[[1.0, 0], [0.5, 2.0]]] * 3) * s,
                              name="w", centered=whole),
    ]  # fmt: skip
    total = sum(pt.sum(x) for x in found)
    return pt.condition({R.normal(total, 3.0, name="y"): 1.0}, target="machine")


def differences(f, q, step=1e-6):
    return np.array([(f(q + step * e) - f(q - step * e)) / (2 * step) for e in np.eye(len(q))])


@pytest.mark.parametrize("c", [False, 0.6])
def test_the_density_is_that_of_the_values_times_the_jacobian(c):
    centred, other = all_families(1), all_families(c)
    q = np.random.default_rng(2).normal(size=other.dim)
    values = other.constrain(q)
    np.testing.assert_allclose(other.unconstrain(values), q, rtol=1e-12, atol=1e-13)
    jacobian = differences(lambda p: centred.unconstrain(other.constrain(p)), q)
    expected = centred.logp(centred.unconstrain(values)) + np.linalg.slogdet(jacobian)[1]
    assert np.isclose(other.logp(q), expected, rtol=1e-9)
    assert np.isclose(other.terms(q).logp, other.logp(q), rtol=1e-12)
    _, slope = other.logp_and_grad(q)
    np.testing.assert_allclose(slope, differences(other.logp, q), rtol=1e-5, atol=1e-6)


def test_it_is_the_code_of_the_model_written_by_hand():
    word = schools(False, target="cython")
    mu = R.normal(0, 5, name="mu")
    tau = R.half_cauchy(5, name="tau")
    z = R.normal(0, 1, shape=8, name="z")
    hand = pt.condition({R.normal(mu + tau * z, SIGMA, name="y"): Y}, target="cython")
    code = [
        [line for line in p.function.source.splitlines() if "#" not in line] for p in (word, hand)
    ]
    assert code[0] == code[1]
    # So far out in the funnel that theta - mu has no digits left, the density has all of them.
    q = np.array([3.0, -60.0, *np.linspace(-1, 1, 8)])
    assert word.logp(q) == hand.logp(q)
    assert word.names == ("mu", "tau", "theta") and word.hierarchies == ()
    assert pickle.loads(pickle.dumps(word)).logp(q) == word.logp(q)


def test_entries_have_shares_of_their_own():
    shares = np.linspace(0, 1, 8)
    centred, mixed = schools(), schools(shares)
    q = np.random.default_rng(3).normal(size=10)
    values = mixed.constrain(q)
    u = shares * values["mu"] + (values["theta"] - values["mu"]) * values["tau"] ** (shares - 1)
    np.testing.assert_allclose(u, q[2:], rtol=1e-12)
    jacobian = ((1 - shares) * np.log(values["tau"])).sum()
    assert np.isclose(mixed.logp(q), centred.logp(centred.unconstrain(values)) + jacobian)


def test_a_scale_out_of_range_is_refused_as_before():
    mu, s = R.normal(0, 1, name="mu"), R.normal(0, 1, name="s")
    x = R.normal(mu, s, name="x", centered=False)
    posterior = pt.condition({R.normal(x, 1.0, name="y"): 0.5}, target="machine")
    assert posterior.logp([0.1, -0.5, 0.2]) == -np.inf
    assert np.isfinite(posterior.logp([0.1, 0.5, 0.2]))
    assert "sigma of normal 'x'" in posterior.guarded[0]


def test_priors_and_predictions_do_not_know_the_coordinates():
    found = [pt.sample_prior(schools(c), draws=20, seed=1) for c in (True, False)]
    assert np.array_equal(found[0].prior["theta"], found[1].prior["theta"])


def test_single_precision_and_factors():
    mu = R.normal(np.float32(0), np.float32(5), name="mu")
    x = pt.scaled(R.normal(mu, np.float32(2), shape=2, name="x", centered=False), 0.5)
    posterior = pt.condition({R.normal(x, np.float32(1)): np.ones(2, "f4")}, target="machine")
    q = np.array([0.3, 0.2, -0.4])
    x = 0.3 + 2 * q[1:]
    normal = lambda z, s: -0.5 * (z / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))  # noqa: E731
    expected = normal(0.3, 5) + np.sum(0.5 * normal(x - 0.3, 2) + np.log(2) + normal(1 - x, 1))
    assert np.isclose(posterior.logp(q), expected, rtol=1e-6)


def test_reparametrize_by_number_and_name():
    centred = schools()
    q = np.random.default_rng(4).normal(size=10)
    for how, same in ((False, False), ({"theta": 0.25}, 0.25), (True, True)):
        assert np.isclose(pt.reparametrize(centred, how).logp(q), schools(same).logp(q))
    back = pt.reparametrize(schools(False), {"theta": True})
    assert back.logp(q) == centred.logp(q)
    # mu has fixed parameters, so there is nothing to be centred by.
    assert pt.reparametrize(centred, 0.5).constrain(q)["mu"] == q[0]


def test_reparametrize_chooses_by_what_the_data_say(capsys):
    options = {"draws": 100, "tune": 200, "chains": 2}
    vague = pt.reparametrize(schools(), **options)
    sharp = pt.reparametrize(schools(scale=0.02), **options)
    said = capsys.readouterr().out
    assert "theta non-centred" in said and "theta centred" in said
    assert vague.model.free[-1].variable.op.centering.array == 0
    assert sharp.model.free[-1].variable.op.centering is None
    # Some groups have many data, others one.
    rng, counts = np.random.default_rng(0), np.r_[[1] * 8, [400] * 4]
    group = np.repeat(np.arange(12), counts)
    mu, tau = R.normal(0, 5, name="mu"), R.half_cauchy(5, name="tau")
    theta = R.normal(mu, tau, shape=12, name="theta")
    y = R.normal(theta[group], 2.0, name="y")
    data = rng.normal(rng.normal(0, 1, 12)[group], 2.0)
    uneven = pt.reparametrize(pt.condition({y: data}, target="machine"), progress=False, **options)
    shares = uneven.model.free[-1].variable.op.centering.array
    assert shares[:8].mean() < 0.5 < 0.8 < shares[8:].mean()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda p: R.gamma(2.0, 1.0, centered=False), TypeError, "centered"),
        (lambda p: R.normal(0, 1, constraint=pt.interval(0, 1), centered=False), pt.GraphError,
         "constraint"),
        (lambda p: R.normal(0, 1, centered=2.0), ValueError, "between 0 and 1"),
        (lambda p: R.normal(0, 1, centered="no"), ValueError, "between 0 and 1"),
        (lambda p: R.normal(0, 1, shape=2, centered=[0, 1, 1]), ValueError, "shape"),
        (lambda p: R.multivariate_normal(0.0, np.eye(2), centered=0.5), ValueError, "as a whole"),
        (lambda p: pt.reparametrize(p, {"y": False}), pt.GraphError, "no free variable"),
        (lambda p: pt.reparametrize(p, {"z": False}), KeyError, "no 'z'"),
        (lambda p: pt.reparametrize(p, "best"), ValueError, "auto"),
        (lambda p: pt.reparametrize(3.0), TypeError, "posterior"),
    ],
)  # fmt: skip
def test_wrong_calls_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text) as raised:
        call(schools())
    assert ".py:" in str(raised.value)


def test_variables_of_loops_are_refused():
    s = R.half_normal(1.0, name="s")

    def step(x, _):
        x = R.normal(x, s, name="walk", centered=False)
        return x, x

    walk = pt.loop.scan(step, 0.0, length=4)[1]
    assert pt.draw(walk, seed=1).shape == (4,)
    with pytest.raises(pt.GraphError, match="loop"):
        pt.condition({R.normal(walk, 1.0, name="y"): np.zeros(4)}, target="machine")


def test_coordinates_do_not_depend_on_what_is_summed_out():
    mu, s = R.normal(0, 1, shape=2, name="mu"), R.half_normal(1.0, name="s")
    z = R.bernoulli(0.4, name="z")
    x = R.normal(mu[z], s, name="x", centered=False)
    y = R.normal(x, 1.0, name="y")
    with pytest.raises(pt.GraphError, match="coordinates depend on a discrete"):
        pt.condition({y: 0.3}, target="machine", progress=False)
    # One that does not depend on it may have any, and is left to choose from.
    w = R.normal(mu[0], s, name="w", centered=False)
    y = R.normal(w + z, 1.0, name="y")
    posterior = pt.condition({y: 0.3}, target="machine", progress=False)
    q = np.array([0.1, 0.2, -0.3, 0.4])
    v = posterior.constrain(q)
    normal = stats.norm.logpdf
    mixed = np.log(0.6 * stats.norm.pdf(0.3, v["w"]) + 0.4 * stats.norm.pdf(0.3, v["w"] + 1))
    expected = normal(v["mu"]).sum() + stats.halfnorm.logpdf(v["s"]) + np.log(v["s"])
    assert np.isclose(posterior.logp(q), expected + normal(0.4) + mixed, rtol=1e-12)
    assert np.isclose(posterior.terms(q).logp, posterior.logp(q), rtol=1e-12)
    assert not pt.lint(posterior)
    assert "z" in pt.model_graph(posterior)


def test_all_levels_of_a_hierarchy_are_reparametrized_together():
    """Those below have the changed ones as parents, through variables that stay, too; so have
    missing values."""
    mu, tau = R.normal(0, 5, name="mu"), R.half_cauchy(5, name="tau")
    a = R.normal(mu, tau, shape=2, name="a")
    k = R.gamma(2.0, pt.exp(a[0]), name="k")
    b = R.normal(a[:, None], k, shape=(2, 2), name="b")
    y = R.normal(b, 1.0, name="y")
    with pytest.warns(pt.ImputationWarning):
        posterior = pt.condition({y: [[0.0, 1.0], [np.nan, 3.0]]}, target="machine")
    rng = np.random.default_rng(2)
    for how in (False, 0.5):
        changed = pt.reparametrize(posterior, how)
        assert changed.names == posterior.names
        q, step = rng.normal(size=changed.dim), 1e-6 * np.eye(changed.dim)
        ahead, back = (
            [posterior.unconstrain(changed.constrain(q + sign * h)) for h in step]
            for sign in (1, -1)
        )
        jacobian = (np.array(ahead) - np.array(back)) / 2e-6
        expected = posterior.logp(posterior.unconstrain(changed.constrain(q)))
        expected += np.linalg.slogdet(jacobian)[1]
        assert np.isclose(changed.logp(q), expected, rtol=1e-8)
    chosen = pt.reparametrize(posterior, draws=20, tune=20, progress=False)
    assert chosen.names == posterior.names
