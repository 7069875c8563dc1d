/* pow, and the logarithm in two doubles (64 bits) that it and gamma use. */
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

/* |x|^y times the sign or nan of a negative x; special values as in C and IEEE 754. Without FMA the
 * exact products cost more than vectorisation gains, so libm is called. */
PT_FN double pt_pow(double x, double y) {
#if !PT_HAS_FMA
    return pow(x, y);
#else
    double a = PT_ABS(x);
    double inside = a > 0.0 ? a : 1.0;
    inside = a < PT_INF ? inside : 1.0;
    double log_lo;
    double log_hi = pt__log_pair(inside, &log_lo);
    log_hi = a == 0.0 ? -PT_INF : log_hi;
    log_hi = a < PT_INF ? log_hi : a;
    double err;
    double exponent = pt__two_prod(y, log_hi, &err);
    err = PT_MA(y, log_lo, err);
    err = PT_ABS(exponent) < 800.0 ? err : 0.0;
    double k;
    double low;
    double p = pt__exp_parts(pt__clamp(exponent, -800.0, 800.0), err, &k, &low);
    double power = pt__scale(p + low, k);
    double parity = pt__parity(y);
    double whole = PT_ABS(x) < PT_INF ? parity : (parity < 0.0 ? -1.0 : 1.0);
    whole = x == 0.0 ? (parity < 0.0 ? -1.0 : 1.0) : whole;
    double value = PT_COPYSIGN(1.0, x) < 0.0 ? whole * power : power;
    value = PT_ABS(y) == PT_INF ? (a == 1.0 ? 1.0 : power) : value;
    value = x == 1.0 ? 1.0 : value;
    return y == 0.0 ? 1.0 : value;
#endif
}

#endif
