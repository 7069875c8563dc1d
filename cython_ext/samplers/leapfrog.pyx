"""The leapfrog integrator over a bare log-density pointer, and the memory of its states.

All memory of a chain is allocated once, in `open_system` and `open_pool`; nothing here allocates
after that or needs the GIL. A step writes a new state and does not change the old one, so that
trees refer to states by pointer and copy no vector.
"""

from libc.math cimport INFINITY, isfinite, sqrt
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

cdef extern from "pt_vector.h" nogil:
    Py_ssize_t pt_padded(Py_ssize_t dim)
    void pt_kick_drift(
        Py_ssize_t n, double half_step, const double *w, const double *q, const double *p,
        const double *g, double *q_out, double *p_out
    )
    double pt_kick(
        Py_ssize_t n, double half_step, const double *w, const double *g, double *p, double *v
    )
    double pt_velocity(Py_ssize_t n, const double *w, const double *p, double *v)


cdef double *new_vector(Py_ssize_t padded) noexcept nogil:
    """Zeros; NULL if there is not enough memory."""
    return <double *>calloc(padded if padded > 0 else 1, sizeof(double))


cdef int open_system(
    System *system, pt_logp_grad_fn density, void *context, Py_ssize_t dim
) noexcept nogil:
    """A system of `dim` coordinates and unit mass. Returns 0, or -1 if memory is short."""
    cdef Py_ssize_t i
    memset(system, 0, sizeof(System))
    system.density = density
    system.context = context
    system.dim = dim
    system.inverse_temperature = 1.0
    system.padded = pt_padded(dim)
    system.inverse_mass = new_vector(system.padded)
    system.momentum_scale = new_vector(system.padded)
    if system.inverse_mass == NULL or system.momentum_scale == NULL:
        close_system(system)
        return -1
    for i in range(dim):
        system.inverse_mass[i] = 1.0
        system.momentum_scale[i] = 1.0
    return 0


cdef void close_system(System *system) noexcept nogil:
    free(system.inverse_mass)
    free(system.momentum_scale)
    system.inverse_mass = NULL
    system.momentum_scale = NULL


cdef void set_inverse_mass(System *system, const double *inverse_mass) noexcept nogil:
    """Copy `dim` positive diagonal entries, and the standard deviations of the momenta."""
    cdef Py_ssize_t i
    for i in range(system.dim):
        system.inverse_mass[i] = inverse_mass[i]
        system.momentum_scale[i] = 1.0 / sqrt(inverse_mass[i])


cdef int open_pool(Pool *pool, int size, Py_ssize_t padded) noexcept nogil:
    """Memory of `size` states, all free. Returns 0, or -1 if memory is short."""
    cdef int i
    cdef double *vectors
    memset(pool, 0, sizeof(Pool))
    pool.size = size
    pool.states = <State *>calloc(size, sizeof(State))
    pool.free = <State **>calloc(size, sizeof(State *))
    pool.memory = new_vector(4 * padded * size)
    if pool.states == NULL or pool.free == NULL or pool.memory == NULL:
        close_pool(pool)
        return -1
    for i in range(size):
        vectors = pool.memory + 4 * padded * i
        pool.states[i].q = vectors
        pool.states[i].p = vectors + padded
        pool.states[i].grad = vectors + 2 * padded
        pool.states[i].velocity = vectors + 3 * padded
    keep_only(pool, NULL)
    return 0


cdef void close_pool(Pool *pool) noexcept nogil:
    free(pool.states)
    free(pool.free)
    free(pool.memory)
    pool.states = NULL
    pool.free = NULL
    pool.memory = NULL


cdef State *take(Pool *pool) noexcept nogil:
    """The most recently freed state, whose memory is likely still in the cache."""
    pool.n_free -= 1
    cdef State *state = pool.free[pool.n_free]
    state.references = 1
    return state


cdef void release(Pool *pool, State *state) noexcept nogil:
    """Drop one reference to a state; the last one frees it."""
    state.references -= 1
    if state.references == 0:
        pool.free[pool.n_free] = state
        pool.n_free += 1


cdef void keep_only(Pool *pool, State *state) noexcept nogil:
    """Free all states but one (all if `state` is NULL), so that `take` returns them by address.

    So the first ones are reused in every transition, and the memory of those beyond the longest
    trajectory is never touched.
    """
    cdef int i
    pool.n_free = 0
    for i in range(pool.size - 1, -1, -1):
        if &pool.states[i] == state:
            state.references = 1
            continue
        pool.states[i].references = 0
        pool.free[pool.n_free] = &pool.states[i]
        pool.n_free += 1


cdef void temper(State *state, Py_ssize_t dim, double factor) noexcept nogil:
    """Multiply the log density and its gradient."""
    cdef Py_ssize_t i
    state.logp *= factor
    for i in range(dim):
        state.grad[i] *= factor


cdef int evaluate(System *system, State *state) noexcept nogil:
    """Fill logp and grad from q, times `inverse_temperature`.

    Returns 0, or the density's error code, also stored in `failure`.
    """
    system.gradients += 1
    system.failure = system.density(system.context, state.q, state.grad, &state.logp)
    if system.inverse_temperature != 1.0:
        temper(state, system.dim, system.inverse_temperature)
    return system.failure


cdef void set_energy(System *system, State *state) noexcept nogil:
    """Fill velocity and energy from p; the log density at q must be known."""
    cdef double kinetic = pt_velocity(
        system.padded, system.inverse_mass, state.p, state.velocity
    )
    state.energy = kinetic - state.logp


cdef int leapfrog(
    System *system, double step_size, const State *start, State *end
) noexcept nogil:
    """One step from `start` into `end`, backwards in time if `step_size` is negative.

    The energy is infinite if the density is not finite. Returns 0, or the density's error code.
    """
    cdef double half = 0.5 * step_size
    cdef double kinetic
    pt_kick_drift(
        system.padded, half, system.inverse_mass, start.q, start.p, start.grad, end.q, end.p
    )
    end.index = start.index + 1 if step_size > 0.0 else start.index - 1
    if evaluate(system, end) != 0:
        return system.failure
    kinetic = pt_kick(
        system.padded, half, system.inverse_mass, end.grad, end.p, end.velocity
    )
    end.energy = kinetic - end.logp
    if not isfinite(end.energy):
        end.energy = INFINITY
    return 0


def trajectory(
    size_t address, size_t context, double[::1] q, double[::1] p, double[::1] inverse_mass,
    double step_size, int steps
):
    """Follow the Hamiltonian flow for `steps` leapfrog steps, without the GIL.

    Parameters: the addresses of a `pt_logp_grad_fn` and of its context; position, momentum and
    diagonal of the inverse mass matrix, float64[dim] each; the step size, negative to go back.

    Returns (positions, momenta, energies), float64[steps + 1, dim] twice and float64[steps + 1].
    Raises RuntimeError where the density function fails, MemoryError where memory is short.
    """
    cdef Py_ssize_t dim = q.shape[0]
    cdef Py_ssize_t i
    cdef int k
    cdef System system
    cdef Pool pool
    cdef State *now
    cdef State *after
    if p.shape[0] != dim or inverse_mass.shape[0] != dim:
        raise ValueError(
            f"trajectory: q, p and inverse_mass differ in length: "
            f"{dim}, {p.shape[0]}, {inverse_mass.shape[0]}"
        )
    positions = np.empty((steps + 1, dim))
    momenta = np.empty((steps + 1, dim))
    energies = np.empty(steps + 1)
    cdef double[:, ::1] q_out = positions
    cdef double[:, ::1] p_out = momenta
    cdef double[::1] energy_out = energies
    if open_system(&system, <pt_logp_grad_fn>address, <void *>context, dim) != 0:
        raise MemoryError(f"trajectory: no memory for {dim} coordinates")
    if open_pool(&pool, 2, system.padded) != 0:
        close_system(&system)
        raise MemoryError(f"trajectory: no memory for {dim} coordinates")
    with nogil:
        if dim > 0:
            set_inverse_mass(&system, &inverse_mass[0])
        now = take(&pool)
        after = take(&pool)
        for i in range(dim):
            now.q[i] = q[i]
            now.p[i] = p[i]
        if evaluate(&system, now) == 0:
            set_energy(&system, now)
            for k in range(steps + 1):
                for i in range(dim):
                    q_out[k, i] = now.q[i]
                    p_out[k, i] = now.p[i]
                energy_out[k] = now.energy
                if k < steps and leapfrog(&system, step_size, now, after) != 0:
                    break
                now, after = after, now
        close_pool(&pool)
        close_system(&system)
    if system.failure != 0:
        raise RuntimeError(f"trajectory: the density function failed with code {system.failure}")
    return positions, momenta, energies
