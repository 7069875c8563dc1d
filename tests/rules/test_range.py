"""Quotients are those of NumPy bit for bit, and sums are right over the whole range of floats."""

import numpy as np
import pytest

import probtensor as pt

TARGETS = ["interp", "cython"]
DTYPES = ["float64", "float32"]


def readers(x, s, top):
    """Readers that depend on the last bit of a quotient."""
    z, share = x / s, x / top
    return [
        pt.floor(z), pt.ceil(z), pt.trunc(z), pt.astype(z, "int64"), pt.eq(z, 1.0),
        pt.eq(share, 1.0), pt.sqrt(pt.maximum(z, 1.0) - 1.0), pt.log(1.0 - share),
        pt.log1p(-share), pt.logit(share), z - pt.floor(z), pt.sum(pt.floor(z)), pt.sum(z),
        pt.sum(pt.square(z - 1.0)), -(x / s) * 2.0, x / 49.0, x / 7.0 / 7.0, (x * 3.0) / 3.0,
        pt.max(z) - z, pt.where(z >= 1.0, z, -z), pt.mod(z, 1.0),
    ]  # fmt: skip


def by_numpy(x, s):
    z, share = x / s, x / x.max()
    one, two, seven = x.dtype.type(1), x.dtype.type(2), x.dtype.type(7)
    return [
        np.floor(z), np.ceil(z), np.trunc(z), z.astype("int64"), z == 1,
        share == 1, np.sqrt(np.maximum(z, one) - one), np.log(one - share),
        np.log1p(-share), np.where(share == 1, np.inf, np.log(share / (one - share))),
        z - np.floor(z), np.floor(z).sum(), z.sum(dtype=x.dtype), None, -z * two,
        x / x.dtype.type(49), x / seven / seven, None, z.max() - z, np.where(z >= 1, z, -z),
        np.mod(z, one),
    ]  # fmt: skip


# Exact in the quotients alone; functions of them have errors of their own, sums an order.
LOOSE = {7: 99, 8: 4, 9: 99, 12: 8}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_quotients_are_those_of_numpy(dtype, target):
    x, s = pt.vector("x", dtype=dtype), pt.scalar("s", dtype=dtype)
    f = pt.function([x, s], readers(x, s, pt.max(x)), target=target)
    for width in (49.0, 0.1, 3.0, 7.0, 1e-310, 1e200, 0.3, 10.0, 1e-20, 98.0):
        with np.errstate(all="ignore"):
            scale = np.asarray(width).astype(dtype)
            if not 0 < scale < np.inf:
                continue
            values = (np.arange(1, 60) * scale).astype(dtype)
            wanted = by_numpy(values, scale)
        for place, (got, right) in enumerate(zip(f(values, scale), wanted)):
            if right is None:
                continue
            if place in LOOSE:
                rtol = LOOSE[place] * np.finfo(dtype).eps
                np.testing.assert_allclose(got, right, rtol=rtol, err_msg=f"{place} {width}")
            else:
                np.testing.assert_array_equal(got, right, err_msg=f"{place} {width}")


def totals(x, s, t):
    square = pt.sum(pt.square(x / s))
    return [
        square, *pt.grad(square, [s]), pt.sum(pt.square(x) / s / s), pt.sum(x / s),
        pt.sum(x * t) / t, pt.sum(x / 10.0), pt.mean(x / s), x * s * t, x / s / t,
        pt.sum(-0.5 * pt.square((x - s) / s)), pt.sum((x / s) * (x / s)), x @ (x / s) / s,
        pt.zeros(2, dtype=x.dtype).at[pt.constant([0, 0, 1])].add(x / s),
    ]  # fmt: skip


def exact_totals(x, s, t):
    """The same in mpmath, where the written form keeps its digits; None elsewhere."""
    import mpmath as mp

    x, s, t = [mp.mpf(float(v)) for v in x], mp.mpf(float(s)), mp.mpf(float(t))
    square = sum((v / s) ** 2 for v in x)
    return [
        square, -2 * square / s, None, sum(v / s for v in x), None, sum(v / 10 for v in x),
        sum(v / s for v in x) / 3, None, None, sum(-((v - s) / s) ** 2 / 2 for v in x), square,
        None, [x[0] / s + x[1] / s, x[2] / s],
    ]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_hold_over_the_whole_range(dtype, target):
    import mpmath

    x, s, t = pt.vector("x", dtype=dtype, shape=(3,)), *(pt.scalar(n, dtype=dtype) for n in "st")
    f = pt.function([x, s, t], totals(x, s, t), target=target)
    powers = range(-323, 308, 21) if dtype == "float64" else range(-44, 38, 4)
    info = np.finfo(dtype)
    for power in powers:
        scale = np.asarray(float(f"3e{power}")).astype(dtype)
        values = (scale * np.array([2, -1, 1], dtype)).astype(dtype)
        with mpmath.workprec(200), np.errstate(all="ignore"):
            wanted = exact_totals(values, scale, 1 / scale)
            for place, right in enumerate(wanted):
                if right is None:
                    continue
                got = np.ravel(f(values, scale, 1 / scale)[place])
                right = right if isinstance(right, list) else [right]
                for a, b in zip(got, right):
                    if abs(b) > info.max:
                        assert np.isinf(a), (place, power)
                    else:
                        error = abs(mpmath.mpf(float(a)) - b)
                        room = 40 * info.eps * abs(b) + 8 * float(info.smallest_subnormal)
                        assert error <= room, (place, power, float(a), float(b))


@pytest.mark.parametrize("target", TARGETS)
def test_scalars_are_not_multiplied_first(target):
    x, s, t = pt.vector("x"), pt.scalar("s"), pt.scalar("t")
    f = pt.function([x, s, t], [x * s * t, x / s / t, pt.sum(x * s), pt.sum(x / 10)], target=target)
    product, quotient, total, tenth = f(np.array([1e-200]), 1e200, 1e200)
    assert product[0] == 1e-200 * 1e200 * 1e200 and quotient[0] == 0
    assert total == 1.0 and tenth == 1e-201
    *_, total, tenth = f(np.array([1.5e308, 1.5e308]), 0.1, 1.0)
    np.testing.assert_allclose([total, tenth], [3e307, 3e307], rtol=1e-15)
    *_, total, _ = f(np.array([2.0, -1.0]), np.inf, 1.0)
    assert np.isnan(total)
