"""Linear systems of one step of a Rosenbrock method.

A system of a few scalars is solved by elimination that is written out, with a choice of pivots by
`where`: it stays in registers, is fused, and is differentiated like all else. Others are one
matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.kinds import as_tensor_of

MAX_WRITTEN_OUT = 4  # unknowns; the number of operations grows with the third power

Solve = Callable[[Sequence[Node]], list[Node]]
Matrix = list[list[Node | None]]  # None for an element that is 0 everywhere


def solver(jacobian: Matrix, state: Sequence[Node], h: Node, diagonal: float) -> Solve:
    """A solver of (diagonal * I - h * J) x = b, for the blocks of J by parts of the state."""
    if len(state) <= MAX_WRITTEN_OUT and not any(y.ndim for y in state):
        matrix = [[None if x is None else -h * x for x in row] for row in jacobian]
        for k, row in enumerate(matrix):
            row[k] = as_tensor_of(diagonal, h.dtype) if row[k] is None else diagonal + row[k]
        return eliminated(matrix)
    return _by_factors(jacobian, state, h, diagonal)


def _by_factors(jacobian: Matrix, state: Sequence[Node], h: Node, diagonal: float) -> Solve:
    """As `solver`, for one matrix of all elements of all parts."""
    sizes = [y.size for y in state]
    rows = []
    for row, n in zip(jacobian, sizes, strict=True):
        blocks = [
            ops.zeros((n, m), h.dtype) if x is None else ops.reshape(x, (n, m))
            for x, m in zip(row, sizes, strict=True)
        ]
        rows.append(ops.concatenate(blocks, 1))
    whole = ops.concatenate(rows)
    matrix = diagonal * ops.eye(whole.shape[0], dtype=h.dtype) - h * whole

    def solve(right: Sequence[Node]) -> list[Node]:
        joined = ops.concatenate([ops.reshape(x, (n,)) for x, n in zip(right, sizes, strict=True)])
        solution = ops.astype(ops.solve(matrix, joined), h.dtype)
        found, start = [], 0
        for y, n in zip(state, sizes, strict=True):
            found.append(ops.reshape(ops.narrow(solution, 0, start, n), y.shape))
            start = start + n
        return found

    return solve


def eliminated(matrix: Matrix) -> Solve:
    """A solver for a matrix of scalars, by Gaussian elimination with partial pivoting."""
    rows = [list(row) for row in matrix]
    n = len(rows)
    actions: list[Callable[[list[Node]], None]] = []
    for k in range(n):
        for i in range(k + 1, n):
            if rows[i][k] is not None:
                actions.append(_exchange(rows, k, i))
        for i in range(k + 1, n):
            if rows[i][k] is not None:
                actions.append(_subtraction(rows, k, i))

    def solve(right: Sequence[Node]) -> list[Node]:
        found = list(right)
        for action in actions:
            action(found)
        for k in reversed(range(n)):
            for j in range(k + 1, n):
                if rows[k][j] is not None:
                    found[k] = found[k] - rows[k][j] * found[j]
            found[k] = found[k] * pivots[k]
        return found

    pivots = [1 / rows[k][k] for k in range(n)]
    return solve


def _exchange(rows: Matrix, k: int, i: int) -> Callable[[list[Node]], None]:
    """Exchange rows k and i where the latter has the larger element in column k."""
    swap = abs(rows[i][k]) > abs(rows[k][k])
    first, second = rows[k], rows[i]
    for j in range(k, len(rows)):
        a, b = first[j], second[j]
        if a is not None or b is not None:
            a, b = (0.0 if x is None else x for x in (a, b))
            first[j], second[j] = ops.where(swap, b, a), ops.where(swap, a, b)

    def act(right: list[Node]) -> None:
        a, b = right[k], right[i]
        right[k], right[i] = ops.where(swap, b, a), ops.where(swap, a, b)

    return act


def _subtraction(rows: Matrix, k: int, i: int) -> Callable[[list[Node]], None]:
    """Subtract the multiple of row k from row i that clears column k."""
    factor = rows[i][k] / rows[k][k]
    for j in range(k + 1, len(rows)):
        if rows[k][j] is not None:
            product = factor * rows[k][j]
            rows[i][j] = -product if rows[i][j] is None else rows[i][j] - product
    rows[i][k] = None

    def act(right: list[Node]) -> None:
        right[i] = right[i] - factor * right[k]

    return act
