"""Exponentials of matrices for compiled plans, and their derivatives in a direction.

Scaling and squaring with Pade approximants: Higham (2005), SIAM J. Matrix Anal. Appl. 26(4), with
the scaling of Al-Mohy and Higham (2009), same journal 31(3); the derivative by Al-Mohy and Higham
(2009), same journal 30(4). BLAS sees transposed matrices, and the results are those of these.
"""

from math import factorial

from libc.math cimport INFINITY, NAN, cbrt, ceil, fabs, ldexp, log2, sqrt
from libc.stdint cimport int64_t

from cython_ext.lapack cimport LARGE, all_finite, fill, pointer, run

ctypedef void (*dgemm_fn)(char*, char*, int*, int*, int*, double*, double*, int*, double*, int*,
                          double*, double*, int*) noexcept nogil
ctypedef void (*dgetrf_fn)(int*, int*, double*, int*, int*, int*) noexcept nogil
ctypedef void (*dgetrs_fn)(char*, int*, int*, double*, int*, int*, double*, int*,
                           int*) noexcept nogil

cdef dgemm_fn _dgemm = <dgemm_fn> pointer("cython_blas", "dgemm")
cdef dgetrf_fn _dgetrf = <dgetrf_fn> pointer("cython_lapack", "dgetrf")
cdef dgetrs_fn _dgetrs = <dgetrs_fn> pointer("cython_lapack", "dgetrs")

# Numbers of matrices of an item in the workspace.
cdef enum:
    PLAIN = 8
    BOTH = 16

# The approximants of these degrees, the norms up to which they are exact to rounding (theta), and
# those up to which the derivatives are (ell).
cdef int* DEGREES = [3, 5, 7, 9, 13]
cdef double* THETA = [1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1,
                      2.097847961257068, 5.371920351148152]
cdef double* ELL = [1.08e-2, 2.00e-1, 7.83e-1, 1.78, 4.74]
# The coefficients of the numerators.
cdef double COEFFICIENTS[5][14]


def _fill_coefficients():
    for row in range(5):
        m = DEGREES[row]
        for k in range(m + 1):
            top = factorial(2 * m - k) * factorial(m)
            bottom = factorial(2 * m) * factorial(k) * factorial(m - k)
            COEFFICIENTS[row][k] = top / bottom


_fill_coefficients()


cdef struct Items:
    const double* a
    const double* e
    double* out
    double* work
    int64_t n


# An item: its matrices, those of the derivative beside them, and its scaling.
cdef struct Task:
    int64_t n
    bint slope
    double* a
    double* e
    double* powers[5]  # a^0 (which has none), a^2, a^4, a^6, a^8
    double* moved[5]  # their derivatives
    double* odd
    double* d_odd
    double* even
    double* d_even
    double* spare
    double* d_spare
    double* rest


cdef void _multiply(double* c, const double* a, const double* b, double beta,
                    int64_t n) noexcept nogil:
    # c = a b + beta c
    cdef int size = <int> n
    cdef char plain = b"N"
    cdef double one = 1.0
    _dgemm(&plain, &plain, &size, &size, &size, &one, <double*> a, &size, <double*> b, &size,
           &beta, c, &size)


cdef double _norm(const double* a, int64_t n) noexcept nogil:
    # The largest sum of absolute values of a column.
    cdef double most = 0.0, sum
    cdef int64_t i, j
    for j in range(n):
        sum = 0.0
        for i in range(n):
            sum += fabs(a[j * n + i])
        most = max(most, sum)
    return most


cdef void _power(Task* t, int64_t k) noexcept nogil:
    # a^(2 k) and its derivative, from lower powers.
    cdef int64_t n = t.n
    cdef double* p = t.powers[k]
    cdef double* d = t.moved[k]
    if k == 1:
        _multiply(p, t.a, t.a, 0.0, n)
        if t.slope:
            _multiply(d, t.a, t.e, 0.0, n)
            _multiply(d, t.e, t.a, 1.0, n)
        return
    _multiply(p, t.powers[k - 1], t.powers[1], 0.0, n)
    if t.slope:
        _multiply(d, t.powers[k - 1], t.moved[1], 0.0, n)
        _multiply(d, t.moved[k - 1], t.powers[1], 1.0, n)


cdef void _combine(double* out, double** powers, const double* c, int64_t first, int64_t last,
                   double unit, int64_t n) noexcept nogil:
    # The sum of c[2 k] powers[k] for first <= k <= last, plus unit times the identity.
    cdef int64_t i, k
    fill(out, n * n, 0.0)
    for k in range(first, last + 1):
        for i in range(n * n):
            out[i] += c[2 * k] * powers[k][i]
    for i in range(n):
        out[i * n + i] += unit


cdef void _approximate(Task* t, int row) noexcept nogil:
    # The odd and the even part of the numerator of the approximant, and their derivatives.
    cdef const double* b = COEFFICIENTS[row]
    cdef int64_t n = t.n, last = 3 if row == 4 else row + 1
    _combine(t.spare, t.powers, b + 1, 1, last, b[1], n)
    _combine(t.even, t.powers, b, 1, last, b[0], n)
    if t.slope:
        _combine(t.d_spare, t.moved, b + 1, 1, last, 0.0, n)
        _combine(t.d_even, t.moved, b, 1, last, 0.0, n)
    if row == 4:  # the higher powers by a product with a^6
        _combine(t.odd, t.powers, b + 7, 1, 3, 0.0, n)
        _multiply(t.spare, t.powers[3], t.odd, 1.0, n)
        if t.slope:
            _multiply(t.d_spare, t.moved[3], t.odd, 1.0, n)
            _combine(t.d_odd, t.moved, b + 7, 1, 3, 0.0, n)
            _multiply(t.d_spare, t.powers[3], t.d_odd, 1.0, n)
        _combine(t.odd, t.powers, b + 6, 1, 3, 0.0, n)
        _multiply(t.even, t.powers[3], t.odd, 1.0, n)
        if t.slope:
            _multiply(t.d_even, t.moved[3], t.odd, 1.0, n)
            _combine(t.d_odd, t.moved, b + 6, 1, 3, 0.0, n)
            _multiply(t.d_even, t.powers[3], t.d_odd, 1.0, n)
    _multiply(t.odd, t.a, t.spare, 0.0, n)
    if t.slope:
        _multiply(t.d_odd, t.a, t.d_spare, 0.0, n)
        _multiply(t.d_odd, t.e, t.spare, 1.0, n)


cdef double _scaling_of_rest(Task* t, int degree) noexcept nogil:
    # Further halvings for what the norms of powers do not see: Al-Mohy and Higham (2009), 5.1, with
    # the norm of the power of |a| computed.
    cdef int64_t i, j, k, n = t.n
    cdef double* sums = t.rest
    cdef double* next = t.rest + n
    cdef double most = 0.0, factor = -log2(_norm(t.a, n))
    fill(sums, n, 1.0)
    for k in range(2 * degree + 1):
        most = 0.0
        for j in range(n):
            next[j] = 0.0
            for i in range(n):
                next[j] += sums[i] * fabs(t.a[j * n + i])
            most = max(most, next[j])
        if not 0.0 < most < INFINITY:
            return 0.0
        for j in range(n):  # kept near 1
            sums[j] = next[j] / most
        factor += log2(most)
    for k in range(1, 2 * degree + 2):  # 1 / (binomial(2 m, m) (2 m + 1)!)
        factor -= log2(<double> k)
    for k in range(1, degree + 1):
        factor -= log2(<double> (degree + k) / <double> k)
    return max(0.0, ceil((factor + 53.0) / (2.0 * degree)))


cdef void _scale(double* x, int64_t count, double factor) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        x[i] *= factor


cdef int _choose(Task* t, int* halvings) noexcept nogil:
    # The row of the approximant, with its powers computed for a over 2^halvings.
    cdef const double* limits = ELL if t.slope else THETA
    cdef double norm = _norm(t.a, t.n), size
    cdef int64_t k, n = t.n
    cdef int row
    halvings[0] = 0
    for row in range(4):
        if norm <= limits[row]:
            for k in range(1, row + 2):
                _power(t, k)
            return row
    if t.slope:
        halvings[0] = <int> max(0.0, ceil(log2(norm / ELL[4])))
        _scale(t.e, n * n, ldexp(1.0, -halvings[0]))
        _scale(t.a, n * n, ldexp(1.0, -halvings[0]))
        for k in range(1, 4):
            _power(t, k)
        return 4
    # Powers of what has a large norm are of that over a power of two, so that they do not overflow.
    halvings[0] = <int> max(0.0, ceil(log2(norm / 1e20)))
    _scale(t.a, n * n, ldexp(1.0, -halvings[0]))
    for k in range(1, 4):
        _power(t, k)
    size = max(sqrt(sqrt(_norm(t.powers[2], n))), sqrt(cbrt(_norm(t.powers[3], n))))
    if not halvings[0] and size <= THETA[3] and _scaling_of_rest(t, 9) == 0.0:
        _power(t, 4)
        return 3
    row = <int> max(0.0, ceil(log2(size / THETA[4]))) if size > 0.0 else 0
    _scale(t.a, n * n, ldexp(1.0, -row))
    halvings[0] += row
    row += <int> _more(t, &halvings[0])
    for k in range(1, 4):
        _scale(t.powers[k], n * n, ldexp(1.0, -2 * <int> k * row))
    return 4


cdef double _more(Task* t, int* halvings) noexcept nogil:
    cdef double more = _scaling_of_rest(t, 13)
    _scale(t.a, t.n * t.n, ldexp(1.0, -<int> more))
    halvings[0] += <int> more
    return more


cdef bint _solve(Task* t) noexcept nogil:
    # The approximant (even - odd)^-1 (even + odd) in `even`, its derivative in `d_even`.
    cdef int size = <int> t.n, info = 0
    cdef int* pivots = <int*> t.rest
    cdef int64_t i, count = t.n * t.n
    cdef char plain = b"N"
    cdef double sum
    for i in range(count):
        t.spare[i] = t.even[i] - t.odd[i]
        t.even[i] += t.odd[i]
        if t.slope:
            sum = t.d_even[i] + t.d_odd[i]
            t.d_odd[i] -= t.d_even[i]
            t.d_even[i] = sum
    _dgetrf(&size, &size, t.spare, &size, pivots, &info)
    if info:
        return False
    _dgetrs(&plain, &size, &size, t.spare, &size, pivots, t.even, &size, &info)
    if t.slope:
        _multiply(t.d_even, t.d_odd, t.even, 1.0, t.n)
        _dgetrs(&plain, &size, &size, t.spare, &size, pivots, t.d_even, &size, &info)
    return True


cdef void _square(Task* t, int times) noexcept nogil:
    cdef int k
    for k in range(times):
        if t.slope:
            _multiply(t.d_spare, t.even, t.d_even, 0.0, t.n)
            _multiply(t.d_spare, t.d_even, t.even, 1.0, t.n)
            t.d_even, t.d_spare = t.d_spare, t.d_even
            if k == times - 1:
                return
        _multiply(t.spare, t.even, t.even, 0.0, t.n)
        t.even, t.spare = t.spare, t.even


cdef void _piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, k, n = p.n, count = p.n * p.n
    cdef bint slope = p.e != NULL
    cdef double* room = p.work + item * ((BOTH if slope else PLAIN) * count + 2 * n)
    cdef double* out = p.out + item * count
    cdef double** places[16]
    cdef Task t
    cdef int halvings = 0, row
    t.n, t.slope = n, slope
    t.powers[0] = t.moved[0] = t.e = NULL
    places[0], places[1], places[2], places[3] = &t.a, &t.odd, &t.even, &t.spare
    places[8], places[9], places[10], places[11] = &t.e, &t.d_odd, &t.d_even, &t.d_spare
    for k in range(1, 5):
        places[3 + k], places[11 + k] = &t.powers[k], &t.moved[k]
    for k in range(BOTH if slope else PLAIN):
        places[k][0] = room + k * count
    t.rest = room + (BOTH if slope else PLAIN) * count
    for i in range(count):
        t.a[i] = p.a[item * count + i]
        if slope:
            t.e[i] = p.e[item * count + i]
    if not all_finite(t.a, count) or (slope and not all_finite(t.e, count)):
        fill(out, count, NAN)
        return
    row = _choose(&t, &halvings)
    _approximate(&t, row)
    if not _solve(&t):
        fill(out, count, NAN)
        return
    _square(&t, halvings)
    for i in range(count):
        out[i] = t.d_even[i] if slope else t.even[i]


cdef void pt_expm(const double* a, double* out, double* work, int64_t batch,
                  int64_t n) noexcept nogil:
    """out: the exponential of each n x n item of a; all nan where it is not finite."""
    cdef Items p
    if n == 0:
        return
    p.a, p.e, p.out, p.work, p.n = a, NULL, out, work, n
    run(<double> batch * n * n * n >= LARGE // 8, _piece, &p, batch)


cdef void pt_expm_frechet(const double* a, const double* e, double* out, double* work,
                          int64_t batch, int64_t n) noexcept nogil:
    """out: the derivative of the exponential of each n x n item of a in the direction of that of e;
    all nan where one is not finite."""
    cdef Items p
    if n == 0:
        return
    p.a, p.e, p.out, p.work, p.n = a, e, out, work, n
    run(<double> batch * n * n * n >= LARGE // 24, _piece, &p, batch)
