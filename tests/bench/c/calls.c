/* Calls a compiled log density many times, so that every pointer is timed by the same loop.
 *
 * Each function alternates between two points q[0..dim) and q[dim..2 dim), and returns the elapsed
 * nanoseconds, or -1 if any call reported an error.
 */
#include <stdint.h>
#include <time.h>

typedef int (*Direct)(void *, const double *, double *, double *);
typedef int64_t (*Sized)(uint64_t, const double *, double *, double *, void *);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* int f(context, q, gradient, logp): ProbTensor and the hand-written models. */
double time_direct(Direct f, void *context, int64_t dim, const double *q, double *gradient,
                   double *logp, int64_t calls)
{
    int64_t failures = 0;
    double start = now();
    for (int64_t i = 0; i < calls; i++)
        failures += f(context, q + (i & 1) * dim, gradient, logp) != 0;
    double elapsed = now() - start;
    return failures ? -1 : elapsed;
}

/* int f(model, q, logp, gradient): stanli. */
double time_stanli(Direct f, void *context, int64_t dim, const double *q, double *gradient,
                   double *logp, int64_t calls)
{
    int64_t failures = 0;
    double start = now();
    for (int64_t i = 0; i < calls; i++)
        failures += f(context, q + (i & 1) * dim, logp, gradient) != 0;
    double elapsed = now() - start;
    return failures ? -1 : elapsed;
}

/* int64_t f(dim, q, gradient, logp, user_data): nutpie. */
double time_nutpie(Sized f, void *context, int64_t dim, const double *q, double *gradient,
                   double *logp, int64_t calls)
{
    int64_t failures = 0;
    double start = now();
    for (int64_t i = 0; i < calls; i++)
        failures += f((uint64_t)dim, q + (i & 1) * dim, gradient, logp, context) != 0;
    double elapsed = now() - start;
    return failures ? -1 : elapsed;
}
