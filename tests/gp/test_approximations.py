"""Inducing points, grids and basis functions against exact processes."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import GraphError

RNG = np.random.default_rng(4)
X, U, NEW = np.sort(RNG.uniform(0, 5, 15)), np.linspace(0, 5, 4), np.array([0.3, 2.0, 6.0])
Y = np.sin(X) + 0.1 * RNG.normal(size=15)


def smooth(a, b, ell=1.3, scale=1.7):
    return scale**2 * np.exp(-0.5 * ((a[:, None] - b) / ell) ** 2)


def test_inducing_points():
    """The densities of all three, with gradients, and predictions, by dense formulas."""
    ell, sigma = pt.scalar("ell"), pt.scalar("sigma")
    low = smooth(X, U) @ np.linalg.solve(smooth(U, U), smooth(U, X))
    lost = np.diag(smooth(X, X) - low)
    own = {"dtc": np.full(15, 0.04), "fitc": 0.04 + lost, "vfe": np.full(15, 0.04)}
    for approx, variance in own.items():
        gp = pt.gp.SparseGP(pt.gp.exp_quad(ell, 1.7), 0.2, approx=approx, jitter=0.0)
        density = pt.logp(gp.marginal("y", X, U, sigma), Y)
        f = pt.function([ell, sigma], [density, *pt.grad(density, [ell, sigma])], target="machine")
        value, *slopes = f(1.3, 0.2)
        expected = stats.multivariate_normal(np.full(15, 0.2), low + np.diag(variance)).logpdf(Y)
        expected -= 0.5 * sum(lost) / 0.04 if approx == "vfe" else 0
        np.testing.assert_allclose(value, expected, rtol=1e-9)
        numeric = [(f(1.3 + a, 0.2 + b)[0] - f(1.3 - a, 0.2 - b)[0]) / 2e-6
                   for a, b in ((1e-6, 0), (0, 1e-6))]  # fmt: skip
        np.testing.assert_allclose(slopes, numeric, rtol=1e-5)
        across = smooth(NEW, U) @ np.linalg.solve(smooth(U, U), smooth(U, X))
        k = low + np.diag(variance)
        mean, matrix = (x.eval({ell: 1.3}) for x in gp.predict(NEW, X, Y, U, 0.2, full=True))
        np.testing.assert_allclose(mean, 0.2 + across @ np.linalg.solve(k, Y - 0.2), rtol=1e-8)
        expected = smooth(NEW, NEW) - across @ np.linalg.solve(k, across.T)
        np.testing.assert_allclose(matrix, expected, atol=1e-9)
        variances = gp.predict(NEW, X, Y, U, 0.2)[1].eval({ell: 1.3})
        np.testing.assert_allclose(variances, np.diag(expected), atol=1e-9)


def test_inducing_points_at_all_inputs_are_exact():
    for approx in ("dtc", "fitc", "vfe"):
        gp = pt.gp.SparseGP(pt.gp.matern12(), approx=approx, jitter=0.0)
        found = pt.logp(gp.marginal("y", X, X, 0.3), Y).eval()
        exact = pt.gp.GP(pt.gp.matern12(), jitter=0.0).marginal("y", X, 0.3)
        np.testing.assert_allclose(found, pt.logp(exact, Y).eval(), rtol=1e-11)
    draws = pt.draw(gp.marginal("y", X[:2], X[:2], 0.3), draws=20000, seed=1)
    expected = np.exp(-abs(X[:2, None] - X[:2])) + 0.09 * np.eye(2)
    np.testing.assert_allclose(np.cov(draws.T), expected, atol=0.05)


AXES = [np.array([0.0, 1.0, 2.5]), np.array([0.0, 0.7]), RNG.normal(size=(3, 2))]
GRID = np.array([[a, b, *c] for a in AXES[0] for b in AXES[1] for c in AXES[2]])


def parts(ell):
    return [pt.gp.exp_quad(ell, 1.5), pt.gp.matern12(), pt.gp.matern32(2.0)]


def test_grids():
    """Density, gradients, latent values and predictions are those of the dense process."""
    ell, sigma = pt.scalar("ell"), pt.scalar("sigma")
    y = RNG.normal(size=18)
    gp = pt.gp.KroneckerGP(parts(ell), lambda x: 0.3 * x[:, 2], jitter=0.0)
    dense = pt.gp.GP(pt.gp.kron(parts(ell), [1, 1, 2]), lambda x: 0.3 * x[:, 2], jitter=0.0)
    new = RNG.normal(size=(4, 4))
    outputs = []
    for process, x in ((gp, AXES), (dense, GRID)):
        density = pt.logp(process.marginal("y", x, sigma), y)
        predicted = process.predict(new, x, y, sigma), process.predict(new, x, y, sigma, full=True)
        outputs.append([density, *pt.grad(density, [ell, sigma]), *predicted[0], *predicted[1]])
    found = pt.function([ell, sigma], outputs, target="machine")(1.2, 0.3)
    for own, exact in zip(*found, strict=True):
        np.testing.assert_allclose(own, exact, rtol=1e-9, atol=1e-11)
    z = RNG.normal(size=18)
    own = [k(x).eval({ell: 1.2} if n == 0 else {})
           for n, (k, x) in enumerate(zip(parts(ell), AXES, strict=True))]  # fmt: skip
    factors = [np.linalg.cholesky(k) for k in own]
    expected = 0.3 * GRID[:, 2] + np.kron(np.kron(factors[0], factors[1]), factors[2]) @ z
    gp = pt.gp.KroneckerGP(parts(1.2), lambda x: 0.3 * x[:, 2], jitter=0.0)
    seen = pt.random.normal(gp.prior("f", AXES), 1.0, name="seen")
    posterior = pt.condition({seen: y}, target="machine")
    np.testing.assert_allclose(posterior.constrain(z)["f"], expected, rtol=1e-9)


def test_gradients_on_grids_where_eigenvalues_are_equal():
    """Inputs so far apart that a covariance matrix is a multiple of the identity, and so close that
    it has rank 1: gradients are those of the dense density."""
    ell = pt.scalar("ell")
    axes = [np.array([0.0, 1e3, 2e3]), np.array([0.0, 1e-9, 2e-9])]
    points = np.array([[a, b] for a in axes[0] for b in axes[1]])
    y = RNG.normal(size=9)
    covs = [pt.gp.exp_quad(ell), pt.gp.matern32(ell)]
    densities = [
        pt.logp(pt.gp.KroneckerGP(covs, jitter=0.0).marginal("y", axes, 0.5), y),
        pt.logp(pt.gp.GP(pt.gp.kron(covs), jitter=0.0).marginal("y", points, 0.5), y),
    ]
    for value in (1.0, 800.0):
        own, exact = ([d.eval({ell: value}), pt.grad(d, ell).eval({ell: value})] for d in densities)
        np.testing.assert_allclose(own, exact, rtol=1e-9, atol=1e-12)


def test_draws_on_grids():
    axes = [np.array([0.0, 1.0]), np.array([0.0, 0.5])]
    gp = pt.gp.KroneckerGP([pt.gp.exp_quad(), pt.gp.matern12()])
    draws = pt.draw(gp.marginal("y", axes, 0.3), draws=20000, seed=1)
    first, second = (1 - np.eye(2)) * np.exp(-0.5) + np.eye(2), np.exp(-0.5 * (1 - np.eye(2)))
    np.testing.assert_allclose(
        np.cov(draws.T), np.kron(first, second) + 0.09 * np.eye(4), atol=0.06
    )


def test_densities_of_several_points_under_several_parameters():
    """Axes before those of a vector, of values and of parameters, are those of single densities."""
    points, ells = RNG.normal(size=(3, 6)), np.array([0.7, 1.5])
    axes = [X[:3], X[:2]]

    def variables(ell):
        yield pt.gp.KroneckerGP(parts(ell)[:2]).marginal("y", axes, 0.4)
        yield pt.gp.SparseGP(pt.gp.exp_quad(ell)).marginal("y", X[:6], X[:6:3], 0.4)
        yield pt.gp.TP(pt.gp.exp_quad(ell), nu=4.0).marginal("y", X[:6], 0.4)

    together = [pt.logp(v, points).eval() for v in variables(0.7)]
    single = [[pt.logp(v, p).eval() for p in points] for v in variables(0.7)]
    np.testing.assert_allclose(together, single, rtol=1e-12)
    for k in range(3):
        variable = [*variables(0.7)][k]
        inputs = [pt.stack([a, b]) for a, b in
                  zip(variable.inputs, [*variables(1.5)][k].inputs, strict=True)]  # fmt: skip
        found = variable.op.distribution.logpdf(pt.as_tensor(points[:2]), *inputs).eval()
        both = [pt.logp([*variables(e)][k], p).eval() for e, p in zip(ells, points, strict=False)]
        np.testing.assert_allclose(found, both, rtol=1e-12)
        shape, key = (2, 6), pt.as_tensor(np.uint64(7))
        assert variable.op.distribution.sample(key, shape, *inputs).eval().shape == shape


def test_recommended_numbers_of_basis_functions():
    """A process with the recommended box and number has the exact covariance to some percent."""
    x = np.linspace(0, 10, 60)
    for name in ("exp_quad", "matern52", "matern32"):
        m, c = pt.gp.hsgp_parameters((0, 10), (1.0, 4.0), name)
        for ell in (1.0, 4.0):
            k = getattr(pt.gp, name)(ell)
            basis, root = (v.eval() for v in pt.gp.HSGP(k, m, c=c, X=x).prior_linearized(x))
            assert np.abs((basis * root**2) @ basis.T - k(x).eval()).max() < 0.06
    with pytest.raises(GraphError, match="cov='linear'"):
        pt.gp.hsgp_parameters((0, 1), (1, 2), "linear")
    with pytest.raises(ValueError, match="lengthscale_range"):
        pt.gp.hsgp_parameters((0, 1), (2, 1))


def test_basis_functions_approximate_the_exact_process():
    """Covariance matrices on 200 points, and on a plane."""
    x = np.linspace(-3, 7, 200)
    for k, m, error in (
        (pt.gp.exp_quad(1.5, 1.2), 40, 1e-6),
        (pt.gp.matern52(2.0, 1.2), 60, 1e-3),
        (pt.gp.matern32(2.0, 1.2), 120, 1e-3),
        (2.0 * pt.gp.exp_quad(1.5) + pt.gp.matern52(2.0), 60, 1e-3),
    ):
        gp = pt.gp.HSGP(k, m, c=2.5, X=x)
        basis, root = (v.eval() for v in gp.prior_linearized(x))
        assert basis.shape == (200, gp.size)
        np.testing.assert_allclose((basis * root**2) @ basis.T, k(x).eval(), atol=error)
    plane = RNG.uniform(-1, 1, (30, 2))
    k = pt.gp.exp_quad([0.8, 1.5])
    basis, root = (v.eval() for v in pt.gp.HSGP(k, (20, 12), L=(3.5, 5.0)).prior_linearized(plane))
    np.testing.assert_allclose((basis * root**2) @ basis.T, k(plane).eval(), atol=1e-4)
    space = RNG.uniform(-1, 1, (10, 3))
    k = pt.gp.exp_quad([2.0, 3.0, 2.5])
    found = pt.gp.HSGP(k, (12, 10, 11), L=(7.0, 9.0, 8.0)).prior_linearized(space)
    basis, root = (v.eval() for v in found)
    np.testing.assert_allclose((basis * root**2) @ basis.T, k(space).eval(), atol=1e-3)


def test_basis_functions_of_the_coordinates_that_are_read():
    plane = np.stack([RNG.normal(size=12), np.linspace(0, 5, 12)], axis=1)
    k = 2.0 * pt.gp.matern52(0.8, active_dims=[1]) + pt.gp.exp_quad(1.0, active_dims=[1])
    for box in ({"c": 2.0, "X": plane}, {"L": 5.0, "center": 2.5}):
        basis, root = (v.eval() for v in pt.gp.HSGP(k, 60, **box).prior_linearized(plane))
        np.testing.assert_allclose((basis * root**2) @ basis.T, k(plane).eval(), atol=1e-3)
    k = pt.gp.exp_quad([1.0, 2.0], active_dims=[1, 0])
    basis, root = (v.eval() for v in pt.gp.HSGP(k, (25, 25), L=(9.0, 9.0)).prior_linearized(plane))
    np.testing.assert_allclose((basis * root**2) @ basis.T, k(plane).eval(), atol=1e-3)
    k = pt.gp.exp_quad(active_dims=[0]) + pt.gp.exp_quad(active_dims=[1])
    with pytest.raises(GraphError, match="read different coordinates"):
        pt.gp.HSGP(k, (5, 5), L=9.0).prior("f", plane)
    with pytest.raises(GraphError, match="m=\\(5, 5\\) is for 2 coordinates, and X has shape"):
        pt.gp.HSGP(pt.gp.exp_quad(active_dims=[1]), (5, 5), L=9.0).prior("f", plane)


def test_fourier_series_of_the_periodic_covariance():
    x = np.linspace(-3, 30, 50)
    k = pt.gp.periodic(12.0, 0.9, 1.4)
    gp = pt.gp.HSGP(k, 20)
    basis, root = (v.eval() for v in gp.prior_linearized(x))
    assert basis.shape == (50, 39) == (50, gp.size)
    np.testing.assert_allclose((basis * root**2) @ basis.T, k(x).eval(), atol=1e-12)


def test_basis_functions_in_a_model():
    """One set of coefficients at two sets of inputs; the spectrum has derivatives."""
    ell = pt.random.gamma(4, 2, name="ell")
    gp = pt.gp.HSGP(pt.gp.matern52(ell), 15, L=8.0, mean=0.5)
    z = pt.random.normal(0, 1, shape=gp.size, name="z")
    f, new = gp.prior("f", X, z), gp.prior("new", NEW, z)
    y = pt.random.normal(f, 0.3, name="y")
    posterior = pt.condition({y: Y}, track=[new], target="machine")
    q = RNG.normal(size=posterior.dim)
    values = posterior.constrain(q)
    own = pt.gp.HSGP(pt.gp.matern52(float(values["ell"])), 15, L=8.0)
    basis, root = (v.eval() for v in own.prior_linearized(NEW))
    np.testing.assert_allclose(values["new"], 0.5 + basis @ (root * values["z"]), rtol=1e-10)
    _, gradient = posterior.logp_and_grad(q)
    steps = 1e-6 * np.eye(len(q))[:3]
    numeric = [(posterior.logp_and_grad(q + h)[0] - posterior.logp_and_grad(q - h)[0]) / 2e-6
               for h in steps]  # fmt: skip
    np.testing.assert_allclose(gradient[:3], numeric, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message", "kind"),
    [
        (lambda: pt.gp.HSGP(pt.gp.exp_quad(), 5).prior("f", X), "give L, or c and X", GraphError),
        (lambda: pt.gp.HSGP(pt.gp.linear(), 5, L=9.0).prior("f", X), "no spectral", GraphError),
        (lambda: pt.gp.HSGP(pt.gp.exp_quad(), 5, L=2.0).prior("f", X), "outside", ValueError),
        (
            lambda: pt.gp.HSGP(pt.gp.exp_quad(), 5, L=9.0).prior("f", np.ones((3, 2))),
            "m=5 is for 1 coordinates",
            GraphError,
        ),
        (
            lambda: pt.gp.HSGP(pt.gp.exp_quad(), 5, L=9.0).prior("f", X, np.ones(4)),
            "z has shape (4,)",
            GraphError,
        ),
        (
            lambda: pt.gp.KroneckerGP([pt.gp.exp_quad()]).prior("f", [X, X]),
            "Xs is 2 arrays, and there are 1",
            GraphError,
        ),
        (
            lambda: pt.gp.SparseGP(pt.gp.exp_quad(), approx="x").marginal("y", X, U, 0.1),
            "approx='x'",
            GraphError,
        ),
    ],
)
def test_messages(make, message, kind):
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value) and __file__ in str(caught.value)


def test_draws_on_a_grid_move_with_the_covariance():
    """Each draw by half of dS @ inv(S) @ x, which moves the covariance by dS; also where
    eigenvalues are equal."""
    theta, x = pt.vector("theta", shape=(3,)), np.linspace(0, 1, 4)
    scale, length, noise = (pt.exp(theta[k]) for k in range(3))
    gp = pt.gp.KroneckerGP([scale * pt.gp.exp_quad(length), pt.gp.constant(1.0)])
    y = gp.marginal("y", [x, np.arange(3.0)], noise=noise)
    slopes = pt.jacobian(y, theta)
    found, moved = pt.function([theta], [y, slopes], target="machine", seed=1)([0.2, -0.3, -0.5])

    def covariance(a, b, c):
        near = np.exp(a - 0.5 * (np.subtract.outer(x, x) / np.exp(b)) ** 2)
        return np.kron(near, np.ones((3, 3))) + np.exp(2 * c) * np.eye(12)

    at = np.array([0.2, -0.3, -0.5])
    for k, step in enumerate(1e-6 * np.eye(3)):
        change = (covariance(*(at + step)) - covariance(*(at - step))) / 2e-6
        exact = 0.5 * change @ np.linalg.solve(covariance(*at), found)
        np.testing.assert_allclose(moved[:, k], exact, rtol=1e-6, atol=1e-8)
