/* Keys of numbers, by which they are sorted, and numbers by their place in the order. */
#ifndef PT_SELECT_H
#define PT_SELECT_H

#include <math.h>
#include "pt_sort.h"

#define PT_SELECT_SAMPLED 2048 /* numbers of which a sample is drawn, rather than all sorted */

/* Floats as keys: in the order of the floats, nan last, -0.0 before 0.0. Its own inverse. */
static inline int64_t pt_flipped(int64_t bits)
{
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

static inline int32_t pt_flipped_32(int32_t bits)
{
    return bits < 0 ? bits ^ INT32_MAX : bits;
}

static inline int64_t pt_float64_key(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? INT64_C(0x7ff8000000000000) : pt_flipped(bits);
}

static inline int32_t pt_float32_key(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? INT32_C(0x7fc00000) : pt_flipped_32(bits);
}

static inline double pt_float64_of_key(int64_t key)
{
    double x;
    key = pt_flipped(key);
    memcpy(&x, &key, sizeof x);
    return x;
}

static inline float pt_float32_of_key(int32_t key)
{
    float x;
    key = pt_flipped_32(key);
    memcpy(&x, &key, sizeof x);
    return x;
}

/* Keys that are equal where the values are: of both zeros, too. */
static inline int64_t pt_float64_rank(double x)
{
    return pt_float64_key(x + 0.0);
}

static inline int32_t pt_float32_rank(float x)
{
    return pt_float32_key(x + 0.0f);
}

static inline int64_t pt_int64_rank(int64_t x)
{
    return x;
}

/* The keys of n floats in their place, or the floats of keys. */
#define PT_TO_KEYS(name, attributes, type, integer, to_key, to_value) \
    PT_ROUTINE attributes void name(const type *x, integer *keys, int64_t n) \
    { \
        for (int64_t i = 0; i < n; i++) { \
            const integer key = to_key(x[i]); \
            memcpy(keys + i, &key, sizeof key); \
        } \
    } \
    PT_ROUTINE attributes void name##_back(integer *keys, int64_t n) \
    { \
        for (int64_t i = 0; i < n; i++) { \
            integer key; \
            memcpy(&key, keys + i, sizeof key); \
            key = to_value(key); \
            memcpy(keys + i, &key, sizeof key); \
        } \
    }
#define PT_TO_KEYS_AT(level, attributes) \
    PT_TO_KEYS(pt_float64_keys_##level, attributes, double, int64_t, pt_float64_key, pt_flipped) \
    PT_TO_KEYS(pt_float32_keys_##level, attributes, float, int32_t, pt_float32_key, pt_flipped_32)
PT_TO_KEYS_AT(plain, )
#ifdef PT_WIDE_SORT
PT_TO_KEYS_AT(avx2, PT_AVX2_CODE)
PT_TO_KEYS_AT(avx512, PT_WIDE_CODE)
#else
#define pt_float64_keys_avx512 pt_float64_keys_plain
#define pt_float64_keys_avx512_back pt_float64_keys_plain_back
#define pt_float64_keys_avx2 pt_float64_keys_plain
#define pt_float64_keys_avx2_back pt_float64_keys_plain_back
#define pt_float32_keys_avx512 pt_float32_keys_plain
#define pt_float32_keys_avx512_back pt_float32_keys_plain_back
#define pt_float32_keys_avx2 pt_float32_keys_plain
#define pt_float32_keys_avx2_back pt_float32_keys_plain_back
#endif
#undef PT_TO_KEYS_AT
#undef PT_TO_KEYS

#ifdef PT_WIDE_SORT
#define PT_PD(x) _mm512_castsi512_pd(x)
#define PT_PS(x) _mm512_castsi512_ps(x)
#endif
#define PT_VALUE double
#define PT_KEY int64_t
#define PT_AS(name) name
#define PT_OF(name) name
#define PT_RANK(x) pt_float64_rank(x)
#define PT_UNRANK(key) pt_float64_of_key(key)
#define PT_IS_NAN(x) ((x) != (x))
#define PT_FIRST -INFINITY
#define PT_LAST NAN
#define PT_ALL(x) _mm512_castpd_si512(_mm512_set1_pd(x))
#define PT_LANES 8
#define PT_MASK __mmask8
#define PT_EPI(op) _mm512_##op##_epi64
#define PT_BELOW(x, b, none) \
    ((none) ? _mm512_cmp_pd_mask(PT_PD(x), PT_PD(x), _CMP_ORD_Q) \
            : _mm512_cmp_pd_mask(PT_PD(x), PT_PD(b), _CMP_LT_OQ))
#define PT_BEYOND(x, b, none) ((none) ? 0 : _mm512_cmp_pd_mask(PT_PD(x), PT_PD(b), _CMP_NLE_UQ))
#include "pt_select_runs.h"

#define PT_VALUE int64_t
#define PT_KEY int64_t
#define PT_AS(name) name##_int64
#define PT_OF(name) name
#define PT_RANK(x) (x)
#define PT_UNRANK(key) (key)
#define PT_IS_NAN(x) ((void) (x), 0)
#define PT_FIRST INT64_MIN
#define PT_LAST INT64_MAX
#define PT_ALL(x) _mm512_set1_epi64(x)
#define PT_LANES 8
#define PT_MASK __mmask8
#define PT_EPI(op) _mm512_##op##_epi64
#define PT_BELOW(x, b, none) \
    ((void) (none), _mm512_cmplt_epi64_mask(x, b))
#define PT_BEYOND(x, b, none) ((void) (none), _mm512_cmpgt_epi64_mask(x, b))
#include "pt_select_runs.h"

#define PT_VALUE float
#define PT_KEY int32_t
#define PT_AS(name) name##_float32
#define PT_OF(name) name##_32
#define PT_RANK(x) pt_float32_rank(x)
#define PT_UNRANK(key) pt_float32_of_key(key)
#define PT_IS_NAN(x) ((x) != (x))
#define PT_FIRST -INFINITY
#define PT_LAST NAN
#define PT_ALL(x) _mm512_castps_si512(_mm512_set1_ps(x))
#define PT_LANES 16
#define PT_MASK __mmask16
#define PT_EPI(op) _mm512_##op##_epi32
#define PT_BELOW(x, b, none) \
    ((none) ? _mm512_cmp_ps_mask(PT_PS(x), PT_PS(x), _CMP_ORD_Q) \
            : _mm512_cmp_ps_mask(PT_PS(x), PT_PS(b), _CMP_LT_OQ))
#define PT_BEYOND(x, b, none) ((none) ? 0 : _mm512_cmp_ps_mask(PT_PS(x), PT_PS(b), _CMP_NLE_UQ))
#include "pt_select_runs.h"

#define PT_VALUE int32_t
#define PT_KEY int32_t
#define PT_AS(name) name##_int32
#define PT_OF(name) name##_32
#define PT_RANK(x) (x)
#define PT_UNRANK(key) (key)
#define PT_IS_NAN(x) ((void) (x), 0)
#define PT_FIRST INT32_MIN
#define PT_LAST INT32_MAX
#define PT_ALL(x) _mm512_set1_epi32(x)
#define PT_LANES 16
#define PT_MASK __mmask16
#define PT_EPI(op) _mm512_##op##_epi32
#define PT_BELOW(x, b, none) \
    ((void) (none), _mm512_cmplt_epi32_mask(x, b))
#define PT_BEYOND(x, b, none) ((void) (none), _mm512_cmpgt_epi32_mask(x, b))
#include "pt_select_runs.h"

#endif
