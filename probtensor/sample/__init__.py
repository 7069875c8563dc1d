"""Samplers: algorithms over a log density that is a C pointer, or device code.

The one idea: a chain is one call of native code. `cython_ext.samplers.chain.run` takes the address
of a density, a start point and the arrays to fill, lets go of the GIL, and comes back when the
chain is done; warm-up, trees, metric, random numbers and records are all inside. So chains are
threads of one process that share the posterior's data, nothing is pickled, and a small model costs
what its arithmetic costs. Python holds what is not arithmetic, one file each:

    run.py          `sample`: settings in, ArviZ object out
    settings.py     settings of a run as frozen values; checks.py: validation of each
    errors.py       SamplingError, SamplerWarning
    kernels/        what a sampler requires of a density; one chain of NUTS on the CPU
    adaptation/     the warm-up's schedule: a byte of flags for each iteration, read by native code
    paths/          start points near modes: normal densities along paths of an optimiser
    runs/           start points, threads, Ctrl-C, progress, draws, the ArviZ object
    diagnostics/    R-hat, effective sample sizes, E-BFMI; warnings with advice
    device/         many chains on a device

and in cython_ext: leapfrog.pyx (integrator, memory of states), nuts.pyx (trees, one transition),
chain.pyx (adaptation, the loop), with C headers for vector loops and random numbers. In cuda:
pt_nuts.cuh, the same algorithm for thousands of chains, each with its own tree; pt_chees.cuh,
ChEES-HMC, where all chains take the same number of steps; pt_chain.cuh, what both share;
pt_pool.cuh, pooled adaptation of one metric and step size, always for ChEES and by default from 128
chains on for NUTS. All state stays on the device.

Trees are built iteratively with a binary counter, not by recursion: memory for 3 states a level,
allocated once; no copies (states are referenced by pointer and counted), no allocation in the loop.
Weights are numbers, not logarithms, relative to a reference energy that is replaced if a weight
would overflow.

While chains run, the BLAS libraries of NumPy and SciPy use one thread in the whole process
(cython_ext/blas.pyx); their number of threads is restored afterwards.

Random numbers are Philox blocks under a key folded from (seed, chain, purpose). Chain i therefore
draws the same bits with 1 or 16 chains, on 1 or 16 threads. Momenta come from a ziggurat.

The metric is a diagonal var(draw)**a / var(gradient)**(1 - a), where a grows from 1/2 to 1 with the
number of draws (chain.pyx has the reasons, nuts.py the figures).

A chain that starts far from the typical set is tempered (chain.pyx). The default target_accept is
0.9; settings.py has a table.

Rejected: processes (pickling, start-up, memory); a Python loop around a native transition (the
loop would cost more than a small model's gradient); chains in lockstep by iteration (they wait for
the longest tree; on a device NUTS is in lockstep by leapfrog step instead); Stan's windows
(adaptation/); restarting the step size search after each window; locks around progress (relaxed
atomic words are enough). Dense and low-rank metrics belong beside `refresh_metric`; another sampler
over the same states beside nuts.pyx.
"""

from probtensor.sample.errors import SamplerWarning, SamplingError
from probtensor.sample.kernels.protocol import Context, LogpGrad
from probtensor.sample.run import sample
from probtensor.sample.runs.draws import Draws
from probtensor.sample.runs.progress import ChainState

__all__ = [
    "ChainState",
    "Context",
    "Draws",
    "LogpGrad",
    "SamplerWarning",
    "SamplingError",
    "sample",
]
