"""Graphs that a condition of a rule is there for: each just misses the example of the rule.

KEPT are left as they are. OTHERS may be rewritten, to what has the same value at all places. A rule
that drops one of its conditions, or mistakes an axis, fails at one of these.
"""

import functools

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph import inputs_of
from probtensor.graph.node import make
from probtensor.rules import STABLE, TOPICS
from probtensor.testing import sound
from probtensor.testing.points import example_values, graph_values
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import apply_rules

RULES = {r.name: r for rules in TOPICS.values() for r in rules}


@functools.cache
def t(name, *shape, dtype="float64"):
    """The one tensor of this name and type."""
    return ops.tensor(name, shape, dtype)


def x(*shape):
    return t("x", *shape)


def repeated(inner, *shape):
    return ops.broadcast_to(inner, shape)


def scatter(mode, base, updates):
    return make(ops.Scatter((0,), 0, mode), (base, updates, t("i", 3, dtype="int64")))


def difference(law, z, end):
    """Of values of a distribution function and their neighbours, the first one's being its end."""
    values = law(z)
    return values - ops.concatenate([ops.full((1,), end), values[:-1]])


def from_1_to_2():
    """A number that is known to be finite."""
    return 1.0 + ops.astype(t("c", dtype="bool"), "float64")


def mask(name):
    return t(name, 3, dtype="bool")


def chosen(form):
    return ops.where(*form(mask("a"), mask("b"), x(3), t("y", 3)))


def sigmoids(form):
    return form(ops.sigmoid(x(3)), ops.sigmoid(t("y", 3)), t("g"), t("h", 3))


KEPT = {
    "pull_factor_out_of_sum": [
        ops.sum(x(4) / 1.5), ops.sum(x(4) / -3.0), ops.sum(0.75 * x(4)), ops.sum(t("s") * x(4)),
        ops.sum(x(4) / t("s")), ops.sum(0.5 * ops.abs(x(4))), ops.sum(0.5 * ops.exp(x(4))),
        ops.sum(t("s") * ops.exp(x(4))), ops.sum(np.inf * x(4)), ops.sum(0.0 * ops.square(x(4))),
        ops.sum(t("r", 3) * x(4, 3), 1), ops.sum(ops.square(x(4)) / t("s")),
        ops.sum(3 * t("k", 4, dtype="int64")), ops.sum((1 + ops.square(t("s"))) * x(4)),
        ops.sum(-ops.exp(ops.square(t("s"))) * x(4)), ops.sum(ops.sigmoid(t("s")) * x(4)),
        ops.sum(x(4) / from_1_to_2()), ops.sum(x(4) / -from_1_to_2()),
        ops.sum((from_1_to_2() - 1) * x(4)), ops.sum((from_1_to_2() - 2) * x(4)),
        ops.sum(0.5 * (x(4) * t("s"))), ops.sum(t("s") * ops.exp(t("s") * x(4))),
        ops.sum(t("s") * ops.log(x(4) / t("s"))), ops.sum((t("s") + x(4)) / t("s")),
    ],
    "square_in_scaled_sum": [
        t("r", 3) * ops.sum((t("r", 3) * x(4, 3)) * x(4, 3)),
        t("r", 3) * ops.sum((t("r", 3) * x(3)) * x(3)),
        t("s") * ops.sum((t("s") * x(4)) * t("y", 4)), t("s") * ops.sum((t("b") * x(4)) * x(4)),
        t("s") * ops.sum((t("s") / x(4)) * x(4)), t("s") * ops.max((t("s") * x(4)) * x(4)),
        t("s") * ops.sum((t("s") + x(4)) * x(4)), t("s") * ops.sum((t("s") * x(4)) / x(4)),
        t("s") * ops.sum((t("s") * t("s")) * x(4)), t("s") + ops.sum((t("s") * x(4)) * x(4)),
    ],
    "drop_redundant_choice": [
        chosen(lambda a, b, x, y: (a | b, ops.where(a, 0.0, x), 0.0)),
        chosen(lambda a, b, x, y: (a | b, ops.where(~a, x, 0.0), 0.0)),
        chosen(lambda a, b, x, y: (a | b, ops.where(a, x, 0.0), 1.0)),
        chosen(lambda a, b, x, y: (a | b, ops.where(a, x, 0.0) + y, 0.0)),
        chosen(lambda a, b, x, y: (a | b, ops.where(a, x, 1.0), 0.0)),
        chosen(lambda a, b, x, y: (a | b, ops.exp(ops.where(a, x, 0.0)), 0.0)),
        chosen(lambda a, b, x, y: (a | b, ops.where(a, x, 0.0) * y, 0.0)),
        chosen(lambda a, b, x, y: (a & b, ops.where(a, x, 0.0), 0.0)),
        chosen(lambda a, b, x, y: ((a & b) | t("c", 3, dtype="bool"), ops.where(a, x, 0.0), 0.0)),
        chosen(lambda a, b, x, y: (~(a | b), ops.where(a, x, 0.0), 0.0)),
        ops.where(t("a", 3, dtype="bool") | t("b", 3, dtype="bool"),
                  ops.where(t("a", 3, dtype="bool"), t("k", 3, dtype="int64"), 0), 0),
    ],
    "or_of_complements": [
        mask("a") | ~mask("b"), (mask("a") & mask("b")) | ~mask("a"), mask("a") & ~mask("a"),
        mask("a") | mask("b") | ~(mask("a") | mask("b") & mask("c")),
    ],
    "pull_term_out_of_sum": [
        ops.sum(x(4) + t("s")), ops.sum(t("s") - x(4)), ops.sum(ops.floor(x(4)) - t("s")),
        ops.sum(ops.abs(x(4)) - 1.0), ops.sum(ops.exp(x(4, 3)) + t("r", 3), 1),
        ops.sum(x(5)[1:] - x(5)[:1]),
    ],
    "pull_literal_out_of_scatter": [
        scatter("max", ops.zeros((5,)), 2.0 * x(3)), scatter("min", ops.zeros((5,)), 2.0 * x(3)),
        scatter("set", ops.zeros((5,)), 2.0 * x(3)), scatter("mul", ops.zeros((5,)), 2.0 * x(3)),
        scatter("add", ops.ones((5,)), 2.0 * x(3)), scatter("add", ops.zeros((5,)), 0.5 * x(3)),
        scatter("add", ops.zeros((5,)), np.inf * x(3)), scatter("add", t("b", 5), 2.0 * x(3)),
    ],
    "join_casts": [
        ops.astype(ops.astype(x(3), "float32"), "float64"),
        ops.astype(ops.astype(t("k", 3, dtype="int64"), "int8"), "int64"),
        ops.astype(ops.astype(t("k", 3, dtype="int64"), "float64"), "int64"),
        ops.astype(ops.astype(t("k", 3, dtype="uint64"), "float64"), "float32"),
        ops.astype(ops.astype(t("k", 3, dtype="int8"), "uint8"), "int64"),
        ops.astype(ops.astype(x(3), "int64"), "float64"),
        ops.astype(ops.astype(x(3), "float32"), "bool"),
        ops.astype(ops.astype(x(3), "bool"), "float64"),
        ops.astype(ops.astype(t("k", 3, dtype="int32"), "float32"), "float64"),
    ],
    "transpose_through_elementwise": [
        ops.transpose(ops.exp(ops.transpose(x(3, 4)) + ops.transpose(t("y", 3, 4, 2))), (2, 1, 0)),
        ops.transpose(ops.exp(ops.transpose(x(3, 4)) + t("y", 4, 3))),
    ],
    "log_of_product": [
        ops.log(ops.prod(x(4))), ops.log(ops.prod(ops.sin(x(4)))), ops.log(ops.sum(ops.exp(x(4)))),
    ],
    "log_of_mean_of_exp": [
        ops.log(t("s") * ops.sum(ops.exp(x(4)))), ops.log(ops.sum(ops.exp(x(4))) / t("s")),
        ops.log(2.0 / ops.sum(ops.exp(x(4)))), ops.log(-2.0 * ops.sum(ops.exp(x(4)))),
    ],
    "quotient_of_softmax": [
        ops.softmax(x(3)) / ops.softmax(t("y", 3)), ops.softmax(x(3)) * ops.softmax(x(3)),
        ops.softmax(x(3, 3), 0) / ops.softmax(x(3, 3), 1), ops.exp(x(3)) / ops.exp(x(3)),
    ],
    "cancel_in_one_term": [
        x(3) * (t("a", 3) / x(3) - t("b")), ops.expm1(x(3)) * (t("a", 3) / ops.expm1(x(3)) + 1.0),
        sigmoids(lambda s, u, g, h: (h / s - g) * u), ops.tanh(x(3)) * (g := 1 / ops.tanh(x(3))),
        ops.sqrt(x(3)) * (t("a", 3) / ops.sqrt(x(3)) - g),
    ],
    "factor_out_sigmoid": [
        sigmoids(lambda s, u, g, h: g * h * s - g * ops.square(s)),
        sigmoids(lambda s, u, g, h: g * s - h * ops.square(s)),
        sigmoids(lambda s, u, g, h: g * s - g * s * u * s),
        sigmoids(lambda s, u, g, h: g * h - g * h * h),
        sigmoids(lambda s, u, g, h: g * ops.square(s) - g * s),
    ],
    "difference_from_logsumexp": [
        x(3, 3) - ops.logsumexp(x(3, 3), 1), t("y", 3) - ops.logsumexp(x(3)),
        x(3, 3, 3) - ops.expand_dims(ops.logsumexp(x(3, 3, 3), 2), 1),
        ops.logsumexp(x(3)) - x(3), x(3, 3) - ops.expand_dims(ops.logsumexp(x(3, 3), 0), 1),
    ],
    "rising_factorial_and_log_gamma": [
        ops.lgamma(t("n", 3) + k) - ops.log_rising_factorial(t("a", 3), t("n", 3))
        for k in (2.0, -1.0, 0.5)
    ] + [ops.lgamma(t("n", 3)) + ops.log_rising_factorial(t("a", 3), t("n", 3)),
         ops.lgamma(t("a", 3)) - ops.log_rising_factorial(t("a", 3), t("n", 3))],
    "log_gammas_of_a_sum_and_its_parts": [
        ops.lgamma(t("a", 3)) + ops.lgamma(t("b", 3)) - ops.lgamma(t("a", 3) + t("b", 3) + k)
        for k in (1.0, 2.0, -2.0, 0.5)
    ] + [ops.lgamma(t("a", 3)) - ops.lgamma(t("b", 3)) - ops.lgamma(t("a", 3) + t("b", 3)),
         ops.lgamma(t("a", 3)) + ops.lgamma(t("b", 3)) - ops.lgamma(t("a", 3) - t("b", 3))],
    "difference_of_log_gammas": [
        f(t("n", 3) + t("a", 3)) - f(t("n", 3) + t("b", 3) + k)
        for f in (ops.lgamma, ops.digamma, ops.trigamma) for k in (0.0, 1.0)
    ] + [ops.lgamma(t("n", 3) + t("a", 3)) - ops.lgamma(t("n", 3) + 1.0)],
    "log1p_of_probability": [
        ops.log1p(-0.0 * ops.sigmoid(x(3))), ops.log1p(0.0 * ops.sigmoid(x(3)) - 0.5),
    ],
    "difference_of_log_betas": [
        ops.lbeta(x(3), t("y", 3)) - ops.lbeta(x(3) + k, t("y", 3) + m)
        for k, m in ((2.0, -1.0), (-2.0, -1.0))
    ] + [ops.lbeta(x(3), t("y", 3)) - ops.lbeta(2 * x(3), t("y", 3))],
    "multiply_by_power_of_two": [
        x(3) / 2.0**-1074, x(3) / 2.0**-1030, x(3) / 3.0, x(3) / 0.0, x(3) / np.inf, x(3) / 0.75,
        t("x", 3, dtype="float32") / 2.0**-149, t("k", 3, dtype="int64") / 3,
    ],
    "add_like_terms": [
        4.0 * x(3) - 2.0 * x(3), 3.0 * x(3) + 6.0 * x(3), 2.0 * x(3) + 2.0 * t("y", 3),
        np.inf * x(3) + 2.0 * x(3), x(3) + x(3) * 1e308 * 0.1,
    ],
    "contract_repeated_scalar": [
        make(ops.Contract("ij,jk->ik"), (x(4, 3), repeated(t("s"), 3, 2))),
        make(ops.Contract("ij,k->i"), (x(4, 3), repeated(t("s"), 2))),
        make(ops.Contract("ij,k->ik"), (x(4, 3), repeated(t("s"), 2))),
        make(ops.Contract("ij,j->i"), (x(4, 3), repeated(t("r", 1), 3))),
    ],
    "gather_indices": [
        make(ops.Gather((0,), 0, outer), (make(ops.Gather((0,), 0, inner), (
            t("s", 5), t("i", 4, dtype="int64"))), t("j", 3, dtype="int64")))
        for outer, inner in (("clip", "raise"), ("wrap", "raise"), ("raise", "clip"))
    ] + [
        make(ops.Gather(outer, 0), (make(ops.Gather((0,), at), (t("s", 5, 3), index)), t("j", 2,
            dtype="int64")))
        for outer, at, index in (
            ((0,), 0, t("i", 4, 2, dtype="int64")), ((1,), 0, t("i", 4, dtype="int64")),
            ((0,), 0, t("i", dtype="int64")),
        )
    ],
}  # fmt: skip

OTHERS = {
    "difference_of_log_gammas": [
        ops.lgamma(t("a", 3) + s * t("n", 3) + k) - ops.lgamma(t("a", 3) + k)
        for s in (1.0, -1.0) for k in (0.0, -1.0, 0.5)
    ] + [f(t("a", 3)) - f(t("a", 3) - t("n", 3)) for f in (ops.lgamma, ops.digamma, ops.trigamma)],
    "deviance_of_a_link": [
        ops.scaled_kl_div(k - ops.square(x(3)), t("n", 3), ops.ndtr(t("z", 3) / 300))
        for k in (0.0, 0.5)
    ],
    "sum_repeated_values": [
        ops.sum(repeated(x(3, 2), 4, 3, 2)), ops.sum(repeated(x(3, 1, 2), 3, 4, 2), (0, 1)),
        ops.sum(repeated(x(3, 2), 4, 3, 2), (0, 2)), ops.sum(repeated(x(1, 2), 3, 2), (0, 1)),
        ops.sum(repeated(x(2, 1, 1), 5, 2, 4, 1), (0, 2, 3)),
    ],
    "broadcast_after_elementwise": [
        t("y", 2, 3, 4) * ops.expand_dims(x(3), (0, 2)), ops.exp(ops.expand_dims(x(3), (0, 2))),
        ops.exp(ops.expand_dims(x(3), 1)) + t("y", 3), ops.exp(repeated(x(3, 1), 3, 4)),
    ],
    "view_of_scalar": [
        ops.transpose(repeated(x(3), 3, 3)), ops.reshape(repeated(x(3), 2, 3), (3, 2)),
        repeated(x(3), 3, 3)[:, 1:2], ops.ravel(repeated(x(2, 1), 2, 3)),
    ],
    "read_through_equal_sizes": [
        make(ops.Contract("i,i->"), (repeated(x(1), 3), t("y", 3))), ops.sum(repeated(x(1), 3)),
        ops.matmul(repeated(x(1, 3), 2, 3), t("y", 3)), ops.prod(repeated(x(2, 1), 2, 3), 1),
    ],
    "drop_expanded_axes": [
        ops.squeeze(ops.expand_dims(repeated(x(1), 3), (0, 2)), (0, 2)),
        ops.squeeze(ops.expand_dims(x(1, 3), 2), (0, 2)), ops.squeeze(repeated(x(1), 1, 1, 1), 0),
        ops.squeeze(ops.expand_dims(x(3, 1), 0), 2), ops.squeeze(repeated(x(3, 1), 2, 3, 1), 2),
    ],
    "join_slices": [
        ops.concatenate([x(4), t("y", 3)])[0:7:3], ops.concatenate([x(4), t("y", 3)])[3:1:-1],
        ops.concatenate([x(4), t("y", 3)])[::-1], ops.concatenate([x(2), t("y", 3)])[1:3],
        x(9)[::-2][1:4], x(9)[1:8:2][::-1], x(5, 4)[1:, ::-1][::2, 1:3], x(5)[::-1],
        ops.concatenate([x(4), t("y", 3)])[4:], ops.concatenate([x(2, 3), t("y", 2, 3)])[2:, ::2],
    ],
    "join_transposes": [
        ops.transpose(ops.transpose(x(2, 3, 4), (1, 2, 0)), (2, 1, 0)),
        ops.transpose(ops.transpose(x(2, 3, 4), (2, 0, 1)), (2, 0, 1)),
    ],
    "join_reductions": [
        ops.sum(ops.sum(x(2, 3, 4, 5), 1), 1), ops.max(ops.max(x(2, 3, 4, 5), (0, 2)), 1),
        ops.max(ops.sum(x(2, 3), 1)), ops.sum(ops.max(x(2, 3), 0)), ops.max(ops.min(x(2, 3), 0)),
        ops.prod(ops.sum(x(2, 3, 4), 2), 0), ops.max(-ops.max(x(2, 3), 0)),
    ],
    "reduce_through_permutation": [
        ops.sum(ops.transpose(x(3, 3)), 1), ops.max(ops.reshape(x(3, 4), (4, 3)), 0),
        ops.sum(ops.expand_dims(x(3, 4), 1), 0),
    ],
    "reduce_axes_in_order": [
        ops.sum(ops.transpose(x(2, 3, 4), (2, 1, 0)), (0, 2)),
        ops.sum(ops.transpose(x(2, 3, 4), (2, 0, 1)), (0, 1)),
        ops.max(ops.transpose(x(2, 3, 4), (1, 0, 2)), 0),
        ops.sum(ops.transpose(x(2, 3, 4, 5), (3, 1, 0, 2)), (0, 2)),
    ],
    "drop_unit_axes_before_reducing": [
        ops.sum(x(1, 3, 1), (0, 1)), ops.max(x(3, 1, 4), (1, 2)), ops.sum(x(1, 3, 4), (0, 2)),
    ],
    "log_of_sum_of_exp": [
        ops.log(ops.sum(ops.exp(x(3, 4)), 1, keepdims=True)),
        ops.log(ops.sum(ops.exp(x(3, 4, 2)), (0, 2), keepdims=True)),
        ops.log(ops.expand_dims(ops.sum(ops.exp(x(3, 4)), 0), 1)),
    ],
    "quotient_by_sum_of_exp": [
        t("a", 3, 4, 2) / ops.sum(ops.exp(x(3, 4, 2)), (0, 2), keepdims=True),
        t("a", 3) / ops.sum(ops.exp(x(3, 4)), 1),
    ],
    "pull_choice_out_of_sum": [
        ops.sum(ops.where(t("c", dtype="bool"), 1.0, x(4, 3))),
        ops.sum(ops.where(t("c", 4, 1, dtype="bool"), x(4, 3), 0.0), 1),
        ops.sum(ops.where(t("c", 4, 1, dtype="bool"), x(4, 3), 0.0), 0),
        ops.sum(ops.where(t("c", 1, 3, dtype="bool"), 0.0, x(4, 3)), 0),
        ops.sum(ops.where(t("c", 1, dtype="bool"), t("r", 3), 0.0) + x(4, 3), 0),
        ops.sum(ops.where(t("c", 1, 3, dtype="bool"), t("r", 3), repeated(x(1), 4, 3) * 0.0), 0),
    ],
    "pull_factor_out_of_sum": [
        ops.sum(from_1_to_2() * x(4)), ops.sum(-from_1_to_2() * x(4)),
        ops.sum(x(4) / 0.25), ops.sum(-8.0 * x(4, 3), 1), ops.sum(x(4, 3) * t("s") * t("s"), 0),
        ops.sum(ops.square(x(4) / t("s")) / t("s")), ops.sum(0.5 * ops.square(-x(4))),
    ],
    "drop_redundant_choice": [
        chosen(lambda a, b, x, y: (a | b, ops.where(b, y, 0.0) - ops.where(a, x, 0.0), 0.0)),
        chosen(lambda a, b, x, y: (~a | b, ops.where(a, 0.0, x) - ops.where(b, y, 0.0), 0.0)),
        chosen(lambda a, b, x, y: (a | ~b, -ops.where(a, x, 0.0), 0.0)),
    ],
    "or_of_complements": [~mask("a") | (mask("b") | mask("a")), mask("a") | ~(~mask("a"))],
    "log_of_probability": [
        ops.log(ops.square(ops.sigmoid(x(3)) - ops.sigmoid(t("y", 3)))),
        ops.log(ops.square(ops.log_sigmoid(x(3)))), ops.log((1 - ops.exp(x(3))) ** t("n", 3)),
        ops.log(-(ops.log_sigmoid(x(3)) + t("y", 3))), ops.log(ops.exp(x(3)) - t("y", 3)),
        ops.log(1 - ops.exp(x(3)) ** t("a", 3)), ops.log(1 - ops.square(ops.exp(x(3)))),
        ops.log1p(-(ops.exp(x(3)) ** -2.0)), ops.log(1 - ops.prod(ops.exp(x(3)))),
        ops.log((ops.sigmoid(x(3)) - ops.sigmoid(t("y", 3))) * t("a", 3)),
        ops.log((ops.sigmoid(x(3)) - ops.sigmoid(t("y", 3))) / (1 - ops.exp(t("a", 3)))),
        ops.log(t("a", 3) / (t("a", 3) + ops.exp(x(3)))), ops.log(t("a", 3) + ops.exp(x(3))),
        ops.log(ops.exp(x(3)) + t("a", 3)), ops.log(ops.sigmoid(x(3)) - ops.exp(t("y", 3))),
        ops.log(2.0 * ops.exp(x(3)) / (ops.exp(x(3)) + 1.0)), ops.log(3.0 / (2.0 + ops.exp(x(3)))),
        ops.log(ops.exp(x(3)) / ((1.0 + ops.exp(x(3))) * (1.0 + ops.exp(x(3))))),
        ops.log1p(-3.0 / (2.0 + ops.exp(x(3)))), ops.log(3.0 / (-2.0 + ops.exp(x(3)))),
        ops.log(0.25 + ops.arctan(x(3)) / np.pi), ops.log(0.5 + ops.arctan(x(3)) / 3.0),
        ops.log(0.5 - ops.arctan(x(3)) / -np.pi), ops.log1p(-(0.75 + ops.arctan(x(3)) / np.pi)),
        ops.log(ops.ndtr(x(3)) - ops.ndtr(x(3) - t("a", 3))), ops.log(1.0 - 2.0 * ops.exp(x(3))),
        ops.log(ops.sigmoid(x(3) + t("a", 3)) - ops.sigmoid(x(3) + t("b", 3))),
        ops.log(ops.sigmoid(t("a", 3) - x(3)) - ops.sigmoid(t("b", 3) - x(3))),
        ops.log(ops.sigmoid(x(3) - t("a", 3)) - ops.sigmoid(x(3) - t("b", 3))),
        ops.log(ops.sigmoid(x(3) - t("a", 3)) - ops.sigmoid(t("a", 3) - t("b", 3))),
        ops.log(difference(ops.expm1, x(3), 0.0)), ops.log(difference(ops.exp, x(3), 1.0)),
        ops.log(difference(ops.sigmoid, x(3), 1.0)), ops.log(difference(ops.ndtr, x(3), 0.0)),
        ops.log(0.3 + 0.4 * ops.sigmoid(x(3)) - 0.2 * ops.sigmoid(t("y", 3))),
        ops.log(ops.sigmoid(x(3)) * ops.sigmoid(t("y", 3)) - 0.5 * ops.sigmoid(x(3))),
        ops.log(1 - ops.sigmoid(x(3)) * ops.exp(t("y", 3))), ops.log(2 - ops.exp(x(3))),
        ops.log(1.5 / (0.5 + ops.square(x(3))) - ops.sigmoid(t("y", 3))),
        ops.log(t("k", 3, dtype="int64") / ops.exp(x(3)) + ops.exp(t("y", 3))),
        ops.log(t("k", 3, dtype="int64") * ops.exp(x(3)) - ops.exp(t("y", 3)) / x(3)),
        ops.log(ops.erfc(x(3)) + ops.erf(x(3))), ops.log(1.25 - ops.erf(x(3)) / 2.0),
        ops.log(1 + ops.erf(x(3))), ops.log(2 - ops.erfc(x(3))), ops.log(1 - ops.tanh(x(3) / 4.0)),
        ops.log(1 - ops.tanh(x(3) / 2.0)), ops.log(1 + ops.tanh(0.5 * x(3))),
        ops.log(0.5 + 0.5 * ops.tanh(x(3) / 4.0)), ops.log(0.5 - 0.5 * ops.tanh(x(3) / 2.0)),
        ops.log(1 - (1 - 1e-8) * ops.sigmoid(x(3))), ops.log(2 - ops.sigmoid(x(3)) / 0.0),
        ops.log(1 - ops.sigmoid(x(3)) / np.inf + ops.sigmoid(t("y", 3))),
        ops.log(ops.exp(x(3)) / 4.0 - ops.sigmoid(t("y", 3)) / 8.0),
        ops.log(0.5 * ops.sigmoid(x(3)) ** 3 + 0.5 * (1 - ops.sigmoid(x(3))) ** 2),
        ops.log(np.inf + ops.exp(x(3)) * t("e", 3)), ops.log((np.inf - ops.sigmoid(x(3))) * np.inf),
    ],
    "join_constant_terms": [
        (x(3) - 1.0) - 3.0, (1.0 - x(3)) + 3.0, (1.0 - x(3)) - 3.0, (x(3) + 0.1) + 0.2,
    ],
}  # fmt: skip


def cases(table):
    return [pytest.param(RULES[name], graph, id=f"{name} {k}")
            for name, graphs in table.items() for k, graph in enumerate(graphs)]  # fmt: skip


@pytest.mark.parametrize(("rule", "graph"), cases(KEPT))
def test_what_a_rule_leaves_alone(rule, graph):
    (after,), names = sound.fired(rule, graph)
    assert after is graph and not names


@pytest.mark.parametrize(("rule", "graph"), cases(OTHERS))
def test_what_a_rule_may_change_has_the_same_value(rule, graph):
    (after,), _ = sound.fired(rule, graph)
    assert after.type == graph.type
    inputs = list(graph_values([graph, after], 0, few=True))[:4]
    for values in (*inputs, *(example_values([graph, after], seed, 2.0) for seed in range(4))):
        with np.errstate(all="ignore"):
            (left,), (right,) = evaluate_numpy([graph], values), evaluate_numpy([after], values)
        # Functions that have a stable form are judged beside the exact value.
        if not np.allclose(left, right, rtol=1e-12, atol=0, equal_nan=True):
            assert not sound.faults_between(graph, after, values=[values], **sound._leave(rule))


def at_poles(f):
    a, n = t("a", 5), t("n", 5)
    return f(n + a) - f(a), {n: np.zeros(5), a: np.array([-3.0, -1.0, 0.0, -0.5, 2.0])}


CHOSEN = np.array([0.0, 1.0, 0.0])
# (graph, values, log of the exact value) where a weight of a mixture is tiny, cancels or is large.
WEIGHTS = [
    (ops.log(t("q", 3) - ops.ndtr(x(3) / 20)), {"q": 5e-324, "x": -1e6}, np.log(5e-324)),
    (ops.log(t("q", 3) - ops.sigmoid(x(3))), {"q": 1e-320, "x": -1e6}, np.log(1e-320)),
    (ops.log(t("q", 3) + (1 - t("k", 3)) * (1 - ops.sigmoid(x(3)))),
     {"q": 1e-20, "k": CHOSEN, "x": -0.5},
     np.where(CHOSEN == 1, np.log(1e-20), -np.log1p(np.exp(-0.5)))),
    (ops.log(t("q", 3) - ops.sigmoid(x(3)) * ops.sigmoid(t("y", 3))),
     {"q": 0.5, "x": -1.5, "y": 5.0}, np.log(0.5 - 1 / (1 + np.exp(1.5)) / (1 + np.exp(-5.0)))),
    (ops.log(t("k", 3) * ops.sigmoid(x(3)) + (1 - t("k", 3)) * (t("q", 3) - ops.sigmoid(x(3)))),
     {"q": 1e20, "k": CHOSEN, "x": 0.5},
     np.where(CHOSEN == 1, -np.log1p(np.exp(-0.5)), np.log(1e20))),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(WEIGHTS)))
def test_weights_of_mixtures_keep_their_digits(k):
    graph, at, right = WEIGHTS[k]
    (after,) = apply_rules([graph], STABLE)
    values = {x: np.broadcast_to(at[x.name], 3) for x in inputs_of([graph])}
    with np.errstate(all="ignore"):
        (found,) = evaluate_numpy([after], values)
    np.testing.assert_allclose(found, np.broadcast_to(right, 3), rtol=1e-13)


UNDEFINED = {
    "difference_of_log_gammas": [at_poles(f) for f in (ops.lgamma, ops.digamma, ops.trigamma)],
    "deviance_of_a_link": [(
        ops.scaled_kl_div(t("a", 3), ops.square(t("b", 3)), ops.ndtr(t("z", 3))),
        {t("a", 3): np.array([-2.0, -1e-300, 2.0]), t("b", 3): np.full(3, 1e170),
         t("z", 3): np.ones(3)},
    )],
}  # fmt: skip


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_rule_keeps_what_is_undefined_at_poles_and_past_the_range(name):
    for graph, values in UNDEFINED[name]:
        (after,), names = sound.fired(RULES[name], graph)
        assert name in names
        with np.errstate(all="ignore"):
            (left,), (right,) = evaluate_numpy([graph], values), evaluate_numpy([after], values)
        assert np.isnan(left).any()
        np.testing.assert_allclose(right, left, rtol=1e-12)
