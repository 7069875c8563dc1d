"""Discrete Fourier transforms on the device by cuFFT, called by ctypes.

Transforms are of float64, not scaled, of the last one or two axes, over items one after another in
memory. A plan owns no workspace: each run is given one, so nothing is allocated between calls.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

from probtensor.device.errors import DeviceError
from probtensor.device.libraries.loading import bind, load_library
from probtensor.device.protocol import LaunchQueue
from probtensor.process import new_lock

if TYPE_CHECKING:
    from probtensor.device.nvidia import CudaDriver

POINTER, INT, INT64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
FUNCTIONS = {
    "cufftCreate": (ctypes.POINTER(INT),),
    "cufftDestroy": (INT,),
    "cufftSetAutoAllocation": (INT, INT),
    "cufftMakePlanMany64": (INT, INT, POINTER, POINTER, INT64, INT64, POINTER, INT64, INT64, INT,
                            INT64, ctypes.POINTER(ctypes.c_size_t)),
    "cufftSetStream": (INT, POINTER),
    "cufftSetWorkArea": (INT, POINTER),
    "cufftExecZ2Z": (INT, POINTER, POINTER, INT),
    "cufftExecD2Z": (INT, POINTER, POINTER),
    "cufftExecZ2D": (INT, POINTER, POINTER),
}  # fmt: skip
# By kind: the number of its type, the function, and whether it has a direction.
KINDS = {
    "complex": (0x69, "cufftExecZ2Z", True),
    "to_half": (0x6A, "cufftExecD2Z", False),
    "to_real": (0x6C, "cufftExecZ2D", False),
}
FORWARD, BACKWARD = -1, 1
VERSIONS = {12: 11, 13: 12}  # of cuFFT, by the version of CUDA
STATUS_TEXT = {
    1: "an invalid plan", 2: "out of memory", 3: "an invalid type", 4: "an invalid value",
    5: "an internal error", 6: "the execution failed", 7: "it could not be set up",
    8: "an invalid size", 16: "not supported",
}  # fmt: skip


class _Handle:
    """A cufftHandle."""

    def __init__(self, functions: SimpleNamespace) -> None:
        found = ctypes.c_int()
        functions.cufftCreate(ctypes.byref(found))
        self.number = found.value
        weakref.finalize(self, _destroy, functions, self.number).atexit = False


def _destroy(functions: SimpleNamespace, number: int) -> None:
    with suppress(DeviceError):
        functions.cufftDestroy(number)


class Transform:
    """A plan of transforms of one size. `nbytes`: of the workspace of a run."""

    nbytes: int

    def __init__(
        self, driver: CudaDriver, functions: SimpleNamespace, kind: str, sizes: Sequence[int],
        batch: int,
    ) -> None:  # fmt: skip
        self._driver = driver
        self._functions = functions
        self._lock = new_lock()
        number, name, self._directed = KINDS[kind]
        self._run = getattr(functions, name)
        driver.enter()
        self._handle = _Handle(functions)
        functions.cufftSetAutoAllocation(self._handle.number, 0)
        lengths, found = (INT64 * len(sizes))(*sizes), ctypes.c_size_t()
        # Without embedding, items are contiguous: half a spectrum has n // 2 + 1 numbers.
        functions.cufftMakePlanMany64(
            self._handle.number, len(sizes), ctypes.addressof(lengths), None, 1, 0, None, 1, 0,
            number, batch, ctypes.byref(found),
        )  # fmt: skip
        self.nbytes = found.value

    def run(
        self, x: int, out: int, room: int, forward: bool = True, stream: LaunchQueue | None = None
    ) -> None:
        """Queue the transforms of x to out, both addresses; complex ones may be in place.

        room: address of `nbytes` bytes. forward: the sign of a complex transform. One to reals is
        backward and destroys x.
        """
        self._driver.enter()
        number = self._handle.number
        with self._lock:
            self._functions.cufftSetStream(number, 0 if stream is None else stream.handle)
            self._functions.cufftSetWorkArea(number, room)
            direction = (FORWARD if forward else BACKWARD,) if self._directed else ()
            self._run(number, x, out, *direction)
        self._driver.counts["launches"] += 1

    def __del__(self) -> None:
        self._driver.free_later(self.__dict__.pop("_handle", None))


class Fourier:
    """cuFFT."""

    def __init__(self, driver: CudaDriver, library: ctypes.CDLL) -> None:
        self._driver = driver
        self._functions = bind(library, FUNCTIONS, status_text)

    def plan(self, kind: str, sizes: Sequence[int], batch: int) -> Transform:
        """A plan of `batch` transforms of these sizes of one or two axes.

        kind: "complex"; "to_half", of reals to the first half of the last axis; "to_real", back,
        where `sizes` are those of the reals. DeviceError where the library has none.
        """
        return Transform(self._driver, self._functions, kind, sizes, batch)


def status_text(code: int) -> str:
    """The text of a cufftResult."""
    return f"{STATUS_TEXT.get(code, 'an unknown error')} (status {code})"


def load_fourier(driver: CudaDriver, newest: int = max(VERSIONS)) -> Fourier | None:
    """cuFFT for CUDA of a major version up to `newest`, or None where it is not installed."""
    versions = [own for cuda, own in VERSIONS.items() if cuda <= newest]
    library = load_library("cufft", versions) if versions else None
    return Fourier(driver, library) if library is not None else None
