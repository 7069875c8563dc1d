"""The code of a plan, shared by all entries of it, and replaced while they are called.

A plan may begin on a program for a machine and be switched to native code that computes the same
bits. Callers read the address at each call; nothing waits, and neither code is unloaded while the
`Code` lives, since another thread may be inside of it.

The time that callers spend is measured with some of their calls: the first two, then ever fewer, so
that it costs a decrement a call. Each caller paces itself; what it finds is added to one `Meter`.
"""

from cpython.exc cimport PyErr_SetInterrupt
from libc.stdint cimport uintptr_t

cdef extern from *:
    """
    #define pt_add(at, n) __atomic_add_fetch((at), (n), __ATOMIC_RELAXED)
    #define pt_read(at) __atomic_load_n((at), __ATOMIC_RELAXED)
    #define pt_exchange(at, n) __atomic_exchange_n((at), (n), __ATOMIC_RELAXED)
    """
    int64_t pt_add(int64_t *at, int64_t n) noexcept nogil
    int64_t pt_read(int64_t *at) noexcept nogil
    int64_t pt_exchange(int64_t *at, int64_t n) noexcept nogil

cdef enum:
    IDLE_CALLS = 1 << 16  # between two looks at a meter that is off
    PARTS = 16  # a timed call stands for at most limit / PARTS
    OUTLIER = 4  # times the last one: such a call stands for itself alone


cdef bint pt_record(Meter *meter, Pace *pace, int64_t nanoseconds) noexcept nogil:
    """Add a timed call, and those before it that it stands for. True for the one caller that
    reaches the limit."""
    cdef int64_t limit = pt_read(&meter.limit), count = max(1, pace.stride), last = pace.last
    cdef int64_t now = max(1, nanoseconds), usual = now if last == 0 else min(last, now)
    cdef int64_t added = count * now, following = min(2 * count, limit // PARTS // now)
    if limit == 0:
        pace.left = IDLE_CALLS
        pace.stride = pace.last = 0
        return False
    if last != 0 and now > OUTLIER * last:
        # It was interrupted, or the sizes have grown: the next call tells.
        added, following = (count - 1) * last + now, 1
    pace.left = pace.stride = max(1, following)
    pace.last = now
    cdef int64_t total = pt_add(&meter.spent, added)
    cdef int64_t promised = pt_add(&meter.promised, -count)
    if last != 0 and promised > 0:
        total += promised * usual
    return total >= limit and pt_exchange(&meter.limit, 0) != 0


cdef class Code:
    """What runs a plan: an address of a pt_plan_fn, or a Python callable (arrays, sizes) -> status.

    run      the address or the callable
    owner    what keeps the address valid
    program  None, or what the plan at the address interprets: its attributes are `frame_bytes`, the
             memory that it needs in each workspace; `frame_init`, the address of a pt_frame_fn that
             initialises a frame; and `address`, which is passed to it
    """

    def __init__(self, run, owner=None, program=None):
        if self.plan != NULL or self.runner is not None:
            raise RuntimeError("a code is made once")
        self.owners = [owner, program]
        if callable(run):
            self.runner = run
            return
        if program is not None:
            self.frame_bytes = program.frame_bytes
            self.frame_init = <pt_frame_fn><uintptr_t>program.frame_init
            self.program = <const void *><uintptr_t>program.address
        pt_store_plan(&self.plan, <pt_plan_fn><uintptr_t>run)

    @property
    def address(self):
        """The address of what runs the plan now, 0 for a Python callable."""
        return <uintptr_t>pt_load_plan(&self.plan)

    def switch(self, address, owner):
        """Call the plan at another address from now on, which gives the same results. TypeError
        for a plan in Python."""
        if self.runner is not None:
            raise TypeError("a plan in Python has no address to replace")
        self.owners.append(owner)
        pt_store_plan(&self.plan, <pt_plan_fn><uintptr_t>address)

    def measure(self, double seconds, wanted):
        """From now on, call `wanted()` once when calls have taken so long, or will have with those
        that are promised; with 0 seconds never. It is called with the GIL in any thread, and its
        exceptions are lost, except Ctrl-C."""
        self.wanted = wanted
        pt_exchange(&self.meter.limit, <int64_t>(1e9 * seconds))

    def promise(self, int64_t calls):
        """Announce so many calls; 0 withdraws what is left of an earlier announcement."""
        pt_exchange(&self.meter.promised, calls)

    @property
    def spent(self):
        """Seconds that calls have taken while they were measured, estimated."""
        return 1e-9 * pt_read(&self.meter.spent)

    cdef void want(self) noexcept:
        """Call what waits for the limit."""
        try:
            self.wanted()
        except KeyboardInterrupt:
            PyErr_SetInterrupt()  # Ctrl-C came just now: it comes again after the call
        except BaseException:
            pass  # a call that has succeeded must not fail for it
