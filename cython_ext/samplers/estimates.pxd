"""Estimates of the warm-up: dual averaging of the step size, moments, diagonals of the metric."""

from cython_ext.samplers.leapfrog cimport System
from cython_ext.samplers.nuts cimport Nuts


cdef struct DualAverage:
    double target
    double centre
    double error
    double log_mean
    double count


cdef struct Moments:
    double count
    double *draw_mean
    double *draw_square
    double *grad_mean
    double *grad_square


cdef void start_average(DualAverage *average, double step_size) noexcept nogil
cdef double next_step_size(DualAverage *average, double acceptance) noexcept nogil
cdef void point_into(Moments *moments, double *memory, Py_ssize_t padded) noexcept nogil
cdef void clear(Moments *moments, Py_ssize_t padded) noexcept nogil
cdef void set_mass_entry(System *system, Py_ssize_t i, double inverse_mass) noexcept nogil
cdef void metric_from_gradient(Nuts *nuts, double least) noexcept nogil
cdef double gradient_size(const Nuts *nuts) noexcept nogil
cdef void start_curvature(const Nuts *nuts, Moments *curvature) noexcept nogil
cdef void update_curvature(const Nuts *nuts, Moments *curvature) noexcept nogil
cdef void metric_from_curvature(Nuts *nuts, const Moments *curvature, double largest) noexcept nogil
