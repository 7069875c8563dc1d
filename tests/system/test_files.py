"""Files and folders that only the user and root can have written, and others."""

import os
import shutil
import stat
import tempfile
import warnings
from pathlib import Path

import pytest

from probtensor.system import files

OTHER = 65534  # nobody
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


@pytest.fixture(autouse=True)
def anew():
    """Clear the cached reasons, so that each test gets its warnings."""
    for remembered in (files._warned, files._doubt_once, files.unfit):
        remembered.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """A folder with a file, as in the cache."""
    (tmp_path / "cache" / "ab").mkdir(parents=True, mode=0o755)
    (tmp_path / "cache" / "ab" / "entry").write_bytes(b"data")
    return tmp_path / "cache"


def test_a_folder_of_the_user_is_trusted(folder):
    assert files.doubt(folder) == ""
    assert files.doubt(folder / "not" / "there") == ""
    assert files.readable(folder) == files.writable(folder) == folder
    assert files.read(folder / "ab" / "entry") == b"data"


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777, 0o757, 0o722, 0o3775])
def test_a_folder_that_others_can_write_is_not(folder, mode):
    folder.chmod(mode)
    assert "others may write" in files.doubt(folder)
    with pytest.warns(RuntimeWarning, match="does not use its cache.*PROBTENSOR_CACHE") as caught:
        assert files.readable(folder) == files.fallback()
        assert files.writable(folder) == files.fallback()
    assert len(caught) == 1


@pytest.mark.parametrize("mode, trusted", [(0o777, False), (0o1777, True), (0o755, True)])
def test_a_folder_above_may_be_written_by_others_only_if_it_is_sticky(folder, mode, trusted):
    folder.parent.chmod(mode)
    assert (files.doubt(folder) == "") == trusted
    folder.parent.chmod(0o700)


@needs_root
@pytest.mark.parametrize("which", ["..", ".", "ab", "ab/entry"])
def test_files_of_another_user_are_not_trusted(folder, which):
    os.chown(folder / which, OTHER, OTHER)
    if which in ("..", "."):
        assert "belongs to" in files.doubt(folder)
    else:
        assert files.doubt(folder) == ""
        with pytest.warns(RuntimeWarning, match="belongs to"), pytest.raises(files.Untrusted):
            files.read(folder / "ab" / "entry")
    os.chown(folder / which, 0, 0)


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_a_file_that_others_can_write_is_refused_with_one_warning(folder, mode):
    entry = folder / "ab" / "entry"
    entry.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write") as caught:
        for _ in range(3):
            with pytest.raises(files.Untrusted):
                files.read(entry)
    assert len(caught) == 1


def test_a_file_in_a_folder_that_others_can_write_is_refused(folder):
    (folder / "ab").chmod(0o777)
    with pytest.warns(RuntimeWarning), pytest.raises(files.Untrusted):
        files.read(folder / "ab" / "entry")
    files.write(folder, "ab/entry", b"again")  # which takes the right away from them
    assert files.read(folder / "ab" / "entry") == b"again"


def test_only_files_are_read(folder):
    os.symlink(folder / "ab" / "entry", folder / "ab" / "link")
    os.mkfifo(folder / "ab" / "pipe")  # opening it must not block
    for name in ("link", "pipe", "", "nothing"):
        with pytest.raises(OSError):
            files.read(folder / "ab" / name)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(5):
        with pytest.raises(OSError):
            files.read(folder / "ab")
    assert not before or len(os.listdir("/proc/self/fd")) == before


def test_links_to_folders_are_followed_and_checked(folder, tmp_path):
    (tmp_path / "there").symlink_to(folder)
    assert files.doubt(tmp_path / "there") == ""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "cache").symlink_to(folder)
    (tmp_path / "far").symlink_to(tmp_path / "open" / "cache")
    assert files.doubt(tmp_path / "open" / "cache") and files.doubt(tmp_path / "far")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert "link" in files.doubt(tmp_path / "round")
    if os.geteuid() == 0:
        os.lchown(tmp_path / "there", OTHER, OTHER)
        assert "link made by" in files.doubt(tmp_path / "there")


def test_others_can_never_write_files_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        files.write(tmp_path / "a" / "b", "cd/file", b"data")
    finally:
        os.umask(before)
    for path in (tmp_path / "a").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o022, path
    assert files.read(tmp_path / "a" / "b" / "cd" / "file") == b"data"


@pytest.mark.parametrize("blocked", ["cache", "cache/ab", "cache/ab/entry"])
def test_existing_files_are_not_replaced_by_folders(tmp_path, blocked):
    path = tmp_path / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if blocked.endswith("entry") else path.write_text("mine")
    with pytest.raises(OSError):
        files.write(tmp_path / "cache", "ab/entry", b"data")
    assert path.is_dir() or path.read_text() == "mine"
    assert not list(tmp_path.rglob("*.aside"))


def test_a_removed_folder_is_made_again(tmp_path, monkeypatch):
    replace, once = os.replace, [1]

    def vanishing(*paths):
        if once:
            once.pop()
            raise FileNotFoundError(2, "gone")
        replace(*paths)

    monkeypatch.setattr(os, "replace", vanishing)
    files.write(tmp_path, "ab/entry", b"data")
    assert files.read(tmp_path / "ab" / "entry") == b"data"


def test_the_fallback_is_private(monkeypatch, tmp_path):
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"probtensor-{os.geteuid()}").mkdir()
    (tmp_path / f"probtensor-{os.geteuid()}").chmod(0o777)  # somebody was here first
    found = files.fallback.__wrapped__()
    assert found.parent != tmp_path
    assert not stat.S_IMODE(found.stat().st_mode) & 0o022


def test_warnings_turned_into_errors_are_raised(folder):
    folder.chmod(0o777)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(RuntimeWarning):
                files.readable(folder)


@needs_root
def test_a_folder_of_root_is_trusted_by_others():
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        files.write(folder, "ab/entry", b"data")
        child = os.fork()
        if not child:
            try:
                os.setuid(OTHER)
                good = not files.doubt(folder) and files.read(folder / "ab" / "entry") == b"data"
                os._exit(0 if good and files.unfit(folder) else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        shutil.rmtree(folder)
