"""L-BFGS that keeps its way to a mode, and the inverse Hessian along it in factored form.

Nocedal and Wright (2006), Numerical Optimization, chapter 7; the diagonal is that of Gilbert and
Lemaréchal (1989), Mathematical Programming 45:407, as in Zhang, Carpenter, Gelman and Vehtari
(2022), JMLR 23(306), whose algorithms 3 and 4 these are. The line search bisects (Lewis and Overton
2013, Mathematical Programming 141:135), so that a region without a density only shortens a step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.sample.paths.density import Surface
from probtensor.sample.paths.normal import Factored

RISE, BEND = 1e-4, 0.9  # the Wolfe conditions
TRIALS = 60
CURVED = 1e-12
EXACT = 1e-14  # relative to the log density: what a step would gain at the end
CONVERGED = "converged"


class InverseHessian:
    """The inverse Hessian of minus a log density by the last steps of L-BFGS.

    diagonal      of the matrix that the steps change
    steps, bends  of each kept step: how the point and how the gradient moved
    """

    def __init__(self, dim: int, history: int) -> None:
        self.history = history
        self.diagonal = np.ones(dim)
        self.steps: list[np.ndarray] = []
        self.bends: list[np.ndarray] = []

    def learn(self, s: np.ndarray, y: np.ndarray) -> None:
        """Take in a step, unless the density is not curved along it."""
        b, old = float(s @ y), self.diagonal
        if not b > CURVED * float(y @ y):
            return
        a, c = float(y @ (old * y)), float(s @ (s / old))
        new = 1.0 / (a / (b * old) + y**2 / b - a * s**2 / (b * c * old**2))
        if np.isfinite(new).all() and (new > 0).all():
            self.diagonal = new
        self.steps = [*self.steps, s][-self.history :]
        self.bends = [*self.bends, y][-self.history :]

    def forget(self) -> None:
        """Begin again without steps."""
        self.steps, self.bends = [], []

    def times(self, v: np.ndarray) -> np.ndarray:
        """This matrix times a vector, by the two loops."""
        v, pairs = v.copy(), [(s, y, 1.0 / (s @ y)) for s, y in zip(self.steps, self.bends)]
        shares = []
        for s, y, r in reversed(pairs):
            shares.append(r * (s @ v))
            v -= shares[-1] * y
        v *= self.diagonal
        for s, y, r in pairs:
            v += (shares.pop() - r * (y @ v)) * s
        return v

    def normal(self, mean: np.ndarray) -> Factored:
        """The normal density of this covariance. LinAlgError where the matrix is not positive."""
        scale = np.sqrt(self.diagonal)
        if not self.steps:
            return Factored(mean, scale, np.empty((len(mean), 0)), np.empty((0, 0)))
        s, y, k = np.array(self.steps).T, np.array(self.bends).T, len(self.steps)
        products = s.T @ y
        scaled = scale[:, None] * y
        inner = scaled.T @ scaled
        inner.flat[:: k + 1] += products.diagonal()
        products[np.tri(k, k, -1, dtype=bool)] = 0.0
        inverse = np.linalg.inv(products)
        middle = np.zeros((2 * k, 2 * k))
        middle[:k, k:] = -inverse
        middle[k:, :k] = -inverse.T
        middle[k:, k:] = inverse.T @ inner @ inverse
        basis, r = np.linalg.qr(np.concatenate([scaled, s / scale[:, None]], axis=1))
        core = np.linalg.cholesky(np.eye(len(r)) + r @ middle @ r.T)
        return Factored(mean, scale, basis, core)


@dataclass(frozen=True, eq=False)
class Place:
    """A point of an ascent: its log density, gradient, the Newton step from it by the inverse
    Hessian so far, and, at the end, why it ended."""

    q: np.ndarray
    value: float
    slope: np.ndarray
    step: np.ndarray
    inverse: InverseHessian
    end: str = ""


def ascend(density: Surface, q: np.ndarray, history: int, maxiter: int) -> Iterator[Place]:
    """The points of an ascent from a point of finite density, that one first. The last one has an
    `end`; `CONVERGED`, if it is a mode up to rounding."""
    inverse = InverseHessian(density.dim, history)
    value, slope = density.at(q)
    quiet = 0
    for iteration in range(maxiter + 1):
        direction = inverse.times(slope)
        gain = float(slope @ direction)
        if not (np.isfinite(gain) and gain > 0) and inverse.steps:
            inverse.forget()
            direction, gain = inverse.diagonal * slope, float(slope @ (inverse.diagonal * slope))
        small = EXACT * max(1.0, abs(value))
        end = CONVERGED if gain <= small or quiet > 1 else ""
        if not end and iteration == maxiter:
            end = f"the limit of {maxiter} iterations was reached"
        yield Place(q, value, slope, direction, inverse, end)
        if end:
            return
        first = 1.0 if inverse.steps else min(1.0, 1.0 / float(np.sqrt(slope @ slope)))
        found = line_search(density, q, value, direction, gain, first)
        if found is None and inverse.steps:
            inverse.forget()
            direction, gain = slope, float(slope @ slope)
            first = 1.0 / float(np.sqrt(gain))
            found = line_search(density, q, value, direction, gain, first)
        if found is None:
            end = CONVERGED if gain <= 1e-8 * max(1.0, abs(value)) else "no step goes up"
            yield Place(q, value, slope, inverse.times(slope), inverse, end)
            return
        new, risen, changed = found
        quiet = quiet + 1 if risen - value <= small else 0
        inverse.learn(new - q, slope - changed)
        q, value, slope = new, risen, changed


def line_search(
    density: Surface, q: np.ndarray, value: float, direction: np.ndarray, gain: float, t: float
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """(point, log density, gradient) of a step that meets the weak Wolfe conditions, or of one that
    goes up where none is found; None if there is none either."""
    low, high, rounding = 0.0, np.inf, 8 * np.finfo(float).eps * abs(value)
    best = None
    for _ in range(TRIALS):
        point = q + t * direction
        risen, slope = density.at(point)
        if not risen >= value + RISE * t * gain - rounding:
            high = t
            # The top of the parabola, where there is one.
            bent = value + gain * t - risen
            top = gain * t * t / (2 * bent) if np.isfinite(bent) and bent > 0 else 0.5 * t
            t = low + (high - low) * 0.5 if low else min(max(top, 0.1 * t), 0.5 * t)
        else:
            if best is None or risen > best[1]:
                best = point, risen, slope
            if not slope @ direction > BEND * gain:
                return point, risen, slope
            low = t
            t = 0.5 * (low + high) if np.isfinite(high) else 4.0 * t
        if high - low <= 1e-12 * high:
            break
    return best
