/* Operators with NumPy's semantics, and array types without aliasing, for generated code of all
 * targets.
 */
#ifndef PT_OPERATORS_H
#define PT_OPERATORS_H

#include <math.h>
#include <stdint.h>
#include "pt_special.h"

#ifndef PT_RESTRICT
#define PT_RESTRICT __restrict
#endif

#define PT_ARRAY(type, name) \
    typedef const type *PT_RESTRICT pt_in_##name; \
    typedef type *PT_RESTRICT pt_out_##name;
PT_ARRAY(uint8_t, bool)
PT_ARRAY(int8_t, int8)
PT_ARRAY(int16_t, int16)
PT_ARRAY(int32_t, int32)
PT_ARRAY(int64_t, int64)
PT_ARRAY(uint8_t, uint8)
PT_ARRAY(uint16_t, uint16)
PT_ARRAY(uint32_t, uint32)
PT_ARRAY(uint64_t, uint64)
PT_ARRAY(float, float32)
PT_ARRAY(double, float64)
#undef PT_ARRAY

/* A product added to a sum, fused where the target can. */
PT_FN double pt_ma(double a, double b, double sum) { return PT_MA(a, b, sum); }

/* A float made of an integer, of which none is -0.0: without trapping math gcc makes trunc(x) of
 * (double)(int64_t)x, also where these are apart, which is -0.0 for x from -1 to 0. In a function
 * of its own the sum is not left out, as gcc 12 does for a conversion plus 0.0. */
PT_FN double pt_whole(double x) { return x + 0.0; }
PT_FN float pt_whole_f(float x) { return x + 0.0f; }

/* nan if either is nan, as in NumPy. */
PT_FN double pt_maximum(double a, double b) { return (a > b || a != a) ? a : b; }
PT_FN double pt_minimum(double a, double b) { return (a < b || a != a) ? a : b; }
PT_FN int64_t pt_imaximum(int64_t a, int64_t b) { return a > b ? a : b; }
PT_FN int64_t pt_iminimum(int64_t a, int64_t b) { return a < b ? a : b; }
PT_FN uint64_t pt_umaximum(uint64_t a, uint64_t b) { return a > b ? a : b; }
PT_FN uint64_t pt_uminimum(uint64_t a, uint64_t b) { return a < b ? a : b; }
/* The lowest integer, which has no negative, is its own absolute value. */
PT_FN int64_t pt_iabs(int64_t a)
{
    const uint64_t u = (uint64_t) a;
    return (int64_t) (a < 0 ? 0u - u : u);
}
PT_FN int64_t pt_isign(int64_t a) { return (a > 0) - (a < 0); }
PT_FN uint64_t pt_usign(uint64_t a) { return a > 0; }
PT_FN uint64_t pt_ufloordiv(uint64_t a, uint64_t b) { return b ? a / b : 0; }
PT_FN uint64_t pt_umod(uint64_t a, uint64_t b) { return b ? a % b : 0; }

/* Bits shifted past the width of the type are lost, also for shifts of 64 and more (undefined in
 * C). */
PT_FN uint64_t pt_ushl(uint64_t a, uint64_t b) { return b < 64 ? a << b : 0; }
PT_FN uint64_t pt_ushr(uint64_t a, uint64_t b) { return b < 64 ? a >> b : 0; }
PT_FN int64_t pt_ishl(int64_t a, int64_t b)
{
    return (int64_t) pt_ushl((uint64_t) a, (uint64_t) b);
}
PT_FN int64_t pt_ishr(int64_t a, int64_t b) { return a >> ((uint64_t) b < 64 ? b : 63); }
PT_FN uint64_t pt_upow(uint64_t base, uint64_t n)
{
    uint64_t power = 1;
    for (; n; n >>= 1, base *= base)
        if (n & 1)
            power *= base;
    return power;
}

#endif
