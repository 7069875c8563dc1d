"""The PyMC models of `tests/interop/gallery`, compiled here and by PyTensor with numba.

    python -m tests.bench.pymc [names] [--rounds 5] [--first] [--fits]

A line is a model: value and gradient called from Python in one process, on one core and one thread
of BLAS, in turns; a figure is the median over rounds of the fastest call, in microseconds. Both
must have the same gradient, up to PyTensor's literals in single precision. `--first` measures
instead the seconds from the built model to the first gradient in new processes with empty caches,
and `--fits` those of whole fits, 4 x (1000 + 1000) draws, beside `pm.sample` with nutpie, with
empty caches, and the largest difference of posterior means in units of its Monte Carlo error.

    gradients.py  both functions of a model
    worker.py     one measurement in a process of its own
    __main__.py   the rounds
"""
