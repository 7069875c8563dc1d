"""Memory of calls: tables of integers in C, and the workspace of a call."""

cimport numpy as cnp
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t,
)
from libc.stdlib cimport calloc, free, malloc

from cython_ext.code cimport Code

cdef enum:
    CACHE_LINE_BYTES = 64

cdef int64_t MAX_INT64 = 0x7FFFFFFFFFFFFFFF

ctypedef fused integer:
    int8_t
    int16_t
    int32_t
    int64_t
    uint8_t
    uint16_t
    uint32_t
    uint64_t


cdef int64_t *table_of(values) except NULL:
    """A C copy of a sequence of integers; never NULL."""
    cdef Py_ssize_t k, n = len(values)
    cdef int64_t *table = <int64_t *>malloc((n + 1) * sizeof(int64_t))
    if table == NULL:
        raise MemoryError()
    try:
        for k in range(n):
            table[k] = values[k]
    except BaseException:
        free(table)
        raise
    return table


cdef int *numbers_of(values) except NULL:
    """As `table_of`, of C ints."""
    cdef Py_ssize_t k, n = len(values)
    cdef int *table = <int *>malloc((n + 1) * sizeof(int))
    if table == NULL:
        raise MemoryError()
    for k in range(n):
        table[k] = values[k]
    return table


cdef void extremes(const integer *x, Py_ssize_t n, int64_t *low, int64_t *high) noexcept nogil:
    """Smallest and largest of n >= 1 integers, as int64 (saturated)."""
    cdef integer least = x[0], most = x[0]
    cdef Py_ssize_t i
    for i in range(n):
        least = x[i] if x[i] < least else least
        most = x[i] if x[i] > most else most
    if integer is uint64_t:
        least = min(least, <uint64_t>MAX_INT64)
        most = min(most, <uint64_t>MAX_INT64)
    low[0] = <int64_t>least
    high[0] = <int64_t>most


cdef int range_of(int typenum, const void *x, Py_ssize_t n, int64_t *low, int64_t *high) except -1:
    """`extremes` by NumPy's number of an integer type."""
    if typenum == cnp.NPY_INT64 or typenum == cnp.NPY_LONGLONG:
        extremes[int64_t](<const int64_t *>x, n, low, high)
    elif typenum == cnp.NPY_INT32:
        extremes[int32_t](<const int32_t *>x, n, low, high)
    elif typenum == cnp.NPY_INT16:
        extremes[int16_t](<const int16_t *>x, n, low, high)
    elif typenum == cnp.NPY_INT8:
        extremes[int8_t](<const int8_t *>x, n, low, high)
    elif typenum == cnp.NPY_UINT8:
        extremes[uint8_t](<const uint8_t *>x, n, low, high)
    elif typenum == cnp.NPY_UINT16:
        extremes[uint16_t](<const uint16_t *>x, n, low, high)
    elif typenum == cnp.NPY_UINT32:
        extremes[uint32_t](<const uint32_t *>x, n, low, high)
    elif typenum == cnp.NPY_UINT64:
        extremes[uint64_t](<const uint64_t *>x, n, low, high)
    else:
        raise TypeError("indices must be integers")
    return 0


cdef int grow(Arena *arena, size_t nbytes) except -1:
    """Make an arena hold that many bytes; it never shrinks."""
    if nbytes <= arena.capacity:
        return 0
    free(arena.block)
    arena.capacity = 0
    arena.block = <char *>malloc(nbytes + CACHE_LINE_BYTES)
    if arena.block == NULL:
        raise MemoryError(f"no room for {nbytes} bytes of temporaries")
    arena.capacity = nbytes
    arena.start = aligned(arena.block)
    return 0


cdef char *aligned(char *block) noexcept:
    """The first line of the cache inside a block that has CACHE_LINE_BYTES more than is used."""
    return block + (CACHE_LINE_BYTES - <uintptr_t>block % CACHE_LINE_BYTES)


cdef Workspace *new_workspace(int buffers, int dims, int stages, Code code) except NULL:
    """A workspace for calls of `code`, and of what it may be switched to."""
    cdef Workspace *work = <Workspace *>calloc(1, sizeof(Workspace))
    if work != NULL:
        work.table = <void **>calloc(buffers + 2, sizeof(void *))
        work.dims = <int64_t *>calloc(dims + 1, sizeof(int64_t))
        work.arenas = <Arena *>calloc(stages, sizeof(Arena))
        work.stages = 0 if work.arenas == NULL else stages
    if work == NULL or work.table == NULL or work.dims == NULL or work.arenas == NULL:
        free_workspace(work)
        raise MemoryError()
    work.pointers = work.table + 1
    try:
        set_frame(work, code)
    except BaseException:
        free_workspace(work)
        raise
    return work


cdef int set_frame(Workspace *work, Code code) except -1:
    """Give a workspace the frame that `code` needs, a new one."""
    free(work.frame)
    work.frame = NULL
    work.table[0] = NULL
    if code.frame_bytes == 0:
        return 0
    work.frame = <char *>malloc(code.frame_bytes + CACHE_LINE_BYTES)
    if work.frame == NULL:
        raise MemoryError(f"no room for {code.frame_bytes} bytes of a frame")
    work.table[0] = aligned(work.frame)
    code.frame_init(work.table[0], code.program)
    return 0


cdef void free_workspace(Workspace *work) noexcept:
    cdef int k
    if work != NULL:
        for k in range(work.stages):
            free(work.arenas[k].block)
        free(work.arenas)
        free(work.frame)
        free(work.table)
        free(work.dims)
        free(work)
