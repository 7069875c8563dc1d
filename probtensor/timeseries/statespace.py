"""State space models: series with unobserved states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.graph.symbolic import refusal
from probtensor.ops.loops.structured import scan
from probtensor.prob.distributions.base import deterministic, random_variable, to_tensor
from probtensor.prob.model.missing import missing_in
from probtensor.prob.random import normal
from probtensor.process import numpy_part
from probtensor.timeseries.densities import Observation, ObservationVector
from probtensor.timeseries.recursions import Step, System, backward, filter_step
from probtensor.types import Dim, Size, shape_text


class Filtered(NamedTuple):
    """What `StateSpace.filter` returns, for n steps and m states.

    predicted_mean, predicted_cov  (n, m) and (n, m, m): the states given the observations before
    filtered_mean, filtered_cov    the same, given also the observation of the step
    mean, variance                 (n,), or (n, p) and (n, p, p): observations given those before
    logp                           (n,): the log density of each observation given those before, 0
                                   of a missing one
    """

    predicted_mean: Node
    predicted_cov: Node
    filtered_mean: Node
    filtered_cov: Node
    mean: Node
    variance: Node
    logp: Node


class Smoothed(NamedTuple):
    """What `StateSpace.smooth` returns: mean (n, m) and covariance (n, m, m) of the states given
    all observations."""

    mean: Node
    cov: Node


@dataclass(frozen=True, eq=False)
class StateSpace:
    """A linear Gaussian state space model of m states, for one series or several.

    The state x of a step becomes T @ x + e, e ~ N(0, state_cov), and is seen as
    y = Z @ x + offset + u, u ~ N(0, obs_cov), with independent noise. Models are made by
    `pt.timeseries.local_level` and the like, and added by `+`: the series is then the sum. All
    methods take tensors, so that parameters may be random variables.

        >>> model = pt.timeseries.local_level(0.1, 0.5) + pt.timeseries.seasonal(4, 0.1)
        >>> y = model.series("y", steps=12)
        >>> post = pt.condition({y: np.where(np.arange(12) == 5, np.nan, 1.0)})
    """

    transition: Node  # (m, m)
    design: Node  # (m,) of one series, (p, m) of several; with a first axis of steps if it varies
    state_cov: Node  # (m, m)
    obs_cov: Node  # a number, or (p, p)
    initial_mean: Node  # (m,)
    initial_cov: Node  # (m, m)
    offset: Node  # a number, or (p,); with a first axis of steps if it varies
    states: tuple[str, ...]
    several: bool = False

    def __add__(self, other: object) -> StateSpace:
        if not isinstance(other, StateSpace):
            return NotImplemented
        if self.several != other.several:
            raise refusal(
                "timeseries: a model of one series and one of several are added", kind=GraphError
            )
        design = _side_by_side([self.design, other.design], 2 if self.several else 1)
        offsets = _same_steps([self.offset, other.offset], 1 if self.several else 0)
        return StateSpace(
            ops.block_diag(self.transition, other.transition),
            design,
            ops.block_diag(self.state_cov, other.state_cov),
            self.obs_cov + other.obs_cov,
            ops.concatenate([self.initial_mean, other.initial_mean]),
            ops.block_diag(self.initial_cov, other.initial_cov),
            offsets[0] + offsets[1],
            (*self.states, *other.states),
            self.several,
        )

    @public(name="StateSpace.series")
    def series(self, name: str, steps: Size | str) -> Node:
        """The series as a random variable, whose states are integrated out: what to give to
        `pt.condition({y: data})`, where nan is a missing observation, which is integrated out, too.

        steps  the number of steps, or the name of a dim

        Returns a random variable of the shape (steps,), of several series (steps, p). Raises
        GraphError, a TypeError, for fewer rows of regressors than steps.

            >>> y = pt.timeseries.local_level(0.1, 0.5).series("y", steps=20)
            >>> pt.draw(y, draws=3, seed=1).shape
            (3, 20)
        """
        count = Dim.name(steps) if isinstance(steps, str) else steps
        return self._random(name, (self.initial_mean, self.initial_cov), 0, count)

    @public(name="StateSpace.forecast")
    def forecast(self, name: str, data: TensorLike, steps: int) -> Node:
        """The steps after the data as a random variable: `pt.sample_posterior_predictive` draws it
        for each draw of the parameters. Regressors have rows for these steps, too.

        Returns a random variable of the shape (steps,), of several series (steps, p). Raises
        GraphError, a TypeError, for data of other shapes.

            >>> model = pt.timeseries.local_level(0.1, 0.5)
            >>> pt.draw(model.forecast("y_new", [1.0, 1.2], 3), draws=4, seed=1).shape
            (4, 3)
        """
        y = self._data(data)
        last, _ = self._run(y)
        return self._random(name, last, y.shape[0], steps)

    @public(name="StateSpace.filter")
    def filter(self, data: TensorLike) -> Filtered:
        """The states given the observations up to each step (the Kalman filter).

        data  shape (n,), of several series (n, p); nan where an observation is missing

        Returns a named tuple, `Filtered`. Raises GraphError, a TypeError, for data of other shapes.

            >>> found = pt.timeseries.local_level(1.0, 1.0, initial_sd=1.0).filter([2.0, np.nan])
            >>> found.filtered_mean.eval()[:, 0], found.filtered_cov.eval()[:, 0, 0]
            (array([1., 1.]), array([0.5, 1.5]))
        """
        y = self._data(data)
        _, known = self._run(y)
        designs, offsets = self._rows(0, y.shape[0])
        if self.several:
            gain = known.gain
            mean = known.mean + ops.sum(gain * known.error[:, None, :], axis=2)
            rest = ops.eye(len(self.states)) - gain @ designs
            cov = rest @ known.cov @ ops.matrix_transpose(rest)
            cov = cov + gain @ self.obs_cov @ ops.matrix_transpose(gain)
            seen_mean = ops.sum(designs * known.mean[:, None, :], axis=2) + offsets
            variance = designs @ known.cov @ ops.matrix_transpose(designs) + self.obs_cov
            density = ObservationVector().logpdf(y, seen_mean, variance)
        else:
            gain = known.gain
            mean = known.mean + gain * known.error[:, None]
            rest = ops.eye(len(self.states)) - gain[:, :, None] * designs[:, None, :]
            cov = rest @ known.cov @ ops.matrix_transpose(rest)
            cov = cov + self.obs_cov * gain[:, :, None] * gain[:, None, :]
            seen_mean, variance = ops.sum(designs * known.mean, axis=1) + offsets, known.error_cov
            density = Observation().logpdf(y, seen_mean, variance)
        return Filtered(known.mean, known.cov, mean, cov, seen_mean, variance, density)

    @public(name="StateSpace.logp")
    def logp(self, data: TensorLike) -> Node:
        """The log density of each observation given those before it; 0 of a missing one. Its sum is
        that of the series: `pt.potential(model.logp(data))` is the same as observing the series.

        Returns a tensor of the shape (n,). Raises GraphError, a TypeError, for data of other
        shapes.

            >>> pt.timeseries.local_level(1.0, 1.0, initial_sd=1.0).logp([0.0]).eval().round(4)
            array([-1.2655])
        """
        return self.filter(data).logp

    @public(name="StateSpace.smooth")
    def smooth(self, data: TensorLike) -> Smoothed:
        """The states at each step given all observations.

        data  as of `filter`

        Returns a named tuple of the means (n, m) and the covariances (n, m, m). Raises GraphError,
        a TypeError, for data of other shapes.

            >>> found = pt.timeseries.local_level(1.0, 1.0).smooth([1.0, np.nan, 3.0])
            >>> found.mean.eval()[:, 0].round(2)
            array([1.5, 2. , 2.5])
        """
        y = self._data(data)
        _, known = self._run(y)
        designs, _ = self._rows(0, y.shape[0])
        seen = ops.logical_not(ops.isnan(y))
        return Smoothed(*backward(self._system(), known, designs, seen))

    @public(name="StateSpace.draw_states")
    def draw_states(self, name: str, data: TensorLike) -> Node:
        """The states at all steps drawn given all observations: each draw is another path.

        Returns a random tensor of the shape (n, m), a `pt.deterministic` of that name. Raises
        GraphError, a TypeError, for data of other shapes.
        Source: Durbin and Koopman (2002), "A simple and efficient simulation smoother for state
        space time series analysis", Biometrika 89:603.

            >>> path = pt.timeseries.local_level(1.0, 1.0).draw_states("level", [1.0, np.nan, 3.0])
            >>> pt.draw(path, draws=5, seed=1).shape
            (5, 3, 1)
        """
        y = self._data(data)
        n, m = y.shape[0], len(self.states)
        designs, offsets = self._rows(0, n)
        first = self.initial_mean + _root(self.initial_cov) @ normal(0.0, 1.0, shape=(m,))
        moves = normal(0.0, 1.0, shape=(n, m)) @ ops.matrix_transpose(_root(self.state_cov))
        _, path = scan(lambda x, e: (self.transition @ x + e, x), first, moves)
        noise = normal(0.0, 1.0, shape=y.shape)
        if self.several:
            noise = noise @ ops.matrix_transpose(_root(self.obs_cov))
            seen = ops.sum(designs * path[:, None, :], axis=2) + offsets + noise
        else:
            seen = ops.sum(designs * path, axis=1) + offsets + ops.sqrt(self.obs_cov) * noise
        # The smoother is linear: what the data add to a path that was drawn without them.
        none = {"initial_mean": ops.zeros((m,)), "offset": ops.zeros_like(self.offset)}
        centred = replace(self, **none)
        return deterministic(path + centred.smooth(y - seen).mean, name)

    def _system(self, design: Node | None = None, offset: Node | None = None) -> System:
        return System(
            self.transition,
            self.state_cov,
            self.obs_cov,
            self.design if design is None else design,
            self.offset if offset is None else offset,
        )

    def _rows(self, first: Size, count: Size) -> tuple[Node, Node]:
        """The design and the offset of all of so many steps."""
        found = []
        for node, rank in ((self.design, 2), (self.offset, 1)):
            if node.ndim == rank + self.several:
                self._check_rows(node, first, count)
                rows = node[first : first + count]
                # So many steps, where the slice alone does not tell.
                found.append(ops.reshape(rows, (count, *node.shape[1:])))
            else:
                found.append(ops.broadcast_to(node, (count, *node.shape)))
        return found[0], found[1]

    def _check_rows(self, node: Node, first: Size, count: Size) -> None:
        sizes = node.shape[0], first, count
        if all(isinstance(n, int) for n in sizes) and sizes[0] < first + count:
            raise refusal(
                f"timeseries: there are {sizes[0]} rows of regressors and {first + count} steps",
                "regressors have a row for each step, for those of a forecast too",
                kind=GraphError,
            )

    def _random(self, name: str, start: tuple[Node, Node], first: Size, count: Size) -> Node:
        """The series from a distribution of the state on, as a random variable."""
        if not self.states:
            raise refusal(
                "timeseries: a model without states",
                "add a component that has some, as local_level",
                kind=GraphError,
            )
        distribution = ObservationVector() if self.several else Observation()
        rows = self._rows(first, count) if self._varies else (None, None)

        def step(carry: tuple[Node, Node], given: tuple) -> tuple[tuple[Node, Node], Node]:
            drawn = []

            def observe(mean: Node, variance: Node) -> Node:
                drawn.append(random_variable(distribution, (mean, variance), name=name))
                return drawn[0]

            system = self._system(*given) if self._varies else self._system()
            a, p, _ = filter_step(system, *carry, observe)
            return (a, p), drawn[0]

        return scan(step, start, rows if self._varies else None, None if self._varies else count)[1]

    @property
    def _varies(self) -> bool:
        return self.design.ndim > 1 + self.several or self.offset.ndim > self.several

    def _run(self, y: Node) -> tuple[tuple[Node, Node], Step]:
        """The state after all observations, and what the filter knows at each step."""
        rows = self._rows(0, y.shape[0]) if self._varies else ()

        def step(carry: tuple[Node, Node], given: tuple) -> tuple[tuple[Node, Node], Step]:
            a, p, found = filter_step(self._system(*given[1:]), *carry, lambda *_: given[0])
            return (a, p), tuple(found)

        last, found = scan(step, (self.initial_mean, self.initial_cov), (y, *rows))
        return last, Step(*found)

    def _data(self, data: TensorLike) -> Node:
        y = to_tensor("timeseries: data", _with_gaps(data))
        y = y if y.dtype == "float64" else y.astype("float64")
        wanted = 1 + self.several
        count = self.design.shape[-2] if self.several else None
        wrong = y.ndim != wanted or (
            self.several and isinstance(y.shape[1], int) and y.shape[1] != count
        )
        if wrong or not self.states:
            shape = f"(n, {count})" if self.several else "(n,)"
            raise refusal(
                f"timeseries: data of shape {shape_text(y.shape)} for {len(self.states)} states",
                f"data have the shape {shape}, and a model has states",
                kind=GraphError,
            )
        return y


def _with_gaps(data: TensorLike) -> TensorLike:
    """Data with nan for what is masked."""
    mask = missing_in(data)
    return data if mask is None else np.where(mask, np.nan, numpy_part("ma").getdata(data))


def _root(cov: Node) -> Node:
    """A square root of a positive semidefinite matrix, by its eigenvectors: for draws, not for
    derivatives, which are not finite where eigenvalues are equal."""
    values, vectors = ops.eigh(cov)
    return vectors * ops.sqrt(ops.maximum(values, 0.0))


def _same_steps(nodes: Sequence[Node], rank: int) -> list[Node]:
    """The nodes, with an axis of steps if one has it, of the same number of steps."""
    varying = [x for x in nodes if x.ndim > rank]
    if not varying:
        return list(nodes)
    sizes = [x.shape[0] for x in varying]
    if all(isinstance(n, int) for n in sizes):
        steps = min(sizes)
        return [
            x[:steps] if x.ndim > rank else ops.broadcast_to(x, (steps, *x.shape)) for x in nodes
        ]
    return [x if x.ndim > rank else ops.broadcast_to(x, (sizes[0], *x.shape)) for x in nodes]


def _side_by_side(nodes: Sequence[Node], rank: int) -> Node:
    return ops.concatenate(_same_steps(nodes, rank), axis=-1)


@public(name="timeseries.state_space")
def state_space(
    transition: TensorLike,
    design: TensorLike,
    state_cov: TensorLike,
    obs_cov: TensorLike,
    *,
    initial_mean: TensorLike = 0.0,
    initial_cov: TensorLike,
    offset: TensorLike = 0.0,
    varying: bool = False,
    states: Sequence[str] | None = None,
) -> StateSpace:
    """A linear Gaussian state space model of matrices, for m states, and one series or p.

    transition    (m, m)
    design        (m,) for one series, or (p, m); with `varying`, one for each step along a first
                  axis
    state_cov     (m, m), the covariance of the noise of the states
    obs_cov       the variance of the noise of the observations; of several series (p, p)
    initial_mean  (m,) or a number
    initial_cov   (m, m), of the state at the first step; a large one for what is not known
    offset        added to the observations: a number, or (p,); with `varying` also for each step
    states        names of the states

    Returns a `StateSpace`. Raises GraphError, a TypeError, for shapes that do not fit together.
    Source: Durbin and Koopman (2012), "Time Series Analysis by State Space Methods", 3.1.

        >>> model = pt.timeseries.state_space([[0.9]], [1.0], [[1.0]], 0.5, initial_cov=[[1.0]])
        >>> model.logp([0.0, 1.0]).eval().round(4)
        array([-1.1217, -1.4869])
    """
    given = {"transition": transition, "design": design, "state_cov": state_cov,
             "obs_cov": obs_cov, "initial_mean": initial_mean, "initial_cov": initial_cov,
             "offset": offset}  # fmt: skip
    found = {
        name: to_tensor(f"state_space: {name}", x).astype("float64") for name, x in given.items()
    }
    several, m = _shaped(found, bool(varying))
    names = tuple(states) if states is not None else tuple(f"state_{k}" for k in range(m))
    return StateSpace(**found, states=names, several=several)


def _shaped(found: dict[str, Node], varying: bool) -> tuple[bool, int]:
    """Whether the matrices are of several series, and the number of states; numbers become vectors.
    GraphError for shapes that do not fit together."""
    t, z = found["transition"], found["design"]
    several = z.ndim - varying == 2
    m = t.shape[-1] if t.ndim and isinstance(t.shape[-1], int) else None
    p = z.shape[-2] if several else None
    wanted = {"transition": (m, m), "state_cov": (m, m), "initial_cov": (m, m)}
    if several:
        wanted["obs_cov"] = (p, p)
        if varying and found["offset"].ndim < 2:
            found["offset"] = ops.broadcast_to(found["offset"], (z.shape[0], p))
        elif not varying:
            found["offset"] = ops.broadcast_to(found["offset"], (p,))
    else:
        wanted["obs_cov"] = ()
    if found["initial_mean"].ndim == 0 and m is not None:
        found["initial_mean"] = ops.broadcast_to(found["initial_mean"], (m,))
    wanted["initial_mean"] = (m,)
    own = m is not None and z.ndim - varying in (1, 2) and _fits(z.shape[-1:], (m,))
    if not own or not all(_fits(found[name].shape, shape) for name, shape in wanted.items()):
        shapes = ", ".join(f"{name} {shape_text(x.shape)}" for name, x in found.items())
        raise refusal(
            f"state_space: the shapes do not fit together: {shapes}",
            "for m states and p series they are (m, m), (p, m), (m, m), (p, p), (m,), (m, m)",
            kind=GraphError,
        )
    return several, m


def _fits(shape: Sequence[Size], wanted: Sequence[Size]) -> bool:
    same = [n == k or not (isinstance(n, int) and isinstance(k, int))
            for n, k in zip(shape, wanted)]  # fmt: skip
    return len(shape) == len(wanted) and all(same)
