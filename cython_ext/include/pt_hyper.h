/* Derivatives of hypergeometric functions in their parameters, by their power series, and next to
 * the singularity of 2F1 by its differential equation.
 *
 * A parameter is a polynomial a + d in its own d, and so are the factors of each term: the
 * coefficient of d^i, times i!, is the i-th derivative. Derivatives are counted by digits to the
 * base 16, the first for the first parameter and the last for x, up to the third in each.
 */
#ifndef PT_HYPER_H
#define PT_HYPER_H

#include "pt_base.h"

#define PT_HYPER_ORDERS 7        /* of a parameter that is a sum of two */
#define PT_HYPER_MOST 200000    /* terms */

/* p times a + d, or over it. */
PT_FN_CALLED void pt__times(double *p, double a, int n)
{
    for (int k = n; k >= 0; k--)
        p[k] = p[k] * a + (k ? p[k - 1] : 0.0);
}
PT_FN_CALLED void pt__over(double *p, double a, int n)
{
    for (int k = 0; k <= n; k++)
        p[k] = (p[k] - (k ? p[k - 1] : 0.0)) / a;
}
PT_FN_CALLED double pt__choose(int n, int k)
{
    double value = 1.0;
    for (int j = 0; j < k; j++)
        value = value * (n - j) / (j + 1);
    return value;
}

typedef struct { double at[4][PT_HYPER_ORDERS][4]; } pt__hyper;

/* The coefficients of 2F1(a, b; c; z), or for `kind` 1 of 1F1(b; c; z), up to d^i, d^j, d^k in a, b
 * and c, times exp(-*scale). A rising factorial is kept over another, as k! overflows. */
PT_FN_CALLED void pt__hyper_sums(int kind, int i, int j, int k, double a, double b, double c,
                                 double z, pt__hyper *sums, double *scale)
{
    double pa[4] = {1.0}, pb[PT_HYPER_ORDERS] = {1.0}, pc[4] = {1.0};
    memset(sums, 0, sizeof *sums);
    *scale = 0.0;
    int small = 0;
    for (int term = 0; term < PT_HYPER_MOST && small < 4; term++) {
        double largest = 0.0, most = 0.0;
        for (int u = 0; u <= i; u++)
            for (int v = 0; v <= j; v++)
                for (int w = 0; w <= k; w++) {
                    double *sum = &sums->at[u][v][w];
                    const double more = pa[u] * pb[v] * pc[w];
                    *sum += more;
                    largest = PT_ABS(more) > largest ? PT_ABS(more) : largest;
                    most = PT_ABS(*sum) > most ? PT_ABS(*sum) : most;
                    /* A sum that is small beside others has to converge as well. */
                    if (!(PT_ABS(more) <= 1e-18 * PT_ABS(*sum)) && more != 0.0)
                        largest = PT_INF;
                }
        small = largest <= 1e-17 * most && term > 3 ? small + 1 : 0;
        const double over = 1.0 / (term + 1.0);
        if (kind == 2) {
            pt__times(pa, a + term, i);
            for (int u = 0; u <= i; u++)
                pa[u] *= over;
        }
        pt__times(pb, b + term, j);
        for (int v = 0; v <= j; v++)
            pb[v] *= over;
        int left_a = 0, left_b = 0;
        for (int u = 0; u <= i; u++)
            left_a |= pa[u] != 0.0;
        for (int v = 0; v <= j; v++)
            left_b |= pb[v] != 0.0;
        if (!left_a || !left_b) {   /* a polynomial */
            small = 4;
            break;
        }
        pt__over(pc, c + term, k);
        for (int w = 0; w <= k; w++)
            pc[w] *= kind == 2 ? z * (term + 1.0) : z;
        if (most > 1e200) {
            for (int u = 0; u <= i; u++) {
                pa[u] *= 1e-200;
                for (int v = 0; v <= j; v++)
                    for (int w = 0; w <= k; w++)
                        sums->at[u][v][w] *= 1e-200;
            }
            *scale += 460.51701859880916;
        }
        if (most != most)
            break;
    }
    if (small < 4)  /* it does not converge in so many terms */
        for (int u = 0; u <= i; u++)
            for (int v = 0; v <= j; v++)
                for (int w = 0; w <= k; w++)
                    sums->at[u][v][w] = PT_NAN;
}

/* out = in * (level + da d0 + db d1 + dc d2), for what is within the orders i, j and k. */
PT_FN_CALLED void pt__hyper_linear(const pt__hyper *in, pt__hyper *out, const int *n, double level,
                                   double da, double db, double dc)
{
    for (int u = 0; u <= n[0]; u++)
        for (int v = 0; v <= n[1]; v++)
            for (int w = 0; w <= n[2]; w++) {
                double sum = level * in->at[u][v][w];
                sum += u ? da * in->at[u - 1][v][w] : 0.0;
                sum += v ? db * in->at[u][v - 1][w] : 0.0;
                sum += w ? dc * in->at[u][v][w - 1] : 0.0;
                out->at[u][v][w] = sum;
            }
}

/* sum += factor * term; whether that changes any coefficient. */
PT_FN_CALLED int pt__hyper_add(pt__hyper *sum, const pt__hyper *term, const int *n, double factor)
{
    int changes = 0;
    for (int u = 0; u <= n[0]; u++)
        for (int v = 0; v <= n[1]; v++)
            for (int w = 0; w <= n[2]; w++) {
                const double more = factor * term->at[u][v][w];
                sum->at[u][v][w] += more;
                changes |= PT_ABS(more) > 1e-18 * PT_ABS(sum->at[u][v][w]);
            }
    return changes;
}

/* The function and its derivative in z times r y0, given at z0 = 1 - y0, at z0 + r y0, by the
 * Taylor series of the solution of the hypergeometric equation (DLMF 15.10.1). */
PT_FN_CALLED void pt__hyper_step(const int *n, double a, double b, double c, double y0, double r,
                                 pt__hyper *value, pt__hyper *slope)
{
    const double z0 = 1.0 - y0;
    pt__hyper before = *value, here = *slope, near, far;
    int small = 0;
    pt__hyper_add(value, &here, n, 1.0);
    for (int k = 0; k < 400 && small < 4; k++) {
        const double level = (y0 - z0) * k + (c - a - b - 1.0) + (a + b + 1.0) * y0;
        pt__hyper_linear(&here, &near, n, level, -z0, -z0, 1.0);
        pt__hyper_linear(&before, &far, n, k + a, 1.0, 0.0, 0.0);
        before = far;
        pt__hyper_linear(&before, &far, n, k + b, 0.0, 1.0, 0.0);
        before = here;
        memset(&here, 0, sizeof here);
        pt__hyper_add(&here, &near, n, -r / z0 / (k + 2.0));
        pt__hyper_add(&here, &far, n, r * r * y0 / z0 / ((k + 1.0) * (k + 2.0)));
        const int changes = pt__hyper_add(value, &here, n, 1.0);
        small = pt__hyper_add(slope, &here, n, k + 2.0) || changes ? 0 : small + 1;
    }
}

/* The coefficients of 2F1(a, b; c; 1 - y), as pt__hyper_sums has them: for y < 0.1 by steps that
 * halve the distance to 1. */
PT_FN_CALLED void pt__hyper_near_one(int i, int j, int k, double a, double b, double c, double y,
                                     pt__hyper *sums, double *scale)
{
    const double start = 0.1;
    if (y >= start) {
        pt__hyper_sums(2, i, j, k, a, b, c, 1.0 - y, sums, scale);
        return;
    }
    const int n[3] = {i, j, k};
    pt__hyper slope, other;
    double more;
    pt__hyper_sums(2, i, j, k, a, b, c, 1.0 - start, sums, scale);
    pt__hyper_sums(2, i, j, k, a + 1.0, b + 1.0, c + 1.0, 1.0 - start, &slope, &more);
    pt__hyper_linear(&slope, &other, n, a, 1.0, 0.0, 0.0);
    pt__hyper_linear(&other, &slope, n, b, 0.0, 1.0, 0.0);
    for (int w = 0; w <= k; w++)                        /* over c + d */
        for (int u = 0; u <= i; u++)
            for (int v = 0; v <= j; v++)
                slope.at[u][v][w] = (slope.at[u][v][w] - (w ? slope.at[u][v][w - 1] : 0.0)) / c;
    double y0 = start, before = exp(*scale - more);
    while (y0 > y) {
        const double r = y0 > 2.0 * y ? 0.5 : (y0 - y) / y0;
        memset(&other, 0, sizeof other);
        pt__hyper_add(&other, &slope, n, r * y0 / before);
        pt__hyper_step(n, a, b, c, y0, r, sums, &other);
        slope = other;
        before = r * y0;
        y0 = r < 0.5 ? y : 0.5 * y0;
        if (!(PT_ABS(sums->at[0][0][0]) < 1e280))
            break;
    }
}

/* The product of the sums with the rising factorials of d^l / dx^l (DLMF 13.3.16, 15.5.2). */
PT_FN_CALLED double pt__hyper_product(int kind, const int *n, double a, double b, double c,
                                      const pt__hyper *sums, double scale)
{
    double pa[4] = {1.0}, pb[4] = {1.0}, pc[4] = {1.0}, total = 0.0;
    for (int l = 0; l < n[3]; l++) {
        if (kind == 2)
            pt__times(pa, a + l, n[0]);
        pt__times(pb, b + l, n[1]);
        pt__over(pc, c + l, n[2]);
    }
    for (int u = 0; u <= n[0]; u++)
        for (int v = 0; v <= n[1]; v++)
            for (int w = 0; w <= n[2]; w++) {
                const double factor = pa[u] * pb[v] * pc[w];
                if (factor != 0.0)
                    total += factor * sums->at[n[0] - u][n[1] - v][n[2] - w];
            }
    for (int m = 0; m < 3; m++)
        for (int k = 2; k <= n[m]; k++)
            total *= k;
    return total * exp(scale);
}

/* The digits of the counts of derivatives; 0 for one above the third. */
PT_FN_CALLED int pt__hyper_orders(double counts, int digits, int *n)
{
    if (!(counts >= 0.0 && counts < 65536.0))
        return 0;
    for (int m = 0, rest = (int)counts; m < digits; m++, rest >>= 4) {
        n[m] = rest & 15;
        if (n[m] > 3)
            return 0;
    }
    return 1;
}

/* Derivatives of 1F1(a; b; x) in a, b and x. Below 0 by Kummer's transformation (DLMF 13.2.39),
 * exp(x) 1F1(b - a; b; -x), in which nothing cancels. */
PT_FN_CALLED double pt_hyp1f1(double counts, double a, double b, double x)
{
    int digits[3], n[4];
    if (!pt__hyper_orders(counts, 3, digits) || !(PT_ABS(x) < PT_INF) || a != a || b != b)
        return PT_NAN;
    n[0] = 0, n[1] = digits[0], n[2] = digits[1], n[3] = digits[2];
    pt__hyper sums, turned;
    double scale;
    const double first = a + n[3], last = b + n[3];
    if (x >= 0.0) {
        pt__hyper_sums(1, 0, n[1], n[2], 1.0, first, last, x, &sums, &scale);
        return pt__hyper_product(1, n, 1.0, a, b, &sums, scale);
    }
    pt__hyper_sums(1, 0, n[1] + n[2], n[2], 1.0, last - first, last, -x, &turned, &scale);
    memset(&sums, 0, sizeof sums);
    for (int v = 0; v <= n[1]; v++)
        for (int w = 0; w <= n[2]; w++) {
            double total = 0.0;
            for (int p = v; p <= v + w; p++)
                total += pt__choose(p, v) * turned.at[0][p][w - (p - v)];
            sums.at[0][v][w] = v & 1 ? -total : total;
        }
    return pt__hyper_product(1, n, 1.0, a, b, &sums, scale + x);
}

/* Whether the series ends with a parameter of which no derivative is taken, after a few terms. */
PT_FN int pt__hyper_ends(double a, int order, double x)
{
    return order == 0 && a <= 0.0 && a > -40.0 && a == PT_RINT(a)
        && -a * log1p(PT_ABS(x)) < 460.0;
}

/* Derivatives in b and x where the series for c - a ends: by Euler's transformation (DLMF 15.8.1),
 * (1 - x)^(c - a - b) 2F1(c - a, c - b; c; x). */
PT_FN_CALLED double pt__hyper_euler(const int *n, double a, double b, double c, double x)
{
    pt__hyper sums, turned;
    double scale, factor = 1.0;
    const double log_rest = log1p(-x), first = a + n[3], second = b + n[3], last = c + n[3];
    pt__hyper_sums(2, 0, n[1], 0, last - first, last - second, last, x, &turned, &scale);
    memset(&sums, 0, sizeof sums);
    for (int m = 0; m <= n[1]; m++) {
        for (int v = m; v <= n[1]; v++)
            sums.at[0][v][0] += factor * ((v - m) & 1 ? -1.0 : 1.0) * turned.at[0][v - m][0];
        factor *= -log_rest / (m + 1);
    }
    return pt__hyper_product(2, n, a, b, c, &sums, scale + (last - first - second) * log_rest);
}

/* Derivatives of 2F1(a, b; c; x) in a, b, c and x, for x <= 1. Below 0 by Pfaff's transformation
 * (DLMF 15.8.1), (1 - x)^-a 2F1(a, c - b; c; x / (x - 1)). */
PT_FN_CALLED double pt_hyp2f1(double counts, double a, double b, double c, double x)
{
    int n[4];
    if (!pt__hyper_orders(counts, 4, n) || !(x <= 1.0 && x > -PT_INF) || a != a || b != b || c != c)
        return PT_NAN;
    if (b < a) {    /* so that c - a - (c - b), of Pfaff's transformation, is not below 0 */
        const double least = b;
        const int order = n[1];
        b = a, n[1] = n[0];
        a = least, n[0] = order;
    }
    pt__hyper sums, turned;
    double scale;
    const double first = a + n[3], second = b + n[3], last = c + n[3];
    if (pt__hyper_ends(first, n[0], x) || pt__hyper_ends(second, n[1], x)) {
        pt__hyper_sums(2, n[0], n[1], n[2], first, second, last, x, &sums, &scale);
        return pt__hyper_product(2, n, a, b, c, &sums, scale);
    }
    if (x < 1.0 && n[0] == 0 && n[2] == 0 && pt__hyper_ends(c - a, 0, x))
        return pt__hyper_euler(n, a, b, c, x);
    if (x < 1.0 && n[1] == 0 && n[2] == 0 && pt__hyper_ends(c - b, 0, x)) {
        const int turns[4] = {0, n[0], 0, n[3]};
        return pt__hyper_euler(turns, b, a, c, x);
    }
    /* At 1 what depends on the distance y falls with a power of y. */
    if (x == 1.0 && !(last - first - second > 0.06))
        return PT_NAN;
    if (x >= 0.0) {
        const double y = x == 1.0 ? 1e-300 : 1.0 - x;
        pt__hyper_near_one(n[0], n[1], n[2], first, second, last, y, &sums, &scale);
        return pt__hyper_product(2, n, a, b, c, &sums, scale);
    }
    const double log_rest = log1p(-x);
    pt__hyper_near_one(n[0], n[1] + n[2], n[2], first, last - second, last, 1.0 / (1.0 - x),
                       &turned, &scale);
    memset(&sums, 0, sizeof sums);
    for (int u = 0; u <= n[0]; u++)
        for (int v = 0; v <= n[1]; v++)
            for (int w = 0; w <= n[2]; w++) {
                double total = 0.0, factor = 1.0;
                for (int m = 0; m <= u; m++) {
                    for (int p = v; p <= v + w; p++)
                        total += factor * pt__choose(p, v) * turned.at[u - m][p][w - (p - v)];
                    factor *= -log_rest / (m + 1);
                }
                sums.at[u][v][w] = v & 1 ? -total : total;
            }
    return pt__hyper_product(2, n, a, b, c, &sums, scale - first * log_rest);
}

#endif
