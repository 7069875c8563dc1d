"""The code of a plan, shared by all entries of it, and replaced while they are called.

A plan may begin on a program for a machine and be switched to native code that computes the same
bits. Callers read the address at each call; nothing waits, and neither code is unloaded while the
`Code` lives, since another thread may be inside of it.
"""

from libc.stdint cimport uintptr_t


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
