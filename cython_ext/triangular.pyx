"""Cholesky factors, triangular systems and those of LU factors, for compiled plans; see lapack.pyx.

Matrices of up to PT_SMALL rows are processed by pt_small.h.
"""

from libc.math cimport NAN, isfinite
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from cython_ext.lapack cimport LARGE, part, pointer, run

ctypedef void (*dgemm_fn)(char*, char*, int*, int*, int*, double*, double*, int*, double*, int*,
                          double*, double*, int*) noexcept nogil
ctypedef void (*dtrsm_fn)(char*, char*, char*, char*, int*, int*, double*, double*, int*,
                          double*, int*) noexcept nogil
ctypedef void (*dtrsv_fn)(char*, char*, char*, int*, double*, int*, double*,
                          int*) noexcept nogil
ctypedef void (*dpotrf_fn)(char*, int*, double*, int*, int*) noexcept nogil

cdef extern from "pt_cholesky_gradient.h" nogil:
    void pt_reverse_cholesky(const double* l, const double* g, double* s, int64_t n, void* gemm,
                             void* trsm)

cdef extern from "pt_small.h" nogil:
    int64_t PT_SMALL
    void pt_small_cholesky(const double* a, double* out, int64_t batch, int64_t n)
    void pt_small_reverse(const double* l, const double* g, double* out, int64_t batch, int64_t n)
    void pt_small_solve(const double* t, const double* b, double* out, int64_t batch, int64_t n,
                        int64_t k, int lower, int turned)
    void pt_small_factored(const double* factor, const int64_t* rows, const double* b, double* out,
                           int64_t batch, int64_t n, int64_t k, int turned)


cdef dgemm_fn _dgemm = <dgemm_fn> pointer("cython_blas", "dgemm")
cdef dtrsm_fn _dtrsm = <dtrsm_fn> pointer("cython_blas", "dtrsm")
cdef dtrsv_fn _dtrsv = <dtrsv_fn> pointer("cython_blas", "dtrsv")
cdef dpotrf_fn _dpotrf = <dpotrf_fn> pointer("cython_lapack", "dpotrf")


cdef struct Factor:
    double* out
    int64_t n


cdef void _factor_piece(void* context, int64_t item) noexcept nogil:
    cdef Factor* p = <Factor*> context
    cdef int size = <int> p.n, info = 0
    cdef char triangle = b"U"
    cdef int64_t i, j, n = p.n
    cdef double* factor = p.out + item * n * n
    _dpotrf(&triangle, &size, factor, &size, &info)
    for i in range(n):
        if not isfinite(factor[i * n + i]):
            info = 1
    for i in range(n):
        for j in range(0 if info else i + 1, n):
            factor[i * n + j] = NAN if info else 0.0


cdef void pt_cholesky(const double* a, double* out, int64_t batch, int64_t n) noexcept nogil:
    """out: the lower factor of each n x n item of a, all nan where it is not positive definite."""
    cdef Factor p
    if n <= PT_SMALL:
        pt_small_cholesky(a, out, batch, n)
        return
    memcpy(out, a, batch * n * n * sizeof(double))
    p.out, p.n = out, n
    run(<double> batch * n * n * n >= 3 * LARGE, _factor_piece, &p, batch)


cdef struct Reverse:
    const double* factor
    const double* g
    double* out
    int64_t n


cdef void _reverse_piece(void* context, int64_t item) noexcept nogil:
    cdef Reverse* p = <Reverse*> context
    cdef int64_t first = item * p.n * p.n
    pt_reverse_cholesky(p.factor + first, p.g + first, p.out + first, p.n, <void*> _dgemm,
                        <void*> _dtrsm)


cdef void pt_cholesky_gradient(const double* factor, const double* g, double* out, int64_t batch,
                               int64_t n) noexcept nogil:
    """out: the symmetric cotangent of each n x n item of which `factor` is the lower factor, given
    that of the factor, whose upper triangle is not read."""
    cdef Reverse p
    if n <= PT_SMALL:
        pt_small_reverse(factor, g, out, batch, n)
        return
    p.factor, p.g, p.out, p.n = factor, g, out, n
    run(<double> batch * n * n * n >= LARGE, _reverse_piece, &p, batch)


cdef void _substitute(char triangle, char turn, char diagonal, int columns, int n,
                      const double* t, double* x, int step) noexcept nogil:
    """x with t x = b in place of b, of this many columns, or with t' x = b if `turn` is T; BLAS,
    whose matrices are in columns, sees t'. A vector has a routine of its own, up to five times
    faster."""
    cdef char side = b"R", other = b"N" if turn == b"T" else b"T"
    cdef double one = 1.0
    if columns == 1:
        _dtrsv(&triangle, &other, &diagonal, &n, <double*> t, &n, x, &step)
    else:
        _dtrsm(&side, &triangle, &turn, &diagonal, &columns, &n, &one, <double*> t, &n, x, &step)


cdef struct System:
    char triangle, turn
    const double* t
    double* x
    int64_t n, k
    int64_t width, pieces  # right-hand sides of a piece, and pieces of an item


cdef void _system_piece(void* context, int64_t piece) noexcept nogil:
    cdef System* p = <System*> context
    cdef int64_t item = piece // p.pieces, first = piece % p.pieces * p.width
    cdef int columns = <int> min(p.width, p.k - first)
    _substitute(p.triangle, p.turn, b"N", columns, <int> p.n, p.t + item * p.n * p.n,
                p.x + item * p.n * p.k + first, <int> p.k)


cdef void _solve(const double* t, const double* b, double* out, int64_t batch, int64_t n,
                 int64_t k, bint lower, bint turned) noexcept nogil:
    cdef System p
    cdef bint large = <double> batch * n * n * k >= 2 * LARGE
    if n <= PT_SMALL:
        pt_small_solve(t, b, out, batch, n, k, lower, turned)
        return
    if k == 0:
        return
    memcpy(out, b, batch * n * k * sizeof(double))
    p.triangle, p.turn = b"U" if lower else b"L", b"T" if turned else b"N"
    p.t, p.x, p.n, p.k = t, out, n, k
    p.width = part(k, large)
    p.pieces = (k + p.width - 1) // p.width
    run(large, _system_piece, &p, batch * p.pieces)


cdef void pt_solve_lower(const double* t, const double* b, double* out, int64_t batch,
                         int64_t n, int64_t k) noexcept nogil:
    """out: x with t x = b for each item, t being n x n and lower, b being n x k."""
    _solve(t, b, out, batch, n, k, True, False)


cdef void pt_solve_upper(const double* t, const double* b, double* out, int64_t batch,
                         int64_t n, int64_t k) noexcept nogil:
    """As pt_solve_lower, for upper t."""
    _solve(t, b, out, batch, n, k, False, False)


cdef void pt_solve_lower_transposed(const double* t, const double* b, double* out, int64_t batch,
                                    int64_t n, int64_t k) noexcept nogil:
    """out: x with t' x = b for each item, t being n x n and lower, b being n x k."""
    _solve(t, b, out, batch, n, k, True, True)


cdef void pt_solve_upper_transposed(const double* t, const double* b, double* out, int64_t batch,
                                    int64_t n, int64_t k) noexcept nogil:
    """As pt_solve_lower_transposed, for upper t."""
    _solve(t, b, out, batch, n, k, False, True)


cdef struct Factored:
    const double* factor
    const int64_t* rows
    const double* b
    double* out
    double* work
    int64_t n, k
    bint turned


cdef void _factored_piece(void* context, int64_t item) noexcept nogil:
    cdef Factored* p = <Factored*> context
    cdef int64_t i, row, n = p.n, k = p.k
    cdef const double* b = p.b + item * n * k
    cdef double* out = p.out + item * n * k
    cdef double* x = p.work + item * n * k if p.turned else out
    cdef const double* factor = p.factor + item * n * n
    cdef const int64_t* rows = p.rows + item * n
    cdef int size = <int> n, columns = <int> k
    memcpy(x, b, n * k * sizeof(double))
    if p.turned:
        _substitute(b"L", b"T", b"N", columns, size, factor, x, columns)
        _substitute(b"U", b"T", b"U", columns, size, factor, x, columns)
    for i in range(n):
        row = rows[i] if 0 <= rows[i] < n else 0
        if p.turned:
            memcpy(out + i * k, x + row * k, k * sizeof(double))
        else:
            memcpy(x + row * k, b + i * k, k * sizeof(double))
    if not p.turned:
        _substitute(b"U", b"N", b"U", columns, size, factor, x, columns)
        _substitute(b"L", b"N", b"N", columns, size, factor, x, columns)
    for i in range(n):
        if factor[i * n + i] == 0.0:  # singular
            for row in range(n * k):
                out[row] = NAN
            return


cdef void _factored(const double* factor, const int64_t* rows, const double* b, double* out,
                    double* work, int64_t batch, int64_t n, int64_t k, bint turned) noexcept nogil:
    cdef Factored p
    if n <= PT_SMALL:
        pt_small_factored(factor, rows, b, out, batch, n, k, turned)
        return
    if k == 0:
        return
    p.factor, p.rows, p.b, p.out, p.work = factor, rows, b, out, work
    p.n, p.k, p.turned = n, k, turned
    run(<double> batch * n * n * k >= LARGE, _factored_piece, &p, batch)


cdef void pt_solve_factored(const double* factor, const int64_t* rows, const double* b,
                            double* out, double* work, int64_t batch, int64_t n,
                            int64_t k) noexcept nogil:
    """out: x with a x = b for each item, a being n x n with the factors and rows of pt_lu, b being
    n x k; all nan where a is singular."""
    _factored(factor, rows, b, out, work, batch, n, k, False)


cdef void pt_solve_factored_transposed(const double* factor, const int64_t* rows, const double* b,
                                       double* out, double* work, int64_t batch, int64_t n,
                                       int64_t k) noexcept nogil:
    """As pt_solve_factored, for a' x = b."""
    _factored(factor, rows, b, out, work, batch, n, k, True)
