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
from probtensor.device.libraries import bind
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
THIS_THREAD_ONLY = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may allocate meanwhile


def driver_functions(library: ctypes.CDLL) -> SimpleNamespace:
    """The functions of libcuda that PyCUDA does not offer; they raise where they fail."""
    return bind(library, DRIVER_FUNCTIONS, lambda code: meaning(library, code))


def meaning(library: ctypes.CDLL, code: int) -> str:
    """What the driver says of an error code."""
    text = ctypes.c_char_p()
    library.cuGetErrorString(code, ctypes.byref(text))
    return text.value.decode() if text.value else f"error {code}"


def _destroy(functions: SimpleNamespace, ready: ctypes.c_void_p) -> None:
    """Free a graph; at the end of a process its context may be gone, and the graph with it."""
    with suppress(DeviceError):
        functions.cuGraphExecDestroy(ready)


class Graph:
    """Work that was queued on a stream while it was captured, to be launched any number of times.

    It holds addresses, not arrays: whoever makes one keeps the memory. `keep` lives as long.
    """

    def __init__(self, driver: CudaDriver, functions: SimpleNamespace) -> None:
        self._driver = driver
        self._functions = functions
        self._ready: ctypes.c_void_p | None = None
        self.keep: LaunchQueue | None = None

    def begin(self, stream: int) -> None:
        """From now on work queued on the stream is kept here and not done."""
        self._functions.cuStreamBeginCapture_v2(stream, THIS_THREAD_ONLY)

    def end(self, stream: int, wanted: bool) -> None:
        """Stop capturing, and make the graph ready if it is wanted."""
        functions = self._functions
        graph, ready = ctypes.c_void_p(), ctypes.c_void_p()
        try:
            functions.cuStreamEndCapture(stream, ctypes.byref(graph))
        except DeviceError:
            if wanted:
                raise
            return
        try:
            if wanted:
                functions.cuGraphInstantiateWithFlags(ctypes.byref(ready), graph, 0)
                self._ready = ready
                weakref.finalize(self, _destroy, functions, ready).atexit = False
        finally:
            functions.cuGraphDestroy(graph)

    def launch(self, stream: LaunchQueue | None = None) -> None:
        """Queue all of the work on a stream."""
        if self._ready is None:
            raise DeviceError("the graph is still being captured, or its capture failed")
        self._driver.launch_graph(self._ready, stream)
