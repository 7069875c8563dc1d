"""What the tools of this package ask of a compiled function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from probtensor.graph.node import Node
from probtensor.lower.plan import Plan


class Subject(Protocol):
    """A compiled function (`probtensor.function.Function`), which imports this package and not the
    other way round.

    label        its name in messages
    program      the program before compilation: `inputs`, `outputs`, `graph`, `updates`; its
                 `compiler(program)` compiles a changed one
    compilation  `inputs` (the plan's, in order), `given` (arrays in the graph, by node), `target`,
                 `built`, and `lowered()`: the graph before (`written`) and after (`outputs`) the
                 passes, `plan`, `passes()`, `fused()`
    plan         the plan: buffers, kernels, sizes
    bound        arrays of inputs that are fixed
    inputs       the arguments of a call
    locked_cells  the shared variables that calls update or read together; None if there are none
    with_compilation(compilation)  the same function by another compilation
    """

    label: str
    program: Any
    compilation: Any
    plan: Plan
    bound: Mapping[Node, np.ndarray]
    source: str
    code: int
    arrange: Callable[..., tuple]
    require_one_stage: Callable[[], None]
    inputs: tuple[Any, ...]
    locked_cells: tuple[Any, ...] | None
    with_compilation: Callable[[Any], Any]

    def __call__(self, *args: object) -> object: ...

