/* What chains learn together: one metric and one step size for all, in one block's kernels.
 *
 * The metric is the diagonal of pt_chain.cuh from moments of all chains' draws and gradients
 * (joined as in Chan, Golub and LeVeque 1979), on the schedule of the warm-up's flags. Learning
 * looks at the first `watched` chains: as many as bound its time.
 *
 * A warm-up is pairs of launches, one that moves the chains and one that learns. Both read what
 * was learned, and at which iteration, from device memory, so that the pair is one CUDA graph,
 * launched as often as there are lessons.
 */
#ifndef PT_POOL_CUH
#define PT_POOL_CUH

#include "pt_chain.cuh"

#define PT_LEARNERS 1024 /* threads of the one block that learns */
#define PT_LEARNER extern "C" __global__ void __launch_bounds__(PT_LEARNERS)

/* Lanes side by side on the coordinates of one chain: a power of two, at most a warp. */
constexpr int PT_WIDTH = PT_DIM > 16 ? 32 : PT_DIM > 8 ? 16 : PT_DIM > 4 ? 8 : 4;

enum pt_common_vector {
    PT_COMMON_INVERSE_MASS,
    PT_MEAN,          /* of the positions, all chains' */
    PT_GRADIENT_MEAN,
    PT_PROPOSAL_MEAN,
    PT_COMMON_MOMENTS,
    PT_COMMON = PT_COMMON_MOMENTS + 8
};

/* What all chains have in common. `state` holds the step size and what it is learned from, the
 * counts of the moments, and the iteration up to which it is learned. */
struct pt_common {
    pt_state state;
    double log_length;
    double log_length_mean;
    double gradient_square;
};

/* Where it is. NUTS whose chains learn alone has none: `common` is null. */
struct pt_together {
    pt_common *common;
    double *vectors;   /* [PT_COMMON, PT_DIM] */
    double *proposals; /* [watched, 2, PT_DIM]: position and momentum; ChEES only */
    double *weights;   /* [watched, 2]: acceptance probability, squared distance of the start */
    int watched;
    int first; /* the iteration of the launch's beginning, or -1 for that of `common` */
    int count; /* iterations of a launch of ChEES */
};

/* Where a thread of the block stands: lane `column` of the PT_WIDTH that share row `row`. */
struct pt_place {
    int column, row, rows;
};

PT_DEVICE pt_place pt_place_of(const pt_block &b)
{
    return {b.lane() % PT_WIDTH, b.lane() / PT_WIDTH, b.size() / PT_WIDTH};
}

/* The sum of x over the rows, one for each column; row 0 has it. */
static __device__ double pt_over_rows(const pt_block &b, const pt_place &at, double x)
{
    __shared__ double space[PT_LEARNERS];
    b.sync();
    space[b.lane()] = x;
    b.sync();
    double sum = 0.0;
    if (at.row == 0)
        for (int row = 0; row < at.rows; ++row)
            sum += space[row * PT_WIDTH + at.column];
    return sum;
}

PT_DEVICE double pt_over_columns(double x)
{
    for (int step = PT_WIDTH / 2; step > 0; step >>= 1)
        x += __shfl_xor_sync(PT_ALL_LANES, x, step);
    return x;
}

/* Joins `count` values with mean and squares about it to running moments. */
PT_DEVICE void pt_merge(double before, double count, double mean, double square, double *moments)
{
    const double apart = mean - moments[0];
    const double whole = before + count;
    moments[0] += apart * (count / whole);
    moments[PT_DIM] += square + apart * apart * (before * count / whole);
}

/* Sums over chains of a coordinate's offsets from where all chains' mean was, and their squares:
 * exact enough, as the chains are no further from there than they are wide. */
struct pt_sums {
    double x, xx, g, gg, proposal;
};

PT_DEVICE pt_sums pt_sum_chains(const pt_block &b, const pt_place &at, const pt_run &run,
                                const pt_together &all, int i)
{
    pt_sums sums = {};
    const double x0 = i < PT_DIM ? all.vectors[PT_MEAN * PT_DIM + i] : 0.0;
    const double g0 = i < PT_DIM ? all.vectors[PT_GRADIENT_MEAN * PT_DIM + i] : 0.0;
    for (int chain = at.row; i < PT_DIM && chain < all.watched; chain += at.rows) {
        const double x = pt_kept(run, chain, PT_POSITION)[i] - x0;
        const double g = pt_kept(run, chain, PT_GRADIENT)[i] - g0;
        const double weight = all.weights[2 * chain];
        sums.x += x;
        sums.xx += x * x;
        sums.g += g;
        sums.gg += g * g;
        if (all.proposals != nullptr && weight > 0.0)
            sums.proposal += weight * all.proposals[2LL * chain * PT_DIM + i];
    }
    sums.x = pt_over_rows(b, at, sums.x);
    sums.xx = pt_over_rows(b, at, sums.xx);
    sums.g = pt_over_rows(b, at, sums.g);
    sums.gg = pt_over_rows(b, at, sums.gg);
    sums.proposal = pt_over_rows(b, at, sums.proposal);
    return sums;
}

/* The means of all chains, and where the flags say so their moments. */
PT_DEVICE void pt_pool(const pt_block &b, const pt_run &run, const pt_together &all, int flags,
                       double acceptances, const pt_state &state)
{
    const pt_place at = pt_place_of(b);
    const double count = all.watched;
    for (int first = 0; first < PT_DIM; first += PT_WIDTH) {
        const int i = first + at.column;
        const pt_sums sums = pt_sum_chains(b, at, run, all, i);
        if (at.row > 0 || i >= PT_DIM)
            continue;
        double *mean = all.vectors + PT_MEAN * PT_DIM + i;
        double *gradient = all.vectors + PT_GRADIENT_MEAN * PT_DIM + i;
        *mean += sums.x / count;
        *gradient += sums.g / count;
        if (acceptances > 0.0)
            all.vectors[PT_PROPOSAL_MEAN * PT_DIM + i] = sums.proposal / acceptances;
        if (!(flags & PT_COLLECT))
            continue;
        const double square = sums.xx - sums.x * sums.x / count;
        const double steepness = sums.gg - sums.g * sums.g / count;
        for (int set = 0; set < 2; ++set) {
            const double before = set == state.older ? state.older_count : state.younger_count;
            double *moments = all.vectors + (PT_COMMON_MOMENTS + 4 * set) * PT_DIM + i;
            pt_merge(before, count, *mean, square, moments);
            pt_merge(before, count, *gradient, steepness, moments + 2 * PT_DIM);
        }
    }
    b.sync();
}

/* The metric, where the flags say so, after what was pooled; and which moments are the older ones
 * from now on. */
PT_DEVICE void pt_learn_metric(const pt_block &b, const pt_run &run, const pt_together &all,
                               int flags, pt_state &state)
{
    if (flags & PT_COLLECT) {
        state.older_count += all.watched;
        state.younger_count += all.watched;
    }
    double *older = all.vectors + (PT_COMMON_MOMENTS + 4 * state.older) * PT_DIM;
    double *w = all.vectors + PT_COMMON_INVERSE_MASS * PT_DIM;
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

/* The common state of chains that have started: one step size, the mean of their logarithms; one
 * metric, the inverse of the gradients' mean size; for ChEES, a trajectory of one step. */
PT_LEARNER pt_open(pt_run run, pt_together all)
{
    const pt_block b;
    const pt_place at = pt_place_of(b);
    const double count = all.watched;
    double log_step = 0.0;
    for (int chain = b.lane(); chain < all.watched; chain += b.size())
        log_step += pt_log(run.states[chain].step_size);
    log_step = b.add(log_step) / count;
    for (int first = 0; first < PT_DIM; first += PT_WIDTH) {
        const int i = first + at.column;
        double x = 0.0, gradient = 0.0, size = 0.0;
        for (int chain = at.row; i < PT_DIM && chain < all.watched; chain += at.rows) {
            x += pt_kept(run, chain, PT_POSITION)[i];
            gradient += pt_kept(run, chain, PT_GRADIENT)[i];
            size += fabs(pt_kept(run, chain, PT_GRADIENT)[i]);
        }
        x = pt_over_rows(b, at, x) / count;
        gradient = pt_over_rows(b, at, gradient) / count;
        size = pt_over_rows(b, at, size) / count;
        if (at.row > 0 || i >= PT_DIM)
            continue;
        const bool useful = run.with_gradients && size > 1e-10 && size < 1e10;
        all.vectors[PT_COMMON_INVERSE_MASS * PT_DIM + i] = useful ? 1.0 / size : 1.0;
        all.vectors[PT_MEAN * PT_DIM + i] = x;
        all.vectors[PT_GRADIENT_MEAN * PT_DIM + i] = gradient;
        for (int vector = PT_PROPOSAL_MEAN; vector < PT_COMMON; ++vector)
            all.vectors[vector * PT_DIM + i] = 0.0;
    }
    if (b.lane() == 0) {
        pt_common common = {};
        common.state.coldness = 1.0;
        common.state.step_size = pt_exp(log_step);
        pt_start_average(common.state);
        common.log_length = common.log_length_mean = log_step;
        *all.common = common;
    }
}

#endif
