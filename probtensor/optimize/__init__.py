"""`pt.optimize`: roots, minima and fixed points, by the names of scipy.optimize.

    roots.py       root_scalar: its arguments and result
    brackets.py    bisection and Brent's method
    fixed.py       fixed_point
    vector.py      root and minimize, of many unknowns; custom_root
    krylov.py      linear systems from products: cg, bicgstab, gmres
    implicit.py    the derivatives of what solves an equation

The one idea: an iteration has no derivatives; its result has those of the equation that it solves,
by the implicit function theorem, to any order.

Rejected: derivatives of the iterations, which cost a multiple and converge later than the values;
and one Newton step from the result held constant, whose second derivative lacks a term.
"""

from probtensor.calls import absent
from probtensor.optimize.fixed import fixed_point
from probtensor.optimize.krylov import bicgstab, cg, gmres
from probtensor.optimize.roots import root_scalar
from probtensor.optimize.vector import custom_root, minimize, root

__all__ = [
    "bicgstab",
    "cg",
    "custom_root",
    "fixed_point",
    "gmres",
    "minimize",
    "root",
    "root_scalar",
]

__getattr__ = absent("pt.optimize", dict.fromkeys(__all__))
