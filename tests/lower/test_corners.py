"""Programs whose loops are easy to cut, order or fuse wrongly, against NumPy, on every target."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import new_input
from probtensor.kernel.ir import Apply, Let, Load, Ref, Store
from probtensor.kernel.tidy import inline_locals
from probtensor.lower import lower
from probtensor.testing.reference import evaluate_numpy
from probtensor.types import Dim
from tests.plans import evaluate

RNG = np.random.default_rng(0)
N, M, P = 150, 7, 5  # more than two strips of turns; short rows; groups
A, C, V = RNG.normal(size=(N, M)), RNG.normal(size=(N, M)), RNG.normal(size=N)
B, X, T = RNG.normal(size=(P, M)), RNG.normal(size=M), RNG.normal(size=(N, 4, M))
G, H = RNG.integers(0, P, N), RNG.integers(-20, 20, P)
F = np.float32(RNG.normal(size=500))


def agree(target, make, *arrays, rtol=1e-10):
    """The outputs that `make` makes of inputs like the arrays are what NumPy gives: by the kernels
    of the graph as it is, interpreted, or by a function for the target."""
    inputs = [
        new_input(f"x{k}", str(a.dtype), (None,) * a.ndim) for k, a in enumerate(arrays)
    ]
    outputs = make(*inputs)
    meant = evaluate_numpy(outputs, dict(zip(inputs, arrays, strict=True)))
    if target == "interp":
        got = evaluate(inputs, outputs, arrays)
    else:
        got = pt.function(inputs, outputs, on_unused_input="ignore", target=target)(*arrays)
    for k, (found, wanted) in enumerate(zip(got, meant, strict=True)):
        assert found.dtype == wanted.dtype
        if wanted.dtype == bool:
            assert np.all(found.view("uint8") <= 1), f"output {k}"
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-12, err_msg=f"output {k}")


def busy(v):
    """A sum whose terms make a loop over v worth its lanes."""
    return ops.sum(ops.exp(v) / (1 + v * v))


def column(v):
    return ops.expand_dims(v, 1)


def varying_slopes(a, b, g, v):
    logit = ops.sum(a * b[g], axis=1)
    loss = ops.sum(ops.log(1 + ops.exp(logit)) * v)
    return [loss, pt.grad(loss, b), pt.grad(loss, a)]


def gathered_by_row_and_column(a, g, v):
    loss = ops.sum(ops.log(1 + ops.exp(a[ops.arange(a.shape[0]), g])) * v)
    return [loss, pt.grad(loss, a)]


def added_at_two_computed_indices(a, g, v):
    rows = (ops.arange(a.shape[0]) + 1) % a.shape[0]
    return [busy(v), ops.zeros_like(a).at[rows, g].add(ops.exp(v) / 2)]


def weights_made_by_an_inner_loop(a, c, v, g):
    s = ops.sum(ops.exp(a), axis=1)
    return [
        ops.sum(ops.log(s)),
        ops.Contract("i,ij->j")(s, c),
        ops.sum(column(s) * c, axis=0),
        ops.zeros_like(v).at[g].add(s),
    ]


def rows_summed_in_memory_and_read(t, v, x):
    rows = ops.sum(t, axis=1)
    dot = ops.Contract("ij,j->i")(rows, x)
    return [busy(v), ops.sum(ops.exp(dot * 0.1) / 2), ops.sum(rows[:, 0]), rows]


def an_element_of_a_row_summed_in_memory(t, v):
    return [busy(v), ops.sum(ops.sum(t, axis=1)[:, 0])]


def indices_of_indices(x, g, h, v):
    k = (g + 1) % 5
    return [
        ops.sum(ops.exp(x[h[k]]) / v),
        ops.zeros_like(x).at[h[k]].add(ops.exp(v)),
        ops.sum(ops.exp(x[h[g]]) / v),
    ]


LOOPS = (
    (varying_slopes, A, B, G, V),
    (gathered_by_row_and_column, A, G, V),
    (added_at_two_computed_indices, A, G, V),
    (weights_made_by_an_inner_loop, A, C, V, G),
    (rows_summed_in_memory_and_read, T, V, X),
    (an_element_of_a_row_summed_in_memory, T, V),
    (indices_of_indices, RNG.normal(size=20), G, H, V),
)


@pytest.mark.parametrize("case", LOOPS, ids=lambda case: case[0].__name__)
def test_strips_keep_the_order_of_reads_and_writes(target, case):
    agree(target, *case)


def test_what_a_slice_drops_is_not_looked_up(target):
    def written(x, y, g):
        place = slice(2, 2 + g.shape[0])
        return [x.at[place].set(y[g]), x.at[place].add(y[(g + 1) % 9]), x.at[1].set(y[g[0]])]

    agree(target, written, X, RNG.normal(size=9), np.array([1, 2, -3]))


def integers(x, y):
    return [
        x + x, x * x, -x, ops.abs(x), x - 9, x // y, x % y, ops.square(x), x << y, x >> y,
        ops.sum(x), ops.prod(x), ops.max(x), ops.min(x), ops.sum(x, dtype=x.dtype), ops.sign(x),
        x < x + 1, x - 1 < x, ops.abs(x) >= 0, x * 2 // 2,
    ]  # fmt: skip


def test_integers_wrap_as_in_numpy(target):
    arrays = []
    for dtype in ("int8", "int32", "int64", "uint8", "uint32", "uint64"):
        info = np.iinfo(dtype)
        arrays += [
            np.array([info.max, info.min, 5, 7, info.max // 2 + 1, 0], dtype),
            np.array([0, 1, 3, info.bits - 1, info.bits, info.bits + 6], dtype),
        ]

    def of_each_dtype(*inputs):
        pairs = zip(inputs[::2], inputs[1::2], strict=True)
        return [output for x, y in pairs for output in integers(x, y)]

    agree(target, of_each_dtype, *arrays)


def test_bools_are_combined_by_logic(target):
    def folds(b, x, m):
        put = ops.zeros_like(b).at[np.array([1, 1, 1, 0])]
        return [
            ops.sum(b), ops.all(b), ops.any(b), ops.max(b), ops.min(b),
            ops.sum(b, dtype="bool"), ops.prod(b, dtype="bool"), ops.sum(m, axis=0, dtype="bool"),
            ops.prod(m, axis=0, dtype="bool"), ops.all((x > 0) | b), ops.all(m, axis=0),
            b @ b, m @ b, m.T @ m, put.add(True), put.multiply(b[:4]), put.max(b[1:5]),
        ]  # fmt: skip

    rng = np.random.default_rng(1)
    b, x, m = rng.random(150) < 0.9, rng.integers(-3, 3, 150), rng.random((4, 150)) < 0.9
    agree(target, folds, b, x, m)


def test_float32_is_rounded_at_each_step(target):
    def steps(x):
        return [
            ops.sum(x), ops.max(x), ops.abs(x) * 0.1 + 0.3, ops.mean(x), ops.sqrt(ops.abs(x)) / 3.0,
            ops.sqrt((ops.abs(x) + 1.5) * 3e38),  # too large for float32 before the root
        ]  # fmt: skip

    agree(target, steps, F, rtol=1e-6)


def test_axes_of_no_elements(target):
    def folds(z, w):
        return [
            ops.sum(z), ops.sum(z, axis=0), ops.sum(z, axis=1), ops.prod(z), ops.max(z, axis=1),
            ops.concatenate([w, w]), z @ np.ones((3, 2)), z.T @ z, ops.all(w > 0), w @ w,
            ops.exp(w), ops.sum(ops.exp(w) / (1 + w * w)),
        ]  # fmt: skip

    agree(target, folds, np.zeros((0, 3)), np.zeros(0))


IMPOSSIBLE = {
    "max of nothing": (lambda w, g: ops.max(w), 0, ValueError, "an empty axis has no max"),
    "x[7]": (lambda w, g: w[7], 5, IndexError, "index 7 is outside axis 0 of x, of size 5"),
    "x[-7]": (lambda w, g: w[-7], 5, IndexError, "index -7 is outside axis 0 of x, of size 5"),
    "x[[7, 7]]": (lambda w, g: w[ops.as_tensor([7, 7])], 5, IndexError, "index 7 is outside"),
    "clip": (lambda w, g: ops.take(w, g, mode="clip"), 0, IndexError, "of x, which is empty"),
    "wrap": (lambda w, g: ops.take(w, g, mode="wrap"), 0, IndexError, "of x, which is empty"),
    "x[2] = 1": (lambda w, g: w.at[2].set(1.0), 2, IndexError, "index 2 is outside axis 0 of x"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_indices_out_of_bounds_are_refused(name):
    make, size, error, message = IMPOSSIBLE[name]
    x, g = new_input("x", "float64", (None,)), new_input("g", "int64", (None,))
    compiled = pt.function([x, g], make(x, g), on_unused_input="ignore", target="interp")
    with pytest.raises(error, match=message):
        compiled(np.arange(float(size)), np.array([1, 2]))
    compiled(np.arange(9.0), np.array([1, 2]))


def test_indices_out_of_bounds_by_mode(target):
    def taken(x, g):
        return [ops.take(x, k, mode=mode) for k in (g, 9, -9, [9, 9]) for mode in ("clip", "wrap")]

    agree(target, taken, X, np.array([-20, -1, 3, 7, 20]))


def test_a_long_recurrence_through_scatters(target):
    def recurrence(x):
        for k in range(1, 120):
            x = x.at[k].set(ops.tanh(x[k - 1]) + x[k])
        return [x, ops.sum(x)]

    agree(target, recurrence, RNG.normal(size=130))


def test_a_chain_of_thousands_of_locals_is_shortened():
    lets = [Let("t0", Load("x", 0, "float64"))]
    lets += [Let(f"t{k}", Apply("neg", (Ref(f"t{k - 1}", "float64"),), "float64"))
             for k in range(1, 20_000)]  # fmt: skip
    body = inline_locals((*lets, Store("y", 0, Ref("t19999", "float64"))))
    assert 20_000 / 10 <= len(body) <= 20_000 / 8


def test_hundreds_of_loops_of_different_sizes_are_fused():
    """Without a search of all pairs: `many_vectors` in test_growth.py."""
    inputs = [new_input(f"x{k}", "float64", (None,)) for k in range(300)]
    total = sum(ops.sum(ops.exp(x)) for x in inputs)
    assert len(lower(inputs, [total]).kernels) == 300

@pytest.mark.parametrize("names", [("n1", "n0"), ("i1", "i2"), ("@0", "@1")])
def test_sizes_may_have_names_that_the_generated_text_uses(names):
    x = new_input("x", "float64", tuple(Dim.name(name) for name in names))
    outputs = [ops.exp(x[::2, 1:]), ops.sum(x, axis=1)]
    found = evaluate([x], outputs, [A])
    np.testing.assert_allclose(found[0], np.exp(A[::2, 1:]))
    np.testing.assert_allclose(found[1], A.sum(1))


def test_a_function_of_folds_is_folded_along_both_other_axes(target):
    x = pt.tensor("x", (None, None, None))
    rows = ops.logsumexp(x, axis=2)
    f = pt.function([x], [ops.sum(rows, 0), ops.sum(rows, 1), ops.max(rows, 1)], target=target)
    a = np.random.default_rng(0).normal(size=(3, 60, 4))
    meant = np.log(np.exp(a).sum(2))
    for got, wanted in zip(f(a), [meant.sum(0), meant.sum(1), meant.max(1)], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_rows_of_matrices_with_more_elements_than_a_size_in_the_text_may_have():
    """32 rows of 32 are within 1024 elements, which are a name in the text."""
    x, y, a = pt.tensor("x", (None, 32)), pt.tensor("y", (None, 32)), pt.tensor("a", (32, 32))
    moved = x[:, :, None] + a
    shift = ops.where(ops.isinf(y), 0.0, y)[:, None, :]
    f = pt.function([x, y, a], [moved, ops.exp(moved - shift)], target="interp")
    rng = np.random.default_rng(0)
    x, y, a = rng.normal(size=(2, 32)), rng.normal(size=(2, 32)), rng.normal(size=(32, 32))
    np.testing.assert_allclose(f(x, y, a)[1], np.exp(x[:, :, None] + a - y[:, None, :]))


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_indices_along_an_axis_of_size_1(mode):
    """Each reads the only element of a row that the same iteration computes."""
    x, i = new_input("x", "float64", (None, 1)), new_input("i", "int64", (None,))
    y = ops.take(ops.maximum(x, 0.0), i, axis=1, mode=mode)
    rows, indices = np.array([[1.0], [-2.0]]), np.array([0, -1] if mode == "raise" else [5, 0])
    (got,) = evaluate([x, i], [y], [rows, indices])
    np.testing.assert_array_equal(got, [[1.0, 1.0], [0.0, 0.0]])


def test_updates_of_the_only_element_of_an_axis(target):
    """The last one wins; a read of the same index in the same loop does not change that."""
    x, v = pt.vector("x", shape=(1,)), pt.vector("v", shape=(3,))
    k = pt.tensor("k", (3,), dtype="int64")
    outputs = [x.at[k].set(v + x[k]), x.at[k].add(v), x.at[[0, 0, -1]].set(v)]
    found = pt.function([x, v, k], outputs)([5.0], [1.0, 2.0, 4.0], [0, -1, 0])
    for value, wanted in zip(found, (9.0, 12.0, 4.0), strict=True):
        np.testing.assert_array_equal(value, [wanted])


KEYS = [np.s_[:, 3], np.s_[:, -2], np.s_[3], np.s_[-1], np.s_[:, 2:5], np.s_[:, ::-2],
        np.s_[:, -3:], np.s_[2:5, -1], np.s_[2, 3], np.s_[:, [1, 3]], np.s_[:, 1:-1]]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_derivatives_through_parts_of_tensors_of_any_size(key):
    """The parts are read in the loops that store the whole."""
    mu, y = pt.scalar("mu"), pt.matrix("y")
    z = pt.exp(mu * y)
    costs = [pt.sum(z[key]), pt.sum(z[key]) + pt.sum(z), pt.sum(z.at[key].set(mu) ** 2),
             pt.sum(z.at[key].add(z[key] * mu))]  # fmt: skip
    values = np.random.default_rng(0).random((6, 7))
    step = 1e-6
    for cost in costs:
        f = pt.function([mu, y], [cost, pt.grad(cost, mu), pt.grad(cost, y)])
        slope = (f(0.3 + step, values)[0] - f(0.3 - step, values)[0]) / (2 * step)
        _, found, by_y = f(0.3, values)
        assert found == pytest.approx(slope, rel=1e-5)
        shifted = f(0.3, values + step)[0] - f(0.3, values - step)[0]
        assert by_y.sum() == pytest.approx(shifted / (2 * step), rel=1e-5)
