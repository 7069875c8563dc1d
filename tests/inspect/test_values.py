"""Values of compiled code: printed, handed to Python, looked at in a debugger."""

import bdb
import gc
import os
import subprocess
import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor.ops.values.effects import summarised

CPU = ["interp", "machine", "cython"]
x, s = pt.vector("x"), pt.scalar("s")


@pytest.fixture(params=["interp", "machine"])
def target(request):
    gc.collect()  # an equal effect of an earlier test would happen at its place in the order
    if request.param == "cuda":
        request.getfixturevalue("device_driver")
    return request.param


everywhere = pytest.mark.parametrize("target", ["interp", "machine", "cuda"], indirect=True)


def scanned(*args, **options):
    """The outputs of a scan alone."""
    found = pt.scan(*args, **options)
    return found[0] if isinstance(found, tuple) else found


def lines(capsys):
    return capsys.readouterr().out.splitlines()


# In straight code.


@pytest.mark.parametrize("target", CPU)
def test_a_value_is_printed_when_it_is_computed(target, capsys):
    y = pt.debug.print(x * 2, "twice")
    f = pt.function([x], [pt.sum(y), pt.exp(y) - y], target=target)
    assert not lines(capsys)
    total, rest = f([1.0, 2.0])
    assert total == 6.0
    np.testing.assert_allclose(rest, np.exp([2.0, 4.0]) - [2.0, 4.0], rtol=1e-14)
    assert lines(capsys) == ["twice = [2. 4.]"]
    f([3.0])
    assert lines(capsys) == ["twice = [6.]"]


def test_the_name_or_the_call_is_the_label(target, capsys):
    y = pt.debug.print(pt.debug.print(x) + 1)
    pt.function([x], y, target=target)([1.0])
    assert lines(capsys) == ["x = [1.]", "add(x, 1.0) = [2.]"]


def test_effects_keep_the_order_in_which_they_were_made(target, capsys):
    a = pt.debug.print(pt.sum(x), "first")
    b = pt.debug.print(pt.exp(s), "second")
    c = pt.debug.print(b * 0 + 3.0, "third")
    pt.function([x, s], [c, b, a], target=target)([1.0], 0.0)
    assert lines(capsys) == ["first = 1.0", "second = 1.0", "third = 3.0"]


def test_equal_prints_happen_once_and_others_each(target, capsys):
    once = [pt.debug.print(x, "x") for _ in range(2)]
    pt.function([x], once[0] + once[1], target=target)([1.0])
    assert lines(capsys) == ["x = [1.]"]
    a, b = pt.debug.print(x, "a"), pt.debug.print(x, "b")
    pt.function([x], a + b, target=target)([1.0])
    assert lines(capsys) == ["a = [1.]", "b = [1.]"]


def test_functions_with_a_state_of_their_own_are_not_one():
    def counter():
        count = 0

        def counted(value):
            nonlocal count
            count += 1

        return lambda value: counted(value), counted, lambda: count

    inner, outer = [counter(), counter()], [counter(), counter()]
    y = 0
    for k in range(2):
        y += pt.debug.callback(inner[k][0], s) + pt.debug.callback(outer[k][1], s)
    pt.function([s], y, target="interp")(1.0)
    assert [told() for *_, told in (*inner, *outer)] == [1, 1, 1, 1]


def test_functions_made_again_of_the_same_values_are_one():
    values, others = [], []

    def shown(v, into):
        return pt.debug.callback(lambda value: into.append(float(value)), v)

    y = shown(s, values) + shown(s, values) + shown(s, others)
    for appended in (values.append, values.append, others.append):
        y += pt.debug.callback(appended, s * 2)
    pt.function([s], y, target="interp")(1.0)
    assert values == [1.0, 2.0] and others == [1.0, 2.0]


def test_what_nothing_reads_is_not_computed(target, capsys):
    pt.debug.print(x, "unused")
    pt.function([x], x * 2, target=target)([1.0])
    assert not lines(capsys)
    k = pt.lscalar("k")
    pt.function([k], pt.debug.print(k, "k") * 0, target=target)(3)  # 0, whatever k is
    assert lines(capsys) == ["k = 3"]


def test_constants_are_printed_at_each_call_and_not_while_compiling(target, capsys):
    f = pt.function([], pt.debug.print(pt.as_tensor([1.0, 2.0]), "c") * 2, target=target)
    assert not lines(capsys)
    f(), f()
    assert lines(capsys) == ["c = [1. 2.]"] * 2


def test_a_condition_decides_whether(target, capsys):
    y = pt.debug.print(x, "large", when=pt.any(x > 3))
    f = pt.function([x], pt.sum(y), target=target)
    f([1.0]), f([4.0])
    assert lines(capsys) == ["large = [4.]"]
    with pytest.raises(pt.GraphError, match=r"when= is a bool scalar(.|\n)*pt.any"):
        pt.debug.print(x, when=x > 3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([[1.0, np.nan], [np.inf, 3.0]]), "float64[2, 2], min 1, mean 2, max 3, 1 nan"),
        (np.array([], int), "int64[0], no elements"),
        (np.array([True, False]), "bool[2], 1 of 2 true"),
        (np.array(2.5), "float64, min 2.5, mean 2.5, max 2.5"),
        (np.array([3j, 4.0]), "complex128[2], absolute values from 3 to 4"),
        (np.array([np.nan]), "float64[1], 1 nan"),
    ],
)
def test_summaries(value, text):
    assert summarised(value).startswith(text)


def test_all_dtypes_complex_numbers_and_no_elements(target, capsys):
    z, k, b = pt.tensor("z", (None,), "complex128"), pt.lvector("k"), pt.tensor("b", (2,), "bool")
    outputs = [
        pt.imag(pt.debug.print(z, "z")), pt.debug.print(k, "k"), pt.debug.print(b, "b"),
        pt.debug.print(x, "x"), x[pt.debug.print(k, "index")],
    ]  # fmt: skip
    f = pt.function([z, k, b, x], outputs, target=target, on_unused_input="ignore")
    found = f([1 + 2j], [-1, 0], [True, False], [5.0])
    np.testing.assert_array_equal(found[0], [2.0])
    np.testing.assert_array_equal(found[4], [5.0, 5.0])
    assert lines(capsys) == [
        "z = [1.+2.j]", "k = [-1  0]", "b = [ True False]", "x = [5.]", "index = [-1  0]",
    ]  # fmt: skip
    pt.function([x], pt.debug.print(x, "x"), target=target)([])
    assert lines(capsys) == ["x = []"]


def test_shared_variables_draws_bound_data_and_updates(target, capsys):
    w = pt.shared(np.arange(2.0), "w")
    r = pt.debug.print(pt.random.normal(0.0, 1.0, shape=2, name="r"), "draw")
    f = pt.function([], r, updates={w: pt.debug.print(w, "w") + 1}, seed=1, target=target)
    drawn = f()
    f()
    out = lines(capsys)
    assert sorted(out)[:2] == sorted(out[k] for k in range(4) if "draw" in out[k])
    assert [row for row in out if row.startswith("w")] == ["w = [0. 1.]", "w = [1. 2.]"]
    assert out[0] == f"draw = {drawn}"


def test_printing_ends_no_loop(target):
    plain, seen = (
        pt.function([x], [pt.sum(pt.exp(y)), pt.sum(y * y)], target=target)
        for y in (x * 2, pt.debug.print(x * 2))
    )
    kernels = [f.plan.kernels for f in (plain, seen)]
    loops = [f.explain("kernels").count("for ") for f in (plain, seen)]
    assert len(kernels[0]) == 1
    assert loops[1] <= loops[0] + 1  # what stores the value for Python


# In loops, branches and batches.


def test_steps_are_numbered_and_invariants_are_printed_in_each(target, capsys):
    def step(a, c):
        return pt.debug.print(c * a, "c") + pt.sum(pt.debug.print(x, "outside"))

    y = scanned(step, sequences=[pt.as_tensor([1.0, 2.0])], outputs_info=[1.0])[-1]
    f = pt.function([x], y, target=target)
    assert f([1.0]) == 5.0
    shown = ["c (step 0) = 1.0", "outside (step 0) = [1.]"]
    assert lines(capsys) == [*shown, "c (step 1) = 4.0", "outside (step 1) = [1.]"]


def test_a_map_over_rows_runs_step_by_step(target, capsys):
    f = pt.function([x], scanned(lambda a: pt.debug.print(pt.exp(a * 0), "a"), sequences=[x]),
                    target=target)  # fmt: skip
    f([1.0, 2.0])
    assert lines(capsys) == ["a (step 0) = 1.0", "a (step 1) = 1.0"]


@everywhere
def test_while_loops_nested_loops_and_branches(target, capsys):
    y = pt.loop.while_loop(lambda c: c < 5, lambda c: pt.debug.print(c * 2, "w"), s)
    f = pt.function([s], pt.ifelse(s > 1, pt.debug.print(y, "yes"), pt.debug.print(s, "no")),
                    target=target)  # fmt: skip
    assert f(2.0) == 8.0
    assert f(1.0) == 1.0
    assert lines(capsys) == ["w (step 0) = 4.0", "w (step 1) = 8.0", "yes = 8.0", "no = 1.0"]

    def outer(c):
        return scanned(lambda d: pt.debug.print(d + 1, "d"), outputs_info=[c], n_steps=2)[-1]

    pt.function([s], scanned(outer, outputs_info=[s], n_steps=2)[-1], target=target)(0.0)
    assert lines(capsys) == [f"d (step {k // 2}, {k % 2}) = {k + 1.0}" for k in range(4)]


def test_two_loops_do_not_mix_what_they_show(target, capsys):
    a = scanned(lambda c: pt.debug.print(c + 1, "a"), outputs_info=[s], n_steps=2)
    b = scanned(lambda c: pt.debug.print(c + 2, "b"), outputs_info=[s], n_steps=2)
    pt.function([s], a[-1] + b[-1], target=target)(0.0)
    assert [row[0] for row in lines(capsys)] == ["a", "a", "b", "b"]


def test_each_item_of_a_batch(target, capsys):
    m = pt.matrix("m")
    y = pt.vmap(lambda r: pt.debug.print(r * 2, "r", when=r[0] > 0))(m)
    pt.function([m], y, target=target)([[1.0, 2.0], [-1.0, 0.0], [3.0, 4.0]])
    assert lines(capsys) == ["r (item 0) = [2. 4.]", "r (item 2) = [6. 8.]"]


def test_items_show_what_they_compute_alone(target, capsys):
    """All alternatives are computed for a batch, and steps of a loop until the last item ends."""
    def body(a):
        return pt.ifelse(a > 3, pt.debug.print(a * 2, "big"), pt.debug.print(a + 1, "small"))

    y = pt.vmap(lambda r: pt.loop.while_loop(lambda a: a < 10, body, r))(x)
    z = pt.vmap(lambda r: pt.ifelse(r > 3, pt.debug.print(r, "r", when=r < 9), r))(x)
    f = pt.function([x], [y, z], target=target)
    np.testing.assert_array_equal(f([3.0, 4.0, 30.0])[0], [16.0, 16.0, 30.0])
    assert sorted(lines(capsys)) == [
        "big (step 0; item 1) = 8.0", "big (step 1; item 0) = 8.0", "big (step 1; item 1) = 16.0",
        "big (step 2; item 0) = 16.0", "r (item 1) = 4.0", "small (step 0; item 0) = 4.0",
    ]  # fmt: skip
    i = pt.vector("i", dtype="int64")
    bodies = [lambda: pt.debug.print(s, "zero"), lambda: pt.debug.print(s * 2, "one"),
              lambda: scanned(lambda c: pt.debug.print(c, "c"), outputs_info=[s], n_steps=1)[-1]]
    g = pt.function([i, s], pt.vmap(lambda k: pt.loop.switch(k, bodies))(i), target=target)
    g([7, -1, 1], 5.0)
    assert sorted(lines(capsys)) == ["c (step 0; item 0) = 5.0", "one (item 2) = 10.0",
                                     "zero (item 1) = 5.0"]  # fmt: skip
    def inner(k, a):
        bodies = [lambda: pt.debug.print(a, "never"), lambda: pt.debug.print(a * 2, "one")]
        return pt.loop.switch(k, [lambda: a, lambda: pt.loop.switch(k, bodies)])

    pt.function([i, x], pt.vmap(inner)(i, x), target=target)([-1, 1, 0], [4.0, 5.0, 6.0])
    assert lines(capsys) == ["one (item 1) = 10.0"]


# In derivatives.


def test_gradients_pass_and_are_printed_on_request(target, capsys):
    y = pt.debug.print(x**2, "y", gradient=True)
    f = pt.function([x], [pt.sum(y * 3), pt.grad(pt.sum(y * 3), x)], target=target)
    np.testing.assert_allclose(f([1.0, 2.0])[1], [6.0, 12.0])
    assert lines(capsys) == ["y = [1. 4.]", "gradient of y = [3. 3.]"]
    pt.function([x], pt.jvp(pt.sum(y), x, pt.ones_like(x)), target=target)([1.0])
    assert lines(capsys) == ["tangent of y = [2.]"]
    pt.function([x], pt.jacobian(y, x), target=target)([1.0, 2.0])
    assert lines(capsys) == ["gradient of y (item 0) = [1. 0.]", "gradient of y (item 1) = [0. 1.]"]
    hessian = pt.function([x], pt.hessian(pt.sum(pt.debug.print(x**3, "z")), x), target=target)
    np.testing.assert_allclose(hessian([1.0, 2.0]), [[6.0, 0.0], [0.0, 12.0]])


@pytest.mark.parametrize("checkpoint", [None, "sqrt"])
@pytest.mark.parametrize("both", [False, True])
def test_steps_are_shown_once_whatever_a_derivative_runs_again(checkpoint, both, capsys):
    def step(c):
        return pt.sin(pt.debug.print(c * 1.5, "c"))

    y = scanned(step, outputs_info=[s], n_steps=5, checkpoint=checkpoint)[-1]
    for g in (pt.grad(y, s), pt.jvp(y, s, pt.ones_like(s))):
        outputs = [y, g] if both else [g]
        values = pt.function([s], outputs, target="interp")(0.5)
        out = lines(capsys)
        assert [row.split(" = ")[0] for row in out] == [f"c (step {k})" for k in range(5)]
    plain = scanned(lambda c: pt.sin(c * 1.5), outputs_info=[s], n_steps=5)[-1]
    np.testing.assert_allclose(values[-1], pt.grad(plain, s).eval({s: 0.5}), rtol=1e-14)


def test_gradients_of_while_loops_and_stacks(capsys):
    y = pt.loop.while_loop(
        lambda c: c < 10, lambda c: c * pt.debug.print(c, "c", gradient=True), s
    )
    assert pt.function([s], pt.grad(y, s), target="interp")(2.0) == 256 * 8 / 2**8 * 4
    out = lines(capsys)
    assert [row.split(" = ")[0] for row in out] == [
        *(f"c (step {k})" for k in range(2)), *(f"gradient of c (step {k})" for k in (1, 0)),
    ]  # fmt: skip


# Functions of the user.


@pytest.mark.parametrize("target", CPU)
def test_callbacks_get_copies_and_end_the_call_with_their_exception(target):
    seen = []

    def keep(value, other):
        seen.append((value, other))
        if value[0] > 5:
            raise ZeroDivisionError("enough")

    y = pt.debug.callback(keep, x * 2, s)
    z = pt.debug.callback(lambda v: seen.append("later"), y + 1)
    f = pt.function([x, s], pt.sum(z), target=target)
    assert f([1.0], 3.0) == 3.0
    np.testing.assert_array_equal(seen[0][0], [2.0])
    assert seen[0][1] == 3.0
    assert seen[1] == "later"
    seen.clear()
    with pytest.raises(ZeroDivisionError, match="enough") as caught:
        f([4.0], 3.0)
    assert len(seen) == 1  # what follows in the call does not happen
    (note,) = caught.value.__notes__
    assert "pt.debug.callback of " in note
    assert "test_values.py:" in note
    assert f([1.0], 3.0) == 3.0  # the next call is another one


def test_an_exception_in_a_step_says_which():
    def refuse(value):
        if value > 3:
            raise KeyboardInterrupt

    y = scanned(lambda c: pt.debug.callback(refuse, c + 1), outputs_info=[s], n_steps=6)
    with pytest.raises(KeyboardInterrupt) as caught:
        pt.function([s], y[-1], target="machine")(0.0)
    assert "(step 3)" in caught.value.__notes__[0]


def test_two_functions_of_one_name_and_one_function_of_two_graphs():
    seen = []
    found = [
        pt.function([x], pt.debug.callback(lambda v, k=k: seen.append(k), x * 1), target="machine")
        for k in range(3)
    ]
    for f in found:
        f([1.0])
    assert seen == [0, 1, 2]

    class Kept:
        __hash__ = None  # no table takes it

        def __call__(self, value):
            seen.append(value)

    kept = Kept()
    for graph in (x + 1, x + 2):
        pt.function([x], pt.debug.callback(kept, graph), target="machine")([1.0])
    assert [v.tolist() for v in seen[3:]] == [[2.0], [3.0]]


def test_a_callback_may_call_compiled_functions():
    inner = pt.function([x], pt.debug.callback(lambda v: 1 / v[0], x * 1), target="machine")
    outer = pt.function([x], pt.debug.callback(inner, x + 0.0), target="machine")
    np.testing.assert_array_equal(outer([1.0]), [1.0])
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        outer([0.0])
    np.testing.assert_array_equal(outer([1.0]), [1.0])


def test_wrong_calls_of_callbacks():
    with pytest.raises(TypeError, match="cannot be called"):
        pt.debug.callback(3, x)
    with pytest.raises(ValueError, match="8 are the most"):
        pt.debug.callback(print, *[x] * 9)


def test_a_recalled_function_prints_and_calls_the_functions_of_this_process(tmp_path, root):
    """In another process the code is found on disk; what it calls is of that process."""
    text = (
        "import probtensor as pt, os\n"
        "x = pt.vector('x')\n"
        "y = pt.debug.print(x * 3, 'y')\n"
        "z = pt.debug.callback(lambda v: print('seen', v, os.environ['N']), x * 5)\n"
        "print(pt.function([x], y, target='machine')([1.0]))\n"
        "print(pt.function([x], z, target='machine')([1.0]))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(text)
    for n in "12":
        env = {**os.environ, "N": n, "PROBTENSOR_CACHE": str(tmp_path), "PYTHONPATH": str(root)}
        command = [sys.executable, str(script)]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
        assert done.stdout.splitlines() == ["y = [3.]", "[3.]", f"seen [5.] {n}", "[5.]"]


def test_breakpoints_have_the_values_in_scope(monkeypatch):
    scopes = []

    def hook(*args, **kwargs):
        frame = sys._getframe(1)
        scopes.append({k: v for k, v in frame.f_locals.items() if k != "__builtins__"})
        if len(scopes) > 2:
            raise bdb.BdbQuit

    monkeypatch.setattr(sys, "breakpointhook", hook)
    y = pt.debug.breakpoint(pt.log(x), x, s, when=pt.any(x <= 0))
    f = pt.function([x, s], y, target="machine")
    f([1.0], 2.0)
    assert not scopes
    f([-1.0], 2.0)
    assert set(scopes[0]) == {"x", "value1", "s"} or set(scopes[0]) == {"x", "s"}
    assert scopes[0]["s"] == 2.0
    f([-1.0], 2.0)
    with pytest.raises(bdb.BdbQuit):
        f([-1.0], 2.0)


# On a device, in models.


def test_on_a_device(device_driver, capsys):
    def step(c):
        return pt.debug.print(pt.sin(c), "c", gradient=True)

    seen = []
    y = scanned(step, outputs_info=[s], n_steps=2)[-1]
    z = pt.debug.callback(seen.append, x * y, when=s > 0)
    f = pt.function([x, s], [z, pt.grad(y, s)], target="cuda")
    for _ in range(2):  # a graph would be made at the second call
        f([1.0, 2.0], 0.5)
    rows = [row.split(" = ")[0] for row in lines(capsys)]
    names = ["c (step 0)", "c (step 1)", "gradient of c (step 1)", "gradient of c (step 0)"]
    assert sorted(rows) == sorted(names * 2)
    np.testing.assert_allclose(seen, [np.sin(np.sin(0.5)) * np.array([1.0, 2.0])] * 2, rtol=1e-12)
    f([1.0], -0.5)
    assert len(seen) == 2

    def refuse(value):
        raise LookupError("not this")

    g = pt.function([x], pt.debug.callback(refuse, x * 2), target="cuda")
    with pytest.raises(LookupError, match="not this"):
        g([1.0])
    after = pt.loop.while_loop(lambda c: c < 9, lambda c: pt.debug.callback(refuse, c * 2), s)
    h = pt.function([x, s], [pt.exp(x), after], target="cuda")
    with pytest.raises(LookupError, match="not this") as info:
        h([1.0], 1.0)
    assert "step 0" in info.value.__notes__[0]


def test_chains_of_a_density_on_a_device_show_values_on_the_host(device_driver):
    seen = []
    mu = pt.random.normal(0.0, 1.0, name="mu")
    mean = pt.debug.callback(lambda v: seen.append(float(v)), mu)
    y = pt.random.normal(mean, 1.0, name="y")
    posteriors = [pt.condition({y: 1.5}, target=t) for t in ("cuda", "cython")]
    with pytest.warns(UserWarning, match=r"what pt.debug does(.|\n)*these chains run on the CPU"):
        draws = pt.sample(posteriors[0], draws=30, tune=30, chains=1, seed=1, progress=False)
    shown = seen[:]
    seen.clear()
    wanted = pt.sample(posteriors[1], draws=30, tune=30, chains=1, seed=1, progress=False)
    np.testing.assert_array_equal(draws.posterior["mu"], wanted.posterior["mu"])
    assert shown == seen
    with pytest.raises(pt.BuildError, match="runs on the host"):
        pt.sample(posteriors[0], draws=9, tune=9, chains=2, sampler="chees", progress=False)


def test_in_a_density(capsys):
    mu = pt.random.normal(0.0, 1.0, name="mu")
    y = pt.random.normal(pt.debug.print(mu, "mu"), 1.0, name="y")
    posterior = pt.condition({y: 1.0}, target="machine")
    logp, gradient = posterior.logp_and_grad([0.5])
    assert lines(capsys) == ["mu = 0.5"]
    plain = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0}, target="machine")
    np.testing.assert_allclose([logp, *gradient], np.hstack(plain.logp_and_grad([0.5])))
    value = pt.logp(pt.debug.print(pt.exp(mu), "e"), 2.0)
    np.testing.assert_allclose(value.eval(), pt.logp(pt.exp(mu), 2.0).eval())


def test_an_exception_of_a_callback_ends_sampling():
    count = iter(range(10**6))

    def refuse(value):
        if next(count) > 30:
            raise ZeroDivisionError("stop")

    mu = pt.random.normal(0.0, 1.0, name="mu")
    y = pt.random.normal(pt.debug.callback(refuse, mu), 1.0, name="y")
    posterior = pt.condition({y: 1.0}, target="machine")
    with pytest.raises(ZeroDivisionError, match="stop"):
        pt.sample(posterior, draws=50, tune=50, chains=2, cores=1, progress=False)


def test_an_export_has_no_python(tmp_path):
    f = pt.function([x], pt.debug.print(x, "x") + 1, target="interp")
    with pytest.raises(pt.BuildError, match=r"effect_1"):
        f.export(tmp_path / "out", build=False)


# What is computed again.


@pytest.mark.parametrize("outputs", ["value", "gradient", "both"])
def test_what_a_checkpoint_computes_again_is_not_shown_again(target, outputs, capsys):
    y = pt.checkpoint(lambda x: pt.sum(pt.debug.print(pt.exp(x), "e") ** 2))(x)
    g = pt.grad(y, x)
    found = {"value": [y], "gradient": [g], "both": [y, g]}[outputs]
    values = pt.function([x], found, target=target)([0.0, 1.0])
    assert [row.split(" = ")[0] for row in lines(capsys)] == ["e"]
    if outputs != "value":
        np.testing.assert_allclose(values[-1], 2 * np.exp([0.0, 2.0]))


@pytest.mark.parametrize("target", [*CPU, "cuda"])
@pytest.mark.usefixtures("device_driver")
def test_tools_that_compute_a_call_again_repeat_no_effect(target, tmp_path, capsys):
    seen = []
    y = pt.debug.callback(lambda value: seen.append(value), pt.debug.print(pt.exp(x), "e"))
    f = pt.function([x], [pt.sum(y), pt.log(pt.sum(y) - 100.0)], target=target)
    at = np.array([0.0, 1.0])
    assert f.find_nan(at).op == "log"
    assert f.compare("machine" if target != "machine" else "interp", at).equal
    assert f.compare("passes", at).equal
    assert f.audit(at).worst is None and f.report(at, witness=True).judged.found == ()
    assert f.profile(at, n=3).total > 0
    f.dump(tmp_path / "bug.zip", inputs=(at,))
    assert not seen and not lines(capsys)
    with pytest.raises(pt.debug.NonFiniteError), pt.debug.check("nan"):
        f(at)
    assert len(seen) == 1 and len(lines(capsys)) == 1


def test_tools_of_a_posterior_repeat_no_effect(tmp_path, capsys):
    scale = pt.random.half_normal(1.0, name="scale")
    v = pt.random.normal(0.0, pt.debug.print(scale, "scale"), shape=3, name="v")
    y = pt.random.normal(v, 0.5, name="y")
    posterior = pt.condition({y: [1.0, 2.0, 3.0]}, target="machine")
    q = np.zeros(posterior.dim)
    capsys.readouterr()
    assert "scale" in posterior.diagnose(q) and posterior.check_gradient(q)
    posterior.terms(q), posterior.report(q), posterior.profile(q, n=3)
    posterior.dump(tmp_path / "bug.zip", inputs=q)
    posterior.explore(tmp_path / "page.html", q=q)
    assert not lines(capsys)
    posterior.logp(q)
    assert [row.split(" = ")[0] for row in lines(capsys)] == ["scale"]


@everywhere
def test_effects_in_the_condition_of_a_loop(target, capsys):
    y = pt.loop.while_loop(
        lambda c: pt.debug.print(c, "condition") < 10, lambda c: pt.debug.print(c * 2, "body"), s
    )
    assert pt.function([s], y, target=target)(3.0) == 12.0
    names = [row.split(" = ")[0] for row in lines(capsys)]
    assert names == ["condition", *(f"{what} (step {k})" for k in (0, 1)
                                    for what in ("body", "condition"))]  # fmt: skip
