// Runs CUDA kernels on the CPU, for tests where there is no GPU.
//
//   #include "cuda_on_host.h"
//   #include "kernel.cu"            // unmodified: extern "C" __global__ void f(...)
//   CUDA_ON_HOST_KERNEL(f)          // exports f__launch and f__launch_packed
//
//   g++ -std=c++17 -O2 -fPIC -shared -o kernel.so wrapper.cpp
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

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

// The section's bounds (the linker's); the variable makes sure that it exists.
__shared__ __attribute__((used)) unsigned long long coh_section_anchor;
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

#ifndef CUDA_ON_HOST_UCONTEXT
extern "C" void coh_switch(void **save, void *load);
asm(R"(
    .text
    .p2align 4
    .globl coh_switch
    .hidden coh_switch
    .type coh_switch, @function
coh_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size coh_switch, .-coh_switch
)");
#endif

inline Fiber host;  // whoever called launch()
inline Fiber *current = &host;

inline void switch_to(Fiber *to) {
    Fiber *from = current;
    current = to;
#ifdef COH_ASAN
    __sanitizer_start_switch_fiber(&from->asan, to->stack, to->stack ? kStack : 0);
#endif
#ifdef CUDA_ON_HOST_UCONTEXT
    swapcontext(&from->context, &to->context);
#else
    coh_switch(&from->sp, to->sp);
#endif
#ifdef COH_ASAN
    __sanitizer_finish_switch_fiber(from->asan, nullptr, nullptr);
#endif
}

inline void start_fiber(Fiber *f, void (*entry)()) {
    if (!f->stack) {
        // Lowest page: no access, so that a stack that runs over faults.
        f->stack = static_cast<char *>(mmap(nullptr, kStack, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        if (f->stack == MAP_FAILED) std::abort();
        mprotect(f->stack, 4096, PROT_NONE);
    }
#ifdef CUDA_ON_HOST_UCONTEXT
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = kStack;
    f->context.uc_link = nullptr;
    makecontext(&f->context, entry, 0);
#else
    void **top = reinterpret_cast<void **>(f->stack + kStack);
    *--top = nullptr;  // where a return address of `entry` would be
    *--top = reinterpret_cast<void *>(entry);
    for (int i = 0; i < 6; i++) *--top = nullptr;
    f->sp = top;
#endif
}

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
inline Block b;

[[noreturn]] inline void fail(const char *format, ...) {
    int n = 0;
    if (current != &host)
        n = std::snprintf(b.error, sizeof b.error, "block (%u,%u,%u) thread (%u,%u,%u): ",
                          blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y,
                          threadIdx.z);
    va_list list;
    va_start(list, format);
    std::vsnprintf(b.error + n, sizeof b.error - n, format, list);
    va_end(list);
    switch_to(&host);  // which drops every fiber of the block
    std::abort();
}

inline void become(int thread) {
    current->thread = thread;
    unsigned t = thread;
    if (t < blockDim.x) threadIdx = {t, 0, 0};
    else threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
}

inline void fiber_main();

// The fiber to go on with when the current one waits or has nothing left to do.
inline Fiber *next_fiber() {
    if (b.ready_head < b.ready.size()) {
        Fiber *f = b.ready[b.ready_head++];
        if (b.ready_head == b.ready.size()) b.ready.clear(), b.ready_head = 0;
        return f;
    }
    if (b.started < b.threads) {
        Fiber *f;
        if (b.idle.empty()) {
            f = new Fiber;
        } else {
            f = b.idle.back();
            b.idle.pop_back();
        }
        start_fiber(f, fiber_main);
        return f;
    }
    return nullptr;
}

inline void wait_here() {
    int thread = current->thread;
    Fiber *next = next_fiber();
    if (!next) {
        int in_warp = 0;
        for (auto &w : b.warps)
            for (auto &g : w.groups) in_warp += g.waiting.size();
        fail("deadlock: of %d threads still running, %d wait at __syncthreads (line %d), "
             "%d in a warp-wide function",
             b.alive, b.arrived, b.arrived ? b.line : 0, in_warp);
    }
    switch_to(next);
    become(thread);
}

inline void release(std::vector<Fiber *> &waiting) {
    b.ready.insert(b.ready.end(), waiting.begin(), waiting.end());
    waiting.clear();
}

inline void all_arrived() {
    b.arrived = 0;
    b.phase ^= 1;
    release(b.at_barrier);
}

inline int barrier(int line, int vote = 0) {
    if (b.arrived == 0) b.line = line, b.votes[b.phase] = 0;
    if (b.line != line)
        fail("at the __syncthreads of line %d while %d threads of the block are at line %d's", line,
             b.arrived, b.line);
    b.arrived++;
    int phase = b.phase;
    b.votes[phase] += vote;
    if (b.arrived == b.alive) {
        all_arrived();
    } else {
        b.at_barrier.push_back(current);
        wait_here();
    }
    return b.votes[phase];
}

inline void thread_ends() {
    int thread = current->thread;
    Warp &w = b.warps[thread / 32];
    b.alive--;
    w.alive &= ~(1u << thread % 32);
    if (b.arrived && b.arrived == b.alive) all_arrived();  // threads that ended do not count
    for (auto &g : w.groups)
        if (g.arrived && g.arrived == (g.mask & w.alive)) {
            g.arrived = 0;
            g.parity ^= 1;
            release(g.waiting);
        }
}

inline void fiber_main() {
#ifdef COH_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    for (;;) {
        while (b.started < b.threads) {
            become(b.order[b.started++]);
            b.body(b.arguments);
            thread_ends();
        }
        // Nothing to start; this stack is free once we are off it.
        b.idle.push_back(current);
        Fiber *next = b.alive ? next_fiber() : &host;
        if (!next) fail("deadlock: %d threads wait, the others have ended", b.alive);
        switch_to(next);
    }
}

inline int lane() { return current->thread % 32; }

// All lanes in `mask` that still run arrive, each with a value; then each reads
// that of lane `source`. A lane that does not exist or has ended gives 0xff bytes.
template <class T> T exchange(unsigned mask, T value, int source, T *all = nullptr) {
    static_assert(std::is_arithmetic_v<T>, "CUDA exchanges numbers only");
    Warp &w = b.warps[current->thread / 32];
    int me = lane();
    if (!(mask >> me & 1))
        fail("a warp-wide function's mask %08x lacks the calling lane %d", mask, me);
    Group *g = nullptr;
    for (auto &group : w.groups)
        if (group.mask == mask) g = &group;
    if (!g) {
        w.groups.push_back({mask, 0, 0, {}, {}});
        g = &w.groups.back();
        std::memset(g->slot, 0xff, sizeof g->slot);
    }
    std::size_t index = g - w.groups.data();  // `groups` can move while we wait
    int parity = g->parity;
    if (!g->arrived) std::memset(g->slot[parity], 0xff, sizeof g->slot[parity]);
    std::memcpy(g->slot[parity][me], &value, sizeof(T));
    g->arrived |= 1u << me;
    if (g->arrived == (mask & w.alive)) {
        g->arrived = 0;
        g->parity ^= 1;  // the next call writes the other half: this one is still read
        release(g->waiting);
    } else {
        g->waiting.push_back(current);
        wait_here();
        g = &w.groups[index];
    }
    if (all)
        for (int i = 0; i < 32; i++) std::memcpy(&all[i], g->slot[parity][i], sizeof(T));
    std::memcpy(&value, g->slot[parity][source & 31], sizeof(T));
    return value;
}

template <class T> void *dynamic_shared() { return b.dynamic_shared.data(); }

// --- launch ----------------------------------------------------------------

inline void order_threads() {
    const char *order = std::getenv("CUDA_ON_HOST_ORDER");
    for (int i = 0; i < b.threads; i++) b.order[i] = i;
    if (!order || !*order) return;
    if (!std::strcmp(order, "reverse")) {
        for (int i = 0; i < b.threads; i++) b.order[i] = b.threads - 1 - i;
        return;
    }
    std::uint64_t s = std::strtoull(order, nullptr, 10) * 2 + 1;
    for (int i = b.threads - 1; i > 0; i--) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        std::swap(b.order[i], b.order[(s >> 33) % (i + 1)]);
    }
}

inline int launch(const unsigned dims[6], unsigned shared_bytes, void (*body)(void *),
                  void *arguments) {
    b.error[0] = 0;
    gridDim = {dims[0], dims[1], dims[2]};
    blockDim = {dims[3], dims[4], dims[5]};
    unsigned long long threads = 1ull * dims[3] * dims[4] * dims[5];
    bool grid_fits = dims[0] && dims[0] <= 0x7fffffff && dims[1] && dims[1] <= 65535 && dims[2] &&
                     dims[2] <= 65535;
    if (threads == 0 || threads > kMaxThreads || !grid_fits || dims[5] > 64 ||
        shared_bytes + (__stop_cuda_shared - __start_cuda_shared) > kMaxShared) {
        std::snprintf(b.error, sizeof b.error,
                      "invalid launch: grid (%u,%u,%u), block (%u,%u,%u), %u bytes shared",
                      dims[0], dims[1], dims[2], dims[3], dims[4], dims[5], shared_bytes);
        return 1;
    }
    b.body = body;
    b.arguments = arguments;
    b.threads = static_cast<int>(threads);
    b.dynamic_shared.resize(shared_bytes);
    order_threads();
    int warps = (b.threads + 31) / 32;
    b.warps.resize(warps);
    for (unsigned z = 0; z < dims[2]; z++)
        for (unsigned y = 0; y < dims[1]; y++)
            for (unsigned x = 0; x < dims[0]; x++) {
                blockIdx = {x, y, z};
                std::memset(__start_cuda_shared, 0xff, __stop_cuda_shared - __start_cuda_shared);
                if (shared_bytes) std::memset(b.dynamic_shared.data(), 0xff, shared_bytes);
                for (int w = 0; w < warps; w++) {
                    int lanes = b.threads - 32 * w;
                    b.warps[w].alive = lanes >= 32 ? ~0u : (1u << lanes) - 1;
                    b.warps[w].groups.clear();
                }
                b.started = b.arrived = b.phase = 0;
                b.alive = b.threads;
                b.ready.clear();
                b.ready_head = 0;
                b.at_barrier.clear();
                switch_to(next_fiber());
                if (b.error[0]) return 1;  // the fibers that still waited are leaked
            }
#ifndef COH_ASAN  // which would take what comes to lie there next for a stack still
    // Each stack is two mappings, of which a process may have 65,530: with hundreds of libraries in
    // one process, none may sit on many.
    for (; b.idle.size() > kCachedFibers; b.idle.pop_back()) {
        munmap(b.idle.back()->stack, kStack);
        delete b.idle.back();
    }
#endif
    return 0;
}

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
COH_EXPORT inline const char *cuda_on_host_error() {
    return cuda_on_host::b.error;
}

#include "cuda_on_host_functions.h"

#pragma GCC visibility pop
