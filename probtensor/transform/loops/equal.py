"""Values of a loop that are equal in all its steps."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.closed import is_literal
from probtensor.graph.node import Node
from probtensor.graph.walk import replace as replaced
from probtensor.graph.walk import toposort
from probtensor.transform.bodies import have_bodies
from probtensor.transform.loops.numbers import Numbers
from probtensor.transform.loops.opened import Entry, OpenedLoop

Classes = dict[Node, Node]  # from a parameter to that of its class


def equal_values_unified(loop: OpenedLoop) -> bool:
    """Have one parameter for each value: carries that are equal in all steps, carries that keep
    their first value, equal invariants, literals; and one node for equal results of the body.
    Whether there were others.

    Partition refinement: all with one first value are taken to be equal, and divided until those
    that are taken to be equal have equal next values too.
    """
    places = _places_of(loop)
    classes: Classes = {}
    first: dict[tuple, Node] = {}
    for own, outer, _ in places:
        classes[own] = first.setdefault((outer, own.type), own)
    roots, owns = loop.roots(), [own for own, *_ in places]
    nodes = [*owns, *(y for *_, y in places), *roots]
    several = any(own is not one for own, one in classes.items())
    inside = several and have_bodies(toposort(roots))
    values = _Numbered(nodes) if inside else _Identities(nodes)
    while True:
        found = values.numbers(classes)
        following = found[len(owns) :]
        divided: dict[tuple[Node, int], Node] = {}
        for own, y in zip(owns, following):
            divided.setdefault((classes[own], y), own)
        if not values.refined() and len(divided) == len(set(classes.values())):
            break
        classes = {own: divided[classes[own], y] for own, y in zip(owns, following)}
    constant = {own for own, x, y in zip(owns, found, following) if x == y}
    changed = inside and _results_unified(loop, following[len(owns) :])
    return _unify(loop, classes, constant) or changed


class _Identities:
    """Values that are equal if they are one node where one parameter stands for its class."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes

    def numbers(self, classes: Classes) -> list[int]:
        """A number for each of the nodes, the same for equal values."""
        found = self.nodes
        if any(own is not one for own, one in classes.items()):
            found = replaced(found, classes)
        known: dict[Node, int] = {}
        return [known.setdefault(x, len(known)) for x in found]

    def refined(self) -> bool:
        """Whether other numbers may come of the same classes."""
        return False


class _Numbered(_Identities):
    """Values that are equal though bodies in the step compute them by different nodes."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        super().__init__(nodes)
        self.values = Numbers()

    def numbers(self, classes: Classes) -> list[int]:
        return self.values.round(self.nodes, classes)

    def refined(self) -> bool:
        return self.values.refined()


def _places_of(loop: OpenedLoop) -> list[tuple[Node, Node, Node]]:
    """(parameter, first value, next value) of what may be equal: literals, each as its own
    parameter, then invariants, then carries. The first of a class remains."""
    entries = [e for e in (*loop.invariants, *loop.carries) if e.outer.type == e.own.type]
    literals = dict.fromkeys(e.outer for e in entries if is_literal(e.outer))
    rows = [(x, x, x) for x in literals]
    return rows + [(e.own, e.outer, e.own if e.following is None else e.following)
                   for e in entries]  # fmt: skip


def _results_unified(loop: OpenedLoop, numbers: Sequence[int]) -> bool:
    """Have one node for equal results of the body, whose numbers are given; whether there were
    others."""
    roots = loop.roots()
    first: dict[int, Node] = {}
    for number, root in zip(numbers, roots, strict=True):
        first.setdefault(number, root)
    ones = [first[number] for number in numbers]
    if all(one is root for one, root in zip(ones, roots, strict=True)):
        return False
    loop.set_roots(ones)
    return True


def _unify(loop: OpenedLoop, classes: Classes, constant: set[Node]) -> bool:
    """Replace each parameter by that of its class; carries in `constant` become invariants."""
    moved = [e for e in loop.carries if e.own in constant]
    changes = {own: one for own, one in classes.items() if own is not one}
    if not changes and not moved:
        return False
    by_own = {e.own: e for e in (*loop.invariants, *loop.carries)}
    for k, result in enumerate(loop.results):
        if isinstance(result, Entry):
            one = classes.get(result.own, result.own)
            keeps = result.own in constant
            loop.results[k] = result.outer if keeps else by_own[one]
    loop.change_roots(changes)
    loop.invariants = [e for e in (*loop.invariants, *moved) if e.own not in changes]
    loop.carries = [e for e in loop.carries if e.own not in changes and e.own not in constant]
    for e in moved:
        e.following = None
    return True
