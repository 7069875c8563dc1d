"""Each test draws the same numbers, whichever run before it."""

import numpy as np
import pytest

from tests.ops.linalg import checks


@pytest.fixture(autouse=True)
def _same_numbers():
    checks.RNG.bit_generator.state = np.random.default_rng(checks.SEED).bit_generator.state
