"""Canonical names for sizes, and the equalities between sizes that a graph takes for granted.

`x + y` of two vectors of unknown length takes the lengths to be equal. Here one name is put for
both, so that later stages see equal sizes as equal, and a check is kept for when the function is
called. Names are `n0, n1, ...` in the order of the inputs' axes, so that a plan's text does not
depend on what the user called things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from probtensor.graph.node import Node, Op, line_of
from probtensor.graph.resize import resized, size_name
from probtensor.lower.plan import SizeCheck, SizeSource
from probtensor.ops.kinds import Contraction, Core, Elementwise, Join, Reduction, Scatter, View
from probtensor.types import (
    Dim,
    Size,
    TensorType,
    size_max,
    size_min,
    size_names,
    size_product,
    size_substitute,
)


class Sizes:
    """Maps the sizes of node types to canonical ones: `sizes(size)`, `sizes.shape(node)`.

    A size is mapped once: a user may have called a size `n0` as well.
    """

    def __init__(self, inputs: Sequence[Node], order: Sequence[Node]) -> None:
        self.sources: list[SizeSource] = []
        self._inputs = tuple(inputs)
        self.checks: list[SizeCheck] = []
        self._names: dict[str, Size] = {}  # what the user's names stand for
        self._merged: dict[str, Size] = {}  # canonical names that equal other sizes
        for position, node in enumerate(inputs):
            self._name_axes(position, node)
        for node in order:
            for left, right in _equalities(node):
                self._join(self(left), self(right), node)
        self._known = {name: self(Dim.name(name)) for name in self._names}
        self._shapes: dict[Node, tuple[Size, ...]] = {}
        for node in order:
            for check in limits(node):
                self.require(replace(check, left=self(check.left), right=self(check.right)))

    def __call__(self, size: Size) -> Size:
        if not isinstance(size, Dim):
            return int(size)
        known = size_substitute(size, self._names)
        # A name may be merged into one that is merged later itself.
        while size_names(known) & self._merged.keys():
            known = size_substitute(known, self._merged)
        return known

    def require(self, check: SizeCheck) -> None:
        """Keep a check of canonical sizes, unless it always holds."""
        if check.left != check.right:
            self.checks.append(check)

    def shape(self, node: Node) -> tuple[Size, ...]:
        if node not in self._shapes:
            self._shapes[node] = tuple(self(n) for n in node.type.shape)
        return self._shapes[node]

    def op(self, op: Op) -> Op:
        """The op with canonical sizes among its parameters."""
        return resized(op, self._known)

    def type(self, node: Node) -> TensorType:
        return TensorType(node.type.dtype, self.shape(node))

    def unknown(self, node: Node) -> set[str]:
        """Names in the node's shape that no input's axis gives."""
        found: set[str] = set()
        for size in self.shape(node):
            found |= size_names(size)
        return found - {source.name for source in self.sources}

    def _name_axes(self, position: int, node: Node) -> None:
        label = node.name or f"input {position}"
        for axis, size in enumerate(node.type.shape):
            if not isinstance(size, Dim):
                continue
            name = f"n{len(self.sources)}"
            self.sources.append(SizeSource(name, position, axis))
            bare = size_name(size)
            if bare is not None and bare not in self._names:
                self._names[bare] = Dim.name(name)
                continue
            message = (
                f"{label} has size {{left}} along axis {axis}, but its declared shape asks for "
                f"{{right}}\n  {label} was made at {line_of(node)}"
            )
            self._merge(name, self(size), message)

    def _join(self, left: Size, right: Size, node: Node) -> None:
        if left == right:
            return
        message = (
            f"{node.op.name}: sizes {{left}} and {{right}} do not fit together (an axis of "
            f"unknown size is never broadcast: declare shape=(1,) for that)\n  at {line_of(node)}"
            f"{self._origin(left, '{left}')}{self._origin(right, '{right}')}"
        )
        if isinstance(left, Dim) and size_name(left):
            self._merge(size_name(left), right, message)
        elif isinstance(right, Dim) and size_name(right):
            self._merge(size_name(right), left, message)
        else:
            self.checks.append(SizeCheck(left, right, message))

    def _origin(self, size: Size, value: str) -> str:
        """A line for an input that gives a size its value; none for a size that is fixed."""
        if not isinstance(size, Dim):
            return ""
        names = size_names(size)
        source = next((s for s in self.sources if s.name in names), None)
        if source is None:
            return ""
        node = self._inputs[source.buffer]
        label = node.name or f"input {source.buffer}"
        return f"\n  {value} is from axis {source.axis} of {label}, made at {line_of(node)}"

    def _merge(self, name: str, size: Size, message: str) -> None:
        self.checks.append(SizeCheck(Dim.name(name), size, message))
        if name not in size_names(size):
            self._merged[name] = size


def _aligned(shapes: Sequence[tuple[Size, ...]]) -> Iterator[tuple[Size, Size]]:
    """Pairs of sizes that broadcasting takes to be equal."""
    ndim = max((len(s) for s in shapes), default=0)
    for axis in range(1, ndim + 1):
        sizes = [s[-axis] for s in shapes if len(s) >= axis and s[-axis] != 1]
        for other in sizes[1:]:
            yield sizes[0], other


def _elementwise(node: Node) -> Iterator[tuple[Size, Size]]:
    yield from _aligned([x.type.shape for x in node.inputs])


def _contraction(node: Node) -> Iterator[tuple[Size, Size]]:
    seen: dict[str, Size] = {}
    for letters, x in zip(node.op.parts(), node.inputs, strict=False):
        for letter, size in zip(letters, x.type.shape, strict=True):
            if letter in seen:
                yield seen[letter], size
            seen.setdefault(letter, size)


def _core_axes(node: Node) -> Iterator[tuple[Size, Size]]:
    seen: dict[str, Size] = {}
    batches = []
    for names, x in zip(node.op.signature()[0], node.inputs, strict=True):
        shape = x.type.shape
        outer = len(shape) - len(names)
        batches.append(shape[:outer])
        for name, size in zip(names, shape[outer:], strict=True):
            yield seen.setdefault(name, size), size
    yield from _aligned(batches)


def _join_axes(node: Node) -> Iterator[tuple[Size, Size]]:
    first = node.inputs[0].type.shape
    for x in node.inputs[1:]:
        for axis, (a, b) in enumerate(zip(first, x.type.shape, strict=True)):
            if axis != node.op.axis:
                yield a, b


def _scatter(node: Node) -> Iterator[tuple[Size, Size]]:
    base, updates, *indices = node.inputs
    yield from _aligned([x.type.shape for x in indices])
    kept = [n for a, n in enumerate(base.type.shape) if a not in node.op.axes]
    shape = max((x.type.shape for x in indices), key=len, default=())
    places = (*kept[: node.op.at], *shape, *kept[node.op.at :])
    yield from _aligned([places, updates.type.shape])


def _view(node: Node) -> Iterator[tuple[Size, Size]]:
    indices = [node.inputs[k].type.shape for k in node.op.index_inputs()]
    yield from _aligned(indices)
    if node.op.name == "broadcast_to":
        yield from _aligned([node.type.shape, node.inputs[0].type.shape])


_TAKEN_EQUAL: tuple[tuple[type, Callable[[Node], Iterator[tuple[Size, Size]]]], ...] = (
    (Elementwise, _elementwise),
    (Contraction, _contraction),
    (Core, _core_axes),
    (Join, _join_axes),
    (Scatter, _scatter),
    (View, _view),
)


def _equalities(node: Node) -> Iterator[tuple[Size, Size]]:
    for kind, pairs in _TAKEN_EQUAL:
        if isinstance(node.op, kind):
            yield from pairs(node)


def limits(node: Node) -> Iterator[SizeCheck]:
    """What an op needs of sizes besides equalities: single places that exist, folds of something.

    Written as equalities: a is below n where max(a + 1, n) is n.
    """
    if isinstance(node.op, Reduction) and node.op.identity is None:
        folded = size_product(node.inputs[0].type.shape[axis] for axis in node.op.axes)
        text = f"{node.op.name}: an empty axis has no {node.op.name}\n  at {line_of(node)}"
        yield _not_empty(folded, size_product(node.type.shape), text, ValueError)
    if node.op.name == "sized":
        for axis, (n, m) in enumerate(zip(node.inputs[0].type.shape, node.type.shape, strict=True)):
            text = f"x[mask]: the mask has size {{right}} along axis {axis}, of size {{left}}"
            yield SizeCheck(n, m, f"{text}\n  at {line_of(node)}", IndexError)
    if node.op.name in ("slice", "set_slice"):
        for axis, n in enumerate(node.inputs[0].type.shape):
            yield from _slice_limits(node, axis, n)
    if isinstance(node.op, View) and getattr(node.op, "mode", "raise") != "raise":
        for position, (source, axis) in node.op.index_inputs().items():
            n = node.inputs[source].type.shape[axis]
            text = f"{node.op.name}: an index into axis {axis}, which is empty"
            count = size_product(node.inputs[position].type.shape)
            yield _not_empty(n, count, f"{text}\n  at {line_of(node)}", IndexError)


def _not_empty(n: Size, uses: Size, text: str, error: type[Exception]) -> SizeCheck:
    """n is at least 1, or nothing uses it."""
    return SizeCheck(size_max(n, 1) * uses, n * uses, text, error)


def _slice_limits(node: Node, axis: int, n: Size) -> Iterator[SizeCheck]:
    """A fixed number of places must exist; a number that follows from n was clipped to fit."""
    start, step, count = node.op.starts[axis], node.op.steps[axis], node.op.sizes[axis]
    if not isinstance(count, int) or count == 0:
        return
    for place in dict.fromkeys((start, start + (count - 1) * step)):
        yield from place_limits(node, node.inputs[0], axis, n, place)


def place_limits(
    node: Node, source: Node, axis: int, n: Size, place: Size
) -> Iterator[SizeCheck]:
    """0 <= place < n, for axis `axis` of `source`, of size n."""
    from_end = place - n
    shown = from_end if isinstance(from_end, int) else place
    named = f" of {source.name}" if source.name else ""
    text = (
        f"{node.op.name}: index {shown} is outside axis {axis}{named}, of size {{right}}"
        f"\n  at {line_of(node)}"
    )
    yield SizeCheck(size_max(place + 1, n), n, text, IndexError)
    yield SizeCheck(size_min(place, 0) + n, n, text, IndexError)
