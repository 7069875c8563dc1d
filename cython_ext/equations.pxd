from libc.stdint cimport int64_t

cdef void pt_sylvester(const double* a, const double* b, const double* q, double* out, double* work,
                       int64_t batch, int64_t m, int64_t n) noexcept nogil

cdef void pt_sqrtm(const double* a, double* out, double* work, int64_t batch,
                   int64_t n) noexcept nogil

cdef void pt_logm(const double* a, double* out, double* work, int64_t batch,
                  int64_t n) noexcept nogil

cdef void pt_cholesky_update(const double* a, const double* v, const double* sign, double* out,
                             double* work, int64_t batch, int64_t n) noexcept nogil
