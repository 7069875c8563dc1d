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
    const pt_out_float64 w3 = (double *) a.b[3];
    const long long *const n = a.n;
    if (threadIdx.x != 0)
        return;
    w3[0] = (double) n[0];
}

extern "C" __global__ void __launch_bounds__(256)
k0_1(const __grid_constant__ pt_args a, const __grid_constant__ pt_split d)
{
    const pt_out_float64 w1 = (double *) a.b[2];
    const pt_in_float64 x0 = (const double *) a.b[0];
    const long long *const n = a.n;
    const int place = threadIdx.x % d.places;
    const int term = threadIdx.x / d.places;
    const int64_t tile = blockIdx.x / d.chunks, chunk = blockIdx.x % d.chunks;
    const int64_t kept = tile * d.places + place, count = n[1];
    double k0a1 = 0.0;
    if (kept < count) {
        const int64_t i4 = kept;
        for (int64_t each = chunk * d.terms + term; each < n[0];
             each += (int64_t) d.terms * d.chunks) {
            const int64_t i3 = each;
            k0a1 = k0a1 + x0[i3 * n[1] + i4];
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
        const int64_t i4 = kept;
        w1[i4] = k0a1;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k1_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w4 = (double *) a.b[4];
    const pt_in_float64 w1 = (const double *) a.b[2];
    const pt_in_float64 w3 = (const double *) a.b[3];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w1 = *(const pt_span<double, 2> *) (w1 + first);
        pt_span<double, 2> out_w4;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i1 = first + k;
            out_w4.v[k] = (in_w1.v[k] / w3[0]);
        }
        *(pt_span<double, 2> *) (w4 + first) = out_w4;
    }
    for (int64_t i1 = whole + g.index(); i1 < n[1]; i1 += g.count()) {
        w4[i1] = w1[i1] / w3[0];
    }
}

extern "C" __global__ void __launch_bounds__(256)
k2_0(const __grid_constant__ pt_args a)
{
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 w4 = (const double *) a.b[4];
    const pt_out_float64 w5 = (double *) a.b[5];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[0] * n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_x0 = *(const pt_span<double, 2> *) (x0 + first);
        pt_span<double, 2> out_w5;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k2t1 = first + k;
            const int64_t i3 = k2t1 % n[1];
            const double t4 = in_x0.v[k] - w4[i3];
            out_w5.v[k] = t4;
        }
        *(pt_span<double, 2> *) (w5 + first) = out_w5;
    }
    for (int64_t k2t1 = whole + g.index(); k2t1 < n[0] * n[1]; k2t1 += g.count()) {
        const int64_t i3 = k2t1 % n[1];
        const double t4 = x0[k2t1] - w4[i3];
        w5[k2t1] = t4;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k2_1(const __grid_constant__ pt_args a, const __grid_constant__ pt_split d)
{
    const pt_in_float64 x0 = (const double *) a.b[0];
    const pt_in_float64 w4 = (const double *) a.b[4];
    const pt_out_float64 w7 = (double *) a.b[6];
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
            const double t4 = x0[i2 * n[1] + i3] - w4[i3];
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
        w7[i3] = k2a2;
    }
}

extern "C" __global__ void __launch_bounds__(256)
k3_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 w11 = (double *) a.b[7];
    const pt_in_float64 w7 = (const double *) a.b[6];
    const pt_in_float64 w3 = (const double *) a.b[3];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w7 = *(const pt_span<double, 2> *) (w7 + first);
        pt_span<double, 2> out_w11;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i1 = first + k;
            out_w11.v[k] = sqrt(((in_w7.v[k] / w3[0]) + 1e-09));
        }
        *(pt_span<double, 2> *) (w11 + first) = out_w11;
    }
    for (int64_t i1 = whole + g.index(); i1 < n[1]; i1 += g.count()) {
        w11[i1] = sqrt(((w7[i1] / w3[0]) + 1e-09));
    }
}

extern "C" __global__ void __launch_bounds__(256)
k4_0(const __grid_constant__ pt_args a)
{
    const pt_out_float64 y0 = (double *) a.b[1];
    const pt_in_float64 w5 = (const double *) a.b[5];
    const pt_in_float64 w11 = (const double *) a.b[7];
    const long long *const n = a.n;
    const pt_thread g = {};
    const int64_t whole = a.aligned ? (n[0] * n[1]) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        const pt_span<double, 2> in_w5 = *(const pt_span<double, 2> *) (w5 + first);
        pt_span<double, 2> out_y0;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t k4t1 = first + k;
            const int64_t i2 = k4t1 % n[1];
            out_y0.v[k] = (in_w5.v[k] / w11[i2]);
        }
        *(pt_span<double, 2> *) (y0 + first) = out_y0;
    }
    for (int64_t k4t1 = whole + g.index(); k4t1 < n[0] * n[1]; k4t1 += g.count()) {
        const int64_t i2 = k4t1 % n[1];
        y0[k4t1] = w5[k4t1] / w11[i2];
    }
}
