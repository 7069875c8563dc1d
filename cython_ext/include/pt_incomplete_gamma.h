/* The incomplete gamma functions P(a, x) and Q(a, x) (DLMF 8.2.4), their logarithms, and
 * derivatives in both arguments.
 *
 * The smaller tail is an integral over a half line: with t = x e^-u and t = x e^u in
 * DLMF 8.2.1 and 8.2.2,
 *
 *   P = x^a e^-x / gamma(a) * integral exp(-(a - x) u - x (e^-u - 1 + u)) du     for x < a
 *   Q = x^a e^-x / gamma(a) * integral exp(-(x - a) u - x (e^u - 1 - u)) du      for x >= a
 *
 * The integrand falls from 1 to e^-42 at a point that is found first; up to there a Gauss-Legendre
 * rule of 24 or 32 points, denser near 0, is exact to rounding for all a >= 1 and x >= 0.7.  Where
 * a < 1 and x < 0.7, P(a, x) = P(a + 1, x) + x^a e^-x / gamma(a + 1) (DLMF 8.8.5), and Q is 1 less
 * the series of P (DLMF 8.7.1), whose first term is taken from 1 by expm1.
 *
 * Derivatives in a are moments of log t given the tail: that of log P is E[log t | t < x] -
 * digamma(a), the second Var[log t | t < x] - trigamma(a).  They are sums over the same points, of
 * terms of one sign where the tail is the smaller one.
 */
#ifndef PT_INCOMPLETE_GAMMA_H
#define PT_INCOMPLETE_GAMMA_H

#include "pt_rising.h"

#define PT__REACH 42.0

PT_FN_CALLED double pt__kl_div_of(double a, double b, double x) { return pt_kl_div(a, b, x); }
PT_FN_CALLED double pt__exp_of(double x) { return pt_exp(x); }
PT_FN_CALLED double pt__expm1_of(double x) { return pt_expm1(x); }

/* ---- sums over the points of a rule ---- */

/* The sum of a multiple of eight terms, in a fixed order. */
PT_FN double pt__sum_of(const double *terms, int size) {
    double lane[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    for (int k = 0; k < size; k += 8) {
        for (int j = 0; j < 8; j++) {
            lane[j] += terms[k + j];
        }
    }
    double even = (lane[0] + lane[4]) + (lane[2] + lane[6]);
    return even + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* The sum of weight * p. */
PT_FN double pt__sum_of_products(const double *weight, const double *p, int size) {
    double terms[40];
    for (int k = 0; k < size; k++) {
        terms[k] = weight[k] * p[k];
    }
    return pt__sum_of(terms, size);
}

/* The sum of weight * (p - p_mean) * (q - q_mean). */
PT_FN double pt__sum_of_spreads(const double *weight, const double *p, double p_mean,
                                const double *q, double q_mean, int size) {
    double terms[40];
    for (int k = 0; k < size; k++) {
        terms[k] = weight[k] * (p[k] - p_mean) * (q[k] - q_mean);
    }
    return pt__sum_of(terms, size);
}

/* A first estimate of where f(u) = 42, for a convex f with f(0) = 0, f' = d and f'' = c > 0 there:
 * f'' falls as e^(-skew u) for skew > 0, and grows for skew < 0. */
PT_FN double pt__reach_estimate(double d, double c, double skew) {
    double h = skew > 0.0 ? skew / 3.0 : 0.0;
    double q = d - PT__REACH * h;
    if (q > 1e140) {
        return PT__REACH / q;
    }
    double p = PT_MA(d, h, 0.5 * c);
    double root = PT_SQRT(q * q + 4.0 * PT__REACH * p);
    double u = q > 0.0 ? 2.0 * PT__REACH / (q + root) : (root - q) / (2.0 * p);
    if (skew < 0.0) {
        double r = PT__REACH / c;
        double bound = pt__log1p_of(r + PT_SQRT(2.0 * r)) / (skew < -0.3 ? -skew : 0.3);
        u = bound < u ? bound : u;
    }
    return u;
}

/* A step of Newton's method for log f(u) = log 42, which stays positive. */
PT_FN double pt__reach_step(double u, double f, double slope) {
    double excess = pt__log_of(f / PT__REACH);
    double step = excess * f / slope;
    return excess > 0.0 ? u / (1.0 + step / u) : u - step;
}

/* e^x, *less = e^x - 1 and *more = e^x - 1 - x for |x| < 690. */
PT_FN double pt__short_exp(double x, double *less, double *more) {
    double k = pt__nearest_product(x, PT_LOG2_E);
    double r = PT_MA(-k, PT_LN2_LO, PT_MA(-k, PT_LN2_HI, x));
    double tail = r * r * pt__exp_tail(r);
    double whole = (1.0 + (r + tail)) * pt__pow2(k);
    *less = k == 0.0 ? r + tail : whole - 1.0;
    *more = k == 0.0 ? tail : *less - x;
    return whole;
}

/* The logarithm of the integrand at u, less its sign. */
PT_FN double pt__gamma_exponent(double d, double x, double s, double u, double *less) {
    double more;
    pt__short_exp(s * u, less, &more);
    return PT_MA(d, u, x * more);
}

PT_FN double pt__gamma_integrand(double d, double x, double s, double u) {
    double less;
    double more;
    return pt__short_exp(-pt__gamma_exponent(d, x, s, u, &less), &less, &more);
}

/* Where the integrand has fallen to e^-42. */
PT_FN_CALLED double pt__gamma_reach(double d, double x, double s) {
    double end = pt__reach_estimate(d, x, -s);
    for (int step = 0; step < 4 && x < 100.0; step++) {
        double less;
        double reached = pt__gamma_exponent(d, x, s, end, &less);
        if (reached > 38.0 && reached < 56.0) {
            break;
        }
        end = pt__reach_step(end, reached, PT_MA(s * x, less, d));
    }
    return end;
}

/* e[k] = a weight times exp(-(d u[k] + x (e^(s u[k]) - 1 - s u[k]))), s = 1 or -1; the sum of e is
 * the integral over u from 0 on. */
PT_FN_CALLED double pt__gamma_rule(double d, double x, double s, double *e, double *u) {
    const double place[32] = {0.0004572707670828598, 0.0024325861757906017, 0.006079907173962298,
        0.011555190502013937, 0.019071357829272516, 0.028887083676675047, 0.04129218569196732,
        0.05659071646369177, 0.0750824831863968, 0.09704375659779928, 0.12270796514646905,
        0.1522471782508348, 0.18575516038905168, 0.22323272582952905, 0.2645760438225319,
        0.30956843891683056, 0.35787610460456887, 0.40904800540532843, 0.4625200880816661,
        0.5176237626711794, 0.5735984543814702, 0.6296078740786984, 0.6847595138385616,
        0.738126750116612, 0.7887728352039814, 0.8357759816599097, 0.878254697409245,
        0.9153925135953246, 0.9464612664397536, 0.9708421627614687, 0.988044097721059,
        0.9977211326165645};
    const double weight[32] = {0.0011761696304485234, 0.0027904537687154056,
        0.004530263920701384, 0.0064559838954304175, 0.00861970846992702, 0.011060329664295874,
        0.013800859622679608, 0.016846493210650265, 0.020183409047629008, 0.023778353002167393,
        0.027579026512270677, 0.031515272754559676, 0.0355010234520808, 0.03943693996767475,
        0.04321365554193049, 0.04671550215021919, 0.049824586364508615, 0.05242506453734437,
        0.054407459113129816, 0.05567285524368308, 0.056136820249844135, 0.05573289771467608,
        0.05441554278490291, 0.0521623850612195, 0.04897572956571158, 0.044883233855855936,
        0.0399377295980803, 0.034216189552299665, 0.027817879017591016, 0.020861801388560676,
        0.013483940962190265, 0.005842440379021574};
    double end = pt__gamma_reach(d, x, s);
    for (int k = 0; k < 32; k++) {
        u[k] = end * place[k];
        e[k] = end * weight[k] * pt__gamma_integrand(d, x, s, u[k]);
    }
    return pt__sum_of(e, 32);
}

/* The integral alone by fewer points, where the larger of d + x and x is 10 or more. */
PT_FN_CALLED double pt__gamma_quick_rule(double d, double x, double s) {
    const double place[24] = {0.0016061902386059691, 0.00847703516650477, 0.020892651909961025,
        0.03893661037400698, 0.06269927842981061, 0.09225322245737354, 0.1276219558382627,
        0.16874631275991078, 0.21545131345851973, 0.2674163176544299, 0.32415110138855835,
        0.38498016069563146, 0.4490370535582371, 0.5152699688621746, 0.5824589973505933,
        0.6492448210845648, 0.7141677841487504, 0.7757156077752383, 0.8323774140359279,
        0.8827012644037135, 0.925352137378408, 0.9591672039126938, 0.9832055911378142,
        0.9967934102356273};
    const double weight[24] = {0.0041236425373279905, 0.00963063444144404, 0.015214653730336073,
        0.020888761391313036, 0.026649197301992854, 0.03246317682833298, 0.0382649879288369,
        0.043955066408157835, 0.04940189921091026, 0.05444667115872258, 0.05891040948295307,
        0.06260321046131574, 0.06533498488543642, 0.06692704686387523, 0.06722380176908081,
        0.06610376884281534, 0.0634892037078078, 0.059353664175276995, 0.05372698470362029,
        0.04669728410908745, 0.03840982352412375, 0.029062785087083733, 0.018900754187489623,
        0.008217587262659209};
    double end = pt__gamma_reach(d, x, s);
    double e[24];
    for (int k = 0; k < 24; k++) {
        e[k] = end * weight[k] * pt__gamma_integrand(d, x, s, end * place[k]);
    }
    return pt__sum_of(e, 24);
}

/* ---- a tail ---- */

/* The tail e^lead * body, whose logarithm has in a the derivatives pole + first and
 * second - pole^2. */
typedef struct {
    int upper;      /* 1 for Q, 0 for P */
    double lead;
    double body;
    double pole;    /* 1 / a for Q where a < 1 */
    double first;
    double second;
} pt__gamma_tail;

/* x^a e^-x / gamma(a) = e^lead * factor, but gamma(a + 1) for a < 1. */
PT_FN_CALLED double pt__gamma_lead(double a, double x, double *factor) {
    *factor = 1.0;
    if (a < 8.0) {
        *factor = 1.0 / pt_gamma(a < 1.0 ? a + 1.0 : a);
        return PT_MA(a, pt__log_of(x), -x);
    }
    double inverse = 1.0 / a;
    double series = PT_MA(inverse, pt__stirling(inverse * inverse), 0.9189385332046728);
    return PT_MA(0.5, pt__log_of(a), -pt__kl_div_of(a, 1.0, x) - series);
}

/* 1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ... (DLMF 8.7.1), for x <= a and x < 6. */
PT_FN double pt__gamma_series(double a, double x) {
    double sum = 1.0;
    double term = 1.0;
    for (int k = 1; k < 80 && term > 1e-17; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum;
}

PT_FN int pt__gamma_is_upper(double a, double x) {
    return a < 1.0 ? x >= 0.7 : x >= a;
}

/* The tail of P or Q that is the smaller one, for a > 0 and finite arguments; derivatives if
 * wanted. */
PT_FN_CALLED pt__gamma_tail pt__gamma_tail_of(double a, double x, int slopes) {
    pt__gamma_tail tail;
    double e[32];
    double u[32];
    tail.pole = 0.0;
    tail.first = 0.0;
    tail.second = 0.0;
    tail.upper = pt__gamma_is_upper(a, x);
    double factor;
    tail.lead = pt__gamma_lead(a, x, &factor);
    int raised = a < 1.0 && !tail.upper;
    double order = raised ? a + 1.0 : a;
    double sign = tail.upper ? 1.0 : -1.0;
    double d = sign * (x - order);
    if (!slopes && !tail.upper && x < 6.0) {
        double sum = pt__gamma_series(a, x);
        tail.body = factor * (a < 1.0 ? sum : sum / a);
        return tail;
    }
    int quick = !slopes && (tail.upper ? x : a) >= 10.0;
    double whole = quick ? pt__gamma_quick_rule(d, x, sign) : pt__gamma_rule(d, x, sign, e, u);
    double share = 1.0;     /* of P, what P(a + 1, x) contributes */
    tail.body = factor * (a < 1.0 ? a * whole : whole);
    if (raised) {
        double sum = PT_MA(x, whole, 1.0);
        tail.body = factor * sum;
        share = x * whole / sum;
    }
    if (!slopes) {
        return tail;
    }
    double mean = pt__sum_of_products(e, u, 32) / whole;
    double spread = pt__sum_of_spreads(e, u, mean, u, mean, 32) / whole;
    double centre;
    if (a < 1.0) {
        tail.pole = tail.upper ? 1.0 / a : 0.0;
        centre = pt__log_of(x) - pt__digamma_of(a + 1.0);
        tail.second = share * PT_MA(1.0 - share, mean * mean, spread) - pt__trigamma_of(a + 1.0);
    } else {
        centre = -pt_log_ratio(a, 1.0, x) - pt__digamma_rest_of(a);
        tail.second = spread - pt__trigamma_of(a);
    }
    tail.first = PT_MA(sign * share, mean, centre);
    return tail;
}

/* Q for a < 1 and x < 0.7: 1 - x^a / gamma(a + 1) and the rest of DLMF 8.7.1. */
PT_FN_CALLED double pt__gamma_upper_near_zero(double a, double x) {
    double log = PT_MA(a, pt__log_of(x), -pt_log_rising_factorial(1.0, a));
    double sum = 0.0;
    double term = x;
    for (int k = 1; k < 20; k++) {
        sum += term / (a + k);
        term *= -x / (k + 1.0);
    }
    return PT_MA(a * pt__exp_of(log), sum, -pt__expm1_of(log));
}

/* The tail that is not `tail`, whose value is given. */
PT_FN double pt__gamma_other(const pt__gamma_tail *tail, double value, double a, double x) {
    return a < 1.0 && !tail->upper && value > 0.75 ? pt__gamma_upper_near_zero(a, x) : 1.0 - value;
}

/* P or Q, whichever the tail is: a few ulps above 1 is 1. */
PT_FN double pt__gamma_share(const pt__gamma_tail *tail) {
    double value = pt__exp_of(tail->lead) * tail->body;
    return value > 1.0 ? 1.0 : value;
}

PT_FN double pt__gamma_step(double a, double x, int upper) {
    int above = a == 0.0 || x == PT_INF;
    int none = (a == 0.0 && x == 0.0) || (a == PT_INF && x == PT_INF);
    return !(a >= 0.0 && x >= 0.0) || none ? PT_NAN : (above == upper ? 0.0 : 1.0);
}

/* P or Q. */
PT_FN_CALLED double pt__gamma_value(double a, double x, int upper) {
    if (!(a > 0.0 && x > 0.0 && a < PT_INF && x < PT_INF)) {
        return pt__gamma_step(a, x, upper);
    }
    pt__gamma_tail tail = pt__gamma_tail_of(a, x, 0);
    double value = pt__gamma_share(&tail);
    return tail.upper == upper ? value : pt__gamma_other(&tail, value, a, x);
}

/* log P or log Q. */
PT_FN_CALLED double pt__gamma_log(double a, double x, int upper) {
    if (!(a > 0.0 && x > 0.0 && a < PT_INF && x < PT_INF)) {
        return pt__log_of(pt__gamma_step(a, x, upper));
    }
    pt__gamma_tail tail = pt__gamma_tail_of(a, x, 0);
    double value = pt__gamma_share(&tail);
    if (value <= 0.75) {
        double log = pt__log_of(tail.body > 0.0 ? tail.body : 1e-308);
        return tail.upper == upper ? tail.lead + log : pt__log1p_of(-value);
    }
    double other = pt__gamma_other(&tail, value, a, x);
    return tail.upper == upper ? pt__log1p_of(-other) : pt__log_of(other);
}

PT_FN double pt_gammainc(double a, double x) { return pt__gamma_value(a, x, 0); }
PT_FN double pt_gammaincc(double a, double x) { return pt__gamma_value(a, x, 1); }
PT_FN double pt_log_gammainc(double a, double x) { return pt__gamma_log(a, x, 0); }
PT_FN double pt_log_gammaincc(double a, double x) { return pt__gamma_log(a, x, 1); }

/* ---- derivatives ---- */

/* The derivative of P in x: the density x^(a - 1) e^-x / gamma(a). */
PT_FN_CALLED double pt_gammainc_x(double a, double x) {
    if (!(a >= 0.0 && x >= 0.0)) {
        return PT_NAN;
    }
    if (x == 0.0) {
        return a < 1.0 ? (a > 0.0 ? PT_INF : PT_NAN) : (a == 1.0 ? 1.0 : 0.0);
    }
    if (a == 0.0 || a == PT_INF || x == PT_INF) {
        return a == PT_INF && x == PT_INF ? PT_NAN : 0.0;
    }
    double factor;
    double lead = pt__gamma_lead(a, x, &factor);
    double scale = a < 1.0 ? a * factor : factor;
    return x < 1e-150 ? scale * pt__exp_of(lead - pt__log_of(x)) : scale * pt__exp_of(lead) / x;
}

/* The first and second derivatives in a of P; at a = 0 their limits. */
PT_FN_CALLED double pt__gamma_shape(double a, double x, int order) {
    if (!(a >= 0.0 && x >= 0.0) || (a == PT_INF && x == PT_INF) || (a == 0.0 && x == 0.0)) {
        return PT_NAN;
    }
    if (x == 0.0 || a == PT_INF || x == PT_INF) {
        return 0.0;
    }
    pt__gamma_tail tail = pt__gamma_tail_of(a > 1e-290 ? a : 1e-290, x, 1);
    double value = pt__gamma_share(&tail);
    double first = tail.first;
    double bent = PT_MA(2.0 * tail.pole, first, PT_MA(first, first, tail.second));
    double change = value * (order == 1 ? tail.pole + first : bent);
    return value == 0.0 ? 0.0 : (tail.upper ? -change : change);
}

PT_FN double pt_gammainc_a(double a, double x) { return pt__gamma_shape(a, x, 1); }
PT_FN double pt_gammainc_aa(double a, double x) { return pt__gamma_shape(a, x, 2); }

/* The limits of the derivatives of log P (upper = 0) or log Q in a where an argument is 0 or
 * infinite. */
PT_FN_CALLED double pt__gamma_log_shape_edge(double a, double x, int order, int upper) {
    if (!(a >= 0.0 && x >= 0.0) || (a == PT_INF && x == PT_INF) || (a == 0.0 && x == 0.0)) {
        return PT_NAN;
    }
    if (a == 0.0) {
        double slope = pt__gamma_shape(a, x, 1);
        double bend = x == PT_INF ? 0.0 : pt__gamma_shape(a, x, 2) - slope * slope;
        return upper ? (order == 1 ? PT_INF : -PT_INF) : (order == 1 ? slope : bend);
    }
    if ((x == 0.0 || a == PT_INF) == upper) {
        return 0.0;
    }
    double centre = x == 0.0 ? pt__trigamma_of(a + 1.0) : pt__trigamma_of(a);
    return order == 2 ? (a == PT_INF ? 0.0 : -centre) : (upper ? PT_INF : -PT_INF);
}

/* The first and second derivatives in a of log P or log Q. */
PT_FN_CALLED double pt__gamma_log_shape(double a, double x, int order, int upper) {
    if (!(a > 0.0 && x > 0.0 && a < PT_INF && x < PT_INF)) {
        return pt__gamma_log_shape_edge(a, x, order, upper);
    }
    pt__gamma_tail tail = pt__gamma_tail_of(a, x, 1);
    double slope = tail.pole + tail.first;
    if (tail.upper == upper) {
        return order == 1 ? slope : tail.second - tail.pole * tail.pole;
    }
    double value = pt__gamma_share(&tail);
    double first = tail.first;
    double ratio = value / pt__gamma_other(&tail, value, a, x);
    slope = value == 0.0 ? 0.0 : -ratio * slope;
    double bent = PT_MA(2.0 * tail.pole, first, PT_MA(first, first, tail.second));
    return order == 1 ? slope : (value == 0.0 ? 0.0 : PT_MA(-slope, slope, -ratio * bent));
}

PT_FN double pt_log_gammainc_a(double a, double x) { return pt__gamma_log_shape(a, x, 1, 0); }
PT_FN double pt_log_gammainc_aa(double a, double x) { return pt__gamma_log_shape(a, x, 2, 0); }
PT_FN double pt_log_gammaincc_a(double a, double x) { return pt__gamma_log_shape(a, x, 1, 1); }
PT_FN double pt_log_gammaincc_aa(double a, double x) { return pt__gamma_log_shape(a, x, 2, 1); }

/* The density over P or over Q, for positive finite arguments. */
PT_FN_CALLED double pt__gamma_hazard(double a, double x, int upper) {
    pt__gamma_tail tail = pt__gamma_tail_of(a, x, 0);
    if (tail.upper == upper) {
        double factor;
        pt__gamma_lead(a, x, &factor);
        double scale = a < 1.0 ? a * factor : factor;
        return tail.body > 0.0 ? scale / x / tail.body : 1.0;
    }
    double value = pt__gamma_share(&tail);
    return pt_gammainc_x(a, x) / pt__gamma_other(&tail, value, a, x);
}

/* The derivatives in x of log P and log Q. */
PT_FN_CALLED double pt_log_gammainc_x(double a, double x) {
    if (!(a >= 0.0 && x >= 0.0) || (a == PT_INF && x == PT_INF) || (a == 0.0 && x == 0.0)) {
        return PT_NAN;
    }
    if (a == 0.0 || x == PT_INF) {
        return 0.0;
    }
    return x == 0.0 || a == PT_INF ? PT_INF : pt__gamma_hazard(a, x, 0);
}

PT_FN_CALLED double pt_log_gammaincc_x(double a, double x) {
    if (!(a >= 0.0 && x >= 0.0) || (a == PT_INF && x == PT_INF) || (a == 0.0 && x == 0.0)) {
        return PT_NAN;
    }
    if (x == 0.0 || a == PT_INF) {
        return -pt_gammainc_x(a, x);
    }
    return x == PT_INF ? -1.0 : -pt__gamma_hazard(a > 1e-290 ? a : 1e-290, x, 1);
}

/* ---- not regularised (DLMF 8.2.1, 8.2.2) ---- */

PT_FN_CALLED double pt__gamma_whole(double a, double x, int upper) {
    if (!(a > 0.0 && a < PT_INF && x > 0.0 && x < PT_INF)) {
        double share = pt__gamma_value(a, x, upper);
        int tiny = a == 0.0 && upper && x > 0.0;
        return tiny ? (x == PT_INF ? 0.0 : -pt__gamma_shape(0.0, x, 1))
                    : (share == 0.0 ? 0.0 : share * pt_gamma(a == 0.0 ? 0.0 : a));
    }
    if (pt__gamma_is_upper(a, x) == upper) {
        pt__gamma_tail tail = pt__gamma_tail_of(a, x, 0);
        double power = pt__exp_of(PT_MA(a, pt__log_of(x), -x));
        double factor;
        pt__gamma_lead(a, x, &factor);
        double direct = power * tail.body / (a < 1.0 ? a * factor : factor);
        int fits = a >= 8.0 && a < 171.0 && tail.lead > -600.0;
        return fits ? pt__exp_of(tail.lead) * tail.body * pt_gamma(a) : direct;
    }
    double share = pt__gamma_value(a, x, upper);
    return a < 1e-150 && upper ? share / a : share * pt_gamma(a);
}

PT_FN double pt_gammal(double a, double x) { return pt__gamma_whole(a, x, 0); }
PT_FN double pt_gammau(double a, double x) { return pt__gamma_whole(a, x, 1); }

#endif
