"""Strips as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import For, If, Load, Scan
from probtensor.kernel.text import expression
from probtensor.kernel.text import rows as rows_of
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
    name_of,
)

Row = tuple[str, str]  # a line of text, and what it defines or writes


def to_text(name: str, body: Sequence[Stripped]) -> str:
    """The statements of a kernel after `strip`, under its name."""
    return "\n".join([f"{name}:", *(text for text, _ in rows(body, 1))]) + "\n"


def rows(body: Sequence[Stripped], depth: int) -> Iterator[Row]:
    """Statements after `strip` as lines, each with the name of what it defines or writes."""
    pad = "  " * depth
    for stmt in body:
        match stmt:
            case Strip():
                yield from _strip(stmt, depth)
            case Jammed(loop, several):
                yield f"{pad}several rows at once, over {loop.var} < {loop.extent}:", loop.var
                yield from rows(several, depth + 1)
                yield f"{pad}the rest:", loop.var
                yield from rows((loop,), depth + 1)
            case For(body=inner):
                frame = _plain(replace(stmt, body=()), depth)
                opened = len(stmt.accs) + 1
                yield from frame[:opened]
                yield from rows(inner, depth + 1)
                yield from frame[opened:]
            case Scan(body=inner):
                frame = _plain(replace(stmt, body=()), depth)
                opened = len(stmt.states) + 1
                yield from frame[:opened]
                yield from rows(inner, depth + 1)
                yield from frame[opened:]
            case If(then=then, otherwise=otherwise):
                frame = _plain(replace(stmt, then=(), otherwise=()), depth)
                yield frame[0]
                yield from rows(then, depth + 1)
                yield from frame[1 : 1 + len(stmt.choices)]
                if otherwise or stmt.choices:
                    yield f"{pad}else:", name_of(stmt)
                yield from rows(otherwise, depth + 1)
                yield from frame[2 + len(stmt.choices) :]
            case _:
                text = _routine(stmt)
                yield from [(f"{pad}{text}", name_of(stmt))] if text else _plain(stmt, depth)


def _plain(stmt: Stripped, depth: int) -> list[Row]:
    return [(row.text, row.name) for row in rows_of((stmt,), depth)]


def _routine(stmt: Stripped) -> str:
    """A routine as text; empty for any other statement."""
    match stmt:
        case Dot(result, extent, left, right):
            return f"{result} = pt_dot({_at(left)}, {_at(right)}, {extent})"
        case Sum(result, extent, terms):
            return f"{result} = pt_sum({_at(terms)}, {extent})"
        case RowsDot(result, extent, matrix, stride, vector):
            return (f"all iterations: {result} = pt_rows_dot({_at(matrix)}, step {stride}, "
                    f"{_at(vector)}, {extent})")  # fmt: skip
        case RowsAdd(buffer, offset, extent, matrix, stride, weight):
            return (f"all iterations: {buffer} + {offset} add= pt_rows_add({_at(matrix)}, "
                    f"step {stride}, {weight.name}, {extent})")  # fmt: skip
        case ScatterAdd(buffer, offset, index, weight):
            return (f"all iterations: {buffer}[{offset} + {expression(index)}] "
                    f"add= {weight.name}")  # fmt: skip
        case Recurrence(result, state, factor, term):
            return (f"all iterations: {result} = {state}, {state} = {state} * "
                    f"{expression(factor)} + {term.name}")  # fmt: skip
    return ""


def _strip(strip: Strip, depth: int) -> Iterator[Row]:
    pad = "  " * depth
    wide = f", wide {', '.join(name for name, _ in strip.wide)}" if strip.wide else ""
    yield f"{pad}strips of {strip.width} over {strip.var} < {strip.extent}{wide}:", strip.var
    for segment in strip.segments:
        kind = "vector" if isinstance(segment, VectorSegment) else "serial"
        yield f"{pad}  {kind}:", strip.var
        yield from rows(segment.body, depth + 2)
        for acc in segment.accs:
            yield f"{pad}    {acc.name} {acc.op}= {expression(acc.term)}", acc.name


def _at(load: Load) -> str:
    return f"{load.buffer} + {load.index}"
