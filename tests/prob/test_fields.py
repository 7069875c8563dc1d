"""Fields on graphs: densities and draws beside those of the dense precision matrix, and errors."""

import re

import numpy as np
import pytest
from scipy import sparse, stats

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.transform.autodiff import gradient

r = pt.random
N = 9
RNG = np.random.default_rng(4)


def weights(unit=True):
    """A ring with chords, with weights 1 or others."""
    W = np.zeros((N, N))
    W[np.arange(N), (np.arange(N) + 1) % N] = 1
    W[0, 4] = W[2, 7] = 1
    W = W + W.T
    scales = np.triu(RNG.uniform(0.5, 2.0, (N, N)))
    return W if unit else W * (scales + scales.T)


def lattice(rows, columns):
    """Neighbours on a grid, sparse."""
    index = np.arange(rows * columns).reshape(rows, columns)
    pairs = [(index[1:], index[:-1]), (index[:, 1:], index[:, :-1])]
    first, second = (np.concatenate([np.ravel(p[k]) for p in pairs]) for k in (0, 1))
    W = sparse.coo_matrix((np.ones(len(first)), (first, second)), shape=(index.size,) * 2)
    return W + W.T


def car_logp(x, mu, W, alpha, tau):
    """The normal density with precision tau (D - alpha W), by its determinant."""
    P = tau * (np.diag(W.sum(0)) - alpha * W)
    d = x - mu
    return 0.5 * (np.linalg.slogdet(P)[1] - len(x) * np.log(2 * np.pi) - d @ P @ d)


def icar_logp(x, W, sigma, stdev=0.001):
    """The formula that PyMC documents, for its sigma = 1; with the power of another sigma."""
    i, j = np.nonzero(np.tril(W))
    smooth = -np.sum(W[i, j] * (x[i] - x[j]) ** 2) / (2 * sigma**2)
    scale = stdev * len(x)
    centre = -0.5 * (x.sum() / scale) ** 2 - np.log(np.sqrt(2 * np.pi)) - np.log(scale)
    return smooth + centre - (len(x) - 1) * np.log(sigma)


@pytest.mark.parametrize("target", ["interp", "machine"])
def test_car_is_the_normal_with_its_precision(target):
    mu, tau, alpha, x = pt.vector("mu", shape=(N,)), pt.scalar("tau"), pt.scalar("alpha"), None
    x = pt.vector("x", shape=(N,))
    found = {}
    for unit in (True, False):
        W = weights(unit)
        y = pt.logp(r.car(mu, sparse.csr_array(W) if unit else W, alpha, tau), x)
        f = pt.function([x, mu, alpha, tau], [y, *gradient(y, [x, alpha, tau])], target=target)
        for a in (-0.99, -0.3, 0.0, 0.4, 0.999):
            point, centre = RNG.normal(size=(2, N))
            value, by_x, by_alpha, by_tau = f(point, centre, a, 1.7)
            np.testing.assert_allclose(value, car_logp(point, centre, W, a, 1.7), rtol=1e-12)
            D, d = np.diag(W.sum(0)), point - centre
            P = D - a * W
            np.testing.assert_allclose(by_x, -1.7 * P @ d, rtol=1e-11, atol=1e-12)
            slope = 0.5 * (1.7 * d @ W @ d - np.trace(np.linalg.solve(P, W)))
            np.testing.assert_allclose(by_alpha, slope, rtol=1e-10, atol=1e-10)
            np.testing.assert_allclose(by_tau, 0.5 * (N / 1.7 - d @ P @ d), rtol=1e-11, atol=1e-11)
        found[unit] = [f(np.ones(N), np.zeros(N), a, 1.0)[0] for a in (1.0, -1.5, np.nan)]
    for own in found.values():
        assert own[:2] == [-np.inf, -np.inf] and np.isnan(own[2])


def test_smooth_fields_of_strong_dependence_are_exact():
    """Where alpha is close to 1, the sum of D x^2 and that over edges all but cancel; and close to
    -1 in a field whose signs alternate, on a graph of two kinds of nodes."""
    W, x = weights(), 1e6 + RNG.normal(size=N)
    grid = lattice(3, 3).toarray()
    signs = (-1.0) ** np.arange(9)
    gap = 2.0**-40
    for s, own, at in ((1, W, x), (-1, grid, signs * x)):
        alpha = s * (1 - gap)
        found = pt.logp(r.car(0.0, own, alpha, 1.0), at).eval()
        i, j = np.nonzero(np.tril(own))
        D = own.sum(0)
        exact = gap * np.sum(D * at**2) + (1 - gap) * np.sum((at[i] - s * at[j]) ** 2)
        values = s * np.linalg.eigvalsh(own / np.sqrt(np.outer(D, D)))
        values = np.sort(values)[:-1]  # without that of 1
        heights = np.log(D).sum() + np.log1p(-(1 - gap) * values).sum() + np.log(gap)
        wanted = 0.5 * (heights - N * np.log(2 * np.pi) - exact)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_icar_is_the_documented_formula():
    W, own = weights(), weights(False)
    x, sigma = pt.vector("x", shape=(N,)), pt.scalar("sigma")
    outputs = [pt.logp(r.icar(W), x), pt.logp(r.icar(own, sigma, 0.01), x)]
    f = pt.function([x, sigma], [*outputs, *gradient(outputs[1], [x, sigma])], target="machine")
    for s in (0.3, 1.0, 4.0):
        point = 0.1 * RNG.normal(size=N)
        value, other, by_x, by_sigma = f(point, s)
        np.testing.assert_allclose(value, icar_logp(point, W, 1.0), rtol=1e-12)
        np.testing.assert_allclose(other, icar_logp(point, own, s, 0.01), rtol=1e-12)
        D = np.diag(own.sum(0))
        slope = -(D - own) @ point / s**2 - point.sum() / (0.01 * N) ** 2
        np.testing.assert_allclose(by_x, slope, rtol=1e-10, atol=1e-10)
        slope = point @ (D - own) @ point / s**3 - (N - 1) / s
        np.testing.assert_allclose(by_sigma, slope, rtol=1e-11)


def test_unconnected_graphs():
    """Two triangles: a proper CAR, and an ICAR of rank 4 that is improper."""
    triangle = np.ones((3, 3)) - np.eye(3)
    W = np.kron(np.eye(2), triangle)
    x = RNG.normal(size=6)
    np.testing.assert_allclose(
        pt.logp(r.car(0.0, W, 0.7, 2.0), x).eval(), car_logp(x, 0, W, 0.7, 2), rtol=1e-12
    )
    field = r.icar(W, 2.0)
    wanted = icar_logp(x, W, 2.0) + np.log(2.0)
    np.testing.assert_allclose(pt.logp(field, x).eval(), wanted, rtol=1e-12)
    with pytest.raises(GraphError, match="2 unconnected parts") as caught:
        pt.draw(field)
    assert "test_fields.py" in str(caught.value)


def test_draws_have_the_covariance_of_the_precision():
    W = weights(False)
    D = np.diag(W.sum(0))
    fields = {
        "car": (r.car(np.arange(N), W, 0.9, 2.0), np.linalg.inv(2 * (D - 0.9 * W))),
        "icar": (r.icar(W, 0.5, 0.02), np.linalg.inv((D - W) / 0.25 + 1 / (0.02 * N) ** 2)),
    }
    for name, (field, cov) in fields.items():
        x = pt.draw(field, draws=8000, seed=2)
        mean = np.arange(N) if name == "car" else 0.0
        z = np.linalg.solve(np.linalg.cholesky(cov), (x - mean).T)
        np.testing.assert_allclose(np.cov(z), np.eye(N), atol=0.06, err_msg=name)
        assert all(stats.kstest(row, "norm").pvalue > 1e-3 for row in z), name


def test_batches_dims_and_single_precision():
    W = lattice(3, 3)
    alpha, tau = np.array([0.2, -0.8]), np.array([[1.0], [2.0], [3.0]])
    field = r.car(0.0, W, alpha, tau)
    x = RNG.normal(size=(3, 2, N))
    found, drawn = pt.logp(field, x).eval(), pt.draw(field, seed=1)
    assert drawn.shape == field.shape == (3, 2, N) and len(np.unique(drawn)) == x.size
    wanted = [[car_logp(x[i, j], 0.0, W.toarray(), alpha[j], tau[i, 0]) for j in range(2)]
              for i in range(3)]  # fmt: skip
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    several = r.icar(W, [0.5, 2.0])
    wanted = [icar_logp(x[0, j], W.toarray(), s) for j, s in enumerate((0.5, 2.0))]
    np.testing.assert_allclose(pt.logp(several, x[0]).eval(), wanted, rtol=1e-12)
    assert pt.draw(several, seed=1).shape == (2, N)
    single = r.car(np.float32(0.0), W, np.float32(0.5), np.float32(2.0), dims="site")
    assert single.dtype == "float32" and single.op.dims == ("site",)
    own = pt.logp(single, x[0, 0].astype("float32"))
    assert own.dtype == "float32" and pt.draw(single, seed=1).dtype == "float32"
    np.testing.assert_allclose(own.eval(), car_logp(x[0, 0], 0, W.toarray(), 0.5, 2.0), rtol=1e-5)
    one = r.car(0.0, [[0, 2.0], [2.0, 0]], 0.5)
    np.testing.assert_allclose(
        pt.logp(one, [0.3, -1.0]).eval(),
        car_logp(np.array([0.3, -1.0]), 0.0, np.array([[0, 2.0], [2.0, 0]]), 0.5, 1.0),
    )


def test_a_posterior_is_that_of_the_closed_form():
    """Of a field that is observed with noise: a normal distribution; and edges are data, so that
    another graph of as many edges needs no other code."""
    W, y = weights(), RNG.normal(size=N)
    field = r.car(0.5, W, 0.8, 2.0, name="field", dims="site")
    posterior = pt.condition({r.normal(field, 0.7, name="y", dims="site"): y}, target="machine")
    prior = 2.0 * (np.diag(W.sum(0)) - 0.8 * W)
    precision = prior + np.eye(N) / 0.49
    centre = np.linalg.solve(precision, prior @ np.full(N, 0.5) + y / 0.49)
    evidence = stats.multivariate_normal(
        np.full(N, 0.5), np.linalg.inv(prior) + 0.49 * np.eye(N)
    ).logpdf(y)
    own = stats.multivariate_normal(centre, np.linalg.inv(precision))
    for q in RNG.normal(size=(2, N)):
        value, slope = posterior.logp_and_grad(q)
        np.testing.assert_allclose(value, own.logpdf(q) + evidence, rtol=1e-10)
        np.testing.assert_allclose(slope, precision @ (centre - q), rtol=1e-9, atol=1e-9)
    assert "site" in pt.sample_prior(posterior, draws=3, seed=1).prior["field"].dims


def test_a_large_field_costs_its_edges():
    """No matrix of nodes by nodes is computed in a model: its plan has no such buffer."""
    W = lattice(20, 20)
    alpha = r.uniform(0, 1, name="alpha")
    field = r.car(0.0, W, alpha, 1.0, name="field")
    posterior = pt.condition({r.normal(field, 1.0, name="y"): np.zeros(400)}, target="machine")
    q = 0.1 * RNG.normal(size=401)
    value, slope = posterior.logp_and_grad(q)
    a = posterior.constrain(q)["alpha"]
    x = posterior.constrain(q)["field"]
    wanted = car_logp(x, 0.0, W.toarray(), a, 1.0) + stats.norm(x, 1).logpdf(0).sum()
    np.testing.assert_allclose(value, wanted + np.log(a * (1 - a)), rtol=1e-11)
    assert np.isfinite(slope).all()
    sizes = [int(np.prod(x.shape)) for x in posterior.function.bound.values()]
    assert max(sizes) < 1000


def test_fields_in_the_steps_of_a_loop():
    """One field a step, around the one before: their density is that of the differences."""
    W = weights()

    def step(x, _):
        x = r.car(x, W, 0.6, [1.0, 2.0], name="x")
        return x, x

    series = pt.loop.scan(step, np.zeros((2, N)), length=3)[1]
    x = RNG.normal(size=(3, 2, N))
    moves = np.diff(x, axis=0, prepend=0)
    wanted = [[car_logp(y[k], 0.0, W, 0.6, k + 1.0) for k in range(2)] for y in moves]
    np.testing.assert_allclose(pt.logp(series, x).eval(), wanted, rtol=1e-12)
    assert pt.draw(series, seed=1).shape == (3, 2, N)


REFUSED = {
    "node 1 is its own neighbour, as W[1, 1] is not 0": lambda: r.car(0.0, [[0, 1], [1, 3]], 0.5),
    "node 2 has no neighbour (and 1 more)": lambda: r.icar(
        np.kron(np.diag([1, 0]), [[0, 1], [1, 0]])),
    "W of car 'x' is not symmetric: W[0, 1] is 2, and W[1, 0] is 1": lambda: r.car(
        0.0, [[0, 2.0], [1.0, 0]], 0.5, name="x"),
    "W[1, 0] is 1, and W[0, 1] is 0": lambda: r.icar(sparse.csr_matrix([[0, 0], [1, 0]])),
    "weights are 0 or positive, and W[0, 1] is -1": lambda: r.car(0.0, [[0, -1], [-1, 0]], 0.5),
    "W[0, 1] is nan": lambda: r.car(0.0, [[0, np.nan], [np.nan, 0]], 0.5),
    "not of shape (2, 3)": lambda: r.icar(np.ones((2, 3))),
    "not of shape (3,)": lambda: r.car(0.0, np.ones(3), 0.5),
    "W of icar is a tensor": lambda: r.icar(pt.matrix("W")),
    "alpha of car must be a number in (-1, 1); it is 1.0": lambda: r.car(0.0, weights(), 1.0),
    "mu of car has shape (2,), and W has 9 nodes": lambda: r.car([1.0, 2.0], weights(), 0.5),
    "sigma of icar must be a number > 0": lambda: r.icar(weights(), -1.0),
    "zero_sum_stdev of icar must be a number > 0": lambda: r.icar(weights(), 1.0, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_errors_name_the_entry_and_the_line(text):
    with pytest.raises((GraphError, ValueError, TypeError), match=re.escape(text)) as caught:
        REFUSED[text]()
    assert "test_fields.py" in str(caught.value) and len(str(caught.value).splitlines()) <= 8
