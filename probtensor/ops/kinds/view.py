"""Views: elements of an input at other indices, or functions of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from probtensor.graph.node import Node
from probtensor.ops.kinds.base import Kind
from probtensor.ops.size_laws import aligned, indices_exist
from probtensor.types import SizeCheck, TensorType


class View(Kind):
    """Each element of the output is an element of an input, or a function of its index alone.

    `element(index, read, types, out, select)` gives the element at `index` (a list of index
    expressions, one an axis of the output). `read[k](indices)` is the element of input k; index
    expressions take + - * // % and comparisons with each other and with sizes;
    `select(condition, a, b)` selects between the results of two functions; only `a` may read
    indices that are out of bounds where the condition is false. `index_inputs` maps the position of
    an input that holds indices to (position of the input they point into, its axis); values read
    from such an input are within bounds already, by the `mode` of the op ("raise", "wrap", "clip").
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
            yield indices_exist(node.inputs[position], node.inputs[source], axis)
