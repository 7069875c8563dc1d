"""Generated code is translated with small tables, other code with Cython's own."""

import subprocess
import sys

CODE = """
import pathlib, sys
from probtensor.targets.cython.quickstart import started_with_lazy_code, lexicons
from probtensor.targets.cython.toolchain import translate
folder = pathlib.Path(sys.argv[1])
plain = folder / "plain.pyx"
plain.write_text(
    "cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:  # \\u03b1\\n"
    "    return 0\\n",
    encoding="utf-8",
)
translate(plain, "plain")
assert lexicons() is not None and started_with_lazy_code()
assert lexicons().full.cache_info().currsize == 0
from Cython.Compiler.Main import CompilationOptions, compile_single
greek = folder / "greek.pyx"
greek.write_text(
    "cdef int \\u03b1 = 1\\n"
    "def f(KeyError e, StopIteration s):\\n"
    "    return e.args, e.__cause__, s.value\\n",
    encoding="utf-8",
)
assert compile_single(str(greek), CompilationOptions(), "greek").num_errors == 0
assert lexicons().full.cache_info().currsize == 1
text = greek.with_suffix(".c").read_text()
assert "__Pyx_PyStopIteration_get_value(" in text and "__Pyx_PyKeyError_get_args(" in text
translate(plain, "plain")
"""
PRISTINE = """
import sys
from Cython.Compiler.Main import CompilationOptions, compile_single
compile_single(sys.argv[1], CompilationOptions(output_file=sys.argv[2]), "greek")
"""


def run(code, *arguments, root):
    """Run code in a fresh process."""
    process = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=root, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr


def test_others_in_the_process_have_the_whole_language(tmp_path, root):
    run(CODE, tmp_path, root=root)
    run(PRISTINE, tmp_path / "greek.pyx", tmp_path / "other.c", root=root)
    texts = [(tmp_path / name).read_text() for name in ("greek.c", "other.c")]
    assert texts[0].replace("greek.c", "") == texts[1].replace("other.c", "")


def test_a_cython_that_scans_already_is_left_alone(root):
    run(
        "import Cython.Compiler.Scanning, Cython.Compiler.Builtin\n"
        "from probtensor.targets.cython.quickstart import started_with_lazy_code, lexicons\n"
        "assert lexicons() is None and not started_with_lazy_code()\n",
        root=root,
    )


def test_a_cython_of_another_make_is_left_alone(root):
    run(
        "from Cython.Compiler import Code, Lexicon\n"
        "del Lexicon.unicode_start_ch_any, Code.TempitaUtilityCode\n"
        "from probtensor.targets.cython.quickstart import started_with_lazy_code, lexicons\n"
        "assert lexicons() is None and not started_with_lazy_code()\n",
        root=root,
    )
