"""`pt.signal` against SciPy; `sliding_window_view` against NumPy."""

import numpy as np
import pytest
from scipy import signal

import probtensor as pt
from probtensor.graph.node import GraphError
from probtensor.signal.convolutions import _fast
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.numpy_twin import static

MODES = ("full", "same", "valid")
SHAPES = (((4, 5), (2, 3)), ((3, 3), (3, 3)), ((2, 2), (4, 3)), ((1, 40), (1, 3)))


def test_several_axes_and_all_modes():
    arrays = [batch(*shape) for pair in SHAPES for shape in pair]
    cubes = batch(3, 4, 5), batch(2, 2, 2)
    numbers = batch(6), batch(4)

    def of(namespace):
        def outputs(*xs):
            found = []
            for a, v in zip(xs[::2], xs[1::2], strict=True):
                for mode in MODES:
                    found += [f(a, v, mode) for f in (namespace.convolve, namespace.correlate)]
                    found.append(namespace.convolve(a, v, mode, "fft"))
                    found.append(namespace.fftconvolve(a, v, mode))
            return found

        return outputs

    agree(of(pt.signal), of(signal), *arrays, *cubes, *numbers)


def test_matrices_with_boundaries():
    def of(namespace):
        def outputs(*xs):
            found = []
            for a, v in zip(xs[::2], xs[1::2], strict=True):
                for f in (namespace.convolve2d, namespace.correlate2d):
                    found += [f(a, v, mode, edge) for mode in MODES for edge in ("wrap", "symm")]
                    found += [f(a, v, mode, "fill", value) for mode in MODES for value in (0, 1.5)]
            return found

        return outputs

    agree(of(pt.signal), of(signal), *[batch(*s) for pair in SHAPES[:3] for s in pair])


def test_batches_broadcast_and_sizes_may_be_symbolic():
    a, v = batch(3, 1, 7), batch(2, 3)
    meant = [[[np.convolve(row[0], k, mode) for k in v] for row in a] for mode in MODES]
    x, k = pt.tensor3("x"), pt.matrix("k")
    found = run([x, k], [pt.signal.convolve1d(x, k, mode) for mode in MODES], a, v)
    for got, value in zip(found, meant, strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-12)
    agree(
        lambda x, k: [pt.signal.convolve1d(x, k), pt.signal.convolve2d(x, k[:1, :2], "valid")],
        lambda x, k: [meant[0], [signal.convolve2d(m, k[:1, :2], "valid") for m in x]],
        a, v,
    )  # fmt: skip
    y, z = pt.matrix("y"), pt.matrix("z")
    f = pt.function(
        [y, z], [pt.signal.convolve2d(y, z, mode) for mode in MODES]
        + [pt.signal.correlate2d(y, z, "same", "wrap"), pt.signal.fftconvolve(y, z)],
        target="machine",
    )  # fmt: skip
    for one, other in SHAPES[:2]:
        a, v = batch(*one), batch(*other)
        *found, wrapped, whole = f(a, v)
        for got, mode in zip(found, MODES, strict=True):
            np.testing.assert_allclose(got, signal.convolve2d(a, v, mode), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(wrapped, signal.correlate2d(a, v, "same", "wrap"), rtol=1e-11)
        np.testing.assert_allclose(whole, found[0], rtol=1e-11, atol=1e-13)
    for one, other, name in (((2, 0), (2, 2), "in1"), ((2, 2), (0, 2), "in2")):
        with pytest.raises(ValueError, match=f"{name} has no elements|-1"):
            f(np.zeros(one), np.zeros(other))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "complex128"])
def test_dtypes(dtype):
    a, v = (10 * batch(4, 40)).astype(dtype), (10 * batch(2, 3)).astype(dtype)
    if dtype == "complex128":
        v = v + 1j * batch(2, 3)
    x, k = static(a), static(v, "k")
    f, g = pt.signal.convolve2d, pt.signal.correlate
    found = run([x, k], [f(x, k), f(x, k, "same", "symm"), g(x, k)], a, v)
    f, g = signal.convolve2d, signal.correlate
    wanted = [f(a, v), f(a, v, "same", "symm"), g(a, v, method="direct")]
    for got, value in zip(found, wanted, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, value, rtol=2e-5, atol=1e-4 * (dtype == "float32"))


def test_derivatives():
    a, v = batch(3, 4), batch(2, 2)
    for mode in MODES:
        slopes(lambda x, k, mode=mode: pt.signal.convolve2d(x, k, mode, "symm"), a, v)
    slopes(lambda x, k: pt.signal.correlate(x, k, "same"), a, v)
    slopes(lambda x, k: pt.signal.fftconvolve(x, k), a, v)
    slopes(lambda x, k: pt.signal.convolve1d(x, k[:, None, :]), batch(3, 70), batch(2, 2))


def test_transforms_of_integers_and_their_sizes_and_conjugates():
    a, v = np.arange(-7, 9), np.array([3, -5, 2, 7])
    x, y = static(a), static(v, "v")
    found = run([x, y], [pt.signal.convolve(x, y, "full", "fft")], a, v)[0]
    np.testing.assert_array_equal(found, np.convolve(a, v))
    smooth = sorted(2**i * 3**j * 5**k for i in range(9) for j in range(6) for k in range(4))
    for n in range(1, 257):
        assert _fast(n) == next(m for m in smooth if m >= n)
    z, w = batch(3, 4) + 1j * batch(3, 4), batch(2, 2) - 1j * batch(2, 2)
    np.testing.assert_allclose(pt.signal.correlate2d(z, w).eval(), signal.correlate2d(z, w))


def test_windows():
    x = batch(4, 5, 3)
    view = np.lib.stride_tricks.sliding_window_view
    cases = ((2, 1), ((2, 3), (1, 0)), ((4, 5, 1), None), ((2, 2), (1, 1)), (3, -1))
    agree(
        lambda x: [pt.sliding_window_view(x, shape, axis) for shape, axis in cases],
        lambda x: [view(x, shape, axis) for shape, axis in cases],
        x,
    )
    slopes(lambda x: pt.sliding_window_view(x, (2, 3), (1, 0)) ** 3, x)
    y, width = pt.vector("y"), pt.lscalar("width")
    f = pt.function([y, width], pt.sliding_window_view(y, width), target="machine")
    np.testing.assert_array_equal(f(x[0, 0], 2), view(x[0, 0], 2))
    for wide in (4, 0):
        with pytest.raises(ValueError, match="window"):
            f(x[0, 0], wide)


def test_what_is_refused():
    one, two = np.ones(2), np.ones((2, 3))
    s = pt.signal
    cases = [
        (lambda: s.convolve(one, two), "in1 has 1 axes and in2 2"),
        (lambda: s.convolve(one, one, "most"), "mode is one of 'full', 'same', 'valid'"),
        (lambda: s.correlate(one, one, method="slow"), "method is one of 'auto'"),
        (lambda: s.fftconvolve(one, np.ones(0)), "in2 has no elements"),
        (lambda: s.fftconvolve(one, one, axes=1), "axis 1"),
        (lambda: s.convolve(two, np.ones((3, 2)), "valid"), "at least as large"),
        (lambda: s.convolve2d(one, two), "in1 has fewer than two axes"),
        (lambda: s.convolve1d(1.0, one), "in1 has fewer than an axis"),
        (lambda: s.convolve2d(two, two, boundary="far"), "boundary is one of 'fill', 'wrap'"),
        (lambda: s.convolve2d(two, two, fillvalue=one), "fillvalue is one number"),
        (lambda: pt.sliding_window_view(two, 2), "1 sizes for 2 axes"),
        (lambda: pt.sliding_window_view(two, 4, 1), "window of 4 along axis 1, of size 3"),
        (lambda: pt.sliding_window_view(two, 0, 1), "1 element or more"),
        (lambda: pt.sliding_window_view(two, -1, 1), "1 element or more"),
        (lambda: pt.sliding_window_view(two, 1.5, 1), "a size of window_shape"),
        (lambda: pt.sliding_window_view(two, 1, 2), "axis 2"),
    ]
    for call, words in cases:
        with pytest.raises((GraphError, ValueError), match=words):
            call()


def test_valid_is_refused_where_neither_lies_within_the_other():
    a, b = pt.matrix("a"), pt.matrix("b")
    for x, y in (((2, 6), (3, 2)), ((1, 5), (2, 2))):
        x, y = np.ones(x), np.ones(y)
        with pytest.raises(ValueError, match="valid"):
            signal.convolve2d(x, y, "valid")
        for function in (pt.signal.convolve2d, pt.signal.correlate2d, pt.signal.fftconvolve):
            found = function(a, b, "valid")
            with pytest.raises(ValueError, match=r"^signal.*for mode='valid' one operand"):
                found.eval({a: x, b: y})
            with pytest.raises(TypeError, match=r"^signal.*for mode='valid' one operand"):
                function(x, y, "valid")
