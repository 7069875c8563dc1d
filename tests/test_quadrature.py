"""`pt.quad` against closed forms."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.quadrature import rule


@pytest.mark.parametrize(("n", "degree", "of_gauss"), [(15, 23, 13), (21, 31, 19)])
def test_rules_are_exact_for_polynomials(n, degree, of_gauss):
    for intervals in (1, 3):
        x, w, g = rule(n, intervals)
        assert len(x) == n * intervals
        for k in range(degree):
            exact = (1 - (-1) ** (k + 1)) / (k + 1)
            assert abs(np.sum(w * x**k) - exact) < 1e-15
            assert k > of_gauss or abs(np.sum(g * x**k) - exact) < 1e-15


def test_integrals_and_their_derivatives(target):
    """By limits and parameters, over finite and infinite ranges, of vectors too."""
    a, b, s, w = pt.scalar("a"), pt.vector("b"), pt.scalar("s"), pt.vector("w")
    finite = pt.quad(lambda x: pt.exp(-s * x), a, b)
    inverse = pt.quad(lambda x, s: x * pt.exp(-s * x), b[0], np.inf, (s,))
    normal = pt.quad(lambda x: pt.exp(-s * x * x / 2) * w, -np.inf, np.inf)
    below = pt.quad(lambda x: pt.exp(x), -np.inf, a)
    back = pt.quad(lambda x: pt.exp(x), a, -np.inf)
    wide = pt.quad(lambda x: pt.log(x), a, 100.0)
    slopes = pt.grad(pt.sum(finite.integral), [a, b, s])
    f = pt.function(
        [a, b, s, w],
        [finite.integral, *slopes, inverse.integral, normal.integral, pt.grad(below.integral, a),
         back.integral, *wide],
    )  # fmt: skip
    at, to, rate, weight = 0.5, np.array([1.0, 2.5]), 1.7, np.array([1.0, -2.0, 3.0])
    found = f(at, to, rate, weight)
    primitive = np.exp(-rate * np.array([at, *to])) / rate
    np.testing.assert_allclose(found[0], primitive[0] - primitive[1:], rtol=1e-14)
    np.testing.assert_allclose(found[1], -2 * np.exp(-rate * at), rtol=1e-13)
    np.testing.assert_allclose(found[2], np.exp(-rate * to), rtol=1e-13)
    by_rate = -(np.array([at, *to]) + 1 / rate) * primitive
    np.testing.assert_allclose(found[3], np.sum(by_rate[0] - by_rate[1:]), rtol=1e-13)
    np.testing.assert_allclose(found[4], (1 + rate) / rate**2 * np.exp(-rate), rtol=1e-12)
    np.testing.assert_allclose(found[5], weight * np.sqrt(2 * np.pi / rate), rtol=1e-10)
    np.testing.assert_allclose(found[6], np.exp(at), rtol=1e-10)
    np.testing.assert_allclose(found[7], -np.exp(at), rtol=1e-10)
    exact = 100 * (np.log(100) - 1) - at * (np.log(at) - 1)
    assert 1e-8 < abs(found[8] - exact) < found[9]


def test_wrong_arguments_are_refused_by_name():
    for options in ({"n": 7}, {"intervals": 0}):
        with pytest.raises(GraphError, match="quad: "):
            pt.quad(pt.exp, 0.0, 1.0, **options)
