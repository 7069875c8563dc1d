/* Bessel functions of real order: J, Y, K and I.
 *
 * Far out by the expansions of pt_bessel_far.h. Next to 0 by power series and by Temme's (1975) for
 * orders up to 1/2, and between by the continued fraction of K (Temme 1975), of which those of J
 * and Y are the continuation to x / i; from there upwards in the order by recurrence, J above x by
 * that of the quotient J_(v+1) / J_v. Errors are some 20 eps, of J and Y for v < x relative to the
 * larger of the two.
 */
#ifndef PT_BESSEL_VALUE_H
#define PT_BESSEL_VALUE_H

#include "pt_bessel.h"

#define PT_CYLINDER_FAR 42.0
#define PT_MOST_STEPS 1e6        /* orders up to which the recurrence crosses x = v */

/* ---- orders of at most 1/2 ---- */

/* (1 / gamma(1 - m) - 1 / gamma(1 + m)) / (2 m), and *mean, half of the sum. */
PT_FN_CALLED double pt__temme_gammas(double m, double *mean)
{
    const double z = m * m;
    const double even[12] = {
        1.0, -0.6558780715202539, 0.16653861138229148, -0.009621971527876973,
        -0.0011651675918590652, 0.0001280502823881162, -1.2504934821426706e-06,
        -2.056338416977607e-07, 5.002007644469223e-09, 1.0434267116911005e-10,
        -3.696805618642206e-12, -2.0583260535665066e-14,
    };
    const double odd[12] = {
        0.5772156649015329, -0.04200263503409524, -0.04219773455554433, 0.0072189432466631,
        -0.00021524167411495098, -2.013485478078824e-05, 1.133027231981696e-06,
        6.116095104481416e-09, -1.18127457048702e-09, 7.782263439905071e-12,
        5.100370287454476e-13, -5.348122539423018e-15,
    };
    double s = even[11], d = odd[11];
    for (int k = 10; k >= 0; k--) {
        s = PT_MA(s, z, even[k]);
        d = PT_MA(d, z, odd[k]);
    }
    *mean = s;
    return -d;
}

/* K_m and K_(m+1), or with `second` -Y_m and -Y_(m+1), for |m| <= 1/2 and 0 < x < 2. */
PT_FN_CALLED void pt__temme(double m, double x, int second, double *here, double *above)
{
    double mean;
    const double part = pt__temme_gammas(m, &mean), log = 0.6931471805599453 - pt_log(x);
    const double e = pt_pow(x, -m) * pt_pow(2.0, m), sigma = m * log;
    const double wide = PT_ABS(sigma) > 0.5 ? 0.5 * (e - 1.0 / e) / sigma
        : sigma == 0.0 ? 1.0 : sinh(sigma) / sigma;
    const double up = mean - m * part, down = mean + m * part;  /* 1 / gamma(1 +- m) */
    const double half = sin(0.5 * PT_PI * m), r = second && m != 0.0 ? 2.0 * half * half / m : 0.0;
    const double over = second ? 1.0 / PT_PI : 0.5, step = second ? -0.25 * x * x : 0.25 * x * x;
    double f = (second ? 2.0 / PT_PI : 1.0) / (up * down)
        * (part * 0.5 * (e + 1.0 / e) + mean * wide * log);
    double p = over * e / up, q = over / (e * down), c = 1.0;
    double sum = f + r * q, sum1 = p;
    for (int k = 1; k < 60; k++) {
        f = (k * f + p + q) / (k * k - m * m);
        c *= step / k;
        p /= k - m;
        q /= k + m;
        const double g = f + r * q, more = c * g, rise = c * (p - k * g);
        sum += more;
        sum1 += rise;
        if (PT_ABS(more) <= 1e-17 * PT_ABS(sum) && PT_ABS(rise) <= 1e-17 * PT_ABS(sum1))
            break;
    }
    *here = sum;
    *above = 2.0 * (sum1 / x);
}

/* exp(x) K_m(x) and exp(x) K_(m+1)(x) for |m| <= 1/2 and x >= 2. */
PT_FN_CALLED void pt__k_fraction(double m, double x, double *here, double *above)
{
    const double first = 0.25 - m * m;
    double b = 2.0 * (1.0 + x), d = 1.0 / b, h = d, step = d, q1 = 0.0, q2 = 1.0, q = first;
    double c = first, a = -first, s = 1.0 + q * step;
    for (int k = 2; k < 500; k++) {
        a -= 2 * (k - 1);
        c = -a * c / k;
        const double next = (q1 - b * q2) / a;
        q1 = q2;
        q2 = next;
        q += c * next;
        b += 2.0;
        d = 1.0 / (b + a * d);
        step = (b * d - 1.0) * step;
        h += step;
        const double more = q * step;
        s += more;
        if (PT_ABS(more) < 1e-17 * PT_ABS(s))
            break;
    }
    *here = 1.2533141373155003 / PT_SQRT(x) / s;
    *above = *here * (m + x + 0.5 - first * h) / x;
}

/* J and Y of the orders m and m + 1 for |m| <= 1/2 and x >= 2: the same at -i x. */
PT_FN_CALLED void pt__hankel_fraction(double m, double x, double *j, double *y)
{
    const double first = 0.25 - m * m;
    double br = 2.0, bi = -2.0 * x, size = br * br + bi * bi, dr = br / size, di = -bi / size;
    double hr = dr, hi = di, tr = dr, ti = di;
    double pr = 0.0, pi = 0.0, nr = 1.0, ni = 0.0, qr = first, qi = 0.0, c = first, a = -first;
    double sr = 1.0 + qr * tr, si = qr * ti;
    for (int k = 2; k < 500; k++) {
        a -= 2 * (k - 1);
        c = -a * c / k;
        const double vr = (pr - (br * nr - bi * ni)) / a, vi = (pi - (br * ni + bi * nr)) / a;
        pr = nr;
        pi = ni;
        nr = vr;
        ni = vi;
        qr += c * vr;
        qi += c * vi;
        br += 2.0;
        const double er = br + a * dr, ei = bi + a * di;
        size = er * er + ei * ei;
        dr = er / size;
        di = -ei / size;
        const double wr = br * dr - bi * di - 1.0, wi = br * di + bi * dr;
        const double next = wr * tr - wi * ti;
        ti = wr * ti + wi * tr;
        tr = next;
        hr += tr;
        hi += ti;
        const double mr = qr * tr - qi * ti, mi = qr * ti + qi * tr;
        sr += mr;
        si += mi;
        if (PT_ABS(mr) + PT_ABS(mi) < 1e-17 * (PT_ABS(sr) + PT_ABS(si)))
            break;
    }
    /* exp(i (x - m pi / 2 - pi / 4)) sqrt(2 / (pi x)) / s */
    const double turn = 0.5 * m + 0.25, ct = pt__cosine_turn(turn), st = pt__sine_turn(turn);
    const double cx = cos(x), sx = sin(x), norm = 0.7978845608028654 / PT_SQRT(x);
    const double er = norm * (cx * ct + sx * st), ei = norm * (sx * ct - cx * st);
    size = sr * sr + si * si;
    j[0] = (er * sr + ei * si) / size;
    y[0] = (ei * sr - er * si) / size;
    /* times (m + 1/2 - i x - first h) / x */
    const double ur = (m + 0.5 - first * hr) / x, ui = (-x - first * hi) / x;
    j[1] = j[0] * ur - y[0] * ui;
    y[1] = j[0] * ui + y[0] * ur;
}

/* ---- J and Y ---- */

/* (x / 2)^v / gamma(v + 1) for v > -1, where v is small. */
PT_FN_CALLED double pt__bessel_power(double v, double x)
{
    const double power = x < 1e-300 ? pt_pow(x, v) * pt_pow(0.5, v) : pt_pow(0.5 * x, v);
    return power / pt_gamma(v + 1.0);
}

/* J_(v+1) / J_v for v > x. */
PT_FN_CALLED double pt__bessel_quotient(double v, double x)
{
    double b = 2.0 * (v + 1.0) / x, f = b, c = b, d = 0.0;
    for (int k = 2; k < 100000; k++) {
        b = 2.0 * (v + k) / x;
        d = 1.0 / (b - d);
        c = b - 1.0 / c;
        f *= c * d;
        if (PT_ABS(c * d - 1.0) < 2e-16)
            break;
    }
    return 1.0 / f;
}

/* J and Y of the order v from those of v - n and v - n + 1, in j[0..1] and y[0..1]. */
PT_FN_CALLED void pt__cylinder_rise(double v, double n, double x, double *j, double *y)
{
    for (double k = n - 1.0; k >= 0.0; k--) {   /* to the orders v - k and v - k + 1 */
        const double factor = 2.0 * ((v - k) / x);
        const double next_j = factor * j[1] - j[0], next_y = factor * y[1] - y[0];
        j[0] = j[1];
        j[1] = next_j;
        y[0] = y[1];
        if (y[1] > -PT_INF)
            y[1] = next_y;
    }
    if (v > x + cbrt(x) && n > 0.0)       /* by the Wronskian (DLMF 10.5.2) */
        j[0] = -2.0 / PT_PI / x / (y[1] - pt__bessel_quotient(v, x) * y[0]);
}

/* J_v(x) and Y_v(x) for v >= 0 and 0 < x < inf. */
PT_FN_CALLED void pt__cylinders(double v, double x, double *first, double *second)
{
    double j[2] = {0.0, 0.0}, y[2];
    if (pt__cylinder_falls(v, x, first, second))
        return;
    double n = PT_FLOOR(v + 0.5);
    if (x >= PT_CYLINDER_FAR) {
        /* Of orders below this the exponent of Debye's expansions is large enough. */
        const double b = cbrt(1.5 * PT_DEBYE_FALL / x), least = b * (1.0 + b * b / 30.0);
        const double last = x * cos(least) - 1.0, steps = last > 0.0 ? last : 0.0;
        n = v > steps ? PT_FLOOR(v - steps) + 1.0 : 0.0;
        n = n > v + 0.5 ? PT_FLOOR(v + 0.5) : n;
        if (v > PT_MOST_STEPS && n > 0.0) {
            *first = pt_jv_order(0.0, v, x);
            *second = pt_yv_order(0.0, v, x);
            return;
        }
        pt__cylinder_waves(v - n, x, j, y);
        if (n > 0.0)
            pt__cylinder_waves(v - n + 1.0, x, j + 1, y + 1);
    } else if (x >= 2.0) {
        pt__hankel_fraction(v - n, x, j, y);
    } else {
        pt__temme(v - n, x, 1, y, y + 1);
        y[0] = -y[0];
        y[1] = -y[1];
    }
    if (n > 0.0)
        pt__cylinder_rise(v, n, x, j, y);
    *first = j[0];
    *second = y[0];
    if (x < 2.0) {
        double sum = 1.0, term = 1.0;
        for (int k = 1; PT_ABS(term) > 1e-18; k++) {
            term *= -0.25 * x * x / (k * (k + v));
            sum += term;
        }
        *first = pt__bessel_power(v, x) * sum;
    }
}

/* J_v(x), or with `second` Y_v(x). Of negative x the order of J is whole. */
PT_FN_CALLED double pt__cylinder(double v, double x, int second)
{
    const int whole = v == PT_RINT(v);
    const double a = PT_ABS(v), cosine = pt__cosine_turn(a), sine = pt__sine_turn(a);
    double j, y;
    if (v != v || x != x || a == PT_INF || (x < 0.0 && (second || !whole)))
        return PT_NAN;
    const double sign = x < 0.0 && pt_mod(a, 2.0) == 1.0 ? -1.0 : 1.0;
    x = PT_ABS(x);
    if (x == PT_INF)
        return 0.0;
    if (x == 0.0) {
        j = a == 0.0 ? 1.0 : 0.0;
        y = -PT_INF;
    } else {
        pt__cylinders(a, x, &j, &y);
    }
    if (v >= 0.0)
        return second ? y : sign * j;
    /* DLMF 10.4.7, 10.4.8; y may be infinite */
    const double c = second ? sine : cosine, s = second ? cosine : -sine;
    return sign * ((c == 0.0 ? 0.0 : c * j) + (s == 0.0 ? 0.0 : s * y));
}
PT_FN double pt_jv(double v, double x) { return pt__cylinder(v, x, 0); }
PT_FN double pt_yv(double v, double x) { return pt__cylinder(v, x, 1); }

/* ---- K and I ---- */

/* Whether Debye's expansions hold for K and I. */
PT_FN int pt__modified_is_far(double v, double x)
{
    return v > PT_DEBYE_NEAR || x > PT_DEBYE_NEAR
        || v * v + x * x > PT_DEBYE_NEAR * PT_DEBYE_NEAR;
}

/* K_v(x), or with `scaled` exp(x) K_v(x). */
PT_FN_CALLED double pt__modified_second(double v, double x, int scaled)
{
    double here, above;
    v = PT_ABS(v);
    if (v != v || !(x >= 0.0) || v == PT_INF)
        return PT_NAN;
    if (x == 0.0 || x == PT_INF)
        return x == 0.0 ? PT_INF : 0.0;
    if (pt__modified_is_far(v, x))
        return pt__modified_far(v, x, 0, scaled ? 0.0 : -x);
    const double n = PT_FLOOR(v + 0.5);
    if (x < 2.0)
        pt__temme(v - n, x, 0, &here, &above);
    else
        pt__k_fraction(v - n, x, &here, &above);
    for (double k = n - 1.0; k >= 0.0; k--) {
        const double next = 2.0 * ((v - k) / x) * above + here;
        here = above;
        above = next;
    }
    return scaled == (x >= 2.0) ? here : here * exp(scaled ? x : -x);
}
PT_FN double pt_kv(double v, double x) { return pt__modified_second(v, x, 0); }
PT_FN double pt_kve(double v, double x) { return pt__modified_second(v, x, 1); }

/* I_v(x), or with `scaled` exp(-|x|) I_v(x). Of negative x the order is whole. */
PT_FN_CALLED double pt__modified_first(double v, double x, int scaled)
{
    const int whole = v == PT_RINT(v);
    const double a = PT_ABS(v), y = PT_ABS(x);
    if (v != v || x != x || a == PT_INF || (x < 0.0 && !whole))
        return PT_NAN;
    const double sign = x < 0.0 && pt_mod(a, 2.0) == 1.0 ? -1.0 : 1.0;
    if (y == PT_INF)
        return scaled ? 0.0 : sign * PT_INF;
    if (y == 0.0)       /* of negative orders with the sign of gamma(v + 1) */
        return v == 0.0 ? 1.0 : v > 0.0 || whole ? 0.0
            : pt_mod(PT_FLOOR(a), 2.0) == 1.0 ? -PT_INF : PT_INF;
    const double order = !whole && v > -1.0 && a <= PT_DEBYE_NEAR ? v : a;
    double value, other = 0.0;
    if (pt__modified_is_far(a, y)) {
        value = sign * pt__modified_far(a, y, 1, scaled ? 0.0 : y);
        other = whole || v >= 0.0 ? 0.0 : pt__modified_far(a, y, 0, scaled ? -2.0 * y : -y);
    } else {
        double sum = 1.0, term = 1.0;       /* DLMF 10.25.2, of positive terms */
        for (int k = 1; term > 1e-18 * sum; k++) {
            term *= 0.25 * y * y / (k * (k + order));
            sum += term;
        }
        value = sign * pt__bessel_power(order, y) * sum * (scaled ? exp(-y) : 1.0);
        if (order != v && !whole)
            other = pt__modified_second(a, y, 0) * (scaled ? exp(-y) : 1.0);
    }
    return other == 0.0 ? value     /* DLMF 10.27.2 */
        : value + 2.0 / PT_PI * pt__sine_turn(a) * other;
}
PT_FN double pt_iv(double v, double x) { return pt__modified_first(v, x, 0); }
PT_FN double pt_ive(double v, double x) { return pt__modified_first(v, x, 1); }

/* exp(x) K_v(x) and exp(-|x|) I_v(x), differentiated n times in v, for x > 0, and m times in x. The
 * slope in x is a difference of neighbours (DLMF 10.29.1) where these do not cancel. */
PT_FN_CALLED double pt_kve_order(double n, double m, double v, double x)
{
    if (n == 0.0 && m == 1.0 && x > 0.0 && x < PT_HANKEL_FAR) {
        const double slope = pt_kve(v, x) - 0.5 * (pt_kve(v - 1.0, x) + pt_kve(v + 1.0, x));
        if (slope == slope)
            return slope;
    }
    return n == 0.0 && m == 0.0 ? pt_kve(v, x) : pt__k_order(n, m, v, x, 1);
}
PT_FN_CALLED double pt_ive_order(double n, double m, double v, double x)
{
    if (n == 0.0 && m == 0.0)
        return pt_ive(v, x);
    if (n == 0.0 && x == 0.0 && m > 0.0 && m < 64.0) {
        /* of I_v alone (DLMF 10.29.5): the mean of both sides where there is a kink */
        double sum = 0.0, choose = pt_pow(0.5, m);
        for (int j = 0; j <= (int)m; j++) {
            sum += choose * pt_ive(v - m + 2.0 * j, 0.0);
            choose *= (m - j) / (j + 1.0);
        }
        return sum;
    }
    if (n == 0.0 && x < 0.0 && v == PT_RINT(v)) {
        const double value = pt__i_order(n, m, PT_ABS(v), -x, 1);
        return pt_mod(v + m, 2.0) == 1.0 ? -value : value;
    }
    if (n == 0.0 && m == 1.0 && x > 0.0 && x < PT_HANKEL_FAR) {
        const double slope = 0.5 * (pt_ive(v - 1.0, x) + pt_ive(v + 1.0, x)) - pt_ive(v, x);
        if (slope == slope)
            return slope;
    }
    return pt__i_order(n, m, v, x, 1);
}

#endif
