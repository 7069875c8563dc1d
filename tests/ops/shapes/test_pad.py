"""`pt.pad` against NumPy's, in every mode, with its gradient."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.testing.reference import evaluate_numpy
from tests.ops.numpy_twin import check, compare, symbolic

RNG = np.random.default_rng(5)
VECTOR, MATRIX = RNG.normal(size=5), RNG.normal(size=(3, 4))
COUNTS = RNG.integers(-9, 9, (2, 3))
STATISTICS = ("maximum", "mean", "median", "minimum")
READS = ("edge", "reflect", "symmetric", "wrap")
MODES = ("constant", "linear_ramp", *STATISTICS, *READS)
WIDTHS = (0, (2, 1), (0, 3), (7, 16))


def same(array, width, mode, rtol=1e-12, **keywords):
    """`pt.pad` means `np.pad` on an array, of known and unknown sizes."""
    check(
        lambda x: pt.pad(x, width, mode, **keywords),
        lambda x: np.pad(x, width, mode, **keywords),
        array,
        rtol=rtol,
    )


@pytest.mark.parametrize("mode", MODES)
def test_vectors_and_matrices(mode):
    for array in (VECTOR, VECTOR[:1], VECTOR[:2], COUNTS[0], COUNTS[0] > 0, VECTOR.astype("f4")):
        if array.dtype == "bool" and mode in ("linear_ramp", *STATISTICS):
            continue  # NumPy subtracts bools, or averages them, which makes no sense
        for width in WIDTHS:
            same(array, width, mode, rtol=1e-6 if array.dtype == "f4" else 1e-12)
    for width in (1, ((0, 2), (3, 1)), ((1, 0),), ((5, 9), (0, 0)), {0: (1, 2)}, {-1: 2}):
        for array in (MATRIX, COUNTS, MATRIX[:1]):
            same(array, width, mode)


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_odd_mirrors(mode):
    for array in (VECTOR, VECTOR[:2], VECTOR[:1], MATRIX, COUNTS):
        for width in (1, 3, 11):
            meant = np.pad(array, width, mode, reflect_type="odd")
            x = symbolic(array)
            y = pt.pad(x, width, mode, reflect_type="odd")
            found = evaluate_numpy([y], {x: array})[0]
            np.testing.assert_allclose(found, meant, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("key", ["constant_values", "end_values", "stat_length"])
def test_values_of_the_sides(key):
    mode = {"constant_values": "constant", "end_values": "linear_ramp"}.get(key, "mean")
    for given in (2, (1, 2), ((1, 2), (3, 4)), ((3,), (1,)), ((2, 1),)):
        same(MATRIX, 2, mode, **{key: given})


def test_empty_axes():
    check(lambda x: pt.pad(x, 2), lambda x: np.pad(x, 2), np.zeros((0, 3)))
    for mode in (*READS, "maximum"):
        with pytest.raises(TypeError, match=r"pad: axis 0 is empty, and"):
            pt.pad(np.zeros(0), 1, mode)
    x = pt.vector("x")
    with pytest.raises(ValueError, match=r"pad: axis 0 is empty, and no entry pads it"):
        pt.function([x], pt.pad(x, 1, "edge"), target="interp")([])


def test_symbolic_widths_and_values():
    x, n, c = pt.vector("x"), pt.lscalar("n"), pt.scalar("c")
    y = pt.pad(x, (n, x.shape[0]), constant_values=(c, 2 * c))
    compare(y, np.pad(VECTOR, (2, 5), constant_values=(3.0, 6.0)), [x, n, c],
            [VECTOR, np.array(2), np.array(3.0)])  # fmt: skip
    for mode in MODES[1:]:
        y = pt.pad(x, n, mode)
        compare(y, np.pad(VECTOR, 7, mode), [x, n], [VECTOR, np.array(7)], rtol=1e-12)
    assert pt.pad(pt.ones((2, 3)), 1, "empty").shape == (4, 5)


def test_gradients_add_up_what_was_copied():
    x, c = pt.matrix("x"), pt.scalar("c")
    weights = RNG.normal(size=(3 + 7, 4 + 7))
    for mode in MODES:
        extra = {"constant_values": c} if mode == "constant" else {}
        extra = {"end_values": c} if mode == "linear_ramp" else extra
        cost = pt.sum(weights * pt.pad(x, ((3, 4), (4, 3)), mode, **extra))
        slopes = [pt.grad(cost, wrt, disconnected_inputs="ignore") for wrt in (x, c)]
        f = pt.function([x, c], [cost, *slopes], target="interp", on_unused_input="ignore")
        direction = RNG.normal(size=MATRIX.shape)
        values = [f(MATRIX + s * direction, 0.5 + s)[0] for s in (-1e-6, 1e-6)]
        _, slope, by_c = f(MATRIX, 0.5)
        difference = (values[1] - values[0]) / 2e-6
        found = np.sum(slope * direction) + by_c
        np.testing.assert_allclose(found, difference, rtol=1e-6, err_msg=mode)


def test_wrong_arguments():
    x = pt.matrix("x")
    for width, words in (
        (-1, "widths are pairs of sizes from 0 on"),
        ((1, 2, 3), "pad_width is one for all, a pair, or a pair for each of 2 axes"),
        (((1, 2), (1, 2), (1, 2)), "pair for each of 2 axes"),
        (1.5, "a width is an integer"),
        ({5: 1}, "axis 5 of a tensor with 2 axes"),
    ):
        with pytest.raises(TypeError, match=rf"pad: .*{words}"):
            pt.pad(x, width)
    with pytest.raises(TypeError, match=r"pad: mode is one of constant, edge, .* not 'fold'"):
        pt.pad(x, 1, "fold")
    with pytest.raises(TypeError, match=r"pad: reflect_type is 'even' or 'odd'"):
        pt.pad(x, 1, "reflect", reflect_type="both")
    with pytest.raises(TypeError, match=r"pad: stat_length is a size from 1 on, not 0"):
        pt.pad(x, 1, "mean", stat_length=0)


def test_compiled_code():
    x = pt.matrix("x")
    pads = [pt.pad(x, ((3, 4), (4, 3)), mode) for mode in MODES]
    slopes = [pt.grad(pt.sum(y**2), x) for y in pads]
    found = pt.function([x], [*pads, *slopes], target="machine")(MATRIX)
    meant = pt.function([x], [*pads, *slopes], target="interp")(MATRIX)
    for y, z, mode in zip(found, meant, (*MODES, *MODES), strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-13, err_msg=mode)
