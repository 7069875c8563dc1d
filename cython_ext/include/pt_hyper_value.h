/* Gauss's hypergeometric function F(a, b; c; z) for z <= 1 (DLMF chapter 15).
 *
 * The power series is used up to 3/4, for z < 0 after Pfaff's transformation (DLMF 15.8.1), which
 * leads to [0, 1), and next to 1 the differential equation is solved from there. Sums bound their
 * rounding: where terms cancel, another transformation is tried, then a sum of pairs of doubles.
 */
#ifndef PT_HYPER_VALUE_H
#define PT_HYPER_VALUE_H

#include "pt_pair.h"
#include "pt_gamma.h"

#define PT_GAUSS_TERMS 200000
#define PT_GAUSS_GOOD 2e-14     /* relative errors that are good enough to end the search */
#define PT_GAUSS_RESCALED 600   /* sums above 2^600 are divided by that */

/* p + k, where that may cancel. */
PT_FN double pt__pair_plus(pt__pair p, double k)
{
    return (p.hi + k) + p.lo;
}
PT_FN int pt__pair_is_pole(pt__pair p)
{
    return p.lo == 0.0 && p.hi <= 0.0 && p.hi == PT_RINT(p.hi);
}

/* ---- sums: value * 2^exponent, with a bound of the relative error ---- */

typedef struct { double value; int exponent; double error; } pt__sum;

typedef struct { pt__pair a, b, c, z; } pt__gauss;

PT_FN_CALLED pt__gauss pt__gauss_of(pt__pair a, pt__pair b, pt__pair c, pt__pair z)
{
    const pt__gauss f = {a, b, c, z};
    return f;
}

/* From which term on quotients of terms only fall: past the zeros of their factors. Of 20000 terms
 * the last ones do not matter. */
PT_FN_CALLED double pt__gauss_wait(const pt__gauss *f)
{
    double least = f->a.hi < f->b.hi ? f->a.hi : f->b.hi;
    least = f->c.hi < least ? f->c.hi : least;
    return least < -20000.0 ? 20000.0 : -least;
}

/* The power series (DLMF 15.2.1), in doubles. */
PT_FN_CALLED pt__sum pt__gauss_series(const pt__gauss *f)
{
    const double z = f->z.hi, wait = pt__gauss_wait(f);
    double term = 1.0, size = 1.0, weight = 0.0, low = 0.0;
    pt__sum sum = {1.0, 0, PT_INF};
    for (int k = 0; k < PT_GAUSS_TERMS; k++) {
        const double above = pt__pair_plus(f->a, k) * pt__pair_plus(f->b, k);
        const double ratio = above == 0.0 ? 0.0
            : above / (pt__pair_plus(f->c, k) * (k + 1.0)) * z;
        term *= ratio;
        double more;
        sum.value = pt__two_sum(sum.value, term, &more);
        low += more;
        size += PT_ABS(term);
        weight += k < 20 ? (k + 1.0) * PT_ABS(term) : 20.0 * PT_ABS(term);
        const double left = 1.0 - PT_ABS(ratio);    /* as in a geometric series */
        if (term == 0.0 || (PT_ABS(term) < 1e-17 * left * PT_ABS(sum.value) && k > wait)) {
            sum.value += low;
            sum.error = 1e-16 * (size + 2.0 * weight) / PT_ABS(sum.value);
            return sum;
        }
        if (size > 1e200) {
            const double less = ldexp(1.0, -PT_GAUSS_RESCALED);
            term *= less, sum.value *= less, low *= less, size *= less, weight *= less;
            sum.exponent += PT_GAUSS_RESCALED;
        }
        if (!(size < PT_INF))
            break;
    }
    return sum;
}

/* The same in pairs of doubles. */
PT_FN_CALLED pt__sum pt__gauss_pairs(const pt__gauss *f)
{
    const double wait = pt__gauss_wait(f);
    pt__pair term = pt__pair_of(1.0), total = term;
    double size = 1.0;
    pt__sum sum = {1.0, 0, PT_INF};
    for (int k = 0; k < PT_GAUSS_TERMS; k++) {
        const pt__pair at = pt__pair_of(k), next = pt__pair_of(k + 1.0);
        const pt__pair above = pt__pair_times(pt__pair_add(f->a, at), pt__pair_add(f->b, at));
        const pt__pair below = pt__pair_times(pt__pair_add(f->c, at), next);
        const pt__pair ratio = above.hi == 0.0 ? pt__pair_of(0.0)
            : pt__pair_times(pt__pair_over(above, below), f->z);
        term = pt__pair_times(term, ratio);
        total = pt__pair_add(total, term);
        size += PT_ABS(term.hi);
        const double left = 1.0 - PT_ABS(ratio.hi);
        if (term.hi == 0.0
            || (PT_ABS(term.hi) < 1e-18 * left * PT_ABS(total.hi) && k > wait)) {
            /* A zero of a polynomial of few terms, which cancel to the last digit of pairs. */
            const int vanishes = term.hi == 0.0 && PT_ABS(total.hi) < 1e-30 * size && size < 1e4;
            sum.value = vanishes ? 0.0 : total.hi;
            sum.error = sum.value == 0.0 ? 0.0 : 3e-16 + 1e-31 * size / PT_ABS(sum.value);
            return sum;
        }
        if (size > 1e200) {
            const pt__pair less = pt__pair_of(ldexp(1.0, -PT_GAUSS_RESCALED));
            term = pt__pair_times(term, less);
            total = pt__pair_times(total, less);
            size *= less.hi;
            sum.exponent += PT_GAUSS_RESCALED;
        }
        if (!(size < PT_INF))
            break;
    }
    return sum;
}

/* sum * y^s. */
PT_FN_CALLED void pt__sum_times_power(pt__sum *sum, double y, double y_lo, double s)
{
    const double half = pt_pow(y, 0.5 * s), most = 1e150;
    if (y == 0.0) {
        sum->value *= half;
        return;
    }
    if (half > 1.0 / most && half < most) {
        sum->value *= half;
        sum->value *= half * (1.0 + s * y_lo / y);
        sum->error += 4e-16;
        return;
    }
    double low;
    const double high = pt__log_pair(y, &low);
    double err, power_lo, tail, k;
    const double power = pt__two_prod(s, high, &err);
    const double p = pt__fast_two_sum(power, err + s * (low + y_lo / y), &power_lo);
    if (!(PT_ABS(p) < 1e6)) {
        sum->value = p < 0.0 ? sum->value * 0.0 : sum->value * PT_INF;
        return;
    }
    k = PT_RINT(p * PT_LOG2_E);
    tail = (p - k * PT_LN2_HI) + (power_lo - k * PT_LN2_LO);
    sum->value *= exp(tail);
    sum->exponent += (int)k;
    sum->error += 4e-16;
}

/* The better of a sum and another one, times y^s, where the first is not good already. */
PT_FN_CALLED void pt__gauss_try(pt__sum *best, const pt__gauss *f, int pairs, double y,
                                double y_lo, double s)
{
    if (best->error < PT_GAUSS_GOOD)
        return;
    pt__sum other = pairs ? pt__gauss_pairs(f) : pt__gauss_series(f);
    if (s != 0.0)
        pt__sum_times_power(&other, y, y_lo, s);
    if (other.error < best->error)
        *best = other;
}

/* F(a, b; c; z) for -3 <= z <= 3/4, where y = 1 - z. */
PT_FN_CALLED pt__sum pt__gauss_inside(const pt__gauss *f, pt__pair y)
{
    const pt__pair ca = pt__pair_less(f->c, f->a), cb = pt__pair_less(f->c, f->b);
    const pt__pair s = pt__pair_less(ca, f->b);
    const pt__pair turned = pt__pair_minus(pt__pair_over(f->z, y));
    pt__sum best = {PT_NAN, 0, PT_INF};
    for (int pairs = 0; pairs < 2; pairs++) {
        const int first_a = f->a.hi < f->b.hi;
        if (f->z.hi > -0.76)
            pt__gauss_try(&best, f, pairs, 1.0, 0.0, 0.0);
        if (f->z.hi > -0.76) {
            const pt__gauss euler = pt__gauss_of(ca, cb, f->c, f->z);
            pt__gauss_try(&best, &euler, pairs, y.hi, y.lo, s.hi);
        }
        for (int turn = 0; turn < 2 && f->z.hi < 0.43; turn++) {
            const int by_a = turn ? !first_a : first_a;
            const pt__gauss pfaff = by_a ? pt__gauss_of(f->a, cb, f->c, turned)
                                         : pt__gauss_of(ca, f->b, f->c, turned);
            pt__gauss_try(&best, &pfaff, pairs, y.hi, y.lo, by_a ? -f->a.hi : -f->b.hi);
        }
    }
    return best;
}

/* sum times gamma(x), or over it. Near a pole x counts with both its parts. */
PT_FN_CALLED void pt__sum_times_gamma(pt__sum *sum, pt__pair x, int over)
{
    const double whole = PT_RINT(x.hi), gap = x.hi - whole;
    double factor, power = 0.0;
    if (PT_ABS(x.hi) < 150.0) {
        factor = pt_gamma(x.hi);
    } else {
        const double log_of = pt_lgamma(x.hi);
        power = PT_RINT(log_of * PT_LOG2_E);
        factor = exp((log_of - power * PT_LN2_HI) - power * PT_LN2_LO);
        factor *= x.hi < 0.0 && pt_mod(x.hi, 2.0) > 1.0 ? -1.0 : 1.0;
        sum->error += 2e-16 * PT_ABS(log_of);
    }
    factor *= x.hi < 0.5 && gap != 0.0 ? gap / (gap + x.lo) : 1.0;
    if (factor != factor) {     /* a pole */
        sum->error = over ? sum->error : PT_INF;
        factor = PT_INF;
    }
    int size;
    sum->value = frexp(over ? sum->value / factor : sum->value * factor, &size);
    sum->exponent += size + (int)(over ? -power : power);
    sum->error += 1e-15;
}

/* F(a, b; c; 1 - y) for 0 < y < 1/4 by functions of y (DLMF 15.8.4): for c - a - b = s that is not
 * next to a whole number. */
PT_FN_CALLED pt__sum pt__gauss_connected(const pt__gauss *f, pt__pair s, double y)
{
    const pt__pair one = pt__pair_of(1.0), z = pt__pair_of(y), rest = pt__pair_less(one, z);
    const pt__pair ca = pt__pair_less(f->c, f->a), cb = pt__pair_less(f->c, f->b);
    const pt__gauss level = pt__gauss_of(f->a, f->b, pt__pair_less(one, s), z);
    const pt__gauss power = pt__gauss_of(ca, cb, pt__pair_add(one, s), z);
    pt__sum first = pt__gauss_inside(&level, rest), second = pt__gauss_inside(&power, rest);
    pt__sum_times_gamma(&first, f->c, 0);
    pt__sum_times_gamma(&first, s, 0);
    pt__sum_times_gamma(&first, ca, 1);
    pt__sum_times_gamma(&first, cb, 1);
    pt__sum_times_power(&second, y, 0.0, s.hi);
    pt__sum_times_gamma(&second, f->c, 0);
    pt__sum_times_gamma(&second, pt__pair_minus(s), 0);
    pt__sum_times_gamma(&second, f->a, 1);
    pt__sum_times_gamma(&second, f->b, 1);
    if (first.value == 0.0)
        return second;
    const int shift = second.exponent - first.exponent;
    if (second.value == 0.0 || shift < -200)
        return first;
    if (shift > 200)
        return second;
    const double other = ldexp(second.value, shift), total = first.value + other;
    const double error = first.error * PT_ABS(first.value) + second.error * PT_ABS(other);
    first.error = error / PT_ABS(total);
    first.value = total;
    return first;
}

/* How far a Taylor series at 1 - y goes of which no term is far above the sum. */
PT_FN_CALLED double pt__gauss_reach(double a, double b, double s, double y)
{
    const double z = 1.0 - y, product = z * y, level = PT_ABS(s - 1.0) + PT_ABS(a + b + 1.0) * y;
    const double near = 0.5 * (z < y ? z : y), mid = 4.0 * product / level;
    const double last = 4.0 * PT_SQRT(product / (1.0 + PT_ABS(a * b)));
    const double least = near < mid ? near : mid;
    return least < last ? least : last;
}

/* Whether solutions oscillate at 1 - y: by the sign of the equation's normal form, for differences
 * of exponents at infinity, 0 and 1. */
PT_FN int pt__gauss_oscillates(double far, double low, double high, double y)
{
    const double z = 1.0 - y;
    return (far * far - low * low - high * high - 1.0) * z * y
        > low * low * y * y + high * high * z * z;
}

/* F(a, b; c; 1 - y) for 0 < y < 1 and, next to 1, c >= a + b: by Taylor series of the solution of
 * the hypergeometric equation (DLMF 15.10.1) in steps from a place where the power series is good;
 * below 1e-20 by what the equation has left, a constant and a power of y. */
PT_FN_CALLED pt__sum pt__gauss_path(const pt__gauss *f, pt__pair s, double y)
{
    const double a = f->a.hi, b = f->b.hi, c = f->c.hi, last = 1e-20;
    const pt__pair one = pt__pair_of(1.0);
    double start = c < -2.0 ? 0.97 : 0.75, slope = 0.0;
    start = start < 1.0 - y ? start : 0.5 * (1.0 - y);
    pt__sum sum = {PT_NAN, 0, PT_INF};
    for (int k = 0; k < 12 && !(sum.error < 1e-12); k++, start *= 0.5) {
        const pt__pair place = pt__pair_of(start), rest = pt__pair_of(1.0 - start);
        const pt__gauss here = pt__gauss_of(f->a, f->b, f->c, place);
        const pt__gauss next = pt__gauss_of(pt__pair_add(f->a, one), pt__pair_add(f->b, one),
                                            pt__pair_add(f->c, one), place);
        const pt__sum rise = pt__gauss_inside(&next, rest);
        sum = pt__gauss_inside(&here, rest);
        const int shift = rise.exponent - sum.exponent;
        slope = a * b / c * ldexp(rise.value, shift < -3000 ? -3000 : shift);
        sum.error += rise.error * PT_ABS(slope / sum.value) * start * (1.0 - start);
    }
    double value = sum.value, y0 = 1.0 - 2.0 * start, most = PT_ABS(value);
    /* Of exponent 1 - c at 0 is the other solution. */
    sum.error *= c < 1.0 ? pt_pow((1.0 - y) / (1.0 - y0), 1.0 - c) : 1.0;
    for (int steps = 0; y0 > y && y0 > last && steps < 20000; steps++) {
        const double z0 = 1.0 - y0, reach = pt__gauss_reach(a, b, s.hi, y0);
        const double step = reach < y0 - y ? reach : y0 - y, scale = step / (z0 * y0);
        double before = value, term = slope * step, size = PT_ABS(value) + PT_ABS(term);
        slope = term;
        value += term;
        for (int k = 0, small = 0; k < 2000 && small < 3; k++) {
            const double level = (y0 - z0) * k + (s.hi - 1.0) + (a + b + 1.0) * y0;
            const double more = scale / (k + 2.0)
                * (step * pt__pair_plus(f->a, k) * pt__pair_plus(f->b, k) / (k + 1.0) * before
                   - level * term);
            before = term;
            term = more;
            value += term;
            slope += (k + 2.0) * term;
            size += PT_ABS(term);
            small = PT_ABS(term) > 1e-17 * PT_ABS(value)
                || (k + 2.0) * PT_ABS(term) > 1e-17 * PT_ABS(slope) ? 0 : small + 1;
        }
        slope /= step;
        y0 = reach < y0 - y ? y0 - reach : y;
        sum.error += 2e-16;
        /* Where solutions oscillate, errors fall with them. */
        most = size > most || pt__gauss_oscillates(a - b, 1.0 - c, s.hi, y0) ? size : most;
        if (!(size < 1e280))
            break;
    }
    if (y0 > last && y0 > y) {
        sum.error = PT_INF;
    } else if (y0 > y) {
        const double fall = log(y / y0);
        value -= slope * y0 * (s.hi == 0.0 ? fall : expm1(s.hi * fall) / s.hi);
    }
    sum.value = value;
    sum.error *= PT_ABS(value) < most ? most / PT_ABS(value) : 1.0;
    return sum;
}

/* F(a, b; c; 1 - y) with c >= a + b, by the better way. */
PT_FN_CALLED pt__sum pt__gauss_near_one(const pt__gauss *f, pt__pair s, double y)
{
    pt__sum sum = {PT_NAN, 0, PT_INF};
    if (PT_ABS(s.hi - PT_RINT(s.hi)) > 0.003 && y <= 0.25)
        sum = pt__gauss_connected(f, s, y);
    if (!(sum.error < 1e-13) && y > (f->c.hi < 0.0 ? 0.03 : 0.08)) {
        pt__gauss here = *f;
        here.z = pt__pair_of(1.0 - y);
        const pt__sum plain = pt__gauss_inside(&here, pt__pair_of(y));
        sum = plain.error < sum.error ? plain : sum;
    }
    if (sum.error < 1e-13)
        return sum;
    const pt__sum other = pt__gauss_path(f, s, y);
    return other.error < sum.error ? other : sum;
}

/* F(-n, b; c; x) for a whole number n: a polynomial. */
PT_FN_CALLED pt__sum pt__gauss_polynomial(double n, pt__pair b, pt__pair c, double x)
{
    const pt__pair one = pt__pair_of(1.0), z = pt__pair_of(x), y = pt__pair_less(one, z);
    const pt__pair a = pt__pair_of(-n), cb = pt__pair_less(c, b);
    const pt__pair rest = pt__pair_add(pt__pair_less(pt__pair_less(b, c), pt__pair_of(n)), one);
    pt__sum best = {PT_NAN, 0, PT_INF};
    if (PT_ABS(x) > 8.0 && n < PT_GAUSS_TERMS) {    /* DLMF 15.8.6, in powers of 1 / x */
        const pt__pair down = pt__pair_less(one, pt__pair_of(n));
        const pt__gauss turned = pt__gauss_of(a, pt__pair_less(down, c), pt__pair_less(down, b),
                                              pt__pair_over(one, z));
        for (int pairs = 0; pairs < 2; pairs++)
            pt__gauss_try(&best, &turned, pairs, 1.0, 0.0, 0.0);
        int size, power;
        const double part = -frexp(x, &size);
        for (int k = 0; k < n; k++) {
            const double factor = pt__pair_plus(b, k) / pt__pair_plus(c, k);
            best.value = frexp(best.value * part * factor, &power);
            best.exponent += power + size;
        }
        return best;
    }
    for (int pairs = 0; pairs < 2; pairs++) {
        const pt__gauss plain = pt__gauss_of(a, b, c, z);
        if (x < 0.0 && !pt__pair_is_pole(c)) {
            const pt__gauss pfaff = pt__gauss_of(a, cb, c, pt__pair_minus(pt__pair_over(z, y)));
            pt__gauss_try(&best, &pfaff, pairs, y.hi, y.lo, n);
        }
        pt__gauss_try(&best, &plain, pairs, 1.0, 0.0, 0.0);
        if (x > 0.5 && !pt__pair_is_pole(rest) && !pt__pair_is_pole(c) && n < 200.0) {
            const pt__gauss mirrored = pt__gauss_of(a, b, rest, y);     /* DLMF 15.8.7 */
            pt__sum other = pairs ? pt__gauss_pairs(&mirrored) : pt__gauss_series(&mirrored);
            for (int k = 0; k < n; k++)
                other.value *= pt__pair_plus(cb, k) / pt__pair_plus(c, k);
            if (other.error < best.error && !(best.error < PT_GAUSS_GOOD))
                best = other;
        }
    }
    return best;
}

/* 1 / gamma(x), which is 0 at the poles. */
PT_FN double pt__rgamma(double x)
{
    return x <= 0.0 && x == PT_RINT(x) ? 0.0 : 1.0 / pt_gamma(x);
}
PT_FN double pt__gamma_sign(double x)
{
    return x > 0.0 || pt_mod(x, 2.0) > 1.0 ? (x > 0.0 ? 1.0 : -1.0) : 1.0;
}

/* F(a, b; c; 1) (DLMF 15.4.20), or the limit for x -> 1 where c <= a + b. */
PT_FN_CALLED double pt__gauss_at_one(double a, double b, double c)
{
    const pt__pair ca = pt__pair_less(pt__pair_of(c), pt__pair_of(a));
    const pt__pair cb = pt__pair_less(pt__pair_of(c), pt__pair_of(b));
    const pt__pair s = pt__pair_less(ca, pt__pair_of(b));
    if (!(s.hi > 0.0))
        return pt__gamma_sign(c) * pt__gamma_sign(a) * pt__gamma_sign(b) * PT_INF;
    if (pt__pair_is_pole(ca) || pt__pair_is_pole(cb))
        return 0.0;
    const double most = PT_ABS(c) + PT_ABS(s.hi) + PT_ABS(ca.hi) + PT_ABS(cb.hi);
    if (most < 150.0)
        return (pt_gamma(c) * pt__rgamma(ca.hi)) * (pt_gamma(s.hi) * pt__rgamma(cb.hi));
    const double sign = pt__gamma_sign(c) * pt__gamma_sign(ca.hi) * pt__gamma_sign(cb.hi);
    return sign * exp((pt_lgamma(c) - pt_lgamma(ca.hi)) + (pt_lgamma(s.hi) - pt_lgamma(cb.hi)));
}

/* The degree of F(a, b; c; x), if it is a polynomial. */
PT_FN_CALLED double pt__gauss_degree(pt__pair a, pt__pair b)
{
    const double n = pt__pair_is_pole(a) ? -a.hi : PT_INF, m = pt__pair_is_pole(b) ? -b.hi : PT_INF;
    return n < m ? n : m;
}

/* F(a, b; c; x) for x < 1 or a polynomial. */
PT_FN_CALLED pt__sum pt__gauss_sum(double first, double second, double third, double x)
{
    const pt__pair one = pt__pair_of(1.0), c = pt__pair_of(third), z = pt__pair_of(x);
    const pt__pair a = pt__pair_of(first < second ? first : second);
    const pt__pair b = pt__pair_of(first < second ? second : first);
    const pt__pair ca = pt__pair_less(c, a), cb = pt__pair_less(c, b), y = pt__pair_less(one, z);
    const pt__pair s = pt__pair_less(ca, b);
    const double degree = pt__gauss_degree(a, b);
    double other = pt__gauss_degree(ca, cb);
    pt__sum sum;
    if (degree < PT_INF && (degree <= other || pt__pair_is_pole(c))) {
        sum = pt__gauss_polynomial(degree, -a.hi == degree ? b : a, c, x);
        if (sum.error < 1e-10 || x >= 1.0 || pt__pair_is_pole(c))
            return sum;
        other = PT_INF;
    }
    if (other < PT_INF) {       /* DLMF 15.8.1, Euler */
        sum = pt__gauss_polynomial(other, -ca.hi == other ? cb : ca, c, x);
        pt__sum_times_power(&sum, y.hi, y.lo, s.hi);
        return sum;
    }
    if (x >= -3.0 && x <= 0.75) {
        const pt__gauss here = pt__gauss_of(a, b, c, z);
        sum = pt__gauss_inside(&here, y);
        if (sum.error < 1e-11)
            return sum;
    }
    if (x < 0.0) {      /* Pfaff; c - a - (c - b) is b - a >= 0 */
        const pt__gauss turned = pt__gauss_of(a, cb, c, one);
        sum = pt__gauss_near_one(&turned, pt__pair_less(b, a), 1.0 / y.hi);
        pt__sum_times_power(&sum, y.hi, y.lo, -a.hi);
        return sum;
    }
    if (s.hi >= 0.0) {
        const pt__gauss here = pt__gauss_of(a, b, c, one);
        return pt__gauss_near_one(&here, s, y.hi);
    }
    const pt__gauss euler = pt__gauss_of(ca, cb, c, one);
    sum = pt__gauss_near_one(&euler, pt__pair_minus(s), y.hi);
    pt__sum_times_power(&sum, y.hi, y.lo, s.hi);
    return sum;
}

/* F(a, b; c; x) for finite x, where c is no pole. */
PT_FN_CALLED double pt__gauss_finite(double a, double b, double c, double x)
{
    const int ends = (a < 0.0 && a == PT_RINT(a)) || (b < 0.0 && b == PT_RINT(b));
    if (x >= 1.0 && !ends)
        return x == 1.0 ? pt__gauss_at_one(a, b, c) : PT_NAN;
    const pt__sum sum = pt__gauss_sum(a, b, c, x);
    return sum.error < 1e-7 ? ldexp(sum.value, sum.exponent) : PT_NAN;
}

/* What plans call: F(a, b; c; x) for x <= 1, and for any x where it is a polynomial. Infinite where
 * c is a pole; nan where no sum has seven digits. */
PT_FN_CALLED double pt_hyper_gauss(double a, double b, double c, double x)
{
    if (!(PT_ABS(a) < PT_INF && PT_ABS(b) < PT_INF && PT_ABS(c) < PT_INF) || x != x)
        return PT_NAN;
    if (x == 0.0 || a == 0.0 || b == 0.0)
        return 1.0;
    const int ends_a = a < 0.0 && a == PT_RINT(a), ends_b = b < 0.0 && b == PT_RINT(b);
    const double degree = ends_a && ends_b ? (a > b ? a : b)
        : ends_a ? a : ends_b ? b : -PT_INF;
    if (c <= 0.0 && c == PT_RINT(c) && !(degree >= c))
        return PT_INF;
    if (PT_ABS(x) == PT_INF && (x < 0.0 || degree > -PT_INF)) {
        const double near = pt__gauss_finite(a, b, c, x < 0.0 ? -1e150 : 1e150);
        const double far = pt__gauss_finite(a, b, c, x < 0.0 ? -1e300 : 1e300);
        return PT_ABS(far) < PT_ABS(near) ? 0.0 : far * PT_INF;
    }
    return pt__gauss_finite(a, b, c, x);
}

#endif
