/* Products of large matrices by the entire grid, for devices without cuBLAS.
 *
 *   pt_gemm_f64, pt_gemm_f32 (a, b, c, batch, m, n, k, a_transposed, b_transposed)
 *       c = op(a) op(b), item by item, row-major: c is m x n, op(a) m x k, op(b) k x n;
 *       `a_transposed` says that a is stored as k x m, `b_transposed` that b is stored as n x k.
 *   pt_gemm_split_f64, pt_gemm_split_f32
 *       (a, b, parts, batch, m, n, k, a_transposed, b_transposed, splits)
 *       the same with the sum over k split into `splits` parts: parts is splits x batch x m x n.
 *       For results of few tiles with long sums, which would leave most of the device idle.
 *   pt_gemm_join_f64, pt_gemm_join_f32 (parts, c, count, splits)
 *       c: the sum of the `splits` parts of `count` numbers each, in that order.
 *
 * Launch with blocks of PT_GEMM_BLOCK threads, no dynamic shared memory, and any number of blocks:
 * best one for each tile of c (128 x 64 for f64, 128 x 128 for f32), item and split. Sums are
 * accumulated in the type of the operands, in an order that depends only on k and the splits.
 *
 * Each block computes one tile of c after the other: both operands are staged in shared memory in
 * double-buffered slabs of depth PT_GEMM_DEPTH, so that the next one is loaded while this one is
 * used; each thread accumulates a part of the tile in registers (Volkov & Demmel 2008,
 * "Benchmarking GPUs to tune dense linear algebra").
 */
#ifndef PT_GEMM_CUH
#define PT_GEMM_CUH

#include "pt_group.cuh"

#define PT_GEMM_BLOCK 256
#define PT_GEMM_SIDE 16 /* threads along each side of a tile */
#define PT_GEMM_DEPTH 8

/* The elements of one 16-byte access of shared memory. */
template <class T> struct __align__(16) pt_pack {
    T x[16 / sizeof(T)];
};

/* One operand of a tile, WIDTH of its rows (or columns), staged in shared memory. There each term
 * of the sum is a row; rows are padded to avoid bank conflicts of the stores. */
template <class T, int WIDTH> struct pt_slab {
    static const int COUNT = WIDTH * PT_GEMM_DEPTH / PT_GEMM_BLOCK;
    static const int STEP = WIDTH + 16 / sizeof(T);
    static const int SPACE = STEP * PT_GEMM_DEPTH;

    const T *at; /* the first element that this thread loads; the next are `hop` apart */
    long long hop, inner;
    int width; /* rows (or columns) within the matrix, at most WIDTH */
    int x, p, x_hop, p_hop;
    T loaded[COUNT];

    /* Element (x, p) of the tile is from[x * along + p * inner_], one of the two strides being 1:
     * adjacent threads load adjacent elements (coalesced). */
    __device__ pt_slab(const T *from, long long along, long long inner_, long long width_) :
        inner(inner_), width((int) (width_ < WIDTH ? width_ : WIDTH))
    {
        const bool across = along == 1;
        x = across ? threadIdx.x % WIDTH : threadIdx.x / PT_GEMM_DEPTH;
        p = across ? threadIdx.x / WIDTH : threadIdx.x % PT_GEMM_DEPTH;
        x_hop = across ? 0 : PT_GEMM_BLOCK / PT_GEMM_DEPTH;
        p_hop = across ? PT_GEMM_BLOCK / WIDTH : 0;
        at = from + x * along + p * inner;
        hop = x_hop * along + p_hop * inner;
    }
    /* The slab of terms from `first`, those before `end`. */
    __device__ void fetch(long long first, long long end)
    {
        const T *from = at + first * inner;
        const int depth = end - first < PT_GEMM_DEPTH ? (int) (end - first) : PT_GEMM_DEPTH;
        for (int e = 0; e < COUNT; ++e) {
            const bool within = x + e * x_hop < width && p + e * p_hop < depth;
            loaded[e] = within ? from[e * hop] : (T) 0;
        }
    }
    __device__ void put(T *space) const
    {
        for (int e = 0; e < COUNT; ++e)
            space[p * STEP + x + e * (p_hop * STEP + x_hop)] = loaded[e];
    }
};

/* The row (or column) of the tile for the q-th one of a thread, of index `rank` along that side. */
template <class T> PT_DEVICE int pt_gemm_place(int q, int rank)
{
    const int pack = 16 / sizeof(T);
    return (q / pack * PT_GEMM_SIDE + rank) * pack + q % pack;
}

template <class T, int COUNT> PT_DEVICE void pt_gemm_read(T (&x)[COUNT], const T *row, int rank)
{
    const int pack = 16 / sizeof(T);
    for (int h = 0; h < COUNT / pack; ++h) {
        const T *from = row + pt_gemm_place<T>(h * pack, rank);
        const pt_pack<T> read = *(const pt_pack<T> *) from;
        for (int q = 0; q < pack; ++q)
            x[h * pack + q] = read.x[q];
    }
}

/* sum += the product of the slabs in shared memory. */
template <class T, int ROWS, int COLUMNS>
PT_DEVICE void pt_gemm_slab(T (&sum)[ROWS][COLUMNS], const T *left, const T *right, int row,
                            int column)
{
#pragma unroll
    for (int p = 0; p < PT_GEMM_DEPTH; ++p) {
        T x[ROWS], y[COLUMNS];
        pt_gemm_read(x, left + p * pt_slab<T, ROWS * PT_GEMM_SIDE>::STEP, row);
        pt_gemm_read(y, right + p * pt_slab<T, COLUMNS * PT_GEMM_SIDE>::STEP, column);
        for (int q = 0; q < ROWS; ++q)
            for (int r = 0; r < COLUMNS; ++r)
                sum[q][r] = PT_MA(x[q], y[r], sum[q][r]);
    }
}

/* One tile of c, whose rows are `step` apart: the terms from `first` to before `end`. */
template <class T, int ROWS, int COLUMNS>
PT_DEVICE void pt_gemm_tile(T *space, pt_slab<T, ROWS * PT_GEMM_SIDE> &left,
                            pt_slab<T, COLUMNS * PT_GEMM_SIDE> &right, T *c, long long step,
                            long long first, long long end)
{
    const int row = threadIdx.x / PT_GEMM_SIDE, column = threadIdx.x % PT_GEMM_SIDE;
    T *a = space, *b = space + 2 * left.SPACE;
    T sum[ROWS][COLUMNS] = {};
    left.fetch(first, end);
    right.fetch(first, end);
    for (int half = 0; first < end; half ^= 1) {
        left.put(a + half * left.SPACE);
        right.put(b + half * right.SPACE);
        __syncthreads();
        first += PT_GEMM_DEPTH;
        left.fetch(first, end);
        right.fetch(first, end);
        pt_gemm_slab(sum, a + half * left.SPACE, b + half * right.SPACE, row, column);
    }
    for (int q = 0; q < ROWS; ++q)
        for (int r = 0; r < COLUMNS; ++r) {
            const int i = pt_gemm_place<T>(q, row), j = pt_gemm_place<T>(r, column);
            if (i < left.width && j < right.width)
                c[i * step + j] = sum[q][r];
        }
    __syncthreads(); /* the last slabs are read before those of the next tile are written */
}

template <class T, int ROWS, int COLUMNS>
PT_DEVICE void pt_gemm_tiles_of_grid(T *space, const T *a, const T *b, T *parts, long long batch,
                                     long long m, long long n, long long k, int a_transposed,
                                     int b_transposed, long long splits)
{
    const int height = ROWS * PT_GEMM_SIDE, width = COLUMNS * PT_GEMM_SIDE;
    const long long rows = (m + height - 1) / height, columns = (n + width - 1) / width;
    const long long part = (k + splits - 1) / splits;
    for (long long tile = blockIdx.x; tile < splits * batch * rows * columns; tile += gridDim.x) {
        const long long share = tile / (rows * columns), item = share % batch;
        const long long i = tile / columns % rows * height, j = tile % columns * width;
        const long long first = share / batch * part, last = first + part;
        const long long down = a_transposed ? 1 : k, across = b_transposed ? k : 1;
        pt_slab<T, height> left(a + item * m * k + i * down, down, a_transposed ? m : 1, m - i);
        pt_slab<T, width> right(b + item * n * k + j * across, across, b_transposed ? 1 : n, n - j);
        pt_gemm_tile<T, ROWS, COLUMNS>(space, left, right, parts + share * m * n + i * n + j, n,
                                       first, last < k ? last : k);
    }
}

#define PT_GEMM(suffix, type, rows, columns) \
    extern "C" __global__ void __launch_bounds__(PT_GEMM_BLOCK, 2) pt_gemm_split_##suffix( \
        const type *a, const type *b, type *parts, long long batch, long long m, long long n, \
        long long k, int a_transposed, int b_transposed, long long splits) \
    { \
        __shared__ __align__(16) type space[2 * (pt_slab<type, rows * PT_GEMM_SIDE>::SPACE + \
                                                 pt_slab<type, columns * PT_GEMM_SIDE>::SPACE)]; \
        pt_gemm_tiles_of_grid<type, rows, columns>(space, a, b, parts, batch, m, n, k, \
                                                   a_transposed, b_transposed, splits); \
    } \
    extern "C" __global__ void __launch_bounds__(PT_GEMM_BLOCK, 2) pt_gemm_##suffix( \
        const type *a, const type *b, type *c, long long batch, long long m, long long n, \
        long long k, int a_transposed, int b_transposed) \
    { \
        __shared__ __align__(16) type space[2 * (pt_slab<type, rows * PT_GEMM_SIDE>::SPACE + \
                                                 pt_slab<type, columns * PT_GEMM_SIDE>::SPACE)]; \
        pt_gemm_tiles_of_grid<type, rows, columns>(space, a, b, c, batch, m, n, k, a_transposed, \
                                                   b_transposed, 1); \
    } \
    extern "C" __global__ void pt_gemm_join_##suffix(const type *parts, type *c, long long count, \
                                                     long long splits) \
    { \
        const long long threads = (long long) gridDim.x * blockDim.x; \
        long long i = (long long) blockIdx.x * blockDim.x + threadIdx.x; \
        for (; i < count; i += threads) { \
            type sum = 0; \
            for (long long s = 0; s < splits; ++s) \
                sum += parts[s * count + i]; \
            c[i] = sum; \
        } \
    }
PT_GEMM(f64, double, 8, 4)
PT_GEMM(f32, float, 8, 8)
#undef PT_GEMM

#endif
