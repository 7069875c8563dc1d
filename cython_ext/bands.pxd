from libc.stdint cimport int64_t

cdef void pt_solve_tridiagonal(const double* below, const double* middle, const double* above,
                               const double* b, double* out, double* work, int64_t batch, int64_t l,
                               int64_t n, int64_t k) noexcept nogil

cdef void pt_solve_banded(const double* bands, const double* b, const int64_t* below, double* out,
                          double* work, int64_t batch, int64_t r, int64_t n,
                          int64_t k) noexcept nogil

cdef void pt_cholesky_banded(const double* a, double* out, double* work, int64_t batch, int64_t r,
                             int64_t n) noexcept nogil

cdef void pt_cholesky_banded_tangent(const double* factor, const double* a, double* out,
                                     double* work, int64_t batch, int64_t r,
                                     int64_t n) noexcept nogil

cdef void pt_cholesky_banded_cotangent(const double* factor, const double* g, double* out,
                                       double* work, int64_t batch, int64_t r,
                                       int64_t n) noexcept nogil

cdef void pt_solve_lower_band(const double* bands, const double* b, double* out, int64_t batch,
                              int64_t r, int64_t n, int64_t k) noexcept nogil

cdef void pt_solve_lower_band_transposed(const double* bands, const double* b, double* out,
                                         int64_t batch, int64_t r, int64_t n,
                                         int64_t k) noexcept nogil

cdef void pt_solve_toeplitz(const double* c, const double* r, const double* b, double* out,
                            double* work, int64_t batch, int64_t n, int64_t k) noexcept nogil

cdef void pt_eig_banded(const double* a, double* values, double* vectors, double* work,
                        int64_t batch, int64_t r, int64_t n) noexcept nogil

cdef void pt_eigvals_banded(const double* a, double* values, double* work, int64_t batch, int64_t r,
                            int64_t n) noexcept nogil

cdef void pt_eigh_tridiagonal(const double* d, const double* e, double* values, double* vectors,
                              double* work, int64_t batch, int64_t n) noexcept nogil

cdef void pt_eigvalsh_tridiagonal(const double* d, const double* e, double* values, double* work,
                                  int64_t batch, int64_t n) noexcept nogil

cdef void pt_sparse_cholesky(const double* a, const int64_t* structure, double* out, double* work,
                             int64_t batch, int64_t z, int64_t s) noexcept nogil

cdef void pt_sparse_cholesky_tangent(const double* l, const int64_t* structure, const double* a,
                                     double* out, double* work, int64_t batch, int64_t z,
                                     int64_t s) noexcept nogil

cdef void pt_sparse_cholesky_cotangent(const double* l, const int64_t* structure, const double* g,
                                       double* out, double* work, int64_t batch, int64_t z,
                                       int64_t s) noexcept nogil

cdef void pt_sparse_outer(const double* x, const int64_t* structure, const double* y, double* out,
                          double* work, int64_t batch, int64_t z, int64_t s) noexcept nogil

cdef void pt_sparse_symmetric_product(const double* x, const int64_t* structure, const double* y,
                                      double* out, double* work, int64_t batch, int64_t z,
                                      int64_t s) noexcept nogil

cdef void pt_solve_sparse_lower(const double* l, const int64_t* structure, const double* b,
                                double* out, int64_t batch, int64_t z, int64_t s, int64_t n,
                                int64_t k) noexcept nogil

cdef void pt_solve_sparse_lower_transposed(const double* l, const int64_t* structure,
                                           const double* b, double* out, int64_t batch, int64_t z,
                                           int64_t s, int64_t n, int64_t k) noexcept nogil
