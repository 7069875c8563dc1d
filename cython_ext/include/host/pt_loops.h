/* Functions for generated loops on a CPU: operators, folds over lanes, and short matrix-vector
 * products. All are inline, without static data.
 *
 * Sums over lanes have a fixed order, so that a result depends only on the data.
 */
#ifndef PT_LOOPS_H
#define PT_LOOPS_H

#include <math.h>
#include <stdint.h>
#include "pt_operators.h"

/* A noinline copy of a function, for code that runs once. */
#if defined(__GNUC__) || defined(__clang__)
#define PT_ONCE static __attribute__((noinline, unused))
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
#define PT_ONCE_5(name) \
    PT_ONCE double name##_once(double a, double b, double c, double d, double e) \
    { \
        return name(a, b, c, d, e); \
    }

/* A copy for loops that would inline many: gcc compiles it once for a double, and once for a vector
 * of them, which vectorised loops call. Other compilers cannot, so they inline it. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define PT_SIMD static __attribute__((noinline, unused, simd("notinbranch")))
#else
#define PT_SIMD PT_FN
#endif
#define PT_LANES_1(name) PT_SIMD double name##_lanes(double a) { return name(a); }
#define PT_LANES_2(name) PT_SIMD double name##_lanes(double a, double b) { return name(a, b); }
#define PT_LANES_3(name) \
    PT_SIMD double name##_lanes(double a, double b, double c) { return name(a, b, c); }
#define PT_LANES_4(name) \
    PT_SIMD double name##_lanes(double a, double b, double c, double d) \
    { \
        return name(a, b, c, d); \
    }
#define PT_LANES_5(name) \
    PT_SIMD double name##_lanes(double a, double b, double c, double d, double e) \
    { \
        return name(a, b, c, d, e); \
    }

/* The result of a function that stays one: a part of a long kernel. */
#if defined(__GNUC__) || defined(__clang__)
#define pt_part __attribute__((noinline)) void
#else
#define pt_part void
#endif

/* In the body of a loop: the compiler does not vectorise it. gcc 12 loads the wrong elements where
 * it vectorises neighbouring loads under a condition that depends on the loop variable. */
PT_FN void pt_not_vectorised(void)
{
#if defined(__GNUC__) || defined(__clang__)
    __asm__ volatile("");
#endif
}

/* Eight doubles, loaded from any address. Compilers do not vectorise the loops below in scalar
 * form, so they use explicit vectors; without the extension, lanes are an array. */
#if defined(__GNUC__) || defined(__clang__)
typedef double pt_v8 __attribute__((vector_size(64), aligned(8)));
#define PT_V8_AT(p) (*(const pt_v8 *) (p))
/* s += a * x, fused where the target can: contraction is off, and gcc has no portable vector fma.
 */
PT_FN void pt_v8_add(pt_v8 *s, const pt_v8 *a, const pt_v8 *x)
{
#if defined(__clang__)
#pragma clang fp contract(fast)
    *s = *a * *x + *s;
#elif defined(__AVX512F__)
    typedef double pt_512 __attribute__((vector_size(64)));
    *s = (pt_v8) __builtin_ia32_vfmaddpd512_mask((pt_512) *a, (pt_512) *x, (pt_512) *s, -1, 4);
#elif PT_HAS_FMA
    const pt_v8 b = *a, y = *x, t = *s;
    *s = (pt_v8) {PT_MA(b[0], y[0], t[0]), PT_MA(b[1], y[1], t[1]), PT_MA(b[2], y[2], t[2]),
                  PT_MA(b[3], y[3], t[3]), PT_MA(b[4], y[4], t[4]), PT_MA(b[5], y[5], t[5]),
                  PT_MA(b[6], y[6], t[6]), PT_MA(b[7], y[7], t[7])};
#else
    *s += *a * *x;
#endif
}
#define PT_V8_ADD(s, a, x) pt_v8_add(&(s), &(a), &(x))
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
        s->v[k] = PT_MA(a.v[k], x.v[k], s->v[k]);
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

/* out[k] = PT_V8_SUM(s[k]) + t[k], for four at once where the compiler can shuffle. */
PT_FN void pt_v8_sums(double *out, const pt_v8 s[4], const double t[4])
{
#if defined(__clang__) || __GNUC__ >= 12
    typedef double pt_v4 __attribute__((vector_size(32), aligned(8)));
#define PT_HALVES(s) (__builtin_shufflevector(s, s, 0, 1, 2, 3) \
                      + __builtin_shufflevector(s, s, 4, 5, 6, 7))
    const pt_v4 h0 = PT_HALVES(s[0]), h1 = PT_HALVES(s[1]);
    const pt_v4 h2 = PT_HALVES(s[2]), h3 = PT_HALVES(s[3]);
    const pt_v4 a = __builtin_shufflevector(h0, h1, 0, 4, 2, 6)
                    + __builtin_shufflevector(h0, h1, 1, 5, 3, 7);
    const pt_v4 b = __builtin_shufflevector(h2, h3, 0, 4, 2, 6)
                    + __builtin_shufflevector(h2, h3, 1, 5, 3, 7);
    *(pt_v4 *) out = (__builtin_shufflevector(a, b, 0, 1, 4, 5)
                      + __builtin_shufflevector(a, b, 2, 3, 6, 7)) + *(const pt_v4 *) t;
#undef PT_HALVES
#else
    out[0] = PT_V8_SUM(s[0]) + t[0];
    out[1] = PT_V8_SUM(s[1]) + t[1];
    out[2] = PT_V8_SUM(s[2]) + t[2];
    out[3] = PT_V8_SUM(s[3]) + t[3];
#endif
}

/* Lanes are folded as a binary tree, for speed and small rounding errors. */
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

/* The same for sums of doubles, which all log densities have: eight lanes at a time. */
PT_FN double pt_fold_add(double *PT_RESTRICT a, int64_t lanes)
{
    pt_v8 s, t;
    int64_t k = 16;
    if (lanes % 8)
        return pt_fold_plain_add(a, lanes);
    s = PT_V8_AT(a);
    if (lanes == 8)
        return PT_V8_SUM(s);
    t = PT_V8_AT(a + 8);
    for (; k + 16 <= lanes; k += 16) {
        PT_V8_PLUS(s, PT_V8_AT(a + k));
        PT_V8_PLUS(t, PT_V8_AT(a + k + 8));
    }
    if (k < lanes)
        PT_V8_PLUS(s, PT_V8_AT(a + k));
    return PT_V8_SUM(s) + PT_V8_SUM(t);
}

/* Long sums are computed in blocks, so that rounding errors grow only with the length of a block:
 * the lanes of a block start at zero, its sum is added to sum[0], and the rounding error of that
 * addition to sum[1] (Neumaier 1974, ZAMM 54:39). The error is nan where the sum is not finite. */
#define PT_BLOCK 2048
PT_FN void pt_keep(double *sum, double x)
{
    double lost;
    sum[0] = pt__two_sum(sum[0], x, &lost);
    sum[1] += lost;
}
PT_FN double pt_kept(const double *sum)
{
    return sum[1] != 0.0 && sum[1] - sum[1] == 0.0 ? sum[0] + sum[1] : sum[0];
}
PT_ONCE void pt_end_block(double *PT_RESTRICT a, int64_t lanes, double *PT_RESTRICT sum)
{
    pt_keep(sum, pt_fold_add(a, lanes));
    for (int64_t k = 0; k < lanes; k++)
        a[k] = 0.0;
}
/* The sum of the lanes and of the previous blocks, if `turns` iterations had any: a block ends with
 * its last strip, complete or not. */
PT_ONCE double pt_end_sum(double *PT_RESTRICT a, int64_t lanes, double *PT_RESTRICT sum,
                          int64_t turns)
{
    const double last = pt_fold_add(a, lanes);
    if (turns <= PT_BLOCK - lanes)
        return last;
    pt_keep(sum, last);
    return pt_kept(sum);
}

/* n sums in memory: part[0] to part[n - 1] are those of a block, and the next n the rounding
 * errors. -0.0 is the identity of addition. */
PT_ONCE void pt_open_sums(int64_t n, double *PT_RESTRICT part)
{
    for (int64_t i = 0; i < n; i++)
        part[i] = -0.0;
}
PT_ONCE void pt_add_sums(int64_t n, double *PT_RESTRICT part, double *PT_RESTRICT out)
{
    double *PT_RESTRICT lost = part + n;
    for (int64_t i = 0; i < n; i++) {
        double error;
        out[i] = pt__two_sum(out[i], part[i], &error);
        lost[i] += error;
        part[i] = -0.0;
    }
}
PT_ONCE void pt_close_sums_float64(int64_t n, double *PT_RESTRICT part, double *PT_RESTRICT out)
{
    for (int64_t i = 0; i < n; i++) {
        double sum[2] = {out[i], part[n + i]};
        pt_keep(sum, part[i]);
        out[i] = pt_kept(sum);
    }
}
PT_ONCE void pt_close_sums_float32(int64_t n, double *PT_RESTRICT part, float *PT_RESTRICT out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float) (out[i] + part[i]);
}

/* Iterations of a loop that run four at a time; fewer than eight run one by one, in order. */
PT_FN int64_t pt_by_fours(int64_t turns)
{
    return turns < 8 ? 0 : turns - turns % 4;
}
/* Iterations of a block of sums in memory: `most` additions to each element, of which an iteration
 * has `each`; if there are so many that they are summed separately, they count as one. */
PT_FN int64_t pt_block_turns(int64_t most, int64_t each)
{
    return each < 1 || each > most ? most : most / each;
}

/* sum_j a[j] in doubles, in 32 lanes; in order for fewer than eight. */
#if defined(__clang__) || __GNUC__ >= 9
typedef double pt_v4 __attribute__((vector_size(32), aligned(8)));
typedef float pt_v4_float __attribute__((vector_size(16), aligned(4)));
#define PT_V4_double(p) (*(const pt_v4 *) (p))
#define PT_V4_float(p) __builtin_convertvector(*(const pt_v4_float *) (p), pt_v4)
#define PT_LANES_SUM(type) \
    PT_FN double pt_lanes_sum_##type(const type *PT_RESTRICT a, int64_t n) \
    { \
        pt_v4 s = {0, 0, 0, 0}, t = s; \
        double tail = 0; \
        int64_t j = 0; \
        if (n >= 32) { \
            pt_v4 b = s, c = s, d = s, e = s, f = s, g = s; \
            for (; j + 32 <= n; j += 32) { \
                s += PT_V4_##type(a + j); \
                t += PT_V4_##type(a + j + 4); \
                b += PT_V4_##type(a + j + 8); \
                c += PT_V4_##type(a + j + 12); \
                d += PT_V4_##type(a + j + 16); \
                e += PT_V4_##type(a + j + 20); \
                f += PT_V4_##type(a + j + 24); \
                g += PT_V4_##type(a + j + 28); \
            } \
            s = (s + b) + (d + f); \
            t = (t + c) + (e + g); \
        } \
        for (; j + 8 <= n; j += 8) { \
            s += PT_V4_##type(a + j); \
            t += PT_V4_##type(a + j + 4); \
        } \
        for (; j < n; j++) \
            tail += a[j]; \
        s += t; \
        return ((s[0] + s[2]) + (s[1] + s[3])) + tail; \
    }
#else
#define PT_LANES_SUM(type) \
    PT_FN double pt_lanes_sum_##type(const type *PT_RESTRICT a, int64_t n) \
    { \
        double s[32] = {0.0}, tail = 0; \
        int64_t j = 0; \
        for (; j + 32 <= n; j += 32) \
            for (int k = 0; k < 32; k++) \
                s[k] += a[j + k]; \
        for (; j < n; j++) \
            tail += a[j]; \
        return pt_fold_add(s, 32) + tail; \
    }
#endif
PT_LANES_SUM(double)
PT_LANES_SUM(float)
#undef PT_LANES_SUM

#define PT_SUM_BLOCK 1024
PT_ONCE double pt_long_sum(const double *PT_RESTRICT a, int64_t n)
{
    double sum[2] = {0.0, 0.0};
    if (n <= PT_SUM_BLOCK)
        return pt_lanes_sum_double(a, n);
    for (int64_t j = 0; j < n; j += PT_SUM_BLOCK)
        pt_keep(sum, pt_lanes_sum_double(a + j, n - j < PT_SUM_BLOCK ? n - j : PT_SUM_BLOCK));
    return pt_kept(sum);
}
PT_ONCE double pt_long_sum_float32(const float *PT_RESTRICT a, int64_t n)
{
    return pt_lanes_sum_float(a, n);
}
#define PT_SUM(name, type) \
    PT_FN double pt_sum##name(const type *PT_RESTRICT a, int64_t n) \
    { \
        double sum = 0; \
        if (n >= 8) \
            return pt_long_sum##name(a, n); \
        for (int64_t j = 0; j < n; j++) \
            sum += a[j]; \
        return sum; \
    }
PT_SUM(, double)
PT_SUM(_float32, float)
#undef PT_SUM

/* sum_j a[j] x[j], in sixteen lanes. Fewer than eight products are rounded and then added in order,
 * as if written out; so are those of fewer than four rows below. */
PT_FN double pt_dot_block(const double *PT_RESTRICT a, const double *PT_RESTRICT x, int64_t n)
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

PT_ONCE double pt_long_dot(const double *PT_RESTRICT a, const double *PT_RESTRICT x, int64_t n)
{
    double sum[2] = {0.0, 0.0};
    for (int64_t j = 0; j < n; j += PT_BLOCK)
        pt_keep(sum, pt_dot_block(a + j, x + j, n - j < PT_BLOCK ? n - j : PT_BLOCK));
    return pt_kept(sum);
}
PT_FN double pt_dot(const double *PT_RESTRICT a, const double *PT_RESTRICT x, int64_t n)
{
    return n <= PT_BLOCK ? pt_dot_block(a, x, n) : pt_long_dot(a, x, n);
}

/* out[i] = sum_j A[i, j] x[j] for m rows of stride `step`; four rows at a time. */
PT_FN void pt_rows_dot(int64_t m, int64_t n, const double *PT_RESTRICT a, int64_t step,
                       const double *PT_RESTRICT x, double *PT_RESTRICT out)
{
    int64_t i = 0;
    for (; n <= PT_BLOCK && i + 4 <= m; i += 4) {
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
        pt_v8_sums(out + i, (const pt_v8[]) {s0, s1, s2, s3}, (const double[]) {t0, t1, t2, t3});
    }
    for (; i < m; i++)
        out[i] = pt_dot(a + i * step, x, n);
}

/* g[j] += sum_i r[i] A[i, j] for m rows; four rows at a time, for fewer stores to g. */
PT_FN void pt_rows_add(int64_t m, int64_t n, const double *PT_RESTRICT a, int64_t step,
                       const double *PT_RESTRICT r, double *PT_RESTRICT g)
{
    int64_t i = 0;
    for (; i + 4 <= m; i += 4) {
        const double *PT_RESTRICT a0 = a + i * step, *PT_RESTRICT a1 = a0 + step;
        const double *PT_RESTRICT a2 = a1 + step, *PT_RESTRICT a3 = a2 + step;
        const double r0 = r[i], r1 = r[i + 1], r2 = r[i + 2], r3 = r[i + 3];
        for (int64_t j = 0; j < n; j++)
            g[j] += PT_MA(r0, a0[j], r1 * a1[j]) + PT_MA(r2, a2[j], r3 * a3[j]);
    }
    for (; i < m; i++) {
        const double *PT_RESTRICT row = a + i * step;
        const double factor = r[i];
        for (int64_t j = 0; j < n; j++)
            g[j] += factor * row[j];
    }
}

/* g[k[i]] += v[i]. Grouped data is often sorted by group; then each addition would wait for the
 * store of the previous one, so runs of eight or four equal indices are summed first. For short
 * runs, of less than eight on average, looking for them would take longer than it saves. */
#define PT_SCATTER(type, name) \
    PT_FN void pt_scatter_add_##name(int64_t m, const type *PT_RESTRICT k, \
                                     const double *PT_RESTRICT v, double *PT_RESTRICT g) \
    { \
        int64_t i = 0; \
        type equal = 0; \
        for (i = 0; i + 1 < m; i++) \
            equal += k[i] == k[i + 1]; \
        if (8 * (int64_t)equal < 7 * (m - 1)) { \
            for (i = 0; i < m; i++) \
                g[k[i]] += v[i]; \
            return; \
        } \
        i = 0; \
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
