"""Routines by NVIDIA's libraries: what a call of one queues, recorded once for given sizes.

`recipes.py` says of each routine of `cython_ext` how cuSOLVER, cuBLAS and cuFFT compute it. Its
recipe is run once, with places in the operands and in a room of scratch memory for addresses, and
records the work; a call queues that at its own addresses. Where a library is absent, or a size does
not fit, the routine runs on the host (`host_calls.py`), or in a kernel if a device has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from probtensor.dataclass import dataclass
from probtensor.device import DeviceError, Driver, Image, LaunchQueue
from probtensor.kernel.ir import Call
from probtensor.lower.plan import Plan
from probtensor.targets.cuda.recipes import RECIPES
from probtensor.targets.cuda.recorder import Place, Recorder, Step
from probtensor.types import Size, dtype_of, size_names, size_substitute, size_value

SOURCE = '#include "pt_library.cuh"\n'


@dataclass(frozen=True)
class LibraryCall:
    """The work of one call: functions of a stream and of addresses, each with its arguments.

    operands  position in the plan and offset in bytes of each operand; offsets may depend on the
              steps of loops in order around it
    room      bytes of scratch memory
    """

    operands: tuple[tuple[int, Size], ...]
    steps: tuple[Step, ...]
    room: int

    def run(
        self,
        pointers: Sequence[int],
        numbers: Mapping[str, int],
        room: int,
        stream: LaunchQueue | None = None,
    ) -> None:
        """Queue it for buffers at these device addresses, in the steps `numbers` of loops."""
        bases = [pointers[k] + size_value(offset, numbers) for k, offset in self.operands]
        bases.append(room)  # ROOM is the last one
        for queue, arguments in self.steps:
            queue(
                stream,
                *(bases[x.base] + x.offset if type(x) is Place else x for x in arguments),
            )


def library_call(
    plan: Plan, call: Call, values: Mapping[str, int], driver: Driver, kernels: Callable[[], Image]
) -> LibraryCall | None:
    """A call of a plan by a library, for sizes of these values; None where it has no recipe, no
    library, or sizes that do not fit. `kernels`: gives the module of pt_library.cuh."""
    recipe = RECIPES.get(call.routine)
    names = {name for size in call.numbers for name in size_names(size)}
    if recipe is None or not names <= values.keys():
        return None
    numbers = tuple(size_value(size, values) for size in call.numbers)
    if getattr(driver, recipe.library) is None or not all(numbers) or not recipe.fits(*numbers):
        return None
    recorder = Recorder(driver, kernels)
    operands = tuple(Place(k) for k in range(len(call.pointers)))
    try:
        recipe.record(recorder, *operands, *numbers)
        recorder.finish()
    except DeviceError:  # such as a size that the library has no plan for
        return None
    position = {buffer.name: k for k, buffer in enumerate(plan.buffers)}
    found = []
    for name, offset in call.pointers:
        k = position[name]
        found.append((k, dtype_of(plan.buffers[k].dtype).bytes * size_substitute(offset, values)))
    return LibraryCall(tuple(found), tuple(recorder.steps), recorder.size)
