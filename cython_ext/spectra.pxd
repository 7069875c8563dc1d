from libc.stdint cimport int64_t

cdef void pt_svd(const double* a, double* u, double* s, double* vh, double* work, int64_t batch,
                 int64_t m, int64_t n) noexcept nogil

cdef void pt_svd_full(const double* a, double* u, double* s, double* vh, double* work,
                      int64_t batch, int64_t m, int64_t n) noexcept nogil

cdef void pt_svdvals(const double* a, double* s, double* work, int64_t batch, int64_t m,
                     int64_t n) noexcept nogil

cdef void pt_eigvalsh(const double* a, double* values, double* work, int64_t batch,
                      int64_t n) noexcept nogil

cdef void pt_eig(const double* a, double* reals, double* imags, double* real_vectors,
                 double* imag_vectors, double* work, int64_t batch, int64_t n) noexcept nogil

cdef void pt_eigvals(const double* a, double* reals, double* imags, double* work, int64_t batch,
                     int64_t n) noexcept nogil

cdef void pt_schur(const double* a, const int64_t* sort, double* t, double* z, int64_t* count,
                   double* work, int64_t batch, int64_t n) noexcept nogil

cdef void pt_qz(const double* a, const double* b, const int64_t* sort, double* s, double* t,
                double* reals, double* imags, double* scales, double* q, double* z, double* work,
                int64_t batch, int64_t n) noexcept nogil

cdef void pt_hessenberg(const double* a, double* h, double* q, double* work, int64_t batch,
                        int64_t n) noexcept nogil
