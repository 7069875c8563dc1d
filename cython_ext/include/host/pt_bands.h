/* Matrices of few diagonals, and those with equal elements along each of them.
 *
 * A lower band of r diagonals is r x n: bands[k n + j] is the element (j + k, j), and what lies
 * outside of the matrix is not read, and written as 0. Plain C, but for eigenvalues; systems of
 * many diagonals are LAPACK's where there is one, since it works by blocks.
 */
#ifndef PT_BANDS_H
#define PT_BANDS_H

#include "pt_lapack.h"

/* Arguments of a call, of which each piece is an item; `room` is that of an item in `work`. */
typedef struct {
    const double *a, *b, *c, *d;
    const int64_t *below;
    double *out, *second, *work;
    int64_t m, n, k, room;
} pt_banded;

/* a x = b by elimination with partial pivoting, as dgtsv has it: x in place of b; 0 where a pivot
 * is zero. All three diagonals are changed; `low` becomes the second one above the main one. */
PT_ROUTINE int pt_eliminate_tridiagonal(double *low, double *middle, double *high, double *b,
                                        int64_t n, int64_t k)
{
    for (int64_t i = 0; i < n - 1; i++) {
        double *row = b + i * k, *next = row + k;
        const int swap = !(PT_ABS(middle[i]) >= PT_ABS(low[i]));
        const double pivot = swap ? low[i] : middle[i], rest = swap ? middle[i] : low[i];
        const double factor = rest / pivot;
        if (pivot == 0.0)
            return 0;
        middle[i] = pivot;
        low[i] = 0.0;
        if (swap) {
            const double saved = middle[i + 1];
            middle[i + 1] = high[i] - factor * saved;
            high[i] = saved;
            if (i + 2 < n) {
                low[i] = high[i + 1];
                high[i + 1] = -factor * low[i];
            }
            for (int64_t c = 0; c < k; c++) {
                const double first = row[c];
                row[c] = next[c];
                next[c] = first - factor * row[c];
            }
        } else {
            middle[i + 1] -= factor * high[i];
            for (int64_t c = 0; c < k; c++)
                next[c] -= factor * row[c];
        }
    }
    if (middle[n - 1] == 0.0)
        return 0;
    for (int64_t i = n - 1; i >= 0; i--)
        for (int64_t c = 0; c < k; c++) {
            double x = b[i * k + c];
            if (i + 1 < n)
                x -= high[i] * b[(i + 1) * k + c];
            if (i + 2 < n)
                x -= low[i] * b[(i + 2) * k + c];
            b[i * k + c] = x / middle[i];
        }
    return 1;
}

PT_ROUTINE void pt_tridiagonal_piece(void *context, int64_t item)
{
    const pt_banded *p = (const pt_banded *) context;
    const int64_t n = p->n, k = p->k, l = n - 1;
    double *low = p->work + item * p->room, *middle = low + n, *high = middle + n;
    double *out = p->out + item * n * k;
    memcpy(low, p->a + item * p->m, (size_t) l * sizeof *low);
    memcpy(middle, p->b + item * n, (size_t) n * sizeof *low);
    memcpy(high, p->c + item * p->m, (size_t) l * sizeof *low);
    memcpy(out, p->d + item * n * k, (size_t) (n * k) * sizeof *out);
    if (!pt_eliminate_tridiagonal(low, middle, high, out, n, k))
        pt_fill(out, n * k, PT_NAN);
}

/* out: x with a x = b for each item, a being n x n with three diagonals, b being n x k; all nan
 * where a is singular. */
PT_ROUTINE void pt_solve_tridiagonal(const double *below, const double *middle,
                                     const double *above, const double *b, double *out,
                                     double *work, int64_t batch, int64_t l, int64_t n, int64_t k)
{
    pt_banded p = {below, middle, above, b, NULL, out, NULL, work, l, n, k, 3 * n};
    if (n && k)
        pt_run((double) batch * n * k >= PT_LARGE / 8, pt_tridiagonal_piece, &p, batch);
}

/* a x = b by elimination with partial pivoting: x in place of b. Element (i, j) of a is
 * bands[j step + r - 1 + i - j], with room above for what pivots bring; 0 where a pivot is zero. */
PT_ROUTINE int pt_eliminate_bands(double *bands, double *b, int64_t r, int64_t below, int64_t n,
                                  int64_t k)
{
    const int64_t step = r + below, reach = r - 1;
    for (int64_t i = 0; i < n; i++) {
        const int64_t last = i + below < n - 1 ? i + below : n - 1;
        const int64_t wide = i + reach < n - 1 ? i + reach : n - 1;
        double *column = bands + i * step + reach - i;
        int64_t best = i;
        for (int64_t row = i + 1; row <= last; row++)
            best = PT_ABS(column[row]) > PT_ABS(column[best]) ? row : best;
        if (column[best] == 0.0)
            return 0;
        for (int64_t j = i; best != i && j <= wide; j++) {
            double *x = bands + j * step + reach - j;
            const double saved = x[i];
            x[i] = x[best];
            x[best] = saved;
        }
        for (int64_t c = 0; best != i && c < k; c++) {
            const double saved = b[i * k + c];
            b[i * k + c] = b[best * k + c];
            b[best * k + c] = saved;
        }
        for (int64_t row = i + 1; row <= last; row++) {
            column[row] /= column[i];
            for (int64_t c = 0; c < k; c++)
                b[row * k + c] -= column[row] * b[i * k + c];
        }
        for (int64_t j = i + 1; j <= wide; j++) {
            double *x = bands + j * step + reach - j;
            for (int64_t row = i + 1; row <= last; row++)
                x[row] -= column[row] * x[i];
        }
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        const int64_t wide = i + reach < n - 1 ? i + reach : n - 1;
        for (int64_t j = i + 1; j <= wide; j++)
            for (int64_t c = 0; c < k; c++)
                b[i * k + c] -= bands[j * step + reach - j + i] * b[j * k + c];
        for (int64_t c = 0; c < k; c++)
            b[i * k + c] /= bands[i * step + reach];
    }
    return 1;
}

/* Up to this many diagonals, with those that pivots bring, elimination is faster than LAPACK's. */
#define PT_NARROW 12

PT_ROUTINE void pt_banded_piece(void *context, int64_t item)
{
    const pt_banded *p = (const pt_banded *) context;
    const int64_t r = p->m, n = p->n, k = p->k, below = p->below[item], above = r - 1 - below;
    double *bands = p->work + item * p->room, *out = p->out + item * n * k;
    const int64_t step = r + below;
    int info = 1;
    if (0 <= below && below < r) {
        for (int64_t j = 0; j < n; j++) {
            pt_fill(bands + j * step, below, 0.0);
            for (int64_t i = 0; i < r; i++) {
                const int inside = 0 <= j + i - above && j + i - above < n;
                bands[j * step + below + i] = inside ? p->a[(item * r + i) * n + j] : 0.0;
            }
        }
#ifdef PT_HAS_LAPACK
        if (step > PT_NARROW) {
            const int size = (int) n, columns = (int) k, lead = (int) step;
            const int lower = (int) below, upper = (int) above;
            double *b = bands + 2 * r * n;
            pt_transpose(p->b + item * n * k, b, n, k);
            PT_CALL(dgbsv)(&size, &lower, &upper, &columns, bands, &lead, (int *) (b + n * k), b,
                           &size, &info);
            if (!info)
                pt_transpose(b, out, k, n);
        } else
#endif
        {
            memcpy(out, p->b + item * n * k, (size_t) (n * k) * sizeof *out);
            info = !pt_eliminate_bands(bands, out, r, below, n, k);
        }
    }
    if (info)
        pt_fill(out, n * k, PT_NAN);
}

/* out: x with a x = b for each item: the r diagonals of a, n x n, are rows of `bands`, `below` of
 * them under the main one, as LAPACK has them; b is n x k. All nan where a is singular. */
PT_ROUTINE void pt_solve_banded(const double *bands, const double *b, const int64_t *below,
                                double *out, double *work, int64_t batch, int64_t r, int64_t n,
                                int64_t k)
{
    pt_banded p = {bands, b, NULL, NULL, below, out, NULL, work, r, n, k,
                   2 * r * n + n * k + n};
    if (n && k)
        pt_run((double) batch * n * (k + r) * r >= PT_LARGE, pt_banded_piece, &p, batch);
}

/* The columns of a lower band, one after the other, with 0 outside of the matrix. */
PT_ROUTINE void pt_band_columns(const double *bands, double *out, int64_t r, int64_t n)
{
    for (int64_t k = 0; k < r; k++)
        for (int64_t j = 0; j < n; j++)
            out[j * r + k] = j + k < n ? bands[k * n + j] : 0.0;
}

/* The factor of columns x, in their place; 0 where there is none. */
PT_ROUTINE int pt_band_factor(double *x, int64_t r, int64_t n)
{
    for (int64_t j = 0; j < n; j++, x += r) {
        const int64_t count = r < n - j ? r : n - j;
        if (!(x[0] > 0.0))
            return 0;
        x[0] = sqrt(x[0]);
        for (int64_t p = 1; p < count; p++)
            x[p] /= x[0];
        for (int64_t p = 1; p < count; p++)
            for (int64_t q = p; q < count; q++)
                x[p * r + q - p] -= x[p] * x[q];
    }
    return 1;
}

/* out: the lower factor of each symmetric positive definite item, n x n with r diagonals below and
 * on the main one, as a band; all nan where it is none, or not finite. */
PT_ROUTINE void pt_cholesky_banded(const double *a, double *out, double *work, int64_t batch,
                                   int64_t r, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        double *found = out + item * r * n;
        pt_band_columns(a + item * r * n, work, r, n);
        if (pt_all_finite(work, r * n) && pt_band_factor(work, r, n))
            pt_transpose(work, found, n, r);
        else
            pt_fill(found, r * n, PT_NAN);
    }
}

/* out: what the factor of a matrix changes by where the matrix changes by a, both bands. With L the
 * factor, out solves L out' + out L' = a: pt_band_factor, differentiated. */
PT_ROUTINE void pt_cholesky_banded_tangent(const double *factor, const double *a, double *out,
                                           double *work, int64_t batch, int64_t r, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        double *l = work, *y = work + r * n;
        pt_band_columns(factor + item * r * n, l, r, n);
        pt_band_columns(a + item * r * n, y, r, n);
        for (int64_t j = 0; j < n; j++, l += r, y += r) {
            const int64_t count = r < n - j ? r : n - j;
            y[0] /= 2.0 * l[0];
            for (int64_t p = 1; p < count; p++)
                y[p] = (y[p] - l[p] * y[0]) / l[0];
            for (int64_t p = 1; p < count; p++)
                for (int64_t q = p; q < count; q++)
                    y[p * r + q - p] -= y[p] * l[q] + l[p] * y[q];
        }
        pt_transpose(work + r * n, out + item * r * n, n, r);
    }
}

/* out: the cotangent of the elements of a matrix, each of which counts once, given its factor and
 * the cotangent of that, all bands: the transpose of pt_cholesky_banded_tangent. */
PT_ROUTINE void pt_cholesky_banded_cotangent(const double *factor, const double *g, double *out,
                                             double *work, int64_t batch, int64_t r, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        double *l = work + (n - 1) * r, *x = l + r * n;
        pt_band_columns(factor + item * r * n, work, r, n);
        pt_band_columns(g + item * r * n, work + r * n, r, n);
        for (int64_t j = n - 1; j >= 0; j--, l -= r, x -= r) {
            const int64_t count = r < n - j ? r : n - j;
            for (int64_t p = 1; p < count; p++)
                for (int64_t q = p; q < count; q++) {
                    const double later = x[p * r + q - p];
                    x[p] -= later * l[q];
                    x[q] -= later * l[p];
                }
            for (int64_t p = 1; p < count; p++) {
                x[p] /= l[0];
                x[0] -= x[p] * l[p];
            }
            x[0] /= 2.0 * l[0];
        }
        pt_transpose(work + r * n, out + item * r * n, n, r);
    }
}

/* out: x with l x = b for each item, l being n x n and lower, a band of r diagonals; b is n x k. */
PT_ROUTINE void pt_solve_lower_band(const double *bands, const double *b, double *out,
                                    int64_t batch, int64_t r, int64_t n, int64_t k)
{
    for (int64_t item = 0; item < batch; item++) {
        const double *l = bands + item * r * n;
        double *x = out + item * n * k;
        memcpy(x, b + item * n * k, (size_t) (n * k) * sizeof *x);
        for (int64_t i = 0; i < n; i++, x += k) {
            for (int64_t p = i < r - 1 ? i : r - 1; p > 0; p--)
                for (int64_t c = 0; c < k; c++)
                    x[c] -= l[p * n + i - p] * x[c - p * k];
            for (int64_t c = 0; c < k; c++)
                x[c] /= l[i];
        }
    }
}

/* As pt_solve_lower_band, for l' x = b. */
PT_ROUTINE void pt_solve_lower_band_transposed(const double *bands, const double *b, double *out,
                                               int64_t batch, int64_t r, int64_t n, int64_t k)
{
    for (int64_t item = 0; item < batch; item++) {
        const double *l = bands + item * r * n;
        double *x = out + item * n * k;
        memcpy(x, b + item * n * k, (size_t) (n * k) * sizeof *x);
        for (int64_t i = n - 1; i >= 0; i--) {
            for (int64_t p = n - 1 - i < r - 1 ? n - 1 - i : r - 1; p > 0; p--)
                for (int64_t c = 0; c < k; c++)
                    x[i * k + c] -= l[p * n + i] * x[(i + p) * k + c];
            for (int64_t c = 0; c < k; c++)
                x[i * k + c] /= l[i];
        }
    }
}

/* x with t x = b in place of b, n x k, for t with the first column c and the first row r, whose
 * first element is not read; 0 where a leading block is singular. `first` and `last` have n
 * doubles: the first and the last column of the inverse of each leading block. */
PT_ROUTINE int pt_levinson(const double *c, const double *r, double *x, double *first,
                           double *last, int64_t n, int64_t k)
{
    if (c[0] == 0.0)
        return 0;
    first[0] = last[0] = 1.0 / c[0];
    for (int64_t j = 0; j < k; j++)
        x[j] *= first[0];
    for (int64_t m = 1; m < n; m++) {
        double below = 0.0, above = 0.0, rest, scale;
        for (int64_t i = 0; i < m; i++) {
            below += c[m - i] * first[i];
            above += r[i + 1] * last[i];
        }
        rest = 1.0 - below * above;
        if (rest == 0.0)
            return 0;
        scale = 1.0 / rest;
        first[m] = last[m] = 0.0;
        for (int64_t i = m; i >= 0; i--) {
            const double head = first[i], tail = i ? last[i - 1] : 0.0;
            first[i] = (head - below * tail) * scale;
            last[i] = (tail - above * head) * scale;
        }
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < k; j++)
                x[m * k + j] -= c[m - i] * x[i * k + j];
        for (int64_t i = 0; i <= m; i++)
            for (int64_t j = 0; j < k; j++)
                x[i * k + j] = (i < m ? x[i * k + j] : 0.0) + last[i] * x[m * k + j];
    }
    return 1;
}

/* out: x with t x = b for each item, t being n x n with elements that are equal along diagonals,
 * and b n x k; all nan where a leading block is singular. Golub and Van Loan (2013), "Matrix
 * Computations", 4.7. */
PT_ROUTINE void pt_solve_toeplitz(const double *c, const double *r, const double *b, double *out,
                                  double *work, int64_t batch, int64_t n, int64_t k)
{
    for (int64_t item = 0; n && item < batch; item++) {
        double *x = out + item * n * k;
        memcpy(x, b + item * n * k, (size_t) (n * k) * sizeof *x);
        if (!pt_levinson(c + item * n, r + item * n, x, work, work + n, n, k))
            pt_fill(x, n * k, PT_NAN);
    }
}

#ifdef PT_HAS_LAPACK

PT_ROUTINE void pt_eig_banded_piece(void *context, int64_t item)
{
    const pt_banded *p = (const pt_banded *) context;
    const int64_t r = p->m, n = p->n, reals = p->second ? 1 + 5 * n + 2 * n * n : 2 * n;
    double *values = p->out + item * n, *bands = p->work + item * p->room;
    double *vectors = bands + r * n, *work = vectors + (p->second ? n * n : 0);
    const int size = (int) n, reach = (int) (r < n ? r - 1 : n - 1), step = (int) r;
    const int room = (int) reals, integers = p->second ? (int) (3 + 5 * n) : 1;
    int info = 1;
    pt_band_columns(p->a + item * r * n, bands, r, n);
    if (pt_all_finite(bands, r * n))
        PT_CALL(dsbevd)(p->second ? "V" : "N", "L", &size, &reach, bands, &step, values, vectors,
                        &size, work, &room, (int *) (work + reals), &integers, &info);
    if (info)
        pt_fill(values, n, PT_NAN);
    if (p->second && info)
        pt_fill(p->second + item * n * n, n * n, PT_NAN);
    else if (p->second)
        pt_transpose(vectors, p->second + item * n * n, n, n);
}

/* The eigenvalues of each symmetric n x n item, a lower band of r diagonals, ascending, and its
 * eigenvectors in columns; all nan where it is not finite. */
PT_ROUTINE void pt_eig_banded(const double *a, double *values, double *vectors, double *work,
                              int64_t batch, int64_t r, int64_t n)
{
    pt_banded p = {a, NULL, NULL, NULL, NULL, values, vectors, work, r, n, 0,
                   r * n + 3 * n * n + 8 * n + 4};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 4, pt_eig_banded_piece, &p, batch);
}

/* The eigenvalues of pt_eig_banded. */
PT_ROUTINE void pt_eigvals_banded(const double *a, double *values, double *work, int64_t batch,
                                  int64_t r, int64_t n)
{
    pt_banded p = {a, NULL, NULL, NULL, NULL, values, NULL, work, r, n, 0, r * n + 2 * n + 1};
    if (n)
        pt_run((double) batch * n * n * r >= PT_LARGE / 8, pt_eig_banded_piece, &p, batch);
}

PT_ROUTINE void pt_eigh_tridiagonal_piece(void *context, int64_t item)
{
    const pt_banded *p = (const pt_banded *) context;
    const int64_t n = p->n, reals = p->second ? 1 + 4 * n + n * n : 1;
    double *values = p->out + item * n, *off = p->work + item * p->room, *vectors = off + n;
    double *work = vectors + (p->second ? n * n : 0);
    const int size = (int) n, room = (int) reals, integers = p->second ? (int) (3 + 5 * n) : 1;
    int info = 1;
    memcpy(values, p->a + item * n, (size_t) n * sizeof *values);
    memcpy(off, p->b + item * n, (size_t) n * sizeof *off);
    if (pt_all_finite(values, n) && pt_all_finite(off, n - 1))
        PT_CALL(dstevd)(p->second ? "V" : "N", &size, values, off, vectors, &size, work, &room,
                        (int *) (work + reals), &integers, &info);
    if (info)
        pt_fill(values, n, PT_NAN);
    if (p->second && info)
        pt_fill(p->second + item * n * n, n * n, PT_NAN);
    else if (p->second)
        pt_transpose(vectors, p->second + item * n * n, n, n);
}

/* The eigenvalues of each symmetric n x n item of three diagonals, d and e, whose last element is
 * not read: ascending, and its eigenvectors in columns; all nan where it is not finite. */
PT_ROUTINE void pt_eigh_tridiagonal(const double *d, const double *e, double *values,
                                    double *vectors, double *work, int64_t batch, int64_t n)
{
    pt_banded p = {d, e, NULL, NULL, NULL, values, vectors, work, 0, n, 0,
                   2 * n * n + 8 * n + 3};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 4, pt_eigh_tridiagonal_piece, &p, batch);
}

/* The eigenvalues of pt_eigh_tridiagonal. */
PT_ROUTINE void pt_eigvalsh_tridiagonal(const double *d, const double *e, double *values,
                                        double *work, int64_t batch, int64_t n)
{
    pt_banded p = {d, e, NULL, NULL, NULL, values, NULL, work, 0, n, 0, n + 2};
    if (n)
        pt_run((double) batch * n * n >= PT_LARGE / 32, pt_eigh_tridiagonal_piece, &p, batch);
}

#endif

#endif
