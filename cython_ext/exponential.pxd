from libc.stdint cimport int64_t

cdef void pt_expm(const double* a, double* out, double* work, int64_t batch,
                  int64_t n) noexcept nogil

cdef void pt_expm_frechet(const double* a, const double* e, double* out, double* work,
                          int64_t batch, int64_t n) noexcept nogil
