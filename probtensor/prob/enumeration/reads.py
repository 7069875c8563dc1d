"""Which entries of variables an element of a tensor depends on, found from the graph.

`Reads` follows the element at the index (i, j, ...) of a tensor to what it is computed from: an
elementwise op reads its operands at the same index, a view at the index that its own definition
gives, a gather at an entry of an integer tensor, a reduction anywhere along the axes that it
reduces. What has no rule reads all of its inputs. The result is safe: an element depends on no
other entries than those that are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import (
    Choice,
    Composite,
    Contraction,
    Core,
    Elementwise,
    Join,
    Reduction,
    View,
)
from probtensor.ops.reductions.composite import OverAxes
from probtensor.prob.enumeration.places import (
    ANYWHERE,
    Access,
    Axis,
    Fixed,
    Look,
    Place,
    is_known,
    moved,
    placed,
)
from probtensor.types import Size

MAX_VISITS = 20_000  # nodes at different places


def depending_on(outputs: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes that depend on some of the sources, with these."""
    found = set(sources)
    for node in toposort(outputs):
        if any(x in found for x in node.needs):
            found.add(node)
    return found


class Reads:
    """What the elements of one tensor read of the sources.

    found   for each source its accesses, in terms of the index of the element
    breaks  for each axis of the tensor, the indices at which other operands of a join begin
    """

    def __init__(self, output: Node, sources: Sequence[Node]) -> None:
        self.sources = dict.fromkeys(sources)
        self.inside = depending_on([output], sources)
        self.found: dict[Node, dict[Access, None]] = {x: {} for x in sources}
        self.breaks: dict[int, set[int]] = {}
        self._shape = output.shape
        self._seen: set[tuple[Node, Access]] = set()
        self._expanded: dict[Node, Node] = {}
        start = tuple(Fixed(0) if n == 1 else Axis(k) for k, n in enumerate(output.shape))
        self._stack = [(output, start)]
        while self._stack:
            self._visit(*self._stack.pop())

    def _ask(self, node: Node, access: Access) -> None:
        if node not in self.inside:
            return
        if not isinstance(node.type, tuple):
            pairs = zip(access, node.shape, strict=True)
            access = tuple(Fixed(0) if n == 1 else place for place, n in pairs)
        if node in self.sources:
            self.found[node][access] = None
        elif (node, access) not in self._seen:
            self._seen.add((node, access))
            crowded = len(self._seen) > MAX_VISITS
            self._stack.append((node, tuple(ANYWHERE for _ in access) if crowded else access))

    def _visit(self, node: Node, access: Access) -> None:
        op = node.op
        if isinstance(op, (Elementwise, Choice)):
            for x in node.inputs:
                self._ask(x, access[node.ndim - x.ndim :] if x.ndim <= node.ndim else ())
        elif isinstance(op, View):
            self._element(node, access)
        elif isinstance(op, (Reduction, OverAxes)) and node.ndim < node.inputs[0].ndim:
            self._ask(node.inputs[0], widened(access, op.axes))
        elif isinstance(op, OverAxes):
            own = [ANYWHERE if k in op.axes else p for k, p in enumerate(access)]
            self._ask(node.inputs[0], tuple(own))
        elif isinstance(op, Contraction):
            *operands, out = op.parts()
            for letters, x in zip(operands, node.inputs, strict=True):
                at = [access[out.index(c)] if c in out else ANYWHERE for c in letters]
                self._ask(x, tuple(at))
        elif isinstance(op, Core) and not isinstance(node.type, tuple):
            for names, x in zip(op.signature()[0], node.inputs, strict=True):
                batch = x.ndim - len(names)
                self._ask(x, (*access[:batch], *(ANYWHERE for _ in names)))
        elif isinstance(op, Join):
            self._join(node, access)
        elif isinstance(op, Composite):
            if node not in self._expanded:
                self._expanded[node] = op.expand(*node.inputs)
                self.inside |= depending_on([self._expanded[node]], self.inside)
            self._ask(self._expanded[node], access)
        else:
            self._all_inputs(node)

    def _all_inputs(self, node: Node) -> None:
        for x in node.inputs:
            rank = 0 if isinstance(x.type, tuple) else x.ndim
            self._ask(x, (ANYWHERE,) * rank)

    def _element(self, node: Node, access: Access) -> None:
        def reader(x: Node):
            def read(indices: Sequence[object]) -> Place:
                at = tuple(map(placed, indices))
                self._ask(x, at)
                return ANYWHERE if x in self.inside else index_at(x, at)

            return read

        def select(condition: object, first: object, other: object) -> object:
            first()
            return other()

        node.op.element(
            list(access), [reader(x) for x in node.inputs], [x.type for x in node.inputs],
            node.type, select,
        )  # fmt: skip

    def _join(self, node: Node, access: Access) -> None:
        axis, place = node.op.axis, access[node.op.axis]
        start: Size = 0
        for x in node.inputs:
            stop = start + x.shape[axis]
            if self._overlaps(place, start, stop):
                own = list(access)
                own[axis] = moved(place, -start) if is_known((place,)) else ANYWHERE
                self._ask(x, tuple(own))
                self._note_break(place, start)
            start = stop

    def _overlaps(self, place: Place, start: Size, stop: Size) -> bool:
        """May an index at a place lie in start..stop - 1?"""
        if isinstance(place, Fixed):
            first, last = place.value, place.value + 1
        elif isinstance(place, Axis):
            first, last = place.offset, place.offset + self._shape[place.axis]
        else:
            return True
        return not (_at_most(stop, first) or _at_most(last, start))

    def _note_break(self, place: Place, start: Size) -> None:
        if isinstance(place, Axis):
            here = start - place.offset
            n = self._shape[place.axis]
            if isinstance(here, int) and here > 0 and not (isinstance(n, int) and here >= n):
                self.breaks.setdefault(place.axis, set()).add(here)


def _at_most(a: Size, b: Size) -> bool:
    """Is a <= b for certain?"""
    difference = b - a
    return isinstance(difference, int) and difference >= 0


def widened(access: Access, axes: Sequence[int]) -> Access:
    """An access with any index along further axes."""
    found = list(access)
    for axis in axes:
        found.insert(axis, ANYWHERE)
    return tuple(found)


def index_at(x: Node, at: Access) -> Place:
    """The element of an integer tensor at these places, as a place."""
    at = tuple(Fixed(0) if n == 1 else place for place, n in zip(at, x.shape, strict=True))
    op = x.op
    if isinstance(op, View) and not isinstance(op, ops.SetSlice):
        read = [lambda i, y=y: index_at(y, tuple(map(placed, i))) for y in x.inputs]
        kinds = [y.type for y in x.inputs]
        return placed(op.element(list(at), read, kinds, x.type, lambda c, a, b: ANYWHERE))
    if isinstance(op, ops.Cast):
        return index_at(x.inputs[0], at) if x.inputs[0].dtype[:3] in ("int", "uin") else Look(x, at)
    if isinstance(op, (ops.Add, ops.Sub)) and _literal(x.inputs[1]) is not None:
        number = _literal(x.inputs[1])
        inner = index_at(x.inputs[0], at)
        return inner + (number if isinstance(op, ops.Add) else -number)
    number = _literal(x)
    return Fixed(number) if number is not None else Look(x, at)


def _literal(x: Node) -> int | None:
    """The integer that a scalar literal is, or None."""
    array = getattr(x.op, "array", None) if not x.inputs else None
    return int(array) if array is not None and not array.ndim and array.dtype.kind in "iu" else None
