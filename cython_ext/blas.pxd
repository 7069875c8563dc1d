from libc.stdint cimport int64_t

ctypedef void (*piece_fn)(void* context, int64_t piece) noexcept nogil

cdef class Library:
    cdef void* handle
    cdef void* bound
    cdef readonly str control
    cdef readonly int cpus
    cdef void* routine(self, str name)

cdef int enter(void* bound, int* token) noexcept nogil
cdef void leave(void* bound, int token) noexcept nogil
cdef void share_out(void* bound, piece_fn work, void* context, int64_t pieces,
                    int64_t threads) noexcept nogil
