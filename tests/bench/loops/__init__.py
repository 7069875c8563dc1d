"""Loops, library by library: `python -m tests.bench.loops [--models ...] [library ...]`.

Each figure is the median time of one call that gives a value and its gradient, from Python, on one
core, in microseconds. The libraries run in processes of their own, in turn, for several rounds; a
figure is the median over the rounds. What is computed is checked against NumPy by the value.

    cases.py     data, parameters and the value by NumPy of each model
    *_.py        the models in each library: `models()` gives {name: function without arguments}
    __main__.py  the rounds and the table
"""
