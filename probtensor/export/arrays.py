"""Arrays that are bound to an export: in its source if they are small, else in a file beside it.

A C compiler takes minutes for an array of a million numbers, so the arrays of an export with more
than INLINE_BYTES of them are in one file, which pt_export.h reads and checks.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from probtensor.types import dtype_of

INLINE_BYTES = 32_768
ALIGNMENT = 64
MAGIC = b"ProbTD1\n"
COLUMNS = 96


class Arrays:
    """The arrays of all parts of an export, each once; `pointer` gives the C text that reads one.

    `pointer` is called for all arrays before any text is asked for.
    """

    def __init__(self) -> None:
        self._found: dict[tuple, np.ndarray] = {}
        self._numbers: dict[tuple, int] = {}

    def add(self, array: np.ndarray) -> int:
        """The number of an array."""
        array = np.ascontiguousarray(array)
        digest = hashlib.sha256(memoryview(array).cast("B") if array.size else b"").digest()
        key = (array.dtype.str, array.shape, digest)
        self._found.setdefault(key, array)
        return self._numbers.setdefault(key, len(self._numbers))

    @property
    def arrays(self) -> list[np.ndarray]:
        """The distinct arrays, by number."""
        return list(self._found.values())

    @property
    def in_file(self) -> bool:
        """Whether they are in a file."""
        return sum(array.nbytes for array in self.arrays) > INLINE_BYTES

    def pointer(self, number: int) -> str:
        """The C expression of a pointer to an array; `data` is the file's in C."""
        if not self.in_file:
            return f"(void *) pt_array{number}"
        return f"data->room.start + {self._offsets()[number]}"

    def _offsets(self) -> list[int]:
        found, offset = [], 0
        for array in self.arrays:
            found.append(offset)
            offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
        return [*found, offset]

    @property
    def bytes(self) -> int:
        """The length of all arrays in the file."""
        return self._offsets()[-1]

    def identity(self, model: str) -> int:
        """What a file must say that it is for, given a text that identifies the model: the same for
        other data of the same sizes."""
        kinds = [(array.dtype.str, array.shape) for array in self.arrays]
        digest = hashlib.sha256(repr((model, kinds)).encode()).digest()
        return int.from_bytes(digest[:8], "little")

    def file(self, model: str) -> list[bytes | memoryview]:
        """The pieces of the file, in order."""
        body: list[bytes | memoryview] = []
        check = 0
        for array in self.arrays:
            piece = memoryview(array).cast("B") if array.size else b""
            padding = bytes(-array.nbytes % ALIGNMENT)
            for part in (piece, padding):
                check = zlib.crc32(part, check)
                body.append(part)
        words = (1, self.identity(model), self.bytes, check, 0, 0, 0)
        return [MAGIC + struct.pack("=7Q", *words), *body]

    def text(self) -> Iterator[str]:
        """The arrays as C definitions, if they are not in a file."""
        if self.in_file:
            return
        for number, array in enumerate(self.arrays):
            kind = dtype_of(array.dtype.name).c
            count = max(1, array.size)
            yield f"static const {kind} pt_array{number}[{count}] = {{"
            line = "   "
            for value in array.reshape(-1).tolist() or [0]:
                piece = f" {number_text(value, array.dtype)},"
                if len(line) + len(piece) > COLUMNS:
                    yield line
                    line = "   "
                line += piece
            yield line.rstrip(",")
            yield "};"


def number_text(value: float | int | bool, dtype: np.dtype) -> str:
    """A number as C reads it back exactly."""
    if dtype.kind == "f":
        if value != value:
            return "NAN"
        if value in (float("inf"), float("-inf")):
            return "INFINITY" if value > 0 else "-INFINITY"
        suffix = "f" if dtype.itemsize == 4 else ""
        return f"{value!r}{suffix}"
    if dtype.kind == "u":
        return f"{int(value)}u" if value < 2**32 else f"{value}ull"
    if value == -(2**63):
        return "(-9223372036854775807ll - 1)"
    return f"{int(value)}" if abs(value) < 2**31 else f"{value}ll"
