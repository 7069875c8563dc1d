"""x.at[key]: modes of reading, writes that accumulate nothing, quotients and powers."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from probtensor.targets.cuda.render import render
from tests.ops.numpy_twin import check, compare, static, symbolic

rng = np.random.default_rng(5)
A = rng.normal(size=(4, 5)) + 3.0
I, J = np.array([2, 0, 3]), np.array([[9, -7, 0], [1, 5, -1]])


@pytest.mark.parametrize("mode", ["wrap", "clip"])
def test_reads_with_a_mode_are_those_of_take(mode):
    def twin(a):
        return np.take(a, J, 1, mode=mode)

    check(lambda x: x.at[:, J].get(mode=mode), twin, A)
    check(lambda x: x.at[..., 8].get(mode=mode), lambda a: np.take(a, 8, 1, mode=mode), A)
    check(lambda x: x.at[1:, J].get(mode=mode), lambda a: twin(a)[1:], A)
    check(lambda x: x.at[-9, J, None].get(mode=mode),
          lambda a: np.take(np.take(a, -9, 0, mode=mode), J, mode=mode)[..., None], A)  # fmt: skip
    x, j = static(A, "x"), symbolic(J, "j")
    compare(x.at[:, j].get(mode=mode), twin(A), [x, j], [A, J])
    slopes = np.zeros_like(A)
    np.add.at(slopes, (slice(None), J % 5 if mode == "wrap" else np.clip(J, 0, 4)), 1.0)
    compare(pt.grad(pt.sum(x.at[:, j].get(mode=mode)), x), slopes, [x, j], [A, J])


def test_another_mode_is_refused():
    with pytest.raises(GraphError, match="mode 'fill' is not one of raise, wrap, clip"):
        static(A).at[0].get(mode="fill")


NAMES = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
         "power": np.power, "max": np.maximum, "min": np.minimum}  # fmt: skip
KEYS = [1, slice(None, None, -2), (slice(None), [2, 0]), A > 3, (slice(1, 3), -1), A[:, 0] > 3]


@pytest.mark.parametrize("name", NAMES)
def test_all_ways_to_combine(name):
    for key in KEYS:
        value = rng.uniform(1, 2, size=A[key].shape)
        meant = A.copy()
        meant[key] = NAMES[name](meant[key], value)
        for maker in (static, symbolic):
            x = maker(A)
            compare(getattr(x.at[key], name)(value), meant, [x], [A])


ROWS = {"rows": lambda i: i, "columns": lambda i: (slice(1, None), i), "pairs": lambda i: (i, i)}


@pytest.mark.parametrize("key", ROWS.values(), ids=ROWS)
def test_promised_indices_are_written_once(key):
    """The values and slopes are those without the promise."""
    x, i = static(A, "x"), symbolic(I, "i")
    value = rng.uniform(1, 2, size=A[key(I)].shape)
    y, weights = static(value, "y"), np.arange(20.0).reshape(4, 5)
    promised, plain = [], []
    for name in ("set", "add", "multiply", "max", "min"):
        for found, unique in ((promised, True), (plain, False)):
            z = getattr(x.at[key(i)], name)(y, unique_indices=unique)
            cost = pt.sum(z * weights)
            second = pt.grad(pt.sum(pt.grad(cost, y) ** 2), x, disconnected_inputs="ignore")
            found += [z, *pt.grad(cost, [x, y]), second]
    for name in ("divide", "power"):
        promised.append(getattr(x.at[key(i)], name)(y, unique_indices=True))
        plain.append(x.at[key(i)].set(NAMES[name](x[key(i)], y)))
    f = pt.function([x, i, y], [*promised, *plain], target="machine")
    got = f(A, I, value)
    for one, other in zip(got[: len(plain)], got[len(plain) :], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_devices_write_promised_elements_without_atomic_operations():
    x, i, v = ops.vector("x"), ops.vector("i", "int64"), ops.vector("v")

    def source(unique):
        outputs = [x.at[i].add(v, unique_indices=unique), x.at[i].set(v, unique_indices=unique)]
        f = pt.function([x, i, v], outputs, target="interp")
        return render(f.plan, comments=False).source

    assert "pt_atomic_add_float64(&" in source(unique=False)
    promised = source(unique=True)
    assert "pt_atomic_add_float64(&" not in promised
    # No scratch memory to find the last value for a place.
    assert source(unique=False).count("__global__") > promised.count("__global__")


def test_what_could_repeat_is_not_divided():
    x, i = static(A), symbolic(I, "i")
    for key in (i, [0, 0], [0, -4], (i, i)):
        with pytest.raises(GraphError, match="divide: an element could be indexed twice"):
            x.at[key].divide(2.0)
    with pytest.raises(GraphError, match="power: an element could be indexed twice"):
        x.at[i].power(2.0)
    with pytest.raises(GraphError, match="would lose fractions"):
        ops.arange(4).at[0].divide(2)


@pytest.mark.parametrize("shape", [(2, 1), (1, 1), (1, 3), (1,)], ids=str)
@pytest.mark.parametrize("known", [True, False])
def test_items_of_axes_of_size_one_are_places(shape, known):
    x = pt.tensor("x", shape if known else (None,) * len(shape))
    at = tuple(0 if n == 1 else slice(None) for n in shape)
    for key in (at, (None, *at), at[:1], (..., at[-1])):
        value = np.full(np.zeros(shape)[key].shape, 7.0)
        for write, meant in ((pt.set_subtensor, 7.0), (pt.inc_subtensor, 9.0)):
            after = np.full(shape, 2.0)
            after[key] = meant
            f = pt.function([x], write(x[key], value), target="interp", on_unused_input="ignore")
            np.testing.assert_array_equal(f(np.full(shape, 2.0)), after)
