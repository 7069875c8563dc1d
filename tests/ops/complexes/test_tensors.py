"""Complex tensors as inputs, outputs and shared variables; what moves, adds and multiplies their
elements; linear algebra; what is refused."""

import pickle

import numpy as np
import pytest

import probtensor as pt

RNG = np.random.default_rng(2)


def normal(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


A, B, U = normal(3, 3), normal(3, 3), normal(3)
HERMITIAN = A @ A.conj().T + np.eye(3)
EMPTY, TALL = normal(0, 3), normal(2, 4, 3)
Z, W, V, H, T = (
    pt.zmatrix("z"), pt.zmatrix("w"), pt.zvector("v"), pt.zmatrix("h"), pt.ztensor3("t")
)  # fmt: skip
X = pt.vector("x")
VALUES = {Z: A, W: B, V: U, H: HERMITIAN, T: TALL}


def both(cases, target="machine", rtol=1e-12):
    """Each case is (our tensor, NumPy's value)."""
    inputs = list(VALUES)
    f = pt.function(inputs, [y for y, _ in cases], target=target, on_unused_input="ignore")
    for k, (got, meant) in enumerate(zip(f(*VALUES.values()), [m for _, m in cases])):
        meant = np.asarray(meant)
        assert got.dtype == meant.dtype and got.shape == meant.shape, (k, got, meant)
        np.testing.assert_allclose(got, meant, rtol=rtol, atol=1e-13, err_msg=str(k))


def test_what_moves_elements():
    both([
        (Z.T, A.T), (Z[::-1, 1:], A[::-1, 1:]), (Z[[0, 2], [1, 1]], A[[0, 2], [1, 1]]),
        (Z[None, 0], A[None, 0]), (T.reshape((8, 3)), TALL.reshape(8, 3)),
        (pt.moveaxis(T, 0, -1), np.moveaxis(TALL, 0, -1)), (pt.stack([Z, W]), np.stack([A, B])),
        (pt.concatenate([Z, W.real]), np.concatenate([A, B.real])),
        (pt.roll(Z, 1, 0), np.roll(A, 1, 0)), (pt.pad(Z, 1), np.pad(A, 1)),
        (pt.diag(V), np.diag(U)),
        (pt.where(pt.abs(Z) > 1, Z, 0), np.where(np.abs(A) > 1, A, 0)), (pt.tril(Z), np.tril(A)),
        (pt.take(Z, [0, 2], 1), A[:, [0, 2]]),
        (pt.broadcast_to(V, (2, 3)), np.broadcast_to(U, (2, 3))),
        (Z.at[0].set(1j), np.concatenate([[[1j] * 3], A[1:]])),
        (Z.at[:, 0].add(2.0), A + np.array([2, 0, 0])), (pt.repeat(V, 2), np.repeat(U, 2)),
        (pt.zeros_like(Z), np.zeros_like(A)), (pt.eye(2, dtype="complex64"), np.eye(2, dtype="F")),
        (pt.full((2,), 1 + 2j), np.full(2, 1 + 2j)), (pt.as_tensor([1, 1j]), np.array([1, 1j])),
        (pt.ifelse(pt.abs(V[0]) > 0, Z, W), A),
    ])  # fmt: skip


def test_what_adds_and_multiplies_elements():
    masked = np.abs(A) > 1
    both([
        (pt.sum(Z), A.sum()), (pt.sum(Z, 1, keepdims=True), A.sum(1, keepdims=True)),
        (pt.mean(T, (0, 2)), TALL.mean((0, 2))), (pt.prod(Z, 0), A.prod(0)),
        (pt.prod(T), TALL.prod()),
        (pt.cumsum(Z, 1), A.cumsum(1)), (pt.cumprod(Z, 0), A.cumprod(0)), (pt.diff(V), np.diff(U)),
        (pt.var(Z, 0), A.var(0)), (pt.std(Z, ddof=1), A.std(ddof=1)), (pt.dot(Z, V), A @ U),
        (pt.var(Z, where=pt.abs(Z) > 1), A.var(where=masked)), (Z @ W.real, A @ B.real),
        (pt.mean(Z, where=pt.abs(Z) > 1), A.mean(where=masked)), (Z @ W, A @ B),
        (W.real @ Z, B.real @ A), (T @ Z, TALL @ A), (pt.outer(V, V), np.outer(U, U)),
        (pt.einsum("ij,jk,k->i", Z, W, V), np.einsum("ij,jk,k->i", A, B, U)),
        (pt.linalg.vecdot(Z, W), np.vecdot(A, B)), (pt.linalg.vecmat(V, Z), np.vecmat(U, A)),
        (pt.linalg.matvec(Z, V), np.matvec(A, U)), (pt.trace(Z), np.trace(A)),
        (pt.any(Z), True), (pt.count_nonzero(Z), 9), (pt.isclose(Z, W), np.isclose(A, B)),
    ])  # fmt: skip


def test_products_of_many_factors_and_of_none():
    long = np.exp(1j * RNG.normal(size=(90, 2)))
    z = pt.zmatrix("z")
    f = pt.function([z], [pt.prod(z, 0), pt.prod(z[:0], 0)], target="machine")
    found = f(long)
    np.testing.assert_allclose(found[0], long.prod(0), rtol=1e-13)
    np.testing.assert_array_equal(found[1], [1, 1])


def test_linear_algebra():
    n = np.linalg
    both([
        (pt.linalg.solve(Z, W), n.solve(A, B)), (pt.linalg.solve(Z, V), n.solve(A, U)),
        (pt.linalg.solve(Z, pt.eye(3)), n.inv(A)), (pt.linalg.solve(W.real, V), n.solve(B.real, U)),
        (pt.linalg.inv(Z), n.inv(A)), (pt.linalg.cholesky(H), n.cholesky(HERMITIAN)),
        (pt.linalg.cholesky(H, upper=True), n.cholesky(HERMITIAN).conj().T),
        (pt.linalg.eigvalsh(H), n.eigvalsh(HERMITIAN)), (pt.linalg.svdvals(Z), n.svdvals(A)),
        (pt.linalg.svdvals(T), n.svdvals(TALL)), (pt.linalg.inv(T[:, :3]), n.inv(TALL[:, :3])),
        (pt.linalg.eigvalsh(H, "U"), n.eigvalsh(HERMITIAN, "U")),
        *((pt.linalg.norm(Z, o), n.norm(A, o)) for o in (None, "fro", 1, -1, np.inf, 2, -2, "nuc")),
        *((pt.linalg.norm(V, o), n.norm(U, o)) for o in (None, 0, 1, 2, 3, np.inf, -np.inf)),
    ], rtol=1e-10)  # fmt: skip


def test_eigenvalues_of_a_real_matrix():
    a = RNG.normal(size=(4, 4))
    x = pt.matrix("x")
    w, v = pt.linalg.eig(x)
    f = pt.function([x], [w, v, pt.linalg.eigvals(x), pt.grad(pt.sum(pt.abs(w) ** 2), x)],
                    target="machine")  # fmt: skip
    values, vectors, again, slope = f(a)
    np.testing.assert_allclose(np.sort(values), np.sort(np.linalg.eigvals(a)), rtol=1e-12)
    np.testing.assert_allclose(np.sort(again), np.sort(values), rtol=1e-12)
    np.testing.assert_allclose(a @ vectors, vectors * values, atol=1e-12)
    meant = differences(lambda m: np.sum(np.abs(np.linalg.eigvals(m)) ** 2), a)
    np.testing.assert_allclose(slope, meant, rtol=1e-6, atol=1e-7)


def differences(function, x, step=1e-6):
    """Central differences of a real function by each element."""
    found = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[k] = step
        found[k] = (function(x + moved) - function(x - moved)) / (2 * step)
    return found


COSTS = {
    "norm": (lambda z: pt.linalg.norm(z), lambda z: np.linalg.norm(z)),
    "inv": (lambda z: pt.sum(pt.abs(pt.linalg.inv(z)) ** 2),
            lambda z: np.sum(np.abs(np.linalg.inv(z)) ** 2)),
    "solve": (lambda z: pt.real(pt.sum(pt.linalg.solve(z, B) * 1j)),
              lambda z: np.sum(np.linalg.solve(z, B) * 1j).real),
    "svdvals": (lambda z: pt.sum(pt.linalg.svdvals(z) ** 3),
                lambda z: np.sum(np.linalg.svdvals(z) ** 3)),
    "cholesky": (lambda z: pt.sum(pt.abs(pt.linalg.cholesky(z @ pt.conj(z).T)) ** 3),
                 lambda z: np.sum(np.abs(np.linalg.cholesky(z @ z.conj().T)) ** 3)),
    "eigvalsh": (lambda z: pt.sum(pt.linalg.eigvalsh(z + pt.conj(z).T) ** 3),
                 lambda z: np.sum(np.linalg.eigvalsh(z + z.conj().T) ** 3)),
    "quotient": (lambda z: pt.sum(pt.abs(z[0] / z[1] - 2j * z[2])),
                 lambda z: np.sum(np.abs(z[0] / z[1] - 2j * z[2]))),
    "power": (lambda z: pt.imag(pt.sum(z ** (0.5 - 1j) + z**3 + z**-2.0)),
              lambda z: np.sum(z ** (0.5 - 1j) + z**3 + z**-2.0).imag),
    "prod": (lambda z: pt.real(pt.prod(z)), lambda z: np.prod(z).real),
    "angle": (lambda z: pt.sum(pt.angle(z) * pt.log(pt.abs(z))),
              lambda z: np.sum(np.angle(z) * np.log(np.abs(z)))),
    "fft": (lambda z: pt.sum(pt.abs(pt.fft.fft2(pt.exp(z)))),
            lambda z: np.sum(np.abs(np.fft.fft2(np.exp(z))))),
    "loop": (lambda z: pt.abs(pt.loop.scan(lambda c, q: (c * q[0] + q[1], c), 1j, z)[0]),
             lambda z: np.abs(((1j * z[0, 0] + z[0, 1]) * z[1, 0] + z[1, 1]) * z[2, 0] + z[2, 1])),
}  # fmt: skip


def test_gradients_are_du_dx_minus_i_du_dy():
    slopes = [pt.grad(ours(Z), Z) for ours, _ in COSTS.values()]
    found = pt.function([Z], slopes, target="machine")(A)
    for name, got in zip(COSTS, found):
        theirs = COSTS[name][1]
        by_x = differences(lambda x, f=theirs: f(x + 1j * A.imag), A.real)
        by_y = differences(lambda y, f=theirs: f(A.real + 1j * y), A.imag)
        meant = by_x - 1j * by_y
        np.testing.assert_allclose(got, meant, rtol=2e-6, atol=1e-6, err_msg=name)


HOLOMORPHIC = {
    "exp": np.exp, "log": lambda z: 1 / z, "sqrt": lambda z: 0.5 / np.sqrt(z),
    "sin": np.cos, "tanh": lambda z: 1 / np.cosh(z) ** 2, "arctan": lambda z: 1 / (1 + z * z),
    "arcsin": lambda z: 1 / np.sqrt(1 - z * z), "square": lambda z: 2 * z,
    "arctanh": lambda z: 1 / (1 - z * z), "reciprocal": lambda z: -1 / z**2,
}  # fmt: skip
AXES = np.array([0.5, -0.5 + 0.0j, 0.3j, -0.7j, 1 + 1j, -1 + 1j, 2 - 3j, 1e-8 + 0.1j, 0.6 - 0.8j])
SECOND = {
    "exp": np.exp, "log": lambda z: -1 / z**2, "sqrt": lambda z: -0.25 / np.sqrt(z) ** 3,
    "sin": lambda z: -np.sin(z), "tanh": lambda z: -2 * np.tanh(z) / np.cosh(z) ** 2,
    "reciprocal": lambda z: 2 / z**3,
}  # fmt: skip


def test_derivatives_of_holomorphic_functions():
    z, g = pt.zvector("z"), normal(len(AXES))
    outputs, meant = [], []
    for name, slope in HOLOMORPHIC.items():
        y = getattr(pt, name)(z)
        outputs += [pt.grad(pt.sum(pt.real(y)), z), pt.vjp(y, z, g), pt.jvp(y, z, g)]
        meant += [slope(AXES), g * slope(AXES), g * slope(AXES)]
    for name, second in SECOND.items():
        once = pt.jvp(getattr(pt, name)(z), z, np.ones(1))
        outputs += [pt.grad(pt.sum(pt.real(once)), z), pt.jvp(once, z, g)]
        meant += [second(AXES), g * second(AXES)]
    for got, expected in zip(pt.function([z], outputs, target="machine")(AXES), meant):
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-14)


def test_jacobians():
    x, z = pt.vector("x"), pt.zvector("z")
    both_parts = pt.jacobian(pt.exp(1j * x), x), pt.jacobian(pt.abs(z), z)
    one, two = pt.function([x, z], both_parts, target="machine")([1.0, 2.0], U)
    np.testing.assert_allclose(one, np.diag(1j * np.exp(1j * np.array([1.0, 2.0]))), rtol=1e-13)
    np.testing.assert_allclose(two, np.diag(U.conj() / np.abs(U)), rtol=1e-13)


def test_slopes_of_a_modulus_at_ties_and_zero():
    z = pt.zvector("z")
    first = pt.grad(pt.sum(pt.abs(z)), z)
    second = pt.jvp(first, z, np.ones(1))
    values = np.array([0, 1, 1j, 1 + 1j, -2 + 2j])
    slope, curve = pt.function([z], [first, second], target="machine")(values)
    np.testing.assert_allclose(slope[1:], values[1:].conj() / np.abs(values[1:]), rtol=1e-15)
    assert slope[0] == 0
    y, size = values[1:].imag, np.abs(values[1:])
    meant = y**2 / size**3 + 1j * values[1:].real * y / size**3
    np.testing.assert_allclose(curve[1:], meant, rtol=1e-14, atol=1e-15)


TARGETS = ["interp", "machine", pytest.param("cython", marks=pytest.mark.slow)]


@pytest.mark.parametrize("target", TARGETS)
def test_the_border_of_a_function(target):
    s = pt.shared(np.array([1j, 2, 3]), name="s")
    outputs = {"sum": V + s, "same": V, "whole": W[0], "real": V.real}
    f = pt.function([V, pt.In(W, value=B)], outputs, updates={s: s * 1j}, target=target)
    found = f(U)
    np.testing.assert_array_equal(found["same"], U)
    np.testing.assert_array_equal(found["sum"], U + np.array([1j, 2, 3]))
    np.testing.assert_array_equal(found["whole"], B[0])
    np.testing.assert_array_equal(s.get_value(), 1j * np.array([1j, 2, 3]))
    s.set_value([1, 2, 3])
    single = U.astype("complex64")
    np.testing.assert_array_equal(f(single)["sum"], single + [1, 2, 3])
    np.testing.assert_array_equal(f([1, 2.0, 3j], w=A)["whole"], A[0])
    again = pickle.loads(pickle.dumps(pt.function([V], V * 2, target=target)))
    np.testing.assert_array_equal(again(U[::-1]), 2 * U[::-1])
    bound = pt.function([V, Z], Z @ V, target=target).bind({Z: A})
    np.testing.assert_allclose(bound(U), A @ U, rtol=1e-14)


def test_other_doors():
    np.testing.assert_array_equal((V * 2).eval({V: U}), 2 * U)
    np.testing.assert_array_equal((V * 2).eval({"v": U}), 2 * U)
    f = pt.function([W], Z * 2, givens={Z: W + 1}, target="machine")
    np.testing.assert_array_equal(f(B), 2 * (B + 1))
    np.testing.assert_array_equal(pt.graph_replace(V * 2, {V: V + 1}).eval({V: U}), 2 * (U + 1))
    found = pt.vmap(lambda row: pt.sum(row * row) + row)(Z).eval({Z: A})
    np.testing.assert_allclose(found, (A * A).sum(1, keepdims=True) + A, rtol=1e-14)
    assert pt.real(pt.complex(pt.vector("x"), 1.0)).op.name == "input"
    assert np.abs(V) is pt.abs(V) and np.iscomplexobj(V) and pt.conj(X) is X
    polar = pt.complex_from_polar(2.0, [0.5]).eval()
    np.testing.assert_allclose(polar, 2 * np.exp([0.5j]), rtol=1e-15)
    lent = pt.function([V], pt.Out(V + 1, borrow=True), target="machine")
    assert lent(U) is lent(U)
    q = pt.zvector("q", shape=(2,))
    with pytest.raises(ValueError, match=r"q: expected shape \(2,\), got \(3,\)"):
        pt.function([q], q * 2, target="machine")(U)
    with pytest.raises(TypeError, match="expected float64, got ndarray of dtype complex128"):
        (X * 2).eval({"x": U})



@pytest.mark.parametrize("bad, words", [
    (lambda: V < 1, "lt: complex numbers have no order"),
    (lambda: pt.max(V), "max: complex numbers have no order"),
    (lambda: pt.median(V), "median: complex numbers have no order"),
    (lambda: pt.histogram(V), r"histogram: complex numbers have no order[^~]*take pt.real"),
    (lambda: pt.histogram(V, [0.0, 1.0]), "histogram: complex numbers have no order"),
    (lambda: pt.searchsorted(X, V), "searchsorted: complex numbers have no order"),
    (lambda: pt.bincount(V), "bincount: takes real numbers alone"),
    (lambda: V.astype("float64"), "astype: complex numbers have no float64"),
    (lambda: pt.sigmoid(V), "sigmoid: is not defined for complex tensors"),
    (lambda: pt.floor(V), "floor: complex numbers have no order"),
    (lambda: X[V], "indices"),
    (lambda: pt.grad(V[0], V), "the cost .* is complex"),
    (lambda: pt.grad(pt.sum(X**2), pt.complex(X, X**2)), "is complex and computed"),
    (lambda: pt.grad(pt.sum(pt.abs(V)), pt.exp(V)), "does not depend"),
    (lambda: pt.hessian(pt.sum(pt.abs(V)), V), "hessian: is of a real cost by real tensors"),
    (lambda: pt.hvp(pt.sum(pt.abs(V)), V, V), "hvp: is of a real cost by real tensors"),
    (lambda: pt.jacobian(pt.exp(V), V), "and what it is differentiated by are complex"),
    (lambda: pt.complex(V, 1.0), "complex: the parts are real"),
    (lambda: pt.linalg.schur(Z), "schur: takes no complex matrices"),
    (lambda: pt.linalg.qr(Z, mode="raw"), "qr, mode 'raw': takes no complex matrices"),
    (lambda: pt.linalg.solve(Z, V, assume_a="tridiagonal"), "solve: of complex matrices assume_a"),
    (lambda: pt.function([V], V, givens={V * 1j: V}), "givens replace complex inputs"),
    (lambda: pt.data(U, name="u"), "is complex; give .real and .imag apart"),
    (lambda: pt.shared([1j], dtype="float64"), "complex numbers do not fit in float64"),
])  # fmt: skip
def test_what_is_refused(bad, words):
    with pytest.raises(TypeError, match=words):
        bad()


def test_gradients_by_computed_tensors():
    w = pt.exp(Z) * 1j
    cost = pt.sum(pt.abs(w) ** 2) + pt.sum(pt.real(w) * X)
    only_real = pt.sum(pt.real(w) ** 2)
    values = pt.linalg.eigvals(Z)
    outputs = [
        pt.grad(cost, w), pt.grad(cost, [X, w])[1], pt.grad(only_real, w), pt.jvp(w**2, w, 1j),
        pt.vjp(pt.abs(w), w, np.ones((3, 3))), pt.grad(pt.sum(pt.abs(values)), values),
        pt.grad(only_real, pt.exp(W), disconnected_inputs="ignore"),
    ]  # fmt: skip
    x = RNG.normal(size=3)
    found = pt.function([Z, W, X], outputs, target="machine")(A, B, x)
    y = 1j * np.exp(A)
    near = np.linalg.eigvals(A)
    meant = [
        2 * y.conj() + x, 2 * y.conj() + x, 2 * y.real, 2j * y, y.conj() / np.abs(y),
        near.conj() / np.abs(near), np.zeros((3, 3)),
    ]  # fmt: skip
    for k, (got, expected) in enumerate(zip(found, meant, strict=True)):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-13, err_msg=str(k))
