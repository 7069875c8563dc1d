/* sin, cos, tan and their inverses.
 *
 * Up to 2^30 the argument is reduced by pi/2 in three parts, exactly enough for the
 * double nearest to a multiple of it (Cody and Waite 1980); past that, which is
 * rare, libm is called (PT_FAR).
 */
#ifndef PT_TRIG_H
#define PT_TRIG_H

#include "pt_base.h"

#define PT_TRIG_NEAR 1073741824.0

PT_FAR double pt__sin_far(double x) {
    return PT_ABS(x) < PT_TRIG_NEAR ? -0.0 : sin(x);
}

PT_FAR double pt__cos_far(double x) {
    return PT_ABS(x) < PT_TRIG_NEAR ? -0.0 : cos(x);
}

PT_FAR double pt__tan_far(double x) {
    return PT_ABS(x) < PT_TRIG_NEAR ? -0.0 : tan(x);
}

/* x = n pi/2 + r + *low for |x| < 2^30; the last two bits of *quadrant are those of n. */
PT_FN double pt__trig_reduce(double x, double *low, uint64_t *quadrant) {
    double rounded = PT_MA(x, 0.6366197723675814, PT_ROUNDER);
    double n = rounded - PT_ROUNDER;
    *quadrant = pt__bits(rounded);
    double err;
    double product = pt__two_prod(n, 1.5707963267948966, &err);
    double high = (x - product) - err;
    double second = pt__two_prod(n, 6.123233995736766e-17, &err);
    double lost;
    double sum = pt__two_sum(high, -second, &lost);
    double rest = PT_MA(n, 1.4973849048591698e-33, lost - err);
    return pt__fast_two_sum(sum, rest, low);
}

/* sin(r + r_lo) and cos(r + r_lo) = result + *low for |r| <= pi/4. */
PT_FN double pt__sin_kernel(double r, double r_lo, double *low) {
    double z = r * r;
    double z2 = z * z;
    double first = pt__p4(z, z2, -0.16666666666666666, 0.008333333333330946,
                        -0.0001984126983675497, 2.755731610068303e-06);
    double s = PT_MA(pt__p2(z, -2.5051131455427946e-08, 1.591810123027412e-10), z2 * z2, first);
    return pt__fast_two_sum(r, PT_MA(r * z, s, PT_MA(-0.5 * z, r_lo, r_lo)), low);
}

PT_FN double pt__cos_kernel(double r, double r_lo, double *low) {
    double z = r * r;
    double z2 = z * z;
    double first = pt__p4(z, z2, 0.041666666666666664, -0.0013888888888887395,
                        2.4801587298763433e-05, -2.7557317270560326e-07);
    double c = PT_MA(pt__p2(z, 2.0876146024689747e-09, -1.1382614868556325e-11), z2 * z2, first);
    double half = 0.5 * z;
    double high = 1.0 - half;
    double rest = ((1.0 - high) - half) + PT_MA(z2, c, -r * r_lo);
    return pt__fast_two_sum(high, rest, low);
}

/* sin for shift 0, cos for shift 1. */
PT_FN double pt__sin_quadrant(double x, uint64_t shift) {
    double r_lo;
    uint64_t n;
    double r = pt__trig_reduce(x, &r_lo, &n);
    n += shift;
    double low;
    double sine = pt__sin_kernel(r, r_lo, &low);
    double cosine = pt__cos_kernel(r, r_lo, &low);
    double value = (n & 1) ? cosine : sine;
    return pt__from_bits(pt__bits(value) ^ ((n & 2) << 62));
}

PT_FN double pt_sin(double x) {
    double near = pt__sin_quadrant(PT_ABS(x) < PT_TRIG_NEAR ? x : 0.0, 0);
    near = PT_ABS(x) < 1e-8 ? x : near;
    return (PT_ABS(x) < PT_TRIG_NEAR ? near : -0.0) + pt__sin_far(x);
}

PT_FN double pt_cos(double x) {
    double near = pt__sin_quadrant(PT_ABS(x) < PT_TRIG_NEAR ? x : 0.0, 1);
    return (PT_ABS(x) < PT_TRIG_NEAR ? near : -0.0) + pt__cos_far(x);
}

/* sin / cos, or -cos / sin in odd quadrants, of two-part values. */
PT_FN double pt__tan_near(double x) {
    double r_lo;
    uint64_t n;
    double r = pt__trig_reduce(x, &r_lo, &n);
    double sine_lo;
    double sine = pt__sin_kernel(r, r_lo, &sine_lo);
    double cosine_lo;
    double cosine = pt__cos_kernel(r, r_lo, &cosine_lo);
    double top = (n & 1) ? -cosine : sine;
    double top_lo = (n & 1) ? -cosine_lo : sine_lo;
    double bottom = (n & 1) ? sine : cosine;
    double bottom_lo = (n & 1) ? sine_lo : cosine_lo;
    double q = top / bottom;
    double err;
    double back = pt__two_prod(q, bottom, &err);
    return q + (((top - back) - err) + PT_MA(-q, bottom_lo, top_lo)) / bottom;
}

PT_FN double pt_tan(double x) {
    double near = pt__tan_near(PT_ABS(x) < PT_TRIG_NEAR ? x : 0.0);
    near = PT_ABS(x) < 1e-8 ? x : near;
    return (PT_ABS(x) < PT_TRIG_NEAR ? near : -0.0) + pt__tan_far(x);
}

/* ---- inverses: all are the angle of a two-part quotient ---- */

/* (atan(t) - t) / t^3 for z = t^2, |t| <= tan(pi/8). */
PT_FN double pt__atan_series(double z) {
    double z2 = z * z;
    double z4 = z2 * z2;
    double low = pt__p8(z, z2, z4, -0.3333333333333333, 0.19999999999995516,
                        -0.14285714284665682, 0.11111111015187018, -0.0909090457530649,
                        0.07692183125376892, -0.06664510525508936, 0.05858140904866328);
    double high = PT_MA(-0.019175404711104935, z2,
                        pt__p2(z, -0.050854078345894844, 0.03923044778479309));
    return PT_MA(high, z4 * z4, low);
}

/* atan((n + n_lo) / (d + d_lo)) = result + *low for n, d >= 0 in [0, 1e300], not both 0:
 * rotated by 0, pi/4 or pi/2 to a quotient t with |t| <= tan(pi/8). */
PT_FN double pt__angle(double n, double n_lo, double d, double d_lo, double *low) {
    int far = n > 2.414213562373095 * d;
    int near = n < 0.41421356237309503 * d;
    double gap_lo;
    double gap = pt__two_sum(n, -d, &gap_lo);
    double both_lo;
    double both = pt__two_sum(n, d, &both_lo);
    double top = near ? n : gap;
    double top_lo = near ? n_lo : gap_lo + (n_lo - d_lo);
    double bottom = near ? d : both;
    double bottom_lo = near ? d_lo : both_lo + (n_lo + d_lo);
    double turns = near ? 0.0 : 1.0;
    top = far ? -d : top;
    top_lo = far ? -d_lo : top_lo;
    bottom = far ? n : bottom;
    bottom_lo = far ? n_lo : bottom_lo;
    turns = far ? 2.0 : turns;
    double t = top / bottom;
    double err;
    double back = pt__two_prod(t, bottom, &err);
    double t_lo = (((top - back) - err) + PT_MA(-t, bottom_lo, top_lo)) / bottom;
    t_lo = PT_ABS(top) > 1e-280 ? t_lo : 0.0;
    double z = t * t;
    double sum = pt__two_sum(turns * 0.7853981633974483, t, &err);
    double rest = PT_MA(t_lo, 1.0 - z, turns * 3.061616997868383e-17) + err;
    *low = PT_MA(t * z, pt__atan_series(z), rest);
    return sum;
}

/* sqrt(1 - a^2) = result + *low; nan past 1. */
PT_FN double pt__cathetus(double a, double *low) {
    double square_lo;
    double square = pt__two_prod(a, a, &square_lo);
    double err;
    double high = pt__two_sum(1.0, -square, &err);
    double root = PT_SQRT(high + (err - square_lo));
    double lost;
    double back = pt__two_prod(root, root, &lost);
    double rest = ((high - back) - lost) + (err - square_lo);
    *low = root > 0.0 ? rest / (2.0 * root) : 0.0;
    return root;
}

PT_FN double pt_atan(double x) {
    double a = PT_ABS(x);
    double low;
    double high = pt__angle(a < 1e300 ? a : 1e300, 0.0, 1.0, 0.0, &low);
    double value = a <= PT_INF ? high + low : x;
    return PT_COPYSIGN(a < 1e-8 ? a : value, x);
}

PT_FN double pt_asin(double x) {
    double a = PT_ABS(x);
    double root_lo;
    double root = pt__cathetus(a, &root_lo);
    double low;
    double high = pt__angle(a, 0.0, root, root_lo, &low);
    return a < 1e-8 ? x : PT_COPYSIGN(high + low, x);
}

PT_FN double pt_acos(double x) {
    double root_lo;
    double root = pt__cathetus(x, &root_lo);
    double low;
    double high = pt__angle(root, root_lo, PT_ABS(x), 0.0, &low);
    double err;
    double obtuse = pt__fast_two_sum(PT_PI, -high, &err);
    return x < 0.0 ? obtuse + (err + (PT_PI_LO - low)) : high + low;
}

/* Infinite arguments become 1, finite ones 0 beside them; others are scaled against overflow. */
PT_FN double pt_atan2(double y, double x) {
    double n = PT_ABS(y);
    double d = PT_ABS(x);
    double longest = n > d ? n : d;
    double scale = longest > 1e290 ? 7.888609052210118e-31 : 1.0;
    scale = longest < 1e-250 ? 2.037035976334486e+90 : scale;
    double infinite = longest == PT_INF ? 1.0 : 0.0;
    double top = infinite > 0.0 ? (n == PT_INF ? 1.0 : n * 0.0) : n * scale;
    double bottom = infinite > 0.0 ? (d == PT_INF ? 1.0 : d * 0.0) : d * scale;
    bottom = n == 0.0 && d == 0.0 ? 1.0 : bottom;
    double low;
    double high = pt__angle(top, 0.0, bottom, 0.0, &low);
    double err;
    double obtuse = pt__fast_two_sum(PT_PI, -high, &err);
    obtuse = obtuse + (err + (PT_PI_LO - low));
    double value = PT_COPYSIGN(1.0, x) < 0.0 ? obtuse : high + low;
    return x == x ? PT_COPYSIGN(value, y) : x;
}

#endif
