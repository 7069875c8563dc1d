"""The tests that a device can fail: pytest, counted as it goes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

TITLE = "Tests on the device"
COLUMNS = (("passed", "{}"), ("failed", "{}"), ("skipped", "{}"), ("seconds", "{:.0f}"))
NOTE = 'Every test marked "gpu" or "device", on the device itself.'
# Where they are; elsewhere collecting needs packages that such a machine may lack.
FOLDERS = [f"tests/{name}" for name in ("gpu", "targets", "lower", "fuzz", "function")]
# As pytest-xdist says it: "[gw3] [ 12%] PASSED tests/gpu/...".
OUTCOME = re.compile(r"%\] (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) tests/")
SUMMARY = re.compile(r"^(FAILED|ERROR) (tests/\S+.*)")
# Time for pytest to end by itself once it has been asked to.
GRACE_S = 6.0
WORKERS = 12


def command(setting):
    """What is run: on the device the tests, in a rehearsal only their collection."""
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *FOLDERS]
    line += ["-m", "gpu or device"]
    if setting.dry:
        return [*line, "--collect-only", "-q"]
    return [*line, "-v", "--tb=short", "-rfE", "-n", str(WORKERS), "--dist", "worksteal"]


def counted(line, counts, failures):
    """Take note of what one line of pytest's says."""
    summary = SUMMARY.match(line)
    if summary:
        failures.append(summary[2][:300])
        return
    outcome = OUTCOME.search(line)
    if outcome:
        counts[outcome[1]] += 1


def measure(setting):
    """Yields the counts, and an error for each test that failed or for a run that found none."""
    begun = time.monotonic()
    environment = os.environ | {"PROBTENSOR_TEST_DEVICE": "host" if setting.dry else "gpu"}
    process = subprocess.Popen(
        command(setting),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    previous = signal.signal(signal.SIGALRM, lambda *_: process.send_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, max(1.0, setting.limit_s - GRACE_S))
    counts, failures, tail = Counter(), [], []
    for line in process.stdout:
        counted(line.rstrip(), counts, failures)
        tail = [*tail, line.rstrip()][-15:]
    status = process.wait()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)
    yield {
        "passed": counts["PASSED"] + counts["XFAIL"],
        "failed": counts["FAILED"] + counts["ERROR"] + counts["XPASS"],
        "skipped": counts["SKIPPED"],
        "seconds": time.monotonic() - begun,
    }
    for words in failures:
        yield {"error": words}
    if not setting.dry and not counts["PASSED"]:
        yield {"error": "no test passed"}
    if status and not failures:
        yield {"error": f"pytest ended with status {status}: {' / '.join(tail)[-600:]}"}
