"""The benchmark models: data, parameters and the points at which all contenders are compared.

Each model's mathematics is posteriordb's, apart from the logistic regression, which is synthetic:
y ~ bernoulli(logit = X @ beta), beta ~ normal(0, 2.5), 10,000 rows and 25 columns.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.models import EIGHT_SCHOOLS

POSITIVE = "positive"
REAL = "real"


@dataclass(frozen=True)
class Parameter:
    """A free parameter; a positive one is sampled on the log scale by every contender."""

    name: str
    shape: tuple[int, ...] = ()
    support: str = REAL

    @property
    def size(self):
        return int(np.prod(self.shape, dtype=int))


@dataclass(frozen=True)
class Case:
    """One model: its name, a line for the report, its parameters in canonical order, its data."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    data: dict

    @property
    def dim(self):
        return sum(p.size for p in self.parameters)

    def point(self, seed):
        """A fixed point, as unconstrained values by name, near the bulk of each posterior."""
        rng = np.random.default_rng(seed)
        return {p.name: 0.2 * rng.standard_normal(p.shape) for p in self.parameters}

    def canonical(self, point):
        """The point as one vector, parameters in this case's order."""
        return np.concatenate([np.ravel(point[p.name]) for p in self.parameters])

    def constrained(self, point):
        """The same point with positive parameters on their own scale."""
        values = {}
        for p in self.parameters:
            value = point[p.name]
            values[p.name] = np.exp(value) if p.support == POSITIVE else value
        return values


class MissingData(Exception):
    """A data set that this machine does not have."""


def _posteriordb(name):
    root = os.environ.get("POSTERIORDB")
    if not root:
        raise MissingData(f"{name} is read from $POSTERIORDB, which is not set")
    path = Path(root) / "data" / f"{name}.json"
    if not path.is_file():
        raise MissingData(f"no {path}")
    return json.loads(path.read_text())


def _eight_schools():
    data = {
        "y": np.array(EIGHT_SCHOOLS["y"]),
        "sigma": np.array(EIGHT_SCHOOLS["sigma"]),
    }
    parameters = (
        Parameter("mu"),
        Parameter("tau", support=POSITIVE),
        Parameter("theta_trans", (8,)),
    )
    return Case("eight_schools", "eight schools, non-centred", parameters, data)


def _logistic():
    rng = np.random.default_rng(20240501)
    x = rng.standard_normal((10_000, 25))
    beta = 0.5 * rng.standard_normal(25)
    y = (rng.random(10_000) < 1 / (1 + np.exp(-x @ beta))).astype(np.int64)
    parameters = (Parameter("beta", (25,)),)
    return Case("logistic", "logistic regression, 10,000 x 25", parameters, {"x": x, "y": y})


def _radon():
    raw = _posteriordb("radon_all")
    counties = raw["J"]
    data = {
        "county": np.array(raw["county_idx"], dtype=np.int64) - 1,
        "floor": np.array(raw["floor_measure"], dtype=np.float64),
        "y": np.array(raw["log_radon"], dtype=np.float64),
        "counties": counties,
    }
    parameters = (
        Parameter("sigma_y", support=POSITIVE),
        Parameter("sigma_alpha", support=POSITIVE),
        Parameter("sigma_beta", support=POSITIVE),
        Parameter("alpha_raw", (counties,)),
        Parameter("beta_raw", (counties,)),
        Parameter("mu_alpha"),
        Parameter("mu_beta"),
    )
    title = f"radon, varying intercept and slope, {len(data['y']):,} homes"
    return Case("radon", title, parameters, data)


def _irt_2pl():
    raw = _posteriordb("irt_2pl")
    y = np.array(raw["y"], dtype=np.int64)
    items, persons = y.shape
    parameters = (
        Parameter("sigma_theta", support=POSITIVE),
        Parameter("theta", (persons,)),
        Parameter("sigma_a", support=POSITIVE),
        Parameter("a", (items,), POSITIVE),
        Parameter("mu_b"),
        Parameter("sigma_b", support=POSITIVE),
        Parameter("b", (items,)),
    )
    return Case("irt_2pl", f"IRT 2PL, {items} items x {persons} persons", parameters, {"y": y})


_BUILDERS = {
    "eight_schools": _eight_schools,
    "logistic": _logistic,
    "radon": _radon,
    "irt_2pl": _irt_2pl,
}
NAMES = tuple(_BUILDERS)


def load(name):
    """The case called `name`; raises `MissingData` where its data set is not at hand."""
    return _BUILDERS[name]()
