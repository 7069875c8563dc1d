"""What is wrong with the values of a call that failed.

A compiled function tells by a number which of its checks failed. Here the values that were checked
are computed once more, by the NumPy meaning of each op, for a message that names one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.graph.evaluate import value_of
from probtensor.graph.node import Node, line_of
from probtensor.graph.walk import toposort
from probtensor.types import size_name


def fault_of(outputs: Sequence[Node], values: Mapping[Node, np.ndarray]) -> Exception | None:
    """The exception of the first op that stops a call, given the values of the inputs; None where
    none does.

    Such an op `stops` and says what is `refused(line, *arrays)`. What it was made of may say so
    too, and is named instead, since it comes first.
    """
    sizes = {
        name: n
        for node, array in values.items()
        for size, n in zip(node.shape, array.shape)
        if (name := size_name(size)) is not None
    }
    found = dict(values)
    refused: dict[Node, Exception] = {}
    with np.errstate(all="ignore"):
        for node in toposort([y for y in toposort(outputs) if getattr(y.op, "stops", False)]):
            if node in found:
                continue
            arguments = [found[x] for x in node.inputs]
            if hasattr(node.op, "refused"):
                error = node.op.refused(line_of(node), *arguments)
                if error is not None:
                    refused[node] = error
                if error is not None and getattr(node.op, "stops", False):
                    return next(refused[x] for x in toposort([node]) if x in refused)
            value = value_of(node, arguments, sizes)
            whole = isinstance(value, tuple)  # of several parts, each with its own dtype
            found[node] = value if whole else value.astype(node.dtype, copy=False)
    return None
