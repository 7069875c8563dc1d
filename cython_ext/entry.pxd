"""Checked calls of compiled plans; see entry.pyx."""

from libc.stdint cimport int64_t

from cython_ext.cell cimport KeySequence
from cython_ext.code cimport Code, Pace
from cython_ext.memory cimport Workspace


cdef struct Slot:
    int position  # in the pointer table
    int kind
    int typenum
    int ndim
    bint pairs  # complex numbers, which are two reals along one more axis to the plan
    int argument  # index of the call's argument, for kind ARGUMENT
    int first  # index of this slot's first size among all sizes of one call


cdef class Layout:
    cdef int64_t *dims
    cdef int64_t *sizes
    cdef int64_t *shapes  # of the outputs, concatenated
    cdef int64_t *offsets  # of the temporaries in the arena
    cdef int64_t *bounds  # of the index checks
    cdef size_t arena
    cdef int size_count
    cdef list fixed  # arrays bound to the entry, negative indices made non-negative


cdef class Entry:
    cdef readonly Code code
    cdef Pace pace
    cdef readonly int buffer_count
    cdef Slot *slots
    cdef int slot_count
    cdef int live_count  # slots that change between calls; they are first
    cdef int dim_count
    cdef readonly int argument_count
    cdef readonly tuple slot_names
    cdef tuple slot_dtypes
    cdef tuple slot_origins
    cdef tuple payloads
    cdef KeySequence keys  # of random draws, or None
    cdef int output_count
    cdef int result_count
    cdef int *output_positions
    cdef int *output_typenums
    cdef int *output_ndims
    cdef int *output_pairs  # whether each is complex, as in Slot
    cdef int *output_copies  # the earlier output with the same value, or -1
    cdef int *output_borrowed
    cdef int *output_stages  # the stage that first writes each
    cdef bint borrows
    cdef object lent  # (layout, borrowed outputs) for the next call, or None
    cdef int temp_count
    cdef int *temp_positions
    cdef int *temp_stages  # the stage that first writes each
    cdef readonly int stage_count
    cdef int value_count  # sizes that data decide
    cdef int *value_positions
    cdef int *value_stages  # the first stage that uses each, in ascending order
    cdef int check_count
    cdef int *check_slots
    cdef tuple check_messages
    cdef readonly tuple failures
    cdef tuple cells  # updated by the last outputs
    cdef readonly tuple locked_cells  # cells to lock during a call, in order, or None
    cdef object build
    cdef bint single
    cdef object planner
    cdef Layout last
    cdef dict layouts
    cdef Workspace *free_workspaces

    cdef Workspace *acquire_workspace(self) except NULL
    cdef void release_workspace(self, Workspace *work) noexcept
    cdef object call(self, tuple args)
    cdef object call_locked(self, tuple args)
    cdef list run(self, tuple args)
    cdef list run_in(self, tuple args, Workspace *work)
    cdef list run_stages(self, tuple args, Workspace *work, list owners, list layouts)
    cdef Layout stage_layout(self, Workspace *work, int known)
    cdef int set_inputs(self, tuple args, Workspace *work, list owners) except -1
    cdef Layout layout_for(self, const int64_t *dims)
    cdef Layout new_layout(self, tuple dims)
    cdef int reserve(self, Workspace *work, Layout layout, int stage) except -1
    cdef int set_pointers(self, Workspace *work, Layout layout, int stage) except -1
    cdef int check_indices(self, Workspace *work, Layout layout, list owners) except -1
    cdef list allocate(self, Workspace *work, Layout layout)
    cdef int allocate_stage(
        self, Workspace *work, Layout layout, list outputs, int stage
    ) except -1
    cdef int execute(
        self, Workspace *work, Layout layout, list outputs, list buffers
    ) except -1
    cdef int finish(self, Layout layout, list outputs) except -1
    cdef int assign(self, list outputs) except -1
    cdef object structured(self, list outputs)
    cdef Py_ssize_t count_of(self, int slot, Workspace *work) noexcept
    cdef object array_of(self, int slot, Workspace *work)
    cdef list borrow(self, Layout layout)
    cdef int interpret(
        self, Workspace *work, Layout layout, list outputs, list buffers
    ) except -1
