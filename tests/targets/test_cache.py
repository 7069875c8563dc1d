"""The store of built modules: entries are complete or absent, never wrong, and limited in size."""

import os
import shutil
import time
import warnings

import pytest

from probtensor.system import files
from probtensor.targets import cache
from probtensor.targets.cache import ModuleStore


def put(store, key, data=b"module", source="text"):
    """An entry as a build makes it."""
    scratch = store.scratch()
    built = scratch / "built.so"
    built.write_bytes(data)
    found = store.put(key, "name", built, source)
    scratch.rmdir()
    return found


@pytest.fixture
def store(tmp_path):
    return ModuleStore(tmp_path / "cache")


def test_what_is_put_is_found(store):
    assert store.find("ab12") is None
    put(store, "ab12", b"bytes", "source")
    found = store.find("ab12")
    assert (found.module, found.source, found.path.read_bytes()) == ("name", "source", b"bytes")


@pytest.mark.parametrize("damage", [b"", b"bytez", b"bytes and more"])
def test_a_module_with_other_bytes_is_not_found(store, damage):
    put(store, "ab12", b"bytes").path.write_bytes(damage)
    assert store.find("ab12") is None
    put(store, "ab12", b"bytes")
    assert store.find("ab12").path.read_bytes() == b"bytes"


@pytest.mark.parametrize("note", ["", "{", "[]", '{"file": "x"}', '{"file": 3, "sha256": ""}'])
def test_a_damaged_note_is_no_entry(store, note):
    put(store, "ab12")
    (store.folder / "ab" / "ab12.json").write_text(note)
    assert store.find("ab12") is None


def test_a_missing_module_is_no_entry(store):
    put(store, "ab12").path.unlink()
    assert store.find("ab12") is None


def test_the_least_recently_used_go_first(store):
    now = time.time()
    for k in range(4):
        put(store, f"{k}{k}aa", bytes(1000))
        for path in (store.folder / f"{k}{k}").iterdir():
            os.utime(path, (now - 100 * (4 - k),) * 2)
    each = store.entries()[0][2]
    assert store.evict(cap=10 * each) == 0
    assert store.evict(cap=3 * each) == 2
    assert [store.find(f"{k}{k}aa") is not None for k in range(4)] == [False, False, True, True]


def test_all_processes_together_evict_once_an_hour(store):
    put(store, "ab12", bytes(1000))
    store.records.put("cd34", b"record")
    sizes = {note: size for note, _, size in store.entries()}
    assert sum(sizes.values()) == sum(p.stat().st_size for p in store.folder.rglob("*.*"))
    left = store.folder / "building" / f"{DEAD}-{cache._machine()}-1"
    for age, evicts in ((None, True), (60, False), (cache.EVICTION_SECONDS + 60, True)):
        left.mkdir(parents=True)
        if age is not None:
            os.utime(store.folder / cache.EVICTED, (time.time() - age,) * 2)
        cache.evict_once.cache_clear()
        cache.evict_once(store.folder)
        assert left.exists() != evicts
        shutil.rmtree(left, ignore_errors=True)


STEPS = ("open", "write", "replace", "chmod", "mkdir", "unlink", "close")


def killed_at(step, work):
    """Run `work` in a child that exits just before its `step`-th operation on files; gives whether
    it reached that step."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = [step]

    def die_at(function):
        def stepped(*args, **options):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return function(*args, **options)

        return stepped

    for name in STEPS:
        setattr(os, name, die_at(getattr(os, name)))
    files.open = die_at(open)
    try:
        work()
    finally:
        os._exit(0)


@pytest.mark.parametrize("what", ["module", "function"])
def test_a_kill_half_way_leaves_what_was_there(store, what):
    """At each operation on files, the old or the new entry is found, complete."""
    old, new = bytes(5000), b"1" * 70000

    def write(data):
        put(store, "ab12", data) if what == "module" else store.records.put("ab12", data)

    def found():
        if what == "function":
            return store.records.get("ab12")
        entry = store.find("ab12")
        return entry and entry.path.read_bytes()

    steps = 0
    write(old)
    while killed_at(steps + 1, lambda: write(new)):
        steps += 1
        assert found() in (old, new), steps
        write(old)
        assert found() == old
    assert steps >= 4  # a folder, a file, its object, its place
    assert found() == new


def test_use_is_noted_once_a_day(store):
    put(store, "ab12")
    note = store.folder / "ab" / "ab12.json"
    os.utime(note, (0, 0))
    store.find("ab12")
    assert time.time() - note.stat().st_mtime < 60


def test_what_killed_processes_left_is_swept_when_it_is_old(store):
    put(store, "ab12")
    old, young = store.scratch(), store.scratch()
    (old / "half.so").write_bytes(b"half")
    os.utime(old, (0, 0))
    store.evict()
    assert not old.exists()
    assert young.exists()


def test_use_of_a_record_is_noted_once_a_day(store):
    store.records.put("ab12", b"record")
    (record,) = store.folder.glob("ab/*.function")
    now = time.time()
    for age, noted in ((2 * cache.TOUCH, True), (cache.TOUCH / 2, False)):
        os.utime(record, (now - age,) * 2)
        assert store.records.get("ab12") == b"record"
        assert (time.time() - record.stat().st_mtime < 60) == noted


STALE, ABANDONED = cache.STALE_SECONDS, cache.ABANDONED_SECONDS
DEAD = 2**22 + 1  # no process has this number
LEFT = {  # what may be left in a folder, and seconds after which it belongs to no one
    "of a dead process here": (lambda: f"building/{DEAD}-{cache._machine()}-1", 0),
    "of a dead process elsewhere": (lambda: f"building/{DEAD}-elsewhere-1", STALE),
    "of this process": (lambda: f"building/{os.getpid()}-{cache._machine()}-1", ABANDONED),
    "of this number elsewhere": (lambda: f"building/{os.getpid()}-elsewhere-1", STALE),
    "of nobody": (lambda: "building/some-file", STALE),
    "a module without a note": (lambda: "cd/cd34.0123.so", STALE),
    "half a note": (lambda: f"ab/{DEAD}-{cache._machine()}-1.aside", 0),
    "half a note from elsewhere": (lambda: f"ab/{DEAD}-elsewhere-1.aside", STALE),
    "the module of an entry": (lambda: "", None),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_half_done_goes_when_it_belongs_to_no_one(store, what):
    name, patience = LEFT[what]
    module = put(store, "ab12").path
    path = store.folder / name() if name() else module
    path.parent.mkdir(exist_ok=True)
    for age in (0, 60, STALE - 60, STALE + 60, ABANDONED + 60, 10**7):
        path.write_bytes(b"left") if name() else None
        os.utime(path, (time.time() - age,) * 2)
        store.evict()
        assert path.exists() == (patience is None or age < patience), age
        assert store.find("ab12") is not None


def test_clear_removes_everything(store):
    put(store, "ab12")
    put(store, "cd34")
    store.scratch()
    assert store.clear() == 2
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_the_folder_is_the_one_asked_for_or_the_platforms(monkeypatch, tmp_path):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    assert cache.cache_folder() == tmp_path
    monkeypatch.delenv("PROBTENSOR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(files.sys, "platform", "linux")
    assert cache.cache_folder() == tmp_path / "probtensor"


def test_a_folder_that_cannot_be_written_gives_one_warning_and_a_private_one(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.warns(RuntimeWarning, match="PROBTENSOR_CACHE") as caught:
        store = cache.writing_store(blocked / "cache")
    assert len(caught) == 1
    assert store.folder == files.fallback()
    assert not store.folder.stat().st_mode & 0o022
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.writing_store(blocked / "cache") is store


def test_the_command(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    put(ModuleStore(tmp_path), "ab12" * 8)
    assert cache.main(["list"]) == 0
    assert "ab12ab12ab12ab12" in capsys.readouterr().out
    assert cache.main(["size"]) == 0
    assert "1 entries" in capsys.readouterr().out
    assert cache.main(["dir"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path)
    assert cache.main(["clear"]) == 0
    assert cache.main(["list"]) == 0
    assert "ab12" not in capsys.readouterr().out.replace("1 entries removed", "")
    assert cache.main(["nonsense"]) == 2


def test_records_are_kept_with_their_checksum(monkeypatch, tmp_path):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    assert cache.load_record("ab12") is None
    cache.save_record("ab12", b"record")
    assert cache.load_record("ab12") == b"record"
    (file,) = tmp_path.glob("ab/*.function")
    file.write_bytes(file.read_bytes()[:-1])
    assert cache.load_record("ab12") is None
    file.write_bytes(b"")
    assert cache.load_record("ab12") is None


def test_records_go_where_there_is_room(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("PROBTENSOR_CACHE", str(blocked / "cache"))
    monkeypatch.setattr(files, "fallback", lambda: tmp_path / "other")
    with pytest.warns(RuntimeWarning, match="cannot write"):
        cache.save_record("ab12", b"record")
    assert cache.load_record("ab12") == b"record"
