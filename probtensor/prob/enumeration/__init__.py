"""Discrete variables that are not observed, summed out of a model's density.

    places.py     indices as functions of the index of an element
    reads.py      which entries of variables an element of a tensor depends on
    parts.py      a part of a tensor, as a graph that computes nothing else
    choices.py    choices moved behind the functions that are applied to them
    lean.py       graphs evaluated for all values of some nodes at once
    factors.py    terms of the density as tables over the values of the variables in them
    eliminate.py  the sums, one variable after the other
    chains.py     sums along sequences, by the forward recursion
    repeats.py    sums of equal rows of data, computed once
    model.py      all of that for the terms of a model
    recover.py    draws of the variables given the draws of all others

The one idea: a table has an axis for the values of each variable that a term depends on, and the
axes of the term itself. That each element of a term depends on one entry of a variable is not
declared but found, by following the element through the graph: then n entries are n independent
sums of K summands. Nothing is computed for n entries that is the same for all of them.

Rejected: plates that users declare (the graph has the dependences, and a wrong declaration would
give wrong numbers), `vmap` over values alone (its batches have all sizes in full: seven times the
time for a mixture of three normals), patterns of the dependence found by trying numbers (data that
index would be frozen into the model).
"""
