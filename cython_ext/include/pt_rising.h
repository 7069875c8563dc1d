/* Differences of log gamma and of its derivatives, without cancellation.
 *
 * With the rest R(z) = lgamma(z) - z log z + z and its derivatives P(z) = digamma(z) - log z and
 * Q(z) = trigamma(z) - 1/z, all small for large z (DLMF 5.11),
 *
 *   lgamma(x + n) - lgamma(x) = n log(x + n) + x (log(1 + n/x) - n/x) + R(x + n) - R(x)
 *
 * and R(x + n) - R(x) is -log(1 + n/x) / 2 and a difference of Stirling series, computed term by
 * term (Didonato and Morris 1992, ACM TOMS 18:360: algdiv and bcorr).  Small arguments are
 * increased by eight steps of the recurrence, whose terms have one sign.
 */
#ifndef PT_RISING_H
#define PT_RISING_H

#include "pt_divergence.h"
#include "pt_gamma.h"

#define PT__SHIFT 8.0

/* Not inlined, as they are called at many points here. */
PT_FN_CALLED double pt__lgamma_of(double x) { return pt_lgamma(x); }
PT_FN_CALLED double pt__digamma_of(double x) { return pt_digamma(x); }
PT_FN_CALLED double pt__trigamma_of(double x) { return pt_trigamma(x); }
PT_FN_CALLED double pt__log_of(double x) { return pt_log(x); }
PT_FN_CALLED double pt__log1p_of(double x) { return pt_log1p(x); }
PT_FN_CALLED double pt__log1pmx_of(double x) { return pt_log1pmx(x); }

/* ---- the rests ---- */

/* lgamma(x) - x log x + x for x > 0. */
PT_FN double pt_lgamma_rest(double x) {
    double y = x > 0.0 && x < PT_INF ? x : 1.0;
    double log_lo;
    double log = pt__log_parts(y, &log_lo);
    log += log_lo;
    double above;
    double below;
    double f = pt__gamma_reduce(y, &above, &below);
    double factor_lo;
    double factor = pt__log_parts(y < 1.3125 ? below : above, &factor_lo);
    factor += factor_lo;
    double sign = y < 1.3125 ? -1.0 : 1.0;
    double low;
    double near = pt__lgamma_near_two(f, &low);
    near = (near - y * (log - 1.0)) + PT_MA(sign, factor, low);
    double inverse = 1.0 / y;
    double series = inverse * pt__stirling(inverse * inverse);
    double far = PT_MA(-0.5, log, 0.9189385332046728) + series;
    double value = y < 7.3125 ? near : far;
    value = x == PT_INF ? -PT_INF : value;
    value = x == 0.0 ? PT_INF : value;
    return x >= 0.0 ? value : PT_NAN;
}

/* digamma(x) - log x for x > 0. */
PT_FN double pt_digamma_rest(double x) {
    double y = x > 0.0 && x < 1e308 ? x : 1.0;
    double low;
    double near = pt__digamma_positive(y < 7.1875 ? y : 1.5, &low);
    double log_lo;
    double log = pt__log_parts(y, &log_lo);
    near = (near - log) + (low - log_lo);
    double w = 1.0 / y;
    double far = -w * PT_MA(w, pt__digamma_series(w * w), 0.5);
    double value = y < 7.1875 ? near : far;
    value = x < 1e308 ? value : -0.5 / x;
    value = x == 0.0 ? -PT_INF : value;
    return x >= 0.0 ? value : PT_NAN;
}

/* trigamma(x) - 1/x for x > 0. */
PT_FN double pt_trigamma_rest(double x) {
    double w = 1.0 / x;
    double near = pt__trigamma_positive(x) - w;
    double far = w * w * PT_MA(w, pt__trigamma_series(w * w), 0.5);
    double value = x < 8.0 ? near : far;
    value = x < 1e-150 ? w * w : value;
    return x >= 0.0 ? value : PT_NAN;
}

PT_FN_CALLED double pt__lgamma_rest_of(double x) { return pt_lgamma_rest(x); }
PT_FN_CALLED double pt__digamma_rest_of(double x) { return pt_digamma_rest(x); }
PT_FN_CALLED double pt__trigamma_rest_of(double x) { return pt_trigamma_rest(x); }

/* (p(v) - p(w)) / (v - w) for a polynomial p of seven or eight coefficients, given at c. */
PT_FN double pt__slope_between(const double *c, int size, double v, double w) {
    double slope = 0.0;
    double value = c[size - 1];
    for (int k = size - 2; k >= 0; --k) {
        slope = PT_MA(slope, w, value);
        value = PT_MA(value, v, c[k]);
    }
    return slope;
}

/* R(a + n) - R(a) for a and a + n >= 8. */
PT_FN double pt__lgamma_rest_far(double a, double n) {
    const double c[7] = {0.08333333333333333, -0.0027777777777668595, 0.000793650784316239,
                         -0.0005952350862748598, 0.000841285080816354, -0.0018799233937453685,
                         0.004845255504768137};
    double w = 1.0 / a;
    double v = 1.0 / (a + n);
    double change = pt__stirling(v * v) + w * (v + w) * pt__slope_between(c, 7, v * v, w * w);
    return -0.5 * pt__log1p_of(n * w) - n * w * v * change;
}

/* P(a + n) - P(a) for a and a + n >= 8. */
PT_FN double pt__digamma_rest_far(double a, double n) {
    const double c[8] = {0.08333333333333333, -0.00833333333332662, 0.003968253960922391,
                         -0.004166663599561001, 0.007575122498418476, -0.021020451634288288,
                         0.0786501799622035, -0.2752656812872065};
    double w = 1.0 / a;
    double v = 1.0 / (a + n);
    double V = v * v;
    double W = w * w;
    double change = pt__digamma_series(V) + W * pt__slope_between(c, 8, V, W);
    return n * w * v * (0.5 + (v + w) * change);
}

/* Q(a + n) - Q(a) for a and a + n >= 8. */
PT_FN double pt__trigamma_rest_far(double a, double n) {
    const double c[8] = {0.16666666666666666, -0.03333333333330457, 0.023809523770697665,
                         -0.03333331326512905, 0.07575244532163572, -0.25239283371277765,
                         1.1092670878503559, -4.573475868736256};
    double w = 1.0 / a;
    double v = 1.0 / (a + n);
    double V = v * v;
    double W = w * w;
    double cube = (V + v * w + W) * pt__trigamma_series(V);
    cube += W * w * (v + w) * pt__slope_between(c, 8, V, W);
    return -n * w * v * (0.5 * (v + w) + cube);
}

#define PT__IS_FAR(a, n) ((a) >= PT__SHIFT && (a) + (n) >= PT__SHIFT && (a) + (n) < PT_INF)

/* The change of the rest of lgamma from a to a + n, for a > 0 and a + n > 0. */
PT_FN_CALLED double pt_lgamma_rest_change(double a, double n) {
    if (n == 0.0 && a >= 0.0) {
        return 0.0;
    }
    if (PT__IS_FAR(a, n)) {
        return pt__lgamma_rest_far(a, n);
    }
    return a == PT_INF ? (n == n ? 0.0 : n) : pt__lgamma_rest_of(a + n) - pt__lgamma_rest_of(a);
}

PT_FN_CALLED double pt_digamma_rest_change(double a, double n) {
    if (n == 0.0 && a >= 0.0) {
        return 0.0;
    }
    return PT__IS_FAR(a, n) ? pt__digamma_rest_far(a, n)
                            : pt__digamma_rest_of(a + n) - pt__digamma_rest_of(a);
}

PT_FN_CALLED double pt_trigamma_rest_change(double a, double n) {
    if (n == 0.0 && a >= 0.0) {
        return 0.0;
    }
    return PT__IS_FAR(a, n) ? pt__trigamma_rest_far(a, n)
                            : pt__trigamma_rest_of(a + n) - pt__trigamma_rest_of(a);
}

/* ---- the differences ---- */

/* lgamma(x + n) - lgamma(x) for x and x + n >= 8. */
PT_FN_CALLED double pt__rise_far(double x, double n) {
    double rest = pt__lgamma_rest_far(x, n);
    return PT_MA(n, pt__log_of(x + n), PT_MA(x, pt__log1pmx_of(n / x), rest));
}

/* lgamma(x + n) - lgamma(x), the logarithm of Pochhammer's symbol: 0 where n is 0 and
 * -inf where x alone is a pole. */
PT_FN_CALLED double pt_log_rising_factorial(double x, double n) {
    if (n == 0.0 && x == x) {
        return 0.0;
    }
    if (!(x > 0.0 && x + n > 0.0)) {
        return pt__lgamma_of(x + n) - pt__lgamma_of(x);
    }
    if (x + n == PT_INF) {
        return x == PT_INF ? (n == -PT_INF ? PT_NAN : PT_COPYSIGN(PT_INF, n)) : PT_INF;
    }
    double sign = n < 0.0 ? -1.0 : 1.0;
    double low = n < 0.0 ? x + n : x;
    double step = PT_ABS(n);
    if (low >= PT__SHIFT) {
        return sign * pt__rise_far(low, step);
    }
    if (step >= 1.0 || step > 1e8 * low) {
        return sign * (pt__lgamma_of(low + step) - pt__lgamma_of(low));
    }
    double u = 0.0;
    for (int j = 0; j < 8; j++) {
        double part = step / (low + j);
        u += PT_MA(u, part, part);
    }
    return sign * (pt__rise_far(low + PT__SHIFT, step) - pt__log1p_of(u));
}

/* digamma(x + n) - digamma(x). */
PT_FN_CALLED double pt_digamma_difference(double x, double n) {
    if (n == 0.0 && x == x) {
        return 0.0;
    }
    if (!(x > 0.0 && x + n > 0.0) || x + n == PT_INF) {
        return x == PT_INF ? (n == n ? 0.0 : n) : pt__digamma_of(x + n) - pt__digamma_of(x);
    }
    double sign = n < 0.0 ? -1.0 : 1.0;
    double low = n < 0.0 ? x + n : x;
    double step = PT_ABS(n);
    double steps = 0.0;
    double start = low;
    if (low < PT__SHIFT) {
        start = low + PT__SHIFT;
        for (int j = 7; j >= 0; j--) {
            steps += step / (low + j + step) / (low + j);
        }
    }
    return sign * (steps + (pt__log1p_of(step / start) + pt__digamma_rest_far(start, step)));
}

/* trigamma(x + n) - trigamma(x). */
PT_FN_CALLED double pt_trigamma_difference(double x, double n) {
    if (n == 0.0 && x == x) {
        return 0.0;
    }
    if (!(x > 0.0 && x + n > 0.0) || x + n == PT_INF) {
        return pt__trigamma_of(x + n) - pt__trigamma_of(x);
    }
    double sign = n < 0.0 ? -1.0 : 1.0;
    double low = n < 0.0 ? x + n : x;
    double step = PT_ABS(n);
    double steps = 0.0;
    double start = low;
    if (low < PT__SHIFT) {
        start = low + PT__SHIFT;
        for (int j = 7; j >= 0; j--) {
            double a = low + j;
            double b = a + step;
            steps += (step / b / a) * (1.0 / a + 1.0 / b);
        }
    }
    double leading = step / (start + step) / start;
    return sign * (pt__trigamma_rest_far(start, step) - leading - steps);
}

/* ---- beta ---- */

/* log |B(a, b)| = lgamma(a) + lgamma(b) - lgamma(a + b); nan where poles coincide. */
PT_FN_CALLED double pt_lbeta(double a, double b) {
    double small = a < b ? a : b;
    double large = a < b ? b : a;
    if (small != small || large != large) {
        return a != a ? a : b;
    }
    if (small == 0.0 || large == PT_INF) {
        return large == PT_INF && small > 0.0 ? -PT_INF : PT_INF;
    }
    if (small < 0.0 && small == PT_FLOOR(small)) {      /* a pole, but for whole a + b <= 0 < b */
        double rest = 1.0 - (small + large);
        if (!(large > 0.0 && large == PT_FLOOR(large) && rest >= 1.0)) {
            return PT_INF;
        }
        small = large < rest ? large : rest;
        large = large < rest ? rest : large;
    }
    if (small < 0.0) {
        return pt__lgamma_of(small) - pt_log_rising_factorial(large, small);
    }
    if (large < PT__SHIFT) {
        return pt__lgamma_of(small) + (pt__lgamma_of(large) - pt__lgamma_of(small + large));
    }
    if (small < PT__SHIFT) {
        return pt__lgamma_of(small) - pt__rise_far(large, small);
    }
    double ratio = small / large;
    double rest = pt__lgamma_rest_of(small) - pt__lgamma_rest_far(large, small);
    double inside = PT_MA(small, pt__log_of(ratio / (1.0 + ratio)), rest);
    return PT_MA(-large, pt__log1p_of(ratio), inside);
}

/* log of gamma(a + n) / (gamma(a) gamma(n + 1)): a binomial coefficient for integral a and n. For
 * n < 1 it may be small, though the terms of the beta function are not. */
PT_FN_CALLED double pt_log_multiset_coefficient(double a, double n) {
    if (n < 1.0 || PT_ABS(a) == PT_INF) {
        return pt_log_rising_factorial(a, n) - pt_log_rising_factorial(1.0, n);
    }
    return -(pt_lbeta(a, n + 1.0) + pt__log_of(PT_ABS(a + n)));
}

/* (a + x) log((a + x) / (c (a + b + x + y))) + ..., never negative, for c = a / (a + b): zero where
 * x / y = a / b. */
PT_FN_CALLED double pt__step_divergence(double a, double x, double b, double y) {
    double whole = a + b;
    double f = (a * y - b * x) / whole / (a + x);
    return PT_ABS(f) < 0.28 ? -(a + x) * pt__log1pmx_of(f)
                            : pt_kl_div(a + x, whole + (x + y), a / whole);
}

/* lbeta(a + x, b + y) - lbeta(a, b), for positive a, b and a + x, b + y. */
PT_FN_CALLED double pt_lbeta_change(double a, double x, double b, double y) {
    double largest = PT_ABS(a) + PT_ABS(b) + PT_ABS(x) + PT_ABS(y);
    double end = pt_lbeta(a + x, b + y);
    double start = pt_lbeta(a, b);
    int positive = a > 0.0 && b > 0.0 && a + x > 0.0 && b + y > 0.0 && largest < 1e150;
    if (!positive || PT_ABS(end - start) > 0.25 * PT_ABS(start)) {
        return end - start;
    }
    double rests = pt_lgamma_rest_change(a, x) + pt_lgamma_rest_change(b, y);
    rests -= pt_lgamma_rest_change(a + b, x + y);
    double heads = a < b ? pt__log_of(a / (a + b)) : -pt__log1p_of(b / a);
    double tails = a < b ? -pt__log1p_of(a / b) : pt__log_of(b / (a + b));
    double away = pt__step_divergence(a, x, b, y) + pt__step_divergence(b, y, a, x);
    return PT_MA(x, heads, PT_MA(y, tails, away + rests));
}

#endif
