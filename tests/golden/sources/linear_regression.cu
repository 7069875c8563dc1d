#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[8];
    long long n[4];
    void *s[1];
    double *partial;
    unsigned *counters;
    int *status;
    long long aligned;
};

extern "C" __global__ void __launch_bounds__(256)
k0_0_thread(const __grid_constant__ pt_args a)
{
    const pt_in_float64 x3 = (const double *) a.b[3];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 x2 = (const double *) a.b[2];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 k0s1 = (double *) a.s[0];
    const pt_out_float64 y0 = (double *) a.b[4];
    const pt_out_float64 y2 = (double *) a.b[6];
    const long long *const n = a.n;
    const pt_thread g = {};
    const double t2 = pt_exp((-x3[0]));
    const double t3 = (double) n[0];
    const double t4 = x3[0] * t3;
    double a14 = 0.0;
    for (int64_t i6 = g.index(); i6 < n[0]; i6 += g.count()) {
        double a8 = 0.0;
        for (int64_t i7 = 0; i7 < n[3]; i7++) {
            a8 = pt_ma(x0[i6 * n[3] + i7], x2[i7], a8);
        }
        const double t10 = (x1[i6] - a8) * t2;
        const double t11 = t10 * t10;
        const double t12 = t10 * t2;
        k0s1[i6] = a8;
        a14 = a14 + t11;
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(a14, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a14 = (double) space_f[0];
        y0[0] = ((-0.5) * a14) - t4;
        y2[0] = a14 - t3;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k0_0_warp(const __grid_constant__ pt_args a)
{
    const pt_in_float64 x3 = (const double *) a.b[3];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 x2 = (const double *) a.b[2];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 k0s1 = (double *) a.s[0];
    const pt_out_float64 y0 = (double *) a.b[4];
    const pt_out_float64 y2 = (double *) a.b[6];
    const long long *const n = a.n;
    const pt_warp g = {};
    const double t2 = pt_exp((-x3[0]));
    const double t3 = (double) n[0];
    const double t4 = x3[0] * t3;
    double a14 = 0.0;
    for (int64_t i6 = g.index(); i6 < n[0]; i6 += g.count()) {
        double a8 = 0.0;
        for (int64_t i7 = g.lane(); i7 < n[3]; i7 += g.size()) {
            a8 = pt_ma(x0[i6 * n[3] + i7], x2[i7], a8);
        }
        a8 = (double) g.add((double) a8);
        const double t10 = (x1[i6] - a8) * t2;
        const double t11 = t10 * t10;
        const double t12 = t10 * t2;
        if (g.lane() == 0)
            k0s1[i6] = a8;
        a14 = a14 + t11;
        g.sync();
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(g.lane() == 0 ? a14 : 0.0, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a14 = (double) space_f[0];
        y0[0] = ((-0.5) * a14) - t4;
        y2[0] = a14 - t3;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k0_0_block(const __grid_constant__ pt_args a)
{
    const pt_in_float64 x3 = (const double *) a.b[3];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 x2 = (const double *) a.b[2];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 k0s1 = (double *) a.s[0];
    const pt_out_float64 y0 = (double *) a.b[4];
    const pt_out_float64 y2 = (double *) a.b[6];
    const long long *const n = a.n;
    const pt_block g = {};
    const double t2 = pt_exp((-x3[0]));
    const double t3 = (double) n[0];
    const double t4 = x3[0] * t3;
    double a14 = 0.0;
    for (int64_t i6 = g.index(); i6 < n[0]; i6 += g.count()) {
        double a8 = 0.0;
        for (int64_t i7 = g.lane(); i7 < n[3]; i7 += g.size()) {
            a8 = pt_ma(x0[i6 * n[3] + i7], x2[i7], a8);
        }
        a8 = (double) g.add((double) a8);
        const double t10 = (x1[i6] - a8) * t2;
        const double t11 = t10 * t10;
        const double t12 = t10 * t2;
        if (g.lane() == 0)
            k0s1[i6] = a8;
        a14 = a14 + t11;
        g.sync();
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(g.lane() == 0 ? a14 : 0.0, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a14 = (double) space_f[0];
        y0[0] = ((-0.5) * a14) - t4;
        y2[0] = a14 - t3;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k0_1(const __grid_constant__ pt_args a, const __grid_constant__ pt_split d)
{
    const pt_in_float64 x3 = (const double *) a.b[3];
    const pt_in_float64 k0s1 = (const double *) a.s[0];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 y1 = (double *) a.b[5];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const long long *const n = a.n;
    const double t2 = pt_exp((-x3[0]));
    const int place = threadIdx.x % d.places;
    const int term = threadIdx.x / d.places;
    const int64_t tile = blockIdx.x / d.chunks, chunk = blockIdx.x % d.chunks;
    const int64_t kept = tile * d.places + place, count = n[3];
    double k0a2 = 0.0;
    if (kept < count) {
        const int64_t i13 = kept;
        for (int64_t each = chunk * d.terms + term; each < n[0];
             each += (int64_t) d.terms * d.chunks) {
            const int64_t i6 = each;
            const double a8 = k0s1[i6];
            const double t10 = (x1[i6] - a8) * t2;
            const double t12 = t10 * t2;
            k0a2 = pt_ma(t12, x0[i6 * n[3] + i13], k0a2);
        }
    }
    k0a2 = (double) pt_split_add_f((double) k0a2, term, d);
    if (d.chunks > 1) {
        double *const part0 = (double *) a.partial + (size_t) 0 * d.chunks * count;
        if (term == 0 && kept < count)
            part0[chunk * count + kept] = k0a2;
        if (!pt_last(a.counters + tile, d.chunks))
            return;
        k0a2 = 0.0;
        for (int j = term; j < d.chunks && kept < count; j += d.terms)
            k0a2 = (k0a2 + ((double) part0[j * count + kept]));
        k0a2 = (double) pt_split_add_f((double) k0a2, term, d);
    }
    if (term == 0 && kept < count) {
        const int64_t i13 = kept;
        y1[i13] = k0a2;
    }
}
