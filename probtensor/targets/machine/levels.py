"""The machine for this processor: the best of the prebuilt levels that it can run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from cython_ext.machine import names_of, runs_level
from probtensor.dataclass import dataclass

LEVELS = ("x86_64_v4", "x86_64_v3", "baseline")  # modules of cython_ext.levels, the best first


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
    for level in LEVELS:
        if not runs_level(level):
            continue
        try:
            module = import_module(f"cython_ext.levels.{level}")
        except ImportError:  # built for this processor alone, as `baseline`
            continue
        names = names_of(module.table)
        index = {name: k for k, name in enumerate(names)}
        status = os.stat(module.__file__)
        version = f"{status.st_size} {status.st_mtime_ns}"
        return Machine(level, version, module.table, module.pairs, module.run, index)
    raise ImportError("cython_ext.levels has no machine for this processor")
