"""Arithmetic of complex numbers on their parts: each function takes and gives tensors that are
complex, whose operands have one dtype and whose shapes broadcast.

An operand that was real, and has an imaginary part of zeros only because it meets a complex one, is
multiplied and divided as a real number (C99, annex G.5): it scales the parts, and does not make nan
of an infinite one.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Node, TensorLike
from probtensor.ops.complexes.pair import pair

Parts = tuple[Node, Node]


def is_real(z: Node) -> bool:
    """Whether the imaginary part is a literal zero, everywhere."""
    im = z.inputs[1]
    while isinstance(im.op, ops.BroadcastTo):
        im = im.inputs[0]
    return isinstance(im.op, Const) and im.shape == () and im.op.array == 0


def scaled(z: Node, factor: TensorLike) -> Node:
    """z times a real factor."""
    re, im = z.inputs
    return paired(re * factor, im * factor)


def paired(re: Node, im: Node) -> Node:
    """The complex tensor of parts that broadcast."""
    if re.shape != im.shape:
        re, im = ops.broadcast_arrays(re, im)
    return pair(re, im)


def add(z: Node, w: Node) -> Node:
    """z + w."""
    (a, b), (c, d) = z.inputs, w.inputs
    if is_real(w):
        return paired(a + c, _like(b, c))
    return paired(a + c, _like(d, a) if is_real(z) else b + d)


def subtract(z: Node, w: Node) -> Node:
    """z - w."""
    (a, b), (c, d) = z.inputs, w.inputs
    if is_real(w):
        return paired(a - c, _like(b, c))
    return paired(a - c, _like(-d, a) if is_real(z) else b - d)


def _like(x: Node, other: Node) -> Node:
    """x in the shape that it and another tensor broadcast to."""
    return x if x.shape == other.shape else ops.broadcast_arrays(x, other)[0]


def negative(z: Node) -> Node:
    """-z."""
    re, im = z.inputs
    return pair(-re, im if is_real(z) else -im)


def multiply(z: Node, w: Node) -> Node:
    """z * w."""
    if is_real(w):
        return scaled(z, w.inputs[0])
    if is_real(z):
        return scaled(w, z.inputs[0])
    if z is w:
        return square(z)
    (a, b), (c, d) = z.inputs, w.inputs
    return paired(a * c - b * d, a * d + b * c)


def square(z: Node) -> Node:
    """z * z."""
    a, b = z.inputs
    return scaled(z, a) if is_real(z) else pair((a - b) * (a + b), 2 * a * b)


def divide(z: Node, w: Node) -> Node:
    """z / w by Smith's method (1962, CACM 5:435), which overflows only where the quotient does or
    where the parts differ by nearly all of the range."""
    (a, b), (c, d) = z.inputs, w.inputs
    if is_real(w):
        return paired(a / c, b / c)
    large = ops.abs(c) >= ops.abs(d)
    p, q = ops.where(large, c, d), ops.where(large, d, c)
    zero = ops.eq(p, 0)
    safe = ops.where(zero, 1, p)
    ratio = ops.where(zero, 0, q) / safe
    # Of a quotient by 0 the parts are those of the numerator by 0, as NumPy has them.
    size = ops.where(zero, ops.abs(p), p + q * ratio)
    if is_real(z):
        top = ops.where(large, a, a * ratio), ops.where(large, -a * ratio, -a)
        top = top[0], ops.where(zero, b, top[1])
    else:
        top = (
            ops.where(large, a + b * ratio, a * ratio + b),
            ops.where(large, b - a * ratio, b * ratio - a),
        )
    return paired(top[0] / size, top[1] / size)


def reciprocal(z: Node) -> Node:
    """1 / z."""
    return 1 / z


def larger_first(a: Node, b: Node) -> tuple[Node, Node, Node]:
    """Whether |a| >= |b|, and the two numbers, the larger one first. A choice, not extremes of
    absolute values, whose derivatives at ties and at 0 are subgradients."""
    large = ops.abs(a) >= ops.abs(b)
    return large, ops.where(large, a, b), ops.where(large, b, a)


def modulus(z: Node) -> Node:
    """|z| without overflow."""
    return ops.abs(z.inputs[0]) if is_real(z) else ops.hypot(*z.inputs)


def sign(z: Node) -> Node:
    """z / |z|, and 0 at 0."""
    size = modulus(z)
    zero, endless = ops.eq(size, 0), ops.isinf(size)
    safe = ops.where(ops.logical_or(zero, endless), 1, size)
    re, im = (ops.where(endless, ops.where(ops.isinf(x), ops.sign(x), 0 * x), x) for x in z.inputs)
    return pair(ops.where(zero, 0, re / safe), ops.where(zero, 0, im / safe))


def power(z: Node, w: Node) -> Node:
    """z**w: by products where w is a literal whole number, else exp(w * log(z)). 0**w is 0 where
    the real part of w is positive and its imaginary part 0, 1 at w = 0, else nan, as in NumPy."""
    count = _whole(w)
    if count is not None:
        return whole_power(z, count)
    (a, b), (c, d) = z.inputs, w.inputs
    zero = ops.logical_and(ops.eq(a, 0), ops.eq(b, 0))
    base = pair(ops.where(zero, 1, a), b)
    found = ops.exp(multiply(ops.log(base), w))
    flat = ops.logical_and(ops.eq(c, 0), ops.eq(d, 0))
    gone = ops.logical_and(c > 0, ops.eq(d, 0))
    at_zero = ops.where(gone, 0, ops.astype(np.nan, a.dtype))
    re, im = (ops.where(zero, at_zero, part) for part in found.inputs)
    return paired(ops.where(flat, 1, re), ops.where(flat, 0, im))


MOST_PRODUCTS = 100  # the largest whole exponent that is computed by products, as in NumPy


def _whole(w: Node) -> int | None:
    """The exponent, if it is a literal whole number of moderate size."""
    re = w.inputs[0]
    if not is_real(w) or not isinstance(re.op, Const) or re.shape:
        return None
    value = float(re.op.array)
    return int(value) if value.is_integer() and abs(value) <= MOST_PRODUCTS else None


def whole_power(z: Node, count: int) -> Node:
    """z**count by repeated squares."""
    if count < 0:
        return reciprocal(whole_power(z, -count))
    if count == 0:
        return ops.ones_like(z)
    found, factor = None, z
    while count:
        if count % 2:
            found = factor if found is None else multiply(found, factor)
        count //= 2
        factor = square(factor) if count else factor
    return found


def equal(z: Node, w: Node) -> Node:
    """Where both parts agree."""
    (a, b), (c, d) = z.inputs, w.inputs
    return ops.logical_and(ops.eq(a, c), ops.eq(b, d))


def not_equal(z: Node, w: Node) -> Node:
    """Where a part differs."""
    (a, b), (c, d) = z.inputs, w.inputs
    return ops.logical_or(ops.ne(a, c), ops.ne(b, d))


def isnan(z: Node) -> Node:
    """Where a part is nan."""
    a, b = z.inputs
    return ops.logical_or(ops.isnan(a), ops.isnan(b))


def isinf(z: Node) -> Node:
    """Where a part is infinite."""
    a, b = z.inputs
    return ops.logical_or(ops.isinf(a), ops.isinf(b))
