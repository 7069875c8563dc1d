"""What a call was given, so that it can be computed again; and other plans of the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cython_ext.cell import KeySequence
from cython_ext.convert import parts_of
from probtensor.dataclass import dataclass, replace
from probtensor.function.call import Function, function_of
from probtensor.function.program import Leaf
from probtensor.graph.node import Node
from probtensor.lower.plan import Plan
from probtensor.ops.complexes.pair import given_type
from probtensor.targets.base import Target, prepared
from probtensor.types import FLOAT16


@dataclass(frozen=True)
class State:
    """What a call reads beside its arguments: the values of shared variables, by the number of
    their slot, and the key of random draws."""

    cells: Mapping[int, np.ndarray]
    key: int | None = None


def state_of(function: Function) -> State:
    """What the next call will read beside its arguments; it is not drawn from."""
    cells, key = {}, None
    for slot in function._wiring.live:
        if slot.kind == "cell":
            cells[slot.number] = slot.payload.value
        elif slot.kind == "key":
            # The pickle of a sequence has where it stands.
            key = KeySequence(slot.payload.__reduce__()[1][0]).next()
    return State(cells, key)


def values_of_call(function: Function, args: tuple, state: State) -> list[np.ndarray]:
    """The arrays of the plan's inputs in a call, in order and as the plan has them: complex numbers
    as pairs, float16 as its bits. `args` are all arguments, in order."""
    slots = {slot.position: slot for slot in function._wiring.slots}
    found = []
    for position in function.plan.inputs:
        slot = slots[position]
        if slot.kind == "argument":
            array = (
                function._slot_array(slot, args)
                if function.on_device
                else function.converted_argument(slot.number, args)
            )
        elif slot.kind == "cell":
            array = state.cells[slot.number]
        elif slot.kind == "key":
            array = np.array(state.key, np.uint64)
        else:
            array = slot.payload
        found.append(plain(array))
    return found


def require_sizes(function: Function, args: tuple) -> None:
    """ValueError, as a call raises it, where the sizes of the arguments do not fit."""
    slots, arrays = function._wiring.slots, values_of_call(function, args, state_of(function))
    by_position = dict(zip(function.plan.inputs, arrays, strict=True))
    live = [slot for slot in slots if slot.kind != "fixed"]
    function._wiring.planner(tuple(n for slot in live for n in by_position[slot.position].shape))


def plain(array: object) -> np.ndarray:
    """An array on the host, as a plan has it."""
    array = array if isinstance(array, np.ndarray) else array.get()
    array = parts_of(array) if array.dtype.kind == "c" else array
    return array.view("uint16") if array.dtype == FLOAT16 else array


def _given(array: np.ndarray, node: Node) -> np.ndarray:
    """The array of a plan's input as callers give it."""
    dtype = given_type(node).dtype
    if dtype.kind == "c":
        return np.ascontiguousarray(array).view(dtype)[..., 0]
    return array.view(FLOAT16) if dtype == FLOAT16 and array.dtype != FLOAT16 else array


def plan_runner(
    function: Function, plan: Plan, target: Target
) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    """A plan, built for a target, as a function of the arrays of its inputs in order, which gives
    those of its outputs. Beside them it has nothing of the function."""
    inputs = [plan.buffers[k].node for k in plan.inputs]
    count = len(plan.outputs)
    program = replace(
        function.program,
        inputs=(),
        outputs=(),
        borrowed=(False,) * count,
        output_memories=("cpu",) * count,
        tree=[Leaf(k) for k in range(count)],
        updates=(),
        check=None,
    )
    compilation = replace(
        function.compilation,
        inputs=tuple(inputs),
        given={},
        key=None,
        plan=plan,
        target=target,
        built=prepared(target, plan),
        record="",
    )

    def run(values: Sequence[np.ndarray]) -> list[np.ndarray]:
        bound = {x: _given(array, x) for x, array in zip(inputs, values, strict=True)}
        return function_of(program, compilation, bound).unchecked()

    return run
