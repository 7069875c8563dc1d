/* Expansions of Bessel functions that have no integrals: for large orders or arguments.
 *
 * Debye's (DLMF 10.19(ii), 10.41(ii)) hold for any order where x^2 + v^2 (of K and I) or the
 * distance from the turning point x = v (of J and Y) is large; at v = 0 they are Hankel's for large
 * x. Their exponents and phases, which may be many times the size of the result, are in pairs.
 */
#ifndef PT_BESSEL_FAR_H
#define PT_BESSEL_FAR_H

#include "pt_pair.h"
#include "pt_trig.h"

#define PT_DEBYE_TERMS 14
#define PT_DEBYE_NEAR 40.0       /* sqrt(v^2 + x^2), or x, from which these terms suffice */
#define PT_DEBYE_FALL 75.0       /* twice the exponent of J_v(x) from which they do for v > x */

/* The sums of s^k T_2k and of s^k T_(2k+1), where T_k is u_k(p) / v^k for p^2 = t and p / v = 1 / r
 * (DLMF 10.41.10); s is 1 or -1. */
PT_FN_CALLED void pt__debye_sums(double r, double t, double s, double *even, double *odd)
{
    const double u[PT_DEBYE_TERMS * (PT_DEBYE_TERMS + 1) / 2] = {
        1.0, 0.125, -0.20833333333333334, 0.0703125, -0.4010416666666667, 0.3342013888888889,
        0.0732421875, -0.8912109375, 1.8464626736111112, -1.0258125964506173, 0.112152099609375,
        -2.3640869140625, 8.78912353515625, -11.207002616222994, 4.669584423426247,
        0.22710800170898438, -7.368794359479632, 42.53499874538846, -91.81824154324002,
        84.63621767460073, -28.212072558200244, 0.5725014209747314, -26.491430486951554,
        218.1905117442116, -699.5796273761325, 1059.9904525279999, -765.2524681411817,
        212.57013003921713, 1.7277275025844574, -108.09091978839466, 1200.9029132163525,
        -5305.646978613403, 11655.393336864534, -13586.550006434138, 8061.722181737309,
        -1919.457662318407, 6.074042001273483, -493.915304773088, 7109.514302489364,
        -41192.65496889755, 122200.46498301746, -203400.17728041555, 192547.00123253153,
        -96980.59838863752, 20204.29133096615, 24.380529699556064, -2499.8304818112097,
        45218.76898136273, -331645.1724845636, 1268365.2733216248, -2813563.226586534,
        3763271.297656404, -2998015.9185381066, 1311763.6146629772, -242919.18790055133,
        110.01714026924674, -13886.08975371704, 308186.4046126624, -2785618.1280864547,
        13288767.166421818, -37567176.66076335, 66344512.27472903, -74105148.21153265,
        50952602.49266464, -19706819.118432228, 3284469.853072038, 551.3358961220206,
        -84005.43360302408, 2243768.1779224495, -24474062.72573873, 142062907.7975331,
        -495889784.2750303, 1106842816.8230145, -1621080552.1083372, 1553596899.57058,
        -939462359.6815784, 325573074.18576574, -49329253.66450996, 3038.090510922384,
        -549842.3275722887, 17395107.553978164, -225105661.88941526, 1559279864.8792574,
        -6563293792.619285, 17954213731.1556, -33026599749.800724, 41280185579.753975,
        -34632043388.158775, 18688207509.295826, -5866481492.051847, 814789096.1183121,
        18257.755474293175, -3871833.442572613, 143157876.71888897, -2167164983.223795,
        17634730606.83497, -87867072178.02327, 287900649906.1506, -645364869245.3765,
        1008158106865.3821, -1098375156081.2233, 819218669548.5773, -399096175224.4665,
        114498237732.0258, -14679261247.695616,
    };
    double sums[2] = {0.0, 0.0}, power = 1.0, sign = 1.0, size = 1.0;
    for (int k = 0, first = 0; k < PT_DEBYE_TERMS; first += ++k) {
        double term = u[first + k];
        for (int j = k - 1; j >= 0; j--)
            term = PT_MA(term, t, u[first + j]);
        term *= power;
        sums[k & 1] += sign * term;
        if (PT_ABS(term) + size < 1e-17)        /* twice: one may be a zero of its polynomial */
            break;
        size = PT_ABS(term);
        power /= r;
        sign = k & 1 ? s * sign : sign;
    }
    *even = sums[0];
    *odd = sums[1];
}

/* atan(t) for t >= 0, to 1e-21. */
PT_FN_CALLED pt__pair pt__pair_atan(pt__pair t)
{
    const double high[17] = {
        0.0, 0.06241880999595735, 0.12435499454676144, 0.18534794999569476, 0.24497866312686414,
        0.3028848683749714, 0.35877067027057225, 0.4124104415973873, 0.4636476090008061,
        0.5123894603107377, 0.5585993153435624, 0.6022873461349642, 0.6435011087932844,
        0.6823165548747481, 0.7188299996216245, 0.7531512809621944, 0.7853981633974483,
    };
    const double low[17] = {
        0.0, -1.5490756308295046e-18, -3.1253241424539383e-18, 4.180692268843079e-18,
        1.0698755618734451e-17, -1.1010827903001369e-17, -2.4623815582638635e-17,
        -1.587652227770689e-17, 2.2698777452961687e-17, -2.5462781472855804e-17,
        -5.4556305485916264e-18, 2.950430737228402e-17, 1.5834785051444286e-17,
        6.943223671560008e-18, -2.1478388444456983e-17, -2.4256934659182068e-17,
        3.061616997868383e-17,
    };
    const pt__pair one = {1.0, 0.0};
    const int over = t.hi > 1.0;
    t = over ? pt__pair_over(one, t) : t;
    const int k = (int)(16.0 * t.hi + 0.5);
    const pt__pair c = {k / 16.0, 0.0}, at = {high[k], low[k]};
    const pt__pair u = pt__pair_over(pt__pair_less(t, c), pt__pair_add(one, pt__pair_times(t, c)));
    const double z = u.hi * u.hi;
    const double rest = u.hi * z * (-1.0 / 3.0 + z * (0.2 + z * (-1.0 / 7.0 + z * (1.0 / 9.0
        + z * (-1.0 / 11.0 + z * (1.0 / 13.0))))));
    const pt__pair small = {rest, 0.0}, right = {1.5707963267948966, 6.123233995736766e-17};
    const pt__pair angle = pt__pair_add(at, pt__pair_add(u, small));
    return over ? pt__pair_less(right, angle) : angle;
}

/* (a - b)(a + b) for a >= b >= 0. */
PT_FN_CALLED pt__pair pt__pair_squares(double a, double b)
{
    pt__pair sum, difference;
    difference.hi = pt__two_sum(a, -b, &difference.lo);
    sum.hi = pt__two_sum(a, b, &sum.lo);
    return pt__pair_times(difference, sum);
}

/* What divides numbers that are squared, or the squares would be infinite or 0. */
PT_FN double pt__square_scale(double largest)
{
    return largest > 1e140 ? 2.409919865102884e-181 : 1.0;
}

/* sqrt(x^2 - v^2) - v acos(v / x) for 0 <= v < x, and *root, its first part. */
PT_FN_CALLED pt__pair pt__bessel_phase(double v, double x, double *root)
{
    const double scale = pt__square_scale(x), a = x * scale, b = v * scale;
    pt__pair r = pt__pair_root(pt__pair_squares(a, b));
    const pt__pair order = {v, 0.0}, down = {b, 0.0};
    r.hi /= scale;
    r.lo /= scale;
    *root = r.hi;
    if (b == 0.0)
        return r;
    const pt__pair whole = {r.hi * scale, r.lo * scale};
    return pt__pair_less(r, pt__pair_times(order, pt__pair_atan(pt__pair_over(whole, down))));
}

/* v acosh(v / x) - sqrt(v^2 - x^2) for 0 < x < v, and *root, the last part; some number above 1e5
 * where v / x is beyond all doubles. */
PT_FN_CALLED pt__pair pt__bessel_fall(double v, double x, double *root)
{
    const double scale = pt__square_scale(v), a = v * scale, b = x * scale;
    const pt__pair far = {1e6, 0.0}, order = {v, 0.0}, at = {b, 0.0}, top = {a, 0.0};
    if (v > 1e300 * x || b == 0.0) {
        *root = v;
        return far;
    }
    pt__pair r = pt__pair_root(pt__pair_squares(a, b));
    const pt__pair log = pt__pair_log(pt__pair_over(pt__pair_add(top, r), at));
    r.hi /= scale;
    r.lo /= scale;
    *root = r.hi;
    return pt__pair_less(pt__pair_times(order, log), r);
}

/* v asinh(v / x) - v^2 / (x + r) for r = sqrt(v^2 + x^2), and *root = r: the logarithm of
 * sqrt(2 r / pi) exp(x) K_v(x) but for the series. */
PT_FN_CALLED pt__pair pt__modified_rise(double v, double x, double *root)
{
    const double scale = pt__square_scale(v > x ? v : x), a = v * scale, b = x * scale;
    const pt__pair far = {1e6, 0.0}, order = {v, 0.0}, at = {b, 0.0}, top = {a, 0.0};
    if (v * v <= x) {       /* small */
        const double q = v / x;
        *root = x * PT_SQRT(1.0 + q * q);
        return pt__pair_of(v * asinh(q) - v * (v / (x + *root)));
    }
    if (v > 1e300 * x || b == 0.0) {
        *root = v;
        return far;
    }
    pt__pair r = pt__pair_root(pt__pair_add(pt__pair_times(top, top), pt__pair_times(at, at)));
    const pt__pair sum = pt__pair_add(at, r);
    /* log((v + r) / x) = log1p(v (1 + v / (x + r)) / x) */
    const pt__pair part = pt__pair_over(top, sum), one = {1.0, 0.0};
    const pt__pair q = pt__pair_over(pt__pair_times(top, pt__pair_add(one, part)), at);
    const pt__pair log = pt__pair_log(pt__pair_add(one, q));
    *root = r.hi / scale;
    return pt__pair_times(order, pt__pair_less(log, part));
}

/* value exp(e) where neither may be a double alone. */
PT_FN_CALLED double pt__times_exp(double value, pt__pair e)
{
    if (!(PT_ABS(e.hi) < 5000.0))
        return e.hi > 0.0 ? value * PT_INF : value * 0.0;
    double k, low;
    const double part = pt__exp_parts(e.hi, e.lo, &k, &low);
    return ldexp(value * (part + low), (int)k);
}

/* sin(pi v) and cos(pi v). */
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

/* The cosine and sine of the phase of J and Y less pi / 4 (DLMF 10.18, of large x), for
 * 0 <= v < x, and *root = sqrt(x^2 - v^2). */
PT_FN_CALLED void pt__bessel_angle(double v, double x, double *root, double *cosine, double *sine)
{
    double c = cos(x), s = sin(x), cr, sr;
    if (v * v <= x) {       /* x less v pi / 2 and some more, of which x may be many turns */
        const double q = v / x, far = x + PT_SQRT(1.0 - q * q) * x, half = 0.5 * v;
        const double more = v * asin(q) - v * (v / far);
        const double ch = pt__cosine_turn(half), sh = pt__sine_turn(half);
        const double cm = cos(more), sm = sin(more);
        *root = PT_SQRT(1.0 - q * q) * x;
        cr = ch * cm + sh * sm;
        sr = ch * sm - sh * cm;
    } else {
        const pt__pair phase = pt__bessel_phase(v, x, root);
        c = cos(phase.hi);
        s = sin(phase.hi);
        cr = cos(phase.lo);
        sr = sin(phase.lo);
    }
    const double ca = c * cr - s * sr, sa = s * cr + c * sr, half_root = 0.7071067811865476;
    *cosine = half_root * (ca + sa);
    *sine = half_root * (sa - ca);
}

/* J and Y for 0 <= v < x where Debye's expansions hold (DLMF 10.19.6). */
PT_FN_CALLED void pt__cylinder_waves(double v, double x, double *j, double *y)
{
    double r, c, s, even, odd;
    pt__bessel_angle(v, x, &r, &c, &s);
    pt__debye_sums(r, -(v / r) * (v / r), -1.0, &even, &odd);
    const double size = 0.7978845608028654 / PT_SQRT(r);    /* sqrt(2 / pi) */
    *j = size * (c * even + s * odd);
    *y = size * (s * even - c * odd);
}

/* J and Y for v > x by the same expansions (DLMF 10.19.3), which hold if the result is 1. */
PT_FN_CALLED int pt__cylinder_falls(double v, double x, double *j, double *y)
{
    double r, even, odd;
    if (!(v > x && v >= 20.0))
        return 0;
    const pt__pair fall = pt__bessel_fall(v, x, &r);
    if (!(2.0 * fall.hi > PT_DEBYE_FALL))
        return 0;
    pt__debye_sums(r, (v / r) * (v / r), 1.0, &even, &odd);
    const double size = 0.3989422804014327 / PT_SQRT(r);    /* 1 / sqrt(2 pi) */
    *j = pt__times_exp(size * (even + odd), pt__pair_minus(fall));
    *y = pt__times_exp(-2.0 * size * (even - odd), fall);
    return 1;
}

/* exp(x) K_v(x), or with `first` exp(-x) I_v(x), times exp(shift), for v >= 0 and x > 0 where
 * x^2 + v^2 is large (DLMF 10.41.3, 10.41.4). */
PT_FN_CALLED double pt__modified_far(double v, double x, int first, double shift)
{
    double r, even, odd;
    const pt__pair rise = pt__modified_rise(v, x, &r), more = {shift, 0.0};
    pt__debye_sums(r, (v / r) * (v / r), 1.0, &even, &odd);
    const double size = (first ? 0.3989422804014327 : 1.2533141373155003) / PT_SQRT(r);
    return pt__times_exp(size * (first ? even + odd : even - odd),
                         pt__pair_add(first ? pt__pair_minus(rise) : rise, more));
}

#endif
