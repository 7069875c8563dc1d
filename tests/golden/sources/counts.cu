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
    const int64_t t6 = fabs(x2[0]) < 2.2250738585072014e-308;
    const int64_t t4 = (x2[0] <= 0.0) & (floor(x2[0]) == x2[0]);
    const double t7 = t6 ? 9007199254740992.0 : 1.0;
    const double t9 = (t6 ? 1.1102230246251565e-16 : 1.0) / x2[0];
    double a33 = 0.0;
    double a34 = 0.0;
    double a35 = 0.0;
    double a36 = 0.0;
    double a37 = 0.0;
    const int64_t whole = a.aligned ? (n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_x1 = *(const pt_span<double, 2> *) (x1 + first);
        const pt_span<double, 2> in_x0 = *(const pt_span<double, 2> *) (x0 + first);
        pt_span<double, 2> out_y1;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i10 = first + k;
            const double t16 = pt_log_share(x2[0], in_x1.v[k]);
            const double t21 = ((((t4 & (in_x0.v[k] == 0.0)) ? NAN : 0.0) + pt_log_multiset_coefficient(x2[0], in_x0.v[k])) + (x2[0] * t16)) + (in_x0.v[k] * pt_log_share(in_x1.v[k], x2[0]));
            const double t22 = in_x1.v[k] + x2[0];
            const double t26 = x2[0] + in_x1.v[k];
            out_y1.v[k] = ((in_x0.v[k] * ((x2[0] / t22) / in_x1.v[k])) - (x2[0] / t26));
            a33 = a33 + t21;
            a34 = a34 + t16;
            a35 = a35 + (in_x0.v[k] / t22);
            a36 = pt_ma(in_x1.v[k] / t26, t9, a36);
            a37 = a37 + pt_digamma_difference(x2[0], in_x0.v[k]);
        }
        *(pt_span<double, 2> *) (y1 + first) = out_y1;
    }
    for (int64_t i10 = whole + g.index(); i10 < n[1]; i10 += g.count()) {
        const double t16 = pt_log_share(x2[0], x1[i10]);
        const double t21 = ((((t4 & (x0[i10] == 0.0)) ? NAN : 0.0) + pt_log_multiset_coefficient(x2[0], x0[i10])) + (x2[0] * t16)) + (x0[i10] * pt_log_share(x1[i10], x2[0]));
        const double t22 = x1[i10] + x2[0];
        const double t26 = x2[0] + x1[i10];
        y1[i10] = (x0[i10] * ((x2[0] / t22) / x1[i10])) - (x2[0] / t26);
        a33 = a33 + t21;
        a34 = a34 + t16;
        a35 = a35 + (x0[i10] / t22);
        a36 = pt_ma(x1[i10] / t26, t9, a36);
        a37 = a37 + pt_digamma_difference(x2[0], x0[i10]);
    }
    __shared__ double space_f[40];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(a33, space_f + warp * 5 + 0);
    pt_to_warp_add_f(a34, space_f + warp * 5 + 1);
    pt_to_warp_add_f(a35, space_f + warp * 5 + 2);
    pt_to_warp_add_f(a36, space_f + warp * 5 + 3);
    pt_to_warp_add_f(a37, space_f + warp * 5 + 4);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 5, 0, 5, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 5, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a33 = (double) space_f[0];
        a34 = (double) space_f[1];
        a35 = (double) space_f[2];
        a36 = (double) space_f[3];
        a37 = (double) space_f[4];
        y0[0] = a33;
        y2[0] = ((a34 - a35) + (x2[0] * (t7 * a36))) + a37;
    }
}
