"""Writing: x.at[key].set(v) and its kin, by NumPy's rules of keys.

A key is a slice of each axis followed by one gather (`index.py`). What is written is combined into
what these two steps read, and the steps are undone in reverse order: a scatter, and a write into
the slice.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import (
    Const,
    GraphError,
    Node,
    TensorLike,
    as_tensor,
    line_of,
    located,
    make,
)
from probtensor.graph.symbolic import refusal
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.indexing.gather import MODES, Gather, Scatter
from probtensor.ops.indexing.index import Key, mask_laws, parse_key, read_by, sliced
from probtensor.ops.indexing.slicing import SetSlice, Slice
from probtensor.ops.kinds import as_tensor_of, method
from probtensor.ops.reductions.folds import described


class At:
    """`x.at[key]`: copies of x with elements x[key] changed. x itself never changes.

    With `unique_indices` the caller promises that no element is indexed twice, from the front or
    from the end: then elements are written in any order, without atomic additions on devices. If
    that is wrong, so are the results at these elements.
    """

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
    def get(self, *, mode: str = "raise") -> Node:
        """x[key]. `mode` is what integers out of bounds do: "raise", "wrap" or "clip"."""
        if mode not in MODES:
            raise GraphError(f"x.at[key].get: mode {mode!r} is not one of {', '.join(MODES)}")
        return read_by(*parse_key(self.x, self.key, mode), mode)

    @public(name="x.at[key].set")
    def set(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with x[key] set to `value`; of repeated indices the last one counts."""
        return write(self.x, self.key, value, "set", unique_indices)

    @public(name="x.at[key].add")
    def add(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with `value` added to x[key], once for each repetition of an index."""
        return write(self.x, self.key, value, "add", unique_indices)

    @public(name="x.at[key].subtract")
    def subtract(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with `value` subtracted from x[key], once for each repetition of an index."""
        return write(self.x, self.key, -as_tensor(value), "add", unique_indices)

    @public(name="x.at[key].multiply")
    def multiply(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with x[key] multiplied by `value`, once for each repetition of an index."""
        return write(self.x, self.key, value, "mul", unique_indices)

    @public(name="x.at[key].divide")
    def divide(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with x[key] divided by `value`. Computed index arrays need `unique_indices`."""
        return write(self.x, self.key, value, "div", unique_indices)

    @public(name="x.at[key].power")
    def power(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with x[key] raised to `value`. Computed index arrays need `unique_indices`."""
        return write(self.x, self.key, value, "pow", unique_indices)

    @public(name="x.at[key].max")
    def max(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with the larger of x[key] and `value` at the key."""
        return write(self.x, self.key, value, "max", unique_indices)

    @public(name="x.at[key].min")
    def min(self, value: TensorLike, *, unique_indices: bool = False) -> Node:
        """x with the smaller of x[key] and `value` at the key."""
        return write(self.x, self.key, value, "min", unique_indices)


def _no_write(at: At, what: str, kind: type[Exception] = TypeError) -> Exception:
    hint = (
        "write y = x.at[key].set(value); set, add, subtract, multiply, divide, power, max, min and"
        " get follow a key"
    )
    return refusal(f"{at.x.described}.at: {what}", at.x.birthplace, hint, kind=kind)


method(property(At), "at")

COMBINE = {
    "set": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "div": lambda old, new: old / new,
    "pow": lambda old, new: ops.power(old, new),
    "max": lambda old, new: ops.maximum(old, new),
    "min": lambda old, new: ops.minimum(old, new),
}
# What is not combined in an order that does not matter: an element once at most.
ONCE = ("div", "pow")


def write(
    x: TensorLike, key: object, value: TensorLike, mode: str, unique: bool = False
) -> Node:
    """x with `value`, which broadcasts to x[key], combined into x[key] by `mode`. The result has
    the dtype of x."""
    x = as_tensor(x)
    mask = _computed_mask(key)
    if mask is not None and _is_one_value(value, x, mask):
        return _write_where(x, mask, _written(value, x, mode), mode)
    x, parsed = parse_key(x, key)
    wanted = read_by(x, parsed).shape
    value = _written(value, x, mode)
    if value.ndim > len(wanted):
        extra = value.ndim - len(wanted)
        value = ops.squeeze(value, tuple(range(extra)))
    value = ops.broadcast_to(value, wanted)
    if parsed.added:
        value = ops.squeeze(value, parsed.added)
    region = sliced(x, parsed)
    value = _combined(region, parsed, value, mode, unique or parsed.distinct)
    if region is not x:
        value = ops.expand_dims(value, parsed.dropped) if parsed.dropped else value
        value = make(SetSlice(*zip(*parsed.slices)), (x, value))
    return ops.squeeze(value, parsed.widened) if parsed.widened else value


def _combined(region: Node, key: Key, value: Node, mode: str, unique: bool) -> Node:
    """What the slices of a key read, with a value combined in at its index arrays."""
    if not key.axes:
        return COMBINE[mode](region, value)
    if mode in ONCE:
        if not unique:
            name = {"div": "divide", "pow": "power"}[mode]
            raise GraphError(
                f"x.at[...].{name}: an element could be indexed twice{described(region)}"
                "\n  pass unique_indices=True if none is"
            )
        old = make(Gather(key.axes, key.at), (region, *key.arrays))
        value, mode = COMBINE[mode](old, value), "set"
    scatter = Scatter(key.axes, key.at, mode, unique)
    return make(scatter, (region, value, *key.arrays))


def _written(value: TensorLike, x: Node, mode: str) -> Node:
    """The value written into x, in the dtype of x. Python numbers must fit in it, and only integers
    may be combined with integers, as in NumPy."""
    integers = not x.dtype.is_inexact and x.dtype != "bool"
    if mode != "set" and integers and (as_tensor(value).type.is_float or mode == "div"):
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
    laws = list(mask_laws(mask, x, 0, sizes))
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
    x[:] and x[...] are x, which is a place if it is not computed. x[None] is all of x, and so is
    x[0] of an axis of size 1.

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
    value = whole = ops.broadcast_to(_written(value, place, mode), place.shape)
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
    if not combined and (isinstance(place.op, ops.ExpandDims | ops.DropAxes) or not place.inputs):
        return _written_whole(place, whole, mode)
    # An axis that the key itself may have put in, for a mask without axes.
    if not combined or isinstance(node.op, ops.ExpandDims):
        name, write = {"set": ("set", "set"), "add": ("inc", "add")}[mode]
        text = f"{name}_subtensor: {place!r} is not made as x[key]; use x.at[key].{write}(v)"
        raise GraphError(text)
    return value


def _written_whole(place: Node, value: Node, mode: str) -> Node:
    """x with `value` combined into all of it, for x[:] of an input, which is x, for x[None], and
    for x[0] of an axis of size 1, which drops the axis."""
    while isinstance(place.op, ops.ExpandDims):
        value, place = ops.squeeze(value, place.op.axes), place.inputs[0]
    if isinstance(place.op, ops.DropAxes):
        value, place = ops.expand_dims(value, place.op.axes), place.inputs[0]
    return COMBINE[mode](place, value)
