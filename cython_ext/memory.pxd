"""Memory of calls; see memory.pyx."""

from libc.stdint cimport int64_t, uint64_t

from cython_ext.code cimport Code


cdef struct Arena:
    char *block  # as allocated
    char *start  # aligned start in `block`
    size_t capacity


cdef struct Workspace:
    Workspace *next
    void **table  # as allocated: the frame, then the buffers
    void **pointers  # table + 1, so that the frame is pointers[-1]
    char *frame  # as allocated, NULL where the code needs none
    int64_t *dims  # of the live slots, then the values of the sizes that data decide
    Arena *arenas  # one for each stage
    int stages
    uint64_t key


cdef int64_t *table_of(values) except NULL
cdef int *numbers_of(values) except NULL
cdef int range_of(
    int typenum, const void *x, Py_ssize_t n, int64_t *low, int64_t *high
) except -1
cdef int grow(Arena *arena, size_t nbytes) except -1
cdef Workspace *new_workspace(int buffers, int dims, int stages, Code code) except NULL
cdef int set_frame(Workspace *work, Code code) except -1
cdef void free_workspace(Workspace *work) noexcept
