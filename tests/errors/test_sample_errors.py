"""Every mistake a user can make with the settings of `sample` and of the functions that draw."""

import pickle
import warnings

import numpy as np
import pytest

import probtensor as pt

HERE = "test_sample_errors.py"
LINES = 8


@pytest.fixture(scope="module")
def mu():
    return pt.random.normal(0, 1, name="mu")


@pytest.fixture(scope="module")
def y(mu):
    scale = pt.random.half_normal(1, name="scale", shape=2)
    return pt.random.normal(mu, pt.sum(scale), shape=4, name="y")


@pytest.fixture(scope="module")
def posterior(y):
    return pt.condition({y: np.arange(4.0)})


@pytest.fixture(scope="module")
def sample(posterior):
    def short(**settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pt.SamplerWarning)
            return pt.sample(
                posterior, **{"draws": 10, "tune": 10, "chains": 2, "progress": False} | settings
            )

    return short


def message(kind, call, *words):
    """The message of the error, which must have each of the words and be short."""
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert len(text.splitlines()) <= LINES, text
    for word in (*words, HERE):
        assert word in text, f"{word!r} not in: {text}"


WHOLE = ("draws", "tune", "chains", "cores", "max_treedepth", "early_max_treedepth")


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [2.0, 10.5, True, "100", np.float64(3), [2], 2j, np.bool_(True)])
def test_whole_numbers(sample, name, value):
    message(TypeError, lambda: sample(**{name: value}), f"sample: {name} is a whole number, not",
            type(value).__name__, f"write {name}=")  # fmt: skip


def test_the_way_out_is_what_was_meant(sample):
    message(TypeError, lambda: sample(chains=3.0), "not 3.0 (float)", "write chains=3")
    message(TypeError, lambda: sample(tune="100"), "not '100' (str)", "write tune=100")
    message(TypeError, lambda: sample(draws=None), "write draws=1")


@pytest.mark.parametrize("kind", [int, np.int32, np.uint8, np.array])
def test_whole_numbers_of_any_type_are_taken(sample, kind):
    posterior = sample(draws=kind(12), chains=kind(1), cores=kind(1), seed=kind(3))["posterior"]
    assert posterior.sizes["draw"] == 12 and posterior.attrs["draws"] == 12
    assert type(posterior.attrs["draws"]) is int


@pytest.mark.parametrize(
    "name,value,words",
    [
        ("draws", -1, "must not be negative, not -1"),
        ("draws", 0, "draws=0 keeps nothing"),
        ("tune", -5, "must not be negative"),
        ("chains", 0, "must be at least 1, not 0"),
        ("cores", -1, "must be at least 1"),
        ("max_treedepth", 0, "lies between 1 and"),
        ("early_max_treedepth", 99, "lies between 1 and"),
        ("target_accept", 95, "lies between 0 and 1, not at 95"),
        ("target_accept", 0.0, "lies between 0 and 1"),
        ("target_accept", float("nan"), "lies between 0 and 1"),
        ("seed", -1, "from 0 to 2**63 - 1, not -1"),
        ("seed", 2**63, "from 0 to 2**63 - 1"),
        ("metric", "dense", "metric is one of"),
        ("metric", ["diag"], "metric is one of"),
        ("sampler", "gibbs", "sampler is one of"),
        ("pooled", True, "pooled=True"),
    ],
)
def test_values_out_of_range(sample, name, value, words):
    message(ValueError, lambda: sample(**{name: value}), "sample: ", words)


@pytest.mark.parametrize(
    "name,value,words",
    [
        ("target_accept", "0.9", "a number between 0 and 1, not '0.9' (str)"),
        ("target_accept", True, "a number between 0 and 1, not True (bool)"),
        ("keep_warmup", 1, "True or False, not 1 (int)"),
        ("keep_divergences", "no", "True or False, not 'no' (str)"),
        ("pooled", "yes", "True or False"),
        ("progress", "bar", "progress is True, False or a function"),
        ("progress", None, "write progress=False"),
        ("seed", "abc", "numpy.random.Generator"),
        ("seed", 1.5, "seed is a whole number"),
        ("seed", True, "not True (bool)"),
        ("seed", [1, 2], "not [1, 2] (list)"),
        ("init", "jitter+adapt_diag", "leave init out"),
    ],
)
def test_values_of_the_wrong_type(sample, name, value, words):
    message(TypeError, lambda: sample(**{name: value}), f"sample: {name}", words)


@pytest.mark.parametrize(
    "init,words",
    [
        ({"mu": "x", "scale": [1, 1]}, "mu"),
        ({"mu": [1, 2], "scale": [1, 1]}, "mu has shape (), the value (2,)"),
        ({"mu": 1.0}, "no value is given for scale"),
        ({"mu": 1.0, "scale": [1, -1]}, "scale must be"),
        (np.zeros(7), "the posterior has 3 coordinates"),
    ],
)
def test_start_points(sample, init, words):
    wrong = (ValueError, TypeError, KeyError)
    message(wrong, lambda: sample(init=init), "sample: init", words)


@pytest.mark.parametrize(
    "name,own",
    [
        ("random_seed", "seed"), ("progressbar", "progress"), ("initvals", "init"),
        ("num_warmup", "tune"), ("num_samples", "draws"), ("adapt_delta", "target_accept"),
        ("max_tree_depth", "max_treedepth"), ("parallel_chains", "cores"), ("chain", "chains"),
        ("discard_tuned_samples", "keep_warmup"),
    ],
)  # fmt: skip
def test_keywords_that_other_libraries_have(sample, name, own):
    message(TypeError, lambda: sample(**{name: 1}), f"no argument {name!r}", f"mean {own!r}")


def test_keywords_that_nobody_has(sample):
    message(TypeError, lambda: sample(wibble=1), "no argument 'wibble'", "sample(posterior, draws")


def test_more_than_the_machine_holds(sample):
    for name in ("draws", "chains", "tune"):
        message(MemoryError, lambda name=name: sample(**{name: 10**20}), "GiB", "draw less")


@pytest.mark.parametrize(
    "make", [np.random.default_rng, np.random.SeedSequence, np.random.RandomState, np.random.PCG64]
)
def test_seeds_of_numpy(sample, mu, make):
    for draw in (
        lambda seed: np.asarray(sample(seed=seed)["posterior"]["mu"]),
        lambda seed: pt.draw(mu, 5, seed),
        lambda seed: np.asarray(pt.sample_prior(mu, 5, seed)["prior"]["mu"]),
    ):
        np.testing.assert_array_equal(draw(make(7)), draw(make(7)))
        assert not np.array_equal(draw(make(7)), draw(make(8)))


def test_a_generator_moves_on_and_what_it_gave_is_told(sample):
    rng = np.random.default_rng(1)
    first, second = sample(seed=rng)["posterior"], sample(seed=rng)["posterior"]
    assert not np.array_equal(first["mu"], second["mu"])
    again = sample(seed=second.attrs["seed"])["posterior"]
    np.testing.assert_array_equal(again["mu"], second["mu"])


def test_draws_of_the_prior(mu, posterior):
    message(TypeError, lambda: pt.draw(mu, 2.0), "draw: draws is a whole number", "write draws=2")
    message(ValueError, lambda: pt.draw(mu, -1), "draw: draws must not be negative")
    message(TypeError, lambda: pt.draw(mu, seed="a"), "draw: seed is a whole number")
    message(TypeError, lambda: pt.draw(mu, seed=[1, "a"]), "draw: seed is a whole number")
    message(ValueError, lambda: pt.draw(mu, seed=-1), "draw: seed is a whole number")
    message(TypeError, lambda: pt.draw(mu, random_seed=1), "draw: ", "did you mean 'seed'")
    message(TypeError, lambda: pt.draw(mu, size=3), "draw: ", "did you mean 'draws'")
    assert pt.draw(mu, 0).shape == (0,)
    assert pt.draw(mu, 2, seed=[1, 2]).shape == (2,)
    message(ValueError, lambda: pt.sample_prior(posterior, 0), "sample_prior: draws must be")
    message(TypeError, lambda: pt.sample_prior(posterior, samples=9), "did you mean 'draws'")
    message(TypeError, lambda: pt.sample_prior(posterior, seed=1.5), "sample_prior: seed is")
    message(pt.GraphError, lambda: pt.sample_prior(3), "needs a name")


def test_draws_of_the_posterior_predictive(sample, y):
    idata = sample()
    predict = pt.sample_posterior_predictive
    message(TypeError, lambda: predict(idata, y, random_seed=3), "did you mean 'seed'")
    message(TypeError, lambda: predict(idata, y, seed="a"), "predictive: seed is a whole number")
    message(TypeError, lambda: predict(idata, y, data=3), "data= is {data input: array}")
    message(pt.GraphError, lambda: predict(idata, 3), "needs a name")


def test_saved_draws_of_a_run_that_failed(posterior):
    """Draws on an exception can be pickled whole, and converted by another process."""

    def watch(states):
        if all(state.done == state.total for state in states):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        pt.sample(posterior, 20, 10, chains=2, seed=1, progress=watch)
    again = pickle.loads(pickle.dumps(caught.value.draws))
    first, second = caught.value.draws.to_arviz(), again.to_arviz()
    np.testing.assert_array_equal(first["posterior"]["mu"], second["posterior"]["mu"])
