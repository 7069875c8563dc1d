"""C structures that the host packs and kernels read: one table for both."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.process import computed_once

# C type -> NumPy's; every pointer is an address of eight bytes.
_FORMATS = {"double": "f8", "long long": "i8", "unsigned long long": "u8", "int": "i4",
            "signed char": "i1"}  # fmt: skip

Value = int | float | Sequence[int] | Sequence[float]


class Struct:
    """A C structure: its name, and (C type, name) or (C type, name, length) of each field.

    C lays its fields out at their natural alignment, and so does `dtype`; the text has static
    assertions for the size of the structure and the offset of each field, so that a header which
    declares it by hand cannot differ from this table.
    """

    def __init__(self, name: str, *fields: tuple[str, str] | tuple[str, str, int]) -> None:
        self.name = name
        self.fields = tuple((kind, field, *length) for kind, field, *length in fields)

    @computed_once
    def dtype(self) -> np.dtype:
        """The structure as NumPy reads it."""
        return np.dtype(
            [
                (name, "u8" if kind.endswith("*") else _FORMATS[kind], *map(_shape, length))
                for kind, name, *length in self.fields
            ],
            align=True,
        )

    @property
    def declaration(self) -> str:
        """The structure as C declares it."""
        lines = [
            f"    {kind if kind.endswith('*') else kind + ' '}{name}"
            + "".join(f"[{n}]" for n in length)
            for kind, name, *length in self.fields
        ]
        return f"struct {self.name} {{\n" + "".join(f"{line};\n" for line in lines) + "};\n"

    @property
    def assertions(self) -> str:
        """C++ text that compiles only if the structure is laid out as `dtype` is."""
        return assertions(self.name, self.dtype)

    @computed_once
    def _packer(self) -> struct.Struct:
        codes = {"f8": "d", "i8": "q", "u8": "Q", "i4": "i", "i1": "b"}
        parts = []
        for kind, _, *length in self.fields:
            code = codes["u8" if kind.endswith("*") else _FORMATS[kind]]
            parts.append(f"{length[0] if length else ''}{code}")
        return struct.Struct("@" + "".join(parts) + f"0{'q' if self.dtype.alignment == 8 else 'i'}")

    def pack(self, values: Mapping[str, Value]) -> bytes:
        """The bytes of one structure; numbers without a value are zero.

        Raises KeyError for the name of no field, struct.error for an array of another length.
        """
        unknown = values.keys() - self.dtype.fields.keys()
        if unknown:
            raise KeyError(f"{self.name} has no field {', '.join(sorted(unknown))}")
        flat: list[int | float] = []
        for _, name, *length in self.fields:
            if length:
                flat += values.get(name, (0,) * length[0])
            else:
                flat.append(values.get(name, 0))
        return self._packer.pack(*flat)


def _shape(length: int) -> tuple[int, ...]:
    return (length,)


def assertions(name: str, dtype: np.dtype) -> str:
    """C++ text that compiles only if the structure `name` has the size of a structured dtype, and
    each of its fields the same name and offset."""
    found = [f"sizeof({name}) == {dtype.itemsize}"]
    # The operator of the compilers: NVRTC has no header with C's macro `offsetof`.
    found += [
        f"__builtin_offsetof({name}, {field}) == {offset}"
        for field, (_, offset, *_) in dtype.fields.items()
    ]
    return "".join(f'static_assert({claim}, "{name}");\n' for claim in found)
