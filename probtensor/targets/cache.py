"""Built modules kept on disk, found by what they were built from.

An entry is two files: `<key>.json` says which module, with its checksum and the generated source;
the module's own name holds its checksum. Both are written aside and renamed, the note last, so an
entry is whole or not there, and no lock is needed: two processes that build the same thing put the
same thing in the same place. What does not match its checksum is built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CAP = 2 << 30  # bytes of modules; the least recently used go first
SHRINK = 0.8  # of CAP, what an eviction leaves
STALE = 3600  # seconds after which a half-written entry belongs to no one
TOUCH = 86400  # seconds between notes that an entry is still used


@dataclass(frozen=True)
class Found:
    """A module in the store, whose bytes are those that were put there."""

    module: str
    path: Path
    source: str


class Store:
    """One folder of entries. Reading needs no more than the right to read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> Found | None:
        """The entry of `key`; None where there is none or it is damaged."""
        note = self._note(key)
        try:
            record = json.loads(note.read_text(encoding="utf-8"))
            path = note.parent / str(record["file"])
            if _checksum(path.read_bytes()) != record["sha256"]:
                return None
            age = time.time() - note.stat().st_mtime
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if age > TOUCH:
            _touch(note, path)
        return Found(record["module"], path, record["source"])

    def scratch(self) -> Path:
        """A fresh folder on the same file system, to build in. OSError if not writable."""
        folder = self.folder / "building"
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=folder))

    def put(self, key: str, module: str, built: Path, source: str) -> Found:
        """Take over the file `built` as the module of `key`."""
        data = built.read_bytes()
        checksum = _checksum(data)
        note = self._note(key)
        note.parent.mkdir(parents=True, exist_ok=True)
        path = note.parent / f"{key[:32]}.{checksum[:16]}.so"
        os.replace(built, path)
        record = {"module": module, "file": path.name, "sha256": checksum, "source": source}
        aside = _aside(note)
        aside.write_text(json.dumps(record), encoding="utf-8")
        os.replace(aside, note)
        return Found(module, path, source)

    def keep(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, with their checksum."""
        path = self._record(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = _aside(path)
        aside.write_bytes(hashlib.sha256(data).digest() + data)
        os.replace(aside, path)

    def kept(self, key: str) -> bytes | None:
        """The bytes kept under a key; None where there are none or they are damaged."""
        path = self._record(key)
        try:
            data = path.read_bytes()
            age = time.time() - path.stat().st_mtime
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        if age > TOUCH:
            _touch(path)
        return data[32:]

    def _record(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.function"

    def discard(self, key: str) -> None:
        """Forget an entry that turned out not to load."""
        self._note(key).unlink(missing_ok=True)

    def entries(self) -> list[tuple[Path, float, int]]:
        """(file, time of last use, bytes) of every module and function, oldest first."""
        found = []
        for note in [*self.folder.glob("*/*.json"), *self.folder.glob("*/*.function")]:
            try:
                used = note.stat().st_mtime
                size = sum(path.stat().st_size for path in _files_of(note))
            except OSError:
                continue
            found.append((note, used, size))
        return sorted(found, key=lambda entry: entry[1])

    def evict(self, cap: int = CAP) -> int:
        """Drop the entries used longest ago until the rest fits; returns how many went."""
        entries = self.entries()
        total = sum(size for _, _, size in entries)
        gone = 0
        if total > cap:
            for note, _, size in entries:
                if total <= cap * SHRINK:
                    break
                _remove(note)
                total -= size
                gone += 1
        self._sweep()
        return gone

    def clear(self) -> int:
        """Remove every entry; returns how many there were."""
        entries = self.entries()
        for note, _, _ in entries:
            _remove(note)
        self._sweep(age=0)
        return len(entries)

    def _note(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _sweep(self, age: float = STALE) -> None:
        """Remove what killed processes left half done."""
        before = time.time() - age
        for left in [*self.folder.glob("building/*"), *self.folder.glob("*/*.aside")]:
            try:
                if left.stat().st_mtime <= before:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
            except OSError:
                continue


def _aside(path: Path) -> Path:
    return path.with_name(f"{uuid.uuid4().hex}.aside")


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _files_of(note: Path) -> Iterator[Path]:
    yield note
    if note.suffix == ".json":
        yield from note.parent.glob(f"{note.stem[:32]}.*.so")


def _remove(note: Path) -> None:
    for path in _files_of(note):
        path.unlink(missing_ok=True)


def _touch(*paths: Path) -> None:
    for path in paths:
        try:
            os.utime(path)
        except OSError:
            return


def default_folder() -> Path:
    """$PROBTENSOR_CACHE, or the platform's folder for caches."""
    asked = os.environ.get("PROBTENSOR_CACHE")
    if asked:
        return Path(asked).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "probtensor"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "probtensor"


def writable(folder: Path) -> bool:
    """Can entries be made here? Makes the folder if that is all it takes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@cache
def fallback_folder() -> Path:
    """A private folder among the temporary files: modules are code, so nobody else may write it."""
    folder = Path(tempfile.gettempdir()) / f"probtensor-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        safe = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if safe and not status.st_mode & 0o022 and writable(folder):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="probtensor-"))


@cache
def writing_store(folder: Path) -> Store:
    """The store to build in: `folder`, or with one warning a temporary one."""
    if writable(folder):
        return Store(folder)
    other = fallback_folder()
    warnings.warn(
        f"probtensor cannot write its cache of compiled modules, {folder}; it uses {other}, which "
        "may not last. Set PROBTENSOR_CACHE to a folder you can write.",
        RuntimeWarning,
        stacklevel=2,
    )
    return Store(other)


def home_folder() -> Path:
    """`default_folder`, or the temporary one for users that have no home."""
    try:
        return default_folder()
    except RuntimeError:
        return fallback_folder()


def recall(key: str) -> bytes | None:
    """The record kept under a key, from wherever this process reads."""
    home = home_folder()
    found = Store(home).kept(key)
    if found is None and not writable(home):
        return Store(fallback_folder()).kept(key)
    return found


def remember(key: str, data: bytes) -> None:
    """Keep a record where this process writes; a full disk is no reason to fail."""
    with suppress(OSError):
        writing_store(home_folder()).keep(key, data)


@cache
def evict_once(folder: Path) -> int:
    """Keep the store under its cap; once a process is enough."""
    return Store(folder).evict()


def main(argv: Sequence[str]) -> int:
    """The command `probtensor cache [list | size | clear | dir]`; returns its exit status."""
    command = argv[0] if argv else "size"
    store = Store(home_folder())
    if command == "dir":
        print(store.folder)
    elif command == "list":
        for note, used, size in store.entries():
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(used))
            kind = "module" if note.suffix == ".json" else "function"
            print(f"{note.stem[:16]}  {kind:<8}  {day}  {size / 1024:8.1f} KiB")
    elif command == "size":
        sizes = [size for _, _, size in store.entries()]
        total, cap = sum(sizes) / 2**20, CAP / 2**20
        print(f"{len(sizes)} entries, {total:.1f} MiB of {cap:.0f} MiB, in {store.folder}")
    elif command == "clear":
        print(f"{store.clear()} entries removed from {store.folder}")
    else:
        print("usage: probtensor cache [list | size | clear | dir]", file=sys.stderr)
        return 2
    return 0
