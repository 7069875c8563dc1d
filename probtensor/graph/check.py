"""The verifier: what must hold of every graph, checked around passes and in tests."""

from __future__ import annotations

from collections.abc import Iterable

from probtensor.graph.closed import Closed, all_bodies, parameter, with_bodies
from probtensor.graph.node import INTERNED, Input, Node, SizeOf, line_of
from probtensor.graph.parts import types_of
from probtensor.graph.sizes import atoms_of
from probtensor.graph.walk import inputs_of, toposort
from probtensor.types import Atom, Dim, TensorType, size_atoms


class CheckError(AssertionError):
    """A graph that breaks an invariant: always a bug of ProbTensor, never an error of the user."""


def check(outputs: Iterable[Node], inputs: Iterable[Node] | None = None) -> None:
    """Raise CheckError unless every node is interned and has the type that its op infers.

    With `inputs`, also: the graph reads no other input, and every name of a size occurs in their
    types.
    """
    order = toposort(outputs)
    for node in order:
        _check_node(node)
        for body in all_bodies(node.op):
            check(body.outputs)
            _check_parameters(body)
    if inputs is not None:
        _check_leaves(order, list(inputs))


def check_same_types(before: Iterable[Node], after: Iterable[Node], doing: str) -> None:
    """Raise CheckError unless a pass preserved the number and the types of the outputs."""
    before, after = list(before), list(after)
    if len(before) != len(after):
        raise CheckError(f"{doing}: {len(before)} outputs became {len(after)}")
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        if old.type != new.type:
            raise CheckError(f"{doing}: output {k} was {old.type} and became {new.type}")


def _check_node(node: Node) -> None:
    if not isinstance(node, Node):
        raise CheckError(f"a graph holds {node!r}, which is no node")
    inferred = node.op.infer(*(x.type for x in node.inputs))
    if inferred != node.type:
        raise CheckError(f"{node!r} at {line_of(node)}: its op says {inferred}")
    if INTERNED.find(type(node), node.op, node.inputs) is not node:
        raise CheckError(f"{node!r} at {line_of(node)} is not the interned node of its op")
    for part in types_of(node):
        _check_sizes(node, part)


def _check_parameters(body: Closed) -> None:
    for k, own in enumerate(body.parameters):
        if own is not parameter(k, own.type):
            raise CheckError(f"{own!r} is parameter {k} of a body, but not the one of its type")
    own_inputs = set(body.parameters)
    for x in inputs_of(body.outputs):
        if x not in own_inputs:
            raise CheckError(f"a body reads {x!r}, made at {line_of(x)}: not a parameter of it")


def _check_sizes(node: Node, part: TensorType) -> None:
    for size in part.shape:
        is_number = isinstance(size, int) and not isinstance(size, bool) and size >= 0
        if not is_number and not isinstance(size, Dim):
            raise CheckError(f"{node!r} at {line_of(node)} has the size {size!r}")


def _check_leaves(order: list[Node], inputs: list[Node]) -> None:
    given, named = set(inputs), set[Atom]()
    for x in inputs:
        named |= _names(x)
    named |= set(atoms_of(order))
    for node in order:
        if isinstance(node.op, Input) and node not in given:
            raise CheckError(f"the graph reads {node!r}, made at {line_of(node)}: not among inputs")
    for node in with_bodies(order):
        unknown = _names(node) - named
        if unknown:
            listed = ", ".join(sorted(map(str, unknown)))
            raise CheckError(f"{node!r} at {line_of(node)} has unknown sizes {listed}")


def _names(node: Node) -> set[Atom]:
    found: set[Atom] = set()
    for part in types_of(node):
        for size in part.shape:
            found |= size_atoms(size)
    return found | size_atoms(node.op.size) if isinstance(node.op, SizeOf) else found
