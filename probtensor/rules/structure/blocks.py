"""Blocks along a diagonal and Kronecker products: systems, determinants, inverses and factors of
the parts.

A system of a matrix of n * m rows that is the Kronecker product of two takes n + m columns of
systems of its factors for each column of its own, in place of (n * m)**3 / 3 multiplications.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.blocks import diagonal_blocks, kron_factors
from probtensor.transform.linalg.structure import structure_of
from probtensor.transform.rewrite import Ruleset, rewrite


def _square(name: str, n: int) -> Node:
    return ops.tensor(name, (n, n))


def _blocks() -> Node:
    return ops.block_diag(_square("a", 3), _square("b", 2))


def _kron() -> Node:
    return ops.kron(_square("a", 3), _square("b", 2))


def _declared(x: Node) -> Node:
    return ops.assume(x, positive_definite=True)


def _rows(x: Node, blocks: Sequence[Node]) -> list[Node]:
    """The rows of x of each block."""
    found, first = [], 0
    for block in blocks:
        last = first + block.shape[-1]
        found.append(x[..., first:last, :])
        first = last
    return found


@rewrite(
    on=ops.Solve,
    operands=[ops.Concatenate, ops.Reshape],
    example=lambda: (
        ops.solve(_blocks(), ops.tensor("x", (5, 2))),
        ops.solve(_blocks(), ops.tensor("x", (5,)), transposed=True),
        ops.solve(_kron(), ops.tensor("x", (6, 2))),
        ops.solve(_kron(), ops.tensor("x", (6,)), transposed=True),
    ),
)
def solve_by_parts(node: Node) -> Node | None:
    """A system of blocks along the diagonal is one of each block; of a Kronecker product, one of
    each factor: vec(b) with (p kron q) @ vec(x) == vec(b) is b == p @ x @ q.mT."""
    a, b = node.inputs
    blocks = diagonal_blocks(a)
    if blocks is not None:
        parts = zip(blocks, _rows(b, blocks), strict=True)
        return ops.concatenate([make(node.op, (block, x)) for block, x in parts], -2)
    factors = kron_factors(a)
    if factors is None or b.ndim != 2:
        return None
    p, q = factors
    n, m, k = p.shape[-1], q.shape[-1], b.shape[-1]
    rows = ops.reshape(ops.transpose(ops.reshape(b, (n, m, k)), (1, 0, 2)), (m, n * k))
    inner = ops.reshape(make(node.op, (q, rows)), (m, n, k))
    rows = ops.reshape(ops.transpose(inner, (1, 0, 2)), (n, m * k))
    return ops.reshape(make(node.op, (p, rows)), (n * m, k))


def _log_parts(node: Node, a: Node) -> list[tuple[Node, object]] | None:
    """(the same of a part, its multiplicity) of a determinant or its logarithm or sign."""
    blocks = diagonal_blocks(a)
    if blocks is not None:
        return [(make(node.op, (block,)), 1) for block in blocks]
    factors = kron_factors(a)
    if factors is None or not all(isinstance(x.shape[-1], int) for x in factors):
        return None
    p, q = factors
    return [(make(node.op, (p,)), q.shape[-1]), (make(node.op, (q,)), p.shape[-1])]


@rewrite(
    on=(ops.LogAbsDet, ops.SignOfDet),
    operands=[ops.Concatenate, ops.Reshape],
    example=lambda: (
        ops.slogdet(_blocks()).logabsdet,
        ops.slogdet(_blocks()).sign,
        ops.slogdet(_kron()).logabsdet,
        ops.slogdet(_kron()).sign,
    ),
)
def log_determinant_by_parts(node: Node) -> Node | None:
    """The determinant of blocks is the product of theirs; that of a Kronecker product of those of
    its factors, each to the power of the rows of the other."""
    parts = _log_parts(node, node.inputs[0])
    if parts is None:
        return None
    total = None
    for x, times in parts:
        if isinstance(node.op, ops.SignOfDet):
            term = ops.square(x) if times % 2 == 0 else x
            total = term if total is None else total * term
        else:
            term = x if times == 1 else float(times) * x
            total = term if total is None else total + term
    return total


@rewrite(
    on=ops.Det,
    operands=[ops.Concatenate, ops.Reshape],
    example=lambda: (ops.det(_blocks()), ops.det(_kron())),
)
def determinant_by_parts(node: Node) -> Node | None:
    """As the logarithm of a determinant by parts."""
    parts = _log_parts(node, node.inputs[0]) if type(node.op) is ops.Det else None
    if parts is None:
        return None
    total = None
    for x, times in parts:
        term = x if times == 1 else x ** float(times)
        total = term if total is None else total * term
    return total


@rewrite(
    on=ops.Inv,
    operands=[ops.Concatenate, ops.Reshape],
    example=lambda: (ops.inv(_blocks()), ops.inv(_kron())),
)
def invert_by_parts(node: Node) -> Node | None:
    """The inverse of blocks has theirs as blocks; that of a Kronecker product is the one of the
    inverses of its factors."""
    a = node.inputs[0]
    blocks, factors = diagonal_blocks(a), kron_factors(a)
    if blocks is not None:
        return ops.block_diag(*(make(node.op, (x,)) for x in blocks))
    return None if factors is None else ops.kron(*(make(node.op, (x,)) for x in factors))


@rewrite(
    on=ops.Cholesky,
    operands=[ops.Concatenate, ops.Reshape],
    example=lambda: (
        ops.cholesky(ops.block_diag(_declared(_square("a", 3)), _declared(_square("b", 2)))),
        ops.cholesky(ops.kron(_declared(_square("a", 3)), _declared(_square("b", 2)))),
    ),
)
def factor_by_parts(node: Node, facts: FactTable) -> Node | None:
    """The Cholesky factor of blocks has theirs as blocks, that of a Kronecker product is the one of
    the factors of its factors, where all are declared positive definite."""
    a = node.inputs[0]
    blocks, factors = diagonal_blocks(a), kron_factors(a)
    parts = blocks or factors
    if parts is None or not all(structure_of(x, facts).positive for x in parts):
        return None
    join = ops.kron if blocks is None else ops.block_diag
    return join(*(make(node.op, (x,)) for x in parts))


BLOCKS = Ruleset(solve_by_parts, log_determinant_by_parts, factor_by_parts)
INVERSES_BY_BLOCKS = Ruleset(invert_by_parts, determinant_by_parts)
