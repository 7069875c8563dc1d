"""The driver of this process: made when first asked for, replaceable in tests."""

from __future__ import annotations

from probtensor.device.errors import DeviceError
from probtensor.device.protocol import Driver
from probtensor.late import late
from probtensor.process import new_lock

nvidia = late("probtensor.device.nvidia")
_LOCK = new_lock()
_DRIVER: list[Driver] = []


def driver() -> Driver:
    """The process's driver, opened at first use.

    DeviceError says what is missing: PyCUDA, NVIDIA's driver, a device, or a compiler.
    """
    with _LOCK:
        if not _DRIVER:
            _DRIVER.append(nvidia.open_driver())
        return _DRIVER[0]


def use(other: Driver | None) -> Driver | None:
    """Replace the driver (None: open the real one again at the next use); returns the previous
    one."""
    with _LOCK:
        before = _DRIVER.pop() if _DRIVER else None
        if other is not None:
            _DRIVER.append(other)
        return before


def is_available() -> bool:
    """Whether `driver` finds a device, a compiler and the libraries that it needs."""
    try:
        driver()
    except DeviceError:
        return False
    return True
