"""Special functions, by the names of scipy.special, and accurate forms of their combinations.

    functions.py   logistic and gamma families, the normal integral
    links.py       logarithms of probabilities, products that are 0 for a factor of 0
    tails.py       logarithms in the tails of densities, without overflow of squares
    divergence.py  small differences of logarithms: log1pmx, kl_div, deviances
    rising.py      differences of lgamma and its derivatives, lbeta
    incomplete_gamma.py, incomplete_beta.py
                   incomplete functions, their logarithms, inverses and derivatives

To add a function: its block here, its C in cython_ext/include, its exact meaning in
inspect/exact/values.py, which the accuracy tests compare it with.
"""
