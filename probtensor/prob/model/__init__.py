"""Models: random variables with data.

    condition.py   from random variables and observed values to a posterior
    missing.py     missing values as variables; weights.py: factors of terms, batches of data
    graphs.py      the graphs of a posterior
    posterior.py   compiled functions of the flat vector q
    data.py        data inputs, and computations that depend on data alone
    binding.py     arrays of a model: converted, measured and checked once
    names.py       valid names of variables in results
    sizes.py       values of named sizes
    packed.py      many named results as one flat vector
"""
