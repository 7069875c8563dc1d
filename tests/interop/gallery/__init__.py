"""Models as in PyMC's gallery, in plain PyMC and on simulated data of any size.

    regressions.py  generalised linear models, ordered and categorical outcomes
    groups.py       hierarchies, comparisons, latent traits, mixtures
    series.py       random walks, volatility, hidden states, scans, Gaussian processes, maps
    custom.py       densities of one's own, potentials, missing values, named dims

`MODELS` has all of them by name; see `registry.py`.
"""

from tests.interop.gallery import custom, groups, regressions, series  # noqa: F401
from tests.interop.gallery.registry import MODELS

__all__ = ["MODELS"]
