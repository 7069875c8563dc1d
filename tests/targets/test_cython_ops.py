"""Every op on the Cython target, at edge cases too: one module has the samples of many ops."""

import ctypes

import numpy as np
import pytest

from probtensor.lower import layout, lower
from probtensor.ops.kinds import REGISTRY, Composite
from probtensor.targets.cython.native import CythonTarget
from probtensor.testing import conform

NAMES = sorted(name for name, cls in REGISTRY.items() if not issubclass(cls, Composite))
GROUPS = [NAMES[k::3] for k in range(3)]


def run(plan, arrays):
    """The outputs of a built plan, called by its address."""
    address = CythonTarget().build(plan).run
    sizes = {s.name: arrays[s.buffer].shape[s.axis] for s in plan.sizes if s.value is None}
    sizes |= {s.name: s.value for s in plan.sizes if s.value is not None}
    total, offsets = layout(plan, sizes)
    arena = np.full(total + 64, 0xAB, dtype=np.uint8)
    base = -(-arena.ctypes.data // 64) * 64
    bounds = {check.buffer: check.bound for check in plan.index_checks}
    keep, table = [], (ctypes.c_void_p * len(plan.buffers))()
    for k, buffer in enumerate(plan.buffers):
        if buffer.role == "temp":
            table[k] = base + offsets[k]
            continue
        if buffer.role == "input":
            array = np.ascontiguousarray(arrays[k])
            if k in bounds:
                array = np.where(array < 0, array + bounds[k], array).astype(array.dtype)
        elif buffer.role == "constant":
            array = np.ascontiguousarray(buffer.node.op.array)
        else:
            array = np.empty(plan.shape(k, sizes), dtype=buffer.dtype)
        keep.append(array)
        table[k] = array.ctypes.data
    kept = [k for k, buffer in enumerate(plan.buffers) if buffer.role != "temp"]
    found = dict(zip(kept, keep, strict=True))
    values = (ctypes.c_int64 * max(1, len(plan.sizes)))(*[sizes[s.name] for s in plan.sizes])
    plan_fn = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(address)
    assert plan_fn(table, values) == 0
    return [found[k] for k in plan.outputs]


def all_cases(names):
    for name in names:
        yield from conform.cases_of(REGISTRY[name])
        if conform.takes_float32(REGISTRY[name]):
            yield from conform.cases_of(REGISTRY[name], "float32")


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_the_cython_target_gives_what_numpy_gives(names):
    cases = list(all_cases(names))
    inputs = [x for case in cases for x in case.inputs]
    arrays = [a for case in cases for a in case.arrays]
    plan = lower(inputs, [case.output for case in cases])
    results = run(plan, arrays)
    wrong = []
    for case, result in zip(cases, results, strict=True):
        try:
            conform.check_target(case, lambda *_, result=result: [result])
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)
