// Runs CUDA kernels on the CPU, for tests where there is no GPU.
//
//   #include "cuda_on_host.h"
//   #include "kernel.cu"            // unmodified: extern "C" __global__ void f(...)
//   CUDA_ON_HOST_KERNEL(f)          // exports f__launch and f__launch_packed
//
//   g++ -std=c++17 -O2 -fPIC -shared -o kernel.so wrapper.cpp cuda_on_host.cpp
//
// f__launch(dims, shared_bytes, params) takes grid and block sizes as six unsigneds and the
// arguments as cuLaunchKernel takes them (an array of pointers); f__launch_packed takes them as one
// buffer in natural alignment. Both return 0, or 1 with a message in cuda_on_host_error().
//
// How: blocks run one after the other, and the CUDA threads of a block are fibers of one OS thread.
// A fiber runs until its thread ends or waits (at __syncthreads, or in a warp-wide function), so
// a kernel without barriers costs one call per thread, no switch. __shared__ is static memory in a
// section of its own, filled with 0xff bytes (NaN, -1) before each block.
//
// Detected and reported: deadlocks, threads of a block at different __syncthreads (by line), a warp
// function called by a lane outside its mask, a kernel's own __trap() or assert(). A missing
// barrier shows as NaN or as a result that depends on the order of the threads:
// CUDA_ON_HOST_ORDER=reverse, or =N (a shuffle with seed N), changes it. With
// -fsanitize=address,undefined an access outside an array, or not aligned, is reported.
//
// Not supported: anything that needs two blocks to run concurrently (grid-wide barriers, spinning
// on another block), textures, half precision, tensor cores, and CUDA's own rounding: exp, log,
// lgamma... are those of the host's libm. `extern __shared__ T name[];` must become
// CUDA_DYNAMIC_SHARED(T, name) (the preprocessor cannot see the `extern`), which pt_group.cuh
// defines for nvcc.
#pragma once
#ifndef __cplusplus
#error "compile as C++17"
#endif
#include <sys/mman.h>

#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define COH_ASAN 1
#endif
#if !defined(__x86_64__) && !defined(CUDA_ON_HOST_UCONTEXT)
#define CUDA_ON_HOST_UCONTEXT
#endif
#ifdef CUDA_ON_HOST_UCONTEXT
#include <ucontext.h>
#endif

// Hidden symbols: each library of a process has its own copy of this state.
#pragma GCC visibility push(hidden)

#define CUDA_ON_HOST 1
#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("cuda_shared")))

struct dim3 { unsigned x = 1, y = 1, z = 1; };
#define COH_ALIGNED(bytes) __attribute__((aligned((bytes) < 16 ? (bytes) : 16)))
#define COH_VECTOR(T, name)                                                        \
    struct name##1 { T x; };                                                       \
    struct COH_ALIGNED(2 * sizeof(T)) name##2 { T x, y; };                         \
    struct name##3 { T x, y, z; };                                                 \
    struct COH_ALIGNED(4 * sizeof(T)) name##4 { T x, y, z, w; };                   \
    inline name##1 make_##name##1(T x) { return {x}; }                             \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; }                     \
    inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }             \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
COH_VECTOR(signed char, char)
COH_VECTOR(unsigned char, uchar)
COH_VECTOR(short, short)
COH_VECTOR(unsigned short, ushort)
COH_VECTOR(int, int)
COH_VECTOR(unsigned, uint)
COH_VECTOR(long, long)
COH_VECTOR(unsigned long, ulong)
COH_VECTOR(long long, longlong)
COH_VECTOR(unsigned long long, ulonglong)
COH_VECTOR(float, float)
COH_VECTOR(double, double)
#undef COH_VECTOR

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

// The section's bounds (the linker's).
extern "C" char __start_cuda_shared[], __stop_cuda_shared[];

namespace cuda_on_host {

constexpr int kMaxThreads = 1024;
constexpr std::ptrdiff_t kMaxShared = 227 << 10;
constexpr std::size_t kStack = 256 << 10;
constexpr std::size_t kCachedFibers = 4;

// --- fibers ----------------------------------------------------------------

struct Fiber {
#ifdef CUDA_ON_HOST_UCONTEXT
    ucontext_t context;
#else
    void *sp = nullptr;
#endif
    char *stack = nullptr;
    int thread = -1;  // the CUDA thread that it runs
    void *asan = nullptr;
};

extern Fiber host;  // whoever called launch()
extern Fiber *current;

// --- one block -------------------------------------------------------------

struct Group {  // the lanes of a warp that call warp-wide functions together
    unsigned mask, arrived;
    int parity;
    alignas(16) unsigned char slot[2][32][16];
    std::vector<Fiber *> waiting;
};
struct Warp {
    unsigned alive;
    std::vector<Group> groups;
};

struct Block {
    void (*body)(void *);
    void *arguments;
    int threads, started, alive;
    int order[kMaxThreads];
    int arrived, line;  // at __syncthreads
    int phase, votes[2];  // of __syncthreads_count, _and, _or; the last one's are still read
    std::vector<Fiber *> at_barrier, ready, idle;
    std::size_t ready_head;
    std::vector<Warp> warps;
    std::vector<char> dynamic_shared;
    char error[512];
};
extern Block b;

// These and what else does not depend on a kernel are in cuda_on_host.cpp.
[[noreturn]] void fail(const char *format, ...);
int barrier(int line, int vote = 0);  // gives the sum of all votes
void exchange_bytes(unsigned mask, void *value, std::size_t size, int source, void *all);
int launch(const unsigned dims[6], unsigned shared_bytes, void (*body)(void *), void *arguments);

inline int lane() { return current->thread % 32; }

template <class T> T exchange(unsigned mask, T value, int source, T *all = nullptr) {
    static_assert(std::is_arithmetic_v<T>, "CUDA exchanges numbers only");
    exchange_bytes(mask, &value, sizeof(T), source, all);
    return value;
}

template <class T> void *dynamic_shared() { return b.dynamic_shared.data(); }

// --- launch ----------------------------------------------------------------

template <class... A> struct Call {
    void (*kernel)(A...);
    std::tuple<std::decay_t<A>...> arguments;
    static void body(void *self) {
        auto call = static_cast<Call *>(self);
        std::apply(call->kernel, call->arguments);
    }
};

template <class... A, std::size_t... I>
int launch_params(void (*kernel)(A...), const unsigned *dims, unsigned shared, void **p,
                  std::index_sequence<I...>) {
    Call<A...> call{kernel, {*static_cast<std::decay_t<A> *>(p[I])...}};
    return launch(dims, shared, Call<A...>::body, &call);
}
template <class... A>
int launch_params(void (*kernel)(A...), const unsigned *dims, unsigned shared, void **p) {
    return launch_params(kernel, dims, shared, p, std::index_sequence_for<A...>{});
}
template <class... A>
int launch_packed(void (*kernel)(A...), const unsigned *dims, unsigned shared, const void *buffer) {
    std::size_t offset = 0;
    auto place = [&](std::size_t size, std::size_t align) {
        offset = (offset + align - 1) / align * align;
        const char *p = static_cast<const char *>(buffer) + offset;
        offset += size;
        return const_cast<char *>(p);
    };
    void *p[sizeof...(A) + 1] = {static_cast<void *>(place(sizeof(A), alignof(A)))..., nullptr};
    return launch_params(kernel, dims, shared, p);
}

}  // namespace cuda_on_host

#define COH_EXPORT extern "C" __attribute__((visibility("default"), used))
#define CUDA_ON_HOST_KERNEL(name)                                                             \
    COH_EXPORT int name##__launch(const unsigned *dims, unsigned shared, void **p) {          \
        return cuda_on_host::launch_params(name, dims, shared, p);                            \
    }                                                                                         \
    COH_EXPORT int name##__launch_packed(const unsigned *dims, unsigned shared,               \
                                         const void *buffer) {                                \
        return cuda_on_host::launch_packed(name, dims, shared, buffer);                       \
    }

#include "cuda_on_host_functions.h"

#pragma GCC visibility pop
