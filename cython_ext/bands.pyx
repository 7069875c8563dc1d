"""Matrices given by their diagonals, Toeplitz and sparse matrices, for compiled plans: what
host/pt_bands.h and host/pt_sparse.h have, under names that a plan is linked with."""

from libc.stdint cimport int64_t

from cython_ext.lapack cimport pt_bind, table

cdef extern from "pt_bands.h" nogil:
    void pt_solve_tridiagonal_in_c "pt_solve_tridiagonal"(const double* below, const double* middle,
                                                          const double* above, const double* b,
                                                          double* out, double* work, int64_t batch,
                                                          int64_t l, int64_t n, int64_t k)
    void pt_solve_banded_in_c "pt_solve_banded"(const double* bands, const double* b,
                                                const int64_t* below, double* out, double* work,
                                                int64_t batch, int64_t r, int64_t n, int64_t k)
    void pt_cholesky_banded_in_c "pt_cholesky_banded"(const double* a, double* out, double* work,
                                                      int64_t batch, int64_t r, int64_t n)
    void pt_cholesky_banded_tangent_in_c "pt_cholesky_banded_tangent"(const double* factor,
                                                                      const double* a, double* out,
                                                                      double* work, int64_t batch,
                                                                      int64_t r, int64_t n)
    void pt_cholesky_banded_cotangent_in_c "pt_cholesky_banded_cotangent"(const double* factor,
                                                                          const double* g,
                                                                          double* out, double* work,
                                                                          int64_t batch, int64_t r,
                                                                          int64_t n)
    void pt_solve_lower_band_in_c "pt_solve_lower_band"(const double* bands, const double* b,
                                                        double* out, int64_t batch, int64_t r,
                                                        int64_t n, int64_t k)
    void pt_solve_lower_band_transposed_in_c "pt_solve_lower_band_transposed"(const double* bands,
                                                                              const double* b,
                                                                              double* out,
                                                                              int64_t batch,
                                                                              int64_t r, int64_t n,
                                                                              int64_t k)
    void pt_solve_toeplitz_in_c "pt_solve_toeplitz"(const double* c, const double* r,
                                                    const double* b, double* out, double* work,
                                                    int64_t batch, int64_t n, int64_t k)
    void pt_eig_banded_in_c "pt_eig_banded"(const double* a, double* values, double* vectors,
                                            double* work, int64_t batch, int64_t r, int64_t n)
    void pt_eigvals_banded_in_c "pt_eigvals_banded"(const double* a, double* values, double* work,
                                                    int64_t batch, int64_t r, int64_t n)
    void pt_eigh_tridiagonal_in_c "pt_eigh_tridiagonal"(const double* d, const double* e,
                                                        double* values, double* vectors,
                                                        double* work, int64_t batch, int64_t n)
    void pt_eigvalsh_tridiagonal_in_c "pt_eigvalsh_tridiagonal"(const double* d, const double* e,
                                                                double* values, double* work,
                                                                int64_t batch, int64_t n)

cdef extern from "pt_sparse.h" nogil:
    void pt_sparse_cholesky_in_c "pt_sparse_cholesky"(const double* a, const int64_t* structure,
                                                      double* out, double* work, int64_t batch,
                                                      int64_t z, int64_t s)
    void pt_sparse_cholesky_tangent_in_c "pt_sparse_cholesky_tangent"(const double* l,
                                                                      const int64_t* structure,
                                                                      const double* a, double* out,
                                                                      double* work, int64_t batch,
                                                                      int64_t z, int64_t s)
    void pt_sparse_cholesky_cotangent_in_c "pt_sparse_cholesky_cotangent"(const double* l,
                                                                          const int64_t* structure,
                                                                          const double* g,
                                                                          double* out, double* work,
                                                                          int64_t batch, int64_t z,
                                                                          int64_t s)
    void pt_sparse_outer_in_c "pt_sparse_outer"(const double* x, const int64_t* structure,
                                                const double* y, double* out, double* work,
                                                int64_t batch, int64_t z, int64_t s)
    void pt_sparse_symmetric_product_in_c "pt_sparse_symmetric_product"(const double* x,
                                                                        const int64_t* structure,
                                                                        const double* y,
                                                                        double* out, double* work,
                                                                        int64_t batch, int64_t z,
                                                                        int64_t s)
    void pt_solve_sparse_lower_in_c "pt_solve_sparse_lower"(const double* l,
                                                            const int64_t* structure,
                                                            const double* b, double* out,
                                                            int64_t batch, int64_t z, int64_t s,
                                                            int64_t n, int64_t k)
    void pt_solve_sparse_lower_transposed_in_c \
        "pt_solve_sparse_lower_transposed"(const double* l, const int64_t* structure,
                                           const double* b, double* out, int64_t batch, int64_t z,
                                           int64_t s, int64_t n, int64_t k)

pt_bind(table())


cdef void pt_solve_tridiagonal(const double* below, const double* middle, const double* above,
                               const double* b, double* out, double* work, int64_t batch, int64_t l,
                               int64_t n, int64_t k) noexcept nogil:
    pt_solve_tridiagonal_in_c(below, middle, above, b, out, work, batch, l, n, k)


cdef void pt_solve_banded(const double* bands, const double* b, const int64_t* below, double* out,
                          double* work, int64_t batch, int64_t r, int64_t n,
                          int64_t k) noexcept nogil:
    pt_solve_banded_in_c(bands, b, below, out, work, batch, r, n, k)


cdef void pt_cholesky_banded(const double* a, double* out, double* work, int64_t batch, int64_t r,
                             int64_t n) noexcept nogil:
    pt_cholesky_banded_in_c(a, out, work, batch, r, n)


cdef void pt_cholesky_banded_tangent(const double* factor, const double* a, double* out,
                                     double* work, int64_t batch, int64_t r,
                                     int64_t n) noexcept nogil:
    pt_cholesky_banded_tangent_in_c(factor, a, out, work, batch, r, n)


cdef void pt_cholesky_banded_cotangent(const double* factor, const double* g, double* out,
                                       double* work, int64_t batch, int64_t r,
                                       int64_t n) noexcept nogil:
    pt_cholesky_banded_cotangent_in_c(factor, g, out, work, batch, r, n)


cdef void pt_solve_lower_band(const double* bands, const double* b, double* out, int64_t batch,
                              int64_t r, int64_t n, int64_t k) noexcept nogil:
    pt_solve_lower_band_in_c(bands, b, out, batch, r, n, k)


cdef void pt_solve_lower_band_transposed(const double* bands, const double* b, double* out,
                                         int64_t batch, int64_t r, int64_t n,
                                         int64_t k) noexcept nogil:
    pt_solve_lower_band_transposed_in_c(bands, b, out, batch, r, n, k)


cdef void pt_solve_toeplitz(const double* c, const double* r, const double* b, double* out,
                            double* work, int64_t batch, int64_t n, int64_t k) noexcept nogil:
    pt_solve_toeplitz_in_c(c, r, b, out, work, batch, n, k)


cdef void pt_eig_banded(const double* a, double* values, double* vectors, double* work,
                        int64_t batch, int64_t r, int64_t n) noexcept nogil:
    pt_eig_banded_in_c(a, values, vectors, work, batch, r, n)


cdef void pt_eigvals_banded(const double* a, double* values, double* work, int64_t batch, int64_t r,
                            int64_t n) noexcept nogil:
    pt_eigvals_banded_in_c(a, values, work, batch, r, n)


cdef void pt_eigh_tridiagonal(const double* d, const double* e, double* values, double* vectors,
                              double* work, int64_t batch, int64_t n) noexcept nogil:
    pt_eigh_tridiagonal_in_c(d, e, values, vectors, work, batch, n)


cdef void pt_eigvalsh_tridiagonal(const double* d, const double* e, double* values, double* work,
                                  int64_t batch, int64_t n) noexcept nogil:
    pt_eigvalsh_tridiagonal_in_c(d, e, values, work, batch, n)


cdef void pt_sparse_cholesky(const double* a, const int64_t* structure, double* out, double* work,
                             int64_t batch, int64_t z, int64_t s) noexcept nogil:
    pt_sparse_cholesky_in_c(a, structure, out, work, batch, z, s)


cdef void pt_sparse_cholesky_tangent(const double* l, const int64_t* structure, const double* a,
                                     double* out, double* work, int64_t batch, int64_t z,
                                     int64_t s) noexcept nogil:
    pt_sparse_cholesky_tangent_in_c(l, structure, a, out, work, batch, z, s)


cdef void pt_sparse_cholesky_cotangent(const double* l, const int64_t* structure, const double* g,
                                       double* out, double* work, int64_t batch, int64_t z,
                                       int64_t s) noexcept nogil:
    pt_sparse_cholesky_cotangent_in_c(l, structure, g, out, work, batch, z, s)


cdef void pt_sparse_outer(const double* x, const int64_t* structure, const double* y, double* out,
                          double* work, int64_t batch, int64_t z, int64_t s) noexcept nogil:
    pt_sparse_outer_in_c(x, structure, y, out, work, batch, z, s)


cdef void pt_sparse_symmetric_product(const double* x, const int64_t* structure, const double* y,
                                      double* out, double* work, int64_t batch, int64_t z,
                                      int64_t s) noexcept nogil:
    pt_sparse_symmetric_product_in_c(x, structure, y, out, work, batch, z, s)


cdef void pt_solve_sparse_lower(const double* l, const int64_t* structure, const double* b,
                                double* out, int64_t batch, int64_t z, int64_t s, int64_t n,
                                int64_t k) noexcept nogil:
    pt_solve_sparse_lower_in_c(l, structure, b, out, batch, z, s, n, k)


cdef void pt_solve_sparse_lower_transposed(const double* l, const int64_t* structure,
                                           const double* b, double* out, int64_t batch, int64_t z,
                                           int64_t s, int64_t n, int64_t k) noexcept nogil:
    pt_solve_sparse_lower_transposed_in_c(l, structure, b, out, batch, z, s, n, k)
