"""Models and densities: distributions, bijectors, and what turns a graph into a posterior.

A model is a graph with random variables in it. There is no model object to enter and no second
language: a random variable is a node whose op holds a distribution and whose inputs are the
parameters, so it can stand wherever a tensor can. `condition` says which variables are observed;
the free ones are their ancestors.

    distributions/  one class each: parameters, support, logpdf, draw, mean, variance; supports;
                    truncation by constraint=
    bijectors/      from unconstrained space onto a support, with log-Jacobians
    density/        log densities of graphs, sums over data, the density term by term
    model/          condition: graph and data to a posterior, its compiled functions of q
    random.py       pt.random: the functions users call, with all parametrisations
    draws.py        random variables as pure functions of a key
    predictive.py   draws of the prior and of the posterior predictive, as ArviZ objects

The one idea: every check is made once, at the earliest place that can make it, so that the density
that a sampler calls a million times has none left in it that can be proved or done before. Literal
parameters are checked when they are written. Data are checked when they are bound, and what
depends on data alone (log-factorials of counts, logs of known scales) is computed then. A free
variable comes out of its bijector, so it needs no check. Only what remains, a parameter that may
leave its range or bounds that may change places, guards the density: one choice between the sum of
its terms and -inf. `pt.logp` keeps all checks, since it knows nothing of where its arguments come
from.

Arrays come in by one conversion (cython_ext/convert.py) that refuses what it would have to change,
and are copied; a posterior shows read-only views of its own.

Sums are taken apart before they are differentiated (`logp.sum_terms`): terms of one shape share one
fold, and a term that is constant along an axis is multiplied instead of being summed.

Rejected: a context manager that collects variables (graphs then depend on where they are built),
variables that hold their value (conditioning twice needs copies), drawing by a stateful generator
(draws then depend on order), a stick-breaking simplex (see bijector.LogRatio), and derivation of
densities of expressions by name; that comes as rules over graphs.
"""

from probtensor.prob.density.logp import logp
from probtensor.prob.distributions.base import deterministic, potential
from probtensor.prob.distributions.support import interval, ordered
from probtensor.prob.draws import draw
from probtensor.prob.model.condition import condition
from probtensor.prob.model.data import data
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.predictive import (
    log_likelihood,
    sample_posterior_predictive,
    sample_prior,
)

__all__ = [
    "Posterior",
    "condition",
    "data",
    "deterministic",
    "draw",
    "interval",
    "log_likelihood",
    "logp",
    "ordered",
    "potential",
    "sample_posterior_predictive",
    "sample_prior",
]
