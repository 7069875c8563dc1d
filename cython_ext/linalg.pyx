"""Matrix products and factors for compiled plans, and sorts and running sums.

By the BLAS and LAPACK in SciPy; see lapack.pyx for threads and what is large.
"""

from libc.stdint cimport int64_t, uint8_t

from libc.math cimport NAN
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from cython_ext.lapack cimport LARGE, all_finite, fill, part, pointer, run, transpose

ctypedef void (*dgemm_fn)(char*, char*, int*, int*, int*, double*, double*, int*, double*, int*,
                          double*, double*, int*) noexcept nogil
ctypedef void (*sgemm_fn)(char*, char*, int*, int*, int*, float*, float*, int*, float*, int*,
                          float*, float*, int*) noexcept nogil
ctypedef void (*dsyrk_fn)(char*, char*, int*, int*, double*, double*, int*, double*, double*,
                          int*) noexcept nogil
ctypedef void (*ssyrk_fn)(char*, char*, int*, int*, float*, float*, int*, float*, float*,
                          int*) noexcept nogil
ctypedef void (*dsyevd_fn)(char*, char*, int*, double*, int*, double*, double*, int*, int*, int*,
                           int*) noexcept nogil
ctypedef void (*dgetrf_fn)(int*, int*, double*, int*, int*, int*) noexcept nogil
ctypedef void (*dgeqrf_fn)(int*, int*, double*, int*, double*, double*, int*,
                           int*) noexcept nogil
ctypedef void (*dorgqr_fn)(int*, int*, int*, double*, int*, double*, double*, int*,
                           int*) noexcept nogil


cdef extern from "pt_small.h" nogil:
    int64_t PT_SMALL
    void pt_small_lu(const double* a, double* factor, int64_t* pivots, int64_t* rows,
                     int64_t batch, int64_t n)


cdef dgemm_fn _dgemm = <dgemm_fn> pointer("cython_blas", "dgemm")
cdef sgemm_fn _sgemm = <sgemm_fn> pointer("cython_blas", "sgemm")
cdef dsyrk_fn _dsyrk = <dsyrk_fn> pointer("cython_blas", "dsyrk")
cdef ssyrk_fn _ssyrk = <ssyrk_fn> pointer("cython_blas", "ssyrk")
cdef dsyevd_fn _dsyevd = <dsyevd_fn> pointer("cython_lapack", "dsyevd")
cdef dgetrf_fn _dgetrf = <dgetrf_fn> pointer("cython_lapack", "dgetrf")
cdef dgeqrf_fn _dgeqrf = <dgeqrf_fn> pointer("cython_lapack", "dgeqrf")
cdef dorgqr_fn _dorgqr = <dorgqr_fn> pointer("cython_lapack", "dorgqr")


# Terms that BLAS sums in one call: more for wide products, where adding the parts costs more than
# the calls.
cdef int64_t PART = 256, WIDE_PART = 512, WIDE = 2**16


# Rows from which a product of a matrix and its own transpose is half of one.
cdef int64_t MIN_SYMMETRIC = 128, TILE = 32
HALVED_FROM = MIN_SYMMETRIC  # for those who count operations


ctypedef fused real:
    double
    float


cdef void _mirror(const real* x, real* y, int64_t m, int64_t n, int64_t step) noexcept nogil:
    # y[j, i] = x[i, j] of an m x n part of a matrix of row stride `step`, tile by tile; where both
    # are one, of its lower triangle.
    cdef int64_t tile, i, j, first, last
    cdef bint triangle = <const void*> x == <const void*> y
    for tile in range((n + TILE - 1) // TILE):
        first = tile * TILE
        last = min(first + TILE, n)
        for i in range(first if triangle else 0, m):
            for j in range(first, min(last, i) if triangle else last):
                y[j * step + i] = x[i * step + j]


cdef struct Product:
    bint single  # float32
    bint symmetric  # a matrix times its own transpose: of pieces the lower ones are computed
    const void* a
    const void* b
    const void* base  # what the product is added to; NULL: to nothing
    void* c
    double scale
    int64_t m, n, k
    bint a_transposed, b_transposed
    int64_t rows, columns  # of a piece
    int64_t across, pieces  # pieces beside each other, and of an item


cdef void _multiply(const real* a, const real* b, real* c, const Product* p, int64_t m,
                    int64_t n, int64_t k, int64_t step, bint adds) noexcept nogil:
    # An m x n part of c, of row stride `step`, over k terms; or what is there, and the scaled sum
    # of these. BLAS is column-major, so it computes the transposed product: c' = op(b)' op(a)'.
    cdef int rows = <int> n, columns = <int> m, inner = <int> k, c_step = <int> step
    cdef int b_step = <int> (p.k if p.b_transposed else p.n)
    cdef int a_step = <int> (p.m if p.a_transposed else p.k)
    cdef char b_way = b"T" if p.b_transposed else b"N"
    cdef char a_way = b"T" if p.a_transposed else b"N"
    cdef real scale = <real> p.scale if adds else 1.0, kept = 1.0 if adds else 0.0
    cdef char lower = b"U"  # of the transpose
    if <const void*> a == <const void*> b and p.symmetric and not adds:
        # op(a) = op(b)' is this part of both.
        a_way = b"N" if p.a_transposed else b"T"
        if real is double:
            _dsyrk(&lower, &a_way, &rows, &inner, &scale, <double*> a, &a_step, &kept, c, &c_step)
        else:
            _ssyrk(&lower, &a_way, &rows, &inner, &scale, <float*> a, &a_step, &kept, c, &c_step)
        _mirror(c, c, m, m, step)
        return
    if real is double:
        _dgemm(&b_way, &a_way, &rows, &columns, &inner, &scale, <double*> b, &b_step, <double*> a,
               &a_step, &kept, c, &c_step)
    else:
        _sgemm(&b_way, &a_way, &rows, &columns, &inner, &scale, <float*> b, &b_step, <float*> a,
               &a_step, &kept, c, &c_step)


cdef void _multiply_long(const real* a, const real* b, real* c, const Product* p, int64_t m,
                         int64_t n, int64_t length) noexcept nogil:
    # BLAS sums in order, and float32 in float32. So many terms are summed in parts, which are added
    # in doubles with the errors of these additions (Neumaier 1974, ZAMM 54:39).
    cdef bint adds = p.base != NULL
    cdef double* total = <double*> malloc(m * n * (2 * sizeof(double) + sizeof(real)))
    cdef double* lost = total + m * n
    cdef real* part = <real*> (lost + m * n)
    cdef int64_t i, j, first
    cdef double term, sum, added
    if total == NULL:
        _multiply(a, b, c, p, m, n, p.k, p.n, adds)
        return
    for i in range(2 * m * n):
        total[i] = 0.0
    for i in range(m if adds else 0):
        for j in range(n):
            total[i * n + j] = c[i * p.n + j]
    for i in range((p.k + length - 1) // length):
        first = i * length
        _multiply(a + (first * p.m if p.a_transposed else first),
                  b + (first if p.b_transposed else first * p.n), part, p, m, n,
                  min(length, p.k - first), n, False)
        for j in range(m * n):
            term = p.scale * part[j]
            sum = total[j] + term
            added = sum - total[j]
            lost[j] += (total[j] - (sum - added)) + (term - added)
            total[j] = sum
    for i in range(m):
        for j in range(i * n, (i + 1) * n):
            if lost[j] - lost[j] == 0.0:  # it is nan where the sum is not finite
                total[j] += lost[j]
            c[i * (p.n - n) + j] = <real> total[j]
    free(total)


cdef void _multiply_part(const real* a, const real* b, real* c, const Product* p, int64_t m,
                         int64_t n) noexcept nogil:
    cdef int64_t length = WIDE_PART if m * n > WIDE else PART
    # A scale of 0 times what is not finite is nan, which BLAS does not compute.
    if p.k > 2 * length or p.scale == 0.0:
        _multiply_long(a, b, c, p, m, n, length)
    else:
        _multiply(a, b, c, p, m, n, p.k, p.n, p.base != NULL)


cdef void _product_piece(void* context, int64_t piece) noexcept nogil:
    cdef Product* p = <Product*> context
    cdef int64_t item = piece // p.pieces, part = piece % p.pieces
    cdef int64_t row = part // p.across * p.rows, column = part % p.across * p.columns
    cdef int64_t m = min(p.rows, p.m - row), n = min(p.columns, p.n - column)
    cdef int64_t a = item * p.m * p.k + (row if p.a_transposed else row * p.k)
    cdef int64_t b = item * p.n * p.k + (column * p.k if p.b_transposed else column)
    cdef int64_t c = item * p.m * p.n + row * p.n + column
    cdef int64_t turned = item * p.m * p.n + column * p.n + row
    cdef size_t first, width = sizeof(float) if p.single else sizeof(double)
    if p.symmetric and column > row:
        return
    if p.base != NULL and p.base != p.c:
        for row in range(m):
            first = (c + row * p.n) * width
            memcpy(<char*> p.c + first, <const char*> p.base + first, n * width)
    if p.single:
        _multiply_part(<const float*> p.a + a, <const float*> p.b + b, <float*> p.c + c, p, m, n)
        if p.symmetric and turned != c:
            _mirror(<const float*> p.c + c, <float*> p.c + turned, m, n, p.n)
    else:
        _multiply_part(<const double*> p.a + a, <const double*> p.b + b, <double*> p.c + c, p, m, n)
        if p.symmetric and turned != c:
            _mirror(<const double*> p.c + c, <double*> p.c + turned, m, n, p.n)


cdef void _gemm(const real* a, const real* b, double scale, const real* base, real* c,
                int64_t batch, int64_t m, int64_t n, int64_t k, int64_t a_transposed,
                int64_t b_transposed) noexcept nogil:
    cdef Product p
    cdef int64_t item
    cdef bint large = <double> batch * m * n * k >= LARGE
    if m == 0 or n == 0:
        return
    for item in range(batch * m * n if k == 0 else 0):
        c[item] = scale * 0.0 + base[item] if base != NULL else 0.0
    if k == 0:
        return
    p.single = real is float
    p.a, p.b, p.c, p.base, p.scale = a, b, c, base, scale
    p.m, p.n, p.k = m, n, k
    p.a_transposed, p.b_transposed = a_transposed != 0, b_transposed != 0
    p.symmetric = (<const void*> a == <const void*> b and base == NULL and m == n
                   and n >= MIN_SYMMETRIC and p.a_transposed != p.b_transposed)
    p.rows, p.columns = part(m, large), part(n, large)
    p.across = (n + p.columns - 1) // p.columns
    p.pieces = p.across * ((m + p.rows - 1) // p.rows)
    run(large, _product_piece, &p, batch * p.pieces)


cdef void pt_gemm(const double* a, const double* b, double* c, int64_t batch,
                  int64_t m, int64_t n, int64_t k, int64_t a_transposed,
                  int64_t b_transposed) noexcept nogil:
    """c = op(a) op(b), item by item, all row-major: c is m x n, op(a) m x k, op(b) k x n.

    `a_transposed` says that a is stored as k x m, `b_transposed` that b is stored as n x k.
    """
    _gemm(a, b, 1.0, NULL, c, batch, m, n, k, a_transposed, b_transposed)


cdef void pt_gemm_float32(const float* a, const float* b, float* c, int64_t batch,
                          int64_t m, int64_t n, int64_t k, int64_t a_transposed,
                          int64_t b_transposed) noexcept nogil:
    """As pt_gemm in float32; sums of up to 512 terms too (1024 in wide products)."""
    _gemm(a, b, 1.0, NULL, c, batch, m, n, k, a_transposed, b_transposed)


cdef void pt_add_product(const double* a, const double* b, const double* scale,
                         const double* base, double* c, int64_t batch, int64_t m, int64_t n,
                         int64_t k, int64_t a_transposed, int64_t b_transposed) noexcept nogil:
    """c = base + scale op(a) op(b), as pt_gemm; the base may be c."""
    _gemm(a, b, scale[0], base, c, batch, m, n, k, a_transposed, b_transposed)


cdef void pt_add_product_float32(const float* a, const float* b, const float* scale,
                                 const float* base, float* c, int64_t batch, int64_t m, int64_t n,
                                 int64_t k, int64_t a_transposed,
                                 int64_t b_transposed) noexcept nogil:
    """As pt_add_product in float32."""
    _gemm(a, b, <double> scale[0], base, c, batch, m, n, k, a_transposed, b_transposed)


def gemm(const real[:, :, ::1] a, const real[:, :, ::1] b, real[:, :, ::1] c, bint a_transposed,
         bint b_transposed):
    """`pt_gemm` on arrays of one dtype, for the tests: c is overwritten."""
    cdef int64_t m = c.shape[1], n = c.shape[2]
    cdef int64_t k = a.shape[1] if a_transposed else a.shape[2]
    if c.shape[0] == 0 or m == 0 or n == 0:
        return
    cdef const real* left = &a[0, 0, 0] if k else NULL
    cdef const real* right = &b[0, 0, 0] if k else NULL
    with nogil:
        _gemm(left, right, 1.0, <const real*> NULL, &c[0, 0, 0], c.shape[0], m, n, k,
              a_transposed, b_transposed)


# Arguments of a call, of which each piece is an item.
cdef struct Items:
    const double* a
    double* first
    double* second
    int64_t* third
    int64_t* fourth
    double* work
    int64_t m, n


cdef int64_t _eigh_room(int64_t n) noexcept nogil:
    # In doubles: the workspace of dsyevd, followed by its integers.
    return 2 * n * n + 9 * n + 4


cdef void _eigh_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, j, n = p.n
    cdef const double* a = p.a + item * n * n
    cdef double* values = p.first + item * n
    cdef double* vectors = p.second + item * n * n
    cdef double* work = p.work + item * _eigh_room(n)
    cdef int size = <int> n, reals = <int> (1 + 6 * n + 2 * n * n), integers = <int> (3 + 5 * n)
    cdef int info = 0
    cdef char job = b"V", triangle = b"L"
    cdef double saved
    cdef bint finite = True
    for i in range(n):
        finite = finite and all_finite(a + i * n, i + 1)
        for j in range(i + 1):
            vectors[j * n + i] = a[i * n + j]
    if finite:
        _dsyevd(&job, &triangle, &size, vectors, &size, values, work, &reals,
                <int*> (work + reals), &integers, &info)
    if info or not finite:
        fill(values, n, NAN)
        fill(vectors, n * n, NAN)
        return
    for i in range(n):
        for j in range(i):
            saved = vectors[i * n + j]
            vectors[i * n + j] = vectors[j * n + i]
            vectors[j * n + i] = saved


cdef void pt_eigh(const double* a, double* values, double* vectors, double* work, int64_t batch,
                  int64_t n) noexcept nogil:
    """The eigenvalues of each symmetric n x n item of a, ascending, and its eigenvectors in
    columns; of a the lower triangle is read. All nan where that is not finite, or dsyevd does not
    converge.
    """
    cdef Items p
    if n == 0:
        return
    p.a, p.first, p.second, p.work, p.n = a, values, vectors, work, n
    run(<double> batch * n * n * n >= LARGE // 8, _eigh_piece, &p, batch)


cdef void _lu_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, n = p.n, row
    cdef const double* a = p.a + item * n * n
    cdef double* factor = p.first + item * n * n
    cdef int64_t* pivots = p.third + item * n
    cdef int64_t* rows = p.fourth + item * n
    cdef double* transposed = p.work + item * (n * n + n)
    cdef int* swapped = <int*> (transposed + n * n)
    cdef int size = <int> n, info = 0
    if not all_finite(a, n * n):
        fill(factor, n * n, NAN)
        for i in range(n):
            pivots[i] = rows[i] = 0
        return
    transpose(a, transposed, n, n)
    _dgetrf(&size, &size, transposed, &size, swapped, &info)
    transpose(transposed, factor, n, n)
    for i in range(n):
        pivots[i] = swapped[i] - 1
        rows[i] = i
    for i in range(n - 1, -1, -1):
        row = rows[i]
        rows[i] = rows[pivots[i]]
        rows[pivots[i]] = row


cdef void pt_lu(const double* a, double* factor, int64_t* pivots, int64_t* rows, double* work,
                int64_t batch, int64_t n) noexcept nogil:
    """Row i of each n x n item of a is row rows[i] of L U. L, whose diagonal is ones, lies below
    the diagonal of `factor`, U on and above it; in order, row i was swapped with row pivots[i]. The
    factor of an item that is not finite is all nan, its pivots and rows 0."""
    cdef Items p
    if n <= PT_SMALL:
        pt_small_lu(a, factor, pivots, rows, batch, n)
        return
    p.a, p.first, p.third, p.fourth, p.work, p.n = a, factor, pivots, rows, work, n
    run(<double> batch * n * n * n >= 2 * LARGE, _lu_piece, &p, batch)


cdef int64_t _qr_work_size(int64_t m, int64_t n) noexcept nogil:
    # The transposed item, its min(m, n) reflectors, and a workspace of 32 columns for dgeqrf,
    # dorgqr.
    return m * n + min(m, n) + 32 * n


cdef void _qr_piece(void* context, int64_t item) noexcept nogil:
    cdef Items* p = <Items*> context
    cdef int64_t i, j, m = p.m, n = p.n, k = min(p.m, p.n)
    cdef const double* a = p.a + item * m * n
    cdef double* q = p.first + item * m * k
    cdef double* r = p.second + item * k * n
    cdef double* transposed = p.work + item * _qr_work_size(m, n)
    cdef double* reflectors = transposed + m * n
    cdef double* work = reflectors + k
    cdef int rows = <int> m, columns = <int> n, inner = <int> k, lwork = <int> (32 * n), info = 0
    transpose(a, transposed, m, n)
    if all_finite(a, m * n):
        _dgeqrf(&rows, &columns, transposed, &rows, reflectors, work, &lwork, &info)
    else:
        info = 1
    for i in range(k):
        for j in range(n):
            r[i * n + j] = NAN if info else transposed[j * m + i] if i <= j else 0.0
    if not info:
        _dorgqr(&rows, &inner, &inner, transposed, &rows, reflectors, work, &lwork, &info)
    if info:
        fill(q, m * k, NAN)
    else:
        transpose(transposed, q, k, m)


cdef void pt_qr(const double* a, double* q, double* r, double* work, int64_t batch, int64_t m,
                int64_t n) noexcept nogil:
    """a = q r for each m x n item: with k = min(m, n), q is m x k with orthonormal columns and r
    k x n and upper triangular; all nan where a is not finite."""
    cdef Items p
    if m == 0 or n == 0:
        return
    p.a, p.first, p.second, p.work, p.m, p.n = a, q, r, work, m, n
    run(<double> batch * m * n * min(m, n) >= LARGE, _qr_piece, &p, batch)


cdef void pt_cumsum(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    """out: the cumulative sums of each item of n numbers, compensated for rounding errors (Neumaier
    1974, ZAMM 54:39) while finite."""
    cdef int64_t item, i
    cdef double total, sum, added, lost
    for item in range(batch):
        total = lost = 0.0
        for i in range(item * n, (item + 1) * n):
            sum = total + x[i]
            added = sum - total
            lost += (total - (sum - added)) + (x[i] - added)
            total = sum
            out[i] = total + lost if lost - lost == 0.0 else total


cdef void pt_true_places(const uint8_t* mask, int64_t* out, int64_t batch,
                         int64_t n) noexcept nogil:
    """out: the places of True in each item of n values, in ascending order, and n after them."""
    cdef int64_t item, i, count
    for item in range(batch):
        count = 0
        for i in range(n):  # no branch: what is not True is overwritten
            out[item * n + count] = i
            count += mask[item * n + i] != 0
        for i in range(count, n):
            out[item * n + i] = n
