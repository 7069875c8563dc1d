"""Data on disk by key, with a checksum."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from probtensor.dataclass import dataclass
from probtensor.system import files

TOUCH = 86400  # seconds between updates of the time of use, by which old entries are removed
SUFFIX = ".function"


@dataclass(frozen=True)
class Records:
    """The records of one folder. A file is the checksum of the data and the data. Files that do not
    match their checksum, or that others may have written (see `files`), count as missing."""

    folder: Path

    def get(self, key: str) -> bytes | None:
        """The data of a key; None if there are none or they are damaged."""
        path = self.path(key)
        try:
            data = files.read(path)
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > TOUCH:
                os.utime(path)
        return data[32:]

    def put(self, key: str, data: bytes) -> None:
        """Store data under a key. OSError if that fails."""
        name = f"{key[:2]}/{self.path(key).name}"
        files.write(self.folder, name, hashlib.sha256(data).digest() + data)

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self.folder / key[:2] / f"{key}{SUFFIX}"
