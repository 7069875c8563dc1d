/* Pooled adaptation: one metric and one step size for all chains, in kernels of one block.
 *
 * The metric is the diagonal of pt_chain.cuh from moments of all chains' draws and gradients
 * (merged as in Chan, Golub and LeVeque 1979), on the schedule of the warm-up's flags. Adaptation
 * uses the first `adaptation_chains` chains only, which bounds its time.
 *
 * The warm-up is a sequence of pairs of launches: one kernel advances the chains, one adapts. Both
 * read the pooled state and its iteration from device memory, so that the pair is one CUDA graph,
 * launched once for each adaptation step.
 *
 * Defined by the including text: PT_ADAPTATION_THREADS, the threads of the adapting block.
 */
#ifndef PT_POOL_CUH
#define PT_POOL_CUH

#include "pt_chain.cuh"

#define PT_ADAPTATION_KERNEL extern "C" __global__ void __launch_bounds__(PT_ADAPTATION_THREADS)

/* Lanes side by side on the coordinates of one chain: a power of two, at most a warp. */
constexpr int PT_WIDTH = PT_DIM > 16 ? 32 : PT_DIM > 8 ? 16 : PT_DIM > 4 ? 8 : 4;

enum pt_pooled_vector {
    PT_POOLED_INVERSE_MASS,
    PT_MEAN,          /* of all chains' positions */
    PT_GRADIENT_MEAN,
    PT_PROPOSAL_MEAN,
    PT_POOLED_MOMENTS,
    PT_POOLED_VECTORS = PT_POOLED_MOMENTS + 8
};

/* The state that all chains share. `state` holds the step size with its dual averaging, the counts
 * of the moments, and the iteration of the last adaptation step (`done`). */
struct pt_pooled_state {
    pt_state state;
    double log_length;
    double log_length_mean;
    double gradient_square;
};

/* Where the pooled state is. `pooled` is null if the chains adapt separately. */
struct pt_pool {
    pt_pooled_state *pooled;
    double *vectors;   /* [PT_POOLED_VECTORS, PT_DIM] */
    double *proposals; /* [adaptation_chains, 2, PT_DIM]: position and momentum; ChEES only */
    double *weights;   /* [adaptation_chains, 2]: acceptance, squared distance of the start */
    int adaptation_chains;
    int first; /* first iteration of the launch, or -1 for that of `pooled` */
    int count; /* iterations of a launch of ChEES */
};

/* A thread's position in the block: lane `column` of the PT_WIDTH lanes of row `row`. */
struct pt_row_lane {
    int column, row, rows;
};

PT_DEVICE pt_row_lane pt_row_lane_of(const pt_block &b)
{
    return {b.lane() % PT_WIDTH, b.lane() / PT_WIDTH, b.size() / PT_WIDTH};
}

/* The sum of x over the rows for each column; only row 0 has it. */
static __device__ double pt_sum_over_rows(const pt_block &b, const pt_row_lane &at, double x)
{
    __shared__ double space[PT_ADAPTATION_THREADS];
    b.sync();
    space[b.lane()] = x;
    b.sync();
    double sum = 0.0;
    if (at.row == 0)
        for (int row = 0; row < at.rows; ++row)
            sum += space[row * PT_WIDTH + at.column];
    return sum;
}

PT_DEVICE double pt_sum_over_columns(double x)
{
    for (int step = PT_WIDTH / 2; step > 0; step >>= 1)
        x += __shfl_xor_sync(PT_ALL_LANES, x, step);
    return x;
}

/* Merges `count` values, given by their mean and squared deviations, into running moments. */
PT_DEVICE void pt_merge_moments(double before, double count, double mean, double square,
                                double *moments)
{
    const double difference = mean - moments[0];
    const double total = before + count;
    moments[0] += difference * (count / total);
    moments[PT_DIM] += square + difference * difference * (before * count / total);
}

/* Sums over chains of a coordinate's offsets from the previous mean of all chains, and of their
 * squares. Exact enough, since that mean lies within the spread of the chains. */
struct pt_sums {
    double x, xx, g, gg, proposal;
};

PT_DEVICE pt_sums pt_sum_chains(const pt_block &b, const pt_row_lane &at, const pt_run &run,
                                const pt_pool &pool, int i)
{
    pt_sums sums = {};
    const double x0 = i < PT_DIM ? pool.vectors[PT_MEAN * PT_DIM + i] : 0.0;
    const double g0 = i < PT_DIM ? pool.vectors[PT_GRADIENT_MEAN * PT_DIM + i] : 0.0;
    for (int chain = at.row; i < PT_DIM && chain < pool.adaptation_chains; chain += at.rows) {
        const double x = pt_chain_vectors(run, chain, PT_POSITION)[i] - x0;
        const double g = pt_chain_vectors(run, chain, PT_GRADIENT)[i] - g0;
        const double weight = pool.weights[2 * chain];
        sums.x += x;
        sums.xx += x * x;
        sums.g += g;
        sums.gg += g * g;
        if (pool.proposals != nullptr && weight > 0.0)
            sums.proposal += weight * pool.proposals[2LL * chain * PT_DIM + i];
    }
    sums.x = pt_sum_over_rows(b, at, sums.x);
    sums.xx = pt_sum_over_rows(b, at, sums.xx);
    sums.g = pt_sum_over_rows(b, at, sums.g);
    sums.gg = pt_sum_over_rows(b, at, sums.gg);
    sums.proposal = pt_sum_over_rows(b, at, sums.proposal);
    return sums;
}

/* Updates the means of all chains and, with PT_COLLECT, both sets of moments. */
PT_DEVICE void pt_pool_moments(const pt_block &b, const pt_run &run, const pt_pool &pool, int flags,
                       double acceptances, const pt_state &state)
{
    const pt_row_lane at = pt_row_lane_of(b);
    const double count = pool.adaptation_chains;
    for (int first = 0; first < PT_DIM; first += PT_WIDTH) {
        const int i = first + at.column;
        const pt_sums sums = pt_sum_chains(b, at, run, pool, i);
        if (at.row > 0 || i >= PT_DIM)
            continue;
        double *mean = pool.vectors + PT_MEAN * PT_DIM + i;
        double *gradient = pool.vectors + PT_GRADIENT_MEAN * PT_DIM + i;
        *mean += sums.x / count;
        *gradient += sums.g / count;
        if (acceptances > 0.0)
            pool.vectors[PT_PROPOSAL_MEAN * PT_DIM + i] = sums.proposal / acceptances;
        if (!(flags & PT_COLLECT))
            continue;
        const double square = sums.xx - sums.x * sums.x / count;
        const double steepness = sums.gg - sums.g * sums.g / count;
        for (int set = 0; set < 2; ++set) {
            const double before = set == state.older ? state.older_count : state.younger_count;
            double *moments = pool.vectors + (PT_POOLED_MOMENTS + 4 * set) * PT_DIM + i;
            pt_merge_moments(before, count, *mean, square, moments);
            pt_merge_moments(before, count, *gradient, steepness, moments + 2 * PT_DIM);
        }
    }
    b.sync();
}

/* After pt_pool_moments: refreshes the metric with PT_REFRESH, and exchanges older and younger
 * moments with PT_SWITCH. */
PT_DEVICE void pt_adapt_metric(const pt_block &b, const pt_run &run, const pt_pool &pool,
                               int flags, pt_state &state)
{
    if (flags & PT_COLLECT) {
        state.older_count += pool.adaptation_chains;
        state.younger_count += pool.adaptation_chains;
    }
    double *older = pool.vectors + (PT_POOLED_MOMENTS + 4 * state.older) * PT_DIM;
    double *w = pool.vectors + PT_POOLED_INVERSE_MASS * PT_DIM;
    const double count = state.older_count;
    for (int i = b.lane(); i < PT_DIM; i += b.size()) {
        const double square = older[PT_DIM + i];
        const double entry = run.with_gradients
            ? pt_blended_variance(older[i], square, older[3 * PT_DIM + i], count)
            : pt_shrunk_variance(square, count);
        if (flags & PT_REFRESH && count >= 3.0 && pt_plausible(entry))
            w[i] = entry;
        for (int vector = 0; flags & PT_SWITCH && vector < 4; ++vector)
            older[vector * PT_DIM + i] = 0.0;
    }
    if (flags & PT_SWITCH) {
        state.older = 1 - state.older;
        state.older_count = state.younger_count;
        state.younger_count = 0.0;
    }
}

/* The pooled state at the start: the geometric mean of the chains' step sizes; as metric the
 * inverse of the gradients' mean absolute values; for ChEES, a trajectory of one step. */
PT_ADAPTATION_KERNEL pt_pool_start(pt_run run, pt_pool pool)
{
    const pt_block b;
    const pt_row_lane at = pt_row_lane_of(b);
    const double count = pool.adaptation_chains;
    double log_step = 0.0;
    for (int chain = b.lane(); chain < pool.adaptation_chains; chain += b.size())
        log_step += pt_log(run.states[chain].step_size);
    log_step = b.add(log_step) / count;
    for (int first = 0; first < PT_DIM; first += PT_WIDTH) {
        const int i = first + at.column;
        double x = 0.0, gradient = 0.0, size = 0.0;
        for (int chain = at.row; i < PT_DIM && chain < pool.adaptation_chains; chain += at.rows) {
            x += pt_chain_vectors(run, chain, PT_POSITION)[i];
            gradient += pt_chain_vectors(run, chain, PT_GRADIENT)[i];
            size += fabs(pt_chain_vectors(run, chain, PT_GRADIENT)[i]);
        }
        x = pt_sum_over_rows(b, at, x) / count;
        gradient = pt_sum_over_rows(b, at, gradient) / count;
        size = pt_sum_over_rows(b, at, size) / count;
        if (at.row > 0 || i >= PT_DIM)
            continue;
        const bool useful = run.with_gradients && size > 1e-10 && size < 1e10;
        pool.vectors[PT_POOLED_INVERSE_MASS * PT_DIM + i] = useful ? 1.0 / size : 1.0;
        pool.vectors[PT_MEAN * PT_DIM + i] = x;
        pool.vectors[PT_GRADIENT_MEAN * PT_DIM + i] = gradient;
        for (int vector = PT_PROPOSAL_MEAN; vector < PT_POOLED_VECTORS; ++vector)
            pool.vectors[vector * PT_DIM + i] = 0.0;
    }
    if (b.lane() == 0) {
        pt_pooled_state pooled = {};
        pooled.state.inverse_temperature = 1.0;
        pooled.state.step_size = pt_exp(log_step);
        pt_start_average(pooled.state);
        pooled.log_length = pooled.log_length_mean = log_step;
        *pool.pooled = pooled;
    }
}

#endif
