"""Every example runs, with few draws, and finds what is known about its data."""

import numpy as np
import pytest

pytest.importorskip("statsmodels")
# The runs are short on purpose, and the sampler rightly says so.
pytestmark = pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")


def mean(idata, name):
    """Posterior mean of a variable."""
    return np.asarray(idata.posterior[name]).mean((0, 1))


def test_eight_schools():
    from examples import eight_schools

    idata = eight_schools.main(draws=400, tune=400, progress=False)
    assert abs(mean(idata, "mu") - 4.4) < 0.8
    assert list(idata.posterior["school"].values) == eight_schools.SCHOOLS


def test_rand_hmo():
    from examples import rand_hmo

    idata = rand_hmo.main(draws=50, tune=150, progress=False)
    level = mean(idata, "level")
    visits, plan, names, _ = rand_hmo.data()
    raw = np.log([visits[plan == k].mean() for k in range(len(names))])
    assert np.corrcoef(level, raw)[0, 1] > 0.95
    assert 1.2 < 1 / mean(idata, "alpha") < 1.9


def test_radon():
    from examples import radon

    idata = radon.main(draws=200, tune=300, progress=False)
    np.testing.assert_allclose(mean(idata, "mu"), [1.5, -0.7], atol=0.25)
    assert abs(mean(idata, "sigma") - 0.75) < 0.06


def test_logistic_regression():
    from examples import logistic_regression

    idata = logistic_regression.main(draws=100, tune=200, progress=False)
    _, weights = logistic_regression.model()
    assert np.abs(mean(idata, "w") - weights).max() < 0.15


def test_mlp():
    from examples import mlp

    assert mlp.main(steps=600) > 0.9


def test_digits():
    from examples import digits

    assert digits.main(steps=80) > 0.75


def test_recapture():
    from examples import recapture

    idata = recapture.main(draws=60, tune=100, progress=False)
    np.testing.assert_allclose(mean(idata, "phi"), recapture.SURVIVAL, atol=0.25)
    assert abs(mean(idata, "p") - recapture.RECAPTURE) < 0.1
    alive = np.asarray(idata.posterior["alive"])
    first, seen = recapture.data()
    marked = np.arange(1, recapture.YEARS)[:, None] > first
    assert (alive[..., seen[1:] & marked] == 1).all()


def test_regimes():
    from examples import regimes

    idata = regimes.main(draws=100, tune=200, progress=False)
    np.testing.assert_allclose(mean(idata, "scale"), regimes.SCALE, rtol=0.2)
    np.testing.assert_allclose(mean(idata, "stay"), regimes.STAY, atol=0.05)
    stormy = np.asarray(idata.posterior["state"]).mean((0, 1)) > 0.5
    assert (stormy == regimes.data()[0]).mean() > 0.93


def test_mixture():
    from examples import mixture

    idata = mixture.main(draws=100, tune=200, progress=False)
    np.testing.assert_allclose(mean(idata, "mean"), mixture.MEANS, atol=1.5)
    np.testing.assert_allclose(mean(idata, "weight"), mixture.WEIGHTS, atol=0.12)
    probable = np.asarray(idata.posterior["lp_fish"]).mean((0, 1)).argmax(-1)
    assert (probable == mixture.data()[0]).mean() > 0.9


def test_dose_response():
    from examples import dose_response

    idata = dose_response.main(draws=1000, tune=500, progress=False)
    for name, known in dose_response.exact().items():
        assert abs(mean(idata, name) / known - 1) < 0.12, name


def test_item_response():
    from examples import item_response

    idata = item_response.main(draws=150, tune=250, progress=False)
    _, ability, difficulty, _ = item_response.data()
    assert np.corrcoef(mean(idata, "ability"), ability)[0, 1] > 0.85
    assert np.corrcoef(mean(idata, "difficulty"), difficulty)[0, 1] > 0.97
    assert abs(mean(idata, "spread") - difficulty.std()) < 0.4


@pytest.mark.filterwarnings("ignore::probtensor.ImputationWarning")
def test_missing_data():
    from examples import missing_data

    idata = missing_data.main(draws=200, tune=300, progress=False)
    _, seen, _, y = missing_data.data()
    line = [missing_data.INTERCEPT, missing_data.SLOPE]
    np.testing.assert_allclose(mean(idata, "line"), line, atol=0.25)
    # The mean of those there are is more than a unit too low.
    assert abs(mean(idata, "average") - y.mean()) < 0.2 < 1 < y.mean() - np.nanmean(seen)
    gaps = np.isnan(seen)
    assert np.corrcoef(mean(idata, "y")[gaps], y[gaps])[0, 1] > 0.9


def test_intervention():
    from examples import intervention

    idata = intervention.main(draws=200, tune=200, progress=False)
    found, exact = intervention.effects(idata).mean(axis=1), intervention.exact()
    np.testing.assert_allclose(found, exact, atol=0.02)
    seen = intervention.RECOVERED.sum(axis=0) / intervention.PATIENTS.sum(axis=0)
    assert seen[0] > seen[1] and found[0] < found[1]
def test_stochastic_volatility():
    from examples import stochastic_volatility

    idata = stochastic_volatility.main(draws=100, tune=200, progress=False)
    _, level = stochastic_volatility.data()
    assert np.corrcoef(mean(idata, "level"), level)[0, 1] > 0.9
    assert abs(mean(idata, "step") - stochastic_volatility.STEP) < 0.08
    low, high = np.quantile(idata.posterior["level"], [0.05, 0.95], axis=(0, 1))
    assert 0.8 < np.mean((low < level) & (level < high)) < 0.98


def test_disease_map():
    from examples import disease_map

    idata = disease_map.main(draws=150, tune=250, progress=False)
    *_, risk = disease_map.data()
    assert np.corrcoef(mean(idata, "risk"), risk)[0, 1] > 0.9
    assert abs(mean(idata, "effect") - disease_map.EFFECT) < 0.2
    assert abs(mean(idata, "tau") - disease_map.TAU) < 1.5
    assert mean(idata, "alpha") > 0.85


def test_autoregression():
    from examples import autoregression

    idata = autoregression.main(draws=300, tune=300, progress=False)
    np.testing.assert_allclose(mean(idata, "lags"), autoregression.LAGS, atol=0.2)
    assert abs(mean(idata, "sigma") - autoregression.SIGMA) < 0.1
    found, came = idata.posterior_predictive["ahead"], autoregression.data()[autoregression.SEEN :]
    low, high = np.quantile(found, [0.05, 0.95], axis=(0, 1))
    assert 0.75 < np.mean((low < came) & (came < high)) <= 1


def test_varying_slopes():
    from examples import varying_slopes

    idata = varying_slopes.main(draws=300, tune=500, progress=False)
    *_, truth = varying_slopes.data()
    found = mean(idata, "beta")
    assert all(np.corrcoef(found[:, k], truth[:, k])[0, 1] > 0.85 for k in range(2))
    assert abs(mean(idata, "sigma") - varying_slopes.NOISE) < 0.1
    assert -0.98 < mean(idata, "rho") < -0.4


def test_ordinal():
    from examples import ordinal

    idata = ordinal.main(draws=300, tune=400, progress=False)
    np.testing.assert_allclose(mean(idata, "beta"), ordinal.SLOPES, atol=0.3)
    np.testing.assert_allclose(mean(idata, "cutpoints"), ordinal.CUTPOINTS, atol=0.45)


def test_survival():
    from examples import survival

    idata = survival.main(draws=400, tune=400, progress=False)
    # The largest likelihood, of a Weibull model in R's survreg, has 1.366 and -1.731 (hazards).
    assert abs(mean(idata, "shape") - 1.33) < 0.15
    assert abs(mean(idata, "effect") + 1.55) < 0.25
    times, left = survival.kaplan_meier(survival.WEEKS, survival.ENDED)
    assert times[0] == 0 and left[0] == 1 and np.all(np.diff(left) < 0)


def test_zero_inflated():
    from examples import zero_inflated

    idata = zero_inflated.main(draws=300, tune=400, progress=False)
    np.testing.assert_allclose(mean(idata, "odds"), zero_inflated.FISHING, atol=0.7)
    assert abs(mean(idata, "slope") - zero_inflated.SLOPE) < 0.15


MOST_LINES = {"debugging": 130}  # ten programs; any other is one


def test_every_example_is_short_and_has_a_picture(root):
    from examples import gallery

    files = {path.stem: path for path in (root / "examples").glob("*.py")}
    assert {*gallery.EXAMPLES} <= {*files}
    for name, path in files.items():
        assert len(path.read_text().splitlines()) < MOST_LINES.get(name, 80), name
        known = name in gallery.EXAMPLES
        assert not known or (gallery.IMAGES / f"{name}.png").exists(), name


def test_debugging(capsys):
    from examples import debugging

    debugging.main()
    text = capsys.readouterr().out
    for words in ("log1p of a number below -1", "in step 2 of the loop", "in the derivative of",
                  "sizes 3 and 4 do not fit", "the derivative of custom_vjp is wrong",
                  "penalty = pt.special.gammaln(scale)", "instead: -pt.expm1(-rate)",
                  "as sigma changes", "y[1]: the uniform likelihood is -inf",
                  "not identified: a, b"):  # fmt: skip
        assert words in text
