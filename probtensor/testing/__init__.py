"""Checks for operations and rules, of this library and of its users; what needs mpmath says so.

    conform.py    the contract of an op: values, types, derivatives, batches
    sound.py      the soundness of rules, on `points.py` and on graphs of `nearby.py`
    reference.py  values of graphs by each op's NumPy meaning
    fuzz.py       random graphs of `generate.py` and `loops.py` through every pass and target
    misfit.py     random graphs with arrays of wrong sizes
    tiers.py      the machine against native code, for `probtensor doctor`
    models/       `pt.check_model`: a model against itself
"""
