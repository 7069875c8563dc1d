"""The contenders by name: which module adapts each, and what must be installed for it.

This file imports no contender, because each is imported only in its own worker process.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A contender: its adapter, the package whose import is timed, and all it needs."""

    name: str
    adapter: str
    package: str
    distributions: tuple[str, ...]
    samples: bool = True

    @property
    def is_floor(self):
        return self.package == "numpy"


_ENTRIES = (
    Entry("probtensor", "probtensor_", "probtensor", ("probtensor",)),
    Entry("pymc", "pymc_", "pymc", ("pymc", "pytensor", "numba")),
    Entry("nutpie", "nutpie_", "nutpie", ("nutpie", "pymc", "pytensor", "numba")),
    Entry("jax", "jax_", "numpyro", ("numpyro", "jax", "jaxlib")),
    Entry("stanli", "stanli_", "stanli", ("stanli",)),
    Entry("c", "c_", "numpy", ("numpy",), samples=False),
    Entry("c_fast", "c_", "numpy", ("numpy",), samples=False),
)
ENTRIES = {entry.name: entry for entry in _ENTRIES}
OURS = "probtensor"
FLOOR = "c"
PEERS = tuple(e.name for e in _ENTRIES if e.name != OURS and not e.is_floor)
