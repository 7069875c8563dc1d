"""Many named results of a compiled function as one flat vector, one row per draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.function import Function
from probtensor.graph import Node
from probtensor.types import size_value


class Packed:
    """Named nodes as one vector, `node`, of float64 (integers up to 2**53 are exact in it)."""

    def __init__(self, named: Mapping[str, Node]) -> None:
        self.types = {name: node.type for name, node in named.items()}
        parts = [ops.ravel(node).astype("float64") for node in named.values()]
        self.node = ops.concatenate(parts) if parts else ops.zeros((0,))

    def unpack(self, rows: np.ndarray, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
        """Rows of the vector as arrays (rows, *shape) by name."""
        found, start = {}, 0
        for name, kind in self.types.items():
            shape = tuple(size_value(n, sizes) for n in kind.shape)
            stop = start + int(np.prod(shape, dtype=int))
            part = rows[:, start:stop].reshape(len(rows), *shape)
            found[name] = np.ascontiguousarray(part.astype(kind.dtype, copy=False))
            start = stop
        return found


def rows_of(function: Function, columns: Sequence[np.ndarray]) -> np.ndarray:
    """The results of a function for each row of its arguments, as one matrix; on a device all rows
    are computed in one launch."""
    found = function.rows(columns)[0]
    return found if isinstance(found, np.ndarray) else found.get()
