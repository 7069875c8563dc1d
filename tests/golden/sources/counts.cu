#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[6];
    long long n[2];
    void *s[1];
    double *partial;
    unsigned *counters;
    int *status;
    long long aligned;
};

extern "C" __global__ void __launch_bounds__(256)
k0_0(const __grid_constant__ pt_args a)
{
    const pt_in_float64 x2 = (const double *) a.b[2];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_out_float64 y1 = (double *) a.b[4];
    const pt_out_float64 y0 = (double *) a.b[3];
    const pt_out_float64 y2 = (double *) a.b[5];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t t3 = fabs(x2[0]) < 2.2250738585072014e-308;
    const int64_t t1 = fabs(x2[0]) == INFINITY;
    const double t4 = t3 ? 9007199254740992.0 : 1.0;
    const double t6 = (t3 ? 1.1102230246251565e-16 : 1.0) / x2[0];
    double a45 = 0.0;
    double a46 = 0.0;
    double a47 = 0.0;
    double a48 = 0.0;
    double a49 = 0.0;
    double a50 = 0.0;
    double a51 = 0.0;
    const int64_t whole = a.aligned ? (n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_x1 = *(const pt_span<double, 2> *) (x1 + first);
        const pt_span<double, 2> in_x0 = *(const pt_span<double, 2> *) (x0 + first);
        pt_span<double, 2> out_y1;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i7 = first + k;
            const double t8 = pt_log_share(x2[0], in_x1.v[k]);
            const int64_t t11 = (in_x0.v[k] < 1.0) | t1;
            const double t12 = in_x0.v[k] + 1.0;
            const double t18 = x2[0] + in_x0.v[k];
            const double t19 = fabs(t18);
            const double t27 = in_x1.v[k] + x2[0];
            const double t31 = x2[0] + in_x1.v[k];
            const double t16 = pt_lgamma((t11 ? t12 : 1.0)) - pt_log_rising_factorial(x2[0], in_x0.v[k]);
            const double t21 = pt_lbeta(x2[0], t12) + pt_log(t19);
            const double t26 = ((x2[0] * t8) - (t11 ? t16 : t21)) + (in_x0.v[k] * pt_log_share(in_x1.v[k], x2[0]));
            out_y1.v[k] = ((in_x0.v[k] * ((x2[0] / t27) / in_x1.v[k])) - (x2[0] / t31));
            const double t36 = ((-1.0) / t19) * pt_sign(t18);
            const double t39 = pt_digamma_difference(x2[0], t12);
            const double t41 = pt_digamma_difference(x2[0], in_x0.v[k]);
            a45 = a45 + t26;
            a46 = a46 + (t11 ? 0.0 : t36);
            a47 = a47 + (in_x0.v[k] / t27);
            a48 = a48 + (t11 ? 0.0 : t39);
            a49 = a49 + (t11 ? t41 : 0.0);
            a50 = a50 + t8;
            a51 = pt_ma(in_x1.v[k] / t31, t6, a51);
        }
        *(pt_span<double, 2> *) (y1 + first) = out_y1;
    }
    for (int64_t i7 = whole + g.index(); i7 < n[1]; i7 += g.count()) {
        const double t8 = pt_log_share(x2[0], x1[i7]);
        const int64_t t11 = (x0[i7] < 1.0) | t1;
        const double t12 = x0[i7] + 1.0;
        const double t18 = x2[0] + x0[i7];
        const double t19 = fabs(t18);
        const double t27 = x1[i7] + x2[0];
        const double t31 = x2[0] + x1[i7];
        const double t16 = pt_lgamma((t11 ? t12 : 1.0)) - pt_log_rising_factorial(x2[0], x0[i7]);
        const double t21 = pt_lbeta(x2[0], t12) + pt_log(t19);
        const double t26 = ((x2[0] * t8) - (t11 ? t16 : t21)) + (x0[i7] * pt_log_share(x1[i7], x2[0]));
        y1[i7] = (x0[i7] * ((x2[0] / t27) / x1[i7])) - (x2[0] / t31);
        const double t36 = ((-1.0) / t19) * pt_sign(t18);
        const double t39 = pt_digamma_difference(x2[0], t12);
        const double t41 = pt_digamma_difference(x2[0], x0[i7]);
        a45 = a45 + t26;
        a46 = a46 + (t11 ? 0.0 : t36);
        a47 = a47 + (x0[i7] / t27);
        a48 = a48 + (t11 ? 0.0 : t39);
        a49 = a49 + (t11 ? t41 : 0.0);
        a50 = a50 + t8;
        a51 = pt_ma(x1[i7] / t31, t6, a51);
    }
    __shared__ double space_f[56];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(a45, space_f + warp * 7 + 0);
    pt_to_warp_add_f(a46, space_f + warp * 7 + 1);
    pt_to_warp_add_f(a47, space_f + warp * 7 + 2);
    pt_to_warp_add_f(a48, space_f + warp * 7 + 3);
    pt_to_warp_add_f(a49, space_f + warp * 7 + 4);
    pt_to_warp_add_f(a50, space_f + warp * 7 + 5);
    pt_to_warp_add_f(a51, space_f + warp * 7 + 6);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 7, 0, 7, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 7, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a45 = (double) space_f[0];
        a46 = (double) space_f[1];
        a47 = (double) space_f[2];
        a48 = (double) space_f[3];
        a49 = (double) space_f[4];
        a50 = (double) space_f[5];
        a51 = (double) space_f[6];
        y0[0] = a45;
        y2[0] = ((((a46 - a47) + a48) + a49) + a50) + (x2[0] * (t4 * a51));
    }
}
