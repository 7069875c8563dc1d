/* Sorting and selection of keys of one width: included by pt_sort.h for each width, with these
 * defined, as they are not any more at its end.
 *
 *   PT_KEY, PT_KEY_MAX  the type of a key, and the largest one
 *   PT_OF(name)         the name of a function for this width
 *   PT_LANES            the keys in 64 bytes
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

/* Few keys in order: at most those of 16 vectors of a level, or 16. */
static inline void PT_OF(pt_sort_few)(PT_KEY *a, int64_t n, int level)
{
#ifdef PT_WIDE_SORT
    if (level == 2)
        PT_OF(pt_network_sort_avx512)(a, n);
    else if (level == 1)
        PT_OF(pt_network_sort_avx2)(a, n);
    else
#endif
        PT_OF(pt_insert_sort)(a, n);
    (void) level;
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

static inline int64_t PT_OF(pt_split)(PT_KEY *a, int64_t n, PT_KEY pivot, int equal, int level)
{
#ifdef PT_WIDE_SORT
    if (level == 2)
        return PT_OF(pt_split_avx512)(a, n, pivot, equal);
    if (level == 1)
        return PT_OF(pt_split_avx2)(a, n, pivot, equal);
#endif
    (void) level;
    return PT_OF(pt_split_plain)(a, n, pivot, equal);
}

/* The keys a[0 .. n) in order, or with `places` such that each key at one of these `count` places,
 * which ascend and count from `first`, is the one that it is in order. */
PT_ROUTINE void PT_OF(pt_quicksort)(PT_KEY *a, int64_t n, int64_t first, const int64_t *places,
                                    int64_t count, int level, int depth, uint64_t state)
{
    const int64_t shortest = level == 2 ? 16 * PT_LANES : level == 1 ? 8 * PT_LANES : 16;
    while (n > shortest) {
        int64_t left, before = 0;
        const PT_KEY pivot = PT_OF(pt_sample_pivot)(a, n, &state);
        if (places && !count)
            return;
        if (depth-- == 0) {
            PT_OF(pt_heap_sort)(a, n);
            return;
        }
        left = PT_OF(pt_split)(a, n, pivot, 0, level);
        if (!left) { /* the pivot is the smallest: those equal to it are in order */
            left = PT_OF(pt_split)(a, n, pivot, 1, level);
            depth++;
        } else if (!places || (count && places[0] < first + left)) {
            while (before < count && places[before] < first + left)
                before++;
            PT_OF(pt_quicksort)(a, left, first, places, before, level, depth, state);
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
    PT_OF(pt_sort_few)(a, n, level);
}

PT_ROUTINE void PT_OF(pt_sort_keys)(PT_KEY *a, int64_t n)
{
    PT_OF(pt_quicksort)(a, n, 0, NULL, 0, pt_sort_level(), pt_sort_depth(n), 1);
}

/* The keys at these places, which ascend, are those of the keys in order. */
PT_ROUTINE void PT_OF(pt_select_keys)(PT_KEY *a, int64_t n, const int64_t *places, int64_t count)
{
    PT_OF(pt_quicksort)(a, n, 0, places, count, pt_sort_level(), pt_sort_depth(n), 1);
}

#undef PT_KEY
#undef PT_KEY_MAX
#undef PT_OF
#undef PT_LANES
