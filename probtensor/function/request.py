"""Checks of the arguments of `function`: options, unused inputs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

from probtensor.function.call import checked_seed
from probtensor.function.program import In
from probtensor.graph import Node, inputs_of
from probtensor.graph.resize import sizes_read
from probtensor.graph.symbolic import refusal
from probtensor.types import size_name

# What errors of a call say beside their message, and the variable that says it for all functions.
VARIABLE = "PROBTENSOR_ERRORS"
LEVELS = ("line", "inputs", "values", "memory")


def check_options(name: object, seed: object) -> None:
    """TypeError or ValueError for an invalid name or seed."""
    if name is not None and not isinstance(name, str):
        raise refusal(f"function: name must be a string, not {name!r:.60}")
    checked_seed(seed)


def check_used(given: Sequence[In], graph: Sequence[Node], policy: str) -> None:
    """Apply `policy` to inputs of which the graph needs neither values nor sizes."""
    if policy not in ("raise", "warn", "ignore"):
        raise refusal(
            f"function: on_unused_input is 'raise', 'warn' or 'ignore', not {policy!r}",
            kind=ValueError,
        )
    needed = set(inputs_of(graph))
    unused = [(k, x) for k, x in enumerate(given) if x.variable not in needed]
    if policy == "ignore" or not unused:
        return
    read = sizes_read(graph)
    for k, x in unused:
        if any(size_name(n) in read for n in x.variable.shape):
            continue
        text = f"function: input {x.name or k} is not used by the outputs"
        hint = "leave it out, or pass on_unused_input='ignore'"
        unneeded = refusal(text, x.variable.birthplace, hint, kind=ValueError)
        if policy == "raise":
            raise unneeded
        warnings.warn(str(unneeded), UserWarning, stacklevel=3)


def level_of(asked: str | bool | None) -> str:
    """What errors say beside their message: as asked, else as $PROBTENSOR_ERRORS says, else
    nothing, which is "line". ValueError for another word."""
    given, what = asked, "function: verbose_errors"
    if asked is None:
        given, what = os.environ.get(VARIABLE) or "line", VARIABLE
    if isinstance(given, bool):
        return "values" if given else "line"
    if given not in LEVELS:
        raise refusal(f"{what} is True, False or one of {', '.join(LEVELS)}, not {given!r:.40}",
                      kind=ValueError)  # fmt: skip
    return given
