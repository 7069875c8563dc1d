"""Distributions of time series and of fields on graphs, imported when one is first used.

    lengths.py      the length of a series from steps=, shape= and dims=; axes of time
    walks.py        random walks with any innovations; gaussian, multivariate ones
    regressions.py  autoregressions, GARCH(1, 1)
    diffusions.py   Euler-Maruyama steps of stochastic equations, linear state spaces
    vectors.py      innovations that are vectors
    fields.py       conditional and intrinsic autoregressions on graphs
    held.py         distributions made of others
    parts.py        supports of series

A series includes what it begins with. Its density is the product of the conditional densities of
its steps. Where the parameters of all steps follow from the value they are computed at once,
without a loop; a recurrence (GARCH's volatility) is one loop of which nothing else is a part.
Densities of fields are sums over the edges of the graph.
"""
