"""Sums that loops accumulate in memory, for every order of the axes of a product.

Which stretch of memory a loop gathers its sums for follows from the order of its loops. Values are
small integers, whose sums are exact in any order.
"""

import itertools

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import new_input
from probtensor.kernel.ir import For, walk
from probtensor.lower import lower
from probtensor.lower.kinds import reduction
from tests.plans import evaluate

SIZES = {"a": 2, "b": 3, "c": 4, "j": 2, "k": 3}
PARTS = [("bjk", "jka", "ab"), ("cbj", "jka", "abc"), ("bj", "jca", "abc"), ("jk", "kb", "jb")]


def orders(*parts):
    return itertools.product(*(map("".join, itertools.permutations(part)) for part in parts))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("parts", PARTS, ids=" ".join)
def test_products_of_axes_in_every_order(monkeypatch, parts, dtype):
    monkeypatch.setitem(reduction.MAX_PLAIN_TERMS, "float64", 1)
    rng, gathered = np.random.default_rng(1), 0
    every = list(orders(*parts))
    for first, second, out in every[:: max(1, len(every) // 24) | 1]:  # all orders of each part
        out = out if set(out) <= set(first + second) else "".join(c for c in out if c in first)
        subscripts = f"{first},{second}->{out}"
        arrays = [rng.integers(-9, 9, [SIZES[c] for c in letters]).astype(dtype)
                  for letters in (first, second)]  # fmt: skip
        inputs = [new_input(f"x{k}", dtype, (None,) * a.ndim) for k, a in enumerate(arrays)]
        product = ops.Contract(subscripts)(*inputs)
        (found,) = evaluate(inputs, [product], arrays)
        np.testing.assert_array_equal(found, np.einsum(subscripts, *arrays), err_msg=subscripts)
        body = [s for kernel in lower(inputs, [product]).kernels for s in walk(kernel.body)]
        gathered += any(isinstance(s, For) and s.carries for s in body)
    assert gathered > 3 or parts[0] == "jk"


@pytest.mark.parametrize("shape", [(3, 2, 4), (2, 3, 1, 2)], ids=str)
def test_sums_over_every_set_of_axes(monkeypatch, shape):
    monkeypatch.setitem(reduction.MAX_PLAIN_TERMS, "float64", 1)
    x = new_input("x", "float64", (None,) * len(shape))
    value = np.random.default_rng(2).integers(-9, 9, shape) * 1.0
    ndim = len(shape)
    axes = [s for n in range(1, ndim + 1) for s in itertools.combinations(range(ndim), n)]
    for permutation in list(itertools.permutations(range(ndim)))[:: ndim - 1]:
        sums = [ops.sum(ops.transpose(x, permutation), axis=s) for s in axes]
        wanted = [np.transpose(value, permutation).sum(axis=s) for s in axes]
        for found, want in zip(evaluate([x], sums, [value]), wanted, strict=True):
            np.testing.assert_array_equal(found, want)
