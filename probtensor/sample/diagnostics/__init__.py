"""Whether the draws can be trusted.

    measures.py    R-hat, effective sample sizes, E-BFMI
    arrival.py     signs in one chain that it has not arrived
    warnings.py    what is wrong with the draws and what to do about it
"""
