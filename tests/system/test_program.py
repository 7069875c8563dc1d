"""Programs with a time limit, which leave no processes or files behind."""

import os
import sys
import threading
import time

import pytest

from probtensor.system import program


def run(tmp_path, code, seconds=30.0):
    return program.run(["/bin/sh", "-c", code], tmp_path / "log", seconds)


def test_temporary_files_are_in_the_folder_of_the_output(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    assert run(tmp_path, 'printf %s "$TMPDIR"') == (0, str(tmp_path))


def test_status_and_output(tmp_path):
    assert run(tmp_path, "echo out; echo err >&2") == (0, "out\nerr\n")
    assert run(tmp_path, "exit 3") == (3, "")
    assert run(tmp_path, "kill -9 $$")[0] == -9
    assert run(tmp_path, "cat; printf '\\377'") == (0, "\N{REPLACEMENT CHARACTER}")
    with pytest.raises(OSError):
        program.run([str(tmp_path / "nothing")], tmp_path / "log", 1)


def test_a_program_is_stopped_with_its_children(tmp_path):
    began = time.monotonic()
    with pytest.raises(program.TimedOut, match=r"after 0\.3 s"):
        run(tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid; sleep 60", 0.3)
    assert time.monotonic() - began < 10
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        try:
            with open(f"/proc/{child}/stat") as file:
                ended = file.read().split()[2] == "Z"
        except FileNotFoundError:
            ended = True
        if ended:
            return
        time.sleep(0.05)
    pytest.fail("what it started lives on")


def test_waiting_without_pidfd_open(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert run(tmp_path, "sleep 0.05; exit 2")[0] == 2
    with pytest.raises(program.TimedOut):
        run(tmp_path, "sleep 60", 0.1)


def test_a_child_forked_meanwhile_does_not_block_the_parent(tmp_path):
    """A child that outlives the call must not inherit a pipe that the parent reads to its end."""
    results = []
    thread = threading.Thread(target=lambda: results.append(run(tmp_path, "sleep 0.3; echo ok")))
    thread.start()
    children = []
    for _ in range(20):
        child = os.fork()
        if not child:
            time.sleep(20)
            os._exit(0)
        children.append(child)
    thread.join(10)
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert results == [(0, "ok\n")]


@pytest.mark.parametrize("text, seconds", [("", program.DEFAULT_LIMIT), ("2.5", 2.5)])
def test_the_limit_is_read_from_the_environment(monkeypatch, text, seconds):
    monkeypatch.setenv(program.LIMIT, text)
    assert program.limit() == seconds


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan"])
def test_an_invalid_limit_is_an_error(monkeypatch, text):
    monkeypatch.setenv(program.LIMIT, text)
    with pytest.raises(ValueError, match=program.LIMIT):
        program.limit()


def test_an_interrupt_stops_the_program(tmp_path):
    if sys.platform == "darwin":
        pytest.skip("reads /proc")
    import signal

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, f"echo $$ > {tmp_path}/pid; sleep 60")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")
