"""DLPack, the array exchange of PyTorch, JAX, CuPy and NumPy: made and consumed as capsules.

The structures are those of dlpack.h 1.0 (dmlc/dlpack); both the versioned capsule and the older
one are supported. A capsule owns a reference to the memory it describes; its consumer calls the
deleter when done.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Sequence

import numpy as np

from probtensor.dataclass import dataclass

CPU = 1
CUDA = 2
CUDA_DEVICE_TYPES = (CUDA, 13)  # kDLCUDA and kDLCUDAManaged
VERSION = (1, 0)
CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}
KINDS = {code: kind for kind, code in CODES.items()}
UNVERSIONED, UNVERSIONED_USED = b"dltensor", b"used_dltensor"
VERSIONED, VERSIONED_USED = b"dltensor_versioned", b"used_dltensor_versioned"


class Device(ctypes.Structure):
    """DLDevice."""

    _fields_ = [("type", ctypes.c_int32), ("id", ctypes.c_int32)]


class DataType(ctypes.Structure):
    """DLDataType."""

    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    """DLTensor; strides count elements, and NULL means C order."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
DESTRUCTOR = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    """DLManagedTensor."""

    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", DELETER)]


class ManagedVersioned(ctypes.Structure):
    """DLManagedTensorVersioned."""

    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", DELETER),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    ]


def _python(name: str, result: type | None, *arguments: type) -> Callable:
    """A function of Python's C API; capsules are passed by address, as a destructor gets one
    whose reference count is 0."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_new = _python("PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, DESTRUCTOR)
_is_valid = _python("PyCapsule_IsValid", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
_pointer = _python("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_set_name = _python("PyCapsule_SetName", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
_incref = _python("Py_IncRef", None, ctypes.c_void_p)
_decref = _python("Py_DecRef", None, ctypes.c_void_p)


@DELETER
def _delete_unversioned(address: int) -> None:
    _decref(Managed.from_address(address).context)


@DELETER
def _delete_versioned(address: int) -> None:
    _decref(ManagedVersioned.from_address(address).context)


@DESTRUCTOR
def _drop(capsule: int) -> None:
    """Destructor of a capsule: free its memory if no one has consumed it."""
    for name, kind in ((UNVERSIONED, Managed), (VERSIONED, ManagedVersioned)):
        if _is_valid(capsule, name):
            address = _pointer(capsule, name)
            kind.from_address(address).deleter(address)


class _Export:
    """All that a capsule points to; alive until its deleter is called."""

    def __init__(self, owner: object, address: int, shape: Sequence[int], dtype: np.dtype,
                 device: tuple[int, int], versioned: bool) -> None:  # fmt: skip
        self.owner = owner
        self.shape = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        steps = np.cumprod([1, *reversed(shape[1:])])[::-1]
        self.strides = (ctypes.c_int64 * max(len(shape), 1))(*map(int, steps))
        kind = DataType(CODES[dtype.kind], 8 * dtype.itemsize, 1)
        tensor = Tensor(address, Device(*device), len(shape), kind, self.shape, self.strides, 0)
        if versioned:
            self.managed = ManagedVersioned(*VERSION, id(self), _delete_versioned, 0, tensor)
        else:
            self.managed = Managed(tensor, id(self), _delete_unversioned)


def make_capsule(owner: object, address: int, shape: Sequence[int], dtype: np.dtype,
                 device: tuple[int, int], versioned: bool) -> object:  # fmt: skip
    """A capsule over C-contiguous memory, which keeps `owner` alive. BufferError where DLPack has
    no such dtype."""
    if dtype.kind not in CODES or not dtype.isnative:
        raise BufferError(f"DLPack has no {dtype}")
    export = _Export(owner, address, shape, dtype, device, versioned)
    _incref(id(export))
    name = VERSIONED if versioned else UNVERSIONED
    return _new(ctypes.addressof(export.managed), name, _drop)


@dataclass(frozen=True)
class ImportedTensor:
    """The memory of a consumed capsule; collecting `owner` calls the deleter."""

    owner: object
    address: int
    shape: tuple[int, ...]
    dtype: np.dtype
    device: tuple[int, int]


class _Owner:
    """Represents a consumed capsule; its finalizer calls the deleter."""


def consume_capsule(capsule: object) -> ImportedTensor:
    """The tensor of a capsule, which is renamed as used.

    BufferError: it was used before, its version is unknown, its elements are not plain numbers, or
    its memory is not C-contiguous; the capsule is then unchanged.
    """
    versioned = bool(_is_valid(id(capsule), VERSIONED))
    name = VERSIONED if versioned else UNVERSIONED
    if not _is_valid(id(capsule), name):
        raise BufferError("not a DLPack capsule, or one that was taken over before")
    address = _pointer(id(capsule), name)
    kind = ManagedVersioned if versioned else Managed
    managed = kind.from_address(address)
    if versioned and managed.major != VERSION[0]:
        raise BufferError(f"DLPack {managed.major}.{managed.minor} is not understood")
    tensor = managed.tensor
    shape = tuple(tensor.shape[: tensor.ndim]) if tensor.ndim else ()
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides and tensor.ndim else None
    dtype = _dtype(tensor.dtype)
    if not is_contiguous(shape, strides):
        raise BufferError(f"an array of shape {shape} with strides {strides} is not C-contiguous")
    owner = _Owner()
    if managed.deleter:
        weakref.finalize(owner, managed.deleter, address).atexit = False
    _set_name(id(capsule), VERSIONED_USED if versioned else UNVERSIONED_USED)
    address = (tensor.data or 0) + tensor.byte_offset
    return ImportedTensor(owner, address, shape, dtype, (tensor.device.type, tensor.device.id))


def _dtype(kind: DataType) -> np.dtype:
    if kind.lanes != 1 or kind.code not in KINDS or kind.bits % 8:
        raise BufferError(f"DLPack type {kind.code}, {kind.bits} bits, {kind.lanes} lanes")
    return np.dtype(f"{KINDS[kind.code]}{kind.bits // 8}")


def is_contiguous(shape: Sequence[int], strides: Sequence[int] | None) -> bool:
    """Whether strides, in elements, are those of C order; axes of length 1 may have any."""
    if strides is None or 0 in shape:
        return True
    step = 1
    for length, stride in zip(reversed(shape), reversed(strides)):
        if length != 1 and stride != step:
            return False
        step *= length
    return True
