/* The routines of sorting, searching and running operations, for compiled plans and exports: plain
 * C without libraries. Each works on `batch` items; all is on the calling thread. */
#ifndef PT_ORDERING_H
#define PT_ORDERING_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "pt_select.h"

/* Each item of n numbers in ascending order, nan last. */
#define PT_SORT_FLOATS(name, type, integer, keys_of, sort_keys) \
    PT_ROUTINE void name(const type *x, type *out, int64_t batch, int64_t n) \
    { \
        const int level = pt_sort_level(); \
        for (int64_t item = 0; item < batch; item++, x += n, out += n) { \
            integer *const keys = (integer *) (void *) out; \
            if (level == 2) \
                keys_of##_avx512(x, keys, n); \
            else if (level == 1) \
                keys_of##_avx2(x, keys, n); \
            else \
                keys_of##_plain(x, keys, n); \
            sort_keys(keys, n); \
            if (level == 2) \
                keys_of##_avx512_back(keys, n); \
            else if (level == 1) \
                keys_of##_avx2_back(keys, n); \
            else \
                keys_of##_plain_back(keys, n); \
        } \
    }
PT_SORT_FLOATS(pt_sort, double, int64_t, pt_float64_keys, pt_sort_keys)
PT_SORT_FLOATS(pt_sort_float32, float, int32_t, pt_float32_keys, pt_sort_keys_32)
#undef PT_SORT_FLOATS

#define PT_SORT_INTEGERS(name, type, sort_keys) \
    PT_ROUTINE void name(const type *x, type *out, int64_t batch, int64_t n) \
    { \
        memcpy(out, x, (size_t) (batch * n) * sizeof *x); \
        for (int64_t item = 0; item < batch; item++) \
            sort_keys(out + item * n, n); \
    }
PT_SORT_INTEGERS(pt_sort_int64, int64_t, pt_sort_keys)
PT_SORT_INTEGERS(pt_sort_int32, int32_t, pt_sort_keys_32)
#undef PT_SORT_INTEGERS

/* An element to be ordered, and where it was. */
typedef struct {
    int64_t key, place;
} pt_placed;

#define PT_MERGED 1024 /* elements that are merged; more are distributed by their digits */

PT_ROUTINE pt_placed *pt_merge_placed(pt_placed *a, pt_placed *b, int64_t n)
{
    const int64_t run = 16;
    for (int64_t first = 0; first < n; first += run)
        for (int64_t i = first + 1; i < n && i < first + run; i++) {
            const pt_placed moved = a[i];
            int64_t j = i;
            for (; j > first && a[j - 1].key > moved.key; j--)
                a[j] = a[j - 1];
            a[j] = moved;
        }
    for (int64_t width = run; width < n; width *= 2) {
        pt_placed *const from = a;
        for (int64_t first = 0; first < n; first += 2 * width) {
            const int64_t middle = first + width < n ? first + width : n;
            const int64_t last = first + 2 * width < n ? first + 2 * width : n;
            int64_t left = first, right = middle, i = first;
            for (; left < middle && right < last; i++) {
                const int smaller = from[right].key < from[left].key;
                b[i] = from[smaller ? right : left];
                right += smaller;
                left += !smaller;
            }
            memcpy(b + i, from + left, (size_t) (middle - left) * sizeof *b);
            memcpy(b + i + middle - left, from + right, (size_t) (last - right) * sizeof *b);
        }
        a = b;
        b = from;
    }
    return a;
}

/* In order by their digits, from the last one on; digits that all have in common are left out. */
PT_ROUTINE pt_placed *pt_distribute_placed(pt_placed *a, pt_placed *b, int64_t n)
{
    enum { MOST = 1 << 10 };
    const int bits = n < 16384 ? 8 : 10;
    uint64_t differ = 0;
    int64_t starts[MOST];
    for (int64_t i = 1; i < n; i++)
        differ |= (uint64_t) (a[i].key ^ a[0].key);
    for (int shift = 0; shift < 64; shift += bits) {
        const uint64_t mask = (UINT64_C(1) << bits) - 1;
        const uint64_t sign = shift + bits >= 64 ? UINT64_C(1) << (63 - shift) : 0;
        pt_placed *const from = a;
        int64_t total = 0;
        if (!(differ >> shift & mask))
            continue;
        memset(starts, 0, sizeof *starts << bits);
        for (int64_t i = 0; i < n; i++)
            starts[((uint64_t) a[i].key >> shift & mask) ^ sign]++;
        for (int64_t digit = 0; digit < 1 << bits; digit++) {
            const int64_t count = starts[digit];
            starts[digit] = total;
            total += count;
        }
        for (int64_t i = 0; i < n; i++)
            b[starts[((uint64_t) a[i].key >> shift & mask) ^ sign]++] = a[i];
        a = b;
        b = from;
    }
    return a;
}

/* n elements in stable order: in `a` or in `b`. */
PT_ROUTINE pt_placed *pt_sort_placed(pt_placed *a, pt_placed *b, int64_t n)
{
    return n <= PT_MERGED ? pt_merge_placed(a, b, n) : pt_distribute_placed(a, b, n);
}

/* The indices that sort each item of n numbers, nan last; the order is stable. The workspace is of
 * 4 n doubles. */
#define PT_ARGSORT(name, type, rank) \
    PT_ROUTINE void name(const type *x, int64_t *order, double *work, int64_t batch, int64_t n) \
    { \
        pt_placed *const a = (pt_placed *) (void *) work; \
        for (int64_t item = 0; item < batch; item++) { \
            const pt_placed *found; \
            for (int64_t i = 0; i < n; i++) { \
                a[i].key = rank(x[item * n + i]); \
                a[i].place = i; \
            } \
            found = pt_sort_placed(a, a + n, n); \
            for (int64_t i = 0; i < n; i++) \
                order[item * n + i] = found[i].place; \
        } \
    }
PT_ARGSORT(pt_argsort, double, pt_float64_rank)
PT_ARGSORT(pt_argsort_int64, int64_t, pt_int64_rank)
#undef PT_ARGSORT

/* The indices that sort the m rows of n numbers of each item, by their first number, then by their
 * second one, and so on; the order is stable. The workspace is of m doubles. */
#define PT_ARGSORT_ROWS(name, type, rank) \
    PT_ROUTINE int name##_after(const type *x, int64_t n, int64_t row, int64_t other) \
    { \
        for (int64_t i = 0; i < n; i++) { \
            const int64_t a = rank(x[row * n + i]), b = rank(x[other * n + i]); \
            if (a != b) \
                return a > b; \
        } \
        return 0; \
    } \
    PT_ROUTINE void name(const type *x, int64_t *order, double *work, int64_t batch, int64_t m, \
                         int64_t n) \
    { \
        for (int64_t item = 0; item < batch; item++, x += m * n, order += m) { \
            int64_t *const spare = (int64_t *) (void *) work; \
            for (int64_t i = 0; i < m; i++) \
                order[i] = i; \
            for (int64_t width = 1; width < m; width *= 2) \
                for (int64_t first = 0; first + width < m; first += 2 * width) { \
                    const int64_t middle = first + width; \
                    const int64_t last = middle + width < m ? middle + width : m; \
                    int64_t left = first, right = middle; \
                    for (int64_t i = first; i < last; i++) \
                        spare[i] = right < last && \
                                   (left == middle || \
                                    name##_after(x, n, order[left], order[right])) \
                                       ? order[right++] \
                                       : order[left++]; \
                    memcpy(order + first, spare + first, (size_t) (last - first) * sizeof *order); \
                } \
        } \
    }
PT_ARGSORT_ROWS(pt_argsort_rows, double, pt_float64_rank)
PT_ARGSORT_ROWS(pt_argsort_rows_int64, int64_t, pt_int64_rank)
#undef PT_ARGSORT_ROWS

#define PT_SCANNED 16 /* places whose elements are looked for one by one */
#define PT_BOUNDED 3 /* places that are found one by one */

/* For each item of n numbers, those at `count` places of the stable order, and their indices. The
 * workspace is of 4 n + 8 doubles. A place out of bounds gives nan or 0, and index 0. The numbers
 * from the lowest to the highest place are sorted if they are few. */
#define PT_SELECT(name, type, rank, none, OF) \
    PT_ROUTINE int name##_between(const type *x, const int64_t *places, type *values, \
                                  int64_t *order, double *work, int64_t n, int64_t count) \
    { \
        int64_t low = n, high = -1, total; \
        OF(pt_bound) first, last; \
        for (int64_t k = 0; k < count; k++) \
            if (places[k] >= 0 && places[k] < n) { \
                low = places[k] < low ? places[k] : low; \
                high = places[k] > high ? places[k] : high; \
            } \
        if (high < 0 || 4 * (high - low) > n) \
            return high < 0; \
        first = OF(pt_bound_at)(x, n, low, work); \
        last = low == high ? first : OF(pt_bound_at)(x, n, high, work); \
        total = last.within - first.below; \
        if (2 * total > n && n > 8) \
            return 0; \
        int64_t *const found = (int64_t *) (void *) work; \
        pt_placed *const a = (pt_placed *) (void *) (work + total); \
        OF(pt_places_between)(x, n, first.value, last.value, found); \
        for (int64_t i = 0; i < total; i++) { \
            a[i].key = rank(x[found[i]]); \
            a[i].place = found[i]; \
        } \
        const pt_placed *const sorted = pt_sort_placed(a, a + total, total); \
        for (int64_t k = 0; k < count; k++) \
            if (places[k] >= 0 && places[k] < n) { \
                order[k] = sorted[places[k] - first.below].place; \
                values[k] = x[order[k]]; \
            } \
        return 1; \
    } \
    PT_ROUTINE void name##_bounded(const type *x, const int64_t *places, type *values, \
                                   int64_t *order, double *work, int64_t n, int64_t count) \
    { \
        for (int64_t k = 0; k < count; k++) { \
            const int64_t place = places[k]; \
            if (place >= 0 && place < n) { \
                const OF(pt_bound) bound = OF(pt_bound_at)(x, n, place, work); \
                order[k] = OF(pt_index_of)(x, n, bound.value, place - bound.below); \
                values[k] = x[order[k]]; \
            } \
        } \
    } \
    PT_ROUTINE void name##_scanned(const type *x, const int64_t *places, type *values, \
                                   int64_t *order, int64_t *keys, int64_t n, int64_t count) \
    { \
        int64_t sorted[PT_SCANNED], real = 0; \
        for (int64_t i = 0; i < n; i++) \
            keys[i] = rank(x[i]); \
        for (int64_t k = 0; k < count; k++) \
            if (places[k] >= 0 && places[k] < n) \
                sorted[real++] = places[k]; \
        pt_insert_sort(sorted, real); \
        pt_select_keys(keys, n, sorted, real); \
        for (int64_t k = 0; k < count; k++) { \
            int64_t key, rest = places[k], i = 0; \
            if (rest < 0 || rest >= n) \
                continue; \
            key = keys[rest]; \
            for (int64_t j = 0; j < n; j++) \
                rest -= rank(x[j]) < key; \
            while (rank(x[i]) != key || rest-- > 0) \
                i++; \
            order[k] = i; \
            values[k] = x[i]; \
        } \
    } \
    PT_ROUTINE void name##_spread(const type *x, const int64_t *places, type *values, \
                                  int64_t *order, double *work, int64_t n, int64_t count) \
    { \
        pt_placed *const a = (pt_placed *) (void *) work; \
        const pt_placed *found; \
        if (count <= PT_BOUNDED) { \
            name##_bounded(x, places, values, order, work, n, count); \
            return; \
        } \
        if (count <= PT_SCANNED) { \
            name##_scanned(x, places, values, order, (int64_t *) (void *) work, n, count); \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) { \
            a[i].key = rank(x[i]); \
            a[i].place = i; \
        } \
        found = pt_sort_placed(a, a + n, n); \
        for (int64_t k = 0; k < count; k++) \
            if (places[k] >= 0 && places[k] < n) { \
                order[k] = found[places[k]].place; \
                values[k] = x[order[k]]; \
            } \
    } \
    PT_ROUTINE void name(const type *x, const int64_t *places, type *values, int64_t *order, \
                         double *work, int64_t batch, int64_t n, int64_t count) \
    { \
        for (int64_t item = 0; item < batch; item++) { \
            for (int64_t k = 0; k < count; k++) { \
                values[k] = none; \
                order[k] = 0; \
            } \
            if (!name##_between(x, places, values, order, work, n, count)) \
                name##_spread(x, places, values, order, work, n, count); \
            x += n; \
            places += count; \
            values += count; \
            order += count; \
        } \
    }
#define PT_OF_FLOATS(name) name
#define PT_OF_INTEGERS(name) name##_int64
PT_SELECT(pt_select, double, pt_float64_rank, (double) NAN, PT_OF_FLOATS)
PT_SELECT(pt_select_int64, int64_t, pt_int64_rank, 0, PT_OF_INTEGERS)
#undef PT_OF_FLOATS
#undef PT_OF_INTEGERS
#undef PT_SELECT

/* The indices of each item of n numbers in an order in which the ones that belong at `count` places
 * of the sorted numbers are there, with no larger ones before and no smaller ones after them; all
 * others stay in their order. The workspace is of n + 4 count + 2 doubles. Places out of bounds are
 * left out. */
#define PT_PARTITION(name, type, rank) \
    PT_ROUTINE void name(const type *x, const int64_t *places, int64_t *order, double *work, \
                         int64_t batch, int64_t n, int64_t count) \
    { \
        int64_t *const bounds = (int64_t *) (void *) work, *const starts = bounds + count; \
        int64_t *const sorted = starts + 2 * count + 1, *const keys = sorted + count; \
        for (int64_t item = 0; item < batch; item++, x += n, places += count, order += n) { \
            int64_t real = 0, found = 0; \
            for (int64_t k = 0; k < count; k++) \
                if (places[k] >= 0 && places[k] < n) \
                    sorted[real++] = places[k]; \
            pt_sort_keys(sorted, real); \
            for (int64_t i = 0; i < n; i++) \
                keys[i] = rank(x[i]); \
            pt_select_keys(keys, n, sorted, real); \
            starts[0] = 0; \
            for (int64_t k = 0; k < real; k++) { \
                const int64_t bound = keys[sorted[k]]; \
                int64_t below = 0, beyond = 0; \
                if (found && bound == bounds[found - 1]) \
                    continue; \
                for (int64_t i = 0; i < n; i++) { \
                    below += keys[i] < bound; \
                    beyond += keys[i] > bound; \
                } \
                bounds[found] = bound; \
                starts[2 * found + 1] = below; \
                starts[2 * found + 2] = n - beyond; \
                found++; \
            } \
            for (int64_t i = 0; i < n; i++) { \
                const int64_t key = rank(x[i]); \
                int64_t part = 0; /* two for each bound: from it on, and beyond it */ \
                for (int64_t k = 0; k < found; k++) \
                    part += (key >= bounds[k]) + (key > bounds[k]); \
                order[starts[part]++] = i; \
            } \
        } \
    }
PT_PARTITION(pt_partition, double, pt_float64_rank)
PT_PARTITION(pt_partition_int64, int64_t, pt_int64_rank)
#undef PT_PARTITION

/* The numbers of each item in that order. The workspace is of n + 4 count + 10 doubles. */
#define PT_PARTITIONED(name, type, item_of) \
    PT_ROUTINE void name(const type *x, const int64_t *places, type *out, double *work, \
                         int64_t batch, int64_t n, int64_t count) \
    { \
        for (int64_t item = 0; item < batch; item++) \
            item_of(x + item * n, places + item * count, out + item * n, work, n, count); \
    }
PT_PARTITIONED(pt_partitioned, double, pt_partitioned_item)
PT_PARTITIONED(pt_partitioned_float32, float, pt_partitioned_item_float32)
PT_PARTITIONED(pt_partitioned_int64, int64_t, pt_partitioned_item_int64)
PT_PARTITIONED(pt_partitioned_int32, int32_t, pt_partitioned_item_int32)
#undef PT_PARTITIONED

/* For each of m values, how many of the n numbers of the item, which ascend, are `before` it. Eight
 * searches go side by side, without branches, so that none waits for memory alone. */
#define PT_SEARCH(name, type, before) \
    PT_ROUTINE void name(const type *x, const type *values, int64_t *out, int64_t batch, \
                         int64_t n, int64_t m) \
    { \
        for (int64_t item = 0; item < batch; item++, x += n, values += m, out += m) \
            for (int64_t first = 0; first < m; first += 8) { \
                const int64_t lanes = m - first < 8 ? m - first : 8; \
                int64_t from[8] = {0}; \
                type of[8] = {0}; \
                for (int64_t k = 0; k < lanes; k++) \
                    of[k] = values[first + k]; \
                for (int64_t left = n; left > 1;) { \
                    const int64_t half = left / 2; \
                    for (int64_t k = 0; k < 8; k++) { \
                        const type a = x[from[k] + half - 1], v = of[k]; \
                        from[k] += half & -(int64_t) (before); \
                    } \
                    left -= half; \
                } \
                for (int64_t k = 0; k < lanes; k++) { \
                    const type v = of[k], a = n ? x[from[k]] : v; \
                    out[first + k] = from[k] + (n && (before)); \
                } \
            } \
    }
PT_SEARCH(pt_search_left, double, (a < v) | ((v != v) & (a == a)))
PT_SEARCH(pt_search_right, double, (a <= v) | (v != v))
PT_SEARCH(pt_search_left_int64, int64_t, a < v)
PT_SEARCH(pt_search_right_int64, int64_t, a <= v)
#undef PT_SEARCH

/* Running sums and products of n numbers. Those of integers wrap around. */
PT_ROUTINE void pt_cumsum_int64(const int64_t *x, int64_t *out, int64_t batch, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        uint64_t total = 0;
        for (int64_t i = item * n; i < (item + 1) * n; i++)
            out[i] = (int64_t) (total += (uint64_t) x[i]);
    }
}

/* The same along the first axis of each item of n x m numbers. */
PT_ROUTINE void pt_cumsum_columns_int64(const int64_t *x, int64_t *out, int64_t batch, int64_t n,
                                        int64_t m)
{
    for (int64_t item = 0; item < batch; item++, x += n * m, out += n * m)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++)
                out[i * m + j] = (int64_t) ((i ? (uint64_t) out[(i - 1) * m + j] : 0) +
                                            (uint64_t) x[i * m + j]);
}

/* Along the first axis, compensated for rounding errors as pt_cumsum is. The workspace is of 2 m
 * doubles. */
PT_ROUTINE void pt_cumsum_columns(const double *x, double *out, double *work, int64_t batch,
                                  int64_t n, int64_t m)
{
    double *const total = work, *const lost = work + m;
    for (int64_t item = 0; item < batch; item++, x += n * m, out += n * m) {
        for (int64_t j = 0; j < 2 * m; j++)
            work[j] = 0.0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++) {
                const double term = x[i * m + j], sum = total[j] + term, added = sum - total[j];
                lost[j] += (total[j] - (sum - added)) + (term - added);
                total[j] = sum;
                out[i * m + j] = lost[j] - lost[j] == 0.0 ? sum + lost[j] : sum;
            }
    }
}

PT_ROUTINE void pt_cumprod(const double *x, double *out, int64_t batch, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        double total = 1.0;
        for (int64_t i = item * n; i < (item + 1) * n; i++)
            out[i] = total *= x[i];
    }
}

PT_ROUTINE void pt_cumprod_int64(const int64_t *x, int64_t *out, int64_t batch, int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        uint64_t total = 1;
        for (int64_t i = item * n; i < (item + 1) * n; i++)
            out[i] = (int64_t) (total *= (uint64_t) x[i]);
    }
}

/* Running maxima, and the index of the first element that has each; a nan is the largest. */
#define PT_CUMMAX(name, type) \
    PT_ROUTINE void name(const type *x, type *out, int64_t *places, int64_t batch, int64_t n) \
    { \
        for (int64_t item = 0; item < batch; item++, x += n, out += n, places += n) { \
            type top = n ? x[0] : 0; \
            int64_t place = 0; \
            for (int64_t i = 0; i < n; i++) { \
                const int larger = x[i] > top || (x[i] != x[i] && top == top); \
                top = larger ? x[i] : top; \
                place = larger ? i : place; \
                out[i] = top; \
                places[i] = place; \
            } \
        } \
    }
PT_CUMMAX(pt_cummax, double)
PT_CUMMAX(pt_cummax_int64, int64_t)
#undef PT_CUMMAX

/* out[i] = a[i] * out[i - 1] + b[i], the first one being b[0]. What rounding loses is carried along
 * (Ogita, Rump and Oishi 2005, SIAM J. Sci. Comput. 26:1955) while all is finite. */
PT_ROUTINE void pt_recurrence(const double *a, const double *b, double *out, int64_t batch,
                              int64_t n)
{
    for (int64_t item = 0; item < batch; item++) {
        double total = 0.0, lost = 0.0;
        for (int64_t i = item * n; i < (item + 1) * n; i++) {
            const double factor = i == item * n ? 0.0 : a[i];
            const double product = factor * total, sum = product + b[i], added = sum - product;
            lost = factor * lost + fma(factor, total, -product) +
                   ((product - (sum - added)) + (b[i] - added));
            total = sum;
            out[i] = lost - lost == 0.0 ? total + lost : total;
        }
    }
}

#endif
