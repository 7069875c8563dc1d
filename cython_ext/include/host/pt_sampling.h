/* Samples of where threads are, taken by a signal that a timer sends to each thread: the program
 * counter, and the words in registers and on the stack that are addresses in given ranges, of the
 * code of functions.
 *
 * A sample stands for the processor time of its thread since the sample before, so that a thread
 * which sleeps or waits for a processor counts for nothing. Intervals are random around their mean:
 * with a fixed one a loop of the same period would always be seen in the same place. The signal
 * handler calls nothing that allocates or locks.
 */
#ifndef PT_SAMPLING_H
#define PT_SAMPLING_H

#include <stdint.h>

/* PT_DEPTH: words of a stack that are looked at, on PT_PAGES pages at most. Matrix products of
 * OpenBLAS have 24 KiB of buffers on the stack, and page boundaries between these and who called
 * them. */
enum { PT_WORDS = 24, PT_DEPTH = 8192, PT_PAGES = 17, PT_RANGES = 1024, PT_GRANULES = 4096 };

typedef struct pt_sample {
    int64_t number; /* 1 + its place in the order of samples, written last */
    int64_t thread;
    int64_t wall;   /* nanoseconds of the monotonic clock */
    int64_t spent;  /* nanoseconds of processor time since the sample before of this thread */
    int64_t count;  /* of its words */
    uint64_t pc;
    uint64_t words[PT_WORDS];
} pt_sample;

/* The ranges, in order; a bit for each mebibyte that may have a part of one, by its hash. */
typedef struct pt_range_table {
    int64_t count;
    uint64_t from[PT_RANGES], to[PT_RANGES];
    uint64_t granules[PT_GRANULES / 64];
} pt_range_table;

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#define PT_CAN_SAMPLE 1

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { PT_THREADS = 256 };

typedef struct pt_clock_slot {
    timer_t timer;
    int64_t thread;
    int64_t spent; /* processor time of the thread at its last sample; -1 before the first */
    uint64_t random;
    int idle;      /* samples in a row at which the thread had hardly run: they become rarer */
    int active;
} pt_clock_slot;

static struct {
    pt_sample *samples;
    int64_t capacity, next, lost, interval, inside; /* `inside`: handlers that run now */
    pid_t process;
    uint64_t main_from, main_to; /* the stack of the main thread */
    pt_range_table tables[2];
    int table; /* the one in use */
    pt_clock_slot slots[PT_THREADS];
} pt_sampling;

static int64_t pt_nanoseconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t) time.tv_sec * 1000000000 + time.tv_nsec;
}

static void pt_set_clock(pt_clock_slot *slot)
{
    slot->random = slot->random * 6364136223846793005ull + 1442695040888963407ull;
    int64_t part = (int64_t) (slot->random >> 33) % pt_sampling.interval;
    int64_t wait = (pt_sampling.interval / 2 + part) << (slot->idle < 5 ? slot->idle : 5);
    struct itimerspec when;
    memset(&when, 0, sizeof when);
    when.it_value.tv_sec = wait / 1000000000;
    when.it_value.tv_nsec = wait % 1000000000;
    timer_settime(slot->timer, 0, &when, NULL);
}

static inline int pt_in_ranges(const pt_range_table *table, uint64_t word)
{
    uint64_t granule = (word >> 20) % PT_GRANULES;
    if (!(table->granules[granule / 64] >> (granule % 64) & 1))
        return 0;
    int64_t low = 0, high = table->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (table->to[middle] <= word)
            low = middle + 1;
        else
            high = middle;
    }
    return low < table->count && table->from[low] <= word;
}

static void pt_keep_words(
    pt_sample *made, const pt_range_table *table, const uint64_t *words, int64_t count)
{
    for (int64_t k = 0; k < count && made->count < PT_WORDS; k++)
        if (pt_in_ranges(table, words[k]))
            made->words[made->count++] = words[k];
}

static inline int64_t pt_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* How many words of a stack can be read, at most PT_DEPTH: of a thread's, which ends where its
 * control block is, or of another one, as fibers have, whose end nothing tells. The kernel is asked
 * for a word of each page; where it does not answer, a stack of a thread is believed to be one. */
static int64_t pt_readable(uint64_t stack)
{
    const uint64_t page = 4096;
    uint64_t thread = (uint64_t) (uintptr_t) __builtin_thread_pointer();
    uint64_t first = stack & ~(page - 1), last = stack + 8 * PT_DEPTH;
    int known = stack < thread && thread - stack < ((uint64_t) 1 << 32);
    if (known && thread < last)
        last = thread;
    uint64_t words[PT_PAGES];
    struct iovec here = {words, sizeof words}, there[PT_PAGES];
    int64_t pages = 0;
    for (uint64_t at = first; at < last && pages < PT_PAGES; at += page, pages++) {
        there[pages].iov_base = (void *) (uintptr_t) (at < stack ? stack : at);
        there[pages].iov_len = 8;
    }
    ssize_t bytes = process_vm_readv(
        pt_sampling.process, &here, 1, there, (unsigned long) pages, 0);
    if (bytes < 0 && errno != EFAULT)
        return known ? (int64_t) (last - stack) / 8 : 0;
    uint64_t end = first + (uint64_t) (bytes > 0 ? bytes / 8 : 0) * page;
    if (end > last)
        end = last;
    return end > stack ? (int64_t) (end - stack) / 8 : 0;
}

static void pt_read_context(pt_sample *made, const ucontext_t *context)
{
    const pt_range_table *table = &pt_sampling.tables[
        __atomic_load_n(&pt_sampling.table, __ATOMIC_ACQUIRE)];
    uint64_t registers[32], stack;
    int count = 0;
#if defined(__x86_64__)
    /* The second argument, what functions preserve, then all others. */
    static const int order[] = {REG_RSI, REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15,
                                REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_RAX, REG_RCX,
                                REG_RDX};
    for (int k = 0; k < 15; k++)
        registers[count++] = (uint64_t) context->uc_mcontext.gregs[order[k]];
    made->pc = (uint64_t) context->uc_mcontext.gregs[REG_RIP];
    stack = (uint64_t) context->uc_mcontext.gregs[REG_RSP];
#else
    registers[count++] = (uint64_t) context->uc_mcontext.regs[1];
    for (int k = 19; k < 31; k++)
        registers[count++] = (uint64_t) context->uc_mcontext.regs[k];
    for (int k = 0; k < 19; k++)
        registers[count++] = (uint64_t) context->uc_mcontext.regs[k];
    made->pc = (uint64_t) context->uc_mcontext.pc;
    stack = (uint64_t) context->uc_mcontext.sp;
#endif
    made->count = 0;
    pt_keep_words(made, table, registers, count);
    int64_t depth = pt_sampling.main_from <= stack && stack < pt_sampling.main_to
        ? pt_least((int64_t) (pt_sampling.main_to - stack) / 8, PT_DEPTH)
        : pt_readable(stack);
    pt_keep_words(made, table, (const uint64_t *) (uintptr_t) stack, depth);
}

static void pt_on_clock(int signal, siginfo_t *info, void *context)
{
    (void) signal;
    int error = errno;
    __atomic_fetch_add(&pt_sampling.inside, 1, __ATOMIC_SEQ_CST);
    pt_clock_slot *slot = (pt_clock_slot *) info->si_value.sival_ptr;
    if (info->si_code == SI_TIMER && slot >= pt_sampling.slots
        && slot < pt_sampling.slots + PT_THREADS && __atomic_load_n(&slot->active, __ATOMIC_ACQUIRE)
        && slot->thread == syscall(SYS_gettid)) {
        int64_t spent = pt_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
        slot->idle = spent - slot->spent < pt_sampling.interval / 16 ? slot->idle + 1 : 0;
        int64_t k = __atomic_fetch_add(&pt_sampling.next, 1, __ATOMIC_RELAXED);
        pt_sample *made = &pt_sampling.samples[k % pt_sampling.capacity];
        if (slot->spent >= 0 && __atomic_load_n(&made->number, __ATOMIC_ACQUIRE) == 0) {
            made->thread = slot->thread;
            made->wall = pt_nanoseconds(CLOCK_MONOTONIC);
            made->spent = spent - slot->spent;
            pt_read_context(made, (const ucontext_t *) context);
            __atomic_store_n(&made->number, k + 1, __ATOMIC_RELEASE);
        } else if (slot->spent >= 0) {
            __atomic_fetch_add(&pt_sampling.lost, spent - slot->spent, __ATOMIC_RELAXED);
        }
        slot->spent = pt_nanoseconds(CLOCK_THREAD_CPUTIME_ID); /* without that of this handler */
        pt_set_clock(slot);
    }
    __atomic_fetch_sub(&pt_sampling.inside, 1, __ATOMIC_SEQ_CST);
    errno = error;
}

/* Where code of functions is from now on: `count` ranges in order, that do not overlap. */
static void pt_set_ranges(int64_t count, const uint64_t *from, const uint64_t *to)
{
    int other = !pt_sampling.table;
    pt_range_table *table = &pt_sampling.tables[other];
    memset(table->granules, 0, sizeof table->granules);
    table->count = count < PT_RANGES ? count : PT_RANGES;
    for (int64_t k = 0; k < table->count; k++) {
        table->from[k] = from[k];
        table->to[k] = to[k];
        for (uint64_t g = from[k] >> 20; g <= (to[k] - 1) >> 20; g++)
            table->granules[g % PT_GRANULES / 64] |= (uint64_t) 1 << (g % PT_GRANULES % 64);
    }
    __atomic_store_n(&pt_sampling.table, other, __ATOMIC_RELEASE);
}

static void pt_set_main_stack(uint64_t from, uint64_t to)
{
    pt_sampling.main_from = from;
    pt_sampling.main_to = to;
}

/* 0, or an errno. */
static int pt_open_sampling(int64_t capacity, int64_t interval)
{
    struct sigaction action, before;
    pt_sampling.process = getpid();
    pt_sampling.samples = (pt_sample *) calloc((size_t) capacity, sizeof(pt_sample));
    if (pt_sampling.samples == NULL)
        return ENOMEM;
    pt_sampling.capacity = capacity;
    pt_sampling.interval = interval;
    pt_sampling.next = pt_sampling.lost = 0;
    if (sigaction(SIGPROF, NULL, &before))
        return errno;
    if (!(before.sa_flags & SA_SIGINFO) && before.sa_handler != SIG_DFL
        && before.sa_handler != SIG_IGN) {
        free(pt_sampling.samples);
        return EBUSY; /* another profiler uses the signal */
    }
    if ((before.sa_flags & SA_SIGINFO) && before.sa_sigaction != pt_on_clock) {
        free(pt_sampling.samples);
        return EBUSY;
    }
    memset(&action, 0, sizeof action);
    action.sa_sigaction = pt_on_clock;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigfillset(&action.sa_mask);
    /* It stays: a signal that is still on its way must not end the process. */
    return sigaction(SIGPROF, &action, NULL) ? errno : 0;
}

/* Sample a thread from now on: 0, or an errno. */
static int pt_sample_thread(int64_t thread)
{
    for (int k = 0; k < PT_THREADS; k++) {
        pt_clock_slot *slot = &pt_sampling.slots[k];
        if (slot->active)
            continue;
        struct sigevent event;
        memset(&event, 0, sizeof event);
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGPROF;
        event.sigev_value.sival_ptr = slot;
        event.sigev_notify_thread_id = (pid_t) thread;
        slot->thread = thread;
        slot->spent = -1;
        slot->idle = 0;
        slot->random = 88172645463325252ull + (uint64_t) thread;
        if (thread == syscall(SYS_gettid))
            slot->spent = pt_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
        if (timer_create(CLOCK_MONOTONIC, &event, &slot->timer))
            return errno;
        __atomic_store_n(&slot->active, 1, __ATOMIC_RELEASE);
        pt_set_clock(slot);
        return 0;
    }
    return EAGAIN;
}

/* Forget a thread that has ended, or with thread 0 all. */
static void pt_stop_thread(int64_t thread)
{
    for (int k = 0; k < PT_THREADS; k++) {
        pt_clock_slot *slot = &pt_sampling.slots[k];
        if (slot->active && (thread == 0 || slot->thread == thread)) {
            __atomic_store_n(&slot->active, 0, __ATOMIC_RELEASE);
            timer_delete(slot->timer);
        }
    }
}

/* Free the memory of the samples when no handler uses it any more; no thread is sampled. */
static void pt_close_sampling(void)
{
    struct timespec moment = {0, 100000};
    while (__atomic_load_n(&pt_sampling.inside, __ATOMIC_SEQ_CST))
        nanosleep(&moment, NULL);
    free(pt_sampling.samples);
    pt_sampling.samples = NULL;
    pt_sampling.capacity = 0;
}

static int64_t pt_this_thread(void) { return syscall(SYS_gettid); }

#else
#define PT_CAN_SAMPLE 0
static struct {
    pt_sample *samples;
    int64_t capacity, next, lost;
} pt_sampling;
static int pt_open_sampling(int64_t capacity, int64_t interval)
{
    (void) capacity;
    (void) interval;
    return -1;
}
static int pt_sample_thread(int64_t thread) { (void) thread; return -1; }
static void pt_stop_thread(int64_t thread) { (void) thread; }
static void pt_close_sampling(void) {}
static void pt_set_ranges(int64_t count, const uint64_t *from, const uint64_t *to)
{
    (void) count;
    (void) from;
    (void) to;
}
static void pt_set_main_stack(uint64_t from, uint64_t to) { (void) from; (void) to; }
static int64_t pt_this_thread(void) { return 0; }
#endif

#endif
