"""Every density on a grid that reaches parameters of 1e+-15 and values of 1e+-300, against mpmath.

Values within 1e-12 of themselves and slopes within 1e-10, or as close as roundings of the arguments
allow; finite where the truth is, -inf outside the support, nan nowhere.
"""

import math

import numpy as np
import pytest

import probtensor as pt
from tests.prob.grids import GRIDS
from tests.prob.truth import faults

each = pytest.mark.parametrize("grid", GRIDS, ids=str)
# Those that `cython` is asked for by default: one module for all of them.
NATIVE = ("cauchy", "half_cauchy", "student_t", "logistic", "inverse_gamma")


def outputs_of(grid, dtype):
    """(inputs, [log density, its slopes by the inputs that are floats])."""
    inputs, density = grid.graph(dtype)
    smooth = [x for x in inputs if x.type.is_float]
    slopes = pt.grad(pt.sum(density), smooth, disconnected_inputs="ignore") if smooth else []
    return inputs, [density, *slopes]


def rows_of(grid, dtype, every, start=0):
    """The points of a grid as numbers of a dtype."""
    rows = grid.points(every, start)
    if dtype == "float64":
        return rows
    smooth = [not grid.counts, *(name not in grid.whole for name in grid.parameters)]
    with np.errstate(all="ignore"):
        rows = [tuple(float(np.float32(v)) if s else v for v, s in zip(row, smooth)) for row in rows]
    single = [row for row in rows if all(abs(v) < math.inf for v in row)]
    return [row for row in single if all(v or i == 0 for i, v in enumerate(row))]


def wrong_places(grid, inputs, rows, found, dtype):
    """What is wrong with computed [density, slopes...] at the rows."""
    bad = []
    for k, row in enumerate(rows):
        given = dict(zip(grid.parameters, row[1:], strict=True))
        got = [column[k] for column in found]
        if not grid.inside(row[0], **given):
            if got[0] != -math.inf:
                bad.append(f"value outside, at {row}: {got[0]}")
            continue
        slopes = iter(got[1:])
        got = [got[0], *(next(slopes) if x.type.is_float else None for x in inputs)]
        bad += faults(grid.formula, row, got, dtype)
    return bad


def judge(grids, target, dtype="float64", every=1):
    """Compile one function for all the grids, run it, and collect what is wrong."""
    parts = [outputs_of(grid, dtype) for grid in grids]
    rows = [rows_of(grid, dtype, every) for grid in grids]
    function = pt.function([x for xs, _ in parts for x in xs], [y for _, ys in parts for y in ys],
                           target=target)  # fmt: skip
    columns = [
        np.array(column, x.dtype)
        for (inputs, _), own in zip(parts, rows)
        for x, column in zip(inputs, zip(*own))
    ]
    found = iter(function(*columns))
    bad = []
    for grid, (inputs, outputs), own in zip(grids, parts, rows):
        mine = [next(found) for _ in outputs]
        bad += [f"{grid}: {text}" for text in wrong_places(grid, inputs, own, mine, dtype)]
    return bad


def report(bad):
    return f"{len(bad)} places, such as\n" + "\n".join(bad[:: max(1, len(bad) // 8)])


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
