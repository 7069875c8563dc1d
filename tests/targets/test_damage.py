"""A cache that is damaged, refused, full, read-only, emptied or without a compiler: missing modules
are built again or in another folder, with at most one warning."""

import errno
import functools
import hashlib
import os
import pickle
import shutil
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import probtensor as pt
from probtensor.system import files
from probtensor.targets.base import BuildError
from probtensor.targets.cache import ModuleStore
from probtensor.targets.cython import native, toolchain

FIVE = 5.375  # what the function of these tests multiplies by
BUILT = []  # a module each time one was built


def made():
    """A function, made anew from the cache or by building."""
    x = pt.vector("x")
    return pt.function([x], pt.sum(x) * FIVE)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A cache with one function in it."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("PROBTENSOR_CACHE")
    os.environ["PROBTENSOR_CACHE"] = str(folder)
    assert made()(np.ones(2)) == 2 * FIVE
    if before is None:
        del os.environ["PROBTENSOR_CACHE"]
    else:
        os.environ["PROBTENSOR_CACHE"] = before
    return folder


@pytest.fixture
def cache(built, tmp_path, monkeypatch):
    """A copy of that cache, in use; a build copies the module, and is counted."""
    folder = tmp_path / "cache"
    shutil.copytree(built, folder, symlinks=True)
    monkeypatch.setenv("PROBTENSOR_CACHE", str(folder))
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(tmp_path))
    module = next(built.glob("*/*.so")).read_bytes()
    def compile_c(compiler, source, target):
        BUILT.append(target)
        target.write_bytes(module)

    monkeypatch.setattr(native, "compile_c", compile_c)
    monkeypatch.setattr(native, "translate", lambda source, name: source)
    clear_caches()
    yield folder
    folder.chmod(0o755)
    clear_caches()


def clear_caches():
    """Clear the state of a process about its caches."""
    for remembered in (files._warned, files._doubt_once, files.unfit, files.fallback,
                       native.find_compiler, native.writing_store, native.evict_once):  # fmt: skip
        remembered.cache_clear()


def builds(cache):
    """How often a function is built now; its value is checked."""
    count = len(BUILT)
    assert made()(np.ones(2)) == 2 * FIVE
    return len(BUILT) - count


def file_of(cache, kind):
    return {
        "note": lambda: next(cache.glob("*/*.json")),
        "module": lambda: next(cache.glob("*/*.so")),
        "record": lambda: next(cache.glob("*/*.function")),
        "compiler": lambda: next(cache.glob("compiler-*")),
        "prefix": lambda: next(cache.glob("*/*.json")).parent,
        "prefix of records": lambda: next(cache.glob("*/*.function")).parent,
        "building": lambda: cache / "building",
    }[kind]()


KINDS = ("note", "module", "record", "compiler", "prefix", "prefix of records", "building")
DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(os.urandom(300)),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe" * 20),
    "deep": lambda path: path.write_bytes(b"[" * 100_000),
    "a list": lambda path: path.write_bytes(b"[]"),
    "numbers": lambda path: path.write_bytes(b'{"file": 1, "sha256": 2, "module": 3, "source": 4}'),
    "huge": lambda path: os.truncate(path, 1 << 40),
    "a key": lambda path: path.write_bytes(path.read_bytes().replace(b"source", b"sourcf")),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "a folder": lambda path: path.mkdir(),
    "a full folder": lambda path: (path / "within").mkdir(parents=True),
    "a link": lambda path: path.symlink_to("/nonexistent"),
    "a link round": lambda path: path.symlink_to(path),
    "a pipe": lambda path: os.mkfifo(path),
    "a file": lambda path: path.write_text("in the way"),
}
IN_PLACE = ("a folder", "a full folder", "a link", "a link round", "a pipe", "a file")
CASES = [
    (kind, damage)
    for kind in KINDS
    for damage in (IN_PLACE if kind.startswith(("prefix", "building")) else DAMAGES)
]


def damaged(path, damage):
    if damage in IN_PLACE or path.is_dir():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    DAMAGES[damage](path)


def test_what_is_whole_is_not_built_again(cache):
    assert builds(cache) == 0


@pytest.mark.filterwarnings("ignore:probtensor")
@pytest.mark.parametrize("kind, damage", CASES)
def test_any_damage_means_to_build_again(cache, kind, damage):
    damaged(file_of(cache, kind), damage)
    assert builds(cache) <= 1
    clear_caches()
    assert builds(cache) <= 1
    clear_caches()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert builds(cache) <= 1
    assert len(caught) <= 1


@pytest.mark.parametrize("kind", ["note", "module", "record"])
def test_what_was_damaged_is_mended(cache, kind):
    damaged(file_of(cache, kind), "cut")
    assert builds(cache) == (kind != "record")
    assert builds(cache) == 0


@pytest.mark.parametrize("where", [".", "prefix", "prefix of records"])
def test_folders_that_others_can_write_are_refused_with_one_warning(cache, where):
    path = cache if where == "." else file_of(cache, where)
    with_module = path in file_of(cache, "module").parents  # one prefix in 256 is of both
    path.chmod(0o777)
    with pytest.warns(RuntimeWarning, match="others may write") as caught:
        count = builds(cache)
    assert count == with_module
    assert len(caught) == 1
    if where == ".":
        assert builds(cache) == 0  # found where it was built instead


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
@pytest.mark.parametrize("kind", ["note", "module", "record", "compiler", "prefix"])
def test_what_others_own_is_refused_with_one_warning(cache, kind):
    os.chown(file_of(cache, kind), 65534, 65534)
    with pytest.warns(RuntimeWarning, match="belongs to") as caught:
        builds(cache)
    assert len(caught) == 1


def test_a_record_that_runs_code_does_not_run(cache, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    code = pickle.dumps(Bomb())
    file_of(cache, "record").write_bytes(hashlib.sha256(code).digest() + code)
    assert builds(cache) == 0
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("where", ["mkdir", "write", "keep"])
def test_a_full_disk_is_replaced_with_one_warning(cache, monkeypatch, where):
    shutil.rmtree(cache)
    cache.mkdir()
    number = errno.ENOSPC

    def full(function):
        def call(path, *args, **kwargs):
            if Path(path).is_relative_to(cache):
                raise OSError(number, os.strerror(number))
            return function(path, *args, **kwargs)

        return call

    if where == "mkdir":
        monkeypatch.setattr(os, "mkdir", full(os.mkdir))
    elif where == "keep":
        monkeypatch.setattr(files, "write", full(files.write))
    else:
        compile_c = native.compile_c

        def complaining(compiler, source, target):
            if source.is_relative_to(cache):
                raise BuildError("cc: no space left on device")
            compile_c(compiler, source, target)

        monkeypatch.setattr(native, "compile_c", complaining)
        monkeypatch.setattr(native, "_is_full", lambda folder: folder == cache)
    with pytest.warns(RuntimeWarning, match=r"cannot write its cache.*No space left") as caught:
        assert made()(np.ones(2)) == 2 * FIVE
        assert made()(np.ones(3)) == 3 * FIVE
    assert len(caught) == 1


def test_a_module_that_cannot_run_here_is_built_elsewhere(cache, monkeypatch):
    load = native.load_module

    def noexec(path):
        if Path(path).is_relative_to(cache):
            raise ImportError(f"{path}: failed to map segment from shared object")
        return load(path)

    monkeypatch.setattr(native, "load_module", noexec)
    with pytest.warns(RuntimeWarning, match="failed to map") as caught:
        assert builds(cache) == 2
    assert len(caught) == 1


def test_a_noexec_file_system(cache, tmp_path, monkeypatch):
    folder = tmp_path / "noexec"
    folder.mkdir()
    if os.geteuid() or os.system(f"mount -t tmpfs -o size=4m,noexec none {folder} 2>/dev/null"):
        pytest.skip("cannot mount here")
    try:
        monkeypatch.setenv("PROBTENSOR_CACHE", str(folder))
        with pytest.warns(RuntimeWarning, match="noexec") as caught:
            assert builds(cache) == 1
        assert len(caught) == 1
        assert builds(cache) == 0
    finally:
        os.system(f"umount {folder}")


@pytest.mark.parametrize(
    "script, message",
    [
        ('echo hello > "$out"', "cannot be loaded"),
        ("exit 0", "ended with 0"),
        ("kill -SEGV $$", "ended with -11"),
        ("printf '\\033[31merror\\007\\n' >&2; exit 1", r"\?\[31merror\?"),
    ],
)
def test_a_compiler_that_makes_no_module_is_to_blame(cache, monkeypatch, tmp_path, script, message):
    """The message blames the compiler, not the cache."""
    shutil.rmtree(cache)
    broken = tmp_path / "a cc"
    broken.write_text(f'#!/bin/sh\n[ "$2" = --version ] && exit 0\n'
                      f'for a; do [ "$p" = -o ] && out="$a"; p="$a"; done\n{script}\n')  # fmt: skip
    broken.chmod(0o755)
    monkeypatch.setattr(native, "compile_c", toolchain.compile_c)
    monkeypatch.setenv("CC", f"'{broken}' -DX='a b'")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BuildError, match=rf"(?s)a cc failed.*{message}") as caught:
            made()
    assert len(str(caught.value).splitlines()) <= 8
    assert all(line.isprintable() for line in str(caught.value).splitlines())


def test_where_nothing_can_be_built_both_folders_are_named(cache, monkeypatch, tmp_path):
    def full(compiler, source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shutil.rmtree(cache)
    monkeypatch.setattr(native, "compile_c", full)
    with pytest.raises(BuildError, match="No space left") as caught:
        made()
    text = str(caught.value)
    assert text.count(str(cache)) == 1 and text.count(str(files.fallback())) == 1
    monkeypatch.setenv("PROBTENSOR_CACHE", str(files.fallback()))
    with pytest.raises(BuildError, match="No space left") as caught:
        made()
    assert str(caught.value).count(str(files.fallback())) == 1


@pytest.fixture
def no_temporary(monkeypatch):
    """Temporary files are only in the cache."""

    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory")

    monkeypatch.setattr(files.tempfile, "gettempdir", none)
    monkeypatch.setenv("TMPDIR", "/nonexistent")


def test_without_temporary_files_the_cache_is_enough(cache, monkeypatch, no_temporary):
    shutil.rmtree(cache)
    monkeypatch.setattr(native, "compile_c", toolchain.compile_c)
    monkeypatch.setattr(native, "translate", toolchain.translate)
    x = pt.vector("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pt.function([x], pt.sum(x) * 5.4375)(np.ones(2)) == 2 * 5.4375
    assert not list(cache.glob("*.aside"))


def test_without_any_folder_to_write_a_warm_cache_is_read(cache, monkeypatch, no_temporary):
    def read_only(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(files, "write", read_only)
    monkeypatch.setattr(files.os, "mkdir", read_only)
    monkeypatch.setattr(files.tempfile, "mkstemp", read_only)
    unfit = functools.cache(lambda folder: os.strerror(errno.EROFS))
    monkeypatch.setattr(files, "unfit", unfit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert builds(cache) == 0
    file_of(cache, "module").unlink()
    with pytest.raises(BuildError, match="set PROBTENSOR_CACHE"):
        made()


@pytest.mark.parametrize("why", ["written by others", "in a file's place", "no home"])
def test_without_any_folder_the_user_is_told_what_to_do(cache, monkeypatch, no_temporary, why):
    if why == "written by others":
        cache.chmod(0o777)
    elif why == "no home":
        def homeless():
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.delenv("PROBTENSOR_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(files.Path, "home", homeless)
    else:
        monkeypatch.setenv("PROBTENSOR_CACHE", "/dev/null/cache")
    with pytest.raises(BuildError, match="set PROBTENSOR_CACHE") as caught:
        made()
    assert len(str(caught.value).splitlines()) <= 8
    x = pt.vector("x")
    assert pt.function([x], pt.sum(x) * 5.4375, target="machine")(np.ones(2)) == 2 * 5.4375


def test_a_compiler_that_is_no_command(cache, monkeypatch):
    shutil.rmtree(cache)
    monkeypatch.setenv("CC", "gcc 'x")
    with pytest.raises(BuildError, match=r"CC=.*No closing quotation"):
        made()


def test_a_warm_cache_needs_no_compiler(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "")
    assert builds(cache) == 0
    x = pt.vector("x")
    with pytest.raises(BuildError, match="no C compiler"):
        pt.function([x], pt.sum(x) * 5.4375)
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert builds(cache) == 0


@pytest.mark.parametrize("times, warned", [(1, 0), (2, 0), (99, 1)])
def test_the_cache_may_be_emptied_at_any_moment(cache, monkeypatch, times, warned):
    """By `probtensor cache clear` or by hand: builds are retried, finally in another folder."""
    compile_c, left = native.compile_c, [None] * times

    def vanishing(compiler, source, target):
        if left:
            left.pop()
            shutil.rmtree(cache, ignore_errors=True)
        compile_c(compiler, source, target)

    shutil.rmtree(cache)
    monkeypatch.setattr(native, "compile_c", vanishing)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert made()(np.ones(2)) == 2 * FIVE
    assert len(caught) == warned


def test_clearing_leaves_alone_what_others_build(cache):
    store = ModuleStore(cache)
    mine = store.scratch()
    (cache / "building" / "1-elsewhere-1").mkdir()
    dead = cache / "building" / mine.name.replace(str(os.getpid()), str(2**22 + 1), 1)
    dead.mkdir()
    assert store.clear() == 2
    left = {path.name for path in (cache / "building").iterdir()}
    assert mine.name in left and "1-elsewhere-1" in left and dead.name not in left
    old = time.time() - 3 * 86400
    os.utime(mine, (old, old))
    store.clear()
    assert not mine.exists()


def test_clearing_all_the_time_breaks_no_build(cache):
    over = threading.Event()

    def clear():
        while not over.is_set():
            ModuleStore(cache).clear()

    thread = threading.Thread(target=clear)
    thread.start()
    try:
        for _ in range(20):
            assert made()(np.ones(2)) == 2 * FIVE
    finally:
        over.set()
        thread.join()


def test_a_compiler_that_hangs_is_stopped(cache, monkeypatch, tmp_path):
    slow = tmp_path / "slowcc"
    slow.write_text('#!/bin/sh\n[ "$1" = --version ] && echo slow 1 || sleep 60\n')
    slow.chmod(0o755)
    monkeypatch.setattr(native, "compile_c", toolchain.compile_c)
    monkeypatch.setenv("CC", str(slow))
    monkeypatch.setenv("PROBTENSOR_COMPILE_TIMEOUT", "0.3")
    began = time.monotonic()
    with pytest.raises(BuildError, match="PROBTENSOR_COMPILE_TIMEOUT") as caught:
        made()
    assert time.monotonic() - began < 20
    assert len(str(caught.value).splitlines()) <= 8
