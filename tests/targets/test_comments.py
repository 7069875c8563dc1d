"""Text of users in generated code: it cannot end the comment that it is in."""

import itertools

import pytest

import probtensor as pt
from probtensor.lower.planner import lower
from probtensor.targets import spell
from probtensor.targets.cuda import render as cuda
from probtensor.targets.cython import render as cython

ENDS = ["\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028",
        "\u2029"]  # fmt: skip
NAMES = [f"a{end}import os#.py" for end in ENDS] + [
    "caf\udce9.py", "\ud800\udfff.py", "a\\", "a\\ ", "a??/", "a??/??/ ", "a\\\\??/\\",
    "*/ int x; /*", "**//", "\u202e\u2066.py", "\ufeff.py", "'''", '"""', "%s{0}", "μ ✓.py", "",
    "a\n            with gil: __import__('os').abort()\n            #.py", "x" * 300 + "\n",
    "\\" * 300, "??/" * 100, "dir\n/a.py", "\\u000a.py", "\\N{LINE FEED}",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("width", [1, 9, 20, 97])
def test_a_comment_is_one_line_that_nothing_joins(name, width):
    text = spell.comment(f"{name}:3", width)
    assert len(text) <= width
    assert len(f"{text}x".splitlines()) == 1 and text.isprintable()
    text.encode("utf-8")
    assert not text.rstrip().endswith(("\\", "??/"))
    assert "*/" not in text


@pytest.mark.parametrize("line", ["s = 'a\\", "s = '*/ #'", "x = 1\x0c", "s = '??/", "# ende\\  "])
def test_so_is_the_users_line(monkeypatch, line):
    monkeypatch.setattr(spell.linecache, "getline", lambda file, number: line + "\n")
    text = spell.comment("a.py:1", 90)
    assert text.isprintable() and not text.rstrip().endswith(("\\", "??/")) and "*/" not in text


def test_what_is_plain_stays_as_it_is():
    assert spell.escaped("rate = β * x  # ½") == "rate = β * x  # ½"
    assert spell.escaped("tab\there") == "tab\\there"
    assert spell.comment("/srv/me/model.py:12", 80) == "model.py:12: "


def evil_plan():
    """A plan each of whose statements comes from another of these files."""
    space = {"pt": pt, "x": pt.vector("x"), "n": itertools.count(2)}
    code = "x = pt.cumsum(pt.exp(x * next(n)))"
    for name in NAMES:
        if "\0" not in name:  # Python itself has no file of that name
            exec(compile(code, name, "exec"), space)
    first = pt.vector("x")
    space["x"], start = first, first
    for name in NAMES:
        if "\0" not in name:
            exec(compile("x = pt.sum(pt.exp(x * next(n))) + x", name, "exec"), space)
    return lower([start], [space["x"]])


def code_of(text, prefix):
    return [row for row in text.split("\n") if not row.lstrip().startswith(prefix)]


@pytest.mark.parametrize("renderer, prefix", [(cython.render, "#"), (cuda.render, "//")])
def test_without_its_comments_the_text_is_that_without_comments(renderer, prefix):
    plan = evil_plan()

    def text(comments):
        made = renderer(plan, comments=comments)
        return getattr(made, "source", made)

    with_names, without = text(True), text(False)
    assert len(with_names) > len(without)
    assert "import os" in with_names
    assert code_of(with_names, prefix) == code_of(without, prefix)
    assert all(row.rstrip()[-1:] != "\\" for row in with_names.split("\n"))
    assert len(with_names.splitlines()) == len(with_names.split("\n")) - 1
    with_names.encode("utf-8")


def test_a_name_cannot_end_the_comment_of_the_header():
    x = pt.vector("x */ int evil; /*\n#error x")
    header = pt.function([x], pt.sum(x), target="interp").header
    assert header.count("*/") == 2 and "\n#error" not in header


def test_a_function_of_such_a_file_compiles():
    space = {"pt": pt}
    name = "caf\udce9\n  import os\r*/\\"
    code = "x = pt.vector('x'); f = pt.function([x], pt.sum(x * 2.5))\n"
    exec(compile(code, name, "exec"), space)
    assert space["f"]([1.0, 2.0]) == 7.5
    assert space["f"].source.encode("utf-8")
