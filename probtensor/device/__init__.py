"""The CUDA device: memory, kernels, streams and libraries, and nothing of a graph or a plan.

`driver()` gives the process's one driver, whose members, those of `Driver`, are all that the layers
above know of a device. The tests put another one in its place (`use`), over host memory, so every
kernel and every caller is run without a GPU. `DeviceArray` is memory with a shape and a dtype,
which CuPy, PyTorch and JAX read in place.

    structs.py    C structures that the host packs and kernels read
    protocol.py   Driver, and what it makes: Memory, LaunchQueue, Kernel, Image, Graph, Products
    nvidia.py     the driver through PyCUDA: contexts, memory, launches, streams, failures
    graphs.py     CUDA graphs, by five functions of libcuda that PyCUDA does not bind
    memory.py     the pool: steady work allocates nothing
    compiler.py   NVRTC, else nvcc: text to an image; images.py keeps images on disk
    libraries.py  where NVIDIA's libraries lie, and how a table of functions is bound
    blas.py       matrix products by cuBLAS; another library is another table
    array.py      DeviceArray; dlpack.py the capsules that it is exchanged by

What was decided, and why:

PyCUDA is imported in one module and only when a device is asked for, because it needs NVIDIA's
driver to be imported at all. All threads share the primary context, as every other library does.
PyCUDA ends the process when a thread goes whose stack of contexts is not empty, so the context is
pushed only around calls that make or free PyCUDA's objects.

The pool is ours and not PyCUDA's: giving a block back must be safe in any thread and at any time,
the end of the process included, and PyCUDA's calls the driver then. What is freed is handed out
again at once, which is right on one stream; `memory.Allocation` says what to mind on several.

Launches take packed bytes, which costs a fifth of PyCUDA's own call. A kernel that fails is
reported by the driver at some later call: the error names the kernels queued since the last wait.

cuBLAS is called by ctypes with 64-bit sizes, in float32 without TF32 unless asked, one handle and
one workspace a stream, since a captured stream may not allocate.

Rejected: PyCUDA's SourceModule (it needs a toolkit and a second for each kernel), its GPUArray (no
DLPack, and kernels of its own), managed memory (pages wander when the host looks), cuRAND (its
streams are not those of the CPU).
"""

from probtensor.device.array import DeviceArray, device_array, empty, transfer
from probtensor.device.current import driver, is_available, use
from probtensor.device.errors import DeviceError
from probtensor.device.protocol import (
    DeviceEvent,
    Driver,
    Graph,
    Image,
    Kernel,
    LaunchQueue,
    Memory,
    Products,
)

__all__ = [
    "DeviceArray",
    "DeviceError",
    "DeviceEvent",
    "Driver",
    "Graph",
    "Image",
    "Kernel",
    "LaunchQueue",
    "Memory",
    "Products",
    "device_array",
    "driver",
    "empty",
    "is_available",
    "transfer",
    "use",
]
