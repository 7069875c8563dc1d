"""Sizes substituted for names of sizes throughout a graph: in types and in parameters of ops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.node import INTERNED, Input, Node, Op
from probtensor.graph.sizes import atoms_of, detached_names, rebuilt
from probtensor.graph.walk import toposort
from probtensor.types import Atom, Dim, HoldsSizes, Size, TensorType, field_names, size_name


@dataclass(frozen=True)
class Detached:
    """A graph whose sizes that data decide are plain names.

    outputs  the outputs
    sources  for each such name, by key, the node with its value, in an order in which no source has
             a size of a later one
    nodes    the nodes of the graph as it was, each with its new one; empty if there are no such
             sizes
    """

    outputs: list[Node]
    sources: dict[str, Node]
    nodes: dict[Node, Node]


def with_sizes(
    outputs: Iterable[Node], names: Mapping[str, Size], changes: Mapping[Node, Node] | None = None
) -> dict[Node, Node]:
    """For each node the outputs need, the same node with sizes substituted for names, by key.

    A size that data decide becomes that of the new source, unless `names` has it too. Nodes in
    `changes` are replaced as it says, without looking at their inputs.
    """
    done: dict[Node, Node] = {}
    changes = changes or {}
    for node in toposort(outputs):
        done[node] = changes[node] if node in changes else rebuilt(node, done, names)
    return done


def detached(outputs: Sequence[Node]) -> Detached:
    """The graph with plain names for the sizes that data decide, and their sources as further
    outputs."""
    atoms = atoms_of(toposort(outputs)) if Atom.sourced else ()
    if not atoms:
        return Detached(list(outputs), {}, {})
    names = detached_names(atoms)
    done = with_sizes(outputs, names)
    sources = {size_name(names[a.key]): done[a.source] for a in atoms}
    return Detached([done[y] for y in outputs], sources, done)


def sizes_read(outputs: Iterable[Node]) -> set[str]:
    """The keys of the names of sizes that computed nodes depend on, by their types and their ops.
    They include names of inputs of which only a size is used, which `inputs_of` does not find."""
    found: set[str] = set()
    seen: set[int] = set()  # types, by `id`: most nodes share theirs
    for node in toposort(outputs):
        if isinstance(node.op, Input):
            continue
        if id(node.type) not in seen:
            seen.add(id(node.type))
            found |= names_in(node.type)
        if field_names(node.op.__class__):
            found |= names_in(node.op)
    return found


def inputs_of_sizes(names: set[str]) -> list[Node]:
    """The inputs of this process, in no graph in particular, that give names of sizes, by the keys
    of these. A graph that reads a size alone has the name, but not the input."""
    if not names:
        return []
    uids = {name.rpartition("#")[2] for name in names}
    return [x for x in INTERNED.nodes() if isinstance(x.op, Input) and x.op.uid in uids]


def names_in(value: object) -> set[str]:
    """The keys of the names of sizes in a size, an op, a type or a tuple of such values."""
    if isinstance(value, Dim):
        return value.names()
    if isinstance(value, HoldsSizes):
        return value.size_names()
    if isinstance(value, TensorType) and value.is_static:
        return set()
    if isinstance(value, (TensorType, Op)):
        value = [getattr(value, name) for name in field_names(type(value))]
    elif not isinstance(value, tuple):
        return set()
    found: set[str] = set()
    for part in value:
        if not isinstance(part, (int, str)):
            found |= names_in(part)
    return found
