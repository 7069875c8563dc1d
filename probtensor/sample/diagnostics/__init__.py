"""Whether the draws can be trusted.

    measures.py      R-hat, effective sample sizes, E-BFMI
    single_chain.py  signs within one chain that it has not reached the typical set
    warnings.py      what is wrong with the draws and what to do about it
"""
