"""Random loops: a body over carries, elements of sequences, and tensors from outside.

The next value of a carry is bounded, so that values stay moderate in all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, new_input
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of

MAX_BODY = 6  # nodes that are grown in a body


class GrowsBodies(Protocol):
    """What is used of `generate.Grower`."""

    rng: np.random.Generator
    computed: dict[Node, np.ndarray]
    pool: list[Node]
    grown: list[Node]

    def pick(self, test: object) -> Node | None: ...
    def chance(self, probability: float) -> bool: ...
    def grow(self) -> None: ...
    def inside(self, values: dict[Node, np.ndarray], others: Sequence[Node]) -> GrowsBodies: ...


def random_loop(grower: GrowsBodies) -> list[Node]:
    """The results of a loop over nodes of the pool, none if there are none for it."""
    first = grower.pick(lambda x: 0 < x.ndim < 4 and grower.computed[x].shape[0] > 0)
    if first is None:
        return []
    steps = first.shape[0]
    count = len(grower.computed[first])
    sequences = [first]
    if grower.chance(0.4):
        sequences.append(grower.pick(lambda x: x.ndim > 0 and x.shape[0] == steps))
    carries = [grower.pick(lambda x: x.ndim < 3) for _ in range(1 + grower.chance(0.4))]
    others = [grower.pick(lambda x: x.ndim < 3) for _ in range(2)]
    own = [new_input(None, x.dtype, x.shape) for x in carries]
    elements = [new_input(None, x.dtype, x.shape[1:]) for x in sequences]
    values = dict(zip(own, (grower.computed[x] for x in carries), strict=True))
    values |= dict(zip(elements, (grower.computed[x][0] for x in sequences), strict=True))
    inner = grower.inside(values, others)
    for _ in range(4 * MAX_BODY):
        if len(inner.grown) >= MAX_BODY:
            break
        inner.grow()
    following = [_next_value(inner, c) for c in own]
    stacked = [inner.pick(lambda x: x.ndim < 3) for _ in range(grower.rng.integers(3))]
    options: dict[str, object] = {"backwards": grower.chance(0.3)}
    last, outputs = [], [*following, *stacked]
    if grower.chance(0.2):
        # The number of the step, so that no rounding decides when the loop stops.
        carries.append(ops.constant(0))
        own.append(new_input(None, "int64", ()))
        options["stops"] = True
        at = own[-1]
        outputs = [*following, at + 1, *stacked, at >= int(grower.rng.integers(count))]
    elif grower.chance(0.2):
        options["counted"] = True
        last = [ops.minimum(ops.astype(ops.as_tensor(steps), "int64"), int(grower.rng.integers(4)))]
    body, outside = body_of([*own, *elements], outputs)
    return list(run(body, steps, carries, sequences, [*outside, *last], **options))


def _next_value(inner: GrowsBodies, carry: Node) -> Node:
    """A next value of a carry, of its type."""
    shape = carry.shape
    fits = [x for x in inner.pool if x.shape in ((), shape)]
    x = fits[int(inner.rng.integers(len(fits)))]
    if carry.dtype == "bool":
        found = ops.logical_xor(carry, x != 0)
    elif not carry.type.is_float:
        found = ops.mod(carry + ops.astype(ops.clip(x, -5, 5), carry.dtype), 7)
    else:
        x = ops.astype(x, carry.dtype)
        ways = [carry * 0.5 + ops.sin(x), ops.tanh(carry + x), carry * ops.sigmoid(x), carry, x]
        found = ways[int(inner.rng.integers(len(ways)))]
    return ops.broadcast_to(ops.astype(found, carry.dtype), shape)
