"""`pt.check_model`: does a model, its density, its draws and its sampler agree with each other?

    report.py       a check, the report, the plot of ranks
    parts.py        prior draws; random variables with fixed parameters, one by one
    singles.py      variables of numbers: integral, draws, tails, quantiles, moments, Jacobian
    vectors.py      variables of vectors and matrices: bijector, draws
    wholes.py       gradient; Geweke's joint test
    calibration.py  simulation-based calibration
    moves.py        Hamiltonian moves of many points at once, for the tests of invariance

The one idea: every check compares two things of the model that are written independently: density
and draws, gradient and density, Jacobian and map. None needs a known answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from probtensor.calls import line_text, public
from probtensor.graph import GraphError
from probtensor.prob.derived.variable import Derived
from probtensor.prob.model.posterior import Posterior
from probtensor.process import numpy_part
from probtensor.sample.checks import integer, seed_integer, with_user_line
from probtensor.testing.models.calibration import RANK_DRAWS, calibration_checks, ranks_of
from probtensor.testing.models.parts import Prior, drawn_prior, parts_of, reason
from probtensor.testing.models.report import Check, ModelReport, judged
from probtensor.testing.models.singles import single_checks
from probtensor.testing.models.vectors import vector_checks
from probtensor.testing.models.wholes import finite_check, gradient_checks, joint_checks

KINDS = ("gradient", "variables", "joint", "calibration")
POINTS = 5


@public
def check_model(
    model: Posterior,
    *,
    draws: int = 4000,
    simulations: int = 100,
    tune: int = 400,
    level: float = 1e-3,
    tests: Sequence[str] = KINDS,
    seed: object = 1,
) -> ModelReport:
    """Test a model against itself: is its density right, and do its draws follow it?

    model        what `condition` returns; of its data only the shapes matter
    draws        of the prior, and of each random variable
    simulations  of data, for simulation-based calibration: each is sampled once, with `tune`
                 iterations of warm-up and 400 draws; 0 leaves it out
    level        the probability that a right model fails any of the tests of significance
    tests        of "gradient" (against differences of the log density, which must be a number at
                 draws of the prior), "variables" (each random variable alone: its density
                 integrates to 1, draws lie in its support and follow its density, `logcdf`,
                 `logccdf`, `icdf`, mean and variance agree with it, its transformation comes back
                 and has the right Jacobian), "joint" (Geweke's test: data drawn given parameters
                 against the density of parameters given data; data that a parameter depends on
                 are drawn once) and "calibration"
    seed         as of `pt.draw`

    What has no proper prior cannot be drawn: then only gradients are looked at, and the report says
    so; with factors (`pt.scaled`, `total_size=`) at gradients and variables. Draws know nothing of
    potentials: one that is part of a prior fails "joint" and "calibration", as one that counts data
    twice does. Tests that need draws find no fault that density and draws share.

    Returns a `ModelReport`: `passed`, `checks`, `failures`, `skipped`, `ranks`,
    `plot_ranks(path)`; its text is a table. Raises TypeError or ValueError for other settings.
    Sources: Geweke (2004), JASA 99:799; Talts et al. (2018), arXiv:1804.06788.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> pt.check_model(pt.condition({y: 1.0}), draws=500, tests=["gradient"]).passed
        True
    """
    if not isinstance(model, Posterior):
        raise TypeError(f"check_model takes what pt.condition returns, not {model!r:.60}")
    unknown = [x for x in tests if x not in KINDS] if not isinstance(tests, str) else [tests]
    if unknown or not 0 < level < 1:
        raise ValueError(
            f"check_model: tests is a list of some of {', '.join(KINDS)} and level a probability\n"
            f"  at {line_text()}"
        )
    try:
        draws = integer("check_model", "draws", draws, 100)
        simulations = integer("check_model", "simulations", simulations, 0)
        tune = integer("check_model", "tune", tune, 0)
        seed = seed_integer("check_model", seed, 2**62)
    except (TypeError, ValueError) as error:
        raise with_user_line(error) from None
    seed = 1 if seed is None else seed
    ranks: dict[str, np.ndarray] = {}
    checks = judged(_checks(model, draws, simulations, tune, {*tests}, seed, ranks), level)
    return ModelReport(checks, ranks, RANK_DRAWS)


def _checks(
    model: Posterior, draws: int, simulations: int, tune: int, tests: set[str], seed: int,
    ranks: dict[str, np.ndarray],
) -> Iterator[Check]:  # fmt: skip
    try:
        prior = drawn_prior(model, max(2 * draws, simulations), seed)
    except (GraphError, ValueError) as error:
        prior = None
        yield Check("prior", "model", f"it cannot be drawn from: {reason(error)}")
    points = numpy_part("random").default_rng(seed).uniform(-2, 2, (POINTS, model.dim))
    if prior is not None:
        try:
            points = np.concatenate([points[:2], _points(model, prior)])
        except (GraphError, ValueError) as error:
            yield Check("transform", "model", reason(error), "", False)
    if "gradient" in tests:
        yield finite_check(model, points)
        yield from gradient_checks(model, points, seed)
    if prior is None:
        return
    if "variables" in tests:
        for k, part in enumerate(parts_of(model, prior, seed)):
            own = seed + 1000 * k
            if isinstance(part.node.op.distribution, Derived):
                text = "an expression is looked at with the model alone"
                yield Check("draws", part.name, text, part.line)
                continue
            yield from vector_checks(part, own) if part.vector else single_checks(part, draws, own)
    lost = _not_drawn(model) if tests & {"joint", "calibration"} else ""
    if lost:
        yield Check("joint", "model", lost)
        return
    if "joint" in tests:
        yield from joint_checks(model, prior, seed)
    if "calibration" in tests and simulations and model.dim:
        found, failed = ranks_of(model, prior, simulations, tune, seed)
        ranks.update(found)
        yield from calibration_checks(model, found, failed, seed)


def _not_drawn(model: Posterior) -> str:
    """Why draws do not follow the density; nothing of most models."""
    named = [*((v.variable, v.name) for v in model.model.free),
             *((y.node, y.name) for y in model.model.observed)]  # fmt: skip
    names = [name for node, name in named if node.op.weighted]
    return f"the factor of {names[0]} is one of its density, not of its draws" if names else ""


def _points(model: Posterior, prior: Prior) -> np.ndarray:
    """The first draws of the prior as unconstrained points."""
    free = {v.name: v.variable for v in model.model.free}
    return np.stack([model.unconstrain(prior.named(free, k)) for k in range(POINTS)])
