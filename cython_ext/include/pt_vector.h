/* The vector loops of the samplers.
 *
 * Every vector has a length that is a multiple of PT_LANES, with zeros past its last coordinate,
 * so no loop has a remainder. Sums run in PT_LANES fixed lanes: compilers may then use vector
 * registers without leave to reorder, and the result does not depend on their width.
 */
#ifndef PT_VECTOR_H
#define PT_VECTOR_H

#include <stddef.h>

#ifdef _MSC_VER
#define PT_RESTRICT __restrict
#else
#define PT_RESTRICT __restrict__
#endif

#define PT_LANES 4

static inline ptrdiff_t pt_padded(ptrdiff_t dim)
{
    return (dim + PT_LANES - 1) / PT_LANES * PT_LANES;
}

static inline double pt_lane_sum(const double *lane)
{
    return (lane[0] + lane[2]) + (lane[1] + lane[3]);
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
    double lane[PT_LANES] = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        for (int k = 0; k < PT_LANES; k++) {
            const double momentum = p[i + k] + half_step * g[i + k];
            const double velocity = w[i + k] * momentum;
            p[i + k] = momentum;
            v[i + k] = velocity;
            lane[k] += momentum * velocity;
        }
    }
    return 0.5 * pt_lane_sum(lane);
}

/* v = w p. Returns the kinetic energy p.v / 2. */
static inline double pt_velocity(ptrdiff_t n, const double *PT_RESTRICT w,
                                 const double *PT_RESTRICT p, double *PT_RESTRICT v)
{
    double lane[PT_LANES] = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        for (int k = 0; k < PT_LANES; k++) {
            const double velocity = w[i + k] * p[i + k];
            v[i + k] = velocity;
            lane[k] += p[i + k] * velocity;
        }
    }
    return 0.5 * pt_lane_sum(lane);
}

/* rho = a + b. Returns 1 where both ends still move along it: first.rho > 0 and last.rho > 0. */
static inline int pt_join(ptrdiff_t n, const double *PT_RESTRICT a, const double *PT_RESTRICT b,
                          const double *PT_RESTRICT first, const double *PT_RESTRICT last,
                          double *PT_RESTRICT rho)
{
    double at_first[PT_LANES] = {0.0, 0.0, 0.0, 0.0};
    double at_last[PT_LANES] = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        for (int k = 0; k < PT_LANES; k++) {
            const double sum = a[i + k] + b[i + k];
            rho[i + k] = sum;
            at_first[k] += first[i + k] * sum;
            at_last[k] += last[i + k] * sum;
        }
    }
    return pt_lane_sum(at_first) > 0.0 && pt_lane_sum(at_last) > 0.0;
}

/* Whether first.(rho + p) > 0 and last.(rho + p) > 0: a half's sum extended by one momentum. */
static inline int pt_still_moving(ptrdiff_t n, const double *PT_RESTRICT rho,
                                  const double *PT_RESTRICT p, const double *PT_RESTRICT first,
                                  const double *PT_RESTRICT last)
{
    double at_first[PT_LANES] = {0.0, 0.0, 0.0, 0.0};
    double at_last[PT_LANES] = {0.0, 0.0, 0.0, 0.0};
    for (ptrdiff_t i = 0; i < n; i += PT_LANES) {
        for (int k = 0; k < PT_LANES; k++) {
            const double sum = rho[i + k] + p[i + k];
            at_first[k] += first[i + k] * sum;
            at_last[k] += last[i + k] * sum;
        }
    }
    return pt_lane_sum(at_first) > 0.0 && pt_lane_sum(at_last) > 0.0;
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
