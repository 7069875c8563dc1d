"""Benchmarks on a device: `python -m tests.bench.gpu`, which `tests/tools/gpu.sh` calls.

The one idea: a step is a module with `TITLE`, `COLUMNS` and `measure(setting)`, a generator of
records, run by `worker.py` in a process of its own under its own limit of time. Each record leaves
the process as one line as soon as it is there, so a step that is stopped, or that dies, keeps what
it has measured, and the steps after it run all the same.

Peers are measured in the same process, on copies of the same data that lie on the device, block by
block in turn (`clock.py`), and their results are compared with ours before any time is kept: a
contender that computes something else has no figure.

With `--dry` every step runs on tiny data with the host in the device's place
(`tests/device/host.py`) and NumPy in CuPy's: nothing is measured, but no slip of the pen waits for
a device to be found.

Files: `steps.py` the order, the limits; `peers.py` the libraries; `clock.py`, `report.py` and
`verdicts.py`, which says what was aimed at;
`facts.py`, `first.py`, `nets.py` what comes before figures; then one file a benchmark:
`stream.py` elementwise expressions and folds, `products.py`, `routines.py`, `logistic.py`,
`chains.py`, `copies.py`, `calls.py`. Only when named: `groups.py`, `profiles.py`, `sanitizers.py`.
Rejected: CUDA events. Every library has its own streams, and what the user waits for is the wall
clock; with blocks of many calls the one wait at a block's end is lost in them.
"""
