"""The value that made a call fail.

A compiled function returns the number of the check that failed. Here the graph is evaluated again,
by the NumPy meaning of each op, for a message with the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.graph.evaluate import value_of
from probtensor.graph.node import Node, line_of
from probtensor.graph.sizes import measured_sizes
from probtensor.graph.walk import Contexts, toposort
from probtensor.types import size_name


def fault_of(outputs: Sequence[Node], values: Mapping[Node, np.ndarray]) -> Exception | None:
    """The exception of the first op that stops the call, given the values of the inputs, or None.
    What the call did not compute is not evaluated.

    Such an op has `stops`, and `refused(line, *arrays)` gives its exception. Where one of its
    ancestors refuses its arguments too, the exception is that of the first ancestor.
    """
    sizes = {
        name: n
        for node, array in values.items()
        for size, n in zip(node.shape, array.shape)
        if (name := size_name(size)) is not None
    }
    found = dict(values)
    refused: dict[Node, Exception] = {}
    order = toposort(outputs)
    contexts = Contexts(order, outputs)
    stopping = [y for y in order if getattr(y.op, "stops", False)]
    with np.errstate(all="ignore"):
        for node in toposort(stopping, needs=contexts.needs):
            if node in found or not any(c.holds(found) for c in contexts.of[node]):
                continue
            arguments = [found[x] for x in node.inputs]
            sizes.update(measured_sizes(node, found))
            if hasattr(node.op, "refused"):
                error = node.op.refused(line_of(node), *arguments)
                if error is not None:
                    refused[node] = error
                if error is not None and getattr(node.op, "stops", False):
                    return next(refused[x] for x in toposort([node]) if x in refused)
            value = value_of(node, arguments, sizes)
            several = isinstance(value, tuple)  # outputs with dtypes of their own
            found[node] = value if several else value.astype(node.dtype, copy=False)
    return None
