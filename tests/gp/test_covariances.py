"""Covariance functions: formulas pair by pair, exact diagonals, derivatives at distance 0."""

import math

import numpy as np
import pytest

import probtensor as pt
from probtensor.gp.covariance import UNROLLED
from probtensor.graph import GraphError

gp = pt.gp
ELL = np.array([0.7, 1.6])


def r(a, b, ell=ELL):
    return math.dist(a / ell, b / ell)


def circle(a, b, period=3.0, tau=5.0):
    t = abs(a[1] - b[1]) % period
    t = 2 * min(t, period - t) / period
    return (1 + tau * t) * (1 - t) ** tau


def gibbs(a, b):
    la, lb = 1 + a**2, 1 + b**2
    return np.prod(
        np.sqrt(2 * la * lb / (la**2 + lb**2)) * np.exp(-((a - b) ** 2) / (la**2 + lb**2))
    )


def wave(a):
    return np.concatenate([np.sin(2 * np.pi * a / 3.0), np.cos(2 * np.pi * a / 3.0)])


CASES = {
    "exp_quad": (gp.exp_quad(ELL, 1.5), lambda a, b: 2.25 * np.exp(-0.5 * r(a, b) ** 2)),
    "matern12": (gp.matern12(ELL), lambda a, b: np.exp(-r(a, b))),
    "exponential": (gp.exponential(ELL), lambda a, b: np.exp(-r(a, b))),
    "matern32": (
        gp.matern32(ELL),
        lambda a, b: (1 + 3**0.5 * r(a, b)) * np.exp(-(3**0.5) * r(a, b)),
    ),
    "matern52": (
        gp.matern52(ELL, 2.0),
        lambda a, b: (
            4 * (1 + 5**0.5 * r(a, b) + 5 / 3 * r(a, b) ** 2) * np.exp(-(5**0.5) * r(a, b))
        ),
    ),
    "rat_quad": (gp.rat_quad(0.6, ELL), lambda a, b: (1 + r(a, b) ** 2 / 1.2) ** -0.6),
    "powered_exponential": (
        gp.powered_exponential(1.3, ELL),
        lambda a, b: np.exp(-(r(a, b) ** 1.3)),
    ),
    "periodic": (
        gp.periodic([2.0, 3.0], ELL, 1.5),
        lambda a, b: 2.25 * np.exp(-2 * np.sum((np.sin(np.pi * (a - b) / [2, 3]) / ELL) ** 2)),
    ),
    "cosine": (gp.cosine(ELL), lambda a, b: np.cos(2 * np.pi * np.sum((a - b) / ELL))),
    "circular": (gp.circular(3.0, 5.0, active_dims=1), circle),
    "constant": (gp.constant(2.5), lambda a, b: 2.5),
    "linear": (gp.linear([0.5, -1.0]), lambda a, b: (a - [0.5, -1]) @ (b - [0.5, -1])),
    "polynomial": (gp.polynomial(3, 0.5, 0.2), lambda a, b: ((a - 0.2) @ (b - 0.2) + 0.5) ** 3),
    "brownian": (gp.brownian(2.0, active_dims=1), lambda a, b: 4 * min(a[1], b[1])),
    "gibbs": (gp.gibbs(lambda x: 1 + x**2), gibbs),
    "warped_input": (
        gp.warped_input(gp.exp_quad(), pt.exp),
        lambda a, b: np.exp(-0.5 * np.sum((np.exp(a) - np.exp(b)) ** 2)),
    ),
    "wrapped_periodic": (
        gp.wrapped_periodic(gp.exp_quad(), 3.0),
        lambda a, b: np.exp(-0.5 * np.sum((wave(a) - wave(b)) ** 2)),
    ),
    "scaled": (
        gp.scaled(gp.exp_quad(), lambda x: 1 + x[:, 1]),
        lambda a, b: (1 + a[1]) * (1 + b[1]) * np.exp(-0.5 * np.sum((a - b) ** 2)),
    ),
    "kron": (
        gp.kron([gp.exp_quad(), gp.linear()]),
        lambda a, b: np.exp(-0.5 * (a[0] - b[0]) ** 2) * a[1] * b[1],
    ),
    "algebra": (
        2.0 * gp.exp_quad(ELL, active_dims=[0, 1]) ** 2
        + gp.linear(active_dims=0) * gp.matern12(active_dims=(1,))
        + 0.5,
        lambda a, b: 2 * np.exp(-(r(a, b) ** 2)) + a[0] * b[0] * np.exp(-abs(a[1] - b[1])) + 0.5,
    ),
}
RNG = np.random.default_rng(5)
X = RNG.uniform(0.1, 2.0, (6, 2))
X[3] = X[1]  # equal inputs
Y = np.concatenate([RNG.uniform(0.1, 2.0, (3, 2)), X[:1]])


def test_formulas_symmetry_and_diagonals():
    """Against formulas pair by pair: symmetric to the bit, the diagonal is exact."""
    x, y = pt.matrix("x", shape=(6, 2)), pt.matrix("y", shape=(4, 2))
    outputs = [[k(x), k(x, y), k.diag(x)] for k, _ in CASES.values()]
    found = pt.function([x, y], outputs, target="machine")(X, Y)
    for name, (own, across, diagonal) in zip(CASES, found, strict=True):
        formula = CASES[name][1]
        expected = [[formula(a, b) for b in X] for a in X]
        np.testing.assert_allclose(own, expected, rtol=1e-12, atol=1e-14, err_msg=name)
        expected = [[formula(a, b) for b in Y] for a in X]
        np.testing.assert_allclose(across, expected, rtol=1e-12, atol=1e-14, err_msg=name)
        assert (own == own.T).all(), name
        np.testing.assert_allclose(np.diag(own), diagonal, rtol=1e-14, err_msg=name)


def test_every_function_of_the_module_is_tested():
    made = {name for name in gp.__all__ if name[0].islower() and "mean" not in name}
    assert made - set(CASES) == {"white_noise", "coregion", "hsgp_parameters"}


def test_derivatives_are_those_of_differences_also_at_equal_inputs():
    """First and second derivatives of a sum of entries by length scales, and of one entry by inputs
    that meet: finite, and as of the formulas."""
    ell = pt.vector("ell", shape=(2,))
    weights = RNG.normal(size=(6, 6))
    kinds = (gp.exp_quad, gp.matern12, gp.matern32, gp.matern52,
             lambda s: gp.rat_quad(0.6, s), lambda s: gp.powered_exponential(1.3, s))  # fmt: skip
    sums = [pt.sum(k(ell)(X) * weights) for k in kinds]
    outputs = [[s, pt.grad(s, ell), pt.hessian(s, ell)] for s in sums]
    f = pt.function([ell], outputs, target="machine")
    step = 1e-5
    ahead = [[f(ELL + h * e) for h in (step, -step)] for e in np.eye(2)]
    for k, (_, gradient, hessian) in enumerate(f(ELL)):
        numeric = [(a[k][0] - b[k][0]) / (2 * step) for a, b in ahead]
        np.testing.assert_allclose(gradient, numeric, rtol=1e-7, atol=1e-8)
        numeric = [(a[k][1] - b[k][1]) / (2 * step) for a, b in ahead]
        np.testing.assert_allclose(hessian, numeric, rtol=1e-6, atol=1e-7)


def test_the_covariance_of_slopes_where_inputs_meet():
    """d2 k(a, b) / da db at a = b is minus the second derivative at distance 0."""
    a, b = pt.scalar("a"), pt.scalar("b")
    slopes = {1 / 4: gp.exp_quad(2.0), 3 / 4: gp.matern32(2.0), 5 / 12: gp.matern52(2.0),
              np.pi**2: gp.cosine(2.0), 0.3: gp.rat_quad(0.5, 0.3**-0.5)}  # fmt: skip
    for expected, k in slopes.items():
        slope = pt.grad(k(a[None], b[None])[0, 0], a)
        found = [pt.grad(slope, b).eval({a: 0.7, b: 0.7}), slope.eval({a: 0.7, b: 0.7})]
        np.testing.assert_allclose(found, [expected, 0.0], rtol=1e-12, atol=1e-15)
    for k in (gp.matern12(), gp.powered_exponential(0.5)):
        assert pt.grad(k(a[None], b[None])[0, 0], a).eval({a: 0.7, b: 0.7}) == 0


def test_small_distances_far_from_zero_and_many_coordinates():
    far = np.array([1e8, 1e8 + 1, 1e8 + 2])
    np.testing.assert_allclose(gp.exp_quad()(far).eval()[0], np.exp([0, -0.5, -2.0]), rtol=1e-15)
    late = np.array([0.25, 0.75]) + 2.0**30
    for k in (gp.periodic(1.0), gp.cosine(1.0), gp.wrapped_periodic(gp.exp_quad(), 1.0)):
        np.testing.assert_allclose(
            k([0.0], late).eval(), k([0.0], late - 2.0**30).eval(), atol=1e-15
        )
    wide = RNG.normal(size=(4, UNROLLED + 5))
    ell = np.linspace(1, 3, UNROLLED + 5)
    found = gp.exp_quad(ell)(wide).eval()
    expected = [[np.exp(-0.5 * r(a, b, ell) ** 2) for b in wide] for a in wide]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert (found == found.T).all() and (np.diag(found) == 1).all()
    unknown = pt.matrix("unknown")
    np.testing.assert_allclose(gp.matern32()(unknown).eval({unknown: X}), gp.matern32()(X).eval())
    assert gp.matern52()(np.zeros((0, 2))).eval().shape == (0, 0)
    assert gp.exp_quad(np.float32(2))(X.astype("float32")).dtype == "float32"


def test_coregion_and_noise():
    W, kappa = RNG.normal(size=(3, 2)), np.array([0.1, 0.2, 0.3])
    B = W @ W.T + np.diag(kappa)
    which = np.array([0, 2, 1, 2])
    inputs = np.stack([which, RNG.normal(size=4)], axis=1)
    k = gp.coregion(W, kappa) * gp.exp_quad(active_dims=1) + gp.white_noise(0.5)
    smooth = np.exp(-0.5 * (inputs[:, 1][:, None] - inputs[:, 1]) ** 2)
    expected = B[np.ix_(which, which)] * smooth
    np.testing.assert_allclose(k(inputs).eval(), expected + 0.25 * np.eye(4), rtol=1e-13)
    np.testing.assert_allclose(k(inputs, inputs).eval(), expected, rtol=1e-13)
    np.testing.assert_allclose(k.diag(inputs).eval(), np.diag(expected) + 0.25, rtol=1e-13)
    np.testing.assert_allclose(gp.coregion(B=B)(which).eval(), B[np.ix_(which, which)])


@pytest.mark.parametrize(
    ("make", "message", "kind"),
    [
        (lambda: gp.exp_quad(-1.0), "exp_quad must be a number > 0; it is -1", ValueError),
        (lambda: gp.exp_quad(np.ones((2, 2))), "lengthscale of exp_quad has shape", GraphError),
        (lambda: gp.exp_quad([1.0, 2.0])(np.ones((3, 3))), "has 2 entries", GraphError),
        (lambda: gp.exp_quad(active_dims=4)(X), "active_dims=", GraphError),
        (lambda: gp.exp_quad(active_dims="a"), "active_dims='a'", GraphError),
        (lambda: gp.exp_quad()(X, np.ones((3, 1))), "X has 2 coordinates", GraphError),
        (lambda: gp.exp_quad()(np.ones((3, 3, 3))), "X has shape", GraphError),
        (lambda: gp.exp_quad() ** 0.5, "the power 0.5", GraphError),
        (lambda: gp.exp_quad() * np.ones(3), "a tensor of shape", GraphError),
        (lambda: gp.powered_exponential(2.5), "power of powered_exponential", ValueError),
        (lambda: gp.circular(1.0, tau=2.0), "tau of circular", ValueError),
        (lambda: gp.coregion(np.ones((2, 1))), "give W and kappa, or B", GraphError),
        (lambda: gp.kron([gp.exp_quad()], [1, 2]), "kron: 1 covariance functions", GraphError),
        (lambda: gp.polynomial(1.5), "degree=1.5", GraphError),
        (lambda: gp.coregion(B=np.eye(2))([0.0, 1.5]), "a whole number from 0 to 1", ValueError),
        (lambda: gp.coregion(B=np.eye(2))([0, -1]), "a whole number from 0 to 1", ValueError),
        (lambda: gp.brownian()([-1.0, 1.0]), "the input of brownian must be", ValueError),
        (lambda: gp.gibbs(2.0), "gibbs: lengthscale is a function", GraphError),
        (lambda: gp.scaled(gp.exp_quad(), lambda x: x)(X), "not one number", GraphError),
    ],
)
def test_messages(make, message, kind):
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value) and __file__ in str(caught.value)
