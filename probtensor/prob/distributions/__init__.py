"""Distributions: support, parameters, density, draws, moments.

    distribution.py  the base class of distributions
    base.py          the node of a random variable
    declared.py      the functions of pt.random that are made from classes
    parameters.py    other parametrisations, checked
    continuous/      univariate continuous distributions
    discrete.py      bernoulli, binomial, poisson, negative_binomial, categorical
    counts.py        other distributions of whole numbers
    urns.py          drawing from finite populations; masses at a point
    multivariate/    vectors and matrices
    processes/       time series, fields on graphs
    combined/        distributions made of others: mixtures, truncated and censored ones, ...
    formulas.py      numerically stable parts of densities
    support.py       sets of values
    domains.py       whether values lie in supports: proofs and comparisons
    truncation.py    truncated distributions (constraint=)
    checked_draw.py  draws whose parameters are checked: nan or an error outside their range

To add a distribution: its class in the file of its topic, its line in DECLARED of prob/random.py,
by which it is found when it is first used, and a row in tests/prob/distributions.py, by which every
test of distributions finds it.
"""
