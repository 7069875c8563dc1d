"""Matrix products on the device by cuBLAS, called by ctypes in PyCUDA's primary context.

`dense.py` calls more of its functions, with the handles that are made here.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from probtensor.device.errors import DeviceError
from probtensor.device.libraries.loading import bind, load_library
from probtensor.device.protocol import LaunchQueue, Memory
from probtensor.process import new_lock

if TYPE_CHECKING:
    from probtensor.device.nvidia import CudaDriver

POINTER = ctypes.c_void_p
INT64 = ctypes.c_int64
GEMM = (POINTER, ctypes.c_int, ctypes.c_int, INT64, INT64, INT64, POINTER, POINTER, INT64,
           POINTER, INT64, POINTER, POINTER, INT64)  # fmt: skip
BATCHED_GEMM = (POINTER, ctypes.c_int, ctypes.c_int, INT64, INT64, INT64, POINTER, POINTER, INT64,
            INT64, POINTER, INT64, INT64, POINTER, POINTER, INT64, INT64, INT64)  # fmt: skip
FUNCTIONS = {
    "cublasCreate_v2": (ctypes.POINTER(POINTER),),
    "cublasDestroy_v2": (POINTER,),
    "cublasSetStream_v2": (POINTER, POINTER),
    "cublasSetWorkspace_v2": (POINTER, POINTER, ctypes.c_size_t),
    "cublasSetMathMode": (POINTER, ctypes.c_int),
    "cublasSgemm_v2_64": GEMM,
    "cublasDgemm_v2_64": GEMM,
    "cublasSgemmStridedBatched_64": BATCHED_GEMM,
    "cublasDgemmStridedBatched_64": BATCHED_GEMM,
}
STATUS_TEXT = {
    1: "not initialized", 3: "out of memory", 7: "an invalid value", 8: "the device is too old",
    11: "a mapping error", 13: "the execution failed", 14: "an internal error", 15: "not supported",
}  # fmt: skip
VERSIONS = (12, 13)
DEFAULT_MATH = 0  # float32 in float32
TF32_MATH = 3
OPERATIONS = (0, 1)  # CUBLAS_OP_N, CUBLAS_OP_T
WORKSPACE_BYTES = 32 << 20  # NVIDIA's advice for Hopper; a captured stream cannot allocate
PREFIXES = {np.dtype(np.float32): "S", np.dtype(np.float64): "D"}


class Handle:
    """A cuBLAS handle bound to one stream, with a workspace of its own."""

    def __init__(self, functions: SimpleNamespace, stream: int, workspace: Memory) -> None:
        self.address = ctypes.c_void_p()
        self.math = DEFAULT_MATH
        self.workspace = workspace
        functions.cublasCreate_v2(ctypes.byref(self.address))
        functions.cublasSetStream_v2(self.address, stream)
        functions.cublasSetWorkspace_v2(self.address, workspace.address, workspace.nbytes)
        functions.cublasSetMathMode(self.address, DEFAULT_MATH)
        # cublasDestroy waits for the device, so the workspace can be freed after it.
        weakref.finalize(self, _destroy, functions, self.address).atexit = False


def _destroy(functions: SimpleNamespace, handle: ctypes.c_void_p) -> None:
    with suppress(DeviceError):
        functions.cublasDestroy_v2(handle)


class Blas:
    """Matrix products. One handle a stream, under `lock`, since a handle is not thread-safe."""

    def __init__(self, driver: CudaDriver, library: ctypes.CDLL) -> None:
        self.lock = new_lock()
        self._driver = driver
        self._library = library
        self._functions = bind(library, FUNCTIONS, status_text)
        self._handles: dict[int, Handle] = {}

    def bind(self, table: Mapping[str, tuple[type, ...]]) -> SimpleNamespace:
        """More functions of the library; see `libraries.bind`."""
        return bind(self._library, table, status_text)

    def gemm(
        self, dtype: np.dtype | str, batch: int, m: int, n: int, k: int, a: int, b: int, c: int,
        a_transposed: bool, b_transposed: bool, stream: LaunchQueue | None = None,
        tf32: bool = False,
    ) -> None:  # fmt: skip
        """Row-major c[m,n] = op(a) op(b), for `batch` of them one after another in memory.

        a is [m,k], or [k,m] if transposed; b is [k,n], or [n,k] if transposed; all are device
        addresses of float32 or float64. tf32 lets float32 be rounded to 10 bits of mantissa.
        """
        prefix = PREFIXES.get(np.dtype(dtype))
        if prefix is None:
            raise DeviceError(f"cuBLAS has no matrix product of {np.dtype(dtype)}")
        if not (batch and m and n):
            return
        # cuBLAS is column-major: it computes c' = op(b)' op(a)'.
        trans_b, trans_a = OPERATIONS[b_transposed], OPERATIONS[a_transposed]
        kind = ctypes.c_float if prefix == "S" else ctypes.c_double
        one, zero = ctypes.byref(kind(1)), ctypes.byref(kind(0))
        lead_b, lead_a = max(k if b_transposed else n, 1), max(m if a_transposed else k, 1)
        with self.lock:
            handle = self.handle(stream)
            self._set_math(handle, TF32_MATH if tf32 else DEFAULT_MATH)
            if batch == 1:
                product = getattr(self._functions, f"cublas{prefix}gemm_v2_64")
                product(
                    handle.address, trans_b, trans_a, n, m, k, one, b, lead_b, a, lead_a, zero, c, n
                )
            else:
                product = getattr(self._functions, f"cublas{prefix}gemmStridedBatched_64")
                product(handle.address, trans_b, trans_a, n, m, k, one, b, lead_b, n * k, a, lead_a,
                        m * k, zero, c, n, m * n, batch)  # fmt: skip
        self._driver.counts["launches"] += 1

    def prepare(self, stream: LaunchQueue | None = None) -> None:
        """Make the handle of a stream, which is not possible while the stream is captured."""
        with self.lock:
            self.handle(stream)

    def remove_handle(self, stream: int) -> Handle | None:
        """Take the handle of a destroyed stream out; freeing it needs the context."""
        return self._handles.pop(stream, None)

    def handle(self, stream: LaunchQueue | None) -> Handle:
        """The handle of a stream, for who holds the lock."""
        self._driver.enter()
        key = 0 if stream is None else stream.handle
        if key not in self._handles:
            workspace = self._driver.alloc(WORKSPACE_BYTES)
            self._handles[key] = Handle(self._functions, key, workspace)
        return self._handles[key]

    def _set_math(self, handle: Handle, math: int) -> None:
        if handle.math != math:
            self._functions.cublasSetMathMode(handle.address, math)
            handle.math = math


def status_text(code: int) -> str:
    """The text of a cublasStatus_t."""
    return f"{STATUS_TEXT.get(code, 'an unknown error')} (status {code})"


def load_blas(driver: CudaDriver, newest: int = max(VERSIONS)) -> Blas | None:
    """cuBLAS of a major version up to `newest`, or None where it is not installed."""
    versions = [version for version in VERSIONS if version <= newest]
    library = load_library("cublas", versions, dependencies=("cublasLt",)) if versions else None
    return Blas(driver, library) if library is not None else None
