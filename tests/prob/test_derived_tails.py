"""Distribution functions of derived laws: those of draws, with slopes that are the densities."""

import numpy as np

import probtensor as pt
from probtensor import ops
from probtensor.graph import GraphError
from probtensor.prob.derived.rules.elementwise import UNARY
from probtensor.prob.derived.rules.table import RULES

R = pt.random
DRAWS, SHARES = 10_000, [0.1, 0.4, 0.9]
# Bases of functions that are not defined everywhere, or have several branches.
BASES = [
    lambda: R.normal(0.3, 0.4), lambda: R.uniform(0.1, 0.9), lambda: 1.0 + R.exponential(2.0),
    lambda: -R.exponential(2.0), lambda: R.poisson(2.0),
]  # fmt: skip
COUNTS = [  # extremes of counts, and what becomes of them
    lambda: pt.min(R.poisson(np.array([2.0, 3.0, 2.5]))),
    lambda: pt.max(R.poisson(np.array([2.0, 3.0, 2.5]))),
    lambda: 3 - 2 * pt.min(R.binomial(9, 0.3, shape=4)),
    lambda: pt.min(R.normal(np.array([0.0, 0.5]), 1.0)),
]


def cases():
    """{name: expression} of the examples of all rules, and of all functions of one variable."""
    found = {f"{r.name} {k}": make() for r in RULES for k, make in enumerate(r.examples)}
    found |= {f"counts {k}": make() for k, make in enumerate(COUNTS)}
    for function in UNARY:
        for k, base in enumerate(BASES):
            try:
                found[f"{function.__name__} {k}"] = function()(base())
            except GraphError:
                assert function is ops.BitNot  # of whole numbers
    return found


def tails(expression, points):
    """The graphs of both tails, None where they are not known."""
    try:
        return [f(expression, points) for f in (pt.logcdf, pt.logccdf)]
    except (GraphError, TypeError):
        return None


def test_distribution_functions_are_those_of_draws():
    named = cases()
    drawn = dict(zip(named, pt.draw([*named.values()], draws=DRAWS, seed=3)))
    kept, graphs = {}, []
    for name, values in drawn.items():
        values = values.astype(float)
        if not np.isfinite(values).all():
            continue
        points = np.quantile(values, SHARES, axis=0, method="nearest")
        found = tails(named[name], points)
        if found is not None:
            kept[name] = values, points
            graphs += found
    assert {name.split(" ")[0] for name in kept} >= {f.__name__ for f in UNARY}
    assert len(kept) > 150
    results = iter(pt.function([], graphs, target="machine")())
    for name, (values, points) in kept.items():
        below, above = np.exp(next(results)), np.exp(next(results))
        np.testing.assert_allclose(below + above, 1.0, rtol=1e-9, err_msg=name)
        seen = np.mean(values[:, None] <= points, axis=0)
        spread = np.sqrt(np.maximum(below * above, 1e-4) / DRAWS)
        assert np.all(abs(seen - below) < 5 * spread), (name, seen, below)


def test_densities_are_slopes_of_distribution_functions():
    named, rows, graphs = cases(), [], []
    y = pt.scalar("y")
    for name, e in named.items():
        if e.ndim or e.dtype != "float64" or tails(e, y) is None:
            continue
        try:
            graphs.append([pt.exp(pt.logcdf(e, y)), pt.exp(pt.logp(e, y))])
        except (GraphError, TypeError):
            continue
        rows.append(name)
    f = pt.function([y], [x for pair in graphs for x in pair], target="machine")
    drawn = pt.draw([named[name] for name in rows], draws=200, seed=4)
    for k, (name, values) in enumerate(zip(rows, drawn, strict=True)):
        at = np.unique(values[np.isfinite(values)])
        if len(at) < 100:
            continue  # counts, and laws with points
        at = at[len(at) // 3]
        step = 2e-6 * abs(at)
        slope = (f(at + step)[2 * k] - f(at - step)[2 * k]) / (2 * step)
        np.testing.assert_allclose(f(at)[2 * k + 1], slope, rtol=1e-4, err_msg=name)


def test_extremes_of_counts_have_their_masses_at_the_ends_too():
    k = np.arange(-1, 4)
    own = np.clip((k + 1) / 3, 0, 1)  # P(x <= k) of 0, 1 and 2
    expected = [np.diff(own**4, prepend=0.0), -np.diff((1 - own) ** 4, prepend=1.0)]
    made = [f(R.discrete_uniform(0, 2, shape=4)) for f in (pt.max, pt.min)]
    found = pt.function([], [pt.exp(pt.logp(e, k)) for e in made], target="machine")()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
