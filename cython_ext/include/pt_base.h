/* Basics of ProbTensor's scalar functions: the PT_FN macro, bit casts,
 * error-free sums, polynomial evaluation, and NumPy's rounding and integer rules.
 *
 * One text serves C11 (generated Cython) and CUDA C++.  The functions built on
 * it select instead of branching, and use no tables or calls, so that gcc
 * vectorises loops over any of them.  For that the caller compiles with
 * -fno-math-errno -fno-trapping-math; -fassociative-math and -ffast-math would
 * break the error-free sums and must stay off.  Each function is accurate with
 * and without contraction of a*b + c.
 */
#ifndef PT_BASE_H
#define PT_BASE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__CUDACC__)
#define PT_FN __host__ __device__ static inline
#elif defined(__GNUC__)
#define PT_FN static inline __attribute__((always_inline, unused))
#else
#define PT_FN static inline
#endif

/* A function with branches and many calls: not inlined, as each copy takes gcc tens of ms. */
#if defined(__CUDACC__)
#define PT_FN_CALLED __host__ __device__ static
#elif defined(__GNUC__)
#define PT_FN_CALLED static __attribute__((noinline, unused))
#else
#define PT_FN_CALLED static
#endif

/* The rare arguments of a vectorised function: a SIMD clone that tests each lane and mostly
 * returns, about a nanosecond a call.  It returns -0.0, the identity of addition, for the other
 * arguments, and is added to their value, not selected: the compiler would move a selected call
 * into a branch, which prevents vectorisation. */
#if defined(__CUDACC__)
#define PT_FAR __host__ __device__ static inline
#elif defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define PT_FAR __attribute__((noinline, const, unused, simd("notinbranch"))) static
#else
#define PT_FAR static inline
#endif

#if defined(__CUDA_ARCH__) || !defined(__GNUC__)
#define PT_SQRT(x) sqrt(x)
#define PT_ABS(x) fabs(x)
#define PT_COPYSIGN(x, y) copysign(x, y)
#define PT_RINT(x) rint(x)
#define PT_FLOOR(x) floor(x)
#define PT_INF ((double)INFINITY)
#define PT_NAN ((double)NAN)
#else
#define PT_SQRT(x) __builtin_sqrt(x)
#define PT_ABS(x) __builtin_fabs(x)
#define PT_COPYSIGN(x, y) __builtin_copysign(x, y)
#define PT_RINT(x) __builtin_rint(x)
#define PT_FLOOR(x) __builtin_floor(x)
#define PT_INF __builtin_inf()
#define PT_NAN __builtin_nan("")
#endif

/* a*b + c, fused where the target can: for speed only, not for exactness. */
#if defined(__CUDA_ARCH__)
#define PT_HAS_FMA 1
#define PT_MA(a, b, c) fma(a, b, c)
#elif defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define PT_HAS_FMA 1
#define PT_MA(a, b, c) __builtin_fma(a, b, c)
#else
#define PT_HAS_FMA 0
#define PT_MA(a, b, c) ((a) * (b) + (c))
#endif

#define PT_LN2_HI 0.6931471805601177       /* 40 bits: exact times any exponent */
#define PT_LN2_LO (-1.7239444525614835e-13)
#define PT_LOG2_E 1.4426950408889634
#define PT_PI 3.141592653589793
#define PT_PI_LO 1.2246467991473532e-16
#define PT_ROUNDER 6755399441055744.0      /* 1.5 * 2^52: adding it rounds to an integer */
#define PT_DBL_MIN 2.2250738585072014e-308

PT_FN uint64_t pt__bits(double x) {
#if defined(__CUDA_ARCH__)
    return (uint64_t)__double_as_longlong(x);
#else
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
#endif
}

PT_FN double pt__from_bits(uint64_t u) {
#if defined(__CUDA_ARCH__)
    return __longlong_as_double((long long)u);
#else
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
#endif
}

/* Nearest integer, ties to even, for |x| < 2^51. */
PT_FN double pt__nearest(double x) {
    return (x + PT_ROUNDER) - PT_ROUNDER;
}

/* The nearest integer to a * b, or without FMA possibly the adjacent one near a tie. */
PT_FN double pt__nearest_product(double a, double b) {
    return PT_MA(a, b, PT_ROUNDER) - PT_ROUNDER;
}

/* 2^k for an integer k in [-1022, 1023]; without a conversion instruction, which AVX2 lacks. */
PT_FN double pt__pow2(double k) {
    return pt__from_bits(pt__bits(k + (PT_ROUNDER + 1023.0)) << 52);
}

/* p * 2^k rounded once, for p near 1 and |k| <= 2044. */
PT_FN double pt__scale(double p, double k) {
    double half = pt__nearest_product(0.5, k);
    return p * pt__pow2(half) * pt__pow2(k - half);
}

/* a + b = sum + *err exactly (Knuth 1969). */
PT_FN double pt__two_sum(double a, double b, double *err) {
    double sum = a + b;
    double part = sum - a;
    *err = (a - (sum - part)) + (b - part);
    return sum;
}

/* The same when |a| >= |b| or a == 0 (Dekker 1971). */
PT_FN double pt__fast_two_sum(double a, double b, double *err) {
    double sum = a + b;
    *err = b - (sum - a);
    return sum;
}

/* a * b + c = sum + *err nearly, where |c| >= |a b|; the product is rounded only without FMA.
 * Explicit, so that contraction by the compiler cannot make lanes differ. */
PT_FN double pt__fast_multiply_add(double a, double b, double c, double *err) {
    double sum = PT_MA(a, b, c);
    *err = PT_MA(a, b, c - sum);
    return sum;
}

/* a * b + c = sum + *err, where the product is exact and |a b| >= |c| or a b == 0. */
PT_FN double pt__exact_multiply_add(double a, double b, double c, double *err) {
    double sum = PT_MA(a, b, c);
    *err = c + PT_MA(a, b, -sum);
    return sum;
}

/* The upper 27 bits of x, for products that must be exact without FMA. */
PT_FN double pt__upper(double x) {
    return pt__from_bits(pt__bits(x) & 0xfffffffff8000000u);
}

/* a * b = product + *err, where the parts neither overflow nor underflow (Dekker 1971). */
PT_FN double pt__two_prod(double a, double b, double *err) {
    double product = a * b;
#if PT_HAS_FMA
    *err = PT_MA(a, b, -product);
#else
    double ah = pt__upper(a);
    double al = a - ah;
    double bh = pt__upper(b);
    double bl = b - bh;
    *err = ((ah * bh - product) + ah * bl + al * bh) + al * bl;
#endif
    return product;
}

/* Polynomials, low coefficient first, by Estrin's scheme: short dependency chains. */
PT_FN double pt__p2(double x, double a, double b) {
    return PT_MA(b, x, a);
}

PT_FN double pt__p4(double x, double x2, double a, double b, double c, double d) {
    return PT_MA(PT_MA(d, x, c), x2, PT_MA(b, x, a));
}

PT_FN double pt__p8(double x, double x2, double x4, double a, double b, double c, double d,
                    double e, double f, double g, double h) {
    return PT_MA(pt__p4(x, x2, e, f, g, h), x4, pt__p4(x, x2, a, b, c, d));
}

/* ---- rounding and signs, as NumPy has them ---- */

PT_FN double pt_round(double x) {
    return PT_RINT(x);
}

PT_FN double pt_sign(double x) {
    double s = x > 0.0 ? 1.0 : x;
    return x < 0.0 ? -1.0 : (x == 0.0 ? 0.0 : s);
}

/* Whether one division gives a % b, for a and b not below 0. */
PT_FN int pt__fmod_is_near(double a, double b) {
    return (a + b < 0x1p1000) & (a / b < 0x1p52);
}

PT_FAR double pt__fmod_far(double a, double b) {
    return pt__fmod_is_near(a, b) ? -0.0 : fmod(a, b);
}

/* C's fmod.  Below 2^52 the whole part of the rounded quotient is that of a / b or one more, and
 * what remains is a multiple of b's last place that is not above b, so that every step is exact. */
PT_FN double pt__fmod(double a, double b) {
    double x = PT_ABS(a);
    double y = PT_ABS(b);
    double err;
    double product = pt__two_prod(PT_FLOOR(x / y), y, &err);
    double r = (x - product) - err;
    r = r < 0.0 ? r + y : r;
    r = pt__fmod_is_near(x, y) ? r : -0.0;
    return PT_COPYSIGN(r + pt__fmod_far(x, y), a);
}

/* numpy.mod: the remainder takes the sign of b. */
PT_FN double pt_mod(double a, double b) {
    double r = pt__fmod(a, b);
    double wrapped = ((r < 0.0) != (b < 0.0)) ? r + b : r;
    return r == 0.0 ? PT_COPYSIGN(0.0, b) : wrapped;
}

/* numpy.floor_divide: (a - mod) / b rounded to the nearest integer. */
PT_FN double pt_floor_div(double a, double b) {
    double r = pt__fmod(a, b);
    double quotient = (a - r) / b;
    quotient -= (r != 0.0 && (r < 0.0) != (b < 0.0)) ? 1.0 : 0.0;
    double whole = PT_FLOOR(quotient);
    whole += quotient - whole > 0.5 ? 1.0 : 0.0;
    double snapped = quotient == 0.0 ? PT_COPYSIGN(0.0, a / b) : whole;
    return b == 0.0 ? a / b : snapped;
}

/* Integer division rounds down; by zero it gives 0, and MIN // -1 wraps to MIN. */
PT_FN int64_t pt_ifloordiv(int64_t a, int64_t b) {
    if (b == 0) {
        return 0;
    }
    if (b == -1) {
        return (int64_t)(0u - (uint64_t)a);
    }
    int64_t q = a / b;
    return q - (int64_t)(a % b != 0 && (a < 0) != (b < 0));
}

PT_FN int64_t pt_imod(int64_t a, int64_t b) {
    if (b == 0 || b == -1) {
        return 0;
    }
    int64_t r = a % b;
    return (r != 0 && (r < 0) != (b < 0)) ? r + b : r;
}

/* base**n modulo 2^64.  A negative n, which NumPy refuses, gives the rounded-to-zero power:
 * 1 and -1 have one, and every other base gives 0. */
PT_FN int64_t pt_ipow(int64_t base, int64_t n) {
    if (n < 0) {
        int64_t unit = base == -1 ? ((n & 1) ? -1 : 1) : 0;
        return base == 1 ? 1 : unit;
    }
    uint64_t power = (uint64_t)base;
    uint64_t result = 1;
    for (uint64_t bits = (uint64_t)n; bits != 0; bits >>= 1) {
        result *= (bits & 1) ? power : 1;
        power *= power;
    }
    return (int64_t)result;
}

#endif
