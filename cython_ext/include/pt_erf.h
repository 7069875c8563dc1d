/* erf, erfc, the normal distribution function, their logarithms and inverses.
 *
 * All are based on two slowly varying functions on [0, inf): erfcx(a) = e^(a^2) erfc(a) and
 * the Mills ratio e^(x^2/2) ndtr(-x).  Times (1 + b a) each is nearly constant in
 * t = (a - K) / (a + K) (Shepherd and Laframboise 1981, Math. Comp. 36:249); b makes it flat
 * at a = 0, where t has its largest rounding error.  Squares in the exponents have
 * two parts, so that far tails are fully accurate.
 * The inverses are fitted in w = -log(4 p (1 - p)), or sqrt(w) past w = 4.
 */
#ifndef PT_ERF_H
#define PT_ERF_H

#include "pt_elementary.h"

/* ---- scaled tails ---- */

/* (1 + 1.125a) erfcx(a) less its value at a = 4, for t = (a - 4) / (a + 4). */
PT_FN double pt__erfcx_poly(double t) {
    double t2 = t * t;
    double t4 = t2 * t2;
    double t8 = t4 * t4;
    double low = pt__p8(t, t2, t4, -0.1918791495553915, 0.1043409138344644, -0.0335582017868089,
                        -0.009163084533397058, 0.025115050344220825, -0.023617493542452732,
                        0.015287501100472712, -0.007334860072878871);
    double middle = pt__p8(t, t2, t4, 0.002480865138182662, -0.0004357682150080229,
                           -7.75267881671797e-05, 7.485633561212719e-05, -1.4557066163030576e-05,
                           -5.023777639486672e-06, 3.032571883026161e-06, 4.002690002524542e-08);
    double high = pt__p8(t, t2, t4, -4.217979438849307e-07, 5.457742184673979e-08,
                         5.505115658518879e-08, -1.2538799017368185e-08, -7.289744609002458e-09,
                         1.868695489374129e-09, 8.939854022671311e-10, -1.5514343335798583e-10);
    high = PT_MA(-7.006919978939436e-11, t8, high);
    return PT_MA(PT_MA(PT_MA(high, t8, middle), t8, low), t, -1.514470648708128e-17);
}

/* (1 + 0.8125x) e^(x^2/2) ndtr(-x) less its value at x = 5.5, for t = (x - 5.5) / (x + 5.5). */
PT_FN double pt__mills_poly(double t) {
    double t2 = t * t;
    double t4 = t2 * t2;
    double t8 = t4 * t4;
    double low = pt__p8(t, t2, t4, -0.09664394657905684, 0.05021030085848087,
                        -0.013586295853545255, -0.007428325276882076, 0.014164202569616632,
                        -0.012173199836612789, 0.007298912274837985, -0.003176101445401737);
    double middle = pt__p8(t, t2, t4, 0.0009044084735818185, -7.632213103227567e-05,
                           -6.683079599308367e-05, 3.0633254400149434e-05, -8.785070675370198e-07,
                           -3.598468489517808e-06, 8.784083427166107e-07, 3.324073774140721e-07);
    double high = pt__p8(t, t2, t4, -1.7326977819968093e-07, -2.807200790172874e-08,
                         2.8594399825270473e-08, 2.3710322476184198e-09, -4.449534513616236e-09,
                         -2.1291245537846627e-10, 5.955765291776331e-10, 1.5211964024683882e-11);
    high = PT_MA(-4.829805433852008e-11, t8, high);
    return PT_MA(PT_MA(PT_MA(high, t8, middle), t8, low), t, -2.249761298482779e-17);
}

/* (constant + rest) / (1 + slope a) = result + *low. */
PT_FN double pt__tail_ratio(double constant, double rest, double slope, double a, double *low) {
    double g_lo;
    double g = pt__fast_two_sum(constant, rest, &g_lo);
    double product_lo;
    double product = pt__two_prod(slope, a, &product_lo);
    double d_lo;
    double d = pt__two_sum(product, 1.0, &d_lo);
    double inverse = 1.0 / d;
    double q = g * inverse;
    double err;
    double back = pt__two_prod(q, d, &err);
    *low = (((g - back) - err) + PT_MA(-q, d_lo + product_lo, g_lo)) * inverse;
    return q;
}

/* erfcx(a) = result + *low for a in [0, 1e300]. */
PT_FN double pt__erfcx_parts(double a, double *low) {
    double rest = pt__erfcx_poly((a - 4.0) / (a + 4.0));
    return pt__tail_ratio(0.7534970169378377, rest, 1.125, a, low);
}

/* e^(x^2/2) ndtr(-x) = result + *low for x in [0, 1e300]. */
PT_FN double pt__mills_parts(double x, double *low) {
    double rest = pt__mills_poly((x - 5.5) / (x + 5.5));
    return pt__tail_ratio(0.38468660794991816, rest, 0.8125, x, low);
}

/* (q + q_lo) e^-(y + y_lo) = result + *low, good to the last subnormal; y in [0, 800]. */
PT_FN double pt__damped(double q, double q_lo, double y, double y_lo, double *low) {
    double k;
    double p_lo;
    double p = pt__exp_parts(-y, -y_lo, &k, &p_lo);
    double err;
    double product = pt__two_prod(p, q, &err);
    double rest;
    double high = pt__fast_two_sum(product, err + PT_MA(p, q_lo, p_lo * q), &rest);
    *low = rest * pt__pow2(k > -1022.0 ? k : -1022.0);
    return pt__scale(high, k);
}

/* erfc(a) for a in [0, 28]. */
PT_FN double pt__erfc_positive(double a) {
    double q_lo;
    double q = pt__erfcx_parts(a, &q_lo);
    double square_lo;
    double square = pt__two_prod(a, a, &square_lo);
    double low;
    return pt__damped(q, q_lo, square, square_lo, &low);
}

/* ndtr(-a) = result + *low for a in [0, 40], given the Mills ratio there. */
PT_FN double pt__normal_tail(double a, double q, double q_lo, double *low) {
    double square_lo;
    double square = pt__two_prod(a, a, &square_lo);
    return pt__damped(q, q_lo, 0.5 * square, 0.5 * square_lo, low);
}

/* ---- error function ---- */

/* erf(x) / x - 1 for w = x^2 <= 1. */
PT_FN double pt__erf_series(double w) {
    double w2 = w * w;
    double w4 = w2 * w2;
    double low = pt__p8(w, w2, w4, 0.12837916709551256, -0.3761263890318354, 0.11283791670944958,
                        -0.026866170643229628, 0.0052239776070467665, -0.0008548325971928897,
                        0.00012055294798050809, -1.4924734798346736e-05);
    double high = pt__p4(w, w2, 1.6447398025670675e-06, -1.6208274833218308e-07,
                         1.3719141776423171e-08, -7.794143095043384e-10);
    return PT_MA(high, w4 * w4, low);
}

PT_FN double pt_erfc(double x) {
    double tail = pt__erfc_positive(pt__clamp(PT_ABS(x), 0.0, 28.0));
    return x < 0.0 ? 2.0 - tail : tail;
}

PT_FN double pt_erf(double x) {
    double a = PT_ABS(x);
    double near = PT_MA(x, pt__erf_series(a < 1.0 ? a * a : 1.0), x);
    double far = PT_COPYSIGN(1.0 - pt__erfc_positive(pt__clamp(a, 0.0, 28.0)), x);
    return a < 1.0 ? near : far;
}

/* e^(x^2) erfc(x). */
PT_FN double pt_erfcx(double x) {
    double a = PT_ABS(x);
    double q_lo;
    double q = pt__erfcx_parts(pt__clamp(a, 0.0, 1e150), &q_lo);
    q = a > 1e150 ? 0.5641895835477563 / a : q + q_lo;
    double y = pt__clamp(a, 0.0, 27.0);
    double square_lo;
    double square = pt__two_prod(y, y, &square_lo);
    double k;
    double p_lo;
    double p = pt__exp_parts(square, square_lo, &k, &p_lo);
    double whole = pt__scale(p, k + 1.0);
    double negative = whole + (p_lo * pt__pow2(k < 1000.0 ? k + 1.0 : 1001.0) - q);
    return x < 0.0 ? negative : q;
}

/* ---- normal distribution function ---- */

PT_FN double pt_ndtr(double x) {
    double a = pt__clamp(PT_ABS(x), 0.0, 40.0);
    double q_lo;
    double q = pt__mills_parts(a, &q_lo);
    double low;
    double tail = pt__normal_tail(a, q, q_lo, &low);
    return x > 0.0 ? 1.0 - tail : tail;
}

/* log ndtr(x): log1p(-tail) on the right, log(Mills ratio) - x^2/2 on the left. */
PT_FN double pt_log_ndtr(double x) {
    double a = PT_ABS(x);
    double reach = pt__clamp(a, 0.0, 1e150);
    double q_lo;
    double q = pt__mills_parts(reach, &q_lo);
    double tail_lo;
    double tail = pt__normal_tail(pt__clamp(a, 0.0, 40.0), q, q_lo, &tail_lo);
    double err;
    double right = pt__fast_two_sum(1.0, -tail, &err);
    double low;
    double high = pt__log_sum(x < 0.0 ? q : right, x < 0.0 ? q_lo : err - tail_lo, &low);
    double square_lo;
    double square = pt__two_prod(reach, reach, &square_lo);
    double half = x < 0.0 ? 0.5 * square : 0.0;
    double half_lo = x < 0.0 ? 0.5 * square_lo : 0.0;
    double sum = pt__two_sum(-half, high, &err);
    double value = sum + (err + (low - half_lo));
    return x < -1e150 ? -0.5 * a * a : value;
}

/* ---- inverses ---- */

/* erfinv(x) / x less its leading constant, for w = -log(1 - x^2) <= 4. */
PT_FN double pt__probit_centre(double w) {
    double w2 = w * w;
    double w4 = w2 * w2;
    double w8 = w4 * w4;
    double low = pt__p8(w, w2, w4, 0.23201366653465272, 0.011549342038330078,
                        -0.0023351016423983173, -0.00012804328869417365, 4.6611416273225144e-05,
                        2.020058802060641e-06, -1.01269781735967e-06, -3.7079228141390165e-08);
    double middle = pt__p8(w, w2, w4, 2.2548355536949043e-08, 9.678416569729052e-10,
                           -6.682601855293917e-10, 5.936628133059181e-11, -1.8545987517480572e-11,
                           1.0007951886365921e-11, -2.5540256889944214e-12, 3.688945315994895e-13);
    double high = PT_MA(-3.508970736698839e-17, w2,
                        pt__p2(w, -3.2079787697007375e-14, 1.5922775024722474e-15));
    return PT_MA(PT_MA(high, w8, middle), w8, low) * w;
}

/* erfinv(x) / sqrt(w) less its leading constant;
 * t = (sqrt(w) - 3) / (sqrt(w) + 3), far where w > 20. */
PT_FN double pt__probit_tail(double t, int far) {
    double u = far ? t - 0.5 : t;
    double u2 = u * u;
    double u4 = u2 * u2;
    double u8 = u4 * u4;
    double low = pt__p8(u, u2, u4,
                        far ? 0.05222985890160296 : 0.11679010862462832,
                        far ? -0.06099190944281626 : -0.03466584468344134,
                        far ? 0.01989028933620016 : -0.13125205429586434,
                        far ? -0.00038505045642643165 : 0.21082446117996329,
                        far ? -0.016970361965163158 : 0.03437641168343849,
                        far ? 0.015873925612379564 : -0.8455902866157878,
                        far ? -0.019992800883578934 : 1.257099306076275,
                        far ? 0.008950905321342875 : 2.5267066180539604);
    double middle = pt__p8(u, u2, u4,
                           far ? -0.014671171735964123 : -10.171589633582,
                           far ? -0.002571336158657637 : -3.548022281188198,
                           far ? -0.015371434583973454 : 59.58280066774486,
                           far ? -0.016928794766133407 : -21.389528755009902,
                           far ? -0.028224278549669676 : -296.44617266421557,
                           far ? -0.044166402829583916 : 232.85786189707767,
                           far ? -0.110380184814718 : 1264.92305506861,
                           far ? -0.12669477282229988 : -1335.2987025461614);
    double high = pt__p4(
        u, u2, far ? 0.35168746454097766 : -4304.751047652239,
        far ? -0.539374809230844 : 5388.5395934016,
        far ? -5.798483080699674 : 8868.597539025468,
        far ? 2.6810531563389204 : -14688.413219352538);
    double top = PT_MA(
        far ? -54.34118027426205 : -82473.8144602044, u2,
        pt__p2(u, far ? 24.91775640762106 : 6301.229410531362,
               far ? -24.858731882869048 : 20468.341962690385));
    high = PT_MA(top, u4, high);
    return u * PT_MA(PT_MA(high, u8, middle), u8, low);
}

/* scale * erfinv(x), given 1 - x^2 in (0, 1] to full relative accuracy, square = scale^2. */
PT_FN double pt__probit(double x, double complement, double scale, double square) {
    double low;
    double high = pt__log_parts(complement, &low);
    double w = -(high + low);
    double series = pt__probit_centre(w < 4.0 ? w : 4.0);
    double err;
    double factor_lo;
    double factor = pt__fast_multiply_add(scale, series, 0.886226925452758 * scale,
                                          &factor_lo);
    double product = pt__two_prod(x, factor, &err);
    double centre = product + PT_MA(x, factor_lo, err);
    double w_lo = w < 4.0 ? 0.0 : (-high - w) - low;
    w = w < 4.0 ? 4.0 : w;
    double root = PT_SQRT(square * w);
    double back = pt__two_prod(root, root, &err);
    double root_lo = (((square * w - back) - err) + square * w_lo) / (2.0 * root);
    double t = (root - 3.0 * scale) / (root + 3.0 * scale);
    int far = w > 20.0;
    double constant = far ? 0.9871411677939407 : 0.944267328259603;
    product = pt__two_prod(root, constant, &err);
    double rest = PT_MA(root_lo, constant, PT_MA(root, pt__probit_tail(t, far), err));
    double tail = product + rest;
    return w > 4.0 ? PT_COPYSIGN(tail, x) : centre;
}

PT_FN double pt_erfinv(double x) {
    double a = PT_ABS(x);
    double value = pt__probit(x, (1.0 - a) * (1.0 + a), 1.0, 1.0);
    value = a == 1.0 ? PT_COPYSIGN(PT_INF, x) : value;
    value = a <= 1.0 ? value : PT_NAN;
    return x == 0.0 ? x : value;
}

PT_FN double pt_erfcinv(double y) {
    double s = y < 1.0 ? y : 2.0 - y;
    double value = pt__probit(1.0 - y, s * (2.0 - s), 1.0, 1.0);
    value = s == 0.0 ? PT_COPYSIGN(PT_INF, 1.0 - y) : value;
    return s >= 0.0 ? value : PT_NAN;
}

PT_FN double pt_ndtri(double p) {
    double s = p < 0.5 ? p : 1.0 - p;
    double value = pt__probit(2.0 * (p - 0.5), 4.0 * s * (1.0 - s), 1.4142135623730951, 2.0);
    value = s == 0.0 ? PT_COPYSIGN(PT_INF, p - 0.5) : value;
    return s >= 0.0 ? value : PT_NAN;
}

#endif
