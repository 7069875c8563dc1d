/* Reductions across the blocks of a launch, finished by the last block, and folds over the threads
 * of a block that are divided among several outputs.
 */
#ifndef PT_GRID_CUH
#define PT_GRID_CUH

#include "pt_group.cuh"

#define PT_THREADS 256

/* Whether this block is the last of `count` to arrive, for all its threads. It then sees what the
 * others have written before. The counter is reset to zero for the next launch. */
static __device__ bool pt_last(unsigned *counter, unsigned count)
{
    __shared__ unsigned mine;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        mine = atomicAdd(counter, 1u);
        if (mine == count - 1)
            *counter = 0;
    }
    __syncthreads();
    __threadfence();
    return mine == count - 1;
}

/* The three steps of folds over all threads of a launch, for several values at a time. `space` is
 * shared memory with a row of `stride` values for each warp, `part` memory with one of each block:
 *   pt_to_warp    x of each thread, to one element of its warp's row
 *   pt_to_block   values [first, end) of all rows, to this block's elements of `part`
 *   pt_to_all     those of all blocks, to the first row; by the last block, in a fixed order */
#define PT_MEETING(name, type, none, join) \
    PT_DEVICE void pt_to_warp_##name(type x, type *space) \
    { \
        x = pt_warp_##name(x); \
        if ((threadIdx.x & 31) == 0) \
            *space = x; \
    } \
    static __device__ void pt_to_block_##name(const type *space, int stride, int first, int end, \
                                              type *part) \
    { \
        for (int k = first + threadIdx.x; k < end; k += blockDim.x) { \
            type x = space[k]; \
            for (int w = 1; w < (int) blockDim.x >> 5; w++) { \
                const type y = space[w * stride + k]; \
                x = join; \
            } \
            part[(size_t) k * gridDim.x + blockIdx.x] = x; \
        } \
    } \
    static __device__ void pt_to_all_##name(type *space, int first, int end, const type *part) \
    { \
        for (int k = first + (threadIdx.x >> 5); k < end; k += blockDim.x >> 5) { \
            type x = none; \
            for (unsigned j = threadIdx.x & 31; j < gridDim.x; j += 32) { \
                const type y = part[(size_t) k * gridDim.x + j]; \
                x = join; \
            } \
            pt_to_warp_##name(x, space + k); \
        } \
    }
PT_MEETING(add_f, double, 0, x + y)
PT_MEETING(mul_f, double, 1, x * y)
PT_MEETING(max_f, double, -PT_INF, pt_maximum(x, y))
PT_MEETING(min_f, double, PT_INF, pt_minimum(x, y))
PT_MEETING(add_i, long long, 0, (long long) ((unsigned long long) x + (unsigned long long) y))
PT_MEETING(mul_i, long long, 1, (long long) ((unsigned long long) x * (unsigned long long) y))
PT_MEETING(max_i, long long, -0x7fffffffffffffffLL - 1, x > y ? x : y)
PT_MEETING(min_i, long long, 0x7fffffffffffffffLL, x < y ? x : y)
PT_MEETING(add_u, unsigned long long, 0, x + y)
PT_MEETING(mul_u, unsigned long long, 1, x * y)
PT_MEETING(max_u, unsigned long long, 0, x > y ? x : y)
PT_MEETING(min_u, unsigned long long, ~0ull, x < y ? x : y)
#undef PT_MEETING

/* How the PT_THREADS threads of a block are divided: `places` outputs of `terms` threads each, both
 * powers of two, and `chunks` blocks to an output. `stride`: threads between two terms of one
 * output. */
struct pt_split {
    int places, terms, chunks, stride;
};

/* The fold of x over the terms of an output, valid in the thread of its first term. */
#define PT_SPLIT_FOLD(name, type, join) \
    static __device__ type pt_split_##name(type x, int term, const pt_split &d) \
    { \
        __shared__ type space[PT_THREADS]; \
        if (d.stride == 1 && d.terms <= 32) { \
            for (int step = d.terms >> 1; step; step >>= 1) { \
                const type y = __shfl_xor_sync(PT_ALL_LANES, x, step); \
                x = join; \
            } \
            return x; \
        } \
        __syncthreads(); /* all threads have read the previous fold */ \
        space[threadIdx.x] = x; \
        for (int step = d.terms >> 1; step; step >>= 1) { \
            __syncthreads(); \
            if (term < step) { \
                const type y = space[threadIdx.x + step * d.stride]; \
                x = join; \
                space[threadIdx.x] = x; \
            } \
        } \
        return x; \
    }
PT_SPLIT_FOLD(add_f, double, x + y)
PT_SPLIT_FOLD(mul_f, double, x * y)
PT_SPLIT_FOLD(max_f, double, pt_maximum(x, y))
PT_SPLIT_FOLD(min_f, double, pt_minimum(x, y))
PT_SPLIT_FOLD(add_i, long long, (long long) ((unsigned long long) x + (unsigned long long) y))
PT_SPLIT_FOLD(mul_i, long long, (long long) ((unsigned long long) x * (unsigned long long) y))
PT_SPLIT_FOLD(max_i, long long, x > y ? x : y)
PT_SPLIT_FOLD(min_i, long long, x < y ? x : y)
PT_SPLIT_FOLD(add_u, unsigned long long, x + y)
PT_SPLIT_FOLD(mul_u, unsigned long long, x * y)
PT_SPLIT_FOLD(max_u, unsigned long long, x > y ? x : y)
PT_SPLIT_FOLD(min_u, unsigned long long, x < y ? x : y)
#undef PT_SPLIT_FOLD

/* Adjacent elements loaded and stored as a vector of 16 bytes. */
template <class T, int N> struct __align__(sizeof(T) * N < 16 ? sizeof(T) * N : 16) pt_span {
    T v[N];
};

/* ---- rows through shared memory ---- */

/* Copy BYTES of device memory to shared memory, complete after the next pt_arrived. Where the
 * device supports it (cp.async) no registers are used, so more copies can be in flight. */
template <int BYTES> PT_DEVICE void pt_send(void *to, const void *from)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    const unsigned place = (unsigned) __cvta_generic_to_shared(to);
    if constexpr (BYTES == 16) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(place), "l"(from)
                     : "memory");
        return;
    } else if constexpr (BYTES >= 4) {
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(place), "l"(from),
                     "n"(BYTES)
                     : "memory");
        return;
    }
#endif
    memcpy(to, from, BYTES);
}

/* Wait for the copies of this thread. Other threads see them after a barrier. */
PT_DEVICE void pt_arrived()
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

/* The first `here` of ROWS rows of STRIDE elements, to rows of stride PADDED, by the ROWS threads
 * of a block. `aligned`: `from` and `tile` are multiples of 16 bytes. */
template <int ROWS, int STRIDE, int PADDED, class T>
PT_DEVICE void pt_send_rows(T *tile, const T *from, int here, bool aligned)
{
    constexpr int pack = 16 / sizeof(T), packs = ROWS * STRIDE / pack;
    if (STRIDE == PADDED && here == ROWS && aligned) {
#pragma unroll
        for (int k = 0; k < packs / ROWS; k++) {
            const int e = (k * ROWS + threadIdx.x) * pack;
            pt_send<16>(tile + e, from + e);
        }
        const int e = (packs / ROWS * ROWS + threadIdx.x) * pack;
        if (e < ROWS * STRIDE)
            pt_send<16>(tile + e, from + e);
        return;
    }
#pragma unroll 4
    for (int e = threadIdx.x; e < here * STRIDE; e += ROWS)
        pt_send<sizeof(T)>(tile + e / STRIDE * PADDED + e % STRIDE, from + e);
}

#endif
