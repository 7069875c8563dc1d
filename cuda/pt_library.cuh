/* What surrounds the routines of NVIDIA's libraries: copies into column-major order and back, with
 * the check for what is not finite, permutations of rows, addresses of items, halves of spectra.
 *
 * All kernels take addresses and `long long` alone, and share out their elements over the grid.
 * Matrices are row-major unless strides are given. `bad` and `info` have one int for each item; an
 * address may be null where that is said.
 */
#ifndef PT_LIBRARY_CUH
#define PT_LIBRARY_CUH

#include "pt_group.cuh"

#define PT_LIBRARY_KERNEL extern "C" __global__ void __launch_bounds__(256)
#define PT_LIBRARY_ROWS 4096 /* of a permutation that is composed in shared memory */

enum { PT_KEEP_ALL = 0, PT_KEEP_LOWER = 1, PT_KEEP_UPPER = 2 };

PT_DEVICE bool pt_kept(long long i, long long j, long long keep)
{
    return keep == PT_KEEP_ALL || (keep == PT_KEEP_LOWER ? j <= i : j >= i);
}

/* out: the kept part of each m x n item of a, zero elsewhere, or its transpose; items of out are
 * `step` apart. An element that is not finite becomes 0, and bad[item] 1. */
PT_LIBRARY_KERNEL pt_library_take(const double *a, double *out, int *bad, long long batch,
                                  long long m, long long n, long long step, long long transposed,
                                  long long keep)
{
    const pt_thread g;
    for (long long e = g.index(); e < batch * m * n; e += g.count()) {
        const long long item = e / (m * n), i = e / n % m, j = e % n;
        double x = pt_kept(i, j, keep) ? a[e] : 0.0;
        if (!(x - x == 0)) {
            bad[item] = 1;
            x = 0;
        }
        out[item * step + (transposed ? j * m + i : i * n + j)] = x;
    }
}

/* out: the kept part of each m x n item of x, zero elsewhere; element (i, j) of an item is
 * x[item * step + i * row + j * column]. An item is nan where bad or info, either of which may be
 * null, is not 0. out may be x if the strides are those of out. */
PT_LIBRARY_KERNEL pt_library_give(const double *x, double *out, const int *bad, const int *info,
                                  long long batch, long long m, long long n, long long step,
                                  long long row, long long column, long long keep)
{
    const pt_thread g;
    for (long long e = g.index(); e < batch * m * n; e += g.count()) {
        const long long item = e / (m * n), i = e / n % m, j = e % n;
        const bool failed = (bad && bad[item]) || (info && info[item]);
        const double found = x[item * step + i * row + j * column];
        out[e] = failed ? PT_NAN : pt_kept(i, j, keep) ? found : 0.0;
    }
}

/* bad[item]: 1 where an n x n triangle has a zero on its diagonal, else what it was. */
PT_LIBRARY_KERNEL pt_library_singular(const double *t, int *bad, long long batch, long long n)
{
    const pt_thread g;
    for (long long e = g.index(); e < batch * n; e += g.count())
        if (t[e / n * n * n + e % n * (n + 1)] == 0)
            bad[e / n] = 1;
}

/* x, n x n, made symmetric in place: the mean of both triangles, or of the lower one and 0. */
PT_LIBRARY_KERNEL pt_library_mirror(double *x, long long batch, long long n, long long lower)
{
    const pt_thread g;
    for (long long e = g.index(); e < batch * n * n; e += g.count()) {
        const long long i = e / n % n, j = e % n;
        if (j > i)
            continue;
        double *const other = x + (e - i * n - j) + j * n + i;
        const double mean = (x[e] + (lower ? 0.0 : *other)) / 2;
        x[e] = mean;
        *other = mean;
    }
}

PT_LIBRARY_KERNEL pt_library_units(double *out, long long batch, long long n)
{
    const pt_thread g;
    for (long long e = g.index(); e < batch * n * n; e += g.count())
        out[e] = e / n % n == e % n;
}

/* out: the addresses of items of `bytes` bytes. */
PT_LIBRARY_KERNEL pt_library_addresses(long long *out, long long first, long long batch,
                                       long long bytes)
{
    const pt_thread g;
    for (long long item = g.index(); item < batch; item += g.count())
        out[item] = first + item * bytes;
}

/* rows[i]: the row of L U that row i is, after row k was exchanged with row swaps[k] - 1 for each k
 * in turn. */
template <class Rows>
PT_DEVICE void pt_library_compose(Rows *rows, const int *swaps, long long n)
{
    for (long long k = n - 1; k >= 0; --k) {
        const Rows row = rows[k];
        rows[k] = rows[swaps[k] - 1];
        rows[swaps[k] - 1] = row;
    }
}

/* LAPACK's exchanges of rows, counted from 1, as pivots counted from 0 and as their permutation; 0
 * for an item that is bad. A block for each item. */
PT_LIBRARY_KERNEL pt_library_pivots(const int *swaps, const int *bad, int64_t *pivots,
                                    int64_t *rows, long long batch, long long n)
{
    __shared__ int order[PT_LIBRARY_ROWS], exchanges[PT_LIBRARY_ROWS];
    const pt_block g;
    for (long long item = g.index(); item < batch; item += g.count()) {
        const int *const own = swaps + item * n;
        int64_t *const found = rows + item * n;
        const bool near = n <= PT_LIBRARY_ROWS;
        for (long long i = g.lane(); i < n; i += g.size()) {
            pivots[item * n + i] = bad[item] ? 0 : own[i] - 1;
            found[i] = bad[item] ? 0 : i;
            if (near) {
                order[i] = (int) i;
                exchanges[i] = own[i];
            }
        }
        g.sync();
        if (bad[item])
            continue; /* all threads alike */
        if (g.lane() == 0) {
            if (near)
                pt_library_compose(order, exchanges, n);
            else
                pt_library_compose(found, own, n);
        }
        g.sync();
        for (long long i = g.lane(); near && i < n; i += g.size())
            found[i] = order[i];
        g.sync();
    }
}

/* Rows of n x k items: out[rows[i]] = x[i], or out[i] = x[rows[i]] if they go back. A row that is
 * out of range counts as 0. */
PT_LIBRARY_KERNEL pt_library_rows(const double *x, const int64_t *rows, double *out,
                                  long long batch, long long n, long long k, long long back)
{
    const pt_thread g;
    for (long long e = g.index(); e < batch * n * k; e += g.count()) {
        const long long item = e / (n * k), j = e % k;
        const int64_t given = rows[e / k], row = 0 <= given && given < n ? given : 0;
        const long long other = item * n * k + row * k + j;
        if (back)
            out[e] = x[other];
        else
            out[other] = x[e];
    }
}

/* Reals as complex numbers. */
PT_LIBRARY_KERNEL pt_library_pairs(const double *x, double *out, long long count)
{
    const pt_thread g;
    for (long long e = g.index(); e < count; e += g.count()) {
        out[2 * e] = x[e];
        out[2 * e + 1] = 0;
    }
}

/* out: x, m rows of h complex numbers, the half of a spectrum of reals, of which the first column,
 * and the last one if the number of reals is even, are made what those of reals are: a transform to
 * reals by rows, after one by columns, takes the real parts there. */
PT_LIBRARY_KERNEL pt_library_half(const double *x, double *out, long long batch, long long m,
                                  long long h, long long even)
{
    const pt_thread g;
    for (long long e = g.index(); e < batch * m * h; e += g.count()) {
        const long long item = e / (m * h), i = e / h % m, k = e % h;
        double real = x[2 * e], imag = x[2 * e + 1];
        if (k == 0 || (even && k == h - 1)) {
            const long long other = (item * m + (m - i) % m) * h + k;
            real = (real + x[2 * other]) / 2;
            imag = other == e ? 0.0 : (imag - x[2 * other + 1]) / 2;
        }
        out[2 * e] = real;
        out[2 * e + 1] = imag;
    }
}

#endif
