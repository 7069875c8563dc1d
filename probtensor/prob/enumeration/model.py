"""The terms of a model's log density with its discrete variables summed out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, fields
from probtensor.dataclass import replace as dataclass_replace
from probtensor.graph import GraphError, Node, line_of, made_by
from probtensor.graph.node import new_input
from probtensor.graph.walk import replace as replaced
from probtensor.prob.bijectors.base import Bijector, nodes_in
from probtensor.prob.density.logp import Conditions, SupportCheck, typed_value
from probtensor.prob.distributions.base import display_name
from probtensor.prob.distributions.domains import is_within
from probtensor.prob.distributions.support import Integers, Interval, Support, is_bound
from probtensor.prob.enumeration.chains import highest, summed
from probtensor.prob.enumeration.eliminate import (
    MAX_TABLE,
    Eliminated,
    Stuck,
    eliminated,
    over_values,
)
from probtensor.prob.enumeration.factors import (
    DISCRETE,
    MAX_PIECES,
    Discrete,
    Factor,
    NotLocal,
    Source,
    factors_of,
)
from probtensor.prob.enumeration.reads import depending_on
from probtensor.prob.enumeration.repeats import Data, Repeats
from probtensor.prob.model import graphs
from probtensor.prob.model.data import default_of, depends_only_on, evaluate, has_few_values
from probtensor.prob.sequences.resolve import resolved
from probtensor.transform.facts import FactTable
from probtensor.types import shape_text


def stand_in(conditioner: graphs.Conditioner, node: Node, name: str) -> Node:
    """The input that stands for a discrete variable, which is added to the conditioner. GraphError
    for one with values that are not finitely many."""
    arrays = arrays_of(conditioner)
    found = _discrete_of(node, name, conditioner.support(node), conditioner.facts, arrays)
    bounds = Interval(found.low, found.low + found.count - 1)
    conditioner.facts.assume(found.value, bounds)
    conditioner.discrete[node] = found
    conditioner.summed.append(graphs.NamedValue(name, found.value, node.op.dims, node))
    return found.value


def arrays_of(conditioner: graphs.Conditioner) -> dict[Node, np.ndarray]:
    """The values of data and of literal arrays of a model."""
    return {x: default_of(x) for x in conditioner.data} | conditioner.arrays


def split_deterministics(
    conditioner: graphs.Conditioner,
) -> tuple[list[graphs.NamedValue], list[graphs.NamedValue]]:
    """The deterministics that depend on no discrete variable, and those that do."""
    named = conditioner.deterministic
    inside = _discrete_part(conditioner, [y.value for y in named])
    return [y for y in named if y.value not in inside], [y for y in named if y.value in inside]


def _discrete_part(conditioner: graphs.Conditioner, outputs: Sequence[Node]) -> set[Node]:
    return depending_on(outputs, [v.value for v in conditioner.discrete.values()])


def refuse_discrete_bounds(conditioner: graphs.Conditioner, node: Node, support: Support) -> None:
    """GraphError for a free variable whose bounds depend on one that is summed out."""
    bounds = [x for f in fields(support) if isinstance(x := getattr(support, f.name), Node)]
    if not _discrete_part(conditioner, bounds).isdisjoint(bounds):
        raise GraphError(
            f"{display_name(node.op.distribution, node.op.label)} is free, and its bounds depend "
            f"on a discrete variable that is summed out\n  made at {line_of(node)}\n  draw it "
            "between fixed bounds and scale it: low + (high - low) * u with u = "
            "pt.random.uniform(0, 1)"
        )


def decides_coordinates(conditioner: graphs.Conditioner, bijector: Bijector) -> bool:
    """Do coordinates depend on a variable that is summed out?"""
    read = list(nodes_in(bijector))
    return not _discrete_part(conditioner, read).isdisjoint(read)


def refuse_discrete_coordinates(
    conditioner: graphs.Conditioner, node: Node, bijector: Bijector
) -> None:
    """GraphError for a free variable whose coordinates (`centered=`, `transforms=`) depend on a
    variable that is summed out."""
    if decides_coordinates(conditioner, bijector):
        raise GraphError(
            f"{display_name(node.op.distribution, node.op.label)} is free, and its coordinates "
            f"depend on a discrete variable that is summed out\n  made at {line_of(node)}\n"
            "  leave out centered= and transforms= for it"
        )


def _discrete_of(
    node: Node, name: str, support: Support, facts: FactTable, arrays: Mapping[Node, np.ndarray]
) -> Discrete:
    """A discrete variable with the range of its values. GraphError where that is not finite."""
    line, shown = line_of(node), display_name(node.op.distribution, node.op.label)
    if node.op.distribution.event_ndim or not isinstance(support, Integers):
        raise GraphError(
            f"{shown} is discrete and not observed, and a vector: vectors are not summed out\n"
            f"  made at {line}\n  observe it, or write its entries as single variables, such as "
            "pt.random.categorical"
        )
    low, high = (_extreme(end, facts, arrays, k) for k, end in
                 enumerate((support.low, support.high)))  # fmt: skip
    if low is None or high is None:
        raise GraphError(
            f"{shown} is discrete and not observed, and it may be {support}: infinitely many "
            f"values, or a number that is not known, cannot be summed over\n  made at {line}\n"
            "  observe it, or give it an upper bound: pt.random.truncated(variable, upper=100)"
        )
    value = new_input(name, "int64", node.shape)
    return Discrete(name, value, max(high - low + 1, 1), low, line)


def _extreme(
    end: object, facts: FactTable, arrays: Mapping[Node, np.ndarray], upper: int
) -> int | None:
    """The least lower, or largest upper end of the ranges of all entries; None if not known."""
    if not isinstance(end, Node):
        return int(end) if np.isfinite(end) else None
    if depends_only_on(arrays)(end):
        (found,) = evaluate([end], arrays)
        if not found.size:
            return 0
        bound = found.max() if upper else found.min()
    else:
        bounds = facts.bounds(end)
        bound = bounds.high if upper else bounds.low
    return int(bound) if np.isfinite(bound) else None


@dataclass(frozen=True, eq=False)
class Summation:
    """The discrete variables of a model, and what they are summed out of.

    variables     all of them
    pieces        those that they were split into: {variable: its value as a graph of theirs}
    units         what is summed out in the end: variables that were not split, and pieces
    factors       the terms of the density that depend on them
    settled       the conditions that turn out not to depend on them
    result        what is left of the factors
    density       the same, where sums of equal rows of data are computed once
    """

    variables: tuple[Discrete, ...]
    pieces: Mapping[Node, Node]
    units: tuple[Discrete, ...]
    factors: tuple[Factor, ...]
    settled: tuple[SupportCheck, ...]
    result: Eliminated
    density: Eliminated

    def terms(self) -> list[Node]:
        """The terms that are left, in full shape."""
        return [ops.broadcast_to(f.table, f.shape) for f in self.density.factors]


# A term that depends on discrete variables: its graph, where it comes from, and if it is the mask
# of a condition, that.
Dependent = tuple[Node, frozenset[Source], SupportCheck | None]


def density_terms(
    conditioner: graphs.Conditioner, conditions: Conditions
) -> tuple[list[Node], Summation]:
    """The terms of the density, without discrete variables, and how these were summed out."""
    variables = tuple(conditioner.discrete.values())
    placeholders = [v.value for v in variables]
    free: list[Node] = []
    dependent: list[Dependent] = []
    inside: set[Node] = set(placeholders)

    def is_discrete(node: Node) -> bool:
        nonlocal inside
        if node not in inside:
            inside |= depending_on([node], placeholders)
        return node in inside

    for node in conditioner.bounded:
        value, domain = conditioner.values[node], node.op.domain
        if not is_discrete(value):
            with made_by(node):
                conditions.require(node.op.what, value, domain, line_of(node))
        elif not is_within(value, domain, conditions.facts):
            mask = domain.contains(value)
            if mask is not None:
                check = SupportCheck(node.op.what, value, mask, domain, line_of(node))
                dependent.append((mask, frozenset(), check))
    for source in graphs.term_sources(conditioner):
        names = sources_of(source, conditioner)
        own = Conditions(conditions.only_data, conditions.facts.copy())
        term = _term(source, conditioner, own, is_discrete)
        for check in own.checks:
            conditions.add(check)
        for guard in own.guards:
            if is_discrete(guard.inside):
                dependent.append((guard.inside, names, guard))
            else:
                conditions.add(guard)
        if term is None:
            continue
        if is_discrete(term):
            dependent.append((term, names, None))
        else:
            free.append(term)
    summation = summation_of(variables, dependent, data_of(conditioner))
    for check in summation.settled:
        is_data = conditions.only_data(check.inside)
        (conditions.checks if is_data else conditions.guards).append(check)
    return [*free, *summation.terms()], summation


def sources_of(source: graphs.TermSource, conditioner: graphs.Conditioner) -> frozenset[Source]:
    """What a term is attributed to."""
    kind = DISCRETE if source.node in conditioner.discrete else source.kind
    return frozenset([(kind, source.owner.name)])


def _term(
    source: graphs.TermSource,
    conditioner: graphs.Conditioner,
    own: Conditions,
    is_discrete: Callable[[Node], bool],
) -> Node | None:
    """The graph of a term, None where it is 0; its conditions are added to `own`."""
    if source.kind not in ("prior", "likelihood"):
        return graphs.density_term(source, conditioner, own)
    variable = resolved(source.node).variable
    inputs = [conditioner.values[x] for x in variable.inputs]
    x, support = source.owner.value, variable.op.support(*inputs)
    if source.node in conditioner.discrete:
        _require_range(conditioner.discrete[source.node], support, own)
    ends = [y for f in fields(support) if isinstance(y := getattr(support, f.name), Node)]
    if not is_discrete(x) and not any(map(is_discrete, ends)):
        return graphs.density_term(source, conditioner, own)
    with made_by(source.node):
        given = typed_value(variable.op, x, inputs)
        within = is_within(given, support, own.facts)
        moved = x if within else _clipped(x, support)
        known = typed_value(variable.op, moved, inputs)
    owner = graphs.NamedValue(source.owner.name, moved, None, source.node)
    seen = graphs.TermSource("likelihood", owner, source.node)
    term = graphs.density_term(seen, conditioner, own)
    if within or moved is not x:
        own.guards = [guard for guard in own.guards if guard.value is not known]
    inside = support.contains(given) if moved is not x else None
    if inside is not None:
        what = f"the value of {display_name(variable.op.distribution, variable.op.label)}"
        own.guards.append(SupportCheck(what, given, inside, support, line_of(variable)))
    return term


def _require_range(variable: Discrete, support: Integers, own: Conditions) -> None:
    """Require of data that the bounds of a variable stay in the range that is summed over."""
    whole = Integers(variable.low, variable.low + variable.count - 1)
    for which, end in (("lower", support.low), ("upper", support.high)):
        if isinstance(end, Node) and own.only_data(end):
            inside = (end >= whole.low) & (end <= whole.high)
            what = f"the {which} bound of {variable.name}, whose values are summed out,"
            own.add(SupportCheck(what, end, inside, whole, variable.line))


def _clipped(x: Node, support: Support) -> Node:
    """A value moved into a support, so that formulas have finite slopes where they do not count."""
    if not isinstance(support, (Integers, Interval)):
        return x
    for end, moved in ((support.low, ops.maximum), (support.high, ops.minimum)):
        if is_bound(end):
            # Only values that do not count take it: without a slope, which may be infinite.
            x = moved(x, ops.stop_gradient(ops.as_tensor(end).astype(x.dtype)))
    return x


def data_of(conditioner: graphs.Conditioner) -> Data:
    """The data of a model."""
    values = [y.value for y in conditioner.observed]
    found = {y.value for y in conditioner.observed if y.is_count}
    found |= {x for x, array in arrays_of(conditioner).items() if has_few_values(array)}
    return Data([*values, *conditioner.data, *conditioner.arrays], found)


def summation_of(
    variables: Sequence[Discrete], dependent: Sequence[Dependent], data: Data
) -> Summation:
    """The variables summed out of terms; those whose entries depend on each other entry by
    entry."""
    # A variable without entries has no values to sum over.
    empty = {v.value: ops.zeros(v.shape, "int64") for v in variables if 0 in v.shape}
    units, pieces = [v for v in variables if v.value not in empty], dict(empty)
    terms = [(replaced([term], empty)[0], names, check) for term, names, check in dependent]
    while True:
        factors: list[Factor] = []
        try:
            factors, settled = _factors(terms, units)
            result = eliminated(units, factors, over_values(by_logsumexp), summed)
            break
        except NotLocal as error:
            units, changes = _divided(units, _chosen(error.found))
        except Stuck as error:
            pair = None if error.size else _coupled(error.variables, factors)
            found = None if error.size else _largest_axis(error.variables)
            if pair is not None:
                units, changes = _merged(units, *pair)
            elif found is not None:
                units, changes = _divided(units, found)
            else:
                raise GraphError(_too_large(error.variables, error.size)) from None
        terms = [(replaced([term], changes)[0], names, mask) for term, names, mask in terms]
        pieces = {x: replaced([y], changes)[0] for x, y in pieces.items()} | changes
    repeats = Repeats(data, over_values(by_logsumexp), summed)
    density = eliminated(units, factors, repeats.combine, repeats.chain)
    return Summation(
        tuple(variables), pieces, tuple(units), tuple(factors), tuple(settled), result,
        density if repeats.found else result,
    )  # fmt: skip


def _factors(
    terms: Sequence[Dependent], units: Sequence[Discrete]
) -> tuple[list[Factor], list[SupportCheck]]:
    """The factors of all terms, and the conditions that no discrete variable decides: pieces of
    conditions on several entries."""
    factors, settled = [], []
    for term, names, check in terms:
        for f in factors_of(term, units, names, check is not None):
            if check is None or f.scope:
                factors.append(f)
            else:
                settled.append(dataclass_replace(check, value=f.table, inside=f.table))
    return factors, settled


def by_logsumexp(table: Node, axis: int) -> Node:
    """The log of the sum of exponentials along an axis."""
    return ops.logsumexp(table, axis=axis)


def by_max(table: Node, axis: int) -> Node:
    """The largest element along an axis."""
    return ops.max(table, axis=axis)


def most_probable(summation: Summation) -> Eliminated:
    """The elimination by maxima instead of sums."""
    return eliminated(summation.units, summation.factors, over_values(by_max), highest)


def total_of(result: Eliminated) -> Node:
    """The log of the sum of everything that depends on discrete variables."""
    parts = [ops.sum(ops.broadcast_to(f.table, f.shape)) for f in result.factors]
    return reduce(ops.add, parts, ops.as_tensor(0.0))


Explained = tuple[graphs.TermSource, Node, Mapping[str, Node]]


def with_sums(model: graphs.Model, rows: Sequence[Explained]) -> list[Explained]:
    """The terms of a log density with their graphs: those that depend on discrete variables have
    no value but in the sums over these."""
    inside = depending_on([graph for _, graph, _ in rows], [z.value for z in model.summed])
    found = [row for row in rows if row[1] not in inside]
    for factor in model.derived.summation.result.factors:
        names = [name for _, name in sorted(factor.sources)]
        value = ops.broadcast_to(factor.table, factor.shape)
        owner = graphs.NamedValue(", ".join(names), value, None, model.summed[0].node)
        found.append((graphs.TermSource("sum", owner, owner.node, value), value, {}))
    return found


def _chosen(found: Sequence[tuple[Discrete, int]]) -> dict[Discrete, int]:
    """One axis of each variable."""
    chosen: dict[Discrete, int] = {}
    for variable, axis in found:
        chosen.setdefault(variable, axis)
    return chosen


def _largest_axis(variables: Sequence[Discrete]) -> dict[Discrete, int] | None:
    """The variable with the fewest entries that has an axis, and that axis; None if none has."""
    entries = [v for v in variables if math.prod(v.shape) > 1]
    if not entries:
        return None
    variable = min(entries, key=lambda v: math.prod(v.shape))
    sizes = list(variable.shape)
    return {variable: sizes.index(max(sizes))}


def _divided(
    units: Sequence[Discrete], found: Mapping[Discrete, int]
) -> tuple[list[Discrete], dict[Node, Node]]:
    """Variables split along an axis each, and their values as graphs of those of the parts."""
    units, changes = list(units), {}
    for variable, axis in found.items():
        parts, whole = _split(variable, axis)
        k = units.index(variable)
        units[k : k + 1] = parts
        changes[variable.value] = whole
    return units, changes


def _coupled(
    variables: Sequence[Discrete], factors: Sequence[Factor]
) -> tuple[Discrete, Discrete] | None:
    """Two variables of one shape, entries of which meet their own neighbours and each other, as the
    states of two chains that one observation depends on; None if there are none."""
    for factor in factors:
        scope = [(v, access) for v, access in factor.scope if v in variables and v.shape]
        for k, (v, access) in enumerate(scope):
            for w, other in scope[k + 1 :]:
                small = (v.count * w.count) ** 2 <= MAX_TABLE
                if v is not w and access == other and v.shape == w.shape and small:
                    return v, w
    return None


def _merged(
    units: Sequence[Discrete], v: Discrete, w: Discrete
) -> tuple[list[Discrete], dict[Node, Node]]:
    """Two variables as one whose values are pairs of theirs, and their values as graphs of it."""
    value = new_input(f"{v.name} and {w.name}", "int64", v.shape)
    both = Discrete(f"{v.name} and {w.name}", value, v.count * w.count, 0, v.line)
    rest = [u for u in units if u not in (v, w)]
    changes = {v.value: value // w.count + v.low, w.value: value % w.count + w.low}
    return [*rest, both], changes


def _split(variable: Discrete, axis: int) -> tuple[list[Discrete], Node]:
    """A variable for each index along an axis, and the whole as a graph of them. GraphError if they
    are too many."""
    n = variable.shape[axis]
    if n > MAX_PIECES:
        raise GraphError(
            f"{variable.name} of shape {shape_text(variable.shape)} is discrete and not observed, "
            f"and terms of the density depend on more than one entry along axis {axis}: they "
            f"cannot be summed out one by one, nor jointly ({n} entries)\n  made at "
            f"{variable.line}\n  observe it; let each entry of other variables depend on one entry "
            "of it; or write a sequence, whose entries depend on their neighbours, by pt.loop.scan"
        )
    shape = [m for k, m in enumerate(variable.shape) if k != axis]
    parts = [
        Discrete(variable.name, new_input(f"{variable.name}[{k}]", "int64", shape), variable.count,
                 variable.low, variable.line)
        for k in range(n)
    ]  # fmt: skip
    return parts, ops.stack([p.value for p in parts], axis=axis)


def _too_large(variables: Sequence[Discrete], size: int | None) -> str:
    named = list(dict.fromkeys(f"{v.name} ({v.count} values, made at {v.line})" for v in variables))
    shown = "\n  ".join(named[:4]) + (f"\n  and {len(named) - 4} more" if len(named) > 4 else "")
    why = f"a table of {size:,} elements (at most {MAX_TABLE:,})" if size else "too large a table"
    return (
        f"discrete variables that are not observed depend on each other: summing them out would "
        f"take {why}\n  {shown}\n  observe some of them, or give them fewer values"
    )
