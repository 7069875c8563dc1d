"""Building modules: found by content, safe among many processes, rebuilt when damaged."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probtensor.targets.cython import native
from probtensor.targets.cython.toolchain import Compiler

MODULE = """\
# cython: language_level=3
from libc.stdint cimport int64_t
cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    (<double*> b[0])[0] = {value}
    return 0
address = <size_t> &pt_plan
"""
# Builds the module of each value given, and prints the results.
CHILD = """
import ctypes, sys, warnings
warnings.simplefilter("error")
from probtensor.targets.cython.native import module_of
source = open(sys.argv[1]).read()
for value in sys.argv[2:]:
    module, path = module_of(source.replace("{value}", value))
    plan = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(module.address)
    result = ctypes.c_double()
    table = (ctypes.c_void_p * 1)(ctypes.addressof(result))
    plan(table, None)
    assert result.value == float(value), (result.value, value)
print("Cython" in sys.modules, ascii(str(path)).strip("'"))
"""


@pytest.fixture
def start(tmp_path, root):
    """Starts a fresh process that builds the modules of some values, in a cache of this test."""
    template = tmp_path / "module.pyx"
    template.write_text(MODULE)

    def begin(*values, code=CHILD, **environment):
        variables = {**os.environ, "PROBTENSOR_CACHE": str(tmp_path / "cache"), **environment}
        command = [sys.executable, "-c", code, str(template), *map(str, values)]
        return subprocess.Popen(
            command, cwd=root, env=variables, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return begin


def finish(process):
    """What a process printed; fails with its error if it failed."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out.split()


def test_comments_do_not_count():
    assert native.code_of("a\n  # one\nb") == native.code_of("a\nb\n  # two")
    compiler = Compiler(("cc",), "cc 1")
    code = native.code_of(MODULE)
    assert native.key_of(code, compiler) == native.key_of(code, compiler)
    assert native.key_of(code, compiler) != native.key_of(code + " ", compiler)
    assert native.key_of(code, compiler) != native.key_of(code, Compiler(("cc",), "cc 2"))


@pytest.mark.parametrize("part", ["flags", "cpu_identity", "cython_version", "headers_hash"])
def test_all_that_a_module_is_made_of_is_in_its_key(monkeypatch, part):
    compiler = Compiler(("cc",), "cc 1")
    before = native.key_of(MODULE, compiler)
    value = ("-O0",) if part == "flags" else "another"
    monkeypatch.setattr(native, part, lambda: value)
    assert native.key_of(MODULE, compiler) != before


def test_a_second_process_builds_nothing(start, tmp_path):
    assert finish(start(1.5))[0] == "True"
    assert finish(start(1.5))[0] == "False"
    # And without a compiler that works, so that building would be an error.
    for environment in ({"PATH": str(tmp_path), "CC": ""}, {"CC": "/nowhere/cc"}):
        assert finish(start(1.5, **environment))[0] == "False"


def test_a_damaged_module_is_built_again(start):
    path = finish(start(2.5))[1]
    size = os.path.getsize(path)
    os.truncate(path, size // 2)
    assert finish(start(2.5)) == ["True", path]
    assert os.path.getsize(path) == size


def test_a_module_that_does_not_load_is_built_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    source = MODULE.replace("{value}", "7.25")
    path = native.module_of(source)[1]
    store = native.ModuleStore(tmp_path)
    note = next(tmp_path.glob("*/*.json"))
    scratch = store.scratch()
    (scratch / "junk").write_bytes(b"not a module")
    store.put(note.stem, "pt_junk", scratch / "junk", source)
    library, again = native.module_of(source)
    assert library.address
    assert again == path


@pytest.mark.parametrize("name", [b"a,b\xe9 */\r\n\\", b"\"$HOME' %s"], ids=ascii)
def test_a_cache_of_any_name(start, tmp_path, name):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    assert finish(start(4.25, PROBTENSOR_CACHE=folder))[0] == "True"
    assert len(list(Path(folder).glob("*/*.so"))) == 1


def test_eight_processes_at_once(start):
    processes = [start(3.5) for _ in range(8)]
    paths = {finish(process)[1] for process in processes}
    assert len(paths) == 1


@pytest.mark.parametrize("count", [6, pytest.param(64, marks=pytest.mark.slow)])
def test_killed_processes_leave_nothing_wrong(start, tmp_path, count):
    """Two thirds of them are killed, at random times of building the same and other modules."""
    chance = random.Random(count)
    processes = [start(5.5, *(["6.5"] if k % 2 else [])) for k in range(count)]
    doomed, others = processes[: 2 * count // 3], processes[2 * count // 3 :]
    for process in chance.sample(doomed, len(doomed)):
        time.sleep(chance.uniform(0.0, 1.2 / len(doomed) * max(1, count / 8)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for process in others:
        finish(process)
    assert finish(start(5.5, 6.5))[0] == "False"
    assert len(list((tmp_path / "cache").glob("*/*.json"))) == 2
    assert finish(start(code="from probtensor.targets.cache import main; main(['clear'])"))
    left = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    # A compiler whose caller was killed may still be writing what a later sweep removes.
    assert all(path.name.startswith("compiler-") or "building" in path.parts for path in left)


def test_no_compiler_is_an_error_that_names_the_way_out(start, tmp_path):
    process = start(1.0, PATH=str(tmp_path), CC="")
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    message = err[err.index("BuildError") :]
    assert len(message.splitlines()) <= 8
    assert "no C compiler" in message
    assert 'target="machine"' in message


def test_a_broken_compiler_is_quoted(start, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'cc: internal compiler error' >&2\nexit 4\n")
    broken.chmod(0o755)
    process = start(1.0, CC=str(broken))
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "internal compiler error" in err[err.index("BuildError") :]


def test_a_cache_that_cannot_be_written_is_replaced_with_one_warning(start, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    environment = {"PROBTENSOR_CACHE": str(blocked), "TMPDIR": str(tmp_path)}
    loud = start(8.5, **environment)
    _, err = loud.communicate(timeout=60)
    assert loud.returncode != 0  # the child turns warnings into errors
    assert "RuntimeWarning: probtensor cannot write its cache" in err
    quiet = start(8.5, 9.5, code=CHILD.replace('"error"', '"always"'), **environment)
    _, err = quiet.communicate(timeout=300)
    assert quiet.returncode == 0, err
    assert err.count("RuntimeWarning") == 1
