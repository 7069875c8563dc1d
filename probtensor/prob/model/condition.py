"""`condition`: from random variables and observed values to a posterior."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np

from cython_ext.convert import is_masked, number_array
from probtensor.calls import line_text, public
from probtensor.compile import chosen_target
from probtensor.graph import GraphError, Node, line_of, toposort
from probtensor.graph.node import TensorLike, made_by, present_line
from probtensor.graph.origin import quiet
from probtensor.graph.resize import with_sizes
from probtensor.graph.sizes import refuse_measured
from probtensor.late import late
from probtensor.prob.bijectors.base import Bijector, check_bijector, nodes_in, with_nodes
from probtensor.prob.density.logp import unwrap_deterministic
from probtensor.prob.density.policy import policy
from probtensor.prob.distributions.base import (
    Potential,
    RandomVariable,
    display_name,
    potential,
)
from probtensor.prob.distributions.combined.held import check_parts
from probtensor.prob.model.binding import check_known_dims, checked_coords, observed_array
from probtensor.prob.model.data import Data, default_of
from probtensor.prob.model.names import dims_of_node
from probtensor.prob.model.posterior import Posterior, posterior_of
from probtensor.prob.model.recall import Request, recall, remember, request_of
from probtensor.prob.model.sizes import KnownSizes
from probtensor.prob.sequences.convert import with_sequences
from probtensor.prob.sequences.resolve import model_order
from probtensor.process import COLLECTIONS
from probtensor.system.stages import building, notice, stage
from probtensor.types import Dim, size_name, size_names

derived = late("probtensor.prob.derived.variable")
missing = late("probtensor.prob.model.missing")
weights = late("probtensor.prob.model.weights")


@public
def condition(
    observed: Mapping[Node, TensorLike],
    *,
    coords: Mapping[str, Sequence] | None = None,
    track: Sequence[Node] = (),
    potentials: Sequence[Node] = (),
    transforms: Mapping[Node, Bijector] | None = None,
    total_size: Mapping[Node, int] | None = None,
    target: object = None,
    build: str | None = None,
    progress: bool = True,
    checks: str | bool = "-inf",
) -> Posterior:
    """The posterior of the random variables that `observed` depends on.

    observed    {random variable: array of its shape}, copied: later changes of an array change
                nothing here. Entries that are nan or masked are missing: of a continuous `y` they
                become the free variable `y_unobserved`, and `y` is reported with all of its
                entries; of a discrete one they are left out. An expression of random variables is
                observed as one variable, given those that have a name (docs/densities.md)
    coords      {dim: labels}, copied, each label once: the lengths of dims that nothing else gives
    track       variables and deterministics to add that no observed variable depends on
    potentials  tensors whose sums are added to the log density
    transforms  {free variable: bijector of `pt.bijectors`} to sample a variable by another map from
                unconstrained numbers than its own; its tensors may depend on other variables
    total_size  {variable observed at a random batch of N rows: N}: its term times N / rows
    target      "auto" (default), "cython", "machine", "interp" or "cuda"; see `pt.function`
    build       when target="auto" builds native code; see `pt.function`
    progress    say on a terminal, after 2 s, what is compiled and how far it is
    checks      where a parameter leaves its range or a `pt.check` fails: "-inf", the density is
                zero; "raise", a ValueError, which ends sampling (always in steps of loops); False

    Discrete variables that are not observed are summed out (`Posterior.marginalized`), at a cost
    that is linear in the entries that do not depend on each other, and in the length of sequences;
    `pt.recover_marginals` draws them afterwards. See docs/discrete.md.

    Free variables are in graph order (see `Posterior`). Raises GraphError for discrete variables
    that cannot be summed out, an expression whose density is not derived, a variable of unknown
    size, a name used twice, or a name that a result cannot have: `chain`, `draw`, that of a dim, or
    one that no file could hold; TypeError and ValueError for values of a wrong dtype or shape, or
    outside the support, and for coords of a dim that nothing has. All name the line.

    Ranges of parameters, such as that of a `sigma`, are checked only where they may be left.

    Returns a `Posterior`.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> pt.condition({y: 1.0}).dim
        1
    """
    if build is not None:
        target = chosen_target(target, build)
    maps = checked_transforms(transforms)
    potentials = [*require_list("potentials", potentials), *policy(checks)]
    observed, potentials, track, maps = _prepared(observed, potentials, track, maps, total_size)
    with quiet():
        return _recalled_or_made(observed, coords, track, potentials, target, progress, maps)


def _recalled_or_made(
    observed: Mapping[Node, TensorLike],
    coords: Mapping[str, Sequence] | None,
    track: Sequence[Node],
    potentials: Sequence[Node],
    target: object,
    progress: bool,
    transforms: Mapping[Node, Bijector],
) -> Posterior:
    """The posterior, recalled if it was made before; else it is remembered."""
    began = time.perf_counter()
    request = None if transforms else request_of(observed, coords, track, potentials, target)
    if request is not None:
        found = _recalled(request, progress)
        if found is not None:
            found.timings["graph"] = time.perf_counter() - began - sum(found.timings.values())
            return found
    posterior = _posterior(observed, coords, track, potentials, target, progress, transforms)
    if request is not None:
        remember(
            request, posterior.function, posterior.dim, posterior.guarded, posterior.marginalized
        )
    return posterior


def _prepared(
    observed: object,
    potentials: Sequence[Node],
    track: Sequence[Node],
    transforms: Mapping[Node, Bijector],
    total_size: object,
) -> tuple[object, Sequence[Node], Sequence[Node], Mapping[Node, Bijector]]:
    """What `condition` is given, with factors of batches, and missing values as variables."""
    given = observed
    if total_size is not None:
        roots = (observed, require_list("potentials", potentials), require_list("track", track))
        observed, potentials, track = weights.with_total_size(*roots, total_size)
    if isinstance(observed, Mapping) and any(map(may_miss, observed.values())):
        observed, potentials, track = _imputed(observed, potentials, track)
    if observed is not given and transforms:
        transforms = carried_over(transforms, [*observed, *potentials, *track])
    return observed, potentials, track, transforms


def carried_over(
    transforms: Mapping[Node, Bijector], roots: Sequence[Node]
) -> dict[Node, Bijector]:
    """Bijectors of the variables of a graph that was changed: those of the same variables in it,
    with the nodes that they are made of."""
    order = [x for x in toposort(roots) if isinstance(x.op, (RandomVariable, Data))]
    own = {x.op.uid: x for x in order}
    found = {}
    for node, bijector in transforms.items():
        inner = toposort(nodes_in(bijector))
        changes = {x: own[x.op.uid] for x in inner if getattr(x.op, "uid", None) in own}
        found[own.get(node.op.uid, node)] = with_nodes(bijector, changes)
    return found


def may_miss(value: object) -> bool:
    """Whether an observed value may have missing entries: it is masked, or has a nan."""
    if is_masked(value):
        return True
    try:
        array = number_array(value, "an observed value")
    except (TypeError, ValueError):
        return False
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _imputed(
    observed: Mapping[Node, TensorLike], potentials: Sequence[Node], track: Sequence[Node]
) -> tuple[dict[Node, TensorLike], list[Node], list[Node]]:
    """What `condition` is given, with missing values as variables."""
    given = unique_observed(observed)
    terms = [checked_term(node) for node in require_list("potentials", potentials)]
    tracked = [checked_track(node) for node in require_list("track", track)]
    return missing.without_missing(given, terms, tracked, [*given])


def _recalled(request: Request, progress: bool) -> Posterior | None:
    """The posterior of a request that was made before, by this process or another."""
    line = present_line()

    @cache
    def built() -> Posterior:
        asked = (request.coords, request.track, request.potentials, request.target)
        with made_by(None, line):  # as if it were built by the call that is being made
            return _posterior(request.observed, *asked, False, {}, late=True)

    with building(f"the posterior given {names_of(request.observed)}", progress):
        found = recall(request, lambda: built().function.compilation.lowered())
    if found is None:
        return None
    *kept, summed = found
    say_summed_out(summed, progress)
    return Posterior.recalled(*kept, built)


def say_summed_out(names: Sequence[str], progress: bool) -> None:
    """Say on a terminal which variables are summed out."""
    if names:
        notice(f"summed out: {', '.join(names)}; pt.recover_marginals draws them", progress)


def _posterior(
    observed: Mapping[Node, TensorLike],
    coords: Mapping[str, Sequence] | None,
    track: Sequence[Node],
    potentials: Sequence[Node],
    target: object,
    progress: bool,
    transforms: Mapping[Node, Bijector],
    late: bool = False,
    owners: Mapping[Node, Node] | None = None,
    arrays_of_data: Mapping[Node, np.ndarray] | None = None,
) -> Posterior:
    """What `condition` returns, built; with `late`, without its density. `owners` are the nodes by
    which users call observed variables and data, where those are others than in this graph;
    `arrays_of_data` are other arrays than the data were made with."""
    began = time.perf_counter()
    given = unique_observed(observed)
    terms = [checked_term(node) for node in require_list("potentials", potentials)]
    tracked = [checked_track(node) for node in require_list("track", track)]
    if not all(isinstance(node.op, RandomVariable) for node in given):
        groups = derived.with_derived([list(given), terms, tracked, list(transforms)])
        given = dict(zip(groups[0], given.values(), strict=True))
        terms, tracked = groups[1:3]
        transforms = dict(zip(groups[3], transforms.values(), strict=True))
    arrays = {node: observed_array(node, value) for node, value in given.items()}
    roots = [*given, *terms, *tracked]
    read = {node: list(nodes_in(bijector)) for node, bijector in transforms.items()}
    check_not_of_itself(read)
    order = model_order(roots, read)
    check_order(order)
    check_free(transforms, order, given)
    check_parts(order)
    labels = checked_coords(coords)
    check_known_dims(labels, dims_in(order))
    data = [node for node in order if isinstance(node.op, Data)]
    held = {x: default_of(x) for x in data} | dict(arrays_of_data or {})
    sizes = known_sizes(labels, {x: held[x] for x in data}, arrays)
    also = [node for nodes in read.values() for node in nodes]
    resized = with_sizes([*roots, *also], fixed_sizes(order, sizes, data, arrays))
    maps = {resized[node]: with_nodes(bijector, resized) for node, bijector in transforms.items()}
    own = owners or {}
    data_nodes = [(own.get(node, node), resized[node]) for node in (*given, *data)]
    values = [*arrays.values(), *(held[x] for x in data)]
    resized_groups = [[resized[node] for node in nodes] for nodes in (given, terms, tracked)]
    with building(f"the posterior given {names_of(given)}", progress), COLLECTIONS.rare():
        stage("build the graph")
        posterior = posterior_of(*resized_groups, data_nodes, maps, values, labels, target, late)
    graph = time.perf_counter() - began - sum(posterior.timings.values())
    posterior.timings = {"graph": graph, **posterior.timings}
    say_summed_out(posterior.marginalized, progress)
    return posterior


def conditioned(
    observed: Mapping[Node, np.ndarray],
    coords: Mapping[str, np.ndarray],
    track: Sequence[Node],
    potentials: Sequence[Node],
    target: object,
    transforms: Mapping[Node, Bijector],
    owners: Mapping[Node, Node],
    arrays_of_data: Mapping[Node, np.ndarray],
) -> Posterior:
    """The posterior of a graph that was changed; see `_posterior`. Labels of dims and bijectors of
    variables that it lacks now are left out."""
    order = model_order([*observed, *potentials, *track])
    dims, known = dims_in(order), set(order).difference(observed)
    coords = {dim: labels for dim, labels in coords.items() if dim in dims}
    maps = carried_over(transforms, [*observed, *potentials, *track])
    maps = {node: bijector for node, bijector in maps.items() if node in known}
    return _posterior(
        observed, coords, track, potentials, target, False, maps, False, owners, arrays_of_data
    )


def check_order(order: Sequence[Node]) -> None:
    """GraphError for a graph without nodes, and for one in which values decide sizes: a density is
    one call of native code."""
    if not order:
        raise GraphError(f"condition: nothing is observed\n  at {line_text()}")
    refuse_measured(
        order,
        "condition: the shapes of a density must not depend on values",
        "index with masks of data in NumPy, before pt.data or the observed values",
    )


def unique_observed(observed: Mapping[object, object]) -> dict[Node, object]:
    """The observed values by random variable; TypeError if it is no mapping, GraphError if a
    variable occurs twice."""
    if not isinstance(observed, Mapping):
        raise TypeError(
            f"condition: write {{variable: value}}, not {observed!r:.60}\n  at {line_text()}"
        )
    given: dict[Node, object] = {}
    for key, value in observed.items():
        variable = variable_of(key)
        if variable in given:
            name = variable.described
            if isinstance(variable.op, RandomVariable):
                name = display_name(variable.op.distribution, variable.op.label)
            raise GraphError(
                f"condition: {name} is observed twice, once under another name\n  made at "
                f"{line_of(variable)}"
            )
        given[variable] = value
    return given


def names_of(nodes: Iterable[Node]) -> str:
    """The names of variables, at most three of them."""
    names = [node.name or "?" for node in nodes]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def variable_of(key: object) -> Node:
    """The random variable that a key of `observed` refers to, or the expression of others."""
    if not isinstance(key, Node):
        raise GraphError(
            f"condition: {key!r:.60} is no random variable; write {{variable: value}}\n"
            f"  at {line_text()}"
        )
    named = with_sequences([key], strict=True)[0]
    node = unwrap_deterministic(named)
    return node if isinstance(node.op, RandomVariable) else named


def checked_transforms(transforms: object) -> dict[Node, Bijector]:
    """The bijectors by random variable."""
    if transforms is None:
        return {}
    if not isinstance(transforms, Mapping):
        raise GraphError(
            f"condition: transforms= takes {{variable: bijector}}, not {transforms!r:.60}\n"
            f"  at {line_text()}"
        )
    for bijector in transforms.values():
        check_bijector("condition: transforms=", bijector)
    found = {variable_of(key): bijector for key, bijector in transforms.items()}
    for node in found:
        if not isinstance(node.op, RandomVariable):
            raise GraphError(
                f"condition: transforms= has {node.described}, which is no random variable\n"
                f"  made at {line_of(node)}\n  at {line_text()}"
            )
    return found


def check_not_of_itself(read: Mapping[Node, Sequence[Node]]) -> None:
    """GraphError for a bijector that depends on the variable that it makes, perhaps by those of
    others; `read` are the tensors that each bijector reads."""
    for variable in read:
        stack, seen = list(read[variable]), set()
        while stack:
            node = stack.pop()
            if node is variable:
                name = display_name(node.op.distribution, node.op.label)
                raise GraphError(
                    f"condition: transforms= has a bijector of {name} that depends on {name} "
                    f"itself\n  made at {line_of(node)}\n  its tensors may depend on other "
                    "variables, whose own bijectors do not depend on it"
                )
            if node not in seen:
                seen.add(node)
                stack += [*node.inputs, *read.get(node, ())]


def check_free(
    transforms: Mapping[Node, Bijector], order: Sequence[Node], given: Mapping[Node, object]
) -> None:
    """GraphError for a bijector of what is no free variable of the model."""
    known = set(order)
    for node in transforms:
        if node not in known or node in given:
            name = display_name(node.op.distribution, node.op.label)
            why = "observed" if node in given else "not in this model"
            raise GraphError(
                f"condition: transforms= has {name}, which is {why}\n  made at {line_of(node)}\n"
                "  it takes the free variables, which the observed ones depend on"
            )


def require_list(what: str, nodes: Sequence[Node]) -> Sequence[Node]:
    """The nodes; GraphError for a single tensor, which is iterable too."""
    if isinstance(nodes, Node):
        raise GraphError(f"condition: {what}= takes a list, not {nodes!r:.60}\n  at {line_text()}")
    return nodes


def checked_term(term: Node) -> Node:
    """A term of the density as a potential."""
    if not isinstance(term, Node):
        raise GraphError(
            f"condition: potentials= takes tensors, not {term!r:.60}\n  at {line_text()}"
        )
    term = with_sequences([term], strict=True)[0]
    return term if isinstance(term.op, Potential) else potential(term)


def checked_track(node: Node) -> Node:
    """A tracked node, which must have a name."""
    if isinstance(node, Node):
        node = with_sequences([node], strict=True)[0]
    if not isinstance(node, Node) or not node.name:
        raise GraphError(
            f"condition: track= takes named variables and pt.deterministic(..., name=), not "
            f"{node!r:.60}\n  at {line_text()}"
        )
    return node


def dims_in(order: Sequence[Node]) -> list[str]:
    """The dims of nodes."""
    return [dim for node in order for dim in dims_of_node(node) or ()]


def known_sizes(
    labels: Mapping[str, np.ndarray],
    data: Mapping[Node, np.ndarray],
    arrays: Mapping[Node, np.ndarray],
) -> KnownSizes:
    """The lengths given by coords, data and observed values."""
    sizes = KnownSizes()
    for dim, values in labels.items():
        sizes.give(Dim.name(dim), len(values), "coords")
    for node, array in data.items():
        name = f"data {node.name!r}" if node.name else "data"
        sizes.read(name, node.shape, array.shape, line_of(node))
    for node, array in arrays.items():
        name = display_name(node.op.distribution, node.op.label)
        sizes.read(name, node.shape, array.shape, line_of(node))
    return sizes


def fixed_sizes(
    order: Sequence[Node],
    sizes: KnownSizes,
    data: Sequence[Node],
    arrays: Mapping[Node, np.ndarray],
) -> dict[str, int]:
    """The named sizes that the density is compiled for: those of free variables, which are part of
    q, and those that no array determines. All others stay symbolic."""
    from_arrays = {size_name(n) for node in (*data, *arrays) for n in node.shape}
    of_free = set()
    for node in order:
        if isinstance(node.op, RandomVariable) and node not in arrays:
            of_free |= {name for n in node.shape for name in size_names(n)}
    return {
        name: n for name, n in sizes.values.items() if name in of_free or name not in from_arrays
    }
