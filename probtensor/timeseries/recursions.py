"""The Kalman filter and the smoother as loops.

The filter carries the mean a and the covariance P of the state at a step given the observations
before it. With z the design, F = z P z' + H, k = P z' / F and L = T - (T k) z, the next covariance
is L P L' + (T k) H (T k)' + Q (Joseph's form): a sum of positive semidefinite parts, so that
rounding does not make it indefinite, also for a large initial variance. A missing observation has
k = 0.

Source: Durbin and Koopman (2012), "Time Series Analysis by State Space Methods", chapters 4 and 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.loops.structured import scan
from probtensor.timeseries.densities import masked


class System(NamedTuple):
    """The matrices of a state space model; `design` and `offset` are those of a step, or None
    where they are read from sequences."""

    transition: Node
    state_cov: Node
    obs_cov: Node
    design: Node
    offset: Node


class Step(NamedTuple):
    """What the filter knows at a step: the mean and covariance of the state before the observation,
    the observation less its mean and their covariance, its gain k, T k and the matrix L."""

    mean: Node
    cov: Node
    error: Node
    error_cov: Node
    gain: Node
    moved: Node
    passed: Node


Observe = Callable[[Node, Node], Node]


def filter_step(system: System, a: Node, p: Node, observe: Observe) -> tuple[Node, Node, Step]:
    """The mean and covariance of the state at the next step, and what is known at this one.
    `observe(mean, variance)` gives the observation."""
    if system.design.ndim == 1:
        found = _one(system, a, p, observe)
    else:
        found = _several(system, a, p, observe)
    passed, noise = found.passed, found.moved
    if system.design.ndim == 1:
        added = system.obs_cov * (noise[:, None] * noise[None, :])
        learnt = noise * found.error
    else:
        added = noise @ system.obs_cov @ ops.matrix_transpose(noise)
        learnt = noise @ found.error
    after = passed @ p @ ops.matrix_transpose(passed) + added + system.state_cov
    after = 0.5 * (after + ops.matrix_transpose(after))
    return system.transition @ a + learnt, after, found


def _one(system: System, a: Node, p: Node, observe: Observe) -> Step:
    z = system.design
    mean = ops.sum(z * a) + system.offset
    across = p @ z
    variance = ops.sum(z * across) + system.obs_cov
    y = observe(mean, variance)
    seen = ops.logical_not(ops.isnan(y))
    error = ops.where(seen, y, mean) - mean
    gain = ops.where(seen, across / variance, 0.0)
    moved = system.transition @ gain
    passed = system.transition - moved[:, None] * z[None, :]
    return Step(a, p, error, variance, gain, moved, passed)


def _several(system: System, a: Node, p: Node, observe: Observe) -> Step:
    z = system.design
    mean = z @ a + system.offset
    across = p @ ops.matrix_transpose(z)
    cov = z @ across + system.obs_cov
    y = observe(mean, cov)
    seen = ops.logical_not(ops.isnan(y))
    error = ops.where(seen, y, mean) - mean
    across = ops.where(seen[None, :], across, 0.0)
    gain = ops.matrix_transpose(
        ops.cho_solve((ops.cholesky(masked(cov, seen)), True), ops.matrix_transpose(across))
    )
    moved = system.transition @ gain
    return Step(a, p, error, masked(cov, seen), gain, moved, system.transition - moved @ z)


def backward(system: System, steps: Step, designs: Node, seen: Node) -> tuple[Node, Node]:
    """The means and covariances of the states given all observations.

    With u the error divided by its covariance, r = z' u + L' r' and N = z' F^-1 z + L' N' L from
    the last step to the first; then a + P r and P - P N P.
    """
    one = designs.ndim == 2
    size = steps.mean.shape[1]

    def step(carry: tuple[Node, Node], given: tuple) -> tuple[tuple[Node, Node], tuple[Node, Node]]:
        r, n = carry
        a, p, error, cov, passed, z, known = given
        if one:
            weights = ops.where(known, z / cov, 0.0)
            first, own = weights * error, weights[:, None] * z[None, :]
        else:
            z = ops.where(known[:, None], z, 0.0)
            factor = ops.cholesky(cov)
            first = ops.matrix_transpose(z) @ ops.cho_solve((factor, True), error)
            half = ops.solve_triangular(factor, z, lower=True)
            own = ops.matrix_transpose(half) @ half
        turned = ops.matrix_transpose(passed)
        r, n = first + turned @ r, own + turned @ n @ passed
        return (r, n), (a + p @ r, p - p @ n @ p)

    start = ops.zeros((size,)), ops.zeros((size, size))
    xs = (steps.mean, steps.cov, steps.error, steps.error_cov, steps.passed, designs, seen)
    return scan(step, start, xs, reverse=True)[1]
