/* Logarithms of probabilities on the scale of a linear predictor, their slopes, and products in
 * which zero times infinity is 0.
 *
 * Each is accurate where the probability itself rounds to 0 or 1.
 */
#ifndef PT_LINKS_H
#define PT_LINKS_H

#include "pt_elementary.h"
#include "pt_erf.h"

/* ---- products with zero ---- */

/* x * y; 0 where x == 0 (nan if y is nan). */
PT_FN double pt_xtimes(double x, double y) {
    double product = x * y;
    return x == 0.0 && y == y ? 0.0 : product;
}

/* x * e^y; 0 where x == 0 (nan if y is nan). */
PT_FN double pt_xexpy(double x, double y) {
    return pt_xtimes(x, pt_exp(y));
}

/* ---- complementary log-log ---- */

/* e^x = result + *low, for x in [-700, 700]. */
PT_FN double pt__exp_pair(double x, double *low) {
    double k;
    double p_lo;
    double p = pt__exp_parts(x, 0.0, &k, &p_lo);
    double scale = pt__pow2(k);
    *low = p_lo * scale;
    return p * scale;
}

/* log(1 - e^(-e^x)): x far left, -e^(-e^x) far right. */
PT_FN double pt_log_cexpexp(double x) {
    double u_lo;
    double u = pt__exp_pair(pt__clamp(x, -40.0, 6.65), &u_lo);
    double k;
    double e_lo;
    double p = pt__exp_parts(-u, -u_lo, &k, &e_lo);
    double e = pt__scale(p, k);
    double far_lo;
    double far = pt__fast_two_sum(1.0, -e, &far_lo);
    far_lo = PT_MA(-e_lo, pt__pow2(k > -1022.0 ? k : -1022.0), far_lo);
    double near_lo;
    double near = -pt__expm1_parts(-u, -u_lo, &near_lo);
    double low;
    double high = pt__log_sum(u > 0.7 ? far : near, u > 0.7 ? far_lo : -near_lo, &low);
    return x < -40.0 ? x : (x == x ? high + low : x);
}

/* u / (e^u - 1) for u = e^x: the derivative of log(1 - e^(-e^x)), from 1 down to 0. */
PT_FN double pt_log_cexpexp_slope(double x) {
    double u_lo;
    double u = pt__exp_pair(pt__clamp(x, -40.0, 6.68), &u_lo);
    double d_lo;
    double d = pt__expm1_parts(u < 40.0 ? u : 40.0, u < 40.0 ? u_lo : 0.0, &d_lo);
    double q = u / d;
    double err;
    double back = pt__two_prod(q, d, &err);
    double near = q + (((u - back) - err) + PT_MA(-q, d_lo, u_lo)) / d;
    double far_lo;
    double far = pt__damped(u, u_lo, u, u_lo, &far_lo);
    return x == x ? (u < 40.0 ? near : far) : x;
}

/* ---- softplus ---- */

/* log(log(1 + e^x)): x far left, log(x) far right. */
PT_FN double pt_log_softplus(double x) {
    double e_lo;
    double e = pt__exp_pair(pt__clamp(-PT_ABS(x), -60.0, 0.0), &e_lo);
    double lost;
    double sum = pt__fast_two_sum(1.0, e, &lost);
    double series_lo;
    double series = pt__log_sum(sum, lost + e_lo, &series_lo);
    double err;
    double whole = pt__two_sum(x > 0.0 ? x : 0.0, series, &err);
    double low;
    double high = pt__log_sum(whole, err + series_lo, &low);
    double value = x < PT_INF ? high + low : x;
    return x < -37.0 ? x : value;
}

/* ---- normal ---- */

/* phi(x) / ndtr(x), the derivative of log ndtr(x): -x far left, 0 far right. */
PT_FN double pt_inverse_mills(double x) {
    const double scale = 0.3989422804014327;     /* 1 / sqrt(2 pi) */
    const double scale_lo = -2.4923272022777433e-17;
    double a = PT_ABS(x);
    double q_lo;
    double q = pt__mills_parts(pt__clamp(a, 0.0, 1e300), &q_lo);
    double near = pt__clamp(a, 0.0, 40.0);
    double tail_lo;
    double tail = pt__normal_tail(near, q, q_lo, &tail_lo);
    double square_lo;
    double square = pt__two_prod(near, near, &square_lo);
    double density_lo;
    double density = pt__damped(scale, scale_lo, 0.5 * square, 0.5 * square_lo, &density_lo);
    double rest_lo;
    double rest = pt__fast_two_sum(1.0, -tail, &rest_lo);
    double n = x < 0.0 ? scale : density;
    double n_lo = x < 0.0 ? scale_lo : density_lo;
    double d = x < 0.0 ? q : rest;
    double d_lo = x < 0.0 ? q_lo : rest_lo - tail_lo;
    double quotient = n / d;
    double err;
    double back = pt__two_prod(quotient, d, &err);
    double value = quotient + (((n - back) - err) + PT_MA(-quotient, d_lo, n_lo)) / d;
    return x < -1e150 ? -x : (x == x ? value : x);
}

#endif
