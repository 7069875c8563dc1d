"""Watch: a tensor, with an effect each time that compiled code computes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import user_line
from probtensor.dataclass import field, replace
from probtensor.graph.closed import Closed, map_bodies, map_nodes, with_outputs
from probtensor.graph.node import Node, make
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import conditional, rebuild, toposort
from probtensor.ops.complexes.pair import pair
from probtensor.ops.kinds import Batch, Observing, Passing, op
from probtensor.ops.samples import Sample
from probtensor.ops.values.effects import MAX_INPUTS, Effect, Operand
from probtensor.process import new_uid
from probtensor.types import TensorType


def _sample(*operands: Operand, **options: object) -> dict[str, object]:
    return {"effect": Effect("print", "x", "", operands, guarded=True, **options)}


@op
class Watch(Observing):
    """The first of the values of an effect. `batch` is the number of axes before those of the
    operands of the effect, which happens for each item."""

    effect: Effect
    batch: int = 0
    uid: str = field(default="0.", compare=False, repr=False)
    samples = (
        Sample(
            lambda rng: (rng.normal(size=(3, 4)), np.array(False)),
            _sample(Operand("x", "float64", 2)),
        ),
        Sample(
            lambda rng: (rng.normal(size=3), rng.integers(0, 9, (2, 2)), np.array(False)),
            _sample(Operand("x", "float64", 1), Operand("k", "int64", 2)),
        ),
    )

    def infer(self, x: TensorType, *others: TensorType) -> TensorType:
        self.effect.registered  # noqa: B018 - code that is recalled looks it up, and is not lowered
        return x

    @property
    def number(self) -> int:
        return self.effect.registered.number

    @property
    def guard(self) -> int:
        # That of a batch has a value for each item, which Python looks at.
        return self.effect.inputs - 1 if self.effect.guarded and not self.batch else -1

    def vjp(self, g, out, *inputs):
        rest = (None,) * (len(inputs) - 1)
        return (self._of_change(g, "gradient") if self.effect.gradient else g, *rest)

    def pushed_on(self, node: Node, tangent: Node) -> Node:
        return self._of_change(tangent, "tangent") if self.effect.gradient else tangent

    def silent(self, inputs: Sequence[Node]) -> Node:
        return make(Unseen(self), (inputs[0],)) if self.effect.gradient else inputs[0]

    def _of_change(self, g: Node, what: str) -> Node:
        """A cotangent or tangent of the first value, with the same effect."""
        first = self.effect.operands[0]
        operand = replace(first, name=f"{what} of {first.name}", dtype=str(g.dtype))
        effect = replace(
            self.effect, label=f"{what} of {self.effect.label}", operands=(operand,),
            guarded=False, gradient=False,
        )  # fmt: skip
        return make(replace(self, effect=effect, uid=new_uid()), (g,))

    def batched(self, batch: Batch) -> Node:
        inputs = [batch.full(k) for k in range(len(batch.node.inputs))]
        return make(replace(self, batch=self.batch + 1), inputs)

    def limited(self, inputs: Sequence[Node], condition: Node) -> Node:
        if self.effect.guarded:
            *values, when = inputs
            return make(self, (*values, ops.logical_and(when, condition)))
        if self.effect.inputs == MAX_INPUTS:  # it happens for each item
            return make(self, inputs)
        when = ops.broadcast_to(condition, inputs[0].shape[: self.batch])
        effect = replace(self.effect, guarded=True)
        return make(replace(self, effect=effect), (*inputs, when))

    def text(self) -> str:
        return f"{self.name}({self.effect})"


@op
class Unseen(Passing):
    """The first input of a `Watch` without its effect, where a derivative computes it again; the
    gradient is looked at as that of the `Watch`."""

    watch: Watch
    samples = (
        Sample(
            lambda rng: (rng.normal(size=(3, 4)),),
            {"watch": Watch(**_sample(Operand("x", "float64", 2), gradient=True))},
            smooth=False,
        ),
    )

    def vjp(self, g, out, x):
        return self.watch.vjp(g, out, x)

    def pushed_on(self, node: Node, tangent: Node) -> Node:
        return self.watch.pushed_on(node, tangent)

    def batched(self, batch: Batch) -> Node:
        watch = replace(self.watch, batch=self.watch.batch + 1)
        return make(Unseen(watch), (batch.full(0),))


@op
class Along(Passing):
    """The first input; the others are computed because this is, for the sake of their effects."""

    samples = (Sample(lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=2))),)

    def vjp(self, g, out, *inputs):
        return (g, *(None,) * (len(inputs) - 1))

    def batched(self, batch: Batch) -> Node:
        return make(self, (batch.full(0), *batch.mixed()[1:]))


def watched(
    what: str,
    values: list[Node],
    names: list[str],
    when: Node | None,
    **options: object,
) -> Node:
    """The first value, with an effect of all of them, which are shown under these names."""
    file, line = user_line()
    operands = tuple(Operand(n, str(x.dtype), x.ndim) for n, x in zip(names, values, strict=True))
    effect = Effect(
        what, names[0], f"{file}:{line}", operands, guarded=when is not None, **options
    )
    if effect.inputs > MAX_INPUTS:
        raise refusal(
            f"pt.debug.{what}: {effect.inputs} arrays, and {MAX_INPUTS} are the most (a complex "
            "tensor and a condition count too)",
            "pt.concatenate some of them, or use it twice",
            kind=ValueError,
        )
    inputs = [part for x in values for part in (x.inputs if x.is_complex else (x,))]
    inputs += [] if when is None else [when]
    seen = make(Watch(effect, uid=new_uid()), inputs, what=f"pt.debug.{what}")
    return pair(seen, make(Along(), (inputs[1], seen))) if values[0].is_complex else seen


def scalars_in_memory(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with copies of the scalars that effects read: a routine is given addresses, and
    a scalar of a loop is in a register."""

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        if not isinstance(node.op, Observing):
            return rebuild(node, inputs)
        held = [x if x.ndim or _is_copy(x) else make(ops.Cast(x.dtype), (x,)) for x in inputs]
        return make(node.op, held)

    return map_nodes(outputs, change)


def _is_copy(x: Node) -> bool:
    return isinstance(x.op, ops.Cast) and x.inputs[0].dtype == x.dtype


def kept(outputs: Sequence[Node]) -> list[Node]:
    """The outputs, of which the first needs all effects and checks that are always computed: no
    rule drops one that it finds multiplied by 0."""
    order = toposort(outputs)
    looked_at = [x for x in order if isinstance(x.op, (Observing, ops.Checked))]
    if not looked_at:
        return list(outputs)
    lazy = conditional(outputs, order)
    needed = [x for x in looked_at if x not in lazy]
    first, *rest = outputs
    return [make(Along(), (first, *needed)) if needed else first, *rest]


def unwatched(outputs: Sequence[Node]) -> list[Node]:
    """The outputs without any effect, also in bodies; the same nodes where there is none."""

    def body(inner: Closed) -> Closed:
        return with_outputs(inner, unwatched(inner.outputs))

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        if isinstance(node.op, (Watch, Unseen)):
            return inputs[0]
        op = map_bodies(node.op, body) if node.op.has_bodies else node.op
        return rebuild(node, inputs) if op == node.op else make(op, inputs)

    return map_nodes(outputs, change)
