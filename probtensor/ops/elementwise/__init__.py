"""Arithmetic, comparison, logic and elementary functions, element by element.

    arithmetic.py  arithmetic, order, rounding: operators that targets spell, no C names
    logic.py       comparison, logic, bits, tests of floats, where, casts: likewise
    whole.py       whether whole tensors are equal
    equality.py    x == y: a comparison, whose truth value is identity
    elementary.py  exp, log, trigonometric and hyperbolic functions
    values.py      domains of operands, and values at which slopes are infinite
"""
