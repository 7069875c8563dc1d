"""The conformance checks let a good op pass and catch each way in which an op can be wrong."""

from dataclasses import dataclass

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import GraphError
from probtensor.ops.kinds import REGISTRY, Composite, Elementwise, Reduction, View, op
from probtensor.ops.samples import cases, reals
from probtensor.testing import conform
from probtensor.testing.reference import evaluate_numpy
from probtensor.types import TensorType


class Cube(Elementwise):
    """x**3, as a user would write it."""

    numpy, c = staticmethod(lambda x: x * x * x), "my_cube"
    samples = reals(-2, 2, edges=(0.0, np.inf, np.nan))

    def vjp(self, g, out, x):
        return (3 * g * ops.square(x),)


def test_a_good_op_passes():
    conform.check_op(Cube)
    conform.check_op(Cube, evaluate=conform.reference)


class WrongDerivative(Cube):
    """Its derivative lacks a factor."""

    name = "wrong_derivative"

    def vjp(self, g, out, x):
        return (g * ops.square(x),)


class WrongSecondDerivative(Cube):
    """Its derivative is right in value but hides its own dependence on x."""

    name = "wrong_second"

    def vjp(self, g, out, x):
        return (3 * g * ops.square(ops.stop_gradient(x)),)


class WrongDtype(Cube):
    """Float64 whatever comes in."""

    name = "wrong_dtype"
    numpy = staticmethod(lambda x: x.astype("float64") ** 3)


class WrongShape(Cube):
    """Loses an axis that it says it keeps."""

    name = "wrong_shape"
    numpy = staticmethod(lambda x: np.sum(x, axis=-1))


@dataclass(frozen=True)
class WrongElement(View):
    """A transpose that forgets to exchange its indices."""

    name = "wrong_element"
    linear = True
    samples = cases((3, 3))

    def infer(self, x):
        return x

    def element(self, index, read, types, out, select):
        return read[0](index)

    def numpy(self, x):
        return x.T

    def vjp(self, g, out, x):
        return (ops.transpose(g),)


@dataclass(frozen=True)
class OutOfBounds(WrongElement):
    """A shift that reads past the end."""

    name = "out_of_bounds"
    samples = cases((3,))

    def element(self, index, read, types, out, select):
        return read[0]([index[0] + 1])

    def numpy(self, x):
        return np.roll(x, -1)


class WrongExpansion(Composite):
    """Says x + 1, expands into x + 2."""

    name = "wrong_expansion"
    samples = cases((3,))

    def infer(self, x):
        return x

    def numpy(self, x):
        return x + 1

    def expand(self, x):
        return x + 2

    def vjp(self, g, out, x):
        return (g,)


class WrongExpandedType(WrongExpansion):
    """Expands into another shape."""

    name = "wrong_expanded_type"

    def expand(self, x):
        return ops.expand_dims(x + 1, 0)


@pytest.mark.parametrize("bad, words", [
    (WrongDerivative, "wrong_derivative.*: vjp: 1 of 1 values differ"),
    (WrongSecondDerivative, "wrong_second.*: second derivative"),
    (WrongElement, r"wrong_element.*: element\[0, 1\] is"),
    (OutOfBounds, r"out_of_bounds.*: element\[2\] is a place outside its input"),
    (WrongExpansion, "wrong_expansion.*: expanded: 3 of 3 values differ"),
    (WrongExpandedType, r"expands into float64\[1, 3\], not float64\[3\]"),
])  # fmt: skip
def test_a_bad_op_is_caught(bad, words):
    with pytest.raises(AssertionError, match=words):
        conform.check_op(bad)


@pytest.mark.parametrize("bad, words", [
    (WrongDtype, r"promises float32\[3, 4\] but its NumPy meaning gives float64\[3, 4\]"),
    (WrongShape, r"promises float64\[3, 4\] but its NumPy meaning gives float64\[3\]"),
])  # fmt: skip
def test_a_broken_promise_of_type_is_caught(bad, words):
    with pytest.raises(TypeError, match=words):
        conform.check_op(bad)


def test_an_op_without_samples_is_refused():
    class Untested(Cube):
        name = "untested"
        samples = ()

    with pytest.raises(AssertionError, match="Untested has no samples"):
        conform.check_op(Untested)


def nearly(inputs, outputs, arrays):
    """A target that is a thousandth off."""
    return [np.asarray(a * 1.001, a.dtype) for a in conform.reference(inputs, outputs, arrays)]


def without_nan(inputs, outputs, arrays):
    """A target that maps nan to 0, as a careless flag would."""
    found = conform.reference(inputs, outputs, arrays)
    return [np.where(np.isnan(a), 0, a).astype(a.dtype) for a in found]


def in_double(inputs, outputs, arrays):
    """A target that forgets float32."""
    return [a.astype("float64") for a in conform.reference(inputs, outputs, arrays)]


@pytest.mark.parametrize("target, words", [
    (nearly, "my_cube|cube.*target: .* values differ"), (without_nan, "target: 1 of"),
    (in_double, "target gives float64"),
])  # fmt: skip
def test_a_bad_target_is_caught(target, words):
    with pytest.raises(AssertionError, match=words):
        conform.check_op(Cube, evaluate=target)


def test_infinities_are_only_close_to_themselves():
    conform.assert_close([np.inf, np.nan, 1.0], [np.inf, np.nan, 1 + 1e-13], 1e-12, 0, "same")
    for got, meant in ((np.inf, -np.inf), (1.0, np.inf), (np.nan, 1.0), (1e300, np.inf)):
        with pytest.raises(AssertionError, match="1 of 1 values differ"):
            conform.assert_close(got, meant, 1e-3, 1e-3, "other")


def test_an_incomplete_op_is_refused_at_import():
    with pytest.raises(TypeError, match="NoMeaning lacks numpy, samples"):

        @op
        class NoMeaning(Elementwise):
            c = "f"

    with pytest.raises(TypeError, match="NoCode has no c, symbol"):

        @op
        class NoCode(Elementwise):
            numpy, samples = np.exp, reals(0, 1)

    with pytest.raises(TypeError, match="two ops are called 'exp'"):

        @op
        class Exp(Elementwise):
            numpy, samples, c = np.exp, reals(0, 1), "pt_exp"

    assert {"no_meaning", "no_code"}.isdisjoint(REGISTRY)


def test_sizes_in_parameters_are_filled_in():
    x = ops.matrix("x")
    n, m = x.shape
    node = ops.broadcast_to(ops.reshape(x, (n * m,))[1:], (3, n * m - 1)) + n
    a = np.arange(6.0).reshape(2, 3)
    meant = np.broadcast_to(a.ravel()[1:], (3, 5)) + 2
    np.testing.assert_array_equal(evaluate_numpy([node], {x: a})[0], meant)


def test_the_reference_names_what_is_missing_or_wrong():
    x = ops.vector("x")
    with pytest.raises(GraphError, match=r"input x is not known(.|\n)*test_conform\.py"):
        evaluate_numpy([x + 1], {})
    with pytest.raises(GraphError, match="given an array with 2 axes"):
        evaluate_numpy([x + 1], {x: np.zeros((2, 2))})
    y = ops.vector("y", shape=x.shape)
    with pytest.raises(GraphError, match=r"is 3 and 2|is 2 and 3"):
        evaluate_numpy([x + y], {x: np.zeros(2), y: np.zeros(3)})


def test_a_reduction_of_a_users_own():
    @dataclass(frozen=True)
    class SumOfThirds(Reduction):
        """The sum over `axes`, by another name."""

        combine, identity = "add", 0
        samples = cases((3, 4), axes=[(0,), (0, 1)])

        def numpy(self, x):
            return np.sum(x, axis=self.axes)

        def vjp(self, g, out, x):
            return (ops.broadcast_to(ops.expand_dims(g, self.axes), x.shape),)

    conform.check_op(SumOfThirds)
    assert SumOfThirds((0,)).infer(TensorType("float64", (3, 4))) == TensorType("float64", (4,))
