from libc.stdint cimport int64_t

cdef void pt_inv(const double* a, double* out, double* work, int64_t batch,
                 int64_t n) noexcept nogil

cdef void pt_adjugate(const double* a, double* out, double* work, int64_t batch,
                      int64_t n) noexcept nogil

cdef void pt_pivot_order(const int64_t* pivots, int64_t* out, int64_t batch,
                         int64_t n) noexcept nogil

cdef void pt_qr_full(const double* a, double* q, double* r, double* work, int64_t batch, int64_t m,
                     int64_t n) noexcept nogil

cdef void pt_qr_raw(const double* a, double* h, double* tau, double* work, int64_t batch, int64_t m,
                    int64_t n) noexcept nogil

cdef void pt_qr_order(const double* a, int64_t* order, double* work, int64_t batch, int64_t m,
                      int64_t n) noexcept nogil
