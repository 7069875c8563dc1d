"""Terms that data choose between are summed over the rows of each branch."""

import numpy as np
import pytest
from scipy import special, stats

import probtensor as pt

RNG = np.random.default_rng(5)
MIXED = RNG.binomial(1, 0.6, 40) * RNG.gamma(2.0, 1.5, 40)
DATA = {"mixed": MIXED, "zeros": np.zeros(40), "positive": MIXED + 0.5}


def hurdle(y, target="interp"):
    psi = pt.random.beta(2.0, 2.0, name="psi")
    alpha, beta = (pt.random.half_normal(3.0, name=name) for name in ("alpha", "beta"))
    rows = pt.random.hurdle_gamma(psi, alpha, beta, shape=len(y), name="y")
    return pt.condition({rows: y}, target=target)


def hurdle_by_hand(y, psi, alpha, beta):
    chances = np.where(y == 0, np.log1p(-psi), np.log(psi))
    positive = stats.gamma(alpha, scale=1 / beta).logpdf(np.where(y == 0, 1.0, y))
    return np.sum(chances + np.where(y == 0, 0.0, positive))


@pytest.fixture(scope="module")
def posterior():
    return hurdle(MIXED)


@pytest.mark.parametrize("name", DATA)
def test_the_density_is_that_of_all_rows(name, posterior):
    """Also where one of the branches has no rows."""
    first, other = [0.4, 1.5, 0.7], [0.9, 0.6, 2.0]
    own = posterior.with_data({"y": DATA[name]})
    at = [own.unconstrain(dict(zip(("psi", "alpha", "beta"), p))) for p in (first, other)]
    none = posterior.with_data({"y": DATA["zeros"]})
    by_hand = [hurdle_by_hand(DATA[name], *p) - hurdle_by_hand(DATA["zeros"], *p)
               for p in (first, other)]  # fmt: skip
    found = [own.logp(q) - none.logp(q) for q in at]
    np.testing.assert_allclose(found, by_hand, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", DATA)
def test_slopes_are_those_of_the_density(name, posterior):
    own = posterior.with_data({"y": DATA[name]})
    q = np.array([0.3, -0.2, 0.4])
    _, slope = own.logp_and_grad(q)
    step = 1e-6
    moved = [(own.logp(q + step * e) - own.logp(q - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(slope, moved, rtol=1e-6, atol=1e-6)


def test_no_loop_over_rows_is_left_of_sums_of_data(posterior):
    """Numbers alone: the sums of the data of each branch are known once these are bound."""
    assert "for " not in posterior.function.explain("kernels")


def regression(y, x):
    b = pt.random.normal(0.0, 1.0, shape=2, name="b")
    eta = pt.data(x, name="x", dims=("row", "column")) @ b
    y = pt.data(y, name="y", dims="row")
    absent = y < 0
    term = pt.where(absent, pt.log_sigmoid(eta), -0.5 * pt.square(y - pt.exp(eta)))
    return pt.condition({}, potentials=[pt.potential(pt.sum(term), name="terms")])


def test_rows_of_a_regression_are_computed_in_their_branch_alone():
    x, y = RNG.normal(size=(30, 2)), np.where(RNG.random(30) < 0.3, -1.0, RNG.normal(1.0, 1.0, 30))
    own = regression(y, x)
    b = np.array([0.2, -0.4])
    eta = x @ b
    wanted = np.sum(np.where(y < 0, special.log_expit(eta), -0.5 * (y - np.exp(eta)) ** 2))
    wanted += stats.norm.logpdf(b).sum()
    np.testing.assert_allclose(own.logp(b), wanted, rtol=1e-12)
    text = own.function.explain("kernels")
    over_rows = [row for row in text.splitlines() if "y1[" not in row]  # but the gradient of few
    assert "where(" not in "".join(over_rows)
    assert text.count("pt_log_sigmoid(") == text.count("pt_exp(") == 1
    # Other data have other rows.
    np.testing.assert_allclose(
        own.with_data({"y": np.full(30, -1.0)}).logp(b),
        special.log_expit(eta).sum() + stats.norm.logpdf(b).sum(), rtol=1e-12,
    )  # fmt: skip


def test_a_branch_without_rows_may_be_impossible():
    """Its density of 0 counts as often as it has rows: not at all."""
    mu = pt.random.normal(0.0, 1.0, name="mu")
    y = pt.data(np.array([1.0, 2.0, 0.5]), name="y")
    term = pt.where(y == 0, pt.log(0.0 * pt.exp(mu)), -pt.square(y - mu))
    own = pt.condition({}, potentials=[pt.potential(pt.sum(term), name="terms")])
    q = np.array([0.3])
    value, slope = own.logp_and_grad(q)
    wanted = stats.norm.logpdf(0.3) - np.sum((np.array([1.0, 2.0, 0.5]) - 0.3) ** 2)
    np.testing.assert_allclose(value, wanted, rtol=1e-12)
    assert np.isfinite(slope).all()
    assert own.with_data({"y": np.array([1.0, 0.0, 0.5])}).logp(q) == -np.inf


def test_variables_with_a_value_in_each_row_are_chosen_in_place():
    """Parts of them would be gathered, and their gradients scattered."""
    z = pt.random.normal(0.0, 1.0, shape=6, name="z")
    y = pt.data(np.array([0.0, 1.0, 0.0, 2.0, 1.0, 0.0]), name="y")
    term = pt.where(y == 0, -pt.exp(z), y * z)
    own = pt.condition({}, potentials=[pt.potential(pt.sum(term), name="terms")])
    assert "where(" in own.function.explain("kernels")


def test_both_native_targets_give_the_same_bits():
    q = np.array([0.3, -0.2, 0.4])
    found = [hurdle(MIXED, target).logp_and_grad(q) for target in ("machine", "cython")]
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])
