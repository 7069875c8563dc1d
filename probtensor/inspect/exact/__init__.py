"""The exact meanings of ops, in mpmath's arbitrary precision, by the name of the op.

    values.py   the exact value of a graph; arithmetic, logic, elementary functions
    gammas.py   functions of the gamma family and of the incomplete beta function
    special.py  Bessel functions, integrals, series

Rules and C code are judged by them (`testing/sound.py`), and the digits that a user's lines lose
are counted against them (`inspect/numbers/audit.py`). mpmath is optional, and imported by what
needs it.
"""
