"""A place for the table."""
from __future__ import annotations
from typing import Any
from probtensor.graph import Node
from probtensor.interop.pymc.shapes import shape_of
from probtensor.prob import random
TABLE = {"NormalRV": lambda t,s,mu,sigma: random.normal(mu,sigma,shape=s),
  "HalfNormalRV": lambda t,s,loc,sigma: random.half_normal(sigma,shape=s),
  "DirichletRV": lambda t,s,a: random.dirichlet(a,shape=s)}
def distribution_of(t, rv):
    f=TABLE.get(type(rv.owner.op).__name__)
    if f is None: return None
    ps=[t.node(x) for x in rv.owner.op.dist_params(rv.owner)]
    return f(t, shape_of(t, rv), *ps)
