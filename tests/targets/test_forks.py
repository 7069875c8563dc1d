"""Forks while another thread builds: no deadlock in parent or child."""

import os
import signal
import subprocess
import sys

import pytest

# A thread builds modules while the process forks, and each child builds a module. A deadlock ends
# by an alarm.
PROGRAM = """
import os, random, signal, sys, threading, time
from probtensor.targets.cython.native import module_of
template, children, seed = open(sys.argv[1]).read(), int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
signal.alarm(60 + 6 * children)
over = threading.Event()

def build(value):
    return module_of(template.replace("{value}", str(value)))[0]

def keep_building():
    value = 0
    while not over.is_set():
        value += 1
        build(value + 0.5)

thread = threading.Thread(target=keep_building)
thread.start()
for k in range(children):
    time.sleep(chance.uniform(0.0, 0.3) if k else chance.uniform(0.0, 0.15))
    child = os.fork()
    if not child:
        signal.alarm(60)
        good = False
        try:
            good = bool(build(1000 + k).address)
        finally:
            os._exit(0 if good else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, (k, status)
over.set()
thread.join()
print("fine")
"""


@pytest.mark.parametrize(
    "processes, children", [(2, 2), pytest.param(10, 10, marks=pytest.mark.slow)]
)
def test_forks_during_a_build(tmp_path, root, processes, children):
    """In many processes, as the first translation of a process imports Cython."""
    template = tmp_path / "module.pyx"
    template.write_text(MODULE)
    for k in range(processes):
        environment = {**os.environ, "PROBTENSOR_CACHE": str(tmp_path / f"cache{k}")}
        command = [sys.executable, "-c", PROGRAM, str(template), str(children), str(k)]
        run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        assert run.returncode != -signal.SIGALRM, "it waits for ever"
        assert run.returncode == 0, run.stderr
        assert run.stdout == "fine\n"


MODULE = """\
# cython: language_level=3
from libc.stdint cimport int64_t
cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    (<double*> b[0])[0] = {value}
    return 0
address = <size_t> &pt_plan
"""
