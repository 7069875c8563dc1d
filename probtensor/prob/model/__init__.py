"""Models: random variables with data.

    condition.py   from random variables and what was observed of them to a posterior
    graphs.py      the graphs of a posterior
    posterior.py   compiled functions of the flat vector q
    data.py        data inputs, and what follows from data alone
    binding.py     arrays for a model: converted, measured and checked once
    names.py       names that draws can be reported under
    sizes.py       what gives named sizes their values
    packed.py      many named results as one flat vector
"""
