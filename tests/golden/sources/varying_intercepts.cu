#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[12];
    long long n[5];
    void *s[1];
    double *partial;
    unsigned *counters;
    int *status;
    long long aligned;
};

extern "C" __global__ void __launch_bounds__(256)
k0_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 y1 = (double *) a.b[7];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[3]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        pt_span<double, 2> out_y1;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i7 = first + k;
            out_y1.v[k] = 0.0;
        }
        *(pt_span<double, 2> *) (y1 + first) = out_y1;
    }
    for (int64_t i7 = whole + g.index(); i7 < n[3]; i7 += g.count()) {
        y1[i7] = 0.0;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k0_1(const __grid_constant__ pt_args a)
{
    const pt_out_float64 y2 = (double *) a.b[8];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[4]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        pt_span<double, 2> out_y2;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i8 = first + k;
            out_y2.v[k] = 0.0;
        }
        *(pt_span<double, 2> *) (y2 + first) = out_y2;
    }
    for (int64_t i8 = whole + g.index(); i8 < n[4]; i8 += g.count()) {
        y2[i8] = 0.0;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k0_2(const __grid_constant__ pt_args a)
{
    const pt_in_float64 x5 = (const double *) a.b[5];
    const pt_in_int64 x2 = (const int64_t *) a.b[2];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_in_float64 x3 = (const double *) a.b[3];
    const pt_in_float64 x4 = (const double *) a.b[4];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_out_float64 y1 = (double *) a.b[7];
    const pt_out_float64 y2 = (double *) a.b[8];
    const pt_out_float64 y0 = (double *) a.b[6];
    const pt_out_float64 y3 = (double *) a.b[9];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t t2 = fabs(x5[0]) < 2.2250738585072014e-308;
    const double t5 = (t2 ? 1.1102230246251565e-16 : 1.0) / x5[0];
    const double t6 = t2 ? 9007199254740992.0 : 1.0;
    const double t3 = t2 ? 8.112963841460668e+31 : 1.0;
    double a21 = 0.0;
    for (int64_t i9 = g.index(); i9 < n[0]; i9 += g.count()) {
        const int64_t k10 = x2[i9];
        const int64_t k12 = x2[i9];
        const double t15 = ((x1[i9] - x3[k10]) - (x4[k12] * x0[i9])) * t5;
        const double t19 = ((t15 * t6) * t5) * t6;
        pt_atomic_add_float64(&y1[k10], (double) t19);
        pt_atomic_add_float64(&y2[k12], (double) (t19 * x0[i9]));
        a21 = pt_ma(t15, t15, a21);
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(a21, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a21 = (double) space_f[0];
        const double t22 = t3 * a21;
        y0[0] = (-0.5) * t22;
        y3[0] = t22 / x5[0];
    }
}
