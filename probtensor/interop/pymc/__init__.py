"""`probtensor.interop.pymc`: models of PyMC, sampled here.

    from probtensor.interop import pymc as ptpm

    idata = ptpm.sample(model=model)

    models.py         a model of PyMC as a posterior of this library
    sampling.py       `sample` with the arguments of `pm.sample`, and what belongs to it
    distributions.py  random variables of PyMC as those of `pt.random`: one table by class
    reading.py        what the rows of the table read: parameters and shapes
    patterns.py       parametrisations in graphs of PyTensor: logits, cutpoints, factors
    scalars.py        variables of numbers whose parameters differ from ours
    vectors.py        variables of vectors and matrices
    combined.py       variables made of others: mixtures, truncation, series, expressions
    named.py          variables with named dimensions as tensors
    transforms.py     transforms of free variables as bijectors

A variable whose class has a row becomes one of `pt.random`, with the density, the draws and the
rules of this library. Any other keeps the graph of its density that PyMC makes, translated. The
unconstrained space is PyMC's either way.
"""

from probtensor.interop.pymc.models import posterior
from probtensor.interop.pymc.sampling import NUTS, find_MAP, sample

__all__ = ["NUTS", "find_MAP", "posterior", "sample"]
