"""Compiled kernels cached on disk, under a hash of what they were compiled from.

They are records like those of functions, so that the commands of the cache list and evict them too.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from probtensor.system import files
from probtensor.system.records import Records


class ImageStore:
    """One folder of images; where it cannot be written, nothing is stored."""

    def __init__(self, folder: Path | None) -> None:
        self.records = None if folder is None else Records(folder)

    def get(self, key: str) -> bytes | None:
        """The image of `key`; None where there is none or it is damaged."""
        return None if self.records is None else self.records.get(key)

    def put(self, key: str, image: bytes) -> None:
        """Store the image of `key`; errors of the disk are ignored."""
        if self.records is not None:
            with suppress(OSError):
                self.records.put(key, image)


def open_image_store() -> ImageStore:
    """The store in the user's cache; in the folder that stands in for it if others can write it."""
    try:
        return ImageStore(files.readable(files.home()))
    except files.NoFolder:
        return ImageStore(None)
