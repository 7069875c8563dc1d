/* What the samplers on the device share: a chain's vectors and state, its random numbers, the
 * leapfrog step, its own adaptation, and the kernel that finds its start point.
 *
 * Included after a generated density: pt_chain (the group of threads that runs one chain),
 * PT_DIM, pt_data and pt_density.
 *
 * Every vector of PT_DIM coordinates is divided among the lanes of its chain: lane l holds the
 * coordinates l, l + size, l + 2 size, ... in registers or in its local memory. A chain of one
 * thread holds all of them there. Only the position and the gradient, of which the density reads
 * and writes all entries, pass through memory that all lanes see.
 *
 * Random numbers are functions of (seed, chain, purpose, iteration, number), so there is no
 * generator state, and draws depend neither on how many iterations a launch runs nor on which
 * thread runs them. All else that outlives a launch is in `pt_state` and the chain vectors: for a
 * chain PT_CHAIN_VECTORS * PT_DIM * 8 + 104 bytes.
 */
#ifndef PT_CHAIN_CUH
#define PT_CHAIN_CUH

#include "pt_random.h"

#ifndef PT_LAUNCH_THREADS
#define PT_LAUNCH_THREADS 256 /* of a block: at most, or exactly if a block runs one chain */
#endif

template <class Group> struct pt_group_threads;
template <> struct pt_group_threads<pt_thread> {
    enum { threads = 1 };
};
template <> struct pt_group_threads<pt_warp> {
    enum { threads = 32 };
};
template <> struct pt_group_threads<pt_block> {
    enum { threads = PT_LAUNCH_THREADS };
};
constexpr int PT_PER_LANE = (PT_DIM - 1) / pt_group_threads<pt_chain>::threads + 1;
constexpr bool PT_ONE_THREAD = pt_group_threads<pt_chain>::threads == 1;

/* A thread that holds all coordinates needs as many registers as possible. Groups need several
 * groups on a multiprocessor, to hide the latency of their reductions. */
constexpr int PT_RESIDENT = PT_ONE_THREAD || PT_LAUNCH_THREADS >= 512 ? 1 : 512 / PT_LAUNCH_THREADS;
#define PT_KERNEL extern "C" __global__ void __launch_bounds__(PT_LAUNCH_THREADS, PT_RESIDENT)

typedef double pt_vector[PT_PER_LANE];

/* Loop over this lane's coordinates: i is the coordinate, k its index on this lane. Short loops are
 * unrolled, since only then can a vector be in registers. */
#if defined(__CUDACC__)
constexpr int PT_UNROLLED = PT_PER_LANE <= 16 ? PT_PER_LANE : 4;
#define PT_UNROLL _Pragma("unroll PT_UNROLLED")
#else
#define PT_UNROLL
#endif
#define PT_EACH(k, i) PT_UNROLL \
    for (int k = 0, i = g.lane(); k < PT_PER_LANE && i < PT_DIM; ++k, i += g.size())

/* ---- state between launches ---- */

/* The codes of cython_ext/samplers/chain.pyx, and one more. */
enum pt_status {
    PT_OK = 0,
    PT_DENSITY_FAILED = 2,
    PT_STEP_SIZE_VANISHED = 3,
    PT_STEP_SIZE_EXPLODED = 4,
    PT_NO_START = 6
};

struct pt_state {
    double logp;
    double step_size;
    double step_centre;   /* dual averaging: the value the log step size shrinks to, */
    double step_error;    /* the mean of target less acceptance, */
    double step_log_mean; /* the averaged log step size, */
    double step_count;    /* and the number of updates */
    double older_count;
    double younger_count;
    double inverse_temperature;      /* the inverse temperature */
    long long gradients;
    long long divergences; /* after the warm-up */
    int done;              /* iterations, those of the warm-up included */
    int status;
    int code; /* the density's error code */
    int older; /* which of the two estimates of the metric is the older one */
};

enum pt_chain_vector {
    PT_POSITION,
    PT_GRADIENT,
    PT_INVERSE_MASS,
    PT_MOMENTS, /* twice: mean and squares of the draws, mean and squares of the gradients */
    PT_CHAIN_VECTORS = PT_MOMENTS + 8
};

enum pt_adapt_flags { PT_COLLECT = 1, PT_REFRESH = 2, PT_SWITCH = 4 };

struct pt_run {
    double *chain_vectors;         /* [chains, PT_CHAIN_VECTORS, PT_DIM] */
    pt_state *states;              /* [chains] */
    char *work;                    /* [chains, work_bytes], the density's */
    double *shared_vectors;        /* [chains, 2, PT_DIM], unless a thread runs a chain */
    const double *given;           /* start points, [chains, PT_DIM], or none */
    const unsigned char *schedule; /* [tune], pt_adapt_flags */
    double *draws;                 /* [chains, rows, PT_DIM]; row 0 is iteration first_row */
    void *records;                 /* [chains, rows] */
    double *divergence_starts;     /* as draws, or none */
    unsigned long long seed;
    long long work_bytes;
    double target_accept;
    double max_error;
    int chains;
    int tune;
    int first_row;
    int rows;
    int stop; /* the iteration up to which every chain advances */
    int max_depth;
    int early_depth;
    int early; /* iterations that go no deeper than early_depth */
    int with_gradients; /* whether the metric is adapted to gradients as well as draws */
    int attempts;
    int superchain_size; /* consecutive chains that share a start point */
};

PT_DEVICE double *pt_chain_vectors(const pt_run &run, long long chain, int which)
{
    return run.chain_vectors + (chain * PT_CHAIN_VECTORS + which) * PT_DIM;
}

/* The row of an iteration, or -1 if it is not kept. */
PT_DEVICE long long pt_row(const pt_run &run, long long chain, int iteration)
{
    const int row = iteration - run.first_row;
    return row >= 0 && row < run.rows ? chain * run.rows + row : -1;
}

PT_DEVICE void pt_read(const pt_chain &g, const double *from, double *vector)
{
    PT_EACH(k, i) vector[k] = from[i];
}

PT_DEVICE void pt_write(const pt_chain &g, const double *vector, double *to)
{
    PT_EACH(k, i) to[i] = vector[k];
}

PT_DEVICE void pt_copy(const pt_chain &g, const double *from, double *to)
{
    PT_EACH(k, i) to[k] = from[k];
}

PT_DEVICE bool pt_finite(double x) { return x - x == 0.0; }

/* ---- votes among the lanes of a warp, each of which may run a chain of its own ---- */

/* Ending an iteration costs as much as a leapfrog step, and all lanes of a warp wait for it. So a
 * lane whose iteration is over waits until PT_WAITING_LANES lanes are: with 8 of 32 lanes at a time
 * the cost is a quarter of a step, while 1 lane in 9 waits. Results do not depend on it. */
#define PT_WAITING_LANES 8

PT_DEVICE bool pt_any(const pt_thread &, bool asked) { return __any_sync(PT_ALL_LANES, asked); }

PT_DEVICE bool pt_enough_waiting(const pt_thread &, bool waiting, bool busy)
{
    const int waiters = __popc(__ballot_sync(PT_ALL_LANES, waiting));
    return __ballot_sync(PT_ALL_LANES, busy) == 0 || waiters >= PT_WAITING_LANES;
}

template <class Group> PT_DEVICE bool pt_any(const Group &, bool asked) { return asked; }
template <class Group> PT_DEVICE bool pt_enough_waiting(const Group &, bool, bool) { return true; }

/* ---- random numbers ---- */

#define PT_SAMPLER_KEY 0x6e757473u /* as in pt_stream.h */

/* Purposes, folded into keys. A start point's is 1 + attempt, as on the CPU. */
#define PT_FOR_START 1ull
#define PT_FOR_MOMENTA (1ull << 32)
#define PT_FOR_CHOICES (2ull << 32)
#define PT_FOR_SEARCH (3ull << 32)

PT_DEVICE uint64_t pt_chain_key(uint64_t seed, uint64_t chain, uint64_t purpose)
{
    const uint64_t key = pt_key_fold(seed, PT_SAMPLER_KEY);
    return pt_key_fold(pt_key_fold(key, chain), purpose);
}

/* Number n of an iteration: uniform on (0, 1). */
PT_DEVICE double pt_choice(uint64_t key, int iteration, uint32_t n)
{
    const pt_philox_block block = pt__block(key, iteration, n, PT_PURPOSE_DRAW);
    return pt__unit(block.word[0], block.word[1]);
}

/* A block makes two uniforms: those of an even coordinate and the one after it. */
PT_DEVICE double pt_half(const pt_philox_block &block, int i)
{
    return i & 1 ? pt__unit(block.word[2], block.word[3]) : pt__unit(block.word[0], block.word[1]);
}

PT_DEVICE void pt_momenta(const pt_chain &g, uint64_t key, int iteration, const double *w,
                          double *p)
{
    PT_EACH(k, i)
    {
        const double u = pt_half(pt__block(key, iteration, i >> 1, PT_PURPOSE_DRAW), i);
        p[k] = pt_ndtri(u) / sqrt(w[k]);
    }
}

/* ---- Hamiltonian dynamics ---- */

struct pt_target {
    const pt_data &data;
    double *shared_vectors;
    char *work;
    int *code;
    double inverse_temperature;
};

struct pt_point {
    pt_vector q, p, g;
};

PT_DEVICE pt_target pt_target_of(const pt_data &data, const pt_run &run, long long chain,
                                 double inverse_temperature = 1.0)
{
    double *shared_vectors = PT_ONE_THREAD ? nullptr : run.shared_vectors + chain * 2 * PT_DIM;
    char *work = run.work + chain * run.work_bytes;
    return {data, shared_vectors, work, &run.states[chain].code, inverse_temperature};
}

PT_DEVICE double pt_evaluate_untempered(const pt_chain &g, const pt_target &target, pt_point &z)
{
    if (PT_ONE_THREAD)
        return pt_density(g, target.data, z.q, z.g, target.work, target.code);
    double *q = target.shared_vectors;
    pt_write(g, z.q, q);
    g.sync();
    const double logp = pt_density(g, target.data, q, q + PT_DIM, target.work, target.code);
    pt_read(g, q + PT_DIM, z.g);
    return logp;
}

/* The log density at z.q times the inverse temperature; its gradient goes to z.g. */
PT_DEVICE double pt_evaluate(const pt_chain &g, const pt_target &target, pt_point &z)
{
    const double logp = pt_evaluate_untempered(g, target, z);
    if (target.inverse_temperature == 1.0)
        return logp;
    PT_EACH(k, i) z.g[k] *= target.inverse_temperature;
    return logp * target.inverse_temperature;
}

PT_DEVICE double pt_kinetic(const pt_chain &g, const double *w, const double *p)
{
    double sum = 0.0;
    PT_EACH(k, i) sum += p[k] * (w[k] * p[k]);
    return 0.5 * g.add(sum);
}

/* One leapfrog step, back in time if `step` is negative. Returns the energy, infinite if the
 * density is not finite. */
PT_DEVICE double pt_leapfrog(const pt_chain &g, const pt_target &target, const double *w,
                             double step, pt_point &z, double &logp)
{
    const double half = 0.5 * step;
    PT_EACH(k, i)
    {
        z.p[k] += half * z.g[k];
        z.q[k] += step * (w[k] * z.p[k]);
    }
    logp = pt_evaluate(g, target, z);
    PT_EACH(k, i) z.p[k] += half * z.g[k];
    const double energy = pt_kinetic(g, w, z.p) - logp;
    return pt_finite(energy) ? energy : PT_INF;
}

/* ---- adaptation, as in cython_ext/samplers/chain.pyx ---- */

PT_DEVICE void pt_start_average(pt_state &state)
{
    state.step_centre = pt_log(10.0 * state.step_size);
    state.step_error = 0.0;
    state.step_log_mean = 0.0;
    state.step_count = 0.0;
}

/* Dual averaging (Hoffman and Gelman 2014, section 3.2.1): gamma 0.05, t0 10, kappa 0.75. */
PT_DEVICE double pt_next_step_size(pt_state &state, double target, double acceptance)
{
    state.step_count += 1.0;
    const double count = state.step_count;
    state.step_error += (target - acceptance - state.step_error) / (count + 10.0);
    const double log_step = state.step_centre - state.step_error * sqrt(count) / 0.05;
    state.step_log_mean += pt_pow(count, -0.75) * (log_step - state.step_log_mean);
    return pt_exp(log_step);
}

/* One step of a running mean and sum of squared deviations (Welford 1962). */
PT_DEVICE void pt_welford(const pt_chain &g, double count, const double *x, double *moments)
{
    const double share = 1.0 / count;
    PT_EACH(k, i)
    {
        const double before = x[k] - moments[i];
        const double mean = moments[i] + before * share;
        moments[i] = mean;
        moments[PT_DIM + i] += before * (x[k] - mean);
    }
}

PT_DEVICE void pt_collect_moments(const pt_chain &g, double count, const double *q,
                                  const double *grad, bool with_gradients, double *moments)
{
    pt_welford(g, count, q, moments);
    if (with_gradients)
        pt_welford(g, count, grad, moments + 2 * PT_DIM);
}

/* Stan's estimate of a variance, shrunk towards 1e-3 with the weight of five draws. */
PT_DEVICE double pt_shrunk_variance(double square, double count)
{
    return (count * square / (count - 1.0) + 5e-3) / (count + 5.0);
}

/* var(draw)^a / var(gradient)^(1 - a), a = (n + 25) / (n + 50): see cython_ext/samplers/chain.pyx;
 * 0 if the draws differ in their last few bits only. */
PT_DEVICE double pt_blended_variance(double draw_mean, double draw_square, double grad_square,
                                     double count)
{
    if (!(draw_square > 1e-27 * count * draw_mean * draw_mean))
        return 0.0;
    const double a = (count + 25.0) / (count + 50.0);
    const double freedom = pt_log(count - 1.0);
    return pt_exp(a * (pt_log(draw_square) - freedom)
                  - (1.0 - a) * (pt_log(grad_square) - freedom));
}

PT_DEVICE bool pt_plausible(double entry) { return entry > 1e-60 && entry < 1e60; }

/* Sets the diagonal; an entry whose estimate is not a plausible positive number is unchanged. */
PT_DEVICE void pt_refresh_metric(const pt_chain &g, double count, const double *moments,
                                 bool with_gradients, double *w)
{
    if (count < 3.0)
        return;
    PT_EACH(k, i)
    {
        const double square = moments[PT_DIM + i];
        const double entry = with_gradients
            ? pt_blended_variance(moments[i], square, moments[3 * PT_DIM + i], count)
            : pt_shrunk_variance(square, count);
        if (pt_plausible(entry))
            w[k] = entry;
    }
}

/* A first diagonal: for a normal density, |gradient| grows as the inverse of the variance. */
PT_DEVICE void pt_metric_from_gradient(const pt_chain &g, const double *grad, double least,
                                       double *w)
{
    PT_EACH(k, i)
    {
        const double size = fabs(grad[k]);
        if (size > least)
            w[k] = 1.0 / size;
    }
}

/* ---- tempering of distant start points, as in cython_ext/samplers/chain.pyx ---- */

/* The largest absolute value. */
PT_DEVICE double pt_gradient_size(const pt_chain &g, const double *grad)
{
    double size = 0.0;
    PT_EACH(k, i) size = pt_maximum(size, fabs(grad[k]));
    return g.max(size);
}

PT_DEVICE double pt_suitable_temperature(double size, double logp, double inverse_temperature)
{
    return pt_maximum(1e-2 * size, 1e-8 * fabs(logp)) / inverse_temperature;
}

PT_DEVICE void pt_set_inverse_temperature(const pt_chain &g, double inverse_temperature,
                                          double *grad, pt_state &state)
{
    const double factor = inverse_temperature / state.inverse_temperature;
    PT_EACH(k, i) grad[k] *= factor;
    state.logp *= factor;
    state.inverse_temperature = inverse_temperature;
}

/* Lowers the temperature after a transition to (grad, state.logp); returns whether it is one. */
PT_DEVICE bool pt_anneal(const pt_chain &g, const pt_run &run, int iteration, double acceptance,
                       double *grad, pt_state &state)
{
    double temperature = 1.0 / state.inverse_temperature;
    const double suited
        = pt_suitable_temperature(pt_gradient_size(g, grad), state.logp, state.inverse_temperature);
    if (acceptance > 0.2)
        temperature = pt_minimum(suited, 0.5 * temperature);
    const bool tempered = temperature > 1.0 && iteration + 1 < run.tune / 4;
    pt_set_inverse_temperature(g, tempered ? 1.0 / temperature : 1.0, grad, state);
    return !tempered;
}

/* Adapts to a transition to (q, grad); `tempered` tells whether it was one of the tempered density.
 * Sets the step size of the next transition. */
PT_DEVICE void pt_adapt(const pt_chain &g, const pt_run &run, double *vectors, int iteration,
                        double acceptance, const double *q, const double *grad, bool tempered,
                        pt_state &state, double *w)
{
    const int flags = run.schedule[iteration];
    double *older = vectors + (PT_MOMENTS + 4 * state.older) * PT_DIM;
    double *younger = vectors + (PT_MOMENTS + 4 * (1 - state.older)) * PT_DIM;
    state.step_size = pt_next_step_size(state, run.target_accept, acceptance);
    if (tempered) {
        if (state.inverse_temperature < 1.0)
            return;
        if (run.with_gradients) {
            pt_metric_from_gradient(g, grad, 1.0, w);
            state.step_size *= sqrt(pt_maximum(1.0, pt_gradient_size(g, grad)));
        }
        pt_start_average(state);
        return;
    }
    if (flags & PT_COLLECT) {
        state.older_count += 1.0;
        state.younger_count += 1.0;
        pt_collect_moments(g, state.older_count, q, grad, run.with_gradients, older);
        pt_collect_moments(g, state.younger_count, q, grad, run.with_gradients, younger);
    }
    if (flags & PT_REFRESH)
        pt_refresh_metric(g, state.older_count, older, run.with_gradients, w);
    if (flags & PT_SWITCH) {
        state.older = 1 - state.older;
        state.older_count = state.younger_count;
        state.younger_count = 0.0;
        for (int vector = 0; vector < 4; ++vector)
            PT_EACH(k, i) older[vector * PT_DIM + i] = 0.0;
    }
    if (iteration == run.tune - 1)
        state.step_size = pt_exp(state.step_log_mean);
}

/* ---- start points ---- */

/* Sets z to the given point, or to the first attempt with finite density and gradient: uniform on
 * (-2, 2) in each coordinate, as in Stan; the same points as on the CPU for superchains of one. */
PT_DEVICE int pt_find_start(const pt_chain &g, const pt_target &target, const pt_run &run,
                            long long chain, pt_point &z, pt_state &state)
{
    const int attempts = run.given ? 1 : run.attempts;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const long long superchain = chain / run.superchain_size;
        const uint64_t key = pt_chain_key(run.seed, superchain, PT_FOR_START + attempt);
        PT_EACH(k, i)
        {
            if (run.given)
                z.q[k] = run.given[chain * PT_DIM + i];
            else
                z.q[k] = 4.0 * pt_half(pt__block(key, i >> 1, 0u, PT_PURPOSE_DRAW), i) - 2.0;
        }
        state.logp = pt_evaluate(g, target, z);
        state.gradients += 1;
        double sound = pt_finite(state.logp) ? 1.0 : 0.0;
        PT_EACH(k, i) sound = pt_finite(z.g[k]) ? sound : 0.0;
        if (*target.code != 0)
            return PT_DENSITY_FAILED;
        if (g.min(sound) > 0.0)
            return PT_OK;
    }
    return PT_NO_START;
}

/* A step size whose first step has acceptance near 0.8 (Hoffman and Gelman 2014, algorithm 4),
 * with a fresh momentum for each trial, as in Stan. */
PT_DEVICE int pt_search_step_size(const pt_chain &g, const pt_target &target, uint64_t key,
                                  const double *w, const pt_point &start, pt_state &state)
{
    pt_point z;
    double logp;
    bool growing = false;
    state.step_size = 1.0;
    for (int trial = 0;; ++trial) {
        pt_copy(g, start.q, z.q);
        pt_copy(g, start.g, z.g);
        pt_momenta(g, key, trial, w, z.p);
        const double before = pt_kinetic(g, w, z.p) - state.logp;
        const double gain = before - pt_leapfrog(g, target, w, state.step_size, z, logp);
        const bool good = gain > -0.2231435513142097; /* log 0.8 */
        state.gradients += 1;
        if (*target.code != 0)
            return PT_DENSITY_FAILED;
        if (trial == 0)
            growing = good;
        else if (good != growing)
            return PT_OK;
        state.step_size *= growing ? 2.0 : 0.5;
        if (state.step_size > 1e7 / sqrt(state.inverse_temperature))
            return PT_STEP_SIZE_EXPLODED;
        if (state.step_size < 1e-300)
            return PT_STEP_SIZE_VANISHED;
    }
}

/* Every chain's start point, first metric and first step size. */
PT_KERNEL pt_start(const __grid_constant__ pt_data data, const __grid_constant__ pt_run run)
{
    const pt_chain g;
    const long long chain = g.index();
    if (chain >= run.chains)
        return;
    pt_target target = pt_target_of(data, run, chain);
    pt_state state = {};
    state.inverse_temperature = target.inverse_temperature;
    pt_point z;
    pt_vector w;
    PT_EACH(k, i) w[k] = 1.0;
    state.status = pt_find_start(g, target, run, chain, z, state);
    if (state.status == PT_OK) {
        const double temperature
            = pt_suitable_temperature(pt_gradient_size(g, z.g), state.logp, 1.0);
        if (temperature > (run.with_gradients ? 1e8 : 1e4) && run.tune >= 4)
            pt_set_inverse_temperature(g, 1.0 / temperature, z.g, state);
        else if (run.with_gradients)
            pt_metric_from_gradient(g, z.g, 1e-10, w);
        target.inverse_temperature = state.inverse_temperature;
        const uint64_t key = pt_chain_key(run.seed, chain, PT_FOR_SEARCH);
        state.status = pt_search_step_size(g, target, key, w, z, state);
        pt_start_average(state);
    }
    double *vectors = pt_chain_vectors(run, chain, 0);
    pt_write(g, z.q, vectors + PT_POSITION * PT_DIM);
    pt_write(g, z.g, vectors + PT_GRADIENT * PT_DIM);
    pt_write(g, w, vectors + PT_INVERSE_MASS * PT_DIM);
    for (int vector = PT_MOMENTS; vector < PT_CHAIN_VECTORS; ++vector)
        PT_EACH(k, i) vectors[vector * PT_DIM + i] = 0.0;
    state.code = *target.code;
    g.sync();
    if (g.lane() == 0)
        run.states[chain] = state;
}

#endif
