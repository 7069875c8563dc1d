from libc.stdint cimport int64_t

cdef void pt_fft(const double* x, double* out, int64_t batch,
                 int64_t n, int64_t pair) noexcept nogil

cdef void pt_ifft(const double* x, double* out, int64_t batch,
                  int64_t n, int64_t pair) noexcept nogil

cdef void pt_fft_real(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_rfft(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_irfft_even(const double* x, double* out, int64_t batch,
                        int64_t n, int64_t pair) noexcept nogil

cdef void pt_irfft_odd(const double* x, double* out, int64_t batch,
                       int64_t n, int64_t pair) noexcept nogil

cdef void pt_fft2(const double* x, double* out, int64_t batch,
                  int64_t m, int64_t n, int64_t pair) noexcept nogil

cdef void pt_ifft2(const double* x, double* out, int64_t batch,
                   int64_t m, int64_t n, int64_t pair) noexcept nogil

cdef void pt_fft_real2(const double* x, double* out, int64_t batch,
                       int64_t m, int64_t n) noexcept nogil

cdef void pt_rfft2(const double* x, double* out, int64_t batch,
                   int64_t m, int64_t n) noexcept nogil

cdef void pt_irfft_even2(const double* x, double* out, int64_t batch,
                         int64_t m, int64_t n, int64_t pair) noexcept nogil

cdef void pt_irfft_odd2(const double* x, double* out, int64_t batch,
                        int64_t m, int64_t n, int64_t pair) noexcept nogil

cdef void pt_dct1(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_dst1(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_dct2(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_dst2(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_dct3(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_dst3(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_dct4(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_dst4(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil
