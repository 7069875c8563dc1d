#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,
 * counters of blocks, and where a failed check leaves its number. */
struct pt_args {
    void *b[2];
    long long n[1];
    void *s[1];
    double *partial;
    unsigned *counters;
    int *status;
    long long aligned;
};

extern "C" __global__ void __launch_bounds__(256)
k0_0(const __grid_constant__ pt_args a)
{
    const pt_in_uint64 x0 = (const uint64_t *) a.b[0];
    const pt_out_float64 y0 = (double *) a.b[1];
    const pt_thread g = {};
    const uint64_t t2 = (uint64_t) 0;
    const double t4 = 5.0 * pt_draw_normal(((uint64_t) pt_key_fold(x0[0], 0)), t2);
    const double t9 = 5.0 * pt_tan((1.5707963267948966 * pt_draw_uniform(((uint64_t) pt_key_fold(x0[0], 1)), t2)));
    const uint64_t t10 = (uint64_t) pt_key_fold(x0[0], 2);
    const uint64_t t11 = (uint64_t) pt_key_fold(x0[0], 3);
    const int64_t whole = a.aligned ? (8) / 2 * 2 : 0;
    for (int64_t first = g.index() * 2; first < whole;
         first += g.count() * 2) {
        pt_span<double, 2> out_y0;
        #pragma unroll
        for (int k = 0; k < 2; k++) {
            const int64_t i12 = first + k;
            const uint64_t t13 = (uint64_t) i12;
            out_y0.v[k] = ((t4 + (t9 * pt_draw_normal(t10, t13))) + (10.0 * pt_draw_normal(t11, t13)));
        }
        *(pt_span<double, 2> *) (y0 + first) = out_y0;
    }
    for (int64_t i12 = whole + g.index(); i12 < 8; i12 += g.count()) {
        const uint64_t t13 = (uint64_t) i12;
        y0[i12] = (t4 + (t9 * pt_draw_normal(t10, t13))) + (10.0 * pt_draw_normal(t11, t13));
    }
}
