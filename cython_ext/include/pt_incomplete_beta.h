/* The regularised incomplete beta function I(x; a, b) (DLMF 8.17.2), its logarithm, and derivatives
 * in all arguments.  Functions take x and y = 1 - x, of which the smaller is exact: the
 * complement is I(y; b, a).
 *
 * Below the mean, with t / (1 - t) = x / y e^-u, n = a + b and d = a y - b x >= 0,
 *
 *   I = x^a y^b / B(a, b) * integral over u from 0 on of exp(-f(u))
 *   f(u) = a u + n log(y + x e^-u) = d u + n (x (e^-u - 1 + u) + log(1 + r) - r), r = x (e^-u - 1)
 *        = -b u + n log(x + y e^u) = d u + n (y (e^u - 1 - u) + log(1 + r) - r),  r = y (e^u - 1)
 *
 * f is convex, and the smaller of x and y is used.  A Gauss-Legendre rule is exact to rounding, as
 * in pt_incomplete_gamma.h, for a >= 1.  For a < 1,
 *
 *   I(x; a, b) = I(x; a + 1, b) + x^a y^b / (a B(a, b))     (DLMF 8.17.20)
 *
 * Where nearly all mass lies below x and a < 1, the complement is 1 less the series in x / y, whose
 * first term is taken from 1 by expm1.
 *
 * Derivatives in a and b are moments of log t and log(1 - t), given t < x, less those of the whole
 * distribution.
 */
#ifndef PT_INCOMPLETE_BETA_H
#define PT_INCOMPLETE_BETA_H

#include "pt_incomplete_gamma.h"

/* The parameters of an integral, and its points: weights e, u, and log(1 + r). */
typedef struct {
    double given;   /* a, and below a + 1 if a < 1 */
    double a;
    double b;
    double n;
    double d;
    double z;       /* the smaller of x and y */
    double s;       /* -1 if that is x, else 1 */
} pt__beta_form;

typedef struct {
    double e[40];
    double u[40];
    double log[40];
} pt__beta_points;

/* f(u), *log = log(1 + r) and *slope = f'(u). */
PT_FN double pt__beta_exponent(const pt__beta_form *g, double u, double *log, double *slope) {
    double less;
    double more;
    double excess;
    pt__short_exp(g->s * u, &less, &more);
    double r = g->z * less;
    *log = pt__log1p_excess_parts(r, &excess);
    double near = PT_MA(g->d, u, g->n * PT_MA(g->z, more, excess));
    double far = PT_MA(g->n, *log, -g->b * u);
    *slope = PT_MA(g->s * g->n, g->z * less * (1.0 - g->z) / (1.0 + r), g->d);
    return g->s > 0.0 && u > 1.0 ? far : near;
}

PT_FN double pt__beta_integrand(const pt__beta_form *g, double u, double *log) {
    double slope;
    double less;
    double more;
    return pt__short_exp(-pt__beta_exponent(g, u, log, &slope), &less, &more);
}

/* Where the integrand has fallen to e^-42. */
PT_FN_CALLED double pt__beta_reach(const pt__beta_form *g) {
    double rest = 1.0 - g->z;
    double end = pt__reach_estimate(g->d, g->n * g->z * rest, g->s * (g->z - rest));
    for (int step = 0; step < 6; step++) {
        double log;
        double slope;
        double reached = pt__beta_exponent(g, end, &log, &slope);
        if (reached > 38.0 && reached < 56.0) {
            break;
        }
        end = pt__reach_step(end, reached, slope);
    }
    return end;
}

PT_FN_CALLED double pt__beta_rule(const pt__beta_form *given, pt__beta_points *p) {
    const double place[40] = {0.0002942326594175095, 0.0015599606582004071, 0.003876193315161031,
        0.00730902914854884, 0.01195021840878689, 0.017914306104673906, 0.025334558594474126,
        0.034358106456659314, 0.045140455460483425, 0.0578395131271231, 0.07260928869252355,
        0.08959343312390523, 0.10891879104582011, 0.13068913751936803, 0.15497926947593058,
        0.18182961428041028, 0.21124150655040055, 0.2431732692506747, 0.2775372165731287,
        0.31419767464018517, 0.352970092146236, 0.39362128724838386, 0.4358708499520458,
        0.47939369155765427, 0.5238237051061687, 0.5687584738475355, 0.6137649392055468,
        0.6583859161409483, 0.7021473227918855, 0.7445659733067032, 0.7851577683170502,
        0.8234461068870028, 0.858970337289971, 0.8912940618067337, 0.9200131130735482,
        0.9447630266874634, 0.9652258483623405, 0.9811361432989353, 0.9922861993576574,
        0.9985319423699767};
    const double weight[40] = {0.0007562021173310706, 0.0017821669501278336,
        0.0028613149599592976, 0.004019700230154778, 0.005281837511366161, 0.006668630226163267,
        0.008196488349679946, 0.00987662493694616, 0.011714496389817659, 0.013709395226677294,
        0.01585420561335206, 0.018135328813140457, 0.020532781738758995, 0.023020467582169413,
        0.025566613269998404, 0.02813436437128545, 0.030682524177797266, 0.033166420082127626,
        0.03553887718326153, 0.03775127633113849, 0.03975467164728632, 0.04150094098098644,
        0.042943941818498615, 0.044040644880170995, 0.04475221802451861, 0.04504503412128838,
        0.04489157823306449, 0.044271231717842044, 0.04317091367978848, 0.04158556348603949,
        0.03951845175725953, 0.03698131124525457, 0.033994283248727115, 0.030585679624792073,
        0.02679156505638458, 0.02265516946865724, 0.01822614896401218, 0.013559743421948591,
        0.00871611758102498, 0.0037650749812021206};
    const pt__beta_form g = *given;
    double end = pt__beta_reach(given);
    for (int k = 0; k < 40; k++) {
        double log;
        double u = end * place[k];
        p->u[k] = u;
        p->e[k] = end * weight[k] * pt__beta_integrand(&g, u, &log);
        p->log[k] = log;
    }
    return pt__sum_of(p->e, 40);
}

/* The integral alone by fewer points, for a and b >= 15. */
PT_FN_CALLED double pt__beta_quick_rule(const pt__beta_form *given) {
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
    const pt__beta_form g = *given;
    double end = pt__beta_reach(given);
    double e[24];
    for (int k = 0; k < 24; k++) {
        double log;
        e[k] = end * weight[k] * pt__beta_integrand(&g, end * place[k], &log);
    }
    return pt__sum_of(e, 24);
}

/* ---- the factor before the integral ---- */

/* lgamma(z) - z log z + z, with lgamma(z + 1) for z < 1. */
PT_FN double pt__raised_rest(double z) {
    return z < 1.0 ? pt_log_rising_factorial(1.0, z) - z * (pt__log_of(z) - 1.0)
                   : pt__lgamma_rest_of(z);
}

/* gamma(z), but gamma(z + 1) for z < 1. */
PT_FN_CALLED double pt__raised_gamma(double z) {
    return pt_gamma(z < 1.0 ? z + 1.0 : z);
}

/* a y - b x. */
PT_FN double pt__beta_drift(double a, double b, double x, double y) {
    double err;
    double product = pt__two_prod(a, y, &err);
    return PT_MA(-b, x, product) + (PT_ABS(product) > 1e-200 ? err : 0.0);
}

/* log(n x / a), where n x exceeds a by -d. */
PT_FN double pt__beta_log_ratio(double a, double n, double x, double d) {
    double f = -d / a;
    return PT_ABS(f) < 0.4 ? pt__log1p_of(f) : -pt_log_ratio(a, n, x);
}

/* a log(a / (n x)) + n x - a, where n x exceeds a by -d. */
PT_FN double pt__beta_deviance(double a, double n, double x, double d) {
    double f = -d / a;
    return PT_ABS(f) < 0.4 ? -a * pt__log1pmx_of(f) : PT_MA(a, pt_log_ratio(a, n, x), -d);
}

/* log x and log y, from the smaller. */
PT_FN double pt__log_first(double x, double y) {
    return x < y ? pt__log_of(x) : pt__log1p_of(-y);
}

/* x^a y^b / B(a, b) = e^lead * factor. */
PT_FN_CALLED double pt__beta_lead(double a, double b, double x, double y, double d,
                                  double *factor) {
    double n = a + b;
    double above = b < 1.0 ? b : 1.0;
    above = n < 1.0 ? above / n : above;
    *factor = a < 1.0 ? a * above : above;
    if (a < 8.0 && b < 8.0) {
        *factor *= pt__raised_gamma(n) / (pt__raised_gamma(a) * pt__raised_gamma(b));
        return PT_MA(a, pt__log_first(x, y), b * pt__log_first(y, x));
    }
    double away = pt__beta_deviance(a, n, x, d) + pt__beta_deviance(b, n, y, -d);
    double large = a < b ? b : a;
    double small = a < b ? a : b;
    return pt_lgamma_rest_change(large, small) - pt__raised_rest(small) - away;
}

/* ---- a tail ---- */

/* The mass e^lead * body below x, and the derivatives of its logarithm. */
typedef struct {
    double lead;
    double body;
    double a;
    double b;
    double aa;
    double ab;
    double bb;
    double rest_b;      /* for b < 1: b - 1 / b and bb + 1 / b^2 */
    double rest_bb;
} pt__beta_tail;

/* The parts of the derivatives that are the same however the integral is taken: the moments of
 * log(1 - t) are mean and spread, its covariance with log t is joint. */
PT_FN void pt__beta_tail_shapes(pt__beta_tail *tail, double a, double b, double mean,
                                double spread, double joint) {
    double n = a + b;
    tail->bb = spread + pt_trigamma_difference(b, a);
    tail->ab = joint + pt__trigamma_of(n);
    tail->rest_b = mean + (pt__digamma_of(n) - pt__digamma_of(b + 1.0));
    tail->rest_bb = spread + (pt__trigamma_of(n) - pt__trigamma_of(b + 1.0));
}

/* log(x / t) and log((1 - t) / y) at the points. */
PT_FN void pt__beta_logs(const pt__beta_points *p, double s, double *fall, double *rise) {
    for (int k = 0; k < 40; k++) {
        fall[k] = s < 0.0 ? p->u[k] + p->log[k] : p->log[k];
        rise[k] = s < 0.0 ? -p->log[k] : p->u[k] - p->log[k];
    }
}

/* The derivative of the logarithm in a (`slopes` 1), in b (2), or all of them (3). */
PT_FN_CALLED void pt__beta_slopes(pt__beta_tail *tail, const pt__beta_form *g,
                                  const pt__beta_points *p, double whole, double x, double y,
                                  int slopes) {
    double fall[40];
    double rise[40];
    double down = 0.0;
    double up = 0.0;
    double log_y = slopes == 1 ? 0.0 : pt__log_first(y, x);
    pt__beta_logs(p, g->s, fall, rise);
    if (slopes != 2) {
        down = pt__sum_of_products(p->e, fall, 40) / whole;
        tail->a = pt__beta_log_ratio(g->a, g->n, x, g->d) + pt_digamma_rest_change(g->a, g->b);
        tail->a -= down;
    }
    if (slopes != 1) {
        up = pt__sum_of_products(p->e, rise, 40) / whole;
        tail->b = g->b < 1.0 ? log_y + pt_digamma_difference(g->b, g->a)
                             : pt__beta_log_ratio(g->b, g->n, y, -g->d)
                                   + pt_digamma_rest_change(g->b, g->a);
        tail->b += up;
    }
    if (slopes != 3) {
        return;
    }
    double joint = -pt__sum_of_spreads(p->e, fall, down, rise, up, 40) / whole;
    double spread = pt__sum_of_spreads(p->e, rise, up, rise, up, 40) / whole;
    pt__beta_tail_shapes(tail, g->a, g->b, log_y + up, spread, joint);
    tail->aa = pt__sum_of_spreads(p->e, fall, down, fall, down, 40) / whole;
    tail->aa += pt_trigamma_difference(g->a, g->b);
}

/* For a < 1, where the integral is that of a + 1 and `part` is its share of the mass. */
PT_FN_CALLED void pt__beta_raised_slopes(pt__beta_tail *tail, const pt__beta_form *g,
                                         const pt__beta_points *p, double whole, double part,
                                         double x, double y) {
    double a = g->given;
    double n = a + g->b;
    double fall[40];
    double rise[40];
    double log[40];
    double over[40];
    pt__beta_logs(p, g->s, fall, rise);
    double log_x = pt__log_first(x, y);
    double weight = a * part / (n * whole);
    for (int k = 0; k < 40; k++) {
        double less;
        double more;
        double o = x / y * pt__short_exp(-p->u[k], &less, &more);
        double l = -pt_log1p(o);
        double ratio = o > 1e-18 ? l * (1.0 + o) / o : -1.0;      /* log(1 - t) / t */
        over[k] = weight * p->e[k] * ratio;
        log[k] = l;
        rise[k] = log_x - fall[k];                                /* log t */
    }
    double mean = pt__sum_of(over, 40);
    double spread = PT_MA(-mean, mean, pt__sum_of_products(over, log, 40));
    double down = pt__sum_of_products(p->e, fall, 40) / whole;
    tail->a = log_x + (pt__digamma_of(n) - pt__digamma_of(a + 1.0)) + part * (1.0 / n - down);
    double centre = tail->a - pt_digamma_difference(a, g->b);
    double joint = PT_MA(-centre, mean, pt__sum_of_products(over, rise, 40));
    pt__beta_tail_shapes(tail, a, g->b, mean, spread, joint);
    tail->b = mean + pt_digamma_difference(g->b, a);
    double bend = pt__sum_of_spreads(p->e, fall, down, fall, down, 40) / whole;
    bend += (1.0 - part) * down * (down - 2.0 / n) - part / (n * n);
    tail->aa = PT_MA(part, bend, pt__trigamma_of(n) - pt__trigamma_of(a + 1.0));
}

/* 1 + (n / (a + 1)) x + (n (n + 1) / ((a + 1) (a + 2))) x^2 + ... (DLMF 8.17.8). */
PT_FN double pt__beta_series(double a, double n, double x) {
    double sum = 1.0;
    double term = 1.0;
    for (double k = 0.0; k < 100.0 && term > 1e-17 * sum; k += 1.0) {
        term *= x * ((n + k) / (a + 1.0 + k));
        sum += term;
    }
    return sum;
}

/* The mass below x, for positive finite a and b, x below the mean or close to it; with the
 * derivatives that `slopes` says if it is not 0. */
PT_FN_CALLED pt__beta_tail pt__beta_tail_of(double a, double b, double x, double y, int slopes) {
    pt__beta_tail tail = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    pt__beta_form g;
    int raised = a < 1.0;
    double n = a + b;
    double d = pt__beta_drift(a, b, x, y);
    g.given = a;
    g.a = raised ? a + 1.0 : a;
    g.b = b;
    g.n = g.a + b;
    g.d = raised ? d + y : d;
    g.z = x < y ? x : y;
    g.s = x < y ? -1.0 : 1.0;
    double factor;
    tail.lead = pt__beta_lead(a, b, x, y, d, &factor);
    if (!slopes && x < 0.6 && n * x < 0.6 * (a + 1.0)) {
        tail.body = factor / a * pt__beta_series(a, n, x);
        return tail;
    }
    if (!slopes && a >= 15.0 && b >= 15.0) {
        tail.body = factor * pt__beta_quick_rule(&g);
        return tail;
    }
    pt__beta_points points;
    double whole = pt__beta_rule(&g, &points);
    double sum = PT_MA(n * x, whole, 1.0);
    tail.body = raised ? factor / a * sum : factor * whole;
    if (slopes && raised) {
        pt__beta_raised_slopes(&tail, &g, &points, whole, n * x * whole / sum, x, y);
    } else if (slopes) {
        pt__beta_slopes(&tail, &g, &points, whole, x, y, slopes);
    }
    return tail;
}

/* Whether the mass above x is the one to integrate. */
PT_FN int pt__beta_is_upper(double a, double b, double x, double y) {
    double n = a + b;
    if (b < 1.0 && n * y < 0.5 && y < 0.25) {
        return 1;
    }
    return a < 1.0 && n * x < 0.5 && x < 0.25 ? 0 : pt__beta_drift(a, b, x, y) < 0.0;
}

/* The mass above x for a < 1, where it is small: with o = x / y,
 * 1 - o^a / (a B(a, b)) (1 - sum of (-n choose k) o^k a / (a + k), less its first term). */
PT_FN_CALLED double pt__beta_rest(double a, double b, double x, double y) {
    double o = x / y;
    double n = a + b;
    double log_o = pt__log_first(x, y) - pt__log_first(y, x);
    double log = pt_log_rising_factorial(b, a) - pt_log_rising_factorial(1.0, a);
    log = PT_MA(a, log_o, log);
    double sum = 0.0;
    double term = n * o;
    for (int k = 1; k < 200 && PT_ABS(term) > 1e-19 * PT_ABS(sum); k++) {
        sum += term / (a + k);
        term *= -o * (n + k) / (k + 1.0);
    }
    return PT_MA(a * pt__exp_of(log), sum, -pt__expm1_of(log));
}

/* One less a mass below x that is `value`. */
PT_FN double pt__beta_other(double value, double a, double b, double x, double y) {
    return value > 0.75 && a < 1.0 ? pt__beta_rest(a, b, x, y) : 1.0 - value;
}

PT_FN int pt__beta_is_inside(double a, double b, double x, double y) {
    return a > 0.0 && b > 0.0 && x > 0.0 && y > 0.0 && a < PT_INF && b < PT_INF;
}

PT_FN int pt__beta_is_nan(double a, double b, double x, double y) {
    int none = (a == 0.0 && b == 0.0) || (a == PT_INF && b == PT_INF);
    return !(a >= 0.0 && b >= 0.0 && x >= 0.0 && y >= 0.0) || none;
}

PT_FN double pt__beta_step(double a, double b, double x, double y) {
    int above = y == 0.0 || (x > 0.0 && (a == 0.0 || b == PT_INF));
    return pt__beta_is_nan(a, b, x, y) ? PT_NAN : (above ? 1.0 : 0.0);
}

PT_FN_CALLED double pt_beta_mass(double a, double b, double x, double y) {
    if (!pt__beta_is_inside(a, b, x, y)) {
        return pt__beta_step(a, b, x, y);
    }
    if (!pt__beta_is_upper(a, b, x, y)) {
        pt__beta_tail tail = pt__beta_tail_of(a, b, x, y, 0);
        return pt__exp_of(tail.lead) * tail.body;
    }
    pt__beta_tail tail = pt__beta_tail_of(b, a, y, x, 0);
    return pt__beta_other(pt__exp_of(tail.lead) * tail.body, b, a, y, x);
}

PT_FN_CALLED double pt_log_beta_mass(double a, double b, double x, double y) {
    if (!pt__beta_is_inside(a, b, x, y)) {
        return pt__log_of(pt__beta_step(a, b, x, y));
    }
    if (!pt__beta_is_upper(a, b, x, y)) {
        pt__beta_tail tail = pt__beta_tail_of(a, b, x, y, 0);
        double value = pt__exp_of(tail.lead) * tail.body;
        return value <= 0.75 ? tail.lead + pt__log_of(tail.body)
                             : pt__log1p_of(-pt__beta_other(value, a, b, x, y));
    }
    pt__beta_tail tail = pt__beta_tail_of(b, a, y, x, 0);
    double value = pt__exp_of(tail.lead) * tail.body;
    return value <= 0.75 ? pt__log1p_of(-value) : pt__log_of(pt__beta_other(value, b, a, y, x));
}

/* ---- derivatives ---- */

/* The derivative in x: the density x^(a - 1) y^(b - 1) / B(a, b). */
PT_FN_CALLED double pt_beta_mass_x(double a, double b, double x, double y) {
    if (pt__beta_is_nan(a, b, x, y)) {
        return PT_NAN;
    }
    if (x == 0.0 || y == 0.0) {
        double power = x == 0.0 ? a : b;
        double level = x == 0.0 ? b : a;
        return power < 1.0 ? (power > 0.0 ? PT_INF : PT_NAN) : (power == 1.0 ? level : 0.0);
    }
    if (!pt__beta_is_inside(a, b, x, y)) {
        return 0.0;
    }
    double factor;
    double lead = pt__beta_lead(a, b, x, y, pt__beta_drift(a, b, x, y), &factor);
    double small = x < y ? x : y;
    return factor / (x < y ? y : x) * (small < 1e-150 ? pt__exp_of(lead - pt__log_of(small))
                                    : pt__exp_of(lead) / small);
}

/* Of the derivatives a, b, aa, ab, bb of a mass over itself (1 to 5), number `which`. */
PT_FN double pt__beta_ratio(const pt__beta_tail *tail, int which, double a, double b) {
    if (which <= 2) {
        return which == 1 ? tail->a : tail->b;
    }
    if (which == 5 && b < 1.0 && b < a) {
        double rest = tail->rest_b;
        return PT_MA(2.0 / b, rest, PT_MA(rest, rest, tail->rest_bb));
    }
    double plain = which == 3 ? tail->aa : (which == 4 ? tail->ab : tail->bb);
    return PT_MA(which == 5 ? tail->b : tail->a, which == 3 ? tail->a : tail->b, plain);
}

/* The same derivative with a and b exchanged. */
PT_FN int pt__beta_mirrored(int which) {
    return which <= 2 ? 3 - which : 8 - which;
}

#define PT__BETA_LEAST(a) ((a) > 1e-290 ? (a) : 1e-290)

PT_FN_CALLED double pt__beta_shape(double a, double b, double x, double y, int which) {
    if (pt__beta_is_nan(a, b, x, y) || x == 0.0 || y == 0.0 || a == PT_INF || b == PT_INF) {
        return pt__beta_is_nan(a, b, x, y) ? PT_NAN : 0.0;
    }
    a = PT__BETA_LEAST(a);
    b = PT__BETA_LEAST(b);
    int upper = pt__beta_is_upper(a, b, x, y);
    int mirrored = pt__beta_mirrored(which);
    pt__beta_tail tail = upper ? pt__beta_tail_of(b, a, y, x, mirrored < 3 ? mirrored : 3)
                               : pt__beta_tail_of(a, b, x, y, which < 3 ? which : 3);
    double value = pt__exp_of(tail.lead) * tail.body;
    double ratio = upper ? -pt__beta_ratio(&tail, mirrored, b, a)
                         : pt__beta_ratio(&tail, which, a, b);
    return value == 0.0 ? 0.0 : value * ratio;
}

PT_FN double pt__beta_log_slope(const pt__beta_tail *tail, int which) {
    double second = which == 3 ? tail->aa : (which == 4 ? tail->ab : tail->bb);
    return which == 1 ? tail->a : (which == 2 ? tail->b : second);
}

PT_FN_CALLED double pt__beta_log_shape(double a, double b, double x, double y, int which) {
    int none = pt__beta_is_nan(a, b, x, y);
    if (none || y == 0.0 || a == PT_INF || b == PT_INF) {
        return none || (a == PT_INF && y > 0.0) ? PT_NAN : 0.0;
    }
    a = PT__BETA_LEAST(a);
    b = PT__BETA_LEAST(b);
    if (!pt__beta_is_upper(a, b, x, y)) {
        pt__beta_tail tail = pt__beta_tail_of(a, b, x, y, which < 3 ? which : 3);
        return pt__beta_log_slope(&tail, which);
    }
    int mirrored = pt__beta_mirrored(which);
    pt__beta_tail tail = pt__beta_tail_of(b, a, y, x, mirrored < 3 ? mirrored : 3);
    double value = pt__exp_of(tail.lead) * tail.body;
    if (value == 0.0) {
        return 0.0;
    }
    double share = value / pt__beta_other(value, b, a, y, x);
    double ratio = -share * pt__beta_ratio(&tail, mirrored, b, a);
    double left = share * (which == 5 ? tail.a : tail.b);
    return which <= 2 ? ratio : PT_MA(-left, share * (which == 3 ? tail.b : tail.a), ratio);
}

PT_FN double pt_beta_mass_a(double a, double b, double x, double y) {
    return pt__beta_shape(a, b, x, y, 1);
}
PT_FN double pt_beta_mass_b(double a, double b, double x, double y) {
    return pt__beta_shape(a, b, x, y, 2);
}
PT_FN double pt_beta_mass_aa(double a, double b, double x, double y) {
    return pt__beta_shape(a, b, x, y, 3);
}
PT_FN double pt_beta_mass_ab(double a, double b, double x, double y) {
    return pt__beta_shape(a, b, x, y, 4);
}
PT_FN double pt_beta_mass_bb(double a, double b, double x, double y) {
    return pt__beta_shape(a, b, x, y, 5);
}
PT_FN double pt_log_beta_mass_a(double a, double b, double x, double y) {
    return pt__beta_log_shape(a, b, x, y, 1);
}
PT_FN double pt_log_beta_mass_b(double a, double b, double x, double y) {
    return pt__beta_log_shape(a, b, x, y, 2);
}
PT_FN double pt_log_beta_mass_aa(double a, double b, double x, double y) {
    return pt__beta_log_shape(a, b, x, y, 3);
}
PT_FN double pt_log_beta_mass_ab(double a, double b, double x, double y) {
    return pt__beta_log_shape(a, b, x, y, 4);
}
PT_FN double pt_log_beta_mass_bb(double a, double b, double x, double y) {
    return pt__beta_log_shape(a, b, x, y, 5);
}

/* The density over the mass below x. */
PT_FN_CALLED double pt_log_beta_mass_x(double a, double b, double x, double y) {
    if (pt__beta_is_nan(a, b, x, y) || a == 0.0 || b == PT_INF || y == 0.0 || x == 0.0) {
        int rising = x == 0.0 && a > 0.0;
        return pt__beta_is_nan(a, b, x, y) ? PT_NAN
               : rising                    ? PT_INF
                                           : pt_beta_mass_x(a, b, x, y);
    }
    if (a == PT_INF) {
        return PT_INF;
    }
    b = PT__BETA_LEAST(b);
    if (!pt__beta_is_upper(a, b, x, y)) {
        double factor;
        pt__beta_lead(a, b, x, y, pt__beta_drift(a, b, x, y), &factor);
        return factor / x / y / pt__beta_tail_of(a, b, x, y, 0).body;
    }
    pt__beta_tail tail = pt__beta_tail_of(b, a, y, x, 0);
    double value = pt__exp_of(tail.lead) * tail.body;
    return pt_beta_mass_x(a, b, x, y) / pt__beta_other(value, b, a, y, x);
}

#endif
