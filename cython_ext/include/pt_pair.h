/* Pairs of doubles, of some 31 digits. */
#ifndef PT_PAIR_H
#define PT_PAIR_H

#include "pt_power.h"

typedef struct { double hi, lo; } pt__pair;

PT_FN pt__pair pt__pair_of(double x)
{
    const pt__pair p = {x, 0.0};
    return p;
}
PT_FN_CALLED pt__pair pt__pair_add(pt__pair p, pt__pair q)
{
    double low, last;
    const double high = pt__two_sum(p.hi, q.hi, &low);
    pt__pair sum;
    double carry;
    const double rest = pt__two_sum(p.lo, q.lo, &last);
    const double near = pt__fast_two_sum(high, low + rest, &carry);
    sum.hi = pt__fast_two_sum(near, carry + last, &sum.lo);
    return sum;
}
PT_FN pt__pair pt__pair_minus(pt__pair p)
{
    p.hi = -p.hi;
    p.lo = -p.lo;
    return p;
}
PT_FN_CALLED pt__pair pt__pair_less(pt__pair p, pt__pair q)
{
    return pt__pair_add(p, pt__pair_minus(q));
}
PT_FN_CALLED pt__pair pt__pair_times(pt__pair p, pt__pair q)
{
    pt__pair product;
    product.hi = pt__pair_product(p.hi, p.lo, q.hi, q.lo, &product.lo);
    return product;
}
PT_FN_CALLED pt__pair pt__pair_over(pt__pair p, pt__pair q)
{
    pt__pair quotient = pt__pair_of(p.hi / q.hi);
    const pt__pair rest = pt__pair_less(p, pt__pair_times(quotient, q));
    quotient.hi = pt__fast_two_sum(quotient.hi, rest.hi / q.hi, &quotient.lo);
    return quotient;
}
PT_FN_CALLED pt__pair pt__pair_root(pt__pair p)
{
    pt__pair root = pt__pair_of(PT_SQRT(p.hi));
    if (root.hi > 0.0 && root.hi < PT_INF) {
        double err;
        const double back = pt__two_prod(root.hi, root.hi, &err);
        root.hi = pt__fast_two_sum(root.hi, (((p.hi - back) - err) + p.lo) / (2.0 * root.hi),
                                   &root.lo);
    }
    return root;
}
/* To 2^-64 relative, for p >= 1. */
PT_FN_CALLED pt__pair pt__pair_log(pt__pair p)
{
    pt__pair log;
    log.hi = pt__log_pair(p.hi, &log.lo);
    log.lo += p.lo / p.hi;
    return log;
}

#endif
