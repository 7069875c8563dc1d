"""`probtensor.interop.pymc`: models of PyMC, sampled here.

    from probtensor.interop import pymc as ptpm

    idata = ptpm.sample(model=model)

    models.py         a model of PyMC as a posterior of this library
    distributions.py  its random variables as those of this library
    transforms.py     its transforms as bijectors
    sampling.py       `sample` with the arguments of `pm.sample`, and what belongs to it

A random variable whose class is known becomes one of this library, so that its density, draws and
conditions are ours; of any other the density is translated from the graph that PyMC derives. The
unconstrained space is PyMC's either way.
"""

from probtensor.interop.pymc.models import posterior
from probtensor.interop.pymc.sampling import NUTS, find_MAP, sample

__all__ = ["NUTS", "find_MAP", "posterior", "sample"]
