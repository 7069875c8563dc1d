"""Which elements of an output may depend on which elements of a tensor, and colourings of these.

The pattern is structural and safe: elements that depend on one another by any path through floats
are in it, whatever the values are. Elementwise ops, views, joins, sums, products and scatters at
literal indices are followed element by element; of all other ops each result depends on all of each
operand (of its item, for routines on the last axes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.graph.node import Const, GraphError, Node, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace, toposort
from probtensor.ops.kinds import Contraction, Core, Elementwise, Join, Reduction, Scatter, View
from probtensor.transform.passes import expand_composites
from probtensor.types import shape_text

Patterns = Mapping[Node, np.ndarray]  # of bools: (*shape of a node, size of the tensor)


def dependences(output: Node, wrt: Node) -> np.ndarray:
    """Whether element i of the output may depend on element k of `wrt`, both in C order: a bool
    matrix of shape (output.size, wrt.size). GraphError for a size that is not known."""
    for x in (output, wrt):
        _require_known(x)
    count = int(np.prod(wrt.shape))
    own = new_input(wrt.name, wrt.dtype, wrt.shape)
    output = expand_composites(replace([output], {wrt: own}))[0]
    wrt = own
    found = {wrt: np.eye(count, dtype=bool).reshape(*wrt.shape, count)}
    for node in toposort([output], [wrt]):
        if node is wrt or not any(x in found for x in node.inputs):
            continue
        if isinstance(node.type, tuple):
            found[node] = _any_of(node, found)
        elif node.type.is_float:
            _require_known(node)
            found[node] = np.broadcast_to(_followed(node, found), (*node.shape, count))
    pattern = found.get(output, np.zeros((1, count), bool))
    return np.array(np.broadcast_to(pattern, (*output.shape, count))).reshape(-1, count)


def _require_known(x: Node) -> None:
    if not isinstance(x.type, tuple) and not all(isinstance(n, int) for n in x.shape):
        raise refusal(
            f"sparsity: {x.described} has shape {shape_text(x.shape)}, whose sizes are not known",
            x.birthplace,
            "declare sizes, as in pt.tensor('x', shape=(100,)), or give sparsity=",
            kind=GraphError,
        )


def _followed(node: Node, found: Patterns) -> np.ndarray:
    """The pattern of a node, of an array shape that broadcasts to its own."""
    op = node.op
    if isinstance(op, Elementwise):
        parts = [_leading(found[x], node.ndim) for x in node.inputs if x in found]
        return np.logical_or.reduce(np.broadcast_arrays(*parts))
    if isinstance(op, Reduction):
        return found[node.inputs[0]].any(axis=op.axes)
    if isinstance(op, Contraction):
        return _contracted(node, found)
    if isinstance(op, Core):
        return _by_item(node, found)
    if isinstance(op, (View, Join)) and _knows_indices(node):
        return _moved(node, found)
    if isinstance(op, Scatter) and _knows_indices(node):
        return _scattered(node, found)
    return _any_of(node, found)


def _leading(pattern: np.ndarray, rank: int) -> np.ndarray:
    """The pattern with axes of size 1 in front, so that its node has `rank` axes."""
    return pattern.reshape((1,) * (rank + 1 - pattern.ndim) + pattern.shape)


def _any_of(node: Node, found: Patterns) -> np.ndarray:
    """All of each operand, for every element of the result."""
    parts = [found[x].reshape(-1, found[x].shape[-1]).any(0) for x in node.inputs if x in found]
    return np.logical_or.reduce(parts)


def _contracted(node: Node, found: Patterns) -> np.ndarray:
    total = None
    letters = node.op.parts()
    for own, x in zip(letters, node.inputs, strict=False):
        if x in found:
            dropped = tuple(k for k, letter in enumerate(own) if letter not in letters[2])
            kept = [letter for letter in own if letter in letters[2]]
            pattern = found[x].any(axis=dropped) if dropped else found[x]
            order = [kept.index(letter) for letter in letters[2] if letter in kept]
            pattern = pattern.transpose(*order, len(kept))
            shape = [n if c in kept else 1 for c, n in zip(letters[2], node.shape, strict=True)]
            pattern = pattern.reshape(*shape, pattern.shape[-1])
            total = pattern if total is None else total | pattern
    return total


def _by_item(node: Node, found: Patterns) -> np.ndarray:
    """For a routine on the last axes: all of the operands' items."""
    names, outs = node.op.signature()
    parts = []
    for core, x in zip(names, node.inputs, strict=True):
        if x in found:
            axes = tuple(range(x.ndim - len(core), x.ndim))
            parts.append(found[x].any(axis=axes))
    batch = np.logical_or.reduce(parts)
    return batch.reshape(*batch.shape[:-1], *(1,) * len(outs[0]), batch.shape[-1])


def _knows_indices(node: Node) -> bool:
    """Whether the operands that are no floats have known values."""
    return all(x.type.is_float or isinstance(x.op, Const) for x in node.inputs)


def _numbered(node: Node, sign: int) -> tuple[list[np.ndarray], int]:
    """Operands that hold the numbers of their elements, from 1 on, times a sign."""
    start, arrays = 1, []
    for x in node.inputs:
        if x.type.is_float:
            _require_known(x)
            size = int(np.prod(x.shape))
            arrays.append(sign * np.arange(start, start + size, dtype=float).reshape(x.shape))
            start += size
        else:
            arrays.append(x.op.array)
    return arrays, start


def _moved(node: Node, found: Patterns) -> np.ndarray:
    """For ops whose elements are elements of their operands or constants: constants do not change
    with the operands' signs."""
    numbered, count = _numbered(node, 1)
    places = np.asarray(node.op.numpy(*numbered))
    other = np.asarray(node.op.numpy(*_numbered(node, -1)[0]))
    places = np.where(places == -other, places, 0).astype(np.int64)
    return _rows(node, found, count)[places]


def _rows(node: Node, found: Patterns, count: int) -> np.ndarray:
    """The pattern of each element of the float operands, by its number; row 0 is of none."""
    width = next(found[x].shape[-1] for x in node.inputs if x in found)
    rows, start = np.zeros((count, width), bool), 1
    for x in node.inputs:
        if x.type.is_float:
            size = int(np.prod(x.shape))
            if x in found:
                rows[start : start + size] = found[x].reshape(size, width)
            start += size
    return rows


def _scattered(node: Node, found: Patterns) -> np.ndarray:
    """The base, and at each place all updates that are written there."""
    base, updates, *indices = node.inputs
    numbered, count = _numbered(node, 1)
    rows = _rows(node, found, count)
    pattern = rows[numbered[0].astype(np.int64)]
    if node.op.mode == "set":
        return _moved(node, found)
    # Updates one after the other: `np.add.at` on their patterns, in the layout of the op.
    numbers = np.broadcast_to(numbered[1], updates.shape).astype(np.int64)
    layout = np.moveaxis(
        numbers,
        range(node.op.at, node.op.at + indices[0].ndim),
        range(indices[0].ndim),
    )
    own = np.moveaxis(np.arange(pattern[..., 0].size).reshape(base.shape), node.op.axes,
                      range(len(node.op.axes)))  # fmt: skip
    places = own[tuple(x.op.array for x in indices)]
    flat = pattern.reshape(-1, pattern.shape[-1])
    np.logical_or.at(flat, places.ravel(), rows[layout.ravel()])
    return flat.reshape(pattern.shape)


def colors(pattern: np.ndarray) -> np.ndarray:
    """A colour for each column, 0, 1, ..., such that no row has two elements of one colour: columns
    in the order of their number of elements, each with the first colour that is free (Curtis,
    Powell and Reid 1974)."""
    count = pattern.shape[1]
    found = np.full(count, -1)
    taken: list[np.ndarray] = []  # for each colour the rows it has
    for k in sorted(range(count), key=lambda k: -int(pattern[:, k].sum())):
        column = pattern[:, k]
        free = (color for color, rows in enumerate(taken) if not (rows & column).any())
        color = next(free, len(taken))
        if color == len(taken):
            taken.append(np.zeros(pattern.shape[0], bool))
        taken[color] |= column
        found[k] = color
    return found


def checked_pattern(given: object, rows: Sequence[int | object], what: str) -> np.ndarray:
    """A pattern from a user, as a bool matrix; GraphError for another shape."""
    array = given.toarray() if hasattr(given, "toarray") else np.asarray(given)
    if array.ndim != 2 or any(isinstance(n, int) and n != m for n, m in zip(rows, array.shape)):
        raise refusal(
            f"{what}: sparsity has shape {shape_text(array.shape)}, not {shape_text(tuple(rows))}",
            "one row for each element of the output, one column for each element of wrt",
            kind=GraphError,
        )
    return array != 0
