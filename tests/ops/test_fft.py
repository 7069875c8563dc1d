"""Fourier transforms against NumPy and SciPy: sizes, axes, norms, dtypes; derivatives."""

import numpy as np
import pytest
import scipy.fft

import probtensor as pt

RNG = np.random.default_rng(1)
NORMS = ("backward", "ortho", "forward")
COMPLEX = RNG.normal(size=(3, 4, 5)) + 1j * RNG.normal(size=(3, 4, 5))
REAL = RNG.normal(size=(3, 4, 5))
OF_COMPLEX = ("fft", "ifft", "irfft", "hfft")
OF_REAL = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fftn", "ifftn", "irfftn")
SEVERAL_REAL = ("fftn", "ifftn", "rfftn", "irfftn")


def values(inputs, outputs, arrays, target="machine"):
    return pt.function(inputs, outputs, target=target)(*arrays)


def compare(cases, x, array, theirs=np.fft, tolerance=1e-13):
    """Each case (name, arguments, keywords) is that of the other library."""
    ours = [getattr(pt.fft, name)(x, *args, **given) for name, args, given in cases]
    for (name, args, given), got in zip(cases, values([x], ours, [array])):
        meant = getattr(theirs, name)(array, *args, **given)
        said = f"{name} {args} {given}"
        assert got.dtype == meant.dtype and got.shape == meant.shape, said
        np.testing.assert_allclose(got, meant, rtol=0, atol=tolerance * np.abs(meant).max() * 8,
                                   err_msg=said)  # fmt: skip


def rows(names):
    sizes = [(None, -1), (5, -1), (6, -1), (3, -1), (2, -1), (None, 0), (1, 1), (7, -2), (4, 1)]
    return [(name, (n, axis), {}) for name in names for n, axis in sizes] + [
        (name, (n,), {"norm": norm}) for name in names for norm in NORMS for n in (None, 5)
    ]


@pytest.mark.parametrize("shape", [None, (None, None, None)])
def test_along_one_axis(shape):
    z = pt.tensor("z", shape or COMPLEX.shape, "complex128")
    x = pt.tensor("x", shape or REAL.shape)
    compare(rows(OF_COMPLEX), z, COMPLEX)
    compare(rows(OF_REAL), x, REAL)


def grids(names):
    given = [(None, (0, 1)), (None, (0, 1, 2)), ((4, 6), (1, 2)), ((2, -1, 7), (2, 0, 1)),
             (None, (1,)), ((5,), (0,)), (None, (-1, -2)), ((2, 3, 8), (0, 1, 2))]  # fmt: skip
    return [(name, (), {"s": s, "axes": axes}) for name in names for s, axes in given] + [
        (name, (), {"norm": norm, "axes": (0, 2)}) for name in names for norm in NORMS
    ]


@pytest.mark.parametrize("shape", [None, (None, None, None)])
def test_along_several_axes(shape):
    z = pt.tensor("z", shape or COMPLEX.shape, "complex128")
    x = pt.tensor("x", shape or REAL.shape)
    planes = [(name, (), {}) for name in ("fft2", "ifft2", "irfft2", "fftn", "ifftn", "irfftn")]
    compare(grids(SEVERAL) + planes, z, COMPLEX)
    compare(grids(SEVERAL_REAL) + [*planes, ("rfft2", (), {}), ("rfftn", (), {})], x, REAL)
    compare([("fftn", (), {"s": (3, 3), "axes": (1, 1)}), ("fftn", (), {"axes": (2, 2)})], x, REAL)


@pytest.mark.parametrize("target", ["interp", "machine",
                                    pytest.param("cython", marks=pytest.mark.slow)])  # fmt: skip
def test_targets_and_dtypes(target):
    x, k, b = pt.fvector("x"), pt.ivector("k"), pt.tensor("b", (None,), "bool")
    c = pt.cvector("c")
    arrays = [np.arange(6, dtype="float32") ** 2, np.arange(5, dtype="int32"), np.arange(4) > 1,
              np.array([1, 2j, 3], "complex64")]  # fmt: skip
    ours = [pt.fft.fft(x), pt.fft.rfft(x), pt.fft.irfft(c), pt.fft.fft(c), pt.fft.fft(k),
            pt.fft.ifft(b), pt.fft.rfftn(k)]  # fmt: skip
    found = values([x, k, b, c], ours, arrays, target)
    meant = [np.fft.fft(arrays[0]), np.fft.rfft(arrays[0]), np.fft.irfft(arrays[3]),
             np.fft.fft(arrays[3]), np.fft.fft(arrays[1]), np.fft.ifft(arrays[2]),
             np.fft.rfftn(arrays[1])]  # fmt: skip
    for got, expected in zip(found, meant):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=2e-6 if got.itemsize < 16 else 1e-14,
                                   atol=1e-5)  # fmt: skip


def test_numbers_of_points_that_are_symbolic():
    x, y, z = pt.vector("x"), pt.vector("y"), pt.zvector("z")
    n = y.shape[0]
    ours = [pt.fft.rfft(x, n), pt.fft.irfft(z, n), pt.fft.fft(z, n, norm="ortho"),
            pt.fft.fftfreq(n, 0.5), pt.fft.rfftfreq(n)]  # fmt: skip
    f = pt.function([x, y, z], ours, target="machine", on_unused_input="ignore")
    given, w = RNG.normal(size=6), RNG.normal(size=5) + 1j * RNG.normal(size=5)
    for count in (1, 2, 5, 6, 8, 11):
        found = f(given, np.zeros(count), w)
        meant = [np.fft.rfft(given, count), np.fft.irfft(w, count),
                 np.fft.fft(w, count, norm="ortho"), np.fft.fftfreq(count, 0.5),
                 np.fft.rfftfreq(count)]  # fmt: skip
        for a, b in zip(found, meant):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


def test_frequencies_and_shifts():
    x = pt.matrix("x")
    for shape in ((4, 5), (1, 3)):
        array = RNG.normal(size=shape)
        cases = [(name, (axes,), {}) for name in ("fftshift", "ifftshift")
                 for axes in (None, 0, 1, (0, 1), (-1,))]  # fmt: skip
        compare(cases, x, array)
    for n in (1, 2, 7, 8):
        for name, d in (("fftfreq", 0.1), ("rfftfreq", 3)):
            ours, theirs = (getattr(module, name)(n, d) for module in (pt.fft, np.fft))
            np.testing.assert_allclose(ours.eval(), theirs, rtol=1e-15)


def test_cosines_and_sines_are_scipys():
    x = pt.tensor("x", (None, None))
    array = RNG.normal(size=(5, 6))
    names = ("dct", "idct", "dst", "idst")
    cases = [(name, (kind,), {"norm": norm, "axis": axis}) for name in names
             for kind in (1, 2, 3, 4) for norm in NORMS for axis in (0, -1)]  # fmt: skip
    cases += [(name, (2, n), {}) for name in names for n in (1, 4, 9)]
    cases += [(name, (kind,), {"orthogonalize": flag}) for name in names for kind in (1, 2, 3)
              for flag in (True, False)]  # fmt: skip
    cases += [(f"{name}n", (3,), {"norm": "ortho", "s": (4, 7)}) for name in names]
    cases += [(f"{name}n", (), {"axes": (0,)}) for name in names]
    compare(cases, x, array, scipy.fft)


TRANSFORMS = {
    "fft": pt.fft.fft, "ifft": pt.fft.ifft, "fft2": pt.fft.fft2,
    "ifftn": lambda a: pt.fft.ifftn(a, (4, 3, 2), (0, 2, 1)), "irfft": pt.fft.irfft,
    "irfft odd": lambda a: pt.fft.irfft(a, 7, norm="ortho"), "irfft2": pt.fft.irfft2,
    "irfftn odd": lambda a: pt.fft.irfftn(a, (3, 4, 9)), "hfft": pt.fft.hfft,
}  # fmt: skip
OF_REALS = {
    "rfft": pt.fft.rfft, "rfft odd": lambda a: pt.fft.rfft(a, 7), "rfft2": pt.fft.rfft2,
    "rfftn": lambda a: pt.fft.rfftn(a, (3, 4, 6)), "fft": pt.fft.fft, "ifft2": pt.fft.ifft2,
    "ihfft": pt.fft.ihfft, "dct": pt.fft.dct, "dct 1": lambda a: pt.fft.dct(a, 1),
    "dct 3": lambda a: pt.fft.dct(a, 3, norm="ortho"), "dst": lambda a: pt.fft.dst(a, 2),
    "idst": lambda a: pt.fft.idstn(a, 2), "dst 1": lambda a: pt.fft.dst(a, 1),
    "dct 4": lambda a: pt.fft.idct(a, 4), "dst 4": lambda a: pt.fft.dst(a, 4),
}  # fmt: skip


def inner(a, b):
    return np.sum(a.real * b.real) + np.sum(a.imag * b.imag)


@pytest.mark.parametrize("kind", ["fixed", "symbolic"])
def test_derivatives_are_transposed_transforms(kind):
    """<g, T t> = <vjp(g), t>, with the sign that JAX's convention has for complex numbers."""
    for table, array, dtype in ((TRANSFORMS, COMPLEX, "complex128"), (OF_REALS, REAL, "float64")):
        shape = array.shape if kind == "fixed" else (None,) * 3
        x = pt.tensor("x", shape, dtype)
        results = {name: f(x) for name, f in table.items()}
        sizes = values([x], list(results.values()), [array])
        weights = [RNG.normal(size=y.shape) for y in sizes]
        weights = [g + 1j * RNG.normal(size=g.shape) if y.dtype.kind == "c" else g
                   for g, y in zip(weights, sizes)]  # fmt: skip
        t = RNG.normal(size=array.shape) + (1j if dtype[0] == "c" else 0) * array[::-1]
        moved = [pt.jvp(y, x, t) for y in results.values()]
        pulled = [pt.vjp(y, x, g) for y, g in zip(results.values(), weights)]
        found = pt.function([x], [moved, pulled], target="machine", on_unused_input="ignore")(array)
        for name, y_dot, slope, g in zip(results, *found, weights):
            left = inner(np.conj(g), y_dot) if np.iscomplexobj(g) else inner(g, y_dot)
            right = inner(np.conj(slope), t)
            assert left == pytest.approx(right, rel=1e-10), name


def test_gradients_of_a_spectrum():
    x = pt.vector("x")
    power = pt.sum(pt.abs(pt.fft.fft(x)) ** 2)
    given = RNG.normal(size=7)
    f = pt.function([x], [pt.grad(power, x), pt.hessian(power, x),
                          pt.grad(pt.sum(pt.abs(pt.fft.rfft(x))), x)],
                    target="machine")  # fmt: skip
    slope, second, third = f(given)
    np.testing.assert_allclose(slope, 14 * given, rtol=1e-12)
    np.testing.assert_allclose(second, 14 * np.eye(7), atol=1e-11)
    step = 1e-6 * np.eye(7)
    meant = [(np.abs(np.fft.rfft(given + h)).sum() - np.abs(np.fft.rfft(given - h)).sum()) / 2e-6
             for h in step]  # fmt: skip
    np.testing.assert_allclose(third, meant, rtol=1e-7)


def test_batches():
    x, z = pt.matrix("x"), pt.zmatrix("z")
    ours = [pt.vmap(pt.fft.rfft)(x), pt.vmap(lambda v: pt.fft.irfft(v, 5))(z),
            pt.vmap(pt.fft.fft)(z)]  # fmt: skip
    a, b = REAL[0], COMPLEX[0]
    found = values([x, z], ours, [a, b])
    for got, meant in zip(found, [np.fft.rfft(a), np.fft.irfft(b, 5), np.fft.fft(b)]):
        np.testing.assert_allclose(got, meant, rtol=0, atol=1e-13)


def test_numpys_functions_take_tensors():
    z = pt.zvector("z")
    assert np.fft.fft(z) is pt.fft.fft(z) and np.fft.irfft(z, 5) is pt.fft.irfft(z, 5)


@pytest.mark.parametrize("bad, words", [
    (lambda x: pt.fft.fft(x, axis=2), "fft: axis 2 of a tensor with 2 axes"),
    (lambda x: pt.fft.fft(x, 0), "fft: the number of points is 1 or more, not 0"),
    (lambda x: pt.fft.fft(x, 2.5), "fft: n"),
    (lambda x: pt.fft.fft(x, norm="both"), "fft: norm is one of 'backward'"),
    (lambda x: pt.fft.hfft(x, norm="both"), "hfft: norm is one of 'backward'"),
    (lambda x: pt.fft.rfft(x * 1j), "rfft: is of real tensors"),
    (lambda x: pt.fft.dct(x * 1j), "dct: is of real tensors"),
    (lambda x: pt.fft.dct(x, 5), "dct: type is 1, 2, 3 or 4, not 5"),
    (lambda x: pt.fft.dct(x[:, :1], 1), "dct: type 1 is of 2 points or more"),
    (lambda x: pt.fft.fftn(x, (2, 3, 4)), "fftn: 3 sizes for 2 axes"),
    (lambda x: pt.fft.fftn(x, (2,), (0, 1)), "fftn: 1 sizes for 2 axes"),
    (lambda x: pt.fft.fftn(x, 3), "fftn: s is a sequence of sizes"),
    (lambda x: pt.fft.fftn(x, axes=()), "fftn: there is no axis"),
    (lambda x: pt.fft.rfftn(x, axes=(1, 1)), "rfftn: an axis stands twice"),
    (lambda x: pt.fft.fft(1.0), "fft: a scalar has no axis"),
    (lambda x: pt.fft.irfft(x[:, :1]), "irfft: the number of points is 1 or more, not 0"),
    (lambda x: pt.fft.fft(x[:0], axis=0), "fft: axis 0 has no points"),
])  # fmt: skip
def test_bad_calls_say_what_is_wrong(bad, words):
    with pytest.raises(TypeError, match=words):
        bad(pt.matrix("x", shape=(3, 4)))
