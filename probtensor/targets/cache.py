"""Built modules cached on disk, by a hash of all that they depend on.

An entry is two files: `<key>.json` names the module, with its checksum and the generated source;
the name of the module has its checksum. Both are written to temporary files and renamed, the JSON
last, so an entry is complete or absent, and no lock is needed: two processes that build the same
module write equal files. A damaged entry, or one that others may have written (`system.files`), is
ignored and built again.
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
from functools import cache
from pathlib import Path

from probtensor.dataclass import dataclass
from probtensor.system import files
from probtensor.system.records import TOUCH, Records

MAX_CACHE_BYTES = 2 << 30  # the least recently used entries are evicted first
EVICTION_FRACTION = 0.8  # of MAX_CACHE_BYTES, left after an eviction
EVICTED = "evicted"  # the file that tells by its age when entries were last evicted
EVICTION_SECONDS = 3600  # between evictions by all processes
STALE_SECONDS = 3600  # after which a partial entry is removed
TRIES = 3  # another process may empty the cache at any time
# Raised by reading a damaged entry.
DAMAGE_ERRORS = (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError)
ABANDONED_SECONDS = 86400  # the same if the process that writes it seems to be alive


@dataclass(frozen=True)
class Found:
    """A module in the store, with a valid checksum."""

    module: str
    path: Path
    source: str


class ModuleStore:
    """One folder of entries. Reading needs only read permission."""

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
        except DAMAGE_ERRORS:
            return None
        if age > TOUCH:
            _touch(note, path)
        return Found(module, path, source)

    def scratch(self) -> Path:
        """A fresh folder on the same file system, to build in. OSError if not writable.

        Its name begins with the id of this process, so that others do not remove it.
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
        """Move the file `built` into the store as the module of `key`. OSError if it cannot be
        stored."""
        data = built.read_bytes()
        checksum = _checksum(data)
        note = self._note(key)
        path = note.parent / f"{key[:32]}.{checksum[:16]}.so"
        files.make_parents(self.folder)
        files.make_folder(note.parent)
        try:
            built.chmod(files.FILE_MODE)
            os.replace(built, path)
        except OSError:  # on another file system, or removed since
            files.write(self.folder, f"{key[:2]}/{path.name}", data)
        record = {"module": module, "file": path.name, "sha256": checksum, "source": source}
        files.write(self.folder, f"{key[:2]}/{note.name}", json.dumps(record).encode())
        return Found(module, path, source)

    @property
    def records(self) -> Records:
        """The records of functions, in the same folder."""
        return Records(self.folder)

    def entries(self) -> list[tuple[Path, float, int]]:
        """(file, time of last use, bytes) of every module and function, oldest first."""
        found: list[tuple[Path, float, int]] = []
        for folder, files_there in self._folders():
            modules: dict[str, int] = {}
            for name, status in files_there.items():
                if name.endswith(".so"):
                    start = name.split(".")[0]
                    modules[start] = modules.get(start, 0) + status.st_size
            for name, status in files_there.items():
                stem, _, kind = name.rpartition(".")
                if kind in ("json", "function"):
                    module = modules.get(stem[:32], 0) if kind == "json" else 0
                    found.append((folder / name, status.st_mtime, status.st_size + module))
        return sorted(found, key=lambda entry: entry[1])

    def evict(self, cap: int = MAX_CACHE_BYTES) -> int:
        """Remove the least recently used entries until the rest fits; gives their number."""
        entries = self.entries()
        total = sum(size for _, _, size in entries)
        removed = 0
        if total > cap:
            for note, _, size in entries:
                if total <= cap * EVICTION_FRACTION:
                    break
                _remove(note)
                total -= size
                removed += 1
        self._sweep()
        return removed

    def clear(self) -> int:
        """Remove all entries; gives their number. Builds of other processes continue."""
        entries = self.entries()
        for note, _, _ in entries:
            _remove(note)
        self._sweep()
        for path in [*self.folder.glob("??"), self.folder / "building", self.folder / EVICTED]:
            if path.is_symlink() or path.is_file():  # the mark, and what is there for a folder
                files.remove(path)
        return len(entries)

    def _note(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _sweep(self) -> None:
        """Remove partial files of killed processes, and modules without a JSON file."""
        now = time.time()
        leftovers = [*self.folder.glob("building/*"), *self.folder.glob("*/*.aside"),
                 *self.folder.glob("*.aside"), *self._unnoted()]  # fmt: skip
        for leftover in leftovers:
            with suppress(OSError):
                if now - leftover.lstat().st_mtime >= _stale_after(leftover.name):
                    files.remove(leftover)

    def _unnoted(self) -> Iterator[Path]:
        for folder, files_there in self._folders():
            notes = (name for name in files_there if name.endswith(".json"))
            noted = {name.removesuffix(".json")[:32] for name in notes}
            for name in files_there:
                if name.endswith(".so") and name.split(".")[0] not in noted:
                    yield folder / name

    def _folders(self) -> Iterator[tuple[Path, dict[str, os.stat_result]]]:
        """The folders of entries, each with its files by name. Those that vanish are left out."""
        for folder in sorted(path for path in self.folder.glob("*") if path.is_dir()):
            found: dict[str, os.stat_result] = {}
            with suppress(OSError), os.scandir(folder) as there:
                for entry in there:
                    with suppress(OSError):
                        found[entry.name] = entry.stat()
            yield folder, found


def _stale_after(name: str) -> float:
    """Age in seconds after which a partial file of this name is removed."""
    pid, _, rest = name.partition("-")
    if not pid.isdecimal() or rest.split("-")[0] != _machine():
        return STALE_SECONDS
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return 0.0
    except (OSError, OverflowError):
        return STALE_SECONDS
    return ABANDONED_SECONDS


@cache
def _machine() -> str:
    """Identifies the machine and container of a process id, as a cache may be shared by several."""
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


def cache_folder() -> Path:
    """$PROBTENSOR_CACHE, or the platform's folder for caches."""
    return files.home()


def reading_stores(home: Path) -> list[ModuleStore]:
    """The stores to search: `home`, unless others can write it, and its fallback."""
    first = files.readable(home)
    folders = [first]
    if files.unfit(first):
        with suppress(files.NoFolder):  # its entries can be read nevertheless
            folders.append(files.fallback())
    return [ModuleStore(folder) for folder in dict.fromkeys(folders)]


@cache
def writing_store(home: Path) -> ModuleStore:
    """The store to build in: `home`, or with one warning a temporary one."""
    return ModuleStore(files.writable(files.readable(home)))


def load_record(key: str) -> bytes | None:
    """The record of a key, from the stores that this process reads."""
    with suppress(files.NoFolder):
        found = (store.records.get(key) for store in reading_stores(cache_folder()))
        return next((data for data in found if data is not None), None)
    return None


def save_record(key: str, data: bytes) -> None:
    """Store a record where this process writes; errors of the disk are ignored."""
    with suppress(OSError):
        writing_store(cache_folder()).records.put(key, data)


def remove_unfinished() -> None:
    """Remove the folders in which this process builds, when it is ending and cannot wait."""
    with suppress(OSError):
        store = writing_store(cache_folder())
        for folder in store.folder.glob(f"building/{os.getpid()}-{_machine()}-*"):
            with suppress(OSError):
                files.remove(folder)


@cache
def evict_once(folder: Path) -> int:
    """Evict entries over the limit, once per process and once an hour by all processes together: to
    look at all entries of a full store takes seconds."""
    mark = folder / EVICTED
    try:
        if abs(time.time() - mark.stat().st_mtime) < EVICTION_SECONDS:
            return 0
    except OSError:
        pass  # there is none yet
    try:
        files.write(folder, mark.name, b"")
        return ModuleStore(folder).evict()
    except OSError:
        return 0


def main(argv: Sequence[str]) -> int:
    """The command `probtensor cache [list | size | clear | dir]`; returns its exit status."""
    command = argv[0] if argv else "size"
    store = ModuleStore(cache_folder())
    if command == "dir":
        print(store.folder)
    elif command == "list":
        for note, used, size in store.entries():
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(used))
            kind = "module" if note.suffix == ".json" else "function"
            print(f"{note.stem[:16]}  {kind:<8}  {day}  {size / 1024:8.1f} KiB")
    elif command == "size":
        sizes = [size for _, _, size in store.entries()]
        total, cap = sum(sizes) / 2**20, MAX_CACHE_BYTES / 2**20
        print(f"{len(sizes)} entries, {total:.1f} MiB of {cap:.0f} MiB, in {store.folder}")
    elif command == "clear":
        print(f"{store.clear()} entries removed from {store.folder}")
    else:
        print("usage: probtensor cache [list | size | clear | dir]", file=sys.stderr)
        return 2
    return 0
