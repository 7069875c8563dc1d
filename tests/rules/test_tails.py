"""Heavy tails and hyperbolic functions as people write them: no square and no cosh overflows."""

import numpy as np
import pytest
from mpmath import mp, mpf

import probtensor as pt

FAR = {"float64": (1e-200, 1e-8, 0.3, 7.0, 1e100, 1e160, 1e200, -1e300),
       "float32": (1e-20, 1e-8, 0.3, 7.0, 1e15, 1e20, -1e30)}  # fmt: skip
CASES = {
    "log1p of a square": (lambda x, s: pt.log1p(pt.square(x / s)),
                          lambda x, s: mp.log1p((x / s) ** 2)),
    "log of 1 and a square": (lambda x, s: pt.log(1 + (x / s) ** 2),
                              lambda x, s: mp.log1p((x / s) ** 2)),
    "a product": (lambda x, s: pt.log((x / s) * (x / s) + 1), lambda x, s: mp.log1p((x / s) ** 2)),
    "over degrees of freedom": (lambda x, s: pt.log(1 + x**2 / pt.exp(s)),
                                lambda x, s: mp.log1p(x**2 / mp.exp(s))),
    "times a scale": (lambda x, s: pt.log1p(pt.exp(s) * pt.square(x)),
                      lambda x, s: mp.log1p(x**2 * mp.exp(s))),
    "literal degrees of freedom": (lambda x, s: pt.log1p(pt.square(x / s) / 3),
                                   lambda x, s: mp.log1p((x / s) ** 2 / 3)),
}  # fmt: skip


def derivatives(meaning, x, s):
    """A function of (x, s), its first and second derivative by x, and that by s."""
    step = abs(x) * mpf(10) ** -60
    first, second = (mp.diff(lambda v: meaning(v, s), x, n, h=step) for n in (1, 2))
    return meaning(x, s), first, second, mp.diff(lambda v: meaning(x, v), s, h=mpf(10) ** -60)


@pytest.mark.parametrize("target", ["interp", "cython"])
@pytest.mark.parametrize("dtype", FAR)
def test_squares_in_logarithms_do_not_overflow(dtype, target):
    """Values, slopes and second derivatives of all cases, as one function."""
    x, s = pt.vector("x", dtype), pt.scalar("s", dtype)
    outputs = []
    for write, _ in CASES.values():
        y = pt.sum(write(x, s))
        slope = pt.grad(y, x)
        outputs += [write(x, s), slope, pt.grad(y, s), pt.grad(pt.sum(slope), x)]
    scale = np.asarray(1.5, dtype)
    points = np.array(FAR[dtype], dtype)
    found = iter(pt.function([x, s], outputs, target=target)(points, scale))
    close, tiny = (1e-13, 1e-300) if dtype == "float64" else (3e-6, 1e-37)
    with mp.workdps(700):
        for name, (_, meaning) in CASES.items():
            value, slope, total, bend = (next(found) for _ in range(4))
            assert value.dtype == dtype
            exact = [derivatives(meaning, mpf(float(v)), mpf(float(scale))) for v in points]
            pairs = [
                *zip(value, [e[0] for e in exact]),
                *zip(slope, [e[1] for e in exact]),
                *zip(bend, [e[2] for e in exact]),
                (total, mp.fsum(e[3] for e in exact)),
            ]
            for g, w in pairs:
                assert abs(mpf(float(g)) - w) <= close * abs(w) + tiny, (name, g, float(w))


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_log_cosh_keeps_its_digits(target):
    x = pt.vector("x")
    naive = pt.log(pt.cosh(x))
    jacobian = pt.log(1 - pt.tanh(x) ** 2)
    outputs = [naive, pt.grad(pt.sum(naive), x), jacobian, pt.grad(pt.sum(jacobian), x)]
    points = np.array([1e-200, -1e-160, 1e-9, 0.1, -0.7, 3.0, 19.0, -20.5, 400.0, 1e5])
    got = pt.function([x], outputs, target=target)(points)
    with mp.workdps(700):
        for k, point in enumerate(points):
            a = abs(mpf(float(point)))
            value = a + mp.log1p(mp.exp(-2 * a)) - mp.log(2)
            slope = mp.tanh(mpf(float(point)))
            for g, w in zip(got, (value, slope, -2 * value, -2 * slope)):
                assert abs(mpf(float(g[k])) - w) <= 1e-15 * abs(w) + 1e-305, (point, g[k], float(w))


def test_logarithms_of_widened_values_that_were_narrowed():
    """What is computed in float64 instead of float32 ends at a cast, whose dtype is a parameter."""
    x = pt.vector("x")
    p = np.float32(0.5) * pt.sigmoid(x.astype("float32"))
    (found,) = pt.function([x], [pt.log(p.astype("float64"))], target="interp")([-300.0, 1.0])
    np.testing.assert_allclose(found, np.log(0.5) - np.logaddexp(0, [300.0, -1.0]), rtol=1e-14)
