"""Matrix products for compiled plans, through the BLAS that SciPy carries: nothing to link.

The function pointers are taken from `scipy.linalg.cython_blas` when this module is imported, which
only modules that need a large product do.
"""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t

from scipy.linalg import cython_blas

ctypedef void (*dgemm_fn)(char*, char*, int*, int*, int*, double*, double*, int*, double*, int*,
                          double*, double*, int*) noexcept nogil


cdef void* _pointer(str name) except NULL:
    capsule = cython_blas.__pyx_capi__[name]
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef dgemm_fn _dgemm = <dgemm_fn> _pointer("dgemm")


cdef void pt_gemm(const double* a, const double* b, double* c, int64_t batch,
                  int64_t m, int64_t n, int64_t k, int64_t a_turned,
                  int64_t b_turned) noexcept nogil:
    """c = op(a) op(b), item by item, all row-major: c is m x n, op(a) m x k, op(b) k x n.

    `a_turned` says that a is stored as k x m, `b_turned` that b is stored as n x k.
    """
    # BLAS counts columns first, so it is given the transposed product: c' = op(b)' op(a)'.
    cdef int rows = <int> n, columns = <int> m, inner = <int> k
    cdef int b_step = <int> (k if b_turned else n)
    cdef int a_step = <int> (m if a_turned else k)
    cdef char b_way = b"T" if b_turned else b"N"
    cdef char a_way = b"T" if a_turned else b"N"
    cdef double one = 1.0, zero = 0.0
    cdef int64_t item
    if m == 0 or n == 0:
        return
    for item in range(batch * m * n if k == 0 else 0):
        c[item] = 0.0
    if k == 0:
        return
    for item in range(batch):
        _dgemm(&b_way, &a_way, &rows, &columns, &inner, &one,
               <double*> b + item * n * k, &b_step, <double*> a + item * m * k, &a_step,
               &zero, c + item * m * n, &rows)


def gemm(double[:, :, ::1] a, double[:, :, ::1] b, double[:, :, ::1] c, bint a_turned,
         bint b_turned):
    """`pt_gemm` on arrays, for the interpreter and the tests: c is overwritten."""
    cdef int64_t m = c.shape[1], n = c.shape[2]
    cdef int64_t k = a.shape[1] if a_turned else a.shape[2]
    if c.shape[0] == 0 or m == 0 or n == 0:
        return
    cdef const double* left = &a[0, 0, 0] if k else NULL
    cdef const double* right = &b[0, 0, 0] if k else NULL
    with nogil:
        pt_gemm(left, right, &c[0, 0, 0], c.shape[0], m, n, k, a_turned, b_turned)
