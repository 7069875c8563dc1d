"""Distributions and transforms of PyMC: our densities, its graphs translated, its own values."""

import numpy as np
import pytest

pytest.importorskip("pymc")
pytest.importorskip("pytensor")

import pymc as pm
import pytensor
import pytensor.tensor as at

import probtensor as pt
from probtensor.graph.node import new_input
from probtensor.interop.pymc.transforms import bijector_of
from probtensor.interop.pymc.variables.distributions import distribution_of
from probtensor.interop.pytensor.translate import Translator
from tests.interop import pymc_table
from tests.interop.pymc_cases import CASES
from tests.interop.pymc_routes import PYTHON, Routes, computed

# Without a counterpart: the packed factor of a covariance, whose standard deviations have any
# distribution; a density of PyMC without a factor of sigma; a density that a user writes.
BY_GRAPHS = {"LKJCholeskyCov", "ICAR (random sigma)", "CustomDist (logp)"}
BLACK_BOXES = {"PolyaGamma", "Interpolated"}  # densities by Python functions in PyMC
# Differences of PyMC's densities that literals in single precision change by more than 1e-8.
ROUNDED = {"Censored", "OrderedProbit", "OrderedProbit (sigma)"}
NOT_INSTALLED = {"PolyaGamma"}  # PyMC's density needs another package
# Not distributions, other names of ones, and one that is not scored by a density.
NO_CASES = {
    "Continuous", "Discrete", "Distribution", "SymbolicRandomVariable", "DensityDist", "Lognormal",
    "WishartBartlett", "Simulator",
}  # fmt: skip
CLASSES = {
    "Bernoulli": "Bernoulli",
    "Bernoulli (logit_p)": "BernoulliLogit",
    "Bernoulli (rows of logits)": "BernoulliLogit",
    "Binomial (logit_p)": "BinomialLogit",
    "Categorical (rows of logits)": "CategoricalLogit",
    "NegativeBinomial": "NegativeBinomial",
    "NegativeBinomial (rows)": "NegativeBinomial",
    "NegativeBinomial (n / (n + mu))": "NegativeBinomial",
    "NegativeBinomial (n, p)": "NegativeBinomialProbability",
    "OrderedLogistic (rows)": "OrderedLogistic",
    "OrderedProbit (sigma)": "OrderedProbit",
    "OrderedProbit (rows)": "OrderedProbit",
    "OrderedMultinomial": "OrderedMultinomial",
    "MvNormal (tau)": "MultivariateNormalPrecision",
    "ZeroInflatedPoisson": "Inflated",
    "LogitNormal": "LogitNormal",
}


@pytest.fixture(scope="module", autouse=True)
def without_compilers():
    with pytensor.config.change_flags(cxx="", traceback__limit=0):
        yield


# What PyMC has mended in 6.4: the Jacobian of LKJCorr, the tails of Wald, and the distribution
# function of DiscreteUniform at its least value. The routes that it concerns begin so.
BEFORE_6_4 = tuple(map(int, pm.__version__.split(".")[:2])) < (6, 4)
MENDED = {"LKJCorr": "own", "Wald": "own", "DiscreteUniform": "own cdf"} if BEFORE_6_4 else {}


@pytest.fixture(scope="module")
def routes():
    return {name: Routes(case) for name, case in CASES.items()}


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture(scope="module")
def values(routes):
    return computed(routes)


def test_every_distribution_has_a_case():
    named = {name.split(" (")[0] for name in CASES}
    assert set(pm.distributions.__all__) - NO_CASES == named


def test_what_has_a_counterpart_and_a_translation(routes):
    assert {name for name, r in routes.items() if r.variable is None} == BY_GRAPHS
    assert {name for name, r in routes.items() if "translated" in r.errors} == BLACK_BOXES
    kinds = {name: type(routes[name].variable.op.distribution).__name__ for name in CLASSES}
    assert kinds == CLASSES


def test_densities_and_gradients_are_those_of_the_translated_graphs(routes, values):
    compared = 0
    for name, r in routes.items():
        found = values[name]
        for route, own in found.items():
            other = found.get(route.replace("own", "translated"))
            if not route.startswith("own") or other is None:
                continue
            number = route.removeprefix("own ")
            skipped = number.isdigit() and int(number) in r.case.apart
            mended = name in MENDED and route.startswith(MENDED[name])
            if skipped or mended or (route == "own" and r.case.constant):
                continue
            assert np.isfinite(own).all() or "outside" in route or "cdf" in route, (name, route)
            np.testing.assert_allclose(
                own, other, rtol=1e-11, atol=1e-12, err_msg=f"{name}, {route}"
            )
            compared += 1
    assert compared > 400


def test_densities_are_zero_outside_of_the_support(values):
    outside = {name: v["own outside"] for name, v in values.items() if "own outside" in v}
    assert len(outside) > 40
    for name, found in outside.items():
        assert (found == -np.inf).all(), name


def test_densities_are_those_of_pymc(routes, values):
    """To what literals in single precision leave, and nearer in differences of densities."""
    rounded = set()
    for name, r in routes.items():
        for kind, graph in r.graphs.items() if name not in NOT_INSTALLED else ():
            wanted = r.by_pytensor(graph)
            found = values[name].get(f"translated{kind}", values[name].get(f"own{kind}"))
            if found is None:
                assert name in BLACK_BOXES, (name, kind)
                continue
            np.testing.assert_allclose(found, wanted, rtol=3e-8, atol=3e-8, err_msg=name + kind)
            if kind == "" and not r.case.single and wanted.shape:
                near = np.allclose(found - found[0], wanted - wanted[0], rtol=1e-8, atol=1e-8)
                rounded |= set() if near else {name}
    assert rounded <= ROUNDED


@pytest.mark.skipif(BEFORE_6_4, reason="the table is that of PyMC 6.4")
def test_the_table_is_the_committed_one(routes):
    assert pymc_table.PATH.read_text() == pymc_table.table(routes), (
        "run `python -m tests.interop.pymc_table`"
    )


def shifted(m, size):
    return pm.math.exp(pm.Normal.dist(m, size=size))


def test_none_where_there_is_no_counterpart():
    n = at.iscalar("n")
    unlike = [
        pm.StickBreakingWeights.dist(1.0, K=n),  # a size that is not known
        pm.Mixture.dist([0.5, 0.5], [pm.DiracDelta.dist(0.0), pm.Gamma.dist(2.0, 1.0)]),
        pm.Censored.dist(pm.CustomDist.dist(1.0, dist=shifted), lower=1, upper=None),  # no tails
        pm.CustomDist.dist(1.0, dist=lambda m, size: pm.Normal.dist(m, size=size),
                           logp=lambda x, m: -abs(x - m)),
        pm.Simulator.dist(lambda rng, a, size: rng.normal(a, size=size), 1.0),
        pm.Normal.dist(0.0, -1.0),  # its density is zero everywhere
    ]  # fmt: skip
    t = Translator({n: new_input("n", "int64", ())})
    assert [distribution_of(t, rv) for rv in unlike] == [None] * len(unlike)


def test_probabilities_by_logits_do_not_round():
    x = at.dscalar("x")
    logit = new_input("x", "float64", ())
    t = Translator({x: logit})
    found = [pt.logp(distribution_of(t, pm.Bernoulli.dist(pm.math.sigmoid(x))), v) for v in (0, 1)]
    found += [pt.logp(distribution_of(t, pm.Binomial.dist(3, pm.math.invlogit(x))), 3)]
    call = pt.function([logit], found, target="machine")
    np.testing.assert_allclose(call(-800.0), [0.0, -800.0, -2400.0], rtol=1e-15)
    np.testing.assert_allclose(call(800.0), [-800.0, 0.0, 0.0], rtol=1e-15)


def test_parameters_may_be_other_variables():
    mu, tau = pm.Normal.dist(0, 1.0), pm.HalfNormal.dist(1.0)
    t = Translator({})
    for name, rv in (("mu", mu), ("tau", tau)):
        t.known[rv] = distribution_of(t, rv, name=name)
    y = distribution_of(t, pm.Normal.dist(mu, tau, shape=3), name="y")
    posterior = pt.condition({y: [0.3, -1.2, 0.8]}, target="machine")
    assert posterior.names == ("mu", "tau")
    q = np.array([0.4, -0.2])
    z = (np.array([0.3, -1.2, 0.8]) - q[0]) / np.exp(q[1])
    wanted = [np.sum(z) / np.exp(q[1]) - q[0], np.sum(z**2) - 3 - np.exp(2 * q[1]) + 1]
    np.testing.assert_allclose(posterior.logp_and_grad(q)[1], wanted, rtol=1e-12)


def test_parametrisations_are_found_in_models():
    """Through named deterministic variables, sizes by dims, and data."""
    x = np.arange(12.0).reshape(6, 2) / 7
    with pm.Model(coords={"row": range(6), "group": ["a", "b", "c"], "column": range(2)}) as model:
        data = pm.Data("x", x, dims=("row", "column"))
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0))
        slopes = pm.MvNormal("slopes", 0.0, chol=chol, dims=("group", "column"))
        eta = (data * slopes[[0, 0, 1, 1, 2, 2]]).sum(-1)
        cut = pm.Normal("cut", 0, 2.0, shape=3)
        p = pm.Deterministic("p", pm.math.sigmoid(eta), dims="row")
        pm.Bernoulli("y", p=p, dims="row")
        pm.OrderedLogistic("level", eta=eta, cutpoints=cut, dims="row")
        pm.NegativeBinomial("count", mu=at.exp(eta), alpha=pm.HalfNormal("a"), dims="row")
        pm.GaussianRandomWalk("walk", init_dist=pm.Normal.dist(), dims="row")
    t, found = Translator({}), {}
    for rv in model.basic_RVs:
        node = distribution_of(t, rv, name=rv.name)
        t.known[rv] = new_input("chol", "float64", (3,)) if node is None else node
        found[rv.name] = t.known[rv]
    kinds = {name: (type(node.op.distribution).__name__, node.shape)
             for name, node in found.items() if name != "chol"}  # fmt: skip
    assert kinds == {
        "slopes": ("MultivariateNormal", (3, 2)),
        "cut": ("Normal", (3,)),
        "a": ("HalfNormal", ()),
        "y": ("BernoulliLogit", (6,)),
        "level": ("OrderedLogistic", (6,)),
        "count": ("NegativeBinomial", (6,)),
        "walk": ("RandomWalk", (6,)),
    }
    assert found["y"].inputs[0] is found["level"].inputs[0]  # eta, and no matrix of probabilities
    assert found["count"].inputs[1] is found["a"]


TRANSFORMS = pm.distributions.transforms
HALF = at.as_tensor(np.array([-np.inf, 0.0, -1.0])), at.as_tensor(np.array([np.inf, np.inf, 2.0]))
MAPS = {
    "Exp": (TRANSFORMS.log, lambda: pm.HalfNormal.dist(1, shape=3)),
    "Logit": (TRANSFORMS.Interval(-1, 2.5), lambda: pm.Normal.dist(0, 1, shape=3)),
    "Logit of a unit": (TRANSFORMS.logodds, lambda: pm.Beta.dist(1, 2, shape=3)),
    "Lower": (TRANSFORMS.Interval(-1, None), lambda: pm.Normal.dist(0, 1, shape=3)),
    "Upper": (TRANSFORMS.Interval(None, 3.0), lambda: pm.Normal.dist(0, 1, shape=3)),
    "Softplus": (TRANSFORMS.log_exp_m1, lambda: pm.HalfNormal.dist(1, shape=3)),
    "Ordered": (TRANSFORMS.ordered, lambda: pm.Normal.dist(0, 1, shape=(2, 3))),
    "Ordered from 0": (TRANSFORMS.Ordered(positive=True), lambda: pm.Normal.dist(0, 1, shape=3)),
    "CentredLogRatio": (TRANSFORMS.simplex, lambda: pm.Dirichlet.dist(np.ones(3), shape=(2, 3))),
    "Wrapped": (TRANSFORMS.circular, lambda: pm.VonMises.dist(0, 1, shape=3)),
    "PackedFactor": (TRANSFORMS.CholeskyCovPacked(3), lambda: pm.Normal.dist(0, 1, shape=6)),
    "Cov": (TRANSFORMS.CholeskyCovTransform(3), lambda: pm.Wishart.dist(5, np.eye(3))),
    "SpiralCorr": (TRANSFORMS.CholeskyCorrTransform(4), lambda: pm.LKJCorr.dist(4, 1.0)),
    "ZeroSum": (TRANSFORMS.ZeroSumTransform((-1, -2)), lambda: pm.Normal.dist(0, 1, shape=(3, 4))),
    "Chain": (
        TRANSFORMS.Chain([TRANSFORMS.log, TRANSFORMS.ordered]),
        lambda: pm.HalfNormal.dist(1, shape=3),
    ),
    "Translated interval": (
        TRANSFORMS.Interval(bounds_fn=lambda *_: HALF), lambda: pm.Normal.dist(0, 1, shape=3)),
    "Translated order": (
        TRANSFORMS.Ordered(ascending=False), lambda: pm.Normal.dist(0, 1, shape=3)),
    "Translated axis": (
        TRANSFORMS.ZeroSumTransform((0,)), lambda: pm.Normal.dist(0, 1, shape=(3, 4))),
    "Translated chain": (
        TRANSFORMS.Chain([TRANSFORMS.SumTo1(), TRANSFORMS.logodds]),
        lambda: pm.Dirichlet.dist(np.ones(3)),
    ),
}  # fmt: skip


def test_transforms_have_pymcs_unconstrained_numbers(rng):
    points, outputs, wanted = [], [], []
    for name, (transform, make) in MAPS.items():
        rv = make()
        bijector = bijector_of(transform, rv, Translator({}))
        assert type(bijector).__name__ == name.split()[0]
        shape = bijector.unconstrained_shape(tuple(rv.type.shape))
        u = rng.normal(size=shape)
        own = new_input(None, "float64", shape)
        x, slope = bijector.forward(own), bijector.log_jacobian(own)
        slope = pt.as_tensor(0.0) if slope is None else slope
        outputs += [x, slope, bijector.inverse(x)]
        points.append((name, own, u))
        given = at.as_tensor(u)
        with np.errstate(all="ignore"):
            wanted.append([
                graph.eval(mode=PYTHON)
                for graph in (
                    transform.backward(given, *rv.owner.inputs),
                    transform.log_jac_det(given, *rv.owner.inputs),
                )
            ])
    call = pt.function([own for _, own, _ in points], outputs, target="machine")
    found = call(*(u for _, _, u in points))
    for k, (name, _, u) in enumerate(points):
        x, slope, back = found[3 * k : 3 * k + 3]
        np.testing.assert_allclose(x, wanted[k][0], rtol=1e-12, atol=1e-14, err_msg=name)
        np.testing.assert_allclose(slope, wanted[k][1], rtol=0, atol=1e-7, err_msg=name)
        np.testing.assert_allclose(back, u, rtol=1e-12, atol=1e-13, err_msg=name)


def test_a_model_in_pymcs_unconstrained_numbers(rng):
    """Densities of a model of each kind of transform, by our variables and by PyMC's graph."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 2.0)
        pm.Uniform("a", mu - 1, mu + 2.0)
        pm.Normal("cut", 0, 3.0, shape=3, transform=TRANSFORMS.ordered, initval=[-1, 0, 1])
        pm.Dirichlet("p", np.array([1.2, 0.7, 3.1]))
        pm.ZeroSumNormal("z", 1.7, shape=4)
        if "LKJCorr" not in MENDED:
            pm.LKJCorr("corr", n=3, eta=2.3)
        pm.Wishart("v", 5, np.array([[2.0, 0.3], [0.3, 1.5]]))
        pm.VonMises("angle", 0.3, 1.7)
        tau = pm.HalfCauchy("tau", 1.2)
        pm.Truncated("cut_off", pm.Normal.dist(mu, tau), lower=-1.0)
        pm.Normal("y", mu, tau, observed=[0.3, -1.2, 0.8])
    t, transforms = Translator({}), {}
    for rv in [*model.free_RVs, *model.observed_RVs]:
        t.known[rv] = distribution_of(t, rv, name=rv.name)
    for rv in model.free_RVs:
        transforms[t.known[rv]] = bijector_of(model.rvs_to_transforms[rv], rv, t)
    (observed,) = model.observed_RVs
    posterior = pt.condition(
        {t.known[observed]: [0.3, -1.2, 0.8]}, target="machine",
        track=[t.known[rv] for rv in model.free_RVs], transforms=transforms,
    )  # fmt: skip
    inputs = [model.rvs_to_values[rv] for rv in model.free_RVs]
    point = [rng.normal(size=model.initial_point()[x.name].shape) * 0.7 for x in inputs]
    given = [new_input(None, "float64", u.shape) for u in point]
    graphs = Translator(dict(zip(inputs, given, strict=True)), []).nodes(model.logp(sum=False))
    total = sum(pt.sum(x) for x in graphs)
    call = pt.function(given, [total, *pt.grad(total, given)], target="machine")
    value, *gradients = call(*point)
    places = {rv.name: u for rv, u in zip(model.free_RVs, point, strict=True)}
    slopes = {rv.name: g for rv, g in zip(model.free_RVs, gradients, strict=True)}
    q = np.concatenate([places[name].ravel() for name in posterior.names])
    own, gradient = posterior.logp_and_grad(q)
    np.testing.assert_allclose(own, value, rtol=1e-11)
    wanted = np.concatenate([slopes[name].ravel() for name in posterior.names])
    np.testing.assert_allclose(gradient, wanted, rtol=1e-9, atol=1e-10)
