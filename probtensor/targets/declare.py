"""C functions, types and constants in generated text, with their declarations."""

from __future__ import annotations

from cython_ext.scipy_special import is_scipy
from probtensor.dataclass import dataclass


@dataclass(frozen=True)
class CFunction:
    """A C function: its name, the types of its result and arguments, and the header it is in.

    A function of doubles that is not `inline` is called through a copy marked noinline, since the C
    compiler takes 40 ms for each inlined call: `once` for a double, `lanes` also for vectors.
    """

    name: str
    result: str
    args: tuple[str, ...]
    header: str = "pt_loops.h"
    inline: bool = True
    copy: str = "once"

    @property
    def symbol(self) -> str:
        """The name by which it is called."""
        return self.name if self.inline else f"{self.name}_{self.copy}"

    @property
    def text(self) -> str:
        """Its declaration."""
        return f"{self.result} {self.symbol}({', '.join(self.args)})"

    @property
    def definition(self) -> str:
        """The macro of pt_loops.h that defines the noinline copy."""
        return f"PT_{self.copy.upper()}_{len(self.args)}({self.name})"


@dataclass(frozen=True)
class CName:
    """A type or a constant of a header, with its declaration."""

    symbol: str
    text: str
    header: str = "pt_loops.h"
    inline = True


Declared = CFunction | CName


def function_of_doubles(name: str, count: int) -> CFunction:
    """A function of `count` doubles; for draws, of key, index, then doubles."""
    if name == "pt_key_fold":
        return CFunction(name, "uint64_t", ("uint64_t", "uint64_t"), "pt_random.h")
    if name.startswith("pt_draw_"):
        result = "uint64_t" if name == "pt_draw_bits" else "double"
        args = ("uint64_t", "uint64_t", *["double"] * (count - 2))
        return CFunction(name, result, args, "pt_random.h")
    if is_scipy(name):
        return CFunction(name, "double", ("double",) * count, "pt_scipy.h")
    header = "pt_random.h" if name.startswith("pt_key_") else "pt_loops.h"
    return CFunction(name, "double", ("double",) * count, header)
