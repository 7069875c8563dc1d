"""Benchmarks against peers: `python -m tests.bench` (or `make bench`).

What is measured, for each model and contender, each in a process of its own:

- the time from a built model to its first gradient, with an empty and with a filled cache;
- the time of one gradient, called from Python and, where there is one, through the C pointer;
- the wall time of NUTS, 4 chains of 1000 + 1000 on two cores, and the smallest bulk effective
  sample size per second of it;
- import time and peak memory.

The one idea: the parent (`harness.py`) knows no library. It starts `worker.py` once per
measurement, hands it one task as JSON and reads one JSON line back, so that no contender shares a
process, a cache, a thread pool or a warm allocator with another. Rounds go over the contenders in
turn, so that a slow minute of the machine falls on all of them; the report gives medians.

Every pointer is called by the same C loop (`c/calls.c`), every effective sample size comes from
the same function (`ess.py`), and no contender's figures stand in the table unless its log density
agrees with the hand-written C pass (`harness.agreement`).

Files: `cases.py` the models as data and parameters; `contenders/` one file a library, each of them
the same face (`contenders/base.py`); `registry.py` their names; `report.py` tables and results;
`baseline.py` the regression check; `versions.py` and `blocks.py` two versions of ours against each
other, in processes that take turns (`--base REF`); `loops/` and `first/` loops, and the wait for
the first gradient, library by library; `linalg.py` matrices; `mathematics.py` special functions,
transforms, sorting and functions of matrices; `micro.py` call overhead and vector mathematics.
Rejected: pytest-benchmark and asv, which time within one process and compare absolute times of
different days; here the floor is measured in the same run and only ratios are compared.
"""
