/* Cholesky factors of sparse symmetric matrices, and systems by them.
 *
 * All matrices are lower triangles with entries where the factor has them, column by column, rows
 * rising. `structure` is where: n; where each column begins (n + 1 numbers); of each entry its row
 * and its column; where each row begins (n + 1 numbers) and the entries of the rows, columns
 * rising. A column that has entries in rows i < j has an entry in row j of column i ("filled").
 * A structure that is none gives nan.
 *
 * Golub and Van Loan (2013), Matrix Computations, 4.2.5 and 11.1; Davis (2006), Direct Methods for
 * Sparse Linear Systems, chapter 4. The factor is computed column by column, of the columns to its
 * left ("left-looking"), and its cotangent by the same loops in reverse order. */
#ifndef PT_SPARSE_H
#define PT_SPARSE_H

#include "pt_bands.h"

typedef struct {
    int64_t n;
    const int64_t *begins, *rows, *columns, *row_begins, *order;
} pt_structure;

/* Reads a structure of z entries from s numbers; 0 if its columns are none. */
PT_ROUTINE int pt_structure_open(pt_structure *of, const int64_t *numbers, int64_t z, int64_t s)
{
    const int64_t n = s > 0 ? numbers[0] : -1;
    if (n < 0 || n > z || s != 2 * n + 3 + 3 * z)
        return 0;
    of->n = n;
    of->begins = numbers + 1;
    of->rows = of->begins + n + 1;
    of->columns = of->rows + z;
    of->row_begins = of->columns + z;
    of->order = of->row_begins + n + 1;
    if (of->begins[0] != 0 || of->begins[n] != z)
        return 0;
    for (int64_t j = 0; j < n; j++) {
        const int64_t begin = of->begins[j], end = of->begins[j + 1];
        if (begin >= end || begin < 0 || end > z || of->rows[begin] != j)
            return 0;
        for (int64_t t = begin + 1; t < end; t++)
            if (of->rows[t] <= of->rows[t - 1] || of->rows[t] >= n)
                return 0;
    }
    return 1;
}

/* Whether the rows of a structure are those of its columns. */
PT_ROUTINE int pt_structure_rows(const pt_structure *of, int64_t z)
{
    const int64_t n = of->n;
    if (of->row_begins[0] != 0 || of->row_begins[n] != z)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t begin = of->row_begins[i], end = of->row_begins[i + 1];
        if (begin >= end || begin < 0 || end > z)
            return 0;
        for (int64_t u = begin; u < end; u++) {
            const int64_t t = of->order[u];
            if (t < 0 || t >= z || of->rows[t] != i)
                return 0;
            const int64_t k = of->columns[t];
            if (k < 0 || k > i || (k == i) != (u == end - 1) || t < of->begins[k]
                || t >= of->begins[k + 1])
                return 0;
        }
    }
    return 1;
}

PT_ROUTINE int pt_structure_read(pt_structure *of, const int64_t *numbers, int64_t z, int64_t s)
{
    return pt_structure_open(of, numbers, z, s) && pt_structure_rows(of, z);
}

/* The factor of a; 0 where a is not positive definite. */
PT_ROUTINE int pt_sparse_factor(const pt_structure *of, const double *a, double *l, double *w)
{
    for (int64_t j = 0; j < of->n; j++) {
        const int64_t begin = of->begins[j], end = of->begins[j + 1];
        for (int64_t t = begin; t < end; t++)
            w[of->rows[t]] = a[t];
        for (int64_t u = of->row_begins[j]; u < of->row_begins[j + 1] - 1; u++) {
            int64_t t = of->order[u];
            const int64_t last = of->begins[of->columns[t] + 1];
            const double factor = l[t];
            for (; t < last; t++)
                w[of->rows[t]] -= factor * l[t];
        }
        if (!(w[j] > 0.0 && w[j] < PT_INF))
            return 0;
        const double pivot = PT_SQRT(w[j]);
        l[begin] = pivot;
        for (int64_t t = begin + 1; t < end; t++)
            l[t] = w[of->rows[t]] / pivot;
    }
    return 1;
}

PT_ROUTINE void pt_sparse_cholesky(const double *a, const int64_t *structure, double *out,
                                   double *work, int64_t batch, int64_t z, int64_t s)
{
    for (int64_t item = 0; item < batch; item++, a += z, structure += s, out += z) {
        pt_structure of;
        pt_fill(work, z, 0.0);
        if (!pt_structure_read(&of, structure, z, s) || !pt_sparse_factor(&of, a, out, work))
            pt_fill(out, z, PT_NAN);
    }
}

/* What the factor changes by where the matrix changes by a: pt_sparse_factor, differentiated. */
PT_ROUTINE void pt_sparse_cholesky_tangent(const double *l, const int64_t *structure,
                                           const double *a, double *out, double *work,
                                           int64_t batch, int64_t z, int64_t s)
{
    for (int64_t item = 0; item < batch; item++, l += z, structure += s, a += z, out += z) {
        pt_structure of;
        double *w = work;
        if (!pt_structure_read(&of, structure, z, s)) {
            pt_fill(out, z, PT_NAN);
            continue;
        }
        pt_fill(w, z, 0.0);
        for (int64_t j = 0; j < of.n; j++) {
            const int64_t begin = of.begins[j], end = of.begins[j + 1];
            for (int64_t t = begin; t < end; t++)
                w[of.rows[t]] = a[t];
            for (int64_t u = of.row_begins[j]; u < of.row_begins[j + 1] - 1; u++) {
                int64_t t = of.order[u];
                const int64_t last = of.begins[of.columns[t] + 1];
                const double factor = l[t], change = out[t];
                for (; t < last; t++)
                    w[of.rows[t]] -= change * l[t] + factor * out[t];
            }
            out[begin] = w[j] / (2.0 * l[begin]);
            for (int64_t t = begin + 1; t < end; t++)
                out[t] = (w[of.rows[t]] - l[t] * out[begin]) / l[begin];
        }
    }
}

/* The cotangent of the entries of a matrix, given its factor and the cotangent g of that. */
PT_ROUTINE void pt_sparse_cholesky_cotangent(const double *l, const int64_t *structure,
                                             const double *g, double *out, double *work,
                                             int64_t batch, int64_t z, int64_t s)
{
    for (int64_t item = 0; item < batch; item++, l += z, structure += s, g += z, out += z) {
        pt_structure of;
        double *w = work;
        if (!pt_structure_read(&of, structure, z, s)) {
            pt_fill(out, z, PT_NAN);
            continue;
        }
        pt_fill(w, z, 0.0);
        for (int64_t t = 0; t < z; t++)
            out[t] = g[t];
        for (int64_t j = of.n - 1; j >= 0; j--) {
            const int64_t begin = of.begins[j], end = of.begins[j + 1];
            const double pivot = l[begin];
            double top = out[begin];
            for (int64_t t = begin + 1; t < end; t++) {
                const double share = out[t] / pivot;
                w[of.rows[t]] = share;
                top -= share * l[t];
            }
            w[j] = top / (2.0 * pivot);
            for (int64_t u = of.row_begins[j]; u < of.row_begins[j + 1] - 1; u++) {
                const int64_t first = of.order[u], last = of.begins[of.columns[first] + 1];
                const double factor = l[first];
                double sum = 0.0;
                for (int64_t t = first; t < last; t++) {
                    const double share = w[of.rows[t]];
                    out[t] -= share * factor;
                    sum += share * l[t];
                }
                out[first] -= sum;
            }
            for (int64_t t = begin; t < end; t++)
                out[t] = w[of.rows[t]];
        }
    }
}

/* out = x y' + y x' at the entries. */
PT_ROUTINE void pt_sparse_outer(const double *x, const int64_t *structure, const double *y,
                                double *out, double *work, int64_t batch, int64_t z, int64_t s)
{
    for (int64_t item = 0; item < batch; item++, x += z, structure += s, y += z, out += z) {
        pt_structure of;
        double *w = work;
        if (!pt_structure_read(&of, structure, z, s)) {
            pt_fill(out, z, PT_NAN);
            continue;
        }
        for (int64_t j = 0; j < of.n; j++) {
            for (int64_t t = of.begins[j]; t < of.begins[j + 1]; t++)
                w[of.rows[t]] = 0.0;
            for (int64_t u = of.row_begins[j]; u < of.row_begins[j + 1]; u++) {
                int64_t t = of.order[u];
                const int64_t last = of.begins[of.columns[t] + 1];
                const double own = x[t], other = y[t];
                for (; t < last; t++)
                    w[of.rows[t]] += x[t] * other + y[t] * own;
            }
            for (int64_t t = of.begins[j]; t < of.begins[j + 1]; t++)
                out[t] = w[of.rows[t]];
        }
    }
}

/* out = (x + x') y at the entries. */
PT_ROUTINE void pt_sparse_symmetric_product(const double *x, const int64_t *structure,
                                            const double *y, double *out, double *work,
                                            int64_t batch, int64_t z, int64_t s)
{
    for (int64_t item = 0; item < batch; item++, x += z, structure += s, y += z, out += z) {
        pt_structure of;
        double *w = work, *column = work + z;
        if (!pt_structure_read(&of, structure, z, s)) {
            pt_fill(out, z, PT_NAN);
            continue;
        }
        pt_fill(work, 2 * z, 0.0);
        for (int64_t k = 0; k < of.n; k++) {
            const int64_t begin = of.begins[k], end = of.begins[k + 1];
            for (int64_t t = begin; t < end; t++)
                column[of.rows[t]] = y[t];
            for (int64_t t = begin; t < end; t++) {
                const int64_t j = of.rows[t];
                double sum = 0.0;
                for (int64_t v = of.begins[j]; v < of.begins[j + 1]; v++) {
                    w[of.rows[v]] += x[v] * y[t];
                    sum += x[v] * column[of.rows[v]];
                }
                w[j] += sum;
            }
            for (int64_t t = begin; t < end; t++)
                out[t] = w[of.rows[t]];
            for (int64_t t = begin; t < end; t++) {
                const int64_t j = of.rows[t];
                column[j] = 0.0;
                for (int64_t v = of.begins[j]; v < of.begins[j + 1]; v++)
                    w[of.rows[v]] = 0.0;
            }
        }
    }
}

/* l x = b for k columns. */
PT_ROUTINE void pt_solve_sparse_lower(const double *l, const int64_t *structure, const double *b,
                                      double *out, int64_t batch, int64_t z, int64_t s, int64_t n,
                                      int64_t k)
{
    for (int64_t item = 0; item < batch; item++, l += z, structure += s, b += n * k, out += n * k) {
        pt_structure of;
        if (!pt_structure_open(&of, structure, z, s) || of.n != n) {
            pt_fill(out, n * k, PT_NAN);
            continue;
        }
        for (int64_t t = 0; t < n * k; t++)
            out[t] = b[t];
        for (int64_t j = 0; j < n; j++) {
            double *own = out + j * k;
            for (int64_t c = 0; c < k; c++)
                own[c] /= l[of.begins[j]];
            for (int64_t t = of.begins[j] + 1; t < of.begins[j + 1]; t++) {
                double *row = out + of.rows[t] * k;
                for (int64_t c = 0; c < k; c++)
                    row[c] -= l[t] * own[c];
            }
        }
    }
}

/* l' x = b for k columns. */
PT_ROUTINE void pt_solve_sparse_lower_transposed(const double *l, const int64_t *structure,
                                                 const double *b, double *out, int64_t batch,
                                                 int64_t z, int64_t s, int64_t n, int64_t k)
{
    for (int64_t item = 0; item < batch; item++, l += z, structure += s, b += n * k, out += n * k) {
        pt_structure of;
        if (!pt_structure_open(&of, structure, z, s) || of.n != n) {
            pt_fill(out, n * k, PT_NAN);
            continue;
        }
        for (int64_t t = 0; t < n * k; t++)
            out[t] = b[t];
        for (int64_t j = n - 1; j >= 0; j--) {
            double *own = out + j * k;
            for (int64_t t = of.begins[j] + 1; t < of.begins[j + 1]; t++) {
                const double *row = out + of.rows[t] * k;
                for (int64_t c = 0; c < k; c++)
                    own[c] -= l[t] * row[c];
            }
            for (int64_t c = 0; c < k; c++)
                own[c] /= l[of.begins[j]];
        }
    }
}

#endif
