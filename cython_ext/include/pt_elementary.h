/* exp, log, and functions composed of them: hyperbolic, logistic and log-scale functions.
 *
 * exp:  x = k ln2 + r in two parts, e^r = 1 + r + r^2 Q(r).
 * log:  x = 2^k (1 + f), s = f / (2 + f), log(1 + f) = 2 atanh(s)
 *       (Tang 1990, ACM TOMS 16:378, for the shape; the coefficients are Chebyshev
 *       interpolants computed in 60 digits).
 * Compositions that would lose a digit use the low part of the inner function too.
 */
#ifndef PT_ELEMENTARY_H
#define PT_ELEMENTARY_H

#include "pt_base.h"

/* ---- kernels ---- */

/* x clamped to [low, high]; nan propagates. */
PT_FN double pt__clamp(double x, double low, double high) {
    double below = x > high ? high : x;
    return below < low ? low : below;
}

/* (e^r - 1 - r) / r^2 for |r| <= ln2/2. */
PT_FN double pt__exp_tail(double r) {
    double r2 = r * r;
    double r4 = r2 * r2;
    double low = pt__p8(r, r2, r4, 0.5, 0.1666666666666667, 0.04166666666666667,
                        0.008333333333326084, 0.0013888888888883711, 0.0001984126987500228,
                        2.480158732567746e-05, 2.755725517000089e-06);
    double high = PT_MA(2.09147553258932e-09, r2,
                        pt__p2(r, 2.755727347871858e-07, 2.5105312729622103e-08));
    return PT_MA(high, r4 * r4, low);
}

/* x + x_lo = *k ln2 + r, and e^r - 1 = r + *tail. */
PT_FN double pt__exp_reduce(double x, double x_lo, double *k, double *tail) {
    double whole = pt__nearest_product(x, PT_LOG2_E);
    double high = PT_MA(-whole, PT_LN2_HI, x);
    double low = PT_MA(-whole, PT_LN2_LO, x_lo);
    double r_lo;
    double r = pt__two_sum(high, low, &r_lo);
    *k = whole;
    *tail = PT_MA(r * r, pt__exp_tail(r), PT_MA(r_lo, r, r_lo));
    return r;
}

/* e^(x + x_lo) = 2^*k (result + *low), for x in [-800, 800]. */
PT_FN double pt__exp_parts(double x, double x_lo, double *k, double *low) {
    double tail;
    double r = pt__exp_reduce(x, x_lo, k, &tail);
    double err;
    double high = pt__fast_two_sum(1.0, r, &err);
    return pt__fast_two_sum(high, tail + err, low);
}

/* e^(x + x_lo) - 1 = result + *low, relative to the result, for x in [-800, 710]. */
PT_FN double pt__expm1_parts(double x, double x_lo, double *low) {
    double k;
    double tail;
    double r = pt__exp_reduce(x, x_lo, &k, &tail);
    double half = pt__pow2(k - 1.0);
    double err;
    double sum = pt__two_sum(half - 0.5, half * r, &err);
    err = PT_MA(half, tail, err);
    double high = pt__fast_two_sum(sum, err, low);
    *low = 2.0 * *low;
    return 2.0 * high;
}

/* (log((1 + s) / (1 - s)) - 2 s) / s for s^2 = z, |s| <= 0.1716. */
PT_FN double pt__log_series(double z) {
    double z2 = z * z;
    return z * pt__p8(z, z2, z2 * z2, 0.6666666666666666, 0.40000000000000885,
                      0.28571428570799784, 0.22222222392581045, 0.18181795547521137,
                      0.15386244737621665, 0.13268638369266825, 0.13088034850927555);
}

/* log(1 + f) = result + *low, for 1 + f in [sqrt(1/2), sqrt(2)]. */
PT_FN double pt__log_kernel(double f, double *low) {
    double s = f / (2.0 + f);
    double half = 0.5 * f;
    double err;
    double high = pt__fast_multiply_add(-half, f, f, &err);
    *low = PT_MA(s, PT_MA(half, f, pt__log_series(s * s)), err);
    return high;
}

/* x = 2^*k m with m in [sqrt(1/2), sqrt(2)), for finite x > 0, subnormals included. */
PT_FN double pt__log_split(double x, double *k) {
    const uint64_t one = 0x3ff0000000000000u;
    const uint64_t root = 0x3fe6a09e667f3bcdu;     /* the bits of sqrt(1/2) */
    double tiny = x < PT_DBL_MIN ? 1.0 : 0.0;
    double scaled = x < PT_DBL_MIN ? x * 18014398509481984.0 : x;
    uint64_t shifted = pt__bits(scaled) + (one - root);
    double biased = pt__from_bits((shifted >> 52) | 0x4330000000000000u);
    *k = PT_MA(tiny, -54.0, biased - (4503599627370496.0 + 1023.0));
    return pt__from_bits((shifted & 0x000fffffffffffffu) + root);
}

/* k ln2 + log(1 + f) = result + *low. */
PT_FN double pt__log_join(double k, double f, double *low) {
    double tail;
    double series = pt__log_kernel(f, &tail);
    double err;
    double high = pt__exact_multiply_add(k, PT_LN2_HI, series, &err);
    *low = err + PT_MA(k, PT_LN2_LO, tail);
    return high;
}

/* log(x) = result + *low for finite x > 0. */
PT_FN double pt__log_parts(double x, double *low) {
    double k;
    double m = pt__log_split(x, &k);
    return pt__log_join(k, m - 1.0, low);
}

/* log(x + x_lo) = result + *low for finite x > 0, where x_lo is at most a few ulp of x. */
PT_FN double pt__log_sum(double x, double x_lo, double *low) {
    double k;
    double m = pt__log_split(x, &k);
    double inverse_power = pt__pow2(pt__clamp(-k, -1022.0, 1023.0));
    return pt__log_join(k, PT_MA(x_lo, inverse_power, m - 1.0), low);
}

/* The values of log outside (0, inf), in place of a computed one. */
PT_FN double pt__log_edges(double x, double inside) {
    double value = x < PT_INF ? inside : x;
    value = x < 0.0 ? PT_NAN : value;
    return x == 0.0 ? -PT_INF : value;
}

/* ---- exp and log ---- */

PT_FN double pt_exp(double x) {
    double y = pt__clamp(x, -746.0, 710.0);
    double k = pt__nearest_product(y, PT_LOG2_E);
    double r = PT_MA(-k, PT_LN2_LO, PT_MA(-k, PT_LN2_HI, y));
    double p = 1.0 + PT_MA(r * r, pt__exp_tail(r), r);
    return pt__scale(p, k);
}

PT_FN double pt_exp2(double x) {
    double y = pt__clamp(x, -1080.0, 1030.0);
    double k = pt__nearest(y);
    double r = y - k;
    double r2 = r * r;
    double r4 = r2 * r2;
    double low = pt__p8(r, r2, r4, 0.6931471805599453, 0.24022650695910072,
                        0.055504108664821625, 0.00961812910762848, 0.0013333558146406295,
                        0.00015403530393370645, 1.5252733841782436e-05, 1.321548680881726e-06);
    double high = pt__p4(r, r2, 1.01780569717918e-07, 7.054897246767236e-09,
                         4.4558384999982015e-10, 2.5729426100386435e-11);
    double p = PT_MA(PT_MA(high, r4 * r4, low), r, 1.0);
    return pt__scale(p, k);
}

PT_FN double pt_expm1(double x) {
    double low;
    double value = pt__expm1_parts(pt__clamp(x, -60.0, 710.0), 0.0, &low);
    return PT_ABS(x) < 1e-17 ? x : value;
}

PT_FN double pt_log(double x) {
    double k;
    double m = pt__log_split(x, &k);
    double low;
    double high = pt__log_kernel(m - 1.0, &low);
    double value = PT_MA(k, PT_LN2_HI, high + PT_MA(k, PT_LN2_LO, low));
    return pt__log_edges(x, value);
}

PT_FN double pt_log2(double x) {
    const double scale_lo = 2.0355273740931033e-17;
    double k;
    double m = pt__log_split(x, &k);
    double low;
    double high = pt__log_kernel(m - 1.0, &low);
    double err;
    double product = pt__two_prod(high, PT_LOG2_E, &err);
    err += PT_MA(high, scale_lo, low * PT_LOG2_E);
    double carry;
    double sum = pt__fast_two_sum(k, product, &carry);
    return pt__log_edges(x, sum + (carry + err));
}

PT_FN double pt_log10(double x) {
    const double scale_hi = 0.4342944819032518;
    const double scale_lo = 1.098319650216765e-17;
    const double two_hi = 0.3010299956640665;
    const double two_lo = -8.532344317057107e-14;
    double k;
    double m = pt__log_split(x, &k);
    double low;
    double high = pt__log_kernel(m - 1.0, &low);
    double err;
    double product = pt__two_prod(high, scale_hi, &err);
    err += PT_MA(high, scale_lo, low * scale_hi);
    double carry;
    double sum = pt__exact_multiply_add(k, two_hi, product, &carry);
    return pt__log_edges(x, sum + (carry + PT_MA(k, two_lo, err)));
}

PT_FN double pt_log1p(double x) {
    double lost;
    double u = pt__two_sum(1.0, x, &lost);
    double low;
    double high = pt__log_sum(u, lost, &low);
    double value = pt__log_edges(u, high + low);
    return PT_ABS(x) < 1e-17 ? x : value;
}

/* log(1 + (x w)^2), also where the square or the product overflows: past 2^511 the 1 is negligible,
 * and the result is twice the logarithm of the product, each factor scaled by 2^-512. */
PT_FN double pt_log1p_square(double x, double w) {
    const double limit = 6.703903964971299e153;     /* 2^511 */
    double product = PT_ABS(x * w);
    double scale = product > limit ? 7.458340731200207e-155 : 1.0;     /* 2^-512 */
    double one = product > limit ? 0.0 : 1.0;
    double y = PT_ABS((x * scale) * (w * scale));
    double square = y * y;
    double lost;
    double u = pt__two_sum(one, product > limit ? y : square, &lost);
    double k;
    double m = pt__log_split(u, &k);
    double part = lost * pt__pow2(k < 1000.0 ? -k : -1000.0);
    double low;
    double high = pt__log_kernel((m - 1.0) + part, &low);
    k += (1.0 - one) * 1024.0;
    double value = PT_MA(k, PT_LN2_HI, high + PT_MA(k, PT_LN2_LO, low)) * (2.0 - one);
    value = u < PT_INF ? value : u;
    return product < 1e-9 ? square : value;
}

/* ---- logistic family ---- */

/* Both use e^-|x|, which a compiler shares between them. */
PT_FN double pt_sigmoid(double x) {
    double e = pt_exp(-PT_ABS(x));
    double lost;
    double below = pt__fast_two_sum(1.0, e, &lost);
    double above = x < 0.0 ? e : 1.0;
#if PT_HAS_FMA
    /* One division; the remainder, exact with FMA, corrects the quotient. */
    double inverse = 1.0 / below;
    double quotient = above * inverse;
    double rest = PT_MA(-quotient, below, above);
    return PT_MA(PT_MA(-quotient, lost, rest), inverse, quotient);
#else
    double quotient = above / below;
    return quotient - quotient * lost / below;
#endif
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), the latter as k ln2 + log(1 + f) with k 0 or 1. */
PT_FN double pt_softplus(double x) {
    double e = pt_exp(-PT_ABS(x));
    double f = e > 0.4142135623730951 ? 0.5 * (e - 1.0) : e;
    double low;
    double series = pt__log_kernel(f, &low);
    double err;
    double high = pt__fast_two_sum(e > 0.4142135623730951 ? PT_LN2_HI : 0.0, series, &err);
    err += low + (e > 0.4142135623730951 ? PT_LN2_LO : 0.0);
    double linear = x > 0.0 ? x : 0.0;
    return linear + (high + err);
}

PT_FN double pt_log_sigmoid(double x) {
    return -pt_softplus(-x);
}

/* log(1 - e^x): -inf at 0, nan above. */
PT_FN double pt_log1mexp(double x) {
    double y = pt__clamp(x, -746.0, 0.0);
    double k;
    double tail;
    double r = pt__exp_reduce(y, 0.0, &k, &tail);
    double e = pt__scale(1.0 + (r + tail), k);
    double far_lost;
    double far = pt__fast_two_sum(1.0, -e, &far_lost);
    double near_lost;
    double near = -pt__expm1_parts(y, 0.0, &near_lost);
    double u = y < -0.7 ? far : near;
    double lost = y < -0.7 ? far_lost : -near_lost;
    u = y > -1e-17 ? -y : u;
    lost = y > -1e-17 ? 0.0 : lost;
    double low;
    double high = pt__log_sum(u, lost, &low);
    double value = pt__log_edges(u, high + low);
    return x > 0.0 ? PT_NAN : value;
}

/* log(e^a + e^b). */
PT_FN double pt_logaddexp(double a, double b) {
    double top = a > b ? a : b;
    double bottom = a > b ? b : a;
    double gap_lo;
    double gap = pt__two_sum(bottom, -top, &gap_lo);
    gap_lo = gap > -1e300 ? gap_lo : 0.0;
    gap = a == b ? 0.0 : gap;
    gap_lo = a == b ? 0.0 : gap_lo;
    double k;
    double p_lo;
    double p = pt__exp_parts(pt__clamp(gap, -746.0, 0.0), gap_lo, &k, &p_lo);
    double e = pt__scale(p, k);
    double e_lo = p_lo * pt__pow2(k > -1022.0 ? k : -1022.0);
    double lost;
    double u = pt__fast_two_sum(1.0, e, &lost);
    double low;
    double high = pt__log_sum(u, lost + e_lo, &low);
    double err;
    double sum = pt__two_sum(top, high, &err);
    double value = sum + (err + low);
    double edge = bottom == bottom ? top : bottom;
    return PT_ABS(top) < PT_INF ? value : edge;
}

/* log of (n + n_lo) / (d + d_lo), near 1 relative to the result; n and d finite. */
PT_FN double pt__log_ratio(double n, double n_lo, double d, double d_lo) {
    double q = n / d;
    double err;
    double back = pt__two_prod(q, d, &err);
    double missing = (((n - back) - err) + PT_MA(-q, d_lo, n_lo)) / d;
    missing = d == 0.0 ? 0.0 : missing;
    double low;
    double high = pt__log_sum(q, missing, &low);
    return pt__log_edges(q, high + low);
}

/* log(p / (1 - p)). */
PT_FN double pt_logit(double p) {
    double d_lo;
    double d = pt__fast_two_sum(1.0, -p, &d_lo);
    return pt__log_ratio(p, 0.0, d, d_lo);
}

/* x; the order of computing it is that of a function of both. */
PT_FN double pt_after(double x, double y) {
    (void)y;
    return x;
}

PT_FN double pt_xlogy(double x, double y) {
    double product = x * pt_log(y);
    return x == 0.0 && y == y ? 0.0 : product;
}

PT_FN double pt_xlog1py(double x, double y) {
    double product = x * pt_log1p(y);
    return x == 0.0 && y == y ? 0.0 : product;
}

/* ---- hyperbolic family ---- */

PT_FN double pt_tanh(double x) {
    double a = PT_ABS(x);
    double low;
    double e = pt__expm1_parts(2.0 * pt__clamp(a, 0.0, 20.0), 0.0, &low);
    double d_lo;
    double d = pt__two_sum(e, 2.0, &d_lo);
    double inverse = 1.0 / d;
    double q = e * inverse;
    double err;
    double back = pt__two_prod(q, d, &err);
    double missing = ((e - back) - err) + PT_MA(-q, d_lo + low, low);
    double value = PT_COPYSIGN(PT_MA(missing, inverse, q), x);
    return a < 1e-8 ? x : value;
}

/* (e^x - e^-x) / 2 by expm1, and past 20 by e^x / 2 alone. */
PT_FN double pt_sinh(double x) {
    double a = PT_ABS(x);
    double y = pt__clamp(a, 0.0, 711.0);
    double k;
    double tail;
    double r = pt__exp_reduce(y, 0.0, &k, &tail);
    double large = pt__scale(1.0 + (r + tail), k - 1.0);
    double e_lo;
    double e = pt__expm1_parts(y > 40.0 ? 40.0 : y, 0.0, &e_lo);
    double d_lo;
    double d = pt__two_sum(1.0, e, &d_lo);
    double q = e / d;
    double q_lo = PT_MA(-q, d_lo + e_lo, e_lo) / d;
    double err;
    double sum = pt__two_sum(e, q, &err);
    double small = 0.5 * (sum + (err + (e_lo + q_lo)));
    double value = PT_COPYSIGN(y > 20.0 ? large : small, x);
    return a < 1e-8 ? x : value;
}

/* 2^(k-1) (p + 2^-2k / p) where e^|x| = 2^k p. */
PT_FN double pt_cosh(double x) {
    double k;
    double low;
    double p = pt__exp_parts(pt__clamp(PT_ABS(x), 0.0, 711.0), 0.0, &k, &low);
    double inverse = pt__pow2(-2.0 * (k < 100.0 ? k : 100.0)) / p;
    double err;
    double sum = pt__fast_two_sum(p, inverse, &err);
    return pt__scale(sum + (err + low), k - 1.0);
}

/* log(|x| + sqrt(x^2 + 1)) with the argument in two parts; past 2^30 it is log(2 |x|). */
PT_FN double pt_asinh(double x) {
    double a = PT_ABS(x);
    double y = a < 1073741824.0 ? a : 1.0;
    double square_lo;
    double square = pt__two_prod(y, y, &square_lo);
    double s_lo;
    double s = pt__two_sum(square, 1.0, &s_lo);
    double root = PT_SQRT(s);
    double err;
    double back = pt__two_prod(root, root, &err);
    double root_lo = (((s - back) - err) + (s_lo + square_lo)) / (2.0 * root);
    double u_lo;
    double u = pt__two_sum(root, y, &u_lo);
    u = a < 1073741824.0 ? u : a;
    double low;
    double high = pt__log_sum(u, a < 1073741824.0 ? u_lo + root_lo : 0.0, &low);
    double shift = a < 1073741824.0 ? 0.0 : 0.6931471805599453;
    double value = PT_COPYSIGN(shift + pt__log_edges(u, high + low), x);
    return a < 1e-8 ? x : value;
}

/* log(x + sqrt(x^2 - 1)), as asinh. */
PT_FN double pt_acosh(double x) {
    double y = x < 1073741824.0 ? x : 2.0;
    double square_lo;
    double square = pt__two_prod(y, y, &square_lo);
    double s_lo;
    double s = pt__two_sum(square, -1.0, &s_lo);
    double s_sum = s + (s_lo + square_lo);
    double root = PT_SQRT(s_sum);
    double err;
    double back = pt__two_prod(root, root, &err);
    double rest = ((s - back) - err) + (s_lo + square_lo);
    double root_lo = root > 0.0 ? rest / (2.0 * root) : 0.0;
    double u_lo;
    double u = pt__two_sum(y, root, &u_lo);
    u = x < 1073741824.0 ? u : x;
    double low;
    double high = pt__log_sum(u, x < 1073741824.0 ? u_lo + root_lo : 0.0, &low);
    double shift = x < 1073741824.0 ? 0.0 : 0.6931471805599453;
    double value = shift + pt__log_edges(u, high + low);
    return x < 1.0 ? PT_NAN : value;
}

PT_FN double pt_atanh(double x) {
    double n_lo;
    double n = pt__two_sum(1.0, x, &n_lo);
    double d_lo;
    double d = pt__two_sum(1.0, -x, &d_lo);
    double value = 0.5 * pt__log_ratio(n, n_lo, d, d_lo);
    return PT_ABS(x) < 1e-8 ? x : value;
}

/* ---- cube root ---- */

/* exp(log(m) / 3) on the significand, then one Newton step with an exact residual. */
PT_FN double pt_cbrt(double x) {
    double a = PT_ABS(x);
    double k;
    double m = pt__log_split(a, &k);
    double third = pt__nearest_product(k, 0.3333333333333333);
    double rest = k - 3.0 * third;
    double low;
    double high = pt__log_kernel(m - 1.0, &low);
    double r = PT_MA(rest, 0.6931471805599453, high + low) * 0.3333333333333333;
    double y = 1.0 + PT_MA(r * r, pt__exp_tail(r), r);
    double target = m * pt__pow2(rest);
    double square_lo;
    double square = pt__two_prod(y, y, &square_lo);
    double cube_lo;
    double cube = pt__two_prod(square, y, &cube_lo);
    double residual = (cube - target) + PT_MA(square_lo, y, cube_lo);
    double value = pt__scale(y - residual / (3.0 * square), third);
    value = a < PT_INF ? value : a;
    return x == 0.0 ? x : PT_COPYSIGN(value, x);
}

/* log(cosh x) = log(1 + e^2 / (4 (1 + e))) / 2 for e = exp(2 |x|) - 1, which tanh shares. */
PT_FN double pt_log_cosh(double x) {
    double a = PT_ABS(x);
    double low;
    double e = pt__expm1_parts(2.0 * pt__clamp(a, 0.0, 20.0), 0.0, &low);
    double v = PT_MA(e, e, 2.0 * e * low) / (PT_MA(4.0, e, 4.0) + 4.0 * low);
    double lost;
    double u = pt__two_sum(1.0, v, &lost);
    double k;
    double m = pt__log_split(u, &k);
    double rest;
    double high = pt__log_kernel((m - 1.0) + lost * pt__pow2(-k), &rest);
    double value = PT_MA(k, PT_LN2_HI, high + PT_MA(k, PT_LN2_LO, rest));
    value = v < 1e-17 ? v : value;
    return a > 20.0 ? a - PT_LN2_HI - PT_LN2_LO : 0.5 * value;
}

/* ---- float32: the double function, rounded ---- */

PT_FN float pt_exp_f(float x) {
    return (float)pt_exp(x);
}

PT_FN float pt_log_f(float x) {
    return (float)pt_log(x);
}

PT_FN float pt_log1p_f(float x) {
    return (float)pt_log1p(x);
}

PT_FN float pt_tanh_f(float x) {
    return (float)pt_tanh(x);
}

PT_FN float pt_sigmoid_f(float x) {
    return (float)pt_sigmoid(x);
}

PT_FN float pt_softplus_f(float x) {
    return (float)pt_softplus(x);
}

#endif
