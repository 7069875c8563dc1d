"""Models of PyMC through `ptpm`: densities and gradients of the gallery, whole fits, refusals."""

import inspect
import warnings

import numpy as np
import pytest

pytest.importorskip("pymc")
pytest.importorskip("pytensor")

import arviz as az
import pymc as pm
import pytensor

from probtensor.graph import GraphError
from probtensor.interop import pymc as ptpm
from tests.interop.gallery import MODELS
from tests.interop.gallery.reference import density, order, start_of

QUICK = (
    "autoregression", "best", "change_point", "custom_dist", "custom_logp", "density_dist_free",
    "dirichlet_multinomial", "eight_schools", "hidden_states", "intrinsic_map", "linear", "missing",
    "mvnormal", "negative_binomial", "ordinal", "potentials", "radon", "stochastic_volatility",
    "survival", "zero_inflated",
)  # fmt: skip
SUMMED = {"discrete_change_point": ("when", range(50))}
OPTIONS = {"cxx": "", "traceback__limit": 0}
# The factor of a nearly singular matrix, Matern 5/2 with a jitter of 1e-6: rounding times 1e5.
TOLERANCE = {"gp_latent": 1e-7}
# Models whose constants have no place in PyMC's densities, or in ours.
IMPROPER = {"disease_map"}


@pytest.fixture(autouse=True)
def without_compilers():
    with pytensor.config.change_flags(mode="FAST_COMPILE", **OPTIONS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pymc|pytensor")
        yield


def compiled(model):
    return ptpm.posterior(model, target="machine", progress=False)


def total_of(call, name, values):
    """The density summed over the values of a discrete variable, by PyMC's joint densities."""

    def summed(q):
        logs, slopes = zip(*(call(q, extra_vars={name: np.array(k)}) for k in values), strict=True)
        total = np.logaddexp.reduce(logs)
        return total, np.exp(np.array(logs) - total) @ np.array(slopes)

    return summed


names = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in MODELS]


@pytest.mark.parametrize("name", names)
def test_densities_and_gradients_are_those_of_pymc(name):
    entry = MODELS[name]
    posterior = compiled(entry.build(entry.small))
    model, reference = density(entry.build, entry.small)
    if name in SUMMED:
        variable, values = SUMMED[name]
        assert posterior.marginalized == (variable,)
        reference = total_of(reference, variable, values)
    own, rng, gaps = order(posterior, model), np.random.default_rng(0), []
    tolerance = TOLERANCE.get(name, 1e-9)
    for spread in (0.05, 0.1, 0.3):
        q = start_of(model) + spread * rng.normal(size=posterior.dim)
        wanted, slope = reference(q)
        value, gradient = posterior.logp_and_grad(q[own])
        assert np.isfinite(value)
        largest = np.abs(slope).max()
        np.testing.assert_allclose(gradient, slope[own], atol=tolerance * largest, rtol=tolerance)
        gaps.append(value - wanted)
    scale = 1 + abs(value)
    assert np.ptp(gaps) < tolerance * scale
    assert name in IMPROPER or abs(gaps[0]) < tolerance * scale


def conjugate():
    """A normal mean of known spread, whose posterior is known."""
    y = np.array([1.2, 0.4, 2.0, 1.1])
    with pm.Model(coords={"row": list("abcd"), "twice": [0, 1]}) as model:
        x = pm.Data("x", np.ones(4), dims="row")
        mu = pm.Normal("mu", 0, 2)
        p = pm.Beta("p", 2, 3)
        rate = pm.Gamma("rate", 2, 1, dims="twice")
        pm.Deterministic("double", 2 * rate, dims="twice")
        pm.Normal("y", mu * x, 1, observed=y, dims="row")
        pm.Binomial("k", 10, p, observed=7)
        pm.Poisson("n", rate, observed=[3, 5], dims="twice")
    return model, {
        "mu": (4 / 4.25 * y.mean(), 4.25**-0.5),
        "p": (9 / 15, (9 * 6 / 15**2 / 16) ** 0.5),
        "rate": (np.array([2.5, 3.5]), np.array([5, 7]) ** 0.5 / 2),
    }


@pytest.fixture(scope="module")
def fit():
    model, exact = conjugate()
    idata = ptpm.sample(
        1000, tune=500, chains=2, random_seed=1, progressbar=False, model=model, target="machine",
        idata_kwargs={"log_likelihood": True}, discard_tuned_samples=False,
    )  # fmt: skip
    return model, exact, idata


def test_posterior_means_are_the_exact_ones(fit):
    _, exact, idata = fit
    for name, (mean, sd) in exact.items():
        draws = idata.posterior[name]
        error = sd / float(az.ess(idata, var_names=[name])[name].min()) ** 0.5
        found = draws.mean(("chain", "draw")).values
        np.testing.assert_array_less(np.abs(found - mean), 5 * error, err_msg=name)
        np.testing.assert_allclose(draws.std(("chain", "draw")), sd, rtol=0.15)


def test_the_result_has_the_groups_dims_and_coords_of_pymc(fit):
    _, _, idata = fit
    for group in ("posterior", "sample_stats", "observed_data", "constant_data", "log_likelihood",
                  "warmup_posterior"):  # fmt: skip
        assert group in idata.children, group
    posterior = idata.posterior
    assert dict(posterior.sizes) == {"chain": 2, "draw": 1000, "twice": 2}
    assert {*posterior.data_vars} == {"mu", "p", "rate", "double"}
    np.testing.assert_allclose(posterior["double"], 2 * posterior["rate"], rtol=1e-14)
    assert [*idata.observed_data["row"].values] == list("abcd")
    assert idata.constant_data["x"].dims == ("row",)
    assert idata.log_likelihood["y"].dims == ("chain", "draw", "row")


def test_functions_of_pymc_and_arviz_take_the_result(fit):
    model, _, idata = fit
    own = idata.log_likelihood
    thinned = idata.sel(draw=slice(0, 20))
    with model:
        theirs = pm.compute_log_likelihood(
            thinned, progressbar=False, extend_inferencedata=False
        )
        predicted = pm.sample_posterior_predictive(thinned, progressbar=False, random_seed=1)
    for name in ("y", "k", "n"):
        np.testing.assert_allclose(theirs[name], own[name].sel(draw=slice(0, 20)), rtol=1e-6)
    assert predicted.posterior_predictive["y"].sizes["row"] == 4
    assert np.isfinite(az.loo(idata, var_name="y").elpd)


def test_the_mode_is_that_of_pymc():
    model, _ = conjugate()
    found = ptpm.find_MAP(model=model, target="machine", progressbar=False)
    np.testing.assert_allclose(found["p"], 8 / 13, rtol=1e-4)
    np.testing.assert_allclose(found["rate"], [2.0, 3.0], rtol=1e-4)
    np.testing.assert_allclose(found["mu"], 4 / 4.25 * 1.175, rtol=1e-4)


def test_initial_values_variables_and_the_sampler_as_an_object():
    model, _ = conjugate()
    sampler = ptpm.NUTS(target_accept=0.95, target="machine")
    idata = sampler.sample_from_init(
        model=model, draws=20, tune=50, chains=1, random_seed=2, progressbar=False,
        initvals={"p": 0.9}, var_names=["p"], compute_convergence_checks=False,
    )  # fmt: skip
    assert {*idata.posterior.data_vars} == {"p"}
    with pytest.raises(TypeError, match=r"initvals=.*is no dict"):
        ptpm.sample(10, model=model, initvals=1.0, progressbar=False, target="machine")


def test_new_data_are_bound_to_the_same_posterior():
    model, _ = conjugate()
    posterior = compiled(model)
    q = np.full(posterior.dim, 0.2)
    before = posterior.logp(q)
    changed = posterior.with_data({"x": np.full(4, 2.0)})
    with model:
        pm.set_data({"x": np.full(4, 2.0)})
    np.testing.assert_allclose(changed.logp(q), compiled(model).logp(q), rtol=1e-14)
    assert changed.logp(q) != before


def test_discrete_variables_are_drawn_after_the_others():
    entry = MODELS["discrete_change_point"]
    model = entry.build(entry.small)
    idata = ptpm.sample(
        200, tune=200, chains=2, random_seed=1, progressbar=False, model=model, target="machine",
        idata_kwargs={"log_likelihood": True}, compute_convergence_checks=False,
    )  # fmt: skip
    when = idata.posterior["when"]
    assert when.sizes == {"chain": 2, "draw": 200} and when.dtype.kind == "i"
    early, late = (idata.posterior[name].values for name in ("early", "late"))
    years, counts = np.arange(50), idata.observed_data["y"].values
    # The probabilities of the year given both rates, by Bayes' rule, averaged over draws.
    gain = counts * np.log(early / late)[..., None] + (late - early)[..., None]
    logs = np.cumsum(gain, axis=-1)
    shares = np.exp(logs - np.logaddexp.reduce(logs, axis=-1, keepdims=True)).mean((0, 1))
    found = np.array([(when == year).mean() for year in years])
    np.testing.assert_allclose(found, shares, atol=0.1)
    rate = np.where(when.values[..., None] >= years, early[..., None], late[..., None])
    known = pm.Poisson.dist(rate)
    wanted = pm.logp(known, counts).eval(mode="FAST_COMPILE")
    np.testing.assert_allclose(idata.log_likelihood["y"], wanted, rtol=1e-6)


def test_a_model_with_named_dims_is_sampled():
    entry = MODELS["named_dims"]
    model = entry.build(entry.small)
    idata = ptpm.sample(20, tune=50, chains=1, random_seed=1, progressbar=False, model=model,
                        target="machine", compute_convergence_checks=False)  # fmt: skip
    assert idata.posterior["beta"].dims == ("chain", "draw", "covariate")
    assert idata.posterior["mu"].dims == ("chain", "draw", "row")
    assert idata.constant_data["x"].dims == ("row", "covariate")


def test_minibatches_are_refused():
    data = np.arange(50.0)
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1, observed=pm.Minibatch(data, batch_size=10), total_size=50)
    with pytest.raises(GraphError, match=r"y has total_size=(?s:.*)give all data"):
        compiled(model)


def test_discrete_variables_without_a_bound_are_refused():
    with pytensor.config.change_flags(traceback__limit=8), pm.Model() as model:
        count = pm.Poisson("count", 3)
        line = inspect.currentframe().f_lineno - 1
        pm.Normal("y", count, 1, observed=2.0)
        pm.Normal("z", pm.math.exp(count), 1, observed=2.0)
    with pytest.raises(GraphError, match=rf"count(?s:.*)made at .*test_pymc_gallery.py:{line}\n"):
        compiled(model)


def test_ops_without_a_translation_are_named():
    @pytensor.compile.ops.wrap_py(
        itypes=[pytensor.tensor.dscalar], otypes=[pytensor.tensor.dscalar]
    )
    def outside(x):
        return np.asarray(x**2)

    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", outside(mu), 1, observed=1.0)
    with pytest.raises(GraphError, match=r"outside.*no translation(?s:.*)the variable 'y'"):
        compiled(model)


def test_a_density_that_pymc_lacks_and_what_is_no_model_are_refused():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist("y", mu, random=lambda mu, rng, size: rng.normal(mu, size=size), observed=1.0)
    with pytest.raises(GraphError, match=r"no density of 'y'(?s:.*)give it logp="):
        compiled(model)
    with pytest.raises(TypeError, match=r"model=3 is no pm\.Model"):
        ptpm.posterior(3)


def test_parameters_out_of_range_are_named():
    with pytensor.config.change_flags(traceback__limit=8), pm.Model() as model:
        pm.Normal("b", 0, -1.0)
        line = inspect.currentframe().f_lineno - 1
    found = compiled(model)
    assert "check 0 of 'b': sigma > 0: the potential is -inf" in found.diagnose(np.zeros(1))
    assert f"test_pymc_gallery.py:{line}" in found.diagnose(np.zeros(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step": "slice"}, "step= has no meaning here"),
        ({"nuts_sampler": "nutpie"}, "this is the sampler"),
        ({"nonsense": 1}, "no argument 'nonsense'"),
        ({"return_inferencedata": False}, "an ArviZ object"),
        ({"idata_kwargs": {"nonsense": 1}}, "has 'nonsense', which has no meaning"),
        ({"var_names": ["nonsense"]}, "has 'nonsense', which is no free variable"),
        ({"chains": 0}, "chains"),
    ],
)
def test_arguments_without_a_counterpart_are_refused(arguments, message):
    model, _ = conjugate()
    with pytest.raises((TypeError, ValueError), match=message):
        ptpm.sample(10, model=model, **{"target": "machine", **arguments})


def test_the_example_finds_what_its_data_were_made_with():
    from examples import pymc_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the run is short
        idata = pymc_model.main(draws=300, tune=300, progress=False)
    slope = idata.posterior["slope"]
    assert abs(float(slope.mean()) - pymc_model.SLOPE) < 4 * float(slope.std())
    assert idata.posterior["effect"].dims == ("chain", "draw", "block")
    assert float(az.loo(idata).elpd) < 0
