"""Samplers: algorithms over a log density that is a C pointer, or device code.

The one idea: a chain is one call of native code. `cython_ext.samplers.chain.run` takes the address
of a density, a start point and the arrays to fill, lets go of the GIL, and comes back when the
chain is done; warm-up, trees, metric, random numbers and records are all inside. So chains are
threads of one process that share the posterior's data, nothing is pickled, and a small model costs
what its arithmetic costs. Python holds what is not arithmetic, one file each:

    run.py          `sample`: settings in, ArviZ object out
    settings.py     what is asked of a run, as frozen values; checks.py: each of them on the way in
    errors.py       SamplingError, SamplerWarning
    kernels/        what a sampler needs of a density; one chain of NUTS on the CPU
    adaptation/     the warm-up's schedule: a byte of flags an iteration, which native code obeys
    runs/           start points, threads, Ctrl-C, progress, draws, the ArviZ object
    diagnostics/    R-hat, effective sample sizes, E-BFMI; warnings with advice
    device/         many chains on a device

and in cython_ext: leapfrog.pyx (integrator, memory of states), nuts.pyx (trees, one transition),
chain.pyx (adaptation, the loop), with C headers for vector loops and random numbers. In cuda:
pt_nuts.cuh, the same algorithm for thousands of chains, with a tree each; pt_chees.cuh, ChEES-HMC,
where all take steps together; pt_chain.cuh, what both share; pt_pool.cuh, one metric and one step
size that all chains learn together, always for ChEES and from 128 chains on for NUTS. All state
stays on the device.

Trees are built by an iterative binary counter, not by recursion: memory for 3 states a level, taken
once, no copies (states are held by pointer and counted), no allocation in the loop. Weights are
numbers, not logarithms, with a reference energy that moves if it must.

While chains run, the BLAS libraries of NumPy and SciPy keep to one thread in the whole process
(cython_ext/blas.pyx), and have their own number again afterwards.

Random numbers are Philox blocks under a key folded from (seed, chain, purpose). Chain i therefore
draws the same bits with 1 or 16 chains, on 1 or 16 threads. Momenta come from a ziggurat.

The metric is a diagonal var(draw)**a / var(gradient)**(1 - a) whose a moves from 1/2 to 1 as draws
arrive (chain.pyx says why; nuts.py gives the figures).

A chain that starts far out begins hot (chain.pyx). target_accept is 0.9: settings.py has a table.

Rejected: processes (pickling, start-up, memory); a Python loop around a native transition (the
loop would cost more than a small model's gradient); chains in step (they wait for the longest tree:
on a device NUTS takes one step a turn, whatever tree it is of); Stan's windows (adaptation/);
restarting the step size search after each window; locks around progress (relaxed atomic words are
enough). Dense and low-rank metrics belong beside `refresh_metric`; another sampler over the same
states beside nuts.pyx.
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
