"""Densities, distribution functions, quantiles and moments of what is nan."""

from contextlib import suppress

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import GraphError
from tests.prob.distributions import DISTRIBUTIONS

R = pt.random
FIRST = [*{case.name: case for case in DISTRIBUTIONS}.values()]


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_results_are_nan_where_a_value_or_a_parameter_is(case):
    loose = {k: v for k, v in case.parameters.items() if isinstance(v, float)}
    inputs = {name: pt.scalar(name) for name in loose}
    variable = case.make(**{**case.parameters, **inputs})
    x, known = pt.scalar("x"), {}
    for function in (pt.logp, pt.logcdf, pt.icdf, pt.expectation, pt.variance, pt.mode):
        given = {pt.logp: (x,), pt.logcdf: (x,), pt.icdf: (0.3,)}.get(function, ())
        with suppress(GraphError):
            known[function.__name__] = function(variable, *given)
    f = pt.function([x, *inputs.values()], known, target="machine", on_unused_input="ignore")
    with np.errstate(all="ignore"):
        assert np.isnan(f(np.nan, **loose)["logp"])
        at = float(np.median(case.inside))
        for name in loose:
            for key, found in f(at, **{**loose, name: np.nan}).items():
                # What lies outside the support has no density, whatever that is.
                outside = found == -np.inf or (key == "logcdf" and found == 0)
                assert outside or np.isnan(found), (name, key, found)


def test_values_of_indices_are_whole_numbers():
    x = np.array([0.5, np.nan, 1.0, -1.0, 7.0])
    for variable in (R.categorical([0.2, 0.8]), R.ordered_logistic(0.0, [0.0])):
        low, none, one, below, above = pt.logp(variable, x).eval()
        assert low == below == above == -np.inf
        assert np.isnan(none) and np.isclose(one, pt.logp(variable, 1).eval())


def test_what_is_masked_may_be_nan():
    variable = R.masked(R.normal(0.0, 1.0, shape=2), np.array([False, True]))
    assert pt.logp(variable, [np.nan, 0.0]).eval()[0] == 0.0


@pytest.mark.parametrize("make", [R.normal, R.beta], ids=["normal", "beta"])
def test_bounds_that_leave_nothing_give_nan(make):
    low = pt.scalar("low")
    bounds = pt.interval(low, 0.5)
    variable = make(1.0, 2.0, constraint=bounds)
    known = [pt.logcdf(variable, 0.3), pt.logccdf(variable, 0.3), pt.icdf(variable, 0.3)]
    if make is R.normal:
        known += [f(variable) for f in (pt.expectation, pt.variance, pt.entropy, pt.mode)]
    f = pt.function([low], known, target="machine")
    assert np.isfinite(f(0.1)).all() and np.isnan(f(0.7)).all() and np.isnan(f(np.nan)).all()
