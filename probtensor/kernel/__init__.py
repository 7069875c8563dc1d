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
    text.py       statements as text

A `For` with accumulators is a fold, and stays whole: `probtensor.schedule` divides it among the
lanes of a vector or the threads of a grid, as a target needs it. Rejected: expressions as strings,
and tensor ops inside kernels.
"""
