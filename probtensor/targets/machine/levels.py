"""The machine for this processor: the best of the prebuilt levels that it can run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cache

from cython_ext.levels import level_here
from cython_ext.scalars import index_of_names
from probtensor.dataclass import dataclass


@dataclass(frozen=True)
class Machine:
    """A machine: its level, the size and time of its file, the addresses of its table of
    instructions, of its pairs of them and of the function that runs programs, and the index of each
    instruction in the table."""

    level: str
    version: str
    table: int
    pairs: int
    run: int
    instructions: Mapping[str, int]

    @property
    def names(self) -> str:
        """What a program in a record depends on: a hash of level, version and instructions."""
        return _hash(self.level, self.version, *self.instructions)


@cache
def _hash(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


@cache
def machine() -> Machine:
    """The machine for this processor."""
    module = level_here()
    level = module.__name__.rpartition(".")[2]
    status = os.stat(module.__file__)
    version = f"{status.st_size} {status.st_mtime_ns}"
    return Machine(level, version, module.table, module.pairs, module.run, index_of_names())
