"""Sparse tensors against scipy.sparse: values in both formats, derivatives, errors."""

import pickle

import numpy as np
import pytest
from scipy import sparse

import probtensor as pt
from probtensor.graph.node import GraphError
from probtensor.sparse.pattern import Pattern
from tests.ops.linalg.checks import RNG, slopes

SHAPES = ((6, 5), (1, 1), (4, 7), (3, 3))
S = pt.sparse


def matrix(shape, density=0.4, format="csr", dtype=float):
    """A random matrix of SciPy, at times with a row and a column without entries."""
    found = sparse.random_array(shape, density=density, format=format, rng=RNG).astype(dtype)
    found.data = np.round(RNG.normal(scale=3.0, size=found.nnz), 1).astype(dtype)
    found.sort_indices()
    return found


def of(given, data):
    """A sparse tensor with a tensor as data and the places of a matrix of SciPy."""
    make = S.csr_array if given.format == "csr" else S.csc_array
    return make((data, given.indices, given.indptr), shape=given.shape)


def dense(value):
    return value.toarray() if sparse.issparse(value) else np.asarray(value)


def agree(build, *given, extra=(), rtol=1e-12):
    """`build(namespace, *matrices, *arrays)` gives the same list of ours as of SciPy's."""
    inputs = [pt.vector(f"d{k}", dtype=str(m.dtype), shape=(m.nnz,)) for k, m in enumerate(given)]
    outputs = build(S, *map(of, given, inputs), *extra)
    f = pt.function(inputs, outputs, target="machine", on_unused_input="ignore")
    found = f(*[m.data for m in given])
    with np.errstate(all="ignore"):
        wanted = build(sparse, *given, *extra)
    assert len(found) == len(wanted)
    for k, (got, value) in enumerate(zip(found, wanted)):
        assert sparse.issparse(got) or not sparse.issparse(value) or np.ndim(dense(value)) < 2, k
        np.testing.assert_allclose(dense(got), dense(value), rtol=rtol, atol=1e-12, err_msg=str(k))
        ours, theirs = np.asarray(dense(got)).dtype, np.asarray(dense(value)).dtype
        assert ours == theirs or (ours.kind in "iu" and theirs.kind in "iu"), (k, ours, theirs)


def entry_by_entry(_, a, b, v, w, full):
    return [
        a + b, a - b, b - a, a * b, b * a, a.multiply(b), a * 2, 3.0 * a, a / 2.0, -a, abs(b),
        a**2, a.power(3), a * v, v * a, a * w, a * full, a / full, a + full, full + a, a - full,
        full - a, a != b, a < b, a > b, a > 1, a < -0.5, a != 0, a >= 0.5, a <= -0.5, a == 2.5,
        a.maximum(b), a.minimum(b), a.maximum(0), a.minimum(0), a + 0, a - 0, a.astype("float32"),
        a.sin(), a.tan(), a.arctan(), a.sinh(), a.tanh(), a.arcsinh(), a.expm1(), a.sign(),
        a.floor(), a.ceil(), a.rint(), a.trunc(), a.deg2rad(), a.rad2deg(), a.conj(), a.copy(),
    ]  # fmt: skip


def reduced(_, a, b):
    found = [a.T, a.transpose(), a.tocsr(), a.tocsc(), a.toarray(), a.todense(), a.trace(), b.T.T]
    for x in (a, b, a.T):
        for axis in (None, 0, 1, -1, -2):
            found += [x.sum(axis=axis), x.mean(axis=axis), x.max(axis=axis), x.min(axis=axis)]
            found.append(x.count_nonzero(axis=axis))
    for k in range(-8, 9):
        found += [x.diagonal(k) for x in (a, b) if -x.shape[0] < k < x.shape[1]]
    return found


def products(_, a, b, x, y, xs, ys):
    return [
        a @ x, a.dot(x), a @ xs, y @ a, ys @ a, a.T @ y, x @ a.T, a.T @ ys.T, a @ b.T, b.T @ a,
        a.T @ a, (a @ b.T) @ a, a.T @ (b @ x),
    ]  # fmt: skip


@pytest.mark.parametrize("formats", ["csr csr", "csr csc", "csc csr", "csc csc"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_everything_is_what_it_is_to_scipy(formats, shape):
    m, n = shape
    one, two = formats.split()
    a, b = matrix(shape, 0.5, one), matrix(shape, 0.3, two)
    v, w, full = RNG.normal(size=n), RNG.normal(size=(m, 1)), RNG.normal(size=shape)
    agree(entry_by_entry, a, b, extra=(v, w, full))
    agree(reduced, a, b)
    agree(products, a, b, extra=[RNG.normal(size=size) for size in (n, m, (n, 3), (2, m))])


@pytest.mark.parametrize("dtype", ["float32", "int64", "int32", "complex128"])
def test_other_dtypes(dtype):
    a, b = matrix((5, 4), 0.5, "csr", dtype), matrix((5, 4), 0.5, "csc", dtype)
    x = np.arange(4).astype(dtype)
    agree(
        lambda _, a, b, x: [
            a @ x, a + b, a * b, a - b, a * 2, 3 * a, a**2, -a, abs(a), a.T @ b, a @ a.T,
            a.sum(axis=0), a.toarray(), a * x, a[1:3], a.diagonal(),
        ],
        a, b, extra=(x,), rtol=1e-5 if dtype == "float32" else 1e-12,
    )  # fmt: skip


def test_numbers_of_python_leave_the_dtype_as_those_of_numpy_do():
    a = S.as_sparse(matrix((3, 4), dtype="float32"))
    for found in (a * 2, 0.5 * a, a / 2, a**2, a.maximum(0), a.power(3)):
        assert found.dtype == found.eval().dtype == "float32"
    assert (a * np.float64(2)).dtype == "float64"


def test_matrices_without_entries():
    for shape in ((3, 2), (0, 3), (3, 0), (0, 0)):
        empty = sparse.csr_array(shape)
        x = np.ones(shape[1])
        agree(lambda _, a, x: [a @ x, a + a, a * a, a @ a.T, a.sum(axis=0), a.toarray(), a.T],
              empty, extra=(x,))  # fmt: skip
    assert S.csr_array((2, 3)).shape == (2, 3) and S.csr_array((2, 3)).nnz == 0


KEYS = {
    "a number": 2, "a negative number": -1, "a slice": slice(1, 5), "steps": slice(None, None, -2),
    "a list": [3, 0, 3], "two numbers": (1, 2), "two slices": (slice(1, 4), slice(None, None, 2)),
    "rows and a list": (slice(None), [2, 0]), "a row's part": (1, slice(1, 4)),
    "a column": (slice(None), 2), "an array": np.array([1, 2]),
    "a mask": np.array([True, False, True, False, True, False]),
    "an open mesh": (np.array([[1], [4]]), np.array([[0, 2]])), "all": slice(None),
    "places": ([2, 0, 2], [1, 1, 3]), "places of arrays": (np.array([4, 5]), np.array([0, -1])),
    "a mask of two axes": RNG.random((6, 5)) < 0.4,
}  # fmt: skip


@pytest.mark.parametrize("format", ["csr", "csc"])
def test_parts(format):
    a = matrix((6, 5), 0.5, format)
    agree(lambda _, a: [a[key] for key in KEYS.values()], a)
    ours = S.as_sparse(a)
    for mask in (a > 1, a.toarray() > 1):
        np.testing.assert_array_equal(ours[mask].eval(), a.toarray()[a.toarray() > 1])
    with pytest.raises(IndexError, match=r"mask of shape \(6, 4\) for a sparse tensor of"):
        ours[np.zeros((6, 4), bool)]
    for key, same in ((..., slice(None)), ((..., 1), (slice(None), 1)), ((2, ...), 2)):
        np.testing.assert_array_equal(dense(ours[key].eval()), dense(a[same]))
    assert ours[1:3].format == format and isinstance(ours[0], pt.Node) and ours[0].ndim == 1


@pytest.mark.parametrize("formats", ["csr csc", "csc csr"])
def test_matrices_of_matrices(formats):
    one, two = formats.split()
    a, b = matrix((3, 4), 0.5, one), matrix((3, 4), 0.4, two)
    agree(
        lambda ns, a, b: [
            ns.hstack([a, b, a]), ns.vstack([a, b]), ns.block_diag([a, b, a]), ns.kron(a, b),
            ns.block_array([[a, None], [b, a]]), ns.tril(a), ns.triu(b), ns.tril(a, k=1),
            ns.triu(a, k=-1), ns.vstack([a, b], format="csc"), ns.hstack([a], dtype="float32"),
        ],
        a, b,
    )  # fmt: skip
    for args in ((3,), (3, 5), (4, 2)):
        for k in (-1, 0, 2):
            np.testing.assert_array_equal(S.eye_array(*args, k=k).eval().toarray(),
                                          sparse.eye_array(*args, k=k).toarray())  # fmt: skip


def test_diagonals():
    d, e = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0])
    for args, settings in (
        ((d,), {}), (([d],), {"offsets": [0]}), (([d, e],), {"offsets": [0, 1]}),
        (([e, d, e],), {"offsets": [-1, 0, 1]}),
        (([1.0, d],), {"offsets": [1, 0], "shape": (3, 3)}),
        (([d],), {"offsets": [1], "shape": (3, 4)}), (([e],), {"offsets": [-1], "shape": (4, 2)}),
    ):  # fmt: skip
        numbers = [np.atleast_1d(x) for x in args[0]] if isinstance(args[0], list) else [args[0]]
        wanted = sparse.diags_array(numbers, **{"offsets": [0]} | settings).toarray()
        np.testing.assert_array_equal(S.diags_array(*args, **settings).eval().toarray(), wanted)


def test_data_in_any_order_and_several_of_one_place():
    row, col = np.array([2, 0, 1, 0, 2, 0]), np.array([1, 3, 0, 0, 1, 3])
    x = pt.vector("x", shape=(6,))
    given = RNG.normal(size=6)
    ours = [S.coo_array((x, (row, col)), shape=(3, 5)), S.coo_array((x, (row, col)))]
    wide, least = pt.function([x], ours)(given)
    np.testing.assert_allclose(
        wide.toarray(), sparse.coo_array((given, (row, col)), shape=(3, 5)).toarray()
    )
    assert least.shape == (3, 4)
    indices, indptr = [2, 0, 1, 1, 0, 0], [0, 2, 4, 6]
    for name in ("csr_array", "csc_array"):
        ours = getattr(S, name)((x, indices, indptr), shape=(3, 3))
        wanted = getattr(sparse, name)((given, indices, indptr), shape=(3, 3))
        np.testing.assert_allclose(pt.function([x], ours)(given).toarray(), wanted.toarray())
        grad = pt.function([x], pt.grad((ours * ours).sum(), x))(given)
        at = (np.repeat(np.arange(3), 2), indices)
        at = at if name == "csr_array" else at[::-1]
        np.testing.assert_allclose(grad, 2 * wanted.toarray()[at])


def test_derivatives_of_first_and_second_order():
    a, b = matrix((4, 3), 0.6), matrix((4, 3), 0.5, "csc")
    x, xs = RNG.normal(size=3), RNG.normal(size=(3, 2))
    slopes(lambda d, x: pt.tanh(of(a, d) @ x), a.data, x)
    slopes(lambda d, xs: pt.sin(of(b, d) @ xs), b.data, xs)
    slopes(lambda d, e: ((of(a, d) @ of(b, e).T).sin() @ np.ones(4)) ** 2, a.data, b.data)
    slopes(lambda d, e: pt.exp((of(a, d) * of(b, e) + of(a, d)).sum(axis=1)), a.data, b.data)
    slopes(lambda d: pt.sum(of(a, d)[1:3].toarray() ** 3, axis=0), a.data)
    slopes(lambda x, y: S.sampling_dot(x, y, b).toarray() ** 2, RNG.normal(size=(4, 2)),
           RNG.normal(size=(3, 2)))  # fmt: skip
    slopes(lambda d: (S.hstack([S.diags_array(d), of(a, d[0] * a.data).T]) ** 2).sum(axis=1),
           RNG.normal(size=3))  # fmt: skip


def test_named_functions():
    a = matrix((4, 3), 0.6)
    found = [pt.sparse.structured_exp(a), S.structured_log(abs(a)), S.structured_pow(a, 2.0),
             S.structured_sigmoid(a), S.abs(a), S.sin(a), S.row_scale(a, [1.0, 2, 3, 4]),
             S.col_scale(a, [1.0, 2, 3]), S.usmm(2.0, a, np.ones(3), np.ones(4)),
             S.dot(np.ones(4), a), S.dot(a, a.T)]  # fmt: skip
    d = a.toarray()
    there = d != 0
    with np.errstate(all="ignore"):
        wanted = [np.where(there, np.exp(d), 0), np.where(there, np.log(abs(d)), 0), d**2,
                  np.where(there, 1 / (1 + np.exp(-d)), 0), abs(d), np.sin(d),
                  d * np.array([[1.0], [2], [3], [4]]), d * np.array([1.0, 2, 3]),
                  2 * d.sum(axis=1) + 1, d.sum(axis=0), d @ d.T]  # fmt: skip
    for got, value in zip(found, wanted, strict=True):
        np.testing.assert_allclose(dense(got.eval()), value, rtol=1e-12)
    rows, columns, data = S.find(a.tocsc())
    np.testing.assert_array_equal(d[rows, columns], data.eval())
    assert S.issparse(a) and S.issparse(S.as_sparse(a)) and not S.issparse(d)


def test_operands_of_scipy_and_numpy():
    a, b = matrix((4, 3)), matrix((4, 3), 0.5)
    ours, full, v = S.as_sparse(a), RNG.normal(size=(4, 3)), RNG.normal(size=3)
    x = pt.as_tensor(v)
    for got, value in (
        (ours + b, a + b), (b + ours, a + b), (ours * b, a * b), (ours @ b.T, a @ b.T),
        (full + ours, full + a.toarray()), (full * ours, a.toarray() * full), (2 * ours, 2 * a),
        (np.ones(4) @ ours, np.ones(4) @ a), (x @ ours.T, a @ v), (ours * x, a * v),
        (x * ours, a * v), (x + ours, a.toarray() + v), (v - ours, v - a.toarray()),
        (ours @ x, a @ v),
    ):  # fmt: skip
        np.testing.assert_allclose(dense(got.eval()), dense(value), rtol=1e-12)


@pytest.mark.parametrize("format", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
def test_all_formats_of_scipy(format):
    a = matrix((4, 6), 0.4).asformat(format)
    for given in (a, getattr(sparse, f"{format}_matrix")(a)):
        ours = S.as_sparse(given)
        assert ours.format == ("csc" if format == "csc" else "csr")
        for x in (ours, S.csr_array(given), S.csc_array(given), S.coo_array(given)):
            np.testing.assert_array_equal(x.eval().toarray(), a.toarray())
        np.testing.assert_allclose((ours + given).eval().toarray(), 2 * a.toarray())
        np.testing.assert_allclose(S.vstack([given]).eval().toarray(), a.toarray())
        np.testing.assert_allclose(S.shared(given).get_value().toarray(), a.toarray())


def test_shared_matrices():
    a = matrix((4, 3), 0.6, "csc")
    shared = S.shared(a, "A")
    x = pt.vector("x")
    f = pt.function([x], [shared @ x, shared], updates={shared.variable: shared.data * 2})
    value, kept = f(np.ones(3))
    np.testing.assert_allclose(value, a @ np.ones(3))
    np.testing.assert_allclose(kept.toarray(), a.toarray())
    np.testing.assert_allclose(shared.get_value().toarray(), 2 * a.toarray())
    fewer = sparse.csr_array(np.where(RNG.random((4, 3)) < 0.5, a.toarray(), 0))
    shared.set_value(fewer)
    np.testing.assert_allclose(f(np.ones(3))[0], fewer @ np.ones(3))
    with pytest.raises(ValueError, match=r"entries where csc_array of .* has none"):
        shared.set_value(np.ones((4, 3)))
    with pytest.raises(ValueError, match="shapes"):
        shared.set_value(a.T)


def test_results_of_functions(tmp_path):
    a = matrix((4, 3), 0.5, "csc")
    x = pt.vector("x", shape=(a.nnz,))
    f = pt.function([x], {"A": of(a, x) * 2, "more": [of(a, x).T, x]})
    for g in (f, pickle.loads(pickle.dumps(f))):
        found = g(a.data)
        assert found["A"].format == "csc" and found["more"][0].format == "csr"
        np.testing.assert_allclose(found["A"].toarray(), 2 * a.toarray())
        np.testing.assert_allclose(found["more"][0].toarray(), a.toarray().T)
    only = pt.function([x], of(a, x))
    assert sparse.issparse(only(a.data)) and only.subset is not None
    assert sparse.issparse(f.subset(["A"])(a.data)["A"])
    again = pickle.loads(pickle.dumps(S.as_sparse(a)))
    assert again.pattern is S.as_sparse(a).pattern
    np.testing.assert_allclose(again.eval().toarray(), a.toarray())
    with pytest.raises(FloatingPointError, match="6 of 6 elements are nan"):
        pt.function([x], {"A": of(a, x)}, check="nan")(np.full(a.nnz, np.nan))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_sums_by_sorted_groups_of_all_lengths(dtype):
    """Of groups of one entry to hundreds the compiled sum is the machine's, bit for bit."""
    x, groups = pt.vector("x"), pt.vector("groups", dtype=dtype)
    y = pt.segment_sum(x * x, groups, 40)
    fs = [pt.function([x, groups], y, target=target) for target in ("cython", "machine")]
    for most in (1, 2, 5, 8, 9, 20, 400):
        lengths = RNG.integers(0, most + 1, size=40)
        ids = np.repeat(np.arange(40), lengths)
        for order in (ids, ids[::-1], RNG.permutation(ids)):
            given = RNG.normal(size=len(ids)), order.astype(dtype)
            compiled, machine = (f(*given) for f in fs)
            np.testing.assert_array_equal(compiled, machine)
            wanted = np.bincount(order, given[0] ** 2, minlength=40)
            np.testing.assert_allclose(compiled, wanted, rtol=1e-13)


def test_a_model_with_a_sparse_design():
    """Against the dense one, log density and gradient."""
    design = matrix((30, 8), 0.2)
    y = RNG.normal(size=30)

    def posterior(mean_of):
        beta = pt.random.normal(0.0, 1.0, shape=8, name="beta")
        sigma = pt.random.half_normal(1.0, name="sigma")
        return pt.condition({pt.random.normal(mean_of(beta), sigma, name="y"): y})

    ours = posterior(lambda beta: S.as_sparse(design) @ beta)
    meant = posterior(lambda beta: pt.as_tensor(design.toarray()) @ beta)
    q = RNG.normal(size=9)
    for got, value in zip(ours.logp_and_grad(q), meant.logp_and_grad(q)):
        np.testing.assert_allclose(got, value, rtol=1e-12)


def test_patterns_are_one_object_and_checked():
    one = Pattern((2, 3), [0, 1, 2], [2, 0])
    assert one is Pattern((2, 3), np.array([0, 1, 2], np.int32), np.array([2, 0]))
    assert one is not Pattern((2, 4), [0, 1, 2], [2, 0])
    turned, order = one.transposed
    assert turned.shape == (3, 2) and list(order) == [1, 0] and turned.transposed[0] is one
    assert pickle.loads(pickle.dumps(one)) is one
    for shape, indptr, indices, message in (
        ((2, 3), [0, 1], [0], "2 rows need 3"), ((1, 3), [0, 2], [0], "rises from 0"),
        ((1, 3), [0, 1], [3], "of 3"), ((1, 3), [0, 2], [1, 1], "without duplicates"),
        ((1, 3), [0, 2], [2, 1], "rise within"), ((-1, 3), [0], [], "negative"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            Pattern(shape, indptr, indices)


A = S.as_sparse(sparse.csr_array(np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]])))
ERRORS = {
    "sizes of a product": (lambda: A @ np.ones(2), GraphError, r"\(2, 3\) and \(2,\) do not fit"),
    "sizes from the left": (lambda: np.ones(3) @ A, GraphError, "do not fit"),
    "sizes of sparse products": (lambda: A @ A, GraphError, "3 columns meet 2 rows"),
    "a product with a number": (lambda: A @ pt.as_tensor(2.0), GraphError, r"A \* x for a number"),
    "other shapes": (lambda: A + A.T, GraphError, "do not broadcast"),
    "no broadcasting": (lambda: A * np.ones(2), GraphError, "does not broadcast"),
    "a number added": (lambda: A + 1.0, GraphError, "A.toarray()"),
    "a number subtracted from": (lambda: 1.0 - A, GraphError, "has no entries"),
    "a quotient": (lambda: 1.0 / A, GraphError, "has no entries"),
    "a negative power": (lambda: A**-1, GraphError, "above 0"),
    "equal to 0": (lambda: A == 0, GraphError, "has no entries"),
    "a comparison true at 0": (lambda: A > -1, GraphError, "has no entries"),
    "a maximum above 0": (lambda: A.maximum(1.0), GraphError, "has no entries"),
    "an axis": (lambda: A.sum(axis=2), ValueError, "0, 1 or None"),
    "an index": (lambda: A[5], IndexError, "out of range"),
    "a symbolic index": (lambda: A[pt.iscalar("i")], GraphError, "fixed when the graph is made"),
    "a third axis": (lambda: A[0, 0, 0], IndexError, "two axes"),
    "a dense tensor": (lambda: S.csr_array(pt.matrix("M")), GraphError, "coo_array"),
    "symbolic places": (
        lambda: S.coo_array((np.ones(2), (pt.ivector("i"), [0, 1])), shape=(2, 2)),
        GraphError, "segment_sum",
    ),
    "lengths": (lambda: S.coo_array((np.ones(3), ([0], [1]))), GraphError, "vector of 1 numbers"),
    "an entry outside": (
        lambda: S.coo_array((np.ones(1), ([4], [1])), shape=(2, 2)), ValueError, "outside"
    ),
    "indptr": (lambda: S.csr_array((np.ones(1), [0], [0, 2])), ValueError, "rises from 0"),
    "another shape": (lambda: S.csr_array(sparse.eye_array(2), shape=(3, 3)), ValueError, "shape"),
    "what is not sparse": (lambda: S.hstack([np.eye(2)]), GraphError, "expected a sparse tensor"),
    "rows of a stack": (lambda: S.hstack([A, A.T]), GraphError, "sparse"),
    "names of others": (lambda: S.csr_matrix, AttributeError, "csr_array"),
    "an array": (lambda: np.asarray(A), TypeError, "scipy.sparse"),
    "a truth value": (lambda: bool(A), TypeError, "no truth value"),
    "an attribute": (lambda: A.cumsum, AttributeError, "A.toarray()"),
    "a setter": (lambda: setattr(A, "data", 1), AttributeError, "with_data"),
    "an exponential": (lambda: pt.exp(A), GraphError, "toarray"),
    "a matrix of scipy in a tensor's product": (
        lambda: pt.vector("x") @ sparse.eye_array(2), GraphError, "as_sparse"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors_name_the_way_out(case):
    do, kind, message = ERRORS[case]
    with pytest.raises(kind, match=message) as caught:
        do()
    if not isinstance(caught.value, AttributeError) or case == "names of others":
        assert __file__ in str(caught.value)


UNKNOWN = {
    "a product": lambda v, m: A @ v, "a product of columns": lambda v, m: A @ m,
    "a product from the left": lambda v, m: v @ A.T, "rows of a dense one": lambda v, m: m.T @ A.T,
    "entry by entry": lambda v, m: (A * v).data, "a sum": lambda v, m: A + v,
    "columns scaled": lambda v, m: S.col_scale(A, v).data,
    "a product at entries": lambda v, m: S.sampling_dot(np.ones((2, 2)), m, A).data,
    "data": lambda v, m: A.with_data(v).toarray(), "a system": lambda v, m: S.linalg.spsolve(Q, v),
    "a triangle": lambda v, m: S.linalg.cholesky(Q).solve_L(m),
    "a draw": lambda v, m: S.linalg.cholesky(Q).sample(v),
    "made of data": lambda v, m: S.csr_array((v, [0, 1, 1], [0, 1, 3]), shape=(2, 2)).toarray(),
}  # fmt: skip
Q = S.eye_array(3)


@pytest.mark.parametrize("target", ["machine", "interp"])
@pytest.mark.parametrize("case", UNKNOWN)
def test_sizes_that_only_a_call_knows(case, target):
    """Three rows fit everywhere; fewer or more are refused, also where all indices lie inside."""
    v, m = pt.vector("v"), pt.matrix("m")
    f = pt.function([v, m], UNKNOWN[case](v, m), target=target, on_unused_input="ignore")
    assert np.isfinite(f(np.ones(3), np.ones((3, 2)))).all()
    for n in (2, 4, 5):
        with pytest.raises(ValueError):
            f(np.ones(n), np.ones((n, 2)))


@pytest.mark.parametrize("seed", range(6))
def test_random_matrices(seed):
    """Chains of operations on small matrices of any density, against dense NumPy."""
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 7, size=2)
    a, b = (
        sparse.random_array((m, n), density=rng.random(), format=format, rng=rng)
        for format in rng.choice(["csr", "csc"], size=2)
    )
    x, y = S.as_sparse(a), S.as_sparse(b)
    p, q = a.toarray(), b.toarray()
    for _ in range(5):
        k = rng.integers(6)
        x, p = (
            (x + y, p + q), (x * y + x, p * q + p), (x @ y.T @ y, p @ q.T @ q), (x.maximum(y),
            np.maximum(p, q)), (x.T @ y @ y.T, p.T @ q @ q.T), (x - y.sin(), p - np.sin(q)),
        )[k]  # fmt: skip
        if k == 4:
            x, p = x.T, p.T
        rows = rng.integers(m, size=rng.integers(1, 5))
        if rng.random() < 0.3:
            x, p, y, q, m = x[rows], p[rows], y[rows], q[rows], len(rows)
    np.testing.assert_allclose(x.eval().toarray(), p, rtol=1e-10, atol=1e-12)
