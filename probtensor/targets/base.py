"""What a target is: something that builds a plan into code that can be run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from probtensor.lower.plan import Plan


class BuildError(RuntimeError):
    """A plan could not be built; the message says what to install or to change."""


@dataclass(frozen=True)
class Built:
    """A plan made to run.

    run      the address of a `pt_plan_fn`, or a callable (flat arrays, sizes) -> status, where the
             arrays of temporaries are None
    source   the generated text; empty where there is none
    path     the file of the built module; empty where there is none
    timings  seconds of each stage
    keep     what must live as long as `run` is used: code is unloaded when nobody needs it
    """

    run: int | Callable[[list[Any], list[int]], int]
    source: str = ""
    path: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    keep: Any = None


class Target(Protocol):
    """A backend. One file in `targets/`, a line in `targets.TARGETS`. It may have `schedule(plan)`
    as well: what it makes of the loops, as text for `explain("schedule")`."""

    name: str

    def build(self, plan: Plan) -> Built:
        """Render, compile and load a plan. Raises BuildError."""
        ...
