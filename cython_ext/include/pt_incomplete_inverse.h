/* Inverses of the incomplete gamma and beta functions in x.
 *
 * Newton's method for the logarithm of the smaller tail, in log x or log(x / (1 - x)), where both
 * are concave; a bracket is kept around the root.
 */
#ifndef PT_INCOMPLETE_INVERSE_H
#define PT_INCOMPLETE_INVERSE_H

#include "pt_incomplete_beta.h"

/* ---- gamma ---- */

/* Near the x where P = p and Q = q: the cube of Wilson and Hilferty (1931), or the first term of
 * DLMF 8.7.1. */
PT_FN double pt__gamma_quantile_start(double a, double p, double q) {
    double start = 0.0;
    if (a >= 0.5) {
        double z = p < q ? pt_ndtri(p) : -pt_ndtri(q);
        double root = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * PT_SQRT(a));
        start = root > 0.0 ? a * root * root * root : 0.0;
    }
    if (start > 0.1 * a && start > 0.0) {
        return start;
    }
    double log = pt__log_of(p) + pt_log_rising_factorial(1.0, a);
    return pt__exp_of(log / a);
}

/* The x between brackets at which log P = log p, or log Q = log q if q is the smaller, by Newton's
 * method in log x. */
PT_FN_CALLED double pt__gamma_quantile(double a, double p, double q) {
    if (!(a >= 0.0 && p >= 0.0 && q >= 0.0)) {
        return PT_NAN;
    }
    if (p == 0.0 || q == 0.0) {
        return p == 0.0 ? 0.0 : PT_INF;
    }
    if (a == 0.0 || a == PT_INF) {
        return a == 0.0 ? 0.0 : PT_NAN;
    }
    int upper = q < p;
    double target = pt__log_of(upper ? q : p);
    double low = 0.0;
    double high = PT_INF;
    double x = pt__gamma_quantile_start(a, p, q);
    x = x < 1e305 ? x : 1e305;
    for (int step = 0; step < 120; step++) {
        if (x < 1e-307) {
            return x;
        }
        double off = pt__gamma_log(a, x, upper) - target;
        int above = (off > 0.0) != upper;
        low = above ? low : x;
        high = above ? x : high;
        double slope = (upper ? -x : x) * pt__gamma_hazard(a, x, upper);
        double move = off / slope;
        move = move > 3.0 ? 3.0 : (move < -30.0 ? -30.0 : move);
        double next = x * pt__exp_of(-move);
        next = PT_ABS(move) < 1e-3 ? x - x * (move - 0.5 * move * move) : next;
        if (PT_ABS(move) < 1e-9) {
            return next;
        }
        if (!(next > low && next < high)) {
            next = high == PT_INF ? 4.0 * x : PT_SQRT(low > 0.0 ? low : 1e-308) * PT_SQRT(high);
        }
        if (PT_ABS(next - x) <= 2.3e-16 * x) {
            return x;
        }
        x = next;
    }
    return x;
}

PT_FN double pt_gammaincinv(double a, double p) { return pt__gamma_quantile(a, p, 1.0 - p); }
PT_FN double pt_gammainccinv(double a, double q) { return pt__gamma_quantile(a, 1.0 - q, q); }

/* ---- beta ---- */

/* Odds near those where the mass below is p and that above q: the first term of either tail, or
 * the normal distribution of the log odds' mean and variance. */
PT_FN_CALLED double pt__beta_odds_start(double a, double b, double p, double q) {
    double lbeta = pt_lbeta(a, b);
    double lower = (pt__log_of(p * a) + lbeta) / a;
    double upper = (pt__log_of(q * b) + lbeta) / b;
    double z = p < q ? pt_ndtri(p) : -pt_ndtri(q);
    double spread = PT_SQRT(pt__trigamma_of(a) + pt__trigamma_of(b));
    double centre = PT_MA(z, spread, pt__digamma_of(a) - pt__digamma_of(b));
    double tail = p * (a + b) < b ? lower : -upper;
    double log = a < 0.5 || b < 0.5 ? tail : centre;
    return pt__exp_of(log > 690.0 ? 690.0 : (log > -690.0 ? log : -690.0));
}

/* The x below which the mass is p, by Newton's method for log p, or log q if that is the smaller,
 * in log(x / y) between brackets. */
PT_FN_CALLED double pt_beta_quantile(double a, double b, double p, double q) {
    if (!(a > 0.0 && b > 0.0 && p >= 0.0 && q >= 0.0 && a < PT_INF && b < PT_INF)) {
        return PT_NAN;
    }
    if (p == 0.0 || q == 0.0) {
        return p == 0.0 ? 0.0 : 1.0;
    }
    int upper = q < p;
    double target = pt__log_of(upper ? q : p);
    double low = 0.0;
    double high = PT_INF;
    double o = pt__beta_odds_start(a, b, p, q);
    for (int step = 0; step < 120; step++) {
        double x = o / (1.0 + o);
        double y = 1.0 / (1.0 + o);
        double off = upper ? pt_log_beta_mass(b, a, y, x) : pt_log_beta_mass(a, b, x, y);
        off -= target;
        int above = (off > 0.0) != upper;
        low = above ? low : o;
        high = above ? o : high;
        double slope = x * y * (upper ? -pt_log_beta_mass_x(b, a, y, x)
                                      : pt_log_beta_mass_x(a, b, x, y));
        double move = off / slope;
        move = move > 30.0 ? 30.0 : (move < -30.0 ? -30.0 : move);
        double next = o * pt__exp_of(-move);
        next = PT_ABS(move) < 1e-3 ? o - o * (move - 0.5 * move * move) : next;
        if (PT_ABS(move) < 1e-9) {
            o = next;
            break;
        }
        if (!(next > low && next < high)) {
            next = PT_SQRT(low > 1e-307 ? low : 1e-307) * PT_SQRT(high < 1e307 ? high : 1e307);
        }
        if (PT_ABS(next - o) <= 2.3e-16 * o) {
            break;
        }
        o = next;
    }
    return o < 1e-300 ? (o <= 1.01e-307 ? 0.0 : o) : o / (1.0 + o);
}

#endif
