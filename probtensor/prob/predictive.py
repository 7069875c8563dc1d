"""Draws from the prior and from the posterior predictive distribution, as named arrays.

Variables are matched by name: one whose name has posterior draws takes these, row by row; every
other variable is drawn. So new variables may depend on old ones (other rows, new groups), and no
model object is needed, since the graph has the dependences. Draws for a posterior are computed on
its target; posterior predictive draws, which take no posterior, on $PROBTENSOR_TARGET.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from probtensor.calls import line_text, public
from probtensor.graph import GraphError, Node, line_of
from probtensor.graph.node import TensorLike
from probtensor.late import late
from probtensor.prob.density.logp import logp
from probtensor.prob.distributions.base import RandomVariable
from probtensor.prob.draws import draw_rows, draw_settings
from probtensor.prob.model.binding import data_array
from probtensor.prob.model.data import Data
from probtensor.prob.model.names import check_names, dims_of_node, named_things
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.sequences.convert import as_sequence
from probtensor.prob.sequences.resolve import model_order
from probtensor.sample.runs.output import Arviz, to_arviz
from probtensor.types import shape_text
from probtensor.version import __version__

recovery = late("probtensor.prob.enumeration.recover")


@public
def sample_prior(model: Posterior | object, draws: int = 500, seed: object = None) -> Arviz:
    """Draws from the prior, as an ArviZ object with one chain.

    model: a posterior, whose free variables and deterministics become the group `prior` and whose
    observed variables `prior_predictive`; or named tensors, which become `prior`. `draws` and
    `seed` are as in `draw`, but there is at least one draw.

    Returns an ArviZ object, with arrays of shape (1, draws, *shape of the variable).
    Raises GraphError, a TypeError, for a tensor without a name; TypeError or ValueError for other
    settings.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> pt.sample_prior(pt.condition({y: 1.0}), draws=9, seed=1).prior["mu"].shape
        (1, 9)
    """
    draws, seed = draw_settings("sample_prior", draws, seed, least=1)
    prior, seen = prior_rows(model, draws, seed)
    groups = {"prior": by_chain(prior, 1)}
    if seen:
        own = {name: np.array(values) for name, values in model.observed.items()}
        groups |= {"prior_predictive": by_chain(seen, 1), "observed_data": own}
    if isinstance(model, Posterior):
        dims, coords = model.dims, model.coords
    else:
        dims = dims_of(named_outputs(model))
        coords = coords_of(dims, prior | seen, {})
    return to_arviz(groups, dims=dims, coords=coords, attrs=attributes(seed))


@public
def sample_posterior_predictive(
    idata: Arviz,
    outputs: object,
    *,
    seed: object = None,
    data: Mapping[Node, TensorLike] | None = None,
) -> Arviz:
    """Draws of variables given the posterior, as an ArviZ object with `posterior_predictive`.

    idata    an ArviZ object with draws in its group `posterior`; its variables are found by name
             among those that `outputs` depend on, and everything else is drawn; so are discrete
             variables that were summed out, from their distribution given the others, unless
             `idata` is what `pt.recover_marginals` gives, which has draws of them
    outputs  a random variable or named expression, or several: the observed ones again, or new ones
    data     {data input: array} for other data than the model was made with, in its dtype without
             loss; else TypeError or ValueError
    seed     as in `draw`

    Returns an ArviZ object, with arrays of shape (chain, draw, *shape of the variable).
    Raises GraphError, a TypeError, for a name that a result cannot have and for a variable that has
    none.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> post = pt.condition({y: 1.0})
        >>> idata = pt.sample(post, draws=9, tune=9, chains=1, seed=1, progress=False)
        >>> pt.sample_posterior_predictive(idata, y, seed=2).posterior_predictive["y"].shape
        (1, 9)
    """
    _, seed = draw_settings("sample_posterior_predictive", None, seed)
    rows, chains = posterior_rows(idata)
    labels = {}
    for group in ("constant_data", "observed_data", "posterior"):
        found = getattr(idata, group, None)
        labels |= {} if found is None else {str(d): np.asarray(x) for d, x in found.coords.items()}
    lengths = {dim: len(values) for dim, values in labels.items()}
    found = predictive_rows(outputs, rows, seed, data, lengths)
    dims = dims_of(named_outputs(outputs))
    coords = coords_of(dims, found, labels)
    groups = {"posterior_predictive": by_chain(found, chains)}
    return to_arviz(groups, dims=dims, coords=coords, attrs=attributes(seed))


@public
def log_likelihood(model: Posterior, idata: Arviz) -> Arviz:
    """The log density of each observation and of each free variable, draw by draw, as an ArviZ
    object with `log_likelihood` and `log_prior`: what `az.loo` and `az.psense` ask for.

    model: the posterior that `idata` holds draws of, or the same `with_data`.

    Where discrete variables were summed out, an observation has its marginal density, one for each
    group of observations that share entries of these variables, as the observations of one item of
    unknown class. Free variables whose distribution depends on such a variable are left out of
    `log_prior`.

    Returns an ArviZ object, with arrays of shape (chain, draw, *shape of the variable).
    Raises GraphError, a TypeError, where `idata` lacks a variable, and where the density of what is
    observed is no product over its entries or groups of them; ValueError for draws of other shapes.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> post = pt.condition({y: 1.0})
        >>> idata = pt.sample(post, draws=9, tune=9, chains=1, seed=1, progress=False)
        >>> pt.log_likelihood(post, idata).log_likelihood["y"].shape
        (1, 9)
    """
    rows, chains = posterior_rows(idata)
    inner = model.model
    given = {v.variable: rows[v.name] for v in inner.free}
    marginal = recovery.marginal_densities(model) if inner.summed else None
    if marginal is None:
        seen = {y.name: logp(y.node, model.observed[y.name]) for y in inner.observed}
        own = {v.name: logp(v.variable, v.variable) for v in inner.free}
        names = model.dims
    else:
        seen, own, names = marginal
    count = len(next(iter(rows.values())))
    named = {("log_likelihood", name): node for name, node in seen.items()}
    named |= {("log_prior", name): node for name, node in own.items()}
    found = draw_rows(named, count, None, given, model.data, model.lengths, model.target)
    groups: dict[str, dict[str, np.ndarray]] = {"log_likelihood": {}, "log_prior": {}}
    for (group, name), values in found.items():
        groups[group] |= by_chain({name: values}, chains)
    dims = {
        name: dims[: found[group, name].ndim - 1]
        for group, name in found
        if (dims := names.get(name))
    }
    return to_arviz(groups, dims=dims, coords=model.coords, attrs=attributes(None))


def posterior_rows(idata: Arviz) -> tuple[dict[str, np.ndarray], int]:
    """(posterior draws as arrays (chains * draws, *shape), number of chains)."""
    posterior = getattr(idata, "posterior", None)
    if posterior is None:
        raise TypeError(
            f"idata must be an ArviZ object with draws in its group posterior, not {idata!r:.60}\n"
            f"  at {line_text()}"
        )
    draws = {str(name): np.asarray(posterior[name]) for name in posterior.data_vars}
    chains, length = next(iter(draws.values())).shape[:2]
    return {n: x.reshape(chains * length, *x.shape[2:]) for n, x in draws.items()}, chains


def by_chain(found: Mapping[str, np.ndarray], chains: int) -> dict[str, np.ndarray]:
    """Arrays (chains * draws, *shape) as (chains, draws, *shape)."""
    return {n: x.reshape(chains, len(x) // chains, *x.shape[1:]) for n, x in found.items()}


def coords_of(
    dims: Mapping[str, tuple[str, ...]],
    found: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Labels along the dims of arrays (n, *shape): the given ones if their number fits, else 0, 1,
    ..."""
    coords = {}
    for name, names in dims.items():
        for dim, n in zip(names, found[name].shape[1:], strict=True):
            known = labels.get(dim)
            coords[dim] = known if known is not None and len(known) == n else np.arange(n)
    return coords


def attributes(seed: int | None) -> dict[str, object]:
    """Attributes of an ArviZ object that name its origin."""
    found = {"inference_library": "probtensor", "inference_library_version": __version__}
    return found if seed is None else found | {"seed": seed}


def prior_rows(
    model: Posterior | Sequence[Node] | Node, draws: int, seed: int | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(prior draws, prior predictive draws) of a posterior's variables, or of named tensors, as
    arrays (draws, *shape). The second is of the observed variables."""
    if not isinstance(model, Posterior):
        named = named_outputs(model)
        return draw_rows(named, draws, seed), {}
    inner = model.model
    own = {v.name: v.variable for v in inner.free}
    own |= {d.name: d.node for d in (*inner.summed, *inner.deterministic, *inner.dependent)}
    seen = {y.name: y.node for y in inner.observed}
    found = draw_rows(
        own | seen, draws, seed, data=model.data, lengths=model.lengths, target=model.target
    )
    return {name: found[name] for name in own}, {name: found[name] for name in seen}


def predictive_rows(
    outputs: object,
    values: Mapping[str, np.ndarray],
    seed: int | None = None,
    data: Mapping[Node, TensorLike] | None = None,
    lengths: Mapping[str, int] | None = None,
) -> dict[str, np.ndarray]:
    """Draws of `outputs` for each row of posterior draws `values` (name -> (n, *shape)).

    outputs  variables or named expressions; they are drawn even if `values` has their names
    data     arrays for data inputs instead of their defaults

    GraphError if nothing that the outputs depend on has posterior draws.
    """
    named = named_outputs(outputs)
    wanted = set(named.values())
    given = {}
    for node in model_order(named.values()):
        if isinstance(node.op, RandomVariable) and node not in wanted and node.name in values:
            given[node] = np.asarray(values[node.name])
            check_drawn(node, given[node].shape[1:])
    if not given:
        names = ", ".join(values) or "none"
        raise GraphError(
            f"nothing that {', '.join(named)} depends on has posterior draws (there are {names})\n"
            f"  at {line_text()}\n  variables are matched by name; draw from the prior with "
            "pt.draw"
        )
    count = len(next(iter(given.values())))
    if data is not None and not isinstance(data, Mapping):
        raise TypeError(f"data= is {{data input: array}}, not {data!r:.60}\n  at {line_text()}")
    fixed = {}
    for node, array in (data or {}).items():
        if not isinstance(getattr(node, "op", None), Data):
            raise GraphError(f"data= takes data inputs, not {node!r:.60}\n  at {line_text()}")
        fixed[node] = data_array(node, array)
    return draw_rows(named, count, seed, given, fixed, lengths)


def check_drawn(node: Node, shape: tuple[int, ...]) -> None:
    """ValueError for a variable whose draws have another shape, as with new groups."""
    pairs = zip(node.shape, shape, strict=False)
    if len(shape) == node.ndim and all(n == m or not isinstance(n, int) for n, m in pairs):
        return
    raise ValueError(
        f"{node.name} has shape {shape_text(node.shape)}, and its posterior draws {shape}\n  made "
        f"at {line_of(node)}\n  for new entries make a variable of another name with the same "
        f"parameters, and join both: pt.concatenate([{node.name}, new_{node.name}])"
    )


def named_outputs(outputs: object) -> dict[str, Node]:
    """Variables and named expressions by name; GraphError for one without a name, or with one that
    a result cannot have."""
    if isinstance(outputs, Mapping):
        pairs = [(name, as_sequence(x)) for name, x in outputs.items()]
    else:
        single = isinstance(outputs, Node) or not isinstance(outputs, Iterable)
        nodes = [outputs] if single else list(outputs)
        pairs = [(getattr(x, "name", None), x) for x in map(as_sequence, nodes)]
    for name, node in pairs:
        if not isinstance(node, Node) or not isinstance(name, str):
            raise GraphError(
                f"{node!r:.60} needs a name of its own to be drawn: name=, pt.deterministic, or "
                f"a dict of outputs\n  at {line_text()}"
            )
    check_names(named_things(pairs))
    return dict(pairs)


def dims_of(named: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """Names of the axes of outputs that have them."""
    return {name: dims for name, node in named.items() if (dims := dims_of_node(node))}
