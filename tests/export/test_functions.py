"""Exported functions give the results of the functions, bit for bit, and refuse what these do."""

import numpy as np
import pytest

import probtensor as pt
from cython_ext import blas
from cython_ext.cell import KeySequence
from probtensor.function.call import fresh_seed
from tests.export.libraries import NUMBER, Call, openblas
from tests.models.programs import MODELS, SIZES, arrays_of


def equal(found, expected):
    """Bit for bit, nan too."""
    expected = expected if isinstance(expected, (list, tuple)) else [expected]
    for made, truth in zip(found, expected, strict=True):
        assert made.tobytes() == np.asarray(truth).tobytes(), (made, truth)


# Programs that are compiled by default; the others are built by `make test-all`.
QUICK = {"varying_intercepts", "autoregression", "set_and_join"}
PRODUCTS = {"softmax_regression"}  # of matrices: their sums are not in the order of BLAS


def marked(model):
    marks = [] if model.__name__ in QUICK else [pytest.mark.slow]
    return pytest.param(model, marks=marks, id=model.__name__)


@pytest.mark.parametrize("model", [*map(marked, MODELS[:8]), *map(marked, MODELS[9:12])])
def test_programs_of_any_sizes(model, exported):
    inputs, outputs, _ = model()
    f = pt.function(inputs, outputs, name=model.__name__)
    call = Call(exported(f, model.__name__), f)
    rng = np.random.default_rng(7)
    for sizes in SIZES[model.__name__]:
        arrays = arrays_of(f.plan, sizes, rng)
        expected = f(*arrays)
        for _ in range(2):
            found = call(*arrays, results=expected)
            if model.__name__ in PRODUCTS:
                for made, truth in zip(found, expected, strict=True):
                    np.testing.assert_allclose(made, truth, rtol=1e-11, atol=1e-12)
            else:
                equal(found, expected)
    call.close()


@pytest.fixture(scope="module")
def groups(exported):
    """A function of indices, with a bound array and sizes that must agree, and its export."""
    x, group, level = pt.vector("n"), pt.vector("group", dtype="int32"), pt.vector("x_shape")
    scale = pt.vector("scale", shape=(3,))
    place = pt.scalar("b", dtype="int64")
    picked = x[place + 1]
    outputs = {"a sum": pt.sum(level[group] * x), "grad": pt.grad(pt.sum(level[group] ** 2), level),
               "scaled": scale * picked, "same": scale * picked}  # fmt: skip
    f = pt.function([x, group, level, scale, place], outputs)
    weights = np.array([1.0, np.nan, -np.inf])
    bound = f.bind({scale: weights})
    return bound, Call(exported(bound, "groups"), bound)


def arguments(n=5, levels=4, group=(0, -1, 3, 2, -4), place=2):
    rng = np.random.default_rng(n)
    return [rng.normal(size=n), np.array(group, "int32"), rng.normal(size=levels), np.array(place)]


def test_names_of_the_user_become_names_of_c(groups):
    text = groups[1].export.header.read_text()
    for parameter in ("const double *n,", "const int64_t *n_shape", "const int64_t *b,",
                      "const double *x_shape_value,", "double *a_sum", "int64_t grad_count",
                      "double *same"):  # fmt: skip
        assert parameter in " ".join(text.split()), parameter


def test_indices_and_results_that_are_copies(groups):
    f, call = groups
    expected = f(*arguments())
    equal(call(*arguments(), results=[*expected.values()]), [*expected.values()])
    fewer = arguments(n=2, levels=7, group=(6, -7), place=-1)
    expected = f(*fewer)
    equal(call(*fewer, results=[*expected.values()]), [*expected.values()])


WRONG = [
    (arguments(group=(0, 1, 4, 0, 0)), "an index is out of bounds for axis 0 of x_shape"),
    (arguments(group=(0, 1, -5, 0, 0)), "an index is out of bounds for axis 0 of x_shape"),
    (arguments(group=(0, 1)), "do not fit together"),
    (arguments(place=4), "index"),
]


@pytest.mark.parametrize("wrong, text", WRONG)
def test_refusals_have_a_text(groups, wrong, text):
    f, call = groups
    with pytest.raises((ValueError, IndexError), match=text):
        f(*wrong)
    results = [*f(*arguments()).values()]
    with pytest.raises(AssertionError, match=text):
        call(*wrong, results=results)
    equal(call(*arguments(), results=results), results)  # it still works


def test_results_of_another_size_are_refused(groups):
    f, call = groups
    results = [*f(*arguments(levels=6)).values()]
    with pytest.raises(AssertionError, match=r"the array for result grad .* \(x_shape_value_shape"):
        call(*arguments(), results=results)


def test_shapes_of_results(groups):
    _, call = groups
    shapes = [(NUMBER * 1)(n) for n in (5, 5, 4)]
    found = (NUMBER * 1)()
    call.call("shapes", *shapes, found)
    assert found[0] == 4
    shapes[0][0] = -1
    assert "size" in call.error_text(call.get("shapes")(*shapes, found))


def test_draws_take_a_key(exported):
    shift = pt.vector("shift")
    f = pt.function([shift], [pt.random.normal(shift, 2.0), pt.random.gamma(3, 1, shape=4)], seed=5)
    call = Call(exported(f, "draws"), f)
    x = np.arange(3.0)
    key, results = KeySequence(fresh_seed(5)).next(), f(x)
    equal(call(x, key=key, results=results), results)
    other = call(x, key=key + 1, results=results)
    assert not np.any(other[0] == results[0])


def test_shared_variables_are_taken_as_they_are_and_updates_refused(exported):
    weights = pt.shared(np.arange(6000.0), name="weights")
    x = pt.scalar("x")
    f = pt.function([x], pt.sum(weights * x), updates={weights: weights + 1})
    with pytest.raises(TypeError, match=r"updates weights(.|\n)*test_functions.py:\d+"):
        f.export("nowhere")
    g = f.copy(delete_updates=True)
    export = exported(g, "product", name="weighted sum")
    assert export.data.name == "weighted_sum.bin" and "weights" in export.header.read_text()
    call, x = Call(export, g), np.array(2.0)
    expected = g(x)
    weights.set_value(np.zeros(6000))
    equal(call(x, results=expected), expected)


def test_sizes_that_data_decide_are_refused(tmp_path):
    x = pt.vector("x")
    f = pt.function([x], x[x > 0])
    with pytest.raises(pt.GraphError, match=r"several stages(.|\n)*test_functions.py"):
        f.export(tmp_path)


def test_routines_without_a_form_in_c_are_refused(tmp_path):
    a = pt.matrix("a")
    f = pt.function([a], pt.linalg.eigh(a))
    with pytest.raises(pt.BuildError, match=r"eigh(.|\n)*test_functions.py(.|\n)*lapack="):
        f.export(tmp_path)
    g = pt.function([a], pt.fft.rfft(a).real)
    with pytest.raises(pt.BuildError, match=r"rfft(.|\n)*test_functions.py(.|\n)*which an export"):
        g.export(tmp_path, lapack="-llapack")
    assert not list(tmp_path.iterdir())


def of_matrices(*more):
    """A function of a positive definite matrix, a matrix and a vector."""
    a, b, x = pt.matrix("a"), pt.matrix("b"), pt.vector("x")
    lower = pt.linalg.cholesky(a)
    outputs = [a @ b, lower, pt.linalg.solve_triangular(lower, b, lower=True),
               pt.linalg.solve(a, b), pt.sort(x), pt.argsort(x), pt.cumsum(x),
               pt.linalg.solve_triangular(lower.mT, b, lower=False)]  # fmt: skip
    return pt.function([a, b, x], [*outputs, *(y for make in more for y in make(a, b))])


def matrices(n, k):
    """Arguments of it."""
    rng = np.random.default_rng(n)
    root = rng.normal(size=(n, n))
    x = rng.normal(size=k)
    x[::3] = np.nan
    return root @ root.T + np.eye(n), rng.normal(size=(n, k)), x


NOT_DEFINITE = [-np.eye(3), np.ones((3, 1)), np.ones(1)]


def test_routines_of_matrices_in_plain_c(exported):
    f = of_matrices()
    call = Call(exported(f, "matrices"), f)
    for sizes in ((1, 1), (7, 3), (90, 40)):
        arrays = matrices(*sizes)
        for made, truth in zip(call(*arrays), f(*arrays), strict=True):
            np.testing.assert_allclose(made, truth, rtol=1e-9, atol=1e-9)
    assert np.isnan(call(*NOT_DEFINITE)[1]).all()
    singular = np.ones((3, 3)), np.ones((3, 1)), np.ones(1)
    assert not np.isfinite(call(*singular)[3]).all()


def test_routines_of_order_in_plain_c(exported):
    x, k = pt.vector("x"), pt.lvector("k")
    small, order = x.astype("float32"), pt.argsort(k)
    outputs = [
        pt.sort(x), pt.argsort(x), pt.sort(k), order, pt.sort(small), pt.median(x), pt.median(k),
        pt.topk(x, 3), pt.partition(x, 2), pt.partition(k, 2), pt.searchsorted(pt.sort(x), x),
        pt.searchsorted(pt.sort(k), k, "right"), pt.cumsum(k), pt.cumprod(x), pt.cumprod(k),
        pt.cummax(x), pt.cummin(k), pt.logcumsumexp(x), pt.cumsum(pt.outer(x, x), 0),
        pt.cumsum(pt.outer(k, k), 0), pt.lexsort(pt.stack([x, -x])),
        pt.searchsorted(pt.sort(k), k), pt.searchsorted(pt.sort(x), x, "right"),
        pt.lexsort(pt.stack([k, -k])),
    ]  # fmt: skip
    f = pt.function([x, k], outputs)
    call = Call(exported(f, "ordered"), f)
    rng = np.random.default_rng(3)
    for n in (5, 40, 300, 2000):
        arrays = rng.normal(size=n), rng.integers(-9, 9, n)
        for made, truth in zip(call(*arrays), f(*arrays), strict=True):
            np.testing.assert_array_equal(made, truth)


def test_routines_of_a_library(exported):
    """With the library that SciPy has, on one thread, results are those of Python bit for bit."""
    gram = lambda a, b: [b.mT @ b, a @ a.mT]  # noqa: E731 - which are symmetric
    f = of_matrices(lambda a, b: pt.linalg.eigh(a), lambda a, b: pt.linalg.qr(b), gram)
    export = exported(f, "matrices", lapack=openblas())
    assert "PT_LAPACK" in export.command and "libscipy_openblas" in export.command
    call = Call(export, f)
    for sizes in ((1, 1), (40, 1), (7, 3), (90, 40), (3, 700), (40, 140)):
        arrays = matrices(*sizes)
        expected = f(*arrays)
        with blas.OneThread(blas.of_scipy()):
            equal(call(*arrays, results=expected), expected)
    assert all(np.isnan(call(*NOT_DEFINITE)[k]).all() for k in (1, 2))


def of_bands_and_inverses(*more):
    """A function of a square matrix with a large diagonal, and of columns."""
    a, b = pt.matrix("a"), pt.matrix("b")
    diagonal, beside = pt.diagonal(a), pt.diagonal(a, 1)
    half = pt.stack([diagonal, *(pt.pad(pt.diagonal(a, -k), (0, k)) for k in (1, 2))])
    whole = pt.stack([*(pt.pad(pt.diagonal(a, k), (k, 0)) for k in (2, 1)), *half])
    factor = pt.linalg.cholesky_banded(half, lower=True)
    total = pt.sum(pt.linalg.cho_solve_banded((factor, True), b) ** 2)
    (gradient,) = pt.grad(total, [a])
    outputs = [
        factor, total, gradient, pt.grad(pt.sum(pt.sin(gradient)), a),
        pt.linalg.solve_banded((2, 2), whole, b), pt.linalg.solve_toeplitz((a[:, 0], a[0]), b),
        pt.linalg.solve_banded((1, 1), pt.stack([*half[:2], pt.pad(beside, (0, 1))]), b),
        pt.linalg.inv(a), pt.grad(pt.linalg.det(a), a), pt.linalg.expm(a / 30),
        pt.grad(pt.sum(pt.linalg.expm(a / 10) ** 2), a),
        pt.linalg.cholesky_update(pt.linalg.cholesky(a @ a.mT), b[:, 0]),
        pt.linalg.pivot_to_permutation(pt.argsort(b[:, 0])),
    ]  # fmt: skip
    return pt.function([a, b], [*outputs, *(y for make in more for y in make(a, b))])


def with_large_diagonal(n, k):
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, n)) + 3 * n * np.eye(n), rng.normal(size=(n, k))


def test_routines_of_bands_and_inverses_in_plain_c(exported):
    f = of_bands_and_inverses()
    call = Call(exported(f, "banded"), f)
    for sizes in ((3, 1), (4, 3), (20, 2)):
        arrays = with_large_diagonal(*sizes)
        for made, truth in zip(call(*arrays), f(*arrays), strict=True):
            np.testing.assert_allclose(made, truth, rtol=1e-8, atol=1e-9 * np.abs(truth).max())
    singular = np.ones((4, 4)), np.ones((4, 1))
    for made, truth in zip(call(*singular), f(*singular), strict=True):
        np.testing.assert_allclose(made, truth, rtol=1e-8, atol=1e-9)


def test_spectra_and_equations_of_a_library(exported):
    """All routines that need LAPACK, bit for bit as in Python."""
    def made(a, b):
        linalg, half = pt.linalg, pt.stack([pt.diagonal(a), pt.pad(pt.diagonal(a, 1), (0, 1))])
        yield from (*linalg.svd(a), *linalg.svd(b, full_matrices=True), linalg.svdvals(b))
        yield from (linalg.eigvalsh(a), linalg.eigvals(a).real, linalg.eig(a).eigenvectors.imag)
        yield from (*linalg.schur(a, sort="rhp"), *linalg.ordqz(a, a.mT + 1)[3:])
        yield from (*linalg.hessenberg(a, calc_q=True), linalg.sqrtm(a), linalg.logm(a))
        yield linalg.solve_sylvester(a, b.mT @ b, b)
        yield from (*linalg.qr(b, mode="complete"), *linalg.qr(b, mode="raw"))
        yield from (*linalg.qr(b, pivoting=True), *linalg.eig_banded(half, lower=True))
        pair = half[0], half[1, :-1]
        yield from (linalg.eigvals_banded(half, True), *linalg.eigh_tridiagonal(*pair))
        yield linalg.eigvalsh_tridiagonal(*pair)

    f = of_bands_and_inverses(made)
    export = exported(f, "spectra", lapack=openblas())
    call = Call(export, f)
    for sizes in ((3, 1), (4, 3), (12, 5)):
        arrays = with_large_diagonal(*sizes)
        expected = f(*arrays)
        with blas.OneThread(blas.of_scipy()):
            equal(call(*arrays, results=expected), expected)


def test_long_sums_of_products(exported):
    """More than 512 terms are summed in parts, also in single precision."""
    a, b = pt.matrix("a", dtype="float32"), pt.matrix("b", dtype="float32")
    f = pt.function([a, b], [a @ b, a.mT @ b.mT])
    call = Call(exported(f, "products"), f)
    x = np.random.default_rng(1).normal(size=(20, 3000)).astype("float32")
    for made, truth in zip(call(x, x.T.copy()), f(x, x.T.copy()), strict=True):
        np.testing.assert_allclose(made, truth, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize("library", [False, True])
def test_products_that_are_added(library, exported):
    """In plain C and by a library; a scale of 0 keeps what is nan."""
    a, b, s = pt.matrix("a"), pt.matrix("b"), pt.scalar("s")
    x, y = pt.matrix("x", dtype="float32"), pt.matrix("y", dtype="float32")
    f = pt.function([a, b, s, x, y], [s * (a @ b) + a, a @ b - b @ a, 0.5 * x.mT @ y - 2 * x])
    export = exported(f, "added", lapack=openblas() if library else None)
    rng = np.random.default_rng(1)
    for n, scale in ((7, -1.5), (600, 2.0), (5, 0.0)):
        arrays = rng.normal(size=(4, n, n))
        arrays[0, 1, 1] = np.nan if scale == 0 else 1.0
        given = [*arrays[:2], np.asarray(scale), *arrays[2:].astype("float32")]
        expected = f(*given)
        for made, truth in zip(Call(export, f)(*given, results=expected), expected, strict=True):
            close = 1e-12 if truth.dtype == "float64" else 1e-5
            np.testing.assert_allclose(made, truth, rtol=close, atol=100 * close)


def test_sizes_that_are_known_at_export(exported):
    x, group = pt.vector("x", shape=(4,)), pt.vector("group", shape=(5,), dtype="int64")
    fixed = pt.as_tensor(np.array([-1, 0, -4, 3]))
    noise = pt.random.normal(0, 1, shape=4)
    outputs = [x[group], pt.cumsum(x)[fixed] + noise, x[fixed].sum(), group > 2]
    f = pt.function([x, group], outputs, seed=1)
    call = Call(exported(f, "known"), f)
    assert not [name for name in call.parameters if name.endswith(("_shape", "_count"))]
    arrays = np.arange(4.0), np.array([3, -4, 0, -1, 1])
    results = f(*arrays)
    equal(call(*arrays, key=KeySequence(fresh_seed(1)).next(), results=results), results)
    arrays[1][2] = 4
    with pytest.raises(AssertionError, match="out of bounds"):
        call(*arrays, key=1, results=results)


def test_without_arguments_and_without_elements(exported):
    f = pt.function([], [pt.arange(3), pt.zeros((0, 2))])
    equal(Call(exported(f, "constants"), f)(), f())
    x, y = pt.matrix("x"), pt.matrix("y")
    g = pt.function([x, y], [x @ y, x.sum(axis=0), pt.concatenate([x, x])])
    call = Call(exported(g, "empty"), g)
    for arrays in ((np.ones((0, 3)), np.ones((3, 2))), (np.ones((2, 0)), np.ones((0, 3)))):
        expected = g(*arrays)
        equal(call(*arrays, results=expected), expected)


def test_indices_that_are_part_of_the_graph(exported):
    """Checked in each call, since the axis may have any length."""
    x = pt.vector("x")
    f = pt.function([x], [x[np.array([-1, 0, 2])], x * 2])
    call = Call(exported(f, "picked"), f)
    for n in (3, 7, 4):
        expected = f(np.arange(float(n)))
        equal(call(np.arange(float(n)), results=expected), expected)
    with pytest.raises(AssertionError, match="index 2 is outside axis 0"):
        call(np.arange(2.0), results=[np.zeros(3), np.zeros(2)])
