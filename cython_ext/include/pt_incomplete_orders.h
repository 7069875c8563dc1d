/* Derivatives of incomplete gamma and beta functions of orders up to 8 in all, in all arguments.
 *
 * The first and second have formulas of their own, in pt_incomplete_gamma.h and
 * pt_incomplete_beta.h. Here the integral that these take over a tail gives its moments of log t
 * and log(1 - t) of all orders, and those are the coefficients of the tail's series in the
 * parameters: with a + d in place of a it is the mean of t^d. Derivatives in x are those of the
 * density.
 */
#ifndef PT_INCOMPLETE_ORDERS_H
#define PT_INCOMPLETE_ORDERS_H

#include "pt_incomplete_beta.h"
#include "pt_jet.h"

/* Adds the sums of weight * p^i q^j / (i! j!), for i > 0 or j > 0, to a series. */
PT_FN_CALLED void pt__add_moments(pt__jet *jet, const double *weight, const double *p,
                                  const double *q, int size) {
    double over[40];
    for (int k = 0; k < size; k++) {
        over[k] = weight[k];
    }
    for (int i = 0; i <= jet->n[0]; i++) {
        double terms[40];
        for (int k = 0; k < size; k++) {
            over[k] *= i ? p[k] / i : 1.0;
            terms[k] = over[k];
        }
        for (int j = 0; j <= jet->n[1]; j++) {
            for (int k = 0; k < size && j; k++) {
                terms[k] *= q[k] / j;
            }
            if (i + j) {
                pt__jet_add(jet, i, j, 0, pt__sum_of(terms, size));
            }
        }
    }
}

/* The terms of log(x + f), from the first on, times `level`. */
PT_FN_CALLED void pt__add_log_terms(pt__jet *jet, int i, int j, double level, double x, double s) {
    double power = -1.0;
    for (int k = 1; k <= jet->n[2]; k++) {
        power *= -s / x;
        pt__jet_add(jet, i, j, k, level * power / k);
    }
}

/* The terms of (a + d) log(x + f) + (b + e) log(y - f) with powers of f. */
PT_FN_CALLED void pt__add_share_logs(pt__jet *jet, double a, double b, double x, double y) {
    pt__add_log_terms(jet, 0, 0, a, x, 1.0);
    pt__add_log_terms(jet, 0, 0, b, y, -1.0);
    pt__add_log_terms(jet, 1, 0, 1.0, x, 1.0);
    pt__add_log_terms(jet, 0, 1, 1.0, y, -1.0);
}

/* Adds the logarithm of a series. */
PT_FN_CALLED void pt__add_logs(pt__jet *to, const pt__jet *from) {
    pt__jet log = pt__jet_log(from);
    for (int m = 0; m < pt__jet_size(to); m++) {
        to->at[m] += log.at[m];
    }
}

/* ---- gamma ---- */

/* Adds the series of the logarithm of P, by that of pt__gamma_series. */
PT_FN_CALLED void pt__add_gamma_series(pt__jet *log, double a, double x) {
    pt__jet sum = pt__jet_of(log->n, 1.0);
    pt__jet term = sum;
    for (int k = 1; k < 120; k++) {
        pt__jet_times(&term, x, 2);
        pt__jet_over(&term, a + k, 0);
        if (!pt__jet_add_term(&sum, &term)) {
            break;
        }
    }
    pt__jet_divide(&sum, sum.at[0]);
    pt__add_logs(log, &sum);
    pt__jet_add(log, 1, 0, 0, pt__log_of(x) - pt__digamma_of(a + 1.0));
    pt__jet_add(log, 0, 0, 1, -1.0);
    pt__add_log_terms(log, 0, 0, a, x, 1.0);
    pt__add_log_terms(log, 1, 0, 1.0, x, 1.0);
    for (int m = 2; m <= log->n[0]; m++) {
        pt__jet_add(log, m, 0, 0, -pt__lgamma_term(m, a + 1.0));
    }
}

/* Adds the series in the parameter of the logarithm of a tail, for Q or for a >= 1. */
PT_FN_CALLED void pt__add_gamma_moments(pt__jet *log, const pt__gamma_tail *tail, double a,
                                        double x) {
    double e[32];
    double u[32];
    double s = tail->upper ? 1.0 : -1.0;
    double whole = pt__gamma_rule(s * (x - a), x, s, e, u);
    double mean = pt__sum_of_products(e, u, 32) / whole;
    for (int k = 0; k < 32; k++) {
        e[k] /= whole;
        u[k] = s * (u[k] - mean);
    }
    pt__jet moments = pt__jet_of(log->n, 1.0);
    pt__add_moments(&moments, e, u, u, 32);
    if (log->n[0] > 0) {
        moments.at[pt__jet_place(&moments, 1, 0, 0)] = 0.0;     /* about the mean */
    }
    pt__add_logs(log, &moments);
    pt__jet_add(log, 1, 0, 0, tail->first);
    for (int m = 2; m <= log->n[0]; m++) {
        pt__jet_add(log, m, 0, 0, -pt__lgamma_term(m, a < 1.0 ? a + 1.0 : a));
    }
}

/* The series of a tail and of the density, for positive finite arguments. */
PT_FN_CALLED pt__mass pt__gamma_mass(double a, double x, const int *n) {
    pt__gamma_tail tail = pt__gamma_tail_of(a, x, 1);
    pt__mass mass;
    double factor;
    mass.value = pt__gamma_share(&tail);
    mass.rest = pt__gamma_other(&tail, mass.value, a, x);
    mass.density = pt_gammainc_x(a, x);
    pt__gamma_lead(a, x, &factor);
    mass.hazard = tail.body > 0.0 ? (a < 1.0 ? a * factor : factor) / x / tail.body : 1.0;
    mass.falls = tail.upper;
    mass.is_whole = !tail.upper && x < 6.0;
    mass.pole[0] = tail.pole;
    mass.density_pole[0] = a < 1.0 ? 1.0 / a : 0.0;
    mass.pole[1] = mass.density_pole[1] = 0.0;
    mass.log = pt__jet_of(n, 0.0);
    if (mass.is_whole) {
        pt__add_gamma_series(&mass.log, a, x);
    } else {
        pt__add_gamma_moments(&mass.log, &tail, a, x);
    }
    double score = a < 1.0 ? pt__log_of(x) - pt__digamma_of(a + 1.0)
                           : -pt_log_ratio(a, 1.0, x) - pt__digamma_rest_of(a);
    mass.log_density = pt__jet_of(n, 0.0);
    pt__jet_add(&mass.log_density, 1, 0, 0, score);
    for (int m = 2; m <= n[0]; m++) {
        pt__jet_add(&mass.log_density, m, 0, 0, -pt__lgamma_term(m, a < 1.0 ? a + 1.0 : a));
    }
    pt__jet_add(&mass.log_density, 0, 0, 1, -1.0);
    pt__add_log_terms(&mass.log_density, 0, 0, a - 1.0, x, 1.0);
    pt__add_log_terms(&mass.log_density, 1, 0, 1.0, x, 1.0);
    return mass;
}

/* At x = 0, with derivatives in x: those of P, x^a / gamma(a + 1) in the limit, of its logarithm,
 * or of log Q, which is -P there. nan for whole a with further orders. */
PT_FN_CALLED double pt__gamma_orders_at_zero(const int *n, double a, int log, int upper) {
    double sign = n[0] % 2 == 1 ? -1.0 : 1.0;
    if (log && !upper) {
        if (n[0] < 2) {
            return n[2] % 2 == 1 ? PT_INF : -PT_INF;
        }
        /* The slope is that of a log x - a x / (a + 1). */
        double value = sign / (a + 1.0);
        for (int k = 1; k <= n[0]; ++k) {
            value *= k / (a + 1.0);
        }
        return n[2] == 1 ? value : PT_NAN;
    }
    sign = log ? -sign : sign;
    if (a > n[2]) {
        return 0.0;
    }
    if (a == PT_FLOOR(a)) {
        return n[2] > 1 || a != 1.0 ? PT_NAN : n[0] == 0 ? sign : sign * PT_INF;
    }
    for (int k = 1; k < n[2]; ++k) {
        sign = a < k ? -sign : sign;
    }
    return sign * PT_INF;
}

/* At 0 or infinity: those of P, or of log P or log Q. */
PT_FN_CALLED double pt__gamma_orders_edge(const int *n, double a, double x, int log, int upper) {
    int vanishes = upper ? x == PT_INF : x == 0.0 || a == PT_INF;
    if (n[2] > 0) {
        if (x == 0.0) {
            return pt__gamma_orders_at_zero(n, a, log, upper);
        }
        return log && upper && n[0] == 0 && n[2] == 1 && a < PT_INF ? -1.0 : 0.0;
    }
    if (!log || !vanishes) {
        return 0.0;
    }
    if (n[0] == 1) {
        return upper ? PT_INF : -PT_INF;
    }
    pt__jet term = pt__jet_of(n, 0.0);
    pt__jet_add(&term, n[0], 0, 0, a == PT_INF ? 0.0 : -pt__lgamma_term(n[0], upper ? a : a + 1.0));
    return pt__jet_derivative(&term);
}

/* Derivatives of P (upper 0), log P or log Q, as the digits of `counts` say: in a, then in x. */
PT_FN_CALLED double pt__gamma_orders(double counts, double a, double x, int log, int upper) {
    int digits[3];
    int enough = pt__jet_orders(counts, 2, digits);
    int n[3] = {digits[0], 0, digits[1]};
    if (!enough || !(a >= 0.0 && x >= 0.0) || (a == PT_INF && x == PT_INF)
        || (a == 0.0 && x == 0.0)) {
        return PT_NAN;
    }
    if (counts == 0.0) {
        return log ? pt__gamma_log(a, x, upper) : pt_gammainc(a, x);
    }
    if (x == 0.0 || a == PT_INF || x == PT_INF) {
        return pt__gamma_orders_edge(n, a, x, log, upper);
    }
    pt__mass mass = pt__gamma_mass(a > 1e-290 ? a : 1e-290, x, n);
    if (!log) {
        return mass.falls ? -pt__mass_slope(&mass) : pt__mass_slope(&mass);
    }
    return mass.falls == upper ? pt__mass_log_slope(&mass) : pt__mass_rest_log_slope(&mass);
}

PT_FN double pt_gammainc_orders(double counts, double a, double x) {
    return pt__gamma_orders(counts, a, x, 0, 0);
}
PT_FN double pt_log_gammainc_orders(double counts, double a, double x) {
    return pt__gamma_orders(counts, a, x, 1, 0);
}
PT_FN double pt_log_gammaincc_orders(double counts, double a, double x) {
    return pt__gamma_orders(counts, a, x, 1, 1);
}

/* ---- beta ---- */

/* The terms of log gamma(n + d + e) - lgamma(p + d) - lgamma(q + e) from the second order on. */
PT_FN_CALLED void pt__add_beta_terms(pt__jet *jet, double n, double p, double q) {
    for (int m = 2; m <= jet->n[0] + jet->n[1]; m++) {
        double sign = (m & 1 ? -1.0 : 1.0) / m;
        double whole = jet->n[0] > 0 && jet->n[1] > 0 ? pt__lgamma_term(m, n) : 0.0;
        for (int i = 1; i < m; i++) {
            whole *= (m - i + 1.0) / i;
            pt__jet_add(jet, i, m - i, 0, whole);
        }
        if (m <= jet->n[0]) {
            pt__jet_add(jet, m, 0, 0, sign * pt__zeta_difference(m, n, p));
        }
        if (m <= jet->n[1]) {
            pt__jet_add(jet, 0, m, 0, sign * pt__zeta_difference(m, n, q));
        }
    }
}

/* Adds the series of the logarithm of a mass, by that of pt__beta_series; `q` is b, or b + 1 for
 * b < 1, whose pole is left out. */
PT_FN_CALLED void pt__add_beta_series(pt__jet *log, double a, double b, double q, double x,
                                      double y) {
    double n = a + b;
    pt__jet sum = pt__jet_of(log->n, 1.0);
    pt__jet term = sum;
    for (int k = 0; k < 200; k++) {
        pt__jet other = term;
        pt__jet_times(&other, 0.0, 1);
        pt__jet_times(&term, n + k, 0);
        pt__jet_add_term(&term, &other);
        pt__jet_times(&term, x, 2);
        pt__jet_over(&term, a + 1.0 + k, 0);
        if (!pt__jet_add_term(&sum, &term)) {
            break;
        }
    }
    pt__jet_divide(&sum, sum.at[0]);
    pt__add_logs(log, &sum);
    pt__jet_add(log, 1, 0, 0, pt__log_first(x, y) + pt__digamma_of(n) - pt__digamma_of(a + 1.0));
    pt__jet_add(log, 0, 1, 0, pt__log_first(y, x) + pt__digamma_of(n) - pt__digamma_of(q));
    pt__add_beta_terms(log, n, a + 1.0, q);
    pt__add_share_logs(log, a, b, x, y);
}

/* The series of moments for a < 1, as in pt__beta_raised_slopes. */
PT_FN_CALLED pt__jet pt__beta_raised_moments(const int *n, double a, double b, double part,
                                             double odds, const pt__beta_points *p, double whole,
                                             double *fall) {
    double log[40];
    double over[40];
    double with_x[40];
    double weight = part / ((a + b) * whole);
    for (int k = 0; k < 40; k++) {
        double less;
        double more;
        double o = odds * pt__short_exp(-p->u[k], &less, &more);
        double l = -pt_log1p(o);
        double ratio = o > 1e-18 ? l * (1.0 + o) / o : -1.0;
        fall[k] = -fall[k];
        over[k] = weight * p->e[k] * ratio;
        with_x[k] = part * p->e[k] / whole;
        log[k] = l;
    }
    /* With t^d alone by parts, else with log(1 - t) / t. */
    int first[3] = {n[0], 0, 0};
    pt__jet plain = pt__jet_of(first, part);
    pt__add_moments(&plain, with_x, fall, fall, 40);
    pt__jet moments = pt__jet_of(n, 1.0);
    for (int i = 1; i <= n[0]; i++) {
        pt__jet_add(&moments, i, 0, 0, plain.at[i] + plain.at[i - 1] / (a + b));
    }
    int last[3] = {n[0], n[1] > 0 ? n[1] - 1 : 0, 0};
    pt__jet joint = pt__jet_of(last, pt__sum_of(over, 40));
    pt__add_moments(&joint, over, fall, log, 40);
    for (int i = 0; i <= n[0]; i++) {
        for (int j = 1; j <= n[1]; j++) {
            double before = i ? joint.at[pt__jet_place(&joint, i - 1, j - 1, 0)] : 0.0;
            double here = joint.at[pt__jet_place(&joint, i, j - 1, 0)];
            pt__jet_add(&moments, i, j, 0, PT_MA(a, here, before) / j);
        }
    }
    return moments;
}

/* The series of the mass below x and of the density, as pt__beta_tail_of has them. */
PT_FN_CALLED pt__mass pt__beta_mass(double a, double b, double x, double y, const int *n) {
    pt__beta_tail tail = pt__beta_tail_of(a, b, x, y, 3);
    pt__beta_points p;
    double fall[40];
    double rise[40];
    double factor;
    int raised = a < 1.0;
    double total = a + b;
    double d = pt__beta_drift(a, b, x, y);
    pt__beta_form g = {a, raised ? a + 1.0 : a, b, (raised ? a + 1.0 : a) + b,
                       raised ? d + y : d, x < y ? x : y, x < y ? -1.0 : 1.0};
    double whole = pt__beta_rule(&g, &p);
    pt__beta_logs(&p, g.s, fall, rise);
    pt__mass mass;
    mass.value = pt__exp_of(tail.lead) * tail.body;
    mass.rest = pt__beta_other(mass.value, a, b, x, y);
    mass.density = pt_beta_mass_x(a, b, x, y);
    pt__beta_lead(a, b, x, y, d, &factor);
    mass.hazard = factor / x / y / tail.body;
    mass.falls = 0;
    mass.is_whole = n[2] > 0 && x < 0.6 && total * x < 0.6 * (a + 1.0);
    mass.pole[0] = 0.0;
    mass.density_pole[0] = raised ? 1.0 / a : 0.0;
    mass.pole[1] = mass.density_pole[1] = b < 1.0 ? 1.0 / b : 0.0;
    mass.log = pt__jet_of(n, 0.0);
    double q = b < 1.0 ? b + 1.0 : b;
    pt__add_beta_terms(&mass.log, total, raised ? a + 1.0 : a, q);
    mass.log_density = mass.log;
    double log_y = pt__log_first(y, x);
    double part_a = pt__digamma_of(total) - pt__digamma_of(a + 1.0);
    double score_a = raised ? pt__log_first(x, y) + part_a
                            : pt__beta_log_ratio(a, total, x, d) + pt_digamma_rest_change(a, b);
    double part_b = pt__digamma_of(total) - pt__digamma_of(q);
    double score_b = b < 1.0 ? log_y + part_b
                             : pt__beta_log_ratio(b, total, y, -d) + pt_digamma_rest_change(b, a);
    pt__jet moments = pt__jet_of(n, 1.0);
    if (mass.is_whole) {
        mass.log = moments;
        mass.log.at[0] = 0.0;
        pt__add_beta_series(&mass.log, a, b, q, x, y);
    } else if (raised) {
        double part = total * x * whole / PT_MA(total * x, whole, 1.0);
        moments = pt__beta_raised_moments(n, a, b, part, x / y, &p, whole, fall);
        pt__jet_add(&mass.log, 1, 0, 0, score_a);
        pt__jet_add(&mass.log, 0, 1, 0, part_b);
    } else {
        double down = pt__sum_of_products(p.e, fall, 40) / whole;
        double up = pt__sum_of_products(p.e, rise, 40) / whole;
        for (int k = 0; k < 40; k++) {
            p.e[k] /= whole;
            fall[k] = down - fall[k];
            rise[k] -= up;
        }
        pt__add_moments(&moments, p.e, fall, rise, 40);
        pt__jet_add(&mass.log, 1, 0, 0, tail.a);
        pt__jet_add(&mass.log, 0, 1, 0, b < 1.0 ? tail.rest_b : tail.b);
    }
    pt__add_logs(&mass.log, &moments);
    pt__jet_add(&mass.log_density, 1, 0, 0, score_a);
    pt__jet_add(&mass.log_density, 0, 1, 0, score_b);
    pt__add_share_logs(&mass.log_density, a - 1.0, b - 1.0, x, y);
    return mass;
}

/* Derivatives of a beta mass or of its logarithm, as the digits of `counts` say: in a, b, and x,
 * along x + y = 1. */
PT_FN_CALLED double pt__beta_orders(double counts, double a, double b, double x, double y,
                                    int log) {
    int n[3];
    if (!pt__jet_orders(counts, 3, n) || pt__beta_is_nan(a, b, x, y)) {
        return PT_NAN;
    }
    if (counts == 0.0) {
        return log ? pt_log_beta_mass(a, b, x, y) : pt_beta_mass(a, b, x, y);
    }
    if (x == 0.0 || y == 0.0 || a == PT_INF || b == PT_INF) {
        double power = x == 0.0 ? a : (y == 0.0 ? b : PT_INF);
        int flat = (n[2] == 0 || power > n[2]) && (!log || y == 0.0 || b == PT_INF);
        return flat ? 0.0 : PT_NAN;
    }
    a = PT__BETA_LEAST(a);
    b = PT__BETA_LEAST(b);
    if (!pt__beta_is_upper(a, b, x, y)) {
        pt__mass mass = pt__beta_mass(a, b, x, y, n);
        return log ? pt__mass_log_slope(&mass) : pt__mass_slope(&mass);
    }
    int turned[3] = {n[1], n[0], n[2]};
    pt__mass mass = pt__beta_mass(b, a, y, x, turned);
    double slope = log ? pt__mass_rest_log_slope(&mass) : -pt__mass_slope(&mass);
    return n[2] & 1 ? -slope : slope;
}

PT_FN double pt_beta_mass_orders(double counts, double a, double b, double x, double y) {
    return pt__beta_orders(counts, a, b, x, y, 0);
}
PT_FN double pt_log_beta_mass_orders(double counts, double a, double b, double x, double y) {
    return pt__beta_orders(counts, a, b, x, y, 1);
}

#endif
