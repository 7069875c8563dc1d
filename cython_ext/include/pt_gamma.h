/* lgamma, gamma, digamma, trigamma, lbeta.
 *
 * Above 7.3 (7.2) the Stirling series (Abramowitz and Stegun 6.1.41, 6.3.18), whose
 * coefficients are refitted; below it the recurrence into one unit interval, where a
 * polynomial is divided by the function's root so that digits near the root are kept;
 * left of zero the reflection formulas (6.1.17, 6.3.7).
 */
#ifndef PT_GAMMA_H
#define PT_GAMMA_H

#include "pt_elementary.h"

/* lgamma(2 + f) / f for f in [-0.7, 0.3]. */
PT_FN double pt__lgamma_near_two(double f) {
    double f2 = f * f;
    double f4 = f2 * f2;
    double f8 = f4 * f4;
    double low = pt__p8(f, f2, f4, 0.42278433509846713, 0.3224670334241132, -0.06735230105319794,
                        0.020580808427790427, -0.007385551028692593, 0.0028905103301763877,
                        -0.0011927539112903294, 0.0005096695491059555);
    double middle = pt__p8(f, f2, f4, -0.00022315473659984442, 9.945698660482944e-05,
                           -4.4927412131742266e-05, 2.051253790964187e-05,
                           -9.418710594832625e-06, 4.363668264563628e-06,
                           -2.1918399240834856e-06, 7.645784807283112e-07);
    double high = pt__p4(f, f2, -1.741094928236554e-07, 1.2046306087532562e-06,
                         9.71606265424602e-07, 5.092427259436041e-07);
    return PT_MA(PT_MA(high, f8, middle), f8, low);
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

/* sin(pi r) / (pi r) and cos(pi r), for w = r^2, |r| <= 1/2. */
PT_FN double pt__sinc_pi(double w) {
    double w2 = w * w;
    double low = pt__p8(w, w2, w2 * w2, 1.0, -1.6449340668482264, 0.8117424252833392,
                        -0.1907518241214891, 0.026147847805430054, -0.00234608089434755,
                        0.00014842783574178095, -6.97208470484504e-06);
    return PT_MA(2.450135006755878e-07 * (w2 * w2), w2 * w2, low);
}

PT_FN double pt__cos_pi(double w) {
    double w2 = w * w;
    double low = pt__p8(w, w2, w2 * w2, 1.0, -4.934802200544676, 4.058712126416493,
                        -1.3352627688433134, 0.235330630127243, -0.025806888715858668,
                        0.001929556164964919, -0.00010456627014526841);
    return PT_MA(4.1492625635321096e-06 * (w2 * w2), w2 * w2, low);
}

/* Steps y down by one where y >= bound, keeping the product of what was left behind. */
PT_FN double pt__step_down(double y, double bound, double *product) {
    double lower = y - 1.0;
    *product = y >= bound ? *product * lower : *product;
    return y >= bound ? lower : y;
}

/* lgamma for 0 < x < inf. */
PT_FN double pt__lgamma_positive(double x) {
    double product = 1.0;
    double y = x < 7.3 ? x : 2.0;
    y = pt__step_down(y, 2.3, &product);
    y = pt__step_down(y, 2.3, &product);
    y = pt__step_down(y, 2.3, &product);
    y = pt__step_down(y, 2.3, &product);
    y = pt__step_down(y, 2.3, &product);
    double f = y < 1.3 ? y - 1.0 : y - 2.0;
    f = y < 0.3 ? y : f;
    double argument = y < 1.3 ? y : product;
    argument = y < 0.3 ? y * (y + 1.0) : argument;
    argument = x < 7.3 ? argument : x;
    double low;
    double high = pt__log_parts(argument, 0.0, &low);
    double sign = y < 1.3 ? -1.0 : 1.0;
    double near = PT_MA(f, pt__lgamma_near_two(f), sign * high) + sign * low;
    double inverse = 1.0 / x;
    double series = PT_MA(inverse, pt__stirling(inverse * inverse), 0.4189385332046727);
    double far = PT_MA(x - 0.5, high - 1.0, PT_MA(x - 0.5, low, series));
    return x < 7.3 ? near : far;
}

/* log |gamma(x)|; -inf at -inf, as SciPy's gammaln. */
PT_FN double pt_lgamma(double x) {
    double a = PT_ABS(x);
    double positive = x > 0.0 ? x : 1.0 - x;
    positive = positive < 1e308 ? positive : 1e308;
    double core = pt__lgamma_positive(positive);
    double bounded = a < 4503599627370496.0 ? a : 0.0;
    double r = bounded - PT_RINT(bounded);
    double sine = PT_ABS(r) * pt__sinc_pi(r * r);
    double value = x > 0.0 ? core : -pt_log(sine) - core;
    value = x > 1e308 ? PT_INF : value;
    return x == x && x != -PT_INF ? value : x;
}

/* ---- derivatives of lgamma ---- */

/* digamma(x0 + w) / w about its positive root x0, w in [-0.462, 0.739]. */
PT_FN double pt__digamma_near_root(double w) {
    double w2 = w * w;
    double w4 = w2 * w2;
    double w8 = w4 * w4;
    double low = pt__p8(w, w2, w4, 0.9676722454476212, -0.44276316898359186, 0.2584997609556562,
                        -0.1639427054424744, 0.10782405069059758, -0.07219956125025577,
                        0.04880428819527986, -0.03316112673929964);
    double middle = pt__p8(w, w2, w4, 0.022597647574482144, -0.015424759678105728,
                           0.010538797345408486, -0.007204621404597032, 0.004926794396784909,
                           -0.0033690676017252693, 0.0023044099208067745,
                           -0.001580506011997018);
    double high = pt__p8(w, w2, w4, 0.0010852413001245266, -0.0007300606275227726,
                         0.00047809410617873836, -0.00034159971874387816,
                         0.00028609199679965224, -0.00021340893227592242,
                         0.00010093108909875728, -2.1101009564113207e-05);
    return PT_MA(PT_MA(high, w8, middle), w8, low);
}

/* x^2 (log x - 1/(2x) - digamma(x)) for z = 1/x^2, x >= 7.2. */
PT_FN double pt__digamma_series(double z) {
    double z2 = z * z;
    return pt__p8(z, z2, z2 * z2, 0.08333333333333333, -0.00833333333332662,
                  0.003968253960922391, -0.004166663599561001, 0.007575122498418476,
                  -0.021020451634288288, 0.0786501799622035, -0.2752656812872065);
}

/* Steps y down by one where y >= 2.2, adding 1/(y - 1) to the fraction top / bottom. */
PT_FN double pt__fraction_step(double y, double *top, double *bottom) {
    double lower = y - 1.0;
    double next = PT_MA(*top, lower, *bottom);
    *top = y >= 2.2 ? next : *top;
    *bottom = y >= 2.2 ? *bottom * lower : *bottom;
    return y >= 2.2 ? lower : y;
}

/* digamma for 0 < x < inf. */
PT_FN double pt__digamma_positive(double x) {
    const double root = 1.4616321449683622;
    const double root_lo = 9.549995429965697e-17;
    double top = 0.0;
    double bottom = 1.0;
    double y = x < 7.2 ? x : 1.5;
    y = pt__fraction_step(y, &top, &bottom);
    y = pt__fraction_step(y, &top, &bottom);
    y = pt__fraction_step(y, &top, &bottom);
    y = pt__fraction_step(y, &top, &bottom);
    y = pt__fraction_step(y, &top, &bottom);
    top = y < 1.0 ? -1.0 : top;
    bottom = y < 1.0 ? y : bottom;
    double w = (y < 1.0 ? y - (root - 1.0) : y - root) - root_lo;
    double near = PT_MA(w, pt__digamma_near_root(w), top / bottom);
    double inverse = 1.0 / x;
    double z = inverse * inverse;
    double low;
    double high = pt__log_parts(x < 7.2 ? 8.0 : x, 0.0, &low);
    double far = high + (low - PT_MA(z, pt__digamma_series(z), 0.5 * inverse));
    return x < 7.2 ? near : far;
}

/* The logarithmic derivative of gamma: nan at the negative integers, -inf at 0, inf at -0. */
PT_FN double pt_digamma(double x) {
    double a = PT_ABS(x);
    double positive = x > 0.0 ? x : 1.0 - x;
    positive = positive < 1e308 ? positive : 1e308;
    double core = pt__digamma_positive(positive);
    double bounded = a < 4503599627370496.0 ? x : 0.0;
    double r = bounded - PT_RINT(bounded);
    double w = r * r;
    double cotangent = pt__cos_pi(w) / (r * pt__sinc_pi(w));
    double value = x > 0.0 ? core : core - cotangent;
    value = x < 0.0 && r == 0.0 ? PT_NAN : value;
    value = x == 0.0 ? PT_COPYSIGN(PT_INF, -x) : value;
    return x == x && x != PT_INF ? value : x;
}

#endif
