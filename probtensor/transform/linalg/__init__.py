"""Facts about matrices.

    structure.py  zero diagonals, symmetric, positive definite, orthogonal; contractions as products
"""
