"""`pt.gp`: Gaussian processes.

    covariance.py   the base of covariance functions, sums, products, powers
    stationary.py   covariance functions of differences of inputs
    general.py      others, and those made of covariance functions
    means.py        mean functions
    process.py      GP: exact processes, as latent values or as one observed variable
    student.py      TP: Student-t processes
    sparse.py       SparseGP: approximations by inducing points
    kronecker.py    KroneckerGP: exact processes on grids
    hilbert.py      HSGP: approximation by basis functions
    densities.py    the distributions of observations that these need

A covariance function is a value that makes graphs, and a process makes random variables of models:
there is no state, and what is given (inputs and values) is an argument of `predict` and
`conditional`.

Rejected: processes that remember the inputs of `prior` for `conditional`, as then a graph depends
on the order of calls; squared distances from products of matrices, which lose the digits of small
distances.
"""

from probtensor.calls import absent
from probtensor.gp.covariance import Covariance
from probtensor.gp.general import (
    brownian,
    constant,
    coregion,
    gibbs,
    kron,
    linear,
    polynomial,
    scaled,
    warped_input,
    wrapped_periodic,
)
from probtensor.gp.hilbert import HSGP, hsgp_parameters
from probtensor.gp.kronecker import KroneckerGP
from probtensor.gp.means import constant_mean, linear_mean, zero_mean
from probtensor.gp.process import GP
from probtensor.gp.sparse import SparseGP
from probtensor.gp.stationary import (
    circular,
    cosine,
    exp_quad,
    exponential,
    matern12,
    matern32,
    matern52,
    periodic,
    powered_exponential,
    rat_quad,
    white_noise,
)
from probtensor.gp.student import TP

__all__ = [
    "GP",
    "HSGP",
    "TP",
    "Covariance",
    "KroneckerGP",
    "SparseGP",
    "brownian",
    "circular",
    "constant",
    "constant_mean",
    "coregion",
    "cosine",
    "exp_quad",
    "exponential",
    "gibbs",
    "hsgp_parameters",
    "kron",
    "linear",
    "linear_mean",
    "matern12",
    "matern32",
    "matern52",
    "periodic",
    "polynomial",
    "powered_exponential",
    "rat_quad",
    "scaled",
    "warped_input",
    "white_noise",
    "wrapped_periodic",
    "zero_mean",
]

__getattr__ = absent("pt.gp", dict.fromkeys(__all__))
