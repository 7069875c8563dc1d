"""Distributions made of others, beside SciPy and NumPy."""

import numpy as np
from scipy import stats

import probtensor as pt
from tests.prob.combinations import COMBINATIONS

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
