"""Distributions: support, parameters, density, draws, moments.

    base.py          what a distribution is, and the node of a random variable
    continuous.py    one number
    discrete.py      a count or an index
    multivariate.py  vectors
    formulas.py      parts of densities that keep their digits
    support.py       sets of values
    domains.py       whether values lie in supports
    truncation.py    distributions cut down to what a constraint leaves of them
    drawn.py         draws where a parameter lies outside its range

To add a distribution: its class in the file of its kind, its function in prob/random.py, and a
row in tests/prob/distributions.py, by which every test of distributions finds it.
"""
