from libc.stdint cimport int64_t, uint8_t

cdef void pt_gemm(const double* a, const double* b, double* c, int64_t batch,
                  int64_t m, int64_t n, int64_t k, int64_t a_transposed,
                  int64_t b_transposed) noexcept nogil

cdef void pt_gemm_float32(const float* a, const float* b, float* c, int64_t batch,
                          int64_t m, int64_t n, int64_t k, int64_t a_transposed,
                          int64_t b_transposed) noexcept nogil

cdef void pt_add_product(const double* a, const double* b, const double* scale,
                         const double* base, double* c, int64_t batch, int64_t m, int64_t n,
                         int64_t k, int64_t a_transposed, int64_t b_transposed) noexcept nogil

cdef void pt_add_product_float32(const float* a, const float* b, const float* scale,
                                 const float* base, float* c, int64_t batch, int64_t m, int64_t n,
                                 int64_t k, int64_t a_transposed,
                                 int64_t b_transposed) noexcept nogil

cdef void pt_cumsum(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_true_places(const uint8_t* mask, int64_t* out, int64_t batch,
                         int64_t n) noexcept nogil

cdef void pt_eigh(const double* a, double* values, double* vectors, double* work, int64_t batch,
                  int64_t n) noexcept nogil

cdef void pt_lu(const double* a, double* factor, int64_t* pivots, int64_t* rows, double* work,
                int64_t batch, int64_t n) noexcept nogil

cdef void pt_qr(const double* a, double* q, double* r, double* work, int64_t batch, int64_t m,
                int64_t n) noexcept nogil
