"""A model taken apart: prior draws, and single random variables with fixed parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.compile import function
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, as_tensor, line_of
from probtensor.graph.node import make, new_input
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.bijectors.choice import bijector_for
from probtensor.prob.bijectors.scalars import Circular, Logit
from probtensor.prob.density.logp import logp
from probtensor.prob.distributions.base import RandomVariable
from probtensor.prob.distributions.support import Ordered
from probtensor.prob.draws import draw_rows
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.sequences.resolve import resolved
from probtensor.process import new_uid, numpy_part

TARGET = "machine"  # small graphs, many of them
ENTRIES = 2  # of a batch that are looked at, for each point of the prior
POINTS = 2  # of the prior at which parameters are looked at


@dataclass(frozen=True, eq=False)
class Prior:
    """Joint draws of a model: arrays (draws, *shape) by node, and by name."""

    rows: Mapping[Node, np.ndarray]

    def named(self, nodes: Mapping[str, Node], index: int) -> dict[str, np.ndarray]:
        """One draw of these variables."""
        return {name: self.rows[node][index] for name, node in nodes.items()}


def drawn_prior(posterior: Posterior, draws: int, seed: int) -> Prior:
    """Joint draws of all random variables; GraphError where one cannot be drawn."""
    variables = [v.variable for v in posterior.model.free]
    variables += [y.node for y in posterior.model.observed]
    return Prior(rows_of_nodes(posterior, variables, draws, seed))


def rows_of_nodes(
    posterior: Posterior,
    nodes: Sequence[Node],
    count: int,
    seed: int,
    given: Mapping[Node, np.ndarray] | None = None,
) -> dict[Node, np.ndarray]:
    """Rows of nodes of a model's graph, drawn jointly, given the rows of some variables."""
    found = draw_rows(
        dict(enumerate(nodes)),
        count,
        seed,
        given,
        data=posterior.data,
        lengths=posterior.lengths,
        target=TARGET,
    )
    return {node: found[k] for k, node in enumerate(nodes)}


def unconstrained_rows(posterior: Posterior, rows: Mapping[Node, np.ndarray]) -> np.ndarray:
    """The points q of rows of the free variables: float64[n, dim]."""
    model = posterior.model
    own = {v.value: new_input(v.name, v.value.dtype, v.shape) for v in model.free}
    pieces = [
        ops.ravel(ops.broadcast_to(v.bijector_with(own).inverse(own[v.value]), v.u.shape))
        for v in model.free
    ]
    fixed = posterior.data | model.arrays
    inputs = [*own.values(), *fixed]
    compiled = function(
        inputs, ops.concatenate(pieces), target=TARGET, on_unused_input="ignore"
    ).bind(fixed, borrow=True)
    arrays = [rows[v.variable] for v in model.free]
    return np.asarray(compiled.rows(arrays)[0], float)


@dataclass(frozen=True, eq=False)
class Alone:
    """A random variable of `entries` points with constant parameters, and the functions of it that
    the checks need. Rows are float64[n, entries, *event] of values `x`, and of unconstrained
    values `u` where it is continuous."""

    name: str
    line: str
    node: Node
    vector: bool

    @property
    def discrete(self) -> bool:
        return self.node.op.distribution.discrete

    @property
    def parameters(self) -> tuple[Node, ...]:
        return self.node.op.parameters_of(self.node.inputs)

    @property
    def bijector(self) -> Bijector:
        """That of the support; of angles one from a line, along which densities are integrated."""
        support = self.node.op.support(*self.node.inputs)
        found = bijector_for(support)
        return Logit(support.low, support.high) if isinstance(found, Circular) else found

    @property
    def circular(self) -> bool:
        """Whether it is an angle."""
        support = self.node.op.support(*self.node.inputs)
        return not self.discrete and isinstance(bijector_for(support), Circular)

    def draws(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """Rows `x`, whether they lie in the support, `inside`, and `u` of continuous ones."""
        support = self.node.op.support(*self.node.inputs)
        inside = support.contains(self.node)
        named = {"x": self.node}
        inside = as_tensor(True) if inside is None else inside
        named["inside"] = ops.broadcast_to(inside, self.node.shape)
        if not self.discrete:
            named["u"] = self.bijector.inverse(self.node)
        return draw_rows(named, count, seed, target=TARGET)

    def logp_of_values(self, x: np.ndarray) -> np.ndarray:
        """Log density of values float64[n, entries], n counts or numbers."""
        own = new_input("x", self.node.dtype, x.shape)
        return function([own], logp(self.node, own), target=TARGET)(x.astype(self.node.dtype))

    def on_line(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(log density of u, values) of float64[n, entries] unconstrained values."""
        own = new_input("u", "float64", u.shape)
        x = self.bijector.forward(own)
        slope = self.bijector.log_jacobian(own)
        density = logp(self.node, x.astype(self.node.dtype))
        density = density if slope is None else density + slope
        outputs = [density, ops.broadcast_to(x, own.shape)]
        found, values = function([own], outputs, target=TARGET)(u)
        return np.asarray(found, float), np.asarray(values, float)


def parts_of(posterior: Posterior, prior: Prior, seed: int) -> list[Alone]:
    """Each random variable of the model by itself, at parameters of the first prior draws."""
    model = posterior.model
    given = {node: rows[:POINTS] for node, rows in prior.rows.items()}
    names = {v.variable: v.name for v in model.free} | {y.node: y.name for y in model.observed}
    return [
        alone(posterior, node, names[node], given, seed)
        for node in model.variables
        if node in names
    ]


def alone(
    posterior: Posterior, node: Node, name: str, given: Mapping[Node, np.ndarray], seed: int
) -> Alone:
    """One variable with the parameters that it has in the given draws."""
    variable = resolved(node).variable
    op = variable.op
    # Of the variable itself: its factor in the model is that of no distribution.
    given_inputs = variable.inputs[:-1] if op.weighted else variable.inputs
    inputs = [*dict.fromkeys(given_inputs)]
    shapes = [as_tensor(x) for x in inputs]
    arrays = dict(zip(inputs, _rows(posterior, shapes, given, seed), strict=True))
    vector = op.distribution.event_ndim > 0 or isinstance(op.constraint, Ordered)
    kept = 1 if isinstance(op.constraint, Ordered) else 0
    batch = given[node].shape[1 : given[node].ndim - op.distribution.event_ndim]
    outer = batch[: len(batch) - kept]
    size = int(np.prod(outer, dtype=int))
    places = numpy_part("random").default_rng(seed).permutation(size)[:ENTRIES]
    constants = []
    domains = [*op.distribution.parameters.values()]
    for k, x in enumerate(given_inputs):
        own = domains[k].event_ndim if k < len(domains) else 0
        bound = k >= len(domains) and kept  # one bound for all entries of an ordered vector
        rows = arrays[x]
        event = rows.shape[rows.ndim - own :] if own else ()
        shape = outer if bound else batch
        full = np.broadcast_to(_aligned(rows, own, len(shape)), (len(rows), *shape, *event))
        flat = full.reshape(len(rows), size, *full.shape[1 + len(outer) :])
        constants.append(as_tensor(np.concatenate(flat[:, places])))
    count = len(places) * len(next(iter(given.values())))
    own = (count, *batch[len(outer) :])
    alike = RandomVariable(op.distribution, own, new_uid(), name, None, op.constraint, op.event)
    return Alone(name, line_of(node), make(alike, tuple(constants)), vector)


def _rows(
    posterior: Posterior, nodes: Sequence[Node], given: Mapping[Node, np.ndarray], seed: int
) -> list[np.ndarray]:
    if not nodes:
        return []
    count = len(next(iter(given.values())))
    found = rows_of_nodes(posterior, nodes, count, seed, given)
    return [found[x] for x in nodes]


def _aligned(rows: np.ndarray, event: int, batch: int) -> np.ndarray:
    """Rows (n, *shape, *event) with as many axes between as the batch has."""
    missing = batch - (rows.ndim - 1 - event)
    return rows.reshape(len(rows), *(1,) * missing, *rows.shape[1:])


def reason(error: GraphError) -> str:
    """The first line of a message."""
    return str(error).splitlines()[0]
