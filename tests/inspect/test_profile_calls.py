"""Profiles of blocks and of posteriors, and the files that profiles are saved as."""

import json
import re
import threading
import time

import numpy as np
import pytest

import probtensor as pt
from cython_ext import sampling
from probtensor.inspect.profile import calls, formats
from probtensor.inspect.profile.code.marks import Part
from probtensor.inspect.profile.rows import Profile, Row

pytestmark = pytest.mark.skipif(not sampling.available, reason="no samples on this system")
X = np.linspace(0.1, 2.0, 20_000)


@pytest.fixture(scope="module")
def block():
    """A profile of two functions in two threads, and of Python."""
    x = pt.vector("x")
    slow = pt.function([x], pt.sum(pt.special.gammaln(x)), name="slow", target="machine")
    quick = pt.function([x], pt.sum(x * 2.0), name="quick", target="machine")
    with pt.profiling(interval=5e-4) as p:
        thread = threading.Thread(target=lambda: [slow(X) for _ in range(150)])
        thread.start()
        for _ in range(100):
            quick(X)
            sum(range(20_000))
        thread.join()
    return p, slow, quick


def test_a_block_is_divided_among_functions_and_python(block):
    p, slow, _ = block
    assert p.functions[0].label == "slow" and p.functions[0].function.code is slow.code
    everything = sum(f.share for f in p.functions) + sum(o.share for o in p.others)
    assert everything == pytest.approx(1.0)
    assert p.functions[0].lines[0].text.startswith("slow = pt.function")
    assert p.functions[0].lines[0].ops.keys() & {"lgamma"}
    assert any(o.name == "Python" for o in p.others)
    assert p.samples > 20 and p.seconds > 0 and p.wall > 0
    assert "slow" in str(p) and "lgamma" in str(p)


def test_a_block_that_has_not_ended():
    p = pt.profiling()
    assert "not ended" in str(p)
    for name in ("functions", "others", "seconds", "wall", "samples"):
        with pytest.raises(RuntimeError, match="not ended"):
            getattr(p, name)
    with pytest.raises(ValueError, match="interval"):
        pt.profiling(interval=0.0)


def test_a_block_that_raises_ends_its_profile():
    with pytest.raises(KeyError), pt.profiling() as p:
        raise KeyError("x")
    assert p.samples >= 0
    with pt.profiling():
        pass


def test_speedscope(block):
    p, *_ = block
    found = json.loads(formats.speedscope(p))
    assert found["$schema"] == formats.SPEEDSCOPE
    frames = found["shared"]["frames"]
    for one in found["profiles"]:
        assert one["type"] == "sampled" and len(one["samples"]) == len(one["weights"])
        assert one["endValue"] == sum(one["weights"])
        assert all(0 <= k < len(frames) for stack in one["samples"] for k in stack)
    total = 1e-9 * sum(one["endValue"] for one in found["profiles"])
    unseen = sum(other.seconds for other in p.others if other.name == calls.UNSEEN)
    assert total + unseen == pytest.approx(p.seconds, rel=1e-3)
    lines = [frame for frame in frames if "line" in frame]
    assert any("gammaln" in frame["name"] and frame["file"] == __file__ for frame in lines)


def test_chrome_events_are_nested(block):
    rows = json.loads(formats.trace(block[0]))["traceEvents"]
    assert rows and all(row["ph"] == "X" and row["dur"] >= 0 for row in rows)
    for tid in {row["tid"] for row in rows}:
        open_ = []
        for row in (row for row in rows if row["tid"] == tid):
            end = row["ts"] + row["dur"]
            while open_ and open_[-1] <= row["ts"] + 2e-3:
                open_.pop()
            assert not open_ or end <= open_[-1] + 2e-3
            open_.append(end)


SHARES = {
    Part("k0", f"{__file__}:1", "exp", 0): 3e-6,
    Part("k0", f"{__file__}:2", "<sum>", 0): 1e-6,
}
ROW = Row("k0", 4e-6, 1.0, (f"{__file__}:1",), 10.0, {}, 80.0)
PROFILE = Profile(
    total=4e-6, call=5e-6, count=7, rows=(ROW,), parts=tuple(SHARES.items()), how="sampled",
    samples=99, target="cython", label="f & g",
)  # fmt: skip


@pytest.mark.parametrize("ending", formats.FORMATS)
def test_saved_files(ending, tmp_path):
    path = PROFILE.save(tmp_path / f"found{ending}")
    text = path.read_text(encoding="utf-8")
    assert "exp" in text
    if ending == ".html":
        assert "f &amp; g" in text and "&lt;sum&gt;" in text and "<sum>" not in text
        assert not re.search(r"https?://|<script|<link|src=", text)
    elif ending.endswith("json"):
        json.loads(text)


def test_a_file_of_no_format(tmp_path):
    with pytest.raises(ValueError, match=r"ends with none of .speedscope.json"):
        PROFILE.save(tmp_path / "found.csv")


def test_one_run_as_events():
    events = [*PROFILE.events()]
    assert [stack[-1] for *_, stack in events] == [
        "exp", "<sum>", "Python: arguments and results"
    ]  # fmt: skip
    assert sum(seconds for _, _, seconds, _ in events) == pytest.approx(PROFILE.call)
    assert events[-1][1] == 5000


@pytest.fixture(scope="module")
def posterior():
    return regression()


def regression():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1500, 4))
    scale = pt.random.half_normal(2.0, name="scale")
    w = pt.random.normal(0, scale, shape=4, name="w")
    eta = rows @ w
    y = pt.random.bernoulli(pt.sigmoid(eta), name="y")
    return pt.condition({y: (rng.random(1500) < 0.5).astype(float)}, target="machine")


def test_the_terms_of_a_density(posterior):
    found = posterior.profile(n=200)
    shares = {term.name: term.share for term in found.terms}
    assert found.terms[0].name == "y: likelihood" and shares["y: likelihood"] > 0.5
    assert {"scale: prior", "w: prior"} <= shares.keys()
    assert sum(shares.values()) == pytest.approx(1.0)
    assert sum(term.seconds for term in found.terms) == pytest.approx(found.total, rel=0.05)
    assert "term of the density" in str(found)
    with pytest.raises(ValueError, match="5"):
        posterior.profile(np.zeros(9))


@pytest.mark.parametrize("found_in_the_cache", [False, True])
def test_a_run_of_a_sampler(posterior, found_in_the_cache):
    if found_in_the_cache:
        posterior = regression()
    with pt.profiling() as p:
        pt.sample(posterior, draws=60, tune=60, chains=2, seed=1, progress=False)
    terms = p.terms(posterior)
    assert terms[0].name == "y: likelihood"
    with pytest.raises(ValueError, match="did not run"):
        mu = pt.random.normal(0, 1, name="mu")
        p.terms(pt.condition({pt.random.normal(mu, 1.0, name="z"): 1.0}, target="interp"))


@pytest.mark.parametrize(("symbol", "name"), [
    ("__pyx_f_10cython_ext_8samplers_4nuts_transition", "transition"),
    ("__pyx_pw_10cython_ext_8samplers_4nuts_5run", "run"),
    ("__pyx_pf_10cython_ext_8samplers_5chain_5Chain_2go_on", "Chain.go_on"),
    ("memcpy", "other"),
])  # fmt: skip
def test_functions_of_the_sampler_have_their_names(symbol, name):
    assert calls._plain_name(symbol) == name


def test_stacks_of_fibers_are_read_to_their_ends(device_driver):
    """As those of greenlets' kin, they end before that of the thread: here each CUDA thread that
    waits at a barrier has one, with memory that cannot be read beside it."""
    x = pt.matrix("x")
    steps, _ = pt.loop.scan(lambda c, row: (pt.tanh(c + pt.sum(row * c)), None), x[0], x)
    f = pt.function([x], steps, target="cuda")
    given = np.linspace(-1.0, 1.0, 40 * 60).reshape(40, 60)
    f(given)
    with pt.profiling(interval=1e-4) as p:
        until = time.thread_time() + 0.3
        while time.thread_time() < until:
            f(given)
    assert p.samples > 100
