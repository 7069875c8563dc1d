"""What a compiled function carries from call to call: shared values and streams of keys."""

cimport cython
cimport numpy as cnp
from libc.stdint cimport uint64_t

import numpy as np

cnp.import_array()


cdef class Cell:
    """A value that lives between calls: what a shared variable holds.

    `value` is a C-contiguous, aligned array of the dtype and rank the cell was made with; sizes may
    change. It is handed out and taken as it is, without a copy. The value may lie on a device as
    well, or there alone (`device`): it comes to the host when it is asked for there, once.
    """

    def __init__(self, array):
        if type(array) is not np.ndarray:
            raise TypeError(f"a cell holds an array, not {type(array).__name__}")
        self.dtype = array.dtype.name
        self.typenum = np.dtype(self.dtype).num
        self.ndim = array.ndim
        self.value = array

    cdef object get(self):
        """The value on the host. The download runs outside the lock: it may wait long."""
        with cython.critical_section(self):
            array, device = self._array, self._device
        if array is not None:
            return array
        array = self.checked(device.get())
        with cython.critical_section(self):
            if self._device is device:
                self._array = array
        return array

    @property
    def value(self):
        return self.get()

    @value.setter
    def value(self, array):
        self.checked(array)
        with cython.critical_section(self):
            self._array = array
            self._device = None

    cdef object checked(self, array):
        """The array; TypeError unless it is one that this cell holds."""
        if not (
            cnp.PyArray_CheckExact(array)
            and cnp.PyArray_TYPE(<cnp.ndarray>array) == self.typenum
            and cnp.PyArray_NDIM(<cnp.ndarray>array) == self.ndim
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>array)
        ):
            raise TypeError(f"the cell holds contiguous {self.dtype} arrays with {self.ndim} axes")
        return array

    @property
    def device(self):
        """The value on a device: an object with dtype, ndim and `get()`; None if it is not there.

        Assigning makes this the value; the array on the host is then of the past.
        """
        with cython.critical_section(self):
            return self._device

    @device.setter
    def device(self, array):
        if array.dtype != self.dtype or array.ndim != self.ndim:
            raise TypeError(f"the cell holds {self.dtype} arrays with {self.ndim} axes")
        with cython.critical_section(self):
            self._device = array
            self._array = None

    def put(self, upload):
        """The value on the device: what is there, or else `upload(value)`, which then stays."""
        with cython.critical_section(self):
            array, device = self._array, self._device
        if device is not None:
            return device
        device = upload(array)
        with cython.critical_section(self):
            if self._array is array:
                self._device = device
        return device

    def __reduce__(self):
        return Cell, (self.get(),)


cdef class Stream:
    """Keys for random draws: the splitmix64 sequence from `state` (Steele, Lea, Flood 2014)."""

    def __init__(self, state):
        self.state = <uint64_t>(int(state) & 0xFFFFFFFFFFFFFFFF)

    cdef uint64_t advance(self) noexcept:
        cdef uint64_t z
        with cython.critical_section(self):
            self.state += <uint64_t>0x9E3779B97F4A7C15
            z = self.state
        z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
        return z ^ (z >> 31)

    def restart(self, state):
        """Begin anew."""
        with cython.critical_section(self):
            self.state = <uint64_t>(int(state) & 0xFFFFFFFFFFFFFFFF)

    def next(self):
        """The key the next call would have had; advances the stream."""
        return self.advance()

    def __reduce__(self):
        return Stream, (self.state,)
