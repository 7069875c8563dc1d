"""Exponentials of matrices for compiled plans, and their derivatives in a direction: what
host/pt_exponential.h has, under names that a plan is linked with."""

from libc.stdint cimport int64_t

from cython_ext.lapack cimport pt_bind, table

cdef extern from "pt_exponential.h" nogil:
    void pt_expm_in_c "pt_expm"(const double* a, double* out, double* work, int64_t batch,
                                int64_t n)
    void pt_expm_frechet_in_c "pt_expm_frechet"(const double* a, const double* e, double* out,
                                                double* work, int64_t batch, int64_t n)

pt_bind(table())


cdef void pt_expm(const double* a, double* out, double* work, int64_t batch,
                  int64_t n) noexcept nogil:
    pt_expm_in_c(a, out, work, batch, n)


cdef void pt_expm_frechet(const double* a, const double* e, double* out, double* work,
                          int64_t batch, int64_t n) noexcept nogil:
    pt_expm_frechet_in_c(a, e, out, work, batch, n)
