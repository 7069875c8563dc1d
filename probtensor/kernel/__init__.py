"""The loop IR: a kernel is the loop nest of one fused group of nodes, without tensors.

A kernel reads and writes flat buffers. There is a small, closed set of statements (`ir.py` has the
grammar on one screen), so that a target is a table of spellings; `interp.py` defines their meaning.
Index expressions are not general expressions: they are the integer polynomials of `types.Dim` over
loop variables, sizes and integer locals, always in canonical form. So the stride of an access along
a loop is a coefficient, and two accesses to the same element have equal indices.

    ir.py         the grammar
    simplify.py   floor division and remainder of indices, given the ranges of loop variables
    check.py      the verifier: defined before use, not provably out of bounds, no races
    trial.py      loops that no proof of `check.py` covers, run at small sizes
    interp.py     the reference meaning, in Python
    tidy.py       single-use locals inlined
    failing.py    loops until a condition end where a check fails
    touch.py      the locals and buffers that statements read and write
    text.py       statements as text
    scans/        loops in order with small states: unrolled, with their states in locals

A `For` with accumulators is a fold, as one statement: `probtensor.schedule` divides it among the
lanes of a vector or the threads of a grid, as the target requires. Rejected: expressions as
strings, and tensor ops inside kernels.
"""
