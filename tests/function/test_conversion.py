"""Arguments of every kind for inputs of every dtype, by every way in: the same value in that dtype,
or a TypeError that names the argument."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.types import DTYPES

PYTHON = [False, True, 0, 1, -1, 127, 128, 255, 256, -128, -129, 2**31, 2**53 + 1, 2**63 - 1,
          -(2**63), 2**63, 2**64 - 1, 0.0, -0.0, 1.5, -2.0, 1e-45, 3.5e38, 1e300, np.nan,
          np.inf, -np.inf]  # fmt: skip


def fits(value, dtype, bare):
    """Whether the value converts to the dtype without loss, except the rounding of Python
    numbers."""
    target = np.dtype(dtype)
    array = np.asarray(value)
    if array.dtype == target:
        return True
    if target.kind == "b" or array.dtype.kind == "O":
        return False
    if target.kind == "f":
        with np.errstate(over="ignore"):
            exact = np.isfinite(array.astype(target)) == np.isfinite(array)
        return bool(exact.all()) if bare else np.can_cast(array.dtype, target)
    info = np.iinfo(target)
    exact = array.dtype.kind in "biu"
    return exact and all(info.min <= int(v) <= info.max for v in array.reshape(-1))


def values():
    """0-d values, and whether their dtype was not chosen by the user."""
    for number in PYTHON:
        yield number, True
        for dtype in DTYPES:
            with np.errstate(all="ignore"):
                array = np.array(number).astype(dtype)
            yield (array if dtype < "int8" else array[()]), False


def receivers(dtype, ndim):
    """Calls that take a value as an input of this dtype and return it, by way."""
    x = pt.tensor("x", (None,) * ndim, dtype)
    f = pt.function([x], x, target="interp")
    w = pt.shared(np.zeros((0,) * ndim, dtype), name="x")
    g = pt.function([], w, target="interp")
    counted = pt.function([x], x, updates={w: w}, target="interp")

    def assigned(value):
        w.set_value(value)
        return g()

    def default(value):
        return pt.function([pt.In(x, value=value)], x, target="interp")()

    ways = {"call": f, "by name": lambda v: f(x=v), "bind": lambda v: f.bind({x: v})(),
            "set_value": assigned, "with updates": counted}  # fmt: skip
    return ways | ({"default": default} if ndim == 0 else {})


def same(found, value, dtype):
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = np.asarray(value).astype(dtype)
    return found.dtype == dtype and found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalars(dtype):
    ways = receivers(dtype, 0)
    for k, (value, bare) in enumerate(values()):
        for way, call in ways.items():
            if way == "default" and not bare and k % 7:
                continue  # each of these is a function of its own
            try:
                found = call(value)
            except TypeError as error:
                assert not fits(value, dtype, bare), (way, value)
                assert "x: " in str(error)
            else:
                assert fits(value, dtype, bare), (way, value)
                assert found.shape == () and same(found, value, dtype), (way, value, found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_however_they_lie_in_memory(dtype):
    ways = receivers(dtype, 1)
    rng = np.random.default_rng(0)
    for other in DTYPES:
        base = rng.integers(0, 2, 24).astype(other)
        raw = np.zeros(24 * base.itemsize + 1, "uint8")
        unaligned = raw[1:].view(other)
        unaligned[:] = base
        readonly = base.copy()
        readonly.flags.writeable = False
        swapped = base.astype(base.dtype.newbyteorder())
        layouts = [base, base[::-1], base[::3], base[5:6], base[:0], unaligned, readonly, swapped,
                   np.broadcast_to(base[:1], 4), base.reshape(4, 6).T[1]]  # fmt: skip
        for array in layouts:
            for way, call in ways.items():
                try:
                    found = call(array)
                except TypeError:
                    assert not fits(array, dtype, False), (way, other)
                else:
                    assert fits(array, dtype, False), (way, other)
                    assert found.shape == array.shape and same(found, array, dtype), (way, other)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dtype_that_is_stated(dtype):
    """Rounded, but never truncated to integers nor wrapped around."""
    target = np.dtype(dtype)
    for value, bare in values():
        if bare:
            continue
        array = np.asarray(value)
        number = array.item()
        if target.kind == "b" or array.dtype == target:
            fine = True
        elif target.kind == "f":
            with np.errstate(over="ignore"):
                fine = np.isfinite(array.astype(target)) or not np.isfinite(array)
        else:
            info = np.iinfo(target)
            fine = np.isfinite(array) and number == int(number)
            fine = fine and info.min <= number <= info.max
        for make in (pt.shared, pt.constant):
            try:
                made = make(value, dtype=dtype)
            except TypeError:
                assert not fine, (make, value, array.dtype)
            else:
                found = made.get_value() if make is pt.shared else made.op.array
                assert fine, (make, value, array.dtype, found)
                assert same(found, value, dtype)
