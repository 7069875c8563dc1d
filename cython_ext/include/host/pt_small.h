/* Routines on matrices of up to PT_SMALL rows: loops of constant length, which compilers unroll.
 *
 * Several items are processed in the lanes of a vector, an element of the matrices in each vector;
 * a system of many right-hand sides has these in the lanes. No lane depends on another, and there
 * are no fused operations, so that results are the same for any width of the vectors of a processor
 * and any place in a batch.
 */
#ifndef PT_SMALL_H
#define PT_SMALL_H

#include <stdint.h>
#include "pt_base.h"

#define PT_SMALL 8

#if defined(__GNUC__)
#define PT_SMALL_FN static __attribute__((unused))
#else
#define PT_SMALL_FN static
#endif

#if defined(__GNUC__)
/* No vector is passed, as all is inlined. Never popped: gcc warns at the end of the unit. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define PT_LANES 8
typedef double pt_lanes __attribute__((vector_size(8 * PT_LANES)));
typedef int64_t pt_masks __attribute__((vector_size(8 * PT_LANES)));
#define PT_LANE(x, lane) ((x)[lane])
#define PT_CHOOSE(mask, x, y) \
    ((pt_lanes) (((mask) & (pt_masks) (x)) | (~(mask) & (pt_masks) (y))))
#define PT_CHOOSE_INTEGER(mask, x, y) (((mask) & (x)) | (~(mask) & (y)))
#else
#define PT_LANES 1
typedef double pt_lanes;
typedef int64_t pt_masks;
#define PT_LANE(x, lane) (x)
#define PT_CHOOSE(mask, x, y) ((mask) ? (x) : (y))
#define PT_CHOOSE_INTEGER(mask, x, y) ((mask) ? (x) : (y))
#endif

/* Vectors of the widest level that the processor has, where the library is built for all levels;
 * but not for sanitizers: that of threads is not there yet when the loader asks which level, and
 * with that of addresses gcc takes a minute for each. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && \
    !defined(__AVX2__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define PT_EACH_LEVEL __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define PT_EACH_LEVEL
#endif

/* name(arguments) by name_of(arguments, n), which is compiled for each size. */
#define PT_BY_SIZE(name, n, ...) \
    switch (n) { \
    case 1: name(__VA_ARGS__, 1); break; \
    case 2: name(__VA_ARGS__, 2); break; \
    case 3: name(__VA_ARGS__, 3); break; \
    case 4: name(__VA_ARGS__, 4); break; \
    case 5: name(__VA_ARGS__, 5); break; \
    case 6: name(__VA_ARGS__, 6); break; \
    case 7: name(__VA_ARGS__, 7); break; \
    case 8: name(__VA_ARGS__, 8); break; \
    default: break; \
    }

/* The element at `x`, of items `step` apart: of `count` of them, the last one in other lanes. */
PT_FN pt_lanes pt_take(const double *x, int64_t step, int64_t count)
{
    pt_lanes found = {0};
    if (count >= PT_LANES)
        for (int lane = 0; lane < PT_LANES; lane++)
            PT_LANE(found, lane) = x[lane * step];
    else
        for (int lane = 0; lane < PT_LANES; lane++)
            PT_LANE(found, lane) = x[(lane < count ? lane : count - 1) * step];
    return found;
}

PT_FN void pt_put(double *x, int64_t step, int64_t count, pt_lanes value)
{
    if (count >= PT_LANES)
        for (int lane = 0; lane < PT_LANES; lane++)
            x[lane * step] = PT_LANE(value, lane);
    else
        for (int lane = 0; lane < count; lane++)
            x[lane * step] = PT_LANE(value, lane);
}

PT_FN pt_lanes pt_same(double x)
{
    pt_lanes found = {0};
    for (int lane = 0; lane < PT_LANES; lane++)
        PT_LANE(found, lane) = x;
    return found;
}

/* Roots of numbers that are positive and finite; nan of others. */
PT_FN pt_lanes pt_lane_roots(pt_lanes x)
{
    double values[PT_LANES];
    for (int lane = 0; lane < PT_LANES; lane++)
        values[lane] = PT_LANE(x, lane);
    for (int lane = 0; lane < PT_LANES; lane++) {
        const double value = values[lane];
        values[lane] = PT_SQRT(value > 0.0 && value < PT_INF ? value : PT_NAN);
    }
    return pt_take(values, 1, PT_LANES);
}

/* ---- Cholesky factors ------------------------------------------------------------------------ */

PT_FN void pt_cholesky_lanes(const double *a, double *out, int64_t count, const int n)
{
    pt_lanes l[PT_SMALL * PT_SMALL], missing = pt_same(0.0);
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            pt_lanes sum = pt_take(a + i * n + j, n * n, count);
            for (int k = 0; k < j; k++)
                sum -= l[i * n + k] * l[j * n + k];
            if (i == j) {
                l[i * n + j] = pt_lane_roots(sum);
                missing += l[i * n + j] - l[i * n + j]; /* 0 or nan */
            } else {
                l[i * n + j] = sum / l[j * n + j];
            }
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            pt_put(out + i * n + j, n * n, count, j <= i ? l[i * n + j] + missing : missing);
}

PT_FN void pt_cholesky_items(const double *a, double *out, int64_t batch, const int n)
{
    for (int64_t item = 0; item < batch; item += PT_LANES)
        pt_cholesky_lanes(a + item * n * n, out + item * n * n, batch - item, n);
}

/* out: the lower factors of n x n items, all nan where there is none. */
PT_EACH_LEVEL
PT_SMALL_FN void pt_small_cholesky(const double *a, double *out, int64_t batch, int64_t n)
{
    PT_BY_SIZE(pt_cholesky_items, n, a, out, batch)
}

/* The same steps as pt_reverse_block, in pt_cholesky_gradient.h. */
PT_FN void pt_reverse_lanes(const double *factor, const double *g, double *out, int64_t count,
                            const int n)
{
    pt_lanes l[PT_SMALL * PT_SMALL], s[PT_SMALL * PT_SMALL];
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            l[i * n + j] = pt_take(factor + i * n + j, n * n, count);
            s[i * n + j] = pt_take(g + i * n + j, n * n, count) * 0.5;
        }
    for (int k = n - 1; k >= 0; k--) {
        pt_lanes pivot = s[k * n + k];
        for (int i = k + 1; i < n; i++) {
            pt_lanes sum = s[i * n + k];
            for (int j = k + 1; j < n; j++)
                sum -= s[(i > j ? i * n + j : j * n + i)] * l[j * n + k];
            sum /= l[k * n + k];
            pivot -= sum * l[i * n + k];
            s[i * n + k] = sum;
        }
        s[k * n + k] = pivot / l[k * n + k];
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            pt_put(out + i * n + j, n * n, count, s[i > j ? i * n + j : j * n + i]);
}

PT_FN void pt_reverse_items(const double *l, const double *g, double *out, int64_t batch,
                            const int n)
{
    for (int64_t item = 0; item < batch; item += PT_LANES)
        pt_reverse_lanes(l + item * n * n, g + item * n * n, out + item * n * n, batch - item, n);
}

/* As pt_cholesky_gradient. */
PT_EACH_LEVEL PT_SMALL_FN void pt_small_reverse(const double *l, const double *g, double *out,
                                           int64_t batch, int64_t n)
{
    PT_BY_SIZE(pt_reverse_items, n, l, g, out, batch)
}

/* ---- triangular systems ---------------------------------------------------------------------- */

/* x in place of b, where t x = b and the diagonal of t counts as ones if `unit`. */
PT_FN void pt_substitute(const pt_lanes *t, pt_lanes *x, int lower, int unit, const int n)
{
    for (int step = 0; step < n; step++) {
        const int i = lower ? step : n - 1 - step;
        pt_lanes sum = x[i];
        for (int j = lower ? 0 : i + 1; j < (lower ? i : n); j++)
            sum -= t[i * n + j] * x[j];
        x[i] = unit ? sum : sum / t[i * n + i];
    }
}

/* The place of an element of a matrix, or of its transpose. */
#define PT_PLACE(i, j, n, turned) ((turned) ? (j) * (n) + (i) : (i) * (n) + (j))

/* Items in the lanes, one right-hand side after the other. */
PT_FN void pt_solve_lanes(const double *t, const double *b, double *out, int64_t count, int64_t k,
                          int lower, int turned, const int n)
{
    pt_lanes triangle[PT_SMALL * PT_SMALL], x[PT_SMALL];
    for (int i = 0; i < n; i++)
        for (int j = lower ? 0 : i; j < (lower ? i + 1 : n); j++)
            triangle[i * n + j] = pt_take(t + PT_PLACE(i, j, n, turned), n * n, count);
    for (int64_t c = 0; c < k; c++) {
        for (int i = 0; i < n; i++)
            x[i] = pt_take(b + i * k + c, n * k, count);
        pt_substitute(triangle, x, lower, 0, n);
        for (int i = 0; i < n; i++)
            pt_put(out + i * k + c, n * k, count, x[i]);
    }
}

/* One item, with right-hand sides in the lanes. */
PT_FN void pt_solve_columns(const double *t, const double *b, double *out, int64_t k, int lower,
                            int turned, const int n)
{
    pt_lanes triangle[PT_SMALL * PT_SMALL], x[PT_SMALL];
    for (int i = 0; i < n; i++)
        for (int j = lower ? 0 : i; j < (lower ? i + 1 : n); j++)
            triangle[i * n + j] = pt_same(t[PT_PLACE(i, j, n, turned)]);
    for (int64_t c = 0; c < k; c += PT_LANES) {
        for (int i = 0; i < n; i++)
            x[i] = pt_take(b + i * k + c, 1, k - c);
        pt_substitute(triangle, x, lower, 0, n);
        for (int i = 0; i < n; i++)
            pt_put(out + i * k + c, 1, k - c, x[i]);
    }
}

PT_FN void pt_solve_items(const double *t, const double *b, double *out, int64_t batch, int64_t k,
                          int lower, int turned, const int n)
{
    if (k >= PT_LANES || batch == 1)
        for (int64_t item = 0; item < batch; item++)
            pt_solve_columns(t + item * n * n, b + item * n * k, out + item * n * k, k, lower,
                             turned, n);
    else
        for (int64_t item = 0; item < batch; item += PT_LANES)
            pt_solve_lanes(t + item * n * n, b + item * n * k, out + item * n * k, batch - item, k,
                           lower, turned, n);
}

/* out: x with t x = b for each item, or t' x = b if `turned`, t being n x n and lower, or upper, b
 * being n x k. What is solved is lower, too, if t is either lower or turned. */
PT_EACH_LEVEL PT_SMALL_FN void pt_small_solve(const double *t, const double *b, double *out,
                                         int64_t batch, int64_t n, int64_t k, int lower,
                                         int turned)
{
    if (lower && !turned)
        PT_BY_SIZE(pt_solve_items, n, t, b, out, batch, k, 1, 0)
    else if (lower)
        PT_BY_SIZE(pt_solve_items, n, t, b, out, batch, k, 0, 1)
    else if (!turned)
        PT_BY_SIZE(pt_solve_items, n, t, b, out, batch, k, 0, 0)
    else
        PT_BY_SIZE(pt_solve_items, n, t, b, out, batch, k, 1, 1)
}

/* ---- LU factors ------------------------------------------------------------------------------ */

PT_FN void pt_exchange(pt_masks where, pt_lanes *x, pt_lanes *y)
{
    const pt_lanes saved = *x;
    *x = PT_CHOOSE(where, *y, saved);
    *y = PT_CHOOSE(where, saved, *y);
}

/* One column: the largest element below the diagonal on it, and multiples of its row taken from the
 * rows below. */
PT_FN void pt_lu_column(pt_lanes *x, pt_lanes *rows, pt_lanes *pivot, int k, const int n)
{
    pt_lanes best = x[k * n + k], place = pt_same(k), inverse;
    best = PT_CHOOSE(best < 0.0, -best, best);
    for (int i = k + 1; i < n; i++) {
        const pt_lanes size = PT_CHOOSE(x[i * n + k] < 0.0, -x[i * n + k], x[i * n + k]);
        const pt_masks larger = size > best;
        best = PT_CHOOSE(larger, size, best);
        place = PT_CHOOSE(larger, pt_same(i), place);
    }
    *pivot = place;
    for (int i = k + 1; i < n; i++) {
        const pt_masks here = place == pt_same(i);
        for (int j = 0; j < n; j++)
            pt_exchange(here, &x[k * n + j], &x[i * n + j]);
        pt_exchange(here, &rows[k], &rows[i]);
    }
    inverse = PT_CHOOSE(x[k * n + k] == 0.0, pt_same(1.0), x[k * n + k]);
    for (int i = k + 1; i < n; i++) {
        x[i * n + k] /= inverse;
        for (int j = k + 1; j < n; j++)
            x[i * n + j] -= x[i * n + k] * x[k * n + j];
    }
}

PT_FN void pt_lu_lanes(const double *a, double *factor, int64_t *pivots, int64_t *rows,
                       int64_t count, const int n)
{
    pt_lanes x[PT_SMALL * PT_SMALL], place[PT_SMALL], pivot[PT_SMALL], missing = pt_same(0.0);
    for (int e = 0; e < n * n; e++) {
        x[e] = pt_take(a + e, n * n, count);
        missing += x[e] - x[e]; /* 0 or nan */
    }
    for (int i = 0; i < n; i++)
        place[i] = pt_same(i);
    for (int k = 0; k < n; k++)
        pt_lu_column(x, place, &pivot[k], k, n);
    for (int e = 0; e < n * n; e++)
        pt_put(factor + e, n * n, count, x[e] + missing);
    for (int lane = 0; lane < PT_LANES && lane < count; lane++) {
        const int finite = PT_LANE(missing, lane) == 0.0;
        for (int i = 0; i < n; i++) {
            pivots[lane * n + i] = finite ? (int64_t) PT_LANE(pivot[i], lane) : 0;
            rows[lane * n + (int64_t) PT_LANE(place[i], lane)] = finite ? i : 0;
        }
    }
}

PT_FN void pt_lu_items(const double *a, double *factor, int64_t *pivots, int64_t *rows,
                       int64_t batch, const int n)
{
    for (int64_t item = 0; item < batch; item += PT_LANES)
        pt_lu_lanes(a + item * n * n, factor + item * n * n, pivots + item * n, rows + item * n,
                    batch - item, n);
}

/* As pt_lu. */
PT_EACH_LEVEL PT_SMALL_FN void pt_small_lu(const double *a, double *factor, int64_t *pivots,
                                      int64_t *rows, int64_t batch, int64_t n)
{
    PT_BY_SIZE(pt_lu_items, n, a, factor, pivots, rows, batch)
}

/* ---- systems of LU factors ------------------------------------------------------------------- */

/* x in place of b, which is in the order of the rows of L: L U x = b, or its transpose. */
PT_FN void pt_substitute_both(const pt_lanes *factor, pt_lanes *x, int turned, const int n)
{
    pt_lanes other[PT_SMALL * PT_SMALL];
    for (int i = 0; turned && i < n; i++)
        for (int j = 0; j < n; j++)
            other[i * n + j] = factor[j * n + i];
    pt_substitute(turned ? other : factor, x, 1, !turned, n);
    pt_substitute(turned ? other : factor, x, 0, turned, n);
}

PT_FN void pt_factored_lanes(const double *factor, const int64_t *rows, const double *b,
                             double *out, int64_t count, int64_t k, int turned, const int n)
{
    double ordered[PT_SMALL][PT_LANES];
    int64_t place[PT_LANES][PT_SMALL];
    pt_lanes f[PT_SMALL * PT_SMALL], x[PT_SMALL];
    const int lanes = count < PT_LANES ? (int) count : PT_LANES;
    for (int e = 0; e < n * n; e++)
        f[e] = pt_take(factor + e, n * n, count);
    for (int lane = 0; lane < PT_LANES; lane++)
        for (int i = 0; i < n; i++) {
            const int64_t row = lane < lanes ? rows[lane * n + i] : 0;
            place[lane][i] = row >= 0 && row < n ? row : 0;
            ordered[i][lane] = 0.0;
        }
    for (int64_t c = 0; c < k; c++) {
        for (int lane = 0; lane < lanes; lane++)
            for (int i = 0; i < n; i++)
                ordered[turned ? i : place[lane][i]][lane] = b[(lane * n + i) * k + c];
        for (int i = 0; i < n; i++)
            x[i] = pt_take(ordered[i], 1, PT_LANES);
        pt_substitute_both(f, x, turned, n);
        for (int i = 0; i < n; i++)
            pt_put(ordered[i], 1, PT_LANES, x[i]);
        for (int lane = 0; lane < lanes; lane++)
            for (int i = 0; i < n; i++)
                out[(lane * n + i) * k + c] = ordered[turned ? place[lane][i] : i][lane];
    }
}

PT_FN void pt_factored_columns(const double *factor, const int64_t *rows, const double *b,
                               double *out, int64_t k, int turned, const int n)
{
    int64_t place[PT_SMALL];
    pt_lanes f[PT_SMALL * PT_SMALL], x[PT_SMALL];
    for (int e = 0; e < n * n; e++)
        f[e] = pt_same(factor[e]);
    for (int i = 0; i < n; i++) {
        place[i] = rows[i] >= 0 && rows[i] < n ? rows[i] : 0;
        x[i] = pt_same(0.0);
    }
    for (int64_t c = 0; c < k; c += PT_LANES) {
        for (int i = 0; i < n; i++)
            x[turned ? i : place[i]] = pt_take(b + i * k + c, 1, k - c);
        pt_substitute_both(f, x, turned, n);
        for (int i = 0; i < n; i++)
            pt_put(out + i * k + c, 1, k - c, x[turned ? place[i] : i]);
    }
}

PT_FN void pt_factored_items(const double *factor, const int64_t *rows, const double *b,
                             double *out, int64_t batch, int64_t k, int turned, const int n)
{
    if (k >= PT_LANES || batch == 1)
        for (int64_t item = 0; item < batch; item++)
            pt_factored_columns(factor + item * n * n, rows + item * n, b + item * n * k,
                                out + item * n * k, k, turned, n);
    else
        for (int64_t item = 0; item < batch; item += PT_LANES)
            pt_factored_lanes(factor + item * n * n, rows + item * n, b + item * n * k,
                              out + item * n * k, batch - item, k, turned, n);
}

/* As pt_solve_factored, or pt_solve_factored_transposed if `turned`. */
PT_EACH_LEVEL PT_SMALL_FN void pt_small_factored(const double *factor, const int64_t *rows,
                                            const double *b, double *out, int64_t batch, int64_t n,
                                            int64_t k, int turned)
{
    if (turned)
        PT_BY_SIZE(pt_factored_items, n, factor, rows, b, out, batch, k, 1)
    else
        PT_BY_SIZE(pt_factored_items, n, factor, rows, b, out, batch, k, 0)
}

#endif
