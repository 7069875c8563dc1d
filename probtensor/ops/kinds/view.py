"""Elements moved, or made of their index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from probtensor.graph.node import Node
from probtensor.ops.kinds.base import Kind
from probtensor.ops.size_laws import aligned, places_exist
from probtensor.types import SizeCheck, TensorType


class View(Kind):
    """Each element of the output is an element of an input, or a function of its index alone.

    `element(index, read, types, out, select)` gives the element at `index` (a list of index
    expressions, one an axis of the output). `read[k](indices)` is the element of input k; index
    expressions take + - * // % and comparisons with each other and with sizes;
    `select(condition, a, b)` chooses between what two functions give; only `a` may read places that
    do not exist where the condition fails. `index_inputs` maps the position of an input that holds
    indices to (position of the input they point into, its axis); what `read` gives for such an
    input is within bounds already, by the `mode` of the op ("raise", "wrap" or "clip").
    """

    @staticmethod
    def has_code(cls: type) -> bool:
        return cls.element is not View.element

    def element(
        self,
        index: list[Any],
        read: list[Callable[[list[Any]], Any]],
        types: Sequence[TensorType],
        out: TensorType,
        select: Callable[[Any, Callable[[], Any], Callable[[], Any]], Any],
    ) -> Any:
        raise NotImplementedError

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        held = self.index_inputs()
        yield from aligned([node.inputs[k].type.shape for k in held])
        for position, (source, axis) in held.items():
            yield places_exist(node.inputs[position], node.inputs[source], axis)
