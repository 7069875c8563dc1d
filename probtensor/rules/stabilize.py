"""Overflow, underflow and cancellation: forms that are accurate where the written one is not.

Gradients may be taken before rewriting, so the forms that derivatives of naive code have are here
too: d/dx log(1 + exp(x)) is exp(x) / (1 + exp(x)), which is inf / inf at 800. Products are matched
as chains, since the order of the factors of a derivative depends on the code.
"""

from __future__ import annotations

from collections import Counter

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.ops.reductions.composite import is_shifted
from probtensor.transform.chain import (
    MAX_CHAIN_LEAVES,
    chain_leaves,
    combine_in_chain,
    regrow,
)
from probtensor.transform.facts import Bounds, FactTable, constant_of
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Ruleset, rewrite, rule
from probtensor.types import Size, size_product

x, y, a, b = var("x"), var("y"), var("a"), var("b")
WIDE = (-800, 800)
NEGATIVE = (-800, -1e-9)
POSITIVE = (1e-300, 1e300)


def _is_in_unit_interval(x: Bounds) -> bool:
    """Is x in [0, 1], outside which logit is nan?"""
    return x.low >= 0 and x.high <= 1


LOGARITHMS = Ruleset(
    rule(
        ops.log(1 - ops.square(ops.tanh(x))),
        -2 * ops.log_cosh(x), over=(-600, 600),
        why="tanh rounds to 1 past 19: the Jacobian of tanh",
        everywhere=False,
    ),
    rule(
        ops.log(1 + ops.exp(x)), ops.softplus(x), over=WIDE,
        why="exp overflows past 709, and 1 + exp(x) is 1 below -37; softplus does neither",
    ),
    rule(ops.log1p(ops.exp(x)), ops.softplus(x), over=WIDE, why="exp overflows past 709"),
    rule(
        ops.log(1 - ops.exp(x)), ops.log1mexp(x), over=NEGATIVE, why="cancellation near 0",
    ),
    rule(ops.log1p(-ops.exp(x)), ops.log1mexp(x), over=NEGATIVE, why="cancellation near 0"),
    rule(ops.log(-ops.expm1(x)), ops.log1mexp(x), over=NEGATIVE, why="exp(x) - 1 rounds to -1"),
    rule(
        ops.log(ops.expm1(x)), x + ops.log1mexp(-x), over=(1e-9, 800),
        why="expm1 overflows past 709",
    ),
    rule(ops.log(1 + x), ops.log1p(x), over=(-0.999, 1e300), why="1 + x rounds to 1 near 0"),
    rule(ops.log(1 - x), ops.log1p(-x), over=(-1e300, 0.999), why="1 - x rounds to 1 near 0"),
    rule(
        ops.log1p(ops.square(x)), ops.log1p_square(x, 1), over=(-1e300, 1e300),
        why="the square overflows: tails of a Cauchy density",
    ),
    rule(
        ops.log1p(ops.square(x) / a), ops.log1p_square(x, 1 / ops.sqrt(a)),
        over={"x": (-1e300, 1e300), "a": (1e-15, 1e15)},
        given=lambda m: m.facts.bounds(m.a).positive,
        why="the square overflows: tails of Student's t",
    ),
    rule(
        ops.log1p(a * ops.square(x)), ops.log1p_square(x, ops.sqrt(a)),
        over={"x": (-1e300, 1e300), "a": (1e-15, 1e15)},
        given=lambda m: m.facts.bounds(m.a).positive,
        why="the square overflows: tails of Student's t",
    ),
    rule(ops.log(ops.sigmoid(x)), ops.log_sigmoid(x), over=WIDE, why="sigmoid underflows"),
    rule(
        ops.log(ops.exp(x) + ops.exp(y)), ops.logaddexp(x, y), over=WIDE,
        why="exp overflows past 709 and underflows below -745",
    ),
    rule(ops.log(ops.ndtr(x)), ops.log_ndtr(x), over=(-40, 40), why="ndtr underflows"),
    rule(
        ops.log(ops.power(x, a)), a * ops.log(x), over={"x": (1e-300, 1e300), "a": (-300, 300)},
        given=lambda m: m.facts.bounds(m.x).positive, why="powers overflow", limits=True,
    ),
    rule(
        ops.log(ops.square(x)), 2 * ops.log(ops.abs(x)), over=(-1e300, 1e300),
        why="the square overflows",
    ),
    rule(ops.log(ops.sqrt(x)), 0.5 * ops.log(x), over=(0, 1e300), why="no square root"),
    rule(
        ops.log(1 / x), -ops.log(x), over=POSITIVE, why="no quotient", limits=True,
    ),
)  # fmt: skip

EXPONENTIALS = Ruleset(
    rule(ops.exp(x) - 1, ops.expm1(x), over=(-800, 700), why="cancellation near 0"),
    rule(ops.exp(x) + -1, ops.expm1(x), over=(-800, 700), why="cancellation near 0"),
    rule(1 - ops.exp(x), -ops.expm1(x), over=(-800, 700), why="cancellation near 0"),
    rule(
        ops.log1p(ops.expm1(x)), x, over=WIDE, why="expm1 overflows past 709", everywhere=False,
    ),
    rule(
        ops.expm1(ops.log1p(x)), x, over=(-0.999, 1e300),
        given=lambda m: m.facts.bounds(m.x).low >= -1, why="inverse functions",
    ),
    rule(ops.exp(ops.log_sigmoid(x)), ops.sigmoid(x), over=WIDE, why="one function"),
    rule(ops.exp(-ops.softplus(x)), ops.sigmoid(-x), over=WIDE, why="one function"),
    rule(ops.exp(ops.softplus(x)), 1 + ops.exp(x), over=WIDE, why="one function"),
    rule(ops.exp(ops.log_ndtr(x)), ops.ndtr(x), over=(-37, 40), why="one function"),
    rule(
        ops.exp(ops.log1p(x)), 1 + x, over=(-0.999, 1e300), why="inverse functions",
        given=lambda m: m.facts.bounds(m.x).low >= -1,
    ),
    rule(
        ops.exp(ops.logaddexp(x, y)), ops.exp(x) + ops.exp(y), over=WIDE,
        why="the logarithm of the sum has an error in proportion to its size",
    ),
    rule(
        ops.exp(x) * ops.exp(-x), 1 + 0 * x, over=WIDE, in_chain=True,
        why="reciprocal factors, one of which overflows; 0 * x propagates nan",
    ),
    rule(
        ops.exp(x) / ops.exp(x), 1 + 0 * x, over=WIDE, in_chain=True,
        given=lambda m: not is_shifted(m.x),
        why="inf / inf past 709: the gradient of log(exp(x)); 0 * x propagates nan",
    ),
)  # fmt: skip

LOGISTIC = Ruleset(
    rule(a / (1 + ops.exp(x)), a * ops.sigmoid(-x), over={"a": (-9, 9), "x": WIDE},
         why="exp overflows past 709"),
    rule(
        ops.exp(x) * ops.sigmoid(-x), ops.sigmoid(x), over=WIDE, in_chain=True,
        why="inf * 0 past 709: the gradient of log(1 + exp(x))", limits=True,
    ),
    rule(
        1 - ops.sigmoid(x), ops.sigmoid(-x), over=WIDE,
        why="cancellation where sigmoid is near 1",
    ),
    rule(
        ops.sigmoid(x) - 1, -ops.sigmoid(-x), over=WIDE,
        why="cancellation where sigmoid is near 1",
    ),
    rule(
        ops.sigmoid(x) + -1, -ops.sigmoid(-x), over=WIDE,
        why="cancellation where sigmoid is near 1",
    ),
    rule(
        ops.sigmoid(x) / ops.sigmoid(x), 1 + 0 * ops.sigmoid(x), over=WIDE, in_chain=True,
        why="0 / 0 below -745: the gradient of log(sigmoid(x)); the product with 0 propagates nan",
        limits=True,
    ),
    rule(
        ops.square(ops.sigmoid(x)) * ops.exp(-x), ops.sigmoid(x) * ops.sigmoid(-x), over=WIDE,
        in_chain=True, why="0 * inf: the gradient of 1 / (1 + exp(-x))", limits=True,
    ),
    rule(1 - 2 * ops.sigmoid(x), ops.tanh(-0.5 * x), over=WIDE, why="cancellation near 0"),
    rule(2 * ops.sigmoid(x) - 1, ops.tanh(0.5 * x), over=WIDE, why="cancellation near 0"),
    rule(ops.logaddexp(x, 0), ops.softplus(x), over=WIDE, why="a function of one argument"),
    rule(
        ops.exp(x) / ops.expm1(x), -1 / ops.expm1(-x), over=(-700, 800), in_chain=True,
        why="inf / inf past 709: the gradient of log(1 - exp(x))", limits=True,
        everywhere=False,
    ),
    rule(
        ops.exp(x) / (ops.exp(x) + ops.exp(y)), ops.sigmoid(x - y), over=WIDE, in_chain=True,
        why="inf / inf past 709: the gradient of log(exp(x) + exp(y)); the rounding of x - y costs "
        "up to |x - y| ulps", ulps=2000.0, limits=True,
    ),
    rule(
        ops.sigmoid(ops.logit(x)), x, over=(0.001, 0.999), why="inverse functions",
        given=lambda m: _is_in_unit_interval(m.facts.bounds(m.x)),
    ),
    rule(
        ops.logit(ops.sigmoid(x)), x, over=WIDE, why="sigmoid rounds to 0 and 1", everywhere=False,
    ),
    rule(
        ops.log(x / (1 - x)), ops.logit(x), over=(1e-300, 0.999999),
        why="one rounding instead of three",
    ),
)  # fmt: skip

NORMAL = Ruleset(
    rule(1 - ops.erf(x), ops.erfc(x), over=(-30, 26), why="cancellation for large x"),
    rule(1 + ops.erf(x), ops.erfc(-x), over=(-26, 30), why="cancellation for large -x"),
    rule(1 - ops.erfc(x), ops.erf(x), over=(-30, 30), why="cancellation near 0"),
    rule(1 - ops.ndtr(x), ops.ndtr(-x), over=(-37, 37), why="cancellation for large x"),
    rule(
        ops.log(ops.cosh(x)), ops.log_cosh(x), over=WIDE,
        why="cosh overflows past 710, and rounds to 1 near 0",
    ),
)  # fmt: skip


def _factors(node: Node) -> Counter[Node]:
    """The factors of a product, with multiplicities."""
    factors: Counter[Node] = Counter()
    stack = [node]
    while stack and len(factors) < MAX_CHAIN_LEAVES:
        top = stack.pop()
        if isinstance(top.op, ops.Mul):
            stack.extend(top.inputs)
        elif isinstance(top.op, ops.Square):
            stack.extend((top.inputs[0], top.inputs[0]))
        else:
            factors[top] += 1
    return factors


@rewrite(
    on=ops.Sub,
    among=ops.Sigmoid,
    example=lambda: (lambda s, g: g * s - g * ops.square(s))(
        ops.sigmoid(ops.tensor("x", (3,))), ops.tensor("g")
    ),
    limits=True,
)
def factor_out_sigmoid(node: Node) -> Node | None:
    """g * s - g * s * s -> g * s * sigmoid(-x) for s = sigmoid(x): cancellation where s is near 1,
    as in the gradient of a logistic function written as a quotient."""
    first, second = (_factors(term) for term in node.inputs)
    extra = second - first
    if first - second or sum(extra.values()) != 1:
        return None
    (s,) = extra
    return node.inputs[0] * ops.sigmoid(-s.inputs[0]) if isinstance(s.op, ops.Sigmoid) else None


# Functions that are positive and finite for every finite argument: a quotient of two equal ones is
# 1, though it rounds to 0 / 0 or inf / inf.
POSITIVE_FUNCTIONS = (ops.Sigmoid, ops.Softmax, ops.Exp)


def without_inverse(node: Node, factor: Node) -> Node | None:
    """A product without a division by `factor` in it; None if there is none."""
    if isinstance(node.op, ops.Neg):
        inner = without_inverse(node.inputs[0], factor)
        return None if inner is None else -inner
    if not isinstance(node.op, (ops.Mul, ops.Div)):
        return None
    for path, leaf, inverted in chain_leaves(node):
        if leaf is factor and inverted:
            return regrow(node, {path: None})
    return None


def _distribute(f: Node, total: Node, inverted: bool) -> Node | None:
    if inverted or not isinstance(f.op, POSITIVE_FUNCTIONS):
        return None
    if not isinstance(total.op, (ops.Add, ops.Sub)):
        return None
    terms = [without_inverse(term, f) for term in total.inputs]
    if all(term is None for term in terms):
        return None
    parts = [f * old if new is None else new for new, old in zip(terms, total.inputs, strict=True)]
    return total.op(*parts)


def _naive_cross_entropy() -> Node:
    t, p = ops.tensor("t", (3,)), ops.sigmoid(ops.tensor("x", (3,)))
    return (t / p - (1 - t) / ops.tensor("q", (3,))) * p


@rewrite(
    on=ops.Mul,
    operands=[*POSITIVE_FUNCTIONS],
    in_chain=True,
    example=_naive_cross_entropy,
    limits=True,
)
def cancel_in_one_term(node: Node, facts: FactTable) -> Node | None:
    """f * (a / f - b) -> a - f * b for f a sigmoid, softmax or exp: inf * 0 where f underflows, as
    in the gradient of y * log(p) + (1 - y) * log(1 - p)."""
    return combine_in_chain(node, facts, _distribute)


# Sums of exponentials, over any axes.


def _exp_sum(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """(x, axes) for sum(exp(x), axes)."""
    if not isinstance(node.op, ops.Sum):
        return None
    x = _exponent(node.inputs[0])
    return None if x is None else (x, node.op.axes)


def _exponent(e: Node) -> Node | None:
    """x for e = exp(x), or for e a concatenation of exponentials and ones; None for what an
    expansion has made, which does not overflow."""
    if isinstance(e.op, ops.Exp):
        return None if is_shifted(e.inputs[0]) else e.inputs[0]
    if not isinstance(e.op, ops.Concatenate):
        return None
    parts = [_exponent_of_part(part) for part in e.inputs]
    if None in parts or all(constant_of(x) == 0 for x in parts):
        return None
    return make(e.op, parts)


def _exponent_of_part(part: Node) -> Node | None:
    if constant_of(part) == 1:
        return ops.zeros_like(part)
    if isinstance(part.op, (ops.ExpandDims, ops.BroadcastTo)):
        x = _exponent_of_part(part.inputs[0])
        return None if x is None else make(part.op, (x,))
    if isinstance(part.op, ops.Cast) and isinstance(part.inputs[0].op, ops.Exp):
        return ops.astype(part.inputs[0].inputs[0], part.dtype)
    return _exponent(part)


def _spread_out(node: Node) -> tuple[Node, tuple[int, ...]]:
    """(reduced, axes) for a reduced value and the axes of size 1 added to it, as by keepdims."""
    if isinstance(node.op, ops.BroadcastTo):
        node = node.inputs[0]
    if isinstance(node.op, ops.ExpandDims):
        return node.inputs[0], node.op.axes
    return node, ()


def _is_keepdims(added: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    """Are the added axes the reduced ones? Leading axes need not be added."""
    return added == axes or (not added and axes == tuple(range(len(axes))))


@rewrite(on=ops.Log, example=lambda: ops.log(ops.sum(ops.exp(ops.tensor("x", (3, 4))), 1)))
def log_of_sum_of_exp(node: Node) -> Node | None:
    """log(sum(exp(x))) -> logsumexp(x): exp overflows past 709 and underflows below -745."""
    total, added = node.inputs[0], ()
    if isinstance(total.op, ops.ExpandDims):
        total, added = total.inputs[0], total.op.axes
    found = _exp_sum(total)
    if found is None:
        return None
    out = make(ops.LogSumExp(found[1]), (found[0],))
    return ops.expand_dims(out, added) if added else out


@rewrite(on=ops.Log, example=lambda: ops.log(ops.mean(ops.exp(ops.tensor("x", (3, 4))), 1)))
def log_of_mean_of_exp(node: Node, facts: FactTable) -> Node | None:
    """log(c * sum(exp(x))) -> log(c) + logsumexp(x) for c > 0 by its bounds."""
    product = node.inputs[0]
    if not isinstance(product.op, (ops.Mul, ops.Div)):
        return None
    first, second = product.inputs
    divides = isinstance(product.op, ops.Div)
    if _exp_sum(first) and facts.bounds(second).positive:
        rest = ops.log(second)
        return ops.log(first) - rest if divides else ops.log(first) + rest
    if _exp_sum(second) and facts.bounds(first).positive and not divides:
        return ops.log(first) + ops.log(second)
    return None


@rewrite(
    on=ops.Div,
    among=ops.Exp,
    example=lambda: tuple(
        e / ops.sum(e, -1, keepdims=True)
        for e in (
            ops.exp(ops.tensor("x", (3, 4))),
            ops.stack([ops.exp(ops.tensor("x")), 1, ops.exp(ops.tensor("y"))]),
            ops.concatenate([ops.exp(ops.tensor("x", (2,))), ops.exp(ops.tensor("y", (1,)))]),
        )
    ),
    ulps=2000.0,
)
def quotient_by_sum_of_exp(node: Node) -> Node | None:
    """a / sum(exp(x)) -> a * exp(-logsumexp(x)): exp overflows past 709; another rule combines the
    product with an exponential in a."""
    total, added = _spread_out(node.inputs[1])
    found = _exp_sum(total)
    if found is None:
        return None
    out = ops.exp(-make(ops.LogSumExp(found[1]), (found[0],)))
    return node.inputs[0] * (ops.expand_dims(out, added) if added else out)


def _softmax_of(first: Node, second: Node, inverted: bool) -> Node | None:
    x = None if inverted else _exponent(first)
    if x is None:
        return None
    inner, added = _spread_out(second)
    if not (isinstance(inner.op, ops.Exp) and isinstance(inner.inputs[0].op, ops.Neg)):
        return None
    total = inner.inputs[0].inputs[0]
    if not isinstance(total.op, ops.LogSumExp) or total.inputs[0] is not x:
        return None
    axes = total.op.axes
    return make(ops.Softmax(axes), (x,)) if _is_keepdims(added, axes) else None


@rewrite(
    on=ops.Mul,
    among=ops.LogSumExp,
    example=lambda: tuple(
        e * ops.exp(-ops.logsumexp(t))
        for x, one in [(ops.tensor("x", (3,)), ops.ones((1,)))]
        for e, t in (
            (ops.exp(x), x),
            (ops.concatenate([one, ops.exp(x)]), ops.concatenate([ops.zeros_like(one), x])),
        )
    ),
    ulps=2000.0,
)
def product_of_exp_and_sum(node: Node, facts: FactTable) -> Node | None:
    """exp(x) * exp(-logsumexp(x)) -> softmax(x): inf * 0 past 709, in naive softmax and in the
    gradient of log(sum(exp(x))); the rounding of x - max(x) costs up to |x - max(x)| ulps."""
    return combine_in_chain(node, facts, _softmax_of, (ops.Exp,))


@rewrite(on=ops.Log, example=lambda: ops.log(ops.softmax(ops.tensor("x", (3, 4)))), limits=True)
def log_of_softmax(node: Node) -> Node | None:
    """log(softmax(x)) -> log_softmax(x): softmax underflows below -745."""
    inner = node.inputs[0]
    if not isinstance(inner.op, ops.Softmax):
        return None
    return make(ops.LogSoftmax(inner.op.axes), inner.inputs)


@rewrite(
    on=ops.Sub,
    among=ops.LogSumExp,
    example=lambda: (lambda t: t - ops.logsumexp(t, 1, keepdims=True))(ops.tensor("x", (3, 4))),
)
def difference_from_logsumexp(node: Node) -> Node | None:
    """x - logsumexp(x) -> log_softmax(x): max(x) cancels before rounding."""
    x = node.inputs[0]
    total, added = _spread_out(node.inputs[1])
    if not isinstance(total.op, ops.LogSumExp) or total.inputs[0] is not x:
        return None
    axes = total.op.axes
    return make(ops.LogSoftmax(axes), (x,)) if _is_keepdims(added, axes) else None


def _same_softmax(first: Node, second: Node, inverted: bool) -> Node | None:
    same = inverted and first is second and isinstance(first.op, ops.Softmax)
    return 1 + 0 * first if same else None


@rewrite(
    on=(ops.Mul, ops.Div),
    among=ops.Softmax,
    example=lambda: (lambda s: ops.tensor("g", (3,)) / s * s)(ops.softmax(ops.tensor("x", (3,)))),
    limits=True,
)
def quotient_of_softmax(node: Node, facts: FactTable) -> Node | None:
    """s / s -> 1 for a softmax s: 0 / 0 where s underflows, as in the gradient of log(s)."""
    return combine_in_chain(node, facts, _same_softmax, (ops.Softmax,))


@rewrite(
    on=ops.Log,
    among=ops.Prod,
    example=lambda: (
        ops.log(ops.prod(ops.exp(ops.tensor("x", (3, 4))), 1)),
        ops.log(ops.abs(ops.prod(ops.tensor("x", (3, 4)), 1, keepdims=True))),
        ops.log(ops.prod(-ops.exp(ops.tensor("x", (4,))))),
    ),
    ulps=2000.0,
)
def log_of_product(node: Node, facts: FactTable) -> Node | None:
    """log(prod(x)) -> sum(log(x)) for x >= 0 by its bounds, or of an even number of x <= 0, and
    log(|prod(x)|) -> sum(log(|x|)): products overflow. Where the product is near 1, the logarithms
    cancel."""
    product, added = node.inputs[0], ()
    takes_size = isinstance(product.op, ops.Abs)
    product = product.inputs[0] if takes_size else product
    if isinstance(product.op, ops.ExpandDims):
        product, added = product.inputs[0], product.op.axes
    if not isinstance(product.op, ops.Prod):
        return None
    x, axes = product.inputs[0], product.op.axes
    bounds = facts.bounds(x)
    if not takes_size and not bounds.nonnegative:
        if not bounds.nonpositive or not _is_even(size_product(x.shape[a] for a in axes)):
            return None
        takes_size = True
    total = make(ops.Sum(axes), (ops.log(ops.abs(x) if takes_size else x),))
    return ops.expand_dims(total, added) if added else total


def _is_even(count: Size) -> bool:
    return isinstance(count, int) and count % 2 == 0


FUNCTIONS = Ruleset(
    factor_out_sigmoid,
    cancel_in_one_term,
    log_of_sum_of_exp,
    log_of_mean_of_exp,
    quotient_by_sum_of_exp,
    product_of_exp_and_sum,
    log_of_softmax,
    difference_from_logsumexp,
    quotient_of_softmax,
    log_of_product,
)

STABILIZE = LOGARITHMS + EXPONENTIALS + LOGISTIC + NORMAL + FUNCTIONS
