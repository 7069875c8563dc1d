"""`pad`, by all modes of NumPy's.

Axes are padded one after the other, so that corners are pads of pads. What is put before and after
an axis is joined to it: only that is computed, or read at computed places (reflect and others).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.arrays.views import one_size
from probtensor.ops.reductions.folds import described, one_axis
from probtensor.types import Size, SizeCheck, size_max, size_min

Pair = tuple[object, object]


@public
def pad(
    array: TensorLike,
    pad_width: Size | Sequence | Mapping,
    mode: str = "constant",
    *,
    constant_values: TensorLike | Sequence = 0,
    end_values: TensorLike | Sequence = 0,
    stat_length: Size | Sequence | None = None,
    reflect_type: str = "even",
) -> Node:
    """`array` with elements put before and after it along each axis.

    pad_width        how many: one size for all, a pair (before, after) for all axes, a pair for
                     each axis, or {axis: size or pair}
    mode             "constant": `constant_values`; "edge": the first and last entries;
                     "linear_ramp": from `end_values` to the edges; "maximum", "mean", "median",
                     "minimum": of the `stat_length` entries at the end, or of all; "reflect": the
                     entries mirrored at the first and last one; "symmetric": mirrored behind these,
                     which occur twice; "wrap": the entries from the other end; "empty": zeros here
    constant_values, end_values, stat_length
                     one value for all, a pair, or a pair for each axis
    reflect_type     "odd" mirrors at the value of the edge too: 2 * edge less the mirrored entries

    Sizes may be symbolic, values tensors. The gradient adds up what was copied of each element.

    Returns a tensor of the dtype of `array`.
    Raises GraphError, a TypeError, for another mode, negative sizes, and sizes or values that are
    not those of the axes; ValueError where only a call can tell.

        >>> pt.pad([1.0, 2.0, 3.0], (2, 1), mode="reflect").eval()
        array([3., 2., 1., 2., 3., 2.])
    """
    x = as_tensor(array)
    if not isinstance(mode, str) or mode not in (*_PLACES, *_COMPUTED):
        known = ", ".join(sorted({*_PLACES, *_COMPUTED}))
        raise GraphError(f"pad: mode is one of {known}, not {mode!r:.60}{described(x)}")
    if reflect_type not in ("even", "odd"):
        raise GraphError(f"pad: reflect_type is 'even' or 'odd', not {reflect_type!r:.60}")
    given = {"constant": constant_values, "linear_ramp": end_values}.get(mode, stat_length)
    values = _pairs(given, x, "values" if mode in ("constant", "linear_ramp") else "stat_length")
    for axis, (widths, pair) in enumerate(zip(_widths(pad_width, x), values, strict=True)):
        sides = _Sides(x, axis, *widths, pair)
        if not sides.is_needed:
            continue
        if mode not in ("constant", "empty"):
            sides = sides.filled()
        before, after = (
            _COMPUTED[mode](sides)
            if mode in _COMPUTED
            else _read(sides, mode, reflect_type == "odd" and mode in ("reflect", "symmetric"))
        )
        parts = ops.astype(before, x.dtype), sides.x, ops.astype(after, x.dtype)
        x = ops.concatenate(parts, axis)
    return x


def _widths(pad_width: object, x: Node) -> list[tuple[Size, Size]]:
    """The numbers of entries before and after each axis."""
    if isinstance(pad_width, Mapping):
        by_axis = {one_axis(axis, x, "pad: pad_width"): n for axis, n in pad_width.items()}
        each = [by_axis.get(axis, 0) for axis in range(x.ndim)]
        pairs = [n if isinstance(n, (tuple, list)) else (n, n) for n in each]
    else:
        pairs = _pairs(pad_width, x, "pad_width")
    found = [tuple(one_size(n, "pad: a width") for n in pair) for pair in pairs]
    for pair in found:
        if len(pair) != 2 or any(isinstance(n, int) and n < 0 for n in pair):
            raise GraphError(f"pad: widths are pairs of sizes from 0 on, not {pair}{described(x)}")
    return found


def _pairs(given: object, x: Node, what: str) -> list[Pair]:
    """A value for all, a pair for all axes, or a pair for each axis, as the last of these."""
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if not isinstance(given, (tuple, list)):
        return [(given, given)] * x.ndim
    entries = list(given)
    if any(isinstance(entry, (tuple, list)) for entry in entries):
        entries = entries * x.ndim if len(entries) == 1 else entries
        rows = [e if isinstance(e, (tuple, list)) else (e,) for e in entries]
        pairs = [tuple(row) * 2 if len(row) == 1 else tuple(row) for row in rows]
    else:
        pairs = [tuple(entries) * 2 if len(entries) == 1 else tuple(entries)] * x.ndim
    if len(pairs) != x.ndim or any(len(pair) != 2 for pair in pairs):
        raise GraphError(
            f"pad: {what} is one for all, a pair, or a pair for each of {x.ndim} axes, not "
            f"{given!r:.60}{described(x)}"
        )
    return pairs


@dataclass(frozen=True)
class _Sides:
    """An axis of a tensor, how many entries are put before and after it, and their values."""

    x: Node
    axis: int
    before: Size
    after: Size
    values: Pair

    @property
    def n(self) -> Size:
        return self.x.shape[self.axis]

    @property
    def is_needed(self) -> bool:
        return not all(isinstance(n, int) and n == 0 for n in (self.before, self.after))

    def entries(self, start: Size, size: Size) -> Node:
        """Some entries of the axis."""
        return ops.narrow(self.x, self.axis, start, size)

    def repeated(self, entry: TensorLike, size: Size) -> Node:
        """A number, or an entry of the axis, `size` times."""
        shape = list(self.x.shape)
        shape[self.axis] = size
        return ops.broadcast_to(entry, shape)

    def filled(self) -> _Sides:
        """GraphError if the axis has no entries to read; a call raises ValueError."""
        text = f"axis {self.axis} is empty, and no entry pads it"
        if isinstance(self.n, int) and self.n == 0:
            raise GraphError(f"pad: {text}{described(self.x)}")
        x = asked_for(self.x, "pad", SizeCheck(1, "<=", self.n, (text,)))
        return replace(self, x=x)


def _constant(sides: _Sides) -> tuple[Node, Node]:
    first, last = (ops.astype(as_tensor(v), sides.x.dtype) for v in sides.values)
    return sides.repeated(first, sides.before), sides.repeated(last, sides.after)


def _empty(sides: _Sides) -> tuple[Node, Node]:
    zero = ops.zeros((), sides.x.dtype)
    return sides.repeated(zero, sides.before), sides.repeated(zero, sides.after)


def _edge(sides: _Sides) -> tuple[Node, Node]:
    first, last = sides.entries(0, 1), sides.entries(sides.n - 1, 1)
    return sides.repeated(first, sides.before), sides.repeated(last, sides.after)


def _ramp(sides: _Sides) -> tuple[Node, Node]:
    x, axis = sides.x, sides.axis
    edges = sides.entries(0, 1), sides.entries(sides.n - 1, 1)
    found = []
    for end, edge, width in zip(sides.values, edges, (sides.before, sides.after), strict=True):
        edge = ops.squeeze(edge, axis)
        found.append(ops.linspace(end, edge, width, endpoint=False, dtype=x.dtype, axis=axis))
    return found[0], ops.flip(found[1], axis)


def _of_entries(statistic: Callable[[Node, int], Node]) -> Callable[[_Sides], tuple[Node, Node]]:
    """The padding by a statistic of the entries at each end."""

    def joined(sides: _Sides) -> tuple[Node, Node]:
        found = []
        widths = (sides.before, sides.after)
        for length, width, at_end in zip(sides.values, widths, (False, True), strict=True):
            n = sides.n if length is None else size_min(_length(length), sides.n)
            some = sides.entries(sides.n - n if at_end else 0, n)
            value = statistic(some, sides.axis)
            if sides.x.dtype.kind in "iu":
                value = ops.rint(value)
            found.append(sides.repeated(value, width))
        return found[0], found[1]

    return joined


def _length(length: object) -> Size:
    n = one_size(length, "pad: stat_length")
    if isinstance(n, int) and n < 1:
        raise GraphError(f"pad: stat_length is a size from 1 on, not {n}")
    return n


def _median(x: Node, axis: int) -> Node:
    ordered = ops.sort(x, axis)
    n = x.shape[axis]
    low = ops.narrow(ordered, axis, (n - 1) // 2, 1)
    high = ops.narrow(ordered, axis, n // 2, 1)
    last = ops.narrow(ordered, axis, n - 1, 1)
    return ops.where(ops.isnan(last), last, (low + high) / 2)


_COMPUTED: dict[str, Callable[[_Sides], tuple[Node, Node]]] = {
    "constant": _constant,
    "edge": _edge,
    "empty": _empty,
    "linear_ramp": _ramp,
    "maximum": _of_entries(lambda x, axis: ops.max(x, axis, keepdims=True)),
    "mean": _of_entries(lambda x, axis: ops.mean(x, axis, keepdims=True)),
    "median": _of_entries(_median),
    "minimum": _of_entries(lambda x, axis: ops.min(x, axis, keepdims=True)),
}


# The places that are read, given those from -before to n + after, and n.


def _wrap(k: Node, n: Size) -> Node:
    return k % n


def _reflect(k: Node, n: Size) -> Node:
    period = size_max(2 * n - 2, 1)
    k = k % period
    return ops.minimum(k, period - k) if not isinstance(n, int) or n > 1 else k


def _symmetric(k: Node, n: Size) -> Node:
    k = k % (2 * n)
    return ops.minimum(k, 2 * n - 1 - k)


_PLACES: dict[str, Callable[[Node, Size], Node]] = {
    "reflect": _reflect,
    "symmetric": _symmetric,
    "wrap": _wrap,
}


def _read(sides: _Sides, mode: str, odd: bool) -> tuple[Node, Node]:
    """What is put before and after an axis where it consists of entries of the axis itself."""
    places = ops.arange(sides.before) - sides.before, ops.arange(sides.after) + sides.n
    before, after = (_entries(sides, mode, odd, k) for k in places)
    return before, after


def _entries(sides: _Sides, mode: str, odd: bool, k: Node) -> Node:
    x, n, axis = sides.x, sides.n, sides.axis
    found = ops.take(x, _PLACES[mode](k, n), axis)
    if not odd:
        return found
    # Of the mirrored halves of periods twice the edge less the entry is taken; each period adds
    # twice the way from the first entry to the last.
    period = size_max(2 * n - 2, 1) if mode == "reflect" else 2 * n
    beside = (-1, *[1] * (x.ndim - 1 - axis))
    is_mirrored = ops.reshape(ops.ge(k % period, n), beside)
    turns = ops.reshape(ops.astype(k // period, x.dtype), beside)
    first, last = sides.entries(0, 1), sides.entries(n - 1, 1)
    return ops.where(is_mirrored, 2 * last - found, found) + turns * (2 * (last - first))
