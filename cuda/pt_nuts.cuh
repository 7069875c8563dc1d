/* The no-U-turn sampler for many chains in one launch, each with trees of its own.
 *
 * The algorithm is that of cython_ext/samplers/nuts.pyx: multinomial sampling along the trajectory
 * with biased progress between doublings (Betancourt 2017, arXiv:1701.02434, appendix A), the
 * generalised turning criterion (Betancourt 2013, arXiv:1304.1920), Stan's two further U-turn
 * checks when trees are joined, and joins in the order of the carries of a binary counter. In a
 * subtree the sample is drawn leaf by leaf: leaf n replaces the sample with probability w_n / (w_1
 * + ... + w_n). That selects each leaf in proportion to its weight, as joining subtrees does, but
 * stores one sample instead of one for each height.
 *
 * A chain is a state machine that makes one leapfrog step at a time, followed by what the step
 * completes: joins of subtrees, a doubling, the end of the iteration. So if each thread has its own
 * chain, the lanes of a warp wait for each other's step but never for each other's tree (Dance et
 * al. 2025, arXiv:2503.17405).
 *
 * Chains adapt separately, as on the CPU, or with a pooled metric and step size (pt_pool.cuh). The
 * pooled adaptation has one step after each of the first PT_ADAPTATIONS_PER_DOUBLING iterations;
 * after that the interval is the number of iterations done, divided by that constant.
 *
 * A chain holds 14 vectors and 3 for each height of unfinished subtrees (PT_MAX_DEPTH - 1),
 * divided among its lanes: 41 PT_DIM * 8 bytes at a depth of 10.
 *
 * Defined by the including text: PT_MAX_DEPTH and PT_ADAPTATIONS_PER_DOUBLING.
 */
#ifndef PT_NUTS_CUH
#define PT_NUTS_CUH

#include "pt_pool.cuh"

#define PT_HEIGHTS (PT_MAX_DEPTH > 1 ? PT_MAX_DEPTH - 1 : 1)
#define PT_LARGEST_EXPONENT 500.0

struct pt_nuts_record {
    double lp;
    double acceptance_rate;
    double energy;
    double energy_error;
    double max_energy_error;
    double step_size;
    double step_size_bar;
    int n_steps;
    int tree_depth;
    int index_in_trajectory;
    signed char diverging;
    signed char reached_max_treedepth;
};

enum pt_outcome { PT_U_TURN, PT_DIVERGED, PT_FULL_DEPTH };
enum pt_phase { PT_STEPPING, PT_ITERATION_OVER, PT_CHAIN_DONE };

/* The trajectory being built: what every step needs, in registers if these suffice. */
struct pt_walk {
    pt_point head;       /* the end that is extended */
    pt_vector sum;       /* of the momenta of the current subtree */
    double step_size, start_energy, reference, trajectory_weight, branch_weight;
    double acceptance_sum, max_energy_error;
    int iteration, depth, depth_limit, leaf, steps, head_index, tail_index;
    int current; /* index of the trajectory's sample; the other one is the branch's */
    uint32_t choices;
    pt_outcome outcome;
    int forward;
};

struct pt_sample {
    pt_vector q, g;
    double logp, energy;
    int index; /* in the trajectory */
};

/* The rest of the trajectory, which is indexed at run time and so lies in local memory. */
struct pt_memory {
    pt_point ends[2]; /* of the trajectory before this doubling: first and last in time */
    pt_vector sum;    /* of its momenta */
    pt_sample samples[2];
    /* Finished subtrees whose right half is not built yet, at most one of each height: first and
     * last momentum, and the sum. Only the first is stored of a leaf, whose three are equal. */
    pt_vector first[PT_HEIGHTS], last[PT_HEIGHTS], total[PT_HEIGHTS];
};

struct pt_halves {
    const double *left_first, *left_last, *left_sum, *right_first, *right_last;
};

/* Adds the left half's sum of momenta to `sum`, the right half's. False at a U-turn: of the joined
 * tree, or of either half extended by the nearest momentum of the other. The checks coincide for
 * two leaves. */
PT_DEVICE bool pt_join(const pt_chain &g, const double *w, const pt_halves &t, bool leaves,
                       double *sum)
{
    double whole_first = 0.0, whole_last = 0.0;
    double left_first = 0.0, left_next = 0.0, right_before = 0.0, right_last = 0.0;
    PT_EACH(k, i)
    {
        const double both = t.left_sum[k] + sum[k];
        const double first = w[k] * t.left_first[k];
        const double last = w[k] * t.right_last[k];
        whole_first += first * both;
        whole_last += last * both;
        if (!leaves) {
            const double ahead = t.left_sum[k] + t.right_first[k];
            const double back = sum[k] + t.left_last[k];
            left_first += first * ahead;
            left_next += w[k] * t.right_first[k] * ahead;
            right_before += w[k] * t.left_last[k] * back;
            right_last += last * back;
        }
        sum[k] = both;
    }
    whole_first = g.add(whole_first);
    whole_last = g.add(whole_last);
    if (leaves)
        return whole_first > 0.0 && whole_last > 0.0;
    left_first = g.add(left_first);
    left_next = g.add(left_next);
    right_before = g.add(right_before);
    right_last = g.add(right_last);
    return whole_first > 0.0 && whole_last > 0.0 && left_first > 0.0 && left_next > 0.0
        && right_before > 0.0 && right_last > 0.0;
}

PT_DEVICE void pt_copy_point(const pt_chain &g, const pt_point &from, pt_point &to)
{
    pt_copy(g, from.q, to.q);
    pt_copy(g, from.p, to.p);
    pt_copy(g, from.g, to.g);
}

/* Begins a branch of 2^depth leaves at either end of the trajectory. */
PT_DEVICE void pt_begin_branch(const pt_chain &g, uint64_t choices, pt_memory &memory,
                               pt_walk &walk)
{
    const int forward = pt_choice(choices, walk.iteration, walk.choices++) < 0.5;
    pt_copy_point(g, walk.head, memory.ends[walk.forward]);
    if (forward != walk.forward) {
        const int index = walk.head_index;
        walk.head_index = walk.tail_index;
        walk.tail_index = index;
        pt_copy_point(g, memory.ends[forward], walk.head);
    }
    walk.forward = forward;
    walk.branch_weight = 0.0;
    walk.leaf = 0;
}

/* Begins an iteration at the sample of the previous one. */
PT_DEVICE void pt_begin_iteration(const pt_chain &g, const pt_run &run, uint64_t momenta,
                                  uint64_t choices, const double *w, pt_memory &memory,
                                  pt_walk &walk)
{
    pt_sample &start = memory.samples[walk.current];
    pt_copy(g, start.q, walk.head.q);
    pt_copy(g, start.g, walk.head.g);
    pt_momenta(g, momenta, walk.iteration, w, walk.head.p);
    pt_copy(g, walk.head.p, memory.sum);
    pt_copy_point(g, walk.head, memory.ends[0]);
    start.energy = pt_kinetic(g, w, walk.head.p) - start.logp;
    start.index = walk.head_index = walk.tail_index = 0;
    walk.start_energy = walk.reference = start.energy;
    walk.trajectory_weight = 1.0;
    walk.acceptance_sum = walk.max_energy_error = 0.0;
    walk.depth_limit = walk.iteration < run.early ? run.early_depth : run.max_depth;
    walk.depth = walk.steps = 0;
    walk.choices = 0;
    walk.outcome = PT_FULL_DEPTH;
    walk.forward = 1;
    pt_begin_branch(g, choices, memory, walk);
}

/* The leaf's weight, exp(reference - energy), which also updates the statistics. If the weight
 * would overflow, the reference becomes the leaf's energy and all weights are rescaled. */
PT_DEVICE double pt_leaf_weight(pt_walk &walk, double energy)
{
    const double error = energy - walk.start_energy;
    walk.steps += 1;
    if (fabs(error) > fabs(walk.max_energy_error))
        walk.max_energy_error = error;
    if (walk.reference - energy > PT_LARGEST_EXPONENT) {
        const double factor = pt_exp(energy - walk.reference);
        walk.reference = energy;
        walk.trajectory_weight *= factor;
        walk.branch_weight *= factor;
    }
    walk.acceptance_sum += error <= 0.0 ? 1.0 : pt_exp(-error);
    return pt_exp(walk.reference - energy);
}

/* Joins a complete branch to the trajectory; then begins the next branch or ends the iteration. */
PT_DEVICE pt_phase pt_end_branch(const pt_chain &g, const double *w, uint64_t choices,
                                 pt_memory &memory, pt_walk &walk)
{
    const double u = pt_choice(choices, walk.iteration, walk.choices++);
    if (u * walk.trajectory_weight < walk.branch_weight)
        walk.current = 1 - walk.current;
    walk.trajectory_weight += walk.branch_weight;
    const double *seam = memory.ends[walk.forward].p;
    const double *next = memory.first[walk.depth > 0 ? walk.depth - 1 : 0];
    const pt_halves halves = {memory.ends[1 - walk.forward].p, seam, memory.sum, next,
                              walk.head.p};
    const bool moving = pt_join(g, w, halves, walk.depth == 0, walk.sum);
    walk.depth += 1;
    if (!moving)
        walk.outcome = PT_U_TURN;
    if (!moving || walk.depth == walk.depth_limit)
        return PT_ITERATION_OVER;
    pt_copy(g, walk.sum, memory.sum);
    pt_begin_branch(g, choices, memory, walk);
    return PT_STEPPING;
}

/* Joins the leaf at the head with the subtrees that it completes. Returns the height of the result,
 * or -1 at a U-turn. No pointer may refer to either a vector of `walk` or one of `memory`: the
 * compiler would then keep all of `walk` in memory. */
PT_DEVICE int pt_join_subtrees(const pt_chain &g, const double *w, const pt_memory &memory,
                               pt_walk &walk)
{
    pt_copy(g, walk.head.p, walk.sum);
    if (!(walk.leaf & 1))
        return 0;
    const double *leaf = memory.first[0];
    if (!pt_join(g, w, {leaf, leaf, leaf, leaf, walk.head.p}, true, walk.sum))
        return -1;
    int height = 1;
    for (; walk.leaf >> height & 1; ++height) {
        const pt_halves halves = {memory.first[height], memory.last[height],
                                  memory.total[height], memory.first[height - 1], walk.head.p};
        if (!pt_join(g, w, halves, false, walk.sum))
            return -1;
    }
    return height;
}

/* Stores the current subtree until its right half is built. */
PT_DEVICE void pt_push_subtree(const pt_chain &g, int height, const pt_walk &walk,
                               pt_memory &memory)
{
    if (height == 0) {
        pt_copy(g, walk.head.p, memory.first[0]);
        return;
    }
    pt_copy(g, memory.first[height - 1], memory.first[height]);
    pt_copy(g, walk.head.p, memory.last[height]);
    pt_copy(g, walk.sum, memory.total[height]);
}

/* One step of the trajectory. */
PT_DEVICE pt_phase pt_step(const pt_chain &g, const pt_target &target, const pt_run &run,
                           const double *w, uint64_t choices, pt_memory &memory, pt_walk &walk)
{
    double logp;
    const double step = walk.forward ? walk.step_size : -walk.step_size;
    const double energy = pt_leapfrog(g, target, w, step, walk.head, logp);
    walk.head_index += walk.forward ? 1 : -1;
    const double weight = pt_leaf_weight(walk, energy);
    if (!(energy - walk.start_energy <= run.max_error)) {
        walk.depth += 1;
        walk.outcome = PT_DIVERGED;
        return PT_ITERATION_OVER;
    }
    walk.branch_weight += weight;
    const double u = pt_choice(choices, walk.iteration, walk.choices++);
    if (walk.leaf == 0 || u * walk.branch_weight < weight) {
        pt_sample &branch = memory.samples[1 - walk.current];
        pt_copy(g, walk.head.q, branch.q);
        pt_copy(g, walk.head.g, branch.g);
        branch.logp = logp;
        branch.energy = energy;
        branch.index = walk.head_index;
    }
    const int height = pt_join_subtrees(g, w, memory, walk);
    if (height < 0) {
        walk.depth += 1;
        walk.outcome = PT_U_TURN;
        return PT_ITERATION_OVER;
    }
    walk.leaf += 1;
    if (walk.leaf == 1 << walk.depth)
        return pt_end_branch(g, w, choices, memory, walk);
    pt_push_subtree(g, height, walk, memory);
    return PT_STEPPING;
}

/* The state before a divergence: written before each step (`keep`), and overwritten with nan at the
 * end of an iteration without divergence. */
PT_DEVICE void pt_write_divergence_start(const pt_chain &g, const pt_run &run, long long chain,
                                         bool keep, const pt_walk &walk)
{
    const long long row = pt_row(run, chain, walk.iteration);
    if (run.divergence_starts == nullptr || row < 0)
        return;
    double *row_start = run.divergence_starts + row * PT_DIM;
    PT_EACH(k, i) row_start[i] = keep ? walk.head.q[k] : PT_NAN;
}

PT_DEVICE void pt_write_iteration(const pt_chain &g, const pt_run &run, long long chain,
                                  double step_size, double bar, double inverse_temperature,
                                  const pt_walk &walk, const pt_sample &sample)
{
    const long long row = pt_row(run, chain, walk.iteration);
    if (row < 0)
        return;
    pt_write(g, sample.q, run.draws + row * PT_DIM);
    if (g.lane() != 0)
        return;
    pt_nuts_record record;
    record.lp = sample.logp / inverse_temperature;
    record.acceptance_rate = walk.acceptance_sum / walk.steps;
    record.energy = sample.energy;
    record.energy_error = sample.energy - walk.start_energy;
    record.max_energy_error = walk.max_energy_error;
    record.step_size = step_size;
    record.step_size_bar = bar;
    record.n_steps = walk.steps;
    record.tree_depth = walk.depth;
    record.index_in_trajectory = sample.index;
    record.diverging = walk.outcome == PT_DIVERGED;
    record.reached_max_treedepth = walk.outcome == PT_FULL_DEPTH;
    ((pt_nuts_record *) run.records)[row] = record;
}

/* The iteration after which the next pooled adaptation step comes, given that of the last one.
 * Between two steps no chain waits for another's trees. */
PT_DEVICE int pt_next_adaptation(const pt_run &run, int adapted)
{
    const int interval = adapted / PT_ADAPTATIONS_PER_DOUBLING;
    const int stride = interval < 1 ? 1 : interval;
    return adapted + stride < run.tune ? adapted + stride : run.tune;
}

/* The iteration up to which this launch advances every chain. */
PT_DEVICE int pt_stop_iteration(const pt_run &run, const pt_pool &pool)
{
    const bool given = pool.pooled == nullptr || pool.first >= 0;
    return given ? run.stop : pt_next_adaptation(run, pool.pooled->state.done);
}

/* Adds an acceptance rate to the sum that the next adaptation step uses. */
PT_DEVICE void pt_add_acceptance(const pt_chain &g, const pt_pool &pool, long long chain,
                                 int iteration, double acceptance)
{
    if (chain >= pool.adaptation_chains || g.lane() != 0)
        return;
    double &weight = pool.weights[2 * chain];
    weight = iteration > pool.pooled->state.done ? weight + acceptance : acceptance;
}

/* Ends an iteration: adapts, writes the draw and its record, and updates the chain's state. The
 * state is read and written only here, so that it takes no registers during leapfrog steps; the
 * gradients are counted last, to take none during adaptation. Returns whether another iteration
 * follows. */
PT_DEVICE bool pt_end_iteration(const pt_chain &g, pt_target &target, const pt_run &run,
                         const pt_pool &pool, long long chain, pt_sample &sample,
                         pt_walk &walk, double *w)
{
    pt_state state = run.states[chain];
    const double used = walk.step_size;
    state.logp = sample.logp;
    state.status = *target.code == 0 ? PT_OK : PT_DENSITY_FAILED;
    if (state.status == PT_OK) {
        if (walk.outcome != PT_DIVERGED)
            pt_write_divergence_start(g, run, chain, false, walk);
        const double acceptance = walk.acceptance_sum / walk.steps;
        const bool tempered = state.inverse_temperature < 1.0;
        if (tempered)
            pt_anneal(g, run, walk.iteration, acceptance, sample.g, state);
        if (pool.pooled != nullptr)
            pt_add_acceptance(g, pool, chain, walk.iteration, acceptance);
        else if (walk.iteration < run.tune)
            pt_adapt(g, run, pt_chain_vectors(run, chain, 0), walk.iteration, acceptance, sample.q,
                     sample.g, tempered, state, w);
        if (walk.iteration >= run.tune && walk.outcome == PT_DIVERGED)
            state.divergences += 1;
        if (pool.pooled != nullptr) {
            state.step_size = pool.pooled->state.step_size;
            state.step_count = pool.pooled->state.step_count;
            state.step_log_mean = pool.pooled->state.step_log_mean;
        }
        const double bar = state.step_count > 0.0 ? pt_exp(state.step_log_mean) : used;
        sample.logp = state.logp;
        target.inverse_temperature = state.inverse_temperature;
        pt_write_iteration(g, run, chain, used, bar, state.inverse_temperature, walk, sample);
        walk.step_size = state.step_size;
        walk.iteration += 1;
    }
    state.done = walk.iteration;
    g.sync(); /* all lanes read the state before one lane writes it, and see the result */
    if (g.lane() == 0) {
        state.gradients = run.states[chain].gradients + walk.steps;
        run.states[chain] = state;
    }
    g.sync();
    return state.status == PT_OK && walk.iteration < pt_stop_iteration(run, pool);
}

/* Advances every chain to iteration `pt_stop_iteration`. */
PT_KERNEL pt_nuts(const __grid_constant__ pt_data data, const __grid_constant__ pt_run run,
                  const __grid_constant__ pt_pool pool)
{
    const pt_chain g;
    const bool active = g.index() < run.chains && run.states[g.index()].status == PT_OK
        && run.states[g.index()].done < pt_stop_iteration(run, pool);
    const long long chain = active ? g.index() : 0;
    const double inverse_temperature = active ? run.states[chain].inverse_temperature : 1.0;
    pt_target target = pt_target_of(data, run, chain, inverse_temperature);
    const uint64_t momenta = pt_chain_key(run.seed, chain, PT_FOR_MOMENTA);
    const uint64_t choices = pt_chain_key(run.seed, chain, PT_FOR_CHOICES);
    double *vectors = pt_chain_vectors(run, chain, 0);
    pt_vector w;
    pt_walk walk;
    pt_memory memory;
    pt_phase phase = PT_CHAIN_DONE;
    if (active) {
        pt_read(g, vectors + PT_POSITION * PT_DIM, memory.samples[0].q);
        pt_read(g, vectors + PT_GRADIENT * PT_DIM, memory.samples[0].g);
        pt_read(g, pool.pooled ? pool.vectors + PT_POOLED_INVERSE_MASS * PT_DIM
                              : vectors + PT_INVERSE_MASS * PT_DIM, w);
        memory.samples[0].logp = run.states[chain].logp;
        walk.current = 0;
        walk.iteration = run.states[chain].done;
        walk.step_size = pool.pooled ? pool.pooled->state.step_size : run.states[chain].step_size;
        g.sync();
        pt_begin_iteration(g, run, momenta, choices, w, memory, walk);
        phase = PT_STEPPING;
    }
    while (pt_any(g, phase != PT_CHAIN_DONE)) {
        const bool over = phase == PT_ITERATION_OVER;
        if (pt_enough_waiting(g, over, phase == PT_STEPPING) && over) {
            pt_sample &sample = memory.samples[walk.current];
            const bool more = pt_end_iteration(g, target, run, pool, chain, sample, walk, w);
            phase = more ? PT_STEPPING : PT_CHAIN_DONE;
            if (more)
                pt_begin_iteration(g, run, momenta, choices, w, memory, walk);
        }
        if (phase == PT_STEPPING) {
            pt_write_divergence_start(g, run, chain, true, walk);
            phase = pt_step(g, target, run, w, choices, memory, walk);
        }
    }
    if (!active)
        return;
    pt_write(g, memory.samples[walk.current].q, vectors + PT_POSITION * PT_DIM);
    pt_write(g, memory.samples[walk.current].g, vectors + PT_GRADIENT * PT_DIM);
    pt_write(g, w, vectors + PT_INVERSE_MASS * PT_DIM);
}

/* A pooled adaptation step from all chains' iterations since the last one. The step size follows
 * their mean acceptance rate. */
PT_ADAPTATION_KERNEL pt_nuts_adapt(pt_run run, pt_pool pool)
{
    const pt_block b;
    pt_pooled_state pooled = *pool.pooled;
    pt_state &state = pooled.state;
    const int first = state.done, stop = pt_next_adaptation(run, first);
    int flags = 0;
    for (int iteration = first; iteration < stop; ++iteration)
        flags |= run.schedule[iteration];
    b.sync();
    double acceptance = 0.0;
    for (int chain = b.lane(); chain < pool.adaptation_chains; chain += b.size())
        acceptance += pool.weights[2 * chain];
    acceptance = b.add(acceptance) / ((double) pool.adaptation_chains * (stop - first));
    pt_pool_moments(b, run, pool, flags, 0.0, state);
    pt_adapt_metric(b, run, pool, flags, state);
    state.step_size = pt_next_step_size(state, run.target_accept, acceptance);
    if (stop == run.tune)
        state.step_size = pt_exp(state.step_log_mean);
    state.done = stop;
    if (b.lane() == 0)
        *pool.pooled = pooled;
}

#endif
