"""Combined distributions in models: as free and as observed variables, drawn, in loops, and what is
said of parts that cannot be parts."""

import numpy as np
import pytest
from scipy import special, stats

import probtensor as pt
from probtensor.graph import GraphError

R = pt.random
RNG = np.random.default_rng(7)
NORMAL = R.normal


def normals(x, w, mu, sigma):
    """The log density of a mixture of normals, along the last axis."""
    terms = np.log(w) + stats.norm(mu, sigma).logpdf(np.asarray(x)[..., None])
    return special.logsumexp(terms, axis=-1)


def assert_gradient(posterior, q, step=1e-6, **tolerance):
    value, slope = posterior.logp_and_grad(q)
    assert np.isfinite(value)
    unit = step * np.eye(posterior.dim)
    found = [(posterior.logp(q + e) - posterior.logp(q - e)) / (2 * step) for e in unit]
    np.testing.assert_allclose(slope, found, **{"rtol": 1e-6, "atol": 1e-6, **tolerance})


def test_a_mixture_as_a_free_variable_and_its_predictions():
    w = R.dirichlet(np.ones(2), name="w")
    mu = NORMAL([-1.0, 1.0], 1.0, name="mu", shape=2)
    z = R.mixture(w, NORMAL(mu, pt.exp(NORMAL(0, 1, name="s"))), name="z", dims="group")
    y = NORMAL(z, 1.0, name="y", dims="group")
    seen = np.array([0.0, 1.0, 2.5])
    posterior = pt.condition({y: seen}, target="machine")
    assert posterior.names == ("w", "mu", "s", "z") and posterior.dims["z"] == ("group",)
    q = RNG.normal(size=posterior.dim)
    assert_gradient(posterior, q)
    at = posterior.constrain(q)
    wanted = normals(at["z"], at["w"], at["mu"], np.exp(at["s"])).sum()
    found = pt.logp(R.mixture(at["w"], NORMAL(at["mu"], np.exp(at["s"]))), at["z"]).eval().sum()
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert pt.sample_prior(posterior, draws=4, seed=1).prior["z"].shape == (1, 4, 3)
    idata = pt.sample(posterior, draws=9, tune=9, chains=1, seed=1, progress=False)
    found = pt.sample_posterior_predictive(idata, y, seed=1).posterior_predictive["y"]
    assert found.shape == (1, 9, 3) and np.isfinite(found).all()


FREE = {
    "truncated": lambda m: R.truncated(NORMAL(m, 1.0), m - 1.0, m + 2.0, name="z"),
    "folded": lambda m: R.folded(NORMAL(m, 1.0), name="z"),
    "interpolated": lambda m: m + R.interpolated([0.0, 1.0, 3.0], [0.0, 2.0, 1.0], name="z"),
    "mixture of bounds": lambda m: R.mixture(
        [0.3, 0.7], [R.uniform(m - 5, m), R.uniform(m, m + 2)], name="z"
    ),
    "masked": lambda m: R.masked(NORMAL(m, [1.0, 2.0]), [True, True], name="z"),
    "custom": lambda m: R.custom(m, logp=lambda x, m: -((x - m) ** 4), name="z"),
    "cut mixture": lambda m: R.mixture(
        [0.3, 0.7], NORMAL(pt.stack([m, 2 * m]), 1.0), name="z", constraint=pt.interval(low=0.0)
    ),
}


@pytest.mark.parametrize("kind", FREE)
def test_free_variables_have_their_gradients(kind):
    m = NORMAL(0.0, 1.0, name="m")
    y = NORMAL(FREE[kind](m), 1.0, name="y")
    posterior = pt.condition({y: np.full(y.shape, 0.7)}, target="machine")
    assert posterior.names == ("m", "z")
    assert_gradient(posterior, RNG.normal(size=posterior.dim))


def test_cutpoints_are_an_ordered_vector():
    cuts = NORMAL(0, 1, shape=3, constraint=pt.ordered(), name="cuts")
    eta = NORMAL(0, 1, shape=4, name="eta")
    y, z = R.ordered_logistic(eta, cuts, name="y"), R.ordered_probit(eta, cuts, 1.5, name="z")
    posterior = pt.condition({y: [0, 1, 2, 3], z: [3, 0, 1, 1]}, target="machine")
    assert posterior.names == ("eta", "cuts")
    assert_gradient(posterior, RNG.normal(size=7))
    with pytest.raises(ValueError, match="'y' must be a whole number from 0 to 3"):
        posterior.with_data({"y": [0, 1, 2, 4]})


@pytest.mark.parametrize("count", [3, 12])
def test_rows_of_cutpoints(count):
    cuts, eta = np.sort(RNG.normal(size=(5, count)), axis=-1), RNG.normal(size=5)
    k, rows = RNG.integers(0, count + 1, 5), np.arange(5)
    ends = np.pad(cuts, [(0, 0), (1, 1)], constant_values=[(0, 0), (-np.inf, np.inf)])
    for make, law in ((R.ordered_logistic, stats.logistic), (R.ordered_probit, stats.norm)):
        y = make(eta, cuts)
        share = law.cdf(ends[rows, k + 1] - eta) - law.cdf(ends[rows, k] - eta)
        found, below = pt.function([], [pt.logp(y, k), pt.logcdf(y, k)], target="machine")()
        np.testing.assert_allclose(found, np.log(share), rtol=1e-10)
        np.testing.assert_allclose(below, law.logcdf(ends[rows, k + 1] - eta), rtol=1e-10)


def test_mixtures_of_vectors():
    w, mu, x = np.array([0.2, 0.3, 0.5]), RNG.normal(size=(3, 2)), RNG.normal(size=(4, 2))
    cov = np.array([[2.0, 0.3], [0.3, 1.0]])
    own = [stats.multivariate_normal(m, cov).logpdf(x) for m in mu]
    wanted = special.logsumexp(np.log(w)[:, None] + own, axis=0)
    for components in (
        [R.multivariate_normal(m, cov=cov) for m in mu],
        R.multivariate_normal(mu, cov=cov),
        R.multivariate_normal(mu, cov=np.stack([cov] * 3)),
    ):
        y = R.mixture(w, components, shape=(20_000, 2))
        found = pt.function([], pt.logp(R.mixture(w, components), x), target="machine")()
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        drawn = pt.draw(y, seed=2)
        np.testing.assert_allclose(drawn.mean(0), w @ mu, atol=0.05)
        kind = y.op.distribution
        spread = kind.variance(*y.inputs).eval()
        np.testing.assert_allclose(drawn.var(0), spread, rtol=0.05)


def test_many_components_and_rows_of_weights():
    w, mu = RNG.dirichlet(np.ones(9), size=4), RNG.normal(size=9)
    x = RNG.normal(size=(3, 4))
    y = R.mixture(w, NORMAL(mu, 0.5), shape=(3, 4))
    counts = R.mixture(w[0], R.poisson(np.arange(1.0, 10.0)))
    classes = R.mixture(w[0], R.categorical(RNG.dirichlet(np.ones(3), size=9)))
    found = pt.function([], [
        pt.logp(y, x), pt.logcdf(y, pt.icdf(y, np.full((3, 4), 0.3))), pt.logp(counts, 3),
        pt.sum(pt.exp(pt.logp(classes, [0, 1, 2]))), pt.logcdf(counts, pt.icdf(counts, 0.6)),
    ], target="machine")()  # fmt: skip
    np.testing.assert_allclose(found[0], normals(x, w, mu, 0.5), rtol=1e-12)
    np.testing.assert_allclose(found[1], np.log(0.3), rtol=1e-9)
    wanted = special.logsumexp(np.log(w[0]) + stats.poisson(np.arange(1, 10)).logpmf(3))
    np.testing.assert_allclose(found[2], wanted, rtol=1e-12)
    assert np.isclose(found[3], 1) and found[4] >= np.log(0.6)
    assert pt.draw([y, counts, classes], draws=2, seed=1)[0].shape == (2, 3, 4)


def test_shapes_and_dtypes_come_from_parts():
    small = np.float32
    part = NORMAL(small(0), small(1))
    made = {
        "list": R.mixture([0.3, 0.7], [part, NORMAL(small(2), small(1))]),
        "zeros": R.hurdle_gamma(small(0.3), small(1), small(2)),
        "cut": R.truncated(NORMAL(small(0), small(1)), 0.0, 2.0),
        "folded": R.folded(NORMAL(small(0), small(1))),
        "points": R.interpolated(small([0, 1]), small([0, 1])),
    }
    for name, x in made.items():
        assert x.dtype == "float32", name
        logs = pt.logp(x, small(0.5)), pt.logcdf(x, small(0.5)), pt.icdf(x, small(0.3))
        assert {y.dtype for y in logs} == {"float32"}, name
        assert np.isfinite([float(y.eval()) for y in logs]).all(), name
    assert R.mixture([0.3, 0.7], [NORMAL(0, 1, shape=3), NORMAL(0, 1)]).shape == (3,)
    wide = R.mixture([0.3, 0.7], [NORMAL(0, 1, shape=3), NORMAL(0, 1)], dims=("a", "b"))
    assert wide.shape[1] == 3 and str(wide.shape[0]) == "a"
    assert R.mixture([0.3, 0.7], NORMAL(np.zeros((5, 2)), 1.0)).shape == (5,)


def test_sizes_that_only_data_know():
    x, rows = pt.data(np.zeros(4), name="x"), np.arange(7.0)
    y = R.mixture([0.3, 0.7], [NORMAL(x, 1.0), NORMAL(2.0, 1.0)], name="y")
    posterior = pt.condition({y: np.zeros(4)}, target="machine")
    moved = posterior.with_data({x: rows, y: np.ones(7)})
    both = [0.3, 0.7], np.stack([rows, np.full(7, 2.0)], axis=-1), 1.0
    np.testing.assert_allclose(moved.logp(np.zeros(0)), normals(np.ones(7), *both).sum())
    w, mu = pt.vector("w"), pt.vector("mu")
    f = pt.function([w, mu], pt.logp(R.normal_mixture(w, mu), 0.3), target="machine")
    for n in (1, 2, 5):
        own = RNG.dirichlet(np.ones(n)), RNG.normal(size=n)
        np.testing.assert_allclose(f(*own), normals(0.3, *own, 1.0), rtol=1e-12)
    with pytest.raises(ValueError, match=r"w has shape \(2,\), and there are mu.shape"):
        f([0.3, 0.7], np.zeros(3))


@pytest.mark.parametrize("axis", [False, True])
def test_a_mixture_in_a_loop(axis):
    def step(before, _):
        if axis:
            x = R.mixture([0.3, 0.7], NORMAL(pt.stack([0.5 * before, before]), [1.0, 2.0]))
        else:
            x = R.mixture([0.3, 0.7], [NORMAL(0.5 * before, 1.0), NORMAL(before, 2.0)])
        return x, x

    _, path = pt.loop.scan(step, 0.0, length=5)
    values = RNG.normal(size=5)
    before = np.concatenate([[0.0], values[:-1]])
    posterior = pt.condition({path: values}, target="machine")
    both = [0.3, 0.7], np.stack([0.5 * before, before], axis=-1), [1.0, 2.0]
    np.testing.assert_allclose(posterior.logp(np.zeros(0)), normals(values, *both).sum())
    assert pt.draw(path, seed=1).shape == (5,)


def test_parameters_out_of_range():
    w, s = pt.vector("w", shape=(2,)), pt.scalar("s")
    x = R.mixture(w, [NORMAL(0.0, s), NORMAL(1.0, 1.0)])
    counts = R.zero_inflated_poisson(s, 2.0, name="n")
    f = pt.function([w, s], [pt.logp(x, 0.3), pt.logcdf(x, 0.3), x], target="machine", seed=1)
    g = pt.function([s], [pt.logp(counts, 0)], target="machine")
    h = pt.function([s], counts, target="machine", seed=1)
    assert np.isfinite(f([0.3, 0.7], 1.0)).all()
    for wrong in (([0.3, 0.9], 1.0), ([0.3, 0.7], -1.0)):
        logp, below, drawn = f(*wrong)
        assert logp == -np.inf and np.isnan(below) and np.isnan(drawn)
    assert np.isnan(f([np.nan, 0.7], 1.0)).all()
    assert g(1.5)[0] == -np.inf
    with pytest.raises(ValueError, match="psi of zero_inflated_poisson 'n' must be a number in"):
        h(1.5)
    scale = NORMAL(0, 1, name="scale")
    y = R.mixture([0.3, 0.7], [NORMAL(0.0, scale), NORMAL(0.0, 1.0)], name="y")
    posterior = pt.condition({y: 1.0}, target="machine")
    assert posterior.logp([-1.0]) == -np.inf
    assert "comp_dists[0].sigma of mixture 'y'" in str(posterior.diagnose(np.array([-1.0])))


def test_one_loop_over_the_data():
    """The kernel of a model has one loop over the observations, for value and gradient."""
    w, mu = R.dirichlet(np.ones(2), name="w"), NORMAL(0, 5, shape=2, name="mu")
    y = R.mixture(w, NORMAL(mu, R.half_normal(1, shape=2, name="s")), shape=1000, name="y")
    posterior = pt.condition({y: RNG.normal(size=1000)}, target="interp")
    kernels = posterior.function.explain("kernels")
    over_data = [
        line for line in kernels.splitlines() if "range(1000)" in line or "range(n0)" in line
    ]
    assert len(over_data) == 1, kernels
    assert not any(f"[{a}*" in kernels for a in ("2", "1000")), "nothing of a row is stored"


def test_targets_draw_the_same_bits():
    made = [
        R.mixture([0.3, 0.7], [NORMAL(-1, 1), R.gamma(2.0, 1.0)], shape=50),
        R.mixture([0.3, 0.7], NORMAL([-1.0, 1.0], 0.5), shape=50),
        R.hurdle_poisson(0.6, 2.0, shape=50), R.folded(NORMAL(1.0, 1.0), shape=50),
        R.ordered_probit(0.3, [-1.0, 1.0], shape=50), R.censored(NORMAL(0, 1), upper=0.5, shape=50),
        R.interpolated([0.0, 1.0, 3.0], [0.0, 2.0, 1.0], shape=50),
    ]  # fmt: skip
    first, second = (pt.function([], made, target=t, seed=3)() for t in ("interp", "machine"))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


USED = R.normal(0, 1)
BAD = {
    "named": (lambda: R.mixture([0.3, 0.7], [NORMAL(0, 1, name="a"), NORMAL(0, 1)], name="x"),
              ["comp_dists[0] of mixture 'x'", "'a'", "without name="]),
    "dims": (lambda: R.censored(NORMAL(0, 1, dims="row"), upper=1.0), ["dims", "censored"]),
    "cut": (lambda: R.hurdle(0.3, NORMAL(0, 1, constraint=pt.interval(0, 1))), ["truncated"]),
    "improper": (lambda: R.folded(R.flat()), ["flat", "no proper density"]),
    "no variable": (lambda: R.masked(3.0, True), ["dist of masked", "not 3.0"]),
    "weights": (lambda: R.mixture([0.3, 0.8], [NORMAL(0, 1), NORMAL(0, 1)], name="x"),
                ["w of mixture 'x'", "sum 1"]),
    "count": (lambda: R.mixture([0.2, 0.2, 0.6], [NORMAL(0, 1), NORMAL(0, 1)]),
              ["3 entries", "2 components"]),
    "kinds": (lambda: R.mixture([0.3, 0.7], [NORMAL(0, 1), R.poisson(2.0)]), ["hurdle"]),
    "vectors": (lambda: R.mixture([0.3, 0.7], [NORMAL(0, 1), R.dirichlet(np.ones(2))]), ["kinds"]),
    "shapes": (lambda: R.mixture([0.3, 0.7], [NORMAL(np.zeros(3)), NORMAL(np.zeros(4))], name="x"),
               ["mixture 'x'", "(3,)", "(4,)"]),
    "no axis": (lambda: R.mixture([0.3, 0.7], NORMAL(0, 1)), ["no axis of components"]),
    "no list": (lambda: R.mixture([0.3, 0.7], 3.0), ["comp_dists of mixture", "not 3.0"]),
    "masses": (lambda: R.mixture([0.3, 0.7], [NORMAL(0, 1), R.hurdle(0.5, NORMAL(0, 1))]),
               ["comp_dists[1]", "positive probability", "apply hurdle last"]),
    "reals with zeros": (lambda: R.zero_inflated(0.3, NORMAL(0, 1)), ["hurdle(psi, dist)"]),
    "both": (lambda: R.zero_inflated_poisson(0.3, 2.0, gate=0.7), ["psi or gate"]),
    "missing": (lambda: R.hurdle_negative_binomial(0.3, 2.0), ["mu and alpha", "n and p"]),
    "negative counts": (lambda: R.hurdle(0.3, R.discrete_uniform(-2, 2)), ["below 0"]),
    "order": (lambda: R.truncated(NORMAL(0, 1), 2.0, 1.0, name="x"),
              ["truncated 'x'", "below upper"]),
    "nothing left": (lambda: R.truncated(R.half_normal(1), upper=-1.0), ["leave nothing"]),
    "no cdf": (lambda: R.censored(R.custom(logp=NORMAL), 0.0), ["custom", "not known"]),
    "no number": (lambda: R.folded(R.dirichlet(np.ones(2))), ["dirichlet", "absolute value"]),
    "mask": (lambda: R.masked(NORMAL(0, 1), [0.5, 1.0]), ["mask of masked", "0.5"]),
    "cutpoints": (lambda: R.ordered_logistic(0.0, [1.0, 0.0]), ["cutpoints", "increasing"]),
    "points": (lambda: R.interpolated([0.0, 1.0], [-1.0, 1.0]), ["pdf_points", ">= 0"]),
    "no area": (lambda: R.interpolated([0.0, 1.0, 2.0], np.zeros(3)), ["pdf_points", "not all 0"]),
    "no successes": (lambda: R.negative_binomial(n=2.0, p=0.0), ["p of negative", "in (0, 1]"]),
    "no function": (lambda: R.custom(1.0, logp=3.0), ["logp= of custom", "a function"]),
    "a sum": (lambda: pt.logp(R.custom(1.0, logp=lambda x, s: pt.sum(x) * s, shape=3), np.zeros(3)),
              ["one number a point"]),
    "signature": (lambda: R.custom(1.0, logp=NORMAL, signature="(n->"), ["not of the form"]),
    "support": (lambda: R.custom(1.0, logp=NORMAL, support=pt.interval(pt.scalar("a"))),
                ["tensors", "constraint="]),
    "no draws": (lambda: pt.draw(R.custom(1.0, logp=lambda x, s: -x**2)), ["no random="]),
    "no tails": (lambda: pt.logcdf(R.custom(1.0, logp=lambda x, s: -x**2), 1.0), ["no logcdf="]),
    "a free mass": (lambda: pt.condition({NORMAL(R.hurdle_gamma(0.3, 1.0, 1.0, name="h"), 1): 1.0}),
                    ["hurdle_gamma 'h'", "positive probability"]),
    "a part that is used": (lambda: pt.draw([USED, R.folded(USED, name="x")]),
                            ["a part of folded 'x'", "make two variables"]),
    "a part in a model": (lambda: pt.condition(
        {R.mixture([0.3, 0.7], [USED, NORMAL(0, 1)], name="x"): 1.0, NORMAL(USED, 1): 2.0}),
        ["a part of mixture 'x'", "make two variables"]),
    "a part that is observed": (lambda: pt.condition({R.folded(USED, name="x"): 1.0, USED: 2.0}),
                                ["a part of folded 'x'"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_is_said_with_the_line(kind):
    call, words = BAD[kind]
    with pytest.raises((GraphError, TypeError, ValueError)) as error:
        call()
    text = str(error.value)
    assert all(word in text for word in words), text
    assert __file__ in text and len(text.splitlines()) <= 8, text


def test_custom_vectors_and_counts():
    def log_density(x, mu, factor):
        z = pt.linalg.solve_triangular(factor, (x - mu)[..., None], lower=True)[..., 0]
        height = pt.sum(pt.log(pt.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
        return -0.5 * pt.sum(z**2, axis=-1) - height - np.log(2 * np.pi)

    cov, x = np.array([[2.0, 0.3], [0.3, 1.0]]), RNG.normal(size=(3, 2))
    y = R.custom(np.zeros(2), np.linalg.cholesky(cov), logp=log_density, signature="(n),(n,n)->(n)",
                 random=lambda m, f, shape: R.multivariate_normal(m, f, shape=shape))  # fmt: skip
    count = R.custom(3.0, logp=lambda k, m: pt.logp(R.poisson(m), k), discrete=True,
                     support=pt.interval(low=0),
                     random=lambda m, shape: R.poisson(m, shape=shape))  # fmt: skip
    found = pt.function([], [pt.logp(y, x), pt.logp(count, [2, -1])], target="machine")()
    np.testing.assert_allclose(found[0], stats.multivariate_normal(np.zeros(2), cov).logpdf(x))
    np.testing.assert_allclose(found[1], [stats.poisson(3).logpmf(2), -np.inf])
    drawn = pt.draw([y, count], draws=2000, seed=1)
    np.testing.assert_allclose(np.cov(drawn[0].T), cov, atol=0.2)
    assert drawn[1].dtype == "int64" and abs(drawn[1].mean() - 3) < 0.2
    with pytest.raises(GraphError, match="another parameter 2"):
        R.custom(np.zeros(2), np.eye(3), logp=log_density, signature="(n),(n,n)->(n)")


def test_a_simulator_with_a_kernel_of_simulated_data():
    def program(mu, sigma, shape):
        return NORMAL(mu, sigma, shape=shape)

    mu, sigma, seen = NORMAL(0, 5, name="mu"), R.half_normal(3, name="sigma"), np.arange(6.0)
    y = R.simulator(program, mu, sigma, distance="gaussian", sum_stat="sort", epsilon=0.5,
                    shape=6, name="y")  # fmt: skip
    posterior = pt.condition({y: seen}, target="machine")
    q = np.array([0.5, 0.1])
    assert_gradient(posterior, q)
    # The simulated data are those of one seed, whatever the parameters are.
    logs = [posterior.logp([m, 0.0]) - stats.norm(0, 5).logpdf(m) for m in (0.0, 1.0, 2.0)]
    np.testing.assert_allclose(np.diff(logs, 2), -6 / 0.25, rtol=1e-9)
    assert pt.sample_prior(posterior, draws=3, seed=1).prior_predictive["y"].shape == (1, 3, 6)
    bare = R.simulator(program, 1.0, 2.0, shape=3, name="y")
    assert np.ptp(pt.draw(bare, draws=2, seed=1)) > 0
    for call, word in (
        (lambda: pt.logp(bare, np.zeros(3)), "simulator 'y' is simulated"),
        (lambda: pt.condition({bare: np.zeros(3)}), 'distance="gaussian"'),
        (lambda: R.simulator(program, 1.0, 2.0, distance="l2"), "'gaussian' or 'laplace'"),
        (lambda: R.simulator(program, 1.0, 2.0, sum_stat="l2"), "'identity', 'sort'"),
        (lambda: R.simulator(3.0, 1.0), "must be a function"),
    ):
        with pytest.raises(GraphError, match=word) as error:
            call()
        assert __file__ in str(error.value)


def test_masked_entries_may_be_any_number():
    a, on = R.half_normal(1, name="a"), pt.data(np.array([True, False, True]), name="on")
    cases = [
        (lambda **o: R.gamma(2.0, a, **o), [1.0, -5.0, 2.0]),
        (lambda **o: R.log_normal(0.0, a, **o), [1.0, 0.0, 2.0]),
        (lambda **o: R.poisson(a, **o), [1, -1, 2]),
        (lambda **o: R.normal(0.0, a, **o), [1.0, 1e300, 2.0]),
    ]
    for make, values in cases:
        posterior = pt.condition({R.masked(make(), on, name="y"): values}, target="machine")
        kept = pt.condition({make(shape=2, name="y"): values[::2]}, target="machine")
        found, wanted = (p.logp_and_grad([0.3]) for p in (posterior, kept))
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-12)
        if np.min(values) <= 0:
            with pytest.raises(ValueError, match=r"'y' must be .* entry \[1\]"):
                posterior.with_data({on: np.ones(3, bool)})


def test_bounds_that_are_not_in_order():
    low, high = pt.vector("low", shape=(2,)), pt.vector("high", shape=(2,))
    variables = [
        R.truncated(R.poisson(2.0), low, high), R.truncated(NORMAL(0, 1), low, high),
        R.censored(NORMAL(0, 1), low, high), R.interval_censored(NORMAL(0, 1), low, high),
    ]  # fmt: skip
    mixed = R.mixture([0.3, 0.7], R.log_uniform(low, high))
    densities = [pt.logp(x, 1) for x in variables]
    f = pt.function([low, high], [*densities, pt.logp(mixed, 1.5), mixed], target="machine", seed=1)
    *found, mix, drawn = f([0.5, 0.5], [3.0, -1.0])
    for values in found:
        assert np.isfinite(values[0]) and values[1] == -np.inf
    assert mix.shape == () and mix == -np.inf and np.isnan(drawn)
    assert np.isfinite(f([0.5, 0.5], [3.0, 2.0])[-1])
    g = pt.function([low, high], variables[0], target="machine", seed=1)
    with pytest.raises(ValueError, match="upper of truncated must be at least lower"):
        g([0.5, 0.5], [3.0, -1.0])


def test_counts_of_ordered_categories():
    cuts = np.array([-1.0, 0.3, 1.7])
    p = np.diff(stats.logistic.cdf([-np.inf, *(cuts - 0.4), np.inf]))
    y = R.ordered_multinomial(0.4, cuts, 9, name="y")
    x = [[1, 3, 4, 1], [0, 0, 9, 0], [0, 0, 8, 0]]
    eta = pt.scalar("eta")
    far = pt.logp(R.ordered_multinomial(eta, cuts, 9), x[0])
    f = pt.function([eta], [pt.logp(y, x), far, pt.grad(far, eta)], target="machine")
    found, value, slope = f(300.0)
    np.testing.assert_allclose(found, stats.multinomial(9, p).logpmf(x), rtol=1e-12)
    np.testing.assert_allclose(slope, -8, rtol=1e-12)
    assert np.isfinite(value)
    drawn = pt.draw(y, draws=5000, seed=1)
    assert drawn.dtype == "int64" and (drawn.sum(-1) == 9).all()
    np.testing.assert_allclose(drawn.mean(0), 9 * p, atol=0.1)
    kind = y.op.distribution
    np.testing.assert_allclose(kind.mean(*y.inputs).eval(), 9 * p)
    np.testing.assert_allclose(kind.variance(*y.inputs).eval(), 9 * p * (1 - p))
    e, c = NORMAL(0, 1, shape=2, name="e"), NORMAL(0, 1, shape=3, constraint=pt.ordered(), name="c")
    counts = R.ordered_multinomial(e, c, [5, 6], name="counts")
    posterior = pt.condition({counts: [[1, 2, 1, 1], [6, 0, 0, 0]]}, target="machine")
    assert_gradient(posterior, RNG.normal(size=5))
    with pytest.raises(ValueError, match=r"'counts' must be .* entry \[0\]"):
        pt.condition({counts: [[1, 2, 1, 2], [6, 0, 0, 0]]})


def test_parts_whose_sizes_only_data_know():
    """The length of a walk is a field of its distribution, which is a part."""
    x, found = pt.data(np.zeros(4), name="x"), []
    for wrap in (lambda walk: walk, lambda walk: R.masked(walk, True)):
        walk = R.gaussian_random_walk(1.0, init_dist=NORMAL(0, 1), steps=x.shape[0] - 1)
        y = NORMAL(wrap(walk) + x, 1.0, name="y")
        posterior = pt.condition({y: np.zeros(4)}, target="machine")
        assert posterior.dim == 4
        found.append(posterior.logp(np.ones(4)))
    assert found[0] == found[1]


def test_custom_by_a_function_that_makes_the_value():
    def program(mu, sigma, shape):
        return pt.exp(mu + sigma * NORMAL(0, 1, shape=shape))

    positive = pt.interval(low=0.0)
    y = R.custom(0.3, 2.0, dist=program, support=positive, name="y")
    counts = R.custom(3.0, dist=lambda mu, shape: R.poisson(mu, shape=shape) + 2, discrete=True,
                      support=pt.interval(low=2))  # fmt: skip
    both = R.mixture([0.5, 0.5], [R.custom(0.3, 2.0, dist=program, support=positive), NORMAL(0, 1)])
    x = np.array([1.0, 2.0, -1.0])
    graphs = [pt.logp(y, x), pt.logp(counts, [2, 5, 1]), pt.logp(both, x)]
    found = pt.function([], graphs, target="machine")()
    law = stats.lognorm(2, scale=np.exp(0.3))
    np.testing.assert_allclose(found[0], law.logpdf(x), rtol=1e-12)
    np.testing.assert_allclose(found[1], [*stats.poisson(3).logpmf([0, 3]), -np.inf], rtol=1e-12)
    np.testing.assert_allclose(found[2], np.log(0.5 * law.pdf(x) + 0.5 * stats.norm.pdf(x)))
    drawn = pt.draw([y, counts], draws=4000, seed=1)
    assert stats.kstest(drawn[0], law.cdf).pvalue > 1e-3 and drawn[1].min() == 2
    m = NORMAL(0, 1, name="m")
    z = R.custom(m, 1.0, dist=program, support=positive, name="z", shape=3)
    posterior = pt.condition({NORMAL(z, 1, name="w"): np.ones(3)}, target="machine")
    assert posterior.names == ("m", "z")
    assert_gradient(posterior, RNG.normal(size=4))
    for wrong in ({}, {"logp": program, "dist": program}):
        with pytest.raises(TypeError, match="give logp or dist"):
            R.custom(1.0, **wrong)
