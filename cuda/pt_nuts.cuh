/* The no-U-turn sampler for many chains in one launch, each with trees of its own.
 *
 * The algorithm is that of cython_ext/samplers/nuts.pyx: multinomial sampling along the trajectory
 * with biased progress between doublings (Betancourt 2017, arXiv:1701.02434, appendix A), the
 * generalised turning criterion (Betancourt 2013, arXiv:1304.1920), Stan's two further checks
 * across the seam of joined trees, and trees joined as a binary counter carries. In a subtree the
 * sample is drawn as the leaves come: leaf n takes the place of the sample with probability w_n /
 * (w_1 + ... + w_n), which gives each leaf its weight, as joining does, but needs one sample where
 * joining needs one for each height.
 *
 * A chain is a machine whose every turn is one leapfrog step, with what follows from it: joins, a
 * doubling, the end of the iteration. So where each thread has its own chain, lanes of a warp
 * wait for each other's step but never for each other's tree (Dance et al. 2025,
 * arXiv:2503.17405).
 *
 * Chains adapt each for itself, as on the CPU, or all together (pt_pool.cuh): then they learn after
 * each of the first 32 iterations, later after a thirty-second more than they have done.
 *
 * A chain holds 14 vectors and 3 for each height of waiting trees (PT_MAX_DEPTH - 1), as shared
 * out among its lanes: 41 PT_DIM * 8 bytes at a depth of 10.
 */
#ifndef PT_NUTS_CUH
#define PT_NUTS_CUH

#include "pt_pool.cuh"

#ifndef PT_MAX_DEPTH
#define PT_MAX_DEPTH 10
#endif
#define PT_HEIGHTS (PT_MAX_DEPTH > 1 ? PT_MAX_DEPTH - 1 : 1)
#define PT_LARGEST_EXPONENT 500.0
#define PT_LESSONS 32 /* while the iterations double, once there are as many */

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

enum pt_outcome { PT_TURNED, PT_DIVERGED, PT_FULL_DEPTH };
enum pt_phase { PT_STEPPING, PT_OVER, PT_ENDED };

/* A trajectory in the making: what each step needs, in registers if these are enough. */
struct pt_walk {
    pt_point head;       /* the end that moves */
    pt_vector sum;       /* of the momenta of the tree in hand */
    double step_size, start_energy, reference, whole_weight, branch_weight;
    double acceptance_sum, max_energy_error;
    int iteration, depth, depth_limit, leaf, steps, head_index, tail_index;
    int whole; /* which of the two samples is the whole trajectory's; the other is the branch's */
    uint32_t choices;
    pt_outcome outcome;
    int forward;
};

struct pt_sample {
    pt_vector q, g;
    double logp, energy;
    int index; /* in the trajectory */
};

/* What a trajectory remembers. Its places are found by number, so it lies in local memory. */
struct pt_memory {
    pt_point ends[2]; /* of the trajectory before this doubling: first in time, last */
    pt_vector sum;    /* of its momenta */
    pt_sample samples[2];
    /* Finished trees that wait for their right half, at most one of each height: first and last
     * momentum, sum of all. Of a leaf, where these are one, only the first is kept. */
    pt_vector first[PT_HEIGHTS], last[PT_HEIGHTS], total[PT_HEIGHTS];
};

struct pt_halves {
    const double *left_first, *left_last, *left_sum, *right_first, *right_last;
};

/* Adds the left half's sum to `sum`, the right one's. False where the whole turns back, or either
 * half with the nearest momentum of the other; between two leaves these are the same checks. */
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

PT_DEVICE void pt_move(const pt_chain &g, const pt_point &from, pt_point &to)
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
    pt_move(g, walk.head, memory.ends[walk.forward]);
    if (forward != walk.forward) {
        const int index = walk.head_index;
        walk.head_index = walk.tail_index;
        walk.tail_index = index;
        pt_move(g, memory.ends[forward], walk.head);
    }
    walk.forward = forward;
    walk.branch_weight = 0.0;
    walk.leaf = 0;
}

/* Begins an iteration at the sample of the one before it. */
PT_DEVICE void pt_begin(const pt_chain &g, const pt_run &run, uint64_t momenta, uint64_t choices,
                        const double *w, pt_memory &memory, pt_walk &walk)
{
    pt_sample &start = memory.samples[walk.whole];
    pt_copy(g, start.q, walk.head.q);
    pt_copy(g, start.g, walk.head.g);
    pt_momenta(g, momenta, walk.iteration, w, walk.head.p);
    pt_copy(g, walk.head.p, memory.sum);
    pt_move(g, walk.head, memory.ends[0]);
    start.energy = pt_kinetic(g, w, walk.head.p) - start.logp;
    start.index = walk.head_index = walk.tail_index = 0;
    walk.start_energy = walk.reference = start.energy;
    walk.whole_weight = 1.0;
    walk.acceptance_sum = walk.max_energy_error = 0.0;
    walk.depth_limit = walk.iteration < run.early ? run.early_depth : run.max_depth;
    walk.depth = walk.steps = 0;
    walk.choices = 0;
    walk.outcome = PT_FULL_DEPTH;
    walk.forward = 1;
    pt_begin_branch(g, choices, memory, walk);
}

/* The leaf's weight, exp(reference - energy), and its part in the statistics. Where a state lies
 * so far below the reference that its weight would overflow, the reference moves there. */
PT_DEVICE double pt_weigh(pt_walk &walk, double energy)
{
    const double error = energy - walk.start_energy;
    walk.steps += 1;
    if (fabs(error) > fabs(walk.max_energy_error))
        walk.max_energy_error = error;
    if (walk.reference - energy > PT_LARGEST_EXPONENT) {
        const double factor = pt_exp(energy - walk.reference);
        walk.reference = energy;
        walk.whole_weight *= factor;
        walk.branch_weight *= factor;
    }
    walk.acceptance_sum += error <= 0.0 ? 1.0 : pt_exp(-error);
    return pt_exp(walk.reference - energy);
}

/* The branch is whole: join it to the trajectory, and begin the next or end the iteration. */
PT_DEVICE pt_phase pt_end_branch(const pt_chain &g, const double *w, uint64_t choices,
                                 pt_memory &memory, pt_walk &walk)
{
    const double u = pt_choice(choices, walk.iteration, walk.choices++);
    if (u * walk.whole_weight < walk.branch_weight)
        walk.whole = 1 - walk.whole;
    walk.whole_weight += walk.branch_weight;
    const double *seam = memory.ends[walk.forward].p;
    const double *next = memory.first[walk.depth > 0 ? walk.depth - 1 : 0];
    const pt_halves halves = {memory.ends[1 - walk.forward].p, seam, memory.sum, next,
                              walk.head.p};
    const bool moving = pt_join(g, w, halves, walk.depth == 0, walk.sum);
    walk.depth += 1;
    if (!moving)
        walk.outcome = PT_TURNED;
    if (!moving || walk.depth == walk.depth_limit)
        return PT_OVER;
    pt_copy(g, walk.sum, memory.sum);
    pt_begin_branch(g, choices, memory, walk);
    return PT_STEPPING;
}

/* Joins the leaf at the head with the trees that wait for it. Returns the height of the result, or
 * -1 where it turns. No pointer may stand for either a vector of `walk` or one of `memory`: the
 * compiler would have to keep all of `walk` in memory, too. */
PT_DEVICE int pt_carry(const pt_chain &g, const double *w, const pt_memory &memory, pt_walk &walk)
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

/* Leaves the tree in hand waiting for its right half. */
PT_DEVICE void pt_wait(const pt_chain &g, int height, const pt_walk &walk, pt_memory &memory)
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
PT_DEVICE pt_phase pt_turn(const pt_chain &g, const pt_target &target, const pt_run &run,
                           const double *w, uint64_t choices, pt_memory &memory, pt_walk &walk)
{
    double logp;
    const double step = walk.forward ? walk.step_size : -walk.step_size;
    const double energy = pt_leapfrog(g, target, w, step, walk.head, logp);
    walk.head_index += walk.forward ? 1 : -1;
    const double weight = pt_weigh(walk, energy);
    if (!(energy - walk.start_energy <= run.max_error)) {
        walk.depth += 1;
        walk.outcome = PT_DIVERGED;
        return PT_OVER;
    }
    walk.branch_weight += weight;
    const double u = pt_choice(choices, walk.iteration, walk.choices++);
    if (walk.leaf == 0 || u * walk.branch_weight < weight) {
        pt_sample &branch = memory.samples[1 - walk.whole];
        pt_copy(g, walk.head.q, branch.q);
        pt_copy(g, walk.head.g, branch.g);
        branch.logp = logp;
        branch.energy = energy;
        branch.index = walk.head_index;
    }
    const int height = pt_carry(g, w, memory, walk);
    if (height < 0) {
        walk.depth += 1;
        walk.outcome = PT_TURNED;
        return PT_OVER;
    }
    walk.leaf += 1;
    if (walk.leaf == 1 << walk.depth)
        return pt_end_branch(g, w, choices, memory, walk);
    pt_wait(g, height, walk, memory);
    return PT_STEPPING;
}

/* Where a trajectory diverges, the state before: written ahead of each step, and withdrawn at the
 * end of an iteration that did not diverge. */
PT_DEVICE void pt_note_start(const pt_chain &g, const pt_run &run, long long chain, bool keep,
                             const pt_walk &walk)
{
    const long long row = pt_row(run, chain, walk.iteration);
    if (run.divergence_starts == nullptr || row < 0)
        return;
    double *place = run.divergence_starts + row * PT_DIM;
    PT_EACH(k, i) place[i] = keep ? walk.head.q[k] : PT_NAN;
}

PT_DEVICE void pt_keep(const pt_chain &g, const pt_run &run, long long chain, double step_size,
                       double bar, double coldness, const pt_walk &walk, const pt_sample &sample)
{
    const long long row = pt_row(run, chain, walk.iteration);
    if (row < 0)
        return;
    pt_write(g, sample.q, run.draws + row * PT_DIM);
    if (g.lane() != 0)
        return;
    pt_nuts_record record;
    record.lp = sample.logp / coldness;
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

/* Where chains that learn together have learned so far, the iteration after which they learn next.
 * Between two such points no chain waits for another's trees. */
PT_DEVICE int pt_next_lesson(const pt_run &run, int learned)
{
    const int stride = learned < PT_LESSONS ? 1 : learned / PT_LESSONS;
    return learned + stride < run.tune ? learned + stride : run.tune;
}

/* The iterations that every chain shall have done. */
PT_DEVICE int pt_stop(const pt_run &run, const pt_together &all)
{
    const bool here = all.common == nullptr || all.first >= 0;
    return here ? run.stop : pt_next_lesson(run, all.common->state.done);
}

/* Adds to what the next lesson is about. */
PT_DEVICE void pt_tell(const pt_chain &g, const pt_together &all, long long chain, int iteration,
                       double acceptance)
{
    if (chain >= all.watched || g.lane() != 0)
        return;
    double &weight = all.weights[2 * chain];
    weight = iteration > all.common->state.done ? weight + acceptance : acceptance;
}

/* Ends an iteration: what it teaches, what is kept of it, how far the chain is. The state is read
 * and written here alone, so that it takes no registers while the chain steps; the gradients are
 * counted last, to take none while the chain adapts. Returns whether there is another iteration to
 * begin. */
PT_DEVICE bool pt_finish(const pt_chain &g, pt_target &target, const pt_run &run,
                         const pt_together &all, long long chain, pt_sample &sample,
                         pt_walk &walk, double *w)
{
    pt_state state = run.states[chain];
    const double used = walk.step_size;
    state.logp = sample.logp;
    state.status = *target.code == 0 ? PT_WELL : PT_DENSITY_FAILED;
    if (state.status == PT_WELL) {
        if (walk.outcome != PT_DIVERGED)
            pt_note_start(g, run, chain, false, walk);
        const double acceptance = walk.acceptance_sum / walk.steps;
        const bool hot = state.coldness < 1.0;
        if (hot)
            pt_cool(g, run, walk.iteration, acceptance, sample.g, state);
        if (all.common != nullptr)
            pt_tell(g, all, chain, walk.iteration, acceptance);
        else if (walk.iteration < run.tune)
            pt_adapt(g, run, pt_kept(run, chain, 0), walk.iteration, acceptance, sample.q,
                     sample.g, hot, state, w);
        if (walk.iteration >= run.tune && walk.outcome == PT_DIVERGED)
            state.divergences += 1;
        if (all.common != nullptr) {
            state.step_size = all.common->state.step_size;
            state.step_count = all.common->state.step_count;
            state.step_log_mean = all.common->state.step_log_mean;
        }
        const double bar = state.step_count > 0.0 ? pt_exp(state.step_log_mean) : used;
        sample.logp = state.logp;
        target.coldness = state.coldness;
        pt_keep(g, run, chain, used, bar, state.coldness, walk, sample);
        walk.step_size = state.step_size;
        walk.iteration += 1;
    }
    state.done = walk.iteration;
    g.sync(); /* all lanes have read the state before one writes it, and see it after */
    if (g.lane() == 0) {
        state.gradients = run.states[chain].gradients + walk.steps;
        run.states[chain] = state;
    }
    g.sync();
    return state.status == PT_WELL && walk.iteration < pt_stop(run, all);
}

/* All chains up to iteration `pt_stop`, from wherever they are. */
PT_KERNEL pt_nuts(const __grid_constant__ pt_data data, const __grid_constant__ pt_run run,
                  const __grid_constant__ pt_together all)
{
    const pt_chain g;
    const bool mine = g.index() < run.chains && run.states[g.index()].status == PT_WELL
        && run.states[g.index()].done < pt_stop(run, all);
    const long long chain = mine ? g.index() : 0;
    pt_target target = pt_target_of(data, run, chain, mine ? run.states[chain].coldness : 1.0);
    const uint64_t momenta = pt_chain_key(run.seed, chain, PT_FOR_MOMENTA);
    const uint64_t choices = pt_chain_key(run.seed, chain, PT_FOR_CHOICES);
    double *kept = pt_kept(run, chain, 0);
    pt_vector w;
    pt_walk walk;
    pt_memory memory;
    pt_phase phase = PT_ENDED;
    if (mine) {
        pt_read(g, kept + PT_POSITION * PT_DIM, memory.samples[0].q);
        pt_read(g, kept + PT_GRADIENT * PT_DIM, memory.samples[0].g);
        pt_read(g, all.common ? all.vectors + PT_COMMON_INVERSE_MASS * PT_DIM
                              : kept + PT_INVERSE_MASS * PT_DIM, w);
        memory.samples[0].logp = run.states[chain].logp;
        walk.whole = 0;
        walk.iteration = run.states[chain].done;
        walk.step_size = all.common ? all.common->state.step_size : run.states[chain].step_size;
        g.sync();
        pt_begin(g, run, momenta, choices, w, memory, walk);
        phase = PT_STEPPING;
    }
    while (pt_any(g, phase != PT_ENDED)) {
        if (pt_enough(g, phase == PT_OVER, phase == PT_STEPPING) && phase == PT_OVER) {
            pt_sample &sample = memory.samples[walk.whole];
            const bool more = pt_finish(g, target, run, all, chain, sample, walk, w);
            phase = more ? PT_STEPPING : PT_ENDED;
            if (more)
                pt_begin(g, run, momenta, choices, w, memory, walk);
        }
        if (phase == PT_STEPPING) {
            pt_note_start(g, run, chain, true, walk);
            phase = pt_turn(g, target, run, w, choices, memory, walk);
        }
    }
    if (!mine)
        return;
    pt_write(g, memory.samples[walk.whole].q, kept + PT_POSITION * PT_DIM);
    pt_write(g, memory.samples[walk.whole].g, kept + PT_GRADIENT * PT_DIM);
    pt_write(g, w, kept + PT_INVERSE_MASS * PT_DIM);
}

/* What all chains' iterations since the last lesson teach. The step size follows their mean
 * acceptance. */
PT_LEARNER pt_nuts_learn(pt_run run, pt_together all)
{
    const pt_block b;
    pt_common common = *all.common;
    pt_state &state = common.state;
    const int first = state.done, stop = pt_next_lesson(run, first);
    int flags = 0;
    for (int iteration = first; iteration < stop; ++iteration)
        flags |= run.schedule[iteration];
    b.sync();
    double acceptance = 0.0;
    for (int chain = b.lane(); chain < all.watched; chain += b.size())
        acceptance += all.weights[2 * chain];
    acceptance = b.add(acceptance) / ((double) all.watched * (stop - first));
    pt_pool(b, run, all, flags, 0.0, state);
    pt_learn_metric(b, run, all, flags, state);
    state.step_size = pt_next_step_size(state, run.target_accept, acceptance);
    if (stop == run.tune)
        state.step_size = pt_exp(state.step_log_mean);
    state.done = stop;
    if (b.lane() == 0)
        *all.common = common;
}

#endif
