"""One measurement in a process of its own: `python -m tests.bench.worker '<task as JSON>'`.

The task names the measure ("first", "gradient" or "sample"), the case and the contender. The answer
is one line on standard output, `RESULT` and a JSON object. Nothing but the standard library is
imported before the clock of the import time has run.
"""

import importlib
import json
import os
import resource
import sys
import time
import traceback

from tests.bench.registry import ENTRIES

MARK = "RESULT "
POINTS = (1, 2)


def _peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pin_to_one_core():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _timed(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def _import_and_build(task):
    """The built contender, and the seconds that importing and building took."""
    entry = ENTRIES[task["contender"]]
    _, import_s = _timed(importlib.import_module, entry.package)
    cases = importlib.import_module("tests.bench.cases")
    case = cases.load(task["case"])
    adapter = importlib.import_module(f"tests.bench.contenders.{entry.adapter}").Adapter
    built, build_s = _timed(adapter, case, entry.name)
    return built, {"import_s": import_s, "build_s": build_s}


def measure_first(task):
    """Time from the built model to its first gradient."""
    built, result = _import_and_build(task)
    point = built.case.point(POINTS[0])
    start = time.perf_counter()
    function = built.compile()
    logp, _ = function(built.flatten(point))
    result["first_s"] = time.perf_counter() - start
    result["peak_mib"] = _peak_mib()
    result["logp"] = float(logp)
    return result


def measure_gradient(task):
    """Time of a gradient; and what `harness.agreement` compares between contenders."""
    pin_to_one_core()
    numpy = importlib.import_module("numpy")
    timing = importlib.import_module("tests.bench.timing")
    built, result = _import_and_build(task)
    function = built.compile()
    points = [built.flatten(built.case.point(seed)) for seed in POINTS]
    values = [function(q) for q in points]
    first = numpy.asarray(values[0][1])
    result["logp_difference"] = float(values[1][0]) - float(values[0][0])
    result["directional"] = float(first @ (numpy.asarray(points[1]) - numpy.asarray(points[0])))
    result["gradient_norm"] = float(numpy.linalg.norm(first))
    runs = {"python": timing.python_run(function, points)}
    pointer = built.pointer()
    if pointer is not None:
        caller = timing.PointerCaller(pointer, points)
        logp, gradient = caller.value()
        numpy.testing.assert_allclose(logp, float(values[0][0]), rtol=1e-9)
        numpy.testing.assert_allclose(gradient, first, rtol=1e-9, atol=1e-9)
        runs["pointer"] = caller.run
    return result | timing.measure(runs, task["budget_s"])


def measure_sample(task):
    """Wall time and efficiency of NUTS; compilation is timed apart wherever the library allows."""
    built, result = _import_and_build(task)
    settings = [task[k] for k in ("draws", "tune", "chains", "cores", "seed")]
    start = time.perf_counter()
    function = built.compile()
    function(built.flatten(built.case.point(POINTS[0])))
    built.prepare(*settings)
    samples, result["nuts_s"] = _timed(built.sample, *settings)
    result["whole_s"] = time.perf_counter() - start
    result["peak_mib"] = _peak_mib()
    expected = (task["chains"], task["draws"])
    for parameter in built.case.parameters:
        shape = samples[parameter.name].shape
        if shape != expected + parameter.shape:
            raise RuntimeError(f"draws of {parameter.name} have shape {shape}")
    ess = importlib.import_module("tests.bench.ess")
    result["ess_min"], result["rhat_max"] = ess.worst(samples)
    result["ess_per_s"] = result["ess_min"] / result["nuts_s"]
    result["means"] = {name: float(array.mean()) for name, array in samples.items()}
    return result


MEASURES = {"first": measure_first, "gradient": measure_gradient, "sample": measure_sample}


def answer(work, task):
    """Prints the line that the parent reads: the result of `work(task)`, or its error."""
    try:
        result = work(task)
    except Exception as error:
        if task["verbose"]:
            traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
    print(MARK + json.dumps(result), flush=True)


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    answer(MEASURES[chosen["measure"]], chosen)
