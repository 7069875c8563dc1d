"""Timing of plans and their kernels over the buffers of one call."""

from libc.stdint cimport int64_t, uintptr_t

from time import perf_counter

import numpy as np

from cython_ext.code cimport Code, pt_load_plan, pt_plan_fn
from cython_ext.entry cimport Entry, Layout
from cython_ext.memory cimport Workspace, free_workspace, new_workspace, set_frame


cdef class Frame:
    """The pointer table and sizes of an entry's call with `args`, for repeated runs."""

    cdef Entry entry
    cdef tuple args
    cdef Layout layout
    cdef Workspace *work
    cdef Code framed  # whose frame the workspace has
    cdef list owners

    def __init__(self, Entry entry, tuple args):
        if self.work != NULL:
            raise RuntimeError("a frame is made once")
        self.entry = entry
        self.args = args
        self.owners = []
        entry.require_one_stage()
        self.work = new_workspace(entry.buffer_count, entry.dim_count, 1, entry.code)
        entry.set_inputs(args, self.work, self.owners)
        self.layout = entry.layout_for(self.work.dims)
        entry.reserve(self.work, self.layout, 0)
        entry.set_pointers(self.work, self.layout, 0)
        entry.check_indices(self.work, self.layout, self.owners)
        self.owners.append(entry.allocate(self.work, self.layout))
        self.framed = entry.code
        if pt_load_plan(&entry.code.plan) != NULL:
            self.time(entry.code, 1)

    def __dealloc__(self):
        free_workspace(self.work)

    @property
    def sizes(self):
        """The values of the plan's sizes."""
        cdef int64_t k
        return [self.layout.sizes[k] for k in range(self.layout.size_count)]

    def time(self, Code code, int64_t count):
        """Seconds per run of a code, over `count` runs without the GIL."""
        if code is not self.framed:
            set_frame(self.work, code)
            self.framed = code
        cdef pt_plan_fn plan = pt_load_plan(&code.plan)
        cdef void **pointers = self.work.pointers
        cdef const int64_t *sizes = self.layout.sizes
        cdef int64_t k
        began = perf_counter()
        with nogil:
            for k in range(count):
                plan(pointers, sizes)
        return (perf_counter() - began) / max(1, count)

    def time_calls(self, int64_t count):
        """Seconds per call of the entry from Python."""
        cdef int64_t k
        entry, args = self.entry, self.args
        began = perf_counter()
        for k in range(count):
            entry(*args)
        return (perf_counter() - began) / max(1, count)


def seconds_a_run(Code code, arrays, sizes, int64_t count):
    """Seconds per run of a code over these arrays and sizes, without an entry."""
    cdef Workspace *work = new_workspace(len(arrays), 0, 1, code)
    cdef pt_plan_fn plan = pt_load_plan(&code.plan)
    cdef int64_t k
    try:
        for k, array in enumerate(arrays):
            work.pointers[k] = <void *><uintptr_t>array.ctypes.data
        numbers = np.array(sizes, dtype=np.int64)
        values = <const int64_t *><uintptr_t>numbers.ctypes.data
        began = perf_counter()
        with nogil:
            for k in range(count):
                plan(work.pointers, values)
        return (perf_counter() - began) / max(1, count)
    finally:
        free_workspace(work)
