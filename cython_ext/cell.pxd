"""Shared values and sequences of keys; see cell.pyx."""

from libc.stdint cimport uint64_t


cdef class Cell:
    cdef object _array  # None if the value is only on the device
    cdef object _device  # the value on a device, or None
    cdef readonly str dtype
    cdef readonly int ndim
    cdef int typenum
    cdef bint updated  # by a function
    cdef object _lock
    cdef uint64_t _forks  # when the lock was made

    cdef object get(self)
    cdef object checked(self, array)
    cdef object lock(self)
    cdef object swap(self, array)


cdef list acquire_locks(tuple cells)
cdef int release_locks(list locks) except -1


cdef class KeySequence:
    cdef uint64_t state
    cdef bint fresh
    cdef uint64_t forks

    cdef uint64_t advance(self) noexcept
