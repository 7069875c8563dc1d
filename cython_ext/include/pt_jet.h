/* Truncated Taylor series in up to three variables, and derivatives of masses by them.
 *
 * The coefficient of d^i e^j f^k, times i! j! k!, is a derivative.  Series hold the terms up to the
 * derivative that is wanted, at most 8 in all.
 */
#ifndef PT_JET_H
#define PT_JET_H

#include "pt_zeta.h"

#define PT_JET_ORDER 8   /* the most orders of a derivative, in all variables together */
#define PT_JET_MOST 48   /* terms of a series: 4 * 4 * 3 for orders 3, 3 and 2 */

/* The orders of the derivative in each variable, and the coefficients. */
typedef struct {
    int n[3];
    double at[PT_JET_MOST];
} pt__jet;

PT_FN int pt__jet_place(const pt__jet *p, int i, int j, int k) {
    return (i * (p->n[1] + 1) + j) * (p->n[2] + 1) + k;
}

PT_FN int pt__jet_size(const pt__jet *p) {
    return (p->n[0] + 1) * (p->n[1] + 1) * (p->n[2] + 1);
}

/* The series of a constant. */
PT_FN_CALLED pt__jet pt__jet_of(const int *n, double value) {
    pt__jet p;
    for (int m = 0; m < 3; m++) {
        p.n[m] = n[m];
    }
    for (int m = 0; m < PT_JET_MOST; m++) {
        p.at[m] = 0.0;
    }
    p.at[0] = value;
    return p;
}

/* Adds to a coefficient, if the series holds it. */
PT_FN_CALLED void pt__jet_add(pt__jet *p, int i, int j, int k, double value) {
    if (i <= p->n[0] && j <= p->n[1] && k <= p->n[2]) {
        p->at[pt__jet_place(p, i, j, k)] += value;
    }
}

/* The sum of p[r] q[t - r] over r; with a variable `by` >= 0, of r[by] p[r] q[t - r] over the r
 * that are not t. */
PT_FN_CALLED double pt__jet_fold(const pt__jet *p, const pt__jet *q, const int *t, int by) {
    double sum = 0.0;
    for (int i = 0; i <= t[0]; i++) {
        for (int j = 0; j <= t[1]; j++) {
            for (int k = 0; k <= t[2]; k++) {
                int last = i == t[0] && j == t[1] && k == t[2];
                int times = by < 0 ? 1 : (last ? 0 : (by == 0 ? i : (by == 1 ? j : k)));
                double left = times ? p->at[pt__jet_place(p, i, j, k)] : 0.0;
                if (left != 0.0) {
                    sum += times * left * q->at[pt__jet_place(q, t[0] - i, t[1] - j, t[2] - k)];
                }
            }
        }
    }
    return sum;
}

PT_FN_CALLED pt__jet pt__jet_product(const pt__jet *p, const pt__jet *q) {
    pt__jet out = pt__jet_of(p->n, 0.0);
    int t[3];
    for (t[0] = 0; t[0] <= p->n[0]; t[0]++) {
        for (t[1] = 0; t[1] <= p->n[1]; t[1]++) {
            for (t[2] = 0; t[2] <= p->n[2]; t[2]++) {
                out.at[pt__jet_place(p, t[0], t[1], t[2])] = pt__jet_fold(p, q, t, -1);
            }
        }
    }
    return out;
}

/* The terms of exp(p) that have the power k of the last variable, where p has no constant: those of
 * lower powers are there. From (exp p)' = p' exp p. */
PT_FN_CALLED void pt__jet_exp_level(const pt__jet *p, pt__jet *out, int k) {
    int t[3];
    t[2] = k;
    for (t[0] = 0; t[0] <= p->n[0]; t[0]++) {
        for (t[1] = 0; t[1] <= p->n[1]; t[1]++) {
            int by = t[0] ? 0 : (t[1] ? 1 : 2);
            int here = pt__jet_place(p, t[0], t[1], k);
            if (here) {
                out->at[here] = p->at[here] + pt__jet_fold(p, out, t, by) / t[by];
            }
        }
    }
}

PT_FN_CALLED pt__jet pt__jet_exp(const pt__jet *p) {
    pt__jet out = pt__jet_of(p->n, 1.0);
    for (int k = 0; k <= p->n[2]; k++) {
        pt__jet_exp_level(p, &out, k);
    }
    return out;
}

/* log p, where the constant of p is 1. From p' = p (log p)'. */
PT_FN_CALLED pt__jet pt__jet_log(const pt__jet *p) {
    pt__jet out = pt__jet_of(p->n, 0.0);
    int t[3];
    for (t[0] = 0; t[0] <= p->n[0]; t[0]++) {
        for (t[1] = 0; t[1] <= p->n[1]; t[1]++) {
            for (t[2] = 0; t[2] <= p->n[2]; t[2]++) {
                int by = t[0] ? 0 : (t[1] ? 1 : 2);
                int here = pt__jet_place(p, t[0], t[1], t[2]);
                if (here) {
                    out.at[here] = p->at[here] - pt__jet_fold(&out, p, t, by) / t[by];
                }
            }
        }
    }
    return out;
}

/* p times 1 + d pole[0] and 1 + e pole[1]. */
PT_FN_CALLED pt__jet pt__jet_with_poles(const pt__jet *p, const double *pole) {
    pt__jet factor = pt__jet_of(p->n, 1.0);
    pt__jet_add(&factor, 1, 0, 0, pole[0]);
    pt__jet_add(&factor, 0, 1, 0, pole[1]);
    pt__jet_add(&factor, 1, 1, 0, pole[0] * pole[1]);
    return pt__jet_product(&factor, p);
}

/* p times value + the variable number `by`. */
PT_FN_CALLED void pt__jet_times(pt__jet *p, double value, int by) {
    int stride = by == 2 ? 1 : (by == 1 ? p->n[2] + 1 : (p->n[1] + 1) * (p->n[2] + 1));
    for (int m = pt__jet_size(p) - 1; m >= 0; m--) {
        int power = m / stride % (p->n[by] + 1);
        p->at[m] = p->at[m] * value + (power ? p->at[m - stride] : 0.0);
    }
}

/* p over value + the variable number `by`. */
PT_FN_CALLED void pt__jet_over(pt__jet *p, double value, int by) {
    int stride = by == 2 ? 1 : (by == 1 ? p->n[2] + 1 : (p->n[1] + 1) * (p->n[2] + 1));
    for (int m = 0; m < pt__jet_size(p); m++) {
        int power = m / stride % (p->n[by] + 1);
        p->at[m] = (p->at[m] - (power ? p->at[m - stride] : 0.0)) / value;
    }
}

PT_FN_CALLED void pt__jet_divide(pt__jet *p, double value) {
    for (int m = 0; m < pt__jet_size(p); m++) {
        p->at[m] /= value;
    }
}

/* Adds a term of a series to its sum; whether the sum changes by more than its rounding. */
PT_FN_CALLED int pt__jet_add_term(pt__jet *sum, const pt__jet *term) {
    int changes = 0;
    for (int m = 0; m < pt__jet_size(sum); m++) {
        sum->at[m] += term->at[m];
        changes |= PT_ABS(term->at[m]) > 1e-17 * PT_ABS(sum->at[m]);
    }
    return changes;
}

/* The derivative that a coefficient stands for. */
PT_FN_CALLED double pt__jet_derivative(const pt__jet *p) {
    double value = p->at[pt__jet_size(p) - 1];
    for (int m = 0; m < 3; m++) {
        for (int k = 2; k <= p->n[m]; k++) {
            value *= k;
        }
    }
    return value;
}

/* The digits, to the base 16, of the counts of derivatives; 0 where they are too many. */
PT_FN_CALLED int pt__jet_orders(double counts, int digits, int *n) {
    n[0] = n[1] = n[2] = 0;
    if (!(counts >= 0.0 && counts < 65536.0) || counts != PT_FLOOR(counts)) {
        return 0;
    }
    int rest = (int)counts;
    for (int m = 0; m < digits; m++, rest >>= 4) {
        n[m] = rest & 15;
    }
    return rest == 0 && n[0] + n[1] + n[2] <= PT_JET_ORDER;
}

/* ---- zeta functions, which are the derivatives of lgamma ---- */

/* The sum of (p + k)^-s - (q + k)^-s over k >= 0, without cancellation, for p and q > 0 and s >= 2:
 * terms, and from 14 on the differences of those of the Euler-Maclaurin formula (DLMF 25.11.28). */
PT_FN_CALLED double pt__zeta_difference(int s, double p, double q) {
    const double bernoulli[10] = {0.0833333333333333333, -0.00138888888888888889,
        0.0000330687830687830688, -8.2671957671957672e-7, 2.0876756987868099e-8,
        -5.28419013868748318e-10, 1.33825365306846788e-11, -3.38968029632258287e-13,
        8.58606205627784456e-15, -2.17486869855806187e-16};
    double low = p < q ? p : q;
    double gap = PT_ABS(q - p);
    double sum = 0.0;
    for (; low < 14.0; low += 1.0) {
        sum -= pow(low, -s) * expm1(-s * log1p(gap / low));
    }
    double rise = log1p(gap / low);
    double power = pow(low, -s);
    sum -= power * low / (s - 1.0) * expm1((1.0 - s) * rise);
    sum -= 0.5 * power * expm1(-s * rise);
    double scale = s * power / low;
    for (int j = 0; j < 10; j++) {
        sum -= bernoulli[j] * scale * expm1(-(s + 2 * j + 1.0) * rise);
        scale *= (s + 2 * j + 1.0) * (s + 2 * j + 2.0) / (low * low);
    }
    return p < q ? sum : -sum;
}

/* The coefficient of d^m in lgamma(z + d), for m >= 2. */
PT_FN double pt__lgamma_term(int m, double z) {
    return (m & 1 ? -1.0 : 1.0) * pt_zeta(0.0, m, z) / m;
}

/* ---- masses ---- */

/* A tail `value` e^log(d, e), to be multiplied by 1 + d pole and 1 + e pole, and its density
 * `density` e^log_density(d, e, f) with poles of its own, which is the derivative of the tail in
 * the last variable, or less it where `falls`. `hazard` is density / value, `rest` 1 - value. */
typedef struct {
    double value;
    double rest;
    double density;
    double hazard;
    int falls;
    double pole[2];
    double density_pole[2];
    int is_whole;           /* whether `log` is the series in the last variable too */
    pt__jet log;
    pt__jet log_density;
} pt__mass;

/* A derivative of the tail. */
PT_FN_CALLED double pt__mass_slope(const pt__mass *mass) {
    int in_last = mass->log.n[2];
    pt__jet wave = pt__jet_exp(in_last ? &mass->log_density : &mass->log);
    wave = pt__jet_with_poles(&wave, in_last ? mass->density_pole : mass->pole);
    if (!in_last) {
        return mass->value == 0.0 ? 0.0 : mass->value * pt__jet_derivative(&wave);
    }
    int before = pt__jet_size(&wave) - 2;   /* one order less in the last variable */
    wave.at[before + 1] = wave.at[before] / in_last;
    return (mass->falls ? -mass->density : mass->density) * pt__jet_derivative(&wave);
}

/* A derivative of the logarithm of the tail. In the last variable it is that of the density over
 * the tail, which is e^log_density over e^log of one order less. */
PT_FN_CALLED double pt__mass_log_slope(const pt__mass *mass) {
    pt__jet log = mass->log;
    pt__jet less = mass->log_density;
    pt__jet ratio = pt__jet_of(log.n, 1.0);
    double pole[2];
    double hazard = mass->falls ? -mass->hazard : mass->hazard;
    for (int m = 0; m < 2; m++) {
        pole[m] = mass->density_pole[m] - mass->pole[m];    /* either the same, or none */
        double power = 1.0;
        for (int k = 1; k <= log.n[m] && log.n[2] == 0; k++) {
            power *= -mass->pole[m];
            pt__jet_add(&log, m ? 0 : k, m ? k : 0, 0, -power / k);
        }
    }
    for (int k = 0; k < log.n[2] && !mass->is_whole; k++) {
        for (int i = 0; i <= log.n[0]; i++) {
            for (int j = 0; j <= log.n[1]; j++) {
                int here = pt__jet_place(&log, i, j, k);
                less.at[here] -= log.at[here];
            }
        }
        pt__jet_exp_level(&less, &ratio, k);
        pt__jet whole = pt__jet_with_poles(&ratio, pole);
        for (int i = 0; i <= log.n[0]; i++) {
            for (int j = 0; j <= log.n[1]; j++) {
                int here = pt__jet_place(&log, i, j, k);
                log.at[here + 1] = hazard * whole.at[here] / (k + 1);
            }
        }
    }
    return pt__jet_derivative(&log);
}

/* A derivative of the logarithm of what the tail leaves, 1 - tail. */
PT_FN_CALLED double pt__mass_rest_log_slope(const pt__mass *mass) {
    pt__jet tail = pt__jet_exp(&mass->log);
    pt__jet density = pt__jet_exp(&mass->log_density);
    tail = pt__jet_with_poles(&tail, mass->pole);
    density = pt__jet_with_poles(&density, mass->density_pole);
    pt__jet rest = pt__jet_of(tail.n, 1.0);
    double share = mass->value == 0.0 ? 0.0 : mass->value / mass->rest;
    double by_last = (mass->falls ? mass->density : -mass->density) / mass->rest;
    for (int m = 1; m < pt__jet_size(&rest); m++) {
        int k = m % (rest.n[2] + 1);
        rest.at[m] = k == 0 ? -share * tail.at[m] : by_last * density.at[m - 1] / k;
    }
    rest = pt__jet_log(&rest);
    return pt__jet_derivative(&rest);
}

#endif
