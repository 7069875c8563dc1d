"""Every op refuses, at the call, the sizes that its NumPy meaning refuses."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.law import size_laws
from probtensor.graph.node import GraphError, make
from probtensor.graph.parts import parts, types_of
from probtensor.ops.kinds import REGISTRY, Core
from probtensor.testing.reference import size_names_of
from probtensor.types import (
    Dim,
    never_negative,
    size_floordiv,
    size_max,
    size_min,
    size_value,
    where_positive,
)

RNG = np.random.default_rng(3)
REFUSED = (ValueError, IndexError)


def symbolic(arrays):
    """Inputs of unknown sizes for arrays; axes of size 1 are known to be that."""
    return [
        ops.tensor(f"x{k}", [1 if n == 1 else None for n in a.shape], a.dtype)
        for k, a in enumerate(arrays)
    ]


def resized(arrays, inputs):
    """The arrays with one to three of their axes longer or shorter, as often as is asked."""
    sizes = [(k, a, n) for k, x in enumerate(inputs) for a, n in enumerate(x.shape)]
    axes = [(k, a) for k, a, n in sizes if isinstance(n, Dim)]
    yield arrays
    for _ in range(25 if axes else 0):
        found = list(arrays)
        for position in RNG.permutation(len(axes))[: RNG.integers(1, 4)]:
            k, axis = axes[position]
            shape = list(found[k].shape)
            shape[axis] = RNG.choice([0, 1, max(0, shape[axis] - 1), shape[axis] + 1])
            found[k] = np.resize(found[k], shape)
        yield found


def meaning(op, node, arrays, names):
    """What NumPy makes of it; None where it refuses, or makes another shape than is promised."""
    try:
        with np.errstate(all="ignore"):
            found = op.numpy(*arrays)
    except (ValueError, IndexError, TypeError):
        return None
    values = found if isinstance(node.type, tuple) else (np.asarray(found),)
    promised = [tuple(size_value(n, names) for n in t.shape) for t in types_of(node)]
    return values if [value.shape for value in values] == promised else None


@pytest.mark.parametrize("name", REGISTRY)
def test_the_law_of_an_op_is_that_of_its_meaning(name):
    kind = REGISTRY[name]
    taken = 0
    for sample in kind.samples:
        arrays = [np.asarray(a) for a in sample.make(RNG)]
        inputs = symbolic(arrays)
        op = kind(**sample.parameters)
        node = make(op, inputs)
        for k in op.index_inputs() if op.index_mode == "raise" else ():
            arrays[k] = np.zeros_like(arrays[k])  # valid for every axis that is not empty
        laws = size_laws([node], inputs)
        for number, given in enumerate(resized(arrays, inputs)):
            names = size_names_of(dict(zip(inputs, given)))
            refused = None
            for law in laws:
                try:
                    law.verify(names)
                except REFUSED as error:
                    refused = refused or error
            if refused is None:
                assert meaning(op, node, given, names) is not None, [a.shape for a in given]
                taken += 1
            else:
                assert number > 0, refused
                assert __file__ in str(refused) and len(str(refused).splitlines()) <= 8
    assert taken > 0


def test_a_routine_of_unequal_leading_axes_is_refused_or_repeated():
    """A routine runs over whole items, so an op cannot broadcast; a call does it."""
    for kind in (kind for kind in REGISTRY.values() if issubclass(kind, Core)):
        sample = kind.samples[0]
        op = kind(**sample.parameters)
        if op.count() < 2:
            continue
        arrays = [np.asarray(a) for a in sample.make(RNG)]
        ranks = [len(names) for names in op.signature()[0]]
        items = [a[(0,) * (a.ndim - rank)] for a, rank in zip(arrays, ranks, strict=True)]
        repeated = [np.stack([a] * 2) for a in items]
        wanted = op.numpy(*repeated)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        first, last = items[0], items[-1]
        rows = [[first, *repeated[1:]], [first[None], *repeated[1:]], [*repeated[:-1], last]]
        for given in rows:
            inputs = [ops.tensor(f"x{k}", a.shape, a.dtype) for k, a in enumerate(given)]
            with pytest.raises(GraphError, match=f"{kind.name}: leading axes"):
                make(op, inputs)
            found = pt.function(inputs, parts(op(*inputs)), target="interp")(*given)
            for got, meant in zip(found, wanted, strict=True):
                np.testing.assert_allclose(got, meant)
        inputs = [ops.tensor("x", (None, *a.shape), a.dtype) for a in items]
        call = pt.function(inputs, parts(make(op, inputs)), target="interp")
        with pytest.raises(ValueError, match="sizes 2 and 1 do not fit together along a leading"):
            call(*repeated[:-1], items[-1][None])


N, M = Dim.name("n"), Dim.name("m")


@pytest.mark.parametrize("size", [
    0, N, N - size_min(N, M), size_max(N - 1, 0), N + 1 - (N + 1) // 2 * 2,
    size_max(N, M) - N, N * M + 2, size_min(N, M), N // 2 - N // 2, 2 * ((N + 1) // 2) - N,
], ids=str)  # fmt: skip
def test_sizes_that_are_never_negative(size):
    assert never_negative(size)


@pytest.mark.parametrize(
    "size", [-1, N - 1, N - M, size_min(N, M) - N, N - 2 * ((N + 1) // 2), size_min(N - 1, M)],
    ids=str,
)  # fmt: skip
def test_sizes_that_may_be_negative(size):
    assert not never_negative(size)


def test_a_positive_size_is_not_the_zero_it_was_held_above():
    assert where_positive(size_max(N - 3, 0)) == N - 3
    assert where_positive((size_max(N - 3, 0) + 1) // 2) == (N - 2) // 2
    assert where_positive(size_max(N - 3, 0) + 1) == size_max(N - 3, 0) + 1


def test_a_slice_may_end_at_a_quotient_by_the_size_of_a_slice():
    x = ops.tensor("x", (None,))
    n = x.shape[0]
    call = pt.function([x], [x[: n // x[1:].shape[0]], x[n % x[2:].shape[0] :]], target="interp")
    for size in (4, 5, 9):
        value = np.arange(float(size))
        first, second = call(value)
        np.testing.assert_array_equal(first, value[: size // (size - 1)])
        np.testing.assert_array_equal(second, value[size % (size - 2) :])
    with pytest.raises(ValueError, match="division by zero"):
        call(np.ones(2))


@pytest.mark.parametrize("key", [
    "1:", ":-1", "-3:", "::-1", "::2", "1::3", ":5", "2:9:4", "-2::-1", "::-3", "3:1", "5:2:-1",
])  # fmt: skip
def test_slices_by_literals_need_no_check(key):
    x = ops.tensor("x", (None,))
    sliced = eval(f"x[{key}]")
    assert size_laws([sliced], [x]) == []


def test_multiples_of_a_divisor_leave_a_quotient():
    n = ops.vector("n").shape[0]
    rest = size_floordiv(size_min(n, 4), 2)
    assert size_floordiv(size_min(n, 4) + 2, 2) == rest + 1
    assert size_floordiv(6 * n + 1, 3) == 2 * n
    assert size_floordiv(2 * n - 4, 2) == n - 2
