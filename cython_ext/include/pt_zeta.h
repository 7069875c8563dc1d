/* The Hurwitz zeta function with its derivatives in the exponent, and Lambert's W function. */
#ifndef PT_ZETA_H
#define PT_ZETA_H

#include "pt_base.h"

#define PT_ZETA_ORDERS 9  /* the function and its derivatives in s */
#define PT_ZETA_TERMS 13  /* of the Euler-Maclaurin formula */
#define PT_ZETA_MOST 100000

/* The rest from w on, times w^s: the Euler-Maclaurin formula (DLMF 25.11.28) for s + d as a
 * polynomial in d, whose coefficients become derivatives. */
PT_FN_CALLED double pt__zeta_rest(int n, double s, double w)
{
    /* B_2j / (2j)! (DLMF 24.2) */
    const double bernoulli[PT_ZETA_TERMS] = {
        0.0833333333333333333, -0.00138888888888888889, 0.0000330687830687830688,
        -8.2671957671957672e-7, 2.0876756987868099e-8, -5.28419013868749318e-10,
        1.33825365306846788e-11, -3.38968029632258287e-13, 8.58606205627784456e-15,
        -2.17486869855806187e-16, 5.50900282836022952e-18, -1.39544646858125233e-19,
        3.53470703962946747e-21,
    };
    double rest[PT_ZETA_ORDERS] = {0}, rising[PT_ZETA_ORDERS] = {0};
    const double under = 1.0 / (s - 1.0), log_w = log(w);
    double power = w * under;
    for (int k = 0; k <= n; k++, power *= -under)
        rest[k] = power;
    rest[0] += 0.5;
    rising[0] = s;
    if (n)
        rising[1] = 1.0;
    double scale = 1.0 / w;
    for (int j = 0; j < PT_ZETA_TERMS; j++) {
        for (int k = 0; k <= n; k++)
            rest[k] += bernoulli[j] * scale * rising[k];
        for (int i = 2 * j + 1; i < 2 * j + 3; i++)
            for (int k = n; k >= 0; k--)
                rising[k] = rising[k] * (s + i) + (k ? rising[k - 1] : 0.0);
        scale /= w * w;
    }
    /* The coefficient of d^n in the product with w^-d, times n!. */
    double sum = 0.0, factor = 1.0;
    for (int k = 0; k <= n; k++) {
        sum += factor * rest[n - k];
        factor *= -log_w / (k + 1);
    }
    for (int k = 2; k <= n; k++)
        sum *= k;
    return sum;
}

/* The n-th derivative of the sum of (q + k)^-s in s, for s > 1; nan below. */
PT_FN_CALLED double pt_zeta(double n, double s, double q)
{
    if (!(n >= 0.0 && n < (double)PT_ZETA_ORDERS) || !(s >= 1.0) || q != q)
        return PT_NAN;
    const int count = (int)n;
    if (s == 1.0)
        return count & 1 ? -PT_INF : PT_INF;
    if (q <= 0.0) {
        if (q == PT_FLOOR(q))
            return count & 1 ? PT_NAN : PT_INF;
        if (s != PT_FLOOR(s) || count || q < -PT_ZETA_MOST)
            return PT_NAN;
    }
    if (q == PT_INF)
        return 0.0;
    double sum = 0.0, w = q;
    const double far = 12.0 + 0.4 * (s < 200.0 ? s : 200.0);
    for (int k = 0; w < far && k < 2 * PT_ZETA_MOST; k++, w = q + k) {
        double term = pow(w, -s);
        for (int order = 0; order < count; order++)
            term *= -log(w);
        sum += term;
        if (w > 1.0 && PT_ABS(term) <= 1e-18 * PT_ABS(sum))
            return sum;
    }
    /* The rest grows with w, and the power alone may underflow. */
    const double root = pow(w, -0.5 * s);
    const double rest = pt__zeta_rest(count, s, w);
    return sum + (root > 1e-140 ? pow(w, -s) * rest : root * rest * root);
}

/* W as a series in p = sqrt(2 (e x + 1)), next to the branch point (Corless et al. 1996). */
PT_FN_CALLED double pt__lambert_series(double p)
{
    return -1.0 + p * (1.0 + p * (-1.0 / 3.0 + p * (11.0 / 72.0 + p * (-43.0 / 540.0
        + p * (769.0 / 17280.0 + p * (-221.0 / 8505.0 + p * (680863.0 / 43545600.0
        + p * (-1963.0 / 204120.0 + p * (226287557.0 / 37623398400.0)))))))));
}

/* W(x) by steps of fourth order in its relative error (Fritsch, Shafer and Crowley 1973). */
PT_FN_CALLED double pt__lambert_steps(double x, double w)
{
    for (int k = 0; k < 4; k++) {
        const double z = log(x / w) - w, u = 1.0 + w, q = 2.0 * u * (u + 2.0 / 3.0 * z);
        w *= 1.0 + z / u * (q - z) / (q - 2.0 * z);
    }
    return w;
}

/* 2 (e x + 1), with e in two parts. */
PT_FN double pt__lambert_square(double x)
{
    double low;
    const double product = pt__two_prod(2.718281828459045, x, &low);
    return 2.0 * ((product + 1.0) + (low + 1.4456468917292502e-16 * x));
}

/* The branch of w e^w = x with w >= -1; nan below -1/e. */
PT_FN_CALLED double pt_lambertw(double x)
{
    if (!(PT_ABS(x) < PT_INF) || PT_ABS(x) < 1e-18)
        return x == -PT_INF ? PT_NAN : x;
    const double square = pt__lambert_square(x);
    if (!(square >= 0.0))
        return PT_NAN;
    const double p = sqrt(square), log_x = log1p(x > 0.0 ? x : 0.0);
    if (p < 0.06)
        return pt__lambert_series(p);
    if (x < 0.3)
        return pt__lambert_steps(x, PT_ABS(x) < 0.01 ? x * (1.0 - x) : pt__lambert_series(p));
    return pt__lambert_steps(x, log_x * (1.0 - log1p(log_x) / (2.0 + log_x)));
}

/* The branch with w <= -1, for -1/e <= x < 0; -inf at 0, nan elsewhere. */
PT_FN_CALLED double pt_lambertw_below(double x)
{
    if (!(x < 0.0))
        return x == 0.0 ? -PT_INF : PT_NAN;
    const double square = pt__lambert_square(x);
    if (!(square >= 0.0))
        return PT_NAN;
    const double p = sqrt(square), log_x = log(-x);
    if (p < 0.06)
        return pt__lambert_series(-p);
    if (x < -0.25)
        return pt__lambert_steps(x, pt__lambert_series(-p));
    const double log_log = log(-log_x);
    return pt__lambert_steps(x, log_x - log_log + log_log / log_x);
}

#endif
