from libc.stdint cimport int64_t

cdef void pt_cholesky(const double* a, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_cholesky_gradient(const double* factor, const double* g, double* out, int64_t batch,
                               int64_t n) noexcept nogil

cdef void pt_solve_lower(const double* t, const double* b, double* out, int64_t batch,
                         int64_t n, int64_t k) noexcept nogil

cdef void pt_solve_upper(const double* t, const double* b, double* out, int64_t batch,
                         int64_t n, int64_t k) noexcept nogil

cdef void pt_solve_lower_transposed(const double* t, const double* b, double* out, int64_t batch,
                                    int64_t n, int64_t k) noexcept nogil

cdef void pt_solve_upper_transposed(const double* t, const double* b, double* out, int64_t batch,
                                    int64_t n, int64_t k) noexcept nogil

cdef void pt_solve_factored(const double* factor, const int64_t* rows, const double* b,
                            double* out, double* work, int64_t batch, int64_t n,
                            int64_t k) noexcept nogil

cdef void pt_solve_factored_transposed(const double* factor, const int64_t* rows, const double* b,
                                       double* out, double* work, int64_t batch, int64_t n,
                                       int64_t k) noexcept nogil
