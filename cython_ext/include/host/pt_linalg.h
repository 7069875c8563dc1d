/* Matrix routines of exported functions, which cython_ext/linalg.pyx and triangular.pyx have for
 * Python.
 *
 * Plain C by itself, without pt_eigh and pt_qr. With -DPT_LAPACK all that LAPACK and BLAS have is
 * theirs; see pt_lapack.h. BLAS is column-major: it sees the transpose of a matrix. All on the
 * calling thread but for threads of that library.
 */
#ifndef PT_LINALG_H
#define PT_LINALG_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "pt_base.h"
#include "pt_cholesky_gradient.h"
#include "pt_lapack.h"
#include "pt_small.h"

#define PT_PART 256        /* terms that are summed in one go, */
#define PT_WIDE_PART 512   /* in wide products */
#define PT_WIDE 65536
#define PT_SYMMETRIC 128   /* rows from which half of a symmetric product is computed */

#ifdef PT_LAPACK
#define PT_ADDS_APART 0 /* whether a product is added after it is computed */
#else
#define PT_ADDS_APART 1
#endif

/* c = op(a) op(b) over the terms from `first` to before `last` of k; with a scale, that is added
 * if `adds`. */
#ifdef PT_LAPACK
#define PT_MULTIPLY(type, gemm, half) \
    PT_ROUTINE void pt_multiply_##type(const type *a, const type *b, type *c, int64_t m, \
                                       int64_t n, int64_t k, int64_t first, int64_t last, \
                                       int64_t a_transposed, int64_t b_transposed, type scale, \
                                       int adds) \
    { \
        const int rows = (int) n, columns = (int) m, inner = (int) (last - first); \
        const int b_step = (int) (b_transposed ? k : n), a_step = (int) (a_transposed ? m : k); \
        const type factor = scale, kept = adds ? 1 : 0; \
        if (a == b && m == n && a_transposed != b_transposed && n >= PT_SYMMETRIC && !adds) { \
            /* a matrix times its own transpose is half of a product */ \
            PT_FORTRAN(half)("U", a_transposed ? "N" : "T", &rows, &inner, &factor, \
                             a + (a_transposed ? first * m : first), &a_step, &kept, c, &rows); \
            for (int64_t i = 0; i < m; i++) \
                for (int64_t j = 0; j < i; j++) \
                    c[j * n + i] = c[i * n + j]; \
            return; \
        } \
        PT_FORTRAN(gemm)(b_transposed ? "T" : "N", a_transposed ? "T" : "N", &rows, &columns, \
                         &inner, &factor, b + (b_transposed ? first : first * n), &b_step, \
                         a + (a_transposed ? first * m : first), &a_step, &kept, c, &rows); \
    }
#else
#define PT_MULTIPLY(type, gemm, half) \
    PT_ROUTINE void pt_multiply_##type(const type *a, const type *b, type *c, int64_t m, \
                                       int64_t n, int64_t k, int64_t first, int64_t last, \
                                       int64_t a_transposed, int64_t b_transposed, type scale, \
                                       int adds) \
    { \
        for (int64_t i = 0; i < m; i++) { \
            type *row = c + i * n; \
            for (int64_t j = 0; j < n && !adds; j++) \
                row[j] = 0; \
            for (int64_t t = first; t < last; t++) { \
                const type x = scale * (a_transposed ? a[t * m + i] : a[i * k + t]); \
                if (b_transposed) \
                    for (int64_t j = 0; j < n; j++) \
                        row[j] += x * b[j * k + t]; \
                else \
                    for (int64_t j = 0; j < n; j++) \
                        row[j] += x * b[t * n + j]; \
            } \
        } \
    }
#endif
PT_MULTIPLY(double, dgemm, dsyrk)
PT_MULTIPLY(float, sgemm, ssyrk)
#undef PT_MULTIPLY

/* One item, of a product or of one that is added to c. Many terms are summed in parts, which are
 * added in doubles with the errors of these additions (Neumaier 1974, ZAMM 54:39). A scale of 0
 * times what is not finite is nan, which BLAS does not compute. */
#define PT_PRODUCT(type) \
    PT_ROUTINE void pt_product_##type(const type *a, const type *b, type scale, type *c, \
                                      int64_t m, int64_t n, int64_t k, int64_t a_transposed, \
                                      int64_t b_transposed, int adds) \
    { \
        const int64_t length = m * n > PT_WIDE ? PT_WIDE_PART : PT_PART, count = m * n; \
        double *total = NULL, *lost; \
        type *part; \
        if (k > 2 * length || (adds && (PT_ADDS_APART || scale == 0))) \
            total = malloc((size_t) count * (2 * sizeof(double) + sizeof(type))); \
        if (!total) { \
            pt_multiply_##type(a, b, c, m, n, k, 0, k, a_transposed, b_transposed, scale, adds); \
            return; \
        } \
        lost = total + count; \
        part = (type *) (lost + count); \
        for (int64_t j = 0; j < count; j++) { \
            total[j] = adds ? c[j] : 0.0; \
            lost[j] = 0.0; \
        } \
        for (int64_t first = 0; first < k; first += length) { \
            const int64_t last = first + length < k ? first + length : k; \
            pt_multiply_##type(a, b, part, m, n, k, first, last, a_transposed, b_transposed, 1, \
                               0); \
            for (int64_t j = 0; j < count; j++) { \
                const double term = (double) scale * part[j], sum = total[j] + term; \
                const double added = sum - total[j]; \
                lost[j] += (total[j] - (sum - added)) + (term - added); \
                total[j] = sum; \
            } \
        } \
        for (int64_t j = 0; j < count; j++) \
            c[j] = (type) (lost[j] - lost[j] == 0.0 ? total[j] + lost[j] : total[j]); \
        free(total); \
    }
PT_PRODUCT(double)
PT_PRODUCT(float)
#undef PT_PRODUCT
#undef PT_ADDS_APART

/* c = op(a) op(b), item by item, all row-major: c is m x n, op(a) m x k, op(b) k x n; and
 * c = base + scale op(a) op(b), where the base may be c. */
#define PT_GEMM(name, type) \
    PT_ROUTINE void name(const type *a, const type *b, type *c, int64_t batch, int64_t m, \
                         int64_t n, int64_t k, int64_t a_transposed, int64_t b_transposed) \
    { \
        for (int64_t item = 0; m && n && item < batch; item++) \
            if (k) \
                pt_product_##type(a + item * m * k, b + item * n * k, 1, c + item * m * n, m, n, \
                                  k, a_transposed, b_transposed, 0); \
            else \
                for (int64_t j = 0; j < m * n; j++) \
                    c[item * m * n + j] = 0; \
    }
#define PT_ADD_PRODUCT(name, type) \
    PT_ROUTINE void name(const type *a, const type *b, const type *scale, const type *base, \
                         type *c, int64_t batch, int64_t m, int64_t n, int64_t k, \
                         int64_t a_transposed, int64_t b_transposed) \
    { \
        if (base != c && batch * m * n > 0) \
            memcpy(c, base, (size_t) (batch * m * n) * sizeof(type)); \
        for (int64_t item = 0; m && n && k && item < batch; item++) \
            pt_product_##type(a + item * m * k, b + item * n * k, *scale, c + item * m * n, m, n, \
                              k, a_transposed, b_transposed, 1); \
    }
PT_GEMM(pt_gemm, double)
PT_GEMM(pt_gemm_float32, float)
PT_ADD_PRODUCT(pt_add_product, double)
PT_ADD_PRODUCT(pt_add_product_float32, float)
#undef PT_GEMM
#undef PT_ADD_PRODUCT

/* The lower factor, row by row, in place of the lower triangle; 1 where there is none. */
PT_ROUTINE int pt_factor(double *x, int64_t n)
{
#ifdef PT_LAPACK
    const int size = (int) n;
    int info = 0;
    PT_FORTRAN(dpotrf)("U", &size, x, &size, &info);
    for (int64_t i = 0; i < n; i++)
        info |= !(x[i * n + i] < PT_INF);
    return info != 0;
#else
    for (int64_t i = 0; i < n; i++) {
        double *row = x + i * n;
        for (int64_t j = 0; j <= i; j++) {
            const double *other = x + j * n;
            double sum = row[j];
            for (int64_t k = 0; k < j; k++)
                sum -= row[k] * other[k];
            if (j < i)
                row[j] = sum / other[j];
            else if (sum > 0.0 && sum < PT_INF)
                row[j] = PT_SQRT(sum);
            else
                return 1;
        }
    }
    return 0;
#endif
}

/* out: the lower factor of each n x n item of a, all nan where it is not positive definite. */
PT_ROUTINE void pt_cholesky(const double *a, double *out, int64_t batch, int64_t n)
{
    if (n <= PT_SMALL) {
        pt_small_cholesky(a, out, batch, n);
        return;
    }
    memcpy(out, a, (size_t) (batch * n * n) * sizeof(double));
    for (int64_t item = 0; item < batch; item++) {
        double *x = out + item * n * n;
        const int failed = pt_factor(x, n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = failed ? 0 : i + 1; j < n; j++)
                x[i * n + j] = failed ? PT_NAN : 0.0;
    }
}

/* The symmetric cotangent of each n x n item of which l is the lower factor, given that of l, of
 * which the upper triangle is not read. */
PT_ROUTINE void pt_cholesky_gradient(const double *l, const double *g, double *out, int64_t batch,
                                     int64_t n)
{
    if (n <= PT_SMALL) {
        pt_small_reverse(l, g, out, batch, n);
        return;
    }
    for (int64_t item = 0; item < batch; item++)
#ifdef PT_LAPACK
        pt_reverse_cholesky(l + item * n * n, g + item * n * n, out + item * n * n, n,
                            PT_FORTRAN(dgemm), PT_FORTRAN(dtrsm));
#else
        pt_reverse_cholesky(l + item * n * n, g + item * n * n, out + item * n * n, n, NULL, NULL);
#endif
}

/* x with t x = b in place of b, or t' x = b if `turned`, t being n x n and lower, or upper, b being
 * n x k; the diagonal of t counts as ones if `unit`. */
PT_ROUTINE void pt_solve_item(const double *t, double *x, int64_t n, int64_t k, int lower,
                              int turned, int unit)
{
#ifdef PT_LAPACK
    const int rows = (int) k, size = (int) n;
    const double one = 1.0;
    if (k == 1) { /* which sees t' */
        PT_FORTRAN(dtrsv)(lower ? "U" : "L", turned ? "N" : "T", unit ? "U" : "N", &size, t, &size,
                          x, &rows);
        return;
    }
    PT_FORTRAN(dtrsm)("R", lower ? "U" : "L", turned ? "T" : "N", unit ? "U" : "N", &rows, &size,
                      &one, t, &size, x, &rows);
#else
    const int down = lower != turned;
    for (int64_t step = 0; step < n; step++) {
        const int64_t i = down ? step : n - 1 - step;
        double *row = x + i * k;
        for (int64_t j = down ? 0 : i + 1, end = down ? i : n; j < end; j++) {
            const double factor = turned ? t[j * n + i] : t[i * n + j];
            for (int64_t c = 0; c < k; c++)
                row[c] -= factor * x[j * k + c];
        }
        for (int64_t c = 0; !unit && c < k; c++)
            row[c] /= t[i * n + i];
    }
#endif
}

#define PT_SOLVE(name, lower, turned) \
    PT_ROUTINE void name(const double *t, const double *b, double *out, int64_t batch, int64_t n, \
                         int64_t k) \
    { \
        if (n <= PT_SMALL) { \
            pt_small_solve(t, b, out, batch, n, k, lower, turned); \
            return; \
        } \
        if (!k) \
            return; \
        memcpy(out, b, (size_t) (batch * n * k) * sizeof(double)); \
        for (int64_t item = 0; item < batch; item++) \
            pt_solve_item(t + item * n * n, out + item * n * k, n, k, lower, turned, 0); \
    }
PT_SOLVE(pt_solve_lower, 1, 0)
PT_SOLVE(pt_solve_upper, 0, 0)
PT_SOLVE(pt_solve_lower_transposed, 1, 1)
PT_SOLVE(pt_solve_upper_transposed, 0, 1)
#undef PT_SOLVE

/* L and U in place of x, by partial pivoting: in order, row i is swapped with row pivots[i]. */
PT_ROUTINE void pt_pivot(double *x, int64_t *pivots, double *work, int64_t n)
{
#ifdef PT_LAPACK
    int *swapped = (int *) (work + n * n), size = (int) n, info = 0;
    pt_transpose(x, work, n, n);
    PT_FORTRAN(dgetrf)(&size, &size, work, &size, swapped, &info);
    pt_transpose(work, x, n, n);
    for (int64_t i = 0; i < n; i++)
        pivots[i] = swapped[i] - 1;
#else
    (void) work;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            best = PT_ABS(x[i * n + k]) > PT_ABS(x[best * n + k]) ? i : best;
        pivots[k] = best;
        for (int64_t j = 0; best != k && j < n; j++) {
            const double saved = x[k * n + j];
            x[k * n + j] = x[best * n + j];
            x[best * n + j] = saved;
        }
        for (int64_t i = k + 1; x[k * n + k] != 0.0 && i < n; i++) {
            const double factor = x[i * n + k] /= x[k * n + k];
            for (int64_t j = k + 1; j < n; j++)
                x[i * n + j] -= factor * x[k * n + j];
        }
    }
#endif
}

/* Row i of each n x n item of a is row rows[i] of L U; all nan, pivots and rows 0, where it is not
 * finite. */
PT_ROUTINE void pt_lu(const double *a, double *factor, int64_t *pivots, int64_t *rows,
                      double *work, int64_t batch, int64_t n)
{
    if (n <= PT_SMALL) {
        pt_small_lu(a, factor, pivots, rows, batch, n);
        return;
    }
    for (int64_t item = 0; item < batch; item++) {
        double *x = factor + item * n * n;
        int64_t *pivot = pivots + item * n, *row = rows + item * n;
        const int finite = pt_all_finite(a + item * n * n, n * n);
        memcpy(x, a + item * n * n, (size_t) (n * n) * sizeof *x);
        if (finite)
            pt_pivot(x, pivot, work, n);
        else
            pt_fill(x, n * n, PT_NAN);
        for (int64_t i = 0; i < n; i++) {
            pivot[i] = finite ? pivot[i] : 0;
            row[i] = finite ? i : 0;
        }
        for (int64_t i = n - 1; finite && i >= 0; i--) {
            const int64_t saved = row[i];
            row[i] = row[pivot[i]];
            row[pivot[i]] = saved;
        }
    }
}

/* Whether an n x n triangle has a zero on its diagonal. */
static inline int pt_is_singular(const double *f, int64_t n)
{
    int found = 0;
    for (int64_t i = 0; i < n; i++)
        found |= f[i * n + i] == 0.0;
    return found;
}

/* out: x with a x = b for each item, a being n x n with the factors and rows of pt_lu, b being
 * n x k; all nan where a is singular. */
PT_ROUTINE void pt_solve_factored(const double *factor, const int64_t *rows, const double *b,
                                  double *out, double *work, int64_t batch, int64_t n, int64_t k)
{
    (void) work;
    if (n <= PT_SMALL) {
        pt_small_factored(factor, rows, b, out, batch, n, k, 0);
        return;
    }
    for (int64_t item = 0; k && item < batch; item++) {
        const double *f = factor + item * n * n, *right = b + item * n * k;
        double *x = out + item * n * k;
        memcpy(x, right, (size_t) (n * k) * sizeof *x);
        for (int64_t i = 0; i < n; i++)
            memcpy(x + rows[item * n + i] * k, right + i * k, (size_t) k * sizeof *x);
        pt_solve_item(f, x, n, k, 1, 0, 1);
        pt_solve_item(f, x, n, k, 0, 0, 0);
        if (pt_is_singular(f, n))
            pt_fill(x, n * k, PT_NAN);
    }
}

/* As pt_solve_factored, for a' x = b. */
PT_ROUTINE void pt_solve_factored_transposed(const double *factor, const int64_t *rows,
                                             const double *b, double *out, double *work,
                                             int64_t batch, int64_t n, int64_t k)
{
    if (n <= PT_SMALL) {
        pt_small_factored(factor, rows, b, out, batch, n, k, 1);
        return;
    }
    for (int64_t item = 0; k && item < batch; item++) {
        const double *f = factor + item * n * n;
        double *x = out + item * n * k;
        memcpy(work, b + item * n * k, (size_t) (n * k) * sizeof *x);
        pt_solve_item(f, work, n, k, 0, 1, 0);
        pt_solve_item(f, work, n, k, 1, 1, 1);
        for (int64_t i = 0; i < n; i++)
            memcpy(x + i * k, work + rows[item * n + i] * k, (size_t) k * sizeof *x);
        if (pt_is_singular(f, n))
            pt_fill(x, n * k, PT_NAN);
    }
}

#ifdef PT_LAPACK
/* The eigenvalues of each symmetric n x n item of a, ascending, and its eigenvectors in columns; of
 * a the lower triangle is read. All nan where that is not finite, or dsyevd does not converge. */
PT_ROUTINE void pt_eigh(const double *a, double *values, double *vectors, double *work,
                        int64_t batch, int64_t n)
{
    const int size = (int) n, reals = (int) (1 + 6 * n + 2 * n * n), integers = (int) (3 + 5 * n);
    for (int64_t item = 0; n && item < batch; item++) {
        const double *x = a + item * n * n;
        double *value = values + item * n, *vector = vectors + item * n * n;
        int info = 0;
        for (int64_t i = 0; i < n; i++) {
            info |= !pt_all_finite(x + i * n, i + 1);
            for (int64_t j = 0; j <= i; j++)
                vector[j * n + i] = x[i * n + j];
        }
        if (!info)
            PT_FORTRAN(dsyevd)("V", "L", &size, vector, &size, value, work, &reals,
                               (int *) (work + reals), &integers, &info);
        if (info) {
            pt_fill(value, n, PT_NAN);
            pt_fill(vector, n * n, PT_NAN);
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) {
                const double saved = vector[i * n + j];
                vector[i * n + j] = vector[j * n + i];
                vector[j * n + i] = saved;
            }
    }
}

/* a = q r for each m x n item: with k = min(m, n), q is m x k with orthonormal columns and r k x n
 * and upper triangular; all nan where a is not finite. */
PT_ROUTINE void pt_qr(const double *a, double *q, double *r, double *work, int64_t batch,
                      int64_t m, int64_t n)
{
    const int64_t k = m < n ? m : n;
    const int rows = (int) m, columns = (int) n, inner = (int) k, room = (int) (32 * n);
    double *reflectors = work + m * n, *spare = reflectors + k;
    for (int64_t item = 0; k && item < batch; item++) {
        const double *x = a + item * m * n;
        int info = !pt_all_finite(x, m * n);
        pt_transpose(x, work, m, n);
        if (!info)
            PT_FORTRAN(dgeqrf)(&rows, &columns, work, &rows, reflectors, spare, &room, &info);
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < n; j++)
                r[(item * k + i) * n + j] = info ? PT_NAN : i <= j ? work[j * m + i] : 0.0;
        if (!info)
            PT_FORTRAN(dorgqr)(&rows, &inner, &inner, work, &rows, reflectors, spare, &room, &info);
        if (info)
            pt_fill(q + item * m * k, m * k, PT_NAN);
        else
            pt_transpose(work, q + item * m * k, k, m);
    }
}
#endif

/* The cumulative sums of each item of n numbers, compensated for rounding errors while finite. */
PT_ROUTINE void pt_cumsum(const double *x, double *out, int64_t batch, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        double total = 0.0, lost = 0.0;
        for (int64_t i = item * n; i < (item + 1) * n; i++) {
            const double sum = total + x[i], added = sum - total;
            lost += (total - (sum - added)) + (x[i] - added);
            total = sum;
            out[i] = lost - lost == 0.0 ? total + lost : total;
        }
    }
}

/* The places of True in each item of n values, in ascending order, and n after them. */
PT_ROUTINE void pt_true_places(const uint8_t *mask, int64_t *out, int64_t batch, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        int64_t count = 0;
        for (int64_t i = 0; i < n; i++) {
            out[item * n + count] = i;
            count += mask[item * n + i] != 0;
        }
        for (int64_t i = count; i < n; i++)
            out[item * n + i] = n;
    }
}

#endif
