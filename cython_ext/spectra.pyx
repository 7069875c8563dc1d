"""Singular values, eigenvalues and Schur forms for compiled plans; see lapack.pyx.

LAPACK sees transposed matrices. That of a = u s vh is vh' s u', so dgesdd gives u and vh in each
other's place as they are wanted; other routines work on a transposed copy.
"""

from libc.math cimport NAN, fabs, hypot
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from cython_ext.lapack cimport LARGE, all_finite, fill, pointer, run, transpose

ctypedef int (*select_fn)(double*, double*) noexcept nogil
ctypedef int (*select_pair_fn)(double*, double*, double*) noexcept nogil
ctypedef void (*dgesdd_fn)(char*, int*, int*, double*, int*, double*, double*, int*, double*, int*,
                           double*, int*, int*, int*) noexcept nogil
ctypedef void (*dsyevd_fn)(char*, char*, int*, double*, int*, double*, double*, int*, int*, int*,
                           int*) noexcept nogil
ctypedef void (*dgeev_fn)(char*, char*, int*, double*, int*, double*, double*, double*, int*,
                          double*, int*, double*, int*, int*) noexcept nogil
ctypedef void (*dgees_fn)(char*, char*, select_fn, int*, double*, int*, int*, double*, double*,
                          double*, int*, double*, int*, int*, int*) noexcept nogil
ctypedef void (*dgges_fn)(char*, char*, char*, select_pair_fn, int*, double*, int*, double*, int*,
                          int*, double*, double*, double*, double*, int*, double*, int*, double*,
                          int*, int*, int*) noexcept nogil

cdef dgesdd_fn _dgesdd = <dgesdd_fn> pointer("cython_lapack", "dgesdd")
cdef dsyevd_fn _dsyevd = <dsyevd_fn> pointer("cython_lapack", "dsyevd")
cdef dgeev_fn _dgeev = <dgeev_fn> pointer("cython_lapack", "dgeev")
cdef dgees_fn _dgees = <dgees_fn> pointer("cython_lapack", "dgees")
cdef dgges_fn _dgges = <dgges_fn> pointer("cython_lapack", "dgges")


# Arguments of a call, of which each piece is an item.
cdef struct Items:
    char job
    const double* a
    const double* b
    const int64_t* sort
    double* first
    double* second
    double* third
    double* fourth
    double* reals
    double* imags
    double* scales
    int64_t* count
    double* work
    int64_t m, n
    int64_t room  # of an item, in `work`


cdef void _unit(double* x, int64_t n) noexcept nogil:
    cdef int64_t i
    fill(x, n * n, 0.0)
    for i in range(n):
        x[i * n + i] = 1.0


cdef int64_t _svd_room(int64_t m, int64_t n, char job) noexcept nogil:
    # A copy of the item, the workspace of dgesdd in blocks of 64, and 8 integers for each value.
    cdef int64_t most = max(m, n), least = min(m, n)
    cdef int64_t own = max(most, 7 * least) + 3 * least
    if job != b"N":
        own = 4 * least * least + 7 * least + most
    return m * n + own + 64 * (most + least) + 4 * least


cdef void _svd_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t m = p.m, n = p.n, k = min(p.m, p.n)
    cdef int64_t wide = m if p.job == b"A" else k, tall = n if p.job == b"A" else k
    cdef const double* a = p.a + item * m * n
    cdef double* u = p.first + item * m * wide
    cdef double* s = p.second + item * k
    cdef double* vh = p.third + item * tall * n
    cdef double* copy = p.work + item * p.room
    cdef double* work = copy + m * n
    cdef int rows = <int> n, columns = <int> m, step = <int> max(wide, 1)
    cdef int room = <int> (p.room - m * n - 4 * k), info = 1
    cdef char job = p.job
    if all_finite(a, m * n):
        memcpy(copy, a, m * n * sizeof(double))
        _dgesdd(&job, &rows, &columns, copy, &rows, s, vh, &rows, u, &step, work, &room,
                <int*> (work + room), &info)
    if info:
        fill(s, k, NAN)
        if job != b"N":
            fill(u, m * wide, NAN)
            fill(vh, tall * n, NAN)


cdef void _svd(char job, const double* a, double* u, double* s, double* vh, double* work,
               int64_t batch, int64_t m, int64_t n) noexcept nogil:
    cdef Items p
    cdef int64_t item
    if m == 0 or n == 0:
        for item in range(batch if job == b"A" else 0):
            _unit(u + item * m * m, m)
            _unit(vh + item * n * n, n)
        return
    p.job, p.a, p.first, p.second, p.third, p.work = job, a, u, s, vh, work
    p.m, p.n, p.room = m, n, _svd_room(m, n, job)
    run(<double> batch * m * n * min(m, n) >= LARGE // 8, _svd_piece, &p, batch)


cdef void pt_svd(const double* a, double* u, double* s, double* vh, double* work, int64_t batch,
                 int64_t m, int64_t n) noexcept nogil:
    """a = u diag(s) vh for each m x n item: with k = min(m, n), u is m x k, vh k x n, and s
    descends; all nan where a is not finite, or dgesdd does not converge."""
    _svd(b"S", a, u, s, vh, work, batch, m, n)


cdef void pt_svd_full(const double* a, double* u, double* s, double* vh, double* work,
                      int64_t batch, int64_t m, int64_t n) noexcept nogil:
    """As pt_svd, with square u and vh."""
    _svd(b"A", a, u, s, vh, work, batch, m, n)


cdef void pt_svdvals(const double* a, double* s, double* work, int64_t batch, int64_t m,
                     int64_t n) noexcept nogil:
    """The singular values of each m x n item, descending, as pt_svd."""
    _svd(b"N", a, NULL, s, NULL, work, batch, m, n)


cdef void _eigvalsh_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n
    cdef const double* a = p.a + item * n * n
    cdef double* values = p.first + item * n
    cdef double* copy = p.work + item * p.room
    cdef int size = <int> n, reals = <int> (34 * n + 1), integers = 1, info = 0
    cdef char job = b"N", triangle = b"U"
    for i in range(n):  # its lower triangle is the upper one of what LAPACK sees
        info |= not all_finite(a + i * n, i + 1)
        memcpy(copy + i * n, a + i * n, (i + 1) * sizeof(double))
    if not info:
        _dsyevd(&job, &triangle, &size, copy, &size, values, copy + n * n, &reals,
                <int*> (copy + n * n + reals), &integers, &info)
    if info:
        fill(values, n, NAN)


cdef void pt_eigvalsh(const double* a, double* values, double* work, int64_t batch,
                      int64_t n) noexcept nogil:
    """The eigenvalues of each symmetric n x n item of a, ascending; its lower triangle is read. All
    nan where that is not finite."""
    cdef Items p
    if n == 0:
        return
    p.a, p.first, p.work, p.n, p.room = a, values, work, n, n * n + 34 * n + 2
    run(<double> batch * n * n * n >= LARGE // 2, _eigvalsh_piece, &p, batch)


cdef void _eig_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, j, n = p.n
    cdef const double* a = p.a + item * n * n
    cdef double* reals = p.first + item * n
    cdef double* imags = p.second + item * n
    cdef double* real_vectors = p.third + item * n * n
    cdef double* imag_vectors = p.fourth + item * n * n
    cdef double* copy = p.work + item * p.room
    cdef double* vectors = copy + n * n
    cdef int size = <int> n, room = <int> (34 * n), info = 1, one = 1
    cdef char none = b"N", job = p.job
    cdef double* work = vectors + (n * n if job == b"V" else 0)
    if all_finite(a, n * n):
        transpose(a, copy, n, n)
        _dgeev(&none, &job, &size, copy, &size, reals, imags, NULL, &one, vectors, &size, work,
               &room, &info)
    if info:
        fill(reals, n, NAN)
        fill(imags, n, NAN)
    if job != b"V":
        return
    if info:
        fill(real_vectors, n * n, NAN)
        fill(imag_vectors, n * n, NAN)
        return
    j = 0
    while j < n:  # a pair of conjugate values has one real and one imaginary part
        for i in range(n):
            real_vectors[i * n + j] = vectors[j * n + i]
            imag_vectors[i * n + j] = 0.0
            if imags[j] != 0.0:
                real_vectors[i * n + j + 1] = vectors[j * n + i]
                imag_vectors[i * n + j] = vectors[(j + 1) * n + i]
                imag_vectors[i * n + j + 1] = -vectors[(j + 1) * n + i]
        j += 1 if imags[j] == 0.0 else 2


cdef void _eig(char job, const double* a, double* reals, double* imags, double* real_vectors,
               double* imag_vectors, double* work, int64_t batch, int64_t n) noexcept nogil:
    cdef Items p
    if n == 0:
        return
    p.job, p.a, p.first, p.second, p.work, p.n = job, a, reals, imags, work, n
    p.third, p.fourth = real_vectors, imag_vectors
    p.room = n * n * (2 if job == b"V" else 1) + 34 * n
    run(<double> batch * n * n * n >= LARGE // 16, _eig_piece, &p, batch)


cdef void pt_eig(const double* a, double* reals, double* imags, double* real_vectors,
                 double* imag_vectors, double* work, int64_t batch, int64_t n) noexcept nogil:
    """The eigenvalues of each n x n item of a and its eigenvectors in columns, of length 1, as real
    and imaginary parts; all nan where it is not finite, or dgeev does not converge."""
    _eig(b"V", a, reals, imags, real_vectors, imag_vectors, work, batch, n)


cdef void pt_eigvals(const double* a, double* reals, double* imags, double* work, int64_t batch,
                     int64_t n) noexcept nogil:
    """The eigenvalues of pt_eig."""
    _eig(b"N", a, reals, imags, NULL, NULL, work, batch, n)


# Which eigenvalues come first, by the number in `sort`: 0 means none.

cdef int _left(double* real, double* imag) noexcept nogil:
    return real[0] < 0.0


cdef int _right(double* real, double* imag) noexcept nogil:
    return real[0] >= 0.0


cdef int _inside(double* real, double* imag) noexcept nogil:
    return hypot(real[0], imag[0]) <= 1.0


cdef int _outside(double* real, double* imag) noexcept nogil:
    return hypot(real[0], imag[0]) > 1.0


cdef select_fn _selected[5]
_selected[0], _selected[1], _selected[2] = NULL, _left, _right
_selected[3], _selected[4] = _inside, _outside


cdef void _schur_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t n = p.n, sort = p.sort[item]
    cdef const double* a = p.a + item * n * n
    cdef double* t = p.first + item * n * n
    cdef double* z = p.second + item * n * n
    cdef double* copy = p.work + item * p.room
    cdef double* vectors = copy + n * n
    cdef double* work = vectors + n * n
    cdef int size = <int> n, room = <int> (34 * n), chosen = 0, info = 1
    cdef char job = b"V", order = b"S" if sort else b"N"
    if 0 <= sort <= 4 and all_finite(a, n * n):
        transpose(a, copy, n, n)
        _dgees(&job, &order, _selected[sort], &size, copy, &size, &chosen, work, work + n, vectors,
               &size, work + 2 * n, &room, <int*> (work + 2 * n + room), &info)
    if info and info != n + 2:  # then rounding has moved values that were ordered
        fill(t, n * n, NAN)
        fill(z, n * n, NAN)
        p.count[item] = 0
    else:
        p.count[item] = chosen
        transpose(copy, t, n, n)
        transpose(vectors, z, n, n)


cdef void pt_schur(const double* a, const int64_t* sort, double* t, double* z, int64_t* count,
                   double* work, int64_t batch, int64_t n) noexcept nogil:
    """a = z t z' for each n x n item: z is orthogonal, t upper triangular but for blocks of two
    conjugate eigenvalues. First are, by sort, 1: those with negative real parts, 2: the others, 3:
    those within the unit circle or on it, 4: the others; `count` is how many. All nan, and 0, where
    a is not finite."""
    cdef Items p
    cdef int64_t item
    if n == 0:
        for item in range(batch):
            count[item] = 0
        return
    p.count = count
    p.a, p.sort, p.first, p.second, p.work, p.n = a, sort, t, z, work, n
    p.room = 2 * n * n + 37 * n
    run(<double> batch * n * n * n >= LARGE // 16, _schur_piece, &p, batch)


cdef int _left_pair(double* real, double* imag, double* scale) noexcept nogil:
    return real[0] / scale[0] < 0.0 if scale[0] != 0.0 else False


cdef int _right_pair(double* real, double* imag, double* scale) noexcept nogil:
    return real[0] / scale[0] > 0.0 if scale[0] != 0.0 else False


cdef int _inside_pair(double* real, double* imag, double* scale) noexcept nogil:
    return hypot(real[0], imag[0]) < fabs(scale[0])


cdef int _outside_pair(double* real, double* imag, double* scale) noexcept nogil:
    return hypot(real[0], imag[0]) > fabs(scale[0])


cdef select_pair_fn _selected_pair[5]
_selected_pair[0], _selected_pair[1], _selected_pair[2] = NULL, _left_pair, _right_pair
_selected_pair[3], _selected_pair[4] = _inside_pair, _outside_pair


cdef void _qz_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t k, n = p.n, sort = p.sort[item], count = p.n * p.n
    cdef const double* a = p.a + item * count
    cdef const double* b = p.b + item * count
    cdef double* out[4]
    cdef double* copies = p.work + item * p.room
    cdef double* work = copies + 4 * count
    cdef double* reals = p.reals + item * n
    cdef double* imags = p.imags + item * n
    cdef double* scales = p.scales + item * n
    cdef int size = <int> n, room = <int> (40 * n + 16), chosen = 0, info = 1
    cdef char job = b"V", order = b"S" if sort else b"N"
    out[0], out[1], out[2], out[3] = p.first, p.second, p.third, p.fourth
    if 0 <= sort <= 4 and all_finite(a, count) and all_finite(b, count):
        transpose(a, copies, n, n)
        transpose(b, copies + count, n, n)
        _dgges(&job, &job, &order, _selected_pair[sort], &size, copies, &size, copies + count,
               &size, &chosen, reals, imags, scales, copies + 2 * count, &size,
               copies + 3 * count, &size, work, &room, <int*> (work + room), &info)
    if info and info != n + 2:
        fill(reals, n, NAN)
        fill(imags, n, NAN)
        fill(scales, n, NAN)
    for k in range(4):
        if info and info != n + 2:
            fill(out[k] + item * count, count, NAN)
        else:
            transpose(copies + k * count, out[k] + item * count, n, n)


cdef void pt_qz(const double* a, const double* b, const int64_t* sort, double* s, double* t,
                double* reals, double* imags, double* scales, double* q, double* z,
                double* work, int64_t batch, int64_t n) noexcept nogil:
    """a = q s z' and b = q t z' for each n x n item: q and z are orthogonal, t upper triangular,
    and s but for blocks of two conjugate eigenvalues. These are (reals + i imags) / scales, and
    `sort` orders them: first are, by 1 and 2, those with negative or positive real parts, by 3 and
    4 those inside or outside the unit circle. All nan where an item is not finite."""
    cdef Items p
    if n == 0:
        return
    p.a, p.b, p.sort, p.first, p.second, p.third, p.fourth = a, b, sort, s, t, q, z
    p.reals, p.imags, p.scales = reals, imags, scales
    p.work, p.n, p.room = work, n, 4 * n * n + 41 * n + 17
    run(<double> batch * n * n * n >= LARGE // 32, _qz_piece, &p, batch)
