"""The progress of long compilations, which is shown on terminals only."""

import io
import os
import threading
import time
from types import SimpleNamespace

import pytest

import probtensor as pt
from probtensor.system import stages


class Terminal(io.StringIO):
    """A terminal that records the text written to it."""

    def isatty(self):
        self.getvalue()  # ValueError once it is closed, as of a file
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(stages, "AFTER", 0.02)
    monkeypatch.setattr(stages, "EVERY", 0.02)
    screen = Terminal()
    monkeypatch.setattr(stages, "sys", SimpleNamespace(stderr=screen))
    return screen


def wait(seconds=0.15):
    time.sleep(seconds)


def threads():
    return [t for t in threading.enumerate() if t.name == "probtensor-stages"]


def test_stage_and_time_are_shown(terminal):
    with stages.building("the posterior given y"):
        stages.stage("rewrite")
        wait()
        stages.stage("compile")
        wait()
    text = terminal.getvalue()
    assert "compiling the posterior given y: rewrite (stage 2 of 5), 0 s" in text
    assert "compile (stage 5 of 5)" in text
    assert text.split("\r")[-1].startswith("compiled the posterior given y in 0.")
    assert text.endswith("\n")
    assert not threads()


def test_quick_compilations_show_nothing(terminal, monkeypatch):
    monkeypatch.setattr(stages, "AFTER", 30.0)
    with stages.building("f"):
        stages.stage("rewrite")
    assert terminal.getvalue() == "" and not threads()


@pytest.mark.parametrize("way", ["file", "none", "closed", "progress", "quiet"])
def test_nothing_is_shown_without_a_terminal_or_if_disabled(terminal, monkeypatch, way):
    other = {"file": io.StringIO(), "none": None, "closed": Terminal()}.get(way, terminal)
    monkeypatch.setattr(stages, "sys", SimpleNamespace(stderr=other))
    if way == "closed":
        other.close()
    quiet = stages.quiet(way == "quiet")
    with quiet, stages.building("f", way != "progress"), stages.building("inside"):
        assert not threads()
        wait(0.05)
    assert way == "closed" or terminal.getvalue() == ""


def test_nested_compilations_have_one_line(terminal):
    with stages.building("outer"), stages.building("inner"):
        wait()
        assert len(threads()) == 1
    assert "outer" in terminal.getvalue() and "inner" not in terminal.getvalue()


def test_a_terminal_that_breaks_changes_nothing(terminal, monkeypatch):
    def broken(text):
        raise BrokenPipeError

    monkeypatch.setattr(terminal, "write", broken)
    with stages.building("f"):
        wait(0.1)
        assert not threads()
    with pytest.raises(ZeroDivisionError), stages.building("f"):
        wait(0.05)
        1 / 0  # noqa: B018
    assert not threads()


def test_a_child_forked_meanwhile_ends(terminal):
    with stages.building("f"):
        wait(0.05)
        child = os.fork()
        if not child:
            os._exit(0 if not threads() or threading.active_count() == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_functions_and_posteriors_show_their_stages(terminal, monkeypatch):
    seen = []
    monkeypatch.setattr(stages.Building, "_watch", lambda self: None)
    close = stages.Building.close
    monkeypatch.setattr(
        stages.Building, "close", lambda self: seen.append((self.what, self.now)) or close(self)
    )
    x = pt.vector("x")
    pt.function([x], pt.sum(x), target="interp", name="total")
    pt.function([x], pt.sum(x), target="interp", progress=False)
    mu = pt.random.normal(0, 1, name="mu")
    y = pt.random.normal(mu, 1, name="y")
    pt.condition({y: 1.0}, target="interp")
    pt.condition({y: 1.0}, target="interp", progress=False)
    assert seen == [("total", "lower"), ("the posterior given y", "lower")]
