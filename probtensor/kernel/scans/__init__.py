"""Loops in order with small states: states and temporaries of an iteration as scalars.

A step of a recurrence often works on a few numbers (the states of a Markov chain, the variables of
a differential equation), and most of its time goes into memory between short loops. So short loops
in a `Scan` are unrolled, buffers that are then only accessed at constant indices become locals and
`State`s, and a larger state is updated in place where that is possible.

    choose.py      which loops are unrolled: those after which a buffer's elements are scalars
    unroll.py      iterations of a loop one after the other
    promote.py     elements of buffers as scalars
    inplace.py     the copy of the next state to the state dropped
    substitute.py  locals replaced by values; fresh names
    passes.py      all of it, in order

Rejected: local arrays of C instead of scalars. They are as fast where the loops over them are
unrolled by the C compiler, but every target would need them as a further kind of buffer.
"""

from probtensor.kernel.scans.choose import Storage
from probtensor.kernel.scans.passes import with_small_states

__all__ = ["Storage", "with_small_states"]
