"""Nests of loops and branches with effects: a value and its derivatives run each loop once."""

import random

import numpy as np
import pytest

import probtensor as pt
from probtensor.kernel.ir import Call, walk

AT = 1.3
LOOPS = ("scan", "sum", "elements", "fori", "while", "two", "if")
CHOICES = ("scan", "fori", "if", "sine of if", "checked if", "switch")
AFTER = (lambda v: v, pt.sin, lambda v: pt.exp(v * 0.1), lambda v: v * v * 0.3)


def nest(rng, depth, shown, kinds):
    """A random function of a scalar: loops in loops, with effects at the bottom, and some above."""
    if depth == 0:
        return rng.choice((shown, lambda c: shown(c) * 0.5 + 0.1, lambda c: pt.sin(shown(c))))
    inner, kind, after = nest(rng, depth - 1, shown, kinds), rng.choice(kinds), rng.choice(AFTER)
    above = shown if rng.random() < 0.3 else lambda v: v

    def step(v):
        return above(after(inner(v)))

    def either(v):
        return pt.ifelse(v > -100.0, step(v), v * 0.5)

    def below(state):
        return (pt.abs(state[0]) > 0.01) & (state[1] < 2)

    def improved(state):
        return step(state[0]) * 0.6, state[1] + 1

    def scanned(step, *first, sequences=()):
        return pt.scan(step, sequences=sequences, outputs_info=list(first), n_steps=2)[0]

    def taken(v):
        functions = [lambda u: u * 2, step, lambda u: u * 3]
        return pt.loop.switch(pt.cast(v > -100.0, "int64"), functions, v)

    elements = pt.constant(np.array([0.3, 0.9]))
    return {
        "scan": lambda v: scanned(lambda c: step(c) * 0.7, v)[-1],
        "sum": lambda v: pt.sum(scanned(lambda c: step(c) * 0.7, v)),
        "elements": lambda v: scanned(lambda x, c: step(c * x) + x, v, sequences=[elements])[-1],
        "two": lambda v: scanned(lambda c, d: [step(c) * 0.7, d * 0.5 + c], v, v * 0.2)[1][-1],
        "fori": lambda v: pt.loop.fori_loop(0, 2, lambda _, c: step(c) * 0.6, v, max_steps=4),
        "while": lambda v: pt.loop.while_loop(below, improved, (v, pt.constant(0)), max_steps=4)[0],
        "if": either,
        "sine of if": lambda v: pt.sin(either(v)),
        "checked if": lambda v: pt.check(either(v), v < 100) * v,
        "switch": lambda v: pt.exp(0.1 * taken(v)),
    }[kind]


@pytest.mark.parametrize("kinds", [LOOPS, CHOICES], ids=["loops", "choices"])
@pytest.mark.parametrize("seed", range(16))
def test_effects_of_nests_happen_as_often_with_derivatives(seed, kinds):
    rng = random.Random(seed)
    depth = rng.choice((2, 2, 3))
    seen = []

    def shown(c):
        return pt.debug.callback(lambda v: seen.append(float(v)), c * 1.01 + 0.125)

    s = pt.scalar("s")
    y = nest(rng, depth, shown, kinds)(s)
    slope = pt.grad(y, s)
    wanted = [[y], [y, slope]]
    if depth == 2:
        wanted.append([y, slope, pt.grad(slope, s, disconnected_inputs="ignore")])
    found, values = [], []
    for outputs in wanted:
        f = pt.function([s], outputs, target="interp")
        seen.clear()
        values.append(f(AT))
        found.append(sorted(seen))
    assert found[0]
    for again in found[1:]:
        np.testing.assert_allclose(again, found[0], rtol=1e-12)
        assert len(again) == len(found[0])
    value = pt.function([s], y, target="interp")
    difference = (value(AT + 1e-6) - value(AT - 1e-6)) / 2e-6
    np.testing.assert_allclose(values[1][1], difference, rtol=1e-6, atol=1e-8)


def statements(outputs, inputs, kind):
    plan = pt.function(inputs, outputs, target="interp").plan
    return [stmt for kernel in plan.kernels for stmt in walk(kernel.body) if isinstance(stmt, kind)]


@pytest.mark.parametrize("depth", [2, 3])
def test_the_plan_of_a_nest_has_an_effect_once(depth):
    def around(step):
        return lambda v: pt.scan(lambda c: step(c) * 0.7, outputs_info=[v], n_steps=2)[0][-1]

    def shown(v):
        return pt.debug.callback(lambda value: None, v)

    step = around(lambda v: pt.sin(shown(v)))
    for _ in range(depth - 1):
        step = around(lambda v, inner=step: pt.exp(inner(v)))
    s = pt.scalar("s")
    y = step(s)
    for outputs in ([y], [y, pt.grad(y, s)]):
        calls = statements(outputs, [s], Call)
        assert [call.routine[:9] for call in calls] == ["pt_effect"]


def test_a_branch_reads_what_one_before_it_has_computed():
    m, c = pt.matrix("m"), pt.scalar("c")
    y = pt.ifelse(c > 0, pt.sum(pt.linalg.cholesky(m)), pt.sum(m)) ** 2
    calls = [call.routine for call in statements([y, pt.grad(y, m)], [m, c], Call)]
    assert calls == ["pt_cholesky", "pt_cholesky_gradient"]
    f = pt.function([m, c], [y, pt.grad(y, m)], target="interp")
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    for value, root in ((1.0, np.linalg.cholesky(a)), (-1.0, a)):
        np.testing.assert_allclose(f(a, value)[0], root.sum() ** 2)
    np.testing.assert_allclose(f(a, -1.0)[1], np.full((2, 2), 2 * a.sum()))


def test_branches_within_branches_share_what_they_compute():
    seen = []
    s = pt.scalar("s")

    def shown(c):
        return pt.debug.callback(lambda v: seen.append(float(v)), c + 0.5)

    inner = pt.exp(pt.ifelse(s > 1, pt.sin(shown(s)), s))  # its derivative reads its value
    y = pt.exp(pt.ifelse(s > 0, inner * s, s))
    slope = pt.grad(y, s)
    f = pt.function([s], [y, slope, pt.grad(slope, s)], target="interp")
    for value, effects in ((2.0, 1), (0.5, 0), (-1.0, 0)):
        seen.clear()
        f(value)
        assert len(seen) == effects


def counted(inputs, outputs, *args):
    """How often each value is shown by a call of a function that shows values as text."""
    f = pt.function(inputs, outputs, target="interp")
    SEEN.clear()
    f(*args)
    return sorted(SEEN)


SEEN = []
ITEMS = pt.constant([0.4, 1.0])


def seen(v):
    return pt.debug.callback(lambda value: SEEN.append(float(value)), v)


def over_items(c):
    """A loop with an effect for each item of a batch."""
    return pt.sum(pt.vmap(lambda u: pt.sum(pt.map(lambda v: pt.sin(seen(v)), [u * ITEMS])[0]))(c))


@pytest.mark.parametrize(
    "step", [lambda c: over_items(c * ITEMS), lambda c: pt.sin(seen(c))], ids=["loop", "scalar"]
)
@pytest.mark.parametrize("around", [False, True])
def test_batches_of_derivatives_of_loops_that_items_end(step, around):
    b = pt.vector("b")

    def item(u):
        def below(state):
            return (pt.abs(state[0]) > 0.3) & (state[1] < 2)

        def last(v):
            after = pt.loop.while_loop(
                below, lambda s: (step(s[0]) * 0.6, s[1] + 1), (v, pt.constant(0)), max_steps=3
            )
            return after[0]

        y = pt.sum(pt.vmap(last)(u * ITEMS)) if around else last(u)
        return y, pt.grad(y, u)

    y, slope = pt.vmap(item)(b)
    at = np.array([1.3, 0.4])
    once = counted([b], [y], at)
    assert once and counted([b], [y, slope], at) == pytest.approx(once)
    f = pt.function([b], [y, slope], target="interp")
    difference = (f(at + 1e-6)[0] - f(at - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(f(at)[1], difference, rtol=1e-6)


def loop_shown(v):
    return pt.loop.fori_loop(0, 2, lambda i, c: pt.sin(seen(c)) + 0.1, pt.exp(v)) ** 2


@pytest.mark.parametrize("shown", [lambda v: pt.exp(seen(v * v) ** 2), loop_shown])
@pytest.mark.parametrize("kind", ["vjp", "jvp"])
def test_a_rule_that_calls_its_function_again_shows_it_once(kind, shown):
    def function(v):  # the rule calls it, with no name for what it is given
        return shown(v)

    if kind == "vjp":
        custom = pt.custom_vjp(function)
        custom.defvjp(
            lambda v: (function(v), v), lambda v, g: (g * pt.grad(function(v), v),)
        )
    else:
        custom = pt.custom_jvp(function)
        custom.defjvp(lambda at, t: (function(*at), pt.grad(function(*at), *at) * t[0]))
    s = pt.scalar("s")
    for y in (custom(s * 0.7), pt.loop.fori_loop(0, 2, lambda i, c: custom(c) * 0.2, s)):
        slope = pt.grad(y, s)
        wanted = counted([s], [y], AT)
        assert wanted
        for outputs in ([y, slope], [y, pt.jvp(y, s, 1.0)], [y, slope, pt.grad(slope, s)], [slope]):
            assert counted([s], outputs, AT) == pytest.approx(wanted)


def test_effects_of_a_rule_are_its_own():
    custom = pt.custom_vjp(lambda v: pt.sin(seen(v)))
    custom.defvjp(lambda v: (pt.sin(seen(v)), v), lambda v, g: (g * pt.cos(seen(v * 1.0)),))
    s = pt.scalar("s")
    y = custom(s)
    assert counted([s], [y], AT) == [AT]
    assert counted([s], [y, pt.grad(y, s)], AT) == [AT, AT]


@pytest.mark.parametrize("loop_first", [True, False])
def test_a_loop_and_a_branch_happen_in_order(loop_first):
    s, order = pt.scalar("s"), []

    def loop(v):
        def step(i, c):
            return pt.sin(pt.debug.callback(lambda value: order.append("loop"), c))

        return pt.loop.fori_loop(0, 2, step, v)

    def branch(v):
        def taken(c):
            return pt.debug.callback(lambda value: order.append("branch"), c)

        return pt.loop.switch(pt.cast(v > 0, "int64"), [pt.exp, taken], v)

    first, second = (loop, branch) if loop_first else (branch, loop)
    a, b = first(s * 1.1), second(s * 1.2)
    pt.function([s], pt.where(s > 1, a, b), target="interp")(AT)
    assert order == (["loop", "loop", "branch"] if loop_first else ["branch", "loop", "loop"])
