"""Targets: they build plans into code that can be run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from cython_ext.code import Code
from cython_ext.scipy_special import PREFIX, is_scipy
from probtensor.dataclass import dataclass, field
from probtensor.kernel.ir import Apply, Call, Kernel, exprs_of, walk, walk_expr
from probtensor.lower.plan import Plan
from probtensor.process import computed_once

# Runs a plan, or a stage of it, over flat arrays and the values of its sizes, behind which stands
# the stage if there are several; gives its status. The list is given None for temporaries, and gets
# their arrays in the stage that begins them.
Run = Callable[[list[np.ndarray | None], list[int]], int]


class BuildError(RuntimeError):
    """A plan could not be built; the message says what to install or to change."""


@dataclass(frozen=True)
class Built:
    """A built plan.

    run      the address of a `pt_plan_fn`, or a callable (flat arrays, sizes) -> status, where the
             arrays of temporaries are None
    source   the generated text; empty where there is none
    path     the file of the built module; empty where there is none
    timings  seconds of each stage
    stored   the text that `load` of the target takes, where it is not the source
    owner    keeps `run` valid: its destruction unloads the code
    program  None, or what the code at `run` interprets; see `cython_ext.code.Code`
    on_device
             whether it runs on a device: then `run` is a `Deferred` of cuda/launches.py, and
             the function a `DeviceFunction`
    """

    run: int | Run
    source: str = ""
    path: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    owner: object = None
    program: object = None
    stored: str = ""
    on_device: bool = False

    def pinned(self) -> int:
        """The address at which the plan may be called for the life of the process; 0 where it has
        none, or needs a frame (see `program`)."""
        pin = getattr(self.owner, "pin", None)
        if pin is not None:
            pin()
        return 0 if callable(self.run) or self.program is not None else self.run

    @computed_once
    def code(self) -> Code:
        """What all functions of this plan call."""
        return Code(self.run, self.owner, self.program)


class Target(Protocol):
    """A backend. One file in `targets/`, one line in `compile.TARGETS`.

    It may also have `schedule(plan)`: the loops as the target runs them, as text for
    `explain("schedule")`."""

    name: str

    def build(self, plan: Plan) -> Built:
        """Render, compile and load a plan. Raises BuildError."""
        ...


@runtime_checkable
class Loads(Protocol):
    """A target that can load a cached module, by the generated text."""

    name: str

    def load(self, source: str) -> Built:
        """Load generated text, built if necessary. Raises BuildError."""
        ...


def prepared(target: Target, plan: Plan) -> Built:
    """The built plan for a function; by `prepare`, which defers the build to the first call, if the
    target has it. Raises BuildError."""
    prepare = getattr(target, "prepare", target.build)
    return prepare(plan)


def host_routine(plan: Plan) -> Call | None:
    """The first call of a plan that a GPU has no routine for; it runs on the host."""
    for kernel in plan.kernels:
        for stmt in walk(kernel.body):
            if isinstance(stmt, Call) and not stmt.device:
                return stmt
    return None


def scipy_function(kernel: Kernel) -> tuple[str, str] | None:
    """The first function of SciPy that a kernel calls, with the user's line; None if there is none.
    Such a kernel cannot run on a device, nor be exported."""
    for stmt in walk(kernel.body):
        for expr in exprs_of(stmt):
            for part in walk_expr(expr):
                if isinstance(part, Apply) and is_scipy(part.fn):
                    return part.fn.removeprefix(PREFIX), getattr(stmt, "origin", "")
    return None


def routine_name(routine: str) -> str:
    """A routine in messages."""
    if routine.startswith("pt_effect_"):
        return "what pt.debug does with a value"
    return routine.removeprefix("pt_")


def host_part(plan: Plan) -> tuple[str, str] | None:
    """The first part of a plan that runs on the host where the plan runs on a device: the name of
    its routine or function, and the user's line."""
    call = host_routine(plan)
    if call is not None:
        return routine_name(call.routine), call.origin
    return next(filter(None, map(scipy_function, plan.kernels)), None)


def require_device_routines(plan: Plan) -> None:
    """BuildError where a plan cannot be part of a kernel: a part of it runs on the host."""
    part = host_part(plan)
    if part is not None:
        name, origin = part
        raise BuildError(
            f"{name} runs on the host, and a density that is part of a kernel on the GPU cannot "
            f"wait for it: condition with target='cython' to sample on the CPU\n  at {origin}"
        )
