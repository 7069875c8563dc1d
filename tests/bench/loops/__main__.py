"""Measures, and prints the table."""

import argparse
import importlib
import importlib.util
import json
import statistics
import sys
import tempfile
import time

import numpy as np

from tests.bench import harness, timing, worker
from tests.bench.loops import cases

# The libraries with their packages, in the order of the columns; c is the limit.
LIBRARIES = {
    "probtensor": "probtensor",
    "jax": "jax",
    "pytensor": "pytensor",
    "stanli": "stanli",
    "torch": "torch",
    "c": "numpy",
}
SECONDS = 0.5  # of one measurement


def work(task):
    """Times of one library: {model: microseconds}, or {model: "message"} where it fails."""
    worker.pin_to_one_core()
    module = importlib.import_module(f"tests.bench.loops.{task['library']}_")
    found = {}
    for name in task["models"]:
        if name in module.MODELS:
            try:
                found[name] = _measured(module.MODELS[name], name)
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"[:300]
    return found


def _measured(model, name):
    make, expected = cases.CASES[name]
    case = make()
    start = time.perf_counter()
    call = model(case)
    value = float(np.asarray(call()[0]))
    built = time.perf_counter() - start
    tolerance = cases.TOLERANCES.get(name, cases.DEFAULT_TOLERANCE)
    # Stan drops constants, and adds none here.
    if not np.isclose(value, expected(case), rtol=tolerance):
        raise AssertionError(f"{value} is not {expected(case)}")

    def run(calls):
        begin = time.perf_counter_ns()
        for _ in range(calls):
            call()
        return time.perf_counter_ns() - begin

    median = timing.measure({"run": run}, SECONDS)["run"]["median_ns"]
    return {"us": median / 1e3, "build_s": built}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.loops", description=__doc__)
    parser.add_argument("libraries", nargs="*", help=f"some of {', '.join(LIBRARIES)}")
    parser.add_argument("--models", help=f"some of {','.join(cases.NAMES)}")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    models = asked.models.split(",") if asked.models else list(cases.NAMES)
    libraries = []
    for name in asked.libraries or LIBRARIES:
        if importlib.util.find_spec(LIBRARIES[name]) is None:
            print(f"skip {name}: not installed")
        else:
            libraries.append(name)
    figures: dict[tuple[str, str], list[float]] = {}
    builds: dict[tuple[str, str], float] = {}
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as cache:
        for _ in range(asked.rounds):
            for name in libraries:
                task = {"library": name, "models": models, "verbose": True}
                env = harness.environment(cache, "gradient")
                found = harness.start_worker("tests.bench.loops", task, env, 900.0)
                for model, result in found.items():
                    if isinstance(result, dict):
                        figures.setdefault((name, model), []).append(result["us"])
                        builds.setdefault((name, model), result["build_s"])
                    else:
                        failures[f"{name} {model}"] = str(result)
    for title, cell in (
        ("value and gradient, us", lambda key: statistics.median(figures[key])),
        ("first call, s (includes the build; in the first round)", lambda key: builds[key]),
    ):
        print(f"\n{title}\n{'':16}" + "".join(f"{name:>12}" for name in libraries))
        for model in models:
            cells = [
                f"{cell((n, model)):12.2f}" if (n, model) in figures else f"{'-':>12}"
                for n in libraries
            ]
            print(f"{model:16}" + "".join(cells))
    for what, text in failures.items():
        print(f"{what}: {text}")


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("{"):
        worker.answer(work, json.loads(sys.argv[1]))
    else:
        main()
