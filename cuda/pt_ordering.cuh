/* Sorting, searching and running operations: the routines of cython_ext/ordering.pyx that a device
 * has, with the same names and arguments.
 *
 *   pt_<routine>(g, ..., batch, ...)  all items, by one group
 *   pt_<routine>_grid(g, ...)         all items, shared out over the grid
 *
 * All lanes of the group must call, with the same arguments; inputs must be visible to all of them,
 * and the output is at return. Workspaces are those of the host, and not all are used. What has to
 * go in order (running operations) is one lane's work for each item; what has not (searches,
 * columns) is shared out over the lanes; a sort is a network, an item for each group.
 */
#ifndef PT_ORDERING_CUH
#define PT_ORDERING_CUH

#include "pt_group.cuh"

/* ---- one lane for each piece ------------------------------------------------------------------
 *
 * name(g, buffers, batch, sizes) by the lanes of one group, and name_grid by those of the grid. */

#define PT_BY_LANE(name, parameters, pieces, piece) \
    template <class G> \
    static __device__ void name parameters \
    { \
        for (long long i = g.lane(); i < pieces; i += g.size()) \
            piece; \
        g.sync(); \
    } \
    template <class G> \
    static __device__ void name##_grid parameters \
    { \
        for (long long i = g.index() * g.size() + g.lane(); i < pieces; i += g.count() * g.size()) \
            piece; \
    }

/* How many of n ascending numbers are less than v, or not larger if `equal`; nan is the largest. */
template <class T>
PT_DEVICE int64_t pt_search_one(const T *x, long long n, T v, bool equal)
{
    long long first = 0;
    for (long long left = n; left > 0;) {
        const long long half = left / 2;
        const T a = x[first + half];
        const bool before = equal ? a <= v || v != v : a < v || (v != v && a == a);
        first = before ? first + half + 1 : first;
        left = before ? left - half - 1 : half;
    }
    return first;
}

#define PT_SEARCH(name, type, equal) \
    PT_BY_LANE(name, \
               (const G &g, const type *x, const type *values, int64_t *out, long long batch, \
                long long n, long long m), \
               batch *m, out[i] = pt_search_one<type>(x + i / m * n, n, values[i], equal))
PT_SEARCH(pt_search_left, double, false)
PT_SEARCH(pt_search_right, double, true)
PT_SEARCH(pt_search_left_int64, int64_t, false)
PT_SEARCH(pt_search_right_int64, int64_t, true)
#undef PT_SEARCH

/* Running sums, or products, of n integers that are `step` apart; they wrap around. */
PT_DEVICE void pt_running_integers(const int64_t *x, int64_t *out, long long n, long long step,
                                   bool product)
{
    unsigned long long total = product;
    for (long long i = 0; i < n; ++i) {
        const unsigned long long term = (unsigned long long) x[i * step];
        total = product ? total * term : total + term;
        out[i * step] = (int64_t) total;
    }
}

PT_DEVICE void pt_running_product(const double *x, double *out, long long n)
{
    double total = 1;
    for (long long i = 0; i < n; ++i)
        out[i] = total *= x[i];
}

template <class T>
PT_DEVICE void pt_running_maximum(const T *x, T *out, int64_t *places, long long n)
{
    T top = n ? x[0] : (T) 0;
    int64_t place = 0;
    for (long long i = 0; i < n; ++i) {
        const bool larger = x[i] > top || (x[i] != x[i] && top == top);
        top = larger ? x[i] : top;
        place = larger ? i : place;
        out[i] = top;
        places[i] = place;
    }
}

/* out[i] = a[i] out[i - 1] + b[i], with what rounding loses, as on the host. */
PT_DEVICE void pt_recur(const double *a, const double *b, double *out, long long n)
{
    double total = 0, lost = 0;
    for (long long i = 0; i < n; ++i) {
        const double factor = i ? a[i] : 0;
        const double product = factor * total, sum = product + b[i], added = sum - product;
        lost = factor * lost + fma(factor, total, -product) +
               ((product - (sum - added)) + (b[i] - added));
        total = sum;
        out[i] = lost - lost == 0 ? total + lost : total;
    }
}

PT_BY_LANE(pt_cumsum_int64,
           (const G &g, const int64_t *x, int64_t *out, long long batch, long long n), batch,
           pt_running_integers(x + i * n, out + i * n, n, 1, false))
PT_BY_LANE(pt_cumprod_int64,
           (const G &g, const int64_t *x, int64_t *out, long long batch, long long n), batch,
           pt_running_integers(x + i * n, out + i * n, n, 1, true))
PT_BY_LANE(pt_cumsum_columns_int64,
           (const G &g, const int64_t *x, int64_t *out, long long batch, long long n,
            long long m),
           batch *m,
           pt_running_integers(x + i / m * n * m + i % m, out + i / m * n * m + i % m, n, m,
                               false))
PT_BY_LANE(pt_cumprod, (const G &g, const double *x, double *out, long long batch, long long n),
           batch, pt_running_product(x + i * n, out + i * n, n))
PT_BY_LANE(pt_cummax,
           (const G &g, const double *x, double *out, int64_t *places, long long batch,
            long long n),
           batch, pt_running_maximum(x + i * n, out + i * n, places + i * n, n))
PT_BY_LANE(pt_cummax_int64,
           (const G &g, const int64_t *x, int64_t *out, int64_t *places, long long batch,
            long long n),
           batch, pt_running_maximum(x + i * n, out + i * n, places + i * n, n))
PT_BY_LANE(pt_recurrence,
           (const G &g, const double *a, const double *b, double *out, long long batch,
            long long n),
           batch, pt_recur(a + i * n, b + i * n, out + i * n, n))
#undef PT_BY_LANE

/* ---- sorting networks -------------------------------------------------------------------------
 *
 * Batcher (1968), AFIPS 32:307, in the form in which the smaller one of two always goes to the
 * lower place: then numbers of any count are sorted, as if followed by infinitely large ones. */

/* exchange(low, high) puts two elements in order; each place is in one pair of a stage. */
template <class G, class Exchange>
PT_DEVICE void pt_network(const G &g, long long n, const Exchange &exchange)
{
    for (long long width = 1; width < n; width *= 2)
        for (long long half = width; half; half /= 2) {
            const long long pairs = (n + 2 * half - 1) / (2 * half) * half;
            for (long long pair = g.lane(); pair < pairs; pair += g.size()) {
                const long long first = pair / half * 2 * half, rank = pair % half;
                const long long low = first + rank;
                const long long high = half == width ? first + 2 * half - 1 - rank : low + half;
                if (high < n)
                    exchange(low, high);
            }
            g.sync();
        }
}

/* Whether a comes after b: nan last; of two zeros the negative one is first, if that counts. */
PT_DEVICE bool pt_after(double a, double b, bool zeros)
{
    return a > b || (a != a && b == b) || (zeros && a == 0 && b == 0 && 1 / a > 1 / b);
}
PT_DEVICE bool pt_after(float a, float b, bool zeros)
{
    return pt_after((double) a, (double) b, zeros);
}
PT_DEVICE bool pt_after(int64_t a, int64_t b, bool) { return a > b; }
PT_DEVICE bool pt_after(int32_t a, int32_t b, bool) { return a > b; }

template <class T> struct pt_exchange_values {
    T *x;
    __device__ void operator()(long long low, long long high) const
    {
        const T a = x[low], b = x[high];
        if (pt_after(a, b, true)) {
            x[low] = b;
            x[high] = a;
        }
    }
};

/* Indices by the rows of n numbers that they name, equal ones by themselves: a stable order. */
template <class T> struct pt_exchange_indices {
    const T *x;
    int64_t *order;
    long long n;
    __device__ bool after(int64_t row, int64_t other) const
    {
        for (long long k = 0; k < n; ++k) {
            const T a = x[row * n + k], b = x[other * n + k];
            if (pt_after(a, b, false))
                return true;
            if (pt_after(b, a, false))
                return false;
        }
        return row > other;
    }
    __device__ void operator()(long long low, long long high) const
    {
        const int64_t a = order[low], b = order[high];
        if (after(a, b)) {
            order[low] = b;
            order[high] = a;
        }
    }
};

template <class T, class G>
static __device__ __noinline__ void pt_sort_item(const G &g, const T *x, T *out, long long n)
{
    for (long long i = g.lane(); i < n; i += g.size())
        out[i] = x[i];
    g.sync();
    pt_network(g, n, pt_exchange_values<T>{out});
}

template <class T, class G>
static __device__ __noinline__ void pt_order_item(const G &g, const T *x, int64_t *order,
                                                  long long m, long long n)
{
    for (long long i = g.lane(); i < m; i += g.size())
        order[i] = i;
    g.sync();
    pt_network(g, m, pt_exchange_indices<T>{x, order, n});
}

/* The elements at `count` places of the stable order, and their indices; `none` and 0 at a place
 * out of bounds. */
template <class T, class G>
PT_DEVICE void pt_select_item(const G &g, const T *x, const int64_t *places, T *values,
                              int64_t *order, int64_t *sorted, long long n, long long count, T none)
{
    pt_order_item(g, x, sorted, n, 1);
    for (long long k = g.lane(); k < count; k += g.size()) {
        const bool within = places[k] >= 0 && places[k] < n;
        const int64_t found = within ? sorted[places[k]] : 0;
        order[k] = found;
        values[k] = within ? x[found] : none;
    }
    g.sync();
}

/* name(g, buffers, batch, sizes) by one group, and name_grid by all groups of the grid. */
#define PT_BY_GROUP(name, parameters, item) \
    template <class G> \
    static __device__ void name parameters \
    { \
        for (long long i = 0; i < batch; ++i) \
            item; \
    } \
    template <class G> \
    static __device__ void name##_grid parameters \
    { \
        for (long long i = g.index(); i < batch; i += g.count()) \
            item; \
    }
PT_BY_GROUP(pt_sort, (const G &g, const double *x, double *out, long long batch, long long n),
            pt_sort_item(g, x + i * n, out + i * n, n))
PT_BY_GROUP(pt_sort_int64,
            (const G &g, const int64_t *x, int64_t *out, long long batch, long long n),
            pt_sort_item(g, x + i * n, out + i * n, n))
PT_BY_GROUP(pt_sort_float32,
            (const G &g, const float *x, float *out, long long batch, long long n),
            pt_sort_item(g, x + i * n, out + i * n, n))
PT_BY_GROUP(pt_sort_int32,
            (const G &g, const int32_t *x, int32_t *out, long long batch, long long n),
            pt_sort_item(g, x + i * n, out + i * n, n))
PT_BY_GROUP(pt_argsort,
            (const G &g, const double *x, int64_t *order, double *, long long batch, long long n),
            pt_order_item(g, x + i * n, order + i * n, n, 1))
PT_BY_GROUP(pt_argsort_int64,
            (const G &g, const int64_t *x, int64_t *order, double *, long long batch, long long n),
            pt_order_item(g, x + i * n, order + i * n, n, 1))
PT_BY_GROUP(pt_argsort_rows,
            (const G &g, const double *x, int64_t *order, double *, long long batch, long long m,
             long long n),
            pt_order_item(g, x + i * m * n, order + i * m, m, n))
PT_BY_GROUP(pt_argsort_rows_int64,
            (const G &g, const int64_t *x, int64_t *order, double *, long long batch, long long m,
             long long n),
            pt_order_item(g, x + i * m * n, order + i * m, m, n))
PT_BY_GROUP(pt_select,
            (const G &g, const double *x, const int64_t *places, double *values, int64_t *order,
             double *work, long long batch, long long n, long long count),
            pt_select_item(g, x + i * n, places + i * count, values + i * count, order + i * count,
                           (int64_t *) work + i * n, n, count, PT_NAN))
PT_BY_GROUP(pt_select_int64,
            (const G &g, const int64_t *x, const int64_t *places, int64_t *values, int64_t *order,
             double *work, long long batch, long long n, long long count),
            pt_select_item(g, x + i * n, places + i * count, values + i * count, order + i * count,
                           (int64_t *) work + i * n, n, count, (int64_t) 0))
#undef PT_BY_GROUP

#endif
