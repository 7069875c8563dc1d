"""What orders elements, or goes through them in order.

routines.py    the ops of it: sorts, selections and searches of floats and of integers
sorting.py     sort, argsort, lexsort
selection.py   partition, topk: elements by their place in the order, without a full sort
searching.py   searchsorted, digitize
unique.py      distinct elements and rows
sets.py        isin, and sets as ordered vectors
counting.py    bincount, histograms
running.py     the ops of running sums, products, maxima and recurrences
cumulative.py  cumsum, cumprod, cummax, logcumsumexp and their kin
"""
