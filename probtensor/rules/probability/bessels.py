"""Modified Bessel functions under logarithms and in quotients, by those scaled by an exponential.

log(i0(x)) is log(i0e(x)) + |x|, which does not overflow past 713 and has an error of a few ulps of
1 where i0(x) is near 1, as the plain form has. It is applied last: the derivative of the sum would
contain 1 - 1, which cancels where x is near 0. The derivative of log(i0(x)) is a quotient, in which
both functions are scaled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.transform.chain import combine_in_chain
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Rule, Ruleset, rewrite, rule

v, x = var("v"), var("x")
ARGUMENTS = {"v": (-20, 20), "x": (1e-3, 900)}
# Each function with its scaled form: those that grow as exp(|x|), and those that fall as exp(-x).
GROWING = {ops.I0: ops.I0e, ops.I1: ops.I1e, ops.Iv: ops.Ive}
FALLING = {ops.K0: ops.K0e, ops.K1: ops.K1e, ops.Kv: ops.Kve}
# Terms of a sum of functions that are scaled together.
MAX_TERMS = 6


def _log(function: Callable, scaled: Callable, grows: bool, *order: Node) -> Rule:
    """The rule for the logarithm of one of the functions."""
    log = ops.log(scaled(*order, x))
    form = log + ops.abs(x) if grows else log - x
    right = ops.where(ops.eq(x, np.inf), np.inf if grows else -np.inf, form)
    why = "the function overflows past 713" if grows else "the function underflows past 742"
    return rule(ops.log(function(*order, x)), right, over=ARGUMENTS, why=why)


LOGS_OF_BESSELS = Ruleset(
    _log(ops.i0, ops.i0e, True), _log(ops.i1, ops.i1e, True), _log(ops.iv, ops.ive, True, v),
    _log(ops.k0, ops.k0e, False), _log(ops.k1, ops.k1e, False), _log(ops.kv, ops.kve, False, v),
)  # fmt: skip


def _scaled(f: Node, family: dict, x: Node, budget: list[int]) -> Node | None:
    """f without the exponential that functions of this family at x have; None for an f that is not
    made of these by sums and literal factors."""
    budget[0] -= 1
    if budget[0] < 0:
        return None
    kind = family.get(type(f.op))
    if kind is not None:
        return make(kind(), f.inputs) if f.inputs[-1] is x else None
    if isinstance(f.op, (ops.Add, ops.Sub, ops.Neg)):
        parts = [_scaled(a, family, x, budget) for a in f.inputs]
        return None if None in parts else make(f.op, parts)
    if isinstance(f.op, (ops.Mul, ops.Div)):
        for k, factor in enumerate(f.inputs):
            if constant_of(factor) is not None and (k == 1 or isinstance(f.op, ops.Mul)):
                part = _scaled(f.inputs[1 - k], family, x, budget)
                pair = (part, factor) if k == 1 else (factor, part)
                return None if part is None else make(f.op, pair)
    return None


def _quotient(first: Node, second: Node, inverted: bool) -> Node | None:
    if not inverted:
        return None
    for family in (GROWING, FALLING):
        kind = family.get(type(second.op))
        if kind is not None:
            above = _scaled(first, family, second.inputs[-1], [MAX_TERMS])
            return None if above is None else above / make(kind(), second.inputs)
    return None


@rewrite(
    on=(ops.Mul, ops.Div),
    among=[*GROWING, *FALLING],
    operands=[*GROWING, *FALLING],
    in_chain=True,
    example=lambda: tuple(
        f / g
        for x in [3 + 5 * ops.sigmoid(ops.tensor("x", (3,)))]
        for f, g in (
            (ops.i1(x), ops.i0(x)),
            (0.5 * (ops.i0(x) + ops.iv(2.0, x)), ops.i1(x)),
            (-ops.k1(x), ops.k0(x)),
            (ops.kv(1.5, x) - ops.kv(0.5, x), ops.kv(2.5, x)),
        )
    ),
    limits=True,
)
def quotient_of_bessels(node: Node, facts: FactTable) -> Node | None:
    """iv(1, x) / iv(0, x) -> ive(1, x) / ive(0, x), and so for kv: inf / inf past 713 and 0 / 0
    past 742, in the gradient of a logarithm of such a function."""
    return combine_in_chain(node, facts, _quotient)


BESSELS = Ruleset(quotient_of_bessels)
