"""Sparse Cholesky factors against dense ones: values, derivatives, variances, errors."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

import probtensor as pt
from probtensor.graph.node import GraphError
from probtensor.sparse.factor import ops as factor_ops
from probtensor.sparse.factor.order import analysis_of, structure_of
from probtensor.testing.conform import Case, check_derivatives, check_op
from tests.ops.linalg.checks import RNG
from tests.ops.numpy_twin import static

S, L = pt.sparse, pt.sparse.linalg
OPS = [
    factor_ops.SparseCholesky(), factor_ops.SparseCholeskyTangent(),
    factor_ops.SparseCholeskyCotangent(), factor_ops.SparseOuter(),
    factor_ops.SparseSymmetricProduct(), factor_ops.SolveSparseLower(),
    factor_ops.SolveSparseLowerTransposed(),
]  # fmt: skip
SAMPLES = [(op, k) for op in OPS for k in range(len(op.samples))]
IDS = [f"{op.name}-{k}" for op, k in SAMPLES]


def definite(n, density, format="csr", rng=RNG):
    """A random sparse symmetric positive definite matrix."""
    found = sparse.random_array((n, n), density=density, rng=rng)
    found = (found + found.T).toarray()
    found[np.diag_indices(n)] = np.abs(found).sum(axis=1) + rng.uniform(0.5, 1.5, size=n)
    return sparse.csr_array(found).asformat(format)


@pytest.mark.parametrize("op, k", SAMPLES, ids=IDS)
def test_ops_are_what_they_mean(op, k):
    """On each tier, bit for bit the same; first and second derivatives against differences."""
    arrays = op.samples[k].make(np.random.default_rng(k))
    nodes = tuple(map(static, arrays))
    out = op(*nodes)
    f, g = (pt.function(nodes, out, target=target) for target in ("cython", "machine"))
    np.testing.assert_allclose(f(*arrays), op.numpy(*arrays), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(f(*arrays), g(*arrays))
    if op.samples[k].smooth:
        check_derivatives(Case(op, nodes, arrays, out, True), 2e-6)


@pytest.mark.parametrize("op", OPS, ids=[op.name for op in OPS])
def test_ops_conform(op):
    check_op(type(op))


@pytest.mark.parametrize("op", OPS, ids=[op.name for op in OPS])
def test_batches_and_numbers_that_are_no_structure(op):
    """The latter give nan and read nothing outside."""
    values, structure, *rest = op.samples[0].make(np.random.default_rng(0))
    f = None
    rng = np.random.default_rng(1)
    wrong = [np.zeros_like(structure), structure[::-1].copy(), -structure]
    for _ in range(60):
        bad = structure.copy()
        bad[rng.integers(len(bad))] = rng.integers(-3, 60)
        wrong.append(bad)
        wrong.append(rng.permutation(structure))
    items = [structure, *(w for w in wrong if not np.array_equal(w, structure))]
    arrays = [np.broadcast_to(values, (len(items), *values.shape)), np.array(items)]
    arrays += [np.broadcast_to(x, (len(items), *x.shape)) for x in rest]
    nodes = [static(np.ascontiguousarray(a)) for a in arrays]
    f = pt.function(nodes, op(*nodes), target="machine")
    found = f(*map(np.ascontiguousarray, arrays))
    np.testing.assert_allclose(found[0], op.numpy(values, structure, *rest), rtol=1e-12)
    solves = isinstance(op, factor_ops.SolveSparseLower | factor_ops.SolveSparseLowerTransposed)
    for item, structure in zip(found[1:], items[1:]):
        if not solves and factor_ops.read(structure, len(values)) is None:
            assert np.isnan(item).all()


@pytest.mark.parametrize("seed", range(40))
def test_random_matrices(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    a = definite(n, rng.choice([0.0, 0.03, 0.1, 0.5, 1.0]), rng.choice(["csr", "csc"]), rng)
    whole, b, bs = a.toarray(), rng.normal(size=n), rng.normal(size=(n, 3))
    for method in ("default", "natural"):
        factor = L.cholesky(a, ordering_method=method)
        x, xs, logdet, variances, low = pt.function([], [
            factor.solve_A(b), factor(bs), factor.logdet(), factor.inverse_diagonal(), factor.L(),
        ], target="machine")()  # fmt: skip
        np.testing.assert_allclose(x, np.linalg.solve(whole, b), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(xs, np.linalg.solve(whole, bs), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(logdet, np.linalg.slogdet(whole)[1], rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(variances, np.diag(np.linalg.inv(whole)), rtol=1e-9)
        order = factor.P()
        np.testing.assert_allclose((low @ low.T).toarray(), whole[order][:, order], atol=1e-11)
        assert sorted(order) == list(range(n)) and factor.nnz == low.nnz


def grid(m):
    """The graph Laplacian of a grid of m x m nodes."""
    line = sparse.diags_array([-np.ones(m - 1)] * 2, offsets=[-1, 1])
    whole = sparse.kron(line, sparse.eye_array(m)) + sparse.kron(sparse.eye_array(m), line)
    return (whole - sparse.diags_array(whole.sum(axis=1))).tocsr()


def test_derivatives_by_the_data():
    a = definite(8, 0.2)
    lower = sparse.tril(a, -1).tocsr()
    row, col = lower.nonzero()
    d, e, b = a.diagonal(), lower.data, RNG.normal(size=8)

    def matrix(diagonal, below):
        half = S.coo_array((below, (row, col)), shape=(8, 8))
        return S.diags_array(diagonal) + half + half.T

    for build in (
        lambda x: L.logdet(x),
        lambda x: pt.sum(pt.sin(L.spsolve(x, b))),
        lambda x: pt.sum(L.cholesky(x).L().data ** 3),
        lambda x: pt.sum(pt.log(L.cholesky(x).inverse_diagonal())),
        lambda x: pt.sum(pt.cos(L.cholesky(x).sample(b))),
    ):
        nodes = static(d), static(e)
        out = build(matrix(*nodes))
        check_derivatives(Case(OPS[0], nodes, (d, e), out, True), 5e-6)
    x = pt.vector("x", shape=(8,))
    dense = pt.function([x], pt.grad(L.spsolve(a, x) @ x, x))(b)
    np.testing.assert_allclose(dense, 2 * np.linalg.solve(a.toarray(), b), rtol=1e-10)


def test_a_field_on_a_grid():
    """Its density and gradient against the dense ones; factors that keep few entries."""
    laplace = grid(9)
    n = 81
    x, kappa = pt.vector("x", shape=(n,)), pt.scalar("kappa")
    sparse_q = S.as_sparse(laplace) + kappa * S.eye_array(n)
    dense_q = pt.as_tensor(laplace.toarray()) + kappa * pt.eye(n)
    found = []
    for logdet, product in (
        (L.logdet(sparse_q), sparse_q @ x), (pt.linalg.slogdet(dense_q)[1], dense_q @ x)
    ):  # fmt: skip
        lp = 0.5 * logdet - 0.5 * x @ product
        f = pt.function([x, kappa], [lp, *pt.grad(lp, [x, kappa])])
        found.append(f(np.sin(np.arange(n)), 0.3))
    for ours, meant in zip(*found, strict=True):
        np.testing.assert_allclose(ours, meant, rtol=1e-10)
    large = S.as_sparse(grid(60) + sparse.eye_array(3600))
    least, natural = (analysis_of(large.pattern, given).nnz for given in (False, True))
    assert least < 65_000 < natural
    draws = L.cholesky(laplace + sparse.eye_array(n)).sample(np.eye(n)).eval()
    inverse = np.linalg.inv(laplace.toarray() + np.eye(n))
    np.testing.assert_allclose(draws @ draws.T, inverse, atol=1e-12)


def test_matrices_that_are_not_definite_and_small_ones():
    a = sparse.csr_array(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert np.isnan(L.logdet(a).eval()) and np.isnan(L.spsolve(a, [1.0, 2.0]).eval()).all()
    a = sparse.csr_array(np.array([[1.0, np.nan], [np.nan, 1.0]]))
    assert np.isnan(L.logdet(a).eval())
    missing = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 0.0]]))  # no entry on the diagonal
    assert np.isnan(L.logdet(missing).eval())
    assert L.logdet(sparse.csr_array((0, 0))).eval() == 0.0
    assert L.spsolve(sparse.csr_array([[4.0]]), [2.0]).eval() == [0.5]
    half = sparse.csr_array(np.array([[4.0, 99.0], [1.0, 3.0]]))  # the lower triangle is read
    np.testing.assert_allclose(L.logdet(half).eval(), np.log(11.0))
    single = definite(6, 0.3).astype("float32")
    assert L.logdet(single).dtype == "float64"


def test_chains_in_threads_have_memory_of_their_own():
    a = definite(30, 0.1)
    d = pt.vector("d", shape=(30,))
    q = S.as_sparse(a) + S.diags_array(d)
    lp = L.logdet(q) - pt.sum(L.spsolve(q, pt.sin(d)))
    x = pt.random.normal(0.0, 1.0, shape=30, name="x")
    field = pt.potential(pt.clone_replace(lp, {d: x**2}), name="u")
    posterior = pt.condition({}, potentials=[field])
    points = RNG.normal(size=(40, 30))
    alone = [posterior.logp_and_grad(q) for q in points]
    with ThreadPoolExecutor(4) as pool:
        contexts = [posterior.context() for _ in points]
        together = list(pool.map(lambda own, q: own.logp_and_grad(q), contexts, points))
    for (v, g), (w, h) in zip(alone, together, strict=True):
        assert v == w and np.array_equal(g, h)


ERRORS = {
    "a rectangle": (lambda: L.cholesky(sparse.csr_array((2, 3))), GraphError, "square"),
    "an array": (lambda: L.cholesky(np.eye(2)), GraphError, "as_sparse"),
    "an ordering": (
        lambda: L.cholesky(sparse.eye_array(2), ordering_method="amd"), ValueError, "natural"
    ),
    "rows": (
        lambda: L.spsolve(sparse.eye_array(2), np.ones(3)), GraphError,
        "^sparse.linalg.spsolve: expected a vector of 2 numbers",
    ),
    "rows of draws": (
        lambda: L.cholesky(sparse.eye_array(2)).sample(np.ones(3)), GraphError, "^sample: expected"
    ),
    "rows to permute": (
        lambda: L.cholesky(sparse.eye_array(2)).apply_P(np.ones(3)), GraphError, "apply_P: expected"
    ),
    "rows to permute back": (
        lambda: L.cholesky(sparse.eye_array(2)).apply_Pt(np.ones((3, 2))), GraphError, "apply_Pt: e"
    ),
    "axes to permute": (
        lambda: L.cholesky(sparse.eye_array(2)).apply_P(np.ones((2, 1, 1))), GraphError, "apply_P"
    ),
    "other matrices": (
        lambda: L.spsolve(sparse.eye_array(2), np.ones(2), assume_a="gen"), ValueError, "toarray"
    ),
}  # fmt: skip


def test_rows_that_only_a_call_knows_are_checked():
    x, factor = pt.vector("x"), L.cholesky(definite(5, 0.5))
    for apply in (factor.apply_P, factor.apply_Pt, factor.solve_A, factor.sample):
        f = pt.function([x], apply(x), target="machine")
        assert f(np.ones(5)).shape == (5,)
        for size in (4, 6):
            with pytest.raises(ValueError, match=f"{size}, not 5"):
                f(np.ones(size))
    b = RNG.normal(size=(5, 2))
    assert np.array_equal(factor.apply_P(b).eval(), b[factor.P()])
    assert np.array_equal(factor.apply_Pt(factor.apply_P(b)).eval(), b)


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    do, kind, message = ERRORS[case]
    with pytest.raises(kind, match=message) as caught:
        do()
    assert __file__ in str(caught.value)


def test_structures_are_read_as_they_are_written():
    begins, rows = np.array([0, 2, 4, 5]), np.array([0, 2, 1, 2, 2])
    found = factor_ops.read(structure_of(begins, rows), 5)
    assert list(found[0]) == list(rows) and list(found[1]) == [0, 0, 1, 1, 2]
    assert factor_ops.read(np.zeros(3, int), 5) is None
