"""What the tools of this package ask of a compiled function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    values_of_call, plan_runner
                 the arrays of the plan's inputs in a call, in order; a plan, built for a target, as
                 a function from such arrays to those of its outputs
    inputs       the arguments: the inputs of the program that are not bound
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
    values_of_call: Callable[[tuple], list[np.ndarray]]
    plan_runner: Callable[..., Callable[[Sequence[np.ndarray]], list[np.ndarray]]]
    inputs: tuple[Any, ...]
    locked_cells: tuple[Any, ...] | None
    with_compilation: Callable[[Any], Any]

    def __call__(self, *args: object) -> object: ...


def function_in(value: object) -> Subject | None:
    """The compiled function that a value is, or that it has as its attribute `function`, as a
    posterior does; None for anything else."""
    for found in (value, getattr(value, "function", None)):
        if hasattr(found, "compilation") and hasattr(found, "program"):
            return found
    return None
