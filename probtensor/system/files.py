"""Files that nobody but the user and root can have written, and folders for them.

A folder is trusted if the user or root owns it and nobody else may write it, and if nobody else can
put another one in its place: the same holds for every folder above it, except that one may be
writable by others if it is sticky, as /tmp is. Files are written under a temporary name and
renamed, so that writes are atomic.
"""

from __future__ import annotations

import atexit
import errno
import grp
import os
import pwd
import stat
import sys
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from probtensor.late import late

shutil, tempfile = late("shutil"), late("tempfile")

OTHERS_WRITE = 0o022
FOLDER_MODE, FILE_MODE = 0o755, 0o644  # less the umask; never writable by others
MAX_BYTES = 1 << 30  # of a file: no larger file was written by this library
MAX_LINKS = 40  # symbolic links in the path of a folder
TRIES = 3  # of a write, while other processes remove the folder
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # errors caused by the file system
VARIABLE = "PROBTENSOR_CACHE"


class NoFolder(OSError):
    """No folder can be written: neither that of the cache nor one for temporary files."""

    def __init__(self) -> None:
        super().__init__(
            errno.ENOENT,
            f"there is no folder for compiled modules, not even a temporary one; set {VARIABLE} "
            'to one that you can write, or use target="machine", which needs none',
        )


class Untrusted(OSError):
    """Another user than the present one and root owns this file, or may write it."""


def doubt(folder: Path) -> str:
    """The reason why others could write to this folder, or replace it; empty if they cannot.

    A folder that does not exist is no reason: its maker will own it.
    """
    path, waiting = "/", list(folder.absolute().parts[1:])
    reason = _doubt_parent(path)
    links = 0
    while waiting and not reason:
        name = waiting.pop(0)
        if name == "..":
            path = os.path.dirname(path)
            continue
        path = os.path.join(path, name)
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            return f"{path} cannot be looked at ({error.strerror})"
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if status.st_uid not in (0, os.geteuid()) or links > MAX_LINKS:
                return f"{path} is a link made by {_user(status.st_uid)}"
            target = Path(os.readlink(path))
            waiting = [*(part for part in target.parts if part != "/"), *waiting]
            path = "/" if target.is_absolute() else os.path.dirname(path)
        elif waiting:
            reason = _doubt_parent(path)
    return reason or doubt_alone(path)


def doubt_alone(path: Path | str) -> str:
    """As `doubt`, without checking the folders above."""
    try:
        return doubt_status(path, os.lstat(path))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be looked at ({error.strerror})"


def doubt_status(path: Path | str, status: os.stat_result) -> str:
    """The reason why others may have written this file or folder; empty if they cannot have."""
    if status.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to {_user(status.st_uid)}"
    if status.st_mode & OTHERS_WRITE and not stat.S_ISLNK(status.st_mode):
        return f"others may write {path} (chmod go-w forbids it)"
    return ""


def _doubt_parent(path: str) -> str:
    """The reason why others could replace entries of this folder; empty if they cannot."""
    try:
        status = os.lstat(path)
    except OSError:
        return ""
    if status.st_mode & stat.S_ISVTX and status.st_uid in (0, os.geteuid()):
        return ""
    if status.st_mode & OTHERS_WRITE == 0o020 and _is_private_group(path, status.st_gid):
        status = os.stat_result((status.st_mode & ~0o020, *tuple(status)[1:]))
    return doubt_status(path, status)


def _is_private_group(path: str, gid: int) -> bool:
    """Whether the group is that of root, or has the user's name and no other members."""
    with suppress(OSError, AttributeError):
        if "system.posix_acl_access" in os.listxattr(path):
            return False
    try:
        user = pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(gid)
    except KeyError:
        return gid == 0
    return gid == 0 or (group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name})


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


# Reading and writing.


def read(path: Path) -> bytes:
    """The bytes of a file. OSError if there is none; Untrusted, with a warning the first time, if
    others may have written it."""
    # O_NONBLOCK: opening a named pipe would block otherwise.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
        reason = doubt_status(path, status) or doubt_alone(path.parent)
        if reason:
            _refuse(path.parent, reason)
            raise Untrusted(reason)
        if status.st_size > MAX_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    except MemoryError:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path)) from None
    finally:
        os.close(descriptor)


def _refuse(folder: Path, reason: str) -> None:
    """Warn once that something in the cache is not used."""
    reasons = _warned(None)
    if not reasons:
        warnings.warn(
            f"probtensor does not use all that it finds in its cache, {folder}: {reason}, and the "
            "cache holds code. What is refused is built again.",
            RuntimeWarning,
            stacklevel=2,
        )
        reasons.append(reason)


def make_folder(path: Path) -> None:
    """Make a folder of the cache, writable only by the user. OSError if a file has its name."""
    with suppress(FileExistsError):
        os.mkdir(path, FOLDER_MODE)
        return
    status = path.lstat()
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    # Made by an earlier version, or by hand; each file in it is checked when it is read.
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    if is_own and status.st_mode & OTHERS_WRITE:
        path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS_WRITE)


def make_parents(path: Path) -> None:
    """Make a folder and those above it, writable only by the user; existing files are left."""
    if not path.is_dir():
        if path.parent != path:
            make_parents(path.parent)
        with suppress(FileExistsError):
            os.mkdir(path, FOLDER_MODE)


def write(root: Path, name: str, data: bytes) -> None:
    """Write a file below `root`, atomically. OSError if that fails."""
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
    path = root / name
    for attempt in range(TRIES):
        make_parents(root)
        if path.parent != root:
            make_folder(path.parent)
        temporary, placed = path.with_name(f"{os.urandom(16).hex()}.aside"), False
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(temporary, flags, FILE_MODE), "wb") as file:
                file.write(data)
            os.replace(temporary, path)
            placed = True
            return
        except FileNotFoundError:  # another process has emptied the cache
            if attempt + 1 == TRIES:
                raise
        finally:
            if not placed:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file, link or folder, if it exists."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if not path.is_dir():
            raise
        shutil.rmtree(path, ignore_errors=True)


# Folders.


def home() -> Path:
    """The folder of the cache: $PROBTENSOR_CACHE, or the platform's folder for caches, or a
    temporary one for users without a home."""
    given = os.environ.get(VARIABLE)
    try:
        if given:
            return Path(given).expanduser().absolute()
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "probtensor"
        base = os.environ.get("XDG_CACHE_HOME")
        return (Path(base).absolute() if base else Path.home() / ".cache") / "probtensor"
    except RuntimeError:
        return fallback()


@cache
def unfit(folder: Path) -> str:
    """The reason why modules cannot be stored in this folder and loaded from it; empty if they can.
    Makes the folder if it does not exist."""
    reason = _doubt_once(folder)
    if reason:
        return reason
    try:
        make_parents(folder)
        probe = folder / f"{os.urandom(16).hex()}.aside"
        with open(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            probe.unlink()
            file.write(b"room")
        if os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
            return "it is mounted noexec, so that nothing there may run"
    except OSError as error:
        return error.strerror or str(error)
    return doubt(folder)  # another user may have made it meanwhile


@cache
def fallback() -> Path:
    """A private folder among the temporary files, or one that is removed when this process ends.
    NoFolder if none can be made."""
    try:
        bases = dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp"))
    except OSError:
        raise NoFolder from None
    for base in bases:
        folder = Path(base).absolute() / f"probtensor-{os.geteuid()}"
        with suppress(OSError):
            if Path(base).is_dir() and not doubt(folder):
                folder.mkdir(mode=0o700, exist_ok=True)
                if not unfit(folder):
                    return folder
    made = Path(tempfile.mkdtemp(prefix="probtensor-"))
    owner = os.getpid()

    def remove_folder() -> None:
        if os.getpid() == owner:
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove_folder)
    return made


@cache
def _warned(folder: Path | None) -> list[str]:
    """The reasons that warnings have given for not using a folder, or (None) entries of one. It is
    filled by the first warning, so that there is no second."""
    return []


def instead_of(folder: Path, reason: str) -> Path:
    """The fallback for a folder, with one warning: "probtensor <reason>"."""
    other = fallback()
    reasons = _warned(folder)
    if not reasons and other != folder:
        warnings.warn(
            f"probtensor {reason}; it uses {other}, which may not last. Set {VARIABLE} to a folder "
            "that you can write and nobody else.",
            RuntimeWarning,
            stacklevel=2,
        )
        reasons.append(reason)
    return other


def readable(folder: Path) -> Path:
    """The folder, or the fallback with one warning if others could have written it."""
    reason = _doubt_once(folder)
    if not reason:
        return folder
    return instead_of(
        folder, f"does not use its cache of compiled modules, {folder}: {reason}, and it holds code"
    )


@cache
def _doubt_once(folder: Path) -> str:
    return doubt(folder)


def writable(folder: Path) -> Path:
    """The folder, or the fallback with one warning if modules cannot be stored there."""
    reason = unfit(folder)
    return instead_of(folder, cannot_write(folder, reason)) if reason else folder


def cannot_write(folder: Path, reason: str) -> str:
    """The message about a cache to which nothing can be written."""
    return f"cannot write its cache of compiled modules, {folder}: {reason}"
