"""Routines on matrices for compiled plans, by the BLAS and LAPACK that SciPy carries: nothing to
link.

The function pointers are taken from SciPy when this module is imported, which only modules that
call a routine do. A row-major matrix is the transpose of what BLAS sees, so lower is upper there.
"""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t

from libc.math cimport NAN
from libc.string cimport memcpy
from scipy.linalg import cython_blas, cython_lapack

ctypedef void (*dgemm_fn)(char*, char*, int*, int*, int*, double*, double*, int*, double*, int*,
                          double*, double*, int*) noexcept nogil
ctypedef void (*sgemm_fn)(char*, char*, int*, int*, int*, float*, float*, int*, float*, int*,
                          float*, float*, int*) noexcept nogil
ctypedef void (*dtrsm_fn)(char*, char*, char*, char*, int*, int*, double*, double*, int*,
                          double*, int*) noexcept nogil
ctypedef void (*dpotrf_fn)(char*, int*, double*, int*, int*) noexcept nogil


cdef void* _pointer(module, str name) except NULL:
    capsule = module.__pyx_capi__[name]
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef dgemm_fn _dgemm = <dgemm_fn> _pointer(cython_blas, "dgemm")
cdef sgemm_fn _sgemm = <sgemm_fn> _pointer(cython_blas, "sgemm")
cdef dtrsm_fn _dtrsm = <dtrsm_fn> _pointer(cython_blas, "dtrsm")
cdef dpotrf_fn _dpotrf = <dpotrf_fn> _pointer(cython_lapack, "dpotrf")


ctypedef fused real:
    double
    float


cdef void _gemm(const real* a, const real* b, real* c, int64_t batch, int64_t m, int64_t n,
                int64_t k, int64_t a_turned, int64_t b_turned) noexcept nogil:
    # BLAS counts columns first, so it is given the transposed product: c' = op(b)' op(a)'.
    cdef int rows = <int> n, columns = <int> m, inner = <int> k
    cdef int b_step = <int> (k if b_turned else n)
    cdef int a_step = <int> (m if a_turned else k)
    cdef char b_way = b"T" if b_turned else b"N"
    cdef char a_way = b"T" if a_turned else b"N"
    cdef real one = 1.0, zero = 0.0
    cdef real *first
    cdef real *second
    cdef int64_t item
    if m == 0 or n == 0:
        return
    for item in range(batch * m * n if k == 0 else 0):
        c[item] = 0.0
    if k == 0:
        return
    for item in range(batch):
        first = <real*> b + item * n * k
        second = <real*> a + item * m * k
        if real is double:
            _dgemm(&b_way, &a_way, &rows, &columns, &inner, &one, first, &b_step, second, &a_step,
                   &zero, c + item * m * n, &rows)
        else:
            _sgemm(&b_way, &a_way, &rows, &columns, &inner, &one, first, &b_step, second, &a_step,
                   &zero, c + item * m * n, &rows)


cdef void pt_gemm(const double* a, const double* b, double* c, int64_t batch,
                  int64_t m, int64_t n, int64_t k, int64_t a_turned,
                  int64_t b_turned) noexcept nogil:
    """c = op(a) op(b), item by item, all row-major: c is m x n, op(a) m x k, op(b) k x n.

    `a_turned` says that a is stored as k x m, `b_turned` that b is stored as n x k.
    """
    _gemm(a, b, c, batch, m, n, k, a_turned, b_turned)


cdef void pt_gemm_float32(const float* a, const float* b, float* c, int64_t batch,
                          int64_t m, int64_t n, int64_t k, int64_t a_turned,
                          int64_t b_turned) noexcept nogil:
    """As pt_gemm in float32, sums too."""
    _gemm(a, b, c, batch, m, n, k, a_turned, b_turned)


def gemm(const real[:, :, ::1] a, const real[:, :, ::1] b, real[:, :, ::1] c, bint a_turned,
         bint b_turned):
    """`pt_gemm` on arrays of one dtype, for the tests: c is overwritten."""
    cdef int64_t m = c.shape[1], n = c.shape[2]
    cdef int64_t k = a.shape[1] if a_turned else a.shape[2]
    if c.shape[0] == 0 or m == 0 or n == 0:
        return
    cdef const real* left = &a[0, 0, 0] if k else NULL
    cdef const real* right = &b[0, 0, 0] if k else NULL
    with nogil:
        _gemm(left, right, &c[0, 0, 0], c.shape[0], m, n, k, a_turned, b_turned)


cdef void pt_cholesky(const double* a, double* out, int64_t batch, int64_t n) noexcept nogil:
    """out: the lower factor of each n x n item of a, all nan where it is not positive definite."""
    cdef int size = <int> n, info = 0
    cdef char triangle = b"U"
    cdef int64_t item, i, j
    cdef double* factor
    if n == 0:
        return
    memcpy(out, a, batch * n * n * sizeof(double))
    for item in range(batch):
        factor = out + item * n * n
        _dpotrf(&triangle, &size, factor, &size, &info)
        for i in range(n):
            for j in range(0 if info else i + 1, n):
                factor[i * n + j] = NAN if info else 0.0


cdef void _solve(char triangle, const double* t, double* x, int64_t batch, int64_t n,
                 int64_t k) noexcept nogil:
    cdef int rows = <int> k, size = <int> n
    cdef char side = b"R", plain = b"N"
    cdef double one = 1.0
    cdef int64_t item
    if n == 0 or k == 0:
        return
    for item in range(batch):
        _dtrsm(&side, &triangle, &plain, &plain, &rows, &size, &one,
               <double*> t + item * n * n, &size, x + item * n * k, &rows)


cdef void pt_solve_lower(const double* t, const double* b, double* out, int64_t batch,
                         int64_t n, int64_t k) noexcept nogil:
    """out: x with t x = b for each item, t being n x n and lower, b being n x k."""
    memcpy(out, b, batch * n * k * sizeof(double))
    _solve(b"U", t, out, batch, n, k)


cdef void pt_solve_upper(const double* t, const double* b, double* out, int64_t batch,
                         int64_t n, int64_t k) noexcept nogil:
    """As pt_solve_lower, for upper t."""
    memcpy(out, b, batch * n * k * sizeof(double))
    _solve(b"L", t, out, batch, n, k)


cdef void pt_cumsum(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    """out: the running sums of each item of n numbers."""
    cdef int64_t item, i
    cdef double total
    for item in range(batch):
        total = 0.0
        for i in range(item * n, (item + 1) * n):
            total += x[i]
            out[i] = total
