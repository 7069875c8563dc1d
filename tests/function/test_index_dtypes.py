"""Index arrays of every integer dtype and origin, at the ends of axes and of the dtype: NumPy's
elements, or an error that names the first value out of range."""

import numpy as np
import pytest

import probtensor as pt

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SIZES = [1, 3, 127, 128, 129, 255, 256, 257, 32767, 32768, 32769, 65536, 65537]


def argument(dtype):
    """A function of arrays and an index array that is passed to each call."""
    x, i = pt.vector("x"), pt.vector("i", dtype=dtype)
    return pt.function([x, i], x[i], target="interp")


def bound(dtype):
    f = argument(dtype)
    return lambda x, i: f.bind({"i": i})(x)


def held(dtype):
    x, i = pt.vector("x"), pt.shared(np.zeros(1, dtype), name="i")
    f = pt.function([x], x[i], target="interp")

    def call(values, index):
        i.set_value(index)
        return f(values)

    return call


def literal(dtype):
    def call(values, index):
        x = pt.vector("x")
        return pt.function([x], x[pt.constant(index)], target="interp")(values)

    return call


def computed(dtype):
    """An index computed in the plan, which the entry does not see."""
    x, i = pt.vector("x"), pt.vector("i", dtype=dtype)
    f = pt.function([x, i], x[pt.maximum(i, pt.min(i))], target="interp")
    return f


def of_known_size(dtype):
    """The size is static, and so is whether the dtype can represent all indices."""

    def call(values, index):
        x, i = pt.vector("x", shape=values.shape), pt.vector("i", dtype=dtype)
        return pt.function([x, i], x[i], target="interp")(values, index)

    return call


WAYS = {"argument": argument, "bound": bound, "held": held, "computed": computed}


def ends(dtype, n):
    """Values at the ends of an axis of size n and of the dtype."""
    info = np.iinfo(dtype)
    wanted = {0, 1, n - 1, n, n + 1, -1, -n, -n - 1, 2 * n, info.min, info.max}
    wanted |= {info.min + 1, info.max - 1, info.max // 2, info.max // 2 + 1}
    return sorted(v for v in wanted if info.min <= v <= info.max)


def expect(call, x, index, bad):
    """The elements, or the error for the first bad value."""
    wrong = [k for k, v in enumerate(index.tolist()) if not -x.size <= v < x.size]
    try:
        found = call(x, index)
    except IndexError as error:
        assert wrong, f"{index} into {x.size}: {error}"
        if bad:
            first = wrong[0]
            assert f"value[{first}] = {index[first]}, the axis has size {x.size}" in str(error)
    else:
        assert not wrong, f"{index} into {x.size} gave {found}"
        np.testing.assert_array_equal(found, x[index])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_ends_of_axes_and_dtypes(way, dtype):
    call = WAYS[way](dtype)
    for n in SIZES if way == "argument" else (3, 128, 200, 40000):
        x = np.arange(float(n))
        for value in ends(dtype, n):
            for position in (0, 2, 4):
                index = np.zeros(5, dtype)
                index[position] = value
                # The entry cannot know that all indices of an axis fit in few bits.
                named = way != "computed" and dtype not in ("int8", "int16")
                expect(call, x, index, named)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint8"])
def test_few_bits_and_an_axis_of_known_size(dtype):
    top = 2 ** np.iinfo(dtype).bits
    for n in (3, top // 2 - 1, top // 2, top // 2 + 1, top // 2 + 70, top - 1, top, top + 1):
        for value in ends(dtype, n):
            expect(of_known_size(dtype), np.arange(float(n)), np.array([0, value], dtype), False)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_places_beyond_an_axis_by_mode(dtype):
    x, i = pt.vector("x"), pt.vector("i", dtype=dtype)
    modes = ("clip", "wrap")
    f = pt.function([x, i], [pt.take(x, i, mode=mode) for mode in modes], target="interp")
    for n in (1, 3, 128, 200):
        value, index = np.arange(float(n)), np.array(ends(dtype, n), dtype)
        clipped = [min(max(int(v), 0), n - 1) for v in index.tolist()]
        wrapped = [int(v) % n for v in index.tolist()]
        for found, indices in zip(f(value, index), (clipped, wrapped), strict=True):
            np.testing.assert_array_equal(found, value[indices])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_literals(dtype):
    for n in (3, 200):
        for value in ends(dtype, n):
            if -n <= value < n:
                expect(literal(dtype), np.arange(float(n)), np.array([0, value], dtype), False)
            else:
                with pytest.raises(IndexError):
                    literal(dtype)(np.arange(float(n)), np.array([0, value], dtype))


def test_the_first_wrong_value_is_named_not_one_at_an_end():
    call = argument("int64")
    x = np.arange(4.0)
    for index in ([-4, 3, 4, -5], [3, -4, -5, 4], [-4, -4, -4, -6], [3, 3, 3, 9]):
        expect(call, x, np.array(index), True)
    expect(call, np.arange(0.0), np.array([0]), False)
    expect(call, np.arange(0.0), np.zeros(0, "int64"), False)


def two_axes(way):
    """x[i] and y[i] as one function of x, y and i."""
    x, y = pt.vector("x"), pt.vector("y")
    if way == "held":
        i = pt.shared(np.zeros(1, "int64"), name="i")
        f = pt.function([x, y], [x[i], y[i]], target="interp")

        def call(a, b, index):
            i.set_value(index)
            return f(a, b)

        return call
    i = pt.vector("i", dtype="int64")
    f = pt.function([x, y, i], [x[i], y[i]], target="interp")
    return f if way == "argument" else lambda a, b, index: f.bind({"i": index})(a, b)


@pytest.mark.parametrize("way", ["argument", "bound", "held"])
def test_axes_of_two_sizes(way):
    """Negative indices mean different elements: correct or refused, whichever size is larger."""
    call = two_axes(way)
    for n, m in ((3, 3), (3, 5), (5, 3)):
        a, b = np.arange(float(n)), 10 + np.arange(float(m))
        for index in ([0, 2], [-1, 0], [0, -3], [4, 0], [0, -4], [-5, 1]):
            index = np.array(index)
            fits = -min(n, m) <= index.min() and index.max() < min(n, m)
            try:
                found = call(a, b, index)
            except IndexError as error:
                assert not fits or (index.min() < 0 and n != m and "two sizes" in str(error))
                continue
            assert fits
            np.testing.assert_array_equal(found[0], a[index])
            np.testing.assert_array_equal(found[1], b[index])
