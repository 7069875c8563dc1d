"""Wiring: where each buffer of a function's plan comes from, and where its results go.

It is made once for each function and used by the two that run plans: `Entry` of `cython_ext`, which
calls a plan on the host, and `DeviceFunction`, which queues one on a device. It holds plain values,
so that both are independent of graphs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from cython_ext.cell import Cell, KeySequence
from cython_ext.code import Code
from probtensor.dataclass import dataclass
from probtensor.device import DeviceArray
from probtensor.graph.node import line_of
from probtensor.lower.memory import layout
from probtensor.lower.plan import Plan
from probtensor.ops.complexes.pair import complex_type, given_type
from probtensor.process import computed_once
from probtensor.targets.base import Built
from probtensor.types import FLOAT16, TensorType, shape_text, size_value

MAX_BYTES = 2**62  # bytes
MAX_REFUSED = 64  # sizes of calls whose errors are kept


@dataclass
class Slot:
    """A buffer that is an input of the plan.

    position  in the plan's table of buffers
    kind      "argument": given by the caller; "cell": the current value of a shared variable;
              "key": a fresh key for random draws; "fixed": bound when the function is made
    label     its name in messages
    line      the user's line that made its tensor
    payload   the cell, the sequence of keys, or the fixed array; None for an argument
    number    index among the slots; the fixed ones are last
    argument  index among the call's arguments, for kind "argument"
    """

    position: int
    kind: Literal["argument", "cell", "key", "fixed"]
    label: str
    dtype: str
    ndim: int
    line: str
    payload: Cell | KeySequence | np.ndarray | DeviceArray | None = None
    number: int = -1
    argument: int = -1

    @computed_once
    def parts(self) -> tuple[int, ...]:
        """The sizes that the plan has after those of the array: of the parts of complex numbers."""
        return (2,) if np.dtype(self.dtype).kind == "c" else ()


@dataclass
class Result:
    """An output of the plan: a result for the caller, or the new value of a shared variable.

    position  in the plan's table of buffers
    copies    the earlier result with the same buffer, of which this one is a copy, or None
    borrowed  whether the next call may overwrite the array
    memory    "cpu", "cuda", or "cell": the device memory of a shared variable
    stage     of the plan that first writes it
    """

    position: int
    dtype: str
    ndim: int
    copies: int | None
    borrowed: bool
    memory: str
    stage: int = 0

    @property
    def own(self) -> bool:
        """Whether it has a buffer of its own."""
        return self.copies is None

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of its array, given that of its buffer."""
        return shape[: self.ndim]


@dataclass
class IndexCheck:
    """The values of slot `slot` are indices into an axis of size `Extents.bounds[number]`;
    `message` names the axis."""

    slot: int
    number: int
    message: str


class Extents(NamedTuple):
    """What depends on the sizes of a call's arrays, for a stage of the plan.

    sizes    values of the plan's sizes, 0 for those not known yet; then, where there are several
             stages, the number of the stage
    shapes   of the results, complex ones with their parts along a last axis; zeros for those that
             the stage does not begin
    offsets  of the temporaries in the arena of the stage, in the order of `Wiring.temps`; 0 for
             those in other arenas
    arena    bytes of the arena
    bounds   of the index checks
    """

    sizes: list[int]
    shapes: list[tuple[int, ...]]
    offsets: list[int]
    arena: int
    bounds: list[int]


@dataclass(frozen=True)
class Wiring:
    """All of a function that does not depend on sizes.

    code      what runs the plan
    buffers   length of the plan's table of buffers
    slots     the buffers that are inputs, those of kind "fixed" last
    results   the outputs, those that update shared variables last
    temps     positions of temporaries
    temp_stages  the stages that first write them
    measured  (first stage that uses it, position of the int64 that is its value) for each size that
              data decide, in the order of the stages
    stages    number of stages
    planner   from the sizes of all live slots, concatenated, to `Extents`, followed by the values
              of the sizes that data decide and earlier stages computed; raises where the sizes are
              inconsistent
    checks    of slots whose values are indices
    failures  message of each status but 0
    cells     of the shared variables that the last results update
    build     from the list of results to their structure; None for the list itself
    single    whether the only result is returned without a list
    """

    code: Code
    buffers: int
    slots: tuple[Slot, ...]
    results: tuple[Result, ...]
    temps: tuple[int, ...]
    planner: Callable[[tuple[int, ...]], Extents]
    checks: tuple[IndexCheck, ...]
    failures: tuple[str, ...]
    cells: tuple[Cell, ...] = ()
    build: Callable[[list], object] | None = None
    single: bool = False
    temp_stages: tuple[int, ...] = ()
    measured: tuple[tuple[int, int], ...] = ()
    stages: int = 1

    @computed_once
    def live(self) -> tuple[Slot, ...]:
        """The slots that may change from call to call."""
        return tuple(slot for slot in self.slots if slot.kind != "fixed")

    @computed_once
    def fixed(self) -> tuple[Slot, ...]:
        """The slots that are bound for the life of the function."""
        return tuple(slot for slot in self.slots if slot.kind == "fixed")

    @computed_once
    def checks_of(self) -> Mapping[int, Sequence[IndexCheck]]:
        """The checks of each slot that has any, by number of the slot."""
        found: dict[int, list[IndexCheck]] = {}
        for check in self.checks:
            found.setdefault(check.slot, []).append(check)
        return found


class CallShapes:
    """From the sizes of a call's arrays to `Extents`."""

    def __init__(self, plan: Plan, live: Sequence[int], fixed: Mapping[int, tuple[int, ...]]):
        self.plan = plan
        self.measured = plan.measured()
        self.checks = [plan.checks(stage) for stage in range(len(plan.starts))]
        self.live = live  # positions of live slots
        self.fixed = fixed  # shapes of the others, by position
        self.refused: dict[tuple[int, ...], tuple] = {}  # errors, by the sizes, as (class, args)

    def __call__(self, dims: tuple[int, ...]) -> Extents:
        refused = self.refused.get(dims)
        if refused is not None:  # calls that broadcast begin with a refusal
            raise refused[0](*refused[1])
        try:
            return self._extents(dims)
        except ValueError as error:
            if len(self.refused) >= MAX_REFUSED:
                self.refused.clear()
            self.refused[dims] = type(error), error.args
            raise

    def _extents(self, dims: tuple[int, ...]) -> Extents:
        plan, at = self.plan, 0
        shapes = dict(self.fixed)
        for k in self.live:
            ndim = len(plan.buffers[k].shape)
            shapes[k] = dims[at : at + ndim]
            at += ndim
        for k in plan.inputs:
            self._check_fixed_sizes(k, shapes[k])
        known = dict(zip((source.name for source in self.measured), dims[at:]))
        stage = 0 if not known else self.measured[len(known) - 1].stage
        values = [
            known.get(s.name, 0) if s.measured
            else shapes[s.buffer][s.axis] if s.value is None else s.value
            for s in plan.sizes
        ]  # fmt: skip
        sizes = {source.name: n for source, n in zip(plan.sizes, values)}
        for check in self.checks[stage]:
            check.verify(sizes)
        results = [
            plan.shape(k, sizes) if begun == stage else (0,) * len(plan.buffers[k].shape)
            for k, begun in zip(plan.outputs, plan.output_stages, strict=True)
        ]
        arena, offsets = layout(plan, sizes, stage)
        for shape in results:
            if math.prod(shape) > MAX_BYTES:
                raise ValueError(f"a result would have the shape {shape}, which no array has")
        if arena > MAX_BYTES:
            raise MemoryError(f"no room for {arena} bytes of temporaries")
        bounds = [size_value(check.bound, sizes) for check in plan.index_checks]
        if plan.staged:
            values.append(stage)
        return Extents(values, results, [offsets.get(k, 0) for k in plan.lifetimes], arena, bounds)

    def _check_fixed_sizes(self, k: int, shape: tuple[int, ...]) -> None:
        node = self.plan.buffers[k].node
        kind = given_type(node)
        for axis, (size, given) in enumerate(zip(kind.shape, shape)):
            if isinstance(size, int) and size != given:
                label = node.name or f"input {k}"
                found = tuple(shape)[: kind.ndim]
                raise ValueError(
                    f"{label}: expected shape {shape_text(kind.shape)}, got {found}: size "
                    f"{given} along axis {axis} is not {size}\n"
                    f"  {label} was made at {line_of(node)}"
                )


def wire(
    plan: Plan,
    built: Built,
    slots: Sequence[Slot],
    results: Sequence[Result],
    cells: Sequence[Cell],
    build: Callable[[list], object] | None,
    single: bool,
) -> Wiring:
    """The wiring of a plan; sorts and numbers the slots."""
    ordered = numbered(slots)
    number = {slot.position: slot.number for slot in ordered}
    live = [slot.position for slot in ordered if slot.kind != "fixed"]
    shapes = {slot.position: slot.payload.shape for slot in ordered if slot.kind == "fixed"}
    checks = [IndexCheck(number[c.buffer], k, c.message) for k, c in enumerate(plan.index_checks)]
    return Wiring(
        code=built.code,
        buffers=len(plan.buffers),
        slots=ordered,
        results=tuple(results),
        temps=tuple(plan.lifetimes),
        planner=CallShapes(plan, live, shapes),
        checks=tuple(checks),
        failures=tuple(plan.failures),
        cells=tuple(cells),
        build=build,
        single=single,
        temp_stages=tuple(plan.stage_of(first) for first, _ in plan.lifetimes.values()),
        measured=tuple((source.stage, source.buffer) for source in plan.measured()),
        stages=len(plan.starts),
    )


def numbered(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """The slots, numbered, fixed ones last."""
    found, arguments = sorted(slots, key=lambda slot: slot.kind == "fixed"), 0
    for k, slot in enumerate(found):
        slot.number, slot.argument = k, arguments
        arguments += slot.kind == "argument"
    return tuple(found)


def results_of(
    plan: Plan, borrowed: Sequence[bool], memories: Sequence[str], stored: Sequence[str | None]
) -> list[Result]:
    """The results of a plan, with those that update shared variables: which are copies of earlier
    ones, which are borrowed, in which memory they are, and what they are `stored` as: complex
    numbers, whose parts the plan has along a last axis, or float16, of which it has the bits."""
    first: dict[int, int] = {}
    found = []
    given = zip(plan.outputs, borrowed, memories, plan.output_stages, stored, strict=True)
    for k, (position, lent, memory, stage, dtype) in enumerate(given):
        buffer, copies = plan.buffers[position], first.get(position)
        first.setdefault(position, k)
        kind = TensorType(buffer.dtype, buffer.shape)
        if dtype is not None and dtype.kind == "c":
            kind = complex_type(kind)
        elif dtype == FLOAT16:
            kind = kind.with_dtype(FLOAT16)
        found.append(Result(position, kind.dtype, kind.ndim, copies, lent, memory, stage))
    return found
