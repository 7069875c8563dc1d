"""The density of a sample, which may be summed by statistics of the data, is the sum of those of
its observations: whichever parameters are literal, free, scalars, or differ between them."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import toposort

R = pt.random
COUNTS, SHARES, REALS = (
    np.array([0, 3, 7, 1]),
    np.array([0.2, 0.5, 0.9, 0.31]),
    np.array([-1.3, 0.2, 2.5, 0.7]),
)
OFFSET, EACH, TRIALS = (
    np.array([0.1, -0.5, 0.3, 0.8]),
    np.array([1, 2, 3, 0.4]),
    np.array([9, 8, 7, 12]),
)
DISTRIBUTIONS = {  # of unconstrained numbers e and f
    "negative binomial, literal alpha": lambda e, f: R.negative_binomial(pt.exp(e), 2.5, shape=4),
    "negative binomial, small alpha": lambda e, f: R.negative_binomial(pt.exp(e), 0.04, shape=4),
    "negative binomial, alpha each": lambda e, f: R.negative_binomial(pt.exp(e), EACH, shape=4),
    "negative binomial": lambda e, f: R.negative_binomial(pt.exp(e), pt.exp(f), shape=4),
    "negative binomial, softplus": lambda e, f: R.negative_binomial(pt.softplus(e), 0.4, shape=4),
    "negative binomial, offset": lambda e, f: R.negative_binomial(pt.exp(e + OFFSET), 2.5),
    "negative binomial, exposure": lambda e, f: R.negative_binomial(pt.exp(e) * EACH, 2.5),
    "by chance": lambda e, f: R.negative_binomial(n=2.5, p=pt.sigmoid(e), shape=4),
    "by chance, free n": lambda e, f: R.negative_binomial(n=pt.exp(f), p=pt.sigmoid(e), shape=4),
    "by chance, n each": lambda e, f: R.negative_binomial(n=EACH, p=pt.sigmoid(e), shape=4),
    "poisson": lambda e, f: R.poisson(pt.exp(e), shape=4),
    "poisson, offset": lambda e, f: R.poisson(pt.exp(e + OFFSET)),
    "poisson, exposure": lambda e, f: R.poisson(pt.softplus(e) * EACH),
    "binomial by logit": lambda e, f: R.binomial(9, logit_p=e, shape=4),
    "binomial by logit, offset": lambda e, f: R.binomial(9, logit_p=e + OFFSET),
    "binomial by logit, trials each": lambda e, f: R.binomial(TRIALS, logit_p=e),
    "binomial by logit, both": lambda e, f: R.binomial(TRIALS, logit_p=e - OFFSET),
    "binomial": lambda e, f: R.binomial(TRIALS, pt.sigmoid(e)),
    "binomial, share": lambda e, f: R.binomial(9, 0.5 + 0.4 * pt.tanh(e), shape=4),
    "gamma": lambda e, f: R.gamma(pt.exp(e), pt.exp(f), shape=4),
    "gamma, literal shape": lambda e, f: R.gamma(200.0, pt.exp(f), shape=4),
    "gamma, rate each": lambda e, f: R.gamma(pt.exp(e), pt.exp(f + OFFSET)),
    "inverse gamma": lambda e, f: R.inverse_gamma(pt.exp(e), pt.exp(f), shape=4),
    "beta": lambda e, f: R.beta(pt.exp(e), pt.exp(f), shape=4),
    "beta, literal": lambda e, f: R.beta(pt.exp(e), 3.0, shape=4),
    "beta by mean": lambda e, f: R.beta(mu=pt.sigmoid(e), kappa=pt.exp(f), shape=4),
    "student t": lambda e, f: R.student_t(pt.exp(e), 0.0, pt.exp(f), shape=4),
}
POINTS = [(0.3, 0.2), (-1.2, 2.0), (3.0, -1.0)]


def data_of(name):
    if name.startswith(("negative", "by chance", "poisson", "binomial")):
        return COUNTS
    return REALS if name == "student t" else SHARES


@pytest.fixture(scope="module")
def one_by_one():
    """Sums of log densities of single observations, with slopes, for all distributions."""
    e, f = pt.scalar("e"), pt.scalar("f")
    outputs = {}
    for name, distribution in DISTRIBUTIONS.items():
        total = pt.sum(pt.logp(distribution(e, f), data_of(name)))
        slopes = [pt.grad(total, x, disconnected_inputs="ignore") for x in (e, f)]
        outputs[name] = [total, *slopes]
    return pt.function([e, f], outputs, target="interp")


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_sample_has_the_density_of_its_observations(one_by_one, name):
    free = {"e": R.flat(name="e"), "f": R.flat(name="f")}
    posterior = pt.condition(
        {DISTRIBUTIONS[name](free["e"], free["f"]): data_of(name)},
        target="interp",
        track=[*free.values()],
    )
    for e, f in POINTS:
        at = {"e": e, "f": f}
        value, slopes = posterior.logp_and_grad(np.array([at[x] for x in posterior.names]))
        total, by_e, by_f = one_by_one(e, f)[name]
        exact = {"e": by_e, "f": by_f}
        np.testing.assert_allclose(value, total, rtol=1e-11)
        right = [exact[x] for x in posterior.names]
        np.testing.assert_allclose(slopes, right, rtol=1e-9, atol=1e-11)


SINGLE = {
    "binomial": lambda t: R.binomial(9, logit_p=t),
    "poisson": lambda t: R.poisson(pt.exp(t)),
    "negative binomial": lambda t: R.negative_binomial(pt.exp(t), np.float32(2.5)),
}


@pytest.mark.parametrize("name", SINGLE)
def test_potentials_in_single_precision_read_statistics_of_data(name):
    t, counts = R.normal(np.float32(0), np.float32(1), name="t"), np.tile(COUNTS, 5)
    u = pt.potential(pt.sum(pt.logp(SINGLE[name](t), counts)), name="u")
    posterior = pt.condition({}, potentials=[u], target="interp")
    shapes = [node.shape for node in toposort([*posterior.function.program.outputs])]
    assert all(n == 1 for shape in shapes for n in shape), shapes
    own = pt.sum(pt.logp(SINGLE[name](0.3), counts)) - 0.5 * (0.3**2 + np.log(2 * np.pi))
    expected = pt.function([], own, target="interp")()
    np.testing.assert_allclose(posterior.logp(np.array([0.3])), expected, rtol=3e-7)
