"""The rounds; see the package."""

import os

# Read when a BLAS is loaded, so before all imports below.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import warnings  # noqa: E402

import numpy as np  # noqa: E402

from tests.bench import harness, pymc, worker  # noqa: E402
from tests.bench.linalg import measured  # noqa: E402
from tests.bench.pymc import gradients  # noqa: E402
from tests.interop.gallery import MODELS  # noqa: E402

FIRST = ("eight_schools", "logistic", "radon", "negative_binomial", "ordinal", "garch", "gp_latent")
FITS = ("eight_schools", "rugby", "best", "radon", "zero_inflated")
# Beyond PyTensor's literals in single precision: a matrix near singularity.
TOLERANCE = {"gp_latent": 1e-4}
SUMMED = ("discrete_change_point",)  # PyTensor has no gradient with the discrete variable summed


def compare(names, rounds):
    """A line for each model, and the geometric mean of the ratios."""
    ratios = []
    for name in names:
        if name in SUMMED:
            continue
        try:
            calls, difference = gradients.calls(gradients.built(name))
        except Exception as error:
            print(f"{name:24} {type(error).__name__}: {str(error).splitlines()[0]:.80}", flush=True)
            continue
        found = measured(calls, rounds)
        ratio = found["numba"] / found["probtensor"]
        ratios.append(ratio)
        wrong = "" if difference < TOLERANCE.get(name, 1e-5) else f"  gradient {difference:.0e} !"
        print(f"{name:24} {found['probtensor']:9.1f} us | numba {found['numba']:9.1f} "
              f"({ratio:6.2f}x){wrong}", flush=True)  # fmt: skip
    if ratios:
        print(f"{len(ratios)} models, geometric mean {statistics.geometric_mean(ratios):.2f}x, "
              f"least {min(ratios):.2f}x")  # fmt: skip


def asked_of(kind, library, name):
    """What a worker answers, in a process with empty caches."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.pymc.worker", kind, library, name],
            env=harness.environment(cache, "sample" if kind == "fit" else "first"),
            cwd=harness.ROOT, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{library} {name}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def first(names, rounds):
    """Seconds to the first gradient."""
    for name in names:
        pairs = [[asked_of("first", library, name)["seconds"]
                  for library in ("probtensor", "numba")] for _ in range(rounds)]  # fmt: skip
        own, other = np.median(pairs, axis=0)
        print(f"{name:24} {own:9.2f} s | numba {other:9.2f} ({other / own:6.1f}x)", flush=True)


def fits(names, rounds):
    """Seconds of whole fits."""
    for name in names:
        pairs = [[asked_of("fit", library, name) for library in ("probtensor", "nutpie")]
                 for _ in range(rounds)]  # fmt: skip
        own, other = (statistics.median(p[k]["seconds"] for p in pairs) for k in (0, 1))
        mine, their = (found["means"] for found in pairs[0])
        apart = max(
            abs(mine[k][0] - their[k][0]) / np.hypot(mine[k][1], their[k][1]) for k in their
        )
        print(f"{name:24} {own:9.2f} s | pm.sample {other:9.2f} ({other / own:6.1f}x) | "
              f"least ESS {pairs[0][0]['ess']:.0f}, {pairs[0][1]['ess']:.0f} | "
              f"means within {apart:.1f} MCSE", flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pymc", description=pymc.__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(MODELS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first", action="store_true", help="seconds to the first gradient")
    parser.add_argument("--fits", action="store_true", help="seconds of whole fits")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.first:
        first(asked.names or FIRST, min(asked.rounds, 3))
    elif asked.fits:
        fits(asked.names or FITS, 1)
    else:
        worker.pin_to_one_core()
        compare(asked.names or MODELS, asked.rounds)


if __name__ == "__main__":
    main()
