"""What a compiled function carries from call to call: shared values and streams of keys."""

cimport cython
cimport numpy as cnp
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint64_t

import os
import threading

import numpy as np

cnp.import_array()

# How many forks lie between the process that began and this one, and 64 bits that no other one has.
cdef uint64_t FORKS = 0
cdef uint64_t ENTROPY = int.from_bytes(os.urandom(8), "little")
# The threads that hold locks of cells now.
cdef set HOLDERS = set()


def _forked():
    global FORKS, ENTROPY
    FORKS += 1
    ENTROPY = int.from_bytes(os.urandom(8), "little")
    HOLDERS.intersection_update([PyThread_get_thread_ident()])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


cdef list hold(tuple cells):
    """Takes the locks of those cells that some function updates; returns them for `let_go`.

    The order of the cells must be the same everywhere (`in_order`), so that two callers cannot wait
    for each other. A thread that holds locks already got here from a finalizer or a handler of
    signals; its order is its own, so it does not wait. RuntimeError where it would have to.
    """
    cdef list held = []
    cdef Cell cell
    me = PyThread_get_thread_ident()
    nested = me in HOLDERS
    try:
        for cell in cells:
            if not cell.updated:
                continue
            lock = cell.lock()
            if not lock.acquire(not nested):
                raise RuntimeError(
                    "a finalizer or handler of signals, run while a function with updates is "
                    "called, needs a shared variable that another thread is updating"
                )
            held.append(lock)
    except BaseException:
        let_go(held)
        raise
    if not nested:
        HOLDERS.add(me)
        held.append(None)  # the last to be let go
    return held


cdef int let_go(list held) except -1:
    """Gives the locks back."""
    cdef Py_ssize_t k
    if held and held[len(held) - 1] is None:
        held.pop()
        HOLDERS.discard(PyThread_get_thread_ident())
    for k in range(len(held)):
        held[len(held) - 1 - k].release()
    return 0


def in_order(cells):
    """The cells without repetition, in the order in which everyone takes their locks."""
    return tuple(sorted({id(cell): cell for cell in cells}.values(), key=id))


class Alone:
    """`with Alone(cells):` nobody else replaces the values of these cells by what is computed from
    them; cells that no function updates are not locked."""

    def __init__(self, cells):
        self.cells = in_order(cells)
        self.held = []

    def __enter__(self):
        self.held.append(hold(self.cells))

    def __exit__(self, *_):
        let_go(self.held.pop())



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

    def will_be_updated(self):
        """From now on calls of functions that read the value may have to wait for one another."""
        self.updated = True

    cdef object lock(self):
        """Held by who replaces the value by one that is computed from it. In a forked child it is
        another one, as the thread that held this may not be there."""
        with cython.critical_section(self):
            if self._lock is None or self._forks != FORKS:
                self._lock = threading.RLock()
                self._forks = FORKS
            return self._lock

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
        self.swap(array)

    cdef object swap(self, array):
        """Gives it a value on the host; returns what it was, which the caller lets go."""
        self.checked(array)
        with cython.critical_section(self):
            before = (self._array, self._device)
            self._array = array
            self._device = None
        return before

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


cdef class KeySequence:
    """Keys for random draws: the splitmix64 sequence from `state` (Steele, Lea, Flood 2014).

    One that nobody seeded (`fresh`) goes another way in each forked child; a seeded one gives the
    same keys in all.
    """

    def __init__(self, state, bint fresh=False):
        self.restart(state, fresh)

    cdef uint64_t advance(self) noexcept:
        cdef uint64_t z
        with cython.critical_section(self):
            if self.fresh and self.forks != FORKS:
                self.forks = FORKS
                self.state ^= ENTROPY
            self.state += <uint64_t>0x9E3779B97F4A7C15
            z = self.state
        z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
        return z ^ (z >> 31)

    def restart(self, state, bint fresh=False):
        """Begin anew."""
        with cython.critical_section(self):
            self.state = <uint64_t>(int(state) & 0xFFFFFFFFFFFFFFFF)
            self.fresh = fresh
            self.forks = FORKS

    def next(self):
        """The key the next call would have had; advances the stream."""
        return self.advance()

    def __reduce__(self):
        return _revived, (self.state, bool(self.fresh))


def _revived(state, fresh):
    """A stream out of a pickle: wherever that is read, one that nobody seeded goes its own way."""
    return KeySequence(state ^ ENTROPY if fresh else state, fresh)
