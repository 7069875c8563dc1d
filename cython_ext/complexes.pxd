from libc.stdint cimport int64_t

cdef void pt_zlu(const double* re, const double* im, double* factor_re, double* factor_im,
                 int64_t* pivots, int64_t* rows, double* work, int64_t batch,
                 int64_t n) noexcept nogil

cdef void pt_zdet(const double* re, const double* im, double* det_re, double* det_im, double* work,
                  int64_t batch, int64_t n) noexcept nogil

cdef void pt_zslogdet(const double* re, const double* im, double* sign_re, double* sign_im,
                      double* logarithm, double* work, int64_t batch, int64_t n) noexcept nogil

cdef void pt_zadjugate(const double* re, const double* im, double* out_re, double* out_im,
                       double* work, int64_t batch, int64_t n) noexcept nogil

cdef void pt_zeigh(const double* re, const double* im, double* values, double* vectors_re,
                   double* vectors_im, double* work, int64_t batch, int64_t n) noexcept nogil

cdef void pt_zeigvalsh(const double* re, const double* im, double* values, double* work,
                       int64_t batch, int64_t n) noexcept nogil

cdef void pt_zeig(const double* re, const double* im, double* values_re, double* values_im,
                  double* vectors_re, double* vectors_im, double* work, int64_t batch,
                  int64_t n) noexcept nogil

cdef void pt_zeigvals(const double* re, const double* im, double* values_re, double* values_im,
                      double* work, int64_t batch, int64_t n) noexcept nogil

cdef void pt_zsvd(const double* re, const double* im, double* u_re, double* u_im, double* s,
                  double* vh_re, double* vh_im, double* work, int64_t batch, int64_t m,
                  int64_t n) noexcept nogil

cdef void pt_zsvd_full(const double* re, const double* im, double* u_re, double* u_im, double* s,
                       double* vh_re, double* vh_im, double* work, int64_t batch, int64_t m,
                       int64_t n) noexcept nogil

cdef void pt_zsvdvals(const double* re, const double* im, double* s, double* work, int64_t batch,
                      int64_t m, int64_t n) noexcept nogil

cdef void pt_zqr(const double* re, const double* im, double* q_re, double* q_im, double* r_re,
                 double* r_im, double* work, int64_t batch, int64_t m, int64_t n) noexcept nogil

cdef void pt_zqr_full(const double* re, const double* im, double* q_re, double* q_im, double* r_re,
                      double* r_im, double* work, int64_t batch, int64_t m,
                      int64_t n) noexcept nogil

cdef void pt_zqr_order(const double* re, const double* im, int64_t* order, double* work,
                       int64_t batch, int64_t m, int64_t n) noexcept nogil
