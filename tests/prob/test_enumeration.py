"""Discrete variables summed out: against sums over all joint states, against closed forms, and
draws of them against their probabilities."""

import io
import itertools
import pickle
import re

import arviz as az
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import probtensor as pt
from probtensor import GraphError
from probtensor.prob.sequences.convert import with_sequences
from tests.prob import enumerated

r = pt.random
DRAWS = 2000


def idata_of(values, draws=1):
    """An ArviZ object of which each draw has the same values."""
    arrays = {n: np.broadcast_to(x, (1, draws, *np.shape(x))) for n, x in values.items()}
    if int(az.__version__.split(".")[0]) >= 1:
        return az.from_dict({"posterior": arrays})
    return az.from_dict(posterior=arrays)


def named(z):
    """The name of a discrete variable; sequences have it in the loop."""
    if z.name not in (None, "path"):
        return z.name
    (own,) = with_sequences([z.inputs[0] if z.name == "path" else z])
    return own.name


class Brute:
    """A model and the log densities of all its joint states, each by the model in which the
    discrete variables are observed."""

    def __init__(self, build):
        self.given, self.discrete, *options = build()
        self.options = options[0] if options else {}
        self.posterior = pt.condition(self.given, target="machine", **self.options)
        rng = np.random.default_rng(3)
        self.q = 0.5 * rng.normal(size=self.posterior.dim)
        self.states, found, full = [], [], None
        spaces = [
            itertools.product(range(low, low + k), repeat=int(np.prod(z.shape)))
            for z, (low, k) in self.discrete.items()
        ]
        for state in itertools.product(*spaces):
            values = {z: np.reshape(v, z.shape) for z, v in zip(self.discrete, state, strict=True)}
            self.states.append(np.concatenate([np.ravel(v) for v in state]).astype(int))
            try:
                if full is None:
                    observed = {**self.given, **values}
                    full = pt.condition(observed, target="machine", **self.options)
                observed = {named(z): x for z, x in values.items()}
                found.append(full.with_data(observed).logp(self.q))
            except ValueError:  # outside the support
                found.append(-np.inf)
        self.states, self.logp = np.array(self.states), np.array(found)

    def check_density(self):
        logp, slope = self.posterior.logp_and_grad(self.q)
        np.testing.assert_allclose(logp, logsumexp(self.logp), rtol=1e-11)
        steps = 1e-6 * np.eye(len(self.q))
        up, down = (self.posterior.batched(self.q + h)[0] for h in (steps, -steps))
        np.testing.assert_allclose(slope, (up - down) / 2e-6, rtol=1e-5, atol=1e-6)

    def check_draws(self):
        """Joint frequencies, marginal probabilities and the joint mode."""
        values = self.posterior.constrain(self.q)
        idata = idata_of(values, DRAWS)
        found = pt.recover_marginals(self.posterior, idata, seed=1, log_probabilities=True)
        mode = pt.recover_marginals(self.posterior, idata_of(values), mode=True)
        p = np.exp(self.logp - logsumexp(self.logp))
        rows = {tuple(state): k for k, state in enumerate(self.states)}
        drawn = [rows[tuple(x)] for x in self.flat(found, DRAWS)]
        frequencies = np.bincount(drawn, minlength=len(p)) / DRAWS
        distance = 0.5 * np.abs(frequencies - p).sum()
        expected = 0.5 * np.sqrt(2 / np.pi * p * (1 - p) / DRAWS).sum()
        assert distance < 2 * expected + 0.01
        assert self.logp[rows[tuple(self.flat(mode, 1)[0])]] == pytest.approx(self.logp.max())
        start = 0
        for z, (low, k) in self.discrete.items():
            logs = np.asarray(found.posterior[f"lp_{named(z)}"])[0, 0].reshape(-1, k)
            for entry in np.exp(logs):
                column = self.states[:, start]
                wanted = [p[column == low + j].sum() for j in range(k)]
                np.testing.assert_allclose(entry, wanted, atol=1e-10)
                start += 1

    def flat(self, idata, draws):
        parts = [np.asarray(idata.posterior[named(z)]).reshape(draws, -1) for z in self.discrete]
        return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("build", enumerated.QUICK, ids=lambda f: f.__name__)
def test_densities_and_gradients_are_those_of_all_joint_states(build):
    Brute(build).check_density()


@pytest.mark.parametrize("build", [enumerated.chains_of_two_kinds, enumerated.grid])
def test_draws_have_the_probabilities_of_the_joint_states(build):
    Brute(build).check_draws()


@pytest.mark.slow
@pytest.mark.parametrize("build", [*enumerated.SLOW, *enumerated.QUICK], ids=lambda f: f.__name__)
def test_all_models(build):
    found = Brute(build)
    found.check_density()
    found.check_draws()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_random_graphs(seed):
    found = Brute(lambda: enumerated.random_model(seed))
    found.check_density()
    if seed < 8:
        found.check_draws()


# Closed forms, as Stan's user guide has them.


def test_a_mixture_in_the_tails_and_with_weights_of_zero():
    """Finite where normal densities are 0 in floats; a weight of 0 has finite slopes."""
    w, mu = r.dirichlet(np.ones(3), name="w"), r.normal(0, 10, shape=3, name="mu")
    z = r.categorical(w, shape=4, name="z")
    zeros = r.categorical(np.array([0.0, 0.0, 1.0]), shape=4, name="zeros")
    y = r.normal(mu[z] + 0.0 * zeros, 1.0, name="y")
    values = np.array([-1e4, 0.3, 55.0, 1e8])
    post = pt.condition({y: values}, target="machine")
    q = np.array([0.1, -0.4, 1.0, -2.0, 3.0])
    own = post.constrain(q)
    logs = np.log(own["w"]) + stats.norm.logpdf(values[:, None], own["mu"])
    q_prior = pt.condition({r.normal(mu[0], 1.0): 0.0}, track=[w, mu], target="machine")
    prior = q_prior.logp(q_prior.unconstrain(own)) - stats.norm.logpdf(0.0, own["mu"][0])
    logp, slope = post.logp_and_grad(post.unconstrain(own))
    np.testing.assert_allclose(logp - prior, logsumexp(logs, axis=1).sum(), rtol=1e-12)
    assert np.isfinite(slope).all()
    found = pt.log_likelihood(post, idata_of(own)).log_likelihood["y"]
    np.testing.assert_allclose(np.asarray(found)[0, 0], logsumexp(logs, axis=1), rtol=1e-12)


def test_a_hidden_chain_that_is_long_and_one_with_impossible_moves():
    rng = np.random.default_rng(0)
    length = 300
    moves = np.array([[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.0, 0.0, 1.0]])
    y = rng.normal(np.repeat([0.0, 3.0, 9.0], length // 3), 1.0)
    mu = r.normal(0, 10, shape=3, name="mu")
    table = pt.as_tensor(moves)
    z = enumerated.states(pt.as_tensor(0), lambda c: r.categorical(table[c], name="z"), length)
    post = pt.condition({r.normal(mu[z], 1.0, name="y"): y}, target="machine")
    means = np.array([0.2, 2.7, 8.0])
    with np.errstate(divide="ignore"):
        logs = np.log(moves)
    before = np.array([0.0, -np.inf, -np.inf])
    for value in y:
        before = logsumexp(before[:, None] + logs, axis=0) + stats.norm.logpdf(value, means)
    wanted = logsumexp(before) + stats.norm.logpdf(means, 0, 10).sum()
    logp, slope = post.logp_and_grad(means)
    np.testing.assert_allclose(logp, wanted, rtol=1e-12)
    up, down = (post.logp(means + h * np.array([0, 1e-5, 0])) for h in (1, -1))
    np.testing.assert_allclose(slope[1], (up - down) / 2e-5, rtol=1e-6)
    mode = pt.recover_marginals(post, idata_of({"mu": means}), mode=True).posterior["z"]
    path = np.asarray(mode)[0, 0]
    assert (np.diff(path) >= 0).all()
    assert np.abs(path - np.repeat([0, 1, 2], length // 3)).sum() < 12


def test_a_chain_whose_likely_state_turns_out_impossible_late():
    """States that never change: the probability of one that no float can hold decides at last."""
    a = r.normal(0, 1, name="a")

    def step(state, _):
        state = r.bernoulli(pt.where(state == 1, 1.0, 0.0), name="z")
        return state, r.normal(a + 40.0 * state, 1.0, name="y")

    first = r.bernoulli(0.5, name="first")
    y = pt.loop.scan(step, first, length=3)[1]
    data = np.array([0.0, 0.0, 200.0])
    post = pt.condition({y: data}, target="machine")
    means = 0.3 + 40.0 * np.arange(2)
    logs = stats.norm.logpdf(data[:, None], means).sum(axis=0) + np.log(0.5)
    assert logs[1] > logs[0] + 900
    wanted = stats.norm.logpdf(0.3) + logsumexp(logs)
    logp, slope = post.logp_and_grad(np.array([0.3]))
    assert logp == pytest.approx(wanted, rel=1e-12)
    assert slope[0] == pytest.approx(-0.3 + np.sum(data - means[1]), rel=1e-10)


def test_mark_and_recapture():
    """The Cormack-Jolly-Seber model by the probability of not being seen again."""
    rng = np.random.default_rng(1)
    many, times = 40, 6
    first = rng.integers(0, 4, many)
    seen = rng.integers(0, 2, (many, times)) * (np.arange(times) > first[:, None])
    phi, p = r.beta(1, 1, shape=times - 1, name="phi"), r.beta(1, 1, name="p")
    marked = pt.data((np.arange(1, times)[:, None] > first).astype(float))

    def step(alive, given):
        survives, is_marked = given
        z = r.bernoulli(pt.where(is_marked > 0, survives, 1.0) * alive, name="alive")
        return z, r.bernoulli(p * z * is_marked, name="y")

    _, y = pt.loop.scan(step, pt.ones((many,), "int64"), (phi, marked))
    post = pt.condition({y: seen[:, 1:].T}, target="machine")
    own = {"phi": np.array([0.9, 0.5, 0.7, 0.3, 0.6]), "p": np.array(0.4)}
    chi = np.ones(times)
    for t in reversed(range(times - 1)):
        chi[t] = 1 - own["phi"][t] + own["phi"][t] * (1 - own["p"]) * chi[t + 1]
    wanted = np.zeros(many)
    for i in range(many):
        last = max([first[i], *np.flatnonzero(seen[i])])
        for t in range(first[i] + 1, last + 1):
            wanted[i] += np.log(own["phi"][t - 1])
            wanted[i] += np.log(own["p"] if seen[i, t] else 1 - own["p"])
        wanted[i] += np.log(chi[last])
    found = pt.log_likelihood(post, idata_of(own)).log_likelihood["y"]
    np.testing.assert_allclose(np.asarray(found)[0, 0], wanted, rtol=1e-12)
    idata = pt.recover_marginals(post, idata_of(own, 50), seed=2)
    alive = np.asarray(idata.posterior["alive"])[0]
    assert (alive[:, seen[:, 1:].T > 0] == 1).all()  # who is seen is alive
    assert (np.diff(alive, axis=1) <= 0).all()


def test_classes_of_items_from_judges_and_other_data():
    """Dawid and Skene (1979), with more ratings later: what is compiled is used again."""
    rng = np.random.default_rng(2)
    items, judges, k = 4, 3, 2
    pi = r.dirichlet(np.ones(k), name="pi")
    theta = r.dirichlet(np.ones(k), shape=(judges, k, k), name="theta")
    z = r.categorical(pi, shape=items, name="z")
    item, judge = pt.data(np.array([0, 1]), name="item"), pt.data(np.array([0, 1]), name="judge")
    y = r.categorical(theta[judge, z[item]], name="y")
    post = pt.condition({y: [0, 1]}, target="machine")
    rows = {"item": rng.integers(0, items, 30), "judge": rng.integers(0, judges, 30)}
    ratings = rng.integers(0, k, 30)
    post = post.with_data({"y": ratings, **rows})
    own = post.constrain(np.linspace(-1, 1, post.dim))
    logs = np.tile(np.log(own["pi"]), (items, 1))
    for i, j, rating in zip(rows["item"], rows["judge"], ratings, strict=True):
        logs[i] += np.log(own["theta"][j, :, rating])
    found = pt.log_likelihood(post, idata_of(own)).log_likelihood["y"]
    np.testing.assert_allclose(np.asarray(found)[0, 0], logsumexp(logs, axis=1), rtol=1e-12)
    lp = pt.recover_marginals(post, idata_of(own), log_probabilities=True).posterior["lp_z"]
    wanted = logs - logsumexp(logs, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(lp)[0, 0], wanted, rtol=1e-9, atol=1e-12)


# What a posterior says of them, and what follows.


@pytest.mark.filterwarnings("ignore::probtensor.ImputationWarning")
def test_missing_values_of_a_mixture():
    """They are free in coordinates that no class decides, also in rows of vectors."""
    mu = r.normal(0, 1, shape=2, name="mu")
    z = r.bernoulli(0.3, shape=3, name="z")
    factor = np.array([[1.0, 0.0], [0.5, 1.0]])
    gap = np.nan
    cases = [
        (r.normal(mu[z], 1.5, name="y"), [0.0, gap, 2.0], lambda m: stats.norm(m, 1.5)),
        (
            r.multivariate_normal(mu[z][:, None] * np.ones(2), factor, name="y"),
            [[0.0, gap], [1.0, 2.0], [gap, 0.3]],
            lambda m: stats.multivariate_normal([m, m], factor @ factor.T),
        ),
    ]
    for y, data, law in cases:
        post = pickle.loads(pickle.dumps(pt.condition({y: np.array(data)}, target="machine")))
        q = np.random.default_rng(0).normal(size=post.dim)
        values = post.constrain(q)
        weighed = zip(values["mu"], (0.7, 0.3), strict=True)
        by_class = [law(m).logpdf(values["y"]) + np.log(p) for m, p in weighed]
        expected = stats.norm.logpdf(values["mu"]).sum() + logsumexp(by_class, axis=0).sum()
        assert post.logp(q) == pytest.approx(expected, rel=1e-12)


def labelled():
    w, mu, s = enumerated.base()
    z = r.categorical(w, name="z", dims="row")
    level = pt.deterministic(mu[z], name="level", dims="row")
    spread = pt.deterministic(2 * s, name="spread")
    y = r.normal(level, s, name="y", dims="row")
    rows = list("abcd")
    post = pt.condition({y: np.array([-3.0, -2.8, 3.0, 3.1])}, coords={"row": rows},
                        track=[spread], target="machine")  # fmt: skip
    return post, y, z


def test_a_posterior_lists_them_and_draws_follow():
    post, y, _ = labelled()
    assert post.marginalized == ("z",) and set(post.names) == {"w", "mu", "s"}
    assert post.deterministics == ("spread",)
    assert pickle.loads(pickle.dumps(post)).marginalized == ("z",)
    idata = pt.sample(post, draws=30, tune=50, chains=2, seed=1, progress=False)
    assert set(idata.posterior.data_vars) == {"w", "mu", "s", "spread"}
    found = pt.recover_marginals(post, idata, seed=2)
    z, mu = (np.asarray(found.posterior[name]) for name in ("z", "mu"))
    assert z.shape == (2, 30, 4) and list(found.posterior["row"].values) == list("abcd")
    np.testing.assert_array_equal(found.posterior["level"], np.take_along_axis(mu, z, axis=-1))
    np.testing.assert_array_equal(found.posterior["spread"], 2 * np.asarray(idata.posterior["s"]))
    again = pt.recover_marginals(post, idata, seed=2)
    np.testing.assert_array_equal(again.posterior["z"], z)
    # New data have the classes of the draws, or new ones without them.
    near = pt.sample_posterior_predictive(found, y, seed=3).posterior_predictive["y"]
    s = np.asarray(found.posterior["s"])[..., None]
    assert (np.abs(np.asarray(near) - np.asarray(found.posterior["level"])) < 6 * s).all()
    fresh = pt.sample_posterior_predictive(idata, y, seed=3).posterior_predictive["y"]
    assert fresh.shape == near.shape
    prior = pt.sample_prior(post, draws=20, seed=4).prior
    assert set(np.unique(prior["z"])) <= {0, 1, 2} and prior["level"].shape == (1, 20, 4)


def test_a_diagnosis_has_the_sum():
    post, _, _ = labelled()
    q = np.zeros(post.dim)
    found = post.terms(q)
    assert found.logp == pytest.approx(post.logp(q), rel=1e-12)
    assert any(term.name == "z, y" and term.what == "the sum" for term in found.terms)


def test_a_line_says_what_is_summed_out(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    w, mu, s = enumerated.base()
    z = r.categorical(w, shape=5, name="class")
    given = {r.normal(mu[z], s, name="y"): np.arange(5.0) + 0.123}
    for count in (1, 2):  # the second time it is recalled
        pt.condition(given, target="machine")
        assert terminal.getvalue().count("summed out: class; pt.recover_marginals draws") == count
    pt.condition({r.normal(mu[z], 2 * s, name="y"): np.arange(5.0)}, target="machine",
                 progress=False)  # fmt: skip
    assert terminal.getvalue().count("summed out") == 2


def test_single_precision_and_truncated_counts():
    rate = r.gamma(2.0, 1.0, name="rate")
    n = r.truncated(r.poisson(rate), upper=29, shape=2, name="n")
    y = r.normal(np.float32(1.0) * n, np.float32(0.5), name="y")
    post = pt.condition({y: np.array([3.1, 5.2], "float32")}, target="machine")
    logs = stats.poisson.logpmf(np.arange(30), 4.0)
    logs = logs - logsumexp(logs) + stats.norm.logpdf([[3.1], [5.2]], np.arange(30), 0.5)
    wanted = logsumexp(logs, axis=1).sum() + stats.gamma.logpdf(4.0, 2.0) + np.log(4.0)
    assert post.logp(post.unconstrain({"rate": 4.0})) == pytest.approx(wanted, rel=1e-6)


def hmm_posterior():
    given, _ = enumerated.chain()
    return pt.condition(given, target="machine")


def joint(count):
    z = r.bernoulli(0.5, shape=count, name="z")
    return {r.normal(pt.sum(z), 1.0, name="y"): 0.0}


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: pt.condition({r.normal(r.poisson(3.0, name="k"), 1.0): 0.0}),
         ["poisson 'k'", "infinitely many values", "pt.random.truncated(variable, upper=100)"]),
        (lambda: pt.condition({r.normal(1.0 * enumerated.states(
            pt.as_tensor(3), lambda n: r.binomial(n, 0.5, name="n"), 3), 1.0): np.zeros(3)}),
         ["binomial 'n'", "a number that is not known", "pt.random.truncated"]),
        (lambda: pt.condition({r.normal(1.0 * r.multinomial(3, np.ones(2) / 2, name="k"), 1.0):
                               np.zeros(2)}), ["multinomial 'k'", "vectors are not summed out"]),
        (lambda: pt.condition(joint(30)), ["table of 1,073,741,824 elements", "z (2 values"]),
        (lambda: pt.condition(joint(100)), ["z of shape (100,)", "more than one entry"]),
        (lambda: pt.condition({r.normal(r.uniform(0, 1.0 + r.bernoulli(0.5), name="x"), 1.0): 0.0}),
         ["uniform 'x'", "bounds depend on a discrete variable", "scale it"]),
        (lambda: pt.recover_marginals(labelled()[0], idata_of({"w": np.ones(3) / 3})),
         ["no draws of mu, s"]),
        (lambda: pt.recover_marginals(pt.condition({r.normal(r.normal(0, 1, name="m"), 1.0): 0.0},
                                                   target="machine"), idata_of({"m": 0.0})),
         ["no discrete variable"]),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(call, words):
    with pytest.raises((GraphError, ValueError, TypeError)) as caught:
        call()
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert "test_enumeration.py" in text and len(text.splitlines()) <= 8


@pytest.mark.parametrize("mode", [False, True])
def test_a_draw_at_which_no_value_is_possible_is_named(mode):
    z, s = r.bernoulli(0.3, shape=3, name="z"), r.half_normal(1.0, name="s")
    post = pt.condition({r.uniform(0.0, s + 2.0 * z): [0.1, 4.2, 0.3]}, target="machine")
    idata = idata_of({"s": 3.0}, 4)
    found = pt.recover_marginals(post, idata, seed=1, mode=mode).posterior["z"]
    assert (np.asarray(found)[..., 1] == 1).all()
    idata.posterior["s"] = idata.posterior["s"].copy(data=[[3.0, 3.0, 0.5, 3.0]])
    words = r"no value of z\[1\] is possible at draw 2 of chain 0(.|\n)*z\[1\] made at .*test_enum"
    with pytest.raises(ValueError, match=words):
        pt.recover_marginals(post, idata, seed=1, mode=mode)


def test_a_draw_at_which_no_path_is_possible_is_named():
    moves, s = pt.as_tensor([[0.9, 0.1], [0.2, 0.8]]), r.half_normal(1.0, name="s")
    z = enumerated.states(pt.as_tensor(0), lambda c: r.categorical(moves[c], name="z"), 4)
    post = pt.condition({r.uniform(0.0, s + z): [0.1, 1.4, 0.3, 0.1]}, target="machine")
    found = pt.recover_marginals(post, idata_of({"s": 0.5}), seed=1).posterior["z"]
    assert np.asarray(found)[0, 0, 1] == 1
    with pytest.raises(ValueError, match="no value of z is possible at draw 0 of chain 0"):
        pt.recover_marginals(post, idata_of({"s": 0.2}), seed=1)


def test_the_likelihood_of_a_single_chain_is_refused():
    post = hmm_posterior()
    own = post.constrain(np.zeros(post.dim))
    with pytest.raises(GraphError, match="known as a whole, not for each observation"):
        pt.log_likelihood(post, idata_of(own))


@pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")
def test_the_program_of_the_page_prints_what_is_shown(root, capsys, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "machine")
    text = (root / "docs" / "discrete.md").read_text(encoding="utf-8")
    ((program, shown),) = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", text, flags=re.S)
    exec(compile(program, "docs/discrete.md", "exec"), {})
    assert capsys.readouterr().out == shown


def test_values_that_do_not_begin_at_zero_in_a_formula():
    a = pt.random.normal(0, 1, name="a")
    n = pt.random.discrete_uniform(3, 6, shape=4, name="n")
    y = np.array([1, 2, 5, 9])
    post = pt.condition({pt.random.poisson(n * pt.exp(a), name="y"): y}, target="machine")
    masses = stats.poisson.pmf(y, np.arange(3, 7)[:, None] * np.exp(0.2))
    wanted = stats.norm.logpdf(0.2) + np.log(masses.mean(axis=0)).sum()
    assert post.logp([0.2]) == pytest.approx(wanted, rel=1e-12)


def test_values_that_do_not_begin_at_zero_are_drawn_back():
    mu = pt.random.normal(0, 1, name="mu")
    z = pt.random.discrete_uniform(3, 5, shape=4, name="z")
    data = np.array([3.0, 5.1, 4.0, 4.9])
    post = pt.condition({pt.random.normal(mu + z, 0.05, name="y"): data}, target="machine")
    idata = pt.sample(post, draws=5, tune=50, chains=1, seed=1, progress=False, init={"mu": 0.0})
    for options in ({"mode": True}, {}):
        found = pt.recover_marginals(post, idata, seed=2, **options).posterior["z"]
        np.testing.assert_array_equal(found.values[0], np.tile([3, 5, 4, 5], (5, 1)))
