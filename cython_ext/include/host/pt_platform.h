/* Platform functions of the samplers: a monotonic clock, and words shared between threads. */
#ifndef PT_PLATFORM_H
#define PT_PLATFORM_H

#include <stdint.h>
#include <time.h>

/* Seconds since an arbitrary time, as Python's time.perf_counter. */
static inline double pt_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Each word is written by one thread and read by others, without ordering between words (relaxed).
   */
#define PT_SHARE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
#define PT_SHARED(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
/* A reader of the number of finished iterations must see their draws (release, acquire). */
#define PT_PUBLISH(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)
#define PT_PUBLISHED(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)

/* Progress of a chain, read by other threads. Doubles are stored as their bits. The padding avoids
   false sharing between the counters of two chains. */
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
