"""A fresh cache, no choice by the environment, and targets that count their builds."""

import signal
import threading
import time
from dataclasses import replace

import pytest

from probtensor.compile import TARGETS
from probtensor.targets.auto import cost
from probtensor.targets.auto.builder import BUILDER
from probtensor.targets.cython import native
from probtensor.targets.cython.native import CythonTarget


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PROBTENSOR_TARGET", raising=False)
    monkeypatch.delenv(cost.VARIABLE, raising=False)


@pytest.fixture(autouse=True)
def interruptible():
    """A shell starts what runs in its background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def compiled(monkeypatch):
    """The commands of the C compiler, as they are run, each with its thread."""
    threads = []
    real = native.compile_c

    def counted(*args):
        threads.append(threading.current_thread().name)
        real(*args)

    monkeypatch.setattr(native, "compile_c", counted)
    return threads


class Held(CythonTarget):
    """The native target, whose builds wait until `go` is set."""

    def __init__(self):
        self.began, self.go = threading.Event(), threading.Event()

    def load(self, source, rendering=0.0):
        self.began.set()
        assert self.go.wait(60)
        return super().load(source, rendering)


@pytest.fixture
def held():
    """The default target with builds that wait."""
    target = replace(TARGETS["auto"], native=Held())
    yield target
    target.native.go.set()
    until_idle()


def until_idle():
    """Wait until the builder has nothing to do."""
    until(lambda: BUILDER.thread is None)


def until(condition, seconds=60):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.005)
