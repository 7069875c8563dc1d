"""Processes that are interrupted, or exit, at any moment of `sample`: no draws are lost."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def child(program, library_path, *arguments):
    """A Python process of a program beside this file, talking through pipes."""
    command = [sys.executable, str(HERE / program), str(library_path), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def verdicts(library_path, runs, draws, handler, most_presses, seed):
    """What became of the draws of runs that are interrupted at random moments."""
    random_moment = random.Random(seed)
    found = []
    with child("interrupted.py", library_path, runs, draws, handler) as process:
        for _ in range(runs):
            assert process.stdout.readline() == "go\n"
            # Half of the moments while the chains run, if this machine is not a busy one.
            time.sleep(random_moment.uniform(0.0, random_moment.choice([0.1, 0.5])))
            for _ in range(random_moment.randint(1, most_presses)):
                process.send_signal(signal.SIGINT)
                time.sleep(random_moment.choice([0.0, 0.001, 0.02]))
            process.stdin.write("sent\n")
            process.stdin.flush()
            found.append(process.stdout.readline().strip())
        process.stdin.close()
    assert process.returncode == 0
    return found


def test_some_random_moments(library_path):
    found = verdicts(library_path, 8, 6000, "python", 3, seed=1)
    assert not [text for text in found if text.startswith("LOST") or not text], found


@pytest.mark.slow
@pytest.mark.parametrize("handler", ["python", "own"])
@pytest.mark.parametrize("most_presses", [1, 4])
def test_two_hundred_random_moments(library_path, handler, most_presses):
    """The first runs of processes, which import ArviZ, as well as later ones."""
    found = []
    for seed in range(20):
        found += verdicts(library_path, 10, 20_000, handler, most_presses, seed)
    assert len(found) == 200
    assert not [text for text in found if text.startswith("LOST") or not text], found
    assert sum("nothing" not in text for text in found) > 50, found


@pytest.mark.parametrize("who", ["thread", "late thread", "daemon"])
def test_a_thread_that_samples_while_the_interpreter_exits(library_path, who):
    """It has its draws, or, as a daemon, does not hold the process up."""
    process = child("exiting.py", library_path, who)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said.splitlines()[-1] == ("exits" if who == "daemon" else "has 30000")
