"""Shared fixtures: where the reference posteriors lie, and a device that is there or not."""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root():
    """The top of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def posteriordb():
    """Folder of the posteriordb pack named by $POSTERIORDB; tests that need it skip without it."""
    folder = os.environ.get("POSTERIORDB")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set POSTERIORDB to the folder of the posteriordb pack")
    return Path(folder)


@pytest.fixture(scope="module", autouse=True)
def subnormals_live_on():
    """No module of tests may load code that makes subnormals zero for all that run after it."""
    yield
    tiny = np.array([2.0**-1074])
    assert (tiny * np.ones(1))[0] > 0, "subnormals are flushed to zero in this process"
