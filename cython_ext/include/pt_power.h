/* pow, and the logarithm in two doubles (64 bits), by series for gamma and by a table for pow. */
#ifndef PT_POWER_H
#define PT_POWER_H

#include "pt_elementary.h"

/* (a + a_lo)(b + b_lo) = result + *low. */
PT_FN double pt__pair_product(double a, double a_lo, double b, double b_lo, double *low) {
    double err;
    double product = pt__two_prod(a, b, &err);
    return pt__fast_two_sum(product, err + PT_MA(a, b_lo, a_lo * b), low);
}

/* atanh(s) / s = 1 + z (1/3 + z (1/5 + z Q(z))), z = s^2: Q for z <= 0.0295. */
PT_FN double pt__atanh_series(double z) {
    double z2 = z * z;
    double low = pt__p4(z, z2, 0.142857142857143, 0.11111111111070107, 0.09090909113141939,
                        0.07692303177946223);
    double high = PT_MA(0.05783675864795672, z2,
                        pt__p2(z, 0.06667102232253053, 0.058608658735881045));
    return PT_MA(high, z2 * z2, low);
}

/* log(x) = result + *low to 2^-64 relative, for finite x > 0. */
PT_FN double pt__log_pair(double x, double *low) {
    double k;
    double m = pt__log_split(x, &k);
    double f = m - 1.0;
    double d_lo;
    double d = pt__two_sum(m, 1.0, &d_lo);
    double inverse = 1.0 / d;
    double s = f * inverse;
    double err;
    double back = pt__two_prod(s, d, &err);
    double s_lo = PT_MA(-s, d_lo, (f - back) - err) * inverse;
    double z_lo;
    double z = pt__pair_product(s, s_lo, s, s_lo, &z_lo);
    double third_lo;
    double outer = PT_MA(z, PT_MA(z, pt__atanh_series(z), 0.2), 1.850371707708594e-17);
    double third = pt__fast_two_sum(0.3333333333333333, outer, &third_lo);
    double rest_lo;
    double rest = pt__pair_product(z, z_lo, third, third_lo, &rest_lo);
    double tail_lo;
    double tail = pt__pair_product(s, s_lo, rest, rest_lo, &tail_lo);
    double sum_lo;
    double sum = pt__fast_two_sum(2.0 * s, 2.0 * tail, &sum_lo);
    sum_lo += 2.0 * (s_lo + tail_lo);
    double high = pt__fast_two_sum(k * PT_LN2_HI, sum, &err);
    return pt__fast_two_sum(high, err + PT_MA(k, PT_LN2_LO, sum_lo), low);
}

/* 1 for even integers y, -1 for odd ones, nan otherwise. */
PT_FN double pt__parity(double y) {
    double half = 0.5 * y;
    double sign = half == PT_RINT(half) ? 1.0 : -1.0;
    return y == PT_RINT(y) ? sign : PT_NAN;
}

#if !PT_HAS_FMA || defined(__CUDACC__)
#define PT__LOG_FOR_POWER pt__log_pair
#else
#include "pt_log_table.h"
#define PT__LOG_FOR_POWER pt__log_by_table

/* log(x) = result + *low to 2^-64 relative, for finite x > 0, and something near -750 for 0, 710
 * for inf.  With FMA in less than half the time of pt__log_pair; but where its value is selected,
 * loops are no vector code: the compiler loads from the table under a mask, which AVX2 lacks. */
PT_FN double pt__log_by_table(double x, double *low) {
    const uint64_t one = 0x3ff0000000000000u;
    const uint64_t first = 0x3fe6a00000000000u;    /* the bits of 0.70703125 */
    double tiny = x < PT_DBL_MIN ? 1.0 : 0.0;
    double scaled = x < PT_DBL_MIN ? x * 18014398509481984.0 : x;
    uint64_t shifted = pt__bits(scaled) - first;
    uint64_t step = (shifted >> 45) & 127u;
    double biased = pt__from_bits(((shifted + one) >> 52) | 0x4330000000000000u);
    double k = PT_MA(tiny, -54.0, biased - (4503599627370496.0 + 1023.0));
    double m = pt__from_bits((shifted & 0x000fffffffffffffu) + first);
    double f = PT_MA(m, pt__log_factors[step], -1.0);           /* exact, and at most 2^-7 */
    double err;
    double high = pt__fast_two_sum(PT_MA(k, PT_LN2_HI, pt__log_high[step]), f, &err);
    double rest = PT_MA(k, PT_LN2_LO, pt__log_low[step]) + err;
    double square_lo;
    double square = pt__two_prod(-0.5 * f, f, &square_lo);
    double sum = pt__fast_two_sum(high, square, &err);
    double f2 = f * f;
    double series = pt__p8(f, f2, f2 * f2, 0.3333333333333333, -0.25, 0.2, -0.16666666666666666,
                           0.14285714285714285, -0.125, 0.1111111111111111, -0.1);
    return pt__fast_two_sum(sum, PT_MA(f2 * f, series, rest + (err + square_lo)), low);
}
#endif

/* |x|^y times the sign or nan of a negative x; special values as in C and IEEE 754. Without FMA
 * the exact products cost more than vectorisation gains, so libm is called.  Ends are added to the
 * exponent, not selected, as pt__log_by_table says. */
PT_FN double pt_pow(double x, double y) {
#if !PT_HAS_FMA
    return pow(x, y);
#else
    const double largest = 1.7976931348623157e308;
    double a = PT_ABS(x);
    double end = a < PT_INF ? 0.0 : a - a;
    end = a == PT_INF ? 2000.0 : end;
    end = a == 0.0 ? -2000.0 : end;
    end = y > 0.0 ? end : (y < 0.0 ? -end : 0.0);
    double times = pt__clamp(x == 1.0 ? 0.0 : y, -largest, largest);
    double log_lo;
    double log_hi = PT__LOG_FOR_POWER(a, &log_lo);
    double err;
    double exponent = pt__two_prod(times, log_hi, &err) + end;
    err = PT_MA(times, log_lo, err);
    err = PT_ABS(exponent) < 800.0 ? err : 0.0;
    exponent = pt__clamp(exponent, -800.0, 800.0);
    double k = pt__nearest_product(exponent, PT_LOG2_E);
    double low;
    double r = pt__fast_two_sum(PT_MA(-k, PT_LN2_HI, exponent), PT_MA(-k, PT_LN2_LO, err), &low);
    double one = pt__fast_two_sum(1.0, r, &err);
    double power = pt__scale(one + (PT_MA(r * r, pt__exp_tail(r), low) + err), k);
    double parity = pt__parity(y);
    double sign = (a > 0.0) & (a < PT_INF) ? parity : (parity < 0.0 ? -1.0 : 1.0);
    sign = y == 0.0 ? 1.0 : sign;
    return power * (PT_COPYSIGN(1.0, x) < 0.0 ? sign : 1.0);
#endif
}

#endif
