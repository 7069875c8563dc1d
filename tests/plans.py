"""Run a plan: by the runner of a target, by its address, or by the interpreter, which gives the
reference values."""

import ctypes

import numpy as np

from probtensor import compile as compiler
from probtensor.kernel.interp import Machine
from probtensor.lower import layout, lower
from probtensor.targets.interp import InterpTarget
from probtensor.transform.passes import expand_composites
from probtensor.types import size_value


class CountingTarget(InterpTarget):
    """The interpreter, which counts the scalar functions it computes: what runs, and how often,
    without a clock."""

    def __init__(self):
        self.count = 0
        super().__init__(self._counted)

    def _counted(self):
        functions, routines = compiler.meanings()
        return {name: self._counting(f) for name, f in functions.items()}, routines

    def _counting(self, function):
        def counting(*arguments):
            self.count += 1
            return function(*arguments)

        return counting

    def computed(self, f, *arguments):
        """How many scalar functions a call of f computes."""
        self.count = 0
        f(*arguments)
        return self.count


def sizes_of(plan, arrays):
    """The values of a plan's sizes, given the arrays of its inputs."""
    sizes = {s.name: arrays[s.buffer].shape[s.axis] for s in plan.sizes if s.value is None}
    return sizes | {s.name: s.value for s in plan.sizes if s.value is not None}


def table_of(plan, arrays, sizes, garbage=None):
    """Flat arrays in the order of the plan's buffers; temporaries are None, or hold garbage."""
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
        elif buffer.role == "temp" and garbage is None:
            table.append(None)
        else:
            fill = 77 if garbage is None or "float" not in buffer.dtype else garbage
            count = int(np.prod(plan.shape(k, sizes), dtype=int))
            table.append(np.full(count, fill).astype(buffer.dtype))
    return table


def run(target, plan, arrays):
    """The outputs of a plan by a target that makes a Python callable of it."""
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
    functions, routines = compiler.meanings()
    for kernel in plan.kernels:
        Machine(buffers, sizes, functions, routines).run(kernel)
    return [table[k].reshape(plan.shape(k, sizes)) for k in plan.outputs]


def run_at_address(target, plan, arrays):
    """The outputs of a plan by a target that makes machine code of it, or a program of the machine,
    called by its address."""
    built = target.build(plan)
    sizes = sizes_of(plan, arrays)
    table = table_of(plan, arrays, sizes)
    total, offsets = layout(plan, sizes)
    arena = np.full(total + 64, 0xAB, dtype=np.uint8)
    base = -(-arena.ctypes.data // 64) * 64
    frame, keep = frame_of(built.program)
    places = (ctypes.c_void_p * (1 + len(table)))(
        frame,
        *[base + offsets[k] if array is None else array.ctypes.data
          for k, array in enumerate(table)]
    )  # fmt: skip
    values = (ctypes.c_int64 * max(1, len(plan.sizes)))(*[sizes[s.name] for s in plan.sizes])
    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(built.run)
    assert call(ctypes.addressof(places) + ctypes.sizeof(ctypes.c_void_p), values) == 0
    del keep
    return [table[k].reshape(plan.shape(k, sizes)) for k in plan.outputs]


def frame_of(program):
    """The address of an initialised frame of a program, and what keeps it; None where there is no
    program."""
    if program is None:
        return None, None
    memory = np.full(program.frame_bytes + 64, 0xAB, dtype=np.uint8)
    base = -(-memory.ctypes.data // 64) * 64
    init = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(program.frame_init)
    init(base, program.address)
    return base, memory


def evaluate(inputs, outputs, arrays):
    """The outputs of a graph by the kernels of its plan, whose checks the arrays pass."""
    plan = lower(inputs, expand_composites(outputs))
    sizes = sizes_of(plan, arrays)
    for check in plan.size_checks:
        check.verify(sizes)
    for check in (c for c in plan.index_checks if plan.buffers[c.buffer].role == "input"):
        array, bound = arrays[check.buffer], size_value(check.bound, sizes)
        assert array.size == 0 or (-bound <= array.min() and array.max() < bound)
    return interpret(plan, arrays)


def same_bits(a, b):
    """Whether arrays are equal bit for bit; all nans are alike."""
    a, b = np.atleast_1d(a), np.atleast_1d(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    bits = f"u{a.dtype.itemsize}"
    return bool(np.all((a.view(bits) == b.view(bits)) | (np.isnan(a) & np.isnan(b))))
