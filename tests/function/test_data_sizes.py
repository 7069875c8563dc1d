"""Sizes that data decide: functions whose plan runs in stages, against NumPy, on every target."""

import pickle
import threading

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.device import DeviceError
from probtensor.graph.text import parse, to_text
from probtensor.testing.reference import evaluate_numpy

X = np.array([1.0, -2.0, 3.0, 4.0, -5.0])
TOO_LARGE = (ValueError, DeviceError)
NO_ROOM = "too big|no array has|out of device memory"


def mixed_program():
    """Every function with a size that data decide, in one program, and its NumPy twin."""
    x, m, n, k = pt.vector("x"), pt.matrix("m"), pt.iscalar("n"), pt.lscalar("k")
    positive = x[x > 0]
    outputs = {
        "mask": positive,
        "mask of two axes": m[m > 0],
        "rows": m[m[:, 0] > 0],
        "mask and number": m[m[:, 0] > 0, 0],
        "slice and mask": m[1:, m[0] > 0],
        "mask of a masked": positive[positive > 0.5],
        "nonzero": pt.nonzero(m),
        "flatnonzero": pt.flatnonzero(m > 0),
        "argwhere": pt.argwhere(m > 0),
        "bounded nonzero": pt.nonzero(m > 0, size=4, fill_value=-1),
        "bounded argwhere": pt.argwhere(m > 0, size=3, fill_value=(-1, -2)),
        "unique": pt.unique(
            pt.round(x), return_index=True, return_inverse=True, return_counts=True
        ),
        "unique of a matrix": pt.unique(pt.round(m), return_inverse=True),
        "unique of a masked": pt.unique(pt.round(positive)),
        "bounded unique": pt.unique(pt.round(x), size=4, fill_value=99.0, return_counts=True),
        "arange": pt.arange(n),
        "arange up": pt.arange(k, 10, 3),
        "arange down": pt.arange(10, k, -2),
        "start": x[:n],
        "middle": x[k:n],
        "end": x[-n:],
        "reversed": x[::-1][n:],
        "backwards": x[n:k:-1],
        "zeros": pt.zeros((n, 3)),
        "full": pt.full((n,), x.sum()),
        "broadcast": pt.broadcast_to(x.sum(), (2, n)),
        "eye": pt.eye(n),
        "linspace": pt.linspace(0.0, 1.0, n),
        "reshape": x[: 2 * (x.shape[0] // 2)].reshape((pt.constant(2), -1)),
        "repeat": pt.repeat(x, pt.arange(x.shape[0])),
        "repeat by a scalar": pt.repeat(x, n),
        "repeat columns": pt.repeat(m, 2 * pt.astype(m[0] > 0, "int64"), axis=1),
        "bounded repeat": pt.repeat(m[0], pt.arange(m.shape[1]), total_repeat_length=7),
        "compress": pt.compress(m[:, 0] > 0, m, axis=0),
        "bounded compress": pt.compress(x > 0, x, size=3, fill_value=-1.0),
        "extract": pt.extract(m > 0, m),
        "set": x.at[x > 0].set(pt.arange(pt.sum(x > 0)) * 1.0),
        "add": x.at[x > 0].add(positive),
        "sum": pt.sum(positive**2),
        "size": positive.shape[0],
    }
    return (x, m, n, k), outputs


def padded(array, size, fill):
    """The first `size` entries, followed by fill values."""
    array = np.asarray(array)
    rest = np.full((max(0, size - len(array)), *array.shape[1:]), fill, array.dtype)
    return np.concatenate([array[:size], rest])


def mixed_twin(x, m, n, k):
    """The values of `mixed_program` by NumPy."""
    positive, places = x[x > 0], np.nonzero(m > 0)
    counted = np.unique(np.round(x), return_counts=True)
    filled, added = x.copy(), x.copy()
    filled[x > 0] = np.arange((x > 0).sum())
    added[x > 0] += positive
    repeated = np.repeat(m[0], np.arange(m.shape[1]))
    last = m[0, -1]
    return {
        "mask": positive,
        "mask of two axes": m[m > 0],
        "rows": m[m[:, 0] > 0],
        "mask and number": m[m[:, 0] > 0, 0],
        "slice and mask": m[1:, m[0] > 0],
        "mask of a masked": positive[positive > 0.5],
        "nonzero": np.nonzero(m),
        "flatnonzero": np.flatnonzero(m > 0),
        "argwhere": np.argwhere(m > 0),
        "bounded nonzero": [padded(axis, 4, -1) for axis in places],
        "bounded argwhere": padded(np.argwhere(m > 0), 3, (-1, -2)),
        "unique": np.unique(
            np.round(x), return_index=True, return_inverse=True, return_counts=True
        ),
        "unique of a matrix": np.unique(np.round(m), return_inverse=True),
        "unique of a masked": np.unique(np.round(positive)),
        "bounded unique": (padded(counted[0], 4, 99.0), padded(counted[1], 4, 0)),
        "arange": np.arange(n),
        "arange up": np.arange(k, 10, 3),
        "arange down": np.arange(10, k, -2),
        "start": x[:n],
        "middle": x[k:n],
        "end": x[-n:],
        "reversed": x[::-1][n:],
        "backwards": x[n:k:-1],
        "zeros": np.zeros((n, 3)),
        "full": np.full((n,), x.sum()),
        "broadcast": np.broadcast_to(x.sum(), (2, n)),
        "eye": np.eye(n),
        "linspace": np.linspace(0.0, 1.0, n),
        "reshape": x[: 2 * (len(x) // 2)].reshape(2, -1),
        "repeat": np.repeat(x, np.arange(len(x))),
        "repeat by a scalar": np.repeat(x, n),
        "repeat columns": np.repeat(m, 2 * (m[0] > 0), axis=1),
        "bounded repeat": padded(repeated, 7, last),
        "compress": np.compress(m[:, 0] > 0, m, axis=0),
        "bounded compress": padded(positive, 3, -1.0),
        "extract": np.extract(m > 0, m),
        "set": filled,
        "add": added,
        "sum": (positive**2).sum(),
        "size": np.int64(len(positive)),
    }


def mixed_calls(rng):
    """Arguments whose sizes grow and shrink, with masks that are all false, all true and empty."""
    for length in (0, 3, 8, 1, 5, 8, 2, 0, 6):
        x = 2 * rng.normal(size=length)
        if length == 3:
            x = -np.abs(x)
        if length == 1:
            x = np.abs(x)
        shape = rng.integers(1, 4, 2)
        count = np.int32(rng.integers(0, length + 1))
        yield x, rng.normal(size=shape), count, np.int64(rng.integers(-3, 9))


def assert_same(name, got, wanted):
    got, wanted = [v if isinstance(v, (list, tuple)) else [v] for v in (got, wanted)]
    for a, b in zip(got, wanted, strict=True):
        b = np.asarray(b)
        assert a.dtype == b.dtype and a.shape == b.shape, f"{name}: {a!r} is not {b!r}"
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-300, err_msg=name)


COMPILED = (
    "rows", "mask of a masked", "argwhere", "bounded nonzero", "unique of a masked", "arange up",
    "backwards", "repeat columns", "bounded compress", "set", "sum", "size",
)  # fmt: skip


def test_all_of_it_is_numpys(target):
    inputs, outputs = mixed_program()
    if target != "interp":  # compilers would need long for all of it
        outputs = {name: outputs[name] for name in COMPILED}
    function = pt.function(inputs, outputs)
    for arguments in mixed_calls(np.random.default_rng(1)):
        found, wanted = function(*arguments), mixed_twin(*arguments)
        assert found.keys() == outputs.keys()
        for name, value in found.items():
            assert_same(name, value, wanted[name])


def test_the_reference_evaluation_agrees():
    inputs, outputs = mixed_program()
    named = {k: ops.as_tensor(v) for k, v in outputs.items() if not isinstance(v, tuple)}
    for arguments in mixed_calls(np.random.default_rng(2)):
        found = evaluate_numpy(list(named.values()), dict(zip(inputs, arguments, strict=True)))
        wanted = mixed_twin(*arguments)
        for name, value in zip(named, found, strict=True):
            assert_same(name, value, wanted[name])


def derivatives_of(x):
    """A cost over chosen elements, of which each derivative has a size that data decide."""
    y = x[x > 0]
    half = x[: pt.sum(x > 0)]
    return pt.sum(y**3 * pt.arange(y.shape[0])) + pt.sum(pt.sin(half)) * pt.sum(
        pt.unique(x) ** 2
    ) + pt.sum(pt.repeat(x, pt.arange(x.shape[0])) ** 2) + pt.sum(x.at[x > 0].set(y**2) ** 2)


def test_gradients_are_those_of_finite_differences(target):
    x = pt.vector("x")
    cost = derivatives_of(x)
    second = pt.hessian(cost, x) if target == "interp" else pt.zeros((x.shape[0],) * 2)
    function = pt.function([x], [cost, pt.grad(cost, x), second])
    inner = x[x > 0]
    moved = pt.function([x], [pt.jvp(inner**2, [x], [x]), pt.jacobian(inner**2, x)])
    for point in (X, np.array([0.5, 0.25, -1.0]), -np.abs(X)):
        _, slope, curvature = function(point)
        step = 1e-6
        for i in range(len(point)):
            shift = step * (np.arange(len(point)) == i)
            up, down = function(point + shift), function(point - shift)
            np.testing.assert_allclose(slope[i], (up[0] - down[0]) / (2 * step), rtol=1e-5,
                                       atol=1e-5)
            if target == "interp":  # compilers would need long for it
                np.testing.assert_allclose(curvature[i], (up[1] - down[1]) / (2 * step), rtol=1e-5,
                                           atol=1e-5)
        tangent, jacobian = moved(point)
        np.testing.assert_allclose(tangent, 2 * point[point > 0] ** 2)
        np.testing.assert_allclose(jacobian, np.diag(2 * point)[point > 0])


def test_the_gradient_of_an_inner_tensor_has_its_size(target):
    x = pt.vector("x")
    y = x[x > 0]
    cost = pt.sum(pt.sin(y) * y.shape[0])
    function = pt.function([x], [pt.grad(cost, y), *pt.grad(cost, [x, y])])
    chosen = X[X > 0]
    first, outer, second = function(X)
    np.testing.assert_allclose(first, 3 * np.cos(chosen))
    np.testing.assert_allclose(second, 3 * np.cos(chosen))
    np.testing.assert_allclose(outer, np.where(X > 0, 3 * np.cos(X), 0))


def test_parts_of_functions_meet_them(target):
    """Givens, updates, declared shapes, indices from the caller, draws."""
    x, w, n = pt.vector("x"), pt.vector("w"), pt.lscalar("n")
    state = pt.shared(X, "state")
    u = pt.random.uniform(0, 1, shape=20)
    y = x[x > 0]
    index = pt.lvector("index")
    outputs = [x[:n].sum(), pt.arange(n), y[index], x[index], y[[-1, 0]], state, u, u[u > 0.5]]
    function = pt.function(
        [w, index],
        outputs,
        givens={n: pt.sum(w < 0), x: -w},
        updates={state: state[state > pt.min(state)]},
        seed=3,
    )
    for remaining in (X, np.sort(X)[1:], np.sort(X)[2:]):
        found = function(-X, [-1, 0])
        assert_same("slice", found[0], X[:3].sum())
        assert_same("arange", found[1], np.arange(3))
        assert_same("indices into the chosen", found[2], np.array([4.0, 1.0]))
        assert_same("indices into the input", found[3], np.array([-5.0, 1.0]))
        assert_same("literal indices", found[4], np.array([4.0, 1.0]))
        assert sorted(found[5]) == sorted(remaining)
        assert_same("draws", found[7], found[6][found[6] > 0.5])
    with pytest.raises(IndexError, match="out of bounds"):
        function(-X, [3, 0])
    with pytest.raises(IndexError, match="which is empty"):
        function(np.abs(X), [])
    assert len(state.get_value()) == 2  # no call that failed has updated it


def test_an_input_may_be_declared_with_such_a_size(target):
    x = pt.vector("x")
    y = x[x > 0]
    fitting = pt.tensor("fitting", shape=(y.shape[0],))
    function = pt.function([x, fitting], y * fitting)
    assert_same("product", function(X, [1.0, 2.0, 3.0]), X[X > 0] * [1.0, 2.0, 3.0])
    for wrong in ([1.0, 2.0], [1.0, 2.0, 3.0, 4.0]):
        with pytest.raises(ValueError, match=r"fitting has size \d along axis 0.*asks for 3"):
            function(X, wrong)


def test_threads_have_arenas_of_their_own():
    x = pt.vector("x")
    y = x[x > 0]
    function = pt.function([x], [pt.sort(pt.exp(y)), pt.unique(pt.round(y))])
    failures = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            value = 3 * rng.normal(size=rng.integers(0, 300))
            chosen = value[value > 0]
            found = function(value)
            if not np.allclose(found[0], np.sort(np.exp(chosen))):
                failures.append(value)
            if not np.array_equal(found[1], np.unique(np.round(chosen))):
                failures.append(value)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_source_keeps_its_name_through_text_pickle_and_the_cache():
    x = pt.vector("x")
    y = x[x > 0]
    output = pt.unique(y) + y.shape[0]
    text = to_text([output], whole=True)
    assert "value(" in text
    assert parse(text, ops.REGISTRY, {"x": x})[0] is output
    assert pickle.loads(pickle.dumps(output)) is output
    function = pt.function([x], output)
    assert_same("unpickled", pickle.loads(pickle.dumps(function))(X), function(X))
    again = pt.function([x], output)  # from the cache of functions
    assert again.timings["lower"] == 0
    assert_same("cached", again(X), function(X))


def test_stages_are_as_few_as_possible():
    x, n = pt.vector("x"), pt.iscalar("n")
    y = x[x > 0]
    z = y[y > 1]

    def stages(outputs):
        return len(pt.function([x, n], outputs, target="interp", on_unused_input="ignore")
                   .plan.starts)  # fmt: skip

    assert stages([pt.exp(x)]) == 1
    assert stages([pt.nonzero(x > 0, size=3)[0]]) == 1
    assert stages([pt.as_tensor(X)[pt.as_tensor(X) > 0]]) == 1  # literals are folded
    assert stages([y, x[x < 0], x[:n], pt.zeros((n, n))]) == 2
    assert stages([z, pt.unique(z)]) == 4
    plan = pt.function([x], [pt.sum(pt.exp(x)), pt.sum(y)], target="interp").plan
    assert plan.output_stages == (1, 1)  # what no size needs runs last


def test_sizes_are_the_same_for_the_same_tensor():
    x = pt.vector("x")
    mask = x > 0
    assert x[mask].shape == x[mask].shape
    assert (x[mask] + (x * 2)[mask]).shape == x[mask].shape
    assert pt.zeros(pt.constant(3)).shape == (3,)
    assert pt.zeros(pt.as_tensor(x.shape[0])).shape == x.shape


def test_literals_are_no_sizes_of_a_call():
    x, v = pt.as_tensor([1.0, 2.0, 3.0]), pt.vector("v")
    found = pt.function(
        [v],
        [x[x > 5], pt.nonzero(x > 5)[0], x[x > 1], pt.unique(x[x > 5]),
         v[pt.as_tensor([2, 2, 2])[: v.shape[0] - 2]]],
        target="interp",
    )([1.0, 2.0])  # fmt: skip
    wanted = [], [], [2.0, 3.0], [], []
    for got, values in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(got, values)


def test_batches():
    x, m = pt.vector("x"), pt.matrix("m")
    values = np.array([[1.0, -1, 2], [0, 0, 5]])
    rows = pt.vmap(lambda row: row[: pt.sum(x > 0)] * 2)(m)
    assert_same("rows", rows.eval({m: values, x: [1.0, 2.0, -1.0]}), 2 * values[:, :2])
    places = pt.vmap(lambda row: pt.flatnonzero(row > 0, size=2, fill_value=-1))(m)
    assert_same("places", places.eval({m: values}), np.array([[0, 2], [2, -1]]))
    with pytest.raises(pt.GraphError, match="items would have different sizes") as caught:
        pt.vmap(lambda row: row[row > 0])(m)
    assert "size=" in str(caught.value) and len(str(caught.value).splitlines()) <= 8


n, v, x, m = pt.iscalar("n"), pt.vector("v"), pt.vector("x"), pt.tensor("m", (None,), "bool")
u = pt.random.normal(0, 1, shape=30, name="u")
CALLS = {
    "negative": (lambda: pt.function([n], pt.zeros((n, 2)))(-2), ValueError, "n.*would be -2"),
    "negative count": (
        lambda: pt.function([v], pt.repeat(v, pt.astype(v, "int64")))([1.0, -2.0]),
        ValueError,
        "would be -1",
    ),
    "more elements than an int64 counts": (
        lambda: pt.function([n], pt.sum(pt.zeros((n, n, n)) + 1))(2**30),
        ValueError,
        r"shape \(1073741824, 1073741824, 1073741824\), which no array has",
    ),
    "another mask": (
        lambda: pt.function([x, m], x[m])(X, [True, False]),
        IndexError,
        "mask has size 2 along axis 0, of size 5",
    ),
    "too few values": (
        lambda: pt.function([x, v], x.at[x > 0].set(v))(X, [1.0, 2.0]),
        ValueError,
        r"shape \(2,\) to \(3,\)",
    ),
    "a float": (lambda: pt.zeros((pt.scalar("s"),)), TypeError, "integer tensor"),
    "a float bound": (lambda: x[: pt.scalar("s")], TypeError, "bound of a slice"),
    "a range of many": (lambda: pt.arange(pt.lvector("k")), TypeError, "bound that is a tensor"),
    "no axes": (lambda: pt.nonzero(pt.scalar("s")), TypeError, "without axes"),
    "fill without size": (lambda: pt.flatnonzero(x, fill_value=1), TypeError, "size="),
    "an address": (lambda: pt.function([x], x[x > 0]).address, TypeError, "no address"),
    "a density": (
        lambda: pt.condition({pt.random.normal(pt.sum(u[u > 0]), 1, name="y"): 1.0}),
        TypeError,
        "must not depend on values",
    ),
    "draws": (lambda: pt.draw(u[u > 0], 3), TypeError, "different shapes"),
}


@pytest.mark.parametrize("name", CALLS)
def test_messages_name_the_line_and_the_way_out(name):
    call, kind, says = CALLS[name]
    with pytest.raises(kind, match=says) as caught:
        call()
    text = str(caught.value)
    assert __file__ in text and len(text.splitlines()) <= 8, text


def test_draws_of_fixed_shape_may_pass_through_them():
    total = pt.deterministic(pt.sum(u[u > 0]), name="total")
    values = pt.draw([total, u], 4, seed=1)
    np.testing.assert_allclose(values[0], np.where(values[1] > 0, values[1], 0).sum(1))


@pytest.mark.parametrize("given", [[2**62] * 4, [2**62] * 4 + [5], [2**63 - 1, 2**63 - 1]])
def test_counts_whose_sum_no_int64_has_are_refused(given, target):
    counts = pt.lvector("counts")
    f = pt.function([counts], pt.repeat(counts, counts), target=target)
    with pytest.raises(TOO_LARGE, match=NO_ROOM):
        f(given)


def test_ranges_whose_length_no_int64_has(target):
    least, most = -(2**63), 2**63 - 1
    start, stop = pt.lscalar("start"), pt.lscalar("stop")
    f = pt.function([start, stop], pt.arange(start, stop), target=target)
    assert f(most, least).shape == (0,)
    np.testing.assert_array_equal(f(least, least + 2), [least, least + 1])
    with pytest.raises(TOO_LARGE, match=NO_ROOM):
        f(least, most)


def test_unsigned_sizes_and_bounds_that_no_int64_has(target):
    x, k = pt.vector("x"), pt.scalar("k", dtype="uint64")
    f = pt.function([x, k], [x[:k], x[k:], x[::-1][:k]], target=target)
    for largest in (2, 2**63, 2**64 - 1):
        for found, wanted in zip(f(X, largest), (X[:largest], X[largest:], X[::-1][:largest])):
            np.testing.assert_array_equal(found, wanted)
    for values in (pt.zeros(k), pt.arange(k), pt.repeat(k, k[None])):
        g = pt.function([k], values, target=target)
        with pytest.raises(TOO_LARGE, match=NO_ROOM):
            g(2**64 - 1)
