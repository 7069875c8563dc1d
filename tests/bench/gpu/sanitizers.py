"""NVIDIA's compute-sanitizer over a part of the tests: memory, races between threads, barriers."""

import os
import re
import shutil
import subprocess
import sys

FOLDERS = ("tests/gpu", "tests/targets")
TITLE = "Under compute-sanitizer"
COLUMNS = (("tool", "{}"), ("result", "{}"))
NOTE = "Tests that launch hand-written and generated kernels, each tool in a third of the time."
TOOLS = ("memcheck", "racecheck", "synccheck")
TESTS = "test_atomic or test_linalg or test_ops or (test_samplers and eight)"
WORDS = re.compile(r"={3,} ([1-9]\d* (?:error|hazard).*|(?:Error|Warning): .*|.*Invalid .*)")


def command(tool):
    """The tests under one tool; the first finding of each kind is enough."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FOLDERS]
    sanitizer = ["compute-sanitizer", "--tool", tool, "--target-processes", "all"]
    return [*sanitizer, *pytest, "-m", "gpu or device", "-k", TESTS]


def measure(setting):
    """Yields a record for each tool; a finding is an error."""
    if setting.dry or shutil.which("compute-sanitizer") is None:
        yield {"tool": "compute-sanitizer", "result": "not run here"}
        return
    environment = os.environ | {"PROBTENSOR_TEST_DEVICE": "gpu"}
    for tool in TOOLS:
        yield {"starting": tool}
        try:
            done = subprocess.run(
                command(tool),
                env=environment,
                capture_output=True,
                text=True,
                timeout=setting.limit_s / len(TOOLS) - 2,
                check=False,
            )
            text = done.stdout
        except subprocess.TimeoutExpired as stopped:
            text = (stopped.stdout or b"").decode(errors="replace") + "\nstopped at its limit"
        findings = list(dict.fromkeys(WORDS.findall(text)))[:10]
        last = " / ".join(text.strip().splitlines()[-3:])[-300:]
        yield {"tool": tool, "result": last}
        for words in findings:
            yield {"case": tool, "error": words[:300]}
