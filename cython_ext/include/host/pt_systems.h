/* Inverses, adjugates and orders of pivots, in plain C or by LAPACK; forms of QR by LAPACK. */
#ifndef PT_SYSTEMS_H
#define PT_SYSTEMS_H

#include "pt_lapack.h"

/* Arguments of a call, of which each piece is an item. */
typedef struct {
    const double *a;
    double *out, *second, *work;
    int64_t m, n;
} pt_system;

/* The inverse of x in its place, and its determinant; 0, with x changed, if it is singular. LAPACK
 * sees the transpose, whose inverse is that of the transpose. `work` has 32 n doubles. */
PT_ROUTINE int pt_inverted(double *x, int *pivots, double *work, int64_t n, double *det)
{
#ifdef PT_HAS_LAPACK
    const int size = (int) n, room = (int) (32 * n);
    int info = 0;
    PT_CALL(dgetrf)(&size, &size, x, &size, pivots, &info);
    *det = 1.0;
    for (int64_t i = 0; i < n; i++)
        *det *= pivots[i] != i + 1 ? -x[i * n + i] : x[i * n + i];
    if (!info)
        PT_CALL(dgetri)(&size, x, &size, pivots, work, &room, &info);
    return info == 0;
#else
    /* Each column in turn is exchanged for one of the inverse (Gauss and Jordan). */
    (void) work;
    *det = 1.0;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            best = PT_ABS(x[i * n + k]) > PT_ABS(x[best * n + k]) ? i : best;
        const double pivot = x[best * n + k];
        *det *= best != k ? -pivot : pivot;
        pivots[k] = (int) best;
        if (pivot == 0.0)
            return 0;
        for (int64_t j = 0; best != k && j < n; j++) {
            const double saved = x[k * n + j];
            x[k * n + j] = x[best * n + j];
            x[best * n + j] = saved;
        }
        x[k * n + k] = 1.0;
        for (int64_t j = 0; j < n; j++)
            x[k * n + j] /= pivot;
        for (int64_t i = 0; i < n; i++) {
            const double factor = x[i * n + k];
            if (i == k)
                continue;
            x[i * n + k] = 0.0;
            for (int64_t j = 0; j < n; j++)
                x[i * n + j] -= factor * x[k * n + j];
        }
    }
    for (int64_t k = n - 1; k >= 0; k--)
        for (int64_t i = 0; pivots[k] != k && i < n; i++) {
            const double saved = x[i * n + k];
            x[i * n + k] = x[i * n + pivots[k]];
            x[i * n + pivots[k]] = saved;
        }
    return 1;
#endif
}

PT_ROUTINE void pt_inv_piece(void *context, int64_t item)
{
    const pt_system *p = (const pt_system *) context;
    const int64_t n = p->n;
    double *out = p->out + item * n * n, *work = p->work + item * 33 * n, det;
    memcpy(out, p->a + item * n * n, (size_t) (n * n) * sizeof *out);
    if (!pt_all_finite(out, n * n) || !pt_inverted(out, (int *) (work + 32 * n), work, n, &det))
        pt_fill(out, n * n, PT_NAN);
}

/* out: the inverse of each n x n item of a, all nan where it is singular or not finite. */
PT_ROUTINE void pt_inv(const double *a, double *out, double *work, int64_t batch, int64_t n)
{
    pt_system p = {a, out, NULL, work, n, n};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 2, pt_inv_piece, &p, batch);
}

PT_ROUTINE void pt_swap_rows(double *x, double *y, int64_t count, int64_t step)
{
    for (int64_t i = 0; i < count; i++) {
        const double saved = x[i * step];
        x[i * step] = y[i * step];
        y[i * step] = saved;
    }
}

/* LU of x with complete pivoting in its place, up to the last pivot; L^-1 P in `rows`, and the
 * place that each column came from. Gives the product of the pivots but the last, with the sign of
 * both permutations. */
PT_ROUTINE double pt_eliminate(double *x, double *rows, int64_t *columns, int64_t n)
{
    double product = 1.0;
    for (int64_t i = 0; i < n; i++) {
        columns[i] = i;
        for (int64_t j = 0; j < n; j++)
            rows[i * n + j] = i == j;
    }
    for (int64_t k = 0; k < n - 1; k++) {
        int64_t row = k, column = k;
        for (int64_t i = k; i < n; i++)
            for (int64_t j = k; j < n; j++)
                if (PT_ABS(x[i * n + j]) > PT_ABS(x[row * n + column]))
                    row = i, column = j;
        if (x[row * n + column] == 0.0)
            return 0.0;
        if (row != k) {
            pt_swap_rows(x + row * n, x + k * n, n, 1);
            pt_swap_rows(rows + row * n, rows + k * n, n, 1);
            product = -product;
        }
        if (column != k) {
            const int64_t saved = columns[column];
            pt_swap_rows(x + column, x + k, n, n);
            columns[column] = columns[k];
            columns[k] = saved;
            product = -product;
        }
        product *= x[k * n + k];
        for (int64_t i = k + 1; i < n; i++) {
            const double factor = x[i * n + k] / x[k * n + k];
            for (int64_t j = k; j < n; j++)
                x[i * n + j] -= factor * x[k * n + j];
            for (int64_t j = 0; j < n; j++)
                rows[i * n + j] -= factor * rows[k * n + j];
        }
    }
    return product;
}

/* P x Q = L U, so the adjugate is det(P) det(Q) Q adj(U) L^-1 P. With U = [[U1, u], [0, d]] that of
 * U is det(U1) [[d U1^-1, -U1^-1 u], [0, 1]]. */
PT_ROUTINE void pt_adjugate_of_singular(double *x, double *out, double *rows, int64_t *columns,
                                        int64_t n)
{
    const double product = pt_eliminate(x, rows, columns, n), last = x[n * n - 1];
    if (product == 0.0) {
        pt_fill(out, n * n, 0.0);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = n - 2; i >= 0; i--) {
            double sum = last * rows[i * n + j] - x[i * n + n - 1] * rows[n * n - n + j];
            for (int64_t k = i + 1; k < n - 1; k++)
                sum -= x[i * n + k] * rows[k * n + j];
            rows[i * n + j] = sum / x[i * n + i];
        }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            out[columns[i] * n + j] = product * rows[i * n + j];
}

PT_ROUTINE void pt_adjugate_piece(void *context, int64_t item)
{
    const pt_system *p = (const pt_system *) context;
    const int64_t n = p->n;
    const double *a = p->a + item * n * n;
    double *out = p->out + item * n * n, *work = p->work + item * (2 * n * n + 33 * n), det;
    double *rest = work + n * n + 32 * n;
    memcpy(out, a, (size_t) (n * n) * sizeof *a);
    if (!pt_all_finite(a, n * n))
        pt_fill(out, n * n, PT_NAN);
    else if (pt_inverted(out, (int *) rest, work, n, &det)) {
        for (int64_t i = 0; i < n * n; i++)
            out[i] *= det;
    } else {
        memcpy(rest + n, a, (size_t) (n * n) * sizeof *a);
        pt_adjugate_of_singular(rest + n, out, work, (int64_t *) rest, n);
    }
}

/* out: the adjugate of each n x n item of a, also where it is singular; all nan where it is not
 * finite. */
PT_ROUTINE void pt_adjugate(const double *a, double *out, double *work, int64_t batch, int64_t n)
{
    pt_system p = {a, out, NULL, work, n, n};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 2, pt_adjugate_piece, &p, batch);
}

/* out: the rows that each item of n pivots exchanges, in their new order: in turn, row i is swapped
 * with row pivots[i]; all 0 where one is no row. */
PT_ROUTINE void pt_pivot_order(const int64_t *pivots, int64_t *out, int64_t batch, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        const int64_t *swaps = pivots + item * n;
        int64_t *rows = out + item * n, valid = 1;
        for (int64_t i = 0; i < n; i++) {
            rows[i] = i;
            valid &= 0 <= swaps[i] && swaps[i] < n;
        }
        for (int64_t i = 0; i < n; i++) {
            const int64_t other = valid ? swaps[i] : i, saved = rows[i];
            rows[i] = valid ? rows[other] : 0;
            if (valid)
                rows[other] = saved;
        }
    }
}

#ifdef PT_HAS_LAPACK

PT_ROUTINE void pt_qr_full_piece(void *context, int64_t item)
{
    const pt_system *p = (const pt_system *) context;
    const int64_t m = p->m, n = p->n, k = m < n ? m : n, most = m < n ? n : m;
    double *q = p->out + item * m * m, *r = p->second + item * m * n;
    double *copy = p->work + item * (m * most + k + 32 * most);
    double *reflectors = copy + m * most, *work = reflectors + k;
    const int rows = (int) m, columns = (int) n, inner = (int) k, room = (int) (32 * most);
    int info = 1;
    if (pt_all_finite(p->a + item * m * n, m * n)) {
        pt_transpose(p->a + item * m * n, copy, m, n);
        PT_CALL(dgeqrf)(&rows, &columns, copy, &rows, reflectors, work, &room, &info);
    }
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            r[i * n + j] = info ? PT_NAN : i <= j ? copy[j * m + i] : 0.0;
    if (!info)
        PT_CALL(dorgqr)(&rows, &rows, &inner, copy, &rows, reflectors, work, &room, &info);
    if (info)
        pt_fill(q, m * m, PT_NAN);
    else
        pt_transpose(copy, q, m, m);
}

/* a = q r for each m x n item: q is m x m and orthogonal, r m x n and upper triangular; all nan
 * where a is not finite. */
PT_ROUTINE void pt_qr_full(const double *a, double *q, double *r, double *work, int64_t batch,
                           int64_t m, int64_t n)
{
    pt_system p = {a, q, r, work, m, n};
    if (m == 0)
        return;
    if (n == 0) {
        for (int64_t i = 0; i < batch * m * m; i++)
            q[i] = i % (m * m) % (m + 1) == 0;
        return;
    }
    pt_run((double) batch * m * m * (m > n ? m : n) >= PT_LARGE, pt_qr_full_piece, &p, batch);
}

/* The reflectors of dgeqrf for each m x n item, in n rows of m, and their factors. */
PT_ROUTINE void pt_qr_raw(const double *a, double *h, double *tau, double *work, int64_t batch,
                          int64_t m, int64_t n)
{
    const int64_t k = m < n ? m : n;
    const int rows = (int) m, columns = (int) n, room = (int) (32 * n);
    for (int64_t item = 0; k && item < batch; item++) {
        int info = 1;
        if (pt_all_finite(a + item * m * n, m * n)) {
            pt_transpose(a + item * m * n, h + item * m * n, m, n);
            PT_CALL(dgeqrf)(&rows, &columns, h + item * m * n, &rows, tau + item * k, work, &room,
                            &info);
        }
        if (info) {
            pt_fill(h + item * m * n, m * n, PT_NAN);
            pt_fill(tau + item * k, k, PT_NAN);
        }
    }
}

/* The order of columns in which QR with pivots takes each m x n item, by dgeqp3; 0, 1, ... where it
 * is not finite. */
PT_ROUTINE void pt_qr_order(const double *a, int64_t *order, double *work, int64_t batch,
                            int64_t m, int64_t n)
{
    const int64_t k = m < n ? m : n;
    double *reflectors = work + m * n;
    int *pivots = (int *) (reflectors + k);
    const int rows = (int) m, columns = (int) n, room = (int) (34 * n + 32);
    for (int64_t item = 0; item < batch; item++) {
        int info = 1;
        for (int64_t j = 0; j < n; j++)
            pivots[j] = 0;
        if (k && pt_all_finite(a + item * m * n, m * n)) {
            pt_transpose(a + item * m * n, work, m, n);
            PT_CALL(dgeqp3)(&rows, &columns, work, &rows, pivots, reflectors, reflectors + k + n,
                            &room, &info);
        }
        for (int64_t j = 0; j < n; j++)
            order[item * n + j] = info ? j : pivots[j] - 1;
    }
}

#endif

#endif
