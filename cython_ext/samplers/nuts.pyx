"""The no-U-turn sampler's transition, without the GIL, recursion or allocation.

Multinomial sampling along the trajectory with biased progress between doublings (Betancourt 2017,
arXiv:1701.02434, appendix A), the generalised turning criterion (Betancourt 2013,
arXiv:1304.1920) and Stan's two further U-turn checks when trees are joined.

A doubling of depth d visits 2**d states and joins finished subtrees like the carries of a binary
counter: after leaf i, as many joins as i has trailing ones. So at most one unfinished subtree of
each height is stored, and memory is linear in the depth. Joins happen in the order of the recursion
in Hoffman and Gelman (2014), so the trajectory ends at the same leaf.

Weights are stored as numbers, not logarithms: exp(reference - energy), which each leaf needs for
its acceptance anyway. A join then costs an addition. If the weight of a state would overflow, its
energy becomes the reference and the weights of all trees are rescaled.
"""

from libc.math cimport INFINITY, exp, fabs, log, sqrt
from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

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


cdef double MAX_EXPONENT = 500.0
cdef double MAX_STEP_SIZE = 1e7  # at temperature one

cdef double NEGLIGIBLE_FORCE = 1.0  # a hundredth of what a suitable temperature gives

DEEPEST = MAX_DEPTH

cdef pt_ziggurat ziggurat
pt_ziggurat_fill(&ziggurat)


cdef int open_nuts(Nuts *nuts, int max_depth, double max_error) noexcept nogil:
    """Allocate the memory of a chain whose `system` is open. Returns 0, or -1 if memory is short.

    In use at once are at most three states of each stored subtree, of the current subtree and of
    the trajectory, and the state being computed.
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
    """The buffer for the sum of momenta of a tree of `height`; two such trees can exist at once.

    A leaf's sum is its own momentum, so the trajectory uses the buffers of height 0.
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
    """Make `energy` the reference, and rescale all trees that exist before `leaf`, one per bit."""
    cdef double factor = exp(energy - nuts.reference_energy)
    cdef int height
    nuts.reference_energy = energy
    nuts.trajectory.weight *= factor
    for height in range(MAX_DEPTH + 1):
        if leaf >> height & 1:
            nuts.pending[height].weight *= factor


cdef inline double leaf_weight(
    Nuts *nuts, const State *state, int leaf, Transition *report
) noexcept nogil:
    """The leaf's weight; also updates the acceptance statistic and the largest energy error."""
    cdef double error = state.energy - nuts.start_energy
    cdef double weight
    report.steps += 1
    if fabs(error) > fabs(report.max_energy_error):
        report.max_energy_error = error
    if nuts.reference_energy - state.energy > MAX_EXPONENT:
        move_reference(nuts, state.energy, leaf)
    weight = exp(nuts.reference_energy - state.energy)
    if error <= 0.0:
        report.acceptance_sum += 1.0
    elif nuts.reference_energy == nuts.start_energy:
        report.acceptance_sum += weight
    else:
        report.acceptance_sum += exp(-error)
    return weight


cdef inline bint halves_turn(
    Py_ssize_t n, const Tree *left, const Tree *right
) noexcept nogil:
    """Stan's further U-turn checks: each half extended by the nearest momentum of the other."""
    if not pt_still_moving(
        n, left.momentum_sum, right.first.p, left.first.velocity, right.first.velocity
    ):
        return True
    return not pt_still_moving(
        n, right.momentum_sum, left.last.p, left.last.velocity, right.last.velocity
    )


cdef inline bint join(
    Nuts *nuts, Tree *left, Tree *right, int height, double *sums, double probability, Tree *both
) noexcept nogil:
    """Join two trees of `height` into `both`, which may be either of them. False at a U-turn.

    The right tree's sample is taken with this probability: always if it is one or more, never if it
    is nan, as the quotient of two underflowed weights is.
    """
    cdef Py_ssize_t n = nuts.system.padded
    cdef State *sample = left.sample
    if pt_stream_uniform(&nuts.stream) < probability:
        sample = right.sample
        release(&nuts.pool, left.sample)
    else:
        release(&nuts.pool, right.sample)
    # For two leaves the further checks coincide with the first.
    cdef bint moving = pt_join(
        n, left.momentum_sum, right.momentum_sum, left.first.velocity, right.last.velocity, sums
    )
    if moving and height > 0:
        moving = not halves_turn(n, left, right)
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
    """Extend `edge` by a tree of 2**depth states. FULL_DEPTH means that it is complete."""
    cdef int leaf
    cdef int height
    cdef int count = 1 << depth
    cdef bint moving
    cdef State *state
    cdef State *before = edge
    cdef Tree *waiting
    cdef Tree subtree
    for leaf in range(count):
        if pt_stop_requested(nuts.progress):
            return STOPPED
        state = take(&nuts.pool)
        if leapfrog(&nuts.system, step_size, before, state) != 0:
            return FAILED
        subtree.weight = leaf_weight(nuts, state, leaf, report)
        if not state.energy - nuts.start_energy <= nuts.max_error:
            nuts.before_divergence = before
            nuts.diverged_index = state.index
            return DIVERGED
        subtree.first = state
        subtree.last = state
        subtree.sample = state
        subtree.momentum_sum = state.p
        state.references = 3
        height = 0
        while leaf >> height & 1:
            waiting = &nuts.pending[height]
            moving = join(
                nuts, waiting, &subtree, height,
                sum_buffer(nuts, height + 1, leaf >> (height + 1) & 1),
                subtree.weight / (waiting.weight + subtree.weight), &subtree
            )
            if not moving:
                return U_TURN
            height += 1
        nuts.pending[height] = subtree
        before = state
    grown[0] = nuts.pending[depth]
    return FULL_DEPTH


cdef bint force_vanished(const Nuts *nuts, const State *edge) noexcept nogil:
    """Whether the force on a tempered trajectory is negligible: it would move on at constant
    velocity up to the maximum depth, for example to where a scale parameter is large."""
    cdef Py_ssize_t i
    if nuts.system.inverse_temperature == 1.0:
        return False
    for i in range(nuts.system.dim):
        if fabs(edge.grad[i]) >= NEGLIGIBLE_FORCE:
            return False
    return True


cdef int transition(
    Nuts *nuts, double step_size, int depth_limit, Transition *report
) noexcept nogil:
    """Move `current` to the next state of the chain, and fill `report`.

    If the outcome is STOPPED or FAILED, `current` is unchanged. Returns the density's own code.
    """
    cdef Tree trajectory
    cdef Tree branch
    cdef double direction
    cdef double heading = 1.0
    cdef bint moving
    memset(report, 0, sizeof(Transition))
    report.outcome = FULL_DEPTH
    nuts.stream_before = nuts.stream
    start_from(nuts, nuts.current)
    trajectory.first = nuts.current
    trajectory.last = nuts.current
    trajectory.sample = nuts.current
    trajectory.momentum_sum = nuts.current.p
    trajectory.weight = 1.0
    nuts.trajectory = &trajectory
    nuts.current.references = 3
    while report.depth < depth_limit:
        direction = 1.0 if pt_stream_uniform(&nuts.stream) < 0.5 else -1.0
        if direction != heading:
            trajectory.first, trajectory.last = trajectory.last, trajectory.first
            heading = direction
        report.outcome = grow(
            nuts, trajectory.last, direction * step_size, report.depth, &branch, report
        )
        if report.outcome == STOPPED or report.outcome == FAILED:
            keep_only(&nuts.pool, nuts.current)
            return nuts.system.failure
        report.depth += 1
        if report.outcome != FULL_DEPTH:
            break
        moving = join(
            nuts, &trajectory, &branch, report.depth - 1,
            sum_buffer(nuts, 0, report.depth & 1), branch.weight / trajectory.weight, &trajectory
        )
        if not moving or force_vanished(nuts, trajectory.last):
            report.outcome = U_TURN
            break
    nuts.current = trajectory.sample
    report.energy_error = nuts.current.energy - nuts.start_energy
    keep_only(&nuts.pool, nuts.current)
    return 0


cdef void first_momentum(Nuts *nuts, double *p) noexcept nogil:
    """The momentum that the last transition began with, float64[dim], drawn once more: nothing is
    stored for it in transitions that do not diverge. The metric must be that of the transition."""
    cdef pt_stream stream = nuts.stream_before
    cdef State *state = take(&nuts.pool)
    pt_stream_normals(
        &stream, &ziggurat, nuts.system.padded, nuts.system.momentum_scale, state.p
    )
    memcpy(p, state.p, nuts.system.dim * sizeof(double))
    release(&nuts.pool, state)


cdef double search_step_size(Nuts *nuts, double step_size) noexcept nogil:
    """A step size whose first step has acceptance near 0.8 (Hoffman and Gelman 2014, algorithm 4).

    Doubles or halves from `step_size` until the acceptance crosses 0.8, with a fresh momentum each
    time, as Stan does. Returns the step size; 0 if none is small enough, infinity if none is too
    large (a density that is flat in all directions), -1 if the density function failed or a stop
    was requested.
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
        if step_size > MAX_STEP_SIZE / sqrt(nuts.system.inverse_temperature):
            step_size = INFINITY
            break
        if step_size < 1e-300:
            step_size = 0.0
            break
    release(&nuts.pool, state)
    return step_size


def normals(uint64_t seed, uint64_t chain, Py_ssize_t n):
    """float64[n], n even: standard normals generated as the momenta of a chain, for tests."""
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
