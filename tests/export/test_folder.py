"""The folder of an export: what is written, what is never overwritten, and names."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor.export.arrays import INLINE_BYTES, Arrays, number_text
from probtensor.export.cython_text import translated
from probtensor.export.expressions import c_expression
from probtensor.export.folder import NEEDED
from probtensor.export.names import KEYWORDS, c_string, distinct, identifier
from probtensor.export.parts import HEADER_OF, OF_LAPACK, ROUTINES
from probtensor.targets.cython.routines import modules
from probtensor.targets.cython.toolchain import compiler_command
from tests.export.conftest import STRICT


def doubled(name=None):
    x = pt.vector("x")
    return pt.function([x], x * 2, name=name, target="interp")


def files(folder):
    """{path below a folder: content}."""
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip


def test_the_same_export_writes_the_same_files(tmp_path):
    first = doubled().export(tmp_path / "one" / "doubled", build=False)
    again = doubled().export(tmp_path / "two" / "doubled", build=False)
    found = files(first.folder)
    assert found == files(again.folder)
    assert set(found) == set(first.files) and {"doubled.c", "doubled.h"} < set(found)
    assert doubled().export(first.folder, build=False) == first and files(first.folder) == found


def test_names_come_from_the_folder_the_function_or_the_caller(tmp_path):
    assert doubled().export(tmp_path / "my model-2", build=False).name == "my_model_2"
    assert doubled("twice").export(tmp_path / "a", build=False).header.name == "twice.h"
    assert doubled("twice").export(tmp_path / "b", name="for", build=False).name == "model_for"
    with pytest.raises(TypeError, match=r"name must be a string(.|\n)*test_folder.py"):
        doubled().export(tmp_path, name=3)
    with pytest.raises(TypeError, match=r"a folder is a path(.|\n)*test_folder.py"):
        doubled().export(3)


def test_several_exports_may_share_a_folder(tmp_path):
    doubled("one").export(tmp_path, build=False)
    doubled("two").export(tmp_path, build=False)
    assert {"one.c", "two.c"} < set(files(tmp_path))
    assert {"one.c", "two.c"} < set(json.loads((tmp_path / "export.json").read_text())["files"])


@pytest.mark.parametrize("name", ["doubled.c", "doubled.h", "include/pt_base.h"])
def test_files_of_others_are_kept(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="is not an export"):
        doubled("doubled").export(tmp_path, build=False)
    assert files(tmp_path) == {name: b"mine"}


def test_files_that_were_changed_are_kept(tmp_path):
    doubled("doubled").export(tmp_path, build=False)
    (tmp_path / "doubled.c").write_text("better")
    before = files(tmp_path)
    with pytest.raises(FileExistsError, match=r"doubled\.c was changed since"):
        doubled("doubled").export(tmp_path, build=False)
    assert files(tmp_path) == before


def test_a_record_of_another_program_is_kept(tmp_path):
    (tmp_path / "export.json").write_text('{"files": []}')
    with pytest.raises(FileExistsError, match=r"export\.json"):
        doubled().export(tmp_path, build=False)


def test_without_a_compiler_the_source_is_written_and_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.warns(UserWarning, match=r"^export: there is no C compiler.*cc -O") as warned:
        export = doubled().export(tmp_path / "doubled")
    assert len(warned) == 1 and warned[0].filename == __file__
    assert export.library is None and export.source.exists()
    with pytest.raises(pt.BuildError, match="no C compiler"):
        doubled().export(tmp_path / "doubled", build=True)


def test_the_line_builds_the_library(tmp_path):
    export = doubled().export(tmp_path / "doubled", build=False)
    assert export.command in export.source.read_text()
    subprocess.run(export.command, shell=True, cwd=export.folder, check=True, timeout=100)
    built = export.folder / "doubled.so"
    assert built.exists()
    names = subprocess.run(["nm", "-D", built], capture_output=True, text=True, check=False).stdout
    made = {line.split()[-1] for line in names.splitlines() if " T " in line}
    assert made <= {f"doubled_{what}" for what in ("open", "close", "clone", "call", "shapes",
                                                   "error_text")}  # fmt: skip


def test_vectors_of_a_processor_with_narrow_registers_are_no_warnings(tmp_path):
    a = pt.tensor("a", (None, 3, 3))
    f = pt.function([a], pt.linalg.cholesky(a), target="machine")
    export = f.export(tmp_path / "small", build=False)
    strict = [*compiler_command(), *STRICT.split()]
    for words in (["-Iinclude", "-c", "small.c"], shlex.split(export.command)[1:]):
        words = [word for word in words if not word.startswith("-m")]
        words = [word.replace("-O3", "-O0") for word in words]
        done = subprocess.run([*strict, *words], cwd=export.folder, check=False, timeout=100,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert not done.stderr  # nor a remark, by the line that the source gives


def test_a_compiler_that_fails_leaves_no_library(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", f"{sys.executable} -c 'import sys; sys.exit(\"error: broken\")'")
    with pytest.raises(pt.BuildError, match="error: broken"):
        doubled().export(tmp_path / "doubled")
    names = os.listdir(tmp_path / "doubled")
    assert not [name for name in names if ".so" in name or "build" in name]


def test_identifiers():
    assert identifier("größe", "x") == "gr_e" and identifier("2nd", "x") == "x_2nd"
    assert identifier("", "x") == "x" and identifier("__a__b", "x") == "a_b"
    assert identifier("pt_exp", "x") == "x_pt_exp" and identifier("int64_t", "x") == "int64_t_value"
    for word in KEYWORDS:
        assert identifier(word, "x") not in KEYWORDS
    assert distinct(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"]


def test_texts_of_users_are_safe(tmp_path):
    text = 'a"b\\c\n??/ */ µ %s'
    assert c_string(text) == '"a\\"b\\134c\\n\\077\\077/ */ \\302\\265 %s"'.replace('\\"', "\\042")
    x = pt.vector('evil */ int x; /* "')
    f = pt.function([x], {'"*/': x + 1}, target="interp")
    export = f.export(tmp_path / "evil", build=False)
    header = export.header.read_text()
    outside = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    assert "int x" not in outside and header.count("/*") == header.count("*/")


@pytest.mark.parametrize(
    "cython, c",
    [
        ("a if b < c else d", "b < c ? a : d"),
        ("s1 & 2047 == 1984", "(s1 & 2047) == 1984"),
        ("not a == b", "!(a == b)"),
        ("(a < b) & (c)", "(a < b) & (c)"),
        ("8 if 0 < n[1] <= 8 else 64", "0 < n[1] && n[1] <= 8 ? 8 : 64"),
        ("<int64_t> x[i] * 2", "(int64_t) x[i] * 2"),
        ("<double*> b[0]", "(double *) b[0]"),
        ("a - (b - c) // d", "a - (b - c) / d"),
        ("a * (b if c else d)", "a * (c ? b : d)"),
        ("-(-x)", "-(-x)"),
        ("1e-05 + 2.5E+10", "1e-05 + 2.5E+10"),
        ("k0(k0, x)", "p_k0(k0, x)"),
        ("a | b ^ c & d", "a | (b ^ (c & d))"),
        ("a if b else c if d else e", "b ? a : (d ? c : e)"),
    ],
)
def test_expressions_bind_as_in_python(cython, c):
    assert c_expression(cython, "p_", {"k0"}) == c


@pytest.mark.parametrize("text", ["a ** b", "a and b", "a +", "f(a", "a b", "lambda: 1", "a.b"])
def test_other_cython_is_refused(text):
    with pytest.raises(SyntaxError, match="no C for"):
        c_expression(text)


def test_generated_programs_have_a_form_in_c(root, tmp_path):
    """All accepted texts of the CPU target as one C file, which a compiler accepts; every
    assignment of them is in it."""
    found = []
    for k, path in enumerate(sorted((root / "tests/golden/sources").glob("*.pyx"))):
        source = path.read_text(encoding="utf-8")
        found.append(translated(source, f"m{k}_"))
        rows, made = (
            sorted(match[1] for match in re.finditer(r"^ +(\S+) (?:= |\+= )", text, re.MULTILINE))
            for text in (source, found[-1].text)
        )
        assert rows == [name for name in made if name != "failed"], path
    once = dict.fromkeys(use for t in found for use in t.once)
    routines = {name for t in found for name in t.routines}
    assert any(t.random for t in found) and "pt_gemm" in routines
    heads = ["pt_loops.h", "pt_random.h", *sorted(set(HEADER_OF.values()))]
    text = [*(f'#include "{head}"' for head in heads), *once, *(t.text for t in found)]
    (tmp_path / "all.c").write_text("\n".join(text))
    include = root / "cython_ext/include"
    command = [*compiler_command(), *STRICT.split(), "-fsyntax-only", f"-I{include}",
               f"-I{include}/host", tmp_path / "all.c"]  # fmt: skip
    subprocess.run(command, check=True, timeout=100)


def test_numbers_are_read_back_exactly():
    for value in (0.1, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3):
        assert float(number_text(value, np.dtype("float64"))).hex() == value.hex()
    assert number_text(-(2**63), np.dtype("int64")) == "(-9223372036854775807ll - 1)"
    assert number_text(2**64 - 1, np.dtype("uint64")) == f"{2**64 - 1}ull"
    assert number_text(float("nan"), np.dtype("float32")) == "NAN"


def test_arrays_are_written_once_and_large_ones_in_a_file():
    arrays = Arrays()
    one, same = np.arange(10.0), np.arange(10.0)
    assert arrays.add(one) == arrays.add(same) == 0 and arrays.add(one.astype("int64")) == 1
    assert not arrays.in_file and len(list(arrays.text())) > 2
    arrays.add(np.zeros(INLINE_BYTES // 8))
    assert arrays.in_file and not list(arrays.text())
    whole = b"".join(arrays.file("model"))
    assert len(whole) == 64 + arrays.bytes and whole.startswith(b"ProbTD1\n")
    assert arrays.identity("model") != arrays.identity("another")


def test_routines_have_a_form_in_c(root):
    """All of these modules, each in the header that an export includes for it."""
    of_modules = ("bands", "equations", "exponential", "linalg", "ordering", "spectra", "systems",
                  "triangular")  # fmt: skip
    assert {*ROUTINES, *OF_LAPACK} == {n for n, module in modules().items() if module in of_modules}
    assert len({*ROUTINES, *OF_LAPACK}) == len(ROUTINES) + len(OF_LAPACK)
    for name in (*ROUTINES, *OF_LAPACK):
        header = root / "cython_ext/include/host" / HEADER_OF[name]
        text = header.read_text(encoding="utf-8")
        assert re.search(rf"(void |PT_\w+\(){name}\b", text), name
        assert f"host/{HEADER_OF[name]}" in NEEDED


def test_headers_are_those_of_c_plus_plus_too(tmp_path):
    if not shutil.which("c++"):
        pytest.skip("there is no C++ compiler")
    x = pt.vector("class")
    f = pt.function([x], {"new": x + 1}, target="interp", name="virtual")
    export = f.export(tmp_path, build=False)
    (tmp_path / "a.cpp").write_text(f'#include "{export.header.name}"\n')
    command = ["c++", *STRICT.split(), "-fsyntax-only", tmp_path / "a.cpp"]
    subprocess.run(command, check=True, timeout=100)
