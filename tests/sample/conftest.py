"""Posteriors over densities written by hand in C (densities.c), compiled once a session."""

import ctypes
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cython_ext.samplers.chain import evaluate_at
from tests.models import EIGHT_SCHOOLS


class DensityData(ctypes.Structure):
    """The context of densities.c."""

    _fields_ = [
        ("dim", ctypes.c_long),
        ("data", ctypes.c_void_p),
        ("calls", ctypes.c_long),
        ("fail_after", ctypes.c_long),
    ]


class DensityContext:
    """One thread's context; keeps the data alive."""

    def __init__(self, dim, data, fail_after):
        self.data = data
        self.values = DensityData(dim, data.ctypes.data, 0, fail_after)

    @property
    def address(self):
        return ctypes.addressof(self.values)


class HandWritten:
    """A LogpGrad with nothing beyond the protocol."""

    def __init__(self, library, name, dim, data=(), fail_after=2**30):
        self.dim = dim
        self.data = np.ascontiguousarray(data, dtype=float)
        self.fail_after = fail_after
        self.function = getattr(library, name)
        self.address = ctypes.cast(self.function, ctypes.c_void_p).value

    def context(self):
        return DensityContext(self.dim, self.data, self.fail_after)

    def logp_and_grad(self, q):
        context = self.context()
        _, logp, gradient = evaluate_at(self.address, context.address, q)
        return logp, gradient


SCHOOLS, ERRORS = EIGHT_SCHOOLS.values()


class Schools(HandWritten):
    """Eight schools with all that `sample` asks of a posterior that can name its parts."""

    dims = {"z": ("school",), "theta": ("school",), "y": ("school",)}
    coords = {"school": list("ABCDEFGH")}
    observed = {"y": np.array(SCHOOLS)}
    constants = {"sigma": np.array(ERRORS)}

    def __init__(self, library):
        super().__init__(library, "eight_schools", 10, [*SCHOOLS, *ERRORS])

    def expand(self, draws):
        mu, tau, z = draws[:, 0], np.exp(draws[:, 1]), draws[:, 2:]
        return {"mu": mu, "tau": tau, "z": z, "theta": mu[:, None] + tau[:, None] * z}

    def unconstrain(self, values):
        return np.concatenate([[values["mu"], np.log(values["tau"])], values["z"]])

    def variable_of(self, i):
        return ("mu", "tau")[i] if i < 2 else f"z[{i - 2}]"


@pytest.fixture(scope="session")
def library_path(tmp_path_factory):
    """densities.c as a shared library: its file."""
    built = tmp_path_factory.mktemp("densities") / "densities.so"
    source = Path(__file__).parent / "densities.c"
    command = [os.environ.get("CC", "gcc"), "-O2", "-shared", "-fPIC", source, "-o", built, "-lm"]
    subprocess.run(command, check=True)
    return built


@pytest.fixture(scope="session")
def library(library_path):
    """densities.c as a shared library."""
    return ctypes.CDLL(str(library_path))


@pytest.fixture
def density(library):
    """Make a posterior: density(name, dim, data)."""
    return lambda *args, **more: HandWritten(library, *args, **more)


@pytest.fixture
def schools(library):
    return Schools(library)
