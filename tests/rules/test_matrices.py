"""Rules of linear algebra: each changes its examples, keeps types, and is as accurate as what it
replaces, on matrices of several condition numbers and in higher precision."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph.node import Input
from probtensor.graph.text import to_text
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import REGISTRY
from probtensor.rules import TOPICS
from probtensor.rules.structure.factors import WITH_VECTORS
from probtensor.testing.nearby import neighbours
from probtensor.testing.reference import evaluate_numpy
from probtensor.testing.sound import examples_of, fired
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.blocks import kron_factors
from probtensor.transform.linalg.structure import IDENTITY, Structure, structure_of
from probtensor.transform.passes import run

RULES = list(TOPICS["matrices"])
INF = float("inf")


def values_of(graph, rng, condition):
    """Arrays for the inputs: square ones symmetric and positive definite, orthogonal where that is
    declared, of about this condition number."""
    found = {}
    orthogonal = any(isinstance(n.op, ops.Assume) and n.op.orthogonal for n in toposort([graph]))
    for x in toposort([graph]):
        if isinstance(x.op, Input):
            shape = tuple(n if isinstance(n, int) else 3 for n in x.shape)
            array = rng.normal(size=shape)
            if len(shape) > 1 and shape[-1] == shape[-2]:
                q = np.linalg.qr(array)[0]
                scale = np.geomspace(1, condition, shape[-1])
                array = q if orthogonal else (q * scale) @ np.swapaxes(q, -1, -2)
                array = array if orthogonal else (array + np.swapaxes(array, -1, -2)) / 2
            found[x] = array.astype(x.dtype)
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_rule_is_as_accurate_as_what_it_replaces(rule):
    rng = np.random.default_rng(3)
    for graph in examples_of(rule):
        (after,), names = fired(rule, graph)
        assert rule.name in names and after.type == graph.type
        # The condition of a Kronecker product is the product of those of its factors.
        several = any(kron_factors(x) for x in toposort([graph]))
        for condition in (3.0, 1e3 if several else 1e6):
            values = values_of(graph, rng, condition)
            with np.errstate(all="ignore"):
                before, found = evaluate_numpy([graph, after], values)
            close = 1e-13 * condition ** (2 if several else 1) * max(1.0, np.abs(before).max())
            np.testing.assert_allclose(found, before, rtol=1e-12, atol=close)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_rule_holds_on_well_conditioned_matrices_near_its_example(rule):
    """Graphs with one change, of other shapes, signs, operands and ops, where they have values."""
    rng, checked = np.random.default_rng(4), 0
    for graph in neighbours(examples_of(rule), rng):
        (after,), names = fired(rule, graph)
        if rule.name not in names or after is graph:
            continue
        assert after.type == graph.type
        values = values_of(graph, rng, 3.0)
        with np.errstate(all="ignore"):
            try:
                (before,) = evaluate_numpy([graph], values)
            except (IndexError, ValueError, TypeError):  # as for a bad index
                continue
            (found,) = evaluate_numpy([after], values)
        good = np.isfinite(before)
        close = 1e-4 if graph.dtype == "float32" else 1e-11
        np.testing.assert_allclose(found[good], before[good], rtol=close, atol=close)
        checked += 1
        if checked == 12:
            break
    assert checked


def kernels(f):
    text = f.explain("kernels")
    names = ("pt_inv", "pt_lu", "pt_cholesky(", "pt_solve_lower(", "pt_solve_lower_transposed",
             "pt_solve_factored(", "pt_cholesky_gradient", "pt_gemm")  # fmt: skip
    return {name: text.count(name) for name in names if name in text}


def compiled(inputs, outputs, **options):
    return pt.function(inputs, outputs, target="machine", **options)


def matrix(n=12, seed=0):
    a = np.random.default_rng(seed).normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


def test_value_and_gradient_of_a_normal_density_factor_once():
    """By inverse and determinant, as it stands in a book, of a declared covariance."""
    n = 12
    a, x = pt.tensor("a", (n, n)), pt.tensor("x", (n,))
    cov = pt.assume(a, positive_definite=True)
    logp = -0.5 * (x @ pt.linalg.inv(cov) @ x + pt.log(pt.linalg.det(cov)))
    f = compiled([a, x], [logp, *pt.grad(logp, [a, x])])
    assert kernels(f) == {
        "pt_cholesky(": 1, "pt_solve_lower(": 1, "pt_solve_lower_transposed": 1,
        "pt_cholesky_gradient": 1,
    }  # fmt: skip
    s, v = matrix(n), np.random.default_rng(1).normal(size=n)
    value, of_a, of_x = f(s, v)
    inverse = np.linalg.inv(s)
    w = inverse @ v
    np.testing.assert_allclose(value, -0.5 * (v @ w + np.linalg.slogdet(s)[1]), rtol=1e-12)
    np.testing.assert_allclose(of_a, 0.5 * (np.outer(w, w) - inverse), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(of_x, -w, rtol=1e-10)


def test_systems_determinant_and_gradient_share_one_lu_factor():
    n = 12
    a, x = pt.tensor("a", (n, n)), pt.tensor("x", (n,))
    y = pt.sum(pt.linalg.inv(a) @ x) + pt.linalg.slogdet(a).logabsdet
    f = compiled([a, x], [y, pt.grad(y, a)])
    assert kernels(f)["pt_lu"] == 1 and "pt_inv" not in kernels(f)
    s, v = matrix(n, 4), np.ones(n)
    inverse = np.linalg.inv(s)
    meant = inverse.T - np.outer(inverse.T @ np.ones(n), inverse @ v)
    np.testing.assert_allclose(f(s, v)[1], meant, rtol=1e-9, atol=1e-12)


def test_logarithms_of_determinants_do_not_overflow():
    n = 60
    a = pt.tensor("a", (n, n))
    outputs = [pt.log(pt.linalg.det(a)), pt.log(pt.abs(pt.linalg.det(a)))]
    f = compiled([a], outputs)
    large = 1e9 * np.eye(n)
    np.testing.assert_allclose(f(large), n * np.log(1e9), rtol=1e-13)
    large[[0, 1]] = large[[1, 0]]
    signed, absolute = f(large)
    assert np.isnan(signed) and np.isclose(absolute, n * np.log(1e9))
    assert f(np.zeros((n, n)))[0] == -np.inf


def test_factors_of_constants_are_computed_once():
    x, s = pt.vector("x"), matrix()
    outputs = [pt.linalg.solve(s, x), pt.linalg.cholesky(pt.constant(s)) @ x]
    f = compiled([x], outputs)
    assert kernels(f) == {"pt_solve_factored(": 1}
    v = np.arange(12.0)
    np.testing.assert_allclose(f(v)[0], np.linalg.solve(s, v), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(f(v)[1], np.linalg.cholesky(s) @ v, rtol=1e-12)


def test_matrices_that_have_no_declared_factor_are_nan():
    a = pt.tensor("a", (2, 2))
    f = compiled([a], pt.linalg.solve(pt.assume(a, positive_definite=True), np.ones(2)))
    assert np.isnan(f(np.diag([1.0, -1.0]))).all()


def test_products_are_associated_by_cost():
    a, b, x = pt.matrix("a"), pt.matrix("b"), pt.vector("x")
    f = compiled([a, b, x], a @ b @ x)
    assert "pt_gemm" not in kernels(f)
    rng = np.random.default_rng(0)
    p, q, v = rng.normal(size=(30, 20)), rng.normal(size=(20, 40)), rng.normal(size=40)
    np.testing.assert_allclose(f(p, q, v), p @ (q @ v), rtol=1e-12, atol=1e-12)
    # Which is cheaper depends on the sizes: as written.
    c = pt.matrix("c")
    assert kernels(compiled([a, b, c], a @ b @ c)) == {"pt_gemm": 2}


def test_products_of_transposes_copy_nothing():
    a, b = pt.tensor("a", (20, 30)), pt.tensor("b", (20, 40))
    f = compiled([a, b], a.mT @ b)
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(20, 30)), rng.normal(size=(20, 40))
    np.testing.assert_allclose(f(p, q), p.T @ q, rtol=1e-12, atol=1e-12)
    assert f.explain("kernels").count("for ") == 0


# Facts.


def facts_of(x):
    return structure_of(x, FactTable())


def test_structures():
    a = pt.tensor("a", (4, 4))
    low, up = pt.tril(a), pt.triu(a)
    eye = pt.eye(4)
    lower, upper = Structure(INF, 0), Structure(0, INF)
    factor = Structure(INF, 0, factor=True)
    declared = pt.assume(a, lower_triangular=True, positive_diagonal=True)
    diagonal = pt.diag(pt.tensor("d", (4,)))
    simplified = ops.where(pt.eye(4, dtype="bool"), pt.tensor("d", (4, 1)), 0.0)
    positive = pt.assume(a, positive_definite=True)
    cases = [
        (low, lower), (up, upper), (low.mT, upper), (low @ low, lower), (low + 2.0 * low, lower),
        (-up, upper), (low @ up, Structure()), (eye, IDENTITY), (pt.linalg.inv(low), lower),
        (pt.tril(up), Structure(0, 0, True)), (pt.tril(a, 1), Structure(INF, 1)),
        (pt.triu(pt.tril(a, 1), -1), Structure(1, 1)), (simplified, Structure(0, 0, True)),
        (pt.linalg.cholesky(a), factor), (a @ a.mT, Structure(symmetric=True)),
        (declared, factor), (pt.linalg.inv(declared), factor), (declared.mT, upper),
        (pt.exp(a[:, :1]) * declared, factor), (-declared, lower), (declared @ declared, factor),
        (declared @ declared.mT, Structure(symmetric=True, positive=True)),
        (ops.where(pt.eye(4, dtype="bool"), 1 + pt.exp(a), low), factor),
        (positive, Structure(symmetric=True, positive=True)),
        (2.0 * positive + eye, Structure(symmetric=True, positive=True)),
        (pt.linalg.inv(positive), Structure(symmetric=True, positive=True)),
        (positive - eye, Structure(symmetric=True)), (pt.exp(a), Structure()),
        (pt.exp(positive), Structure(symmetric=True)), (diagonal, Structure(0, 0, True)),
        (pt.constant(np.tril(np.ones((3, 3)))), lower.__class__(2, 0)),
        (pt.assume(a, orthogonal=True), Structure(orthogonal=True)),
        (pt.matrix("m"), Structure()),
    ]  # fmt: skip
    for x, meant in cases:
        assert facts_of(x) == meant, x
    assert facts_of(pt.exp(2.0 * a)).symmetric is False
    deep = a
    for _ in range(3000):
        deep = -deep
    assert facts_of(deep) == Structure()


ORDER = np.array([2, 0, 3, 1])
MADE = [
    lambda x, y: x @ y, lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y,
    lambda x, y: x.mT, lambda x, y: -x, lambda x, y: 2.0 * x, lambda x, y: pt.abs(x),
    lambda x, y: pt.tril(x, 1), lambda x, y: x @ x.mT,
    lambda x, y: pt.where(pt.eye(4, dtype="bool"), x, 0.0), lambda x, y: pt.square(x),
    lambda x, y: pt.linalg.block_diag(x[:2, :2], y[1:3, 2:]), lambda x, y: x[ORDER],
    lambda x, y: pt.kron(x[:2, :2], y[::2, ::2]), lambda x, y: pt.diag(pt.diagonal(x, 1), -1),
    lambda x, y: pt.linalg.block_diag(x[1:, 1:], y[:1, :1]), lambda x, y: x[:, ORDER],
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_structures_hold_of_values(seed):
    """Random expressions: what is said of them is so."""
    rng = np.random.default_rng(seed)
    n = 4
    a, d = pt.tensor("a", (n, n)), pt.tensor("d", (n,))
    pool = [pt.tril(a), pt.triu(a), pt.eye(n), a, pt.diag(d), pt.tril(a, -1), pt.triu(a, 1),
            a @ a.mT, pt.constant(np.diag([1.0, 2.0, 3.0, 4.0])), pt.eye(n)[ORDER]]  # fmt: skip
    for _ in range(60):
        x, y = (pool[rng.integers(len(pool))] for _ in range(2))
        pool.append(MADE[rng.integers(len(MADE))](x, y))
    values = dict(zip((a, d), (rng.uniform(0.5, 2, (n, n)), rng.uniform(1, 2, n)), strict=True))
    gaps = np.arange(n)[:, None] - np.arange(n)
    for x, value in zip(pool, evaluate_numpy(pool, values), strict=True):
        found = facts_of(x)
        assert not value[(gaps > found.below) | (-gaps > found.above)].any()
        if found.symmetric:
            np.testing.assert_allclose(value, value.T, rtol=1e-12, atol=1e-12)
        if found.positive:
            assert np.linalg.eigvalsh(value).min() > 0
        if found.factor:
            assert found.lower and np.diagonal(value).min() > 0
        if found.orthogonal:
            np.testing.assert_allclose(value @ value.T, np.eye(n), atol=1e-12)
        if found.permutation:
            assert ((value == 0) | (value == 1)).all() and found.orthogonal


@pytest.mark.parametrize("call, words", [
    (lambda: pt.assume(pt.matrix("x")), "nothing is declared"),
    (lambda: pt.assume(pt.vector("x"), symmetric=True), "square matrices"),
    (lambda: pt.assume(pt.tensor("x", (2, 3)), diagonal=True), r"\(2, 3\)"),
    (lambda: pt.assume(pt.vector("x"), positive="yes"), "positive must be True or False"),
])  # fmt: skip
def test_declarations_that_make_no_sense(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_a_declared_sign_serves_rules():
    x = pt.vector("x")
    f = compiled([x], pt.log(pt.assume(x, positive=True) ** 3.0))
    np.testing.assert_allclose(f([1e200, 2.0]), 3 * np.log([1e200, 2.0]))


def test_matrices_of_unknown_sizes_are_square_where_they_must_be():
    """Structure is known of `pt.matrix("a")`, and routines read the input itself."""
    a, b, c = pt.matrix("a"), pt.vector("b"), pt.tensor3("c")
    s, v = matrix(9), np.random.default_rng(5).normal(size=9)
    linalg, positive = pt.linalg, pt.assume(a, positive_definite=True)
    triangle, factor = np.tril(s), {"pt_cholesky(": 1}
    cases = [
        (pt.log(linalg.det(positive)), np.linalg.slogdet(s)[1], factor),
        (linalg.inv(positive) @ b, np.linalg.solve(s, v),
         {**factor, "pt_solve_lower(": 1, "pt_solve_lower_transposed": 1}),
        (linalg.solve(pt.tril(a), b), np.linalg.solve(triangle, v), {"pt_solve_lower(": 1}),
        (linalg.det(pt.assume(a, upper_triangular=True)), np.prod(np.diag(s)), {}),
        (linalg.slogdet(pt.assume(c, positive_definite=True)).logabsdet,
         np.full(2, np.linalg.slogdet(s)[1]), factor),
    ]  # fmt: skip
    for y, meant, routines in cases:
        f = compiled([a, b, c], y, on_unused_input="ignore")
        assert kernels(f) == routines
        np.testing.assert_allclose(f(s, v, np.stack([s, s])), meant, rtol=1e-11)
        with pytest.raises(ValueError, match=r"size 8, not 9|sizes 9 and 8 do not fit"):
            f(s[:, :8], v, np.stack([s, s])[..., :8])
    text = compiled([a], linalg.cholesky(a) + a).explain("kernels")
    assert "pt_cholesky(x0 + 0" in text
    gradient = compiled([a], pt.grad(linalg.slogdet(positive).logabsdet, a))
    np.testing.assert_allclose(gradient(s), np.linalg.inv(s), rtol=1e-9)
    graph = [linalg.slogdet(positive).logabsdet + pt.sum(pt.tril(a) + a[0])]
    once = run(PIPELINE, graph, verify=True)
    assert to_text(run(PIPELINE, once, verify=True)) == to_text(once)


def test_products_of_two_matrices_with_vectors_of_a_batch():
    rng = np.random.default_rng(5)
    a, b, x = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3))
    p, q, v = pt.tensor("a", a.shape), pt.tensor("b", b.shape), pt.tensor("x", x.shape)
    outputs = [pt.einsum("aij,aj->ai", p @ q, v), pt.einsum("ai,aij->aj", v, p @ q)]
    found = pt.function([p, q, v], outputs, target="machine")(a, b, x)
    wanted = np.einsum("aij,aj->ai", a @ b, x), np.einsum("ai,aij->aj", x, a @ b)
    for value, meant in zip(found, wanted, strict=True):
        np.testing.assert_allclose(value, meant, rtol=1e-12)


SYMMETRIC = np.diag([3.0, 2.0, 1.0]) + 0.1
SPECTRA = {
    "singular_values": (pt.linalg.svdvals, SYMMETRIC[:2]),
    "eigvalsh": (pt.linalg.eigvalsh, SYMMETRIC),
    "eigvals": (lambda a: pt.real(pt.linalg.eigvals(a)), SYMMETRIC),
    "eigvals_banded": (lambda a: pt.linalg.eigvals_banded(a, lower=True), SYMMETRIC[:2]),
    "eigvalsh_tridiagonal": (lambda a: pt.linalg.eigvalsh_tridiagonal(a[0], a[1, :-1]), SYMMETRIC),
    "complex_singular_values": (pt.linalg.svdvals, SYMMETRIC + 0.2j),
    "complex_eigvalsh": (pt.linalg.eigvalsh, SYMMETRIC + np.triu(np.full((3, 3), 0.2j), 1)
                         - np.tril(np.full((3, 3), 0.2j), -1)),
    "complex_eigvals": (lambda a: pt.real(pt.linalg.eigvals(a)), SYMMETRIC + 0.2j),
}  # fmt: skip


@pytest.mark.parametrize("name", WITH_VECTORS)
def test_values_and_their_derivative_take_one_factorisation(name):
    make, a = SPECTRA[name]
    x = pt.tensor("x", a.shape, a.dtype)
    values = make(x)
    alone = pt.function([x], values, target="interp")
    both = pt.function([x], [values, pt.grad(pt.sum(values), x)], target="interp")
    routine = f"{REGISTRY[name].routine}("
    other = f"{REGISTRY[WITH_VECTORS[name][0]].routine}("
    assert alone.explain("kernels").count(routine) == 1
    text = both.explain("kernels")
    assert text.count(other) == 1 and text.count(routine) == (routine == other)
    np.testing.assert_allclose(both(a)[0], alone(a), rtol=1e-13)
