"""The cost of a call that computes little, and the time to a first gradient."""

import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from probtensor import device
from tests.bench.gpu import chains, chains_jax, clock, models, peers
from tests.bench.gpu.worker import MARK, stand_in

TITLE = "Calls that compute little; the first gradient"
COLUMNS = (
    ("case", "{}"),
    ("contender", "{}"),
    ("host us", "{:.1f}"),
    ("call and wait us", "{:.1f}"),
    ("cold s", "{:.2f}"),
    ("warm s", "{:.3f}"),
)
NOTE = (
    "host: what a call costs the caller, who does not wait; then the same with a wait after each "
    "call. Our function repeats a CUDA graph while its addresses repeat; with a new argument each "
    "time it queues its kernels one by one. First gradient: from a model that is built to its "
    "first gradient, the device being open already, with an empty and with a filled cache."
)
SIZE = 1000
# More arguments than a function keeps graphs for, and than it keeps free memory for.
ARGUMENTS = 64


def softmax(xp, x):
    """Three folds and maps over a short vector."""
    e = xp.exp(x - xp.max(x))
    return [e / xp.sum(e)]


def ways(libraries):
    """{words: (Library, Run)} of the same small function."""
    x = np.linspace(-1, 1, SIZE)
    found = {}
    for name, library in libraries.items():
        found[name] = library, library.run(softmax, [library.put(x)])
    ours = libraries[peers.OURS]
    many = [ours.put(x) for _ in range(ARGUMENTS)]
    compiled = ours.compile(softmax, many[:1])
    kept = {"turn": 0}

    def another():
        kept["turn"] += 1
        return compiled(many[kept["turn"] % ARGUMENTS])

    words = f"{peers.OURS}, another argument each time"
    found[words] = ours, clock.Run(another, lambda results: ours.wait(results[-1]))
    return found


def host_cost(run, calls):
    """Seconds of the host for one call, without the wait: the median of seven blocks."""
    found = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(calls):
            result = run.call()
        found.append((time.perf_counter() - start) / calls)
        run.wait(result)
    return sorted(found)[3]


def small_calls(setting, libraries):
    """A record for each way; all results agree."""
    right = None
    for words, (library, run) in ways(libraries).items():
        about = {"case": f"softmax of {SIZE}", "contender": words}
        try:
            for _ in range(3):
                results, _ = clock.once(run)
            found = [library.get(y) for y in results]
            right = right or found
            trouble = peers.disagreement(right, found, 1e-10)
            waiting = [clock.once(run)[1] for _ in range(setting.size(200, 3))]
            host = host_cost(run, setting.size(100, 3))
        except Exception as error:
            trouble = peers.trouble_of(error)
        if trouble:
            yield about | {"error": trouble}
            continue
        yield about | {
            "host us": 1e6 * host,
            "call and wait us": 1e6 * sorted(waiting)[len(waiting) // 2],
        }


def first_gradient(task):
    """Seconds from a built model to its first gradient; runs in a process of its own."""
    case = models.load(task["model"], task["dry"])
    if task["contender"] == peers.OURS:
        if task["dry"]:
            stand_in()
        driver = device.driver()
        driver.alloc(1 << 20)
        driver.synchronize()
        start = time.perf_counter()
        ours = chains.Ours(case)
        q = ours.put(0.1 * np.ones((1, case.dim)))
        ours.get(ours.gradient()(q)[1])
        return time.perf_counter() - start
    model = chains_jax.Model(case, wide=True)
    q = model.put(0.1 * np.ones(case.dim))
    start = time.perf_counter()
    value_and_grad = model.jax.jit(model.jax.value_and_grad(model.logp))
    np.asarray(value_and_grad(q)[1])
    return time.perf_counter() - start


def in_a_process(task, cache):
    """Its seconds there, with all caches below `cache`."""
    environment = os.environ | {
        "PROBTENSOR_CACHE": f"{cache}/probtensor",
        "JAX_COMPILATION_CACHE_DIR": f"{cache}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "CUDA_CACHE_PATH": f"{cache}/driver",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.gpu.calls", json.dumps(task)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        raise RuntimeError(" ".join(done.stderr.strip().splitlines()[-1:])[:300] or "no answer")
    return json.loads(lines[-1].removeprefix(MARK))


def first_gradients(setting, contenders):
    """A record for each model and contender."""
    for model in ("eight_schools", "radon"):
        for contender in contenders:
            yield {"starting": f"first gradient, {model}, {contender}"}
            about = {"case": f"first gradient, {model}", "contender": contender}
            task = {"model": model, "contender": contender, "dry": setting.dry}
            try:
                with tempfile.TemporaryDirectory() as cache:
                    cold = in_a_process(task, cache)
                    yield about | {"cold s": cold, "warm s": in_a_process(task, cache)}
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                yield about | {"error": str(error)}


def measure(setting):
    """Yields the records of small calls, then those of first gradients."""
    libraries, missing = peers.libraries(setting.dry)
    yield from ({"missing": words} for words in missing)
    yield {"starting": "small calls"}
    yield from small_calls(setting, libraries)
    contenders = [name for name in (peers.OURS, "jax") if name in libraries]
    yield from first_gradients(setting, contenders)


if __name__ == "__main__":
    print(MARK + json.dumps(first_gradient(json.loads(sys.argv[1]))), flush=True)
