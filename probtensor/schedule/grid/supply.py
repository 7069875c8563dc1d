"""Fresh names and scratch memory for passes."""

from __future__ import annotations

from collections.abc import Iterable

from probtensor.dataclass import replace
from probtensor.kernel.ir import FOLDS, Acc, Apply, Ref, Store
from probtensor.schedule.carry import widened
from probtensor.schedule.grid.phases import Facts, Phase, Schedule, Scratch
from probtensor.types import Size


class Supply:
    """The names, locals and scratch memory of one schedule; `closed` returns the next schedule with
    those that a pass has added."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._count = schedule.names
        self.facts: Facts = schedule.facts
        self.written = schedule.written
        self.locals = schedule.locals
        self.scratch: list[Scratch] = list(schedule.scratch)

    def inner(self, schedule: Schedule) -> Schedule:
        """A schedule of statements inside this one, whose passes make other names."""
        written = schedule.written | self.written
        return replace(schedule, facts=self.facts, names=self._count, written=written)

    def adopt(self, schedule: Schedule) -> None:
        """Add the names and the scratch memory that the passes of an inner schedule have made."""
        self._count = schedule.names
        self.scratch += schedule.scratch
        self.facts = schedule.facts

    def fresh(self, letter: str) -> str:
        """An unused name."""
        self._count += 1
        return f"{self.facts.kernel}{letter}{self._count}"

    def local(self, letter: str) -> str:
        """An unused name for a local."""
        name = self.fresh(letter)
        self.locals.add(name)
        return name

    def memory(self, dtype: str, count: Size) -> str:
        """New scratch memory of `count` elements."""
        name = self.fresh("s")
        self.scratch.append(Scratch(name, dtype, count))
        elements = {**self.facts.elements, name: count}
        dtypes = {**self.facts.dtypes, name: dtype}
        self.facts = replace(self.facts, elements=elements, dtypes=dtypes)
        return name

    def fold_of(self, store: Store) -> Acc:
        """A fold of the terms that a store combines; in float64 for sums and products of
        float32."""
        term, dtype = store.expr, store.expr.dtype
        if dtype == "float32" and store.op in ("add", "mul"):
            dtype, term = "float64", widened(term)
        identity = FOLDS[store.op].identity(dtype)
        return Acc(self.local("a"), store.op, identity, term, store.origin)

    def closed(self, phases: Iterable[Phase]) -> Schedule:
        """The schedule with these phases."""
        return replace(
            self._schedule,
            facts=self.facts,
            phases=tuple(phases),
            scratch=tuple(self.scratch),
            names=self._count,
        )


def with_total(store: Store, acc: Acc) -> Store:
    """The store that combines the result of a fold into memory, in place of its terms."""
    dtype = store.expr.dtype
    total = Ref(acc.name, acc.term.dtype)
    value = total if total.dtype == dtype else Apply("cast", (total,), dtype)
    return replace(store, expr=value)
