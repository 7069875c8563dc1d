/* The loops of the headers, exported under names that ctypes finds. */
#include "host/pt_loops.h"
#include "host/pt_vector.h"

#define EXPORT __attribute__((visibility("default")))

#define FOLD(name, type) \
    EXPORT type fold_##name(type *a, int64_t lanes) { return pt_fold_##name(a, lanes); }
FOLD(add, double)
FOLD(plain_add, double)
FOLD(mul, double)
FOLD(max, double)
FOLD(min, double)
FOLD(iadd, int64_t)
FOLD(imul, int64_t)
FOLD(imax, int64_t)
FOLD(imin, int64_t)
FOLD(uadd, uint64_t)
FOLD(umul, uint64_t)
FOLD(umax, uint64_t)
FOLD(umin, uint64_t)

EXPORT double dot(const double *a, const double *x, int64_t n) { return pt_dot(a, x, n); }

EXPORT void rows_dot(int64_t m, int64_t n, const double *a, int64_t step, const double *x,
                     double *out)
{
    pt_rows_dot(m, n, a, step, x, out);
}

EXPORT void rows_add(int64_t m, int64_t n, const double *a, int64_t step, const double *r,
                     double *g)
{
    pt_rows_add(m, n, a, step, r, g);
}

EXPORT void scatter_add_int64(int64_t m, const int64_t *k, const double *v, double *g)
{
    pt_scatter_add_int64(m, k, v, g);
}

EXPORT void scatter_add_int32(int64_t m, const int32_t *k, const double *v, double *g)
{
    pt_scatter_add_int32(m, k, v, g);
}

EXPORT void kick_drift(int64_t n, double half, const double *w, const double *q, const double *p,
                       const double *g, double *q_out, double *p_out)
{
    pt_kick_drift(n, half, w, q, p, g, q_out, p_out);
}

EXPORT double kick(int64_t n, double half, const double *w, const double *g, double *p, double *v)
{
    return pt_kick(n, half, w, g, p, v);
}

EXPORT double velocity(int64_t n, const double *w, const double *p, double *v)
{
    return pt_velocity(n, w, p, v);
}

EXPORT int join(int64_t n, const double *a, const double *b, const double *first,
                const double *last, double *rho)
{
    return pt_join(n, a, b, first, last, rho);
}

EXPORT int still_moving(int64_t n, const double *rho, const double *p, const double *first,
                        const double *last)
{
    return pt_still_moving(n, rho, p, first, last);
}

EXPORT void welford(int64_t n, double count, const double *x, double *mean, double *square)
{
    pt_welford(n, count, x, mean, square);
}
