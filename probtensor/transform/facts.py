"""Facts about the values of nodes: bounds, integral, finite.

A `FactTable` serves one run of a pass, and analyses each node once. Bounds are those of the exact
mathematical value wherever it is not nan: `exp` is positive though it may round to 0, and a nan
argument gives nan whatever the bounds. A rule that would turn a nan into a number must require
`finite`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Const, Node, Op, SizeOf
from probtensor.ops.kinds import Elementwise, Passing, Range, Reduction
from probtensor.types import size_product

INF = math.inf


@dataclass(frozen=True)
class Bounds:
    """low <= value <= high (strictly where open); `finite`: neither nan nor infinite; `integral`:
    an integer, of whatever dtype."""

    low: float = -INF
    high: float = INF
    low_open: bool = False
    high_open: bool = False
    finite: bool = False
    integral: bool = False

    @property
    def positive(self) -> bool:
        return self.low > 0 or (self.low == 0 and self.low_open)

    @property
    def nonnegative(self) -> bool:
        return self.low >= 0

    @property
    def nonpositive(self) -> bool:
        return self.high <= 0

    @property
    def nonzero(self) -> bool:
        return self.positive or self.high < 0 or (self.high == 0 and self.high_open)

    def within(self, low: float, high: float) -> bool:
        return self.low >= low and self.high <= high


ANY = Bounds()

# (input, its bounds, the literal that all of its elements are or None), for some inputs.
Known = tuple[tuple["Node", Bounds, object], ...]


class FactTable:
    """Facts about nodes, each computed once; `known` are facts about inputs, as `known_facts` gives
    them."""

    def __init__(self, known: Known = ()) -> None:
        self._bounds: dict[Node, Bounds] = {x: bounds for x, bounds, _ in known}
        self._constants: dict[Node, object] = {x: value for x, _, value in known}
        self._given = bool(known)
        self._remembered: dict[tuple[Node, Callable], object] = {}
        self.structures: dict[Node, object] = {}  # of matrices; see transform.linalg
        self.written: dict[Node, object] = {}  # of chains of writes to slices; see rules.structure

    def copy(self) -> FactTable:
        """A table of the same facts, to which others may be added."""
        other = FactTable()
        for name, value in vars(self).items():
            setattr(other, name, dict(value) if isinstance(value, dict) else value)
        return other

    def bounds(self, node: Node) -> Bounds:
        """Bounds of all elements of `node`."""
        found = self._bounds.get(node)
        if found is not None:
            return found
        known, stack = self._bounds, [node]
        while stack:
            top = stack[-1]
            if top in known:
                stack.pop()
                continue
            waiting = [x for x in top.inputs if x not in known]
            if waiting:
                stack.extend(waiting)
            else:
                known[stack.pop()] = self._compute(top)
        return known[node]

    def assume(self, node: Node, within: object) -> None:
        """Assume that the values of a node lie `within`, an interval with the fields low, high,
        low_open and high_open; for callers that do not use the result elsewhere."""
        found = self.bounds(node)
        low = max((found.low, found.low_open), (within.low, within.low_open))
        high = min((found.high, not found.high_open), (within.high, not within.high_open))
        self._bounds[node] = replace(
            found, low=low[0], low_open=low[1], high=high[0], high_open=not high[1]
        )

    def constant(self, node: Node) -> float | int | bool | None:
        """The common value of all elements, if that is a literal; None otherwise."""
        op = node.op
        if not op.reads_all and op.__class__ is not Const and not self._given:
            return None
        if node not in self._constants:
            self._constants[node] = constant_of(node)
        return self._constants[node]

    def remember(self, node: Node, compute: Callable[[Node], object]) -> object:
        """compute(node), cached."""
        key = node, compute
        if key not in self._remembered:
            self._remembered[key] = compute(node)
        return self._remembered[key]

    def _compute(self, node: Node) -> Bounds:
        kind = node.type
        if kind.__class__ is tuple:
            return ANY
        op = node.op
        operands = [self._bounds[x] for x in node.inputs]
        found = _meaning(op.__class__)(node, *operands)
        if op.__class__ is ops.Div:
            found = self._of_share(node, operands, found)
        elif op.__class__ is ops.Log and isinstance(node.inputs[0].op, ops.Add):
            found = self._of_log1p(node, found)
        return found if kind.is_float else _of_integers(found, kind.dtype)

    def _of_share(self, node: Node, operands: Sequence[Bounds], found: Bounds) -> Bounds:
        """n / (n + m) lies in [0, 1] if n and m are nonnegative and n + m is positive."""
        n, total = node.inputs
        n_bounds, total_bounds = operands
        if not isinstance(total.op, ops.Add):
            return found
        if not total_bounds.positive or not n_bounds.nonnegative:
            return found
        for numerator, other in (total.inputs, total.inputs[::-1]):
            if numerator is n and self._bounds[other].nonnegative:
                return Bounds(0.0, 1.0, n_bounds.positive, self._bounds[other].positive)
        return found

    def _of_log1p(self, node: Node, found: Bounds) -> Bounds:
        """log(1 + x) is positive for x > 0, even where 1 + x rounds to 1: rules rewrite it to
        log1p."""
        parts = node.inputs[0].inputs
        positive = any(
            self.constant(one) == 1 and self._bounds[x].positive for one, x in (parts, parts[::-1])
        )
        return replace(found, low=0.0, low_open=True) if positive and found.low <= 0 else found


def without_positive_factors(x: Node, facts: FactTable) -> Node:
    """A node with the sign of x: x without factors that are positive by their bounds (though these
    may round to 0). It is x itself if all factors are positive, or none."""
    start = x
    while isinstance(x.op, (ops.Mul, ops.Div)):
        first, second = (facts.bounds(f).positive for f in x.inputs)
        if first == second:
            return start if first else x
        x = x.inputs[0] if second else x.inputs[1]
    return x


def constant_of(node: Node) -> float | int | bool | None:
    """The common value of all elements of `node`, if that is a literal; None otherwise."""
    op = node.op
    while op.reads_all:
        node = node.inputs[0]
        op = node.op
    if op.__class__ is not Const:
        return None
    array = op.array
    if not array.ndim:
        return array.item()
    flat = array.reshape(-1)
    # Compared bit for bit, so that nan equals itself and -0.0 differs from 0.0.
    same = flat.size > 0 and flat.tobytes() == np.full_like(flat, flat[0]).tobytes()
    return flat[0].item() if same else None


def _of_integers(found: Bounds, dtype: str) -> Bounds:
    """The bounds of an integer node: integral and finite, and of the full range of the dtype if it
    may wrap around."""
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    wraps = found.low < low or found.high > high
    # Python integers, since not every int64 is representable as a float.
    bounds = Bounds(low, high) if wraps else found
    return replace(bounds, finite=True, integral=True)


@cache
def _meaning(kind: type[Op]) -> Callable[..., Bounds]:
    """What gives the bounds of a node of a class of ops, from the node and the bounds of its
    inputs."""
    if kind.reads_all:
        return _element
    if kind in _SPECIAL:
        return _SPECIAL[kind]
    general = ((Const, _constant), ((Passing, ops.Checked), _element), (SizeOf, _size),
               (Elementwise, _of_function), (Reduction, _of_reduction))  # fmt: skip
    return next((bounds for base, bounds in general if issubclass(kind, base)), _unknown)


def _unknown(node: Node, *operands: Bounds) -> Bounds:
    return ANY


def _constant(node: Node) -> Bounds:
    return _of_array(node.op.array)


def _size(node: Node, *operands: Bounds) -> Bounds:
    # A difference of sizes may be negative.
    terms = node.op.size.terms
    nonnegative = all(f >= 0 and not any(a.args for a in atoms) for atoms, f in terms)
    return Bounds(0 if nonnegative else -(2**63), 2**63 - 1, finite=True, integral=True)


def _of_array(array: np.ndarray) -> Bounds:
    if not array.ndim and array.dtype.kind == "f":  # by far the most
        value = array.item()
        if math.isnan(value):
            return ANY
        finite = math.isfinite(value)
        return Bounds(value, value, finite=finite, integral=finite and value == math.floor(value))
    if not array.size:
        return ANY
    finite = bool(np.all(np.isfinite(array)))
    if not finite and np.isnan(array).any():
        return ANY
    if array.dtype.kind in "iu":
        return Bounds(int(array.min()), int(array.max()), finite=True, integral=True)
    integral = finite and bool(np.all(array == np.floor(array)))
    return Bounds(float(array.min()), float(array.max()), finite=finite, integral=integral)


def _of_function(node: Node, *operands: Bounds) -> Bounds:
    """The declared range of the op, narrowed by the bounds of its argument if it is monotone."""
    op = node.op
    r: Range = op.facts.range
    declared = Bounds(r.low, r.high, r.low_open, r.high_open)
    if len(operands) != 1:
        return declared
    x = operands[0]
    if op.facts.increasing:
        declared = _cut(op, declared, (x.low, x.low_open), (x.high, x.high_open))
    elif op.facts.decreasing:
        declared = _cut(op, declared, (x.high, x.high_open), (x.low, x.low_open))
    bounded = math.isfinite(declared.low) and math.isfinite(declared.high)
    integral = isinstance(op, (*_STEPS, ops.Sign))
    if isinstance(op, _STEPS):
        # The floor of a small positive number is 0.
        declared = replace(declared, low_open=False, high_open=False)
    # A function with a bounded range is finite on a finite argument if it is total there.
    finite = x.finite and bounded and _total_on(op, x)
    return replace(declared, finite=finite, integral=integral and finite)


_STEPS = (ops.Floor, ops.Ceil, ops.Trunc, ops.Round)
_TOTAL = (
    ops.Exp, ops.Expm1, ops.Sin, ops.Cos, ops.Arctan, ops.Tanh, ops.Sigmoid, ops.Erf, ops.Erfc,
    ops.Ndtr, ops.Sign, ops.Softplus, *_STEPS,
)  # fmt: skip


def _total_on(op: Elementwise, x: Bounds) -> bool:
    return isinstance(op, _TOTAL) or (isinstance(op, ops.Sqrt) and x.nonnegative)


@lru_cache(maxsize=1024)
def _value_at(op: Elementwise, end: float, sign: float) -> float:
    """The function at one end of a range, whose sign tells 0.0 from -0.0 in the cache."""
    with np.errstate(all="ignore"):
        return float(op.values(np.asarray(end, dtype="float64")))


def _cut(op: Elementwise, declared: Bounds, low: tuple, high: tuple) -> Bounds:
    ends = [_value_at(op, float(end), math.copysign(1.0, end)) for end, _ in (low, high)]
    if not math.isnan(ends[0]) and ends[0] > declared.low:
        # Rounding may reach an open end other than 0: exp of a tiny number is 1.
        declared = replace(declared, low=ends[0], low_open=low[1] and ends[0] == 0)
    if not math.isnan(ends[1]) and ends[1] < declared.high:
        declared = replace(declared, high=ends[1], high_open=high[1] and ends[1] == 0)
    return declared


def _of_reduction(node: Node, x: Bounds, *others: Bounds) -> Bounds:
    if isinstance(node.op, ops.Sum):
        count = size_product(node.inputs[0].shape[a] for a in node.op.axes)
        if isinstance(count, int) and count > 0:
            scaled = _bounded(x.low * count, x.high * count, [x])
            low, high = x.low_open and x.low == 0, x.high_open and x.high == 0
            return replace(scaled, low_open=low, high_open=high)
        low = 0.0 if x.low >= 0 else -INF
        return Bounds(low, 0.0 if x.high <= 0 else INF, integral=False)
    if isinstance(node.op, (ops.Max, ops.Min)):
        return x
    if isinstance(node.op, ops.Prod) and x.nonnegative:
        return Bounds(0.0, 1.0 if x.high <= 1 else INF, low_open=x.positive)
    return ANY


def _hull(operands: Sequence[Bounds]) -> Bounds:
    return Bounds(
        min(x.low for x in operands),
        max(x.high for x in operands),
        any(x.low_open for x in operands) and all(x.low_open or x.low > 0 for x in operands),
        any(x.high_open for x in operands) and all(x.high_open or x.high < 0 for x in operands),
        all(x.finite for x in operands),
        all(x.integral for x in operands),
    )


def _bounded(low: float, high: float, operands: Sequence[Bounds]) -> Bounds:
    """The bounds of a sum, difference or product: finite if the operands are finite and the result
    cannot overflow."""
    low = -INF if math.isnan(low) else low
    high = INF if math.isnan(high) else high
    if low == -INF and high == INF:
        return ANY
    finite = all(x.finite for x in operands) and max(abs(low), abs(high)) < 1e300
    return Bounds(low, high, finite=finite, integral=finite and all(x.integral for x in operands))


def _add(node: Node, x: Bounds, y: Bounds) -> Bounds:
    total = _bounded(x.low + y.low, x.high + y.high, [x, y])
    # Rounding may reach an open end, as in 1 + 1e-20, unless the end or one addend there is 0.
    bottom, top = total.low, total.high
    low = (x.low_open and 0 in (y.low, bottom)) or (y.low_open and 0 in (x.low, bottom))
    high = (x.high_open and 0 in (y.high, top)) or (y.high_open and 0 in (x.high, top))
    return replace(total, low_open=low, high_open=high) if low or high else total


def _neg(node: Node, x: Bounds) -> Bounds:
    return Bounds(-x.high, -x.low, x.high_open, x.low_open, x.finite, x.integral)


def _sub(node: Node, x: Bounds, y: Bounds) -> Bounds:
    return _add(node, x, _neg(node, y))


def _mul(node: Node, x: Bounds, y: Bounds) -> Bounds:
    # An end of 0 times an infinite end bounds products of finite numbers: it counts as 0.
    ends = [0.0 if 0 in (a, b) else a * b for a in (x.low, x.high) for b in (y.low, y.high)]
    product = _bounded(min(ends), max(ends), [x, y])
    if 0 not in (product.low, product.high) or not (x.nonzero and y.nonzero):
        return product
    return replace(product, low_open=product.low == 0, high_open=product.high == 0)


def _div(node: Node, x: Bounds, y: Bounds) -> Bounds:
    # A divisor of 0 may be -0.0, so the quotient may be infinite of either sign.
    if x.nonnegative and y.nonnegative and not y.nonzero and _has_plain_zero(node.inputs[1]):
        return Bounds(0.0, low_open=x.nonzero)
    if not y.nonzero or not (y.nonnegative or y.nonpositive):
        return ANY
    if y.nonpositive:
        x, y = _neg(node, x), _neg(node, y)
    # Rounding is monotone, so the ends bound the rounded quotients too.
    low = _quotient(x.low, y.high if x.low > 0 else y.low)
    high = _quotient(x.high, y.high if x.high < 0 else y.low)
    return Bounds(low, high, low == 0 and x.nonzero, high == 0 and x.nonzero)


def _has_plain_zero(y: Node) -> bool:
    """Are zeros among the values of y +0.0 for certain, as those of a square or a size?"""
    while y.op.reads_all:
        y = y.inputs[0]
    if isinstance(y.op, (ops.Add, ops.Mul, ops.Maximum)):
        return all(_has_plain_zero(a) for a in y.inputs)
    if isinstance(y.op, ops.Sub):  # -0.0 only as (-0.0) - 0.0
        return _has_plain_zero(y.inputs[0])
    if isinstance(y.op, ops.Cast):
        return not y.inputs[0].type.is_float or _has_plain_zero(y.inputs[0])
    if isinstance(y.op, Const):
        return not np.signbit(y.op.array).any()
    return isinstance(y.op, (ops.Square, ops.Abs, ops.Exp, SizeOf))


def _quotient(end: float, divisor: float) -> float:
    """An end of a range divided by a positive divisor; the limit for a divisor that tends to 0."""
    if end == 0 or math.isinf(divisor):
        return 0.0 if math.isfinite(end) else end
    return end / divisor if divisor else math.copysign(INF, end)


def _square(node: Node, x: Bounds) -> Bounds:
    low = 0.0 if x.low <= 0 <= x.high else min(x.low * x.low, x.high * x.high)
    high = max(abs(x.low), abs(x.high))
    high = high * high
    return replace(_bounded(low, high, [x]), low_open=x.nonzero and low == 0)


def _abs(node: Node, x: Bounds) -> Bounds:
    low = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
    bounds = _bounded(low, max(abs(x.low), abs(x.high)), [x])
    return replace(bounds, low_open=low == 0 and x.nonzero, finite=x.finite)


def _sqrt(node: Node, x: Bounds) -> Bounds:
    declared = _of_function(node, x)
    return replace(declared, low_open=x.positive and declared.low == 0)


def _minimum(node: Node, x: Bounds, y: Bounds) -> Bounds:
    hull = _hull([x, y])
    return replace(hull, high=min(x.high, y.high), high_open=False)


def _maximum(node: Node, x: Bounds, y: Bounds) -> Bounds:
    hull = _hull([x, y])
    ahead = x if (x.low, x.low_open) >= (y.low, y.low_open) else y
    return replace(hull, low=ahead.low, low_open=ahead.low_open)


def _where(node: Node, condition: Bounds, x: Bounds, y: Bounds) -> Bounds:
    return _hull([x, y])


def _cast(node: Node, x: Bounds) -> Bounds:
    if node.dtype == "bool":
        return ANY
    if node.dtype == "float32":
        # Rounding is monotone, but may reach an open end, or overflow.
        with np.errstate(over="ignore"):
            low, high = float(np.float32(x.low)), float(np.float32(x.high))
        finite = x.finite and math.isfinite(low) and math.isfinite(high)
        return Bounds(low, high, finite=finite, integral=x.integral and finite)
    if node.type.is_float:
        return replace(x, low=float(x.low), high=float(x.high))
    # A cast truncates towards zero, by less than 1.
    if not (x.finite and math.isfinite(x.low) and math.isfinite(x.high)):
        return ANY
    return Bounds(math.floor(x.low), math.ceil(x.high))


def _pow(node: Node, x: Bounds, y: Bounds) -> Bounds:
    if not x.nonnegative:
        return ANY
    # x**y <= 1 for x <= 1 and y >= 0, and for x >= 1 and y <= 0.
    shrinks = (x.high <= 1 and y.nonnegative) or (x.low >= 1 and y.nonpositive)
    return Bounds(0.0, 1.0 if shrinks else INF, low_open=x.positive)


def _element(node: Node, x: Bounds, *indices: Bounds) -> Bounds:
    return x


def _joined(node: Node, *operands: Bounds) -> Bounds:
    return _hull(operands)


def _running_sum(node: Node, x: Bounds) -> Bounds:
    return Bounds(x.low, low_open=x.low_open) if x.nonnegative else ANY


def _contraction(node: Node, x: Bounds, y: Bounds) -> Bounds:
    first, second, _ = node.op.parts()
    squares = first == second and node.inputs[0] is node.inputs[1]
    return Bounds(0.0) if squares or (x.nonnegative and y.nonnegative) else ANY


def _shares(node: Node, x: Bounds) -> Bounds:
    return Bounds(0.0, 1.0, low_open=True)


def _poisson_divergence(node: Node, count: Bounds, d: Bounds) -> Bounds:
    return Bounds(0.0) if count.low >= 0 else ANY


def _assumed(node: Node, x: Bounds) -> Bounds:
    low = 0.0 if node.op.positive or node.op.nonnegative else -INF
    if low < x.low or low == -INF:
        return x
    return replace(x, low=low, low_open=node.op.positive or (x.low == 0 and x.low_open))


def _iota(node: Node) -> Bounds:
    size = node.op.size
    return Bounds(0.0, float(size - 1) if isinstance(size, int) else INF)


_SPECIAL: dict[type, Callable[..., Bounds]] = {
    ops.Add: _add,
    ops.Sub: _sub,
    ops.Mul: _mul,
    ops.Div: _div,
    ops.Neg: _neg,
    ops.Square: _square,
    ops.Abs: _abs,
    ops.Sqrt: _sqrt,
    ops.Pow: _pow,
    ops.Minimum: _minimum,
    ops.Maximum: _maximum,
    ops.Where: _where,
    ops.Cast: _cast,
    ops.Iota: _iota,
    ops.Concatenate: _joined,
    ops.Cumsum: _running_sum,
    ops.CumsumColumns: _running_sum,
    ops.Contract: _contraction,
    ops.Softmax: _shares,
    ops.PoissonDivergence: _poisson_divergence,
    ops.Assume: _assumed,
    ops.Slice: _element,
    ops.Gather: _element,
}
