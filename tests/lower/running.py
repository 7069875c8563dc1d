"""Runs a plan kernel by kernel over NumPy arrays, by the reference interpreter of kernels."""

import numpy as np

from probtensor.graph.node import Const
from probtensor.kernel.interp import Machine
from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY
from probtensor.types import size_value


def meanings():
    """NumPy meaning of each C function name."""
    return {cls.c: cls.__dict__["numpy"] for cls in REGISTRY.values() if getattr(cls, "c", None)}


def routines():
    """The meaning of each routine of an op, on flat arrays."""
    found = {}
    for cls in REGISTRY.values():
        if getattr(cls, "routine", None):
            found[cls.routine] = cls().on_flat_arrays
    return found


def unwrapped(table):
    return {name: getattr(f, "__func__", f) for name, f in table.items()}


def evaluate(inputs, outputs, arrays):
    """The outputs of the graph by its plan."""
    plan = lower(inputs, outputs)
    flat = [np.ascontiguousarray(a).reshape(-1) for a in arrays]
    sizes = {s.name: arrays[s.buffer].shape[s.axis] for s in plan.sizes if s.value is None}
    sizes |= {s.name: s.value for s in plan.sizes if s.value is not None}
    for check in plan.size_checks:
        check.verify(sizes)
    buffers = {}
    for k, buffer in enumerate(plan.buffers):
        shape = plan.shape(k, sizes)
        if buffer.role == "input":
            array = flat[k]
            for check in plan.index_checks:
                if check.buffer == k:
                    bound = size_value(check.bound, sizes)
                    assert array.size == 0 or (-bound <= array.min() and array.max() < bound)
                    array = np.where(array < 0, array + bound, array)
            buffers[buffer.name] = array
        elif buffer.role == "constant":
            assert isinstance(buffer.node.op, Const)
            buffers[buffer.name] = buffer.node.op.array.reshape(-1)
        else:
            # Filled with garbage, so that a read before a write changes the result.
            garbage = np.nan if "float" in buffer.dtype else 77
            buffers[buffer.name] = np.full(int(np.prod(shape)), garbage).astype(buffer.dtype)
    for kernel in plan.kernels:
        Machine(buffers, sizes, unwrapped(meanings()), routines()).run(kernel)
    return [
        buffers[plan.buffers[k].name].reshape(plan.shape(k, sizes)) for k in plan.outputs
    ]
