"""The bounds that facts derive from intervals are true at their ends, open and closed, of every op.

Operands are given bounds, and values within these: the ends, and 0 if it is within. The bounds of
the result must contain the results for all combinations of these values.
"""

import itertools
import math

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import make, new_input
from probtensor.ops.kinds import REGISTRY, Elementwise
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import FactTable
from probtensor.transform.facts import Bounds
from tests.transform.bounds import within

INF, NAN = math.inf, math.nan
# Bounds and values within: an open end has one near it, a closed one the end itself.
INTERVALS = (
    (Bounds(-3.0, -1.0), (-3.0, -1.5, -1.0)),
    (Bounds(-1.0, -0.25), (-1.0, -0.25)),
    (Bounds(-2.0, 0.0), (-2.0, -0.5, 0.0)),
    (Bounds(-2.0, 0.0, high_open=True), (-2.0, -1e-3)),
    (Bounds(-INF, 0.0, high_open=True), (-INF, -1e300, -2.0, -1e-3)),
    (Bounds(-1.0, 1.0), (-1.0, 0.0, 1.0)),
    (Bounds(-1.0, 3.0), (-1.0, 0.0, 0.5, 3.0)),
    (Bounds(0.0, 2.0), (0.0, 0.5, 2.0)),
    (Bounds(0.0, 2.0, low_open=True), (1e-3, 2.0)),
    (Bounds(0.0, INF), (0.0, 2.0, INF)),
    (Bounds(0.0, INF, low_open=True), (1e-3, 3.0, 1e300, INF)),
    (Bounds(0.25, 0.75), (0.25, 0.75)),
    (Bounds(2.0, 5.0), (2.0, 2.5, 5.0)),
    (Bounds(-1e200, 1e200), (-1e200, -1.0, 1e200)),
    (Bounds(0.0, 7.0, integral=True), (0.0, 1.0, 7.0)),
    (Bounds(), (-INF, -1.0, 0.0, 2.0, INF, NAN)),
)


def variants(bounds, values):
    """With values that may be nan, and as numbers only."""
    yield bounds, (*values, NAN)
    numbers = tuple(v for v in values if math.isfinite(v))
    yield Bounds(bounds.low, bounds.high, bounds.low_open, bounds.high_open, True,
                 bounds.integral), numbers  # fmt: skip


ALL = [variant for interval in INTERVALS for variant in variants(*interval)]
UNARY = sorted(
    name for name, kind in REGISTRY.items()
    if issubclass(kind, Elementwise) and kind.arity == 1 and kind.samples[0].smooth | (
        name in ("floor", "ceil", "trunc", "round", "sign", "isnan", "isinf")
    )
)  # fmt: skip
BINARY = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y, "minimum": ops.minimum, "maximum": ops.maximum,
    "where": lambda x, y: ops.where(np.array([[True], [False]]), x, y),
    "pow": ops.Pow(), "share": lambda x, y: x / (x + y), "share from the right":
    lambda x, y: x / (y + x), "joined": lambda x, y: ops.concatenate([x, y]),
    "set": lambda x, y: x.at[0].set(y[0]),
    "scatter": lambda x, y: x.at[ops.constant([0])].set(y[:1]),
    "product of rows": lambda x, y: ops.stack([x, y]).prod(0),
    "sum of rows": lambda x, y: ops.stack([x, y]).sum(0),
    "maximum of rows": lambda x, y: ops.stack([x, y]).max(0), "contraction":
    lambda x, y: x[:, None] @ y[None],
}  # fmt: skip
OTHERS = {
    "log of 1 + x": lambda x: ops.log(1 + x), "double": lambda x: x + x,
    "own product": lambda x: x * x,
    "sum": lambda x: ops.sum(x), "single": lambda x: ops.astype(x, "float32"),
    "whole": lambda x: ops.astype(ops.where(ops.abs(x) < 1e9, x, 0.0), "int64"),
    "running sum": lambda x: ops.cumsum(x), "softmax": lambda x: ops.softmax(x),
    "clip": lambda x: ops.clip(x, -0.5, 1.0), "half": lambda x: x / 2 - 1, "inverse":
    lambda x: -3 / x, "reversed": lambda x: 1 - x, "power": lambda x: ops.Pow()(x, 1.5),
    "logsumexp": lambda x: ops.logsumexp(x, keepdims=True),
    "counted": lambda x: x * ops.astype(ops.as_tensor(x.shape[0]), "float64"),
}  # fmt: skip


def check(make_graph, operands):
    """The graph on all combinations of values of the operands, each with its bounds."""
    grid = np.array(list(itertools.product(*(values for _, values in operands)))).T
    inputs = [new_input(f"x{k}", "float64", row.shape) for k, row in enumerate(grid)]
    facts = FactTable()
    facts._bounds.update(zip(inputs, (bounds for bounds, _ in operands)))
    node = make_graph(*inputs)
    found = facts.bounds(node)
    with np.errstate(all="ignore"):
        (value,) = evaluate_numpy([node], dict(zip(inputs, grid)))
    value = value.astype(float)
    numbers = value[~np.isnan(value)]
    where = (found, operands)
    assert within(numbers, found), where
    assert not found.finite or np.isfinite(value).all(), where
    assert not found.integral or (numbers == np.floor(numbers)).all(), where
    # Rounding, and infinity, may reach an open end: numbers of moderate size do not.
    moderate = np.isfinite(grid).all() and np.abs(grid).max() < 100 and np.abs(value).max() < 1e300
    if moderate:
        assert not (found.low_open and (numbers == found.low).any()), where
        assert not (found.high_open and (numbers == found.high).any()), where


@pytest.mark.parametrize("name", [*UNARY, *OTHERS])
def test_one_operand(name):
    function = OTHERS.get(name) or (lambda x: make(REGISTRY[name](), [x]))
    for operand in ALL:
        check(function, [operand])


@pytest.mark.parametrize("name", BINARY)
def test_two_operands(name):
    for kind in (ALL[::2], ALL[1::2]):
        for pair in itertools.product(kind, kind):
            check(BINARY[name], pair)
