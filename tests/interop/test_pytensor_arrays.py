"""Elementwise functions, shapes, indexing, reductions and ordering of PyTensor, translated."""

import numpy as np
import pytest

pytest.importorskip("pytensor")

import pytensor.scalar as ps
import pytensor.tensor as at
from pytensor.tensor.elemwise import CAReduce, Elemwise

from tests.interop.agreement import agree

rng = np.random.default_rng(3)


def scalar_cases():
    """Every scalar op at numbers where it is defined, of floats and of integers."""
    x, u, p = at.matrix("x"), at.matrix("u"), at.matrix("p")
    i, j, b = at.imatrix("i"), at.lvector("j"), at.matrix("b", dtype="bool")
    c = at.zmatrix("c")
    values = {
        x: rng.normal(size=(3, 4)) * 3, u: rng.uniform(0.01, 0.99, (3, 4)),
        p: rng.uniform(0.5, 4, (3, 4)), i: rng.integers(-5, 6, (3, 4)).astype("int32"),
        j: np.array([1, 2, 3, 7]), b: rng.uniform(size=(3, 4)) < 0.5,
        c: rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4)),
    }  # fmt: skip
    real = (
        "abs sign ceil floor trunc round exp exp2 expm1 sin cos tan arctan sinh cosh tanh arcsinh "
        "erf erfc erfcx sigmoid softplus isnan isinf neg sqr j0 j1 i0 i1"
    )
    unit = "arcsin arccos arctanh erfinv log log2 log10 log1p sqrt reciprocal"
    cases = {name: getattr(at, name)(x) for name in real.split()}
    cases |= {name: getattr(at, name)(u) for name in unit.split()}
    whole = "abs sign ceil exp sqrt neg sqr sin log1p sigmoid isnan reciprocal tanh"
    cases |= {f"{name} of integers": getattr(at, name)(abs(i) + 1) for name in whole.split()}
    cases |= {
        "erfcinv": at.erfcinv(u), "arccosh": at.arccosh(p + 1), "gamma": at.gamma(p),
        "gammaln": at.gammaln(p), "psi": at.psi(p), "tri_gamma": at.tri_gamma(p),
        "polygamma": at.polygamma(2, p), "log1mexp": at.log1mexp(-p),
        "gammainc": at.gammainc(p, u), "gammaincc": at.gammaincc(p, u),
        "gammaincinv": at.gammaincinv(p, u), "gammainccinv": at.gammainccinv(p, u),
        "betainc": at.betainc(p, p + 1, u), "betaincinv": at.betaincinv(p, p + 1, u),
        "hyp2f1": at.hyp2f1(p, 1.5, p + 2, u / 2), "jv": at.jv(2.0, p), "iv": at.iv(1.5, p),
        "ive": at.ive(1.5, p), "kve": at.kve(1.5, p), "owens_t": at.owens_t(x, p),
        "ndtri_exp": Elemwise(ps.math.ndtri_exp)(-p),
        "round half away": at.round(x, "half_away_from_zero"),
        "add": at.add(x, u, p), "mul": at.mul(x, u, j), "sub": x - j, "true_div": x / p,
        "integers divided": i / j, "int_div": i // j, "floor_div": x // p, "mod": i % j,
        "float mod": x % p, "negative mod": -x % -p, "pow": p**x, "integer pow": j**2,
        "comparisons": [x < u, x > u, x <= u, x >= u, at.eq(i, j), at.neq(i, j)],
        "switch": at.switch(x > 0, x, u), "switch of integers": at.switch(i, x, u),
        "maximum": at.maximum(x, u), "minimum": at.minimum(i, j), "clip": at.clip(x, -1, u),
        "second": at.second(x, 2.5), "bits": [i & j, i | j, i ^ j, ~i, b & b, ~b, b ^ b],
        "complex": [at.real(c), at.imag(c), at.conj(c), abs(c), at.exp(c), at.complex(x, u)],
        "casts": [x.astype("int64"), i.astype("float64"), b.astype("int8"), j.astype("bool")],
        "arctan2": at.arctan2(x, u), "wrapped": (j * 100).astype("int8").astype("int64"),
        "logaddexp": at.logaddexp(x, u), "xlogy": at.special.xlogy(x, p),
        "xlog1py": at.special.xlog1py(x, p),
        "mul without zeros": Elemwise(at.math.mul_without_zeros)(i, j),
    }  # fmt: skip
    return cases, values


def composites():
    x, n = at.vector("x"), at.lvector("n")
    a, b = ps.float64("a"), ps.float64("b")
    two = ps.Composite([a, b], [ps.exp(a) * b, a + b])
    s, k = ps.float64("s"), ps.float64("k")
    grows = ps.loop.ScalarLoop(init=[s], update=[s * k + 1.0], constant=[k])
    stops = ps.loop.ScalarLoop(init=[s], update=[s * k], constant=[k], until=s > 5)
    cases = {
        "composite": Elemwise(two)(x, x * 2), "loop": Elemwise(grows)(n, x, 0.5),
        "loop that stops": Elemwise(stops)(n + 2, at.abs(x) + 1.0, 1.5),
        "gradient of hyp2f1": at.grad(at.hyp2f1(x + 3, 1.5, 9.0, 0.3).sum(), x),
    }  # fmt: skip
    return cases, {x: rng.normal(size=4), n: np.array([0, 1, 3, 8])}


def shape_cases():
    x, y, v, w = at.matrix("x"), at.tensor3("y"), at.vector("v"), at.vector("w")
    n, e, one = at.lscalar("n"), at.matrix("e"), at.tensor("one", dtype="float64", shape=(1, None))
    k = at.lvector("k")
    values = {
        x: rng.normal(size=(3, 4)), y: rng.normal(size=(2, 3, 4)), v: rng.normal(size=4),
        w: rng.normal(size=3), n: np.array(2), e: np.zeros((0, 4)), one: rng.normal(size=(1, 4)),
        k: np.array([2, 0, 1]),
    }  # fmt: skip
    cases = {
        "dimshuffle": [x.T, y.dimshuffle(2, "x", 0, 1), one.dimshuffle(1), e.T],
        "shape": [x.shape, y.shape[1:] * 2, at.as_tensor(e.shape[0])],
        "reshape": [x.reshape((-1,)), x.reshape((n, 6)), y.reshape((y.shape[0], -1)),
                    e.reshape((4, 0))],
        "flatten": y.flatten(2), "join_dims": at.join_dims(y, 0, 2),
        "split_dims": at.split_dims(x, shape=(2, 2), axis=1),
        "alloc": [at.alloc(v, n, 3, 4), at.zeros((n, n + 1)), at.zeros_like(x), at.ones((0, 2))],
        "broadcast": [at.broadcast_to(v, (3, 4)), at.broadcast_to(one, (n, 4))],
        "specify": at.specify_shape(x, (3, None)),
        "arange": [at.arange(n), at.arange(1, n * 5, n), at.arange(0.0, 1.0, 0.25),
                   at.arange(5, 0, -2)],
        "eye": [at.eye(3), at.eye(n, 4, 1), at.tri(3, n, 0), at.tril(x), at.triu(x, 1)],
        "join": [at.concatenate([x, x], 1), at.stack([v, v]), at.concatenate([e, x]),
                 at.concatenate([v, at.zeros(n)])],
        "split": at.split(x, [1, n, 1], n_splits=3, axis=1),
        "make_vector": at.stack([n, n + 1, 3]), "repeat": [at.repeat(x, 2, 1), at.repeat(w, k)],
        "tile": at.tile(x, (2, 1)), "roll": at.roll(x, 1, 0), "flip": x[::-1, ::-1],
        "diagonals": [at.diagonal(x), at.diagonal(y, 1, 0, 2), at.diag(v), at.diag(v, -1)],
        "fill": [at.fill_diagonal(x, 5.0), at.fill_diagonal_offset(x, 5.0, 1)],
        "choose": at.choose(k % 2, at.stack([w, w * 2])), "bartlett": at.bartlett(n + 3),
        "ravel": at.ravel_multi_index([k, k], (3, 4)), "unravel": at.unravel_index(k * 3, (3, 4)),
        "squeeze": at.squeeze(one),
        "swapped": [at.moveaxis(y, 0, 2), at.swapaxes(y, 0, 1)],
        "permuted": at.permute_row_elements(x[:, :3], k),
        "linspace": at.linspace(0.0, 1.0, 5), "vander": at.outer(v, w),
    }  # fmt: skip
    return cases, values


def index_cases():
    x, y, v = at.matrix("x"), at.tensor3("y"), at.vector("v")
    i, j, n, m = at.lvector("i"), at.lmatrix("j"), at.lscalar("n"), at.lscalar("m")
    mask, z = at.vector("mask", dtype="bool"), at.vector("z")
    values = {
        x: rng.normal(size=(5, 4)), y: rng.normal(size=(2, 5, 3)), v: rng.normal(size=5),
        i: np.array([4, 0, -2, 0]), j: np.array([[0, 1], [3, -1]]), n: np.array(1),
        m: np.array(-2), mask: np.array([True, False, True, True, False]), z: np.zeros(0),
    }  # fmt: skip
    steps = [v[:: m + 3], v[::m], v[n::m], v[4 : m - 4 : m], v[10::m], v[:3:n], v[2:2:n]]
    cases = {
        "basic": [x[0], x[n], x[m], x[1:3], x[n:], x[:m], x[m:], x[n:m, ::2], x[::-1, 1], x[3:1]],
        "steps": steps, "of nothing": [z[:n], z[1:], z[::-1]],
        "advanced": [x[i], x[i, i % 4], x[i[:, None], j[0]], x[j], x[:, j[0]], y[:, i % 5, n],
                     x[i, 1:n + 2], y[n, :, j % 3], x[None, i]],
        "mask": [v[mask], x[mask], x[mask, 1], y[:, mask], x[mask][:, 0].sum(), v[v > 100]],
        "newaxis": x[:, None, n:],
        "set": [x[0].set(v[:4]), x[n:].set(0.5), x[i].set(2.0), x[mask].set(1.5), x[:, m].inc(v),
                v[::2].set(v[:3]), y[:, 1].set(7)],
        "increased": [x[i].inc(1.0), v[i].inc(v[:4]), x[i, i % 4].inc(v[:4]), v[mask].inc(3),
                      x[1:3, ::2].inc(1.0), v[i].inc(1, ignore_duplicates=True)],
        "take": [at.take(x, i, axis=0), at.take_along_axis(x[:2], j % 4, axis=1)],
        "nonzero": list(at.nonzero(x > 0)), "where": at.where(x > 0, x, 0),
    }  # fmt: skip
    return cases, values


def reduction_cases():
    x, y, b, i = at.matrix("x"), at.tensor3("y"), at.matrix("b", dtype="bool"), at.lmatrix("i")
    e, v = at.matrix("e"), at.vector("v")
    values = {
        x: rng.normal(size=(3, 4)), y: rng.normal(size=(2, 3, 4)),
        b: np.array([[True, False, True], [True, True, True]]), i: rng.integers(0, 7, (3, 4)),
        e: np.zeros((0, 3)), v: np.array([2.0, np.nan, 1.0]),
    }  # fmt: skip
    cases = {
        "sum": [x.sum(), y.sum((0, 2)), b.sum(), i.sum(1), e.sum(), e.sum(0), y.sum(-1)],
        "prod": [x.prod(1), i.prod(), e.prod(0), b.prod(0)], "mean": [x.mean(), y.mean((1, 2))],
        "max": [x.max(), y.max(1), i.max(0), v.max()], "min": [x.min(0), v.min()],
        "argmax": [x.argmax(), y.argmax(1), at.argmax(y, axis=(0, 2)), at.argmin(x, axis=0)],
        "all": [b.all(), b.all(0), b.any(1), e.astype("bool").all()], "var": [x.var(), y.std(0)],
        "bits": [CAReduce(ps.and_)(i), CAReduce(ps.or_, axis=(1,))(i), CAReduce(ps.xor)(i),
                 CAReduce(ps.xor, axis=(0,))(b)],
        "products without zeros": at.prod(i, axis=1, no_zeros_in_input=False),
        "gradient of prod": at.grad(x.prod(), x),
        "cumulative": [x.cumsum(), x.cumsum(1), x.cumprod(0), e.cumsum(0)],
        "softmax": [at.special.softmax(x, axis=1), at.special.log_softmax(y, axis=0),
                    at.special.softmax(x)],
        "logsumexp": [at.logsumexp(x), at.logsumexp(y, axis=(0, 1)), at.logsumexp(x, 1, True)],
        "sort": [at.sort(x), at.sort(y, axis=0), at.argsort(x, axis=1), at.sort(x, axis=None)],
        "search": [at.searchsorted(at.sort(x[0]), x[1]), at.searchsorted(at.sort(x[0]), x, "right"),
                   at.searchsorted(x[0], x[1], sorter=at.argsort(x[0]))],
        "unique": [at.unique(i), *at.unique(i, True, True, True), at.unique(i % 2, axis=0)],
        "median": [at.median(x), at.median(x, axis=0)], "ptp": at.ptp(x, 0), "diff": at.diff(x),
        "bincount": at.bincount(i.flatten()), "norms": at.linalg.norm(x),
    }  # fmt: skip
    return cases, values


ALL = [scalar_cases, composites, shape_cases, index_cases, reduction_cases]


@pytest.mark.parametrize("made", ALL, ids=lambda f: f.__name__)
def test_results_are_those_of_pytensor(made):
    agree(*made())
