"""Estimates of the warm-up: dual averaging of the step size, moments, diagonals of the metric.

`chain` decides when they are used. While a chain is tempered, a `Moments` estimates curvatures: its
means are the last state's draw and untempered gradient, its squares of the draws the logarithms of
inverse curvatures.
"""

from libc.math cimport exp, fabs, log, pow, sqrt
from libc.string cimport memset


cdef void start_average(DualAverage *average, double step_size) noexcept nogil:
    """Restart dual averaging, shrinking to ten times the step size that the search found."""
    average.centre = log(10.0 * step_size)
    average.error = 0.0
    average.log_mean = 0.0
    average.count = 0.0


cdef double next_step_size(DualAverage *average, double acceptance) noexcept nogil:
    """Update with one acceptance rate. gamma = 0.05, t0 = 10, kappa = 0.75."""
    cdef double share
    cdef double log_step
    average.count += 1.0
    share = 1.0 / (average.count + 10.0)
    average.error += share * (average.target - acceptance - average.error)
    log_step = average.centre - average.error * sqrt(average.count) / 0.05
    share = pow(average.count, -0.75)
    average.log_mean += share * (log_step - average.log_mean)
    return exp(log_step)


cdef void point_into(Moments *moments, double *memory, Py_ssize_t padded) noexcept nogil:
    moments.count = 0.0
    moments.draw_mean = memory
    moments.draw_square = memory + padded
    moments.grad_mean = memory + 2 * padded
    moments.grad_square = memory + 3 * padded


cdef void clear(Moments *moments, Py_ssize_t padded) noexcept nogil:
    moments.count = 0.0
    memset(moments.draw_mean, 0, 4 * padded * sizeof(double))


cdef void set_mass_entry(System *system, Py_ssize_t i, double inverse_mass) noexcept nogil:
    system.inverse_mass[i] = inverse_mass
    system.momentum_scale[i] = 1.0 / sqrt(inverse_mass)


cdef void metric_from_gradient(Nuts *nuts, double least) noexcept nogil:
    """A first diagonal: for a normal density, |gradient| grows as the inverse of the variance."""
    cdef Py_ssize_t i
    cdef double size
    for i in range(nuts.system.dim):
        size = fabs(nuts.current.grad[i])
        if size > least:
            set_mass_entry(&nuts.system, i, 1.0 / size)


cdef double gradient_size(const Nuts *nuts) noexcept nogil:
    """The largest absolute entry of the gradient."""
    cdef Py_ssize_t i
    cdef double size = 0.0
    for i in range(nuts.system.dim):
        size = max(size, fabs(nuts.current.grad[i]))
    return size


cdef void start_curvature(const Nuts *nuts, Moments *curvature) noexcept nogil:
    """Before any step, untempered: as of a normal density whose mode is at distance 1."""
    cdef Py_ssize_t i
    cdef double size
    for i in range(nuts.system.dim):
        size = fabs(nuts.current.grad[i])
        curvature.draw_mean[i] = nuts.current.q[i]
        curvature.grad_mean[i] = nuts.current.grad[i]
        curvature.draw_square[i] = -log(size) if size > 0.0 else 0.0


cdef void update_curvature(const Nuts *nuts, Moments *curvature) noexcept nogil:
    """Update each coordinate with the last transition's changes of position and of gradient."""
    cdef Py_ssize_t i
    cdef double q, grad, moved, bent
    for i in range(nuts.system.dim):
        q = nuts.current.q[i]
        grad = nuts.current.grad[i] / nuts.system.inverse_temperature
        moved = fabs(q - curvature.draw_mean[i])
        bent = fabs(grad - curvature.grad_mean[i])
        if moved > 1e-13 * fabs(q) and bent > 1e-13 * fabs(grad):
            curvature.draw_square[i] += 0.5 * (log(moved) - log(bent) - curvature.draw_square[i])
        curvature.draw_mean[i] = q
        curvature.grad_mean[i] = grad


cdef void metric_from_curvature(
    Nuts *nuts, const Moments *curvature, double largest
) noexcept nogil:
    """Set the metric for the current temperature; no entry exceeds `largest`."""
    cdef Py_ssize_t i
    cdef double entry
    for i in range(nuts.system.dim):
        entry = exp(curvature.draw_square[i]) / nuts.system.inverse_temperature
        set_mass_entry(&nuts.system, i, min(max(entry, 1e-60), largest))
