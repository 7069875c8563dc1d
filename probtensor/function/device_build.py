"""A plan that is built for its device when it is first needed.

Compiling kernels takes a second or so. A density of which only the sampler's form is wanted, or a
function that is only ever run over rows, never needs those of a single call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probtensor.device import DeviceError, driver
from probtensor.lower.plan import Plan
from probtensor.process import new_lock
from probtensor.system.stages import building, stage
from probtensor.targets.base import BuildError, Built, Target


class Deferred:
    """Stands for the runner of a plan, and builds it at its first use."""

    def __init__(self, target: Target, plan: Plan) -> None:
        self.target = target
        self.plan = plan
        self._lock = new_lock()
        self._built: Built | None = None

    @property
    def built(self) -> Built:
        """What the target made of the plan. BuildError where it cannot."""
        with self._lock:
            if self._built is None:
                with building("the kernels of a function"):
                    stage("compile")
                    self._built = self.target.build(self.plan)
            return self._built

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of the stages so far."""
        return {} if self._built is None else dict(self._built.timings)

    @property
    def may_fail(self) -> bool:
        """Does a call have to ask whether something went wrong?"""
        return bool(self.plan.failures)

    def sequence(self, sizes: Sequence[int]) -> Any:
        """The launches for these values of the plan's sizes."""
        return self.built.run.sequence(sizes)

    def __call__(self, arrays: list[Any], sizes: list[int]) -> int:
        return self.built.run(arrays, sizes)


def deferred(target: Target, plan: Plan) -> Built:
    """A plan to be built later. BuildError at once where there is no device."""
    try:
        driver()
    except DeviceError as error:
        raise BuildError(
            f'target="cuda" finds no GPU to use: {error}\n'
            "target=\"cython\", or PROBTENSOR_TARGET=cython in the environment, gives the same on "
            "the CPU"
        ) from None
    return Built(Deferred(target, plan))
