"""The files below a folder, by one native walk."""

import os

import pytest

from cython_ext.folders import states_of


def files_below(folder):
    """The same by the standard library."""
    paths = [os.path.join(here, name) for here, _, names in os.walk(folder) for name in names]
    kept = [path for path in paths if "__pycache__" not in path]
    status = {path: os.stat(path) for path in kept}
    return sorted((os.fsencode(p), s.st_size, s.st_mtime_ns) for p, s in status.items())


@pytest.fixture
def folder(tmp_path):
    """Two levels of folders, with files whose names need not be text."""
    for name in ("b/c/d.py", "b/a.py", "z.py", "a.py", "b/__pycache__/a.pyc"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "empty").mkdir()
    with open(os.path.join(os.fsencode(tmp_path), b"\xff.py"), "wb"):
        pass
    return tmp_path


def test_files_are_those_of_the_standard_library(folder, root):
    assert len(states_of(folder)) == 5
    assert states_of(folder) == files_below(folder) == states_of(os.fsencode(folder))
    assert states_of(root / "probtensor") == files_below(root / "probtensor")


def test_links_are_followed_unless_they_lead_to_nothing(folder):
    (folder / "nothing.py").symlink_to("missing.py")
    (folder / "linked.py").symlink_to("a.py")
    (folder / "empty" / "b").symlink_to("../b")
    paths = [os.path.relpath(os.fsdecode(path), folder) for path, _, _ in states_of(folder)]
    assert "nothing.py" not in paths
    assert {"linked.py", "empty/b/a.py", "empty/b/c/d.py"} <= set(paths)


def test_no_folder_is_left_open(folder):
    (folder / "b" / "again").symlink_to("..")
    before = sorted(os.listdir("/dev/fd"))
    with pytest.raises(OSError, match=r"(?i)symbolic links"):
        states_of(folder)
    (folder / "b" / "again").unlink()
    states_of(folder)
    assert sorted(os.listdir("/dev/fd")) == before


def test_what_is_no_folder_is_an_error_with_its_path(folder):
    for name, error in (("missing", FileNotFoundError), ("a.py", NotADirectoryError)):
        with pytest.raises(error) as raised:
            states_of(folder / name)
        assert raised.value.filename == str(folder / name)
