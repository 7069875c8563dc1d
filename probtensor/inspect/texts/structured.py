"""Formulas of what is no operator: sums with indices, products of matrices, cases, loops, joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph.closed import Closed
from probtensor.graph.node import Node
from probtensor.graph.parts import Get
from probtensor.inspect.texts.symbols import (
    ATOM,
    BIG,
    MATRIX_PRODUCTS,
    OR,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    TRANSPOSED_PRODUCTS,
    Index,
    Written,
)
from probtensor.ops.kinds import Branch, Choice, Loop, Reduction
from probtensor.types import Size, size_names, size_value

if TYPE_CHECKING:
    from probtensor.inspect.texts.formulas import Formula

OTHERWISE = r"\text{otherwise}"
LARGE = 1_000_000  # stands for sizes that are not known
LONGEST_SIZE = 24  # characters of the end of a slice
CARRIES = "sruvw"  # names of what a loop carries


def written(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """(text, level) of a node; None for one that is written as a function of its operands."""
    from_op = _WRITERS.get(type(node.op))
    if from_op is not None:
        return from_op(f, node, depth, index)
    op = node.op
    if isinstance(op, Reduction):
        return reduction(f, node, depth, index)
    if isinstance(op, Choice):
        return choice(f, node, depth)
    if isinstance(op, Get) and isinstance(node.inputs[0].op, Loop):
        return loop(f, node, depth)
    if isinstance(op, Get) and isinstance(node.inputs[0].op, Branch):
        return branch(f, node, depth)
    if isinstance(op, Get):
        producer = node.inputs[0]
        parts = [f.written(x, depth)[0] for x in producer.inputs]
        text, _ = f.function(producer.op, parts)
        return f.at(text, (str(op.index),)) if f.latex else f"{text}[{op.index}]", ATOM
    return None


def matrix(rows: Sequence[Sequence[str]]) -> str:
    """A matrix in LaTeX."""
    inner = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{pmatrix}} {inner} \end{{pmatrix}}"


# Sums.


def reduction(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """A sum, product or extreme over axes."""
    op, x = node.op, node.inputs[0]
    big = BIG.get(type(op))
    if f.latex and big is not None:
        bound = f.letters(len(op.axes))
        own = iter(bound)
        rest = iter(index if index is not None else ())
        if index is None and len(op.axes) < x.ndim:
            rest = iter(outer := f.within(bound).letters(x.ndim - len(op.axes)))
        inside = tuple(next(own) if k in op.axes else next(rest) for k in range(x.ndim))
        letters = bound if index is not None else tuple(dict.fromkeys(inside))
        text, level = f.within(letters).written(x, depth, index=inside)
        text = text if level > SUM else f.brackets(text)
        limits = "".join(_limit(big, i, x.shape[a]) for i, a in zip(bound, op.axes))
        found = f"{limits} {text}"
        if index is None and len(op.axes) < x.ndim:
            return f.at(f.brackets(found), outer), ATOM
        return found, SUM
    if index is not None:
        return None
    whole = len(op.axes) == x.ndim
    axes = "" if whole else f", axis={op.axes[0] if len(op.axes) == 1 else op.axes}"
    inner = f.written(x, depth)[0]
    if f.latex:
        return f.call(op.name, [inner]), ATOM
    return f"{op.name}({inner}{axes})", ATOM


def _limit(big: str, letter: str, size: object) -> str:
    if isinstance(size, int):
        ends = rf"_{{{letter} = 1}}^{{{size}}}"
        return big + (ends if big in (r"\sum", r"\prod") else f"_{{{letter}}}")
    return f"{big}_{{{letter}}}"


def sum_to(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """A sum over leading axes."""
    if index is not None:
        return None
    x = node.inputs[0]
    lead = x.ndim - len(node.op.shape)
    axes = f", axis={lead - 1 if lead == 1 else tuple(range(lead))}" if lead else ""
    inner = f.written(x, depth)[0]
    return (f.call("sum", [inner]) if f.latex else f"sum({inner}{axes})"), ATOM


def log_sum_exp(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """The logarithm of a sum of exponentials."""
    return f.call("logsumexp", [f.written(node.inputs[0], depth)[0]]), ATOM


# Matrices.


def contract(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """A product of matrices or vectors, or a sum of products by its subscripts."""
    op, (first, second) = node.op, node.inputs
    turned = TRANSPOSED_PRODUCTS.get(op.subscripts, (False, False))
    plain = op.subscripts in MATRIX_PRODUCTS or any(turned)
    if plain and not (f.latex and op.subscripts == "i,i->"):
        left, right = (
            _transposed(f, f.bound(x, depth, ATOM)) if turn
            else f.bound(x, depth, level)
            for x, turn, level in zip((first, second), turned, (PRODUCT, SIGN))
        )  # fmt: skip
        text = rf"{left} \, {right}" if f.latex else f"{left} @ {right}"
        return (text, PRODUCT) if index is None else (f.at(f.brackets(text), index), ATOM)
    if plain:
        left, right = f.bound(first, depth, ATOM), f.bound(second, depth, SIGN)
        return rf"{_transposed(f, left)} {right}", PRODUCT
    if not f.latex:
        parts = ", ".join(f.written(x, depth)[0] for x in (first, second))
        return f'einsum("{op.subscripts}", {parts})', ATOM
    inputs, _, out = op.subscripts.partition("->")
    names = dict(zip(out, index)) if index is not None else {}
    fresh = f.letters(len(set(inputs) - {","}))
    for letter in dict.fromkeys(inputs.replace(",", "")):
        names.setdefault(letter, next(c for c in fresh if c not in names.values()))
    inner = f.within(list(names.values()))
    texts = [
        _factor(inner, x, depth, tuple(names[c] for c in part))
        for x, part in zip((first, second), inputs.split(","))
    ]
    summed = [c for c in dict.fromkeys(inputs.replace(",", "")) if c not in out]
    limits = "".join(rf"\sum_{{{names[c]}}} " for c in summed)
    text = limits + r"\, ".join(texts)
    if index is None and out:
        return f.at(f.brackets(text), tuple(names[c] for c in out)), ATOM
    return text, SUM if summed else PRODUCT


def _factor(f: Formula, x: Node, depth: int, index: Index) -> str:
    text, level = f.written(x, depth, index=index)
    return text if level == ATOM else f.brackets(text)


def _transposed(f: Formula, text: str) -> str:
    return rf"{text}^{{\top}}" if f.latex else f"{text}.T"


def transpose(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """A transposed matrix."""
    if index is not None:
        return None
    return _transposed(f, f.bound(node.inputs[0], depth, ATOM)), ATOM


def inverse(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """An inverse matrix."""
    base = f.bound(node.inputs[0], depth, ATOM)
    if f.latex:
        return f"{base}^{{-1}}", POWER
    return f"inv({f.written(node.inputs[0], depth)[0]})", ATOM


def solve(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """The solution of a linear system."""
    if not f.latex:
        return None
    a, b = node.inputs[:2]
    return rf"{f.bound(a, depth, ATOM)}^{{-1}} {f.bound(b, depth, SIGN)}", PRODUCT


def concatenate(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int]:
    """Tensors next to each other, a matrix of them in LaTeX."""
    parts = [f.written(x, depth)[0] for x in node.inputs]
    if f.latex:
        return matrix([[part] for part in parts] if node.op.axis == 0 else [parts]), ATOM
    axis = f", axis={node.op.axis}" if node.op.axis else ""
    stacked = all(isinstance(x.op, ops.ExpandDims) and x.shape[node.op.axis] == 1
                  for x in node.inputs)  # fmt: skip
    return f"{'stack' if stacked else 'concatenate'}([{', '.join(parts)}]{axis})", ATOM


# Elements.


def slices(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int]:
    """Elements by slices."""
    op, x = node.op, node.inputs[0]
    if index is not None:
        places = zip(index, op.starts, op.steps, op.sizes)
        return f.written(x, depth, index=tuple(_place(f, *place) for place in places))
    parts = slice_text(op, x)
    return f.index(x, [f.name(p) if f.latex and "." in p else p for p in parts], depth), ATOM


def _place(f: Formula, letter: str, start: object, step: int, size: object) -> str:
    """The index in a tensor of the element with an index in a slice of it."""
    if size == 1:
        return f.name(str(start + 1))  # indices are counted from 1
    sign = "-" if step < 0 else ""
    text = f"{sign}{abs(step) if abs(step) > 1 else ''}{letter}"
    if start == 0:
        return text
    first = f.name(str(start)) if f.latex and not isinstance(start, int) else str(start)
    return f"{first} - {text[1:]}" if text.startswith("-") else f"{text} + {first}"


def gather(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int]:
    """Elements by arrays of indices."""
    op, (x, *places) = node.op, node.inputs
    if index is not None:
        inside = max(place.ndim for place in places)
        own, rest = index[op.at : op.at + inside], [*index[: op.at], *index[op.at + inside :]]
        found = []
        for axis in range(x.ndim):
            if axis in op.axes:
                place = places[op.axes.index(axis)]
                found.append(f.written(place, depth, index=own[inside - place.ndim :])[0])
            else:
                found.append(rest.pop(0))
        return f.written(x, depth, index=tuple(found))
    parts = [":"] * x.ndim
    for axis, place in zip(op.axes, places):
        parts[axis] = f.bound(place, depth, OR)
    while parts[-1:] == [":"]:
        parts.pop()
    return f.index(x, parts, depth), ATOM


def slice_text(op: ops.Slice, x: Node) -> list[str]:
    """Slices as they are written, without those of whole axes at the end."""
    parts = []
    for start, step, size, n in zip(op.starts, op.steps, op.sizes, x.shape):
        if size == n and step == 1:
            parts.append(":")
        elif size == 1:
            parts.append(_range(start, 1, 0, n).partition(":")[0] or "0")
        else:
            parts.append(_range(start, step, size, n))
    while parts[-1:] == [":"]:
        parts.pop()
    return parts


def _range(start: Size, step: int, size: Size, n: Size) -> str:
    """start:stop:step. Where a name is among the sizes, the stop is what it is if it is large."""
    names = sorted(set().union(*map(size_names, (start, size, n))))
    large = {name: LARGE + k for k, name in enumerate(names)}
    first, count, length = (size_value(k, large) for k in (start, size, n))
    stop = first + step * count
    begin = "" if first == (0 if step > 0 else length - 1) else _end(start, first, length)
    if length - step <= stop - step < length if step > 0 else stop < 0:
        end = ""
    else:
        end = _end(start + step * size, stop, length)
    tail = f":{step}" if step != 1 else ""
    return f"{begin}:{end if len(end) <= LONGEST_SIZE else '...'}{tail}"


def _end(size: Size, value: int, length: int) -> str:
    """A place in an axis: a number from its start or its end, if that is near, else as it is."""
    if value < LARGE / 2:
        return str(value)
    return str(value - length) if length - value < LARGE / 2 else str(size)


def iota(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int]:
    """0, 1, ... along an axis; the index itself, which is counted from 1 in LaTeX."""
    if index is not None and index[0].isalpha():
        return f"{index[0]} - 1", SUM
    return f.call("arange", [f.name(str(node.op.size))]), ATOM


# Cases.


def where(f: Formula, node: Node, depth: int, index: Index | None) -> tuple[str, int] | None:
    """One of two tensors, element by element."""
    if not f.latex:
        return None
    condition, yes, no = (f.bound(x, depth, OR, index) for x in node.inputs)
    return _cases([(yes, condition), (no, OTHERWISE)]), ATOM


def _cases(rows: Sequence[tuple[str, str]]) -> str:
    texts = (when if when == OTHERWISE else rf"\text{{if }} {when}" for _, when in rows)
    lines = r" \\ ".join(f"{value} & {text}" for (value, _), text in zip(rows, texts))
    return rf"\begin{{cases}} {lines} \end{{cases}}"


def choice(f: Formula, node: Node, depth: int) -> tuple[str, int]:
    """One of several tensors, by a condition or an index."""
    selector, *values = node.inputs
    return _alternatives(f, selector, [f.written(x, depth)[0] for x in values], depth)


def branch(f: Formula, node: Node, depth: int) -> tuple[str, int]:
    """One of several bodies, as what it computes."""
    producer = node.inputs[0]
    selector, *given = producer.inputs
    values = []
    for body in producer.op.bodies:
        inner = _inside(f, body, given, depth)
        values.append(inner.written(body.outputs[node.op.index], depth)[0])
    return _alternatives(f, selector, values, depth)


def _alternatives(
    f: Formula, selector: Node, values: Sequence[str], depth: int
) -> tuple[str, int]:
    condition = f.written(selector, depth)[0]
    if not f.latex:
        return f"ifelse({', '.join([condition, *values])})", ATOM
    if selector.dtype == "bool":
        return _cases([(values[0], condition), (values[1], OTHERWISE)]), ATOM
    rows = [(value, f"{condition} = {k}") for k, value in enumerate(values)]
    return _cases(rows), ATOM


def _inside(f: Formula, body: Closed, given: Sequence[Node], depth: int) -> Formula:
    """The writer of a body whose parameters are what is given."""
    names = dict(f.names)
    for own, x in zip(body.parameters, given):
        names[own] = Written(f.bound(x, depth, ATOM))
    return replace(f, names=names)


# Loops.


def loop(f: Formula, node: Node, depth: int) -> tuple[str, int]:
    """A result of a loop by its recursion: `s[n] with s[0] = a, s[t + 1] = f(s[t])`."""
    producer, result = node.inputs[0], node.op.index
    op: Loop = producer.op
    names = {x: Written(text) for x, text in _parameters(f, producer, depth).items()}
    inner = replace(f, names={**f.names, **names})
    start, _, _ = op.split_inputs(producer.inputs)
    following, stacked, stop = op.split_outputs()
    read = op.inputs_read(result)
    carried = [k for k in range(op.carries) if k in read or k == result]
    laws = []
    for k in carried:
        first, step = _element(f, _carry(op, k), "0"), _element(f, _carry(op, k), "t + 1")
        laws.append(f"{first} = {f.written(start[k], depth)[0]}")
        laws.append(f"{step} = {inner.written(following[k], depth)[0]}")
    if stop is not None:
        until = inner.written(stop, depth)[0]
        laws.append(rf"\text{{until }} {until}" if f.latex else f"until {until}")
    steps = "n" if op.steps is None or op.counted or stop is not None else f.name(str(op.steps))
    if result < op.carries:
        what = _element(f, _carry(op, result), steps if len(steps) < 12 else "n")
    elif result < op.carries + op.stacked:
        text = inner.written(stacked[result - op.carries], depth)[0]
        what = rf"\left({text}\right)_{{t < {steps}}}" if f.latex else f"[{text} for t < {steps}]"
    else:
        what = "n"
    if not laws:
        return what, ATOM
    joined = (r",\; " if f.latex else ", ").join(laws)
    between = r" \text{ with } " if f.latex else " with "
    return what + between + joined, OR


def _carry(op: Loop, k: int) -> str:
    return CARRIES[k] if op.carries <= len(CARRIES) else f"s{k}"


def _element(f: Formula, name: str, at: str) -> str:
    return f"{f.name(name)}_{{{at}}}" if f.latex else f"{name}[{at}]"


def _parameters(f: Formula, producer: Node, depth: int) -> dict[Node, str]:
    """The texts of the parameters of a loop's body in step t."""
    op = producer.op
    carries, sequences, invariants = op.split_inputs(op.body.parameters)
    _, read, fixed = op.split_inputs(producer.inputs)
    found = {x: _element(f, _carry(op, k), "t") for k, x in enumerate(carries)}
    for own, x in zip(sequences, read):
        base = f.bound(x, depth, ATOM)
        found[own] = f.at(base, ("t",))
    found |= {own: f.bound(x, depth, ATOM) for own, x in zip(invariants, fixed)}
    return found


_WRITERS = {
    ops.Contract: contract, ops.Transpose: transpose, ops.Inv: inverse, ops.Solve: solve,
    ops.SumTo: sum_to, ops.Concatenate: concatenate, ops.Slice: slices, ops.Gather: gather,
    ops.Where: where, ops.LogSumExp: log_sum_exp, ops.Iota: iota,
}  # fmt: skip
