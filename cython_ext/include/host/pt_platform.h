/* What the samplers ask of the platform: a steady clock, and words shared between threads. */
#ifndef PT_PLATFORM_H
#define PT_PLATFORM_H

#include <stdint.h>
#include <time.h>

/* Seconds since some fixed moment, that of Python's time.perf_counter. */
static inline double pt_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Each word is written by one thread and read by others, which need no order between words. */
#define PT_SHARE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
#define PT_SHARED(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
/* But who reads that a chain has done n iterations must find their draws in memory. */
#define PT_PUBLISH(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)
#define PT_PUBLISHED(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)

/* How far a chain is, for those who watch it. Doubles travel as their bits. The padding keeps
   the counters of two chains off one cache line, which their threads would fight for. */
typedef struct {
    char before[64];
    int64_t draws;
    int64_t divergences;
    int64_t gradients;
    int64_t step_size_bits;
    int64_t stop;
    char after[64];
} pt_progress;

static inline int64_t pt_bits(double value)
{
    union { double value; int64_t bits; } both;
    both.value = value;
    return both.bits;
}

static inline double pt_from_bits(int64_t bits)
{
    union { double value; int64_t bits; } both;
    both.bits = bits;
    return both.value;
}

static inline void pt_report(pt_progress *progress, int64_t draws, int64_t divergences,
                             int64_t gradients, double step_size)
{
    PT_PUBLISH(progress->draws, draws);
    PT_SHARE(progress->divergences, divergences);
    PT_SHARE(progress->gradients, gradients);
    PT_SHARE(progress->step_size_bits, pt_bits(step_size));
}

static inline void pt_request_stop(pt_progress *progress)
{
    PT_SHARE(progress->stop, 1);
}

static inline int pt_stop_requested(const pt_progress *progress)
{
    return PT_SHARED(progress->stop) != 0;
}

#endif
