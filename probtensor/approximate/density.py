"""The log density that is approximated, with or without the log-Jacobians of the transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from probtensor import ops
from probtensor.compile import function
from probtensor.graph import GraphError
from probtensor.graph.node import new_input
from probtensor.prob.model.posterior import Posterior
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.transform.autodiff import gradient, push_forward

DIFFERENCE = float(np.finfo(float).eps) ** (1 / 3)


class Density:
    """A log density over R^dim and its gradient, which counts its evaluations.

    posterior  what `condition` returns, or any `LogpGrad`
    jacobian   False: without the log-Jacobians of the transforms, so that it is the density of the
               variables themselves, as a function of the unconstrained point
    """

    def __init__(self, posterior: LogpGrad, jacobian: bool = True) -> None:
        self.posterior = posterior
        self.jacobian = jacobian
        self.dim = posterior.dim
        self.evaluations = 0
        self._one = posterior.logp_and_grad
        self._volume = None if jacobian else log_jacobian(posterior)

    def copy(self) -> Density:
        """The same density for another thread."""
        found = Density(self.posterior, self.jacobian)
        if not getattr(self.posterior, "on_device", False):
            own = getattr(self.posterior.context(), "logp_and_grad", None)
            found._one = own or found._one
        return found

    def at(self, q: np.ndarray) -> tuple[float, np.ndarray]:
        """(log density, gradient) at a point; -inf where one of them is not finite."""
        self.evaluations += 1
        value, slope = self._one(q)
        if self._volume is not None:
            more, change = self._volume(q)
            value, slope = float(value - more), slope - change
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return -np.inf, slope
        return value, slope

    def rows(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(float64[n], float64[n, dim]) of n points: in one launch on a device."""
        if self.jacobian and getattr(self.posterior, "on_device", False):
            self.evaluations += len(points)
            values, slopes = self.posterior.batched(points)
            finite = np.isfinite(values) & np.isfinite(slopes).all(axis=1)
            return np.where(finite, values, -np.inf), slopes
        values, slopes = np.empty(len(points)), np.empty(points.shape)
        for row, q in enumerate(points):
            values[row], slopes[row] = self.at(q)
        return values, slopes

    def hessian(self, q: np.ndarray) -> np.ndarray:
        """The second derivatives at a point, float64[dim, dim], by products of the Hessian with
        each direction; central differences of gradients where there is no graph of them."""
        product = hessian_product(self.posterior, self.jacobian)
        if product is None:
            return self._differences(q)
        self.evaluations += self.dim
        found = np.array([product(q, row)[0] for row in np.eye(self.dim)])
        return (found + found.T) / 2

    def _differences(self, q: np.ndarray) -> np.ndarray:
        rows = []
        for i in range(self.dim):
            up, down = q.copy(), q.copy()
            step = DIFFERENCE * max(1.0, abs(float(q[i])))
            up[i] += step
            down[i] -= step
            rows.append((self.at(up)[1] - self.at(down)[1]) / (up[i] - down[i]))
        found = np.array(rows)
        return (found + found.T) / 2


def sum_of_jacobians(posterior: Posterior) -> Any:
    """The graph of the sum of the log-Jacobians of all transforms, of q."""
    model = posterior.model
    parts = [v.bijector.log_jacobian(v.u) for v in model.free]
    total = sum((ops.sum(x) for x in parts if x is not None), ops.as_tensor(0.0))
    return model.at_q([total.astype("float64")])[0]


def log_jacobian(posterior: Posterior) -> Any:
    """(q) -> [sum of the log-Jacobians of the transforms, its gradient]."""
    own = posterior.on_host()
    model = own.model

    def make() -> tuple:
        total = sum_of_jacobians(own)
        (slope,) = gradient(total, [model.q], disconnected_inputs="ignore")
        return compiled_at(own, [model.q], [total, slope], "log_jacobian")

    return own._bound(own._programs.get("log_jacobian", make, own.timings))


def hessian_product(posterior: LogpGrad, jacobian: bool) -> Any:
    """(q, v) -> [second derivatives at q times v]; None where there is no graph of them."""
    if not isinstance(posterior, Posterior):
        return None
    own = posterior.on_host()
    model = own.model

    def make() -> tuple:
        slope = model.gradient
        if not jacobian:
            total = sum_of_jacobians(own)
            slope = slope - gradient(total, [model.q], disconnected_inputs="ignore")[0]
        direction = new_input("direction", "float64", (model.dim,))
        product = push_forward([slope], [model.q], [direction])
        return compiled_at(own, [model.q, direction], product, "hessian_product")

    try:
        return own._bound(own._programs.get(f"hessian_product_{jacobian}", make, own.timings))
    except GraphError:
        return None


def compiled_at(posterior: Posterior, inputs: list, outputs: list, name: str) -> tuple:
    """Graphs of q as (density, function), for `Posterior._bound`. They are evaluated seldom, so the
    machine runs them at once."""
    density = posterior.model.density(outputs)
    made = function(
        [*inputs, *density.inputs], [*density.outputs], name=name, target="machine",
        on_unused_input="ignore",
    )  # fmt: skip
    return density, made
