/* Bessel functions of real order and their derivatives in the order, for x > 0; and I_v.
 *
 * Each is an integral of exp(f(t)) along a contour (DLMF 10.9.17, 10.9.18, 10.32.9, 10.32.12), in
 * which the order v stands as exp(-v t) alone: the n-th derivative has the factor (-t)^n. The
 * contours pass close to the saddles of f, so that nothing cancels, and are analytic with
 * integrands that fall off double exponentially, so that the trapezoid rule converges
 * exponentially. Errors are a few eps, times x or |v| where these are large. At most the eighth
 * derivative.
 */
#ifndef PT_BESSEL_H
#define PT_BESSEL_H

#include "pt_gamma.h"

#define PT_ORDERS 9              /* the function and its derivatives */
#define PT_FALL (-44.0)          /* logarithm of terms that are left out */
#define PT_MOST_TERMS 20000

PT_FN_CALLED double pt__sine_turn(double v)
{
    const double r = v - 2.0 * PT_RINT(0.5 * v), a = PT_ABS(r);
    return PT_COPYSIGN(sin(PT_PI * (a > 0.5 ? 1.0 - a : a)), r);
}
PT_FN_CALLED double pt__cosine_turn(double v)
{
    const double a = PT_ABS(v - 2.0 * PT_RINT(0.5 * v));
    return sin(PT_PI * (0.5 - a));
}
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
 */
PT_FN_CALLED void pt__hankel_orders(int n, double v, double x, double *j, double *y)
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
    const double phase = inside ? x * sine - v * angle : 0.0;
    const double scale = h / PT_PI * exp(top), c = cos(phase) * scale, d = sin(phase) * scale;
    for (int k = 0; k <= n; k++) {
        j[k] = c * im[k] + d * re[k];
        y[k] = d * im[k] - c * re[k];
    }
}

/* J_v(x) for v > x, or with `modified` exp(-x) I_v(x), and derivatives in the order v >= 0: the
 * contour of DLMF 10.9.17 (10.32.12), t = a(phi) + i phi with sinh or cosh of a = (m / x) phi /
 * sin(phi), where m is v, or some more where the saddles would meet; phi = 4 atan(tanh(u / 2)). */
PT_FN_CALLED void pt__falling_orders(int n, double v, double x, int modified, double *out)
{
    double m = modified ? (x > 1.0 ? sqrt(x) : 1.0) : x + cbrt(x);
    m = v > m ? v : m;
    const double root = sqrt(modified ? m * m + x * x : (m - x) * (m + x));
    double h = 0.19 / sqrt(root);
    h = h < 0.12 ? h : 0.12;
    double re[PT_ORDERS] = {0}, im[PT_ORDERS] = {0};
    double top = 0.0;
    for (int k = 0; k < PT_MOST_TERMS; k++) {
        const double u = h * k, t = tanh(u), sech = 1.0 / cosh(u);
        const double phi = 4.0 * atan(tanh(0.5 * u));
        const double sin_phi = 2.0 * t * sech, cos_phi = sech * sech - t * t;
        const double q = k ? phi / sin_phi : 1.0;
        const double bend = k ? (1.0 - q * cos_phi) / sin_phi : 0.0, mq = m * q;
        const double r = sqrt(modified ? mq * mq + x * x : (mq - x) * (mq + x));
        const double beyond = modified ? mq * mq / (r + x) : r;  /* r - x, or r */
        const double a = pt__log_quotient(mq + r, modified ? mq + beyond : (mq - x) + r, x);
        /* 1 - cos(phi) is 2 t^2. */
        const double real = beyond * cos_phi - v * a - (modified ? 2.0 * x * t * t : 0.0);
        if (k == 0)
            top = real;
        if (!(real - top > PT_FALL) && k)
            break;
        const double turn = (m - v) * phi, size = exp(real - top) * 2.0 * sech * (k ? 1.0 : 0.5);
        const double c = size * cos(turn), d = size * sin(turn), slope = m * bend / r;
        pt__add_orders(n, slope * c - d, c + slope * d, a, phi, re, im);
    }
    for (int k = 0; k <= n; k++)
        out[k] = im[k] * (h / PT_PI * exp(top));
}

/* exp(x) K_v(x) and derivatives in the order v >= 0 (DLMF 10.32.9). */
PT_FN_CALLED void pt__k_orders(int n, double v, double x, double *out)
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
            for (int order = 0; order <= n; order++, term *= t)
                sums[order] += term * (order & 1 ? 1.0 - other : 1.0 + other);
        }
    }
    for (int k = 0; k <= n; k++)
        out[k] = sums[k] * h * exp(top);
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

/* J_v(x), or with `second` Y_v(x), differentiated n times in v. */
PT_FN_CALLED double pt__cylinder_order(double n, double v, double x, int second)
{
    double limit, j[PT_ORDERS] = {0}, y[PT_ORDERS] = {0};
    if (!pt__has_orders(n, v, x, !second, &limit))
        return limit;
    const int count = (int)n;
    const double a = PT_ABS(v);
    if (second || v < 0.0 || a <= x)
        pt__hankel_orders(count, a, x, j, y);
    if (a > x)
        pt__falling_orders(count, a, x, 0, j);
    if (v >= 0.0)
        return second ? y[count] : j[count];
    /* DLMF 10.4.5 and 10.4.6 */
    const double value = second
        ? pt__wave_product(count, 0, a, j) + pt__wave_product(count, 1, a, y)
        : pt__wave_product(count, 1, a, j) - pt__wave_product(count, 0, a, y);
    return count & 1 ? -value : value;
}

/* The functions that plans call: the n-th derivatives in v of J, Y, exp(-x) I and exp(x) K. */
PT_FN double pt_bessel_j(double n, double v, double x) { return pt__cylinder_order(n, v, x, 0); }
PT_FN double pt_bessel_y(double n, double v, double x) { return pt__cylinder_order(n, v, x, 1); }
PT_FN_CALLED double pt_bessel_k(double n, double v, double x)
{
    double limit, k[PT_ORDERS];
    if (!pt__has_orders(n, v, x, 0, &limit))
        return x == 0.0 && v == v && n >= 0.0 ? (v == 0.0 ? ((int)n & 1 ? 0.0 : PT_INF)
            : v < 0.0 && (int)n & 1 ? -PT_INF : PT_INF) : limit;
    pt__k_orders((int)n, PT_ABS(v), x, k);
    return v < 0.0 && (int)n & 1 ? -k[(int)n] : k[(int)n];
}
PT_FN_CALLED double pt_bessel_i(double n, double v, double x)
{
    double limit, i[PT_ORDERS], k[PT_ORDERS];
    if (!pt__has_orders(n, v, x, 1, &limit))
        return limit;
    const int count = (int)n;
    const double a = PT_ABS(v);
    pt__falling_orders(count, a, x, 1, i);
    if (v >= 0.0)
        return i[count];
    /* DLMF 10.27.2 */
    pt__k_orders(count, a, x, k);
    const double value = i[count]
        + 2.0 / PT_PI * exp(-2.0 * x) * pt__wave_product(count, 0, a, k);
    return count & 1 ? -value : value;
}

/* exp(-x) I_v(x) for v > -1 and x > 0, or NaN where neither the power series (DLMF 10.25.2), of
 * positive terms, nor the expansion for large x (DLMF 10.40.1) is quick and exact. */
PT_FN_CALLED double pt__i_quickly(double v, double x, int scaled)
{
    const double q = 0.25 * x * x;
    if (x > 30.0 && v * v < x) {
        double sum = 1.0, term = 1.0;
        for (int k = 1; k < 60 && PT_ABS(term) > 1e-18; k++) {
            term *= -(4.0 * v * v - (2.0 * k - 1.0) * (2.0 * k - 1.0)) / (8.0 * x * k);
            sum += term;
        }
        const double half = scaled ? 1.0 : exp(0.5 * x);
        return sum / PT_SQRT(2.0 * PT_PI) / PT_SQRT(x) * half * half;
    }
    if (v > 150.0 || !(x <= 100.0 || q < 20.0 * (v + 1.0)))
        return PT_NAN;
    double sum = 1.0, term = 1.0;
    for (int k = 1; term > 1e-18 * sum; k++) {
        term *= q / (k * (k + v));
        sum += term;
    }
    const double fall = scaled ? x : 0.0, log_first = v * log(0.5 * x) - pt_lgamma(v + 1.0);
    if (log_first < -700.0)
        return exp(log_first - fall + log(sum));
    return pt_pow(0.5 * x, v) / pt_gamma(v + 1.0) * sum * exp(-fall);
}

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
    const double order = whole || v > -1.0 ? (whole ? a : v) : a;
    double value = pt__i_quickly(order, y, scaled), turned[PT_ORDERS];
    if (value != value) {
        pt__falling_orders(0, a, y, 1, turned);
        const double half = scaled ? 1.0 : exp(0.5 * y);
        value = turned[0] * half * half;
        if (!whole && v < 0.0 && v > -1.0)
            return pt_bessel_i(0.0, v, y) * half * half;
    }
    if (whole || v > -1.0 || y > 400.0)
        return sign * value;
    pt__k_orders(0, a, y, turned);      /* DLMF 10.27.2 */
    return value
        + 2.0 / PT_PI * exp(scaled ? -2.0 * y : -y) * pt__wave(0, 0, a) * turned[0];
}
PT_FN double pt_iv(double v, double x) { return pt__modified_first(v, x, 0); }
PT_FN double pt_ive(double v, double x) { return pt__modified_first(v, x, 1); }

#endif
