"""Programs as plain values, and as text for the records of functions."""

from __future__ import annotations

import binascii
import json
import sys
import zlib
from array import array
from collections.abc import Mapping
from typing import NamedTuple

MARK = "machine"
LEVEL = 1  # of zlib, the quickest


class Encoded(NamedTuple):
    """A program that is not linked: it holds no address.

    lines      five int32 for each instruction: its index among those of the machine, a, b, c, d
    starts     the first instruction of each stage
    cells      initial values of the cells
    registers  (cell, whether it loads, offset in the frame) of each register
    links      the cell for the address of each routine, by its name
    """

    lines: array
    starts: array
    cells: array
    registers: array
    links: Mapping[str, int]
    sizes: int
    buffers: int
    frame_bytes: int

    def to_text(self, names: str) -> str:
        """A text of one line, for a machine whose instructions have these names."""
        arrays = self[:4]
        data = zlib.compress(b"".join(part.tobytes() for part in arrays), LEVEL)
        head = [names, sys.byteorder, [len(part) for part in arrays], *self[4:]]
        return f"{MARK} {json.dumps(head)} {binascii.b2a_base64(data, newline=False).decode()}"

    @classmethod
    def of_text(cls, text: str, names: str) -> Encoded | None:
        """The program of a text, if it is for this machine."""
        try:
            head, _, data = text.removeprefix(MARK).strip().rpartition(" ")
            own, order, counts, *rest = json.loads(head)
            if own != names or order != sys.byteorder:
                return None
            found, at = [], 0
            content = zlib.decompress(binascii.a2b_base64(data))
            for kind, count in zip("iqqq", counts, strict=True):
                part = array(kind)
                part.frombytes(content[at : at + count * part.itemsize])
                at += count * part.itemsize
                found.append(part)
            return cls(*found, *rest)
        except (ValueError, TypeError, zlib.error):
            return None
