/* ChEES-HMC: Hamiltonian Monte Carlo for many chains that all take the same number of steps, so
 * that no chain waits for another, with one step size, one metric and one trajectory length that
 * all chains teach together (Hoffman, Radul and Sountsov 2021, "An Adaptive MCMC Scheme for
 * Setting Trajectory Lengths in Hamiltonian Monte Carlo", AISTATS, PMLR 130).
 *
 * An iteration of the warm-up is two launches: `pt_chees_move` runs every chain's trajectory,
 * `pt_chees_learn`, one block, adapts. Both read the iteration and what was learned from device
 * memory, so that the pair is one CUDA graph, launched as often as there are iterations. After the
 * warm-up nothing is learned, and one launch of `pt_chees_move` does many iterations.
 *
 * Length of iteration n: h_n T, with h_n the van der Corput sequence in base 2, the first of
 * Halton's; ceil(h_n T / step size) steps. log T follows the gradient of
 *
 *     ChEES = E[(|x' - E x'|^2 - |x - E x|^2)^2] / 4
 *
 * from x to the proposal x', by Adam (rate 0.025, no first moment, 0.95 for the second: the
 * paper's). As in the authors' own program the proposals are weighted by their acceptance
 * probability. Distances are in units of the metric, so that no coordinate matters for its scale;
 * then d|x' - m|^2 / dt = 2 (x' - m) . p'. After the warm-up T and the step size are means of
 * their logarithms over the warm-up, weighted to its end as dual averaging does.
 *
 * Step size: dual averaging on the harmonic mean over chains of the acceptance probability, which
 * is low where some chains hardly move; an acceptance below 0.01 counts as 0.01, so that one
 * lost chain among thousands does not stop all.
 *
 * Metric: the diagonal of pt_chain.cuh from moments of all chains' draws and gradients together
 * (Chan, Golub and LeVeque 1979 for joining them), on the schedule of the warm-up's flags.
 *
 * The learning looks at the first `watched` chains: as many as bound its time.
 */
#ifndef PT_CHEES_CUH
#define PT_CHEES_CUH

#include "pt_chain.cuh"

#define PT_LEARNERS 1024 /* threads of the one block that learns */
#define PT_LEAST_ACCEPTANCE 0.01

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

struct pt_chees_record {
    double lp;
    double acceptance_rate;
    double energy;
    double energy_error;
    double step_size;
    double trajectory_length;
    int n_steps;
    signed char diverging;
};

/* What all chains have in common. `state` holds the step size and what it is learned from, the
 * counts of the moments, and the iteration. */
struct pt_common {
    pt_state state;
    double log_length;
    double log_length_mean;
    double gradient_square;
};

struct pt_chees {
    pt_common *common;
    double *vectors;   /* [PT_COMMON, PT_DIM] */
    double *proposals; /* [watched, 2, PT_DIM]: position and momentum */
    double *weights;   /* [watched, 2]: acceptance probability, squared distance of the start */
    int watched;
    int first; /* the iteration of the launch's beginning, or -1 for that of `common` */
    int count; /* iterations of a launch */
};

/* The van der Corput sequence in base 2: the bits of n behind the point, in (0, 1) for n > 0. */
PT_DEVICE double pt_van_der_corput(unsigned n)
{
    double value = 0.0;
    for (double place = 0.5; n > 0; n >>= 1, place *= 0.5)
        value += n & 1 ? place : 0.0;
    return value;
}

PT_DEVICE double pt_share_of_length(int iteration) { return pt_van_der_corput(iteration + 1u); }

PT_DEVICE int pt_steps(const pt_run &run, const pt_common &common, int iteration)
{
    const int most = iteration < run.early ? run.early_depth : run.max_depth;
    const double length = pt_share_of_length(iteration) * pt_exp(common.log_length);
    const double steps = ceil(length / common.state.step_size);
    return steps < 1.0 ? 1 : steps < most ? (int) steps : most;
}

/* ---- the trajectory ---- */

struct pt_trial {
    double start_energy, energy, logp, acceptance;
    int steps;
    bool diverged;
};

/* Follows z for the given steps, or until the energy has risen too far. */
PT_DEVICE void pt_follow(const pt_chain &g, const pt_target &target, const pt_run &run,
                         const double *w, double step_size, int steps, pt_point &z,
                         pt_trial &trial)
{
    trial.energy = trial.start_energy;
    trial.diverged = false;
    for (trial.steps = 0; trial.steps < steps && !trial.diverged; ++trial.steps) {
        trial.energy = pt_leapfrog(g, target, w, step_size, z, trial.logp);
        trial.diverged = !(trial.energy - trial.start_energy <= run.max_error);
    }
    const double error = trial.energy - trial.start_energy;
    trial.acceptance = trial.diverged ? 0.0 : error <= 0.0 ? 1.0 : pt_exp(-error);
}

PT_DEVICE double pt_distance(const pt_chain &g, const double *w, const double *q,
                             const double *mean)
{
    double sum = 0.0;
    PT_EACH(k, i) sum += (q[k] - mean[i]) * (q[k] - mean[i]) / w[k];
    return g.add(sum);
}

/* What the learning needs of a chain. */
PT_DEVICE void pt_show(const pt_chain &g, const pt_chees &chees, long long chain,
                       const pt_point &z, double acceptance, double distance)
{
    if (chain >= chees.watched)
        return;
    double *proposal = chees.proposals + chain * 2 * PT_DIM;
    pt_write(g, z.q, proposal);
    pt_write(g, z.p, proposal + PT_DIM);
    if (g.lane() == 0) {
        chees.weights[2 * chain] = acceptance;
        chees.weights[2 * chain + 1] = distance;
    }
}

PT_DEVICE void pt_chees_keep(const pt_chain &g, const pt_run &run, long long chain, int iteration,
                             const double *q, double step_size, bool accepted, double logp,
                             const pt_trial &trial)
{
    const long long row = pt_row(run, chain, iteration);
    if (row < 0)
        return;
    pt_write(g, q, run.draws + row * PT_DIM);
    if (g.lane() != 0)
        return;
    pt_chees_record record;
    record.lp = logp;
    record.acceptance_rate = trial.acceptance;
    record.energy = accepted ? trial.energy : trial.start_energy;
    record.energy_error = record.energy - trial.start_energy;
    record.step_size = step_size;
    record.trajectory_length = trial.steps * step_size;
    record.n_steps = trial.steps;
    record.diverging = trial.diverged;
    ((pt_chees_record *) run.records)[row] = record;
}

/* One iteration from (q, grad, state.logp) and back to them. */
PT_DEVICE void pt_iterate(const pt_chain &g, const pt_target &target, const pt_run &run,
                          const pt_chees &chees, long long chain, int iteration, const double *w,
                          pt_vector &q, pt_vector &grad, pt_state &state)
{
    const uint64_t momenta = pt_chain_key(run.seed, chain, PT_FOR_MOMENTA);
    const uint64_t choices = pt_chain_key(run.seed, chain, PT_FOR_CHOICES);
    const double step_size = chees.common->state.step_size;
    const bool learning = iteration < run.tune;
    double distance = 0.0;
    if (learning)
        distance = pt_distance(g, w, q, chees.vectors + PT_MEAN * PT_DIM);
    pt_point z;
    pt_trial trial;
    pt_copy(g, q, z.q);
    pt_copy(g, grad, z.g);
    pt_momenta(g, momenta, iteration, w, z.p);
    trial.start_energy = pt_kinetic(g, w, z.p) - state.logp;
    pt_follow(g, target, run, w, step_size, pt_steps(run, *chees.common, iteration), z, trial);
    if (learning)
        pt_show(g, chees, chain, z, trial.acceptance, distance);
    const bool accepted = pt_choice(choices, iteration, 0) < trial.acceptance;
    if (accepted) {
        pt_copy(g, z.q, q);
        pt_copy(g, z.g, grad);
        state.logp = trial.logp;
    }
    pt_chees_keep(g, run, chain, iteration, q, step_size, accepted, state.logp, trial);
    state.gradients += trial.steps;
    state.divergences += !learning && trial.diverged;
    state.done = iteration + 1;
}

/* `chees.count` iterations of every chain. */
PT_KERNEL pt_chees_move(pt_data data, pt_run run, pt_chees chees)
{
    const pt_chain g;
    const long long chain = g.index();
    if (chain >= run.chains)
        return;
    const pt_target target = pt_target_of(data, run, chain);
    double *kept = pt_kept(run, chain, 0);
    pt_state state = run.states[chain];
    if (state.status != PT_WELL)
        return;
    const int first = chees.first < 0 ? chees.common->state.done : chees.first;
    pt_vector q, grad, w;
    pt_read(g, kept + PT_POSITION * PT_DIM, q);
    pt_read(g, kept + PT_GRADIENT * PT_DIM, grad);
    pt_read(g, chees.vectors + PT_COMMON_INVERSE_MASS * PT_DIM, w);
    for (int n = 0; n < chees.count && *target.code == 0; ++n)
        pt_iterate(g, target, run, chees, chain, first + n, w, q, grad, state);
    pt_write(g, q, kept + PT_POSITION * PT_DIM);
    pt_write(g, grad, kept + PT_GRADIENT * PT_DIM);
    pt_write(g, w, kept + PT_INVERSE_MASS * PT_DIM);
    state.code = *target.code;
    state.status = state.code == 0 ? PT_WELL : PT_DENSITY_FAILED;
    g.sync();
    if (g.lane() == 0)
        run.states[chain] = state;
}

/* ---- the learning: one block over the watched chains ---- */

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
                                const pt_chees &chees, int i)
{
    pt_sums sums = {};
    const double x0 = i < PT_DIM ? chees.vectors[PT_MEAN * PT_DIM + i] : 0.0;
    const double g0 = i < PT_DIM ? chees.vectors[PT_GRADIENT_MEAN * PT_DIM + i] : 0.0;
    for (int chain = at.row; i < PT_DIM && chain < chees.watched; chain += at.rows) {
        const double x = pt_kept(run, chain, PT_POSITION)[i] - x0;
        const double g = pt_kept(run, chain, PT_GRADIENT)[i] - g0;
        const double weight = chees.weights[2 * chain];
        sums.x += x;
        sums.xx += x * x;
        sums.g += g;
        sums.gg += g * g;
        sums.proposal += weight > 0.0 ? weight * chees.proposals[2 * chain * PT_DIM + i] : 0.0;
    }
    sums.x = pt_over_rows(b, at, sums.x);
    sums.xx = pt_over_rows(b, at, sums.xx);
    sums.g = pt_over_rows(b, at, sums.g);
    sums.gg = pt_over_rows(b, at, sums.gg);
    sums.proposal = pt_over_rows(b, at, sums.proposal);
    return sums;
}

/* The means of all chains, and where the flags say so their moments. */
PT_DEVICE void pt_pool(const pt_block &b, const pt_run &run, const pt_chees &chees, int flags,
                       double acceptances, const pt_state &state)
{
    const pt_place at = pt_place_of(b);
    const double count = chees.watched;
    for (int first = 0; first < PT_DIM; first += PT_WIDTH) {
        const int i = first + at.column;
        const pt_sums sums = pt_sum_chains(b, at, run, chees, i);
        if (at.row > 0 || i >= PT_DIM)
            continue;
        double *mean = chees.vectors + PT_MEAN * PT_DIM + i;
        double *gradient = chees.vectors + PT_GRADIENT_MEAN * PT_DIM + i;
        *mean += sums.x / count;
        *gradient += sums.g / count;
        if (acceptances > 0.0)
            chees.vectors[PT_PROPOSAL_MEAN * PT_DIM + i] = sums.proposal / acceptances;
        if (!(flags & PT_COLLECT))
            continue;
        const double square = sums.xx - sums.x * sums.x / count;
        const double steepness = sums.gg - sums.g * sums.g / count;
        for (int set = 0; set < 2; ++set) {
            const double before = set == state.older ? state.older_count : state.younger_count;
            double *moments = chees.vectors + (PT_COMMON_MOMENTS + 4 * set) * PT_DIM + i;
            pt_merge(before, count, *mean, square, moments);
            pt_merge(before, count, *gradient, steepness, moments + 2 * PT_DIM);
        }
    }
    b.sync();
}

/* The gradient of ChEES with respect to the logarithm of T. */
PT_DEVICE double pt_length_gradient(const pt_block &b, const pt_chees &chees, double acceptances,
                                    double length)
{
    const pt_place at = pt_place_of(b);
    const double *w = chees.vectors + PT_COMMON_INVERSE_MASS * PT_DIM;
    const double *mean = chees.vectors + PT_PROPOSAL_MEAN * PT_DIM;
    double sum = 0.0;
    for (int first = 0; first < chees.watched; first += at.rows) {
        const int chain = first + at.row;
        const double weight = chain < chees.watched ? chees.weights[2 * chain] : 0.0;
        const double *q = chees.proposals + 2 * (long long) chain * PT_DIM;
        double distance = 0.0, speed = 0.0;
        for (int i = at.column; weight > 0.0 && i < PT_DIM; i += PT_WIDTH) {
            const double offset = q[i] - mean[i];
            distance += offset * offset / w[i];
            speed += offset * q[PT_DIM + i];
        }
        distance = pt_over_columns(distance);
        speed = pt_over_columns(speed);
        if (at.column == 0 && weight > 0.0)
            sum += weight * (distance - chees.weights[2 * chain + 1]) * speed;
    }
    return length * b.add(sum) / acceptances;
}

/* Adam (Kingma and Ba 2015) without first moment, uphill. A gradient that is no number teaches
 * nothing. T stays between one step and as many as are allowed. */
PT_DEVICE void pt_learn_length(const pt_run &run, double gradient, int iteration,
                               pt_common &common)
{
    if (pt_finite(gradient * gradient)) {
        common.gradient_square += 0.05 * (gradient * gradient - common.gradient_square);
        const double unbiased = 1.0 - pt_pow(0.95, iteration + 1.0);
        const double size = sqrt(common.gradient_square / unbiased);
        common.log_length += size > 0.0 ? 0.025 * gradient / size : 0.0;
    }
    const double step = pt_log(common.state.step_size);
    common.log_length = pt_maximum(common.log_length, step);
    common.log_length = pt_minimum(common.log_length, step + pt_log((double) run.max_depth));
    const double share = pt_pow(iteration + 1.0, -0.75);
    common.log_length_mean += share * (common.log_length - common.log_length_mean);
}

/* The metric, where the flags say so, and which moments are the older ones from now on. */
PT_DEVICE void pt_learn_metric(const pt_block &b, const pt_run &run, const pt_chees &chees,
                               int flags, pt_state &state)
{
    double *older = chees.vectors + (PT_COMMON_MOMENTS + 4 * state.older) * PT_DIM;
    double *w = chees.vectors + PT_COMMON_INVERSE_MASS * PT_DIM;
    const double count = state.older_count;
    for (int i = b.lane(); i < PT_DIM; i += b.size()) {
        const double square = older[PT_DIM + i];
        const double entry = run.with_gradients
            ? pt_blended_variance(square, older[3 * PT_DIM + i], count)
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

/* What an iteration of all chains teaches; then the next iteration's turn comes. */
extern "C" __global__ void __launch_bounds__(PT_LEARNERS) pt_chees_learn(pt_run run,
                                                                         pt_chees chees)
{
    const pt_block b;
    pt_common common = *chees.common;
    pt_state &state = common.state;
    const int iteration = state.done;
    b.sync();
    if (iteration < run.tune) {
        const int flags = run.schedule[iteration];
        double acceptance = 0.0, inverse = 0.0;
        for (int chain = b.lane(); chain < chees.watched; chain += b.size()) {
            const double weight = chees.weights[2 * chain];
            acceptance += weight;
            inverse += 1.0 / pt_maximum(weight, PT_LEAST_ACCEPTANCE);
        }
        acceptance = b.add(acceptance);
        inverse = b.add(inverse);
        const double length = pt_share_of_length(iteration) * pt_exp(common.log_length);
        pt_pool(b, run, chees, flags, acceptance, state);
        const double gradient = pt_length_gradient(b, chees, acceptance, length);
        b.sync();
        if (flags & PT_COLLECT) {
            state.older_count += chees.watched;
            state.younger_count += chees.watched;
        }
        pt_learn_metric(b, run, chees, flags, state);
        state.step_size = pt_next_step_size(state, run.target_accept, chees.watched / inverse);
        pt_learn_length(run, gradient, iteration, common);
        if (iteration == run.tune - 1) {
            state.step_size = pt_exp(state.step_log_mean);
            common.log_length = common.log_length_mean;
        }
    }
    state.done = iteration + 1;
    if (b.lane() == 0)
        *chees.common = common;
}

/* The common state of chains that have started: one step size, the mean of their logarithms; one
 * metric, the inverse of the gradients' mean size; a trajectory of one step. */
extern "C" __global__ void __launch_bounds__(PT_LEARNERS) pt_chees_open(pt_run run, pt_chees chees)
{
    const pt_block b;
    const pt_place at = pt_place_of(b);
    const double count = chees.watched;
    double log_step = 0.0;
    for (int chain = b.lane(); chain < chees.watched; chain += b.size())
        log_step += pt_log(run.states[chain].step_size);
    log_step = b.add(log_step) / count;
    for (int first = 0; first < PT_DIM; first += PT_WIDTH) {
        const int i = first + at.column;
        double x = 0.0, gradient = 0.0, size = 0.0;
        for (int chain = at.row; i < PT_DIM && chain < chees.watched; chain += at.rows) {
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
        chees.vectors[PT_COMMON_INVERSE_MASS * PT_DIM + i] = useful ? 1.0 / size : 1.0;
        chees.vectors[PT_MEAN * PT_DIM + i] = x;
        chees.vectors[PT_GRADIENT_MEAN * PT_DIM + i] = gradient;
        for (int vector = PT_PROPOSAL_MEAN; vector < PT_COMMON; ++vector)
            chees.vectors[vector * PT_DIM + i] = 0.0;
    }
    if (b.lane() == 0) {
        pt_common common = {};
        common.state.step_size = pt_exp(log_step);
        pt_start_average(common.state);
        common.log_length = common.log_length_mean = log_step;
        *chees.common = common;
    }
}

#endif
