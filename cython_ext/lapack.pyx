"""The BLAS and LAPACK in SciPy, for the modules of routines: nothing to link.

The function pointers are read from the library that SciPy calls when a module of routines is
imported, which only plans that call one do; SciPy itself is imported where that library is not
known (see blas.pyx). BLAS is column-major: it sees the transpose of a matrix, so lower is upper
there.

BLAS runs on one thread here (see host/pt_blas.h). A call of LARGE multiplications is split into
pieces, by its sizes alone, so that the result is bitwise reproducible, and our own threads run
them. A large single factorisation is one piece, on one thread.
"""

from importlib import import_module

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t

from cython_ext.blas cimport Library, enter, leave, piece_fn, share_out
from cython_ext.blas import of_scipy

cdef Library _library = of_scipy()
cdef void* _bound = _library.bound
cdef int _cpus = _library.cpus


cdef void* pointer(str module, str name) except NULL:
    """The address of a routine of BLAS or LAPACK, which scipy.linalg.`module` has by this name."""
    cdef void* found = _library.routine(name)
    if found != NULL:
        return found
    capsule = import_module(f"scipy.linalg.{module}").__pyx_capi__[name]
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef extern from "pt_lapack.h":
    ctypedef struct pt_lapack_table:
        void (*run)(bint, piece_fn, void*, int64_t) noexcept nogil

    ctypedef struct pt_lapack_name:
        const char* module
        const char* name
        size_t place

    const pt_lapack_name* pt_lapack_names
    int64_t PT_LAPACK_COUNT
    void pt_enter(pt_lapack_table* table, size_t place, void* address)


cdef pt_lapack_table _table
_table.run = run
for _row in range(PT_LAPACK_COUNT):
    pt_enter(&_table, pt_lapack_names[_row].place,
             pointer(pt_lapack_names[_row].module.decode(), pt_lapack_names[_row].name.decode()))


cdef const void* table() noexcept:
    """What the headers of host/ call: LAPACK, and the threads that run pieces."""
    return &_table


cdef void run(bint large, piece_fn piece, void* context, int64_t count) noexcept nogil:
    """Run all pieces: on several threads if the call is large and no other call of BLAS is
    active."""
    cdef int token = 0
    cdef int threads = enter(_bound, &token)
    share_out(_bound, piece, context, count, min(threads, _cpus) if large else 1)
    leave(_bound, token)
