"""Arrays on the device, and their exchange with other libraries without a copy."""

import gc
import pickle
import weakref

import numpy as np
import pytest

from probtensor import device
from probtensor.device import DeviceArray, dlpack
from tests.device.host import HostDriver

DTYPES = ["bool", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float32",
          "float64", "complex64", "complex128"]  # fmt: skip
SHAPES = [(), (1,), (5,), (0, 3), (2, 3), (2, 1, 4)]


@pytest.fixture(autouse=True)
def host():
    """A host driver in the place of the device."""
    driver = HostDriver()
    before = device.use(driver)
    yield driver
    device.use(before)


def sample(shape, dtype):
    return np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape) % 3, dtype)


class OnTheDevice:
    """An array of another library, as far as DLPack sees it. `old` knows no versions."""

    def __init__(self, array, old=False, where=None):
        self.array = array
        self.old = old
        self.where = where
        self.streams = []

    def __dlpack_device__(self):
        return self.where or self.array.__dlpack_device__()

    def __dlpack__(self, **options):
        if self.old and "max_version" in options:
            raise TypeError("unexpected keyword max_version")
        self.streams.append(options["stream"])
        return self.array.__dlpack__(**options)


class OnTheHost:
    """Our capsules with the device of the CPU, for NumPy to read."""

    def __init__(self, array, versioned):
        self.array = array
        self.versioned = versioned

    def __dlpack_device__(self):
        return dlpack.CPU, 0

    def __dlpack__(self, **options):
        a = self.array
        return dlpack.make_capsule(a, a.ctypes.data, a.shape, a.dtype, (dlpack.CPU, 0),
                                   self.versioned)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_up_and_down(shape, dtype):
    x = sample(shape, dtype)
    there = device.device_array(x)
    assert (there.shape, there.dtype, there.ndim) == (x.shape, x.dtype, x.ndim)
    assert (there.size, there.nbytes) == (x.size, x.nbytes)
    back = there.get()
    assert back.dtype == x.dtype and np.array_equal(back, x)
    assert device.device_array(there) is there
    assert device.transfer(there, "cuda") is there
    assert np.array_equal(device.transfer(there, "cpu"), x)


def test_strided_and_foreign_byte_orders_are_copied():
    x = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(device.device_array(x.T).get(), x.T)
    assert np.array_equal(device.device_array(x.astype(">f8")).get(), x)


def test_an_array_into_which_one_can_write():
    there = device.empty((2, 3), np.float32)
    assert np.isnan(there.get()).all()
    there.set(np.ones((2, 3)))
    twin = there.copy()
    there.set(np.zeros((2, 3)))
    out = np.empty((2, 3), np.float32)
    assert twin.get(out) is out and (out == 1).all()
    with pytest.raises(ValueError, match="does not fit"):
        there.set(np.ones(3))
    with pytest.raises(ValueError, match="C-contiguous float32"):
        there.get(np.empty((2, 3)))


def test_numpy_is_told_to_call_get():
    there = device.device_array([1.0, 2.0])
    with pytest.raises(TypeError, match=r"\.get\(\)"):
        np.asarray(there)
    with pytest.raises(TypeError, match=r"\.get\(\)"):
        np.exp(there)
    assert repr(there) == "DeviceArray(float64[2] on host)"
    assert len(there) == 2
    with pytest.raises(TypeError, match="no length"):
        len(device.device_array(1.0))


@pytest.mark.parametrize(
    "use",
    [lambda a: a + 1, lambda a: 2.0 @ a, lambda a: -a, lambda a: a > 0, lambda a: a[0], list, bool],
)
def test_what_needs_a_function_says_so(use):
    with pytest.raises(TypeError, match=r"\.get\(\).* a function with target='cuda'"):
        use(device.device_array([1.0, 2.0]))


def test_what_it_does_not_hold():
    for value in (np.ones(2, np.clongdouble), np.array(["a"]), np.array([None])):
        with pytest.raises(TypeError, match="booleans, integers, floats or complex numbers"):
            device.device_array(value)
    with pytest.raises(ValueError, match="'cuda' or 'cpu'"):
        device.transfer([1.0], "tpu")


def test_pickling_takes_the_values():
    there = pickle.loads(pickle.dumps(device.device_array([1.0, 2.0])))
    assert isinstance(there, DeviceArray) and there.get().tolist() == [1.0, 2.0]


def test_the_memory_is_given_back(host):
    there = device.empty(1000)
    assert host.used == 8000
    del there
    assert host.used == 0


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_takes_over_without_a_copy(host, dtype, old):
    mine = device.device_array(sample((2, 3), dtype))
    other = OnTheDevice(mine, old)
    host.counts.clear()
    ours = device.device_array(other)
    assert not host.counts
    assert (ours.address, ours.shape, ours.dtype) == (mine.address, (2, 3), mine.dtype)
    assert other.streams == [1]
    kept = weakref.ref(mine.owner)
    del mine, other
    assert kept() is not None and np.array_equal(ours.get(), sample((2, 3), dtype))
    del ours
    assert kept() is None and host.used == 0


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_a_capsule_that_nobody_takes_gives_the_memory_back(host, version):
    capsule = device.empty(10).__dlpack__(max_version=version)
    assert host.used == 80
    del capsule
    assert host.used == 0


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_numpy_reads_our_capsules(shape, dtype, versioned):
    x = sample(shape, dtype)
    kept = weakref.ref(x)
    read = np.from_dlpack(OnTheHost(x, versioned))
    assert read.dtype == x.dtype and np.array_equal(read, x)
    del x
    assert kept() is not None
    del read
    assert kept() is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("version", [None, (1, 0)])
def test_we_read_the_capsules_of_numpy(shape, dtype, version):
    x = sample(shape, dtype)
    options = {} if version is None else {"max_version": version}
    try:
        capsule = x.__dlpack__(**options)
    except TypeError:
        pytest.skip("this NumPy knows no versions of DLPack")
    taken = dlpack.consume_capsule(capsule)
    assert (taken.shape, taken.dtype) == (x.shape, x.dtype)
    assert taken.address == x.ctypes.data and taken.device == (dlpack.CPU, 0)
    with pytest.raises(BufferError, match="taken over before"):
        dlpack.consume_capsule(capsule)


def test_a_capsule_of_strided_memory_is_refused_and_left_alone():
    x = np.arange(12.0).reshape(3, 4)
    capsule = x.T.__dlpack__()
    with pytest.raises(BufferError, match="not C-contiguous"):
        dlpack.consume_capsule(capsule)
    assert np.array_equal(np.from_dlpack(OneCapsule(capsule)), x.T)


class OneCapsule:
    """A capsule that is there already."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack_device__(self):
        return dlpack.CPU, 0

    def __dlpack__(self, **options):
        return self.capsule


def test_dlpack_refusals(host):
    mine = device.empty(3)
    with pytest.raises(BufferError, match="ambiguous"):
        mine.__dlpack__(stream=0)
    with pytest.raises(BufferError, match=r"\.get\(\)"):
        mine.__dlpack__(dl_device=(dlpack.CPU, 0))
    with pytest.raises(device.DeviceError, match="CUDA device 1"):
        device.device_array(OnTheDevice(mine, where=(dlpack.CUDA, 1)))
    copied = dlpack.consume_capsule(mine.__dlpack__(copy=True))
    assert copied.address != mine.address


class Interface:
    """An array of another library, as far as the array interface sees it."""

    def __init__(self, array, **changes):
        self.array = array
        self.__cuda_array_interface__ = array.__cuda_array_interface__ | changes


def test_the_array_interface_goes_both_ways(host):
    mine = device.device_array(np.arange(6.0).reshape(2, 3))
    host.counts.clear()
    ours = device.device_array(Interface(mine))
    assert not host.counts and ours.address == mine.address
    assert np.array_equal(ours.get(), mine.get())
    assert device.device_array(Interface(mine, strides=(24, 8))).shape == (2, 3)
    with pytest.raises(ValueError, match="C-contiguous"):
        device.device_array(Interface(mine, strides=(8, 16)))
    with pytest.raises(ValueError, match="mask"):
        device.device_array(Interface(mine, mask=mine))
    device.device_array(Interface(mine, stream=12345))
    assert host.counts["waits"] == 1
    assert device.device_array(Interface(device.empty((0, 2)))).get().shape == (0, 2)


def test_the_array_interface_keeps_its_owner_alive(host):
    mine = device.device_array([1.0, 2.0])
    ours = device.device_array(Interface(mine))
    del mine
    gc.collect()
    assert ours.get().tolist() == [1.0, 2.0]
    del ours
    gc.collect()
    assert host.used == 0
