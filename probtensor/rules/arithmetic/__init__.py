"""Identities of arithmetic.

    algebra.py     identities of arithmetic, choice and casts; folding of constants
    powers.py      powers, roots and logarithms
    products.py    signs and literals of products
    reciprocals.py one division for a loop instead of one an element
    sums.py        factors taken out of sums
"""
