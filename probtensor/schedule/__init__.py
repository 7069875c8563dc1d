"""Schedules: from the loops of a kernel to the form that a kind of target spells.

A kernel (`probtensor.kernel`) says what is computed, in loops whose iterations are independent but
for folds and for combining stores. A schedule says which of them run in parallel.

    strips/     for CPU targets: loops cut into strips whose inner loops vectorise
    grid/       for GPU targets: loops divided among the threads of a grid
    carry.py    sums in memory gathered in scratch memory, as both need it

What must not be done by several threads at once, or must be done in order, is settled here by
rewriting statements in the grammar of `kernel/ir.py`, so that a renderer only spells them.
"""
