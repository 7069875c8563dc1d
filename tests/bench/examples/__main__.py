"""The rounds; see the package."""

import os

# Read when a BLAS or XLA is loaded, so before all imports below.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import importlib  # noqa: E402
import importlib.util  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

from tests.bench import examples  # noqa: E402
from tests.bench.linalg import print_measured  # noqa: E402

PEERS = {"pymc": "pymc_", "numpyro": "numpyro_", "stanli": "stanli_"}
# Libraries with another unconstrained space than ours for a model.
OWN_SPACE = {
    # Missing values: ours are steps from the mean in units of the scale, theirs the values.
    "missing_data": {"pymc", "numpyro", "stanli"},
    # A simplex: ours and Stan's is the isometric log ratio.
    "mixture": {"pymc", "numpyro"},
    # Increasing positive numbers: theirs are the exponentials of increasing ones.
    "regimes": {"numpyro"},
    # A covariance's factor: PyMC's has free numbers below the diagonal.
    "varying_slopes": {"pymc"},
}
NAMES = [path.stem for path in sorted((Path(__file__).parent / "stan").glob("*.stan"))]


def ours(name):
    """(function of q with value and gradient, its size), in native code."""
    posterior = importlib.import_module(f"examples.{name}").model()
    if isinstance(posterior, tuple):  # with what is predicted
        posterior = posterior[0]
    point = np.full(posterior.dim, 0.1)
    while posterior.tier == "machine":
        posterior.expect_calls(10**9)
        posterior.logp_and_grad(point)
    return posterior.logp_and_grad, posterior.dim


def loaded(name):
    """{library: call at one point}, after the comparison of the densities."""
    found, calls, differences = {"probtensor": ours(name)}, {}, {}
    size = found["probtensor"][1]
    for library, module in PEERS.items():
        if importlib.util.find_spec(library):
            peers = importlib.import_module(f"tests.bench.examples.{module}")
            try:
                found[library] = peers.load(name)
            except (LookupError, AttributeError, ValueError, RuntimeError) as error:
                print(f"  {library} has no {name}: {type(error).__name__}: {error!s:.90}")
    for library, (function, own) in found.items():
        count = own or size
        q = np.full(count, 0.1)
        calls[library] = lambda f=function, q=q: f(q)
        values = [float(np.asarray(function(np.full(count, at))[0])) for at in (0.1, 0.2)]
        differences[library] = values[1] - values[0]
    for library, value in differences.items():
        if library not in OWN_SPACE.get(name, ()):
            np.testing.assert_allclose(value, differences["probtensor"], 1e-6, err_msg=library)
    return calls


def main():
    print_measured("tests.bench.examples", examples.__doc__, NAMES, loaded)


if __name__ == "__main__":
    main()
