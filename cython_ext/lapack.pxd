from libc.stdint cimport int64_t

from cython_ext.blas cimport piece_fn

# Multiplications of a call that several threads share, about 10 ms on one thread: less is not worth
# starting a thread, which takes 0.05 ms, or some milliseconds until it is scheduled.
cdef enum:
    LARGE = 1 << 28

# Headers of host/ that call LAPACK read it from `table`, and a module that includes one binds it.
cdef extern from *:
    """
    #define PT_POINTERS
    #include "pt_lapack.h"
    """
    void pt_bind(const void* table)

cdef const void* table() noexcept
cdef void* pointer(str module, str name) except NULL
cdef void run(bint large, piece_fn piece, void* context, int64_t count) noexcept nogil


cdef inline bint all_finite(const double* a, int64_t count) noexcept nogil:
    # Routines of LAPACK may not terminate for nan or infinity.
    cdef double zero = 0.0
    cdef int64_t i
    for i in range(count):
        zero += a[i] - a[i]
    return zero == 0.0


cdef inline void fill(double* x, int64_t count, double value) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        x[i] = value


cdef inline void transpose(const double* a, double* out, int64_t m, int64_t n) noexcept nogil:
    # out: the transpose of a, which is m x n; between row-major and column-major.
    cdef int64_t i, j
    for i in range(m):
        for j in range(n):
            out[j * m + i] = a[i * n + j]


cdef inline int64_t part(int64_t n, bint cut) noexcept nogil:
    # The length of pieces of n: about equal, a multiple of eight, and at most 512 if split, which
    # is enough for BLAS to be at its full speed.
    cdef int64_t count = (n + 511) // 512
    return ((n + count - 1) // count + 7) // 8 * 8 if cut else n
