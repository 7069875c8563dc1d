"""The functions of `pt.random` that make variables of the distributions of other variables.

    parts.py      what they share: a part, and the variable that is made of parts
    mixtures.py   mixture, normal_mixture
    inflated.py   zero_inflated, hurdle, and those of one distribution by name
    cut.py        truncated, censored, interval_censored
    changed.py    folded, masked
    custom.py     custom: a density that the user writes
    simulated.py  simulator: data of a program, whose density is not known

What they take as `dist` or `comp_dists` are random variables without a name, such as
`pt.random.normal(0, 1)`: their distributions and parameters become parts of the new variable, and
they are no variables of the model. A model in which one of them occurs again is refused (`held.py`
beside the distributions). The shape of the new variable is by default what its parts and its other
parameters broadcast to.
"""
