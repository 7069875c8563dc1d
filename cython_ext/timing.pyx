"""Timing of plans and their kernels over the buffers of one call."""

from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport free, malloc

from time import perf_counter

import numpy as np

from cython_ext.code cimport Code, pt_load_plan, pt_plan_fn
from cython_ext.entry cimport Entry, Layout
from cython_ext.memory cimport Workspace, free_workspace, new_workspace, set_frame


cdef class Frame:
    """The pointer table and sizes of an entry's call with `args`, for repeated runs: of each stage
    of its plan, in which data decide the same sizes again."""

    cdef Entry entry
    cdef tuple args
    cdef list layouts  # of each stage
    cdef Workspace *work
    cdef Code framed  # whose frame the workspace has
    cdef list owners

    def __init__(self, Entry entry, tuple args):
        if self.work != NULL:
            raise RuntimeError("a frame is made once")
        self.entry = entry
        self.args = args
        self.owners = []
        self.work = new_workspace(
            entry.buffer_count, entry.dim_count + entry.value_count, entry.stage_count, entry.code
        )
        self.framed = entry.code
        if entry.stage_count > 1:
            self.layouts = []
            self.owners.append(entry.run_stages(args, self.work, self.owners, self.layouts))
            return
        entry.set_inputs(args, self.work, self.owners)
        cdef Layout layout = entry.layout_for(self.work.dims)
        entry.reserve(self.work, layout, 0)
        entry.set_pointers(self.work, layout, 0)
        entry.check_indices(self.work, layout, self.owners)
        self.owners.append(entry.allocate(self.work, layout))
        self.layouts = [layout]
        if pt_load_plan(&entry.code.plan) != NULL:
            self.time(entry.code, 1)

    def __dealloc__(self):
        free_workspace(self.work)

    @property
    def sizes(self):
        """The values of the plan's sizes."""
        cdef int64_t k
        cdef Layout layout = self.layouts[len(self.layouts) - 1]
        return [layout.sizes[k] for k in range(layout.size_count)]

    def time(self, Code code, int64_t count, int stage=-1):
        """Seconds per run of a code, over `count` runs without the GIL; of one stage alone, if it
        is given."""
        if code is not self.framed:
            set_frame(self.work, code)
            self.framed = code
        cdef pt_plan_fn plan = pt_load_plan(&code.plan)
        cdef void **pointers = self.work.pointers
        cdef int64_t k
        cdef int first = max(0, stage), s
        cdef int end = len(self.layouts) if stage < 0 else stage + 1
        cdef const int64_t **sizes = <const int64_t **>malloc(end * sizeof(int64_t *))
        if sizes == NULL:
            raise MemoryError()
        for s in range(end):
            sizes[s] = (<Layout>self.layouts[s]).sizes
        began = perf_counter()
        with nogil:
            for k in range(count):
                for s in range(first, end):
                    plan(pointers, sizes[s])
        spent = perf_counter() - began
        free(sizes)
        return spent / max(1, count)

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
