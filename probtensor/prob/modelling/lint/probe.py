"""The terms of a log density and their gradients at random points."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from probtensor import ops
from probtensor.compile import function
from probtensor.dataclass import dataclass
from probtensor.function import Function
from probtensor.graph import Node, ancestors, made_by
from probtensor.graph.node import new_input
from probtensor.prob.density.diagnosis import explained
from probtensor.prob.model.graphs import term_sources
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.sequences.resolve import resolved
from probtensor.transform.autodiff import gradient

LARGEST = 400  # coordinates up to which directions are looked at
MOST_TRIES = 200
POINTS = 4
LIKELIHOOD, PRIOR = "likelihood", "prior"


@dataclass(frozen=True, eq=False)
class Group:
    """Entries start:stop of all terms: those of one, with the log-Jacobian for a free variable.

    kind       "likelihood" (also of potentials) or "prior"
    depends    whether a prior has parameters that are free: it is then data of these
    joint      whether an entry is the density of more than one number
    """

    name: str
    kind: str
    start: int
    stop: int
    depends: bool = False
    vector: bool = False
    joint: bool = False


class Probe:
    """A posterior's terms as functions of q: weighted sums of all entries, with their gradients.

    `points` are random ones at which the density and its gradient are finite.
    """

    def __init__(self, posterior: Posterior, rng: np.random.Generator) -> None:
        self.posterior = posterior
        self.rng = rng
        self.groups: list[Group] = []
        self.dim = posterior.dim
        self.points = self._finite_points()
        self._weighted = self._compiled()

    def _finite_points(self) -> np.ndarray:
        found = []
        for _ in range(MOST_TRIES):
            q = self.rng.normal(size=self.dim)
            logp, slope = self.posterior.logp_and_grad(q)
            if np.isfinite(logp) and np.isfinite(slope).all():
                found.append(q)
            if len(found) == POINTS:
                break
        return np.array(found).reshape(len(found), self.dim)

    def more_points(self, count: int) -> np.ndarray:
        """Points around the finite ones."""
        centres = self.points[self.rng.integers(len(self.points), size=count)]
        near = centres + 0.3 * self.rng.normal(size=centres.shape)
        fine = [np.isfinite(self.posterior.logp(q)) for q in near]
        return np.where(np.array(fine)[:, None], near, centres)

    def _compiled(self) -> Function:
        """(rows of q, rows of weights) -> [weighted sums, gradients]."""
        model = self.posterior.model
        terms = self._terms()
        self.entries = self.groups[-1].stop
        weights = new_input("weights", "float64", (self.entries,))
        total = ops.sum(ops.concatenate(terms) * weights)
        slopes = gradient(total, [v.u for v in model.free], disconnected_inputs="ignore")
        slope = ops.concatenate([ops.ravel(g) for g in slopes])
        density = model.density(model.at_q([total, slope]))
        compiled = function(
            [model.q, weights, *density.inputs], list(density.outputs), name="lint",
            target="machine", on_unused_input="ignore",
        )  # fmt: skip
        return compiled.bind(self.posterior._binding.values(density), borrow=True)

    def _terms(self) -> list[Node]:
        """The entries of all terms; `groups` says which these are."""
        model, sizes = self.posterior.model, self.posterior._binding.sizes
        free, start, terms = {v.variable for v in model.free}, 0, []
        sources = list(term_sources(model))
        jacobians = {s.node: s.graph for s in sources if s.kind == "log-Jacobian"}
        for source in (s for s in sources if s.kind != "log-Jacobian"):
            node, is_prior = source.node, source.kind == "prior"
            with made_by(node):
                graph, _ = explained(model, source)
                jacobian = jacobians.get(node)
                if jacobian is not None and jacobian.shape == graph.shape:
                    graph = graph + jacobian
                terms.append(ops.ravel(graph).astype("float64"))
            joint = (
                not graph.shape if source.kind == "potential" else node.op.distribution.event_ndim
            )
            stop = start + prod(sizes.shape(graph.shape))
            self.groups.append(
                Group(
                    source.owner.name, PRIOR if is_prior else LIKELIHOOD, start, stop,
                    is_prior and not free.isdisjoint(_above(node)),
                    is_prior and prod(source.owner.shape) > 1, bool(joint),
                )
            )  # fmt: skip
            start = stop
        return terms

    def gradients(self, points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(weighted sums, their gradients) for each row of points and of weights."""
        values, slopes = self._weighted.rows([points, weights])
        return np.asarray(values), np.asarray(slopes)

    def mask(self, chosen: Callable[[Group], bool]) -> np.ndarray:
        """1 for the entries of the groups for which `chosen(group)` holds."""
        mask = np.zeros(self.entries)
        for group in self.groups:
            mask[group.start : group.stop] = float(chosen(group))
        return mask


def _above(node: Node) -> list[Node]:
    """What the parameters of a random variable depend on."""
    return ancestors(resolved(node).variable.inputs)
