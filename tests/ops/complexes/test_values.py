"""Complex tensors against NumPy: every function on a grid of signs, zeros, infinities and nan."""

import math

import mpmath
import numpy as np
import pytest

import probtensor as pt

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.7, -30.0, 1e-20, 1e200, -1e300, 750.0)
SPECIAL = (*EDGES, math.inf, -math.inf, math.nan)
GRID = np.array([complex(a, b) for a in SPECIAL for b in SPECIAL])
FINITE = np.array([complex(a, b) for a in EDGES for b in EDGES])
C99 = (
    "exp", "log", "log2", "log10", "sqrt", "abs", "angle", "sinh", "cosh", "tanh", "sin", "cos",
    "tan", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "conj", "negative",
)  # fmt: skip
PLAIN = ("isnan", "isinf", "isfinite", "real", "imag", "rint", "isreal", "iscomplex", "sign")


def compiled(inputs, outputs, target="machine"):
    return pt.function(inputs, outputs, target=target, on_unused_input="ignore")


def zvector(name="z", dtype="complex128"):
    return pt.tensor(name, (None,), dtype)


def close(got, meant, rtol=4e-15):
    """Elements that agree relative to their modulus, or part by part where that is not finite."""
    if got.dtype == bool:
        return got == meant
    size = np.abs(meant)
    scale = np.where(np.isfinite(size), size, 0)
    parts = [(got.real, meant.real), (got.imag, meant.imag)]
    good = np.ones(got.shape, bool)
    for x, y in parts:
        bound = np.where(np.isfinite(size), scale * rtol, np.abs(y) * rtol) + 1e-300
        good &= (x == y) | (np.isnan(x) & np.isnan(y)) | (np.abs(x - y) <= bound)
    return good


@pytest.fixture(scope="module")
def grid():
    """The values of all functions on the grid, ours and NumPy's, by name."""
    z = zvector()
    names = C99 + PLAIN
    found = compiled([z], [getattr(pt, name)(z) for name in names])(GRID)
    with np.errstate(all="ignore"):
        return {n: (got, getattr(np, n)(GRID)) for n, got in zip(names, found, strict=True)}


# Where NumPy leaves a value open: the sign of an infinity, or of a zero.
OPEN = {
    "sinh": lambda z: np.isinf(z.real) & ~np.isfinite(z.imag),
    "sin": lambda z: np.isinf(z.imag) & ~np.isfinite(z.real),
    "sign": lambda z: np.isinf(np.abs(z)) & ~(np.isfinite(z.real) | np.isfinite(z.imag)),
}


@pytest.mark.parametrize("name", C99 + PLAIN)
@pytest.mark.filterwarnings("ignore")
def test_function_on_the_grid(grid, name):
    got, meant = grid[name]
    assert got.dtype == meant.dtype
    good = close(got, meant) | OPEN.get(name, lambda z: np.zeros(z.shape, bool))(GRID)
    wrong = [f"{z}: {a}, not {b}" for z, a, b in zip(GRID[~good], got[~good], meant[~good])]
    assert not wrong, wrong[:9]


@pytest.mark.parametrize("name", ["log", "sqrt", "arcsin", "arccos", "arctan", "arctanh",
                                  "arcsinh", "arccosh", "angle"])  # fmt: skip
def test_sides_of_cuts_by_the_sign_of_zero(grid, name):
    got, meant = grid[name]
    on_an_axis = np.isfinite(GRID) & ((GRID.real == 0) | (GRID.imag == 0)) & np.isfinite(meant)
    for part in ("real", "imag"):
        x, y = (np.copysign(1, getattr(v, part))[on_an_axis] for v in (got, meant))
        np.testing.assert_array_equal(x, y, err_msg=f"{name} {part}")


def exactly(function, z):
    with mpmath.workprec(2000):
        return complex(function(mpmath.mpc(z.real, z.imag)))


@pytest.mark.parametrize("name", ["log1p", "expm1", "tanh", "arcsin", "arctanh", "log", "sqrt"])
def test_digits_of_small_and_unequal_parts(name):
    exact = {
        "log1p": lambda z: mpmath.log(1 + z), "expm1": lambda z: mpmath.exp(z) - 1,
        "tanh": mpmath.tanh, "arcsin": mpmath.asin, "arctanh": mpmath.atanh, "log": mpmath.log,
        "sqrt": mpmath.sqrt,
    }[name]  # fmt: skip
    sizes = (1e-300, 1e-12, 0.3, 0.9999999, 1.7, 1e5)
    values = np.array([complex(a, b) for a in (*sizes, -1e-9, -0.7) for b in sizes])
    z = zvector()
    got = compiled([z], getattr(pt, name)(z))(values)
    meant = np.array([exactly(exact, v) for v in values])
    np.testing.assert_allclose(got, meant, rtol=2e-15)


BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "power": np.power, "equal": np.equal, "not_equal": np.not_equal,
}  # fmt: skip
SMALL = np.array([complex(a, b) for a in (0.0, -1.5, 2.0, 1e-170, 1e170) for b in (0.0, -0.5, 3.0)])


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.filterwarnings("ignore")
def test_two_operands(name):
    a, b = (x.ravel() for x in np.meshgrid(SMALL, SMALL))
    z, w = zvector("z"), zvector("w")
    f = compiled([z, w], getattr(pt, name)(z, w))
    with np.errstate(all="ignore"):
        meant = BINARY[name](a, b)
    finite = np.isfinite(meant) & (np.abs(meant) > 1e-290) if name in ("divide", "power") else True
    got = f(a, b)
    assert got.dtype == meant.dtype
    good = close(got, meant, 1e-11 if name == "power" else 4e-15)
    good |= ~np.broadcast_to(finite, a.shape)
    assert good.all(), [(x, y, p, q) for x, y, p, q in zip(a[~good], b[~good], got[~good],
                                                           meant[~good])][:5]  # fmt: skip


def test_quotients_do_not_overflow():
    z, w = zvector("z"), zvector("w")
    tops = np.array([1e300 + 1e300j, 1e-300 + 3e-300j, 1 + 1e300j, 1j])
    lows = np.array([1e300 - 1e300j, 2e-300 + 1e-300j, 1e300 + 1j, 1e-310 + 1e-310j])
    meant = []
    with mpmath.workprec(200):
        for a, b in zip(tops, lows):
            meant.append(complex(mpmath.mpc(a) / mpmath.mpc(b)))
    got = compiled([z, w], z / w)(tops, lows)
    np.testing.assert_allclose(got[:3], meant[:3], rtol=1e-15)


def test_a_real_operand_scales_the_parts():
    z, x = zvector(), pt.vector("x")
    found = compiled([z, x], [z * x, x * z, z / x, z + x, x - z, 2 * z, z * True, z**2, x / z])(
        [complex(math.inf, 1), 1 - 2j], [2.0, -3.0]
    )
    np.testing.assert_array_equal(found[0], [complex(math.inf, 2), -3 + 6j])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], [complex(math.inf, 0.5), complex(-1 / 3, 2 / 3)])
    np.testing.assert_array_equal(found[3][1], -2 - 2j)
    np.testing.assert_array_equal(found[4][1], -4 + 2j)
    np.testing.assert_array_equal(found[7][1], -3 - 4j)
    np.testing.assert_allclose(found[8][1], -3 / (1 - 2j), rtol=1e-15)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100, -1, -5, 0.5, -2.5])
def test_literal_powers(count):
    values = np.array([1.01 + 0.1j, -1 + 0.02j, 0.3 - 0.9j, 1.0])
    z = zvector()
    np.testing.assert_allclose(compiled([z], z**count)(values), values**count, rtol=3e-14)


@pytest.mark.parametrize("other, dtype", [
    (np.float32(2), "complex64"), (np.float64(2), "complex128"), (np.int16(2), "complex64"),
    (np.int64(2), "complex128"), (True, "complex64"), (2, "complex64"), (2.5, "complex64"),
    (2j, "complex64"), (np.complex128(2j), "complex128"),
])  # fmt: skip
def test_promotion_is_numpys(other, dtype):
    z = zvector(dtype="complex64")
    w = z * other
    assert w.dtype == dtype == (np.ones(1, "complex64") * other).dtype
    assert pt.abs(z).dtype == pt.real(z).dtype == "float32" and pt.exp(z).dtype == "complex64"
    got = compiled([z], w, target="interp")(np.array([1 + 1j], "complex64"))
    np.testing.assert_allclose(got, [(1 + 1j) * complex(other)], rtol=1e-6)
    assert (pt.fvector("x") + 1j).dtype == "complex64" and (pt.lvector("k") * 1j).dtype == dtype_of


dtype_of = np.result_type(np.int64, 1j).name


SINGLE = (
    "exp", "log", "sqrt", "square", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos",
    "arctan", "arcsinh", "arccosh", "arctanh", "expm1", "log1p", "log2", "log10", "exp2",
    "reciprocal", "sign", "conj",
)  # fmt: skip


def test_functions_of_single_complex_numbers_are_single():
    at = np.array([1 + 1j, 2 - 0.5j, -0.3 + 0.2j, -4 - 3j, 1e-20j, 3e30 - 1e30j], "complex64")
    z = zvector(dtype="complex64")
    values = [getattr(pt, name)(z) for name in SINGLE] + [z**0.5, z**1.5]
    assert {y.dtype for y in values} == {"complex64"}
    with np.errstate(all="ignore"):
        meant = [getattr(np, name)(at.astype("complex128")) for name in SINGLE]
        meant += [at.astype("complex128") ** 0.5, at.astype("complex128") ** 1.5]
        for name, got, value in zip([*SINGLE, "", ""], compiled([z], values, target="interp")(at),
                                    meant, strict=True):  # fmt: skip
            assert got.dtype == "complex64"
            fits = (np.abs(value) < 3e38) & (np.abs(value) > 1e-37)
            np.testing.assert_allclose(got[fits], value[fits], rtol=3e-6, err_msg=name)
