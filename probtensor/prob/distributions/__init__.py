"""Distributions: support, parameters, density, draws, moments.

    base.py          the base class of distributions, and the node of a random variable
    continuous.py    univariate continuous distributions
    discrete.py      univariate discrete distributions
    multivariate.py  vectors
    formulas.py      numerically stable parts of densities
    support.py       sets of values
    domains.py       whether values lie in supports: proofs and comparisons
    truncation.py    truncated distributions (constraint=)
    checked_draw.py  draws whose parameters are checked: nan or an error outside their range

To add a distribution: its class in the file of its kind, its function in prob/random.py, and a
row in tests/prob/distributions.py, by which every test of distributions finds it.
"""
