"""Reading by NumPy's rules: x[key].

A key is parsed once, into a slice of each axis (a view) followed by one gather over the axes that
integer arrays index. Writing (`writing.py`) applies the same two steps in reverse order.
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
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.indexing.gather import Gather
from probtensor.ops.indexing.places import nonzero_of
from probtensor.ops.indexing.slicing import Slice, normal_slice, slice_laws
from probtensor.ops.kinds import operator
from probtensor.ops.reductions.folds import described
from probtensor.types import Dim, ShapeError, Size, SizeCheck, broadcast_shapes, is_size

# Literal index arrays of more elements are not searched for repetitions.
MAX_COMPARED = 10_000


@dataclass(frozen=True)
class Key:
    """A parsed key: a slice of each axis, the axes that arrays index (after slicing), the arrays,
    the position of their common shape in the result, and the new axes. `widened` are axes of size 1
    that the tensor has been given before, for masks without axes to index. `distinct`: whether no
    element is indexed twice for certain."""

    slices: tuple[tuple[Size, int, Size], ...]
    axes: tuple[int, ...]
    arrays: tuple[Node, ...]
    at: int
    dropped: tuple[int, ...]
    added: tuple[int, ...]
    widened: tuple[int, ...] = ()
    distinct: bool = True


def parse_key(x: Node, key: object, mode: str = "raise") -> tuple[Node, Key]:
    """x[key] parsed by NumPy's rules, and x with the axes and size checks that the key requires.
    With another `mode` (of `Gather`) single integers are arrays too."""
    x, parts, widened, distinct = _spelled_out(x, key)
    if mode != "raise":
        parts = [as_tensor(part) if is_size(part) else part for part in parts]
    pairs = zip((part for part in parts if _axes_used(part)), x.shape, strict=True)
    laws = [law for part, n in pairs if isinstance(part, slice) for law in slice_laws(part, n)]
    found = replace(_taken_apart(x, parts, mode), widened=widened, distinct=distinct)
    return asked_for(x, "x[...]", *laws), found


def _taken_apart(x: Node, parts: Sequence[object], mode: str) -> Key:
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
            index = from_front(part, n, x, axis) if mode == "raise" else part
            indexed.append((axis, index))
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


def _spelled_out(x: Node, key: object) -> tuple[Node, list[object], tuple[int, ...], bool]:
    """The key as one part for each axis of x, None for new axes, without masks; x, and the axes
    that it was given for masks without axes. Of an ellipsis for no axes `...` remains. Last,
    whether no element is indexed twice for certain."""
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
    parts = found[:hole] + fill + found[hole + len(holes) :]
    return *_without_masks(x, parts), _are_distinct(found)


def _are_distinct(parts: Sequence[object]) -> bool:
    """Whether the arrays in a key are those of one mask, or short literals without repetition."""
    arrays = [part for part in parts if isinstance(part, Node) and part.ndim]
    if len(arrays) < 2 and all(map(_is_mask, arrays)):
        return True
    if not all(isinstance(part.op, Const) and not _is_mask(part) for part in arrays):
        return False
    lines = [part.op.array.astype("int64") for part in arrays]
    # -1 and n - 1 are the same place.
    filled = [line for line in lines if line.size]
    if any(line.size > MAX_COMPARED or line.min() < 0 <= line.max() for line in filled):
        return False
    try:
        rows = np.stack([line.ravel() for line in np.broadcast_arrays(*lines)])
    except ValueError:  # they do not broadcast, which is refused elsewhere
        return False
    return np.unique(rows, axis=1).shape == rows.shape


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
        laws += mask_laws(mask, x, axis, sizes)
        if isinstance(mask.op, Const):
            found += [as_tensor(positions) for positions in np.nonzero(mask.op.array)]
        else:
            found += nonzero_of(mask, None, None, "x[mask]")
        axis += mask.ndim
    x = ops.expand_dims(x, tuple(widened)) if widened else x
    x = x if tuple(sizes) == x.shape else make(ops.Sized(tuple(sizes)), (x,))
    return asked_for(x, "x[mask]", *laws), found, tuple(widened)


def mask_laws(mask: Node, x: Node, axis: int, sizes: list[Size]) -> Iterator[SizeCheck]:
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
    return read_by(*parse_key(as_tensor(x), key))


def read_by(x: Node, parsed: Key, mode: str = "raise") -> Node:
    """x[key] for a parsed key."""
    out = sliced(x, parsed)
    if parsed.axes:
        out = make(Gather(parsed.axes, parsed.at, mode), (out, *parsed.arrays))
    return ops.expand_dims(out, parsed.added) if parsed.added else out


def sliced(x: Node, key: Key) -> Node:
    """The slices of a parsed key, without the axes of single integers."""
    is_identity = all(part == (0, 1, n) for part, n in zip(key.slices, x.shape, strict=True))
    out = x if is_identity else make(Slice(*zip(*key.slices)), (x,))
    return ops.squeeze(out, key.dropped) if key.dropped else out
