"""`mode="PROBTENSOR"`: functions of PyTensor that are compiled here."""

import pickle

import numpy as np
import pytest

pytest.importorskip("pytensor")

import pytensor
import pytensor.tensor as at
import pytensor.tensor.random.basic as rb
import pytensor.typed_list
from pytensor.graph.replace import vectorize_graph
from pytensor.raise_op import Assert
from pytensor.tensor.random.type import random_generator_type

import probtensor as pt
from probtensor.interop.pytensor.linker import ProbTensorLinker
from tests.interop.agreement import PYTHON

MODE = "PROBTENSOR"


def both(inputs, outputs, *calls, **options):
    """The results of calls, of functions that are compiled here and by PyTensor's Python."""
    found = []
    for mode in (MODE, PYTHON):
        f = pytensor.function(inputs, outputs, mode=mode, **options)
        found.append([f(*arguments) for arguments in calls])
    return found


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        for x, y in zip(a, b, strict=True):
            assert isinstance(x, np.ndarray) and x.dtype == y.dtype and x.shape == y.shape
            np.testing.assert_allclose(x, y, rtol=1e-6 if x.dtype == "float32" else 1e-12)


def test_one_function_takes_all_sizes_and_gives_declared_dtypes():
    x, i, z = at.matrix("x"), at.ivector("i"), at.fvector("z")
    b, u = at.bvector("b"), at.vector("u", dtype="uint8")
    outputs = [x @ x.T, x.sum(0), i * 2, i.sum(), z * 2, at.exp(z), i * z, b + b, u + u, x > 0,
               at.constant(1.5) * z, x.shape[0], at.grad(at.exp(x).sum(), x)]  # fmt: skip
    calls = [
        (np.arange(float(n * k)).reshape(n, k) / 9, np.arange(k, dtype="int32"),
         np.linspace(0, 1, k, dtype="float32"), np.full(k, 100, "int8"), np.full(n, 200, "uint8"))
        for n, k in ((2, 3), (4, 1), (0, 2))
    ]  # fmt: skip
    same(*both([x, i, z, b, u], outputs, *calls))


def test_updates_and_shared_variables():
    results = []
    for mode in (MODE, PYTHON):
        x = at.vector("x")
        w = pytensor.shared(np.ones(3), "w")
        count = pytensor.shared(np.int64(0), "count")
        loss = ((w - x) ** 2).sum()
        updates = {w: w - 0.1 * at.grad(loss, w), count: count + 1}
        f = pytensor.function([x], [loss], mode=mode, updates=updates)
        losses = [f(np.arange(3.0))[0] for _ in range(4)]
        w.set_value(np.zeros(3))
        losses.append(f(np.arange(3.0))[0])
        results.append([losses, [w.get_value(), count.get_value()]])
    same(*[[[np.asarray(x) for x in part] for part in r] for r in results])
    assert results[0][1][1] == 5


def test_updates_without_outputs_and_keyword_arguments():
    w = pytensor.shared(np.zeros(2), "w")
    x = at.vector("x")
    step = pytensor.function([x], [], updates={w: w + x}, mode=MODE)
    step(np.ones(2))
    step(x=np.array([1.0, 3.0]))
    np.testing.assert_array_equal(w.get_value(), [2.0, 4.0])
    f = pytensor.function([x], x, mode=MODE)
    given = np.ones(2)
    assert f(given) is not given and (f(given) == given).all()


def test_scans_of_any_length():
    x, a, n = at.vector("x"), at.scalar("a"), at.lscalar("n")
    out = pytensor.scan(lambda v, h: at.tanh(a * h + v), sequences=x, outputs_info=at.zeros(()),
                        return_updates=False)  # fmt: skip
    power = pytensor.scan(lambda h: h * a, outputs_info=at.ones(()), n_steps=n,
                          return_updates=False)  # fmt: skip
    outputs = [out, *at.grad(out[-1], [x, a]), power, at.grad(power.sum(), a)]
    calls = [(np.linspace(0, 1, k), 0.5, k) for k in (1, 4, 7)]
    same(*both([x, a, n], outputs, *calls))


def test_generators_advance_by_updates_and_stay_without():
    generator = pytensor.shared(np.random.default_rng(3), "generator")
    x = at.vector("x")
    following, y = rb.normal(x, 1.0, rng=generator, return_next_rng=True)
    last, z = rb.uniform(size=(2,), rng=following, return_next_rng=True)
    advancing = pytensor.function([x], [y, z], updates={generator: last}, mode=MODE)
    zeros = np.zeros(4)
    draws = np.array([np.concatenate(advancing(zeros)) for _ in range(200)])
    assert np.unique(draws).size == draws.size
    assert abs(draws[:, :4].mean()) < 0.15 and abs(draws[:, 4:].mean() - 0.5) < 0.05

    staying = pytensor.function([x], [y, last], mode=MODE)
    first, again = staying(zeros), staying(zeros)
    np.testing.assert_array_equal(first[0], again[0])
    generator.set_value(first[1])
    assert not np.any(staying(zeros)[0] == first[0])
    seeded = [np.random.default_rng(9) for _ in range(2)]
    given = random_generator_type("given")
    _, w = rb.normal(x, 1.0, rng=given, return_next_rng=True)
    f = pytensor.function([given, x], w, mode=MODE)
    np.testing.assert_array_equal(f(seeded[0], zeros), f(seeded[1], zeros))


def test_a_generator_within_a_scan_advances():
    generator = pytensor.shared(np.random.default_rng(3))

    def step(h, rng):
        following, y = rb.normal(h, 1.0, rng=rng, return_next_rng=True)
        return y, following

    y, last = pytensor.scan(step, outputs_info=[at.zeros(()), generator], n_steps=50,
                            return_updates=False)  # fmt: skip
    f = pytensor.function([], y, updates={generator: last}, mode=MODE)
    first, second = f(), f()
    steps = np.diff(first)
    assert np.unique(steps).size == 49 and 0.5 < steps.std() < 1.6
    assert not np.any(first == second)


def test_functions_are_copied_and_pickled_and_a_mode_may_have_a_target():
    x = at.vector("x")
    s = pytensor.shared(np.ones(2), "s")
    mode = pytensor.compile.mode.Mode(ProbTensorLinker(target="machine"), "minimum_compile")
    functions = [pytensor.function([x], [x * s, x], updates={s: s + x}, mode=mode) for _ in "ab"]
    given = np.array([1.0, 2.0])
    np.testing.assert_array_equal(functions[0](given)[0], [1, 2])
    again = pickle.loads(pickle.dumps(functions[1]))
    for f in (functions[1].copy(), again):
        result, same_value = f(given)
        np.testing.assert_array_equal(result, [2, 6])
        assert not np.shares_memory(same_value, given)


def test_checks_raise_what_they_say():
    x = at.vector("x")
    checked = Assert("x is positive")(x, at.all(x > 0))
    f = pytensor.function([x], [checked.sum(), x.sum()], mode=MODE)
    assert f(np.ones(3))[0] == 3
    with pytest.raises(AssertionError, match="x is positive"):
        f(np.array([1.0, -1.0]))


def test_batches_of_ranges_have_one_size():
    x, i = at.matrix("x"), at.lvector("i")
    start, v = at.lscalar("start"), at.vector("v")
    part = at.arange(start, start + 3).sum() * v
    batch = vectorize_graph(part, {v: x, start: i})
    same(*both([x, i], [batch], (np.ones((4, 2)), np.arange(4))))


def test_inputs_that_are_no_tensors_are_refused():
    items = pytensor.typed_list.TypedListType(at.dvector)("items")
    with pytest.raises(pt.GraphError, match="inputs are tensors and generators"):
        pytensor.function([items], pytensor.typed_list.length(items), mode=MODE)


@pytest.mark.slow
def test_a_call_costs_at_most_two_microseconds_more_than_pytensors_own():
    import timeit

    x, a = at.vector("x"), at.scalar("a")
    given = np.ones(3), np.array(2.0)
    least = []
    for mode in (MODE, PYTHON):
        f = pytensor.function([x, a], [at.exp(x).sum(), x * a], mode=mode, trust_input=True)
        f(*given)
        least.append(min(timeit.repeat(lambda f=f: f(*given), number=2000, repeat=9)) / 2000)
    assert least[0] < least[1] + 2e-6
