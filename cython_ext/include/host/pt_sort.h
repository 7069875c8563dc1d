/* Sorting and selection of 64-bit keys in place: quicksort whose halves are split by vectors of
 * eight where the processor has AVX-512, and without branches elsewhere.
 *
 * The splits by compressed vectors are those of Bramas (2017), "A novel hybrid quicksort algorithm
 * vectorized using AVX-512", IJACSA 8(10), with one permutation in the place of two compressions;
 * short runs are sorted by a bitonic network (Batcher 1968, AFIPS 32:307). Pivots are medians of
 * samples; a run that is split too often is sorted by a heap, so that no input takes more than
 * O(n log n). Equal keys are one key, so all ways give the same result.
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
#endif

#define PT_SORT_BLOCK 64  /* keys that are read at once from one end of a run */
#define PT_SORT_SHORT 128 /* keys of a run that the network sorts, two blocks; 16 without vectors */

/* The keys below a pivot first: how many there are. With `equal` also those equal to it. */
PT_ROUTINE int64_t pt_split_plain(int64_t *a, int64_t n, int64_t pivot, int equal)
{
    int64_t left = 0;
    if (equal && pivot == INT64_MAX)
        return n;
    pivot += equal;
    for (int64_t i = 0; i < n; i++) {
        const int64_t key = a[i];
        a[i] = a[left];
        a[left] = key;
        left += key < pivot;
    }
    return left;
}

PT_ROUTINE void pt_insert_sort(int64_t *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const int64_t key = a[i];
        int64_t j = i;
        for (; j > 0 && a[j - 1] > key; j--)
            a[j] = a[j - 1];
        a[j] = key;
    }
}

PT_ROUTINE void pt_sift_down(int64_t *a, int64_t i, int64_t n)
{
    const int64_t key = a[i];
    for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && a[child + 1] > a[child];
        if (a[child] <= key)
            break;
        a[i] = a[child];
        i = child;
    }
    a[i] = key;
}

PT_ROUTINE void pt_heap_sort(int64_t *a, int64_t n)
{
    for (int64_t i = n / 2; i-- > 0;)
        pt_sift_down(a, i, n);
    for (int64_t last = n - 1; last > 0; last--) {
        const int64_t largest = a[0];
        a[0] = a[last];
        a[last] = largest;
        pt_sift_down(a, 0, last);
    }
}

#ifdef PT_WIDE_SORT
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

/* As pt_split_plain. Blocks are read from the end of the run that has less room, so that there is
 * always room for what is written to either end: whole vectors, of which the other half is written
 * over later. */
PT_ROUTINE PT_WIDE_CODE int64_t pt_split_wide(int64_t *a, int64_t n, int64_t pivot, int equal)
{
    enum { BLOCK = PT_SORT_BLOCK, VECTORS = BLOCK / 8 };
    int64_t saved[3 * BLOCK];
    int64_t left = 0, right = n, from = BLOCK, to = n - BLOCK, rest = 0;
    const __m512i bound = _mm512_set1_epi64(pivot);
    memcpy(saved, a, BLOCK * sizeof *a);
    memcpy(saved + BLOCK, a + to, BLOCK * sizeof *a);
    while (to - from >= BLOCK) {
        const int64_t at_end = right - to < from - left;
        const int64_t *const block = a + (at_end ? to - BLOCK : from);
        __m512i keys[VECTORS];
        to -= at_end * BLOCK;
        from += (1 - at_end) * BLOCK;
        for (int k = 0; k < VECTORS; k++)
            keys[k] = _mm512_loadu_si512(block + 8 * k);
        for (int k = 0; k < VECTORS; k++) {
            const __mmask8 low = equal ? _mm512_cmple_epi64_mask(keys[k], bound)
                                       : _mm512_cmplt_epi64_mask(keys[k], bound);
            const int count = __builtin_popcount(low);
            const __m512i order = _mm512_cvtepu8_epi64(
                _mm_loadl_epi64((const __m128i *) (const void *) &pt_masked_first[low]));
            const __m512i halves = _mm512_permutexvar_epi64(order, keys[k]);
            _mm512_storeu_si512(a + left, halves);
            _mm512_storeu_si512(a + right - 8, halves);
            left += count;
            right -= 8 - count;
        }
    }
    rest = 2 * BLOCK + to - from;
    memcpy(saved + 2 * BLOCK, a + from, (size_t) (to - from) * sizeof *a);
    for (int64_t i = 0; i < rest; i += 8) {
        const __mmask8 real = rest - i < 8 ? (__mmask8) ((1 << (rest - i)) - 1) : 0xff;
        const __m512i keys = _mm512_maskz_loadu_epi64(real, saved + i);
        const __mmask8 low = equal ? _mm512_mask_cmple_epi64_mask(real, keys, bound)
                                   : _mm512_mask_cmplt_epi64_mask(real, keys, bound);
        const __mmask8 high = (__mmask8) (real & ~low);
        const int count = __builtin_popcount(low), other = __builtin_popcount(high);
        _mm512_mask_storeu_epi64(a + left, (__mmask8) ((1 << count) - 1),
                                 _mm512_maskz_compress_epi64(low, keys));
        left += count;
        right -= other;
        _mm512_mask_storeu_epi64(a + right, (__mmask8) ((1 << other) - 1),
                                 _mm512_maskz_compress_epi64(high, keys));
    }
    return left;
}

/* One step of a network within each vector: the lanes of `above` get the larger of each pair. */
#define PT_IN_LANES(partner, above) \
    for (int k = 0; k < count; k++) { \
        const __m512i other = partner; \
        v[k] = _mm512_mask_max_epi64(_mm512_min_epi64(v[k], other), above, v[k], other); \
    }

/* A bitonic network over `count` vectors, a power of two that the compiler knows. */
static inline __attribute__((always_inline)) PT_WIDE_CODE void pt_network(__m512i *v, int count)
{
    const __m512i reversed = _mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    PT_IN_LANES(_mm512_permutex_epi64(v[k], 0xb1), 0xaa)
    PT_IN_LANES(_mm512_permutex_epi64(v[k], 0x1b), 0xcc)
    PT_IN_LANES(_mm512_permutex_epi64(v[k], 0xb1), 0xaa)
    PT_IN_LANES(_mm512_permutexvar_epi64(reversed, v[k]), 0xf0)
    PT_IN_LANES(_mm512_permutex_epi64(v[k], 0x4e), 0xcc)
    PT_IN_LANES(_mm512_permutex_epi64(v[k], 0xb1), 0xaa)
#pragma GCC unroll 4
    for (int run = 2; run <= count; run *= 2) {
#pragma GCC unroll 8
        for (int k = 0; k < count / 2; k++) {
            const int i = k / (run / 2) * run + k % (run / 2), j = i + run - 1 - 2 * (i % run);
            const __m512i low = v[i], high = _mm512_permutexvar_epi64(reversed, v[j]);
            v[i] = _mm512_min_epi64(low, high);
            v[j] = _mm512_max_epi64(low, high);
        }
#pragma GCC unroll 4
        for (int step = run / 4; step > 0; step /= 2)
#pragma GCC unroll 8
            for (int k = 0; k < count / 2; k++) {
                const int i = k / step * 2 * step + k % step, j = i + step;
                const __m512i low = v[i], high = v[j];
                v[i] = _mm512_min_epi64(low, high);
                v[j] = _mm512_max_epi64(low, high);
            }
        PT_IN_LANES(_mm512_shuffle_i64x2(v[k], v[k], 0x4e), 0xf0)
        PT_IN_LANES(_mm512_permutex_epi64(v[k], 0x4e), 0xcc)
        PT_IN_LANES(_mm512_permutex_epi64(v[k], 0xb1), 0xaa)
    }
}

/* Up to 8 * count keys in order: the lanes without a key hold the largest one. */
#define PT_SORT_VECTORS(count) \
    PT_ROUTINE PT_WIDE_CODE void pt_sort_##count##_vectors(int64_t *a, int64_t n) \
    { \
        __m512i v[count]; \
        for (int k = 0; k < count; k++) { \
            const int64_t left = n - 8 * k; \
            const __mmask8 real = (__mmask8) (left >= 8 ? 0xff : left > 0 ? (1 << left) - 1 : 0); \
            v[k] = _mm512_mask_loadu_epi64(_mm512_set1_epi64(INT64_MAX), real, a + 8 * k); \
        } \
        pt_network(v, count); \
        for (int k = 0; k < count; k++) { \
            const int64_t left = n - 8 * k; \
            const __mmask8 real = (__mmask8) (left >= 8 ? 0xff : left > 0 ? (1 << left) - 1 : 0); \
            _mm512_mask_storeu_epi64(a + 8 * k, real, v[k]); \
        } \
    }
PT_SORT_VECTORS(1)
PT_SORT_VECTORS(2)
PT_SORT_VECTORS(4)
PT_SORT_VECTORS(8)
PT_SORT_VECTORS(16)

PT_ROUTINE void pt_network_sort(int64_t *a, int64_t n)
{
    if (n <= 8)
        pt_sort_1_vectors(a, n);
    else if (n <= 16)
        pt_sort_2_vectors(a, n);
    else if (n <= 32)
        pt_sort_4_vectors(a, n);
    else if (n <= 64)
        pt_sort_8_vectors(a, n);
    else
        pt_sort_16_vectors(a, n);
}

static inline int pt_has_wide_sort(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#else
#define pt_split_wide pt_split_plain
#define pt_network_sort pt_insert_sort
#define pt_has_wide_sort() 0
#endif

static inline int64_t pt_middle(int64_t a, int64_t b, int64_t c)
{
    const int64_t low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* A key of the run: the median of three medians of three keys at scattered places. */
static inline int64_t pt_sample_pivot(const int64_t *a, int64_t n, uint64_t *state)
{
    const uint64_t range = (uint64_t) n < UINT32_MAX ? (uint64_t) n : UINT32_MAX;
    int64_t found[3];
    for (int k = 0; k < 3; k++) {
        int64_t key[3];
        for (int j = 0; j < 3; j++) {
            *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            key[j] = a[((*state >> 32) * range) >> 32];
        }
        found[k] = pt_middle(key[0], key[1], key[2]);
    }
    return pt_middle(found[0], found[1], found[2]);
}

/* The keys a[0 .. n) in order, or with `places` such that each key at one of these `count` places,
 * which ascend and count from `first`, is the one that it is in order. */
PT_ROUTINE void pt_quicksort(int64_t *a, int64_t n, int64_t first, const int64_t *places,
                             int64_t count, int wide, int depth, uint64_t state)
{
    const int64_t shortest = wide ? PT_SORT_SHORT : 16;
    while (n > shortest) {
        int64_t left, before = 0;
        const int64_t pivot = pt_sample_pivot(a, n, &state);
        if (places && !count)
            return;
        if (depth-- == 0) {
            pt_heap_sort(a, n);
            return;
        }
        left = wide ? pt_split_wide(a, n, pivot, 0) : pt_split_plain(a, n, pivot, 0);
        if (!left) { /* the pivot is the smallest: those equal to it are in order */
            left = wide ? pt_split_wide(a, n, pivot, 1) : pt_split_plain(a, n, pivot, 1);
            depth++;
        } else if (!places || (count && places[0] < first + left)) {
            while (before < count && places[before] < first + left)
                before++;
            pt_quicksort(a, left, first, places, before, wide, depth, state);
        }
        while (before < count && places[before] < first + left)
            before++;
        if (places)
            places += before;
        count -= before;
        a += left;
        n -= left;
        first += left;
    }
    if (wide)
        pt_network_sort(a, n);
    else
        pt_insert_sort(a, n);
}

/* The largest number of splits in a row, for runs of n keys. */
static inline int pt_sort_depth(int64_t n)
{
    int depth = 16;
    for (; n > 1; n /= 2)
        depth += 2;
    return depth;
}

PT_ROUTINE void pt_sort_keys(int64_t *a, int64_t n)
{
    pt_quicksort(a, n, 0, NULL, 0, pt_has_wide_sort(), pt_sort_depth(n), 1);
}

/* The keys at these places, which ascend, are those of the keys in order. */
PT_ROUTINE void pt_select_keys(int64_t *a, int64_t n, const int64_t *places, int64_t count)
{
    pt_quicksort(a, n, 0, places, count, pt_has_wide_sort(), pt_sort_depth(n), 1);
}

#endif
