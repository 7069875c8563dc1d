"""Compiled kernels kept on disk, found by what they were compiled from.

A file holds the checksum of an image and the image. It is whole or not there, and what does not
match its checksum, or may be the work of others (`system.files`), counts as not there. Files have
the form and the ending of the records in `targets.cache`, whose commands list and evict them too.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from probtensor.system import files


class ImageStore:
    """One folder of images; where it cannot be written, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def find(self, key: str) -> bytes | None:
        """The image of `key`; None where there is none or it is damaged."""
        if self.folder is None:
            return None
        path = self._path(self.folder, key)
        try:
            data = files.read(path)
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        with suppress(OSError):
            os.utime(path)  # the least recently used go first
        return data[32:]

    def keep(self, key: str, image: bytes) -> None:
        """Keep the image of `key`; a full disk is no reason to fail."""
        if self.folder is not None:
            with suppress(OSError):
                name = f"{key[:2]}/{self._path(self.folder, key).name}"
                files.write(self.folder, name, hashlib.sha256(image).digest() + image)

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.function"


def home_store() -> ImageStore:
    """The store in the user's cache; in the folder that stands in for it if others can write it."""
    try:
        return ImageStore(files.readable(files.home()))
    except files.NoFolder:
        return ImageStore(None)
