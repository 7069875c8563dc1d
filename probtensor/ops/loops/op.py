"""The op of all loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor.graph.closed import Closed, closed, parameter
from probtensor.graph.node import Node, make
from probtensor.graph.parts import parts
from probtensor.ops.elementwise.elementary import tanh
from probtensor.ops.kinds import Batch, Derivatives, Loop, op
from probtensor.ops.loops.transforms import batching, effects, forms, forward, reverse
from probtensor.ops.samples import Sample
from probtensor.types import Size, TensorType


def _sample(steps: int, *shapes: tuple[int, ...], **options: object) -> Sample:
    """The loop h, u -> tanh(h * w + u), of which h * u is stacked, for the tests of the op."""
    own = [parameter(k, TensorType("float64", shape)) for k, shape in enumerate(shapes)]
    h, u, w = own
    following = tanh(h * w + u)
    stop = [(following * following).sum() < 0.3] if options.get("stops") else []
    fields = {"body": closed(own, (following, h * u, *stop)), "steps": steps, "carries": 1}
    lengths = (shapes[0], (steps, *shapes[1]), shapes[2])

    def draws(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return tuple(rng.normal(size=shape) for shape in lengths)

    return Sample(draws, {**fields, "sequences": 1, **options})


@op
class Scan(Loop):
    """A body applied in steps; see `Loop`."""

    samples = (
        _sample(4, (), (), ()),
        _sample(3, (2,), (2,), (2,), backwards=True),
        _sample(6, (3,), (3,), (), stops=True),
        _sample(0, (2, 2), (2,), (2,)),
    )

    def pulled(
        self,
        node: Node,
        cotangents: Sequence[Node | None],
        followed: Sequence[bool],
        derivatives: Derivatives,
    ) -> list[Node | None]:
        again = effects.silent(node)
        form = forms.reverse_form(again)
        if form is not None:
            found = forms.pulled_through(form, again, cotangents, followed, derivatives)
            return effects.beside(node, found)
        return reverse.pulled(node, cotangents, followed, derivatives)

    def pushed(
        self, node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
    ) -> list[Node | None]:
        again = effects.silent(node)
        form = forms.forward_form(again)
        if form is not None:
            found = forms.pushed_through(form, again, tangents, derivatives)
        else:
            found = forward.pushed(again, tangents, derivatives)
        return effects.beside(node, found)

    def batched(self, batch: Batch) -> tuple[Node, ...]:
        return batching.batched(batch)


def run(
    body: Closed,
    steps: Size | None,
    carries: Sequence[Node],
    sequences: Sequence[Node],
    outside: Sequence[Node],
    **options: object,
) -> tuple[Node, ...]:
    """The results of a loop; `options` are further parameters of `Loop`."""
    made = Scan(body, steps, len(carries), len(sequences), **options)
    return parts(make(made, (*carries, *sequences, *outside)))
