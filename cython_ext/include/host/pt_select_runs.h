/* Elements by their place in the order, of one type of number: included by pt_select.h, which says
 * how, for each type with these defined, as they are not any more at its end.
 *
 *   PT_VALUE, PT_KEY                  the type, and that of its keys, of the same width
 *   PT_AS(name), PT_OF(name)          the names of functions for this type, and for its keys
 *   PT_RANK(x), PT_UNRANK(key)        the key of a number, equal for both zeros, and the number
 *   PT_IS_NAN(x)                      whether it is a nan
 *   PT_FIRST, PT_LAST                 what no number is before, and none is after
 *   PT_ALL(x)                         a vector of one number
 *   PT_LANES, PT_MASK, PT_EPI(op)     as in pt_sort_runs.h
 *   PT_BELOW(x, b, none), PT_BEYOND(x, b, none)
 *                                     the masks of the lanes before b and after it in the order, in
 *                                     which a nan is last: `none` says that b is one
 */

/* The number at a place of the order, and how many are before it, and are not after it. */
typedef struct {
    PT_VALUE value;
    int64_t below, within;
} PT_AS(pt_bound);

/* Whether a is before b in the order. */
static inline int PT_AS(pt_before)(PT_VALUE a, PT_VALUE b)
{
    return (a < b) | (PT_IS_NAN(b) & !PT_IS_NAN(a));
}

/* Puts those of n numbers which are neither before `first` nor after `last` into `kept`, in their
 * order, which has room for a vector more; gives how many there are, and how many are before. */
PT_ROUTINE int64_t PT_AS(pt_keep_plain)(const PT_VALUE *x, int64_t n, PT_VALUE first,
                                        PT_VALUE last, PT_VALUE *kept, int64_t *before)
{
    int64_t count = 0, below = 0;
    for (int64_t i = 0; i < n; i++) {
        const PT_VALUE value = x[i];
        const int is_below = PT_AS(pt_before)(value, first);
        kept[count] = value;
        count += !(is_below | PT_AS(pt_before)(last, value));
        below += is_below;
    }
    *before = below;
    return count;
}

/* The numbers of x before `bound` first, then those equal to it, of which the first one is put at
 * `below`, then the others; each in their order. */
PT_ROUTINE void PT_AS(pt_part_plain)(const PT_VALUE *x, PT_VALUE *out, int64_t n,
                                     PT_AS(pt_bound) bound)
{
    int64_t starts[3] = {0, bound.below, bound.within};
    for (int64_t i = 0; i < n; i++) {
        const PT_VALUE value = x[i];
        const int part = !PT_AS(pt_before)(value, bound.value) +
                         PT_AS(pt_before)(bound.value, value);
        out[starts[part]++] = value;
    }
}

#ifdef PT_WIDE_SORT
PT_ROUTINE PT_WIDE_CODE int64_t PT_AS(pt_keep_wide)(const PT_VALUE *x, int64_t n, PT_VALUE first,
                                                    PT_VALUE last, PT_VALUE *kept, int64_t *before)
{
    const int no_first = PT_IS_NAN(first), no_last = PT_IS_NAN(last);
    const __m512i lowest = PT_ALL(first), highest = PT_ALL(last);
    int64_t count = 0, below = 0;
    for (int64_t i = 0; i < n; i += PT_LANES) {
        const PT_MASK real = PT_OF(pt_first_lanes)(n - i);
        const __m512i value = PT_EPI(maskz_loadu)(real, x + i);
        const PT_MASK low = real & PT_BELOW(value, lowest, no_first);
        const PT_MASK mine = real & ~low & ~PT_BEYOND(value, highest, no_last);
        _mm512_storeu_si512(kept + count, PT_EPI(maskz_compress)(mine, value));
        count += __builtin_popcount(mine);
        below += __builtin_popcount(low);
    }
    *before = below;
    return count;
}

/* Puts the `count` lanes of a mask at `to`, which ends at `end`. */
static inline __attribute__((always_inline)) PT_WIDE_CODE void
PT_AS(pt_put_lanes)(PT_VALUE *to, const PT_VALUE *end, PT_MASK mask, int count, __m512i value)
{
    const __m512i lanes = PT_EPI(maskz_compress)(mask, value);
    if (end - to >= PT_LANES)
        _mm512_storeu_si512(to, lanes);
    else
        PT_EPI(mask_storeu)(to, PT_OF(pt_first_lanes)(count), lanes);
}

PT_ROUTINE PT_WIDE_CODE void PT_AS(pt_part_wide)(const PT_VALUE *x, PT_VALUE *out, int64_t n,
                                                 PT_AS(pt_bound) bound)
{
    const PT_VALUE *const ends[3] = {out + bound.below, out + bound.within, out + n};
    const int none = PT_IS_NAN(bound.value);
    const __m512i between = PT_ALL(bound.value);
    PT_VALUE *lows = out, *equals = out + bound.below, *highs = out + bound.within;
    for (int64_t i = 0; i < n; i += PT_LANES) {
        const PT_MASK real = PT_OF(pt_first_lanes)(n - i);
        const __m512i value = PT_EPI(maskz_loadu)(real, x + i);
        const PT_MASK low = real & PT_BELOW(value, between, none);
        const PT_MASK high = real & PT_BEYOND(value, between, none);
        const PT_MASK equal = (PT_MASK) (real & ~(low | high));
        const int before = __builtin_popcount(low), after = __builtin_popcount(high);
        PT_AS(pt_put_lanes)(lows, ends[0], low, before, value);
        PT_AS(pt_put_lanes)(highs, ends[2], high, after, value);
        lows += before;
        highs += after;
        if (equal) {
            const int count = __builtin_popcount(equal);
            PT_AS(pt_put_lanes)(equals, ends[1], equal, count, value);
            equals += count;
        }
    }
}
#endif

/* The indices of the numbers that are neither before `first` nor after `last`, in `found`, which
 * ascend. */
PT_ROUTINE void PT_AS(pt_places_plain)(const PT_VALUE *x, int64_t n, PT_VALUE first,
                                       PT_VALUE last, int64_t *found)
{
    for (int64_t i = 0; i < n; i++)
        if (!PT_AS(pt_before)(x[i], first) && !PT_AS(pt_before)(last, x[i]))
            *found++ = i;
}

#ifdef PT_WIDE_SORT
PT_ROUTINE PT_WIDE_CODE void PT_AS(pt_places_wide)(const PT_VALUE *x, int64_t n, PT_VALUE first,
                                                   PT_VALUE last, int64_t *found)
{
    const int no_first = PT_IS_NAN(first), no_last = PT_IS_NAN(last);
    const __m512i lowest = PT_ALL(first), highest = PT_ALL(last);
    for (int64_t i = 0; i < n; i += PT_LANES) {
        const PT_MASK real = PT_OF(pt_first_lanes)(n - i);
        const __m512i value = PT_EPI(maskz_loadu)(real, x + i);
        unsigned mine = real & ~PT_BELOW(value, lowest, no_first) &
                        ~PT_BEYOND(value, highest, no_last);
        for (; mine; mine &= mine - 1)
            *found++ = i + __builtin_ctz(mine);
    }
}
#endif

PT_ROUTINE void PT_AS(pt_places_between)(const PT_VALUE *x, int64_t n, PT_VALUE first,
                                         PT_VALUE last, int64_t *found)
{
#ifdef PT_WIDE_SORT
    if (pt_has_wide_sort()) {
        PT_AS(pt_places_wide)(x, n, first, last, found);
        return;
    }
#endif
    PT_AS(pt_places_plain)(x, n, first, last, found);
}

/* Keys in the place of n numbers; and how many of n keys are below one, and not above it. */
#define PT_RANKED(ranked, tallied, attributes) \
    PT_ROUTINE attributes void ranked(PT_KEY *keys, int64_t n) \
    { \
        for (int64_t i = 0; i < n; i++) { \
            PT_VALUE value; \
            PT_KEY key; \
            memcpy(&value, keys + i, sizeof value); \
            key = PT_RANK(value); \
            memcpy(keys + i, &key, sizeof key); \
        } \
    } \
    PT_ROUTINE attributes void tallied(const PT_KEY *keys, int64_t n, PT_KEY key, \
                                       PT_AS(pt_bound) *found) \
    { \
        int64_t below = 0, within = 0; \
        for (int64_t i = 0; i < n; i++) { \
            below += keys[i] < key; \
            within += keys[i] <= key; \
        } \
        found->below += below; \
        found->within += within; \
    }
PT_RANKED(PT_AS(pt_ranked), PT_AS(pt_tallied), )
#ifdef PT_WIDE_SORT
PT_RANKED(PT_AS(pt_ranked_wide), PT_AS(pt_tallied_wide), PT_WIDE_CODE)
#endif
#undef PT_RANKED

/* The number at a place among n, by those between two of a sample (Floyd and Rivest 1975, "Expected
 * time bounds for selection", CACM 18:165). The workspace is of n keys and a vector. */
PT_ROUTINE PT_AS(pt_bound) PT_AS(pt_bound_at)(const PT_VALUE *x, int64_t n, int64_t place,
                                              void *work)
{
    PT_KEY *const keys = (PT_KEY *) work;
    PT_VALUE *const kept = (PT_VALUE *) work;
    int64_t before = 0, count = n;
    PT_AS(pt_bound) found;
    if (n >= PT_SELECT_SAMPLED) {
        const int64_t drawn = n >= 64 * PT_SELECT_SAMPLED ? 2048 : 256;
        const int64_t middle = place * drawn / n, margin = n >= 64 * PT_SELECT_SAMPLED ? 70 : 24;
        const int64_t low = middle - margin, high = middle + margin;
        PT_KEY sample[2048];
        uint64_t state = 1;
        for (int64_t k = 0; k < drawn; k++)
            sample[k] = PT_RANK(x[pt_scattered(&state, n)]);
        PT_OF(pt_sort_keys)(sample, drawn);
        const PT_VALUE first = low < 0 ? PT_FIRST : PT_UNRANK(sample[low]);
        const PT_VALUE last = high < drawn ? PT_UNRANK(sample[high]) : PT_LAST;
#ifdef PT_WIDE_SORT
        if (pt_has_wide_sort())
            count = PT_AS(pt_keep_wide)(x, n, first, last, kept, &before);
        else
#endif
            count = PT_AS(pt_keep_plain)(x, n, first, last, kept, &before);
    }
    if (place < before || place >= before + count) {
        before = 0;
        count = n;
    }
    if (count == n)
        memcpy(keys, x, (size_t) n * sizeof *keys);
#ifdef PT_WIDE_SORT
    if (pt_has_wide_sort())
        PT_AS(pt_ranked_wide)(keys, count);
    else
#endif
        PT_AS(pt_ranked)(keys, count);
    const int64_t within = place - before;
    PT_OF(pt_select_keys)(keys, count, &within, 1);
    const PT_KEY key = keys[within];
    found.value = PT_UNRANK(key);
    found.below = before;
    found.within = before;
#ifdef PT_WIDE_SORT
    if (pt_has_wide_sort())
        PT_AS(pt_tallied_wide)(keys, count, key, &found);
    else
#endif
        PT_AS(pt_tallied)(keys, count, key, &found);
    return found;
}

/* The index of a number that is equal to `value`, with `rank` such ones before it. */
PT_ROUTINE int64_t PT_AS(pt_index_of)(const PT_VALUE *x, int64_t n, PT_VALUE value, int64_t rank)
{
    for (int64_t first = 0; first < n; first += 256) {
        const int64_t last = n - first < 256 ? n : first + 256;
        int64_t count = 0;
        for (int64_t i = first; i < last; i++)
            count += (x[i] == value) | (PT_IS_NAN(value) & PT_IS_NAN(x[i]));
        for (int64_t i = first; rank < count && i < last; i++)
            if ((x[i] == value || (PT_IS_NAN(value) && PT_IS_NAN(x[i]))) && rank-- == 0)
                return i;
        rank -= count;
    }
    return 0;
}

/* n numbers in an order in which the ones that belong at `count` places of the sorted numbers are
 * there, with no larger ones before and no smaller ones after them; all others stay in their order.
 * The workspace is of n + 4 count + 10 doubles. Places out of bounds are left out. */
PT_ROUTINE void PT_AS(pt_partitioned_item)(const PT_VALUE *x, const int64_t *places, PT_VALUE *out,
                                           double *work, int64_t n, int64_t count)
{
    int64_t *const starts = (int64_t *) (void *) work, *const sorted = starts + 2 * count + 1;
    PT_KEY *const bounds = (PT_KEY *) (void *) (sorted + count);
    PT_KEY *const keys = (PT_KEY *) (void *) (sorted + 2 * count);
    int64_t real = 0, found = 0;
    for (int64_t k = 0; k < count; k++)
        if (places[k] >= 0 && places[k] < n)
            sorted[real++] = places[k];
    if (real == 1) {
        const PT_AS(pt_bound) bound = PT_AS(pt_bound_at)(x, n, sorted[0], keys);
#ifdef PT_WIDE_SORT
        if (pt_has_wide_sort()) {
            PT_AS(pt_part_wide)(x, out, n, bound);
            return;
        }
#endif
        PT_AS(pt_part_plain)(x, out, n, bound);
        return;
    }
    pt_sort_keys(sorted, real);
    for (int64_t i = 0; i < n; i++)
        keys[i] = PT_RANK(x[i]);
    PT_OF(pt_select_keys)(keys, n, sorted, real);
    starts[0] = 0;
    for (int64_t k = 0; k < real; k++) {
        const PT_KEY bound = keys[sorted[k]];
        int64_t below = 0, beyond = 0;
        if (found && bound == bounds[found - 1])
            continue;
        for (int64_t i = 0; i < n; i++) {
            below += keys[i] < bound;
            beyond += keys[i] > bound;
        }
        bounds[found] = bound;
        starts[2 * found + 1] = below;
        starts[2 * found + 2] = n - beyond;
        found++;
    }
    for (int64_t i = 0; i < n; i++) {
        const PT_KEY key = PT_RANK(x[i]);
        int64_t part = 0; /* two for each bound: from it on, and beyond it */
        for (int64_t k = 0; k < found; k++)
            part += (key >= bounds[k]) + (key > bounds[k]);
        out[starts[part]++] = x[i];
    }
}

#undef PT_VALUE
#undef PT_KEY
#undef PT_AS
#undef PT_OF
#undef PT_RANK
#undef PT_UNRANK
#undef PT_IS_NAN
#undef PT_FIRST
#undef PT_LAST
#undef PT_ALL
#undef PT_LANES
#undef PT_MASK
#undef PT_EPI
#undef PT_BELOW
#undef PT_BEYOND
