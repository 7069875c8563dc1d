"""Sizes that data decide: a symbolic size whose value is that of an integer tensor without axes.

Such a size is an ordinary `Dim`, of one atom with the tensor as its `source`, so every op that
takes symbolic sizes takes it. It occurs in types and in parameters of ops, not among the inputs of
a node; `Node.needs` lists the sources beside the inputs, and every walk that orders or finds nodes
follows `needs`. Two kinds of transformation meet such sizes:

    substitution  (givens, draws under a key, values of names) replaces nodes by others with other
                  values. `rebuilt` renames the sizes whose sources were replaced.
    passes        replace nodes by equal ones, and compare sizes by their names. They get a graph
                  from `detached`: its sizes are plain names, and the sources are more outputs, the
                  k-th of which is the value of the k-th name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from probtensor.graph.node import (
    METHODS,
    Const,
    GraphError,
    Node,
    Op,
    SizeOf,
    as_tensor,
    line_of,
    made_by,
    make,
)
from probtensor.graph.symbolic import described, refusal
from probtensor.process import new_uid
from probtensor.types import (
    Atom,
    Dim,
    HoldsSizes,
    Size,
    TensorType,
    dtype_of,
    size_substitute,
    sourced_atoms,
)

_UIDS: WeakKeyDictionary[Node, str] = WeakKeyDictionary()


def size_of_value(node: Node) -> Size:
    """The size that is the value of an integer tensor without axes: an int for a literal. A call
    refuses a negative value. GraphError for any other tensor."""
    if node.shape or dtype_of(node.dtype).kind not in "iu":
        raise GraphError(f"a size is an integer tensor without axes, not {node.type}")
    if isinstance(node.op, Const):
        return int(node.op.array)
    if isinstance(node.op, SizeOf):
        return node.op.size
    name = f"int({described(node, 3)})" if node.inputs else described(node, 3)
    source = node if node.dtype == "int64" else METHODS["astype"](node, "int64")
    uid = _UIDS.get(source) or _UIDS.setdefault(source, new_uid())
    return Dim.of(Atom.made(name, (), uid, source))


def resized(value: object, names: Mapping[str, Size]) -> Any:
    """An op, type, tuple or size with sizes substituted; the same object if nothing changes."""
    if isinstance(value, Dim):
        return size_substitute(value, names) if value.names() & names.keys() else value
    if isinstance(value, tuple):
        parts = tuple(resized(part, names) for part in value)
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    if isinstance(value, HoldsSizes):
        return value.resized(names)
    if isinstance(value, (TensorType, Op)) and is_dataclass(value):
        changes = {f.name: resized(getattr(value, f.name), names) for f in fields(value)}
        changed = {k: v for k, v in changes.items() if v is not getattr(value, k)}
        return replace(value, **changed) if changed else value
    return value


def rebuilt(
    node: Node, done: Mapping[Node, Node], names: Mapping[str, Size] | None = None
) -> Node:
    """The node over the replacements in `done` of what it needs (each node that is not in `done`
    stays), with sizes substituted for names; the same node if nothing changes."""
    inputs = tuple(done.get(x, x) for x in node.inputs)
    names = names or {}
    if node.size_sources:
        names = {**renamed_sizes(node, done), **names}
    op = resized(node.op, names) if names else node.op
    if op is node.op and all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    with made_by(node):
        if isinstance(op, SizeOf) and not isinstance(op.size, Dim):
            return as_tensor(np.int64(op.size))
        return make(op, inputs, type(node))


def renamed_sizes(node: Node, done: Mapping[Node, Node]) -> dict[str, Size]:
    """The sizes that a node needs, by key, of which `done` replaces the sources."""
    return {
        atom.key: size_of_value(done[atom.source])
        for atom in sourced_atoms((node.op, node.type))
        if done.get(atom.source, atom.source) is not atom.source
    }


def measured_sizes(node: Node, values: Mapping[Node, np.ndarray]) -> dict[str, int]:
    """The values of the sizes that a node needs and data decide, by key, given those of nodes."""
    if not node.size_sources:
        return {}
    atoms = sourced_atoms((node.op, node.type))
    return {atom.key: int(values[atom.source]) for atom in atoms}


def refuse_measured(nodes: Iterable[Node], what: str, *hints: str) -> None:
    """GraphError if data decide a size in the types or ops of these nodes; `what` says why they
    must not."""
    for atom in atoms_of(nodes):
        raise refusal(
            f"{what}: the size {atom} is known only when its values are",
            f"it is computed at {line_of(atom.source)}",
            *hints,
            "size= of nonzero, unique and the like fixes it; pt.where(mask, x, fill) keeps the "
            "shape of x",
            kind=GraphError,
        )


def atoms_of(order: Iterable[Node]) -> list[Atom]:
    """The atoms of sizes that data decide, in the order in which a graph needs them."""
    found: dict[Atom, None] = {}
    for node in order:
        if node.size_sources:
            found.update(dict.fromkeys(sourced_atoms((node.op, node.type))))
    return list(found)


def detached_names(atoms: Sequence[Atom]) -> dict[str, Dim]:
    """A name without a source for each atom, by its key."""
    return {atom.key: Dim.name(atom.name, f"value{k}") for k, atom in enumerate(atoms)}
