"""Models and densities: distributions, bijectors, and what turns a graph into a posterior.

A model is a graph with random variables in it. There is no model object to enter and no second
language: a random variable is a node whose op holds a distribution and whose inputs are the
parameters, so it can stand wherever a tensor can. `condition` says which variables are observed;
the free ones are their ancestors.

    support.py       sets of values: where a density lives, what a parameter may be
    distribution.py  what a distribution states; the node of a random variable; names
    continuous.py, discrete.py, multivariate.py    one class each: parameters, support, logpdf,
                     draw, mean, variance
    random.py        pt.random: the functions users call, with all parametrisations
    drawn.py         what a draw is where a parameter is out of range
    truncation.py    what constraint= leaves of a distribution: its probability, draws of it
    bijector.py      from unconstrained space onto a support, with log-Jacobians
    data.py, sizes.py    data inputs; what follows from data alone; sizes by name
    names.py         names that a result can have
    logp.py          log densities of variables, and terms of a model's density
    draws.py, packed.py  random variables as pure functions of a key; many results as one row
    predictive.py    draws of the prior and of the posterior predictive, as ArviZ objects
    model.py         graph -> Model: the flat vector q, the log density, its gradient, as graphs
    binding.py       Model + arrays: converted, measured, checked
    condition.py, posterior.py    what users call and get: compiled functions of q
    diagnosis.py     the log density term by term, and what is wrong with it

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

Sums are taken apart before they are differentiated (`logp.summed`): terms of one shape share one
fold, and a term that is constant along an axis is multiplied instead of being summed.

Rejected: a context manager that collects variables (graphs then depend on where they are built),
variables that hold their value (conditioning twice needs copies), drawing by a stateful generator
(draws then depend on order), a stick-breaking simplex (see bijector.LogRatio), and derivation of
densities of expressions by name; that comes as rules over graphs.
"""

from probtensor.prob.condition import condition
from probtensor.prob.data import data
from probtensor.prob.distribution import deterministic, potential
from probtensor.prob.draws import draw
from probtensor.prob.logp import logp
from probtensor.prob.posterior import Posterior
from probtensor.prob.predictive import (
    log_likelihood,
    sample_posterior_predictive,
    sample_prior,
)
from probtensor.prob.support import interval, ordered

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
