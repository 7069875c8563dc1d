"""The description of a graph: items in groups, arrows between them."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.dataclass import dataclass, field


@dataclass(frozen=True)
class Item:
    """One thing: a node of a graph, a kernel, a buffer, a variable of a model.

    id      unique in its picture: a letter and a number, in an order that the content decides
    label   what it is called, one line or several
    kind    what it is; writers know how to draw each kind (`writers.KINDS`)
    group   the id of the group it is in; empty for none
    line    file and line of the user's code, if it has one
    facts   whatever else is known of it, values of JSON by name
    """

    id: str
    label: str
    kind: str
    group: str = ""
    line: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrow:
    """What leads from an item to another; `kind` is "data", "body" or "cause"."""

    source: str
    target: str
    label: str = ""
    kind: str = "data"


@dataclass(frozen=True)
class Group:
    """Items that belong together: a body of a loop, a plate, a stage; `around` is the id of the
    group it is in. `kind` is "body", "plate" or "stage"."""

    id: str
    label: str
    kind: str
    around: str = ""


@dataclass(frozen=True)
class Picture:
    """What is drawn: `title` is a word that names it, `facts` whatever else is known of it."""

    title: str
    items: tuple[Item, ...]
    arrows: tuple[Arrow, ...]
    groups: tuple[Group, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    def inside(self, group: str) -> tuple[Item, ...]:
        """The items of a group; of none for an empty id."""
        return tuple(item for item in self.items if item.group == group)

    def within(self, group: str) -> tuple[Group, ...]:
        """The groups in a group."""
        return tuple(g for g in self.groups if g.around == group)
