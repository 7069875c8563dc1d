"""`pt.ode`: ordinary differential equations."""

from probtensor.calls import absent
from probtensor.ode.solve import Solution, solve

__all__ = ["Solution", "solve"]

__getattr__ = absent("pt.ode", dict.fromkeys(__all__))
