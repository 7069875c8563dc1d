"""Shared values and streams of keys; see cell.pyx."""

from libc.stdint cimport uint64_t


cdef class Cell:
    cdef object _array  # None where only the device holds the value
    cdef object _device  # the same value on a device, or None
    cdef readonly str dtype
    cdef readonly int ndim
    cdef int typenum

    cdef object get(self)
    cdef object checked(self, array)


cdef class Stream:
    cdef uint64_t state

    cdef uint64_t advance(self) noexcept
