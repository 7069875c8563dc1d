"""`reparametrize`: centred, non-centred and partly centred coordinates for a posterior.

How well a variable x with the prior mu + sigma z is sampled depends on whether its coordinate is x
or z: x where data determine it well, z where they do not. Between them lie u = (x - mu) /
sigma**(1 - c) + c mu. Among these the best c makes the posterior of all coordinates as close as
possible to independent normal variables, with which a diagonal metric has no difficulty: the least
Kullback-Leibler divergence from the posterior to such variables (Gorinova, Moore and Hoffman 2020
have the divergence the other way around, by variational inference). As the entropy of the
coordinates is that of the variables less the log-Jacobian, this divergence is, up to a constant,

    sum over entries of  log sd(u) + (1 - c) E[log sigma],

which draws of x, mu and sigma give for every c at once, whatever coordinates they were drawn in.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.dataclass import replace as with_fields
from probtensor.graph import GraphError, Node, ancestors, line_of, made_by, toposort
from probtensor.graph.node import make
from probtensor.graph.walk import replace as replaced
from probtensor.late import late
from probtensor.prob.bijectors.centring import centering_of
from probtensor.prob.distributions.base import RandomVariable, display_name
from probtensor.prob.distributions.support import REAL, REAL_VECTOR
from probtensor.prob.draws import draw_rows
from probtensor.prob.model.graphs import FreeVariable
from probtensor.prob.model.names import listed
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.modelling.handlers import Parts
from probtensor.prob.predictive import posterior_rows
from probtensor.sample.checks import integer
from probtensor.sample.errors import SamplerWarning

runs = late("probtensor.sample.run")
GRID = np.linspace(0.0, 1.0, 21)
# Nats per entry that an own c for each entry must gain over one for all of them.
WORTHWHILE = 0.02


@public
def reparametrize(
    posterior: Posterior,
    how: object = "auto",
    *,
    draws: int = 200,
    tune: int = 300,
    chains: int = 4,
    seed: object = 0,
    progress: bool = True,
) -> Posterior:
    """The same posterior in coordinates in which it is easier to sample.

    how    "auto": chosen from two short runs, of `draws`, `tune`, `chains` and `seed`, entry by
           entry, for all variables of location-scale families whose location or scale is free;
           an ArviZ object with draws of this posterior: chosen from these;
           False, True or a number from 0 to 1: none of these variables centred, all, or partly;
           {variable or its name: one of these, or an array of the variable's shape}
    progress  print what is chosen

    Only the coordinates q change: variables, their names, priors, draws and predictions stay. It is
    `centered=` of `pt.random` that is set.

    Returns a posterior. Raises KeyError for an unknown name, GraphError for a variable that has no
    location and scale, ValueError for numbers that are not between 0 and 1.

        >>> mu, tau = pt.random.normal(0, 5, name="mu"), pt.random.half_cauchy(5, name="tau")
        >>> theta = pt.random.normal(mu, tau, shape=3, name="theta")
        >>> post = pt.condition({pt.random.normal(theta, 1.0, name="y"): [1.0, 2.0, 3.0]})
        >>> easier = pt.reparametrize(post, False)
        >>> easier.constrain([1.0, 0.0, 0.0, 1.0, 2.0])["theta"]  # mu + tau * [0, 1, 2]
        array([1., 2., 3.])
    """
    if not isinstance(posterior, Posterior):
        raise TypeError(
            f"reparametrize: takes a posterior, not {posterior!r:.60}\n  at {line_text()}"
        )
    if isinstance(how, Mapping):
        return _centred(posterior, _named_shares(posterior, how))
    found = candidates(posterior)
    if isinstance(how, str):
        if how != "auto":
            raise ValueError(
                f"reparametrize: how={how!r:.60} is neither 'auto' nor a share\n  at {line_text()}"
            )
        given = (("draws", draws, 10), ("tune", tune, 1), ("chains", chains, 1))
        counts = [integer("reparametrize", *setting) for setting in given]
        return _automatic(posterior, found, counts, seed, progress)
    if hasattr(how, "posterior"):
        return _chosen(posterior, found, posterior_rows(how)[0], progress)
    vectors = 0.0 if np.ndim(how) == 0 and not how else 1.0
    return _centred(
        posterior,
        {v.variable: vectors if v.variable.op.distribution.event_ndim else how for v in found},
    )


def _named_shares(posterior: Posterior, how: Mapping[object, object]) -> dict[Node, object]:
    """The shares of free variables, by node; GraphError for another variable."""
    parts = Parts(posterior)
    wanted = {parts.find("reparametrize", key): value for key, value in how.items()}
    free = {v.variable for v in posterior.model.free}
    for node in wanted:
        if node not in free:
            raise GraphError(
                f"reparametrize: {node.name or 'a node'} is no free variable here; these are "
                f"{listed(posterior.names)}\n  at {line_text()}"
            )
    return wanted


def candidates(posterior: Posterior) -> list[FreeVariable]:
    """The free variables of location-scale families whose location or scale is free."""
    free = {v.variable for v in posterior.model.free}
    summed = {z.node for z in posterior.model.summed}
    found = []
    for v in posterior.model.free:
        op = v.variable.op
        if type(op) is not RandomVariable or op.distribution.location_scale is None:
            continue
        own = op.parameters_of(v.variable.inputs)
        if not summed.isdisjoint(ancestors(own)):
            continue  # a coordinate cannot depend on what is summed out
        if op.constraint is None and free.intersection(ancestors(own, stop=free.__contains__)):
            found.append(v)
    return found


def _centred(posterior: Posterior, shares: Mapping[Node, object]) -> Posterior:
    """The posterior with the variables centred by these shares."""
    parts, changes = Parts(posterior), {}
    place = {node: k for k, node in enumerate(toposort([*shares]))}
    for node in sorted(shares, key=place.__getitem__):  # causes first, which others are made of
        share = shares[node]
        with made_by(node):
            plain = with_fields(node.op, centering=None)
            if type(plain) is not RandomVariable:
                raise GraphError(
                    f"reparametrize: {display_name(plain.distribution, plain.label)} is drawn in "
                    f"the steps of a loop\n  made at {line_of(node)}"
                )
            own = None if share is True else centering_of(plain, share)
            inputs = replaced([*node.inputs], changes)
            changes[node] = make(with_fields(plain, centering=own), tuple(inputs))
            parts.transforms.pop(node, None)
    parts.exchange(changes)
    return parts.posterior()


def _automatic(
    posterior: Posterior, found: Sequence[FreeVariable], counts: Sequence[int], seed: object,
    progress: bool,
) -> Posterior:  # fmt: skip
    """Coordinates chosen from a run in others between, and again from a run in those chosen."""
    draws, tune, chains = counts
    names = [v.name for v in found]
    between = {v.variable: 0.0 if v.variable.op.distribution.event_ndim else 0.5 for v in found}
    if not between:
        if progress:
            print("reparametrize: no variable has a free location or scale of its own")
        return posterior
    trial = _centred(posterior, between)
    for last in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SamplerWarning)
            idata = runs.sample(trial, draws, tune, chains, seed=seed, progress=False)
        own = [v for v in trial.model.free if v.name in names]
        trial = _chosen(trial, own, posterior_rows(idata)[0], progress and last)
    return trial


def _chosen(
    posterior: Posterior, found: Sequence[FreeVariable], rows: Mapping[str, np.ndarray],
    progress: bool,
) -> Posterior:  # fmt: skip
    """The posterior with shares chosen from draws (n, *shape) by name."""
    model = posterior.model
    missing = [v.name for v in model.free if v.name not in rows]
    if missing:
        raise GraphError(
            f"reparametrize: there are no draws of {listed(missing)}\n  at {line_text()}"
        )
    given = {v.variable: rows[v.name] for v in model.free}
    named = {}
    for v in found:
        location, scale = v.variable.op.distribution.location_scale
        own = v.variable.op.named(v.variable.inputs)
        named[v.name, "scale"] = own[scale]
        named[v.name, "location"] = ops.zeros(()) if location is None else own[location]
    count = len(next(iter(rows.values())))
    values = draw_rows(
        named, count, None, given, posterior.data, posterior.lengths, posterior.target
    )
    choices = {}
    for v in found:
        place = Place(rows[v.name], values[v.name, "location"], values[v.name, "scale"])
        choices[v] = place.best(v.variable.op.distribution)
        if progress:
            print(f"reparametrize: {v.name} {described(choices[v])}")
    return _centred(posterior, {v.variable: share for v, share in choices.items()})


@dataclass(frozen=True, eq=False)
class Place:
    """Draws of a variable, and of its location and scale, along axis 0."""

    value: np.ndarray
    location: np.ndarray
    scale: np.ndarray

    def best(self, distribution: object) -> object:
        """The share, of each entry or of all, with the least divergence."""
        if distribution.over is REAL_VECTOR:
            return self.best_of_vectors()
        x, location, scale = (
            aligned(a, self.value.ndim) for a in (self.value, self.location, self.scale)
        )
        with np.errstate(all="ignore"):
            log_scale = np.log(scale)
            if distribution.over is not REAL:
                x = np.log(x)
            if distribution.location_scale[0] is None:
                # Relative to a scale: log x = log sigma + u, a location of the logarithm.
                location, log_scale = log_scale, np.zeros_like(log_scale)
            costs = np.stack([divergence(x, location, log_scale, c) for c in GRID])
        costs = np.where(np.isfinite(costs), costs, np.inf)
        if not np.isfinite(costs).any(axis=0).all():
            return 0.0
        mean = costs.reshape(len(GRID), -1).mean(axis=1)
        ends = min((0.0, mean[0]), (1.0, mean[-1]), key=lambda pair: pair[1])
        if ends[1] - costs.min(axis=0).mean() < WORTHWHILE:
            return ends[0]
        if mean.min() - costs.min(axis=0).mean() < WORTHWHILE:
            return float(GRID[np.argmin(mean)])
        return GRID[np.argmin(costs, axis=0)]

    def best_of_vectors(self) -> float:
        """Centred, or not at all."""
        offset = self.value - aligned(self.location, self.value.ndim)
        factor = np.tril(aligned(self.scale, self.value.ndim + 1))
        factor = np.broadcast_to(factor, (*offset.shape, offset.shape[-1]))
        z = np.linalg.solve(factor, offset[..., None])[..., 0]
        heights = np.log(np.abs(np.diagonal(factor, axis1=-2, axis2=-1)))
        centred = np.log(self.value.std(axis=0)).sum()
        standard = (np.log(z.std(axis=0)) + heights.mean(axis=0)).sum()
        return 0.0 if standard < centred else 1.0


def aligned(array: np.ndarray, ndim: int) -> np.ndarray:
    """Draws with so many axes: new ones come after the first."""
    return array.reshape(len(array), *(1,) * (ndim - array.ndim), *array.shape[1:])


def divergence(x: np.ndarray, location: np.ndarray, log_scale: np.ndarray, c: float) -> np.ndarray:
    """log sd(u) + (1 - c) E[log sigma] of each entry; see the module."""
    u = (x - location) * np.exp(-(1 - c) * log_scale) + c * location
    mean = np.broadcast_to(log_scale, u.shape).mean(axis=0)
    return np.log(u.std(axis=0)) + (1 - c) * mean


def described(share: object) -> str:
    """A choice in words."""
    if np.ndim(share):
        low, high = np.min(share), np.max(share)
        return f"centred by {low:.2g} to {high:.2g}, entry by entry (mean {np.mean(share):.2g})"
    return {0.0: "non-centred", 1.0: "centred"}.get(float(share), f"centred by {share:.2g}")
