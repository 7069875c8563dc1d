"""Generated code is scanned with a small table, anything else with Cython's own."""

import subprocess
import sys

CODE = """
import pathlib, sys
from probtensor.targets.lexicon import lexicons
from probtensor.targets.toolchain import translate
folder = pathlib.Path(sys.argv[1])
plain = folder / "plain.pyx"
plain.write_text("cdef int a = 1  # \\u03b1\\n", encoding="utf-8")
translate(plain, "plain")
assert lexicons() is not None
assert lexicons().full.cache_info().currsize == 0
from Cython.Compiler.Main import CompilationOptions, compile_single
greek = folder / "greek.pyx"
greek.write_text("cdef int \\u03b1 = 1\\n", encoding="utf-8")
assert compile_single(str(greek), CompilationOptions(), "greek").num_errors == 0
assert lexicons().full.cache_info().currsize == 1
translate(plain, "plain")
"""


def run(code, *arguments, root):
    """Run code in a fresh process."""
    process = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=root, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr


def test_others_in_the_process_have_the_full_language(tmp_path, root):
    run(CODE, tmp_path, root=root)


def test_a_cython_that_scans_already_is_left_alone(root):
    run(
        "import Cython.Compiler.Scanning\n"
        "from probtensor.targets.lexicon import lexicons\n"
        "assert lexicons() is None\n",
        root=root,
    )


def test_a_cython_of_another_make_is_left_alone(root):
    run(
        "from Cython.Compiler import Lexicon\n"
        "del Lexicon.unicode_start_ch_any\n"
        "from probtensor.targets.lexicon import lexicons\n"
        "assert lexicons() is None\n",
        root=root,
    )
