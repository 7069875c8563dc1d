"""Modes and normal approximations of posteriors, where draws by NUTS would take too long.

    mode.py        `find_MAP`: the point of highest density
    laplace.py     `fit_laplace`: the normal density of the curvature there
    pathfinder.py  `pathfinder`: the best of the normal densities along the ways to modes
    advi.py        `fit_advi`: the normal density of highest evidence bound, by stochastic steps
    density.py     what these are of: the log density, with or without log-Jacobians; Hessians
    starts.py      where they begin
    search.py      maxima by SciPy's optimisers, which know no regions without a density
    output.py      the ArviZ object, the closing line, the warning

Ascents, normal densities and weights are those of sample/paths/, where chains start along them.

The one idea: everything is of the posterior's compiled log density and gradient on the
unconstrained space, as samplers use it, and every approximation is a normal density there with a
list of draws. So one file turns draws into variables, and one number says how far an approximation
is to be trusted: the Pareto k of the ratios of both densities at the draws.

A mode depends on the coordinates. That of `find_MAP` is by default the one of the density of the
variables themselves, for which the log-Jacobians of the bijectors are taken out again; normal
densities approximate the unconstrained one.

Random numbers are functions of (seed, path, purpose): a path of `pathfinder` is the same whatever
the number of paths and of threads.

Rejected: the line search of SciPy for Pathfinder, since a trial step into a region without a
density ends it; normal densities of the constrained space, which have draws outside of supports.
"""

from probtensor.approximate.advi import fit_advi
from probtensor.approximate.laplace import fit_laplace
from probtensor.approximate.mode import Mode, find_MAP
from probtensor.approximate.pathfinder import pathfinder

__all__ = ["Mode", "find_MAP", "fit_advi", "fit_laplace", "pathfinder"]
