"""Facts about matrices.

    structure.py  diagonals that are zero, symmetric, positive definite, orthogonal, permutations;
                  contractions as products
    masks.py      comparisons of the number of the row with that of the column
    squares.py    one name of a size for the rows and columns of matrices that must be square
    low_rank.py   sums of a diagonal matrix and of one of low rank
    blocks.py     matrices as blocks, Kronecker products, diagonals: how they are made
"""
