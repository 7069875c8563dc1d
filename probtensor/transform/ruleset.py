"""Rules, sets of rules, and which of a set may apply to a node.

Most rules fit few nodes: a rule says which ops it is `on`, what it asks of operands, and what of
the graph before the node. What fits a form of nodes is found once, for all parts of a set together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Const, Node, Op
from probtensor.process import computed_once
from probtensor.transform.chain import CHAIN_ROOTS
from probtensor.transform.facts import FactTable
from probtensor.transform.pattern import Literals, Mark, Match, Twice

# The default tolerance of the soundness test, in ulps.
ULPS = 8.0

# Op classes or marks that must be there, each given with those that may stand for it.
Wanted = tuple[frozenset[Mark], ...]


def wanted(*groups: Mark | Sequence[Mark]) -> Wanted:
    """Marks that must be there; a list stands for any one of those in it."""
    return tuple(frozenset(g if isinstance(g, list) else (g,)) for g in groups)


def are_there(asked: Wanted, present: set[Mark]) -> bool:
    """Whether all that is asked for is present."""
    return not any(map(present.isdisjoint, asked))


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule. `apply(node, facts)` returns the replacement of the node, or None.

    on        op classes of the nodes that it is tried on
    among     op classes of which each must occur at the node or before it, for the rule to apply
    operands  op classes of which each must be that of an operand, or with `in_chain` of a leaf of
              the chain; or other marks of operands (`pattern.Mark`)
    over      test domain: an interval for each variable by name
    example   makes graphs for the test of a rule written as a function

    What the soundness test accepts of the right side:

    ulps          errors of up to this many ulps
    sums_first    an overflow of a sum that the right side forms first
    limits        another value (a limit) at infinite arguments
    everywhere    if False, the rule is tested on `over` only, not on all floats
    rounded_logs  the effect of an error of one ulp in its logarithms
    mixtures      a few ulps of 1 on graphs other than the example: the logarithm of a mixture near
                  1 has that error
    """

    name: str
    on: tuple[type[Op], ...]
    apply: Callable[[Node, FactTable], Node | None]
    why: str
    line: str
    among: Wanted = ()
    operands: Wanted = ()
    in_chain: bool = False
    lhs: Node | None = None
    rhs: Node | None = None
    given: Callable[[Match], bool] | None = None
    over: dict[str, tuple[float, float]] = field(default_factory=dict)
    example: Callable[[], object] | None = None
    ulps: float = ULPS
    sums_first: bool = False
    limits: bool = False
    everywhere: bool = True
    rounded_logs: bool = False
    mixtures: bool = False

    @computed_once
    def sought(self) -> Wanted:
        """What must occur in the graph: `among`, and leaves that a chain must have."""
        return self.among + self.operands if self.in_chain else self.among


# The op class of an operand, and with it the mark of its value if that is a literal.
OperandForm = type | tuple[type, Mark]
# The op class of a node, then the forms of its operands, each once; Twice for the same operand.
Form = tuple[OperandForm, ...]


def marks_of(form: Form) -> set[Mark]:
    """The marks of a node of this form."""
    found: set[Mark] = set()
    literal = len(form) > 1
    for x in form[1:]:
        if isinstance(x, tuple):
            found.update(x, (Const,))
        else:
            found.add(x)
            literal = literal and x in (Const, Twice)
    if literal:
        found.add(Literals)
    return found


class Chain:
    """Stands for rules on chains, among marks."""


class Ruleset:
    """Rules in order, concatenated by +. If several match a node, the first one is applied.

    `whole` is the set of which these are a part, else this set: what fits is learnt with that one.
    `own` are the rules of this set.
    """

    def __init__(self, *rules: Rule, whole: Ruleset | None = None) -> None:
        names = Counter(r.name for r in rules)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise TypeError(f"rules named twice: {', '.join(twice)}")
        self.rules = rules
        self.whole = self if whole is None else whole
        self.own = frozenset(rules)
        self._on: dict[type[Op], tuple[Rule, ...]] = {}
        self._by_mark: dict[type[Op], dict[Mark | None, list[int]]] = {}
        self._by_form: dict[Form, tuple[Rule, ...]] = {}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def __add__(self, other: Ruleset) -> Ruleset:
        return Ruleset(*self.rules, *(r for r in other.rules if r not in self.own))

    def part(self, rules: Ruleset) -> Ruleset:
        """Some of the rules of this set. TypeError if it lacks one, or has another order."""
        if tuple([r for r in self.rules if r in rules.own]) != rules.rules:
            raise TypeError("a part has rules of the whole, in the order of the whole")
        return Ruleset(*rules.rules, whole=self)

    @computed_once
    def _places(self) -> dict[type[Op], list[int]]:
        """The positions of the rules on each class of ops."""
        found: dict[type[Op], list[int]] = {}
        for k, r in enumerate(self.rules):
            for kind in r.on:
                if kind in found:
                    found[kind].append(k)
                else:
                    found[kind] = [k]
        return found

    def on(self, kind: type[Op]) -> tuple[Rule, ...]:
        """The rules on a class of ops, or on one that it is derived from."""
        found = self._on.get(kind)
        if found is None:
            if self.whole is not self:
                found = tuple([r for r in self.whole.on(kind) if r in self.own])
            else:
                places = self._places
                at = {k for base in kind.__mro__ if base in places for k in places[base]}
                found = tuple([self.rules[k] for k in sorted(at)])
            self._on[kind] = found
        return found

    def _asking(self, kind: type[Op]) -> dict[Mark | None, list[int]]:
        """The positions, among the rules on a class of ops, of those that ask first for a mark of
        operands; under None of those that ask for none, or under Chain of those on chains."""
        found = self._by_mark.get(kind)
        if found is None:
            found = self._by_mark[kind] = {None: [], Chain: []}
            for k, r in enumerate(self.on(kind)):
                for mark in r.operands[0] if r.operands else (None,):
                    if mark in found:
                        found[mark].append(k)
                    else:
                        found[mark] = [k]
                if r.in_chain:
                    found[Chain].append(k)
        return found

    def fitting(self, form: Form) -> tuple[Rule, ...]:
        """The rules of the whole that may apply to nodes of a form."""
        whole = self.whole
        found = whole._by_form.get(form)
        if found is None:
            found = whole._by_form[form] = whole._fit(form)
        return found

    def _fit(self, form: Form) -> tuple[Rule, ...]:
        kind = form[0]
        on = self.on(kind)
        if not on:
            return ()
        marks = marks_of(form)
        # A chain has other leaves than these operands.
        chain = kind in CHAIN_ROOTS and not marks.isdisjoint(CHAIN_ROOTS[kind])
        asking = self._asking(kind)
        places = set(asking[None])
        for mark in marks:
            if mark in asking:
                places.update(asking[mark])
        fit = [on[k] for k in sorted(places.union(asking[Chain]) if chain else places)]
        return tuple(
            [r for r in fit if len(r.operands) < 2 or (chain and r.in_chain)
             or are_there(r.operands, marks)]
        )  # fmt: skip
