/* Dense linear algebra by one group of threads on one item: the routines of cython_ext/linalg.pyx,
 * with the same names and arguments.
 *
 *   pt_<routine>_item(g, ...)         one item
 *   pt_<routine>(g, ..., batch, ...)  all items, sequentially, by this group
 *   pt_<routine>_grid(g, ...)         all items, distributed over the groups of the grid
 * and for long cumulative sums pt_cumsum_chunks, pt_cumsum_ends and pt_cumsum_spread.
 *
 * All lanes of the group must call, with the same arguments; inputs must be visible to all of them,
 * and the output is at return. Only the output is written, and shared memory is used only for the
 * folds of a block. Matrices are row-major, with fewer than 2^31 rows and columns. The order of
 * sums depends only on the sizes and on that of the group.
 *
 * The algorithms are blocked by PT_STEP rows, and the update of each step is split into small
 * tiles, one for each lane, in registers: adjacent lanes access adjacent elements of rows.
 */
#ifndef PT_LINALG_CUH
#define PT_LINALG_CUH

#include "pt_group.cuh"

#define PT_STEP 4

/* Iterates over the elements of a table with `columns` columns, distributed over the lanes. */
struct pt_places {
    int row, column, columns, rows_on, columns_on;
    __device__ pt_places(int lane, int size, int columns_) :
        row(lane / columns_), column(lane % columns_), columns(columns_),
        rows_on(size / columns_), columns_on(size % columns_)
    {
    }
    __device__ void next()
    {
        row += rows_on;
        column += columns_on;
        if (column >= columns) {
            column -= columns;
            ++row;
        }
    }
};

PT_DEVICE int pt_at_most(int n, int limit) { return n < limit ? n : limit; }

/* A matrix with strides: element (i, j) is at[i * row + j * column]. */
template <class T> struct pt_view {
    const T *at;
    long long row, column;
    __device__ T operator()(int i, int j) const { return at[i * row + j * column]; }
    __device__ pt_view from(long long i, long long j) const
    {
        return {at + i * row + j * column, row, column};
    }
};

/* sum[q][r] = left(q, 0) right(0, r) + ... over `inner` terms. `height` and `width` are the
 * rows and columns within the matrix; beyond the edge a tile reads its first row or column. */
template <int ROWS, int COLUMNS, class T>
PT_DEVICE void pt_tile_product(T (&sum)[ROWS][COLUMNS], pt_view<T> left, pt_view<T> right,
                               int height, int width, int inner)
{
    for (int q = 0; q < ROWS; ++q)
        for (int r = 0; r < COLUMNS; ++r)
            sum[q][r] = 0;
    for (int p = 0; p < inner; ++p) {
        T x[ROWS], y[COLUMNS];
        for (int q = 0; q < ROWS; ++q)
            x[q] = left(q < height ? q : 0, p);
        for (int r = 0; r < COLUMNS; ++r)
            y[r] = right(p, r < width ? r : 0);
        for (int q = 0; q < ROWS; ++q)
            for (int r = 0; r < COLUMNS; ++r)
                sum[q][r] = PT_MA(x[q], y[r], sum[q][r]);
    }
}

/* c -= left right over PT_STEP terms, on one tile of c of row stride `step`. */
template <int ROWS, int COLUMNS>
PT_DEVICE void pt_tile_subtract(double *c, long long step, pt_view<double> left,
                                pt_view<double> right, int height, int width)
{
    double sum[ROWS][COLUMNS];
    pt_tile_product(sum, left, right, height, width, PT_STEP);
    for (int q = 0; q < ROWS; ++q)
        for (int r = 0; r < COLUMNS; ++r)
            if (q < height && r < width)
                c[q * step + r] -= sum[q][r];
}

/* ---- Cholesky -------------------------------------------------------------------------------
 *
 * The factor is computed as an upper triangle r with r' r = a, whose rows are contiguous, and
 * transposed at the end. */

/* The factor r of the block whose upper triangle is at `a`, of row stride `step` and
 * size `size`; a smaller block is padded with the identity. False if it is not positive definite.
 * */
PT_DEVICE bool pt_factor_block(const double *a, long long step, int size,
                               double (&r)[PT_STEP][PT_STEP], double (&inverse)[PT_STEP])
{
    bool good = true;
    for (int p = 0; p < PT_STEP; ++p)
        for (int q = p; q < PT_STEP; ++q)
            r[p][q] = q < size ? a[p * step + q] : (double) (p == q);
    for (int p = 0; p < PT_STEP; ++p) {
        good = good && r[p][p] > 0 && r[p][p] < PT_INF;
        r[p][p] = PT_SQRT(r[p][p]);
        inverse[p] = 1 / r[p][p];
        for (int q = p + 1; q < PT_STEP; ++q)
            r[p][q] *= inverse[p];
        for (int s = p + 1; s < PT_STEP; ++s)
            for (int q = s; q < PT_STEP; ++q)
                r[s][q] = PT_MA(-r[p][s], r[p][q], r[s][q]);
    }
    return good;
}

/* Rows j to j + PT_STEP - 1 of the factor, to the right of their diagonal block r. */
template <class G>
PT_DEVICE void pt_factor_rows(const G &g, double *rows, int j, int n,
                              const double (&r)[PT_STEP][PT_STEP],
                              const double (&inverse)[PT_STEP])
{
    for (int k = j + PT_STEP + g.lane(); k < n; k += g.size()) {
        double x[PT_STEP];
        for (int p = 0; p < PT_STEP; ++p)
            x[p] = rows[(long long) p * n + k];
        for (int p = 0; p < PT_STEP; ++p) {
            for (int s = 0; s < p; ++s)
                x[p] = PT_MA(-r[s][p], x[s], x[p]);
            x[p] *= inverse[p];
            rows[(long long) p * n + k] = x[p];
        }
    }
}

/* The rank-PT_STEP update of the triangle from row and column `first` on, by rows `first - PT_STEP`
 * to `first - 1` of the factor. There are `count` tiles to a side; rows r and count - 1 - r have
 * count + 1 together, so the triangle is traversed as a rectangle. */
template <class G> PT_DEVICE void pt_factor_rest(const G &g, double *out, int first, int n)
{
    const int count = (n - first + PT_STEP - 1) / PT_STEP;
    const double *rows = out + (long long) (first - PT_STEP) * n;
    for (pt_places w(g.lane(), g.size(), count + 1); 2 * w.row < count; w.next()) {
        const int past = w.column - (count - w.row);
        if (past >= 0 && 2 * w.row == count - 1)
            continue;
        const int row = past < 0 ? w.row : count - 1 - w.row;
        const int i = first + PT_STEP * row;
        const int k = i + PT_STEP * (past < 0 ? w.column : past);
        const pt_view<double> left = {rows + i, 1, n}, right = {rows + k, n, 1};
        pt_tile_subtract<PT_STEP, PT_STEP>(out + (long long) i * n + k, n, left, right,
                                           pt_at_most(n - i, PT_STEP), pt_at_most(n - k, PT_STEP));
    }
}

/* Transpose the upper triangle to the lower one, zero above it; all nan if there is no factor. */
template <class G> PT_DEVICE void pt_factor_turn(const G &g, double *out, int n, bool good)
{
    for (pt_places w(g.lane(), g.size(), n); w.row < n; w.next()) {
        double *here = out + (long long) w.row * n + w.column;
        double *mirrored = out + (long long) w.column * n + w.row;
        if (!good) {
            *here = PT_NAN;
        } else if (w.column < w.row) {
            *here = *mirrored;
            *mirrored = 0;
        }
    }
}

/* out: the lower factor of the n x n matrix a, all nan where it is not positive definite; only
 * the lower triangle of a is read. */
template <class G>
static __device__ __noinline__ void pt_cholesky_item(const G &g, const double *a, double *out,
                                                     long long n_)
{
    const int n = (int) n_;
    if (n == 0)
        return;
    for (pt_places w(g.lane(), g.size(), n); w.row < n; w.next())
        out[(long long) w.row * n + w.column] =
            w.column >= w.row ? a[(long long) w.column * n + w.row] : 0;
    g.sync();
    bool good = true;
    for (int j = 0; j < n && good; j += PT_STEP) {
        double *block = out + (long long) j * n + j;
        const int size = pt_at_most(n - j, PT_STEP);
        double r[PT_STEP][PT_STEP], inverse[PT_STEP];
        good = pt_factor_block(block, n, size, r, inverse); /* uniform: by every lane */
        pt_factor_rows(g, block - j, j, n, r, inverse);
        g.sync();
        for (int p = 0; p < PT_STEP; ++p)
            for (int q = p; q < PT_STEP; ++q)
                if (q < size && g.lane() == 0)
                    block[(long long) p * n + q] = r[p][q];
        pt_factor_rest(g, out, j + PT_STEP, n);
        g.sync();
    }
    pt_factor_turn(g, out, n, good);
    g.sync();
}

/* out: the symmetric cotangent of a matrix given its lower factor l and the cotangent of that, of
 * which the upper triangle is not read; column by column, as Murray (2016), arXiv:1602.07527. */
template <class G>
static __device__ __noinline__ void pt_cholesky_gradient_item(const G &g, const double *l,
                                                              const double *cotangent, double *out,
                                                              long long n_)
{
    const int n = (int) n_;
    if (n == 0)
        return;
    for (pt_places w(g.lane(), g.size(), n); w.row < n; w.next())
        out[(long long) w.row * n + w.column] =
            0.5 * cotangent[(long long) (w.column > w.row ? w.column : w.row) * n +
                            (w.column > w.row ? w.row : w.column)];
    g.sync();
    for (int k = n - 1; k >= 0; --k) {
        double *column = out + (long long) k * n; /* row k holds column k, too */
        const double pivot = l[(long long) k * n + k];
        double total = 0;
        for (int i = k + 1 + g.lane(); i < n; i += g.size()) {
            double sum = column[i];
            for (int j = k + 1; j < n; ++j)
                sum = PT_MA(-out[(long long) j * n + i], l[(long long) j * n + k], sum);
            sum /= pivot;
            column[i] = sum;
            total = PT_MA(sum, l[(long long) i * n + k], total);
        }
        total = g.add(total);
        if (g.lane() == 0)
            column[k] = (column[k] - total) / pivot;
        g.sync();
        for (int i = k + 1 + g.lane(); i < n; i += g.size())
            out[(long long) i * n + k] = column[i];
        g.sync();
    }
}

/* ---- triangular systems ---------------------------------------------------------------------- */

/* One column of the unknowns, `count` of them in rows `step` apart, by the block of t that they
 * share: x holds the right side. */
template <bool LOWER>
PT_DEVICE void pt_solve_block(pt_view<double> t, double *x, long long step, int count)
{
    double found[PT_STEP];
    for (int p = 0; p < PT_STEP; ++p)
        found[p] = p < count ? x[p * step] : 0;
    for (int iteration = 0; iteration < PT_STEP; ++iteration) {
        const int p = LOWER ? iteration : PT_STEP - 1 - iteration;
        for (int s = LOWER ? 0 : p + 1; s < (LOWER ? p : PT_STEP); ++s)
            if (s < count && p < count)
                found[p] = PT_MA(-t(p, s), found[s], found[p]);
        if (p < count) {
            found[p] /= t(p, p);
            x[p * step] = found[p];
        }
    }
}

/* x -= t found, on `height` rows of k columns, in tiles. */
template <int ROWS, int COLUMNS, class G>
PT_DEVICE void pt_solve_rest(const G &g, double *x, pt_view<double> t, pt_view<double> found,
                             int height, int k)
{
    const int rows = (height + ROWS - 1) / ROWS;
    for (pt_places w(g.lane(), g.size(), (k + COLUMNS - 1) / COLUMNS); w.row < rows; w.next()) {
        const int i = ROWS * w.row, c = COLUMNS * w.column;
        pt_tile_subtract<ROWS, COLUMNS>(x + (long long) i * k + c, k, t.from(i, 0),
                                        found.from(0, c), pt_at_most(height - i, ROWS),
                                        pt_at_most(k - c, COLUMNS));
    }
}

template <bool LOWER, class G>
PT_DEVICE void pt_solve(const G &g, pt_view<double> t, const double *b, double *out, int n, int k)
{
    const pt_view<double> x = {out, k, 1};
    if (n == 0 || k == 0)
        return;
    for (long long element = g.lane(); element < (long long) n * k; element += g.size())
        out[element] = b[element];
    g.sync();
    for (int done = 0; done < n; done += PT_STEP) {
        const int count = pt_at_most(n - done, PT_STEP), rest = n - done - count;
        const int j = LOWER ? done : rest, first = LOWER ? done + count : 0;
        double *const unknown = out + (long long) first * k;
        for (int c = g.lane(); c < k; c += g.size())
            pt_solve_block<LOWER>(t.from(j, j), out + (long long) j * k + c, k, count);
        g.sync();
        if (rest == 0)
            break;
        if (k < PT_STEP)
            pt_solve_rest<1, 1>(g, unknown, t.from(first, j), x.from(j, 0), rest, k);
        else
            pt_solve_rest<PT_STEP, PT_STEP>(g, unknown, t.from(first, j), x.from(j, 0), rest, k);
        g.sync();
    }
}

/* out: x with t x = b, or t' x = b if t is turned, t being n x n and lower or upper, b being n x k;
 * the rest of t is not read. */
#define PT_SOLVE(name, lower, row, column) \
    template <class G> \
    static __device__ __noinline__ void name##_item(const G &g, const double *t, const double *b, \
                                                    double *out, long long n, long long k) \
    { \
        pt_solve<lower>(g, {t, row, column}, b, out, (int) n, (int) k); \
    }
PT_SOLVE(pt_solve_lower, true, n, 1)
PT_SOLVE(pt_solve_upper, false, n, 1)
PT_SOLVE(pt_solve_lower_transposed, false, 1, n)
PT_SOLVE(pt_solve_upper_transposed, true, 1, n)
#undef PT_SOLVE

/* ---- cumulative sums ----------------------------------------------------------------------------
 *
 * pt_before(g, x, total): the sum of x over the lanes before this one; total: that over all. */

PT_DEVICE double pt_before(const pt_thread &, double x, double &total)
{
    total = x;
    return 0;
}

PT_DEVICE double pt_before(const pt_warp &, double x, double &total)
{
    const int lane = threadIdx.x & 31;
    for (int step = 1; step < 32; step *= 2) {
        const double below = __shfl_up_sync(PT_ALL_LANES, x, step);
        x = lane >= step ? x + below : x;
    }
    total = __shfl_sync(PT_ALL_LANES, x, 31);
    const double before = __shfl_up_sync(PT_ALL_LANES, x, 1);
    return lane ? before : 0;
}

static __device__ double pt_before(const pt_block &, double x, double &total)
{
    __shared__ double space[32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    double warp_total;
    const double before = pt_before(pt_warp(), x, warp_total);
    __syncthreads(); /* all threads have read the previous result */
    if (lane == 0)
        space[warp] = warp_total;
    __syncthreads();
    const double below = pt_before(pt_warp(), lane < warps ? space[lane] : 0.0, total);
    return __shfl_sync(PT_ALL_LANES, below, warp) + before;
}

/* out: the cumulative sums of n numbers, both arrays of stride `step`; out may be x. Each lane
 * takes PT_STEP consecutive ones. */
template <class G>
PT_DEVICE void pt_running(const G &g, const double *x, double *out, long long n, long long step)
{
    double carried = 0;
    for (long long first = 0; first < n; first += (long long) PT_STEP * g.size()) {
        const long long mine = first + PT_STEP * g.lane();
        double sums[PT_STEP], total, sum = 0;
        for (int p = 0; p < PT_STEP; ++p) {
            sum += mine + p < n ? x[(mine + p) * step] : 0;
            sums[p] = sum;
        }
        const double before = pt_before(g, sum, total);
        for (int p = 0; p < PT_STEP; ++p)
            if (mine + p < n)
                out[(mine + p) * step] = carried + before + sums[p];
        carried += total;
    }
    g.sync();
}

template <class G>
static __device__ __noinline__ void pt_cumsum_item(const G &g, const double *x, double *out,
                                                   long long n)
{
    pt_running(g, x, out, n, 1);
}

/* Few items of many numbers, by the entire grid in three launches: the cumulative sums of chunks of
 * PT_CHUNK numbers, those of their last numbers, and the addition of these to the next chunks. */
#define PT_CHUNK 4096

template <class G>
static __device__ void pt_cumsum_chunks(const G &g, const double *x, double *out, long long batch,
                                        long long n)
{
    const long long chunks = (n + PT_CHUNK - 1) / PT_CHUNK;
    for (long long iteration = g.index(); iteration < batch * chunks; iteration += g.count()) {
        const long long first = iteration % chunks * PT_CHUNK, at = iteration / chunks * n + first;
        pt_cumsum_item(g, x + at, out + at, n - first < PT_CHUNK ? n - first : PT_CHUNK);
    }
}

template <class G>
static __device__ void pt_cumsum_ends(const G &g, const double *, double *out, long long batch,
                                      long long n)
{
    for (long long item = g.index(); item < batch; item += g.count()) {
        double *ends = out + item * n + PT_CHUNK - 1;
        pt_running(g, ends, ends, n / PT_CHUNK, PT_CHUNK);
    }
}

template <class G>
static __device__ void pt_cumsum_spread(const G &g, const double *, double *out, long long batch,
                                        long long n)
{
    const long long chunks = (n + PT_CHUNK - 1) / PT_CHUNK;
    for (long long iteration = g.index(); iteration < batch * chunks; iteration += g.count()) {
        const long long first = iteration % chunks * PT_CHUNK;
        double *chunk = out + iteration / chunks * n + first;
        /* The last number of a full chunk is final. */
        const long long rest = n - first < PT_CHUNK ? n - first : PT_CHUNK - 1;
        for (long long k = g.lane(); first > 0 && k < rest; k += g.size())
            chunk[k] += chunk[-1];
    }
}

/* The same of one column of n x m numbers. */
PT_DEVICE void pt_running_column(const double *x, double *out, long long n, long long m)
{
    double total = 0, lost = 0;
    for (long long i = 0; i < n; ++i) {
        const double term = x[i * m], sum = total + term, added = sum - total;
        lost += (total - (sum - added)) + (term - added);
        total = sum;
        out[i * m] = lost - lost == 0 ? sum + lost : sum;
    }
}

/* Along the first axis of each item of n x m numbers, a column for each lane of the group, or of
 * the grid. The workspace, which the host needs, is not used. */
template <class G>
static __device__ void pt_cumsum_columns(const G &g, const double *x, double *out, double *,
                                         long long batch, long long n, long long m)
{
    for (long long k = g.lane(); k < batch * m; k += g.size())
        pt_running_column(x + k / m * n * m + k % m, out + k / m * n * m + k % m, n, m);
    g.sync();
}

template <class G>
static __device__ void pt_cumsum_columns_grid(const G &g, const double *x, double *out, double *,
                                              long long batch, long long n, long long m)
{
    for (long long k = g.index() * g.size() + g.lane(); k < batch * m; k += g.count() * g.size())
        pt_running_column(x + k / m * n * m + k % m, out + k / m * n * m + k % m, n, m);
}

/* ---- places of True -------------------------------------------------------------------------- */

/* out: the places of True among n values, in ascending order, and n after them. Each lane takes
 * PT_STEP consecutive values; counts are exact as doubles. */
template <class G>
static __device__ __noinline__ void pt_true_places_item(const G &g, const uint8_t *mask,
                                                        int64_t *out, long long n)
{
    double carried = 0;
    for (long long first = 0; first < n; first += (long long) PT_STEP * g.size()) {
        const long long mine = first + PT_STEP * g.lane();
        double total, count = 0;
        for (int p = 0; p < PT_STEP; ++p)
            count += mine + p < n && mask[mine + p];
        long long place = (long long) (carried + pt_before(g, count, total));
        for (int p = 0; p < PT_STEP; ++p)
            if (mine + p < n && mask[mine + p])
                out[place++] = mine + p;
        carried += total;
    }
    for (long long k = (long long) carried + g.lane(); k < n; k += g.size())
        out[k] = n;
    g.sync();
}

/* ---- products of matrices -------------------------------------------------------------------- */

/* Element by element, each sum reduced across the lanes: for results smaller than the group. */
template <class T, class G>
PT_DEVICE void pt_gemm_folded(const G &g, pt_view<T> a, pt_view<T> b, T *c, int m, int n, int k)
{
    for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) {
            T sum = 0;
            for (int p = g.lane(); p < k; p += g.size())
                sum = PT_MA(a(i, p), b(p, j), sum);
            const double total = g.add((double) sum);
            if (g.lane() == 0)
                c[(long long) i * n + j] = (T) total;
        }
}

template <int ROWS, int COLUMNS, class T, class G>
PT_DEVICE void pt_gemm_tiles(const G &g, pt_view<T> a, pt_view<T> b, T *c, int m, int n, int k)
{
    const int rows = (m + ROWS - 1) / ROWS;
    for (pt_places w(g.lane(), g.size(), (n + COLUMNS - 1) / COLUMNS); w.row < rows; w.next()) {
        const int i = ROWS * w.row, j = COLUMNS * w.column;
        T sum[ROWS][COLUMNS];
        pt_tile_product(sum, a.from(i, 0), b.from(0, j), pt_at_most(m - i, ROWS),
                        pt_at_most(n - j, COLUMNS), k);
        for (int q = 0; q < ROWS; ++q)
            for (int r = 0; r < COLUMNS; ++r)
                if (i + q < m && j + r < n)
                    c[(long long) (i + q) * n + j + r] = sum[q][r];
    }
}

/* c = op(a) op(b): c is m x n, op(a) m x k, op(b) k x n; `a_transposed` says that a is stored as
 * k x m, `b_transposed` that b is stored as n x k. Summed in T. */
template <class T, class G>
static __device__ __noinline__ void pt_gemm_item(const G &g, const T *a, const T *b, T *c,
                                                 long long m_, long long n_, long long k_,
                                                 long long a_transposed, long long b_transposed)
{
    const int m = (int) m_, n = (int) n_, k = (int) k_;
    const pt_view<T> left = {a, a_transposed ? 1 : k_, a_transposed ? m_ : 1};
    const pt_view<T> right = {b, b_transposed ? 1 : n_, b_transposed ? k_ : 1};
    if (m == 0 || n == 0)
        return;
    const long long elements = m_ * n_;
    if (4 * elements <= g.size() && k > g.size())
        pt_gemm_folded(g, left, right, c, m, n, k);
    else if (elements < (long long) PT_STEP * PT_STEP * g.size())
        pt_gemm_tiles<1, 1>(g, left, right, c, m, n, k);
    else
        pt_gemm_tiles<PT_STEP, PT_STEP>(g, left, right, c, m, n, k);
    g.sync();
}

/* ---- over a batch ---------------------------------------------------------------------------- */

/* name(g, buffers, batch, sizes) by one group, and name_grid by all groups of the grid. */
#define PT_OVER_BATCH(name, parameters, item) \
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
PT_OVER_BATCH(pt_cholesky,
              (const G &g, const double *a, double *out, long long batch, long long n),
              pt_cholesky_item(g, a + i * n * n, out + i * n * n, n))
PT_OVER_BATCH(pt_cholesky_gradient,
              (const G &g, const double *l, const double *cotangent, double *out, long long batch,
               long long n),
              pt_cholesky_gradient_item(g, l + i * n * n, cotangent + i * n * n, out + i * n * n,
                                        n))
PT_OVER_BATCH(pt_solve_lower,
              (const G &g, const double *t, const double *b, double *out, long long batch,
               long long n, long long k),
              pt_solve_lower_item(g, t + i * n * n, b + i * n * k, out + i * n * k, n, k))
PT_OVER_BATCH(pt_solve_upper,
              (const G &g, const double *t, const double *b, double *out, long long batch,
               long long n, long long k),
              pt_solve_upper_item(g, t + i * n * n, b + i * n * k, out + i * n * k, n, k))
PT_OVER_BATCH(pt_solve_lower_transposed,
              (const G &g, const double *t, const double *b, double *out, long long batch,
               long long n, long long k),
              pt_solve_lower_transposed_item(g, t + i * n * n, b + i * n * k, out + i * n * k, n,
                                             k))
PT_OVER_BATCH(pt_solve_upper_transposed,
              (const G &g, const double *t, const double *b, double *out, long long batch,
               long long n, long long k),
              pt_solve_upper_transposed_item(g, t + i * n * n, b + i * n * k, out + i * n * k, n,
                                             k))
PT_OVER_BATCH(pt_cumsum, (const G &g, const double *x, double *out, long long batch, long long n),
              pt_cumsum_item(g, x + i * n, out + i * n, n))
PT_OVER_BATCH(pt_true_places,
              (const G &g, const uint8_t *mask, int64_t *out, long long batch, long long n),
              pt_true_places_item(g, mask + i * n, out + i * n, n))
PT_OVER_BATCH(pt_gemm,
              (const G &g, const double *a, const double *b, double *c, long long batch,
               long long m, long long n, long long k, long long a_transposed,
               long long b_transposed),
              pt_gemm_item(g, a + i * m * k, b + i * n * k, c + i * m * n, m, n, k, a_transposed,
                           b_transposed))
PT_OVER_BATCH(pt_gemm_float32,
              (const G &g, const float *a, const float *b, float *c, long long batch,
               long long m, long long n, long long k, long long a_transposed,
               long long b_transposed),
              pt_gemm_item(g, a + i * m * k, b + i * n * k, c + i * m * n, m, n, k, a_transposed,
                           b_transposed))
#undef PT_OVER_BATCH

#endif
