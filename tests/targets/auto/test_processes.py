"""Processes that end, fork, or have no compiler, while functions run on the machine."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

import probtensor as pt
from tests.targets.auto.conftest import until

FUNCTION = """
import os, sys, threading, time, warnings
import numpy as np
import probtensor as pt
x = pt.vector("x")
f = pt.function([x], pt.sum(pt.exp(x)) * 2.625, build=sys.argv[1])
given = np.linspace(-1, 1, 40)
before = f(given).tobytes()
"""

# A model for a given target, and its draws..
MODEL = """
mu = pt.random.normal(0, 1, name="mu")
tau = pt.random.half_normal(1, name="tau")
y = pt.random.normal(mu + pt.random.normal(0, 1, shape=5, name="z") * tau, 0.7, name="y")
post = pt.condition({y: np.linspace(-1, 2, 5)}, target=target)
idata = pt.sample(post, draws=30, tune=30, chains=2, seed=1, progress=False)
draws = np.concatenate([idata.posterior[name].to_numpy().ravel() for name in ("mu", "tau", "z")])
"""


def compiler(folder, text):
    """A shell script as the C compiler; `gcc` in it is the real one."""
    path = folder / "slow_cc"
    real = shutil.which("cc") or shutil.which("gcc")
    path.write_text(f'#!/bin/sh\ncase "$1" in --version) exec {real} --version;; esac\n'
                    + text.replace("gcc", real))  # fmt: skip
    path.chmod(0o755)
    return str(path)


def run(folder, program, *args, **environment):
    """What a program writes, run in a process with a cache of its own."""
    variables = {**os.environ, "PROBTENSOR_CACHE": str(folder / "cache"), **environment}
    command = [sys.executable, "-c", FUNCTION + program, *args]
    made = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    return made.stdout, made.stderr


def is_alive(pid):
    """Does a process run that is not only waiting to be collected?"""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "threading.Thread(target=sys.exit).start()"])
def test_a_process_that_ends_leaves_no_build(tmp_path, end):
    cc = compiler(tmp_path, f"sleep 300 & echo $! $$ > {tmp_path}/pids; wait\nexec gcc \"$@\"\n")
    wait = f"""
while not (os.path.exists("{tmp_path}/pids") and open("{tmp_path}/pids").read().strip()):
    time.sleep(0.01)
print(f.tier, time.time())
{end}
"""
    found, _ = run(tmp_path, wait, "background", CC=cc)
    tier, ended = found.split()
    assert tier == "machine" and time.time() - float(ended) < 20
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    until(lambda: not any(map(is_alive, pids)), 5)
    assert not list((tmp_path / "cache").glob("building/*"))


def test_a_process_that_ends_while_it_translates(tmp_path):
    cc = compiler(tmp_path, 'exec gcc "$@"\n')
    wait = f"""
while not any(files for _, _, files in os.walk("{tmp_path}/cache/building")):
    time.sleep(0.001)
print(f.tier)
"""
    assert run(tmp_path, wait, "background", CC=cc)[0] == "machine\n"
    assert not list((tmp_path / "cache").glob("building/*"))


def test_a_fork_while_the_builder_works(tmp_path):
    """The child has no builder and does not wait for one; it can build by itself."""
    cc = compiler(tmp_path, f"touch {tmp_path}/began; sleep 0.5\nexec gcc \"$@\"\n")
    program = f"""
from probtensor.targets.auto.builder import BUILDER
while not os.path.exists("{tmp_path}/began"):
    time.sleep(0.01)
for choice in ("call", "address"):
    child = os.fork()
    if not child:
        good = f(given).tobytes() == before and f.tier == "machine" and BUILDER.thread is None
        good = good and "after" in f.explain("tier")
        if choice == "address":
            good = good and f.address and f.tier == "cython" and f(given).tobytes() == before
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, choice
while f.tier == "machine":
    time.sleep(0.01)
assert f(given).tobytes() == before
print("fine")
"""
    assert run(tmp_path, program, "background", CC=cc)[0] == "fine\n"


@pytest.fixture
def without_compiler(tmp_path):
    """The environment of a machine that has none."""
    (tmp_path / "empty").mkdir()
    return {"PATH": str(tmp_path / "empty"), "CC": ""}


@pytest.mark.parametrize("when", ["auto", "background"])
def test_without_a_compiler_one_line_says_what_is_lost(tmp_path, without_compiler, when):
    """Also where the calls take longer than a build would."""
    program = """
from probtensor.targets.auto import tiers
from probtensor.targets.auto.builder import BUILDER
tiers.build_seconds = lambda instructions: 1e-9
g = pt.function([x], pt.sum(pt.exp(x)) * 3.625)
target = "auto"
exec(open(sys.argv[2]).read())
while BUILDER.thread is not None:
    time.sleep(0.01)
print(f.tier, g.tier, post.function.tier)
print(f.explain("tier").replace("\\n", " "))
try:
    f.address
except pt.BuildError as error:
    print(str(error).splitlines()[0])
print(draws.tobytes().hex())
"""
    model = tmp_path / "model.py"
    model.write_text(MODEL)
    out, err = run(tmp_path, program, when, str(model), **without_compiler)
    native = {"pt": pt, "np": np, "target": "cython"}
    exec(MODEL, native)
    assert native["post"].function.tier == "cython"
    assert out.splitlines()[-1] == native["draws"].tobytes().hex()
    assert out.splitlines()[0] == "machine machine machine"
    assert "there is none" in out.splitlines()[1]
    assert out.splitlines()[2].startswith("no C compiler")
    told = [row for row in err.splitlines() if "RuntimeWarning" in row]
    assert len(told) == 1 and "probtensor finds no C compiler" in told[0], err
    assert "doctor" in told[0] and "times" in told[0]


def test_a_filled_cache_without_a_compiler_is_native(tmp_path, without_compiler):
    run(tmp_path, "", "now")
    out, err = run(tmp_path, "print(f.tier, f(given).tobytes() == before)", "auto",
                   **without_compiler)  # fmt: skip
    assert out == "cython True\n" and "compiler" not in err
