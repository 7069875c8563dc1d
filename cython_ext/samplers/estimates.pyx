"""What a warm-up learns with: the average of step sizes, moments, and diagonals of the metric.

`chain` says when. While a chain is heated, the memory of a `Moments` holds other things: the last
state's draw and cold gradient where the means are, and the logarithms of inverse curvatures in
place of the draws' squares.
"""

from libc.math cimport exp, fabs, log, pow, sqrt
from libc.string cimport memset


cdef void start_average(DualAverage *average, double step_size) noexcept nogil:
    """Begin, drawn towards ten times the step size that the search found."""
    average.centre = log(10.0 * step_size)
    average.error = 0.0
    average.log_mean = 0.0
    average.count = 0.0


cdef double next_step_size(DualAverage *average, double acceptance) noexcept nogil:
    """Learn from one acceptance rate. gamma = 0.05, t0 = 10, kappa = 0.75."""
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
    """The largest entry, in size."""
    cdef Py_ssize_t i
    cdef double size = 0.0
    for i in range(nuts.system.dim):
        size = max(size, fabs(nuts.current.grad[i]))
    return size


cdef void first_curvature(const Nuts *nuts, Moments *hot) noexcept nogil:
    """Of a cold state, before any step: that of a normal density one unit away."""
    cdef Py_ssize_t i
    cdef double size
    for i in range(nuts.system.dim):
        size = fabs(nuts.current.grad[i])
        hot.draw_mean[i] = nuts.current.q[i]
        hot.grad_mean[i] = nuts.current.grad[i]
        hot.draw_square[i] = -log(size) if size > 0.0 else 0.0


cdef void learn_curvature(const Nuts *nuts, Moments *hot) noexcept nogil:
    """From the last transition's change of position and of gradient, coordinate by coordinate."""
    cdef Py_ssize_t i
    cdef double q, grad, moved, bent
    for i in range(nuts.system.dim):
        q = nuts.current.q[i]
        grad = nuts.current.grad[i] / nuts.system.coldness
        moved = fabs(q - hot.draw_mean[i])
        bent = fabs(grad - hot.grad_mean[i])
        if moved > 1e-13 * fabs(q) and bent > 1e-13 * fabs(grad):
            hot.draw_square[i] += 0.5 * (log(moved) - log(bent) - hot.draw_square[i])
        hot.draw_mean[i] = q
        hot.grad_mean[i] = grad


cdef void metric_from_curvature(Nuts *nuts, const Moments *hot, double largest) noexcept nogil:
    """At the present temperature; no entry is above `largest`."""
    cdef Py_ssize_t i
    cdef double entry
    for i in range(nuts.system.dim):
        entry = exp(hot.draw_square[i]) / nuts.system.coldness
        set_mass_entry(&nuts.system, i, min(max(entry, 1e-60), largest))
