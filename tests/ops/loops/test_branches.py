"""Branches: their values, what is not computed, and what is computed outside of them."""

import numpy as np

import probtensor as pt
from probtensor import ops


def test_results_of_every_form(target):
    """Several results, nested branches, shared work, branches that only read, one function."""
    x, c, d = pt.vector("x"), pt.scalar("c"), pt.scalar("d")
    u = pt.exp(x)
    a, b = pt.ifelse(c > 0, [u, pt.log(x)], [u + 1, pt.sin(x)])
    later = pt.ifelse(d > 0, a + pt.cos(x), b)
    total = pt.ifelse(c > 0, pt.sum(x), 2 * d) + 1
    nested = pt.ifelse(
        c > 0, pt.ifelse(d > 0, pt.tan(x), pt.ifelse(c > 0, pt.cosh(x), pt.sinh(x))), pt.cos(x)
    )
    outputs = (a, b, later, total, nested, pt.ifelse(d, x, u), pt.ifelse(d > 0, c, d))
    f = pt.function([x, c, d], outputs)
    v = np.array([0.5, 2.0, 1.0])
    e = np.exp(v)
    for p in (1.0, -1.0):
        for q in (1.0, 0.0):
            first = e if p > 0 else e + 1
            second = np.log(v) if p > 0 else np.sin(v)
            inner = np.tan(v) if q > 0 else np.cosh(v)
            meant = (
                first, second, first + np.cos(v) if q > 0 else second,
                (v.sum() if p > 0 else 2 * q) + 1, inner if p > 0 else np.cos(v),
                v if q else e, p if q > 0 else q,
            )  # fmt: skip
            for got, want in zip(f(v, p, q), meant, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12)


def test_the_slope_of_a_choice_between_inputs():
    """A choice that needs no branch, since nothing is computed for its alternatives alone."""
    a, b, k = pt.scalar("a"), pt.scalar("b"), pt.scalar("k", dtype="int64")
    two = pt.grad(pt.ifelse(k > 0, a, b) * 3, [a, b])
    three = pt.grad(ops.IfElse()(k, a, b, a) ** 2, [a, b])
    function = pt.function([a, b, k], [*two, *three], target="interp")
    assert [float(g) for g in function(2.0, 5.0, 1)] == [3, 0, 0, 10]
    assert [float(g) for g in function(2.0, 5.0, 0)] == [0, 3, 4, 0]
