"""AutoTarget: plans begin on the machine, unless their native code is there."""

from __future__ import annotations

from probtensor.dataclass import dataclass
from probtensor.lower.plan import Plan
from probtensor.targets.auto.cost import choice, has_compiler, warn_without_compiler
from probtensor.targets.auto.tiers import BUILDS, Tiers
from probtensor.targets.base import BuildError, Built, Target
from probtensor.targets.cython.native import CythonTarget
from probtensor.targets.machine.encoded import MARK


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
            return self._native(self.native.build(plan))
        try:
            first = self.machine.build(plan)
        except BuildError:
            return self._native(self.native.build(plan))
        return self._begun(when, first, plan)

    def _native(self, native: Built) -> Tiers:
        return Tiers(self.native, self.machine, native=native)

    def _begun(self, when: str, first: Built, plan: Plan | None = None) -> Tiers:
        if not has_compiler():
            warn_without_compiler()
            when = "never"
        return BUILDS.in_use(Tiers(self.native, self.machine, when, first, plan=plan))

    def schedule(self, plan: Plan) -> str:
        """The strips of each kernel, as text."""
        return self.native.schedule(plan)

    def load(self, source: str) -> Tiers | None:
        """What the text of a record gives, `Tiers.stored`: native code that is loaded or cached, or
        is to be built now, else the program of the machine. None where it has neither."""
        when = choice(self.when)
        program, _, text = source.partition("\n") if source.startswith(MARK) else ("", "", source)
        if text:
            native = self.native.load(text) if when == "now" else self.native.find(text)
            if native is not None:
                return self._native(native)
        if when == "now" or not program:
            return None
        first = self.machine.load(program)
        return None if first is None else self._begun(when, first)
