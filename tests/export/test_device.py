"""A posterior that runs on a device is exported as the same C as one of the CPU."""

import numpy as np

import probtensor as pt
from tests.export.test_models import groups


def test_a_posterior_on_a_device(device_driver, tmp_path, monkeypatch):
    exports = []
    for target in ("interp", "cuda"):
        monkeypatch.setenv("PROBTENSOR_TARGET", target)
        posterior = groups()
        exports.append(posterior.export(tmp_path / target / "model", build=False))
    here, there = exports
    assert posterior.on_device
    assert there.source.read_text() == here.source.read_text()
    assert there.data.read_bytes() == here.data.read_bytes()


def test_a_function_with_arrays_on_a_device(device_driver, tmp_path):
    x, scale = pt.vector("x"), pt.vector("scale", shape=(3,))
    f = pt.function([x, scale], pt.sum(x) * scale, target="cuda", name="scaled")
    bound = f.bind({scale: pt.device_array(np.array([1.0, 2.0, 3.25]))})
    source = bound.export(tmp_path, build=False).source.read_text()
    assert "3.25" in source
