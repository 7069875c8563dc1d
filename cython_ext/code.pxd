"""The code that runs a plan, which may be replaced while it is in use; see code.pyx."""

from libc.stdint cimport int64_t

# A compiled plan: the pointer table in the order of the plan's buffers, the values of its sizes.
# Returns 0, or 1 + the position of the failure in the plan's list. Before the first pointer of the
# table stands one more, to the frame of the workspace (see `Code`); native code does not read it.
ctypedef int (*pt_plan_fn)(void **buffers, const int64_t *sizes) noexcept nogil
ctypedef void (*pt_frame_fn)(void *frame, const void *program) noexcept nogil

cdef extern from *:
    """
    #include <time.h>
    /* One plain load or store on x86-64; what the code refers to is visible with its address. */
    #define pt_load_plan(at) __atomic_load_n((at), __ATOMIC_ACQUIRE)
    #define pt_store_plan(at, plan) __atomic_store_n((at), (plan), __ATOMIC_RELEASE)
    /* Nanoseconds of a clock that never goes back. */
    static inline int64_t pt_now(void)
    {
        struct timespec time;
        clock_gettime(CLOCK_MONOTONIC, &time);
        return (int64_t) time.tv_sec * 1000000000 + time.tv_nsec;
    }
    """
    pt_plan_fn pt_load_plan(pt_plan_fn *at) noexcept nogil
    void pt_store_plan(pt_plan_fn *at, pt_plan_fn plan) noexcept nogil
    int64_t pt_now() noexcept nogil


# The time that is spent in a plan, in nanoseconds, estimated from some of its calls.
cdef struct Meter:
    int64_t limit  # `Code.wanted` is called when it is reached; 0: nothing is measured
    int64_t spent
    int64_t promised  # calls that are announced and not counted yet


# How often one caller has its calls timed.
cdef struct Pace:
    int64_t left  # calls until one is timed
    int64_t stride  # calls for which the timed one stands
    int64_t last  # nanoseconds of the last that was timed


cdef class Code:
    cdef pt_plan_fn plan
    cdef object runner
    cdef list owners
    cdef size_t frame_bytes
    cdef pt_frame_fn frame_init
    cdef const void *program
    cdef Meter meter
    cdef object wanted

    cdef void want(self) noexcept


cdef inline bint pt_due(Pace *pace) noexcept nogil:
    """Count a call; is it to be timed?"""
    pace.left -= 1
    return pace.left <= 0


cdef bint pt_record(Meter *meter, Pace *pace, int64_t nanoseconds) noexcept nogil
