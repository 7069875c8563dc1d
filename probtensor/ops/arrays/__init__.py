"""Creation, views, joins and sorting of arrays.

    inputs.py      inputs of functions: scalar, dmatrix, lvectors
    creation.py    constants, zeros, arange, eye
    views.py       the ops of shapes: reshape, transpose, broadcast, concatenate
    layout.py      the functions that make them, and joins
    rearrange.py   NumPy's functions that are graphs of other ops: clip, roll, split
    diagonals.py   those of diagonals and triangles: trace, diag, tril
    order.py       sort, argsort
    require.py     a tensor with additional size laws
    transfer.py    outputs in device memory: y.transfer("cuda")
"""
