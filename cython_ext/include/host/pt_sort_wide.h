/* Splits and networks by vectors, for keys of one width and for one level of processors: included
 * by pt_sort.h, which says how, for each of them with these defined. At the end of this file those
 * that depend on the width are not defined any more.
 *
 *   PT_KEY, PT_KEY_MIN, PT_KEY_MAX  the type of a key, and its range
 *   PT_AT(name), PT_CODE            the name and the attributes of a function for this level
 *   PT_VECTOR, PT_LANES             a vector, and the keys in it
 *   PT_LOAD, PT_STORE, PT_LOAD_FIRST(from, count, none), PT_STORE_FIRST(to, count, v)
 *                                   whole vectors, or their first lanes, if `count` is positive
 *   PT_SAME, PT_MIN, PT_MAX         a vector of one key; the keys by lanes
 *   PT_ABOVE(a, b), PT_MASK         the mask of the lanes in which a > b, and its type
 *   PT_PARTS(lows, highs, keys, high, beyond)
 *                                   puts keys outside of the mask `high` first into `lows`, and the
 *                                   `beyond` ones in it last into `highs`
 *   PT_CHOSEN(a, b, above)          the larger one of a and b in the lanes of `above`, else the
 *                                   smaller one
 *   PT_MERGES                       merges sorted columns: PT_TURN, PT_ACROSS and PT_DOWN
 *   PT_RIFFLE_LOW, PT_RIFFLE_HIGH   the lanes of two vectors in turns
 */

static inline __attribute__((always_inline)) PT_CODE void
PT_AT(pt_copy_keys)(PT_KEY *to, const PT_KEY *from, int64_t n)
{
    int64_t i = 0;
    for (; i + PT_LANES <= n; i += PT_LANES)
        PT_STORE(to + i, PT_LOAD(from + i));
    PT_STORE_FIRST(to + i, n - i, PT_LOAD_FIRST(from + i, n - i, PT_SAME(0)));
}

/* As pt_split_plain. Blocks are read from the end of the run that has less room, so that there is
 * always room for what is written to either end: whole vectors, of which the rest is written over
 * later. A short run, and what is between the last blocks, is copied first. */
PT_ROUTINE PT_CODE int64_t PT_AT(pt_split)(PT_KEY *a, int64_t n, PT_KEY pivot, int equal)
{
    enum { VECTORS = 8, BLOCK = VECTORS * PT_LANES };
    PT_KEY saved[4 * BLOCK];
    int64_t left = 0, right = n, rest = n;
    if (!equal && pivot == PT_KEY_MIN)
        return 0;
    const PT_KEY last = (PT_KEY) (pivot - !equal); /* of the lower part */
    const PT_VECTOR bound = PT_SAME(last);
    if (n <= 4 * BLOCK) {
        PT_AT(pt_copy_keys)(saved, a, n);
    } else {
        int64_t from = BLOCK, to = n - BLOCK;
        PT_AT(pt_copy_keys)(saved, a, BLOCK);
        PT_AT(pt_copy_keys)(saved + BLOCK, a + to, BLOCK);
        while (to - from >= BLOCK) {
            const int64_t at_end = right - to < from - left;
            const PT_KEY *const block = a + (at_end ? to - BLOCK : from);
            PT_VECTOR keys[VECTORS];
            const uintptr_t ahead = (uintptr_t) block + (at_end ? -PT_SORT_AHEAD : PT_SORT_AHEAD);
            for (int k = 0; k < (int) sizeof keys / 64; k++)
                __builtin_prefetch((const void *) (ahead + 64 * k), 1);
            to -= at_end * BLOCK;
            from += (1 - at_end) * BLOCK;
            for (int k = 0; k < VECTORS; k++)
                keys[k] = PT_LOAD(block + PT_LANES * k);
            for (int k = 0; k < VECTORS; k++) {
                const PT_MASK high = PT_ABOVE(keys[k], bound);
                const int beyond = __builtin_popcount(high);
                PT_VECTOR lows, highs;
                PT_PARTS(lows, highs, keys[k], high, beyond)
                PT_STORE(a + left, lows);
                PT_STORE(a + right - PT_LANES, highs);
                left += PT_LANES - beyond;
                right -= beyond;
            }
        }
        rest = 2 * BLOCK + to - from;
        PT_AT(pt_copy_keys)(saved + 2 * BLOCK, a + from, to - from);
    }
    const PT_KEY *next = saved;
    for (; rest >= 2 * PT_LANES; rest -= PT_LANES, next += PT_LANES) {
        const PT_VECTOR keys = PT_LOAD(next);
        const PT_MASK high = PT_ABOVE(keys, bound);
        const int beyond = __builtin_popcount(high);
        PT_VECTOR lows, highs;
        PT_PARTS(lows, highs, keys, high, beyond)
        PT_STORE(a + left, lows);
        PT_STORE(a + right - PT_LANES, highs);
        left += PT_LANES - beyond;
        right -= beyond;
    }
    for (; rest > 0; rest--, next++) {
        const int is_high = *next > last;
        a[left] = a[right - 1] = *next;
        left += !is_high;
        right -= is_high;
    }
    return left;
}

/* The smaller one of each two keys in vector i, the larger one in vector j. */
#define PT_PAIR(i, j) \
    { \
        const PT_VECTOR low = v[i], high = v[j]; \
        v[i] = PT_MIN(low, high); \
        v[j] = PT_MAX(low, high); \
    }

/* Steps of merging columns: across lanes, with the rows turned upside down, or each row alone, and
 * then down the columns. */
#define PT_TURN(PARTNER, above) \
    _Pragma("GCC unroll 16") for (int k = 0; k < (count + 1) / 2; k++) { \
        const PT_VECTOR top = v[k], low = v[count - 1 - k]; \
        const PT_VECTOR other = PARTNER(low), beside = PARTNER(top); \
        v[k] = PT_CHOSEN(top, other, above); \
        v[count - 1 - k] = PT_CHOSEN(low, beside, above); \
    }
#define PT_ACROSS(PARTNER, above) \
    _Pragma("GCC unroll 16") for (int k = 0; k < count; k++) { \
        const PT_VECTOR other = PARTNER(v[k]); \
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
static inline __attribute__((always_inline)) PT_CODE void PT_AT(pt_network)(PT_VECTOR *v,
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
        PT_VECTOR rows[16];
#pragma GCC unroll 16
        for (int k = 0; k < count; k++)
            rows[k] = v[k];
#pragma GCC unroll 8
        for (int k = 0; k < count / 2; k++) {
            v[2 * k] = PT_RIFFLE_LOW(rows[k], rows[k + count / 2]);
            v[2 * k + 1] = PT_RIFFLE_HIGH(rows[k], rows[k + count / 2]);
        }
    }
}
#undef PT_PAIR
#undef PT_TURN
#undef PT_ACROSS
#undef PT_DOWN

/* Up to PT_LANES * count keys in order: the lanes without a key hold the largest one. */
#define PT_SORT_VECTORS(count) \
    PT_ROUTINE PT_CODE void PT_AT(pt_sort_##count##_vectors)(PT_KEY *a, int64_t n) \
    { \
        const PT_VECTOR none = PT_SAME(PT_KEY_MAX); \
        PT_VECTOR v[count]; \
        _Pragma("GCC unroll 16") for (int k = 0; k < count; k++) \
            v[k] = PT_LOAD_FIRST(a + PT_LANES * k, n - PT_LANES * k, none); \
        PT_AT(pt_network)(v, count); \
        _Pragma("GCC unroll 16") for (int k = 0; k < count; k++) \
            PT_STORE_FIRST(a + PT_LANES * k, n - PT_LANES * k, v[k]); \
    }
PT_SORT_VECTORS(1)
PT_SORT_VECTORS(2)
PT_SORT_VECTORS(4)
PT_SORT_VECTORS(8)
PT_SORT_VECTORS(16)
#undef PT_SORT_VECTORS

PT_ROUTINE void PT_AT(pt_network_sort)(PT_KEY *a, int64_t n)
{
    if (n <= PT_LANES)
        PT_AT(pt_sort_1_vectors)(a, n);
    else if (n <= 2 * PT_LANES)
        PT_AT(pt_sort_2_vectors)(a, n);
    else if (n <= 4 * PT_LANES)
        PT_AT(pt_sort_4_vectors)(a, n);
    else if (n <= 8 * PT_LANES)
        PT_AT(pt_sort_8_vectors)(a, n);
    else
        PT_AT(pt_sort_16_vectors)(a, n);
}

#undef PT_KEY
#undef PT_KEY_MIN
#undef PT_KEY_MAX
#undef PT_LANES
#undef PT_AT
#undef PT_MASK
#undef PT_LOAD_FIRST
#undef PT_STORE_FIRST
#undef PT_SAME
#undef PT_MIN
#undef PT_MAX
#undef PT_ABOVE
#undef PT_PARTS
#undef PT_CHOSEN
#undef PT_BESIDE_1
#undef PT_BESIDE_2
#undef PT_BESIDE_3
#undef PT_BESIDE_4
#undef PT_BESIDE_7
#undef PT_MERGES
#undef PT_RIFFLE_LOW
#undef PT_RIFFLE_HIGH
#undef PT_BESIDE_15
#undef PT_ABOVE_1
