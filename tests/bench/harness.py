"""Starts the workers: one process a measurement, contenders in turn, several rounds."""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench import registry, worker

ROOT = Path(__file__).resolve().parents[2]
CORES = 2
CHAINS = 4
TOLERANCE = 1e-6
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
XLA_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
XLA_ONE_DEVICE_A_CHAIN = f"--xla_force_host_platform_device_count={CHAINS}"
MEASURES = ("cold", "warm", "gradient", "sample")


@dataclass(frozen=True)
class Settings:
    """What to run. Cold builds and sampling, the slow measures, have their own number of rounds."""

    cases: tuple[str, ...]
    contenders: tuple[str, ...]
    measures: tuple[str, ...] = MEASURES
    rounds: int = 5
    cold_rounds: int = 2
    sample_rounds: int = 2
    draws: int = 1000
    tune: int = 1000
    budget_s: float = 0.5
    timeout_s: float = 300.0
    verbose: bool = False


def version(distribution):
    """The installed version, or None; a package run from its source tree has its own word."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing(name):
    """Why the contender cannot run here, or None."""
    entry = registry.ENTRIES[name]
    if entry.is_floor and not shutil.which("gcc"):
        return "gcc is not on the path"
    if importlib.util.find_spec(entry.package) is None:
        return f"{entry.package} is not installed"
    absent = [d for d in entry.distributions if d != entry.package and version(d) is None]
    return f"{', '.join(absent)} not installed" if absent else None


def environment(cache, measure):
    """The worker's environment: every cache below `cache`, threads as the measure wants them."""
    values = {
        "BENCH_CACHE": cache,
        "PROBTENSOR_CACHE": f"{cache}/probtensor",
        "PYTENSOR_FLAGS": f"base_compiledir={cache}/pytensor",
        "NUMBA_CACHE_DIR": f"{cache}/numba",
        "JAX_COMPILATION_CACHE_DIR": f"{cache}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PLATFORMS": "cpu",
        "PYTHONDONTWRITEBYTECODE": "",  # else a source tree is translated anew in each process
    }
    if measure in ("gradient", "sample"):
        values |= ONE_THREAD
    if measure == "gradient":
        values["XLA_FLAGS"] = XLA_ONE_THREAD
    if measure == "sample":
        values["XLA_FLAGS"] = XLA_ONE_DEVICE_A_CHAIN
    return os.environ | values


def _two_cores():
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(allowed[:CORES]))


def _communicate(command, env, timeout_s):
    """The command's output, its error output and status; its whole group dies on a timeout."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_two_cores,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
        return out, err, process.returncode
    except subprocess.TimeoutExpired:
        return "", f"no answer within {timeout_s:g} s", None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def start_worker(module, task, env, timeout_s):
    """What the worker module answers to one task; a dict with `error` where it gives nothing."""
    command = [sys.executable, "-m", module, json.dumps(task)]
    out, err, status = _communicate(command, env, timeout_s)
    if task["verbose"] and err:
        print(err, file=sys.stderr)
    lines = [line for line in out.splitlines() if line.startswith(worker.MARK)]
    if lines:
        return json.loads(lines[-1].removeprefix(worker.MARK))
    if status is None:
        return {"error": err}
    tail = err.strip().splitlines()
    return {"error": tail[-1][:300] if tail else f"the worker ended with status {status}"}


def _task(settings, case, contender, measure):
    return {
        "measure": "first" if measure in ("cold", "warm") else measure,
        "case": case,
        "contender": contender,
        "budget_s": settings.budget_s,
        "draws": settings.draws,
        "tune": settings.tune,
        "chains": CHAINS,
        "cores": CORES,
        "verbose": settings.verbose,
    }


class Session:
    """Runs the measurements of one `Settings`, keeping a record of each."""

    def __init__(self, settings, say):
        self.settings = settings
        self.say = say
        self.records = []
        self.failed = set()

    def _measure(self, case, contender, measure, number, caches):
        if (case, contender, measure) in self.failed:
            return
        cache = Path(caches) / f"{case}-{contender}"
        if measure == "cold":
            shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(exist_ok=True)
        task = _task(self.settings, case, contender, measure) | {"seed": 1 + number}
        env = environment(str(cache), task["measure"])
        result = start_worker("tests.bench.worker", task, env, self.settings.timeout_s)
        record = {"case": case, "contender": contender, "measure": measure, "round": number}
        self.records.append(record | {"result": result})
        self.say(f"{case} {contender} {measure} {number + 1}: {brief(result)}")
        if "error" in result:
            self.failed.add((case, contender, measure))

    def _rounds(self, case, measures, rounds, caches):
        for number in range(rounds):
            for contender in self.settings.contenders:
                for measure in measures:
                    if measure == "cold" and number >= self.settings.cold_rounds:
                        continue
                    if measure == "sample" and not registry.ENTRIES[contender].samples:
                        continue
                    self._measure(case, contender, measure, number, caches)

    def run(self):
        """All records, in the order in which they were measured."""
        settings = self.settings
        light = [m for m in ("cold", "warm", "gradient") if m in settings.measures]
        with tempfile.TemporaryDirectory(prefix="bench-") as caches:
            for case in settings.cases:
                self._rounds(case, light, settings.rounds, caches)
                if "sample" in settings.measures:
                    self._rounds(case, ["sample"], settings.sample_rounds, caches)
        return self.records


def brief(result):
    """One measurement in a few words."""
    if "error" in result:
        return f"FAILED, {result['error']}"
    words = []
    if "first_s" in result:
        words.append(f"first gradient {result['first_s']:.3f} s")
    for way in ("python", "pointer"):
        if way in result:
            words.append(f"{way} {result[way]['median_ns'] / 1000:.2f} us")
    if "nuts_s" in result:
        words.append(f"NUTS {result['nuts_s']:.2f} s, {result['ess_per_s']:.0f} ESS/s")
    return ", ".join(words)


def _differs(a, b, scale):
    return not abs(a - b) <= TOLERANCE * max(abs(scale), 1e-3)


def agreement(records):
    """Lines naming each contender whose log density is not the floor's; empty where all agree.

    Compared are the difference of the log density between two fixed points, the gradient at the
    first along the line to the second, and the gradient's norm: none depends on the order in which
    a library keeps its parameters, nor on dropped constants.
    """
    complaints = []
    references = {}
    gradients = [r for r in records if r["measure"] == "gradient" and "error" not in r["result"]]
    gradients.sort(key=lambda r: r["contender"] != registry.FLOOR)
    for record in gradients:
        result, case = record["result"], record["case"]
        contender, reference = references.setdefault(case, (record["contender"], result))
        for key in ("logp_difference", "directional", "gradient_norm"):
            scale = reference["gradient_norm"] if key == "directional" else reference[key]
            if _differs(result[key], reference[key], scale):
                complaints.append(
                    f"{case}: {record['contender']} measures another density than {contender}: "
                    f"{key} {result[key]:.12g}, not {reference[key]:.12g}"
                )
    return sorted(set(complaints))
