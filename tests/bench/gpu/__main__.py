"""`python -m tests.bench.gpu`: runs the steps one after another and keeps what they find."""

import argparse
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.gpu import report, steps, verdicts, worker

ROOT = Path(__file__).resolve().parents[3]
# A step is not begun with less than this left.
LEAST_SECONDS = 8.0
ENVIRONMENT = {
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # JAX would take three quarters of the memory
    "JAX_ENABLE_X64": "1",
    "NVIDIA_TF32_OVERRIDE": "0",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "PYTHONUNBUFFERED": "1",
    # Float32 figures need denormals and NaN where they belong, whatever the shell says.
    "XLA_FLAGS": "",
}


def arguments_of(line):
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__)
    parser.add_argument("--dry", action="store_true", help="tiny data, on the host: a rehearsal")
    parser.add_argument("--steps", help=f"some of {','.join(steps.NAMES)}; "
                        f"by default {','.join(steps.USUAL)}")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=450.0, help="for all steps together")
    parser.add_argument("--out", type=Path, default=report.RESULTS / "gpu", help="path, no suffix")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the steps")
    return parser.parse_args(line)


def chosen(text):
    """The steps named, or all of them."""
    names = text.split(",") if text else steps.USUAL
    unknown = set(names) - set(steps.NAMES)
    if unknown:
        known = ", ".join(steps.NAMES)
        raise SystemExit(f"no step {', '.join(sorted(unknown))}; there are {known}")
    return [step for step in steps.STEPS if step.name in names]


def environment(dry):
    """The steps' variables. A rehearsal never touches a device that happens to be there."""
    values = os.environ | ENVIRONMENT
    if dry:
        values |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    return values


class Stopped(Exception):
    """The step took longer than it may."""


def lines_of(process, seconds):
    """The lines that the process prints, as they come; Stopped when its time is up."""
    found = queue.Queue()

    def read():
        for line in process.stdout:
            found.put(line)
        found.put(None)

    threading.Thread(target=read, daemon=True).start()
    end = time.monotonic() + seconds
    while True:
        try:
            line = found.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise Stopped from None
        if line is None:
            return
        yield line


def run(step, options, seconds, log):
    """{records, about, status, seconds} of one step, whatever becomes of it."""
    task = {"module": step.module, "arguments": step.arguments, "dry": options.dry,
            "limit_s": seconds}  # fmt: skip
    begun = time.monotonic()
    process = subprocess.Popen(
        [options.python, "-m", worker.__name__, json.dumps(task)],
        cwd=ROOT,
        env=environment(options.dry),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )
    result = {"title": step.title, "status": "done", "records": []}
    at = "starting"
    try:
        for line in lines_of(process, seconds):
            if not line.startswith(worker.MARK):
                log.write(line)
                continue
            record = json.loads(line.removeprefix(worker.MARK))
            if "about" in record:
                result |= {"about": record["about"]}
            elif "starting" in record:
                at = record["starting"]
            else:
                result["records"].append(record)
        if process.wait(timeout=10):
            result["status"] = f"ended with status {process.returncode}, at: {at}"
    except (Stopped, subprocess.TimeoutExpired):
        result["status"] = f"stopped after {seconds:.0f} s, at: {at}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return result | {"seconds": round(time.monotonic() - begun, 1)}


def main(line=None):
    """Status 0 where every step came to its end and no test failed."""
    options = arguments_of(line)
    begun = time.monotonic()
    results = report.opened(options.out, options.dry)
    bad = 0
    with tempfile.TemporaryFile("w+") as log:
        for step in chosen(options.steps):
            left = options.seconds - (time.monotonic() - begun)
            if left < LEAST_SECONDS:
                found = {"title": step.title, "status": "no time left", "records": [], "seconds": 0}
            else:
                log.seek(0)
                log.truncate()
                found = run(step, options, min(step.seconds, left), log)
            results["steps"][step.name] = found
            report.write(results, options.out)
            print(report.heading(step.name, found), flush=True)
            print(report.plain(found), flush=True)
            if report.is_bad(found):
                bad += 1
                log.seek(0)
                print("".join(log.readlines()[-40:]), file=sys.stderr, flush=True)
    if not options.dry:
        print("\n".join(verdicts.table(results)), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
