/* ChEES-HMC: Hamiltonian Monte Carlo for many chains that all take the same number of steps, so
 * that no chain waits for another, with one step size, one metric and one trajectory length that
 * all chains teach together (Hoffman, Radul and Sountsov 2021, "An Adaptive MCMC Scheme for
 * Setting Trajectory Lengths in Hamiltonian Monte Carlo", AISTATS, PMLR 130).
 *
 * An iteration of the warm-up is a launch of `pt_chees_move`, which runs every chain's trajectory,
 * and one of `pt_chees_learn`. After the warm-up nothing is learned, and one launch of
 * `pt_chees_move` does many iterations.
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
PT_DEVICE void pt_show(const pt_chain &g, const pt_together &all, long long chain,
                       const pt_point &z, double acceptance, double distance)
{
    if (chain >= all.watched)
        return;
    double *proposal = all.proposals + chain * 2 * PT_DIM;
    pt_write(g, z.q, proposal);
    pt_write(g, z.p, proposal + PT_DIM);
    if (g.lane() == 0) {
        all.weights[2 * chain] = acceptance;
        all.weights[2 * chain + 1] = distance;
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
PT_DEVICE void pt_iterate(const pt_chain &g, pt_target &target, const pt_run &run,
                          const pt_together &all, long long chain, int iteration, const double *w,
                          pt_vector &q, pt_vector &grad, pt_state &state)
{
    const uint64_t momenta = pt_chain_key(run.seed, chain, PT_FOR_MOMENTA);
    const uint64_t choices = pt_chain_key(run.seed, chain, PT_FOR_CHOICES);
    const double step_size = all.common->state.step_size;
    const bool learning = iteration < run.tune;
    double distance = 0.0;
    if (learning)
        distance = pt_distance(g, w, q, all.vectors + PT_MEAN * PT_DIM);
    pt_point z;
    pt_trial trial;
    pt_copy(g, q, z.q);
    pt_copy(g, grad, z.g);
    pt_momenta(g, momenta, iteration, w, z.p);
    trial.start_energy = pt_kinetic(g, w, z.p) - state.logp;
    pt_follow(g, target, run, w, step_size, pt_steps(run, *all.common, iteration), z, trial);
    if (learning)
        pt_show(g, all, chain, z, trial.acceptance, distance);
    const bool accepted = pt_choice(choices, iteration, 0) < trial.acceptance;
    if (accepted) {
        pt_copy(g, z.q, q);
        pt_copy(g, z.g, grad);
        state.logp = trial.logp;
    }
    const double logp = state.logp / state.coldness;
    pt_chees_keep(g, run, chain, iteration, q, step_size, accepted, logp, trial);
    if (state.coldness < 1.0)
        pt_cool(g, run, iteration, trial.acceptance, grad, state);
    target.coldness = state.coldness;
    state.gradients += trial.steps;
    state.divergences += !learning && trial.diverged;
    state.done = iteration + 1;
}

/* `all.count` iterations of every chain. */
PT_KERNEL pt_chees_move(const __grid_constant__ pt_data data, const __grid_constant__ pt_run run,
                        const __grid_constant__ pt_together all)
{
    const pt_chain g;
    const long long chain = g.index();
    if (chain >= run.chains)
        return;
    double *kept = pt_kept(run, chain, 0);
    pt_state state = run.states[chain];
    pt_target target = pt_target_of(data, run, chain, state.coldness);
    if (state.status != PT_WELL)
        return;
    const int first = all.first < 0 ? all.common->state.done : all.first;
    pt_vector q, grad, w;
    pt_read(g, kept + PT_POSITION * PT_DIM, q);
    pt_read(g, kept + PT_GRADIENT * PT_DIM, grad);
    pt_read(g, all.vectors + PT_COMMON_INVERSE_MASS * PT_DIM, w);
    for (int n = 0; n < all.count && *target.code == 0; ++n)
        pt_iterate(g, target, run, all, chain, first + n, w, q, grad, state);
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

/* The gradient of ChEES with respect to the logarithm of T. */
PT_DEVICE double pt_length_gradient(const pt_block &b, const pt_together &all, double acceptances,
                                    double length)
{
    const pt_place at = pt_place_of(b);
    const double *w = all.vectors + PT_COMMON_INVERSE_MASS * PT_DIM;
    const double *mean = all.vectors + PT_PROPOSAL_MEAN * PT_DIM;
    double sum = 0.0;
    for (int first = 0; first < all.watched; first += at.rows) {
        const int chain = first + at.row;
        const double weight = chain < all.watched ? all.weights[2 * chain] : 0.0;
        const double *q = all.proposals + 2 * (long long) chain * PT_DIM;
        double distance = 0.0, speed = 0.0;
        for (int i = at.column; weight > 0.0 && i < PT_DIM; i += PT_WIDTH) {
            const double offset = q[i] - mean[i];
            distance += offset * offset / w[i];
            speed += offset * q[PT_DIM + i];
        }
        distance = pt_over_columns(distance);
        speed = pt_over_columns(speed);
        if (at.column == 0 && weight > 0.0)
            sum += weight * (distance - all.weights[2 * chain + 1]) * speed;
    }
    return length * b.add(sum) / acceptances;
}

/* Adam (Kingma and Ba 2015) without first moment, uphill. A gradient that is no number teaches
 * nothing. T stays between one step and as many as are allowed. In the first half of the warm-up,
 * while chains are still on their way and the step size is that of the worst of them, T is
 * PT_EARLY_STEPS steps: with fewer the way is walked at random (regressions with scales apart did
 * not arrive in 500 iterations), and what T learns then is of no use later. */
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
    if (2 * iteration < run.tune)
        common.log_length = step + pt_log(pt_minimum(PT_EARLY_STEPS, run.max_depth));
    common.log_length = pt_maximum(common.log_length, step);
    common.log_length = pt_minimum(common.log_length, step + pt_log((double) run.max_depth));
    const double share = pt_pow(iteration + 1.0, -0.75);
    common.log_length_mean += share * (common.log_length - common.log_length_mean);
}

/* What an iteration of all chains teaches; then the next iteration's turn comes. */
PT_LEARNER pt_chees_learn(pt_run run, pt_together all)
{
    const pt_block b;
    pt_common common = *all.common;
    pt_state &state = common.state;
    const int iteration = state.done;
    b.sync();
    if (iteration < run.tune) {
        const int flags = run.schedule[iteration];
        double acceptance = 0.0, inverse = 0.0;
        for (int chain = b.lane(); chain < all.watched; chain += b.size()) {
            const double weight = all.weights[2 * chain];
            acceptance += weight;
            inverse += 1.0 / pt_maximum(weight, PT_LEAST_ACCEPTANCE);
        }
        acceptance = b.add(acceptance);
        inverse = b.add(inverse);
        const double length = pt_share_of_length(iteration) * pt_exp(common.log_length);
        pt_pool(b, run, all, flags, acceptance, state);
        const double gradient = pt_length_gradient(b, all, acceptance, length);
        b.sync();
        pt_learn_metric(b, run, all, flags, state);
        state.step_size = pt_next_step_size(state, run.target_accept, all.watched / inverse);
        pt_learn_length(run, gradient, iteration, common);
        if (iteration == run.tune - 1) {
            state.step_size = pt_exp(state.step_log_mean);
            common.log_length = common.log_length_mean;
        }
    }
    state.done = iteration + 1;
    if (b.lane() == 0)
        *all.common = common;
}

#endif
