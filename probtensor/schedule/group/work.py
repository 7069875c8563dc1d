"""How much work statements have that the lanes of a group, or a grid, can divide."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from functools import reduce

from probtensor.kernel.ir import Call, For, If, Scan, Stmt, blocks
from probtensor.types import Size, size_max, size_names, size_product

GEMM_NUMBERS = 4  # batch, m, n, k: the numbers of a matrix product that count its work


def work(body: Sequence[Stmt], unknown: Container[str] = frozenset()) -> tuple[Size, ...]:
    """The iterations of each loop, those of loops inside it included, and the operations of each
    routine, in one step of the loops in order. Extents with a name in `unknown` count as one."""
    return tuple(_each(body, unknown))


def _each(body: Sequence[Stmt], unknown: Container[str]) -> Iterator[Size]:
    for stmt in body:
        match stmt:
            case For():
                yield _iterations(stmt, unknown)
            case Scan() | If():
                for inner in blocks(stmt):
                    yield from _each(inner, unknown)
            case Call(routine, numbers=numbers):
                if routine.startswith("pt_gemm"):
                    counted = numbers[:GEMM_NUMBERS]
                else:
                    counted = (*numbers, *numbers[1:2])  # items of n x n, or of n x n and n x k
                yield size_product(n for n in counted if not _reads(n, unknown))


def _iterations(stmt: Stmt, unknown: Container[str]) -> Size:
    extent = getattr(stmt, "extent", None)
    own = 1 if extent is None or _reads(extent, unknown) else extent
    inner = (_iterations(part, unknown) for body in blocks(stmt) for part in body)
    return own * reduce(size_max, inner, 1)


def _reads(size: Size, unknown: Container[str]) -> bool:
    return any(name in unknown for name in size_names(size))
