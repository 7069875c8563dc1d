"""Ways of an optimiser to modes and the normal densities along them, for starts of chains and for
approximations.

    density.py  what an ascent requires of a log density; that of a posterior by its C function
    ascent.py   L-BFGS that keeps its way, and the inverse Hessian along it
    normal.py   normal densities: draws, log densities
    climb.py    one path of Pathfinder: the best of the normal densities along an ascent
    pareto.py   Pareto-smoothed importance weights, and their diagnostic
    starts.py   start points of chains

Rejected: starts by the weights of `pt.pathfinder`, which put all chains on one of several modes of
similar mass where the weights are poor, as in hundreds of coordinates; the modes themselves as
starts, where hierarchical models have no density worth it.
"""
