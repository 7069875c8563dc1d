"""Singular values, eigenvalues, Schur and Hessenberg forms for compiled plans: what
host/pt_spectra.h has, under names that a plan is linked with."""

from libc.stdint cimport int64_t

from cython_ext.lapack cimport pt_bind, table

cdef extern from "pt_spectra.h" nogil:
    void pt_svd_in_c "pt_svd"(const double* a, double* u, double* s, double* vh, double* work,
                              int64_t batch, int64_t m, int64_t n)
    void pt_svd_full_in_c "pt_svd_full"(const double* a, double* u, double* s, double* vh,
                                        double* work, int64_t batch, int64_t m, int64_t n)
    void pt_svdvals_in_c "pt_svdvals"(const double* a, double* s, double* work, int64_t batch,
                                      int64_t m, int64_t n)
    void pt_eigvalsh_in_c "pt_eigvalsh"(const double* a, double* values, double* work,
                                        int64_t batch, int64_t n)
    void pt_eig_in_c "pt_eig"(const double* a, double* reals, double* imags, double* real_vectors,
                              double* imag_vectors, double* work, int64_t batch, int64_t n)
    void pt_eigvals_in_c "pt_eigvals"(const double* a, double* reals, double* imags, double* work,
                                      int64_t batch, int64_t n)
    void pt_schur_in_c "pt_schur"(const double* a, const int64_t* sort, double* t, double* z,
                                  int64_t* count, double* work, int64_t batch, int64_t n)
    void pt_qz_in_c "pt_qz"(const double* a, const double* b, const int64_t* sort, double* s,
                            double* t, double* reals, double* imags, double* scales, double* q,
                            double* z, double* work, int64_t batch, int64_t n)
    void pt_hessenberg_in_c "pt_hessenberg"(const double* a, double* h, double* q, double* work,
                                            int64_t batch, int64_t n)

pt_bind(table())


cdef void pt_svd(const double* a, double* u, double* s, double* vh, double* work, int64_t batch,
                 int64_t m, int64_t n) noexcept nogil:
    pt_svd_in_c(a, u, s, vh, work, batch, m, n)


cdef void pt_svd_full(const double* a, double* u, double* s, double* vh, double* work,
                      int64_t batch, int64_t m, int64_t n) noexcept nogil:
    pt_svd_full_in_c(a, u, s, vh, work, batch, m, n)


cdef void pt_svdvals(const double* a, double* s, double* work, int64_t batch, int64_t m,
                     int64_t n) noexcept nogil:
    pt_svdvals_in_c(a, s, work, batch, m, n)


cdef void pt_eigvalsh(const double* a, double* values, double* work, int64_t batch,
                      int64_t n) noexcept nogil:
    pt_eigvalsh_in_c(a, values, work, batch, n)


cdef void pt_eig(const double* a, double* reals, double* imags, double* real_vectors,
                 double* imag_vectors, double* work, int64_t batch, int64_t n) noexcept nogil:
    pt_eig_in_c(a, reals, imags, real_vectors, imag_vectors, work, batch, n)


cdef void pt_eigvals(const double* a, double* reals, double* imags, double* work, int64_t batch,
                     int64_t n) noexcept nogil:
    pt_eigvals_in_c(a, reals, imags, work, batch, n)


cdef void pt_schur(const double* a, const int64_t* sort, double* t, double* z, int64_t* count,
                   double* work, int64_t batch, int64_t n) noexcept nogil:
    pt_schur_in_c(a, sort, t, z, count, work, batch, n)


cdef void pt_qz(const double* a, const double* b, const int64_t* sort, double* s, double* t,
                double* reals, double* imags, double* scales, double* q, double* z, double* work,
                int64_t batch, int64_t n) noexcept nogil:
    pt_qz_in_c(a, b, sort, s, t, reals, imags, scales, q, z, work, batch, n)


cdef void pt_hessenberg(const double* a, double* h, double* q, double* work, int64_t batch,
                        int64_t n) noexcept nogil:
    pt_hessenberg_in_c(a, h, q, work, batch, n)
