"""The libraries that are compared: how each takes data, computes and waits."""

import importlib
import importlib.metadata
import importlib.util
from abc import ABC, abstractmethod
from types import SimpleNamespace

import numpy as np

import probtensor as pt
from probtensor import device
from tests.bench.gpu.clock import Run

OURS = "probtensor"


class Library(ABC):
    """One contender. `xp` has NumPy's names: exp, log1p, tanh, sqrt, sum(x, axis), max(x, axis),
    matmul, logaddexp0 (that is log(1 + exp(x))) and sigmoid."""

    name = ""
    package = ""

    @abstractmethod
    def put(self, array):
        """A copy of the array on the device."""

    @abstractmethod
    def get(self, value):
        """A result as an array of NumPy's."""

    @abstractmethod
    def wait(self, value):
        """Returns when the value, and all that was queued before it, has been computed."""

    @abstractmethod
    def prepare(self, function, values):
        """`call()` -> list of results of `function(xp, *values)`, compiled where the library does.

        values : what `put` gave.
        """

    def run(self, function, values):
        """The same as a `Run`."""
        return Run(self.prepare(function, values), lambda results: self.wait(results[-1]))


class Ours(Library):
    """A function compiled for the device; its arguments and results stay there."""

    name = package = OURS

    def __init__(self, dry):
        self.driver = device.driver()
        self.grad = pt.grad
        self.xp = SimpleNamespace(
            exp=pt.exp,
            log1p=pt.log1p,
            tanh=pt.tanh,
            sqrt=pt.sqrt,
            sum=lambda x, axis=None: pt.sum(x, axis=axis),
            max=lambda x, axis=None: pt.max(x, axis=axis),
            matmul=pt.matmul,
            logaddexp0=pt.softplus,
            sigmoid=pt.sigmoid,
        )

    def put(self, array):
        return device.device_array(np.ascontiguousarray(array))

    def get(self, value):
        return value.get()

    def wait(self, value):
        self.driver.synchronize()

    def compile(self, function, values):
        """The compiled function itself; inputs of equal shape share their sizes."""
        sizes = {}
        inputs = []
        for k, value in enumerate(values):
            shape = sizes.get(value.shape)
            if shape is None:
                shape = (None,) * value.ndim
            made = pt.tensor(f"x{k}", shape, value.dtype)
            sizes.setdefault(value.shape, made.shape)
            inputs.append(made)
        outputs = [y.transfer("cuda") for y in function(self.xp, *inputs)]
        return pt.function(inputs, outputs, target="cuda")

    def prepare(self, function, values):
        compiled = self.compile(function, values)
        return lambda: compiled(*values)


class Jax(Library):
    """`jax.jit`, float64 allowed, no TF32."""

    name = package = "jax"

    def __init__(self, dry):
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)
        self.jax.config.update("jax_default_matmul_precision", "highest")
        numpy = importlib.import_module("jax.numpy")
        if not dry and self.jax.default_backend() != "gpu":
            raise RuntimeError(f"JAX runs on {self.jax.default_backend()}")
        self.xp = SimpleNamespace(
            exp=numpy.exp,
            log1p=numpy.log1p,
            tanh=numpy.tanh,
            sqrt=numpy.sqrt,
            sum=numpy.sum,
            max=numpy.max,
            matmul=numpy.matmul,
            logaddexp0=self.jax.nn.softplus,
            sigmoid=self.jax.nn.sigmoid,
        )

    def put(self, array):
        return self.jax.device_put(array).block_until_ready()

    def get(self, value):
        return np.asarray(value)

    def wait(self, value):
        value.block_until_ready()

    def prepare(self, function, values):
        compiled = self.jax.jit(lambda *inputs: function(self.xp, *inputs))
        return lambda: compiled(*values)


class Torch(Library):
    """PyTorch, each operation at once; TF32 off."""

    name = package = "torch"

    def __init__(self, dry):
        torch = self.torch = importlib.import_module("torch")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.set_grad_enabled(False)
        if not dry and not torch.cuda.is_available():
            raise RuntimeError("PyTorch sees no device")
        self.place = "cuda" if torch.cuda.is_available() else "cpu"
        self.xp = SimpleNamespace(
            exp=torch.exp,
            log1p=torch.log1p,
            tanh=torch.tanh,
            sqrt=torch.sqrt,
            sum=lambda x, axis=None: torch.sum(x) if axis is None else torch.sum(x, axis),
            max=lambda x, axis=None: torch.amax(x) if axis is None else torch.amax(x, axis),
            matmul=torch.matmul,
            logaddexp0=torch.nn.functional.softplus,
            sigmoid=torch.sigmoid,
        )

    def put(self, array):
        return self.torch.from_numpy(np.array(array)).to(self.place)

    def get(self, value):
        return value.cpu().numpy()

    def wait(self, value):
        if self.place == "cuda":
            self.torch.cuda.synchronize()

    def prepare(self, function, values):
        return lambda: function(self.xp, *values)


class Arrays(Library):
    """A library with NumPy's own interface, each operation at once."""

    def __init__(self, dry):
        numpy = self.numpy = importlib.import_module(self.package)
        self.xp = SimpleNamespace(
            exp=numpy.exp,
            log1p=numpy.log1p,
            tanh=numpy.tanh,
            sqrt=numpy.sqrt,
            sum=numpy.sum,
            max=numpy.max,
            matmul=numpy.matmul,
            logaddexp0=lambda x: numpy.logaddexp(x, x.dtype.type(0)),
            sigmoid=lambda x: 1 / (1 + numpy.exp(-x)),
        )

    def put(self, array):
        return self.numpy.array(array)

    def prepare(self, function, values):
        return lambda: function(self.xp, *values)


class Cupy(Arrays):
    """CuPy."""

    name = package = "cupy"

    def __init__(self, dry):
        super().__init__(dry)
        if self.numpy.cuda.runtime.getDeviceCount() < 1:
            raise RuntimeError("CuPy sees no device")

    def get(self, value):
        return self.numpy.asnumpy(value)

    def wait(self, value):
        self.numpy.cuda.get_current_stream().synchronize()


class Numpy(Arrays):
    """What stands in CuPy's place in a dry run."""

    name = package = "numpy"

    def get(self, value):
        return np.asarray(value)

    def wait(self, value):
        pass


PEERS = (Jax, Torch, Cupy)
# What a report names the version of, whether or not it is here.
DISTRIBUTIONS = (
    "probtensor", "pycuda", "numpy", "jax", "jaxlib", "jax-cuda13-plugin", "numpyro", "blackjax",
    "torch", "cupy-cuda13x", "cuda-pathfinder", "nvidia-cuda-nvrtc", "nvidia-cublas", "arviz",
)  # fmt: skip


def version(distribution):
    """The installed version, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def libraries(dry, wanted=PEERS):
    """({name: Library}, [why a peer is missing]): ours first, then the peers that can run here."""
    found, missing = {OURS: Ours(dry)}, []
    for peer in (*wanted, Numpy) if dry else wanted:
        if importlib.util.find_spec(peer.package) is None:
            missing.append(f"{peer.name} is not installed")
            continue
        try:
            found[peer.name] = peer(dry)
        except Exception as error:
            # A peer that cannot start, however it fails, must not cost ours its figures.
            missing.append(f"{peer.name}: {trouble_of(error)}")
    return found, missing


def trouble_of(error):
    """An exception in a few words."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def disagreement(ours, theirs, tolerance):
    """What differs between two lists of results, in words; None where they agree.

    The measure is the largest difference relative to the largest value, NaN counting as different.
    """
    if len(ours) != len(theirs):
        return f"{len(theirs)} results, not {len(ours)}"
    for k, (a, b) in enumerate(zip(ours, theirs)):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if a.shape != b.shape:
            return f"result {k} has shape {b.shape}, not {a.shape}"
        scale = max(float(np.max(np.abs(a), initial=0)), 1e-30)
        worst = float(np.max(np.abs(a - b), initial=0)) / scale
        if not worst <= tolerance:
            return f"result {k} differs by {worst:.1e} of its largest value"
    return None
