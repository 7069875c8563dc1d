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

#define PT_SORT_BLOCK 32  /* keys that are read at once from one end of a run */
#define PT_SORT_SHORT 128 /* keys of a run that the network sorts; 16 without vectors */

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
/* As pt_split_plain. Blocks are read from the end of the run that has less room, so that there is
 * always room for what is written to either end. */
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
            _mm512_storeu_si512(a + left, _mm512_maskz_compress_epi64(low, keys[k]));
            left += count;
            right -= 8 - count;
            _mm512_mask_storeu_epi64(a + right, (__mmask8) (0xff >> count),
                                     _mm512_maskz_compress_epi64((__mmask8) ~low, keys[k]));
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
    int64_t found[3];
    for (int k = 0; k < 3; k++) {
        int64_t key[3];
        for (int j = 0; j < 3; j++) {
            *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            key[j] = a[(int64_t) ((*state >> 33) % (uint64_t) n)];
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
