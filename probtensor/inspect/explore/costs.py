"""What statements cost: operations, calls of functions and bytes, for given sizes.

A statement costs what its expressions do, times the iterations of the loops around it. These are
counts, not times: each load and store counts, also one that a cache answers. Times are those of a
profile; within a kernel they are divided by `weight`, about the cycles of the operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.inspect.profile.counts import flops_of_call
from probtensor.inspect.subject import Subject
from probtensor.kernel.ir import (
    Apply,
    Call,
    Expr,
    For,
    If,
    Load,
    Scan,
    Stmt,
    Store,
    blocks,
    exprs_of,
    walk_expr,
)
from probtensor.kernel.text import name_of
from probtensor.lower.plan import Plan
from probtensor.targets.cython.copies import OPERATORS
from probtensor.types import Dim, Size, dtype_of, size_value

ASSUMED = 100  # for a size that is not known
# About the cycles of an operation that is no addition or product.
WEIGHTS = {"/": 4, "sqrt": 4, "//": 8, "%": 8, "**": 20, "cast": 0, "where": 1}
FUNCTION = 15  # of a function, as exp


@dataclass(frozen=True)
class Cost:
    """Arithmetic operations, calls of functions, bytes loaded and stored, and a weight."""

    flops: float = 0.0
    calls: float = 0.0
    bytes: float = 0.0
    weight: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.flops + other.flops, self.calls + other.calls, self.bytes + other.bytes,
            self.weight + other.weight,
        )  # fmt: skip

    def times(self, count: float) -> Cost:
        """The cost of so many iterations."""
        return Cost(
            self.flops * count, self.calls * count, self.bytes * count, self.weight * count
        )

    def row(self) -> list[float]:
        """As numbers for a page."""
        return [float(f"{x:.6g}") for x in (self.flops, self.calls, self.bytes, self.weight)]


NONE = Cost()


def sizes_of(
    function: Subject, plan: Plan, args: Sequence[np.ndarray] | None
) -> tuple[dict[str, int], list[str]]:
    """The values of the sizes of a plan, from arguments and bound arrays; and the names of those
    that are not known, which are taken as ASSUMED."""
    arrays = dict(function.bound) | dict(function.compilation.given)
    if args is not None:
        free = (x.variable for x in function.inputs)
        arrays |= {node: np.asarray(value) for node, value in zip(free, args)}
    shapes = []
    for k, buffer in enumerate(plan.buffers):
        node = function.compilation.inputs[k] if k < len(plan.inputs) else buffer.node
        shapes.append(_shape(node, arrays, buffer.shape))
    found, assumed = {}, []
    for source in plan.sizes:
        value = source.value
        if value is None and not source.measured and source.axis < len(shapes[source.buffer]):
            value = shapes[source.buffer][source.axis]
        if not isinstance(value, int):
            assumed.append(source.name)
        found[source.name] = value if isinstance(value, int) else ASSUMED
    return found, assumed


def _shape(node: Node, arrays: Mapping[Node, np.ndarray], shape: Sequence[Size]) -> Sequence[Size]:
    """The shape of an input, if its array is known."""
    array = arrays.get(node)
    held = getattr(node, "get_value", None)
    if array is None and held is not None:  # a shared variable
        array = held(borrow=True)
    return np.shape(array) if array is not None and np.ndim(array) == len(shape) else shape


def value_of(size: Size | None, sizes: Mapping[str, int]) -> int:
    """A size as a number, with ASSUMED for what only the run knows."""
    if size is None:
        return ASSUMED
    if not isinstance(size, Dim):
        return int(size)
    known = {name: sizes.get(name, ASSUMED) for name in size.names()}
    return max(0, size_value(size, known))


def bytes_of(plan: Plan, sizes: Mapping[str, int]) -> list[int]:
    """Bytes of each buffer."""
    return [
        prod(value_of(n, sizes) for n in buffer.shape) * buffer.itemsize for buffer in plan.buffers
    ]


def statements(
    body: Iterable[Stmt], sizes: Mapping[str, int], count: int = 1
) -> Iterator[tuple[Stmt, int]]:
    """All statements, each with its number of iterations."""
    for stmt in body:
        yield stmt, count
        inner = count
        if isinstance(stmt, (For, Scan)):
            inner = count * value_of(stmt.extent, sizes)
        for block in blocks(stmt):
            yield from statements(block, sizes, inner)


Piece = tuple[Stmt, str, str, Cost]


def pieces(
    body: Iterable[Stmt], plan: Plan, sizes: Mapping[str, int], target: str = "cython"
) -> Iterator[Piece]:
    """What the parts of statements cost on a target: (statement, name, the user's line, cost)."""
    itemsize = {buffer.name: buffer.itemsize for buffer in plan.buffers}
    for stmt, count in statements(body, sizes):
        origin = getattr(stmt, "origin", "")
        match stmt:
            case For(extent=extent, accs=accs):
                for acc in accs:
                    each = _expr(acc.term, itemsize) + Cost(flops=1, weight=1)
                    yield stmt, acc.name, acc.origin, each.times(count * value_of(extent, sizes))
            case Scan(extent=extent, states=states):
                for state in states:
                    cost = _expr(state.next, itemsize).times(count * value_of(extent, sizes))
                    yield stmt, state.name, state.origin, cost
            case If(choices=choices):
                for choice in choices:
                    cost = _expr(choice.first, itemsize).times(count)
                    yield stmt, choice.name, choice.origin, cost
            case Call():
                yield stmt, name_of(stmt), origin, _call(stmt, plan, sizes, target).times(count)
            case _:
                cost = sum((_expr(e, itemsize) for e in exprs_of(stmt)), NONE)
                if isinstance(stmt, Store):
                    width = dtype_of(stmt.expr.dtype).bytes
                    moved = width * (1 + (stmt.op is not None))
                    cost += Cost(flops=stmt.op is not None, bytes=moved, weight=1)
                yield stmt, name_of(stmt), origin, cost.times(count)


def _expr(expr: Expr, itemsize: Mapping[str, int]) -> Cost:
    flops = calls = moved = weight = 0.0
    for part in walk_expr(expr):
        if isinstance(part, Load):
            moved += itemsize.get(part.buffer, 8)
            weight += 1
        elif isinstance(part, Apply):
            is_function = part.fn not in OPERATORS
            calls += is_function
            flops += not is_function and part.fn != "cast"
            weight += FUNCTION if is_function else WEIGHTS.get(part.fn, 1)
    return Cost(flops, calls, moved, weight)


def _call(call: Call, plan: Plan, sizes: Mapping[str, int], target: str) -> Cost:
    """A routine reads and writes all of its buffers; the operations of some are known."""
    whole = dict(zip((b.name for b in plan.buffers), bytes_of(plan, sizes)))
    moved = float(sum(whole.get(buffer, 0) for buffer, _ in call.pointers))
    numbers = [value_of(n, sizes) for n in call.numbers]
    flops = flops_of_call(call, numbers, target)
    if flops is not None:
        return Cost(flops=flops, bytes=moved, weight=flops / 4)
    order = max(1, numbers[1] if len(numbers) > 1 else numbers[0] if numbers else 1)
    return Cost(calls=1, bytes=moved, weight=moved * max(1.0, order / 4))
