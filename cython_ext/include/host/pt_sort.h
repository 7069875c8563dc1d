/* Sorting and selection of keys of 64 and of 32 bits in place: quicksort whose halves are split by
 * vectors where the processor has AVX-512, and without branches elsewhere.
 *
 * The splits by compressed vectors are those of Bramas (2017), "A novel hybrid quicksort algorithm
 * vectorized using AVX-512", IJACSA 8(10), for 64 bits with one permutation in the place of two
 * compressions. Short runs are tables of which the columns are sorted and merged by networks, as
 * those of Blacher, Giesen, Sanders and Wassenberg (2022), "Vectorized and performance-portable
 * quicksort", Softw. Pract. Exp. 52(12). Pivots are medians of samples; a run that is split too
 * often is sorted by a heap, so that no input takes more than O(n log n). Equal keys are one key,
 * so all ways give the same result.
 */
#ifndef PT_SORT_H
#define PT_SORT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef PT_ROUTINE
#if defined(__GNUC__) || defined(__clang__)
#define PT_ROUTINE static __attribute__((noinline, unused))
#else
#define PT_ROUTINE static
#endif
#endif

#if defined(__x86_64__) && defined(__linux__) && (defined(__GNUC__) || defined(__clang__)) && \
    !defined(PT_PLAIN_SORT)
#define PT_WIDE_SORT 1
#include <immintrin.h>
#define PT_WIDE_CODE __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,popcnt")))
#define PT_AVX2_CODE __attribute__((target("avx2,popcnt")))
/* For each mask of lanes, the lanes in it and then the others: one a byte, the first one lowest. */
static const uint64_t pt_masked_first[256] = {
    0x0706050403020100, 0x0706050403020100, 0x0706050403020001, 0x0706050403020100,
    0x0706050403010002, 0x0706050403010200, 0x0706050403000201, 0x0706050403020100,
    0x0706050402010003, 0x0706050402010300, 0x0706050402000301, 0x0706050402030100,
    0x0706050401000302, 0x0706050401030200, 0x0706050400030201, 0x0706050403020100,
    0x0706050302010004, 0x0706050302010400, 0x0706050302000401, 0x0706050302040100,
    0x0706050301000402, 0x0706050301040200, 0x0706050300040201, 0x0706050304020100,
    0x0706050201000403, 0x0706050201040300, 0x0706050200040301, 0x0706050204030100,
    0x0706050100040302, 0x0706050104030200, 0x0706050004030201, 0x0706050403020100,
    0x0706040302010005, 0x0706040302010500, 0x0706040302000501, 0x0706040302050100,
    0x0706040301000502, 0x0706040301050200, 0x0706040300050201, 0x0706040305020100,
    0x0706040201000503, 0x0706040201050300, 0x0706040200050301, 0x0706040205030100,
    0x0706040100050302, 0x0706040105030200, 0x0706040005030201, 0x0706040503020100,
    0x0706030201000504, 0x0706030201050400, 0x0706030200050401, 0x0706030205040100,
    0x0706030100050402, 0x0706030105040200, 0x0706030005040201, 0x0706030504020100,
    0x0706020100050403, 0x0706020105040300, 0x0706020005040301, 0x0706020504030100,
    0x0706010005040302, 0x0706010504030200, 0x0706000504030201, 0x0706050403020100,
    0x0705040302010006, 0x0705040302010600, 0x0705040302000601, 0x0705040302060100,
    0x0705040301000602, 0x0705040301060200, 0x0705040300060201, 0x0705040306020100,
    0x0705040201000603, 0x0705040201060300, 0x0705040200060301, 0x0705040206030100,
    0x0705040100060302, 0x0705040106030200, 0x0705040006030201, 0x0705040603020100,
    0x0705030201000604, 0x0705030201060400, 0x0705030200060401, 0x0705030206040100,
    0x0705030100060402, 0x0705030106040200, 0x0705030006040201, 0x0705030604020100,
    0x0705020100060403, 0x0705020106040300, 0x0705020006040301, 0x0705020604030100,
    0x0705010006040302, 0x0705010604030200, 0x0705000604030201, 0x0705060403020100,
    0x0704030201000605, 0x0704030201060500, 0x0704030200060501, 0x0704030206050100,
    0x0704030100060502, 0x0704030106050200, 0x0704030006050201, 0x0704030605020100,
    0x0704020100060503, 0x0704020106050300, 0x0704020006050301, 0x0704020605030100,
    0x0704010006050302, 0x0704010605030200, 0x0704000605030201, 0x0704060503020100,
    0x0703020100060504, 0x0703020106050400, 0x0703020006050401, 0x0703020605040100,
    0x0703010006050402, 0x0703010605040200, 0x0703000605040201, 0x0703060504020100,
    0x0702010006050403, 0x0702010605040300, 0x0702000605040301, 0x0702060504030100,
    0x0701000605040302, 0x0701060504030200, 0x0700060504030201, 0x0706050403020100,
    0x0605040302010007, 0x0605040302010700, 0x0605040302000701, 0x0605040302070100,
    0x0605040301000702, 0x0605040301070200, 0x0605040300070201, 0x0605040307020100,
    0x0605040201000703, 0x0605040201070300, 0x0605040200070301, 0x0605040207030100,
    0x0605040100070302, 0x0605040107030200, 0x0605040007030201, 0x0605040703020100,
    0x0605030201000704, 0x0605030201070400, 0x0605030200070401, 0x0605030207040100,
    0x0605030100070402, 0x0605030107040200, 0x0605030007040201, 0x0605030704020100,
    0x0605020100070403, 0x0605020107040300, 0x0605020007040301, 0x0605020704030100,
    0x0605010007040302, 0x0605010704030200, 0x0605000704030201, 0x0605070403020100,
    0x0604030201000705, 0x0604030201070500, 0x0604030200070501, 0x0604030207050100,
    0x0604030100070502, 0x0604030107050200, 0x0604030007050201, 0x0604030705020100,
    0x0604020100070503, 0x0604020107050300, 0x0604020007050301, 0x0604020705030100,
    0x0604010007050302, 0x0604010705030200, 0x0604000705030201, 0x0604070503020100,
    0x0603020100070504, 0x0603020107050400, 0x0603020007050401, 0x0603020705040100,
    0x0603010007050402, 0x0603010705040200, 0x0603000705040201, 0x0603070504020100,
    0x0602010007050403, 0x0602010705040300, 0x0602000705040301, 0x0602070504030100,
    0x0601000705040302, 0x0601070504030200, 0x0600070504030201, 0x0607050403020100,
    0x0504030201000706, 0x0504030201070600, 0x0504030200070601, 0x0504030207060100,
    0x0504030100070602, 0x0504030107060200, 0x0504030007060201, 0x0504030706020100,
    0x0504020100070603, 0x0504020107060300, 0x0504020007060301, 0x0504020706030100,
    0x0504010007060302, 0x0504010706030200, 0x0504000706030201, 0x0504070603020100,
    0x0503020100070604, 0x0503020107060400, 0x0503020007060401, 0x0503020706040100,
    0x0503010007060402, 0x0503010706040200, 0x0503000706040201, 0x0503070604020100,
    0x0502010007060403, 0x0502010706040300, 0x0502000706040301, 0x0502070604030100,
    0x0501000706040302, 0x0501070604030200, 0x0500070604030201, 0x0507060403020100,
    0x0403020100070605, 0x0403020107060500, 0x0403020007060501, 0x0403020706050100,
    0x0403010007060502, 0x0403010706050200, 0x0403000706050201, 0x0403070605020100,
    0x0402010007060503, 0x0402010706050300, 0x0402000706050301, 0x0402070605030100,
    0x0401000706050302, 0x0401070605030200, 0x0400070605030201, 0x0407060503020100,
    0x0302010007060504, 0x0302010706050400, 0x0302000706050401, 0x0302070605040100,
    0x0301000706050402, 0x0301070605040200, 0x0300070605040201, 0x0307060504020100,
    0x0201000706050403, 0x0201070605040300, 0x0200070605040301, 0x0207060504030100,
    0x0100070605040302, 0x0107060504030200, 0x0007060504030201, 0x0706050403020100,
};
/* The lanes of a vector, twice. */
static const int32_t pt_rotated[32] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
};
/* The same for four lanes of two halves each. */
static const uint64_t pt_masked_pairs[16] = {
    0x0706050403020100, 0x0706050403020100, 0x0706050401000302, 0x0706050403020100,
    0x0706030201000504, 0x0706030205040100, 0x0706010005040302, 0x0706050403020100,
    0x0504030201000706, 0x0504030207060100, 0x0504010007060302, 0x0504070603020100,
    0x0302010007060504, 0x0302070605040100, 0x0100070605040302, 0x0706050403020100,
};
/* The mask of the first lanes of eight, from 8 minus their number on. */
static const int32_t pt_lanes_set[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

/* What sorts use: 2 AVX-512, 1 AVX2, 0 neither. PT_SORT_MOST bounds it, for tests. */
#ifndef PT_SORT_MOST
#define PT_SORT_MOST 2
#endif
static inline int pt_sort_level(void)
{
    if (PT_SORT_MOST > 1 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return 2;
    return PT_SORT_MOST > 0 && __builtin_cpu_supports("avx2");
}
#else
#define pt_sort_level() 0
#endif
#define pt_has_wide_sort() (pt_sort_level() == 2)

/* The largest number of splits in a row, for runs of n keys. */
static inline int pt_sort_depth(int64_t n)
{
    int depth = 16;
    for (; n > 1; n /= 2)
        depth += 2;
    return depth;
}

/* One of n places, another one in each call. */
static inline int64_t pt_scattered(uint64_t *state, int64_t n)
{
    const uint64_t range = (uint64_t) n < UINT32_MAX ? (uint64_t) n : UINT32_MAX;
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t) (((*state >> 32) * range) >> 32);
}

#ifdef PT_WIDE_SORT
#define PT_SORT_AHEAD 2048 /* bytes from the block that is read to the one that is fetched */

/* The mask of the first `count` lanes, of eight or sixteen. */
static inline __mmask8 pt_first_lanes(int64_t count)
{
    return (__mmask8) (count >= 8 ? -1 : count > 0 ? (1 << count) - 1 : 0);
}
static inline __mmask16 pt_first_lanes_32(int64_t count)
{
    return (__mmask16) (count >= 16 ? -1 : count > 0 ? (1 << count) - 1 : 0);
}
static inline __attribute__((always_inline)) PT_AVX2_CODE __m256i pt_lanes_mask(int64_t halves)
{
    const int64_t count = halves < 0 ? 0 : halves > 8 ? 8 : halves;
    return _mm256_loadu_si256((const __m256i *) (const void *) (pt_lanes_set + 8 - count));
}
#define PT_ORDER_OF(table, high) \
    _mm_loadl_epi64((const __m128i *) (const void *) &table[high])

#define PT_VECTOR __m512i
#define PT_CODE PT_WIDE_CODE
#define PT_LOAD(from) _mm512_loadu_si512(from)
#define PT_STORE(to, v) _mm512_storeu_si512(to, v)

#define PT_KEY int64_t
#define PT_KEY_MIN INT64_MIN
#define PT_KEY_MAX INT64_MAX
#define PT_LANES 8
#define PT_AT(name) name##_avx512
#define PT_MASK __mmask8
#define PT_LOAD_FIRST(from, count, none) \
    _mm512_mask_loadu_epi64(none, pt_first_lanes(count), from)
#define PT_STORE_FIRST(to, count, v) _mm512_mask_storeu_epi64(to, pt_first_lanes(count), v)
#define PT_SAME(key) _mm512_set1_epi64(key)
#define PT_MIN(a, b) _mm512_min_epi64(a, b)
#define PT_MAX(a, b) _mm512_max_epi64(a, b)
#define PT_ABOVE(a, b) _mm512_cmpgt_epi64_mask(a, b)
#define PT_PARTS(lows, highs, keys, high, beyond) \
    lows = highs = _mm512_permutexvar_epi64( \
        _mm512_cvtepu8_epi64(PT_ORDER_OF(pt_masked_first, (uint8_t) ~high)), keys);
#define PT_CHOSEN(a, b, above) _mm512_mask_max_epi64(_mm512_min_epi64(a, b), above, a, b)
#define PT_BESIDE_1(x) _mm512_permutex_epi64(x, 0xb1)
#define PT_BESIDE_2(x) _mm512_permutex_epi64(x, 0x4e)
#define PT_BESIDE_3(x) _mm512_permutex_epi64(x, 0x1b)
#define PT_BESIDE_7(x) _mm512_permutexvar_epi64(_mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7), x)
#define PT_MERGES \
    PT_TURN(PT_BESIDE_1, 0xaa) PT_DOWN \
    PT_TURN(PT_BESIDE_3, 0xcc) PT_ACROSS(PT_BESIDE_1, 0xaa) PT_DOWN \
    PT_TURN(PT_BESIDE_7, 0xf0) PT_ACROSS(PT_BESIDE_2, 0xcc) PT_ACROSS(PT_BESIDE_1, 0xaa) PT_DOWN
#define PT_RIFFLE_LOW(a, b) \
    _mm512_permutex2var_epi64(a, _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), b)
#define PT_RIFFLE_HIGH(a, b) \
    _mm512_permutex2var_epi64(a, _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), b)
#include "pt_sort_wide.h"

#define PT_KEY int32_t
#define PT_KEY_MIN INT32_MIN
#define PT_KEY_MAX INT32_MAX
#define PT_LANES 16
#define PT_AT(name) name##_avx512_32
#define PT_MASK __mmask16
#define PT_LOAD_FIRST(from, count, none) \
    _mm512_mask_loadu_epi32(none, pt_first_lanes_32(count), from)
#define PT_STORE_FIRST(to, count, v) _mm512_mask_storeu_epi32(to, pt_first_lanes_32(count), v)
#define PT_SAME(key) _mm512_set1_epi32(key)
#define PT_MIN(a, b) _mm512_min_epi32(a, b)
#define PT_MAX(a, b) _mm512_max_epi32(a, b)
#define PT_ABOVE(a, b) _mm512_cmpgt_epi32_mask(a, b)
#define PT_PARTS(lows, highs, keys, high, beyond) \
    lows = _mm512_maskz_compress_epi32((__mmask16) ~high, keys); \
    highs = _mm512_permutexvar_epi32(_mm512_loadu_si512(pt_rotated + beyond), \
                                     _mm512_maskz_compress_epi32(high, keys));
#define PT_CHOSEN(a, b, above) _mm512_mask_max_epi32(_mm512_min_epi32(a, b), above, a, b)
#define PT_BESIDE_1(x) _mm512_shuffle_epi32(x, (_MM_PERM_ENUM) 0xb1)
#define PT_BESIDE_2(x) _mm512_shuffle_epi32(x, (_MM_PERM_ENUM) 0x4e)
#define PT_BESIDE_3(x) _mm512_shuffle_epi32(x, (_MM_PERM_ENUM) 0x1b)
#define PT_BESIDE_4(x) _mm512_permutex_epi64(x, 0x4e)
#define PT_BESIDE_7(x) \
    _mm512_permutexvar_epi32( \
        _mm512_set_epi32(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7), x)
#define PT_BESIDE_15(x) \
    _mm512_permutexvar_epi32( \
        _mm512_set_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), x)
#define PT_MERGES \
    PT_TURN(PT_BESIDE_1, 0xaaaa) PT_DOWN \
    PT_TURN(PT_BESIDE_3, 0xcccc) PT_ACROSS(PT_BESIDE_1, 0xaaaa) PT_DOWN \
    PT_TURN(PT_BESIDE_7, 0xf0f0) PT_ACROSS(PT_BESIDE_2, 0xcccc) PT_ACROSS(PT_BESIDE_1, 0xaaaa) \
    PT_DOWN \
    PT_TURN(PT_BESIDE_15, 0xff00) PT_ACROSS(PT_BESIDE_4, 0xf0f0) PT_ACROSS(PT_BESIDE_2, 0xcccc) \
    PT_ACROSS(PT_BESIDE_1, 0xaaaa) PT_DOWN
#define PT_RIFFLE_LOW(a, b) \
    _mm512_permutex2var_epi32( \
        a, _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0), b)
#define PT_RIFFLE_HIGH(a, b) \
    _mm512_permutex2var_epi32( \
        a, _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8), b)
#include "pt_sort_wide.h"
#undef PT_VECTOR
#undef PT_CODE
#undef PT_LOAD
#undef PT_STORE

#define PT_VECTOR __m256i
#define PT_CODE PT_AVX2_CODE
#define PT_LOAD(from) _mm256_loadu_si256((const __m256i *) (const void *) (from))
#define PT_STORE(to, v) _mm256_storeu_si256((__m256i *) (void *) (to), v)

#define PT_KEY int64_t
#define PT_KEY_MIN INT64_MIN
#define PT_KEY_MAX INT64_MAX
#define PT_LANES 4
#define PT_AT(name) name##_avx2
#define PT_MASK uint8_t
#define PT_LOAD_FIRST(from, count, none) \
    _mm256_blendv_epi8(none, \
                       _mm256_maskload_epi64((const long long *) (const void *) (from), \
                                             pt_lanes_mask(2 * (count))), \
                       pt_lanes_mask(2 * (count)))
#define PT_STORE_FIRST(to, count, v) \
    _mm256_maskstore_epi64((long long *) (void *) (to), pt_lanes_mask(2 * (count)), v)
#define PT_SAME(key) _mm256_set1_epi64x(key)
#define PT_MIN(a, b) _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b))
#define PT_MAX(a, b) _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi64(a, b))
#define PT_ABOVE(a, b) \
    ((uint8_t) _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(a, b))))
#define PT_PARTS(lows, highs, keys, high, beyond) \
    lows = highs = _mm256_permutevar8x32_epi32( \
        keys, _mm256_cvtepu8_epi32(PT_ORDER_OF(pt_masked_pairs, 15 & ~high)));
#define PT_CHOSEN(a, b, above) \
    _mm256_blendv_epi8(a, b, _mm256_xor_si256(_mm256_cmpgt_epi64(a, b), above))
#define PT_ABOVE_1 _mm256_set_epi64x(-1, 0, -1, 0)
#define PT_BESIDE_1(x) _mm256_permute4x64_epi64(x, 0xb1)
#define PT_BESIDE_3(x) _mm256_permute4x64_epi64(x, 0x1b)
#define PT_MERGES \
    PT_TURN(PT_BESIDE_1, PT_ABOVE_1) PT_DOWN \
    PT_TURN(PT_BESIDE_3, _mm256_set_epi64x(-1, -1, 0, 0)) PT_ACROSS(PT_BESIDE_1, PT_ABOVE_1) \
    PT_DOWN
#define PT_RIFFLE_LOW(a, b) \
    _mm256_permute2x128_si256(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b), 0x20)
#define PT_RIFFLE_HIGH(a, b) \
    _mm256_permute2x128_si256(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b), 0x31)
#include "pt_sort_wide.h"

#define PT_KEY int32_t
#define PT_KEY_MIN INT32_MIN
#define PT_KEY_MAX INT32_MAX
#define PT_LANES 8
#define PT_AT(name) name##_avx2_32
#define PT_MASK uint8_t
#define PT_LOAD_FIRST(from, count, none) \
    _mm256_blendv_epi8(none, _mm256_maskload_epi32(from, pt_lanes_mask(count)), \
                       pt_lanes_mask(count))
#define PT_STORE_FIRST(to, count, v) _mm256_maskstore_epi32(to, pt_lanes_mask(count), v)
#define PT_SAME(key) _mm256_set1_epi32(key)
#define PT_MIN(a, b) _mm256_min_epi32(a, b)
#define PT_MAX(a, b) _mm256_max_epi32(a, b)
#define PT_ABOVE(a, b) \
    ((uint8_t) _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b))))
#define PT_PARTS(lows, highs, keys, high, beyond) \
    lows = highs = _mm256_permutevar8x32_epi32( \
        keys, _mm256_cvtepu8_epi32(PT_ORDER_OF(pt_masked_first, (uint8_t) ~high)));
#define PT_CHOSEN(a, b, above) \
    _mm256_blend_epi32(_mm256_min_epi32(a, b), _mm256_max_epi32(a, b), above)
#define PT_BESIDE_1(x) _mm256_shuffle_epi32(x, 0xb1)
#define PT_BESIDE_2(x) _mm256_shuffle_epi32(x, 0x4e)
#define PT_BESIDE_3(x) _mm256_shuffle_epi32(x, 0x1b)
#define PT_BESIDE_7(x) \
    _mm256_permutevar8x32_epi32(x, _mm256_set_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define PT_MERGES \
    PT_TURN(PT_BESIDE_1, 0xaa) PT_DOWN \
    PT_TURN(PT_BESIDE_3, 0xcc) PT_ACROSS(PT_BESIDE_1, 0xaa) PT_DOWN \
    PT_TURN(PT_BESIDE_7, 0xf0) PT_ACROSS(PT_BESIDE_2, 0xcc) PT_ACROSS(PT_BESIDE_1, 0xaa) PT_DOWN
#define PT_RIFFLE_LOW(a, b) \
    _mm256_permute2x128_si256(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b), 0x20)
#define PT_RIFFLE_HIGH(a, b) \
    _mm256_permute2x128_si256(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b), 0x31)
#include "pt_sort_wide.h"
#undef PT_VECTOR
#undef PT_CODE
#undef PT_LOAD
#undef PT_STORE
#undef PT_ORDER_OF
#endif

#define PT_KEY int64_t
#define PT_KEY_MAX INT64_MAX
#define PT_OF(name) name
#define PT_LANES 8
#include "pt_sort_runs.h"
#define PT_KEY int32_t
#define PT_KEY_MAX INT32_MAX
#define PT_OF(name) name##_32
#define PT_LANES 16
#include "pt_sort_runs.h"

#endif
