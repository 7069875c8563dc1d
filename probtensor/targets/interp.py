"""The reference target: kernels run by `kernel/interp.py` over NumPy buffers. Needs no compiler.

Matrix products are NumPy's, with one BLAS thread as on the other targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cython_ext import blas
from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import Kernel
from probtensor.lower.plan import Plan
from probtensor.targets.base import Built
from probtensor.types import size_product, size_value


def run_kernel(
    kernel: Kernel,
    buffers: Mapping[str, np.ndarray],
    sizes: Mapping[str, int],
    functions: Mapping[str, Callable],
    routines: Mapping[str, Callable] | None = None,
    machine: type[Machine] = Machine,
) -> int:
    """Run one kernel over flat arrays, in place; gives its status."""
    return machine(buffers, sizes, functions, routines).run(kernel)


class InterpTarget:
    """Runs plans in Python, kernel by kernel. `meanings` gives (functions, routines) by C name."""

    name = "interp"

    def __init__(self, meanings: Callable[[], tuple[Mapping, Mapping]]) -> None:
        self.meanings = meanings

    def build(self, plan: Plan) -> Built:
        """A plan as a Python callable; there is nothing to compile."""
        return self.build_with(plan, Machine)

    def build_with(self, plan: Plan, machine: type[Machine]) -> Built:
        """A plan as a Python callable, whose kernels a class of interpreters runs."""
        functions, routines = self.meanings()
        library = blas.of_numpy()

        def run(arrays: list[np.ndarray | None], values: list[int]) -> int:
            sizes = {source.name: n for source, n in zip(plan.sizes, values)}
            stage = values[-1] if plan.staged else 0
            for k in plan.temps(stage):
                count = size_value(size_product(plan.buffers[k].shape), sizes)
                arrays[k] = np.zeros(count, dtype=plan.buffers[k].dtype)
            named = zip(plan.buffers, arrays, strict=True)
            buffers = {
                # Of what is stored as float16 a plan has the bits.
                buffer.name: array.view("uint16") if array.dtype == "float16" else array
                for buffer, array in named
                if array is not None
            }
            status = 0
            with blas.OneThread(library):
                for kernel in plan.stage_kernels(stage):
                    done = run_kernel(kernel, buffers, sizes, functions, routines, machine)
                    status = done or status
            return status

        return Built(run)
