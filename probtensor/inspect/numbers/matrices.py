"""Routines of linear algebra on arrays of numbers of any precision: the meanings of ops on matrices
for `shadow.py`. Each takes items, without the axes they are repeated over; what the routine chose
(the order of rows) is that of the computed value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Arrays = Sequence[np.ndarray]


def cholesky(operands: Arrays, computed: Arrays) -> Arrays:
    """The lower factor, from the lower triangle."""
    (a,) = operands
    n = len(a)
    out = a * 0
    for j in range(n):
        left = a[j, j] - (out[j, :j] ** 2).sum()
        out[j, j] = left ** 0.5 if left > 0 else left * float("nan")
        for i in range(j + 1, n):
            out[i, j] = (a[i, j] - (out[i, :j] * out[j, :j]).sum()) / out[j, j]
    return [out]


def lower_solved(matrix: np.ndarray, b: np.ndarray, unit: bool = False) -> np.ndarray:
    """x with L @ x == b for the lower triangle L of a matrix, whose diagonal may be ones."""
    out = b.copy()
    for i in range(len(matrix)):
        left = out[i] - (matrix[i, :i, None] * out[:i]).sum(axis=0) if i else out[i]
        out[i] = left if unit else left / matrix[i, i]
    return out


def upper_solved(matrix: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with U @ x == b for the upper triangle U of a matrix."""
    return lower_solved(matrix[::-1, ::-1], b[::-1])[::-1]


def lu(operands: Arrays, computed: Arrays) -> Arrays:
    """L and U in one matrix, with the rows in the order that was computed."""
    a = operands[0][np.argsort(np.asarray(computed[2], int))]
    out = a.copy()
    for k in range(len(out)):
        for i in range(k + 1, len(out)):
            out[i, k] = out[i, k] / out[k, k]
            out[i, k + 1 :] = out[i, k + 1 :] - out[i, k] * out[k, k + 1 :]
    return [out, computed[1], computed[2]]


def solve_factored(operands: Arrays, computed: Arrays) -> Arrays:
    """x with a @ x == b, given the LU factors of a: row i of a is row rows[i] of L @ U."""
    factor, rows, b = operands
    order = np.argsort(np.asarray(rows, int))
    return [upper_solved(factor, lower_solved(factor, b[order], unit=True))]


def inv(operands: Arrays, computed: Arrays) -> Arrays:
    """The inverse, by elimination with the largest pivots."""
    (a,) = operands
    n = len(a)
    one = a[0, 0] * 0 + 1 if n else 1
    wide = np.concatenate([a, np.eye(n, dtype=int).astype(object) * one], axis=1)
    for k in range(n):
        pivot = k + int(np.argmax([abs(float(x)) for x in wide[k:, k]]))
        wide[[k, pivot]] = wide[[pivot, k]]
        wide[k] = wide[k] / wide[k, k]
        for i in range(n):
            if i != k:
                wide[i] = wide[i] - wide[i, k] * wide[k]
    return [wide[:, n:]]


def _solver(lower: bool, transposed: bool) -> Callable[[Arrays, Arrays], Arrays]:
    def solved(operands: Arrays, computed: Arrays) -> Arrays:
        matrix, b = operands
        matrix = matrix.T if transposed else matrix
        return [lower_solved(matrix, b) if lower != transposed else upper_solved(matrix, b)]

    return solved


def _running(step: np.ufunc) -> Callable[[Arrays, Arrays], Arrays]:
    return lambda operands, computed: [step.accumulate(operands[0])]


ROUTINES: dict[str, Callable[[Arrays, Arrays], Arrays]] = {
    "cholesky": cholesky,
    "lu": lu,
    "solve_factored": solve_factored,
    "inv": inv,
    "solve_lower": _solver(True, False),
    "solve_upper": _solver(False, False),
    "solve_lower_transposed": _solver(True, True),
    "solve_upper_transposed": _solver(False, True),
    "cumsum": _running(np.add),
    "cumprod": _running(np.multiply),
    "sort": lambda operands, computed: [np.sort(operands[0])],
}
