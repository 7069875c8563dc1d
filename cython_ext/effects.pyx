"""Effects in compiled plans: values that are handed to Python in the middle of a call.

A plan calls `pt_effect_N` with N arrays and a table of doubles about them:

    info[0]  the number of the effect in EFFECTS
    info[1]  the position of the array with the condition under which it happens; -1: always
    info[2]  the number of loops around it
    info[3]  the number of axes of a batch, which all arrays begin with
    then     the steps of the loops, the outermost first, and the sizes of the axes of all arrays

The routine takes the GIL and calls `happen(addresses, address of info)` of the effect. An exception
is kept for the thread: the routine says 1 in `status`, so that the plan fails, the effects that
follow in the call do not happen, and who reports the failure raises what `taken` gives.
"""

from libc.stdint cimport int64_t, uint8_t

import threading
from weakref import WeakValueDictionary

EFFECTS = WeakValueDictionary()
KEPT = threading.local()


def taken():
    """The exception that an effect has raised in this thread, which then forgets it; or None."""
    error = getattr(KEPT, "error", None)
    KEPT.error = None
    return error


def run(info, addresses):
    """Make an effect happen, given the addresses of its table and of its arrays; 1 if it fails."""
    if getattr(KEPT, "error", None) is not None:
        return 1
    try:
        number = <int64_t> (<const double*> <size_t> info)[0]
        effect = EFFECTS.get(number)
        if effect is None:
            raise RuntimeError(
                "a compiled function calls back to a function of Python that is no more: keep the "
                "tensor it was compiled from"
            )
        effect.happen(addresses, info)
    except BaseException as error:
        KEPT.error = error
        return 1
    return 0


cdef void call(const double* info, int count, const void** at, double* status) noexcept with gil:
    cdef int k
    status[0] = run(<size_t> info, [<size_t> at[k] for k in range(count)])


cdef inline void effect(const double* info, int count, const void** at,
                        double* status) noexcept nogil:
    """The condition is read here, so that an effect that does not happen needs no GIL."""
    cdef int64_t guard = <int64_t> info[1]
    status[0] = 0
    if guard < 0 or (<const uint8_t*> at[guard])[0]:
        call(info, count, at, status)


cdef void pt_effect_1(const double* info, const void* a, double* status) noexcept nogil:
    cdef const void* at[1]
    at[0] = a
    effect(info, 1, at, status)


cdef void pt_effect_2(const double* info, const void* a, const void* b,
                      double* status) noexcept nogil:
    cdef const void* at[2]
    at[0] = a
    at[1] = b
    effect(info, 2, at, status)


cdef void pt_effect_3(const double* info, const void* a, const void* b, const void* c,
                      double* status) noexcept nogil:
    cdef const void* at[3]
    at[0] = a
    at[1] = b
    at[2] = c
    effect(info, 3, at, status)


cdef void pt_effect_4(const double* info, const void* a, const void* b, const void* c,
                      const void* d, double* status) noexcept nogil:
    cdef const void* at[4]
    at[0] = a
    at[1] = b
    at[2] = c
    at[3] = d
    effect(info, 4, at, status)


cdef void pt_effect_5(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, double* status) noexcept nogil:
    cdef const void* at[5]
    at[0] = a
    at[1] = b
    at[2] = c
    at[3] = d
    at[4] = e
    effect(info, 5, at, status)


cdef void pt_effect_6(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, const void* f,
                      double* status) noexcept nogil:
    cdef const void* at[6]
    at[0] = a
    at[1] = b
    at[2] = c
    at[3] = d
    at[4] = e
    at[5] = f
    effect(info, 6, at, status)


cdef void pt_effect_7(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, const void* f, const void* g,
                      double* status) noexcept nogil:
    cdef const void* at[7]
    at[0] = a
    at[1] = b
    at[2] = c
    at[3] = d
    at[4] = e
    at[5] = f
    at[6] = g
    effect(info, 7, at, status)


cdef void pt_effect_8(const double* info, const void* a, const void* b, const void* c,
                      const void* d, const void* e, const void* f, const void* g,
                      const void* h, double* status) noexcept nogil:
    cdef const void* at[8]
    at[0] = a
    at[1] = b
    at[2] = c
    at[3] = d
    at[4] = e
    at[5] = f
    at[6] = g
    at[7] = h
    effect(info, 8, at, status)
