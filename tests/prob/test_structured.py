"""Supports of vectors and matrices and their bijectors: onto the support, back, Jacobians by
autodiff for many sizes, far out, in batches, and in models of flat variables."""

import pickle

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.prob.bijectors.choice import bijector_for
from probtensor.prob.distributions.multivariate.supports import ZeroSum
from probtensor.prob.model.data import evaluate
from probtensor.transform.jacobians import stacked_jacobian

B, R = pt.bijectors, pt.random


def below(x):
    return x[np.tril_indices(x.shape[-1], -1)]


def upto(x):
    return x[np.tril_indices(x.shape[-1])]


def whole(x):
    return pt.ravel(x)


# support -> shapes, and the entries that its density is one of; None for volumes on a plane.
SUPPORTS = {
    "positive ordered": (pt.positive_ordered(), [(1,), (7,), (50,)], whole),
    "simplex": (pt.simplex(), [(1,), (2,), (50,)], lambda x: x[:-1]),
    "zero sum": (pt.zero_sum(), [(1,), (2,), (50,)], None),
    "zero sum, two axes": (pt.zero_sum(2), [(2, 2), (5, 9)], None),
    "l1 ball": (pt.l1_ball(), [(1,), (3,), (12,)], whole),
    "rows": (pt.row_stochastic(), [(1, 2), (3, 4)], lambda x: pt.ravel(x[:, :-1])),
    "columns": (pt.column_stochastic(), [(2, 1), (4, 3)], lambda x: pt.ravel(x[:-1])),
    "correlation": (pt.corr_matrix(), [(1, 1), (2, 2), (10, 10)], below),
    "correlation factor": (pt.cholesky_factor_corr(), [(1, 1), (2, 2), (10, 10)], below),
    "covariance": (pt.cov_matrix(), [(1, 1), (2, 2), (8, 8)], upto),
    "covariance factor": (pt.cholesky_factor_cov(), [(1, 1), (2, 2), (9, 9)], upto),
}
CASES = {
    f"{name} {'x'.join(map(str, shape))}": (support, shape, entries)
    for name, (support, shapes, entries) in SUPPORTS.items()
    for shape in shapes
}
each = pytest.mark.parametrize("case", CASES)


def contains(support, value):
    """Whether a support has a value, as an array and as a tensor, which agree."""
    found = np.asarray(support.contains(value))
    (other,) = evaluate([pt.as_tensor(support.contains(pt.as_tensor(value)))], {})
    np.testing.assert_array_equal(found, other)
    return found.all()


@each
def test_there_and_back_and_the_jacobian_of_autodiff(case):
    support, shape, entries = CASES[case]
    bijector = bijector_for(support)
    inner = bijector.unconstrained_shape(shape)
    flat = pt.vector("u", shape=(int(np.prod(inner, dtype=int)),))
    u = pt.reshape(flat, inner)
    x, slope = bijector.forward(u), bijector.log_jacobian(u)
    slope = pt.as_tensor(0.0) if slope is None else pt.sum(slope)
    assert x.shape == shape
    # A matrix near a singular one is rounded, and its factor with it.
    scale = 0.4 if case.startswith("correlation ") else 1.0
    places = scale * np.random.default_rng(len(case)).normal(size=flat.shape)
    moved = whole(x) if entries is None else entries(x)
    jacobian = stacked_jacobian(moved, flat)
    found = evaluate([x, bijector.inverse(x), slope, jacobian], {flat: places})
    value, back, got, matrix = found
    assert contains(support, value)
    np.testing.assert_allclose(back.ravel(), places, rtol=1e-12, atol=1e-12)
    if entries is None:  # lengths are kept, and so are volumes
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(len(places)), atol=1e-13)
        assert got == 0
    else:
        sign, wanted = np.linalg.slogdet(matrix)
        assert sign != 0 and np.isclose(got, wanted, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("name", SUPPORTS)
def test_far_out_and_in_batches(name):
    """At u = -700, 700 and beside them values and Jacobians are finite, and leading axes are a
    batch."""
    support, shapes, _ = SUPPORTS[name]
    bijector, shape = bijector_for(support), shapes[-1]
    inner = bijector.unconstrained_shape(shape)
    far = 340.0 if name == "covariance" else 700.0  # whose entries are squares
    places = np.random.default_rng(1).choice([-far, 0.0, 0.5, far], size=(5, *inner))
    places[0], places[1] = far, -far
    u = pt.tensor("u", (5, *inner))
    slope = bijector.log_jacobian(u)
    slope = pt.zeros(5) if slope is None else slope
    value, slope = evaluate([bijector.forward(u), slope], {u: places})
    assert np.isfinite(value).all() and np.isfinite(slope).all() and slope.shape == (5,)
    one = pt.tensor("one", inner)
    single = bijector.forward(one)
    rows = [evaluate([single], {one: place})[0] for place in places]
    np.testing.assert_allclose(value, rows, rtol=1e-13, atol=1e-300)


def test_directions_keep_their_density():
    """log |dx/du| of spheres is the density of the length of a normal vector over the area."""
    rng = np.random.default_rng(2)
    for bijector, size in ((B.UnitVector(), 2), (B.UnitVector(), 5), (B.Circular(), 2)):
        u = pt.tensor("u", (4, size))
        places = rng.normal(size=u.shape)
        x, slope = evaluate([bijector.forward(u), bijector.log_jacobian(u)], {u: places})
        length = np.linalg.norm(places, axis=1)
        wanted = stats.chi(size).logpdf(length) - (size - 1) * np.log(length)
        np.testing.assert_allclose(slope, wanted, rtol=1e-13)
        if isinstance(bijector, B.UnitVector):
            np.testing.assert_allclose(x, places / length[:, None], rtol=1e-14)
        else:
            np.testing.assert_allclose(x, np.arctan2(places[:, 1], places[:, 0]), rtol=1e-14)
    far = np.array([[3e200, 4e200], [3e-200, -4e-200], [0.0, 0.0]])
    got = evaluate([B.UnitVector().forward(pt.as_tensor(far))], {})[0]
    np.testing.assert_allclose(got, [[0.6, 0.8], [0.6, -0.8], [1.0, 0.0]], rtol=1e-15)


def test_free_angles_have_no_ends():
    """The density of a von Mises variable is continuous where its angle jumps from pi to -pi."""
    angle = R.von_mises(3.0, 1.5, name="angle")
    posterior = pt.condition({R.normal(pt.sin(angle), 1.0, name="y"): 0.2}, target="interp")
    at, below = [posterior.logp_and_grad([-1.0, e]) for e in (1e-12, -1e-12)]
    assert np.isclose(at[0], below[0], rtol=1e-11)
    np.testing.assert_allclose(at[1], below[1], rtol=1e-9)
    assert abs(posterior.constrain([-1.0, -1e-12])["angle"] + np.pi) < 1e-11
    with pytest.raises(ValueError, match="angle must be a number in"):
        posterior.unconstrain({"angle": 3.2})


def test_supports_exclude_what_is_beside_them():
    eye = np.eye(3)
    turned = eye.copy()
    turned[0, 2] = 0.1
    outside = [
        (pt.simplex(), [0.5, 0.6]),
        (pt.unit_vector(), [1.0, 0.1]),
        (pt.zero_sum(), [1.0, -1.001]),
        (pt.zero_sum(2), [[1.0, -1.0], [1.0, -1.0]]),
        (pt.l1_ball(), [0.6, -0.5]),
        (pt.positive_ordered(), [-1.0, 1.0]),
        (pt.row_stochastic(), [[0.5, 0.5], [0.6, 0.5]]),
        (pt.column_stochastic(), [[0.5, 0.5], [0.6, 0.5]]),
        (pt.corr_matrix(), 2 * eye),
        (pt.corr_matrix(), turned),
        (pt.cov_matrix(), turned),
        (pt.cov_matrix(), np.ones((3, 3))),
        (pt.cholesky_factor_corr(), 2 * eye),
        (pt.cholesky_factor_cov(), turned),
        (pt.cholesky_factor_cov(), -eye),
        (pt.circular(), 3.2),
    ]
    for support, value in outside:
        assert not contains(support, np.asarray(value)), (support, value)
    assert contains(ZeroSum(2), np.array([[1.0, -1.0], [-1.0, 1.0]]))


MODEL = {
    "simplex": (pt.simplex(), (3,)),
    "ordered": (pt.positive_ordered(), (3,)),
    "zero": (pt.zero_sum(2), (2, 3, 4)),
    "unit": (pt.unit_vector(), (2, 3)),
    "angle": (pt.circular(), (2,)),
    "ball": (pt.l1_ball(), (3,)),
    "rows": (pt.row_stochastic(), (2, 3)),
    "columns": (pt.column_stochastic(), (2, 3)),
    "corr": (pt.corr_matrix(), (2, 3, 3)),
    "cov": (pt.cov_matrix(), (3, 3)),
    "factor_corr": (pt.cholesky_factor_corr(), (3, 3)),
    "factor_cov": (pt.cholesky_factor_cov(), (2, 3, 3)),
}


def test_a_model_of_flat_variables_on_all_of_them(gradient_error):
    free = {
        name: R.flat(shape=shape, constraint=support, name=name)
        for name, (support, shape) in MODEL.items()
    }
    total = sum(pt.sum(pt.sin(x)) for x in free.values())
    y = R.normal(total, 1.0, name="y")
    posterior = pt.condition({y: 0.5}, target="machine")
    assert not posterior.guarded
    q = np.random.default_rng(3).normal(size=posterior.dim)
    values = posterior.constrain(q)
    for name, (support, shape) in MODEL.items():
        assert values[name].shape == shape and contains(support, values[name]), name
    jacobians = [t for t in posterior.terms(q).terms if t.what == "the log-Jacobian"]
    density = stats.norm(sum(np.sin(v).sum() for v in values.values()), 1).logpdf(0.5)
    wanted = density + sum(t.value for t in jacobians)
    assert np.isclose(posterior.logp(q), wanted, rtol=1e-13)
    assert gradient_error(posterior, q) < 1e-6
    back = posterior.unconstrain(values)
    again = posterior.constrain(back)
    for name, value in values.items():  # a direction has many vectors
        np.testing.assert_allclose(again[name], value, rtol=1e-11, atol=1e-12)
    expanded = posterior.expand(np.stack([q, q]))
    for name, value in values.items():
        np.testing.assert_allclose(expanded[name][1], value, rtol=1e-13, atol=1e-15)
    other = pickle.loads(pickle.dumps(posterior))
    assert other.logp(q) == posterior.logp(q)
    assert posterior.variable_of(0) == "simplex[0]"
    wrong = values | {"corr": 1.1 * values["corr"]}
    with pytest.raises(ValueError, match="corr must be a symmetric positive definite matrix with"):
        posterior.unconstrain(wrong)


@pytest.fixture
def gradient_error():
    def error(posterior, q, step=1e-6):
        """The largest difference between the gradient and that of differences."""
        gradient = posterior.logp_and_grad(q)[1]
        moves = step * np.eye(len(q))
        found = [(posterior.logp(q + m) - posterior.logp(q - m)) / (2 * step) for m in moves]
        return np.max(np.abs(gradient - found) / (1 + np.abs(gradient)))

    return error


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: R.flat(shape=(2, 3), constraint=pt.cov_matrix()), ["square", "(2, 3)"]),
        (lambda: R.flat(constraint=pt.simplex()), ["needs an axis", "shape="]),
        (lambda: R.normal(0, 1, shape=3, constraint=pt.simplex()), ["pt.random.flat"]),
        (lambda: R.half_flat(shape=3, constraint=pt.unit_vector()), ["half_flat"]),
        (lambda: pt.zero_sum(0), ["1, 2, ..."]),
        (lambda: pt.draw(R.flat(shape=3, constraint=pt.simplex())), ["no proper density"]),
    ],
)
def test_a_bad_call_says_what_is_wrong_and_where(call, words):
    with pytest.raises(pt.GraphError) as error:
        call()
    text = str(error.value)
    assert all(word in text for word in words) and __file__ in text, text
    assert len(text.splitlines()) <= 8


def test_a_covariance_that_is_a_product_of_its_factor_needs_no_other_factor():
    """Neither the density of free covariances nor systems and determinants of them."""
    cov = R.flat(shape=(4, 4), constraint=pt.cov_matrix(), name="cov")
    stds = R.half_normal(1.0, shape=4, name="stds")
    chol, corr, _ = R.lkj_cov(4, 2.0, stds)
    scaled = R.multivariate_normal(0.0, chol, name="b")
    y = R.multivariate_normal(scaled, cov=cov, name="y")
    posterior = pt.condition({y: np.ones(4)}, target="machine")
    names = posterior.function.explain("graph")
    assert "cholesky_gradient" not in names
    final = posterior.function.explain("kernels")
    assert "pt_cholesky(" not in final
    written = pt.linalg.slogdet(corr).logabsdet + pt.sum(pt.linalg.inv(corr))
    other = pt.condition({R.normal(written, 1.0, name="z"): 0.0}, target="machine")
    assert "pt_cholesky(" not in other.function.explain("kernels")
    assert "pt_lu" not in other.function.explain("kernels")


def test_a_declared_factor_is_the_factor_of_its_product():
    rng = np.random.default_rng(4)
    lower = np.tril(rng.normal(size=(3, 3)), -1) + np.diag([0.5, 1.0, 2.0])
    x = pt.matrix("x", shape=(3, 3))
    s = pt.exp(pt.vector("s", shape=(3,)))
    factor = s[:, None] * pt.assume(x, lower_triangular=True, positive_diagonal=True)
    f = pt.function([x, s.inputs[0]], pt.linalg.cholesky(factor @ factor.mT), target="interp")
    assert "cholesky" not in f.explain("kernels")
    logs = rng.normal(size=3)
    np.testing.assert_allclose(f(lower, logs), np.exp(logs)[:, None] * lower, rtol=1e-15)
