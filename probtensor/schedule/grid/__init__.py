"""Kernels divided among a grid of threads: what runs in parallel, what is folded across threads.

The outermost loops of a kernel become phases, one launch each. In a phase all iterations of the
outer loops are independent: each is run by one thread, or by a group of threads that share the
loops inside it.

    MapPhase  iterations in parallel; folds over all of them are finished in the same launch
    Reduce    one fold for each of many elements; elements and terms are divided among threads
    Once      a few scalars, by one thread
    Routine   a library routine
    InOrder   a loop in order, by one group of threads, or as phases launched for each step

For the log density and gradient of a regression, with five coefficients:

    for j < 5: g[j] = 0                  phase 0, in parallel over i < n
    for i < n:                             private g[5], folded by add from 0
      e = fold of x[i*5 + j] * w[j]        e = fold of x[i*5 + j] * w[j]
      r = y[i] - e                         r = y[i] - e
      a += r * r                           fold a: add= r * r
      for j < 5: g[j] += r * x[i*5 + j]    for j < 5: g[j] += r * x[i*5 + j]
    l[0] = log(a)                          at the end, once: l[0] = log(a)

The passes are functions from schedule to schedule, in the tuple `passes.GRID`; `check.check` has
the invariants that hold after them. A loop goes through passes of its own, `passes.LOOPS`; loops
that one of these splits off go through all of them again, which a flat list of passes could not do.

    passes.py    GRID, LOOPS, and the schedule they start from
    phases.py    the phases of a schedule
    folds.py     combining stores as folds over all iterations, private copies, folds per element
    ordered.py   stores at computed indices for which the order of iterations matters
    fission.py   loops split into several
    fills.py     folds that start from the value that a buffer was filled with
    scalars.py   scalars between loops
    steps.py     loops in order as phases for each step
    check.py     the invariants
    text.py      schedules as text
    supply.py    fresh names and scratch memory for the passes
    nests.py     perfect loop nests
    flat.py      several loops as one (collapsed), with their indices

A loop in order (`Scan`) is run by one warp or block if its steps are small: a launch costs as much
as about 2^16 operations of a block. Large steps are launches of their own, with the number of the
step as an argument and the states of the loop in memory; this needs a number of steps that is
known before the call. Most loops have sizes that only a call knows, and get both forms.

Scalars between loops are recomputed by each phase that reads them if that is cheap, else passed
through memory. If several iterations combine into one element, there is, in order of preference, a
private copy for each thread (few elements), a fold per element (the index depends on loop variables
only), or an atomic update (the index is computed). If several plain stores at computed indices are
to the same element, the last iteration wins, as in NumPy. With `deterministic`, folds replace
atomic sums of floats, so that results do not depend on timing. All of this is expressed in the
grammar of `kernel/ir.py`.
"""
