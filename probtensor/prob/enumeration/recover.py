"""What is known of discrete variables that were summed out, given the draws of all others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import replace
from probtensor.graph import GraphError, Node, as_tensor, line_of
from probtensor.graph.node import new_input
from probtensor.graph.walk import replace as replaced
from probtensor.prob.density.logp import logp
from probtensor.prob.draws import draw_rows, draw_settings
from probtensor.prob.enumeration import chains, model
from probtensor.prob.enumeration.eliminate import Cells, Links, Step, eliminated, over_values
from probtensor.prob.enumeration.factors import (
    DISCRETE,
    Discrete,
    Entry,
    Factor,
    factors_of,
    index_array,
)
from probtensor.prob.enumeration.model import Summation
from probtensor.prob.enumeration.places import Axis
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.predictive import attributes, by_chain, posterior_rows
from probtensor.prob.random import categorical
from probtensor.rules.derivatives import grad
from probtensor.sample.runs.output import Arviz, to_arviz
from probtensor.types import Shape

KEPT = ("sample_stats", "observed_data", "constant_data")  # groups that a result has again


@public
def recover_marginals(
    posterior: Posterior,
    idata: Arviz,
    *,
    seed: object = None,
    mode: bool = False,
    log_probabilities: bool = False,
) -> Arviz:
    """Draws of the discrete variables that `pt.condition` has summed out, one joint draw for each
    draw of the other variables, and the deterministics that depend on them.

    posterior          what `idata` holds draws of, or the same `with_data`
    seed               as in `pt.draw`
    mode               the most probable values, jointly, instead of draws
    log_probabilities  also the log of the probability of each value of each entry given the draw,
                       as `lp_z` for a variable z: one more, last axis. Below 1e-308 it is -inf

    Sequences are drawn by filtering forwards and sampling backwards, all else by conditional
    distributions in the reverse order of the summation: both are exact and independent.

    Returns an ArviZ object: the group `posterior` of `idata` with these variables in it, of shape
    (chain, draw, *shape of the variable). `pt.sample_posterior_predictive` takes it.
    Raises GraphError, a TypeError, where no variable was summed out, or for draws of other
    variables; ValueError for a draw at which no value of a variable is possible.

        >>> z = pt.random.bernoulli(0.3, shape=3, name="z")
        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu + 4.0 * z, 1.0, name="y")
        >>> post = pt.condition({y: [0.1, 4.2, -0.3]})
        >>> idata = pt.sample(post, draws=9, tune=9, chains=1, seed=1, progress=False)
        >>> pt.recover_marginals(post, idata, seed=2).posterior["z"].shape
        (1, 9, 3)
    """
    _, seed = draw_settings("recover_marginals", None, seed)
    inner = posterior.model
    if not inner.summed:
        raise GraphError(
            "recover_marginals: no discrete variable of this posterior was summed out; all that "
            f"it has is in the draws\n  at {line_text()}"
        )
    rows, count = posterior_rows(idata)
    named, possible = _wanted(posterior, mode, log_probabilities)
    found = _rows(posterior, {**named, **possible}, rows, seed)
    for variable in possible:
        _require_possible(variable, found.pop(variable), count)
    groups = {"posterior": by_chain({**rows, **found}, count)}
    for group in KEPT:
        part = getattr(idata, group, None)
        if part is not None:
            groups[group] = {str(n): np.array(part[n]) for n in part.data_vars}
    shown = {n for arrays in groups.values() for n in arrays}
    dims = {n: dims for n, dims in posterior.dims.items() if n in shown}
    return to_arviz(groups, dims=dims, coords=posterior.coords, attrs=attributes(seed))


def _require_possible(variable: Discrete, possible: np.ndarray, chains_count: int) -> None:
    """ValueError for the first draw, of all chains, at which no value of an entry is possible."""
    if possible.all():
        return
    row, *index = map(int, np.unravel_index(np.argmin(possible), possible.shape))
    chain, draw = divmod(row, len(possible) // chains_count)
    shown = f"{variable.name}[{', '.join(map(str, index))}]" if index else variable.name
    raise ValueError(
        f"recover_marginals: no value of {shown} is possible at draw {draw} of chain {chain} of "
        f"idata: the density is 0 there, or nan\n  at {line_text()}\n  {shown} made at "
        f"{variable.line}\n  give draws of this posterior, where its logp is finite"
    )


def _rows(
    posterior: Posterior, named: Mapping[object, Node], rows: Mapping[str, np.ndarray], seed: object
) -> dict[object, np.ndarray]:
    """Graphs over the free variables for each of their draws."""
    free = posterior.model.free
    missing = [v.name for v in free if v.name not in rows]
    if missing:
        raise GraphError(
            f"recover_marginals: idata has no draws of {', '.join(missing)}; give the draws of "
            f"this posterior\n  at {line_text()}"
        )
    given = {v.variable: rows[v.name] for v in free}
    count = len(next(iter(rows.values())))
    return draw_rows(named, count, seed, given, posterior.data, posterior.lengths, posterior.target)


def _wanted(
    posterior: Posterior, mode: bool, log_probabilities: bool
) -> tuple[dict[str, Node], dict[Discrete, Node]]:
    """The graphs of the results, and for each variable whether any of its values is possible, over
    the free variables."""
    inner = posterior.model
    summation = inner.derived.summation
    result = model.most_probable(summation) if mode else summation.result
    values, possible = values_of(result.steps, *(MODE if mode else DRAWS))
    changes = {u.value: values[u] + u.low for u in summation.units}
    outputs = {z.name: z.value for z in (*inner.summed, *inner.dependent)}
    whole = replaced([*outputs.values()], summation.pieces)
    named = dict(zip(outputs, replaced(whole, changes), strict=True))
    if log_probabilities:
        named |= {f"lp_{n}": x for n, x in probabilities(summation).items()}
    outputs = over_variables(posterior, [*named.values(), *possible.values()])
    return dict(zip(named, outputs)), dict(zip(possible, outputs[len(named) :], strict=True))


def over_variables(posterior: Posterior, outputs: list[Node]) -> list[Node]:
    """Graphs of a model over its free variables, with observed values and literal arrays put in."""
    inner = posterior.model
    arrays = {y.value: posterior.observed[y.name] for y in inner.observed} | inner.arrays
    changes = {x: as_tensor(np.asarray(array, x.dtype)) for x, array in arrays.items()}
    values = {v.value: v.variable for v in inner.free}
    # Densities may be formulas of an unconstrained value, as of the logarithm of a scale.
    inverses = {}
    for v in inner.free:
        u = v.bijector_with(values).inverse(v.variable).astype("float64")
        inverses[v.u] = ops.broadcast_to(u, v.u.shape)
    return replaced(outputs, changes | inverses | values)


# The values of discrete variables, from the last that was summed out to the first.

Fold = Callable[[Node, int], Node]
Choose = Callable[[Node], Node]


def _is_possible(logits: Node) -> Node:
    return ops.max(logits, axis=-1) > -math.inf


def _drawn(logits: Node) -> Node:
    # Where no value is possible, any: `_require_possible` refuses the draw.
    return categorical(logit_p=ops.where(_is_possible(logits)[..., None], logits, 0.0))


def _highest(logits: Node) -> Node:
    return ops.argmax(logits, axis=-1)


DRAWS: tuple[Fold, Choose] = (model.by_logsumexp, _drawn)
MODE: tuple[Fold, Choose] = (model.by_max, _highest)


def values_of(
    steps: tuple[Step, ...], fold: Fold, choose: Choose
) -> tuple[dict[Discrete, Node], dict[Discrete, Node]]:
    """The value of each variable, numbered from 0, given what is summed out after it, and whether
    any is possible: for each of its entries, or for each of its chains."""
    found: dict[Discrete, Node] = {}
    possible: dict[Discrete, Node] = {}
    for step in reversed(steps):
        if isinstance(step, Cells):
            cells = given_others(step, 1, found)
            logits = ops.moveaxis(cells.table, 0, -1)
            found[step.variable] = choose(logits)
            possible[step.variable] = _is_possible(logits)
            continue
        variable, axis = step.unary.variable, step.axis
        alone = Links(given_others(step.unary, 1, found), given_others(step.pairs, 2, found), axis)
        own = chains.chains_of(alone)
        found[variable] = ops.moveaxis(chains.path(own, fold, choose), 0, axis)
        possible[variable] = _is_possible(chains.last_sums(own, fold))
    return found, possible


def given_others(cells: Cells, own: int, values: Mapping[Discrete, Node]) -> Cells:
    """A table at the values of the other variables: no axes for these are left."""
    front = [*cells.table.shape[:own], *(w.count for w, _ in cells.others)]
    table = ops.broadcast_to(cells.table, (*front, *cells.shape))
    if not cells.others:
        return replace(cells, table=table)
    kept = list(range(len(cells.shape)))
    sizes = dict(enumerate(cells.shape))
    chosen = [_entry(entry, values, kept, sizes) for entry in cells.others]
    here = [index_array(Axis(k), kept, sizes) for k in kept]
    table = table[(*(slice(None),) * own, *chosen, *here)]
    return replace(cells, table=table, others=())


def _entry(entry: Entry, values, kept, sizes) -> Node:
    """The value of the entry of another variable that each entry depends on."""
    variable, access = entry
    value = values[variable]
    indices = tuple(index_array(place, kept, sizes) for place in access)
    return value[indices] if indices else value


def probabilities(summation: Summation) -> dict[str, Node]:
    """The log of the probability of each value of each entry, along a last axis: the derivative of
    the log of the sum by the log of a weight of 1 for that value."""
    weights, extra = {}, []
    for v in summation.variables:
        own = weights[v] = new_input(f"weights of {v.name}", "float64", (v.count, *v.shape))
        sizes = dict(enumerate(v.shape))
        here = [index_array(Axis(k), list(sizes), sizes) for k in sizes]
        term = own[(v.value - v.low, *here)]
        extra += factors_of(*replaced([term], summation.pieces), summation.units, frozenset())
    combine = over_values(model.by_logsumexp)
    result = eliminated(summation.units, [*summation.factors, *extra], combine, chains.summed)
    slopes = grad(model.total_of(result), [*weights.values()])
    zeros = {x: ops.zeros(x.shape) for x in weights.values()}
    pairs = zip(weights, replaced(slopes, zeros), strict=True)
    return {v.name: ops.log(ops.moveaxis(table, 0, -1)) for v, table in pairs}


def marginal_densities(
    posterior: Posterior,
) -> tuple[dict[str, Node], dict[str, Node], dict[str, tuple[str, ...]]]:
    """(log densities of observed variables, of free variables, names of their axes) where discrete
    variables are summed out. GraphError where the density of an observed variable is no product."""
    inner = posterior.model
    summation = inner.derived.summation
    factors = summation.result.factors
    seen, dims = {}, dict(posterior.dims)
    for y in inner.observed:
        own = [f for f in factors if ("likelihood", y.name) in f.sources]
        if not own:
            seen[y.name] = logp(y.node, posterior.observed[y.name])
            continue
        factor = own[0]
        others = {name for f in own for kind, name in f.sources if kind != DISCRETE} - {y.name}
        if len(own) > 1 or others or (y.shape and not factor.shape):
            named = ", ".join(posterior.marginalized)
            why = f"together with {', '.join(sorted(others))}" if others else "as a whole"
            raise GraphError(
                f"log_likelihood: with {named} summed out, the density of {y.name} is known {why}, "
                f"not for each observation\n  at {line_text()}\n  {y.name} made at "
                f"{line_of(y.node)}\n  evaluate it for draws of the discrete variables: "
                "pt.recover_marginals, and pt.logp"
            )
        table = ops.broadcast_to(factor.table, factor.shape)
        (seen[y.name],) = over_variables(posterior, [table])
        if not _is_aligned(summation, factor, y.name, y.shape):
            dims.pop(y.name, None)
    joined = {name for f in factors for kind, name in f.sources if kind == "prior"}
    own = {v.name: logp(v.variable, v.variable) for v in inner.free if v.name not in joined}
    return seen, own, dims


def _is_aligned(summation: Summation, factor: Factor, name: str, shape: Shape) -> bool:
    """Are the elements of a factor that is left those of an observed variable, in their order?"""
    if tuple(factor.shape) != tuple(shape):
        return False
    own = tuple(map(Axis, range(len(shape))))
    return any(
        access == own and v.shape == shape
        for f in summation.factors
        if ("likelihood", name) in f.sources
        for v, access in f.scope
    )
