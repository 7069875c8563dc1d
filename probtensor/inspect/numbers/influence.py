"""Which elements of its operands an element of a node was computed from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.node import Input, Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import taken
from probtensor.inspect.replay import Level
from probtensor.ops import Where
from probtensor.ops.kinds import (
    Accumulation,
    Branch,
    Choice,
    Contraction,
    Core,
    Elementwise,
    Join,
    Loop,
    Reduction,
    Scatter,
    View,
)

Index = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Element:
    """An element of the value of a node of a level."""

    level: Level
    node: Node
    index: Index

    @property
    def value(self) -> np.generic:
        return self.level.values[self.node][self.index]

    @property
    def key(self) -> tuple[int, Node, Index]:
        return id(self.level), self.node, self.index


@dataclass(frozen=True, eq=False)
class Read:
    """What an element reads of a node: the elements at `places`, an index of its array in which
    slices are whole axes."""

    level: Level
    node: Node
    places: tuple[int | slice, ...]

    @property
    def values(self) -> np.ndarray:
        return np.asarray(self.level.values[self.node][self.places])

    def first(self, wrong: Callable[[np.ndarray], np.ndarray]) -> Element | None:
        """The first of the elements that is wrong; None if none is."""
        found = wrong(self.values)
        return self.at(int(np.argmax(found))) if found.any() else None

    def at(self, number: int) -> Element:
        """The element with a number among those that are read."""
        inner = iter(np.unravel_index(number, self.values.shape) if self.values.ndim else ())
        index = [next(inner) if isinstance(k, slice) else k for k in self.places]
        return Element(self.level, self.node, tuple(map(int, index)))


def everything(level: Level, node: Node) -> Read:
    """All elements of a node."""
    return Read(level, node, (slice(None),) * np.ndim(level.values[node]))


def reads(element: Element) -> list[Read]:
    """What an element was computed from. Where an op does not tell, it is all of its operands."""
    level, node, index = element.level, element.node, element.index
    if isinstance(node.op, Input):
        return _outside(level, node, index)
    if isinstance(node.op, Get):
        whole = node.inputs[0]
        return _of(level, whole, index, node.op.index)
    return _of(level, node, index, 0)


def began(element: Element, wrong: Callable[[np.ndarray], np.ndarray]) -> Element:
    """The same element of a carry at the start of the first of the steps, without a gap before this
    one, at whose start it was wrong already; the element itself if it is not carried."""
    level, owner = element.level, element.level.owner
    if not isinstance(element.node.op, Input) or owner is None or isinstance(owner.op, Branch):
        return element
    body, calls = level.outer.body(owner, level.step)[0], level.outer.runs(owner).calls
    k = next(k for k, x in enumerate(body.parameters) if x is element.node)
    if k >= owner.op.carries:
        return element
    step = level.step
    while step > 0 and wrong(np.asarray(calls[step - 1][1][k][element.index])):
        step -= 1
    body, before = level.outer.body(owner, step)
    return Element(before, body.parameters[k], element.index)


def _of(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    """What an element of a result of a node was computed from."""
    for kind, of_kind in _KINDS:
        if isinstance(node.op, kind):
            return of_kind(level, node, index, result)
    return _all(level, node)


def _all(level: Level, node: Node) -> list[Read]:
    return [everything(level, x) for x in node.inputs if x in level.values]


def _elementwise(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    found = [_broadcast(level, x, index) for x in node.inputs]
    if isinstance(node.op, Where):
        return [found[0], found[1] if found[0].values else found[2]]
    return found


def _broadcast(level: Level, x: Node, index: Index) -> Read:
    """The element of an operand that broadcasts to an index."""
    shape = np.shape(level.values[x])
    own = index[len(index) - len(shape) :]
    return Read(level, x, tuple(0 if n == 1 else k for n, k in zip(shape, own, strict=True)))


def _choice(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    selector, *values = node.inputs
    which = taken(level.values[selector], len(values))
    return [everything(level, selector), Read(level, values[which], index)]


def _moved(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    """Of an op that moves elements: found by applying it to the numbers of the elements."""
    held = node.op.index_inputs()
    moved = [k for k in range(len(node.inputs)) if k not in held]
    arguments = [level.values[x] for x in node.inputs]
    starts, count = {}, 0
    for k in moved:
        shape, starts[k] = np.shape(arguments[k]), count
        size = int(np.prod(shape))
        arguments[k] = np.arange(count, count + size, dtype="int64").reshape(shape)
        count += size
    number = int(level.op(node).numpy(*arguments)[index])
    for k in reversed(moved):
        if number >= starts[k] and np.size(arguments[k]):
            x = node.inputs[k]
            return [Read(level, x, everything(level, x).at(number - starts[k]).index)]
    return []


def _view(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    if not node.inputs:
        return []
    return _moved(level, node, index, result)


def _scatter(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    if node.op.mode == "set":
        return _moved(level, node, index, result)
    return [Read(level, node.inputs[0], index), *_all(level, node)[1:]]


def _reduction(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    (x,), kept = node.inputs, iter(index)
    ndim = np.ndim(level.values[x])
    axes = node.op.axes
    return [Read(level, x, tuple(slice(None) if a in axes else next(kept) for a in range(ndim)))]


def _contraction(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    first, second, out = node.op.parts()
    at = dict(zip(out, index, strict=True))
    found = [
        Read(level, x, tuple(at.get(letter, slice(None)) for letter in letters))
        for x, letters in zip(node.inputs, (first, second))
    ]
    if isinstance(node.op, Accumulation):
        _, _, scale, base = node.inputs
        found += [Read(level, scale, ()), Read(level, base, index)]
    return found


def _core(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    """The item of a routine: all elements at the same place of the leading axes."""
    _, outs = node.op.signature()
    batch = index[: len(index) - len(outs[min(result, len(outs) - 1)])]
    return [
        Read(level, x, (*batch, *[slice(None)] * (np.ndim(level.values[x]) - len(batch))))
        for x in node.inputs
    ]


def _loop(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    op, runs = node.op, level.runs(node)
    count = len(runs.calls)
    if result < op.carries:
        if not count:
            return [Read(level, node.inputs[result], index)]
        step, inner = count - 1, index
    elif result < op.carries + op.stacked:
        step, inner = runs.element(index[0]), index[1:]  # its own inverse
        if not 0 <= step < count:
            return []
    else:
        return []
    body, within = level.body(node, step)
    return [Read(within, body.outputs[result], inner)]


def _branch(level: Level, node: Node, index: Index, result: int) -> list[Read]:
    body, within = level.body(node, 0)
    return [everything(level, node.inputs[0]), Read(within, body.outputs[result], index)]


def _outside(level: Level, node: Node, index: Index) -> list[Read]:
    """What a parameter of a body is: an element of the level around, or of the step before."""
    outer, owner = level.outer, level.owner
    if outer is None:
        return []
    op = owner.op
    body = outer.body(owner, level.step)[0]
    k = next(k for k, x in enumerate(body.parameters) if x is node)
    if isinstance(op, Branch):
        return [Read(outer, owner.inputs[k + 1], index)]
    if k < op.carries and level.step > 0:
        before, within = outer.body(owner, level.step - 1)
        return [Read(within, before.outputs[k], index)]
    if op.carries <= k < op.carries + op.sequences:
        t = outer.runs(owner).element(level.step)
        return [Read(outer, owner.inputs[k], (t, *index))]
    return [Read(outer, owner.inputs[k], index)]


_KINDS = (
    (Elementwise, _elementwise),
    (Choice, _choice),
    (View, _view),
    (Join, _moved),
    (Scatter, _scatter),
    (Reduction, _reduction),
    ((Contraction, Accumulation), _contraction),
    (Core, _core),
    (Loop, _loop),
    (Branch, _branch),
)
