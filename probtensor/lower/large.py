"""Large constant sizes become symbolic, so that the text of a module does not depend on them.

The extent of a loop over 10,000 rows is passed in at run time, so the same model on other data is
the same module, found in the cache. Small sizes remain in the text, where the C compiler unrolls
loops over them.
"""

from __future__ import annotations

from probtensor.dataclass import replace
from probtensor.kernel.ir import Kernel, map_indices
from probtensor.lower.plan import SizeSource
from probtensor.types import Dim, Size

MAX_CONSTANT_SIZE = 64  # larger sizes become symbolic


class LargeSizes:
    """Names for large integers, in order of first use, added to the `sources` of the plan."""

    def __init__(self, sources: list[SizeSource]) -> None:
        self.sources = sources
        self._names: dict[int, Dim] = {}
        self._sizes: dict[Dim, Size] = {}

    def kernel(self, kernel: Kernel) -> Kernel:
        return replace(kernel, body=tuple(map_indices(s, self._size) for s in kernel.body))

    def _name(self, value: int) -> Dim:
        if value not in self._names:
            name = f"n{len(self.sources)}"
            self.sources.append(SizeSource(name, -1, -1, value))
            self._names[value] = Dim.name(name)
        return self._names[value]

    def _size(self, size: Size) -> Size:
        if not isinstance(size, Dim):
            return self._name(size) if size > MAX_CONSTANT_SIZE else size
        if all(abs(factor) <= MAX_CONSTANT_SIZE for _, factor in size.terms):
            return size
        found = self._sizes.get(size)
        if found is None:
            found = self._sizes[size] = self._named(size)
        return found

    def _named(self, size: Dim) -> Size:
        total: Size = 0
        for atoms, factor in size.terms:
            product = Dim(((atoms, 1),)) if atoms else 1
            sign = -1 if factor < 0 else 1
            total = total + self._size(abs(factor)) * product * sign
        return total
