#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
#include "pt_linalg.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[20];
    long long n[8];
    void *s[1];
    double *partial;
    unsigned *counters;
    int *status;
    long long aligned;
};

extern "C" __global__ void __launch_bounds__(256)
k0_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w23 = (double *) a.b[10];
    const pt_out_float64 w27 = (double *) a.b[11];
    const pt_out_float64 w30 = (double *) a.b[12];
    const long long *const n = a.n;
    if (threadIdx.x != 0)
        return;
    const double t1 = (double) n[0];
    w23[0] = t1;
    w27[0] = (-1.0) / t1;
    w30[0] = 1.0 / t1;
}

extern "C" __global__ void __launch_bounds__(256)
k2_0(const __grid_constant__ pt_args a)
{
    const pt_in_float64 w2 = (const double *) a.b[7];
    const pt_out_float64 w3 = (double *) a.b[8];
    const pt_out_float64 w45 = (double *) a.b[16];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[0] * n[6]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w2 = *(const pt_span<double, 2> *) (w2 + first);
        pt_span<double, 2> out_w3;
        pt_span<double, 2> out_w45;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k2t1 = first + k;
            const double t3 = pt_tanh(in_w2.v[k]);
            out_w3.v[k] = t3;
            out_w45.v[k] = (1.0 - (t3 * t3));
        }
        *(pt_span<double, 2> *) (w3 + first) = out_w3;
        *(pt_span<double, 2> *) (w45 + first) = out_w45;
    }
    for (int64_t k2t1 = whole + g.index(); k2t1 < n[0] * n[6]; k2t1 += g.count()) {
        const double t3 = pt_tanh(w2[k2t1]);
        w3[k2t1] = t3;
        w45[k2t1] = 1.0 - (t3 * t3);
    }
}

extern "C" __global__ void __launch_bounds__(256)
k4_0_thread(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w35 = (double *) a.b[13];
    const pt_in_float64 w5 = (const double *) a.b[9];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 w42 = (double *) a.b[14];
    const pt_in_float64 w27 = (const double *) a.b[11];
    const pt_in_float64 w30 = (const double *) a.b[12];
    const pt_out_float64 y0 = (double *) a.b[4];
    const pt_in_float64 w23 = (const double *) a.b[10];
    const long long *const n = a.n;
    const pt_thread g = {};
    double a26 = 0.0;
    for (int64_t i1 = g.index(); i1 < n[0]; i1 += g.count()) {
        double a6 = (-INFINITY);
        double a7 = 0.0;
        for (int64_t i2 = 0; i2 < n[7]; i2++) {
            const double t3 = x1[i1 * n[7] + i2] * w5[i1 * n[7] + i2];
            w35[i1 * n[7] + i2] = (double) (w5[i1 * n[7] + i2] == INFINITY);
            a6 = pt_maximum(a6, w5[i1 * n[7] + i2]);
            a7 = a7 + t3;
        }
        const double t9 = (fabs(a6) == INFINITY) ? 0.0 : a6;
        double a13 = 0.0;
        for (int64_t i10 = 0; i10 < n[7]; i10++) {
            a13 = a13 + pt_exp((w5[i1 * n[7] + i10] - t9));
        }
        const double t15 = pt_log(a13) + t9;
        const int64_t t17 = fabs(t15) == INFINITY;
        const double t16 = t15 - a7;
        const double t18 = t17 ? 0.0 : t15;
        for (int64_t i19 = 0; i19 < n[7]; i19++) {
            const double t22 = pt_exp((w5[i1 * n[7] + i19] - t18));
            w42[i1 * n[7] + i19] = (w27[0] * x1[i1 * n[7] + i19]) + (w30[0] * (t17 ? w35[i1 * n[7] + i19] : t22));
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
        y0[0] = a26 / w23[0];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k4_0_warp(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w35 = (double *) a.b[13];
    const pt_in_float64 w5 = (const double *) a.b[9];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 w42 = (double *) a.b[14];
    const pt_in_float64 w27 = (const double *) a.b[11];
    const pt_in_float64 w30 = (const double *) a.b[12];
    const pt_out_float64 y0 = (double *) a.b[4];
    const pt_in_float64 w23 = (const double *) a.b[10];
    const long long *const n = a.n;
    const pt_warp g = {};
    double a26 = 0.0;
    for (int64_t i1 = g.index(); i1 < n[0]; i1 += g.count()) {
        double a6 = (-INFINITY);
        double a7 = 0.0;
        for (int64_t i2 = g.lane(); i2 < n[7]; i2 += g.size()) {
            const double t3 = x1[i1 * n[7] + i2] * w5[i1 * n[7] + i2];
            w35[i1 * n[7] + i2] = (double) (w5[i1 * n[7] + i2] == INFINITY);
            a6 = pt_maximum(a6, w5[i1 * n[7] + i2]);
            a7 = a7 + t3;
        }
        a6 = (double) g.max((double) a6);
        a7 = (double) g.add((double) a7);
        const double t9 = (fabs(a6) == INFINITY) ? 0.0 : a6;
        double a13 = 0.0;
        for (int64_t i10 = g.lane(); i10 < n[7]; i10 += g.size()) {
            a13 = a13 + pt_exp((w5[i1 * n[7] + i10] - t9));
        }
        a13 = (double) g.add((double) a13);
        const double t15 = pt_log(a13) + t9;
        const int64_t t17 = fabs(t15) == INFINITY;
        const double t16 = t15 - a7;
        const double t18 = t17 ? 0.0 : t15;
        g.sync();
        for (int64_t i19 = g.lane(); i19 < n[7]; i19 += g.size()) {
            const double t22 = pt_exp((w5[i1 * n[7] + i19] - t18));
            w42[i1 * n[7] + i19] = (w27[0] * x1[i1 * n[7] + i19]) + (w30[0] * (t17 ? w35[i1 * n[7] + i19] : t22));
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
        y0[0] = a26 / w23[0];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k4_0_block(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w35 = (double *) a.b[13];
    const pt_in_float64 w5 = (const double *) a.b[9];
    const pt_in_float64 x1 = (const double *) a.b[1];
    const pt_out_float64 w42 = (double *) a.b[14];
    const pt_in_float64 w27 = (const double *) a.b[11];
    const pt_in_float64 w30 = (const double *) a.b[12];
    const pt_out_float64 y0 = (double *) a.b[4];
    const pt_in_float64 w23 = (const double *) a.b[10];
    const long long *const n = a.n;
    const pt_block g = {};
    double a26 = 0.0;
    for (int64_t i1 = g.index(); i1 < n[0]; i1 += g.count()) {
        double a6 = (-INFINITY);
        double a7 = 0.0;
        for (int64_t i2 = g.lane(); i2 < n[7]; i2 += g.size()) {
            const double t3 = x1[i1 * n[7] + i2] * w5[i1 * n[7] + i2];
            w35[i1 * n[7] + i2] = (double) (w5[i1 * n[7] + i2] == INFINITY);
            a6 = pt_maximum(a6, w5[i1 * n[7] + i2]);
            a7 = a7 + t3;
        }
        a6 = (double) g.max((double) a6);
        a7 = (double) g.add((double) a7);
        const double t9 = (fabs(a6) == INFINITY) ? 0.0 : a6;
        double a13 = 0.0;
        for (int64_t i10 = g.lane(); i10 < n[7]; i10 += g.size()) {
            a13 = a13 + pt_exp((w5[i1 * n[7] + i10] - t9));
        }
        a13 = (double) g.add((double) a13);
        const double t15 = pt_log(a13) + t9;
        const int64_t t17 = fabs(t15) == INFINITY;
        const double t16 = t15 - a7;
        const double t18 = t17 ? 0.0 : t15;
        g.sync();
        for (int64_t i19 = g.lane(); i19 < n[7]; i19 += g.size()) {
            const double t22 = pt_exp((w5[i1 * n[7] + i19] - t18));
            w42[i1 * n[7] + i19] = (w27[0] * x1[i1 * n[7] + i19]) + (w30[0] * (t17 ? w35[i1 * n[7] + i19] : t22));
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
        y0[0] = a26 / w23[0];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k6_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w46 = (double *) a.b[17];
    const pt_in_float64 w43 = (const double *) a.b[15];
    const pt_in_float64 w45 = (const double *) a.b[16];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[0] * n[6]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w43 = *(const pt_span<double, 2> *) (w43 + first);
        const pt_span<double, 2> in_w45 = *(const pt_span<double, 2> *) (w45 + first);
        pt_span<double, 2> out_w46;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k6t1 = first + k;
            out_w46.v[k] = (in_w43.v[k] * in_w45.v[k]);
        }
        *(pt_span<double, 2> *) (w46 + first) = out_w46;
    }
    for (int64_t k6t1 = whole + g.index(); k6t1 < n[0] * n[6]; k6t1 += g.count()) {
        w46[k6t1] = w43[k6t1] * w45[k6t1];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k8_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 y1 = (double *) a.b[5];
    const pt_in_float64 x2 = (const double *) a.b[2];
    const pt_in_float64 w47 = (const double *) a.b[18];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[4] * n[6]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_x2 = *(const pt_span<double, 2> *) (x2 + first);
        const pt_span<double, 2> in_w47 = *(const pt_span<double, 2> *) (w47 + first);
        pt_span<double, 2> out_y1;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k8t1 = first + k;
            out_y1.v[k] = (in_x2.v[k] - (0.1 * in_w47.v[k]));
        }
        *(pt_span<double, 2> *) (y1 + first) = out_y1;
    }
    for (int64_t k8t1 = whole + g.index(); k8t1 < n[4] * n[6]; k8t1 += g.count()) {
        y1[k8t1] = x2[k8t1] - (0.1 * w47[k8t1]);
    }
}

extern "C" __global__ void __launch_bounds__(256)
k10_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 y2 = (double *) a.b[6];
    const pt_in_float64 x3 = (const double *) a.b[3];
    const pt_in_float64 w50 = (const double *) a.b[19];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[6] * n[7]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_x3 = *(const pt_span<double, 2> *) (x3 + first);
        const pt_span<double, 2> in_w50 = *(const pt_span<double, 2> *) (w50 + first);
        pt_span<double, 2> out_y2;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k10t1 = first + k;
            out_y2.v[k] = (in_x3.v[k] - (0.1 * in_w50.v[k]));
        }
        *(pt_span<double, 2> *) (y2 + first) = out_y2;
    }
    for (int64_t k10t1 = whole + g.index(); k10t1 < n[6] * n[7]; k10t1 += g.count()) {
        y2[k10t1] = x3[k10t1] - (0.1 * w50[k10t1]);
    }
}
