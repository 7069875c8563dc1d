"""NumPy's functions and SciPy's ufuncs on tensors are the functions of their name here."""

import numpy as np
import pytest
from scipy import special

import probtensor as pt

A, B = pt.tensor("a", shape=(2, 3)), pt.tensor("b", shape=(2, 3))
V, S, K = pt.tensor("v", shape=(3,)), pt.scalar("s"), pt.tensor("k", shape=(2, 3), dtype="int64")


def ufuncs(module):
    """The module's ufuncs that have a namesake here."""
    found = {n: f for n, f in vars(module).items() if isinstance(f, np.ufunc)}
    return {n: f for n, f in found.items() if hasattr(pt, f.__name__)}


UFUNCS = ufuncs(np)
SPECIAL = ufuncs(special)


def test_there_are_as_many_as_there_were():
    assert len(UFUNCS) >= 65
    assert {"expit", "gammaln", "erf", "ndtr", "xlogy", "psi", "betaln", "logit"} <= set(SPECIAL)


@pytest.mark.parametrize("name", sorted(UFUNCS | SPECIAL))
def test_a_ufunc_is_the_function_of_its_name(name):
    ufunc = (UFUNCS | SPECIAL)[name]
    ours = getattr(pt, ufunc.__name__)
    tensor = K if "i" not in "".join(t[0] for t in ufunc.types) or _whole(ufunc) else A
    if ufunc.nin == 1:
        assert _same(ufunc(tensor), ours(tensor))
    elif ufunc.signature is None:
        number = np.array([[1], [2]]) if tensor is K else np.array([[0.5], [0.25]])
        more = (1.5,) * (ufunc.nin - 2)
        for operands in ((tensor, tensor), (tensor, number), (number, tensor), (2, tensor)):
            assert _same(ufunc(*operands, *more), ours(*operands, *more))


def _same(found, meant):
    """Are they one node, or the same nodes in tuples?"""
    pairs = zip(found, meant, strict=True) if isinstance(meant, tuple) else [(found, meant)]
    return all(one is other for one, other in pairs)


def _whole(ufunc):
    """Does it take integers or bools alone?"""
    return not any(c in "efdg" for t in ufunc.types for c in t.split("->")[0])


FUNCTIONS = [
    lambda a, b, v, s: np.sum(a),
    lambda a, b, v, s: np.sum(a, axis=0),
    lambda a, b, v, s: np.sum(a, 1, keepdims=True),
    lambda a, b, v, s: np.sum(a, axis=None, dtype=None, out=None),
    lambda a, b, v, s: np.prod(a, axis=1),
    lambda a, b, v, s: np.mean(a, axis=0, keepdims=True),
    lambda a, b, v, s: np.std(a, axis=0, ddof=1),
    lambda a, b, v, s: np.var(a, ddof=1),
    lambda a, b, v, s: np.max(a, axis=0),
    lambda a, b, v, s: np.amin(a),
    lambda a, b, v, s: np.argmax(a, axis=1),
    lambda a, b, v, s: np.all(a > 0, axis=0),
    lambda a, b, v, s: np.any(a > 1),
    lambda a, b, v, s: np.cumsum(a, axis=1),
    lambda a, b, v, s: np.where(a > 0.5, a, b),
    lambda a, b, v, s: np.where([True, False, True], v, 0),
    lambda a, b, v, s: np.clip(a, 0.2, 0.6),
    lambda a, b, v, s: np.clip(a, a_min=0.2, a_max=None),
    lambda a, b, v, s: np.dot(a, v),
    lambda a, b, v, s: np.dot(np.ones((4, 2)), a),
    lambda a, b, v, s: np.inner(v, v),
    lambda a, b, v, s: np.outer(v, v),
    lambda a, b, v, s: np.matmul(a, v),
    lambda a, b, v, s: np.tensordot(a, b, axes=2),
    lambda a, b, v, s: np.einsum("ij,ij->i", a, b),
    lambda a, b, v, s: np.concatenate([a, b]),
    lambda a, b, v, s: np.concatenate((a, np.zeros((2, 1))), axis=1),
    lambda a, b, v, s: np.concatenate([a, b], 1),
    lambda a, b, v, s: np.stack([a, b], axis=1),
    lambda a, b, v, s: np.transpose(a),
    lambda a, b, v, s: np.swapaxes(a, 0, 1),
    lambda a, b, v, s: np.moveaxis(a, 0, -1),
    lambda a, b, v, s: np.expand_dims(a, axis=1),
    lambda a, b, v, s: np.squeeze(np.expand_dims(a, 0), axis=0),
    lambda a, b, v, s: np.reshape(a, (3, 2)),
    lambda a, b, v, s: np.ravel(a),
    lambda a, b, v, s: np.broadcast_to(v, (2, 3)),
    lambda a, b, v, s: np.tile(v, 2),
    lambda a, b, v, s: np.repeat(v, 2),
    lambda a, b, v, s: np.roll(v, 1),
    lambda a, b, v, s: np.flip(a, axis=1),
    lambda a, b, v, s: np.diff(v),
    lambda a, b, v, s: np.take(v, [2, 0]),
    lambda a, b, v, s: np.diag(v),
    lambda a, b, v, s: np.trace(np.outer(v, v)),
    lambda a, b, v, s: np.tril(np.outer(v, v)),
    lambda a, b, v, s: np.round(a, 1),
    lambda a, b, v, s: np.ones_like(a),
    lambda a, b, v, s: np.full_like(a, 2.0),
    lambda a, b, v, s: np.zeros_like(v),
    lambda a, b, v, s: np.isclose(a, b),
    lambda a, b, v, s: np.nan_to_num(a),
    lambda a, b, v, s: np.count_nonzero(a > 0.5),
    lambda a, b, v, s: np.linspace(0.0, s, 5),
    lambda a, b, v, s: np.linalg.norm(v),
    lambda a, b, v, s: np.linalg.cholesky(np.outer(v, v) + np.eye(3)),
    lambda a, b, v, s: np.add.reduce(a),
    lambda a, b, v, s: np.add.reduce(a, axis=1, keepdims=True),
    lambda a, b, v, s: np.add.reduce(a, axis=None),
    lambda a, b, v, s: np.multiply.reduce(a, 1),
    lambda a, b, v, s: np.maximum.reduce(a),
    lambda a, b, v, s: np.logical_or.reduce(a > 0.9, axis=1),
    lambda a, b, v, s: np.add.accumulate(a, axis=1),
    lambda a, b, v, s: np.multiply.outer(v, a),
    lambda a, b, v, s: np.subtract.outer(s, v),
    lambda a, b, v, s: np.ones((2, 3)) + a,
    lambda a, b, v, s: np.ones(3) - v * np.float64(2),
    lambda a, b, v, s: np.float32(2) ** v,
    lambda a, b, v, s: np.ones((4, 2)) @ a,
    lambda a, b, v, s: np.array([1.0, 2.0, 3.0]) > v,
    lambda a, b, v, s: np.int64(1) / s,
    lambda a, b, v, s: round(v, 1) if isinstance(v, pt.Node) else np.round(v, 1),
    lambda a, b, v, s: divmod(v, 0.3)[1],
    lambda a, b, v, s: divmod(2.0, v)[0],
    lambda a, b, v, s: np.array([np.ndim(a), *np.shape(a), np.size(a, 1)]),
]


def test_functions_mean_what_they_mean_to_numpy():
    rng = np.random.default_rng(1)
    arrays = [rng.uniform(0.1, 0.9, shape) for shape in ((2, 3), (2, 3), (3,), ())]
    nodes = (A, B, V, S)
    f = pt.function(
        nodes, [f(*nodes) for f in FUNCTIONS], target="interp", on_unused_input="ignore"
    )
    for got, function in zip(f(*arrays), FUNCTIONS, strict=True):
        right = function(*arrays)
        line = function.__code__.co_firstlineno
        assert got.shape == np.shape(right), line
        assert got.dtype == np.asarray(right).dtype, line
        np.testing.assert_allclose(got, right, rtol=1e-12, err_msg=f"line {line}")


def test_series_of_pandas():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0, 3.0])
    assert (series * V) is (np.array([1.0, 2.0, 3.0]) * V)
    assert (V - series) is (V - np.array([1.0, 2.0, 3.0]))
    assert (series == V) is (V == np.array([1.0, 2.0, 3.0]))
    assert np.add(series, V) is pt.add(np.array([1.0, 2.0, 3.0]), V)


def test_what_is_asked_of_the_type_alone():
    x = pt.matrix("x")
    assert np.ndim(x) == 2
    assert np.shape(x) == x.shape
    assert np.size(A) == 6
    assert np.size(A, 1) == 3
    assert not np.iscomplexobj(x)


def test_masked_arrays_leave_operators_to_tensors():
    masked = np.ma.array([1.0, 2.0, 3.0])
    assert (masked * V) is (np.array([1.0, 2.0, 3.0]) * V)
    assert (V - masked) is (V - np.array([1.0, 2.0, 3.0]))
    with pytest.raises(TypeError, match="mask"):
        np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]) * V
