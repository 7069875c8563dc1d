// What kernels run with: fibers, blocks, warps and launches. See cuda_on_host.h. None of it depends
// on a kernel, so it is compiled once, and linked into the library of each.
#include "cuda_on_host.h"

#pragma GCC visibility push(hidden)

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

// Makes sure that the section exists.
__shared__ __attribute__((used)) unsigned long long coh_section_anchor;

COH_EXPORT const char *cuda_on_host_error() { return cuda_on_host::b.error; }

namespace cuda_on_host {

Fiber host, *current = &host;
Block b;

// --- fibers ----------------------------------------------------------------

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

static void switch_to(Fiber *to) {
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

static void start_fiber(Fiber *f, void (*entry)()) {
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

void fail(const char *format, ...) {
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

static void become(int thread) {
    current->thread = thread;
    unsigned t = thread;
    if (t < blockDim.x) threadIdx = {t, 0, 0};
    else threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
}

static void fiber_main();

// The fiber to go on with when the current one waits or has nothing left to do.
static Fiber *next_fiber() {
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

static void wait_here() {
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

static void release(std::vector<Fiber *> &waiting) {
    b.ready.insert(b.ready.end(), waiting.begin(), waiting.end());
    waiting.clear();
}

static void all_arrived() {
    b.arrived = 0;
    b.phase ^= 1;
    release(b.at_barrier);
}

int barrier(int line, int vote) {
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

static void thread_ends() {
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

static void fiber_main() {
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

// All lanes in `mask` that still run arrive, each with a value; then each reads
// that of lane `source`. A lane that does not exist or has ended gives 0xff bytes.
void exchange_bytes(unsigned mask, void *value, std::size_t size, int source,
                    void *all) {
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
    std::memcpy(g->slot[parity][me], value, size);
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
        for (int i = 0; i < 32; i++)
            std::memcpy(static_cast<char *>(all) + i * size, g->slot[parity][i], size);
    std::memcpy(value, g->slot[parity][source & 31], size);
}

// --- launch ----------------------------------------------------------------

static void order_threads() {
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

int launch(const unsigned dims[6], unsigned shared_bytes, void (*body)(void *),
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

}  // namespace cuda_on_host

#pragma GCC visibility pop
