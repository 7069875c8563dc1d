"""Forward mode through loops: a loop that carries the tangents beside the carries."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node
from probtensor.graph.parts import parts
from probtensor.graph.walk import replace
from probtensor.ops.kinds import Derivatives
from probtensor.ops.loops.transforms.flow import (
    another,
    closed_step,
    element_input,
    fresh,
    moving_parameters,
    uniform_row,
    zeros,
)


def pushed(
    node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
) -> list[Node | None]:
    """The tangent of each result of a loop, from those of its inputs."""
    loop = node.op
    parameters, outputs = loop.body.parameters, loop.body.outputs
    moving = sorted(moving_parameters(loop, [t is not None for t in tangents]))
    last_stacked = loop.carries + loop.stacked
    results = [k for k in range(last_stacked) if outputs[k].type.is_float]
    results = [k for k in results if k >= loop.carries or k in moving]
    along = {k: fresh("tangent", parameters[k]) for k in moving}
    found = dict(zip(results, derivatives.push_forward(
        [outputs[k] for k in results], [parameters[k] for k in moving], [along[k] for k in moving]
    ), strict=True))  # fmt: skip

    own = [fresh(x.name, x) for x in parameters[: loop.carries]]
    changes = dict(zip(parameters, own))
    given, sequences = list(node.inputs[: loop.carries]), []
    for k in moving:
        if k < loop.carries:
            own.append(along[k])
            given.append(zeros(parameters[k]) if tangents[k] is None else tangents[k])
    for k, x in enumerate(parameters[loop.carries :], loop.carries):
        is_sequence = k < loop.carries + loop.sequences
        rows = {x: None if is_sequence else node.inputs[k]}
        if k in along:
            rows[along[k]] = uniform_row(tangents[k]) if is_sequence else tangents[k]
        for stand_in, row in rows.items():
            changes[stand_in] = row
            if row is None:
                whole = node.inputs[k] if stand_in is x else tangents[k]
                changes[stand_in] = element_input(x.name, whole)
                own.append(changes[stand_in])
                sequences.append(whole)
    after = [zeros(parameters[k]) if found[k] is None else found[k]
             for k in moving if k < loop.carries]  # fmt: skip
    stacked = [k for k in results if k >= loop.carries and found[k] is not None]
    graphs = replace(
        [*outputs[: loop.carries], *after, *(found[k] for k in stacked), *outputs[last_stacked:]],
        changes,
    )
    body, outside = closed_step(own, graphs, set(changes.values()).difference(own))
    counted = node.inputs[-1:] if loop.counted else ()
    options = {
        "stops": loop.stops, "counted": loop.counted, "backwards": loop.backwards,
        "checkpoint": loop.checkpoint,
    }  # fmt: skip
    made = another(loop, body, loop.steps, given, sequences, [*outside, *counted], **options)
    places = [*(k for k in moving if k < loop.carries), *stacked]
    by_place = dict(zip(places, made[loop.carries :]))
    return [by_place.get(k) for k in range(len(parts(node)))]
