"""Random variables of PyTensor, drawn by the streams of this library."""

import numpy as np
import pytest

pytest.importorskip("pytensor")

import pytensor
import pytensor.tensor as at
import pytensor.tensor.random.basic as rb
from scipy.stats import ks_2samp

import probtensor as pt
from probtensor.interop.pytensor import translate
from tests.interop.agreement import PYTHON

COUNT = 2000
PARAMETERS = {
    "uniform": (-1.0, 2.0), "triangular": (0.0, 0.3, 2.0), "beta": (2.0, 3.0),
    "normal": (1.0, 2.0), "halfnormal": (1.0, 2.0), "lognormal": (0.2, 0.5),
    "gamma": {"shape": 2.0, "scale": 3.0},
    "pareto": (3.0, 2.0), "gumbel": (1.0, 2.0), "exponential": (3.0,), "weibull": (1.5,),
    "logistic": (1.0, 2.0), "vonmises": (0.5, 2.0), "poisson": (3.5,), "geometric": (0.3,),
    "hypergeometric": (5, 6, 4), "cauchy": (1.0, 2.0), "halfcauchy": (1.0, 2.0),
    "invgamma": (3.0, 2.0), "wald": (2.0, 3.0), "truncexpon": (2.0, 1.0, 0.5), "t": (4.0, 1.0, 2.0),
    "bernoulli": (0.3,), "laplace": (1.0, 2.0), "binomial": (7, 0.4), "nbinom": (3, 0.4),
    "betabinom": (7, 2.0, 3.0), "gengamma": (2.0, 1.5, 3.0), "integers": (-2, 5),
    "categorical": (np.array([0.2, 0.5, 0.3]),), "dirichlet": (np.array([1.0, 2.0, 3.0]),),
    "multinomial": (6, np.array([0.2, 0.5, 0.3])),
    "multivariate_normal": (np.array([1.0, -1.0]), np.array([[2.0, 0.6], [0.6, 1.0]])),
}  # fmt: skip


def variables():
    generator = pytensor.shared(np.random.default_rng(4))
    made = {}
    for name, parameters in PARAMETERS.items():
        named = parameters if isinstance(parameters, dict) else {}
        given = [] if named else [at.as_tensor(p) for p in parameters]
        generator, made[name] = getattr(rb, name)(
            *given, **named, size=(COUNT,), rng=generator, return_next_rng=True
        )
    generator, made["permutation"] = rb.permutation(np.arange(COUNT), rng=generator,
                                                    return_next_rng=True)  # fmt: skip
    weights = np.arange(1.0, COUNT + 1)
    generator, made["choice"] = rb.choice(
        COUNT, size=(300,), replace=False, rng=generator, p=weights / weights.sum(),
        return_next_rng=True,
    )  # fmt: skip
    return generator, made


def test_draws_are_of_the_distributions_of_pytensor():
    _, made = variables()
    ours = pytensor.function([], list(made.values()), mode="PROBTENSOR")()
    theirs = pytensor.function([], list(made.values()), mode=PYTHON)()
    for name, a, b, y in zip(made, ours, theirs, made.values(), strict=True):
        assert a.shape == b.shape and a.dtype == y.type.dtype, name
        for k in range(a.shape[1] if a.ndim > 1 else 1):
            columns = (a[:, k], b[:, k]) if a.ndim > 1 else (a, b)
            assert ks_2samp(*columns).pvalue > 1e-4, name
    assert np.unique(ours[-1]).size == 300 and np.unique(ours[-2]).size == COUNT
    correlation = np.corrcoef(np.array([x for x in ours if x.shape == (COUNT,)][:-1]))
    assert np.abs(correlation - np.eye(len(correlation))).max() < 5 / np.sqrt(COUNT)


def test_classes_of_pytensor_that_draw_have_an_entry():
    from probtensor.interop.pytensor.rows.draws import DRAWS, SPECIAL

    classes = {name for name in dir(rb) if name.endswith("RV")} | {"ChoiceWithoutReplacement"}
    assert classes - {"ScipyRandomVariable"} <= {*DRAWS, *SPECIAL}


def test_without_a_generator_random_variables_are_those_of_this_library():
    mu, x = at.vector("mu"), at.scalar("x")
    rng = pytensor.shared(np.random.default_rng(1))
    _, y = rb.normal(mu * x, 0.001, rng=rng, return_next_rng=True)
    (node,) = translate([y * 2], {mu: np.array([1.0, 2.0]), x: 3.0})
    draws = pt.draw(node, draws=4, seed=1)
    assert draws.shape == (4, 2) and np.abs(draws - [6, 12]).max() < 0.02
    assert np.unique(draws).size == 8


def test_batches_broadcast_parameters_with_size():
    rng = pytensor.shared(np.random.default_rng(1))
    mu, alpha = at.vector("mu"), at.matrix("alpha")
    size = at.lvector("size")
    following, y = rb.normal(mu, 1e-6, size=(5, mu.shape[0]), rng=rng, return_next_rng=True)
    following, z = rb.dirichlet(alpha, rng=following, return_next_rng=True)
    following, w = rb.permutation(alpha, rng=following, return_next_rng=True)
    following, v = rb.multivariate_normal(mu, at.eye(2) * 1e-12, size=(3,), rng=following,
                                          return_next_rng=True)  # fmt: skip
    following, u = rb.normal(size=at.specify_shape(size, (2,)), rng=following, return_next_rng=True)
    f = pytensor.function([mu, alpha, size], [y, z, w, v, u], updates={rng: following},
                          mode="PROBTENSOR")  # fmt: skip
    given = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([3, 4])
    first, second = f(*given), f(*given)
    np.testing.assert_allclose(first[0], np.broadcast_to([1.0, 2.0], (5, 2)), atol=1e-4)
    assert first[1].shape == (2, 2) and np.allclose(first[1].sum(-1), 1)
    assert sorted(first[2][:, 0]) == [1, 3] and first[3].shape == (3, 2)
    assert first[4].shape == (3, 4)
    assert not np.any(first[0] == second[0]) and np.unique(first[0]).size == 10
