/* Parts and neighbours of floats: sign, mantissa, exponent, the next float. */
#ifndef PT_FLOATS_H
#define PT_FLOATS_H

#include "pt_elementary.h"

PT_FN double pt_copysign(double x, double y) { return PT_COPYSIGN(x, y); }

/* The mantissa in [0.5, 1) with the sign of x; 0, infinities and nan are their own. */
PT_FN double pt_mantissa(double x)
{
    const double a = PT_ABS(x);
    const uint64_t u = pt__bits(a < PT_DBL_MIN ? x * 0x1p54 : x);
    const double m = pt__from_bits((u & 0x800fffffffffffffu) | 0x3fe0000000000000u);
    return a > 0.0 && a < PT_INF ? m : x;
}

/* The integer e with x = mantissa * 2^e; 0 at 0, infinities and nan. */
PT_FN double pt_exponent(double x)
{
    const double a = PT_ABS(x);
    const int small = a < PT_DBL_MIN;
    const uint64_t u = pt__bits(small ? a * 0x1p54 : a);
    const double e = pt__from_bits((u >> 52) | 0x4330000000000000u) - 0x1p52;
    return a > 0.0 && a < PT_INF ? e - (small ? 1076.0 : 1022.0) : 0.0;
}

/* x * 2^n for a whole number n, rounded once: the mantissa is scaled, to the least normal numbers
 * at most, and from there by one product. */
PT_FN double pt_ldexp(double x, double n)
{
    const double m = pt_mantissa(x);
    const double whole = n != n ? 0.0 : n;
    const double bounded = whole > 4400.0 ? 4400.0 : whole < -4400.0 ? -4400.0 : whole;
    const double e = pt_exponent(x) + bounded;
    const double kept = e > 1030.0 ? 1030.0 : e < -1090.0 ? -1090.0 : e;
    const double first = kept > 1023.0 ? 1023.0 : kept < -1021.0 ? -1021.0 : kept;
    return PT_ABS(m) < PT_INF ? (m * pt__pow2(first)) * pt__pow2(kept - first) : x;
}

/* The float next to x towards y. */
PT_FN double pt_nextafter(double x, double y)
{
    const uint64_t u = pt__bits(x);
    const double next = pt__from_bits((x < y) == (x > 0.0) ? u + 1 : u - 1);
    const double from_zero = PT_COPYSIGN(pt__from_bits(1), y);
    return x != x || y != y ? x + y : x == y ? y : x == 0.0 ? from_zero : next;
}

/* The same of single precision, for floats in double. */
PT_FN double pt_nextafter_single(double x, double y)
{
    const float given = (float)x;
    uint32_t u;
    memcpy(&u, &given, sizeof u);
    u = (x < y) == (x > 0.0) ? u + 1 : u - 1;
    float next;
    memcpy(&next, &u, sizeof next);
    const double from_zero = PT_COPYSIGN(0x1p-149, y);
    return x != x || y != y ? x + y : x == y ? y : x == 0.0 ? from_zero : (double)next;
}

/* log2(2^a + 2^b), as pt_logaddexp, with log 2 and its inverse in two parts. */
PT_FN double pt_logaddexp2(double a, double b)
{
    const double top = a > b ? a : b, bottom = a > b ? b : a;
    double rest, x_lo, k, p_lo, lost, low, q_lo, err;
    const double exact = pt__two_sum(bottom, -top, &rest);
    const double gap = a == b ? 0.0 : pt__clamp(exact, -1100.0, 0.0);
    rest = gap == exact ? rest : 0.0;
    const double x = pt__two_prod(gap, 0.6931471805599453, &x_lo);
    x_lo += gap * 2.3190468138462996e-17 + rest * 0.6931471805599453;
    const double p = pt__exp_parts(pt__clamp(x, -746.0, 0.0), x_lo, &k, &p_lo);
    const double e = pt__scale(p, k), e_lo = p_lo * pt__pow2(k > -1022.0 ? k : -1022.0);
    const double u = pt__fast_two_sum(1.0, e, &lost);
    const double high = pt__log_sum(u, lost + e_lo, &low);
    const double q = pt__two_prod(high, PT_LOG2_E, &q_lo);
    q_lo += high * 2.0355273740931033e-17 + low * PT_LOG2_E;
    const double sum = pt__two_sum(top, q, &err), edge = bottom == bottom ? top : bottom;
    return PT_ABS(top) < PT_INF ? sum + (err + q_lo) : edge;
}

/* Greatest common divisors (Euclid); 0 of 0 and 0. */
PT_FN uint64_t pt_ugcd(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}
PT_FN int64_t pt_igcd(int64_t a, int64_t b)
{
    const uint64_t u = (uint64_t)a, v = (uint64_t)b;
    return (int64_t)pt_ugcd(a < 0 ? 0u - u : u, b < 0 ? 0u - v : v);
}

#endif
