"""Values of named sizes.

A dim that has a name, in `dims=` of data or of variables, is a symbolic size of that name; so is
each unnamed axis of data. Coords, data and observed values determine their values;
`graph.resize` substitutes them in a graph.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.types import Dim, Size, shape_text, size_name, size_names, size_value


class KnownSizes:
    """Lengths of named sizes, each with its source, so that a contradiction names both sources."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self._sources: dict[str, str] = {}

    def give(self, name: Dim, length: int, source: str, line: str = "") -> None:
        """Set the length of a name; ValueError if it has another one."""
        key = size_name(name)
        before = self.values.setdefault(key, length)
        self._sources.setdefault(key, source)
        if before != length:
            raise ValueError(
                f"{name} has length {before} by {self._sources[key]}, "
                f"but {length} by {source}" + (f"\n  at {line}" if line else "")
            )

    def read(self, label: str, expected: Sequence[Size], shape: Sequence[int], line: str) -> None:
        """Set the sizes that an array of this shape determines; ValueError if it does not fit."""
        wanted = shape_text(expected)
        misfit = f"{label} needs shape {wanted}, the value has {tuple(shape)}\n  at {line}"
        if len(expected) != len(shape):
            raise ValueError(misfit)
        for axis, (size, length) in enumerate(zip(expected, shape, strict=True)):
            if size_name(size) is not None:
                self.give(size, length, f"axis {axis} of {label}", line)
                continue
            known = not size_names(size) - self.values.keys()
            if known and size_value(size, self.values) != length:
                raise ValueError(misfit)

    def shape(self, shape: Sequence[Size]) -> tuple[int, ...]:
        """A shape in numbers; every name in it must be known."""
        return tuple(size_value(n, self.values) for n in shape)
