/* ChEES-HMC: Hamiltonian Monte Carlo for many chains that all take the same number of steps, so
 * that no chain waits for another, with one pooled step size, metric and trajectory length
 * (Hoffman, Radul and Sountsov 2021, "An Adaptive MCMC Scheme for Setting Trajectory Lengths in
 * Hamiltonian Monte Carlo", AISTATS, PMLR 130).
 *
 * An iteration of the warm-up is a launch of `pt_chees_move`, which runs every chain's trajectory,
 * and one of `pt_chees_adapt`. After the warm-up nothing is adapted, and one launch of
 * `pt_chees_move` runs many iterations.
 *
 * Length of iteration n: h_n T, with h_n the van der Corput sequence in base 2, the first of
 * Halton's; ceil(h_n T / step size) steps. log T follows the gradient of
 *
 *     ChEES = E[(|x' - E x'|^2 - |x - E x|^2)^2] / 4
 *
 * from x to the proposal x', by Adam (rate 0.025, no first moment, 0.95 for the second, as in the
 * paper). As in the authors' implementation the proposals are weighted by their acceptance
 * probability. Distances are in units of the metric, so that coordinates count alike whatever
 * their scale; then d|x' - m|^2 / dt = 2 (x' - m) . p'. After the warm-up T and the step size are
 * exponentials of the means of their logarithms over it, with the weights of dual averaging.
 *
 * Step size: dual averaging on the harmonic mean over chains of the acceptance probability, which
 * is low if some chains reject nearly all proposals; an acceptance below 0.01 counts as 0.01, so
 * that one stuck chain among thousands does not stop all.
 */
#ifndef PT_CHEES_CUH
#define PT_CHEES_CUH

#include "pt_pool.cuh"

#define PT_LEAST_ACCEPTANCE 0.01
#define PT_EARLY_STEPS 64.0

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

/* The van der Corput sequence in base 2: the bits of n behind the point, in (0, 1) for n > 0. */
PT_DEVICE double pt_van_der_corput(unsigned n)
{
    double value = 0.0;
    for (double digit = 0.5; n > 0; n >>= 1, digit *= 0.5)
        value += n & 1 ? digit : 0.0;
    return value;
}

PT_DEVICE double pt_length_jitter(int iteration) { return pt_van_der_corput(iteration + 1u); }

PT_DEVICE int pt_steps(const pt_run &run, const pt_pooled_state &pooled, int iteration)
{
    const int most = iteration < run.early ? run.early_depth : run.max_depth;
    const double length = pt_length_jitter(iteration) * pt_exp(pooled.log_length);
    const double steps = ceil(length / pooled.state.step_size);
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

/* Stores the proposal of a chain for adaptation. */
PT_DEVICE void pt_write_proposal(const pt_chain &g, const pt_pool &pool, long long chain,
                       const pt_point &z, double acceptance, double distance)
{
    if (chain >= pool.adaptation_chains)
        return;
    double *proposal = pool.proposals + chain * 2 * PT_DIM;
    pt_write(g, z.q, proposal);
    pt_write(g, z.p, proposal + PT_DIM);
    if (g.lane() == 0) {
        pool.weights[2 * chain] = acceptance;
        pool.weights[2 * chain + 1] = distance;
    }
}

PT_DEVICE void pt_chees_write_iteration(const pt_chain &g, const pt_run &run, long long chain,
                                        int iteration, const double *q, double step_size,
                                        bool accepted, double logp, const pt_trial &trial)
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

/* One iteration from (q, grad, state.logp), which are updated. */
PT_DEVICE void pt_iterate(const pt_chain &g, pt_target &target, const pt_run &run,
                          const pt_pool &pool, long long chain, int iteration, const double *w,
                          pt_vector &q, pt_vector &grad, pt_state &state)
{
    const uint64_t momenta = pt_chain_key(run.seed, chain, PT_FOR_MOMENTA);
    const uint64_t choices = pt_chain_key(run.seed, chain, PT_FOR_CHOICES);
    const double step_size = pool.pooled->state.step_size;
    const bool warmup = iteration < run.tune;
    double distance = 0.0;
    if (warmup)
        distance = pt_distance(g, w, q, pool.vectors + PT_MEAN * PT_DIM);
    pt_point z;
    pt_trial trial;
    pt_copy(g, q, z.q);
    pt_copy(g, grad, z.g);
    pt_momenta(g, momenta, iteration, w, z.p);
    trial.start_energy = pt_kinetic(g, w, z.p) - state.logp;
    pt_follow(g, target, run, w, step_size, pt_steps(run, *pool.pooled, iteration), z, trial);
    if (warmup)
        pt_write_proposal(g, pool, chain, z, trial.acceptance, distance);
    const bool accepted = pt_choice(choices, iteration, 0) < trial.acceptance;
    if (accepted) {
        pt_copy(g, z.q, q);
        pt_copy(g, z.g, grad);
        state.logp = trial.logp;
    }
    const double logp = state.logp / state.inverse_temperature;
    pt_chees_write_iteration(g, run, chain, iteration, q, step_size, accepted, logp, trial);
    if (state.inverse_temperature < 1.0)
        pt_anneal(g, run, iteration, trial.acceptance, grad, state);
    target.inverse_temperature = state.inverse_temperature;
    state.gradients += trial.steps;
    state.divergences += !warmup && trial.diverged;
    state.done = iteration + 1;
}

/* Runs `pool.count` iterations of every chain. */
PT_KERNEL pt_chees_move(const __grid_constant__ pt_data data, const __grid_constant__ pt_run run,
                        const __grid_constant__ pt_pool pool)
{
    const pt_chain g;
    const long long chain = g.index();
    if (chain >= run.chains)
        return;
    double *vectors = pt_chain_vectors(run, chain, 0);
    pt_state state = run.states[chain];
    pt_target target = pt_target_of(data, run, chain, state.inverse_temperature);
    if (state.status != PT_OK)
        return;
    const int first = pool.first < 0 ? pool.pooled->state.done : pool.first;
    pt_vector q, grad, w;
    pt_read(g, vectors + PT_POSITION * PT_DIM, q);
    pt_read(g, vectors + PT_GRADIENT * PT_DIM, grad);
    pt_read(g, pool.vectors + PT_POOLED_INVERSE_MASS * PT_DIM, w);
    for (int n = 0; n < pool.count && *target.code == 0; ++n)
        pt_iterate(g, target, run, pool, chain, first + n, w, q, grad, state);
    pt_write(g, q, vectors + PT_POSITION * PT_DIM);
    pt_write(g, grad, vectors + PT_GRADIENT * PT_DIM);
    pt_write(g, w, vectors + PT_INVERSE_MASS * PT_DIM);
    state.code = *target.code;
    state.status = state.code == 0 ? PT_OK : PT_DENSITY_FAILED;
    g.sync();
    if (g.lane() == 0)
        run.states[chain] = state;
}

/* ---- adaptation: one block over the adaptation chains ---- */

/* The gradient of ChEES with respect to the logarithm of T. */
PT_DEVICE double pt_length_gradient(const pt_block &b, const pt_pool &pool, double acceptances,
                                    double length)
{
    const pt_row_lane at = pt_row_lane_of(b);
    const double *w = pool.vectors + PT_POOLED_INVERSE_MASS * PT_DIM;
    const double *mean = pool.vectors + PT_PROPOSAL_MEAN * PT_DIM;
    double sum = 0.0;
    for (int first = 0; first < pool.adaptation_chains; first += at.rows) {
        const int chain = first + at.row;
        const double weight = chain < pool.adaptation_chains ? pool.weights[2 * chain] : 0.0;
        const double *q = pool.proposals + 2 * (long long) chain * PT_DIM;
        double distance = 0.0, speed = 0.0;
        for (int i = at.column; weight > 0.0 && i < PT_DIM; i += PT_WIDTH) {
            const double offset = q[i] - mean[i];
            distance += offset * offset / w[i];
            speed += offset * q[PT_DIM + i];
        }
        distance = pt_sum_over_columns(distance);
        speed = pt_sum_over_columns(speed);
        if (at.column == 0 && weight > 0.0)
            sum += weight * (distance - pool.weights[2 * chain + 1]) * speed;
    }
    return length * b.add(sum) / acceptances;
}

/* Adam (Kingma and Ba 2015) without first moment, ascending. A gradient that is not finite
 * is ignored. T stays between one step and the maximum number of steps. In the first half of the
 * warm-up, before all chains have reached the typical set and while the step size is limited by the
 * worst of them, T is PT_EARLY_STEPS steps: with fewer the chains move as random walks (regressions
 * with very different scales did not reach the typical set in 500 iterations), and a T adapted then
 * is of no use later. */
PT_DEVICE void pt_adapt_length(const pt_run &run, double gradient, int iteration,
                               pt_pooled_state &pooled)
{
    if (pt_finite(gradient * gradient)) {
        pooled.gradient_square += 0.05 * (gradient * gradient - pooled.gradient_square);
        const double unbiased = 1.0 - pt_pow(0.95, iteration + 1.0);
        const double size = sqrt(pooled.gradient_square / unbiased);
        pooled.log_length += size > 0.0 ? 0.025 * gradient / size : 0.0;
    }
    const double step = pt_log(pooled.state.step_size);
    if (2 * iteration < run.tune)
        pooled.log_length = step + pt_log(pt_minimum(PT_EARLY_STEPS, run.max_depth));
    pooled.log_length = pt_maximum(pooled.log_length, step);
    pooled.log_length = pt_minimum(pooled.log_length, step + pt_log((double) run.max_depth));
    const double share = pt_pow(iteration + 1.0, -0.75);
    pooled.log_length_mean += share * (pooled.log_length - pooled.log_length_mean);
}

/* Adapts to one iteration of all chains, and advances the pooled iteration counter. */
PT_ADAPTATION_KERNEL pt_chees_adapt(pt_run run, pt_pool pool)
{
    const pt_block b;
    pt_pooled_state pooled = *pool.pooled;
    pt_state &state = pooled.state;
    const int iteration = state.done;
    b.sync();
    if (iteration < run.tune) {
        const int flags = run.schedule[iteration];
        double acceptance = 0.0, inverse = 0.0;
        for (int chain = b.lane(); chain < pool.adaptation_chains; chain += b.size()) {
            const double weight = pool.weights[2 * chain];
            acceptance += weight;
            inverse += 1.0 / pt_maximum(weight, PT_LEAST_ACCEPTANCE);
        }
        acceptance = b.add(acceptance);
        inverse = b.add(inverse);
        const double length = pt_length_jitter(iteration) * pt_exp(pooled.log_length);
        pt_pool_moments(b, run, pool, flags, acceptance, state);
        const double gradient = pt_length_gradient(b, pool, acceptance, length);
        b.sync();
        pt_adapt_metric(b, run, pool, flags, state);
        acceptance = pool.adaptation_chains / inverse; /* the harmonic mean */
        state.step_size = pt_next_step_size(state, run.target_accept, acceptance);
        pt_adapt_length(run, gradient, iteration, pooled);
        if (iteration == run.tune - 1) {
            state.step_size = pt_exp(state.step_log_mean);
            pooled.log_length = pooled.log_length_mean;
        }
    }
    state.done = iteration + 1;
    if (b.lane() == 0)
        *pool.pooled = pooled;
}

#endif
