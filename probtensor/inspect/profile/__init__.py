"""The profiler: where the time of compiled functions goes, in the code that runs.

    measure.py    a profile of one function: `f.profile(...)`
    rows.py       what a profile has, and its text
    code/         samples of running code, and which operation of which line is there
    stepped.py    times of interpreted statements
    counts.py     operations, calls of functions and memory of each kernel
    peaks.py      what this machine can do at most
    memory.py     memory of a call
    compiling.py  seconds of making a function: by stage, pass and rule
    calls.py      a profile of whatever runs in a block: `pt.profiling()`
    advice.py     tips
    formats.py    speedscope, Chrome's trace format, HTML (page.py)

The one idea: nothing is measured but the code that runs. A timer interrupts it some thousand times
a second and notes the program counter; afterwards a *twin* of the module, compiled from the same
kernels with one operation on each line of C and with a line table, whose instructions are equal
byte for byte, says which operation of which line of the user is at that address. So a fused loop
is divided among the lines that were fused into it, and a function that is not profiled pays
nothing: it is the same module.

Rejected: clocks in generated loops (they change how compilers fuse and vectorise what is measured),
cutting functions in pieces that are timed alone (what is fused is not the sum of its pieces), and
counting operations alone (a cache miss is not an operation). Counts divide the time of a kernel
only where no samples can be taken.
"""

from __future__ import annotations

from probtensor.inspect.profile.measure import lines_of, profile
from probtensor.inspect.profile.rows import PROFILE_SECONDS, Profile, Row

__all__ = ["PROFILE_SECONDS", "Profile", "Row", "lines_of", "profile"]
