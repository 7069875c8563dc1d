"""Indexing: x[key] by NumPy's rules, x.at[key].set(v) and its kin, take.

A key is parsed once, into a slice of each axis (a view) followed by one gather over the axes that
integer arrays index. Writing applies the same two steps in reverse order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import (
    Const,
    GraphError,
    GraphIndexError,
    Node,
    TensorLike,
    as_tensor,
    line_of,
    located,
    make,
)
from probtensor.graph.symbolic import refusal
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.indexing.gather import Gather, Scatter
from probtensor.ops.indexing.places import nonzero_of
from probtensor.ops.indexing.slicing import SetSlice, Slice, normal_slice, slice_laws
from probtensor.ops.kinds import as_tensor_of, method, operator
from probtensor.ops.reductions.folds import described
from probtensor.types import Dim, ShapeError, Size, SizeCheck, broadcast_shapes, is_size


@dataclass(frozen=True)
class Key:
    """A parsed key: a slice of each axis, the axes that arrays index (after slicing), the arrays,
    the position of their common shape in the result, and the new axes. `widened` are axes of size 1
    that the tensor has been given before, for masks without axes to index."""

    slices: tuple[tuple[Size, int, Size], ...]
    axes: tuple[int, ...]
    arrays: tuple[Node, ...]
    at: int
    dropped: tuple[int, ...]
    added: tuple[int, ...]
    widened: tuple[int, ...] = ()


def parse_key(x: Node, key: object) -> tuple[Node, Key]:
    """x[key] parsed by NumPy's rules, and x with the axes and size checks that the key requires."""
    x, parts, widened = _spelled_out(x, key)
    pairs = zip((part for part in parts if _axes_used(part)), x.shape, strict=True)
    laws = [law for part, n in pairs if isinstance(part, slice) for law in slice_laws(part, n)]
    return asked_for(x, "x[...]", *laws), replace(_taken_apart(x, parts), widened=widened)


def _taken_apart(x: Node, parts: Sequence[object]) -> Key:
    slices, indexed, dropped, layout = [], [], [], []
    axis = 0
    for part in parts:
        if not _axes_used(part):
            layout.append("new" if part is None else "nothing")
            continue
        n = x.shape[axis]
        if isinstance(part, slice):
            slices.append(_slice(part, n, x))
            layout.append("slice")
        elif isinstance(part, Node):
            slices.append((0, 1, n))
            indexed.append((axis, from_front(part, n, x, axis)))
            layout.append("array")
        else:
            slices.append((_single(part, n, x, axis), 1, 1))
            dropped.append(axis)
            layout.append("number")
        axis += 1
    return _assembled(slices, indexed, dropped, layout)


def _assembled(slices, indexed, dropped, layout) -> Key:
    if not indexed:
        # Positions of new axes in the result, which has no axes for single integers.
        result = [mark for mark in layout if mark in ("slice", "new")]
        added = tuple(k for k, mark in enumerate(result) if mark == "new")
        return Key(tuple(slices), (), (), 0, tuple(dropped), added)
    # NumPy treats single integers as index arrays when it tests whether these are adjacent, and an
    # ellipsis between them separates them even if it stands for no axes.
    advanced = [k for k, mark in enumerate(layout) if mark in ("array", "number")]
    adjacent = advanced == list(range(advanced[0], advanced[-1] + 1))
    try:
        shape = broadcast_shapes(*(index.shape for _, index in indexed))
    except ShapeError as error:
        text = f"x[...]: index arrays of sizes {error} do not broadcast"
        raise GraphIndexError(located(text)) from None
    kept = [mark for mark in layout if mark in ("slice", "new")]
    ahead = len([mark for mark in layout[: advanced[0]] if mark in ("slice", "new")])
    before, after = (kept[:ahead], kept[ahead:]) if adjacent else ([], kept)
    marks = [*before, *["block"] * len(shape), *after]
    added = tuple(k for k, mark in enumerate(marks) if mark == "new")
    gone = set(dropped)
    axes = tuple(axis - len([d for d in gone if d < axis]) for axis, _ in indexed)
    at = len([mark for mark in before if mark == "slice"])
    arrays = tuple(ops.broadcast_to(index, shape) for _, index in indexed)
    return Key(tuple(slices), axes, arrays, at, tuple(dropped), added)


def _spelled_out(x: Node, key: object) -> tuple[Node, list[object], tuple[int, ...]]:
    """The key as one part for each axis of x, None for new axes, without masks; x, and the axes
    that it was given for masks without axes. Of an ellipsis for no axes `...` remains."""
    found = [_index_part(part, x) for part in (key if isinstance(key, tuple) else (key,))]
    used = sum(map(_axes_used, found))
    if used > x.ndim:
        raise GraphError(f"x[...]: {used} indices for {x.ndim} axes of {x.type}{described(x)}")
    fill = [slice(None)] * (x.ndim - used)
    holes = [k for k, part in enumerate(found) if part is Ellipsis]
    if len(holes) > 1:
        raise GraphError("x[...]: more than one '...' in the key")
    hole = holes[0] if holes else len(found)
    fill = fill or ([Ellipsis] if holes else [])
    return _without_masks(x, found[:hole] + fill + found[hole + len(holes) :])


def _is_mask(part: object) -> bool:
    return isinstance(part, Node) and part.dtype == "bool"


def _axes_used(part: object) -> int:
    """The number of axes of the tensor that a part of a key indexes."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if _is_mask(part) else 1


def _without_masks(
    x: Node, parts: Sequence[object]
) -> tuple[Node, list[object], tuple[int, ...]]:
    """The parts with masks replaced by index arrays. The axes that a mask indexes must have its
    sizes: sizes known only at a call are checked then. A mask without axes indexes an axis of size
    1 that x gets for it."""
    found: list[object] = []
    widened = []
    sizes = list(x.shape)
    laws: list[SizeCheck] = []
    axis = 0
    for part in parts:
        if not _is_mask(part):
            found.append(part)
            axis += _axes_used(part)
            continue
        mask = part
        if not mask.ndim:
            widened.append(axis)
            sizes.insert(axis, 1)
            mask = ops.expand_dims(mask, 0) if not isinstance(mask.op, Const) else (
                as_tensor(mask.op.array[None]))
        laws += _mask_laws(mask, x, axis, sizes)
        if isinstance(mask.op, Const):
            found += [as_tensor(positions) for positions in np.nonzero(mask.op.array)]
        else:
            found += nonzero_of(mask, None, None, "x[mask]")
        axis += mask.ndim
    x = ops.expand_dims(x, tuple(widened)) if widened else x
    x = x if tuple(sizes) == x.shape else make(ops.Sized(tuple(sizes)), (x,))
    return asked_for(x, "x[mask]", *laws), found, tuple(widened)


def _mask_laws(mask: Node, x: Node, axis: int, sizes: list[Size]) -> Iterator[SizeCheck]:
    """That the axes from `axis` on have the sizes of a mask; where the mask knows what x does not,
    it is entered in `sizes`."""
    for k, m in enumerate(mask.shape, axis):
        n = sizes[k]
        if isinstance(m, int) and isinstance(n, int) and n != m:
            text = f"x[mask]: the mask has size {m} along axis {k}, of size {n}, of {x.type}"
            raise GraphIndexError(located(f"{text}\n  x was made at {line_of(x)}"))
        if isinstance(m, int):
            sizes[k] = m
        elif n != m:
            text = ("the mask has size ", m, f" along axis {k}, of size ", n)
            yield SizeCheck(n, "==", m, text, IndexError)


def _index_part(part: object, x: Node) -> object:
    if part is None or part is Ellipsis or isinstance(part, (slice, Dim)):
        return part
    if is_size(part):
        return int(part)
    try:
        index = as_tensor(part)
    except GraphError as error:
        raise type(error)(f"x[...]: {str(error).splitlines()[0]}{described(x)}") from None
    if isinstance(part, (list, tuple)) and len(part) == 0:
        index = as_tensor(np.zeros(0, "int64"))
    if index.type.is_float:
        shown = f" {part!r:.60}" if not isinstance(part, Node) else ""
        raise GraphError(
            f"x[...]: indices must be integers or bools, not {index.dtype}{shown}{described(x)}"
            "\n  convert it with int(...) or .astype('int64')"
        )
    return index


def _slice(part: slice, n: Size, x: Node) -> tuple[Size, int, Size]:
    try:
        return normal_slice(part, n)
    except GraphError as error:
        raise GraphError(f"x[...]: {error}{described(x)}") from None


def _single(index: Size, n: Size, x: Node, axis: int) -> Size:
    if isinstance(index, int) and isinstance(n, int) and not -n <= index < n:
        raise _outside(index, n, x, axis)
    return index + n if isinstance(index, int) and index < 0 else index


def _outside(index: int, n: int, x: Node, axis: int) -> GraphIndexError:
    text = f"x[...]: index {index} is outside axis {axis} of size {n} of {x.type}"
    return GraphIndexError(text + described(x))


def from_front(index: Node, n: Size, x: Node, axis: int) -> Node:
    """A constant index array into an axis of fixed size, checked, with its negative indices counted
    from the front. Any other array is returned as it is, and checked by the call."""
    if not isinstance(index.op, Const) or index.size == 0 or not isinstance(n, int):
        return index
    values = index.op.array
    wrong = values[(values >= n) | (values < -n)]
    if wrong.size:
        raise _outside(wrong.flat[0], n, x, axis)
    if not (values < 0).any():
        return index
    values = values.astype("int64")
    return as_tensor(np.where(values < 0, values + n, values))


@operator("getitem")
@public(name="x[...]")
def getitem(x: TensorLike, key: object) -> Node:
    """x[key] by NumPy's rules: integers, slices, None, ..., integer arrays, masks. Bounds of slices
    may be integer tensors. With these, and with masks that are computed, the values decide sizes.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for an invalid key; IndexError for an index out of bounds.

        >>> pt.getitem([10.0, 20.0, 30.0], slice(1, None)).eval()
        array([20., 30.])
    """
    x, parsed = parse_key(as_tensor(x), key)
    return _read(x, parsed)


def _read(x: Node, parsed: Key) -> Node:
    out = _sliced(x, parsed)
    if parsed.axes:
        out = make(Gather(parsed.axes, parsed.at), (out, *parsed.arrays))
    return ops.expand_dims(out, parsed.added) if parsed.added else out


def _sliced(x: Node, key: Key) -> Node:
    is_identity = all(part == (0, 1, n) for part, n in zip(key.slices, x.shape, strict=True))
    out = x if is_identity else make(Slice(*zip(*key.slices)), (x,))
    return ops.squeeze(out, key.dropped) if key.dropped else out


# Writing.


class At:
    """`x.at[key]`: copies of x with elements x[key] changed. x itself never changes."""

    __slots__ = ("key", "x")

    def __init__(self, x: Node, key: object = Ellipsis) -> None:
        self.x, self.key = x, key

    def __getitem__(self, key: object) -> At:
        return At(self.x, key)

    def __setitem__(self, key: object, value: TensorLike) -> None:
        raise _no_write(self, "no item can be assigned")

    def __getattr__(self, name: str) -> object:
        raise _no_write(self, f"there is no {name!r}", AttributeError)

    @public(name="x.at[key].get")
    def get(self) -> Node:
        """x[key]."""
        return getitem(self.x, self.key)

    @public(name="x.at[key].set")
    def set(self, value: TensorLike) -> Node:
        """x with x[key] set to `value`; of repeated indices the last one counts."""
        return write(self.x, self.key, value, "set")

    @public(name="x.at[key].add")
    def add(self, value: TensorLike) -> Node:
        """x with `value` added to x[key], once for each repetition of an index."""
        return write(self.x, self.key, value, "add")

    @public(name="x.at[key].multiply")
    def multiply(self, value: TensorLike) -> Node:
        """x with x[key] multiplied by `value`, once for each repetition of an index."""
        return write(self.x, self.key, value, "mul")

    @public(name="x.at[key].max")
    def max(self, value: TensorLike) -> Node:
        """x with the larger of x[key] and `value` at the key."""
        return write(self.x, self.key, value, "max")

    @public(name="x.at[key].min")
    def min(self, value: TensorLike) -> Node:
        """x with the smaller of x[key] and `value` at the key."""
        return write(self.x, self.key, value, "min")


def _no_write(at: At, what: str, kind: type[Exception] = TypeError) -> Exception:
    hint = "write y = x.at[key].set(value); set, add, multiply, max, min and get follow a key"
    return refusal(f"{at.x.described}.at: {what}", at.x.birthplace, hint, kind=kind)


method(property(At), "at")

COMBINE = {
    "set": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": lambda old, new: ops.maximum(old, new),
    "min": lambda old, new: ops.minimum(old, new),
}


def write(x: TensorLike, key: object, value: TensorLike, mode: str) -> Node:
    """x with `value`, which broadcasts to x[key], combined into x[key] by `mode`. The result has
    the dtype of x."""
    x = as_tensor(x)
    mask = _computed_mask(key)
    if mask is not None and _is_one_value(value, x, mask):
        return _write_where(x, mask, _written(value, x, mode), mode)
    x, parsed = parse_key(x, key)
    wanted = _read(x, parsed).shape
    value = _written(value, x, mode)
    if value.ndim > len(wanted):
        extra = value.ndim - len(wanted)
        value = ops.squeeze(value, tuple(range(extra)))
    value = ops.broadcast_to(value, wanted)
    if parsed.added:
        value = ops.squeeze(value, parsed.added)
    region = _sliced(x, parsed)
    if parsed.axes:
        scatter = Scatter(parsed.axes, parsed.at, mode)
        value = make(scatter, (region, value, *parsed.arrays))
    else:
        value = COMBINE[mode](region, value)
    if region is not x:
        value = ops.expand_dims(value, parsed.dropped) if parsed.dropped else value
        value = make(SetSlice(*zip(*parsed.slices)), (x, value))
    return ops.squeeze(value, parsed.widened) if parsed.widened else value


def _written(value: TensorLike, x: Node, mode: str) -> Node:
    """The value written into x, in the dtype of x. Python numbers must fit in it, and only integers
    may be combined with integers, as in NumPy."""
    integers = not x.type.is_float and x.dtype != "bool"
    if mode != "set" and integers and as_tensor(value).type.is_float:
        text = f"x.at[...]: {mode} of {as_tensor(value).dtype} to {x.dtype} would lose fractions"
        raise GraphError(located(f"{text}\n  cast one of the two with .astype"))
    return as_tensor_of(value, x.dtype, "x.at[...]")


def _computed_mask(key: object) -> Node | None:
    """The key if it is a mask that is not a literal; None for any other key."""
    only = key[0] if isinstance(key, tuple) and len(key) == 1 else key
    computed = isinstance(only, Node) and only.dtype == "bool" and not isinstance(only.op, Const)
    return only if computed else None


def _is_one_value(value: TensorLike, x: Node, mask: Node) -> bool:
    """Whether the value is the same for all places of a mask over the first axes of x."""
    shape = as_tensor(value).shape
    return all(n == 1 for n in shape[: max(0, len(shape) - (x.ndim - mask.ndim))])


def _write_where(x: Node, mask: Node, value: Node, mode: str) -> Node:
    """x with one `value` combined into every element at which a mask over the first axes is True.
    Unlike x[mask] this has a shape that does not depend on values."""
    if mask.ndim > x.ndim:
        raise GraphError(
            f"x.at[mask]: a mask {mask.type} does not fit the first axes of {x.type}"
            f"\n  the mask was made at {line_of(mask)}"
        )
    sizes = list(x.shape)
    laws = list(_mask_laws(mask, x, 0, sizes))
    x = x if tuple(sizes) == x.shape else make(ops.Sized(tuple(sizes)), (x,))
    x = asked_for(x, "x.at[mask]", *laws)
    extra = max(0, value.ndim - (x.ndim - mask.ndim))
    value = ops.squeeze(value, tuple(range(extra))) if extra else value
    value = ops.broadcast_to(value, x.shape[mask.ndim :])
    chosen = ops.expand_dims(mask, tuple(range(mask.ndim, x.ndim)))
    return ops.where(ops.broadcast_to(chosen, x.shape), COMBINE[mode](x, value), x)


@public
def set_subtensor(place: Node, value: TensorLike) -> Node:
    """For a `place` x[key], x with x[key] set to `value` (Theano's name; see also x.at[key].set).

    Returns a tensor of the type of x.
    Raises GraphError, a TypeError, if `place` is not of the form x[key], and for a value that does
    not broadcast to it.

        >>> x = pt.vector("x")
        >>> pt.set_subtensor(x[0], 7.0).eval({x: [1.0, 2.0]})
        array([7., 2.])
    """
    return _write_through(place, value, "set")


@public
def inc_subtensor(place: Node, value: TensorLike) -> Node:
    """For a `place` x[key], x with `value` added to x[key] (see also x.at[key].add).

    Returns a tensor of the type of x.
    Raises GraphError, a TypeError, if `place` is not of the form x[key], and for a value that does
    not broadcast to it.

        >>> x = pt.vector("x")
        >>> pt.inc_subtensor(x[0], 7.0).eval({x: [1.0, 2.0]})
        array([8., 2.])
    """
    return _write_through(place, value, "add")


def _write_through(place: Node, value: TensorLike, mode: str) -> Node:
    """Writes `value` through the views and the gather that x[key] consists of, innermost last."""
    value = ops.broadcast_to(_written(value, place, mode), place.shape)
    node, combined = place, False
    while True:
        op = node.op
        if isinstance(op, ops.ExpandDims) and not combined:
            value = ops.squeeze(value, op.axes)
        elif isinstance(op, Gather) and op.mode == "raise" and not combined:
            scatter = Scatter(op.axes, op.at, mode)
            value = make(scatter, (node.inputs[0], value, *node.inputs[1:]))
            combined = True
        elif isinstance(op, ops.DropAxes):
            value = ops.expand_dims(value, op.axes)
        elif isinstance(op, Slice):
            old = ops.zeros_like(node) if combined else node
            new = value if combined else COMBINE[mode](old, value)
            return make(SetSlice(op.starts, op.steps, op.sizes), (node.inputs[0], new))
        else:
            break
        node = node.inputs[0]
    # An axis that the key itself may have put in, for a mask without axes.
    if not combined or isinstance(node.op, ops.ExpandDims):
        raise GraphError(f"set_subtensor: {place!r} is not made as x[key]; use x.at[key].set(v)")
    return value
