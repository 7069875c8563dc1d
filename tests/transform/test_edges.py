"""Derivatives where a slope is infinite or nan and what it is weighed by is exactly zero."""

import mpmath
import numpy as np
import pytest

import probtensor as pt

NAN, INF = np.nan, np.inf
# name: (function, its exact meaning, a pole, a place beside it)
SLOPES = {
    "log": (pt.log, mpmath.log, 0.0, 2.0),
    "log2": (pt.log2, lambda x: mpmath.log(x, 2), 0.0, 3.0),
    "log10": (pt.log10, mpmath.log10, 0.0, 3.0),
    "log1p": (pt.log1p, mpmath.log1p, -1.0, 0.5),
    "sqrt": (pt.sqrt, mpmath.sqrt, 0.0, 2.0),
    "cbrt": (pt.cbrt, mpmath.cbrt, 0.0, 2.0),
    "reciprocal": (lambda x: 3 / x, lambda x: 3 / x, 0.0, 2.0),
    "quotient": (lambda x: x / (x * x), lambda x: 1 / x, 0.0, 2.0),
    "fourth root": (lambda x: x**0.25, lambda x: x ** mpmath.mpf(0.25), 0.0, 2.0),
    "inverse root": (lambda x: x**-0.5, lambda x: 1 / mpmath.sqrt(x), 0.0, 2.0),
    "inverse square": (lambda x: x**-2, lambda x: x**-2, 0.0, 2.0),
    "x log x": (lambda x: x * pt.log(x), lambda x: x * mpmath.log(x), 0.0, 2.0),
    "xlogy": (lambda x: pt.xlogy(2.0, x), lambda x: 2 * mpmath.log(x), 0.0, 2.0),
    "xlog1py": (lambda x: pt.xlog1py(2.0, x), lambda x: 2 * mpmath.log1p(x), -1.0, 2.0),
    "arcsin": (pt.arcsin, mpmath.asin, 1.0, 0.25),
    "arccos": (pt.arccos, mpmath.acos, -1.0, 0.25),
    "arccosh": (pt.arccosh, mpmath.acosh, 1.0, 2.0),
    "arctanh": (pt.arctanh, mpmath.atanh, 1.0, 0.25),
    "logit": (pt.special.logit, lambda x: mpmath.log(x / (1 - x)), 0.0, 0.25),
    "erfinv": (pt.special.erfinv, mpmath.erfinv, 1.0, 0.25),
    "ndtri": (pt.special.ndtri, lambda x: mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1), 0.0, 0.25),
    "lgamma": (pt.special.gammaln, mpmath.loggamma, 0.0, 2.5),
    "digamma": (pt.special.digamma, mpmath.digamma, 0.0, 2.5),
    "log1mexp": (lambda x: pt.log(1 - pt.exp(x)), lambda x: mpmath.log(1 - mpmath.exp(x)), 0.0, -1.0),
    "square of nan": (pt.square, lambda x: x * x, NAN, 2.0),
    "product with nan": (lambda x: x * pt.exp(x), lambda x: x * mpmath.exp(x), NAN, 0.5),
    "deep": (
        lambda x: pt.exp(pt.sin(pt.log(x) ** 2)),
        lambda x: mpmath.exp(mpmath.sin(mpmath.log(x) ** 2)), 0.0, 2.0,
    ),
}  # fmt: skip


def is_kept(x, pole):
    return ~pt.isnan(x) if pole != pole else pt.not_equal(x, pole)


# kind of zero: cost of (f, x, pole, index input), where x[0] is a pole and x[1] is not
ZEROS = {
    "where": lambda f, x, p, i: pt.where(is_kept(x, p), f(x), 0.0),
    "other branch": lambda f, x, p, i: pt.where(~is_kept(x, p), 0.0, f(x)),
    "literal mask": lambda f, x, p, i: pt.where(np.array([False, True]), f(x), 0.0),
    "nested": lambda f, x, p, i: pt.sin(3 * pt.where(is_kept(x, p), 2 * f(x) + 1, 0.0)) / 6,
    "of a sum": lambda f, x, p, i: pt.where(
        is_kept(x, p), pt.sum(f(x[:, None] + np.zeros(2)), axis=1) / 2, 0.0
    ),
    "sum of two": lambda f, x, p, i: (
        pt.where(is_kept(x, p), f(x), 0.0) + pt.where(x > 1e9, f(x) ** 2, 0.0)
    ),
    "slice": lambda f, x, p, i: f(x)[1:],
    "element": lambda f, x, p, i: f(x)[1],
    "backwards": lambda f, x, p, i: f(x)[::-1][:1],
    "literal places": lambda f, x, p, i: f(x)[[1]],
    "mask as places": lambda f, x, p, i: f(x)[np.array([False, True])],
    "diagonal": lambda f, x, p, i: pt.diagonal(f(pt.stack([x, x])))[1:],
    "overwritten": lambda f, x, p, i: f(x).at[0].set(0.0),
}  # fmt: skip
# Zeros that are numbers, not choices: met by guards, which nan among the data are not.
NUMBERS = {
    "places": lambda f, x, p, i: f(x)[i],
    "joined slices": lambda f, x, p, i: f(x)[1:] / 2 + f(x)[-1] / 2,
    "flat": lambda f, x, p, i: f(x)[i] + 0 * x[1],
}


def cells():
    for slope, (f, exact, pole, beside) in SLOPES.items():
        for kind, zero in (ZEROS | ({} if pole != pole else NUMBERS)).items():
            if kind == "nested":
                def meant(x, exact=exact):
                    return mpmath.sin(3 * (2 * exact(x) + 1)) / 6
            else:
                meant = exact
            yield f"{slope}, {kind}", f, zero, pole, beside, meant


CELLS = list(cells())


def programs(dtype="float64"):
    """(inputs, costs, values): one scalar cost for each cell."""
    i = pt.tensor("i", (1,), dtype="int64")
    inputs, costs, values = [i], [], [np.array([1])]
    for k, (_, f, zero, pole, beside, _) in enumerate(CELLS):
        x = pt.tensor(f"x{k}", (2,), dtype=dtype)
        inputs.append(x)
        costs.append(pt.sum(zero(f, x, pole, i)))
        values.append(np.array([pole, beside], dtype))
    return inputs, costs, values


def derivative(meant, at, order=1):
    with mpmath.workdps(40):
        return float(mpmath.diff(meant, mpmath.mpf(at), order))


def check(found, order=1, rtol=1e-12):
    wrong = []
    for (name, _, _, _, beside, meant), got in zip(CELLS, found, strict=True):
        right = np.array([0.0, derivative(meant, beside, order)])
        if not np.allclose(got, right, rtol=rtol, atol=0):
            wrong.append(f"{name}: {got}, not {right}")
    assert not wrong, f"{len(wrong)} of {len(CELLS)} are wrong:\n" + "\n".join(wrong[:40])


@pytest.mark.parametrize("target", ["cython", "interp"])
def test_a_zero_weight_meets_no_slope_in_reverse(target):
    inputs, costs, values = programs()
    slopes = [pt.grad(cost, x) for cost, x in zip(costs, inputs[1:])]
    check(pt.function(inputs, slopes, target=target, on_unused_input="ignore")(*values))


def test_a_zero_weight_meets_no_slope_forwards():
    inputs, costs, values = programs()
    pairs = list(zip(costs, inputs[1:]))
    units = [np.eye(2)[0], np.eye(2)[1]]
    pushed = [pt.stack([pt.jvp(c, x, u) for u in units]) for c, x in pairs]
    check(pt.function(inputs, pushed, target="interp", on_unused_input="ignore")(*values))


def test_second_derivatives_are_zero_where_nothing_is_chosen():
    inputs, costs, values = programs()
    curved = [pt.sum(pt.hessian(cost, x), axis=1) for cost, x in zip(costs, inputs[1:])]
    found = pt.function(inputs, curved, target="interp", on_unused_input="ignore")(*values)
    check(found, 2, 1e-9)
