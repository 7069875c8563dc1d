"""A tensor with additional size laws.

Most ops define their size law themselves (`Op.requires`). `Require` carries laws that no op
defines: an equal split, a bound of a slice that must not be negative, and those of nodes that a
rewriting outside of the passes removed from a graph. The passes drop it after collecting its laws.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence

from probtensor.calls import user_line
from probtensor.dataclass import replace
from probtensor.graph.law import size_laws
from probtensor.graph.node import GraphError, Node, as_tensor, make
from probtensor.graph.walk import toposort
from probtensor.ops.arrays.views import Sized
from probtensor.ops.kinds import Batch, View, op
from probtensor.ops.samples import cases
from probtensor.types import ShapeError, Size, SizeCheck, TensorType

# (left, relation, right, name of the error, parts of the message)
Law = tuple


@op
class Require(View):
    """x, with size laws that a call must obey. Their messages name the op that requires them, and
    the line that made it."""

    laws: tuple[Law, ...]
    asks = True
    linear = True
    complete = True
    samples = cases((3, 4), laws=[((3, "<=", 4, "ValueError", ("3 columns are needed, not ", 4)),)])

    def infer(self, x: TensorType) -> TensorType:
        for law in _checks(self.laws):
            if not law.names():
                replace(law, error=ShapeError).verify({})
        return x

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        return _checks(self.laws)

    def element(self, index, read, types, out, select):
        return read[0](list(index))

    def numpy(self, x):
        for law in _checks(self.laws):
            if not law.names():
                law.verify({})
        return x

    def vjp(self, g, out, x):
        return (make(self, (g,)),)

    def batched(self, batch: Batch) -> Node:
        return make(self, (batch.first,))


def _checks(laws: Iterable[Law]) -> Iterator[SizeCheck]:
    for left, relation, right, error, message in laws:
        yield SizeCheck(left, relation, right, message, getattr(builtins, error))


def require(x: Node, laws: Iterable[SizeCheck]) -> Node:
    """x with these laws; x itself if they always hold."""
    open_ = dict.fromkeys(law for law in laws if not law.proved)
    if not open_:
        return x
    return make(Require(tuple(
        (law.left, law.relation, law.right, law.error.__name__, law.message) for law in open_
    )), (x,))  # fmt: skip


def asked_for(x: Node, what: str, *laws: SizeCheck) -> Node:
    """x with the laws that the function `what` requires at this call; GraphError if one of them
    fails for certain."""
    file, line = user_line()
    placed = [replace(law, message=(f"{what}: ", *law.message, f"\n  at {file}:{line}"))
              for law in laws]  # fmt: skip
    for law in placed:
        if not law.names():
            replace(law, error=GraphError).verify({})
    return require(x, placed)


def sized(x: Node, shape: Sequence[Size], what: str) -> Node:
    """x with the law that it has this shape, by the function `what`; x itself if it has."""
    return x if tuple(shape) == x.shape else make(Sized(tuple(shape), what), (x,))


def keep_laws(outputs: Sequence[Node], before: Sequence[Node]) -> list[Node]:
    """The outputs, each with all size laws of the graph of `before` that it has lost."""
    laws = size_laws(toposort(before), (), broadcasting=True)
    if not laws:
        return list(outputs)
    outputs = list(map(as_tensor, outputs))
    every = (1 << len(laws)) - 1
    found = []
    for y, had in zip(outputs, _laws_had(outputs, [_key(law) for law in laws]), strict=True):
        lost = [law for k, law in enumerate(laws) if not had >> k & 1] if had != every else ()
        found.append(require(y, lost))
    return found


def _laws_had(outputs: Sequence[Node], keys: Sequence[tuple]) -> list[int]:
    """Which of some laws hold by the graph of each output: bit k is set for `keys[k]`."""
    bits = {key: 1 << k for k, key in enumerate(keys)}
    had: dict[Node, int] = {}
    for node in toposort(outputs):
        found = 0
        for law in size_laws([node], (), broadcasting=True):
            found |= bits.get(_key(law), 0)
        for x in node.needs:
            found |= had[x]
        had[node] = found
    return [had[y] for y in outputs]


def _key(law: SizeCheck) -> tuple:
    return law.left, law.relation, law.right
