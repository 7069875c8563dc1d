"""What is compiled of translated C: the headers and the functions of a plan, no Python module."""

import pytest

import probtensor as pt
from probtensor.targets.cython import toolchain
from probtensor.targets.cython.bare import bare, make_bare
from probtensor.targets.cython.render import render
from tests.models.programs import MODELS


def translated(source, folder, monkeypatch, keep):
    """The C of a text, as Cython made it if `keep`."""
    monkeypatch.setattr(toolchain, "make_bare", (lambda path: None) if keep else make_bare)
    path = folder / f"plan_{0 if keep else 1}.pyx"
    path.write_text(source, encoding="utf-8")
    return toolchain.translate(path, path.stem).read_text(encoding="utf-8")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_only_the_plan_is_left(model, tmp_path, monkeypatch):
    inputs, outputs, updates = model()
    plan = pt.function(inputs, outputs, updates=updates, target="interp").plan
    source = render(plan)
    whole = translated(source, tmp_path, monkeypatch, keep=True)
    text = translated(source, tmp_path, monkeypatch, keep=False)
    assert "Python.h" in whole and "Python.h" not in text and "PyObject" not in text
    assert "pt_plan" in text and len(text) < len(whole) - 100_000
    assert text == bare(whole).replace("plan_0", "plan_1")
    for kernel in plan.kernels:
        assert f"_{kernel.name}(" in text


def test_text_that_uses_python_is_compiled_as_it_is(tmp_path, monkeypatch):
    source = (
        "cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:\n"
        "    with gil:\n"
        "        print(n[0])\n"
        "    return 0\n"
    )
    text = translated("from libc.stdint cimport int64_t\n" + source, tmp_path, monkeypatch, False)
    assert bare(text) is None and "Python.h" in text


@pytest.mark.parametrize("lost", ["/* Early includes */", "module_code ###", "#ifdef _OPENMP"])
def test_text_of_another_cython_is_compiled_as_it_is(lost, tmp_path, monkeypatch):
    source = "cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:\n    return 0\n"
    source = "from libc.stdint cimport int64_t\n" + source
    text = translated(source, tmp_path, monkeypatch, keep=True)
    assert bare(text) is not None
    assert bare(text.replace(lost, "/* another */")) is None


def test_a_bare_plan_is_built(monkeypatch, tmp_path):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    x = pt.vector("x")
    f = pt.function([x], pt.sum(pt.exp(x) * 0.125))
    assert f([0.0, 0.0]) == 0.25
