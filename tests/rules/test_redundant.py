"""What has no effect is not computed: a table of useless operations, and what must stay."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import inputs_of, toposort
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.passes import run
from tests.rules.test_joins import counted

X, Y = ops.tensor("x", (5,)), ops.tensor("y", (5,))
M, N = ops.tensor("m", (5,), "int64"), ops.tensor("n", (5,), "int64")
U = ops.tensor("u", (5,), "uint8")
C, D = ops.tensor("c", (5,), "bool"), ops.tensor("d", (5,), "bool")
P = ops.exp(X)
e, special = {"exp": 1}, pt.special
# graph: what is left
USELESS = [
    (X * 1, {}), (X + 0, {}), (0 + X, {}), (X / 1, {}), (X - 0, {}), (ops.neg(-X), {}),
    (X**1, {}),
    (ops.abs(ops.abs(X)), {"abs": 1}), (ops.abs(P), e), (ops.square(ops.abs(X)), {"square": 1}),
    (ops.sign(ops.sign(X)), {"sign": 1}), (ops.floor(ops.floor(X)), {"floor": 1}),
    (ops.round(ops.ceil(X)), {"ceil": 1}), (ops.trunc(ops.floor(X)), {"floor": 1}),
    (ops.floor(ops.astype(M, "float64")), {"cast": 1}), (ops.cos(-X), {"cos": 1}),
    (ops.cosh(-X), {"cosh": 1}), (ops.sin(-X) * -1, {"sin": 1}), (ops.tanh(-X) * -Y, {"tanh": 1,
    "mul": 1}), (special.erf(-X) / -Y, {"erf": 1, "div": 1}),
    (ops.maximum(X, X), {}), (ops.maximum(ops.maximum(X, Y), Y), {"maximum": 1}),
    (ops.maximum(Y, ops.maximum(X, Y)), {"maximum": 1}),
    (ops.minimum(ops.minimum(X, 3), 2), {"minimum": 1}), (ops.maximum(P, 0), e),
    (ops.minimum(special.expit(X), 1), {"sigmoid": 1}), (ops.maximum(P, -2), e),
    (M // 1, {}), (M % 1, {}), (M * 0, {}), (M - M, {}), ((M + N) - N, {}), ((M - N) + N, {}),
    (M * 2 * 3, {"mul": 1}), (M + 1 + 2, {"add": 1}), (2 + (M + 1), {"add": 1}),
    (M < M, {}), (M <= M, {}), (ops.eq(M, M), {}), (ops.ne(M, M), {}), (U < 0, {}),
    (~(M < N), {"ge": 1}), (~ops.eq(X, Y), {"ne": 1}),
    (ops.logical_not(~C), {}), (C & C, {}), (C | C, {}),
    (C & ~C, {}), (C | ~C, {}), (C ^ C, {}), (C & (C | D), {}), (C | (C & D), {}),
    (ops.eq(C, True), {}), (ops.ne(C, False), {}), (C & True, {}), (C | True, {}),
    (ops.where(C, True, False), {}), (ops.where(C, False, True), {"logical_not": 1}),
    (ops.where(C, X, X), {}), (ops.where(~C, X, Y), {"where": 1}),
    (ops.where(C, ops.where(C, X, Y), Y), {"where": 1}), (ops.astype(X, "float64"), {}),
    (ops.astype(ops.astype(C, "int64"), "bool"), {}), (ops.isnan(ops.astype(M, "float64")), {}),
    (ops.log(ops.exp(X)), {}), (ops.exp(ops.log(P)), e), (special.ndtri(special.ndtr(X)), {}),
    (special.erfinv(special.erf(X)), {}), (ops.log2(ops.exp2(X)), {}), (1 / (1 / X), {}),
    (ops.exp(special.log_expit(X)), {"sigmoid": 1}), (ops.exp(ops.log1p(P)), {"exp": 1, "add": 1}),
    (ops.exp(-ops.softplus(-X)), {"sigmoid": 1}), (ops.exp(special.log_ndtr(X)), {"ndtr": 1}),
    (ops.exp(ops.logaddexp(X, Y)), {"exp": 2, "add": 1}), (ops.softmax(X[:, None], 1), None),
    (ops.logsumexp(X[:, None], 1), {}), (ops.transpose(ops.transpose(X[:, None] * Y)), {"mul": 1}),
]  # fmt: skip
AT = {
    "x": np.array([-1.5, -0.0, 0.25, np.nan, np.inf]),
    "y": np.array([2.0, 0.0, -3.0, 1.0, -np.inf]),
    "m": np.array([-7, 0, 3, 2**62, -(2**63)]), "n": np.array([5, 0, -3, 2**62, 1]),
    "u": np.array([0, 1, 2, 3, 255], "uint8"), "c": np.array([0, 1, 1, 0, 1], bool),
    "d": np.array([1, 1, 0, 0, 1], bool),
}  # fmt: skip


@pytest.mark.parametrize("k", range(len(USELESS)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_has_no_effect_is_not_computed(k):
    graph, left = USELESS[k]
    (after,) = run(PIPELINE, [graph])
    assert left is None or counted([after]) == left
    assert after.type == graph.type
    values = {x: AT[x.name] for x in inputs_of([graph])}
    (found,), (right,) = evaluate_numpy([after], values), evaluate_numpy([graph], values)
    if graph.type.is_float:
        # An inverse of a function that has rounded to an end is more than what was written.
        known = np.isfinite(right) & (np.abs(right) < 1e300)
        np.testing.assert_allclose(found[known], right[known], rtol=1e-12)
        assert np.isnan(found[np.isnan(right)]).all()
    else:
        np.testing.assert_array_equal(found, right)


STAY = [
    (X + Y) - Y, X - X, X * 0, X / X, ops.eq(X, X), X < X, ~(X < Y), ops.maximum(X, 0),
    ops.minimum(ops.exp(X), 1), ops.maximum(ops.log(X), 0), ops.floor(X), X % 1, X // 1,
    ops.maximum(ops.log_sigmoid(X) * 1, -3), ops.where(C, 1, 0), ops.where(C, 1.0, 0.0), C ^ D,
    ops.maximum(ops.minimum(X, 3), 2), ops.isnan(ops.exp(X)), ops.exp(ops.log1p(X)),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(STAY)))
def test_what_has_an_effect_stays(k):
    (after,) = run(PIPELINE, [STAY[k]])
    assert STAY[k].op.name in {n.op.name for n in toposort([after])}
