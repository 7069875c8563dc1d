"""`condition(transforms=)`: other bijectors than a support's own, and bijectors of users."""

import math
import pickle

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.prob.model.data import evaluate
from probtensor.transform.jacobians import stacked_jacobian

B, R = pt.bijectors, pt.random


class Sinh(B.Bijector):
    """No log_jacobian: it is derived."""

    def __init__(self, scale):
        self.scale = scale

    def forward(self, u):
        return self.scale * pt.sinh(u)

    def inverse(self, x):
        return pt.arcsinh(x / self.scale)


class Turn(B.Bijector):
    """A rotation of vectors of two entries, from one vector of both axes."""

    event_ndim = 1

    def forward(self, u):
        return pt.stack([u[..., 0] + u[..., 1], u[..., 0] - u[..., 1]], axis=-1)

    def inverse(self, x):
        return 0.5 * self.forward(x)

    def log_jacobian(self, u):
        return pt.full(u.shape[:-1], np.log(2.0))


LOW = pt.as_tensor([-1.0, 0.0, 2.0])
ELEMENTWISE = {
    "identity": B.Identity(),
    "exp": B.Exp(),
    "lower": B.Lower(LOW),
    "upper": B.Upper(LOW),
    "softplus": B.Softplus(),
    "softplus above": B.Softplus(LOW),
    "logit": B.Logit(),
    "interval": B.Logit(-1.0, 3.0),
    "affine": B.Affine(LOW, -2.0),
    "chain": B.Chain(B.Softplus(), B.Affine(1.0, 2.0), B.Exp()),
    "chain of an own one": B.Chain(Sinh(2.0), B.Logit(0.0, 2.0)),
    "own": Sinh(2.0),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_maps_of_numbers(name):
    bijector = ELEMENTWISE[name]
    u = pt.tensor("u", (3,))
    places = np.array([-1.3, 0.4, 0.9])
    x, slope = bijector.forward(u), bijector.log_jacobian(u)
    slope = pt.zeros(3) if slope is None else slope
    found = evaluate([bijector.inverse(x), slope, stacked_jacobian(x, u)], {u: places})
    np.testing.assert_allclose(found[0], places, rtol=1e-12)
    np.testing.assert_allclose(found[1], np.log(abs(np.diagonal(found[2]))), rtol=1e-12, atol=1e-14)
    assert bijector.unconstrained_shape((3,)) == (3,)


def test_softplus_far_out():
    u = pt.vector("u")
    places = np.array([-700.0, -40.0, 0.0, 40.0, 700.0])
    bijector = B.Softplus()
    x = bijector.forward(u)
    value, back, slope = evaluate([x, bijector.inverse(x), bijector.log_jacobian(u)], {u: places})
    np.testing.assert_allclose(value, np.logaddexp(0, places), rtol=1e-14)
    np.testing.assert_allclose(back, places, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(slope, -np.logaddexp(0, -places), rtol=1e-14)


def test_stick_breaking_and_chains_of_vectors():
    chain = B.Chain(B.Affine(0.0, 0.5), B.StickBreaking())
    u = pt.tensor("u", (4,))
    places = np.random.default_rng(0).normal(size=4)
    x = chain.forward(u)
    found = evaluate([x, chain.inverse(x), chain.log_jacobian(u), stacked_jacobian(x[:-1], u)],
                     {u: places})  # fmt: skip
    assert np.isclose(found[0].sum(), 1) and chain.unconstrained_shape((2, 5)) == (2, 4)
    np.testing.assert_allclose(found[1], places, rtol=1e-12)
    assert np.isclose(found[2], np.linalg.slogdet(found[3])[1], rtol=1e-12)
    far = evaluate([B.StickBreaking().forward(u), B.StickBreaking().log_jacobian(u)],
                   {u: np.array([700.0, -700.0, 700.0, -700.0])})  # fmt: skip
    assert np.isfinite(far[0]).all() and np.isfinite(far[1])


@pytest.mark.parametrize("flat", [B.ZeroSum(), B.LogRatio(), B.UnitVector(), B.CholeskyCov()],
                         ids=repr)  # fmt: skip
def test_a_chain_does_not_stretch_what_has_fewer_dimensions(flat):
    u = pt.tensor("u", (3,))
    with pytest.raises(GraphError, match=r"(?s)Affine after .*put Affine before"):
        B.Chain(flat, B.Affine(0.0, 2.0)).log_jacobian(u)
    B.Chain(flat, B.Identity()).log_jacobian(u)  # which stretches nothing
    s = pt.random.exponential(1.0, name="s")
    x = pt.random.zero_sum_normal(s, shape=4, name="x")
    y = pt.random.normal(x, 1.0, name="y")
    plain = pt.condition({y: np.zeros(4)})
    scaled = pt.condition({y: np.zeros(4)}, transforms={x: B.Chain(B.Affine(0.0, s), B.ZeroSum())})
    q = np.array([0.3, 0.4, -0.2, 0.5])
    there = np.append(q[0], math.exp(0.3) * q[1:])
    assert math.isclose(scaled.logp(q), plain.logp(there) + 3 * 0.3, rel_tol=1e-12)


def gradient_is_right(posterior, q):
    gradient, step = posterior.logp_and_grad(q)[1], 1e-6
    moves = step * np.eye(len(q))
    slopes = [(posterior.logp(q + m) - posterior.logp(q - m)) / (2 * step) for m in moves]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)


def hierarchy():
    mu = R.normal(0, 5, name="mu")
    tau = R.half_normal(2.0, name="tau")
    theta = R.normal(mu, tau, shape=4, name="theta", dims="school")
    pair = R.multivariate_normal(0.0, np.eye(2), shape=(3, 2), name="pair")
    y = R.normal(theta, 1.5, name="y")
    z = R.normal(pt.sum(pair), 1.0, name="z")
    return mu, tau, theta, pair, {y: np.array([1.0, -0.5, 2.0, 0.3]), z: 0.5}


def test_a_model_by_other_bijectors_has_the_same_density_of_values():
    """Non-centred by Affine, whose tensors are other variables, which have bijectors of their
    own."""
    mu, tau, theta, pair, observed = hierarchy()
    maps = {theta: B.Affine(mu, tau), tau: B.Softplus(), mu: Sinh(3.0), pair: Turn()}
    plain = pt.condition(observed, target="machine")
    posterior = pt.condition(observed, transforms=maps, target="machine")
    assert posterior.names == plain.names and not posterior.guarded
    q = np.random.default_rng(1).normal(size=posterior.dim)
    values = posterior.constrain(q)
    np.testing.assert_allclose(values["theta"], values["mu"] + values["tau"] * q[2:6], rtol=1e-14)
    np.testing.assert_allclose(posterior.unconstrain(values), q, rtol=1e-12, atol=1e-13)

    def density(model, at):
        return sum(t.value for t in model.terms(at).terms if t.what != "the log-Jacobian")

    assert np.isclose(density(posterior, q), density(plain, plain.unconstrain(values)), rtol=1e-13)
    slopes = [np.log(3 * np.cosh(q[0])), -np.logaddexp(0, -q[1]), 4 * np.log(values["tau"]),
              3 * np.log(2)]  # fmt: skip
    found = [t.value for t in posterior.terms(q).terms if t.what == "the log-Jacobian"]
    np.testing.assert_allclose(found, slopes, rtol=1e-13)
    gradient_is_right(posterior, q)
    np.testing.assert_allclose(posterior.expand(q[None])["theta"][0], values["theta"], rtol=1e-14)
    other = pickle.loads(pickle.dumps(posterior))
    assert other.logp(q) == posterior.logp(q)
    later = posterior.with_data({"z": 1.5})
    normal = stats.norm(values["pair"].sum())
    moved = normal.logpdf(1.5) - normal.logpdf(0.5)
    assert np.isclose(later.logp(q) - posterior.logp(q), moved, rtol=1e-10)


def test_bounds_and_data_in_bijectors():
    """A bound that is another variable, data that are bound again, and a dim of coords."""
    scale = pt.data(np.array([1.0, 2.0]), name="scale", dims="k")
    low = R.normal(0, 1, name="low")
    x = R.normal(0, 1, name="x", dims="k")
    y = R.normal(x * scale, 1.0, name="y")
    posterior = pt.condition(
        {y: np.zeros(2)}, transforms={x: B.Chain(B.Affine(low, scale))}, coords={"k": ["a", "b"]},
        target="machine", track=[low],
    )  # fmt: skip
    values = posterior.constrain([0.3, 1.0, 2.0])
    np.testing.assert_allclose(values["x"], [1.3, 4.3])
    other = posterior.with_data({"scale": np.array([3.0, 1.0])})
    np.testing.assert_allclose(other.constrain([0.3, 1.0, 2.0])["x"], [3.3, 2.3])
    gradient_is_right(posterior, np.array([0.3, 1.0, 2.0]))


def test_outside_its_support_a_value_has_no_density():
    x = R.exponential(1.0, name="x")
    y = R.normal(x, 1.0, name="y")
    posterior = pt.condition({y: 1.0}, transforms={x: B.Affine(1.0, 2.0)}, target="machine")
    assert "the value of x by transforms=" in posterior.guarded[0]
    assert posterior.logp([-1.0]) == -np.inf and np.isfinite(posterior.logp([1.0]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m, t, th, y: {th: B.Exp}, ["is no bijector", "Exp(...)"]),
        (lambda m, t, th, y: {th: 3}, ["3 is no bijector", "pt.bijectors"]),
        (lambda m, t, th, y: [B.Exp()], ["{variable: bijector}"]),
        (lambda m, t, th, y: {next(iter(y)): B.Exp()}, ["normal 'y'", "is observed"]),
        (lambda m, t, th, y: {R.normal(0, 1, name="w"): B.Exp()}, ["'w'", "not in this model"]),
        (lambda m, t, th, y: {m: B.Affine(pt.sum(th))}, ["'mu'", "depends on", "itself"]),
        (lambda m, t, th, y: {m: B.Affine(t), t: B.Affine(m)}, ["depends on", "itself"]),
        (lambda m, t, th, y: {th: B.Circular()}, None),
        (lambda m, t, th, y: {th: B.Affine(np.ones((2, 4)))}, ["shape (2, 4)", "shape (4,)"]),
    ],
)
def test_a_bad_call_says_what_is_wrong_and_where(call, words):
    mu, tau, theta, _, observed = hierarchy()
    maps = call(mu, tau, theta, observed)
    if words is None:  # more numbers than the value has
        assert pt.condition(observed, transforms=maps, target="interp").dim == 2 + 8 + 6
        return
    with pytest.raises(pt.GraphError) as error:
        pt.condition(observed, transforms=maps, target="interp")
    text = str(error.value)
    assert all(word in text for word in words) and __file__ in text, text
    assert len(text.splitlines()) <= 8


def test_a_map_of_vectors_needs_its_jacobian():
    class Bare(B.Bijector):
        event_ndim = 1

        def forward(self, u):
            return u

        def inverse(self, x):
            return x

    with pytest.raises(pt.GraphError, match=r"Bare maps arrays of 1 axes and has no log_jacobian"):
        Bare().log_jacobian(pt.vector("u"))
    with pytest.raises(TypeError, match="abstract"):
        type("None_", (B.Bijector,), {})()
