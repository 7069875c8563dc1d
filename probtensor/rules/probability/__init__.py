"""Accurate forms of probabilities, densities and inverse links.

    logarithms.py  log p and log(1 - p), derived from the expression of p
    links.py       rules for logarithms of probabilities given by an inverse link
    cdfs.py        distribution functions: their arguments, logarithms of their differences
    gammas.py      differences of log gammas
    bessels.py     logarithms and quotients of modified Bessel functions
    polynomials.py mixtures, guessing and lapse rates, products, powers
    weighted.py    logarithms of weighted sums
"""
