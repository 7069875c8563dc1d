"""One measurement in a process of its own; see `tests.bench.worker` for what it answers."""

import importlib
import json
import resource
import sys
import time

from tests.bench import worker
from tests.bench.first.contenders import ENTRIES

POINTS = 0.1, 0.2


def _processor_s():
    """Processor time of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure_first(task):
    """Seconds from the model's code to its first value and gradient, after the import."""
    entry = ENTRIES[task["contender"]]
    start = time.perf_counter()
    importlib.import_module(entry.package)
    import_s = time.perf_counter() - start
    numpy = importlib.import_module("numpy")
    build = importlib.import_module(f"tests.bench.first.{entry.adapter}").load(
        task["group"], task["case"]
    )
    start, busy = time.perf_counter(), _processor_s()
    function, size = build()
    value, gradient = function(numpy.full(size, POINTS[0]))
    first_s, busy_s = time.perf_counter() - start, _processor_s() - busy
    again, _ = function(numpy.full(size, POINTS[1]))
    return {
        "first_s": first_s,
        "processor_s": busy_s,
        "import_s": import_s,
        "size": size,
        "logp_difference": float(again) - float(value),
        "gradient_norm": float(numpy.linalg.norm(numpy.asarray(gradient))),
    }


def measure_draws(task):
    """Seconds from the import of the library to draws, beyond the imports of NumPy and ArviZ."""
    for name in ("numpy", "arviz", "tests.bench.cases"):
        importlib.import_module(name)
    cases = importlib.import_module("tests.bench.cases")
    case = cases.load(task["case"])
    entry = ENTRIES[task["contender"]]
    start, busy = time.perf_counter(), _processor_s()
    importlib.import_module(entry.package)
    import_s = time.perf_counter() - start
    adapter = importlib.import_module(f"tests.bench.contenders.{entry.adapter}").Adapter
    built = adapter(case, entry.registered)
    built.compile()
    draws, tune, chains, cores, seed = (
        task[key] for key in ("draws", "tune", "chains", "cores", "seed")
    )
    samples = built.sample(draws, tune, chains, cores, seed)
    whole_s, busy_s = time.perf_counter() - start, _processor_s() - busy
    for parameter in case.parameters:
        if samples[parameter.name].shape != (chains, draws, *parameter.shape):
            raise RuntimeError(f"draws of {parameter.name}: {samples[parameter.name].shape}")
    return {"draws_s": whole_s, "processor_s": busy_s, "import_s": import_s}


MEASURES = {"first": measure_first, "draws": measure_draws}

if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    worker.answer(MEASURES[chosen["measure"]], chosen)
