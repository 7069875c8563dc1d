"""vmap against a Python loop, for functions of every kind of op."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph import GraphError
from probtensor.graph.node import make
from probtensor.graph.parts import parts
from probtensor.ops.kinds import REGISTRY
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import gradient, vmap
from probtensor.transform.batch import vmap_nodes

RNG = np.random.default_rng(3)
PLACES = np.array([3, 0, 3, 1])

FUNCTIONS = {
    "elementwise of two ranks": lambda x, w: ops.exp(x) * ops.sum(w) + w[:1],
    "reduction": lambda x, w: ops.sum(x, 0) + ops.max(x) + w,
    "views": lambda x, w: ops.reshape(x.T, (2, -1))[::-1, 1:3],
    "broadcast": lambda x, w: ops.broadcast_to(w, (4, 3)) - x,
    "joined": lambda x, w: ops.concatenate([x, ops.expand_dims(w, 0)], 0),
    "stacked with shared": lambda x, w: ops.stack([w, ops.ones(3)]),
    "product": lambda x, w: x @ w,
    "outer": lambda x, w: ops.outer(w, x[0]),
    "gather": lambda x, w: x[ops.constant(PLACES)],
    "gather of shared": lambda x, w: ops.constant(np.arange(9.0))[ops.argmax(x, 1)],
    "gather of own": lambda x, w: x[ops.argmax(x, 0)],
    "two index arrays": lambda x, w: x[ops.constant(PLACES[:3]), ops.constant([0, 2, 1])],
    "scatter": lambda x, w: ops.zeros((5, 3)).at[ops.constant(PLACES)].add(x),
    "scatter by own": lambda x, w: ops.zeros((4, 3)).at[ops.argmax(x, 0)].add(ops.square(x[:3])),
    "written slice": lambda x, w: x.at[1:3, 0].set(w[:2]),
    "composite": lambda x, w: ops.softmax(x, 1) * ops.logsumexp(w),
    "gradient": lambda x, w: gradient(ops.sum(ops.tanh(x @ w)), w),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("in_axes", [(0, 0), (0, None), (None, 0), (2, 1)])
def test_vmap_is_a_loop(name, in_axes):
    function = FUNCTIONS[name]
    arrays = [RNG.normal(size=(4, 3)), RNG.normal(size=3)]
    batches = [
        a if axis is None else np.stack([a + 0.3 * k for k in range(5)], axis)
        for a, axis in zip(arrays, in_axes)
    ]
    nodes = [ops.tensor("b", b.shape) for b in batches]
    out = vmap(function, in_axes)(*nodes)
    (got,) = evaluate_numpy([out], dict(zip(nodes, batches)))
    x, w = ops.tensor("x", (4, 3)), ops.tensor("w", (3,))
    item = function(x, w)
    rows = []
    for k in range(5):
        items = [b if axis is None else b.take(k, axis) for b, axis in zip(batches, in_axes)]
        rows += evaluate_numpy([item], {x: items[0], w: items[1]})
    np.testing.assert_allclose(got, np.stack(rows), rtol=1e-12)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_op_is_batched_as_a_loop(name):
    """All inputs batched, the first one alone, the last one alone."""
    kind = REGISTRY[name]
    for sample in kind.samples:
        arrays = [np.asarray(a) for a in sample.make(RNG)]
        inputs = [ops.tensor(f"x{k}", a.shape, a.dtype) for k, a in enumerate(arrays)]
        out = make(kind(**sample.parameters), inputs)
        values = dict(zip(inputs, arrays))
        for chosen in {tuple(inputs), tuple(inputs[:1]), tuple(inputs[-1:])} - {()}:
            many = {x: np.stack([_varied(values[x], k, sample) for k in range(3)]) for x in chosen}
            batches = {x: ops.tensor("batch", a.shape, a.dtype) for x, a in many.items()}
            batched = vmap_nodes(parts(out), batches)
            given = values | {batches[x]: many[x] for x in chosen}
            found = evaluate_numpy(batched, given)
            for k in range(3):
                item = evaluate_numpy(parts(out), values | {x: many[x][k] for x in chosen})
                for got, one in zip(found, item, strict=True):
                    np.testing.assert_allclose(got[k], one, rtol=1e-12, atol=1e-12)


def _varied(array, k, sample):
    """Item k of a batch: other numbers where the sample allows it."""
    smooth = sample.smooth and array.dtype.kind == "f"
    return (array * (1 + 0.01 * k)).astype(array.dtype) if smooth else array


def test_unknown_batch_size_and_output_axis():
    x = ops.tensor("x", (None, 3))
    out = vmap(lambda row: (ops.sum(row), row * 2), out_axes=-1)(x)
    at = RNG.normal(size=(7, 3))
    total, doubled = evaluate_numpy(list(out), {x: at})
    np.testing.assert_allclose(total, at.sum(1))
    np.testing.assert_allclose(doubled, 2 * at.T)


def test_vmap_twice():
    x, y = ops.tensor("x", (4, 3)), ops.tensor("y", (5, 3))
    table = vmap(lambda a: vmap(lambda b: ops.sum(a * b))(y))(x)
    p, q = RNG.normal(size=(4, 3)), RNG.normal(size=(5, 3))
    np.testing.assert_allclose(evaluate_numpy([table], {x: p, y: q})[0], p @ q.T)


def test_errors_say_what_is_wrong():
    x = ops.tensor("x", (4, 3))
    with pytest.raises(GraphError, match="vmap: axis 2 of a tensor with 2 axes"):
        vmap(ops.exp, 2)(x)
    with pytest.raises(GraphError, match="at least one"):
        vmap(ops.exp, None)(x)
    with pytest.raises(GraphError, match="2 entries for 1 arguments"):
        vmap(ops.exp, (0, 0))(x)


ONE_AND_MANY = {
    **FUNCTIONS,
    "the one alone": lambda x, w: ops.sum(x, 0),
    "views of the one": lambda x, w: x.T[::-1],
    "places of the one": lambda x, w: ops.outer(w, w)[ops.argmax(x, 1)],
    "routine": lambda x, w: ops.solve_lower(ops.eye(3) + ops.outer(w, w), x[:3]),
}


@pytest.mark.parametrize("name", ONE_AND_MANY)
def test_a_batch_of_one_goes_with_all_items_of_the_others(name):
    function = ONE_AND_MANY[name]
    x, w = RNG.normal(size=(1, 4, 3)), RNG.normal(size=(5, 3))
    for batches in ((x, w), (np.repeat(x, 5, 0), w[:1])):
        nodes = [ops.tensor("b", b.shape) for b in batches]
        full = [np.broadcast_to(b, (5, *b.shape[1:])) for b in batches]
        wanted = [ops.constant(b) for b in full]
        out, meant = vmap(function)(*nodes), vmap(function)(*wanted)
        assert out.shape == meant.shape and out.shape[0] == 5
        got, loop = evaluate_numpy([out, meant], dict(zip(nodes, batches)))
        np.testing.assert_allclose(got, loop, rtol=1e-12)


def test_what_changes_derivatives_alone_keeps_that_in_a_batch():
    x = ops.tensor("x", (2,))
    y = vmap(lambda x: x * ops.stop_gradient(x) + ops.grad_clip(3 * x, -1.0, 1.0))(x)
    slope = gradient(ops.sum(y), x)
    np.testing.assert_array_equal(evaluate_numpy([slope], {x: np.array([3.0, 2.0])})[0], [6.0, 5.0])


OF_FLATTENED_ROWS = {  # what is read as one row and stored in another form, or the other way round
    "differences": lambda v: pt.diff(v, 2).ravel(),
    "strided rows": lambda v: v.at[::2].add(v[::2] ** 2).ravel(),
    "rows backwards": lambda v: v.at[::-2].add(v[::2] ** 2).ravel(),
    "real transform": lambda v: pt.fft.irfft(pt.complex(v, v**2)).ravel(),
    "hermitian transform": lambda v: pt.fft.hfft(pt.complex(v, v**2)).ravel(),
}


@pytest.mark.parametrize("name", OF_FLATTENED_ROWS)
def test_gradients_of_flattened_rows_of_symbolic_sizes_are_batched(name):
    x, batch = pt.matrix("x"), pt.tensor3("batch")

    def gradient(v):
        return pt.grad(pt.sum(pt.sin(OF_FLATTENED_ROWS[name](v))), v)

    values = np.random.default_rng(3).normal(size=(2, 3, 4))
    one = pt.function([x], gradient(x), target="interp")
    each = pt.function([batch], pt.vmap(gradient)(batch), target="interp")
    np.testing.assert_allclose(each(values), [one(v) for v in values], rtol=1e-12, atol=1e-12)
