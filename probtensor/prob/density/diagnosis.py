"""The log density of a model term by term at one point, and its entries that are not finite, each
with the operation inside of the term that made it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from probtensor.dataclass import dataclass, replace
from probtensor.graph import Node, line_of, made_by, toposort
from probtensor.graph.closed import with_bodies
from probtensor.graph.node import new_input
from probtensor.graph.walk import replace as substitute
from probtensor.late import late
from probtensor.ops.values.check import Checked, is_check, without_checks
from probtensor.ops.values.effects import quiet
from probtensor.prob.bijectors.base import Identity
from probtensor.prob.density.logp import SupportCheck, full_density
from probtensor.prob.model.data import evaluated, measured_sizes, value_of
from probtensor.prob.model.graphs import FreeVariable, Model, TermSource, term_sources
from probtensor.prob.sequences.resolve import resolved

if TYPE_CHECKING:
    from probtensor.inspect.numbers.nonfinite import NonFinite
    from probtensor.prob.model.posterior import Posterior

enumeration = late("probtensor.prob.enumeration.model")
weights = late("probtensor.prob.model.weights")
influence = late("probtensor.inspect.numbers.influence")
nonfinite = late("probtensor.inspect.numbers.nonfinite")
replay = late("probtensor.inspect.replay")

MOST_EXPLAINED = 3  # terms, of which the operation is told


@dataclass(frozen=True, eq=False)
class Term:
    """One term: its name, its kind, its sum, and its first entry that is not finite."""

    name: str
    what: str
    value: float
    line: str
    index: tuple[int, ...] | None = None
    entry: float | None = None
    parameters: tuple[tuple[str, float], ...] = ()
    demand: str = ""  # what the entry must be, for a parameter outside its support, or what a
    # check of the user says
    origin: NonFinite | None = None  # what made the entry

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.value))

    def __str__(self) -> str:
        if self.finite or self.index is None:
            return f"{self.name}: {self.what} is {self.value:.6g}, made at {self.line}"
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        if self.demand == self.what:
            return f"{self.demand}, checked at {self.line}"
        if self.demand:
            shown = "it" if not at else f"entry {at}"
            return f"{self.name} must be {self.demand}; {shown} {self.what}, made at {self.line}"
        found = ", ".join(f"{name} = {value:.6g}" for name, value in self.parameters)
        found = f" ({found})" if found else ""
        return f"{self.name}{at}: {self.what} is {self.entry:.6g}{found}, made at {self.line}"

    def because(self) -> list[str]:
        """Which operation made the entry, with its line and its operands; empty if that is not
        known."""
        if self.origin is None:
            return []
        first, *others = _rows(self.origin)
        return [f"{self.name} because {first}", *(f"  {row}" for row in others)]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """All terms of a log density at one point. `problems` are those that are not finite; its text
    lists these, or all terms if there are none."""

    terms: tuple[Term, ...]

    @property
    def logp(self) -> float:
        if any(term.demand for term in self.terms):
            return -np.inf  # the sum of the terms is meaningless where a guard does not hold
        with np.errstate(invalid="ignore"):
            return float(np.sum([term.value for term in self.terms]))

    @property
    def problems(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if not term.finite)

    @property
    def unexplained(self) -> tuple[Term, ...]:
        """The problems that no demand explains, of which the operations tell more. A demand says
        what is wrong, unless the value is nan: then what made it is."""
        told = [x for x in self.problems if x.demand and (x.entry is None or not np.isnan(x.entry))]
        lines = {term.line for term in told}
        return tuple(x for x in self.problems if x.origin and x.line not in lines)

    def __str__(self) -> str:
        rows = [f"log density {self.logp:.6g}"]
        rows += [f"  {term}" for term in self.problems or self.terms]
        return "\n".join(rows)


def diagnose(model: Model, q: np.ndarray, arrays: Mapping[Node, np.ndarray]) -> Diagnosis:
    """Every term at q, computed by NumPy with all checks in it."""
    sources = []
    for source in term_sources(model):
        with made_by(source.node):
            sources.append((source, *explained(model, source)))
    if model.summed:
        sources = enumeration.with_sums(model, sources)
    wanted = [x for g in model.guards for x in (g.inside, g.value, *g.shown)]
    start = len(wanted)
    wanted += [node for _, graph, named in sources for node in (graph, *named.values())]
    inputs = {v.u: _named(v) for v in model.free}
    placed = substitute(wanted, inputs)
    values = {inputs[v.u]: q[v.start : v.stop].reshape(v.u.shape) for v in model.free}
    raising = raising_of(model, placed)
    arguments = [x for node in raising for x in node.inputs]
    placed = without_checks([*placed, *arguments])
    known, sizes = evaluated(placed, {**arrays, **values})
    graphs = iter(placed[start:])
    found = iter([known[y] for y in placed])
    rest = iter(placed[len(wanted) :])
    guards = [failed_guard(g, *(next(found) for _ in (0, 0, *g.shown))) for g in model.guards]
    for node in raising:
        guards.append(failed_check(node, [known[next(rest)] for _ in node.inputs], sizes))
    terms = []
    for source, _, named in sources:
        values, graph = next(found), next(graphs)
        for _ in named:
            next(graphs)
        term = term_of(source, values, {name: next(found) for name in named})
        if not term.finite and term.index is not None:
            term = replace(term, origin=_origin(graph, term.index, known, sizes))
        terms.append(term)
    for term in (term for term in guards if term is not None):
        # After the term that it explains, which was made on the same line.
        positions = [k for k, other in enumerate(terms) if other.line == term.line]
        terms.insert(positions[0] + 1 if positions else 0, term)
    return Diagnosis(tuple(terms))


def _named(variable: FreeVariable) -> Node:
    """An input in place of the unconstrained value of a variable, named as reports name it."""
    same = isinstance(variable.bijector, Identity)
    name = variable.name if same else f"unconstrained {variable.name}"
    with made_by(variable.variable):
        return new_input(name, variable.u.dtype, variable.u.shape)


def _origin(
    graph: Node, index: tuple[int, ...], known: dict[Node, np.ndarray], sizes: dict[str, int]
) -> NonFinite | None:
    """What made an entry of a term that is not finite; None where that cannot be told."""
    level = replay.Level(toposort([graph]), known, sizes)
    try:
        kind = "nan" if np.isnan(known[graph][index]) else "inf"
        found = nonfinite.traced(influence.Element(level, graph, index), kind)
    except Exception:  # the terms are worth more than this part of them
        return None
    return None if found.source == "unknown" else found


@quiet()
def report(posterior: Posterior, q: np.ndarray) -> str:
    """The text of `Posterior.diagnose`: the terms at q, and where they are all finite what made the
    gradient not so."""
    found = posterior.terms(q)
    rows = [str(found)]
    for term in found.unexplained[:MOST_EXPLAINED]:
        rows += [f"  {row}" for row in term.because()]
    if found.problems:
        return "\n".join(rows)
    gradient = np.asarray(posterior.logp_and_grad(q)[1])
    bad = ~np.isfinite(gradient)
    if bad.any():
        first = int(np.argmax(bad))
        names = posterior.variable_of(first)
        rows.append(f"  the derivative by {names} is {gradient[first]:.6g}, q[{first}]")
        if bad.sum() > 1:
            rows[-1] += f", as are {int(bad.sum()) - 1} others"
        made = posterior.function.find_nan(q, kind="nan" if np.isnan(gradient).any() else "inf")
        if made is not None:
            first, *others = _rows(made)
            rows += [f"  because {first}", *(f"    {row}" for row in others)]
    return "\n".join(rows)


def _rows(found: NonFinite) -> list[str]:
    return found.rows() if found.cause is None else [*found.rows(), *found.cause.rows()]


def explained(model: Model, source: TermSource) -> tuple[Node, dict[str, Node]]:
    """(graph of a term with all checks in it, graphs by name of what it is computed from)."""
    owner = source.owner
    if source.kind in ("potential", "sum"):
        return source.graph, {}
    if source.kind == "log-Jacobian":
        return source.graph, {"unconstrained": owner.u}
    variable = resolved(source.node).variable
    inputs = [model.values[x] for x in variable.inputs]
    # A density without a known normalising constant was refused when the model was built.
    graph = full_density(variable, owner.value, inputs, lambda _: True)
    named = {"value": owner.value, **variable.op.named(inputs)}
    return weights.weighed(graph, inputs) if variable.op.weighted else graph, named


def raising_of(model: Model, graphs: Sequence[Node]) -> list[Node]:
    """The checks of the user, and the loops that have some, where these end the computation."""
    if not any(map(is_check, with_bodies(toposort([model.logp])))):
        return []
    return [x for x in toposort(graphs) if any(map(is_check, with_bodies([x])))]


def failed_check(
    node: Node, arguments: Sequence[np.ndarray], sizes: Mapping[str, int]
) -> Term | None:
    """The term of a check, or of a loop that has some, where one does not hold."""
    if isinstance(node.op, Checked):
        return refused_term(node.op.refused("", *arguments), line_of(node))
    known = dict(zip(node.inputs, arguments, strict=True))
    try:
        value_of(node, arguments, {**sizes, **measured_sizes(node, known)})
    except Exception as error:  # of the class that the check is given
        return refused_term(error, line_of(node))
    return None


def refused_term(error: Exception | None, line: str) -> Term | None:
    """The term of a check of the user, by what it raises."""
    if error is None:
        return None
    first, *rows = str(error).split("\n  ")
    for row in [row for row in rows if row.startswith("at ")]:
        line = row.removeprefix("at ")
        rows.remove(row)
    demand = "; ".join([first, *rows])
    return Term(first, demand, -np.inf, line, (), None, (), demand)


def failed_guard(
    guard: SupportCheck, inside: np.ndarray, values: np.ndarray, *shown: np.ndarray
) -> Term | None:
    """The term of a guard that does not hold; None where it does."""
    if np.all(inside):
        return None
    if guard.check is not None:
        return refused_term(guard.check.refused("", values, inside, *shown), guard.line)
    first = np.unravel_index(np.argmin(inside), np.shape(inside))
    index = tuple(int(i) for i in first)
    wrong = values[index] if values.ndim >= len(index) else values
    shown = f"is {wrong:.6g}" if not np.ndim(wrong) else f"is {np.asarray(wrong).tolist()!s:.60}"
    entry = float(wrong) if not np.ndim(wrong) else None
    return Term(guard.what, shown, -np.inf, guard.line, index, entry, (), str(guard.domain))


def term_of(source: TermSource, values: np.ndarray, named: Mapping[str, np.ndarray]) -> Term:
    """The sum of a term's values, and the entries of `named` at the first that is not finite."""
    name, line = source.owner.name, line_of(source.node)
    density = source.kind in ("prior", "likelihood")
    what = f"the {source.node.op.text()} {source.kind}" if density else f"the {source.kind}"
    with np.errstate(invalid="ignore"):
        total = float(np.sum(values))
    bad = ~np.isfinite(values)
    if not bad.any():
        return Term(name, what, total, line)
    index = tuple(int(i) for i in np.unravel_index(np.argmax(bad), bad.shape))
    parameters = []
    for label, array in named.items():
        fits = array.ndim <= len(index)
        if fits:
            broadcast = np.broadcast_to(array, values.shape)
            parameters.append((label, float(broadcast[index])))
    return Term(name, what, total, line, index, float(values[index]), tuple(parameters))
