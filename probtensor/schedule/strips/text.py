"""Strips as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import For, If, Load, Scan
from probtensor.kernel.text import expression, statements
from probtensor.schedule.strips.forms import (
    Dot,
    Jammed,
    Recurrence,
    RowsAdd,
    RowsDot,
    ScatterAdd,
    Strip,
    Stripped,
    Sum,
    VectorSegment,
)


def to_text(name: str, body: Sequence[Stripped]) -> str:
    """The statements of a kernel after `strip`, under its name."""
    return "\n".join([f"{name}:", *_lines(body, 1)]) + "\n"


def _lines(body: Sequence[Stripped], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for stmt in body:
        match stmt:
            case Strip():
                yield from _strip(stmt, depth)
            case Jammed(loop, rows):
                yield f"{pad}several rows at once, over {loop.var} < {loop.extent}:"
                yield from _lines(rows, depth + 1)
                yield f"{pad}the rest:"
                yield from _lines((loop,), depth + 1)
            case For(body=inner):
                frame = list(statements((replace(stmt, body=()),), depth))
                opened = len(stmt.accs) + 1
                yield from frame[:opened]
                yield from _lines(inner, depth + 1)
                yield from frame[opened:]
            case Scan(body=inner):
                frame = list(statements((replace(stmt, body=()),), depth))
                opened = len(stmt.states) + 1
                yield from frame[:opened]
                yield from _lines(inner, depth + 1)
                yield from frame[opened:]
            case If(then=then, otherwise=otherwise):
                frame = list(statements((replace(stmt, then=(), otherwise=()),), depth))
                yield frame[0]
                yield from _lines(then, depth + 1)
                yield from frame[1 : 1 + len(stmt.choices)]
                if otherwise or stmt.choices:
                    yield f"{pad}else:"
                yield from _lines(otherwise, depth + 1)
                yield from frame[2 + len(stmt.choices) :]
            case Dot(result, extent, left, right):
                yield f"{pad}{result} = pt_dot({_at(left)}, {_at(right)}, {extent})"
            case Sum(result, extent, terms):
                yield f"{pad}{result} = pt_sum({_at(terms)}, {extent})"
            case RowsDot(result, extent, matrix, stride, vector):
                yield (f"{pad}all iterations: {result} = pt_rows_dot({_at(matrix)}, step {stride}, "
                       f"{_at(vector)}, {extent})")  # fmt: skip
            case RowsAdd(buffer, offset, extent, matrix, stride, weight):
                yield (f"{pad}all iterations: {buffer} + {offset} add= pt_rows_add({_at(matrix)}, "
                       f"step {stride}, {weight.name}, {extent})")  # fmt: skip
            case ScatterAdd(buffer, offset, index, weight):
                yield (f"{pad}all iterations: {buffer}[{offset} + {expression(index)}] "
                       f"add= {weight.name}")  # fmt: skip
            case Recurrence(result, state, factor, term):
                yield (f"{pad}all iterations: {result} = {state}, {state} = {state} * "
                       f"{expression(factor)} + {term.name}")  # fmt: skip
            case _:
                yield from statements((stmt,), depth)


def _strip(strip: Strip, depth: int) -> Iterator[str]:
    pad = "  " * depth
    wide = f", wide {', '.join(name for name, _ in strip.wide)}" if strip.wide else ""
    yield f"{pad}strips of {strip.width} over {strip.var} < {strip.extent}{wide}:"
    for segment in strip.segments:
        kind = "vector" if isinstance(segment, VectorSegment) else "serial"
        yield f"{pad}  {kind}:"
        yield from _lines(segment.body, depth + 2)
        for acc in segment.accs:
            yield f"{pad}    {acc.name} {acc.op}= {expression(acc.term)}"


def _at(load: Load) -> str:
    return f"{load.buffer} + {load.index}"
