"""Finished functions on disk: a graph seen before skips rewriting, lowering and rendering.

A record is found by the fingerprint of the graph as the user built it, his lines included, and of
the library's own files; it holds what a call needs: sizes, checks, buffers and the generated text.
Kernels are not in it. Whoever asks for them (`explain`, `profile`) has them made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cache

from probtensor.function.record import Damaged, Unknown, check_positions, decode, encode
from probtensor.graph.node import Frozen, Input, Node, Op, origin_of
from probtensor.graph.walk import inputs_of, toposort
from probtensor.lower.plan import Plan
from probtensor.targets.base import Loads, Target
from probtensor.targets.cache import recall, remember
from probtensor.targets.spell import user_text
from probtensor.types import Atom, Dim, TensorType, size_text
from probtensor.version import __version__

_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Fields that hold the value of an input, which no code depends on.
_VALUES = ("cell", "default")
_PLAIN = (str, int, float, bool, bytes, type(None))


@dataclass(frozen=True)
class Record:
    """`plan` without kernels and without nodes but constants; `implicit` are positions among the
    inputs of the graph, in its order."""

    plan: Plan
    implicit: tuple[int, ...]
    source: str


@cache
def library_identity() -> str:
    """Hash of names, sizes and times of the library's files: other code may lower otherwise."""
    digest = hashlib.sha256(__version__.encode())
    for folder, below, files in os.walk(_HOUSE):
        below[:] = sorted(name for name in below if name != "__pycache__")
        for name in sorted(files):
            status = os.stat(os.path.join(folder, name))
            row = f"{folder}/{name} {status.st_size} {status.st_mtime_ns}\n"
            digest.update(os.fsencode(row))
    return digest.hexdigest()


def fingerprint(inputs: Sequence[Node], outputs: Sequence[Node], options: Sequence[str]) -> str:
    """What tells this graph from any other that would compile differently. Raises Unknown."""
    order = toposort([*inputs, *outputs])
    place = {node: k for k, node in enumerate(order)}
    uids = {node.op.uid: place[node] for node in order if isinstance(node.op, Input)}
    digest = hashlib.sha256(library_identity().encode())
    write = _Writer(uids)
    for node in order:
        file, line = origin_of(node)
        places = [place[x] for x in node.inputs]
        row = (write.op(node.op), places, file, line, user_text(file, line))
        digest.update(repr(row).encode())
    ends = ([place[x] for x in inputs], [place[y] for y in outputs], list(options))
    digest.update(repr(ends).encode())
    return digest.hexdigest()


class _Writer:
    """Ops as text that is the same in every process; texts are kept, as parameters repeat. `places`
    are those of the inputs, by their uids."""

    def __init__(self, places: Mapping[str, int]) -> None:
        self.places = dict(places)
        self.known: dict[Op, str] = {}

    def op(self, op: Op) -> str:
        cls = type(op)
        if cls.__module__.split(".")[0] != "probtensor":
            raise Unknown(f"{cls.__module__} is not part of the library")
        found = self.known.get(op)
        if found is None:
            parts = [self.field(op, f.name) for f in fields(op) if f.name not in _VALUES]
            found = self.known[op] = f"{cls.__module__}.{cls.__qualname__}({', '.join(parts)})"
        return found

    def field(self, op: Op, name: str) -> str:
        value = getattr(op, name)
        return self.place(value) if isinstance(op, Input) and name == "uid" else self.value(value)

    def value(self, value: object) -> str:
        if isinstance(value, Dim):
            return size_text(value, self.size_name)
        if isinstance(value, _PLAIN):
            return repr(value)
        if isinstance(value, Frozen):
            data = hashlib.sha256(value.array.tobytes()).hexdigest()
            return f"{value.array.dtype}{value.array.shape}{data}"
        if isinstance(value, (tuple, list)):
            return f"[{', '.join(map(self.value, value))}]"
        if isinstance(value, TensorType):
            return f"{value.dtype}{self.value(value.shape)}"
        if isinstance(value, Op):
            return self.op(value)
        raise Unknown(f"{type(value).__name__} in an op")

    def size_name(self, atom: Atom) -> str:
        """A name of a size: quoted, so that no name reads like another one with a place."""
        return repr(atom.name) + (self.place(atom.uid) if atom.uid else "")

    def place(self, uid: str) -> str:
        """What stands for the uid of an input: its place. Inputs that the graph does not have, but
        sizes of which it has, are numbered below 0 in the order they are met."""
        return f"#{self.places.setdefault(uid, -1 - len(self.places))}"


@dataclass(frozen=True)
class KeptFunction:
    """Where the finished function of a graph is kept on disk; nowhere if `key` is empty."""

    key: str
    inputs: Sequence[Node]
    graph: Sequence[Node]

    @classmethod
    def of(cls, target: Target, inputs: Sequence[Node], graph: Sequence[Node]) -> KeptFunction:
        """The place for a target that loads what it has built before, else none."""
        key = ""
        if isinstance(target, Loads):
            with suppress(Unknown):
                key = fingerprint(inputs, graph, [target.name])
        return cls(key, inputs, graph)

    def recalled(self) -> tuple[Plan, list[Node], str] | None:
        """(plan without kernels, implicit inputs, source) of a graph compiled before, or None."""
        data = recall(self.key) if self.key else None
        if data is None:
            return None
        try:
            record, implicit = unpack(data, self.inputs, inputs_of(self.graph))
        except Damaged:
            return None
        return record.plan, implicit, record.source

    def keep(self, plan: Plan, implicit: Sequence[Node], source: str) -> None:
        """Put it there, for whoever compiles the graph next."""
        if not self.key:
            return
        place = {x: k for k, x in enumerate(inputs_of(self.graph))}
        with suppress(Unknown):
            remember(self.key, pack(plan, [place[x] for x in implicit], source))


def pack(plan: Plan, implicit: Sequence[int], source: str) -> bytes:
    """The record of a plan and its text. Raises Unknown for what the format does not have."""
    lean = tuple(b if b.role == "constant" else replace(b, node=None) for b in plan.buffers)
    return encode((replace(plan, buffers=lean, kernels=()), tuple(implicit), source))


def unpack(
    data: bytes, inputs: Sequence[Node], candidates: Sequence[Node]
) -> tuple[Record, list[Node]]:
    """The record with nodes put in, and its implicit inputs out of `candidates`. Raises Damaged."""
    try:
        record = Record(*decode(data))
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
