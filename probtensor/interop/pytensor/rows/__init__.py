"""What each op of PyTensor is here: a function for each, by the name of its class.

    scalars.py      elementwise functions, and reductions by them
    arrays.py       shapes, views, joins, cumulative sums
    indexing.py     reading and changing parts of arrays
    products.py     products, solutions of systems, and ops over batches
    factors.py      factors and functions of matrices
    ordering.py     sorting, searching, sets
    signals.py      Fourier transforms, convolutions, pads
    control.py      graphs within ops, branches, conditions
    loops.py        Scan, and loops of scalars
    lists.py        lists of tensors
    draws.py        random variables

A row takes the translator, the node of PyTensor and the translated inputs, and gives a tensor, or a
list of them. To add an op is to add its row, and a case to `tests/interop/`.
"""
