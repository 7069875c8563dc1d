"""A fork while a hidden thread imports."""

import ast
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from probtensor import late, process
from probtensor.sample.runs.output import load_arviz

SLOW_ARVIZ = """
import time
from pathlib import Path
Path(__file__).with_name("begun").touch()
time.sleep(0.5)
__version__ = "1.0"
"""


def in_a_child(action, seconds=20):
    """Exit status of a forked child that does it, or the signal of its alarm."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_can_import_what_the_parent_was_importing(monkeypatch, tmp_path):
    (tmp_path / "arviz.py").write_text(SLOW_ARVIZ)
    monkeypatch.delitem(sys.modules, "arviz", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    thread = threading.Thread(target=load_arviz)
    thread.start()
    until = time.monotonic() + 20
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < until, "it is not imported"
        time.sleep(0.005)
    try:
        assert in_a_child(load_arviz) == 0
    finally:
        thread.join()
        del sys.modules["arviz"]  # not by monkeypatch, which would put it back


def test_a_fork_waits_no_longer_than_that(monkeypatch):
    """An import that never ends; the child is not made to wait for its parent's thread either."""
    monkeypatch.setattr(process, "LONGEST_WAIT", 0.1)
    entered, over = threading.Event(), threading.Event()

    def hold():
        with process.importing():
            entered.set()
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()

    def child_imports():
        with process.importing():
            pass

    try:
        assert in_a_child(child_imports) == 0
    finally:
        over.set()
        thread.join()
    with process.importing():
        assert in_a_child(child_imports) == 0
    assert in_a_child(child_imports) == 0


def test_threads_import_beside_each_other():
    """The chains do not wait until ArviZ is imported."""
    entered = threading.Event()

    def enter():
        with process.importing(), process.importing():
            entered.set()

    with process.importing():
        thread = threading.Thread(target=enter)
        thread.start()
        assert entered.wait(10.0)
    thread.join()
    assert not process.GUARD.importing


def test_parts_of_numpy_that_are_imported_late_are_read_inside_a_block(root):
    """`np.random` imports it; a child forked meanwhile by another thread would wait for ever."""
    files = [path for path in (root / "probtensor").rglob("*.py") if path.parent.name != "testing"]
    code = "import sys, numpy; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    early, found = set(run.stdout.split()), set()
    for file in files:
        for part in read_at_run_time(ast.parse(file.read_text())):
            if find_spec(f"numpy.{part}") and f"numpy.{part}" not in early:
                found.add(f"{file.name}: np.{part}")
    assert "numpy" in early and not found, "numpy_part(...) reads it"


def read_at_run_time(tree):
    """The attributes of `np` in a module, except those in annotations."""
    skipped = set()
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            skipped |= set(ast.walk(part)) if part is not None else set()
    for node in ast.walk(tree):
        of_numpy = isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "np"
        if of_numpy and node not in skipped:
            yield node.attr


def test_a_fork_waits_for_a_part_of_numpy():
    code = (
        "import os, sys, threading, time, numpy as np\n"
        "from probtensor import process\n"
        "if 'numpy.random' in sys.modules: sys.exit(3)\n"
        "entered = threading.Event()\n"
        "class Slow:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'numpy.random': entered.set(); time.sleep(0.5)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "thread = threading.Thread(target=process.numpy_part, args=('random',))\n"
        "thread.start(); entered.wait()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    process.numpy_part('random').SeedSequence(1); os._exit(0)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert run.returncode in (0, 3), run.stderr


PARENT = """
import faulthandler, os, threading, time, warnings
import numpy as np
import probtensor as pt

warnings.simplefilter("ignore", pt.SamplerWarning)
mu = pt.random.normal(0, 1, name="mu", shape=5)
posterior = pt.condition({pt.random.normal(mu, 1, name="y", shape=5): np.arange(5.0)})

def first():
    pt.sample(posterior, draws=100, tune=100, chains=2, seed=1, progress=False)

thread = threading.Thread(target=first)
thread.start()
children = []
for _ in range(20):
    time.sleep(0.03)
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(200, exit=True)
        first()
        os._exit(0)
    children.append(child)
statuses = [os.waitpid(child, 0)[1] for child in children]
thread.join()
assert statuses == [0] * 20, statuses
"""


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(5))
def test_twenty_forks_during_the_first_sample(attempt, root):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", PARENT], env=environment, capture_output=True, text=True,
        check=False, cwd=Path(__file__).parent, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_hooks_of_forks_come_after_those_of_others_that_imports_may_need(monkeypatch):
    """Logging's are registered before ours again, unless only modules of this library come."""
    calls = []
    monkeypatch.setattr(process, "_watch_before_others", lambda: calls.append(1))
    assert late.load("probtensor.version").__version__
    assert not calls
    late.load("string")
    assert len(calls) == 1
    with process.importing():
        assert len(calls) == 2
