"""`pt.timeseries`: state space models of series.

    statespace.py   StateSpace: the series as a random variable, filter, smoother, forecasts
    recursions.py   the Kalman filter and the smoother as loops
    densities.py    the distribution of an observation, which may be missing
    components.py   levels, trends, seasons, cycles, regressions
    arima.py        ARMA and SARIMAX; partial autocorrelations

The one idea: a series is a random variable of a loop. In each step of the Kalman filter the
observation is a normal variable, whose mean and variance follow from the state, and what was drawn
updates the state. The rest of the library does what it does for any loop (`prob/sequences`): the
density of observed data is that of the filter that reads them, and prior, posterior predictive
draws and forecasts are runs of the loop that draws.

A missing observation is nan. It is integrated out: the filter does not update the state, and its
density is 1.

Initial states have proper distributions, by default wide ones, so that a series can be drawn.

Rejected: exact diffuse initialisation, under which a series has no distribution to draw from; a
sequential treatment of the parts of an observation, which needs a diagonal covariance.
"""

from probtensor.calls import absent
from probtensor.timeseries.arima import ar, ar_from_partial, arma, partial_from_ar, sarimax
from probtensor.timeseries.components import (
    cycle,
    local_level,
    local_linear_trend,
    noise,
    regression,
    seasonal,
    trigonometric_seasonal,
)
from probtensor.timeseries.statespace import StateSpace, state_space

__all__ = [
    "StateSpace",
    "ar",
    "ar_from_partial",
    "arma",
    "cycle",
    "local_level",
    "local_linear_trend",
    "noise",
    "partial_from_ar",
    "regression",
    "sarimax",
    "seasonal",
    "state_space",
    "trigonometric_seasonal",
]

__getattr__ = absent("pt.timeseries", dict.fromkeys(__all__))
