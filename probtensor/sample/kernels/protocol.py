"""What a sampler requires of a posterior: any log density with a C function can be sampled.

`LogpGrad` is required of posteriors on the CPU; those on a device need `DevicePosterior` of
device/chains.py. `sample` also uses the following, if a posterior has them:

    expand(draws)       float64[n, dim] -> {name: float64[n, *shape]}: constrained free variables
                        and deterministics
    dims, coords        {name: dimension names} and {dimension: labels}, for ArviZ
    observed, constants {name: array}: bound data
    initial(key, chain) float64[dim], a start point that is a pure function of both numbers
    unconstrain(values) {name: array} -> float64[dim], to read init={...} and draws
    names               of the variables that `unconstrain` needs of draws; by default all
    diagnose(q)         prints as text that names the variable and the term that is -inf or nan at q
    check_gradient(q)   false, with a text that names the term, where a derivative is not the slope
    variable_of(i)      text: the variable that coordinate i belongs to
    hierarchies         pairs of names: a variable, and one that its scale is made of
    guarded             texts: the conditions outside which the density is zero
"""

from typing import Protocol, runtime_checkable

import numpy as np


class Context(Protocol):
    """Bound data and one workspace, for one thread at a time; it keeps its memory alive."""

    @property
    def address(self) -> int:
        """The `void *context` that the density function takes."""


@runtime_checkable
class LogpGrad(Protocol):
    """A log density over R^dim with its gradient, from Python and from C."""

    @property
    def dim(self) -> int:
        """The number of unconstrained coordinates."""

    @property
    def address(self) -> int:
        """A `pt_logp_grad_fn` of cython_ext/include/probtensor.h, callable without the GIL."""

    def context(self) -> Context:
        """A new context; calls with different ones may overlap."""

    def logp_and_grad(self, q: np.ndarray) -> tuple[float, np.ndarray]:
        """(log density, gradient) at q, float64[dim]."""
