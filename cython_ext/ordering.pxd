from libc.stdint cimport int32_t, int64_t

cdef void pt_sort(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_sort_int64(const int64_t* x, int64_t* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_argsort(const double* x, int64_t* order, double* work, int64_t batch,
                     int64_t n) noexcept nogil

cdef void pt_argsort_int64(const int64_t* x, int64_t* order, double* work, int64_t batch,
                           int64_t n) noexcept nogil

cdef void pt_argsort_rows(const double* x, int64_t* order, double* work, int64_t batch, int64_t m,
                          int64_t n) noexcept nogil

cdef void pt_argsort_rows_int64(const int64_t* x, int64_t* order, double* work, int64_t batch,
                                int64_t m, int64_t n) noexcept nogil

cdef void pt_select(const double* x, const int64_t* places, double* values, int64_t* order,
                    double* work, int64_t batch, int64_t n, int64_t count) noexcept nogil

cdef void pt_select_int64(const int64_t* x, const int64_t* places, int64_t* values, int64_t* order,
                          double* work, int64_t batch, int64_t n, int64_t count) noexcept nogil

cdef void pt_search_left(const double* x, const double* values, int64_t* out, int64_t batch,
                         int64_t n, int64_t m) noexcept nogil

cdef void pt_search_right(const double* x, const double* values, int64_t* out, int64_t batch,
                          int64_t n, int64_t m) noexcept nogil

cdef void pt_search_left_int64(const int64_t* x, const int64_t* values, int64_t* out, int64_t batch,
                               int64_t n, int64_t m) noexcept nogil

cdef void pt_search_right_int64(const int64_t* x, const int64_t* values, int64_t* out,
                                int64_t batch, int64_t n, int64_t m) noexcept nogil

cdef void pt_cumsum_int64(const int64_t* x, int64_t* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_cumprod(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_cumprod_int64(const int64_t* x, int64_t* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_cummax(const double* x, double* out, int64_t* places, int64_t batch,
                    int64_t n) noexcept nogil

cdef void pt_cummax_int64(const int64_t* x, int64_t* out, int64_t* places, int64_t batch,
                          int64_t n) noexcept nogil

cdef void pt_recurrence(const double* a, const double* b, double* out, int64_t batch,
                        int64_t n) noexcept nogil

cdef void pt_sort_float32(const float* x, float* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_sort_int32(const int32_t* x, int32_t* out, int64_t batch, int64_t n) noexcept nogil

cdef void pt_partition(const double* x, const int64_t* places, int64_t* order, double* work,
                       int64_t batch, int64_t n, int64_t count) noexcept nogil

cdef void pt_partition_int64(const int64_t* x, const int64_t* places, int64_t* order, double* work,
                             int64_t batch, int64_t n, int64_t count) noexcept nogil

cdef void pt_cumsum_columns(const double* x, double* out, double* work, int64_t batch, int64_t n,
                            int64_t m) noexcept nogil

cdef void pt_cumsum_columns_int64(const int64_t* x, int64_t* out, int64_t batch, int64_t n,
                                  int64_t m) noexcept nogil

cdef void pt_partitioned(const double* x, const int64_t* places, double* out,
                         double* work, int64_t batch, int64_t n,
                         int64_t count) noexcept nogil

cdef void pt_partitioned_float32(const float* x, const int64_t* places, float* out,
                                 double* work, int64_t batch, int64_t n,
                                 int64_t count) noexcept nogil

cdef void pt_partitioned_int64(const int64_t* x, const int64_t* places, int64_t* out,
                               double* work, int64_t batch, int64_t n,
                               int64_t count) noexcept nogil

cdef void pt_partitioned_int32(const int32_t* x, const int64_t* places, int32_t* out,
                               double* work, int64_t batch, int64_t n,
                               int64_t count) noexcept nogil
