"""Gradient time of one checkout, block by block: run by path as `blocks.py '<task as JSON>'`.

The library and `tests.bench` come from whichever checkout is on PYTHONPATH, so nothing of this file
but its own text belongs to the version being timed. The first line of output is `worker.MARK` and
what `worker.measure_gradient` would answer about the density; then each number of calls read from
standard input is answered by the nanoseconds of processor time that they took. Processor time,
since another process on the machine then costs nothing but its share of the caches.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np

from tests.bench import cases, timing, worker
from tests.bench.contenders.base import Pointer
from tests.bench.contenders.probtensor_ import Adapter


def _built(name):
    """The density and gradient of a model, how to reach its pointer, and points."""
    if name not in cases.NAMES:
        posterior, points = _densities().load(name)
        return posterior.logp_and_grad, lambda: _pointer(posterior), points
    built = Adapter(cases.load(name), "probtensor")
    function = built.compile()
    points = [built.flatten(built.case.point(seed)) for seed in worker.POINTS]
    return function, built.pointer, points


def _densities():
    """`densities.py` beside this file, whichever checkout is timed."""
    path = Path(__file__).with_name("densities.py")
    spec = importlib.util.spec_from_file_location("densities", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _pointer(posterior):
    context = posterior.context()
    return Pointer("direct", posterior.address, context.address, (posterior, context))


def _serve(run):
    for line in sys.stdin:
        calls = int(line)
        start = time.process_time_ns()
        run(calls)
        print(time.process_time_ns() - start, flush=True)


def work(task):
    """Answers about one model until standard input ends."""
    function, pointer, points = _built(task["case"])
    logp, gradient = function(points[0])
    ways = {
        "python": timing.python_run(function, points),
        "pointer": timing.PointerCaller(pointer(), points).run,
    }
    answer = {"logp": float(logp), "gradient": np.asarray(gradient).tolist()}
    print(worker.MARK + json.dumps(answer), flush=True)
    _serve(ways[task["way"]])


if __name__ == "__main__":
    work(json.loads(sys.argv[1]))
