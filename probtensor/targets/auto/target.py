"""AutoTarget: plans begin on the machine, unless their native code is there."""

from __future__ import annotations

from probtensor.dataclass import dataclass
from probtensor.lower.plan import Plan
from probtensor.targets.auto.cost import choice, has_compiler, warn_without_compiler
from probtensor.targets.auto.tiers import Tiers
from probtensor.targets.base import BuildError, Target
from probtensor.targets.cython.native import CythonTarget


@dataclass(frozen=True)
class AutoTarget:
    """The default target. `machine` runs plans that have no native code yet, `native` builds it;
    `when` is one of `cost.CHOICES`, or None for what the environment says."""

    machine: Target
    native: CythonTarget
    when: str | None = None

    name = "auto"

    def build(self, plan: Plan) -> Tiers:
        """A plan on the machine, or built natively where the machine cannot run it, or where that
        is asked for. BuildError where native code is needed and cannot be built."""
        when = choice(self.when)
        if when == "now":
            return Tiers(self.native, native=self.native.build(plan))
        try:
            first = self.machine.build(plan)
        except BuildError:
            return Tiers(self.native, native=self.native.build(plan))
        tiers = Tiers(self.native, self.machine, plan, first)
        if not has_compiler():
            warn_without_compiler()
        if when == "background":
            tiers.ask()
        elif when == "auto":
            tiers.measure()
        return tiers

    def schedule(self, plan: Plan) -> str:
        """The strips of each kernel, as text."""
        return self.native.schedule(plan)

    def load(self, source: str) -> Tiers | None:
        """The native code of generated text, if it is loaded or cached, or asked for now."""
        if choice(self.when) == "now":
            return Tiers(self.native, native=self.native.load(source))
        found = self.native.find(source)
        return None if found is None else Tiers(self.native, native=found)
