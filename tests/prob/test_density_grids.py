"""Every density on a grid that reaches parameters of 1e+-15 and values of 1e+-300, against mpmath.

Values within 1e-12 of themselves and slopes within 1e-10, or as close as roundings of the arguments
allow; finite where the truth is, -inf outside the support, nan nowhere.
"""

import pytest

from tests.prob.grids import CDFS, GRIDS
from tests.prob.judge import judge, report

each = pytest.mark.parametrize("grid", GRIDS, ids=str)
# Those that `cython` is asked for by default: one module for all of them.
NATIVE = ("cauchy", "half_cauchy", "student_t", "logistic", "inverse_gamma")


@each
def test_values_and_slopes(grid):
    bad = judge([grid], "interp", every=5 if len(grid.points()) > 400 else 1)
    assert not bad, report(bad)


def test_values_and_slopes_of_compiled_code():
    bad = judge([grid for grid in GRIDS if grid.name in NATIVE], "cython", every=11)
    assert not bad, report(bad)


@each
def test_values_and_slopes_in_single_precision(grid):
    bad = judge([grid], "interp", "float32", every=9 if len(grid.points()) > 400 else 2)
    assert not bad, report(bad)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each
def test_the_whole_grid(grid, dtype):
    bad = judge([grid], "cython", dtype)
    assert not bad, report(bad)


@pytest.mark.parametrize("grid", CDFS, ids=str)
def test_distribution_functions(grid):
    bad = judge([grid], "interp", every=5 if len(grid.points()) > 400 else 1)
    assert not bad, report(bad)
