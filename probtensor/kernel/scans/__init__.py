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

What stays as it is: loops with functions of many operations and loops over whole vectors of 8,
which the C compiler vectorises (at 8 states the scalars of a forward algorithm take 28 ns a step,
vectors in memory 22 ns), and the loops of a body that would have too many operations. A fold that
is unrolled is a plain sum from the first term to the last.

Rejected: local arrays of C instead of scalars, which every target would need as a further kind of
buffer, and which are no faster; sums of terms in pairs, 3 to 7 % faster, in another order than that
of the loop.
"""

from probtensor.kernel.scans.choose import Storage
from probtensor.kernel.scans.passes import with_small_states

__all__ = ["Storage", "with_small_states"]
