"""Calls of functions in which axes of unknown size are 1 and broadcast.

The reference is always the same graph with these axes declared, `shape=(1,)`: results are equal to
its, bit by bit, in values and in derivatives.
"""

import pickle
from unittest import mock

import numpy as np
import pytest

import probtensor as pt
from cython_ext.entry import Entry
from probtensor.function.call import Function
from probtensor.testing.misfit import expected, size_graph


def arrays(*shapes, seed=3):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=shape)) for shape in shapes]


def inputs_for(values, known=()):
    """Inputs for these arrays, of unknown sizes but for `known`: 1."""
    shapes = [tuple(n if n in known else None for n in v.shape) for v in values]
    return [pt.tensor(f"x{k}", dtype="float64", shape=shape) for k, shape in enumerate(shapes)]


def with_slopes(graph):
    """A graph with the gradient of a weighed sum of its outputs."""

    def make(inputs):
        outputs = graph(*inputs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        cost = sum(pt.sum(pt.cos(y) * pt.exp(0.1 * y)) for y in outputs)
        return [*outputs, *pt.grad(cost, inputs)]

    return make


def check(make, values, close=False, **options):
    """Compare calls of a function of unknown sizes with those of one that knows the sizes of 1."""
    unknown, known = inputs_for(values), inputs_for(values, (1,))
    f = pt.function(unknown, make(unknown), **options)
    g = pt.function(known, make(known), **options)
    for _ in range(2):
        for a, b in zip(f(*values), g(*values), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            if close:
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
            else:
                np.testing.assert_array_equal(a, b)
    return f


def _scanned(x, y):
    def step(s, row):
        new = s * 0.5 + pt.sin(row) * y
        return new, new

    return pt.loop.scan(step, pt.zeros(y.shape[0]), x)


def _solved(a, b):
    return pt.linalg.solve(a @ pt.matrix_transpose(a), b)


GRAPHS = {
    "both axes": (lambda x, y: x * y, (1, 4), (3, 1)),
    "matrix and vector": (lambda a, x: pt.exp(a - x), (3, 4), (1,)),
    "rows": (lambda a, x: a * x, (1, 4), (4,)),
    "where": (lambda x, y, z: x * pt.where(x > 0, pt.log(pt.abs(y)), z), (1,), (4,), (1,)),
    "masked": (lambda x, y: pt.sum(pt.where(y > 0, pt.sqrt(x * x * y), 0)), (1,), (5,)),
    "mean": (lambda x, y: pt.mean(x + y) + pt.var(x * y), (3,), (1,)),
    "sizes": (lambda x, y: (x + y) * (x + y).shape[0] + x.shape[0], (1,), (3,)),
    "softmax": (lambda x, y: pt.logsumexp(x - y, -1) + pt.softmax(x + y, -1)[0], (1,), (4,)),
    "three": (lambda x, y, z: (x + y) / (2 + z * z) + pt.max(y * z), (1,), (1,), (4,)),
    "fixed": (lambda x: pt.concatenate([x + np.arange(3.0), x * 2 + np.ones(3)]), (1,)),
    "reshape": (lambda x, y: pt.reshape(x * y, (-1, 2)) + x, (1,), (4,)),
    "repeated": (lambda x, y: pt.broadcast_to(x, (2, *y.shape)) * y, (1,), (3,)),
    "written": (lambda x, y: (x * y).at[0].set(5.0) + (x + y)[::-1], (1,), (3,)),
    "taken": (lambda x, y: pt.take(x + y, np.array([0, 1, 0])) * y[1:], (1,), (4,)),
    "cumulative": (lambda x, y: pt.cumsum(x + y) * pt.max(x - y), (1,), (4,)),
    "branch": (lambda x, y: pt.ifelse(pt.sum(x) > 0, x + y, 2 * (x + y)), (1,), (3,)),
    "loop": (_scanned, (3,), (2,)),
    "loop of one": (lambda a, y: _scanned(a, y * a[0]), (3, 1), (2,)),
    "batches": (lambda a, b: a @ b, (1, 3, 2), (4, 2, 3)),
    "systems": (_solved, (1, 2, 2), (3, 2, 2)),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_values_and_gradients_are_those_of_declared_axes(name):
    graph, *shapes = GRAPHS[name]
    # A product whose axis of size 1 is known has one letter less, and rounds elsewhere.
    close = name in ("batches", "systems")
    check(with_slopes(graph), arrays(*shapes), close)


def test_on_every_target(target):
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], [pt.mean(x + y) * x, pt.grad(pt.sum(pt.exp(x * y)), x)])
    a, b = arrays((1,), (3,))
    value, slope = f(a, b)
    np.testing.assert_allclose(value, np.mean(a + b) * a)
    np.testing.assert_allclose(slope, [np.sum(b * np.exp(a * b))])
    assert [v.shape for v in f(b, b)] == [(3,), (3,)]


def test_any_size_that_becomes_one():
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], [x[1:] * y, pt.grad(pt.sum(pt.exp(x[1:] * y)), x)])
    a, b = arrays((2,), (4,))
    value, slope = f(a, b)
    np.testing.assert_allclose(value, a[1:] * b)
    np.testing.assert_allclose(slope, [0, np.sum(b * np.exp(a[1:] * b))])
    assert f(np.ones(1), np.ones(0))[0].shape == (0,)
    with pytest.raises(ValueError, match="sizes 2 and 4 do not fit together"):
        f(np.ones(3), np.ones(4))


def test_second_derivatives_and_jacobians():
    def make(inputs):
        x, y = inputs
        cost = pt.sum(pt.exp(x * y) * y)
        moved = pt.jvp(x * y * y, x, pt.cos(x))
        return [pt.hessian(cost, x), pt.jacobian(pt.sin(x * y), y), moved, pt.hvp(cost, y, y)]

    check(make, arrays((1,), (3,)))
    check(make, arrays((3,), (1,)))


def test_masks_protect_gradients_where_sizes_differ():
    """The gradient of a branch that is not taken is no nan, as with known sizes."""
    x, y = pt.vector("x"), pt.vector("y")
    slope = pt.grad(pt.sum(pt.where(y > 0, pt.sqrt(x) * y, 0)), x)
    f = pt.function([x, y], slope)
    assert f([0.0], [-1.0, -2.0]) == [0]
    np.testing.assert_array_equal(f([0.0, 4.0], [-1.0, 2.0]), [0, 0.5])


def test_random_draws():
    def draws(inputs):
        mu, sigma = inputs
        return [pt.random.normal(mu, pt.exp(sigma)), pt.random.uniform(shape=(mu + sigma).shape)]

    check(draws, arrays((1,), (3,)), seed=5)


def test_shared_variables_and_updates():
    x, total = pt.vector("x"), pt.shared(np.zeros(1), name="total")
    f = pt.function([x], pt.sum(total), updates={total: total + x})
    assert f([1.0, 2.0]) == 0
    assert list(total.get_value()) == [1, 2]  # of the size of x from now on
    assert f([1.0, 2.0]) == 3
    assert f([10.0]) == 6
    assert list(total.get_value()) == [12, 14]


def test_bound_default_complex_and_nested():
    x, y = pt.vector("x"), pt.tensor("y", dtype="complex128", shape=(None,))
    f = pt.function([x, pt.In(y, value=np.array([1j]))], {"sum": (x + y, pt.abs(x * y))})
    wide = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(f(wide)["sum"][0], wide + 1j)
    bound = f.bind({"x": [2.0]})
    np.testing.assert_array_equal(bound(wide * 1j)["sum"][1], 2 * wide)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(wide)["sum"][1], wide)


def test_results_and_updates_of_float16():
    x, y = (pt.vector(name, dtype="float16") for name in "xy")
    kept = pt.shared(np.ones(1, "float16"), name="kept")
    added = (x + y).astype("float16")
    f = pt.function([x, y], [added, x], updates={kept: (kept + y).astype("float16")})
    one, wide = np.array([0.1], "float16"), np.array([1, 2, 3], "float16")
    for found, wanted in zip(f(one, wide), (one + wide, one), strict=True):
        assert found.dtype == "float16"
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(kept.get_value(), [2, 3, 4])


def test_one_function_for_each_pattern_and_none_for_equal_sizes():
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], x + y)
    one = np.ones(1)
    assert not f._broadcast
    for n in (2, 3, 2):
        f(np.ones(n), np.ones(n))
        f(one, np.ones(n))
        f(np.ones(n), one)
    assert len(f._broadcast) == 2
    f(one, one)
    assert len(f._broadcast) == 2


def test_what_does_not_broadcast_is_refused_as_before():
    x, y, a = pt.vector("x"), pt.vector("y"), pt.matrix("a")
    f = pt.function([x, y, a], [x + y, a @ x])
    with pytest.raises(ValueError, match=r"add: sizes 2 and 3 do not fit together(.*\n)+.*of y"):
        f(np.ones(2), np.ones(3), np.ones((2, 2)))
    # Products take no axis of size 1 for another, as in NumPy.
    with pytest.raises(ValueError, match="sizes"):
        f(np.ones(1), np.ones(3), np.ones((2, 3)))
    f = pt.function([x, y], pt.reshape(x + y, x.shape))
    with pytest.raises(ValueError, match="do not fit together"):
        f(np.ones(1), np.ones(3))
    assert not f._broadcast


def test_sizes_that_fit_only_where_one_is_broadcast():
    """Of x and x[1:] the other operand has one size: 1. The function for equal sizes, which is
    compiled first, has no call then."""
    x, y = pt.vector("x"), pt.vector("y")
    moved = pt.exp(x.at[1:].add(y))
    f = pt.function([x, y], [x * y, pt.grad(pt.sum(moved), y)])
    a, b = arrays((4,), (1,))
    product, slope = f(a, b)
    np.testing.assert_array_equal(product, a * b)
    np.testing.assert_allclose(slope, [np.sum(np.exp(a[1:] + b))])
    with pytest.raises(ValueError, match="fit together"):
        f(a, np.ones(3))


def test_the_message_names_the_sizes_that_do_not_broadcast():
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], (x + y)[1:] * x)
    with pytest.raises(ValueError, match=r"nor can it be broadcast: mul: sizes 3 and 4 do not"):
        f(np.ones(4), np.ones(1))


def test_a_profile_of_sizes_that_are_broadcast():
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], pt.exp(x * y))
    assert f.profile(np.ones(1), np.ones(3), n=2).rows


def test_another_thread_may_resize_a_shared_variable_meanwhile():
    """The first update makes it longer: a call that has chosen what to call by its old size, or
    failed by it, is made again."""
    x, total = pt.vector("x"), pt.shared(np.zeros(1), name="total")
    f = pt.function([x], pt.sum(total), updates={total: total + x})
    wide = np.ones(3)
    refused = pytest.raises(ValueError, match="fit together")
    with mock.patch.object(Function, "instead", Entry.instead), refused as failed:
        f(wide)
    chosen = f.instead((wide,), failed.value)
    total.set_value(np.zeros(3))
    assert chosen(wide) == 0
    assert f.instead((wide,), failed.value)(wide) == 3
    np.testing.assert_array_equal(total.get_value(), [2, 2, 2])


def test_a_posterior_has_the_sizes_that_are_declared():
    x, mu = pt.data(np.ones(3), name="x"), pt.random.normal(0, 1, name="mu")
    y = pt.random.normal(mu * x, 1, name="y")
    posterior = pt.condition({y: np.ones(3)})
    with pytest.raises(ValueError, match=r"fit|broadcast"):
        posterior.with_data({x: np.ones(1)})


def _ones(graph, rng):
    """The arrays of a graph, with some axes of unknown size cut to 1."""
    values = dict(graph.values)
    axes = [(x, a) for x in values for a, n in enumerate(x.shape) if not isinstance(n, int)]
    for k in rng.permutation(len(axes))[: rng.integers(1, 4)]:
        x, axis = axes[k]
        if values[x].shape[axis]:
            values[x] = np.take(values[x], [0], axis)
    return values


def _with_random_slopes(outputs, inputs):
    floats = [y for y in outputs if y.type.is_float]
    cost = sum(pt.sum(pt.tanh(pt.astype(y, "float64")) * (k + 1)) for k, y in enumerate(floats))
    wrt = [x for x in inputs if x.type.is_float]
    slopes = pt.grad(cost, wrt, disconnected_inputs="ignore") if floats else []
    return [*outputs, *slopes]


def test_random_graphs():
    """Values are NumPy's, gradients those of the graph in which the sizes are declared first."""
    broadcast = 0
    for seed in range(90):
        graph = size_graph(seed)
        inputs = list(graph.values)
        values = _ones(graph, np.random.default_rng([seed, 13]))
        wanted = expected(graph, values)
        if not isinstance(wanted, list):
            continue
        try:
            wide = _with_random_slopes(graph.outputs, inputs)
        except pt.GraphError:  # an op without a derivative
            continue
        f = pt.function(inputs, wide, target="interp", on_unused_input="ignore")
        try:
            found = f(*values.values())
        except (ValueError, IndexError):
            continue
        if not f._broadcast:
            continue
        for a, b in zip(wanted, found):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
        declared = {
            x: pt.tensor(x.name, dtype=x.dtype, shape=tuple(
                1 if given == 1 else n if isinstance(n, int) else None
                for n, given in zip(x.shape, v.shape)
            ))
            for x, v in values.items()
        }  # fmt: skip
        known = list(declared.values())
        outputs = pt.graph_replace(list(graph.outputs), declared, strict=False)
        g = pt.function(
            known, _with_random_slopes(outputs, known), target="interp", on_unused_input="ignore"
        )
        for a, b in zip(found, g(*values.values()), strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
        broadcast += 1
    assert broadcast > 3
