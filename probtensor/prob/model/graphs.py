"""From a graph with random variables, some of them observed, to the graphs of a posterior.

`build` replaces each observed variable by an input and each free one by its bijector applied to a
slice of the flat vector q, and sums the terms of the density. The result is a value, `Model`;
nothing is compiled or bound to data here (see posterior.py).

Free variables, and so the entries of q, are in graph order: parameters before what depends on them,
the parameters of one variable from left to right, the observed variables in the order given. The
random variables of a loop, which may depend on each other across steps, come after what the loop
reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.dataclass import replace as reset
from probtensor.graph import (
    Const,
    GraphError,
    Input,
    Node,
    ancestors,
    line_of,
    made_by,
    replace,
    toposort,
)
from probtensor.graph.law import size_laws
from probtensor.graph.node import make, new_input, present_line
from probtensor.late import late
from probtensor.prob.bijectors.base import Bijector, nodes_in, with_nodes
from probtensor.prob.bijectors.choice import bijector_for, value_of
from probtensor.prob.density.guards import Restricted, lift_guards
from probtensor.prob.density.logp import (
    Conditions,
    DensityOf,
    SupportCheck,
    apply_restrictions,
    density_of,
)
from probtensor.prob.density.policy import (
    guard_checks,
    guarded,
    is_guarded,
    split_policy,
    unchecked,
)
from probtensor.prob.density.terms import by_columns, sum_terms
from probtensor.prob.distributions.base import (
    Bounded,
    Deterministic,
    Potential,
    RandomVariable,
    display_name,
)
from probtensor.prob.distributions.support import Interval, Support
from probtensor.prob.model.data import (
    are_repeated_counts,
    default_of,
    depends_only_on,
    split_data_work,
)
from probtensor.prob.model.names import Named, check_names, named_things
from probtensor.prob.sequences.op import RandomSequence
from probtensor.prob.sequences.resolve import model_order, resolved, support_in_all_steps
from probtensor.process import computed_once
from probtensor.rules import stabilized
from probtensor.transform.autodiff import gradient
from probtensor.transform.facts import FactTable
from probtensor.types import Shape, SizeCheck

if TYPE_CHECKING:
    from probtensor.prob.enumeration.factors import Discrete
    from probtensor.prob.enumeration.model import Summation

centring = late("probtensor.prob.bijectors.centring")
enumeration = late("probtensor.prob.enumeration.model")
weights = late("probtensor.prob.model.weights")
SCALES = ("sigma", "b", "s", "scale_tril")  # parameters that multiply a standard variable


@dataclass(frozen=True, eq=False)
class FreeVariable:
    """One free variable: `variable` is its node; q[start:stop] is its unconstrained value `u`."""

    name: str
    variable: Node
    dims: tuple[str, ...] | None
    support: Support
    bijector: Bijector
    u: Node
    value: Node
    start: int
    chosen: bool = False  # the bijector, by `transforms=`

    @property
    def shape(self) -> tuple[int, ...]:
        return self.variable.shape

    @property
    def line(self) -> str:
        return line_of(self.variable)

    def bijector_with(self, replacements: Mapping[Node, Node]) -> Bijector:
        """The bijector with the nodes in its bounds replaced."""
        return with_nodes(self.bijector, replacements)

    def support_with(self, replacements: Mapping[Node, Node]) -> Support:
        """The support with the nodes in its bounds replaced."""
        return with_nodes(self.support, replacements)

    @property
    def stop(self) -> int:
        return self.start + int(np.prod(self.u.shape, dtype=int))


@dataclass(frozen=True, eq=False)
class NamedValue:
    """A named node and its value: an observed variable, a deterministic or a potential, or a
    discrete variable that is summed out, whose value is an input that stands for it."""

    name: str
    value: Node
    dims: tuple[str, ...] | None
    node: Node

    @property
    def is_count(self) -> bool:
        """Is it an observed discrete variable that is bound as floats?"""
        op = self.node.op
        discrete = isinstance(op, RandomVariable) and op.distribution.discrete
        return discrete and self.value.type.is_float and bool(self.shape)

    @property
    def shape(self) -> Shape:
        return self.value.shape

    @property
    def line(self) -> str:
        return line_of(self.node)


@dataclass(frozen=True, eq=False)
class Density:
    """Graphs to be compiled as functions of `q` and of `inputs`.

    `inputs` are data, or keys of `work`: their values are subgraphs that depend on data alone and
    are computed once per data set.
    """

    outputs: tuple[Node, ...]
    inputs: tuple[Node, ...]
    work: Mapping[Node, Node]


@dataclass(frozen=True, eq=False)
class Derived:
    """What is derived of a model: its log density and gradient, and what these assume."""

    checks: tuple[SupportCheck, ...]  # conditions on data alone, checked when data are bound
    guards: tuple[SupportCheck, ...]  # the density is zero where one of these does not hold
    size_checks: tuple[SizeCheck, ...]  # size laws of the original graph
    logp: Node  # with guards
    gradient: Node  # without guards: meaningless where one does not hold
    summation: Summation | None = None  # of discrete variables


@dataclass(frozen=True, eq=False)
class Model:
    """The graphs of a posterior; see the module."""

    free: tuple[FreeVariable, ...]
    observed: tuple[NamedValue, ...]
    deterministic: tuple[NamedValue, ...]
    potentials: tuple[NamedValue, ...]
    variables: tuple[Node, ...]  # all random variables, in graph order
    values: Mapping[Node, Node]  # each node of the graph with variables replaced by values
    arrays: Mapping[Node, np.ndarray]  # literal arrays, replaced by inputs
    data: tuple[Node, ...]  # data inputs
    q: Node
    derive: Callable[[], Derived]
    summed: tuple[NamedValue, ...] = ()  # the discrete variables that are summed out
    dependent: tuple[NamedValue, ...] = ()  # the deterministics that depend on these
    again: Callable[[], Derived] | None = None  # derives the density once more, for a record of it

    @computed_once
    def derived(self) -> Derived:
        """The density, derived when it is first needed."""
        return self.derive()

    @property
    def checks(self) -> tuple[SupportCheck, ...]:
        return self.derived.checks

    @property
    def guards(self) -> tuple[SupportCheck, ...]:
        return self.derived.guards

    @property
    def size_checks(self) -> tuple[SizeCheck, ...]:
        return self.derived.size_checks

    @property
    def logp(self) -> Node:
        return self.derived.logp

    @property
    def gradient(self) -> Node:
        return self.derived.gradient

    @property
    def dim(self) -> int:
        return self.q.shape[0]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """All inputs but q: observed values, data, literal arrays."""
        return (*(y.value for y in self.observed), *self.data, *self.arrays)

    def hierarchies(self) -> tuple[tuple[str, str], ...]:
        """Pairs of names: a free variable that is centred, and a free variable that its scale
        depends on."""
        names = {v.variable: v.name for v in self.free}
        pairs = []
        for v in self.free:
            if v.variable.op.centering is not None:
                continue
            own = resolved(v.variable).variable
            inputs = own.op.named(own.inputs).items()
            # Those of a part have its name before theirs.
            scales = [node for name, node in inputs if name.rpartition(".")[2] in SCALES]
            above = ancestors(scales, stop=names.__contains__)
            pairs += [(v.name, names[node]) for node in above if node in names]
        return tuple(pairs)

    def at_q(self, outputs: Sequence[Node]) -> list[Node]:
        """Graphs of the unconstrained values `u` as graphs of q."""
        return replace(outputs, {v.u: piece(self.q, v) for v in self.free})

    def density(self, outputs: Sequence[Node]) -> Density:
        """The outputs with subgraphs of data alone replaced, and only the inputs that they need."""
        reduced, work = split_data_work(outputs, self.inputs)
        used = {node for node in toposort(reduced) if isinstance(node.op, Input)}
        inputs = [node for node in (*self.inputs, *work) if node in used]
        return Density(tuple(reduced), tuple(inputs), {k: v for k, v in work.items() if k in used})


def piece(q: Node, variable: FreeVariable) -> Node:
    """The slice of q for a variable, in its unconstrained shape."""
    if not variable.u.shape:
        return q[variable.start]
    return ops.reshape(q[variable.start : variable.stop], variable.u.shape)


def build(
    observed: Sequence[Node],
    potentials: Sequence[Node],
    track: Sequence[Node],
    late: bool = False,
    transforms: Mapping[Node, Bijector] | None = None,
) -> Model:
    """The model of a graph whose free variables have sizes that are integers. `transforms` are the
    bijectors of some of them.

    GraphError for a discrete free variable of infinitely many values, a duplicate name, or an input
    without a value. With `late`, its density is derived when it is first needed.
    """
    line = present_line()
    chosen = {**(transforms or {})}
    read = {node: list(nodes_in(bijector)) for node, bijector in chosen.items()}
    potentials, mode = split_policy(potentials)
    order = model_order([*observed, *potentials, *track], read)
    conditioner = Conditioner(order, observed, chosen, mode)
    conditioner.walk()
    check_names(names_in_results(conditioner, potentials))
    conditioner.potentials = [
        NamedValue(p.op.label or f"potential_{k}", conditioner.values[p], None, p)
        for k, p in enumerate(potentials)
    ]
    q = new_input("q", "float64", (conditioner.size,))

    def derive() -> Derived:
        with made_by(None, line):
            return derived(conditioner, observed, q)

    found = None if late else derive()
    return Model(
        free=tuple(conditioner.free),
        observed=tuple(conditioner.observed),
        deterministic=tuple(conditioner.deterministic),
        potentials=tuple(conditioner.potentials),
        variables=tuple(conditioner.variables),
        values=conditioner.values,
        arrays=conditioner.arrays,
        data=tuple(conditioner.data),
        q=q,
        derive=lambda: derive() if found is None else found,
        summed=tuple(conditioner.summed),
        dependent=tuple(conditioner.dependent),
        again=derive,
    )


def derived(conditioner: Conditioner, observed: Sequence[Node], q: Node) -> Derived:
    """The log density of a model and its gradient."""
    named = [*conditioner.data, *observed]
    inputs = [*(y.value for y in conditioner.observed), *conditioner.data, *conditioner.arrays]
    only_data = depends_only_on(inputs)
    conditions = Conditions(only_data, conditioner.facts)
    terms, summation = density_terms(conditioner, conditions)
    unknown = [conditioner.values[z] for z in conditioner.discrete]
    guard_checks(conditioner.checked, conditioner.values, unknown, conditions)
    counts = {y.value for y in conditioner.observed if y.is_count}
    arrays = {x: default_of(x) for x in conditioner.data} | conditioner.arrays
    counts |= {x for x, array in arrays.items() if are_repeated_counts(array)}
    total = unchecked(sum_terms(terms, only_data, counts), conditioner.mode)
    labels = {y.value for y in conditioner.observed if not y.value.type.is_float}
    total = by_columns(stabilized([total])[0], only_data, labels)
    # Samplers require double precision, also of a model in single precision.
    total = total if total.dtype == "float64" else total.astype("float64")
    pieces = [v.u for v in conditioner.free]
    slopes = gradient(total, pieces, disconnected_inputs="ignore") if pieces else []
    slope = ops.concatenate([ops.ravel(g) for g in slopes]) if slopes else ops.zeros((0,))
    names = {v.value: v.variable for v in conditioner.free}  # a domain is told by these
    guards = [reset(g, domain=with_nodes(g.domain, names)) for g in conditions.guards]
    total = guarded(total, guards, conditioner.mode)
    total, slope = replace([total, slope], {v.u: piece(q, v) for v in conditioner.free})
    return Derived(
        checks=tuple(conditions.checks),
        guards=() if conditioner.mode == "none" else tuple(guards),
        size_checks=tuple(size_laws(conditioner.order, named)),
        logp=total,
        gradient=slope,
        summation=summation,
    )


class Conditioner:
    """A walk over the graph that replaces variables by values; its attributes are the results."""

    def __init__(
        self,
        order: Sequence[Node],
        observed: Sequence[Node],
        chosen: Mapping[Node, Bijector] | None = None,
        mode: str = "-inf",
    ) -> None:
        self.mode = mode  # what is done where a check fails
        self.checked: list[Node] = []
        self.order = order
        self.chosen = chosen or {}
        self.given = {node: k for k, node in enumerate(observed)}
        self.free: list[FreeVariable] = []
        self.observed: list[NamedValue] = []
        self.deterministic: list[NamedValue] = []
        self.summed: list[NamedValue] = []
        self.discrete: dict[Node, Discrete] = {}
        self.dependent: list[NamedValue] = []
        self.potentials: list[NamedValue] = []
        self.values: dict[Node, Node] = {}
        self.arrays: dict[Node, np.ndarray] = {}
        self.data: list[Node] = []
        self.variables: list[Node] = []
        self.bounded: list[Node] = []
        self.size = 0
        # Densities in potentials, each with its version without restrictions, and these.
        self.restricted: dict[Node, Restricted] = {}
        self.facts = FactTable()
        self._names: set[str] = set()

    def walk(self) -> None:
        for node in self.order:
            with made_by(node):
                self.values[node] = self._value(node)
        self.observed.sort(key=lambda y: self.given[y.node])
        if self.discrete:
            self.deterministic, self.dependent = enumeration.split_deterministics(self)

    def _value(self, node: Node) -> Node:
        op = node.op
        if isinstance(op, RandomVariable):
            self.variables.append(node)
            return self._observed(node) if node in self.given else self._free(node)
        inputs = tuple(self.values[x] for x in node.inputs)
        if isinstance(op, Deterministic):
            if not isinstance(op, Potential):
                self.deterministic.append(NamedValue(op.label, inputs[0], op.dims, node))
            return inputs[0]
        if isinstance(op, Bounded):
            self.bounded.append(node)
            return inputs[0]
        if is_guarded(node, self.mode):
            self.checked.append(node)
            return inputs[0]
        if isinstance(op, DensityOf):
            density, restrictions = op.over(inputs, self.facts)
            value = apply_restrictions(density, restrictions)
            self.restricted[value] = density, restrictions
            return value
        if isinstance(op, Const) and op.array.size > 1:
            array = new_input(f"array{len(self.arrays)}", node.dtype, node.shape)
            self.arrays[array] = op.array
            return array
        if isinstance(op, Input):
            return self._input(node)
        if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
            return node
        return make(op, inputs, type(node))

    def _input(self, node: Node) -> Node:
        if default_of(node) is None:
            raise GraphError(
                f"input {node.name or node.op.text()} has no value in a model\n  made at "
                f"{line_of(node)}\n  make it with pt.data(array), or use pt.function for a graph "
                "with inputs"
            )
        self.data.append(node)
        return node

    def _observed(self, node: Node) -> Node:
        distribution, name = node.op.distribution, self._name(node)
        # Counts are bound as floats, so that the density does not convert them at each call.
        dtype = "float64" if distribution.discrete and not distribution.indexes else node.dtype
        value = new_input(name, dtype, node.shape)
        self.observed.append(NamedValue(name, value, node.op.dims, node))
        return value.astype(node.dtype)

    def _free(self, node: Node) -> Node:
        op = node.op
        if op.distribution.has_atoms:
            raise GraphError(
                f"{display_name(op.distribution, op.label)} has values of positive probability and "
                f"is not observed, so it cannot be sampled by gradients\n  made at {line_of(node)}"
                "\n  observe it, or make what it is made of a variable of its own"
            )
        name = self._name(node)
        if not all(isinstance(n, int) for n in node.shape):
            raise GraphError(
                f"the size of {name} is not known: {node.type}\n  made at {line_of(node)}\n"
                "  give shape=, or coords={dim: labels} for its dims"
            )
        if op.distribution.discrete:
            return enumeration.stand_in(self, node, name)
        support = self.support(node)
        if self.discrete:
            enumeration.refuse_discrete_bounds(self, node, support)
        chosen = node in self.chosen
        if chosen:
            bijector = with_nodes(self.chosen[node], self.values)
        elif op.centering is not None:
            bijector = centring.centring_for(node, self.values)
        else:
            bijector = bijector_for(support)
        if self.discrete:
            preferred = not chosen and isinstance(op.centering, centring.Preferred)
            if preferred and enumeration.decides_coordinates(self, bijector):
                bijector = bijector_for(support)
            enumeration.refuse_discrete_coordinates(self, node, bijector)
        u = new_input(name, "float64", bijector.unconstrained_shape(node.shape))
        forward = value_of(bijector, u, node) if chosen else bijector.forward(u)
        forward = ops.broadcast_to(forward, node.shape)
        value = forward.astype(node.dtype)
        # The value may round onto a bound, sooner in single precision than in double.
        self.facts.assume(value, self.facts.bounds(forward))
        self.free.append(
            FreeVariable(name, node, op.dims, support, bijector, u, value, self.size, chosen)
        )
        self.size = self.free[-1].stop
        return value

    def support(self, node: Node) -> Support:
        """The support of a variable that is not observed."""
        if isinstance(node.op, RandomSequence):
            return support_in_all_steps(node, self.values)
        return node.op.support(*(self.values[x] for x in node.inputs))

    def _name(self, node: Node) -> str:
        """A variable's name, or a unique one made from its distribution."""
        name = node.op.label
        if name is None:
            if not self._names:
                self._names = {x.name for x in self.order if x.name is not None}
            stem, k = node.op.distribution.name, 0
            while f"{stem}_{k}" in self._names:
                k += 1
            name = f"{stem}_{k}"
            self._names.add(name)
        return name


def names_in_results(conditioner: Conditioner, potentials: Sequence[Node]) -> list[Named]:
    """All names in results of this model or in messages about it."""
    variables = [(v.name, v.variable) for v in conditioner.free]
    named = (*conditioner.observed, *conditioner.deterministic)
    variables += [(y.name, y.node) for y in named]
    variables += [(z.name, z.node) for z in (*conditioner.summed, *conditioner.dependent)]
    data = [(x.name, x) for x in conditioner.data if x.name is not None]
    labels = [(p.name, p) for p in potentials if p.name is not None]
    return named_things([*variables, *data]) + [
        Named(name, (), 0, line_of(node)) for name, node in labels
    ]


@dataclass(frozen=True, eq=False)
class TermSource:
    """What one term of a log density comes from.

    kind    "prior", "likelihood", "log-Jacobian" or "potential"
    owner   the variable or potential: its name, and its value in the space of values
    node    the variable or potential as the user wrote it
    graph   the term of a Jacobian or potential; None for a random variable, whose density is
            built without checks for the model (`density_of`) and with all of them for a diagnosis
    """

    kind: str
    owner: FreeVariable | NamedValue
    node: Node
    graph: Node | None = None


def term_sources(model: Conditioner | Model) -> Iterator[TermSource]:
    """The terms of the log density in graph order: the density of each random variable, followed
    by the log-Jacobian of its bijector if it is free, then the potentials."""
    free = {v.variable: v for v in model.free}
    observed = {y.node: y for y in model.observed}
    summed = {z.node: z for z in model.summed}
    for node in model.variables:
        if node not in free:
            kind, own = ("prior", summed) if node in summed else ("likelihood", observed)
            yield TermSource(kind, own[node], node)
            continue
        variable = free[node]
        yield TermSource("prior", variable, node)
        with made_by(node):
            log_jacobian = variable.bijector.log_jacobian(variable.u)
        if log_jacobian is not None:
            yield TermSource("log-Jacobian", variable, node, log_jacobian)
    for p in model.potentials:
        yield TermSource("potential", p, p.node, p.value)


def density_terms(
    conditioner: Conditioner, conditions: Conditions
) -> tuple[list[Node], Summation | None]:
    """Every term of the log density, without checks; what the terms assume is added to
    `conditions`. Discrete variables that are not observed are summed out of them."""
    if conditioner.discrete:
        return enumeration.density_terms(conditioner, conditions)
    for node in conditioner.bounded:
        with made_by(node):
            conditions.require(
                node.op.what, conditioner.values[node], node.op.domain, line_of(node)
            )
    sources = term_sources(conditioner)
    terms = [density_term(source, conditioner, conditions) for source in sources]
    return [term for term in terms if term is not None], None


def density_term(
    source: TermSource, conditioner: Conditioner, conditions: Conditions
) -> Node | None:
    """The graph of one term, without checks; None where it is 0."""
    node = source.node
    centred = source.kind in ("prior", "log-Jacobian") and node.op.centering is not None
    centred = centred and not node.op.weighted
    centred = centred and isinstance(source.owner.bijector, centring.Centring)
    if source.kind == "log-Jacobian":
        if centred:
            return source.owner.bijector.standard_log_jacobian(source.owner.u)
        return source.graph
    if source.kind != "potential":
        variable = resolved(node).variable
        inputs = [conditioner.values[x] for x in variable.inputs]
        is_free, owner = source.kind == "prior", source.owner
        with made_by(node):
            if centred:
                conditions.require_parameters(variable, inputs)
                return centring.standard_density(variable.op, owner.bijector, owner.u, inputs)
            if is_free and owner.chosen:
                what = f"the value of {owner.name} by transforms="
                conditions.require(what, owner.value, owner.support, line_of(node))
            if variable.op.weighted and inputs[-1].dtype != "bool":
                what = f"the factor of {owner.name}"
                conditions.require(what, inputs[-1], Interval(0.0), line_of(node))
            density = density_of(variable, owner.value, inputs, conditions, is_free)
            return weights.weighed(density, inputs) if variable.op.weighted else density
    value = lift_guards(source.graph, conditioner.restricted, conditions, line_of(node))
    value = value if value.type.is_float else value.astype("float64")
    if any(isinstance(x.op, (ops.Lgamma, ops.Lbeta)) for x in toposort([value])):
        # Log gammas that cancel are found only before the sum of terms is split.
        value = stabilized([value])[0]
    return value
