"""An expression of random variables as one random variable: what is given, and the node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from probtensor import ops
from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import Const, GraphError, Node, as_tensor, line_of, toposort
from probtensor.graph import replace as replaced
from probtensor.graph.closed import Closed, closed, depending
from probtensor.graph.node import SizeOf, made_by, make, new_input
from probtensor.graph.parts import Get
from probtensor.ops.kinds import Loop, View
from probtensor.prob.derived.derivation import Derivation, NotDerived, what_of
from probtensor.prob.derived.law import Law, Members, independent
from probtensor.prob.derived.rules.table import RULES_BY_OP
from probtensor.prob.distributions.base import Deterministic, RandomVariable, display_name
from probtensor.prob.distributions.distribution import Distribution, Unknown
from probtensor.prob.distributions.support import Interval, Support
from probtensor.prob.sequences.op import RandomSequence
from probtensor.process import new_uid
from probtensor.transform.batch import vmap_nodes
from probtensor.transform.draws import lower_draws
from probtensor.types import (
    Atom,
    HoldsSizes,
    Size,
    SizeCheck,
    TensorType,
    broadcast_shapes,
    size_product,
)

# Literals of at most so many entries stay in the expression, where rules see their values.
SMALL = 64
ANY = Interval()


@dataclass(frozen=True)
class Derived(Distribution, HoldsSizes):
    """The distribution of an expression: a closed graph of what is given, with its variables in it.

    body     the expression as a function of what is given
    domains  (name, support) of each given tensor, which is a parameter
    orders   of the parameters of its variables; see `Distribution.increasing`
    kind     whether values are discrete, the number of event axes, whether they are indices, and
             whether single real numbers have a probability of their own
    """

    body: Closed
    domains: tuple[tuple[str, Support], ...]
    orders: tuple[tuple[str, str, bool], ...]
    kind: tuple[bool, int, bool, bool]
    name = "expression"
    spreads_nan = False

    @property
    def parameters(self) -> Mapping[str, Support]:
        return dict(self.domains)

    @property
    def increasing(self) -> tuple[tuple[str, str, bool], ...]:
        return self.orders

    @property
    def discrete(self) -> bool:
        return self.kind[0]

    @property
    def event_ndim(self) -> int:
        return self.kind[1]

    @property
    def indexes(self) -> bool:
        return self.kind[2]

    @property
    def has_atoms(self) -> bool:
        return self.kind[3]

    def law(self, *parameters: Node) -> Law:
        """The law given the parameters."""
        (expression,) = self.body(*parameters)
        bases = variables_within([expression], stop=parameters)
        return Derivation(RULES_BY_OP, expression, bases).law(expression)

    def support(self, *parameters: Node) -> Support:
        law = self.law(*parameters)
        held = law.support
        if not isinstance(held, Members):
            return held
        return Members(
            lambda x: _applied(held.test, _typed(x, law), law), held.text, law.discrete,
            len(law.event),
        )  # fmt: skip

    def logpdf(self, x: Node, *parameters: Node) -> Node:
        law = self.law(*parameters)
        density = law.full if isinstance(law.support, Members) else law.density
        return _applied(density, _typed(x, law), law)

    def logcdf(self, x: Node, *parameters: Node) -> Node:
        law = self.law(*parameters)
        return _applied(_known(law.lower), _typed(x, law), law)

    def logccdf(self, x: Node, *parameters: Node) -> Node:
        law = self.law(*parameters)
        return _applied(_known(law.upper), _typed(x, law), law)

    def quantile(self, log_p: Node, above: object, *parameters: Node) -> Node:
        law = self.law(*parameters)
        if law.quantile is None:
            raise Unknown("the quantiles of this expression are not known here")
        above = ops.broadcast_to(as_tensor(above), log_p.shape)
        return law.quantile(log_p, above)

    def sourced_atoms(self) -> Iterator[Atom]:
        return self.body.sourced_atoms()

    def resized(self, names: Mapping[str, Size]) -> Derived:
        body = self.body.resized(names)
        return self if body is self.body else Derived(body, self.domains, self.orders, self.kind)

    def size_names(self) -> set[str]:
        return self.body.size_names()


def _known(function: object) -> object:
    if function is None:
        raise Unknown("the distribution function of this expression is not known here")
    return function


def _applied(function: Callable[[Node], Node], x: Node, law: Law) -> Node:
    """A function of a value of the shape of a law, at a value that broadcasts to it or has further
    axes in front."""
    shape = broadcast_shapes(x.shape, law.shape)
    x = ops.broadcast_to(x, shape)
    extra = len(shape) - law.ndim
    if not extra:
        return function(x)
    own = new_input(None, x.dtype, law.shape)
    found = function(own)
    found = ops.broadcast_to(found, tuple(n for k, n in enumerate(law.shape) if k not in law.event))
    count = size_product(shape[:extra])
    rows = ops.reshape(x, (count, *law.shape))
    many = vmap_nodes([found], {own: rows})[0]
    return ops.reshape(many, (*shape[:extra], *found.shape))


def _typed(x: Node, law: Law) -> Node:
    """A value as a float, in the precision of the law."""
    if x.type.is_float:
        return x
    return x.astype("float32" if law.dtype == "float32" else "float64")


@dataclass(frozen=True)
class DerivedVariable(RandomVariable):
    """A random variable that is an expression of others; its inputs are what is given."""

    def infer(self, *types: TensorType) -> TensorType:
        return self.distribution.body.outputs[0].type

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from ()

    def draw(self, variable: Node, key: Node, inputs: Sequence[Node]) -> Node:
        outputs = self.distribution.body(*inputs)
        return lower_draws(outputs, key, {x: x for x in inputs})[0]


def variables_within(outputs: Sequence[Node], stop: Collection[Node] = ()) -> list[Node]:
    """The random variables that outputs are made of, without those in parameters of others and in
    what the nodes `stop` are made of."""
    stop, found, seen = set(stop), [], set()
    stack = list(outputs)[::-1]
    while stack:
        node = stack.pop()
        if node in seen or node in stop:
            continue
        seen.add(node)
        if isinstance(node.op, RandomVariable):
            found.append(node)
        else:
            stack += node.inputs[::-1]
    return found


def base_variables(expression: Node, elsewhere: Collection[str] = ()) -> list[Node]:
    """The variables that an expression is a function of; all others are given.

    These are the ones without a name; if all have names, the only one. Those of which something
    else is made (`elsewhere`, their uids) are given.
    """
    found = variables_within([expression])
    if not found:
        raise NotDerived("it has no random variable in it", expression)
    free = [x for x in found if x.op.uid not in elsewhere]
    bases = [x for x in free if x.op.label is None]
    if not bases and len(free) == 1 == len(found):
        bases = free
    if not bases:
        names = ", ".join(display_name(x.op.distribution, x.op.label) for x in found[:3])
        reason = f"all of its variables are given: {names}"
        why = "named variables are given, and so are those that something else depends on"
        raise NotDerived(
            reason, expression, f"{why}; leave out the name= of what it is derived from"
        )
    sequences = [v for v in bases if isinstance(v.op, RandomSequence)]
    above = set(toposort([x for v in sequences for x in _parameters(v)]))
    for variable in bases:
        if variable in above:
            raise NotDerived(
                "it is an operand, and a parameter of another variable",
                variable,
                "give it a name, so that it is given",
            )
    return bases


def _parameters(variable: Node) -> tuple[Node, ...]:
    """What the distribution of a variable depends on: for a sequence, what its loop reads."""
    if isinstance(variable.op, RandomSequence):
        return variable.inputs[0].inputs[0].inputs
    return variable.inputs


class _Cut:
    """The given tensors of an expression, as inputs, with the supports that they must lie in."""

    def __init__(self) -> None:
        self.given: list[Node] = []
        self.slots: list[Node] = []
        self.domains: dict[str, Support] = {}
        self.orders: list[tuple[str, str, bool]] = []

    def add(self, label: str, node: Node, domain: Support) -> tuple[str, Node]:
        """(the name of a given tensor, the input that stands for it)."""
        name, k = label, 1
        while name in self.domains:
            k += 1
            name = f"{label} ({k})"
        self.given.append(node)
        self.slots.append(new_input(None, node.dtype, node.shape))
        self.domains[name] = domain
        return name, self.slots[-1]

    def variable(self, node: Node, made: Mapping[Node, Node]) -> Node:
        """A base variable over inputs for its parameters, or over what is made of other ones."""
        op = node.op
        if isinstance(op, RandomSequence):
            return self._sequence(node)
        shown = display_name(op.distribution, op.label)
        labels = list(op.distribution.parameters.items())
        names, inputs = {}, []
        for k, x in enumerate(node.inputs):
            label, domain = labels[k] if k < len(labels) else ("a bound", ANY)
            if x in made or (_stays(x) and not op.distribution.increasing):
                inputs.append(made.get(x, x))
                continue
            names[label], own = self.add(f"{label} of {shown}", x, domain)
            inputs.append(own)
        orders = op.distribution.increasing
        self.orders += [(names[a], names[b], e) for a, b, e in orders if {a, b} <= names.keys()]
        return make(op, tuple(inputs))

    def _sequence(self, node: Node) -> Node:
        part = node.inputs[0]
        loop = part.inputs[0]
        inputs = [x if _stays(x) else self.add("a tensor", x, ANY)[1] for x in loop.inputs]
        return make(node.op, (make(part.op, (make(loop.op, tuple(inputs), type(loop)),)),))


def _stays(node: Node) -> bool:
    """Does a given tensor stay in the expression, where rules see its value?"""
    if isinstance(node.op, SizeOf):
        return True
    if not isinstance(node.op, Const):
        return False
    return node.op.array.size <= SMALL or node.op.array.dtype.kind != "f"


def derived_variable(expression: Node, elsewhere: Collection[str] = (), what: str = "logp") -> Node:
    """An expression of random variables as a random variable: given what is given, its density is
    derived. GraphError, with the reason, where that is not possible."""
    try:
        return _derived_variable(expression, elsewhere)
    except NotDerived as error:
        raise GraphError(not_derived_message(what, expression, error)) from None


def _derived_variable(expression: Node, elsewhere: Collection[str]) -> Node:
    label = dims = None
    while isinstance(expression.op, Deterministic):
        label, dims = expression.op.label, expression.op.dims
        expression = expression.inputs[0]
    bases = set(base_variables(expression, elsewhere))
    order = toposort([expression])
    random = depending(order, bases)
    cut, made = _Cut(), {}
    for node in order:
        if node not in random:
            continue
        with made_by(node):
            if node in bases:
                made[node] = cut.variable(node, made)
                continue
            for x in node.inputs:
                if x not in made:
                    made[x] = x if _stays(x) else cut.add("a tensor", x, ANY)[1]
            made[node] = make(node.op, tuple(made[x] for x in node.inputs), type(node))
    inputs = tuple(cut.given)
    law = _law(made[expression], dict(zip(cut.slots, inputs, strict=True)))
    family = law.family
    indexes = family is not None and family.distribution.indexes
    distribution = Derived(
        closed(cut.slots, (made[expression],)),
        tuple(cut.domains.items()),
        tuple(cut.orders),
        (law.discrete, len(law.event), indexes, bool(law.points)),
    )
    with made_by(expression):
        return make(DerivedVariable(distribution, (), new_uid(), label, dims), inputs)


def _law(expression: Node, given: Mapping[Node, Node]) -> Law:
    """The law of an expression, given tensors for some of its inputs; NotDerived if there is none,
    or if its density is not known."""
    (made,) = replaced([expression], given)
    law = Derivation(RULES_BY_OP, made, variables_within([made], given.values())).law(made)
    try:
        law.density(new_input("value", law.dtype, law.shape))
    except Unknown as error:
        raise NotDerived(str(error), made) from None
    return law


def with_derived(groups: Sequence[Sequence[Node]]) -> list[list[Node]]:
    """Groups of nodes, observed ones first, in which the observed expressions are random variables
    of their own, wherever they occur. Variables that another node depends on are given."""
    observed, *others = groups
    changes: dict[Node, Node] = {}
    for key in observed:
        inner = _unwrapped(key)
        if isinstance(inner.op, RandomVariable):
            continue
        hidden = {x: new_input(None, x.dtype, x.shape) for x in (key, inner)}
        rest = [x for x in observed if x is not key and not _are_apart(inner, _unwrapped(x))]
        roots = replaced([*rest, *(x for group in others for x in group)], hidden)
        uids = {x.op.uid for x in toposort(roots) if isinstance(x.op, RandomVariable)}
        made = derived_variable(key, uids, "condition")
        changes |= {key: made, inner: made}
    return [replaced(group, changes) for group in groups]


def _are_apart(expression: Node, other: Node) -> bool:
    """Are two expressions made of the same variables, but of different entries of these that are
    independent, so that each has a density of its own?"""
    if isinstance(other.op, RandomVariable):
        return False
    found = [set(variables_within([x])) for x in (expression, other)]
    if not found[0] & found[1]:
        return False
    try:
        laws = [
            Derivation(RULES_BY_OP, x, base_variables(x)).law(x) for x in (expression, other)
        ]
    except NotDerived:
        return False
    return independent(*laws)


def _unwrapped(node: Node) -> Node:
    while isinstance(node.op, Deterministic):
        node = node.inputs[0]
    return node


def not_derived_message(what: str, expression: Node, error: NotDerived) -> str:
    """The message that the density of an expression is not derived."""
    shown = f"{expression.name or expression.op.node_text(expression)} of type {expression.type}"
    where = error.node
    lines = [f"{what}: {shown} is not a random variable, and its density is not derived"]
    lines.append(f"  made at {line_of(expression)}")
    inner = where is not None and where is not expression
    lines.append(f"  {what_of(where)}: {error}" if inner else f"  {error}")
    lines.append(f"  at {line_text()}")
    hint = error.hint or "observe a variable inside it, or state the density with pt.potential"
    part = where
    while part is not None and part.inputs and isinstance(part.op, (Get, View)):
        part = part.inputs[0]
    if part is not None and isinstance(part.op, Loop):
        hint = (
            "results of a loop have densities where its steps return a random variable itself, in "
            "a loop of a fixed number of steps that is in no other; or use pt.potential"
        )
    return "\n".join([*lines, f"  {hint}"])
