"""Complex numbers in functions for a device: arguments, results, shared variables, rows."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.device import DeviceArray

pytestmark = pytest.mark.usefixtures("device_driver")
rng = np.random.default_rng(5)


def draw(*shape, dtype="complex128"):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


def agree(there, here):
    """The same dtypes, shapes and numbers, wherever the arrays are."""
    for a, b in zip(there, here, strict=True):
        a = a.get() if isinstance(a, DeviceArray) else a
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=1e-6 if b.dtype == "complex64" else 1e-12)


def test_arguments_and_results_of_every_kind():
    z, w = pt.zvector("z"), pt.cmatrix("w")
    values = draw(5), draw(2, 5, dtype="complex64")
    slope = pt.grad(pt.sum(pt.abs(z) ** 2), z)
    kept = [y.transfer("cuda") for y in (z * 2, z, w.T)]
    outputs = [z * 2 + 1j, w * 2, pt.abs(w), z, pt.sum(z), z[z.real > 0], slope, z * 2 + 1j, *kept]
    there, here = (pt.function([z, w], outputs, target=t) for t in ("cuda", "cython"))
    for given in (values, values, [pt.device_array(x) for x in values]):
        found = there(*given)
        agree(found, here(*values))
        assert [type(y) for y in found] == [np.ndarray] * 8 + [DeviceArray] * 3
    with pytest.raises(TypeError, match=r"z: expected complex128, got float64 on the device"):
        there(pt.device_array(np.ones(5)), values[1])


def test_parts_and_the_number_share_a_buffer():
    x, y = pt.vector("x"), pt.vector("y")
    outputs = [pt.stack([x, y], -1), pt.complex(x, y), pt.complex(x, y).transfer("cuda")]
    there, here = (pt.function([x, y], outputs, target=t) for t in ("cuda", "cython"))
    values = rng.normal(size=(2, 4))
    agree(there(*values), here(*values))
    agree(there.rows([values, values + 1]), map(np.array, zip(
        *(here(*pair) for pair in zip(values, values + 1)), strict=True)))  # fmt: skip


def test_shared_and_bound_numbers():
    z, w = pt.zvector("z"), pt.zvector("w")
    start, moved = draw(3), draw(3)
    total = pt.shared(start)
    step = pt.function([z, w], total * w, updates={total: total + z}, target="cuda")
    bound = step.bind({"w": start})
    for k in range(3):
        np.testing.assert_allclose(bound(moved), (start + k * moved) * start)
    np.testing.assert_allclose(total.get_value(), start + 3 * moved)


def test_rows_of_numbers():
    z = pt.zvector("z")
    there = pt.function([z], [z * z, pt.abs(z), z * z], target="cuda")
    columns = draw(4, 5)
    meant = [columns**2, abs(columns), columns**2]
    agree(there.rows([columns]), meant)
    found = there.rows([pt.device_array(columns)])
    assert all(isinstance(column, DeviceArray) for column in found)
    agree(found, meant)
