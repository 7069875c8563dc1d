"""Functions that begin on the machine, and are switched to native code."""

import gc
import itertools
import pickle
import signal
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest

import probtensor as pt
from probtensor.compile import TARGETS
from probtensor.targets.auto import cost
from probtensor.targets.auto.builder import BUILDER
from probtensor.targets.auto.tiers import BUILDS
from probtensor.targets.base import BuildError
from probtensor.targets.cython.native import CythonTarget
from tests.targets.auto.conftest import until, until_idle

SCALES = itertools.count(3)  # equal programs that are in use are switched together


@pytest.fixture
def expression():
    """Makes a vector, and outputs of it that no other test has."""
    scale = next(SCALES) + 0.5

    def made():
        x = pt.vector("x")
        return [x], [pt.sum(pt.exp(x)), pt.cumsum(pt.sin(x)) * scale]

    return made


GIVEN = np.linspace(-1, 1, 40)


def bits(values):
    return [value.tobytes() for value in values]


def test_by_default_a_function_runs_at_once_and_short_ones_never_build(compiled, expression):
    f = pt.function(*expression())
    assert f.tier == "machine" and f.compilation.target.name == "auto"
    np.testing.assert_allclose(f(GIVEN)[0], np.exp(GIVEN).sum(), rtol=1e-14)
    for _ in range(2000):
        f(GIVEN)
    assert f.tier == "machine" and not compiled
    assert "auto (machine now)" in repr(f)
    assert "native code is built after 0.5" in f.explain("tier")


def test_calls_that_take_as_long_as_a_build_have_it_built(compiled, monkeypatch, expression):
    monkeypatch.setattr(cost, "BUILD_SECONDS", 1e-3)
    monkeypatch.setattr(cost, "INSTRUCTION_SECONDS", 0.0)
    f = pt.function(*expression())
    first = bits(f(GIVEN))
    until(lambda: bits(f(GIVEN)) == first and f.tier == "cython")
    assert bits(f(GIVEN)) == first
    assert compiled == ["probtensor-builder"] and f.path
    assert f.code.address == f.compilation.built.native.run
    assert set(f.timings) == {"rewrite", "lower", "encode", "render", "build"}
    assert "auto (cython now)" in repr(f)


def test_calls_that_are_promised_count(compiled, monkeypatch, expression):
    monkeypatch.setattr(cost, "BUILD_SECONDS", 30.0)
    f = pt.function(*expression())
    for _ in range(100):
        f(GIVEN)
    f.code.promise(10**12)
    for _ in range(100):
        f(GIVEN)
    until_idle()
    assert compiled and f.tier == "cython"


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_when_to_build_can_be_said(compiled, monkeypatch, way, expression):
    def made(when):
        if way == "environment":
            monkeypatch.setenv(cost.VARIABLE, when)
            return pt.function(*expression())
        return pt.function(*expression(), build=when)

    monkeypatch.setattr(cost, "BUILD_SECONDS", 0.0)
    monkeypatch.setattr(cost, "INSTRUCTION_SECONDS", 0.0)
    never = made("never")
    wanted = [bits(never(GIVEN)) for _ in range(100)]
    until_idle()
    assert never.tier == "machine" and not compiled
    assert "when it is asked for" in never.explain("tier")
    behind = made("background")
    until_idle()
    assert behind.tier == "cython" and compiled == ["probtensor-builder"]
    assert bits(behind(GIVEN)) == wanted[0]


def test_now_builds_in_the_callers_thread(compiled, expression):
    f = pt.function(*expression(), build="now")
    assert f.tier == "cython" and compiled == [threading.current_thread().name]


def test_what_cannot_be_said(monkeypatch):
    x = pt.vector("x")
    with pytest.raises(ValueError, match=r"build is one of 'now', .*, not 'soon'"):
        pt.function([x], x, build="soon")
    with pytest.raises(ValueError, match="build='now' is for target='auto', not 'interp'"):
        pt.function([x], x, target="interp", build="now")
    monkeypatch.setenv(cost.VARIABLE, "soon")
    with pytest.raises(ValueError, match="PROBTENSOR_BUILD is one of"):
        pt.function([x], x)
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")  # the program may be run anywhere
    assert pt.function([x], x, build="now").tier == "interp"


def test_a_graph_that_was_built_is_native_at_once(compiled, expression):
    inputs, outputs = expression()
    f = pt.function(inputs, outputs, build="now")
    del f
    gc.collect()
    for when in ("never", "auto", "background"):
        assert pt.function(inputs, outputs, build=when).tier == "cython"
    assert len(compiled) == 1


def test_a_graph_that_was_built_in_the_background_is_recorded(compiled, expression):
    inputs, outputs = expression()
    f = pt.function(inputs, outputs, build="background")
    until_idle()
    again = pt.function(inputs, outputs, build="never")
    assert again.tier == "cython" and again.timings["lower"] == 0.0 and len(compiled) == 1
    assert bits(again(GIVEN)) == bits(f(GIVEN))


def test_what_needs_an_address_builds_it(compiled, expression):
    f = pt.function(*expression(), build="never")
    assert "cdef int pt_plan" in f.source and f.tier == "machine" and not compiled
    assert f.address == f.compilation.built.native.run == f.code.address
    assert f.tier == "cython" and len(compiled) == 1


def test_equal_functions_are_built_once(held, compiled, expression):
    first, second, third = (pt.function(*expression(), target=held) for _ in range(3))
    first.compilation.built.ask()
    second.compilation.built.ask()
    assert held.native.began.wait(60)
    addresses = []
    waits = threading.Thread(target=lambda: addresses.append(third.address))
    waits.start()
    held.native.go.set()
    waits.join()
    until_idle()
    assert addresses == [first.address] == [second.address] and len(compiled) == 1
    assert {f.tier for f in (first, second, third)} == {"cython"}


def test_a_build_that_waits_is_dropped_with_its_function(held, compiled, expression):
    first = pt.function(*expression(), target=held)
    first.compilation.built.ask()
    assert held.native.began.wait(60)
    x = pt.vector("x")
    second = pt.function([x], x * 7.25, target=held)
    second.compilation.built.ask()
    assert "1 waiting" in BUILDER.state and "being built" in second.explain("tier")
    del second
    gc.collect()
    assert "0 waiting" in BUILDER.state
    held.native.go.set()
    until_idle()
    assert len(compiled) == 1


def test_copies_and_pickles(held, expression):
    f = pt.function(*expression(), target=replace(TARGETS["auto"], when="never"))
    bound = f.bind({"x": GIVEN})
    copied = pickle.loads(pickle.dumps(f))
    assert copied.compilation.target.when == "never" and copied.tier == "machine"
    f.compilation.built.built_now()
    assert (bound.tier, copied.tier) == ("cython", "cython")
    assert bits(bound()) == bits(copied(GIVEN)) == bits(f(GIVEN))


def test_both_tiers_are_profiled(compiled, expression):
    f = pt.function(*expression(), build="never")
    assert len(f.profile(GIVEN, n=2).rows) == len(f.plan.kernels) and not compiled
    f.compilation.built.built_now()
    assert len(f.profile(GIVEN, n=2).rows) == len(f.plan.kernels)


class Fails(CythonTarget):
    """A native target without a working compiler."""

    def load(self, source, rendering=0.0):
        raise BuildError("the C compiler cc failed:\n  error: out of ink")


def test_a_failed_build_is_told_once_and_the_function_stays(monkeypatch, expression):
    monkeypatch.setattr(BUILDS, "told", set())
    target = replace(TARGETS["auto"], native=Fails(), when="background")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        f, g = (pt.function(*expression(), target=target) for _ in range(2))
        until(lambda: f.compilation.built.failure and g.compilation.built.failure)
        until_idle()
    assert [str(w.message) for w in found] == [
        "probtensor could not build native code and stays on its machine: the C compiler cc failed:"
        " error: out of ink"
    ]
    assert bits(f(GIVEN)) == bits(g(GIVEN)) and f.tier == "machine"
    assert "could not be built: the C compiler cc failed: error: out of ink" in f.explain("tier")
    with pytest.raises(BuildError, match="out of ink"):
        _ = f.address


class Refuses:
    """A machine that lacks every instruction."""

    name = "machine"

    def build(self, plan):
        raise BuildError("no instruction")


def test_what_the_machine_cannot_run_is_built_at_once(compiled, expression):
    f = pt.function(*expression(), target=replace(TARGETS["auto"], machine=Refuses()))
    assert f.tier == "cython" and len(compiled) == 1


def test_ctrl_c_while_waiting_for_the_builder(held, expression):
    f = pt.function(*expression(), target=held)
    f.compilation.built.ask()
    assert held.native.began.wait(60)
    main = threading.main_thread().ident
    press = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    press.start()
    with pytest.raises(KeyboardInterrupt):
        _ = f.address
    press.join()
    assert f.tier == "machine"
    held.native.go.set()
    assert f.address and f.tier == "cython"


def test_ctrl_c_while_a_build_is_asked_for(compiled, monkeypatch, expression):
    """It is neither lost nor does it fail the call, and a later call asks again."""
    monkeypatch.setattr(cost, "BUILD_SECONDS", 1e-6)
    monkeypatch.setattr(cost, "INSTRUCTION_SECONDS", 0.0)
    f = pt.function(*expression())
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(BUILDER, "add", lambda job: signal.raise_signal(signal.SIGINT))
        for _ in range(10_000):
            f(GIVEN)
    assert f.tier == "machine" and not compiled
    until(lambda: f(GIVEN) is not None and f.tier == "cython")
    assert len(compiled) == 1


def test_threads_that_call_while_the_tier_changes(held, expression):
    f = pt.function(*expression(), target=held)
    wanted, wrong, over = bits(f(GIVEN)), [], threading.Event()

    def work():
        while not over.is_set():
            if bits(f(GIVEN)) != wanted:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    f.compilation.built.ask()
    held.native.go.set()
    until(lambda: f.tier == "cython")
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_sampler_that_changes_tiers_draws_the_same():
    """Bit for bit what either tier alone draws, with the switch in the middle of the chains."""
    rng = np.random.default_rng(0)
    data = rng.normal(1.0, 2.0, 3000)
    mu = pt.random.normal(0, 5, name="mu")
    sigma = pt.random.half_cauchy(5, name="sigma")
    y = pt.random.student_t(4.0, mu, sigma, shape=3000, name="y")
    calls = []

    def draws(target, switch_after=0.0):
        post = pt.condition({y: data}, target=target, build="never" if target == "auto" else None)
        code = post.context().entry.code
        post.expect_calls = lambda count: None  # only the time of calls counts here

        def switch():  # in the thread of a chain, in the middle of a trajectory
            calls.append(code.spent - before)
            post.context().entry.compilation.built.built_now()

        if target == "auto":
            code.measure(code.spent + switch_after if switch_after else 1e6, switch)
        before = code.spent
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pt.SamplerWarning)
            options = {"draws": 100, "tune": 100, "chains": 2, "cores": 2, "seed": 3}
            found = pt.sample(post, progress=False, **options)
        spent.append(code.spent - before)
        assert target != "auto" or bool(switch_after) == bool(calls)
        tier = "cython" if switch_after else target.replace("auto", "machine")
        assert post.tier == tier
        return found.posterior["mu"].values.tobytes(), found.posterior["sigma"].values.tobytes()

    spent = []
    first = draws("auto")
    assert first == draws("auto", switch_after=0.1 * spent[0])
    assert 0.02 * spent[0] < calls[0] < 0.9 * spent[0]
    assert first == draws("cython")
