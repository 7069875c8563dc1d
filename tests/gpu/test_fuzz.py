"""Random graphs on the CUDA target, many in one module."""

import pytest

from probtensor.compile import PIPELINE
from probtensor.lower import lower
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.testing.fuzz import Tally, check_target
from probtensor.testing.generate import random_graph
from probtensor.testing.misfit import fuzz_sizes
from probtensor.transform.passes import run as run_passes
from tests.gpu.plans import run

CHUNK = 40
CHUNKS = [pytest.param(k, marks=pytest.mark.slow if k > 40 else ()) for k in range(0, 200, CHUNK)]


def on_device(inputs, outputs, arrays):
    """The outputs of a graph by its plan on the device."""
    plan = lower(list(inputs), run_passes(PIPELINE, outputs))
    return run(CudaTarget(), plan, arrays)


@pytest.mark.parametrize("first", CHUNKS)
def test_random_graphs_are_what_numpy_says(first, device_driver):
    graphs = [random_graph(1000 + seed, 10) for seed in range(first, first + CHUNK)]
    tally = Tally()
    check_target(graphs, on_device, tally)
    assert tally.done["graphs on targets"] == CHUNK


def test_sizes_that_do_not_fit_are_refused(device_driver):
    """The same graphs as on the CPU's targets, in one module."""
    done = fuzz_sizes(10, 300, target="cuda", batch=10, each=6)
    assert done["fit"] == 10
    assert done["refused"] > 10
    assert done["taken"] > 10
