"""The benchmark's own instruments: its floor, its effective sample size, its checks."""

from types import SimpleNamespace

import arviz as az
import numpy as np
import pytest

from tests.bench import baseline, cases, ess, harness, report, timing, versions
from tests.bench.contenders.c_ import Adapter


def _case(name):
    try:
        return cases.load(name)
    except cases.MissingData as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("contender", ["c", "c_fast"])
@pytest.mark.parametrize("name", cases.NAMES)
def test_floor_gradient_is_the_slope_of_its_logp(name, contender):
    case = _case(name)
    floor = Adapter(case, contender)
    function = floor.compile()
    q = floor.flatten(case.point(1))
    direction = floor.flatten(case.point(2))
    step = 1e-5
    slope = (function(q + step * direction)[0] - function(q - step * direction)[0]) / (2 * step)
    assert function(q)[1] @ direction == pytest.approx(slope, rel=1e-6)


def test_pointer_loop_gives_what_python_gives():
    case = _case("eight_schools")
    floor = Adapter(case, "c")
    function = floor.compile()
    points = [floor.flatten(case.point(seed)) for seed in (1, 2)]
    logp, gradient = timing.PointerCaller(floor.pointer(), points).value()
    assert logp == function(points[0])[0]
    np.testing.assert_array_equal(gradient, function(points[0])[1])


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.7, 0.95])
def test_ess_and_rhat_are_arviz(rho):
    rng = np.random.default_rng(3)
    draws = rng.standard_t(3, size=(4, 1000))
    for i in range(1, draws.shape[1]):
        draws[:, i] += rho * draws[:, i - 1]
    assert ess.bulk_ess(draws) == pytest.approx(float(az.ess(draws, method="bulk")), rel=0.01)
    split = float(az.rhat(draws, method="z_scale"))
    assert ess.rhat(draws) == pytest.approx(split, abs=1e-9)


def _gradient_record(contender, difference):
    result = {"logp_difference": difference, "directional": 2.0, "gradient_norm": 3.0}
    return {"case": "a", "contender": contender, "measure": "gradient", "result": result}


def test_agreement_names_another_density():
    good = [_gradient_record("jax", 1.0 + 1e-9), _gradient_record("c", 1.0)]
    assert harness.agreement(good) == []
    bad = [_gradient_record("jax", 1.0 + 1e-5), _gradient_record("c", 1.0)]
    assert "jax measures another density than c" in harness.agreement(bad)[0]


def _summary(pointer_us):
    return {"a": {"probtensor": {"pointer_us": pointer_us}, "c": {"pointer_us": 2.0}}}


@pytest.mark.parametrize(("pointer_us", "slower"), [(1.0, False), (1.4, False), (1.6, True)])
def test_baseline_compares_ratios_to_the_floor(pointer_us, slower):
    committed = baseline.ratios(_summary(1.0))
    lines, found = baseline.compare(committed, baseline.ratios(_summary(pointer_us)))
    assert found is slower
    assert len(lines) == 1


def test_geometric_mean_of_advantages():
    rows = {"probtensor": {"nuts_s": 1.0}, "jax": {"nuts_s": 2.0}, "stanli": {"nuts_s": 8.0}}
    other = {"probtensor": {"nuts_s": 1.0}, "jax": {"nuts_s": 8.0}}
    table = report.advantages({"a": rows, "b": other}, "nuts_s", larger_is_better=False)
    assert table["best peer"] == {"a": 2.0, "b": 8.0}
    assert report.geometric_mean(table["best peer"].values()) == pytest.approx(4.0)


class _Steady:
    """A version whose calls take `ns` each, on a machine that becomes slower all the time."""

    machine = 1.0

    def __init__(self, ns):
        self.ns = ns

    def time(self, calls):
        _Steady.machine *= 1.01
        return self.ns * _Steady.machine


def test_ratio_of_versions_does_not_see_a_slowing_machine():
    ratio, base, tree = versions.paired_ratio(_Steady(1e5), _Steady(1.08e5), pairs=20)
    assert ratio == pytest.approx(1.08, rel=0.011)
    assert tree > base > 1e5
    assert 25 <= versions.block_calls(_Steady(1e5), seconds=0.01) <= 100


@pytest.mark.slow
def test_versions_are_measured_in_processes_of_their_own(tmp_path):
    settings = SimpleNamespace(way="pointer", starts=1, pairs=2)
    with versions.checkout(str(harness.ROOT), print) as base:
        trees, caches = (base, harness.ROOT), (str(tmp_path), str(tmp_path))
        row = versions.measure("eight_schools", trees, caches, settings)
    lines = versions.table({"eight_schools": row, "slow": ((1.5, 2e3, 3e3), [1.4, 1.6])})
    assert "1.400 to 1.600" in lines[2]
    assert lines[3].endswith("largest 1.500 (slow)")
    assert 0 < row[0][1] < 1e6


def test_versions_of_another_density_are_refused():
    base, tree = {"gradient": [1.0, 2.0]}, {"gradient": [1.0, 2.0 + 1e-6]}
    versions._same_density("a", base, {"gradient": [1.0 + 1e-12, 2.0]})
    with pytest.raises(versions.Failed, match="a: gradients differ"):
        versions._same_density("a", base, tree)
