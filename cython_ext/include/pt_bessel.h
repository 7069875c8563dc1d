/* Derivatives of Bessel functions in their order, for x > 0, and of exp(x) K and exp(-x) I in x.
 *
 * Each is an integral of exp(f(t)) along a contour (DLMF 10.9.17, 10.9.18, 10.32.9, 10.32.12), in
 * which the order v stands as exp(-v t) alone: the n-th derivative has the factor (-t)^n. The
 * m-th in x has the factor (cosh(t) - 1)^m, or (1 - cosh(t))^m. The contours pass close to the
 * saddles of f, so that nothing cancels, and are analytic with integrands that fall off double
 * exponentially, so that the trapezoid rule converges exponentially. For large x the expansions of
 * Hankel are differentiated. Errors are a few eps, times x or |v| where these are large. At most
 * the eighth derivative in the order.
 *
 * Sums are without a factor exp(top), where the functions may be beyond all doubles.
 */
#ifndef PT_BESSEL_H
#define PT_BESSEL_H

#include "pt_bessel_far.h"
#include "pt_gamma.h"

#define PT_ORDERS 9              /* the function and its derivatives */
#define PT_FALL (-44.0)          /* logarithm of terms that are left out */
#define PT_MOST_TERMS 20000
#define PT_HANKEL_FAR 50.0       /* x from which Hankel's expansions are used for v^2 <= x */

/* The k-th derivatives of sin(pi v) and of cos(pi v). */
PT_FN_CALLED double pt__wave(int k, int cosine, double v)
{
    const int turn = (k + cosine) & 3;
    const double value = turn & 1 ? pt__cosine_turn(v) : pt__sine_turn(v);
    double scale = turn & 2 ? -1.0 : 1.0;
    for (int j = 0; j < k; j++)
        scale *= PT_PI;
    return scale * value;
}

/* sinh(s) - s and sin(s) - s. */
PT_FN_CALLED double pt__sinh_rest(double s)
{
    const double z = s * s;
    if (z > 1.0)
        return sinh(s) - s;
    return s * z / 6.0 * (1.0 + z / 20.0 * (1.0 + z / 42.0 * (1.0 + z / 72.0 * (1.0
        + z / 110.0 * (1.0 + z / 156.0 * (1.0 + z / 210.0 * (1.0 + z / 272.0)))))));
}
PT_FN_CALLED double pt__sin_rest(double s)
{
    const double z = s * s;
    if (z > 1.0)
        return sin(s) - s;
    return -s * z / 6.0 * (1.0 - z / 20.0 * (1.0 - z / 42.0 * (1.0 - z / 72.0 * (1.0
        - z / 110.0 * (1.0 - z / 156.0 * (1.0 - z / 210.0 * (1.0 - z / 272.0)))))));
}

/* log((a + r) / x) for positive numbers whose quotient may overflow; `excess` is a + r - x. */
PT_FN_CALLED double pt__log_quotient(double sum, double excess, double x)
{
    return sum < 1e8 * x ? log1p(excess / x) : log(sum) - log(x);
}

/* Adds w, w (-t), w (-t)^2, ... to the sums. */
PT_FN_CALLED void pt__add_orders(int n, double wr, double wi, double tr, double ti, double *re,
                                 double *im)
{
    for (int k = 0; k <= n; k++) {
        re[k] += wr;
        im[k] += wi;
        const double next = ti * wi - tr * wr;
        wi = -tr * wi - ti * wr;
        wr = next;
    }
}

/* The sums for the Hankel function, exp(-top) i pi H1_v(x) / h, in the order v >= 0: the contour of
 * DLMF 10.9.18, t = s + i phi(s) with phi = 2 atan(tan(theta / 2) exp((s - s0) / sin(theta))),
 * which passes through the saddle at i theta for v < x, and through those at -s0 and s0 for v > x.
 * The result is top.
 */
PT_FN_CALLED double pt__hankel_orders(int n, double v, double x, double *j, double *y)
{
    const int inside = v <= x;
    const double large = inside ? x : v;
    const double least = large > 1.0 ? 1.0 / cbrt(large) : 1.0;
    const double angle = inside ? acos(v / x) : 0.0;
    const double theta = angle > least ? angle : least, lean = 1.0 / sin(theta);
    const double sine = inside ? sqrt((x - v) * (x + v)) / x : 0.0, cosine = inside ? v / x : 1.0;
    const double over = inside ? 0.0 : v - x, root = inside ? 0.0 : sqrt((v - x) * (v + x));
    const double s0 = inside ? 0.0 : pt__log_quotient(v + root, over + root, x);
    const double start = tan(0.5 * theta);
    double curve = inside ? x * sin(theta) : root;
    curve = curve > large * least * 0.5 ? curve : large * least * 0.5;
    double h = 0.35 / sqrt(curve);
    h = h < 0.08 / lean ? h : 0.08 / lean;
    h = h < 0.12 ? h : 0.12;
    double re[PT_ORDERS] = {0}, im[PT_ORDERS] = {0};
    double top = 0.0;
    for (int side = 1; side >= -1; side -= 2) {
        for (int k = side < 0; k < PT_MOST_TERMS; k++) {
            const double s = side * k * h - s0, e = start * exp(lean * (s - s0));
            const double phi = 2.0 * atan(e), delta = phi - angle;
            const double sin_phi = 2.0 / (e + 1.0 / e), half = sin(0.5 * delta);
            const double sinh_s = sinh(s), sinh_half = sinh(0.5 * s), less = -2.0 * half * half;
            const double real = x * (cosine * pt__sinh_rest(s)
                + sinh_s * (cosine * less - sine * sin(delta))) - over * s;
            const double turn = x * (2.0 * sinh_half * sinh_half * sin_phi + sine * less
                + cosine * pt__sin_rest(delta)) - over * phi;
            if (k == 0)
                top = real;
            if (!(real - top > PT_FALL) && k)
                break;
            const double size = exp(real - top), c = size * cos(turn), d = size * sin(turn);
            const double slope = lean * sin_phi;
            pt__add_orders(n, c - slope * d, d + slope * c, s, phi, re, im);
        }
    }
    double c = 0.0, d = 0.0, r;
    if (inside && v < x)
        pt__bessel_angle(v, x, &r, &c, &d);
    /* Less pi / 4, which is not in the integral. */
    const double scale = h / PT_PI, turned = (c - d) * 0.7071067811865476 * scale;
    d = inside && v < x ? (c + d) * 0.7071067811865476 * scale : 0.0;
    c = inside && v < x ? turned : scale;
    for (int k = 0; k <= n; k++) {
        j[k] = c * im[k] + d * re[k];
        y[k] = d * im[k] - c * re[k];
    }
    return top;
}

/* J_v(x) for v > x, or with `modified` the m-th derivative of exp(-x) I_v(x) in x, and derivatives
 * in the order v >= 0: the contour of DLMF 10.9.17 (10.32.12), t = a(phi) + i phi with sinh or cosh
 * of a = (d / x) phi / sin(phi), where d is v, or some more where the saddles would meet; phi =
 * 4 atan(tanh(u / 2)). The result is top. */
PT_FN_CALLED double pt__falling_orders(int n, int m, double v, double x, int modified, double *out)
{
    double d = modified ? (x > 1.0 ? sqrt(x) : 1.0) : x + cbrt(x);
    d = v > d ? v : d;
    const double root = sqrt(modified ? d * d + x * x : (d - x) * (d + x));
    double h = 0.19 / sqrt(root);
    h = h < 0.12 ? h : 0.12;
    double re[PT_ORDERS] = {0}, im[PT_ORDERS] = {0};
    double top = 0.0;
    for (int k = 0; k < PT_MOST_TERMS; k++) {
        const double u = h * k, t = tanh(u), sech = 1.0 / cosh(u);
        const double phi = 4.0 * atan(tanh(0.5 * u));
        const double sin_phi = 2.0 * t * sech, cos_phi = sech * sech - t * t;
        const double q = k ? phi / sin_phi : 1.0;
        const double bend = k ? (1.0 - q * cos_phi) / sin_phi : 0.0, dq = d * q;
        const double r = sqrt(modified ? dq * dq + x * x : (dq - x) * (dq + x));
        const double beyond = modified ? dq * dq / (r + x) : r;  /* r - x, or r */
        const double a = pt__log_quotient(dq + r, modified ? dq + beyond : (dq - x) + r, x);
        /* 1 - cos(phi) is 2 t^2. */
        const double real = beyond * cos_phi - v * a - (modified ? 2.0 * x * t * t : 0.0);
        if (k == 0)
            top = real;
        if (!(real - top > PT_FALL) && k)
            break;
        const double turn = (d - v) * phi, size = exp(real - top) * 2.0 * sech * (k ? 1.0 : 0.5);
        const double c = size * cos(turn), e = size * sin(turn), slope = d * bend / r;
        double wr = slope * c - e, wi = c + slope * e;
        /* cosh(a + i phi) - 1, where cosh(a) = r / x */
        const double fr = beyond / x * cos_phi - 2.0 * t * t, fi = dq / x * sin_phi;
        for (int power = 0; power < m; power++) {
            const double next = fr * wr - fi * wi;
            wi = fr * wi + fi * wr;
            wr = next;
        }
        pt__add_orders(n, wr, wi, a, phi, re, im);
    }
    for (int k = 0; k <= n; k++)
        out[k] = im[k] * (h / PT_PI);
    return top;
}

/* The m-th derivative of exp(x) K_v(x) in x, and derivatives in the order v >= 0 (DLMF 10.32.9).
 * The result is top. */
PT_FN_CALLED double pt__k_orders(int n, int m, double v, double x, double *out)
{
    const double size = sqrt(x) * sqrt(x) + v, t0 = v > 0.0
        ? pt__log_quotient(v + sqrt(v * v + x * x), v + v * v / (x + sqrt(v * v + x * x)), x) : 0.0;
    double h = 0.5 / sqrt(size > 1e-300 ? size : 1e-300);
    h = h < 0.12 ? h : 0.12;
    const double first = PT_FLOOR(t0 / h + 0.5);
    double sums[PT_ORDERS] = {0}, top = 0.0;
    for (int side = 1; side >= -1; side -= 2) {
        for (int k = side < 0; k < PT_MOST_TERMS; k++) {
            const double place = first + side * k, t = place * h, half = sinh(0.5 * t);
            if (place < 0.0)
                break;
            const double real = v * t - 2.0 * x * half * half;
            if (k == 0)
                top = real;
            if (!(real - top > PT_FALL) && k)
                break;
            const double other = exp(-2.0 * v * t);
            double term = exp(real - top) * (place == 0.0 ? 0.5 : 1.0) * 0.5;
            for (int power = 0; power < m; power++)
                term *= -2.0 * half * half;
            for (int order = 0; order <= n; order++, term *= t)
                sums[order] += term * (order & 1 ? 1.0 - other : 1.0 + other);
        }
    }
    for (int k = 0; k <= n; k++)
        out[k] = sums[k] * h;
    return top;
}

/* Hankel's expansions (DLMF 10.17(i), 10.40(i)) for v^2 <= x, differentiated in the order v, and m
 * times in x: the sums of a_k(v) u^k x^-k-1/2 for u = 1, -1 or i, in re and im. */
PT_FN_CALLED void pt__hankel_far(int n, int m, double v, double x, int unit, double *re, double *im)
{
    double jet[PT_ORDERS] = {1.0};      /* of the term, in the order */
    for (int i = 0; i < m; i++)
        jet[0] *= -(i + 0.5) / x;
    for (int k = 0; k <= n; k++)
        re[k] = im[k] = 0.0;
    for (int k = 0; k < 90; k++) {
        double size = 0.0, largest = 0.0;
        const int turn = unit == 2 ? k & 3 : unit < 0 ? 2 * (k & 1) : 0;
        double *part = turn & 1 ? im : re;
        for (int i = 0; i <= n; i++) {
            part[i] += turn & 2 ? -jet[i] : jet[i];
            size += PT_ABS(jet[i]);
            largest += PT_ABS(re[i]) + PT_ABS(im[i]);
        }
        if (size <= 1e-18 * largest && k > n)
            break;
        const double odd = 2.0 * k + 1.0, down = 8.0 * (k + 1.0) * x;
        const double more = (m + k + 0.5) / (k + 0.5);
        for (int i = n; i >= 0; i--)
            jet[i] = more * (((4.0 * v * v - odd * odd) * jet[i]
                              + (i > 0 ? 8.0 * v * jet[i - 1] : 0.0)
                              + (i > 1 ? 4.0 * jet[i - 2] : 0.0)) / down);
    }
    double size = 1.0 / sqrt(x);
    for (int i = 0; i <= n; i++) {
        size *= i > 1 ? i : 1.0;
        re[i] *= size;
        im[i] *= size;
    }
}

/* J and Y and their derivatives in the order from them: of exp(i (x - v pi / 2 - pi / 4)) times the
 * sums of u = i. */
PT_FN_CALLED void pt__hankel_waves(int n, double v, double x, double *j, double *y)
{
    double re[PT_ORDERS], im[PT_ORDERS];
    pt__hankel_far(n, 0, v, x, 2, re, im);
    const double turn = 0.5 * v + 0.25, ct = pt__cosine_turn(turn), st = pt__sine_turn(turn);
    const double size = 0.7978845608028654, cx = cos(x), sx = sin(x);
    const double er = size * (cx * ct + sx * st), ei = size * (sx * ct - cx * st);
    for (int k = 0; k <= n; k++) {
        double sum_re = 0.0, sum_im = 0.0, choose = 1.0, power = 1.0;
        for (int i = 0; i <= k; i++) {      /* (-i pi / 2)^i of the exponential */
            const double a = choose * power * re[k - i], b = choose * power * im[k - i];
            const int quarter = i & 3;
            sum_re += quarter == 0 ? a : quarter == 1 ? b : quarter == 2 ? -a : -b;
            sum_im += quarter == 0 ? b : quarter == 1 ? -a : quarter == 2 ? -b : a;
            choose = choose * (k - i) / (i + 1);
            power *= 0.5 * PT_PI;
        }
        j[k] = er * sum_re - ei * sum_im;
        y[k] = er * sum_im + ei * sum_re;
    }
}
PT_FN int pt__hankel_is_far(double v, double x)
{
    return x >= PT_HANKEL_FAR && v * v <= x;
}

/* The n-th derivative of wave(v) b(v), for the derivatives b[k] of b. */
PT_FN_CALLED double pt__wave_product(int n, int cosine, double v, const double *b)
{
    double sum = 0.0, choose = 1.0;
    for (int k = 0; k <= n; k++) {
        const double wave = pt__wave(k, cosine, v);
        sum += wave == 0.0 ? 0.0 : choose * wave * b[n - k];
        choose = choose * (n - k) / (k + 1);
    }
    return sum;
}

/* Whether there is a derivative; else *limit is its value. At x = 0 the functions that are powers
 * of x there are 0 for positive orders, and have powers of log(x) as slopes at the order 0. */
PT_FN_CALLED int pt__has_orders(double n, double v, double x, int power, double *limit)
{
    const double sign = ((int)(n < 9.0 ? n : 0.0)) & 1 ? -1.0 : 1.0;
    *limit = PT_NAN;
    if (!(n >= 0.0 && n < (double)PT_ORDERS) || v != v || !(x >= 0.0) || PT_ABS(v) == PT_INF)
        return 0;
    if (x == 0.0 && power && v >= 0.0)
        *limit = v > 0.0 ? 0.0 : n == 0.0 ? 1.0 : sign * PT_INF;
    if (x == PT_INF)
        *limit = 0.0;
    return x > 0.0 && x < PT_INF;
}

PT_FN pt__pair pt__exponent(double top, double shift)
{
    pt__pair e;
    e.hi = pt__two_sum(top, shift, &e.lo);
    return e;
}

/* J_v(x), or with `second` Y_v(x), differentiated n times in v. */
PT_FN_CALLED double pt__cylinder_order(double n, double v, double x, int second)
{
    double limit, j[PT_ORDERS] = {0}, y[PT_ORDERS] = {0}, top_j = 0.0, top_y = 0.0;
    if (!pt__has_orders(n, v, x, !second, &limit))
        return limit;
    const int count = (int)n;
    const double a = PT_ABS(v);
    if (pt__hankel_is_far(a, x)) {
        pt__hankel_waves(count, a, x, j, y);
    } else {
        if (second || v < 0.0 || a <= x)
            top_j = top_y = pt__hankel_orders(count, a, x, j, y);
        if (a > x)
            top_j = pt__falling_orders(count, 0, a, x, 0, j);
    }
    const pt__pair of_j = pt__exponent(top_j, 0.0), of_y = pt__exponent(top_y, 0.0);
    if (v >= 0.0)
        return second ? pt__times_exp(y[count], of_y) : pt__times_exp(j[count], of_j);
    /* DLMF 10.4.5 and 10.4.6 */
    const double in_j = pt__wave_product(count, !second, a, j);
    const double in_y = pt__wave_product(count, second, a, y), sign = second ? 1.0 : -1.0;
    const double value = (in_j == 0.0 ? 0.0 : pt__times_exp(in_j, of_j))
        + (in_y == 0.0 ? 0.0 : sign * pt__times_exp(in_y, of_y));
    return count & 1 ? -value : value;
}

/* K_v(x), or with `scaled` exp(x) K_v(x), differentiated n times in v and m times in x. */
PT_FN_CALLED double pt__k_order(double n, double m, double v, double x, int scaled)
{
    double limit, k[PT_ORDERS] = {0}, none[PT_ORDERS], top = 0.0;
    if (!(m >= 0.0 && m < 64.0))
        return PT_NAN;
    const int count = (int)n, times = (int)m;
    if (!pt__has_orders(n, v, x, 0, &limit)) {
        const double sign = (times & 1) != (v < 0.0 && (count & 1)) ? -1.0 : 1.0;
        return x == 0.0 && v == v && n >= 0.0 ? (v == 0.0 && (count & 1) ? 0.0 : sign * PT_INF)
            : limit;
    }
    const double a = PT_ABS(v);
    if (pt__hankel_is_far(a, x)) {
        pt__hankel_far(count, times, a, x, 1, k, none);
        k[count] *= 1.2533141373155003;     /* sqrt(pi / 2) */
    } else {
        top = pt__k_orders(count, times, a, x, k);
    }
    const double value = pt__times_exp(k[count], pt__exponent(top, scaled ? 0.0 : -x));
    return v < 0.0 && (count & 1) ? -value : value;
}

/* exp(-x) I_v(x), or without `scaled` I_v(x), differentiated so. */
PT_FN_CALLED double pt__i_order(double n, double m, double v, double x, int scaled)
{
    double limit, i[PT_ORDERS] = {0}, k[PT_ORDERS] = {0}, none[PT_ORDERS], top = 0.0;
    if (!(m >= 0.0 && m < 64.0))
        return PT_NAN;
    if (!pt__has_orders(n, v, x, 1, &limit))
        return limit;
    const int count = (int)n, times = (int)m;
    const double a = PT_ABS(v);
    if (pt__hankel_is_far(a, x)) {
        pt__hankel_far(count, times, a, x, -1, i, none);
        i[count] *= 0.3989422804014327;     /* 1 / sqrt(2 pi) */
    } else {
        top = pt__falling_orders(count, times, a, x, 1, i);
    }
    double value = pt__times_exp(i[count], pt__exponent(top, scaled ? 0.0 : x));
    if (v < 0.0 && !pt__hankel_is_far(a, x)) {
        /* DLMF 10.27.2. In x, exp(-2 x) is differentiated with exp(x) K. */
        double choose = 2.0 / PT_PI;
        for (int rest = times; rest >= 0; rest--) {
            top = pt__k_orders(count, rest, a, x, k);
            const double other = pt__wave_product(count, 0, a, k);
            if (other != 0.0)
                value += choose * pt__times_exp(other, pt__exponent(top, scaled ? -2.0 * x : -x));
            choose *= -2.0 * rest / (times - rest + 1);
        }
    }
    return v < 0.0 && (count & 1) ? -value : value;
}

/* The functions that plans call: the n-th derivatives in v of J, Y, I and K, and with the m-th in x
 * those of exp(-x) I and exp(x) K. */
PT_FN double pt_jv_order(double n, double v, double x) { return pt__cylinder_order(n, v, x, 0); }
PT_FN double pt_yv_order(double n, double v, double x) { return pt__cylinder_order(n, v, x, 1); }
PT_FN double pt_iv_order(double n, double v, double x) { return pt__i_order(n, 0.0, v, x, 0); }
PT_FN double pt_kv_order(double n, double v, double x) { return pt__k_order(n, 0.0, v, x, 0); }

#endif
