"""Small measurements, library by library: `python -m tests.bench.micro [library ...]`.

- calls: a function of one short vector that returns it, one of one addition, one of ten inputs;
- mathematics: nanoseconds an element of sum(f(x)), x of a million doubles, one thread (NumPy and
  SciPy write f(x) to a buffer that exists);
- cache: seconds to compile and first call sum(exp(x)), with an empty and with a filled cache.

Each library runs in a process of its own.
"""

import importlib
import importlib.util
import json
import sys
import tempfile
import time

import numpy as np

from tests.bench import harness, timing, worker

NAMES = ("exp", "log", "log1p", "expm1", "tanh", "erf", "lgamma", "digamma")
SIZE = 1_000_000
SHORT = np.arange(8.0)


def _numpy():
    special = importlib.import_module("scipy.special")
    spelled = {"erf": special.erf, "lgamma": special.gammaln, "digamma": special.digamma}
    buffer = np.empty(SIZE)

    def elementwise(name):
        ufunc = spelled.get(name) or getattr(np, name)
        return lambda x: ufunc(x, out=buffer)

    calls = {
        "identity": lambda x: x,
        "one": lambda x: x + 1,
        "ten": lambda *xs: sum(xs),
    }
    return calls, elementwise


def _probtensor():
    pt = importlib.import_module("probtensor")
    x, xs = pt.vector("x"), [pt.vector(f"x{i}") for i in range(10)]
    spelled = {"erf": pt.special.erf, "lgamma": pt.special.gammaln, "digamma": pt.special.digamma}

    def elementwise(name):
        function = spelled.get(name) or getattr(pt, name)
        return pt.function([x], pt.sum(function(x)))

    calls = {
        "identity": pt.function([x], x),
        "one": pt.function([x], x + 1),
        "ten": pt.function(xs, sum(xs[1:], xs[0])),
    }
    return calls, elementwise


def _pytensor():
    pytensor = importlib.import_module("pytensor")
    tensor = importlib.import_module("pytensor.tensor")
    x, xs = tensor.dvector("x"), [tensor.dvector(f"x{i}") for i in range(10)]
    spelled = {"lgamma": tensor.gammaln, "digamma": tensor.digamma}

    def elementwise(name):
        function = spelled.get(name) or getattr(tensor, name)
        return pytensor.function([x], tensor.sum(function(x)), trust_input=True)

    calls = {
        "identity": pytensor.function([x], x, trust_input=True),
        "one": pytensor.function([x], x + 1, trust_input=True),
        "ten": pytensor.function(xs, sum(xs[1:], xs[0]), trust_input=True),
    }
    return calls, elementwise


def _jax():
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    special = importlib.import_module("jax.scipy.special")
    spelled = {"erf": special.erf, "lgamma": special.gammaln, "digamma": special.digamma}

    def ready(function):
        jitted = jax.jit(function)
        return lambda *xs: jax.block_until_ready(jitted(*xs))

    def elementwise(name):
        function = spelled.get(name) or getattr(jax.numpy, name)
        return ready(lambda x: jax.numpy.sum(function(x)))

    calls = {
        "identity": ready(lambda x: x),
        "one": ready(lambda x: x + 1),
        "ten": ready(lambda *xs: sum(xs)),
    }
    return calls, elementwise


LIBRARIES = {"probtensor": _probtensor, "pytensor": _pytensor, "jax": _jax, "numpy": _numpy}


def measure_build(make):
    """Seconds to compile and first call one function; imports are not counted."""
    _, elementwise = make()
    x = np.linspace(0.1, 3, SIZE)
    start = time.perf_counter()
    elementwise("exp")(x)
    return {"build_s": time.perf_counter() - start}


def measure_speed(make):
    """Call overhead in nanoseconds a call, mathematics in nanoseconds an element."""
    worker.pin_to_one_core()
    calls, elementwise = make()
    result = {}
    for name, function in calls.items():
        arguments = [SHORT] * (10 if name == "ten" else 1)
        function(*arguments)
        run = _repeated(function, arguments)
        result[f"call {name} ns"] = _median(run)
    x = np.linspace(0.1, 3, SIZE)
    for name in NAMES:
        function = elementwise(name)
        function(x)
        run = _repeated(function, [x])
        result[f"{name} ns/element"] = _median(run) / SIZE
    return result


def _median(run):
    return timing.measure({"run": run}, 0.2)["run"]["median_ns"]


def _repeated(function, arguments):
    def run(calls):
        start = time.perf_counter_ns()
        for _ in range(calls):
            function(*arguments)
        return time.perf_counter_ns() - start

    return run


def _work(task):
    make = LIBRARIES[task["library"]]
    return measure_build(make) if task["measure"] == "build" else measure_speed(make)


def _start(library, measure, cache):
    task = {"library": library, "measure": measure, "verbose": False}
    env = harness.environment(cache, "gradient")
    return harness.start_worker("tests.bench.micro", task, env, 300.0)


def _library(name):
    """The figures of one library, in two processes for the build and one for the speed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as cache:
        cold = _start(name, "build", cache)
        warm = _start(name, "build", cache)
        figures = _start(name, "speed", cache)
    for key, result in (("cold build s", cold), ("warm build s", warm)):
        if "build_s" in result:
            figures[key] = result["build_s"]
    return figures


def main(names):
    columns = {}
    for name in names or LIBRARIES:
        if importlib.util.find_spec(name) is None:
            print(f"skip {name}: not installed")
            continue
        figures = _library(name)
        if "error" in figures:
            print(f"{name} FAILED, {figures['error']}")
            continue
        columns[name] = figures
    rows = dict.fromkeys(row for figures in columns.values() for row in figures)
    print(f"{'':24}" + "".join(f"{name:>14}" for name in columns))
    for row in rows:
        cells = [f"{f[row]:14.3f}" if row in f else f"{'-':>14}" for f in columns.values()]
        print(f"{row:24}" + "".join(cells))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("{"):
        worker.answer(_work, json.loads(sys.argv[1]))
    else:
        main(sys.argv[1:])
