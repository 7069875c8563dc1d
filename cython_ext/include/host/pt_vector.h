/* The vector loops of the samplers.
 *
 * Every vector has a length that is a multiple of PT_LANES, with zeros past its last coordinate,
 * so no loop has a remainder. Sums have PT_LANES fixed lanes, in the vector types of GCC and Clang,
 * which are compiled for any register width; as the order of the additions is fixed, the result
 * does not depend on that width.
 */
#ifndef PT_VECTOR_H
#define PT_VECTOR_H

#include <stddef.h>

#ifndef PT_RESTRICT
#define PT_RESTRICT __restrict__
#endif
#define PT_LANES 4

typedef double pt_lanes __attribute__((vector_size(8 * PT_LANES), aligned(8), may_alias));

#define PT_AT(vector, i) (*(const pt_lanes *) ((vector) + (i)))
#define PT_PUT(vector, i) (*(pt_lanes *) ((vector) + (i)))
#define PT_SUM(lanes) (((lanes)[0] + (lanes)[2]) + ((lanes)[1] + (lanes)[3]))

static inline ptrdiff_t pt_padded(ptrdiff_t dim)
{
    return (dim + PT_LANES - 1) / PT_LANES * PT_LANES;
}

/* First half of a leapfrog step: p' = p + h g, then q' = q + 2 h (w p'), with h half the step. */
static inline void pt_kick_drift(ptrdiff_t n, double half_step, const double *PT_RESTRICT w,
                                 const double *PT_RESTRICT q, const double *PT_RESTRICT p,
                                 const double *PT_RESTRICT g, double *PT_RESTRICT q_out,
                                 double *PT_RESTRICT p_out)
{
    const double step = 2.0 * half_step;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double kicked = p[i] + half_step * g[i];
        p_out[i] = kicked;
        q_out[i] = q[i] + step * (w[i] * kicked);
    }
}

/* Second half: p += h g, v = w p. Returns the kinetic energy p.v / 2. */
static inline double pt_kick(ptrdiff_t n, double half_step, const double *PT_RESTRICT w,
                             const double *PT_RESTRICT g, double *PT_RESTRICT p,
                             double *PT_RESTRICT v)
{
    pt_lanes energy = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        const pt_lanes momentum = PT_AT(p, i) + half_step * PT_AT(g, i);
        const pt_lanes velocity = PT_AT(w, i) * momentum;
        PT_PUT(p, i) = momentum;
        PT_PUT(v, i) = velocity;
        energy += momentum * velocity;
    }
    return 0.5 * PT_SUM(energy);
}

/* v = w p. Returns the kinetic energy p.v / 2. */
static inline double pt_velocity(ptrdiff_t n, const double *PT_RESTRICT w,
                                 const double *PT_RESTRICT p, double *PT_RESTRICT v)
{
    pt_lanes energy = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        const pt_lanes velocity = PT_AT(w, i) * PT_AT(p, i);
        PT_PUT(v, i) = velocity;
        energy += PT_AT(p, i) * velocity;
    }
    return 0.5 * PT_SUM(energy);
}

/* rho = a + b. Returns 1 if both ends move along it: first.rho > 0 and last.rho > 0. */
static inline int pt_join(ptrdiff_t n, const double *PT_RESTRICT a, const double *PT_RESTRICT b,
                          const double *PT_RESTRICT first, const double *PT_RESTRICT last,
                          double *PT_RESTRICT rho)
{
    pt_lanes at_first = {0.0, 0.0, 0.0, 0.0};
    pt_lanes at_last = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        const pt_lanes sum = PT_AT(a, i) + PT_AT(b, i);
        PT_PUT(rho, i) = sum;
        at_first += PT_AT(first, i) * sum;
        at_last += PT_AT(last, i) * sum;
    }
    return PT_SUM(at_first) > 0.0 && PT_SUM(at_last) > 0.0;
}

/* Whether first.(rho + p) > 0 and last.(rho + p) > 0: a half's sum extended by one momentum. */
static inline int pt_still_moving(ptrdiff_t n, const double *PT_RESTRICT rho,
                                  const double *PT_RESTRICT p, const double *PT_RESTRICT first,
                                  const double *PT_RESTRICT last)
{
    pt_lanes at_first = {0.0, 0.0, 0.0, 0.0};
    pt_lanes at_last = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        const pt_lanes sum = PT_AT(rho, i) + PT_AT(p, i);
        at_first += PT_AT(first, i) * sum;
        at_last += PT_AT(last, i) * sum;
    }
    return PT_SUM(at_first) > 0.0 && PT_SUM(at_last) > 0.0;
}

/* One step of Welford's running mean and sum of squared deviations (Welford 1962). */
static inline void pt_welford(ptrdiff_t n, double count, const double *PT_RESTRICT x,
                              double *PT_RESTRICT mean, double *PT_RESTRICT square)
{
    const double share = 1.0 / count;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double before = x[i] - mean[i];
        mean[i] += before * share;
        square[i] += before * (x[i] - mean[i]);
    }
}

#endif
