"""Arrays on the device, and their exchange with other libraries without a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from probtensor.calls import public
from probtensor.device import dlpack
from probtensor.device.current import driver as current_driver
from probtensor.device.errors import DeviceError
from probtensor.device.protocol import Driver

LEGACY_STREAM = 1  # the default stream in the array interface and in DLPack
NAMED_STREAMS = (None, 0, 1, 2)  # ordered with the default stream by the driver itself
ITEM_BYTES = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}  # at most, by the kind of a dtype
NOT_ON_HOST = (
    "this array is on the device: .get() copies it to the host, and a function with target='cuda' "
    "takes it as an argument"
)


class DeviceArray:
    """A C-contiguous array in the memory of the device, of fixed shape and dtype.

    It implements `__cuda_array_interface__` (version 3) and DLPack, so that CuPy, PyTorch and JAX
    read it in place. `owner` keeps the memory alive: an allocation, or an array of another library.
    """

    __slots__ = ("__weakref__", "address", "driver", "dtype", "owner", "shape")

    def __init__(self, driver: Driver, owner: object, address: int, shape: Sequence[int],
                 dtype: DTypeLike) -> None:  # fmt: skip
        self.driver = driver
        self.owner = owner
        self.address = address
        self.shape = tuple(int(length) for length in shape)
        self.dtype = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return self.size * self.dtype.itemsize

    def get(self, out: np.ndarray | None = None) -> np.ndarray:
        """A copy on the host, in `out` (same shape and dtype, C-contiguous) if given."""
        if out is None:
            out = np.empty(self.shape, self.dtype)
        elif out.shape != self.shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise ValueError(
                f"out is {out.dtype}{list(out.shape)}; a C-contiguous "
                f"{self.dtype}{list(self.shape)} is needed"
            )
        if self.size:
            self.driver.download(self.address, out)
        return out

    def set(self, value: ArrayLike) -> None:
        """Overwrite the elements with those of a host array of the same shape."""
        host = np.ascontiguousarray(value, self.dtype).reshape(np.shape(value))
        if host.shape != self.shape:
            raise ValueError(f"shape {host.shape} does not fit {self.shape}")
        if self.size:
            self.driver.upload(self.address, host)

    def copy(self) -> DeviceArray:
        """A copy on the device."""
        other = empty(self.shape, self.dtype, self.driver)
        if self.size:
            self.driver.copy(other.address, self.address, self.nbytes)
        return other

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array of no axes has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"DeviceArray({self.dtype}{list(self.shape)} on {self.driver.name})"

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> np.ndarray:
        raise TypeError(NOT_ON_HOST)

    def _refuse(self, *_: object) -> NoReturn:
        """Operations of NumPy's arrays that device arrays do not have."""
        raise TypeError(NOT_ON_HOST)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __matmul__ = __rmatmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __getitem__ = __setitem__ = __iter__ = __float__ = __int__ = __bool__ = _refuse

    def __reduce__(self) -> tuple[Callable[..., DeviceArray], tuple[np.ndarray]]:
        return device_array, (self.get(),)

    @property
    def __cuda_array_interface__(self) -> dict[str, object]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address if self.size else 0, False),
            "strides": None,
            "version": 3,
            "stream": LEGACY_STREAM,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack.CUDA, self.driver.ordinal

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """A capsule. Work queued so far is ordered before what the consumer queues on `stream`."""
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            raise BufferError("the array stays on its device: call .get() for a copy on the host")
        source = self.copy() if copy else self
        if stream == 0:
            raise BufferError("DLPack's stream 0 is ambiguous for CUDA: pass 1, 2 or a handle")
        # Streams of other libraries may be non-blocking: they do not wait for the default one.
        if stream not in (*NAMED_STREAMS, -1):
            self.driver.synchronize()
        versioned = max_version is not None and tuple(max_version) >= dlpack.VERSION
        return dlpack.make_capsule(source, source.address, source.shape, source.dtype,
                                   self.__dlpack_device__(), versioned)  # fmt: skip


def empty(
    shape: int | Sequence[int], dtype: DTypeLike = np.float64, driver: Driver | None = None
) -> DeviceArray:
    """A new array with unspecified elements."""
    driver = driver or current_driver()
    lengths = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    dtype = _supported(np.dtype(dtype))
    allocation = driver.alloc(prod(lengths) * dtype.itemsize)
    return DeviceArray(driver, allocation, allocation.address, lengths, dtype)


@public
def device_array(value: object, driver: Driver | None = None) -> DeviceArray:
    """`value` as an array on the device.

    A device array is returned as it is. An object with `__cuda_array_interface__`, or DLPack with
    a CUDA device, is used without a copy and kept alive; ValueError if it is not C-contiguous.
    Anything else becomes a NumPy array and is copied to the device.

    Returns a `DeviceArray` of the shape and dtype of the value. Raises DeviceError where there is
    no device, TypeError for what is not numeric.
    """
    if isinstance(value, DeviceArray):
        return value
    driver = driver or current_driver()
    if hasattr(value, "__cuda_array_interface__"):
        return _from_interface(driver, value)
    if hasattr(value, "__dlpack__") and value.__dlpack_device__()[0] in dlpack.CUDA_DEVICE_TYPES:
        return _from_dlpack(driver, value)
    host = np.asarray(value)
    if host.dtype.kind == "O":
        raise TypeError(
            "a device array holds booleans, integers, floats or complex numbers, not those of a "
            f"{type(value).__name__}; an output stays on the device as y.transfer('cuda')"
        )
    host = np.ascontiguousarray(host, _supported(host.dtype).newbyteorder("=")).reshape(host.shape)
    array = empty(host.shape, host.dtype, driver)
    if host.size:
        driver.upload(array.address, host)
    return array


def transfer(value: object, to: str) -> np.ndarray | DeviceArray:
    """`value` on the device ("cuda", a DeviceArray) or on the host ("cpu", a NumPy array).

    No copy where it is already there.
    """
    if to == "cuda":
        return device_array(value)
    if to != "cpu":
        raise ValueError(f"transfer goes to 'cuda' or 'cpu', not {to!r}")
    if hasattr(value, "__cuda_array_interface__") or isinstance(value, DeviceArray):
        return device_array(value).get()
    return np.asarray(value)


def _supported(dtype: np.dtype) -> np.dtype:
    if dtype.itemsize > ITEM_BYTES.get(dtype.kind, 0):
        raise TypeError(
            f"a device array holds booleans, integers, floats or complex numbers, not {dtype}"
        )
    return dtype


def _from_interface(driver: Driver, value: object) -> DeviceArray:
    """https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html, versions 0 to 3."""
    interface = value.__cuda_array_interface__
    dtype = _supported(np.dtype(interface["typestr"]))
    shape, strides = tuple(interface["shape"]), interface.get("strides")
    steps = None if strides is None else [step / dtype.itemsize for step in strides]
    if interface.get("mask") is not None or not dlpack.is_contiguous(shape, steps):
        raise ValueError("an array of another library must be C-contiguous and have no mask")
    stream = interface.get("stream")
    if stream not in NAMED_STREAMS:
        driver.wait_for(stream)
    return DeviceArray(driver, value, interface["data"][0] or 0, shape, dtype)


def _from_dlpack(driver: Driver, value: object) -> DeviceArray:
    device = value.__dlpack_device__()
    if device[1] != driver.ordinal:
        raise DeviceError(f"the array is on CUDA device {device[1]}, not on {driver.ordinal}")
    try:
        capsule = value.__dlpack__(stream=LEGACY_STREAM, max_version=dlpack.VERSION)
    except TypeError:  # a producer older than DLPack 1.0
        capsule = value.__dlpack__(stream=LEGACY_STREAM)
    try:
        tensor = dlpack.consume_capsule(capsule)
    except BufferError as error:
        raise ValueError(str(error)) from None
    return DeviceArray(driver, tensor.owner, tensor.address, tensor.shape, _supported(tensor.dtype))
