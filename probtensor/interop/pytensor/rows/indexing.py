"""Reading and changing parts of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph import Node
from probtensor.interop.pytensor.rows.arrays import vector
from probtensor.interop.pytensor.translate import Translator, number, row, sizes_of, stacked
from probtensor.transform.batch import vectorize


def index_of(t: Translator, apply: Any, first: int, x: Node) -> tuple[object, ...]:
    """The key of an indexing op, whose entries are its inputs from number `first` on.

    An entry of the op's list is the number of one of them, or the type of the next one, as it was
    in earlier versions of PyTensor.
    """
    given = apply.inputs[first:]
    flat = iter(given)
    axis, key = 0, []
    for entry in apply.op.idx_list:
        found = _entry(t, entry, given, flat)
        if isinstance(found, slice) and isinstance(found.step, Node):
            found = _places(found, x.shape[axis])
        key.append(found)
        axis += found.ndim if isinstance(found, Node) and found.dtype == "bool" else 1
    return tuple(key)


def _entry(t: Translator, entry: object, given: Sequence[Any], flat: Iterator[Any]) -> object:
    if isinstance(entry, slice):
        parts = (entry.start, entry.stop, entry.step)
        return slice(*(None if n is None else _read(t, n, given, flat) for n in parts))
    return _read(t, entry, given, flat)


def _read(t: Translator, entry: object, given: Sequence[Any], flat: Iterator[Any]) -> object:
    variable = given[entry] if isinstance(entry, (int, np.integer)) else next(flat)
    found = t.known[variable] if variable in t.known else t.node(variable)
    if not isinstance(found, Node):  # a slice, or None
        return found
    return number(found) if not found.ndim and found.dtype != "bool" else found


def _places(key: slice, size: object) -> Node:
    """The indices that a slice selects of an axis, where its step is known in a call only."""
    n, step = ops.as_tensor(size), key.step
    back = step < 0
    first = ops.where(back, n - 1, 0)
    last = ops.where(back, -1, n)

    def end(given: object, default: Node) -> Node:
        if given is None:
            return default
        given = ops.as_tensor(given)
        given = ops.where(given < 0, given + n, given)
        return ops.clip(given, ops.where(back, -1, 0), ops.where(back, n - 1, n))

    start, stop = end(key.start, first), end(key.stop, last)
    count = ops.maximum((stop - start + step - ops.sign(step)) // step, 0)
    return start + step * ops.arange(count)


@row("Subtensor", "AdvancedSubtensor", "AdvancedSubtensor1", "AdvancedBooleanSubtensor",
     "ScalarSubtensor")  # fmt: skip
def subtensor(t: Translator, apply: Any, x: Node, *_: Node) -> Node:
    """x[key]."""
    key = index_of(t, apply, 1, x)
    parts = stacked(x)  # the sizes of a tensor, most often
    if parts is not None and len(key) == 1 and _is_known(key[0]):
        entries = parts[key[0]]
        return vector(entries) if isinstance(entries, tuple) else entries
    return x[key]


def _is_known(key: object) -> bool:
    if isinstance(key, slice):
        return not any(isinstance(n, Node) for n in (key.start, key.stop, key.step))
    return isinstance(key, int)


@row("IncSubtensor", "AdvancedIncSubtensor", "AdvancedIncSubtensor1",
     "AdvancedBooleanIncSubtensor")  # fmt: skip
def inc_subtensor(t: Translator, apply: Any, x: Node, y: Node, *_: Node) -> Node:
    """`x` with x[key] set to `y` or increased by it."""
    key = index_of(t, apply, 2, x)
    place = x.at[key]
    y = y.astype(x.dtype)
    op = apply.op
    if getattr(op, "set_instead_of_inc", False):
        return place.set(y)
    if getattr(op, "ignore_duplicates", False):
        return place.set(x[key] + y)
    return place.add(y)


@row("MakeSlice")
def make_slice(t: Translator, apply: Any, *parts: Node | None) -> slice:
    """A slice as an input of another op."""
    return slice(*(None if n is None else number(n) for n in parts))


@row("NoneTypeOp")
def none(t: Translator, apply: Any, *_: Node) -> None:
    """None as an input of another op."""
    return None


@row("Choose")
def choose(t: Translator, apply: Any, a: Node, choices: Node | list[Node]) -> Node:
    """Elements of one of several tensors each."""
    return ops.choose(a, choices, mode=apply.op.mode)


@row("PermuteRowElements")
def permute_row_elements(t: Translator, apply: Any, x: Node, y: Node) -> Node:
    """The elements along the last axis in an order, or put back."""
    return ops.permute_row_elements(x, y, apply.op.inverse)


@row("RavelMultiIndex")
def ravel_multi_index(t: Translator, apply: Any, *inputs: Node) -> Node:
    """Flat indices of indices along axes."""
    *index, dims = inputs
    return ops.ravel_multi_index(index, sizes_of(dims), apply.op.mode, apply.op.order)


@row("UnravelIndex")
def unravel_index(t: Translator, apply: Any, index: Node, dims: Node) -> list[Node]:
    """Indices along axes of flat indices."""
    return list(ops.unravel_index(index, sizes_of(dims), apply.op.order))


@row("ExtractDiag")
def extract_diag(t: Translator, apply: Any, x: Node) -> Node:
    """A diagonal between two axes."""
    op = apply.op
    return ops.diagonal(x, op.offset, op.axis1, op.axis2)


@row("AllocDiag")
def alloc_diag(t: Translator, apply: Any, x: Node) -> Node:
    """A vector along a diagonal of a matrix of zeros: between two given axes, if `x` has others."""
    op = apply.op
    found = vectorize(lambda v: ops.diag(v, op.offset), "(n)->(m,k)")(x)
    return ops.moveaxis(found, (-2, -1), (op.axis1, op.axis2))


@row("FillDiagonal", batched=True)
def fill_diagonal(t: Translator, apply: Any, x: Node, value: Node) -> Node:
    """A matrix with another main diagonal."""
    return ops.fill_diagonal(x, value)


@row("FillDiagonalOffset", batched=True)
def fill_diagonal_offset(t: Translator, apply: Any, x: Node, value: Node, at: Node) -> Node:
    """A matrix with another diagonal."""
    return ops.fill_diagonal_offset(x, value, number(at))
