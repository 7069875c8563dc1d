"""Normal approximations: exact where the posterior is normal, near reference draws, and warnings
where they are not."""

import warnings

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.approximate.density import Density
from probtensor.approximate.laplace import normal_at_mode
from tests.approximate.test_mode import Plain, told
from tests.models.posteriordb import MODELS
from tests.posteriordb.test_posteriordb import load, scalars

QUIET = {"progress": False, "seed": 1}
FITS = {
    "laplace": pt.fit_laplace,
    "pathfinder": pt.pathfinder,
    "advi": pt.fit_advi,
    "fullrank_advi": lambda *args, **rest: pt.fit_advi(*args, method="fullrank_advi", **rest),
}
RNG = np.random.default_rng(8)
X = np.column_stack([np.ones(30), RNG.normal(size=(30, 2)) @ [[1.0, 0.9], [0.0, 0.4]]])
Y = X @ [1.0, -2.0, 0.5] + 0.3 * RNG.normal(size=30)


@pytest.fixture(scope="module")
def regression():
    """A regression of known noise, whose posterior is normal; with dims and a deterministic."""
    slope = pt.random.normal(0.0, 10.0, name="slope", dims="term")
    mean = pt.deterministic(X @ slope, name="fit", dims="case")
    y = pt.random.normal(mean, 0.3, name="y", dims="case")
    return pt.condition({y: Y}, track=[mean], coords={"term": ["one", "a", "b"]})


PRECISION = X.T @ X / 0.09 + np.eye(3) / 100
COVARIANCE = np.linalg.inv(PRECISION)
MEAN = COVARIANCE @ X.T @ Y / 0.09


def test_laplace_is_exact_for_normal_posteriors(regression):
    normal, _ = normal_at_mode(Density(regression), np.zeros(3))
    np.testing.assert_allclose(normal.mean, MEAN, rtol=1e-8)
    np.testing.assert_allclose(normal.factor @ normal.factor.T, COVARIANCE, rtol=1e-8)
    idata = pt.fit_laplace(regression, **QUIET)
    marginal = stats.multivariate_normal(np.zeros(30), 100 * X @ X.T + 0.09 * np.eye(30))
    attrs, found = idata.posterior.attrs, idata.sample_stats
    assert attrs["pareto_k"] == 0.0
    np.testing.assert_allclose(attrs["log_evidence"], marginal.logpdf(Y), rtol=1e-8)
    np.testing.assert_allclose(found.lp - found.lp_approx, attrs["log_evidence"], rtol=1e-8)
    found = pt.fit_laplace(Plain(), **QUIET)  # by differences of gradients
    np.testing.assert_allclose(found.posterior["q"].mean(("chain", "draw")), range(3), atol=0.1)
    assert found.posterior.attrs["pareto_k"] < 0.7


@pytest.mark.filterwarnings("ignore:fit_advi:probtensor.SamplerWarning")
@pytest.mark.parametrize("fit", FITS)
def test_draws_have_names_dims_and_a_seed(regression, fit, capsys):
    draws = 900
    idata = FITS[fit](regression, draws, seed=2)
    printed = capsys.readouterr().err
    assert "Pareto k" in printed and printed.count("\n") == 1
    posterior = idata.posterior
    assert posterior["fit"].dims == ("chain", "draw", "case")
    assert [*posterior["term"].values] == ["one", "a", "b"]
    np.testing.assert_allclose(posterior["fit"], posterior["slope"].values @ X.T, rtol=1e-10)
    np.testing.assert_array_equal(idata.observed_data["y"], Y)
    assert idata.sample_stats["lp"].shape == idata.sample_stats["lp_approx"].shape == (1, draws)
    assert posterior.attrs["seed"] == 2 and posterior.attrs["sampler"] == fit
    flat = posterior["slope"].values[0]
    # 900 draws; those of independent normals have the right means, but smaller spreads.
    sd = np.sqrt(np.diag(COVARIANCE if fit != "advi" else np.diag(1 / np.diag(PRECISION))))
    assert np.abs((flat.mean(axis=0) - MEAN) / sd).max() < 0.15
    assert np.abs(flat.std(axis=0) / sd - 1).max() < 0.1
    assert (fit == "advi") == (posterior.attrs["pareto_k"] > 0.4)
    again = FITS[fit](regression, draws, seed=2, progress=False)
    np.testing.assert_array_equal(again.posterior["slope"], posterior["slope"])
    assert capsys.readouterr().err == ""


def test_paths_do_not_depend_on_threads_or_on_their_number(regression):
    alone, three, threads = (
        pt.pathfinder(regression, 50, paths=paths, threads=n, resample=None, **QUIET)
        for paths, n in ((1, 1), (3, 1), (3, 3))
    )
    assert three.posterior["slope"].shape == (3, 50, 3)
    np.testing.assert_array_equal(three.posterior["slope"], threads.posterior["slope"])
    np.testing.assert_array_equal(three.posterior["slope"][:1], alone.posterior["slope"])
    starts = regression.unconstrain({"slope": MEAN}) + np.eye(3)
    given = pt.pathfinder(regression, 50, paths=3, start=starts, **QUIET)
    assert given.posterior.attrs["pareto_k"] < 0.7 and len(given.posterior.attrs["elbo"]) == 3
    # A draw of an approximation is a start of a chain.
    init = given.posterior["slope"].values[0, [0, 20]]
    found = pt.sample(regression, 50, 50, chains=2, init=init, seed=1, progress=False)
    assert found.posterior["slope"].shape == (2, 50, 3)


def test_a_posterior_on_a_device(device_driver):
    """Rows of points are one launch; all results are those of the host."""
    mu, s = pt.random.normal(0.0, 5.0, name="mu"), pt.random.log_normal(0.0, 0.2, name="s")
    data = {pt.random.normal(mu, s, shape=30, name="y"): Y}
    there, here = pt.condition(data, target="cuda"), pt.condition(data)
    for at in (False, True):
        found, same = (pt.find_MAP(p, include_jacobian=at, **QUIET) for p in (there, here))
        np.testing.assert_allclose(found.q, same.q, rtol=1e-6)
    for fit in ("laplace", "pathfinder"):
        found, same = (FITS[fit](p, 100, **QUIET) for p in (there, here))
        np.testing.assert_allclose(found.posterior["s"], same.posterior["s"], rtol=1e-6)


@pytest.fixture(scope="module")
def schools():
    effects = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    mu, tau = pt.random.normal(0.0, 5.0, name="mu"), pt.random.half_cauchy(5.0, name="tau")
    theta = pt.random.normal(mu, tau, name="theta", shape=8, centered=False)
    return pt.condition({pt.random.normal(theta, sigma, name="y"): effects})


def test_eight_schools(schools):
    """Means and standard deviations of posteriordb's reference draws: mu 4.4 (3.3), tau 3.6
    (3.2)."""
    for fit in ("advi", "fullrank_advi"):
        found = FITS[fit](schools, **QUIET).posterior
        assert found.attrs["converged"] and np.diff(found.attrs["elbo_trace"][:2]) > -2
        assert abs(float(found["mu"].mean()) - 4.4) < 0.7
        assert abs(float(found["tau"].mean()) - 3.6) < 0.9
        assert abs(float(found["mu"].std()) - 3.3) < 0.5
    with pytest.warns(pt.SamplerWarning, match="the Pareto k of their importance ratios"):
        pt.fit_laplace(schools, **QUIET)


@pytest.mark.parametrize(
    ("fit", "options"),
    [("laplace", {}), ("pathfinder", {"maxiter": 100}), ("fullrank_advi", {"n": 500})],
)
@pytest.mark.filterwarnings("ignore:fit_advi. 500 steps:probtensor.SamplerWarning")
def test_a_funnel_warns(fit, options):
    v = pt.random.normal(0.0, 3.0, name="v")
    x = pt.random.normal(0.0, pt.exp(v / 2), name="x", shape=9)
    with pytest.warns(pt.SamplerWarning, match=r"Pareto k of their importance ratios is"):
        idata = FITS[fit](told(x), **options, **QUIET)
    assert idata.posterior.attrs["pareto_k"] > 0.7


def test_densities_without_a_normal_approximation():
    a, b = pt.random.flat(name="a"), pt.random.flat(name="b", shape=2)
    flat = pt.condition({pt.random.normal(a + b[1], 1.0, name="y"): 1.0})
    with pytest.raises(pt.SamplingError, match=r"is flat along b\[0\] (?s:.*)proper priors"):
        pt.fit_laplace(flat, **QUIET)
    both = pt.condition({pt.random.normal(a + pt.sum(b), 1.0, shape=2, name="y"): [1.0, 0.0]})
    with pytest.raises(pt.SamplingError, match=r"is flat along [ab]"):
        pt.fit_laplace(both, **QUIET)
    u = pt.random.normal(0.0, 1.0, name="u")
    wide = pt.condition({pt.random.uniform(0.0, pt.exp(u), name="y"): 5.0})
    with warnings.catch_warnings(record=True) as told_of:
        warnings.simplefilter("always")
        idata = pt.fit_laplace(wide, **QUIET)
        drawn = pt.pathfinder(wide, start={"u": 2.0}, **QUIET)
    assert "draws lie where the posterior has no density" in " ".join(map(str, told_of))
    assert np.isneginf(idata.sample_stats["lp"]).any()
    assert np.isfinite(drawn.sample_stats["lp"]).all()
    never = pt.condition({pt.random.uniform(0.0, 1.0 + 0 * u, name="y"): 5.0})
    for fit in FITS.values():
        with pytest.raises(pt.SamplingError, match="at all 10"):
            fit(never, **QUIET)


def test_wrong_settings_and_short_searches(regression):
    nothing = pt.condition({pt.random.normal(0.0, 1.0, name="y"): 1.0})
    for fit in FITS.values():
        with pytest.raises(ValueError, match="no free variables"):
            fit(nothing)
        with pytest.raises(ValueError, match="draws must be at least 1"):
            fit(regression, 0)
    for error, text, call in [
        (ValueError, 'resample is "psis"', lambda: pt.pathfinder(regression, resample="x")),
        (ValueError, "method is one of advi", lambda: pt.fit_advi(regression, method="x")),
        (ValueError, "tolerance lies between", lambda: pt.fit_advi(regression, tolerance=2)),
        (TypeError, "write jacobian=True", lambda: pt.fit_laplace(Plain(), jacobian=False)),
        (TypeError, "threads is a whole", lambda: pt.pathfinder(regression, threads=1.5)),
        (ValueError, r"or \(4, 3\) for each", lambda: pt.pathfinder(regression, start=X)),
    ]:
        with pytest.raises(error, match=text):
            call()
    with pytest.warns(pt.SamplerWarning, match="3 steps are not enough"):
        idata = pt.fit_advi(regression, n=3, **QUIET)
    assert not idata.posterior.attrs["converged"] and idata.posterior.attrs["steps"] == 3
    few = pt.fit_laplace(regression, 4, **QUIET)  # too few for a warning
    assert few.posterior["slope"].shape == (1, 4, 3)


@pytest.mark.filterwarnings("ignore:fit_advi:probtensor.SamplerWarning")
def test_stages_of_too_large_steps_are_taken_back(regression):
    far = {"learning_rate": 0.99, "samples": 1, "n": 2000}
    idata = FITS["fullrank_advi"](regression, 500, **far, **QUIET)
    marginal = stats.multivariate_normal(np.zeros(30), 100 * X @ X.T + 0.09 * np.eye(30))
    trace = idata.posterior.attrs["elbo_trace"]
    assert min(trace) < marginal.logpdf(Y) - 1 < idata.posterior.attrs["elbo"]


@pytest.mark.parametrize("name", ["nes1972-nes", "sblrc-blr"])
def test_approximations_are_near_reference_draws(posteriordb, name):
    """All means are at most a fifth of a standard deviation from those of the reference."""
    data, reference = load(posteriordb, name)
    posterior = MODELS[name][0](data)
    for fit in ("pathfinder", "fullrank_advi"):
        idata = FITS[fit](posterior, **QUIET)
        found = scalars(idata, dict.fromkeys(scalar.partition("[")[0] for scalar in reference))
        for scalar, expected in reference.items():
            assert abs(found[scalar].mean() - expected["mean"]) < 0.2 * expected["sd"], scalar
            assert 0.8 < found[scalar].std() / expected["sd"] < 1.25, scalar
