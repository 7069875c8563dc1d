"""`import probtensor` loads NumPy and itself; heavy packages wait until they are needed."""

import subprocess
import sys

import pytest

from tests.architecture import source

# What most programs never use, or use only when something is built or has run.
LATE = ("numpy.random", "numpy.ma", "numpy.polynomial", "concurrent.futures", "logging", "secrets",
        "uuid", "probtensor.ode", "probtensor.optimize", "probtensor.quadrature",
        "probtensor.testing", "probtensor.export", "probtensor.debug", "probtensor.inspect.replay",
        "probtensor.inspect.numbers", "probtensor.targets.cuda.launches",
        "probtensor.schedule.grid", "probtensor.inspect.profile",
        "probtensor.inspect.explore",
        "probtensor.device.nvidia", "probtensor.function.device.call",
        "probtensor.sample.device.run", "probtensor.prob.distributions.continuous",
        "probtensor.prob.distributions.discrete", "probtensor.prob.distributions.counts",
        "probtensor.prob.distributions.multivariate")  # fmt: skip
MOST_MODULES = 525  # of this library and of the standard one: each takes a third of a millisecond
HEAVY = ("scipy", "Cython", "arviz", "matplotlib", "pycuda", "pandas", "xarray", "rich", "tqdm",
         "setuptools", "mpmath")  # fmt: skip


@pytest.mark.skipif(
    not (source.ROOT / "probtensor" / "__init__.py").exists(), reason="the face is not there yet"
)
def test_import_loads_no_heavy_package():
    # A site hook of the environment may have loaded something before: only our import counts.
    code = (
        "import sys; before = set(sys.modules); import probtensor; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    loaded = run.stdout.split()
    assert "probtensor" in loaded
    assert not set(loaded) & set(HEAVY)


def test_import_loads_no_part_that_can_wait():
    code = (
        "import sys, numpy; before = set(sys.modules); import probtensor; "
        "print(*set(sys.modules) - before)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    loaded = run.stdout.split()
    assert not set(loaded) & set(LATE)
    assert "probtensor.prob" in loaded and len(loaded) <= MOST_MODULES


def test_import_makes_no_class_by_the_standard_library():
    """It compiles the methods of each, half a millisecond a class."""
    code = (
        "import dataclasses, numpy; made = []; make = dataclasses._process_class\n"
        "dataclasses._process_class = lambda c, *a, **k: made.append(c.__module__) or "
        "make(c, *a, **k)\n"
        "import probtensor; print(*made)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.split() == ["probtensor.dataclass"] * 2, run.stderr


def test_late_names_are_found_and_listed():
    code = (
        "import probtensor as pt; names = dir(pt)\n"
        "print(*(name in names for name in ('Cuda', 'ode', 'optimize', 'quad')))\n"
        "try: pt.odee\n"
        "except AttributeError as error: print(error)\n"
        "from probtensor import Cuda, ode; print(Cuda.name, ode.solve.__name__, pt.quad.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, timeout=60
    )
    told = run.stdout.split("\n")
    assert told[0] == "True True True True" and "did you mean pt.ode?" in told[1], run.stderr
    assert told[3] == "cuda solve quad"


def test_distributions_are_found_and_listed_before_they_are_imported():
    code = (
        "import sys, probtensor as pt; names = dir(pt.random)\n"
        "print('rice' in names, 'flat' in names, names == sorted(pt.random.__all__))\n"
        "try: pt.random.skewnormal\n"
        "except AttributeError as error: print(error)\n"
        "print('probtensor.prob.distributions.continuous' in sys.modules)\n"
        "from probtensor.prob.random import rice\n"
        "print(rice is pt.random.rice, pt.random.geometric.__name__)\n"
        "print(any(name.endswith('continuous.skewed') for name in sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, timeout=60
    )
    told = run.stdout.split("\n")
    assert told[0] == "True True True", run.stderr
    assert "did you mean pt.random.skew_normal?" in told[1]
    assert told[-4:] == ["False", "True geometric", "False", ""]
