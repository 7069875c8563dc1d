"""`pt.lint`: planted faults are found and named, sound models have none."""

import json

import numpy as np
import pytest

import probtensor as pt
from tests.models.posteriordb import MODELS

R = pt.random
RNG = np.random.default_rng(0)
X = RNG.normal(size=40)
Y = RNG.normal(size=40)


def condition(observed, **options):
    return pt.condition(observed, target="machine", **options)


def normal(mean, sigma=1.0, data=Y, **options):
    return condition({R.normal(mean, sigma, name="y", shape=np.shape(data)): data}, **options)


def free(name, scale=10.0, **options):
    return R.normal(0, scale, name=name, **options)


def unused():
    return normal(free("a"), track=[free("lonely")])


def improper():
    return normal(free("a"), track=[R.flat(name="lonely")])


def no_entry():
    b = free("b", shape=4)
    return normal(b[np.arange(40) % 3])


def sum_of_two():
    return normal(free("a") + free("b") + free("c") * X)


def flat_sum():
    return normal(R.flat(name="a") - R.flat(name="b"))


def product_of_scales():
    return normal(free("a"), R.half_normal(1, name="s") * R.gamma(2.0, 2.0, name="t"))


def product():
    return normal(free("a") * free("b") + free("c") * X)


def collinear():
    table = np.column_stack([np.ones(40), X, 2 * X - 1])
    return normal(pt.as_tensor(table) @ free("beta", shape=3), R.half_normal(1, name="s"))


def effects_and_mean():
    # A level for each group and a common one, with fixed priors: only sums matter.
    return normal(free("level") + free("group", 5.0, shape=4)[np.arange(40) % 4])


def floor_alone():
    return normal(pt.floor(R.uniform(0, 10, name="t")) * X)


def change_point():
    t = R.uniform(0, 40, name="t")
    return normal(pt.where(np.arange(40) < t, free("a"), free("b")))


def jump():
    a = free("a")
    return normal(a + pt.floor(a) * X)


def normal_sigma():
    return normal(free("mu"), R.normal(0, 1, name="s"))


def difference_as_rate():
    rate = free("a", 1.0) - free("b", 1.0) * pt.exp(-(X**2))
    return condition({R.poisson(rate, name="y"): np.arange(40) % 5})


def edge():
    return condition(
        {R.gamma(2.0 + R.half_normal(1, name="a"), 1.0, shape=3, name="y"): [1, 0, 2.0]}
    )


def binary():
    return normal(free("a", 1.0), R.half_normal(1, name="s"), np.arange(40.0) % 2)


def constant():
    return normal(free("a", 1.0), R.half_normal(1, name="s"), np.full(5, 3.0))


def held():
    return normal(free("b") * X + pt.stop_gradient(free("a")))


def units():
    return normal(free("a", 100.0) + R.flat(name="b") * X * 1e-9)


def mixture():
    mu, w = free("mu", 3.0, shape=2), R.dirichlet([2.0, 2.0], name="w")
    terms = [pt.log(w[k]) + pt.logp(R.normal(mu[k], 1.0), Y) for k in range(2)]
    return condition({}, potentials=[pt.potential(pt.logaddexp(*terms), name="mix")])


def funnel():
    theta = R.normal(free("mu", 5.0), R.half_cauchy(5, name="tau"), shape=8, name="theta")
    return normal(theta, 10.0, Y[:8])


FAULTS = [
    (unused, "warning", "no data", ("lonely",)),
    (improper, "error", "improper", ("lonely",)),
    (no_entry, "warning", "no data", ("b[3]",)),
    (sum_of_two, "warning", "not identified", ("a", "b")),
    (flat_sum, "error", "not identified", ("a", "b")),
    (product_of_scales, "warning", "not identified", ("s", "t")),
    (product, "warning", "not identified", ("a", "b")),
    (collinear, "warning", "not identified", ("beta",)),
    (effects_and_mean, "warning", "not identified", ("level", "group")),
    (floor_alone, "error", "no derivative", ("t",)),
    (change_point, "error", "no derivative", ("t",)),
    (jump, "warning", "steps", ("a",)),
    (normal_sigma, "warning", "leaves support", ("s",)),
    (difference_as_rate, "warning", "leaves support", ("a", "b")),
    (edge, "error", "no start", ("y",)),
    (binary, "warning", "count data", ("y",)),
    (constant, "warning", "constant data", ("y", "s")),
    (held, "error", "no derivative", ("a",)),
    (units, "warning", "scales", ("b", "a")),
    (mixture, "warning", "symmetry", ("w", "mu")),
    (funnel, "hint", "centring", ("theta", "tau")),
]


@pytest.mark.parametrize(("model", "level", "rule", "names"), FAULTS)
def test_planted_faults_are_found_and_nothing_else(model, level, rule, names):
    found = pt.lint(model())
    assert [(f.level, f.rule, f.variables) for f in found] == [(level, rule, names)], found
    assert "test_lint.py:" in found[0].line and len(str(found).splitlines()) <= 8
    assert found[0].why.endswith(".") and found[0].way_out.endswith(".")


def hierarchy():
    """Many data for each group, as in a model that needs nothing."""
    mu, tau = free("mu", 5.0), R.half_normal(1, name="tau")
    group = np.arange(40) % 4
    theta = R.normal(mu, tau, shape=4, name="theta")
    return normal(theta[group] + free("slope") * X, R.half_normal(1, name="s"))


def other_forms():
    """What looks like a fault and is none: a kink, a mixture in order, a group without data."""
    mu = free("mu", 2.0, shape=2, constraint=pt.ordered())
    w, b = R.dirichlet([2.0, 2.0], name="w"), free("b", 2.0)
    terms = [pt.log(w[k]) + pt.logp(R.normal(mu[k] + pt.maximum(b * X, 0), 1.0), Y) for k in (0, 1)]
    tau = R.half_normal(1, name="tau")
    theta = R.normal(0.0, tau, shape=3, name="theta", centered=False)
    z = R.normal(theta[np.arange(40) % 2], 1.0, name="z")
    mixed = pt.potential(pt.logaddexp(*terms), name="mix")
    return condition({z: Y}, potentials=[mixed])


def with_gaps():
    y = R.normal(free("a"), R.half_normal(1, name="s"), shape=4, name="y")
    with pytest.warns(pt.ImputationWarning):
        return condition({y: [1.0, 2.0, np.nan, 0.5]})


@pytest.mark.parametrize("model", [hierarchy, other_forms, with_gaps])
def test_sound_models_have_no_faults(model):
    assert str(pt.lint(model())) == "nothing found"


LARGE = ("diamonds", "hudson_lynx_hare", "bball_drive_event_0", "hmm_example")
NAMES = [name for name in MODELS if name.split("-")[0] not in LARGE]


def test_reference_models_have_no_faults(posteriordb, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "machine")
    for name in NAMES:
        make = MODELS[name][0]
        data = json.loads((posteriordb / "data" / f"{name.partition('-')[0]}.json").read_text())
        assert not pt.lint(make(data)), name


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name not in NAMES])
def test_large_reference_models_have_no_faults(posteriordb, name):
    data = json.loads((posteriordb / "data" / f"{name.partition('-')[0]}.json").read_text())
    assert not pt.lint(MODELS[name][0](data))


def test_findings_are_a_sequence_and_errors_say_what_is_wrong():
    found = sum_of_two().lint(seed=3)
    assert len(found) == 1 and found[0] in list(found) and "a constant can be moved" in str(found)
    with pytest.raises(TypeError, match="takes a posterior"):
        pt.lint(3)


def test_nan_in_data_is_named():
    b = pt.random.normal(0, 1, name="b")
    x = pt.data([1.0, np.nan, 3.0], name="x")
    y = pt.random.normal(b * x, 1.0, name="y")
    found = pt.lint(pt.condition({y: np.ones(3)}, target="machine"))
    assert ("error", "nan in data", ("x",)) in [(f.level, f.rule, f.variables) for f in found]
    assert "1 of 3 values of x are nan" in str(found)
    known = pt.random.normal(b * pt.where(pt.isnan(x), 0.0, x), 1.0, name="y")
    assert not pt.lint(pt.condition({known: np.ones(3)}, target="machine"))


def test_missing_values_need_no_data_but_a_variable_of_such_a_name_does():
    x = R.normal(0.0, 1.0, shape=3, name="x")
    with pytest.warns(pt.ImputationWarning):
        posterior = condition({x: [1.0, np.nan, 2.0]}, track=[free("z_unobserved")])
    found = pt.lint(posterior)
    assert [(f.rule, f.variables) for f in found] == [("no data", ("z_unobserved",))]


def test_coordinates_of_a_direction_are_named():
    a = R.uniform(0, 1, name="a")
    y = R.bernoulli(pt.sigmoid(pt.logit(a) + free("b")), shape=5, name="y")
    (found,) = pt.lint(condition({y: [0, 1, 1, 0, 1]}))
    assert found.rule == "not identified" and "coordinates (of a the logit)" in found.why
