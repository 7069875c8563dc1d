/* What generated loops on a CPU stand on: operators, folds over lanes, and short matrix-vector
 * products. All inline, no memory of its own.
 *
 * Sums over lanes are taken in one fixed order, so that a result depends on the data alone.
 */
#ifndef PT_LOOPS_H
#define PT_LOOPS_H

#include <math.h>
#include <stdint.h>
#include "pt_operators.h"

/* A copy of a function that is called and not inlined, for code that runs once. */
#if defined(__GNUC__) || defined(__clang__)
#define PT_ONCE static __attribute__((noinline))
#else
#define PT_ONCE static
#endif
#define PT_ONCE_1(name) PT_ONCE double name##_once(double a) { return name(a); }
#define PT_ONCE_2(name) PT_ONCE double name##_once(double a, double b) { return name(a, b); }
#define PT_ONCE_3(name) \
    PT_ONCE double name##_once(double a, double b, double c) { return name(a, b, c); }
#define PT_ONCE_4(name) \
    PT_ONCE double name##_once(double a, double b, double c, double d) \
    { \
        return name(a, b, c, d); \
    }

/* Eight doubles, loaded from any address. A C compiler finds the loops below hard to vectorise as
 * sums of plain numbers, so they say what they want; without the extension, lanes are an array. */
#if defined(__GNUC__) || defined(__clang__)
typedef double pt_v8 __attribute__((vector_size(64), aligned(8)));
#define PT_V8_AT(p) (*(const pt_v8 *) (p))
#define PT_V8_ADD(s, a, x) ((s) += (a) * (x))
#define PT_V8_PLUS(s, a) ((s) += (a))
#define PT_V8_ZERO {0, 0, 0, 0, 0, 0, 0, 0}
#define PT_V8_SUM(s) (((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])))
#else
typedef struct { double v[8]; } pt_v8;
PT_FN pt_v8 pt_v8_at(const double *p)
{
    pt_v8 a;
    for (int k = 0; k < 8; k++)
        a.v[k] = p[k];
    return a;
}
PT_FN void pt_v8_add(pt_v8 *s, pt_v8 a, pt_v8 x)
{
    for (int k = 0; k < 8; k++)
        s->v[k] += a.v[k] * x.v[k];
}
#define PT_V8_AT(p) pt_v8_at(p)
PT_FN void pt_v8_plus(pt_v8 *s, pt_v8 a)
{
    for (int k = 0; k < 8; k++)
        s->v[k] += a.v[k];
}
#define PT_V8_ADD(s, a, x) pt_v8_add(&(s), a, x)
#define PT_V8_PLUS(s, a) pt_v8_plus(&(s), a)
#define PT_V8_ZERO {{0, 0, 0, 0, 0, 0, 0, 0}}
#define PT_V8_SUM(s) (((s.v[0] + s.v[4]) + (s.v[1] + s.v[5])) \
                      + ((s.v[2] + s.v[6]) + (s.v[3] + s.v[7])))
#endif

/* Lanes are folded in halves: a tree, for speed and for small rounding errors. */
#define PT_FOLD(name, type, join) \
    PT_FN type pt_fold_##name(type *PT_RESTRICT a, int64_t lanes) \
    { \
        while (lanes > 1) { \
            int64_t half = lanes / 2, odd = lanes - half; \
            for (int64_t k = 0; k < half; k++) { \
                type x = a[k], y = a[k + odd]; \
                a[k] = join; \
            } \
            lanes = odd; \
        } \
        return a[0]; \
    }
PT_FOLD(plain_add, double, x + y)
PT_FOLD(mul, double, x * y)
PT_FOLD(max, double, pt_maximum(x, y))
PT_FOLD(min, double, pt_minimum(x, y))
PT_FOLD(iadd, int64_t, x + y)
PT_FOLD(imul, int64_t, x * y)
PT_FOLD(imax, int64_t, pt_imaximum(x, y))
PT_FOLD(imin, int64_t, pt_iminimum(x, y))
PT_FOLD(uadd, uint64_t, x + y)
PT_FOLD(umul, uint64_t, x * y)
PT_FOLD(umax, uint64_t, pt_umaximum(x, y))
PT_FOLD(umin, uint64_t, pt_uminimum(x, y))
#undef PT_FOLD

/* The same for sums of doubles, which every log density ends in: eight lanes at a time. */
PT_FN double pt_fold_add(double *PT_RESTRICT a, int64_t lanes)
{
    pt_v8 s = PT_V8_ZERO, t = PT_V8_ZERO;
    int64_t k = 0;
    if (lanes % 8)
        return pt_fold_plain_add(a, lanes);
    for (; k + 16 <= lanes; k += 16) {
        PT_V8_PLUS(s, PT_V8_AT(a + k));
        PT_V8_PLUS(t, PT_V8_AT(a + k + 8));
    }
    if (k < lanes)
        PT_V8_PLUS(s, PT_V8_AT(a + k));
    return PT_V8_SUM(s) + PT_V8_SUM(t);
}

/* sum_j a[j] x[j], in sixteen lanes. */
PT_FN double pt_dot(const double *PT_RESTRICT a, const double *PT_RESTRICT x, int64_t n)
{
    pt_v8 s = PT_V8_ZERO, t = PT_V8_ZERO;
    double tail = 0;
    int64_t j = 0;
    for (; j + 16 <= n; j += 16) {
        PT_V8_ADD(s, PT_V8_AT(a + j), PT_V8_AT(x + j));
        PT_V8_ADD(t, PT_V8_AT(a + j + 8), PT_V8_AT(x + j + 8));
    }
    for (; j + 8 <= n; j += 8)
        PT_V8_ADD(s, PT_V8_AT(a + j), PT_V8_AT(x + j));
    for (; j < n; j++)
        tail += a[j] * x[j];
    return (PT_V8_SUM(s) + PT_V8_SUM(t)) + tail;
}

/* out[i] = sum_j A[i, j] x[j] for m rows, `step` elements apart; four rows at a time. */
PT_FN void pt_rows_dot(int64_t m, int64_t n, const double *PT_RESTRICT a, int64_t step,
                       const double *PT_RESTRICT x, double *PT_RESTRICT out)
{
    int64_t i = 0;
    for (; i + 4 <= m; i += 4) {
        const double *PT_RESTRICT a0 = a + i * step, *PT_RESTRICT a1 = a0 + step;
        const double *PT_RESTRICT a2 = a1 + step, *PT_RESTRICT a3 = a2 + step;
        pt_v8 s0 = PT_V8_ZERO, s1 = PT_V8_ZERO, s2 = PT_V8_ZERO, s3 = PT_V8_ZERO;
        double t0 = 0, t1 = 0, t2 = 0, t3 = 0;
        int64_t j = 0;
        for (; j + 8 <= n; j += 8) {
            const pt_v8 y = PT_V8_AT(x + j);
            PT_V8_ADD(s0, PT_V8_AT(a0 + j), y);
            PT_V8_ADD(s1, PT_V8_AT(a1 + j), y);
            PT_V8_ADD(s2, PT_V8_AT(a2 + j), y);
            PT_V8_ADD(s3, PT_V8_AT(a3 + j), y);
        }
        for (; j < n; j++) {
            t0 += a0[j] * x[j];
            t1 += a1[j] * x[j];
            t2 += a2[j] * x[j];
            t3 += a3[j] * x[j];
        }
        out[i] = PT_V8_SUM(s0) + t0;
        out[i + 1] = PT_V8_SUM(s1) + t1;
        out[i + 2] = PT_V8_SUM(s2) + t2;
        out[i + 3] = PT_V8_SUM(s3) + t3;
    }
    for (; i < m; i++)
        out[i] = pt_dot(a + i * step, x, n);
}

/* g[j] += sum_i r[i] A[i, j] for m rows; four rows at a time, so that g is written less. */
PT_FN void pt_rows_add(int64_t m, int64_t n, const double *PT_RESTRICT a, int64_t step,
                       const double *PT_RESTRICT r, double *PT_RESTRICT g)
{
    int64_t i = 0;
    for (; i + 4 <= m; i += 4) {
        const double *PT_RESTRICT a0 = a + i * step, *PT_RESTRICT a1 = a0 + step;
        const double *PT_RESTRICT a2 = a1 + step, *PT_RESTRICT a3 = a2 + step;
        const double r0 = r[i], r1 = r[i + 1], r2 = r[i + 2], r3 = r[i + 3];
        for (int64_t j = 0; j < n; j++)
            g[j] += (r0 * a0[j] + r1 * a1[j]) + (r2 * a2[j] + r3 * a3[j]);
    }
    for (; i < m; i++) {
        const double *PT_RESTRICT row = a + i * step;
        const double factor = r[i];
        for (int64_t j = 0; j < n; j++)
            g[j] += factor * row[j];
    }
}

/* g[k[i]] += v[i]. Grouped data is often sorted by group; then each addition would wait for the one
 * before it to reach memory, so eight or four equal indices in a row are added up first. */
#define PT_SCATTER(type, name) \
    PT_FN void pt_scatter_add_##name(int64_t m, const type *PT_RESTRICT k, \
                                     const double *PT_RESTRICT v, double *PT_RESTRICT g) \
    { \
        int64_t i = 0; \
        for (; i + 4 <= m; i += 4) { \
            const type a = k[i], b = k[i + 1], c = k[i + 2], d = k[i + 3]; \
            if (((a ^ b) | (a ^ c) | (a ^ d)) == 0) { \
                double sum = (v[i] + v[i + 1]) + (v[i + 2] + v[i + 3]); \
                if (i + 8 <= m && ((a ^ k[i + 4]) | (a ^ k[i + 5]) | (a ^ k[i + 6]) \
                                   | (a ^ k[i + 7])) == 0) { \
                    sum += (v[i + 4] + v[i + 5]) + (v[i + 6] + v[i + 7]); \
                    i += 4; \
                } \
                g[a] += sum; \
            } else { \
                g[a] += v[i]; \
                g[b] += v[i + 1]; \
                g[c] += v[i + 2]; \
                g[d] += v[i + 3]; \
            } \
        } \
        for (; i < m; i++) \
            g[k[i]] += v[i]; \
    }
PT_SCATTER(int64_t, int64)
PT_SCATTER(int32_t, int32)
#undef PT_SCATTER

#endif
