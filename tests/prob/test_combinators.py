"""Distributions made of others, beside SciPy and NumPy."""

import numpy as np
from scipy import stats

import probtensor as pt
from probtensor.prob.distributions.distribution import Unknown
from tests.prob.combinations import COMBINATIONS, R

N = 20_000
PROPER = [case for case in COMBINATIONS if case.cdf is not None]


def evaluated(*nodes):
    with np.errstate(all="ignore"):
        return pt.function([], list(nodes), target="machine")()


def test_densities_are_those_of_scipy():
    found = evaluated(*(pt.logp(case.variable(), case.inside) for case in COMBINATIONS))
    beyond = evaluated(*(pt.logp(c.variable(), c.outside) for c in COMBINATIONS if c.outside))
    for case, values in zip(COMBINATIONS, found, strict=True):
        wanted = case.expected(case.inside)
        np.testing.assert_allclose(values, wanted, rtol=1e-11, atol=1e-13, err_msg=case.name)
    assert all((values == -np.inf).all() for values in beyond)


def test_distribution_functions_and_quantiles():
    graphs = []
    for case in PROPER:
        variable, x = case.variable(), np.asarray(case.inside, float)
        if case.discrete:
            x = x + 0.25
        graphs += [pt.logcdf(variable, x), pt.logccdf(variable, x)]
    found = evaluated(*graphs)
    for case, below, above in zip(PROPER, found[::2], found[1::2], strict=True):
        share = case.share(case.inside)
        np.testing.assert_allclose(np.exp(below), share, rtol=1e-8, atol=1e-12, err_msg=case.name)
        np.testing.assert_allclose(np.exp(above), 1 - share, rtol=1e-8, atol=1e-12,
                                   err_msg=case.name)  # fmt: skip
    q = np.array([1e-9, 0.01, 0.3, 0.5, 0.77, 0.999])
    cases = [case for case in PROPER if case.quantiles]
    for case, x in zip(cases, evaluated(*(pt.icdf(c.variable(), q) for c in cases)), strict=True):
        step = 1 if case.discrete else 1e-7 * np.maximum(abs(x), 1e-3)
        assert (case.share(x) >= q - 1e-9).all(), (case.name, x)
        assert (case.share(x - step) <= q + 1e-9).all(), (case.name, x)


def test_probabilities_sum_to_one():
    cases = [case for case in COMBINATIONS if not case.atoms]
    grid, weights = np.polynomial.legendre.leggauss(60)
    graphs, widths = [], []
    for case in cases:
        ends = np.unique([-60.0, *case.outside, *case.inside, 60.0])
        half, middle = 0.5 * np.diff(ends)[:, None], 0.5 * (ends[1:] + ends[:-1])[:, None]
        graphs.append(pt.logp(case.variable(), np.arange(-5, 300) if case.discrete
                              else middle + half * grid))  # fmt: skip
        widths.append(1.0 if case.discrete else half * weights)
    for case, width, values in zip(cases, widths, evaluated(*graphs), strict=True):
        total = np.sum(width * np.exp(values))
        assert np.isclose(total, 1, atol=1e-9 if case.discrete else 5e-3), (case.name, total)


def test_draws_follow_the_distribution():
    variables = [case.variable(shape=N) for case in PROPER]
    drawn = pt.draw(variables, seed=3)
    for case, x in zip(PROPER, drawn, strict=True):
        assert x.shape == (N,) and x.dtype == ("int64" if case.discrete else "float64")
        if not case.discrete and not case.atoms:
            assert stats.kstest(x, case.share).pvalue > 1e-3, case.name
            continue
        # Shares of intervals, the upper end of each with it.
        ends = np.unique(np.quantile(x, np.linspace(0, 1, 12)[1:-1]))
        shares = np.diff(np.concatenate([[0.0], case.share(ends), [1.0]])) * N
        counts = np.diff(np.concatenate([[0], [(x <= e).sum() for e in ends], [N]]))
        keep = shares > 5
        chi = ((counts - shares)[keep] ** 2 / shares[keep]).sum()
        assert stats.chi2(keep.sum()).sf(chi) > 1e-3, (case.name, counts, shares)


def test_derivatives_are_those_of_differences():
    for case in COMBINATIONS:
        x = np.asarray(case.inside, float)
        inputs = {name: pt.vector(name, shape=(x.size,)) for name in case.parameters}
        node = pt.logp(case.make(**inputs), case.inside)
        slopes = pt.grad(pt.sum(node), [*inputs.values()], disconnected_inputs="ignore")
        f = pt.function([*inputs.values()], slopes, target="machine")
        at = {name: np.full(x.size, value) for name, value in case.parameters.items()}
        for (name, value), slope in zip(at.items(), f(**at), strict=True):
            if name in ("lower", "upper", "n", "p", "low", "high") and case.name != "truncated":
                continue  # of whole numbers, or a value lies at the bound
            step = 1e-6 * max(1, abs(value[0]))
            up, down = (
                case.log_density(x, **{**case.parameters, name: case.parameters[name] + d})
                for d in (step, -step)
            )
            difference = (up - down) / (2 * step)
            np.testing.assert_allclose(slope, difference, rtol=1e-5, atol=1e-6,
                                       err_msg=f"{case.name} {name}")  # fmt: skip


# Far from the middle: (graph of the inputs, values of these, the logarithms, derivatives by the
# first input); of SciPy's logarithms of tails, and of their asymptotic slopes.
LOG2PI = 0.5 * np.log(2 * np.pi)
FAR = {
    "components 1e5 apart": (
        lambda a: pt.logp(two(a, a + 1e5, 0.3), [0.0, 5e4, 1e5, 2e5]),
        [0.0],
        [np.log(0.3) - LOG2PI, -1.25e9 - LOG2PI, np.log(0.7) - LOG2PI,
         np.log(0.7) - 0.5e10 - LOG2PI],
        None,
    ),
    "censored": (
        lambda m: pt.logp(R.censored(R.normal(m, 1.0), -450.0, 450.0), [-450.0, 450.0, 3.0]),
        [0.0],
        [stats.norm.logcdf(-450), stats.norm.logcdf(-450), stats.norm.logpdf(3)],
        [-(450 + 1 / 450), 450 + 1 / 450, 3.0],
    ),
    "censored, rate": (
        lambda lam: pt.logp(R.censored(R.exponential(lam), upper=[np.inf, 450.0]), [3.0, 450.0]),
        [2000.0],
        [np.log(2000) - 6000, -9e5],
        [1 / 2000 - 3, -450],
    ),
    "intervals": (
        lambda m: pt.logp(
            R.interval_censored(R.normal(m, 1.0), [40.0, -np.inf, -41.0, -np.inf, 3.0],
                                [41.0, -40.0, -40.0, np.inf, np.inf]), np.ones(5, int)),
        [0.0],
        [stats.norm.logsf(40), stats.norm.logsf(40), stats.norm.logsf(40), 0, stats.norm.logsf(3)],
        [40.02496887, -40.02496887, -40.02496887, 0, stats.norm.pdf(3) / stats.norm.sf(3)],
    ),
    "truncated": (
        lambda m: pt.logp(R.truncated(R.normal(m, 1.0), lower=450.0), [450.0, 451.0]),
        [0.0],
        [-(450**2) / 2 - LOG2PI - stats.norm.logsf(450),
         -(451**2) / 2 - LOG2PI - stats.norm.logsf(450)],
        [-1 / 450, 1 - 1 / 450],
    ),
    "truncated counts": (
        lambda m: pt.logp(R.truncated(R.poisson(m), lower=40), [40, 41]),
        [1e-3],
        np.array([0, np.log(1e-3 / 41)]) - np.log1p(1e-3 / 41 * (1 + 1e-3 / 42)),
        [-1 / 41, 1e3 - 1 / 41],
    ),
    "no count above 0": (
        lambda m: pt.logp(R.hurdle_poisson(0.3, m), [0, 1, 2]),
        [1e-300],
        [np.log(0.7), np.log(0.3), np.log(0.3 / 2) - 300 * np.log(10)],
        None,
    ),
    "few counts above 0": (
        lambda m: pt.logp(R.hurdle_poisson(0.3, m), [0, 1, 2]),
        [1e-6],
        np.log([0.7, 0.3, 0.15e-6]) - [0, 0.5e-6, 0.5e-6],
        [0, -0.5, 1e6],
    ),
    "large counts": (
        lambda m: pt.logp(R.zero_inflated_poisson(0.3, m), [0, 1]),
        [1e15],
        [np.log(0.7), -1e15],
        [0, -1],
    ),
    "logistic, above": (
        lambda eta: pt.logp(R.ordered_logistic(eta, [-1.0, 0.0, 1.0]), [0, 1, 2, 3]),
        [1e5],
        [-1e5 - 1, -1e5 + np.log1p(-np.exp(-1)), -1e5 + 1 + np.log1p(-np.exp(-1)), 0],
        [-1, -1, -1, 0],
    ),
    "logistic, below": (
        lambda eta: pt.logp(R.ordered_logistic(eta, [-1.0, 0.0, 1.0]), [0, 1, 2, 3]),
        [-1e5],
        [0, -1e5 + 1 + np.log1p(-np.exp(-1)), -1e5 + np.log1p(-np.exp(-1)), -1e5 - 1],
        [0, 1, 1, 1],
    ),
    "probit": (
        lambda eta: pt.logp(R.ordered_probit(eta, [-1.0, 0.0, 1.0]), [0, 1, 2, 3]),
        [60.0],
        [stats.norm.logcdf(-61), stats.norm.logcdf(-60), stats.norm.logcdf(-59), 0],
        [-61 - 1 / 61, -60 - 1 / 60, -59 - 1 / 59, 0],
    ),
    "folded": (
        lambda m: pt.logp(R.folded(R.normal(m, 1.0)), [0.0, 500.0]),
        [300.0],
        [-45000 - LOG2PI + np.log(2), -20000 - LOG2PI],
        [-300, 200],
    ),
}  # fmt: skip


def two(a, b, w):
    return R.mixture([w, 1 - w], [R.normal(a, 1.0), R.normal(b, 1.0)])


def test_far_out_logarithms_and_derivatives_are_exact():
    inputs = {name: pt.scalar() for name in FAR}
    graphs = []
    for name, x in inputs.items():
        made = FAR[name][0](x)
        graphs.append(made)
        graphs += [pt.grad(made[k], x, disconnected_inputs="ignore") for k in range(made.shape[0])]
    f = pt.function([*inputs.values()], graphs, target="machine")
    found = iter(f(*(FAR[name][1][0] for name in inputs)))
    for name, (_, _, logs, slopes) in FAR.items():
        values = next(found)
        own = np.array([next(found) for _ in values])
        # Two numbers of 1e5 have a difference that is rounded there.
        np.testing.assert_allclose(values, logs, rtol=1e-12, atol=5e-11, err_msg=name)
        assert np.isfinite(own).all(), name
        if slopes is not None:
            np.testing.assert_allclose(own, slopes, rtol=5e-5, atol=1e-12, err_msg=name)


def test_quantiles_have_derivatives_of_first_and_second_order():
    a, q, h = pt.scalar("a"), 0.4, 1e-4
    variables = [
        R.mixture([0.3, 0.7], [R.normal(a, 1.0), R.normal(2.0, 0.5)]),
        R.folded(R.normal(a, 1.0)),
        R.truncated(R.normal(a, 1.0), -1.0, 2.0),
    ]
    quantiles = [pt.icdf(x, q) for x in variables]
    first = [pt.grad(x, a) for x in quantiles]
    second = [pt.grad(x, a) for x in first]
    f = pt.function([a], [*quantiles, *first, *second], target="machine")
    low, middle, high = (np.array(f(v)).reshape(3, 3) for v in (0.5 - h, 0.5, 0.5 + h))
    np.testing.assert_allclose(middle[1], (high[0] - low[0]) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(middle[2], (high[1] - low[1]) / (2 * h), rtol=1e-5, atol=1e-8)


def test_quantiles_of_counts_at_the_steps_of_their_distribution():
    """The least number whose probability is at least q, also where it is just that."""
    x = R.mixture([0.5, 0.5], [R.discrete_uniform(0, 1), R.discrete_uniform(2, 3)])
    found = pt.icdf(x, [0.25, 0.5, 0.75, 0.2, 0.3, 1.0, 0.0]).eval()
    np.testing.assert_array_equal(found, [0, 1, 2, 0, 1, 3, 0])


def test_draws_move_as_quantiles_do():
    """Also those of a mixture, whose component a draw is of may change."""
    a, w = pt.vector("a", shape=(40,)), pt.vector("w", shape=(40,))

    def variable():
        return R.mixture(pt.stack([w, 1 - w], axis=-1), [R.normal(a, 1.0), R.normal(2.0, 0.5)])

    x, q = variable(), pt.vector("q", shape=(40,))
    outputs = [x, pt.exp(pt.logcdf(x, x)), *pt.grad(pt.sum(x), [a, w])]
    f = pt.function([a, w], outputs, target="machine", seed=4)
    quantile = pt.function([q, a, w], pt.icdf(variable(), q), target="machine")
    at = np.full(40, 0.4), np.full(40, 0.3)
    value, share, by_a, by_w = f(*at)
    np.testing.assert_allclose(quantile(share, *at), value, rtol=1e-9)
    h = 1e-5
    up, down = quantile(share, at[0] + h, at[1]), quantile(share, at[0] - h, at[1])
    np.testing.assert_allclose(by_a, (up - down) / (2 * h), rtol=1e-5, atol=1e-7)
    up, down = quantile(share, at[0], at[1] + h), quantile(share, at[0], at[1] - h)
    np.testing.assert_allclose(by_w, (up - down) / (2 * h), rtol=1e-5, atol=1e-7)


def test_quantiles_where_nothing_lies_between_components():
    variable = two(0.0, 1e5, 0.3)
    q = [1e-300, 1e-9, 0.29999, 0.3, 0.30001, 0.999]
    x, logs = evaluated(pt.icdf(variable, q), pt.logcdf(variable, pt.icdf(variable, q)))
    assert x[3] < 10 and (np.diff(x) > 0).all()
    np.testing.assert_allclose(logs, np.log(q), rtol=1e-7)


def test_moments_of_mixtures_and_of_zeros():
    for case in COMBINATIONS:
        variable = case.variable()
        kind = variable.op.distribution
        try:
            graphs = kind.mean(*variable.inputs), kind.variance(*variable.inputs)
        except Unknown:
            continue
        mean, variance = evaluated(*graphs)
        if case.discrete:
            x = np.arange(-5, 300)
            p = np.exp(case.expected(x))
        else:
            edges = (np.arange(-40_001, 460_001) + 0.5) * 1e-3
            x, p = 0.5 * (edges[1:] + edges[:-1]), np.diff(case.share(edges))
        wanted = np.sum(p * x)
        np.testing.assert_allclose(mean, wanted, rtol=1e-5, err_msg=case.name)
        np.testing.assert_allclose(variance, np.sum(p * (x - wanted) ** 2), rtol=1e-5,
                                   err_msg=case.name)  # fmt: skip
