"""Facts about matrices.

    structure.py  diagonals that are zero, symmetric, positive definite, orthogonal, permutations;
                  contractions as products
    masks.py      comparisons of the number of the row with that of the column
    low_rank.py   sums of a diagonal matrix and of one of low rank
    blocks.py     matrices as blocks, Kronecker products, diagonals: how they are made
"""
