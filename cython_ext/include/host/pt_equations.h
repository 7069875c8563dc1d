/* Equations of Sylvester, square roots and logarithms of matrices by their Schur forms, by LAPACK;
 * and updates of Cholesky factors, in plain C.
 *
 * LAPACK sees transposed matrices. The transposed equation of Sylvester has a and b in each other's
 * place; the square root and the logarithm of the transpose are those transposed.
 */
#ifndef PT_EQUATIONS_H
#define PT_EQUATIONS_H

#include "pt_lapack.h"

#ifdef PT_HAS_LAPACK

/* Arguments of a call, of which each piece is an item; `room` is that of an item in `work`. */
typedef struct {
    const double *a, *b, *q;
    double *out, *work;
    int64_t m, n, room;
} pt_equation;

/* x as vectors t vectors', with t in its place; `work` has 37 n doubles. 0 if it fails. */
PT_ROUTINE int pt_schur_of(double *x, double *vectors, double *work, int64_t n)
{
    const int size = (int) n, room = (int) (34 * n);
    int chosen = 0, info = 0;
    PT_CALL(dgees)("V", "N", NULL, &size, x, &size, &chosen, work, work + n, vectors, &size,
                   work + 2 * n, &room, (int *) (work + 36 * n), &info);
    return info == 0;
}

/* c = op(a) op(b): m x n, over k terms. */
PT_ROUTINE void pt_product(double *c, const double *a, int a_turned, const double *b, int b_turned,
                           int64_t m, int64_t n, int64_t k)
{
    const int rows = (int) m, columns = (int) n, inner = (int) k;
    const int a_step = (int) (a_turned ? k : m), b_step = (int) (b_turned ? n : k);
    const double one = 1.0, zero = 0.0;
    PT_CALL(dgemm)(a_turned ? "T" : "N", b_turned ? "T" : "N", &rows, &columns, &inner, &one, a,
                   &a_step, b, &b_step, &zero, c, &rows);
}

/* q becomes x with b x + x a = q, x being n x m: all as LAPACK sees them. a and b are changed. */
PT_ROUTINE int pt_solve_sylvester(double *a, double *b, double *q, double *work, int64_t m,
                                  int64_t n)
{
    double *a_vectors = work, *b_vectors = a_vectors + m * m;
    double *half = b_vectors + n * n, *rest = half + m * n;
    const int rows = (int) n, columns = (int) m, sign = 1;
    int info = 0;
    double scale = 1.0;
    if (!pt_schur_of(a, a_vectors, rest, m) || !pt_schur_of(b, b_vectors, rest, n))
        return 0;
    pt_product(half, b_vectors, 1, q, 0, n, m, n);
    pt_product(q, half, 0, a_vectors, 0, n, m, m);
    PT_CALL(dtrsyl)("N", "N", &sign, &rows, &columns, b, &rows, a, &columns, q, &rows, &scale,
                    &info);
    if (info)
        return 0;
    for (int64_t i = 0; scale != 1.0 && i < m * n; i++)
        q[i] /= scale;
    pt_product(half, b_vectors, 0, q, 0, n, m, n);
    pt_product(q, half, 0, a_vectors, 1, n, m, m);
    return 1;
}

PT_ROUTINE void pt_sylvester_piece(void *context, int64_t item)
{
    const pt_equation *p = (const pt_equation *) context;
    const int64_t m = p->m, n = p->n;
    double *a = p->work + item * p->room, *b = a + m * m, *out = p->out + item * m * n;
    memcpy(a, p->a + item * m * m, (size_t) (m * m) * sizeof *a);
    memcpy(b, p->b + item * n * n, (size_t) (n * n) * sizeof *b);
    memcpy(out, p->q + item * m * n, (size_t) (m * n) * sizeof *out);
    if (!pt_all_finite(a, m * m + n * n) || !pt_all_finite(out, m * n)
            || !pt_solve_sylvester(a, b, out, b + n * n, m, n))
        pt_fill(out, m * n, PT_NAN);
}

/* out: x with a x + x b = q for each item: a is m x m, b n x n. All nan where one is not finite, or
 * eigenvalues of a and -b are equal to rounding. */
PT_ROUTINE void pt_sylvester(const double *a, const double *b, const double *q, double *out,
                             double *work, int64_t batch, int64_t m, int64_t n)
{
    const int64_t most = m > n ? m : n;
    pt_equation p = {a, b, q, out, work, m, n, 2 * m * m + 2 * n * n + m * n + 37 * most};
    if (m && n)
        pt_run((double) batch * most * most * most >= PT_LARGE / 32, pt_sylvester_piece, &p,
               batch);
}

/* The root of a block of one value, or of two conjugate ones (Higham 1987, Linear Algebra Appl.
 * 88/89, 3); 0 where it is not real. Values above -tiny count as 0. */
PT_ROUTINE int pt_root_of_block(const double *t, double *r, int64_t step, int64_t size,
                                double tiny)
{
    double real, imag, alpha;
    if (size == 1) {
        r[0] = sqrt(t[0] > 0.0 ? t[0] : 0.0);
        return t[0] >= -tiny;
    }
    real = (t[0] + t[step + 1]) / 2.0;
    imag = (t[0] - t[step + 1]) / 2.0;
    imag = sqrt(PT_ABS(imag * imag + t[1] * t[step]));
    alpha = sqrt(real * real + imag * imag);
    alpha = real > 0.0 ? sqrt((alpha + real) / 2.0) : imag / sqrt(2.0 * (alpha - real));
    r[0] = alpha + (t[0] - real) / (2.0 * alpha);
    r[1] = t[1] / (2.0 * alpha);
    r[step] = t[step] / (2.0 * alpha);
    r[step + 1] = alpha + (t[step + 1] - real) / (2.0 * alpha);
    return 1;
}

/* The number of values of the block of t at `first`: two where they are conjugate. */
PT_ROUTINE int64_t pt_block(const double *t, int64_t first, int64_t n)
{
    return first + 1 < n && t[first * n + first + 1] != 0.0 ? 2 : 1;
}

/* The root r of t, which is upper triangular but for blocks of two. Column by column of blocks: a
 * column x of the root solves R x + x r = t, R being the root so far and r that of its block. */
PT_ROUTINE int pt_root(const double *t, double *r, int64_t n)
{
    const int lead = (int) n, sign = 1;
    double tiny = 0.0;
    for (int64_t i = 0; i < n * n; i++)
        tiny = PT_ABS(t[i]) > tiny ? PT_ABS(t[i]) : tiny;
    tiny *= 1e-15 * (double) n;
    for (int64_t first = 0, width; first < n; first += width) {
        width = pt_block(t, first, n);
        for (int64_t j = first; j < first + width; j++)
            for (int64_t i = 0; i < n; i++)
                r[j * n + i] = i < first ? t[j * n + i] : 0.0;
        if (!pt_root_of_block(t + first * n + first, r + first * n + first, n, width, tiny))
            return 0;
        if (first) {
            const int rows = (int) first, columns = (int) width;
            int info = 0;
            double scale = 1.0;
            PT_CALL(dtrsyl)("N", "N", &sign, &rows, &columns, r, &lead, r + first * n + first,
                            &lead, r + first * n, &lead, &scale, &info);
            if (info || scale != 1.0)
                return 0;
        }
    }
    return 1;
}

PT_ROUTINE void pt_sqrtm_piece(void *context, int64_t item)
{
    const pt_equation *p = (const pt_equation *) context;
    const int64_t n = p->n;
    double *t = p->work + item * p->room, *vectors = t + n * n, *root = vectors + n * n;
    double *out = p->out + item * n * n;
    memcpy(t, p->a + item * n * n, (size_t) (n * n) * sizeof *t);
    if (!pt_all_finite(t, n * n) || !pt_schur_of(t, vectors, root + n * n, n)
            || !pt_root(t, root, n)) {
        pt_fill(out, n * n, PT_NAN);
        return;
    }
    pt_product(t, vectors, 0, root, 0, n, n, n);
    pt_product(out, t, 0, vectors, 1, n, n, n);
}

/* out: the principal square root of each n x n item of a; all nan where it is not finite, or has no
 * root that is real. */
PT_ROUTINE void pt_sqrtm(const double *a, double *out, double *work, int64_t batch, int64_t n)
{
    pt_equation p = {a, NULL, NULL, out, work, n, n, 3 * n * n + 37 * n};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 32, pt_sqrtm_piece, &p, batch);
}

/* The largest sum of absolute values of a column of t less the identity. */
PT_ROUTINE double pt_distance(const double *t, int64_t n)
{
    double most = 0.0;
    for (int64_t j = 0; j < n; j++) {
        double sum = 0.0;
        for (int64_t i = 0; i < n; i++)
            sum += PT_ABS(t[j * n + i] - (i == j));
        most = sum > most ? sum : most;
    }
    return most;
}

/* The logarithm of t, near the identity, in `out`: the integral of (t - 1) / (1 + x (t - 1)) over x
 * from 0 to 1 by seven points of Gauss and Legendre, which is the approximant of Pade of degree 7.
 * t is changed; `work` has 2 n n + n doubles. */
PT_ROUTINE int pt_log_near_one(double *t, double *out, double *work, int64_t n)
{
    static const double points[7] = {
        0.5, 0.5 - 0.4058451513773972 / 2, 0.5 + 0.4058451513773972 / 2,
        0.5 - 0.7415311855993945 / 2, 0.5 + 0.7415311855993945 / 2,
        0.5 - 0.9491079123427585 / 2, 0.5 + 0.9491079123427585 / 2,
    };
    static const double weights[7] = {
        0.4179591836734694 / 2, 0.3818300505051189 / 2, 0.3818300505051189 / 2,
        0.2797053914892766 / 2, 0.2797053914892766 / 2, 0.1294849661688697 / 2,
        0.1294849661688697 / 2,
    };
    double *system = work, *x = work + n * n;
    int *pivots = (int *) (x + n * n);
    const int size = (int) n;
    for (int64_t i = 0; i < n; i++)
        t[i * n + i] -= 1.0;
    pt_fill(out, n * n, 0.0);
    for (int k = 0; k < 7; k++) {
        int info = 0;
        for (int64_t i = 0; i < n * n; i++) {
            system[i] = points[k] * t[i];
            x[i] = t[i];
        }
        for (int64_t i = 0; i < n; i++)
            system[i * n + i] += 1.0;
        PT_CALL(dgetrf)(&size, &size, system, &size, pivots, &info);
        if (info)
            return 0;
        PT_CALL(dgetrs)("N", &size, &size, system, &size, pivots, x, &size, &info);
        for (int64_t i = 0; i < n * n; i++)
            out[i] += weights[k] * x[i];
    }
    return 1;
}

/* The logarithm of a Schur form t in `out`: that of a root near the identity, times a power of two.
 * Where a block is one value, its own logarithm. 0 where one is not positive. `work` has 3 n n
 * + 2 n doubles. Higham (2008), "Functions of Matrices", 11.5. */
PT_ROUTINE int pt_log_of_schur(double *t, double *out, double *work, int64_t n)
{
    double *other = work, *values = other + n * n, *rest = values + n, factor = 1.0;
    for (int64_t first = 0, width; first < n; first += width) {
        width = pt_block(t, first, n);
        if (width == 1 && !(t[first * n + first] > 0.0))
            return 0;
        for (int64_t i = first; i < first + width; i++)
            values[i] = width == 1 ? log(t[first * n + first]) : PT_NAN;
    }
    for (int roots = 0; !(pt_distance(t, n) <= 0.264); roots++) {
        double *saved = t;
        if (roots == 100 || !pt_root(t, other, n))
            return 0;
        t = other, other = saved;
        factor *= 2.0;
    }
    if (!pt_log_near_one(t, out, rest, n))
        return 0;
    for (int64_t i = 0; i < n * n; i++)
        out[i] *= factor;
    for (int64_t i = 0; i < n; i++)
        out[i * n + i] = values[i] == values[i] ? values[i] : out[i * n + i];
    return 1;
}

PT_ROUTINE void pt_logm_piece(void *context, int64_t item)
{
    const pt_equation *p = (const pt_equation *) context;
    const int64_t n = p->n;
    double *t = p->work + item * p->room, *vectors = t + n * n, *found = vectors + n * n;
    double *out = p->out + item * n * n;
    memcpy(t, p->a + item * n * n, (size_t) (n * n) * sizeof *t);
    if (!pt_all_finite(t, n * n) || !pt_schur_of(t, vectors, found + n * n, n)
            || !pt_log_of_schur(t, found, found + n * n, n)) {
        pt_fill(out, n * n, PT_NAN);
        return;
    }
    pt_product(t, vectors, 0, found, 0, n, n, n);
    pt_product(out, t, 0, vectors, 1, n, n, n);
}

/* out: the principal logarithm of each n x n item of a; all nan where it is not finite, or has a
 * real eigenvalue that is not positive. */
PT_ROUTINE void pt_logm(const double *a, double *out, double *work, int64_t batch, int64_t n)
{
    pt_equation p = {a, NULL, NULL, out, work, n, n, 6 * n * n + 37 * n};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 64, pt_logm_piece, &p, batch);
}

#endif

/* Column by column, by rotations (hyperbolic ones for a negative sign): Golub and Van Loan (2013),
 * "Matrix Computations", 6.5.4. */
PT_ROUTINE int pt_update(double *x, double *v, double sign, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        const double s = v[k] / x[k * n + k], square = 1.0 + sign * s * s, c = sqrt(square);
        if (!(square > 0.0))
            return 0;
        x[k * n + k] *= c;
        for (int64_t i = k + 1; i < n; i++) {
            x[i * n + k] = (x[i * n + k] + sign * s * v[i]) / c;
            v[i] = c * v[i] - s * x[i * n + k];
        }
    }
    return 1;
}

/* out: the lower factor of a a' + sign v v' for each item: a is n x n and lower, v has n numbers.
 * All nan where there is none. */
PT_ROUTINE void pt_cholesky_update(const double *a, const double *v, const double *sign,
                                   double *out, double *work, int64_t batch, int64_t n)
{
    for (int64_t item = 0; n && item < batch; item++) {
        double *x = out + item * n * n;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                x[i * n + j] = j <= i ? a[item * n * n + i * n + j] : 0.0;
        memcpy(work, v + item * n, (size_t) n * sizeof *v);
        if (!pt_all_finite(x, n * n) || !pt_all_finite(work, n)
                || !pt_update(x, work, sign[item], n))
            pt_fill(x, n * n, PT_NAN);
    }
}

#endif
