"""Gradient time of one checkout, block by block: run by path as `blocks.py '<task as JSON>'`.

The library and `tests.bench` come from whichever checkout is on PYTHONPATH, so nothing of this file
but its own text belongs to the version being timed. The first line of output is `worker.MARK` and
what `worker.measure_gradient` would answer about the density; then each number of calls read from
standard input is answered by the nanoseconds of processor time that they took. Processor time,
since another process on the machine then costs nothing but its share of the caches.
"""

import json
import sys
import time

import numpy as np

from tests.bench import cases, timing, worker
from tests.bench.contenders.probtensor_ import Adapter


def _built(name):
    built = Adapter(cases.load(name), "probtensor")
    function = built.compile()
    points = [built.flatten(built.case.point(seed)) for seed in worker.POINTS]
    return built, function, points


def _serve(run):
    for line in sys.stdin:
        calls = int(line)
        start = time.process_time_ns()
        run(calls)
        print(time.process_time_ns() - start, flush=True)


def work(task):
    """Answers about one model until standard input ends."""
    built, function, points = _built(task["case"])
    logp, gradient = function(points[0])
    ways = {
        "python": timing.python_run(function, points),
        "pointer": timing.PointerCaller(built.pointer(), points).run,
    }
    answer = {"logp": float(logp), "gradient": np.asarray(gradient).tolist()}
    print(worker.MARK + json.dumps(answer), flush=True)
    _serve(ways[task["way"]])


if __name__ == "__main__":
    work(json.loads(sys.argv[1]))
