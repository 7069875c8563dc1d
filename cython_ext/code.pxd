"""The code that runs a plan, which may be replaced while it is in use; see code.pyx."""

from libc.stdint cimport int64_t

# A compiled plan: the pointer table in the order of the plan's buffers, the values of its sizes.
# Returns 0, or 1 + the position of the failure in the plan's list. Before the first pointer of the
# table stands one more, to the frame of the workspace (see `Code`); native code does not read it.
ctypedef int (*pt_plan_fn)(void **buffers, const int64_t *sizes) noexcept nogil
ctypedef void (*pt_frame_fn)(void *frame, const void *program) noexcept nogil

cdef extern from *:
    """
    /* One plain load or store on x86-64; what the code refers to is visible with its address. */
    #define pt_load_plan(at) __atomic_load_n((at), __ATOMIC_ACQUIRE)
    #define pt_store_plan(at, plan) __atomic_store_n((at), (plan), __ATOMIC_RELEASE)
    """
    pt_plan_fn pt_load_plan(pt_plan_fn *at) noexcept nogil
    void pt_store_plan(pt_plan_fn *at, pt_plan_fn plan) noexcept nogil


cdef class Code:
    cdef pt_plan_fn plan
    cdef object runner
    cdef list owners
    cdef size_t frame_bytes
    cdef pt_frame_fn frame_init
    cdef const void *program
