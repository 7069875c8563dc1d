/* Exponentials of matrices, and their derivatives in a direction.
 *
 * Scaling and squaring with Pade approximants: Higham (2005), SIAM J. Matrix Anal. Appl. 26(4),
 * with the scaling of Al-Mohy and Higham (2009), same journal 31(3); the derivative by Al-Mohy and
 * Higham (2009), same journal 30(4). BLAS sees transposed matrices, and the results are those of
 * these. Without BLAS products and systems are plain loops.
 */
#ifndef PT_EXPONENTIAL_H
#define PT_EXPONENTIAL_H

#include "pt_lapack.h"

/* Numbers of matrices of an item in the workspace. */
#define PT_EXPM_PLAIN 8
#define PT_EXPM_BOTH 16

typedef struct {
    const double *a, *e;
    double *out, *work;
    int64_t n;
} pt_exponentials;

/* An item: its matrices, those of the derivative beside them. powers: a^0 (which has none), a^2,
 * a^4, a^6, a^8; moved: their derivatives. */
typedef struct {
    int64_t n;
    int slope;
    double *a, *e, *powers[5], *moved[5], *odd, *d_odd, *even, *d_even, *spare, *d_spare, *rest;
} pt_exponential;

/* c = a b + beta c */
PT_ROUTINE void pt_expm_multiply(double *c, const double *a, const double *b, double beta,
                                 int64_t n)
{
#ifdef PT_HAS_LAPACK
    const int size = (int) n;
    const double one = 1.0;
    PT_CALL(dgemm)("N", "N", &size, &size, &size, &one, a, &size, b, &size, &beta, c, &size);
#else
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = 0; i < n; i++)
            c[j * n + i] = beta == 0.0 ? 0.0 : beta * c[j * n + i];
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < n; i++)
                c[j * n + i] += a[k * n + i] * b[j * n + k];
    }
#endif
}

/* LU factors of x in its place, with partial pivoting; 0 where it is singular. */
PT_ROUTINE int pt_expm_factor(double *x, int *pivots, int64_t n)
{
#ifdef PT_HAS_LAPACK
    const int size = (int) n;
    int info = 0;
    PT_CALL(dgetrf)(&size, &size, x, &size, pivots, &info);
    return info == 0;
#else
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            best = PT_ABS(x[k * n + i]) > PT_ABS(x[k * n + best]) ? i : best;
        pivots[k] = (int) best;
        if (x[k * n + best] == 0.0)
            return 0;
        for (int64_t j = 0; best != k && j < n; j++) {
            const double saved = x[j * n + k];
            x[j * n + k] = x[j * n + best];
            x[j * n + best] = saved;
        }
        for (int64_t i = k + 1; i < n; i++)
            x[k * n + i] /= x[k * n + k];
        for (int64_t j = k + 1; j < n; j++)
            for (int64_t i = k + 1; i < n; i++)
                x[j * n + i] -= x[k * n + i] * x[j * n + k];
    }
    return 1;
#endif
}

/* b becomes x with a x = b, given the factors of a. */
PT_ROUTINE void pt_expm_solve(const double *factor, const int *pivots, double *b, int64_t n)
{
#ifdef PT_HAS_LAPACK
    const int size = (int) n;
    int info = 0;
    PT_CALL(dgetrs)("N", &size, &size, factor, &size, pivots, b, &size, &info);
#else
    for (int64_t column = 0; column < n; column++) {
        double *x = b + column * n;
        for (int64_t k = 0; k < n; k++) {
            const double saved = x[k];
            x[k] = x[pivots[k]];
            x[pivots[k]] = saved;
        }
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = k + 1; i < n; i++)
                x[i] -= factor[k * n + i] * x[k];
        for (int64_t k = n - 1; k >= 0; k--) {
            x[k] /= factor[k * n + k];
            for (int64_t i = 0; i < k; i++)
                x[i] -= factor[k * n + i] * x[k];
        }
    }
#endif
}

/* The largest sum of absolute values of a column. */
PT_ROUTINE double pt_expm_norm(const double *a, int64_t n)
{
    double most = 0.0;
    for (int64_t j = 0; j < n; j++) {
        double sum = 0.0;
        for (int64_t i = 0; i < n; i++)
            sum += PT_ABS(a[j * n + i]);
        most = sum > most ? sum : most;
    }
    return most;
}

/* a^(2 k) and its derivative, from lower powers. */
PT_ROUTINE void pt_expm_power(pt_exponential *t, int64_t k)
{
    const double *lower = k == 1 ? t->a : t->powers[k - 1];
    const double *last = k == 1 ? t->a : t->powers[1];
    pt_expm_multiply(t->powers[k], lower, last, 0.0, t->n);
    if (!t->slope)
        return;
    pt_expm_multiply(t->moved[k], lower, k == 1 ? t->e : t->moved[1], 0.0, t->n);
    pt_expm_multiply(t->moved[k], k == 1 ? t->e : t->moved[k - 1], last, 1.0, t->n);
}

/* The sum of c[2 k] powers[k] for first <= k <= last, plus unit times the identity. */
PT_ROUTINE void pt_expm_combine(double *out, double *const *powers, const double *c, int64_t first,
                                int64_t last, double unit, int64_t n)
{
    pt_fill(out, n * n, 0.0);
    for (int64_t k = first; k <= last; k++)
        for (int64_t i = 0; i < n * n; i++)
            out[i] += c[2 * k] * powers[k][i];
    for (int64_t i = 0; i < n; i++)
        out[i * n + i] += unit;
}

/* out += the sum of c[2 k] powers[k] times a^6, and its derivative. */
PT_ROUTINE void pt_expm_higher(pt_exponential *t, const double *c, double *out, double *d_out)
{
    const int64_t n = t->n;
    pt_expm_combine(t->odd, t->powers, c, 1, 3, 0.0, n);
    pt_expm_multiply(out, t->powers[3], t->odd, 1.0, n);
    if (!t->slope)
        return;
    pt_expm_multiply(d_out, t->moved[3], t->odd, 1.0, n);
    pt_expm_combine(t->d_odd, t->moved, c, 1, 3, 0.0, n);
    pt_expm_multiply(d_out, t->powers[3], t->d_odd, 1.0, n);
}

/* The approximants of degrees 3, 5, 7, 9 and 13. */
static const int pt_expm_degrees[5] = {3, 5, 7, 9, 13};

/* The odd and the even part of the numerator of an approximant, and their derivatives. Its
 * coefficients are (2 m - k)! m! / ((2 m)! k! (m - k)!). */
PT_ROUTINE void pt_expm_approximate(pt_exponential *t, int row)
{
    const int64_t n = t->n, last = row == 4 ? 3 : row + 1;
    const int degree = pt_expm_degrees[row];
    double b[14] = {1.0};
    for (int k = 1; k <= degree; k++)
        b[k] = b[k - 1] * (double) (degree - k + 1) / (double) (k * (2 * degree - k + 1));
    pt_expm_combine(t->spare, t->powers, b + 1, 1, last, b[1], n);
    pt_expm_combine(t->even, t->powers, b, 1, last, b[0], n);
    if (t->slope) {
        pt_expm_combine(t->d_spare, t->moved, b + 1, 1, last, 0.0, n);
        pt_expm_combine(t->d_even, t->moved, b, 1, last, 0.0, n);
    }
    if (row == 4) { /* the higher powers by a product with a^6 */
        pt_expm_higher(t, b + 7, t->spare, t->d_spare);
        pt_expm_higher(t, b + 6, t->even, t->d_even);
    }
    pt_expm_multiply(t->odd, t->a, t->spare, 0.0, n);
    if (t->slope) {
        pt_expm_multiply(t->d_odd, t->a, t->d_spare, 0.0, n);
        pt_expm_multiply(t->d_odd, t->e, t->spare, 1.0, n);
    }
}

/* Further halvings for what the norms of powers do not see: Al-Mohy and Higham (2009), 5.1, with
 * the norm of the power of |a| computed. */
PT_ROUTINE double pt_expm_more(const pt_exponential *t, int degree)
{
    const int64_t n = t->n;
    double *sums = t->rest, *next = t->rest + n, factor = -log2(pt_expm_norm(t->a, n));
    pt_fill(sums, n, 1.0);
    for (int k = 0; k <= 2 * degree; k++) {
        double most = 0.0;
        for (int64_t j = 0; j < n; j++) {
            next[j] = 0.0;
            for (int64_t i = 0; i < n; i++)
                next[j] += sums[i] * PT_ABS(t->a[j * n + i]);
            most = next[j] > most ? next[j] : most;
        }
        if (!(0.0 < most && most - most == 0.0))
            return 0.0;
        for (int64_t j = 0; j < n; j++) /* kept near 1 */
            sums[j] = next[j] / most;
        factor += log2(most);
    }
    for (int k = 1; k <= 2 * degree + 1; k++) /* 1 / (binomial(2 m, m) (2 m + 1)!) */
        factor -= log2((double) k);
    for (int k = 1; k <= degree; k++)
        factor -= log2((double) (degree + k) / (double) k);
    factor = ceil((factor + 53.0) / (2.0 * degree));
    return factor > 0.0 ? factor : 0.0;
}

PT_ROUTINE void pt_expm_scale(double *x, int64_t count, int halvings)
{
    const double factor = ldexp(1.0, -halvings);
    for (int64_t i = 0; i < count; i++)
        x[i] *= factor;
}

/* How often `size` is halved until it is at most `limit`. */
PT_ROUTINE int pt_expm_halvings(double size, double limit)
{
    return size > limit ? (int) ceil(log2(size / limit)) : 0;
}

/* The row of the approximant, with its powers computed for a over 2^halvings. The limits are the
 * norms up to which approximants are exact to rounding, and those up to which derivatives are. */
PT_ROUTINE int pt_expm_choose(pt_exponential *t, int *halvings)
{
    static const double theta[5] = {1.495585217958292e-2, 2.539398330063230e-1,
                                    9.504178996162932e-1, 2.097847961257068, 5.371920351148152};
    static const double ell[5] = {1.08e-2, 2.00e-1, 7.83e-1, 1.78, 4.74};
    const double *limits = t->slope ? ell : theta;
    const int64_t n = t->n;
    const double norm = pt_expm_norm(t->a, n);
    double size, second, third;
    int more;
    *halvings = 0;
    for (int row = 0; row < 4; row++)
        if (norm <= limits[row]) {
            for (int64_t k = 1; k <= row + 1; k++)
                pt_expm_power(t, k);
            return row;
        }
    if (t->slope) {
        *halvings = pt_expm_halvings(norm, ell[4]);
        pt_expm_scale(t->e, n * n, *halvings);
        pt_expm_scale(t->a, n * n, *halvings);
        for (int64_t k = 1; k < 4; k++)
            pt_expm_power(t, k);
        return 4;
    }
    /* Powers of what has a large norm are of that over a power of two, so that they do not
     * overflow. */
    *halvings = pt_expm_halvings(norm, 1e20);
    pt_expm_scale(t->a, n * n, *halvings);
    for (int64_t k = 1; k < 4; k++)
        pt_expm_power(t, k);
    second = sqrt(sqrt(pt_expm_norm(t->powers[2], n)));
    third = sqrt(cbrt(pt_expm_norm(t->powers[3], n)));
    size = second > third ? second : third;
    if (!*halvings && size <= theta[3] && pt_expm_more(t, 9) == 0.0) {
        pt_expm_power(t, 4);
        return 3;
    }
    more = pt_expm_halvings(size, theta[4]);
    pt_expm_scale(t->a, n * n, more);
    const int rest = (int) pt_expm_more(t, 13);
    pt_expm_scale(t->a, n * n, rest);
    more += rest;
    *halvings += more;
    for (int k = 1; k < 4; k++)
        pt_expm_scale(t->powers[k], n * n, 2 * k * more);
    return 4;
}

/* The approximant (even - odd)^-1 (even + odd) in `even`, its derivative in `d_even`. */
PT_ROUTINE int pt_expm_divide(pt_exponential *t)
{
    int *pivots = (int *) t->rest;
    for (int64_t i = 0; i < t->n * t->n; i++) {
        t->spare[i] = t->even[i] - t->odd[i];
        t->even[i] += t->odd[i];
        if (t->slope) {
            const double sum = t->d_even[i] + t->d_odd[i];
            t->d_odd[i] -= t->d_even[i];
            t->d_even[i] = sum;
        }
    }
    if (!pt_expm_factor(t->spare, pivots, t->n))
        return 0;
    pt_expm_solve(t->spare, pivots, t->even, t->n);
    if (t->slope) {
        pt_expm_multiply(t->d_even, t->d_odd, t->even, 1.0, t->n);
        pt_expm_solve(t->spare, pivots, t->d_even, t->n);
    }
    return 1;
}

PT_ROUTINE void pt_expm_square(pt_exponential *t, int times)
{
    double *saved;
    for (int k = 0; k < times; k++) {
        if (t->slope) {
            pt_expm_multiply(t->d_spare, t->even, t->d_even, 0.0, t->n);
            pt_expm_multiply(t->d_spare, t->d_even, t->even, 1.0, t->n);
            saved = t->d_even, t->d_even = t->d_spare, t->d_spare = saved;
            if (k == times - 1)
                return;
        }
        pt_expm_multiply(t->spare, t->even, t->even, 0.0, t->n);
        saved = t->even, t->even = t->spare, t->spare = saved;
    }
}

PT_ROUTINE void pt_expm_piece(void *context, int64_t item)
{
    const pt_exponentials *p = (const pt_exponentials *) context;
    const int64_t n = p->n, count = n * n;
    const int slope = p->e != NULL, matrices = slope ? PT_EXPM_BOTH : PT_EXPM_PLAIN;
    double *room = p->work + item * (matrices * count + 2 * n), *out = p->out + item * count;
    pt_exponential t = {0};
    double **places[16] = {
        &t.a, &t.odd, &t.even, &t.spare, &t.powers[1], &t.powers[2], &t.powers[3], &t.powers[4],
        &t.e, &t.d_odd, &t.d_even, &t.d_spare, &t.moved[1], &t.moved[2], &t.moved[3], &t.moved[4],
    };
    int halvings = 0;
    t.n = n, t.slope = slope;
    for (int k = 0; k < matrices; k++)
        *places[k] = room + k * count;
    t.rest = room + matrices * count;
    memcpy(t.a, p->a + item * count, (size_t) count * sizeof *t.a);
    if (slope)
        memcpy(t.e, p->e + item * count, (size_t) count * sizeof *t.e);
    if (!pt_all_finite(t.a, count) || (slope && !pt_all_finite(t.e, count))) {
        pt_fill(out, count, PT_NAN);
        return;
    }
    pt_expm_approximate(&t, pt_expm_choose(&t, &halvings));
    if (!pt_expm_divide(&t)) {
        pt_fill(out, count, PT_NAN);
        return;
    }
    pt_expm_square(&t, halvings);
    memcpy(out, slope ? t.d_even : t.even, (size_t) count * sizeof *out);
}

/* out: the exponential of each n x n item of a; all nan where it is not finite. */
PT_ROUTINE void pt_expm(const double *a, double *out, double *work, int64_t batch, int64_t n)
{
    pt_exponentials p = {a, NULL, out, work, n};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 8, pt_expm_piece, &p, batch);
}

/* out: the derivative of the exponential of each n x n item of a in the direction of that of e; all
 * nan where one is not finite. */
PT_ROUTINE void pt_expm_frechet(const double *a, const double *e, double *out, double *work,
                                int64_t batch, int64_t n)
{
    pt_exponentials p = {a, e, out, work, n};
    if (n)
        pt_run((double) batch * n * n * n >= PT_LARGE / 24, pt_expm_piece, &p, batch);
}

#endif
