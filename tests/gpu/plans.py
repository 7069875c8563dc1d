"""Plans run by the CUDA target on host arrays, and by the interpreter, which says what is right."""

import numpy as np

from probtensor.kernel.interp import Machine
from probtensor.types import size_value
from tests.lower.running import meanings, routines, unwrapped


def sizes_of(plan, arrays):
    """The values of a plan's sizes, given the arrays of its inputs."""
    sizes = {s.name: arrays[s.buffer].shape[s.axis] for s in plan.sizes if s.value is None}
    return sizes | {s.name: s.value for s in plan.sizes if s.value is not None}


def table_of(plan, arrays, sizes, rubbish=None):
    """Flat arrays in the order of the plan's buffers; temporaries are None, or hold rubbish."""
    bounds = {check.buffer: size_value(check.bound, sizes) for check in plan.index_checks}
    table = []
    for k, buffer in enumerate(plan.buffers):
        if buffer.role == "input":
            array = np.ascontiguousarray(arrays[k], dtype=buffer.dtype)
            if k in bounds:
                array = np.where(array < 0, array + bounds[k], array).astype(array.dtype)
            table.append(array.reshape(-1))
        elif buffer.role == "constant":
            table.append(np.ascontiguousarray(buffer.node.op.array).reshape(-1))
        elif buffer.role == "temp" and rubbish is None:
            table.append(None)
        else:
            fill = 77 if rubbish is None or "float" not in buffer.dtype else rubbish
            count = int(np.prod(plan.shape(k, sizes), dtype=int))
            table.append(np.full(count, fill).astype(buffer.dtype))
    return table


def run(target, plan, arrays):
    """The outputs of a plan on the device."""
    runner = target.build(plan).run
    sizes = sizes_of(plan, arrays)
    table = table_of(plan, arrays, sizes)
    assert runner(table, [sizes[s.name] for s in plan.sizes]) == 0
    return [table[k].reshape(plan.shape(k, sizes)) for k in plan.outputs]


def interpret(plan, arrays):
    """The outputs of a plan, statement by statement."""
    sizes = sizes_of(plan, arrays)
    table = table_of(plan, arrays, sizes, np.nan)
    buffers = {b.name: array for b, array in zip(plan.buffers, table, strict=True)}
    for kernel in plan.kernels:
        Machine(buffers, sizes, unwrapped(meanings()), routines()).run(kernel)
    return [table[k].reshape(plan.shape(k, sizes)) for k in plan.outputs]
