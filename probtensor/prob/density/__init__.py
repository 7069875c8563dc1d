"""Log densities of graphs with random variables.

    logp.py        random variables replaced by values, their terms added up
    sums.py        sums of deviances over data, by a few numbers that the data set
    diagnosis.py   the density term by term at one point, and what is wrong with it there
"""
