"""Conditions that a call must meet: messages, loops, gradients, targets, models."""

import pickle
import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import inputs_of

x, s = pt.vector("x"), pt.scalar("s")


class Odd(Exception):
    pass


@pytest.fixture(params=["interp", "machine"])
def target(request):
    return request.param


def scanned(*args, **options):
    """The outputs of a scan alone."""
    found = pt.scan(*args, **options)
    return found[0] if isinstance(found, tuple) else found


def refusal(f, *args, kind=ValueError):
    """The lines of the exception of a call."""
    with pytest.raises(kind) as caught:
        f(*args)
    assert type(caught.value) is kind
    return [row.strip() for row in str(caught.value).split("\n")]


def test_a_check_names_line_condition_place_and_values(target):
    y = pt.check(x, x > s, "x must be above {limit:.1f}, not {x}", limit=s, x=x)
    f = pt.function([x, s], pt.sum(y), target=target)
    assert f([1.0, 2.0], 0.0) == 3.0
    first, line, place, *values = refusal(f, [5.0, -1.0, -2.0], 1.0)
    assert first == "x must be above 1.0, not [ 5., -1., -2.]"
    assert "test_checks.py:" in line
    assert place == "gt(x, s) is false at [1], in 2 of 3"
    assert values == []
    first, _, _, *values = refusal(f, np.arange(-20.0, 0.0), 1.0)
    assert "float64[20]" in first
    assert values == ["x[0] = -20.0"]


def test_complex_values_are_named_as_users_write_them(target):
    z, one = pt.tensor("z", (None,), "complex128"), pt.tensor("one", (), "complex128")
    y = pt.check(z * 2, pt.abs(z) < 2.0)
    both = [1j, 3 + 4j]
    wanted = ["lt(abs(z), 2.0) is false at [1], in 1 of 2", "mul(z, 2.0)[1] = (6+8j)"]
    f = pt.function([z], y, target=target)
    np.testing.assert_array_equal(f([1j, 1.0]), [2j, 2.0])
    rows = refusal(f, both)
    assert [rows[0], *rows[2:]] == ["lt(abs(z), 2.0) does not hold", *wanted]
    slope = pt.grad(pt.sum(pt.real(y)), z)
    assert refusal(pt.function([z], slope, target=target), both)[2:] == wanted
    each = pt.vmap(lambda v: pt.check(v, pt.real(v * 1j) > -3, "{v} is high", v=v))(z)
    rows = refusal(pt.function([z], each, target=target), both)
    assert rows[0] == "[0.+1.j, 3.+4.j] is high"
    assert rows[2] == "gt(real(mul(z, 1j)), -3.0) is false at [1], in 1 of 2"
    g = pt.function([one], pt.check(one, pt.imag(one) != 0, "{v:.1f} is real", v=one + 1))
    assert refusal(g, 2.0)[0] == "3.0+0.0j is real"


def test_values_are_shown_unasked_and_scalars_without_a_place(target):
    f = pt.function([s], pt.check(s, s > 0) * 2, target=target)
    assert f(2.0) == 4.0
    rows = refusal(f, -1.0)
    assert rows[0] == "gt(s, 0.0) does not hold"
    assert rows[2:] == ["s = -1.0"]
    f = pt.function([x], pt.check(pt.any(x > 0), "all are negative"), target=target)
    assert f([1.0])
    assert refusal(f, [-1.0])[0] == "all are negative"


def test_nan_fails_and_no_elements_pass(target):
    f = pt.function([x], pt.check(x, x >= 0, "negative"), target=target)
    assert f([]).size == 0
    assert refusal(f, [1.0, np.nan])[-1] == "x[1] = nan"


def test_classes_of_exceptions(target):
    for kind in (AssertionError, LookupError, Odd):
        f = pt.function([s], pt.check(s, s > 0, "s is {s}", s=s, error=kind), target=target)
        assert refusal(f, -1.0, kind=kind)[0] == "s is -1.0"

    class Two(Exception):
        def __init__(self, a, b):
            super().__init__(a, b)

    for wrong in (3, int, Two):
        with pytest.raises(TypeError, match=r"check: error="):
            pt.check(s, s > 0, error=wrong)


def test_checks_cost_no_kernel_and_go_on_request(target):
    y = pt.check(x, x > 0, "positive")
    f = pt.function([x], pt.sum(pt.exp(y)), target=target)
    assert len(f.plan.kernels) == 1
    off = pt.function([x], pt.sum(pt.exp(y)), target=target, checks=False)
    assert off([-1.0]) == np.exp(-1.0)
    assert "check" not in off.explain("kernels")
    body = scanned(lambda c: pt.check(c * 2, c < 3, "large"), outputs_info=[s], n_steps=3)[-1]
    assert pt.function([s], body, target=target, checks=False)(2.0) == 16.0
    only = pt.function([x, s], pt.check(x, s > 0), target=target, checks=False)
    np.testing.assert_array_equal(only([1.0], -1.0), [1.0])


def test_a_step_is_named_with_its_values(target):
    y = scanned(lambda c: pt.check(c * 2, c < 5, "c is {c}", c=c, error=Odd), outputs_info=[s],
                n_steps=6)[-1]  # fmt: skip
    f = pt.function([s], y, target=target)
    assert f(0.0) == 0.0
    rows = refusal(f, 1.0, kind=Odd)
    assert rows[0] == "c is 8.0"
    assert "test_checks.py:" in rows[1]
    assert rows[-1] == "in step 3 of a loop, counted from 0"


def halved(a):
    return pt.check(a * 0.5, a > 1e-3, "a = {a}", a=a)


def three_steps(a):
    return scanned(halved, outputs_info=[a], n_steps=3)[-1]


def refuse(value):
    if value < 1e-3:
        raise Odd("small")


@pytest.mark.parametrize("where", ["interp", "machine", "cuda"])
def test_a_loop_ends_where_a_check_fails(where, request):
    """Else it may never end: these run a thousand steps, until a number underflows to 0."""
    if where == "cuda":
        request.getfixturevalue("device_driver")
    bodies = {
        "step": halved, "loop": three_steps,
        "branch": lambda a: pt.ifelse(a < 0.1, halved(a), a * 0.5),
        "while": lambda a: pt.loop.while_loop(lambda c: c > a / 3, halved, a),
        "callback": lambda a: pt.debug.callback(refuse, a * 0.5),
    }  # fmt: skip
    for name, body in bodies.items():
        seen = []

        def step(a, body=body, seen=seen):
            return pt.debug.callback(seen.append, body(a))

        f = pt.function([s], pt.loop.while_loop(lambda a: a > 0, step, s), target=where)
        kind = Odd if name == "callback" else ValueError
        text = refusal(f, 3.0, kind=kind)[0]
        assert text.startswith("a = 0.000" if kind is ValueError else "small"), (name, text)
        assert len(seen) < 20, name


def test_a_step_that_is_far_is_named_without_values(monkeypatch):
    # `pt.function` is the function, not the package.
    monkeypatch.setattr(sys.modules["probtensor.function.fault"], "MAX_WORK", 30)
    y = scanned(lambda k, c: c + pt.check(k, k < 90, "{k}", k=k, error=Odd),
                sequences=[pt.arange(100.0)], outputs_info=[s])[-1]  # fmt: skip
    f = pt.function([s], y, target="machine")
    rows = refusal(f, 1.0, kind=Odd)
    assert rows[0] == "<k>"


def test_branches_batches_complex_numbers_and_gradients(target):
    y = pt.ifelse(s > 0, pt.check(s, s > 1, "above 1"), s)
    f = pt.function([s], y, target=target)
    assert f(-5.0) == -5.0
    refusal(f, 0.5)
    rows = pt.vmap(lambda r: pt.check(r, pt.sum(r) > 0, "row"))(pt.reshape(x, (2, 2)))
    f = pt.function([x], rows, target=target)
    f([1.0, 1.0, 1.0, 1.0])
    refusal(f, [1.0, 1.0, -1.0, -1.0])
    # An item fails only by what it computes alone: its alternative, and steps before its end.
    lazy = pt.vmap(lambda a: pt.ifelse(a > 0, pt.sqrt(pt.check(a, a >= 1, "below")), a))(x)
    f = pt.function([x], [lazy, pt.grad(pt.sum(lazy), x)], target=target)
    np.testing.assert_array_equal(f([4.0, -9.0]), [[2.0, -9.0], [0.25, 1.0]])
    refusal(f, [0.5, -9.0])
    steps = pt.vmap(
        lambda a: pt.loop.while_loop(lambda c: c < 9, lambda c: pt.check(c * 2, c < 8, "late"), a)
    )(x)
    f = pt.function([x], steps, target=target)
    np.testing.assert_array_equal(f([5.0, 20.0]), [10.0, 20.0])
    refusal(f, [4.0, 20.0])
    # In an alternative that the one around it excludes, nothing is computed for any item.
    never = pt.vmap(
        lambda a: pt.ifelse(a > 0, pt.ifelse(a > 0, a, pt.check(a, a < -9, "never")), -a)
    )(x)
    np.testing.assert_array_equal(pt.function([x], never, target=target)([2.0, -3.0]), [2.0, 3.0])
    product = pt.check(pt.cast(s, "int64"), s > 0, "positive") * 0
    refusal(pt.function([s], product, target=target), -1.0)
    z = pt.tensor("z", (None,), "complex128")
    f = pt.function([z], pt.imag(pt.check(z, pt.real(z) > 0, "right half")), target=target)
    np.testing.assert_array_equal(f([1 + 2j]), [2.0])
    refusal(f, [-1 + 2j])
    y = pt.check(x, x > 0, "positive")
    for graph in (pt.grad(pt.sum(y**2), x), pt.jvp(y**2, x, pt.ones_like(x)) + y):
        f = pt.function([x], graph, target=target)
        f([1.0])
        rows = refusal(f, [1.0, -3.0])
        assert rows[0] == "positive"
        assert "x[1] = -3.0" in rows
    np.testing.assert_array_equal(
        pt.function([x], pt.grad(pt.sum(y**2), x), target=target)([2.0]), [4.0]
    )


def test_native_code_and_devices(device_driver):
    y = pt.check(x, x > s, "x must be above {s}", s=s)
    step = scanned(lambda c: pt.check(c * 2, c < 5, "grew"), outputs_info=[s], n_steps=4)[-1]
    for target in ("cython", "cuda"):
        f = pt.function([x, s], [pt.sum(pt.exp(y)), step], target=target)
        f([1.0], 0.5)
        assert refusal(f, [0.0, 1.0], 0.5)[0] == "x must be above 0.5"
        assert refusal(f, [4.0], 3.0)[0] == "grew"
        z = pt.zvector("z")
        g = pt.function([z], pt.sum(pt.check(z, pt.abs(z) < 1, "small").real), target=target)
        assert refusal(g, [0.5j, 2.0])[-1] == "z[1] = (2+0j)"


def test_wrong_checks():
    with pytest.raises(pt.GraphError, match=r"is float64, not bool(.|\n)*compare it"):
        pt.check(x, x * 2)
    with pytest.raises(pt.GraphError, match="names 'y', which is not among the values"):
        pt.check(x, x > 0, "{y}")
    with pytest.raises(pt.GraphError, match="is no format"):
        pt.check(x, x > 0, "{")
    with pytest.raises(pt.GraphError, match="no text"):
        pt.check(x, x > 0, 3)
    with pytest.raises(pt.GraphError, match="checks must be True or False"):
        pt.function([x], x, checks="no")


def test_functions_with_checks_pickle():
    f = pt.function([s], pt.log(pt.check(s, s > 0, "no")), target="interp")
    f = pickle.loads(pickle.dumps(f))
    assert f(1.0) == 0.0
    assert refusal(f, -1.0)[0] == "no"


# In models.


def model(checks, **options):
    mu = pt.random.normal(0.0, 5.0, name="mu")
    scale = pt.check(2 * mu + 1, mu > -3, "mu = {mu} is small", mu=mu)
    y = pt.random.normal(mu, scale, name="y")
    return pt.condition({y: 1.0}, checks=checks, target="interp", **options)


def test_a_density_is_zero_raises_or_goes_on():
    values = {}
    for checks in ("-inf", "raise", False):
        posterior = model(checks)
        values[checks] = posterior.logp_and_grad([0.5])[0]
        copies = (posterior, pickle.loads(pickle.dumps(posterior)), posterior.with_data({"y": 2.0}))
        for made in copies:
            if checks == "raise":
                rows = refusal(made.logp_and_grad, [-4.0])
                assert rows[0] == "mu = -4.0 is small"
                rows = refusal(made.logp_and_grad, [-1.0])
                assert rows[0] == "sigma of normal 'y' must be a number > 0"
                assert rows[-1] == "sigma of normal 'y' = -1.0"
            else:
                found = [made.logp_and_grad([q])[0] for q in (-4.0, -1.0)]
                expected = -np.inf if checks == "-inf" else np.nan
                np.testing.assert_array_equal(found, [expected] * 2)
    assert len(set(values.values())) == 1


def test_what_guards_a_density_is_listed_and_explained():
    posterior = model("-inf")
    assert any("such that its check holds (mu = <mu> is small)" in row for row in posterior.guarded)
    assert "mu = -4.0 is small" in str(posterior.diagnose([-4.0]))
    assert model(False).guarded == ()
    with pytest.raises(ValueError, match="checks= is '-inf', 'raise' or False"):
        model("inf")


def test_sampling_ends_with_the_message_of_a_check():
    with pytest.raises(pt.SamplingError, match=r"start point of chain 0: mu = -4.0 is small"):
        pt.sample(model("raise"), draws=5, tune=5, chains=1, init=[-4.0], progress=False)


def test_a_check_of_a_variable_that_is_summed_out():
    k = pt.random.bernoulli(0.3, name="k")
    y = pt.random.normal(pt.check(k * 1.0, k < 1, "k"), 1.0, name="y")
    with pytest.raises(pt.GraphError, match="depends on a discrete variable that is summed out"):
        pt.condition({y: 1.0}, target="interp")
    assert np.isfinite(pt.condition({y: 1.0}, target="interp", checks=False).logp_and_grad([])[0])


@pytest.mark.parametrize("checks", ["-inf", "raise", False])
@pytest.mark.parametrize("in_loop", [False, True])
def test_a_diagnosis_tells_the_message_of_a_check_with_its_values(checks, in_loop):
    a = pt.random.normal(0, 1, name="a")

    def risen(v, c):
        m = c * v
        return pt.check(m, m < 5, "m is {m}, above {top:.2f}", m=m, top=pt.constant(5.0))

    m = pt.scan(risen, pt.constant([1.0, 2.0]), a)[0][-1] if in_loop else risen(a, 3.0)
    y = pt.random.normal(m, 1.0, name="y")
    posterior = pt.condition({y: 1.0}, checks=checks, target="interp")
    assert "m is" not in posterior.diagnose([1.0])
    text = posterior.diagnose([4.0])
    if checks is False:
        assert "the normal likelihood is" in text
    else:
        value = 8.0 if in_loop else 12.0
        assert f"m is {value}, above 5.00, checked at " in text and "test_checks.py:" in text
        assert "<m>" not in text


def test_values_of_a_step_have_the_names_of_its_parameters():
    def step(row, c):
        return pt.check(c * row, c * row < 3, "grew")

    last = scanned(step, sequences=[x], outputs_info=[s])[-1]
    rows = refusal(pt.function([x, s], last, target="interp"), [1.0, 2.0, 3.0], 1.0)
    assert "mul(c, row) = 6.0" in rows


def test_graphs_with_checks_are_read_back():
    y = pt.check(x, x > 0, "x is {x}", x=x, error=IndexError) * 2
    (again,) = pt.from_json(pt.to_json(y))
    assert pt.graph_hash(again) == pt.graph_hash(y)
    f = pt.function(inputs_of([again]), again, target="interp")
    with pytest.raises(IndexError, match="x is"):
        f([-1.0])
    assert '"why_no_program": null' not in pt.to_json(pt.check(x, x > 0, error=Odd))
