"""Why trajectories of a sampler diverged: they are followed again, step by step, to the jump.

    path.py       the trajectories of a run that diverged, from the group `divergences` of its draws
    stiffness.py  where the density curves most at a point, what makes it, and what changes it
    slopes.py     whether the gradient of each term is its slope: `posterior.check_gradient(q)`
    causes.py     `posterior.explain_divergences(idata)`: both joined, as objects and as text

The one idea: a leapfrog step of size e is stable only while e^2 times the largest curvature, in the
sampler's metric, is below 4 (Leimkuhler and Reich 2004, "Simulating Hamiltonian dynamics",
section 4.2). So what a divergence asks is which direction is too stiff for the step, which term of
the density makes it so, and which variable the stiffness depends on: for that its derivative is
taken, a third derivative of the log density along one direction, which costs two gradients.

Rejected: naming the variable whose coordinate moved most (in a funnel these are the effects, and
the cause is their scale), and storing all momenta (they are drawn again from the chain's stream).
"""
