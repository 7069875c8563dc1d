"""Special functions, by the names of scipy.special, and forms that keep digits.

    functions.py   logistic and gamma families, the normal integral
    links.py       logarithms of probabilities, products whose zeros win
    tails.py       logarithms that densities decay by, past the overflow of squares
    divergence.py  small differences of logarithms: log1pmx, kl_div, kernels of densities
    rising.py      differences of lgamma and its derivatives, lbeta

To add a function: its block here, its C in cython_ext/include, its exact meaning in
testing/exact.py, which the accuracy tests compare it with.
"""
