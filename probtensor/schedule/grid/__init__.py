"""Kernels divided among a grid of threads: what runs in parallel, what is folded across threads.

A kernel's outermost loops become phases, one launch each. In a phase every iteration of the outer
loops is independent: it belongs to one thread, or to a group of threads that share the loops in it.

    MapPhase     iterations in parallel; folds over all of them are finished in the same launch
    Reduce   one fold for each of many elements, both elements and terms divided among threads
    Once     a few scalars, by one thread
    Routine  a library routine

The passes are functions from schedule to schedule, in the tuple `passes.GRID`; `check.check` says
what holds after each. What becomes of one loop is decided by passes of its own, `passes.LOOPS`: a
loop that one of them splits off goes through all of them, which no flat list of passes could say.

    passes.py    GRID, LOOPS, and what they begin with
    phases.py    what they make
    folds.py     combining stores as folds over all iterations, private copies, folds an element
    ordered.py   stores at elements that data decide, where the order of iterations matters
    fission.py   loops cut into several
    fills.py     folds that start from the value that a buffer was filled with
    scalars.py   scalars between loops
    syncs.py     where the lanes of a group wait for each other
    check.py     what holds after each pass
    text.py      schedules as text, for people
    supply.py    names and memory for the passes
    nests.py     which nested loops may be taken together
    flat.py      several loops as one; indices rewritten

Scalars between loops are computed again by whoever needs them where that costs little, otherwise
passed on through memory. Stores that several iterations combine into one element are, in order of
preference: a private copy for each thread (few elements), a fold of its own (elements known by loop
variables), atomic (elements known by data). Where data decide which of several plain stores to one
element stays, the last iteration wins, as in NumPy; and `deterministic` turns atomic sums of floats
into folds, so that results do not depend on timing. All of it is said in the grammar of
`kernel/ir.py`.
"""
