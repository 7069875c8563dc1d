"""Compiled kernels kept on disk, found by what they were compiled from.

A file holds the checksum of an image and the image. It is written under another name and renamed,
so it is whole or not there, and what does not match its checksum counts as not there. Files have
the form and the ending of the records in `targets.cache`, whose commands list and evict them too.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import suppress
from pathlib import Path


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
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        with suppress(OSError):
            os.utime(path)  # the least recently used go first
        return data[32:]

    def keep(self, key: str, image: bytes) -> None:
        """Keep the image of `key`; a full disk is no reason to fail."""
        if self.folder is None:
            return
        path = self._path(self.folder, key)
        aside = path.with_name(f"{uuid.uuid4().hex}.aside")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(hashlib.sha256(image).digest() + image)
            os.replace(aside, path)
        except OSError:
            with suppress(OSError):
                aside.unlink()

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.function"


def home_store() -> ImageStore:
    """The store in $PROBTENSOR_CACHE, or in the user's folder for caches."""
    asked = os.environ.get("PROBTENSOR_CACHE")
    if asked:
        return ImageStore(Path(asked).expanduser().absolute())
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return ImageStore((Path(base) if base else Path.home() / ".cache") / "probtensor")
    except RuntimeError:  # a user without a home
        return ImageStore(None)
