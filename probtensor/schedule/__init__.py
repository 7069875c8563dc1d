"""Schedules: from the loops of a kernel to the form that a kind of target renders.

A kernel (`probtensor.kernel`) states what is computed, in loops whose iterations are independent
except for folds and for stores that combine. A schedule states which of them run in parallel.

    strips/     for CPU targets: loops cut into strips whose inner loops vectorise
    grid/       for GPU targets: loops divided among the threads of a grid
    group/      for loops in order on a GPU, and many chains: statements run by one group of threads
    carry.py    sums in memory accumulated in scratch memory, for all of them

Races and orders of execution are resolved here, by rewriting statements in the grammar of
`kernel/ir.py`, so that a renderer only spells them.
"""
