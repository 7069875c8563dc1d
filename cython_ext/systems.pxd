from libc.stdint cimport int64_t

cdef void pt_inv(const double* a, double* out, double* work, int64_t batch,
                 int64_t n) noexcept nogil

cdef void pt_adjugate(const double* a, double* out, double* work, int64_t batch,
                      int64_t n) noexcept nogil
