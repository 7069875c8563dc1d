"""Inverses, systems in bands, and forms of QR for compiled plans; see lapack.pyx."""

from libc.math cimport NAN, fabs
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from cython_ext.lapack cimport LARGE, all_finite, fill, pointer, run, transpose

ctypedef void (*dgetrf_fn)(int*, int*, double*, int*, int*, int*) noexcept nogil
ctypedef void (*dgetri_fn)(int*, double*, int*, int*, double*, int*, int*) noexcept nogil

ctypedef void (*dgtsv_fn)(int*, int*, double*, double*, double*, double*, int*,
                          int*) noexcept nogil
ctypedef void (*dgbsv_fn)(int*, int*, int*, int*, double*, int*, int*, double*, int*,
                          int*) noexcept nogil
ctypedef void (*dgeqrf_fn)(int*, int*, double*, int*, double*, double*, int*,
                           int*) noexcept nogil
ctypedef void (*dorgqr_fn)(int*, int*, int*, double*, int*, double*, double*, int*,
                           int*) noexcept nogil
ctypedef void (*dgeqp3_fn)(int*, int*, double*, int*, int*, double*, double*, int*,
                           int*) noexcept nogil

cdef dgetrf_fn _dgetrf = <dgetrf_fn> pointer("cython_lapack", "dgetrf")
cdef dgetri_fn _dgetri = <dgetri_fn> pointer("cython_lapack", "dgetri")

cdef dgtsv_fn _dgtsv = <dgtsv_fn> pointer("cython_lapack", "dgtsv")
cdef dgbsv_fn _dgbsv = <dgbsv_fn> pointer("cython_lapack", "dgbsv")
cdef dgeqrf_fn _dgeqrf = <dgeqrf_fn> pointer("cython_lapack", "dgeqrf")
cdef dorgqr_fn _dorgqr = <dorgqr_fn> pointer("cython_lapack", "dorgqr")
cdef dgeqp3_fn _dgeqp3 = <dgeqp3_fn> pointer("cython_lapack", "dgeqp3")


# Arguments of a call, of which each piece is an item.
cdef struct Items:
    const double* a
    const double* b
    const double* c
    const double* d
    const int64_t* count
    int64_t* order
    double* out
    double* second
    double* work
    int64_t m, n, k


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


cdef void _tridiagonal_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n, k = p.k, l = max(p.n - 1, 0)
    cdef double* copy = p.work + item * (3 * n + n * k)
    cdef double* b = copy + 3 * n
    cdef double* out = p.out + item * n * k
    cdef int size = <int> n, columns = <int> k, info = 0
    memcpy(copy, p.a + item * p.m, l * sizeof(double))
    memcpy(copy + n, p.b + item * n, n * sizeof(double))
    memcpy(copy + 2 * n, p.c + item * p.m, l * sizeof(double))
    transpose(p.d + item * n * k, b, n, k)
    _dgtsv(&size, &columns, copy, copy + n, copy + 2 * n, b, &size, &info)
    if info:
        fill(out, n * k, NAN)
    else:
        transpose(b, out, k, n)


cdef void pt_solve_tridiagonal(const double* below, const double* middle, const double* above,
                               const double* b, double* out, double* work, int64_t batch,
                               int64_t l, int64_t n, int64_t k) noexcept nogil:
    """out: x with a x = b for each item, a being n x n with three diagonals, b being n x k; all nan
    where a is singular."""
    cdef Items p
    if n == 0 or k == 0:
        return
    p.a, p.b, p.c, p.d, p.out, p.work = below, middle, above, b, out, work
    p.m, p.n, p.k = l, n, k
    run(<double> batch * n * k >= LARGE // 8, _tridiagonal_piece, &p, batch)


cdef void _banded_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, j, r = p.m, n = p.n, k = p.k, below = p.count[item]
    cdef double* bands = p.work + item * (2 * r * n + n * k + n)
    cdef double* b = bands + 2 * r * n
    cdef double* out = p.out + item * n * k
    cdef int size = <int> n, columns = <int> k, step = <int> (r + below), info = 1
    cdef int lower = <int> below, upper = <int> (r - 1 - below)
    if 0 <= below < r:
        for j in range(n):
            for i in range(r):  # what lies outside of the matrix may be anything
                bands[j * step + below + i] = (
                    p.a[(item * r + i) * n + j] if 0 <= j + i - upper < n else 0.0
                )
        transpose(p.b + item * n * k, b, n, k)
        _dgbsv(&size, &lower, &upper, &columns, bands, &step, <int*> (b + n * k), b, &size, &info)
    if info:
        fill(out, n * k, NAN)
    else:
        transpose(b, out, k, n)


cdef void pt_solve_banded(const double* bands, const double* b, const int64_t* below, double* out,
                          double* work, int64_t batch, int64_t r, int64_t n,
                          int64_t k) noexcept nogil:
    """out: x with a x = b for each item: the r diagonals of a, n x n, are rows of `bands`, `below`
    of them under the main one, as LAPACK has them; b is n x k. All nan where a is singular."""
    cdef Items p
    if n == 0 or k == 0:
        return
    p.a, p.b, p.count, p.out, p.work, p.m, p.n, p.k = bands, b, below, out, work, r, n, k
    run(<double> batch * n * (k + r) * r >= LARGE, _banded_piece, &p, batch)


cdef void pt_pivot_order(const int64_t* pivots, int64_t* out, int64_t batch,
                         int64_t n) noexcept nogil:
    """out: the rows that each item of n pivots exchanges, in their new order: in turn, row i is
    swapped with row pivots[i]; all 0 where one is no row."""
    cdef int64_t item, i, other
    cdef const int64_t* swaps
    cdef int64_t* rows
    for item in range(batch):
        swaps, rows = pivots + item * n, out + item * n
        for i in range(n):
            rows[i] = i
        for i in range(n):
            other = swaps[i]
            if not 0 <= other < n:
                for other in range(n):
                    rows[other] = 0
                break
            rows[i], rows[other] = rows[other], rows[i]


cdef void _qr_full_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, j, m = p.m, n = p.n, k = min(p.m, p.n), most = max(p.m, p.n)
    cdef double* q = p.out + item * m * m
    cdef double* r = p.second + item * m * n
    cdef double* copy = p.work + item * (m * most + k + 32 * most)
    cdef double* reflectors = copy + m * most
    cdef double* work = reflectors + k
    cdef int rows = <int> m, columns = <int> n, inner = <int> k, room = <int> (32 * most), info = 1
    if all_finite(p.a + item * m * n, m * n):
        transpose(p.a + item * m * n, copy, m, n)
        _dgeqrf(&rows, &columns, copy, &rows, reflectors, work, &room, &info)
    for i in range(m):
        for j in range(n):
            r[i * n + j] = NAN if info else copy[j * m + i] if i <= j else 0.0
    if not info:
        _dorgqr(&rows, &rows, &inner, copy, &rows, reflectors, work, &room, &info)
    if info:
        fill(q, m * m, NAN)
    else:
        transpose(copy, q, m, m)


cdef void pt_qr_full(const double* a, double* q, double* r, double* work, int64_t batch, int64_t m,
                     int64_t n) noexcept nogil:
    """a = q r for each m x n item: q is m x m and orthogonal, r m x n and upper triangular; all nan
    where a is not finite."""
    cdef Items p
    cdef int64_t item, i
    if m == 0:
        return
    for item in range(batch if n == 0 else 0):
        fill(q + item * m * m, m * m, 0.0)
        for i in range(m):
            q[item * m * m + i * m + i] = 1.0
    if n == 0:
        return
    p.a, p.out, p.second, p.work, p.m, p.n = a, q, r, work, m, n
    run(<double> batch * m * m * max(m, n) >= LARGE, _qr_full_piece, &p, batch)


cdef void pt_qr_raw(const double* a, double* h, double* tau, double* work, int64_t batch,
                    int64_t m, int64_t n) noexcept nogil:
    """The reflectors of dgeqrf for each m x n item, in n rows of m, and their factors."""
    cdef int64_t item, k = min(m, n)
    cdef int rows = <int> m, columns = <int> n, room = <int> (32 * n), info
    if k == 0:
        return
    for item in range(batch):
        info = 1
        if all_finite(a + item * m * n, m * n):
            transpose(a + item * m * n, h + item * m * n, m, n)
            _dgeqrf(&rows, &columns, h + item * m * n, &rows, tau + item * k, work, &room, &info)
        if info:
            fill(h + item * m * n, m * n, NAN)
            fill(tau + item * k, k, NAN)


cdef void pt_qr_order(const double* a, int64_t* order, double* work, int64_t batch, int64_t m,
                      int64_t n) noexcept nogil:
    """The order of columns in which QR with pivots takes each m x n item, by dgeqp3; 0, 1, ...
    where it is not finite."""
    cdef int64_t item, j, k = min(m, n)
    cdef double* reflectors = work + m * n
    cdef int* pivots = <int*> (reflectors + k)
    cdef int rows = <int> m, columns = <int> n, room = <int> (34 * n + 32), info
    for item in range(batch):
        for j in range(n):
            pivots[j] = 0
        info = 1
        if k and all_finite(a + item * m * n, m * n):
            transpose(a + item * m * n, work, m, n)
            _dgeqp3(&rows, &columns, work, &rows, pivots, reflectors, reflectors + k + n, &room,
                    &info)
        for j in range(n):
            order[item * n + j] = j if info else pivots[j] - 1
