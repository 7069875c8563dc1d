"""Bug reports: a fresh process makes the function again from the file and gets the same bits."""

import io
import json
import os
import runpy
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import Op
from probtensor.inspect.reports import environment
from tests.inspect.programs import PROGRAMS, compiled, posterior

ALWAYS = {"README.txt", "reproduce.py", "__main__.py", "function.json", "graph.txt",
          "plan.txt", "plan.json", "kernels.txt", "rewrites.txt", "report.txt", "versions.txt",
          "header.h", "groups.txt", "schedule.txt", "tier.txt"}  # fmt: skip


def fresh(path):
    """The script in a file, in a fresh process: (exit status, what it printed)."""
    found = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    return found.returncode, found.stdout + found.stderr


def run(path, capsys):
    """The same in this process."""
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(path), run_name="__main__")
    return end.value.code, capsys.readouterr().out + str(end.value.code)


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def arrays(path, name):
    with np.load(io.BytesIO(read(path, name))) as found:
        return [found[f"a{k}"] for k in range(len(found.files))]


def test_a_fresh_process_gets_the_same_bits(tmp_path, capsys):
    f, rng = compiled("scanned", "machine"), np.random.default_rng(0)
    args = rng.normal(size=(6, 3)), rng.normal(size=3)
    path = tmp_path / "bug.zip"
    dump = f.dump(path, inputs=args)
    assert set(dump.files) >= {*ALWAYS, "graph.json", "compiled.json", "inputs.npz", "results.npz"}
    assert dump.notes == () and "19 files" in str(dump)
    for right, written in zip(f(*args), arrays(path, "results.npz"), strict=True):
        assert right.tobytes() == written.tobytes()
    status, text = fresh(path)
    assert status == 0 and "the same" in text, text
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    recorded = tmp_path / "unpacked" / "results.npz"
    wrong = arrays(path, "results.npz")
    wrong[1] = wrong[1].copy()
    wrong[1][2, 1] += 1e-9
    np.savez(recorded, **{f"a{k}": a for k, a in enumerate(wrong)})
    status, text = run(tmp_path / "unpacked" / "reproduce.py", capsys)
    assert status == 1 and "output 1[2, 1]: recorded" in text and "NOT the same" in text


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_is_made_again(name, tmp_path):
    path = tmp_path / "bug.zip"
    compiled(name).dump(path)
    made, count = [], None
    about = json.loads(read(path, "function.json"))
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    graph = read(path, "graph.json" if "graph.json" in names else "compiled.json").decode()
    count = len(about["inputs"])
    made = pt.from_json(graph)
    again = pt.function(made[:count], made[count:], target="interp", on_unused_input="ignore")
    found = again(*arrays(path, "inputs.npz"))
    for right, written in zip(found, arrays(path, "results.npz"), strict=True):
        assert np.asarray(right).tobytes() == written.tobytes()
    assert about["sampled"] and about["version"] == pt.__version__ and about["error"] is None


def test_data_is_in_it_only_if_allowed(tmp_path):
    p, secret = posterior(), np.arange(8.0)
    p.dump(tmp_path / "private.zip")
    p.dump(tmp_path / "open.zip", inputs=np.full(10, 0.25))
    shared = pt.shared(np.array([1234.5]), name="total")
    pt.function([], shared * 2.0, target="interp").dump(tmp_path / "shared.zip")
    assert not any(np.isin(1234.5, a) for a in arrays(tmp_path / "shared.zip", "inputs.npz"))
    hidden, told = (arrays(tmp_path / f"{n}.zip", "inputs.npz") for n in ("private", "open"))
    assert [a.shape for a in hidden] == [a.shape for a in told]
    assert any(np.array_equal(a, secret) for a in told)
    assert not any(np.array_equal(a, secret) for a in hidden)
    assert any(np.array_equal(a, np.full(10, 0.25)) for a in told)
    text = read(tmp_path / "private.zip", "README.txt").decode()
    assert "random inputs" in text and "mu" in read(tmp_path / "private.zip", "model.txt").decode()
    logp, gradient = p.logp_and_grad(np.full(10, 0.25))
    found = arrays(tmp_path / "open.zip", "results.npz")
    np.testing.assert_allclose(found[0], logp, rtol=1e-14)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12)


def test_errors_are_recorded_and_reproduced(tmp_path, capsys):
    x, k = pt.vector("x"), pt.ivector("k")
    f = pt.function([x, k], x[k], target="interp")
    path = tmp_path / "bug.zip"
    f.dump(path, inputs={"x": np.zeros(3), "k": np.array([5], "int32")})
    assert "IndexError" in json.loads(read(path, "function.json"))["error"]
    status, text = run(path, capsys)
    assert status == 0 and "IndexError" in text and "the same" in text


class Strange(Op):
    """An op of a user's, which is in no registry."""

    name = "strange"

    def infer(self, x):
        return x

    def numpy(self, x):
        return x


def test_draws_are_made_again(tmp_path, capsys):
    """A draw with derivatives by quantiles is an op that no text names."""
    scale, walk = pt.scalar("scale"), pt.vector("walk")
    b = pt.random.truncated_normal(0.0, scale, lower=-1.0, upper=1.0)
    last = pt.scan(
        lambda w, c: c + w * pt.random.gamma(2.0, 1.0), sequences=[walk], outputs_info=[scale]
    )
    f = pt.function([scale, walk], [last, b * scale], target="machine")
    dump = f.dump(tmp_path / "bug.zip", inputs=(2.0, [1.0, 2.0]))
    assert dump.notes == () and "graph.json" in dump.files
    assert run(tmp_path / "bug.zip", capsys)[0] == 0
    assert compiled("drawn").dump(tmp_path / "bug.zip").notes == ()


def test_what_has_no_text_is_told(tmp_path, capsys):
    x = pt.vector("x")
    g = pt.function([x], pt.exp(x), target="interp")
    odd = Strange()(pt.exp(x))
    lowered = g.compilation.lowered()
    changed = type(lowered)(**{**vars(lowered), "written": (odd,), "outputs": (odd,)})
    broken = type(g.compilation)(**{**vars(g.compilation), "lowered": lambda: changed})
    h = pt.function([x], pt.exp(x), target="interp")
    h.compilation = broken
    dump = h.dump(tmp_path / "odd.zip")
    assert sum("cannot be made a graph again" in note for note in dump.notes) == 2
    assert "graph-unreadable.json" in dump.files
    assert "cannot be made" in read(tmp_path / "odd.zip", "README.txt").decode()
    _, text = run(tmp_path / "odd.zip", capsys)
    assert "cannot be made again" in text


def test_same_function_same_file_and_wrong_names(tmp_path):
    f = compiled("dense")
    for name in ("one.zip", "two.zip"):
        f.dump(tmp_path / name)
    for name in ALWAYS - {"README.txt", "versions.txt", "report.txt", "function.json"}:
        assert read(tmp_path / "one.zip", name) == read(tmp_path / "two.zip", name), name
    with pytest.raises(ValueError, match=r"does not end in \.zip"):
        f.dump(tmp_path / "bug.txt")
    with pytest.raises(TypeError, match="1 arguments are missing"):
        f.dump(tmp_path / "bug.zip", inputs=(np.zeros((2, 2)),))


def test_the_environment_is_told_without_failing(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    text = environment.text()
    for word in ("probtensor ", "numpy ", "scipy ", "CPython", "level ", "SciPy", "flags",
                 "entries", "OMP_NUM_THREADS=3", "PROBTENSOR_TARGET=interp"):  # fmt: skip
        assert word in text, word
    assert {line[:9].strip() for line in text.splitlines()} - {""} == set(environment.FACTS)

    def broken():
        raise OSError("no such thing")

    monkeypatch.setitem(environment.FACTS, "gpu", broken)
    assert "gpu       unknown: OSError: no such thing" in environment.text()
    assert "gpu" not in "\n".join(environment.rows(omitted=("gpu",)))


def test_effects_are_left_out_and_told(tmp_path):
    x, s = pt.vector("x"), pt.scalar("s")
    h, _ = pt.scan(lambda a, c: pt.debug.print(pt.tanh(c * a), "h", gradient=True),
                   sequences=[x], outputs_info=[s])  # fmt: skip
    y = pt.debug.callback(lambda value: None, x * 2)
    f = pt.function([x, s], [*pt.grad(h[-1], [x, s]), pt.sum(y)], target="machine")
    path = tmp_path / "bug.zip"
    dump = f.dump(path, inputs=([0.1, 0.2], 0.5))
    assert "graph.json" in dump.files and len(dump.notes) == 1
    assert "without pt.debug.print" in str(dump) and "reproduces it" in str(dump)
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert ran.stdout.endswith("the same\n")


def test_a_report_repeats_no_effect(tmp_path, capsys):
    x = pt.vector("x")
    f = pt.function([x], pt.exp(pt.debug.print(x, "x")), target="interp")
    f.dump(tmp_path / "given.zip", inputs=([1.0, 2.0],))
    f.dump(tmp_path / "sampled.zip")
    assert capsys.readouterr().out == ""
