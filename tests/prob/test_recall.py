"""Posteriors that were conditioned before: the density is found, and nothing of the model built."""

import copy
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import warnings
from functools import partial
from unittest import mock

import numpy as np
import pytest

import probtensor as pt
from probtensor import compile as compiling
from probtensor.prob.model import graphs
from probtensor.prob.model import posterior as posteriors
from probtensor.prob.model import recall as recalling
from probtensor.targets.cache import ModuleStore
from tests.architecture import source

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def told(calls, name, *_):
    calls.append(name)
    return mock.DEFAULT


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """An empty store, and a list that grows by one whenever a model is built or a graph lowered."""
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    calls = []
    for module, name in ((posteriors, "build"), (graphs, "derived"), (compiling, "lower")):
        # A mock, whose frames are of the standard library: nodes are made at the user's line.
        tell = partial(told, calls, name)
        spy = mock.Mock(wraps=getattr(module, name), side_effect=tell)
        monkeypatch.setattr(module, name, spy)
    return calls


def schools(y=Y, sigma=SIGMA, scale=5.0, name="mu", family=pt.random.half_cauchy, **options):
    """Eight schools, with a literal array and an array that is exchangeable."""
    mu = pt.random.normal(0, scale, name=name)
    tau = family(5, name="tau")
    z = pt.random.normal(0, 1, shape=8, name="z", dims="school")
    theta = pt.deterministic(mu + tau * z, name="theta", dims="school")
    s = pt.data(sigma, name="sigma")
    observed = pt.random.normal(theta, s, name="y", dims="school")
    return pt.condition({observed: y}, **options)


def counts(k, size=40):
    """A model with work that depends on data alone, and more data than a record holds itself."""
    rate = pt.random.gamma(2.0, 1.0, name="rate")
    x = pt.constant(np.linspace(0.0, 1.0, size))
    return pt.condition({pt.random.poisson(rate * pt.exp(x), name="k"): k})


def same_density(a, b):
    q = np.linspace(-0.5, 0.7, a.dim)
    (one, slopes), (two, others) = a.logp_and_grad(q), b.logp_and_grad(q)
    assert one == two and slopes.tobytes() == others.tobytes()


def test_the_second_of_equal_posteriors_builds_no_model(counted):
    first = schools()
    assert counted == ["build", "derived", "lower"]
    second = schools()
    assert counted == ["build", "derived", "lower"]
    assert second.dim == first.dim == 10
    same_density(first, second)
    assert second.logp(np.zeros(10)) == first.logp(np.zeros(10))
    assert second.context().address and second.address == first.address
    np.testing.assert_array_equal(second.batched(np.ones((3, 10)))[1],
                                  first.batched(np.ones((3, 10)))[1])  # fmt: skip
    assert {"graph", "rewrite", "lower"} <= set(second.timings) <= set(first.timings)


def test_everything_else_is_built_when_it_is_needed(counted):
    first = schools(coords={"school": list("abcdefgh")})
    second = schools(coords={"school": list("ABCDEFGH")})
    assert counted == ["build", "derived", "lower"]
    q = np.linspace(-1.0, 1.0, 10)
    for name in ("names", "dims", "deterministics", "guarded", "hierarchies"):
        assert getattr(first, name) == getattr(second, name)
    assert list(second.coords["school"]) == list("ABCDEFGH")
    assert counted == ["build", "derived", "lower", "build"]
    np.testing.assert_array_equal(first.expand(q[None])["theta"], second.expand(q[None])["theta"])
    assert counted.count("derived") == 1
    assert first.function.source == second.function.source
    assert first.function.explain("kernels") == second.function.explain("kernels")
    assert str(first.terms(q)) == str(second.terms(q))
    other = second.with_data({"y": Y + 1})
    same_density(other, first.with_data({"y": Y + 1}))
    same_density(second, first)


def test_the_values_of_a_recalled_posterior_are_those_at_its_making(counted):
    schools()
    y, sigma = Y.copy(), SIGMA.copy()
    second = schools(y, sigma)
    y[:], sigma[:] = 0, 1
    np.testing.assert_array_equal(second.observed["y"], Y)
    np.testing.assert_array_equal(second.constants["sigma"], SIGMA)
    same_density(second, schools())
    listed = [list(map(float, Y))]
    third = schools(listed[0])
    fourth = schools(listed[0])
    listed[0][0] = 5.0
    np.testing.assert_array_equal(fourth.observed["y"], Y)
    same_density(third, fourth)


CHANGES = {
    "observed values": lambda: schools(y=Y + 1),
    "values of data": lambda: schools(sigma=SIGMA * 2),
    "a number in the graph": lambda: schools(scale=6.0),
    "a name": lambda: schools(name="nu"),
    "a distribution": lambda: schools(family=pt.random.half_normal),
    "the kind of a value": lambda: schools(y=Y.astype("float32")),
    "a length of a dim": lambda: schools(coords={"school": list("abcdefgh")}),
    "a potential": lambda: schools(potentials=[pt.constant(1.0)]),
    "a tracked node": lambda: schools(track=[pt.random.normal(0, 1, name="extra")]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_gives_another_key(counted, monkeypatch, change):
    keys = []
    save = recalling.save_record
    monkeypatch.setattr(recalling, "save_record", lambda k, data: keys.append(k) or save(k, data))
    schools()
    CHANGES[change]()
    CHANGES[change]()
    assert counted.count("build") == 2
    assert len(set(keys)) == 2


def test_other_lines_and_another_order_are_other_keys(counted):
    schools()
    for pair in (("a", "b"), ("b", "a")):
        made = {name: pt.random.normal(0, 1, name=name) for name in pair}
        pt.condition({pt.random.normal(made["a"] - made["b"], 1, name="y"): 1.0})
    assert counted.count("build") == 3


def test_other_targets_calls_and_bits_of_other_dtypes_are_other_keys(counted):
    mu = pt.random.normal(0, 1, name="mu")
    y = pt.random.normal(mu, 1, shape=8, name="y")
    for target in ("machine", "auto"):
        pt.condition({y: Y}, target=target)
    assert counted.count("build") == 2
    pt.condition({y: Y}, target="machine")
    assert counted.count("build") == 3  # its errors and lines are those of this call
    bits = Y.astype("float32")
    means = [pt.condition({y: v}).logp([0.0]) for v in (bits, bits.view("int32"))]
    assert means[0] != means[1]


def test_work_on_data_and_large_arrays_are_recalled(counted):
    k = np.arange(4000) % 7
    first, second = counts(k, 4000), counts(k, 4000)
    assert counted.count("build") == 1
    same_density(first, second)
    changed = k.copy()
    changed[3] += 1
    assert counts(changed, 4000).logp([0.1]) != first.logp([0.1])


def test_variables_of_loops_are_ordered_as_they_were_made(counted):
    def model(swap):
        def step(c, _):
            made = [pt.random.normal(0, 1, name=name) for name in ("ba" if swap else "ab")]
            a, b = made[::-1] if swap else made
            c = 0.5 * c + a - 0.3 * b
            return c, c

        last, _ = pt.loop.scan(step, 0.0, np.zeros(3))
        return pt.condition({pt.random.normal(last, 1.0, name="y"): 1.0}, track=[])

    _, second, third = model(False), model(True), model(True)
    assert counted.count("build") == 2
    assert third.names == ("a", "b")
    same_density(second, third)


@pytest.mark.parametrize("damage", ["record", "function", "module"])
def test_what_is_lost_or_damaged_is_made_again(counted, tmp_path, damage):
    first = schools()
    records = sorted(tmp_path.glob("*/*.function"), key=lambda path: path.stat().st_mtime_ns)
    assert len(records) == 2
    if damage == "module":
        for path in tmp_path.glob("*/*.json"):
            path.unlink()
    else:
        path = records[damage == "record"]
        path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)
    same_density(first, schools())
    assert counted.count("build") == (1 if damage == "module" else 2)
    same_density(first, schools())
    assert counted.count("build") == (1 if damage == "module" else 2)
    assert ModuleStore(tmp_path).clear()


@pytest.mark.parametrize("wrong", [
    lambda: pt.condition([1]), lambda: schools(y=Y[:3]), lambda: schools(y=[np.nan] * 8),
    lambda: schools(track=3), lambda: schools(coords={"nothing": [1]}),
    lambda: schools(y=np.ma.masked_array(Y, True)), lambda: schools(target="nothing"),
])  # fmt: skip
def test_wrong_requests_are_refused_after_right_ones(counted, wrong):
    schools()
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            wrong()


def test_targets_that_load_nothing_build_each_time(counted):
    a, b = schools(target="interp"), schools(target="interp")
    assert counted.count("build") == 2
    same_density(a, b)


def test_samples_of_a_recalled_posterior_need_no_gradient_in_python(counted):
    options = {"draws": 20, "tune": 20, "chains": 2, "seed": 3, "progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, two = (pt.sample(schools(), **options).posterior for _ in range(2))
    assert counted.count("derived") == 1
    assert set(one) == set(two) == {"mu", "tau", "z", "theta"}
    for name in one:
        assert one[name].values.tobytes() == two[name].values.tobytes()


def test_threads_see_one_posterior(counted):
    schools()
    second, found = schools(), []
    threads = [threading.Thread(target=lambda: found.append(second.model)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(model is second.model for model in found) and len(found) == 8
    assert second.model.free[0].name == second.names[0] and second._binding.model is second.model


def test_pickle_and_copy(counted):
    schools()
    second = schools()
    same_density(second, pickle.loads(pickle.dumps(second)))
    same_density(second, copy.copy(second))
    with pytest.raises(AttributeError, match="nothing"):
        second.nothing  # noqa: B018
    assert {"model", "function", "dim"} <= set(dir(second))


def test_another_process_finds_the_posterior(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent("""
        import probtensor as pt
        from probtensor.prob.model import posterior
        built, build = [], posterior.build
        posterior.build = lambda *args: built.append(1) or build(*args)
        mu = pt.random.normal(0, 5, name="mu")
        post = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0})
        print(len(built), repr(post.logp_and_grad([0.5])), post.names)
    """))
    environment = os.environ | {"PROBTENSOR_CACHE": str(tmp_path / "cache"),
                                "PYTHONPATH": str(source.ROOT)}  # fmt: skip
    told = [
        subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True,
                       check=True, timeout=120).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert told[0][0] == "1" and told[1][0] == "0"
    assert told[0][1:] == told[1][1:]


def test_large_arrays_of_equal_elements_or_bytes_are_told_apart(counted):
    a = np.zeros((30, 20))
    a[3, 4] = 1.0
    arrays = a, a.reshape(20, 30), np.where(a == 0, -0.0, a)

    def made():
        mu = pt.random.normal(0, 1, name="mu")
        x, y, z = (pt.data(v, name=n) for v, n in zip(arrays, "xyz", strict=True))
        mean = pt.sum(pt.sum(pt.exp(mu * x), axis=0) ** 2)
        mean += pt.sum(pt.sum(pt.exp(mu * y), axis=0) ** 3)
        mean += pt.sum(pt.atan2(z * pt.exp(mu), -1.0)) + pt.sum(pt.atan2(x * pt.exp(mu), -2.0))
        return pt.condition({pt.random.normal(mean, 1, name="o"): 1.0})

    first, second = made(), made()
    assert counted.count("build") == 1
    same_density(first, second)
