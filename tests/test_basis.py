"""`pt.basis` against SciPy's splines, also outside of the range, and derivatives."""

import numpy as np
import pytest
from scipy import interpolate

import probtensor as pt
from probtensor.graph import GraphError

basis = pt.basis
RNG = np.random.default_rng(6)
X = np.sort(RNG.uniform(-1, 4, 40))
KNOTS = np.array([0.0, 0.5, 2.0, 3.0])
WIDE = np.array([-3.0, -1.0, 0.0, 1.9, 3.0, 4.0, 6.0, np.nan])


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
def test_bsplines(degree):
    """Values, extrapolation and slopes of each column."""
    t = np.r_[[X[0]] * (degree + 1), KNOTS, [X[-1]] * (degree + 1)]
    spline = interpolate.BSpline(t, np.eye(len(t) - degree - 1), degree)
    found = basis.bspline(X, knots=KNOTS, degree=degree).eval()
    np.testing.assert_allclose(found, spline(X), atol=1e-13)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-13)
    x = pt.vector("x")
    ends = {"lower": X[0], "upper": X[-1]}
    value = basis.bspline(x, knots=KNOTS, degree=degree, intercept=False, **ends)
    f = pt.function([x], [value, pt.jvp(value, x, pt.ones_like(x))], target="machine")
    own, slope = f(WIDE)
    np.testing.assert_allclose(own, spline(WIDE)[:, 1:], rtol=1e-10, atol=1e-10)
    if degree > 1:
        np.testing.assert_allclose(slope, spline.derivative()(WIDE)[:, 1:], rtol=1e-9, atol=1e-10)


def test_numbers_of_columns():
    for df, intercept in ((7, True), (7, False)):
        made = [basis.bspline(X, df=df, intercept=intercept),
                basis.natural_spline(X, df=df, intercept=intercept),
                basis.cyclic_spline(X, df=df, intercept=intercept)]  # fmt: skip
        assert [m.shape for m in made] == [(40, 7)] * 3
        ranks = [np.linalg.matrix_rank(np.column_stack([m.eval(), np.ones(40)])) for m in made]
        assert ranks == [7 + (not intercept)] * 3
    inner = np.quantile(X, [1 / 3, 2 / 3])
    expected = basis.bspline(X, knots=inner).eval()
    assert (basis.bspline(X, df=6).eval() == expected).all()
    assert basis.bspline(X.astype("float32"), df=5).dtype == "float32"


def test_quantiles_of_whole_numbers():
    x = [1, 2, 3, 4, 7, 9]
    floats = pt.basis.bspline(np.array(x, float), df=5).eval()
    assert np.array_equal(pt.basis.bspline(x, df=5).eval(), floats)


def test_natural_and_cyclic_splines():
    x = pt.vector("x")
    t = np.r_[-1.0, KNOTS, 4.0]
    natural = basis.natural_spline(x, knots=KNOTS, lower=-1.0, upper=4.0)
    cyclic = basis.cyclic_spline(x, knots=KNOTS, lower=-1.0, upper=4.0)
    slopes = [pt.jvp(v, x, pt.ones_like(x)) for v in (natural, cyclic)]
    own, own_slope, round_, round_slope = pt.function(
        [x], [natural, slopes[0], cyclic, slopes[1]], target="machine"
    )(WIDE)
    spline = interpolate.CubicSpline(t, np.eye(6), bc_type="natural")
    inside = np.clip(WIDE, -1, 4)
    expected = spline(inside) + (WIDE - inside)[:, None] * spline(inside, 1)
    np.testing.assert_allclose(own, expected, atol=1e-12)
    np.testing.assert_allclose(own_slope, spline(inside, 1) + 0 * WIDE[:, None], atol=1e-12)
    values = np.eye(5)[[0, 1, 2, 3, 4, 0]]
    spline = interpolate.CubicSpline(t, values, bc_type="periodic")
    np.testing.assert_allclose(round_, spline(WIDE), atol=1e-12)
    np.testing.assert_allclose(round_slope, spline(WIDE, 1), atol=1e-11)
    # One knot, and none.
    line = basis.natural_spline(X, knots=[], lower=0.0, upper=2.0).eval()
    np.testing.assert_allclose(line, np.column_stack([1 - X / 2, X / 2]), atol=1e-13)
    spline = interpolate.CubicSpline([0, 1, 5], np.eye(2)[[0, 1, 0]], bc_type="periodic")
    found = basis.cyclic_spline(X, knots=[1.0], lower=0.0, upper=5.0).eval()
    np.testing.assert_allclose(found, spline(X), atol=1e-12)


def test_radial_functions_and_waves():
    centers, points = RNG.normal(size=(4, 2)), RNG.normal(size=(5, 2))
    points[0] = centers[0]
    r = np.linalg.norm(points[:, None] - centers, axis=2) / [1.0, 2.0, 0.5, 1.0]
    formulas = {"gaussian": np.exp(-r**2 / 2), "inverse_quadratic": 1 / (1 + r**2),
                "multiquadric": np.sqrt(1 + r**2), "inverse_multiquadric": 1 / np.sqrt(1 + r**2),
                "thin_plate": r**2 * np.log(np.where(r > 0, r, 1))}  # fmt: skip
    for kind, expected in formulas.items():
        found = basis.radial(points, centers, [1.0, 2.0, 0.5, 1.0], kind).eval()
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    assert basis.radial([1.0, 2.0], [0.0], 2.0).shape == (2, 1)
    t, late = np.array([0.3, 5.0]), np.array([0.3, 5.0]) + 12 * 2.0**40
    expected = [[f(2 * np.pi * k * u / 12) for f in (np.sin, np.cos) for k in (1, 2, 3)] for u in t]
    np.testing.assert_allclose(basis.fourier(t, 12.0, 3).eval(), expected, atol=1e-14)
    exact = basis.fourier(late - 12 * 2.0**40, 12.0, 3).eval()
    np.testing.assert_allclose(basis.fourier(late, 12.0, 3).eval(), exact, atol=2e-3)


@pytest.mark.parametrize(
    ("make", "message", "kind"),
    [
        (lambda: basis.bspline(X), "give knots or df", GraphError),
        (lambda: basis.bspline(pt.vector("x"), df=5), "x is a tensor", GraphError),
        (lambda: basis.bspline(X, knots=[2.0, 1.0]), "do not increase", ValueError),
        (lambda: basis.bspline(X, df=2), "df=2 is not", GraphError),
        (lambda: basis.bspline(X, df=5, degree=-1), "degree=-1", GraphError),
        (lambda: basis.natural_spline(np.ones((3, 2)), df=4), "x has shape (3, 2)", GraphError),
        (lambda: basis.cyclic_spline(X, knots=[]), "no knot between", GraphError),
        (lambda: basis.radial(X, np.ones((2, 2))), "x has shape (40,)", GraphError),
        (lambda: basis.radial(X, X, kind="cubic"), "kind='cubic'", GraphError),
        (lambda: basis.fourier(X, 1.0, 0), "n=0", GraphError),
        (lambda: basis.fourier(X, 0.0, 2), "period is 0.0, which is not above 0", ValueError),
        (lambda: basis.fourier(X, X, 2), "it is a number", GraphError),
        (lambda: basis.radial(X, X, -1.0), "lengthscale is -1.0", ValueError),
        (lambda: basis.bspline(np.ones(0), df=4), "x is empty", GraphError),
    ],
)
def test_messages(make, message, kind):
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value) and __file__ in str(caught.value)
