"""Arithmetic, comparison, logic and elementary functions, element by element.

    arithmetic.py  arithmetic, order, rounding: operators that targets spell, no C names
    logic.py       comparison, logic, bits, tests of floats, where, casts: likewise
    equality.py    x == y: a comparison, and identity where Python asks for its truth
    elementary.py  exp, log, trigonometric and hyperbolic functions
    values.py      values that operands need to have, and those where slopes are infinite
"""
