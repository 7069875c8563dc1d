"""Log densities and their slopes beside exact values: how far each may be off, and what is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf

import probtensor as pt
from tests.prob.truth import Dual

DIGITS = 90
EPS = {"float64": mpf(2) ** -53, "float32": mpf(2) ** -24}


@dataclass(frozen=True)
class Truth:
    """The exact value and slopes at one point, and how far roundings of the arguments move each."""

    value: object
    slopes: list


def truth(formula, arguments):
    """The exact outcome of a formula at floats taken as they stand."""
    with mp.workdps(DIGITS):
        count = len(arguments)
        inputs = [Dual(mpf(float(a)), [mpf(int(i == k)) for i in range(count)])
                  for k, a in enumerate(arguments)]  # fmt: skip
        found = formula(*inputs)
        return Truth(found.value, found.slopes)


def conditioning(formula, arguments, eps):
    """How far (value, slopes) move where each argument moves by a rounding of `eps`."""
    with mp.workdps(DIGITS):
        here = truth(formula, arguments)
        moved = [mpf(0)] * (1 + len(arguments))
        for k, a in enumerate(arguments):
            for factor in (1 - eps, 1 + eps):
                try:
                    there = exact(formula, arguments, k, mpf(float(a)) * factor)
                except (ValueError, ZeroDivisionError):
                    continue
                gaps = [abs(there.value - here.value)]
                gaps += [abs(b - a) for a, b in zip(here.slopes, there.slopes)]
                moved = [m + mp.re(g) / 2 for m, g in zip(moved, gaps)]
    return moved[0], moved[1:]


def exact(formula, arguments, place, value):
    """The truth with one argument moved, which is no float."""
    count = len(arguments)
    values = [mpf(float(a)) for a in arguments]
    values[place] = value
    inputs = [Dual(v, [mpf(int(i == k)) for i in range(count)]) for k, v in enumerate(values)]
    found = formula(*inputs)
    return Truth(found.value, found.slopes)


def fault(got, want, slack, moved, floor, dtype):
    """What is wrong with a float beside its exact value; None if nothing is.

    It may be off by `slack` of itself, by four times what roundings of the arguments move it, by
    `floor` (a few roundings of the terms it is the sum of), by the smallest normal number, and be
    infinite past the largest.
    """
    info = np.finfo(dtype)
    got = float(got)
    if math.isnan(got):
        return "nan"
    if abs(want) >= mpf(float(info.max)) * (1 - slack):
        near = not math.isinf(want) and abs(mpf(got) - want) <= slack * abs(want)
        return None if near or got == math.copysign(math.inf, want) else "not infinite"
    if not math.isinf(got):
        gap = abs(mpf(got) - want)
        if gap <= slack * abs(want) + max(floor, mpf(float(info.tiny))):
            return None
        if gap <= 4 * moved():
            return None
    return f"off by {float((mpf(got) - want) / (want or 1)):.1e}"


SLACK = {"float64": (mpf("1e-12"), mpf("1e-10")), "float32": (mpf("1e-6"), mpf("1e-5"))}


def faults(formula, row, outputs, dtype, scale=0, terms=True):
    """What is wrong with [value, slope by x, slope by each parameter] at a row of arguments; None
    stands for a slope that was not asked for. `scale` is the size of terms that slopes are
    differences of. A slope that is infinite, or one of an infinite value, need only be no nan.
    Without `terms` nothing is allowed for the roundings of terms that a value is the sum of."""
    with mp.workdps(DIGITS):
        exact_here = truth(formula, row)
        moved = []

        def movement(place):
            if not moved:
                value, slopes = conditioning(formula, row, EPS[dtype])
                moved.extend([value, *slopes])
            return moved[place]

        wanted = [exact_here.value, *exact_here.slopes]
        few = 16 * EPS[dtype]
        size = 1 + sum(abs(mp.log(abs(mpf(float(a))))) for a in row if a and abs(a) < math.inf)
        floors = [few * size * terms, few * scale]
        floors += [few * (scale + 1 / abs(mpf(float(a)))) if a else few * scale for a in row[1:]]
        found = []
        for place, (got, want) in enumerate(zip(outputs, wanted, strict=True)):
            if got is None:
                continue
            if place and (math.isinf(want) or math.isinf(exact_here.value)):
                want = mpf(float(got))
            wrong = fault(got, want, SLACK[dtype][place > 0], lambda k=place: movement(k),
                          floors[place], dtype)  # fmt: skip
            if wrong:
                name = f"slope {place - 1}" if place else "value"
                found.append(f"{name} at {row}: {float(got)!r} for {mp.nstr(want, 17)}, {wrong}")
        return found


def outputs_of(grid, dtype):
    """(inputs, [log density, its slopes by the inputs that are floats])."""
    inputs, density = grid.graph(dtype)
    smooth = [x for x in inputs if x.type.is_float]
    slopes = pt.grad(pt.sum(density), smooth, disconnected_inputs="ignore") if smooth else []
    return inputs, [density, *slopes]


def rows_of(grid, dtype, every, start=0):
    """The points of a grid as numbers of a dtype; float32 takes parameters of 1e+-10 at most, since
    its own range ends at 1e38, and what slopes are made of would leave it."""
    rows = grid.points(every, start)
    if dtype == "float64":
        return rows
    smooth = [not grid.counts, *(name not in grid.whole for name in grid.parameters)]
    with np.errstate(all="ignore"):
        # 0 is added for the sake of -0.0, which small negative numbers round to.
        rows = [
            tuple(float(np.float32(v)) + 0.0 if s else v for v, s in zip(row, smooth))
            for row in rows
            if all(v == 0 or 1e-10 <= abs(v) <= 1e10 for v in row[1:])
        ]
    # Rounding may put a parameter on an end of its range, where the distribution is not defined.
    return [
        row
        for row in rows
        if all(abs(v) < math.inf for v in row) and grid.valid(**dict(zip(grid.parameters, row[1:])))
    ]


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
        bad += faults(grid.formula, row, got, dtype, terms=grid.quantity is pt.logp)
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
