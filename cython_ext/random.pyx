"""The random draws of pt_random.h on NumPy arrays: the same bits that compiled functions draw.

Each function takes arrays of one shape: a uint64 key, a uint64 index, then float64 parameters. It
returns a new float64 array of that shape (uint64 for `key_fold`).
"""

from libc.stdint cimport uint64_t

import numpy as np

cdef extern from "pt_random.h" nogil:
    uint64_t pt_key_fold(uint64_t key, uint64_t data)
    double pt_draw_uniform(uint64_t key, uint64_t i)
    double pt_draw_normal(uint64_t key, uint64_t i)
    double pt_draw_exponential(uint64_t key, uint64_t i)
    double pt_draw_gamma(uint64_t key, uint64_t i, double alpha)
    double pt_draw_log_gamma(uint64_t key, uint64_t i, double alpha)
    double pt_draw_poisson(uint64_t key, uint64_t i, double mu)
    double pt_draw_binomial(uint64_t key, uint64_t i, double n, double p)
    double pt_draw_hypergeometric(uint64_t key, uint64_t i, double n, double k, double m)
    double pt_draw_von_mises(uint64_t key, uint64_t i, double kappa)
    double pt_draw_polya_gamma(uint64_t key, uint64_t i, double h, double z)

ctypedef double (*Draw)(uint64_t, uint64_t) noexcept nogil
ctypedef double (*Draw1)(uint64_t, uint64_t, double) noexcept nogil
ctypedef double (*Draw2)(uint64_t, uint64_t, double, double) noexcept nogil
ctypedef double (*Draw3)(uint64_t, uint64_t, double, double, double) noexcept nogil


def words(values):
    """The values as a flat, contiguous uint64 array."""
    return np.ascontiguousarray(values, dtype=np.uint64).reshape(-1)


def reals(values):
    """The values as a flat, contiguous float64 array."""
    return np.ascontiguousarray(values, dtype=np.float64).reshape(-1)


cdef each(Draw draw, keys, indices):
    cdef const uint64_t[::1] key = words(keys)
    cdef const uint64_t[::1] index = words(indices)
    out = np.empty(np.shape(indices))
    cdef double[::1] drawn = out.reshape(-1)
    cdef Py_ssize_t i
    with nogil:
        for i in range(drawn.shape[0]):
            drawn[i] = draw(key[i], index[i])
    return out


cdef each1(Draw1 draw, keys, indices, first):
    cdef const uint64_t[::1] key = words(keys)
    cdef const uint64_t[::1] index = words(indices)
    cdef const double[::1] a = reals(first)
    out = np.empty(np.shape(indices))
    cdef double[::1] drawn = out.reshape(-1)
    cdef Py_ssize_t i
    with nogil:
        for i in range(drawn.shape[0]):
            drawn[i] = draw(key[i], index[i], a[i])
    return out


cdef each2(Draw2 draw, keys, indices, first, second):
    cdef const uint64_t[::1] key = words(keys)
    cdef const uint64_t[::1] index = words(indices)
    cdef const double[::1] a = reals(first)
    cdef const double[::1] b = reals(second)
    out = np.empty(np.shape(indices))
    cdef double[::1] drawn = out.reshape(-1)
    cdef Py_ssize_t i
    with nogil:
        for i in range(drawn.shape[0]):
            drawn[i] = draw(key[i], index[i], a[i], b[i])
    return out


cdef each3(Draw3 draw, keys, indices, first, second, third):
    cdef const uint64_t[::1] key = words(keys)
    cdef const uint64_t[::1] index = words(indices)
    cdef const double[::1] a = reals(first)
    cdef const double[::1] b = reals(second)
    cdef const double[::1] c = reals(third)
    out = np.empty(np.shape(indices))
    cdef double[::1] drawn = out.reshape(-1)
    cdef Py_ssize_t i
    with nogil:
        for i in range(drawn.shape[0]):
            drawn[i] = draw(key[i], index[i], a[i], b[i], c[i])
    return out


def key_fold(keys, data):
    """A new key for each number."""
    cdef const uint64_t[::1] key = words(keys)
    cdef const uint64_t[::1] number = words(data)
    out = np.empty(np.shape(data), dtype=np.uint64)
    cdef uint64_t[::1] made = out.reshape(-1)
    cdef Py_ssize_t i
    with nogil:
        for i in range(made.shape[0]):
            made[i] = pt_key_fold(key[i], number[i])
    return out


def uniform(key, index):
    """Uniform on (0, 1)."""
    return each(pt_draw_uniform, key, index)


def normal(key, index):
    """Standard normal."""
    return each(pt_draw_normal, key, index)


def exponential(key, index):
    """Exponential with rate 1."""
    return each(pt_draw_exponential, key, index)


def gamma(key, index, alpha):
    """Gamma with shape alpha and rate 1."""
    return each1(pt_draw_gamma, key, index, alpha)


def log_gamma(key, index, alpha):
    """The logarithm of a gamma draw, finite even where the draw underflows."""
    return each1(pt_draw_log_gamma, key, index, alpha)


def poisson(key, index, mu):
    """Poisson with mean mu."""
    return each1(pt_draw_poisson, key, index, mu)


def binomial(key, index, n, p):
    """Binomial with n trials of probability p."""
    return each2(pt_draw_binomial, key, index, n, p)


def hypergeometric(key, index, n, k, m):
    """The marked ones among m that are taken from n, of which k are marked."""
    return each3(pt_draw_hypergeometric, key, index, n, k, m)


def von_mises(key, index, kappa):
    """Von Mises about 0 with concentration kappa."""
    return each1(pt_draw_von_mises, key, index, kappa)


def polya_gamma(key, index, h, z):
    """Polya-gamma with shape h, a whole number up to 1024, and tilt z."""
    return each2(pt_draw_polya_gamma, key, index, h, z)
