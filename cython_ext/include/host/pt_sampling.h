/* Samples of where threads are: program counter, registers and the top of the stack, taken by a
 * signal that a timer sends to each thread.
 *
 * A sample stands for the processor time of its thread since the sample before, so that a thread
 * which sleeps or waits for a processor counts for nothing. Intervals are random around their mean:
 * with a fixed one a loop of the same period would always be seen in the same place. The signal
 * handler calls nothing that allocates or locks.
 */
#ifndef PT_SAMPLING_H
#define PT_SAMPLING_H

#include <stdint.h>

enum { PT_REGISTERS = 32, PT_WORDS = 1024 };

typedef struct pt_sample {
    int64_t number; /* 1 + its place in the order of samples, written last */
    int64_t thread;
    int64_t wall;   /* nanoseconds of the monotonic clock */
    int64_t spent;  /* nanoseconds of processor time since the sample before of this thread */
    int64_t words;  /* of the stack that were read */
    uint64_t pc;
    uint64_t registers[PT_REGISTERS];
    uint64_t stack[PT_WORDS];
} pt_sample;

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

static void pt_read_context(pt_sample *made, const ucontext_t *context)
{
    uint64_t stack;
    memset(made->registers, 0, sizeof made->registers);
#if defined(__x86_64__)
    for (int k = 0; k < 16; k++)
        made->registers[k] = (uint64_t) context->uc_mcontext.gregs[k];
    made->pc = (uint64_t) context->uc_mcontext.gregs[REG_RIP];
    stack = (uint64_t) context->uc_mcontext.gregs[REG_RSP];
#else
    for (int k = 0; k < 31; k++)
        made->registers[k] = (uint64_t) context->uc_mcontext.regs[k];
    made->pc = (uint64_t) context->uc_mcontext.pc;
    stack = (uint64_t) context->uc_mcontext.sp;
#endif
    /* By the kernel, so that reading past the end of a stack gives fewer words and no fault. */
    struct iovec here = {made->stack, sizeof made->stack};
    struct iovec there = {(void *) (uintptr_t) stack, sizeof made->stack};
    ssize_t bytes = process_vm_readv(pt_sampling.process, &here, 1, &there, 1, 0);
    made->words = bytes > 0 ? bytes / 8 : 0;
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
static int64_t pt_this_thread(void) { return 0; }
#endif

#endif
