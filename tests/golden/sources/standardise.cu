#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[10];
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
    const pt_out_float64 w4 = (double *) a.b[2];
    const long long *const n = a.n;
    if (threadIdx.x != 0)
        return;
    w4[0] = 1.0 / ((double) n[0]);
}

extern "C" __global__ void __launch_bounds__(256)
k0_1(const __grid_constant__ pt_args a, const __grid_constant__ pt_split d)
{
    const pt_out_float64 w5 = (double *) a.b[3];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const long long *const n = a.n;
    const int place = threadIdx.x % d.places;
    const int term = threadIdx.x / d.places;
    const int64_t tile = blockIdx.x / d.chunks, chunk = blockIdx.x % d.chunks;
    const int64_t kept = tile * d.places + place, count = n[1];
    double k0a1 = 0.0;
    if (kept < count) {
        const int64_t i5 = kept;
        for (int64_t each = chunk * d.terms + term; each < n[0];
             each += (int64_t) d.terms * d.chunks) {
            const int64_t i4 = each;
            k0a1 = k0a1 + x0[i4 * n[1] + i5];
        }
    }
    k0a1 = (double) pt_split_add_f((double) k0a1, term, d);
    if (d.chunks > 1) {
        double *const part0 = (double *) a.partial + (size_t) 0 * d.chunks * count;
        if (term == 0 && kept < count)
            part0[chunk * count + kept] = k0a1;
        if (!pt_last(a.counters + tile, d.chunks))
            return;
        k0a1 = 0.0;
        for (int j = term; j < d.chunks && kept < count; j += d.terms)
            k0a1 = (k0a1 + ((double) part0[j * count + kept]));
        k0a1 = (double) pt_split_add_f((double) k0a1, term, d);
    }
    if (term == 0 && kept < count) {
        const int64_t i5 = kept;
        w5[i5] = k0a1;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k1_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w6 = (double *) a.b[4];
    const pt_in_float64 w4 = (const double *) a.b[2];
    const pt_in_float64 w5 = (const double *) a.b[3];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w5 = *(const pt_span<double, 2> *) (w5 + first);
        pt_span<double, 2> out_w6;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i1 = first + k;
            out_w6.v[k] = (w4[0] * in_w5.v[k]);
        }
        *(pt_span<double, 2> *) (w6 + first) = out_w6;
    }
    for (int64_t i1 = whole + g.index(); i1 < n[1]; i1 += g.count()) {
        w6[i1] = w4[0] * w5[i1];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k2_0(const __grid_constant__ pt_args a)
{
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 w6 = (const double *) a.b[4];
    const pt_out_float64 w7 = (double *) a.b[5];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[0] * n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_x0 = *(const pt_span<double, 2> *) (x0 + first);
        pt_span<double, 2> out_w7;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k2t1 = first + k;
            const int64_t i3 = k2t1 % n[1];
            const double t4 = in_x0.v[k] - w6[i3];
            out_w7.v[k] = t4;
        }
        *(pt_span<double, 2> *) (w7 + first) = out_w7;
    }
    for (int64_t k2t1 = whole + g.index(); k2t1 < n[0] * n[1]; k2t1 += g.count()) {
        const int64_t i3 = k2t1 % n[1];
        const double t4 = x0[k2t1] - w6[i3];
        w7[k2t1] = t4;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k2_1(const __grid_constant__ pt_args a, const __grid_constant__ pt_split d)
{
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 w6 = (const double *) a.b[4];
    const pt_out_float64 w9 = (double *) a.b[6];
    const long long *const n = a.n;
    const int place = threadIdx.x % d.places;
    const int term = threadIdx.x / d.places;
    const int64_t tile = blockIdx.x / d.chunks, chunk = blockIdx.x % d.chunks;
    const int64_t kept = tile * d.places + place, count = n[1];
    double k2a2 = 0.0;
    if (kept < count) {
        const int64_t i3 = kept;
        for (int64_t each = chunk * d.terms + term; each < n[0];
             each += (int64_t) d.terms * d.chunks) {
            const int64_t i2 = each;
            const double t4 = x0[i2 * n[1] + i3] - w6[i3];
            k2a2 = pt_ma(t4, t4, k2a2);
        }
    }
    k2a2 = (double) pt_split_add_f((double) k2a2, term, d);
    if (d.chunks > 1) {
        double *const part0 = (double *) a.partial + (size_t) 0 * d.chunks * count;
        if (term == 0 && kept < count)
            part0[chunk * count + kept] = k2a2;
        if (!pt_last(a.counters + tile, d.chunks))
            return;
        k2a2 = 0.0;
        for (int j = term; j < d.chunks && kept < count; j += d.terms)
            k2a2 = (k2a2 + ((double) part0[j * count + kept]));
        k2a2 = (double) pt_split_add_f((double) k2a2, term, d);
    }
    if (term == 0 && kept < count) {
        const int64_t i3 = kept;
        w9[i3] = k2a2;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k3_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w13 = (double *) a.b[7];
    const pt_in_float64 w4 = (const double *) a.b[2];
    const pt_in_float64 w9 = (const double *) a.b[6];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w9 = *(const pt_span<double, 2> *) (w9 + first);
        pt_span<double, 2> out_w13;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i1 = first + k;
            out_w13.v[k] = sqrt(((w4[0] * in_w9.v[k]) + 1e-09));
        }
        *(pt_span<double, 2> *) (w13 + first) = out_w13;
    }
    for (int64_t i1 = whole + g.index(); i1 < n[1]; i1 += g.count()) {
        w13[i1] = sqrt(((w4[0] * w9[i1]) + 1e-09));
    }
}

extern "C" __global__ void __launch_bounds__(256)
k4_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 y0 = (double *) a.b[1];
    const pt_in_float64 w7 = (const double *) a.b[5];
    const pt_in_float64 w13 = (const double *) a.b[7];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[0] * n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w7 = *(const pt_span<double, 2> *) (w7 + first);
        pt_span<double, 2> out_y0;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k4t1 = first + k;
            const int64_t i2 = k4t1 % n[1];
            out_y0.v[k] = (in_w7.v[k] / w13[i2]);
        }
        *(pt_span<double, 2> *) (y0 + first) = out_y0;
    }
    for (int64_t k4t1 = whole + g.index(); k4t1 < n[0] * n[1]; k4t1 += g.count()) {
        const int64_t i2 = k4t1 % n[1];
        y0[k4t1] = w7[k4t1] / w13[i2];
    }
}
