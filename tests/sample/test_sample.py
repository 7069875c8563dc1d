"""`sample`: the ArviZ object, reproducibility, start points, errors and warnings."""

import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from probtensor.sample import LogpGrad, SamplerWarning, SamplingError, sample
from probtensor.sample.runs.output import load_arviz

STATS = {
    "lp", "acceptance_rate", "diverging", "energy", "energy_error", "max_energy_error", "n_steps",
    "tree_depth", "reached_max_treedepth", "step_size", "step_size_bar", "index_in_trajectory",
    "perf_counter_start", "perf_counter_diff",
}  # fmt: skip


def quietly(posterior, **settings):
    """A short run without bars, its warnings silenced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SamplerWarning)
        return sample(posterior, **{"draws": 100, "tune": 100, "progress": False} | settings)


def values(idata, name, group="posterior"):
    return np.asarray(idata[group][name])


def test_hand_written_densities_meet_the_protocol(density):
    assert isinstance(density("funnel", 3), LogpGrad)


def test_groups_names_coordinates_and_attributes(schools):
    idata = quietly(schools, seed=4, target_accept=0.85)
    posterior = idata["posterior"]
    assert set(posterior.data_vars) == {"mu", "tau", "z", "theta"}
    assert posterior["theta"].dims == ("chain", "draw", "school")
    assert posterior["mu"].shape == (4, 100)
    assert list(posterior["school"].values) == list("ABCDEFGH")
    assert set(idata["sample_stats"].data_vars) == STATS
    assert values(idata, "diverging", "sample_stats").dtype == bool
    assert values(idata, "n_steps", "sample_stats").dtype == np.int64
    np.testing.assert_array_equal(values(idata, "y", "observed_data"), schools.observed["y"])
    assert idata["observed_data"]["y"].dims == ("school",)
    sigma = values(idata, "sigma", "constant_data")
    np.testing.assert_array_equal(sigma, schools.constants["sigma"])
    expected = {
        "inference_library": "probtensor", "seed": 4, "draws": 100, "tuning_steps": 100,
        "target_accept": 0.85, "max_treedepth": 10, "interrupted": "", "metric": "diag_grad",
    }  # fmt: skip
    assert {key: posterior.attrs[key] for key in expected} == expected
    assert posterior.attrs["sampling_time"] > 0.0
    assert {"created_at", "inference_library_version", "cores"} <= set(posterior.attrs)


def test_arviz_can_use_it(schools, tmp_path):
    arviz = load_arviz()
    idata = quietly(schools, keep_warmup=True, keep_divergences=True)
    table = arviz.summary(idata, var_names=["mu", "theta"])
    assert "theta[A]" in table.index
    flat = arviz.extract(idata)
    assert flat["theta"].sizes["sample"] == 400


def test_a_posterior_that_knows_only_its_density(density):
    idata = quietly(density("scaled_normal", 3, np.ones(3)), chains=2)
    assert values(idata, "q").shape == (2, 100, 3)


def test_threads_and_chains_do_not_change_a_chain(schools):
    reference = values(quietly(schools, seed=7, cores=1), "theta")
    for cores in (2, 4):
        found = values(quietly(schools, seed=7, cores=cores), "theta")
        np.testing.assert_array_equal(found, reference)
    alone = values(quietly(schools, seed=7, chains=1), "theta")
    np.testing.assert_array_equal(alone[0], reference[0])
    many = values(quietly(schools, seed=7, chains=6, cores=3), "theta")
    np.testing.assert_array_equal(many[:4], reference)
    assert len(np.unique(many[:, -1, 0])) == 6
    other = values(quietly(schools, seed=8), "theta")
    assert not np.isin(other, reference).any()


def test_without_a_seed_runs_differ_and_can_be_repeated(schools):
    first, second = quietly(schools), quietly(schools)
    assert not np.array_equal(values(first, "mu"), values(second, "mu"))
    again = quietly(schools, seed=first["posterior"].attrs["seed"])
    np.testing.assert_array_equal(values(again, "mu"), values(first, "mu"))


def test_the_warmup_is_kept_apart_and_changes_nothing(schools):
    plain, kept = quietly(schools, seed=3), quietly(schools, seed=3, keep_warmup=True, tune=100)
    np.testing.assert_array_equal(values(kept, "theta"), values(plain, "theta"))
    assert values(kept, "theta", "warmup_posterior").shape == (4, 100, 8)
    steps = values(kept, "step_size", "warmup_sample_stats")
    assert len(np.unique(steps[0])) > 90
    assert set(kept["warmup_sample_stats"].data_vars) == STATS
    assert not hasattr(plain, "warmup_posterior") or "warmup_posterior" not in plain.children


def test_given_starts(schools):
    values_of = {"mu": 3.0, "tau": 2.0, "z": np.zeros(8)}
    q = schools.unconstrain(values_of)
    by_name = quietly(schools, seed=1, init=values_of)
    by_array = quietly(schools, seed=1, init=q)
    each = quietly(schools, seed=1, init=np.tile(q, (4, 1)))
    np.testing.assert_array_equal(values(by_name, "mu"), values(by_array, "mu"))
    np.testing.assert_array_equal(values(by_name, "mu"), values(each, "mu"))
    assert not np.array_equal(values(by_name, "mu"), values(quietly(schools, seed=1), "mu"))
    with pytest.raises(ValueError, match=r"\(3,\); the posterior has 10"):
        quietly(schools, init=np.zeros(3))


def test_chains_begin_at_draws_spread_evenly(schools, density, monkeypatch):
    given = quietly(schools, seed=5, chains=2, draws=6, tune=200)
    names = ("mu", "tau", "z")
    monkeypatch.setattr(schools, "names", names, raising=False)
    rows = [(0, 1), (0, 4), (1, 1), (1, 4)]  # of 12 draws the ones at 1/8, 3/8, 5/8 and 7/8
    points = [{n: given.posterior[n].values[r] for n in names} for r in rows]
    each = quietly(schools, seed=1, init=np.array([schools.unconstrain(x) for x in points]))
    np.testing.assert_array_equal(values(quietly(schools, seed=1, init=given), "mu"),
                                  values(each, "mu"))  # fmt: skip
    with pytest.raises(KeyError, match="sample: init has no draws of tau"):
        quietly(schools, init=SimpleNamespace(posterior={"mu": given.posterior["mu"]}))
    with pytest.raises(ValueError, match="sample: init has no draws"):
        empty = {n: given.posterior[n][:, :0] for n in names}
        quietly(schools, init=SimpleNamespace(posterior=empty))
    with pytest.raises(TypeError, match="needs a posterior that knows names"):
        quietly(density("double_exponential", 2), init=given)


def test_a_posterior_may_choose_its_starts(schools, monkeypatch):
    asked = []

    def initial(key, chain):
        asked.append((key, chain))
        return np.full(10, 0.1 * chain)

    monkeypatch.setattr(type(schools), "initial", staticmethod(initial), raising=False)
    quietly(schools, seed=5)
    assert [chain for _, chain in asked] == [0, 1, 2, 3]
    assert len({key for key, _ in asked}) == 4
    before = list(asked)
    quietly(schools, seed=5)
    assert asked == before * 2


def test_bad_starts_are_tried_again(density):
    """One start in 27 has a density: the first 100 attempts find it for each chain."""
    posterior = density("truncated", 2, [-1.85])
    draws = values(quietly(posterior, chains=4, seed=2), "q")
    assert draws[..., 0].max() < -1.85


def test_a_hopeless_start_names_the_term(density, monkeypatch):
    posterior = density("truncated", 2, [-np.inf])
    with pytest.raises(SamplingError, match="log density is -inf at all 100 points tried"):
        quietly(posterior)
    long = "\n".join(f"y[3] ~ gamma: log density is -inf at line {k}" for k in range(20))
    monkeypatch.setattr(type(posterior), "diagnose", lambda self, q: long, raising=False)
    with pytest.raises(SamplingError, match=r"y\[3\] ~ gamma: log density is -inf") as caught:
        quietly(posterior)
    assert len(str(caught.value).splitlines()) <= 8
    with pytest.raises(SamplingError, match="at the given init"):
        quietly(posterior, init=np.zeros(2))


def test_a_slope_that_is_nan_names_the_variable(density, monkeypatch):
    posterior = density("no_slope", 3)
    monkeypatch.setattr(
        type(posterior), "variable_of", lambda self, i: ("mu", "tau", "z")[i], raising=False
    )
    with pytest.raises(SamplingError, match="gradient with respect to tau is nan"):
        quietly(posterior)


@pytest.mark.parametrize(
    "name,fail_after,message",
    [
        ("failing", 200, "failed with code 7"),
        ("failing", 0, "code 7 at the start point of chain 0"),
        ("flat", 0, "not proper"),
        ("cliff", 2, "no step size small enough"),
    ],
)
def test_chains_that_cannot_go_on(density, name, fail_after, message):
    with pytest.raises(SamplingError, match=message) as caught:
        quietly(density(name, 2, fail_after=fail_after), init=np.full(2, 0.1))
    assert len(str(caught.value).splitlines()) <= 8


@pytest.mark.parametrize(
    "settings,message",
    [
        ({"draws": 0}, "draws=0 keeps nothing"),
        ({"tune": -1}, "tune must not be negative"),
        ({"target_accept": 1.0}, "target_accept lies between 0 and 1"),
        ({"max_treedepth": 0}, "max_treedepth lies between"),
        ({"max_treedepth": 30}, "max_treedepth lies between"),
        ({"metric": "dense"}, "metric is one of"),
        ({"chains": 0}, "must be at least 1"),
        ({"cores": 0}, "must be at least 1"),
        ({"seed": -1}, "seed is a whole number"),
    ],
)
def test_settings_that_make_no_sense(schools, settings, message):
    with pytest.raises(ValueError, match=message):
        quietly(schools, **settings)


def test_nothing_to_draw(density):
    with pytest.raises(ValueError, match="no free variables"):
        quietly(density("scaled_normal", 0))


def test_the_funnel_warns_of_what_is_wrong_with_it(density):
    with pytest.warns(SamplerWarning) as caught:
        idata = sample(
            density("funnel", 20), seed=1, progress=False, keep_divergences=True, init="random"
        )
    text = "\n".join(str(warning.message) for warning in caught)
    assert "draws diverged" in text and "target_accept" in text
    assert "R-hat of q[0]" in text or "effective sample size below 400" in text
    assert "E-BFMI" in text
    assert all(warning.filename == __file__ for warning in caught)
    diverging = values(idata, "diverging", "sample_stats")
    starts = values(idata, "divergence_start", "sample_stats")
    assert diverging.any()
    assert np.isfinite(starts[diverging]).all() and np.isnan(starts[~diverging]).all()


def test_a_depth_too_small_is_told(density):
    scales = np.exp(np.linspace(0.0, 3.0, 20))
    precision = np.diag(scales**-2.0) + 0.02
    posterior = density("correlated_normal", 20, precision)
    with pytest.warns(SamplerWarning) as caught:
        sample(posterior, draws=200, tune=200, max_treedepth=2, seed=1, progress=False)
    assert any("maximum tree depth of 2" in str(warning.message) for warning in caught)


def test_a_good_run_warns_of_nothing(density):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SamplerWarning)
        sample(density("scaled_normal", 5, np.ones(5)), seed=1, progress=False)


def test_arviz_loads_where_its_cache_cannot_be_written(tmp_path):
    home = tmp_path / "file"
    home.write_text("")
    places = {"HOME": str(home), "MPLCONFIGDIR": str(tmp_path)}
    environment = {k: v for k, v in os.environ.items() if k != "XDG_CACHE_HOME"} | places
    code = (
        "import os; from probtensor.sample.runs.output import load_arviz; "
        "print(load_arviz().__name__, 'XDG_CACHE_HOME' in os.environ)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout.split()) == (0, ["arviz", "False"]), run.stderr


def test_only_a_posterior_is_sampled():
    with pytest.raises(TypeError, match=r"pt.condition returns it, not 3"):
        sample(3)
