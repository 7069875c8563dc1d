"""Factorisations and systems on the device by cuSOLVER and cuBLAS, by ctypes.

A table has a row for each routine: the function, its arguments and those of the query for its
workspace. All matrices are column-major, of float64. A routine queues work and waits for nothing;
whether it has found a result is an int on the device (`info`).
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

from probtensor.dataclass import dataclass
from probtensor.device.errors import DeviceError
from probtensor.device.libraries.blas import Blas
from probtensor.device.libraries.loading import bind, load_beside, load_library
from probtensor.device.protocol import LaunchQueue

if TYPE_CHECKING:
    from probtensor.device.nvidia import CudaDriver

POINTER, INT, INT64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
LEFT, RIGHT = 0, 1  # cublasSideMode_t
LOWER, UPPER = 0, 1  # cublasFillMode_t
PLAIN, TRANSPOSED = 0, 1  # cublasOperation_t
NON_UNIT, UNIT = 0, 1  # cublasDiagType_t
VALUES, VECTORS = 0, 1  # cusolverEigMode_t
ALL, SOME, NONE = (ord(job) for job in "ASN")  # columns of singular vectors
VERSIONS = {12: 11, 13: 12}  # of cuSOLVER, by the version of CUDA
BESIDE = {"cublasLt": (12, 13), "cublas": (12, 13), "nvJitLink": (12, 13), "cusparse": (12,)}
# The types of arguments by letter: given by the caller (c, i, l, p), or filled in: the address of
# 1.0 (1), workspace (w) and its length (n), info (d), null (0), settings of Jacobi's method (j),
# the number of items (b, B), the length that a query writes (s). A query skips what has a dot.
TYPES = {
    "c": ctypes.c_byte, "i": INT, "l": INT64, "p": POINTER, "1": POINTER, "w": POINTER, "n": INT,
    "d": POINTER, "0": POINTER, "j": POINTER, "b": INT, "B": INT64, "s": POINTER,
}  # fmt: skip
GIVEN = "cilp"


@dataclass(frozen=True)
class Routine:
    """A function of cuBLAS or of cuSOLVER: the letters of its arguments after the handle, and those
    of its query, which is `function`_bufferSize."""

    function: str
    arguments: str
    query: str = ""

    @property
    def of_blas(self) -> bool:
        """Whether it is of cuBLAS."""
        return self.function.startswith("cublas")

    def functions(self) -> Iterator[tuple[str, tuple[type, ...]]]:
        """Its functions, with the types of their arguments."""
        yield self.function, _types(self.arguments)
        if self.query:
            yield f"{self.function}_bufferSize", _types(self.query)


def _types(letters: str) -> tuple[type, ...]:
    return (POINTER, *(TYPES[letter] for letter in letters if letter != "."))


ROUTINES = {
    # side, triangle, transposed, diagonal, m, n, a, its step, b, its step
    "trsm": Routine("cublasDtrsm_v2_64", "iiiill1plpl"),
    "trsm_batched": Routine("cublasDtrsmBatched_64", "iiiill1plplB"),
    "trsv": Routine("cublasDtrsv_v2_64", "iiilplpl"),
    # n, addresses of a, step, exchanges; of inverses too
    "getrf_batched": Routine("cublasDgetrfBatched", "ipipdb"),
    "getri_batched": Routine("cublasDgetriBatched", "ipippidb"),
    # triangle, n, a, step
    "potrf": Routine("cusolverDnDpotrf", "iipiwnd", "iipis"),
    # m, n, a, step, exchanges
    "getrf": Routine("cusolverDnDgetrf", "iipiwpd", "iipis"),
    # transposed, n, k, factor, step, exchanges, b, step
    "getrs": Routine("cusolverDnDgetrs", "iiipippid"),
    # m, n, (k), a, step, factors of reflectors
    "geqrf": Routine("cusolverDnDgeqrf", "iipipwnd", "iipis"),
    "orgqr": Routine("cusolverDnDorgqr", "iiipipwnd", "iiipips"),
    # vectors, triangle, n, a, step, values
    "syevd": Routine("cusolverDnDsyevd", "iiipipwnd", "iiipips"),
    "syevj_batched": Routine("cusolverDnDsyevjBatched", "iiipipwndjb", "iiipipsjb"),
    # columns of u, rows of vh, m, n, a, step, values, u, step, vh, step
    "gesvd": Routine("cusolverDnDgesvd", "cciipippipiwn0d", "..iis"),
}
MANAGEMENT = {
    "cusolverDnCreate": (ctypes.POINTER(POINTER),),
    "cusolverDnDestroy": (POINTER,),
    "cusolverDnSetStream": (POINTER, POINTER),
    "cusolverDnCreateSyevjInfo": (ctypes.POINTER(POINTER),),
    "cusolverDnDestroySyevjInfo": (POINTER,),
}
STATUS_TEXT = {
    1: "not initialized", 2: "out of memory", 3: "an invalid value", 4: "the device is too old",
    5: "a mapping error", 6: "the execution failed", 7: "an internal error",
    8: "not supported for this type of matrix", 9: "not supported",
}  # fmt: skip


def functions_of(blas: bool) -> dict[str, tuple[type, ...]]:
    """The functions of cuBLAS, or of cuSOLVER, that the table has."""
    rows = (row for row in ROUTINES.values() if row.of_blas == blas)
    return {name: types for row in rows for name, types in row.functions()}


class _Object:
    """A handle, or settings: what a function makes and another one destroys."""

    def __init__(self, functions: SimpleNamespace, make: str, destroy: str) -> None:
        self.address = ctypes.c_void_p()
        getattr(functions, make)(ctypes.byref(self.address))
        weakref.finalize(self, _destroy, getattr(functions, destroy), self.address).atexit = False


def _destroy(function: ctypes._CFuncPtr, address: ctypes.c_void_p) -> None:
    with suppress(DeviceError):
        function(address)


class Dense:
    """The routines of the table. Like cuBLAS's, cuSOLVER's handle is made for each stream, and used
    by one thread at a time."""

    def __init__(self, driver: CudaDriver, blas: Blas, library: ctypes.CDLL) -> None:
        self._driver = driver
        self._blas = blas
        table = MANAGEMENT | functions_of(blas=False)
        self._functions = bind(library, table, status_text)
        self._of_blas = blas.bind(functions_of(blas=True))
        self._handles: dict[int, _Object] = {}
        self._settings: _Object | None = None
        self._one = ctypes.c_double(1.0)

    def room(self, name: str, given: Sequence[int], batch: int = 1) -> int:
        """The doubles of workspace that a routine needs; addresses among its arguments may be 0."""
        row = ROUTINES[name]
        if not row.query:
            return 0
        found = ctypes.c_int()
        with self._blas.lock:
            filled = {"s": ctypes.addressof(found), "b": batch}
            arguments = self._arguments(row.query, given, filled)
            handle = self._handle(None)
            getattr(self._functions, f"{row.function}_bufferSize")(handle.address, *arguments)
        return found.value

    def call(
        self, name: str, given: Sequence[int], info: int = 0, room: int = 0, size: int = 0,
        batch: int = 1, stream: LaunchQueue | None = None,
    ) -> None:  # fmt: skip
        """Queue a routine of the table.

        given: its arguments, numbers and device addresses. info: address of an int, or of one for
        each item: 0 where there is a result. room: address of the workspace, of `size` doubles.
        batch: the number of items, for a routine of many.
        """
        row = ROUTINES[name]
        with self._blas.lock:
            filled = {"w": room, "n": size, "d": info, "b": batch, "B": batch, "0": None}
            arguments = self._arguments(row.arguments, given, filled)
            if row.of_blas:
                handle = self._blas.handle(stream).address
                getattr(self._of_blas, row.function)(handle, *arguments)
            else:
                handle = self._handle(stream).address
                getattr(self._functions, row.function)(handle, *arguments)
        self._driver.counts["launches"] += 1

    def _arguments(
        self, letters: str, given: Sequence[int], filled: dict[str, int | None]
    ) -> Iterator[object]:
        values = iter(given)
        for letter in letters:
            if letter == ".":
                next(values)
            elif letter in GIVEN:
                yield next(values)
            elif letter == "1":
                yield ctypes.addressof(self._one)
            elif letter == "j":
                yield self._jacobi().address
            else:
                yield filled[letter]

    def remove_handle(self, stream: int) -> object | None:
        """Take the handle of a destroyed stream out; freeing it needs the context."""
        return self._handles.pop(stream, None)

    def _handle(self, stream: LaunchQueue | None) -> _Object:
        self._driver.enter()
        key = 0 if stream is None else stream.handle
        if key not in self._handles:
            handle = _Object(self._functions, "cusolverDnCreate", "cusolverDnDestroy")
            self._functions.cusolverDnSetStream(handle.address, key)
            self._handles[key] = handle
        return self._handles[key]

    def _jacobi(self) -> _Object:
        """Settings of Jacobi's method, the defaults: to machine precision, values ascending."""
        if self._settings is None:
            make, destroy = "cusolverDnCreateSyevjInfo", "cusolverDnDestroySyevjInfo"
            self._settings = _Object(self._functions, make, destroy)
        return self._settings


def status_text(code: int) -> str:
    """The text of a cusolverStatus_t."""
    return f"{STATUS_TEXT.get(code, 'an unknown error')} (status {code})"


def load_dense(driver: CudaDriver, blas: Blas | None, newest: int = max(VERSIONS)) -> Dense | None:
    """cuSOLVER for CUDA of a major version up to `newest`, or None where it, or cuBLAS, is not
    installed."""
    if blas is None:
        return None
    versions = [own for cuda, own in VERSIONS.items() if cuda <= newest]
    if not versions:
        return None
    for name, majors in BESIDE.items():
        load_beside(name, [major for major in majors if major <= newest])
    library = load_library("cusolver", versions)
    try:
        return Dense(driver, blas, library) if library is not None else None
    except AttributeError:  # one of them is too old for the table
        return None
