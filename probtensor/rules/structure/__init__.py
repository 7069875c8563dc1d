"""Views, broadcasts, gathers and `where`.

    shapes.py      views of views, and broadcasts
    joins.py       folds of joins
    picks.py       elementwise ops after gathers of few elements
    reads.py       a pass: all ops after slices of few elements
    matrices.py    linear algebra by the structure of matrices
    bands.py       matrices of few diagonals; diagonal matrices and permutations in products
    blocks.py      blocks along a diagonal, Kronecker products
    low_rank.py    diagonal matrices plus ones of low rank
    totals.py      sums and diagonals of products, without these
    accumulate.py  a pass: products of matrices that are added, by one call of BLAS
    choices.py     conditions taken out of sums, and redundant ones
"""
