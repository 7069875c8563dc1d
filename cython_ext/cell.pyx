"""State of compiled functions between calls: shared values and sequences of random keys."""

cimport cython
cimport numpy as cnp
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint64_t

import os
import threading

import numpy as np

cnp.import_array()

# The number of forks since the first process, and 64 random bits of this one.
cdef uint64_t FORKS = 0
cdef uint64_t ENTROPY = int.from_bytes(os.urandom(8), "little")
# Threads that hold locks of cells.
cdef set LOCKING_THREADS = set()


def _forked():
    global FORKS, ENTROPY
    FORKS += 1
    ENTROPY = int.from_bytes(os.urandom(8), "little")
    LOCKING_THREADS.intersection_update([PyThread_get_thread_ident()])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


cdef list acquire_locks(tuple cells):
    """Acquire the locks of those cells that functions update; gives them for `release_locks`.

    All callers use one order of cells (`lock_order`), which excludes deadlocks. A thread that holds
    locks already runs a finalizer or a signal handler; as that may break the order, it does not
    wait: RuntimeError where a lock is taken.
    """
    cdef list locks = []
    cdef Cell cell
    me = PyThread_get_thread_ident()
    nested = me in LOCKING_THREADS
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
            locks.append(lock)
    except BaseException:
        release_locks(locks)
        raise
    if not nested:
        LOCKING_THREADS.add(me)
        locks.append(None)  # marks the outermost acquisition
    return locks


cdef int release_locks(list locks) except -1:
    """Release the locks, in reverse order."""
    cdef Py_ssize_t k
    if locks and locks[len(locks) - 1] is None:
        locks.pop()
        LOCKING_THREADS.discard(PyThread_get_thread_ident())
    for k in range(len(locks)):
        locks[len(locks) - 1 - k].release()
    return 0


def lock_order(cells):
    """The distinct cells, in the order in which their locks are acquired."""
    return tuple(sorted({id(cell): cell for cell in cells}.values(), key=id))


class CellLocks:
    """`with CellLocks(cells):` no function updates these cells within the block. Cells that no
    function updates are not locked."""

    def __init__(self, cells):
        self.cells = lock_order(cells)
        self.held = []

    def __enter__(self):
        self.held.append(acquire_locks(self.cells))

    def __exit__(self, *_):
        release_locks(self.held.pop())



cdef class Cell:
    """The value of a shared variable.

    `value` is a C-contiguous, aligned array of the dtype and rank the cell was made with; sizes may
    change. It is returned and set without a copy. The value may be on a device as well, or only
    there (`device`): it is downloaded once, when it is needed on the host.
    """

    def __init__(self, array):
        if type(array) is not np.ndarray:
            raise TypeError(f"a cell holds an array, not {type(array).__name__}")
        self.dtype = array.dtype.name
        self.typenum = np.dtype(self.dtype).num
        self.ndim = array.ndim
        self.value = array

    def mark_updated(self):
        """Note that a function updates the cell, so that calls of its readers lock it."""
        self.updated = True

    cdef object lock(self):
        """The lock for an update of the value. A forked child makes a new one, as the thread that
        held the old one may not exist there."""
        with cython.critical_section(self):
            if self._lock is None or self._forks != FORKS:
                self._lock = threading.RLock()
                self._forks = FORKS
            return self._lock

    cdef object get(self):
        """The value on the host. The download, which may take long, is outside the lock."""
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
        """Set a value on the host; gives the previous one, for the caller to free."""
        self.checked(array)
        with cython.critical_section(self):
            before = (self._array, self._device)
            self._array = array
            self._device = None
        return before

    cdef object checked(self, array):
        """The array; TypeError unless it has the cell's dtype and rank."""
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

        Assigning sets the value, and invalidates the host copy.
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

    def on_device(self, upload):
        """The value on the device: the cached copy, else `upload(value)`, which is cached."""
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

    An unseeded one (`fresh`) gives different keys in each forked child; a seeded one gives the same
    keys in all.
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
        """Restart from a state."""
        with cython.critical_section(self):
            self.state = <uint64_t>(int(state) & 0xFFFFFFFFFFFFFFFF)
            self.fresh = fresh
            self.forks = FORKS

    def next(self):
        """The next key; advances the sequence."""
        return self.advance()

    def __reduce__(self):
        return _unpickled, (self.state, bool(self.fresh))


def _unpickled(state, fresh):
    """The sequence of a pickle; an unseeded one gives different keys in each process."""
    return KeySequence(state ^ ENTROPY if fresh else state, fresh)
