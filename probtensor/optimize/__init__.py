"""`pt.optimize`: roots and fixed points, by the names of scipy.optimize.

    roots.py       root_scalar: its arguments and result
    brackets.py    bisection and Brent's method
    fixed.py       fixed_point
    implicit.py    the derivatives of what solves an equation

The one idea: an iteration has no derivatives; its result has those of the equation that it solves,
by the implicit function theorem, to any order.

Rejected: derivatives of the iterations, which cost a multiple and converge later than the values;
and one Newton step from the result held constant, whose second derivative lacks a term.
"""

from probtensor.calls import absent
from probtensor.optimize.fixed import fixed_point
from probtensor.optimize.roots import root_scalar

__all__ = ["fixed_point", "root_scalar"]

__getattr__ = absent("pt.optimize", dict.fromkeys(__all__))
