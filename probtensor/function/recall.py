"""Compiled functions on disk: a cached graph skips rewriting, lowering and rendering.

The key of a record is the fingerprint of the graph as written, with its source lines, and of the
files of the library; it holds what a call needs: sizes, checks, buffers and the generated text.
Kernels are not in it: `explain` and `profile` lower the graph again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache

import numpy as np

from cython_ext.folders import states_of
from probtensor.dataclass import dataclass, fields, is_dataclass, replace
from probtensor.function.record import Damaged, Unknown, check_positions, decode, encode
from probtensor.graph.closed import Closed
from probtensor.graph.node import Frozen, Input, Node, Op, origin_of
from probtensor.graph.sizes import atoms_of
from probtensor.graph.walk import inputs_of, toposort
from probtensor.lower.plan import Plan
from probtensor.process import made_at
from probtensor.targets.base import Loads, Target
from probtensor.targets.cache import load_record, save_record
from probtensor.targets.spell import user_text
from probtensor.types import Atom, Dim, TensorType, size_text
from probtensor.version import __version__

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Fields with the value of an input, which the code does not depend on.
_VALUES = ("cell", "default")
FEW_BYTES = 64
_PLAIN = (str, int, float, bool, bytes, type(None))


@dataclass(frozen=True)
class FunctionRecord:
    """`plan` without kernels, and with no nodes but constants; `implicit` are indices into the
    inputs of the graph."""

    plan: Plan
    implicit: tuple[int, ...]
    source: str


@cache
def library_identity() -> str:
    """Hash of names, sizes and times of the library's files, on which the generated code depends.
    Of an installed wheel it is that of the list of its files, which each installation writes."""
    try:
        record = os.stat(os.path.join(f"{_PACKAGE}-{__version__}.dist-info", "RECORD"))
        rows = [(_PACKAGE, record.st_size, record.st_mtime_ns)]
    except OSError:
        rows = states_of(_PACKAGE)
    return hashlib.sha256(repr((__version__, rows)).encode()).hexdigest()


def fingerprint(
    inputs: Sequence[Node], outputs: Sequence[Node], options: Sequence[str], values: bool = False
) -> str:
    """Cache key of the graph: equal keys compile to the same code; with `values`, inputs with
    values have the same ones, too. Raises Unknown."""
    order = toposort([*inputs, *outputs])
    index = {node: k for k, node in enumerate(order)}
    uids = {node.op.uid: index[node] for node in order if isinstance(node.op, Input)}
    if Atom.sourced:
        uids |= {atom.uid: index[atom.source] for atom in atoms_of(order)}
    text = _OpText(uids, values)
    rows = [
        *text.rows(order, index),
        ([index[x] for x in inputs], [index[y] for y in outputs], list(options)),
        [(*origin, user_text(*origin)) for origin in text.lines],
        text.in_order_of_making(),
    ]
    digest = hashlib.sha256(library_identity().encode())
    digest.update(repr(rows).encode())
    return digest.hexdigest()


def text_of_bytes(array: np.ndarray) -> str:
    """The bytes of an array, or a hash of them if they are many."""
    data = array.tobytes()
    return data.hex() if len(data) <= FEW_BYTES else hashlib.sha256(data).hexdigest()


class _OpText:
    """Ops as text that is equal in all processes; cached, as parameters repeat. `indices` are those
    of the inputs, by their uids; `values` says whether values of inputs are in the text."""

    def __init__(self, indices: Mapping[str, int], values: bool = False) -> None:
        self.indices = dict(indices)
        self.left_out = () if values else _VALUES
        self.cache: dict[Op, str] = {}
        self.classes: dict[type, tuple[str, list[str]]] = {}
        self.lines: dict[tuple[str, int], int] = {}  # the user's lines, each with its number
        self.random: dict[str, str] = {}

    def rows(self, order: Iterable[Node], index: Mapping[Node, int]) -> Iterator[tuple]:
        """The nodes, each with its op, the indices of its inputs, and the number of the user's
        line."""
        lines = self.lines
        texts: dict[int, tuple[Op, str]] = {}  # by `id` of the op, which most nodes share
        for node in order:
            line = lines.setdefault(origin_of(node), len(lines))
            op = node.op
            found = texts.get(id(op))
            if found is None:
                found = texts[id(op)] = op, self.op(op)
            yield found[1], [index[x] for x in node.inputs], line

    def body(self, body: Closed) -> str:
        """A body, whose parameters are its first nodes. They have no line: equal parameters of all
        bodies of a process are one node."""
        own = set(body.parameters)
        inner = [node for node in body.order() if node not in own]
        index = {node: k for k, node in enumerate((*body.parameters, *inner))}
        types = [self.value(x.type) for x in body.parameters]
        results = [index[x] for x in body.outputs]
        rows = repr((types, [*self.rows(inner, index)], results))
        return hashlib.sha256(rows.encode()).hexdigest()

    def op(self, op: Op) -> str:
        if hasattr(op, "uid"):  # no other op is equal to it
            return self.made(op)
        found = self.cache.get(op)
        if found is None:
            found = self.cache[op] = self.made(op)
        return found

    def made(self, value: object) -> str:
        """A value of a class of the library, with its parameters."""
        cls = type(value)
        if cls not in self.classes:
            if cls.__module__.split(".")[0] != "probtensor":
                raise Unknown(f"{cls.__module__} is not part of the library")
            names = [f.name for f in fields(cls) if f.name not in self.left_out]
            self.classes[cls] = f"{cls.__module__}.{cls.__qualname__}", names
        name, names = self.classes[cls]
        if not names:
            return f"{name}()"
        texts = []
        for field in names:
            part = getattr(value, field)
            if field == "uid":
                texts.append(self.input_index(part))
                if not isinstance(value, Input):
                    self.random[part] = texts[-1]
            else:
                texts.append(repr(part) if type(part) in _PLAIN else self.value(part))
        return f"{name}({', '.join(texts)})"

    def in_order_of_making(self) -> list[str]:
        """The random variables in the order in which they were made, on which their order in a loop
        depends."""
        return [self.random[uid] for uid in sorted(self.random, key=made_at)]

    def value(self, value: object) -> str:
        if isinstance(value, (tuple, list)):
            return f"[{', '.join([self.value(x) for x in value])}]" if value else "[]"
        if isinstance(value, Frozen):
            return f"{value.array.dtype.str}{value.array.shape}{text_of_bytes(value.array)}"
        if isinstance(value, _PLAIN):
            return repr(value)
        if isinstance(value, Dim):
            return size_text(value, self.size_name)
        if isinstance(value, TensorType):
            return f"{value.dtype}{self.value(value.shape)}"
        if isinstance(value, Op):
            return self.op(value)
        if isinstance(value, Closed):
            return self.body(value)
        if is_dataclass(value):  # a distribution, a support
            return self.made(value)
        raise Unknown(f"{type(value).__name__} in an op")

    def size_name(self, atom: Atom) -> str:
        """The quoted name of a size, with the index of its input."""
        return repr(atom.name) + (self.input_index(atom.uid) if atom.uid else "")

    def input_index(self, uid: str) -> str:
        """The index of an input, which replaces its uid. Inputs outside the graph, whose sizes are
        in it, get negative indices in the order in which they are found."""
        return f"#{self.indices.setdefault(uid, -1 - len(self.indices))}"


@dataclass(frozen=True)
class CachedFunction:
    """The record of a graph on disk, by its key; an empty key is never cached."""

    key: str
    inputs: Sequence[Node]
    graph: Sequence[Node]

    @classmethod
    def of(cls, target: Target, inputs: Sequence[Node], graph: Sequence[Node]) -> CachedFunction:
        """The record for a target that can load its built code; for others the key is empty."""
        key = ""
        if isinstance(target, Loads):
            with suppress(Unknown):
                key = fingerprint(inputs, graph, [target.name])
        return cls(key, inputs, graph)

    def load(self) -> tuple[Plan, list[Node], str] | None:
        """(plan without kernels, implicit inputs, source) of a cached graph, or None."""
        data = load_record(self.key) if self.key else None
        if data is None:
            return None
        try:
            record, implicit = unpack(data, self.inputs, inputs_of(self.graph))
        except Damaged:
            return None
        return record.plan, implicit, record.source

    def save(self, plan: Plan, implicit: Sequence[Node], source: str) -> None:
        """Store the plan, for later compilations of the graph."""
        if not self.key:
            return
        index = {x: k for k, x in enumerate(inputs_of(self.graph))}
        if not all(x in index for x in implicit):
            return  # of an input of which only a size is read the graph has no node to index
        with suppress(Unknown):
            save_record(self.key, pack(plan, [index[x] for x in implicit], source))


def pack(plan: Plan, implicit: Sequence[int], source: str) -> bytes:
    """The record of a plan and its text. Raises Unknown for values that the format cannot hold."""
    lean = tuple(b if b.role == "constant" else replace(b, node=None) for b in plan.buffers)
    return encode((replace(plan, buffers=lean, kernels=()), tuple(implicit), source))


def unpack(
    data: bytes, inputs: Sequence[Node], candidates: Sequence[Node]
) -> tuple[FunctionRecord, list[Node]]:
    """The record, its buffers with their nodes, and its implicit inputs out of `candidates`. Raises
    Damaged."""
    try:
        record = FunctionRecord(*decode(data))
        plan = record.plan
        check_positions(plan, record.implicit, len(candidates))
        if len(plan.inputs) != len(inputs) + len(record.implicit):
            raise Damaged("it is the record of another graph")
        implicit = [candidates[k] for k in record.implicit]
        nodes = dict(zip(plan.inputs, [*inputs, *implicit]))
        buffers = tuple(
            replace(buffer, node=nodes[k]) if k in nodes else buffer
            for k, buffer in enumerate(plan.buffers)
        )
        return replace(record, plan=replace(plan, buffers=buffers)), implicit
    except (TypeError, AttributeError, IndexError) as error:
        raise Damaged(str(error)) from None
