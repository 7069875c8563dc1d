"""Reductions over axes.

    folds.py       sum, prod, max, min, all, any
    statistics.py  mean, var and the like
    composite.py   logsumexp, softmax, argmax: ops with a derivative that expand into others
"""
