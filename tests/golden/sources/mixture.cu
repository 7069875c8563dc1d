#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[12];
    long long n[3];
    void *s[1];
    double *partial;
    unsigned *counters;
    int *status;
    long long aligned;
};

extern "C" __global__ void __launch_bounds__(256)
k0_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w1 = (double *) a.b[6];
    const pt_in_float64 x2 = (const double *) a.b[2];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_x2 = *(const pt_span<double, 2> *) (x2 + first);
        pt_span<double, 2> out_w1;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i1 = first + k;
            out_w1.v[k] = pt_log(in_x2.v[k]);
        }
        *(pt_span<double, 2> *) (w1 + first) = out_w1;
    }
    for (int64_t i1 = whole + g.index(); i1 < n[1]; i1 += g.count()) {
        w1[i1] = pt_log(x2[i1]);
    }
}

extern "C" __global__ void __launch_bounds__(256)
k1_0_thread(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w6 = (double *) a.b[7];
    const pt_out_float64 w9 = (double *) a.b[8];
    const pt_out_float64 w23 = (double *) a.b[9];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_in_float64 w1 = (const double *) a.b[6];
    const pt_out_float64 k1s1 = (double *) a.s[0];
    const pt_out_float64 y0 = (double *) a.b[3];
    const long long *const n = a.n;
    const pt_thread g = {};
    double a29 = 0.0;
    for (int64_t i3 = g.index(); i3 < n[0]; i3 += g.count()) {
        double a10 = (-INFINITY);
        for (int64_t i4 = 0; i4 < n[1]; i4++) {
            const double t5 = x0[i3] - x1[i4];
            w6[i3 * n[1] + i4] = t5;
            const double t6 = t5 * t5;
            const double t8 = w1[i4] - (0.5 * t6);
            w9[i3 * n[1] + i4] = t8;
            w23[i3 * n[1] + i4] = (-0.5) * t6;
            a10 = pt_maximum(a10, t8);
        }
        const double t12 = (fabs(a10) == INFINITY) ? 0.0 : a10;
        double a16 = 0.0;
        for (int64_t i13 = 0; i13 < n[1]; i13++) {
            a16 = a16 + pt_exp((w9[i3 * n[1] + i13] - t12));
        }
        const double t18 = pt_log(a16) + t12;
        const int64_t t19 = t18 == (-INFINITY);
        k1s1[i3] = t18;
        a29 = a29 + t18;
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(a29, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a29 = (double) space_f[0];
        y0[0] = a29;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k1_0_warp(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w6 = (double *) a.b[7];
    const pt_out_float64 w9 = (double *) a.b[8];
    const pt_out_float64 w23 = (double *) a.b[9];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_in_float64 w1 = (const double *) a.b[6];
    const pt_out_float64 k1s1 = (double *) a.s[0];
    const pt_out_float64 y0 = (double *) a.b[3];
    const long long *const n = a.n;
    const pt_warp g = {};
    double a29 = 0.0;
    for (int64_t i3 = g.index(); i3 < n[0]; i3 += g.count()) {
        double a10 = (-INFINITY);
        for (int64_t i4 = g.lane(); i4 < n[1]; i4 += g.size()) {
            const double t5 = x0[i3] - x1[i4];
            w6[i3 * n[1] + i4] = t5;
            const double t6 = t5 * t5;
            const double t8 = w1[i4] - (0.5 * t6);
            w9[i3 * n[1] + i4] = t8;
            w23[i3 * n[1] + i4] = (-0.5) * t6;
            a10 = pt_maximum(a10, t8);
        }
        a10 = (double) g.max((double) a10);
        const double t12 = (fabs(a10) == INFINITY) ? 0.0 : a10;
        g.sync();
        double a16 = 0.0;
        for (int64_t i13 = g.lane(); i13 < n[1]; i13 += g.size()) {
            a16 = a16 + pt_exp((w9[i3 * n[1] + i13] - t12));
        }
        a16 = (double) g.add((double) a16);
        const double t18 = pt_log(a16) + t12;
        const int64_t t19 = t18 == (-INFINITY);
        if (g.lane() == 0)
            k1s1[i3] = t18;
        a29 = a29 + t18;
        g.sync();
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(g.lane() == 0 ? a29 : 0.0, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a29 = (double) space_f[0];
        y0[0] = a29;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k1_0_block(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w6 = (double *) a.b[7];
    const pt_out_float64 w9 = (double *) a.b[8];
    const pt_out_float64 w23 = (double *) a.b[9];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_in_float64 w1 = (const double *) a.b[6];
    const pt_out_float64 k1s1 = (double *) a.s[0];
    const pt_out_float64 y0 = (double *) a.b[3];
    const long long *const n = a.n;
    const pt_block g = {};
    double a29 = 0.0;
    for (int64_t i3 = g.index(); i3 < n[0]; i3 += g.count()) {
        double a10 = (-INFINITY);
        for (int64_t i4 = g.lane(); i4 < n[1]; i4 += g.size()) {
            const double t5 = x0[i3] - x1[i4];
            w6[i3 * n[1] + i4] = t5;
            const double t6 = t5 * t5;
            const double t8 = w1[i4] - (0.5 * t6);
            w9[i3 * n[1] + i4] = t8;
            w23[i3 * n[1] + i4] = (-0.5) * t6;
            a10 = pt_maximum(a10, t8);
        }
        a10 = (double) g.max((double) a10);
        const double t12 = (fabs(a10) == INFINITY) ? 0.0 : a10;
        g.sync();
        double a16 = 0.0;
        for (int64_t i13 = g.lane(); i13 < n[1]; i13 += g.size()) {
            a16 = a16 + pt_exp((w9[i3 * n[1] + i13] - t12));
        }
        a16 = (double) g.add((double) a16);
        const double t18 = pt_log(a16) + t12;
        const int64_t t19 = t18 == (-INFINITY);
        if (g.lane() == 0)
            k1s1[i3] = t18;
        a29 = a29 + t18;
        g.sync();
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(g.lane() == 0 ? a29 : 0.0, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a29 = (double) space_f[0];
        y0[0] = a29;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k1_1(const __grid_constant__ pt_args a, const __grid_constant__ pt_split d)
{
    const pt_in_float64 k1s1 = (const double *) a.s[0];
    const pt_in_float64 w23 = (const double *) a.b[9];
    const pt_out_float64 y1 = (double *) a.b[4];
    const pt_out_float64 y2 = (double *) a.b[5];
    const pt_in_float64 x2 = (const double *) a.b[2];
    const pt_in_float64 w6 = (const double *) a.b[7];
    const long long *const n = a.n;
    const int place = threadIdx.x % d.places;
    const int term = threadIdx.x / d.places;
    const int64_t tile = blockIdx.x / d.chunks, chunk = blockIdx.x % d.chunks;
    const int64_t kept = tile * d.places + place, count = n[1];
    double k1a2 = 0.0;
    double k1a3 = 0.0;
    if (kept < count) {
        const int64_t i20 = kept;
        for (int64_t each = chunk * d.terms + term; each < n[0];
             each += (int64_t) d.terms * d.chunks) {
            const int64_t i3 = each;
            const double t18 = k1s1[i3];
            const int64_t t19 = t18 == (-INFINITY);
            const double t25 = pt_exp((w23[i3 * n[1] + i20] - (((w23[i3 * n[1] + i20] == (-INFINITY)) & t19) ? 0.0 : t18)));
            k1a2 = pt_ma(x2[i20] * pt_minimum(t25, 1.7976931348623157e+308), w6[i3 * n[1] + i20], k1a2);
            k1a3 = k1a3 + t25;
        }
    }
    k1a2 = (double) pt_split_add_f((double) k1a2, term, d);
    k1a3 = (double) pt_split_add_f((double) k1a3, term, d);
    if (d.chunks > 1) {
        double *const part0 = (double *) a.partial + (size_t) 0 * d.chunks * count;
        if (term == 0 && kept < count)
            part0[chunk * count + kept] = k1a2;
        double *const part1 = (double *) a.partial + (size_t) 1 * d.chunks * count;
        if (term == 0 && kept < count)
            part1[chunk * count + kept] = k1a3;
        if (!pt_last(a.counters + tile, d.chunks))
            return;
        k1a2 = 0.0;
        for (int j = term; j < d.chunks && kept < count; j += d.terms)
            k1a2 = (k1a2 + ((double) part0[j * count + kept]));
        k1a2 = (double) pt_split_add_f((double) k1a2, term, d);
        k1a3 = 0.0;
        for (int j = term; j < d.chunks && kept < count; j += d.terms)
            k1a3 = (k1a3 + ((double) part1[j * count + kept]));
        k1a3 = (double) pt_split_add_f((double) k1a3, term, d);
    }
    if (term == 0 && kept < count) {
        const int64_t i20 = kept;
        y1[i20] = k1a2;
        y2[i20] = k1a3;
    }
}
