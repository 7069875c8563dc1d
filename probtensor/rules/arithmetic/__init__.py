"""Identities of arithmetic.

    algebra.py     identities of arithmetic, `where` and casts; folding of constants
    powers.py      powers, roots and logarithms
    products.py    signs and literals of products
    reciprocals.py one division per loop instead of one per element
    sums.py        factors taken out of sums
"""
