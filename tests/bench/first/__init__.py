"""The first gradient, library by library: `python -m tests.bench.first [contender ...]`.

A figure is what a user waits for in a new process, after the import: from the model's code to the
first value and gradient, with an empty cache; for ours also in the second process. "To draws" is
from the import of the library to 4 x (1000 + 1000) draws of eight schools, NumPy and ArviZ being
imported. Every measurement has a process of its own; contenders take turns, and a figure is the
median over rounds.

All evaluate their gradient where every unconstrained parameter is 0.1. There the length of the
gradient, and the difference of the log density to where all are 0.2, do not depend on the order of
parameters nor on constants, so that they show whether all have the same density.

    worker.py      one measurement
    contenders.py  who is measured, and of what
    posteriors.py  the reference posteriors: data for the programs in `stan/`
    *_.py          the models in each library: `load(group, name)` gives `build()`, which gives
                   (function of q with value and gradient, its size); graphs are written as text for
                   Stan and unrolled in Python elsewhere
    table.py       medians, ratios and text
    __main__.py    the rounds
"""
