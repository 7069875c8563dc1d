"""`lint`: faults of a model that can be found before it is sampled.

    findings.py  what is reported
    graph.py     what the graph shows: variables without data, paths without derivatives, centring
    data.py      what observed values show: counts under a continuous density, no variation
    probe.py     terms of the density and their gradients at random points
    points.py    what these show: directions that no data determine, scales, symmetries

A parameter is not identified if the density of the data does not change along a line through every
point, or along a curve: then gradients of the data's terms have no component in that direction, at
any point or at each. Priors that other parameters appear in count as data of these. What is found
is exact to within rounding, so that weakly identified models are not reported.
"""

from __future__ import annotations

from probtensor.calls import line_text, public
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.modelling.lint import data, graph, points
from probtensor.prob.modelling.lint.findings import Finding, Findings
from probtensor.prob.modelling.lint.probe import Probe
from probtensor.process import numpy_part
from probtensor.sample.checks import seed_integer

__all__ = ["Finding", "Findings", "lint"]


@public
def lint(posterior: Posterior, *, seed: object = 0) -> Findings:
    """Faults of a model that make sampling fail or its results meaningless, before anything is
    sampled: the rule, the variables, their line, why, and what to do.

    posterior  what `pt.condition` returns
    seed       of the random points at which the density is evaluated, as in `pt.draw`

    Directions are looked for in models of up to 400 coordinates.

    Rules:

    no data           no observed variable and no potential depends on a variable
    improper          and its prior has no finite integral: the posterior has none either
    not identified    the density of the data is constant in a direction: sums such as a + b,
                      products, regressors that depend on each other
    no derivative     a variable reaches the density only through steps (floor, comparisons, argmax)
    steps             a function with steps makes the density jump
    leaves support    a parameter, such as a `sigma` with a normal prior, leaves its range
    no start          the density of the data is not finite at any of many points, as for data on
                      the edge of a support
    nan in data       `pt.data` have nan, and so the density is nan
    count data        whole numbers from 0 on, with many zeros, under a continuous density
    constant data     all data are equal, and the scale of their density is free: it is unbounded
    scales            standard deviations of the coordinates differ by more than a million
    symmetry          exchanging entries changes nothing: as many modes as there are orders
    centring          (a hint) a variable with few data has a free scale: a funnel

    Returns findings, the worst first; printed, they explain themselves. Raises TypeError for
    anything but a posterior.

        >>> a, b = pt.random.normal(0, 10, name="a"), pt.random.normal(0, 10, name="b")
        >>> y = pt.random.normal(a + b, 1.0, shape=3, name="y")
        >>> found = pt.lint(pt.condition({y: [0.3, 0.1, 0.7]}))
        >>> [(finding.rule, finding.variables) for finding in found]
        [('not identified', ('a', 'b'))]
    """
    if not isinstance(posterior, Posterior):
        raise TypeError(f"lint: takes a posterior, not {posterior!r:.60}\n  at {line_text()}")
    rng = numpy_part("random").default_rng(seed_integer("lint", seed))
    found = [*graph.findings(posterior, rng), *data.findings(posterior)]
    if posterior.dim and not posterior.model.summed:
        # What is summed out has no term of its own, which could be looked at alone.
        probe = Probe(posterior, rng)
        found += points.findings(probe, found)
    return Findings.sorted(found)
