"""Plans as bytes that are safe to read: JSON for plain values, raw bytes for constants.

Reading a record makes values of the classes in `CLASSES` only: it cannot name another class, a
function or an import. Anything else raises Damaged.

    length of the JSON (8 bytes) | JSON | the arrays, one after the other

In the JSON a tuple is a list, and everything else is an object with one key for its kind: a class
with its fields in order, a mapping as pairs, the name of an exception, or the dtype, shape and
offset of an array among the bytes that follow, which are little-endian.
"""

from __future__ import annotations

import builtins
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.dataclass import fields, is_dataclass
from probtensor.graph.node import Const, Frozen, GraphError, Node, make
from probtensor.lower import plan as plans
from probtensor.types import DTYPES, RELATIONS, Atom, Dim, ShapeError, SizeCheck

# The classes of a plan, except those of kernels, which are not stored.
CLASSES: Mapping[str, type] = {"Dim": Dim, "Atom": Atom, "SizeCheck": SizeCheck} | {
    name: cls
    for name, cls in vars(plans).items()
    if isinstance(cls, type) and is_dataclass(cls) and cls.__module__ == plans.__name__
}
FIELDS = {name: tuple(f.name for f in fields(cls)) for name, cls in CLASSES.items()}
ERRORS: Mapping[str, type[Exception]] = {
    error.__name__: error
    for error in (*vars(builtins).values(), GraphError, ShapeError)
    if isinstance(error, type) and issubclass(error, Exception)
}
MAPPING, ERROR, CONSTANT, CLASS = "mapping", "error", "constant", "class"
ROLES = ("input", "constant", "output", "temp")
HEAD_BYTES = 8  # length of the JSON


class Unknown(Exception):
    """A value that has no stable text, or that a record cannot hold: it is not cached."""


class Damaged(Exception):
    """A record that differs from what was written: its content is made again."""


Json = None | str | bool | int | float | list | dict  # values of JSON


def encode(value: object) -> bytes:
    """A value as bytes. Raises Unknown for a value of another kind."""
    arrays = bytearray()
    text = json.dumps(_plain(value, arrays)).encode()
    return b"".join([len(text).to_bytes(HEAD_BYTES, "little"), text, arrays])


def decode(data: bytes) -> object:
    """The value of some bytes. Raises Damaged."""
    try:
        end = HEAD_BYTES + int.from_bytes(data[:HEAD_BYTES], "little")
        return _value(json.loads(data[HEAD_BYTES:end]), memoryview(data)[end:])
    except Exception as error:  # damaged bytes may raise any exception
        raise Damaged(str(error)) from None


def _plain(value: object, arrays: bytearray) -> Json:
    if value is None or isinstance(value, (str, bool, float)):
        return value
    name = type(value).__name__
    if CLASSES.get(name) is type(value):
        return {CLASS: [name, *[_plain(getattr(value, field), arrays) for field in FIELDS[name]]]}
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, tuple):
        return [_plain(part, arrays) for part in value]
    if isinstance(value, Mapping):
        return {MAPPING: [[_plain(part, arrays) for part in pair] for pair in value.items()]}
    if isinstance(value, Node) and isinstance(value.op, Const):
        array = value.op.array
        if array.dtype.name not in DTYPES:
            raise Unknown(f"a constant of {array.dtype}")
        start = len(arrays)
        arrays += array.astype(_stored(array.dtype.name)).tobytes()
        return {CONSTANT: [array.dtype.name, list(array.shape), start]}
    if isinstance(value, type) and ERRORS.get(value.__name__) is value:
        return {ERROR: value.__name__}
    raise Unknown(f"{name} in a plan")


def _value(plain: Json, rest: memoryview) -> object:
    if plain.__class__ is list:
        return tuple([_value(part, rest) for part in plain])
    if plain.__class__ is not dict:
        return plain
    ((kind, content),) = plain.items()
    if kind == CLASS:
        name, *parts = content
        if len(parts) != len(FIELDS[name]):
            raise ValueError(f"{name} has other fields")
        return CLASSES[name](*[_value(part, rest) for part in parts])
    if kind == MAPPING:
        return {_value(key, rest): _value(part, rest) for key, part in content}
    if kind == ERROR:
        return ERRORS[content]
    if kind == CONSTANT:
        return make(Const(Frozen(_array(*content, rest))), ())
    raise ValueError(f"{kind} is no kind of value")


def _stored(name: str) -> np.dtype:
    if name not in DTYPES:
        raise ValueError(f"{name!r:.40} is no dtype")
    return np.dtype(name).newbyteorder("<")


def _array(name: str, shape: list[int], start: int, rest: memoryview) -> np.ndarray:
    """The array at offset `start`; allocates no more memory than there are bytes."""
    dtype = _stored(name)
    if min([start, *shape]) < 0:
        raise ValueError("a size is negative")
    flat = np.frombuffer(rest, dtype, math.prod(shape), start)
    return flat.astype(name).reshape(shape)


def _stages_fit(plan: plans.Plan) -> bool:
    """Whether all stages are stages of the plan, and the values of sizes are int64 scalars."""
    stages, scalars = len(plan.starts), [s.buffer for s in plan.sizes if s.measured]
    begun = (*plan.output_stages, *(source.stage for source in plan.sizes))
    return (
        plan.starts[:1] == (0,)
        and list(plan.starts) == sorted(plan.starts)
        and len(plan.output_stages) == len(plan.outputs)
        and all(isinstance(k, int) and 0 <= k < stages for k in begun)
        and all(source.stage > 0 for source in plan.sizes if source.measured)
        and all(plan.buffers[k].dtype == "int64" and not plan.buffers[k].shape for k in scalars)
    )


def check_positions(plan: object, implicit: Sequence[int], inputs: int) -> None:
    """Raise Damaged unless all positions in a plan are of its buffers.

    A call reads and writes at these positions, so they are validated.
    """
    if not isinstance(plan, plans.Plan):
        raise Damaged("it holds no plan")
    count = len(plan.buffers)
    used = [*plan.inputs, *plan.outputs, *plan.lifetimes, *(c.buffer for c in plan.index_checks)]
    used += [source.buffer for source in plan.sizes if source.value is None]
    good = all(isinstance(k, int) and 0 <= k < count for k in used)
    good = good and _stages_fit(plan)
    good = good and all(isinstance(k, int) and 0 <= k < inputs for k in implicit)
    good = good and all(b.dtype in DTYPES and b.role in ROLES for b in plan.buffers)
    good = good and all(c.relation in RELATIONS for c in plan.size_checks)
    constants = [b for b in plan.buffers if b.role == "constant"]
    if not good or any(b.node.dtype != b.dtype for b in constants):
        raise Damaged("a position or a dtype in it cannot be")
