"""The functions of `ptpm` with the arguments of PyMC's, other data, and predictions at them."""

import warnings

import numpy as np
import pytest

pytest.importorskip("pymc")

import arviz as az
import pymc as pm
import pytensor

from probtensor.interop import pymc as ptpm
from probtensor.prob.model.binding import UnknownName

RNG = np.random.default_rng(5)
X = RNG.normal(size=40)
Y = 1 + 2 * X + 0.5 * RNG.normal(size=40)


@pytest.fixture(autouse=True)
def without_compilers():
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pymc|pytensor")
        yield


def line(x=X, y=Y, named=True, initval=None):
    """A line through data that may change, whose second observation is made of them."""
    rows = {"dims": "row"} if named else {}
    with pm.Model(coords={"row": np.arange(len(x))} if named else None) as model:
        x, y = pm.Data("x", x, **rows), pm.Data("seen", y, **rows)
        a, b = pm.Normal("a", 0, 5), pm.Normal("b", 0, 5, initval=initval)
        sigma = pm.HalfNormal("sigma", 1)
        mu = pm.Deterministic("mu", a + b * x, **rows)
        pm.Normal("y", mu, sigma, observed=y, **rows)
        pm.Normal("twice", 2 * a, sigma, observed=2 * y, **rows)
    return model


def posterior(model):
    return ptpm.posterior(model, target="machine", progress=False)


@pytest.mark.parametrize("named", [True, False])
def test_data_of_other_lengths_are_bound_without_a_compiler(named):
    first = posterior(line(named=named))
    q, made = np.array([0.7, 1.8, -0.3]), []
    for n in (40, 7, 1, 90):
        x, y = RNG.normal(size=n), RNG.normal(size=n)
        found = first.with_data({"x": x, "seen": y})
        fresh = posterior(line(x, y, named))
        for a, b in zip(found.logp_and_grad(q), fresh.logp_and_grad(q), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        assert found.constrain(q)["mu"].shape == (n,)
        assert found.observed["twice"].shape == (n,)
        made += found.source.shared
    assert len({id(one) for one in made}) == 1 and made[0] is not None
    again = found.with_data({"x": X, "seen": Y})
    np.testing.assert_allclose(again.logp(q), first.logp(q), rtol=1e-12)


def test_sizes_and_names_that_do_not_fit_are_refused():
    found = posterior(line())
    with pytest.raises(ValueError, match=r"dim 'row' has length 40 by seen, and 3 by x(?s:.*)all"):
        found.with_data({"x": np.ones(3)})
    with pytest.raises(ValueError, match="x has 1 axes"):
        found.with_data({"x": np.ones((3, 2))})
    with pytest.raises(UnknownName, match=r"'z' is neither pm.Data nor(?s:.*)it has x, seen, y"):
        found.with_data({"z": 1.0})
    with pytest.raises((TypeError, ValueError), match=r"sizes 40 and 3|40, and 3|40 and 3"):
        posterior(line(named=False)).with_data({"x": np.ones(3)})


def test_lengths_of_free_variables_stay():
    group = np.repeat(np.arange(3), 4)
    with pm.Model(coords={"group": list("abc"), "row": np.arange(12)}) as model:
        of_row, prior = pm.Data("of_row", group, dims="row"), pm.Data("c", np.ones(3), dims="group")
        level = pm.Normal("level", prior, 1, dims="group")
        pm.Normal("y", level[of_row], 1, observed=np.arange(12.0), dims="row")
    found = posterior(model)
    shorter = found.with_data({"of_row": group[:5], "y": np.ones(5)})
    assert [*shorter.coords["group"]] == list("abc") and len(shorter.coords["row"]) == 5
    residuals = 1 - np.zeros(5)
    wanted = -0.5 * (residuals @ residuals + 3) - 4 * np.log(2 * np.pi)
    np.testing.assert_allclose(shorter.logp(np.zeros(3)), wanted, rtol=1e-12)
    with pytest.raises(ValueError, match=r"free variable level has shape|needs shape|length"):
        found.with_data({"c": np.ones(4)})


@pytest.fixture(scope="module")
def fit():
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = line()
        return model, ptpm.sample(
            200, tune=200, chains=2, random_seed=[3, 4], progressbar=False, model=model,
            target="machine", idata_kwargs={"log_likelihood": ["y"], "log_prior": True},
        )  # fmt: skip


def test_predictions_after_new_data_are_set(fit):
    model, idata = fit
    new = np.array([-1.0, 0.0, 3.0])
    with model:
        pm.set_data({"x": new, "seen": np.zeros(3)}, coords={"row": [100, 101, 102]})
        found = ptpm.sample_posterior_predictive(
            idata, predictions=True, progressbar=False, random_seed=1, target="machine",
            var_names=["y", "mu"],
        )  # fmt: skip
        pm.set_data({"x": X, "seen": Y}, coords={"row": np.arange(40)})
    y, draws = found.predictions["y"], idata.posterior
    assert y.dims == ("chain", "draw", "row") and [*y["row"].values] == [100, 101, 102]
    wanted = draws["a"].values[..., None] + draws["b"].values[..., None] * new
    np.testing.assert_allclose(found.predictions["mu"], wanted, rtol=1e-10)
    z = (y.values - wanted) / draws["sigma"].values[..., None]
    assert abs(z.mean()) < 0.15 and abs(z.std() - 1) < 0.1


def test_prior_draws_log_likelihoods_and_their_seeds(fit):
    model, idata = fit
    options = {"model": model, "random_seed": 7, "target": "machine"}
    one, two = (ptpm.sample_prior_predictive(30, **options) for _ in range(2))
    np.testing.assert_array_equal(one.prior["a"], two.prior["a"])
    assert one.prior_predictive["y"].sizes == {"chain": 1, "draw": 30, "row": 40}
    assert 2 < float(one.prior["a"].std()) < 8
    started = line(initval=1.5)
    again = ptpm.compute_log_likelihood(
        idata, model=started, extend_inferencedata=False, target="machine"
    )
    assert started.rvs_to_initial_values[started["b"]] == 1.5
    np.testing.assert_allclose(again["y"], idata.log_likelihood["y"], rtol=1e-9)
    assert {*idata.log_likelihood.data_vars} == {"y"}
    assert {*idata.log_prior.data_vars} == {"a", "b", "sigma"}
    with pytest.raises(TypeError, match="backend= and mode= have no meaning"):
        ptpm.sample_prior_predictive(3, model=model, backend="numba")


def test_what_has_no_translation_is_computed_by_pymc():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist("y", mu, random=lambda mu, rng, size: rng.normal(mu, size=size),
                      logp=lambda value, mu: -((value - mu) ** 2), observed=1.0)  # fmt: skip
    with pytest.warns(UserWarning, match="PyMC's default mode computes this"):
        found = ptpm.sample_prior_predictive(20, model)
    assert found.prior_predictive["y"].shape == (1, 20)


def test_seeds_starts_and_variables_to_keep():
    model = line()

    def draws(seed, **options):
        found = ptpm.sample(
            5, tune=0, chains=2, random_seed=seed, progressbar=False, model=model,
            target="machine", compute_convergence_checks=False, var_names=["a"], **options,
        )  # fmt: skip
        assert {*found.posterior.data_vars} == {"a"}
        return found.posterior["a"].values

    one = draws([1, 2])
    np.testing.assert_array_equal(one, draws([1, 2]))
    assert not np.array_equal(one, draws([1, 3]))
    generator = np.random.default_rng(1)
    assert not np.array_equal(draws(generator), draws(generator))
    starts = [{"a": 3.0, "sigma_log__": 0.1}, {"a": -3.0}]
    assert draws(1, initvals=starts).shape == (2, 5)
    for seed, message in (([1], "1 numbers, and there are 2"), ([-1, 2], "whole numbers from 0")):
        with pytest.raises((TypeError, ValueError), match=message):
            draws(seed)
    with pytest.raises(ValueError, match="initvals has 1 entries"):
        draws(1, initvals=starts[:1])


def test_starts_are_those_given_and_random_elsewhere():
    from probtensor.interop.pymc.starts import begin_at, starts_of

    model = line(initval=1.5)
    own = posterior(model)
    begin_at(own, starts_of(own, model, [{"a": 3.0, "sigma_log__": 0.1}, None], 2))
    first, second = own.initial(1, 0), own.initial(2, 1)
    places = {v.name: v.start for v in own.model.free}
    assert first[places["a"]] == 3.0 and first[places["sigma"]] == 0.1
    assert first[places["b"]] == second[places["b"]] == 1.5  # the initval of the model
    assert second[places["a"]] != own.initial(3, 1)[places["a"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"init": "advi"}, "init= has no meaning here(?s:.*)initvals="),
        ({"nuts": {"step_scale": 1}}, "has 'step_scale'"),
        ({"callback": lambda trace, draw: None}, "must take one argument"),
        ({"idata_kwargs": {"prior": {}}}, "join the result of sample_prior_predictive"),
        ({"idata_kwargs": {"log_likelihood": ["a"]}}, r"log_likelihood=\['a'\]"),
        ({"compile_kwargs": {"mode": "JAX"}}, "target= says"),
        ({"backend": "numba"}, "target= says"),
        ({"blas_cores": 4}, "one thread"),
        ({"initvals": {"a": "prior"}}, "write numbers"),
    ],
)
def test_arguments_without_a_meaning_are_refused_with_a_reason(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ptpm.sample(10, model=line(), progressbar=False, **{"target": "machine", **arguments})


def test_defaults_of_pymc_may_be_given():
    found = ptpm.sample(
        3, tune=2, chains=1, model=line(), target="machine", step=None, init="auto", trace=None,
        n_init=1000, jitter_max_retries=10, keep_warning_stat=False, blas_cores="auto",
        compile_kwargs={}, nuts={"max_treedepth": 3}, progressbar="split+stats", quiet=True,
        compute_convergence_checks=False, idata_kwargs={"coords": {"row": range(100, 140)}},
    )  # fmt: skip
    assert found.posterior["row"].values[0] == 100


def test_the_mode_has_pymcs_names_and_arguments():
    model = line()
    found = ptpm.find_MAP(model=model, target="machine", progressbar=False, initvals={"a": 2.0})
    np.testing.assert_allclose(found["sigma_log__"], np.log(found["sigma"]), rtol=1e-12)
    also = ptpm.find_MAP(model=model, target="machine", jitter=True, random_seed=1,
                         return_inferencedata=True, maxiter=200)  # fmt: skip
    np.testing.assert_allclose(also.posterior["b"].item(), found["b"], rtol=1e-3)
    assert also.posterior["mu"].dims == ("chain", "draw", "row")
    with pytest.raises(TypeError, match="vars= has no meaning here"):
        ptpm.find_MAP(model=model, vars=[model["a"]], target="machine")


def test_functions_of_pymc_are_replaced_and_restored():
    theirs = pm.sample
    with pytest.raises(ZeroDivisionError), ptpm.in_place_of_pymc(chains=1, target="machine"):
        assert pm.sample is not theirs
        with line():
            idata = pm.sample(5, tune=5, nuts_sampler="pymc", progressbar=False, random_seed=1,
                              compute_convergence_checks=False)  # fmt: skip
        assert idata.posterior.sizes["chain"] == 1
        assert idata.posterior.attrs["inference_library"] == "probtensor"
        1 / 0  # noqa: B018
    assert pm.sample is theirs
    assert np.isfinite(az.ess(idata, var_names=["a"])["a"])
