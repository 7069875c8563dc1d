"""Arguments by position and by name mean what they mean to NumPy and SciPy, or are refused."""

import itertools

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.numpy_twin import check, static, symbolic

rng = np.random.default_rng(31)
A = rng.normal(size=(3, 4, 2))
M = rng.normal(size=(3, 4))
V = rng.normal(size=5)
I = rng.integers(-5, 5, (3, 4))
SPD = (lambda b: b @ b.T + 4 * np.eye(4))(rng.normal(size=(4, 4)))
LOW = np.tril(rng.normal(size=(3, 3))) + 4 * np.eye(3)
FULL = LOW + np.triu(rng.normal(size=(3, 3)), 1)


def call(*args, **kwargs):
    """The arguments of one call, after the array."""
    return args, kwargs


def product(**choices):
    """Calls by name, with each combination of the choices."""
    return [call(**dict(zip(choices, row))) for row in itertools.product(*choices.values())]


AXES3 = [None, 0, -1, (0, 2), (1, -3), ()]
FOLDS = {
    "sum": product(axis=AXES3, keepdims=[False, True]) + [
        call(0, "float32"), call(1, None, None, True), call(axis=1, initial=2.5),
        call((0, 1), np.float64, None, True, 1.0), call(where=A > 0), call(2, where=A[0] > 0),
        call(keepdims=1),
    ],
    "prod": [call(0, None, None, True), call(axis=1, initial=2.0, where=A > 0),
             call(-1, "float32")],
    "max": [call(0, None, True), call((0, 1), keepdims=True), call(axis=2, initial=0.5),
            call(initial=-1.0, where=A > 9), call(None, None, False, 0.0)],
    "min": [call(0, None, True), call(1, None, True, -0.5), call(2, initial=9.0, where=A > 0)],
    "all": [call(0, None, True), call(axis=(0, 1), where=A > 0), call(keepdims=True)],
    "any": [call(1, None, True), call(axis=(0, 1), where=A > 0), call(axis=-1)],
    "mean": [call(0, "float32"), call(1, None, None, True), call(axis=(0, 2), where=A > -1),
             call(keepdims=True)],
    "var": [call(0, None, None, 1), call(1, None, None, 1, True), call(axis=(0, 2), ddof=2),
            call(axis=0, correction=1), call(ddof=0.5), call(where=A > -1, axis=1, ddof=1),
            call(axis=1, mean=A.mean(1, keepdims=True)), call(axis=0, ddof=3), call(axis=0, ddof=5),
            call(0, "float32")],
    "std": [call(0, None, None, 1), call(axis=1, ddof=1, keepdims=True), call(correction=1),
            call(where=A > -1)],
    "ptp": [call(0), call(1, None, True), call(axis=(0, 1), keepdims=True)],
    "count_nonzero": [call(0), call(axis=(0, 1), keepdims=True)],
    "argmax": [call(1), call(0, None, keepdims=True), call(axis=-1, keepdims=True), call()],
    "argmin": [call(2), call(axis=None, keepdims=True), call(np.int64(1))],
    "cumsum": [call(0), call(1, "float64"), call(axis=-1, dtype="float64"), call()],
    "take": [call([0, 1], 1), call([3, 5], 1, None, "wrap"), call([9], axis=0, mode="clip"),
             call(indices=[[0, 2], [1, 0]], axis=0), call([0, 7], mode="wrap")],
    "clip": [call(-0.5, 0.5), call(None, 0.2), call(a_min=0, a_max=None), call(min=-0.1),
             call(a_max=0.1, a_min=-2), call(max=0.0, min=-1.0), call(0, 1, None)],
    "round": [call(1), call(decimals=2), call()],
    "repeat": [call(2), call(3, 1), call(2, axis=-1), call(repeats=2, axis=0)],
    "tile": [call(2), call((2, 1, 3)), call(reps=(2, 2))],
    "flip": [call(), call(0), call((0, 2)), call(axis=-1)],
    "roll": [call(2), call(1, 1), call((1, 2), (0, 1)), call(1, (0, 2)), call((1, 2), 1),
             call(shift=(3, -1, 2), axis=(2, 0, 0)), call((1, 2))],
    "diff": [call(), call(2, 1), call(n=1, axis=0), call(0), call(1, 1, 0.5), call(append=2.0),
             call(axis=1, prepend=A[:, :2], append=A[:, :1])],
    "expand_dims": [call(0), call((0, 2)), call(axis=(-1, 1)), call((3, 0))],
    "moveaxis": [call(0, 2), call([0, 1], [-1, 0]), call(source=2, destination=0)],
    "swapaxes": [call(0, 2), call(axis1=-1, axis2=1)],
    "transpose": [call(), call((2, 0, 1)), call(axes=[0, -1, 1]), call(None)],
    "reshape": [call((4, 6)), call(-1), call(shape=(2, -1)), call((4, 6), "F"),
                call((6, 2, 2), order="F"), call([24]), call(24)],
    "ravel": [call(), call("F"), call(order="C")],
    "broadcast_to": [call((2, 3, 4, 2)), call(shape=(1, 3, 4, 2))],
    "diagonal": [call(), call(1, 1, 2), call(offset=-1, axis1=-1, axis2=0)],
    "trace": [call(), call(1), call(0, 1, 2), call(axis1=2, axis2=0, dtype="float32")],
    "full_like": [call(2.5), call(fill_value=3, dtype="int64"),
                  call(1, "float32", "K", True, (2, 2))],
    "zeros_like": [call(), call("int64"), call(shape=(2, 3))],
    "ones_like": [call(dtype="float32"), call(shape=4)],
    "nan_to_num": [call(True, 1.0), call(nan=2.0, posinf=3.0)],
    "isclose": [call(A + 1e-6, 1e-5), call(b=A, rtol=0, atol=0), call(A, 0.0, 1e-3, True)],
    "allclose": [call(A + 1e-9), call(b=A + 1, atol=2)],
    "atleast_1d": [call()], "atleast_2d": [call()],
    "squeeze": [call()],
}  # fmt: skip
CASES = [(name, k) for name, calls in FOLDS.items() for k in range(len(calls))]


@pytest.mark.parametrize("name,k", CASES, ids=[f"{name}-{k}" for name, k in CASES])
def test_call_of_a_tensor(name, k):
    args, kwargs = FOLDS[name][k]
    single = "float32" in (kwargs.get("dtype"), *[a for a in args if isinstance(a, str)])
    rtol = 1e-5 if single else 1e-12
    # What reads sizes (masks, shapes with -1) needs them known.
    makers = (static,) if name in ("broadcast_to", "reshape") or "where" in kwargs else (
        static, symbolic)  # fmt: skip
    twin = getattr(np, name)
    check(lambda x: getattr(pt, name)(x, *args, **kwargs),
          lambda a: twin(a, *args, **kwargs), A, makers=makers, rtol=rtol)  # fmt: skip


ORDERS = [None, 2, 1, 0, 3, 0.5, -1, -2, np.inf, -np.inf]
MATRIX_ORDERS = [None, "fro", 1, -1, np.inf, -np.inf]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_norms_of_vectors(order, keepdims):
    norm = np.linalg.norm
    check(lambda x: pt.norm(x, order, None, keepdims), lambda v: norm(v, order, None, keepdims), V)
    check(lambda x: pt.linalg.norm(x, ord=order, axis=1, keepdims=keepdims),
          lambda a: norm(a, ord=order, axis=1, keepdims=keepdims), A)  # fmt: skip
    if order is not None:
        check(lambda x: pt.linalg.vector_norm(x, axis=(0, 2), keepdims=keepdims, ord=order),
              lambda a: np.linalg.vector_norm(a, axis=(0, 2), keepdims=keepdims, ord=order), A,
              rtol=1e-12)  # fmt: skip


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("order", MATRIX_ORDERS)
def test_norms_of_matrices(order, keepdims):
    norm = np.linalg.norm
    check(lambda x: pt.norm(x, order, keepdims=keepdims),
          lambda a: norm(a, order, keepdims=keepdims), M)  # fmt: skip
    for axis in ((0, 1), (2, 0), (-1, -2)):
        check(lambda x, axis=axis: pt.norm(x, order, axis, keepdims),
              lambda a, axis=axis: norm(a, order, axis, keepdims), A)  # fmt: skip
    if order is not None:
        check(lambda x: pt.linalg.matrix_norm(x, keepdims=keepdims, ord=order),
              lambda a: np.linalg.matrix_norm(a, keepdims=keepdims, ord=order), A)  # fmt: skip


def test_norm_of_everything():
    check(pt.norm, np.linalg.norm, A)
    check(lambda x: pt.norm(x, keepdims=True), lambda a: np.linalg.norm(a, keepdims=True), A)
    check(pt.norm, np.linalg.norm, I)


TRANS = [0, 1, 2, "N", "T", "C", True, False]
SYSTEMS = list(itertools.product(TRANS, [False, True], [False, True]))


@pytest.mark.parametrize("trans,lower,unit", SYSTEMS)
def test_triangular_systems(trans, lower, unit):
    for b in (V[:3], M[:, :2]):
        check(lambda a, b: pt.solve_triangular(a, b, trans, lower, unit, True),
              lambda a, b: scipy.linalg.solve_triangular(a, b, trans, lower, unit),
              FULL, b, rtol=1e-11)  # fmt: skip
        check(lambda a, b: pt.linalg.solve_triangular(a, b=b, lower=lower, trans=trans,
                                                      unit_diagonal=unit, check_finite=False),
              lambda a, b: scipy.linalg.solve_triangular(a, b, trans, lower, unit),
              FULL, b, rtol=1e-11)  # fmt: skip


def test_the_upper_triangle_is_the_default():
    check(pt.solve_triangular, scipy.linalg.solve_triangular, FULL, V[:3], rtol=1e-11)


@pytest.mark.parametrize("lower", [False, True, 0, 1])
def test_systems_by_a_cholesky_factor(lower):
    factor = scipy.linalg.cho_factor(SPD, lower=lower)[0]
    for b in (V[:4], M.T):
        check(lambda c, b: pt.cho_solve((c, lower), b),
              lambda c, b: scipy.linalg.cho_solve((c, lower), b), factor, b,
              rtol=1e-10)  # fmt: skip
        check(lambda a, b: pt.cho_solve(pt.cholesky(a), b), np.linalg.solve, SPD, b, rtol=1e-10)
        check(pt.linalg.solve, np.linalg.solve, SPD[::-1] + np.eye(len(SPD)), b, rtol=1e-10)


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_reads_the_triangle_it_gives(upper):
    odd = SPD + (np.tril if upper else np.triu)(np.ones((4, 4)), -1 if upper else 1)
    check(lambda a: pt.linalg.cholesky(a, upper=upper),
          lambda a: np.linalg.cholesky(a, upper=upper), odd, rtol=1e-11)  # fmt: skip


SPECIAL = {
    "logsumexp": [
        call(), call(1), call((0, 2), None, True), call(axis=0, b=np.abs(A)), call(b=2.0),
        call(1, np.where(A > 0, A, 0.0), True), call(axis=-1, keepdims=True), call(0, A**2 - 1),
    ],
    "softmax": [call(), call(0), call(axis=(0, 2)), call(axis=-1)],
    "log_softmax": [call(), call(1), call(axis=(0, 1))],
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_functions_of_scipy(name):
    for args, kwargs in SPECIAL[name]:
        check(lambda x, args=args, kwargs=kwargs: getattr(pt.special, name)(x, *args, **kwargs),
              lambda a, args=args, kwargs=kwargs: getattr(scipy.special, name)(a, *args, **kwargs),
              A, rtol=1e-11)  # fmt: skip


def test_weights_of_zero_remove_even_infinity():
    a, b = np.array([np.inf, 1.0, 2.0]), np.array([0.0, 1.0, -0.25])
    check(lambda x: pt.logsumexp(x, b=b), lambda x: scipy.special.logsumexp(x, b=b), a)


def test_functions_of_several_tensors():
    check(lambda x, y: pt.tensordot(x, y, axes=([0], [0])),
          lambda a, b: np.tensordot(a, b, axes=([0], [0])), M, A, rtol=1e-12)  # fmt: skip
    check(lambda x, y: pt.tensordot(x, y, np.int64(1)), lambda a, b: np.tensordot(a, b, 1), M, M.T,
          rtol=1e-12)  # fmt: skip
    check(lambda x, y: pt.vecdot(x, y, axis=0), lambda a, b: np.vecdot(a, b, axis=0), M, M,
          rtol=1e-12)  # fmt: skip
    check(lambda x, y: pt.concatenate((x, y), 1, dtype="float32"),
          lambda a, b: np.concatenate((a, b), 1, dtype="float32"), M, M, rtol=1e-6)  # fmt: skip
    check(lambda x, y: pt.stack((x, y), axis=-1), lambda a, b: np.stack((a, b), axis=-1), M, M)
    check(lambda x, y: pt.concatenate([x, y], axis=None),
          lambda a, b: np.concatenate([a, b], axis=None), M, V)  # fmt: skip
    check(lambda x: pt.take_along_axis(x, np.array([0, 5]), None),
          lambda a: np.take_along_axis(a, np.array([0, 5]), None), M)  # fmt: skip
    for parts, axis in ((2, 1), ([1, 3], 1), (3, 0), ([1], -1)):
        for k, meant in enumerate(np.split(M, parts, axis)):
            check(lambda x, k=k, p=parts, s=axis: pt.split(x, p, axis=s)[k],
                  lambda a, meant=meant: meant, M, makers=(static,))  # fmt: skip
    for k in range(2):
        check(lambda x, y, k=k: pt.meshgrid(x, y, sparse=True)[k],
              lambda a, b, k=k: np.meshgrid(a, b, sparse=True)[k], V, V[:3])  # fmt: skip
        check(lambda x, y, k=k: pt.atleast_2d(x, y)[k], lambda a, b, k=k: np.atleast_2d(a, b)[k],
              V, M)  # fmt: skip
    check(lambda x: pt.einsum("ij->i", x, optimize=True), lambda a: np.einsum("ij->i", a), M)


CREATED = {
    "linspace": [call(0, 1, 5, True, False, "float32"), call(0, 9, num=4, dtype="int64"),
                 call(np.zeros(2), np.ones(2), 3, axis=1), call(0, 1, endpoint=False)],
    "eye": [call(3), call(2, 4, 1), call(N=2, M=3, dtype="int64"), call(3, k=-1)],
    "tri": [call(3), call(2, 4, 1, "int64"), call(N=3, k=-1)],
    "identity": [call(3), call(2, "float32")],
    "zeros": [call(3), call((2, 2), "int64"), call(shape=2, dtype=None)],
    "ones": [call((2, 1)), call(2, dtype="float32")],
    "full": [call((2, 2), 3.5), call(shape=2, fill_value=1, dtype="int8")],
    "arange": [call(4), call(1, 7, 2), call(0.0, 1.0, 0.25), call(3, dtype="float32")],
}  # fmt: skip


@pytest.mark.parametrize("name", CREATED)
def test_creation(name):
    for args, kwargs in CREATED[name]:
        check(lambda args=args, kwargs=kwargs: getattr(pt, name)(*args, **kwargs),
              lambda args=args, kwargs=kwargs: getattr(np, name)(*args, **kwargs),
              rtol=1e-6)  # fmt: skip


OFFSETS = {
    "triu": lambda m, x, k: m.triu(x, k),
    "tril": lambda m, x, k: m.tril(x, k),
    "diag": lambda m, x, k: m.diag(x, k),
    "diagonal": lambda m, x, k: m.diagonal(x, k),
    "trace": lambda m, x, k: m.trace(x, k),
    "diag of a vector": lambda m, x, k: m.diag(x[0], k),
    "roll": lambda m, x, k: m.roll(x, k, 1),
    "eye": lambda m, x, k: m.eye(3, 4, k) * x,
    "tri": lambda m, x, k: m.tri(3, 4, k) * x,
}


@pytest.mark.parametrize("name", OFFSETS)
def test_offsets_are_integers_of_any_kind(name):
    of = OFFSETS[name]
    for k in (0, -1, True, np.int8(-2), np.uint8(2), np.uint64(1), np.uint64(0)):
        check(lambda x, k=k: of(pt, x, k), lambda x, k=k: of(np, x, int(k)), M, makers=(static,))
    for wrong in (1.0, np.float32(1), (1.0,), ((1,),), None, pt.scalar("k")):
        with pytest.raises(TypeError, match=f"{name[:4]}.*: .* is an integer, not"):
            of(pt, static(M), wrong)


def test_offsets_and_numbers_may_be_symbolic_sizes():
    pair = V[:2]
    for k in (lambda n: n, lambda n: n - 1, lambda n: 1 - n):
        check(lambda x, y, k=k: pt.diag(x, k(y.shape[0])), lambda x, y, k=k: np.diag(x, k(2)),
              V, pair)  # fmt: skip
        check(lambda x, y, k=k: pt.diagonal(x, k(y.shape[0])),
              lambda x, y, k=k: np.diagonal(x, k(2)), M, pair)  # fmt: skip
    check(lambda x, y: pt.linspace(1, x, y.shape[0]), lambda x, y: np.linspace(1, x, 2), V, pair)


@pytest.mark.parametrize("num", [0, 1, 4])
def test_as_many_values_as_an_input_has(num):
    for options in ({}, {"endpoint": False}, {"dtype": "int32"}):
        check(lambda x, o=options: pt.linspace(2, 9, x.shape[0], **o),
              lambda x, o=options: np.linspace(2, 9, num, **o), np.ones(num))  # fmt: skip
    check(lambda x: pt.linspace(2.0, 9, x.shape[0], retstep=True)[1],
          lambda x: np.linspace(2.0, 9, num, retstep=True)[1], np.ones(num))  # fmt: skip


def test_single_precision_stays():
    x = np.array([np.nan, np.inf, -np.inf, 1.5], "float32")
    check(lambda x: pt.linspace(x[3], 3, 4), lambda x: np.linspace(x[3:], 3, 4)[:, 0], x, rtol=1e-6)
    filled = {"nan": np.int64(3), "posinf": np.float64(2)}
    check(lambda x: pt.nan_to_num(x, **filled), lambda x: np.nan_to_num(x, **filled), x)


@pytest.mark.parametrize("fold", ["sum", "prod", "max", "min"])
def test_the_beginning_of_a_fold_of_integers_fits(fold):
    x = pt.tensor("x", (3,), "int8")
    fold = getattr(pt, fold)
    for initial in (2**65, np.uint64(2**63), np.array(2**63, "uint64")):
        with pytest.raises(OverflowError, match=r"the Python number \d+ does not fit in"):
            fold(x, initial=initial)
    with pytest.raises(GraphError, match="initial is uint64, which int"):
        fold(x, initial=pt.scalar("k", dtype="uint64"))
    assert fold(x, initial=np.int64(7)).dtype == fold(x).dtype


def test_linspace_tells_its_step():
    values, step = pt.linspace(0.0, 1.0, 5, retstep=True)
    check(lambda: step, lambda: np.linspace(0.0, 1.0, 5, retstep=True)[1])
    check(lambda: values, lambda: np.linspace(0.0, 1.0, 5))


# Each takes an axis; the second part is whether NumPy takes a tuple of them.
ONE_AXIS = {
    "argmax": lambda x, a: pt.argmax(x, axis=a),
    "argmin": lambda x, a: pt.argmin(x, axis=a),
    "cumsum": lambda x, a: pt.cumsum(x, axis=a),
    "diff": lambda x, a: pt.diff(x, axis=a),
    "repeat": lambda x, a: pt.repeat(x, 2, axis=a),
    "take": lambda x, a: pt.take(x, [0], axis=a),
    "take_along_axis": lambda x, a: pt.take_along_axis(x, np.zeros((1, 1), int), axis=a),
    "concatenate": lambda x, a: pt.concatenate([x, x], axis=a),
    "stack": lambda x, a: pt.stack([x, x], axis=a),
    "split": lambda x, a: pt.split(x, 2, axis=a),
    "swapaxes": lambda x, a: pt.swapaxes(x, a, 1),
    "vecdot": lambda x, a: pt.vecdot(x, x, axis=a),
    "linspace": lambda x, a: pt.linspace(x, x, 3, axis=a),
    "diagonal": lambda x, a: pt.diagonal(x, 0, a, 1),
    "trace": lambda x, a: pt.trace(x, 0, 0, a),
    "vmap": lambda x, a: pt.vmap(pt.exp, in_axes=(a,))(x),
}
SEVERAL_AXES = {
    name: lambda x, a, f=name: getattr(pt, f)(x, axis=a)
    for name in ("sum", "prod", "max", "min", "all", "any", "mean", "var", "std", "ptp", "norm",
                 "count_nonzero", "logsumexp", "softmax", "log_softmax", "flip", "squeeze")
} | {"roll": lambda x, a: pt.roll(x, 1, a), "expand_dims": lambda x, a: pt.expand_dims(x, a),
     "moveaxis": lambda x, a: pt.moveaxis(x, a, 0)}  # fmt: skip
WRONG_AXES = ["0", 1.0, True, np.array([0, 1]), pt.scalar("k", dtype="int64"), {"axis": 0}, 7, -9]


@pytest.mark.parametrize("name", ONE_AXIS)
@pytest.mark.parametrize("axis", [(0,), (0, 1), [0], (), *WRONG_AXES], ids=repr)
def test_one_axis_is_one_integer(name, axis):
    with pytest.raises(GraphError, match=rf"{name}: .*ax.*\n  at .*test_arguments.py:") as caught:
        ONE_AXIS[name](pt.tensor("x", (2, 2)), axis)
    assert len(str(caught.value).splitlines()) <= 8


@pytest.mark.parametrize("name", SEVERAL_AXES)
@pytest.mark.parametrize("axis", [*WRONG_AXES, (0, 9), (0, "1"), (0, 0.0)], ids=repr)
def test_several_axes_are_integers(name, axis):
    with pytest.raises(GraphError, match=rf"{name}: .*ax.*\n  at .*test_arguments.py:") as caught:
        SEVERAL_AXES[name](pt.tensor("x", (2, 2)), axis)
    assert "x has shape (2, 2), made at" in str(caught.value)


REFUSED = {
    "out": lambda x: pt.sum(x, out=np.zeros(2)),
    "out by position": lambda x: pt.max(x, 0, True),
    "dtype by position": lambda x: pt.sum(x, 0, True),
    "out of a ufunc": lambda x: pt.exp(x, out=x),
    "where of a ufunc": lambda x: pt.exp(x, where=x > 0),
    "casting": lambda x: pt.concatenate([x, x], casting="unsafe"),
    "order": lambda x: pt.zeros(3, order="F"),
    "order of reshape": lambda x: pt.reshape(x, (4,), order="K"),
    "a shape in several arguments": lambda x: pt.reshape(x, 4, 1),
    "copy": lambda x: pt.nan_to_num(x, copy=False),
    "like": lambda x: pt.eye(3, like=x),
    "subok": lambda x: pt.broadcast_to(x, (2, 2), subok=True),
    "check_finite": lambda x: pt.solve_triangular(x, x, check_finite=True),
    "overwrite_input": lambda x: pt.median(x, overwrite_input=True),
    "trans": lambda x: pt.solve_triangular(x, x, "transposed"),
    "a tensor as trans": lambda x: pt.solve_triangular(x, x, x),
    "lower": lambda x: pt.solve_triangular(x, x, lower="False"),
    "lower of cho_solve": lambda x: pt.cho_solve((x, "lower"), x),
    "lower of cholesky": lambda x: pt.cholesky(x, lower=True),
    "keepdims": lambda x: pt.sum(x, keepdims="no"),
    "keepdims of argmax": lambda x: pt.argmax(x, 0, keepdims=2),
    "two bounds": lambda x: pt.clip(x, 0, 1, max=2),
    "ddof": lambda x: pt.var(x, ddof="1"),
    "ddof twice": lambda x: pt.std(x, ddof=1, correction=1),
    "dtype of a mean": lambda x: pt.mean(x, dtype="int64"),
    "no dtype": lambda x: pt.sum(x, dtype=1),
    "an order of no norm": lambda x: pt.norm(x, 3),
    "an order of no vector norm": lambda x: pt.norm(x, "fro", 0),
    "a norm of three axes": lambda x: pt.norm(x[None], 1),
    "a mask that is none": lambda x: pt.sum(x, where=x),
    "a mask of a maximum": lambda x: pt.max(x, where=x > 0),
    "an initial array": lambda x: pt.sum(x, initial=x),
    "a fraction for integers": lambda x: pt.max(x.astype("int64"), initial=0.5),
    "shifts and axes": lambda x: pt.roll(x, (1, 2), (0, 1, 0)),
    "half a shift": lambda x: pt.roll(x, 0.5, 0),
    "a pattern of axes": lambda x: x.dimshuffle(0, "x", 5),
    "an axis of results": lambda x: pt.vmap(pt.exp, out_axes=(0, 1))(x),
    "a negative order": lambda x: pt.diff(x, -1),
    "einsum by lists": lambda x: pt.einsum(x, [0, -1]),
    "a name that is a dtype": lambda x: pt.tensor("float32"),
    "a vector's name that is a dtype": lambda x: pt.vector("int64"),
    "a type as a name": lambda x: pt.matrix(np.float32),
    "a row's name": lambda x: pt.row("complex128"),
    "a dtype as a shape": lambda x: pt.tensor("x", "float32"),
    "a number as a shape": lambda x: pt.tensor("x", 3),
    "a shape as a name": lambda x: pt.tensor((2, 3)),
    "a number as a name": lambda x: pt.tensor(3),
    "an option of grad": lambda x: pt.grad(pt.sum(x), x, disconnected="ignore"),
    "an option of value_and_grad": lambda x: pt.value_and_grad(pt.sum(x), x, ignore=True),
    "a choice of grad": lambda x: pt.grad(pt.sum(x), x, disconnected_inputs="maybe"),
    "NumPy's loc": lambda x: pt.random.normal(loc=0, scale=1),
    "NumPy's size": lambda x: pt.random.normal(0, 1, size=3),
    "a shape by position": lambda x: pt.random.half_normal(2, 5),
    "a name by position": lambda x: pt.random.poisson(2, "counts"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_meaning_here_is_refused(what):
    with pytest.raises((TypeError, ValueError)) as caught:
        REFUSED[what](pt.tensor("x", (2, 2)))
    text = str(caught.value)
    assert "test_arguments.py:" in text and len(text.splitlines()) <= 8, text
    assert text.split("\n")[0].split(":")[0].split(" ")[0].replace("_", "").isalpha(), text


def test_a_word_for_what_others_call_otherwise():
    with pytest.raises(TypeError, match="'loc': did you mean 'mu'"):
        pt.random.normal(loc=0)
    with pytest.raises(TypeError, match="'size': did you mean 'shape'"):
        pt.random.gamma(1, 1, size=3)
    with pytest.raises(TypeError, match="'keepdim': did you mean 'keepdims'"):
        pt.sum(V, keepdim=True)
    with pytest.raises(TypeError, match="'upates': did you mean 'updates'"):
        pt.function([], [], upates={})


def test_options_of_grad_are_heeded():
    x, y = pt.scalar("x"), pt.scalar("y")
    assert pt.grad(x * 2, y, disconnected_inputs="ignore", return_disconnected="none") is None
    value, slopes = pt.value_and_grad(x * y, [x, y], consider_constant=[y],
                                      disconnected_inputs="ignore")  # fmt: skip
    f = pt.function([x, y], [value, *slopes], target="interp")
    assert [float(v) for v in f(2.0, 3.0)] == [6.0, 3.0, 0.0]


TOGETHER = {
    "norms": (lambda x, t: pt.norm(x, np.inf), lambda x, t: np.linalg.norm(x, np.inf)),
    "powers": (lambda x, t: pt.norm(x, 3, 0, True), lambda x, t: np.linalg.norm(x, 3, 0, True)),
    "masks": (lambda x, t: pt.max(x, 0, None, False, 0.1, x > 0),
              lambda x, t: np.max(x, 0, None, False, 0.1, x > 0)),
    "means": (lambda x, t: pt.mean(x, 1, where=x > 0), lambda x, t: np.mean(x, 1, where=x > 0)),
    "deviations": (lambda x, t: pt.std(x, 0, None, None, 1), lambda x, t: np.std(x, 0, ddof=1)),
    "rolls": (lambda x, t: pt.roll(x, (1, -2), (0, 1)), lambda x, t: np.roll(x, (1, -2), (0, 1))),
    "columns": (lambda x, t: pt.ravel(x, "F"), lambda x, t: np.ravel(x, "F")),
    "differences": (lambda x, t: pt.diff(x, 1, 0, 0.5), lambda x, t: np.diff(x, 1, 0, 0.5)),
    "weights": (lambda x, t: pt.logsumexp(x, 1, x * x),
                lambda x, t: scipy.special.logsumexp(x, 1, x * x)),
    "systems": (lambda x, t: pt.solve_triangular(t, x, "T", True, True),
                lambda x, t: scipy.linalg.solve_triangular(t, x, "T", True, True)),
    "factors": (lambda x, t: pt.cholesky(t @ t.T, upper=True),
                lambda x, t: np.linalg.cholesky(t @ t.T, upper=True)),
    "solutions": (lambda x, t: pt.cho_solve((t.T, False), x),
                  lambda x, t: scipy.linalg.cho_solve((t.T, False), x)),
}  # fmt: skip


@pytest.mark.parametrize("target", ["interp", pytest.param("cython", marks=pytest.mark.slow)])
def test_what_is_new_runs_on_targets(target):
    x, t = pt.matrix("x"), pt.matrix("t")
    f = pt.function([x, t], {name: ours(x, t) for name, (ours, _) in TOGETHER.items()},
                    target=target)  # fmt: skip
    found = f(M, LOW)
    for name, (_, theirs) in TOGETHER.items():
        np.testing.assert_allclose(found[name], theirs(M, LOW), rtol=1e-10, err_msg=name)


def test_errors_of_the_users_own_code_stay_as_they_are():
    def own(row):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        pt.vmap(own)(pt.matrix("x"))


CALLS_OF_OTHERS = {
    "zeros": lambda x: pt.zeros("a"),
    "ones": lambda x: pt.ones((2,), dtype="float99"),
    "zeros_like": lambda x: pt.zeros_like(x, shape="a"),
    "full_like": lambda x: pt.full_like(x, 1, shape="a"),
    "identity": lambda x: pt.identity("a"),
    "ravel": lambda x: x.ravel("Q"),
    "flatten": lambda x: pt.flatten(x, order="Q"),
    "permute_dims": lambda x: pt.permute_dims(x, (0, 5)),
    "cho_solve": lambda x: pt.linalg.cho_solve((x, True), 1.0),
    # Those whose ops refuse the operands.
    "allclose": lambda x: pt.allclose(pt.ones(3), pt.ones(4)),
    "logical_xor": lambda x: pt.logical_xor(pt.ones(3), pt.ones(4)),
    "take": lambda x: pt.take(x, [1.5]),
    "clip": lambda x: pt.clip("a", 0, 1),
    "slogdet": lambda x: pt.linalg.slogdet(pt.ones((2, 3))),
    "add": lambda x: pt.ones(3) + pt.ones(4),
}


@pytest.mark.parametrize("name", CALLS_OF_OTHERS)
def test_errors_name_the_function_that_the_user_called(name):
    with pytest.raises(TypeError, match=rf"^{name}: ") as caught:
        CALLS_OF_OTHERS[name](pt.matrix("x"))
    assert "test_arguments.py:" in str(caught.value)


def test_a_function_within_the_users_own_function_is_named():
    with pytest.raises(GraphError, match=r"^zeros: "):
        pt.vmap(lambda row: row + pt.zeros("a"))(pt.matrix("x"))
