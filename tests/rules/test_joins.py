"""Folds of joins and choices between equal functions: what is computed, and derivatives."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.transform.passes import run
from tests.rules.test_near_misses import t, x

A, B, C = (ops.tensor(name, (3,)) for name in "abc")
S = ops.tensor("s", ())
WIDE = ops.tensor("w", (2, 3))
PAIR = ops.stack([A, B])
# name: (graph, operations that are left)
FOLDED = {
    "sum of a stack": (ops.sum(ops.stack([A, B, C]), 0), {"add": 2}),
    "mean of a stack": (ops.mean(PAIR, 0), {"add": 1, "mul": 1}),
    "sum across": (ops.sum(ops.concatenate([PAIR, WIDE]), 1), {"sum": 3, "concatenate": 1}),
    "join of joins": (ops.concatenate([PAIR, WIDE, PAIR * 2]), {"concatenate": 2, "mul": 1}),
    "sum of computed parts": (
        ops.sum(ops.concatenate([ops.exp(A), ops.sin(B)])),
        {"exp": 1, "sin": 1, "sum": 2, "add": 1},
    ),
    "maximum of joined vectors": (ops.max(ops.concatenate([A, B])), {"max": 2, "maximum": 1}),
    "minimum of a stack": (ops.min(ops.stack([A, B], 1), 1), {"minimum": 1}),
    "product of a stack": (ops.prod(ops.stack([A, B, C]), 0), {"mul": 2}),
    "mixture": (ops.logsumexp(PAIR, 0), {"logaddexp": 1}),
    "naive mixture": (ops.log(ops.sum(ops.exp(PAIR), 0)), {"logaddexp": 1}),
    "any": (ops.any(ops.stack([A > 1, B > 1]), 0), {"gt": 2, "logical_or": 1}),
    "one function of a choice": (
        ops.where(A > B, ops.log_sigmoid(A), ops.log_sigmoid(-A)),
        {"gt": 1, "mul": 1, "where": 1, "log_sigmoid": 1},
    ),
    "functions of one number": (
        ops.where(A > B, ops.log_sigmoid(S), ops.log_sigmoid(-S)),
        {"gt": 1, "neg": 1, "where": 1, "log_sigmoid": 2},
    ),
    "one power of a choice": (ops.where(A > B, A**C, B**C), {"gt": 1, "where": 1, "pow": 1}),
    "products of a choice": (ops.where(A > B, A * C, C * B), {"gt": 1, "where": 1, "mul": 2}),
    "function of literals": (ops.exp(ops.where(A > B, 0.0, 1.0)) * 3, {"gt": 1, "where": 1}),
}  # fmt: skip
VIEWS = {"expand_dims", "drop_axes", "broadcast_to", "input", "const", "reshape"}


def counted(graphs):
    """The number of operations by name, without views and leaves."""
    names = [n.op.name for n in toposort(graphs) if n.inputs and n.op.name not in VIEWS]
    return {name: names.count(name) for name in names}


@pytest.mark.parametrize("name", FOLDED)
def test_what_is_computed(name):
    graph, left = FOLDED[name]
    assert counted(run(PIPELINE, [graph])) == left


KEPT = {
    "exact data": ops.sum(ops.concatenate([A, B])),
    "a product that may underflow": ops.prod(ops.concatenate([A, B])),
    "a part without elements": ops.max(ops.concatenate([t("u", None), A])),
    "many parts": ops.sum(ops.stack([A * k for k in range(2, 12)]), 0),
    "three components": ops.logsumexp(ops.stack([A, B, C]), 0),
    "functions of scalars": ops.where(A > B, ops.exp(t("s")), ops.exp(t("r"))),
    "other functions": ops.where(A > B, ops.exp(A), ops.sin(A)),
    "two operands": ops.where(A > B, ops.power(A, B), ops.power(B, C)),
    "a choice by another condition": ops.where(A > B, 1.0, 2.0) * ops.where(A > C, 3.0, 4.0),
    "other dtypes": ops.where(A > B, ops.astype(x(3), "float32"), ops.astype(A > C, "float32")),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_stays(name):
    graph = KEPT[name]
    joined = counted([graph]).get("concatenate", 0)
    found = counted(run(PIPELINE, [graph]))
    assert found.get("concatenate", 0) == joined
    for op in ("where", "exp", "power") if "components" not in name else ():
        assert found.get(op, 0) == counted([graph]).get(op, 0)


def test_equal_maxima_share_the_derivative():
    """As they do without the rules, which are applied after derivatives."""
    slopes = pt.grad(pt.sum(pt.max(pt.stack([A, B, C]), 0)), [A, B, C])
    f = pt.function([A, B, C], slopes, target="interp")
    found = np.array(f([2.0, 1, 0], [2.0, 1, 5], [2.0, 0, 0]))
    third = 1 / 3
    np.testing.assert_allclose(found, [[third, 0.5, 0], [third, 0.5, 1], [third, 0, 0]])


def test_derivatives_of_mixtures_and_choices():
    a, b = np.array([0.3, -800.0, -np.inf]), np.array([-1.0, 2.0, -np.inf])
    value = pt.logsumexp(PAIR, 0)
    f = pt.function([A, B], [value, *pt.grad(pt.sum(value), [A, B])], target="interp")
    found, da, db = f(a, b)
    np.testing.assert_allclose(found, np.logaddexp(a, b), rtol=1e-15)
    share = 1 / (1 + np.exp(-1.3))
    np.testing.assert_allclose(da[:2], [share, 0], rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(db[:2], [1 - share, 1], rtol=1e-13)
    # What is not chosen has no part in the slope, also at a pole.
    chosen = pt.sum(pt.where(A > 0, pt.sqrt(A), pt.sqrt(B)))
    da, db = pt.function([A, B], pt.grad(chosen, [A, B]), target="interp")(
        [4.0, 0.0, -1.0], [0.0, 1.0, 4.0]
    )
    assert da.tolist() == [0.25, 0, 0] and db.tolist() == [0, 0.5, 0.25]


def test_logarithms_of_products_keep_their_signs():
    m = pt.matrix("m")
    n = pt.tensor("n", (2, 4))
    below = -pt.exp(n)
    f = pt.function(
        [m, n],
        [pt.log(pt.abs(pt.prod(m, 1))), pt.log(pt.prod(below, 1)), pt.log(pt.prod(below[:, 1:], 1)),
         pt.log(pt.prod(m, 1))],
        target="interp",
    )  # fmt: skip
    data = np.array([[1e200, -1e200, 3], [0, 2, -1], [2, -3, -1], [-1e-300, 1e-300, 1]])
    logs = np.array([[300.0, 400, 500, 600], [-1, -2, -3, -4.0]])
    with np.errstate(all="ignore"):
        sizes, even, odd, plain = f(data, logs)
        want = np.log(np.abs(data)).sum(1)
        np.testing.assert_allclose(plain, np.log(np.prod(data, 1)))
    np.testing.assert_allclose(sizes, want, rtol=1e-14)
    np.testing.assert_allclose(even, logs.sum(1), rtol=1e-14)
    assert np.isnan(odd).all()


def test_an_axis_of_size_1_that_meets_one_of_unknown_size():
    x, y = ops.tensor("x", (3, 1)), ops.tensor("y", (None, 2))
    f = pt.function([x, y], x @ y, target="machine")
    a, b = np.arange(3.0)[:, None], np.array([[2.0, 5.0]])
    np.testing.assert_array_equal(f(a, b), a @ b)
    with pytest.raises(ValueError, match="sizes 1 and 2 do not fit"):
        f(a, np.ones((2, 2)))
