/* Small differences of logarithms, in log densities near their mode.
 *
 * x log(x/m) + m - x, the deviance of Loader (2000, "Fast and accurate computation of binomial
 * probabilities", where it is bd0), and similar functions.  Each is computed from the difference of
 * the arguments, not of the logarithms.  Inline and free of branches, as pt_elementary.h.
 */
#ifndef PT_DIVERGENCE_H
#define PT_DIVERGENCE_H

#include "pt_elementary.h"

/* log(1 + f) - f for 1 + f in [sqrt(1/2), sqrt(2)]. */
PT_FN double pt__log1pmx_near(double f) {
    double s = f / (2.0 + f);
    double half = 0.5 * f * f;
    return PT_MA(s, half + pt__log_series(s * s), -half);
}

/* log(u + lost) for u + lost = 1 + x > 0, and *excess, its difference from x. */
PT_FN double pt__log_excess_parts(double u, double lost, double x, double *excess) {
    double k;
    double m = pt__log_split(u, &k);
    double inverse_power = pt__pow2(pt__clamp(-k, -1022.0, 1023.0));
    double f = PT_MA(lost, inverse_power, m - 1.0);
    double near = pt__log1pmx_near(f);
    double log = PT_MA(k, PT_LN2_HI, f + PT_MA(k, PT_LN2_LO, near));
    *excess = k == 0.0 ? near : log - x;
    return log;
}

/* As above, for 1 + x. */
PT_FN double pt__log1p_excess_parts(double x, double *excess) {
    double lost;
    double u = pt__two_sum(1.0, x, &lost);
    return pt__log_excess_parts(u, lost, x, excess);
}

/* log(1 + x) - x. */
PT_FN double pt_log1pmx(double x) {
    double value;
    pt__log1p_excess_parts(x > -1.0 && x < 1e300 ? x : 0.0, &value);
    value = x < 1e300 ? value : -x;
    value = x == -1.0 ? -PT_INF : value;
    value = x < -1.0 ? PT_NAN : value;
    return x == x ? value : x;
}

/* *more = e^x - 1 - x and *less = e^x - 1 for x in [-746, 710]; the result is e^x. */
PT_FN double pt__exp_excess_parts(double x, double *less, double *more) {
    double k = pt__nearest(x * PT_LOG2_E);
    double r = PT_MA(-k, PT_LN2_LO, PT_MA(-k, PT_LN2_HI, x));
    double tail = r * r * pt__exp_tail(r);
    double whole = pt__scale(1.0 + (r + tail), k);
    *less = k == 0.0 ? r + tail : whole - 1.0;
    *more = k == 0.0 ? tail : *less - x;
    return whole;
}

/* e^x - 1 - x. */
PT_FN double pt_expm1mx(double x) {
    double less;
    double more;
    double whole = pt__exp_excess_parts(pt__clamp(x, -746.0, 710.0), &less, &more);
    more = x > -746.0 ? more : -1.0 - x;
    more = x > 710.0 ? whole : more;
    return x == x ? more : x;
}

/* Selections by a loop-invariant number prevent gcc from vectorising the loop: this depends on a
 * varying one too. */
PT_FN double pt__varying(double a, double all) {
    return all == all ? a : all;
}

/* log(a / (b x)) for finite and positive numbers, even if the product over- or underflows.
 * *near is 1 where a and b x are close; then the result is -log(1 + *f). */
PT_FN double pt__log_balance(double a, double b, double x, double *f, double *near) {
    double ka;
    double kb;
    double kx;
    double ma = pt__log_split(a, &ka);
    double mb = pt__log_split(b, &kb);
    double mx = pt__log_split(x, &kx);
    double err;
    double product = pt__two_prod(mb, mx, &err);
    /* product / ma is within [1/(2 sqrt 2), 2 sqrt 2]: a factor of 2 moves it near 1. */
    double ratio = product / ma;
    double shift = ratio > 1.4142135623730951 ? 1.0 : 0.0;
    shift = ratio < 0.7071067811865476 ? -1.0 : shift;
    double power = ratio > 1.4142135623730951 ? 0.5 : 1.0;
    power = ratio < 0.7071067811865476 ? 2.0 : power;
    double k = ((kb + kx) - ka) + shift;
    *f = (PT_MA(product, power, -ma) + err * power) / ma;
    *near = k == 0.0 ? 1.0 : 0.0;
    double low;
    double high = pt__log_join(k, *f, &low);
    return -(high + low);
}

/* Replaces an argument without a logarithm. */
PT_FN double pt__finite(double x) {
    double inside = x < 1e308 ? x : 1e308;
    return inside > 0.0 ? inside : 1.0;
}

/* log(a / (b x)) for numbers from 0 on, accurate relative to the result. */
PT_FN double pt_log_ratio(double a, double b, double x) {
    double f;
    double near;
    double value = pt__log_balance(pt__finite(a), pt__finite(b), pt__finite(x), &f, &near);
    double product = b * x;
    value = a == 0.0 && (b > 0.0 && x > 0.0) ? -PT_INF : value;
    value = a > 0.0 && (b == 0.0 || x == 0.0) ? PT_INF : value;
    value = a == 0.0 && (b == 0.0 || x == 0.0) ? PT_NAN : value;
    value = a == PT_INF ? PT_INF : value;
    double infinite = b == PT_INF ? b : x;
    double beyond = a == PT_INF || product != product ? PT_NAN : -PT_INF;
    value = infinite == PT_INF ? beyond : value;
    return a >= 0.0 && b >= 0.0 && x >= 0.0 ? value : PT_NAN;
}

/* a log(a / (b x)) + b x - a for positive a, b and x; *log is its logarithm, in which 0
 * is replaced by 1. */
PT_FN double pt__deviance(double a, double b, double x, double *log) {
    double f;
    double near;
    *log = pt__log_balance(pt__finite(a), pt__finite(b), pt__finite(x), &f, &near);
    double product = b * x;
    double far = PT_MA(a, *log, product - a);
    double value = near != 0.0 ? -a * pt__log1pmx_near(f) : far;
    return product == PT_INF ? product : value;
}

/* As above, where x may be 0: then the remainder without a log x is infinite, except for a = 1. */
PT_FN double pt_power_divergence(double a, double b, double x) {
    double log;
    double value = pt__deviance(a, b, x, &log);
    double edge = a > 1.0 ? PT_INF : log - 1.0;
    edge = a < 1.0 ? -PT_INF : edge;
    value = a == PT_INF ? (b * x == PT_INF ? PT_NAN : a) : value;
    value = x == 0.0 ? edge : value;
    return a > 0.0 && b > 0.0 && x >= 0.0 ? value : PT_NAN;
}

/* log(a / ((a + b) x)) for a, b > 0 and y = 1 - x, without the rounding errors of a + b and y:
 * (a + b) x - a = b x - a y. */
PT_FN double pt_log_share_ratio(double a, double b, double x, double y) {
    double err;
    double product = pt__two_prod(b, x, &err);
    double f = (PT_MA(-a, y, product) + err) / a;
    double near = PT_ABS(f) < 0.4 ? 1.0 : 0.0;
    double far = pt_log_ratio(a, a + b, x);
    return near != 0.0 ? -pt_log1p(near != 0.0 ? f : 0.0) : far;
}

/* The two parts of a beta density: of x^a and of (1 - x)^b. */
PT_FN double pt_beta_divergence(double a, double b, double x) {
    return pt_power_divergence(a, a + b, x) + pt_power_divergence(b, a + b, 1.0 - x);
}

/* a log(a / (b x)) + b x - a: b x where a is 0; never negative. */
PT_FN double pt_kl_div(double a, double b, double x) {
    double log;
    double product = b * x;
    double value = pt__deviance(a, b, x, &log);
    value = a == 0.0 ? product : value;
    value = a > 0.0 && (b == 0.0 || x == 0.0) ? PT_INF : value;
    value = a == PT_INF ? (product == PT_INF ? PT_NAN : PT_INF) : value;
    value = product == product ? value : PT_NAN;
    return a >= 0.0 && b >= 0.0 && x >= 0.0 ? value : PT_NAN;
}

/* kl_div(a, b, 1 / x). */
PT_FN double pt_inverse_divergence(double a, double b, double x) {
    return pt_kl_div(a, b, 1.0 / x);
}

/* kl_div(x, n, p) + kl_div(n - x, n, 1 - p): minus the log mass of x of n successes, relative to
 * its maximum. */
PT_FN double pt_binomial_divergence(double x, double n, double p) {
    return pt_kl_div(x, n, p) + pt_kl_div(n - x, n, 1.0 - p);
}

/* a (log a - l) + e^l - a: kl_div with the logarithm of its second argument. */
PT_FN double pt_kl_div_exp(double a, double l) {
    a = pt__varying(a, l);
    double log_lo;
    double log = pt__log_parts(pt__finite(a), &log_lo);
    log = a > 0.0 ? log : (a == 0.0 ? -1e300 : PT_NAN);
    double d = (l - log) - log_lo;
    double less;
    double more;
    pt__exp_excess_parts(pt__clamp(d, -746.0, 700.0), &less, &more);
    more = d > -746.0 ? more : -1.0 - d;
    double far = PT_MA(a, (log + log_lo) - l, pt_exp(l) - a);
    double value = d > 700.0 ? far : a * more;
    value = l == PT_INF ? l - (a - a) : value;
    return d == d ? value : d;
}

/* a (e^d - 1 - d), and e^d where a is 0: minus the log mass of a Poisson count at d = log of its
 * rate over a (the log of its rate where a is 0), without the terms of the count alone. */
PT_FN double pt_poisson_divergence(double a, double d) {
    double less;
    double more;
    double whole = pt__exp_excess_parts(pt__clamp(d, -746.0, 710.0), &less, &more);
    more = d > -746.0 ? more : -1.0 - d;
    return a == 0.0 ? whole : a * more;
}

/* Its slope in d: a (e^d - 1), or e^d. */
PT_FN double pt_poisson_slope(double a, double d) {
    double less;
    double more;
    double whole = pt__exp_excess_parts(pt__clamp(d, -746.0, 710.0), &less, &more);
    return a == 0.0 ? whole : a * less;
}

/* log(x / (x + y)), accurate also where the quotient rounds to 1. */
PT_FN double pt_log_share(double x, double y) {
    double close = PT_ABS(y) < PT_ABS(x) ? 1.0 : 0.0;
    close = x == y && x != 0.0 ? 1.0 : close;
    close = PT_ABS(x) < PT_INF ? close : 0.0;
    close = PT_ABS(0.5 * x) <= PT_ABS(x + y) ? close : 0.0; /* else their sum is exact */
    double lost;
    double sum = pt__two_sum(1.0, y / (close != 0.0 ? x : 1.0), &lost);
    double quotient = x / (x + y);
    double u = close != 0.0 ? sum : quotient;
    double low;
    double high = pt__log_sum(pt__finite(u), close != 0.0 ? lost : 0.0, &low);
    double value = pt__log_edges(u, high + low);
    double ratio = y / (close != 0.0 ? x : 1.0);
    value = close != 0.0 && PT_ABS(ratio) < 1e-17 ? ratio : value;
    return close != 0.0 ? -value : value;
}

/* x - a / b without cancellation: the slope of kl_div(a, b, x) in b. */
PT_FN double pt_surplus(double a, double b, double x) {
    double product = b * x;
    double near = PT_MA(b, x, -a) / b;
    double value = product < 1e300 ? near : x - a / b;
    return a == 0.0 ? x : value;
}

/* ---- a share of successes ---- */

/* x counts of one kind and m of the other, whose log odds exceed log(x/m) by d; where x or m is 0
 * it is replaced by 1 there.  With h the smaller count's share and z = d, or -d where that is m,
 * 1 + u is the ratio of the larger count to what is expected of it. */
typedef struct {
    double one;   /* h, or the share of 1 where the smaller count is 0 */
    double h;     /* 0 there */
    double u;
    double y;     /* z within the range of exp */
    double beyond;
    double less;  /* e^y - 1 */
    double more;  /* e^y - 1 - y */
} pt__share_t;

PT_FN pt__share_t pt__share(double x, double m, double d) {
    pt__share_t s;
    double small = x > m ? m : x;
    double large = x > m ? x : m;
    double z = x > m ? -d : d;
    double total = small > 0.0 ? small + large : large;
    double h = (small > 0.0 ? small : 1.0) / total;
    s.y = pt__clamp(z, -746.0, 650.0);
    s.beyond = z > 650.0 ? z - 650.0 : 0.0;
    double whole = pt__exp_excess_parts(s.y, &s.less, &s.more);
    double u = h * (small > 0.0 ? s.less : whole);
    s.u = u < 1e306 ? u : 1e306;
    s.one = h;
    s.h = small > 0.0 ? h : 0.0;
    return s;
}

/* (x + m) (log(1 - p + p e^d) - p d), p = x / (x + m): minus the log mass of x of x + m successes,
 * without the terms of the counts alone (of pt__share; binomial and negative binomial). */
PT_FN double pt_share_divergence(double x, double m, double d) {
    pt__share_t s = pt__share(x, m, d);
    double excess;
    double log = pt__log1p_excess_parts(s.u, &excess);
    double near = PT_MA(s.h, s.more, excess);
    double z = x > m ? -d : d;
    double linear = s.h > 0.0 ? s.h * (z < -746.0 ? z : s.y) : 0.0;
    double far = (log - linear) + (s.beyond > 0.0 ? (1.0 - s.h) * s.beyond : 0.0);
    double within = s.u < 0.41 ? near : far;
    within = z > -746.0 ? within : far;
    within = s.h > 0.0 ? within : far;
    double total = x < 0.0 || m < 0.0 ? PT_NAN : x + m;
    return total == 0.0 ? 0.0 : total * within;
}

/* Its slope in d: expected successes of x + m, less x. */
PT_FN double pt_share_slope(double x, double m, double d) {
    pt__share_t s = pt__share(x, m, d);
    double q = s.u / (1.0 + s.u);
    double large = x > m ? -x : m;
    return x + m > 0.0 ? large * q : 0.0;
}

/* Its slope in m > 0 at d fixed: log(1 + v) - v / (1 + v), for 1 + v the ratio of the count m to
 * what is expected of it.  Where m is the smaller count, log(1 + v) is log(1 + u) - y, and as
 * v = (1 - h) (e^-y - 1) the terms linear in y cancel; from y = 1 on it is the logarithm of
 * h + (1 - h) e^-y, as 1 + u is almost as large as e^y. */
PT_FN double pt_share_drift(double x, double m, double d) {
    pt__share_t s = pt__share(x, m, d);
    double back = 1.0 / (1.0 + s.less);
    /* Sums: selections by one condition of both keep gcc from vector code. */
    double swapped_y = x > m ? s.y : 0.0;
    double direct = swapped_y > 1.0 ? 1.0 : 0.0;
    double plus_u = 1.0 - direct;
    double rest = (1.0 - s.h) / (s.less > 0.0 ? 1.0 + s.less : 1.0);
    double lost;
    double u = pt__two_sum(plus_u + direct * s.one, plus_u * s.u + direct * rest, &lost);
    double excess;
    double log = pt__log_excess_parts(u, lost, s.u, &excess);
    double q = s.u / (1.0 + s.u);
    double plain = s.u < 0.41 ? PT_MA(s.u, q, excess) : (log + s.beyond) - q;
    double forth = (s.y * s.y - s.more * (1.0 - s.y)) * back;
    double v = (s.h - 1.0) * (s.less * back);
    double share = q * (x / (m > 0.0 ? m : 1.0));
    double near = excess + (s.h * s.more - (1.0 - s.h) * forth) - v * share;
    double linear = -d < -746.0 ? -d : s.y;
    double far = (log - plus_u * linear) + share;
    double swapped = PT_ABS(s.y) < 0.3 ? near : far;
    double value = x > m ? swapped : plain;
    return x < 0.0 || m < 0.0 ? PT_NAN : value;
}

/* ---- Student's t ---- */

/* log(1 + r) and its *excess over r for r = (x w)^2 / nu, which may overflow, as the product may;
 * *share = r / (1 + r) and *slope = w^2 x / (nu (1 + r)). */
PT_FN double pt__student_parts(double x, double w, double nu, double *excess, double *share,
                               double *slope) {
    double root = PT_SQRT(1.0 / nu) * w;
    double t = PT_ABS(x * root);
    double r = t * t;
    double large = t > 1e150 ? 1.0 : 0.0;
    x = pt__varying(x, w); /* either may be the same in all lanes */
    /* Both factors are scaled by 2^-320; the 1 is negligible then. */
    const double scale = 4.6816763546921983e-97;
    double scaled = pt__finite(PT_ABS((x * scale) * (root * scale)));
    double lost;
    double u = pt__two_sum(1.0, r, &lost);
    u = large != 0.0 ? scaled : u;
    double log = pt__log_excess_parts(u, large != 0.0 ? 0.0 : lost, r, excess);
    log = large != 0.0 ? 2.0 * (log + 640.0 * 0.6931471805599453) : log;
    *slope = (large != 0.0 ? 1.0 : root * (x * root)) / (large != 0.0 ? x : 1.0 + r);
    *share = large != 0.0 ? 1.0 : x * *slope;
    return r < 1e-17 ? r : log;
}

/* (nu + 1) log(1 + (x w)^2 / nu). */
PT_FN double pt_student_kernel(double x, double w, double nu) {
    double excess;
    double share;
    double slope;
    double value = (nu + 1.0) * pt__student_parts(x, w, nu, &excess, &share, &slope);
    double z = x * w;
    double own = pt__varying(nu, z);
    double far = pt__varying(PT_ABS(x), w) == PT_INF ? 1.0 : 0.0;
    far = pt__varying(PT_ABS(w), x) == PT_INF ? 1.0 : far;
    value = far != 0.0 ? PT_ABS(z) : value;
    value = own > 0.0 ? value : PT_NAN;
    return own == PT_INF ? z * z : (z == z ? value : z);
}

/* Its slope in x: 2 (nu + 1) w^2 x / (nu + (x w)^2). */
PT_FN double pt_student_slope(double x, double w, double nu) {
    double excess;
    double share;
    double slope;
    pt__student_parts(x, w, nu, &excess, &share, &slope);
    double own = pt__varying(nu, x * w);
    double value = own == PT_INF ? 2.0 * w * (x * w) : 2.0 * (nu + 1.0) * slope;
    return pt__varying(PT_ABS(x), w) == PT_INF ? 0.0 : value;
}

/* Its slope in nu: log(1 + r) - (1 + 1/nu) r / (1 + r) for r = (x w)^2 / nu. */
PT_FN double pt_student_drift(double x, double w, double nu) {
    double excess;
    double share;
    double slope;
    double log = pt__student_parts(x, w, nu, &excess, &share, &slope);
    double z = x * w;
    double near = excess + z * share * (z / nu);
    double value = (share < 0.29 ? near : log - share) - share / nu;
    double far = pt__varying(PT_ABS(x), w) == PT_INF ? 1.0 : 0.0;
    far = pt__varying(PT_ABS(w), x) == PT_INF ? 1.0 : far;
    value = far != 0.0 ? PT_ABS(z) : value;
    value = pt__varying(nu, z) == PT_INF ? 0.0 : value;
    return z == z ? value : z;
}

#endif
