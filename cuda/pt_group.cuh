/* Groups of threads that work on one item: a single thread, a warp, or a block.
 *
 * The three types have the same members, so that device code is written once for all of them:
 *   lane(), size()      index of this thread in its group, and the number of threads
 *   index(), count()    index of this group in the grid, and the number of groups
 *   sync()              barrier of the group, with visibility of earlier writes
 *   add(x), mul(x), max(x), min(x)   the fold of x over all lanes, returned to each of them
 * Every lane of a group must call sync and the folds. Blocks are one-dimensional, of a multiple of
 * 32 threads. Folds have a fixed order, so that results do not depend on timing.
 */
#ifndef PT_GROUP_CUH
#define PT_GROUP_CUH

#include "pt_operators.h"

#ifndef CUDA_DYNAMIC_SHARED
#define CUDA_DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif
#define PT_DEVICE static __device__ inline
#define PT_ALL_LANES 0xffffffffu

/* x, y: the values of two lanes. The butterfly gives every lane the same bits, since each of these
 * operations is commutative. */
#define PT_GROUP_FOLD(name, type, none, join) \
    PT_DEVICE type pt_thread_##name(type x) { return x; } \
    PT_DEVICE type pt_warp_##name(type x) \
    { \
        for (int step = 16; step; step >>= 1) { \
            const type y = __shfl_xor_sync(PT_ALL_LANES, x, step); \
            x = join; \
        } \
        return x; \
    } \
    static __device__ type pt_block_##name(type x) \
    { \
        __shared__ type space[32]; \
        const int lane = threadIdx.x & 31, warps = blockDim.x >> 5; \
        x = pt_warp_##name(x); \
        __syncthreads(); /* all threads have read the previous fold */ \
        if (lane == 0) \
            space[threadIdx.x >> 5] = x; \
        __syncthreads(); \
        return pt_warp_##name(lane < warps ? space[lane] : (type) (none)); \
    }
PT_GROUP_FOLD(add_f, double, 0, x + y)
PT_GROUP_FOLD(mul_f, double, 1, x * y)
PT_GROUP_FOLD(max_f, double, -PT_INF, pt_maximum(x, y))
PT_GROUP_FOLD(min_f, double, PT_INF, pt_minimum(x, y))
PT_GROUP_FOLD(add_i, long long, 0, (long long) ((unsigned long long) x + (unsigned long long) y))
PT_GROUP_FOLD(mul_i, long long, 1, (long long) ((unsigned long long) x * (unsigned long long) y))
PT_GROUP_FOLD(max_i, long long, -0x7fffffffffffffffLL - 1, x > y ? x : y)
PT_GROUP_FOLD(min_i, long long, 0x7fffffffffffffffLL, x < y ? x : y)
PT_GROUP_FOLD(add_u, unsigned long long, 0, x + y)
PT_GROUP_FOLD(mul_u, unsigned long long, 1, x * y)
PT_GROUP_FOLD(max_u, unsigned long long, 0, x > y ? x : y)
PT_GROUP_FOLD(min_u, unsigned long long, ~0ull, x < y ? x : y)
#undef PT_GROUP_FOLD

#define PT_GROUP_FOLDS(way) \
    __device__ double add(double x) const { return way##add_f(x); } \
    __device__ double mul(double x) const { return way##mul_f(x); } \
    __device__ double max(double x) const { return way##max_f(x); } \
    __device__ double min(double x) const { return way##min_f(x); } \
    __device__ long long add(long long x) const { return way##add_i(x); } \
    __device__ long long mul(long long x) const { return way##mul_i(x); } \
    __device__ long long max(long long x) const { return way##max_i(x); } \
    __device__ long long min(long long x) const { return way##min_i(x); } \
    __device__ unsigned long long add(unsigned long long x) const { return way##add_u(x); } \
    __device__ unsigned long long mul(unsigned long long x) const { return way##mul_u(x); } \
    __device__ unsigned long long max(unsigned long long x) const { return way##max_u(x); } \
    __device__ unsigned long long min(unsigned long long x) const { return way##min_u(x); }

struct pt_thread {
    __device__ int lane() const { return 0; }
    __device__ int size() const { return 1; }
    __device__ long long index() const { return (long long) blockIdx.x * blockDim.x + threadIdx.x; }
    __device__ long long count() const { return (long long) gridDim.x * blockDim.x; }
    __device__ void sync() const {}
    PT_GROUP_FOLDS(pt_thread_)
};

struct pt_warp {
    __device__ int lane() const { return threadIdx.x & 31; }
    __device__ int size() const { return 32; }
    __device__ long long index() const
    {
        return ((long long) blockIdx.x * blockDim.x + threadIdx.x) >> 5;
    }
    __device__ long long count() const { return ((long long) gridDim.x * blockDim.x) >> 5; }
    __device__ void sync() const { __syncwarp(); }
    PT_GROUP_FOLDS(pt_warp_)
};

struct pt_block {
    __device__ int lane() const { return threadIdx.x; }
    __device__ int size() const { return blockDim.x; }
    __device__ long long index() const { return blockIdx.x; }
    __device__ long long count() const { return gridDim.x; }
    __device__ void sync() const { __syncthreads(); }
    PT_GROUP_FOLDS(pt_block_)
};

#endif
