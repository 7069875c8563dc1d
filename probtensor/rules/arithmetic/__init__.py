"""Identities of arithmetic.

    algebra.py     identities of arithmetic, `where` and casts; folding of constants
    powers.py      powers, roots and logarithms
    redundant.py   what integers, bounds and equal operands decide
    products.py    signs and literals of products
    reciprocals.py one division per loop instead of one per element
    sums.py        factors taken out of sums
"""
