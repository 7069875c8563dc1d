"""Products of matrices that are added to something: one call of BLAS for both.

    s * (a @ b) + c  ->  add_product(a, b, s, c)

The sum of what is added is computed in the memory of the result, in loops that it shares with its
neighbours, and the product is then added to it in place. So no loop reads the product again, and
neither it nor a scaled factor has memory of its own. If loops read the sum, they had better read
the product itself: then it is left as it is. So are products that are loops themselves.

This is a pass of its own, after all rules and after differentiation, since it depends on what reads
a value. It is not for devices, where the scale would have to be read back for each call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import frexp

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, made_by, make
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Core
from probtensor.ops.kinds.contraction import MAX_LOOP_PRODUCTS
from probtensor.transform.facts import constant_of
from probtensor.types import size_product

MAX_TERMS = 16  # of a sum
MAX_EXPONENT = 60  # of powers of two that move from one factor to another
DTYPES = ("float64", "float32")


def add_products(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with sums of which a term is a large product as calls of its routine."""
    outputs = list(outputs)
    order = toposort(outputs)
    if not any(_is_large(node) for node in order):
        return outputs
    readers = Counter(x for node in order for x in node.inputs)
    readers.update(outputs)
    whole = {x for node in order if _reads_whole(node) for x in node.inputs} | set(outputs)
    done: dict[Node, Node] = {}
    for node in order:
        with made_by(node):
            found = _sum_of(node, readers) if node in whole else None
            if found is None:
                done[node] = rebuild(node, tuple([done[x] for x in node.inputs]))
            else:
                done[node] = found.built(done)
    return [done[y] for y in outputs]


def _is_large(node: Node) -> bool:
    """Whether a node is a product of matrices that a routine computes."""
    if type(node.op) is not ops.Contract or node.dtype not in DTYPES:
        return False
    form = node.op.matrix_form()
    if form is None:
        return False
    sizes = node.op.letter_sizes([x.type for x in node.inputs])
    count = size_product([sizes[c] for group in form.groups[1:] for c in group])
    return not isinstance(count, int) or count > MAX_LOOP_PRODUCTS


def _reads_whole(node: Node) -> bool:
    """Whether a routine reads the operands of a node in memory."""
    return isinstance(node.op, Core) or _is_large(node)


@dataclass(frozen=True)
class _Scaled:
    """A product of matrices with the literal and the nodes that it is multiplied by."""

    subscripts: str
    operands: tuple[Node, Node]
    literal: float
    factors: tuple[Node, ...]


@dataclass(frozen=True)
class _Sum:
    """A sum as products of matrices and other terms, each of these with its sign."""

    node: Node
    products: tuple[_Scaled, ...]
    others: tuple[tuple[int, Node], ...]

    def built(self, done: dict[Node, Node]) -> Node:
        """The sum of the others, to which the products are added."""
        total = _total([(sign, done[x]) for sign, x in self.others])
        if total.type != self.node.type:  # a view, whose elements are computed in the result
            total = ops.broadcast_to(total, self.node.shape)
        for found in self.products:
            scale = ops.constant(found.literal, self.node.dtype)
            for x in found.factors:
                scale = done[x] if found.literal == 1 else scale * done[x]
            operands = [done[x] for x in found.operands]
            total = make(ops.AddProduct(found.subscripts), (*operands, scale, total))
        return total


def _total(terms: Sequence[tuple[int, Node]]) -> Node:
    """The sum of terms with signs."""
    ordered = sorted(terms, key=lambda term: -term[0])  # so that the first is no negation
    sign, total = ordered[0]
    total = total if sign > 0 else -total
    for sign, term in ordered[1:]:
        total = total + term if sign > 0 else total - term
    return total


def _sum_of(node: Node, readers: Counter[Node]) -> _Sum | None:
    """A node as a sum with a product of matrices that nothing else reads; None if it is none. It
    may be the sum in the shape of another tensor, as an update has that of its variable."""
    root = node
    if isinstance(node.op, ops.BroadcastTo) and _is_whole(node.inputs[0], node):
        root = node.inputs[0] if readers[node.inputs[0]] == 1 else node
    if type(root.op) not in (ops.Add, ops.Sub) or node.dtype not in DTYPES:
        return None
    products: list[_Scaled] = []
    others: list[tuple[int, Node]] = []
    terms: list[tuple[int, Node]] = []  # of the products, as they are written
    stack = [(1, root)]
    while stack:
        sign, x = stack.pop()
        opens = x is root or (readers[x] == 1 and _is_whole(x, node) and len(stack) < MAX_TERMS)
        if opens and isinstance(x.op, (ops.Add, ops.Sub)):
            second = -sign if isinstance(x.op, ops.Sub) else sign
            stack += [(second, x.inputs[1]), (sign, x.inputs[0])]
            continue
        found = _scaled_product(x, sign, readers) if _is_whole(x, node) else None
        if found is None:
            others.append((sign, x))
        else:
            products.append(found)
            terms.append((sign, x))
    if products and not others:  # one of them is computed in the memory of the result
        k = max(range(len(terms)), key=lambda k: (_is_large(terms[k][1]), terms[k][0]))
        others.append(terms[k])
        del products[k]
    return _Sum(node, tuple(products), tuple(others)) if products else None


def _is_whole(x: Node, total: Node) -> bool:
    """Whether a term of a sum has all axes of it, none of them repeated. Different named sizes are
    those of one axis."""
    pairs = zip(x.shape, total.shape)
    return x.ndim == total.ndim and all((n == 1) == (m == 1) for n, m in pairs)


def _scaled_product(x: Node, sign: int, readers: Counter[Node]) -> _Scaled | None:
    """A term as a product of matrices with its factors; None if it is none."""
    literal, factors, turned = float(sign), [], []
    while readers[x] == 1 and not _is_large(x):
        if isinstance(x.op, ops.Transpose):
            turned.append(x.op.axes)
            x = x.inputs[0]
            continue
        opened = _without_factor(x)
        if opened is None:
            return None
        factor, x = opened
        scale = _times(literal, factors, factor)
        if scale is None:
            return None
        literal, factors = scale
    op = x.op if readers[x] == 1 else None
    for axes in turned[::-1] if op is not None else ():
        first, second, out = op.parts()
        op = ops.Contract(f"{first},{second}->{''.join(out[axis] for axis in axes)}")
    if op is None or op.matrix_form() is None:
        return None
    operands = list(x.inputs)
    for k in range(2):
        while True:
            moved, y = _of_untransposed(op, operands, k), operands[k]
            opened = _without_factor(y) if readers[y] == 1 else None
            scale = None if opened is None else _times(literal, factors, opened[0])
            if moved is not None:
                op, operands[k] = moved, y.inputs[0]
            elif scale is not None:
                literal, factors = scale
                operands[k] = opened[1]
            else:
                break
    return _Scaled(op.subscripts, tuple(operands), literal, tuple(factors))


def _of_untransposed(op: ops.Contract, operands: Sequence[Node], k: int) -> ops.Contract | None:
    """The product of what an operand is the transpose of; None if it is none, or not one of
    matrices."""
    x, letters = operands[k], list(op.parts())
    if not isinstance(x.op, ops.Transpose):
        return None
    order = sorted(range(x.ndim), key=lambda axis: x.op.axes[axis])
    letters[k] = "".join(letters[k][axis] for axis in order)
    made = ops.Contract(f"{letters[0]},{letters[1]}->{letters[2]}")
    return made if made.matrix_form() is not None else None


def _times(literal: float, factors: list[Node], x: Node) -> tuple[float, list[Node]] | None:
    """A scale with one more factor; None where that is a second one that may round: s * (t * y) is
    no (s * t) * y, where s * t may be infinite or 0."""
    value = constant_of(x)
    if value is not None and _is_exact(value):
        return literal * value, factors
    if factors or not _is_exact(literal):
        return None
    return (literal, [x]) if value is None else (literal * value, factors)


def _is_exact(x: float) -> bool:
    """Is a literal a power of two, or its negative, by which all but extreme numbers are multiplied
    without a rounding?"""
    fraction, exponent = frexp(abs(x))
    return fraction == 0.5 and abs(exponent) <= MAX_EXPONENT


def _without_factor(x: Node) -> tuple[Node, Node] | None:
    """(a scalar, what it multiplies) of a node of more axes; None if it is no such product."""
    if isinstance(x.op, ops.Neg):
        return ops.constant(-1.0, x.dtype), x.inputs[0]
    if isinstance(x.op, ops.Mul):
        for factor, other in (x.inputs, x.inputs[::-1]):
            if not factor.ndim and other.ndim:
                return factor, other
    return None
