"""CUDA graphs: work that is queued once and then launched as one. PyCUDA has no binding for them,
so five functions of NVIDIA's driver are called here by ctypes, beside PyCUDA and on its streams.
"""

from __future__ import annotations

import ctypes
import weakref
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

from probtensor.device.errors import DeviceError
from probtensor.device.libraries.loading import bind
from probtensor.device.protocol import LaunchQueue

if TYPE_CHECKING:
    from probtensor.device.nvidia import CudaDriver

POINTER = ctypes.c_void_p
OUT = ctypes.POINTER(ctypes.c_void_p)
DRIVER_FUNCTIONS = {
    "cuCtxSetCurrent": (POINTER,),
    "cuDriverGetVersion": (ctypes.POINTER(ctypes.c_int),),
    "cuStreamSynchronize": (POINTER,),
    "cuStreamBeginCapture_v2": (POINTER, ctypes.c_int),
    "cuStreamEndCapture": (POINTER, OUT),
    "cuGraphInstantiateWithFlags": (OUT, POINTER, ctypes.c_ulonglong),
    "cuGraphDestroy": (POINTER,),
    "cuGraphLaunch": (POINTER, POINTER),
    "cuGraphExecDestroy": (POINTER,),
}
CAPTURE_THREAD_LOCAL = 1  # other threads may allocate during the capture


def driver_functions(library: ctypes.CDLL) -> SimpleNamespace:
    """The functions of libcuda that PyCUDA does not offer; they raise where they fail."""
    return bind(library, DRIVER_FUNCTIONS, lambda code: error_text(library, code))


def error_text(library: ctypes.CDLL, code: int) -> str:
    """The driver's text for an error code."""
    text = ctypes.c_char_p()
    library.cuGetErrorString(code, ctypes.byref(text))
    return text.value.decode() if text.value else f"error {code}"


def _destroy(functions: SimpleNamespace, executable: ctypes.c_void_p) -> None:
    """Free a graph; at exit its context may already be destroyed, and the graph with it."""
    with suppress(DeviceError):
        functions.cuGraphExecDestroy(executable)


class Graph:
    """Work that was queued on a stream while it was captured, to be launched any number of times.

    It holds addresses, not arrays: its user keeps the memory alive. `stream` is kept alive here.
    """

    def __init__(self, driver: CudaDriver, functions: SimpleNamespace) -> None:
        self._driver = driver
        self._functions = functions
        self._executable: ctypes.c_void_p | None = None
        self.stream: LaunchQueue | None = None

    def begin(self, stream: int) -> None:
        """Start capturing: work queued on the stream is recorded here instead of run."""
        self._functions.cuStreamBeginCapture_v2(stream, CAPTURE_THREAD_LOCAL)

    def end(self, stream: int, instantiate: bool) -> None:
        """Stop capturing, and instantiate the graph if `instantiate`."""
        functions = self._functions
        graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
        try:
            functions.cuStreamEndCapture(stream, ctypes.byref(graph))
        except DeviceError:
            if instantiate:
                raise
            return
        try:
            if instantiate:
                functions.cuGraphInstantiateWithFlags(ctypes.byref(executable), graph, 0)
                self._executable = executable
                weakref.finalize(self, _destroy, functions, executable).atexit = False
        finally:
            functions.cuGraphDestroy(graph)

    def launch(self, stream: LaunchQueue | None = None) -> None:
        """Queue all of the work on a stream."""
        if self._executable is None:
            raise DeviceError("the graph is still being captured, or its capture failed")
        self._driver.launch_graph(self._executable, stream)
