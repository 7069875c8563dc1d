"""What the tools that look at the numbers of a call (`inspect/numbers`) need of a function.

    given.py    what a call was given, shared values and keys included; other plans of its inputs
    checked.py  functions whose results are looked at for NaN and infinities; blocks of `check`
"""
