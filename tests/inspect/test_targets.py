"""The tools on every target: CUDA, on the host in the device's place, and those of the CPU."""

import io
import json
import zipfile

import numpy as np
import pytest

import probtensor as pt
from tests.inspect.programs import compiled

pytestmark = pytest.mark.usefixtures("device_driver")
ARGS = {
    "dense": (np.linspace(-1, 1, 12).reshape(4, 3), np.array([0.5, -1.0, 2.0])),
    "scanned": (np.linspace(-1, 1, 12).reshape(4, 3), np.array([0.5, -1.0, 2.0])),
}


@pytest.mark.parametrize(
    ("name", "target"),
    [("dense", "cuda"), ("dense", "cython"), ("scanned", "machine"), ("scanned", "auto")],
)
def test_all_tools_on_all_targets(name, target, tmp_path):
    f, args = compiled(name, target), ARGS[name]
    text = f.dprint(file="str", print_storage=True, print_rules=True, print_view_map=True)
    assert "@ k0" in text and "<- " in text
    assert f.report(*args, witness=True).judged.found == ()
    rules = [step.rule for step in f.trace()]
    assert rules == [step.rule for step in compiled(name).trace() if step.stage != "accumulate"]
    plan = json.loads(pt.to_json(f, "plan"))
    assert sum(node["kind"] == "kernel" for node in plan["nodes"]) == len(f.plan.kernels)
    path = tmp_path / "bug.zip"
    dump = f.dump(path, inputs=args)
    assert dump.notes == () and "graph.json" in dump.files
    if target == "cuda":
        assert "source.cu" in dump.files
    with zipfile.ZipFile(path) as archive:
        recorded = np.load(io.BytesIO(archive.read("results.npz")))
        about = json.loads(archive.read("function.json"))
    assert about["target"] == target and about["error"] is None
    for k, right in enumerate(f(*args)):
        assert np.asarray(right).tobytes() == recorded[f"a{k}"].tobytes()
