"""Gathers and scatters: elements read, or written, at indices given by integer arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, as_tensor, make
from probtensor.ops import kinds
from probtensor.ops.kinds import Batch, View, gathered_shape, item_numbers, op, shifted
from probtensor.ops.samples import arrays
from probtensor.types import Size, TensorType


def _draw(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.normal(size=shape)


def _places(n: int, *shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.integers(-n, n, shape)


def _distinct(n: int, count: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.permutation(n)[:count]


def normal_indices(index: np.ndarray, n: int, mode: str) -> np.ndarray:
    """An index array into an axis of size n with all indices in 0..n-1, by `mode`. Arithmetic does
    not wrap: an int8 index from the end may exceed 127, and 2**64 - 1 is not -1."""
    wide = index if index.dtype == "uint64" else index.astype("int64")
    if mode == "wrap":
        wide = wide % n
    elif mode == "clip":
        wide = np.clip(wide, 0, n - 1)
    return np.minimum(wide, np.iinfo("int64").max).astype("int64")


MODES = ("raise", "wrap", "clip")


@op
class Gather(View):
    """x[i, j, ...] with integer arrays on `axes`; their common shape is inserted at `at`.

    Input 0 is x, then one array for each of the axes. `mode` is what an index out of bounds does:
    an error ("raise", where -n..-1 count from the end), its remainder ("wrap") or the nearest end
    ("clip").
    """

    users_write = "x[...]"
    axes: tuple[int, ...]
    at: int
    mode: str = "raise"
    linear = True
    samples = (
        *arrays(_draw(5, 4), _places(5, 3), axes=(0,), at=0),
        *arrays(_draw(5, 4), _places(4, 2, 3), axes=(1,), at=1),
        *arrays(_draw(5, 3, 4), _places(5, 2), _places(4, 2), axes=(0, 2), at=0),
        *arrays(_draw(5, 4), _places(9, 6), axes=(0,), at=0, mode="wrap"),
        *arrays(_draw(5, 4), _places(9, 6), axes=(1,), at=1, mode="clip"),
    )

    def infer(self, x: TensorType, *indices: TensorType) -> TensorType:
        return TensorType(x.dtype, gathered_shape(x, self.axes, self.at, indices))

    def element(self, index, read, types, out, select):
        inner = list(index[: self.at] + index[self._end(types) :])
        block = index[self.at : self._end(types)]
        for k, axis in enumerate(self.axes):
            shape = types[k + 1].shape
            last = block[len(block) - len(shape) :]
            at = [0 if n == 1 else i for n, i in zip(shape, last, strict=True)]
            inner.insert(axis, read[k + 1](at))
        return read[0](inner)

    def _end(self, types: Sequence[TensorType]) -> int:
        return self.at + max(t.ndim for t in types[1:])

    @property
    def index_mode(self) -> str:
        return self.mode

    def index_inputs(self) -> dict[int, tuple[int, int]]:
        return {k + 1: (0, axis) for k, axis in enumerate(self.axes)}

    def numpy(self, x, *indices):
        remaining = [a for a in range(x.ndim) if a not in self.axes]
        pairs = zip(indices, self.axes, strict=True)
        key = tuple(normal_indices(index, x.shape[axis], self.mode) for index, axis in pairs)
        found = np.asarray(np.transpose(x, (*self.axes, *remaining))[key])
        block = found.ndim - len(remaining)
        order = [block + a for a in range(self.at)], range(block)
        rest = [block + a for a in range(self.at, len(remaining))]
        return np.transpose(found, (*order[0], *order[1], *rest))

    def vjp(self, g, out, x, *indices):
        pairs = zip(indices, self.axes, strict=True)
        wrapped = [_inside_graph(index, x.shape[axis], self.mode) for index, axis in pairs]
        scattered = make(Scatter(self.axes, self.at, "add"), (ops.zeros_like(x), g, *wrapped))
        return (scattered, *[None] * len(indices))

    def batched(self, batch: Batch) -> Node:
        x, *indices = batch.node.inputs
        base, *batches = batch.inputs
        if all(b is None for b in batches):
            moved = Gather(shifted(self.axes), self.at + 1, self.mode)
            return make(moved, (base, *indices))
        grids = batch.aligned(max(i.ndim for i in indices), start=1)
        if base is None:
            return ops.moveaxis(make(self, (x, *grids)), self.at, 0)
        # Both are batched: item k of the indices reads item k of the bases.
        items = item_numbers(max(grid.ndim for grid in grids), batch.size)
        moved = Gather((0, *shifted(self.axes)), self.at, self.mode)
        return ops.moveaxis(make(moved, (batch.full(0), items, *grids)), self.at, 0)


def _inside_graph(index: Node, n: Size, mode: str) -> Node:
    if mode == "raise":
        return index
    wide = "uint64" if index.dtype == "uint64" else "int64"
    index, n = ops.astype(index, wide), ops.astype(as_tensor(n), wide)
    if mode == "wrap":
        return index % n
    return ops.minimum(ops.maximum(index, 0), n - 1)


@op
class Scatter(kinds.Scatter):
    """A copy of input 0 with input 1 written at integer indices into `axes`, by `mode`: "set" (of
    repeated indices the last one counts), "add", "mul", "max" or "min". Indices from -n to -1 count
    from the end. Where `unique` promises that no element is indexed twice, nothing accumulates:
    elements are written in any order."""

    users_write = "x.at[...]"
    samples = (
        *arrays(_draw(5, 4), _draw(3, 4), _places(5, 3), axes=(0,), at=0, mode="add"),
        *arrays(_draw(5, 4), _draw(5, 2, 2), _places(4, 2, 2), axes=(1,), at=1, mode="add"),
        *arrays(
            _draw(5, 3, 4), _draw(2, 3), _places(5, 2), _places(4, 2), axes=(0, 2), at=0, mode="add"
        ),
        *arrays(_draw(5, 4), _draw(3, 4), _distinct(5, 3), axes=(0,), at=0, mode="set"),
        *arrays(_draw(5, 4), _draw(5, 2), _distinct(4, 2), axes=(1,), at=1, mode="set"),
        *arrays(_draw(5, 4), _draw(3, 4), _distinct(5, 3), axes=(0,), at=0, mode="mul"),
        *arrays(_draw(5, 4), _draw(6, 4), _places(5, 6), axes=(0,), at=0, mode="max"),
        *arrays(_draw(5, 4), _draw(6, 4), _places(5, 6), axes=(0,), at=0, mode="min"),
        *(
            sample
            for mode in ("set", "add", "mul", "max", "min")
            for sample in arrays(
                _draw(5, 4), _draw(3, 4), _distinct(5, 3), axes=(0,), at=0, mode=mode, unique=True
            )
        ),
    )

    @property
    def linear(self) -> bool:
        """In base and updates jointly."""
        return self.mode in ("set", "add")

    def numpy(self, base, updates, *indices):
        remaining = [a for a in range(base.ndim) if a not in self.axes]
        out = np.array(base)
        front = np.transpose(out, (*self.axes, *remaining))
        block = updates.ndim - len(remaining)
        lead = range(self.at, self.at + block)
        rest = [a for a in range(updates.ndim) if a not in lead]
        values = np.transpose(updates, (*lead, *rest))
        pairs = zip(indices, self.axes, strict=True)
        indices = tuple(normal_indices(index, base.shape[axis], "raise") for index, axis in pairs)
        if self.mode == "set":
            front[indices] = values
        else:
            combine = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
            combine[self.mode].at(front, indices, values)
        return out

    def vjp(self, g, out, base, updates, *indices):
        none = [None] * len(indices)
        gather = Gather(self.axes, self.at)
        taken = make(gather, (g, *indices))
        if self.mode == "add":
            return g, taken, *none
        if self.mode == "set":
            return (*_set_vjp(self, g, taken, updates, indices), *none)
        if self.mode == "mul":
            return (*_product_vjp(self, g, base, updates, indices), *none)
        return (*_extreme_vjp(self, g, taken, out, base, updates, indices), *none)


def _set_vjp(scatter, g, taken, updates, indices):
    """The base gets the cotangent where it was not overwritten; an update gets it where it was the
    last one written."""
    over = make(scatter, (g, ops.zeros_like(updates), *indices))
    if scatter.unique:
        return over, taken
    number = ops.arange(updates.size).reshape(updates.shape)
    blank = ops.full(g.shape, -1, "int64")
    winner = make(scatter, (blank, number, *indices))
    mine = ops.eq(make(Gather(scatter.axes, scatter.at), (winner, *indices)), number)
    return over, ops.where(mine, taken, 0)


def _product_vjp(scatter, g, base, updates, indices):
    """Each update gets the product of the base and the other updates of its element: the result
    divided by the update, or if that is the only zero, the product of the others. (Second
    derivatives are wrong at zeros.)"""
    gather = Gather(scatter.axes, scatter.at)
    if scatter.unique:
        return make(scatter, (g, updates, *indices)), make(gather, (g * base, *indices))
    add = Scatter(scatter.axes, scatter.at, "add")
    times = make(scatter, (ops.ones_like(base), updates, *indices))
    zero = ops.eq(updates, 0)
    safe = ops.where(zero, 1, updates)
    rest = make(scatter, (g * base, safe, *indices))
    zeros = make(add, (ops.zeros_like(base), ops.astype(zero, base.dtype), *indices))
    alone = ops.eq(make(gather, (zeros, *indices)), ops.astype(zero, base.dtype))
    others = make(gather, (rest, *indices)) / safe
    return g * times, ops.where(alone, others, 0)


def _extreme_vjp(scatter, g, taken, out, base, updates, indices):
    """Equal extremes share the derivative evenly."""
    gather = Gather(scatter.axes, scatter.at)
    add = Scatter(scatter.axes, scatter.at, "add", scatter.unique)
    is_extreme = ops.eq(base, out)
    won = ops.eq(updates, make(gather, (out, *indices)))
    ones = ops.astype(won, g.dtype)
    count = make(add, (ops.astype(is_extreme, g.dtype), ones, *indices))
    share = g / count
    mine = make(gather, (share, *indices))
    return ops.where(is_extreme, share, 0), ops.where(won, mine, 0)


# Keys.
