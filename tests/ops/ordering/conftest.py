"""NumPy warns of what these tests compare on purpose: nan, infinities, and slices of nothing."""

import warnings

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
