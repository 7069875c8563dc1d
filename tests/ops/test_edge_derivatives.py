"""The derivative of every elementwise op at the edge values that it is tested on is its exact
derivative, the limit from within the domain, or a documented choice; never nan where there is one.
"""

import mpmath
import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import make, new_input
from probtensor.inspect.exact.values import meanings
from probtensor.ops.kinds import REGISTRY, Elementwise
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient

# Ops that are not tested, and points at which a slope is a convention or does not exist: poles with
# two sides, infinity for periodic functions, 0 for angles.
STEPS = {
    "floor", "ceil", "round", "trunc", "mod", "floor_div", "sign", "copysign", "mantissa",
    "exponent", "ldexp", "nextafter", "nextafter_single",
}  # fmt: skip
# Powers have a test of their own, and so have functions of several arguments that SciPy computes
# and inverses that mpmath finds by bisection.
ELSEWHERE = {
    "pow", "where", "cast", "owens_t", "jv", "yv", "iv", "ive", "kv", "kve", "j0", "j1", "y0", "y1",
    "i0", "i1", "i0e", "i1e", "k0", "k1", "k0e", "k1e", "gammaincinv", "gammainccinv",
}  # fmt: skip
CHOICES = {
    "abs": [0.0], "gamma": [0.0, -2.0], "lgamma": [-2.0], "digamma": [0.0], "trigamma": [0.0],
    "sin": [np.inf, -np.inf], "cos": [np.inf, -np.inf], "tan": [np.inf, -np.inf],
    # The logarithm in a slope grows too slowly for nearby values to show it; counts of 0 are apart;
    # and no density has the ends of these.
    "kl_div_exp": [0.0], "poisson_divergence": [0.0], "poisson_slope": [0.0],
    "trigamma_rest": [0.0], "log1pmx": [np.inf], "gammainc_a": [0.0], "log_gammaincc_a": [0.0],
    "expn": [0.0, 2.0], "spence": [0.0],  # an order, and logarithms again
    "lambert_wbelow": [0.0],
}  # fmt: skip
FAR = mpmath.mpf(10) ** 400
DIGITS = {"kl_div_exp": 500, "log_cosh": 600}  # beside a large term, or a square


def edge_ops():
    found = []
    for name, cls in sorted(REGISTRY.items()):
        has_exact = issubclass(cls, Elementwise) and cls.differentiable and name in meanings()
        if has_exact and cls.arity in (1, 2) and name not in STEPS | ELSEWHERE:
            found.append(name)
    return found


def edges_of(cls):
    """The columns of edge values among the samples of an op."""
    rng = np.random.default_rng(0)
    columns = [np.zeros(0)] * cls.arity
    for sample in cls.samples:
        arrays = sample.make(rng)
        plain = all(a.dtype == "float64" and a.ndim == 1 for a in arrays)
        if plain and not sample.smooth:
            columns = [np.concatenate(pair) for pair in zip(columns, arrays, strict=True)]
    return columns


def side(function, x, h):
    """The slope from x towards x + h, from nearby values alone where that at x is infinite."""
    here, near, next_to = (function(x + k * h) for k in (0, 1, 2))
    if mpmath.isnan(near) or mpmath.isnan(next_to) or mpmath.isinf(near):
        return None
    slope = (next_to - near) / h
    if mpmath.isnan(here):
        return None
    return slope if mpmath.isinf(here) else (near - here) / h


def exact_slopes(name, function, x):
    """The slopes to the two sides of x that the domain has; at infinity the limit."""
    with mpmath.workdps(DIGITS.get(name, 120)):
        if np.isinf(x):
            at = FAR * int(np.sign(x))
            try:
                found = side(function, at, at / 10**60)
            except (OverflowError, ValueError, mpmath.libmp.NoConvergence, MemoryError):
                return []
            return [] if found is None or mpmath.isnan(found) else [found]
        at = mpmath.mpf(float(x))
        h = mpmath.mpf(10) ** -40 * (abs(at) if at else 1)
        return [s for s in (side(function, at, h), side(function, at, -h)) if s is not None]


def is_right(got, slopes, x):
    """Is a slope one of the exact ones, or midway between the two of a kink? An infinite one may
    have the sign of a zero; at infinity any that grows without bound is infinite."""
    for slope in [*slopes, sum(slopes) / 2]:
        if np.isinf(got) and abs(slope) > (100 if np.isinf(x) else mpmath.mpf(10) ** 15):
            return True
        if np.isclose(got, float(slope), rtol=1e-8, atol=1e-14):
            return True
    return False


def is_extreme(values):
    """Is x too extreme for a difference quotient to give its slope?"""
    size = np.abs(values)
    return np.isnan(size).any() or ((size >= 1e10) & np.isfinite(size) | (size > 0)
                                    & (size < 1e-300)).any()  # fmt: skip


def faults(name, position):
    cls = REGISTRY[name]
    op = cls()
    columns = edges_of(cls)
    if cls.arity == 2:
        finite = np.isfinite(columns).all(axis=0)
        columns = [column[finite] for column in columns]
    if not columns[0].size:
        return [], 0
    inputs = [new_input(f"x{k}", "float64", column.shape) for k, column in enumerate(columns)]
    slope = gradient(ops.sum(make(op, inputs)), inputs[position], disconnected_inputs="ignore")
    found = evaluate_numpy([slope], dict(zip(inputs, columns, strict=True)))[0]
    meaning, wrong, judged = meanings()[name], [], 0
    for values, got in zip(zip(*columns, strict=True), found, strict=True):
        x = values[position]
        at_origin = name == "arctan2" and not any(values)
        if is_extreme(values) or x in CHOICES.get(name, ()) or at_origin:
            continue
        others = [mpmath.mpf(float(v)) for v in values]

        def along(t, others=others):
            given = list(others)
            given[position] = t
            try:
                return mpmath.mpf(meaning(*given))
            except (TypeError, ValueError, ZeroDivisionError):
                return mpmath.nan

        try:
            slopes = exact_slopes(name, along, x)
        except (OverflowError, mpmath.libmp.NoConvergence):
            continue
        if slopes and not is_right(got, slopes, x):
            right = [*map(float, slopes)]
            wrong.append(f"{name} at {values}, by input {position}: {got}, not {right}")
        judged += bool(slopes)
    return wrong, judged




@pytest.mark.parametrize("name", edge_ops())
def test_slopes_at_edges_are_exact_or_limits(name):
    found = [faults(name, position) for position in range(REGISTRY[name].arity)]
    wrong = [fault for faults, _ in found for fault in faults]
    assert not wrong, "\n".join(wrong)
    assert all(judged for _, judged in found)
