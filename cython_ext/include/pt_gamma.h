/* lgamma, gamma, digamma, trigamma.
 *
 * Above 7.3125 (7.1875) the Stirling series (Abramowitz and Stegun 6.1.41, 6.3.18), whose
 * coefficients are refitted; below it the recurrence into one unit interval, where a
 * polynomial is divided by the function's root so that digits near the root are kept;
 * left of zero the reflection formulas (6.1.17, 6.3.7).
 */
#ifndef PT_GAMMA_H
#define PT_GAMMA_H

#include "pt_power.h"

/* lgamma(2 + f) / (f (1 + f)) less its leading constant to one double, for f in [-11/16, 5/16]. */
PT_FN double pt__lgamma_series(double f) {
    double f2 = f * f;
    double f4 = f2 * f2;
    double f8 = f4 * f4;
    double low = pt__p8(f, f2, f4, -0.10031730167435397, 0.03296500062115776,
                        -0.012384192193354163, 0.004998641164445857, -0.002108130835606002,
                        0.0009153769337204596, -0.00040570732261889053, 0.0001825524291408988);
    double middle = pt__p8(f, f2, f4, -8.309689571830268e-05, 3.8169636575716876e-05,
                           -1.7640083043348454e-05, 8.246211498514454e-06,
                           -3.9627072169524065e-06, 1.511623551160753e-06,
                           -8.212028229058386e-07, 1.3373313548073369e-06);
    double high = pt__p2(f, 1.123483265613406e-06, 7.628027242646396e-07);
    return PT_MA(f, PT_MA(PT_MA(high, f8, middle), f8, low), 4.942915152430645e-18);
}

/* lgamma(2 + f) = result + *low for f in [-11/16, 5/16], by its roots at -1 and 0. */
PT_FN double pt__lgamma_near_two(double f, double *low) {
    double next_lo;
    double next = pt__fast_two_sum(1.0, f, &next_lo);
    double roots_lo;
    double roots = pt__two_prod(f, next, &roots_lo);
    roots_lo = PT_MA(f, next_lo, roots_lo);
    double factor_lo;
    double factor = pt__fast_two_sum(0.42278433509846713, pt__lgamma_series(f), &factor_lo);
    return pt__pair_product(roots, roots_lo, factor, factor_lo, low);
}

/* x (lgamma(x) - (x - 1/2) log x + x - log(2 pi)/2) for z = 1/x^2, x >= 7.3. */
PT_FN double pt__stirling(double z) {
    double z2 = z * z;
    double low = pt__p4(z, z2, 0.08333333333333333, -0.0027777777777668595,
                        0.000793650784316239, -0.0005952350862748598);
    double high = PT_MA(0.004845255504768137, z2,
                        pt__p2(z, 0.000841285080816354, -0.0018799233937453685));
    return PT_MA(high, z2 * z2, low);
}

/* sin(pi r) / pi = result + *low for |r| <= 1/2. */
PT_FN double pt__sin_pi(double r, double *low) {
    double w = r * r;
    double w2 = w * w;
    double series = pt__p8(w, w2, w2 * w2, -1.6449340668482264, 0.8117424252833392,
                           -0.1907518241214891, 0.026147847805430054, -0.00234608089434755,
                           0.00014842783574178095, -6.97208470484504e-06,
                           2.450135006755878e-07);
    return pt__fast_multiply_add(r * w, series, r, low);
}

/* pi / tan(pi r) = result + *low for |r| <= 1/2; the cosine is the sine of the complement. */
PT_FN double pt__cot_pi(double r, double *low) {
    double cosine_lo;
    double cosine = pt__sin_pi(0.5 - PT_ABS(r), &cosine_lo);
    double sine_lo;
    double sine = pt__sin_pi(PT_ABS(r), &sine_lo);
    double inverse = 1.0 / sine;
    double q = cosine * inverse;
    double err;
    double back = pt__two_prod(q, sine, &err);
    double missing = ((cosine - back) - err) + PT_MA(-q, sine_lo, cosine_lo);
    missing = PT_ABS(r) > 1e-100 ? missing * inverse : 0.0;
    double cotangent = pt__two_prod(PT_PI, q, &err);
    double rest = PT_MA(PT_PI, missing, PT_MA(PT_PI_LO, q, err));
    *low = PT_COPYSIGN(1.0, r) * rest;
    return PT_COPYSIGN(cotangent, r);
}

/* For 0 < x < 7.3125, gamma(x) = gamma(2 + f) * *above / *below with f in [-11/16, 5/16] and
 * one of the two 1; beyond that the values are not used.  The bounds are sixteenths because
 * y - 1 must fall on the right side of 1.3125 wherever y does of 2.3125. */
PT_FN double pt__gamma_reduce(double x, double *above, double *below) {
    double y = x < 7.3125 ? x : 2.0;
    double one = y >= 2.3125 ? y - 1.0 : 1.0;
    double two = y >= 3.3125 ? y - 2.0 : 1.0;
    double three = y >= 4.3125 ? y - 3.0 : 1.0;
    double four = y >= 5.3125 ? y - 4.0 : 1.0;
    double five = y >= 6.3125 ? y - 5.0 : 1.0;
    *above = (one * two) * (three * four) * five;
    double lowest = y >= 2.3125 ? y - 1.0 : y;
    lowest = y >= 3.3125 ? y - 2.0 : lowest;
    lowest = y >= 4.3125 ? y - 3.0 : lowest;
    lowest = y >= 5.3125 ? y - 4.0 : lowest;
    lowest = y >= 6.3125 ? y - 5.0 : lowest;
    double divisor = y < 1.3125 ? y : 1.0;
    *below = y < 0.3125 ? y * (y + 1.0) : divisor;
    double f = y < 1.3125 ? y - 1.0 : lowest - 2.0;
    return y < 0.3125 ? y : f;
}

/* lgamma for 0 < x < inf. */
PT_FN double pt__lgamma_positive(double x) {
    double above;
    double below;
    double f = pt__gamma_reduce(x, &above, &below);
    double argument = x < 1.3125 ? below : above;
    argument = x < 7.3125 ? argument : x;
    double low;
    double high = pt__log_parts(argument, &low);
    double sign = x < 1.3125 ? -1.0 : 1.0;
    double err;
    double product = pt__lgamma_near_two(f, &err);
    double carry;
    double sum = pt__two_sum(product, sign * high, &carry);
    double near = sum + (carry + PT_MA(sign, low, err));
    double inverse = 1.0 / x;
    double series = PT_MA(inverse, pt__stirling(inverse * inverse), 0.4189385332046727);
    double far = PT_MA(x - 0.5, high - 1.0, PT_MA(x - 0.5, low, series));
    return x < 7.3125 ? near : far;
}

/* log |gamma(x)|; -inf at -inf, as SciPy's gammaln. */
PT_FN double pt_lgamma(double x) {
    double a = PT_ABS(x);
    double positive = x > 0.0 ? x : 1.0 - x;
    positive = positive < 1e308 ? positive : 1e308;
    double core = pt__lgamma_positive(positive);
    double bounded = a < 4503599627370496.0 ? a : 0.0;
    double r = bounded - PT_RINT(bounded);
    double low;
    double sine = PT_ABS(pt__sin_pi(r, &low));
    double value = x > 0.0 ? core : -pt_log(sine) - core;
    value = x > 1e308 ? PT_INF : value;
    value = x == x ? value : x;
    return x == -PT_INF ? x : value;
}

/* gamma(x) = 2^*k (result + *low) for x in (0, 200]: below 7.3125 by lgamma near 2, above by
 * Stirling's formula with its logarithm in two parts. */
PT_FN double pt__gamma_parts(double x, double *k, double *low) {
    double above;
    double below;
    double f = pt__gamma_reduce(x, &above, &below);
    double near_lo;
    double near = pt__lgamma_near_two(f, &near_lo);
    double y = x < 7.3125 ? 8.0 : x;
    double log_lo;
    double log_hi = pt__log_pair(y, &log_lo);
    double err;
    double power = pt__two_prod(y - 0.5, log_hi, &err);
    double carry;
    double sum = pt__two_sum(power, -y, &carry);
    double inverse = 1.0 / y;
    double series = PT_MA(inverse, pt__stirling(inverse * inverse), 0.9189385332046728);
    double rest = series + (carry + (err + PT_MA(y - 0.5, log_lo, -3.8782941580672414e-17)));
    double far = pt__fast_two_sum(sum, rest, &err);
    double tail;
    double p = pt__exp_parts(x < 7.3125 ? near : far, x < 7.3125 ? near_lo : err, k, &tail);
    *low = x < 7.3125 ? 0.0 : tail;
    return x < 7.3125 ? (p + tail) * above / below : p;
}

/* By gamma(-a) = -pi / (a sin(pi a) gamma(a)) left of zero. */
PT_FN double pt_gamma(double x) {
    double a = PT_ABS(x);
    double y = pt__clamp(a, 1e-300, 190.0);
    double k;
    double low;
    double p = pt__gamma_parts(y, &k, &low);
    double positive = pt__scale(p + low, k);
    double bounded = a < 4503599627370496.0 ? a : 0.0;
    double whole = PT_RINT(bounded);
    double r = bounded - whole;
    double sine_lo;
    double below = y * pt__sin_pi(r, &sine_lo) * (p + low);
    double sign = whole == 2.0 * PT_RINT(0.5 * whole) ? -1.0 : 1.0;
    double negative = pt__scale(sign / below, -k);
    negative = r == 0.0 ? PT_NAN : negative;
    double value = x > 0.0 ? positive : negative;
    value = a < 1e-17 ? 1.0 / x : value;
    value = x > 190.0 ? PT_INF : value;
    return x == x ? value : x;
}

/* ---- derivatives of lgamma ---- */

/* (digamma(x0 + w) / w - digamma'(x0)) / w about the positive root x0, w in [-0.462, 0.73]. */
PT_FN double pt__digamma_root_series(double w) {
    double w2 = w * w;
    double w4 = w2 * w2;
    double w8 = w4 * w4;
    double low = pt__p8(w, w2, w4, -0.44276316898359186, 0.2584997609556562,
                        -0.1639427054424744, 0.10782405069059758, -0.07219956125025577,
                        0.04880428819527986, -0.03316112673929964, 0.022597647574482144);
    double middle = pt__p8(w, w2, w4, -0.015424759678105728, 0.010538797345408486,
                           -0.007204621404597032, 0.004926794396784909, -0.0033690676017252693,
                           0.0023044099208067745, -0.001580506011997018, 0.0010852413001245266);
    double high = pt__p4(w, w2, -0.0007300606275227726, 0.00047809410617873836,
                         -0.00034159971874387816, 0.00028609199679965224);
    double top = PT_MA(-2.1101009564113207e-05, w2,
                       pt__p2(w, -0.00021340893227592242, 0.00010093108909875728));
    high = PT_MA(top, w4, high);
    return PT_MA(PT_MA(high, w8, middle), w8, low);
}

/* digamma(x0 + w) = result + *low. */
PT_FN double pt__digamma_near_root(double w, double *low) {
    double err;
    double linear = pt__two_prod(w, 0.9676722454476212, &err);
    double rest = PT_MA(w * w, pt__digamma_root_series(w), PT_MA(w, -3.387874303038943e-17, err));
    return pt__fast_two_sum(linear, rest, low);
}

/* x^2 (log x - 1/(2x) - digamma(x)) for z = 1/x^2, x >= 7.1875. */
PT_FN double pt__digamma_series(double z) {
    double z2 = z * z;
    return pt__p8(z, z2, z2 * z2, 0.08333333333333333, -0.00833333333332662,
                  0.003968253960922391, -0.004166663599561001, 0.007575122498418476,
                  -0.021020451634288288, 0.0786501799622035, -0.2752656812872065);
}

/* 1/(y - 1) + 1/(y - 2) + ... down to a last term whose denominator is in [1.1875, 2.1875),
 * as one fraction *top / *bottom, for y < 7.1875; *lowest is that denominator, or y. */
PT_FN void pt__fraction(double y, double *top, double *bottom, double *lowest) {
    double one = y >= 2.1875 ? y - 1.0 : 1.0;
    double two = y >= 3.1875 ? y - 2.0 : 1.0;
    double three = y >= 4.1875 ? y - 3.0 : 1.0;
    double four = y >= 5.1875 ? y - 4.0 : 1.0;
    double five = y >= 6.1875 ? y - 5.0 : 1.0;
    double first = y >= 2.1875 ? two : 0.0;
    first = y >= 3.1875 ? first + one : first;
    double second = y >= 4.1875 ? four : 0.0;
    second = y >= 5.1875 ? second + three : second;
    double product = (one * two) * (three * four);
    double sum = PT_MA(first, three * four, second * (one * two));
    double last = y >= 6.1875 ? product : 0.0;
    *top = PT_MA(sum, five, last);
    *bottom = product * five;
    double low = y >= 2.1875 ? y - 1.0 : y;
    low = y >= 3.1875 ? y - 2.0 : low;
    low = y >= 4.1875 ? y - 3.0 : low;
    low = y >= 5.1875 ? y - 4.0 : low;
    *lowest = y >= 6.1875 ? y - 5.0 : low;
}

/* digamma = result + *low for 0 < x < inf. */
PT_FN double pt__digamma_positive(double x, double *low) {
    const double root = 1.4616321449683622;
    const double root_lo = 9.549995429965697e-17;
    double y = x < 7.1875 ? x : 1.5;
    double top;
    double bottom;
    double lowest;
    pt__fraction(y, &top, &bottom, &lowest);
    top = y < 1.0 ? -1.0 : top;
    bottom = y < 1.0 ? y : bottom;
    double scale = 1.0 / bottom;
    double quotient = top * scale;
    double err;
    double back = pt__two_prod(quotient, bottom, &err);
    double quotient_lo = ((top - back) - err) * scale;
    double w = (y < 1.0 ? y - (root - 1.0) : lowest - root) - root_lo;
    double centre = pt__digamma_near_root(w, &err);
    double carry;
    double near = pt__two_sum(centre, quotient, &carry);
    double near_lo = carry + (err + quotient_lo);
    double inverse = 1.0 / x;
    double z = inverse * inverse;
    double log_lo;
    double log_hi = pt__log_parts(x < 7.1875 ? 8.0 : x, &log_lo);
    double far_lo = log_lo - PT_MA(z, pt__digamma_series(z), 0.5 * inverse);
    *low = x < 7.1875 ? near_lo : far_lo;
    return x < 7.1875 ? near : log_hi;
}

/* The logarithmic derivative of gamma: nan at the negative integers, -inf at 0, inf at -0. */
PT_FN double pt_digamma(double x) {
    double a = PT_ABS(x);
    double positive = x > 0.0 ? x : 1.0 - x;
    positive = positive < 1e308 ? positive : 1e308;
    double low;
    double core = pt__digamma_positive(positive, &low);
    double bounded = a < 4503599627370496.0 ? x : 0.0;
    double r = bounded - PT_RINT(bounded);
    double cotangent_lo;
    double cotangent = pt__cot_pi(r, &cotangent_lo);
    double err;
    double sum = pt__two_sum(core, -cotangent, &err);
    double value = x > 0.0 ? core + low : sum + (err + (low - cotangent_lo));
    value = r == 0.0 && x < 0.0 ? PT_NAN : value;
    value = a < 1e-20 ? -1.0 / x : value;
    return x == x && x != PT_INF ? value : x;
}

/* x^3 (trigamma(x) - 1/x - 1/(2 x^2)) for z = 1/x^2, x >= 8. */
PT_FN double pt__trigamma_series(double z) {
    double z2 = z * z;
    return pt__p8(z, z2, z2 * z2, 0.16666666666666666, -0.03333333333330457,
                  0.023809523770697665, -0.03333331326512905, 0.07575244532163572,
                  -0.25239283371277765, 1.1092670878503559, -4.573475868736256);
}

/* trigamma for x > 0: eight steps up where x < 8, the smallest term first. */
PT_FN double pt__trigamma_positive(double x) {
    double y = x < 8.0 ? x + 8.0 : x;
    double inverse = 1.0 / y;
    double z = inverse * inverse;
    double cube = z * inverse * pt__trigamma_series(z);
    double far = inverse + PT_MA(0.5, z, cube);
    double sum = far;
    for (int step = 7; step >= 0; --step) {
        double term = 1.0 / (x + step);
        sum = PT_MA(term, term, sum);
    }
    return x < 8.0 ? sum : far;
}

/* The derivative of digamma; inf at the poles. */
PT_FN double pt_trigamma(double x) {
    double a = PT_ABS(x);
    double core = pt__trigamma_positive(x > 0.0 ? x : 1.0 - x);
    double bounded = a < 4503599627370496.0 ? x : 0.0;
    double r = bounded - PT_RINT(bounded);
    double sine_lo;
    double sine = pt__sin_pi(r, &sine_lo);
    double inverse = 1.0 / sine;
    double err;
    double back = pt__two_prod(inverse, sine, &err);
    double missing = PT_MA(-inverse, sine_lo, (1.0 - back) - err) * inverse;
    double change = PT_ABS(sine) > 1e-100 ? 2.0 * inverse * missing : 0.0;
    double square = PT_MA(inverse, inverse, change);
    double value = x > 0.0 ? core : square - core;
    return x == x ? value : x;
}

#endif
