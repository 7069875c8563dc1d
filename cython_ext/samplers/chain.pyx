"""A whole chain, from warm-up to its last draw, in one call without the GIL.

The caller decides what is adapted at which iteration: it passes one byte of flags for each
iteration of the warm-up (see probtensor/sample/adaptation/schedule.py).

Step size: dual averaging, Hoffman and Gelman (2014), section 3.2.1, with Stan's constants.
Metric: a diagonal from running moments of draws and gradients. DRAWS takes the variances of the
draws, regularised as in Stan. DRAWS_AND_GRADIENTS takes

    var(draw)**a / var(gradient)**(1 - a),    a = (n + 25) / (n + 50) after n draws.

At a = 1/2 that is the diagonal of least Fisher divergence (Seyboldt, Carlson and Carpenter 2026,
arXiv:2603.18845): from a dozen draws it is near its limit, because the errors of both variances
cancel. But if coordinates are correlated it shortens the slow directions, where the variances of
the draws, once well estimated, give more effective draws. So the weight shifts to these.

Tempering of distant start points. A start may lie so far from the typical set that gradients fall
by many orders of magnitude on the way there, faster than any average over draws can follow, and
that differences of energies are below their rounding error. Such a chain is tempered: it samples
density**(1 / temperature), with a temperature that makes the force moderate, and the temperature
falls as the chain approaches (simulated annealing, Kirkpatrick, Gelatt and Vecchi 1983). A
trajectory ends where the tempered force vanishes (`nuts.force_vanished`), so that it does not move
on at constant velocity. Metric and step size are adapted after that. Without tempering such a chain
in effect does steepest descent, and stays in whatever narrow valley is near. If scales differ so
much that only the narrow coordinates have reached the typical set, the chain is tempered a second
time, with a metric of the curvatures on its path: |change of draw| / |change of gradient| for each
coordinate, which for a normal density is the variance (a diagonal form of Barzilai and Borwein
1988), averaged on the log scale.
"""

from libc.math cimport INFINITY, exp, fabs, log, sqrt
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from cython_ext.samplers.estimates cimport (
    DualAverage,
    Moments,
    clear,
    start_curvature,
    gradient_size,
    update_curvature,
    metric_from_curvature,
    metric_from_gradient,
    next_step_size,
    point_into,
    set_mass_entry,
    start_average,
)
from cython_ext.samplers.leapfrog cimport (
    System,
    evaluate,
    temper,
    new_vector,
    open_system,
    pt_logp_grad_fn,
)
from cython_ext.samplers.nuts cimport (
    DIVERGED,
    FAILED,
    FULL_DEPTH,
    STOPPED,
    Nuts,
    Transition,
    close_nuts,
    first_momentum,
    open_nuts,
    pt_progress,
    pt_stream,
    search_step_size,
    transition,
)

import numpy as np


cdef extern from "pt_vector.h" nogil:
    void pt_welford(Py_ssize_t n, double count, const double *x, double *mean, double *square)


cdef extern from "pt_stream.h" nogil:
    void pt_stream_open(pt_stream *stream, uint64_t seed, uint64_t chain, uint64_t purpose)
    double pt_stream_uniform(pt_stream *stream)


cdef extern from "pt_platform.h" nogil:
    double pt_clock()
    void pt_report(
        pt_progress *progress, int64_t draws, int64_t divergences, int64_t gradients,
        double step_size
    )
    void pt_request_stop(pt_progress *progress)
    int64_t PT_SHARED(int64_t place)
    int64_t PT_PUBLISHED(int64_t place)
    double pt_from_bits(int64_t bits)


cpdef enum Adapt:
    """What happens after an iteration of the warm-up; flags of one byte, in this order."""
    COLLECT = 1  # the state is added to both estimates of the metric
    REFRESH = 2  # the older estimate becomes the metric
    SWITCH = 4   # the younger estimate becomes the older one, and a new one begins


cpdef enum Metric:
    DRAWS = 0
    DRAWS_AND_GRADIENTS = 1


cpdef enum Status:
    """How a chain ended."""
    FINISHED = 0
    INTERRUPTED = 1
    DENSITY_FAILED = 2
    STEP_SIZE_VANISHED = 3
    STEP_SIZE_EXPLODED = 4
    NO_MEMORY = 5


# Purposes of random number streams, folded into their keys.
cdef uint64_t TRANSITIONS = 0
cdef uint64_t FIRST_START = 1

# Start points with a suitable temperature below these are not tempered.
cdef double TEMPERING_THRESHOLD = 1e8
cdef double TEMPERING_THRESHOLD_DRAWS = 1e4


cdef struct Record:
    double lp
    double acceptance_rate
    double energy
    double energy_error
    double max_energy_error
    double step_size
    double step_size_bar
    double perf_counter_start
    double perf_counter_diff
    int64_t n_steps
    int64_t tree_depth
    int64_t index_in_trajectory
    int64_t diverging
    int64_t reached_max_treedepth


cdef Record _blank
RECORD = np.asarray(<Record[:1]>&_blank).dtype


cdef class Progress:
    """The progress of one chain. Written by its thread, read by any other, without a lock."""

    cdef pt_progress shared

    def __cinit__(self):
        memset(&self.shared, 0, sizeof(pt_progress))

    def stop(self):
        """Ask the chain to end at its next leapfrog step."""
        pt_request_stop(&self.shared)

    @property
    def draws(self):
        """Iterations done, including the warm-up; their draws may be read."""
        return PT_PUBLISHED(self.shared.draws)

    @property
    def divergences(self):
        """Divergences after the warm-up."""
        return PT_SHARED(self.shared.divergences)

    @property
    def gradients(self):
        """Evaluations of the density."""
        return PT_SHARED(self.shared.gradients)

    @property
    def step_size(self):
        return pt_from_bits(PT_SHARED(self.shared.step_size_bits))


cdef struct Warmup:
    DualAverage step_size
    Metric metric
    Moments older
    Moments younger
    double *memory
    Py_ssize_t tempering_end
    bint by_curvature


cdef int open_warmup(
    Warmup *warmup, Metric metric, double target, Py_ssize_t padded
) noexcept nogil:
    warmup.metric = metric
    warmup.step_size.target = target
    warmup.memory = new_vector(9 * padded)
    if warmup.memory == NULL:
        return -1
    point_into(&warmup.older, warmup.memory, padded)
    point_into(&warmup.younger, warmup.memory + 4 * padded, padded)
    return 0


cdef void collect(Moments *moments, const Nuts *nuts, Metric metric) noexcept nogil:
    cdef Py_ssize_t n = nuts.system.padded
    moments.count += 1.0
    pt_welford(
        n, moments.count, nuts.current.q, moments.draw_mean, moments.draw_square
    )
    if metric == DRAWS_AND_GRADIENTS:
        pt_welford(
            n, moments.count, nuts.current.grad, moments.grad_mean, moments.grad_square
        )


cdef inline double shrunk_variance(double square, double count) noexcept nogil:
    """Stan's estimate of a variance, shrunk towards 1e-3 with the weight of five draws."""
    return (count * square / (count - 1.0) + 5e-3) / (count + 5.0)


cdef inline double blended_variance(
    double draw_square, double grad_square, double count
) noexcept nogil:
    """var(draw)**a / var(gradient)**(1 - a), with a from 1/2 towards 1 as the count grows."""
    cdef double a = (count + 25.0) / (count + 50.0)
    cdef double freedom = log(count - 1.0)
    return exp(a * (log(draw_square) - freedom) - (1.0 - a) * (log(grad_square) - freedom))


cdef inline bint spread_is_resolved(const Moments *moments, Py_ssize_t i) noexcept nogil:
    """Whether the draws differ by more than their last few bits."""
    cdef double mean = moments.draw_mean[i]
    return moments.draw_square[i] > 1e-27 * moments.count * mean * mean


cdef void refresh_metric(System *system, const Moments *moments, Metric metric) noexcept nogil:
    """Set the diagonal from the moments. An entry with no plausible estimate is unchanged."""
    cdef Py_ssize_t i
    cdef double entry
    if moments.count < 3.0:
        return
    for i in range(system.dim):
        entry = 0.0
        if metric == DRAWS:
            entry = shrunk_variance(moments.draw_square[i], moments.count)
        elif spread_is_resolved(moments, i):
            entry = blended_variance(
                moments.draw_square[i], moments.grad_square[i], moments.count
            )
        if entry > 1e-60 and entry < 1e60:
            set_mass_entry(system, i, entry)


cdef double suitable_temperature(const Nuts *nuts) noexcept nogil:
    """The temperature at which the largest force at the current state is about 100 and the rounding
    error of the energy is negligible."""
    cdef double scale = max(1e-2 * gradient_size(nuts), 1e-8 * fabs(nuts.current.logp))
    return scale / nuts.system.inverse_temperature


cdef void set_inverse_temperature(Nuts *nuts, double inverse_temperature) noexcept nogil:
    """Raise the density to this power, also at the current state, which is evaluated already."""
    temper(nuts.current, nuts.system.dim, inverse_temperature / nuts.system.inverse_temperature)
    nuts.system.inverse_temperature = inverse_temperature


cdef void start_warmup(Nuts *nuts, Warmup *warmup, Py_ssize_t tune) noexcept nogil:
    """At an evaluated start point: temper the density if the point is too distant, else set a first
    metric."""
    cdef double temperature = suitable_temperature(nuts)
    cdef double limit = TEMPERING_THRESHOLD_DRAWS if warmup.metric == DRAWS else TEMPERING_THRESHOLD
    warmup.tempering_end = tune // 4
    if temperature > limit and warmup.tempering_end > 0:
        start_curvature(nuts, &warmup.younger)
        set_inverse_temperature(nuts, 1.0 / temperature)
    elif warmup.metric == DRAWS_AND_GRADIENTS:
        metric_from_gradient(nuts, 1e-10)


cdef double first_step_size(Nuts *nuts) noexcept nogil:
    """The step size that a search finds, or 0.1 if it fails; the next transition says why."""
    cdef double energy = nuts.current.energy
    cdef int index = nuts.current.index
    cdef double step_size = search_step_size(nuts, 1.0)
    # Those of the last transition, which is recorded after this.
    nuts.current.energy = energy
    nuts.current.index = index
    return step_size if step_size > 0.0 and step_size < INFINITY else 0.1


cdef double anneal(
    Nuts *nuts, Warmup *warmup, const Transition *report, double step_size, Py_ssize_t i
) noexcept nogil:
    """Lower the temperature after a tempered transition. Returns the next step size.

    The temperature becomes the one suitable for the state, and at least halves whenever proposals
    are accepted. The first pass uses a unit metric, with which no coordinate moves far from its
    start; it ends at temperature one, or after a sixth of the warm-up. If some coordinates are then
    still distant, as those with large scales are, a second pass uses a metric of curvatures, with
    which all coordinates move alike; it ends after a quarter of the warm-up.
    """
    cdef double temperature = 1.0 / nuts.system.inverse_temperature
    cdef bint again = warmup.metric == DRAWS_AND_GRADIENTS and not warmup.by_curvature
    cdef Py_ssize_t last = warmup.tempering_end
    if again:
        last -= warmup.tempering_end // 3
    update_curvature(nuts, &warmup.younger)
    if report.acceptance_sum > 0.2 * report.steps:
        temperature = min(suitable_temperature(nuts), 0.5 * temperature)
    if temperature > 1.0 and i + 1 < last:
        set_inverse_temperature(nuts, 1.0 / temperature)
        if warmup.by_curvature:
            metric_from_curvature(nuts, &warmup.younger, 1.0)
        return step_size
    temperature = suitable_temperature(nuts)
    if again and temperature > TEMPERING_THRESHOLD and i + 1 < warmup.tempering_end:
        warmup.by_curvature = True
        set_inverse_temperature(nuts, 1.0 / temperature)
        metric_from_curvature(nuts, &warmup.younger, 1.0)
        step_size = first_step_size(nuts)
    else:
        set_inverse_temperature(nuts, 1.0)
        if again:
            metric_from_gradient(nuts, 1.0)
            step_size *= sqrt(max(1.0, gradient_size(nuts)))
        elif warmup.by_curvature:
            metric_from_curvature(nuts, &warmup.younger, 1e60)
        clear(&warmup.younger, nuts.system.padded)
    start_average(&warmup.step_size, step_size)
    return step_size


cdef double adapt(
    Nuts *nuts, Warmup *warmup, const Transition *report, uint8_t flags, Py_ssize_t i
) noexcept nogil:
    """Adapt to one transition; returns the step size of the next."""
    cdef double step_size = next_step_size(
        &warmup.step_size, report.acceptance_sum / report.steps
    )
    cdef Moments older
    if nuts.system.inverse_temperature < 1.0:
        return anneal(nuts, warmup, report, step_size, i)
    if flags & COLLECT:
        collect(&warmup.older, nuts, warmup.metric)
        collect(&warmup.younger, nuts, warmup.metric)
    if flags & REFRESH:
        refresh_metric(&nuts.system, &warmup.older, warmup.metric)
    if flags & SWITCH:
        older = warmup.older
        warmup.older = warmup.younger
        warmup.younger = older
        clear(&warmup.younger, nuts.system.padded)
    return step_size


cdef Status status_of(const Nuts *nuts, double step_size) noexcept nogil:
    """The status that a step size means which is not a positive finite number."""
    if nuts.system.failure != 0:
        return DENSITY_FAILED
    if step_size < 0.0:
        return INTERRUPTED
    if step_size == 0.0:
        return STEP_SIZE_VANISHED
    return STEP_SIZE_EXPLODED


cdef void write_record(
    Record *record, const Nuts *nuts, const Transition *report, double step_size, double bar,
    double started
) noexcept nogil:
    record.lp = nuts.current.logp / nuts.system.inverse_temperature
    record.acceptance_rate = report.acceptance_sum / report.steps
    record.energy = nuts.current.energy
    record.energy_error = report.energy_error
    record.max_energy_error = report.max_energy_error
    record.step_size = step_size
    record.step_size_bar = bar
    record.perf_counter_start = started
    record.perf_counter_diff = pt_clock() - started
    record.n_steps = report.steps
    record.tree_depth = report.depth
    record.index_in_trajectory = nuts.current.index
    record.diverging = report.outcome == DIVERGED
    record.reached_max_treedepth = report.outcome == FULL_DEPTH


cdef struct Output:
    Py_ssize_t skipped
    double *draws
    Record *records
    double *divergence_starts
    int64_t *divergences
    double *divergence_paths
    Py_ssize_t most
    double *before


cdef void write_divergence(
    Output *output, Py_ssize_t draw, int64_t count, Nuts *nuts
) noexcept nogil:
    """Where the trajectory began and how far it came, for the first `most` divergences."""
    cdef Py_ssize_t dim = nuts.system.dim
    if count >= output.most:
        return
    output.divergences[2 * count] = draw
    output.divergences[2 * count + 1] = nuts.diverged_index
    memcpy(output.divergence_paths + 2 * count * dim, output.before, dim * sizeof(double))
    first_momentum(nuts, output.divergence_paths + (2 * count + 1) * dim)


cdef void write_iteration(
    Output *output, Py_ssize_t iteration, const Nuts *nuts, const Transition *report,
    double step_size, double bar, double started
) noexcept nogil:
    cdef Py_ssize_t row = iteration - output.skipped
    cdef Py_ssize_t dim = nuts.system.dim
    if row < 0:
        return
    write_record(&output.records[row], nuts, report, step_size, bar, started)
    memcpy(output.draws + row * dim, nuts.current.q, dim * sizeof(double))
    if output.divergence_starts != NULL and report.outcome == DIVERGED:
        memcpy(
            output.divergence_starts + row * dim, nuts.before_divergence.q, dim * sizeof(double)
        )


cdef Status run_loop(
    Nuts *nuts, Warmup *warmup, Output *output, const uint8_t *schedule, Py_ssize_t tune,
    Py_ssize_t total, int early_depth, Py_ssize_t early, Py_ssize_t *done
) noexcept nogil:
    """Run all iterations from the evaluated start point. `done` counts them."""
    cdef Transition report
    cdef Py_ssize_t i
    cdef double started
    cdef double used
    cdef int64_t divergences = 0
    cdef double step_size = search_step_size(nuts, 1.0)
    cdef double bar = step_size
    if not (step_size > 0.0 and step_size < INFINITY):
        return status_of(nuts, step_size)
    start_average(&warmup.step_size, step_size)
    for i in range(total):
        started = pt_clock()
        memcpy(output.before, nuts.current.q, nuts.system.dim * sizeof(double))
        transition(nuts, step_size, early_depth if i < early else nuts.max_depth, &report)
        if report.outcome == FAILED:
            return DENSITY_FAILED
        if report.outcome == STOPPED:
            return INTERRUPTED
        used = step_size
        if i < tune:
            step_size = adapt(nuts, warmup, &report, schedule[i], i)
            bar = exp(warmup.step_size.log_mean)
            if i == tune - 1:
                step_size = bar
        write_iteration(output, i, nuts, &report, used, bar, started)
        if i >= tune and report.outcome == DIVERGED:
            write_divergence(output, i - tune, divergences, nuts)
            divergences += 1
        done[0] = i + 1
        pt_report(nuts.progress, i + 1, divergences, nuts.system.gradients, step_size)
    return FINISHED


def evaluate_at(size_t address, size_t context, double[::1] q):
    """(code, logp, gradient) of the density at q, float64[dim]; code 0 says it was evaluated."""
    cdef double logp = 0.0
    cdef int code
    gradient = np.zeros(q.shape[0])
    cdef double[::1] grad = gradient
    cdef double nothing = 0.0
    cdef const double *q_at = &q[0] if q.shape[0] else &nothing
    cdef double *grad_at = &grad[0] if q.shape[0] else &nothing
    with nogil:
        code = (<pt_logp_grad_fn>address)(<void *>context, q_at, grad_at, &logp)
    return code, logp, gradient


def uniforms(uint64_t seed, uint64_t chain, uint64_t attempt, Py_ssize_t n):
    """float64[n] on [0, 1): the start points' random numbers, a function of the arguments alone."""
    cdef pt_stream stream
    cdef Py_ssize_t i
    numbers = np.empty(n)
    cdef double[::1] out = numbers
    pt_stream_open(&stream, seed, chain, FIRST_START + attempt)
    for i in range(n):
        out[i] = pt_stream_uniform(&stream)
    return numbers


cdef int open_chain(
    Nuts *nuts, Warmup *warmup, pt_logp_grad_fn density, void *context, Py_ssize_t dim,
    Metric metric, double target_accept, int max_depth, double max_error
) noexcept nogil:
    """Allocate all the memory of a chain. Returns 0, or -1 if there is not enough."""
    memset(nuts, 0, sizeof(Nuts))
    memset(warmup, 0, sizeof(Warmup))
    if open_system(&nuts.system, density, context, dim) != 0:
        return -1
    if open_nuts(nuts, max_depth, max_error) != 0:
        return -1
    return open_warmup(warmup, metric, target_accept, nuts.system.padded)


cdef void close_chain(Nuts *nuts, Warmup *warmup) noexcept nogil:
    free(warmup.memory)
    close_nuts(nuts)


def run(
    size_t address, size_t context, *, uint64_t seed, uint64_t chain, double[::1] start,
    const uint8_t[::1] schedule, Py_ssize_t iterations, double[:, ::1] draws,
    Record[::1] records, double[:, ::1] divergence_starts, int64_t[:, ::1] divergences,
    double[:, :, ::1] divergence_paths, double[::1] inverse_mass, Progress progress,
    Metric metric, double target_accept, int max_depth, int early_depth,
    Py_ssize_t early, double max_error
):
    """Run one chain without the GIL.

    The density and its context are given by address. `start` is float64[dim], a point of finite
    density. `schedule` holds a byte of Adapt flags for each iteration of the warm-up, the first of
    all `iterations`. `draws` (float64[kept, dim]) and `records` (RECORD[kept]) receive the last
    `kept` iterations; `divergence_starts`, float64[kept, dim] or None, the state before each
    divergence; `divergences`, int64[most, 2], the draw and the number of leapfrog steps (negative
    backwards in time) of the first `most` divergences after the warm-up; `divergence_paths`,
    float64[most, 2, dim], the position and momentum from which these trajectories began;
    `inverse_mass`, float64[dim], the adapted metric. The first `early` iterations have
    a tree depth of at most `early_depth`.

    Returns (status, iterations done, code of the density function). Equal arguments give equal
    bits. Raises ValueError where the arrays' sizes do not fit.
    """
    cdef Nuts nuts
    cdef Warmup warmup
    cdef Output output
    cdef Status status = NO_MEMORY
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t dim = start.shape[0]
    cdef Py_ssize_t tune = schedule.shape[0]
    output.skipped = iterations - records.shape[0]
    output.draws = &draws[0, 0]
    output.records = &records[0]
    output.divergence_starts = NULL if divergence_starts is None else &divergence_starts[0, 0]
    open_paths(&output, dim, divergences, divergence_paths)
    check_sizes(
        dim, iterations - tune, inverse_mass.shape[0], records.shape[0], draws, divergence_starts
    )
    with nogil:
        if open_chain(
            &nuts, &warmup, <pt_logp_grad_fn>address, <void *>context, dim, metric,
            target_accept, max_depth, max_error
        ) == 0:
            nuts.progress = &progress.shared
            output.before = warmup.memory + 8 * nuts.system.padded
            pt_stream_open(&nuts.stream, seed, chain, TRANSITIONS)
            memcpy(nuts.current.q, &start[0], dim * sizeof(double))
            status = DENSITY_FAILED
            if evaluate(&nuts.system, nuts.current) == 0:
                start_warmup(&nuts, &warmup, tune)
                status = run_loop(
                    &nuts, &warmup, &output, &schedule[0], tune, iterations, early_depth, early,
                    &done
                )
            memcpy(&inverse_mass[0], nuts.system.inverse_mass, dim * sizeof(double))
        close_chain(&nuts, &warmup)
    return status, done, nuts.system.failure


cdef int check_sizes(
    Py_ssize_t dim, Py_ssize_t kept_draws, Py_ssize_t mass_size, Py_ssize_t kept,
    double[:, ::1] draws, double[:, ::1] divergence_starts
) except -1:
    if dim < 1:
        raise ValueError("run: a density of no coordinates has nothing to sample")
    if kept_draws < 0 or kept < 1 or draws.shape[0] != kept:
        raise ValueError(f"run: {kept} records and {draws.shape[0]} draws do not fit together")
    if draws.shape[1] != dim or mass_size != dim:
        raise ValueError(f"run: draws and inverse_mass must have {dim} coordinates")
    if divergence_starts is not None and (
        divergence_starts.shape[0] != kept or divergence_starts.shape[1] != dim
    ):
        raise ValueError(f"run: divergence_starts must be float64[{kept}, {dim}]")
    return 0


cdef int open_paths(
    Output *output, Py_ssize_t dim, int64_t[:, ::1] places, double[:, :, ::1] paths
) except -1:
    output.most = places.shape[0]
    if places.shape[1] != 2 or paths.shape[0] != output.most or paths.shape[1] != 2:
        raise ValueError("run: divergences must be int64[most, 2], their paths float64[most, 2, n]")
    if paths.shape[2] != dim:
        raise ValueError(f"run: divergence_paths must have {dim} coordinates")
    if output.most > 0:
        output.divergences = &places[0, 0]
        output.divergence_paths = &paths[0, 0, 0]
    return 0
