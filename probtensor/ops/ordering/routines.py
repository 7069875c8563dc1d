"""The ops of sorting, selecting and searching along the last axis: of float64, in whose order a nan
is the largest and both zeros are equal, and of int64, in whose place other integers are cast."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.kinds import Core, op
from probtensor.ops.samples import Sample, arrays

_EDGES = np.array([[0.0, np.nan, -np.inf, -0.0, 1.0, np.nan, np.inf, 1.0]])
FLOATS = (
    *arrays(lambda rng: rng.permutation(7) + rng.uniform(0, 0.5, 7)),
    *arrays(lambda rng: rng.normal(size=(2, 3, 5))),
    Sample(lambda rng: (rng.integers(-9, 9, (2, 300)) * 0.5,), smooth=False),
    Sample(lambda rng: (_EDGES,), smooth=False),
    Sample(lambda rng: (np.zeros((2, 0)),), smooth=False),
)
INTEGERS = (
    *arrays(lambda rng: rng.integers(-9, 9, (3, 20)), smooth=False),
    *arrays(lambda rng: rng.integers(-(2**62), 2**62, (2, 300)), smooth=False),
)


class Sorted(Core):
    """A vector in ascending order."""

    core = "(n)->(n)"
    device = True
    differentiable = for_users = False

    def numpy(self, x):
        return np.sort(x, axis=-1)


class SortedReals(Sorted):
    """A vector of floats in ascending order, nan last. The vjp scatters the cotangent to where the
    elements were, equal ones in their order."""

    differentiable = True
    samples = FLOATS

    def vjp(self, g, out, x):
        return (_scattered(g, argsort_floats(x), x),)


@op
class Sort(SortedReals):
    """A vector in ascending order, nan last. The vjp scatters the cotangent to where the elements
    were, equal ones in their order."""

    routine = "pt_sort"


@op
class SortFloat32(SortedReals):
    """A vector of float32 in ascending order, nan last. The vjp is that of `Sort`."""

    routine = "pt_sort_float32"
    takes, gives = ("float32",), ("float32",)
    samples = tuple(
        Sample(lambda rng, s=s: tuple(a.astype("float32") for a in s.make(rng)), smooth=False)
        for s in FLOATS
    )


@op
class SortIntegers(Sorted):
    """A vector of int64 in ascending order."""

    routine = "pt_sort_int64"
    takes, gives = ("int64",), ("int64",)
    samples = INTEGERS


@op
class SortInt32(Sorted):
    """A vector of int32 in ascending order."""

    routine = "pt_sort_int32"
    takes, gives = ("int32",), ("int32",)
    samples = tuple(
        Sample(lambda rng, low=low, n=n: (rng.integers(low, -low, (2, n), "int32"),), smooth=False)
        for low, n in ((-9, 20), (-(2**30), 600))
    )


def _scattered(g: Node, places: Node, x: Node) -> Node:
    """Zeros like x with the elements of g added at places along the last axis."""
    taken = ops.take_along_axis(x, places, -1)
    return taken.op.vjp(g, taken, *taken.inputs)[0]


@op
class Argsort(Core):
    """The indices that sort a vector, int64, nan last; the order is stable."""

    core, routine = "(n)->(n)", "pt_argsort"
    device = True
    gives = ("int64",)
    differentiable = for_users = False
    samples = FLOATS

    def workspace(self, sizes):
        return 4 * sizes["n"]

    def numpy(self, x):
        return np.argsort(x, axis=-1, kind="stable")


@op
class ArgsortIntegers(Core):
    """The indices that sort a vector of int64; the order is stable."""

    core, routine = "(n)->(n)", "pt_argsort_int64"
    device = True
    takes, gives = ("int64",), ("int64",)
    differentiable = for_users = False
    samples = INTEGERS

    def workspace(self, sizes):
        return 4 * sizes["n"]

    def numpy(self, x):
        return np.argsort(x, axis=-1, kind="stable")


class RowOrder(Core):
    """The indices that sort the rows of a matrix, by the first column, then by the second one, and
    so on, int64; the order is stable."""

    core = "(m,n)->(m)"
    device = True
    differentiable = for_users = False

    def workspace(self, sizes):
        return sizes["m"]

    def numpy(self, x):
        columns = np.moveaxis(x, -1, 0)[::-1]
        if not len(columns):
            return np.broadcast_to(np.arange(x.shape[-2]), x.shape[:-1])
        return np.lexsort(columns, axis=-1)


@op
class ArgsortRows(RowOrder):
    """The indices that sort the rows of a matrix, by the first column, then by the second one, and
    so on, int64; nan are last, and the order is stable."""

    routine = "pt_argsort_rows"
    gives = ("int64",)
    samples = (
        *arrays(lambda rng: rng.integers(0, 3, (2, 20, 3)) * 0.5, smooth=False),
        Sample(lambda rng: (np.array([[np.nan, 1.0], [0.0, np.nan], [-0.0, 2.0]]),), smooth=False),
        Sample(lambda rng: (np.zeros((3, 0)),), smooth=False),
    )


@op
class ArgsortRowsIntegers(RowOrder):
    """The indices that sort the rows of a matrix of int64, by the first column, then by the second
    one, and so on; the order is stable."""

    routine = "pt_argsort_rows_int64"
    takes, gives = ("int64",), ("int64",)
    samples = arrays(lambda rng: rng.integers(0, 3, (2, 20, 3)), smooth=False)


class Selection(Core):
    """The elements of a vector at places of its stable order, nan last, and their indices in it,
    int64. A place out of bounds has nan, or 0 among integers, and index 0."""

    core = "(n),(k)->(k),(k)"
    device = True
    for_users = False

    def workspace(self, sizes):
        return 4 * sizes["n"] + 8

    def numpy(self, x, places):
        n = x.shape[-1]
        none = np.nan if x.dtype.kind == "f" else 0
        there = (places >= 0) & (places < n)
        order = np.argsort(x, axis=-1, kind="stable")
        order = np.concatenate([order, np.zeros((*x.shape[:-1], 1), "int64")], -1)
        order = np.take_along_axis(order, np.where(there, places, n), -1)
        padded = np.concatenate([x, np.full((*x.shape[:-1], 1), none, x.dtype)], -1)
        return np.take_along_axis(padded, np.where(there, order, n), -1), order


@op
class Select(Selection):
    """The elements of a vector at places of its stable order, nan last, and their indices in it,
    int64; nan and 0 at a place out of bounds. The vjp adds the cotangent up at these indices."""

    routine = "pt_select"
    takes, gives = ("float64", "int64"), ("float64", "int64")
    samples = (
        *arrays(lambda rng: rng.permutation(9) + rng.uniform(0, 0.5, 9),
                lambda rng: np.array([8, 0, 4, 4])),
        *arrays(lambda rng: rng.normal(size=(2, 30)), lambda rng: rng.integers(0, 30, (2, 20))),
        *arrays(lambda rng: rng.integers(0, 9, (2, 300)) * 0.5,
                lambda rng: rng.integers(-1, 301, (2, 5)), smooth=False),
        *arrays(lambda rng: _EDGES, lambda rng: np.arange(8)[None], smooth=False),
        *arrays(lambda rng: np.zeros((2, 0)), lambda rng: np.zeros((2, 1), "int64"), smooth=False),
    )  # fmt: skip

    def vjp(self, g, out, x, places):
        if g[0] is None:
            return None, None
        there = ops.logical_and(ops.ge(places, 0), ops.lt(places, x.shape[-1]))
        return _scattered(ops.where(there, g[0], 0), out[1], x), None


@op
class SelectIntegers(Selection):
    """The elements of a vector of int64 at places of its stable order, and their indices in it; 0
    and 0 at a place out of bounds."""

    routine = "pt_select_int64"
    takes, gives = ("int64", "int64"), ("int64", "int64")
    differentiable = False
    samples = arrays(
        lambda rng: rng.integers(-9, 9, (2, 300)), lambda rng: rng.integers(-1, 301, (2, 5)),
        smooth=False,
    )  # fmt: skip


class Partition(Core):
    """The indices of a vector in an order in which the elements that belong at some places of the
    sorted vector are there, int64; all others stay in their order. Places out of bounds are left
    out."""

    core = "(n),(k)->(n)"
    gives = ("int64",)
    differentiable = for_users = False

    def workspace(self, sizes):
        return sizes["n"] + 4 * sizes["k"] + 2

    def numpy(self, x, places):
        return partition_of(x, places)


def partition_of(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The indices that `Partition` means, of arrays."""
    n = x.shape[-1]
    found = np.zeros(x.shape, "int64")
    for at in np.ndindex(x.shape[:-1]):
        order = np.argsort(x[at], kind="stable")
        ranks = np.empty(n, "int64")
        ranks[order] = np.unique(x[at], return_inverse=True)[1][order]
        bounds = [ranks[order[k]] for k in places[at] if 0 <= k < n]
        classes = sum([(ranks >= b) + 1 * (ranks > b) for b in bounds], np.zeros(n, "int64"))
        found[at] = np.argsort(classes, kind="stable")
    return found


@op
class PartitionFloats(Partition):
    """The indices of a vector in an order in which the elements that belong at some places of the
    sorted vector are there, nan last, int64; all others stay in their order. Places out of bounds
    are left out."""

    routine = "pt_partition"
    takes = ("float64", "int64")
    samples = (
        *arrays(lambda rng: rng.integers(0, 9, (2, 300)) * 0.5,
                lambda rng: rng.integers(-1, 301, (2, 5)), smooth=False),
        *arrays(lambda rng: _EDGES, lambda rng: np.array([[5, 1]]), smooth=False),
        *arrays(lambda rng: np.zeros((2, 0)), lambda rng: np.zeros((2, 1), "int64"), smooth=False),
    )  # fmt: skip


@op
class PartitionIntegers(Partition):
    """The indices of a vector of int64 in an order in which the elements that belong at some places
    of the sorted vector are there; all others stay in their order. Places out of bounds are left
    out."""

    routine = "pt_partition_int64"
    takes = ("int64", "int64")
    samples = arrays(
        lambda rng: rng.integers(-9, 9, (2, 300)), lambda rng: rng.integers(0, 300, (2, 3)),
        smooth=False,
    )  # fmt: skip


class Partitioned(Core):
    """A vector in an order in which the elements that belong at some places of the sorted vector
    are there; all others stay in their order. Places out of bounds are left out."""

    core = "(n),(k)->(n)"
    differentiable = for_users = False

    def workspace(self, sizes):
        return sizes["n"] + 4 * sizes["k"] + 10

    def numpy(self, x, places):
        return np.take_along_axis(x, partition_of(x, places), -1)


class PartitionedReals(Partitioned):
    """A vector of floats in an order in which the elements that belong at some places of the sorted
    vector are there, nan last; all others stay in their order. Places out of bounds are left out.
    The vjp scatters the cotangent to where the elements were."""

    differentiable = True
    samples = (
        *arrays(lambda rng: rng.permutation(9) + rng.uniform(0, 0.5, 9),
                lambda rng: np.array([4, 1])),
        *PartitionFloats.samples,
        *arrays(lambda rng: rng.normal(size=(2, 3000)), lambda rng: np.array([[700], [2999]]),
                smooth=False),
    )  # fmt: skip

    def vjp(self, g, out, x, places):
        return _scattered(g, PartitionFloats()(ops.astype(x, "float64"), places), x), None


@op
class PartitionedFloats(PartitionedReals):
    """A vector in an order in which the elements that belong at some places of the sorted vector
    are there, nan last; all others stay in their order. Places out of bounds are left out. The vjp
    scatters the cotangent to where the elements were."""

    routine = "pt_partitioned"
    takes, gives = ("float64", "int64"), ("float64",)


@op
class PartitionedFloat32(PartitionedReals):
    """A vector of float32 in an order in which the elements that belong at some places of the
    sorted vector are there, nan last; all others stay in their order. Places out of bounds are left
    out. The vjp scatters the cotangent to where the elements were."""

    routine = "pt_partitioned_float32"
    takes, gives = ("float32", "int64"), ("float32",)
    samples = tuple(
        Sample(lambda rng, s=s: _narrow(*s.make(rng)), smooth=False)
        for s in PartitionedReals.samples
    )


def _narrow(x: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x.astype("float32" if x.dtype.kind == "f" else "int32"), places


@op
class PartitionedIntegers(Partitioned):
    """A vector of int64 in an order in which the elements that belong at some places of the sorted
    vector are there; all others stay in their order. Places out of bounds are left out."""

    routine = "pt_partitioned_int64"
    takes, gives = ("int64", "int64"), ("int64",)
    samples = (
        *PartitionIntegers.samples,
        *arrays(lambda rng: rng.integers(-9, 9, (2, 3000)), lambda rng: np.array([[700], [2999]]),
                smooth=False),
    )  # fmt: skip


@op
class PartitionedInt32(Partitioned):
    """A vector of int32 in an order in which the elements that belong at some places of the sorted
    vector are there; all others stay in their order. Places out of bounds are left out."""

    routine = "pt_partitioned_int32"
    takes, gives = ("int32", "int64"), ("int32",)
    samples = tuple(
        Sample(lambda rng, s=s: _narrow(*s.make(rng)), smooth=False)
        for s in PartitionedIntegers.samples
    )


class Search(Core):
    """For each value, its place in an ascending vector, int64."""

    core = "(n),(m)->(m)"
    device = True
    gives = ("int64",)
    side = "left"
    differentiable = for_users = False

    def numpy(self, x, values):
        found = np.empty(values.shape, "int64")
        for at in np.ndindex(x.shape[:-1]):
            found[at] = np.searchsorted(x[at], values[at], self.side)
        return found


def _ascending(kind: str) -> tuple[Sample, ...]:
    def make(rng: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        drawn = rng.integers(-9, 9, (2, n)), rng.integers(-11, 11, (2, m))
        return np.sort(drawn[0], -1).astype(kind), drawn[1].astype(kind)

    return tuple(
        Sample(lambda rng, n=n, m=m: make(rng, n, m), smooth=False)
        for n, m in ((20, 7), (300, 30), (1, 3), (0, 3))
    )


SEARCHED = (
    *_ascending("float64"),
    Sample(lambda rng: (np.array([-np.inf, -0.0, 0.0, np.inf, np.nan, np.nan]),
                        np.array([np.nan, 0.0, -0.0, np.inf, -np.inf])), smooth=False),
)  # fmt: skip


@op
class SearchLeft(Search):
    """For each value, how many elements of an ascending vector are less, int64."""

    routine = "pt_search_left"
    samples = SEARCHED


@op
class SearchRight(Search):
    """For each value, how many elements of an ascending vector are not larger, int64."""

    routine = "pt_search_right"
    side = "right"
    samples = SEARCHED


@op
class SearchLeftIntegers(Search):
    """For each int64, how many elements of an ascending vector are less."""

    routine = "pt_search_left_int64"
    takes = ("int64", "int64")
    samples = _ascending("int64")


@op
class SearchRightIntegers(Search):
    """For each int64, how many elements of an ascending vector are not larger."""

    routine = "pt_search_right_int64"
    takes = ("int64", "int64")
    side = "right"
    samples = _ascending("int64")


def argsort_floats(x: Node) -> Node:
    """The indices that sort a tensor of floats along its last axis."""
    return Argsort()(x)


def ranked(x: Node) -> Node:
    """A tensor in the same order that is float64 or int64."""
    narrow = narrowed(x)
    return ops.astype(narrow, "float64" if narrow.type.is_float else "int64")


def narrowed(x: Node) -> Node:
    """A tensor in the same order that is float64, float32, int64 or int32, whichever is narrow."""
    if x.type.is_float:
        return ops.astype(x, "float32") if x.dtype == "float16" else x
    if x.dtype in ("uint32", "uint64"):  # as signed ones of the same bits, the first one flipped
        signed = "int32" if x.dtype == "uint32" else "int64"
        return ops.astype(ops.bitwise_xor(x, _first_bit(x.dtype)), signed)
    return x if x.dtype == "int64" else ops.astype(x, "int32")


def unranked(x: Node, dtype: str) -> Node:
    """What `ranked` or `narrowed` was given, a tensor of this dtype."""
    if dtype in ("uint32", "uint64"):
        return ops.bitwise_xor(ops.astype(x, dtype), _first_bit(dtype))
    return ops.astype(x, dtype)


def _first_bit(dtype: str) -> Node:
    return ops.constant(np.dtype(dtype).type(2 ** (8 * np.dtype(dtype).itemsize - 1)))
