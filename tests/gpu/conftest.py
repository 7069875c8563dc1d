"""The device of these tests: a real one where there is one, else the host in its place."""

import os

import pytest

from probtensor import device
from tests.device import fake_driver
from tests.device.host import HostDriver

CHOICE = "PROBTENSOR_TEST_DEVICE"


def pytest_collection_modifyitems(items):
    """Marks what runs on a device where there is one, so that `-m "gpu or device"` finds it."""
    for item in items:
        if "device_driver" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.device)


@pytest.fixture(scope="session")
def one_driver():
    """The driver of this process. $PROBTENSOR_TEST_DEVICE=gpu insists on a device, =host on none.

    With =stand-in it is PyCUDA's, over the stand-in for NVIDIA's own. Without it a device is taken
    where there is one. Insisting matters where figures are made: a device that cannot be opened
    must fail those tests, not move them to the host.
    """
    choice = os.environ.get(CHOICE, "any")
    if choice not in ("any", "gpu", "host", "stand-in"):
        raise ValueError(f"${CHOICE} is 'gpu', 'host' or 'stand-in', not {choice!r}")
    if choice == "stand-in":
        return fake_driver.open_driver()
    if choice == "host":
        return HostDriver()
    try:
        return device.driver()
    except device.DeviceError:
        if choice == "gpu":
            raise
        return HostDriver()


@pytest.fixture
def device_driver(one_driver):
    """The driver of the process, in its place for one test."""
    before = device.use(one_driver)
    yield one_driver
    one_driver.synchronize()
    device.use(before)


@pytest.fixture
def real_device(device_driver):
    """The driver, in tests that mean nothing on the host; they skip where there is no device."""
    if isinstance(device_driver, HostDriver):
        pytest.skip("no CUDA device here")
    return device_driver
