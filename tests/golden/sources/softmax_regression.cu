#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
#include "pt_linalg.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[11];
    long long n[6];
    void *s[1];
    double *partial;
    unsigned *counters;
    int *status;
    long long aligned;
};

extern "C" __global__ void __launch_bounds__(256)
k0_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w20 = (double *) a.b[6];
    const pt_out_float64 w23 = (double *) a.b[7];
    const pt_out_float64 w26 = (double *) a.b[8];
    const long long *const n = a.n;
    if (threadIdx.x != 0)
        return;
    const double t1 = (double) n[0];
    w20[0] = t1;
    w23[0] = (-1.0) / t1;
    w26[0] = 1.0 / t1;
}

extern "C" __global__ void __launch_bounds__(256)
k2_0_thread(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w31 = (double *) a.b[9];
    const pt_in_float64 w2 = (const double *) a.b[5];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 w38 = (double *) a.b[10];
    const pt_in_float64 w23 = (const double *) a.b[7];
    const pt_in_float64 w26 = (const double *) a.b[8];
    const pt_out_float64 y0 = (double *) a.b[3];
    const pt_in_float64 w20 = (const double *) a.b[6];
    const long long *const n = a.n;
    const pt_thread g = {};
    double a26 = 0.0;
    for (int64_t i1 = g.index(); i1 < n[0]; i1 += g.count()) {
        double a6 = (-INFINITY);
        double a7 = 0.0;
        for (int64_t i2 = 0; i2 < n[5]; i2++) {
            const double t3 = x1[i1 * n[5] + i2] * w2[i1 * n[5] + i2];
            w31[i1 * n[5] + i2] = (double) (w2[i1 * n[5] + i2] == INFINITY);
            a6 = pt_maximum(a6, w2[i1 * n[5] + i2]);
            a7 = a7 + t3;
        }
        const double t9 = (fabs(a6) == INFINITY) ? 0.0 : a6;
        double a13 = 0.0;
        for (int64_t i10 = 0; i10 < n[5]; i10++) {
            a13 = a13 + pt_exp((w2[i1 * n[5] + i10] - t9));
        }
        const double t15 = pt_log(a13) + t9;
        const int64_t t17 = fabs(t15) == INFINITY;
        const double t16 = t15 - a7;
        const double t18 = t17 ? 0.0 : t15;
        for (int64_t i19 = 0; i19 < n[5]; i19++) {
            const double t22 = pt_exp((w2[i1 * n[5] + i19] - t18));
            w38[i1 * n[5] + i19] = (w23[0] * x1[i1 * n[5] + i19]) + (w26[0] * (t17 ? w31[i1 * n[5] + i19] : t22));
        }
        a26 = a26 + t16;
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(a26, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a26 = (double) space_f[0];
        y0[0] = a26 / w20[0];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k2_0_warp(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w31 = (double *) a.b[9];
    const pt_in_float64 w2 = (const double *) a.b[5];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 w38 = (double *) a.b[10];
    const pt_in_float64 w23 = (const double *) a.b[7];
    const pt_in_float64 w26 = (const double *) a.b[8];
    const pt_out_float64 y0 = (double *) a.b[3];
    const pt_in_float64 w20 = (const double *) a.b[6];
    const long long *const n = a.n;
    const pt_warp g = {};
    double a26 = 0.0;
    for (int64_t i1 = g.index(); i1 < n[0]; i1 += g.count()) {
        double a6 = (-INFINITY);
        double a7 = 0.0;
        for (int64_t i2 = g.lane(); i2 < n[5]; i2 += g.size()) {
            const double t3 = x1[i1 * n[5] + i2] * w2[i1 * n[5] + i2];
            w31[i1 * n[5] + i2] = (double) (w2[i1 * n[5] + i2] == INFINITY);
            a6 = pt_maximum(a6, w2[i1 * n[5] + i2]);
            a7 = a7 + t3;
        }
        a6 = (double) g.max((double) a6);
        a7 = (double) g.add((double) a7);
        const double t9 = (fabs(a6) == INFINITY) ? 0.0 : a6;
        double a13 = 0.0;
        for (int64_t i10 = g.lane(); i10 < n[5]; i10 += g.size()) {
            a13 = a13 + pt_exp((w2[i1 * n[5] + i10] - t9));
        }
        a13 = (double) g.add((double) a13);
        const double t15 = pt_log(a13) + t9;
        const int64_t t17 = fabs(t15) == INFINITY;
        const double t16 = t15 - a7;
        const double t18 = t17 ? 0.0 : t15;
        g.sync();
        for (int64_t i19 = g.lane(); i19 < n[5]; i19 += g.size()) {
            const double t22 = pt_exp((w2[i1 * n[5] + i19] - t18));
            w38[i1 * n[5] + i19] = (w23[0] * x1[i1 * n[5] + i19]) + (w26[0] * (t17 ? w31[i1 * n[5] + i19] : t22));
        }
        a26 = a26 + t16;
        g.sync();
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(g.lane() == 0 ? a26 : 0.0, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a26 = (double) space_f[0];
        y0[0] = a26 / w20[0];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k2_0_block(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w31 = (double *) a.b[9];
    const pt_in_float64 w2 = (const double *) a.b[5];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 w38 = (double *) a.b[10];
    const pt_in_float64 w23 = (const double *) a.b[7];
    const pt_in_float64 w26 = (const double *) a.b[8];
    const pt_out_float64 y0 = (double *) a.b[3];
    const pt_in_float64 w20 = (const double *) a.b[6];
    const long long *const n = a.n;
    const pt_block g = {};
    double a26 = 0.0;
    for (int64_t i1 = g.index(); i1 < n[0]; i1 += g.count()) {
        double a6 = (-INFINITY);
        double a7 = 0.0;
        for (int64_t i2 = g.lane(); i2 < n[5]; i2 += g.size()) {
            const double t3 = x1[i1 * n[5] + i2] * w2[i1 * n[5] + i2];
            w31[i1 * n[5] + i2] = (double) (w2[i1 * n[5] + i2] == INFINITY);
            a6 = pt_maximum(a6, w2[i1 * n[5] + i2]);
            a7 = a7 + t3;
        }
        a6 = (double) g.max((double) a6);
        a7 = (double) g.add((double) a7);
        const double t9 = (fabs(a6) == INFINITY) ? 0.0 : a6;
        double a13 = 0.0;
        for (int64_t i10 = g.lane(); i10 < n[5]; i10 += g.size()) {
            a13 = a13 + pt_exp((w2[i1 * n[5] + i10] - t9));
        }
        a13 = (double) g.add((double) a13);
        const double t15 = pt_log(a13) + t9;
        const int64_t t17 = fabs(t15) == INFINITY;
        const double t16 = t15 - a7;
        const double t18 = t17 ? 0.0 : t15;
        g.sync();
        for (int64_t i19 = g.lane(); i19 < n[5]; i19 += g.size()) {
            const double t22 = pt_exp((w2[i1 * n[5] + i19] - t18));
            w38[i1 * n[5] + i19] = (w23[0] * x1[i1 * n[5] + i19]) + (w26[0] * (t17 ? w31[i1 * n[5] + i19] : t22));
        }
        a26 = a26 + t16;
        g.sync();
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(g.lane() == 0 ? a26 : 0.0, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a26 = (double) space_f[0];
        y0[0] = a26 / w20[0];
    }
}
