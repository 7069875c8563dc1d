"""Functions as C in a folder: what `Function.export` hands to `export/`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cython_ext.convert import checked_indices, refuse_two_bounds
from probtensor.export.call import CallText, Outcome
from probtensor.export.folder import Export, Request, write_export
from probtensor.export.names import distinct, identifier, in_comment
from probtensor.export.parts import Argument, Known, Part
from probtensor.function.program import Leaf, Packed, Tree
from probtensor.function.wiring import Slot, Wiring
from probtensor.graph.sizes import refuse_measured
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import toposort
from probtensor.targets.base import Built

if TYPE_CHECKING:
    from probtensor.function.call import Function


class NotBuilt:
    """A target that builds nothing: its functions are made to be exported, and cannot be called."""

    name = "export"

    def build(self, plan: object) -> Built:
        """A plan that cannot be run."""
        return Built(refuse_call)


def refuse_call(arrays: Sequence[object], sizes: Sequence[int]) -> int:
    """TypeError: there is no code."""
    raise TypeError("this function was made to be exported")


def export_function(function: Function, request: Request) -> Export:
    """See `Function.export`."""
    program = function.program
    if program.updates:
        shared = program.updates[0][0]
        raise refusal(
            f"export: {function.label} updates {shared.described}, and a C function has no shared "
            "variables",
            shared.birthplace,
            "export f.copy(delete_updates=True), or return the new value as a result",
        )
    outcomes = outcomes_of(program.tree, len(program.outputs))
    taken = [outcome.name for outcome in outcomes]
    part = part_of(function, "call", taken, lapack=bool(request.lapack))
    about = [
        f"{request.name}, a function of {len(part.arguments)} arguments",
        *(f"with {slot.label} = an array of shape {np.shape(slot.payload)}, bound by the export"
          for slot in function._wiring.fixed if slot.label != "a constant"),
        *(f"with the value that the shared variable {slot.label} had"
          for slot in function._wiring.live if slot.kind == "cell"),
    ]  # fmt: skip
    text = CallText(request.name, part, outcomes, about, request.command)
    return write_export(text, request)


def request_of(
    folder: str | os.PathLike, name: str | None, build: bool | None, lapack: str | None
) -> Request:
    """What is asked for, checked; the name is by default the folder's. TypeError for anything but a
    path, or for a name that is no string."""
    if not isinstance(folder, (str, os.PathLike)):
        raise refusal(f"export: a folder is a path, not {folder!r:.60}")
    for what, text in (("name", name), ("lapack", lapack)):
        if text is not None and not isinstance(text, str):
            raise refusal(f"export: {what} must be a string, not {text!r:.60}")
    path = Path(folder)
    known_as = identifier(name or path.absolute().name, "model")
    return Request(path, known_as, build, tuple(shlex.split(lapack or "")))


def outcomes_of(tree: Tree, count: int) -> list[Outcome]:
    """Names of the results: the keys of dicts and places in lists that lead to each."""
    labels = [""] * count

    def walk(part: Tree, path: tuple[str, ...]) -> None:
        if isinstance(part, Leaf):
            labels[part.index] = ".".join(path)
        elif isinstance(part, Packed):
            walk(part.part, path)
        elif isinstance(part, Mapping):
            for key, inner in part.items():
                walk(inner, (*path, str(key)))
        elif isinstance(part, (list, tuple)):
            keys = getattr(part, "_fields", range(len(part)))
            for key, inner in zip(keys, part):
                walk(inner, (*path, str(key)))

    walk(tree, ())
    names = [
        identifier(label if label and not label[0].isdigit() else f"result_{label}", "result")
        for label in labels
    ]
    pairs = zip(distinct(names), labels)
    return [Outcome(name, f"result {label}".strip()) for name, label in pairs]


def part_of(
    function: Function,
    name: str,
    taken: Sequence[str] = (),
    lapack: bool = False,
) -> Part:
    """A bound function as a part of an export; `taken` are names that no argument may have."""
    wiring = function._wiring
    if wiring.stages > 1:
        refuse_measured(
            toposort(function.program.graph),
            f"{function.label} runs in several stages, so it is not exported as one C function",
        )
    live = [slot for slot in wiring.live if slot.kind != "cell"]
    labels = ["key" if slot.kind == "key" else slot.label for slot in live]
    given = [identifier(label, "input") for label in labels]
    own = distinct([*taken, *given])[len(taken) :]
    arguments = tuple(
        Argument(slot.position, own_name, in_comment(slot.label), slot.line, slot.kind == "key")
        for slot, own_name in zip(live, own)
    )
    bound = {slot.position: array_of(slot) for slot in wiring.slots if slot not in live}
    known = known_sizes(function, wiring, bound)
    return Part(
        name=name,
        plan=function.plan,
        arguments=arguments,
        bound=bound,
        results=tuple(result.position for result in wiring.results),
        known=known,
        lapack=lapack,
    )


def array_of(slot: Slot) -> np.ndarray:
    """The array of a slot that the caller does not give, on the host."""
    value = slot.payload.value if slot.kind == "cell" else slot.payload
    return np.ascontiguousarray(value if isinstance(value, np.ndarray) else value.get())


def known_sizes(function: Function, wiring: Wiring, bound: dict[int, np.ndarray]) -> Known | None:
    """The sizes of the plan and what follows from them, if the caller's arrays decide none; then
    `bound` gets the checked indices, without negative ones."""
    plan, nodes = function.plan, function.compilation.inputs
    dims: list[int] = []
    for slot in wiring.live:
        shape = bound[slot.position].shape if slot.kind == "cell" else nodes[slot.position].shape
        if not all(isinstance(n, int) for n in shape):
            return None
        dims += shape
    extents = wiring.planner(tuple(dims))
    seen: dict[int, tuple[int, bool]] = {}
    for check in wiring.checks:
        position = wiring.slots[check.slot].position
        if position in bound:
            limit, array = extents.bounds[check.number], array_of(wiring.slots[check.slot])
            refuse_two_bounds(seen, check.slot, limit, array, check.message)
            bound[position] = checked_indices(array, limit, check.message)
    offsets = dict(zip(wiring.temps, extents.offsets, strict=True))
    assert [*plan.lifetimes] == [*wiring.temps]
    return Known(extents.sizes, offsets, extents.arena)
