"""Valid names of variables in results: those that ArviZ, xarray and netCDF accept.

A result has one axis for each dim and two more, `chain` and `draw`; an axis without a dim is named
after its variable, `x_dim_0`. A variable with the name of an axis would be interpreted as the
labels of that axis, and be lost, so it is refused before anything is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, line_of
from probtensor.prob.distributions.base import Deterministic, RandomVariable
from probtensor.prob.model.data import Data

RESERVED = ("chain", "draw")
# ArviZ has one table of axes for all groups, so a variable and a sampler statistic of one name
# would share their axes.
STATISTICS = (
    "lp", "acceptance_rate", "energy", "energy_error", "max_energy_error", "step_size",
    "step_size_bar", "perf_counter_start", "perf_counter_diff", "n_steps", "tree_depth",
    "index_in_trajectory", "trajectory_length", "diverging", "reached_max_treedepth",
    "divergence_start",
)  # fmt: skip


# netCDF allows 256 bytes; the names of a variable's axes are a little longer than its own.
LONGEST = 240


@dataclass(frozen=True)
class Named:
    """A name in a result: the dims of its variable, if it has any, and the user's line."""

    name: str
    dims: tuple[str, ...] | None
    ndim: int
    line: str

    @property
    def axes(self) -> tuple[str, ...]:
        """The names that its axes have in a result."""
        if self.dims is not None:
            return self.dims
        return tuple(f"{self.name}_dim_{axis}" for axis in range(self.ndim))


def check_names(things: Iterable[Named]) -> None:
    """GraphError for the first invalid name, with the lines."""
    things = list(things)
    first: dict[str, Named] = {}
    axes: dict[str, Named] = {}
    for thing in things:
        check_spelling(f"the name {thing.name!r:.60}", thing.name, thing.line)
        before = first.setdefault(thing.name, thing)
        if before is not thing:
            raise GraphError(
                f"two things in this model are called {thing.name!r}\n  one made at {before.line}\n"
                f"  one made at {thing.line}"
            )
        if thing.name in STATISTICS and (thing.dims or thing.name == "divergence_start"):
            raise GraphError(
                f"{thing.name!r} is also a statistic of the sampler, which has other axes than "
                f"{thing.dims or ()}\n  made at {thing.line}\n  give it another name"
            )
        for dim in thing.dims or ():
            check_spelling(f"the dim {dim!r:.60} of {thing.name}", dim, thing.line)
        for axis in thing.axes:
            axes.setdefault(axis, thing)
    for thing in things:
        owner = axes.get(thing.name)
        if owner is not None:
            raise GraphError(
                f"{thing.name!r} is the name of a variable and of an axis of {owner.name}; in the "
                f"result one would hide the other\n  the variable made at {thing.line}\n"
                f"  the axis of {owner.name} made at {owner.line}\n  rename one of them"
            )


def check_spelling(what: str, name: str, line: str) -> None:
    """GraphError for a reserved name, or one that netCDF does not allow."""
    if name in RESERVED:
        raise GraphError(
            f"{what} is that of an axis which every result has: {' and '.join(RESERVED)} are "
            f"reserved\n  made at {line}\n  give it another name"
        )
    problem = invalid_spelling(name)
    if problem:
        raise GraphError(
            f"{what} {problem}, so that no file could hold the result\n  made at {line}\n"
            "  give it a name of letters, digits and underscores"
        )


def invalid_spelling(name: str) -> str:
    """Why netCDF does not allow a name; empty if it does."""
    if not name:
        return "is empty"
    if "/" in name:
        return "has a slash in it"
    if not name.isprintable():
        return "has a character in it that cannot be printed"
    if len(name.encode()) > LONGEST:
        return f"is longer than {LONGEST} bytes"
    if name != name.strip():
        return "begins or ends with a space"
    if name[0].isascii() and not (name[0].isalnum() or name[0] == "_"):
        return f"begins with {name[0]!r}"
    return ""


def named_things(named: Iterable[tuple[str, Node]]) -> list[Named]:
    """Outputs with the names that they are requested under."""
    return [Named(name, dims_of_node(node), node.ndim, line_of(node)) for name, node in named]


def dims_of_node(node: Node) -> tuple[str, ...] | None:
    """Names of the axes of a variable, a named expression or data."""
    return node.op.dims if isinstance(node.op, (RandomVariable, Deterministic, Data)) else None


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names as a message shows them."""
    shown = ", ".join(map(str, names[:most])) or "none"
    return shown if len(names) <= most else f"{shown}, and {len(names) - most} more"
