"""The levels of the machine: which one is chosen, and which ones a compiler can build."""

import runpy
import types

import numpy as np
import pytest

import probtensor as pt
from cython_ext.machine import names_of, runs_level
from probtensor.targets.machine import levels

V2_TO_V4 = "-march=x86-64-v*"


@pytest.mark.parametrize(
    ("runs", "built", "chosen"),
    [
        ({"x86_64_v4", "x86_64_v3"}, {"x86_64_v4", "x86_64_v3", "baseline"}, "x86_64_v4"),
        ({"x86_64_v4", "x86_64_v3"}, {"x86_64_v3", "baseline"}, "x86_64_v3"),
        ({"x86_64_v3"}, {"x86_64_v4", "x86_64_v3", "baseline"}, "x86_64_v3"),
        ({"x86_64_v3"}, {"x86_64_v4", "baseline"}, "baseline"),
        (set(), {"x86_64_v4", "x86_64_v3", "baseline"}, "baseline"),
    ],
)
def test_the_best_level_that_runs_and_is_built_is_chosen(monkeypatch, runs, built, chosen):
    real = levels.machine()

    def module(name):
        level = name.rsplit(".", 1)[1]
        if level not in built:
            raise ImportError(name)
        return types.SimpleNamespace(table=real.table, run=real.run, __file__=__file__)

    monkeypatch.setattr(levels, "runs_level", lambda level: level in runs | {"baseline"})
    monkeypatch.setattr(levels, "import_module", module)
    found = levels.machine.__wrapped__()
    assert found.level == chosen
    assert found.instructions == real.instructions


def test_every_level_that_runs_here_has_the_same_instructions():
    for level in levels.LEVELS:
        try:
            module = runs_level(level) and __import__(f"cython_ext.levels.{level}", fromlist=["x"])
        except ImportError:  # a build for this processor alone
            continue
        if module:
            assert names_of(module.table) == list(levels.machine().instructions)
    x = pt.vector("x")
    assert pt.function([x], pt.sum(x), target="machine")(np.arange(4.0)) == 6.0


@pytest.fixture
def setup_of(monkeypatch, root):
    """The names in setup.py, which builds nothing here, with PROBTENSOR_NATIVE as given."""
    setuptools = pytest.importorskip("setuptools")

    def read(native):
        monkeypatch.setenv("PROBTENSOR_NATIVE", native)
        monkeypatch.setattr(setuptools, "setup", lambda **options: None)
        names = runpy.run_path(str(root / "setup.py"))
        if not names["X86"]:
            pytest.skip("other processors have one level")
        return names

    return read


def compiler(folder, *refused):
    """A C compiler that refuses flags of these patterns."""
    path = folder / "cc"
    cases = "\n".join(f'    {pattern}) exit 1;;' for pattern in refused)
    path.write_text(f'#!/bin/sh\nfor flag; do case "$flag" in\n{cases}\n    esac; done\n')
    path.chmod(0o755)
    return [str(path)]


def test_a_compiler_that_knows_the_levels_gets_their_names(tmp_path, setup_of):
    flags = setup_of("0")["level_flags"]
    command = compiler(tmp_path, "-none")
    found = [flags(f"cython_ext.levels.{level}", command)[0] for level in levels.LEVELS]
    assert found == ["-march=x86-64-v4", "-march=x86-64-v3", "-march=x86-64-v2"]
    assert flags("cython_ext.linalg", command) == []


def test_an_older_compiler_gets_features_and_leaves_out_what_it_does_not_know(tmp_path, setup_of):
    flags = setup_of("0")["level_flags"]
    gcc10 = compiler(tmp_path, V2_TO_V4)
    for level, feature in zip(levels.LEVELS, ("-mavx512vl", "-mfma", "-msse4.2")):
        assert feature in flags(f"cython_ext.levels.{level}", gcc10)
    ancient = compiler(tmp_path, V2_TO_V4, "-mavx512*", "-msse4.2")
    assert flags("cython_ext.levels.x86_64_v4", ancient) is None
    assert "-mavx2" in flags("cython_ext.levels.x86_64_v3", ancient)
    assert flags("cython_ext.levels.baseline", ancient) == []


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


def test_a_build_for_this_processor_has_one_level(setup_of):
    for native, count in (("0", 3), ("1", 1)):
        names = [extension.name for extension in setup_of(native)["extensions"]()]
        assert sum(name.startswith("cython_ext.levels.") for name in names) == count
    assert "-march=native" in setup_of("1")["level_flags"]("cython_ext.linalg", ["cc"])
