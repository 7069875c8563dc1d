"""Special functions against SciPy at edges, and their derivatives against mpmath."""

import mpmath as mp
import numpy as np
import pytest
import scipy.special

import probtensor as pt
from cython_ext.scalars import apply
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient

EDGES = np.array([
    0.0, -0.0, 1.0, -1.0, 0.5, -1.5, 2.0, 1e-9, -1e-9, 0.3, 4.2, -3.0, 30.0, np.inf, np.nan,
])  # fmt: skip
UNARY = (
    "expi", "exp1", "dawsn", "erfi", "spence", "ndtri_exp", "exprel", "sinc", "cosm1", "entr",
    "rgamma",
)  # fmt: skip
BINARY = (
    "owens_t", "boxcox", "boxcox1p", "inv_boxcox", "inv_boxcox1p", "rel_entr",
)  # fmt: skip
POSITIVE = ("beta", "poch", "binom", "zeta")  # of which SciPy gives other values at poles and ends


def scipy_of(name):
    return np.sinc if name == "sinc" else getattr(scipy.special, name)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_at_edges(dtype):
    a = EDGES.astype(dtype)
    x, y = pt.tensor("x", dtype=dtype, shape=(None, 1)), pt.vector("y", dtype=dtype)
    some, row = a[(a > 0.1) & (a < 20)], a[~np.isinf(a)]
    one = [getattr(pt.special, name)(y) for name in UNARY]
    two = [getattr(pt.special, name)(x, y) for name in BINARY]
    found = pt.function([x, y], [*one, *two], target="machine")(a[:, None], row)
    more = [getattr(pt.special, name)(x, y) for name in POSITIVE]
    found += pt.function([x, y], more, target="machine")(some[:, None], some)
    rtol = 2e-13 if dtype == "float64" else 3e-6
    with np.errstate(all="ignore"):
        meant = [scipy_of(name)(row) for name in UNARY]
        meant += [scipy_of(name)(a[:, None], row) for name in BINARY]
        meant += [scipy_of(name)(some[:, None], some) for name in POSITIVE]
    for name, value, right in zip((*UNARY, *BINARY, *POSITIVE), found, meant):
        assert value.dtype == dtype
        np.testing.assert_allclose(
            value, right, rtol=rtol, atol=2e-16 if dtype == "float64" else 1e-7, err_msg=name
        )


def test_branches_of_lambertw():
    at = np.array([-np.exp(-1) + 1e-12, -0.3, -0.2, -1e-5, -1e-300, 0.0, 1e-9, 0.4, 3.0, 1e300])
    x = pt.vector("x")
    upper, lower = pt.function(
        [x], [pt.special.lambertw(x), pt.special.lambertw(x, -1)], target="machine"
    )(at)
    np.testing.assert_allclose(upper, scipy.special.lambertw(at).real, rtol=1e-9)
    np.testing.assert_allclose(lower[:4], scipy.special.lambertw(at[:4], -1).real, rtol=1e-5)
    assert lower[5] == -np.inf
    assert np.isnan(lower[6:]).all()
    assert np.isnan(pt.special.lambertw([-1.0, -0.5]).eval()).all()
    with pytest.raises(TypeError, match="lambertw: the real branches are k = 0 and k = -1, not 2"):
        pt.special.lambertw(x, 2)


def owens(h, a):
    density = lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t) / (2 * mp.pi)  # noqa: E731
    return mp.quad(density, [0, a])


# Function, exact function, points, whether each argument is differentiated.
CASES = {
    "zeta": (pt.special.zeta, mp.zeta, [(1.3, 0.7), (2.0, 1.0), (4.5, 12.0)]),
    "lambertw": (pt.special.lambertw, lambda x: mp.re(mp.lambertw(x)), [(-0.3,), (0.5,), (20.0,)]),
    "below": (
        lambda x: pt.special.lambertw(x, -1), lambda x: mp.re(mp.lambertw(x, -1)),
        [(-0.35,), (-0.1,), (-1e-4,)],
    ),
    "hyp1f1": (pt.special.hyp1f1, mp.hyp1f1, [(0.5, 1.5, 2.0), (2.3, 0.7, -13.0)]),
    "hyp2f1": (
        pt.special.hyp2f1, mp.hyp2f1, [(2.3, 0.7, 1.1, -0.6)]
    ),
    "owens_t": (pt.special.owens_t, owens, [(-1.5, 2.0)]),
    "expi": (pt.special.expi, mp.ei, [(0.5,), (-2.0,)]),
    "exp1": (pt.special.exp1, mp.e1, [(0.5,), (7.0,)]),
    "expn": (lambda x: pt.special.expn(1, x), lambda x: mp.expint(1, x), [(0.5,), (7.0,)]),
    "dawsn": (
        pt.special.dawsn, lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
        [(0.5,), (-3.0,), (25.0,)],
    ),
    "erfi": (pt.special.erfi, mp.erfi, [(0.5,), (-2.0,)]),
    "spence": (pt.special.spence, lambda x: mp.polylog(2, 1 - x), [(1.0001,), (0.3,), (1.7,)]),
    "ndtri_exp": (
        pt.special.ndtri_exp, lambda x: mp.sqrt(2) * mp.erfinv(2 * mp.exp(x) - 1),
        [(-0.5,), (-5.0,)],
    ),
    "exprel": (pt.special.exprel, lambda x: mp.expm1(x) / x, [(1e-9,), (0.4,), (-3.0,)]),
    "sinc": (pt.sinc, lambda x: mp.sin(mp.pi * x) / (mp.pi * x), [(1e-9,), (0.4,), (-2.7,)]),
    "boxcox": (
        pt.special.boxcox, lambda x, p: (x**p - 1) / p, [(0.5, 1e-9), (3.0, 0.7), (1.2, -2.0)]
    ),
    "inv_boxcox": (
        pt.special.inv_boxcox, lambda y, p: (1 + p * y) ** (1 / p), [(0.5, 1e-9), (1.1, 0.7)]
    ),
    "rel_entr": (pt.special.rel_entr, lambda x, y: x * mp.log(x / y), [(0.5, 0.51), (2.0, 0.1)]),
    "beta": (pt.special.beta, mp.beta, [(0.5, 2.0), (-0.3, 1.6)]),
    "poch": (pt.special.poch, mp.rf, [(0.5, 2.0), (3.0, -1.6)]),
    "multigammaln": (
        lambda a: pt.special.multigammaln(a, 3),
        lambda a: sum(mp.loggamma(a - j / mp.mpf(2)) for j in range(3)), [(1.2,), (9.0,)],
    ),
    "polygamma": (
        lambda x: pt.special.polygamma(np.array([0, 1, 4]), x), None, [(0.3,), (2.0,), (9.0,)]
    ),
}  # fmt: skip


def exact(name, orders, point, k):
    function = CASES[name][1]
    if name == "polygamma":
        return mp.polygamma((0, 1, 4)[k] + orders[0], point[0])
    with mp.workdps(40):
        return mp.diff(function, tuple(map(mp.mpf, point)), orders, h=mp.mpf(10) ** -10)


@pytest.mark.parametrize("name", CASES)
def test_first_and_second_derivatives(name):
    function, _, points = CASES[name]
    inputs = [pt.vector(f"x{k}") for k in range(len(points[0]))]
    first = pt.grad(pt.sum(function(*inputs)), inputs)
    second = [pt.grad(pt.sum(slope), inputs) for slope in first]
    outputs = [*first, *(slope for row in second for slope in row)]
    found = pt.function(inputs, outputs, target="machine")(*map(np.array, zip(*points)))
    unit = np.eye(len(inputs), dtype=int)
    orders = [*map(tuple, unit), *(tuple(a + b) for a in unit for b in unit)]
    for order, values in zip(orders, found):
        for k, (point, value) in enumerate(zip(points, values)):
            right = float(mp.re(exact(name, order, point, k)))
            assert value == pytest.approx(right, rel=1e-9, abs=1e-14), (order, point)


def test_bad_arguments():
    x = pt.vector("x")
    with pytest.raises(TypeError, match="expn: n holds integers"):
        pt.special.expn(1.5, x)
    with pytest.raises(TypeError, match="polygamma: n holds integers"):
        pt.special.polygamma([0.5], x)
    with pytest.raises(TypeError, match="multigammaln: the dimension d is a whole number"):
        pt.special.multigammaln(x, 0)
    with pytest.raises(TypeError, match="polygamma: the order n is a whole number"):
        pt.special.polygamma(-1, x)
    assert np.isnan(pt.special.polygamma([-1], 2.0).eval()).all()
    assert np.isnan(pt.special.multigammaln(0.4, 2).eval())


def test_poles_of_the_gamma_function_in_quotients_are_limits():
    x, y = pt.tensor("x", (None,)), pt.tensor("y", (None,))
    z, m = np.array([-2.0, -2, -2, 0, 0, -10, -1.5]), np.array([3.0, 2, -0.5, 0, 1, 4, 2])
    n, k = np.array([5.0, 5, 0, 6, 8, 2.5, 300]), np.array([7.0, 6, 0, -1, -3, 4, 400])
    poch, binom = pt.special.poch(x, y), pt.special.binom(x, y)
    by_z = pt.function([x, y], [poch, pt.grad(pt.sum(poch), x)], target="machine")(z, m)
    np.testing.assert_allclose(by_z[0], scipy.special.poch(z, m), rtol=1e-12)
    step = 1e-6
    near = [scipy.special.poch(z + d, m) for d in (step, -step)]
    np.testing.assert_allclose(by_z[1], (near[0] - near[1]) / (2 * step), rtol=1e-5, atol=1e-6)
    total = pt.sum(binom)
    slopes = pt.function([x, y], [binom, pt.grad(total, x), pt.grad(total, y)], target="machine")
    value, by_n, by_k = slopes(n, k)
    np.testing.assert_allclose(value, scipy.special.binom(n, k), rtol=1e-12)
    near = [scipy.special.binom(n + d, k) for d in (step, -step)]
    np.testing.assert_allclose(by_n, (near[0] - near[1]) / (2 * step), rtol=1e-5, atol=1e-6)
    near = [scipy.special.binom(n, k + d) for d in (step, -step)]
    np.testing.assert_allclose(by_k, (near[0] - near[1]) / (2 * step), rtol=1e-5, atol=1e-6)


def test_derivatives_of_the_reciprocal_gamma_function_at_poles():
    x = pt.tensor("x", (None,))
    first = pt.grad(pt.sum(pt.special.rgamma(x)), x)
    second = pt.grad(pt.sum(first), x)
    z = np.array([-3.0, -2, -1, 0])
    sign, size = np.array([-1, 1, -1, 1]), np.array([6.0, 2, 1, 1])
    slopes = pt.function([x], [first, second], target="machine")(z)
    np.testing.assert_allclose(slopes[0], sign * size, rtol=1e-12)
    np.testing.assert_allclose(
        slopes[1], -2 * sign * size * scipy.special.digamma(1 - z), rtol=1e-9
    )


# Arguments of which one or all gammas are below 0, at their poles, or far out.
BELOW = {
    "beta": [(1.0, -1e5), (3.0, -7.0), (2.5, -3.2), (-1.3, -2.4), (0.3, -0.2), (1e3, -171.5)],
    "betaln": [(1.0, -1e5), (3.0, -7.0), (2.5, -3.2), (-1.3, -2.4)],
    "poch": [(-10.0, 200.0), (-10.0, 3.0), (1e10, 1.5), (-2.3, -1.4), (-3.3, 30.0), (2.5, -3.2),
             (-1e5, 100.5), (1e-20, -30.0)],
    "binom": [(15.5, 1e10), (5.5, 1e3), (-171.5, 1.0), (-2.5, -7.25), (-0.5, -171.5), (-3.0, 2.0),
              (1e3, 170.0), (3.0, -2.0)],
}  # fmt: skip


@pytest.mark.parametrize("name", BELOW)
def test_gammas_below_zero_and_their_slopes(name):
    def quotient(above, below):
        """A quotient of gammas, or its limit where both have a pole."""
        return mp.gammaprod(above, below)

    def meant(a, b):
        if name == "poch":
            return quotient([a + b], [a])
        if name == "binom":
            return mp.binomial(a, b)
        mirrored = b == mp.floor(b)
        value = (-1) ** int(a) * mp.beta(a, 1 - a - b) if mirrored else quotient([a, b], [a + b])
        return value if name == "beta" else mp.log(abs(value))

    columns = [np.array(c) for c in zip(*BELOW[name])]
    nodes = [pt.vector(n, shape=c.shape) for n, c in zip("ab", columns)]
    value = getattr(pt.special, name)(*nodes)
    got = evaluate_numpy([value, *(gradient(pt.sum(value), [n])[0] for n in nodes)],
                         dict(zip(nodes, columns)))  # fmt: skip
    with mp.workprec(2500):
        for k, at in enumerate(BELOW[name]):
            a, b = map(mp.mpf, at)
            assert got[0][k] == pytest.approx(float(meant(a, b)), rel=1e-11), at
            if b == mp.floor(b) or at == (-1e5, 100.5):
                continue  # slopes that overflow, or next to poles
            step = mp.mpf(2) ** -200
            for slope, (u, v) in zip(got[1:], ((step, 0), (0, step)), strict=True):
                rise = meant(a + u, b + v) - meant(a - u, b - v)
                assert slope[k] == pytest.approx(float(rise / (2 * step)), rel=1e-9), at


NEXT_TO_ONE = [
    (0.5, 1.3, 2.4, 0.999), (1.5, 2.2, 1.7, 1 - 1e-9), (0.5, 0.4, 1.2, 1 - 2.0**-53),
    (1.0, 1.0, 2.0, -1e100), (1.2, 0.3, 2.4, -1e12), (0.5, 0.7, 3.2, 1.0),
]  # fmt: skip


@pytest.mark.parametrize("at", NEXT_TO_ONE)
def test_derivatives_of_hyp2f1_in_parameters_next_to_its_singularity(at):
    counts = np.array([1.0, 16.0, 256.0, 257.0])
    got = apply("pt_hyp2f1", counts, *map(np.array, at))
    with mp.workdps(150):
        orders = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (1, 0, 1, 0)]
        a = [mp.mpf(v) for v in at]
        meant = [float(mp.diff(mp.hyp2f1, a, n, h=mp.mpf(10) ** -25)) for n in orders]
    np.testing.assert_allclose(got, meant, rtol=2e-11)


def test_owens_t_has_its_digits_far_out_and_next_to_zero():
    import mpmath as mp

    h = np.array([5.0, 5.0, 20.0, 30.0, 37.0, 1.0, -3.0])
    a = np.array([1e-8, 1e-280, 0.01, 1.00001, 40.0, 1e200, -0.3])
    with mp.workdps(40):
        meant = [float(owens_by_sums(mp.mpf(x), mp.mpf(y))) for x, y in zip(h, a, strict=True)]
    found = pt.special.owens_t(h, a).eval()
    np.testing.assert_allclose(found, meant, rtol=4e-15)


def owens_by_sums(h, a):
    """By quadrature of the integrand over its value at 0, in pieces."""
    import mpmath as mp

    end = min(abs(a), 14 / abs(h))
    inner = mp.quad(
        lambda s: mp.exp(-((h * end * s) ** 2) / 2) / (1 + (end * s) ** 2), mp.linspace(0, 1, 9)
    )
    return end * mp.sign(a) * mp.exp(-h * h / 2) * inner / (2 * mp.pi)


def test_zeta_of_large_arguments_does_not_underflow():
    q = np.array([1e155, 1e200, 1e300])
    np.testing.assert_allclose(pt.special.zeta(2.0, q).eval(), 1 / q, rtol=1e-15)
    np.testing.assert_allclose(pt.special.polygamma(3, 1e100).eval(), 2e-300, rtol=1e-14)
