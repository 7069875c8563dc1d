"""Every public name says what users need: a signature, what it returns and raises, an example.

The examples are run as doctests, with `pt` and `np`, by the interpreter.
"""

import doctest
import inspect
import pydoc
import re
import textwrap
import types

import numpy as np
import pytest

import probtensor as pt

MODULES = {"pt": pt.__all__, "pt.linalg": pt.linalg.__all__, "pt.special": pt.special.__all__,
           "pt.random": pt.random.__all__}  # fmt: skip
# What needs a device, and so has no example that runs anywhere.
ON_DEVICES = {"pt.DeviceArray", "pt.device_array", "pt.stream"}
# Calls in a function's body by which it refuses arguments.
REFUSALS = re.compile(r"\braise\b|\b(one_axis|listed_axes|one_integer|flag|described|matrices)\(")


def named(path):
    value = {"pt": pt}[path.split(".")[0]]
    for part in path.split(".")[1:]:
        value = getattr(value, part)
    return value


def all_paths():
    """Every public name, with what it names; a thing that has several names once for each."""
    found = [f"{module}.{name}" for module, names in MODULES.items() for name in names]
    return [path for path in found if not path.endswith("__version__")]


def is_error(value):
    return isinstance(value, type) and issubclass(value, Exception)


PATHS = all_paths()
CALLABLE = [p for p in PATHS if not isinstance(named(p), types.ModuleType)]
USED = [p for p in CALLABLE if not is_error(named(p))]


def text_of(path):
    return inspect.getdoc(named(path)) or ""


def test_the_faces_have_no_name_twice():
    for module, names in MODULES.items():
        assert len(set(names)) == len(names), module
        assert set(names) <= set(dir(named(module)))


@pytest.mark.parametrize("path", PATHS)
def test_it_says_what_it_is(path):
    first = text_of(path).split("\n")[0]
    assert re.search(r"[.:]|\w$", first) and len(first) >= 4, first


@pytest.mark.parametrize("path", USED)
def test_it_has_a_signature(path):
    inspect.signature(named(path))


@pytest.mark.parametrize("path", [p for p in USED if not isinstance(named(p), type)])
def test_help_prints_the_function(path):
    lines = pydoc.render_doc(named(path), renderer=pydoc.plaintext).split("\n")
    text = "\n".join(lines)
    assert textwrap.indent(text_of(path).split("\n")[0], "    ") in text
    assert re.match(r"\w+( = .*)?\(", lines[2]), lines[2]
    assert "Methods inherited" not in text and len(lines) < 90


@pytest.mark.parametrize("path", [p for p in USED if not isinstance(named(p), type)])
def test_it_says_what_it_returns(path):
    assert re.search(r"\bReturns\b", text_of(path)), text_of(path)


@pytest.mark.parametrize("path", [p for p in USED if not isinstance(named(p), type)])
def test_it_says_what_it_raises(path):
    function = inspect.unwrap(named(path))
    if isinstance(function, types.FunctionType) and REFUSALS.search(inspect.getsource(function)):
        assert re.search(r"\bRaises\b", text_of(path)), text_of(path)


@pytest.mark.parametrize("path", [p for p in USED if p not in ON_DEVICES])
def test_its_example_runs(path, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    test = doctest.DocTestParser().get_doctest(
        text_of(path), {"pt": pt, "np": np}, path, None, None
    )
    assert test.examples, "no example"
    failures = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=failures.append)
    assert not failures, "".join(failures)
