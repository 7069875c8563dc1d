"""What the worker asks of a contender."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Pointer:
    """A compiled log density: `kind` names its C signature (see `c/calls.c`).

    `context` is the address passed to it, and `owner` keeps both alive.
    """

    kind: str
    address: int
    context: int
    owner: object


class Contender(ABC):
    """A model in one library. The worker times `__init__` apart from `compile`.

    Parameters
    ----------
    case : tests.bench.cases.Case
        Model name, data and parameters; `__init__` builds the library's model from it.
    name : str
        The name in the registry (two contenders may share an adapter).
    """

    def __init__(self, case, name):
        self.case = case
        self.name = name
        self.build()

    @abstractmethod
    def build(self):
        """Make the model (or graph, or source text); nothing may be compiled here."""

    @abstractmethod
    def compile(self):
        """A function from q, as `flatten` returns it, to (log density, gradient)."""

    def flatten(self, point):
        """Unconstrained values by name, as the flat vector the compiled function takes."""
        return self.case.canonical(point)

    def pointer(self):
        """The compiled function's `Pointer` after `compile`, or None where it has none."""
        return None

    def prepare(self, draws, tune, chains, cores, seed):
        """Whatever the sampler compiles beyond the gradient, where it can be done apart."""

    def sample(self, draws, tune, chains, cores, seed):
        """NUTS draws: a dict from parameter name to an array (chains, draws, ...)."""
        raise NotImplementedError(f"{self.name} does not sample")
