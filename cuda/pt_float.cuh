/* Functions of float32 values in float32: a device has far fewer units for float64, and conversions
 * cost time as well. Those of the CUDA library are accurate to 4 units in
 * the last place (CUDA C++ Programming Guide, appendix on mathematical functions); those composed
 * of them here to 6.
 */
#ifndef PT_FLOAT_CUH
#define PT_FLOAT_CUH

#include "pt_group.cuh"

#define PT_SINGLE(name) \
    PT_DEVICE float pt_##name##_f32(float x) { return name##f(x); }
PT_SINGLE(exp)
PT_SINGLE(expm1)
PT_SINGLE(log)
PT_SINGLE(log1p)
PT_SINGLE(log2)
PT_SINGLE(log10)
PT_SINGLE(exp2)
PT_SINGLE(sin)
PT_SINGLE(cos)
PT_SINGLE(tan)
PT_SINGLE(sinh)
PT_SINGLE(cosh)
PT_SINGLE(tanh)
PT_SINGLE(asin)
PT_SINGLE(acos)
PT_SINGLE(atan)
PT_SINGLE(asinh)
PT_SINGLE(acosh)
PT_SINGLE(atanh)
PT_SINGLE(cbrt)
PT_SINGLE(erf)
PT_SINGLE(erfc)
#undef PT_SINGLE

PT_DEVICE float pt_pow_f32(float x, float y) { return powf(x, y); }
PT_DEVICE float pt_maximum_f32(float a, float b) { return (a > b || a != a) ? a : b; }
PT_DEVICE float pt_minimum_f32(float a, float b) { return (a < b || a != a) ? a : b; }

PT_DEVICE float pt_sigmoid_f32(float x)
{
    const float e = expf(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* log(1 + exp(x)); the logarithm propagates nan. */
PT_DEVICE float pt_softplus_f32(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
PT_DEVICE float pt_log_sigmoid_f32(float x) { return -pt_softplus_f32(-x); }

#endif
