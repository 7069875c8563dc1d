"""Sizes and tensors: operators of symbolic sizes that give tensors, and sizes that are values of
tensors.

`x.shape[0] + 1` is a size, of which shapes are made. `x.shape[0] / 2`, `2.5 * x.shape[0]`, NumPy's
functions of sizes, and comparisons such as `x.shape[0] == 3` that depend on the sizes of a call,
are tensors.

Data decide a size that is the value of an integer tensor without axes. It is an ordinary `Dim`, of
one atom with the tensor as its `source`, so every op that takes symbolic sizes takes it. It occurs
in types and in parameters of ops, not among the inputs of a node; `Node.needs` lists the sources
beside the inputs, and every walk that orders or finds nodes follows `needs`, but for the walk
through a body, which has the sizes of the graph around it. Two kinds of transformation meet such
sizes:

    substitution  (givens, draws under a key, values of names) replaces nodes by others with other
                  values. `rebuilt` renames the sizes whose sources were replaced.
    passes        replace nodes by equal ones, and compare sizes by their names. They get a graph
                  from `detached`: its sizes are plain names, and the sources are more outputs, the
                  k-th of which is the value of the k-th name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from probtensor.dataclass import replace
from probtensor.graph.node import (
    METHODS,
    OPERATORS,
    Const,
    GraphError,
    Node,
    Op,
    SizeOf,
    as_tensor,
    line_of,
    made_by,
    make,
    remake,
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
    field_names,
    is_size,
    size_substitute,
    sourced_atoms,
)

# NumPy's functions of two sizes that give a size, so that np.int64(3) + x.shape[0] is one.
_OF_SIZES = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
    np.floor_divide: operator.floordiv, np.remainder: operator.mod,
}  # fmt: skip


def _value(name: str) -> Callable[..., object]:
    """The operator of tensors, applied to a size as its first operand."""
    return lambda self, *others: getattr(as_tensor(self), name)(*others)


def _size_or_value(
    size: Callable[[Dim, object], object], name: str
) -> Callable[[Dim, object], object]:
    """The operator of sizes, and that of tensors where it gives NotImplemented."""
    value = _value(name)

    def applied(self: Dim, other: object) -> object:
        found = size(self, other) if is_size(other) else NotImplemented
        return value(self, other) if found is NotImplemented else found

    return applied


def _refused(what: str) -> Callable[[Dim], object]:
    def method(self: Dim) -> object:
        raise refusal(
            f"the size {self} is not known while the graph is built: {what}",
            "give the input a shape= where it is made, or stay in the graph: pt.zeros((n, 2)), "
            "pt.where(n > 3, a, b)",
        )

    return method


def _array_ufunc(
    self: Dim, ufunc: np.ufunc, method: str, *args: object, **kwargs: object
) -> object:
    if ufunc in _OF_SIZES and method == "__call__" and all(map(is_size, args)):
        return _OF_SIZES[ufunc](*(x if isinstance(x, Dim) else int(x) for x in args))
    args = tuple(as_tensor(x) if isinstance(x, Dim) else x for x in args)
    return OPERATORS["ufunc"](ufunc, method, args, kwargs)


for _name in ("add", "sub", "mul", "floordiv", "mod", "lt", "le", "gt", "ge"):
    for _method in (f"__{_name}__", f"__r{_name}__"):
        _of_dim = getattr(Dim, _method, None)
        setattr(Dim, _method, _size_or_value(_of_dim, _method) if _of_dim else _value(_method))
for _name in ("truediv", "pow", "rtruediv", "rpow", "abs", "round"):
    setattr(Dim, f"__{_name}__", _value(f"__{_name}__"))
for _name, _what in {
    "bool": "it has no truth value until a function is called",
    "int": "it is no Python number",
    "float": "it is no Python number",
    "complex": "it is no Python number",
    "index": "it is no Python number, and makes no array of NumPy's",
}.items():
    setattr(Dim, f"__{_name}__", _refused(_what))
Dim.__array_ufunc__ = _array_ufunc
Dim.undecided = lambda self, relation, other: _value(relation)(self, other)

# Sizes that are values of tensors.

_UIDS: WeakKeyDictionary[Node, str] = WeakKeyDictionary()


def signed(node: Node) -> Node:
    """An integer tensor as an int64 one. What only a uint64 has becomes the largest int64: a cast
    would make it negative."""
    if node.dtype == "int64":
        return node
    if node.dtype == "uint64":
        node = METHODS["clip"](node, None, 2**63 - 1)
    return METHODS["astype"](node, "int64")


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
    source = signed(node)
    uid = _UIDS.get(source) or _UIDS.setdefault(source, new_uid())
    return Dim.of(Atom.made(name, (), uid, source))


def resized(value: object, names: Mapping[str, Size]) -> Any:
    """An op, type, tuple or size with sizes substituted; the same object if nothing changes."""
    if isinstance(value, Dim):
        return size_substitute(value, names) if value.names() & names.keys() else value
    if isinstance(value, tuple):
        parts = tuple([resized(part, names) for part in value])
        return value if all(map(operator.is_, parts, value)) else parts
    if isinstance(value, HoldsSizes):
        return value.resized(names)
    if isinstance(value, (TensorType, Op)):
        own = [(name, getattr(value, name)) for name in field_names(type(value))]
        pairs = [(name, resized(part, names), part) for name, part in own]
        changed = {name: new for name, new, old in pairs if new is not old}
        return replace(value, **changed) if changed else value
    return value


def rebuilt(
    node: Node, done: Mapping[Node, Node], names: Mapping[str, Size] | None = None
) -> Node:
    """The node over the replacements in `done` of what it needs (each node that is not in `done`
    stays), with sizes substituted for names; the same node if nothing changes."""
    inputs = tuple([done.get(x, x) for x in node.inputs])
    names = names or {}
    if node.size_sources:
        names = {**renamed_sizes(node, done), **names}
    op = resized(node.op, names) if names else node.op
    if op is node.op:
        return remake(node, inputs)
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
            "size= of nonzero, unique and the like fixes it, and max_steps= that of a loop; "
            "pt.where(mask, x, fill) keeps the shape of x",
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
