"""Names that a result has no room for are refused before anything is drawn, with both lines."""

import numpy as np
import pytest

import probtensor as pt
from cython_ext.samplers import chain as native
from probtensor.graph import GraphError
from probtensor.prob.model.names import STATISTICS
from probtensor.prob.predictive import predictive_rows
from probtensor.sample.device.layout import CHEES_RECORD, NUTS_RECORD

R = pt.random
LABELS = ["a", "b", "c", "d"]


def refused(call, *words):
    with pytest.raises(GraphError) as caught:
        call()
    text = str(caught.value)
    assert len(text.splitlines()) <= 8, text
    assert all(word in text for word in words), text
    return text


# What a model may call by a name: (name, dims) -> the arguments of `condition`.


def free(name, dims=None):
    v = R.normal(0, 1, name=name, shape=None if dims else 4, dims=dims)
    return {R.normal(v, 1, name="seen"): np.zeros(4)}, {}


def observed(name, dims=None):
    v = R.normal(R.normal(0, 1, name="m"), 1, name=name, shape=None if dims else 4, dims=dims)
    return {v: np.zeros(4)}, {}


def named(name, dims=None):
    m = R.normal(0, 1, name="m", shape=4)
    v = pt.deterministic(m * 2, name=name, dims=dims)
    return {R.normal(v, 1, name="seen"): np.zeros(4)}, {}


def data(name, dims=None):
    x = pt.data(np.ones(4), name=name, dims=dims)
    return {R.normal(x * R.normal(0, 1, name="m"), 1, name="seen"): np.zeros(4)}, {}


def potential(name, dims=None):
    m = R.normal(0, 1, name="m")
    x = pt.data(np.ones(4), name="x", dims=dims)
    term = pt.potential(-pt.sum(x) * m**2, name=name)
    return {R.normal(m, 1, name="seen"): 0.0}, {"potentials": [term]}


KINDS = [free, observed, named, data, potential]
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda f: f.__name__)


def conditioned(kind, name, dims=None):
    given, options = kind(name, dims)
    return pt.condition(given, target="interp", **options)


@by_kind
@pytest.mark.parametrize("name", ["chain", "draw"])
def test_the_axes_of_every_result_are_reserved(kind, name):
    text = refused(lambda: conditioned(kind, name), repr(name), "reserved", __file__)
    assert text.count(__file__) == 1
    if kind is not potential:
        refused(lambda: conditioned(kind, "v", name), repr(name), "reserved", "of v", __file__)


@by_kind
def test_a_thing_that_is_called_as_an_axis(kind):
    text = refused(lambda: conditioned(kind, "g", "g"), "'g'", "axis of", "rename")
    assert text.count(__file__) == 2


@by_kind
def test_a_thing_that_is_called_as_an_axis_without_a_dim(kind):
    given, options = kind("z_dim_0")
    z = R.normal(0, 1, name="z", shape=3)
    text = refused(lambda: pt.condition(given, **options | {"track": [z]}), "z_dim_0", "axis of z")
    assert text.count(__file__) == 2


BAD = ["", " ", "a" * 241, "a/b", "/", "a\nb", "a\x00", " a", "a ", "-a", "+", "*"]


@by_kind
@pytest.mark.parametrize("name", BAD)
def test_names_that_no_file_holds(kind, name):
    refused(lambda: conditioned(kind, name), "no file", "letters", __file__)


@pytest.mark.parametrize("name", BAD)
def test_dims_that_no_file_holds(name):
    refused(lambda: conditioned(free, "v", name), "no file", "of v", __file__)


@pytest.mark.parametrize("name", ["β", "a.b", "a[0]", "log(x)", "a b", "x_dim_1", "_x", "2nd"])
def test_names_that_any_file_holds(name):
    assert conditioned(free, name).names == (name,)


@pytest.mark.parametrize("one", KINDS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", KINDS, ids=lambda f: f.__name__)
def test_two_things_of_one_name(one, other):
    (mine, first), (theirs, second) = one("v"), other("v")
    terms = first.get("potentials", []) + second.get("potentials", [])
    text = refused(lambda: pt.condition(mine | theirs, potentials=terms), "two things", "'")
    assert text.count(__file__) == 2


def test_a_name_made_for_a_variable_is_nobody_elses():
    a = R.normal(0, 1)
    b = R.normal(a, 1, name="normal_0")
    posterior = pt.condition({R.normal(b, 1): 0.0}, target="interp")
    assert posterior.names == ("normal_1", "normal_0") and list(posterior.observed) == ["normal_2"]


def test_outputs_that_are_drawn_are_checked_too():
    v, w = R.normal(0, 1, shape=2, name="draw"), R.normal(0, 1, name="g", dims="g")
    good = R.normal(0, 1, name="a")
    same = R.normal(good, 1, name="a")
    for outputs in (v, [v], {"chain": good}):
        refused(lambda outputs=outputs: pt.sample_prior(outputs, draws=2), "reserved", __file__)
        refused(lambda outputs=outputs: predictive_rows(outputs, {"a": np.zeros(2)}), "reserved")
    refused(lambda: pt.sample_prior(w, draws=2), "axis of g", __file__)
    refused(lambda: pt.sample_prior({"a/b": good}, draws=2), "slash")
    assert refused(lambda: pt.sample_prior([good, same]), "two things").count(__file__) == 2


def test_the_samplers_own_names():
    assert set(STATISTICS) >= {*native.RECORD.names, *NUTS_RECORD.names, *CHEES_RECORD.names}
    for name in STATISTICS:
        refused(lambda name=name: conditioned(free, name, "g"), name, "statistic", __file__)
    refused(lambda: conditioned(free, "divergence_start"), "statistic", __file__)
    assert conditioned(free, "energy").names == ("energy",)


def test_the_result_of_awkward_names_has_all_of_them():
    """Names next to the refused ones: an axis of another name, and those of the sampler's own."""
    z = R.normal(0, 1, name="z", shape=2)
    near = {n: R.normal(0, 1, name=n) for n in ("z_dim_1", "sample", "lp", "draws", "Ω")}
    w = R.normal(0, 1, name="w", dims="coordinate")
    y = R.normal(pt.sum(z) + pt.sum(w) + sum(near.values()), 1, name="y")
    posterior = pt.condition({y: 0.0}, coords={"coordinate": ["u", "v"]})
    idata = pt.sample(posterior, draws=5, tune=5, chains=1, seed=1, progress=False,
                      keep_divergences=True)  # fmt: skip
    assert set(idata.posterior.data_vars) == {"z", "w", *near}
    assert idata.posterior["w"].coords["coordinate"].to_numpy().tolist() == ["u", "v"]
    assert idata.sample_stats["divergence_start"].shape == (1, 5, posterior.dim)


# dims and coords.


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: R.normal(0, 1, name="v", dims=("g", "g")), ["normal 'v'", "'g' twice"]),
        (lambda: pt.data(np.eye(2), name="x", dims=("g", "g")), ["data 'x'", "'g' twice"]),
        (lambda: pt.deterministic(pt.as_tensor(np.eye(2)), "d", ("g", "g")), ["'d'", "twice"]),
        (lambda: R.normal(0, 1, name="v", dims=3), ["normal 'v'", "not 3"]),
        (lambda: R.normal(0, 1, name="v", dims=("g", None)), ["normal 'v'", "not None"]),
        (lambda: R.normal(0, 1, name=3), ["normal", "string, not 3"]),
        (lambda: pt.data(1.0, name=3), ["data", "string, not 3"]),
        (lambda: pt.deterministic(1.0, name=3), ["deterministic", "string, not 3"]),
        (lambda: pt.potential(1.0, name=3), ["potential", "string, not 3"]),
        (lambda: pt.deterministic(1.0, None), ["deterministic", "name"]),
        (lambda: R.normal(0, 1, name="v", shape=3, dims=("a", "b")), ["1 axis", "2"]),
    ],
)
def test_wrong_dims_and_names_are_refused_where_they_are_given(call, words):
    refused(call, *words, __file__)


@pytest.mark.parametrize(
    ("coords", "words"),
    [
        ({"grup": LABELS}, ["'grup'", "its dims are group", "did you mean 'group'"]),
        ({"group": LABELS, "year": [1]}, ["'year'", "its dims are group"]),
        ({"group": ["a", "b", "a", "c"]}, ["'group'", "label 'a' twice, at [0] and [2]"]),
        ({"group": [1, 2, 2, 3]}, ["label 2 twice"]),
        ({"group": 4}, ["sequence of labels, not 4"]),
        ({"group": "abcd"}, ["sequence of labels, not 'abcd'"]),
        ({"group": [["a", "b"], ["c", "d"]]}, ["sequence of labels"]),
        ({"group": LABELS[:3]}, ["group has length 3 by coords", "4 by"]),
        ([LABELS], ["coords must be {dim: labels}"]),
        ({0: LABELS}, ["0 is no name of a dim"]),
    ],
)
def test_coords_that_fit_nothing(coords, words):
    given, _ = free("v", "group")
    posterior = pt.condition(given, target="interp")
    for call in (
        lambda: pt.condition(given, coords=coords, target="interp"),
        lambda: posterior.with_data({}, coords=coords),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        text = str(caught.value)
        assert all(word in text for word in words) and len(text.splitlines()) <= 8, text
        assert __file__ in text
