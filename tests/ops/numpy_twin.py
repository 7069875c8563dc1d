"""Calls made twice, on NumPy arrays and as graphs, for comparison."""

import numpy as np

from probtensor.graph.node import Node, new_input
from probtensor.testing.reference import evaluate_numpy


def symbolic(array, name="x"):
    """An input of the array's dtype whose sizes are all unknown."""
    return new_input(name, array.dtype, [None] * array.ndim)


def static(array, name="x"):
    """An input of the array's type."""
    return new_input(name, array.dtype, array.shape)


def check(function, twin, *arrays, makers=(static, symbolic), rtol=1e-13):
    """`function` on graphs means `twin` on arrays, with known and with unknown sizes."""
    with np.errstate(all="ignore"):
        meant = np.asarray(twin(*arrays))
    for maker in makers:
        inputs = [maker(a, f"x{k}") for k, a in enumerate(arrays)]
        compare(function(*inputs), meant, inputs, arrays, rtol)


def compare(node, meant, inputs, arrays, rtol=1e-13):
    """The node has the value, dtype and shape of `meant`."""
    assert isinstance(node, Node)
    got = evaluate_numpy([node], dict(zip(inputs, arrays)))[0]
    assert got.dtype == meant.dtype, f"{got.dtype}, not {meant.dtype}"
    assert got.shape == meant.shape, f"{got.shape}, not {meant.shape}"
    np.testing.assert_allclose(got, meant, rtol=rtol, atol=1e-300)
