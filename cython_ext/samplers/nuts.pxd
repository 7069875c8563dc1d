"""One NUTS transition; see nuts.pyx."""

from libc.stdint cimport int64_t

from cython_ext.samplers.leapfrog cimport Pool, State, System


cdef extern from "pt_stream.h":
    ctypedef struct pt_stream:
        pass


cdef extern from "pt_platform.h":
    ctypedef struct pt_progress:
        int64_t draws
        int64_t divergences
        int64_t gradients
        int64_t step_size_bits


cdef enum:
    MAX_DEPTH = 24


cdef enum Outcome:
    U_TURN
    DIVERGED
    FULL_DEPTH
    STOPPED
    FAILED


cdef struct Tree:
    State *first
    State *last
    State *sample
    const double *momentum_sum
    double weight


cdef struct Transition:
    Outcome outcome
    int depth
    int steps
    double acceptance_sum
    double energy_error
    double max_energy_error


cdef struct Nuts:
    System system
    Pool pool
    pt_stream stream
    State *current
    Tree pending[MAX_DEPTH + 1]
    double *sums
    int max_depth
    double max_error
    double start_energy
    double reference_energy
    Tree *trajectory
    State *before_divergence
    int diverged_index
    pt_stream stream_before
    pt_progress *progress


cdef int open_nuts(Nuts *nuts, int max_depth, double max_error) noexcept nogil
cdef void close_nuts(Nuts *nuts) noexcept nogil
cdef int transition(
    Nuts *nuts, double step_size, int depth_limit, Transition *report
) noexcept nogil
cdef void first_momentum(Nuts *nuts, double *p) noexcept nogil
cdef double search_step_size(Nuts *nuts, double step_size) noexcept nogil
