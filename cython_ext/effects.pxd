from libc.stdint cimport int64_t

cdef void pt_effect_1(const double* info, const void* a, double* status) noexcept nogil

cdef void pt_effect_2(const double* info, const void* a, const void* b,
                      double* status) noexcept nogil

cdef void pt_effect_3(const double* info, const void* a, const void* b, const void* c,
                      double* status) noexcept nogil

cdef void pt_effect_4(const double* info, const void* a, const void* b, const void* c,
                      const void* d, double* status) noexcept nogil

cdef void pt_effect_5(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, double* status) noexcept nogil

cdef void pt_effect_6(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, const void* f,
                      double* status) noexcept nogil

cdef void pt_effect_7(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, const void* f, const void* g,
                      double* status) noexcept nogil

cdef void pt_effect_8(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, const void* f, const void* g,
                      const void* h, double* status) noexcept nogil
