"""The corners of lowering, once more: with kernels for the device in place of those for the CPU."""

import pytest

from tests.lower import test_corners as corners

globals().update({name: f for name, f in vars(corners).items() if name.startswith("test_")})


@pytest.fixture(autouse=True)
def on_device(device_driver, monkeypatch):
    """All functions are made for the device."""
    monkeypatch.setenv("PROBTENSOR_TARGET", "cuda")
