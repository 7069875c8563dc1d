#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[14];
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
    const pt_out_float64 y1 = (double *) a.b[7];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[3]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        pt_span<double, 2> out_y1;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i1 = first + k;
            out_y1.v[k] = 0.0;
        }
        *(pt_span<double, 2> *) (y1 + first) = out_y1;
    }
    for (int64_t i1 = whole + g.index(); i1 < n[3]; i1 += g.count()) {
        y1[i1] = 0.0;
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
            const int64_t i2 = first + k;
            out_y2.v[k] = 0.0;
        }
        *(pt_span<double, 2> *) (y2 + first) = out_y2;
    }
    for (int64_t i2 = whole + g.index(); i2 < n[4]; i2 += g.count()) {
        y2[i2] = 0.0;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k0_2(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w28 = (double *) a.b[10];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[5]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        pt_span<double, 2> out_w28;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i3 = first + k;
            out_w28.v[k] = 0.0;
        }
        *(pt_span<double, 2> *) (w28 + first) = out_w28;
    }
    for (int64_t i3 = whole + g.index(); i3 < n[5]; i3 += g.count()) {
        w28[i3] = 0.0;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k0_3(const __grid_constant__ pt_args a)
{
    const pt_in_int64 x0 = (const int64_t *) a.b[0];
    const pt_in_int64 x1 = (const int64_t *) a.b[1];
    const pt_in_float64 x3 = (const double *) a.b[3];
    const pt_in_float64 x5 = (const double *) a.b[5];
    const pt_in_float64 x4 = (const double *) a.b[4];
    const pt_in_float64 x2 = (const double *) a.b[2];
    const pt_out_float64 y1 = (double *) a.b[7];
    const pt_out_float64 y2 = (double *) a.b[8];
    const pt_out_float64 w28 = (double *) a.b[10];
    const pt_out_float64 y0 = (double *) a.b[6];
    const long long *const n = a.n;
    const pt_thread g = {};
    double a17 = 0.0;
    for (int64_t i4 = g.index(); i4 < n[1]; i4 += g.count()) {
        const int64_t k5 = x0[i4];
        const int64_t k6 = x1[i4];
        const double t7 = x3[k5] - x5[k6];
        const int64_t k8 = x1[i4];
        const double t9 = x4[k8] * t7;
        const double t14 = x2[i4] - pt_sigmoid(t9);
        const double t15 = t14 * x4[k8];
        const double t12 = (x2[i4] * t9) - pt_softplus(t9);
        pt_atomic_add_float64(&y1[k5], (double) t15);
        pt_atomic_add_float64(&y2[k8], (double) (t14 * t7));
        pt_atomic_add_float64(&w28[k6], (double) t15);
        a17 = a17 + t12;
    }
    __shared__ double space_f[8];
    const int warp = threadIdx.x >> 5;
    pt_to_warp_add_f(a17, space_f + warp * 1 + 0);
    __syncthreads();
    double *const part_f = (double *) a.partial + (size_t) 0 * gridDim.x;
    pt_to_block_add_f(space_f, 1, 0, 1, part_f);
    if (!pt_last(a.counters, gridDim.x))
        return;
    pt_to_all_add_f(space_f, 0, 1, part_f);
    __syncthreads();
    if (threadIdx.x == 0) {
        a17 = (double) space_f[0];
        y0[0] = a17;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k1_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 y3 = (double *) a.b[9];
    const pt_in_float64 w28 = (const double *) a.b[10];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[5]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w28 = *(const pt_span<double, 2> *) (w28 + first);
        pt_span<double, 2> out_y3;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i1 = first + k;
            out_y3.v[k] = (-in_w28.v[k]);
        }
        *(pt_span<double, 2> *) (y3 + first) = out_y3;
    }
    for (int64_t i1 = whole + g.index(); i1 < n[5]; i1 += g.count()) {
        y3[i1] = -w28[i1];
    }
}
