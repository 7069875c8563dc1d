"""Equations of Sylvester, roots and logarithms of matrices, and updates of factors for compiled
plans: what host/pt_equations.h has, under names that a plan is linked with."""

from libc.stdint cimport int64_t

from cython_ext.lapack cimport pt_bind, table

cdef extern from "pt_equations.h" nogil:
    void pt_sylvester_in_c "pt_sylvester"(const double* a, const double* b, const double* q,
                                          double* out, double* work, int64_t batch, int64_t m,
                                          int64_t n)
    void pt_sqrtm_in_c "pt_sqrtm"(const double* a, double* out, double* work, int64_t batch,
                                  int64_t n)
    void pt_logm_in_c "pt_logm"(const double* a, double* out, double* work, int64_t batch,
                                int64_t n)
    void pt_cholesky_update_in_c "pt_cholesky_update"(const double* a, const double* v,
                                                      const double* sign, double* out, double* work,
                                                      int64_t batch, int64_t n)

pt_bind(table())


cdef void pt_sylvester(const double* a, const double* b, const double* q, double* out, double* work,
                       int64_t batch, int64_t m, int64_t n) noexcept nogil:
    pt_sylvester_in_c(a, b, q, out, work, batch, m, n)


cdef void pt_sqrtm(const double* a, double* out, double* work, int64_t batch,
                   int64_t n) noexcept nogil:
    pt_sqrtm_in_c(a, out, work, batch, n)


cdef void pt_logm(const double* a, double* out, double* work, int64_t batch,
                  int64_t n) noexcept nogil:
    pt_logm_in_c(a, out, work, batch, n)


cdef void pt_cholesky_update(const double* a, const double* v, const double* sign, double* out,
                             double* work, int64_t batch, int64_t n) noexcept nogil:
    pt_cholesky_update_in_c(a, v, sign, out, work, batch, n)
