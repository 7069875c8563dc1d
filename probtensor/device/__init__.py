"""The CUDA device: memory, kernels, streams and libraries, and nothing of a graph or a plan."""

from probtensor.device.array import DeviceArray, device_array, empty, transfer
from probtensor.device.current import driver, is_available, use
from probtensor.device.errors import DeviceError

__all__ = [
    "DeviceArray",
    "DeviceError",
    "device_array",
    "driver",
    "empty",
    "is_available",
    "transfer",
    "use",
]
