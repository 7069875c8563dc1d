"""What setup.py builds and puts into a wheel, and with which flags; nothing is built here."""

import platform
import runpy
import types

import pytest

from cython_ext.levels import LEVELS

X86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="other processors have one level"
)
V2_TO_V4 = "-march=x86-64-v*"


@pytest.fixture
def setup_of(monkeypatch, root):
    """The names in setup.py, and what it gives to setuptools, with PROBTENSOR_NATIVE as said."""
    setuptools = pytest.importorskip("setuptools")

    def read(native):
        given = {}
        monkeypatch.setenv("PROBTENSOR_NATIVE", native)
        monkeypatch.setattr(setuptools, "setup", given.update)
        monkeypatch.chdir(root)
        names = runpy.run_path(str(root / "setup.py"))
        return {**names, "given": given}

    return read


def compiler(folder, *refused):
    """A C compiler that refuses flags of these patterns."""
    path = folder / "cc"
    cases = "\n".join(f'    {pattern}) exit 1;;' for pattern in refused)
    path.write_text(f'#!/bin/sh\nfor flag; do case "$flag" in\n{cases}\n    esac; done\n')
    path.chmod(0o755)
    return [str(path)]


@X86
def test_a_compiler_that_knows_the_levels_gets_their_names(tmp_path, setup_of):
    flags = setup_of("0")["level_flags"]
    command = compiler(tmp_path, "-none")
    found = [flags(f"cython_ext.levels.{level}", command)[0] for level in LEVELS]
    assert found == ["-march=x86-64-v4", "-march=x86-64-v3", "-march=x86-64-v2"]
    assert flags("cython_ext.linalg", command) == []


@X86
def test_an_older_compiler_gets_features_and_leaves_out_what_it_does_not_know(tmp_path, setup_of):
    flags = setup_of("0")["level_flags"]
    gcc10 = compiler(tmp_path, V2_TO_V4)
    for level, feature in zip(LEVELS, ("-mavx512vl", "-mfma", "-msse4.2")):
        assert feature in flags(f"cython_ext.levels.{level}", gcc10)
    ancient = compiler(tmp_path, V2_TO_V4, "-mavx512*", "-msse4.2")
    assert flags("cython_ext.levels.x86_64_v4", ancient) is None
    assert "-mavx2" in flags("cython_ext.levels.x86_64_v3", ancient)
    assert flags("cython_ext.levels.baseline", ancient) == []


@X86
def test_what_is_left_out_is_not_built(tmp_path, setup_of, capsys):
    names = setup_of("0")
    command = compiler(tmp_path, V2_TO_V4, "-mavx*")
    made = [extension for extension in names["extensions"]() if "levels" in extension.name]
    build = types.SimpleNamespace(
        compiler=types.SimpleNamespace(compiler_type="unix", compiler_so=command), extensions=made
    )
    names["BuildExtensions"].choose_flags(build)
    assert [extension.name for extension in build.extensions] == ["cython_ext.levels.baseline"]
    assert "-ffp-contract=off" in build.extensions[0].extra_compile_args
    assert capsys.readouterr().out.count("left out") == 2


@X86
def test_a_build_for_this_processor_has_one_level(setup_of):
    for native, count in (("0", 3), ("1", 1)):
        names = [extension.name for extension in setup_of(native)["extensions"]()]
        assert sum(name.startswith("cython_ext.levels.") for name in names) == count
    assert "-march=native" in setup_of("1")["level_flags"]("cython_ext.linalg", ["cc"])


def test_a_wheel_has_every_module_and_header(setup_of, root):
    given = setup_of("0")["given"]
    modules = {extension.name for extension in given["ext_modules"]}
    for folder in ("probtensor", "cython_ext"):
        for path in (root / folder).rglob("*.*"):
            package = ".".join(path.parent.relative_to(root).parts)
            if path.suffix == ".py":
                assert package in given["packages"], f"{path} is not shipped: no __init__.py?"
            elif path.suffix in (".h", ".pxd"):
                assert f"*{path.suffix}" in given["package_data"][package], path
            elif path.parent.name in ("assets", "vendor"):
                package = ".".join(path.parent.parent.relative_to(root).parts)
                assert f"{path.parent.name}/*" in given["package_data"][package], path
            elif path.suffix == ".pyx":
                name = f"{package}.{path.stem}"
                assert name in modules or name.startswith("cython_ext.levels."), path
