"""Factors, determinants, eigenvalues and singular values of complex matrices for compiled plans;
see lapack.pyx.

A matrix comes as its real and its imaginary part, each row-major. LAPACK gets a column-major copy
with the parts of an element side by side, so that it sees the matrix itself, not its transpose, and
vectors have the phases that NumPy finds. Workspaces are counted in doubles, two for an element.
"""

from libc.math cimport NAN, fabs, hypot, ilogb, ldexp, log
from libc.stdint cimport int64_t

from cython_ext.lapack cimport LARGE, all_finite, fill, pointer, run

ctypedef double complex element

ctypedef void (*zgetrf_fn)(int*, int*, element*, int*, int*, int*) noexcept nogil
ctypedef void (*zgetri_fn)(int*, element*, int*, int*, element*, int*, int*) noexcept nogil
ctypedef void (*zheevd_fn)(char*, char*, int*, element*, int*, double*, element*, int*, double*,
                           int*, int*, int*, int*) noexcept nogil
ctypedef void (*zgeev_fn)(char*, char*, int*, element*, int*, element*, element*, int*, element*,
                          int*, element*, int*, double*, int*) noexcept nogil
ctypedef void (*zgesdd_fn)(char*, int*, int*, element*, int*, double*, element*, int*, element*,
                           int*, element*, int*, double*, int*, int*) noexcept nogil
ctypedef void (*zgeqrf_fn)(int*, int*, element*, int*, element*, element*, int*,
                           int*) noexcept nogil
ctypedef void (*zungqr_fn)(int*, int*, int*, element*, int*, element*, element*, int*,
                           int*) noexcept nogil
ctypedef void (*zgeqp3_fn)(int*, int*, element*, int*, int*, element*, element*, int*, double*,
                           int*) noexcept nogil

cdef zgetrf_fn _zgetrf = <zgetrf_fn> pointer("cython_lapack", "zgetrf")
cdef zgetri_fn _zgetri = <zgetri_fn> pointer("cython_lapack", "zgetri")
cdef zheevd_fn _zheevd = <zheevd_fn> pointer("cython_lapack", "zheevd")
cdef zgeev_fn _zgeev = <zgeev_fn> pointer("cython_lapack", "zgeev")
cdef zgesdd_fn _zgesdd = <zgesdd_fn> pointer("cython_lapack", "zgesdd")
cdef zgeqrf_fn _zgeqrf = <zgeqrf_fn> pointer("cython_lapack", "zgeqrf")
cdef zungqr_fn _zungqr = <zungqr_fn> pointer("cython_lapack", "zungqr")
cdef zgeqp3_fn _zgeqp3 = <zgeqp3_fn> pointer("cython_lapack", "zgeqp3")


# Arguments of a call, of which each piece is an item; `first_re` and so on are outputs in order.
cdef struct Items:
    char job
    const double* re
    const double* im
    double* first_re
    double* first_im
    double* second_re
    double* second_im
    double* reals
    int64_t* pivots
    int64_t* rows
    double* work
    int64_t m, n
    int64_t room  # of an item, in `work`


cdef bint _loaded(Items* p, int64_t item, double* copy) noexcept nogil:
    # The item as LAPACK has it; False where it is not finite, for which it may not terminate.
    cdef int64_t i, j, m = p.m, n = p.n
    cdef const double* re = p.re + item * m * n
    cdef const double* im = p.im + item * m * n
    for i in range(m):
        for j in range(n):
            copy[2 * (j * m + i)] = re[i * n + j]
            copy[2 * (j * m + i) + 1] = im[i * n + j]
    return all_finite(re, m * n) and all_finite(im, m * n)


cdef void _store(const double* x, double* re, double* im, int64_t m, int64_t n,
                 bint known) noexcept nogil:
    # The m x n matrix that LAPACK gave as its parts; nan if it is not known.
    cdef int64_t i, j
    for i in range(m):
        for j in range(n):
            re[i * n + j] = x[2 * (j * m + i)] if known else NAN
            im[i * n + j] = x[2 * (j * m + i) + 1] if known else NAN


cdef void _unit(double* re, double* im, int64_t n) noexcept nogil:
    cdef int64_t i
    fill(re, n * n, 0.0)
    fill(im, n * n, 0.0)
    for i in range(n):
        re[i * n + i] = 1.0


# LU factors and determinants.

cdef void _lu_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n
    cdef double* copy = p.work + item * p.room
    cdef int* swaps = <int*> (copy + 2 * n * n)
    cdef int64_t* pivots = p.pivots + item * n
    cdef int64_t* rows = p.rows + item * n
    cdef int size = <int> n, info = 0
    cdef bint known = _loaded(p, item, copy)
    if known:
        _zgetrf(&size, &size, <element*> copy, &size, swaps, &info)
    _store(copy, p.first_re + item * n * n, p.first_im + item * n * n, n, n, known)
    for i in range(n):
        pivots[i] = swaps[i] - 1 if known else 0
        rows[i] = i if known else 0
    if known:  # row i of the matrix is row rows[i] of L U
        for i in range(n - 1, -1, -1):
            rows[i], rows[pivots[i]] = rows[pivots[i]], rows[i]


cdef void pt_zlu(const double* re, const double* im, double* factor_re, double* factor_im,
                 int64_t* pivots, int64_t* rows, double* work, int64_t batch,
                 int64_t n) noexcept nogil:
    """L and U of each n x n item in one matrix, its pivots and rows, as pt_lu."""
    cdef Items p
    if n == 0:
        return
    p.re, p.im, p.first_re, p.first_im, p.work = re, im, factor_re, factor_im, work
    p.pivots, p.rows, p.m, p.n, p.room = pivots, rows, n, n, 2 * n * n + n
    run(<double> batch * n * n * n >= LARGE // 4, _lu_piece, &p, batch)


cdef void _det_piece(void* context, int64_t item) noexcept nogil:
    # The determinant, or with job L its sign and the logarithm of its absolute value.
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n
    cdef double* copy = p.work + item * p.room
    cdef int* swaps = <int*> (copy + 2 * n * n)
    cdef int size = <int> n, info = 0
    cdef double length, logarithm = 0.0
    cdef element product = 1.0, pivot
    if _loaded(p, item, copy):
        if n:
            _zgetrf(&size, &size, <element*> copy, &size, swaps, &info)
        for i in range(n):
            pivot = (<element*> copy)[i * n + i]
            if swaps[i] != i + 1:
                pivot = -pivot
            if p.job == b"L":
                length = hypot(pivot.real, pivot.imag)
                logarithm += log(length)
                pivot = pivot / length if length else 0.0
            product = product * pivot
    else:
        product.real = product.imag = logarithm = NAN
    p.first_re[item], p.first_im[item] = product.real, product.imag
    if p.job == b"L":
        p.reals[item] = logarithm


cdef void _det(char job, const double* re, const double* im, double* first_re, double* first_im,
               double* logarithm, double* work, int64_t batch, int64_t n) noexcept nogil:
    cdef Items p
    p.job, p.re, p.im, p.first_re, p.first_im, p.reals = job, re, im, first_re, first_im, logarithm
    p.work, p.m, p.n, p.room = work, n, n, 2 * n * n + n
    run(<double> batch * n * n * n >= LARGE // 4, _det_piece, &p, batch)


cdef void pt_zdet(const double* re, const double* im, double* det_re, double* det_im, double* work,
                  int64_t batch, int64_t n) noexcept nogil:
    """The determinant of each n x n item; nan where it is not finite."""
    _det(b"D", re, im, det_re, det_im, NULL, work, batch, n)


cdef void pt_zslogdet(const double* re, const double* im, double* sign_re, double* sign_im,
                      double* logarithm, double* work, int64_t batch, int64_t n) noexcept nogil:
    """The determinant of each n x n item over its absolute value, and the logarithm of that: 0 and
    -inf where it is singular, nan where it is not finite."""
    _det(b"L", re, im, sign_re, sign_im, logarithm, work, batch, n)


cdef double _size(element x) noexcept nogil:
    return fabs(x.real) + fabs(x.imag)


cdef void _exchange(element* x, element* y, int64_t count, int64_t step) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        x[i * step], y[i * step] = y[i * step], x[i * step]


cdef element _eliminate(element* x, element* rows, int64_t* columns, int64_t n) noexcept nogil:
    # LU of x with complete pivoting in its place, up to the last pivot; L^-1 P in `rows`, and the
    # place that each column came from. Gives the product of the pivots but the last, with the sign
    # of both permutations. All matrices are column-major.
    cdef int64_t i, j, k, row, column
    cdef element product = 1.0, factor
    for i in range(n):
        columns[i] = i
        for j in range(n):
            rows[j * n + i] = 1.0 if i == j else 0.0
    for k in range(n - 1):
        row = column = k
        for j in range(k, n):
            for i in range(k, n):
                if _size(x[j * n + i]) > _size(x[column * n + row]):
                    row, column = i, j
        if _size(x[column * n + row]) == 0.0:
            return 0.0
        if row != k:
            _exchange(x + row, x + k, n, n)
            _exchange(rows + row, rows + k, n, n)
            product = -product
        if column != k:
            _exchange(x + column * n, x + k * n, n, 1)
            columns[column], columns[k] = columns[k], columns[column]
            product = -product
        product = product * x[k * n + k]
        for i in range(k + 1, n):
            factor = x[k * n + i] / x[k * n + k]
            for j in range(k, n):
                x[j * n + i] = x[j * n + i] - factor * x[j * n + k]
            for j in range(n):
                rows[j * n + i] = rows[j * n + i] - factor * rows[j * n + k]
    return product


cdef void _adjugate_of_singular(element* x, element* rows, int64_t* columns, double* re, double* im,
                                int64_t n) noexcept nogil:
    # P x Q = L U, so the adjugate is det(P) det(Q) Q adj(U) L^-1 P. With U = [[U1, u], [0, d]] that
    # of U is det(U1) [[d U1^-1, -U1^-1 u], [0, 1]].
    cdef element product = _eliminate(x, rows, columns, n), last = x[n * n - 1], sum
    cdef int64_t i, j, k
    if _size(product) == 0.0:
        fill(re, n * n, 0.0)
        fill(im, n * n, 0.0)
        return
    for j in range(n):
        for i in range(n - 2, -1, -1):
            sum = last * rows[j * n + i] - x[(n - 1) * n + i] * rows[j * n + n - 1]
            for k in range(i + 1, n - 1):
                sum = sum - x[k * n + i] * rows[j * n + k]
            rows[j * n + i] = sum / x[i * n + i]
    for i in range(n):
        for j in range(n):
            sum = product * rows[j * n + i]
            re[columns[i] * n + j], im[columns[i] * n + j] = sum.real, sum.imag


cdef void _adjugate_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n
    cdef double* re = p.first_re + item * n * n
    cdef double* im = p.first_im + item * n * n
    cdef element* copy = <element*> (p.work + item * p.room)
    cdef element* work = copy + n * n
    cdef int* swaps = <int*> (work + n * n + 32 * n)
    cdef int size = <int> n, room = <int> (32 * n), info = 0
    cdef element det = 1.0
    if not _loaded(p, item, <double*> copy):
        _store(NULL, re, im, n, n, False)
        return
    _zgetrf(&size, &size, copy, &size, swaps, &info)
    for i in range(n):
        det = det * (-copy[i * n + i] if swaps[i] != i + 1 else copy[i * n + i])
    if info == 0:
        _zgetri(&size, copy, &size, swaps, work, &room, &info)
    if info == 0:
        for i in range(n * n):
            copy[i] = copy[i] * det
        _store(<double*> copy, re, im, n, n, True)
    else:
        _loaded(p, item, <double*> copy)
        _adjugate_of_singular(copy, work, <int64_t*> swaps, re, im, n)


cdef void pt_zadjugate(const double* re, const double* im, double* out_re, double* out_im,
                       double* work, int64_t batch, int64_t n) noexcept nogil:
    """The adjugate of each n x n item, also where it is singular; all nan where it is not
    finite."""
    cdef Items p
    if n == 0:
        return
    p.re, p.im, p.first_re, p.first_im, p.work = re, im, out_re, out_im, work
    p.m, p.n, p.room = n, n, 4 * n * n + 65 * n
    run(<double> batch * n * n * n >= LARGE // 8, _adjugate_piece, &p, batch)


# Eigenvalues.

cdef int64_t _eigh_room(int64_t n, char job) noexcept nogil:
    # A copy, the complex, the real and the integer workspace of zheevd.
    if job == b"V":
        return 6 * n * n + 78 * n + 6
    return 2 * n * n + 70 * n + 4


cdef void _eigh_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, j, n = p.n
    cdef const double* re = p.re + item * n * n
    cdef const double* im = p.im + item * n * n
    cdef double* values = p.reals + item * n
    cdef double* copy = p.work + item * p.room
    cdef double* work = copy + 2 * n * n
    cdef char job = p.job, triangle = b"L"
    cdef int size = <int> n, info = 0, room, reals, integers
    room = <int> (n * n + 34 * n + 1 if job == b"V" else 34 * n + 1)
    reals = <int> (2 * n * n + 5 * n + 1 if job == b"V" else n + 1)
    integers = <int> (5 * n + 3 if job == b"V" else 1)
    for i in range(n):  # of the lower triangle alone, whose diagonal is taken as real
        info |= not (all_finite(re + i * n, i + 1) and all_finite(im + i * n, i))
        for j in range(i + 1):
            copy[2 * (j * n + i)] = re[i * n + j]
            copy[2 * (j * n + i) + 1] = im[i * n + j] if j < i else 0.0
    if not info:
        _zheevd(&job, &triangle, &size, <element*> copy, &size, values, <element*> work, &room,
                work + 2 * room, &reals, <int*> (work + 2 * room + reals), &integers, &info)
    if info:
        fill(values, n, NAN)
    if job == b"V":
        _store(copy, p.first_re + item * n * n, p.first_im + item * n * n, n, n, info == 0)


cdef void _eigh(char job, const double* re, const double* im, double* values, double* vectors_re,
                double* vectors_im, double* work, int64_t batch, int64_t n) noexcept nogil:
    cdef Items p
    if n == 0:
        return
    p.job, p.re, p.im, p.reals, p.work, p.m, p.n = job, re, im, values, work, n, n
    p.first_re, p.first_im, p.room = vectors_re, vectors_im, _eigh_room(n, job)
    run(<double> batch * n * n * n >= LARGE // 16, _eigh_piece, &p, batch)


cdef void pt_zeigh(const double* re, const double* im, double* values, double* vectors_re,
                   double* vectors_im, double* work, int64_t batch, int64_t n) noexcept nogil:
    """The eigenvalues of each Hermitian n x n item, ascending, and its eigenvectors in columns, of
    length 1; its lower triangle is read. All nan where that is not finite."""
    _eigh(b"V", re, im, values, vectors_re, vectors_im, work, batch, n)


cdef void pt_zeigvalsh(const double* re, const double* im, double* values, double* work,
                       int64_t batch, int64_t n) noexcept nogil:
    """The eigenvalues of pt_zeigh."""
    _eigh(b"N", re, im, values, NULL, NULL, work, batch, n)


cdef double _moderate_scale(const double* z, int64_t n) noexcept nogil:
    # As pt_moderate_scale of pt_spectra.h, for n parts.
    cdef int64_t i
    cdef double most = 0.0
    for i in range(n):
        most = max(most, fabs(z[i]))
    if most == 0.0 or 1e-100 < most < 1e100:
        return 1.0
    return ldexp(1.0, 960 if most < 1e-290 else -ilogb(most))


cdef void _eig_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n
    cdef double* copy = p.work + item * p.room
    cdef double* values = copy + 2 * n * n
    cdef double* vectors = values + 2 * n
    cdef double* work = vectors + (2 * n * n if p.job == b"V" else 0)
    cdef int size = <int> n, room = <int> (34 * n), info = 1, one = 1
    cdef char none = b"N", job = p.job
    cdef double scale = 1.0
    if _loaded(p, item, copy):
        scale = _moderate_scale(copy, 2 * n * n)
        for i in range(2 * n * n if scale != 1.0 else 0):
            copy[i] *= scale
        _zgeev(&none, &job, &size, <element*> copy, &size, <element*> values, NULL, &one,
               <element*> vectors, &size, <element*> work, &room, work + 2 * room, &info)
    for i in range(n):
        p.second_re[item * n + i] = NAN if info else values[2 * i] / scale
        p.second_im[item * n + i] = NAN if info else values[2 * i + 1] / scale
    if job == b"V":
        _store(vectors, p.first_re + item * n * n, p.first_im + item * n * n, n, n, info == 0)


cdef void _eig(char job, const double* re, const double* im, double* values_re, double* values_im,
               double* vectors_re, double* vectors_im, double* work, int64_t batch,
               int64_t n) noexcept nogil:
    cdef Items p
    if n == 0:
        return
    p.job, p.re, p.im, p.second_re, p.second_im = job, re, im, values_re, values_im
    p.first_re, p.first_im, p.work, p.m, p.n = vectors_re, vectors_im, work, n, n
    p.room = n * n * (4 if job == b"V" else 2) + 72 * n
    run(<double> batch * n * n * n >= LARGE // 64, _eig_piece, &p, batch)


cdef void pt_zeig(const double* re, const double* im, double* values_re, double* values_im,
                  double* vectors_re, double* vectors_im, double* work, int64_t batch,
                  int64_t n) noexcept nogil:
    """The eigenvalues of each n x n item and its eigenvectors in columns, of length 1 and with a
    largest component that is real; all nan where it is not finite, or zgeev does not converge."""
    _eig(b"V", re, im, values_re, values_im, vectors_re, vectors_im, work, batch, n)


cdef void pt_zeigvals(const double* re, const double* im, double* values_re, double* values_im,
                      double* work, int64_t batch, int64_t n) noexcept nogil:
    """The eigenvalues of pt_zeig."""
    _eig(b"N", re, im, values_re, values_im, NULL, NULL, work, batch, n)


# Singular values.

cdef int64_t _svd_blocks(int64_t m, int64_t n) noexcept nogil:
    # The complex workspace of zgesdd, in blocks of 64.
    cdef int64_t most = max(m, n), least = min(m, n)
    return least * least + 3 * least + most + 64 * (most + least)


cdef int64_t _svd_reals(int64_t m, int64_t n, char job) noexcept nogil:
    cdef int64_t most = max(m, n), least = min(m, n)
    return 7 * least if job == b"N" else 5 * least * least + 2 * most * least + 6 * least


cdef int64_t _svd_room(int64_t m, int64_t n, char job) noexcept nogil:
    # A copy of the item, its vectors, and the workspaces of zgesdd.
    cdef int64_t least = min(m, n), vectors = 0
    if job == b"S":
        vectors = 2 * least * (m + n)
    elif job == b"A":
        vectors = 2 * (m * m + n * n)
    return (2 * m * n + vectors + 2 * _svd_blocks(m, n) + _svd_reals(m, n, job) + 4 * least)


cdef void _svd_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t m = p.m, n = p.n, k = min(p.m, p.n)
    cdef int64_t wide = m if p.job == b"A" else k, tall = n if p.job == b"A" else k
    cdef double* s = p.reals + item * k
    cdef double* copy = p.work + item * p.room
    cdef double* u = copy + 2 * m * n
    cdef double* vh = u + (0 if p.job == b"N" else 2 * m * wide)
    cdef double* work = vh + (0 if p.job == b"N" else 2 * tall * n)
    cdef double* reals = work + 2 * _svd_blocks(m, n)
    cdef int rows = <int> m, columns = <int> n, step = <int> tall, info = 1
    cdef int room = <int> _svd_blocks(m, n)
    cdef char job = p.job
    if _loaded(p, item, copy):
        _zgesdd(&job, &rows, &columns, <element*> copy, &rows, s, <element*> u, &rows,
                <element*> vh, &step, <element*> work, &room, reals,
                <int*> (reals + _svd_reals(m, n, job)), &info)
    if info:
        fill(s, k, NAN)
    if job != b"N":
        _store(u, p.first_re + item * m * wide, p.first_im + item * m * wide, m, wide, info == 0)
        _store(vh, p.second_re + item * tall * n, p.second_im + item * tall * n, tall, n,
               info == 0)


cdef void _svd(char job, const double* re, const double* im, double* u_re, double* u_im, double* s,
               double* vh_re, double* vh_im, double* work, int64_t batch, int64_t m,
               int64_t n) noexcept nogil:
    cdef Items p
    cdef int64_t item
    if m == 0 or n == 0:
        for item in range(batch if job == b"A" else 0):
            _unit(u_re + item * m * m, u_im + item * m * m, m)
            _unit(vh_re + item * n * n, vh_im + item * n * n, n)
        return
    p.job, p.re, p.im, p.reals, p.work, p.m, p.n = job, re, im, s, work, m, n
    p.first_re, p.first_im, p.second_re, p.second_im = u_re, u_im, vh_re, vh_im
    p.room = _svd_room(m, n, job)
    run(<double> batch * m * n * min(m, n) >= LARGE // 32, _svd_piece, &p, batch)


cdef void pt_zsvd(const double* re, const double* im, double* u_re, double* u_im, double* s,
                  double* vh_re, double* vh_im, double* work, int64_t batch, int64_t m,
                  int64_t n) noexcept nogil:
    """a = u diag(s) vh for each m x n item: with k = min(m, n), u is m x k, vh k x n, and s
    descends; all nan where it is not finite, or zgesdd does not converge."""
    _svd(b"S", re, im, u_re, u_im, s, vh_re, vh_im, work, batch, m, n)


cdef void pt_zsvd_full(const double* re, const double* im, double* u_re, double* u_im, double* s,
                       double* vh_re, double* vh_im, double* work, int64_t batch, int64_t m,
                       int64_t n) noexcept nogil:
    """As pt_zsvd, with square u and vh."""
    _svd(b"A", re, im, u_re, u_im, s, vh_re, vh_im, work, batch, m, n)


cdef void pt_zsvdvals(const double* re, const double* im, double* s, double* work, int64_t batch,
                      int64_t m, int64_t n) noexcept nogil:
    """The singular values of each m x n item, descending, as pt_zsvd."""
    _svd(b"N", re, im, NULL, NULL, s, NULL, NULL, work, batch, m, n)


# QR factors.

cdef void _qr_piece(void* context, int64_t item) noexcept nogil:
    # Of q the first `wide` columns, of r as many rows: min(m, n) or, with job A, m.
    cdef Items* p = <Items*> context
    cdef int64_t i, j, m = p.m, n = p.n, k = min(p.m, p.n)
    cdef int64_t wide = m if p.job == b"A" else k, most = max(p.m, p.n)
    cdef double* r_re = p.second_re + item * wide * n
    cdef double* r_im = p.second_im + item * wide * n
    cdef double* copy = p.work + item * p.room
    cdef double* reflectors = copy + 2 * m * most
    cdef double* work = reflectors + 2 * k
    cdef int rows = <int> m, columns = <int> n, inner = <int> k, room = <int> (32 * most)
    cdef int kept = <int> wide, info = 0
    cdef bint known = _loaded(p, item, copy), upper
    if known:
        _zgeqrf(&rows, &columns, <element*> copy, &rows, <element*> reflectors, <element*> work,
                &room, &info)
    for i in range(wide):
        for j in range(n):
            upper = i <= j
            r_re[i * n + j] = NAN if not known else copy[2 * (j * m + i)] if upper else 0.0
            r_im[i * n + j] = NAN if not known else copy[2 * (j * m + i) + 1] if upper else 0.0
    if known:
        _zungqr(&rows, &kept, &inner, <element*> copy, &rows, <element*> reflectors,
                <element*> work, &room, &info)
    _store(copy, p.first_re + item * m * wide, p.first_im + item * m * wide, m, wide, known)


cdef void _qr(char job, const double* re, const double* im, double* q_re, double* q_im,
              double* r_re, double* r_im, double* work, int64_t batch, int64_t m,
              int64_t n) noexcept nogil:
    cdef Items p
    cdef int64_t item
    if m == 0 or n == 0:
        for item in range(batch if job == b"A" else 0):
            _unit(q_re + item * m * m, q_im + item * m * m, m)
        return
    p.job, p.re, p.im, p.work, p.m, p.n = job, re, im, work, m, n
    p.first_re, p.first_im, p.second_re, p.second_im = q_re, q_im, r_re, r_im
    p.room = 2 * m * max(m, n) + 2 * min(m, n) + 64 * max(m, n)
    run(<double> batch * m * n * max(m, n) >= LARGE // 4, _qr_piece, &p, batch)


cdef void pt_zqr(const double* re, const double* im, double* q_re, double* q_im, double* r_re,
                 double* r_im, double* work, int64_t batch, int64_t m, int64_t n) noexcept nogil:
    """a = q r for each m x n item: with k = min(m, n), q is m x k with orthonormal columns, r k x n
    and upper triangular, with a real diagonal; all nan where it is not finite."""
    _qr(b"S", re, im, q_re, q_im, r_re, r_im, work, batch, m, n)


cdef void pt_zqr_full(const double* re, const double* im, double* q_re, double* q_im, double* r_re,
                      double* r_im, double* work, int64_t batch, int64_t m,
                      int64_t n) noexcept nogil:
    """As pt_zqr, with square q and the rows of zeros of r."""
    _qr(b"A", re, im, q_re, q_im, r_re, r_im, work, batch, m, n)


cdef void pt_zqr_order(const double* re, const double* im, int64_t* order, double* work,
                       int64_t batch, int64_t m, int64_t n) noexcept nogil:
    """The order of columns in which QR with pivots takes each m x n item, by zgeqp3; 0, 1, ...
    where it is not finite."""
    cdef Items p
    cdef int64_t item, j, k = min(m, n)
    cdef double* copy = work
    cdef double* reflectors = copy + 2 * m * n
    cdef double* own = reflectors + 2 * k
    cdef int rows = <int> m, columns = <int> n, room = <int> (34 * n + 32), info
    cdef double* reals = own + 2 * room
    cdef int* pivots = <int*> (reals + 2 * n)
    p.re, p.im, p.m, p.n = re, im, m, n
    for item in range(batch):
        for j in range(n):
            pivots[j] = 0
        info = 1
        if k and _loaded(&p, item, copy):
            _zgeqp3(&rows, &columns, <element*> copy, &rows, pivots, <element*> reflectors,
                    <element*> own, &room, reals, &info)
        for j in range(n):
            order[item * n + j] = j if info else pivots[j] - 1
