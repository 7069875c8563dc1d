"""Log densities of graphs with random variables.

    logp.py        random variables replaced by values
    terms.py       the sum of the terms of a model
    branches.py    choices by data, as sums over the rows of each branch
    guards.py      restrictions of densities within potentials, as guards of the whole density
    policy.py      what a density does where a guard or a check fails
    sums.py        sums of deviances over data, by sufficient statistics
    diagnosis.py   the density term by term at one point, and its entries that are not finite
"""
