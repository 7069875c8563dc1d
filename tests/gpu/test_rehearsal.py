"""What will run on a device is rehearsed here: every benchmark, on tiny data, on the host."""

import json
import re
import subprocess
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import probtensor as pt
from tests.bench.gpu import clock, peers, report, steps, verdicts, worker
from tests.bench.gpu.__main__ import main, run

# These start other processes of their own, or collect tests; each is long enough for a test alone.
QUICK = {"facts", "first", "products", "routines", "eight_schools", "sanitizers"}
NAMES = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in steps.NAMES
    if name != "eight_schools_float32"
]


@pytest.mark.parametrize("name", NAMES)
def test_every_step_comes_to_its_end(name, tmp_path, capfd):
    out = tmp_path / "rehearsal"
    status = main(["--dry", "--steps", name, "--out", str(out), "--seconds", "300"])
    found = json.loads(out.with_suffix(".json").read_text())["steps"][name]
    assert status == 0, (found["status"], report.remarks(found), capfd.readouterr().err)
    assert found["status"] == "done"
    assert [r for r in found["records"] if "missing" not in r]
    page = out.with_suffix(".md").read_text()
    assert "rehearsal" in page
    assert report.title_of(name, found) in page


def test_a_step_that_never_ends_keeps_what_it_has_measured(tmp_path):
    endless = steps.Step("endless", "endless_for_tests", 2)

    options = SimpleNamespace(dry=True, python=str(tmp_path / "python"))
    script = f"""#!/bin/sh
echo '{worker.MARK}{{"starting": "the middle"}}'
echo '{worker.MARK}{{"case": "first", "contender": "probtensor", "ms": 1}}'
sleep 60
"""
    (tmp_path / "python").write_text(script)
    (tmp_path / "python").chmod(0o755)
    with open(tmp_path / "log", "w") as log:
        found = run(endless, options, 1.0, log)
    assert found["records"] == [{"case": "first", "contender": "probtensor", "ms": 1}]
    assert found["status"] == "stopped after 1 s, at: the middle"
    assert report.is_bad(found)


def test_a_contender_that_computes_something_else_is_told_apart():
    assert peers.disagreement([1.0, [1.0, 2.0]], [1.0, [1.0, 2.0 + 1e-9]], 1e-6) is None
    assert "differs by" in peers.disagreement([[1.0, 2.0]], [[1.0, 2.1]], 1e-6)
    assert "differs by" in peers.disagreement([[1.0]], [[float("nan")]], 1e-6)
    assert "shape" in peers.disagreement([[1.0]], [1.0], 1e-6)


def test_blocks_count_calls_and_wait_once():
    told = []
    work = clock.Run(lambda: told.append("call"), lambda _: told.append("wait"))
    times = clock.compare({"a": work}, seconds=1e-6, rounds=3)
    assert told.count("call") > told.count("wait") >= 3
    assert times["a"].best <= times["a"].median


def test_the_page_has_a_column_for_each_contender():
    records = [
        {"case": "a", "contender": "x", "ms": 1.0},
        {"case": "a", "contender": "y", "ms": 2.0},
        {"case": "b", "contender": "y", "ms": 3.0},
        {"case": "b", "contender": "x", "error": "differs"},
    ]
    about = {"columns": [["case", "{}"]], "cell": "{ms:.1f}", "note": ""}
    found = {"about": about, "records": records, "status": "done", "title": "T", "seconds": 1}
    heads, rows = report.rows_of(found)
    assert (heads, rows) == (["case", "x", "y"], [["a", "1.0", "2.0"], ["b", "-", "3.0"]])
    assert "b, x: differs" in report.plain(found)


def test_aims_are_judged_by_the_worst_of_ours_and_the_best_of_theirs():
    def stream(case, share, contender="probtensor"):
        return {"case": case, "dtype": "float32", "contender": contender, "% of copy": share}

    def chains(contender, **figures):
        return {"case": "radon", "contender": contender, **figures}

    def step(*records):
        return {"records": list(records)}

    results = {
        "steps": {
            "stream": step(
                stream("copy", 70), stream("2x + y", 90), stream("sum x", 95),
                stream("max x", 60), stream("sum x", 10, "torch"), {"error": "x"},
            ),
            "radon": step(
                chains("probtensor", **{"million gradients/s": 8, "microseconds a launch": 1}),
                chains("numpyro", **{"million gradients/s": 2, "microseconds a launch": 1}),
                chains("probtensor, NUTS", **{"ESS/s": 30}),
                chains("probtensor, ChEES", **{"ESS/s": 20}),
                chains("numpyro, NUTS", **{"ESS/s": 20}),
            ),
            "copies": step(
                {"case": "pt.sample, in all", "uploads": 3, "downloads": 3},
                {"case": "f(x)", "uploads": 0, "downloads": 1},
            ),
        }
    }  # fmt: skip
    found = [(v.aim, v.found, v.met) for v in verdicts.verdicts(results)]
    assert found == [
        ("elementwise, % of copy speed", 90, True),
        ("fold, % of copy speed", 60, False),
        ("radon, gradients/s over NumPyro's", 4, True),
        ("radon, ESS/s over NumPyro's", 1.5, False),
        ("host-device copies in loops", 1, False),
    ]
    line = "| fold, % of copy speed (max x, float32) | 60 | ≥ 85 | **no** |"
    assert line in verdicts.table(results)
    failed = {"case": "2x + y", "dtype": "float32", "contender": "probtensor", "error": "x"}
    results["steps"]["stream"]["records"].append(failed)
    assert verdicts.verdicts(results)[0].found == 0


def test_the_program_of_the_readme_runs(root, device_driver):
    """With fewer chains than it has there."""
    text = (root / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    model = programs[0].split("idata =")[0]
    (program,) = [found for found in programs if 'target="cuda"' in found]
    for there, here in (("4096", "8"), ("draws=200", "draws=10"), ("tune=300", "tune=20")):
        assert there in program
        program = program.replace(there, here)
    names = {}
    exec(compile(model, "README.md", "exec"), names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pt.SamplerWarning)  # ten draws
        exec(compile(program, "README.md", "exec"), names)
    assert float(names["value"]) == pytest.approx(1000 * np.log(2))
    np.testing.assert_allclose(names["slope"].get(), 500 * np.ones(25), rtol=1e-12)
    assert names["idata"]["posterior"]["mu"].shape == (8, 10)


def test_the_script_is_sound_shell(root):
    for name in ("gpu.sh", "wheels.sh", "build_pycuda.sh", "install_cuda.sh"):
        subprocess.run(["bash", "-n", str(root / "tests" / "tools" / name)], check=True)


def test_the_script_wants_a_device_or_a_rehearsal(root, tmp_path):
    """Where there is no device it says so at once, and leaves nothing behind."""
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "PYTHON": "sh"}
    done = subprocess.run(
        ["bash", str(root / "tests/tools/gpu.sh"), "--dry"],
        env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--out" in done.stderr
    assert list(tmp_path.iterdir()) == []
