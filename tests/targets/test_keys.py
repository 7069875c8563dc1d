"""Cache keys: they depend on all that an entry is made of, on nothing else, and are equal in all
processes."""

import os
import subprocess
import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor.function import recall
from probtensor.targets.cython import native, toolchain
from probtensor.targets.cython.toolchain import Compiler

SOURCE = "cdef int pt_plan() noexcept nogil:\n    return 0\n"
CC = Compiler(("cc",), "cc 1")
PARTS = {  # of a module's key, and another value of each
    "flags": lambda: ("-O0",),
    "EXPORTS": "exports",
    "DECLARATIONS": "declarations",
    "DIRECTIVES": {"language_level": 2},
    "cpu_identity": lambda: "another",
    "EXTENSION_SUFFIXES": [".other.so"],
    "cython_version": lambda: "another",
    "__version__": "another",
    "headers_hash": lambda: "another",
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_a_module_is_in_its_key(monkeypatch, part):
    before = native.key_of(SOURCE, CC)
    monkeypatch.setattr(native, part, PARTS[part])
    assert native.key_of(SOURCE, CC) != before


def test_the_text_the_compiler_and_python_are_in_the_key_of_a_module(monkeypatch):
    keys = {native.key_of(SOURCE, CC), native.key_of(SOURCE + " ", CC),
            native.key_of(SOURCE, Compiler(("cc",), "cc 2"))}  # fmt: skip
    monkeypatch.setattr(sys, "version", "another")
    assert len(keys | {native.key_of(SOURCE, CC)}) == 4


def test_every_flag_is_in_the_flags_of_the_key():
    for flag in (*toolchain.OPTIMISE, *toolchain.SHARED):
        assert flag in toolchain.flags() or sys.platform == "darwin"


def test_every_header_is_in_the_key(tmp_path, monkeypatch):
    """One byte in any header or declaration file, or its name, changes the key."""
    include = tmp_path / "cython_ext" / "include"
    (include / "host").mkdir(parents=True)
    files = [include / "a.h", include / "host" / "b.h", tmp_path / "cython_ext" / "c.pxd"]
    for file in files:
        file.write_text("text")
    monkeypatch.setattr(toolchain, "include_dir", lambda: include)

    def key():
        return toolchain.headers_hash.__wrapped__()

    seen = {key()}
    for file in files:
        file.write_text("texu")
        seen.add(key())
    files[0].rename(include / "d.h")
    seen.add(key())
    (include / "host" / "e.h").write_text("")
    seen.add(key())
    assert len(seen) == 6


def graph(text="x * 2.0", file="/models/model.py", line=3, names="xy"):
    """Inputs and the output of a line of a user's file."""
    inputs = [pt.vector(name) for name in names]
    code = compile("\n" * (line - 1) + f"out = {text}", file, "exec")
    scope = dict(zip("xyzw", inputs), pt=pt, np=np)
    exec(code, scope)
    return inputs, [scope["out"]]


def key_of_graph(made, options=()):
    return recall.fingerprint(*made, list(options))


OTHERS = {
    "value": graph("x * 3.0"),
    "sign of zero": graph("x * 0.0"),
    "negative zero": graph("x * -0.0"),
    "dtype of a constant": graph("x * pt.constant(2, dtype='int64')"),
    "op": graph("x + 2.0"),
    "place of operands": graph("2.0 * x"),
    "which input": graph("y * 2.0"),
    "parameter": graph("pt.sum(x[None] * 2.0, axis=0)"),
    "other parameter": graph("pt.sum(x[None] * 2.0, axis=1)"),
    "line": graph(line=4),
    "file": graph(file="/models/other.py"),
    "folder": graph(file="/others/model.py"),
}


def test_a_graph_made_again_has_the_same_key():
    assert key_of_graph(graph()) == key_of_graph(graph())


@pytest.mark.parametrize("other", OTHERS)
def test_each_part_of_a_graph_is_in_its_key(other):
    keys = {name: key_of_graph(made) for name, made in OTHERS.items()}
    keys["the graph"] = key_of_graph(graph())
    mine = keys.pop(other)
    assert mine not in keys.values()


def test_the_text_of_the_users_line_is_in_the_key(tmp_path):
    """Comments of the generated text quote it."""
    import linecache

    file = tmp_path / "model.py"
    keys = set()
    for comment in ("# one", "# two"):
        file.write_text(f"\n\nout = x * 2.0  {comment}\n")
        linecache.checkcache(str(file))
        keys.add(key_of_graph(graph(file=str(file))))
    assert len(keys) == 2


def test_inputs_outputs_options_and_the_library_are_in_the_key(monkeypatch):
    (x, y), (out,) = graph("x * y")
    keys = [
        recall.fingerprint(inputs, outputs, options)
        for inputs in ([x, y], [y, x])
        for outputs in ([out], [out, out], [out, x], [x, out])
        for options in (["cython"], ["cython", "a"], ["interp"])
    ]
    monkeypatch.setattr(recall, "library_identity", lambda: "another")
    keys.append(recall.fingerprint([x, y], [out], ["cython"]))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("change", ["size", "time", "name", "new"])
def test_each_file_of_the_library_is_in_its_identity(tmp_path, monkeypatch, change):
    package = tmp_path / "probtensor"
    (package / "rules").mkdir(parents=True)
    (package / "__pycache__").mkdir()
    file = package / "rules" / "a.py"
    file.write_text("text")
    monkeypatch.setattr(recall, "_PACKAGE", str(package))
    before = recall.library_identity.__wrapped__()
    (package / "__pycache__" / "a.pyc").write_text("")
    assert recall.library_identity.__wrapped__() == before
    stamp = file.stat().st_mtime_ns
    if change == "size":
        file.write_text("text and more")
        os.utime(file, ns=(stamp, stamp))
    elif change == "time":
        os.utime(file, ns=(stamp, stamp + 1000))
    elif change == "name":
        file.rename(package / "rules" / "b.py")
    else:
        (package / "rules" / "b.py").write_text("")
    assert recall.library_identity.__wrapped__() != before


def test_an_installed_wheel_is_known_by_the_list_of_its_files(tmp_path, monkeypatch):
    package = tmp_path / "probtensor"
    package.mkdir()
    (package / "a.py").write_text("text")
    monkeypatch.setattr(recall, "_PACKAGE", str(package))
    found = [recall.library_identity.__wrapped__()]
    record = tmp_path / f"probtensor-{recall.__version__}.dist-info" / "RECORD"
    record.parent.mkdir()
    for stamp in (1000, 2000):
        record.write_text("probtensor/a.py,sha256=...,4")
        os.utime(record, ns=(stamp, stamp))
        found.append(recall.library_identity.__wrapped__())
    assert len(set(found)) == 3
    monkeypatch.setattr(recall, "states_of", None)
    assert recall.library_identity.__wrapped__() == found[-1]


MODEL = """
import numpy as np
import probtensor as pt

x, i = pt.vector("x"), pt.vector("i", dtype="int64")
f = pt.function([x, i], [x[i] * 2, x[i + i - i] + x[0], pt.sum(x + x[:2].sum())])
for values, index in ((np.ones(3), [5]), (np.ones(1), [0])):
    try:
        f(values, index)
    except (IndexError, ValueError) as error:
        print(error)
g = pt.function([x, i], x[i * 3])
try:
    g(np.ones(3), [7])
except IndexError as error:
    print(error)
"""


def test_files_of_one_text_name_their_own_lines(tmp_path):
    """Each process finds the module and the record, whichever process made them."""
    outputs = []
    for name in ("first", "second", "first"):
        file = tmp_path / name / "model.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(MODEL)
        environment = {**os.environ, "PROBTENSOR_CACHE": str(tmp_path / "cache")}
        done = subprocess.run([sys.executable, str(file)], env=environment, text=True,
                              capture_output=True, check=True)  # fmt: skip
        outputs.append(done.stdout)
        other = {"first": "second", "second": "first"}[name]
        assert f"{tmp_path}/{name}/model.py:6" in done.stdout, done.stdout
        assert f"{tmp_path}/{name}/model.py:12" in done.stdout
        assert f"/{other}/" not in done.stdout
    assert outputs[0] == outputs[2]
    assert outputs[0].replace("/first/", "/second/") == outputs[1]
