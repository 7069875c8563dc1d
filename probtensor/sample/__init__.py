"""Samplers: algorithms over a log density that is a C pointer, or device code.

The one idea: a chain is one call of native code. `cython_ext.chain.run` takes the address of a
density, a start point and the arrays to fill, lets go of the GIL, and comes back when the chain is
done; warm-up, trees, metric, random numbers and records are all inside. So chains are threads of
one process that share the posterior's data, nothing is pickled, and a small model costs what its
arithmetic costs. Python holds what is not arithmetic, one file each:

    run.py          `sample`: settings in, ArviZ object out
    protocol.py     what a posterior must offer
    settings.py     what is asked of a run, as frozen values; checks.py: each of them on the way in
    nuts.py         the arrays; one chain on the CPU; host.py: all chains on threads
    many.py         all chains on a device: batches, counters; many_chains.py: memory and
                    launches; many_layout.py: structures shared with the kernels
    draws.py        what a run has drawn, for the ArviZ object or for an exception
    interrupts.py   Ctrl-C while draws are in the making
    adapt.py        the warm-up's schedule: a byte of flags an iteration, which native code obeys
    start.py        start points, and what to say where there is none
    threads.py      running, watching and stopping chains
    progress.py     bars, lines, callbacks from counters that the chains keep anyway
    output.py       ArviZ 0.x and 1.x
    diagnostics.py  R-hat, effective sample sizes, E-BFMI
    warn.py         what is wrong with the draws and what to do
    errors.py       SamplingError, SamplerWarning

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

A chain that starts far out begins hot (chain.pyx): it moves on density**(1 / temperature) and cools
as it comes in. Of 240 starts, uniform on (-2, 2), of posteriordb's arma-arma11, whose log densities
go down to -1e114, all come in, at 7,000 gradients a chain; without heat 133 do, at 30,000 to
310,000, and with metric="diag" 215. So one start point a chain is enough: to take the best of a few would only
make chains begin nearer to each other, and R-hat see less.

target_accept is 0.9 since 0.8, which our schedule meets exactly, is not what others call so: Stan's
last window of 50 iterations ends at 0.92. Seventeen models (sixteen of posteriordb's references and
a Poisson GP regression), 4 seeds, 4 chains; failures are runs that posteriordb's check refuses,
efficiency is the least bulk effective size per gradient, geometric mean, relative to 0.8:

    target                   acceptance  failures  divergences  of GP  efficiency
    0.8                           0.827    2 of 68        1529   1485        1.00
    0.85                          0.865          0         563    544        0.97
    0.9                           0.903          0         184    182        0.83
    0.8, Stan's last window       0.922          0         156    131        0.73

Rejected: processes (pickling, start-up, memory); a Python loop around a native transition (the
loop would cost more than a small model's gradient); chains in step (they wait for the longest tree:
on a device NUTS takes one step a turn, whatever tree it is of); Stan's windows (adapt.py);
restarting the step size search after each window; locks around progress (relaxed atomic words are
enough). Dense and low-rank metrics belong beside `refresh_metric`; another sampler over the same
states beside nuts.pyx.
"""

from probtensor.sample.draws import Draws
from probtensor.sample.errors import SamplerWarning, SamplingError
from probtensor.sample.progress import ChainState
from probtensor.sample.protocol import Context, LogpGrad
from probtensor.sample.run import sample

__all__ = [
    "ChainState",
    "Context",
    "Draws",
    "LogpGrad",
    "SamplerWarning",
    "SamplingError",
    "sample",
]
