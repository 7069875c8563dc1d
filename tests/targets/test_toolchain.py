"""The C compiler: found, named, run once for its version; errors without one."""

import importlib.metadata
import os
import shutil
import subprocess

import pytest

from probtensor.targets.base import BuildError
from probtensor.targets.cython import toolchain


def script(path, text):
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_environment_says_which_compiler(monkeypatch, tmp_path):
    mine = script(tmp_path / "mycc", "echo mycc 1.0")
    monkeypatch.setenv("CC", f"{mine} -m64")
    assert toolchain.compiler_command() == (str(mine), "-m64")


def test_without_it_the_path_does(monkeypatch, tmp_path):
    monkeypatch.delenv("CC", raising=False)
    clang = script(tmp_path / "clang", "echo clang")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.compiler_command() == (str(clang),)


@pytest.mark.parametrize("asked", ["", "/nowhere/cc"])
def test_no_compiler_is_one_clear_error(monkeypatch, tmp_path, asked):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", asked)
    with pytest.raises(BuildError) as caught:
        toolchain.compiler_command()
    text = str(caught.value)
    assert len(text.splitlines()) <= 8
    assert 'target="machine"' in text
    assert "apt install gcc" in text
    assert not asked or asked in text


def test_a_compiler_is_asked_for_its_version_once(tmp_path, monkeypatch):
    compiler = script(tmp_path / "mycc", f"echo run >> {tmp_path}/runs; echo mycc 1.0")
    store = tmp_path / "store"
    first = toolchain.find_compiler.__wrapped__((str(compiler),), store)
    again = toolchain.find_compiler.__wrapped__((str(compiler),), store)
    assert first == again
    assert "mycc 1.0" in first.identity
    assert (tmp_path / "runs").read_text() == "run\n"
    script(compiler, "echo mycc 2.0 newer")
    assert toolchain.find_compiler.__wrapped__((str(compiler),), store) != first


def test_a_compiler_that_fails_is_quoted(tmp_path):
    broken = script(tmp_path / "mycc", "echo 'fatal error: out of luck' >&2; exit 3")
    with pytest.raises(BuildError, match="out of luck") as caught:
        toolchain.find_compiler.__wrapped__((str(broken),), tmp_path / "store")
    assert len(str(caught.value).splitlines()) <= 8
    compiler = toolchain.Compiler((str(broken),), "")
    with pytest.raises(BuildError, match="out of luck"):
        toolchain.compile_c(compiler, tmp_path / "a.c", tmp_path / "a.so")


def test_text_that_cython_refuses_is_an_error_with_its_report(tmp_path):
    source = tmp_path / "bad.pyx"
    source.write_text("cdef int f(:\n")
    with pytest.raises(BuildError, match="Expected"):
        toolchain.translate(source, "bad")


def test_versions_are_read_without_importing():
    assert toolchain.cython_version() == importlib.metadata.version("cython")


def test_the_processor_has_an_identity():
    assert len(toolchain.cpu_identity().splitlines()) > 1
    if os.path.exists("/proc/cpuinfo"):
        assert "flags" in toolchain.cpu_identity() or "Features" in toolchain.cpu_identity()


def test_the_flags_keep_nan_infinity_and_the_order_of_sums():
    text = " ".join(toolchain.flags())
    for flag in ("-ffast-math", "-Ofast", "-fassociative-math", "-ffinite-math-only"):
        assert flag not in text


def test_the_flags_are_accepted(tmp_path):
    source = tmp_path / "a.c"
    source.write_text("int f(void) { return 1; }\n")
    command = [*toolchain.compiler_command(), *toolchain.flags(), str(source)]
    run = subprocess.run([*command, "-o", str(tmp_path / "a.so")], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_child_forked_during_a_translation_can_translate(tmp_path):
    source = tmp_path / "good.pyx"
    source.write_text("cdef int a = 1\n")
    with toolchain._TRANSLATING:
        child = os.fork()
        if not child:
            # In the child: exit without pytest's cleanup.
            os._exit(0 if toolchain._TRANSLATING.acquire(timeout=20) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_programs_are_found_as_shutil_finds_them(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, mode in ((first, 0o644), (second, 0o755)):
        folder.mkdir()
        (folder / "tool").write_text("#!/bin/sh\n")
        (folder / "tool").chmod(mode)
    (first / "folder").mkdir()
    monkeypatch.setenv("PATH", f"{first}:/nowhere::{second}")
    for name in ("tool", "folder", "absent", str(second / "tool"), str(first / "tool"), "sh/"):
        assert toolchain.program_at(name) == shutil.which(name), name
    assert toolchain.program_at("tool") == str(second / "tool")
