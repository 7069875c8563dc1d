"""Samples of where threads are, for the profiler; see include/host/pt_sampling.h.

One profile at a time has the sampler of a process. `take` gives what has been sampled since it was
called before, as arrays; samples that find the memory full are lost, and their time is counted.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

import os
import threading

import numpy as np

cdef extern from "pt_sampling.h" nogil:
    enum: PT_CAN_SAMPLE
    enum: PT_WORDS
    ctypedef struct pt_sample:
        int64_t number
        int64_t thread
        int64_t wall
        int64_t spent
        int64_t count
        uint64_t pc
        uint64_t words[PT_WORDS]
    int pt_open_sampling(int64_t capacity, int64_t interval)
    int pt_sample_thread(int64_t thread)
    void pt_stop_thread(int64_t thread)
    void pt_close_sampling()
    void pt_set_ranges(int64_t count, const uint64_t *first, const uint64_t *last)
    void pt_set_main_stack(uint64_t first, uint64_t last)
    int64_t pt_this_thread()
    pt_sample *pt_samples "pt_sampling.samples"
    int64_t pt_capacity "pt_sampling.capacity"
    int64_t pt_lost "pt_sampling.lost"

cdef extern from *:
    """
    static int64_t pt_number(const pt_sample *made)
    {
        return __atomic_load_n(&made->number, __ATOMIC_ACQUIRE);
    }
    static void pt_free_sample(pt_sample *made)
    {
        __atomic_store_n(&made->number, 0, __ATOMIC_RELEASE);
    }
    """
    int64_t pt_number(const pt_sample *made) nogil
    void pt_free_sample(pt_sample *made) nogil

available = bool(PT_CAN_SAMPLE)
OWNER = threading.Lock()  # held while a profile has the sampler


def _forked():
    """In a forked child, which has no timers, nothing is sampled."""
    global OWNER
    OWNER = threading.Lock()
    pt_stop_thread(0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


# One sample, as `take` gives it; the rows are in the order in which they were taken.
SAMPLE = np.dtype([
    ("number", "i8"), ("thread", "i8"), ("wall", "i8"), ("spent", "i8"), ("count", "i8"),
    ("pc", "u8"), ("words", "u8", (PT_WORDS,)),
])


def this_thread():
    """The number of this thread, as the kernel has it."""
    return pt_this_thread()


def begin(int64_t capacity, double seconds):
    """Begin to sample, every so many seconds on average, no thread yet. OSError where another
    profiler has the signal, RuntimeError where this process is being profiled."""
    if not OWNER.acquire(blocking=False):
        raise RuntimeError("another profile is being taken in this process")
    cdef int error = pt_open_sampling(capacity, <int64_t>(1e9 * seconds))
    if error:
        OWNER.release()
        raise OSError(error, "no samples can be taken: " + (os.strerror(error) if error > 0
                                                            else "not on this system"))


def set_ranges(ranges):
    """Where code of functions is: ranges of addresses, from and to. Of registers and the stack a
    sample keeps the words that are in one."""
    cdef uint64_t[::1] first, last
    ordered = sorted(ranges)
    table = np.array(ordered or [(0, 1)], np.uint64).reshape(-1, 2)
    first, last = np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])
    pt_set_ranges(len(ordered), &first[0], &last[0])


def set_main_stack(uint64_t first, uint64_t last):
    """Where the stack of the main thread is."""
    pt_set_main_stack(first, last)


def watch(int64_t thread):
    """Sample a thread from now on; False if that is not possible, as for one that has ended."""
    return pt_sample_thread(thread) == 0


def forget(int64_t thread):
    """Sample a thread no longer."""
    pt_stop_thread(thread)


def take():
    """The samples since the last call, as an array of SAMPLE."""
    cdef int64_t k
    cdef list found = []
    for k in range(pt_capacity):
        if pt_number(&pt_samples[k]):
            found.append(k)
    made = np.empty(len(found), SAMPLE)
    cdef unsigned char[::1] room = made.view("u1").reshape(-1)
    cdef int64_t n = 0
    for k in found:
        memcpy(&room[n * sizeof(pt_sample)], &pt_samples[k], sizeof(pt_sample))
        pt_free_sample(&pt_samples[k])
        n += 1
    return made[np.argsort(made["number"])]


def end():
    """Sample nothing any more; gives the seconds of samples that were lost."""
    pt_stop_thread(0)
    cdef double lost = 1e-9 * pt_lost
    with nogil:
        pt_close_sampling()
    OWNER.release()
    return lost
