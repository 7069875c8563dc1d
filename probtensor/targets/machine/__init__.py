"""Tier 0: plans as programs of a machine that is compiled in advance. Needs no compiler.

    target.py      MachineTarget: a plan to a program
    encoded.py     programs as plain values and as text, for the records of functions
    levels.py      the machine of this processor, and its instructions by name
    code.py        Assembler: cells, vector registers, instructions and labels of a program
    operators.py   the instructions of operators and conversions, by dtypes
    indices.py     indices and places of elements
    values.py      expressions and indices as instructions, on scalars and on vectors
    statements.py  statements, loops and branches
    strips.py      strips: vector segments, lanes, routines
    sums.py        sums in memory that are accumulated in blocks

The machine is `cython_ext/include/machine`. Kernels are encoded from the same strips as the
compiled module is rendered from, and run by the same functions of `pt_loops.h` and `pt_special.h`,
so results are equal bit for bit. They can differ in the sign and payload of a NaN, in conversions
of floats to integers out of range, which C leaves open, and on a processor that has fused
multiply-add but not AVX2.
"""
