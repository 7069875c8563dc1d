"""The loop IR: what a fused group of nodes does, one loop nest a kernel, knowing no tensor.

A kernel reads and writes flat buffers. Its statements are closed and few (`ir.py` holds them on one
screen), so that a target is a table of spellings; what a statement means is what `interp.py` does.
Index expressions are not general expressions: they are the integer polynomials of `types.Dim` over
loop variables, sizes and integer locals, always in canonical form. So the stride of an access along
a loop is read off, and two accesses of one element are equal objects.

    ir.py         the grammar
    simplify.py   floor division and remainder of indices, given the ranges of loop variables
    check.py      the verifier: defined before use, in bounds where that can be proved, no races
    interp.py     the reference meaning, in Python
    tidy.py       straight-line code made shorter
    touch.py      what statements read and write
    strip.py      loops cut into strips whose inner loops vectorise (for CPU targets)
    grid.py       loops dealt out to a grid of threads (for GPU targets)
    phases.py     what `grid.py` makes of them
    nests.py      which nested loops may be taken together
    flat.py       several loops as one; indices rewritten

A `For` with accumulators is a fold, and stays whole: a CPU target gives it lanes, a GPU target
makes it a fold over the threads of a grid. What must not be done by several threads at once, or
must be done in order, is settled in `grid.py` by rewriting statements, in the same grammar: so
nothing about it has to be spelled out by a renderer. Rejected: expressions as strings, and tensor
ops inside kernels.
"""
