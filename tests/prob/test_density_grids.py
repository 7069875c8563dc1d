"""Every density on a grid that reaches parameters of 1e+-15 and values of 1e+-300, against mpmath.

Values within 1e-12 of themselves and slopes within 1e-10, or as close as roundings of the arguments
allow; finite where the truth is, -inf outside the support, nan nowhere.
"""

from dataclasses import replace

import numpy as np
import pytest

from probtensor.prob.model.data import evaluate
from tests.prob.grids import CDFS, GRIDS
from tests.prob.judge import judge, outputs_of, report

each = pytest.mark.parametrize("grid", GRIDS, ids=str)
# Those that `cython` is asked for by default: one module for all of them.
NATIVE = ("cauchy", "half_cauchy", "logistic", "log_normal", "uniform")


@each
def test_values_and_slopes(grid):
    bad = judge([grid], "interp", every=9 if len(grid.points()) > 400 else 2)
    assert not bad, report(bad)


def test_values_and_slopes_of_compiled_code():
    bad = judge([grid for grid in GRIDS if grid.name in NATIVE], "cython", every=11)
    assert not bad, report(bad)


@each
def test_values_and_slopes_in_single_precision(grid):
    bad = judge([grid], "interp", "float32", every=13 if len(grid.points()) > 400 else 3)
    assert not bad, report(bad)


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_tails_of_student_t(target):
    """The rows whose squares overflow, with few degrees of freedom, where all is to be right."""
    grids = []
    for grid in GRIDS:
        if grid.name in ("student_t", "half_student_t"):
            few = {**grid.parameters, "nu": (0.3, 1.0, 2.5, 30.0)}
            grids.append(replace(grid, parameters=few))
    bad = judge(grids, target, every=7)
    assert not bad, report(bad)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_slopes_outside_a_support_are_numbers(grid):
    inputs, outputs = outputs_of(grid, "float64")
    rows = [row for row in grid.points(1 if len(grid.points()) < 400 else 7)
            if not grid.inside(row[0], **dict(zip(grid.parameters, row[1:])))]  # fmt: skip
    arrays = [np.array(c, x.dtype) for x, c in zip(inputs, zip(*rows))] if rows else []
    found = evaluate(outputs, dict(zip(inputs, arrays))) if rows else []
    for column in found:
        assert not np.isnan(column).any()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each
def test_the_whole_grid(grid, dtype):
    bad = judge([grid], "cython", dtype)
    assert not bad, report(bad)


@pytest.mark.parametrize("grid", CDFS, ids=str)
def test_distribution_functions(grid):
    bad = judge([grid], "interp", every=9 if len(grid.points()) > 400 else 2)
    assert not bad, report(bad)
