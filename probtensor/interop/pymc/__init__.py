"""Models of PyMC, compiled here.

    distributions.py  random variables of PyMC as those of `pt.random`: one table by class
    patterns.py       parametrisations in graphs of PyTensor: logits, cutpoints, factors
    vectors.py        variables of vectors and matrices
    combined.py       variables made of others: mixtures, truncation, series, expressions
    transforms.py     transforms of free variables as bijectors

A variable whose class has a row becomes one of `pt.random`, with the density, the draws and the
rules of this library. Any other keeps the graph of its density that PyMC makes, translated.
"""
