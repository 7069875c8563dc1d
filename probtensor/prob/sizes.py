"""Sizes by name: what gives them their values.

A dim that has a name, in `dims=` of data or of variables, is a symbolic size of that name; so is
each unnamed axis of data. A model learns their values from coords, data and observed values;
`graph.resize` puts them into a graph.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.resize import size_name
from probtensor.types import Size, shape_text, size_names, size_value


def plain(name: str) -> str:
    """The name of a size as a user may know it."""
    return name.partition("#")[0]


class Sizes:
    """Lengths by name, each with who gave it, so that a contradiction can name both."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self._givers: dict[str, str] = {}

    def give(self, name: str, length: int, giver: str, line: str = "") -> None:
        """Note a length; ValueError if it was another one before."""
        before = self.values.setdefault(name, length)
        self._givers.setdefault(name, giver)
        if before != length:
            raise ValueError(
                f"{plain(name)} has length {before} by {self._givers[name]}, "
                f"but {length} by {giver}" + (f"\n  at {line}" if line else "")
            )

    def read(self, label: str, expected: Sequence[Size], shape: Sequence[int], line: str) -> None:
        """Note the sizes that an array of this shape gives; ValueError if it does not fit."""
        wanted = shape_text(expected)
        misfit = f"{label} needs shape {wanted}, the value has {tuple(shape)}\n  at {line}"
        if len(expected) != len(shape):
            raise ValueError(misfit)
        for axis, (size, length) in enumerate(zip(expected, shape, strict=True)):
            name = size_name(size)
            if name is not None:
                self.give(name, length, f"axis {axis} of {label}", line)
                continue
            known = not size_names(size) - self.values.keys()
            if known and size_value(size, self.values) != length:
                raise ValueError(misfit)

    def shape(self, shape: Sequence[Size]) -> tuple[int, ...]:
        """A shape in numbers; every name in it must be known."""
        return tuple(size_value(n, self.values) for n in shape)
