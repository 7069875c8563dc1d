"""What a compiled function carries from call to call: shared values and streams of keys."""

cimport cython
cimport numpy as cnp
from libc.stdint cimport uint64_t

import numpy as np

cnp.import_array()


cdef class Cell:
    """A value that lives between calls: what a shared variable holds.

    `value` is a C-contiguous, aligned array of the dtype and rank the cell was made with; sizes may
    change. It is handed out and taken as it is, without a copy.
    """

    def __init__(self, array):
        if type(array) is not np.ndarray:
            raise TypeError(f"a cell holds an array, not {type(array).__name__}")
        self.dtype = array.dtype.name
        self.typenum = np.dtype(self.dtype).num
        self.ndim = array.ndim
        self.value = array

    cdef object get(self):
        with cython.critical_section(self):
            return self._array

    @property
    def value(self):
        return self.get()

    @value.setter
    def value(self, array):
        if not (
            cnp.PyArray_CheckExact(array)
            and cnp.PyArray_TYPE(<cnp.ndarray>array) == self.typenum
            and cnp.PyArray_NDIM(<cnp.ndarray>array) == self.ndim
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>array)
        ):
            raise TypeError(f"the cell holds contiguous {self.dtype} arrays with {self.ndim} axes")
        with cython.critical_section(self):
            self._array = array

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
