"""Built modules kept on disk, found by what they were built from.

An entry is two files: `<key>.json` says which module, with its checksum and the generated source;
the module's own name holds its checksum. Both are written aside and renamed, the note last, so an
entry is whole or not there, and no lock is needed: two processes that build the same thing put the
same thing in the same place. What is damaged in any way, or may be the work of others
(`system.files`), is no entry: it is built again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from probtensor.system import files
from probtensor.system.records import TOUCH, Records

CAP = 2 << 30  # bytes of modules; the least recently used go first
SHRINK = 0.8  # of CAP, what an eviction leaves
STALE = 3600  # seconds after which a half-written entry belongs to no one
TRIES = 3  # another process may empty the cache at any moment
DAMAGE = (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError)  # in an entry
ABANDONED = 86400  # the same where its maker seems to live


@dataclass(frozen=True)
class Found:
    """A module in the store, whose bytes are those that were put there."""

    module: str
    path: Path
    source: str


class ModuleStore:
    """One folder of entries. Reading needs no more than the right to read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> Found | None:
        """The entry of `key`; None where there is none or it is damaged."""
        note = self._note(key)
        try:
            record = json.loads(files.read(note))
            module, source = str(record["module"]), str(record["source"])
            path = note.parent / Path(str(record["file"])).name
            if _checksum(files.read(path)) != record["sha256"]:
                return None
            age = time.time() - note.stat().st_mtime
        except DAMAGE:
            return None
        if age > TOUCH:
            _touch(note, path)
        return Found(module, path, source)

    def scratch(self) -> Path:
        """A fresh folder on the same file system, to build in. OSError if not writable.

        Its name begins with the process that builds, so that others leave it alone.
        """
        folder = self.folder / "building"
        files.make_parents(self.folder)
        for _ in range(TRIES):
            files.make_folder(folder)
            made = folder / f"{os.getpid()}-{_machine()}-{os.urandom(6).hex()}"
            with suppress(FileNotFoundError):
                os.mkdir(made, 0o700)
                return made
        raise FileNotFoundError(errno.ENOENT, "it vanishes as soon as it is made", str(folder))

    def put(self, key: str, module: str, built: Path, source: str) -> Found:
        """Take over the file `built` as the module of `key`. OSError if it cannot be kept."""
        data = built.read_bytes()
        checksum = _checksum(data)
        note = self._note(key)
        path = note.parent / f"{key[:32]}.{checksum[:16]}.so"
        files.make_parents(self.folder)
        files.make_folder(note.parent)
        try:
            built.chmod(files.FILE_MODE)
            os.replace(built, path)
        except OSError:  # on another file system, or removed meanwhile
            files.write(self.folder, f"{key[:2]}/{path.name}", data)
        record = {"module": module, "file": path.name, "sha256": checksum, "source": source}
        files.write(self.folder, f"{key[:2]}/{note.name}", json.dumps(record).encode())
        return Found(module, path, source)

    @property
    def records(self) -> Records:
        """The records of functions, which lie beside the modules."""
        return Records(self.folder)

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
        """Remove every entry; returns how many there were. What others build now goes on."""
        entries = self.entries()
        for note, _, _ in entries:
            _remove(note)
        self._sweep()
        for path in [*self.folder.glob("??"), self.folder / "building"]:
            if path.is_symlink() or path.is_file():  # in a folder's place
                files.remove(path)
        return len(entries)

    def _note(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _sweep(self) -> None:
        """Remove what killed processes left half done, and modules without a note."""
        now = time.time()
        lefts = [*self.folder.glob("building/*"), *self.folder.glob("*/*.aside"),
                 *self.folder.glob("*.aside"), *self._unnoted()]  # fmt: skip
        for left in lefts:
            with suppress(OSError):
                if now - left.lstat().st_mtime >= _patience(left.name):
                    files.remove(left)

    def _unnoted(self) -> Iterator[Path]:
        known = {note.stem[:32] for note in self.folder.glob("*/*.json")}
        for path in self.folder.glob("*/*.so"):
            if path.name.split(".")[0] not in known:
                yield path


def _patience(name: str) -> float:
    """Seconds after which something half done, of this name, belongs to no one."""
    pid, _, rest = name.partition("-")
    if not pid.isdecimal() or rest.split("-")[0] != _machine():
        return STALE
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return 0.0
    except (OSError, OverflowError):
        return STALE
    return ABANDONED


@cache
def _machine() -> str:
    """What tells processes of this number from those elsewhere: a shared cache has many machines,
    and containers count their processes anew."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _files_of(note: Path) -> Iterator[Path]:
    yield note
    if note.suffix == ".json":
        yield from note.parent.glob(f"{note.stem[:32]}.*.so")


def _remove(note: Path) -> None:
    for path in _files_of(note):
        with suppress(OSError):
            files.remove(path)


def _touch(*paths: Path) -> None:
    for path in paths:
        try:
            os.utime(path)
        except OSError:
            return


def home_folder() -> Path:
    """$PROBTENSOR_CACHE, or the platform's folder for caches."""
    return files.home()


def reading_stores(home: Path) -> list[ModuleStore]:
    """Where entries may be: `home`, unless others can write it, and what stands in for it."""
    first = files.readable(home)
    folders = [first]
    if files.unfit(first):
        with suppress(files.NoFolder):  # what is there can be read all the same
            folders.append(files.fallback())
    return [ModuleStore(folder) for folder in dict.fromkeys(folders)]


@cache
def writing_store(home: Path) -> ModuleStore:
    """The store to build in: `home`, or with one warning a temporary one."""
    return ModuleStore(files.writable(files.readable(home)))


def load_record(key: str) -> bytes | None:
    """The record kept under a key, from wherever this process reads."""
    with suppress(files.NoFolder):
        found = (store.records.get(key) for store in reading_stores(home_folder()))
        return next((data for data in found if data is not None), None)
    return None


def save_record(key: str, data: bytes) -> None:
    """Keep a record where this process writes; a full disk is no reason to fail."""
    with suppress(OSError):
        writing_store(home_folder()).records.put(key, data)


@cache
def evict_once(folder: Path) -> int:
    """Keep the store under its cap; once a process is enough."""
    try:
        return ModuleStore(folder).evict()
    except OSError:
        return 0


def main(argv: Sequence[str]) -> int:
    """The command `probtensor cache [list | size | clear | dir]`; returns its exit status."""
    command = argv[0] if argv else "size"
    store = ModuleStore(home_folder())
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
