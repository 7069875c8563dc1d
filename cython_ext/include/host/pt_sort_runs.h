/* Sorting and selection of keys of one width: included by pt_sort.h, which says how, for each width
 * with these defined.
 *
 *   PT_KEY, PT_KEY_MIN, PT_KEY_MAX  the type of a key, and its range
 *   PT_OF(name)                     the name of a function for this width
 *   PT_LANES, PT_MASK, PT_EPI(op)   the keys of a vector, a mask of these, an operation on vectors
 *   PT_ABOVE(a, b)                  the mask of the lanes in which a > b
 *   PT_PARTS(lows, highs, keys, high, beyond)
 *                                   puts keys outside of the mask `high` first into `lows`, and the
 *                                   `beyond` ones in it last into `highs`
 *   PT_MERGES                       merges sorted columns: PT_TURN, PT_ACROSS and PT_DOWN
 *   PT_RIFFLE_LOW, PT_RIFFLE_HIGH   the lanes of two vectors in turns
 */

/* The keys below a pivot first: how many there are. With `equal` also those equal to it. */
PT_ROUTINE int64_t PT_OF(pt_split_plain)(PT_KEY *a, int64_t n, PT_KEY pivot, int equal)
{
    int64_t left = 0;
    if (equal && pivot == PT_KEY_MAX)
        return n;
    pivot += equal;
    for (int64_t i = 0; i < n; i++) {
        const PT_KEY key = a[i];
        a[i] = a[left];
        a[left] = key;
        left += key < pivot;
    }
    return left;
}

PT_ROUTINE void PT_OF(pt_insert_sort)(PT_KEY *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const PT_KEY key = a[i];
        int64_t j = i;
        for (; j > 0 && a[j - 1] > key; j--)
            a[j] = a[j - 1];
        a[j] = key;
    }
}

PT_ROUTINE void PT_OF(pt_sift_down)(PT_KEY *a, int64_t i, int64_t n)
{
    const PT_KEY key = a[i];
    for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && a[child + 1] > a[child];
        if (a[child] <= key)
            break;
        a[i] = a[child];
        i = child;
    }
    a[i] = key;
}

PT_ROUTINE void PT_OF(pt_heap_sort)(PT_KEY *a, int64_t n)
{
    for (int64_t i = n / 2; i-- > 0;)
        PT_OF(pt_sift_down)(a, i, n);
    for (int64_t last = n - 1; last > 0; last--) {
        const PT_KEY largest = a[0];
        a[0] = a[last];
        a[last] = largest;
        PT_OF(pt_sift_down)(a, 0, last);
    }
}

#ifdef PT_WIDE_SORT
/* The first `count` lanes. */
static inline PT_MASK PT_OF(pt_first_lanes)(int64_t count)
{
    return (PT_MASK) (count >= PT_LANES ? -1 : count > 0 ? (1 << count) - 1 : 0);
}

static inline __attribute__((always_inline)) PT_WIDE_CODE void
PT_OF(pt_copy_keys)(PT_KEY *to, const PT_KEY *from, int64_t n)
{
    int64_t i = 0;
    for (; i + PT_LANES <= n; i += PT_LANES)
        _mm512_storeu_si512(to + i, _mm512_loadu_si512(from + i));
    const PT_MASK real = PT_OF(pt_first_lanes)(n - i);
    PT_EPI(mask_storeu)(to + i, real, PT_EPI(maskz_loadu)(real, from + i));
}

/* As pt_split_plain. Blocks are read from the end of the run that has less room, so that there is
 * always room for what is written to either end: whole vectors, of which the rest is written over
 * later. A short run, and what is between the last blocks, is copied first. */
PT_ROUTINE PT_WIDE_CODE int64_t PT_OF(pt_split_wide)(PT_KEY *a, int64_t n, PT_KEY pivot, int equal)
{
    enum { VECTORS = 8, BLOCK = VECTORS * PT_LANES };
    PT_KEY saved[4 * BLOCK];
    int64_t left = 0, right = n, rest = n;
    if (!equal && pivot == PT_KEY_MIN)
        return 0;
    const __m512i bound = PT_EPI(set1)((PT_KEY) (pivot - !equal));
    if (n <= 4 * BLOCK) {
        PT_OF(pt_copy_keys)(saved, a, n);
    } else {
        int64_t from = BLOCK, to = n - BLOCK;
        PT_OF(pt_copy_keys)(saved, a, BLOCK);
        PT_OF(pt_copy_keys)(saved + BLOCK, a + to, BLOCK);
        while (to - from >= BLOCK) {
            const int64_t at_end = right - to < from - left;
            const PT_KEY *const block = a + (at_end ? to - BLOCK : from);
            __m512i keys[VECTORS];
            const uintptr_t ahead = (uintptr_t) block + (at_end ? -PT_SORT_AHEAD : PT_SORT_AHEAD);
            for (int k = 0; k < VECTORS; k++)
                __builtin_prefetch((const void *) (ahead + 64 * k), 1);
            to -= at_end * BLOCK;
            from += (1 - at_end) * BLOCK;
            for (int k = 0; k < VECTORS; k++)
                keys[k] = _mm512_loadu_si512(block + PT_LANES * k);
            for (int k = 0; k < VECTORS; k++) {
                const PT_MASK high = PT_ABOVE(keys[k], bound);
                const int beyond = __builtin_popcount(high);
                __m512i lows, highs;
                PT_PARTS(lows, highs, keys[k], high, beyond)
                _mm512_storeu_si512(a + left, lows);
                _mm512_storeu_si512(a + right - PT_LANES, highs);
                left += PT_LANES - beyond;
                right -= beyond;
            }
        }
        rest = 2 * BLOCK + to - from;
        PT_OF(pt_copy_keys)(saved + 2 * BLOCK, a + from, to - from);
    }
    const PT_KEY *next = saved;
    for (; rest >= 2 * PT_LANES; rest -= PT_LANES, next += PT_LANES) {
        const __m512i keys = _mm512_loadu_si512(next);
        const PT_MASK high = PT_ABOVE(keys, bound);
        const int beyond = __builtin_popcount(high);
        __m512i lows, highs;
        PT_PARTS(lows, highs, keys, high, beyond)
        _mm512_storeu_si512(a + left, lows);
        _mm512_storeu_si512(a + right - PT_LANES, highs);
        left += PT_LANES - beyond;
        right -= beyond;
    }
    for (; rest > 0; rest -= PT_LANES, next += PT_LANES) {
        const PT_MASK real = PT_OF(pt_first_lanes)(rest);
        const __m512i keys = PT_EPI(maskz_loadu)(real, next);
        const PT_MASK high = real & PT_ABOVE(keys, bound), low = (PT_MASK) (real & ~high);
        const int count = __builtin_popcount(low), beyond = __builtin_popcount(high);
        const __m512i lows = PT_EPI(maskz_compress)(low, keys);
        const __m512i highs = PT_EPI(maskz_compress)(high, keys);
        right -= beyond;
        PT_EPI(mask_storeu)(a + left, PT_OF(pt_first_lanes)(count), lows);
        PT_EPI(mask_storeu)(a + right, PT_OF(pt_first_lanes)(beyond), highs);
        left += count;
    }
    return left;
}

/* The smaller one of each two keys in vector i, the larger one in vector j. */
#define PT_PAIR(i, j) \
    { \
        const __m512i low = v[i], high = v[j]; \
        v[i] = PT_EPI(min)(low, high); \
        v[j] = PT_EPI(max)(low, high); \
    }

/* The keys of a vector in pairs with those of another one, in lanes that `PARTNER` exchanges: the
 * lanes of `above` get the larger one. */
#define PT_CHOSEN(mine, other, above) \
    PT_EPI(mask_max)(PT_EPI(min)(mine, other), above, mine, other)

/* Steps of merging columns: across lanes, with the rows turned upside down, or each row alone, and
 * then down the columns. */
#define PT_TURN(PARTNER, above) \
    _Pragma("GCC unroll 16") for (int k = 0; k < (count + 1) / 2; k++) { \
        const __m512i top = v[k], low = v[count - 1 - k]; \
        const __m512i other = PARTNER(low), beside = PARTNER(top); \
        v[k] = PT_CHOSEN(top, other, above); \
        v[count - 1 - k] = PT_CHOSEN(low, beside, above); \
    }
#define PT_ACROSS(PARTNER, above) \
    _Pragma("GCC unroll 16") for (int k = 0; k < count; k++) { \
        const __m512i other = PARTNER(v[k]); \
        v[k] = PT_CHOSEN(v[k], other, above); \
    }
#define PT_DOWN \
    _Pragma("GCC unroll 4") for (int step = count / 2; step > 0; step /= 2) \
        _Pragma("GCC unroll 8") for (int k = 0; k < count / 2; k++) \
            PT_PAIR(k / step * 2 * step + k % step, k / step * 2 * step + k % step + step)

/* The keys of `count` vectors, 1 to 16, a power of two that the compiler knows, in order. Columns
 * are sorted by the shortest networks (Knuth 1998, "The Art of Computer Programming" 3, 5.3.4), and
 * merged by two, four and so on as bitonic sequences; at last the table is transposed, by riffles
 * of its rows. */
static inline __attribute__((always_inline)) PT_WIDE_CODE void PT_OF(pt_network)(__m512i *v,
                                                                                const int count)
{
    if (count == 2) {
        PT_PAIR(0, 1)
    } else if (count == 4) {
        PT_PAIR(0, 1) PT_PAIR(2, 3) PT_PAIR(0, 2) PT_PAIR(1, 3) PT_PAIR(1, 2)
    } else if (count == 8) {
        PT_PAIR(0, 2) PT_PAIR(1, 3) PT_PAIR(4, 6) PT_PAIR(5, 7)
        PT_PAIR(0, 4) PT_PAIR(1, 5) PT_PAIR(2, 6) PT_PAIR(3, 7)
        PT_PAIR(0, 1) PT_PAIR(2, 3) PT_PAIR(4, 5) PT_PAIR(6, 7)
        PT_PAIR(2, 4) PT_PAIR(3, 5) PT_PAIR(1, 4) PT_PAIR(3, 6)
        PT_PAIR(1, 2) PT_PAIR(3, 4) PT_PAIR(5, 6)
    } else if (count == 16) {
#pragma GCC unroll 4
        for (int step = 1; step < 16; step *= 2)
#pragma GCC unroll 8
            for (int k = 0; k < 8; k++)
                PT_PAIR(k / step * 2 * step + k % step, k / step * 2 * step + k % step + step)
        PT_PAIR(5, 10) PT_PAIR(6, 9) PT_PAIR(3, 12) PT_PAIR(13, 14) PT_PAIR(4, 8) PT_PAIR(7, 11)
        PT_PAIR(1, 2) PT_PAIR(1, 4) PT_PAIR(7, 13) PT_PAIR(2, 8) PT_PAIR(11, 14) PT_PAIR(2, 4)
        PT_PAIR(5, 6) PT_PAIR(9, 10) PT_PAIR(11, 13) PT_PAIR(3, 8) PT_PAIR(7, 12) PT_PAIR(6, 8)
        PT_PAIR(10, 12) PT_PAIR(3, 5) PT_PAIR(7, 9) PT_PAIR(3, 4) PT_PAIR(5, 6) PT_PAIR(7, 8)
        PT_PAIR(9, 10) PT_PAIR(11, 12) PT_PAIR(6, 7) PT_PAIR(8, 9)
    }
    PT_MERGES
#pragma GCC unroll 4
    for (int round = 1; round < count; round *= 2) {
        __m512i rows[16];
#pragma GCC unroll 16
        for (int k = 0; k < count; k++)
            rows[k] = v[k];
#pragma GCC unroll 8
        for (int k = 0; k < count / 2; k++) {
            v[2 * k] = PT_EPI(permutex2var)(rows[k], PT_RIFFLE_LOW, rows[k + count / 2]);
            v[2 * k + 1] = PT_EPI(permutex2var)(rows[k], PT_RIFFLE_HIGH, rows[k + count / 2]);
        }
    }
}
#undef PT_PAIR
#undef PT_CHOSEN
#undef PT_TURN
#undef PT_ACROSS
#undef PT_DOWN

/* Up to PT_LANES * count keys in order: the lanes without a key hold the largest one. */
#define PT_SORT_VECTORS(count) \
    PT_ROUTINE PT_WIDE_CODE void PT_OF(pt_sort_##count##_vectors)(PT_KEY *a, int64_t n) \
    { \
        const __m512i none = PT_EPI(set1)(PT_KEY_MAX); \
        __m512i v[count]; \
        _Pragma("GCC unroll 16") for (int k = 0; k < count; k++) \
            v[k] = PT_EPI(mask_loadu)(none, PT_OF(pt_first_lanes)(n - PT_LANES * k), \
                                      a + PT_LANES * k); \
        PT_OF(pt_network)(v, count); \
        _Pragma("GCC unroll 16") for (int k = 0; k < count; k++) \
            PT_EPI(mask_storeu)(a + PT_LANES * k, PT_OF(pt_first_lanes)(n - PT_LANES * k), v[k]); \
    }
PT_SORT_VECTORS(1)
PT_SORT_VECTORS(2)
PT_SORT_VECTORS(4)
PT_SORT_VECTORS(8)
PT_SORT_VECTORS(16)
#undef PT_SORT_VECTORS

PT_ROUTINE void PT_OF(pt_network_sort)(PT_KEY *a, int64_t n)
{
    if (n <= PT_LANES)
        PT_OF(pt_sort_1_vectors)(a, n);
    else if (n <= 2 * PT_LANES)
        PT_OF(pt_sort_2_vectors)(a, n);
    else if (n <= 4 * PT_LANES)
        PT_OF(pt_sort_4_vectors)(a, n);
    else if (n <= 8 * PT_LANES)
        PT_OF(pt_sort_8_vectors)(a, n);
    else
        PT_OF(pt_sort_16_vectors)(a, n);
}
#endif

/* Few keys in order. */
static inline void PT_OF(pt_sort_few)(PT_KEY *a, int64_t n, int wide)
{
#ifdef PT_WIDE_SORT
    if (wide) {
        PT_OF(pt_network_sort)(a, n);
        return;
    }
#endif
    (void) wide;
    PT_OF(pt_insert_sort)(a, n);
}

static inline PT_KEY PT_OF(pt_middle)(PT_KEY a, PT_KEY b, PT_KEY c)
{
    const PT_KEY low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* A key of the run: the median of three medians of three keys at scattered places. */
static inline PT_KEY PT_OF(pt_sample_pivot)(const PT_KEY *a, int64_t n, uint64_t *state)
{
    PT_KEY found[3];
    for (int k = 0; k < 3; k++) {
        PT_KEY key[3];
        for (int j = 0; j < 3; j++)
            key[j] = a[pt_scattered(state, n)];
        found[k] = PT_OF(pt_middle)(key[0], key[1], key[2]);
    }
    return PT_OF(pt_middle)(found[0], found[1], found[2]);
}

static inline int64_t PT_OF(pt_split)(PT_KEY *a, int64_t n, PT_KEY pivot, int equal, int wide)
{
#ifdef PT_WIDE_SORT
    if (wide)
        return PT_OF(pt_split_wide)(a, n, pivot, equal);
#endif
    (void) wide;
    return PT_OF(pt_split_plain)(a, n, pivot, equal);
}

/* The keys a[0 .. n) in order, or with `places` such that each key at one of these `count` places,
 * which ascend and count from `first`, is the one that it is in order. */
PT_ROUTINE void PT_OF(pt_quicksort)(PT_KEY *a, int64_t n, int64_t first, const int64_t *places,
                                    int64_t count, int wide, int depth, uint64_t state)
{
    const int64_t shortest = wide ? 16 * PT_LANES : 16;
    while (n > shortest) {
        int64_t left, before = 0;
        const PT_KEY pivot = PT_OF(pt_sample_pivot)(a, n, &state);
        if (places && !count)
            return;
        if (depth-- == 0) {
            PT_OF(pt_heap_sort)(a, n);
            return;
        }
        left = PT_OF(pt_split)(a, n, pivot, 0, wide);
        if (!left) { /* the pivot is the smallest: those equal to it are in order */
            left = PT_OF(pt_split)(a, n, pivot, 1, wide);
            depth++;
        } else if (!places || (count && places[0] < first + left)) {
            while (before < count && places[before] < first + left)
                before++;
            PT_OF(pt_quicksort)(a, left, first, places, before, wide, depth, state);
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
    PT_OF(pt_sort_few)(a, n, wide);
}

PT_ROUTINE void PT_OF(pt_sort_keys)(PT_KEY *a, int64_t n)
{
    PT_OF(pt_quicksort)(a, n, 0, NULL, 0, pt_has_wide_sort(), pt_sort_depth(n), 1);
}

/* The keys at these places, which ascend, are those of the keys in order. */
PT_ROUTINE void PT_OF(pt_select_keys)(PT_KEY *a, int64_t n, const int64_t *places, int64_t count)
{
    PT_OF(pt_quicksort)(a, n, 0, places, count, pt_has_wide_sort(), pt_sort_depth(n), 1);
}
