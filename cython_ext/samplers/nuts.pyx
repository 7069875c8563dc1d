"""The no-U-turn sampler's transition, without the GIL, recursion or allocation.

Multinomial sampling along the trajectory with biased progress between doublings (Betancourt 2017,
arXiv:1701.02434, appendix A), the generalised turning criterion (Betancourt 2013,
arXiv:1304.1920) and Stan's two further checks across the seam of joined trees.

A doubling of depth d walks 2**d states and joins finished trees as a binary counter carries: after
leaf i, as many joins as i has trailing ones. So at most one tree of each height waits, and memory
is linear in the depth. Joins happen in the order of the recursion in Hoffman and Gelman (2014), so
the walk ends at the same leaf.

Weights are kept as numbers, not logarithms: exp(reference - energy), which each leaf needs for its
acceptance anyway. A join then costs an addition. Where a state lies so far below the reference
that its weight would overflow, the reference moves there and the weights of all trees follow.
"""

from libc.math cimport INFINITY, exp, fabs, log, sqrt
from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from cython_ext.samplers.leapfrog cimport (
    Pool,
    State,
    System,
    close_pool,
    close_system,
    keep_only,
    leapfrog,
    new_vector,
    open_pool,
    release,
    set_energy,
    take,
)


import numpy as np


cdef extern from "pt_vector.h" nogil:
    int pt_join(
        Py_ssize_t n, const double *a, const double *b, const double *first, const double *last,
        double *rho
    )
    int pt_still_moving(
        Py_ssize_t n, const double *rho, const double *p, const double *first, const double *last
    )


cdef extern from "pt_stream.h" nogil:
    void pt_stream_open(pt_stream *stream, uint64_t seed, uint64_t chain, uint64_t purpose)
    double pt_stream_uniform(pt_stream *stream)
    ctypedef struct pt_ziggurat:
        pass
    void pt_ziggurat_fill(pt_ziggurat *tables)
    void pt_stream_normals(
        pt_stream *stream, const pt_ziggurat *tables, Py_ssize_t n, const double *scale,
        double *out
    )


cdef extern from "pt_platform.h" nogil:
    bint pt_stop_requested(const pt_progress *progress)


cdef double LARGEST_EXPONENT = 500.0
cdef double LARGEST_STEP_SIZE = 1e7  # at temperature one

cdef double CALM = 1.0  # a hundredth of the force that a temperature is made for

DEEPEST = MAX_DEPTH

cdef pt_ziggurat ziggurat
pt_ziggurat_fill(&ziggurat)


cdef int open_nuts(Nuts *nuts, int max_depth, double max_error) noexcept nogil:
    """Take the memory of a chain whose `system` is open. Returns 0, or -1 where there is none.

    Alive at once are at most three states of each waiting tree, of the tree in hand and of the
    whole trajectory, and the state being made.
    """
    nuts.max_depth = max_depth
    nuts.max_error = max_error
    nuts.sums = new_vector(2 * (max_depth + 1) * nuts.system.padded)
    if nuts.sums == NULL:
        return -1
    if open_pool(&nuts.pool, 3 * (max_depth + 2) + 1, nuts.system.padded) != 0:
        return -1
    nuts.current = take(&nuts.pool)
    return 0


cdef void close_nuts(Nuts *nuts) noexcept nogil:
    free(nuts.sums)
    nuts.sums = NULL
    close_pool(&nuts.pool)
    close_system(&nuts.system)


cdef inline double *sum_buffer(Nuts *nuts, int height, bint other) noexcept nogil:
    """Where a tree of `height` keeps its sum of momenta: two such trees can be alive at once.

    A leaf's sum is its own momentum, so the whole trajectory uses the buffers of height 0.
    """
    return nuts.sums + (2 * height + other) * nuts.system.padded


cdef inline void start_from(Nuts *nuts, State *state) noexcept nogil:
    """Draw a momentum and set the energies that all errors and weights refer to."""
    pt_stream_normals(
        &nuts.stream, &ziggurat, nuts.system.padded, nuts.system.momentum_scale, state.p
    )
    state.index = 0
    set_energy(&nuts.system, state)
    nuts.start_energy = state.energy
    nuts.reference_energy = state.energy


cdef void move_reference(Nuts *nuts, double energy, int leaf) noexcept nogil:
    """Let `energy` weigh one, and rescale every tree alive before `leaf`, one per bit set."""
    cdef double factor = exp(energy - nuts.reference_energy)
    cdef int height
    nuts.reference_energy = energy
    nuts.whole.weight *= factor
    for height in range(MAX_DEPTH + 1):
        if leaf >> height & 1:
            nuts.pending[height].weight *= factor


cdef inline double weigh(
    Nuts *nuts, const State *state, int leaf, Transition *report
) noexcept nogil:
    """The leaf's weight, its part in the acceptance statistic and in the largest error noted."""
    cdef double error = state.energy - nuts.start_energy
    cdef double weight
    report.steps += 1
    if fabs(error) > fabs(report.max_energy_error):
        report.max_energy_error = error
    if nuts.reference_energy - state.energy > LARGEST_EXPONENT:
        move_reference(nuts, state.energy, leaf)
    weight = exp(nuts.reference_energy - state.energy)
    if error <= 0.0:
        report.acceptance_sum += 1.0
    elif nuts.reference_energy == nuts.start_energy:
        report.acceptance_sum += weight
    else:
        report.acceptance_sum += exp(-error)
    return weight


cdef inline bint seam_turns(
    Py_ssize_t n, const Tree *left, const Tree *right
) noexcept nogil:
    """Stan's further checks: each half with the nearest momentum of the other."""
    if not pt_still_moving(
        n, left.momentum_sum, right.first.p, left.first.velocity, right.first.velocity
    ):
        return True
    return not pt_still_moving(
        n, right.momentum_sum, left.last.p, left.last.velocity, right.last.velocity
    )


cdef inline bint join(
    Nuts *nuts, Tree *left, Tree *right, int height, double *sums, double chance, Tree *both
) noexcept nogil:
    """Join two trees of `height` into `both`, which may be either. False where they turn.

    The right one's sample is taken with probability `chance`: certainly where that is one or more,
    never where it is nan, as the quotient of two weights that underflowed is.
    """
    cdef Py_ssize_t n = nuts.system.padded
    cdef State *sample = left.sample
    if pt_stream_uniform(&nuts.stream) < chance:
        sample = right.sample
        release(&nuts.pool, left.sample)
    else:
        release(&nuts.pool, right.sample)
    # Between two leaves the seam's checks are the whole's.
    cdef bint moving = pt_join(
        n, left.momentum_sum, right.momentum_sum, left.first.velocity, right.last.velocity, sums
    )
    if moving and height > 0:
        moving = not seam_turns(n, left, right)
    release(&nuts.pool, left.last)
    release(&nuts.pool, right.first)
    both.weight = left.weight + right.weight
    both.sample = sample
    both.first = left.first
    both.last = right.last
    both.momentum_sum = sums
    return moving


cdef Outcome grow(
    Nuts *nuts, State *edge, double step_size, int depth, Tree *grown, Transition *report
) noexcept nogil:
    """Walk 2**depth states on from `edge` as one tree. FULL_DEPTH says that it is whole."""
    cdef int leaf
    cdef int height
    cdef int count = 1 << depth
    cdef bint moving
    cdef State *state
    cdef State *before = edge
    cdef Tree *waiting
    cdef Tree hand
    for leaf in range(count):
        if pt_stop_requested(nuts.progress):
            return STOPPED
        state = take(&nuts.pool)
        if leapfrog(&nuts.system, step_size, before, state) != 0:
            return FAILED
        hand.weight = weigh(nuts, state, leaf, report)
        if not state.energy - nuts.start_energy <= nuts.max_error:
            nuts.before_divergence = before
            return DIVERGED
        hand.first = state
        hand.last = state
        hand.sample = state
        hand.momentum_sum = state.p
        state.holders = 3
        height = 0
        while leaf >> height & 1:
            waiting = &nuts.pending[height]
            moving = join(
                nuts, waiting, &hand, height,
                sum_buffer(nuts, height + 1, leaf >> (height + 1) & 1),
                hand.weight / (waiting.weight + hand.weight), &hand
            )
            if not moving:
                return TURNED
            height += 1
        nuts.pending[height] = hand
        before = state
    grown[0] = nuts.pending[depth]
    return FULL_DEPTH


cdef bint coasts(const Nuts *nuts, const State *edge) noexcept nogil:
    """Whether a heated trajectory has come to where its temperature leaves no force. It would go on
    at its speed until it is as long as may be: towards a large scale, say, where all is flat."""
    cdef Py_ssize_t i
    if nuts.system.coldness == 1.0:
        return False
    for i in range(nuts.system.dim):
        if fabs(edge.grad[i]) >= CALM:
            return False
    return True


cdef int transition(
    Nuts *nuts, double step_size, int depth_limit, Transition *report
) noexcept nogil:
    """Move `current` to the next state of the chain, and say how it went.

    Where the outcome is STOPPED or FAILED, `current` stays. Returns the density's own code.
    """
    cdef Tree whole
    cdef Tree branch
    cdef double direction
    cdef double heading = 1.0
    cdef bint moving
    memset(report, 0, sizeof(Transition))
    report.outcome = FULL_DEPTH
    start_from(nuts, nuts.current)
    whole.first = nuts.current
    whole.last = nuts.current
    whole.sample = nuts.current
    whole.momentum_sum = nuts.current.p
    whole.weight = 1.0
    nuts.whole = &whole
    nuts.current.holders = 3
    while report.depth < depth_limit:
        direction = 1.0 if pt_stream_uniform(&nuts.stream) < 0.5 else -1.0
        if direction != heading:
            whole.first, whole.last = whole.last, whole.first
            heading = direction
        report.outcome = grow(
            nuts, whole.last, direction * step_size, report.depth, &branch, report
        )
        if report.outcome == STOPPED or report.outcome == FAILED:
            keep_only(&nuts.pool, nuts.current)
            return nuts.system.failure
        report.depth += 1
        if report.outcome != FULL_DEPTH:
            break
        moving = join(
            nuts, &whole, &branch, report.depth - 1,
            sum_buffer(nuts, 0, report.depth & 1), branch.weight / whole.weight, &whole
        )
        if not moving or coasts(nuts, whole.last):
            report.outcome = TURNED
            break
    nuts.current = whole.sample
    report.energy_error = nuts.current.energy - nuts.start_energy
    keep_only(&nuts.pool, nuts.current)
    return 0


cdef double search_step_size(Nuts *nuts, double step_size) noexcept nogil:
    """A step size whose first step has acceptance near 0.8 (Hoffman and Gelman 2014, algorithm 4).

    Doubles or halves from `step_size` until the acceptance crosses 0.8, with a fresh momentum each
    time, as Stan does. Returns the step size; 0 where none is small enough, infinity where none is
    too large (a density that is flat in all directions), -1 where the density function failed or a
    stop was asked for.
    """
    cdef double threshold = log(0.8)
    cdef double gain
    cdef bint growing = False
    cdef bint first = True
    cdef State *state = take(&nuts.pool)
    while True:
        start_from(nuts, nuts.current)
        if leapfrog(&nuts.system, step_size, nuts.current, state) != 0:
            step_size = -1.0
            break
        if pt_stop_requested(nuts.progress):
            step_size = -1.0
            break
        gain = nuts.start_energy - state.energy
        if first:
            growing = gain > threshold
            first = False
        elif growing != (gain > threshold):
            break
        step_size = 2.0 * step_size if growing else 0.5 * step_size
        if step_size > LARGEST_STEP_SIZE / sqrt(nuts.system.coldness):
            step_size = INFINITY
            break
        if step_size < 1e-300:
            step_size = 0.0
            break
    release(&nuts.pool, state)
    return step_size


def normals(uint64_t seed, uint64_t chain, Py_ssize_t n):
    """float64[n], n even: standard normals as the momenta of a chain are made, for inspection."""
    cdef pt_stream stream
    if n % 2 != 0:
        raise ValueError(f"normals: they come in pairs, so not {n}")
    numbers = np.empty(n)
    scale = np.ones(n)
    cdef double[::1] out = numbers
    cdef double[::1] unit = scale
    if n > 0:
        pt_stream_open(&stream, seed, chain, 0)
        pt_stream_normals(&stream, &ziggurat, n, &unit[0], &out[0])
    return numbers
