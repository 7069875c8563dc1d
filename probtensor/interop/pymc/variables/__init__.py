"""Random variables of PyMC as those of `pt.random`.

    distributions.py  one table, by the class of the variable
    reading.py        what the rows of the table read: parameters and shapes
    patterns.py       parametrisations in graphs of PyTensor: logits, cutpoints, factors
    scalars.py        variables of numbers whose parameters differ from ours
    vectors.py        variables of vectors and matrices
    combined.py       variables made of others: mixtures, truncation, series, expressions
"""
