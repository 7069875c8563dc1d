"""The routines of linalg.pyx as compiled plans call them: through pointers that the loader sets.

A plan is not a Python module, so it cannot import them; for its translation this file replaces
linalg.pxd, with the same signatures.
"""

from libc.stdint cimport int64_t

cdef extern from "pt_routines.h" nogil:
    void pt_gemm(const double* a, const double* b, double* c, int64_t batch,
                 int64_t m, int64_t n, int64_t k, int64_t a_transposed, int64_t b_transposed)

    void pt_gemm_float32(const float* a, const float* b, float* c, int64_t batch,
                         int64_t m, int64_t n, int64_t k, int64_t a_transposed,
                         int64_t b_transposed)

    void pt_cholesky(const double* a, double* out, int64_t batch, int64_t n)

    void pt_solve_lower(const double* t, const double* b, double* out, int64_t batch,
                        int64_t n, int64_t k)

    void pt_solve_upper(const double* t, const double* b, double* out, int64_t batch,
                        int64_t n, int64_t k)

    void pt_cumsum(const double* x, double* out, int64_t batch, int64_t n)

    void pt_eigh(const double* a, double* values, double* vectors, double* work, int64_t batch,
                 int64_t n)

    void pt_lu(const double* a, double* factor, int64_t* pivots, int64_t* rows, double* work,
               int64_t batch, int64_t n)

    void pt_qr(const double* a, double* q, double* r, double* work, int64_t batch, int64_t m,
               int64_t n)

    void pt_sort(const double* x, double* values, int64_t* order, double* work, int64_t batch,
                 int64_t n)

    void pt_sort_int64(const int64_t* x, int64_t* values, int64_t* order, double* work,
                       int64_t batch, int64_t n)
