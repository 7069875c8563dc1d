"""Inverses of matrices for compiled plans, by LU; see lapack.pyx."""

from libc.math cimport NAN, fabs
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from cython_ext.lapack cimport LARGE, all_finite, fill, pointer, run

ctypedef void (*dgetrf_fn)(int*, int*, double*, int*, int*, int*) noexcept nogil
ctypedef void (*dgetri_fn)(int*, double*, int*, int*, double*, int*, int*) noexcept nogil

cdef dgetrf_fn _dgetrf = <dgetrf_fn> pointer("cython_lapack", "dgetrf")
cdef dgetri_fn _dgetri = <dgetri_fn> pointer("cython_lapack", "dgetri")

# Arguments of a call, of which each piece is an item.
cdef struct Items:
    const double* a
    double* out
    double* work
    int64_t n


cdef bint _inverted(double* x, int* pivots, double* work, int64_t n, double* det) noexcept nogil:
    # The inverse of x in its place, and its determinant; False, with x changed, if it is singular.
    # LAPACK sees the transpose, whose inverse is that of the transpose.
    cdef int size = <int> n, room = <int> (32 * n), info = 0
    cdef int64_t i
    _dgetrf(&size, &size, x, &size, pivots, &info)
    det[0] = 1.0
    for i in range(n):
        det[0] *= -x[i * n + i] if pivots[i] != i + 1 else x[i * n + i]
    if not info:
        _dgetri(&size, x, &size, pivots, work, &room, &info)
    return info == 0


cdef void _inv_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t n = p.n
    cdef double* out = p.out + item * n * n
    cdef double* work = p.work + item * 33 * n
    cdef double det
    memcpy(out, p.a + item * n * n, n * n * sizeof(double))
    if not all_finite(out, n * n) or not _inverted(out, <int*> (work + 32 * n), work, n, &det):
        fill(out, n * n, NAN)


cdef void pt_inv(const double* a, double* out, double* work, int64_t batch,
                 int64_t n) noexcept nogil:
    """out: the inverse of each n x n item of a, all nan where it is singular or not finite."""
    cdef Items p
    if n == 0:
        return
    p.a, p.out, p.work, p.n = a, out, work, n
    run(<double> batch * n * n * n >= LARGE // 2, _inv_piece, &p, batch)


cdef void _exchange(double* x, double* y, int64_t count, int64_t step) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        x[i * step], y[i * step] = y[i * step], x[i * step]


cdef double _eliminate(double* x, double* rows, int64_t* columns, int64_t n) noexcept nogil:
    # LU of x with complete pivoting in its place, up to the last pivot; L^-1 P in `rows`, and the
    # place that each column came from. Gives the product of the pivots but the last, with the sign
    # of both permutations.
    cdef int64_t i, j, k, row, column
    cdef double product = 1.0, factor
    for i in range(n):
        columns[i] = i
        for j in range(n):
            rows[i * n + j] = i == j
    for k in range(n - 1):
        row = column = k
        for i in range(k, n):
            for j in range(k, n):
                if fabs(x[i * n + j]) > fabs(x[row * n + column]):
                    row, column = i, j
        if x[row * n + column] == 0.0:
            return 0.0
        if row != k:
            _exchange(x + row * n, x + k * n, n, 1)
            _exchange(rows + row * n, rows + k * n, n, 1)
            product = -product
        if column != k:
            _exchange(x + column, x + k, n, n)
            columns[column], columns[k] = columns[k], columns[column]
            product = -product
        product *= x[k * n + k]
        for i in range(k + 1, n):
            factor = x[i * n + k] / x[k * n + k]
            for j in range(k, n):
                x[i * n + j] -= factor * x[k * n + j]
            for j in range(n):
                rows[i * n + j] -= factor * rows[k * n + j]
    return product


cdef void _adjugate_of_singular(double* x, double* out, double* rows, int64_t* columns,
                                int64_t n) noexcept nogil:
    # P x Q = L U, so the adjugate is det(P) det(Q) Q adj(U) L^-1 P. With U = [[U1, u], [0, d]] that
    # of U is det(U1) [[d U1^-1, -U1^-1 u], [0, 1]].
    cdef double product = _eliminate(x, rows, columns, n), last = x[n * n - 1], sum
    cdef int64_t i, j, k
    if product == 0.0:
        fill(out, n * n, 0.0)
        return
    for j in range(n):
        for i in range(n - 2, -1, -1):
            sum = last * rows[i * n + j] - x[i * n + n - 1] * rows[n * n - n + j]
            for k in range(i + 1, n - 1):
                sum -= x[i * n + k] * rows[k * n + j]
            rows[i * n + j] = sum / x[i * n + i]
    for i in range(n):
        for j in range(n):
            out[columns[i] * n + j] = product * rows[i * n + j]


cdef void _adjugate_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n
    cdef const double* a = p.a + item * n * n
    cdef double* out = p.out + item * n * n
    cdef double* work = p.work + item * (2 * n * n + 33 * n)
    cdef double* rest = work + n * n + 32 * n
    cdef double det
    memcpy(out, a, n * n * sizeof(double))
    if not all_finite(a, n * n):
        fill(out, n * n, NAN)
    elif _inverted(out, <int*> rest, work, n, &det):
        for i in range(n * n):
            out[i] *= det
    else:
        memcpy(rest + n, a, n * n * sizeof(double))
        _adjugate_of_singular(rest + n, out, work, <int64_t*> rest, n)


cdef void pt_adjugate(const double* a, double* out, double* work, int64_t batch,
                      int64_t n) noexcept nogil:
    """out: the adjugate of each n x n item of a, also where it is singular; all nan where it is not
    finite."""
    cdef Items p
    if n == 0:
        return
    p.a, p.out, p.work, p.n = a, out, work, n
    run(<double> batch * n * n * n >= LARGE // 2, _adjugate_piece, &p, batch)
