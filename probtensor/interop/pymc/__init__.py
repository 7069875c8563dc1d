"""Models of PyMC, compiled here.

    distributions.py  random variables of PyMC as those of `pt.random`: the table by class
    reading.py        a variable as the rows of the table read it: parameters, shape, parts
    scalars.py        rows of variables of numbers that PyMC has by other parameters
    vectors.py        rows of variables of vectors and matrices
    combined.py       rows of variables made of others: mixtures, truncation, series, expressions
    patterns.py       parametrisations in graphs of PyTensor: logits, cutpoints, factors
    transforms.py     transforms of free variables as bijectors

A variable whose class has a row becomes one of `pt.random`, with the density, the draws and the
rules of this library. Any other keeps the graph of its density that PyMC makes, translated.
"""
