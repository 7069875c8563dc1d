"""Forms of probabilities, densities and links that keep their digits.

    logarithms.py  log p and log(1 - p), by the way p is written
    links.py       logarithms of probabilities in terms of a linear predictor
    laws.py        distribution functions, survival functions and their logarithms
    gammas.py      differences of log gammas
    polynomials.py mixtures, guessing and lapses, products, powers
    weighted.py    logarithms of weighted sums
"""
