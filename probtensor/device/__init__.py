"""The CUDA device: memory, kernels, streams and libraries, and nothing of a graph or a plan.

`driver()` gives the process's one driver; its members (`Driver`) are the only interface to a device
of the layers above. The tests replace it (`use`) by one over host memory, so every kernel and every
caller is run without a GPU. `DeviceArray` is memory with a shape and a dtype, which CuPy, PyTorch
and JAX read in place.

    structs.py    C structures that the host packs and kernels read
    protocol.py   Driver, and what it makes: Memory, LaunchQueue, Kernel, Image, Graph,
                  MatrixProducts, DenseRoutines, FourierTransforms
    nvidia.py     the driver through PyCUDA: contexts, memory, launches, streams, errors
    graphs.py     CUDA graphs, by five functions of libcuda that PyCUDA does not bind
    memory.py     the memory pool
    compiler.py   NVRTC, else nvcc: text to an image; images.py keeps images on disk
    libraries/    NVIDIA's libraries: matrix products, factorisations, Fourier transforms
    array.py      DeviceArray; dlpack.py has the capsules for its exchange

What was decided, and why:

PyCUDA is imported in one module and only at the first use of a device, since importing it needs
NVIDIA's driver. All threads share the primary context, as other libraries do. PyCUDA aborts the
process when a thread ends whose stack of contexts is not empty, so the context is pushed only
around calls that make or free PyCUDA's objects.

The memory pool is not PyCUDA's: freeing a block must be safe in any thread and at any time, also
at the end of the process, but PyCUDA's pool calls the driver then. A freed block is reused at once,
which is correct on one stream; see `memory.Allocation` for several.

Launches take packed bytes, at a fifth of the cost of PyCUDA's own call. The driver reports a failed
kernel at some later call: the error names the kernels queued since the last synchronization.

Rejected: PyCUDA's SourceModule (needs a toolkit, and a second for each kernel), its GPUArray (no
DLPack, and kernels of its own), managed memory (pages migrate when the host reads them), cuRAND
(its random streams differ from those of the CPU).
"""

from probtensor.device.array import DeviceArray, device_array, empty, transfer
from probtensor.device.current import driver, is_available, use
from probtensor.device.errors import DeviceError
from probtensor.device.protocol import (
    DenseRoutines,
    DeviceEvent,
    Driver,
    FourierTransforms,
    Graph,
    Image,
    Kernel,
    LaunchQueue,
    MatrixProducts,
    Memory,
    TransformPlan,
)

__all__ = [
    "DenseRoutines",
    "DeviceArray",
    "DeviceError",
    "DeviceEvent",
    "Driver",
    "FourierTransforms",
    "Graph",
    "Image",
    "Kernel",
    "LaunchQueue",
    "MatrixProducts",
    "Memory",
    "TransformPlan",
    "device_array",
    "driver",
    "empty",
    "is_available",
    "transfer",
    "use",
]
