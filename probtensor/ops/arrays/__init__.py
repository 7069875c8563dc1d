"""Creation, views and joins of arrays.

    inputs.py      inputs of functions: scalar, dmatrix, lvectors
    creation.py    constants, zeros, arange, eye
    views.py       the ops of shapes: reshape, transpose, broadcast, concatenate
    layout.py      the functions that make them, and joins
    rearrange.py   NumPy's functions that are graphs of other ops: clip, roll, split
    diagonals.py   those of diagonals and triangles: trace, diag, tril
    differences.py  those of neighbours: gradient, trapezoid
    require.py     a tensor with additional size laws
    transfer.py    outputs in device memory: y.transfer("cuda")
"""
