"""Who is measured: ours by its tiers, and the peers with what they have the models of."""

from dataclasses import dataclass

GROUPS = ("models", "posteriors", "densities", "graphs")


@dataclass(frozen=True)
class Entry:
    """A contender: module, package, its name in `tests.bench.registry`, and its groups.

    `target` is the one of ours, or empty.
    """

    name: str
    adapter: str
    package: str
    registered: str
    groups: tuple[str, ...]
    target: str = ""


_PEERED = ("models", "graphs")
_ENTRIES = (
    Entry("machine", "probtensor_", "probtensor", "probtensor", GROUPS, "machine"),
    Entry("auto", "probtensor_", "probtensor", "probtensor", GROUPS, "auto"),
    Entry("native", "probtensor_", "probtensor", "probtensor", GROUPS, "cython"),
    Entry("stanli", "stanli_", "stanli", "stanli", ("models", "posteriors", "graphs")),
    Entry("jax", "jax_", "numpyro", "jax", _PEERED),
    Entry("pytensor", "pytensor_", "pymc", "pymc", _PEERED),
)
ENTRIES = {entry.name: entry for entry in _ENTRIES}
# Those whose second process and whose draws are measured.
WARM = ("machine", "native")
DRAWING = ("machine", "auto", "native", "stanli")
GRAPHS = ("chain_300", "chain_1000", "chain_10000", "scalars_1000", "euler_200")
EULER_STEP = 0.01
WIDTH = 100  # of the vectors of a chain


def graph(name):
    """("chain", 300) of "chain_300"."""
    kind, _, count = name.partition("_")
    return kind, int(count)
