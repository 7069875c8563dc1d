"""Functions of the parts and neighbours of floats, and of divisors, against NumPy's."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops

EDGES = np.array([
    0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 3, 7, -7, 5e-324, -1e-310,
    2.2e-308, 1e300, 1.7976931348623157e308, np.inf, -np.inf, np.nan, 4503599627370497.0, 1e16,
])  # fmt: skip
UNARY = ("signbit", "fabs", "isposinf", "isneginf", "fix", "degrees", "radians", "around")
BINARY = ("copysign", "nextafter", "fmod", "fmax", "fmin", "float_power", "logaddexp2")
SHIFTS = np.array([0, 1, -3, 40, -1074, 1074, -2100, 2100, 3000])
ALIASES = {
    "sgn": "sign", "sqr": "square", "pow": "power", "neq": "not_equal", "and_": "bitwise_and",
    "or_": "bitwise_or", "xor": "bitwise_xor", "int_div": "floor_divide", "true_div": "divide",
    "floor_div": "floor_divide", "fill": "second", "log1pexp": "softplus", "tri_gamma": "trigamma",
    "bitwise_invert": "invert", "bitwise_left_shift": "left_shift", "around": "round",
    "bitwise_right_shift": "right_shift", "degrees": "rad2deg", "radians": "deg2rad",
}  # fmt: skip


def operands(dtype, count):
    """A column and a row."""
    column = pt.tensor("x", dtype=dtype, shape=(count, 1))
    return column, pt.tensor("y", dtype=dtype, shape=(None,))


@pytest.mark.parametrize("target", ["machine", "interp"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_floats_at_edges(dtype, target):
    with np.errstate(all="ignore"):
        a = EDGES.astype(dtype)
        column = a[:, None]
        meant = {name: getattr(np, name)(a) for name in UNARY}
        meant |= {name: getattr(np, name)(column, a) for name in BINARY}
        meant["mantissa"], meant["exponent"] = np.frexp(a)
        meant["ldexp"] = np.ldexp(column, SHIFTS)
    x, y = operands(dtype, len(a))
    made = {name: getattr(np, name)(y) for name in UNARY}
    made |= {name: getattr(np, name)(x, y) for name in BINARY}
    made["mantissa"], made["exponent"] = np.frexp(y)
    made["ldexp"] = np.ldexp(x, SHIFTS)
    found = pt.function([x, y], list(made.values()), target=target)(column, a)
    for name, value in zip(made, found):
        assert value.dtype == meant[name].dtype, name
        np.testing.assert_allclose(value, meant[name], rtol=9e-16 if dtype == "float64" else 2e-7,
                                   atol=0, err_msg=name)  # fmt: skip


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
def test_divisors(dtype):
    ends = np.iinfo(dtype)
    a = np.array([0, 1, 2, 6, 9, 12, 35, ends.max, ends.min], dtype)
    if ends.min < 0:
        a = np.append(np.array([-1, -6, -35], dtype), a)
    x, y = operands(dtype, len(a))
    names = ("gcd", "lcm", "fmod", "fmax", "fmin")
    outputs = [getattr(pt, name)(x, y) for name in names]
    found = pt.function([x, y], [*outputs, pt.ceil_intdiv(x, y), pt.signbit(y)], target="machine")(
        a[:, None], a
    )
    with np.errstate(all="ignore"):
        for name, value in zip(names, found):
            np.testing.assert_array_equal(value, getattr(np, name)(a[:, None], a), err_msg=name)
    # Not of the lowest, whose negative is no number.
    small = np.abs(a.astype(float)) < 100
    exact = [[-(-int(p) // int(q)) if q else 0 for q in a[small]] for p in a]
    np.testing.assert_array_equal(found[-2][:-1, small], exact[:-1])
    np.testing.assert_array_equal(found[-1], a < 0)


def test_rounding_of_halves():
    x = pt.vector("x")
    away, even, whole = pt.function(
        [x],
        [pt.round_half_away_from_zero(x), pt.round_half_to_even(x), pt.iround(x)],
        target="machine",
    )(EDGES)
    finite = np.abs(EDGES) < 2**52
    half = np.isin(EDGES, [0.5, -0.5, 1.5, 2.5, -2.5])
    np.testing.assert_array_equal(even, np.rint(EDGES))
    meant = np.where(half, np.trunc(EDGES) + np.sign(EDGES), np.rint(EDGES))
    np.testing.assert_array_equal(away, meant)
    np.testing.assert_array_equal(whole[finite], np.rint(EDGES)[finite].astype("int64"))
    assert pt.round_half_away_from_zero(np.arange(3)).dtype == "int64"
    with pytest.raises(TypeError, match="iround: mode is one of half_to_even"):
        pt.iround(1.5, mode="up")


def test_derivatives_of_parts():
    x, y = pt.vector("x"), pt.vector("y")
    at, to = np.array([0.3, -1.7, 5.0, 0.0]), np.array([-2.0, -3.0, 1.5, 0.7])
    mantissa, exponent = pt.frexp(x)
    cases = {
        "copysign": (pt.copysign(x, y), [-1.0, 1.0, 1.0, 1.0]),
        "fmod": (pt.fmod(x, y), [1.0, 1.0, 1.0, 1.0]),
        "nextafter": (pt.nextafter(x, y), [1.0, 1.0, 1.0, 1.0]),
        "ldexp": (pt.ldexp(x, [1, -1, 3, 0]), [2.0, 0.5, 8.0, 1.0]),
        "frexp": (mantissa, [2.0, 0.5, 0.125, 1.0]),
        "fmax": (pt.fmax(x, y), [1.0, 1.0, 1.0, 0.0]),
        "second": (pt.second(y, x), [1.0, 1.0, 1.0, 1.0]),
    }
    slopes = [pt.grad(pt.sum(cost), x) for cost, _ in cases.values()]
    second = pt.grad(pt.sum(pt.grad(pt.sum(pt.logaddexp2(x, y)), x)), x)
    *found, curved = pt.function([x, y], [*slopes, second], target="machine")(at, to)
    for value, (name, (_, meant)) in zip(found, cases.items()):
        np.testing.assert_array_equal(value, meant, err_msg=name)
    share = 1 / (1 + np.exp2(to - at))
    np.testing.assert_allclose(curved, np.log(2) * share * (1 - share), rtol=1e-13)
    assert exponent.dtype == "int32"


def test_names_that_mean_the_same():
    for name, other in ALIASES.items():
        assert getattr(pt, name) is getattr(pt, other), name


def test_bad_operands():
    with pytest.raises(TypeError, match="ldexp: the exponents x2 are integers"):
        pt.ldexp(1.0, 2.0)
    with pytest.raises(TypeError, match="gcd: needs integers or bools, not float64"):
        pt.gcd(1.5, 2)
    with pytest.raises(TypeError, match="do not broadcast"):
        pt.second(np.ones(3), np.ones(2))
    assert ops.tensor_copy(pt.vector("x")).type.ndim == 1
