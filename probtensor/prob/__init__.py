"""Models and densities: distributions, bijectors, and what turns a graph into a posterior.

A model is a graph that contains random variables. There is no model context and no second
language: a random variable is a node whose op has a distribution and whose inputs are the
parameters, and it can be used wherever a tensor can. `condition` states which variables are
observed; the free ones are their ancestors.

    distributions/  one class each: parameters, support, logpdf, draw, mean, variance; supports;
                    truncation by constraint=
    bijectors/      from unconstrained space onto a support, with log-Jacobians
    sequences/      random variables in the steps of loops, as one variable for all steps
    density/        log densities of graphs, sums over data, the density term by term; moments
    derived/        densities of expressions, by rules that are data
    model/          condition: graph and data to a posterior, its compiled functions of q
    modelling/      whole models: interventions, parametrisations, pictures, faults
    random.py       pt.random: the functions users call, with all parametrisations; those of
                    vectors and matrices are in vectors.py and matrices.py
    combinators/    those of pt.random that take other variables: mixtures, censored, ...
    aliases.py      distributions by the names of other libraries
    choices.py      random choices from arrays, relaxed choices
    hmm.py          pt.hmm: hidden Markov models
    draws.py        random variables as pure functions of a key
    predictive.py   draws of the prior and of the posterior predictive, as ArviZ objects

The one idea: every check is made once and as early as possible, so that the density, which a
sampler calls a million times, contains only checks that cannot be proved or made before. Literal
parameters are checked when the variable is made. Data are checked when they are bound, and what
depends on data alone (log-factorials of counts, logs of known scales) is computed then. A free
variable is the value of its bijector, so it needs no check. The remaining conditions, on parameters
that may leave their support and on bounds that may cross, guard the density: one choice between the
sum of its terms and -inf. `pt.logp` keeps all checks, since it knows nothing about its arguments.

Arrays are converted in one place (cython_ext/convert.py), which refuses any lossy conversion, and
copied; a posterior has read-only views of its own.

Sums are split before they are differentiated (`terms.sum_terms`): terms of one shape share one
fold, and a term that is constant along an axis is multiplied instead of being summed.

Rejected: a context manager that collects variables (graphs then depend on where they are built),
variables that store their value (conditioning twice needs copies), drawing by a stateful generator
(draws then depend on order), and a stick-breaking simplex (see bijector.LogRatio).
"""

from probtensor.prob.density.cumulative import icdf, logccdf, logcdf
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
    "icdf",
    "interval",
    "log_likelihood",
    "logccdf",
    "logcdf",
    "logp",
    "ordered",
    "potential",
    "sample_posterior_predictive",
    "sample_prior",
]
