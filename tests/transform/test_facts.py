"""Facts about values are true, on random graphs of every op that has facts."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import make, new_input
from probtensor.ops.kinds import REGISTRY, Elementwise, Reduction
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import FactTable
from probtensor.transform.facts import Bounds
from tests.transform.bounds import within

K = ops.tensor("k", (4,), "int64")
X = ops.tensor("x", (4,))
FACTS = FactTable()


@pytest.mark.parametrize(
    ("node", "low", "high"),
    [
        (ops.exp(X), 0, np.inf),
        (1 + ops.exp(X), 1, np.inf),
        (ops.sigmoid(X) * 2 - 1, -1, 1),
        (-ops.square(X) - 3, -np.inf, -3),
        (ops.square(ops.maximum(X, 1e200)), np.inf, np.inf),
        (ops.sqrt(ops.exp(X) + 4), 2, np.inf),
        (ops.log(ops.exp(X) + 1), 0, np.inf),
        (ops.where(X > 0, ops.exp(X), 2.0), 0, np.inf),
        (ops.clip(X, -2, 5), -2, 5),
        (ops.sum(ops.exp(X)), 0, np.inf),
        (ops.exp(X) / ops.cosh(X), 0, np.inf),
        (ops.cumsum(ops.exp(X) + 1), 1, np.inf),
        (ops.prod(ops.exp(X)), 0, np.inf),
        (ops.exp(X) @ ops.exp(X), 0, np.inf),
        (ops.softmax(X), 0, 1),
        (ops.constant([1.0, 4.0]), 1, 4),
        (ops.astype(ops.tensor("b", (2,), "bool"), "float64") * 3, 0, 3),
        (ops.arange(7), 0, 6),
        (1 / (1 + ops.exp(-X)), 0, 1),
        ((ops.tanh(X) + 1) / 2, 0, 1),
        (ops.sin(X) / -4, -0.25, 0.25),
        (ops.exp(X) / (ops.exp(X) + 2), 0, 1),
        (2 / (ops.square(X) + 2), 0, 1),
        (3 / (ops.sin(X) - 2), -3, -1),
        (ops.tensor("u", (2,), "uint8") + ops.constant(np.uint8(1)), 0, 255),
    ],
)
def test_bounds(node, low, high):
    found = FACTS.bounds(node)
    assert (found.low, found.high) == (low, high)


def test_rounding_reaches_open_ends():
    one = ops.exp(X) + 1
    for y in (one - 1, ops.exp(ops.exp(X)) - 1, ops.sum(ops.stack([one, one])) - 8):
        bounds = FACTS.bounds(y)
        assert bounds.low == 0 and not bounds.positive
    for y in (ops.exp(X), 1 - ops.minimum(0.5, X), ops.exp(X) + 0.0 * ops.exp(X), 1 / one):
        assert FACTS.bounds(y).low_open or FACTS.bounds(y).low > 0


def test_signs():
    assert FACTS.bounds(ops.exp(X)).positive and FACTS.bounds(ops.exp(X)).nonzero
    assert not FACTS.bounds(ops.square(X)).positive and FACTS.bounds(ops.square(X)).nonnegative
    assert FACTS.bounds(-ops.exp(X)).nonzero and FACTS.bounds(-ops.exp(X)).nonpositive
    assert FACTS.bounds(ops.exp(X) * ops.exp(X) / 3).positive
    for positive in (ops.sigmoid(X), 1 - ops.sigmoid(X), ops.prod(ops.exp(X)), ops.softmax(X)):
        assert FACTS.bounds(positive).positive
    assert not FACTS.bounds(ops.prod(X)).nonnegative and not FACTS.bounds(ops.cumsum(X)).nonnegative


def test_what_is_assumed_is_known_of_all_that_depends_on_it():
    facts = FactTable()
    facts.assume(X, Bounds(0.0, low_open=True))
    assert facts.bounds(X).positive and facts.bounds(1 / ops.sqrt(X)).positive
    facts.assume(X, Bounds(-1.0, 3.0))
    assert (facts.bounds(X).low, facts.bounds(X).high, facts.bounds(X).low_open) == (0, 3, True)


def test_only_numbers_are_called_finite():
    assert not FACTS.bounds(ops.sigmoid(X)).finite, "nan in, nan out"
    floats = ops.astype(K, "float64")
    assert FACTS.bounds(K).finite and FACTS.bounds(floats).finite and FACTS.bounds(floats).integral
    assert FACTS.bounds(ops.sigmoid(floats)).finite
    assert not FACTS.bounds(ops.exp(floats)).finite
    assert not FACTS.bounds(ops.log(floats)).finite
    assert not FACTS.bounds(1 / floats).finite
    assert not FACTS.bounds(ops.constant([1.0, np.nan])).finite


def test_integers_that_may_wrap_have_no_bounds_but_their_type():
    small = ops.tensor("i", (2,), "int8")
    assert FACTS.bounds(small * small).low == -128
    assert FACTS.bounds(ops.astype(small, "int32") * 2).high == 254


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, -0.0, 2.0, 2.5, -1e30, np.inf, -np.inf, np.nan])
def test_a_number_has_the_bounds_of_an_array_of_it(value, dtype):
    number, array = np.array(value, dtype), np.full(3, value, dtype)
    found, same = (FactTable().bounds(ops.constant(x)) for x in (number, array))
    assert found == same and str(found) == str(same)


def test_ends_of_ranges_keep_the_sign_of_zero():
    for value in (0.0, -0.0, 0.0):
        found = FactTable().bounds(ops.arctan(ops.constant(value)))
        assert np.signbit([found.low, found.high]).tolist() == [np.signbit(value)] * 2


def test_constants_are_seen_through_views():
    assert FACTS.constant(ops.zeros((3, 4))) == 0
    assert FACTS.constant(ops.transpose(ops.full((3, 4), 2.5))) == 2.5
    assert FACTS.constant(ops.constant([1.0, 1.0])) == 1
    assert FACTS.constant(ops.constant([0.0, -0.0])) is None
    assert FACTS.constant(X) is None


@pytest.mark.parametrize(
    "name", [n for n, c in REGISTRY.items() if issubclass(c, (Elementwise, Reduction))]
)
def test_bounds_hold_for_every_op(name):
    """On the op's own samples, with the range of the arguments known to the facts or not."""
    kind = REGISTRY[name]
    rng = np.random.default_rng(1)
    for sample in kind.samples:
        arrays = sample.make(rng)
        op = kind(**sample.parameters)
        unknown = [new_input(None, a.dtype, a.shape) for a in arrays]
        exact = [ops.constant(a) for a in arrays]
        for operands in (unknown, exact):
            node = make(op, operands)
            found = FactTable().bounds(node)
            (value,) = evaluate_numpy([node], dict(zip(unknown, arrays)))
            numbers = value.astype(float)
            numbers = numbers[~np.isnan(numbers)]
            assert within(numbers, found), found
            if found.finite:
                assert np.isfinite(value.astype(float)).all()
            if found.integral:
                assert np.all(numbers == np.floor(numbers))


WIDE = np.array([-1e300, -30.0, -3.0, -1.5, -1.0, -0.5, -1e-300, -0.0, 0.0, 1e-300, 0.25, 0.5, 1.0,
                 1.5, 3.0, 30.0, 1e300])  # fmt: skip
EVERYWHERE = (-np.inf, np.inf)
# Draws take keys, and no other numbers than those that ops are meant for.
RANGED = [
    cls for cls in REGISTRY.values()
    if issubclass(cls, Elementwise) and not cls.name.startswith("draw_")
    and (cls.facts.range.low, cls.facts.range.high) != EVERYWHERE
]  # fmt: skip


@pytest.mark.parametrize("cls", RANGED, ids=lambda cls: cls.name)
def test_ranges_hold_for_arguments_beyond_those_that_ops_are_meant_for(cls):
    """A rule may decide by the range of an op whatever its arguments are."""
    columns = [x.ravel() for x in np.meshgrid(*[WIDE] * cls.arity)]
    inputs = [new_input(f"x{k}", "float64", column.shape) for k, column in enumerate(columns)]
    given = dict(zip(inputs, columns, strict=True))
    found = np.asarray(evaluate_numpy([make(cls(), inputs)], given)[0], float)
    assert not (found < cls.facts.range.low).any() and not (found > cls.facts.range.high).any()


def test_the_kernel_of_a_poisson_density_may_be_negative_for_a_negative_count():
    x, d = ops.tensor("x", (3,)), ops.tensor("d", (3,))
    assert FACTS.bounds(ops.poisson_divergence(x, d)).low < 0
    assert FACTS.bounds(ops.poisson_divergence(ops.exp(x), d)).low == 0
