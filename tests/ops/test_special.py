"""Special functions: derivatives at large arguments, polygamma, and the C names of all ops."""

import re
from pathlib import Path

import mpmath
import numpy as np
import pytest

from cython_ext.scipy_special import FUNCTIONS, PREFIX, is_scipy
from probtensor import ops
from probtensor.inspect.exact.values import evaluate_exact, meanings, ulps
from probtensor.ops.elementwise import arithmetic
from probtensor.ops.kinds import REGISTRY, Elementwise
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient
from tests.ops.numpy_twin import check

HEADERS = Path(__file__).parents[2] / "cython_ext" / "include"
ELEMENTWISE = [op for op in REGISTRY.values() if issubclass(op, Elementwise)]


def test_every_c_function_of_an_op_is_in_the_headers():
    text = "".join(path.read_text() for path in sorted(HEADERS.glob("*.h")))
    defined = set(re.findall(r"PT_FN(?:_CALLED)? \w+ (pt_\w+)\(", text))
    scipy = {op.c: op.arity for op in ELEMENTWISE if op.c and is_scipy(op.c)}
    assert scipy == {PREFIX + name: count for name, count in FUNCTIONS.items()}
    known = {*defined, *scipy}
    missing = sorted(op.c for op in ELEMENTWISE if op.c and op.c not in known)
    assert not missing


def test_the_list_of_symbols_is_complete():
    listed = set(arithmetic.__doc__.split("meaning.")[1].split("Booleans")[0].split())
    unlisted = {op.symbol for op in ELEMENTWISE if op.symbol} - listed
    assert not unlisted


def test_no_two_ops_share_a_symbol_or_a_c_name():
    # A drawn whole number is a cast that refuses.
    names = [op.c or op.symbol for op in ELEMENTWISE if op is not ops.DrawWhole]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_polygamma(n):
    x = np.array([0.01, 0.3, 1.0, 2.5, 17.0, 300.0, -0.5, -2.3])
    v = ops.vector("x")
    got = evaluate_numpy([ops.polygamma(n, v)], {v: x})[0]
    with mpmath.workprec(200):
        meant = [float(mpmath.polygamma(n, mpmath.mpf(t))) for t in x]
    np.testing.assert_allclose(got, meant, rtol=1e-12)


def test_the_fourth_derivative_of_lgamma():
    x = ops.scalar("x")
    slope = ops.lgamma(x)
    for _ in range(4):
        slope = gradient(slope, x)
    for at in (0.4, 3.0, 50.0):
        got = evaluate_numpy([slope], {x: at})[0]
        np.testing.assert_allclose(got, float(mpmath.polygamma(3, at)), rtol=1e-11)


FAR = [
    ("softplus", [-745.0, -40.0, 40.0, 800.0]), ("log_sigmoid", [-800.0, -40.0, 40.0, 745.0]),
    ("sigmoid", [-745.0, -40.0, 5.0]), ("log_ndtr", [-1e4, -40.0, -5.0, 5.0]),
    ("log1mexp", [-700.0, -40.0, -1e-12]), ("log1p", [-1 + 1e-15, 1e-300, 1e300]),
    ("arcsinh", [-1e200, 1e-300, 1e200]), ("lgamma", [1e-300, 1e10, 1e300]),
    ("erfcx", [-5.0, 49.9, 50.1, 1e3, 1e9]), ("erfc", [-5.0, 26.0]), ("tanh", [-3.0, 1e-300, 3.0]),
]  # fmt: skip


@pytest.mark.parametrize("name, points", FAR)
def test_derivatives_hold_far_out(name, points):
    """Against the exact derivative, by differences in 1800 digits."""
    x = ops.scalar("x")
    y = getattr(ops, name)(x)
    for at in points:
        got = evaluate_numpy([gradient(y, x)], {x: at})[0]
        with mpmath.workprec(6000):
            step = mpmath.mpf(2) ** -2000 * max(abs(mpmath.mpf(at)), mpmath.mpf(1))
            ends = [_exact(y, x, mpmath.mpf(at) + d) for d in (step, -step)]
            meant = float((ends[0] - ends[1]) / (2 * step))
        np.testing.assert_allclose(got, meant, rtol=1e-11, atol=1e-323, err_msg=f"{name}({at})")


def _exact(y, x, at):
    assert y.inputs == (x,)
    return meanings()[y.op.name](at)


def test_sigmoid_family_by_definition():
    a = np.linspace(-5, 5, 11)
    check(ops.sigmoid, lambda v: 1 / (1 + np.exp(-v)), a, rtol=1e-14)
    check(ops.softplus, lambda v: np.log(1 + np.exp(v)), a, rtol=1e-13)
    check(ops.log_sigmoid, lambda v: -np.log(1 + np.exp(-v)), a, rtol=1e-13)
    check(lambda x: ops.logit(ops.sigmoid(x)), lambda v: v, a, rtol=1e-12)


def test_reference_values_of_special_functions_are_exact_to_a_few_places():
    points = {"lbeta": [(0.5, 1e6), (1e-3, 1e-3), (12.0, 40.0), (1e7, 2e7), (3.0, 1e300)],
              "lgamma": [(1e-310,), (1e-5,), (123.4,), (1e15,)],
              "erfcinv": [(5e-324,), (1e-200,), (1.5,)],
              "log1mexp": [(-1e-15,), (-0.69,), (-0.7,), (-800.0,)]}  # fmt: skip
    for name, rows in points.items():
        columns = [np.array(c) for c in zip(*rows)]
        inputs = [ops.vector(f"x{k}", shape=c.shape) for k, c in enumerate(columns)]
        node, values = getattr(ops, name)(*inputs), dict(zip(inputs, columns))
        got, meant = evaluate_numpy([node], values)[0], evaluate_exact([node], values)[0]
        assert ulps(got, meant).max() < 12, name


@pytest.mark.parametrize("x", [-29.9, -30.1, -31.0, -40.0, -1e3])
def test_the_slope_of_the_inverse_mills_ratio_on_both_sides_of_its_series(x):
    with mpmath.workdps(60):
        t = mpmath.mpf(x)
        ratio = 2 * mpmath.npdf(t) / mpmath.erfc(-t / mpmath.sqrt(2))
        exact = float(-ratio * (t + ratio))
    node = ops.tensor("x", ())
    (slope,) = gradient(ops.inverse_mills(node), [node])
    assert evaluate_numpy([slope], {node: np.array(x)})[0] == pytest.approx(exact, rel=1e-13)
