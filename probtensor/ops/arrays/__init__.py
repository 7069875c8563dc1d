"""Arrays made, moved, joined and ordered.

    creation.py    inputs, zeros, arange, eye
    views.py       the ops of shapes: reshape, transpose, broadcast, concatenate
    layout.py      the functions that make them, and joins
    rearrange.py   NumPy's functions that are graphs of other ops: clip, roll, split
    diagonals.py   those of diagonals and triangles: trace, diag, tril
    order.py       sort, argsort
    require.py     a tensor that has a value only where some sizes are in order
    transfer.py    outputs that stay on the device: y.transfer("cuda")
"""
