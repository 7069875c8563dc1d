"""Distributions made of others: mixtures, point masses added, values cut, censored, folded.

    parts.py         the base class: parts, their parameters under names of their own
    held.py          random variables that become parts
    anywhere.py      densities and tails of a part at any value, also outside its support
    search.py        quantiles found by a search between known bounds
    mixture.py       mixtures
    inflated.py      a point mass at 0 added: zero-inflated and hurdle distributions
    cut.py           truncated and censored distributions, and interval censoring
    changed.py       folded and masked distributions
    ordinal.py       ordered categories: a latent variable between cutpoints
    interpolated.py  a density given at points
    custom.py        densities that users write

A combined distribution is a frozen value, as all distributions are, whose fields hold its parts.
Its parameters are its own, followed by those of each part under a prefix, so that a random variable
made of it has all of them as inputs and everything else (checks, shapes, models, draws) is as for
any other. The variables that were given as parts are no variables of a model (`held.py`).

A formula of a part assumes that its value lies in the support of that part, while the whole may
have values elsewhere: so parts are always asked by way of `anywhere.py`, which compares only what
is not known.

Rejected: parts as random variables among the inputs, whose values nothing would need.
"""
