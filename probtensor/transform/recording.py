"""A record of what rules change, taken while they are applied: `with recording() as record`.

Rules are applied in many places: by passes, by rules that a user gives, for derivatives, for the
density of a model. So what is recorded does not travel through arguments: `apply_rules` asks once,
when it starts, whether this thread records. Without a record that question, and a comparison with
None for each rule that fires, is all that it costs. With one, each change adds two references to
nodes, which are immutable: no graph is copied, and no text is made.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from probtensor.dataclass import dataclass, field

if TYPE_CHECKING:
    from probtensor.graph.closed import Closed
    from probtensor.graph.node import Node
    from probtensor.transform.rewrite import Rule

_CURRENT = threading.local()


@dataclass(frozen=True, eq=False)
class Change:
    """A node and what replaced it. `rule` is None where the bodies of the node were rewritten."""

    node: Node
    after: Node
    rule: Rule | None = None


@dataclass(eq=False)
class Scope:
    """One run of rules over outputs: of a graph, or of a body of a node of the graph around it.

    before   the outputs when the run began; of a body with the literals that its parameters are
    after    the outputs when it ended; None if it raised
    changes  what was replaced, in order; the runs over bodies have their places among these
    body     whose outputs these are, and `owner` the node that has it; None for a graph
    """

    before: tuple[Node, ...]
    after: tuple[Node, ...] | None = None
    changes: list[Change | Scope] = field(default_factory=list)
    body: Closed | None = None
    owner: Node | None = None

    def inner(self, owner: Node, body: Closed, outputs: Sequence[Node]) -> Scope:
        """The run over a body, entered among the changes."""
        made = Scope(tuple(outputs), body=body, owner=owner)
        self.changes.append(made)
        return made


@dataclass(eq=False)
class Record:
    """The runs of rules in a block, and the changes that functions noted beside them."""

    scopes: list[Scope] = field(default_factory=list)
    noted: list[Change] = field(default_factory=list)


class recording:
    """A block in which this thread's rewrites are recorded; its value is the `Record`. In a block
    within another one, the inner record has them."""

    __slots__ = ("before", "record")

    def __init__(self) -> None:
        self.record = Record()

    def __enter__(self) -> Record:
        self.before = current()
        _CURRENT.record = self.record
        return self.record

    def __exit__(self, *error: object) -> None:
        _CURRENT.record = self.before


def current() -> Record | None:
    """The record that this thread makes; None if it makes none."""
    return getattr(_CURRENT, "record", None)
