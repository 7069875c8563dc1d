"""Equations of matrices for compiled plans: Sylvester's, square roots, updates of factors.

LAPACK sees transposed matrices. The transposed equation of Sylvester has a and b in each other's
place, and the square root of the transpose is the transposed root.
"""

from libc.math cimport NAN, fabs, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from cython_ext.lapack cimport LARGE, all_finite, fill, pointer, run

ctypedef int (*select_fn)(double*, double*) noexcept nogil
ctypedef void (*dgemm_fn)(char*, char*, int*, int*, int*, double*, double*, int*, double*, int*,
                          double*, double*, int*) noexcept nogil
ctypedef void (*dgees_fn)(char*, char*, select_fn, int*, double*, int*, int*, double*, double*,
                          double*, int*, double*, int*, int*, int*) noexcept nogil
ctypedef void (*dtrsyl_fn)(char*, char*, int*, int*, int*, double*, int*, double*, int*, double*,
                           int*, double*, int*) noexcept nogil

cdef dgemm_fn _dgemm = <dgemm_fn> pointer("cython_blas", "dgemm")
cdef dgees_fn _dgees = <dgees_fn> pointer("cython_lapack", "dgees")
cdef dtrsyl_fn _dtrsyl = <dtrsyl_fn> pointer("cython_lapack", "dtrsyl")

# Arguments of a call, of which each piece is an item.
cdef struct Items:
    const double* a
    const double* b
    const double* q
    double* out
    double* work
    int64_t m, n
    int64_t room  # of an item, in `work`


cdef bint _schur(double* x, double* vectors, double* work, int64_t n) noexcept nogil:
    # x as vectors t vectors', with t in its place; `work` has 37 n doubles.
    cdef int size = <int> n, room = <int> (34 * n), chosen = 0, info = 0
    cdef char job = b"V", order = b"N"
    _dgees(&job, &order, NULL, &size, x, &size, &chosen, work, work + n, vectors, &size,
           work + 2 * n, &room, <int*> (work + 36 * n), &info)
    return info == 0


cdef void _multiply(double* c, const double* a, bint a_turned, const double* b, bint b_turned,
                    int64_t m, int64_t n, int64_t k) noexcept nogil:
    # c = op(a) op(b): m x n, over k terms.
    cdef int rows = <int> m, columns = <int> n, inner = <int> k
    cdef int a_step = <int> (k if a_turned else m), b_step = <int> (n if b_turned else k)
    cdef char a_way = b"T" if a_turned else b"N"
    cdef char b_way = b"T" if b_turned else b"N"
    cdef double one = 1.0, zero = 0.0
    _dgemm(&a_way, &b_way, &rows, &columns, &inner, &one, <double*> a, &a_step, <double*> b,
           &b_step, &zero, c, &rows)


cdef bint _solve_sylvester(double* a, double* b, double* q, double* work, int64_t m,
                           int64_t n) noexcept nogil:
    # q becomes x with b x + x a = q, x being n x m: all as LAPACK sees them. a and b are changed.
    cdef double* a_vectors = work
    cdef double* b_vectors = a_vectors + m * m
    cdef double* half = b_vectors + n * n
    cdef double* rest = half + m * n
    cdef int rows = <int> n, columns = <int> m, sign = 1, info = 0
    cdef char plain = b"N"
    cdef double scale = 1.0
    cdef int64_t i
    if not _schur(a, a_vectors, rest, m) or not _schur(b, b_vectors, rest, n):
        return False
    _multiply(half, b_vectors, True, q, False, n, m, n)
    _multiply(q, half, False, a_vectors, False, n, m, m)
    _dtrsyl(&plain, &plain, &sign, &rows, &columns, b, &rows, a, &columns, q, &rows, &scale, &info)
    if info:
        return False
    for i in range(m * n if scale != 1.0 else 0):
        q[i] /= scale
    _multiply(half, b_vectors, False, q, False, n, m, n)
    _multiply(q, half, False, a_vectors, True, n, m, m)
    return True


cdef void _sylvester_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t m = p.m, n = p.n
    cdef double* a = p.work + item * p.room
    cdef double* b = a + m * m
    cdef double* out = p.out + item * m * n
    memcpy(a, p.a + item * m * m, m * m * sizeof(double))
    memcpy(b, p.b + item * n * n, n * n * sizeof(double))
    memcpy(out, p.q + item * m * n, m * n * sizeof(double))
    if (not all_finite(a, m * m + n * n) or not all_finite(out, m * n)
            or not _solve_sylvester(a, b, out, b + n * n, m, n)):
        fill(out, m * n, NAN)


cdef void pt_sylvester(const double* a, const double* b, const double* q, double* out,
                       double* work, int64_t batch, int64_t m, int64_t n) noexcept nogil:
    """out: x with a x + x b = q for each item: a is m x m, b n x n. All nan where one is not
    finite, or eigenvalues of a and -b are equal to rounding."""
    cdef Items p
    cdef int64_t most = max(m, n)
    if m == 0 or n == 0:
        return
    p.a, p.b, p.q, p.out, p.work, p.m, p.n = a, b, q, out, work, m, n
    p.room = 2 * m * m + 2 * n * n + m * n + 37 * most
    run(<double> batch * most * most * most >= LARGE // 32, _sylvester_piece, &p, batch)


cdef bint _root_of_block(const double* t, double* r, int64_t step, int64_t size,
                         double tiny) noexcept nogil:
    # The root of a block of one value, or of two conjugate ones (Higham 1987, Linear Algebra Appl.
    # 88/89, 3); False where it is not real. Values above -tiny count as 0.
    cdef double real, imag, alpha
    if size == 1:
        r[0] = sqrt(max(t[0], 0.0))
        return t[0] >= -tiny
    real = (t[0] + t[step + 1]) / 2.0
    imag = (t[0] - t[step + 1]) / 2.0
    imag = sqrt(fabs(imag * imag + t[1] * t[step]))
    alpha = sqrt(real * real + imag * imag)
    alpha = sqrt((alpha + real) / 2.0) if real > 0.0 else imag / sqrt(2.0 * (alpha - real))
    r[0] = alpha + (t[0] - real) / (2.0 * alpha)
    r[1] = t[1] / (2.0 * alpha)
    r[step] = t[step] / (2.0 * alpha)
    r[step + 1] = alpha + (t[step + 1] - real) / (2.0 * alpha)
    return True


cdef bint _root(double* t, double* r, int64_t step, int64_t size) noexcept nogil:
    # The root r of t, which is upper triangular but for blocks of two. Column by column of blocks:
    # a column x of the root solves R x + x r = t, R being the root so far and r that of its block.
    cdef int64_t first = 0, width, i, j
    cdef double tiny = 0.0
    cdef int rows, columns, lead = <int> step, sign = 1, info = 0
    cdef char plain = b"N"
    cdef double scale = 1.0
    for i in range(size * size):
        tiny = max(tiny, fabs(t[i]))
    tiny *= 1e-15 * size
    while first < size:
        width = 2 if first + 1 < size and t[first * step + first + 1] != 0.0 else 1
        for j in range(first, first + width):
            for i in range(size):
                r[j * step + i] = t[j * step + i] if i < first else 0.0
        if not _root_of_block(t + first * step + first, r + first * step + first, step, width,
                              tiny):
            return False
        if first:
            rows, columns = <int> first, <int> width
            _dtrsyl(&plain, &plain, &sign, &rows, &columns, r, &lead,
                    r + first * step + first, &lead, r + first * step, &lead, &scale, &info)
            if info or scale != 1.0:
                return False
        first += width
    return True


cdef void _sqrtm_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t n = p.n
    cdef double* t = p.work + item * p.room
    cdef double* vectors = t + n * n
    cdef double* root = vectors + n * n
    cdef double* out = p.out + item * n * n
    memcpy(t, p.a + item * n * n, n * n * sizeof(double))
    if (not all_finite(t, n * n) or not _schur(t, vectors, root + n * n, n)
            or not _root(t, root, n, n)):
        fill(out, n * n, NAN)
        return
    _multiply(t, vectors, False, root, False, n, n, n)
    _multiply(out, t, False, vectors, True, n, n, n)


cdef void pt_sqrtm(const double* a, double* out, double* work, int64_t batch,
                   int64_t n) noexcept nogil:
    """out: the principal square root of each n x n item of a; all nan where it is not finite, or
    has no root that is real."""
    cdef Items p
    if n == 0:
        return
    p.a, p.out, p.work, p.n, p.room = a, out, work, n, 3 * n * n + 37 * n
    run(<double> batch * n * n * n >= LARGE // 32, _sqrtm_piece, &p, batch)


cdef bint _update(double* x, double* v, double sign, int64_t n) noexcept nogil:
    # Column by column, by rotations (hyperbolic ones for a negative sign): Golub and Van Loan
    # (2013), "Matrix Computations", 6.5.4.
    cdef int64_t i, k
    cdef double square, c, s
    for k in range(n):
        s = v[k] / x[k * n + k]
        square = 1.0 + sign * s * s
        if not square > 0.0:
            return False
        c = sqrt(square)
        x[k * n + k] *= c
        for i in range(k + 1, n):
            x[i * n + k] = (x[i * n + k] + sign * s * v[i]) / c
            v[i] = c * v[i] - s * x[i * n + k]
    return True


cdef void pt_cholesky_update(const double* a, const double* v, const double* sign, double* out,
                             double* work, int64_t batch, int64_t n) noexcept nogil:
    """out: the lower factor of a a' + sign v v' for each item: a is n x n and lower, v has n
    numbers. All nan where there is none."""
    cdef int64_t item, i, j
    cdef double* x
    for item in range(batch if n else 0):
        x = out + item * n * n
        for i in range(n):
            for j in range(n):
                x[i * n + j] = a[item * n * n + i * n + j] if j <= i else 0.0
        memcpy(work, v + item * n, n * sizeof(double))
        if (not all_finite(x, n * n) or not all_finite(work, n)
                or not _update(x, work, sign[item], n)):
            fill(x, n * n, NAN)
