"""`pt.ode`: ordinary differential equations.

    solve.py       the public function, its arguments and its result
    system.py      the equation as a graph of the parts of a state
    adaptive.py    the loop of steps whose size follows the error
    replay.py      the derivatives of the steps, and the states at given times
    methods.py     what a method is; Dormand-Prince 5(4)
    rosenbrock.py  Rodas5P, for stiff equations
    linear.py      the linear systems of its stages
    adjoint.py     the continuous adjoint

The loop of steps is one `Scan` that stops, of a known largest number of steps: a function that
solves an equation is a graph like any other, and runs without Python. That loop has no derivatives.
A second loop over the steps that were taken has them; its values are those of the first
(`ops.derivatives.value_of`), so that the pipeline drops it and keeps the loop backward.

A state of few elements is a list of scalars in the graph, from the traced function on: its loop has
no memory but for the saved states.

Rejected: derivatives of the loop of steps itself (those of the control of the size are noise, and a
step that is rejected may have infinite slopes); a loop over the times around a loop of steps (it
stores the product of both numbers); dense output of order 4 (a further step is of order 5, and
costs as much).
"""

from probtensor.calls import absent
from probtensor.ode.solve import solve

__all__ = ["solve"]

__getattr__ = absent("pt.ode", dict.fromkeys(__all__))
