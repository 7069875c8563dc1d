"""The default target: plans run on the machine at once, and natively when that pays.

    target.py   AutoTarget: which of the two a plan begins on
    tiers.py    Tiers: one plan on the machine, and its native code once there is some
    builder.py  the thread that builds native code, its end and its forks
    cost.py     when a build pays, and what the machine costs where there is no compiler

Both give the same bits, so code is switched between two calls of a plan, also inside a sampler, and
nobody waits for it. Native code that the record of a graph names, and that is loaded or cached, is
used from the beginning. Otherwise the time that calls take on the machine is measured (a decrement
a call, a clock for few of them), and a build starts when it reaches what the build is expected to
take (`cost.build_seconds`): a program pays at most about twice what it would have paid knowing its
length, and one that is shorter than a build never starts a compiler. Calls that are announced, as
by a sampler, count in advance. A native build renders, translates and compiles in one thread a
process, one plan after the other, so that equal plans are built once; who reads `address` of a
function, or asks for `build="now"`, builds in his own thread, unless that plan or an equal one is
being built.

A build is dropped with its functions while it waits; one that has begun is finished, since its
result is cached. At the end of the process the compiler is killed and its folder removed. In a
forked child nothing is being built: there the time of calls is measured again.

Rejected: rendering each plan at once to look for its module (it takes as long as encoding it, and
the record of the graph finds nearly all), a process for the translation (its start takes longer
than most translations), and a low priority of the compiler (chains on all processors would keep it
from ever ending).
"""
