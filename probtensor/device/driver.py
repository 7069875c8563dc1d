"""placeholder"""

from probtensor.device.errors import INSTALL, DeviceError


def open_driver():
    """The PyCUDA driver."""
    raise DeviceError(f"PyCUDA is not installed: {INSTALL}")
