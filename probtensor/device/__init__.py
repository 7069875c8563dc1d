"""The CUDA device: memory, kernels, streams and libraries, and nothing of a graph or a plan."""

from probtensor.device.current import driver, is_available, use
from probtensor.device.errors import DeviceError

__all__ = ["DeviceError", "driver", "is_available", "use"]
